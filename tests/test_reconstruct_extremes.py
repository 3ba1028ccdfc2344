"""The ends that are searched for lie outside the stored ones, in cohorts with every number."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lifelines import KaplanMeierFitter

from helpers import catalogue
from helpers.errors import DataError, KitError
from helpers.reconstruct import apart, ensemble, extremes, members, verification

ROOT = Path(__file__).parents[1]
PAPER = "hma_ldac"
MONTH = 5


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extremes, "_ROUNDS", 3)
        return extremes.search_survival(PAPER, endpoint="os", month=MONTH, starts=1)


def survival(cohort, month=MONTH):
    """Return overall survival in per cent, as lifelines draws it."""
    fit = KaplanMeierFitter()
    fit.fit(cohort["DTHM"].fillna(cohort["LSTALVM"]), cohort["DTHM"].notna())
    return 100 * fit.predict(month)


def test_the_search_goes_beyond_the_stored_cohorts(found):
    stored = ensemble.read(PAPER).groupby("member")[["DTHM", "LSTALVM"]].apply(survival)
    assert found.least_stored == pytest.approx(stored.min())
    assert found.greatest_stored == pytest.approx(stored.max())
    assert found.least < stored.min() - 1
    assert found.greatest > stored.max() + 1


def test_the_cohorts_found_have_that_survival_and_every_number(found):
    low, high = (each for _, each in found.cohorts.groupby("member"))
    assert survival(low) == pytest.approx(found.least)
    assert survival(high) == pytest.approx(found.greatest)
    assert verification.missed(verification.verify(PAPER, found.cohorts)).empty
    assert list(found.cohorts) == list(ensemble.read(PAPER))


def test_of_some_patients_only():
    plan = members.plan(PAPER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extremes, "_ROUNDS", 1)
        found = extremes.search_survival(
            PAPER, endpoint="os", month=3, group="ARM == 'LDAC'", starts=1
        )
    assert found.quantity.group == "ARM == 'LDAC'"
    low, high = (each[each["ARM"] == "LDAC"] for _, each in found.cohorts.groupby("member"))
    assert survival(low, 3) == pytest.approx(found.least)
    assert survival(high, 3) == pytest.approx(found.greatest)
    assert plan.again is None


@pytest.mark.parametrize("paper", ["hma_ldac", "mini_hcvd", "vah"])
def test_a_stored_cohort_can_be_searched_from(paper):
    """What the search says of it is what the verification says: nothing is missing."""
    stored = ensemble.read(paper)
    plan = members.plan(paper)
    member = stored[stored["member"] == stored["member"].iloc[-1]]
    begun = members.begin(plan, member)
    assert apart.kept(np.random.default_rng(1), begun.begun, begun.arrays)


def test_a_cohort_that_lacks_a_number_is_refused():
    stored = ensemble.read(PAPER)
    member = stored[stored["member"] == 1].copy()
    dead = member["DTHM"].idxmin()
    member.loc[dead, ["DTHM", "LSTALVM"]] = 15.0
    with pytest.raises(KitError, match="lacks a published number"):
        members.begin(members.plan(PAPER), member)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"endpoint": "nothing"}, "no endpoint with a survival curve; right would be: os or efs"),
        ({"starts": 0}, "starts: given 0"),
        ({"month": -1}, "month -1"),
        ({"group": "ARM = 1"}, "ARM"),
    ],
)
def test_what_cannot_be_searched_is_told(asked, told):
    with pytest.raises(KitError, match=told):
        extremes.search_survival(PAPER, **{"endpoint": "os", "month": MONTH} | asked)


def test_a_month_after_everyone_s_follow_up_is_told():
    with pytest.raises(KitError, match="no stored cohort tells it; right would be: an earlier"):
        extremes.search_survival("vah", endpoint="os", month=400)


def test_who_is_dealt_out_anew_is_no_group():
    """Where deaths are filled in from the times, patients' ages change hands with them."""
    with pytest.raises(KitError, match="AGE changes hands when times change") as refused:
        extremes.search_survival("vah", endpoint="os", month=18, group="AGE < 40")
    assert "STATUS" in str(refused.value)


def test_a_competing_endpoint_has_no_survival_curve():
    assert catalogue.load("vah").endpoints["relapse"].competing
    with pytest.raises(KitError, match="relapse: no endpoint with a survival curve"):
        extremes.search_survival("vah", endpoint="relapse", month=18)


def test_without_an_ensemble_there_is_nothing_to_begin_from(tmp_path, monkeypatch):
    import shutil

    shutil.copytree(
        ROOT / "data" / PAPER, tmp_path / "data" / PAPER, ignore=shutil.ignore_patterns("*cohorts*")
    )
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    with pytest.raises(DataError, match="no reconstructed ensemble"):
        extremes.search_survival(PAPER, endpoint="os", month=MONTH)


def test_the_command_says_both_ranges():
    result = subprocess.run(
        [sys.executable, "-m", "helpers", "extremes", PAPER, "--endpoint=os", "--month=5"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    what, stored, searched = result.stdout.splitlines()
    assert what == "overall survival at 5 months of all patients"
    assert stored.endswith(" % over the stored synthetic cohorts")
    assert "every number that the paper prints" in searched
    (a, b), (c, d) = (
        [float(each) for each in line.split(" %")[0].split("–")] for line in (stored, searched)
    )
    assert c <= a < b <= d


def test_a_wrong_command_is_one_line():
    result = subprocess.run(
        [sys.executable, "-m", "helpers", "extremes", "nobody", "--endpoint=os", "--month=5"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert result.returncode == 2
    assert "no paper 'nobody'" in result.stderr
