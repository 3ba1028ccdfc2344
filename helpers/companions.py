"""What a paper gives beside venetoclax, by body surface."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from helpers import catalogue, layouts, paths
from helpers.catalogue import PublishedNumber
from helpers.errors import KitError


def given(
    paper: str, *, body_surface_m2: float, cycle_days: int = 28, cycles: int = 1
) -> pd.DataFrame:
    """Work out how much of each drug a patient is given.

    Parameters
    ----------
    paper : str
        The id of a paper with a layout.
    body_surface_m2 : float
        The patient's body surface, m².
    cycle_days, cycles : int, optional
        Days from one cycle to the next, and how many cycles.

    Returns
    -------
    pandas.DataFrame
        One row per drug: ``drug``, ``mg_m2`` a day, ``days`` of each cycle, ``mg`` a day,
        ``mg_per_cycle`` and ``mg_in_all``, unrounded.

    Raises
    ------
    KitError
        If the body surface isn't positive, there is no cycle, or a cycle is shorter than a
        drug's course.
    """
    if body_surface_m2 <= 0 or cycles < 1:
        raise KitError(
            f"{cycles} cycles at {body_surface_m2:g} m²", right="a cycle or more, above 0 m²"
        )
    changed = (paths.paper(paper) / "published.csv").stat().st_mtime_ns
    published = _published(paper, str(paths.root()), changed)
    rows = []
    for drug, each in layouts.load(paper).companions.items():
        dose, days = published[each.dose], published[each.days]
        mg_m2 = float(dose.value or "nan")
        first, last = int(days.lower or 0), int(days.upper or 0)
        if last > cycle_days:
            raise KitError(
                f"{drug} up to day {last} in a cycle of {cycle_days} days",
                where="cycle_days",
                right=f"{last} or more",
            )
        mg, length = mg_m2 * body_surface_m2, last - first + 1
        rows.append((drug, mg_m2, length, mg, mg * length, mg * length * cycles))
    columns = ["drug", "mg_m2", "days", "mg", "mg_per_cycle", "mg_in_all"]
    return pd.DataFrame(rows, columns=columns)


def words(table: pd.DataFrame, *, body_surface_m2: float) -> str:
    """Put into words what is given.

    Parameters
    ----------
    table : pandas.DataFrame
        What `given` returned.
    body_surface_m2 : float
        The patient's body surface, m².

    Returns
    -------
    str
    """
    told = [
        f"{row.drug} {row.mg_m2:g} mg/m² for {row.days} days, {row.mg:.1f} mg a day and "
        f"{row.mg_in_all:,.1f} mg in all"
        for row in table.itertuples()
    ]
    return f"Beside it, at {body_surface_m2:g} m²: {'; '.join(told)}."


@lru_cache(maxsize=4)
def _published(paper: str, _root: str, _changed: int) -> dict[str, PublishedNumber]:
    return {number.id: number for number in catalogue.published(paper)}
