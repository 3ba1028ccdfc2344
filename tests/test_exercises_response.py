"""Exercises on a trial's response and safety: answers by hand, each mistake with its own hint."""

import pytest
from scipy.stats import beta

from helpers import exercises

PAPER = "vah"


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        # 10 of 16, Clopper and Pearson.
        ("exact_limit", 100 * beta.ppf(0.025, 10, 7)),
        ("mrd_of_all", 100 * 40 / 96),
        ("by_chance", 23 * 0.05),
        # 10, 20 and 50 mg, then 11 days of 70 mg.
        ("short_course_dose", 10 + 20 + 50 + 11 * 70),
        ("single_arm", "c"),
        ("open_question", "b"),
    ],
)
def test_the_right_answer(exercise, answer):
    assert exercises.check(PAPER, exercise, answer).right
    if not isinstance(answer, str):
        decimals = exercises.load(PAPER, exercise).decimals
        assert exercises.check(PAPER, exercise, round(answer, decimals)).right
        assert not exercises.check(PAPER, exercise, answer + 1).right


@pytest.mark.parametrize(
    ("exercise", "answer", "told"),
    [
        ("exact_limit", 36.6, "printed limit"),
        ("exact_limit", 38.8, "Wald"),
        ("mrd_of_all", 58.8, "those in remission"),
        ("by_chance", 23, "So many tests"),
        ("by_chance", 3, "there are below"),
        ("short_course_dose", 5100, "without posaconazole"),
        ("short_course_dose", 1830, "28 days"),
        ("single_arm", "a", "rate to be ruled out"),
    ],
)
def test_a_typical_mistake_gets_its_hint(exercise, answer, told):
    found = exercises.check(PAPER, exercise, answer)
    assert found.right is False
    assert told in found.text
