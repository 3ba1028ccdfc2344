"""Single-arm trials drawn at random, and what they give beside what can be worked out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.single_arm.assurance import Prior, hazard_ratios
from helpers.single_arm.course import Course, PiecewiseExponential
from helpers.single_arm.logrank import Variance, one_sample_logrank
from helpers.single_arm.plan import COUNTS, Plan, expected_counts, month_of, observable
from helpers.single_arm.power import Test, landmark_power, logrank_power, one_sided
from helpers.single_arm.precision import Precision, precision
from helpers.survival import curves as batch
from helpers.survival.curves import ConfType
from helpers.survival.ordered import one_of

Floats = NDArray[np.float64]

_ANALYSIS, _EVENT, _LOST, _TRANSPLANT, _CUT = 0, 1, 2, 3, 4


@dataclass(frozen=True, eq=False)
class Trials:
    """Simulated trials; a row per trial, a column per patient.

    Attributes
    ----------
    plan, course : Plan, Course
        What they were drawn from.
    time : numpy.ndarray of float
        Months from enrolment to the event or the end of follow-up.
    ended : numpy.ndarray of int
        Why the time ended: 1 the event, 2 lost, 3 censored at a transplant, 4 the cut-off, 0 the
        analysis.
    enrolled : numpy.ndarray of float
        Months from the first enrolment to the patient's.
    curves : helpers.survival.curves.Curves
        The trials' Kaplan-Meier curves.
    """

    plan: Plan
    course: Course
    time: Floats
    ended: NDArray[np.int8]
    enrolled: Floats
    curves: batch.Curves

    @property
    def event(self) -> NDArray[np.bool_]:
        """Whose time ended with the event.

        Returns
        -------
        numpy.ndarray of bool
        """
        return np.asarray(self.ended == _EVENT)


def simulate(
    plan: Plan, course: Course, *, trials: int, seed: int, ratio: ArrayLike = 1.0
) -> Trials:
    """Draw whole trials.

    Parameters
    ----------
    plan, course : Plan, Course
        The trial, and what is true.
    trials : int
        How many.
    seed : int
        Of the random numbers. With the same seed and size, another plan or course has the same
        patients under other circumstances, so that differences are not those of chance.
    ratio : array_like, optional
        By what the event hazard is multiplied: one for all, or one per trial.

    Returns
    -------
    Trials

    Raises
    ------
    KitError
        If there are more than 50 million patients in all, or an option can't be used.

    Notes
    -----
    An event time is where the cumulative hazard reaches a standard exponential number. After a
    transplant at u, what is left of that number is spent at the multiplied hazard.
    """
    if not (trials >= 1 and trials * plan.patients <= 50_000_000):
        raise KitError(
            f"{trials:,} trials of {plan.patients:,}", right="at most 50 million patients in all"
        )
    rng = np.random.default_rng(seed)
    shape = (trials, plan.patients)
    # Always the same four draws, so that one circumstance more changes nothing else.
    event, lost, transplant = (rng.standard_exponential(shape) for _ in range(3))
    enrolled = plan.accrual_months * rng.random(shape)
    each = np.asarray(ratio, dtype=float)
    if each.shape not in ((), (trials,)) or not (np.isfinite(each) & (each >= 0)).all():
        raise KitError(f"shape {each.shape}", where="ratio", right="one, or one per trial, from 0")
    if (each != 1).any():
        with np.errstate(divide="ignore"):
            event /= each.reshape(-1, 1)

    moved = None
    if course.transplant is not None:
        moved = course.transplant.times(transplant)
        if course.ratio_after_transplant != 1 and not plan.censor_at_transplant:
            height = course.event.cumulative(np.minimum(moved, plan.months))
            after = height + (event - height) / max(course.ratio_after_transplant, 1e-300)
            event = np.where(event > height, after, event)
    time = course.event.times(event)
    ended = np.full(shape, _EVENT, dtype=np.int8)
    ends = [] if plan.cutoff_months is None else [(_CUT, np.array(plan.cutoff_months))]
    ends.append((_ANALYSIS, plan.months - enrolled))
    if plan.yearly_dropout:
        ends.append((_LOST, plan.dropout.times(lost)))
    if plan.censor_at_transplant and moved is not None:
        ends.append((_TRANSPLANT, moved))
    for code, end in ends:
        # Of what happens at one moment, the event goes before what censors.
        sooner = end < time
        np.minimum(time, end, out=time)
        ended[sooner] = code
    return Trials(plan, course, time, ended, enrolled, batch.curves(time, ended == _EVENT))


def simulated_precision(
    trials: Trials, *, at: float, level: float = 0.95, conf_type: ConfType = "log-log"
) -> Precision:
    """Say how well simulated trials know survival at one time.

    Parameters
    ----------
    trials : Trials
        The trials.
    at : float
        As `precision` takes it.
    level : float, optional
        As `precision` takes it.
    conf_type : ConfType, optional
        As `precision` takes it.

    Returns
    -------
    Precision
        Means are over the trials that have an estimate or an interval. Coverage is of
        `observable` survival, among those.

    Raises
    ------
    KitError
        If an option can't be used.
    """
    month = month_of(at)
    found = batch.landmark(trials.curves, month, conf_type=conf_type, level=level)
    value, lower, upper = (part[:, 0] for part in (found.value, found.lower, found.upper))
    known = ~np.isnan(lower)
    if not known.any():
        raise KitError("no trial has an interval", where="at", right="an earlier month")
    true = float(observable(trials.plan, trials.course).survival(month))
    covered = (lower <= true) & (true <= upper)
    counts = batch.counts(trials.curves, month)
    low, high = float(lower[known].mean()), float(upper[known].mean())
    return Precision(
        month=month,
        survival=float(np.nanmean(value)),
        std_err=float(np.nanstd(value)),
        lower=low,
        upper=high,
        width=high - low,
        coverage=float(covered[known].mean()),
        at_risk=float(counts.at_risk.mean()),
        events=float(counts.events.mean()),
        unknown=float((~known).mean()),
    )


def simulated_power(
    trials: Trials,
    null: PiecewiseExponential,
    *,
    alpha: float,
    at: float | None = None,
    test: Test = "landmark",
    conf_type: ConfType = "log-log",
    variance: Variance = "expected",
) -> float:
    """Return the share of simulated trials that win against a historical curve.

    Parameters
    ----------
    trials : Trials
        The trials; drawn with the historical curve as `Course.event`, the result is the type I
        error.
    null : PiecewiseExponential
        As `patients_for_power` takes it.
    alpha : float
        As `patients_for_power` takes it.
    at : float | None, optional
        As `patients_for_power` takes it.
    test : Test, optional
        As `patients_for_power` takes it.
    conf_type : ConfType, optional
        As `patients_for_power` takes it.
    variance : Variance, optional
        As `patients_for_power` takes it.

    Returns
    -------
    float
        A trial without a test, such as one not followed long enough, doesn't win. Its
        Monte-Carlo error is `monte_carlo_error`.

    Raises
    ------
    KitError
        If an option can't be used.
    """
    one_of(test, Test, "test")
    z = one_sided(alpha)
    if test == "landmark":
        month = month_of(at)
        lower = batch.landmark(
            trials.curves, month, conf_type=conf_type, level=1 - 2 * alpha
        ).lower[:, 0]
        return float((lower > null.survival(month)).mean())
    found = one_sample_logrank(trials.time, trials.event, null, variance=variance)
    return float((found.z < -z).mean())


def simulated_assurance(
    plan: Plan,
    course: Course,
    null: PiecewiseExponential,
    prior: Prior,
    *,
    at: float,
    alpha: float,
    trials: int,
    seed: int,
    test: Test = "landmark",
    conf_type: ConfType = "log-log",
    variance: Variance = "expected",
) -> float:
    """Return the share of simulated trials that win, each with a truth drawn from the prior.

    Parameters
    ----------
    plan : Plan
        As `assurance` takes it.
    course : Course
        As `assurance` takes it.
    null : PiecewiseExponential
        As `assurance` takes it.
    prior : Prior
        As `assurance` takes it.
    at : float
        As `assurance` takes it.
    alpha : float
        As `assurance` takes it.
    trials : int
        As `simulate` takes them.
    seed : int
        As `simulate` takes them.
    test : Test, optional
        As `assurance` takes it.
    conf_type : ConfType, optional
        As `assurance` takes it.
    variance : Variance, optional
        As `assurance` takes it.

    Returns
    -------
    float

    Raises
    ------
    KitError
        If an option can't be used.
    """
    month = month_of(at)
    drawn = prior.quantile(np.random.default_rng([seed, 1]).uniform(1e-9, 1 - 1e-9, trials))
    ratio = hazard_ratios(course, drawn, month)
    found = simulate(plan, course, trials=trials, seed=seed, ratio=ratio)
    return simulated_power(
        found,
        null,
        alpha=alpha,
        at=month,
        test=test,
        conf_type=conf_type,
        variance=variance,
    )


def simulated_counts(trials: Trials, months: ArrayLike, *, level: float = 0.9) -> pd.DataFrame:
    """Count the patients of simulated trials by calendar time.

    Parameters
    ----------
    trials : Trials
        The trials.
    months : array_like
        As `expected_counts` takes them.
    level : float, optional
        Of the interval of the events.

    Returns
    -------
    pandas.DataFrame
        As `expected_counts`, means over the trials, and ``events_lower`` and ``events_upper``:
        between them lie the events of that share of the trials.

    Raises
    ------
    KitError
        If a month lies outside of the trial.
    """
    if not 0 < level < 1:
        raise KitError(f"given {level}", where="level", right="above 0 and below 1")
    end = trials.enrolled + trials.time
    rows = []
    for month in trials.plan.calendar(months):
        over = end <= month
        means = {
            name: float((over & (trials.ended == code)).sum(axis=1).mean())
            for name, code in zip(
                ("lost", "transplanted", "cut"), (_LOST, _TRANSPLANT, _CUT), strict=True
            )
        }
        events = (over & trials.event).sum(axis=1)
        enrolled = float((trials.enrolled <= month).sum(axis=1).mean())
        lower, upper = np.quantile(events, [(1 - level) / 2, (1 + level) / 2])
        rows.append(
            {
                "month": month,
                "enrolled": enrolled,
                "events": float(events.mean()),
                **means,
                "followed": enrolled - float(events.mean()) - sum(means.values()),
                "events_lower": float(lower),
                "events_upper": float(upper),
            }
        )
    return pd.DataFrame(rows, columns=[*COUNTS, "events_lower", "events_upper"])


def monte_carlo_error(share: float, trials: int) -> float:
    """Return the standard error of a share of simulated trials.

    Parameters
    ----------
    share : float
        The share.
    trials : int
        Of how many.

    Returns
    -------
    float

    Examples
    --------
    >>> round(monte_carlo_error(0.8, 10_000), 4)
    0.004
    """
    return math.sqrt(share * (1 - share) / trials)


def operating_characteristics(
    plan: Plan,
    course: Course,
    null: PiecewiseExponential,
    *,
    at: float,
    alpha: float,
    trials: int,
    seed: int,
    level: float = 0.95,
    conf_type: ConfType = "log-log",
    variance: Variance = "expected",
    drawn: Trials | None = None,
) -> pd.DataFrame:
    """Set what is worked out beside what simulated trials give.

    Parameters
    ----------
    plan, course : Plan, Course
        The trial, and what is true.
    null : PiecewiseExponential
        The historical curve.
    at : float
        Months from enrolment.
    alpha : float
        One-sided.
    trials, seed : int
        As `simulate` takes them.
    level : float, optional
        Confidence level.
    conf_type, variance : str, optional
        As `patients_for_power` takes them.
    drawn : Trials, optional
        What `simulate` returned of the same, so that it isn't drawn twice.

    Returns
    -------
    pandas.DataFrame
        A row per quantity: ``quantity``, ``analytic``, ``simulated``, and
        ``monte_carlo_error``, the standard error of the latter; nan where there is none. The
        analytic ones hold for large trials, so in small ones they may differ by more than that
        error.

    Raises
    ------
    KitError
        If an option can't be used.
    """
    month = month_of(at)
    if drawn is None:
        drawn = simulate(plan, course, trials=trials, seed=seed)
    worked = precision(plan, course, at=month, level=level, conf_type=conf_type)
    seen = simulated_precision(drawn, at=month, level=level, conf_type=conf_type)
    found = batch.landmark(drawn.curves, month, conf_type=conf_type, level=level)
    historical = float(null.survival(month))
    totals = expected_counts(plan, course, [plan.months]).iloc[0]
    options: dict[str, Any] = {"alpha": alpha, "conf_type": conf_type, "variance": variance}

    def error(values: NDArray[Any]) -> float:
        values = values[~np.isnan(values)]
        return float(np.std(values) / math.sqrt(len(values))) if len(values) else math.nan

    def won(test: Test) -> float:
        return simulated_power(drawn, null, at=month, test=test, **options)

    width = (found.upper - found.lower)[:, 0]
    kinds = {"events": _EVENT, "lost": _LOST, "transplanted": _TRANSPLANT}
    ended = {name: (drawn.ended == code).sum(axis=1) for name, code in kinds.items()}
    landmark, logrank = won("landmark"), won("log-rank")
    rows = [
        (f"survival at {month:g} months", worked.survival, seen.survival, error(found.value[:, 0])),
        ("standard error", worked.std_err, seen.std_err, seen.std_err / math.sqrt(2 * trials)),
        ("lower limit", worked.lower, seen.lower, error(found.lower[:, 0])),
        ("upper limit", worked.upper, seen.upper, error(found.upper[:, 0])),
        ("width of the interval", worked.width, seen.width, error(width)),
        ("coverage", level, seen.coverage, monte_carlo_error(seen.coverage, trials)),
        ("trials without an interval", math.nan, seen.unknown, math.nan),
        *(
            (label, float(totals[name]), float(ended[name].mean()), error(ended[name] * 1.0))
            for name, label in {
                "events": "events at the analysis",
                "lost": "patients lost",
                "transplanted": "patients censored at transplant",
            }.items()
        ),
        (
            "power, landmark",
            landmark_power(plan, course, historical, at=month, alpha=alpha, conf_type=conf_type),
            landmark,
            monte_carlo_error(landmark, trials),
        ),
        (
            "power, log-rank",
            logrank_power(plan, course, null, alpha=alpha, variance=variance),
            logrank,
            monte_carlo_error(logrank, trials),
        ),
    ]
    return pd.DataFrame(rows, columns=["quantity", "analytic", "simulated", "monte_carlo_error"])
