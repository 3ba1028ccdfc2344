"""Random-effects meta-analysis of shares: what several studies say together, and how they differ.

A random-effects model takes each study's true share, on the logit scale, for a draw from a normal
distribution: its mean is the typical share, its standard deviation τ says how much studies differ
beyond chance. Two ways lead to them. `random_effects` takes each observed logit for normal, with a
known variance. `binomial_normal` takes each count for binomial, as it is, and needs a prior.

An interval of the typical share says how well it is known. A prediction interval says where the
share of a further study of the same kind would lie, and that is what a reader of one wants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError

Floats = NDArray[np.float64]
Estimator = Literal["REML", "DerSimonian-Laird"]
Interval = Literal["Hartung-Knapp", "normal"]

_HALF = 0.5
_FIRST_STEP, _STEPS = 1e-9, 90


@dataclass(frozen=True)
class Summary:
    """What a random-effects model makes of some studies, on the scale of their estimates.

    Attributes
    ----------
    estimator, interval : str
        How τ² was estimated, and how the interval of the mean.
    studies : int
        How many.
    estimate, lower, upper : float
        The mean with its confidence interval.
    predicted_lower, predicted_upper : float
        The prediction interval of a further study's true value.
    tau2, tau2_lower, tau2_upper : float
        The variance of true values between studies, with its interval by the Q-profile method.
    q, p : float
        Cochran's Q and the P value of its test that all true values are the same.
    i2 : float
        I²: the share of the variance between estimates that isn't chance, from 0 to 1.
    """

    estimator: Estimator
    interval: Interval
    studies: int
    estimate: float
    lower: float
    upper: float
    predicted_lower: float
    predicted_upper: float
    tau2: float
    tau2_lower: float
    tau2_upper: float
    q: float
    p: float
    i2: float


@dataclass(frozen=True)
class Posterior:
    """What a binomial-normal model with a prior makes of some studies, on the logit scale.

    Attributes
    ----------
    studies : int
        How many.
    estimate, lower, upper : float
        The posterior median of the mean logit, with its central interval.
    predicted, predicted_lower, predicted_upper : float
        The same of a further study's logit.
    tau, tau_lower, tau_upper : float
        The same of the standard deviation between studies.
    tau_scale : float
        The scale of the prior of τ.
    """

    studies: int
    estimate: float
    lower: float
    upper: float
    predicted: float
    predicted_lower: float
    predicted_upper: float
    tau: float
    tau_lower: float
    tau_upper: float
    tau_scale: float


def logits(counts: ArrayLike, totals: ArrayLike) -> tuple[Floats, Floats]:
    """Return the logit of each study's share, and its variance.

    Parameters
    ----------
    counts, totals : array_like of int
        Of each study, how many of how many.

    Returns
    -------
    estimates, variances : numpy.ndarray of float
        Where nobody is counted, or everybody, one half is added to those with and those without,
        since the logit has no end there.

    Raises
    ------
    KitError
        If there is no study, or a count doesn't lie between 0 and a positive total.

    Examples
    --------
    >>> [each.round(3).tolist() for each in logits([6, 3], [6, 6])]
    [[2.565, 0.0], [2.154, 0.667]]
    """
    some, total = _counted(counts, totals)
    others = total - some
    added = np.where((some == 0) | (others == 0), _HALF, 0.0)
    some, others = some + added, others + added
    return np.log(some / others), 1 / some + 1 / others


def share(logit: float) -> float:
    """Return the share that a logit stands for.

    Parameters
    ----------
    logit : float
        The logit; nan and infinite ones, too.

    Returns
    -------
    float
        From 0 to 1.
    """
    from scipy.special import expit

    return float(expit(logit))


def random_effects(
    estimates: ArrayLike,
    variances: ArrayLike,
    *,
    estimator: Estimator = "REML",
    interval: Interval = "Hartung-Knapp",
    level: float = 0.95,
) -> Summary:
    """Summarise studies by a random-effects model.

    Parameters
    ----------
    estimates, variances : array_like of float
        Of each study; the variances are taken as known.
    estimator : {'REML', 'DerSimonian-Laird'}, optional
        How the variance between studies is estimated.
    interval : {'Hartung-Knapp', 'normal'}, optional
        How the mean's interval is made. Hartung's and Knapp's takes the spread of the studies
        about their mean, and the t distribution with one degree of freedom fewer than studies.
    level : float, optional
        Confidence level.

    Returns
    -------
    Summary
        Of one study, that study with its own interval if `interval` is ``'normal'``; what needs
        more studies is nan.

    Raises
    ------
    KitError
        If there is no study, a variance isn't positive, or there is no such method.

    Notes
    -----
    The prediction interval is ``estimate ± t · √(τ² + se²)``. With Hartung's and Knapp's interval
    t has as many degrees of freedom as there, as R's metafor has it. Otherwise it has two fewer
    than studies, as Higgins, Thompson and Spiegelhalter propose. I² is τ² over its sum with the
    typical variance within a study (Higgins and Thompson).

    References
    ----------
    DerSimonian R, Laird N. Meta-analysis in clinical trials. Control Clin Trials 1986;7:177-188.
    Viechtbauer W. Bias and efficiency of meta-analytic variance estimators in the random-effects
    model. J Educ Behav Stat 2005;30:261-293.
    Knapp G, Hartung J. Improved tests for a random effects meta-regression with a single covariate.
    Stat Med 2003;22:2693-2710.
    Higgins JPT, Thompson SG. Quantifying heterogeneity in a meta-analysis. Stat Med
    2002;21:1539-1558.
    Higgins JPT, Thompson SG, Spiegelhalter DJ. A re-evaluation of random-effects meta-analysis.
    J R Stat Soc A 2009;172:137-159.
    Viechtbauer W. Confidence intervals for the amount of heterogeneity in meta-analysis. Stat Med
    2007;26:37-52.

    Examples
    --------
    >>> found = random_effects([0.1, 0.5, 0.9], [0.04, 0.04, 0.04])
    >>> round(found.estimate, 3), round(found.tau2, 3), round(found.i2, 2)
    (0.5, 0.12, 0.75)
    """
    from scipy.special import chdtrc, stdtrit

    if estimator not in get_args(Estimator) or interval not in get_args(Interval):
        raise KitError(
            f"no method {estimator!r} with {interval!r}",
            right=", ".join([*get_args(Estimator), *get_args(Interval)]),
        )
    y, v = _studies(estimates, variances)
    k, beyond = len(y), 0.5 + level / 2
    tau2 = _reml(y, v) if estimator == "REML" else _dersimonian_laird(y, v)
    mean, weight = _mean(y, v, tau2)
    q = _generalised_q(y, v, 0.0)
    if interval == "normal":
        se, by, by_predicted = weight**-0.5, float(stdtrit(np.inf, beyond)), k - 2
        half = by * se
    else:
        se = (_generalised_q(y, v, tau2) / (k - 1) / weight) ** 0.5 if k > 1 else np.nan
        by_predicted = k - 1
        half = float(stdtrit(k - 1, beyond)) * se if k > 1 else np.nan
    apart = float(stdtrit(by_predicted, beyond)) if by_predicted > 0 else np.nan
    apart *= (tau2 + se**2) ** 0.5
    least, most = _q_profile(y, v, level) if k > 1 else (np.nan, np.nan)
    within = _typical_variance(v)
    return Summary(
        *(estimator, interval, k, mean, mean - half, mean + half, mean - apart, mean + apart),
        *(tau2, least, most, q, float(chdtrc(k - 1, q)) if k > 1 else np.nan),
        tau2 / (tau2 + within) if k > 1 else np.nan,
    )


def leave_one_out(
    estimates: ArrayLike,
    variances: ArrayLike,
    *,
    estimator: Estimator = "REML",
    interval: Interval = "Hartung-Knapp",
    level: float = 0.95,
) -> list[Summary]:
    """Summarise all studies but one, each left out in turn.

    Parameters
    ----------
    estimates, variances : array_like of float
        Of two studies or more.
    estimator : str, optional
        As `random_effects` takes it.
    interval : str, optional
        As `random_effects` takes it.
    level : float, optional
        As `random_effects` takes it.

    Returns
    -------
    list of Summary
        In the order of the studies left out.

    Raises
    ------
    KitError
        If there are fewer than two studies, and as `random_effects`.
    """
    y, v = _studies(estimates, variances)
    if len(y) == 1:
        raise KitError("one study", where="leave one out", right="two or more")
    return [
        random_effects(
            *(np.delete(y, each), np.delete(v, each)),
            estimator=estimator,
            interval=interval,
            level=level,
        )
        for each in range(len(y))
    ]


def binomial_normal(
    counts: ArrayLike, totals: ArrayLike, *, tau_scale: float = 1.0, level: float = 0.95
) -> Posterior:
    """Summarise shares by a random-effects model with a prior, counts as they are.

    Parameters
    ----------
    counts, totals : array_like of int
        Of each study, how many of how many; nobody or everybody needs no correction.
    tau_scale : float, optional
        The scale of the half-normal prior of τ: beforehand, τ is below 0.67 times this with a
        probability of one half. On the logit scale 0.5 and 1 count as weak.
    level : float, optional
        Probability within the intervals.

    Returns
    -------
    Posterior

    Raises
    ------
    KitError
        If there is no study, a count doesn't lie between 0 and a positive total, or the scale
        isn't positive.

    Notes
    -----
    ``counts ~ binomial(totals, expit(θ))`` and ``θ ~ normal(μ, τ²)``. The prior of expit(μ) is
    uniform: any typical share is as likely as any other. Nothing is sampled. μ runs over a grid so
    fine that the trapezoidal rule is exact to many digits, τ over Gauss-Legendre nodes up to four
    times its scale; θ is integrated out by convolution or, where τ is small, by Gauss-Hermite
    nodes.

    References
    ----------
    Röver C, Bender R, Dias S, et al. On weakly informative prior distributions for the
    heterogeneity parameter in Bayesian random-effects meta-analysis. Res Synth Methods
    2021;12:448-474.

    Examples
    --------
    >>> found = binomial_normal([6], [6], tau_scale=1e-6)
    >>> round(share(found.estimate), 4), round(0.5 ** (1 / 7), 4)
    (0.9057, 0.9057)
    """
    from scipy.interpolate import CubicSpline

    if not tau_scale > 0:
        raise KitError(f"given {tau_scale}", where="tau_scale", right="a number above 0")
    some, total = _counted(counts, totals)
    tails = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
    grid = _mean_grid(total)
    nodes, each = np.polynomial.legendre.leggauss(_NODES_TAU)
    tau = (nodes + 1) / 2 * _TAU_RANGE * tau_scale
    log = np.sum(_log_likelihood(some, total, grid, tau), axis=0)
    log += -np.logaddexp(0, grid) - np.logaddexp(0, -grid)
    log -= 0.5 * (tau[:, None] / tau_scale) ** 2
    density = np.exp(log - log.max())
    mass = density * each[:, None]
    of_mean = CubicSpline(grid, mass.sum(axis=0)).antiderivative()
    lower, middle, upper = _quantiles(of_mean, grid[0], grid[-1], tails)
    of_tau = CubicSpline(tau, density.sum(axis=1)).antiderivative()
    low_tau, middle_tau, high_tau = _quantiles(of_tau, 0.0, _TAU_RANGE * tau_scale, tails)
    predicted = _predicted(mass / mass.sum(), grid, tau, tails)
    return Posterior(
        len(some),
        *(middle, lower, upper, predicted[1], predicted[0], predicted[2]),
        *(middle_tau, low_tau, high_tau, tau_scale),
    )


# --- what is given -------------------------------------------------------------------------------


def _counted(counts: ArrayLike, totals: ArrayLike) -> tuple[Floats, Floats]:
    some, total = (np.atleast_1d(np.asarray(each, dtype=float)) for each in (counts, totals))
    fits = some.shape == total.shape and some.ndim == 1 and len(some) > 0
    if not fits or not ((total > 0) & (some >= 0) & (some <= total)).all():
        raise KitError(
            "counts that aren't of their totals",
            where="studies",
            right="of each study a count from 0 to a total of 1 or more",
        )
    return some, total


def _studies(estimates: ArrayLike, variances: ArrayLike) -> tuple[Floats, Floats]:
    y, v = (np.atleast_1d(np.asarray(each, dtype=float)) for each in (estimates, variances))
    fits = y.shape == v.shape and y.ndim == 1 and len(y) > 0
    if not fits or not (np.isfinite(y) & np.isfinite(v) & (v > 0)).all():
        raise KitError(
            "estimates without their variances",
            where="studies",
            right="of each study a number and a variance above 0",
        )
    return y, v


# --- the variance between studies ----------------------------------------------------------------


def _mean(y: Floats, v: Floats, tau2: float) -> tuple[float, float]:
    """Return the weighted mean and the sum of the weights."""
    w = 1 / (v + tau2)
    return float(w @ y / w.sum()), float(w.sum())


def _generalised_q(y: Floats, v: Floats, tau2: float) -> float:
    """Return the weighted sum of squares about the mean; Cochran's Q without τ²."""
    w = 1 / (v + tau2)
    return float(w @ (y - w @ y / w.sum()) ** 2)


def _leverage(v: Floats, tau2: float) -> float:
    """Return the trace of the matrix that projects onto what the mean leaves."""
    w = 1 / (v + tau2)
    return float(w.sum() - (w**2).sum() / w.sum())


def _typical_variance(v: Floats) -> float:
    leverage = _leverage(v, 0.0)
    return (len(v) - 1) / leverage if leverage > 0 else float(v[0])


def _dersimonian_laird(y: Floats, v: Floats) -> float:
    if len(y) == 1:
        return 0.0
    return max(0.0, (_generalised_q(y, v, 0.0) - (len(y) - 1)) / _leverage(v, 0.0))


def _reml(y: Floats, v: Floats) -> float:
    """Return where the restricted likelihood is highest: at 0, or where its slope is 0."""
    if len(y) == 1:
        return 0.0

    def slope(tau2: float) -> float:
        w = 1 / (v + tau2)
        return float(w**2 @ (y - w @ y / w.sum()) ** 2) - _leverage(v, tau2)

    def likelihood(tau2: float) -> float:
        w = 1 / (v + tau2)
        return float(np.log(w).sum() - np.log(w.sum())) - _generalised_q(y, v, tau2)

    # Far beyond the spread of the studies it only falls; before, it may have more than one top.
    most = 10 * (float(np.ptp(y)) ** 2 + float(v.max()))
    steps = np.concatenate([[0.0], np.geomspace(_FIRST_STEP * most, most, _STEPS)])
    slopes = np.array([slope(each) for each in steps])
    tops = np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0))
    found = [_root(slope, steps[each], steps[each + 1]) for each in tops]
    return max([0.0, *found], key=likelihood)


def _q_profile(y: Floats, v: Floats, level: float) -> tuple[float, float]:
    """Return between which τ² the generalised Q is as it should be."""
    from scipy.special import chdtri

    def excess(limit: float) -> Callable[[float], float]:
        return lambda tau2: _generalised_q(y, v, tau2) - limit

    tail, ends = (1 - level) / 2, []
    for beyond in (tail, 1 - tail):
        limit = float(chdtri(len(y) - 1, beyond))
        most = 1.0
        while excess(limit)(most) > 0:
            most *= 4
        ends.append(_root(excess(limit), 0.0, most) if excess(limit)(0.0) > 0 else 0.0)
    return ends[0], ends[1]


def _root(of: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(of, low, high, xtol=1e-15, rtol=1e-14, maxiter=500))


# --- the posterior -------------------------------------------------------------------------------

_NODES_TAU, _TAU_RANGE = 40, 4.0
_NODES_THETA, _NODES_THETA_PREDICTED = 21, 9
_MEAN_RANGE = 20.0
"""On the logit scale; beyond, a share is one in half a billion off 0 or 1."""

_REACH = 6.0
"""Over so many standard deviations a normal distribution is carried."""


def _mean_grid(total: Floats) -> Floats:
    """Return steps of a quarter of the least standard error that a logit can have."""
    step = min(_HALF / np.sqrt(total.max()), 0.1)
    steps = int(np.ceil(_MEAN_RANGE / step))
    return np.asarray(np.arange(-steps, steps + 1) * step, dtype=np.float64)


def _binomial(some: Floats, total: Floats, theta: Floats) -> Floats:
    """Return each study's likelihood at some logits, its highest being 1."""
    ones = np.ones(theta.ndim, int)
    k, n = (each.reshape(-1, *ones) for each in (some, total))
    likelihood = k * theta - n * np.logaddexp(0, theta)
    p = k / n
    # Of nobody and of everybody, the highest is 1 as it is.
    inside = (p > 0) & (p < 1)
    known = np.where(inside, p, _HALF)
    top = np.where(inside, n * (known * np.log(known) + (1 - known) * np.log1p(-known)), 0.0)
    return np.asarray(np.exp(likelihood - top))


def _log_likelihood(some: Floats, total: Floats, grid: Floats, tau: Floats) -> Floats:
    """Return the logarithm of each study's likelihood, θ integrated out: study, τ, μ."""
    from scipy.signal import fftconvolve

    step = grid[1] - grid[0]
    found = np.empty((len(some), len(tau), len(grid)))
    # A sum of steps is as good as an integral where the normal distribution is wider than these.
    small = tau < 2 * step
    x, w = np.polynomial.hermite_e.hermegauss(_NODES_THETA)
    theta = grid[None, :, None] + tau[small, None, None] * x
    found[:, small] = _binomial(some, total, theta) @ (w / w.sum())
    for place in np.flatnonzero(~small):
        reach = int(np.ceil(_REACH * tau[place] / step))
        wide = np.arange(-reach, reach + 1) * step
        normal = np.exp(-0.5 * (wide / tau[place]) ** 2)
        around = np.concatenate([grid[0] + wide[:reach], grid, grid[-1] + wide[reach + 1 :]])
        found[:, place] = fftconvolve(
            _binomial(some, total, around), (normal / normal.sum())[None], mode="valid", axes=1
        )
    # What convolution leaves of nothing may lie below it.
    return np.asarray(np.log(np.maximum(found, 1e-300)))


def _quantiles(integral: Callable[..., Floats], low: float, high: float, at: Floats) -> list[float]:
    """Return where the integral of a density reaches some parts of the whole."""
    start = float(integral(low))
    whole = float(integral(high)) - start
    return [
        _root(lambda x, part=part: float(integral(x)) - start - part * whole, low, high)  # type: ignore[misc]
        for part in at
    ]


def _predicted(mass: Floats, grid: Floats, tau: Floats, at: Floats) -> list[float]:
    """Return quantiles of a further study's logit, over all that μ and τ may be."""
    from scipy.interpolate import CubicSpline
    from scipy.special import ndtr

    step = grid[1] - grid[0]
    small = tau < 2 * step
    # Where there is no mass, nothing needs to be added up.
    rows, columns = np.nonzero((mass > mass.max() * 1e-12) & ~small[:, None])
    weight, mean, spread = mass[rows, columns], grid[columns], tau[rows]
    # Between the steps of the grid, where the normal distribution is as narrow as these.
    narrow = tau[small, None]
    x, w = np.polynomial.hermite_e.hermegauss(_NODES_THETA_PREDICTED)
    integral = (
        CubicSpline(grid, mass[small] / step, axis=1).antiderivative() if small.any() else None
    )
    own = np.arange(len(narrow))[:, None]

    def below(theta: float) -> float:
        found = float(weight @ ndtr((theta - mean) / spread))
        if integral is not None:
            points = np.clip(theta - narrow * x, grid[0], grid[-1])
            found += float((integral(points)[own, own, np.arange(len(x))] @ w).sum() / w.sum())
        return found

    far = _MEAN_RANGE + _REACH * float(tau.max())
    whole = below(far)
    return [
        _root(lambda theta, part=part: below(theta) - part * whole, -far, far)  # type: ignore[misc]
        for part in at
    ]
