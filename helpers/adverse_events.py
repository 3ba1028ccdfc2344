"""Adverse events by worst grade: what a paper prints, beside what its patients have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers import audit, figures
from helpers.catalogue import PublishedNumber, Variable
from helpers.errors import KitError
from helpers.figures import BLACK, ORANGE, SKY, VERMILION, Picture

if TYPE_CHECKING:
    from helpers.reconstruct.member_arrays import Members

GRADES = {"1_2": (1, 2), "3": (3,), "4": (4,), "5": (5,)}
"""The columns in which papers print worst grades: their ends in a quantity's name."""

_GRADED = "worst grade"
# So many patients still have a tick each.
_FEW = 12
_NAMES = {"1_2": "Grade 1–2", "3": "Grade 3", "4": "Grade 4", "5": "Grade 5"}
_LOOKS = {"1_2": (SKY, ""), "3": (ORANGE, "//"), "4": (VERMILION, "xx"), "5": (BLACK, "")}


def graded(variables: Mapping[str, Variable]) -> list[str]:
    """Return the variables that are an adverse event's worst grade.

    Parameters
    ----------
    variables : mapping of str to Variable
        What is recorded of the patients.

    Returns
    -------
    list of str
        Those with the unit ``worst grade``, in their order.
    """
    return [name for name, each in variables.items() if each.unit == _GRADED]


def grades_data(members: Members, variables: Mapping[str, Variable]) -> pd.DataFrame:
    """Count patients by the worst grade of each adverse event, in each member.

    Parameters
    ----------
    members : Members
        The cohorts.
    variables : mapping of str to Variable
        What is recorded of the patients.

    Returns
    -------
    pandas.DataFrame
        A row per adverse event and grade: ``event``, ``label``, ``grade`` (a key of `GRADES`),
        and the ``lowest`` and ``highest`` number of patients over the members.

    Raises
    ------
    KitError
        If no worst grade is recorded.
    """
    names = graded(variables)
    if not names:
        raise KitError("no worst grades", where="adverse events", right=f"the unit {_GRADED!r}")
    rows = []
    for name in names:
        worst = members.column(name)
        for grade, values in GRADES.items():
            counts = np.isin(worst, values).sum(axis=-1)
            rows.append((name, variables[name].label, grade, counts.min(), counts.max()))
    return pd.DataFrame(rows, columns=["event", "label", "grade", "lowest", "highest"])


def beside(paper: str, data: pd.DataFrame) -> pd.DataFrame:
    """Set the printed counts beside those of the cohorts.

    Parameters
    ----------
    paper : str
        The paper's id.
    data : pandas.DataFrame
        What `grades_data` returned.

    Returns
    -------
    pandas.DataFrame
        `data` with the ``printed`` cell, the audit's ``verdict`` and whether the cohorts all have
        the ``same`` count; without the rows of which nothing is printed.
    """
    numbers: dict[str, PublishedNumber] = {}
    for number in audit.book(paper).numbers:
        numbers.setdefault(number.quantity, number)
    verdicts = audit.ledger(paper).set_index("id")["verdict"]
    quantity = data["event"].str.lower() + "_grade_" + data["grade"]
    found = data[quantity.isin(list(numbers))].copy()
    chosen = [numbers[name] for name in quantity[found.index]]
    found["printed"] = [number.printed for number in chosen]
    found["verdict"] = [str(verdicts[number.id]) for number in chosen]
    counts = np.array([-1 if number.count is None else number.count for number in chosen])
    found["same"] = (found["lowest"] == counts) & (found["highest"] == counts)
    return found


def draw_grades(data: pd.DataFrame, *, patients: int, note: str = "") -> Picture:
    """Draw how many patients had each adverse event, by worst grade.

    Parameters
    ----------
    data : pandas.DataFrame
        What `grades_data` returned; where members differ, the lowest number is drawn.
    patients : int
        How many there are.
    note : str, optional
        A sentence below.

    Returns
    -------
    Picture
    """
    wide = data.pivot(index="label", columns="grade", values="lowest").fillna(0)
    severe = wide[[grade for grade in GRADES if grade != "1_2"]].sum(axis=1)
    order = pd.DataFrame({"severe": severe, "all": wide.sum(axis=1)})
    wide = wide.loc[order.sort_values(["severe", "all"], ascending=False, kind="stable").index]
    height = 1.0 + 0.215 * len(wide) + (0.2 if note else 0.0)
    with figures.drawing(8.6, height) as (figure, axes):
        figure.set_layout_engine("none")
        below = 0.5 + (0.2 if note else 0.0)
        axes.set_position((0.27, below / height, 0.7, (height - below - 0.4) / height))
        left = np.zeros(len(wide))
        for grade, name in _NAMES.items():
            colour, hatch = _LOOKS[grade]
            numbers = wide[grade].to_numpy(float)
            axes.barh(
                np.arange(len(wide)),
                numbers,
                0.74,
                left=left,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                lw=0.6,
                label=name,
            )
            left += numbers
        axes.set_yticks(range(len(wide)), list(wide.index), fontsize=8.5)
        axes.set_ylim(len(wide) - 0.4, -0.6)
        axes.set_xlim(0, patients)
        axes.set_xticks(range(0, patients + 1, 5 if patients > _FEW else 1))
        axes.set_xlabel(f"Patients, of {patients}")
        axes.tick_params(left=False)
        axes.grid(axis="x", color="#E5E5E5")
        axes.set_axisbelow(True)
        figure.legend(loc="upper center", ncols=4, frameon=False, fontsize=9)
        if note:
            figure.text(0.02, 0.05 / height, note, fontsize=8, color="#505050", va="bottom")
        return figures.picture(figure, _words(wide, patients) + (f" {note}" if note else ""))


def _words(wide: pd.DataFrame, patients: int) -> str:
    told = []
    for label, row in wide.iterrows():
        parts = [f"{int(row[grade])} {_NAMES[grade].lower()}" for grade in GRADES if row[grade]]
        if parts:
            told.append(f"{label}: {', '.join(parts)}")
    return f"Adverse events by worst grade, of {patients} patients. {'; '.join(told)}."


def worst(members: Members, names: Sequence[str], *, at_least: int) -> np.ndarray:
    """Count in each member who had one of some adverse events of at least a grade.

    Parameters
    ----------
    members : Members
        The cohorts.
    names : sequence of str
        The adverse events.
    at_least : int
        The grade, 1 to 5.

    Returns
    -------
    numpy.ndarray of int
        Patients, each counted once, by member.
    """
    reached = [members.column(name) >= at_least for name in names]
    counts: np.ndarray = np.logical_or.reduce(reached).sum(axis=-1)
    return counts
