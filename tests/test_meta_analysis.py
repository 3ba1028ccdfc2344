"""Random-effects summaries against R's metafor, and posteriors against what is known exactly."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, norm

from helpers import meta_analysis
from helpers.errors import KitError
from helpers.meta_analysis import binomial_normal, leave_one_out, logits, random_effects, share

ORACLE = json.loads((Path(__file__).parent / "oracles" / "meta_analysis.json").read_text("utf-8"))
CASES = {each["name"]: each for each in ORACLE["cases"]}
cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
METHODS = [
    (estimator, interval)
    for estimator in ("REML", "DerSimonian-Laird")
    for interval in ("Hartung-Knapp", "normal")
]
counted = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
studies = st.lists(counted, min_size=2, max_size=7)


# --- against R -----------------------------------------------------------------------------------


@cases
def test_summaries_are_those_of_metafor(case):
    for told in case["found"]:
        method = {name: told[name] for name in ("estimator", "interval")}
        found = random_effects(case["estimates"], case["variances"], **method)
        for name in told.keys() - method.keys():
            assert getattr(found, name) == pytest.approx(told[name], rel=1e-12, abs=1e-13), name


@cases
def test_leaving_one_out_is_that_of_metafor(case):
    if "without" not in case:
        assert len(case["estimates"]) == 3
        return
    found = leave_one_out(case["estimates"], case["variances"])
    for name, told in case["without"].items():
        values = [getattr(each, name) for each in found]
        assert values == pytest.approx(told, rel=1e-10, abs=1e-12), name


def test_logits_are_those_of_metafor():
    for case in CASES.values():
        if "counts" in case:
            estimates, variances = logits(case["counts"], case["totals"])
            assert estimates == pytest.approx(case["estimates"], rel=1e-14)
            assert variances == pytest.approx(case["variances"], rel=1e-14)


def test_the_bcg_trials_are_as_published():
    """Viechtbauer 2010, J Stat Softw 36(3), and metafor's own pages, to the digits printed."""
    case = CASES["BCG vaccine, log risk ratios"]
    found = random_effects(case["estimates"], case["variances"], interval="normal")
    assert f"{found.estimate:.4f} {found.lower:.4f} {found.upper:.4f}" == "-0.7145 -1.0669 -0.3622"
    assert f"{found.tau2:.4f} {100 * found.i2:.2f} {found.q:.4f}" == "0.3132 92.22 152.2330"
    assert f"{found.tau2_lower:.4f} {found.tau2_upper:.4f}" == "0.1197 1.1115"
    older = random_effects(case["estimates"], case["variances"], estimator="DerSimonian-Laird")
    assert f"{older.tau2:.4f}" == "0.3088"


# --- what must hold ------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(studies)
def test_turned_around_everything_is_turned_around(some):
    counts, totals = np.transpose(some)
    for estimator, interval in METHODS:
        one = random_effects(*logits(counts, totals), estimator=estimator, interval=interval)
        other = random_effects(
            *logits(totals - counts, totals), estimator=estimator, interval=interval
        )
        assert one.estimate == pytest.approx(-other.estimate, abs=1e-9)
        assert one.lower == pytest.approx(-other.upper, abs=1e-8)
        assert one.tau2 == pytest.approx(other.tau2, abs=1e-8)
        assert one.q == pytest.approx(other.q, abs=1e-8)


@settings(max_examples=40, deadline=None)
@given(studies)
def test_a_further_study_is_less_certain_than_the_mean(some):
    estimates, variances = logits(*np.transpose(some))
    for estimator, interval in METHODS:
        found = random_effects(estimates, variances, estimator=estimator, interval=interval)
        assert estimates.min() - 1e-9 <= found.estimate <= estimates.max() + 1e-9
        assert found.lower <= found.estimate <= found.upper
        assert found.tau2 >= 0
        assert 0 <= found.i2 < 1
        assert 0 <= found.tau2_lower <= found.tau2_upper
        if not math.isnan(found.predicted_lower):
            assert found.predicted_lower <= found.lower + 1e-12
            assert found.predicted_upper >= found.upper - 1e-12


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-3, 3), min_size=2, max_size=8), st.floats(0.01, 2))
def test_with_equal_variances_all_is_known_by_hand(estimates, variance):
    """The mean is the mean; what the variance of the estimates has above chance is τ²."""
    k = len(estimates)
    spread = np.var(estimates, ddof=1)
    for estimator, interval in METHODS:
        found = random_effects(estimates, [variance] * k, estimator=estimator, interval=interval)
        assert found.estimate == pytest.approx(np.mean(estimates), abs=1e-9)
        assert found.tau2 == pytest.approx(max(0, spread - variance), abs=1e-7)
        assert found.q == pytest.approx((k - 1) * spread / variance, abs=1e-6)


def test_estimates_that_agree_have_no_variance_between_them():
    for estimator in ("REML", "DerSimonian-Laird"):
        found = random_effects([0.5] * 4, [0.1, 0.2, 0.3, 0.4], estimator=estimator)
        assert (found.tau2, found.i2) == (0, 0)
        assert found.q == pytest.approx(0, abs=1e-12)


def test_one_study_stands_alone():
    estimates, variances = logits([6], [6])
    found = random_effects(estimates, variances, interval="normal")
    assert found.estimate == estimates[0]
    half = norm.ppf(0.975) * variances[0] ** 0.5
    assert found.upper - found.estimate == pytest.approx(half)
    assert math.isnan(found.i2)
    assert math.isnan(found.predicted_lower)
    assert math.isnan(random_effects(estimates, variances).lower)
    with pytest.raises(KitError, match="two or more"):
        leave_one_out(estimates, variances)


def test_two_studies_have_a_prediction_interval_with_hartung_and_knapp_alone():
    estimates, variances = logits([5, 15], [20, 20])
    assert random_effects(estimates, variances).predicted_upper > 3
    assert math.isnan(random_effects(estimates, variances, interval="normal").predicted_upper)


@pytest.mark.parametrize(
    ("counts", "totals"), [([], []), ([1], [0]), ([3], [2]), ([-1], [2]), ([1, 2], [3])]
)
def test_counts_that_cannot_be_are_refused(counts, totals):
    with pytest.raises(KitError, match="counts that aren't of their totals"):
        logits(counts, totals)
    with pytest.raises(KitError, match="counts that aren't of their totals"):
        binomial_normal(counts, totals)


def test_other_things_that_cannot_be_are_refused():
    with pytest.raises(KitError, match="no method 'ML'"):
        random_effects([0.1], [0.1], estimator="ML")
    for variance in (0.0, -1.0, np.nan):
        with pytest.raises(KitError, match="variance above 0"):
            random_effects([0.1, 0.2], [0.1, variance])
    with pytest.raises(KitError, match="tau_scale: given 0"):
        binomial_normal([1], [2], tau_scale=0)


# --- the posterior -------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "total"), [(0, 5), (6, 6), (12, 21), (68, 96), (700, 2000)])
def test_without_differences_the_posterior_is_a_beta_distribution(count, total):
    found = binomial_normal([count], [total], tau_scale=1e-7)
    exact = beta.ppf([0.025, 0.5, 0.975], 1 + count, 1 + total - count)
    told = [share(each) for each in (found.lower, found.estimate, found.upper)]
    assert told == pytest.approx(exact, abs=2e-6)
    assert share(found.predicted_lower) == pytest.approx(exact[0], abs=2e-6)


def by_brute_force(counts, totals, tau_scale):
    """Add up the posterior on a plain grid of μ, τ and θ."""
    theta = np.linspace(-12, 12, 401)
    mean, tau = np.linspace(-9, 9, 181), np.linspace(0.05, 4 * tau_scale, 60)
    log = -np.logaddexp(0, mean) - np.logaddexp(0, -mean) + np.zeros((len(tau), 1))
    log -= 0.5 * (tau[:, None] / tau_scale) ** 2
    normal = norm.pdf(theta, mean[:, None], tau[:, None, None])
    for k, n in zip(counts, totals, strict=True):
        likelihood = np.exp(k * theta - n * np.logaddexp(0, theta))
        log += np.log(np.trapezoid(normal * likelihood, theta, axis=-1))
    mass = np.exp(log - log.max())
    return mean, tau, mass / mass.sum()


def test_the_posterior_is_that_of_a_plain_grid():
    counts, totals = [6, 11, 3], [6, 20, 12]
    found = binomial_normal(counts, totals, tau_scale=1.0)
    mean, tau, mass = by_brute_force(counts, totals, 1.0)
    below = np.cumsum(mass.sum(axis=0)) - mass.sum(axis=0) / 2
    for part, value in ((0.025, found.lower), (0.5, found.estimate), (0.975, found.upper)):
        assert value == pytest.approx(np.interp(part, below, mean), abs=0.03)
    of_tau = np.cumsum(mass.sum(axis=1)) - mass.sum(axis=1) / 2
    assert found.tau == pytest.approx(np.interp(0.5, of_tau, tau), abs=0.04)
    spread = norm.cdf(found.predicted_upper, mean, tau[:, None])
    assert (mass * spread).sum() == pytest.approx(0.975, abs=0.002)


@settings(max_examples=10, deadline=None)
@given(studies)
def test_the_posterior_is_in_order_and_turns_around(some):
    counts, totals = np.transpose(some)
    one, other = binomial_normal(counts, totals), binomial_normal(totals - counts, totals)
    assert one.predicted_lower < one.lower < one.estimate < one.upper < one.predicted_upper
    assert 0 < one.tau_lower < one.tau < one.tau_upper < 4
    assert one.estimate == pytest.approx(-other.estimate, abs=1e-6)
    assert one.predicted_upper == pytest.approx(-other.predicted_lower, abs=1e-6)


def test_a_wider_prior_widens():
    widths = [
        found.predicted_upper - found.predicted_lower
        for scale in (0.1, 0.5, 1.0, 2.0)
        for found in [binomial_normal([6, 68, 31, 12], [6, 96, 70, 21], tau_scale=scale)]
    ]
    assert widths == sorted(widths)


def test_more_nodes_change_nothing(monkeypatch):
    given = ([6, 68, 31, 12], [6, 96, 70, 21])
    found = binomial_normal(*given)
    for name, more in (("_NODES_TAU", 90), ("_NODES_THETA", 41), ("_MEAN_RANGE", 24.0)):
        monkeypatch.setattr(meta_analysis, name, more)
    finer = binomial_normal(*given)
    for name in ("estimate", "lower", "upper", "predicted_lower", "predicted_upper", "tau"):
        assert getattr(found, name) == pytest.approx(getattr(finer, name), abs=1e-5), name
