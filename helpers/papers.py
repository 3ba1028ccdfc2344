"""A further paper: its empty folder, written; and every fault in a folder, found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from helpers import catalogue, cohort, paths, query
from helpers.errors import DataError, KitError, QueryError

_Found = TypeVar("_Found")
_TEMPLATE = Path(__file__).parent / "templates" / "paper" / "paper.toml"


def new(paper: str) -> list[Path]:
    """Write the empty folder of a further paper.

    Parameters
    ----------
    paper : str
        Its id, which becomes the folder's name: lower-case letters, digits and underscores.

    Returns
    -------
    list of pathlib.Path
        The files written: ``paper.toml`` with every section explained, and ``published.csv``
        and ``excerpts.csv`` with their columns.

    Raises
    ------
    KitError
        If the id is not one, the folder exists or cannot be written. Nothing is left behind.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", paper):
        raise KitError(
            f"no id for a paper: {paper[:60]!r}",
            right="a letter from a to z, then up to 39 of a to z, 0 to 9 and _",
        )
    folder = paths.root() / "data" / paper
    contents = {
        "paper.toml": _TEMPLATE.read_text(encoding="utf-8").replace("{id}", paper),
        "published.csv": ",".join(catalogue.PublishedNumber.model_fields) + "\n",
        "excerpts.csv": "id,excerpt\n",
    }
    try:
        folder.parent.mkdir(exist_ok=True)
        if folder.exists() or folder.is_symlink():
            raise KitError("the folder exists", where=f"data/{paper}", right="an id not yet used")
        # Written aside and then renamed: whoever looks sees no folder or a whole one.
        with TemporaryDirectory(dir=folder.parent, prefix=".new-") as aside:
            written = Path(aside) / paper
            written.mkdir()
            for name, text in contents.items():
                (written / name).write_text(text, encoding="utf-8", newline="\n")
            written.rename(folder)
    except OSError as error:
        raise KitError(f"cannot be written ({error.strerror})", where=f"data/{paper}") from None
    return [folder / name for name in contents]


def faults(paper: str, *, text: Path | None = None) -> list[str]:
    """Find every fault in a paper's folder.

    Parameters
    ----------
    paper : str
        The paper's id.
    text : pathlib.Path, optional
        The paper's text as a UTF-8 file, in which each excerpt must stand; how its words are
        spaced and broken into lines does not matter.

    Returns
    -------
    list of str
        One line each: file, line, column, what is wrong, what would be right. Empty if there
        is none.

    Raises
    ------
    DataError
        If there is no such paper, or `text` cannot be read.
    """
    paths.paper(paper)
    whole = (
        None if text is None else catalogue.one_spaced(catalogue.read_text(text, where=str(text)))
    )
    found: list[str] = []
    described = _told(lambda: catalogue.load(paper), found)
    if described is not None:
        found += _faults_of(described)
        if described.patient_level:
            _told(lambda: cohort.patients(paper), found)
    numbers = _told(lambda: catalogue.published(paper), found)
    if numbers == []:
        found.append(
            f"data/{paper}/published.csv: no published number yet; "
            "right would be: a row for each below the first line"
        )
    # Until the numbers can be read, each of their excerpts would seem to have none.
    excerpts = {} if numbers is None else _told(lambda: catalogue.excerpts(paper), found) or {}
    if whole is not None:
        found += [
            f"data/{paper}/excerpts.csv: the excerpt of {id!r} does not stand in {text}; "
            "right would be: a few words of it, letter by letter"
            for id, excerpt in excerpts.items()
            if catalogue.one_spaced(excerpt) not in whole
        ]
    return list(dict.fromkeys(found))


def _told(read: Callable[[], _Found], found: list[str]) -> _Found | None:
    """Read a part of the folder; where it has faults, note them and return None."""
    try:
        return read()
    except DataError as error:
        found += str(error).splitlines()
        return None


def _faults_of(paper: catalogue.Paper) -> Iterator[str]:
    where = f"data/{paper.id}/paper.toml"
    for name in ("title", "short_title", "citation"):
        if not getattr(paper, name).strip():
            yield f"{where}, {name}: it is empty; right would be: what the paper shows"
    queries = {f"groups.{name}": text for name, text in paper.groups.items()}
    queries |= {f"endpoints.{name}": each.population for name, each in paper.endpoints.items()}
    queries |= {
        f"variables.{name}, only_if": each.only_if for name, each in paper.variables.items()
    }
    queries |= {
        f"quantities.{name}": text
        for name, text in paper.quantities.items()
        if "*" not in name and text not in paper.variables
    }
    queries |= {
        f"reconstruct.always, rule {place}": text
        for place, text in enumerate(paper.reconstruct.always, start=1)
    }
    for name, text in queries.items():
        try:
            query.parse(text, paper.variables)
        except QueryError as error:
            yield f"{where}, {name}: {error}"
