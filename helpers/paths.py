"""Where the kit's papers and lessons lie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from helpers.errors import DataError

_ELSEWHERE: ContextVar[Path | None] = ContextVar("_ELSEWHERE", default=None)


@contextmanager
def elsewhere(folder: Path) -> Iterator[None]:
    """Look for papers in another folder for a while; other threads look where they did.

    Parameters
    ----------
    folder : pathlib.Path
        The folder that holds ``data/``.

    Yields
    ------
    None
    """
    before = _ELSEWHERE.set(folder)
    try:
        yield
    finally:
        _ELSEWHERE.reset(before)


def root() -> Path:
    """Return the folder that holds ``data/`` and ``notebooks/``.

    The environment variable ``TRIAL_BY_NOTEBOOK`` names another one, for papers kept elsewhere.

    Returns
    -------
    pathlib.Path
        An absolute path.
    """
    named = _ELSEWHERE.get() or os.environ.get("TRIAL_BY_NOTEBOOK")
    return Path(named or Path(__file__).parents[1]).resolve()


def paper(paper: str) -> Path:
    """Return the folder of one paper.

    Parameters
    ----------
    paper : str
        The paper's id: the name of its folder in ``data/``.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    DataError
        If there is no such folder.
    """
    folder = root() / "data" / paper
    if not (folder / "paper.toml").is_file():
        known = sorted(file.parent.name for file in (root() / "data").glob("*/paper.toml"))
        raise DataError(
            f"no paper {paper!r} (no file data/{paper}/paper.toml)", right=" or ".join(known)
        )
    return folder


def changed(*files: Path) -> tuple[int, ...]:
    """Return when files last changed, so that what was read of them can be kept until then.

    Parameters
    ----------
    *files : pathlib.Path
        The files; they need not exist.

    Returns
    -------
    tuple of int
        Of each the time in nanoseconds; 0 where there is none.
    """
    return tuple(file.stat().st_mtime_ns if file.is_file() else 0 for file in files)


def lessons() -> list[Path]:
    """Return the lessons in teaching order.

    Returns
    -------
    list of pathlib.Path
        The notebooks whose name starts with two digits.
    """
    return sorted((root() / "notebooks").glob("[0-9][0-9]_*.ipynb"))
