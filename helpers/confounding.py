"""What a factor that nobody measured does to a comparison of two groups.

Patients whose treatment was chosen for them differ in more than the treatment. A hidden factor
that is more frequent in one group, and that changes the outcome, moves the comparison. How far
follows from three numbers: its share in either group and its effect. `bias` and `effect_needed`
go from one to the other, `e_value` asks what it would take at least, and `deal` gives such a
factor to patients who have none recorded, as an assumption made flesh.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Measure = Literal["risk ratio", "odds ratio", "hazard ratio"]


@dataclass(frozen=True)
class EValue:
    """E-values of a ratio and of its confidence interval.

    Attributes
    ----------
    estimate : float
        Of the estimate; 1 if it equals the value to explain away to.
    limit : float
        Of the confidence limit nearer to that value; 1 if the interval contains it, nan
        without an interval.
    """

    estimate: float
    limit: float


def risk_ratio(ratio: ArrayLike, *, measure: Measure, common: bool) -> Floats:
    """Turn an odds ratio or a hazard ratio into a risk ratio.

    Parameters
    ----------
    ratio : array_like
        The ratio, above 0.
    measure : {'risk ratio', 'odds ratio', 'hazard ratio'}
        What it is.
    common : bool
        Whether more than 15 % have the outcome in the end. If not, the three ratios are as good
        as equal.

    Returns
    -------
    numpy.ndarray of float

    Raises
    ------
    KitError
        If a ratio is not above 0, or the measure is unknown.

    References
    ----------
    VanderWeele TJ, Ding P. Sensitivity analysis in observational research: introducing the
    E-value. Ann Intern Med 2017;167:268-274; table 2.

    Examples
    --------
    >>> float(risk_ratio(4, measure="odds ratio", common=True))
    2.0
    """
    given = np.asarray(ratio, float)
    if not (given > 0).all():
        raise KitError(f"a ratio of {given.min():g}", where="ratio", right="above 0")
    if measure not in ("risk ratio", "odds ratio", "hazard ratio"):
        raise KitError(
            f"no measure {measure!r}",
            where="measure",
            right="risk ratio, odds ratio or hazard ratio",
        )
    if not common or measure == "risk ratio":
        return given
    if measure == "odds ratio":
        return np.asarray(np.sqrt(given))
    return np.asarray((1 - 0.5 ** np.sqrt(given)) / (1 - 0.5 ** np.sqrt(1 / given)))


def e_value(
    ratio: float, lower: float = math.nan, upper: float = math.nan, *, true: float = 1.0
) -> EValue:
    """Say how strong a hidden factor must be, at least, to explain a risk ratio away.

    Parameters
    ----------
    ratio : float
        The risk ratio, above 0; see `risk_ratio` for others.
    lower, upper : float, optional
        Its confidence limits.
    true : float, optional
        What it would be without the factor.

    Returns
    -------
    EValue
        The least risk ratio by which the factor would have to be associated with the treatment
        and also with the outcome.

    Raises
    ------
    KitError
        If a ratio is not above 0, or the limits don't enclose the estimate.

    References
    ----------
    VanderWeele TJ, Ding P. Sensitivity analysis in observational research: introducing the
    E-value. Ann Intern Med 2017;167:268-274.

    Examples
    --------
    A risk ratio of 3.9 (1.8 to 8.7), the first example of the reference.

    >>> found = e_value(3.9, 1.8, 8.7)
    >>> round(found.estimate, 1), round(found.limit, 1)
    (7.3, 3.0)
    """
    given = [each for each in (ratio, lower, upper, true) if not math.isnan(each)]
    if math.isnan(ratio) or math.isnan(true) or min(given) <= 0:
        raise KitError("not a risk ratio", where="e_value", right="numbers above 0")
    if lower > ratio or upper < ratio:
        raise KitError(
            f"{ratio:g} outside of {lower:g} to {upper:g}",
            where="e_value",
            right="limits on both sides of the estimate",
        )
    nearer = lower if ratio > true else upper
    if math.isnan(nearer):
        return EValue(_explains(ratio / true), math.nan)
    crossed = nearer <= true if ratio > true else nearer >= true
    return EValue(_explains(ratio / true), 1.0 if crossed else _explains(nearer / true))


def _explains(ratio: float) -> float:
    away = float(max(ratio, 1 / ratio))
    return away + math.sqrt(away * (away - 1))


def bounding_factor(with_treatment: float, with_outcome: float) -> float:
    """Return by how much, at most, a hidden factor can move a risk ratio.

    Parameters
    ----------
    with_treatment, with_outcome : float
        The risk ratios by which the factor goes with the treatment and with the outcome, 1 or
        more.

    Returns
    -------
    float
        The observed risk ratio divided by this is the least that the true one can be.

    Raises
    ------
    KitError
        If a ratio is below 1.

    References
    ----------
    Ding P, VanderWeele TJ. Sensitivity analysis without assumptions. Epidemiology
    2016;27:368-377.

    Examples
    --------
    >>> bounding_factor(2, 2)
    1.3333333333333333
    """
    if not (with_treatment >= 1 and with_outcome >= 1):
        raise KitError(
            f"{with_treatment:g} and {with_outcome:g}",
            where="bounding_factor",
            right="ratios of 1 or more; take the reciprocal of one below 1",
        )
    return with_treatment * with_outcome / (with_treatment + with_outcome - 1)


def bias(effect: ArrayLike, share: ArrayLike, share_other: ArrayLike) -> Floats:
    """Return by what a binary hidden factor multiplies a comparison.

    Parameters
    ----------
    effect : array_like
        The factor's risk ratio, or hazard ratio, for the outcome; the same in both groups.
    share, share_other : array_like
        Who has it, from 0 to 1: in the group of the numerator, and in the other.

    Returns
    -------
    numpy.ndarray of float
        The observed ratio divided by this is the ratio without the factor.

    Raises
    ------
    KitError
        If an effect is not above 0, or a share not from 0 to 1.

    Notes
    -----
    (1 + (effect - 1) share) / (1 + (effect - 1) share_other): exact for risk ratios [1]_, and for
    hazard ratios as long as few have had the outcome [2]_. Later, those with the factor have
    become fewer among those at risk, in both groups, and it moves a hazard ratio by less.

    References
    ----------
    .. [1] Schlesselman JJ. Assessing effects of confounding variables. Am J Epidemiol
       1978;108:3-8.
    .. [2] Lin DY, Psaty BM, Kronmal RA. Assessing the sensitivity of regression results to
       unmeasured confounders in observational studies. Biometrics 1998;54:948-963.

    Examples
    --------
    A factor that doubles the risk, in half of one group and in a quarter of the other.

    >>> round(float(bias(2, 0.5, 0.25)), 6)
    1.2
    """
    strength = np.asarray(effect, float)
    own, other = _shares(share, share_other)
    if not (strength > 0).all():
        raise KitError(f"an effect of {strength.min():g}", where="effect", right="above 0")
    return np.asarray((1 + (strength - 1) * own) / (1 + (strength - 1) * other))


def effect_needed(ratio: float, share: float, share_other: float) -> float:
    """Say how strong a hidden factor with given shares must be to explain a ratio.

    Parameters
    ----------
    ratio : float
        The observed ratio, above 0.
    share, share_other : float
        Who has the factor, from 0 to 1: in the group of the numerator, and in the other.

    Returns
    -------
    float
        The effect for which `bias` equals the ratio; nan if no effect, however strong, does it.

    Raises
    ------
    KitError
        If the ratio is not above 0, or a share not from 0 to 1.

    Examples
    --------
    >>> round(effect_needed(1.2, 0.5, 0.25), 6)
    2.0
    """
    if not ratio > 0:
        raise KitError(f"a ratio of {ratio:g}", where="ratio", right="above 0")
    _shares(share, share_other)
    if ratio == 1:
        return 1.0
    slope = share - ratio * share_other
    effect = 1 + (ratio - 1) / slope if slope else math.nan
    return effect if effect > 0 else math.nan


def deal(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    where: ArrayLike | None = None,
    shares: tuple[float, float],
    effect: float,
    rng: np.random.Generator,
) -> Flags:
    """Give patients a hidden factor that fits how they fared.

    Parameters
    ----------
    time : array_like
        Time from origin to event or censoring, shape ``(..., patients)``.
    event : array_like of bool
        Whether it ended in the event; broadcast against `time`, as the following.
    group : array_like of bool
        Who is in the first group; the others are in the second.
    where : array_like of bool, optional
        Who counts. Everyone if not given.
    shares : tuple of float
        Who has the factor when treatment starts, from 0 to 1: in the first group, in the second.
    effect : float
        Its hazard ratio, above 0.
    rng : numpy.random.Generator
        Deals it.

    Returns
    -------
    numpy.ndarray of bool
        Who has it; nobody who doesn't count.

    Raises
    ------
    KitError
        If the effect or a share is impossible.

    Notes
    -----
    With H(t) the cumulative hazard of those without the factor, a group's survival is
    ``(1 - share) exp(-H) + share exp(-effect H)``. Solved for H at each patient's time, with the
    group's Kaplan-Meier estimate as survival, it gives by Bayes' rule the probability that this
    patient has the factor, which is then drawn [1]_. Survival at an event is taken midway down
    the step, as the last step may lead to 0.

    References
    ----------
    .. [1] Huang R, Xu R, Dulai PS. Sensitivity analysis of treatment effect to unmeasured
       confounding in observational studies with survival and competing risks outcomes. Stat Med
       2020;39:3397-3411.

    Examples
    --------
    Those with a strong factor die early.

    >>> times, event = np.arange(1, 201), np.ones(200, bool)
    >>> rng = np.random.default_rng(1)
    >>> hidden = deal(times, event, times % 2 == 0, shares=(0.3, 0.3), effect=20, rng=rng)
    >>> bool(hidden[:40].mean() > 0.8), bool(hidden[100:].mean() < 0.05)
    (True, True)
    """
    if not effect > 0:
        raise KitError(f"an effect of {effect:g}", where="effect", right="above 0")
    _shares(*shares)
    times, died, first = np.broadcast_arrays(
        np.asarray(time, float), np.asarray(event, bool), np.asarray(group, bool)
    )
    counts = np.broadcast_to(np.asarray(True if where is None else where, bool), times.shape)
    chance = np.zeros(times.shape)
    for share, members in zip(shares, (counts & first, counts & ~first), strict=True):
        survival = _midway(times, died, members)
        hazard = _without_factor(survival, share, effect)
        # Who had the event is weighed by the hazard, too.
        having = share * np.where(died, effect, 1.0) * np.exp(-effect * hazard)
        lacking = (1 - share) * np.exp(-hazard)
        chance = np.where(members, having / np.maximum(having + lacking, 1e-300), chance)
    return rng.random(times.shape) < chance


def _shares(share: ArrayLike, share_other: ArrayLike) -> tuple[Floats, Floats]:
    own, other = np.asarray(share, float), np.asarray(share_other, float)
    for each in (own, other):
        if not ((each >= 0) & (each <= 1)).all():
            raise KitError(f"a share of {each}", where="share", right="from 0 to 1")
    return own, other


def _midway(time: Floats, died: Flags, members: Flags) -> Floats:
    """Return each patient's Kaplan-Meier survival, midway down the step of an event."""
    order = np.argsort(np.where(members, time, np.inf), axis=-1, kind="stable")
    sorted_time = np.take_along_axis(np.where(members, time, np.inf), order, axis=-1)
    own = np.take_along_axis(died & members, order, axis=-1)
    at_risk = members.sum(axis=-1, keepdims=True) - np.arange(time.shape[-1])
    # One event after another: where several share a time, the product is nearly the same.
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(own, 1 - 1 / np.maximum(at_risk, 1), 1.0)
    after = np.cumprod(factor, axis=-1)
    before = np.concatenate([np.ones_like(after[..., :1]), after[..., :-1]], axis=-1)
    middle = np.where(np.isfinite(sorted_time), (before + after) / 2, 1.0)
    placed = np.empty_like(middle)
    np.put_along_axis(placed, order, middle, axis=-1)
    return placed


_GRID = np.concatenate([[0.0], np.geomspace(1e-4, 60.0, 2000)])


def _without_factor(survival: Floats, share: float, effect: float) -> Floats:
    """Return the cumulative hazard of those without the factor, where a group survives so."""
    mixture = (1 - share) * np.exp(-_GRID) + share * np.exp(-effect * _GRID)
    # np.interp wants what it looks up ascending; survival falls as the hazard grows.
    return np.asarray(np.interp(-np.log(np.maximum(survival, 1e-12)), -np.log(mixture), _GRID))
