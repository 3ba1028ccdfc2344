"""Who enters a trial and what it will know: outcomes of a lesson's settings, and its panels."""

import numpy as np
import pandas as pd
import pytest

from helpers import (
    catalogue,
    eligibility,
    parameters,
    screening,
    single_arm,
    trial_answers,
    trial_design,
    trial_entry,
    trial_panels,
    trial_settings,
)
from helpers.errors import KitError, ParameterError

TRIAL = "nct06991920"
ENTRY = ("entry", "screening", "seed")
DESIGN = ("seed", "transplant", "design")


def entry_settings(**changed):
    return parameters.check(changed, *ENTRY, paper=TRIAL)


def design_settings(**changed):
    return parameters.check(changed, *DESIGN, paper=TRIAL)


# --- settings ----------------------------------------------------------------------------------


def test_thresholds_start_as_registered():
    rules = eligibility.load(TRIAL)
    fields = trial_settings.thresholds(TRIAL)
    assert set(fields) == {f"{each.id}_limit" for each in rules.criteria if each.range}
    for name, (kind, field) in fields.items():
        assert field.default == rules[name.removesuffix("_limit")].threshold
        assert type(field.default) is kind


@pytest.mark.parametrize(
    "wrong", [{"age_limit": 80}, {"patients": 5}, {"reading": "progression-free survival"}]
)
def test_what_the_folder_does_not_allow_is_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        parameters.check(wrong, "entry", "design", "readings", paper=TRIAL)


# --- who enters --------------------------------------------------------------------------------


def test_the_population_is_that_of_the_make_up_until_it_is_moved():
    rules = eligibility.load(TRIAL)
    plain = screening.population(screening.load(TRIAL), rules.variables, size=200, seed=1)
    pd.testing.assert_frame_equal(trial_entry.population(entry_settings(), paper=TRIAL), plain)
    moved = trial_entry.make_up(
        entry_settings(older_by_years=10, organ_values_times=2.0, missing_times=0.0), paper=TRIAL
    )
    base = screening.load(TRIAL).variables
    assert moved.variables["AGE"].mean == base["AGE"].mean + 10
    assert moved.variables["ALT"].median == 2 * base["ALT"].median
    assert {each.missing for each in moved.variables.values()} == {0.0}
    assert moved.variables["LVEF"].mean == base["LVEF"].mean


def test_the_frail_can_be_more_and_the_others_share_the_rest():
    """0.22 + 0.10 + 0.03 are twice as many then: 0.70. The other 0.30 go 20 to 45."""
    moved = trial_entry.make_up(entry_settings(frail_times=2.0), paper=TRIAL)
    shares = moved.variables["ECOG"].shares
    expected = {"0": 0.3 * 20 / 65, "1": 0.3 * 45 / 65, "2": 0.44, "3": 0.20, "4": 0.06}
    assert shares == pytest.approx(expected)
    most = trial_entry.make_up(entry_settings(frail_times=2.5), paper=TRIAL)
    assert sum(most.variables["ECOG"].shares.values()) == pytest.approx(1)
    nobody = trial_entry.population(entry_settings(frail_times=0.0), paper=TRIAL)
    assert set(nobody["ECOG"]) == {0, 1}


def test_who_enters_is_counted_as_by_hand():
    asked = entry_settings(age_limit=30, ecog_limit=1)
    found = trial_entry.entry(asked, paper=TRIAL, places=10)
    people = trial_entry.population(asked, paper=TRIAL)
    assert found.data.loc["age", "fails"] == (people["AGE"] < 30).sum()
    assert found.data.loc["ecog", "fails"] == (people["ECOG"] > 1).sum()
    assert found.data.loc["lvef", "undecided"] == people["LVEF"].isna().sum()
    eligible = found.data["remaining"].iloc[-1]
    assert f"{eligible} are eligible" in found.summary
    assert "Age ≥ 30 years instead of ≥ 14 years (stricter)" in found.summary
    assert f"Enrolled, {min(10, eligible)}" in found.parts[0].alt


def test_the_flow_diagram_gives_each_who_leaves_one_reason():
    people = trial_entry.population(entry_settings(), paper=TRIAL)
    found = eligibility.evaluate(eligibility.load(TRIAL), people)
    words = trial_entry.diagram(found, places=50).alt
    for step in eligibility.consort(found, places=50):
        if step.leaves:
            assert f"{step.label}" in words
            assert f", {step.n}" in words
        for reason, n in step.reasons:
            assert f"{reason}, {n}" in words
    assert "synthetic" in words.lower()


def test_nobody_enters_where_nothing_is_recorded_and_it_is_said():
    found = trial_entry.entry(
        entry_settings(missing_times=5.0, screened=20), paper=TRIAL, places=50
    )
    eligible = found.data["remaining"].iloc[-1]
    assert f"{eligible or 'None'} of 50 places" in found.summary


# --- what it will know -------------------------------------------------------------------------


def test_a_design_is_what_the_settings_say():
    each = trial_design.design(
        design_settings(survival_percent=60, dropout_percent=10, censor_at_transplant=True)
    )
    assert each.plan == single_arm.Plan(50, 24, 24, 0.1, censor_at_transplant=True)
    assert each.course.event.survival(24) == pytest.approx(0.6)
    assert each.course.transplant.survival(12) == pytest.approx(0.5)
    assert each.null.survival(24) == pytest.approx(0.4)
    assert each.alpha == pytest.approx(0.025)
    assert trial_design.design(design_settings(transplant_percent=0)).course.transplant is None


def test_survival_is_not_read_after_the_end():
    with pytest.raises(KitError, match="the trial ends 20 months"):
        trial_design.design(design_settings(accrual_months=10, follow_up_months=10))
    # All at once, all are followed to the very end.
    each = trial_design.design(design_settings(accrual_months=0, follow_up_months=24))
    drawn = trial_design.simulated(each, trials=5, seed=1)
    assert trial_design.counts(each, drawn)["events"].iloc[-1] > 0


def test_what_is_believed_is_what_the_other_papers_say():
    first, *_, letter = trial_design.believed(TRIAL)
    number = catalogue.number("vah", "t2_os_24m_all")
    assert [first.estimate, first.lower, first.upper] == pytest.approx(
        [float(each) / 100 for each in (number.value, number.lower, number.upper)]
    )
    assert letter.estimate == pytest.approx(4 / 6)
    median = float(first.prior(24).quantile([0.5])[0])
    assert median == pytest.approx(first.estimate)
    half = float(first.prior(12).quantile([0.5])[0])
    assert half == pytest.approx(first.estimate**0.5)


def test_assurance_worked_out_and_simulated_agree():
    each = trial_design.design(design_settings())
    table = trial_design.assurances(each, TRIAL, trials=4000, seed=1)
    assert (abs(table["worked_out"] - table["simulated"]) < 0.03).all()
    assert table["why"].str.len().gt(20).all()
    shown = trial_design.assurance_table(table)
    assert "It wins, worked out" in shown.gt.as_raw_html()


def test_counts_add_up_and_stay_in_the_band():
    each = trial_design.design(design_settings())
    table = trial_design.counts(each, trial_design.simulated(each, trials=400, seed=2))
    sums = table[["events", "lost", "transplanted", "cut", "followed"]].sum(axis=1)
    assert np.allclose(sums, table["enrolled"])
    assert (table["events_lower"] <= table["events"] + 1).all()
    assert (table["events_upper"] >= table["events"] - 1).all()
    drawn = trial_design.draw_counts(table, last_entry=24)
    assert f"{table['events'].iloc[-1]:.1f} deaths expected" in drawn.alt


def test_more_patients_are_needed_for_more():
    each = trial_design.design(design_settings())
    table = trial_design.patients_needed(each)["patients"].str.replace(",", "").astype(int)
    assert table[0] < table[1]
    assert table[4] < table[5] < table[6]
    hopeless = trial_design.design(design_settings(survival_percent=30))
    assert trial_design.patients_needed(hopeless)["patients"].iloc[0] == "no number is enough"


def test_variants_move_as_they_must():
    each = trial_design.design(design_settings())
    table = trial_design.variants(each, trials=500, seed=1).set_index("variant")
    planned = table.loc["as planned, transplants don't censor"]
    stopped = table.loc["the follow-up stops at transplant"]
    assert stopped["survival"] == pytest.approx(0.5)
    assert stopped["events"] < planned["events"]
    assert stopped["width"] > planned["width"]
    assert table.loc["nobody is lost", "width"] < planned["width"]
    assert table.loc["one in five is lost each year", "width"] > planned["width"]


def test_binary_endpoints_are_exact():
    from scipy.stats import binom

    table = trial_design.binaries(design_settings(), trials=4000, seed=1)
    assert table["patients"].tolist() == [50, 45]
    for row, null in zip(table.itertuples(), (0.6, 0.4), strict=True):
        assert binom.sf(row.critical - 1, row.patients, null) <= 0.025
        assert binom.sf(row.critical - 2, row.patients, null) > 0.025
        assert row.power == pytest.approx(binom.sf(row.critical - 1, row.patients, row.true))
        assert row.simulated == pytest.approx(row.power, abs=0.03)
    assert "38" in trial_design.binaries_table(table, trials=4000).data["Wins from"].tolist()


def test_the_outcome_tells_the_numbers_of_its_table():
    found = trial_design.outcome(design_settings(), paper=TRIAL)
    known = found.data.set_index("quantity")["analytic"]
    assert f"{100 * known['width of the interval']:.0f} points" in found.summary
    assert f"{known['power, landmark']:.0%} at that month" in found.summary
    again = trial_design.outcome(design_settings(), paper=TRIAL)
    pd.testing.assert_frame_equal(found.data, again.data)


# --- answers and panels ------------------------------------------------------------------------


def test_answers_by_hand():
    adults = trial_answers.answer(TRIAL, "eligible", {"age_limit": 18})
    found = trial_entry.entry(entry_settings(age_limit=18), paper=TRIAL, places=50)
    assert adults == found.data["remaining"].iloc[-1]
    at_once = {"transplant_percent": 0, "dropout_percent": 0, "accrual_months": 0}
    assert trial_answers.answer(TRIAL, "deaths", at_once) == pytest.approx(25)
    both = [trial_answers.answer(TRIAL, each, {}) for each in ("eligible", "undecided")]
    assert trial_answers.answer(TRIAL, "not failed", {}) == sum(both)
    assert trial_answers.answer(TRIAL, "µg of blinatumomab", {}) == 7 * 9 + 21 * 28
    with pytest.raises(KitError, match="no question"):
        trial_answers.answer(TRIAL, "everything", {})
    with pytest.raises(ParameterError):
        trial_answers.answer(TRIAL, "eligible", {"age_limit": "old"})


GROUPS = (*ENTRY, "readings", "transplant", "design", "dose", "lymphoid_drugs")
PANELS = {
    "entry": (
        {"age_limit": 40},
        lambda *given, **more: trial_panels.entry(*given, places=50, **more),
    ),
    "endpoint": ({"cutoff_months": 6}, trial_panels.endpoint),
    "design": ({"patients": 100}, trial_panels.design),
    "dose": ({"tki": "imatinib"}, trial_panels.dose),
}


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_follows_its_controls_and_goes_back(name):
    change, make = PANELS[name]
    panel = make(parameters.check({}, *GROUPS, paper=TRIAL), paper=TRIAL)
    before = panel.outcome.summary
    panel.set(**change)
    assert panel.message == ""
    assert panel.outcome.summary != before
    shown = panel._repr_mimebundle_()["text/html"]
    assert "<img" in shown
    assert 'alt="' in shown
    panel._reset.click()
    assert panel.outcome.summary == before


def test_a_panel_says_what_is_impossible_and_keeps_what_was():
    panel = trial_panels.design(parameters.check({}, *GROUPS, paper=TRIAL), paper=TRIAL)
    before = panel.outcome.summary
    panel.set(accrual_months=0, follow_up_months=12)
    assert "the trial ends 12 months" in panel.message
    assert panel.outcome.summary == before
