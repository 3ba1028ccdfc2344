"""Exercises on documents side by side: answers by hand, each typical mistake with its own hint."""

import tomllib
from itertools import combinations
from pathlib import Path

import pytest

from helpers import exercises

PAPER = "comparison"
FILE = Path(__file__).parents[1] / "data" / PAPER / "exercises.toml"
TASKS = tomllib.loads(FILE.read_text(encoding="utf-8"))

# By hand, or by R's metafor from the same counts, to the decimals asked for: right, then mistakes.
BY_HAND = {
    "patients": [6 + 96 + 70 + 22, 193, 188],
    "one_study": [100 * 117 / 194, 100 * (1 + 68 / 96 + 31 / 70 + 12 / 22) / 4],
    "dose_ratio": [44300 / 6900, 10700 / 2700, 2.0, 7710 / 1020],
    "prediction": [79.4, 54.6, 92.0],
    "heterogeneity": [79.2, 74.3, 11.9, 82.9],
    "strict": [42.9, 60.2, 43.2, 100 * 54 / 124],
    "clock": [75.0, 66.7],
}
numbers = [name for name in TASKS if TASKS[name]["answer"].get("recipe") == "side_by_side"]


@pytest.mark.parametrize("name", numbers)
def test_answers_are_those_by_hand(name):
    task = exercises.load(PAPER, name)
    for number, recipe in zip(BY_HAND[name], [task.answer, *task.wrong], strict=False):
        assert exercises.work_out(PAPER, recipe) == pytest.approx(number, abs=0.06), recipe
    right = round(exercises.work_out(PAPER, task.answer), task.decimals)
    assert exercises.check(PAPER, name, right).right


@pytest.mark.parametrize("name", numbers)
def test_every_mistake_gets_its_hint(name):
    task = exercises.load(PAPER, name)
    values = [exercises.work_out(PAPER, each) for each in (task.answer, *task.wrong)]
    for mistake, value in zip(task.wrong, values[1:], strict=True):
        told = exercises.check(PAPER, name, round(value, task.decimals))
        assert told.right is False
        assert told.text == f"✗ Not yet. {mistake.hint}" or values.count(value) > 1
    for one, other in combinations({round(each, task.decimals) for each in values}, 2):
        assert abs(one - other) >= 10**-task.decimals * 0.99


def test_the_choice():
    assert exercises.check(PAPER, "meaning", "c").right
    for letter in "abd":
        assert exercises.check(PAPER, "meaning", letter).right is False


@pytest.mark.parametrize("answer", [1, "d", "maybe", "", ...])
def test_a_letter_is_asked_for_where_one_is_meant(answer):
    """Without working out the cohorts."""
    told = exercises.check(PAPER, "claim", answer)
    if answer in ("", ...):
        assert told.right is None
    else:
        assert told.text == "✗ Not yet. Answer with one of a, b, c."


def test_the_claim_is_one_of_three():
    told = {letter: exercises.check(PAPER, "claim", letter, seed=1) for letter in "abc"}
    assert sorted(each.right for each in told.values()) == [False, False, True]
    assert len({each.text for each in told.values()}) == 3
