"""A batch is worked on in pieces: whatever they are, each cohort has its own results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from helpers.survival.comparison import logrank
from helpers.survival.competing import cumulative_incidence, incidence_at, incidence_limits
from helpers.survival.curves import curves, limits
from helpers.survival.gray import gray_test
from helpers.survival.ordered import blocks

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


@pytest.mark.parametrize("estimate", [incidences, gray_tests, logrank_tests, bands])
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
