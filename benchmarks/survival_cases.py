"""Estimates and tests of survival for many cohorts at once, beside one cohort after the other.

The references are what one would run otherwise: a loop over lifelines or R. All give their
answers in the same form, and the tests hold them against the kit's.
"""

import shutil
import subprocess
import tempfile
import time
import warnings
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Missing, Timed, benchmark

Floats = NDArray[np.float64]
PATIENTS = 96
MONTHS = np.array([6.0, 12.0, 24.0])
SAMPLE = 100
"""A loop over lifelines runs on so many cohorts and is scaled up: all would take minutes."""
SCRIPT = Path(__file__).with_name("survival.R")
SAMPLED = f"on {SAMPLE} of the 1000, scaled"


class Cohorts(NamedTuple):
    """A batch of cohorts: months, 0 or the cause that ended them, and which of two groups."""

    time: Floats
    code: NDArray[np.int64]
    group: NDArray[np.int64]

    @property
    def event(self) -> NDArray[np.int64]:
        return (self.code > 0).astype(np.int64)


@cache
def cohorts(members: int) -> Cohorts:
    """Make up cohorts to a tenth of a month, as papers print times; some lose half, some don't."""
    rng = np.random.default_rng(1)
    shape = (members, PATIENTS)
    group = np.tile(np.arange(PATIENTS) % 2, (members, 1))
    event = rng.exponential(rng.uniform(8, 60, (members, 1)) * (1 + group / 2), shape)
    end = rng.uniform(3, 40, shape)
    cause = rng.integers(1, 3, shape)
    months = np.maximum(np.round(np.minimum(event, end), 1), 0.1)
    return Cohorts(months, np.where(event <= end, cause, 0), group)


def by_lifelines(size, step, answer) -> Timed:
    """Run one step per cohort of a sample; the seconds are those for all."""
    sample = min(size, SAMPLE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of each cohort that has something odd
        start = time.perf_counter()
        found = [step(index) for index in range(sample)]
        seconds = time.perf_counter() - start
    return Timed(seconds * size / sample, lambda: stacked(map(answer, found, range(sample))))


def stacked(answers) -> dict[str, Any]:
    """Make one array per key of the answers of all cohorts."""
    rows = list(answers)
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def by_r(loop: str, size: int) -> tuple[float, Floats]:
    """Run one of the loops in R; return its seconds and a row of answers for each cohort."""
    if not shutil.which("Rscript"):
        raise Missing("Rscript not found")
    data = cohorts(size)
    with tempfile.TemporaryDirectory() as folder:
        for name, values in data._asdict().items():
            values.astype(float).tofile(Path(folder, name))
        command = ["Rscript", "--vanilla", SCRIPT, loop, folder, str(size), str(PATIENTS)]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode == 3:
            raise Missing(f"R's package {ran.stdout} not found")
        if ran.returncode:
            raise RuntimeError(ran.stderr)
        answers = np.fromfile(Path(folder, "answers")).reshape(size, -1)
    return float(ran.stdout), answers


# Curves with their limits, and medians with theirs.


def curves(size, rule):
    from helpers.survival import curves

    data = cohorts(size)
    found = curves.curves(data.time, data.event)
    lower, upper = curves.limits(found)
    median = curves.quantile(found, rule=rule)

    def answer():
        # Of those who share a time, the last has the height for all.
        placed = found.ordered
        heights = (
            placed.restore(np.take_along_axis(band, placed.end, axis=-1))
            for band in (found.survival, lower, upper)
        )
        values = (median.value, median.lower, median.upper, *heights)
        return dict(zip(CURVE, values, strict=True))

    return answer


CURVE = ("median", "median_lower", "median_upper", "survival", "lower", "upper")


def curve_of_lifelines(times, events):
    """Fit a curve; return it with its median and that one's limits."""
    from lifelines import KaplanMeierFitter
    from lifelines.utils import median_survival_times

    fit = KaplanMeierFitter().fit(times, events)
    return fit, fit.median_survival_time_, median_survival_times(fit.confidence_interval_)


def medians_of_lifelines(median, limits):
    """Return the median and its limits, with nan for infinity."""
    # Its median of the band's lower edge is the time's lower limit.
    values = np.array([median, *limits.to_numpy().ravel()])
    return np.where(np.isinf(values), np.nan, values)


def curves_by_lifelines(size=1000):
    data = cohorts(size)

    def answer(found, index):
        fit, median, limits = found
        at = data.time[index]
        survival = fit.survival_function_at_times(at).to_numpy()
        lower, upper = fit.confidence_interval_.loc[at].to_numpy().T
        # Where Greenwood's variance says nothing lifelines repeats the estimate.
        unknown = (survival == 0) | (survival == 1)
        lower, upper = (np.where(unknown, np.nan, edge) for edge in (lower, upper))
        values = (*medians_of_lifelines(median, limits), survival, lower, upper)
        return dict(zip(CURVE, values, strict=True))

    return by_lifelines(
        size, lambda index: curve_of_lifelines(data.time[index], data.event[index]), answer
    )


def curves_by_r(size=1000):
    seconds, rows = by_r("curves", size)
    bands = rows[:, 3:].reshape(size, 3, PATIENTS)
    values = (*rows[:, :3].T, *np.moveaxis(bands, 1, 0))
    return Timed(seconds, lambda: dict(zip(CURVE, values, strict=True)))


@benchmark(
    reference=curves_by_lifelines,
    label=f"lifelines loop: KaplanMeierFitter and median_survival_times, {SAMPLED}",
    tolerance=1e-8,
)
def curves_of_1000_cohorts(size=1000):
    return curves(size, "lifelines")


@benchmark(
    reference=curves_by_r,
    label="R loop inside one Rscript: survfit and quantile",
    tolerance=1e-8,
)
def curves_of_1000_cohorts_r(size=1000):
    return curves(size, "quantile")


# The log-rank test of two groups.


def logrank_by_lifelines(size=1000):
    from lifelines.statistics import logrank_test

    data = cohorts(size)

    def step(index):
        times, events, second = data.time[index], data.event[index], data.group[index] == 1
        return logrank_test(times[~second], times[second], events[~second], events[second])

    return by_lifelines(
        size, step, lambda found, _: {"statistic": found.test_statistic, "p": found.p_value}
    )


@benchmark(
    reference=logrank_by_lifelines,
    label=f"lifelines loop: logrank_test, {SAMPLED}",
    tolerance=1e-8,
)
def logrank_of_1000_cohorts(size=1000):
    from helpers.survival import comparison

    data = cohorts(size)
    found = comparison.logrank(data.time, data.event, data.group)
    return lambda: {"statistic": found.statistic, "p": found.p}


# Cumulative incidence of two causes in two groups, with limits, and Gray's test of each cause.


def incidences_by_r(size=1000):
    seconds, rows = by_r("incidences", size)

    def answer():
        # In R's order: of the tests, the statistics come first; of the rest, groups change last.
        bands = rows[:, 4:].reshape(size, 2, 2, 3, len(MONTHS))
        tests = {"statistic": rows[:, :2], "p": rows[:, 2:4]}
        return tests | {
            name: bands[..., index, :] for index, name in enumerate(("value", "lower", "upper"))
        }

    return Timed(seconds, answer)


@benchmark(
    reference=incidences_by_r,
    label="R loop inside one Rscript: cmprsk::cuminc, log-log limits from its variances",
    tolerance=1e-8,
)
def incidences_of_1000_cohorts_r(size=1000):
    from helpers.survival import competing, gray

    data = cohorts(size)
    of_group = data.group[:, None, :] == np.arange(2)[:, None]
    found = competing.cumulative_incidence(
        data.time[:, None, :], data.code[:, None, :], where=of_group, causes=[1, 2]
    )
    lower, upper = competing.incidence_limits(found)
    tests = gray.gray_test(data.time, data.code, data.group, cause=[1, 2])

    def answer():
        passed = (found.time[..., None, :] <= MONTHS[:, None]).sum(axis=-1)
        place = np.maximum(passed - 1, 0)[..., None, :]
        bands = {"value": found.incidence, "lower": lower, "upper": upper}
        read = {
            name: np.where(
                passed[..., None, :] > 0,
                np.take_along_axis(band, place, axis=-1),
                0.0 if name == "value" else np.nan,
            )
            for name, band in bands.items()
        }
        return read | {"statistic": tests.statistic, "p": tests.p}

    return answer


# Beside a reference, what takes milliseconds finds the caches full of the reference's things. A row
# that ends in `_again` is the same computation with nothing run in between.


@benchmark(rounds=20)
def incidences_of_1000_cohorts_again(size=1000):
    return incidences_of_1000_cohorts_r(size)


# Cox's model with one covariate of two values.


def cox(size):
    from helpers.survival import cox

    data = cohorts(size)
    fit = cox.cox(data.time, data.event, data.group)
    values = (fit.coefficients, fit.std_err, fit.p)
    return lambda: dict(zip(COX, (each[..., 0] for each in values), strict=True))


COX = ("coefficient", "std_err", "p")


def cox_by_lifelines(size=1000):
    import pandas as pd
    from lifelines import CoxPHFitter

    data = cohorts(size)

    def step(index):
        table = pd.DataFrame(
            {"time": data.time[index], "event": data.event[index], "group": data.group[index]}
        )
        # As it stops by itself its coefficients have three digits; so it has six, no slower.
        options = {"step_size": 1.0, "precision": 1e-12}
        return CoxPHFitter().fit(table, "time", "event", fit_options=options).summary

    def answer(found, _):
        values = found.loc["group", ["coef", "se(coef)", "p"]].to_numpy(dtype=float)
        return dict(zip(COX, values, strict=True))

    return by_lifelines(size, step, answer)


def cox_by_r(size=1000):
    seconds, rows = by_r("cox", size)
    return Timed(seconds, lambda: dict(zip(COX, rows.T, strict=True)))


@benchmark(
    reference=cox_by_lifelines,
    label=f"lifelines loop: CoxPHFitter with precision 1e-12 and whole steps, {SAMPLED}",
    rounds=3,
    tolerance=1e-6,
)
def cox_of_1000_cohorts(size=1000):
    return cox(size)


@benchmark(
    reference=cox_by_r,
    label="R loop inside one Rscript: coxph",
    # coxph stops sooner.
    tolerance=1e-6,
)
def cox_of_1000_cohorts_r(size=1000):
    return cox(size)


# Another endpoint: from event histories to curves, medians and limits of three groups.

GROUPS = 3


@cache
def histories(members: int) -> tuple[dict[str, Floats], NDArray[np.int64]]:
    """Make up event histories, and who is in which group."""
    rng = np.random.default_rng(2)
    shape = (members, PATIENTS)
    death = rng.exponential(rng.uniform(10, 40, (members, 1)), shape)
    last = np.round(np.minimum(death, rng.uniform(6, 48, shape)), 1)
    response = np.round(rng.uniform(0.5, 4, shape), 1)
    response[(response > last) | (rng.random(shape) < 0.3)] = np.nan
    relapse = np.round(response + rng.exponential(15, shape), 1)
    relapse[~(relapse <= last)] = np.nan
    found = {
        "TRTM": np.zeros(shape),
        "RSPM": response,
        "RLPM": relapse,
        "DTHM": np.where(np.round(death, 1) <= last, last, np.nan),
        "LSTALVM": last,
    }
    return found, rng.integers(0, GROUPS, shape)


def endpoint_by_lifelines(size=200):
    history, group = histories(size)
    start, last = history["RSPM"], history["LSTALVM"]
    stop = np.fmin(history["RLPM"], history["DTHM"])
    died = ~np.isnan(stop)
    months = np.round(np.where(died, stop, last) - start, 9)
    included = ~np.isnan(start)

    def step(index):
        found = []
        for each in range(GROUPS):
            who = included[index] & (group[index] == each)
            found.append(curve_of_lifelines(months[index, who], died[index, who]))
        return found

    def answer(found, _):
        medians = np.array([medians_of_lifelines(median, limits) for _, median, limits in found])
        survival = [fit.survival_function_at_times(MONTHS).to_numpy() for fit, _, _ in found]
        return dict(zip(CURVE[:3], medians.T, strict=True)) | {"survival": np.array(survival)}

    return by_lifelines(size, step, answer)


@benchmark(
    reference=endpoint_by_lifelines,
    label=f"lifelines loop: KaplanMeierFitter and median_survival_times, on {SAMPLE} of the 200 "
    "members, scaled; dates worked out beforehand, not timed",
    tolerance=1e-8,
)
def endpoint_of_200_members_in_3_groups(size=200):
    from helpers import endpoints
    from helpers.catalogue import Definition
    from helpers.survival import curves

    history, group = histories(size)
    definition = Definition(
        label="disease-free survival", origin="response", events=("relapse", "death")
    )
    seen = endpoints.observe(history, definition)
    where = (group[:, None, :] == np.arange(GROUPS)[:, None]) & seen.included[:, None, :]
    found = curves.curves(seen.time[:, None, :], seen.code[:, None, :] == 1, where=where)
    median = curves.quantile(found, rule="lifelines")

    def answer():
        values = (median.value, median.lower, median.upper)
        # lifelines repeats the last height beyond the last time.
        survival = curves.landmark(found, MONTHS, extend=True).value
        return dict(zip(CURVE[:3], values, strict=True)) | {"survival": survival}

    return answer


@benchmark(rounds=20)
def endpoint_of_200_members_in_3_groups_again(size=200):
    return endpoint_of_200_members_in_3_groups(size)
