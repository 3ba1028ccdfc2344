"""Dose-finding designs side by side: a small 3+3 by hand, and what a panel says of it."""

import pytest

from helpers import dose_finding, parameters, phase_one
from helpers.errors import KitError


def settings(**values):
    return parameters.check(values, "escalation", paper="mini_hcvd")


def outcome(**values):
    return phase_one.design(settings(**values), paper="mini_hcvd")


def test_a_3_plus_3_of_two_doses_by_hand():
    """Dose 1 never toxic: what is left is binomial at dose 2."""
    found = outcome(doses=2, dlt_percent_1=0, dlt_percent_2=30, dlt_percent_3=30)
    three = found.data[found.data["design"] == "3+3"].set_index("dose")["recommended"]
    none_of_three, one_of_three = 0.7**3, 3 * 0.3 * 0.7**2
    at_most_one_of_six = none_of_three * (none_of_three + one_of_three)
    at_most_one_of_six += one_of_three * none_of_three
    assert three[2] == pytest.approx(at_most_one_of_six)
    assert three[0] == pytest.approx(0)
    # 30 % is nearer to 25 % than 0 is, and above it.
    assert f"recommends it with probability {at_most_one_of_six:.0%}" in found.summary
    assert f"above the target with {at_most_one_of_six:.0%}" in found.summary


@pytest.mark.parametrize("name", ["3+3", "BOIN", "keyboard", "CRM"])
def test_toxic_doses_are_not_recommended(name):
    rates = {f"dlt_percent_{dose}": 100 for dose in range(1, 6)}
    found = outcome(design=name, **rates)
    mine = found.data[found.data["design"] == name].set_index("dose")
    assert mine.loc[0, "recommended"] == 1
    assert "none with 100%" in found.summary


def test_safe_doses_lead_to_the_highest():
    rates = {f"dlt_percent_{dose}": 0 for dose in range(1, 6)}
    found = outcome(doses=3, **rates)
    highest = found.data[found.data["dose"] == 3].set_index("design")["recommended"]
    assert (highest == 1).all()


def test_the_same_settings_give_the_same():
    first, again = outcome(design="CRM"), outcome(design="CRM")
    phase_one._compared.cache_clear()
    anew = outcome(design="CRM")
    assert first.summary == again.summary == anew.summary


def test_the_words_name_what_the_design_leaves_aside():
    assert "knows no target" in outcome().summary
    assert "Whole cohorts make 28 patients" in outcome(design="BOIN", cohort_size=4).summary
    assert "Whole cohorts" not in outcome(design="BOIN").summary


def test_long_trials_are_simulated_less_often_and_it_is_said():
    many = outcome(doses=5, patients=60, cohort_size=1)
    assert f"{phase_one._FEWEST_TRIALS} simulated" in repr(many.parts[1].gt.as_raw_html())
    usual = outcome()
    assert f"{phase_one.TRIALS:,} simulated" in usual.parts[1].gt.as_raw_html()


def test_rates_that_fall_are_refused():
    with pytest.raises(KitError, match="falls"):
        outcome(dlt_percent_1=50)


def test_a_path_is_told_cohort_by_cohort():
    rule = dose_finding.ThreePlusThree(doses=2)
    path = dose_finding.follow(rule, [(1, 3, 0), (2, 3, 2)])
    picture = phase_one.draw_path(path, doses=["low", "high"], title="Made up")
    assert "Made up: cohort 1 at low, 0 of 3 with a DLT" in picture.alt
    assert "cohort 2 at high, 2 of 3 with a DLT: dose 2 is too toxic" in picture.alt


def test_decisions_leave_out_rows_without_a_choice():
    design = dose_finding.BOIN(doses=2, target=0.25, patients=6)
    shown = phase_one.decisions(design.decision_table(), caption="x").data
    # Of three: up, down, down, never again; of six with four or more: never again.
    assert shown["3"].tolist()[:4] == ["E ↑", "D ↓", "D ↓", "DU ✗"]
    assert shown["dlts"].astype(int).max() < 6


def test_a_three_plus_three_as_a_state_machine():
    """By hand: after one of three, three more; two of the six are too many."""
    rule = dose_finding.ThreePlusThree(doses=2)
    path = dose_finding.follow(rule, [(1, 3, 0), (2, 3, 0), (2, 3, 0)])
    table = phase_one.machine(rule, doses=["low", "high"], path=path, caption="States")
    rows = table.data.set_index(["dose_0", "dose_1", "dose"]).sort_index()
    assert rows.loc[("1 of 3", "–", "low"), "next"] == "stay at low"
    assert rows.loc[("2+ of 6", "–", "low"), "next"] == "stop: no dose is recommended"
    assert rows.loc[("1 of 6", "2+ of 3", "high"), "next"] == "stop: low is recommended"
    rows = table.data.set_index(["dose_0", "dose_1"])
    marked = rows[rows["mark"] != ""]
    assert marked["mark"].tolist() == ["cohort 1", "cohort 2", "cohort 3"]
    assert marked.index.tolist() == [("0 of 3", "–"), ("0 of 3", "0 of 3"), ("0 of 3", "0 of 6")]
    # What counts as one state has one way on.
    assert not table.data.duplicated(["dose_0", "dose_1", "dose"]).any()
