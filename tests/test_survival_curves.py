"""Batches of survival curves, against R, a published example, lifelines, and by properties.

tests/test_survival.py holds single curves to R's; here is what is read off them.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from helpers.errors import KitError
from helpers.survival import kaplan_meier
from helpers.survival.curves import (
    Curves,
    Mean,
    counts,
    curves,
    landmark,
    limits,
    mean_difference,
    median_follow_up,
    quantile,
    restricted_mean,
)

CONF_TYPES = ("plain", "log", "log-log", "arcsine")
RULES = ("survfit", "quantile", "lifelines")

CASES: dict[str, dict[str, Any]] = {
    case["name"]: case
    for case in json.loads(
        (Path(__file__).parent / "oracles" / "curves.json").read_text(encoding="utf-8")
    )["cases"]
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@pytest.fixture(autouse=True)
def no_warnings():
    """Valid input gives no warning, however little can be said about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def estimated(case: dict[str, Any]) -> Curves:
    return curves(case["time"], case["event"])


def assert_as_r(ours: Any, theirs: Any, atol: float = 0) -> None:
    """Equal to R's value to 1e-8, with nan where R has NA."""
    theirs = np.asarray(theirs, dtype=float)
    assert_allclose(np.asarray(ours, dtype=float), theirs, rtol=1e-8, atol=atol)


# --- against R -----------------------------------------------------------------------------------


@each_case
def test_printed_medians_against_r(case: dict[str, Any]) -> None:
    # print(survfit(Surv(time, event) ~ 1, conf.type, conf.int = 0.9))
    for theirs in case["limits"]:
        ours = quantile(estimated(case), conf_type=theirs["conf_type"], level=0.9)
        assert_as_r([ours.value, ours.lower, ours.upper], theirs["median"])


@each_case
def test_quantiles_against_r(case: dict[str, Any]) -> None:
    # quantile(fit, shares)
    for theirs in case["limits"]:
        options: Any = {"conf_type": theirs["conf_type"], "level": 0.9, "rule": "quantile"}
        ours = [quantile(estimated(case), share, **options) for share in case["shares"]]
        assert_as_r([one.value for one in ours], theirs["quantile"])
        assert_as_r([one.lower for one in ours], theirs["quantile_lower"])
        assert_as_r([one.upper for one in ours], theirs["quantile_upper"])


@each_case
def test_landmarks_against_r(case: dict[str, Any]) -> None:
    # summary(fit, times = at, extend = TRUE)
    last = max(case["time"])
    for theirs in case["limits"]:
        options: Any = {"conf_type": theirs["conf_type"], "level": 0.9}
        ours = landmark(estimated(case), case["at"], extend=True, **options)
        assert_as_r(ours.value, case["survival"])
        assert_as_r(ours.lower, theirs["lower"])
        assert_as_r(ours.upper, theirs["upper"])
        # Without: unknown where R's extend = FALSE leaves the time out, unless nobody is left.
        known = landmark(estimated(case), case["at"], **options)
        beyond = (np.array(case["at"]) > last) & (ours.value > 0)
        for name in ("value", "lower", "upper"):
            assert_array_equal(getattr(known, name), np.where(beyond, np.nan, getattr(ours, name)))
        assert_array_equal(known.reason, np.where(beyond, "after the last observed time", ""))


@each_case
def test_counts_against_r(case: dict[str, Any]) -> None:
    # summary(fit, times = at, extend = TRUE): n.risk, and sums of n.event and n.censor
    ours = counts(estimated(case), case["at"])
    assert_array_equal(ours.at_risk, case["at_risk"])
    assert_array_equal(ours.events, case["events"])
    assert_array_equal(ours.censored, case["censored"])


@each_case
def test_restricted_means_against_r(case: dict[str, Any]) -> None:
    # summary(fit, rmean = horizon)$table
    for horizon, mean, std_err in zip(
        case["horizons"], case["mean"], case["mean_std_err"], strict=True
    ):
        ours = restricted_mean(estimated(case), horizon, extend=True)
        assert_as_r(ours.value, mean)
        assert_as_r(ours.std_err, std_err, atol=1e-12)
        cut = restricted_mean(estimated(case), horizon)
        ends_above = landmark(estimated(case), horizon).reason != ""
        assert_array_equal(cut.value, np.nan if ends_above else ours.value)
        assert_array_equal(cut.std_err, np.nan if ends_above else ours.std_err)


@each_case
def test_follow_up_against_r(case: dict[str, Any]) -> None:
    # print(survfit(Surv(time, 1 - event) ~ 1, conf.type)); median(time)
    for theirs in case["limits"]:
        ours = median_follow_up(case["time"], case["event"], conf_type=theirs["conf_type"])
        assert_as_r([ours.value, ours.lower, ours.upper], theirs["follow_up"])
    observed = median_follow_up(case["time"], case["event"], method="observed")
    assert observed.value == np.median(case["time"])
    assert np.isnan([observed.lower, observed.upper]).all()


# --- against what was published, and lifelines ---------------------------------------------------


def test_difference_of_restricted_means_as_published() -> None:
    # Vignette of R's survRM2, part of the trial of primary biliary cirrhosis, up to 10 years.
    treated, placebo = (
        restricted_mean(estimated(CASES[f"pbc, {arm}, years"]), 10)
        for arm in ("penicillamine", "placebo")
    )
    assert [round(float(x), 3) for x in (treated.value, treated.std_err)] == [7.146, 0.283]
    assert [round(float(x), 3) for x in (placebo.value, placebo.std_err)] == [7.283, 0.295]
    found = mean_difference(treated, placebo)
    assert [round(float(x), 3) for x in (found.value, found.lower, found.upper, found.p)] == [
        -0.137,
        -0.939,
        0.665,
        0.738,
    ]
    swapped = mean_difference(placebo, treated, level=0.95)
    assert_allclose([swapped.value, swapped.lower], [-found.value, -found.upper])
    assert_allclose(swapped.p, found.p)


@pytest.mark.parametrize(
    ("time", "event"),
    [
        *((CASES[name]["time"], CASES[name]["event"]) for name in ("lung", "ovarian", "stanford2")),
        *((CASES[name]["time"], CASES[name]["event"]) for name in ("placebo", "6-mercaptopurine")),
        # A rounding error puts lifelines' one half just above one half.
        ([1, 2, 3, 4, 5, 6], [1] * 6),
        # Nobody survives 36, where R has no limits and lifelines has 0.
        ([36, 15, 9, 8, 7, 5], [1, 0, 1, 0, 0, 0]),
    ],
)
def test_quantiles_as_lifelines_reads_them(time: list[float], event: list[int]) -> None:
    from lifelines import KaplanMeierFitter
    from lifelines.utils import qth_survival_times

    fitter = KaplanMeierFitter().fit(time, event)
    lower, upper = (fitter.confidence_interval_[[column]] for column in fitter.confidence_interval_)
    for p in (0.1, 0.25, 0.5, 0.6, 0.75):
        ours = quantile(curves(time, event), p, rule="lifelines")
        theirs = [
            float(np.squeeze(qth_survival_times(1 - p, frame)))
            for frame in (fitter.survival_function_, lower, upper)
        ]
        assert_allclose(
            [ours.value, ours.lower, ours.upper], np.where(np.isfinite(theirs), theirs, np.nan)
        )


# --- by hand -------------------------------------------------------------------------------------


def test_restricted_mean_by_hand() -> None:
    # 1 until 2, then 3/4 until 4, then 3/8 until 6.
    found = curves([2, 3, 4, 8], [1, 0, 1, 0])
    mean = restricted_mean(found, 6)
    assert_allclose(mean.value, 2 + 2 * 3 / 4 + 2 * 3 / 8)
    left = 2 * 3 / 4 + 2 * 3 / 8, 2 * 3 / 8
    assert_allclose(mean.std_err**2, left[0] ** 2 / (4 * 3) + left[1] ** 2 / (2 * 1))
    # Before the first time everybody lives.
    early = restricted_mean(found, 1.5)
    assert (early.value, early.std_err) == (1.5, 0)
    assert restricted_mean(found, 0).value == 0


def test_horizons_of_their_own() -> None:
    found = curves([[2, 3, 4, 8], [1, 2, 3, 4], [1, 2, 3, 4]], [1, 1, 1, 0])
    each = restricted_mean(found, [6, 2.5, 9])
    assert_allclose(each.value[0], restricted_mean(curves([2, 3, 4, 8], [1, 1, 1, 0]), 6).value)
    assert_allclose(each.value[1], 1 + 3 / 4 + 0.5 / 2)
    assert np.isnan(each.value[2])
    assert np.isnan(each.std_err[2])


def test_means_that_do_not_vary_have_no_p_unless_they_differ() -> None:
    first, second = Mean(np.array([1.0, 1.0]), np.zeros(2)), Mean(np.array([1.0, 2.0]), np.zeros(2))
    found = mean_difference(first, second)
    assert_array_equal(found.value, [0, -1])
    assert_array_equal(found.p, [np.nan, 0])


def test_nobody() -> None:
    """An empty cohort, and an empty group beside others."""
    nobody = curves([], [])
    beside = curves([[1.0, 2.0], [np.nan, 2.0]], [1, 1], where=[[True, True], [False, False]])
    assert_array_equal(beside.n, [2, 0])
    assert_array_equal(beside.events, [2, 0])
    for found, member in ((nobody, ()), (beside, 1)):
        for rule in RULES:
            median = quantile(found, rule=rule)  # type: ignore[arg-type]
            for name in ("value", "lower", "upper"):
                assert np.isnan(getattr(median, name)[member])
            assert median.reason[member] == "no patients"
        for extend in (False, True):
            read = landmark(found, [0, 5], extend=extend)
            assert np.isnan([read.value[member], read.lower[member], read.upper[member]]).all()
            assert (read.reason[member] == "no patients").all()
            mean = restricted_mean(found, 5, extend=extend)
            assert np.isnan([mean.value[member], mean.std_err[member]]).all()
        number = counts(found, [0, 5])
        for name in ("at_risk", "events", "censored"):
            assert_array_equal(getattr(number, name)[member], [0, 0])
    for method in ("reverse", "observed"):
        assert np.isnan(median_follow_up([], [], method=method).value)  # type: ignore[arg-type]
        assert median_follow_up([], [], method=method).reason == "no patients"  # type: ignore[arg-type]


def test_reasons() -> None:
    found = curves([[1, 2, 3], [1, 2, 3]], [[1, 1, 1], [1, 0, 0]])
    assert quantile(found).reason.tolist() == ["", "not reached"]
    assert landmark(found, [3, 4]).reason.tolist() == [
        ["", ""],
        ["", "after the last observed time"],
    ]


# --- what cannot be used -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: quantile(f, 0), "p: given 0; right would be: a number above 0 and below 1"),
        (lambda f: quantile(f, rule="sas"), "rule: given 'sas'; right would be: 'survfit' or"),
        (lambda f: quantile(f, conf_type="cloglog"), "conf_type: given 'cloglog'; right would"),
        (lambda f: limits(f, level=95), "level: given 95; right would be: a number above 0"),
        (lambda f: landmark(f, [1, -1]), "at: given -1.0; right would be: a finite number"),
        (lambda f: counts(f, np.nan), "at: given nan; right would be: a finite number"),
        (lambda f: restricted_mean(f, -1), "horizon: given -1.0; right would be: a finite"),
        (lambda f: restricted_mean(f, [1, 2]), "horizon: shape (2,) for curves of shape ()"),
        (lambda f: curves([1, -1], [1, 1]), "time: given -1.0; right would be: a finite"),
        (lambda f: curves([1, 1], [1, 2]), "event: given 2; right would be: 1 (event) or"),
        (lambda f: curves([1, 1], [1]), "time, event: shapes (2,) and (1,); right would be"),
        (lambda f: curves([1, 1], [1, 1], where=[1, 1, 1]), "time, where: shapes (2,) and (3,)"),
        (lambda f: curves(1, [1]), "time, event: shapes () and (1,); right would be"),
        (lambda f: curves([1], 1), "event: not a list of values"),
        (lambda f: median_follow_up([1], [1], method="mean"), "method: given 'mean'; right"),
    ],
)
def test_what_cannot_be_used_is_named(call: Any, message: str) -> None:
    with pytest.raises(KitError) as error:
        call(curves([1, 2, 3], [1, 0, 1]))
    assert str(error.value).startswith(message)


# --- properties ----------------------------------------------------------------------------------

properties = settings(deadline=None, max_examples=60)
seeds = st.integers(0, 2**32 - 1)
conf_types = st.sampled_from(CONF_TYPES)
AT = [0, 0.5, 1, 1.7, 2, 4]


def everything(
    time: Any, event: Any, where: Any = None, conf_type: Any = "log-log"
) -> list[np.ndarray]:
    """Return all that can be read off a batch."""
    found = curves(time, event, where=where)
    estimates = [
        quantile(found, p, conf_type=conf_type, rule=r) for p in (0.25, 0.5) for r in RULES
    ]  # type: ignore[arg-type]
    estimates += [landmark(found, AT, conf_type=conf_type, extend=x) for x in (False, True)]
    estimates += [
        median_follow_up(time, event, where=where, method=m) for m in ("reverse", "observed")
    ]  # type: ignore[arg-type]
    means = [restricted_mean(found, 2.2, extend=x) for x in (False, True)]
    difference = mean_difference(means[0], restricted_mean(found, 1.1))
    number = counts(found, AT)
    return [
        found.n,
        found.events,
        *(getattr(e, name) for e in estimates for name in ("value", "lower", "upper")),
        *(getattr(mean, name) for mean in means for name in ("value", "std_err")),
        *(getattr(difference, name) for name in ("value", "lower", "upper")),
        *(number.at_risk, number.events, number.censored),
    ]


@properties
@given(seeds, conf_types, st.sampled_from([(1, 1), (2, 3), (5,)]), st.integers(0, 16))
def test_batch_is_a_loop(seed: int, conf_type: Any, shape: tuple[int, ...], n: int) -> None:
    rng = np.random.default_rng(seed)
    time = rng.integers(0, 10, (*shape, n)) / 3
    event = rng.random((*shape, n)) < rng.random((*shape, 1))
    where = rng.random((*shape, n)) < rng.random((*shape, 1))
    batch = everything(time, event, where, conf_type)
    for member in np.ndindex(shape):
        own = where[member]
        single = everything(time[member][own], event[member][own], None, conf_type)
        for many, one in zip(batch, single, strict=True):
            assert_allclose(many[member], one, rtol=1e-12, atol=1e-12)


@properties
@given(seeds, conf_types, st.integers(0, 20))
def test_batch_is_the_single_curve(seed: int, conf_type: Any, n: int) -> None:
    rng = np.random.default_rng(seed)
    time, event = rng.integers(0, 9, n) / 2, rng.random(n) < 0.6
    km = kaplan_meier(time, event, conf_type=conf_type)
    median = quantile(curves(time, event), conf_type=conf_type)
    assert_array_equal(
        [median.value, median.lower, median.upper], [km.median, km.median_lower, km.median_upper]
    )
    if n:
        read = landmark(curves(time, event), km.curve["time"], conf_type=conf_type)
        assert_array_equal(
            np.stack([read.value, read.lower, read.upper], axis=-1),
            km.curve[["survival", "lower", "upper"]],
        )


@properties
@given(seeds, conf_types, st.integers(1, 20))
def test_order_and_rounding_do_not_matter(seed: int, conf_type: Any, n: int) -> None:
    rng = np.random.default_rng(seed)
    time, event = rng.integers(0, 10, n) / 3, rng.random(n) < 0.6
    order = rng.permutation(n)
    noisy = time + rng.uniform(0, 1e-9, n)
    one = everything(time, event, None, conf_type)
    for other in (
        everything(time[order], event[order], None, conf_type),
        everything(noisy, event, None, conf_type),
    ):
        for mine, theirs in zip(one, other, strict=True):
            assert_allclose(mine, theirs, rtol=1e-7, atol=1e-7)


@properties
@given(seeds, st.integers(1, 20), st.floats(0, 5))
def test_without_censoring_the_mean_is_the_mean(seed: int, n: int, horizon: float) -> None:
    time = np.random.default_rng(seed).integers(0, 12, n) / 4
    found = restricted_mean(curves(time, np.ones(n)), horizon)
    cut = np.minimum(time, horizon)
    assert_allclose(found.value, cut.mean(), atol=1e-12)
    assert_allclose(found.std_err, np.sqrt(cut.var() / n), atol=1e-12)


@properties
@given(seeds, st.integers(0, 20))
def test_everyone_is_somewhere(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    time, event = rng.integers(0, 10, n) / 3, rng.random(n) < 0.6
    found = counts(curves(time, event), AT)
    for column, at in enumerate(AT):
        assert found.at_risk[column] == (time >= at - 1e-9).sum()
        assert found.events[column] == event[time <= at + 1e-9].sum()
        assert found.censored[column] == (~event)[time <= at + 1e-9].sum()


def test_a_million_patients() -> None:
    n = 10**6
    rng = np.random.default_rng(1)
    died, left = rng.exponential(2.0, n), rng.exponential(4.0, n)
    found = curves(np.minimum(died, left), died <= left)
    median = quantile(found)
    assert median.lower < median.value < median.upper
    assert_allclose(median.value, 2 * np.log(2), rtol=0.01)
    assert_allclose(landmark(found, [1, 3]).value, np.exp([-0.5, -1.5]), rtol=0.01)
    assert_allclose(restricted_mean(found, 3).value, 2 * (1 - np.exp(-1.5)), rtol=0.01)
    assert counts(found, 0).at_risk == n
