"""Competing risks against R's cmprsk and survival packages, and by their properties."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from helpers.errors import KitError
from helpers.survival.comparison import logrank
from helpers.survival.competing import (
    cumulative_incidence,
    incidence_at,
    incidence_counts,
    incidence_limits,
    time_to_incidence,
)
from helpers.survival.cox import cox
from helpers.survival.curves import curves
from helpers.survival.fine_gray import fine_gray
from helpers.survival.gray import gray_test

# --- against R -----------------------------------------------------------------------------------

ORACLE: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "oracles" / "competing.json").read_text(encoding="utf-8")
)


def each(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", ORACLE[kind], ids=lambda case: case["name"])


def floats(values: Any) -> np.ndarray:
    return np.array(values, dtype=float)


def assert_as_r(ours: Any, theirs: Any, rtol: float = 1e-8, atol: float = 0.0) -> None:
    """Equal to R's value, with nan where R has NA."""
    assert_allclose(floats(ours), floats(theirs), rtol=rtol, atol=atol)


@each("incidence")
def test_incidence_against_cuminc(case: dict[str, Any]) -> None:
    # timepoints(cuminc(time, code), at)
    found = cumulative_incidence(case["time"], case["code"])
    assert list(found.causes) == case["causes"]
    inside = floats(case["at"]) <= max(case["time"])
    read = incidence_at(found, case["at"], extend=True).value
    assert_as_r(read[:, inside], floats(case["aalen"]["value"])[:, inside])
    # cuminc knows nothing after the end; nor do we, unless everyone has had an event.
    after = incidence_at(found, case["at"]).value[:, ~inside]
    assert np.isnan(after).all() or 0 not in case["code"] or not (found.survival[-1] > 0)

    steps = np.searchsorted(found.time, floats(case["at"])[inside], side="right")
    padded = np.concatenate((np.zeros((len(found.causes), 1)), found.variance), axis=-1)
    assert_as_r(padded[:, steps], floats(case["aalen"]["variance"])[:, inside])


@each("incidence")
def test_incidence_against_survfit(case: dict[str, Any]) -> None:
    # summary(survfit(Surv(time, factor(code)) ~ 1), times = at)
    found = cumulative_incidence(case["time"], case["code"], variance="greenwood")
    at = [t for t in case["at"] if t <= max(case["time"])]
    theirs = case["greenwood"]
    steps = np.searchsorted(found.time, at, side="right")
    padded = np.concatenate((np.zeros((len(found.causes), 1)), found.variance), axis=-1)
    assert_as_r(np.sqrt(padded[:, steps]), theirs["std_err"], atol=1e-14)
    for limits in theirs["limits"]:
        kind: Any = "arcsine" if limits["conf_type"] == "arcsin" else limits["conf_type"]
        read = incidence_at(found, at, conf_type=kind, extend=True)
        assert_as_r(read.value, theirs["value"])
        # R's arcsine limits of a certain event are 0 and 1 or nan, by rounding error.
        usable = (read.value < 1) | (kind != "arcsine")
        for ours, name in ((read.lower, "lower"), (read.upper, "upper")):
            assert_as_r(ours[usable], floats(limits[name])[usable], atol=1e-14)
        assert np.isnan(read.lower[~usable]).all()


@each("incidence")
def test_counts_against_r(case: dict[str, Any]) -> None:
    counted = incidence_counts(cumulative_incidence(case["time"], case["code"]), case["at"])
    assert_array_equal(counted.at_risk, case["at_risk"])
    assert_array_equal(counted.events, case["events"])
    assert_array_equal(counted.censored, case["censored"])


@each("gray")
def test_gray_against_cuminc(case: dict[str, Any]) -> None:
    # cuminc(time, code, group, strata, rho)$Tests
    strata = case["strata"] if case["stratified"] else None
    for index, cause in enumerate(case["causes"]):
        found = gray_test(
            case["time"], case["code"], case["group"], cause=cause, rho=case["rho"], strata=strata
        )
        assert_as_r(found.statistic, case["statistic"][index])
        assert_as_r(found.p, case["p"][index], atol=1e-14)  # R's is 1 - pchisq(...)
        assert found.df == case["df"][index]
        assert found.reason == ""
        assert_allclose(found.score.sum(), 0, atol=1e-9 * len(case["time"]))


@each("gray")
def test_gray_of_all_causes_against_cuminc(case: dict[str, Any]) -> None:
    strata = case["strata"] if case["stratified"] else None
    found = gray_test(
        case["time"],
        case["code"],
        case["group"],
        cause=case["causes"],
        rho=case["rho"],
        strata=strata,
    )
    assert_as_r(found.statistic, case["statistic"])
    assert_as_r(found.p, case["p"], atol=1e-14)
    assert_array_equal(found.df, case["df"])
    assert (found.reason == "").all()


@each("regression")
def test_fine_gray_against_crr(case: dict[str, Any]) -> None:
    # crr(time, code, covariates, cengroup, failcode, gtol = 1e-14)
    groups = len(set(case["cengroup"])) > 1
    found = fine_gray(
        case["time"],
        case["code"],
        case["covariates"],
        cause=case["cause"],
        censoring=case["cengroup"] if groups else None,
    )
    assert found.converged
    assert (found.reason == "").all()
    assert_as_r(found.coefficients, case["coef"], rtol=1e-6)
    assert_as_r(found.loglik, case["loglik"])
    assert_as_r(found.loglik_null, case["loglik_null"])
    assert_as_r(found.score.statistic, case["score_test"], rtol=1e-6)
    assert_as_r(found.likelihood_ratio.statistic, case["ratio_test"], rtol=1e-6)
    if not groups:
        assert_as_r(found.covariance, case["var"], rtol=1e-6)
        assert_as_r(found.lower, case["lower"], rtol=1e-6)
        assert_as_r(found.upper, case["upper"], rtol=1e-6)
        assert_as_r(found.p, case["p"], rtol=1e-6)
        coef, var = floats(case["coef"]), floats(case["var"])
        assert_as_r(found.wald.statistic, coef @ np.linalg.solve(var, coef), rtol=1e-6)
        assert found.wald.df == len(coef)


# --- by hand and by definition -------------------------------------------------------------------


def test_incidence_by_hand() -> None:
    # At 1, one of five relapses: 1/5. At 2, one of four dies and one relapses: 4/5 x 1/4 each.
    # One is censored at 3. At 4 the last one relapses: 2/5 are left.
    found = cumulative_incidence([2, 1, 3, 2, 4], [1, 1, 0, 2, 1])
    assert found.causes == (1, 2)
    assert (found.n, found.events.tolist()) == (5, [3, 1])
    assert_allclose(found.time, [1, 2, 4])
    assert_allclose(found.incidence, [[0.2, 0.4, 0.8], [0, 0.2, 0.2]])
    assert_allclose(found.survival, [0.8, 0.4, 0], atol=1e-15)
    read = incidence_at(found, [0.9, 1, 1.9, 2, 3.5, 4, 9])
    assert_allclose(read.value[0], [0, 0.2, 0.2, 0.4, 0.4, 0.8, 0.8])
    quarter, half = (time_to_incidence(found, p) for p in (0.25, 0.5))
    assert_array_equal(quarter.value, [2, np.nan])
    assert_array_equal(half.value, [4, np.nan])
    assert half.reason.tolist() == ["", "not reached"]


def test_limits_of_a_time() -> None:
    found = cumulative_incidence(np.arange(1, 41), [1, 2] * 20)
    low, high = incidence_limits(found)
    read = time_to_incidence(found, 0.25)
    # The upper limit of the band is the first to reach a quarter.
    assert read.lower[0] == found.time[np.flatnonzero(high[0] >= 0.25)[0]] < read.value[0]
    assert read.upper[0] == found.time[np.flatnonzero(low[0] >= 0.25)[0]] > read.value[0]


def test_causes_left_out_still_compete() -> None:
    time, code = [1, 2, 3, 4], [1, 3, 1, 2]
    some = cumulative_incidence(time, code, causes=[3, 1, 7])
    every = cumulative_incidence(time, code)
    assert every.causes == (1, 2, 3)
    assert some.causes == (3, 1, 7)
    assert_array_equal(some.incidence[0], every.incidence[2])
    assert_array_equal(some.variance[1], every.variance[0])
    assert not some.incidence[2].any()
    assert not some.variance[2].any()
    assert_array_equal(some.survival, every.survival)


@pytest.mark.parametrize("cause", [1, 2])
def test_without_censoring_it_is_a_proportion(cause: int) -> None:
    # To the last digits even where nearly everyone has had an event.
    n = 200_000
    code = np.random.default_rng(5).choice([1, 1, 1, 2], size=n)
    found = cumulative_incidence(np.arange(n), code, causes=[cause], variance="greenwood")
    share = np.cumsum(code == cause) / n
    assert_allclose(found.incidence[0], share, rtol=1e-10)
    assert_allclose(found.variance[0], share * (1 - share) / n, rtol=1e-8, atol=0)
    aalen = cumulative_incidence(np.arange(n), code, causes=[cause]).variance[0]
    late = share > 0.01
    assert_allclose(aalen[late], found.variance[0][late], rtol=1e-3)


def covariance_by_definition(
    time: np.ndarray, code: np.ndarray, x: np.ndarray, group: np.ndarray, beta: np.ndarray
) -> np.ndarray:
    """Return the covariance of Fine and Gray's section 3, one patient and one time by the other."""
    n = len(time)

    def free(i: int, t: float) -> float:
        inside = group == group[i]
        if t > time[inside].max():
            return 0.0
        share = 1.0
        for u in np.unique(time[inside & (code == 0) & (time < t)]):
            at_risk = (inside & (time >= u)).sum()
            share *= 1 - (inside & (code == 0) & (time == u)).sum() / at_risk
        return share

    def weight(i: int, t: float) -> float:
        if time[i] >= t:
            return float(np.exp(x[i] @ beta))
        return float(np.exp(x[i] @ beta)) * free(i, t) / free(i, time[i]) if code[i] == 2 else 0.0

    events = np.flatnonzero(code == 1)
    weights = {j: np.array([weight(i, time[j]) for i in range(n)]) for j in events}
    total = {j: weights[j].sum() for j in events}
    mean = {j: weights[j] @ x / total[j] for j in events}
    information = sum((weights[j] * (x - mean[j]).T) @ (x - mean[j]) / total[j] for j in events)
    parts = np.zeros_like(x)
    for i in range(n):
        if code[i] == 1:
            parts[i] += x[i] - mean[i]
        for j in events:
            parts[i] -= (x[i] - mean[j]) * weights[j][i] / total[j]
    for i in np.flatnonzero(code == 0):
        alike = group == group[i]
        gone = np.flatnonzero(alike & (code == 2) & (time < time[i]))
        q = np.zeros(x.shape[1])
        for j in events[time[events] >= time[i]]:
            for k in gone:
                q += (x[k] - mean[j]) * weights[j][k] / total[j]
        at_risk = (alike & (time >= time[i])).sum()
        parts[i] += q / at_risk
        parts[alike & (time >= time[i])] -= q / at_risk**2
    inverse = np.linalg.inv(information)
    return np.asarray(inverse @ parts.T @ parts @ inverse)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_fine_gray_covariance_by_definition(groups: int) -> None:
    rng = np.random.default_rng(groups)
    time, code = rng.integers(0, 15, 40).astype(float), rng.choice([0, 1, 1, 2, 2], 40)
    x, group = rng.normal(size=(40, 2)), rng.integers(0, groups, 40)
    found = fine_gray(time, code, x, censoring=group)
    assert_allclose(
        found.covariance,
        covariance_by_definition(time, code, x, group, found.coefficients),
        rtol=1e-9,
    )


def test_fine_gray_without_a_maximum() -> None:
    # The treated never relapse.
    time, code = np.arange(1, 9), [1, 2, 1, 0, 1, 2, 0, 2]
    treated = [0, 1, 0, 1, 0, 1, 0, 1]
    found = fine_gray(time, code, treated)
    assert found.coefficients == -np.inf
    assert found.hazard_ratio == 0
    assert np.isnan([found.std_err[0], found.p[0], found.wald.statistic]).all()
    assert found.reason.tolist() == ["the likelihood grows without end"]
    assert not found.converged
    # The limit of the likelihood leaves the treated out: 1 of 4, 1 of 3 and 1 of 2 relapse.
    assert_allclose(found.loglik, -np.log(4 * 3 * 2), rtol=1e-6)
    assert found.likelihood_ratio.p < 1
    assert fine_gray(time, code, np.array(treated) * -3.0).coefficients == np.inf
    # The other covariate keeps an estimate.
    both = fine_gray(time, code, np.stack([treated, [0.3, 1, 2, 5, 3, 0, 2, 2]], axis=-1))
    assert both.coefficients[0] == -np.inf
    assert np.isfinite(both.coefficients[1])


def test_fine_gray_with_nothing_to_estimate() -> None:
    present = [[False] * 4, [True] * 4, [True] * 4, [True] * 4]
    code = [[1, 2, 0, 1], [2, 2, 0, 2], [1, 2, 0, 1], [1, 2, 1, 1]]
    x = [[0.0, 1, 0, 1], [0, 1, 0, 1], [3, 3, 3, 3], [0, 1, 1, 0]]
    found = fine_gray([1, 2, 3, 4], code, x, where=present)
    assert found.reason[:, 0].tolist() == [
        "no patients",
        "no event of the cause",
        "a covariate is constant, or follows from others",
        "",
    ]
    assert np.isnan(found.coefficients[:3]).all()
    assert np.isnan(found.score.statistic[:3]).all()
    assert np.isfinite(found.coefficients[3])
    assert_array_equal(found.events, [0, 0, 2, 3])
    twice = np.stack([x[3], 1 - 2 * np.array(x[3])], axis=-1)
    assert fine_gray([1, 2, 3, 4], code[3], twice).reason[0] == found.reason[2, 0]


def test_gray_with_nothing_to_test() -> None:
    present = np.array([[0, 0, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]])
    code = [[1, 2, 0, 1], [0, 0, 0, 0], [2, 0, 2, 2], [1, 2, 0, 1], [0, 0, 1, 1]]
    group = [[0, 1, 0, 1], [0, 1, 0, 1], [0, 1, 0, 1], [1, 1, 1, 1], [0, 0, 1, 1]]
    found = gray_test([1, 2, 3, 4], code, group, where=present)
    assert found.reason.tolist() == [
        "no patients",
        "no event of the cause",
        "no event of the cause",
        "no event could have been in another group",
        "no event could have been in another group",
    ]
    assert np.isnan([found.statistic, found.p]).all()
    assert not found.df.any()


@pytest.mark.parametrize("rho", [0.0, 0.5, -1.0])
def test_a_pooled_incidence_of_one(rho: float) -> None:
    # After 2 only the second group is at risk. It adds a whole to the half that is there, and at 4
    # the pooled incidence is 1 beforehand.
    found = gray_test([1, 2, 3, 4], [1, 1, 1, 1], [0, 0, 1, 1], rho=rho)
    # At 1, two of four are in the first group; at 2, one of three; a quarter has been spent.
    score = (1 - 2 / 4) + (1 - 1 / 3) * 0.75**rho
    assert_allclose(found.score, [score, -score])
    assert 0 < found.p < 1


def test_no_cohort_is_an_answer_too() -> None:
    none = np.empty((2, 0, 4))
    found = cumulative_incidence(none, none, causes=[1, 2])
    assert found.incidence.shape == (2, 0, 2, 0)
    test = gray_test(none, none, none, cause=[1, 2, 3])
    assert test.statistic.shape == (2, 0, 3)


def test_cohorts_of_few_and_of_many_events() -> None:
    # The shorter curve stays at its last height; the one without events at its first.
    code = np.array([[1, 2, 1, 2, 1], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]])
    found = cumulative_incidence([1, 2, 3, 4, 5], code, causes=[1, 2])
    assert_array_equal(found.time, [[1, 2, 3, 4, 5], [2] + 4 * [np.inf], 5 * [np.inf]])
    assert_allclose(found.survival, [[0.8, 0.6, 0.4, 0.2, 0], 5 * [0.75], 5 * [1]], atol=1e-15)
    assert_allclose(found.incidence[0], [[0.2, 0.2, 0.4, 0.4, 0.6], [0, 0.2, 0.2, 0.4, 0.4]])
    assert_allclose(found.incidence[1:], [[5 * [0.25], 5 * [0]], [5 * [0], 5 * [0]]])
    one = cumulative_incidence([1, 2, 3, 4, 5], code[1], causes=[1, 2])
    assert_array_equal(found.variance[1], np.repeat(one.variance, 5, axis=-1))


def test_ties_may_leave_no_variance() -> None:
    # R's cuminc() gives a chi-squared of -10.66667 and P = 1.
    found = gray_test([0.25, 0, 0.25, 0.25], [1, 1, 1, 1], [0, 2, 0, 2])
    assert_allclose(found.score[0] ** 2 / found.variance[0, 0], -10.66667, rtol=1e-6)
    assert np.isnan([found.statistic, found.p]).all()
    assert found.df == 0
    assert found.reason == "too many ties: a variance below 0"


def test_a_group_without_anyone_takes_no_part() -> None:
    case = next(case for case in ORACLE["gray"] if case["name"] == "veteran by cell type")
    time, code, group = (np.array(case[name]) for name in ("time", "code", "group"))
    three = gray_test(time, code, group, where=group != 2)
    extra = np.append(group, 9)
    # Group 9 is one patient, censored before the first event.
    four = gray_test(np.append(time, 0.0), np.append(code, 0), extra, where=extra != 2)
    assert (three.df, four.df) == (2, 2)
    assert_allclose(four.statistic, three.statistic, rtol=1e-9)
    assert not four.variance[-1].any()


def test_no_patient_is_an_answer() -> None:
    for found in (
        cumulative_incidence([], []),
        cumulative_incidence([1.0, 2.0], [1, 2], where=[False, False]),
        cumulative_incidence([1.0, 2.0], [0, 0], causes=[1, 2]),
    ):
        read = incidence_at(found, [0, 1.5])
        assert read.value.shape == (len(found.causes), 2)
        assert incidence_counts(found, [0, 1.5]).events.shape == (len(found.causes), 2)
        assert time_to_incidence(found).value.shape == (len(found.causes),)
    assert not read.value.any()  # all censored: nobody has had an event by then
    assert_array_equal(read.reason, [["", ""]] * 2)
    nobody = incidence_at(cumulative_incidence([], [], causes=[1]), [1.0])
    assert nobody.reason.tolist() == [["no patients"]]
    assert np.isnan(nobody.value).all()
    assert time_to_incidence(cumulative_incidence([], [], causes=[1])).reason == ["no patients"]
    assert gray_test([], [], []).reason == "no patients"
    assert fine_gray([], [], []).reason.tolist() == ["no patients"]


def test_a_million_patients() -> None:
    rng = np.random.default_rng(1)
    time, code = rng.exponential(size=10**6), rng.integers(0, 3, 10**6)
    found = cumulative_incidence(time, code, causes=[1])
    # Three equal hazards of 1/3: by 1, half of 1 - exp(-2/3) have had cause 1.
    truth = (1 - np.exp(-2 / 3)) / 2
    read = incidence_at(found, 1, level=1 - 1e-6)
    assert read.lower < truth < read.upper
    assert read.upper - read.lower < 0.01


# --- what cannot be used -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", [[2, 0, 1], np.array([2.0, 0, 1]), pd.Series([2, 0, 1], index=[4, 7, 1], dtype="Int64")]
)
def test_codes_in_any_plain_form(code: Any) -> None:
    found = cumulative_incidence([2, 1, 3], code)
    assert_array_equal(found.events, [1, 1])
    # Censored at 1, cause 2 at 2, cause 1 at 3.
    assert_array_equal(found.incidence, [[0, 0.5], [0.5, 0.5]])


@pytest.mark.parametrize(
    "code",
    [[1, -1], [1, 0.5], [1, np.nan], [np.inf, 1], ["1", "0"], pd.Series([1, None], dtype="Int64")],
)
def test_unusable_codes_are_named(code: Any) -> None:
    for call in (
        lambda: cumulative_incidence([1, 2], code),
        lambda: gray_test([1, 2], code, [0, 1]),
        lambda: fine_gray([1, 2], code, [0, 1]),
    ):
        with pytest.raises(KitError, match=r"^code: given .* or a cause: 1, 2, \.\.\."):
            call()


def test_unusable_options_are_named() -> None:
    found = cumulative_incidence([1, 2], [1, 0])
    for call, where in (
        (lambda: cumulative_incidence([1, 2], [1, 0], variance="delta"), "variance"),  # type: ignore[arg-type]
        (lambda: cumulative_incidence([1, 2], [1, 0], causes=[0]), "causes"),
        (lambda: cumulative_incidence([1, -2], [1, 0]), "time"),
        (lambda: cumulative_incidence([1, 2], [1, 0, 2]), "time, event, code"),
        (lambda: gray_test([1, 2], [1, 0], [0, 1], cause=0), "cause"),
        (lambda: gray_test([1, 2], [1, 0], [0, 1], cause=[]), "cause"),
        (lambda: gray_test([1, 2], [1, 0], [0, 1], cause=[1, 2.5]), "cause"),  # type: ignore[list-item]
        (lambda: gray_test([1, 2], [1, 0], [0, 1], rho=np.nan), "rho"),
        (lambda: gray_test([1, 2], [1, 0], [0, np.nan]), "group"),
        (lambda: incidence_at(found, [-1]), "at"),
        (lambda: incidence_at(found, [1], conf_type="logit"), "conf_type"),  # type: ignore[arg-type]
        (lambda: incidence_limits(found, level=95), "level"),
        (lambda: time_to_incidence(found, 1.0), "p"),
        (lambda: fine_gray([1, 2], [1, 0], [0, np.inf]), "covariates"),
        (lambda: fine_gray([1, 2], [1, 0], 3), "covariates"),
        (lambda: fine_gray([1, 2], [1, 0], [0, 1], level=0), "level"),
    ):
        with pytest.raises(KitError) as error:
            call()
        assert error.value.where == where


# --- properties ----------------------------------------------------------------------------------

properties = settings(deadline=None, max_examples=60)
kinds: Any = st.sampled_from(("aalen", "greenwood"))


@st.composite
def batches(draw: st.DrawFn, causes: int = 2, smallest: int = 0) -> tuple[np.ndarray, ...]:
    """Return times with many ties, codes, groups, and who counts, of three cohorts."""
    size = draw(st.integers(max(smallest, 1), 25))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    time = rng.integers(0, draw(st.integers(1, 30)), size=(3, size)) / 4
    code = rng.integers(draw(st.integers(0, 1)), causes + 1, size=(3, size))
    group = rng.integers(0, draw(st.integers(1, 4)), size=(3, size))
    where = rng.random(size=(3, size)) < draw(st.sampled_from((0.3, 0.8, 1.0)))
    return time, code, group, where


@properties
@given(batches(), kinds)
def test_batch_is_a_loop(batch: tuple[np.ndarray, ...], kind: Any) -> None:
    time, code, group, where = batch
    found = cumulative_incidence(time, code, where=where, causes=(1, 2), variance=kind)
    at = [0, 1.3, 4, 9]
    read, counted = incidence_at(found, at), incidence_counts(found, at)
    reached = time_to_incidence(found, 0.3)
    tests = gray_test(time, code, group, where=where)
    for i in range(3):
        some = where[i]
        one = cumulative_incidence(time[i, some], code[i, some], causes=(1, 2), variance=kind)
        single = incidence_at(one, at)
        for name in ("value", "lower", "upper"):
            assert_allclose(getattr(read, name)[i], getattr(single, name), rtol=1e-12, atol=1e-15)
            assert_array_equal(
                getattr(reached, name)[i], getattr(time_to_incidence(one, 0.3), name)
            )
        assert_array_equal(read.reason[i], single.reason)
        assert_array_equal(counted.events[i], incidence_counts(one, at).events)
        assert_array_equal(counted.at_risk[i], incidence_counts(one, at).at_risk)
        assert_array_equal(counted.censored[i], incidence_counts(one, at).censored)
        test = gray_test(time[i, some], code[i, some], group[i, some])
        assert tests.df[i] == test.df
        assert tests.reason[i] == test.reason
        assert_allclose(tests.statistic[i], test.statistic, rtol=1e-9, atol=1e-12)


@properties
@given(batches(causes=3), st.sampled_from((0.0, 1.0)), st.booleans())
def test_several_causes_are_tested_as_each_alone(
    batch: tuple[np.ndarray, ...], rho: float, stratified: bool
) -> None:
    time, code, group, where = batch
    options: Any = {"where": where, "rho": rho, "strata": time > 2 if stratified else None}
    tests = gray_test(time, code, group, cause=(3, 1), **options)
    for index, cause in enumerate((3, 1)):
        alone = gray_test(time, code, group, cause=cause, **options)
        for name in ("score", "variance", "statistic", "p"):
            assert_allclose(
                getattr(tests, name)[:, index], getattr(alone, name), rtol=1e-9, atol=1e-12
            )
        for name in ("df", "reason"):
            assert_array_equal(getattr(tests, name)[:, index], getattr(alone, name))


@properties
@given(batches(), st.integers(0, 99), kinds)
def test_order_and_rounding_of_times_do_not_matter(
    batch: tuple[np.ndarray, ...], seed: int, kind: Any
) -> None:
    time, code, group, where = batch
    rng = np.random.default_rng(seed)
    order = rng.permutation(time.shape[-1])
    nearly = time + rng.uniform(0, 1e-12, size=time.shape)
    at = [0, 1.3, 4, 9]
    reference = incidence_at(cumulative_incidence(time, code, where=where, variance=kind), at)
    test = gray_test(time, code, group, where=where)
    for moved in (
        (time[:, order], code[:, order], group[:, order], where[:, order]),
        (nearly, code, group, where),
    ):
        read = incidence_at(cumulative_incidence(*moved[:2], where=moved[3], variance=kind), at)
        assert_allclose(read.value, reference.value, rtol=1e-12)
        assert_allclose(read.upper, reference.upper, rtol=1e-10)
        again = gray_test(*moved[:3], where=moved[3])
        assert_allclose(again.statistic, test.statistic, rtol=1e-9, atol=1e-12)


@properties
@given(batches(causes=3), kinds)
def test_incidences_and_survival_add_up(batch: tuple[np.ndarray, ...], kind: Any) -> None:
    time, code, _, where = batch
    found = cumulative_incidence(time, code, where=where, variance=kind)
    total = found.incidence.sum(axis=-2) + found.survival
    assert_allclose(total, 1, rtol=1e-12)
    overall = curves(time, code > 0, where=where)
    for i in range(3):
        steps = np.isfinite(found.time[i])
        place = overall.ordered.position(found.time[i, steps])[i] - 1
        assert_allclose(found.survival[i, steps], overall.survival[i, place], rtol=1e-12, atol=0)
    assert (np.diff(found.incidence, axis=-1) >= 0).all()
    lower, upper = incidence_limits(found)
    drawn = ~np.isnan(lower)
    assert (lower[drawn] <= found.incidence[drawn]).all()
    assert (found.incidence[drawn] <= upper[drawn]).all()


@properties
@given(batches(causes=1))
def test_one_cause_is_one_minus_kaplan_meier(batch: tuple[np.ndarray, ...]) -> None:
    time, code, group, where = batch
    found = cumulative_incidence(time, code, where=where, causes=1, variance="greenwood")
    overall = curves(time, code, where=where)
    for i in range(3):
        steps = np.isfinite(found.time[i])
        place = overall.ordered.position(found.time[i, steps])[i] - 1
        survival, greenwood = overall.survival[i, place], overall.variance[i, place]
        assert_allclose(found.incidence[i, 0, steps], 1 - survival, rtol=1e-12)
        left = survival > 0
        assert_allclose(
            found.variance[i, 0, steps][left], survival[left] ** 2 * greenwood[left], rtol=1e-9
        )
        assert not found.variance[i, 0, steps][~left].any()
    # Gray's score is then that of the log-rank test.
    test, reference = (
        gray_test(time, code, group, where=where),
        logrank(time, code, group, where=where),
    )
    assert_allclose(test.score, reference.observed - reference.expected, atol=1e-10)


@properties
@given(batches(), st.sampled_from((0.0, 1.0)))
def test_names_of_groups_and_strata_do_not_matter(
    batch: tuple[np.ndarray, ...], rho: float
) -> None:
    time, code, group, where = batch
    test = gray_test(time, code, group, where=where, rho=rho)
    named = np.array(["d", "b", "c", "a"])[group]
    for other in (
        gray_test(time, code, named, where=where, rho=rho),
        gray_test(time, code, group, where=where, rho=rho, strata=np.full(group.shape, "x")),
    ):
        assert_allclose(other.statistic, test.statistic, rtol=1e-8, atol=1e-11)
        assert_array_equal(other.df, test.df)
    # The same patients in both groups: nothing to see.
    twins = gray_test(
        np.concatenate((time, time), axis=-1),
        np.concatenate((code, code), axis=-1),
        np.repeat([0, 1], time.shape[-1]),
        where=np.concatenate((where, where), axis=-1),
        rho=rho,
    )
    assert_allclose(twins.statistic[twins.df > 0], 0, atol=1e-20)


@properties
@given(batches(smallest=12))
def test_fine_gray_batch_is_a_loop(batch: tuple[np.ndarray, ...]) -> None:
    time, code, group, where = batch
    x = np.stack([group, np.random.default_rng(0).normal(size=group.shape)], axis=-1)
    found = fine_gray(time, code, x, where=where, censoring=group % 2)
    order = np.random.default_rng(1).permutation(time.shape[-1])
    nearly = time + np.random.default_rng(2).uniform(0, 1e-12, size=time.shape)
    shuffled = fine_gray(
        nearly[:, order],
        code[:, order],
        x[:, order],
        where=where[:, order],
        censoring=(group % 2)[:, order],
    )
    for i in range(3):
        some = where[i]
        one = fine_gray(time[i, some], code[i, some], x[i, some], censoring=group[i, some] % 2)
        assert_array_equal(found.reason[i], one.reason)
        assert_array_equal(found.events[i], one.events)
        for other in (one, shuffled):
            row: Any = () if other is one else i
            assert_array_equal(np.isinf(found.coefficients[i]), np.isinf(other.coefficients[row]))
            if found.converged[i]:
                assert_allclose(
                    found.coefficients[i], other.coefficients[row], rtol=1e-6, atol=1e-7
                )
                assert_allclose(found.std_err[i], other.std_err[row], rtol=1e-5)
                assert_allclose(found.loglik[i], other.loglik[row], rtol=1e-9)


def test_fine_gray_of_one_cause_is_cox() -> None:
    case = next(case for case in ORACLE["regression"] if case["name"] == "help of crr")
    time, event = case["time"], floats(case["code"]) == 1
    found = fine_gray(time, event.astype(int), case["covariates"])
    reference = cox(time, event, case["covariates"], ties="breslow")
    assert_allclose(found.coefficients, reference.coefficients, rtol=1e-8)
    assert_allclose(found.loglik, reference.loglik, rtol=1e-10)
    assert_allclose(found.score.statistic, reference.score.statistic, rtol=1e-8)


def test_unit_of_a_covariate_scales_its_coefficient() -> None:
    case = next(case for case in ORACLE["regression"] if case["name"] == "help of crr")
    x, unit = floats(case["covariates"]), np.array([1e-6, 1.0, 1e6])
    one = fine_gray(case["time"], case["code"], x)
    other = fine_gray(case["time"], case["code"], x * unit + 7 * unit)
    assert_allclose(other.coefficients * unit, one.coefficients, rtol=1e-6)
    assert_allclose(other.std_err * unit, one.std_err, rtol=1e-6)
    assert_allclose(other.wald.statistic, one.wald.statistic, rtol=1e-6)
