"""What a changed dose, cohort or endpoint leads to: numbers by hand, and every case in words."""

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import parameters, whatif

PAPER = "alal_nos"


def outcome(work_out, **values):
    chosen = parameters.check(values, "dose", "cohort", "endpoint", "assumptions", paper=PAPER)
    return work_out(chosen, paper=PAPER)


# --- dose ----------------------------------------------------------------------------------------

FULL, SHORT = 100 + 200 + 26 * 400, 100 + 200 + 12 * 400  # the letter's two plans, mg a cycle


@pytest.mark.parametrize(
    ("values", "total", "cycles"),
    [
        ({}, FULL, 1),
        ({"venetoclax_days": 7}, 100 + 200 + 5 * 400, 1),
        ({"venetoclax_days": 14, "cycles": 3}, SHORT + 2 * 14 * 400, 3),
        ({"venetoclax_mg": 600, "venetoclax_ramp_days": 4}, 700 + 25 * 600, 1),
        ({"cyp3a_inhibitor": "strong", "venetoclax_days": 14}, 80 + 11 * 100, 1),
        ({"cyp3a_inhibitor": "moderate", "venetoclax_ramp_days": 1}, 28 * 200, 1),
    ],
)
def test_a_dose_is_added_up_and_set_beside_the_plans(values, total, cycles):
    found = outcome(whatif.dose, **values)
    assert found.data["DOSE"].sum() == total
    assert f"{total:,} mg in all" in found.summary
    # Both plans last as long as the schedule does, and ramp up in the first cycle only.
    for first, later in ((FULL, 28 * 400), (SHORT, 14 * 400)):
        plan = first + (cycles - 1) * later
        assert f": {total / plan:.0%}" in found.summary
    table = found.parts[-1].data
    assert table["mg in all"].iloc[0] == f"{total:,}"
    assert table["Yours relative to it"].iloc[0] == "1.00"


def test_a_longer_cycle_is_less_intense():
    found = outcome(whatif.dose, venetoclax_days=14, cycle_days=56, venetoclax_ramp_days=1)
    assert f": {(14 * 400 / 56) / (SHORT / 28):.0%}" in found.summary


def test_a_reduction_is_told_and_so_is_what_six_patients_show():
    found = outcome(whatif.dose, cyp3a_inhibitor="posaconazole")
    assert "70 mg a day (down from 400 mg beside posaconazole)" in found.summary
    assert "milligrams swallowed" in found.summary
    assert "down from" not in outcome(whatif.dose).summary
    assert "1 had 200 mg (1 responded), 5 had 400 mg (5 responded)" in found.summary
    assert "no dose-response" in found.summary


@pytest.mark.parametrize("inhibitor", ["none", "moderate", "strong", "posaconazole"])
@pytest.mark.parametrize("mg", [50, 800])
def test_the_ends_of_the_dose_give_finite_numbers(mg, inhibitor):
    """Also where a tenth of the least dose is no tablet."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = outcome(whatif.dose, venetoclax_mg=mg, cyp3a_inhibitor=inhibitor)
    assert "nan" not in found.parts[-1].data.to_string()


# --- cohort --------------------------------------------------------------------------------------


def test_a_cohort_is_described_by_its_patients():
    found = outcome(whatif.cohort_of, cohort="AGE < 30")
    assert found.data["USUBJID"].tolist() == ["2", "3", "4", "6"]
    for part in (
        "4 of 6 patients fit AGE < 30: patients 2, 3, 4 and 6.",
        f"Median age {(22 + 23) / 2:g} years",
        "1 death;",
        # At 9 months two are left, one of whom dies.
        "median overall survival 9 months",
    ):
        assert part in found.summary
    assert len(found.parts) == 3
    assert "this cohort: 4 patients, 1 events" in found.parts[2].alt
    assert "all patients: 6 patients, 2 events" in found.parts[2].alt


def test_everyone_is_drawn_once():
    found = outcome(whatif.cohort_of)
    assert found.summary.startswith("All 6 patients. Median age 26 years; 2 deaths;")
    assert found.parts[2].alt.count("patients,") == 1


def test_a_cohort_without_a_death_is_not_called_cured():
    found = outcome(whatif.cohort_of, cohort="DTHFL == 'N'")
    assert "no deaths" in found.summary
    assert "not of cure" in found.summary


def test_one_patient_is_a_case_report():
    found = outcome(whatif.cohort_of, cohort="AGE > 60")
    assert "One patient is a case report: died at 36 months." in found.summary
    assert "alive at 15" in outcome(whatif.cohort_of, cohort="AGE == 16").summary
    assert len(found.parts) == 2
    assert not any("Kaplan" in repr(part) for part in found.parts)


def test_nobody_is_explained():
    found = outcome(whatif.cohort_of, cohort="AGE > 60 and SEX == 'M'")
    assert found.summary.startswith("None of the 6 patients fits AGE > 60 and SEX == 'M'.")
    assert "nothing to estimate" in found.summary
    assert found.parts == ()


def test_who_is_left_out_for_want_of_a_record_is_named():
    found = outcome(whatif.cohort_of, cohort="PRIORCRS >= 1")
    assert "5 of 6" in found.summary
    assert "not recorded for patient 1." in found.summary
    assert "not recorded" not in outcome(whatif.cohort_of, cohort="AGE < 30").summary


# --- endpoint ------------------------------------------------------------------------------------
# By hand, in months: courses before venetoclax 23 (worked back), 2, 2, 1, 1, 1; the response
# after 1, 1, 2, 1, 1, 1; the transplant 1.5 after that; patient 1 relapses 9 after it.


@pytest.mark.parametrize(
    ("values", "months", "events"),
    [
        ({}, [36, 15, 9, 8, 7, 5], ["1", "3"]),
        ({"origin": "treatment"}, [13, 13, 7, 7, 6, 4], ["1", "3"]),
        ({"origin": "response"}, [12, 12, 5, 6, 5, 3], ["1", "3"]),
        ({"events": "death or relapse"}, [33, 15, 9, 8, 7, 5], ["1", "3"]),
        ({"origin": "response", "censor_at_transplant": True}, [12] + 5 * [1.5], ["1"]),
        ({"cutoff_months": 8}, [8, 8, 8, 8, 7, 5], []),
        ({"origin": "treatment", "course_months": 0.8}, [12.8, 13.4, 7.4, 7.2, 6.2, 4.2], "13"),
        ({"origin": "response", "relapse_to_death_months": 1.0}, [10, 12, 5, 6, 5, 3], "13"),
    ],
)
def test_an_endpoint_against_clocks_by_hand(values, months, events):
    found = outcome(whatif.endpoint, **values)
    assert found.data["AVAL"].tolist() == pytest.approx(months)
    assert found.data.loc[found.data["CNSR"] == 0, "USUBJID"].tolist() == list(events)
    assert found.data["AVAL_PAPER"].tolist() == [36, 15, 9, 8, 7, 5]
    number = {0: "no events", 1: "1 event", 2: "2 events"}[len(events)]
    assert f"This gives {number} among 6 patients" in found.summary


def test_the_papers_own_definition_is_recognised_and_settled():
    found = outcome(whatif.endpoint)
    assert "This is the paper's own definition." in found.summary
    assert "median 36 months" in found.summary
    assert "no assumption moves it" in found.summary
    assert found.parts[0].alt.count("patients,") == 1


def test_what_changed_is_told_with_why():
    found = outcome(whatif.endpoint, origin="response", censor_at_transplant=True)
    for part in (
        "The clock starts at the response, not at diagnosis",
        "against 36 months",
        "The clock of patients 1, 2, 3, 4, 5 and 6 is shorter",
        # 24, 13.5, 7.5, 6.5, 5.5 and 3.5 months shorter.
        "by 7.0 months in the median",
        "The event of patient 3 no longer counts",
        "by transplant",
        # Patient 1's clock is her remission and what came after: 9 + 0.5 to 9 + 12 months.
        "from 9.5 to 21.0 months",
    ):
        assert part in found.summary


def test_a_median_that_no_assumption_moves_is_told_so():
    found = outcome(whatif.endpoint, origin="response", events="death or relapse", cutoff_months=10)
    assert "median 9 months" in found.summary
    assert "The median is the same under all the assumed times allowed" in found.summary
    never = outcome(
        whatif.endpoint, origin="response", censor_at_transplant=True, cohort="AGE < 30"
    )
    assert "not reached under any" in never.summary
    some = outcome(whatif.endpoint, origin="treatment", cutoff_months=12)
    assert "under some of the assumed times" in some.summary


def test_a_cohort_without_anyone_to_follow_is_explained():
    nobody = outcome(whatif.endpoint, cohort="AGE > 100", origin="response")
    assert nobody.summary.startswith("None of the 6 patients fits AGE > 100.")
    assert nobody.parts == ()
    one = outcome(whatif.endpoint, cohort="AGE > 60", origin="response")
    assert "1 event among 1 patient;" in one.summary


def test_the_greatest_cut_off_is_none():
    chosen = parameters.check({}, "endpoint", paper=PAPER)
    assert whatif.definition_of(chosen).cutoff_months is None
    cut = parameters.change(chosen, {"cutoff_months": 59}, paper=PAPER)
    assert whatif.definition_of(cut).cutoff_months == 59


@settings(deadline=None, max_examples=12)
@given(
    st.fixed_dictionaries(
        {
            "origin": st.sampled_from(["diagnosis", "treatment", "response"]),
            "events": st.sampled_from(["death", "death or relapse"]),
            "censor_at_transplant": st.booleans(),
            "cutoff_months": st.sampled_from([1, 2, 8, 9, 36, 60]),
            "cohort": st.sampled_from(["", "SEX == 'F'", "DTHFL == 'N'", "AGE == 66"]),
            "relapse_to_death_months": st.sampled_from([0.5, 12.0]),
        }
    )
)
def test_any_possible_endpoint_is_told_without_a_gap(values):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = outcome(whatif.endpoint, **values)
    assert "nan" not in found.summary
    assert "  " not in found.summary
    assert (found.data["AVAL"] <= found.data["AVAL_PAPER"] + 1e-9).all()
