"""Kaplan-Meier curves and what is read off them, for a whole batch of cohorts at once.

`helpers.survival.kaplan_meier` gives one curve with its table. Here are the same estimates for
hundreds of reconstructed cohorts and their groups in one call; arrays of the batch's shape go in
and come out. For 200 cohorts of 96 patients in three groups, pass times of shape ``(200, 1, 96)``
and `where` of shape ``(200, 3, 96)``: the results have the shape ``(200, 3)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.survival.ordered import (
    TOLERANCE,
    Flags,
    Floats,
    Ordered,
    had_event,
    in_blocks,
    moments,
    normal_quantile,
    one_of,
    ordered,
    same_shape,
)

ConfType = Literal["plain", "log", "log-log", "arcsine"]
QuantileRule = Literal["survfit", "quantile", "lifelines"]
FollowUpMethod = Literal["reverse", "observed"]
Words = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Curves:
    """A batch of Kaplan-Meier curves.

    Attributes
    ----------
    ordered : Ordered
        The patients in the order of their times; shape ``(..., patients)``.
    event : numpy.ndarray of bool
        Whose time ended in the event, in that order.
    survival : numpy.ndarray of float
        The estimate right after each time. Of patients who share a time only the last one's
        value counts them all.
    variance : numpy.ndarray of float
        Greenwood's variance of the logarithm of `survival` [1]_; ``inf`` where nobody survives.

    References
    ----------
    .. [1] Greenwood M. The natural duration of cancer. London: HMSO, 1926.
    """

    ordered: Ordered
    event: Flags
    survival: Floats
    variance: Floats

    @property
    def n(self) -> NDArray[np.int64]:
        """The patients of each curve; shape ``(...)``."""
        return self.ordered.n

    @property
    def events(self) -> NDArray[np.int64]:
        """The events of each curve; shape ``(...)``."""
        return np.asarray(self.event.sum(axis=-1), dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Estimate:
    """Estimates with confidence limits, one per curve (and per time asked for).

    Attributes
    ----------
    value, lower, upper : numpy.ndarray of float
        nan where nothing can be said.
    reason : numpy.ndarray of str
        Why `value` is nan; empty where it isn't.
    """

    value: Floats
    lower: Floats
    upper: Floats
    reason: Words


@dataclass(frozen=True, eq=False)
class Mean:
    """Restricted mean survival times, one per curve.

    Attributes
    ----------
    value, std_err : numpy.ndarray of float
        In the unit of the times; nan where the curve ends before the horizon.
    """

    value: Floats
    std_err: Floats


@dataclass(frozen=True, eq=False)
class Difference:
    """Differences between two restricted means.

    Attributes
    ----------
    value, lower, upper : numpy.ndarray of float
        The difference and its confidence limits, in the unit of the times.
    p : numpy.ndarray of float
        Two-sided P of no difference, from the normal distribution.
    """

    value: Floats
    lower: Floats
    upper: Floats
    p: Floats


@dataclass(frozen=True, eq=False)
class Counts:
    """Patients at some times.

    Attributes
    ----------
    at_risk : numpy.ndarray of int
        Patients whose time is that one or later.
    events, censored : numpy.ndarray of int
        Patients whose time ended up to and including it, by how it ended.
    """

    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    censored: NDArray[np.int64]


def curves(time: ArrayLike, event: ArrayLike, *, where: ArrayLike | None = None) -> Curves:
    """Estimate a batch of survival curves.

    Parameters
    ----------
    time : array_like
        Time from origin to event or censoring, shape ``(..., patients)``: finite, 0 or more.
    event : array_like
        Whether that time ended in the event: True or 1, False or 0. Broadcast against `time`.
    where : array_like of bool, optional
        Who counts in which curve; broadcast against `time`. Everyone if not given.

    Returns
    -------
    Curves

    Raises
    ------
    KitError
        If a time or an event cannot be used, or the shapes don't fit.

    Notes
    -----
    Deaths come before censorings of the same time, as in every package. With time 0 an event
    takes the curve below 1 at once.

    Examples
    --------
    Two cohorts of four patients.

    >>> found = curves([[1, 2, 3, 4], [2, 2, 5, 6]], [[1, 1, 0, 0], [1, 1, 1, 0]])
    >>> quantile(found).value
    array([2. , 3.5])
    """
    died = had_event(event)
    times = np.asarray(time, dtype=float)
    shape = same_shape({"time": times, "event": died})
    placed = ordered(np.broadcast_to(times, shape), where)
    return estimated(placed, placed.arrange(died) & placed.present)


def estimated(placed: Ordered, event: Flags) -> Curves:
    """Estimate the survival curves of patients in order.

    Parameters
    ----------
    placed : Ordered
        The patients.
    event : numpy.ndarray of bool
        Who counts and had the event, in that order.

    Returns
    -------
    Curves
    """
    deaths = placed.at_time(event.astype(float)) if placed.time.shape[-1] else placed.time
    survivors = placed.at_risk - deaths
    share = np.ones_like(placed.at_risk)
    np.divide(survivors, placed.at_risk, out=share, where=deaths > 0)
    term = np.zeros_like(share)
    with np.errstate(divide="ignore"):
        np.divide(deaths, placed.at_risk * survivors, out=term, where=deaths > 0)
    return Curves(
        placed,
        event,
        survival=np.cumprod(share, axis=-1, dtype=np.float64),
        variance=np.cumsum(term, axis=-1, dtype=np.float64),
    )


def limits(
    found: Curves, *, conf_type: ConfType = "log-log", level: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the pointwise confidence limits of a batch of curves.

    Parameters
    ----------
    found : Curves
        The curves.
    conf_type : {'log-log', 'log', 'plain', 'arcsine'}, optional
        The scale on which the limits are symmetric.
    level : float, optional
        Confidence level, above 0 and below 1.

    Returns
    -------
    lower, upper : numpy.ndarray of float
        Shape ``(..., patients)``, right after each time; nan where Greenwood's variance says
        nothing: where nobody survives and, by ``'log-log'`` and ``'arcsine'``, before the
        first event. There, ``'plain'`` and ``'log'`` give 1.

    Raises
    ------
    KitError
        If an option is unknown or the level cannot be used.
    """
    one_of(conf_type, ConfType, "conf_type")
    z = normal_quantile(level)
    lower, upper = np.full((2, *found.survival.shape), np.nan)

    def estimate_part(part: slice | EllipsisType) -> None:
        survival = found.survival[part]
        inside = (survival > 0) & (survival < 1) & found.ordered.present[part]
        p = survival[inside]
        half = z * p * np.sqrt(found.variance[part][inside])
        lower[part][inside], upper[part][inside] = on_scale(p, half, conf_type)

    in_blocks(lower.shape, estimate_part)
    np.maximum(lower, 0, out=lower)
    np.minimum(upper, 1, out=upper)
    if conf_type in ("plain", "log"):
        sure = (found.survival == 1) & found.ordered.present
        lower[sure] = upper[sure] = 1
    return lower, upper


def on_scale(p: Floats, half: Floats, conf_type: ConfType) -> tuple[Floats, Floats]:
    """Return limits that are symmetric on a scale.

    Parameters
    ----------
    p : numpy.ndarray of float
        Shares, above 0 and below 1.
    half : numpy.ndarray of float
        Half the width of their plain intervals.
    conf_type : str
        As `limits` takes it.

    Returns
    -------
    lower, upper : numpy.ndarray of float
        They may be below 0 or above 1 by ``'plain'`` and ``'log'``.
    """
    if conf_type == "plain":
        return p - half, p + half
    if conf_type == "log":
        factor = np.exp(half / p)
        return p / factor, p * factor
    if conf_type == "log-log":
        logarithm = np.log(p)
        factor = np.exp(-half / (p * logarithm))
        return np.exp(logarithm * factor), np.exp(logarithm / factor)
    angle, turn = np.arcsin(np.sqrt(p)), 0.5 * half / np.sqrt(p * (1 - p))
    lower = np.sin(np.maximum(angle - turn, 0)) ** 2
    return lower, np.sin(np.minimum(angle + turn, np.pi / 2)) ** 2


def quantile(
    found: Curves,
    p: float = 0.5,
    *,
    conf_type: ConfType = "log-log",
    level: float = 0.95,
    rule: QuantileRule = "survfit",
) -> Estimate:
    """Read a quantile of survival time off each curve, the median unless told otherwise.

    Parameters
    ----------
    found : Curves
        The curves.
    p : float, optional
        The share of patients who have had the event by then, above 0 and below 1.
    conf_type : str, optional
        As `limits` takes it.
    level : float, optional
        As `limits` takes it.
    rule : {'survfit', 'quantile', 'lifelines'}, optional
        How to read a step curve; they differ where it runs level at ``1 - p``.

        - ``'survfit'``: as R prints the median of a ``survfit`` object. Where the curve is level
          and falls later, the middle of that stretch; where it stays there to its end, the
          start of it.
        - ``'quantile'``: R's ``quantile(fit, p)``. As before, but where the curve stays there to
          its end, the middle of that last stretch.
        - ``'lifelines'``: the first time at which the curve is at or below ``1 - p``.

    Returns
    -------
    Estimate
        Shape ``(...)``. A value of nan means not reached, a limit of nan not estimable.

    Raises
    ------
    KitError
        If an option is unknown, or `p` or the level cannot be used.

    Notes
    -----
    A confidence limit is the same quantile of the matching limit of the band [1]_.

    References
    ----------
    .. [1] Brookmeyer R, Crowley J. A confidence interval for the median survival time.
       Biometrics 1982;38:29-41.
    """
    one_of(rule, QuantileRule, "rule")
    if not 0 < p < 1:
        raise KitError(f"given {p!r}", where="p", right="a number above 0 and below 1")
    lower, upper = limits(found, conf_type=conf_type, level=level)
    estimate = found.survival
    if rule == "lifelines":
        estimate = _by_logarithms(found)
        # Where R has no limit, lifelines has 0 or 1: the estimate itself.
        lower, upper = (np.where(np.isnan(edge), estimate, edge) for edge in (lower, upper))
    read = {"survfit": _as_printed, "quantile": _as_quantile, "lifelines": _as_lifelines}[rule]
    value, low, high = (read(found, heights, p) for heights in (estimate, lower, upper))
    reason = np.where(np.isnan(value), "not reached", "")
    return Estimate(value, low, high, np.where(found.n == 0, "no patients", reason))


def landmark(
    found: Curves,
    at: ArrayLike,
    *,
    conf_type: ConfType = "log-log",
    level: float = 0.95,
    extend: bool = False,
) -> Estimate:
    """Read each curve at some times.

    Parameters
    ----------
    found : Curves
        The curves.
    at : array_like
        One or more times, in the unit of the curves: finite, 0 or more; shape ``(k,)``.
    conf_type : str, optional
        As `limits` takes it.
    level : float, optional
        As `limits` takes it.
    extend : bool, optional
        Whether to repeat the last value after the last observed time, as R's
        ``summary(fit, extend=TRUE)``. Otherwise survival is unknown there, unless it is 0.

    Returns
    -------
    Estimate
        Shape ``(..., k)``.

    Raises
    ------
    KitError
        If a time or an option cannot be used.
    """
    asked = np.atleast_1d(moments(at, "at"))
    lower, upper = limits(found, conf_type=conf_type, level=level)
    passed = found.ordered.position(asked)
    index = np.maximum(passed - 1, 0)
    value, low, high = (
        np.where(passed == 0, 1.0, np.take_along_axis(heights, index, axis=-1))
        if found.survival.shape[-1]
        else np.full(passed.shape, np.nan)
        for heights in (found.survival, lower, upper)
    )
    reason = np.full(value.shape, "", dtype="<U32")
    if not extend:
        beyond = (passed == found.n[..., None]) & (value > 0) & _after_end(found, asked)
        reason[beyond] = "after the last observed time"
    reason[np.broadcast_to(found.n[..., None] == 0, reason.shape)] = "no patients"
    unknown = reason != ""
    for heights in (value, low, high):
        heights[unknown] = np.nan
    return Estimate(value, low, high, reason)


def restricted_mean(found: Curves, horizon: ArrayLike, *, extend: bool = False) -> Mean:
    """Return the mean survival time up to a horizon: the area under each curve.

    Parameters
    ----------
    found : Curves
        The curves.
    horizon : array_like
        Where to stop, in the unit of the curves; one for all, or shape ``(...)``.
    extend : bool, optional
        Whether a curve that ends above 0 before the horizon goes on level, as R's
        ``print(fit, rmean=)`` has it. Otherwise its mean is nan.

    Returns
    -------
    Mean
        Shape ``(...)``.

    Raises
    ------
    KitError
        If a horizon is negative or not finite, or their shape is not that of the curves.

    Notes
    -----
    The variance is that of ``survival:::survmean``: at each death time, Greenwood's term times
    the square of the area that is left [1]_. The last death of a curve that reaches 0 adds none.

    References
    ----------
    .. [1] Klein JP, Moeschberger ML. Survival Analysis. 2nd ed. New York: Springer, 2003;
       section 4.5.
    """
    until = moments(horizon, "horizon")
    placed = found.ordered
    try:
        stop = np.broadcast_to(until, found.n.shape)[..., None]
    except ValueError:
        raise KitError(
            f"shape {until.shape} for curves of shape {found.n.shape}",
            where="horizon",
            right="one for all, or one per curve",
        ) from None
    time = np.minimum(placed.time, stop)
    # The curve is level from each time to the next; the last stretch ends at the horizon.
    following = np.concatenate((time[..., 1:], np.broadcast_to(stop, (*found.n.shape, 1))), axis=-1)
    area = found.survival * (following - time)
    start = time[..., 0] if time.shape[-1] else np.zeros(found.n.shape)
    value = start + area.sum(axis=-1)
    left = np.cumsum(area[..., ::-1], axis=-1)[..., ::-1]
    deaths = placed.at_time(found.event.astype(float))
    survivors = placed.at_risk - deaths
    some = (deaths > 0) & (survivors > 0)
    term = np.zeros_like(left)
    np.divide(deaths, placed.at_risk * survivors, out=term, where=some)
    variance = (left**2 * term).sum(axis=-1)
    unknown = found.n == 0
    if not extend and time.shape[-1]:
        last = np.maximum(found.n - 1, 0)[..., None]
        height = np.take_along_axis(found.survival, last, axis=-1)
        unknown = unknown | (_after_end(found, stop) & (height > 0))[..., 0]
    return Mean(np.where(unknown, np.nan, value), np.where(unknown, np.nan, np.sqrt(variance)))


def mean_difference(first: Mean, second: Mean, *, level: float = 0.95) -> Difference:
    """Compare two restricted means with a common horizon.

    Parameters
    ----------
    first, second : Mean
        Of independent groups.
    level : float, optional
        Confidence level, above 0 and below 1.

    Returns
    -------
    Difference
        First minus second.

    Raises
    ------
    KitError
        If the level cannot be used.
    """
    from scipy.special import ndtr

    value = first.value - second.value
    std_err = np.hypot(first.std_err, second.std_err)
    half = normal_quantile(level) * std_err
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * ndtr(-np.abs(value / std_err))
    return Difference(value, value - half, value + half, np.asarray(p))


def counts(found: Curves, at: ArrayLike) -> Counts:
    """Count the patients at risk, with the event and censored, at some times.

    Parameters
    ----------
    found : Curves
        The curves.
    at : array_like
        One or more times: finite, 0 or more; shape ``(k,)``.

    Returns
    -------
    Counts
        Shape ``(..., k)``. A patient whose time is exactly that one is still at risk, and has
        had the event or the censoring too.

    Raises
    ------
    KitError
        If a time cannot be used, or patients came under observation late.
    """
    asked = np.atleast_1d(moments(at, "at"))
    placed = found.ordered
    if placed.late:
        raise KitError(
            "curves of patients who came under observation late",
            where="found",
            right="curves that `curves` gave; `time_dependent.numbers_at_risk` counts the others",
        )
    passed = placed.position(asked)
    sums = np.concatenate(
        (np.zeros((*found.n.shape, 1), dtype=np.int64), np.cumsum(found.event, axis=-1)), axis=-1
    )
    events = np.take_along_axis(sums, passed, axis=-1)
    before = placed.position(asked, before=True)
    return Counts(found.n[..., None] - before, events, passed - events)


def median_follow_up(
    time: ArrayLike,
    event: ArrayLike,
    *,
    where: ArrayLike | None = None,
    method: FollowUpMethod = "reverse",
    conf_type: ConfType = "log-log",
    level: float = 0.95,
) -> Estimate:
    """Return the median follow-up of each cohort of a batch.

    Parameters
    ----------
    time, event : array_like
        As `curves` takes them.
    where : array_like of bool, optional
        As `curves` takes it.
    method : {'reverse', 'observed'}, optional
        - ``'reverse'``: the Kaplan-Meier median with events and censoring swapped [1]_.
        - ``'observed'``: the plain median of all times; its limits are nan.
    conf_type : str, optional
        As `limits` takes it.
    level : float, optional
        As `limits` takes it.

    Returns
    -------
    Estimate
        Shape ``(...)``.

    Raises
    ------
    KitError
        If an input cannot be used.

    References
    ----------
    .. [1] Schemper M, Smith TL. A note on quantifying follow-up in studies of failure time.
       Control Clin Trials 1996;17:343-346.
    """
    one_of(method, FollowUpMethod, "method")
    found = curves(time, event, where=where)
    if method == "reverse":
        censored = estimated(found.ordered, ~found.event & found.ordered.present)
        return quantile(censored, conf_type=conf_type, level=level)
    n = found.n[..., None]
    size = found.survival.shape[-1]
    value = np.full(found.n.shape, np.nan)
    if size:
        times = found.ordered.arrange(np.asarray(time, dtype=float))
        low = np.take_along_axis(times, np.maximum((n - 1) // 2, 0), axis=-1)
        high = np.take_along_axis(times, np.minimum(n // 2, size - 1), axis=-1)
        value = np.where(found.n > 0, (low + high)[..., 0] / 2, np.nan)
    none = np.full(value.shape, np.nan)
    return Estimate(value, none, none.copy(), np.where(found.n == 0, "no patients", ""))


def _as_printed(found: Curves, heights: Floats, p: float) -> Floats:
    """Return the time at which ``survival:::survmean`` finds ``1 - p``."""
    if not heights.shape[-1]:
        return np.full(found.n.shape, np.nan)
    reached = (heights < 1 - p + TOLERANCE) & found.ordered.present  # never true of nan
    first = np.argmax(reached, axis=-1)[..., None]
    height = np.take_along_axis(heights, first, axis=-1)
    lower_yet = reached & (heights < height)
    second = np.where(lower_yet.any(axis=-1), np.argmax(lower_yet, axis=-1), first[..., 0])
    level = np.abs(height[..., 0] - (1 - p)) < TOLERANCE
    second = np.where(level, second, first[..., 0])[..., None]
    times = found.ordered.time
    middle = (np.take_along_axis(times, first, -1) + np.take_along_axis(times, second, -1)) / 2
    return np.where(reached.any(axis=-1), middle[..., 0], np.nan)


def _as_quantile(found: Curves, heights: Floats, p: float) -> Floats:
    """Return the time at which ``survival:::findq`` finds `p`."""
    if not heights.shape[-1]:
        return np.full(found.n.shape, np.nan)
    risen = 1 - heights
    times = found.ordered.time

    def reached(least: float) -> tuple[Floats, Flags]:
        enough = np.where(risen >= least, risen, np.inf)
        place = np.argmin(enough, axis=-1)[..., None]
        found_some = np.isfinite(np.take_along_axis(enough, place, axis=-1))[..., 0]
        return np.take_along_axis(times, place, axis=-1)[..., 0], found_some

    early, some = reached(p - TOLERANCE)
    late, more = reached(p + TOLERANCE)
    value = np.where(some & more, (early + late) / 2, np.nan)
    last = np.maximum(found.n - 1, 0)[..., None]
    ends_level = np.abs(np.take_along_axis(risen, last, axis=-1)[..., 0] - p) < TOLERANCE
    end = np.take_along_axis(times, last, axis=-1)[..., 0]
    return np.where(ends_level & some, (early + end) / 2, value)


def _as_lifelines(found: Curves, heights: Floats, p: float) -> Floats:
    """Return the time at which lifelines finds ``1 - p``."""
    if not heights.shape[-1]:
        return np.full(found.n.shape, np.nan)
    reached = (heights <= 1 - p) & found.ordered.last
    last = np.maximum(found.n - 1, 0)[..., None]
    ends_above = np.take_along_axis(heights, last, axis=-1)[..., 0] > 1 - p
    place = np.argmax(reached, axis=-1)[..., None]
    value = np.take_along_axis(found.ordered.time, place, axis=-1)[..., 0]
    return np.where(reached.any(axis=-1) & ~ends_above, value, np.nan)


def _by_logarithms(found: Curves) -> Floats:
    """Return the curves as lifelines adds them up: one half may be just above one half."""
    placed = found.ordered
    if not placed.time.shape[-1]:
        return found.survival
    deaths = placed.at_time(found.event.astype(float))
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(deaths > 0, np.log(placed.at_risk - deaths) - np.log(placed.at_risk), 0.0)
    return np.asarray(np.exp(np.cumsum(terms, axis=-1)))


def _after_end(found: Curves, asked: Floats) -> Flags:
    if not found.survival.shape[-1]:
        return np.zeros((*found.n.shape, asked.shape[-1]), dtype=bool)
    last = np.maximum(found.n - 1, 0)[..., None]
    end = np.take_along_axis(found.ordered.time, last, axis=-1)
    return np.asarray(asked > end + np.maximum(TOLERANCE, TOLERANCE * np.abs(asked)))
