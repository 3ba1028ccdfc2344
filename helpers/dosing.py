"""Venetoclax schedules: what is given on which day, and how much in all.

Everything is arithmetic on a schedule. Nothing here says what a dose does to a patient.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import paths
from helpers.catalogue import Regimen
from helpers.errors import DataError, KitError


@dataclass(frozen=True)
class Schedule:
    """A venetoclax schedule.

    Attributes
    ----------
    venetoclax_mg : int
        Target dose, mg a day, before any reduction for an inhibitor.
    venetoclax_ramp_days : int
        The day of the first cycle on which the target is reached; 1 for no ramp.
    venetoclax_days : int
        Days of venetoclax in each cycle, from its first day.
    cycle_days : int
        Days from the start of one cycle to the start of the next.
    cycles : int
        Number of cycles.
    cyp3a_inhibitor : {'none', 'moderate', 'strong', 'posaconazole'}
        Taken throughout; the label's reduction applies.
    venetoclax_days_later : int or None
        Days of venetoclax in each cycle after the first; as many as in the first if None.
    """

    venetoclax_mg: int
    venetoclax_ramp_days: int
    venetoclax_days: int
    cycle_days: int = 28
    cycles: int = 1
    cyp3a_inhibitor: str = "none"
    venetoclax_days_later: int | None = None

    @classmethod
    def planned(cls, regimen: Regimen, cycles: int = 1) -> Schedule:
        """Return the schedule that a paper's regimen plans.

        Parameters
        ----------
        regimen : Regimen
            From the paper's folder.
        cycles : int, optional
            Number of cycles.

        Returns
        -------
        Schedule
        """
        return cls(
            regimen.venetoclax_mg,
            regimen.venetoclax_ramp_days,
            regimen.venetoclax_days,
            regimen.cycle_days,
            cycles,
        )


@dataclass(frozen=True)
class Reduction:
    """What the label asks for beside one class of CYP3A inhibitors.

    Attributes
    ----------
    label, examples : str
        The class, and drugs in it.
    fraction : float
        Share of the target dose that remains.
    cap_mg : int or None
        Never more than this, mg a day.
    ramp_mg : tuple of int
        Doses of the first days where the label prescribes them, mg.
    """

    label: str
    fraction: float
    examples: str = ""
    cap_mg: int | None = None
    ramp_mg: tuple[int, ...] = ()


class Combination(Regimen):
    """What the label gives venetoclax with: the schedules of both.

    Attributes
    ----------
    partner_mg_m2 : float
        Daily dose of the other drug, mg per m² of body surface.
    partner_days : int
        On how many of the first days of a cycle.
    """

    partner_mg_m2: float
    partner_days: int


@dataclass(frozen=True)
class Label:
    """The label's dosing rules.

    Attributes
    ----------
    source : str
        The document.
    first_dose_mg, target_mg : int
        First day's dose, doubled daily until the target; the target that reductions refer to.
    smallest_tablet_mg : int
        Doses are rounded down to a multiple of it.
    inhibitors : dict of str to Reduction
        By class.
    combinations : dict of str to Combination
        By what venetoclax is given with.
    """

    source: str
    first_dose_mg: int
    target_mg: int
    smallest_tablet_mg: int
    inhibitors: dict[str, Reduction]
    combinations: dict[str, Combination]


def label() -> Label:
    """Return the label's dosing rules, from ``data/venetoclax_label.toml``.

    Returns
    -------
    Label

    Raises
    ------
    DataError
        If there is no such file.
    """
    file = paths.root() / "data" / "venetoclax_label.toml"
    if not file.is_file():
        raise DataError("there is no such file", where="data/venetoclax_label.toml")
    return _label(file, file.stat().st_mtime_ns)


@lru_cache
def _label(file: Path, _changed: int) -> Label:
    content = tomllib.loads(file.read_text("utf-8"))
    inhibitors = {
        name: Reduction(**each | {"ramp_mg": tuple(each.get("ramp_mg", ()))})
        for name, each in content.pop("inhibitors").items()
    }
    combinations = {name: Combination(**each) for name, each in content.pop("combinations").items()}
    return Label(**content, inhibitors=inhibitors, combinations=combinations)


def target_dose(venetoclax_mg: int, cyp3a_inhibitor: str) -> int:
    """Return the daily dose after the label's reduction for an inhibitor.

    Parameters
    ----------
    venetoclax_mg : int
        Target dose without an inhibitor, mg a day.
    cyp3a_inhibitor : {'none', 'moderate', 'strong', 'posaconazole'}
        The class of the inhibitor taken at the same time.

    Returns
    -------
    int
        mg a day, rounded down to whole tablets, at least one of the smallest.

    Raises
    ------
    KitError
        If the class is unknown.

    Examples
    --------
    >>> [target_dose(400, each) for each in ("none", "moderate", "strong", "posaconazole")]
    [400, 200, 100, 70]
    """
    rules = label()
    if cyp3a_inhibitor not in rules.inhibitors:
        raise KitError(
            f"no class {cyp3a_inhibitor!r}",
            where="cyp3a_inhibitor",
            right=", ".join(rules.inhibitors),
        )
    reduction = rules.inhibitors[cyp3a_inhibitor]
    dose = venetoclax_mg * reduction.fraction
    if reduction.cap_mg is not None:
        dose = min(dose, reduction.cap_mg)
    tablets = max(1, int(dose // rules.smallest_tablet_mg))
    return tablets * rules.smallest_tablet_mg


def calendar(schedule: Schedule) -> pd.DataFrame:
    """Return what is given on each day.

    The first cycle starts with 100 mg and doubles each day, never above the target, until the
    target on day `venetoclax_ramp_days`. Beside an inhibitor the ramp is that of the label
    where it prescribes one, and the usual one reduced by the same share where it doesn't.
    Later cycles start at the target.

    Parameters
    ----------
    schedule : Schedule
        The schedule.

    Returns
    -------
    pandas.DataFrame
        One row per day of all cycles: ``CYCLE, DAY`` (in the cycle, from 1), ``STUDYDAY``
        (from 1), ``DOSE`` (mg, 0 on days without) and ``CUMDOSE`` (mg up to that day).

    Raises
    ------
    KitError
        If days, cycles or dose make no schedule.
    """
    later_days = schedule.venetoclax_days_later
    if later_days is None or schedule.cycles == 1:
        later_days = schedule.venetoclax_days
    days = schedule.venetoclax_days, later_days
    if not 1 <= min(days) <= max(days) <= schedule.cycle_days or schedule.cycles < 1:
        raise KitError(
            f"{schedule.venetoclax_days} days in each of {schedule.cycles} cycles of "
            f"{schedule.cycle_days} days"
            + (f", {later_days} after the first" if days[0] != days[1] else ""),
            where="schedule",
            right="at least one cycle, with 1 to cycle_days days of venetoclax",
        )
    target = target_dose(schedule.venetoclax_mg, schedule.cyp3a_inhibitor)
    day = np.arange(1, schedule.cycle_days + 1)
    first, dose = (np.where(day <= number, target, 0) for number in days)
    ramp = _ramp(schedule, target)[: schedule.venetoclax_days]
    first[: len(ramp)] = ramp
    return _laid_out(first, dose, schedule.cycles)


def partner_calendar(
    partner: str, *, body_surface_m2: float, cycle_days: int = 28, cycles: int = 1
) -> pd.DataFrame:
    """Return what is given of the drug beside venetoclax, on each day, by the label.

    Parameters
    ----------
    partner : {'azacitidine', 'decitabine', 'cytarabine'}
        The drug.
    body_surface_m2 : float
        The patient's body surface, m².
    cycle_days, cycles : int, optional
        Days from one cycle to the next, and how many cycles.

    Returns
    -------
    pandas.DataFrame
        The columns of `calendar`; doses in whole mg.

    Raises
    ------
    KitError
        If the drug is unknown, or the cycle is shorter than its course.

    Examples
    --------
    >>> given = partner_calendar("cytarabine", body_surface_m2=1.8)
    >>> int((given["DOSE"] > 0).sum()), int(given["DOSE"].sum())
    (10, 360)
    """
    combinations = label().combinations
    if partner not in combinations:
        raise KitError(f"no drug {partner!r}", where="partner", right=", ".join(combinations))
    found = combinations[partner]
    if cycle_days < found.partner_days or cycles < 1:
        raise KitError(
            f"{found.partner_days} days of {partner} in each of {cycles} cycles of {cycle_days} "
            "days",
            where="partner",
            right="at least one cycle, as long as the course",
        )
    day = np.arange(1, cycle_days + 1)
    dose = np.where(day <= found.partner_days, round(found.partner_mg_m2 * body_surface_m2), 0)
    return _laid_out(dose, dose, cycles)


def relative_dose_intensity(given: pd.DataFrame, planned: pd.DataFrame) -> float:
    """Return the dose intensity of one calendar relative to another.

    Dose intensity is mg per unit of time. The time of each calendar is its own length, so a
    longer cycle lowers the intensity even when each cycle's dose is the same.

    Parameters
    ----------
    given, planned : pandas.DataFrame
        What `calendar` returns.

    Returns
    -------
    float
        1 if both give the same mg per day of calendar time.

    References
    ----------
    Hryniuk W, Bush H. The importance of dose intensity in chemotherapy of metastatic breast
    cancer. J Clin Oncol 1984;2:1281-1288.
    """
    return float(given["DOSE"].mean() / planned["DOSE"].mean())


def as_given(patients: pd.DataFrame, *, ramp_days: int) -> pd.DataFrame:
    """Return the calendar of each patient's recorded venetoclax course.

    Parameters
    ----------
    patients : pandas.DataFrame
        With ``USUBJID``, ``VENDOSE`` (mg a day, any reduction already in it) and ``VENDAYS``.
    ramp_days : int
        The day on which the target dose is reached; 1 for no ramp.

    Returns
    -------
    pandas.DataFrame
        As `calendar`, with ``USUBJID`` first; days after the last dose are left out.
    """
    courses = []
    for _, patient in patients.iterrows():
        days = int(patient["VENDAYS"])
        schedule = Schedule(int(patient["VENDOSE"]), min(ramp_days, days), days, days)
        courses.append(calendar(schedule).assign(USUBJID=patient["USUBJID"]))
    if not courses:
        return pd.DataFrame(columns=["USUBJID", "CYCLE", "DAY", "STUDYDAY", "DOSE", "CUMDOSE"])
    table = pd.concat(courses, ignore_index=True)
    return table[["USUBJID", "CYCLE", "DAY", "STUDYDAY", "DOSE", "CUMDOSE"]]


def exposure(calendars: pd.DataFrame) -> pd.DataFrame:
    """Sum up each patient's course.

    Parameters
    ----------
    calendars : pandas.DataFrame
        What `as_given` returns.

    Returns
    -------
    pandas.DataFrame
        One row per patient: ``USUBJID, DAYS`` (with a dose), ``MAXDOSE`` (mg a day) and
        ``CUMDOSE`` (mg).
    """
    given = calendars[calendars["DOSE"] > 0]
    return given.groupby("USUBJID", as_index=False, sort=False).agg(
        DAYS=("DOSE", "size"), MAXDOSE=("DOSE", "max"), CUMDOSE=("DOSE", "sum")
    )


def _laid_out(first: np.ndarray, later: np.ndarray, cycles: int) -> pd.DataFrame:
    """Return the calendar of a first cycle and later ones, doses by day."""
    days = len(first)
    table = pd.DataFrame(
        {
            "CYCLE": np.repeat(np.arange(1, cycles + 1), days),
            "DAY": np.tile(np.arange(1, days + 1), cycles),
            "DOSE": np.concatenate([first, np.tile(later, cycles - 1)]),
        }
    )
    table.insert(2, "STUDYDAY", np.arange(1, len(table) + 1))
    table["CUMDOSE"] = table["DOSE"].cumsum()
    return table


def _ramp(schedule: Schedule, target: int) -> list[int]:
    rules = label()
    reduction = rules.inhibitors[schedule.cyp3a_inhibitor]
    days = schedule.venetoclax_ramp_days - 1
    usual = [rules.first_dose_mg * 2**day for day in range(days)]
    if reduction.ramp_mg and days:
        usual = list(reduction.ramp_mg)
    elif reduction.fraction < 1:
        usual = [target_dose(dose, schedule.cyp3a_inhibitor) for dose in usual]
    return [min(dose, target) for dose in usual]
