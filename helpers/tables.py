"""Tables as journals set them: caption, headings, footnotes; printed and recomputed together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from helpers import audit, catalogue, cohort, wording

if TYPE_CHECKING:
    from great_tables import GT


@dataclass(frozen=True)
class Table:
    """A set table: its numbers and their presentation.

    Attributes
    ----------
    caption : str
        What it shows.
    data : pandas.DataFrame
        Its cells.
    gt : great_tables.GT
        The presentation, which can be changed further or saved in other formats.
    """

    caption: str
    data: pd.DataFrame
    gt: GT

    def __repr__(self) -> str:
        return f"{self.caption}\n{self.data.to_string(index=False)}"

    def _repr_html_(self) -> str:
        return str(self.gt.as_raw_html())


def table(
    data: pd.DataFrame,
    *,
    caption: str,
    headings: dict[str, str] | None = None,
    footnote: str = "",
    align_right: tuple[str, ...] = (),
) -> Table:
    """Set a table.

    Parameters
    ----------
    data : pandas.DataFrame
        What to show; text is shown as it is, a missing value as nothing.
    caption : str
        What the table shows.
    headings : dict of str to str, optional
        Headings by column; a column without one keeps its name.
    footnote : str, optional
        Abbreviations and notes below.
    align_right : tuple of str, optional
        The columns to set flush right, such as numbers.

    Returns
    -------
    Table
        The same content always gives the same HTML.
    """
    from great_tables import GT

    # A random id, the default, would make each run of a lesson differ from the last.
    slug = "tbn-" + re.sub(r"[^a-z0-9]+", "-", caption.lower()).strip("-")[:60]
    cases: dict[str, Any] = dict(headings or {})
    shown = data.astype(object).where(data.notna(), "")
    result = (
        GT(shown, id=slug)
        .tab_header(caption)
        .cols_label(cases=cases)
        .cols_align("left")
        .tab_options(
            table_font_size="14px",
            heading_align="left",
            heading_title_font_size="15px",
            heading_title_font_weight="bold",
            data_row_padding="5px",
            table_margin_left="0",
            source_notes_font_size="12px",
        )
    )
    if align_right:
        result = result.cols_align("right", list(align_right))
    return Table(caption, shown, result.tab_source_note(footnote) if footnote else result)


def printed(paper: str, number: str) -> Table:
    """Set a table of patients as the paper prints it.

    Parameters
    ----------
    paper : str
        The paper's id.
    number : str
        The table's number in the paper.

    Returns
    -------
    Table
        Each cell as printed.

    Raises
    ------
    DataError
        If the paper has no such table or shows no patients.
    """
    layout = catalogue.table_layout(paper, number)
    cells = cohort.printed(paper)[[column.variable for column in layout.columns]]
    headings = {column.variable: column.heading for column in layout.columns}
    return table(cells, caption=layout.caption, headings=headings, footnote=layout.footnote)


def ledger(
    verdicts: pd.DataFrame, *, caption: str, footnote: str = "", reasons: bool = False
) -> Table:
    """Set verdicts: each printed number beside the recomputed one.

    Parameters
    ----------
    verdicts : pandas.DataFrame
        A ledger, such as `helpers.audit.from_patients` returns.
    caption : str
        What the table shows.
    footnote : str, optional
        Notes below.
    reasons : bool, optional
        Whether to show why a number isn't reproduced, in place of how it was tried.

    Returns
    -------
    Table
    """
    how = verdicts["method"]
    if reasons:
        how = verdicts["reason"].where(verdicts["verdict"] != "reproduced", how)
    shown = pd.DataFrame(
        {
            "paper": verdicts["paper"],
            "location": verdicts["location"],
            "what": wording.named(verdicts),
            "printed": verdicts["printed"].map(wording.printed),
            "recomputed": verdicts["recomputed"].map(wording.printed),
            "verdict": verdicts["verdict"].map(audit.VERDICTS),
            "how": [
                wording.explained(text, paper=paper)
                for text, paper in zip(how, verdicts["paper"], strict=True)
            ],
        }
    )
    headings = {
        "paper": "Paper",
        "location": "Where",
        "what": "What",
        "printed": "Printed",
        "recomputed": "Recomputed",
        "verdict": "Verdict",
        "how": "How, or why not" if reasons else "How",
    }
    if shown["paper"].nunique() < 2:
        shown = shown.drop(columns="paper")
    return table(
        shown,
        caption=caption,
        headings={name: headings[name] for name in shown},
        footnote=footnote,
    )


def beside(data: pd.DataFrame, *, caption: str, footnote: str = "") -> Table:
    """Set published numbers beside what recomputes them.

    Parameters
    ----------
    data : pandas.DataFrame
        What `helpers.ledgers.beside` returns.
    caption : str
        What the table shows.
    footnote : str, optional
        Notes below.

    Returns
    -------
    Table
    """
    return table(
        data,
        caption=caption,
        headings={
            "what": "What",
            "printed": "Printed",
            "recomputed": "From other numbers",
            "cohorts": "In every cohort",
            "verdict": "Verdict",
        },
        footnote=footnote,
    )


def ranges(data: pd.DataFrame, *, caption: str, footnote: str = "") -> Table:
    """Set what quantities come to over a paper's synthetic cohorts.

    Parameters
    ----------
    data : pandas.DataFrame
        What `helpers.synthetic.table` returns.
    caption : str
        What the table shows.
    footnote : str, optional
        Notes below.

    Returns
    -------
    Table
    """
    return table(
        data,
        caption=caption,
        headings={
            "what": "Over all synthetic cohorts",
            "lowest": "Lowest",
            "middle": "Middle half",
            "highest": "Highest",
            "agreement": "So it is",
        },
        footnote=footnote,
        align_right=("lowest", "middle", "highest"),
    )
