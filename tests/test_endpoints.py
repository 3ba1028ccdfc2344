"""Endpoint definitions against hand-made histories: what stops the clock, when, and for whom."""

import itertools
import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import cohort, endpoints, timeline
from helpers.catalogue import Definition

properties = settings(deadline=None, max_examples=60)

NEVER = math.nan
COLUMNS = ["USUBJID", "DIAGM", "TRTM", "RSPM", "HSCTM", "RLPM", "DTHM", "LSTALVM"]
HISTORY = pd.DataFrame(
    [
        # Relapsed and died; transplanted, relapsed, alive; died without a response; alive.
        ["a", -2, 0, 1, NEVER, 5, 8, 8],
        ["b", -1, 0, 2, 3, 6, NEVER, 10],
        ["c", -4, 0, NEVER, NEVER, NEVER, 1, 1],
        ["d", -3, 0, 1, 2, NEVER, NEVER, 12],
    ],
    columns=COLUMNS,
)


def definition(origin="diagnosis", events=("death",), censor_at=(), cutoff=None):
    return Definition(
        label="an endpoint",
        origin=origin,
        events=events,
        censor_at=censor_at,
        cutoff_months=cutoff,
    )


def clocks(history=HISTORY, **given):
    table = endpoints.derive(history, definition(**given))
    return {row.USUBJID: (row.AVAL, row.CNSR, row.EVNTDESC) for row in table.itertuples()}


DEATH, RELAPSE = (0, "death"), (0, "relapse")
LAST, TRANSPLANT, CUT = (1, "last contact"), (1, "transplant"), (1, "data cut-off")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"a": (10, *DEATH), "b": (11, *LAST), "c": (5, *DEATH), "d": (15, *LAST)}),
        (
            {"origin": "treatment"},
            {"a": (8, *DEATH), "b": (10, *LAST), "c": (1, *DEATH), "d": (12, *LAST)},
        ),
        # Patient c never responded.
        ({"origin": "response"}, {"a": (7, *DEATH), "b": (8, *LAST), "d": (11, *LAST)}),
        (
            {"events": ("death", "relapse"), "origin": "treatment"},
            {"a": (5, *RELAPSE), "b": (6, *RELAPSE), "c": (1, *DEATH), "d": (12, *LAST)},
        ),
        (
            {"censor_at": ("transplant",), "origin": "treatment"},
            {"a": (8, *DEATH), "b": (3, *TRANSPLANT), "c": (1, *DEATH), "d": (2, *TRANSPLANT)},
        ),
        (
            {"cutoff": 10.5},
            {"a": (10, *DEATH), "b": (10.5, *CUT), "c": (5, *DEATH), "d": (10.5, *CUT)},
        ),
        # The cut-off counts from the origin, not from treatment.
        ({"origin": "response", "cutoff": 7}, {"a": (7, *DEATH), "b": (7, *CUT), "d": (7, *CUT)}),
    ],
)
def test_the_clock_stops_at_what_comes_first(given, expected):
    assert clocks(**given) == expected


def test_an_event_wins_a_tie():
    """With the last contact, a transplant, the cut-off."""
    tied = pd.DataFrame([["a", -1, 0, 1, 8, NEVER, 8, 8]], columns=COLUMNS)
    for censor_at, cutoff in itertools.product([(), ("transplant",)], [None, 8]):
        found = clocks(tied, origin="treatment", censor_at=censor_at, cutoff=cutoff)
        assert found == {"a": (8, *DEATH)}


def test_a_tie_is_a_tie_to_the_reader_not_to_the_last_bit():
    """A death that the assumptions put at 11 months is at 11 months, not 4e-15 after."""
    history = timeline.history(
        cohort.patients("alal_nos", "USUBJID == '1'"),
        course_months=0.8,
        response_to_transplant_months=1.5,
        relapse_to_death_months=1.2,
    )
    # Response after 0.8, relapse 9 months later, death 1.2 months after that.
    assert clocks(history, origin="treatment", cutoff=11)["1"] == (pytest.approx(11), *DEATH)
    noisy = pd.DataFrame([["a", -1, 0, 1, NEVER, NEVER, 0.1 + 0.2, 0.1 + 0.2]], columns=COLUMNS)
    assert noisy["DTHM"].iloc[0] > 0.3
    assert clocks(noisy, origin="treatment", cutoff=0.3) == {"a": (0.3, *DEATH)}


def test_a_clock_that_would_run_backwards_is_left_out():
    odd = pd.DataFrame([["a", -1, 0, 9, NEVER, NEVER, 8, 8]], columns=COLUMNS)
    assert clocks(odd, origin="response") == {}
    at_once = pd.DataFrame([["a", -1, 0, 8, NEVER, NEVER, 8, 8]], columns=COLUMNS)
    assert clocks(at_once, origin="response") == {"a": (0, *DEATH)}


def test_a_patient_without_any_time_is_left_out():
    """Nothing is known of when the clock stopped; least of all that it was at a death."""
    lost = pd.DataFrame([["a", -1, 0, 1, NEVER, NEVER, NEVER, NEVER]], columns=COLUMNS)
    assert clocks(lost, origin="treatment") == {}


def test_nobody_gives_an_empty_table():
    table = endpoints.derive(HISTORY.iloc[:0], definition())
    assert len(table) == 0
    assert list(table) == ["USUBJID", "AVAL", "CNSR", "EVNTDESC"]


# --- properties ------------------------------------------------------------------------------

halves = st.integers(0, 40).map(lambda each: each / 2)
maybe = st.none() | halves
definitions = st.builds(
    definition,
    origin=st.sampled_from(["diagnosis", "treatment", "response"]),
    events=st.sampled_from([("death",), ("relapse",), ("death", "relapse")]),
    censor_at=st.sampled_from([(), ("transplant",)]),
    cutoff=st.none() | st.integers(1, 60),
)


@st.composite
def histories(draw):
    rows = []
    for number in range(draw(st.integers(0, 6))):
        last = draw(halves)
        times = [draw(maybe.map(lambda each: NEVER if each is None else each)) for _ in range(3)]
        rows.append(
            [f"p{number}", -draw(halves), 0.0, *times, draw(st.sampled_from([last, NEVER]))]
        )
        rows[-1].append(last)
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(COLUMNS[1:], float))


@properties
@given(histories(), definitions)
def test_a_clock_is_the_least_of_its_stops(history, chosen):
    columns = {"diagnosis": "DIAGM", "treatment": "TRTM", "response": "RSPM"}
    event_columns = {"death": "DTHM", "relapse": "RLPM"}
    found = endpoints.derive(history, chosen).set_index("USUBJID")
    for row in history.to_dict("records"):
        origin = row[columns[chosen.origin]]
        events = [row[event_columns[name]] - origin for name in chosen.events]
        events = [each for each in events if not math.isnan(each)]
        others = [row["LSTALVM"] - origin, chosen.cutoff_months or math.inf]
        if chosen.censor_at and not math.isnan(row["HSCTM"]):
            others.append(row["HSCTM"] - origin)
        first = min([*events, *others])
        if math.isnan(origin) or first < 0:
            assert row["USUBJID"] not in found.index
            continue
        assert found.loc[row["USUBJID"], "AVAL"] == first
        assert found.loc[row["USUBJID"], "CNSR"] == (0 if first in events else 1)
    assert set(found.index) <= set(history["USUBJID"])


@properties
@given(histories(), definitions, st.randoms(use_true_random=False))
def test_the_order_of_patients_does_not_matter(history, chosen, random):
    order = list(range(len(history)))
    random.shuffle(order)
    as_is = endpoints.derive(history, chosen)
    shuffled = endpoints.derive(history.iloc[order], chosen)
    pd.testing.assert_frame_equal(
        shuffled.sort_values("USUBJID", ignore_index=True),
        as_is.sort_values("USUBJID", ignore_index=True),
    )


@properties
@given(histories(), st.sampled_from(["diagnosis", "treatment", "response"]))
def test_whatever_is_added_stops_a_clock_sooner_if_at_all(history, origin):
    plain = clocks(history, origin=origin)
    more = [{"events": ("death", "relapse")}, {"censor_at": ("transplant",)}, {"cutoff": 6}]
    for each in more:
        for subject, (months, _, _) in clocks(history, origin=origin, **each).items():
            assert months <= plain[subject][0]


# --- words -------------------------------------------------------------------------------------


def test_a_definition_in_words():
    told = endpoints.describe(
        definition("response", ("death", "relapse"), ("transplant",), cutoff=12)
    )
    for part in ("the response", "death from any cause or relapse", "whichever comes first"):
        assert part in told
    for part in ("the transplant", "last contact", "12 months", "whichever is earliest"):
        assert part in told
    assert "whichever" not in endpoints.describe(definition())


@pytest.mark.parametrize(
    ("changed", "there", "back"),
    [
        ({"origin": "response"}, "starts at the response, not at diagnosis", "not at the response"),
        ({"events": ("death", "relapse")}, "elapse also counts", "elapse no longer counts"),
        ({"events": ("relapse",)}, "eath from any cause no longer", "eath from any cause also"),
        ({"censor_at": ("transplant",)}, "transplant stops", "transplant no longer stops"),
        ({"cutoff": 12}, "cut 12 months", "no longer cut"),
    ],
)
def test_a_difference_is_told_both_ways(changed, there, back):
    usual, other = definition(), definition(**changed)
    assert there in endpoints.difference(usual, other)
    assert back in endpoints.difference(other, usual)


@properties
@given(definitions, definitions)
def test_there_is_a_difference_exactly_where_something_differs(one, other):
    same = (one.origin, set(one.events), one.censor_at, one.cutoff_months) == (
        other.origin,
        set(other.events),
        other.censor_at,
        other.cutoff_months,
    )
    assert (endpoints.difference(one, other) == "") == same
