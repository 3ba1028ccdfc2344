"""Cox regression, and whether hazards are proportional, for a whole batch of cohorts at once.

Shapes are those of `helpers.survival.curves`: the last axis of the times runs over patients, the
others over cohorts and groups. With `entry`, a row is an episode of a patient, so that covariates
may change in time. Estimates, tests and warnings follow ``coxph`` and ``cox.zph`` of R's package
survival.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.survival.curves import Words, _estimated, _z
from helpers.survival.ordered import (
    Flags,
    Floats,
    Integers,
    Ordered,
    coded,
    delayed,
    intervals,
    one_of,
    ordered,
)

Ties = Literal["efron", "breslow"]
Transform = Literal["km", "rank", "identity", "log"]

_NOTHING = float(np.finfo(np.float64).eps ** 0.75)
"""Of a covariate's variance, a smaller share than this is rounding error, as in R."""
_SETTLED = 1e-9
"""A likelihood that changes by less, relative to itself, has converged, as in R."""
_STEP = 1e-6
"""A smaller Newton step is the last. It squares the error, so what is left is nothing."""
_STEPS = 60
_FAR = 350.0
"""Farther from 0, the logarithms of two patients' risks may differ by more than floats hold."""


@dataclass(frozen=True, eq=False)
class ChiSquared:
    """Chi-squared tests.

    Attributes
    ----------
    statistic : numpy.ndarray of float
        nan where there is nothing to test.
    df : numpy.ndarray of int
        Degrees of freedom.
    p : numpy.ndarray of float
        The upper tail of the chi-squared distribution; nan where `statistic` is.
    """

    statistic: Floats
    df: Integers
    p: Floats


@dataclass(frozen=True, eq=False)
class RiskSets:
    """A batch of cohorts laid out so that risk sets are sums without differences.

    A layer is a stratum of a cohort, in descending order of time: who is at risk when someone
    dies comes before. With delayed entry that isn't so, and taking away those who haven't come
    yet would drown a small rest in rounding error. Then each layer has a binary tree over its
    times of death. Each patient is hung up at the few nodes that span their observation, and a
    risk set is the way from its leaf to the root.

    Attributes
    ----------
    members, patients : int
        Cohorts, and places for patients in each.
    x : numpy.ndarray of float
        Covariates, 0 and 1 if there are two values, else less their mean and from -1 to 1; shape
        ``(covariates, layers, rows)``.
    center, scale : numpy.ndarray of float
        What was subtracted, and what it was divided by; shape ``(members, covariates)``.
    here : numpy.ndarray of float
        1, or 0 for nobody; shape ``(layers, rows)``.
    member : numpy.ndarray of int
        The cohort of each layer.
    death, last : numpy.ndarray of int
        Of each death, its place in the layers and that of the last row of its risk set; with
        delayed entry, the leaf of its time.
    death_member, death_patient : numpy.ndarray of int
        The cohort and the patient of each death; the patient counted through all cohorts.
    tie_start, tie : numpy.ndarray of int
        The first death of each time, and to which time each death belongs.
    fraction : numpy.ndarray of float
        The part of the deaths of the same time that has left each death's risk set: 0, 1/2 for
        two deaths by Efron's method; 0 throughout by Breslow's.
    two : numpy.ndarray of float, optional
        With a single covariate of two values, all that is needed: for each death the numbers at
        risk with the lower and the higher one, and whether its own is the higher; shape
        ``(3, deaths)``.
    hung_row, hung_node : numpy.ndarray of int
        With delayed entry, which row hangs at which node.
    nodes : int
        With delayed entry, places for nodes in each layer; else 0.
    """

    members: int
    patients: int
    x: Floats
    center: Floats
    scale: Floats
    here: Floats
    member: Integers
    death: Integers
    last: Integers
    death_member: Integers
    death_patient: Integers
    tie_start: Integers
    tie: Integers
    fraction: Floats
    two: Floats | None
    hung_row: Integers
    hung_node: Integers
    nodes: int

    def at_risk(self, values: Floats) -> Floats:
        """Sum values over the risk set of each death.

        Parameters
        ----------
        values : numpy.ndarray
            Shape ``(layers, rows)``, 0 where nobody is.

        Returns
        -------
        numpy.ndarray of float
            One sum per death.
        """
        sums: Floats
        if self.nodes:
            weights = values.ravel()[self.hung_row]
            size = len(values) * self.nodes
            tree = np.asarray(np.bincount(self.hung_node, weights, minlength=size), dtype=float)
            root, node = self.last // self.nodes * self.nodes, self.last % self.nodes
            sums = tree[self.last]
            for _ in range(self.nodes.bit_length() - 2):
                node >>= 1
                sums += tree[root + node]
        else:
            sums = np.cumsum(values, axis=-1).ravel()[self.last]
        gone = np.flatnonzero(self.fraction)
        if gone.size:
            tied = np.add.reduceat(values.ravel()[self.death], self.tie_start)
            sums[gone] -= self.fraction[gone] * tied[self.tie[gone]]
        return sums

    def of(self, chosen: Integers) -> RiskSets:
        """Pick some cohorts.

        Parameters
        ----------
        chosen : numpy.ndarray of int
            Which ones, ascending.

        Returns
        -------
        RiskSets
        """
        place = np.full(self.members, -1)
        place[chosen] = np.arange(len(chosen))
        layers = np.flatnonzero(place[self.member] >= 0)
        deaths = np.flatnonzero(place[self.death_member] >= 0)
        rows = self.here.shape[-1]
        layer_place = np.full(len(self.member), -1)
        layer_place[layers] = np.arange(len(layers))
        moved = layer_place - np.arange(len(self.member))
        by = moved[self.death[deaths] // rows]
        hung = np.flatnonzero(layer_place[self.hung_row // rows] >= 0)
        hung_by = moved[self.hung_row[hung] // rows]
        start, tie = _runs(self.tie[deaths])
        return replace(
            self,
            members=len(chosen),
            x=self.x[:, layers],
            center=self.center[chosen],
            scale=self.scale[chosen],
            here=self.here[layers],
            member=place[self.member[layers]],
            death=self.death[deaths] + by * rows,
            last=self.last[deaths] + by * (self.nodes or rows),
            death_member=place[self.death_member[deaths]],
            death_patient=self.death_patient[deaths],
            tie_start=start,
            tie=tie,
            fraction=self.fraction[deaths],
            two=None if self.two is None else self.two[:, deaths],
            hung_row=self.hung_row[hung] + hung_by * rows,
            hung_node=self.hung_node[hung] + hung_by * self.nodes,
        )


@dataclass(frozen=True, eq=False)
class Cox:
    """Cox models of a batch of cohorts.

    Attributes
    ----------
    coefficients, std_err : numpy.ndarray of float
        Logarithms of hazard ratios per unit of each covariate, and their standard errors; shape
        ``(..., covariates)``. A coefficient is ``inf`` or ``-inf`` where the likelihood grows
        without end; its standard error is then nan. Of several such coefficients in a model the
        signs belong together: the likelihood may grow in other directions too.
    hazard_ratio, lower, upper : numpy.ndarray of float
        The same as hazard ratios, with their Wald limits.
    p : numpy.ndarray of float
        Two-sided P of each coefficient, by Wald's test.
    reason : numpy.ndarray of str
        Why a coefficient is not a finite number, or not to be trusted; empty where it is fine.
    covariance : numpy.ndarray of float
        Of the coefficients; shape ``(..., covariates, covariates)``, nan where one isn't finite.
    loglik_null, loglik : numpy.ndarray of float
        The logarithm of the partial likelihood with all coefficients 0 and at its maximum; shape
        ``(...)``, as the following.
    wald, score, likelihood_ratio : ChiSquared
        Tests that all coefficients are 0. Wald's needs all of them finite, the others don't.
    n, events : numpy.ndarray of int
        Patients (or episodes) and events.
    iterations : numpy.ndarray of int
        Steps of Newton's method.
    converged : numpy.ndarray of bool
        Whether the likelihood found its maximum, or its limit.
    level : float
        The confidence level of the limits.
    sets : RiskSets
        What was fitted, for `profile_interval` and `proportional_hazards`.
    time, entry : numpy.ndarray of float
        The times, shape ``(members, patients)``; `entry` is None without delayed entry.
    event, present : numpy.ndarray of bool
        Who had the event, and who counts; as `time`.
    """

    coefficients: Floats
    std_err: Floats
    hazard_ratio: Floats
    lower: Floats
    upper: Floats
    p: Floats
    reason: Words
    covariance: Floats
    loglik_null: Floats
    loglik: Floats
    wald: ChiSquared
    score: ChiSquared
    likelihood_ratio: ChiSquared
    n: Integers
    events: Integers
    iterations: Integers
    converged: Flags
    level: float
    sets: RiskSets
    time: Floats
    entry: Floats | None
    event: Flags
    present: Flags


@dataclass(frozen=True, eq=False)
class ProfileInterval:
    """Profile-likelihood limits of a hazard ratio.

    Attributes
    ----------
    lower, upper : numpy.ndarray of float
        Shape ``(...)``; 0 or ``inf`` on the side to which the coefficient runs to infinity, nan
        where there is no estimate.
    """

    lower: Floats
    upper: Floats


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


def cox(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    *,
    where: ArrayLike | None = None,
    ties: Ties = "efron",
    strata: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    level: float = 0.95,
) -> Cox:
    """Fit a proportional hazards model to each cohort of a batch.

    Parameters
    ----------
    time : array_like
        Time from origin to event or censoring, shape ``(..., patients)``: finite, 0 or more.
    event : array_like
        Whether that time ended in the event: True or 1, False or 0. Broadcast against `time`.
    covariates : array_like
        Shape ``(..., patients, covariates)``; or ``(..., patients)`` for a single one, with no
        more axes than the other arguments have. Finite for everyone who counts.
    where : array_like of bool, optional
        Who counts; broadcast against `time`. Everyone if not given.
    ties : {'efron', 'breslow'}, optional
        How deaths of the same time share their risk set [2]_. ``'efron'`` is R's choice,
        ``'breslow'`` that of SAS, SPSS and Stata unless told otherwise.
    strata : array_like, optional
        Codes; each stratum has its own baseline hazard. Broadcast against `time`.
    entry : array_like, optional
        When each patient came under observation: 0 or more, no later than `time`. At risk is
        whoever has ``entry < t <= time``. A row with ``entry == time`` is never at risk and
        doesn't count. Broadcast against `time`.
    level : float, optional
        Confidence level, above 0 and below 1.

    Returns
    -------
    Cox

    Raises
    ------
    KitError
        If an input cannot be used, or the shapes don't fit.

    Notes
    -----
    The partial likelihood [1]_ is maximised by Newton's method with step halving. Where it keeps
    growing as a coefficient does (a group without events is the usual case) R warns that the
    coefficient may be infinite and prints a large one; here it is infinite. The score and the
    likelihood-ratio test stay valid, and so does `profile_interval`.

    A covariate that is constant among those at risk, or a sum of covariates before it, has the
    coefficient nan, as R has NA, and takes no degree of freedom.

    References
    ----------
    .. [1] Cox DR. Regression models and life-tables. J R Stat Soc B 1972;34:187-220.
    .. [2] Efron B. The efficiency of Cox's likelihood function for censored data. J Am Stat
       Assoc 1977;72:557-565.

    Examples
    --------
    Freireich's 42 children with leukaemia: weeks in remission with placebo and with 6-MP [1]_.

    >>> placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
    >>> drug = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    >>> event = [1] * 21 + [1] * 9 + [0] * 12
    >>> fit = cox(placebo + drug, event, [1] * 21 + [0] * 21)
    >>> fit.hazard_ratio.round(2), fit.lower.round(2), fit.upper.round(2)
    (array([4.82]), array([2.15]), array([10.81]))
    """
    from scipy.special import ndtr

    one_of(ties, Ties, "ties")
    z = _z(level)
    sets, shape, rows = _laid_out(time, event, covariates, where, ties, strata, entry)
    times, entries, died, present = rows
    found = _maximised(sets)
    many, size = found.beta.shape

    estimable, infinite = found.estimable, found.infinite
    beta = np.where(infinite, np.copysign(np.inf, found.beta), found.beta) / sets.scale
    beta[~estimable] = np.nan
    finite = estimable & ~infinite
    scales = sets.scale[:, :, None] * sets.scale[:, None, :]
    both = finite[:, :, None] & finite[:, None, :]
    covariance = np.where(both, found.inverse / scales, np.nan)
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    std_err = np.sqrt(np.where(variance > 0, variance, np.nan))

    events = np.bincount(sets.death_member, minlength=many)
    n = present.sum(axis=-1)
    df = estimable.sum(axis=-1)
    unknown = df == 0
    wald = np.einsum("bi,bij,bj->b", found.beta, found.information, found.beta)
    wald[(infinite | unknown[:, None]).any(axis=-1)] = np.nan
    score = np.where(unknown, np.nan, found.score_test)
    ratio = np.where(unknown, np.nan, np.maximum(2 * (found.loglik - found.loglik_null), 0.0))
    no_events = events == 0
    reason = np.full((many, size), "", dtype="<U64")
    reason[~found.converged] = "did not converge"
    reason[infinite] = "no maximum: the coefficient runs to infinity"
    reason[~estimable] = "constant, or a sum of the others, among those at risk"
    reason[no_events] = "no events"
    reason[n == 0] = "no patients"

    def shaped(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return values.reshape((*shape, *values.shape[1:]))

    def tested(statistic: Floats) -> ChiSquared:
        return _tested(statistic.reshape(shape), df.reshape(shape))

    with np.errstate(over="ignore", invalid="ignore"):
        lower, upper = np.exp(beta - z * std_err), np.exp(beta + z * std_err)
        arrays = {
            "coefficients": beta,
            "std_err": std_err,
            "hazard_ratio": np.exp(beta),
            "lower": lower,
            "upper": upper,
            "p": 2 * ndtr(-np.abs(beta / std_err)),
            "reason": reason,
            "covariance": covariance,
            "loglik_null": np.where(no_events, np.nan, found.loglik_null),
            "loglik": np.where(no_events, np.nan, found.loglik),
            "n": n,
            "events": events,
            "iterations": found.iterations,
            "converged": found.converged & ~no_events,
        }
    return Cox(
        **{name: shaped(values) for name, values in arrays.items()},  # type: ignore[arg-type]
        wald=tested(wald),
        score=tested(score),
        likelihood_ratio=tested(ratio),
        level=level,
        sets=sets,
        time=times,
        entry=entries,
        event=died,
        present=present,
    )


def profile_interval(fit: Cox, covariate: int = 0, *, level: float = 0.95) -> ProfileInterval:
    """Return the profile-likelihood limits of a hazard ratio.

    Parameters
    ----------
    fit : Cox
        The models.
    covariate : int, optional
        Which of the covariates, from 0.
    level : float, optional
        Confidence level, above 0 and below 1.

    Returns
    -------
    ProfileInterval
        Shape ``(...)``.

    Raises
    ------
    KitError
        If there is no such covariate, or the level cannot be used.

    Notes
    -----
    All values that the likelihood-ratio test doesn't reject, the other coefficients fitted anew
    for each. With few events they are nearer the level than Wald's, and a group without events
    has a limit too [1]_.

    References
    ----------
    .. [1] Heinze G, Schemper M. A solution to the problem of monotone likelihood in Cox
       regression. Biometrics 2001;57:114-119.
    """
    sets = fit.sets
    many, size = sets.members, len(sets.x)
    if not 0 <= covariate < size:
        raise KitError(
            f"given {covariate!r}", where="covariate", right=f"a number from 0 to {size - 1}"
        )
    beta = fit.coefficients.reshape(many, size) * sets.scale
    best = beta[:, covariate]
    free = ~np.isnan(beta)
    free[:, covariate] = False
    target = fit.loglik.ravel() - _z(level) ** 2 / 2
    spread = fit.std_err.reshape(many, size)[:, covariate] * sets.scale[:, covariate]
    # Where the estimate itself is infinite, the search for the other limit starts at 0.
    start = np.where(np.isfinite(beta), beta, 0.0)
    limits = []
    for side in (-1, 1):
        at = start.copy()
        at[:, covariate] += np.where(np.isfinite(best), side * _z(level) * spread, 0.0)
        limit = np.where(best == side * np.inf, best, np.nan)
        seek = np.flatnonzero(~np.isnan(best) & (best != side * np.inf))
        # The profile is concave. Newton's method overshoots its crossing once at most, then
        # comes back from outside.
        for _ in range(_STEPS):
            if not seek.size:
                break
            part = _maximised(sets.of(seek), at[seek], free[seek])
            with np.errstate(divide="ignore", invalid="ignore"):
                step = (target[seek] - part.loglik) / part.score[:, covariate]
            at[seek] = part.beta
            at[seek, covariate] += step
            now = at[seek, covariate]
            done = np.abs(step) <= _SETTLED * (1 + np.abs(now))
            limit[seek[done]] = now[done]
            seek = seek[~done & np.isfinite(step)]
        limits.append(np.exp(limit / sets.scale[:, covariate]).reshape(fit.n.shape))
    return ProfileInterval(*limits)


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
    undefined = _per_member(sets, ~np.isfinite(weight)) > 0
    weight = np.where(np.isfinite(weight), weight, 0.0)
    _, residuals, variances = _moments(sets, beta)
    change = np.stack([_per_member(sets, weight * r) for r in residuals], axis=-1)
    plain, once, twice = np.zeros((3, many, size, size))
    for i, j, variance in variances:
        for matrix, factor in ((plain, 1.0), (once, weight), (twice, weight**2)):
            matrix[:, i, j] = matrix[:, j, i] = _per_member(sets, factor * variance)
    inverse, _ = _inverse(plain, np.diagonal(plain, axis1=1, axis2=2), kept)
    left = twice - once @ inverse @ once
    most = np.diagonal(twice, axis1=1, axis2=2)

    def test(chosen: list[int]) -> tuple[Floats, Integers]:
        wanted = np.zeros(size, dtype=bool)
        wanted[chosen] = True
        use = kept & wanted
        variance, solved = _inverse(left, most, use)
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
        transform, _tested(statistics, dfs), _tested(overall, df), reason.reshape(fit.n.shape)
    )


@dataclass(frozen=True, eq=False)
class _Maximum:
    """Where Newton's method ended; each array has one row per member."""

    beta: Floats  # of the scaled covariates, as the next three
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


def _maximised(sets: RiskSets, start: Floats | None = None, free: Flags | None = None) -> _Maximum:
    """Maximise the partial likelihood over the free coefficients."""
    many, size = sets.members, len(sets.x)
    beta = np.zeros((many, size)) if start is None else start.copy()
    may_move = np.ones((many, size), dtype=bool) if free is None else free
    loglik, score, information = _derivatives(sets, beta)
    # No covariate is beyond -1 or 1, so none has more information than there are deaths.
    most = np.repeat(np.bincount(sets.death_member, minlength=many)[:, None], size, axis=1)
    inverse, estimable = _inverse(information, most, may_move)
    first = information.copy()
    step = np.einsum("bij,bj->bi", inverse, score)
    loglik_null, score_test = loglik.copy(), np.einsum("bi,bi->b", step, score)
    iterations = np.zeros(many, dtype=np.int64)
    still = np.zeros(many, dtype=np.int64)
    arrived = np.zeros(many, dtype=bool)
    ended: Flags = np.asarray(~estimable.any(axis=-1))
    held = np.flatnonzero(~ended)
    part = sets if held.size == many else sets.of(held)
    for _ in range(_STEPS):
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
        slack = _SETTLED * np.maximum(np.abs(loglik[held]), 1.0)
        solution, solved = _inverse(values[2], most[held], may_move[held])
        solvable = (solved == estimable[held]).all(axis=-1)
        # Not so of nan; nor where a step goes so far that the likelihood is straight there.
        better = going & (change >= -slack) & (solvable | (change <= slack))
        step[held[going & ~better]] /= 2
        moved = held[better]
        small = np.abs(step[moved]) <= _STEP + _NOTHING * np.abs(beta[moved])
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
    return _Maximum(
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


def _moments(
    sets: RiskSets, beta: Floats
) -> tuple[Floats, list[Floats], Iterator[tuple[int, int, Floats]]]:
    """Return what each death adds to the log-likelihood, the score and the information.

    For each death: the logarithm of its share of the risk in its risk set; each covariate less
    its mean over the risk set; and, one pair of covariates after the other, their covariance.
    """
    if sets.two is not None:
        return _moments_of_two(sets, beta)
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


def _moments_of_two(
    sets: RiskSets, beta: Floats
) -> tuple[Floats, list[Floats], Iterator[tuple[int, int, Floats]]]:
    """Return the same as `_moments` for a single covariate of two values, from counts."""
    assert sets.two is not None
    low, high, own = sets.two
    slope = beta[:, 0]
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        odds = high * np.exp(slope)[sets.death_member]
        total = low + odds
        mean = odds / total
        share = own * slope[sets.death_member] - np.log(total)
        return share, [own - mean], iter([(0, 0, mean * (1 - mean))])


def _derivatives(sets: RiskSets, beta: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the log-likelihood, its score and its information."""
    many, size = beta.shape
    share, residuals, variances = _moments(sets, beta)
    score = np.stack([_per_member(sets, r) for r in residuals], axis=-1)
    information = np.empty((many, size, size))
    for i, j, variance in variances:
        information[:, i, j] = information[:, j, i] = _per_member(sets, variance)
    return _per_member(sets, share), score, information


def _per_member(sets: RiskSets, values: NDArray[np.generic]) -> Floats:
    return np.asarray(np.bincount(sets.death_member, weights=values, minlength=sets.members))


def _inverse(matrix: Floats, most: NDArray[Any], use: Flags) -> tuple[Floats, Flags]:
    """Invert symmetric matrices without the rows and columns that can't be used.

    Those are the ones not asked for and those that the ones before determine, but for rounding
    error in numbers of the size of `most`. Rows and columns left out hold 0.
    """
    swept = matrix.copy()
    size = matrix.shape[-1]
    used = np.zeros(use.shape, dtype=bool)
    for j in range(size):
        pivot = swept[:, j, j]
        used[:, j] = use[:, j] & (pivot > _NOTHING * most[:, j]) & np.isfinite(pivot)
        go = np.flatnonzero(used[:, j])
        part, d = swept[go], pivot[go][:, None]
        column = part[:, :, j].copy()
        part -= column[:, :, None] * (column / d)[:, None, :]
        part[:, :, j] = part[:, j, :] = column / d
        part[:, j, j] = -1 / d[:, 0]
        swept[go] = part
    return np.where(used[:, :, None] & used[:, None, :], -swept, 0.0), used


def _tested(statistic: Floats, df: Integers) -> ChiSquared:
    from scipy.special import chdtrc

    return ChiSquared(statistic, df, np.asarray(chdtrc(np.maximum(df, 1), statistic)))


def _runs(values: Integers) -> tuple[Integers, Integers]:
    """Return where each run of equal values starts, and to which run each value belongs."""
    new = np.ones(len(values), dtype=bool)
    new[1:] = values[1:] != values[:-1]
    return np.flatnonzero(new), np.cumsum(new) - 1


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
        curve = _estimated(placed, placed.arrange(fit.event).astype(bool) & placed.present)
        steps = np.concatenate((np.ones((len(fit.time), 1)), curve.survival), axis=-1)
        found = 1 - np.take_along_axis(steps, placed.start, axis=-1)
    return np.asarray(placed.restore(found))


def _centred(values: Floats, sets: RiskSets) -> Floats:
    """Subtract the mean of each member's deaths; all the same, but for rounding, becomes 0."""
    counts = np.maximum(np.bincount(sets.death_member, minlength=sets.members), 1)
    size, spread = np.zeros((2, sets.members))
    with np.errstate(invalid="ignore"):
        centred = values - (_per_member(sets, values) / counts)[sets.death_member]
        np.maximum.at(size, sets.death_member, np.abs(values))
        np.maximum.at(spread, sets.death_member, np.abs(centred))
        return np.where((spread > _NOTHING * size)[sets.death_member], centred, centred * 0)


def _laid_out(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    where: ArrayLike | None,
    ties: Ties,
    strata: ArrayLike | None,
    entry: ArrayLike | None,
) -> tuple[RiskSets, tuple[int, ...], tuple[Floats, Floats | None, Flags, Flags]]:
    """Return the risk sets, the shape of the batch, and the rows that they were made from."""
    codes = coded(event, "event", "1 (event) or 0 (censored)", lambda x: np.isin(x, (0, 1)))
    given = {"time": np.asarray(time, dtype=float), "event": codes}
    if where is not None:
        given["where"] = np.asarray(where, dtype=bool)
    if strata is not None:
        labels, numbers = np.unique(np.asarray(strata), return_inverse=True)
        given["strata"] = numbers.reshape(np.shape(strata))
    if entry is not None:
        given["entry"] = np.asarray(entry, dtype=float)
    columns = _columns(covariates, max(array.ndim for array in given.values()))
    shapes = [array.shape for array in given.values()]
    try:
        shape = np.broadcast_shapes(*shapes, columns.shape[:-1])
    except ValueError:
        shape = ()
    if any(each[-1:] != shape[-1:] for each in (*shapes, columns.shape[:-1])) or not shape:
        raise KitError(
            f"shapes {', '.join(map(str, (*shapes, np.shape(covariates))))}",
            where=", ".join((*given, "covariates")),
            right="one of each per patient",
        )
    patients, size = shape[-1], columns.shape[-1]
    many = int(np.prod(shape[:-1]))
    flat = {
        name: np.broadcast_to(array, shape).reshape(many, patients) for name, array in given.items()
    }
    times, died = flat["time"], flat["event"].astype(bool)
    present = flat.get("where", np.ones(times.shape, dtype=bool))
    entries = flat.get("entry")
    if entries is not None:
        both, observed = intervals(times, entries, present)
        fixed = both.restore(both.time)
        times, entries, present = fixed[:, :patients], fixed[:, patients:], observed
    x, center, scale = _scaled(np.broadcast_to(columns, (*shape, size)), present)

    if strata is None:
        index = np.arange(many * patients).reshape(many, patients)
        member, here = np.arange(many), present
    else:
        index, member, here = _by_stratum(flat["strata"], present, len(labels))
    ends = times.ravel()[index]
    own = here & died.ravel()[index]
    if entries is not None:
        both, here = intervals(ends, entries.ravel()[index], here)
        own &= here
        ends = both.restore(both.time)[:, : here.shape[-1]]
    placed = ordered(ends, here)
    rows = here.shape[-1]
    # Descending: the risk set of a time is everyone up to the last of those who share it.
    order = placed.order[:, ::-1]
    patient = np.take_along_axis(index, order, axis=-1)
    death = np.flatnonzero(np.take_along_axis(own, order, axis=-1))
    layer = death // max(rows, 1)
    last = (rows - 1 - placed.start)[:, ::-1].ravel()[death] + layer * rows
    nodes, hung_row, hung_node = 0, *np.zeros((2, 0), dtype=np.int64)
    if entries is not None and rows:
        leaf, nodes, hung_row, hung_node = _hung(both, own, here, order)
        last = leaf.ravel()[death]
    tie_start, tie = _runs(last)
    fraction = np.zeros(len(death))
    if ties == "efron":
        fraction = (np.arange(len(death)) - tie_start[tie]) / np.bincount(tie)[tie]
    sets = RiskSets(
        members=many,
        patients=patients,
        x=x.reshape(size, -1)[:, patient],
        center=center,
        scale=scale,
        here=np.take_along_axis(here, order, axis=-1).astype(float),
        member=member,
        death=death,
        last=last,
        death_member=member[layer],
        death_patient=patient.ravel()[death],
        tie_start=tie_start,
        tie=tie,
        fraction=fraction,
        two=None,
        hung_row=hung_row,
        hung_node=hung_node,
        nodes=nodes,
    )
    if size == 1 and ((x == 0) | (x == 1)).all():
        rows_of = (sets.here * (1 - sets.x[0]), sets.here * sets.x[0])
        own_value = sets.x[0].ravel()[death]
        sets = replace(sets, two=np.stack([*map(sets.at_risk, rows_of), own_value]))
    return sets, shape[:-1], (times, entries, died & present, present)


def _hung(
    both: Ordered, own: Flags, here: Flags, order: Integers
) -> tuple[Integers, int, Integers, Integers]:
    """Hang the rows of each layer up in a binary tree over its times of death.

    Returns each row's leaf; places for nodes in a layer; and which row hangs at which node. A
    node's parent has half its number, the root is 1.
    """
    layers, rows = here.shape
    died = np.concatenate((own, np.zeros_like(own)), axis=-1)
    new = both.at_time(both.arrange(died).astype(float)) > 0
    passed = both.restore(both.up_to(new)).astype(np.int64)  # times of death up to each time
    left, right = (
        np.take_along_axis(part, order, axis=-1) for part in (passed[:, rows:], passed[:, :rows])
    )
    size = 1 << int(passed.max(initial=1) - 1).bit_length()
    base = 2 * size * np.arange(layers)[:, None]
    leaf = base + size + right - 1
    row = np.flatnonzero(np.take_along_axis(here, order, axis=-1))
    base = np.broadcast_to(base, here.shape).ravel()[row]
    left, right = left.ravel()[row] + size, right.ravel()[row] + size
    hung: list[tuple[Integers, Integers]] = []
    while len(row):
        some = left < right
        row, base, left, right = row[some], base[some], left[some], right[some]
        odd = left % 2 == 1
        hung.append((row[odd], base[odd] + left[odd]))
        left = left + odd
        odd = right % 2 == 1
        right = right - odd
        hung.append((row[odd], base[odd] + right[odd]))
        left, right = left // 2, right // 2
    none = np.zeros(0, dtype=np.int64)
    return (
        leaf,
        2 * size,
        np.concatenate([none, *(each for each, _ in hung)]),
        np.concatenate([none, *(node for _, node in hung)]),
    )


def _columns(covariates: ArrayLike, axes: int) -> Floats:
    """Return the covariates with an axis for which one."""
    columns = np.asarray(covariates, dtype=float)
    if columns.ndim == 0:
        raise KitError("not a list of values", where="covariates", right="one value per patient")
    return columns[..., None] if columns.ndim <= axes else columns


def _scaled(columns: Floats, present: Flags) -> tuple[Floats, Floats, Floats]:
    """Return covariates from -1 to 1; what was subtracted from them; and the divisor.

    Newton's method works the same whatever the units, the checks for rounding error don't.
    """
    many, patients = present.shape
    size = columns.shape[-1]
    x = np.empty((size, many, patients))
    center, scale = np.zeros((many, size)), np.ones((many, size))
    n = present.sum(axis=-1)
    for j in range(size):
        values = columns[..., j].reshape(many, patients)
        if not (np.isfinite(values) | ~present).all():
            wrong = values[present & ~np.isfinite(values)][0]
            raise KitError(f"given {wrong}", where="covariates", right="a finite number")
        values = np.where(present, values, 0.0)
        low = np.where(present, values, np.inf).min(axis=-1, initial=np.inf)
        high = np.where(present, values, -np.inf).max(axis=-1, initial=-np.inf)
        two = (~present | (values == low[:, None]) | (values == high[:, None])).all(axis=-1)
        center[:, j] = np.where(two & (n > 0), low, values.sum(axis=-1) / np.maximum(n, 1))
        most = np.maximum(np.abs(low), np.abs(high))
        centred = np.where(present, values - center[:, j, None], 0.0)
        spread = np.abs(centred).max(axis=-1, initial=0.0)
        varies = spread > _NOTHING * most
        scale[varies, j] = spread[varies]
        x[j] = np.where(varies[:, None], centred / scale[:, j, None], 0.0)
    return x, center, scale


def _by_stratum(strata: Integers, present: Flags, labels: int) -> tuple[Integers, Integers, Flags]:
    """Return the patients of each stratum of each member, side by side.

    A row per stratum, with patients counted through the batch; the member of each row; and which
    places of a row are taken.
    """
    patient = np.flatnonzero(present)
    layer = (patient // present.shape[-1]) * labels + strata.ravel()[patient]
    order = np.argsort(layer, kind="stable")
    start, row = _runs(layer[order])
    place = np.arange(len(order)) - start[row]
    index = np.zeros((len(start), place.max(initial=-1) + 1), dtype=np.int64)
    here = np.zeros(index.shape, dtype=bool)
    index[row, place], here[row, place] = patient[order], True
    return index, layer[order][start] // labels, here
