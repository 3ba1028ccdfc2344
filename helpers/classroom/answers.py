"""Answers, read from a notebook's text where that is enough, and sent from process to process.

Most answers are a letter or a number that somebody typed. Such an answer is read, and nothing
needs to be run for it.
"""

from __future__ import annotations

import ast
import keyword
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from helpers.classroom import tasks
from helpers.classroom.submissions import Cell
from helpers.classroom.tasks import Task

LONGEST = 60
"""The most characters of an answer in words."""

_MOST_TERMS = 100
_ARITHMETIC: dict[type[ast.AST], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


@dataclass(frozen=True)
class Place:
    """Where an answer is, and what it is if that can be read.

    Attributes
    ----------
    cell : int or None
        The place of the cell after which the answer is there; None if there is no such cell.
    variable : str
        What holds it then, if no cell passes it to a check.
    answer : dict of str to Any or None
        As `as_data` writes it; None if the notebook has to be run for it.
    """

    cell: int | None
    variable: str = ""
    answer: dict[str, Any] | None = None


def as_data(answer: object) -> dict[str, Any]:
    """Write an answer down so that another process can read it and need not trust it.

    Parameters
    ----------
    answer : object
        Whatever was passed to a check.

    Returns
    -------
    dict of str to Any
        A number, a short text, nothing, or the name of another type: plain JSON.
    """
    if answer is ... or answer is None or (isinstance(answer, str) and not answer.strip()):
        return {"nothing": True}
    if isinstance(answer, str):
        return {"text": str(answer)[:LONGEST]}
    try:
        return {"number": float(answer)}  # type: ignore[arg-type]
    except Exception:
        return {"other": type(answer).__name__[:LONGEST]}


def from_data(data: object) -> object:
    """Read what `as_data` wrote, or what pretends to be that.

    Parameters
    ----------
    data : object
        As read from JSON.

    Returns
    -------
    object
        What `helpers.exercises.check` takes. Of an answer that is neither a number nor a text,
        only its type's name is kept.
    """
    match data:
        case {"number": int() | float() as number}:
            try:
                return float(number)
            except OverflowError:
                return float("inf")
        case {"text": str() as text}:
            return text[:LONGEST]
        case {"other": str() as name}:
            plain = name.isidentifier() and not keyword.iskeyword(name)
            return type(name[:LONGEST] if plain else "object", (), {})()
    return ...


def places(cells: Sequence[Cell], asked: Sequence[Task]) -> list[Place]:
    """Find the answer to each exercise.

    An answer is what the last call passes to ``exercises.check``. It is read if there is one such
    call, and the cell with the call, and the one before it where needed, hold nothing but simple
    assignments. If the call was deleted, the answer is in the exercise's cell.

    Parameters
    ----------
    cells : sequence of Cell
        The notebook's code cells.
    asked : sequence of Task
        The exercises of its lesson.

    Returns
    -------
    list of Place
        In their order.
    """
    trees = [_parsed(cell.source) for cell in cells]
    return [_place(task, cells, trees) for task in asked]


def _place(task: Task, cells: Sequence[Cell], trees: Sequence[ast.Module | None]) -> Place:
    calls = [
        (number, call)
        for number, tree in enumerate(trees)
        if tree
        for call in tasks.checks(tree)
        if tasks.checked(call) == (task.paper, task.exercise)
    ]
    # Code that is no plain Python, such as a magic, may hold a call as well.
    unread = [
        number
        for number, (cell, tree) in enumerate(zip(cells, trees, strict=True))
        if tree is None and "check" in cell.source and task.exercise in cell.source
    ]
    if len(calls) == 1 and not unread:
        ((number, call),) = calls
        answer = _before(call, number, trees)
        return Place(number, answer=None if answer is _UNKNOWN else as_data(answer))
    if calls or unread:
        return Place(max([number for number, _ in calls] + unread))
    own = [n for n, cell in enumerate(cells) if {task.cell, task.grade_id} & set(cell.ids)]
    if not own:
        return Place(None)
    values = _simple(trees[own[0]])
    if values is None:
        return Place(own[0], task.variable)
    answer = values.get(task.variable, ...)
    return Place(own[0], task.variable, None if answer is _UNKNOWN else as_data(answer))


_UNKNOWN = object()


def _before(call: ast.Call, number: int, trees: Sequence[ast.Module | None]) -> object:
    """Return what a call passes on, or that it can't be told without running."""
    values = _simple(trees[number])
    if values is None or len(call.args) != 3 or call.keywords:
        return _UNKNOWN
    passed = call.args[2]
    if not isinstance(passed, ast.Name):
        return _literal(passed)
    if passed.id in values:
        return values[passed.id]
    earlier = _simple(trees[number - 1]) if number else None
    return (earlier or {}).get(passed.id, _UNKNOWN)


def _simple(tree: ast.Module | None) -> dict[str, object] | None:
    """Return the values that a cell assigns; None if it does more than that and checking them."""
    if tree is None:
        return None
    values: dict[str, object] = {}
    checked = False
    for line in tree.body:
        match line:
            # Above its answer, a check has the one of an earlier run.
            case ast.Assign() | ast.AnnAssign() if checked:
                return None
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                values[name] = _literal(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                values[name] = _literal(value)
            case ast.Expr(value=ast.Call() as call) if call in tasks.checks(line):
                checked = True
            case ast.Pass() | ast.Expr(value=ast.Constant() | ast.Name()):
                pass
            case _:
                return None
    return values


def _literal(node: ast.expr) -> object:
    """Return the value of what is written out, sums of numbers included."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        pass
    if sum(1 for _ in ast.walk(node)) > _MOST_TERMS:
        return _UNKNOWN
    try:
        return _number(node)
    except (KeyError, ZeroDivisionError, OverflowError):
        return _UNKNOWN


def _number(node: ast.expr) -> float:
    match node:
        # As floats, which stay small: 9 * 9 * 9 … of integers would not.
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.BinOp(left=left, op=sign, right=right):
            return float(_ARITHMETIC[type(sign)](_number(left), _number(right)))
        case ast.UnaryOp(op=sign, operand=operand):
            return float(_ARITHMETIC[type(sign)](_number(operand)))
    raise KeyError(type(node))


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    # What Python says to text that is none, too long or too deep for it.
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
