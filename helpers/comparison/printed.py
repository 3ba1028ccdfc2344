"""What documents print, side by side: each number with what it was held against."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pandas as pd

from helpers import audit, catalogue, tables, wording
from helpers.comparison import documents, doses
from helpers.comparison.documents import Row
from helpers.comparison.settings import METRICS
from helpers.tables import Table

_FIXED = "\N{NO-BREAK SPACE}"
_NOTHING = "–"


def cells() -> pd.DataFrame:
    """Return the numbers of the table with their verdicts.

    Returns
    -------
    pandas.DataFrame
        One row per published number, row by row: the ledger's row, and the ``row`` in which it
        stands, as its place from 0.

    Raises
    ------
    DataError
        If there is no such number.
    """
    ledgers = {
        paper: audit.ledger(paper).set_index("id", drop=False)
        for paper in documents.load().documents
    }
    found = []
    for place, row in enumerate(documents.load().rows):
        for paper, ids in row.numbers.items():
            for id in ids:
                catalogue.number(paper, id)
                found.append(ledgers[paper].loc[id].to_dict() | {"row": place})
    return pd.DataFrame(found)


def verdicts() -> pd.DataFrame:
    """Count the verdicts of the table by document.

    Returns
    -------
    pandas.DataFrame
        One row per document: its ``label``, a column for each verdict that occurs, and
        ``numbers``, how many it has in the table.
    """
    found = cells()
    counts = pd.crosstab(found["paper"], found["verdict"])
    names = [name for name in audit.VERDICTS if name in counts]
    order = [paper for paper in documents.load().documents if paper in counts.index]
    counts = counts.loc[order, names]
    counts.columns.name = None
    labels = [documents.load().documents[paper].label for paper in order]
    found = counts.assign(numbers=counts.sum(axis=1)).reset_index(drop=True)
    found.insert(0, "label", labels)
    return found


def table(*, section: str = "") -> Table:
    """Set what the documents print side by side.

    Parameters
    ----------
    section : str, optional
        Which rows; all of them if not given.

    Returns
    -------
    Table
        In each cell the printed number, and below it what it was held against: ✓ before what gives
        the same, ✗ before what contradicts it; a bare fact has · alone.
    """
    told = documents.load()
    numbers = cells()
    rows: list[dict[str, Any]] = []
    wrong: list[tuple[int, str]] = []
    for name, part in groupby(enumerate(told.rows), key=lambda each: each[1].section):
        if section and name != section:
            continue
        for place, row in part:
            cell = {paper: _cell(row, paper, place, numbers) for paper in told.documents}
            bad = numbers[(numbers["row"] == place) & (numbers["verdict"] == "inconsistent")]
            wrong += [(len(rows), str(paper)) for paper in bad["paper"]]
            rows.append({"label": row.label} | cell)
    return _set(rows, wrong, section)


def _set(rows: list[dict[str, Any]], wrong: list[tuple[int, str]], section: str) -> Table:
    from great_tables import loc, style

    told = documents.load()
    made = tables.table(
        pd.DataFrame(rows),
        caption=f"Side by side: {section.lower()}" if section else "Side by side",
        headings={"label": ""}
        | {paper: f"{each.label} ({each.disease})" for paper, each in told.documents.items()},
        footnote="Above as printed; below: ✓ what gives the same, ✗ what contradicts it, ? what "
        "can't be checked; · nothing to hold it against; – not printed.",
    )
    gt = made.gt.tab_style(style.css("white-space: pre-line; vertical-align: top;"), loc.body())
    gt = gt.tab_options(data_row_padding="3px", table_font_size="12px")
    for place, paper in wrong:
        body = loc.body(columns=paper, rows=[place])
        gt = gt.tab_style(style.css("font-weight: bold; border-left: 3px solid #D55E00;"), body)
    return Table(made.caption, made.data, gt)


def _cell(row: Row, paper: str, place: int, numbers: pd.DataFrame) -> str:
    if row.endpoint:
        defined = catalogue.load(paper).endpoints.get(row.endpoint)
        return defined.origin if defined else _NOTHING
    if row.exposure:
        return _exposure(paper)
    if row.words:
        return row.words.get(paper, _NOTHING)
    own = numbers[(numbers["row"] == place) & (numbers["paper"] == paper)]
    return (
        "\n".join(
            _number(wording.printed(each.printed), wording.printed(each.recomputed), each.verdict)
            for each in own.itertuples()
        )
        or _NOTHING
    )


def _exposure(paper: str) -> str:
    given = doses.exposures()
    own = given[(given["paper"] == paper) & given["stated"] & given[METRICS[0]].notna()]
    mg, days = (own[name] for name in METRICS[:2])
    pairs = dict.fromkeys(
        f"{day:.0f} days, {dose:,.0f} mg" for dose, day in zip(mg, days, strict=True)
    )
    return "\n".join(pairs) or _NOTHING


def _number(printed: str, recomputed: str, verdict: str) -> str:
    sign = audit.VERDICTS[verdict].split()[0]
    if not recomputed:
        return f"{printed}{_FIXED}{sign}"
    # The first of several ways to recompute it is enough.
    way, *more = recomputed.split("; ")
    if " in each of " in way:
        way = f"{way.split(' in each of ')[0]} in every cohort"
    return f"{printed}\n{sign}{_FIXED}{way.replace(' ', _FIXED)}" + (
        f" (+{len(more)})" if more else ""
    )
