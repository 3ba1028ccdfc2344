"""Exercises on a small early trial: answers by hand, each typical mistake with its own hint."""

import tomllib
from pathlib import Path

import pytest
from scipy.stats import beta, binom

from helpers import exercises

PAPER = "mini_hcvd"
FILE = Path(__file__).parents[1] / "data" / PAPER / "exercises.toml"
TASKS = tomllib.loads(FILE.read_text(encoding="utf-8"))


def goes_on(rate):
    """Return the chance of none of three, or of one of three and then none of three."""
    none, one = (binom.pmf(count, 3, rate) for count in (0, 1))
    return 100 * (none + one * none)


def stops(patients):
    """Return the most responses with which a uniform prior leaves less than 5 %."""
    return max(k for k in range(patients) if beta.sf(0.5, 1 + k, 1 + patients - k) < 0.05)


# By hand: the right answer, and the typical mistakes where their numbers are simple.
BY_HAND = {
    "all_treated": [100 * 12 / 22, 100 * 12 / 21, 100 * 9 / 22, 57],
    "transplanted": [100 * beta.ppf(0.025, 4, 9)],
    "with_posaconazole": [10 + 20 + 50 + 11 * 70, 100 + 200 + 12 * 400],
    # Five of eleven with marrow disease; twelve responded.
    "mrd_of_all": [100 * 5 / 12, 45, 100 * 5 / 21, 100 * 5 / 22],
    # 0.8 to the power of 14 is 0.044, to the power of 13 0.055.
    "none_of_many": [14, 11, 8, 9],
    "goes_on": [goes_on(0.3), goes_on(0.2), 100 * 0.7**3, 100 * 0.7**6],
    "no_dlt": [100 * (1 - 0.025 ** (1 / 9))],
    # BOIN goes down at 0.298 or more: 2 of 6, 1 of 3, 3 of 9.
    "down": [2, 1, 3],
    "stop": [stops(15), stops(20), stops(10)],
    # Simon 1989, table 2: 0.3 against 0.5 with errors of 0.1: 22/46 in all, minimax 39.
    "two_stage": [46, 39],
}


@pytest.mark.parametrize("name", BY_HAND)
def test_answers_are_those_by_hand(name):
    task = exercises.load(PAPER, name)
    recipes = [task.answer, *task.wrong]
    for number, recipe in zip(BY_HAND[name], recipes, strict=False):
        assert exercises.work_out(PAPER, recipe) == pytest.approx(number, abs=1e-6), recipe
    assert exercises.check(PAPER, name, round(BY_HAND[name][0], task.decimals)).right


@pytest.mark.parametrize("name", TASKS)
def test_every_mistake_gets_its_hint(name):
    task = exercises.load(PAPER, name)
    for mistake in task.wrong:
        given = mistake.choice or round(exercises.work_out(PAPER, mistake), task.decimals)
        told = exercises.check(PAPER, name, given)
        assert told.right is False
        assert told.text == f"✗ Not yet. {mistake.hint}"


@pytest.mark.parametrize(("name", "right"), [("level", "b"), ("continuous", "c")])
def test_choices(name, right):
    assert exercises.check(PAPER, name, right).right
