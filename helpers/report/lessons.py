"""Lessons: found by number, name or path, and read as they describe themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import parameters, paths
from helpers.errors import KitError, LessonError, ParameterError
from helpers.report.messages import one_line

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True)
class Lesson:
    """A lesson as its notebook describes itself.

    Attributes
    ----------
    path : pathlib.Path
        The notebook.
    title : str
        Its title.
    paper : str
        The id of its paper; empty if it has none.
    settings : helpers.parameters.Settings
        Its parameters, with the values of its ``parameters`` cell.
    groups : tuple of str
        The groups of settings that it offers.
    """

    path: Path
    title: str
    paper: str
    settings: parameters.Settings
    groups: tuple[str, ...]


def find(names: Iterable[str]) -> list[Path]:
    """Return the lessons that are meant.

    Parameters
    ----------
    names : iterable of str
        A lesson's number, its name, or the path of its notebook; none for every lesson.

    Returns
    -------
    list of pathlib.Path
        Each lesson once, in the order given.

    Raises
    ------
    ParameterError
        If a name is not a lesson, one line each; or if there are no lessons.
    """
    lessons = paths.lessons()
    found: dict[Path, None] = {}
    faults: list[KitError] = []
    known = " or ".join(lesson.stem for lesson in lessons) or "the path of a notebook"
    for name in names:
        stem = name.removesuffix(".ipynb")
        same = [
            lesson
            for lesson in lessons
            if stem == lesson.stem or stem.zfill(2) == lesson.stem.split("_")[0]
        ]
        if Path(name).is_file() and name.endswith(".ipynb"):
            same = [Path(name).resolve()]
        if not same:
            faults.append(KitError("no such lesson", where=name, right=known))
        found.update(dict.fromkeys(same))
    if faults:
        raise ParameterError(faults)
    if not found and not lessons:
        folder = paths.root() / "notebooks"
        raise ParameterError([KitError("no lessons", where=str(folder), right="01_title.ipynb")])
    return list(found) or lessons


def read(path: Path) -> Lesson:
    """Read what a lesson says of itself, without running it.

    Parameters
    ----------
    path : pathlib.Path
        The notebook.

    Returns
    -------
    Lesson

    Raises
    ------
    LessonError
        If it is no notebook, lacks the ``trial_by_notebook`` metadata, or its own parameters
        are not plain values or not allowed.
    """
    notebook = load(path)
    try:
        about = notebook.metadata["trial_by_notebook"]
        title, paper = str(about["title"]), str(about.get("paper") or "")
        groups = tuple(about.get("settings", ()))
    except (AttributeError, KeyError, TypeError):
        raise LessonError(
            "its metadata does not describe it",
            where=path.name,
            right='"trial_by_notebook": {"title": ..., "paper": ..., "settings": [...]}',
        ) from None
    own = _own_values(notebook, path.name)
    try:
        settings = checked(own, groups, paper)
    except KitError as error:
        raise LessonError(f"its own parameters: {error}", where=path.name) from None
    return Lesson(path, title, paper, settings, groups)


def load(path: Path) -> NotebookNode:
    """Return a notebook.

    Parameters
    ----------
    path : pathlib.Path
        Its file.

    Returns
    -------
    nbformat.NotebookNode

    Raises
    ------
    LessonError
        If it is none.
    """
    import nbformat

    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        return notebook
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise LessonError(f"not a notebook: {one_line(str(error))}", where=path.name) from None


def checked(
    values: Mapping[str, object], groups: tuple[str, ...], paper: str
) -> parameters.Settings:
    """Check parameters by what a lesson offers.

    Parameters
    ----------
    values : mapping of str to object
        By name.
    groups : tuple of str
        The groups of settings that the lesson offers.
    paper : str
        The id of its paper.

    Returns
    -------
    helpers.parameters.Settings

    Raises
    ------
    ParameterError
        If a value is not allowed, or its name is not offered.
    """
    if groups:
        return parameters.check(values, *groups, paper=paper)
    if values:
        raise ParameterError([KitError("not offered by any settings", where=", ".join(values))])
    return parameters.Settings()


def numbered(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells that JupyterLab numbers when a reader runs them all.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        A lesson, also as papermill leaves it.

    Returns
    -------
    list of nbformat.NotebookNode
        The cells numbered 1, 2, ...
    """
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code"
        and cell.source.strip()
        and "injected-parameters" not in cell.metadata.get("tags", [])
    ]


def _own_values(notebook: NotebookNode, name: str) -> dict[str, object]:
    """Read the parameters cell as Python does; papermill's pattern misses values with ``=``."""
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    values: dict[str, object] = {}
    try:
        for line in ast.parse(tagged[0].source if tagged else "").body:
            match line:
                case (
                    ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value)
                    | ast.Assign(targets=[ast.Name(id=target)], value=value)
                ):
                    values[target] = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        raise LessonError(
            "its parameters cell computes something",
            where=name,
            right="plain values only, such as venetoclax_days: int = 28",
        ) from None
    return values
