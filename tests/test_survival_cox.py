"""Cox models against R's survival package, by hand, and by their properties."""

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
from helpers.survival.cox import Cox, cox
from helpers.survival.profile_likelihood import profile_interval
from helpers.survival.proportional_hazards import proportional_hazards

ORACLE = json.loads((Path(__file__).parent / "oracles" / "cox.json").read_text(encoding="utf-8"))
MODELS = [
    pytest.param(case, model, id=f"{case['name']}-{model['ties']}")
    for case in ORACLE["cases"]
    for model in case["models"]
]
each_model = pytest.mark.parametrize(("case", "model"), MODELS)


@pytest.fixture(autouse=True)
def _no_warnings() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def fitted(case: dict[str, Any], ties: Any = "efron") -> Cox:
    return cox(
        case["time"],
        case["event"],
        case["x"],
        ties=ties,
        entry=case["entry"],
        strata=case.get("strata"),
    )


def assert_as_r(ours: Any, theirs: Any, rtol: float = 1e-6, atol: float = 1e-12) -> None:
    """Equal to R's value, with nan where R has NA."""
    theirs = np.asarray(theirs, dtype=float)
    assert_allclose(np.asarray(ours, dtype=float), theirs, rtol=rtol, atol=atol)


# --- against R -----------------------------------------------------------------------------------


@each_model
def test_model_against_r(case: dict[str, Any], model: dict[str, Any]) -> None:
    # coxph(Surv(time, event) ~ x), or Surv(entry, time, event), with strata(s) where there are
    fit = fitted(case, model["ties"])
    assert fit.converged
    assert_as_r(fit.coefficients, model["coefficients"])
    assert_as_r(fit.hazard_ratio, np.exp(np.asarray(model["coefficients"], dtype=float)))
    covariance = np.asarray(model["covariance"], dtype=float)
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert_as_r(fit.covariance / scale, covariance / scale, rtol=0, atol=1e-6)
    assert_as_r(fit.std_err, np.sqrt(np.diag(covariance)))
    assert_as_r(fit.lower, model["lower"])
    assert_as_r(fit.upper, model["upper"])
    assert_as_r(fit.p, model["p"])
    assert_as_r([fit.loglik_null, fit.loglik], model["loglik"], rtol=1e-9)
    assert_as_r(fit.wald.statistic, model["wald"])
    assert_as_r(fit.score.statistic, model["score"])
    assert_as_r(fit.likelihood_ratio.statistic, model["ratio"], atol=1e-9)
    assert_as_r(fit.likelihood_ratio.p, model["ratio_p"])
    assert fit.wald.df == fit.score.df == fit.likelihood_ratio.df == model["df"]
    assert (fit.n, fit.events) == (len(case["time"]), sum(case["event"]))
    missing = np.isnan(np.asarray(model["coefficients"], dtype=float))
    assert_array_equal(fit.reason != "", missing)


@each_model
def test_proportional_hazards_against_r(case: dict[str, Any], model: dict[str, Any]) -> None:
    # cox.zph(fit, transform): a row for each term that can be estimated, and GLOBAL
    fit = fitted(case, model["ties"])
    there = ~np.isnan(np.asarray(model["coefficients"], dtype=float))
    terms = case["terms"] and [
        [number - 1 for number in np.atleast_1d(term)] for term in case["terms"]
    ]
    for transform, theirs in model["zph"].items():
        found = proportional_hazards(fit, transform=transform, terms=terms)
        kept = slice(None) if terms else there
        for name, table in (("statistic", "chisq"), ("df", "df"), ("p", "p")):
            ours = [*getattr(found.terms, name)[kept], getattr(found.overall, name)]
            assert_as_r(ours, theirs[table], atol=1e-10)
        assert found.reason == ""


@each_model
def test_profile_limits_against_r(case: dict[str, Any], model: dict[str, Any]) -> None:
    # uniroot over coxph(... + offset(b * x))
    fit = fitted(case, model["ties"])
    for number, (lower, upper) in enumerate(model["profile"]):
        found = profile_interval(fit, number)
        assert_as_r(np.log([found.lower, found.upper]), [lower, upper], atol=1e-7)


@pytest.mark.parametrize("case", ORACLE["endless"], ids=lambda case: case["name"])
def test_where_r_warns_of_an_infinite_coefficient(case: dict[str, Any]) -> None:
    fit = fitted(case)
    assert fit.converged
    theirs = np.asarray(case["coefficients"])
    large = np.abs(theirs) > 8
    assert large.any()
    assert_array_equal(fit.coefficients[large], np.copysign(np.inf, theirs[large]))
    assert_as_r(fit.coefficients[~large], theirs[~large], rtol=1e-5)
    assert_array_equal(np.isnan(fit.std_err), large)
    assert_array_equal(
        fit.reason, np.where(large, "no maximum: the coefficient runs to infinity", "")
    )
    assert_as_r([fit.loglik_null, fit.loglik], case["loglik"])
    assert_as_r(fit.score.statistic, case["score"])
    assert np.isnan(fit.wald.statistic)
    assert np.isnan(proportional_hazards(fit).overall.statistic)
    assert proportional_hazards(fit).reason == "a coefficient is infinite"


def test_profile_of_an_infinite_coefficient_by_hand() -> None:
    # One death, in the group of 1 of 2 + 3 patients: the likelihood is h / (2 h + 3), at most 1/2.
    fit = cox([1, 2, 2, 2, 2], [1, 0, 0, 0, 0], [1, 1, 0, 0, 0])
    assert fit.coefficients == np.inf
    assert_allclose(fit.loglik, np.log(1 / 2), rtol=1e-9)
    assert_allclose(fit.likelihood_ratio.statistic, 2 * np.log(2.5), rtol=1e-8)
    least = 0.5 * np.exp(-(1.959963984540054**2) / 2)
    found = profile_interval(fit)
    assert_allclose(found.lower, 3 * least / (1 - 2 * least), rtol=1e-8)
    assert found.upper == np.inf
    other = profile_interval(cox([1, 2, 2, 2, 2], [1, 0, 0, 0, 0], [0, 0, 1, 1, 1]))
    assert_allclose(other.upper, (1 - 2 * least) / (3 * least), rtol=1e-8)
    assert other.lower == 0


def test_two_deaths_of_one_time_by_hand() -> None:
    # Both of two groups at once, one patient left in each: Efron's second risk set lacks half of
    # each death. Breslow: h / (2 + 2 h)^2; Efron: h / ((2 + 2 h)(1.5 + 1.5 h)).
    time, event, x = [1, 1, 2, 2], [1, 1, 0, 0], [0, 1, 0, 1]
    for ties, null in (("breslow", 1 / 16), ("efron", 1 / 12)):
        fit = cox(time, event, x, ties=ties)  # type: ignore[arg-type]
        assert_allclose(fit.loglik_null, np.log(null))
        assert_allclose(fit.coefficients, 0, atol=1e-12)
        assert_allclose(fit.std_err, np.sqrt(2))


# --- nothing to estimate -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "event", "x", "reason"),
    [
        ([], [], [], "no patients"),
        ([1, 2, 3], [0, 0, 0], [0, 1, 0], "no events"),
        ([4], [1], [1], "constant, or a sum of the others, among those at risk"),
        ([1, 2, 3], [1, 1, 0], [5, 5, 5], "constant, or a sum of the others, among those at risk"),
        # The covariate differs, but nobody else is left when the only event comes.
        ([1, 2, 3], [0, 0, 1], [0, 1, 0], "constant, or a sum of the others, among those at risk"),
        # 0.1 three times adds up to something else than 0.3.
        ([1, 2, 3], [1, 1, 1], [0.1] * 3, "constant, or a sum of the others, among those at risk"),
    ],
)
def test_nothing_to_estimate(time: Any, event: Any, x: Any, reason: str) -> None:
    fit = cox(time, event, x)
    assert fit.reason.tolist() == [reason]
    for values in (fit.coefficients, fit.std_err, fit.hazard_ratio, fit.lower, fit.p):
        assert np.isnan(values).all()
    for test in (fit.wald, fit.score, fit.likelihood_ratio):
        assert np.isnan(test.statistic)
        assert np.isnan(test.p)
        assert test.df == 0
    assert np.isnan(profile_interval(fit).lower)
    found = proportional_hazards(fit)
    assert np.isnan(found.overall.statistic)
    assert found.reason == "no coefficient to test"


def test_no_test_of_proportionality() -> None:
    together = proportional_hazards(cox([1, 1, 2, 2], [1, 1, 0, 0], [0, 1, 0, 1]))
    assert np.isnan(together.overall.statistic)
    assert together.reason == "all events at one time, or too few"
    at_zero = cox([0, 1, 2, 3, 4], [1, 1, 1, 1, 0], [0, 1, 1, 0, 1])
    assert proportional_hazards(at_zero).overall.statistic > 0
    logarithm = proportional_hazards(at_zero, transform="log")
    assert np.isnan(logarithm.overall.statistic)
    assert logarithm.reason == "an event at time 0 has no logarithm"


def test_an_empty_member_leaves_the_others_alone() -> None:
    time, event, x = [5, 3, 8, 1, 4], [1, 1, 0, 1, 1], [0, 1, 0, 0, 1]
    where = [[True] * 5, [False] * 5, [True] * 5]
    batch, alone = cox([time] * 3, event, x, where=where), cox(time, event, x)
    assert_allclose(batch.coefficients[[0, 2]], [alone.coefficients] * 2)
    assert batch.reason[:, 0].tolist() == ["", "no patients", ""]


# --- what cannot be used -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": [1, -2, 3]}, "time: given -2.0; right would be: a finite number, 0 or more"),
        ({"event": [1, 2, 0]}, "event: given 2; right would be: 1 (event) or 0 (censored)"),
        ({"covariates": [0, np.nan, 1]}, "covariates: given nan; right would be: a finite number"),
        ({"covariates": 1}, "covariates: not a list of values; right would be: one value per"),
        ({"covariates": [0, 1]}, "time, event, covariates: shapes (3,), (3,), (2,); right would"),
        ({"covariates": [[0, 1]]}, "time, event, covariates: shapes (3,), (3,), (1, 2); right"),
        ({"entry": [0, 3, 0]}, "entry: given 3.0 with the time 2.0; right would be: no later than"),
        ({"entry": [0, -1, 0]}, "entry: given -1.0; right would be: a finite number, 0 or more"),
        ({"ties": "exact"}, "ties: given 'exact'; right would be: 'efron' or 'breslow'"),
        ({"level": 95}, "level: given 95; right would be: a number above 0 and below 1"),
        ({"strata": [1, 1]}, "time, event, strata, covariates: shapes (3,), (3,), (2,), (3,);"),
    ],
)
def test_unusable_input_is_named(change: dict[str, Any], message: str) -> None:
    given = {"time": [1, 2, 3], "event": [1, 1, 0], "covariates": [0, 1, 1], **change}
    with pytest.raises(KitError) as error:
        cox(**given)
    assert str(error.value).startswith(message)


def test_unusable_options_are_named() -> None:
    fit = cox([1, 2, 3, 4], [1, 1, 0, 1], [0, 1, 1, 0])
    with pytest.raises(KitError, match=r"^covariate: given 1; right would be: a number from 0 to"):
        profile_interval(fit, 1)
    with pytest.raises(KitError, match=r"^transform: given 'cubic'; right would be: 'km' or"):
        proportional_hazards(fit, transform="cubic")  # type: ignore[arg-type]
    with pytest.raises(KitError, match=r"^terms: given 2; right would be: numbers from 0 to 0"):
        proportional_hazards(fit, terms=[[0], [2]])


def test_who_does_not_count_may_have_any_values() -> None:
    where = [True, True, True, True, False]
    batch = cox(
        [1, 2, 3, 4, np.nan],
        [1, 1, 0, 1, 0],
        [0, 1, 1, 0, np.nan],
        where=where,
        entry=[0] * 4 + [9],
    )
    assert_allclose(batch.coefficients, cox([1, 2, 3, 4], [1, 1, 0, 1], [0, 1, 1, 0]).coefficients)


# --- properties ----------------------------------------------------------------------------------

properties = settings(deadline=None, max_examples=40)
sizes = st.integers(12, 30)
seeds = st.integers(0, 2**32 - 1)


def cohort(seed: int, n: int, *, members: int = 1, ties: bool = True) -> dict[str, Any]:
    """Random cohorts whose covariates matter a little."""
    draw = np.random.default_rng(seed)
    x = np.stack([draw.integers(0, 2, (members, n)), draw.normal(size=(members, n))], axis=-1)
    time = draw.exponential(np.exp(-0.5 * x.sum(axis=-1))) + 0.01
    if ties:
        time = np.ceil(4 * time)
    entry = np.where(draw.random((members, n)) < 0.5, 0.0, time * draw.random((members, n)))
    return {
        "time": time,
        "event": draw.random((members, n)) < 0.8,
        "covariates": x,
        "entry": np.floor(entry) if ties else entry,
        "strata": draw.integers(0, 2, (members, n)),
        "where": draw.random((members, n)) < 0.9,
    }


def nearness(fit: Cox) -> dict[str, float]:
    """How near two fits must be; on the way to infinity the other coefficients are a bit off."""
    endless = bool(np.isinf(fit.coefficients).any())
    return {"rtol": 1e-3, "atol": 1e-6} if endless else {"rtol": 1e-7, "atol": 1e-9}


def signless(values: Any) -> Any:
    """Where there are several ways to infinity, which one is taken may hang on rounding."""
    return np.where(np.isinf(values), np.inf, values)


def assert_same(one: Cox, other: Cox) -> None:
    assert_array_equal(one.reason, other.reason)
    for name in ("std_err", "loglik_null", "loglik"):
        assert_allclose(getattr(one, name), getattr(other, name), **nearness(one))
    ours, theirs = (signless(fit.coefficients) for fit in (one, other))
    assert_allclose(ours, theirs, **nearness(one))
    for test in ("wald", "score", "likelihood_ratio"):
        ours, theirs = getattr(one, test), getattr(other, test)
        assert_allclose(ours.statistic, theirs.statistic, rtol=1e-6, atol=1e-6)
        assert_array_equal(ours.df, theirs.df)


@properties
@given(seeds, sizes, st.sampled_from(("efron", "breslow")), st.booleans(), st.booleans())
def test_batch_is_a_loop(seed: int, n: int, ties: Any, entry: bool, strata: bool) -> None:
    given_ = cohort(seed, n, members=5)
    for name, used in (("entry", entry), ("strata", strata)):
        if not used:
            del given_[name]
    batch = cox(**given_, ties=ties)
    zph, limits = proportional_hazards(batch), profile_interval(batch, 1)
    for member in range(5):
        here = given_["where"][member]
        single = {k: v[member][here] for k, v in given_.items() if k != "where"}
        alone = cox(**single, ties=ties)
        assert_array_equal(batch.reason[member], alone.reason)
        assert (batch.n[member], batch.events[member]) == (alone.n, alone.events)
        ours, theirs = signless(batch.coefficients[member]), signless(alone.coefficients)
        assert_allclose(ours, theirs, rtol=1e-3 if np.isinf(theirs).any() else 1e-6, atol=1e-6)
        for name in ("std_err", "loglik", "loglik_null"):
            near = {**nearness(alone), "rtol": max(1e-6, nearness(alone)["rtol"])}
            assert_allclose(getattr(batch, name)[member], getattr(alone, name), **near)
        assert_allclose(batch.score.statistic[member], alone.score.statistic, atol=1e-9)
        found, interval = proportional_hazards(alone), profile_interval(alone, 1)
        assert_allclose(zph.terms.statistic[member], found.terms.statistic, rtol=1e-6, atol=1e-9)
        assert_allclose(zph.overall.p[member], found.overall.p, rtol=1e-6, atol=1e-9)
        if np.isfinite(alone.coefficients).all():
            assert_allclose(limits.lower[member], interval.lower, rtol=1e-5, atol=1e-9)
            assert_allclose(limits.upper[member], interval.upper, rtol=1e-5, atol=1e-9)


@properties
@given(seeds, sizes)
def test_order_of_patients_does_not_matter(seed: int, n: int) -> None:
    given_ = cohort(seed, n)
    order = np.random.default_rng(seed).permutation(n)
    assert_same(cox(**given_), cox(**{name: v[:, order] for name, v in given_.items()}))


@properties
@given(seeds, sizes)
def test_rounding_error_does_not_split_a_tie(seed: int, n: int) -> None:
    given_ = cohort(seed, n)
    noise = 1 + 1e-12 * np.random.default_rng(seed).random((2, 1, n))
    near = {**given_, "time": given_["time"] * noise[0], "entry": given_["entry"] * noise[1]}
    assert_same(cox(**given_), cox(**near))


@properties
@given(seeds, sizes)
def test_breslow_is_efron_without_ties(seed: int, n: int) -> None:
    given_ = cohort(seed, n, ties=False)
    assert_same(cox(**given_, ties="efron"), cox(**given_, ties="breslow"))


@properties
@given(seeds, sizes, st.sampled_from((0.01, -3.0, 1e4)), st.sampled_from((0.0, 50.0)))
def test_units_of_a_covariate(seed: int, n: int, scale: float, shift: float) -> None:
    given_ = cohort(seed, n)
    one, other = (
        cox(**given_),
        cox(**{**given_, "covariates": shift + scale * given_["covariates"]}),
    )
    assert_array_equal(one.reason, other.reason)
    near = nearness(one)
    assert_allclose(signless(one.coefficients), signless(scale * other.coefficients), **near)
    assert_allclose(one.std_err, abs(scale) * other.std_err, **near)
    assert_allclose(one.loglik, other.loglik, **nearness(one))
    assert_allclose(
        proportional_hazards(one).overall.statistic,
        proportional_hazards(other).overall.statistic,
        rtol=1e-5,
        atol=1e-8,
    )


@properties
@given(seeds, sizes)
def test_two_values_need_no_sums(seed: int, n: int) -> None:
    # A single covariate of two values has a way of its own; a second one that is constant in all
    # risk sets takes it away and changes nothing.
    given_ = cohort(seed, n)
    group = given_["covariates"][..., :1]
    both = np.concatenate((group, given_["strata"][..., None]), axis=-1)
    one, other = (cox(**{**given_, "covariates": x}) for x in (group, both))
    assert one.sets.two is not None
    assert other.sets.two is None
    assert_allclose(one.coefficients[:, 0], other.coefficients[:, 0], rtol=1e-8, atol=1e-10)
    assert_allclose(one.std_err[:, 0], other.std_err[:, 0], rtol=1e-8)
    assert_allclose(one.loglik, other.loglik, rtol=1e-8, atol=1e-9)


@properties
@given(seeds, sizes)
def test_episodes_of_a_patient_are_the_patient(seed: int, n: int) -> None:
    given_ = cohort(seed, n)
    del given_["entry"], given_["strata"]
    time, event, x, here = (given_[name] for name in ("time", "event", "covariates", "where"))
    cut = np.floor(time * np.random.default_rng(seed).random(time.shape))
    rows = cox(
        np.concatenate((cut, time), axis=-1),
        np.concatenate((np.zeros_like(event), event), axis=-1),
        np.concatenate((x, x), axis=-2),
        entry=np.concatenate((np.zeros_like(cut), cut), axis=-1),
        where=np.concatenate((here, here), axis=-1),
    )
    assert_same(cox(**given_), rows)


@properties
@given(seeds, sizes)
def test_score_test_without_ties_is_the_log_rank_test(seed: int, n: int) -> None:
    given_ = cohort(seed, n, ties=False)
    time, event, group, here = (
        values[0]
        for values in (
            given_["time"],
            given_["event"],
            given_["covariates"][..., 0],
            given_["where"],
        )
    )
    excess = variance = 0.0
    for t in time[event & here]:
        at_risk = here & (time >= t)
        share = group[at_risk].mean()
        excess += group[time == t][0] - share
        variance += share * (1 - share)
    found = cox(time, event, group, where=here).score.statistic
    expected = excess**2 / variance if variance else np.nan
    assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@properties
@given(seeds, st.integers(20, 40))
def test_profile_limits_lie_on_the_likelihood(seed: int, n: int) -> None:
    given_ = cohort(seed, n)
    fit = cox(**given_, level=0.9)
    limits = profile_interval(fit, 0, level=0.9)
    assert (limits.lower <= fit.hazard_ratio[:, 0]).all()
    assert (limits.upper >= fit.hazard_ratio[:, 0]).all()
    wider = profile_interval(fit, 0, level=0.99)
    assert (wider.lower <= limits.lower).all()
    assert (wider.upper >= limits.upper).all()


def test_one_large_cohort() -> None:
    draw = np.random.default_rng(1)
    x = draw.normal(size=(100_000, 2))
    time = draw.exponential(np.exp(-x @ [0.5, -0.2]))
    fit = cox(time, np.ones(100_000), x)
    assert_allclose(fit.coefficients, [0.5, -0.2], atol=5 * fit.std_err.max())
    assert fit.converged
