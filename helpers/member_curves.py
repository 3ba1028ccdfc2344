"""Curves of one synthetic cohort, within the band of all the others that fit the paper.

A member of an ensemble has every printed number, and so have all others: between the printed
numbers their curves part. A figure shows one member's curve, which can be read like any other,
and behind it, at each time, from the lowest to the highest of all members. That band is no
confidence interval: it doesn't say how other patients would fare, but what these may have been.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers import figures
from helpers.errors import KitError
from helpers.figures import BLUE, GREEN, PURPLE, VERMILION, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from helpers.endpoints import Observed
    from helpers.survival.competing import Incidences

Estimate = Literal["survival", "incidence"]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SYNTHETIC = "Synthetic: agrees with every printed number, not the authors’ curve"
"""What stands below each figure of reconstructed patients."""

_SLACK = 1e-9
_VALUES = ("value", "lowest", "highest")
_STEPS = 250
"""Into how many steps the band is cut; within each it holds all that any member's curve does."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One member's curve of a group, with the band of all members.

    Attributes
    ----------
    group, event : str
        Whose curve, and of what.
    own : pandas.DataFrame
        The member's steps: the ``month`` and the ``value`` from then on, 0 to 1, from month 0 to
        the last observed time. Empty if the member has nobody in the group.
    censored : pandas.DataFrame
        Where on a survival curve someone is censored: ``month, value``.
    band : pandas.DataFrame
        From month ``start`` up to ``end`` the ``lowest`` and the ``highest`` value that the curve
        of any member has, and of how many ``members`` one goes so far.
    told : pandas.DataFrame
        At each of the months of the figure: ``month``, the member's ``value`` and the ``lowest``
        and ``highest`` of all; nan where follow-up has ended.
    """

    group: str
    event: str
    own: pd.DataFrame
    censored: pd.DataFrame
    band: pd.DataFrame
    told: pd.DataFrame


@dataclass(frozen=True, eq=False)
class MemberCurves:
    """The curves of a figure.

    Attributes
    ----------
    estimate : {'survival', 'incidence'}
        Kaplan-Meier survival, or cumulative incidence with competing events.
    member, members : int
        The place of the one that is drawn, from 1, and how many there are.
    curves : tuple of Curve
        Group by group.
    at_risk : dict of str to pandas.DataFrame
        By group: ``month``, the member's number of patients ``n`` and the ``lowest`` and
        ``highest`` of all.
    """

    estimate: Estimate
    member: int
    members: int
    curves: tuple[Curve, ...]
    at_risk: dict[str, pd.DataFrame]


def curves_data(
    observed: Observed,
    groups: Mapping[str, Flags],
    *,
    events: tuple[str, ...] = ("event",),
    estimate: Estimate = "survival",
    member: int = 1,
    months: ArrayLike | None = None,
) -> MemberCurves:
    """Estimate one member's curves and the band of all members.

    Parameters
    ----------
    observed : Observed
        What an endpoint definition makes of all members, of shape ``(members, patients)``.
    groups : mapping of str to numpy.ndarray of bool
        By the name of each group who is in it, of that shape; patients whom `observed` doesn't
        include are left out.
    events : tuple of str, optional
        What to call the event and, of a cumulative incidence, its competing event; without a
        second name the competing event isn't shown.
    estimate : {'survival', 'incidence'}, optional
        ``'survival'`` takes competing events for censorings.
    member : int, optional
        Which member to show, from 1.
    months : array_like of float, optional
        Ascending months from 0, where to count who is at risk; the curves end at the last. If not
        given, whole steps up to the member's last observed time.

    Returns
    -------
    MemberCurves

    Raises
    ------
    KitError
        If there is no such member, the shapes don't fit, or nobody is in any group.

    Notes
    -----
    Curves are those of `helpers.survival.competing.cumulative_incidence`; with one cause, one
    minus the incidence is Kaplan and Meier's estimate. A member's curve ends at its last observed
    time, unless all have had an event; from there on the band is that of the others.
    """
    from helpers.survival.competing import cumulative_incidence, incidence_counts

    time, where = _shaped(observed, groups, member)
    code = np.asarray(observed.code)
    if estimate == "survival":
        code = (code == 1).astype(np.int8)
    causes = [1, 2][: 1 if estimate == "survival" else min(len(events), 2)]
    found = cumulative_incidence(time[:, None], code[:, None], where=where, causes=causes)
    followed = np.max(found.ordered.time, axis=-1, where=found.ordered.present, initial=0.0)
    # Where everyone has had an event, nothing can come any more.
    end = np.where((found.n > 0) & (_last(found.survival) <= _SLACK), np.inf, followed)
    last = followed[member - 1]
    at = _ticks(float(last.max())) if months is None else np.asarray(months, dtype=float)
    grid = np.linspace(0.0, at[-1], _STEPS + 1)
    heights, known = _on_grid(found, grid), end[..., None] >= grid - _SLACK
    read, readable = _on_grid(found, at), end[..., None] >= at - _SLACK
    known &= (found.n > 0)[..., None]
    readable &= (found.n > 0)[..., None]
    counts = incidence_counts(found, at).at_risk
    # A survival curve is an incidence upside down.
    turned = estimate == "survival"

    curves, at_risk = [], {}
    for place, group in enumerate(groups):
        risk = counts[:, place]
        numbers = {"n": risk[member - 1], "lowest": risk.min(axis=0), "highest": risk.max(axis=0)}
        at_risk[group] = pd.DataFrame({"month": at} | numbers)
        end_here = min(float(followed[member - 1, place]), at[-1])
        nobody = found.n[member - 1, place] == 0
        for cause, event in enumerate(events[: len(causes)]):
            steps = found.time[member - 1, place], found.incidence[member - 1, place, cause]
            own = _own(*steps, 0.0 if nobody else end_here)[nobody * 3 :]
            lost = np.array([])
            if turned and not nobody:
                censored = where[member - 1, place] & (code[member - 1] == 0)
                lost = np.unique(time[member - 1][censored & (time[member - 1] <= end_here)])
            height = _on_grid(found, lost)[member - 1, place, cause]
            tables = (
                own,
                pd.DataFrame({"month": lost, "value": height}),
                _band(heights[:, place, cause], known[:, place], grid),
                _told(read[:, place, cause], readable[:, place], member, at),
            )
            if turned:
                tables = tuple(_turned_over(each) for each in tables)
            curves.append(Curve(group, event, *tables))
    return MemberCurves(estimate, member, len(time), tuple(curves), at_risk)


def _shaped(observed: Observed, groups: Mapping[str, Flags], member: int) -> tuple[Floats, Flags]:
    """Return the times and, with an axis for the groups, who is in which."""
    time = np.asarray(observed.time, dtype=float)
    if time.ndim != 2 or any(np.shape(each) != time.shape for each in groups.values()):
        raise KitError(
            "members and groups of different shapes",
            where="curves of a member",
            right="(members, patients) for each",
        )
    if not 1 <= member <= len(time):
        raise KitError(f"given {member}", where="member", right=f"1 to {len(time)}")
    where = np.zeros((len(time), len(groups), time.shape[1]), dtype=bool)
    for place, each in enumerate(groups.values()):
        where[:, place] = observed.included & each
    if not where.any():
        raise KitError("nobody to follow", where="curves of a member", right="a larger group")
    return np.where(observed.included, time, 0.0), where


def _ticks(longest: float) -> Floats:
    """Return round months from 0 to the last one that is needed."""
    step = next(each for each in (1, 2, 3, 6, 12, 24, 60, 120) if longest <= 9 * each)
    return np.arange(0, max(math.ceil(longest / step), 1) + 1, dtype=np.float64) * step


def _last(heights: Floats) -> Floats:
    return heights[..., -1] if heights.shape[-1] else np.ones(heights.shape[:-1])


def _on_grid(found: Incidences, grid: Floats) -> Floats:
    """Return each incidence at ascending times: ``(members, groups, causes, times)``.

    As `helpers.survival.competing.incidence_at` reads it, for hundreds of times at once and
    without limits: each step goes to the first time that it reaches, and on from there.
    """
    reached = np.searchsorted(grid, found.time - _SLACK)
    shape = (*found.incidence.shape[:-1], len(grid) + 1)
    heights = np.zeros(shape)
    # Of steps between the same two times the last, which is the highest, stays.
    index = np.broadcast_to(reached[..., None, :], found.incidence.shape)
    np.put_along_axis(heights, index, found.incidence, axis=-1)
    return np.maximum.accumulate(heights, axis=-1)[..., :-1]


def _band(heights: Floats, known: Flags, grid: Floats) -> pd.DataFrame:
    """Return what the curves that go so far have at least and at most, step by step.

    A curve rises, so that from one time to the next it lies between its values there.
    """
    begun, ended = heights[:, :-1], heights[:, 1:]
    some = known[:, :-1]
    lowest = np.min(begun, axis=0, where=some, initial=np.inf)
    highest = np.max(ended, axis=0, where=some, initial=-np.inf)
    number = some.sum(axis=0)
    return pd.DataFrame(
        {
            "start": grid[:-1],
            "end": grid[1:],
            "lowest": np.where(number > 0, lowest, np.nan),
            "highest": np.where(number > 0, highest, np.nan),
            "members": number,
        }
    )


def _told(read: Floats, readable: Flags, member: int, at: Floats) -> pd.DataFrame:
    """Return what the curves are at some months."""
    some = readable.any(axis=0)
    lowest = np.min(read, axis=0, where=readable, initial=np.inf)
    highest = np.max(read, axis=0, where=readable, initial=-np.inf)
    return pd.DataFrame(
        {
            "month": at,
            "value": np.where(readable[member - 1], read[member - 1], np.nan),
            "lowest": np.where(some, lowest, np.nan),
            "highest": np.where(some, highest, np.nan),
        }
    )


def _own(months: Floats, heights: Floats, end: float) -> pd.DataFrame:
    """Return the steps of one curve, from month 0 to its end."""
    shown = months <= end + _SLACK
    level = heights[shown][-1] if shown.any() else 0.0
    return pd.DataFrame(
        {
            "month": np.concatenate([[0.0], months[shown], [end]]),
            "value": np.concatenate([[0.0], heights[shown], [level]]),
        }
    )


def _turned_over(table: pd.DataFrame) -> pd.DataFrame:
    """Make survival of incidence."""
    # A sum of shares may be above 1 by some bits.
    upside = {
        name: np.maximum(1 - table[name].to_numpy(), 0.0) for name in _VALUES if name in table
    }
    if "lowest" in upside:
        upside["lowest"], upside["highest"] = upside["highest"], upside["lowest"]
    return table.assign(**upside)


# --- drawing -------------------------------------------------------------------------------------

_COLOURS = (BLUE, VERMILION, GREEN, PURPLE)
_DASHES = ("-", (0, (5, 2)), (0, (6, 1.5, 1.5, 1.5)), (0, (1.2, 1.6)))
_WIDTH, _LEFT, _RIGHT, _AXES = 8.6, 1.5, 0.25, 3.0
_GREY = "#505050"


def draw_curves(
    data: MemberCurves,
    *,
    ylabel: str,
    xlabel: str,
    source: str = SYNTHETIC,
    how_many: str = "",
) -> Picture:
    """Draw one member's curves within the band of all members, with the numbers at risk.

    Parameters
    ----------
    data : MemberCurves
        What `curves_data` returned.
    ylabel, xlabel : str
        The endpoint; the clock, with its unit.
    source : str, optional
        What the patients are, in words without a full stop.
    how_many : str, optional
        Where groups have other numbers of members, a word in place of the number.

    Returns
    -------
    Picture
    """
    groups, many = list(data.at_risk), len(data.curves) > 1
    ranged = _ranged(data)
    tall = ranged or any(len(_in_two(group)) > 1 for group in groups)
    pitch = 0.36 if tall else 0.2
    above = 0.1 + (0.22 * math.ceil(len(data.curves) / 2) if many else 0.0)
    below = 0.9 + pitch * len(groups) + (0.2 if len(groups) > 1 else 0.0)
    height = above + _AXES + below
    with figures.drawing(_WIDTH, height) as (figure, axes):
        figure.set_layout_engine("none")
        across = _WIDTH - _LEFT - _RIGHT
        axes.set_position((_LEFT / _WIDTH, below / height, across / _WIDTH, _AXES / height))
        top = _draw_curves(axes, data)
        months = data.at_risk[groups[0]]["month"].to_numpy()
        axes.set_xlim(0, months[-1])
        axes.set_xticks(months, [f"{month:g}" for month in months])
        axes.set_ylim(0, top * 1.02)
        ticks = np.arange(0, top + 0.01, 0.25 if top > 0.6 else 0.1)
        axes.set_yticks(ticks, [f"{100 * tick:.0f}" for tick in ticks])
        axes.set_ylabel(f"{ylabel} (%)")
        axes.set_xlabel(xlabel, labelpad=2)
        axes.grid(axis="y", color="#E5E5E5")
        if many:
            _name_curves(axes, data)
        _write_risk(axes, data, pitch)
        for place, line in enumerate(reversed(_notes(data, source, how_many))):
            figure.text(
                *(0.15 / _WIDTH, (0.09 + 0.16 * place) / height, line),
                fontsize=8,
                color=_GREY,
                va="bottom",
            )
        return figures.picture(figure, _words(data, ylabel, source, how_many))


def _ranged(data: MemberCurves) -> bool:
    """Say whether members differ in their numbers at risk."""
    return any((risk["lowest"] != risk["highest"]).any() for risk in data.at_risk.values())


def _draw_curves(axes: Axes, data: MemberCurves) -> float:
    """Draw bands and curves; return where the axis ends."""
    from matplotlib.patches import StepPatch

    top = 1.0 if data.estimate == "survival" else 0.0
    for place, curve in enumerate(data.curves):
        colour, dash, width = _look(place, data)
        own, band = curve.own, curve.band
        # Where the line has ended, the band of who is followed longer would only confuse.
        band = band[(band["members"] > 0) & (band["start"] < own["month"].max())]
        if data.members > 1 and len(band):
            # Bands that lie on each other are told apart by their edges; those of competing
            # events are edges only.
            lowest, highest = (band[name].to_numpy() for name in ("lowest", "highest"))
            moved = np.r_[True, (np.diff(lowest) != 0) | (np.diff(highest) != 0)]
            outline = StepPatch(
                highest[moved],
                np.append(
                    band["start"].to_numpy()[moved], min(band["end"].max(), own["month"].max())
                ),
                baseline=lowest[moved],
                fill=True,
                facecolor=(colour, 0.2 if width > 1.5 else 0.0),
                edgecolor=(colour, 0.7),
                ls=dash,
                lw=0.5,
            )
            # Not add_patch, which takes most of a drawing's time to find limits that are known.
            axes.add_artist(outline)
        axes.step(
            own["month"], own["value"], where="post", color=colour, ls=dash, lw=width, zorder=3
        )
        lost = curve.censored
        axes.plot(lost["month"], lost["value"], "|", color=colour, ms=6, mew=0.9, zorder=4)
        top = max([top, *band["highest"], *own["value"]])
    return next(each for each in (0.3, 0.5, 0.75, 1.0) if top <= each - 0.01 or each == 1)


def _look(place: int, data: MemberCurves) -> tuple[str, Any, float]:
    """Return the colour, the dashes and the width of a curve: groups by colour, events by width."""
    curve = data.curves[place]
    groups = list(data.at_risk)
    shade = groups.index(curve.group) if len(groups) > 1 else place
    width = 2.0 if curve.event == data.curves[0].event else 1.3
    return _COLOURS[shade % len(_COLOURS)], _DASHES[place % len(_DASHES)], width


def _name(curve: Curve, data: MemberCurves) -> str:
    several = len({each.event for each in data.curves}) > 1
    parts = [curve.group] if curve.group else []
    return ": ".join([*parts, curve.event] if several or not parts else parts)


def _name_curves(axes: Axes, data: MemberCurves) -> None:
    """Name the curves above the plot, two to a row, each beside a piece of its line."""
    rows = math.ceil(len(data.curves) / 2)
    for place, curve in enumerate(data.curves):
        colour, dash, width = _look(place, data)
        x = 0.5 * (place % 2)
        y = 1 + (0.1 + 0.22 * (rows - 1 - place // 2)) / _AXES
        axes.plot(
            *([x, x + 0.06], [y, y]),
            transform=axes.transAxes,
            color=colour,
            ls=dash,
            lw=width,
            clip_on=False,
        )
        name = _name(curve, data)
        axes.text(x + 0.07, y, name, transform=axes.transAxes, fontsize=9, va="center")


def _write_risk(axes: Axes, data: MemberCurves, pitch: float) -> None:
    below: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "va": "center"}
    beside: dict[str, Any] = {"transform": axes.transAxes, "va": "center", "ha": "right"}
    left, y = -0.45 / (_WIDTH - _LEFT - _RIGHT), 0.55
    axes.text(left, -y / _AXES, "At risk", fontsize=8, weight="bold", **beside)
    for group, risk in data.at_risk.items():
        if len(data.at_risk) > 1:
            y += 0.2 if group == next(iter(data.at_risk)) else pitch
            name = _in_two(group)
            axes.text(
                left, -(y + 0.07 * (len(name) - 1)) / _AXES, "\n".join(name), fontsize=8, **beside
            )
        for each in risk.itertuples():
            axes.text(each.month, -y / _AXES, each.n, fontsize=8, ha="center", **below)
            if each.lowest != each.highest:
                text = f"{each.lowest}–{each.highest}"
                y_text = -(y + 0.14) / _AXES
                axes.text(each.month, y_text, text, fontsize=7, color=_GREY, ha="center", **below)


def _in_two(name: str) -> list[str]:
    """Break a name into two lines at most."""
    return textwrap.wrap(name, 16, max_lines=2, placeholder="…", break_on_hyphens=False) or [""]


def _notes(data: MemberCurves, source: str, how_many: str) -> list[str]:
    if data.members == 1:
        return [f"{source}."]
    several = len({curve.event for curve in data.curves}) > 1
    band = "Band (thin lines for competing events)" if several else "Band"
    return [
        f"Line: member {data.member}. {band}: lowest to highest of all "
        f"{how_many or data.members} members at each time; no confidence interval.",
        ("Grey: lowest to highest number at risk. " if _ranged(data) else "") + f"{source}.",
    ]


def _words(data: MemberCurves, ylabel: str, source: str, how_many: str) -> str:
    """Say in words what the curves show, at the months below the plot."""
    kind = "Kaplan-Meier curves" if data.estimate == "survival" else "Curves"
    many, number = data.members > 1, how_many or data.members
    told = [
        f"{kind} of {ylabel[:1].lower() + ylabel[1:]}"
        + (f", one of {number} members; in brackets the range over all" if many else "")
    ]
    for curve in data.curves:
        parts = []
        for each in curve.told.itertuples():
            if each.month and not math.isnan(each.value):
                text = f"{100 * each.value:.1f}% at {each.month:g} months"
                if many:
                    low, high = (f"{100 * end:.1f}" for end in (each.lowest, each.highest))
                    text += f" ({low})" if low == high else f" ({low} to {high})"
                parts.append(text)
        risk = data.at_risk[curve.group]["n"]
        told.append(
            f"{_name(curve, data)}, {risk.iloc[0]} patients: "
            f"{', '.join(parts) or 'nothing to estimate'}; at risk {', '.join(map(str, risk))}"
        )
    return ". ".join([*told, source]) + "."
