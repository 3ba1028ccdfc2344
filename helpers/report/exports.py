"""Figures and tables of a report as files, for a slide, a manuscript or a spreadsheet.

They are taken from the report's page: what is in a file is what the report shows.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from helpers import spreadsheets
from helpers.errors import LessonError, MissingToolError
from helpers.report.contents import contents
from helpers.report.findings import Figure, Findings, Table
from helpers.report.printing import draw_png, find_chromium

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

FIGURES = ("svg", "png")
TABLES = ("csv", "html", "latex", "docx")
LISTING = "contents.csv"

_HANDLER = re.compile(r"\son\w+\s*=", re.IGNORECASE)
_ENDINGS = {"latex": "tex"}


@dataclass(frozen=True)
class Export:
    """A file that can be made of a report.

    Attributes
    ----------
    name : str
        The file's name.
    section : str
        The heading above what it shows.
    shows : str
        A figure in words, or a table's caption.
    write : callable
        Returns the file's content, or raises a `KitError`.
    """

    name: str
    section: str
    shows: str
    write: Callable[[], bytes]


def files(
    found: Findings, *, figures: Collection[str] = (), tables: Collection[str] = ()
) -> list[Export]:
    """Return the files that can be made of a report.

    Parameters
    ----------
    found : Findings
        What the report shows.
    figures : collection of str, optional
        Of `FIGURES`: ``svg`` as it is in the report, ``png`` with 300 dots per inch.
    tables : collection of str, optional
        Of `TABLES`. What a spreadsheet would take for a formula has an apostrophe before it;
        HTML, LaTeX and Word show text as it is.

    Returns
    -------
    list of Export
    """
    made = []
    for number, figure in enumerate(found.figures, start=1):
        for kind in figures:
            name = f"figure-{number:02}.{kind}"
            write = partial(_figure, figure, kind)
            made.append(Export(name, figure.section, figure.alt, write))
    for number, table in enumerate(found.tables, start=1):
        for kind in tables:
            name = f"table-{number:02}.{_ENDINGS.get(kind, kind)}"
            write = partial(_WRITERS[kind], table)
            made.append(Export(name, table.section, table.caption, write))
    return made


def listing(exported: Iterable[Export]) -> bytes:
    """Return which file shows what, as CSV that is safe to open in a spreadsheet.

    Parameters
    ----------
    exported : iterable of Export
        The files.

    Returns
    -------
    bytes
    """
    rows = [(each.name, each.section, each.shows) for each in exported]
    columns = ["file", "section", "shows"]
    return spreadsheets.as_csv(pd.DataFrame(rows, columns=columns), spreadsheet=True)


def _figure(figure: Figure, kind: str) -> bytes:
    if figure.kind == "png":
        if kind == "svg":
            raise LessonError("drawn in dots, not in lines", right="a figure of helpers.figures")
        return figure.content
    text = figure.content.decode(errors="replace")
    # Within a page a drawing can do nothing; opened alone it could.
    if contents(text).needs or _HANDLER.search(text):
        raise LessonError("a drawing that would run or load something")
    return figure.content if kind == "svg" else draw_png(figure.content, chromium=find_chromium())


def _csv(table: Table) -> bytes:
    data = table.data.copy()
    # Two columns may have one heading.
    headings = pd.DataFrame([data.columns], columns=range(data.shape[1]))
    data.columns = range(data.shape[1])
    rows = pd.concat([headings, data], ignore_index=True)
    written = spreadsheets.as_csv(rows, spreadsheet=True).decode("utf-8-sig")
    return written.partition("\n")[2].encode("utf-8-sig")


def _styled(table: Table, escaped: Callable[[str], str]) -> Styler:
    # A Styler needs headings that differ, and shows others in their place.
    data = table.data.map(escaped)
    headings = [escaped(str(each)) for each in data.columns]
    data.columns = range(data.shape[1])
    return data.style.hide(axis="index").format_index(lambda at: headings[at], axis="columns")


def _html(table: Table) -> bytes:
    styled = _styled(table, html.escape).set_caption(html.escape(table.caption))
    text: str = styled.to_html(table_uuid="table", doctype_html=True, exclude_styles=True)
    if table.note:
        text = text.replace("</table>", f"</table>\n<p>{html.escape(table.note)}</p>", 1)
    text = text.replace("<th >", '<th scope="col">')
    return text.replace("<html>", '<html lang="en">', 1).encode()


def _latex(table: Table) -> bytes:
    from nbconvert.filters import escape_latex

    escaped: Callable[[str], str] = escape_latex
    styled = _styled(table, escaped)
    text = styled.to_latex(caption=escaped(table.caption) or None, hrules=True)
    if table.note:
        note = f"\\par\\smallskip\\footnotesize {escaped(table.note)}"
        text = text.replace("\\end{table}", f"{note}\n\\end{{table}}")
    return f"% \\usepackage{{booktabs}}; for all signs, XeLaTeX or LuaLaTeX\n{text}".encode()


def _docx(table: Table) -> bytes:
    try:
        from docx import Document  # type: ignore[import-not-found,unused-ignore]
        from docx.shared import Pt  # type: ignore[import-not-found,unused-ignore]
    except ModuleNotFoundError:
        raise MissingToolError(
            "the library python-docx is not installed",
            where="--tables docx",
            right="make setup, or pip install python-docx",
        ) from None
    document = Document()
    if table.caption:
        document.add_paragraph(_for_xml(table.caption), style="Caption")
    rows = [[str(each) for each in table.data.columns], *table.data.to_numpy().tolist()]
    grid = document.add_table(rows=len(rows), cols=max(len(rows[0]), 1), style="Table Grid")
    for line, row in zip(rows, grid.rows, strict=True):
        for text, cell in zip(line, row.cells, strict=False):
            cell.text = _for_xml(text)
            for each in cell.paragraphs[0].runs:
                each.font.size = Pt(9)
                each.font.bold = line is rows[0]
    if table.note:
        document.add_paragraph(_for_xml(table.note))
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def _for_xml(text: str) -> str:
    """Leave out what XML cannot hold."""
    return "".join(each for each in text if each.isprintable() or each == "\u00a0")


_WRITERS: dict[str, Callable[[Table], bytes]] = {
    "csv": _csv,
    "html": _html,
    "latex": _latex,
    "docx": _docx,
}
