"""Mutation landscape (oncoprint): who has which mutation, beside how each one fared.

Genes are put together by what they do, the most frequent of each group first. Patients are in the
usual order of such figures: by the first gene, then by the second, and so on, so that each gene
runs as far to the left as those above it let it. What else is known of the patients, such as the
response, stands below in the same columns: a lane for each value, so that nothing rests on colour.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import figures, query, rounding
from helpers.catalogue import Variable
from helpers.errors import KitError
from helpers.figures import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Blocks = Mapping[str, Mapping[str, str]]
"""By heading the rows below it: by name, the cohort query of who has it."""
LEVELS = ("KIND", "BLOCK", "ROW")
"""The levels of the index of what `oncoprint_data` returns."""

_COLOURS = (
    figures.BLUE,
    figures.VERMILION,
    figures.GREEN,
    figures.PURPLE,
    figures.ORANGE,
    "#3A86B4",
    "#6B6B6B",
)
_TRACK, _PALE = "#3C3C3C", "#EBEBEB"


def oncoprint_data(
    patients: pd.DataFrame,
    genes: Blocks,
    *,
    variables: Mapping[str, Variable],
    tracks: Blocks | None = None,
    split: str = "",
) -> pd.DataFrame:
    """Return the cells of a mutation landscape, rows and columns in the order of drawing.

    Parameters
    ----------
    patients : pandas.DataFrame
        One row per patient, with ``USUBJID``.
    genes : mapping of str to mapping of str to str
        By functional group its genes: by the gene's name, the cohort query of who has the
        mutation.
    variables : mapping of str to Variable
        What is recorded of the patients.
    tracks : mapping of str to mapping of str to str, optional
        What stands below the genes, such as the response: by its heading the lanes, by what each
        is called the query of who is in it.
    split : str, optional
        The heading of the track by which patients are put apart before they are sorted.

    Returns
    -------
    pandas.DataFrame
        A row per gene and per lane, named by `LEVELS`: ``gene`` or ``track``, the group or the
        heading, the gene or the lane. A column per patient, named by the lane of `split` (empty
        without one, or for whoever is in none) and by ``USUBJID``. 1 for yes, 0 for no, NaN
        where the query asks what isn't recorded.

    Raises
    ------
    KitError
        If a gene stands in two groups, there is no such track to split by, or no ``USUBJID``.
    QueryError
        If a query cannot be read.

    Notes
    -----
    Genes are sorted by how many have the mutation, then by name, within their group; groups and
    tracks stay in the given order. Patients are sorted by the rows of genes from top to bottom,
    mutated first and not recorded last; those who are alike stay in the given order.
    """
    names = [gene for group in genes.values() for gene in group]
    if twice := sorted({gene for gene in names if names.count(gene) > 1}):
        raise KitError(f"{', '.join(twice)} twice", where="oncoprint", right="one group for each")
    if "USUBJID" not in patients:
        raise KitError("no USUBJID", where="oncoprint", right="a name for each patient")
    lanes = tracks or {}
    if split and split not in lanes:
        raise KitError(
            f"no track {split!r}", where="oncoprint", right=", ".join(lanes) or "no split"
        )
    rows: dict[tuple[str, str, str], NDArray[np.float64]] = {}
    for group, members in genes.items():
        cells = {gene: _cells(patients, text, variables) for gene, text in members.items()}
        for gene in sorted(cells, key=lambda gene: (-np.nansum(cells[gene]), gene)):
            rows["gene", group, gene] = cells[gene]
    # Not recorded sorts after no, and that after yes.
    keys = [np.nan_to_num(1 - cells, nan=2.0) for cells in rows.values()]
    for heading, each in lanes.items():
        for lane, text in each.items():
            rows["track", heading, lane] = _cells(patients, text, variables)
    apart, names = np.zeros(len(patients), dtype=int), [*lanes.get(split, {}), ""]
    if split:
        inside = np.array([rows["track", split, lane] == 1 for lane in names[:-1]])
        apart = np.where(inside.any(axis=0), inside.argmax(axis=0), len(names) - 1)
    columns = np.lexsort([*reversed(keys), apart])
    label = np.array(names, dtype=object)[apart] if split else np.full(len(patients), "")
    return pd.DataFrame(
        np.array([cells[columns] for cells in rows.values()]).reshape(len(rows), len(patients)),
        index=pd.MultiIndex.from_tuples(rows, names=LEVELS),
        columns=pd.MultiIndex.from_arrays(
            [label[columns], patients["USUBJID"].to_numpy()[columns]], names=["SPLIT", "USUBJID"]
        ),
    )


def frequencies(data: pd.DataFrame) -> pd.DataFrame:
    """Count the patients of each row of a mutation landscape.

    Parameters
    ----------
    data : pandas.DataFrame
        What `oncoprint_data` returned.

    Returns
    -------
    pandas.DataFrame
        Indexed like `data`: ``n`` patients, of how many of whom it is ``known``, and ``percent``
        of those.
    """
    n, known = data.sum(axis=1).astype(int), data.notna().sum(axis=1)
    return pd.DataFrame({"n": n, "known": known, "percent": 100 * n / known.where(known > 0)})


def _cells(
    patients: pd.DataFrame, text: str, variables: Mapping[str, Variable]
) -> NDArray[np.float64]:
    """Say whom a query picks: 1 for yes, 0 for no, NaN where what it asks isn't recorded."""
    yes, no = (
        query.parse(each, variables).mask(patients).to_numpy(bool)
        for each in (text, f"not ({text})")
    )
    return np.where(yes, 1.0, np.where(no, 0.0, np.nan))


# --- drawing -------------------------------------------------------------------------------------

_WIDTH, _LEFT, _RIGHT = 8.6, 1.95, 1.5
"""Inches: the figure; beside the cells the names and the frequencies."""
_ROW, _LANE, _HEADING, _SPLIT = 0.195, 0.17, 0.24, 0.1
"""Inches: the height of a gene, of a lane, of a block's name; between patients put apart."""
_BAR = 0.5
"""Inches: the longest bar of a frequency."""
_NAMED = 30
"""Up to how many patients each column has its patient's name above it."""


def draw_oncoprint(
    data: pd.DataFrame, *, title: str = "Mutations by patient", note: str = ""
) -> Picture:
    """Draw a mutation landscape.

    Parameters
    ----------
    data : pandas.DataFrame
        What `oncoprint_data` returned.
    title : str, optional
        What is shown, for the text alternative.
    note : str, optional
        A sentence below, such as where the patients come from.

    Returns
    -------
    Picture
    """
    counts = frequencies(data)
    columns = _Columns(data)
    places, bottom = _places(data, columns.top)
    notes = ["Blank: not recorded, or doesn’t apply."] if data.isna().to_numpy().any() else []
    notes += [note] if note else []
    with figures.drawing(_WIDTH, bottom + 0.08 + 0.16 * len(notes)) as (figure, axes):
        height = figure.get_size_inches()[1]
        figure.set_layout_engine("none")
        axes.set_position((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, _WIDTH)
        axes.set_ylim(height, 0)
        columns.name(axes)
        axes.text(_WIDTH - 0.1, columns.top - 0.05, "n (%)", fontsize=8, ha="right", va="bottom")
        longest = counts["percent"].max()
        shades: dict[tuple[str, str], str] = {}
        for place, (kind, block, name) in enumerate(data.index):
            y, tall = places[place]
            if (kind, block) not in shades:
                shades[kind, block] = (
                    _COLOURS[len(shades) % len(_COLOURS)] if kind == "gene" else _TRACK
                )
                axes.text(0.1, y - 0.1, block, fontsize=8.5, weight="bold", va="center")
            look = {"fontsize": 8.5, "style": "italic"} if kind == "gene" else {"fontsize": 8}
            middle = y + tall / 2
            axes.text(_LEFT - 0.07, middle, name, ha="right", va="center", **look)
            columns.fill(data.iloc[place].to_numpy(), y, tall, shades[kind, block])
            n, known, percent = counts.iloc[place]
            of = "" if known == data.shape[1] else f"/{known:.0f}"
            text = f"{n:.0f}{of} ({rounding.rounded(percent, '0.0')})" if known else "–"
            axes.text(_WIDTH - 0.1, middle, text, fontsize=8, ha="right", va="center")
            if n:
                start, end = _WIDTH - _RIGHT + 0.08, _BAR * percent / longest
                columns.add(shades[kind, block], start, start + end, y + 0.03, y + tall - 0.03)
        columns.draw(axes, bottom)
        for place, line in enumerate(notes):
            y = bottom + 0.12 + 0.16 * place
            axes.text(0.1, y, line, fontsize=8, color="#404040", va="center")
        return figures.picture(figure, _words(counts, data, title) + (f" {note}" if note else ""))


class _Columns:
    """A column for each patient, and the rectangles drawn in them, gathered by colour."""

    def __init__(self, data: pd.DataFrame) -> None:
        split = data.columns.get_level_values("SPLIT").astype(str).to_numpy()
        self.patients = data.columns.get_level_values("USUBJID").astype(str).to_list()
        starts = np.flatnonzero(np.r_[True, split[1:] != split[:-1]])[: len(split)]
        self.parts = [
            (str(split[first]), int(first), int(last))
            for first, last in itertools.pairwise([*starts, len(split)])
        ]
        room = _WIDTH - _LEFT - _RIGHT - _SPLIT * max(len(self.parts) - 1, 0)
        self.width = room / max(len(split), 1)
        part = np.cumsum(np.isin(np.arange(len(split)), starts)) - 1
        self.left = _LEFT + np.arange(len(split)) * self.width + part * _SPLIT
        self.named = len(split) <= _NAMED
        self.apart = any(name for name, _, _ in self.parts)
        self.top = 0.24 + (0.3 if self.apart else 0.0) + (0.14 if self.named else 0.0)
        self._filled: dict[str, list[tuple[float, float, float, float]]] = {}

    def add(self, colour: str, left: float, right: float, top: float, bottom: float) -> None:
        """Have a rectangle drawn."""
        self._filled.setdefault(colour, []).append((left, right, top, bottom))

    def fill(self, cells: NDArray[np.float64], top: float, tall: float, colour: str) -> None:
        """Have the cells of a row drawn: dark for yes, pale for no, blank for not recorded.

        Neighbours of one kind are one rectangle, through which the lines between patients go.
        """
        for _, first, last in self.parts:
            ends = np.flatnonzero(np.diff(np.nan_to_num(cells[first:last], nan=-1.0))) + 1
            for start, end in itertools.pairwise([first, *(first + ends), last]):
                if not np.isnan(cells[start]):
                    shade = colour if cells[start] else _PALE
                    right = self.left[end - 1] + self.width
                    self.add(shade, self.left[start], right, top + 0.015, top + tall - 0.015)

    def name(self, axes: Axes) -> None:
        """Write what patients are put apart by and, if there is room, who they are."""
        for name, first, last in self.parts:
            if self.apart:
                middle = (self.left[first] + self.left[last - 1] + self.width) / 2
                room = self.left[last - 1] + self.width - self.left[first]
                lines = textwrap.wrap(name or "none of these", max(int(room / 0.066), 5))
                text = textwrap.shorten(lines[0], 60) + ("…" if len(lines) > 1 else "")
                axes.text(
                    *(middle, 0.1, f"{text}\nn = {last - first}"),
                    fontsize=8,
                    ha="center",
                    va="top",
                )
        if self.named:
            for left, name in zip(self.left, self.patients, strict=True):
                x = left + self.width / 2
                axes.text(x, self.top - 0.05, name, fontsize=7.5, ha="center", va="bottom")

    def draw(self, axes: Axes, bottom: float) -> None:
        """Draw the rectangles, and white lines between patients."""
        from matplotlib.collections import LineCollection, PolyCollection

        for colour, rectangles in self._filled.items():
            corners = np.array(rectangles)[:, [0, 2, 1, 2, 1, 3, 0, 3]].reshape(-1, 4, 2)
            drawn = PolyCollection(list(corners), facecolor=colour, edgecolor="none", zorder=2)
            axes.add_collection(drawn, autolim=False)
        lines = [[(x, self.top), (x, bottom)] for x in [*self.left, *(self.left + self.width)]]
        thin = min(1.0, self.width * 72 * 0.22)
        axes.add_collection(
            LineCollection(lines, colors="white", linewidths=thin, zorder=2.5), autolim=False
        )


def _places(data: pd.DataFrame, top: float) -> tuple[list[tuple[float, float]], float]:
    """Return where each row starts and how high it is, and where the last one ends."""
    places, before = [], None
    for kind, block, _ in data.index:
        top += _HEADING if (kind, block) != before else 0.0
        tall, before = _ROW if kind == "gene" else _LANE, (kind, block)
        places.append((top, tall))
        top += tall
    return places, top


def _words(counts: pd.DataFrame, data: pd.DataFrame, title: str) -> str:
    """Say in words what a landscape shows: each block, its rows, how many of how many."""
    told = []
    for (_, block), rows in counts.groupby(level=["KIND", "BLOCK"], sort=False):
        each = ", ".join(
            f"{name} {row.n:.0f} of {row.known:.0f}"
            + (f" ({rounding.rounded(row.percent, '0.0')}%)" if row.known else "")
            for (_, _, name), row in zip(rows.index, rows.itertuples(), strict=True)
        )
        told.append(f"{block}: {each}")
    genes = data.loc[data.index.get_level_values("KIND") == "gene"]
    mutated = int((genes == 1).any(axis=0).sum())
    several = int(((genes == 1).sum(axis=0) > 1).sum())
    split = data.columns.get_level_values("SPLIT").value_counts(sort=False)
    parts = "; ".join(f"{name or 'none of these'} {n}" for name, n in split.items())
    return (
        f"{title}: {data.shape[1]} patients, {mutated} with a mutation shown, {several} with more "
        "than one. "
        + (f"Patients put apart: {parts}. " if any(split.index) else "")
        + ". ".join(told)
        + ("." if told else "")
    )
