"""A paper's tables as it lays them out: each cell as printed, and what becomes of it."""

from __future__ import annotations

import pandas as pd

from helpers import audit, layouts, tables, wording
from helpers.errors import KitError
from helpers.tables import Table

_P = "P"
_FIXED = "\N{NO-BREAK SPACE}"


def cells(paper: str, number: str) -> pd.DataFrame:
    """Return the cells of a table with their verdicts.

    Parameters
    ----------
    paper : str
        The id of a paper with a layout.
    number : str
        The table's key in the layout.

    Returns
    -------
    pandas.DataFrame
        One row per cell, row by row: the ledger's row of the published number, and the
        ``row`` and the ``column`` in which it stands, as places from 0. A P value stands in the
        column after the last.

    Raises
    ------
    KitError
        If the paper lays out no such table.
    """
    table = _layout(paper, number)
    ledger = audit.ledger(paper).set_index("id", drop=False)
    places = [
        (row.numbers.format(column), at, place)
        for at, row in enumerate(table.rows)
        for place, column in enumerate(table.columns)
        if row.numbers
    ]
    places += [(row.p, at, len(table.columns)) for at, row in enumerate(table.rows) if row.p]
    found = ledger.loc[[each[0] for each in places]].reset_index(drop=True)
    found["row"], found["column"] = ([each[part] for each in places] for part in (1, 2))
    return found.sort_values(["row", "column"], ignore_index=True)


def verdicts(paper: str, *numbers: str) -> pd.DataFrame:
    """Count the verdicts of tables.

    Parameters
    ----------
    paper : str
        The id of a paper with a layout.
    *numbers : str
        The tables' keys in the layout.

    Returns
    -------
    pandas.DataFrame
        A row per table: its ``table`` caption, a column for each verdict that occurs, and
        ``numbers``, how many it prints.
    """
    rows = []
    for number in numbers:
        counts = cells(paper, number)["verdict"].value_counts()
        caption = {"table": _layout(paper, number).caption}
        rows.append(caption | counts.to_dict() | {"numbers": int(counts.sum())})
    names = [name for name in audit.VERDICTS if any(name in row for row in rows)]
    found = pd.DataFrame(rows, columns=["table", *names, "numbers"])
    return found.fillna(0).astype(dict.fromkeys([*names, "numbers"], int))


def table(paper: str, number: str) -> Table:
    """Set a table: in each cell the printed number, and below it what it was held against.

    Parameters
    ----------
    paper : str
        The id of a paper with a layout.
    number : str
        The table's key in the layout.

    Returns
    -------
    Table
        ✓ stands before what gives the same, ✗ before what contradicts it; a bare fact has ·
        alone.
    """
    from great_tables import loc, style

    described = _layout(paper, number)
    headings = [*described.columns.values()]
    found = cells(paper, number)
    if (found["column"] == len(headings)).any():
        headings.append(_P)
    grid = [[row.label, *[""] * len(headings)] for row in described.rows]
    for cell in found.itertuples():
        grid[cell.row][cell.column + 1] = _cell(
            wording.printed(cell.printed), wording.printed(cell.recomputed), cell.verdict
        )
    names = ["what", *(f"column_{place}" for place in range(len(headings)))]
    made = tables.table(
        pd.DataFrame(grid, columns=names),
        caption=described.caption,
        headings=dict(zip(names, ["", *headings], strict=True)),
        footnote="Above as printed; below: ✓ what gives the same, ✗ what contradicts it, "
        f"· nothing to hold it against. {described.footnote}".strip(),
    )
    wrong = found[found["verdict"] == "inconsistent"]
    gt = made.gt.tab_style(style.css("white-space: pre-line; vertical-align: top;"), loc.body())
    gt = gt.tab_options(data_row_padding="2px", table_font_size="12px")
    for place in sorted(set(wrong["column"])):
        at = wrong.loc[wrong["column"] == place, "row"].tolist()
        body = loc.body(columns=names[place + 1], rows=at)
        gt = gt.tab_style(style.css("font-weight: bold; border-left: 3px solid #D55E00;"), body)
    return Table(made.caption, made.data, gt)


def listing(
    verdicts: pd.DataFrame, *, paper: str, caption: str, places: bool = False, footnote: str = ""
) -> Table:
    """Set the numbers of a text one below the other, each with its verdict.

    It is `helpers.tables.ledger` for a long list: set small, with a reason only where a number
    doesn't agree.

    Parameters
    ----------
    verdicts : pandas.DataFrame
        Rows of the paper's ledger.
    paper : str
        The paper's id.
    caption : str
        What the table shows.
    places : bool, optional
        Whether to say where each number stands.
    footnote : str, optional
        Notes below.

    Returns
    -------
    Table
    """
    wrong = verdicts["verdict"].isin(["inconsistent", "undetermined"])
    shown = pd.DataFrame(
        {
            "where": verdicts["location"],
            "what": wording.named(verdicts),
            "printed": verdicts["printed"].map(wording.printed),
            "recomputed": [_first(wording.printed(text)) for text in verdicts["recomputed"]],
            "verdict": verdicts["verdict"].map(audit.VERDICTS),
            "why": [
                wording.explained(text, paper=paper) for text in verdicts["reason"].where(wrong, "")
            ],
        }
    )
    headings = {
        "where": "Where",
        "what": "What",
        "printed": "Printed",
        "recomputed": "Recomputed",
        "verdict": "Verdict",
        "why": "Why",
    }
    left_out = [name for name, kept in (("where", places), ("why", wrong.any())) if not kept]
    shown = shown.drop(columns=left_out)
    made = tables.table(
        shown,
        caption=caption,
        headings={name: headings[name] for name in shown},
        footnote=footnote,
    )
    compact = made.gt.tab_options(data_row_padding="2px", table_font_size="12px")
    return Table(made.caption, made.data, compact)


def _layout(paper: str, number: str) -> layouts.Table:
    known = layouts.load(paper).tables
    if number not in known:
        raise KitError(f"no table {number!r}", where=f"data/{paper}", right=", ".join(known))
    return known[number]


def _cell(printed: str, recomputed: str, verdict: str) -> str:
    """Write a cell: the first of several ways to recompute it is enough."""
    sign = audit.VERDICTS[verdict].split()[0]
    if not recomputed:
        return f"{printed}{_FIXED}{sign}"
    return f"{printed}\n{sign}{_FIXED}{_first(recomputed)}"


def _first(recomputed: str) -> str:
    """Return the first way to a number, and how many more there are."""
    way, *more = recomputed.split("; ")
    # A sum that is broken in two is hard to read.
    return way.replace(" ", _FIXED) + (f" (+{len(more)})" if more else "")
