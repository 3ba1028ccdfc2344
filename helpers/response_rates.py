"""How many patients responded, by what counts as a response, over a paper's synthetic cohorts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import (
    association,
    audit,
    catalogue,
    figures,
    layouts,
    paths,
    proportions,
    rounding,
    synthetic,
    tables,
)
from helpers.errors import KitError
from helpers.figures import BLACK, BLUE, VERMILION, Picture
from helpers.parameters import Settings
from helpers.reconstruct.member_arrays import Members
from helpers.synthetic import Range
from helpers.whatif import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]

_BEST = {
    "CR or CRi": "BESTRSP in ['CR', 'CRi']",
    "CR": "BESTRSP == 'CR'",
    "CR, CRi or PR": "BESTRSP in ['CR', 'CRi', 'PR']",
}
_FIRST = {"CR or CRi": "RSPC1 == 'CRc'", "CR, CRi or PR": "RSPC1 in ['CRc', 'PR']"}
_INTERVALS = {"exact": "clopper_pearson", "Wilson": "wilson"}
_OR_NONE = ", or none"
_ALL = "All patients"
_LEAST = 0.001


def rates(settings: Settings, *, paper: str) -> Outcome:
    """Count responses in all patients and in groups, in every member.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.ResponseRate` and, where offered, of
        `helpers.parameters.Cohort`.
    paper : str
        The id of a paper with an ensemble and a layout.

    Returns
    -------
    Outcome
        ``data`` has one row per group: ``characteristic``, ``group``, ``patients``, ``rate`` and
        ``interval`` as text, ``agreement``, ``p`` of the characteristic; and in per cent the
        ``lowest`` and the ``highest`` rate, and the ends of all intervals, ``lower, upper``.
    """
    chosen: Any = settings
    members, described = synthetic.members(paper), catalogue.load(paper)
    text: str = getattr(settings, "cohort", "")
    everyone = members.picked(described.groups.get("all", ""), text)
    least, most = _responded(chosen, members)
    changed = (paths.paper(paper) / "published.csv").stat().st_mtime_ns
    method = _INTERVALS.get(chosen.interval) or _usual(paper, str(paths.root()), changed)
    who = {("", _ALL): everyone} | {
        (characteristic, name): everyone & members.picked(described.groups[group])
        for characteristic, groups in layouts.load(paper).groups.items()
        for name, group in groups.items()
    }
    rows = [
        {"characteristic": characteristic, "group": name}
        | _rate(least & group, most & group, group, everyone, method)
        for (characteristic, name), group in who.items()
    ]
    data = pd.DataFrame(rows)
    data["p"] = ""
    for characteristic, part in data.groupby("characteristic", sort=False):
        groups = [who[str(characteristic), str(name)] for name in part["group"]]
        if characteristic and least is most:
            data.loc[part.index[0], "p"] = _across(least, groups).words()
    against = _against(least, most, everyone, chosen.ruled_out_percent / 100)
    summary = _words(chosen, data.iloc[0], against, method, len(everyone), text)
    shown = tables.table(
        data[["characteristic", "group", "patients", "rate", "interval", "p", "agreement"]].assign(
            characteristic=data["characteristic"].where(~data["characteristic"].duplicated(), "")
        ),
        caption="Response in groups",
        headings={
            "characteristic": "",
            "group": "Patients",
            "patients": "Responded",
            "rate": "Rate (%)",
            "interval": "95% CI (%)",
            "p": "P across groups",
            "agreement": "So it is",
        },
        footnote=f"Intervals: {proportions.METHODS[method].name}. P: Pearson's χ², not adjusted "
        "for the number of tests. Where the cohorts differ, the range over all of them.",
    )
    return Outcome(
        summary, (draw_rates(data, ruled_out=float(chosen.ruled_out_percent)), shown), data
    )


def against(paper: str, number: str, others: Sequence[str]) -> pd.DataFrame:
    """Test a published count against rates that the paper quotes from others.

    Parameters
    ----------
    paper : str
        The paper's id.
    number : str
        The id of a published count with its total.
    others : sequence of str
        The ids of published percentages; of a range the upper end is taken.

    Returns
    -------
    pandas.DataFrame
        One row per rate, from the lowest on: ``where`` and as ``printed``, the ``rate`` (%) and
        ``p`` by the exact binomial test, two-sided, as text.

    Raises
    ------
    KitError
        If there is no such count, or a rate isn't above 0 and below 100 %.
    """
    published = {each.id: each for each in catalogue.published(paper)}
    counted = published.get(number)
    if counted is None or counted.count is None or counted.total is None:
        raise KitError(f"no count with its total {number!r}", where=f"data/{paper}")
    rows = []
    for id in others:
        digits = rounding.read(published[id].upper or published[id].value or "0")
        rate = float(digits.number) if digits else 0.0
        if not 0 < rate < 100:
            raise KitError(f"{id} is no rate", where=f"data/{paper}", right="above 0, below 100 %")
        p = _binomial(counted.count, counted.total, rate / 100)
        rows.append((rate, published[id].location, published[id].printed, p))
    rows.sort(key=lambda row: row[0])
    columns = ["where", "printed", "rate", "p"]
    return pd.DataFrame(
        [
            (where, printed, f"{rate:g}", f"{p:.3f}" if p >= _LEAST else f"<{_LEAST}")
            for rate, where, printed, p in rows
        ],
        columns=columns,
    )


def draw_rates(data: pd.DataFrame, *, ruled_out: float) -> Picture:
    """Draw rates one below the other, each with its interval and what the cohorts leave open.

    Parameters
    ----------
    data : pandas.DataFrame
        ``data`` of what `rates` returned.
    ruled_out : float
        The rate to which they are compared, %.

    Returns
    -------
    Picture
    """
    places, y = [], 0.0
    for characteristic, first in zip(
        data["characteristic"], ~data["characteristic"].duplicated(), strict=True
    ):
        y += 1.0 if first and characteristic else 0.0
        places.append(y)
        y += 1.0
    height = 0.75 + 0.2 * y
    with figures.drawing(7.6, height) as (figure, axes):
        figure.set_layout_engine("none")
        axes.set_position((0.38, 0.5 / height, 0.6, 1 - 0.6 / height))
        at = np.array(places)
        axes.axvline(ruled_out, color=VERMILION, lw=1.2, ls="--", zorder=1)
        axes.hlines(at, data["lower"], data["upper"], color=BLUE, lw=1.4)
        axes.hlines(at, data["lowest"], data["highest"], color=BLACK, lw=5)
        pinned = data["lowest"] == data["highest"]
        axes.plot(data["lowest"][pinned], at[pinned], "s", color=BLACK, ms=4.5, clip_on=False)
        _label(axes, data, at)
        axes.set_ylim(y - 0.4, -0.7)
        axes.set_xlim(0, 101)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(
            f"Responded (%). Line: 95 % interval; thick: over all cohorts; dashed: {ruled_out:g} %",
            fontsize=8,
        )
        told = "; ".join(
            f"{row.characteristic} {row.group}: {row.rate} % ({row.interval})".strip()
            for row in data.itertuples()
        )
        return figures.picture(figure, f"Response rates with 95 % intervals. {told}.")


def _label(axes: Axes, data: pd.DataFrame, at: NDArray[np.float64]) -> None:
    beside = axes.get_yaxis_transform()
    first = ~data["characteristic"].duplicated()
    for place, row, heading in zip(at, data.itertuples(), first, strict=True):
        if heading and row.characteristic:
            axes.text(
                *(-0.62, place - 1, row.characteristic),
                transform=beside,
                va="center",
                weight="bold",
                fontsize=8.5,
            )
        axes.text(
            *(-0.02, place, f"{row.group}, {row.patients}"),
            transform=beside,
            ha="right",
            va="center",
            fontsize=8.5,
        )


def _responded(chosen: Any, members: Members) -> tuple[Flags, Flags]:
    """Return who responded; at a cut that isn't printed, the fewest and the most who may have."""
    responded = members.picked((_BEST if chosen.after == "all cycles" else _FIRST)[chosen.response])
    if chosen.mrd == "not asked":
        return responded, responded
    negative = responded & members.picked("MRDNEGFL == 'Y'")
    if chosen.mrd == "negative at a lower cut":
        return np.zeros_like(negative), negative
    if chosen.mrd == "negative at a higher cut":
        return negative, responded
    return negative, negative


def _rate(least: Flags, most: Flags, group: Flags, everyone: Flags, method: str) -> dict[str, Any]:
    """Return how many of a group responded, in all members together."""
    total = np.concatenate([group.sum(axis=-1)] * 2)
    some = np.concatenate([each.sum(axis=-1) for each in (least, most)])
    whole = np.concatenate([everyone.sum(axis=-1)] * 2)
    kinds = np.unique(np.stack([some, total, whole], axis=-1)[total > 0], axis=0)
    if not len(kinds):
        nothing = dict.fromkeys(("lowest", "highest", "lower", "upper"), np.nan)
        return {"patients": "nobody", "rate": "–", "interval": "–", "agreement": ""} | nothing
    found = [_interval(*map(int, kind), method) for kind in kinds]
    limits = 100 * np.array(found)
    share = Range("", "%", 100 * kinds[:, 0] / kinds[:, 1])
    # Some methods have no interval at 0 or at 100 %.
    none = np.isnan(limits).any(axis=1)
    low, high, interval = np.nan, np.nan, "–"
    if not none.all():
        low, high = limits[~none, 0].min(), limits[~none, 1].max()
        interval = f"{low:.1f} to {high:.1f}" + (_OR_NONE if none.any() else "")
    return {
        "patients": f"{_span(kinds[:, 0])} of {_span(kinds[:, 1])}",
        "rate": share.bare(),
        "interval": interval,
        "agreement": share.agreement,
        "lowest": share.values.min(),
        "highest": share.values.max(),
        "lower": low,
        "upper": high,
    }


def _span(counts: Counts) -> str:
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low}–{high}"


@lru_cache(maxsize=4096)
def _interval(count: int, total: int, whole: int, method: str) -> tuple[float, float]:
    found = proportions.proportion(count, total, method=method, whole=whole)
    return found.lower, found.upper


@lru_cache(maxsize=16)
def _usual(paper: str, _root: str, _changed: int) -> str:
    """Return the method that explains most of a paper's intervals."""
    scores = audit.interval_scores(audit.book(paper))
    return str(scores["method"].iloc[0]) if len(scores) else "clopper_pearson"


def _across(responded: Flags, groups: list[Flags]) -> Range:
    counts = np.stack(
        [
            np.stack([(responded & each).sum(-1), (~responded & each).sum(-1)], -1)
            for each in groups
        ],
        axis=1,
    )
    kinds, which = np.unique(counts.reshape(len(counts), -1), axis=0, return_inverse=True)
    p = np.array([_tested(tuple(kind)) for kind in kinds.tolist()])
    return Range("P", "P", p[which.ravel()])


@lru_cache(maxsize=4096)
def _tested(counts: tuple[int, ...]) -> float:
    table = np.array(counts).reshape(-1, 2)
    table = table[table.sum(axis=1) > 0]
    enough = len(table) > 1 and (table.sum(axis=0) > 0).all()
    return association.p_value(table) if enough else float("nan")


def _against(least: Flags, most: Flags, everyone: Flags, null: float) -> Range:
    """Return P of the exact binomial test against a fixed rate."""
    total = np.concatenate([everyone.sum(axis=-1)] * 2)
    some = np.concatenate([(each & everyone).sum(axis=-1) for each in (least, most)])
    p = [_binomial(int(k), int(n), null) for k, n in zip(some, total, strict=True)]
    return Range("P", "P", np.array(p))


@lru_cache(maxsize=4096)
def _binomial(count: int, total: int, null: float) -> float:
    from scipy.stats import binomtest

    return float(binomtest(count, total, null).pvalue) if total else float("nan")


def _words(
    chosen: Any, first: Mapping[str, Any], against: Range, method: str, size: int, text: str
) -> str:
    what = chosen.response + ("" if chosen.after == "all cycles" else " after cycle 1")
    mrd = "" if chosen.mrd == "not asked" else f", {chosen.mrd}"
    ends, *none = first["interval"].partition(_OR_NONE)
    interval = f"95 % interval {ends} %{none[0]}"
    if first["interval"] == "–":
        interval = "no 95 % interval at 0 or 100 %"
    open_cut = chosen.mrd.endswith(("lower cut", "higher cut"))
    return (
        f"{what}{mrd}"
        + (f", in patients with {text}" if text else "")
        + f": {first['patients']} patients, {first['rate']} % ({interval}, "
        f"{proportions.METHODS[method].name}), over {size} synthetic cohorts: "
        f"{first['agreement'] or 'nobody to count'}. Against a rate of "
        f"{chosen.ruled_out_percent} %, P is {against.words()} by the exact binomial test, "
        "two-sided. "
        + (
            "Residual disease is printed as above or below one cut; at another cut the paper "
            "gives only these bounds. "
            if open_cut
            else ""
        )
        + "Nobody was randomised: the test takes the rate to be ruled out as known exactly, and "
        "as that of patients like these."
    )
