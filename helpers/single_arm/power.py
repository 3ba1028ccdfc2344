"""The power of a single-arm trial against a historical control, and the patients it needs."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

import numpy as np

from helpers.errors import KitError
from helpers.single_arm.course import Course, PiecewiseExponential
from helpers.single_arm.logrank import Variance
from helpers.single_arm.plan import Plan, month_of, seen
from helpers.survival.comparison import transformed
from helpers.survival.curves import ConfType
from helpers.survival.ordered import one_of

Test = Literal["landmark", "log-rank"]

_NORMAL = NormalDist()


def landmark_power(
    plan: Plan,
    course: Course,
    null: float,
    *,
    at: float,
    alpha: float,
    conf_type: ConfType = "log-log",
) -> float:
    """Work out the power to show that survival at one time is better than a historical one.

    Parameters
    ----------
    plan, course : Plan, Course
        The trial, and what is true.
    null : float
        The historical survival at that time, taken as known.
    at : float
        Months from enrolment.
    alpha : float
        One-sided: the test is won where the lower limit of the interval of level
        ``1 - 2 alpha`` lies above `null`.
    conf_type : {'log-log', 'log', 'plain', 'arcsine'}, optional
        The scale of the comparison; ``'log-log'`` is also called complementary log-log.

    Returns
    -------
    float

    Raises
    ------
    KitError
        As `precision`, and if `null` or `alpha` can't be used.

    Notes
    -----
    ``Φ((g(S) - g(S0)) / σ - z)``, with S the true survival, σ the standard deviation on the scale
    g by Greenwood's formula with expected numbers at risk [1]_. It holds for large trials.

    References
    ----------
    .. [1] Nagashima K, Noma H, Sato Y, Gosho M. Sample size calculations for single-arm survival
       studies using transformations of the Kaplan-Meier estimator. Pharm Stat 2021;20:499-511.
    """
    gain, sd = _landmark_gain(plan, course, null, at=at, conf_type=conf_type)
    return _NORMAL.cdf(gain / (sd / math.sqrt(plan.patients)) - one_sided(alpha))


def _landmark_gain(
    plan: Plan, course: Course, null: float, *, at: float, conf_type: ConfType
) -> tuple[float, float]:
    """Return the true difference on the scale and one patient's standard deviation."""
    if not 0 < null < 1:
        raise KitError(f"given {null}", where="null", right="a share above 0 and below 1")
    month, view = month_of(at), seen(plan, course)
    one_of(conf_type, ConfType, "conf_type")
    both = np.array([float(view.event.survival([month])[0]), null])
    heights, variance = transformed(both, np.full(2, view.log_variance(month)), conf_type)
    # The log-log scale falls where survival rises.
    gain = (heights[0] - heights[1]) * (-1 if conf_type == "log-log" else 1)
    return float(gain), math.sqrt(variance[0])


def one_sided(alpha: float) -> float:
    """Return the normal quantile of a one-sided test.

    Parameters
    ----------
    alpha : float
        Above 0 and below 0.5.

    Returns
    -------
    float

    Raises
    ------
    KitError
        If `alpha` can't be used.
    """
    if not 0 < alpha < 0.5:
        raise KitError(f"given {alpha}", where="alpha", right="one-sided, above 0 and below 0.5")
    return -_NORMAL.inv_cdf(alpha)


def logrank_power(
    plan: Plan,
    course: Course,
    null: PiecewiseExponential,
    *,
    alpha: float,
    variance: Variance = "expected",
) -> float:
    """Work out the power of the one-sample log-rank test against a historical curve.

    Parameters
    ----------
    plan, course : Plan, Course
        The trial, and what is true.
    null : PiecewiseExponential
        The historical curve, taken as known.
    alpha : float
        One-sided.
    variance : {'expected', 'mean'}, optional
        As `one_sample_logrank` takes it.

    Returns
    -------
    float

    Raises
    ------
    KitError
        If an option can't be used.

    Notes
    -----
    The exact mean and variance, under what is true, of a patient's observed minus expected
    events [1]_; normal for large trials.

    References
    ----------
    .. [1] Wu J. Sample size calculation for the one-sample log-rank test. Pharm Stat
       2015;14:26-33.
    """
    gain, spread, under_null = _logrank_moments(plan, course, null, variance)
    z = one_sided(alpha)
    return _NORMAL.cdf((math.sqrt(plan.patients) * gain - under_null * z) / spread)


def _logrank_moments(
    plan: Plan, course: Course, null: PiecewiseExponential, variance: Variance
) -> tuple[float, float, float]:
    """Return a patient's expected minus observed events, their SD, and the SD that the test has."""
    one_of(variance, Variance, "variance")
    view = seen(plan, course)
    months, weight = view.nodes(plan.longest, *null.cuts)
    here = weight * view.event.survival(months) * view.followed(months)
    observed = float(np.sum(here * view.event.hazard(months)))
    expected = float(np.sum(here * null.hazard(months)))
    height = null.cumulative(months)
    square = float(np.sum(here * height * null.hazard(months)))  # half of E Λ0(X)²
    product = float(np.sum(here * height * view.event.hazard(months)))
    spread = (
        observed - observed**2 + 2 * square - expected**2 - 2 * product + 2 * expected * observed
    )
    under_null = expected if variance == "expected" else (observed + expected) / 2
    return expected - observed, math.sqrt(spread), math.sqrt(under_null)


def patients_for_power(
    plan: Plan,
    course: Course,
    null: PiecewiseExponential,
    power: float,
    *,
    alpha: float,
    at: float | None = None,
    test: Test = "landmark",
    conf_type: ConfType = "log-log",
    variance: Variance = "expected",
) -> int:
    """Return how many patients a test against a historical curve needs.

    Parameters
    ----------
    plan, course : Plan, Course
        The trial, whose number of patients doesn't matter, and what is true.
    null : PiecewiseExponential
        The historical curve.
    power : float
        The power wanted, above 0 and below 1.
    alpha : float
        One-sided.
    at : float, optional
        Months from enrolment; of the landmark test only.
    test : {'landmark', 'log-rank'}, optional
        Which test.
    conf_type : str, optional
        As `landmark_power` takes it.
    variance : str, optional
        As `logrank_power` takes it.

    Returns
    -------
    int

    Raises
    ------
    KitError
        If what is true isn't better than the historical curve, or an option can't be used.
    """
    one_of(test, Test, "test")
    if not 0 < power < 1:
        raise KitError(f"given {power}", where="power", right="above 0 and below 1")
    z, more = one_sided(alpha), _NORMAL.inv_cdf(power)
    if test == "landmark":
        month = month_of(at)
        historical = float(null.survival(month))
        gain, sd = _landmark_gain(plan, course, historical, at=month, conf_type=conf_type)
        needed = (z + more) * sd
    else:
        gain, spread, under_null = _logrank_moments(plan, course, null, variance)
        needed = z * under_null + more * spread
    if gain <= 0:
        raise KitError("no better than the historical control", right="a course that is better")
    # For a power below alpha itself, one patient does.
    return max(1, math.ceil((max(needed, 0.0) / gain) ** 2 - 1e-9))
