"""Which documents stand side by side, and what in each of them answers the same question.

``data/comparison/documents.toml`` says it, by queries on the papers' variables and ids of their
published numbers.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from helpers import catalogue, paths
from helpers.catalogue import Assumption
from helpers.errors import DataError

WHERE = "data/comparison/documents.toml"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Document(_Part):
    """A paper among others.

    Attributes
    ----------
    label, disease : str
        What to call it and its disease where there is little room.
    real : bool
        Whether its patients are shown one by one; otherwise they are synthetic, if there are any.
    arms : dict of str to str
        Groups of its patients that were treated otherwise: what to call them, and their names.
    label_doses : tuple of str
        Where it states no dose of venetoclax, what the label gives it with.
    """

    label: str
    disease: str
    real: bool = False
    arms: dict[str, str] = {}
    label_doses: tuple[str, ...] = ()


class Response(_Part):
    """What counts as a response: a query by document.

    Attributes
    ----------
    of, at_least, at_most : dict of str to str
        Who responded; or of whom it is certain; or of whom it can be.
    """

    of: dict[str, str]
    at_least: dict[str, str] = {}
    at_most: dict[str, str] = {}


class Row(_Part):
    """A row of the table of what is printed.

    Attributes
    ----------
    section, label : str
        Where it stands, and what it is about.
    words : dict of str to str
        What it says, by document.
    numbers : dict of str to tuple of str
        Instead, ids of published numbers.
    endpoint : str
        Instead, the name of an endpoint, whose origin is told.
    exposure : bool
        Instead, days and milligrams of venetoclax in the first cycle, worked out.
    """

    section: str
    label: str
    words: dict[str, str] = {}
    numbers: dict[str, tuple[str, ...]] = {}
    endpoint: str = ""
    exposure: bool = False


class Comparison(_Part):
    """What stands side by side.

    Attributes
    ----------
    documents : dict of str to Document
        By the paper's id.
    populations : dict of str to dict of str to str
        Of whom a rate is: a query by document.
    responses : dict of str to Response
        What counts as a response.
    rows : tuple of Row
        The table of what is printed.
    """

    documents: dict[str, Document]
    populations: dict[str, dict[str, str]]
    responses: dict[str, Response]
    rows: tuple[Row, ...]


def load() -> Comparison:
    """Read which documents stand side by side.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        If the file isn't there or has faults.
    """
    file = paths.root() / "data" / "comparison" / "documents.toml"
    if not file.is_file():
        raise DataError("there is no such file", where=WHERE)
    return _load(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load(file: Path, _changed: int) -> Comparison:
    try:
        return Comparison.model_validate(catalogue.read_toml(file))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise DataError(f"{place}: {fault['msg']}", where=WHERE) from None


def with_patients() -> dict[str, Document]:
    """Return the documents that have patients, real or synthetic.

    Returns
    -------
    dict of str to Document
        By the paper's id.
    """
    asked = next(iter(load().populations.values()))
    return {paper: each for paper, each in load().documents.items() if paper in asked}


def assumptions() -> dict[str, Assumption]:
    """Return what is assumed of times that a document with real patients doesn't print.

    Returns
    -------
    dict of str to Assumption
        By the setting's name.
    """
    found: dict[str, Assumption] = {}
    for paper, each in with_patients().items():
        if each.real:
            found |= catalogue.load(paper).assumptions
    return found
