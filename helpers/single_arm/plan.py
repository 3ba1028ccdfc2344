"""How a single-arm trial is run, and what it will see of what is true."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.single_arm.course import Course, PiecewiseExponential, with_transplants
from helpers.survival.ordered import moments

Floats = NDArray[np.float64]

MOST_PATIENTS = 100_000
"""More than any trial has."""
COUNTS = ("month", "enrolled", "events", "lost", "transplanted", "cut", "followed")
"""The columns of what `expected_counts` returns."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True)
class Plan:
    """How a trial is run.

    Attributes
    ----------
    patients : int
        How many enter.
    accrual_months : float
        From the first to the last enrolment, at a constant rate; 0 for all at once.
    follow_up_months : float
        From the last enrolment to the analysis.
    yearly_dropout : float
        Share of patients lost to follow-up in twelve months, if nothing else happened.
    cutoff_months : float or None
        Each patient's follow-up is cut so long after enrolment.
    censor_at_transplant : bool
        Whether follow-up counts up to a transplant only.

    Raises
    ------
    KitError
        If a number can't be meant.
    """

    patients: int
    accrual_months: float
    follow_up_months: float
    yearly_dropout: float = 0.0
    cutoff_months: float | None = None
    censor_at_transplant: bool = False

    def __post_init__(self) -> None:
        right = {
            "patients": (
                1 <= self.patients <= MOST_PATIENTS,
                f"1 to {MOST_PATIENTS:,}",
            ),
            "accrual_months": (0 <= self.accrual_months < math.inf, "finite, 0 or more"),
            "follow_up_months": (0 <= self.follow_up_months < math.inf, "finite, 0 or more"),
            "yearly_dropout": (0 <= self.yearly_dropout < 1, "a share from 0 to below 1"),
            "cutoff_months": (self.cutoff_months is None or self.cutoff_months > 0, "above 0"),
        }
        for name, (fine, wanted) in right.items():
            if not fine:
                raise KitError(f"given {getattr(self, name)}", where=name, right=wanted)
        if self.accrual_months + self.follow_up_months <= 0:
            raise KitError("no time at all", right="months of accrual or of follow-up above 0")

    @property
    def months(self) -> float:
        """The months from the first enrolment to the analysis."""
        return self.accrual_months + self.follow_up_months

    @property
    def longest(self) -> float:
        """The longest that a patient can be followed, in months."""
        return min(self.months, math.inf if self.cutoff_months is None else self.cutoff_months)

    @property
    def dropout(self) -> PiecewiseExponential:
        """The time to loss of follow-up."""
        return PiecewiseExponential((-math.log1p(-self.yearly_dropout) / 12,))

    def entered(self, months: ArrayLike) -> Floats:
        """Return the share enrolled by calendar time.

        Parameters
        ----------
        months : array_like
            Since the first enrolment.

        Returns
        -------
        numpy.ndarray of float
        """
        since = np.asarray(months, dtype=float)
        if self.accrual_months == 0:
            return np.asarray((since >= 0).astype(float))
        return np.asarray(np.clip(since / self.accrual_months, 0, 1))

    def calendar(self, months: ArrayLike) -> Sequence[float]:
        """Return calendar months that were asked for, checked.

        Parameters
        ----------
        months : array_like
            Since the first enrolment.

        Returns
        -------
        sequence of float

        Raises
        ------
        KitError
            If one lies before the trial or after its analysis.
        """
        asked = np.atleast_1d(moments(months, "months"))
        if (asked > self.months + 1e-9).any():
            right = f"up to {self.months:g}, the analysis"
            raise KitError(f"given {asked.max():g}", where="months", right=right)
        return [float(each) for each in np.minimum(asked, self.months)]


@dataclass(frozen=True)
class Seen:
    """What a trial sees of a course; make one with `seen`.

    Attributes
    ----------
    plan : Plan
        The trial.
    event : PiecewiseExponential
        The time to the event that its Kaplan-Meier curve estimates.
    censored : tuple of PiecewiseExponential
        What else ends follow-up: the loss and, where it censors, a transplant.
    """

    plan: Plan
    event: PiecewiseExponential
    censored: tuple[PiecewiseExponential, ...]

    def kept(self, months: ArrayLike) -> Floats:
        """Return the share whom neither loss nor a transplant that censors has taken.

        Parameters
        ----------
        months : array_like
            Since enrolment.

        Returns
        -------
        numpy.ndarray of float
        """
        heights = [each.cumulative(months) for each in self.censored]
        return np.asarray(np.exp(-np.sum(heights, axis=0)))

    def followed(self, months: ArrayLike) -> Floats:
        """Return the share still followed just before each time, if none had the event.

        Parameters
        ----------
        months : array_like
            Since enrolment.

        Returns
        -------
        numpy.ndarray of float
        """
        since = np.asarray(months, dtype=float)
        return np.asarray(self.plan.entered(self.plan.months - since) * self.kept(since))

    def nodes(self, end: float, *corners: float) -> tuple[Floats, Floats]:
        """Return where to evaluate, and what weight to give it, to integrate from 0.

        Parameters
        ----------
        end : float
            Months since enrolment at which the integral ends.
        *corners : float
            Where the integrand has a corner, beside those of the course and the plan.

        Returns
        -------
        months, weight : numpy.ndarray of float
            Gauss-Legendre quadrature: sixteen nodes between one corner and the next.
        """
        places = [*self.event.cuts, self.plan.follow_up_months, self.plan.months, *corners]
        places += [cut for each in self.censored for cut in each.cuts]
        edges = np.array(sorted({0.0, end, *(each for each in places if 0 < each < end)}))
        half = np.diff(edges)[:, None] / 2
        return (edges[:-1, None] + half * (1 + _NODES)).ravel(), (half * _WEIGHTS).ravel()

    def log_variance(self, at: float) -> float:
        """Return Greenwood's variance of log survival, times the number of patients.

        Parameters
        ----------
        at : float
            Months since enrolment.

        Returns
        -------
        float

        Raises
        ------
        KitError
            If nobody is followed that long. With accrual nobody is followed to the very end,
            where the variance has no bound.
        """
        reach, whole = self.plan.longest, self.plan.months
        if at > reach or (at == whole and self.plan.accrual_months > 0):
            right = f"below {reach:g}, the longest follow-up"
            raise KitError(f"given {at:g} months", where="at", right=right)
        months, weight = self.nodes(at)
        at_risk = self.event.survival(months) * self.followed(months)
        return float(np.sum(weight * self.event.hazard(months) / at_risk))


@lru_cache(maxsize=256)
def seen(plan: Plan, course: Course) -> Seen:
    """Return what a trial sees of a course.

    Parameters
    ----------
    plan, course : Plan, Course
        The trial, and what is true.

    Returns
    -------
    Seen
    """
    transplant = course.transplant
    if transplant is None:
        return Seen(plan, course.event, (plan.dropout,))
    if plan.censor_at_transplant:
        return Seen(plan, course.event, (plan.dropout, transplant))
    unchanged = course.ratio_after_transplant == 1
    event = course.event if unchanged else with_transplants(course, plan.longest)
    return Seen(plan, event, (plan.dropout,))


def observable(plan: Plan, course: Course) -> PiecewiseExponential:
    """Return the time to the event that a Kaplan-Meier curve of the trial estimates.

    Parameters
    ----------
    plan : Plan
        Whether a transplant censors decides it.
    course : Course
        What is true.

    Returns
    -------
    PiecewiseExponential
        With censoring at transplant, the time to the event had there been no transplants.
        Otherwise that with transplants as they happen: where they change the hazard, a mixture,
        in pieces of a tenth of a month.
    """
    return seen(plan, course).event


def expected_counts(plan: Plan, course: Course, months: ArrayLike) -> pd.DataFrame:
    """Work out how many patients have entered, had the event or left by calendar time.

    Parameters
    ----------
    plan, course : Plan, Course
        The trial, and what is true.
    months : array_like
        Months since the first enrolment, up to the analysis.

    Returns
    -------
    pandas.DataFrame
        A row per month: ``month``, ``enrolled``, ``events``, ``lost``, ``transplanted``
        (censored for it), ``cut`` (followed to the cut-off) and ``followed``; expected patients,
        which add up to the enrolled.

    Raises
    ------
    KitError
        If a month lies outside of the trial.

    Notes
    -----
    Events by the calendar month c are ``n ∫ A(c - u) S(u) K(u) dΛ(u)``, with A the share
    enrolled and K the share neither lost nor censored otherwise after u months [1]_.

    References
    ----------
    .. [1] Lachin JM, Foulkes MA. Evaluation of sample size and power for analyses of survival
       with allowance for nonuniform patient entry, losses to follow-up, noncompliance, and
       stratification. Biometrics 1986;42:507-519.

    Examples
    --------
    >>> course = Course(PiecewiseExponential.through({24: 0.4}))
    >>> expected_counts(Plan(50, 12, 24), course, [12, 36])["events"].round(1).tolist()
    [9.9, 34.0]
    """
    view = seen(plan, course)
    rows = []
    for month in plan.calendar(months):
        end = min(month, plan.cutoff_months or math.inf)
        row = {"month": month, "enrolled": float(plan.entered(month))}
        taken = dict.fromkeys(("events", "lost", "transplanted"), 0.0)
        if end > 0:
            time, weight = view.nodes(end, max(month - plan.accrual_months, 0.0))
            here = weight * plan.entered(month - time)
            here *= view.event.survival(time) * view.kept(time)
            for name, each in zip(taken, (view.event, *view.censored), strict=False):
                taken[name] = float(np.sum(here * each.hazard(time)))
        row |= taken
        row["cut"] = 0.0
        if plan.cutoff_months is not None and month >= plan.cutoff_months:
            last = np.array([plan.cutoff_months])
            through = view.event.survival(last) * view.kept(last)
            row["cut"] = float((plan.entered(month - last) * through)[0])
        row["followed"] = max(row["enrolled"] - sum(taken.values()) - row["cut"], 0.0)
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(COUNTS))
    table[list(COUNTS[1:])] *= plan.patients
    return table


def month_of(at: float | None) -> float:
    """Return a time since enrolment, checked.

    Parameters
    ----------
    at : float or None
        Months.

    Returns
    -------
    float

    Raises
    ------
    KitError
        If it is not given, not finite, or 0 or less.
    """
    if at is None or not (math.isfinite(at) and at > 0):
        raise KitError(f"given {at!r}", where="at", right="months, finite and above 0")
    return float(at)
