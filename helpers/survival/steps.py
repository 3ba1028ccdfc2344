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
from helpers.survival.ordered import TOLERANCE, Flags, Floats, Integers, coded

_CODE = "0 (censored) or a cause: 1, 2, ..."


class Steps:
    """The distinct times of events: a row for each cohort, as wide as the longest needs.

    Parameters
    ----------
    time : numpy.ndarray of float
        The times in order, as `Ordered` has them; shape ``(..., patients)``.
    n : numpy.ndarray of int
        Patients who count; shape ``(...)``.
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

    def __init__(self, time: Floats, n: Integers, failed: Flags) -> None:
        size = max(time.shape[-1], 1)
        self._shape = n.shape
        self.events = np.flatnonzero(failed)
        times = time.reshape(-1)
        opens = np.ones(times.shape, dtype=bool)
        np.not_equal(times[1:], times[:-1], out=opens[1:])
        opens[::size] = True
        # Each event's time, as the number of distinct times up to there.
        number = np.cumsum(opens)[self.events]
        first = np.ones(number.shape, dtype=bool)
        np.not_equal(number[1:], number[:-1], out=first[1:])
        self._starts = np.flatnonzero(opens)[number[first] - 1]
        rows = self._starts // size
        each = np.bincount(rows, minlength=n.size)
        self.width = int(each.max(initial=0))
        self._size = math.prod(self._shape) * self.width
        skipped = np.arange(n.size) * self.width - (np.cumsum(each) - each)
        self._own = np.arange(rows.size) + skipped[rows]
        self._step = self._own[np.cumsum(first) - 1]  # each event's
        # Nobody comes late where there are several causes.
        beyond = np.arange(n.size) * size + n.reshape(-1)
        self.at_risk = self._dense(beyond[rows] - self._starts, 0.0)

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


class Survival:
    """Survival without any event at each step, and what variances need of it.

    Parameters
    ----------
    events : numpy.ndarray of float
        Events at each step.
    at_risk : numpy.ndarray of float
        Patients at risk at each step, 0 where there is none.

    Attributes
    ----------
    events : numpy.ndarray of float
        As given.
    at_risk : numpy.ndarray of float
        As given, but 1 where it is 0: nothing happens there, and one can divide by it.
    before, after : numpy.ndarray of float
        Survival just before each step, and right after it.
    share : numpy.ndarray of float
        What each patient at risk has of survival just before.
    inverse : numpy.ndarray of float
        One over `after`. Where nobody survives nothing comes after, and any number will do.
    """

    events: Floats
    at_risk: Floats
    before: Floats
    after: Floats
    share: Floats
    inverse: Floats

    def __init__(self, events: Floats, at_risk: Floats) -> None:
        self.events = events
        self.at_risk = np.maximum(at_risk, 1.0)
        self.after = np.cumprod(1 - events / self.at_risk, axis=-1, dtype=np.float64)
        self.before = just_before(self.after)
        self.share = self.before / self.at_risk
        # Of n patients, survivors are at least 1 / n.
        self.inverse = 1 / np.maximum(self.after, TOLERANCE)
        self._drawn_from = np.maximum(at_risk, 2.0)  # the last one is no choice
        self._scale = self.share**2 / (self._drawn_from - 1)

    def spread(self, events: Floats) -> Floats:
        """Return the variance that some events at each step bring in.

        Parameters
        ----------
        events : numpy.ndarray of float
            How many; shape of `events`.

        Returns
        -------
        numpy.ndarray of float
            The square of what each of them counts, less what is lost as those who share a time
            are drawn and not put back.
        """
        kept = self._drawn_from - events
        kept *= events
        kept *= self._scale
        return kept
