"""Cohorts without a paper's comparisons: stored as they are made, with all other numbers."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from helpers import relaxed
from helpers.errors import DataError, KitError
from helpers.reconstruct import ensemble, verification

DATA = Path(__file__).parents[1] / "data"
PAPER = "hma_ldac"


@pytest.fixture(scope="module")
def made():
    return relaxed.make(PAPER, members=2)


def test_what_is_stored_is_what_is_made(made):
    """With the stored seed, on any machine."""
    stored = relaxed.read(PAPER)
    about = relaxed.about(PAPER)
    assert about["seed"] == 1
    assert about["members"] == stored["member"].nunique() == 200
    assert "not real patients" in about["label"]
    first = stored[stored["member"] <= 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, made, check_dtype=False)


def test_stored_cohorts_have_every_number_but_the_comparisons():
    stored = relaxed.read(PAPER)
    stored = stored[stored["member"] <= 50]
    found = verification.verify(PAPER, stored)
    missed = verification.missed(found)
    assert set(missed["id"]) == set(relaxed.left_out(PAPER)) == {"abs_p_os", "abs_p_efs"}
    assert relaxed.about(PAPER)["left out"] == relaxed.left_out(PAPER)
    assert not len(verification.broken(PAPER, stored))
    some = found.set_index("id").loc["abs_p_os"]
    assert some["members_agreeing"] < 25


def test_they_are_not_those_of_the_ensemble(made):
    theirs = ensemble.read(PAPER)
    one = theirs[theirs["member"] == 1].reset_index(drop=True)
    assert not np.allclose(one["LSTALVM"], made.loc[made["member"] == 1, "LSTALVM"])


@pytest.fixture
def root(tmp_path, monkeypatch):
    shutil.copytree(
        DATA / PAPER, tmp_path / "data" / PAPER, ignore=shutil.ignore_patterns("*cohorts*")
    )
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    return tmp_path


def test_written_and_read_again(root, made):
    place = relaxed.write(PAPER, made, seed=1)
    assert place == relaxed.file(PAPER) == root / "data" / PAPER / "cohorts_relaxed.parquet"
    pd.testing.assert_frame_equal(relaxed.read(PAPER), made)
    told = json.loads(pq.read_schema(place).metadata[b"trial_by_notebook"])
    assert told["label"] == relaxed.LABEL


def test_cohorts_without_another_number_are_not_stored(root, made):
    wrong = made.assign(DTHM=np.nan)
    with pytest.raises(KitError, match="abs_os_median_hma"):
        relaxed.write(PAPER, wrong)
    assert not relaxed.file(PAPER).exists()


def test_what_is_missing_or_something_else_is_told(root):
    with pytest.raises(DataError, match="reconstruct hma_ldac --relaxed"):
        relaxed.read(PAPER)
    relaxed.file(PAPER).write_bytes(b"nothing")
    with pytest.raises(DataError, match="cohorts_relaxed"):
        relaxed.about(PAPER)
    shutil.copy(ensemble_file(), relaxed.file(PAPER))
    with pytest.raises(DataError, match="cohorts_relaxed"):
        relaxed.read(PAPER)
    with pytest.raises(KitError, match="1 or more"):
        relaxed.make(PAPER, members=0)


def test_without_a_comparison_there_is_nothing_to_leave_out(root):
    numbers = root / "data" / PAPER / "published.csv"
    rows = numbers.read_text("utf-8").splitlines(keepends=True)
    kept = [row for row in rows if not row.startswith(("abs_p_os,", "abs_p_efs,"))]
    assert len(kept) == len(rows) - 2
    numbers.write_text("".join(kept), encoding="utf-8")
    with pytest.raises(KitError, match="no survival times are compared"):
        relaxed.make(PAPER)


def ensemble_file():
    return DATA / PAPER / "cohorts.parquet"
