"""Tests that compare survival curves, for a whole batch of cohorts at once.

The log-rank test and its weighted relatives, with strata, for trend and in pairs; Peto's hazard
ratio; and the comparison of survival at fixed times, which is what a paper tests when it gives a
P value for its 12-month rates. Shapes are those of `helpers.survival.curves`, with groups as
codes: who is in which group may differ from one member of the batch to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from types import EllipsisType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.survival.chi_squared import along, any_difference, upper_tail
from helpers.survival.curves import Estimate, Words, curves, landmark
from helpers.survival.ordered import (
    Flags,
    Floats,
    Integers,
    Ordered,
    distinct,
    had_event,
    in_blocks,
    normal_quantile,
    one_of,
    ordered,
    together,
)
from helpers.survival.steps import just_before

Weights = Literal["logrank", "gehan", "tarone-ware", "peto", "modified-peto", "fleming-harrington"]
Scale = Literal["plain", "log", "log-log", "arcsine", "logit"]
Adjustment = Literal["none", "bonferroni", "holm"]
Labels = NDArray[Any]

_NAMES: dict[str, str] = {
    "logrank": "log-rank",
    "gehan": "Gehan-Breslow-Wilcoxon",
    "tarone-ware": "Tarone-Ware",
    "peto": "Peto-Peto",
    "modified-peto": "modified Peto-Peto",
    "fleming-harrington": "Fleming-Harrington",
}


@dataclass(frozen=True, eq=False)
class Comparison:
    """Comparisons of whole curves, one per cohort.

    Attributes
    ----------
    method : str
        The test's name.
    weights : str
        The weights, as `logrank` takes them.
    groups : numpy.ndarray
        The codes of the groups, ascending.
    observed, expected : numpy.ndarray of float
        Weighted events of each group, and those to expect if all groups had one hazard; shape
        ``(..., groups)``.
    variance : numpy.ndarray of float
        Variance of `observed` under that hypothesis; shape ``(..., groups, groups)``.
    statistic : numpy.ndarray of float
        Chi-squared; shape ``(...)``, as the following. nan where nothing can be tested.
    df : numpy.ndarray of int
        Degrees of freedom; 0 where nothing can be tested.
    p : numpy.ndarray of float
        Two-sided P.
    reason : numpy.ndarray of str
        Why there is no statistic; empty where there is one.
    """

    method: str
    weights: Weights
    groups: Labels
    observed: Floats
    expected: Floats
    variance: Floats
    statistic: Floats
    df: Integers
    p: Floats
    reason: Words


@dataclass(frozen=True, eq=False)
class Pairs:
    """Comparisons of each two groups.

    Attributes
    ----------
    method : str
        The test's name, and how `adjusted` was found.
    groups : numpy.ndarray
        The codes of the two groups of each pair; shape ``(pairs, 2)``.
    statistic, p : numpy.ndarray of float
        Chi-squared of one degree of freedom and its P, from the patients of the two groups
        alone; shape ``(..., pairs)``. nan where nothing can be tested.
    adjusted : numpy.ndarray of float
        P adjusted for the number of pairs that could be tested.
    """

    method: str
    groups: Labels
    statistic: Floats
    p: Floats
    adjusted: Floats


@dataclass(frozen=True, eq=False)
class LandmarkComparison:
    """Comparisons of survival at some times.

    Attributes
    ----------
    method : str
        The test's name.
    groups : numpy.ndarray
        The codes of the groups, ascending.
    survival : numpy.ndarray of float
        The Kaplan-Meier estimates; shape ``(..., groups, times)``.
    statistic : numpy.ndarray of float
        Chi-squared; shape ``(..., times)``, as the following. nan where nothing can be tested.
    df : numpy.ndarray of int
        Degrees of freedom; 0 where nothing can be tested.
    p : numpy.ndarray of float
        Two-sided P.
    reason : numpy.ndarray of str
        Why there is no statistic; empty where there is one.
    """

    method: str
    groups: Labels
    survival: Floats
    statistic: Floats
    df: Integers
    p: Floats
    reason: Words


def logrank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    where: ArrayLike | None = None,
    weights: Weights = "logrank",
    exponents: tuple[float, float] = (1.0, 0.0),
    strata: ArrayLike | None = None,
    trend: ArrayLike | None = None,
) -> Comparison:
    """Compare the survival of groups by the log-rank test or a weighted form of it.

    Parameters
    ----------
    time : array_like
        Time from origin to event or censoring, shape ``(..., patients)``: finite, 0 or more.
    event : array_like
        Whether that time ended in the event: True or 1, False or 0. Broadcast against `time`,
        as the following.
    group : array_like
        A code per patient: numbers, truth values or text.
    where : array_like of bool, optional
        Who counts. Everyone if not given.
    weights : str, optional
        What a death at time t counts, where Y are at risk and d of them die, S is the pooled
        Kaplan-Meier estimate and S~ the product of 1 - d / (Y + 1) up to and including t.

        - ``'logrank'``: 1. R ``survdiff``, SAS LOGRANK, Stata ``sts test``.
        - ``'gehan'``: Y; the Wilcoxon test of Gehan and Breslow. SAS WILCOXON, Stata
          ``wilcoxon``, lifelines ``wilcoxon``.
        - ``'tarone-ware'``: the square root of Y. SAS TARONE, Stata ``tware``.
        - ``'peto'``: S~; the Wilcoxon test of Peto, Peto and Prentice. SAS PETO, Stata
          ``peto``, lifelines ``peto``.
        - ``'modified-peto'``: S~ times Y / (Y + 1), after Andersen. SAS MODPETO.
        - ``'fleming-harrington'``: S just before t to the power of the first exponent, times
          1 - S to that of the second. R's ``survdiff(rho=1)``, which its help calls the Peto and
          Peto modification, has the exponents ``(1, 0)``: close to ``'peto'``, not equal.
    exponents : tuple of float, optional
        The two exponents of ``'fleming-harrington'``, 0 or more; the others don't look at them.
    strata : array_like, optional
        A code per patient: deaths are compared within the same stratum only, and summed up.
    trend : array_like of float, optional
        One score per group in ascending order of the codes: test for a trend along them. SAS
        TREND, Stata ``trend``.

    Returns
    -------
    Comparison

    Raises
    ------
    KitError
        If an input cannot be used, the shapes don't fit or an option is unknown.

    Notes
    -----
    The variance is hypergeometric, tied deaths included [1]_. Where no two patients die at the
    same time, the log-rank statistic is the score test of Cox's model.

    The degrees of freedom are the rank of the variance. In a member of the batch where a group is
    empty, or has nobody at risk at any event, that group takes no part, as in R, and there is
    one less. There is also one less for each further set of groups that no stratum connects.

    There is nothing to test if each event had to be where it was: only one group was at risk, or
    all at risk died. Then statistic and P are nan; R prints 0 or stops.

    References
    ----------
    .. [1] Klein JP, Moeschberger ML. Survival Analysis. 2nd ed. New York: Springer, 2003;
       sections 7.3 to 7.5.
    .. [2] Harrington DP, Fleming TR. A class of rank test procedures for censored survival data.
       Biometrika 1982;69:553-566.

    Examples
    --------
    One cohort twice; the second time, patients are shuffled between the groups.

    >>> found = logrank([1, 2, 3, 4, 5, 6], [1] * 6, [[0, 0, 0, 1, 1, 1], [0, 1, 0, 1, 0, 1]])
    >>> found.statistic.round(3), found.p.round(3)
    (array([5.052, 0.485]), array([0.025, 0.486]))
    """
    one_of(weights, Weights, "weights")
    if len(exponents) != 2 or not all(0 <= exponent < np.inf for exponent in exponents):
        raise KitError(f"given {exponents!r}", where="exponents", right="two numbers, 0 or more")
    times, present, died, (group, *layers) = together(
        time, had_event(event), where, group=group, strata=strata
    )
    groups = distinct(group[present])
    scores = _scores(trend, groups)
    labels = distinct(layers[0][present]) if layers else None
    observed, expected = np.zeros((2, *times.shape[:-1], len(groups)))
    variance = np.zeros((*observed.shape, len(groups)))

    def estimate_part(part: slice | EllipsisType) -> None:
        placed = ordered(times[part], present[part])
        own = placed.arrange(died[part])
        label = placed.arrange(group[part])
        members = [(label == each) & placed.present for each in groups]
        if labels is None:
            found = _sums(placed, own, members, weights, exponents)
            observed[part], expected[part], variance[part] = found
            return
        stratum = placed.arrange(layers[0][part])
        for each in labels:
            inside = placed.present & (stratum == each)
            layer = ordered(np.where(inside, placed.time, 0.0), inside)
            found = _sums(
                layer,
                layer.arrange(own) & layer.present,
                [layer.arrange(member) & layer.present for member in members],
                weights,
                exponents,
            )
            for total, more in zip((observed, expected, variance), found, strict=True):
                total[part] += more

    in_blocks(times.shape, estimate_part)

    if scores is None and len(groups) != 2:
        statistic, df = any_difference(observed - expected, variance)
    else:
        direction = np.array([0.0, 1.0]) if scores is None else scores
        statistic, df = along(observed - expected, variance, direction)
    name = _NAMES[weights]
    if weights == "fleming-harrington":
        name += f" ({exponents[0]:g}, {exponents[1]:g})"
    return Comparison(
        f"{'stratified ' if layers else ''}{name} test{'' if scores is None else ' for trend'}",
        weights,
        groups,
        observed,
        expected,
        variance,
        statistic,
        df,
        upper_tail(statistic, df),
        np.select(
            [df > 0, ~present.any(axis=-1), ~died.any(axis=-1)],
            ["", "no patients", "no events"],
            "no event could have been in another group",
        ),
    )


def peto_hazard_ratio(found: Comparison, *, level: float = 0.95) -> Estimate:
    """Return Peto's one-step estimate of the hazard ratio of two groups.

    Parameters
    ----------
    found : Comparison
        A log-rank test of two groups, stratified or not.
    level : float, optional
        Confidence level, above 0 and below 1.

    Returns
    -------
    Estimate
        Hazard of the second group over that of the first; shape ``(...)``.

    Raises
    ------
    KitError
        If the test has other weights or not two groups, or the level cannot be used.

    Notes
    -----
    The logarithm is observed minus expected over its variance [1]_. It is close to Cox's estimate
    near 1, and biased for a strong effect [2]_.

    References
    ----------
    .. [1] Yusuf S, Peto R, Lewis J, Collins R, Sleight P. Beta blockade during and after
       myocardial infarction: an overview of the randomized trials. Prog Cardiovasc Dis
       1985;27:335-371.
    .. [2] Greenland S, Salvan A. Bias in the one-step method for pooling study results. Stat Med
       1990;9:247-252.

    Examples
    --------
    >>> found = logrank([1, 2, 3, 4, 5, 6], [1] * 6, [0, 1, 0, 1, 0, 1])
    >>> float(peto_hazard_ratio(found).value.round(3))
    0.531
    """
    if found.weights != "logrank" or len(found.groups) != 2:
        raise KitError(
            f"a {found.method} of {len(found.groups)} groups",
            where="found",
            right="a log-rank test of two groups",
        )
    variance = found.variance[..., 1, 1]
    usable = variance > 0
    information = np.where(usable, variance, np.nan)
    log_ratio = (found.observed - found.expected)[..., 1] / information
    half = normal_quantile(level) / np.sqrt(information)
    value, lower, upper = (np.asarray(np.exp(log_ratio + x)) for x in (0, -half, half))
    # A test for trend may lack a statistic where the ratio has a value: scores can be equal.
    return Estimate(value, lower, upper, np.where(usable, "", found.reason))


def pairwise(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    where: ArrayLike | None = None,
    weights: Weights = "logrank",
    exponents: tuple[float, float] = (1.0, 0.0),
    strata: ArrayLike | None = None,
    adjustment: Adjustment = "holm",
) -> Pairs:
    """Compare each two groups.

    Parameters
    ----------
    time, event, group : array_like
        As `logrank` takes them.
    where : array_like of bool, optional
        As `logrank` takes it.
    weights : str, optional
        As `logrank` takes it.
    exponents : tuple of float, optional
        As `logrank` takes it.
    strata : array_like, optional
        As `logrank` takes it.
    adjustment : {'holm', 'bonferroni', 'none'}, optional
        How to adjust P for the number of pairs.

    Returns
    -------
    Pairs

    Raises
    ------
    KitError
        If an input cannot be used, the shapes don't fit or an option is unknown.

    Notes
    -----
    Each pair is tested as if there were no other group, as R's ``pairwise_survdiff`` does. SAS
    and its ADJUST option instead take the variance of the test of all groups.

    References
    ----------
    .. [1] Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat
       1979;6:65-70.

    Examples
    --------
    >>> found = pairwise([1, 2, 3, 4, 5, 6], [1] * 6, list("aabbcc"), adjustment="bonferroni")
    >>> found.groups.tolist()
    [['a', 'b'], ['a', 'c'], ['b', 'c']]
    >>> found.p.round(3), found.adjusted.round(3)
    (array([0.09, 0.09, 0.09]), array([0.269, 0.269, 0.269]))
    """
    one_of(adjustment, Adjustment, "adjustment")
    codes = np.asarray(group)
    whole = logrank(
        time, event, codes, where=where, weights=weights, exponents=exponents, strata=strata
    )
    pairs = list(combinations(whole.groups, 2))
    present = np.True_ if where is None else np.asarray(where, dtype=bool)
    tests = [
        logrank(
            time,
            event,
            codes,
            where=present & ((codes == first) | (codes == second)),
            weights=weights,
            exponents=exponents,
            strata=strata,
        )
        for first, second in pairs
    ]
    none = np.empty((*whole.p.shape, 0))
    statistic = np.stack([test.statistic for test in tests], axis=-1) if tests else none
    p = np.stack([test.p for test in tests], axis=-1) if tests else none
    return Pairs(
        f"{whole.method}, {'not adjusted' if adjustment == 'none' else adjustment.capitalize()}",
        np.array(pairs, dtype=whole.groups.dtype).reshape(-1, 2),
        statistic,
        p,
        _adjusted(p, adjustment),
    )


def landmark_test(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    at: ArrayLike,
    *,
    where: ArrayLike | None = None,
    scale: Scale = "log-log",
) -> LandmarkComparison:
    """Compare the survival of groups at some times, each time by itself.

    Parameters
    ----------
    time, event, group : array_like
        As `logrank` takes them.
    at : array_like
        One or more times, in the unit of `time`: finite, 0 or more; shape ``(k,)``.
    where : array_like of bool, optional
        As `logrank` takes it.
    scale : {'log-log', 'plain', 'log', 'arcsine', 'logit'}, optional
        The scale on which estimates are compared; ``'plain'`` is what [1]_ calls naive and
        ``'log-log'`` its complementary log-log.

    Returns
    -------
    LandmarkComparison

    Raises
    ------
    KitError
        If an input cannot be used, the shapes don't fit or an option is unknown.

    Notes
    -----
    The statistic is that of [1]_ for two or more independent groups, with Greenwood's variance
    in each: the squares of the transformed estimates' distances from their mean, all weighted
    by the inverse variance. It holds for a time chosen beforehand.

    An empty group takes no part, and there is one degree of freedom less. There is no test where
    a group was not followed so long, or where survival in it is 0 or 1: then Greenwood's variance
    says nothing.

    References
    ----------
    .. [1] Klein JP, Logan B, Harhoff M, Andersen PK. Analyzing survival curves at a fixed point in
       time. Stat Med 2007;26:4505-4519.

    Examples
    --------
    >>> months, died = [1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 1, 0, 1, 0, 0, 0]
    >>> found = landmark_test(months, died, [0, 0, 0, 0, 1, 1, 1, 1], 5, scale="plain")
    >>> found.reason
    array(['after the last observed time of a group'], dtype='<U39')
    >>> found = landmark_test(months, died, [0, 0, 1, 0, 1, 0, 1, 1], 5, scale="plain")
    >>> found.survival.tolist(), found.statistic.round(3), found.p.round(3)
    ([[0.5], [0.5]], array([0.]), array([1.]))
    """
    one_of(scale, Scale, "scale")
    times, present, died, (group,) = together(time, had_event(event), where, group=group)
    groups = distinct(group[present])
    inside = present[..., None, :] & (group[..., None, :] == groups[:, None])
    found = curves(times[..., None, :], died[..., None, :], where=inside)
    read = landmark(found, at)
    survival = read.value
    usable = (survival > 0) & (survival < 1)  # never true of nan
    passed = found.ordered.position(at)
    variance = np.full(survival.shape, np.nan)
    if found.variance.shape[-1] and len(groups):
        greenwood = np.take_along_axis(found.variance, np.maximum(passed - 1, 0), axis=-1)
        variance[usable] = greenwood[usable]
    height, spread = transformed(np.where(usable, survival, 0.5), variance, scale)
    weight = np.where(usable, 1 / spread, 0.0)
    total = weight.sum(axis=-2)
    middle = (weight * height).sum(axis=-2) / np.where(total > 0, total, 1.0)
    chi_squared = (weight * (height - middle[..., None, :]) ** 2).sum(axis=-2)

    some = np.broadcast_to((found.n > 0)[..., None], survival.shape)
    counted = some.sum(axis=-2)
    reason = np.select(
        [
            counted == 0,
            counted == 1,
            (some & np.isnan(survival)).any(axis=-2),
            (some & ~usable).any(axis=-2),
        ],
        [
            "no patients",
            "one group only",
            "after the last observed time of a group",
            "survival of 0 or 1 in a group",
        ],
        "",
    )
    df = np.where(reason == "", counted - 1, 0)
    statistic = np.where(reason == "", chi_squared, np.nan)
    return LandmarkComparison(
        f"comparison of survival at fixed times, {scale} scale",
        groups,
        survival,
        statistic,
        df,
        upper_tail(statistic, df),
        reason,
    )


def _scores(trend: ArrayLike | None, groups: Labels) -> Floats | None:
    if trend is None:
        return None
    scores = np.asarray(trend, dtype=float)
    if scores.shape != groups.shape or not np.isfinite(scores).all():
        raise KitError(
            f"given {trend!r}",
            where="trend",
            right=f"one finite score for each of the groups {', '.join(map(str, groups))}",
        )
    return np.asarray(scores - scores[:1])  # only differences count; so they lose no digits


def _sums(
    placed: Ordered,
    died: Flags,
    members: list[Flags],
    weights: Weights,
    exponents: tuple[float, float],
) -> tuple[Floats, Floats, Floats]:
    """Return each group's observed and expected deaths, weighted, and their variance."""
    if not members or not placed.time.shape[-1]:
        shape = (*placed.n.shape, len(members))
        return np.zeros(shape), np.zeros(shape), np.zeros((*shape, len(members)))
    at_risk = np.maximum(placed.at_risk, 1.0)  # 0 for those who don't count, and don't die
    deaths = placed.up_to(died) - placed.before(died)
    weight = _weight(placed, died, deaths, weights, exponents)
    counted = weight * died
    own = [placed.from_on(member) for member in members[:-1]]
    own.append(placed.at_risk - sum(own))  # everyone is in some group
    share = np.stack(own, axis=-2) / at_risk[..., None, :]
    observed = np.stack([np.vecdot(counted, member) for member in members], axis=-1)
    expected = (share @ counted[..., None])[..., 0]
    # Of the last one at risk nothing varies: 0 whatever the denominator.
    spread = counted * weight * (at_risk - deaths) / np.maximum(at_risk - 1, 1.0)
    variance = -((share * spread[..., None, :]) @ np.swapaxes(share, -1, -2))
    # Rows add up to 0. Taken from that, the diagonal is exactly 0 where nothing varies.
    diagonal = np.arange(len(members))
    variance[..., diagonal, diagonal] = 0.0
    variance[..., diagonal, diagonal] = -variance.sum(axis=-1)
    return observed, expected, variance


def _weight(
    placed: Ordered, died: Flags, deaths: Floats, weights: Weights, exponents: tuple[float, float]
) -> Floats:
    """Return what a death at each patient's time counts."""
    at_risk = placed.at_risk
    if weights == "logrank":
        return np.ones(())
    if weights == "gehan":
        return at_risk
    if weights == "tarone-ware":
        return np.sqrt(at_risk)
    # A time's deaths count once: at the last of those who share it.
    once = np.where(placed.last, deaths, 0.0)
    if weights == "fleming-harrington":
        survival = np.cumprod(1 - once / np.maximum(at_risk, 1.0), axis=-1)
        before = just_before(survival)
        return np.asarray(before ** exponents[0] * (1 - before) ** exponents[1])
    survival = np.cumprod(1 - once / (at_risk + 1), axis=-1)
    weight = np.take_along_axis(survival, placed.end, axis=-1)
    return np.asarray(weight * at_risk / (at_risk + 1) if weights == "modified-peto" else weight)


def _adjusted(p: Floats, adjustment: Adjustment) -> Floats:
    if adjustment == "none":
        return p
    tested = (~np.isnan(p)).sum(axis=-1, keepdims=True)
    if adjustment == "bonferroni":
        return np.asarray(np.minimum(p * tested, 1.0))
    order = np.argsort(p, axis=-1)  # nan last
    steps = np.take_along_axis(p, order, axis=-1) * (tested - np.arange(p.shape[-1]))
    adjusted = np.empty_like(p)
    np.put_along_axis(
        adjusted, order, np.minimum(np.maximum.accumulate(steps, axis=-1), 1.0), axis=-1
    )
    return adjusted


def transformed(survival: Floats, variance: Floats, scale: Scale) -> tuple[Floats, Floats]:
    """Put survival and its variance on the scale of an interval or a test.

    Parameters
    ----------
    survival : numpy.ndarray of float
        Above 0 and below 1.
    variance : numpy.ndarray of float
        That of its logarithm, as Greenwood's formula gives it.
    scale : {'plain', 'log', 'log-log', 'arcsine', 'logit'}
        The scale; ``'log-log'``, the logarithm of the cumulative hazard, falls where survival
        rises.

    Returns
    -------
    tuple of numpy.ndarray of float
        The estimate on that scale and its variance, by the delta method.
    """
    if scale == "plain":
        return survival, survival**2 * variance
    if scale == "log":
        return np.log(survival), variance
    if scale == "log-log":
        hazard = -np.log(survival)
        return np.log(hazard), variance / hazard**2
    if scale == "arcsine":
        return np.arcsin(np.sqrt(survival)), survival * variance / (4 * (1 - survival))
    return np.log(survival / (1 - survival)), variance / (1 - survival) ** 2
