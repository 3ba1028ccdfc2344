"""What docs/teaching.md says of lessons, panels and exercises is so."""

import re
from collections import Counter

import nbformat
import pytest

from helpers import paths
from helpers.classroom import command, grading

TEXT = (paths.root() / "docs" / "teaching.md").read_text(encoding="utf-8")


def rows(heading):
    """Return the table below a heading, cell by cell."""
    part = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_each_panel_of_each_lesson_has_its_question():
    shown = Counter()
    for path in paths.lessons():
        cells = nbformat.read(path, as_version=4).cells
        shown[path.stem[:2]] = sum(
            len(re.findall(r"\b(?:trial_)?panels\.\w+\(settings", cell.source))
            for cell in cells
            if cell.cell_type == "code"
        )
    asked = rows("Questions at each panel")
    assert Counter(lesson for lesson, _, _ in asked) == shown
    assert all(question.endswith("?") for _, _, question in asked)
    assert len({question for _, _, question in asked}) == len(asked)


def test_each_misconception_is_met_by_an_exercise_that_there_is():
    there = {(each.path.stem[:2], task.number) for each in grading.lessons() for task in each.tasks}
    told = rows("What people get wrong, and the exercise that meets it")
    met = {
        (lesson, int(number))
        for _, places in told
        for lesson, number in (place.split(" · ") for place in places.split(", "))
    }
    assert met <= there
    assert {lesson for lesson, _ in there} - {lesson for lesson, _ in met} == {"00"}


@pytest.mark.parametrize("name", ["make", "grade"])
def test_the_commands_have_the_options_that_are_told(name):
    import typer

    known = {
        option
        for parameter in typer.main.get_command(command.app).commands[name].params
        for option in parameter.opts
    }
    lines = re.findall(rf"helpers classroom {name} (.*)", TEXT)
    told = set(re.findall(r"--[a-z]+", " ".join(lines)))
    if name == "grade":
        told |= {option for cell, *_ in rows("Grade") for option in re.findall(r"--[a-z]+", cell)}
        assert told == {option for option in known if option.startswith("--")}
    assert told <= known
