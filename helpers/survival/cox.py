"""Cox regression for a whole batch of cohorts at once.

Shapes are those of `helpers.survival.curves`: the last axis of the times runs over patients, the
others over cohorts and groups. With `entry`, a row is an episode of a patient, so that covariates
may change in time. Estimates, tests and warnings follow ``coxph`` of R's package survival.
`helpers.survival.profile_likelihood` and `helpers.survival.proportional_hazards` go on from a fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.survival.chi_squared import ChiSquared, chi_squared
from helpers.survival.curves import Words
from helpers.survival.ordered import Flags, Floats, Integers, normal_quantile, one_of
from helpers.survival.partial_likelihood import maximised
from helpers.survival.risk_sets import RiskSets, Ties, laid_out


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
        What was fitted, for what goes on from a fit.
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
    likelihood-ratio test stay valid, and so do profile-likelihood limits.

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
    z = normal_quantile(level)
    sets, shape, rows = laid_out(time, event, covariates, where, ties, strata, entry)
    times, entries, died, present = rows
    found = maximised(sets)
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
        return chi_squared(statistic.reshape(shape), df.reshape(shape))

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
