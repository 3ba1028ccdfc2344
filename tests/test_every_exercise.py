"""What holds of every exercise of every lesson; for answers by hand see test_exercises*.py."""

import re
import tomllib
from itertools import combinations

import nbformat
import pytest

from helpers import exercises, paths
from helpers.classroom import grading, tasks

FILES = sorted((paths.root() / "data").glob("*/exercises.toml"))
EVERY = [
    (file.parent.name, name) for file in FILES for name in tomllib.loads(file.read_text("utf-8"))
]
every = pytest.mark.parametrize(("paper", "name"), EVERY, ids=[f"{a}-{b}" for a, b in EVERY])
# Of a question with three options, two are wrong.
THREE_OPTIONS = {("mini_hcvd", "level"), ("mini_hcvd", "continuous"), ("comparison", "claim")}


def typed(paper, task, recipe):
    """Return an answer as one types it: a letter, or a number rounded as asked for."""
    if recipe.choice:
        return recipe.choice
    number = exercises.work_out(paper, recipe)
    return "abcdefgh"[int(number) - 1] if task.lettered else round(number, task.decimals)


def questions():
    """Return the Markdown above each exercise, by paper and name."""
    found = {}
    for path in paths.lessons():
        notebook = nbformat.read(path, as_version=4)
        cells = {cell.id: number for number, cell in enumerate(notebook.cells)}
        for task in tasks.of(notebook):
            above = notebook.cells[cells[task.cell] - 1]
            found[task.paper, task.exercise] = above.source
    return found


def test_there_are_exercises_in_every_lesson():
    set_in = {lesson.path for lesson in grading.lessons()}
    assert set_in == set(paths.lessons())


@every
def test_the_solution_passes(paper, name):
    task = exercises.load(paper, name)
    answer = typed(paper, task, task.answer)
    told = [exercises.check(paper, name, given) for given in (answer, str(answer))]
    if not task.answer.choice and not task.lettered:
        told.append(exercises.check(paper, name, exercises.work_out(paper, task.answer)))
    for each in told:
        assert each.right is True
        assert each.text == f"✓ Right. {task.praise}".strip()


@every
def test_the_unfilled_stub_fails(paper, name):
    told = exercises.check(paper, name, ...)
    assert told.right is None
    assert "Not answered yet" in told.text


@every
def test_typical_wrong_answers_get_a_hint_of_their_own(paper, name):
    task = exercises.load(paper, name)
    assert len(task.wrong) >= (2 if (paper, name) in THREE_OPTIONS else 3)
    for mistake in task.wrong:
        told = exercises.check(paper, name, typed(paper, task, mistake))
        assert told.right is False
        assert told.text == f"✗ Not yet. {mistake.hint}"
        assert mistake.hint
    assert len({mistake.hint for mistake in task.wrong}) == len(task.wrong)


@every
def test_answers_can_be_told_apart_as_they_are_typed(paper, name):
    task = exercises.load(paper, name)
    answers = [typed(paper, task, recipe) for recipe in (task.answer, *task.wrong)]
    for one, other in combinations(answers, 2):
        assert one != other


@every
def test_another_wrong_answer_is_told_no_solution(paper, name):
    task = exercises.load(paper, name)
    right = typed(paper, task, task.answer)
    if isinstance(right, str):
        told = exercises.check(paper, name, "z")
        assert "Answer with one of" in told.text
        return
    told = exercises.check(paper, name, right + 1234.5678)
    assert told.right is False
    assert f"{right:.{task.decimals}f}" not in told.text


@every
def test_no_hint_gives_the_solution_away(paper, name):
    task = exercises.load(paper, name)
    right = typed(paper, task, task.answer)
    for mistake in task.wrong:
        if isinstance(right, str):
            assert not re.search(rf"\b{right}\)", mistake.hint)
        else:
            numbers = re.findall(r"\d+(?:\.\d+)?", mistake.hint)
            assert not {f"{right:.{task.decimals}f}", f"{right:g}"} & set(numbers)


def test_a_choice_has_an_answer_or_a_hint_for_each_option_of_its_question():
    asked = questions()
    for paper, name in EVERY:
        task = exercises.load(paper, name)
        if task.answer.choice:
            letters = {task.answer.choice, *(mistake.choice for mistake in task.wrong)}
            assert letters == set(re.findall(r"^- ([a-h])\) ", asked[paper, name], flags=re.M))
