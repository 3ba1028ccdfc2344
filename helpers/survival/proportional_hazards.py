"""Whether the hazards of a Cox model are proportional."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from helpers.errors import KitError
from helpers.survival.chi_squared import ChiSquared, chi_squared
from helpers.survival.cox import Cox
from helpers.survival.curves import Words, estimated
from helpers.survival.ordered import Floats, Integers, delayed, one_of, ordered
from helpers.survival.partial_likelihood import contributions, inverted
from helpers.survival.risk_sets import NEGLIGIBLE, RiskSets

Transform = Literal["km", "rank", "identity", "log"]


@dataclass(frozen=True, eq=False)
class ProportionalHazards:
    """Tests of proportional hazards.

    Attributes
    ----------
    transform : str
        The function of time with which the log hazard ratios might change.
    terms : ChiSquared
        Each term by itself; shape ``(..., terms)``.
    overall : ChiSquared
        All at once, R's ``GLOBAL``; shape ``(...)``.
    reason : numpy.ndarray of str
        Why `overall` is nan; empty where it isn't.
    """

    transform: Transform
    terms: ChiSquared
    overall: ChiSquared
    reason: Words


def proportional_hazards(
    fit: Cox, *, transform: Transform = "km", terms: Sequence[Sequence[int]] | None = None
) -> ProportionalHazards:
    """Test whether the hazard ratios of a model stay the same over time.

    Parameters
    ----------
    fit : Cox
        The models.
    transform : {'km', 'rank', 'identity', 'log'}, optional
        The function of time that goes with the change: 1 less the Kaplan-Meier estimate just
        before it, its rank among all times, time itself, or its logarithm.
    terms : sequence of sequence of int, optional
        Covariates, by number, that are tested together, as the columns of a factor. Each by
        itself if not given.

    Returns
    -------
    ProportionalHazards

    Raises
    ------
    KitError
        If an option is unknown, or a term names a covariate that there isn't.

    Notes
    -----
    The score test of a coefficient that changes in time [1]_, exact as in ``cox.zph`` since
    version 3 of R's package; before that, R approximated it. There is no test, and R's stops or
    isn't to be trusted, where a coefficient is infinite, where all events share one time, or
    with ``'log'`` and an event at time 0.

    References
    ----------
    .. [1] Grambsch PM, Therneau TM. Proportional hazards tests and diagnostics based on weighted
       residuals. Biometrika 1994;81:515-526.
    """
    one_of(transform, Transform, "transform")
    sets = fit.sets
    many, size = sets.members, len(sets.x)
    groups = [[number] for number in range(size)] if terms is None else [list(t) for t in terms]
    for number in (number for group in groups for number in group):
        if not 0 <= number < size:
            raise KitError(
                f"given {number!r}", where="terms", right=f"numbers from 0 to {size - 1}"
            )
    coefficients = fit.coefficients.reshape(many, size)
    kept = ~np.isnan(coefficients)
    infinite = np.isinf(coefficients).any(axis=-1)
    beta = np.where(np.isfinite(coefficients), coefficients, 0.0) * sets.scale

    weight = _centred(_transformed(fit, transform).ravel()[sets.death_patient], sets)
    undefined = sets.per_member(~np.isfinite(weight)) > 0
    weight = np.where(np.isfinite(weight), weight, 0.0)
    _, residuals, variances = contributions(sets, beta)
    change = np.stack([sets.per_member(weight * r) for r in residuals], axis=-1)
    plain, once, twice = np.zeros((3, many, size, size))
    for i, j, variance in variances:
        for matrix, factor in ((plain, 1.0), (once, weight), (twice, weight**2)):
            matrix[:, i, j] = matrix[:, j, i] = sets.per_member(factor * variance)
    inverse, _ = inverted(plain, np.diagonal(plain, axis1=1, axis2=2), kept)
    left = twice - once @ inverse @ once
    most = np.diagonal(twice, axis1=1, axis2=2)

    def test(chosen: list[int]) -> tuple[Floats, Integers]:
        wanted = np.zeros(size, dtype=bool)
        wanted[chosen] = True
        use = kept & wanted
        variance, solved = inverted(left, most, use)
        statistic = np.einsum("bi,bij,bj->b", change, variance, change)
        df = use.sum(axis=-1)
        none = (solved != use).any(axis=-1) | (df == 0) | infinite | undefined
        return np.where(none, np.nan, statistic).reshape(fit.n.shape), df.reshape(fit.n.shape)

    each = [test(group) for group in groups]
    overall, df = test(list(range(size)))
    reason = np.full(many, "", dtype="<U64")
    reason[np.isnan(overall.ravel())] = "all events at one time, or too few"
    reason[undefined] = "an event at time 0 has no logarithm"
    reason[infinite] = "a coefficient is infinite"
    reason[~kept.any(axis=-1)] = "no coefficient to test"
    shape = (*fit.n.shape, 0)
    statistics = np.stack([s for s, _ in each], axis=-1) if each else np.empty(shape)
    dfs = np.stack([d for _, d in each], axis=-1) if each else np.empty(shape, dtype=np.int64)
    return ProportionalHazards(
        transform,
        chi_squared(statistics, dfs),
        chi_squared(overall, df),
        reason.reshape(fit.n.shape),
    )


def _transformed(fit: Cox, transform: Transform) -> Floats:
    """Return the function of each patient's time that the test of proportionality is about."""
    placed = ordered(fit.time, fit.present)
    if transform == "identity":
        found = placed.time
    elif transform == "log":
        with np.errstate(divide="ignore"):
            found = np.log(placed.time)
    elif transform == "rank":
        found = (placed.start + placed.end) / 2 + 1
    else:
        if fit.entry is not None:
            placed = delayed(fit.time, fit.entry, fit.present)
        curve = estimated(placed, placed.arrange(fit.event).astype(bool) & placed.present)
        steps = np.concatenate((np.ones((len(fit.time), 1)), curve.survival), axis=-1)
        found = 1 - np.take_along_axis(steps, placed.start, axis=-1)
    return np.asarray(placed.restore(found))


def _centred(values: Floats, sets: RiskSets) -> Floats:
    """Subtract the mean of each member's deaths; all the same, but for rounding, becomes 0."""
    counts = np.maximum(np.bincount(sets.death_member, minlength=sets.members), 1)
    size, spread = np.zeros((2, sets.members))
    with np.errstate(invalid="ignore"):
        centred = values - (sets.per_member(values) / counts)[sets.death_member]
        np.maximum.at(size, sets.death_member, np.abs(values))
        np.maximum.at(spread, sets.death_member, np.abs(centred))
        return np.where((spread > NEGLIGIBLE * size)[sets.death_member], centred, centred * 0)
