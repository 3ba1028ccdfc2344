"""A forest plot: each study's share with its interval, and below what they say together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from helpers import figures
from helpers.errors import KitError
from helpers.figures import BLACK, BLUE, GREY, VERMILION, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = ("study", "open", "pooled", "predicted")
"""What a row may be: a study's rate; a study of which only a range is known; the mean of all with
its interval; the prediction interval of a further study."""

_COLUMNS = ("label", "counts", "kind", "estimate", "lower", "upper")
_PITCH, _HEAD, _FOOT = 0.27, 0.12, 0.62
_LEFT, _RIGHT, _WIDTH = 2.95, 1.5, 8.6


def draw_forest(table: pd.DataFrame, *, xlabel: str) -> Picture:
    """Draw studies one below the other, and what is made of them.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per line, from top to bottom: ``label``; ``counts``, such as 12 of 21; ``kind``, one
        of `KINDS`; ``estimate``, ``lower`` and ``upper`` from 0 to 1, the estimate nan where there
        is none; and ``weight``, the share of a study in the mean, nan where it has none.
    xlabel : str
        What the shares are of, without the unit.

    Returns
    -------
    Picture

    Raises
    ------
    KitError
        If a column is missing, a kind is unknown, or limits aren't shares in order.
    """
    if missing := [each for each in (*_COLUMNS, "weight") if each not in table]:
        raise KitError(f"no column {', '.join(missing)}", right=", ".join((*_COLUMNS, "weight")))
    if not set(table["kind"]) <= set(KINDS):
        raise KitError("an unknown kind of row", where="forest plot", right=" or ".join(KINDS))
    limits = table[["lower", "upper"]].to_numpy(float)
    if len(limits) and not ((limits >= 0) & (limits <= 1)).all():
        raise KitError("limits that aren't shares", right="0 ≤ lower ≤ upper ≤ 1")
    height = _HEAD + _PITCH * max(len(table), 1) + _FOOT
    with figures.drawing(_WIDTH, height) as (figure, axes):
        figure.set_layout_engine("none")
        across = _WIDTH - _LEFT - _RIGHT
        axes.set_position(
            (_LEFT / _WIDTH, _FOOT / height, across / _WIDTH, 1 - (_FOOT + _HEAD) / height)
        )
        axes.set_xlim(0, 100)
        axes.set_ylim(len(table) - 0.4, -0.6)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color="#E5E5E5")
        for place, row in enumerate(table.itertuples()):
            _draw_row(axes, place, row)
        together = table["kind"].isin(["pooled", "predicted"]).to_numpy()
        if together.any() and not together.all():
            axes.axhline(np.flatnonzero(together)[0] - 0.5, color=GREY, lw=0.8)
        axes.set_xlabel(f"{xlabel} (%)", labelpad=3)
        return figures.picture(figure, f"Forest plot. {xlabel}. {_words(table)}")


def _draw_row(axes: Axes, place: int, row: object) -> None:
    label, counts, kind, weight = (
        getattr(row, name) for name in ("label", "counts", "kind", "weight")
    )
    low, middle, high = (100 * getattr(row, name) for name in ("lower", "estimate", "upper"))
    colour = {"study": BLUE, "open": GREY, "pooled": BLACK, "predicted": VERMILION}[kind]
    if kind == "pooled":
        axes.fill(
            [low, middle, high, middle], [place, place - 0.28, place, place + 0.28], color=colour
        )
    elif kind == "open":
        # Hollow: nothing in it is more likely than the rest.
        axes.fill(
            *([low, high, high, low], [place - 0.16] * 2 + [place + 0.16] * 2),
            facecolor="white",
            edgecolor=colour,
            hatch="////",
            lw=0.8,
        )
    else:
        axes.plot([low, high], [place, place], color=colour, lw=1.6, zorder=2)
        axes.plot([low, high], [place, place], "|", color=colour, ms=7, mew=1.6, clip_on=False)
    if kind == "study":
        size = 4 + 7 * np.sqrt(weight) if weight == weight else 4
        axes.plot(middle, place, "s", color=colour, ms=size, clip_on=False, zorder=3)
    heavy = "bold" if kind == "pooled" else "normal"
    text: dict[str, Any] = {"va": "center", "fontsize": 8.5, "weight": heavy, "clip_on": False}
    across = axes.get_yaxis_transform()
    axes.text(-0.695, place, label, transform=across, ha="left", **text)
    axes.text(-0.02, place, counts, transform=across, ha="right", **text)
    axes.text(1.03, place, _numbers(low, middle, high, kind), transform=across, **text)


def _numbers(low: float, middle: float, high: float, kind: str) -> str:
    if kind == "open":
        return f"{low:.0f} to {high:.0f}, open"
    if kind == "predicted":
        return f"{low:.0f} to {high:.0f}"
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"


def _words(table: pd.DataFrame) -> str:
    told = []
    for row in table.itertuples():
        low, middle, high = (100 * float(each) for each in (row.lower, row.estimate, row.upper))
        counts = f", {row.counts}" if row.counts else ""
        told.append(f"{row.label}{counts}: {_numbers(low, middle, high, str(row.kind))} %")
    return "; ".join(told) + "." if told else "Nothing to draw."
