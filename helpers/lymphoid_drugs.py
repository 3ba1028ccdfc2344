"""Drugs of lymphoblastic leukaemia beside venetoclax: blinatumomab's steps, a TKI's interactions.

Everything is arithmetic on the labels' schedules. Nothing here says what a dose does to a patient.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from helpers import paths
from helpers.errors import DataError, KitError

NONE = "none"
"""No drug, or no inhibitor."""
INHIBITORS = (NONE, "moderate", "strong", "posaconazole")
"""Classes of CYP3A inhibitors, from the weakest to what reduces venetoclax most."""
_STRONG = INHIBITORS[2:]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Part):
    """A dose from some day of the first cycle on.

    Attributes
    ----------
    day : int
        The first day.
    fixed_ug : float
        µg a day.
    ug_m2 : float
        µg per m² of body surface a day, for light patients.
    """

    day: int
    fixed_ug: float
    ug_m2: float


class Use(_Part):
    """What blinatumomab is given for.

    Attributes
    ----------
    steps : tuple of Step
        Of the first cycle; later cycles have the last one.
    cycles : int
        At most.
    """

    steps: tuple[Step, ...]
    cycles: int


class Blinatumomab(_Part):
    """The label's rules for blinatumomab.

    Attributes
    ----------
    source : str
        The document.
    infusion_days, cycle_days : int
        Days of infusion, and from one cycle to the next.
    fixed_dose_from_kg : float
        From which weight on the dose is fixed.
    cytokine_days : tuple of int
        In the first cycles: days on which cytokines may slow the removal of other drugs.
    uses : dict of str to Use
        By what it is given for.
    """

    source: str
    infusion_days: int
    cycle_days: int
    fixed_dose_from_kg: float
    cytokine_days: tuple[int, ...]
    uses: dict[str, Use]


class Tki(_Part):
    """The label's rules for a tyrosine kinase inhibitor.

    Attributes
    ----------
    source, note : str
        The document, and what else it says.
    dose_mg : int
        mg a day.
    inhibits : str
        Its own class as a CYP3A inhibitor, one of `INHIBITORS`.
    beside_strong_mg : int or None
        mg a day beside a strong CYP3A inhibitor; None where the label gives no number.
    """

    source: str
    dose_mg: int
    inhibits: str
    beside_strong_mg: int | None = None
    note: str = ""


class Labels(_Part):
    """The labels' rules.

    Attributes
    ----------
    blinatumomab : Blinatumomab
        Of blinatumomab.
    tki : dict of str to Tki
        Of tyrosine kinase inhibitors, by name.
    """

    blinatumomab: Blinatumomab
    tki: dict[str, Tki]


def labels() -> Labels:
    """Return the labels' rules, from ``data/lymphoid_drug_labels.toml``.

    Returns
    -------
    Labels

    Raises
    ------
    DataError
        If there is no such file.
    """
    file = paths.root() / "data" / "lymphoid_drug_labels.toml"
    if not file.is_file():
        raise DataError("there is no such file", where="data/lymphoid_drug_labels.toml")
    return _labels(file, file.stat().st_mtime_ns)


@lru_cache
def _labels(file: Path, _changed: int) -> Labels:
    return Labels.model_validate(tomllib.loads(file.read_text("utf-8")))


def blinatumomab(
    use: str, *, cycles: int, weight_kg: float, body_surface_m2: float, start_day: int = 1
) -> pd.DataFrame:
    """Return what is given of blinatumomab on each day, by the label.

    Parameters
    ----------
    use : str
        What it is given for: a key of the label's uses.
    cycles : int
        Number of cycles.
    weight_kg, body_surface_m2 : float
        The patient's weight, kg, and body surface, m².
    start_day : int, optional
        Day of treatment on which it starts.

    Returns
    -------
    pandas.DataFrame
        One row per day: ``CYCLE``, ``DAY`` (in the cycle, from 1), ``STUDYDAY``, ``DOSE`` (µg, 0
        on days without), ``CUMDOSE`` (µg) and ``CYTOKINE``, whether cytokines may slow the
        removal of other drugs.

    Raises
    ------
    KitError
        If there is no such use, or the label has not so many cycles.

    Examples
    --------
    >>> given = blinatumomab("relapsed or refractory", cycles=1, weight_kg=70, body_surface_m2=1.8)
    >>> given.loc[given["DAY"].isin([7, 8, 28, 29]), "DOSE"].tolist()
    [9.0, 28.0, 28.0, 0.0]
    """
    rules = labels().blinatumomab
    if use not in rules.uses:
        raise KitError(f"no use {use!r}", where="blinatumomab", right=", ".join(rules.uses))
    found = rules.uses[use]
    if not 1 <= cycles <= found.cycles:
        raise KitError(
            f"{cycles} cycles of blinatumomab for {use!r}",
            where="blinatumomab_cycles with blinatumomab",
            right=f"1 to {found.cycles}, as the label has it",
        )
    if start_day < 1 or not (weight_kg > 0 and body_surface_m2 > 0):
        raise KitError(
            f"day {start_day}, {weight_kg:g} kg, {body_surface_m2:g} m²",
            where="blinatumomab",
            right="a day from 1 on, weight and body surface above 0",
        )
    light = weight_kg < rules.fixed_dose_from_kg
    day = np.arange(1, rules.cycle_days + 1)
    first = np.zeros(rules.cycle_days)
    for step in found.steps:
        dose = min(step.ug_m2 * body_surface_m2, step.fixed_ug) if light else step.fixed_ug
        first[day >= step.day] = round(dose, 1)
    later = np.full(rules.cycle_days, first[-1])
    first[day > rules.infusion_days] = later[day > rules.infusion_days] = 0.0
    table = pd.DataFrame(
        {
            "CYCLE": np.repeat(np.arange(1, cycles + 1), len(day)),
            "DAY": np.tile(day, cycles),
            "DOSE": np.concatenate([first, np.tile(later, cycles - 1)]),
        }
    )
    table.insert(2, "STUDYDAY", np.arange(len(table)) + start_day)
    table["CUMDOSE"] = table["DOSE"].cumsum()
    days = dict(enumerate(rules.cytokine_days, start=1))
    table["CYTOKINE"] = table["DAY"] <= table["CYCLE"].map(days).fillna(0)
    return table


def tki_dose(drug: str, cyp3a_inhibitor: str) -> int | None:
    """Return the daily dose of a TKI beside a CYP3A inhibitor.

    Parameters
    ----------
    drug : str
        A key of the labels' tyrosine kinase inhibitors.
    cyp3a_inhibitor : str
        One of `INHIBITORS`.

    Returns
    -------
    int or None
        mg a day; None where the label asks for caution and gives no number.

    Raises
    ------
    KitError
        If the drug or the class is unknown.

    Examples
    --------
    >>> [tki_dose("dasatinib", each) for each in ("none", "moderate", "strong", "posaconazole")]
    [140, 140, 40, 40]
    """
    rules = _tki(drug)
    _check_class(cyp3a_inhibitor)
    return rules.beside_strong_mg if cyp3a_inhibitor in _STRONG else rules.dose_mg


def strongest_inhibitor(drug: str, cyp3a_inhibitor: str) -> str:
    """Return the class that venetoclax has to be reduced for: the TKI's or the other drug's.

    Parameters
    ----------
    drug : str
        A tyrosine kinase inhibitor, or ``none``.
    cyp3a_inhibitor : str
        One of `INHIBITORS`.

    Returns
    -------
    str
        The stronger of the two. The label says nothing of two inhibitors at once.

    Raises
    ------
    KitError
        If the drug or the class is unknown.
    """
    own = NONE if drug == NONE else _tki(drug).inhibits
    _check_class(cyp3a_inhibitor)
    return max(own, cyp3a_inhibitor, key=INHIBITORS.index)


def _tki(drug: str) -> Tki:
    rules = labels().tki
    if drug not in rules:
        raise KitError(f"no drug {drug!r}", where="tki", right=", ".join(rules))
    return rules[drug]


def _check_class(cyp3a_inhibitor: str) -> None:
    if cyp3a_inhibitor not in INHIBITORS:
        raise KitError(
            f"no class {cyp3a_inhibitor!r}", where="cyp3a_inhibitor", right=", ".join(INHIBITORS)
        )
