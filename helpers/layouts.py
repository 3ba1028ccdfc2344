"""How a paper's tables and figures are laid out, and what its patients are asked for.

``data/<paper>/layout.toml`` says it: rows and columns of tables as ids of published numbers, the
boxes of the flow diagram, genes by function, groups, outcomes, and what is given beside venetoclax.
It holds no number: those are published or counted.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from helpers import catalogue, flow, paths, query
from helpers.errors import DataError, KitError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Row(_Part):
    """A row of a table.

    Attributes
    ----------
    label : str
        What it is about.
    numbers : str
        The ids of its published numbers, with ``{}`` for the column; empty for a heading.
    p : str
        The id of its P value, if it has one.
    """

    label: str = Field(min_length=1)
    numbers: str = ""
    p: str = ""


class Table(_Part):
    """A table of a paper.

    Attributes
    ----------
    caption, footnote : str
        Above and below it.
    columns : dict of str to str
        Headings by what stands for ``{}`` in `Row.numbers`.
    rows : tuple of Row
        From top to bottom.
    """

    caption: str = Field(min_length=1)
    footnote: str = ""
    columns: dict[str, str] = Field(min_length=1)
    rows: tuple[Row, ...] = Field(min_length=1)


class Companion(_Part):
    """A drug given beside venetoclax.

    Attributes
    ----------
    dose, days : str
        The ids of the published dose, per m² of body surface, and of the days on which it is
        given.
    """

    dose: str
    days: str


class Layout(_Part):
    """How a paper lays out its tables and figures.

    Attributes
    ----------
    tables : dict of str to Table
        By the table's number in the paper.
    flow : tuple of dict
        The boxes of the flow diagram, for `helpers.flow.read`.
    genes, tracks : dict of str to dict of str to str
        For `helpers.oncoprint.oncoprint_data`: by heading the cohort queries of its rows.
    words : dict of str to str
        What to call a quantity or a group of ``published.csv``, or a part of its name.
    outcomes : dict of str to str
        What a cohort is asked for: the query of who has it.
    groups : dict of str to dict of str to str
        By characteristic its groups: what to call each, and its name in ``paper.toml``.
    companions : dict of str to Companion
        What is given beside venetoclax.
    """

    tables: dict[str, Table] = {}
    flow: tuple[dict[str, Any], ...] = ()
    genes: dict[str, dict[str, str]] = {}
    tracks: dict[str, dict[str, str]] = {}
    words: dict[str, str] = {}
    outcomes: dict[str, str] = {}
    groups: dict[str, dict[str, str]] = {}
    companions: dict[str, Companion] = {}


def load(paper: str) -> Layout:
    """Read a paper's layout.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    Layout

    Raises
    ------
    DataError
        If there is none, or it has faults: an unknown field, number or group, or a query that
        cannot be read.
    """
    file = paths.paper(paper) / "layout.toml"
    where = f"data/{paper}/layout.toml"
    if not file.is_file():
        raise DataError("there is no such file", where=where)
    described = file.with_name("paper.toml"), file.with_name("published.csv")
    changed = tuple(each.stat().st_mtime_ns for each in (file, *described))
    return _load(paper, file, changed)


@lru_cache(maxsize=8)
def _load(paper: str, file: Path, _changed: tuple[int, ...]) -> Layout:
    where = f"data/{paper}/layout.toml"
    try:
        found = Layout.model_validate(catalogue.read_toml(file))
    except pydantic.ValidationError as error:
        fault = error.errors()[0]
        raise DataError(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}", where=where
        ) from None
    _check(found, paper, where)
    return found


def _check(layout: Layout, paper: str, where: str) -> None:
    """Refuse what the paper's other files don't know."""
    described = catalogue.load(paper)
    known = {number.id for number in catalogue.published(paper)}
    named = {
        row.numbers.format(column)
        for table in layout.tables.values()
        for row in table.rows
        for column in (table.columns if row.numbers else ())
    }
    named |= {row.p for table in layout.tables.values() for row in table.rows if row.p}
    named |= {name for each in layout.companions.values() for name in (each.dose, each.days)}
    if unknown := sorted(named - known):
        raise DataError(f"no published number {unknown[0]!r}", where=where)
    for groups in layout.groups.values():
        if missing := sorted(set(groups.values()) - set(described.groups)):
            raise DataError(
                f"no group {missing[0]!r}", where=where, right=", ".join(described.groups)
            )
    blocks = [*layout.genes.values(), *layout.tracks.values(), layout.outcomes]
    for text in (text for block in blocks for text in block.values()):
        try:
            query.parse(text, described.variables)
        except KitError as error:
            raise DataError(f"{text}: {error.what}", where=where, right=error.right) from None
    if layout.flow:
        flow.read(layout.flow)
