"""How precisely a single-arm trial will know survival at one time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from helpers.errors import KitError
from helpers.single_arm.course import Course
from helpers.single_arm.plan import MOST_PATIENTS, Plan, month_of, seen
from helpers.survival import curves as batch
from helpers.survival.curves import ConfType
from helpers.survival.ordered import normal_quantile, one_of


@dataclass(frozen=True)
class Precision:
    """How well a trial knows survival at one time.

    Attributes
    ----------
    month : float
        The time.
    survival : float
        What is true, or the mean of what simulated trials estimate.
    std_err : float
        By Greenwood's formula for large trials, or the standard deviation of the estimates.
    lower, upper, width : float
        The confidence interval around the true value, or the mean limits; and its width.
    coverage : float
        How often the interval holds the truth: its level, or the share of simulated trials.
    at_risk : float
        Patients followed to that time, on average.
    events : float
        Events up to that time, on average.
    unknown : float
        Share of trials that have no estimate or no interval: nan where this is worked out.
    """

    month: float
    survival: float
    std_err: float
    lower: float
    upper: float
    width: float
    coverage: float
    at_risk: float
    events: float
    unknown: float


def precision(
    plan: Plan,
    course: Course,
    *,
    at: float,
    level: float = 0.95,
    conf_type: ConfType = "log-log",
) -> Precision:
    """Work out the confidence interval that a trial will give for survival at one time.

    Parameters
    ----------
    plan, course : Plan, Course
        The trial, and what is true.
    at : float
        Months from enrolment.
    level : float, optional
        Confidence level.
    conf_type : {'log-log', 'log', 'plain', 'arcsine'}, optional
        The scale on which the interval is symmetric.

    Returns
    -------
    Precision

    Raises
    ------
    KitError
        If nobody is followed that long, or an option can't be used.

    Notes
    -----
    For large trials the variance of log survival is ``∫ dΛ(u) / (n S(u) G(u))`` from 0 to `at`,
    with G the share still followed [1]_: Greenwood's formula with expected numbers at risk.

    References
    ----------
    .. [1] Breslow N, Crowley J. A large sample study of the life table and product limit
       estimates under random censorship. Ann Stat 1974;2:437-453.

    Examples
    --------
    Everybody is followed: the variance is that of a proportion.

    >>> from helpers.single_arm import PiecewiseExponential
    >>> course = Course(PiecewiseExponential.through({24: 0.4}))
    >>> found = precision(Plan(50, 12, 24), course, at=24, conf_type="plain")
    >>> round(found.std_err, 4), round((0.4 * 0.6 / 50) ** 0.5, 4)
    (0.0693, 0.0693)
    """
    month, view = month_of(at), seen(plan, course)
    survival = float(view.event.survival(month))
    sd_log = math.sqrt(view.log_variance(month) / plan.patients)
    low, high = _limits(survival, sd_log, level, conf_type)
    months, weight = view.nodes(month)
    at_risk = view.event.survival(months) * view.followed(months)
    events = float(np.sum(weight * view.event.hazard(months) * at_risk))
    there = float(survival * view.followed(np.array([month]))[0])
    return Precision(
        month=month,
        survival=survival,
        std_err=survival * sd_log,
        lower=low,
        upper=high,
        width=high - low,
        coverage=level,
        at_risk=plan.patients * there,
        events=plan.patients * events,
        unknown=math.nan,
    )


def patients_for_width(
    plan: Plan,
    course: Course,
    width: float,
    *,
    at: float,
    level: float = 0.95,
    conf_type: ConfType = "log-log",
) -> int:
    """Return how many patients make a confidence interval narrow enough.

    Parameters
    ----------
    plan : Plan, Course
        The trial, whose number of patients doesn't matter, and what is true.
    course : Plan, Course
        The trial, whose number of patients doesn't matter, and what is true.
    width : float
        The width wanted, upper minus lower limit of survival, above 0 and below 1.
    at : float
        As `precision` takes it.
    level : float, optional
        As `precision` takes it.
    conf_type : ConfType, optional
        As `precision` takes it.

    Returns
    -------
    int

    Raises
    ------
    KitError
        As `precision`, and if 100,000 patients are too few.
    """
    if not 0 < width < 1:
        raise KitError(f"given {width}", where="width", right="above 0 and below 1")
    month, view = month_of(at), seen(plan, course)
    survival, variance = float(view.event.survival(month)), view.log_variance(month)

    def wide(patients: int) -> bool:
        low, high = _limits(survival, math.sqrt(variance / patients), level, conf_type)
        return high - low > width

    return _first(wide)


def _limits(
    survival: float, sd_log: float, level: float, conf_type: ConfType
) -> tuple[float, float]:
    """Return the interval of survival, from the standard deviation of its logarithm."""
    one_of(conf_type, ConfType, "conf_type")
    half = normal_quantile(level) * survival * sd_log
    low, high = batch.on_scale(np.array([survival]), np.array([half]), conf_type)
    return max(float(low[0]), 0.0), min(float(high[0]), 1.0)


def _first(too_few: Callable[[int], bool]) -> int:
    """Return the least number of patients that isn't too few."""
    low, high = 0, 1
    while too_few(high):
        low, high = high, 2 * high
        if high > MOST_PATIENTS:
            raise KitError(f"more than {MOST_PATIENTS:,} patients", right="a humbler aim")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if too_few(middle) else (low, middle)
    return high
