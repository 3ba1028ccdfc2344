"""Exercises on two groups: answers by hand, each typical mistake with its own hint."""

import math
import re
import tomllib
from itertools import combinations
from pathlib import Path

import pytest

from helpers import exercises

DATA = Path(__file__).parents[1] / "data"
PAPER = "hma_ldac"
TASKS = tomllib.loads((DATA / PAPER / "exercises.toml").read_text(encoding="utf-8"))

# 22 of 42 and 9 of 28 responded; printed are 52.4 % and 32.1 %.
FIRST, SECOND = 22 / 42, 9 / 28
RATIO, ODDS = FIRST / SECOND, (22 * 19) / (20 * 9)


def explains(ratio):
    return ratio + math.sqrt(ratio * (ratio - 1))


def bias(effect, share, other):
    return (1 + (effect - 1) * share) / (1 + (effect - 1) * other)


# By hand: the right answer, then the typical mistakes in the file's order.
BY_HAND = {
    "difference": [100 * (FIRST - SECOND), 52.4 - 32.1, RATIO, ODDS],
    # 23 of 42 with 7 of 28; 23 with 8; 23 with 9. See the tests of near misses.
    "yates": [3, 2, 1, 22],
    "label_dose": [
        10 + 20 + 50 + 25 * 100,
        100 + 200 + 400 + 25 * 600,
        50 + 100 + 200 + 25 * 300,
        10 + 20 + 50 + 25 * 70,
        28 * 100,
    ],
    "bias": [bias(3, 0.2, 0.4), bias(3, 0.4, 0.2), bias(2, 0.2, 0.4), bias(3, 0.2, 0)],
    "e_value": [explains(RATIO), RATIO, explains(ODDS), ODDS],
    "pinned": ["c", "a", "b", "d"],
    "immortal": ["b", "a", "c", "d"],
}
every = pytest.mark.parametrize("name", BY_HAND)


def test_each_exercise_is_worked_out_here():
    assert BY_HAND.keys() == TASKS.keys() - {"p_value"}
    for name, answers in BY_HAND.items():
        assert len(answers) == 1 + len(TASKS[name]["wrong"])


@every
def test_the_right_answer_is_right(name):
    decimals = TASKS[name].get("decimals", 0)
    right = BY_HAND[name][0]
    for answer in (right, str(right), right if isinstance(right, str) else round(right, decimals)):
        feedback = exercises.check(PAPER, name, answer)
        assert feedback.right is True
        assert feedback.text == f"✓ Right. {TASKS[name]['praise']}"


@every
def test_a_typical_mistake_gets_its_own_hint(name):
    for answer, mistake in zip(BY_HAND[name][1:], TASKS[name]["wrong"], strict=True):
        feedback = exercises.check(PAPER, name, answer)
        assert feedback.right is False
        assert feedback.text == f"✗ Not yet. {mistake['hint']}"


@every
def test_answers_can_be_told_apart(name):
    for one, other in combinations(BY_HAND[name], 2):
        if isinstance(one, str):
            assert one != other
        else:
            decimals = TASKS[name]["decimals"]
            assert round(one, decimals) != round(other, decimals)


@every
def test_no_hint_gives_the_solution_away(name):
    right = BY_HAND[name][0]
    for mistake in TASKS[name]["wrong"]:
        if isinstance(right, str):
            assert not re.search(rf"\b{right}\)", mistake["hint"])
        else:
            numbers = re.findall(r"\d+(?:\.\d+)?", mistake["hint"])
            assert f"{right:.{TASKS[name]['decimals']}f}" not in numbers
