"""Whole members: made the same again, stored, read, and refused where the numbers don't fit."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from helpers import audit, paths
from helpers.errors import DataError, KitError
from helpers.reconstruct import categorical, ensemble, members, search, times, verification

TIMES = ["RSPM", "NRSPM", "RLPM", "HSCTM", "DTHM", "LSTALVM"]


@pytest.fixture(scope="module")
def two():
    prepared = members.plan("hma_ldac")
    return [members.member(prepared, [1, number]) for number in (1, 2)]


def test_a_member_has_every_printed_number(two):
    found = verification.verify("hma_ldac", two[0].assign(member=1))
    required = found[found["status"] == "required"]
    # 8.3 (6.7-9.8) and 5.7 (4.1-7.3) months, 6.1 and 3.9 months, P 0.04 and 0.02, and the counts.
    assert {"abs_os_median_hma", "abs_os_median_ldac", "abs_p_os", "abs_p_efs"} <= set(
        required["id"]
    )
    assert (required["members_agreeing"] == 1).all()


def test_members_differ_and_the_same_seed_gives_the_same(two):
    assert not two[0][TIMES].equals(two[1][TIMES])
    again = members.member(members.plan("hma_ldac"), [1, 1])
    assert_frame_equal(two[0], again)


def test_times_are_whole_days_in_a_possible_order(two):
    table = two[0]
    days = table[TIMES] * 30.4375
    known = days.notna()
    assert np.allclose(days[known].round(), days[known], equal_nan=True)
    assert (table["RLPM"].dropna() > table.loc[table["RLPM"].notna(), "RSPM"]).all()
    died = table["DTHM"].notna()
    assert (table.loc[died, "DTHM"] == table.loc[died, "LSTALVM"]).all()


def test_an_ensemble_is_stored_as_it_was_and_says_what_it_is(two, tmp_path, monkeypatch):
    shutil.copytree(paths.root() / "data", tmp_path / "data")
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    table = pd.concat([each.assign(member=n) for n, each in enumerate(two, 1)], ignore_index=True)
    table.insert(0, "member", table.pop("member"))
    ensemble.write("hma_ldac", table, seed=1)
    assert_frame_equal(ensemble.read("hma_ldac"), table, check_dtype=False)
    told = ensemble.about("hma_ldac")
    assert "synthetic" in told["label"]
    assert (told["members"], told["seed"]) == (2, 1)
    verdicts = audit.ledger("hma_ldac").set_index("id")["verdict"]
    assert verdicts["abs_os_median_hma"] == "satisfied"
    assert verdicts["abs_p_crc"] == "inconsistent"


def test_a_cohort_that_lacks_a_number_is_not_stored(two, tmp_path, monkeypatch):
    shutil.copytree(paths.root() / "data", tmp_path / "data")
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    before = ensemble.file("hma_ldac").read_bytes()
    wrong = two[0].assign(member=1)
    wrong[TIMES] *= 2
    with pytest.raises(KitError):
        ensemble.write("hma_ldac", wrong, seed=1)
    assert ensemble.file("hma_ldac").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no parquet", None])
def test_a_file_that_is_no_ensemble_gets_one_clear_line(content, tmp_path, monkeypatch):
    shutil.copytree(paths.root() / "data", tmp_path / "data")
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    place = ensemble.file("hma_ldac")
    place.unlink(missing_ok=True)
    if content is not None:
        place.write_bytes(content)
    with pytest.raises(DataError, match="hma_ldac"):
        ensemble.read("hma_ldac")
    with pytest.raises(DataError, match="hma_ldac"):
        ensemble.about("hma_ldac")


@pytest.mark.parametrize(("paper", "patients"), [("hma_ldac", 70), ("mini_hcvd", 22)])
def test_stored_ensembles_have_whole_cohorts(paper, patients):
    table = ensemble.read(paper)
    sizes = table.groupby("member").size()
    assert sizes.nunique() == 1
    assert sizes.iloc[0] == patients
    assert len(sizes) == ensemble.about(paper)["members"] == 200
    assert table.groupby("member")["LSTALVM"].agg(lambda each: tuple(sorted(each))).nunique() == 200


def test_the_command_refuses_an_unknown_paper():
    done = subprocess.run(
        [sys.executable, "-m", "helpers", "reconstruct", "nosuch"],
        capture_output=True,
        text=True,
        cwd=paths.root(),
    )
    assert done.returncode == 2
    assert "nosuch" in done.stderr
    assert "Traceback" not in done.stderr


def test_members_from_one_start_part_and_leave_it_as_it_is():
    prepared = members.plan("hma_ldac")
    begun = members.start(prepared, [1, 1])
    before = begun.begun["day"].copy()
    both = [members.member(prepared, [1, number], begun) for number in (1, 2)]
    assert_frame_equal(both[0], members.member(prepared, [1, 1]))
    assert (begun.begun["day"] == before).all()
    assert (both[0]["LSTALVM"] != both[1]["LSTALVM"]).mean() > 0.5
    found = verification.verify(
        "hma_ldac", pd.concat([t.assign(member=i) for i, t in enumerate(both)])
    )
    assert verification.missed(found).empty


def test_transplants_that_no_endpoint_asks_for_are_dated_anew_within_their_bounds():
    prepared = members.plan("vah")
    rng = np.random.default_rng(3)
    patients = categorical.solve(prepared.model, seed=5)
    drawn = times.problem(prepared.asked, patients, prepared.flags, prepared.variables)
    begun = times.start(prepared.asked, patients, drawn, rng)
    before = begun["day"].copy()
    members._date_transplants(rng, begun, drawn.arrays)
    day = begun["day"]
    had = before[:, search.TRANSPLANT] < search.NEVER
    assert had.sum() == 40  # as printed
    assert (day[had, search.TRANSPLANT] != before[had, search.TRANSPLANT]).mean() > 0.8
    others = [c for c in range(search.COLUMNS) if c != search.TRANSPLANT]
    assert (day[:, others] == before[:, others]).all()
    first, last = prepared.asked.paper.reconstruct.days["transplant"]
    assert day[had, search.TRANSPLANT].min() >= first
    assert day[had, search.TRANSPLANT].max() <= last
    for i in np.flatnonzero(had):
        assert search.allowed(day, i, begun["least"], begun["most"], begun["must"])
