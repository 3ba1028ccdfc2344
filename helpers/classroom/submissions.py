"""Notebooks that were handed in, read as data: nothing in them is run or trusted."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.errors import KitError

MOST_BYTES = 20_000_000
"""A notebook larger than this isn't read. The largest lesson has less than a tenth of it."""

_MADE_BY_JUPYTER = ".ipynb_checkpoints"


@dataclass(frozen=True)
class Cell:
    """A code cell.

    Attributes
    ----------
    source : str
        Its code.
    ids : tuple of str
        What it is known by: its id, and nbgrader's ``grade_id`` if it has one.
    """

    source: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Submission:
    """A notebook that was handed in.

    Attributes
    ----------
    name : str
        Its path below the folder of all submissions.
    digest : str
        The SHA-256 of its content.
    title : str
        Of which lesson it says that it is; may be empty or untrue.
    cells : tuple of Cell
        Its code cells.
    fault : str
        Why it can't be read; empty if it can.
    """

    name: str
    digest: str = ""
    title: str = ""
    cells: tuple[Cell, ...] = ()
    fault: str = ""


def read_all(folder: Path) -> list[Submission]:
    """Read the notebooks of a folder and of the folders in it.

    Parameters
    ----------
    folder : pathlib.Path
        The folder; symbolic links in it aren't followed.

    Returns
    -------
    list of Submission
        By name. A file that isn't a notebook has a fault.

    Raises
    ------
    KitError
        If there is no such folder, or no notebook in it.
    """
    if not folder.is_dir():
        raise KitError("no such folder", where=str(folder), right="a folder of notebooks")
    files = sorted(file for file in folder.rglob("*.ipynb") if _MADE_BY_JUPYTER not in file.parts)
    if not files:
        raise KitError(
            "no notebook in this folder", where=str(folder), right="files that end in .ipynb"
        )
    return [read(file, name=_text(file.relative_to(folder).as_posix())) for file in files]


def read(file: Path, *, name: str = "") -> Submission:
    """Read one notebook.

    Parameters
    ----------
    file : pathlib.Path
        The file.
    name : str, optional
        What to call it; the file's name by default.

    Returns
    -------
    Submission
        With a fault if it can't be read.
    """
    name = name or file.name
    try:
        # Neither a link to what isn't the student's, nor a pipe that never ends.
        opened = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(opened, "rb") as stream:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                return Submission(name, fault="not a file")
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        return Submission(name, fault=f"cannot be read ({error.strerror})")
    digest = hashlib.sha256(content).hexdigest()
    if len(content) > MOST_BYTES:
        return Submission(name, digest, fault=f"larger than {MOST_BYTES // 1_000_000} MB")
    try:
        title, cells = _code(json.loads(content))
        return Submission(name, digest, title, cells)
    # Nested too deeply, or with a number of too many digits; or not of a notebook's form.
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return Submission(name, digest, fault="not a Jupyter notebook (nbformat 4)")


def _code(notebook: Any) -> tuple[str, tuple[Cell, ...]]:
    if notebook["nbformat"] != 4:
        raise ValueError(notebook["nbformat"])
    metadata = notebook.get("metadata") or {}
    title = (metadata.get("trial_by_notebook") or {}).get("title", "")
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            source = cell["source"]
            text = source if isinstance(source, str) else "".join(source)
            grade_id = ((cell.get("metadata") or {}).get("nbgrader") or {}).get("grade_id")
            ids = tuple(each for each in (cell.get("id"), grade_id) if isinstance(each, str))
            cells.append(Cell(_text(text), tuple(map(_text, ids))))
    return _text(str(title)), tuple(cells)


def _text(text: str) -> str:
    """Return what can be written down: a surrogate alone is no text."""
    return text.encode("utf-8", "replace").decode()
