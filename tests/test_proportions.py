"""Intervals of proportions against the equations that define them."""

import math
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import proportions
from helpers.errors import KitError
from helpers.proportions import proportion

properties = settings(deadline=None, max_examples=60)


@st.composite
def counts(draw):
    total = draw(st.integers(1, 40))
    return draw(st.integers(0, total)), total


def at_least(count, total, rate):
    """Return the probability of seeing at least `count` of `total`."""
    return sum(
        math.comb(total, k) * rate**k * (1 - rate) ** (total - k) for k in range(count, total + 1)
    )


@properties
@given(counts(), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_clopper_pearson_limits_leave_half_of_alpha_beyond(count_of, level):
    count, total = count_of
    found = proportion(count, total, level=level)
    tail = (1 - level) / 2
    assert found.estimate == count / total
    if count:
        assert at_least(count, total, found.lower) == pytest.approx(tail)
    else:
        assert found.lower == 0
    if count < total:
        assert 1 - at_least(count + 1, total, found.upper) == pytest.approx(tail)
    else:
        assert found.upper == 1


@properties
@given(counts(), st.sampled_from([0.9, 0.95]))
def test_wilson_limits_are_where_the_score_is_critical(count_of, level):
    count, total = count_of
    found = proportion(count, total, level=level, method="wilson")
    critical = NormalDist().inv_cdf((1 + level) / 2)
    for rate in (found.lower, found.upper):
        square = critical**2 * rate * (1 - rate) / total
        assert (count / total - rate) ** 2 == pytest.approx(square, abs=1e-12)
    assert found.lower <= count / total + 1e-12
    assert found.upper >= count / total - 1e-12


@pytest.mark.parametrize("options", [{}, {"method": "wilson"}])
def test_counting_the_others_mirrors_the_interval(options):
    ours, theirs = proportion(2, 7, **options), proportion(5, 7, **options)
    assert (ours.lower, ours.upper) == pytest.approx((1 - theirs.upper, 1 - theirs.lower))
    assert (ours.level, ours.count, ours.total) == (0.95, 2, 7)


def test_six_of_six():
    """The letter's response rate: x with x⁶ = 0.025."""
    found = proportion(6, 6)
    assert (found.lower, found.upper) == (pytest.approx(0.025 ** (1 / 6)), 1)


@pytest.mark.parametrize(("count", "total"), [(0, 0), (-1, 6), (7, 6), (0, -1)])
def test_what_is_no_proportion_is_refused(count, total):
    with pytest.raises(KitError, match=f"{count} of {total}"):
        proportion(count, total)


def test_groups_of_a_paper():
    names = {"any remission": "responders", "CRi": "cri"}
    table = proportions.of_groups("alal_nos", names)
    assert table.to_dict("records") == [
        {
            "what": "any remission",
            "patients": "6/6",
            "percent": "100%",
            "interval": f"{0.025 ** (1 / 6):.0%} to 100%",
        },
        {"what": "CRi", "patients": "1/6", "percent": "17%", "interval": "0% to 64%"},
    ]
    among = proportions.of_groups("alal_nos", {"CR": "cr_after_one"}, among="refractory")
    assert among["patients"].tolist() == ["3/5"]


def test_an_unknown_group_is_told():
    with pytest.raises(KitError, match="no group 'everybody'"):
        proportions.of_groups("alal_nos", {"x": "responders"}, among="everybody")
    with pytest.raises(KitError, match="no group 'nobody'"):
        proportions.of_groups("alal_nos", {"x": "nobody"})
