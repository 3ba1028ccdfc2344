"""A batch is worked on in pieces: whatever they are, each cohort has its own results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from helpers.errors import KitError
from helpers.survival.comparison import logrank
from helpers.survival.competing import cumulative_incidence, incidence_at, incidence_limits
from helpers.survival.curves import curves, limits
from helpers.survival.gray import gray_test
from helpers.survival.ordered import alike, blocks, ordered

RNG = np.random.default_rng(7)
MEMBERS, PATIENTS = 7, 30
TIME = np.round(RNG.exponential(10, (MEMBERS, PATIENTS)), 0)
CODE = RNG.integers(0, 3, TIME.shape)
GROUP = RNG.integers(0, 3, TIME.shape)
STRATUM = RNG.integers(0, 2, TIME.shape)
WHERE = RNG.random(TIME.shape) < 0.9
TIME[2], WHERE[4] = 0, False


def incidences(time: Any, code: Any, group: Any, stratum: Any, where: Any) -> Any:
    found = cumulative_incidence(time, code, where=where, causes=[1, 2])
    # Of the limits, what is read at some times: the number of steps differs between batches.
    width = [
        incidence_at(found, [2.0, 9.0, 20.0], conf_type=kind)
        for kind in ("log-log", "log", "plain", "arcsine")
    ]
    band = np.nanmax(incidence_limits(found)[0], axis=-1, initial=0.0)
    return width, band


def gray_tests(time: Any, code: Any, group: Any, stratum: Any, where: Any) -> Any:
    plain = gray_test(time, code, group, where=where)
    return plain, gray_test(time, code, group, where=where, strata=stratum)


def gray_tests_of_causes(time: Any, code: Any, group: Any, stratum: Any, where: Any) -> Any:
    return gray_test(time, code, group, where=where, cause=[2, 1], rho=1.0)


def logrank_tests(time: Any, code: Any, group: Any, stratum: Any, where: Any) -> Any:
    plain = logrank(time, code > 0, group, where=where)
    return plain, logrank(time, code > 0, group, where=where, strata=stratum, weights="peto")


def bands(time: Any, code: Any, group: Any, stratum: Any, where: Any) -> Any:
    found = curves(time, code > 0, where=where)
    return limits(found), limits(found, conf_type="log")


def arrays(found: Any) -> Iterator[Any]:
    """Yield all arrays with a cohort on their first axis."""
    if is_dataclass(found):
        for field in fields(found):
            if field.name != "groups":
                yield from arrays(getattr(found, field.name))
    elif isinstance(found, (tuple, list)):
        for each in found:
            yield from arrays(each)
    elif isinstance(found, np.ndarray):
        yield found


@pytest.mark.parametrize(
    "estimate", [incidences, gray_tests, gray_tests_of_causes, logrank_tests, bands]
)
@pytest.mark.parametrize("size", [1, 2 * PATIENTS, 3 * PATIENTS])
def test_each_cohort_is_as_by_itself(
    estimate: Callable[..., Any], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = (TIME, CODE, GROUP, STRATUM, WHERE)
    monkeypatch.setattr("helpers.survival.ordered._BLOCK", size)
    assert len(list(blocks(TIME.shape))) == {1: 7, 60: 4, 90: 3}[size]
    together = list(arrays(estimate(*given)))
    for member in set(range(MEMBERS)) - {4}:  # nobody counts: no groups
        alone = list(arrays(estimate(*(values[member] for values in given))))
        for all_, one in zip(together, alone, strict=True):
            if all_.dtype.kind == "U":
                assert_array_equal(all_[member], one)
            else:
                assert_allclose(all_[member], one, rtol=1e-9, atol=1e-12)


def test_a_batch_is_cut_along_its_first_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.survival.ordered._BLOCK", 12)
    assert list(blocks((5, 2, 3))) == [slice(0, 2), slice(2, 4), slice(4, 6)]
    assert list(blocks((2, 2, 3))) == [...]
    assert list(blocks((100,))) == [...]
    assert list(blocks((3, 0))) == [...]
    assert list(blocks((0, 4))) == [...]


def test_members_with_as_many_events_share_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.survival.ordered._BLOCK", 20)
    counts = np.array([7, 0, 3, 9, 3, 0])
    pieces = alike(counts)
    assert sorted(np.concatenate(pieces)) == list(range(6))
    assert [counts[piece].tolist() for piece in pieces] == [[0, 0, 3], [3, 7], [9]]
    assert [piece.tolist() for piece in alike(counts[:0])] == [[]]


@pytest.mark.parametrize("size", [1, 2 * PATIENTS, 10**6])
def test_order_by_definition(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.survival.ordered._BLOCK", size)
    nearly = TIME + RNG.uniform(0, 1e-12, TIME.shape)
    for time in (TIME, nearly):
        placed = ordered(time, WHERE)
        assert_array_equal(placed.n, WHERE.sum(axis=-1))
        assert_array_equal(placed.restore(placed.arrange(CODE)), CODE)
        for i in range(MEMBERS):
            exact = np.sort(TIME[i, WHERE[i]])
            n = len(exact)
            assert_allclose(placed.time[i, :n], exact, atol=1e-11)
            assert np.isinf(placed.time[i, n:]).all()
            assert_array_equal(np.diff(placed.time[i, :n]) > 0, np.diff(exact) > 0)
            assert_array_equal(placed.arrange(TIME)[i, :n], exact)
            place = np.arange(n, PATIENTS)
            first, last = (np.searchsorted(exact, exact, side=side) for side in ("left", "right"))
            assert_array_equal(placed.start[i], np.append(first, place))
            assert_array_equal(placed.end[i], np.append(last - 1, place))
            assert_array_equal(placed.at_risk[i], np.append(n - first, 0 * place))
            assert_array_equal(placed.present[i], np.arange(PATIENTS) < n)


def test_a_wrong_time_is_named_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helpers.survival.ordered._BLOCK", 1)
    for wrong in (np.nan, np.inf, -np.inf, -1.0):
        time = TIME.copy()
        time[3, 5] = wrong
        where = np.ones(TIME.shape, dtype=bool)
        with pytest.raises(KitError, match=f"^time: given {wrong}; right would be: a finite"):
            ordered(time, where)
        where[3, 5] = False  # who doesn't count may have any
        assert ordered(time, where).n[3] == PATIENTS - 1
