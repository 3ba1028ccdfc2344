"""Changes put together: the tests of a cohort whose curves are right are brought right, too.

A log-rank or Fine-Gray statistic must meet its printed P value within some thousandths, and a
dozen of them at once. A single change of one history alters several; that it alters all of them
as wished is a rare chance, on which an annealer at low heat waits for long. But what two changes
of different patients do together is nearly the sum of what each does. So all changes that leave
the curves alone are tried once, and the tests' values after pairs, triples and quadruples of
them are looked up in a tree of pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.reconstruct import search

_ROUNDS = 16
_PATIENCE = 3
_TRIES = 40_000
_FOUND = 15_000
_CHANGES = 1_000
_LOOKED_UP = 12_000
_NARROW, _WIDE, _FAR, _FEW = 0.6, 0.9, 3.0, 1_500
_CHECKED = 60
FARTHEST = 60.0
"""Further off than this, in half widths of what is printed, adding up is of no use."""

_STEPS = 30_000
_STRAIGHTEN = (100_000, 0.01, 1e-4)
CURVES_FAR = 0.15
"""Further off than this, curves are not straightened."""

_STUCK = 2
_APPROACH = (400_000, 0.02, 1e-4)
_WALL = 1e-3
"""What the units of the curves' numbers are multiplied by: none is given up."""
_NEARER = 0.98
_ABOUT = 0.01  # of the root of chi-squared
_ORIGIN, _UNIT = -1e3, 1e6  # so that an energy tells a test's value, whatever its sign
_NEAR = 1e-12
_COLD = 1e-7

Arrays = dict[str, Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Changes:
    """Changes of a cohort: what each adds to the tests, and the histories it leaves."""

    adds: Floats
    rows: NDArray[np.int64]
    who: NDArray[np.int64]


def settle(rng: np.random.Generator, begun: Arrays, arrays: Arrays) -> bool:
    """Bring the tests of a cohort to what was printed, without touching its curves.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    begun : dict of str to numpy.ndarray
        The histories, as `helpers.reconstruct.times.start` returns them; changed in place.
    arrays : dict of str to numpy.ndarray
        `helpers.reconstruct.times.Problem.arrays`.

    Returns
    -------
    bool
        Whether every curve and every test is now as printed.
    """
    middle, half = _windows(arrays)
    nearest, stuck = np.inf, 0
    for turn in range(_ROUNDS):
        if turn:
            wander(rng, begun, arrays, steps=_STEPS)
        changes, curves, tests = _probed(rng, begun, arrays, _TRIES)
        off = (tests - middle) / half
        worst = float(np.abs(off).max(initial=0.0))
        if curves > _NEAR or worst > FARTHEST:
            return False
        if worst <= 1:
            return True
        stuck = stuck + 1 if worst > _NEARER * nearest else 0
        nearest = min(nearest, worst)
        if stuck >= _PATIENCE:
            return False
        if not len(changes.adds):
            continue
        best = begun["day"]
        for together in _together(rng, off, changes, half, worst):
            day = begun["day"].copy()
            for change in together:
                for place, patient in enumerate(changes.who[change]):
                    if patient >= 0:
                        day[patient] = changes.rows[change, place]
            _, curves, tests = _probed(rng, begun | {"day": day}, arrays, 0)
            now = _farthest(tests, middle, half)
            if curves <= _NEAR and now < worst:
                best, worst = day, now
            if worst <= 1:
                break
        begun["day"][:] = best
        if worst <= 1:
            return True
    return False


def straighten(rng: np.random.Generator, begun: Arrays, arrays: Arrays) -> tuple[float, float]:
    """Cool a cohort's curves down to what was printed, the tests staying about as they are.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    begun : dict of str to numpy.ndarray
        The histories; changed in place.
    arrays : dict of str to numpy.ndarray
        The problem's arrays.

    Returns
    -------
    curves : float
        How far off the curves are now; 0 if they are as printed.
    tests : float
        How far off the farthest test is, in half widths of what is printed.
    """
    middle, half = _windows(arrays)
    nearest, stuck = np.inf, 0
    steps, hot, cold = _STRAIGHTEN
    for _ in range(_ROUNDS):
        _, curves, tests = _probed(rng, begun, arrays, 0)
        stuck = stuck + 1 if curves > _NEARER * nearest else 0
        nearest = min(nearest, curves)
        if curves <= _NEAR or curves > CURVES_FAR or stuck == _STUCK:
            break
        bounds = arrays["test_bounds"].copy()
        bounds[:, 1] = np.minimum(bounds[:, 1], tests) - _ABOUT
        bounds[:, 2] = np.maximum(bounds[:, 2], tests) + _ABOUT
        weighed = arrays | {"test_bounds": bounds}
        search.anneal(rng, **begun, **weighed, n_steps=steps, hot=hot, cold=cold, stop_at=1e-9)
    return curves if curves > _NEAR else 0.0, _farthest(tests, middle, half)


def approach(rng: np.random.Generator, begun: Arrays, arrays: Arrays) -> None:
    """Cool the tests of a cohort whose curves are right, none of these being given up.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    begun : dict of str to numpy.ndarray
        The histories; changed in place.
    arrays : dict of str to numpy.ndarray
        The problem's arrays.
    """
    numbers = arrays["numbers"].copy()
    numbers[:, 3] *= _WALL
    steps, hot, cold = _APPROACH
    walled = arrays | {"numbers": numbers}
    search.anneal(rng, **begun, **walled, n_steps=steps, hot=hot, cold=cold, stop_at=1e-9)


def wander(rng: np.random.Generator, begun: Arrays, arrays: Arrays, *, steps: int) -> None:
    """Change a cohort at random without taking any curve or test further off than it is.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    begun : dict of str to numpy.ndarray
        The histories; changed in place.
    arrays : dict of str to numpy.ndarray
        The problem's arrays.
    steps : int
        How many changes to try.
    """
    _, _, tests = _probed(rng, begun, arrays, 0)
    bounds = arrays["test_bounds"].copy()
    bounds[:, 1] = np.minimum(bounds[:, 1], tests - _NEAR)
    bounds[:, 2] = np.maximum(bounds[:, 2], tests + _NEAR)
    search.anneal(
        rng,
        **begun,
        **arrays | {"test_bounds": bounds},
        n_steps=steps,
        hot=_COLD,
        cold=_COLD,
        stop_at=-1.0,
    )


def _windows(arrays: Arrays) -> tuple[Floats, Floats]:
    """Return the middle and half the width of what is printed of each test."""
    lowest, highest = arrays["test_bounds"][:, 1], arrays["test_bounds"][:, 2]
    # Where only one side is printed the other is as good as endless.
    lower = np.where(np.isfinite(lowest), lowest, highest - 2e3)
    upper = np.where(np.isfinite(highest), highest, lowest + 2e3)
    return (lower + upper) / 2, (upper - lower) / 2


def _farthest(tests: Floats, middle: Floats, half: Floats) -> float:
    return float(np.abs((tests - middle) / half).max(initial=0.0))


def _probed(
    rng: np.random.Generator, begun: Arrays, arrays: Arrays, steps: int
) -> tuple[_Changes, float, Floats]:
    """Return changes that leave the curves alone, the curves' energy and the tests' values."""
    bounds = arrays["test_bounds"].copy()
    bounds[:, 1], bounds[:, 2], bounds[:, 3] = _ORIGIN, _ORIGIN, _UNIT
    room = _FOUND if steps else 1
    values = np.zeros((room, len(bounds)))
    rows = np.zeros((room, 2, begun["day"].shape[1]), np.int64)
    who = np.zeros((room, 2), np.int64)
    found, curves, tests = search.probe(
        rng,
        **begun,
        **arrays | {"test_bounds": bounds},
        n_steps=steps,
        values=values,
        rows=rows,
        who=who,
    )
    adds = values[:found] * _UNIT
    # Many changes do the same to the tests: one of each kind will do.
    _, kept = np.unique(np.round(adds, 7), axis=0, return_index=True)
    return _Changes(adds[kept], rows[kept], who[kept]), curves, tests * _UNIT + _ORIGIN


def _together(
    rng: np.random.Generator, off: Floats, changes: _Changes, half: Floats, worst: float
) -> list[list[int]]:
    """Return sets of two to four changes whose sum should bring the tests nearest, best first."""
    from scipy.spatial import cKDTree

    adds = changes.adds / half
    by_size = np.argsort(np.abs(adds).sum(axis=1))
    small, large = by_size[: _CHANGES // 2], by_size[_CHANGES // 2 :]
    chosen = np.concatenate([small, rng.permutation(large)[: _CHANGES - len(small)]])
    first, second = (chosen[each] for each in np.triu_indices(len(chosen), 1))
    apart = ~_share(changes.who[first], changes.who[second])
    first, second = first[apart], second[apart]
    sums = adds[first] + adds[second]
    if not len(sums):
        return []
    tree = cKDTree(sums, balanced_tree=False, compact_nodes=False)
    picked = rng.permutation(len(sums))[:_LOOKED_UP]
    others = [[], *([one] for one in range(len(adds)))]
    others += [[int(first[each]), int(second[each])] for each in picked]
    added = np.concatenate([np.zeros((1, len(off))), adds, sums[picked]])
    # A wide reach takes many times as long as a narrow one, which mostly finds enough.
    for reach in (max(1.0, _NARROW * worst), max(1.0, _WIDE * worst)):
        few = np.arange(len(added)) if reach < _FAR else rng.permutation(len(added))[:_FEW]
        distance = np.full(len(added), np.inf)
        nearest = np.zeros(len(added), np.int64)
        distance[few], nearest[few] = tree.query(
            -off - added[few], p=np.inf, distance_upper_bound=reach
        )
        if np.isfinite(distance).any():
            break
    found = []
    for each in np.argsort(distance, kind="stable")[:_CHECKED]:
        if not np.isfinite(distance[each]):
            break
        together = [*others[each], int(first[nearest[each]]), int(second[nearest[each]])]
        people = [patient for one in together for patient in changes.who[one] if patient >= 0]
        if len(set(people)) == len(people):
            found.append(together)
    return found


def _share(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say of pairs of changes whether a patient is in both."""
    same = (one[:, :, None] == other[:, None, :]) & (one[:, :, None] >= 0)
    found: NDArray[np.bool_] = same.any(axis=(1, 2))
    return found
