"""Two groups: published intervals, and R's by formula."""

import math

import pytest

from helpers import proportions, two_groups
from helpers.errors import KitError

TABLE = [[22, 20], [9, 19]]


@pytest.mark.parametrize(
    ("table", "lower", "upper"),
    [
        # Newcombe 1998, table II, method 10: 56/70 − 48/80, 9/10 − 3/10 and 6/7 − 2/7.
        ([[56, 14], [48, 32]], 0.0524, 0.3339),
        ([[9, 1], [3, 7]], 0.1705, 0.8090),
        ([[6, 1], [2, 5]], 0.0582, 0.8062),
    ],
)
def test_newcombes_published_intervals(table, lower, upper):
    row = two_groups.effects(table).set_index("measure").loc["difference"]
    assert (round(row["lower"], 4), round(row["upper"], 4)) == (lower, upper)


def test_ratios_by_their_formulas():
    found = two_groups.effects(TABLE).set_index("measure")
    ratio, odds = (22 / 42) / (9 / 28), (22 * 19) / (20 * 9)
    for name, estimate, error in (
        ("risk ratio", ratio, math.sqrt(1 / 22 - 1 / 42 + 1 / 9 - 1 / 28)),
        ("odds ratio", odds, math.sqrt(1 / 22 + 1 / 20 + 1 / 9 + 1 / 19)),
    ):
        half = 1.959964 * error
        row = found.loc[name]
        expected = [estimate, estimate * math.exp(-half), estimate * math.exp(half)]
        assert row[["estimate", "lower", "upper"]].tolist() == pytest.approx(expected, rel=1e-6)
        assert row["none"] == 1
    assert found.loc["difference", "estimate"] == pytest.approx(22 / 42 - 9 / 28)
    assert found.loc["difference", "none"] == 0


def test_a_higher_level_is_wider():
    narrow, wide = (two_groups.effects(TABLE, level=level) for level in (0.9, 0.99))
    assert (wide["lower"] < narrow["lower"]).all()
    assert (wide["upper"] > narrow["upper"]).all()


def test_rates_stand_beside_their_intervals():
    found = two_groups.rates(TABLE, ["one", "other"], methods=["wilson"])
    assert found["patients"].tolist() == ["22 of 42", "9 of 28"]
    assert found["rate"].tolist() == ["52.4%", "32.1%"]
    wilson = proportions.proportion(22, 42, method="wilson")
    assert found["Wilson"].iloc[0] == f"{wilson.lower:.1%} to {wilson.upper:.1%}"


def test_what_cannot_be_compared_is_refused():
    for call in (
        lambda: two_groups.effects([[1, 2, 3], [4, 5, 6]]),
        lambda: two_groups.effects([[0, 5], [3, 2]]),
        lambda: two_groups.effects([[0, 0], [3, 2]]),
        lambda: two_groups.effects([[5, 0], [3, 2]]),
        lambda: two_groups.rates(TABLE, ["one"]),
        lambda: two_groups.rates(TABLE, ["one", "other"], methods=["guess"]),
    ):
        with pytest.raises(KitError):
            call()
