"""A regimen of several drugs as a calendar: what is given in which cycle, on which day.

It is described in ``regimen.toml`` in the paper's folder. What the paper prints stands there as the
id of the published number; what it doesn't print is either marked as published elsewhere, or left
open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from helpers import audit, catalogue, dosing, figures, paths
from helpers.catalogue import PublishedNumber
from helpers.errors import DataError, KitError
from helpers.figures import BLUE, Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Basis = Literal["printed", "elsewhere", "day not printed"]

COLUMNS = ("cycle", "part", "drug", "amount", "only", "day", "doses", "basis")
"""The columns of what `regimen_data` returns."""

# What follows a numbered cycle and has a number of its own.
_BETWEEN = "N"


class Part(BaseModel):
    """One drug of a regimen in some of its cycles.

    Attributes
    ----------
    drug, only : str
        What is given, and to whom if not to all.
    amount : str
        The dose in words.
    amount_printed : tuple of str
        Instead, ids of the published doses.
    cycles : tuple of int
        In which cycles; all if not given.
    cycles_printed, after_printed : str
        Instead, the id of the published numbers of the cycles, or of those after which a cycle
        of its own is put in.
    days : tuple of int
        On which days of a cycle, as published elsewhere.
    days_printed : str
        Instead, the id of the published days.
    doses_per_cycle, doses_in_all : str
        Where no days are published, ids of the numbers of doses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    drug: str
    only: str = ""
    amount: str = ""
    amount_printed: tuple[str, ...] = ()
    cycles: tuple[int, ...] = ()
    cycles_printed: str = ""
    after_printed: str = ""
    days: tuple[int, ...] = ()
    days_printed: str = ""
    doses_per_cycle: str = ""
    doses_in_all: str = ""


class Regimen(BaseModel):
    """A regimen as its file describes it.

    Attributes
    ----------
    label : str
        Its name.
    cycle_days_printed : str
        The id of the published length of a cycle.
    source_elsewhere : str
        Where those days are published that the paper doesn't print.
    levels : dict of str to str
        The dose levels of venetoclax: what to call them, and the id of each published dose.
    parts : tuple of Part
        What is given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    cycle_days_printed: str
    source_elsewhere: str = ""
    levels: dict[str, str] = {}
    parts: tuple[Part, ...]


def load(paper: str) -> Regimen:
    """Read a paper's regimen.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    Regimen

    Raises
    ------
    DataError
        If there is no such file, or it has faults.
    """
    where = f"data/{paper}/regimen.toml"
    try:
        return Regimen.model_validate(catalogue.read_toml(paths.paper(paper) / "regimen.toml"))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise DataError(f"{place}: {fault['msg']}", where=where) from None


def described(paper: str) -> bool:
    """Say whether a paper has a file of its regimen.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    bool
    """
    return (paths.paper(paper) / "regimen.toml").is_file()


def plans(paper: str, *, cycles: int) -> dict[str, dosing.Schedule]:
    """Return the venetoclax schedule of each dose level.

    Parameters
    ----------
    paper : str
        The paper's id.
    cycles : int
        How many cycles.

    Returns
    -------
    dict of str to helpers.dosing.Schedule
        By level. A ramp-up is that of the label, doubled daily up to the target, and a cycle is
        as long as the longest that is printed.

    Raises
    ------
    DataError
        If venetoclax has no days in the first cycle or in the second.
    """
    regimen, printed = load(paper), _printed(paper)
    table = regimen_data(paper)
    given = table[table["drug"].str.lower() == "venetoclax"]
    days = [int((given["cycle"] == cycle).sum()) for cycle in ("1", "2")]
    if not all(days):
        raise DataError("no days of venetoclax", where=f"data/{paper}/regimen.toml", right="days")
    found = {}
    for name, id in regimen.levels.items():
        target = _numbers(printed, id)[0]
        ramp, dose = 1, dosing.label().first_dose_mg
        while dose < target:
            ramp, dose = ramp + 1, 2 * dose
        found[name] = dosing.Schedule(
            venetoclax_mg=target,
            venetoclax_ramp_days=ramp,
            venetoclax_days=days[0],
            cycle_days=_numbers(printed, regimen.cycle_days_printed)[-1],
            cycles=cycles,
            venetoclax_days_later=days[1],
        )
    return found


def regimen_data(paper: str) -> pd.DataFrame:
    """Return what is given in which cycle, on which day.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, a row for each day on which a drug is given: ``cycle`` as text (``4N``
        is put in after cycle 4), the place of the ``part`` in the file, ``basis``: whether the
        day is ``printed`` or published ``elsewhere``. Where no day is published, one row with the
        number of ``doses`` in the cycle, and the ``day`` missing.

    Raises
    ------
    DataError
        If there is no such file, it has faults or it names a number that the paper hasn't.
    """
    regimen, printed = load(paper), _printed(paper)
    numbered = [
        _numbers(printed, part.cycles_printed) if part.cycles_printed else part.cycles
        for part in regimen.parts
    ]
    last = max((max(each) for each in numbered if each), default=1)
    rows = []
    for place, (part, cycles) in enumerate(zip(regimen.parts, numbered, strict=True)):
        base = {
            "part": place,
            "drug": part.drug,
            "amount": part.amount or _amount(printed, part),
            "only": part.only,
        }
        if part.after_printed:
            names = [f"{cycle}{_BETWEEN}" for cycle in _numbers(printed, part.after_printed)]
        else:
            names = [str(cycle) for cycle in cycles or range(1, last + 1)]
        if part.doses_per_cycle:
            each = _numbers(printed, part.doses_per_cycle)[0]
            left = _numbers(printed, part.doses_in_all)[0] if part.doses_in_all else each * last
            for name in names:
                doses = min(each, left)
                left -= doses
                if doses:
                    open_day = {"day": pd.NA, "doses": doses, "basis": "day not printed"}
                    rows.append({"cycle": name, **base, **open_day})
            continue
        days = _numbers(printed, part.days_printed) if part.days_printed else part.days
        basis = "printed" if part.days_printed else "elsewhere"
        rows += [
            {"cycle": name, **base, "day": day, "doses": 1, "basis": basis}
            for name in names
            for day in days
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"day": "Int64"})


def _printed(paper: str) -> dict[str, PublishedNumber]:
    return audit.book(paper).by_id


def _numbers(printed: Mapping[str, PublishedNumber], id: str) -> tuple[int, ...]:
    """Return the whole numbers that a published number stands for: a list, a range or itself."""
    number = _number(printed, id)
    listed = re.findall(r"\d+", number.printed)
    if "," in number.printed or len(listed) > 2:
        return tuple(dict.fromkeys(map(int, listed)))
    if number.lower and number.upper:
        return tuple(range(int(number.lower), int(number.upper) + 1))
    return (int(number.value or number.count or 0),)


def _amount(printed: Mapping[str, PublishedNumber], part: Part) -> str:
    numbers = [_number(printed, id) for id in part.amount_printed]
    return " or ".join(f"{each.value} {each.unit}" for each in numbers)


def _number(printed: Mapping[str, PublishedNumber], id: str) -> PublishedNumber:
    if id not in printed:
        raise DataError(f"no published number {id!r}", where="regimen.toml")
    return printed[id]


# --- drawing -------------------------------------------------------------------------------------

_PITCH, _HEAD, _GAP = 0.27, 0.34, 0.12
_LEFT, _RIGHT, _WIDTH = 3.0, 0.15, 9.6
_GREY = "#505050"


def draw_regimen(data: pd.DataFrame, *, cycle_days: int, source: str = "") -> Picture:
    """Draw a regimen as a calendar; cycles that are alike share one.

    Parameters
    ----------
    data : pandas.DataFrame
        What `regimen_data` returned.
    cycle_days : int
        Days from one cycle to the next.
    source : str, optional
        Where those days are published that the paper doesn't print.

    Returns
    -------
    Picture

    Raises
    ------
    KitError
        If nothing is given.
    """
    if data.empty:
        raise KitError("nothing is given", where="regimen", right="one drug or more")
    blocks = _alike(data)
    rows = sum(rows["part"].nunique() for _, rows in blocks)
    notes = ["■ day printed   □ day published elsewhere   hatched: doses printed, days not"]
    notes += [f"Elsewhere: {source}."] if source and (data["basis"] == "elsewhere").any() else []
    below = 0.42 + 0.17 * len(notes)
    height = len(blocks) * (_HEAD + _GAP) + rows * _PITCH + below
    with figures.drawing(_WIDTH, height) as (figure, axes):
        figure.set_layout_engine("none")
        across = _WIDTH - _LEFT - _RIGHT
        axes.set_position(
            (_LEFT / _WIDTH, below / height, across / _WIDTH, (height - below) / height)
        )
        y = 0.0
        for names, part in blocks:
            y = _draw_block(axes, names, part, y, cycle_days)
        axes.set_ylim(y, 0)
        axes.set_xlim(0.4, cycle_days + 0.6)
        axes.set_xticks([1, *range(7, cycle_days + 1, 7)])
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Day of the cycle", labelpad=2)
        for place, line in enumerate(reversed(notes)):
            y_text = (0.06 + 0.17 * place) / height
            figure.text(0.1 / _WIDTH, y_text, line, fontsize=8, color=_GREY, va="bottom")
        return figures.picture(figure, _words(blocks))


def _alike(data: pd.DataFrame) -> list[tuple[list[str], pd.DataFrame]]:
    """Put cycles with the same drugs on the same days together, in order of the first of each."""
    same: dict[tuple[object, ...], list[str]] = {}
    for cycle, rows in data.groupby("cycle", sort=True):
        shown = rows[["drug", "amount", "day", "doses"]].astype(str)
        same.setdefault(tuple(map(tuple, shown.to_numpy())), []).append(str(cycle))
    return [(names, data[data["cycle"] == names[0]]) for names in same.values()]


def _draw_block(
    axes: Axes, names: list[str], rows: pd.DataFrame, y: float, cycle_days: int
) -> float:
    from matplotlib.patches import Rectangle

    heading = f"Cycle {names[0]}" if len(names) == 1 else f"Cycles {_listed(names)}"
    y += _HEAD
    axes.text(0.4, y - 0.1, heading, fontsize=9.5, weight="bold", va="center")
    for _, part in rows.groupby("part", sort=True):
        first = part.iloc[0]
        middle = y + _PITCH / 2
        size = 0.8 * _PITCH
        axes.text(
            0.2,
            middle,
            str(first["drug"]),
            fontsize=8.5,
            ha="right",
            va="center",
        )
        end = 0.0
        for each in part.itertuples():
            if each.basis == "day not printed":
                # Anywhere in the cycle: one bar over all of it.
                corner, width = (0.55, middle - size / 2), cycle_days - 0.1
                axes.add_patch(
                    Rectangle(corner, width, size, fc="white", ec="#9A9A9A", hatch="////", lw=0.5)
                )
                continue
            filled = each.basis == "printed"
            corner = (each.day - 0.42, middle - size / 2)
            axes.add_patch(
                Rectangle(corner, 0.84, size, fc=BLUE if filled else "white", ec=BLUE, lw=1)
            )
            end = max(end, float(each.day))
        words = str(first["amount"])
        if first["basis"] == "day not printed":
            words = f"{first['doses']} doses: {words}"
        if first["only"]:
            words += f"; {first['only']}"
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        axes.text(max(end + 0.8, 1.6), middle, words, fontsize=8, va="center", bbox=box)
        y += _PITCH
    return y + _GAP


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _words(blocks: list[tuple[list[str], pd.DataFrame]]) -> str:
    told = []
    for names, rows in blocks:
        parts = []
        for _, part in rows.groupby("part", sort=True):
            first = part.iloc[0]
            if first["basis"] == "day not printed":
                parts.append(f"{first['drug']}, {first['doses']} doses, days not printed")
            else:
                where = "" if first["basis"] == "printed" else " (published elsewhere)"
                parts.append(f"{first['drug']} on {_days(part['day'].tolist())}{where}")
        which = f"Cycle {names[0]}" if len(names) == 1 else f"Cycles {_listed(names)}"
        told.append(f"{which}: {'; '.join(parts)}")
    return f"Calendar of the regimen. {'. '.join(told)}."


def _days(days: list[int]) -> str:
    """Put days into words, runs of them as a range."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    told = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return f"day{'s' if len(days) > 1 else ''} {', '.join(told)}"
