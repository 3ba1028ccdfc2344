"""Venetoclax in documents side by side: days and milligrams, as each plans it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from helpers import catalogue, dosing, figures, regimen, tables
from helpers.comparison import documents
from helpers.comparison.settings import METRICS
from helpers.dosing import Schedule
from helpers.figures import BLUE, GREY, Picture
from helpers.parameters import Settings
from helpers.tables import Table
from helpers.whatif import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = ("paper", "label", "plan", "stated", *METRICS)
"""The columns of what `exposures` returns."""

_BESIDE = {
    "none": "",
    "moderate": ", beside a moderate inhibitor",
    "strong": ", beside a strong inhibitor",
    "posaconazole": ", beside posaconazole",
}


def plans(paper: str, *, cycles: int = 1) -> tuple[dict[str, Schedule], bool]:
    """Return the schedules of venetoclax that a document states, or else the label's.

    Parameters
    ----------
    paper : str
        The paper's id.
    cycles : int, optional
        How many cycles.

    Returns
    -------
    schedules : dict of str to helpers.dosing.Schedule
        By what to call them; none if the document leaves it open and nothing stands in.
    stated : bool
        Whether the document states them.
    """
    if regimen.described(paper):
        return regimen.plans(paper, cycles=cycles), True
    own = catalogue.load(paper).regimens
    if own:
        return {each.label: Schedule.planned(each, cycles) for each in own.values()}, True
    combinations = dosing.label().combinations
    found = {
        combinations[name].label: Schedule.planned(combinations[name], cycles)
        for name in documents.load().documents[paper].label_doses
    }
    return found, False


def exposures(*, cycles: int = 1, cyp3a_inhibitor: str = "none") -> pd.DataFrame:
    """Work out how much venetoclax each plan gives.

    Parameters
    ----------
    cycles : int, optional
        How many cycles.
    cyp3a_inhibitor : {'none', 'moderate', 'strong', 'posaconazole'}, optional
        Taken throughout; the label's reduction applies.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, one row per plan: whether the document states it, and the exposure in
        each of `helpers.comparison.settings.METRICS`; nan where nothing is stated.
    """
    rows: list[dict[str, Any]] = []
    for paper, each in documents.load().documents.items():
        found, stated = plans(paper, cycles=cycles)
        base = {"paper": paper, "label": each.label, "stated": stated}
        if not found:
            rows.append(base | {"plan": "no dose stated"} | dict.fromkeys(METRICS, np.nan))
        for name, schedule in found.items():
            given = dosing.calendar(replace(schedule, cyp3a_inhibitor=cyp3a_inhibitor))
            first = given[given["CYCLE"] == 1]
            values = (
                first["DOSE"].sum(),
                (first["DOSE"] > 0).sum(),
                given["DOSE"].sum(),
                given["DOSE"].mean(),
            )
            rows.append(base | {"plan": name} | dict(zip(METRICS, map(float, values), strict=True)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def draw(data: pd.DataFrame, *, metric: str) -> Picture:
    """Draw the exposure of each plan as a bar.

    Parameters
    ----------
    data : pandas.DataFrame
        What `exposures` returned.
    metric : str
        One of `helpers.comparison.settings.METRICS`.

    Returns
    -------
    Picture
    """
    pitch, above, below, left, width = 0.36, 0.08, 0.55, 3.9, 8.6
    height = above + pitch * len(data) + below
    with figures.drawing(width, height) as (figure, axes):
        figure.set_layout_engine("none")
        right = 1.0
        axes.set_position(
            (
                left / width,
                below / height,
                (width - left - right) / width,
                pitch * len(data) / height,
            )
        )
        _draw_bars(axes, data, metric)
        axes.set_ylim(len(data) - 0.5, -0.5)
        axes.set_yticks([])
        axes.set_xlabel(f"Venetoclax, {metric}; hollow: by the label, the document states none")
        axes.grid(axis="x", color="#E5E5E5")
        told = "; ".join(
            f"{row.label}, {row.plan}: {_number(value)}"
            for row, value in zip(data.itertuples(), data[metric], strict=True)
        )
        return figures.picture(figure, f"Bars: venetoclax, {metric}. {told}.")


def _draw_bars(axes: Axes, data: pd.DataFrame, metric: str) -> None:
    most = float(np.nanmax(data[metric]))
    axes.set_xlim(0, most)
    axes.locator_params(axis="x", nbins=5)
    across = axes.get_yaxis_transform()
    for place, (row, value) in enumerate(zip(data.itertuples(), data[metric], strict=True)):
        stated = bool(row.stated)
        if value == value:
            axes.barh(
                *(place, value, 0.55),
                facecolor=BLUE if stated else "white",
                edgecolor=BLUE if stated else GREY,
                hatch=None if stated else "////",
                lw=1.0,
            )
        axes.text(
            *(max(float(value), 0.0) + 0.015 * most if value == value else 0.015 * most, place),
            _number(value),
            va="center",
            fontsize=8.5,
        )
        axes.text(
            *(-0.02, place, f"{row.label}\n{row.plan}"),
            transform=across,
            ha="right",
            va="center",
            fontsize=7.5,
            linespacing=1.05,
        )


def _number(value: float) -> str:
    if value != value:
        return "not stated"
    return f"{value:,.0f}"


def table(data: pd.DataFrame, *, caption: str) -> Table:
    """Set the exposure of each plan.

    Parameters
    ----------
    data : pandas.DataFrame
        What `exposures` returned.
    caption : str
        What the table shows.

    Returns
    -------
    Table
    """
    shown = data.assign(
        label=data["label"].where(~data["label"].duplicated(), ""),
        stated=[
            "the document" if stated else "the label" if value == value else "nobody"
            for stated, value in zip(data["stated"], data[METRICS[0]], strict=True)
        ],
        **{name: data[name].map(_number) for name in METRICS},
    )
    return tables.table(
        shown[["label", "plan", "stated", *METRICS]],
        caption=caption,
        headings={
            "label": "Document",
            "plan": "Plan",
            "stated": "Stated by",
            **{name: name[0].upper() + name[1:] if name[0] == "d" else name for name in METRICS},
        },
        align_right=METRICS,
    )


def outcome(settings: Settings, *, paper: str = "") -> Outcome:
    """Show the exposure of all plans by the settings' measure.

    Parameters
    ----------
    settings : Settings
        With the settings ``exposure``.
    paper : str, optional
        Not used: all documents are shown.

    Returns
    -------
    Outcome
        ``data`` is what `exposures` returned.
    """
    asked: Any = settings
    data = exposures(cycles=asked.cycles, cyp3a_inhibitor=asked.cyp3a_inhibitor)
    stated = data[data["stated"]].sort_values(asked.dose_metric, kind="stable")
    low, high = stated.iloc[0], stated.iloc[-1]
    times = high[asked.dose_metric] / low[asked.dose_metric]
    cycles = f"{asked.cycles} cycle{'s' if asked.cycles > 1 else ''}"
    inhibitor = asked.cyp3a_inhibitor
    words = (
        f"Venetoclax, {asked.dose_metric}"
        + (f", {cycles}" if asked.dose_metric in METRICS[2:] else "")
        + _BESIDE[inhibitor]
        + f": least {low['label']} ({low['plan']}) with {_number(low[asked.dose_metric])}, most "
        f"{high['label']} ({high['plan']}) with {_number(high[asked.dose_metric])}, "
        f"{times:.1f} times as much. In order: "
        + ", ".join(f"{row.label} ({row.plan})" for row in stated.itertuples())
        + ". As planned; what was swallowed is printed of single patients only, and milligrams "
        "swallowed beside an inhibitor aren't milligrams in the blood."
    )
    return Outcome(words, (draw(data, metric=asked.dose_metric),), data)
