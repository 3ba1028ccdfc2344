"""How subgroups fared, by hand and against other programs."""

import numpy as np
import pytest
from lifelines.statistics import logrank_test

from helpers import catalogue, parameters, printed_survival, survival_subgroup, synthetic
from helpers.endpoints import Observed
from helpers.reconstruct import ensemble

PAPER = "vah"


def test_numbers_at_risk_are_counted_in_the_table_itself():
    table = ensemble.read(PAPER)
    followed = table[(table["STATUS"] == "refractory") & (table["LSTALVM"] >= 18)]
    counts = followed.groupby("member").size().reindex(table["member"].unique(), fill_value=0)
    shown = survival_subgroup.at_risk(PAPER, "os", {"R": "refractory"}, [18])
    low, high = counts.min(), counts.max()
    assert shown["18 months"].tolist() == [str(low) if low == high else f"{low} to {high}"]


def test_one_more_death_takes_one_share_of_those_at_risk():
    rows = survival_subgroup.one_more_death(PAPER, "os", "all", month=24, within=1, what="all")
    as_it_is, fewer = rows
    table = ensemble.read(PAPER)
    first = table[table["member"] == table["member"].min()]
    at_risk = (first["LSTALVM"] >= 23).sum()
    assert fewer.values[0] == pytest.approx(as_it_is.values[0] * (1 - 1 / at_risk))
    assert (fewer.values < as_it_is.values).all()


def test_subgroups_are_tested_as_lifelines_does():
    p = survival_subgroup.tests(PAPER, "os", {"TP53": "TP53 == 'Y'"})
    found = printed_survival.observed(PAPER, "os")
    mutated = synthetic.members(PAPER).picked("TP53 == 'Y'")[0]
    time, died = found.time[0], found.code[0] == 1
    expected = logrank_test(time[mutated], time[~mutated], died[mutated], died[~mutated]).p_value
    assert p["TP53"].iloc[0] == pytest.approx(expected)
    assert len(p) == synthetic.members(PAPER).size


def test_follow_up_by_hand():
    """Two died, at 2 and 6; two were followed to 4 and 8."""
    found = Observed(
        np.array([[2.0, 4.0, 6.0, 8.0]]), np.array([[1, 0, 1, 0]], np.int8), np.ones((1, 4), bool)
    )
    rows = survival_subgroup.follow_up(found, np.ones((1, 4), bool))
    values = {each.what: each.values[0] for each in rows}
    assert values["observed times, median"] == 5
    assert values["those without the event, median"] == 6
    # Of the three still there at 4 one is lost, and the last at 8.
    assert values["reverse Kaplan–Meier, median"] == 8


def test_events_and_competing_events_can_change_places():
    found = Observed(np.ones((1, 3)), np.array([[0, 1, 2]], np.int8), np.ones((1, 3), bool))
    assert survival_subgroup.swapped(found).code.tolist() == [[0, 2, 1]]
    assert survival_subgroup.without_competing(found).code.tolist() == [[0, 1, 0]]


def outcome(cohort):
    settings = parameters.check({"cohort": cohort}, "cohort", paper=PAPER)
    return survival_subgroup.outcome(settings, paper=PAPER, endpoints=["os", "relapse"])


def test_what_is_printed_of_a_group_is_pinned_and_what_is_not_is_not():
    made = outcome("HSCTFL == 'Y'")
    rows = made.data.set_index("what")
    printed = catalogue.number(PAPER, "res_os_12m_hsct").value
    assert rows.loc["overall survival at 12 months (%)", "lowest"] == printed
    assert rows.loc["overall survival at 12 months (%)", "agreement"] == "pinned"
    assert "hazard ratio" in made.summary
    genes = outcome("TET2 == 'Y'").data.set_index("what")
    assert genes.loc["overall survival at 12 months (%)", "agreement"].startswith("not determined")


def test_nobody_and_few_are_told():
    assert "there is nothing to estimate" in outcome("AGE > 65").summary
    few = outcome("VENCYC == 3 and HSCTFL == 'Y' and STATUS == 'refractory' or RELHSCT2 == 'Y'")
    assert "no curve is drawn" in few.summary
    assert len(few.parts) == 1


def test_everyone_has_no_rest():
    made = outcome("")
    assert not made.data["what"].str.contains("hazard ratio").any()
    assert "All 96 patients" in made.summary
