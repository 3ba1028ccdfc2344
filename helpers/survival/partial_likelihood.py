"""Cox's partial likelihood: its derivatives and its maximum, for a whole batch of cohorts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.survival.ordered import Flags, Floats, Integers
from helpers.survival.risk_sets import NEGLIGIBLE, RiskSets

SETTLED = 1e-9
"""A likelihood that changes by less, relative to itself, has converged, as in R."""
STEPS = 60
"""Newton's method gives up after so many."""
_STEP = 1e-6
"""A smaller Newton step is the last. It squares the error, so what is left is nothing."""
_FAR = 350.0
"""Farther from 0, the logarithms of two patients' risks may differ by more than floats hold."""


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where Newton's method ended; each array has one row per member.

    Attributes
    ----------
    beta, score, information, inverse : numpy.ndarray of float
        The coefficients of the scaled covariates, the slope of the log-likelihood there, minus
        its curvature, and the inverse of that.
    estimable, infinite : numpy.ndarray of bool
        Which coefficients the data determine, and which of them run to infinity.
    loglik_null, loglik : numpy.ndarray of float
        The logarithm of the likelihood at the start and at the end.
    score_test : numpy.ndarray of float
        Chi-squared of the score at the start.
    iterations : numpy.ndarray of int
        Steps of Newton's method.
    converged : numpy.ndarray of bool
        Whether the likelihood found its maximum, or its limit.
    """

    beta: Floats
    score: Floats
    information: Floats
    inverse: Floats
    estimable: Flags
    infinite: Flags
    loglik_null: Floats
    loglik: Floats
    score_test: Floats
    iterations: Integers
    converged: Flags


def maximised(sets: RiskSets, start: Floats | None = None, free: Flags | None = None) -> Maximum:
    """Maximise the partial likelihood over the free coefficients.

    Parameters
    ----------
    sets : RiskSets
        What to fit.
    start : numpy.ndarray of float, optional
        Coefficients of the scaled covariates to start from; shape ``(members, covariates)``. 0 if
        not given.
    free : numpy.ndarray of bool, optional
        Which of them may move. All if not given.

    Returns
    -------
    Maximum
    """
    many, size = sets.members, len(sets.x)
    beta = np.zeros((many, size)) if start is None else start.copy()
    may_move = np.ones((many, size), dtype=bool) if free is None else free
    loglik, score, information = _derivatives(sets, beta)
    # No covariate is beyond -1 or 1, so none has more information than there are deaths.
    most = np.repeat(np.bincount(sets.death_member, minlength=many)[:, None], size, axis=1)
    inverse, estimable = inverted(information, most, may_move)
    first = information.copy()
    step = np.einsum("bij,bj->bi", inverse, score)
    loglik_null, score_test = loglik.copy(), np.einsum("bi,bi->b", step, score)
    iterations = np.zeros(many, dtype=np.int64)
    still = np.zeros(many, dtype=np.int64)
    arrived = np.zeros(many, dtype=bool)
    ended: Flags = np.asarray(~estimable.any(axis=-1))
    held = np.flatnonzero(~ended)
    part = sets if held.size == many else sets.of(held)
    for _ in range(STEPS):
        ended[held] |= np.abs(beta[held] + step[held]).sum(axis=-1) > _FAR
        going = ~ended[held]
        if 2 * going.sum() <= held.size:
            held = held[going]
            part, going = sets.of(held), going[going]
        if not held.size:
            break
        iterations[held[going]] += 1
        tried = beta[held] + step[held]
        values = _derivatives(part, tried)
        change = values[0] - loglik[held]
        slack = SETTLED * np.maximum(np.abs(loglik[held]), 1.0)
        solution, solved = inverted(values[2], most[held], may_move[held])
        solvable = (solved == estimable[held]).all(axis=-1)
        # Not so of nan; nor where a step goes so far that the likelihood is straight there.
        better = going & (change >= -slack) & (solvable | (change <= slack))
        step[held[going & ~better]] /= 2
        moved = held[better]
        small = np.abs(step[moved]) <= _STEP + NEGLIGIBLE * np.abs(beta[moved])
        beta[moved] = tried[better]
        for whole, value in zip((loglik, score, information), values, strict=True):
            whole[moved] = value[better]
        inverse[moved] = solution[better]
        step[moved] = np.einsum("bij,bj->bi", inverse[moved], score[moved])
        # A few more steps tell a coefficient that has arrived from one that never will.
        still[moved] = np.where(change[better] <= slack[better], still[moved] + 1, 0)
        arrived[moved] = small.all(axis=-1) & solvable[better]
        ended[moved] = arrived[moved] | ~solvable[better] | (still[moved] > 4)
    endless = np.flatnonzero(ended & ~arrived & estimable.any(axis=-1))
    infinite = np.zeros_like(estimable)
    infinite[endless] = estimable[endless] & _endless(first[endless], information[endless])
    return Maximum(
        beta=beta,
        score=score,
        information=information,
        inverse=inverse,
        estimable=estimable,
        infinite=infinite,
        loglik_null=loglik_null,
        loglik=loglik,
        score_test=score_test,
        iterations=iterations,
        converged=arrived | infinite.any(axis=-1) | ~estimable.any(axis=-1),
    )


def contributions(
    sets: RiskSets, beta: Floats
) -> tuple[Floats, list[Floats], Iterator[tuple[int, int, Floats]]]:
    """Return what each death adds to the log-likelihood, the score and the information.

    Parameters
    ----------
    sets : RiskSets
        The risk sets.
    beta : numpy.ndarray of float
        Coefficients of the scaled covariates; shape ``(members, covariates)``.

    Returns
    -------
    share : numpy.ndarray of float
        For each death, the logarithm of its share of the risk in its risk set.
    residuals : list of numpy.ndarray
        Each covariate less its mean over the risk set.
    variances : iterator of tuple
        One pair of covariates after the other: their numbers, and their covariance over the risk
        set.
    """
    if sets.two is not None:
        return _of_two_values(sets, beta)
    slopes = beta[sets.member]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        risk = slopes[:, :1] * sets.x[0]
        for j in range(1, len(sets.x)):
            risk += slopes[:, j, None] * sets.x[j]
        # A common factor within a layer changes nothing, and keeps the exponentials finite.
        if np.abs(beta).sum(axis=-1).max(initial=0.0) > 30:
            highest = np.where(sets.here != 0, risk, -np.inf).max(axis=-1, initial=-np.inf)
            risk -= highest[:, None]
            risk[sets.here == 0] = 0.0
        own = risk.ravel()[sets.death]
        weight = np.exp(risk, out=risk)
        weight *= sets.here
        total = sets.at_risk(weight)
        share = own - np.log(total)
        weighted = [weight * x for x in sets.x]
        means = [sets.at_risk(w) / total for w in weighted]
        residuals = [x.ravel()[sets.death] - m for x, m in zip(sets.x, means, strict=True)]

    def variances() -> Iterator[tuple[int, int, Floats]]:
        for i, w in enumerate(weighted):
            for j in range(i + 1):
                with np.errstate(divide="ignore", invalid="ignore"):
                    yield i, j, sets.at_risk(w * sets.x[j]) / total - means[i] * means[j]

    return share, residuals, variances()


def inverted(matrix: Floats, most: NDArray[Any], use: Flags) -> tuple[Floats, Flags]:
    """Invert symmetric matrices without the rows and columns that can't be used.

    Those are the ones not asked for and those that the ones before determine, but for rounding
    error.

    Parameters
    ----------
    matrix : numpy.ndarray of float
        Shape ``(members, size, size)``.
    most : numpy.ndarray
        The size of the numbers in which rounding error is looked for; shape ``(members, size)``.
    use : numpy.ndarray of bool
        Which rows and columns are asked for; shape ``(members, size)``.

    Returns
    -------
    inverse : numpy.ndarray of float
        As `matrix`; rows and columns left out hold 0.
    used : numpy.ndarray of bool
        Which ones could be used.
    """
    swept = matrix.copy()
    size = matrix.shape[-1]
    used = np.zeros(use.shape, dtype=bool)
    for j in range(size):
        pivot = swept[:, j, j]
        used[:, j] = use[:, j] & (pivot > NEGLIGIBLE * most[:, j]) & np.isfinite(pivot)
        go = np.flatnonzero(used[:, j])
        part, d = swept[go], pivot[go][:, None]
        column = part[:, :, j].copy()
        part -= column[:, :, None] * (column / d)[:, None, :]
        part[:, :, j] = part[:, j, :] = column / d
        part[:, j, j] = -1 / d[:, 0]
        swept[go] = part
    return np.where(used[:, :, None] & used[:, None, :], -swept, 0.0), used


def _derivatives(sets: RiskSets, beta: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the log-likelihood, its score and its information."""
    many, size = beta.shape
    share, residuals, variances = contributions(sets, beta)
    score = np.stack([sets.per_member(r) for r in residuals], axis=-1)
    information = np.empty((many, size, size))
    for i, j, variance in variances:
        information[:, i, j] = information[:, j, i] = sets.per_member(variance)
    return sets.per_member(share), score, information


def _of_two_values(
    sets: RiskSets, beta: Floats
) -> tuple[Floats, list[Floats], Iterator[tuple[int, int, Floats]]]:
    """Return the same as `contributions` for a single covariate of two values, from counts."""
    assert sets.two is not None
    low, high, own = sets.two
    slope = beta[:, 0]
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        odds = high * np.exp(slope)[sets.death_member]
        total = low + odds
        mean = odds / total
        share = own * slope[sets.death_member] - np.log(total)
        return share, [own - mean], iter([(0, 0, mean * (1 - mean))])


def _endless(first: Floats, last: Floats) -> Flags:
    """Say which coefficients have a part in a direction in which the likelihood has gone flat.

    Flat is a direction that has lost the information that it had with all coefficients 0.
    """
    _, directions = np.linalg.eigh(last)
    before, after = (
        np.einsum("bik,bij,bjk->bk", directions, matrix, directions) for matrix in (first, last)
    )
    flat = after < 1e-5 * before
    return np.asarray(((np.abs(directions) > 1e-4) & flat[:, None, :]).any(axis=-1))
