"""Exercises: the right answer by hand, each typical mistake with its own hint, no answer at all."""

import math
import re
import shutil
import tomllib
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from statistics import mean, median

import numpy as np
import pandas as pd
import pytest

from helpers import exercises
from helpers.errors import DataError, KitError
from helpers.exercises import Recipe

DATA = Path(__file__).parents[1] / "data"
PAPER = "alal_nos"
TASKS = tomllib.loads((DATA / PAPER / "exercises.toml").read_text(encoding="utf-8"))

# The letter's tables: age, months, died, transplanted after venetoclax.
PATIENTS = [
    (66, 36, True, False),
    (16, 15, False, True),
    (23, 9, True, True),
    (29, 8, False, True),
    (52, 7, False, True),
    (22, 5, False, True),
]
MONTHS = [months for _, months, _, _ in PATIENTS]
TRANSPLANTED = [patient for patient in PATIENTS if patient[3]]


def kaplan_meier(patients, at):
    """Multiply the shares that survive each death, in fractions."""
    share = Fraction(1)
    for months in sorted({months for _, months, died, _ in patients if died and months <= at}):
        at_risk = sum(time >= months for _, time, _, _ in patients)
        deaths = sum(time == months and died for _, time, died, _ in patients)
        share *= 1 - Fraction(deaths, at_risk)
    return float(100 * share)


# By hand: the right answer, then the typical mistakes in the file's order.
BY_HAND = {
    "median_age": [
        median(age for age, _, _, _ in TRANSPLANTED),
        median(age for age, _, _, _ in PATIENTS),
        mean(age for age, _, _, _ in TRANSPLANTED),
        mean(age for age, _, _, _ in PATIENTS),
    ],
    "younger": [
        sum(age < 30 for age, _, _, _ in PATIENTS),
        sum(age >= 30 for age, _, _, _ in PATIENTS),
        len(PATIENTS),
        sum(age < 29 for age, _, _, _ in PATIENTS),
    ],
    "at_risk": [
        sum(months >= 9 for months in MONTHS),
        sum(months > 9 for months in MONTHS),
        sum(not died for _, _, died, _ in PATIENTS),
        len(PATIENTS),
    ],
    "survival": [
        kaplan_meier(TRANSPLANTED, 12),
        100 * mean(not died for _, _, died, _ in TRANSPLANTED),
        kaplan_meier(PATIENTS, 12),
        kaplan_meier(TRANSPLANTED, 8),
    ],
    # Turned around, those alive at 5, 7, 8 and 15 months are the events. The curve reaches
    # 5/6 · 4/5 · 3/4 = 1/2 at 8 and stays there until 15.
    "follow_up": [
        (8 + 15) / 2,
        median(MONTHS),
        median(months for _, months, died, _ in PATIENTS if not died),
        36,
    ],
    "label_dose": [
        10 + 20 + 50 + 11 * 100,
        100 + 13 * 200,
        14 * 100,
        50 + 100 + 12 * 200,
        10 + 20 + 50 + 11 * 70,
    ],
    "censoring": ["c", "a", "b", "d"],
}
every = pytest.mark.parametrize("name", TASKS)


def told(name, answer):
    return exercises.check(PAPER, name, answer)


def test_each_exercise_is_worked_out_here():
    assert BY_HAND.keys() == TASKS.keys()
    assert {name: len(answers) for name, answers in BY_HAND.items()} == {
        name: 1 + len(task["wrong"]) for name, task in TASKS.items()
    }


@every
def test_the_right_answer_is_right(name):
    feedback = told(name, BY_HAND[name][0])
    assert feedback.right is True
    assert feedback.text == f"✓ Right. {TASKS[name]['praise']}"
    assert told(name, str(BY_HAND[name][0])).right is True


@every
def test_a_typical_mistake_gets_its_own_hint(name):
    for answer, mistake in zip(BY_HAND[name][1:], TASKS[name]["wrong"], strict=True):
        feedback = told(name, answer)
        assert feedback.right is False
        assert feedback.text == f"✗ Not yet. {mistake['hint']}"


@every
def test_answers_can_be_told_apart(name):
    """By more than their rounding; and so can the hints."""
    hints = [mistake["hint"] for mistake in TASKS[name]["wrong"]]
    assert len(set(hints)) == len(hints)
    for one, other in combinations(BY_HAND[name], 2):
        if isinstance(one, str):
            assert one != other
        else:
            assert abs(one - other) >= 10 ** -TASKS[name]["decimals"]


@every
def test_no_hint_gives_the_solution_away(name):
    """Apart from a choice's letter, no text before the right answer holds it."""
    right = BY_HAND[name][0]
    for mistake in TASKS[name]["wrong"]:
        if isinstance(right, str):
            assert not re.search(rf"\b{right}\)", mistake["hint"])
        else:
            assert f"{right:g}" not in re.findall(r"\d+(?:\.\d+)?", mistake["hint"])


@every
@pytest.mark.parametrize("nothing", [..., None, ""], ids=repr)
def test_no_answer_is_not_a_wrong_answer(name, nothing):
    feedback = told(name, nothing)
    assert feedback.right is None
    assert "three dots" in feedback.text


def test_an_answer_may_be_rounded_or_not():
    exact = BY_HAND["median_age"][2]
    assert exact == pytest.approx(28.4)
    hint = TASKS["median_age"]["wrong"][1]["hint"]
    for answer in (exact, 28, 28.4, np.float64(28.4), "28"):
        assert hint in told("median_age", answer).text
    assert told("follow_up", 11.5).right
    # Asked for with one decimal, it isn't given by none.
    for answer in (11.6, 11.4, 12, 11):
        assert told("follow_up", answer).right is False
    assert told("at_risk", np.int64(3)).right


def test_an_answer_between_two_is_neither():
    """Two and a half patients aren't three."""
    for between in (2.5, 3.4, 3.5):
        assert told("at_risk", between).right is False


@pytest.mark.parametrize("answer", ["twenty", "23 years", 1j, [23], {}, object, b"x"], ids=repr)
def test_what_is_no_number_is_told_so(answer):
    feedback = told("median_age", answer)
    assert feedback.right is False
    assert "is not a number. Give the years alone." in feedback.text


@pytest.mark.parametrize(
    "answer",
    [
        *[np.array([23, 26]), pd.Series([23, 26]), pd.DataFrame({"AGE": [23]}), pd.NA],
        *[10**400, math.nan, math.inf, -math.inf, True],
    ],
    ids=lambda answer: type(answer).__name__ + str(answer)[:4],
)
@pytest.mark.parametrize("name", ["median_age", "censoring"])
def test_whatever_a_reader_passes_is_answered(name, answer):
    """A column passed in place of its median, say."""
    assert told(name, answer).right is False


@pytest.mark.parametrize(
    ("answer", "right"), [("C", True), (" c ", True), ("e", False), (3, False), ("cd", False)]
)
def test_a_choice_is_a_letter(answer, right):
    feedback = told("censoring", answer)
    assert feedback.right is right
    assert right or feedback.text == "✗ Not yet. Answer with one of a, b, c, d."


def test_feedback_is_readable_without_colour_and_safe():
    feedback = told("median_age", "<b>23</b>")
    assert repr(feedback) == feedback.text
    html = feedback._repr_html_()
    assert 'role="status"' in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    colours = {told("median_age", a)._repr_html_().split(" ")[5] for a in (..., 23, 26)}
    assert len(colours) == 3


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("[median_age]", "[median_ages]", ["no exercise 'median_age'", "median_ages"]),
        ('unit = "years"', 'units = "years"', ["median_age", "not permitted"]),
        ('unit = "years"', "unit = years", ["not valid TOML"]),
        ('recipe = "median"', 'recipe = "middle"', ["no recipe 'middle'", "median, mean"]),
    ],
)
def test_a_fault_in_the_file_is_told(tmp_path, monkeypatch, old, new, named):
    shutil.copytree(DATA, tmp_path / "data")
    file = tmp_path / "data" / PAPER / "exercises.toml"
    file.write_text(file.read_text("utf-8").replace(old, new, 1), "utf-8")
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    with pytest.raises(KitError) as error:
        told("median_age", 1)
    for part in named:
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_exercise_is_told_with_those_there_are():
    with pytest.raises(DataError, match=r"exercises\.toml: no exercise 'age'.*median_age"):
        told("age", 1)
    with pytest.raises(KitError, match="no recipe ''"):
        exercises.work_out(PAPER, Recipe())
