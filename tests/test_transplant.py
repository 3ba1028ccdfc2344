"""A transplant during follow-up: its month, three analyses, and one that does nothing."""

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxTimeVaryingFitter, KaplanMeierFitter

from helpers import catalogue, parameters, printed_survival, synthetic, transplant
from helpers.errors import KitError
from helpers.reconstruct.member_arrays import Members

PAPER = "vah"
NAN = float("nan")


def members(**columns):
    size = len(columns["HSCTM"])
    table = pd.DataFrame({"member": [1] * size} | columns)
    return Members(table, catalogue.load(PAPER).variables)


def test_the_months_of_transplants_by_hand():
    """After the delay; halfway to the relapse; with its response; none."""
    four = members(
        RSPM=[1.0, 1.0, 3.0, 2.0],
        RLPM=[NAN, 3.0, NAN, NAN],
        HSCTM=[7.0, 2.5, 3.0, NAN],
        DTHM=[NAN, 9.0, NAN, NAN],
        LSTALVM=[20.0, 9.0, 20.0, 20.0],
    )
    when = transplant.assumed_times(four, 2.0)
    assert when.tolist() == [[3.0, 2.0, 3.0, pytest.approx(NAN, nan_ok=True)]]


def test_no_assumed_transplant_is_after_the_end_or_before_its_response():
    found = synthetic.members(PAPER)
    for delay in (0.0, 3.0, 12.0):
        when = transplant.assumed_times(found, delay)
        had = ~np.isnan(found.history["HSCTM"])
        assert (np.isnan(when) == ~had).all()
        assert (when[had] <= found.history["LSTALVM"][had]).all()
        moved = had & (found.history["HSCTM"] > found.history["RSPM"])
        assert (when[moved] >= found.history["RSPM"][moved]).all()


@pytest.mark.parametrize("delay", [-1.0, NAN, float("inf")])
def test_an_impossible_delay_is_refused(delay):
    with pytest.raises(KitError, match="0 or more months"):
        transplant.assumed_times(synthetic.members(PAPER), delay)


def rows_of_one_member(when):
    found = printed_survival.observed(PAPER, "os")
    rows = []
    for who, (time, code, change) in enumerate(
        # A transplant on the day of a death comes out so in months, too.
        zip(found.time[0].round(9), found.code[0], when[0].round(9), strict=True)
    ):
        cut = change if change < time else time
        rows.append((who, 0.0, cut, 0, bool(code) and cut == time))
        if cut < time:
            rows.append((who, cut, time, 1, bool(code)))
    return pd.DataFrame(rows, columns=["id", "start", "stop", "state", "event"])


def test_the_time_dependent_ratio_is_that_of_lifelines():
    found, everyone = printed_survival.observed(PAPER, "os"), synthetic.members(PAPER)
    when = transplant.assumed_times(everyone, 3.0)
    made = transplant.analyses(found, when, found.included, landmark=6)
    fit = CoxTimeVaryingFitter().fit(
        rows_of_one_member(when), id_col="id", start_col="start", stop_col="stop", event_col="event"
    )
    ratio, lower, upper, p = (made[place].values[0] for place in (2, 3, 4, 5))
    assert ratio == pytest.approx(fit.hazard_ratios_["state"], rel=1e-3)
    assert [lower, upper] == pytest.approx(
        np.exp(fit.confidence_intervals_.loc["state"]).tolist(), rel=1e-3
    )
    assert p == pytest.approx(fit.summary.loc["state", "p"], rel=0.01)


def test_the_landmark_counts_everyone_once():
    found = printed_survival.observed(PAPER, "os")
    when = transplant.assumed_times(synthetic.members(PAPER), 2.0)
    *_, moved, others, gone = transplant.analyses(found, when, found.included, landmark=4)
    assert set(moved.values + others.values + gone.values) == {96.0}
    died = ((found.time <= 4) & (found.code == 1)).sum(axis=-1)
    assert (gone.values >= died).all()


def test_the_longer_they_waited_the_less_is_left():
    table = transplant.by_delay(PAPER, "os", [0.5, 3, 6], group="all", landmark=6)
    last = [float(text.split(" to ")[0]) for text in table["time-dependent"]]
    assert last == sorted(last)
    assert table["ever"].nunique() == 1


def test_a_transplant_that_does_nothing_looks_good_in_the_wrong_way_only():
    ever, _, timed = transplant.without_effect(PAPER, "os", delay=4.0, share=0.7, seed=3)
    assert np.nanmedian(ever.values) < 0.75
    assert np.nanmedian(timed.values) == pytest.approx(1, abs=0.25)
    again = transplant.without_effect(PAPER, "os", delay=4.0, share=0.7, seed=3)
    assert (again[0].values == ever.values).all()


def test_simon_and_makuchs_curves_are_those_of_late_entry():
    found, everyone = printed_survival.observed(PAPER, "os"), synthetic.members(PAPER)
    when = transplant.assumed_times(everyone, 2.0)
    data = transplant.simon_makuch_data(found, when, found.included, start=3.0)
    rows = rows_of_one_member(when)
    for curve, state in zip(data.curves, (1, 0), strict=True):
        mine = rows[(rows["state"] == state) & (rows["stop"] > 3)]
        fit = KaplanMeierFitter().fit(
            mine["stop"], mine["event"], entry=mine["start"].clip(lower=3.0)
        )
        told = curve.told.set_index("month")["value"]
        assert told[12.0] == pytest.approx(fit.predict(12.0))
        assert told[18.0] == pytest.approx(fit.predict(18.0))
        band = curve.band.dropna()
        assert (band["lowest"] <= band["highest"]).all()


GROUPS = ("cohort", "landmark", "transplant_time")


def outcome(**values):
    settings = parameters.check(values, *GROUPS, paper=PAPER)
    return transplant.outcome(settings, paper=PAPER, endpoint="os")


def test_the_summary_says_what_was_assumed():
    assert "assumed to have come 4 months after" in outcome(transplant_delay_months=4.0).summary
    assert "happen to have them" in outcome(transplant_time="as in the cohorts").summary
    assert "from month 4 on" in outcome(landmark_months=4).summary


def test_without_two_groups_nothing_is_compared():
    made = outcome(cohort="HSCTFL == 'Y'")
    assert "nothing can be compared" in made.summary
    assert made.parts == ()


@pytest.mark.parametrize("curves_of", ["ever transplanted", "landmark", "time-dependent"])
def test_each_way_has_its_curves(curves_of):
    drawn = outcome(curves_of=curves_of).parts[0]
    assert "transplanted" in drawn.alt
    assert ("is assumed" in drawn.alt) == (curves_of != "ever transplanted")
