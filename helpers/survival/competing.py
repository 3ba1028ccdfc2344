"""Cumulative incidence with competing risks, for a whole batch of cohorts at once.

Whoever has died cannot relapse. Taking that death for a censoring, as a Kaplan-Meier curve of
relapse does, asks what would happen if nobody died; the cumulative incidence asks how many do
relapse. Shapes are those of `helpers.survival.curves`, with a further axis for the causes.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.survival.curves import ConfType, Counts, Estimate, on_scale
from helpers.survival.ordered import (
    TOLERANCE,
    Flags,
    Floats,
    Integers,
    Ordered,
    alike,
    distinct,
    in_blocks,
    moments,
    normal_quantile,
    one_of,
    ordered,
    together,
)
from helpers.survival.steps import (
    Steps,
    Survival,
    cause_codes,
    cause_number,
    later_sums,
)

VarianceType = Literal["aalen", "greenwood"]
_ALL = 1 - 1e-12
"""An incidence above this is 1, but for the rounding error of a sum."""


@dataclass(frozen=True, eq=False)
class Incidences:
    """A batch of cumulative incidences.

    Attributes
    ----------
    ordered : Ordered
        The patients in the order of their times; shape ``(..., patients)``.
    code : numpy.ndarray of int
        How each one's time ended, in that order; 0 also for those who don't count.
    causes : tuple of int
        The causes, in the order of their axis.
    time : numpy.ndarray of float
        The distinct times of events of any cause, ascending; shape ``(..., steps)``. Cohorts with
        fewer have ``inf`` at the end, where curves stay as they are.
    survival : numpy.ndarray of float
        The share without any event right after each of these times.
    incidence, variance : numpy.ndarray of float
        The share that has had each cause right after each of these times, and the variance of
        that estimate; shape ``(..., causes, steps)``.
    """

    ordered: Ordered
    code: Integers
    causes: tuple[int, ...]
    time: Floats
    survival: Floats
    incidence: Floats
    variance: Floats

    @property
    def n(self) -> Integers:
        """The patients of each cohort; shape ``(...)``."""
        return self.ordered.n

    @property
    def events(self) -> Integers:
        """The events of each cause; shape ``(..., causes)``."""
        counted = [(self.code == cause).sum(axis=-1) for cause in self.causes]
        return _stacked(counted, self.n.shape).astype(np.int64)


def cumulative_incidence(
    time: ArrayLike,
    code: ArrayLike,
    *,
    where: ArrayLike | None = None,
    causes: ArrayLike | None = None,
    variance: VarianceType = "aalen",
) -> Incidences:
    """Estimate a batch of cumulative incidences.

    Parameters
    ----------
    time : array_like
        Time from origin to the first event or censoring, shape ``(..., patients)``: finite, 0 or
        more.
    code : array_like of int
        How that time ended: 0 for censored, else the number of the cause. Broadcast against
        `time`, as the following.
    where : array_like of bool, optional
        Who counts. Everyone if not given.
    causes : array_like of int, optional
        The causes to estimate. All that occur if not given. Other codes above 0 still compete.
    variance : {'aalen', 'greenwood'}, optional
        - ``'aalen'``: R ``cmprsk::cuminc`` and what builds on it, such as ``tidycmprsk`` [1]_.
        - ``'greenwood'``: the delta method with multinomial events. It is the one of Dinse and
          Larson [2]_ and of Marubini and Valsecchi [3]_, as in Stata ``stcompet``. R's
          ``survfit`` has an infinitesimal jackknife, which is the same to the last digit. It is
          F (1 - F) / n where nobody is censored; Aalen's is a little larger.

    Returns
    -------
    Incidences

    Raises
    ------
    KitError
        If an input cannot be used, the shapes don't fit or an option is unknown.

    Notes
    -----
    The estimate is that of Aalen and Johansen: each time adds the share that was without event
    just before, times the events of the cause over the patients at risk. Events come before
    censorings of the same time. Times that differ by rounding error are one time, as in
    ``survfit``; ``cuminc`` keeps them apart.

    References
    ----------
    .. [1] Aalen O. Nonparametric estimation of partial transition probabilities in multiple
       decrement models. Ann Stat 1978;6:534-545.
    .. [2] Dinse GE, Larson MG. A note on semi-Markov models for partially censored data.
       Biometrika 1986;73:379-386.
    .. [3] Marubini E, Valsecchi MG. Analysing Survival Data from Clinical Trials and
       Observational Studies. Chichester: Wiley, 1995; section 10.2.

    Examples
    --------
    Of four patients one relapses, one dies, one relapses and one is censored.

    >>> found = cumulative_incidence([1, 2, 3, 4], [1, 2, 1, 0])
    >>> found.incidence.tolist()
    [[0.25, 0.25, 0.5], [0.0, 0.25, 0.25]]
    """
    one_of(variance, VarianceType, "variance")
    codes = cause_codes(code)
    times, present, _, (codes,) = together(time, codes > 0, where, code=codes)
    placed = ordered(times, present)
    codes = placed.arrange(codes.astype(np.int64, copy=False))
    codes *= placed.present
    if causes is None:
        wanted = tuple(each for each in distinct(codes).tolist() if each)
    else:
        wanted = tuple(cause_number(cause, "causes") for cause in np.atleast_1d(causes).tolist())
    estimate = {"aalen": _aalen, "greenwood": _greenwood}[variance]

    found = []
    size = max(placed.time.shape[-1], 1)
    rows, times, n = codes.reshape(-1, size), placed.time.reshape(-1, size), placed.n.reshape(-1)
    for members in alike(np.asarray(np.count_nonzero(rows, axis=-1))):
        own_n = n[members]
        some = (members, slice(own_n.max(initial=0)))
        own_time, ended = times[some], rows[some]
        steps = Steps(own_time, own_n, ended > 0)
        ended = ended.reshape(-1)[steps.events]
        curve = Survival(steps.count(ended > 0), steps.at_risk)
        causal = [estimate(curve, steps.count(ended == cause)) for cause in wanted]
        found.append((members, steps.at_step(own_time, np.inf), curve.after, causal))

    width = max((when.shape[-1] for _, when, *_ in found), default=0)
    when = np.full((len(rows), width), np.inf)
    survival = np.ones(when.shape)
    incidence, spread = np.zeros((2, len(rows), len(wanted), width))
    for members, steps_at, after, causal in found:
        when[members, : steps_at.shape[-1]] = steps_at
        _fill(survival, members, after)
        for index, (heights, variances) in enumerate(causal):
            _fill(incidence[:, index], members, heights)
            _fill(spread[:, index], members, variances)
    shape = placed.n.shape
    of_causes = (*shape, len(wanted), width)
    return Incidences(
        placed,
        codes,
        wanted,
        when.reshape(*shape, width),
        survival.reshape(*shape, width),
        incidence.reshape(of_causes),
        spread.reshape(of_causes),
    )


def _fill(curves: Floats, members: Integers, heights: Floats) -> None:
    """Draw some of the curves, each on to the end at its last height."""
    width = heights.shape[-1]
    if width:
        curves[members, :width] = heights
        curves[members, width:] = heights[:, -1:]


def incidence_limits(
    found: Incidences, *, conf_type: ConfType = "log-log", level: float = 0.95
) -> tuple[Floats, Floats]:
    """Return the pointwise confidence limits of a batch of cumulative incidences.

    Parameters
    ----------
    found : Incidences
        The incidences.
    conf_type : {'log-log', 'log', 'plain', 'arcsine'}, optional
        The scale on which the limits are symmetric, applied to the incidence F itself:
        ``'log-log'`` is F to the power of exp(±z se / (F log F)), as Stata ``stcompet``,
        ``tidycmprsk`` and ``survfit(conf.type = "log-log")`` have it. ``cmprsk`` gives none.
    level : float, optional
        Confidence level, above 0 and below 1.

    Returns
    -------
    lower, upper : numpy.ndarray of float
        Shape ``(..., causes, steps)``; nan where the scale says nothing: where F is 0, but by
        ``'plain'``, and, by ``'log-log'`` and ``'arcsine'``, where F is 1.

    Raises
    ------
    KitError
        If an option is unknown or the level cannot be used.
    """
    return _limits(found.incidence, found.variance, conf_type, level)


def incidence_at(
    found: Incidences,
    at: ArrayLike,
    *,
    conf_type: ConfType = "log-log",
    level: float = 0.95,
    extend: bool = False,
) -> Estimate:
    """Read each cumulative incidence at some times.

    Parameters
    ----------
    found : Incidences
        The incidences.
    at : array_like
        One or more times, in the unit of the incidences: finite, 0 or more; shape ``(k,)``.
    conf_type : {'log-log', 'log', 'plain', 'arcsine'}, optional
        As `incidence_limits` takes it.
    level : float, optional
        Confidence level, above 0 and below 1.
    extend : bool, optional
        Whether to repeat the last value after the last observed time. Otherwise the incidence is
        unknown there, unless everyone has had an event.

    Returns
    -------
    Estimate
        Shape ``(..., causes, k)``.

    Raises
    ------
    KitError
        If a time or an option cannot be used.

    Examples
    --------
    >>> found = cumulative_incidence([1, 2, 3, 4], [1, 2, 1, 0], causes=[1])
    >>> read = incidence_at(found, [2, 5])
    >>> read.value.tolist(), read.reason.tolist()
    ([[0.25, nan]], [['', 'after the last observed time']])
    """
    asked = np.atleast_1d(moments(at, "at"))
    bounds = asked + np.maximum(TOLERANCE, TOLERANCE * asked)
    # One time after the other: all at once would hold steps x times for each cohort.
    passed = _stacked([(found.time <= bound).sum(axis=-1) for bound in bounds], found.n.shape)
    value, variance = (
        _read(heights, passed[..., None, :], 0.0) for heights in (found.incidence, found.variance)
    )
    lower, upper = _limits(value, variance, conf_type, level)
    reason = np.full(passed.shape, "", dtype="<U32")
    if not extend:
        end = np.max(found.ordered.time, axis=-1, where=found.ordered.present, initial=0.0)
        beyond = (end[..., None] < asked - (bounds - asked)) & (
            _read(found.survival, passed, 1.0) > 0
        )
        reason[beyond] = "after the last observed time"
    reason[found.n == 0] = "no patients"
    reason = np.broadcast_to(reason[..., None, :], value.shape).copy()
    unknown = reason != ""
    for heights in (value, lower, upper):
        heights[unknown] = np.nan
    return Estimate(value, lower, upper, reason)


def time_to_incidence(
    found: Incidences,
    p: float = 0.5,
    *,
    conf_type: ConfType = "log-log",
    level: float = 0.95,
) -> Estimate:
    """Return when each cumulative incidence reaches a share of the patients.

    Parameters
    ----------
    found : Incidences
        The incidences.
    p : float, optional
        That share, above 0 and below 1.
    conf_type : {'log-log', 'log', 'plain', 'arcsine'}, optional
        As `incidence_limits` takes it.
    level : float, optional
        Confidence level, above 0 and below 1.

    Returns
    -------
    Estimate
        Shape ``(..., causes)``. A value of nan means not reached, a limit of nan not estimable.

    Raises
    ------
    KitError
        If an option is unknown, or `p` or the level cannot be used.

    Notes
    -----
    The first time at which the incidence is `p` or more. The limits are the same of the upper
    and the lower limit of the band. With competing causes most incidences never reach one half,
    and the time says nothing of those whom the cause spares: R refuses to give it.
    """
    if not 0 < p < 1:
        raise KitError(f"given {p!r}", where="p", right="a number above 0 and below 1")
    low, high = incidence_limits(found, conf_type=conf_type, level=level)
    value, lower, upper = (
        _first(found.time, heights >= p - TOLERANCE) for heights in (found.incidence, high, low)
    )
    reason = np.where(np.isnan(value), "not reached", "")
    reason = np.where(found.n[..., None] == 0, "no patients", reason)
    return Estimate(value, lower, upper, reason)


def incidence_counts(found: Incidences, at: ArrayLike) -> Counts:
    """Count the patients at risk, with each cause and censored, at some times.

    Parameters
    ----------
    found : Incidences
        The incidences.
    at : array_like
        One or more times: finite, 0 or more; shape ``(k,)``.

    Returns
    -------
    Counts
        `at_risk` and `censored` of shape ``(..., k)``, `events` of shape ``(..., causes, k)``.
        A patient whose time is exactly that one is still at risk, and has had what ended it too.

    Raises
    ------
    KitError
        If a time cannot be used.
    """
    asked = np.atleast_1d(moments(at, "at"))
    passed = found.ordered.position(asked)
    before = found.ordered.position(asked, before=True)

    def ended(flags: Flags) -> Integers:
        return _read(np.cumsum(flags, axis=-1, dtype=np.int64), passed, 0)

    events = [ended(found.code == cause) for cause in found.causes]
    return Counts(
        found.n[..., None] - before,
        np.moveaxis(_stacked(events, passed.shape), -1, -2),
        passed - ended(found.code > 0),
    )


# Both variances at t are sums over the steps u up to t of squares in F(t) - F(u). To run over the
# steps once, that is taken as the difference of what comes after u and what comes after t. Neither
# is more than the share that survives u, so no digits get lost; with F(t) and F(u) themselves they
# would, once few survive.


def _aalen(curve: Survival, own: Floats) -> tuple[Floats, Floats]:
    """Return the incidence of a cause and Aalen's variance."""
    jump = curve.share * own
    later = later_sums(jump)
    reach = later * curve.inverse
    own_term, other_term = curve.spread(own), curve.spread(curve.events - own)
    plain = (own_term + other_term) * curve.inverse
    plain *= curve.inverse
    rest = 1 - reach
    own_term *= rest
    other_term *= reach
    mixed = own_term - other_term
    mixed *= curve.inverse
    own_term *= rest
    other_term *= reach
    return _spread(jump, later, own_term + other_term, mixed, plain)


def _greenwood(curve: Survival, own: Floats) -> tuple[Floats, Floats]:
    """Return the incidence of a cause and the variance of multinomial events."""
    jump = curve.share * own
    later = later_sums(jump)
    per_patient = jump / curve.at_risk
    plain = curve.events * curve.inverse * curve.share / curve.at_risk
    mixed = per_patient - plain * later
    square = per_patient * curve.share * (curve.at_risk - own) - later * (mixed + per_patient)
    incidence, spread = _spread(jump, later, square, mixed, plain)
    spread[incidence > _ALL] = 0.0
    return incidence, spread


def _spread(
    jump: Floats, later: Floats, square: Floats, mixed: Floats, plain: Floats
) -> tuple[Floats, Floats]:
    """Return the incidence, and the variance as a polynomial in what comes later."""
    incidence: Floats = np.cumsum(jump, axis=-1)
    spread = np.cumsum(plain, axis=-1)
    spread *= later
    mixed *= 2
    spread += np.cumsum(mixed, axis=-1, out=mixed)
    spread *= later
    spread += np.cumsum(square, axis=-1, out=square)
    np.maximum(spread, 0.0, out=spread)
    spread[incidence <= 0] = 0.0  # rounding error would leave something before the first event
    return incidence, spread


def _limits(
    value: Floats, variance: Floats, conf_type: ConfType, level: float
) -> tuple[Floats, Floats]:
    one_of(conf_type, ConfType, "conf_type")
    z = normal_quantile(level)
    lower, upper = np.empty((2, *value.shape))

    def estimate_part(part: slice | EllipsisType) -> None:
        p, half = value[part], z * np.sqrt(variance[part])
        if conf_type != "plain":
            nothing = p <= 0
            if conf_type != "log":
                nothing |= p > _ALL
            half[nothing] = np.nan
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            low, high = on_scale(p, half, conf_type)
        np.maximum(low, 0.0, out=lower[part])
        np.minimum(high, 1.0, out=upper[part])

    in_blocks(value.shape, estimate_part)
    return lower, upper


def _stacked(values: list[NDArray[Any]], shape: tuple[int, ...]) -> NDArray[Any]:
    return np.stack(values, axis=-1) if values else np.empty((*shape, 0))


def _read(heights: NDArray[Any], passed: Integers, start: float) -> NDArray[Any]:
    """Return the height after some number of steps, or that of the start after none."""
    shape = (*heights.shape[:-1], passed.shape[-1])
    if not heights.shape[-1]:
        return np.full(shape, start, dtype=heights.dtype)
    index = np.broadcast_to(np.maximum(passed - 1, 0), shape)
    return np.where(passed == 0, start, np.take_along_axis(heights, index, axis=-1))


def _first(time: Floats, reached: Flags) -> Floats:
    """Return the first time at which something has been reached, nan if never."""
    if not reached.shape[-1]:
        return np.full(reached.shape[:-1], np.nan)
    place = np.argmax(reached, axis=-1)[..., None]
    times = np.broadcast_to(time[..., None, :], reached.shape)
    first = np.take_along_axis(times, place, axis=-1)[..., 0]
    return np.where(reached.any(axis=-1), first, np.nan)
