"""Changes during follow-up against R's survival package, by hand, and by their properties."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from helpers.errors import KitError
from helpers.survival.cox import cox
from helpers.survival.curves import counts, curves, limits, quantile
from helpers.survival.time_dependent import (
    episodes,
    landmark_sample,
    mantel_byar,
    numbers_at_risk,
    simon_makuch,
)

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "oracles" / "time_dependent.json").read_text(encoding="utf-8")
)["cases"]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])


@pytest.fixture(autouse=True)
def _no_warnings() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def patients(case: dict[str, Any]) -> tuple[Any, Any, Any]:
    return case["time"], case["event"], np.array(case["change"], dtype=float)


def assert_as_r(ours: Any, theirs: Any, rtol: float = 1e-8) -> None:
    """Equal to R's value, with nan where R has NA."""
    assert_allclose(
        np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), rtol=rtol, atol=1e-14
    )


# --- against R -----------------------------------------------------------------------------------


@each_case
def test_episodes_against_r(case: dict[str, Any]) -> None:
    # For the heart data, R's own episodes
    rows = episodes(*patients(case))
    number = np.tile(np.arange(len(case["time"])) + 1, 2)[rows.where]
    for name, ours in (
        ("id", number),
        ("entry", rows.entry[rows.where]),
        ("time", rows.time[rows.where]),
        ("event", rows.event[rows.where]),
        ("state", rows.state[rows.where]),
    ):
        assert_as_r(ours, case["rows"][name])


@each_case
def test_curves_against_r(case: dict[str, Any]) -> None:
    # survfit(Surv(entry, time, event) ~ 1) of each state's episodes
    for start, states in zip(case["starts"], case["curves"], strict=True):
        found = simon_makuch(*patients(case), start=start).curves
        placed = found.ordered
        for state, theirs in enumerate(states):
            last = placed.last[state]
            assert_as_r(placed.time[state][last], theirs["time"])
            if not theirs["time"]:
                continue
            assert_as_r(placed.at_risk[state][last], theirs["at_risk"])
            deaths = placed.at_time(found.event.astype(float))[state]
            assert_as_r(deaths[last], theirs["events"])
            assert_as_r(found.survival[state][last], theirs["survival"])
            variance = found.variance[state][last]
            std_err = np.sqrt(np.where(np.isfinite(variance), variance, np.nan))
            assert_as_r(std_err, theirs["std_err"])
            assert_as_r(quantile(found).value[state], theirs["median"])
            for conf_type, band in theirs["limits"].items():
                lower, upper = limits(found, conf_type=conf_type)
                assert_as_r(lower[state][last], band["lower"])
                assert_as_r(upper[state][last], band["upper"])


@pytest.mark.parametrize(
    "case", [case for case in CASES if "test" in case], ids=lambda case: case["name"]
)
def test_mantel_byar_against_r(case: dict[str, Any]) -> None:
    # Term by term in R; and where there are few ties, coxph(..., ties = "exact")$score
    found, theirs = mantel_byar(*patients(case)), case["test"]
    assert_as_r(found.observed[1], theirs["observed"])
    assert_as_r(found.expected[1], theirs["expected"])
    assert_as_r(found.expected.sum(), found.observed.sum())
    assert_as_r(found.variance, theirs["variance"])
    assert_as_r(found.statistic, theirs["statistic"])
    if "score" in theirs:
        assert_as_r(found.statistic, theirs["score"])


@pytest.mark.parametrize(
    "case", [case for case in CASES if "cox" in case], ids=lambda case: case["name"]
)
def test_cox_of_episodes_against_r(case: dict[str, Any]) -> None:
    # coxph(Surv(entry, time, event) ~ state)
    rows = episodes(*patients(case))
    fit = cox(rows.time, rows.event, rows.state, entry=rows.entry, where=rows.where)
    assert_as_r(fit.coefficients[0], case["cox"]["coefficient"], rtol=1e-6)
    assert_as_r(fit.std_err[0], case["cox"]["std_err"], rtol=1e-6)
    assert_as_r(fit.score.statistic, case["cox"]["score"], rtol=1e-6)


# --- by hand -------------------------------------------------------------------------------------

NEVER = np.nan


def test_change_and_event_at_the_same_time() -> None:
    rows = episodes([3, 3, 3, 0, 0], [1, 1, 1, 1, 0], [3, 0, 5, 0, NEVER])
    assert rows.where.tolist() == [True, False, True, False, False] + [False, True] + [False] * 3
    assert rows.event.tolist() == [True, False, True, False, False] + [False, True] + [False] * 3
    assert rows.time[rows.where].tolist() == [3, 3, 3]


def test_landmark_sample_by_hand() -> None:
    #            event at 2, at the landmark, changed before, at it, after it, censored at it, never
    time, event = [2, 3, 5, 6, 7, 3, 8], [1, 1, 1, 0, 1, 0, 0]
    change = [1, NEVER, 1, 3, 4, NEVER, np.inf]
    sample = landmark_sample(time, event, change, 3)
    assert sample.where.tolist() == [False, False, True, True, True, False, True]
    assert sample.changed.tolist() == [False, False, True, True, False, False, False]
    assert sample.event.tolist() == [False, False, True, False, True, False, False]
    assert_array_equal(sample.time, [NEVER, NEVER, 2, 3, 4, NEVER, 5])
    # 0.1 + 0.2 > 0.3: rounding error makes nobody outlive the landmark or change after it.
    near = landmark_sample([0.1 + 0.2, 1], [1, 1], [NEVER, 0.1 + 0.2], 0.3)
    assert near.where.tolist() == [False, True]
    assert near.changed.tolist() == [False, True]


def test_curves_by_hand() -> None:
    # At 2, three are still as they were and one dies: 2/3. At 5 the only one left there dies.
    # The other two changed at 1 and at 3; of both, one dies at 4: 1/2.
    time, event, change = [2, 5, 4, 6], [1, 1, 1, 0], [NEVER, NEVER, 1, 3]
    found = simon_makuch(time, event, change)
    last = found.curves.ordered.last
    assert found.curves.ordered.time[0][last[0]].tolist() == [1, 2, 3, 5]
    assert_allclose(found.curves.survival[0][last[0]], [1, 2 / 3, 2 / 3, 0])
    assert found.curves.ordered.time[1][last[1]].tolist() == [4, 6]
    assert_allclose(found.curves.survival[1][last[1]], [1 / 2, 1 / 2])
    assert numbers_at_risk(found, [0, 1, 2, 3, 4, 5, 7]).tolist() == [
        [4, 4, 3, 2, 1, 1, 0],
        [0, 0, 1, 1, 2, 1, 0],
    ]
    # At 2: 1 of 4, of whom 1 has changed. At 4: 1 of 3, of whom 2 have. At 5: 1 of 2, and 1.
    test = mantel_byar(time, event, change)
    assert test.observed.tolist() == [2, 1]
    assert_allclose(test.expected[1], 1 / 4 + 2 / 3 + 1 / 2)
    assert_allclose(test.variance, 3 / 16 + 2 / 9 + 1 / 4)


def test_immortal_time() -> None:
    # Everyone dies at the same rate and whoever lives long enough changes. Those who ever change
    # seem to live longer; counted where they are, they don't.
    draw = np.random.default_rng(2)
    time, change = draw.exponential(10, 4000), draw.exponential(10, 4000)
    event = np.ones(4000)
    naive = cox(time, event, change < time)
    assert naive.hazard_ratio[0] < 0.6
    rows = episodes(time, event, change)
    fair = cox(rows.time, rows.event, rows.state, entry=rows.entry, where=rows.where)
    assert fair.lower[0] < 1 < fair.upper[0]
    sample = landmark_sample(time, event, change, 5)
    later = cox(sample.time, sample.event, sample.changed, where=sample.where)
    assert later.lower[0] < 1 < later.upper[0]
    assert mantel_byar(time, event, change).p > 0.05


def test_nothing_to_compare() -> None:
    for arguments, reason in (
        (([], [], []), "no patients"),
        (([0, 0], [1, 0], [NEVER, 0]), "no patients"),
        (([1, 2], [0, 0], [NEVER, 1]), "no events"),
        (([1, 2], [1, 1], [NEVER, NEVER]), "no event with both states at risk"),
        (([1, 2], [1, 1], [NEVER, 1]), "no event with both states at risk"),
    ):
        found = mantel_byar(*arguments)
        assert np.isnan(found.statistic)
        assert np.isnan(found.p)
        assert found.reason == reason
        both = simon_makuch(*arguments)
        assert both.curves.survival.shape == (2, len(arguments[0]))
        assert numbers_at_risk(both, [0, 1]).shape == (2, 2)


# --- what cannot be used -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, -2], [1, 1], [0, 1]), "time: given -2.0; right would be: a finite number, 0 or more"),
        (([1, np.nan], [1, 1], [0, 1]), "time: given nan; right would be: a finite number, 0 or"),
        (([1, 2], [1, 3], [0, 1]), "event: given 3; right would be: 1 (event) or 0 (censored)"),
        (([1, 2], [1, 1], [-1, 1]), "change_time: given -1.0; right would be: 0 or more, or nan"),
        (([1, 2], [1, 1], [1]), "time, event, change_time, where: shapes (2,), (2,), (1,), (2,);"),
    ],
)
def test_unusable_input_is_named(arguments: tuple[Any, Any, Any], message: str) -> None:
    for function in (episodes, simon_makuch, mantel_byar, lambda *a: landmark_sample(*a, 1)):
        with pytest.raises(KitError) as error:
            function(*arguments)
        assert str(error.value).startswith(message)


@pytest.mark.parametrize("moment", [-1, np.nan, np.inf])
def test_unusable_moments_are_named(moment: float) -> None:
    arguments = ([1, 2], [1, 1], [0, 1])
    with pytest.raises(KitError, match=r"^at: given .*right would be: a finite number, 0 or more"):
        landmark_sample(*arguments, moment)
    with pytest.raises(KitError, match=r"^start: given .*right would be: a finite number, 0 or"):
        simon_makuch(*arguments, start=moment)
    with pytest.raises(KitError, match=r"^at: given .*right would be: a finite number, 0 or more"):
        numbers_at_risk(simon_makuch(*arguments), [0, moment])
    with pytest.raises(KitError, match=r"^at: shape \(2,\); right would be: one landmark, or one"):
        landmark_sample(*arguments, [1, 2])


# --- properties ----------------------------------------------------------------------------------

properties = settings(deadline=None, max_examples=60)
sizes = st.integers(1, 25)
seeds = st.integers(0, 2**32 - 1)


def cohort(seed: int, n: int, members: int = 1) -> dict[str, Any]:
    """Whole-numbered times, so that changes and events share many of them."""
    draw = np.random.default_rng(seed)
    shape = (members, n)
    return {
        "time": draw.integers(0, 15, shape).astype(float),
        "event": draw.random(shape) < 0.7,
        "change_time": np.where(draw.random(shape) < 0.5, draw.integers(0, 15, shape), np.nan),
        "where": draw.random(shape) < 0.9,
    }


@properties
@given(seeds, sizes)
def test_batch_is_a_loop(seed: int, n: int) -> None:
    given_ = cohort(seed, n, members=4)
    found, test = simon_makuch(**given_), mantel_byar(**given_)
    asked = [0, 3, 8.5]
    sample = landmark_sample(**given_, at=[0, 2, 4, 6])
    for member in range(4):
        here = given_["where"][member]
        single = {k: v[member][here] for k, v in given_.items() if k != "where"}
        alone, tested = simon_makuch(**single), mantel_byar(**single)
        for state in (0, 1):
            last, single_last = (
                one.curves.ordered.last[place]
                for one, place in ((found, (member, state)), (alone, state))
            )
            for name in ("survival", "variance"):
                assert_allclose(
                    getattr(found.curves, name)[member, state][last],
                    getattr(alone.curves, name)[state][single_last],
                )
        assert_array_equal(numbers_at_risk(found, asked)[member], numbers_at_risk(alone, asked))
        for name in ("observed", "expected", "variance", "statistic", "p"):
            assert_allclose(
                getattr(test, name)[member], getattr(tested, name), rtol=1e-9, atol=1e-12
            )
        assert test.reason[member] == tested.reason
        part = landmark_sample(**single, at=2 * member)
        assert_array_equal(sample.changed[member][here], part.changed)
        assert_array_equal(sample.time[member][here], part.time)
        assert not sample.where[member][~here].any()


@properties
@given(seeds, sizes)
def test_order_of_patients_and_rounding_do_not_matter(seed: int, n: int) -> None:
    given_ = cohort(seed, n)
    draw = np.random.default_rng(seed)
    order = draw.permutation(n)
    other = {name: values[:, order] for name, values in given_.items()}
    other["time"] = other["time"] * (1 + 1e-12 * draw.random(n))
    other["change_time"] = other["change_time"] * (1 + 1e-12 * draw.random(n))
    one, two = mantel_byar(**given_), mantel_byar(**other)
    for name in ("observed", "expected", "variance", "statistic"):
        assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-9, atol=1e-12)
    at = np.arange(16)
    here, there = simon_makuch(**given_), simon_makuch(**other)
    assert_array_equal(numbers_at_risk(here, at), numbers_at_risk(there, at))
    for state in (0, 1):
        assert_allclose(
            here.curves.survival[0, state][here.curves.ordered.last[0, state]],
            there.curves.survival[0, state][there.curves.ordered.last[0, state]],
        )


@properties
@given(seeds, sizes)
def test_episodes_add_up(seed: int, n: int) -> None:
    given_ = cohort(seed, n)
    rows = episodes(**given_)
    length = np.where(rows.where, rows.time - rows.entry, 0.0)[0].reshape(2, n).sum(axis=0)
    here = given_["where"][0]
    assert_array_equal(length, np.where(here, given_["time"][0], 0.0))
    events = rows.event[0].reshape(2, n).sum(axis=0)
    assert_array_equal(events, here & given_["event"][0] & (given_["time"][0] > 0))
    assert not rows.event[~rows.where].any()


@properties
@given(seeds, sizes)
def test_without_change_it_is_kaplan_meier(seed: int, n: int) -> None:
    given_ = cohort(seed, n)
    given_["time"] += 1
    never = {**given_, "change_time": np.full((1, n), np.nan)}
    at_once = {**given_, "change_time": np.zeros((1, n))}
    plain = curves(given_["time"], given_["event"], where=given_["where"])
    for changes, state in ((never, 0), (at_once, 1)):
        found = simon_makuch(**changes).curves
        assert_allclose(found.survival[:, state], plain.survival)
        assert_allclose(found.variance[:, state], plain.variance)
        assert found.n[0, 1 - state] == 0


@properties
@given(seeds, st.integers(2, 25))
def test_mantel_byar_without_ties_is_the_score_test(seed: int, n: int) -> None:
    given_ = cohort(seed, n)
    draw = np.random.default_rng(seed)
    given_["time"] += draw.random((1, n))
    rows = episodes(**given_)
    fit = cox(rows.time, rows.event, rows.state, entry=rows.entry, where=rows.where)
    assert_allclose(fit.score.statistic, mantel_byar(**given_).statistic, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("change_time", [[2.0, 4.0, np.nan], [np.nan, np.nan, np.nan]])
def test_numbers_that_know_no_late_entry_are_refused(change_time: list[float]) -> None:
    found = simon_makuch([3, 5, 6], [1, 0, 1], change_time)
    with pytest.raises(KitError, match=r"came under observation late.*numbers_at_risk"):
        counts(found.curves, [1])
    counts(curves([3, 5, 6], [1, 0, 1]), [1])
