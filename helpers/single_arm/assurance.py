"""The probability that a single-arm trial wins, when the truth is only believed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.single_arm.course import Course, PiecewiseExponential
from helpers.single_arm.logrank import Variance
from helpers.single_arm.plan import Plan, month_of
from helpers.single_arm.power import Test, landmark_power, logrank_power
from helpers.survival.curves import ConfType
from helpers.survival.ordered import normal_quantile, one_of

Floats = NDArray[np.float64]

_QUANTILES = (np.arange(200) + 0.5) / 200


class Prior(Protocol):
    """What is believed of survival at one time."""

    def quantile(self, p: ArrayLike) -> Floats:
        """Return quantiles.

        Parameters
        ----------
        p : array_like
            Above 0 and below 1.

        Returns
        -------
        numpy.ndarray of float
        """


@dataclass(frozen=True)
class BetaPrior:
    """A beta distribution of a share.

    Attributes
    ----------
    a, b : float
        As after `a` successes and `b` failures, if nothing was believed before.
    """

    a: float
    b: float

    def __post_init__(self) -> None:
        if not (0 < self.a < math.inf and 0 < self.b < math.inf):
            raise KitError(f"given {self.a} and {self.b}", where="a, b", right="above 0")

    def quantile(self, p: ArrayLike) -> Floats:
        """Return quantiles.

        Parameters
        ----------
        p : array_like
            Above 0 and below 1.

        Returns
        -------
        numpy.ndarray of float
        """
        from scipy.special import betaincinv

        return np.asarray(betaincinv(self.a, self.b, p))


@dataclass(frozen=True)
class LogLogPrior:
    """A share whose ``-log(-log(share))`` is normal, as an estimate of survival nearly is.

    Attributes
    ----------
    mean, sd : float
        On that scale; `sd` above 0.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and 0 < self.sd < math.inf):
            raise KitError(f"given {self.mean} and {self.sd}", where="mean, sd", right="sd above 0")

    @classmethod
    def from_interval(
        cls, estimate: float, lower: float, upper: float, *, level: float = 0.95
    ) -> LogLogPrior:
        """Return the prior that a printed estimate with its interval amounts to.

        Parameters
        ----------
        estimate, lower, upper : float
            Survival and its limits, above 0 and below 1.
        level : float, optional
            Of the interval.

        Returns
        -------
        LogLogPrior
            Its median is the estimate, its spread that of the interval on the scale.

        Raises
        ------
        KitError
            If they are not shares in ascending order.
        """
        if not 0 < lower < estimate < upper < 1:
            raise KitError(
                f"given {lower}, {estimate}, {upper}",
                where="lower, estimate, upper",
                right="shares above 0 and below 1, ascending",
            )
        low, middle, high = (-math.log(-math.log(each)) for each in (lower, estimate, upper))
        return cls(middle, (high - low) / (2 * normal_quantile(level)))

    def quantile(self, p: ArrayLike) -> Floats:
        """Return quantiles.

        Parameters
        ----------
        p : array_like
            Above 0 and below 1.

        Returns
        -------
        numpy.ndarray of float
        """
        from scipy.special import ndtri

        return np.asarray(np.exp(-np.exp(-(self.mean + self.sd * ndtri(p)))))


def assurance(
    plan: Plan,
    course: Course,
    null: PiecewiseExponential,
    prior: Prior,
    *,
    at: float,
    alpha: float,
    test: Test = "landmark",
    conf_type: ConfType = "log-log",
    variance: Variance = "expected",
) -> float:
    """Work out the probability to win, when the truth is only believed.

    Parameters
    ----------
    plan, course : Plan, Course
        The trial, and the shape of what is true: its event hazard is multiplied so that
        survival at `at`, without transplants, is what the prior says.
    null : PiecewiseExponential
        The historical curve.
    prior : BetaPrior or LogLogPrior
        What is believed of survival at `at`.
    at : float
        Months from enrolment.
    alpha : float
        One-sided.
    test, conf_type, variance : str, optional
        As `patients_for_power` takes them.

    Returns
    -------
    float
        The power, averaged over the prior. It counts winning when the truth is no better than
        the historical control, too, as rarely as that happens.

    Raises
    ------
    KitError
        If an option can't be used.

    Notes
    -----
    The mean of the power over 200 equally probable values of survival [1]_.

    References
    ----------
    .. [1] O'Hagan A, Stevens JW, Campbell MJ. Assurance in clinical trial design. Pharm Stat
       2005;4:187-201.
    """
    one_of(test, Test, "test")
    month = month_of(at)
    found = []
    for ratio in hazard_ratios(course, prior.quantile(_QUANTILES), month):
        true = replace(course, event=course.event.scaled(float(ratio)))
        if test == "landmark":
            historical = float(null.survival(month))
            found.append(
                landmark_power(plan, true, historical, at=month, alpha=alpha, conf_type=conf_type)
            )
        else:
            found.append(logrank_power(plan, true, null, alpha=alpha, variance=variance))
    return float(np.mean(found))


def hazard_ratios(course: Course, survival: Floats, at: float) -> Floats:
    """Return the hazard ratios that give a course those survivals.

    Parameters
    ----------
    course : Course
        The course.
    survival : numpy.ndarray of float
        Shares without the event, had there been no transplants.
    at : float
        Months from enrolment.

    Returns
    -------
    numpy.ndarray of float

    Raises
    ------
    KitError
        If the course has no event by then.
    """
    height = float(course.event.cumulative(at))
    if height == 0:
        raise KitError("no event by then", where="course", right="a hazard above 0 before `at`")
    # A share of exactly 1 or 0, as a wide prior may have, is a hazard of next to 0 or very high.
    return np.asarray(-np.log(np.clip(survival, 1e-12, 1 - 1e-12)) / height)
