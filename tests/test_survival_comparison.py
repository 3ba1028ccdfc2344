"""Tests that compare curves, against R, published examples, lifelines, and by their properties."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from helpers.errors import KitError
from helpers.survival.comparison import (
    Comparison,
    landmark_test,
    logrank,
    pairwise,
    peto_hazard_ratio,
)

WEIGHTS = ("logrank", "gehan", "tarone-ware", "peto", "modified-peto", "fleming-harrington")
SCALES = ("plain", "log", "log-log", "arcsine", "logit")

ORACLE = json.loads(
    (Path(__file__).parent / "oracles" / "comparison.json").read_text(encoding="utf-8")
)
CASES: dict[str, dict[str, Any]] = {case["name"]: case for case in ORACLE["cases"]}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@pytest.fixture(autouse=True)
def no_warnings():
    """Valid input gives no warning, however little can be said about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def patients(case: dict[str, Any]) -> tuple[Any, Any, Any]:
    return case["time"], case["event"], case["group"]


def assert_as_r(ours: Any, theirs: Any, atol: float = 0) -> None:
    """Equal to R's value to 1e-8, with nan where R has NA."""
    theirs = np.asarray(theirs, dtype=float)
    assert_allclose(np.asarray(ours, dtype=float), theirs, rtol=1e-8, atol=atol)


def assert_same(one: Comparison, other: Comparison, atol: float = 1e-9) -> None:
    for name in ("observed", "expected", "variance", "statistic", "df", "p"):
        assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=atol)
    assert_array_equal(one.reason, other.reason)


# --- against R -----------------------------------------------------------------------------------


@each_case
def test_tests_against_r(case: dict[str, Any]) -> None:
    # survdiff(Surv(time, event) ~ group + strata(strata), rho), and from the definition
    for theirs in case["tests"]:
        options = {
            "weights": theirs["weights"],
            "exponents": theirs["exponents"],
            "strata": case["strata"],
        }
        ours = logrank(*patients(case), **options)
        size = np.abs(theirs["variance"]).max()
        assert_as_r(ours.observed, theirs["observed"])
        assert_as_r(ours.expected, theirs["expected"])
        assert_as_r(ours.variance, theirs["variance"], atol=1e-12 * size)
        assert_as_r(ours.statistic, theirs["statistic"], atol=1e-12)
        assert_as_r(ours.p, theirs["p"])
        assert ours.df == max(theirs["df"], 0)
        trend = logrank(*patients(case), **options, trend=theirs["scores"])
        assert_as_r(trend.statistic, theirs["trend"], atol=1e-12)
        assert_as_r(trend.p, theirs["trend_p"])


@pytest.mark.parametrize("case", [c for c in CASES.values() if c["pairs"]], ids=lambda c: c["name"])
def test_pairs_against_r(case: dict[str, Any]) -> None:
    # survdiff on the patients of two groups; p.adjust
    theirs = case["pairs"]
    for adjustment in ("holm", "bonferroni", "none"):
        ours = pairwise(*patients(case), strata=case["strata"], adjustment=adjustment)  # type: ignore[arg-type]
        assert_array_equal(ours.groups, theirs["groups"])
        assert_as_r(ours.p, theirs["p"])
        assert_as_r(ours.adjusted, theirs["p" if adjustment == "none" else adjustment])


@pytest.mark.parametrize("case", [c for c in CASES.values() if c["peto"]], ids=lambda c: c["name"])
def test_peto_hazard_ratio_against_r(case: dict[str, Any]) -> None:
    # from the parts of survdiff
    ours = peto_hazard_ratio(logrank(*patients(case), strata=case["strata"]), level=0.9)
    theirs = case["peto"]
    assert_as_r(
        [ours.value, ours.lower, ours.upper],
        [theirs["value"], theirs["lower_90"], theirs["upper_90"]],
    )


@each_case
def test_landmarks_against_r(case: dict[str, Any]) -> None:
    # summary(survfit(Surv(time, event) ~ group), times), and a contrast of its estimates
    at = [landmark["at"] for landmark in case["landmarks"]]
    for scale in SCALES:
        ours = landmark_test(*patients(case), at, scale=scale)  # type: ignore[arg-type]
        for column, theirs in enumerate(case["landmarks"]):
            assert_as_r(ours.statistic[column], theirs["statistic"][scale])
            assert_as_r(ours.p[column], theirs["p"][scale])
            if not ours.reason[column]:
                assert_as_r(ours.survival[:, column], theirs["survival"])


@pytest.mark.parametrize("theirs", ORACLE["cox"], ids=lambda score: score["name"])
def test_is_the_score_test_of_cox_without_ties(theirs: dict[str, Any]) -> None:
    # coxph(Surv(time, event) ~ group)$score
    name, *trend = theirs["name"].split(", trend")
    ours = logrank(*patients(CASES[name]), trend=[1, 4, 9, 16] if trend else None)
    assert_as_r(ours.statistic, theirs["statistic"])


# --- against what was published ------------------------------------------------------------------


def test_the_leukaemia_example() -> None:
    # Cox DR, Oakes D. Analysis of Survival Data, 1984, and most textbooks: 16.79 on 1 df. Observed
    # and expected events are those that R's and Stata's manuals print.
    found = logrank(*patients(CASES["remission"]))
    assert_array_equal(found.observed, [9, 21])
    assert_array_equal(found.expected.round(2), [19.25, 10.75])
    assert round(float(found.statistic), 2) == 16.79


def test_the_catheter_example() -> None:
    # Klein and Moeschberger, Table 7.3: Z = 3.96 with variance 6.21, and -9 with 38862.
    found = logrank(*patients(CASES["catheter"]))
    assert round(float(found.observed[0] - found.expected[0]), 2) == 3.96
    assert round(float(found.variance[0, 0]), 2) == 6.21
    assert round(float(found.statistic), 2) == 2.53
    found = logrank(*patients(CASES["catheter"]), weights="gehan")
    assert round(float(found.observed[0] - found.expected[0]), 6) == -9
    assert round(float(found.variance[0, 0])) == 38862
    assert round(float(found.statistic), 3) == 0.002


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("logrank", None),
        ("gehan", "wilcoxon"),
        ("tarone-ware", "tarone-ware"),
        ("peto", "peto"),
        ("fleming-harrington", "fleming-harrington"),
    ],
)
@pytest.mark.parametrize("name", ["veteran, cell type", "remission", "lung, sex"])
def test_same_numbers_as_lifelines(name: str, ours: Any, theirs: str | None) -> None:
    from lifelines.statistics import multivariate_logrank_test

    time, event, group = patients(CASES[name])
    expected = multivariate_logrank_test(time, group, event, weightings=theirs, p=0.5, q=1.5)
    found = logrank(time, event, group, weights=ours, exponents=(0.5, 1.5))
    assert_allclose(found.statistic, expected.test_statistic, rtol=1e-8)
    assert_allclose(found.p, expected.p_value, rtol=1e-8)


# --- by hand -------------------------------------------------------------------------------------


def test_log_rank_by_hand() -> None:
    # At 1: of 4 at risk, 2 in each group, one of the first dies. At 2: of 3, 1 and 2, one of
    # the second. At 3: 1 and 1, one of the first.
    found = logrank([1, 3, 2, 4], [1, 1, 1, 0], ["a", "a", "b", "b"])
    assert found.method == "log-rank test"
    assert found.groups.tolist() == ["a", "b"]
    assert_array_equal(found.observed, [2, 1])
    assert_allclose(found.expected, [1 / 2 + 1 / 3 + 1 / 2, 1 / 2 + 2 / 3 + 1 / 2])
    variance = 1 / 4 + 2 / 9 + 1 / 4
    assert_allclose(found.variance, [[variance, -variance], [-variance, variance]])
    assert_allclose(found.statistic, (2 / 3) ** 2 / variance)


def test_tied_deaths_by_hand() -> None:
    # Two of four die together: of the first group, 0, 1 or 2, with chances 1/6, 4/6, 1/6.
    found = logrank([1, 1, 2, 2], [1, 1, 0, 0], [0, 0, 1, 1])
    assert_allclose(found.variance[0, 0], 1 / 3)
    assert_allclose(found.statistic, 3)


def test_landmark_by_hand() -> None:
    # Without censoring: 3 of 4 and 1 of 4 survive; the variance of each is 3/64.
    found = landmark_test([9, 9, 9, 1, 9, 1, 1, 1], [1] * 8, list("aaaabbbb"), 5, scale="plain")
    assert_allclose(found.survival, [[0.75], [0.25]])
    assert_allclose(found.statistic, [0.5**2 / (6 / 64)])
    assert found.method == "comparison of survival at fixed times, plain scale"


def test_names() -> None:
    time, event, group = [1, 2, 3, 4], [1, 1, 1, 0], [0, 1, 1, 0]
    assert logrank(time, event, group, weights="gehan", strata=[0, 0, 1, 1]).method == (
        "stratified Gehan-Breslow-Wilcoxon test"
    )
    assert (
        logrank(
            time, event, group, weights="fleming-harrington", exponents=(0, 0.5), trend=[0, 1]
        ).method
        == "Fleming-Harrington (0, 0.5) test for trend"
    )
    assert pairwise(time, event, group).method == "log-rank test, Holm"
    assert pairwise(time, event, group, adjustment="none").method == "log-rank test, not adjusted"


# --- where nothing can be tested -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "event", "group", "reason"),
    [
        ([], [], [], "no patients"),
        ([1, 2, 3], [0, 0, 0], [0, 1, 1], "no events"),
        ([1], [1], [0], "no event could have been in another group"),
        ([1, 2, 3], [1, 1, 0], [0, 0, 0], "no event could have been in another group"),
        ([1, 2, 3], [0, 1, 1], [0, 1, 1], "no event could have been in another group"),
        ([2, 2, 2], [1, 1, 1], [0, 1, 1], "no event could have been in another group"),
        ([2, 2, 2], [1, 1, 1], [0, 1, 2], "no event could have been in another group"),
    ],
)
def test_nothing_to_test(time: Any, event: Any, group: Any, reason: str) -> None:
    for weights in WEIGHTS:
        found = logrank(time, event, group, weights=weights)  # type: ignore[arg-type]
        assert np.isnan(found.statistic)
        assert np.isnan(found.p)
        assert found.df == 0
        assert found.reason == reason
        assert len(found.groups) == len(set(group))
    pairs = pairwise(time, event, group)
    assert np.isnan(pairs.p).all()
    assert np.isnan(pairs.adjusted).all()
    if len(set(group)) == 2:
        ratio = peto_hazard_ratio(logrank(time, event, group))
        assert np.isnan([ratio.value, ratio.lower, ratio.upper]).all()
        assert ratio.reason == reason


def test_an_empty_group_takes_a_degree_of_freedom() -> None:
    time, event = [1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 0, 1]
    group = [[0, 1, 2, 0, 1, 2], [0, 1, 0, 1, 0, 1], [2, 2, 2, 2, 2, 2]]
    found = logrank(time, event, group)
    assert_array_equal(found.df, [2, 1, 0])
    two = logrank(time, event, group[1])
    assert_allclose(found.statistic[1], two.statistic)
    assert_array_equal(found.expected[1, 2], 0)
    assert found.reason.tolist() == ["", "", "no event could have been in another group"]
    pairs = pairwise(time, event, group)
    assert_array_equal(np.isnan(pairs.p), [[False] * 3, [False, True, True], [True] * 3])
    assert_allclose(pairs.adjusted[1, 0], two.p)  # one pair to test, nothing to adjust for


def test_strata_that_connect_no_groups_are_tested_side_by_side() -> None:
    time, event = [1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 1, 0, 1, 1, 0, 1]
    group, strata = [0, 1, 0, 1, 2, 3, 2, 3], [0, 0, 0, 0, 1, 1, 1, 1]
    found = logrank(time, event, group, strata=strata)
    parts = [logrank(time[s], event[s], group[s]) for s in (slice(0, 4), slice(4, 8))]
    assert found.df == 2
    assert_allclose(found.statistic, sum(part.statistic for part in parts))


def test_scores_count_by_their_differences() -> None:
    time, event, group = patients(CASES["veteran, cell type"])
    plain = logrank(time, event, group, trend=[0, 1, 4, 9])
    far = logrank(time, event, group, trend=[1e12, 1e12 + 1, 1e12 + 4, 1e12 + 9])
    assert_allclose(far.statistic, plain.statistic, rtol=1e-9)


def test_landmarks_without_a_test() -> None:
    time, event = [1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 1, 0, 1, 0, 1, 0]
    found = landmark_test(time, event, [0, 1, 0, 0, 1, 0, 1, 1], [0, 1.5, 3.5, 7, 9])
    assert found.reason.tolist() == [
        "survival of 0 or 1 in a group",
        "survival of 0 or 1 in a group",
        "",
        "after the last observed time of a group",
        "after the last observed time of a group",
    ]
    assert_array_equal(found.df, [0, 0, 1, 0, 0])
    assert_array_equal(np.isnan(found.p), found.reason != "")
    assert landmark_test([], [], [], 3).reason.tolist() == ["no patients"]
    assert landmark_test([1, 2], [1, 0], [4, 4], 1).reason.tolist() == ["one group only"]
    # An empty group takes no part.
    three = landmark_test(
        time, event, [[0, 1, 0, 0, 1, 0, 1, 1], [0, 1, 0, 0, 1, 0, 2, 2]], 3.5, scale="log"
    )
    two = landmark_test(time, event, [0, 1, 0, 0, 1, 0, 1, 1], 3.5, scale="log")
    assert_allclose(three.statistic[0], two.statistic)
    assert_array_equal(three.df[0], 1)
    assert np.isnan(three.survival[0, 2]).all()


# --- what cannot be used -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1, -2], [1, 0], [0, 1]), {}, "time: given -2.0; right would be"),
        (([1, 2], [1, 3], [0, 1]), {}, "event: given 3; right would be"),
        (([1, 2], [1, 0], [0, np.nan]), {}, "group: a code is missing; right would be"),
        (([1, 2], [1, 0], ["a", None]), {}, "group: a code is missing; right would be"),
        (([1, 2], [1, 0], pd.array([1, None])), {}, "group: a code is missing; right would be"),
        (([1, 2], [1, 0], [0, 1]), {"strata": [0, np.nan]}, "strata: a code is missing"),
        (([1, 2], [1, 0], [0, 1, 1]), {}, "time, event, group: shapes (2,), (2,), (3,); right"),
        (([1, 2], [1, 0], [0]), {}, "time, event, group: shapes (2,), (2,), (1,); right"),
        (([1, 2], [1, 0], [0, 1]), {"weights": "wilcoxon"}, "weights: given 'wilcoxon'; right"),
        (([1, 2], [1, 0], [0, 1]), {"exponents": (1, -1)}, "exponents: given (1, -1); right"),
        (([1, 2], [1, 0], [0, 1]), {"trend": [1, 2, 3]}, "trend: given [1, 2, 3]; right would be"),
        (([1, 2], [1, 0], [0, 1]), {"trend": [1, np.inf]}, "trend: given [1, inf]; right would"),
    ],
)
def test_what_cannot_be_used_is_named(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(KitError) as error:
        logrank(*arguments, **options)
    assert str(error.value).startswith(message)


def test_unknown_options_are_named() -> None:
    arguments: Any = ([1, 2, 3, 4], [1, 1, 1, 0], [0, 1, 1, 0])
    with pytest.raises(KitError, match=r"^adjustment: given 'BH'"):
        pairwise(*arguments, adjustment="BH")  # type: ignore[arg-type]
    with pytest.raises(KitError, match=r"^scale: given 'cloglog'"):
        landmark_test(*arguments, 2, scale="cloglog")  # type: ignore[arg-type]
    with pytest.raises(KitError, match=r"^at: given -2"):
        landmark_test(*arguments, -2)
    with pytest.raises(KitError, match=r"^level: given 95"):
        peto_hazard_ratio(logrank(*arguments), level=95)
    for found in (logrank(*arguments, weights="gehan"), logrank([1, 2, 3], [1, 1, 0], [0, 1, 2])):
        with pytest.raises(KitError, match=r"^found: a .* right would be: a log-rank test of two"):
            peto_hazard_ratio(found)


def test_who_does_not_count_needs_no_code() -> None:
    one = logrank([1, 2, 3, np.nan], [1, 1, 1, 0], [0, 1, 1, np.nan], where=[1, 1, 1, 0])
    assert_same(one, logrank([1, 2, 3], [1, 1, 1], [0, 1, 1]))
    assert one.groups.tolist() == [0, 1]


# --- properties ----------------------------------------------------------------------------------

properties = settings(deadline=None, max_examples=60)
weightings = st.sampled_from(WEIGHTS)


@st.composite
def cohorts(draw: st.DrawFn, most: int = 24, groups: int = 3) -> tuple[Any, ...]:
    """Times with ties, events, groups and strata."""
    n = draw(st.integers(1, most))
    column = lambda values: np.array(draw(st.lists(values, min_size=n, max_size=n)))  # noqa: E731
    return (
        column(st.integers(0, 12)).astype(float),
        column(st.booleans()),
        column(st.integers(0, groups - 1)),
        column(st.integers(0, 2)),
    )


@properties
@given(st.integers(0, 2**32 - 1), weightings, st.booleans(), st.booleans())
def test_batch_is_a_loop(seed: int, weights: Any, stratified: bool, along: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = (2, 3, 14)
    time, event = rng.integers(0, 9, shape) / 3, rng.random(shape) < 0.6
    group, strata = rng.integers(0, 3, shape), rng.integers(0, 2, shape)
    group[0, 0, :3] = [0, 1, 2]
    where = rng.random(shape) < rng.random((2, 3, 1))
    where[0, 0, :3] = True  # so that each group is somewhere
    batch = logrank(
        time,
        event,
        group,
        where=where,
        weights=weights,
        strata=strata if stratified else None,
        trend=(0, 1, 3) if along else None,
    )
    many = landmark_test(time, event, group, [0.5, 1, 2], where=where, scale="logit")
    for member in np.ndindex(2, 3):
        own = where[member]
        keep = sorted(set(group[member][own].tolist()))
        single = logrank(
            time[member][own],
            event[member][own],
            group[member][own],
            weights=weights,
            strata=strata[member][own] if stratified else None,
            trend=[(0, 1, 3)[code] for code in keep] if along else None,
        )
        assert_allclose(batch.observed[member][keep], single.observed, atol=1e-12)
        assert_allclose(batch.expected[member][keep], single.expected, atol=1e-12)
        assert_allclose(batch.statistic[member], single.statistic, rtol=1e-9, atol=1e-12)
        assert_allclose(batch.p[member], single.p, rtol=1e-9)
        assert batch.df[member] == single.df
        assert batch.reason[member] == single.reason
        one = landmark_test(
            time[member][own], event[member][own], group[member][own], [0.5, 1, 2], scale="logit"
        )
        assert_allclose(many.statistic[member], one.statistic, rtol=1e-9, atol=1e-12)
        assert_array_equal(many.reason[member], one.reason)
        assert_array_equal(many.df[member], one.df)


@properties
@given(st.data(), cohorts(), weightings)
def test_order_of_patients_does_not_matter(
    data: st.DataObject, cohort: tuple[Any, ...], weights: Any
) -> None:
    time, event, group, strata = cohort
    order = np.array(data.draw(st.permutations(range(len(time)))))
    for layers in (None, strata):
        one = logrank(time, event, group, weights=weights, strata=layers)
        other = logrank(
            time[order],
            event[order],
            group[order],
            weights=weights,
            strata=None if layers is None else layers[order],
        )
        assert_same(one, other)


@properties
@given(cohorts(), weightings, st.integers(0, 2**32 - 1))
def test_rounding_errors_do_not_split_ties(
    cohort: tuple[Any, ...], weights: Any, seed: int
) -> None:
    time, event, group, strata = cohort
    noisy = time + np.random.default_rng(seed).uniform(0, 1e-9, len(time))
    for layers in (None, strata):
        one = logrank(time, event, group, weights=weights, strata=layers)
        assert_same(one, logrank(noisy, event, group, weights=weights, strata=layers))
    assert_allclose(
        landmark_test(time, event, group, [3, 6]).statistic,
        landmark_test(noisy, event, group, [3, 6]).statistic,
        rtol=1e-9,
        atol=1e-9,
    )


@properties
@given(cohorts(groups=2), weightings)
def test_swapped_groups(cohort: tuple[Any, ...], weights: Any) -> None:
    time, event, group, _ = cohort
    one, other = (logrank(time, event, g, weights=weights) for g in (group, 1 - group))
    assert_allclose(one.statistic, other.statistic, rtol=1e-9, atol=1e-12)
    assert_allclose(one.observed[::-1], other.observed, atol=1e-12)
    if weights == "logrank" and len(one.groups) == 2:
        ratio, inverse = peto_hazard_ratio(one), peto_hazard_ratio(other)
        assert_allclose(ratio.value * inverse.value, 1 if one.df else np.nan)
        assert_allclose(ratio.lower * inverse.upper, 1 if one.df else np.nan)


@properties
@given(cohorts(), weightings, st.integers(2, 4))
def test_identical_groups_do_not_differ(cohort: tuple[Any, ...], weights: Any, copies: int) -> None:
    time, event, *_ = cohort
    group = np.repeat(np.arange(copies), len(time))
    found = logrank(np.tile(time, copies), np.tile(event, copies), group, weights=weights)
    if found.df:
        assert found.df == copies - 1
        assert_allclose(found.statistic, 0, atol=1e-12)
        assert_allclose(found.p, 1)
    at_median = landmark_test(np.tile(time, copies), np.tile(event, copies), group, np.median(time))
    if at_median.df[0]:
        assert_allclose(at_median.statistic, 0, atol=1e-12)


@properties
@given(cohorts(), weightings)
def test_one_stratum_is_none(cohort: tuple[Any, ...], weights: Any) -> None:
    time, event, group, _ = cohort
    one = logrank(time, event, group, weights=weights)
    other = logrank(time, event, group, weights=weights, strata=np.zeros(len(time)))
    assert_same(one, other)
    assert other.method == f"stratified {one.method}"


@properties
@given(cohorts(groups=2), weightings, st.floats(-5, 5), st.floats(0.1, 5))
def test_trend_of_two_groups_is_their_difference(
    cohort: tuple[Any, ...], weights: Any, low: float, gap: float
) -> None:
    time, event, group, _ = cohort
    plain = logrank(time, event, group, weights=weights)
    if len(plain.groups) == 2:
        along = logrank(time, event, group, weights=weights, trend=[low, low + gap])
        assert_allclose(along.statistic, plain.statistic, rtol=1e-9, atol=1e-12)


@properties
@given(cohorts(), weightings)
def test_two_groups_of_three_by_both_ways(cohort: tuple[Any, ...], weights: Any) -> None:
    """The test of any number of groups, with a third one that never takes part, is that of two."""
    time, event, group, _ = cohort
    group = group % 2
    two = logrank(time + 1, event, group, weights=weights)
    three = logrank([0, *(time + 1)], [False, *event], [2, *group], weights=weights)
    if len(two.groups) == 2:
        assert_allclose(three.statistic, two.statistic, rtol=1e-8, atol=1e-12)
        assert_array_equal(three.df, two.df)


@properties
@given(cohorts())
def test_observed_and_expected_have_one_sum(cohort: tuple[Any, ...]) -> None:
    time, event, group, strata = cohort
    for layers in (None, strata):
        found = logrank(time, event, group, strata=layers)
        assert_allclose(found.observed.sum(), event.sum())
        assert_allclose(found.expected.sum(), event.sum())
        assert_allclose(found.variance.sum(axis=0), 0, atol=1e-12)


def test_codes_may_be_of_any_kind() -> None:
    time, event = [1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 0, 1]
    expected = logrank(time, event, [0, 0, 1, 0, 1, 1])
    for codes in (
        list("aababb"),
        np.array(list("aababb"), dtype=object),
        [False, False, True, False, True, True],
    ):
        assert_same(logrank(time, event, codes), expected)


def test_a_large_cohort() -> None:
    rng = np.random.default_rng(1)
    n = 10**6
    group = rng.integers(0, 2, n)
    time = rng.exponential(np.where(group == 1, 1.0, 2.0))
    found = logrank(time, np.ones(n, dtype=bool), group)
    # Peto's estimate tends to the exponential of this, hazards being 1/2 and 1 per year.
    t = np.linspace(0, 60, 60_001)
    alive = np.exp(-t / 2), np.exp(-t)
    share = alive[1] / (alive[0] + alive[1])
    dying = alive[0] / 2 + alive[1]
    limit = np.trapezoid(alive[1] - share * dying, t)
    limit /= np.trapezoid(share * (1 - share) * dying, t)
    assert_allclose(peto_hazard_ratio(found).value, np.exp(limit), rtol=0.01)
    assert found.p == 0
