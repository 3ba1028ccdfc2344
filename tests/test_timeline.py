"""Event histories against hand-made patients: each event where the assumptions put it."""

import math

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers import catalogue, timeline
from helpers.catalogue import Assumption
from helpers.errors import KitError

properties = settings(deadline=None, max_examples=60)

MONTHS = {
    "course_months": 1.0,
    "response_to_transplant_months": 1.5,
    "relapse_to_death_months": 3.0,
}


def patients(**columns):
    """Return one refractory survivor, transplanted, with some columns given otherwise."""
    usual = {
        "USUBJID": "1",
        "OSM": 15,
        "DTHFL": "N",
        "HSCTFL": "Y",
        "RLPFL": "N",
        "PRIORCRS": 2.0,
        "VENCRS": 1,
        "CRDURM": math.nan,
    }
    return pd.DataFrame([usual | columns])


def places(table, **assumed):
    row = timeline.history(table, **MONTHS | assumed).iloc[0]
    names = ["DIAGM", "TRTM", "RSPM", "HSCTM", "RLPM", "DTHM", "LSTALVM"]
    return [None if pd.isna(row[name]) else row[name] for name in names]


# Diagnosis, treatment, response, transplant, relapse, death, last contact; months from treatment.
@pytest.mark.parametrize(
    ("columns", "assumed", "expected"),
    [
        ({}, {}, [-2, 0, 1, 2.5, None, None, 13]),
        ({"DTHFL": "Y"}, {}, [-2, 0, 1, 2.5, None, 13, 13]),
        ({"HSCTFL": "N"}, {}, [-2, 0, 1, None, None, None, 13]),
        ({"VENCRS": 2}, {"course_months": 1.5}, [-3, 0, 3, 4.5, None, None, 12]),
        (
            {"HSCTFL": "N", "RLPFL": "Y", "CRDURM": 4.0, "DTHFL": "Y"},
            {},
            [-2, 0, 1, None, 5, 13, 13],
        ),
        # The number of courses isn't recorded: 36 − 3 − 9 − 1 months before treatment.
        (
            {
                **{"OSM": 36, "PRIORCRS": math.nan, "CRDURM": 9.0},
                **{"HSCTFL": "N", "RLPFL": "Y", "DTHFL": "Y"},
            },
            {},
            [-23, 0, 1, None, 10, 13, 13],
        ),
    ],
)
def test_events_lie_where_the_assumptions_put_them(columns, assumed, expected):
    assert places(patients(**columns), **assumed) == pytest.approx(expected)


def test_months_are_what_a_reader_adds_up():
    """0.8 + 9 + 1.2 is 11, and no bit more: a cut-off at 11 months would come before it."""
    relapsed = {"CRDURM": 9.0, "RLPFL": "Y", "DTHFL": "Y", "HSCTFL": "N"}
    table = patients(OSM=36, PRIORCRS=math.nan, **relapsed)
    found = places(table, course_months=0.8, relapse_to_death_months=1.2)
    assert found == [-25, 0, 0.8, None, 9.8, 11, 11]


def test_what_is_given_is_kept():
    table = patients(AGE=30)
    found = timeline.history(table, **MONTHS)
    assert found[list(table)].equals(table)
    assert "DIAGM" not in table


@pytest.mark.parametrize(
    ("columns", "assumed", "told"),
    [
        # Two courses before and one of venetoclax make three months; two are printed.
        ({"OSM": 2, "HSCTFL": "N"}, {}, ["response", "1.0 months", "last contact", "2 months"]),
        # Response at 1, transplant at 4; last contact 5 − 2 months after treatment.
        (
            {"OSM": 5},
            {"response_to_transplant_months": 3.0},
            ["transplant", "1.0 months", "last contact", "5 months"],
        ),
        # Relapse 14 months after a response; followed for 13 months from treatment.
        ({"RLPFL": "Y", "CRDURM": 14.0}, {}, ["relapse", "2.0 months", "last contact"]),
        # Relapse a month after response, transplant a month and a half after it.
        ({"RLPFL": "Y", "CRDURM": 1.0}, {}, ["transplant", "0.5 months", "relapse"]),
        # Nothing is left before treatment: 6 − 3 − 9 − 1 months.
        (
            {"OSM": 6, "PRIORCRS": math.nan, "CRDURM": 9.0, "RLPFL": "Y", "HSCTFL": "N"},
            {},
            ["diagnosis", "7.0 months", "start of venetoclax"],
        ),
    ],
)
def test_an_impossible_order_is_told(columns, assumed, told):
    with pytest.raises(KitError) as error:
        places(patients(USUBJID="9", **columns), **assumed)
    message = str(error.value)
    assert "\n" not in message
    for part in ["patient 9", *told]:
        assert part in message


tenths = st.integers(1, 30).map(lambda tenth: tenth / 10)
assumptions = st.fixed_dictionaries(dict.fromkeys(MONTHS, tenths))
cohorts = st.lists(
    st.fixed_dictionaries(
        {
            "OSM": st.integers(0, 60),
            "DTHFL": st.sampled_from("YN"),
            "HSCTFL": st.sampled_from("YN"),
            "RLPFL": st.sampled_from("YN"),
            "PRIORCRS": st.integers(0, 5).map(float),
            "VENCRS": st.integers(1, 3),
        }
    ),
    min_size=1,
    max_size=6,
)


def made(cohort):
    rows = [
        row
        | {"USUBJID": str(number)}
        | {"CRDURM": 2.0 * number if row["RLPFL"] == "Y" else math.nan}
        for number, row in enumerate(cohort, start=1)
    ]
    return pd.DataFrame(rows)


@properties
@given(cohorts, assumptions)
def test_a_history_keeps_the_printed_time_and_the_order_of_life(cohort, assumed):
    table = made(cohort)
    try:
        found = timeline.history(table, **assumed)
    except KitError:
        assume(False)
    whole = found["LSTALVM"] - found["DIAGM"]
    assert whole.tolist() == pytest.approx(table["OSM"].tolist())
    order = found[["DIAGM", "TRTM", "RSPM", "HSCTM", "RLPM", "LSTALVM"]]
    for _, row in order.iterrows():
        assert row.dropna().diff().dropna().min() >= -1e-9
    assert (found["DTHM"].notna() == (table["DTHFL"] == "Y")).all()
    assert (found["HSCTM"].notna() == (table["HSCTFL"] == "Y")).all()
    assert (found["RLPM"].notna() == (table["RLPFL"] == "Y")).all()
    again = timeline.history(table.iloc[::-1], **assumed)
    pd.testing.assert_frame_equal(again.iloc[::-1], found)


@properties
@given(assumptions, st.integers(0, 5), st.integers(1, 3))
def test_intervals_that_just_fit_are_possible(assumed, before, courses):
    """A tenth of a month isn't a round number to a computer, yet 0.7 + 0.5 fits into 1.2."""
    course, wait = (
        round(10 * assumed[name]) for name in ("course_months", "response_to_transplant_months")
    )
    exact = ((before + courses) * course + wait) / 10
    table = patients(PRIORCRS=float(before), VENCRS=courses, OSM=exact)
    found = timeline.history(table, **assumed).iloc[0]
    assert found["HSCTM"] == pytest.approx(found["LSTALVM"])


def test_extremes_are_all_corners():
    def between(least, most):
        return Assumption(label="", unit="", why="", default=least, minimum=least, maximum=most)

    corners = timeline.extremes({"a": between(0, 1), "b": between(5, 7)})
    assert corners == [{"a": 0, "b": 5}, {"a": 0, "b": 7}, {"a": 1, "b": 5}, {"a": 1, "b": 7}]
    assert timeline.extremes({}) == [{}]


def test_the_letters_assumptions_are_those_a_history_takes():
    assert catalogue.load("alal_nos").assumptions.keys() == MONTHS.keys()
