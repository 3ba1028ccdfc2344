"""Tests of tables of counts: as R gives them, by enumeration, and what must not matter."""

import json
import math
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers import association
from helpers.errors import KitError

properties = settings(deadline=None, max_examples=60)
ORACLE = json.loads(
    (Path(__file__).parent / "oracles" / "association.json").read_text(encoding="utf-8")
)
ORDERED = {"trend", "cochran_armitage"}


@pytest.mark.parametrize("case", ORACLE["cases"], ids=lambda case: str(case["table"]))
def test_p_values_as_in_r(case):
    compared = 0
    for test, expected in case["p"].items():
        if expected is not None:
            found = association.p_value(case["table"], test=test)
            assert found == pytest.approx(expected, rel=1e-8), test
            compared += 1
    assert compared >= 4


def test_r_has_an_answer_for_every_test():
    answered = {test for case in ORACLE["cases"] for test, p in case["p"].items() if p is not None}
    assert answered == association.TESTS.keys()


def tables(rows=(2, 4), columns=(2, 3), most=12):
    """Return a strategy for tables in which nobody's row or column is empty."""
    return (
        st.tuples(st.integers(*rows), st.integers(*columns))
        .flatmap(
            lambda shape: st.lists(
                st.lists(st.integers(0, most), min_size=shape[1], max_size=shape[1]),
                min_size=shape[0],
                max_size=shape[0],
            )
        )
        .map(np.array)
        .filter(lambda table: table.sum(axis=0).all() and table.sum(axis=1).all())
    )


def same(one, other):
    return one == pytest.approx(other, rel=1e-9, abs=1e-12, nan_ok=True)


@properties
@given(tables(most=6), st.randoms(), st.sampled_from(sorted(association.TESTS)))
def test_the_order_of_groups_and_outcomes_does_not_matter(table, random, test):
    """To a trend only the direction doesn't matter."""
    rows, columns = list(range(table.shape[0])), list(range(table.shape[1]))
    if test in ORDERED:
        rows, columns = rows[::-1], columns[::-1]
    else:
        random.shuffle(rows)
        random.shuffle(columns)
    p = association.p_value(table, test=test)
    assert same(association.p_value(table[rows][:, columns], test=test), p)
    assert math.isnan(p) or -1e-12 <= p <= 1 + 1e-9


@pytest.mark.parametrize("test", ["fisher", "fisher_mid"])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_whether_an_exact_test_is_tried_does_not_hang_on_the_order(test, order):
    table = np.array([[0, 0, 10], [0, 7, 5], [0, 10, 4], [1, 8, 8]])
    expected = {"fisher": 0.0032529351695159557}
    p = association.p_value(table[:, order], test=test)
    assert p == pytest.approx(expected.get(test, p))
    assert 0 < p < 0.0033


@properties
@given(tables(most=6), st.sampled_from(sorted(association.TESTS)))
def test_groups_against_outcomes_is_outcomes_against_groups(table, test):
    # The unpooled variance belongs to the groups.
    assume(test != "z_unpooled")
    p = association.p_value(table, test=test)
    assert same(association.p_value(table.T, test=test), p)


@properties
@given(tables(), st.booleans(), st.booleans(), st.sampled_from(sorted(association.TESTS)))
def test_a_group_or_an_outcome_that_nobody_is_in_says_nothing(table, first, column, test):
    empty = np.zeros((table.shape[0], 1) if column else (1, table.shape[1]), dtype=int)
    parts = [empty, table] if first else [table, empty]
    padded = np.concatenate(parts, axis=1 if column else 0)
    assert same(association.p_value(padded, test=test), association.p_value(table, test=test))


@properties
@given(tables(rows=(2, 3), columns=(2, 3), most=5))
def test_exact_tests_by_enumeration_in_fractions(table):
    """Every table with the same margins, with its probability as a fraction."""
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    numerator = math.prod(math.factorial(int(n)) for n in [*rows, *columns])

    def chance(cells):
        below = math.factorial(int(table.sum())) * math.prod(math.factorial(int(c)) for c in cells)
        return Fraction(numerator, below)

    seen = chance(table.ravel())
    as_extreme, equal, every = Fraction(0), Fraction(0), Fraction(0)
    free = [range(int(min(r, c)) + 1) for r in rows[:-1] for c in columns[:-1]]
    for inner in product(*free):
        block = np.array(inner).reshape(len(rows) - 1, len(columns) - 1)
        block = np.column_stack([block, rows[:-1] - block.sum(axis=1)])
        block = np.vstack([block, columns - block.sum(axis=0)])
        if (block < 0).any():
            continue
        p = chance(block.ravel())
        every += p
        as_extreme += p if p <= seen else 0
        equal += p if p == seen else 0
    assert every == 1
    assert association.p_value(table, test="fisher") == pytest.approx(float(as_extreme))
    assert association.p_value(table, test="fisher_mid") == pytest.approx(
        float(as_extreme - equal / 2)
    )


@properties
@given(tables(rows=(2, 2), columns=(2, 2), most=40))
def test_how_the_tests_of_two_by_two_relate(table):
    p = {test: association.p_value(table, test=test) for test in association.TESTS}
    assert p["yates"] >= p["chi2"] - 1e-12
    assert p["fisher"] >= p["fisher_mid"]
    assert p["fisher"] >= p["fisher_one_sided"] - 1e-9
    assert p["chi2_one_sided"] == pytest.approx(p["chi2"] / 2)
    assert p["cochran_armitage"] == pytest.approx(p["chi2"], rel=1e-6, abs=1e-300)
    assert p["trend"] >= p["chi2"] - 1e-12


@pytest.mark.parametrize("test", sorted(association.TESTS))
@pytest.mark.parametrize("table", [[[3, 0], [4, 0]], [[3, 4], [0, 0]], [[0, 0], [0, 0]]])
def test_nothing_to_compare_has_no_p(table, test):
    assert math.isnan(association.p_value(table, test=test))


@pytest.mark.parametrize("test", ["fisher", "fisher_mid"])
def test_a_table_too_large_for_an_exact_test_has_no_p_and_does_not_hang(test):
    assert math.isnan(association.p_value(np.full((6, 6), 40), test=test))


@pytest.mark.parametrize("table", [[1, 2], [[1, 2]], [[1], [2]], [[1, -1], [2, 3]]])
def test_what_is_no_table_is_refused(table):
    with pytest.raises(KitError, match="not a table of counts"):
        association.p_value(table)


def test_an_unknown_test_is_told():
    with pytest.raises(KitError, match=r"no test 'student'.*chi2"):
        association.p_value([[1, 2], [3, 4]], test="student")


@pytest.mark.parametrize("table", [[[7, 2], [3, 8]], [[5, 1], [4, 10]], [[22, 20], [9, 19]]])
def test_unconditional_tests_by_every_table(table):
    """Over all tables with these group sizes, and all rates that both groups may share."""
    (first, second), sizes = np.array(table)[:, 0], np.array(table).sum(axis=1)
    own, other = np.meshgrid(*(np.arange(size + 1) for size in sizes), indexing="ij")
    pooled = (own + other) / sizes.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (own / sizes[0] - other / sizes[1]) / np.sqrt(pooled * (1 - pooled) * (1 / sizes).sum())
    extreme = np.abs(np.nan_to_num(z)) >= abs(z[first, second]) * (1 - 1e-9)
    one_sided = np.array(
        [
            [stats.hypergeom(sizes.sum(), a + b, sizes[0]).sf(a - 1) for b in range(sizes[1] + 1)]
            for a in range(sizes[0] + 1)
        ]
    )
    smaller = [
        one_sided <= one_sided[first, second] * (1 + 1e-9),
        one_sided[::-1, ::-1] <= one_sided[::-1, ::-1][first, second] * (1 + 1e-9),
    ]
    rates = np.linspace(0.001, 0.999, 1999)
    chances = [stats.binom.pmf(np.arange(size + 1)[:, None], size, rates) for size in sizes]
    joint = chances[0][:, None, :] * chances[1][None, :, :]
    barnard = joint[extreme].sum(axis=0).max()
    boschloo = min(1.0, 2 * min(joint[each].sum(axis=0).max() for each in smaller))
    assert association.p_value(table, test="barnard") == pytest.approx(barnard, abs=2e-4)
    assert association.p_value(table, test="boschloo") == pytest.approx(boschloo, abs=2e-4)


def test_walds_test_goes_with_woolfs_interval():
    """An empty cell has no odds ratio; half of a two-sided P looks one way."""
    ratio = stats.contingency.odds_ratio([[22, 20], [9, 19]], kind="sample")
    limits = ratio.confidence_interval(confidence_level=0.95)
    error = math.log(limits.high / limits.low) / (2 * stats.norm.ppf(0.975))
    expected = 2 * stats.norm.sf(math.log(ratio.statistic) / error)
    found = association.p_value([[22, 20], [9, 19]], test="wald")
    assert found == pytest.approx(expected, rel=1e-9)
    assert math.isnan(association.p_value([[5, 0], [3, 4]], test="wald"))
    for test in association.FURTHER:
        assert math.isnan(association.p_value([[5, 1, 2], [3, 4, 1]], test=test))
    halved = association.p_value([[22, 20], [9, 19]], test="z_unpooled_one_sided")
    assert halved == association.p_value([[22, 20], [9, 19]], test="z_unpooled") / 2
