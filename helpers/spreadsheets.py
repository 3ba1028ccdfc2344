"""Tables as CSV that is safe to open in a spreadsheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# What spreadsheets take for the start of a formula, the wide signs of Japanese ones included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def as_csv(table: pd.DataFrame, *, spreadsheet: bool) -> bytes:
    """Return a table as CSV.

    Parameters
    ----------
    table : pandas.DataFrame
        The table.
    spreadsheet : bool
        Whether it is to be opened in a spreadsheet: then it is marked as UTF-8, and an apostrophe
        stands before text that would be taken for a formula.

    Returns
    -------
    bytes
        Encoded as UTF-8, without the table's index.
    """
    if spreadsheet:
        table = table.map(_guarded)
    text: str = table.to_csv(index=False, lineterminator="\n")
    return text.encode("utf-8-sig" if spreadsheet else "utf-8")


def _guarded(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
