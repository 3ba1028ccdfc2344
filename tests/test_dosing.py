"""Schedules against doses added up by hand, day by day."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import cohort, dosing
from helpers.catalogue import Regimen
from helpers.dosing import Schedule
from helpers.errors import KitError

properties = settings(deadline=None, max_examples=60)

# What the label asks for, in thousandths of the target, and never more than so many mg.
LABEL = {
    "none": (1000, None),
    "moderate": (500, None),
    "strong": (250, 100),
    "posaconazole": (175, 70),
}
RAMP = {"strong": [10, 20, 50], "posaconazole": [10, 20, 50]}


def reduced(mg, inhibitor):
    share, most = LABEL[inhibitor]
    dose = mg * share // 1000
    # No dose is less than one tablet of the smallest kind.
    return max((dose if most is None else min(dose, most)) // 10 * 10, 10)


def by_hand(schedule):
    """Return each day's dose in whole-number arithmetic."""
    target = reduced(schedule.venetoclax_mg, schedule.cyp3a_inhibitor)
    usual = [100 * 2**day for day in range(schedule.venetoclax_ramp_days - 1)]
    ramp = [reduced(mg, schedule.cyp3a_inhibitor) for mg in usual]
    if usual and schedule.cyp3a_inhibitor in RAMP:
        ramp = RAMP[schedule.cyp3a_inhibitor]
    doses = []
    for cycle in range(schedule.cycles):
        for day in range(schedule.cycle_days):
            dose = target if day < schedule.venetoclax_days else 0
            if cycle == 0 and day < len(ramp):
                dose = min(dose, ramp[day])
            doses.append(dose)
    return doses


@st.composite
def schedules(draw):
    cycle_days = draw(st.integers(1, 42))
    return Schedule(
        venetoclax_mg=draw(st.integers(1, 16)) * 50,
        venetoclax_ramp_days=draw(st.integers(1, 7)),
        venetoclax_days=draw(st.integers(1, cycle_days)),
        cycle_days=cycle_days,
        cycles=draw(st.integers(1, 6)),
        cyp3a_inhibitor=draw(st.sampled_from(sorted(LABEL))),
    )


@pytest.mark.parametrize(
    ("mg", "inhibitor", "expected"),
    [
        *[(400, "none", 400), (400, "moderate", 200), (400, "strong", 100)],
        # Seven tenths of the dose beside another strong inhibitor.
        (400, "posaconazole", 70),
        # More than the label's target is reduced to what the label gives at most.
        *[(800, "moderate", 400), (800, "strong", 100), (800, "posaconazole", 70)],
        # 75 and 25 mg aren't made up from tablets of 10.
        *[(150, "moderate", 70), (100, "strong", 20), (200, "posaconazole", 30)],
        # Less than the smallest tablet can't be given.
        (50, "posaconazole", 10),
    ],
)
def test_the_labels_reduction(mg, inhibitor, expected):
    assert dosing.target_dose(mg, inhibitor) == expected


def test_the_labels_file_says_what_these_tests_say():
    rules = dosing.label()
    assert {
        name: (round(1000 * each.fraction), each.cap_mg) for name, each in rules.inhibitors.items()
    } == LABEL
    assert {
        name: list(each.ramp_mg) for name, each in rules.inhibitors.items() if each.ramp_mg
    } == RAMP
    assert (rules.first_dose_mg, rules.smallest_tablet_mg, rules.target_mg) == (100, 10, 400)


def test_an_unknown_inhibitor_is_told_with_those_there_are():
    with pytest.raises(KitError, match=r"cyp3a_inhibitor: .*'mild'.*moderate.*posaconazole"):
        dosing.target_dose(400, "mild")


@pytest.mark.parametrize(
    ("schedule", "first_days", "total"),
    [
        (Schedule(400, 3, 28), [100, 200, 400, 400], 100 + 200 + 26 * 400),
        (Schedule(400, 1, 14), [400, 400], 14 * 400),
        (Schedule(400, 7, 3), [100, 200, 400, 0], 700),
        (Schedule(100, 3, 7), [100, 100], 700),
        (Schedule(400, 4, 14, cyp3a_inhibitor="strong"), [10, 20, 50, 100], 80 + 11 * 100),
        (Schedule(400, 3, 14, cyp3a_inhibitor="moderate"), [50, 100, 200], 150 + 12 * 200),
        (Schedule(400, 1, 14, cyp3a_inhibitor="strong"), [100, 100], 1400),
        (Schedule(400, 4, 2, cyp3a_inhibitor="posaconazole"), [10, 20, 0], 30),
        (Schedule(400, 3, 14, 28, 3), [100, 200, 400], 300 + 12 * 400 + 2 * 14 * 400),
        (Schedule(400, 3, 14, 14, 1), [100, 200, 400], 300 + 12 * 400),
    ],
)
def test_a_calendar_against_arithmetic(schedule, first_days, total):
    table = dosing.calendar(schedule)
    assert table["DOSE"].tolist()[: len(first_days)] == first_days
    assert table["DOSE"].sum() == total


@properties
@given(schedules())
def test_a_calendar_is_what_is_added_up_day_by_day(schedule):
    table = dosing.calendar(schedule)
    doses = by_hand(schedule)
    assert table["DOSE"].tolist() == doses
    assert table["CUMDOSE"].tolist() == [sum(doses[: day + 1]) for day in range(len(doses))]
    assert table["STUDYDAY"].tolist() == list(range(1, len(doses) + 1))
    at = [divmod(day, schedule.cycle_days) for day in range(len(doses))]
    assert table["CYCLE"].tolist() == [cycle + 1 for cycle, _ in at]
    assert table["DAY"].tolist() == [day + 1 for _, day in at]


@pytest.mark.parametrize(
    "schedule", [Schedule(400, 3, 29), Schedule(400, 3, 0), Schedule(400, 3, 14, cycles=0)]
)
def test_what_is_no_schedule_is_refused(schedule):
    with pytest.raises(KitError, match=r"schedule: .* days in each of .* cycles"):
        dosing.calendar(schedule)


def test_a_paper_plans_a_schedule():
    regimen = Regimen(
        label="x", venetoclax_mg=600, venetoclax_ramp_days=2, venetoclax_days=21, cycle_days=35
    )
    assert Schedule.planned(regimen) == Schedule(600, 2, 21, 35)
    assert Schedule.planned(regimen, 4).cycles == 4


# --- dose intensity: mg per day of calendar time -------------------------------------------------


@pytest.mark.parametrize(
    ("given", "planned", "expected"),
    [
        (Schedule(400, 1, 14), Schedule(400, 1, 28), 14 / 28),
        # The same dose over twice the time.
        (Schedule(400, 1, 14, 56), Schedule(400, 1, 14, 28), 1 / 2),
        # More cycles alone are no more intense.
        (Schedule(400, 1, 14, 28, 3), Schedule(400, 1, 14, 28, 1), 1),
        (Schedule(400, 3, 7), Schedule(400, 3, 28), 2300 / 10700),
    ],
)
def test_relative_dose_intensity(given, planned, expected):
    calendars = dosing.calendar(given), dosing.calendar(planned)
    assert dosing.relative_dose_intensity(*calendars) == pytest.approx(expected)


@properties
@given(schedules(), schedules())
def test_dose_intensity_is_relative(one, other):
    ours, theirs = dosing.calendar(one), dosing.calendar(other)
    if ours["DOSE"].sum() and theirs["DOSE"].sum():
        there = dosing.relative_dose_intensity(ours, theirs)
        assert there * dosing.relative_dose_intensity(theirs, ours) == pytest.approx(1)
        assert dosing.relative_dose_intensity(ours, ours) == 1


# --- courses as given ----------------------------------------------------------------------------


def test_the_six_courses_of_the_letter():
    given = dosing.as_given(cohort.patients("alal_nos"), ramp_days=3)
    exposure = dosing.exposure(given).set_index("USUBJID")
    for subject, days, target in [
        *[("1", 28, 400), ("2", 14, 400), ("3", 21, 400)],
        *[("4", 14, 200), ("5", 14, 400), ("6", 14, 400)],
    ]:
        total = 100 + 200 + (days - 2) * target
        assert exposure.loc[subject].tolist() == [days, target, total]


def test_a_course_may_end_before_its_ramp():
    courses = pd.DataFrame({"USUBJID": ["b", "a"], "VENDOSE": [400, 50], "VENDAYS": [2, 4]})
    given = dosing.as_given(courses, ramp_days=7)
    doses = {subject: list(days) for subject, days in given.groupby("USUBJID")["DOSE"]}
    # With two days, the second is the day on which the target is reached.
    assert doses == {"b": [100, 400], "a": [50, 50, 50, 50]}
    assert given["USUBJID"].unique().tolist() == ["b", "a"]
    assert dosing.exposure(given)["USUBJID"].tolist() == ["b", "a"]


def test_nobody_gives_no_course():
    nobody = cohort.patients("alal_nos", "AGE > 100")
    given = dosing.as_given(nobody, ramp_days=3)
    assert list(given) == ["USUBJID", "CYCLE", "DAY", "STUDYDAY", "DOSE", "CUMDOSE"]
    assert len(dosing.exposure(given)) == 0


# --- what venetoclax is given with ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("partner", "days", "mg_m2", "target", "ramp"),
    [
        ("azacitidine", 7, 75, 400, [100, 200]),
        ("decitabine", 5, 20, 400, [100, 200]),
        ("cytarabine", 10, 20, 600, [100, 200, 400]),
    ],
)
def test_the_labels_combinations(partner, days, mg_m2, target, ramp):
    label = dosing.label().combinations[partner]
    given = dosing.partner_calendar(partner, body_surface_m2=2.0, cycles=3)
    doses = given["DOSE"].to_numpy().reshape(3, 28)
    assert (doses == [2 * mg_m2] * days + [0] * (28 - days)).all()
    assert given["CUMDOSE"].iloc[-1] == 3 * days * 2 * mg_m2
    planned = dosing.calendar(Schedule.planned(label))["DOSE"].tolist()
    assert planned == ramp + [target] * (28 - len(ramp))


def test_a_partner_that_is_unknown_or_does_not_fit_is_refused():
    with pytest.raises(KitError, match="azacitidine, decitabine, cytarabine"):
        dosing.partner_calendar("aspirin", body_surface_m2=1.8)
    with pytest.raises(KitError, match="10 days of cytarabine"):
        dosing.partner_calendar("cytarabine", body_surface_m2=1.8, cycle_days=9)
