"""Events of several causes: their codes, and the times at which they happen as steps.

Curves change at events only. A cohort has fewer times of events than patients, so what is worked
out step by step is worked out on steps alone.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.survival.ordered import Flags, Floats, Integers, Ordered, coded

_CODE = "0 (censored) or a cause: 1, 2, ..."


class Steps:
    """The distinct times of events: a row for each cohort, as wide as the longest needs.

    Parameters
    ----------
    placed : Ordered
        The patients.
    failed : numpy.ndarray of bool
        Who counts and had an event of any cause, in that order.

    Attributes
    ----------
    width : int
        Places for steps in each row. Those that a cohort doesn't need are at the end.
    events : numpy.ndarray of int
        Places of the events among the patients of all cohorts.
    at_risk : numpy.ndarray of float
        Patients at risk at each step, 0 where there is none; shape ``(..., width)``.
    """

    width: int
    events: Integers
    at_risk: Floats

    def __init__(self, placed: Ordered, failed: Flags) -> None:
        size = max(placed.time.shape[-1], 1)
        self._shape = placed.n.shape
        self.events = np.flatnonzero(failed)  # places of the events
        rows = self.events // size
        times = rows * size + placed.start.reshape(-1)[self.events]
        first = np.ones(times.shape, dtype=bool)
        first[1:] = times[1:] != times[:-1]
        self._starts = times[first]
        own_rows = rows[first]
        each = np.bincount(own_rows, minlength=placed.n.size)
        self.width = int(each.max(initial=0))
        self._size = math.prod(self._shape) * self.width
        skipped = np.arange(placed.n.size) * self.width - (np.cumsum(each) - each)
        number = np.cumsum(first) - 1
        self._step = number + skipped[rows]  # each event's
        self._own = self._step[first]
        # Nobody comes late where there are several causes.
        left = placed.n.reshape(-1)[own_rows] - self._starts % size
        self.at_risk = self._dense(left, 0.0)

    def at_step(self, values: NDArray[Any], default: float) -> Floats:
        """Return the values of the first patients who share each step's time.

        Parameters
        ----------
        values : numpy.ndarray
            Shape ``(..., patients)``, in order.
        default : float
            The value where there is no step.

        Returns
        -------
        numpy.ndarray of float
            Shape ``(..., width)``.
        """
        return self._dense(values.reshape(-1)[self._starts], default)

    def _dense(self, values: NDArray[Any], default: float) -> Floats:
        """Put one value per step in its place."""
        dense = np.full(self._size, default)
        dense[self._own] = values
        return dense.reshape(*self._shape, self.width)

    def count(self, flags: Flags) -> Floats:
        """Count events at each step.

        Parameters
        ----------
        flags : numpy.ndarray of bool
            Which of `events` to count.

        Returns
        -------
        numpy.ndarray of float
            Shape ``(..., width)``.
        """
        dense = np.bincount(self._step, weights=flags, minlength=self._size)
        return np.asarray(dense, dtype=np.float64).reshape(*self._shape, self.width)


def cause_codes(code: ArrayLike) -> NDArray[Any]:
    """Return how each time ended, checked.

    Parameters
    ----------
    code : array_like of int
        0 for censored, else the number of the cause; shape ``(..., patients)``.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    KitError
        If a code cannot be used.
    """

    def allowed(values: NDArray[Any]) -> Flags:
        if values.dtype.kind in "biu":
            return np.asarray(values >= 0)
        if values.dtype.kind != "f":
            return np.zeros(values.shape, dtype=bool)
        return np.asarray(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))

    codes = np.asarray(code)
    if codes.dtype == object:  # pandas keeps whole numbers so, where some may be missing
        with contextlib.suppress(TypeError, ValueError):
            codes = codes.astype(float)
    return coded(codes, "code", _CODE, allowed)


def cause_number(cause: int, name: str) -> int:
    """Return the number of a cause, checked.

    Parameters
    ----------
    cause : int
        1 or more.
    name : str
        What to call it if it cannot be used.

    Returns
    -------
    int

    Raises
    ------
    KitError
        If it cannot be used.
    """
    if isinstance(cause, bool) or not isinstance(cause, int | np.integer) or cause < 1:
        raise KitError(f"given {cause!r}", where=name, right="a cause: 1, 2, ...")
    return int(cause)


def just_before(survival: NDArray[np.floating[Any]]) -> Floats:
    """Return survival just before each step, given that right after it.

    Parameters
    ----------
    survival : numpy.ndarray of float
        Shape ``(..., steps)``.

    Returns
    -------
    numpy.ndarray of float
        As `survival`, with 1 before the first step.
    """
    before = np.ones(survival.shape)
    before[..., 1:] = survival[..., :-1]
    return before


def later_sums(values: Floats) -> Floats:
    """Sum what comes after each step.

    Parameters
    ----------
    values : numpy.ndarray of float
        Shape ``(..., steps)``.

    Returns
    -------
    numpy.ndarray of float
        As `values`, with 0 at the last step.
    """
    sums = np.zeros(values.shape)
    np.cumsum(values[..., :0:-1], axis=-1, out=sums[..., -2::-1])
    return sums


class Draw:
    """What the variance of tied events loses: they are drawn, not put back.

    Parameters
    ----------
    at_risk : numpy.ndarray of float
        Patients at risk at each step.
    scale : numpy.ndarray of float
        What each event counts.
    """

    def __init__(self, at_risk: Floats, scale: Floats) -> None:
        self._at_risk = np.maximum(at_risk, 2.0)  # the last one is no choice
        self._scale = scale / (self._at_risk - 1)

    def __call__(self, events: Floats) -> Floats:
        """Return the events at each step, less what their variance loses, times the scale.

        Parameters
        ----------
        events : numpy.ndarray of float
            Shape of the patients at risk.

        Returns
        -------
        numpy.ndarray of float
            As `events`.
        """
        kept = self._at_risk - events
        kept *= events
        kept *= self._scale
        return kept


def over(values: Floats, divisor: Floats) -> Floats:
    """Divide, with 0 where the divisor is 0. A mask to NumPy's own division is slow.

    Parameters
    ----------
    values, divisor : numpy.ndarray of float
        Of one shape.

    Returns
    -------
    numpy.ndarray of float
        As `values`.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.asarray(values / divisor)
    result[divisor == 0] = 0.0
    return result
