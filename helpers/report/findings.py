"""What a report shows: the tables, figures and sentences of its cells, read from its page.

The page is all that is kept of a run. What is saved from it and compared with another one is
therefore what its readers see.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from bs4 import Tag

_PICTURE = re.compile(r"(data:image/(?:svg\+xml|png);base64,)([A-Za-z0-9+/=\s]+)")
_SHOWN = ".tbn-summary, .output_stream pre, .output_text pre"


@dataclass(frozen=True)
class Table:
    """A table of a report.

    Attributes
    ----------
    place : str
        The id of the cell that shows it, and the how manieth table of the cell it is.
    section : str
        The heading above.
    caption, note : str
        Above and below it.
    data : pandas.DataFrame
        Its cells as text, with its headings as columns.
    """

    place: str
    section: str
    caption: str
    note: str
    data: pd.DataFrame


@dataclass(frozen=True)
class Figure:
    """A figure of a report.

    Attributes
    ----------
    place : str
        The id of the cell that shows it, and the how manieth figure of the cell it is.
    section : str
        The heading above.
    alt : str
        What it shows, in words.
    kind : str
        ``svg`` or ``png``.
    content : bytes
        The file.
    """

    place: str
    section: str
    alt: str
    kind: str
    content: bytes


@dataclass(frozen=True)
class Sentence:
    """A line of text that was worked out: printed, or a panel's summary.

    Attributes
    ----------
    place : str
        The id of the cell that shows it, and the how manieth line of the cell it is.
    section : str
        The heading above.
    text : str
        The line.
    """

    place: str
    section: str
    text: str


@dataclass(frozen=True)
class Findings:
    """What the cells of a report show.

    Attributes
    ----------
    tables : list of Table
        In the order of the page.
    figures : list of Figure
        In the order of the page.
    sentences : list of Sentence
        In the order of the page.
    """

    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    sentences: list[Sentence] = field(default_factory=list)


@dataclass(frozen=True)
class Result:
    """One thing that a report says, to be held against what another one says there.

    Attributes
    ----------
    place, section : str
        As of the table, figure or sentence that says it.
    where : str
        The table's caption; empty outside of tables.
    row : str
        The first cell of its row; empty outside of tables.
    number : int
        The row's number, from 0.
    column : str
        The column's heading; empty outside of tables.
    text : str
        What it says.
    """

    place: str
    section: str
    where: str
    row: str
    number: int
    column: str
    text: str


def read(html: str) -> Findings:
    """Read what the cells of a report show.

    Parameters
    ----------
    html : str
        The report's page.

    Returns
    -------
    Findings
    """
    from bs4 import BeautifulSoup

    pictures: list[str] = []

    def aside(found: re.Match[str]) -> str:
        pictures.append(found[2])
        return f"{found[1]}{len(pictures) - 1}"

    # Pictures are most of a page, and no HTML.
    soup = BeautifulSoup(_PICTURE.sub(aside, html), "html.parser")
    found = Findings()
    section = ""
    for each in soup.select("main :is(h2, h3, .code_cell)"):
        if each.name != "div":
            section = _text(each)
            continue
        cell = str(each.get("id", "")).removeprefix("cell-id=")
        for number, table in enumerate(each.find_all("table")):
            found.tables.append(_table(table, f"{cell} table {number}", section))
        for number, image in enumerate(each.find_all("img")):
            start, _, index = str(image.get("src", "")).partition(";base64,")
            if content := _decoded(index, pictures):
                kind = "png" if start.endswith("png") else "svg"
                place, alt = f"{cell} figure {number}", _plain(image.get("alt", ""))
                found.figures.append(Figure(place, section, alt, kind, content))
        lines = [line for shown in each.select(_SHOWN) for line in shown.get_text().splitlines()]
        for number, line in enumerate(filter(None, map(_plain, lines))):
            found.sentences.append(Sentence(f"{cell} line {number}", section, line))
    return found


def results(found: Findings) -> list[Result]:
    """Return all that a report says, one by one.

    Parameters
    ----------
    found : Findings
        What it shows.

    Returns
    -------
    list of Result
        Sentences, cells of tables, and what figures show in words.
    """
    said = [Result(each.place, each.section, "", "", 0, "", each.text) for each in found.sentences]
    for table in found.tables:
        # A table with one column has no names of rows.
        names = table.data.iloc[:, 0] if table.data.shape[1] > 1 else [""] * len(table.data)
        for column, heading in list(enumerate(table.data.columns))[table.data.shape[1] > 1 :]:
            for number, (name, text) in enumerate(
                zip(names, table.data.iloc[:, column], strict=True)
            ):
                at = table.place, table.section, table.caption, name, number, heading
                said.append(Result(*at, text))
    said += [Result(each.place, each.section, "", "", 0, "", each.alt) for each in found.figures]
    return said


def _table(table: Tag, place: str, section: str) -> Table:
    title = table.select_one("caption, .gt_title")
    head = table.select("thead tr:not(.gt_heading)")
    columns = [
        " · ".join(dict.fromkeys(filter(None, column))) for column in zip(*_grid(head), strict=True)
    ]
    body = _grid(table.select("tbody tr"))
    width = len(body[0]) if body else len(columns)
    names = columns if len(columns) == width else [""] * width
    data = pd.DataFrame(body, columns=range(width), dtype=object)
    data.columns = pd.Index(names, dtype=object)
    note = " ".join(_text(row) for row in table.select("tfoot tr"))
    return Table(place, section, _text(title) if title else "", note, data)


def _grid(rows: Iterable[Any]) -> list[list[str]]:
    """Lay rows out with a text for each column, also below and beside a cell that spans some."""
    rows = list(rows)
    cells: dict[tuple[int, int], str] = {}
    for down, row in enumerate(rows):
        across = 0
        for cell in row.find_all(["th", "td"], recursive=False):
            while (down, across) in cells:
                across += 1
            text = _text(cell)
            for below in range(_span(cell, "rowspan")):
                for beside in range(_span(cell, "colspan")):
                    cells[down + below, across + beside] = text
    width = 1 + max((across for _, across in cells), default=-1)
    return [[cells.get((down, across), "") for across in range(width)] for down in range(len(rows))]


def _span(cell: Any, name: str) -> int:
    told = str(cell.get(name, "1"))
    # What a browser takes at most.
    return min(max(int(told), 1), 1000) if told.isdecimal() else 1


def _decoded(index: str, pictures: list[str]) -> bytes:
    try:
        return base64.b64decode(pictures[int(index)])
    except (ValueError, IndexError, binascii.Error):
        return b""


def _text(tag: Any) -> str:
    return _plain(tag.get_text())


def _plain(text: object) -> str:
    return " ".join(str(text).split())
