"""The two notebooks that are made of each lesson, and the folder that they are in."""

import nbformat
import pytest
from nbclient import NotebookClient
from typer.testing import CliRunner

from helpers import paths
from helpers.__main__ import app
from helpers.classroom import tasks, versions
from helpers.report import lessons

every_lesson = pytest.mark.parametrize("file", paths.lessons(), ids=lambda file: file.stem)


def make(*arguments):
    return CliRunner().invoke(app, ["classroom", "make", *map(str, arguments)])


@every_lesson
def test_students_get_the_lesson_with_empty_answers_and_no_solution(file):
    lesson = lessons.load(file)
    before = nbformat.writes(lesson)
    made = versions.student(lesson)
    assert nbformat.writes(lesson) == before
    nbformat.validate(made)
    text = nbformat.writes(made)
    assert not [mark for mark in ("SOLUTION", "HIDDEN", "_told") if mark in text]
    asked = {task.cell: task for task in tasks.of(lesson)}
    # All else, and so launch line, guard and download, is as it was.
    kept = [cell for cell in lesson.cells if cell.id not in asked]
    ours = {*asked, *(f"{id}-check" for id in asked)}
    assert [cell for cell in made.cells if cell.id not in ours] == kept
    cells = {cell.id: cell for cell in made.cells}
    for id, task in asked.items():
        answer, check = cells[id], cells[f"{id}-check"]
        assert answer.source.strip() == task.stub
        assert check.source == task.check
        assert not answer.outputs
        assert answer.metadata["nbgrader"]["solution"]
        assert check.metadata["nbgrader"]["points"] == 1
        assert check.metadata["editable"] is False


@every_lesson
def test_a_clean_copy_shows_nothing_that_was_computed(file):
    for cell in versions.student(lessons.load(file), clean=True).cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


@every_lesson
def test_teachers_have_each_solution_between_the_marks_of_nbgrader(file):
    lesson = lessons.load(file)
    made = versions.solution(lesson)
    nbformat.validate(made)
    cells = {cell.id: cell for cell in made.cells}
    for task in tasks.of(lesson):
        stub, begin, answer, *told, end = cells[task.cell].source.splitlines()
        assert (stub, begin, end) == (task.stub, "### BEGIN SOLUTION", "### END SOLUTION")
        assert answer.startswith(f"{task.variable} = {versions.typed(task)[0]}")
        assert all(line.startswith("#") for line in told)
        check = cells[f"{task.cell}-check"]
        assert check.source.splitlines()[1:3] == [
            f"_told = {task.check}",
            "assert _told.right, _told",
        ]
        assert "✓ Right." in check.outputs[0]["data"]["text/plain"]


def test_the_folder_of_a_course(tmp_path):
    done = make("00", "--to", tmp_path / "class", "--clean")
    assert done.exit_code == 0
    name = paths.lessons()[0].stem
    files = {f"{kind}/{name}/{name}.ipynb" for kind in ("release", "source")}
    files.add("nbgrader_config.py")
    written = {file for file in (tmp_path / "class").rglob("*") if file.is_file()}
    assert {file.relative_to(tmp_path / "class").as_posix() for file in written} == files
    assert {*done.stdout.split()} == {str(file) for file in written}


def test_the_teachers_notebook_runs_with_its_hidden_tests_and_the_students_without_answers(
    tmp_path,
):
    make("00", "--to", tmp_path)
    for kind in ("source", "release"):
        (file,) = (tmp_path / kind).rglob("*.ipynb")
        notebook = nbformat.read(file, as_version=4)
        run = {"metadata": {"path": str(paths.lessons()[0].parent)}}
        NotebookClient(notebook, kernel_name="python3", resources=run).execute()
        told = [cell.outputs[-1] for cell in notebook.cells if cell.id.endswith("-check")]
        shown = "✓ Right." if kind == "source" else "Not answered yet"
        assert told
        assert all(each["data"]["text/plain"].startswith(shown) for each in told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["99"], "99"), (["00", "--to", "{file}/class"], "cannot be made")],
)
def test_what_can_not_be_made_is_told(tmp_path, arguments, told):
    (tmp_path / "file").touch()
    done = make(*(each.format(file=tmp_path / "file") for each in arguments))
    assert done.exit_code == 2
    assert told in done.stderr
