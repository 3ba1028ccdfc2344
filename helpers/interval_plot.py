"""Estimates with their intervals, one below the other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers import figures
from helpers.errors import KitError
from helpers.figures import BLUE, VERMILION, Picture

_COLUMNS = ("label", "estimate", "lower", "upper")


def draw_intervals(
    table: pd.DataFrame, *, xlabel: str, note: str = "", line: float | None = None, name: str = ""
) -> Picture:
    """Draw shares with their intervals.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per estimate: ``label``, ``estimate``, ``lower`` and ``upper``, from 0 to 1.
    xlabel : str
        What the shares are of, with the unit per cent.
    note : str, optional
        A sentence below, such as where the patients come from.
    line : float, optional
        A share to mark by a vertical line, such as a historical one.
    name : str, optional
        What that line is.

    Returns
    -------
    Picture

    Raises
    ------
    KitError
        If a column is missing or a limit isn't a share in order.
    """
    if missing := [each for each in _COLUMNS if each not in table]:
        raise KitError(f"no column {', '.join(missing)}", right=", ".join(_COLUMNS))
    values = table[["lower", "estimate", "upper"]].to_numpy(float)
    if not ((np.diff(values, axis=1) >= -1e-9).all() and values.min() >= 0 and values.max() <= 1):
        raise KitError("limits out of order", right="0 ≤ lower ≤ estimate ≤ upper ≤ 1")
    low, middle, high = 100 * values.T
    place = np.arange(len(table))
    with figures.drawing(8.0, 1.15 + 0.34 * len(table)) as (figure, axes):
        axes.hlines(place, low, high, color=BLUE, lw=2)
        axes.plot(middle, place, "s", color=BLUE, ms=6)
        for y, (one, two, three) in enumerate(zip(low, middle, high, strict=True)):
            axes.text(103, y, f"{two:.0f} ({one:.0f}–{three:.0f})", va="center", fontsize=9)
        if line is not None:
            axes.axvline(100 * line, color=VERMILION, ls="--", lw=1.4)
            axes.text(100 * line, -0.75, name, color=VERMILION, ha="center", fontsize=9)
        axes.set_yticks(place, table["label"])
        axes.set_ylim(len(table) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        axes.set_xlabel(f"{xlabel}\n{note}" if note else xlabel)
        axes.grid(axis="x", color="#E5E5E5")
        axes.tick_params(axis="y", length=0)
        words = "; ".join(
            f"{label}: {two:.0f} % ({one:.0f} to {three:.0f})"
            for label, one, two, three in zip(table["label"], low, middle, high, strict=True)
        )
        marked = f" The line at {100 * line:.0f} % is {name}." if line is not None else ""
        return figures.picture(figure, f"{xlabel}. {words}.{marked} {note}".strip())
