"""Figures: one style, a data function and a drawing function for each.

``*_data`` returns the DataFrame behind a figure; tests hold it. ``draw_*`` draws it and returns
a `Picture`: the drawing with its text alternative, shown as an image wherever a notebook is.
"""

from __future__ import annotations

import base64
import html
import io
import itertools
import math
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from helpers.survival import KaplanMeier, number_at_risk

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe M, Ito K. Color Universal Design, 2008: told apart with every common colour vision.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#8A8A8A"

_ONE_AT_A_TIME = threading.RLock()
_STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    # No figure has ticks at the top; else each drawing looks for them, anew for each title.
    "axes.titley": 1.0,
    "axes.axisbelow": True,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.facecolor": "white",
    # The same drawing twice gives the same bytes.
    "svg.hashsalt": "trial-by-notebook",
    "svg.fonttype": "path",
}

# Inches from axes to their labels, beyond ticks with one line of figures, three at the side.
_LABEL_BELOW, _LABEL_BESIDE = 0.33, 0.46
# Points from the origin to the heading of the numbers at risk, and from line to line of them.
_RISK = (-14.0, -25.0, 12.2)

_PHASES = {
    "before venetoclax": "#D9D9D9",
    "on venetoclax, until response": ORANGE,
    "in remission": SKY,
    "after relapse": PURPLE,
}
# The look of an event is the same in every figure: name, marker, colour.
MOMENTS = {
    "RSPM": ("response", "o", GREEN),
    "HSCTM": ("transplant", "^", BLUE),
    "RLPM": ("relapse", "X", VERMILION),
    "DTHM": ("death", "s", BLACK),
    "LSTALVM": ("alive at last contact", ">", GREEN),
}


@dataclass(frozen=True)
class Picture:
    """A drawing and what it shows in words.

    Attributes
    ----------
    svg : bytes
        The drawing.
    alt : str
        The text alternative, for those who can't see the drawing.
    """

    svg: bytes
    alt: str

    def __repr__(self) -> str:
        return self.alt

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.svg).decode("ascii")
        return (
            f'<img class="tbn-picture" style="max-width: 100%; height: auto" '
            f'alt="{html.escape(self.alt)}" src="data:image/svg+xml;base64,{data}">'
        )


def swimmer_data(history: pd.DataFrame) -> pd.DataFrame:
    """Return the bars and markers of a swimmer plot.

    Parameters
    ----------
    history : pandas.DataFrame
        What `helpers.timeline.history` returns.

    Returns
    -------
    pandas.DataFrame
        One row per bar or marker: ``USUBJID, KIND`` (``phase`` or ``moment``), ``NAME``,
        ``START`` and ``END`` in months from diagnosis (equal for a moment), and ``PRINTED``:
        whether the paper prints that time, or it rests on an assumption.
    """
    rows: list[tuple[str, str, str, float, float, bool]] = []
    for _, patient in history.iterrows():
        turns = [patient["DIAGM"], patient["TRTM"], patient["RSPM"], patient["RLPM"]]
        turns = [patient["LSTALVM"] if pd.isna(turn) else turn for turn in turns]
        turns.append(patient["LSTALVM"])
        for name, (start, end) in zip(_PHASES, itertools.pairwise(turns), strict=True):
            if end > start:
                rows.append((patient["USUBJID"], "phase", name, start, end, False))
        for column, (name, _, _) in MOMENTS.items():
            at = patient[column]
            if pd.notna(at) and not (column == "LSTALVM" and pd.notna(patient["DTHM"])):
                given = column in ("DTHM", "LSTALVM")
                rows.append((patient["USUBJID"], "moment", name, at, at, given))
    table = pd.DataFrame(rows, columns=["USUBJID", "KIND", "NAME", "START", "END", "PRINTED"])
    begin = table["USUBJID"].map(history.set_index("USUBJID")["DIAGM"])
    return table.assign(START=table["START"] - begin, END=table["END"] - begin)


def draw_swimmer(history: pd.DataFrame, labels: pd.Series | None = None) -> Picture:
    """Draw a swimmer plot: one bar per patient, from diagnosis to death or last contact.

    Filled markers stand at printed times, hollow ones at times that rest on an assumption.

    Parameters
    ----------
    history : pandas.DataFrame
        What `helpers.timeline.history` returns, in the order to draw from top to bottom.
    labels : pandas.Series of str, optional
        What to write beside each patient, indexed like `history`.

    Returns
    -------
    Picture
    """
    data = swimmer_data(history)
    subjects = list(history["USUBJID"])
    names = ["Patient " + str(subject) for subject in subjects]
    if labels is not None:
        names = [f"{name}\n{label}" for name, label in zip(names, labels, strict=True)]
    legend = _swimmer_legend(data)
    width, height = 7.6, 1.7 + 0.42 * len(subjects)
    left = 0.25 + max([text_width(line) for name in names for line in name.split("\n")] + [0.5])
    bottom = 0.65 + 0.18 * math.ceil(len(legend) / 4)
    with drawing(width, height) as (figure, axes):
        place(
            axes,
            (left / width, bottom / height, 0.97 - left / width, 1 - (bottom + 0.1) / height),
        )
        # One artist for the bars of a patient, and for marks of a kind: each takes its time.
        for subject, bars in data[data["KIND"] == "phase"].groupby("USUBJID", sort=False):
            axes.broken_barh(
                list(zip(bars["START"], bars["END"] - bars["START"], strict=True)),
                (subjects.index(subject) - 0.25, 0.5),
                facecolors=[_PHASES[name] for name in bars["NAME"]],
            )
        marks = data[data["KIND"] == "moment"]
        for (name, given), some in marks.groupby(["NAME", "PRINTED"], sort=False):
            _mark(axes, some["START"], some["USUBJID"].map(subjects.index), str(name), bool(given))
        axes.set_yticks(range(len(subjects)), names)
        axes.set_ylim(len(subjects) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.set_xlabel("Months from diagnosis")
        axes.grid(axis="x", color="#E5E5E5")
        figure.legend(
            handles=legend,
            loc="lower center",
            ncols=4,
            frameon=False,
            fontsize=8,
        )
        return picture(figure, _swimmer_words(history))


def mutations_data(patients: pd.DataFrame) -> pd.DataFrame:
    """Return which patient has which mutated gene.

    Parameters
    ----------
    patients : pandas.DataFrame
        With ``USUBJID`` and ``GENES``, a tuple of gene names.

    Returns
    -------
    pandas.DataFrame of int
        One row per gene, the most frequent first, one column per patient; 1 if mutated.
    """
    pairs = patients[["USUBJID", "GENES"]].explode("GENES").dropna()
    table = pd.crosstab(pairs["GENES"], pairs["USUBJID"]).reindex(
        columns=patients["USUBJID"], fill_value=0
    )
    order = table.sum(axis=1).sort_index().sort_values(ascending=False, kind="stable").index
    return table.loc[order]


def draw_mutations(patients: pd.DataFrame) -> Picture:
    """Draw mutated genes by patient.

    Parameters
    ----------
    patients : pandas.DataFrame
        As for `mutations_data`.

    Returns
    -------
    Picture
    """
    import seaborn as sns

    table = mutations_data(patients)
    with drawing(5.2, 1.2 + 0.22 * len(table)) as (figure, axes):
        if table.empty:
            axes.set_axis_off()
            return picture(figure, "Mutated genes by patient: 0 in all.")
        sns.heatmap(
            table,
            ax=axes,
            cmap=["#EFEFEF", BLUE],
            cbar=False,
            linewidths=1.5,
            linecolor="white",
            yticklabels=True,
        )
        axes.set_xlabel("Patient")
        axes.set_ylabel("")
        axes.tick_params(length=0)
        axes.set_yticklabels(table.index, rotation=0, style="italic")
        axes.set_xticklabels(table.columns, rotation=0)
        more = table[table.sum(axis=1) > 1]
        words = "; ".join(
            f"{gene} in patients {', '.join(map(str, row[row > 0].index))}"
            for gene, row in more.iterrows()
        )
        alt = f"Mutated genes by patient: {len(table)} in all. More than once: {words or 'none'}."
        return picture(figure, alt)


def calendar_data(calendars: pd.DataFrame) -> pd.DataFrame:
    """Return the dose-by-day table behind a dose calendar.

    Parameters
    ----------
    calendars : pandas.DataFrame
        ``USUBJID`` (or any name of a row), ``STUDYDAY`` and ``DOSE``, mg.

    Returns
    -------
    pandas.DataFrame
        One row per patient, one column per day; NaN after the last day of a course.
    """
    table = calendars.pivot(index="USUBJID", columns="STUDYDAY", values="DOSE")
    return table.loc[calendars["USUBJID"].unique()]


def draw_calendar(
    calendars: pd.DataFrame, *, row: str = "Patient {}", drug: str = "venetoclax"
) -> Picture:
    """Draw doses as a calendar, a square a day, with the sum of each row.

    Parameters
    ----------
    calendars : pandas.DataFrame
        As for `calendar_data`.
    row : str, optional
        How a row is named; ``{}`` stands for its ``USUBJID``.
    drug : str, optional
        What is given.

    Returns
    -------
    Picture
    """
    table = calendar_data(calendars)
    days = table.columns.to_numpy() if table.size else np.array([1])
    top = max(400.0, float(calendars["DOSE"].max()) if table.size else 0.0)
    width = min(11.0, 3.4 + 0.19 * max(len(days), 21))
    labels = [row.format(name) for name in table.index]
    height = 1.3 + 0.42 * len(table)
    with drawing(width, height) as (figure, axes):
        left = 0.25 + max(map(text_width, labels), default=0.0)
        place(axes, (left / width, 0.6 / height, 1 - (left + 0.1) / width, 1 - 0.7 / height))
        for y, (_, doses) in enumerate(table.iterrows()):
            given = np.flatnonzero(doses.to_numpy() > 0)
            # One artist for a row: hundreds of single bars take most of a second.
            axes.broken_barh(
                [(days[place] - 0.45, 0.9) for place in given],
                (y - 0.39, 0.78),
                facecolors=[_dose_colour(doses.iloc[place] / top) for place in given],
            )
            _write_changes(axes, days, doses.to_numpy(), y, top)
            axes.text(
                days[-1] + 1.2,
                y,
                f"{np.nansum(doses):,.0f} mg",
                va="center",
                fontsize=9,
                weight="bold",
            )
        axes.set_yticks(range(len(table)), labels)
        axes.set_ylim(len(table) - 0.4, -0.6)
        axes.set_xlim(0.3, days[-1] + 5)
        axes.set_xticks([day for day in days if day == 1 or day % 7 == 0])
        axes.set_xlabel(f"Day of {drug}, dose in mg; at the right the cumulative dose")
        axes.spines["left"].set_visible(False)
        axes.tick_params(left=False)
        words = "; ".join(
            f"{row.format(name)}: {int((doses > 0).sum())} days, {np.nansum(doses):,.0f} mg in all"
            for name, doses in table.iterrows()
        )
        return picture(figure, f"Dose calendar. {words or 'Nobody was given a dose'}.")


def draw_cumulative(calendars: dict[str, pd.DataFrame]) -> Picture:
    """Draw the cumulative dose of several calendars as steps.

    Parameters
    ----------
    calendars : dict of str to pandas.DataFrame
        What `helpers.dosing.calendar` returns, by the name to write at its line.

    Returns
    -------
    Picture
    """
    colours = [BLUE, VERMILION, GREEN, PURPLE, ORANGE]
    with drawing(7.6, 3.4) as (figure, axes):
        place(axes, (0.1, 0.15, 0.88, 0.82))
        for (name, table), colour, dash in zip(
            calendars.items(), colours, ["-", "--", ":", "-.", "-"], strict=False
        ):
            days = np.concatenate([[0], table["STUDYDAY"]])
            total = np.concatenate([[0], table["CUMDOSE"]]) / 1000
            axes.step(days, total, where="post", color=colour, linestyle=dash, lw=2, label=name)
        axes.set_xlabel("Day")
        axes.set_ylabel("Cumulative venetoclax (g)")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.grid(color="#E5E5E5")
        axes.legend(frameon=False, loc="upper left", fontsize=9)
        ends = "; ".join(
            f"{name}: {table['CUMDOSE'].iloc[-1]:,} mg by day {table['STUDYDAY'].iloc[-1]}"
            for name, table in calendars.items()
        )
        return picture(figure, f"Cumulative venetoclax over time. {ends}.")


def risk_table_data(
    curves: Sequence[tuple[KaplanMeier, np.ndarray]], at: np.ndarray
) -> pd.DataFrame:
    """Return the numbers at risk below a Kaplan-Meier plot.

    Parameters
    ----------
    curves : sequence of (KaplanMeier, ndarray)
        Each curve with the times, in months, that it was made from.
    at : ndarray
        The months at which to count.

    Returns
    -------
    pandas.DataFrame
        One row per curve, one column per month: patients with a time of that month or later.
    """
    return pd.DataFrame(
        [number_at_risk(times, at) for _, times in curves],
        index=[curve.label for curve, _ in curves],
        columns=at,
    )


def draw_survival(
    curves: Sequence[tuple[KaplanMeier, np.ndarray]],
    *,
    ylabel: str = "Overall survival",
    xlabel: str = "Months from diagnosis",
    behind: Sequence[KaplanMeier] = (),
) -> Picture:
    """Draw Kaplan-Meier curves with bands, censoring ticks and numbers at risk.

    Parameters
    ----------
    curves : sequence of (KaplanMeier, ndarray)
        Each curve with the times, in months, that it was made from.
    ylabel, xlabel : str, optional
        The endpoint; the clock, with its unit.
    behind : sequence of KaplanMeier, optional
        Curves drawn thin and grey behind, such as those that other assumptions give.

    Returns
    -------
    Picture
    """
    longest = max([float(curve.curve["time"].max()) for curve, _ in curves] + [1.0])
    step = next(each for each in (1, 2, 3, 6, 12, 24) if longest / each <= 10 or each == 24)
    at = np.arange(0, longest + step, step)
    colours = [BLUE, VERMILION, GREEN, PURPLE]
    names = _risk_names(curves)
    width, height = 7.6, 4.0 + 0.25 * len(curves)
    left = max([0.25 + text_width(name, 8) - _RISK[0] / 72 for name in names] + [0.75])
    bottom = 0.4 + (_RISK[2] * len(names) - _RISK[1]) / 72
    with drawing(width, height) as (figure, axes):
        place(
            axes,
            (left / width, bottom / height, 0.97 - left / width, 1 - (bottom + 0.12) / height),
        )
        for curve in behind:
            _steps(axes, curve, color="#BDBDBD", lw=0.8, zorder=1)
        for (curve, _), colour, dash in zip(curves, colours, ["-", "--", "-.", ":"], strict=False):
            _steps(axes, curve, color=colour, lw=2, linestyle=dash, zorder=3, label=curve.label)
            points = curve.curve
            band = points.ffill()
            axes.fill_between(
                points["time"],
                band["lower"],
                band["upper"],
                step="post",
                color=colour,
                alpha=0.13,
                lw=0,
            )
            ticks = points[points["censored"] > 0]
            axes.plot(ticks["time"], ticks["survival"], "|", color=colour, ms=11, mew=1.8, zorder=4)
        axes.set_ylim(0, 1.03)
        axes.set_yticks(np.arange(0, 1.01, 0.25), ["0", "25", "50", "75", "100"])
        axes.set_xlim(0, at[-1] * 1.015)
        axes.set_xticks(at, [f"{month:g}" for month in at])
        axes.set_ylabel(f"{ylabel} (%)")
        axes.grid(axis="y", color="#E5E5E5")
        _write_risk(axes, curves, at, names)
        axes.set_xlabel(xlabel)
        axes.xaxis.set_label_coords(0.5, -(bottom - 0.3) / (height - bottom - 0.12))
        if len(curves) > 1:
            axes.legend(frameon=False, loc="upper right")
        words = " ".join(_curve_words(curve) for curve, _ in curves)
        return picture(figure, f"Kaplan-Meier plot of {ylabel.lower()}. {words}")


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Draw in the kit's style: one figure with one pair of axes.

    Parameters
    ----------
    width, height : float
        In inches.

    Yields
    ------
    figure : matplotlib.figure.Figure
        The figure. Its layout is constrained, which costs most of the time of a drawing;
        ``figure.set_layout_engine("none")`` leaves every place to the caller.
    axes : matplotlib.axes.Axes
        The axes.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # JupyterLab delivers widget messages in more than one thread, and rc_context is global.
    with _ONE_AT_A_TIME, mpl.rc_context(_STYLE):
        # Without pyplot: nothing is kept alive, and no backend draws it a second time.
        figure = Figure(figsize=(width, height))
        FigureCanvasAgg(figure)
        yield figure, figure.add_subplot()


def place(axes: Axes, box: tuple[float, float, float, float]) -> None:
    """Give axes and their labels a place, so that none is worked out.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        The axes that `drawing` gave, or others of its figure.
    box : tuple of float
        Left, bottom, width and height, as shares of the figure's.

    Notes
    -----
    A drawing with places given takes half the time of one whose places are worked out.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.set_layout_engine("none")
    axes.set_position(box)
    width, height = figure.get_size_inches()
    axes.xaxis.set_label_coords(0.5, -_LABEL_BELOW / (height * box[3]))
    axes.yaxis.set_label_coords(-_LABEL_BESIDE / (width * box[2]), 0.5)


@lru_cache(maxsize=2048)
def text_width(text: str, size: float = 10.0, bold: bool = False) -> float:
    """Return how wide a text is drawn.

    Parameters
    ----------
    text : str
        One line.
    size : float, optional
        Of its letters, points.
    bold : bool, optional
        Whether they are bold.

    Returns
    -------
    float
        Inches.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    weight = "bold" if bold else "normal"
    font = FontProperties(family=_STYLE["font.family"], size=size, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0]) / 72


def picture(figure: Figure, alt: str) -> Picture:
    """Finish a drawing.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What `drawing` gave, drawn upon; call this before its block ends.
    alt : str
        What the drawing shows, in words.

    Returns
    -------
    Picture
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.BytesIO()
    # The same bytes as figure.savefig gives, which draws everything twice.
    FigureCanvasSVG(figure).print_svg(  # type: ignore[no-untyped-call]
        buffer, metadata={"Date": None, "Creator": None}
    )
    return Picture(buffer.getvalue(), alt)


def _mark(axes: Axes, x: pd.Series, y: pd.Series, name: str, given: bool) -> None:
    marker, colour = next((m, c) for label, m, c in MOMENTS.values() if label == name)
    face = colour if given else "white"
    axes.plot(x, y, marker, ms=8, mec=colour, mew=1.6, mfc=face, clip_on=False)


def _swimmer_legend(data: pd.DataFrame) -> list[object]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    shown = set(data["NAME"])
    bars: list[object] = [
        Patch(color=colour, label=name) for name, colour in _PHASES.items() if name in shown
    ]
    assumed = set(data.loc[(data["KIND"] == "moment") & ~data["PRINTED"], "NAME"])
    marks: list[object] = [
        Line2D(
            [],
            [],
            ls="",
            marker=marker,
            mec=colour,
            mew=1.6,
            mfc="white" if name in assumed else colour,
            label=f"{name} (time assumed)" if name in assumed else name,
        )
        for name, marker, colour in MOMENTS.values()
        if name in shown
    ]
    return bars + marks


def _swimmer_words(history: pd.DataFrame) -> str:
    words = []
    for _, patient in history.iterrows():
        end = patient["LSTALVM"] - patient["DIAGM"]
        fate = "died" if pd.notna(patient["DTHM"]) else "alive"
        more = ", transplanted" if pd.notna(patient["HSCTM"]) else ""
        more += ", relapsed" if pd.notna(patient["RLPM"]) else ""
        words.append(f"patient {patient['USUBJID']} {fate} at {end:g} months{more}")
    return (
        "Swimmer plot from diagnosis: " + "; ".join(words) + "." if words else "Empty swimmer plot."
    )


def _dose_colour(share: float) -> tuple[float, float, float]:
    light, dark = np.array([0.87, 0.93, 0.98]), np.array([0.0, 0.447, 0.698])
    red, green, blue = light + (dark - light) * min(max(share, 0.0), 1.0)
    return float(red), float(green), float(blue)


def _write_changes(axes: Axes, days: np.ndarray, doses: np.ndarray, y: float, top: float) -> None:
    """Write a dose where it first applies, so that a colour need not be read off a scale."""
    before = 0.0
    for index, dose in enumerate(doses):
        if dose != before and dose > 0:
            run = int(np.argmax(doses[index:] != dose)) or len(doses) - index
            axes.text(
                days[index + (run - 1) // 2],
                y,
                f"{dose:g}",
                ha="center",
                va="center",
                color="white" if dose / top > 0.6 else "black",
                fontsize=6.5,
            )
        before = dose


def _steps(axes: Axes, curve: KaplanMeier, **style: object) -> None:
    points = curve.curve
    axes.step(points["time"], points["survival"], where="post", **style)  # type: ignore[arg-type]


def _risk_names(curves: Sequence[tuple[KaplanMeier, np.ndarray]]) -> list[str]:
    """Return what stands beside the numbers at risk, line by line."""
    names = [textwrap.shorten(str(curve.label), 16, placeholder="…") for curve, _ in curves]
    return ["At risk", *(names if len(names) > 1 else [""])]


def _write_risk(
    axes: Axes,
    curves: Sequence[tuple[KaplanMeier, np.ndarray]],
    at: np.ndarray,
    names: Sequence[str],
) -> None:
    lines = [f"{month:g}\n" for month in at]
    for row in risk_table_data(curves, at).to_numpy():
        lines = [f"{line}\n{count}" for line, count in zip(lines, row, strict=True)]
    axes.set_xticks(at, lines)
    across, down, apart = _RISK
    for position, name in enumerate(names):
        axes.annotate(
            name,
            (0, 0),
            xytext=(across, down - apart * position),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=8,
            weight="normal" if position else "bold",
        )


def _curve_words(curve: KaplanMeier) -> str:
    name = f"{curve.label}: " if curve.label else ""
    return f"{name}{curve.n} patients, {curve.events} events, median {median_words(curve)}."


def median_words(curve: KaplanMeier) -> str:
    """Put a median survival time and its interval into words.

    Parameters
    ----------
    curve : KaplanMeier
        The curve.

    Returns
    -------
    str
        For example ``36 months (95% CI 9 to not estimable)``.
    """
    if not curve.n:
        return "not estimable: no patients"

    def months(value: float, missing: str) -> str:
        return missing if np.isnan(value) else f"{value:.1f}".removesuffix(".0")

    median = months(curve.median, "not reached")
    lower = months(curve.median_lower, "not estimable")
    upper = months(curve.median_upper, "not estimable")
    unit = "" if np.isnan(curve.median) else " months"
    return f"{median}{unit} ({curve.level:.0%} CI {lower} to {upper})"
