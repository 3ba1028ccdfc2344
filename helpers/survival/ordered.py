"""Observed times put in order, a whole batch at once: what every estimate here starts from.

A batch is an array whose last axis runs over patients and whose other axes run over anything
else: members of an ensemble, groups, bootstrap samples. One cohort is a batch without other
axes. Who counts may differ from one to the next (`where`), the length of the last axis may not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import NormalDist
from types import EllipsisType
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

TOLERANCE = float(np.sqrt(np.finfo(np.float64).eps))
"""Times closer than this, absolutely or relative to their mean, are one time, as in R."""
_BLOCK = 1 << 14
"""So many values at a time stay in the processor's cache, with what is worked out from them."""

_KEPT = 31 << 17
"""So many values were once allocated and freed: 31 MiB, of which nothing is ever touched.

glibc hands freed memory back to the system, and gets it again page by page, which takes a third
as long as the arithmetic of a block. But it keeps up to twice the largest array that it has seen
freed, if that is below 32 MiB. Other systems don't mind.
"""
np.empty(_KEPT)


@dataclass(frozen=True, eq=False)
class Ordered:
    """A batch of observed times in ascending order.

    All arrays have the shape ``(..., patients)``. Patients who don't count stand at the end,
    with the time ``inf``.

    Attributes
    ----------
    time : numpy.ndarray of float
        The times, ascending. Times that differ by rounding error only are made the same.
    order : numpy.ndarray of int
        Where in the unordered batch each patient stands.
    present : numpy.ndarray of bool
        Who counts.
    n : numpy.ndarray of int
        Patients who count; shape ``(...)``.
    observed : numpy.ndarray of float, optional
        Patients under observation at each time, if some may have come late, so that `n` and the
        times alone don't tell who is at risk.
    """

    time: Floats
    order: Integers
    present: Flags
    n: Integers
    observed: Floats | None = None

    # Worked out when asked for: arrays of a whole batch cost more than what is done to them.

    @cached_property
    def start(self) -> Integers:
        """Position of the first of the patients who share this one's time.

        Returns
        -------
        numpy.ndarray of int
            Shape of `time`.
        """
        again, run, first, _ = self._shared
        return self._places(again, first[run])

    @cached_property
    def end(self) -> Integers:
        """Position of the last of the patients who share this one's time.

        Returns
        -------
        numpy.ndarray of int
            Shape of `time`.
        """
        again, run, first, last = self._shared
        return self._places(np.append(again, first), np.append(last[run], last))

    @property
    def _shared(self) -> tuple[Integers, Integers, Integers, Integers]:
        """Who has the time of the one before, and their `_runs`: places in the whole batch."""
        same = (self.time[..., 1:] == self.time[..., :-1]) & self.present[..., 1:]
        again = _after_gap(same)
        return again, *_runs(again)

    def _places(self, some: Integers, places: Integers) -> Integers:
        """Return everyone's own position, but for some of them."""
        size = self.time.shape[-1]
        position = np.empty(self.time.shape, dtype=np.int64)
        position[...] = np.arange(size)
        if some.size:
            position.reshape(-1)[some] = places % size
        return position

    @cached_property
    def at_risk(self) -> Floats:
        """Patients who count and whose time is this one or later.

        Returns
        -------
        numpy.ndarray of float
            Shape of `time`.
        """
        if self.observed is not None:
            return self.observed
        left = np.subtract(self.n[..., None], self.start, dtype=np.float64)
        # Those who don't count stand beyond the last one.
        return np.maximum(left, 0.0, out=left)

    @property
    def late(self) -> bool:
        """Whether patients may have come under observation after time 0."""
        return self.observed is not None

    def arrange(self, values: ArrayLike) -> NDArray[Any]:
        """Put one value per patient into the order of the times.

        Parameters
        ----------
        values : array_like
            Shape ``(..., patients)``, or what broadcasts to it.

        Returns
        -------
        numpy.ndarray
            As `values`, in order.
        """
        array = np.broadcast_to(np.asarray(values), self.order.shape)
        return _taken(array, self.order)

    def restore(self, values: NDArray[Any]) -> NDArray[Any]:
        """Put one value per patient back to where the patient stood: `arrange` undone.

        Parameters
        ----------
        values : numpy.ndarray
            Shape ``(..., patients)``, in order.

        Returns
        -------
        numpy.ndarray
            As `values`, in the order in which the times were given.
        """
        placed = np.empty_like(values)
        np.put_along_axis(placed, self.order, values, axis=-1)
        return placed

    @property
    def last(self) -> Flags:
        """Whether a patient is the last of those who share a time, and counts."""
        return np.asarray((np.arange(self.time.shape[-1]) == self.end) & self.present)

    def up_to(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum values, given in order, over everyone up to and including each time.

        Parameters
        ----------
        values : numpy.ndarray
            Shape ``(..., patients)``, in order, 0 for those who don't count.

        Returns
        -------
        numpy.ndarray of float
            One sum per patient; those who share a time share the sum.
        """
        return np.take_along_axis(np.cumsum(values, axis=-1, dtype=float), self.end, axis=-1)

    def before(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum values, given in order, over everyone before each time.

        Parameters
        ----------
        values : numpy.ndarray
            Shape ``(..., patients)``, in order, 0 for those who don't count.

        Returns
        -------
        numpy.ndarray of float
            One sum per patient; those who share a time share the sum.
        """
        sums = np.cumsum(values, axis=-1, dtype=float)
        sums -= values  # exclusive
        return np.take_along_axis(sums, self.start, axis=-1)

    def from_on(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum values, given in order, over everyone at risk at each time.

        Parameters
        ----------
        values : numpy.ndarray
            Shape ``(..., patients)``, in order, 0 for those who don't count.

        Returns
        -------
        numpy.ndarray of float
            One sum per patient; those who share a time share the sum.
        """
        sums = np.cumsum(values[..., ::-1], axis=-1, dtype=float)[..., ::-1]
        return np.take_along_axis(sums, self.start, axis=-1)

    def at_time(self, values: NDArray[Any]) -> NDArray[Any]:
        """Sum values, given in order, over those who share a time; at the last of them.

        Parameters
        ----------
        values : numpy.ndarray
            Shape ``(..., patients)``, in order, 0 for those who don't count.

        Returns
        -------
        numpy.ndarray of float
            The sum at the last patient of each time, 0 at the others.
        """
        sums = np.cumsum(values, axis=-1, dtype=float)
        before = _taken(sums - values, self.start)
        return np.where(self.last, sums - before, 0.0)

    def position(self, at: ArrayLike, *, before: bool = False) -> Integers:
        """Count the patients who count and whose time is at or before each of some times.

        Parameters
        ----------
        at : array_like
            Times, the same for the whole batch; shape ``(k,)``.
        before : bool, optional
            Whether to leave out those whose time is that one exactly.

        Returns
        -------
        numpy.ndarray of int
            Shape ``(..., k)``.
        """
        asked = np.atleast_1d(np.asarray(at, dtype=float))
        slack = np.maximum(TOLERANCE, TOLERANCE * np.abs(asked))
        bounds = asked - slack if before else asked + slack
        if self.time.ndim == 1:
            places = np.searchsorted(self.time, bounds, side="left" if before else "right")
            return np.asarray(places, dtype=np.int64)
        # One time after the other: all at once would hold patients x times for each sample.
        found = [
            (self.time < bound if before else self.time <= bound).sum(axis=-1) for bound in bounds
        ]
        return np.stack(found, axis=-1) if found else np.empty((*self.n.shape, 0), dtype=np.int64)


def ordered(time: ArrayLike, where: ArrayLike | None = None) -> Ordered:
    """Put a batch of observed times in order.

    Parameters
    ----------
    time : array_like
        Shape ``(..., patients)``. Finite and 0 or more for everyone who counts.
    where : array_like of bool, optional
        Who counts; broadcast against `time`. Everyone if not given.

    Returns
    -------
    Ordered

    Raises
    ------
    KitError
        If a time that counts cannot be used, or the shapes don't fit.

    Notes
    -----
    Times that differ by rounding error only count as the same time, as ``survival::timefix``
    has it: without it, a death and a censoring on the same day, each the difference of two
    times in months, could change places.
    """
    times = np.asarray(time, dtype=float)
    if times.ndim == 0:
        raise KitError("not a list of values", where="time", right="one time per patient")
    if where is None:
        present = np.ones(times.shape, dtype=bool)
    else:
        try:
            times, present = np.broadcast_arrays(times, np.asarray(where, dtype=bool))
        except ValueError:
            raise KitError(
                f"shapes {times.shape} and {np.shape(where)}",
                where="time, where",
                right="one of each per patient",
            ) from None
    placed = Ordered(
        np.empty(times.shape),
        np.empty(times.shape, dtype=np.int64),
        np.empty(times.shape, dtype=bool),
        np.empty(times.shape[:-1], dtype=np.int64),
    )
    in_blocks(times.shape, lambda part: _place(times[part], present[part], placed, part))
    return placed


def _place(times: Floats, present: Flags, placed: Ordered, part: slice | EllipsisType) -> None:
    """Put the times of a piece of a batch in order."""
    time = placed.time[part]
    time[...] = np.where(present, times, np.inf)
    placed.order[part] = np.argsort(time, axis=-1)
    time.sort(axis=-1)  # quicker than to pick them by their order
    n = np.asarray(np.count_nonzero(present, axis=-1))
    placed.n[part] = n
    if not time.shape[-1]:
        return
    # In order, the first and the last of those who count tell whether all can be used.
    latest = np.take_along_axis(time, np.maximum(n - 1, 0)[..., None], axis=-1)
    if not ((time[..., 0] >= 0) & (np.isfinite(latest[..., 0]) | (n == 0))).all():
        wrong = times[present & ~(np.isfinite(times) & (times >= 0))][0]
        raise KitError(f"given {wrong}", where="time", right="a finite number, 0 or more")

    present = np.isfinite(time, out=placed.present[part])
    with np.errstate(invalid="ignore"):  # inf - inf among those who don't count
        gaps = time[..., 1:] - time[..., :-1]
    close = gaps <= TOLERANCE * np.maximum(1.0, latest)
    close &= gaps > 0
    if close.any():  # as they seldom are
        mean = np.where(present, time, 0.0).sum(axis=-1) / np.maximum(n, 1)
        again = _after_gap(gaps <= TOLERANCE * np.maximum(1.0, mean)[..., None])
        run, first, _ = _runs(again)
        time.reshape(-1)[again] = time.reshape(-1)[first[run]]


def _taken(values: NDArray[Any], places: Integers) -> NDArray[Any]:
    """Do what `numpy.take_along_axis` does to the last axis, in half the time."""
    taken = np.empty(places.shape, dtype=values.dtype)

    def take_part(part: slice | EllipsisType) -> None:
        some = places[part]
        rows = np.arange(math.prod(some.shape[:-1])).reshape(*some.shape[:-1], 1)
        rows *= some.shape[-1]
        taken[part] = values[part].reshape(-1)[rows + some]

    in_blocks(places.shape, take_part)
    return taken


def _after_gap(flags: Flags) -> Integers:
    """Return the places of those after a gap between neighbours that has the flag."""
    places = np.flatnonzero(flags)
    if places.size:
        places += places // flags.shape[-1] + 1  # there is none before the first of a cohort
    return places


def _runs(again: Integers) -> tuple[Integers, Integers, Integers]:
    """Return whose time is shared by whom.

    `again` are the places of those who have the time of the one before. Returned are the number
    of each one's run of one time, and the places of the first and the last of each run.
    """
    opens, closes = np.ones((2, *again.shape), dtype=bool)
    opens[1:] = np.diff(again) > 1
    closes[:-1] = opens[1:]
    return np.cumsum(opens) - 1, again[opens] - 1, again[closes]


def blocks(shape: tuple[int, ...]) -> Iterator[slice | EllipsisType]:
    """Cut a batch into pieces that the processor's cache can hold.

    Parameters
    ----------
    shape : tuple of int
        Of the batch, patients last.

    Yields
    ------
    slice or Ellipsis
        What to pick along the first axis, one piece after the other; ``...`` if it's all one.

    Notes
    -----
    An array that leaves the cache costs several times the arithmetic done to it.
    """
    size = int(np.prod(shape[1:], dtype=np.int64))
    step = max(_BLOCK // max(size, 1), 1)
    if len(shape) < 2 or shape[0] <= step:
        yield ...
        return
    for first in range(0, shape[0], step):
        yield slice(first, first + step)


def in_blocks(shape: tuple[int, ...], work: Callable[[slice | EllipsisType], None]) -> None:
    """Do something to a batch piece by piece.

    Parameters
    ----------
    shape : tuple of int
        Of the batch, patients last.
    work : callable
        Given what to pick along the first axis, does the work for that piece; ``...`` if it is
        all one.

    Notes
    -----
    The result of each member is the same whatever the pieces. Threads were tried: the arrays of
    a piece are too small for them, and everything took a third longer.
    """
    for part in blocks(shape):
        work(part)


def alike(counts: Integers) -> list[Integers]:
    """Cut a batch into pieces of members that have about as much to work on.

    Parameters
    ----------
    counts : numpy.ndarray of int
        What there is of each member, its events, say; shape ``(members,)``.

    Returns
    -------
    list of numpy.ndarray of int
        Numbers of the members of each piece. None is empty, unless all are.

    Notes
    -----
    Arrays are as wide as their longest row. In a piece of rows that are about as long, little
    is worked out for nothing. Pieces are half as large as those of `blocks`: more arrays of each
    are in use at a time.
    """
    order = np.argsort(counts)
    filled = 2 * np.cumsum(counts[order] + 1) // _BLOCK
    return np.split(order, np.flatnonzero(np.diff(filled)) + 1)


def intervals(
    time: ArrayLike, entry: ArrayLike, where: ArrayLike | None = None
) -> tuple[Ordered, Flags]:
    """Put the beginnings and ends of observation in one order, a whole batch at once.

    Parameters
    ----------
    time, entry : array_like
        When observation ended and when it began, shape ``(..., patients)``: finite and 0 or more
        for everyone who counts.
    where : array_like of bool, optional
        Who counts; broadcast against `time`. Everyone if not given.

    Returns
    -------
    both : Ordered
        First the ends, then the beginnings; shape ``(..., 2 * patients)``.
    observed : numpy.ndarray of bool
        Who counts and was observed for some time; shape ``(..., patients)``, not in order.

    Raises
    ------
    KitError
        If a time that counts cannot be used, or the shapes don't fit.

    Notes
    -----
    As in R, observation is the interval ``(entry, time]``. Whoever enters and leaves at the same
    time, but for rounding error, is never at risk.
    """
    present = True if where is None else np.asarray(where, dtype=bool)
    try:
        times, entries, present = np.broadcast_arrays(
            np.asarray(time, dtype=float), np.asarray(entry, dtype=float), present
        )
    except ValueError:
        raise KitError(
            f"shapes {np.shape(time)}, {np.shape(entry)} and {np.shape(present)}",
            where="time, entry, where",
            right="one of each per patient",
        ) from None
    usable = np.isfinite(entries) & (entries >= 0)
    if not (usable | ~present).all():
        wrong = entries[present & ~usable][0]
        raise KitError(f"given {wrong}", where="entry", right="a finite number, 0 or more")
    both = ordered(
        np.concatenate((times, entries), axis=-1), np.concatenate((present, present), axis=-1)
    )
    place = both.restore(both.start)
    size = times.shape[-1]
    longer = place[..., :size] - place[..., size:]
    if (present & (longer < 0)).any():
        first = np.argmax((present & (longer < 0)).ravel())
        raise KitError(
            f"given {entries.ravel()[first]} with the time {times.ravel()[first]}",
            where="entry",
            right="no later than the time",
        )
    return both, present & (longer > 0)


def delayed(time: ArrayLike, entry: ArrayLike, where: ArrayLike | None = None) -> Ordered:
    """Put a batch of times in order, of patients who come under observation late.

    Parameters
    ----------
    time, entry, where : array_like
        As `intervals` takes them.

    Returns
    -------
    Ordered
        The ends of observation. `at_risk` is the number under observation: who has entered
        before that time and whose time is that one or later.

    Raises
    ------
    KitError
        If a time that counts cannot be used, or the shapes don't fit.
    """
    both, observed = intervals(time, entry, where)
    size = observed.shape[-1]
    signs = np.concatenate((observed, -1.0 * observed), axis=-1)
    at_risk = both.restore(both.from_on(both.arrange(signs)))[..., :size]
    placed = ordered(both.restore(both.time)[..., :size], observed)
    at_risk = np.where(placed.present, placed.arrange(at_risk), 0.0)
    return replace(placed, observed=at_risk)


def same_shape(given: Mapping[str, NDArray[Any]], **shown: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape to which arrays of one value per patient broadcast.

    Parameters
    ----------
    given : mapping of str to numpy.ndarray
        The arrays by name; each has patients on its last axis.
    **shown : tuple of int
        Under an array's name, the shape to show if it doesn't fit, where that isn't its own.

    Returns
    -------
    tuple of int

    Raises
    ------
    KitError
        If the shapes don't fit, or the numbers of patients differ.
    """
    shapes = [array.shape for array in given.values()]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        shape = ()
    if not shape or any(each[-1:] != shape[-1:] for each in shapes):
        joint = " and " if len(given) == 2 else ", "
        raise KitError(
            f"shapes {joint.join(str(shown.get(name, given[name].shape)) for name in given)}",
            where=", ".join(given),
            right="one of each per patient",
        )
    return shape


def together(
    time: ArrayLike, failed: Flags, where: ArrayLike | None, **codes: ArrayLike | None
) -> tuple[Floats, Flags, Flags, list[NDArray[Any]]]:
    """Give one shape to all that is known of each patient.

    Parameters
    ----------
    time : array_like
        As `ordered` takes it.
    failed : numpy.ndarray of bool
        Whose time ended in an event. Broadcast against `time`, as the following.
    where : array_like of bool, optional
        Who counts. Everyone if not given.
    **codes : array_like, optional
        Codes of each patient, such as the group. Those that aren't given are left out.

    Returns
    -------
    time : numpy.ndarray of float
        The times.
    present, failed : numpy.ndarray of bool
        Who counts, and who of them had an event.
    labels : list of numpy.ndarray
        The codes that were given.

    Raises
    ------
    KitError
        If the shapes don't fit, or the code of one who counts is missing.
    """
    given = {"time": np.asarray(time, dtype=float), "event": failed}
    given |= {name: np.asarray(values) for name, values in codes.items() if values is not None}
    if where is not None:
        given["where"] = np.asarray(where, dtype=bool)
    shape = same_shape(given)
    wide = {name: np.broadcast_to(values, shape) for name, values in given.items()}
    present = wide.get("where", np.broadcast_to(True, shape))
    labels = [wide[name] for name in codes if name in wide]
    for name, label in zip((name for name in codes if name in wide), labels, strict=True):
        # A missing code would otherwise be a group of its own, or in no group at all.
        if label.dtype.kind not in "biu" and pd.isna(label[present]).any():
            raise KitError("a code is missing", where=name, right="one code per patient")
    return wide["time"], present, wide["event"] & present, labels


def had_event(event: ArrayLike) -> Flags:
    """Return who had the event, checked.

    Parameters
    ----------
    event : array_like
        True or 1, False or 0; shape ``(..., patients)``.

    Returns
    -------
    numpy.ndarray of bool

    Raises
    ------
    KitError
        If a value cannot be used.
    """
    right = "1 (event) or 0 (censored)"
    return coded(event, "event", right, lambda x: np.isin(x, (0, 1))).astype(bool)


def distinct(codes: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct codes, ascending.

    Parameters
    ----------
    codes : numpy.ndarray
        Codes of any kind.

    Returns
    -------
    numpy.ndarray
    """
    if codes.dtype.kind == "i" and codes.size and codes.min() >= 0 and codes.max() < 1000:
        return np.flatnonzero(np.bincount(codes.ravel()))  # quicker than to sort them
    return np.unique(codes)


def moments(at: ArrayLike, name: str) -> Floats:
    """Return times that were asked for, checked.

    Parameters
    ----------
    at : array_like
        The times.
    name : str
        What to call them if they cannot be used.

    Returns
    -------
    numpy.ndarray of float

    Raises
    ------
    KitError
        If a time is negative or not finite.
    """
    asked = np.asarray(at, dtype=float)
    usable = np.isfinite(asked) & (asked >= 0)
    if not usable.all():
        raise KitError(f"given {asked[~usable][0]}", where=name, right="a finite number, 0 or more")
    return asked


def normal_quantile(level: float) -> float:
    """Return how many standard errors a confidence limit is away from the estimate.

    Parameters
    ----------
    level : float
        The confidence level, above 0 and below 1.

    Returns
    -------
    float

    Raises
    ------
    KitError
        If the level cannot be used.

    Examples
    --------
    >>> round(normal_quantile(0.95), 2)
    1.96
    """
    if not 0 < level < 1:
        raise KitError(f"given {level!r}", where="level", right="a number above 0 and below 1")
    return -NormalDist().inv_cdf((1 - level) / 2)


def coded(
    values: ArrayLike, name: str, right: str, allowed: Callable[[NDArray[Any]], Flags]
) -> NDArray[Any]:
    """Return one code per patient, checked.

    Parameters
    ----------
    values : array_like
        Shape ``(..., patients)``.
    name, right : str
        What to call them, and what would be right, if they cannot be used.
    allowed : callable
        Says of each value whether it can be used.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    KitError
        If a value cannot be used.
    """
    codes = np.asarray(values)
    if codes.ndim == 0:
        raise KitError("not a list of values", where=name, right="one value per patient")
    wrong = ~allowed(codes)
    if wrong.any():
        raise KitError(f"given {codes[wrong][0]!s}", where=name, right=right)
    return codes


def one_of(given: object, options: object, name: str) -> None:
    """Refuse an option that there isn't.

    Parameters
    ----------
    given : object
        The option.
    options : typing.Literal
        Those that there are.
    name : str
        What the option is called.

    Raises
    ------
    KitError
        If `given` is none of them.
    """
    allowed = get_args(options)
    if given not in allowed:
        raise KitError(f"given {given!r}", where=name, right=" or ".join(map(repr, allowed)))
