"""Members pushed apart: as far as the printed numbers let them go.

A search ends with the first cohort that has every printed number, and such cohorts resemble one
another more than they must. From there a cohort is pulled towards more or fewer survivors at some
day, every printed number staying as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.reconstruct import combine, search

Arrays = dict[str, Any]

_WALL = 1e-3
"""What the units of printed numbers are multiplied by: none is given up for the pull."""
_PULL = 50.0  # of survival: the pull of one whole is a fiftieth, so that heat can overcome it
_HOT, _COLD = 1e-3, 1e-5
_LET_GO = 0.02  # of the root of chi-squared
_PUSHES, _PUSH_STEPS = 3, 60_000


def pull(
    rng: np.random.Generator,
    begun: Arrays,
    arrays: Arrays,
    *,
    endpoint: int,
    patients: NDArray[np.bool_],
    day: float,
    up: bool,
    steps: int,
) -> None:
    """Take a cohort that has every printed number to more, or fewer, without the event by a day.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of randomness.
    begun : dict of str to numpy.ndarray
        The histories, as `helpers.reconstruct.times.start` returns them; changed in place.
    arrays : dict of str to numpy.ndarray
        `helpers.reconstruct.times.Problem.arrays`.
    endpoint : int
        Place of the endpoint among those of the arrays.
    patients : numpy.ndarray of bool
        Whose curve is pulled.
    day : float
        At which day on the endpoint's clock.
    up : bool
        Towards more without the event, else fewer.
    steps : int
        How many changes to try.
    """
    walls = _walls(arrays)
    goal = 1.0 if up else 0.0
    pulled = walls | {
        "masks": np.vstack([walls["masks"], patients]),
        "curve_endpoint": np.append(walls["curve_endpoint"], endpoint),
        "curve_mask": np.append(walls["curve_mask"], len(walls["masks"])),
        "first": np.append(walls["first"], walls["first"][-1] + 1),
        "targets": np.vstack([walls["targets"], [search.LANDMARK, 0]]),
        "numbers": np.vstack([walls["numbers"], [day, goal, goal, _PULL]]),
    }
    before = begun["day"].copy()
    search.anneal(rng, **begun, **pulled, n_steps=steps, hot=_HOT, cold=_COLD, stop_at=-1.0)
    if not kept(rng, begun, arrays):
        begun["day"][:] = before


def push(rng: np.random.Generator, begun: Arrays, arrays: Arrays, *, steps: int) -> None:
    """Pull a cohort in a direction that chance decides: endpoint, patients, day, up or down.

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
    if not len(arrays["curve_endpoint"]):
        return
    which = rng.integers(len(arrays["curve_endpoint"]))
    longest = begun["day"][:, search.LAST].max()
    pull(
        rng,
        begun,
        arrays,
        endpoint=int(arrays["curve_endpoint"][which]),
        patients=arrays["masks"][arrays["curve_mask"][which]],
        day=float(rng.integers(1, max(2, longest))),
        up=bool(rng.random() < 0.5),
        steps=steps,
    )


def leap(rng: np.random.Generator, begun: Arrays, arrays: Arrays) -> bool:
    """Take a cohort to another one with every printed number, further than one can wander.

    The tests of survival times are let go a little, the cohort is pushed about, and the tests are
    brought back.

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
    bool
        Whether every number came back; if not, the cohort is as it was.
    """
    before = begun["day"].copy()
    bounds = arrays["test_bounds"].copy()
    bounds[:, 1] -= _LET_GO
    bounds[:, 2] += _LET_GO
    loose = arrays | {"test_bounds": bounds}
    for _ in range(_PUSHES):
        push(rng, begun, loose, steps=_PUSH_STEPS)
    combine.approach(rng, begun, arrays)
    if combine.settle(rng, begun, arrays):
        return True
    begun["day"][:] = before
    return False


def kept(rng: np.random.Generator, begun: Arrays, arrays: Arrays) -> bool:
    """Say whether a cohort has every printed number.

    Parameters
    ----------
    rng : numpy.random.Generator
        Not drawn from; the search asks for one.
    begun : dict of str to numpy.ndarray
        The histories.
    arrays : dict of str to numpy.ndarray
        The problem's arrays.

    Returns
    -------
    bool
    """
    energy, _ = search.anneal(rng, **begun, **arrays, n_steps=0, hot=1.0, cold=1.0, stop_at=0.0)
    return bool(energy <= 1e-9)


def _walls(arrays: Arrays) -> Arrays:
    """Return the problem with every printed number too dear to give up."""
    numbers, bounds = arrays["numbers"].copy(), arrays["test_bounds"].copy()
    numbers[:, 3] *= _WALL
    bounds[:, 3] *= _WALL
    return arrays | {"numbers": numbers, "test_bounds": bounds}
