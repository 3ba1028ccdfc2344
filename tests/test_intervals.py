"""Intervals of proportions by every method: as R gives them, and what any of them must do."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.audit.inference import landmark_interval
from helpers.proportions import METHODS, proportion

properties = settings(deadline=None, max_examples=100)
ORACLE = json.loads(
    (Path(__file__).parent / "oracles" / "proportions.json").read_text(encoding="utf-8")
)
NUMERICAL = {"mid_p"}
"""Found as roots of an equation, here and in R."""
# These are the interval's own equations near 0 and 1: they need not hold the estimate there.
MAY_MISS_THE_ESTIMATE = {"jeffreys", "mid_p"}

methods = st.sampled_from(sorted(METHODS))
levels = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@st.composite
def counts(draw, most=120):
    total = draw(st.integers(1, most))
    return draw(st.integers(0, total)), total


@pytest.mark.parametrize("method", sorted(METHODS))
def test_limits_as_in_r(method):
    compared = 0
    for case in ORACLE["intervals"]:
        limits = case["limits"][method]
        # R's prop.test corrects by no more than |k - n/2|: not at all for one half.
        halved = method == "wilson_corrected" and 2 * case["count"] == case["total"]
        if None in limits or halved:
            continue
        found = proportion(
            case["count"],
            case["total"],
            level=case["level"],
            method=method,
            whole=case["whole"],
        )
        near = {"rel": 1e-6, "abs": 1e-9} if method in NUMERICAL else {"rel": 1e-8, "abs": 1e-12}
        assert (found.lower, found.upper) == pytest.approx(tuple(limits), **near), case
        compared += 1
    assert compared > 100


@pytest.mark.parametrize("scale", ["plain", "log", "log-log", "logit", "arcsine"])
def test_survival_without_censoring_as_in_r(scale):
    cases = [case for case in ORACLE["landmarks"] if case["scale"] == scale]
    assert len(cases) > 20
    for case in cases:
        found = landmark_interval(
            case["surviving"], case["total"], scale=scale, level=case["level"]
        )
        expected = tuple(math.nan if x is None else x for x in case["limits"])
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-12), case


@properties
@given(counts(), levels, methods)
def test_limits_stand_around_the_estimate_between_0_and_1(count_of, level, method):
    count, total = count_of
    found = proportion(count, total, level=level, method=method)
    if math.isnan(found.lower) or math.isnan(found.upper):
        assert count in (0, total) or total == 1
        return
    assert 0 <= found.lower <= found.upper <= 1
    assert found.lower - 1e-9 <= found.estimate or method in MAY_MISS_THE_ESTIMATE
    assert found.estimate <= found.upper + 1e-9 or method in MAY_MISS_THE_ESTIMATE


@properties
@given(counts(), levels, methods)
def test_counting_the_others_mirrors_every_interval(count_of, level, method):
    count, total = count_of
    ours = proportion(count, total, level=level, method=method)
    theirs = proportion(total - count, total, level=level, method=method)
    assert (ours.lower, ours.upper) == pytest.approx(
        (1 - theirs.upper, 1 - theirs.lower), abs=1e-9, nan_ok=True
    )


@properties
@given(counts(), methods)
def test_more_confidence_is_a_wider_interval(count_of, method):
    count, total = count_of
    narrow, wide = (proportion(count, total, level=level, method=method) for level in (0.8, 0.95))
    if math.isnan(narrow.lower) or math.isnan(wide.lower):
        return
    assert wide.lower <= narrow.lower + 1e-9
    assert narrow.upper <= wide.upper + 1e-9


@pytest.mark.parametrize("total", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_clopper_pearson_covers_as_often_as_it_says(total, level):
    """Over a grid of true proportions, with every outcome counted."""
    limits = [proportion(k, total, level=level) for k in range(total + 1)]
    for step in range(1, 200):
        true = step / 200
        covered = sum(
            math.comb(total, k) * true**k * (1 - true) ** (total - k)
            for k, found in enumerate(limits)
            if found.lower <= true <= found.upper
        )
        assert covered >= level - 1e-12


@properties
@given(st.integers(2, 100), st.integers(2, 100))
def test_only_some_methods_ask_for_the_whole_sample(total, more):
    for method, described in METHODS.items():
        alone = proportion(total // 2, total, method=method)
        within = proportion(total // 2, total, method=method, whole=total + more)
        assert described.needs_whole == ((alone.lower, alone.upper) != (within.lower, within.upper))


@pytest.mark.parametrize("total", [2, 5, 40])
def test_with_everyone_in_the_group_the_whole_makes_no_difference(total):
    for count in range(1, total):
        group, whole = (
            proportion(count, total, method=method) for method in ("logit_t", "logit_t_whole")
        )
        assert (group.lower, group.upper) == (whole.lower, whole.upper)


@pytest.mark.parametrize("surviving", [0, 12])
@pytest.mark.parametrize("scale", ["plain", "log", "log-log", "arcsine"])
def test_a_curve_at_its_ends_has_no_interval(surviving, scale):
    assert all(math.isnan(each) for each in landmark_interval(surviving, 12, scale=scale))
