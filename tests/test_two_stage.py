"""Two-stage designs: Simon's tables, R, and every design looked at one by one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import two_stage
from helpers.errors import KitError
from helpers.two_stage import TwoStage

# Simon 1989, tables 1 and 2: rates, alpha, beta, then r1/n1, r/n and the expected patients of the
# optimal and of the minimax design.
SIMON = """
.05 .25 .05 .20   0/9   2/17 12.0    0/12  2/16 13.8
.05 .25 .05 .10   0/9   3/30 16.8    0/15  3/25 20.4
.10 .30 .05 .20   1/10  5/29 15.0    1/15  5/25 19.5
.10 .30 .05 .10   2/18  6/35 22.5    2/22  6/33 26.2
.20 .40 .05 .20   3/13 12/43 20.6    4/18 10/33 22.3
.20 .40 .05 .10   4/19 15/54 30.4    5/24 13/45 31.2
.30 .50 .05 .20   5/15 18/46 23.6    6/19 16/39 25.7
.30 .50 .05 .10   8/24 24/63 34.7    7/24 21/53 36.6
.40 .60 .05 .20   7/16 23/46 24.5   17/34 20/39 34.4
.40 .60 .05 .10  11/25 32/66 36.0   12/29 27/54 38.1
.50 .70 .05 .20   8/15 26/43 23.5   12/23 23/37 27.7
.50 .70 .05 .10  13/24 36/61 34.0   14/27 32/53 36.1
.60 .80 .05 .20   7/11 30/43 20.5    8/13 25/35 20.8
.60 .80 .05 .10  12/19 37/53 29.5   15/26 32/45 35.9
.70 .90 .05 .20   4/6  22/27 14.8   19/23 21/26 23.2
.70 .90 .05 .10  11/15 29/36 21.2   13/18 26/32 22.7
.05 .20 .05 .20   0/10  3/29 17.6    0/13  3/27 19.8
.05 .20 .05 .10   1/21  4/41 26.7    1/29  4/38 32.9
.10 .25 .05 .20   2/18  7/43 24.7    2/22  7/40 28.8
.10 .25 .05 .10   2/21 10/66 36.8    3/31  9/55 40.0
"""


def same(design, first, second):
    return f"{design.r1}/{design.n1}" == first and f"{design.r}/{design.n}" == second


@pytest.mark.parametrize("line", SIMON.strip().splitlines())
def test_simons_tables(line):
    cells = line.split()
    null, alternative, alpha, beta = map(float, cells[:4])
    for find, (first, second, expected) in (
        (two_stage.optimal, cells[4:7]),
        (two_stage.minimax, cells[7:]),
    ):
        design = find(null, alternative, alpha=alpha, beta=beta)
        assert same(design, first, second)
        table = two_stage.characteristics(design, [null, alternative])
        assert table["expected_patients"][0] == pytest.approx(float(expected), abs=0.0501)
        assert table["promising"][0] <= alpha
        assert table["promising"][1] >= 1 - beta


def test_the_best_of_each_size_as_in_r():
    """clinfun's vignette: twostage.admissible(ph2simon(0.25, 0.45, 0.05, 0.1))."""
    table = two_stage.search(0.25, 0.45, alpha=0.05, beta=0.1).set_index("n")
    for n, r1, n1, r, expected, early in (
        (49, 6, 26, 17, 37.14596, 0.5153932),
        (50, 7, 26, 17, 33.55630, 0.6851542),
        (57, 6, 22, 19, 32.52206, 0.6993697),
    ):
        assert table.loc[n, ["r1", "n1", "r"]].to_list() == [r1, n1, r]
        assert table.loc[n, "expected_patients"] == pytest.approx(expected, abs=1e-5)
        assert table.loc[n, "early_stop"] == pytest.approx(early, abs=1e-7)
    assert table.index.min() == 49
    assert table["expected_patients"].idxmin() == 57


def pmf(count, patients, rate):
    return math.comb(patients, count) * rate**count * (1 - rate) ** (patients - count)


def promising(r1, n1, r, n, rate):
    return math.fsum(
        pmf(first, n1, rate) * pmf(second, n - n1, rate)
        for first in range(r1 + 1, n1 + 1)
        for second in range(n - n1 + 1)
        if first + second > r
    )


@settings(deadline=None, max_examples=12)
@given(
    st.integers(10, 50).map(lambda x: x / 100),
    st.integers(35, 45).map(lambda x: x / 100),
    st.sampled_from([0.05, 0.1]),
    st.sampled_from([0.1, 0.2]),
)
def test_no_other_design_is_better(null, gain, alpha, beta):
    """Every design, beyond the size at which the search ended, with no table and no bound."""
    alternative = null + gain
    table = two_stage.search(null, alternative, alpha=alpha, beta=beta)
    largest = int(table["n"].max())
    best = {}
    for n in range(2, largest + 5):
        for n1 in range(1, n):
            for r1 in range(n1):
                stop = math.fsum(pmf(count, n1, null) for count in range(r1 + 1))
                expected = n1 + (1 - stop) * (n - n1)
                if expected > best.get(n, math.inf) - 1e-9:
                    continue
                for r in range(r1, n):
                    if promising(r1, n1, r, n, null) <= alpha:
                        if promising(r1, n1, r, n, alternative) >= 1 - beta:
                            best[n] = expected
                        break
    looked_at = [n for n in sorted(best) if n <= largest]
    assert table["n"].to_list() == looked_at
    np.testing.assert_allclose(table["expected_patients"], [best[n] for n in looked_at])
    larger = [expected for n, expected in best.items() if n > largest]
    assert min(larger, default=math.inf) >= table["expected_patients"].min() - 1e-9


def test_what_the_search_says_of_its_designs():
    table = two_stage.search(0.2, 0.4, alpha=0.05, beta=0.2)
    for row in table.itertuples():
        design = TwoStage(row.r1, row.n1, row.r, row.n)
        found = two_stage.characteristics(design, [0.2, 0.4])
        assert found["promising"][0] == pytest.approx(row.alpha)
        assert found["promising"][1] == pytest.approx(1 - row.beta)
        assert found["early_stop"][0] == pytest.approx(row.early_stop)
        assert found["expected_patients"][0] == pytest.approx(row.expected_patients)


def test_characteristics_outcome_by_outcome():
    design = TwoStage(3, 13, 12, 43)
    rates = [0.0, 0.15, 0.3, 0.6, 1.0]
    table = two_stage.characteristics(design, rates)
    for row in table.itertuples():
        assert row.promising == pytest.approx(promising(3, 13, 12, 43, row.rate))
        early = math.fsum(pmf(count, 13, row.rate) for count in range(4))
        assert row.early_stop == pytest.approx(early)
        assert row.expected_patients == pytest.approx(13 + 30 * (1 - early))
    assert table["promising"].to_list() == sorted(table["promising"])


def test_simulated_trials_agree():
    design = TwoStage(3, 13, 12, 43)
    generator = np.random.default_rng(1)
    seen = generator.random((20_000, 43)) < 0.35
    going_on = seen[:, :13].sum(axis=1) > 3
    success = going_on & (seen.sum(axis=1) > 12)
    row = two_stage.characteristics(design, [0.35]).iloc[0]
    assert row["promising"] == pytest.approx(success.mean(), abs=0.015)
    assert row["early_stop"] == pytest.approx(1 - going_on.mean(), abs=0.015)


def test_words():
    design = TwoStage(3, 13, 12, 43)
    assert str(design) == "3/13, then 12/43"
    assert [design.outcome(count, 13) for count in (3, 4)] == ["stop", "go on"]
    assert [design.outcome(count, 43) for count in (12, 13)] == ["not promising", "promising"]
    with pytest.raises(KitError, match="responses among 13 or 43 patients"):
        design.outcome(3, 20)
    with pytest.raises(KitError, match="14 responses of 13 patients"):
        design.outcome(14, 13)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"null": 0.4, "alternative": 0.2}, "0.4 against 0.2"),
        ({"null": 0.0}, "0.0 against 0.4"),
        ({"alpha": 1.5}, "alpha: given 1.5"),
        ({"beta": 0}, "beta: given 0"),
        ({"alternative": 0.22}, "needs more than 400 patients"),
    ],
)
def test_what_is_no_question_is_refused(options, message):
    call = {"null": 0.2, "alternative": 0.4, "alpha": 0.05, "beta": 0.2, **options}
    for find in (two_stage.search, two_stage.optimal, two_stage.minimax):
        with pytest.raises(KitError, match=message):
            find(**call)


@pytest.mark.parametrize(
    "numbers", [(13, 13, 20, 43), (3, 13, 2, 43), (3, 43, 12, 43), (-1, 3, 4, 9)]
)
def test_what_is_no_design_is_refused(numbers):
    with pytest.raises(KitError, match="a first stage with fewer responses than patients"):
        TwoStage(*numbers)
    with pytest.raises(KitError, match="rates outside of 0 to 1"):
        two_stage.characteristics(TwoStage(3, 13, 12, 43), [0.2, 1.2])
