"""Two notebooks of one lesson: for students, and with solutions for teachers.

Both are in nbgrader's format [1]_: an answer is a solution cell, and its check a locked cell with
points. In the teacher's notebook, the solution stands between the marks that nbgrader removes,
and a hidden test fails unless the answer is right. So the folder can be used as it is, graded by
`helpers.classroom.grading`, or taken up as a course by nbgrader.

Neither is kept by hand. A lesson holds its questions; the solution is worked out from the recipes
of the exercise.

References
----------
.. [1] nbgrader's cell metadata, schema version 3:
   https://nbgrader.readthedocs.io/en/stable/contributor_guide/metadata.html
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from helpers import exercises, files
from helpers.classroom import tasks
from helpers.classroom.tasks import Task
from helpers.errors import KitError
from helpers.exercises import Exercise, Recipe

if TYPE_CHECKING:
    from nbformat import NotebookNode

_WIDTH = 96
_LETTERS = "abcdefgh"
_SETTINGS = '''"""This folder as a course of nbgrader: https://nbgrader.readthedocs.io"""

c = get_config()
c.CourseDirectory.course_id = "trial-by-notebook"
# What is left of a cell without its solution: the three dots above it.
c.ClearSolutions.code_stub = {"python": ""}
'''


def student(notebook: NotebookNode, *, clean: bool = False) -> NotebookNode:
    """Make the notebook that students get.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The lesson; it stays as it is.
    clean : bool, optional
        Whether outputs are left out, so that a reader predicts before running.

    Returns
    -------
    nbformat.NotebookNode
        Each exercise with an empty answer and its check.

    Raises
    ------
    LessonError
        If an exercise isn't set as it should be.
    """
    return _version(notebook, lambda task: (f"{task.stub}\n", task.check, None), clean=clean)


def solution(notebook: NotebookNode, *, clean: bool = False) -> NotebookNode:
    """Make the notebook that teachers keep.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The lesson; it stays as it is.
    clean : bool, optional
        Whether outputs are left out.

    Returns
    -------
    nbformat.NotebookNode
        Each exercise with its answer, how that comes about, and what is answered instead; below
        its check, what a right answer is told.

    Raises
    ------
    LessonError
        If an exercise isn't set as it should be.
    KitError
        If an answer can't be worked out.
    """
    return _version(notebook, _solved, clean=clean)


def write(file: Path, to: Path, *, clean: bool = False) -> list[Path]:
    """Write both notebooks of a lesson into a course folder.

    Parameters
    ----------
    file : pathlib.Path
        The lesson.
    to : pathlib.Path
        The course folder; it need not exist.
    clean : bool, optional
        Whether outputs are left out.

    Returns
    -------
    list of pathlib.Path
        ``release/<lesson>/<lesson>.ipynb`` and ``source/<lesson>/<lesson>.ipynb``.

    Raises
    ------
    KitError
        If the lesson can't be read, has no exercise set as it should be, or a file can't be
        written.
    """
    import nbformat

    from helpers.report import lessons

    notebook = lessons.load(file)
    written = []
    for kind, make in {"release": student, "source": solution}.items():
        text: str = nbformat.writes(make(notebook, clean=clean))  # type: ignore[no-untyped-call]
        target = to / kind / file.stem / f"{file.stem}.ipynb"
        _write(target, text + "\n")
        written.append(target)
    return written


def write_settings(to: Path) -> Path:
    """Write what nbgrader needs to know of a course folder.

    Parameters
    ----------
    to : pathlib.Path
        The course folder; it need not exist.

    Returns
    -------
    pathlib.Path
        ``nbgrader_config.py``; one that is there already is left as it is.

    Raises
    ------
    KitError
        If it can't be written.
    """
    target = to / "nbgrader_config.py"
    if not target.exists():
        _write(target, _SETTINGS)
    return target


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KitError(
            f"cannot be made ({error.strerror})", where=str(file.parent), right="a folder of yours"
        ) from None
    files.replace(file, text, right="a file in a folder of yours")


def _version(
    notebook: NotebookNode,
    filled: Callable[[Task], tuple[str, str, dict[str, Any] | None]],
    *,
    clean: bool,
) -> NotebookNode:
    """Set each exercise as two cells, and fill them."""
    from nbformat import from_dict

    by_cell = {task.cell: task for task in tasks.of(notebook)}
    made: NotebookNode = from_dict(notebook)  # type: ignore[no-untyped-call]
    cells = []
    for cell in made.cells:
        task = by_cell.get(cell.get("id"))
        if clean and cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
        if task is None:
            cells.append(cell)
            continue
        check: NotebookNode = from_dict(cell)  # type: ignore[no-untyped-call]
        answer_source, check_source, told = filled(task)
        cell.update(source=answer_source, outputs=[], execution_count=None)
        cell.metadata |= {"nbgrader": _schema(task.grade_id, solution=True), "deletable": False}
        check.id, check.source = f"{cell.id}-check", check_source
        check.metadata["nbgrader"] = _schema(f"{task.grade_id}-check", points=1)
        check.metadata.update(deletable=False, editable=False)
        if told and not clean:
            told["execution_count"] = check.execution_count
            check.outputs = [from_dict(told)]  # type: ignore[no-untyped-call]
        cells += [cell, check]
    made.cells = cells
    return made


def _schema(grade_id: str, *, solution: bool = False, points: int = 0) -> dict[str, Any]:
    return {
        "grade": bool(points),
        "grade_id": grade_id,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    } | ({"points": points} if points else {})


def typed(task: Task) -> list[str]:
    """Return the answers to an exercise as one types them.

    Parameters
    ----------
    task : helpers.classroom.tasks.Task
        The exercise.

    Returns
    -------
    list of str
        The right one, then the typical wrong ones.

    Raises
    ------
    KitError
        If one can't be worked out.
    """
    each = exercises.load(task.paper, task.exercise)
    return [_typed(task.paper, each, recipe) for recipe in (each.answer, *each.wrong)]


def _typed(paper: str, each: Exercise, recipe: Recipe) -> str:
    if recipe.choice:
        return f'"{recipe.choice}"'
    if each.lettered:
        return f'"{_LETTERS[int(exercises.work_out(paper, recipe)) - 1]}"'
    return f"{exercises.work_out(paper, recipe):.{each.decimals}f}"


def _solved(task: Task) -> tuple[str, str, dict[str, Any]]:
    each = exercises.load(task.paper, task.exercise)
    right, *wrong = typed(task)
    lines = [
        task.stub,
        "### BEGIN SOLUTION",
        f"{task.variable} = {right}" + (f"  # {each.unit}" if each.unit else ""),
        *_comment(_how(each.answer), "How: "),
        *_comment(each.praise),
        "# Answered instead:",
    ]
    for answer, mistake in zip(wrong, each.wrong, strict=True):
        lines += _comment(mistake.hint, f"{answer}: ", "  ")
    told = exercises.check(task.paper, task.exercise, right.strip('"'))
    check = [
        "### BEGIN HIDDEN TESTS",
        f"_told = {task.check}",
        "assert _told.right, _told",
        "### END HIDDEN TESTS",
        task.check,
    ]
    output = {
        "output_type": "execute_result",
        "data": {"text/html": told._repr_html_(), "text/plain": repr(told)},
        "metadata": {},
    }
    return "\n".join([*lines, "### END SOLUTION"]), "\n".join(check), output


def _how(recipe: Recipe) -> str:
    """Say by which recipe an answer comes about; nothing of a choice."""
    given = recipe.model_dump(exclude_defaults=True, exclude={"choice", "hint"})
    name = str(given.pop("recipe", ""))
    with_ = ", ".join(f"{field} = {value!r}" for field, value in given.items())
    return name + (f" with {with_}" if with_ else "")


def _comment(text: str, start: str = "", indent: str = "") -> list[str]:
    lines = wrap(start + text, _WIDTH - len(indent)) if text else []
    return [f"# {indent}{'  ' * bool(number)}{line}" for number, line in enumerate(lines)]
