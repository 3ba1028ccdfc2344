"""Gray's test for competing risks, for a whole batch of cohorts at once.

It asks whether groups have the same cumulative incidence of a cause; a log-rank test of that cause,
others taken for censoring, asks whether those still without event have the same hazard. Shapes are
those of `helpers.survival.competing`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.survival.chi_squared import NOTHING, along, any_difference, upper_tail
from helpers.survival.curves import Words
from helpers.survival.ordered import (
    TOLERANCE,
    Flags,
    Floats,
    Integers,
    Ordered,
    alike,
    distinct,
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


@dataclass(frozen=True, eq=False)
class GrayTest:
    """Gray's tests, one per cohort, or one per cohort and cause if several causes were given.

    The causes are then the last axis of what ``(...)`` stands for.

    Attributes
    ----------
    groups : numpy.ndarray
        The codes of the groups, ascending.
    score : numpy.ndarray of float
        Weighted events of the cause above those to expect if the groups had one incidence;
        shape ``(..., groups)``.
    variance : numpy.ndarray of float
        Variance of `score`; shape ``(..., groups, groups)``.
    statistic : numpy.ndarray of float
        Chi-squared; shape ``(...)``, as the following. nan where nothing can be tested.
    df : numpy.ndarray of int
        Degrees of freedom; 0 where nothing can be tested.
    p : numpy.ndarray of float
        Two-sided P.
    reason : numpy.ndarray of str
        Why there is no statistic; empty where there is one.
    """

    groups: NDArray[Any]
    score: Floats
    variance: Floats
    statistic: Floats
    df: Integers
    p: Floats
    reason: Words


def gray_test(
    time: ArrayLike,
    code: ArrayLike,
    group: ArrayLike,
    *,
    where: ArrayLike | None = None,
    cause: int | Sequence[int] = 1,
    rho: float = 0.0,
    strata: ArrayLike | None = None,
) -> GrayTest:
    """Compare the cumulative incidence of a cause between groups.

    Parameters
    ----------
    time : array_like
        Time from origin to the first event or censoring, shape ``(..., patients)``: finite, 0 or
        more.
    code : array_like of int
        How that time ended: 0 for censored, else the number of the cause. Broadcast against
        `time`, as the following.
    group : array_like
        A code per patient: numbers, truth values or text.
    where : array_like of bool, optional
        Who counts. Everyone if not given.
    cause : int or sequence of int, optional
        The cause whose incidences are compared. Of several, each has a test of its own; together
        they take less time than one by one.
    rho : float, optional
        The power of 1 - F, the share spared by the cause just before each time, that an event
        counts: above 0, early differences count more.
    strata : array_like, optional
        A code per patient: events are compared within the same stratum only, and summed up.

    Returns
    -------
    GrayTest

    Raises
    ------
    KitError
        If an input cannot be used or the shapes don't fit.

    Notes
    -----
    Statistic and P are those of R ``cmprsk::cuminc`` [1]_: its variance for tied events, too.

    The degrees of freedom are the rank of the variance. In a member of the batch where a group is
    empty, that group takes no part, as in R. So does a group with nobody at risk at any event of
    the cause, where R gives up and prints the statistic -1. Where no event of the cause
    happened, or always only one group was at risk, statistic and P are nan. So they are where
    many ties among few patients make a variance negative: R prints whatever comes out, such as
    a chi-squared below 0 with a P of 1.

    References
    ----------
    .. [1] Gray RJ. A class of K-sample tests for comparing the cumulative incidence of a
       competing risk. Ann Stat 1988;16:1141-1154.

    Examples
    --------
    >>> found = gray_test([1, 2, 3, 4, 5, 6], [1, 1, 2, 0, 2, 1], [0, 0, 0, 1, 1, 1])
    >>> float(found.statistic.round(4)), float(found.p.round(4))
    (2.4381, 0.1184)
    """
    if not np.isfinite(rho):
        raise KitError(f"given {rho!r}", where="rho", right="a finite number")
    causes = [cause_number(each, "cause") for each in np.atleast_1d(cause).tolist()]
    if not causes:
        raise KitError("none given", where="cause", right="a cause: 1, 2, ...")
    codes = cause_codes(code)
    times, present, failed, (codes, group, *layers) = together(
        time, codes > 0, where, code=codes, group=group, strata=strata
    )
    shape = times.shape[:-1]
    wide = (math.prod(shape), times.shape[-1])
    times, present, failed, codes, group, *layers = (
        values.reshape(wide) for values in (times, present, failed, codes, group, *layers)
    )
    groups = distinct(group if present.all() else group[present])
    labels = distinct(layers[0][present]) if layers else None
    score = np.zeros((len(times), len(causes), len(groups)))
    variance = np.zeros((*score.shape, len(groups)))

    for some in alike(np.asarray(np.count_nonzero(failed, axis=-1))):
        placed = ordered(times[some], present[some])
        ended = placed.arrange(codes[some]) * placed.present
        label = placed.arrange(group[some])
        members = [(label == each) & placed.present for each in groups]
        if labels is None:
            score[some], variance[some] = _gray_sums(placed, ended, members, causes, rho)
            continue
        stratum = placed.arrange(layers[0][some])
        for each in labels:
            inside = placed.present & (stratum == each)
            own = ordered(np.where(inside, placed.time, 0.0), inside)
            more, spread = _gray_sums(
                own,
                own.arrange(ended) * own.present,
                [own.arrange(member) & own.present for member in members],
                causes,
                rho,
            )
            score[some] += more
            variance[some] += spread

    # With many ties among few patients the variance for ties may be below 0.
    size = np.abs(variance).max(axis=(-2, -1), initial=0.0)
    if len(groups) == 2:
        least = 2 * variance[..., 0, 0]
    else:
        least = np.linalg.eigvalsh(variance).min(axis=-1, initial=0.0)
    negative = least < -NOTHING * size
    usable = np.where(negative[..., None, None], 0.0, variance)
    if len(groups) == 2:
        statistic, df = along(score, usable, np.array([0.0, 1.0]))
    else:
        statistic, df = any_difference(score, usable)
    happened = [np.asarray((failed & (codes == each)).any(axis=-1)) for each in causes]
    nobody = np.broadcast_to(~np.any(present, axis=-1, keepdims=True), df.shape)
    reason = np.select(
        [df > 0, nobody, ~np.stack(happened, axis=-1), negative],
        ["", "no patients", "no event of the cause", "too many ties: a variance below 0"],
        "no event could have been in another group",
    )
    shape = (*shape, len(causes)) if np.ndim(cause) else shape
    return GrayTest(
        groups,
        score.reshape(*shape, len(groups)),
        variance.reshape(*shape, len(groups), len(groups)),
        statistic.reshape(shape),
        df.reshape(shape),
        upper_tail(statistic, df).reshape(shape),
        reason.reshape(shape),
    )


def _gray_sums(
    placed: Ordered, codes: NDArray[Any], members: list[Flags], causes: list[int], rho: float
) -> tuple[Floats, Floats]:
    """Return the scores of the groups and their variance, for each cause."""
    count = len(members)
    score = np.zeros((*placed.n.shape, len(causes), count))
    variance = np.zeros((*score.shape, count))
    if count < 2:
        return score, variance
    steps = Steps(placed.time, placed.n, codes > 0)
    ended = codes.reshape(-1)[steps.events]
    inside = [member.reshape(-1)[steps.events] for member in members[:-1]]
    events = [steps.count(flags) for flags in inside]
    at_risk = [
        steps.at_step(np.cumsum(member[..., ::-1], axis=-1)[..., ::-1], 0.0)
        for member in members[:-1]
    ]
    # The last group has the others: everyone is in some group.
    events.append(steps.count(ended > 0) - reduce(np.add, events))
    at_risk.append(steps.at_risk - reduce(np.add, at_risk))
    sides = [_Side(*each) for each in zip(events, at_risk, strict=True)]
    # At a step it is at least 1, where there is none 0.
    pooled = np.maximum(reduce(np.add, [side.exposure for side in sides]), 1.0)
    for side in sides:
        side.join(pooled)
    arms = [
        [sides[k].exposure * (float(i == k) - sides[i].portion) for k in range(i + 1)]
        for i in _free(count)
    ]
    for index, cause in enumerate(causes):
        own = ended == cause
        total = steps.count(own)
        parts = [steps.count(own & flags) for flags in inside]
        parts.append(total - reduce(np.add, parts))
        score[:, index], variance[:, index] = _of_cause(sides, pooled, arms, total, parts, rho)
    return score, variance


def _free(count: int) -> range:
    """Return the groups that tell all. Of two, the second is the mirror image of the first."""
    return range(1 if count == 2 else count)


def _of_cause(
    sides: list[_Side],
    pooled: Floats,
    arms: list[list[Floats]],
    total: Floats,
    parts: list[Floats],
    rho: float,
) -> tuple[Floats, Floats]:
    """Return the scores of the groups and their variance, for the events of one cause.

    In the words of the paper: h_k is `exposure` and R_k `spared`; c_jk is `carried`, which enters
    the variance as what is still to come of it after each step.
    """
    count = len(sides)
    free = _free(count)
    score = np.zeros((len(total), count))
    variance = np.zeros((*score.shape, count))
    exempt = [side.spared(own) for side, own in zip(sides, parts, strict=True)]
    # Whoever has an event of the cause has been exempt from it.
    expected = total / np.maximum(reduce(np.add, exempt), 1.0)
    excess = [parts[i] - exempt[i] * expected for i in free]
    jump = total / pooled
    incidence = np.cumsum(jump, axis=-1)
    spared = 1 - (incidence - jump)
    rate = np.divide(jump, spared, out=np.zeros_like(jump), where=spared != 0)
    if rho:
        # Once only one group is at risk the pooled incidence may pass 1; nothing there counts.
        factor = np.maximum(spared, TOLERANCE) ** rho
        excess = [factor * each for each in excess]
        arms = [[factor * arm for arm in row] for row in arms]
    carried = [[later_sums(arm * rate) for arm in row] for row in arms]
    for i in free:
        score[:, i] = excess[i].sum(axis=-1)

    left = 1 - incidence
    ties = np.maximum(total - 1, 0.0)
    for k, side in enumerate(sides):
        remaining = left * side.inverse
        own_term = 1 - ties * side.crowd
        own_term *= side.share
        own_term *= jump
        other_term = side.spread(side.events - parts[k])
        # The mirror image has opposite signs, which the products below don't show.
        pairs = [(max(i, k), min(i, k)) if count > 2 else (0, 0) for i in free]
        later = [remaining * carried[i][j] for i, j in pairs]
        reach = [
            carried[i][j] - after + arms[i][j] for (i, j), after in zip(pairs, later, strict=True)
        ]
        for i in free:
            for j in range(i + 1):
                variance[:, i, j] += _products(own_term, reach[i], reach[j])
                variance[:, i, j] += _products(other_term, later[i], later[j])
                variance[:, j, i] = variance[:, i, j]
    if count == 2:
        score[:, 1] = -score[:, 0]
        variance[:, 1, 1] = variance[:, 0, 0]
        variance[:, 0, 1] = variance[:, 1, 0] = -variance[:, 0, 0]
    return score, variance


def _products(one: Floats, two: Floats, three: Floats) -> Floats:
    """Sum the products of what belongs together over all steps."""
    return np.asarray(np.einsum("ij,ij,ij->i", one, two, three))


class _Side(Survival):
    """One group at the steps of all, and what of it is the same for each cause."""

    portion: Floats
    crowd: Floats

    def __init__(self, events: Floats, at_risk: Floats) -> None:
        super().__init__(events, at_risk)
        # Whoever is at risk has survived.
        self.exposure = at_risk / np.maximum(self.before, TOLERANCE)

    def join(self, pooled: Floats) -> None:
        """Take in what the groups have together."""
        self.portion = self.exposure / pooled
        self.crowd = 1 / np.maximum(pooled * self.before - 1, TOLERANCE)

    def spared(self, own: Floats) -> Floats:
        """Return the exposure of those whom a cause with these events has spared so far."""
        spared = self.share * own
        spared -= np.cumsum(spared, axis=-1)
        spared += 1
        spared *= self.exposure
        return spared
