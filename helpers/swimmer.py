"""Swimmer plot of a whole trial: a bar for each patient, from the start of treatment on.

`helpers.figures.draw_swimmer` shows a few patients, named, from diagnosis on and with the phases
of their disease. Here are up to a hundred or so, told apart by what they have in common.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import figures
from helpers.catalogue import Variable
from helpers.errors import KitError
from helpers.figures import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOMENTS = ("RSPM", "RLPM", "HSCTM", "DTHM", "LSTALVM")
"""What is marked on a bar, as the columns of an event history."""

UNKNOWN = "not recorded"

# Okabe and Ito's, paler, so that what is marked on them stands out; each with its own pattern.
_FILLS = (
    ("#8CCBF0", ""),
    ("#E8F4FC", "//////"),
    ("#F7EE9A", "||||||"),
    ("#D4D4D4", ""),
    ("#F6CF85", "\\\\\\\\\\\\"),
    ("#F3DCEB", "xxxxxx"),
    ("#FFFFFF", "------"),
)
_EDGE = "#7A7A7A"
_NAMED = 30
"""Up to how many patients each bar has its patient's name beside it."""


def swimmer_data(
    history: pd.DataFrame,
    *,
    variables: Mapping[str, Variable],
    fill: str = "",
    blocks: str = "",
) -> pd.DataFrame:
    """Return the bars of a swimmer plot with what is marked on them.

    Parameters
    ----------
    history : pandas.DataFrame
        One row per patient: ``USUBJID`` and the columns of an event history, as
        `helpers.endpoints` names them, in months; of those that are marked only ``DTHM`` and
        ``LSTALVM`` must be there. Without ``TRTM``, the clock starts with treatment.
    variables : mapping of str to Variable
        What is recorded of the patients.
    fill, blocks : str, optional
        Variables: what fills the bars, and what patients are put together by; each a category.

    Returns
    -------
    pandas.DataFrame
        A row per patient from top to bottom: ``USUBJID, BLOCK, FILL`` (in words), ``END``, and
        the columns `MOMENTS`, all in months from the start of treatment and NaN where nothing is
        marked: ``LSTALVM`` holds whoever is alive at the last contact. Blocks come in the order
        in which the variable's values are declared, in each the longest bar first, then by
        ``USUBJID``.

    Raises
    ------
    KitError
        If a column is missing, a variable isn't a recorded category, or a bar would end before
        treatment starts.
    """
    missing = sorted({"USUBJID", "DTHM", "LSTALVM", fill, blocks} - {""} - set(history.columns))
    if missing:
        raise KitError(
            f"no {', '.join(missing)}", where="swimmer plot", right="an event history with them"
        )
    start = history.get("TRTM", 0.0)
    table = pd.DataFrame({"USUBJID": history["USUBJID"]})
    for column, name in (("BLOCK", blocks), ("FILL", fill)):
        table[column] = _in_words(history, name, variables)
    table["END"] = history["DTHM"].fillna(history["LSTALVM"]).astype(float) - start
    for name in MOMENTS:
        marked = history[name].astype(float) - start if name in history else float("nan")
        table[name] = marked
    table["LSTALVM"] = table["LSTALVM"].where(table["DTHM"].isna())
    early = table[~(table["END"] >= 0)]
    if len(early):
        raise KitError(
            f"the bar of patient {early['USUBJID'].iloc[0]} has no end after its start",
            where="swimmer plot",
            right="a death or last contact after the start of treatment",
        )
    order = table.assign(BLOCK=table["BLOCK"].cat.codes, END=-table["END"])
    # Patient 10 comes after patient 9.
    order["LENGTH"] = order["USUBJID"].astype(str).str.len()
    rows = order.sort_values(["BLOCK", "END", "LENGTH", "USUBJID"], kind="stable").index
    return table.loc[rows].reset_index(drop=True)


def _in_words(history: pd.DataFrame, name: str, variables: Mapping[str, Variable]) -> pd.Series:
    """Return a category in words, ordered as its values are declared."""
    if not name:
        return pd.Series(pd.Categorical([""] * len(history), [""]), index=history.index)
    if name not in variables or not variables[name].values:
        raise KitError(f"{name} isn't a category", where="swimmer plot", right="a category")
    words = variables[name].values
    told = history[name].map(words).fillna(UNKNOWN)
    names = dict.fromkeys([*words.values(), UNKNOWN])
    return pd.Series(pd.Categorical(told, list(names)), index=history.index)


def draw_swimmer(
    data: pd.DataFrame, *, xlabel: str = "Months from the start of treatment", note: str = ""
) -> Picture:
    """Draw a swimmer plot.

    Parameters
    ----------
    data : pandas.DataFrame
        What `swimmer_data` returned.
    xlabel : str, optional
        The clock, with its unit.
    note : str, optional
        A sentence below, such as where the patients come from.

    Returns
    -------
    Picture
    """
    pitch = 0.112 if len(data) > _NAMED else 0.24
    blocks = [(str(name), rows) for name, rows in data.groupby("BLOCK", observed=True)]
    gap = 0.9 if len(data) > _NAMED else 0.5
    rows = len(data) + gap * max(len(blocks) - 1, 0)
    above, below = 0.6, 0.55 + (0.2 if note else 0.0)
    height = above + max(rows, 1.0) * pitch + below
    with figures.drawing(8.6, height) as (figure, axes):
        figure.set_layout_engine("none")
        named = len(data) <= _NAMED
        left = 0.21 if any(name for name, _ in blocks) else 0.04
        left += 0.06 if named else 0.0
        axes.set_position((left, below / height, 0.975 - left, 1 - (above + below) / height))
        place = data["BLOCK"].cat.remove_unused_categories().cat.codes.to_numpy()
        at = np.arange(len(data)) + 0.5 + gap * place
        _draw_bars(axes, data, at, 7.5 if named else 5.2)
        for name, bars in blocks:
            if name:
                _name_block(axes, name, len(bars), float(at[bars.index].mean()), named)
        axes.set_ylim(max(rows, 1.0), 0)
        longest = float(data["END"].max()) if len(data) else 1.0
        axes.set_xlim(0, longest * 1.03 + 0.2)
        step = next(each for each in (1, 2, 3, 6, 12, 24, 120) if longest / each <= 12)
        axes.set_xticks(range(0, int(longest) + 1, step))
        axes.set_yticks(at if named else [], data["USUBJID"] if named else [], fontsize=8)
        axes.tick_params(left=False)
        axes.spines["left"].set_visible(True)
        axes.set_xlabel(xlabel)
        axes.grid(axis="x", color="#E5E5E5")
        figure.legend(
            handles=_legend(data),
            loc="upper center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=5,
            frameon=False,
            fontsize=8.5,
            handlelength=1.6,
            columnspacing=1.4,
        )
        if note:
            figure.text(0.02, 0.06 / height, note, fontsize=8, color="#404040", va="bottom")
        return figures.picture(figure, _words(data) + (f" {note}" if note else ""))


def _looks(data: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return the colour and the pattern of each kind of bar."""
    return {
        name: _FILLS[place % len(_FILLS)]
        for place, name in enumerate(data["FILL"].cat.categories)
        if (data["FILL"] == name).any()
    }


def _draw_bars(axes: Axes, data: pd.DataFrame, at: NDArray[np.float64], size: float) -> None:
    """Draw all bars of a kind as one, and so the marks: a hundred of each take their time."""
    from matplotlib.collections import PolyCollection
    from matplotlib.transforms import ScaledTranslation

    for name, (colour, hatch) in _looks(data).items():
        some = (data["FILL"] == name).to_numpy()
        top, bottom, end = at[some] - 0.39, at[some] + 0.39, data.loc[some, "END"].to_numpy()
        start = np.zeros_like(end)
        x, y = (start, end, end, start), (top, top, bottom, bottom)
        bars = PolyCollection(
            list(np.stack([np.stack(x, axis=-1), np.stack(y, axis=-1)], axis=-1)),
            facecolor=colour,
            hatch=hatch,
            edgecolor=_EDGE,
            linewidth=0.4,
            zorder=2,
        )
        axes.add_collection(bars, autolim=False)
    for column in MOMENTS:
        _, marker, colour = figures.MOMENTS[column]
        marked = data[column].notna().to_numpy()
        # Whoever is alive goes on: the arrow starts where the bar ends.
        ahead = size / 144 if column == "LSTALVM" else 0.0
        axes.plot(
            data.loc[marked, column],
            at[marked],
            marker,
            transform=axes.transData + ScaledTranslation(ahead, 0, axes.figure.dpi_scale_trans),
            ms=size,
            mfc=colour,
            mec="white",
            mew=0.6,
            clip_on=False,
            zorder=4,
        )


def _name_block(axes: Axes, name: str, size: int, middle: float, named: bool) -> None:
    axes.text(
        -0.075 if named else -0.015,
        middle,
        "\n".join(textwrap.wrap(name, 20, break_on_hyphens=False)) + f"\nn = {size}",
        transform=axes.get_yaxis_transform(),
        ha="right",
        va="center",
        fontsize=9,
    )


def _legend(data: pd.DataFrame) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    bars = [
        Patch(facecolor=colour, hatch=hatch, edgecolor=_EDGE, linewidth=0.4, label=name)
        for name, (colour, hatch) in _looks(data).items()
        if name
    ]
    marks = [
        Line2D([], [], ls="", marker=marker, ms=6, mfc=colour, mec="white", mew=0.5, label=name)
        for name, marker, colour in (figures.MOMENTS[column] for column in MOMENTS)
    ]
    return [*bars, *marks]


def _words(data: pd.DataFrame) -> str:
    """Say in words what a swimmer plot shows: who they are, what happened, how long."""
    if data.empty:
        return "Swimmer plot of nobody."

    def counted(column: str) -> str:
        counts = data[column].value_counts(sort=False)
        return ", ".join(f"{n} {name}" for name, n in counts.items() if n and name)

    parts = [f"Swimmer plot of {len(data)} patients, from the start of treatment"]
    parts += [f"in blocks: {told}"] if (told := counted("BLOCK")) else []
    parts += [f"bars filled by: {told}"] if (told := counted("FILL")) else []
    marks = [
        f"{figures.MOMENTS[name][0]} in {data[name].notna().sum()}"
        for name in MOMENTS
        if data[name].notna().any()
    ]
    parts.append("marked: " + ", ".join(marks))
    ends = data["END"]
    parts.append(
        f"followed for {ends.min():.1f} to {ends.max():.1f} months, half of them for "
        f"{ends.median():.1f} or more"
    )
    return "; ".join(parts) + "."
