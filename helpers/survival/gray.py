"""Gray's test for competing risks, for a whole batch of cohorts at once.

It asks whether groups have the same cumulative incidence of a cause; a log-rank test of that cause,
others taken for censoring, asks whether those still without event have the same hazard. Shapes are
those of `helpers.survival.competing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import EllipsisType
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
    distinct,
    in_blocks,
    ordered,
    together,
)
from helpers.survival.steps import (
    Steps,
    cause_codes,
    cause_number,
    drawn,
    just_before,
    later_sums,
    over,
)


@dataclass(frozen=True, eq=False)
class GrayTest:
    """Gray's tests, one per cohort.

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
    cause: int = 1,
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
    cause : int, optional
        The cause whose incidences are compared.
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
    cause = cause_number(cause, "cause")
    codes = cause_codes(code)
    times, present, failed, (codes, group, *layers) = together(
        time, codes > 0, where, code=codes, group=group, strata=strata
    )
    groups = distinct(group[present])
    labels = distinct(layers[0][present]) if layers else None
    score = np.zeros((*times.shape[:-1], len(groups)))
    variance = np.zeros((*score.shape, len(groups)))

    def estimate_part(part: slice | EllipsisType) -> None:
        placed = ordered(times[part], present[part])
        ended = placed.arrange(codes[part] * failed[part])
        label = placed.arrange(group[part])
        members = [(label == each) & placed.present for each in groups]
        if labels is None:
            score[part], variance[part] = _gray_sums(placed, ended, members, cause, rho)
            return
        stratum = placed.arrange(layers[0][part])
        for each in labels:
            inside = placed.present & (stratum == each)
            own = ordered(np.where(inside, placed.time, 0.0), inside)
            more, spread = _gray_sums(
                own,
                own.arrange(ended) * own.present,
                [own.arrange(member) & own.present for member in members],
                cause,
                rho,
            )
            score[part] += more
            variance[part] += spread

    in_blocks(times.shape, estimate_part)

    # With many ties among few patients the variance for ties may be below 0.
    size = np.abs(variance).max(axis=(-2, -1), initial=0.0)
    least = np.linalg.eigvalsh(variance).min(axis=-1, initial=0.0)
    negative = least < -NOTHING * size
    usable = np.where(negative[..., None, None], 0.0, variance)
    if len(groups) == 2:
        statistic, df = along(score, usable, np.array([0.0, 1.0]))
    else:
        statistic, df = any_difference(score, usable)
    reason = np.select(
        [
            df > 0,
            ~present.any(axis=-1),
            ~(failed & (codes == cause)).any(axis=-1),
            negative,
        ],
        ["", "no patients", "no event of the cause", "too many ties: a variance below 0"],
        "no event could have been in another group",
    )
    return GrayTest(groups, score, variance, statistic, df, upper_tail(statistic, df), reason)


def _gray_sums(
    placed: Ordered, codes: NDArray[Any], members: list[Flags], cause: int, rho: float
) -> tuple[Floats, Floats]:
    """Return the scores of the groups and their variance.

    In the words of the paper: h_k is `exposure` and R_k `spared`; c_jk is `carried`, which enters
    the variance as what is still to come of it after each step.
    """
    count = len(members)
    score = np.zeros((*placed.n.shape, count))
    variance = np.zeros((*score.shape, count))
    if count < 2:
        return score, variance
    steps = Steps(placed, codes > 0)
    own = codes.ravel()[steps.events] == cause
    total = steps.count(own)

    everyone = (steps.at_step(placed.at_risk, 0.0), total, steps.count(~own))
    counted = []
    for member in members[:-1]:
        inside = member.ravel()[steps.events]
        left = np.cumsum(member[..., ::-1], axis=-1)[..., ::-1]
        counted.append(
            (steps.at_step(left, 0.0), steps.count(own & inside), steps.count(~own & inside))
        )
    # The last group has the others: everyone is in some group.
    rest = (all_ - sum(each) for all_, *each in zip(everyone, *counted, strict=True))
    sides = [_Side(*each) for each in (*counted, tuple(rest))]
    pooled = np.asarray(sum(side.exposure for side in sides))
    weight = np.asarray(sum(side.spared for side in sides))
    jump = over(total, pooled)
    incidence = np.cumsum(jump, axis=-1)
    spared = 1 - (incidence - jump)
    # Once only one group is at risk the pooled incidence may pass 1; nothing there counts.
    factor = np.ones(()) if rho == 0 else np.maximum(spared, TOLERANCE) ** rho
    rate = over(jump, spared)
    # Of two groups, the second is the mirror image of the first.
    free = range(1 if count == 2 else count)
    arms = [[np.zeros(()) for _ in sides] for _ in sides]
    carried = [[np.zeros(()) for _ in sides] for _ in sides]
    for i in free:
        part = over(sides[i].exposure, pooled)
        score[..., i] = (factor * (sides[i].own - total * over(sides[i].spared, weight))).sum(-1)
        for k in range(i, len(free)):
            arm = factor * sides[k].exposure * ((1.0 if i == k else 0.0) - part)
            arms[i][k] = arms[k][i] = arm
            carried[i][k] = carried[k][i] = later_sums(arm * rate)
    if count == 2:
        arms[0][1], carried[0][1] = -arms[0][0], -carried[0][0]

    for k, side in enumerate(sides):
        remaining = over(1 - incidence, side.after)
        tied = np.maximum(total - 1, 0.0) / np.maximum(pooled * side.before - 1, TOLERANCE)
        own_term = jump * side.share * (1 - tied) * (side.at_risk > 0)
        other_term = (side.share * remaining) ** 2 * drawn(side.other, side.at_risk)
        reach = [arms[i][k] + (1 - remaining) * carried[i][k] for i in free]
        for i in free:
            for j in range(i + 1):
                terms = own_term * reach[i] * reach[j]
                terms += other_term * carried[i][k] * carried[j][k]
                variance[..., i, j] += terms.sum(axis=-1)
                if i != j:
                    variance[..., j, i] = variance[..., i, j]
    if count == 2:
        score[..., 1] = -score[..., 0]
        variance[..., 1, 1] = variance[..., 0, 0]
        variance[..., 0, 1] = variance[..., 1, 0] = -variance[..., 0, 0]
    return score, variance


class _Side:
    """One group at the steps of all."""

    def __init__(self, at_risk: Floats, own: Floats, other: Floats) -> None:
        some = np.maximum(at_risk, 1.0)
        self.at_risk, self.own, self.other = at_risk, own, other
        self.after = np.cumprod(1 - (self.own + self.other) / some, axis=-1, dtype=np.float64)
        self.before = just_before(self.after)
        self.share = self.before / some
        jump = self.share * self.own
        # Whoever is at risk has survived.
        self.exposure = over(at_risk, self.before)
        self.spared = self.exposure * (1 - (np.cumsum(jump, axis=-1) - jump))
