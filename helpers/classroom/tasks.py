"""The exercises that a lesson sets, as its cells say."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers.errors import LessonError

if TYPE_CHECKING:
    from nbformat import NotebookNode

TAG = "exercise"


@dataclass(frozen=True)
class Task:
    """An exercise where a lesson sets it.

    Attributes
    ----------
    number : int
        Its place in the lesson, from 1.
    paper : str
        The paper's id.
    exercise : str
        The exercise's id in ``data/<paper>/exercises.toml``.
    variable : str
        The name that takes the answer.
    cell : str
        The id of its cell.
    check : str
        The call that checks the answer.
    """

    number: int
    paper: str
    exercise: str
    variable: str
    cell: str
    check: str

    @property
    def grade_id(self) -> str:
        """What nbgrader knows the answer by."""
        return f"{self.paper}-{self.exercise}"

    @property
    def stub(self) -> str:
        """The answer as it stands before there is one."""
        return f"{self.variable} = ..."

    @property
    def seeded(self) -> bool:
        """Whether what is right depends on a seed, which is passed to the check."""
        return "seed=" in self.check


def of(notebook: NotebookNode, *, where: str = "") -> list[Task]:
    """Find the exercises of a lesson.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The lesson.
    where : str, optional
        What an error calls it.

    Returns
    -------
    list of Task
        In the lesson's order.

    Raises
    ------
    LessonError
        If a cell tagged ``exercise`` isn't an empty answer and its check.
    """
    tagged = [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]
    found = []
    for number, cell in enumerate(tagged, start=1):
        calls = list(checks(_parsed(cell.source)))
        names = [call.args[2] for call in calls if len(call.args) == 3]
        if len(calls) == 1 and len(names) == 1 and isinstance(names[0], ast.Name):
            paper, exercise = checked(calls[0])
            check = str(ast.get_source_segment(cell.source, calls[0]))
            task = Task(number, paper, exercise, names[0].id, cell.get("id", ""), check)
            if cell.source.strip() == f"{task.stub}\n{task.check}":
                found.append(task)
                continue
        raise LessonError(
            f"its exercise {number} can't be read: {cell.source[:60]!r}",
            where=where,
            right='answer = ... and below it exercises.check("paper", "exercise", answer)',
        )
    return found


def checks(tree: ast.AST) -> Iterable[ast.Call]:
    """Find the calls that check an answer, wherever they stand in a cell.

    Parameters
    ----------
    tree : ast.AST
        The parsed cell.

    Yields
    ------
    ast.Call
        ``exercises.check(paper, exercise, …)``, or ``check(…)``, with both ids written out.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) >= 2:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else None
            name = node.func.id if isinstance(node.func, ast.Name) else name
            ids = [isinstance(each, ast.Constant) for each in node.args[:2]]
            if name == "check" and all(ids):
                yield node


def checked(call: ast.Call) -> tuple[str, str]:
    """Say which exercise a call checks.

    Parameters
    ----------
    call : ast.Call
        One of those that `checks` finds.

    Returns
    -------
    paper, exercise : str
    """
    paper, exercise = (each.value for each in call.args[:2] if isinstance(each, ast.Constant))
    return str(paper), str(exercise)


def _parsed(source: str) -> ast.AST:
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])
