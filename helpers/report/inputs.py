"""What a report is made of: a hash of it says whether a report would come out as it is."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from helpers import paths

_KIT = Path(__file__).parents[1]
_DISTRIBUTION = "trial-by-notebook"
_PICTURES = {".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp"}


def digest(lesson: Path, values: dict[str, Any]) -> str:
    """Return a hash of all that decides what a report shows.

    That is the lesson with the pictures beside it, its parameters, the data of every paper, the
    code of the kit, and the versions of Python and of the libraries.

    Parameters
    ----------
    lesson : pathlib.Path
        The notebook.
    values : dict of str to object
        The parameters that differ from the lesson's own.

    Returns
    -------
    str
        The first 32 digits of a SHA-256.
    """
    found = hashlib.sha256(json.dumps([values, versions()], sort_keys=True).encode())
    pictures = [each for each in sorted(lesson.parent.glob("*")) if each.suffix in _PICTURES]
    for file in [lesson, *pictures, *data(), *_code()]:
        found.update(f"\0{file.name}\0{sha256(file)}".encode())
    return found.hexdigest()[:32]


def data() -> list[Path]:
    """Return the files of all papers.

    Returns
    -------
    list of pathlib.Path
        Hidden ones aside, which a run that was broken off leaves.
    """
    return list(_visible(paths.root() / "data"))


def sha256(file: Path) -> str:
    """Return a file's SHA-256.

    Parameters
    ----------
    file : pathlib.Path
        The file.

    Returns
    -------
    str
        64 digits.
    """
    return hashlib.sha256(file.read_bytes()).hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that the kit asks for.

    Returns
    -------
    dict of str to str
        By name. A library that isn't installed is left out: a session in Binder lacks some.
    """
    return dict(_versions())


def is_loaded_code_stale() -> bool:
    """Say whether the kit's files are others than those that this process has loaded.

    Returns
    -------
    bool
    """
    return _code_digest() != _LOADED


@lru_cache
def _versions() -> tuple[tuple[str, str], ...]:
    # Once: what is installed while we run isn't what we have loaded.
    found = [("python", platform.python_version())]
    for name in _libraries():
        with suppress(metadata.PackageNotFoundError):
            found.append((name, metadata.version(name)))
    return tuple(found)


def _libraries() -> list[str]:
    try:
        asked = metadata.requires(_DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    named = [re.match(r"[\w.-]+", each) for each in asked if "extra ==" not in each]
    return [name[0] for name in named if name]


def _visible(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [each for each in sorted(folders) if not _is_hidden(each)]
        files = (Path(place, each) for each in sorted(names) if not _is_hidden(each))
        yield from (file for file in files if file.is_file())


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__pycache__"))


def _code() -> list[Path]:
    return list(_visible(_KIT))


def _code_digest() -> str:
    return hashlib.sha256("".join(sha256(file) for file in _code()).encode()).hexdigest()


_LOADED = _code_digest()
