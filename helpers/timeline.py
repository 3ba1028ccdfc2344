"""Event histories: where in time each thing happened to a patient.

A paper may print only how long a patient was followed, and leave out when within that time
treatment started, a response came, or a transplant was done. A timeline then needs
assumptions. They are arguments here, so that a reader sees and changes them, and nothing
that rests on them is mistaken for a printed fact.
"""

from __future__ import annotations

import itertools

import pandas as pd

from helpers.catalogue import Assumption
from helpers.errors import KitError

_TIMES = ["DIAGM", "TRTM", "RSPM", "HSCTM", "RLPM", "DTHM", "LSTALVM"]


def history(
    patients: pd.DataFrame,
    *,
    course_months: float,
    response_to_transplant_months: float,
    relapse_to_death_months: float,
) -> pd.DataFrame:
    """Place each patient's events in time.

    Treatment starts after the failed courses, one `course_months` each; where their number
    isn't recorded, it is worked back from the death: relapse, response and treatment lie
    before it. The response comes at the end of the last venetoclax course, the transplant
    `response_to_transplant_months` later.

    Parameters
    ----------
    patients : pandas.DataFrame
        With the columns ``USUBJID``, ``OSM`` (months from diagnosis to death or last contact),
        ``DTHFL``, ``HSCTFL``, ``RLPFL`` (Y or N), ``PRIORCRS``, ``VENCRS`` (courses) and
        ``CRDURM`` (months from response to relapse).
    course_months : float
        Assumed length of one treatment course, months.
    response_to_transplant_months : float
        Assumed time from response to transplant, months.
    relapse_to_death_months : float
        Assumed time from relapse to death, months; used where `PRIORCRS` is missing.

    Returns
    -------
    pandas.DataFrame
        `patients` with ``DIAGM, TRTM, RSPM, HSCTM, RLPM, DTHM, LSTALVM``: diagnosis, start of
        venetoclax, response, transplant, relapse, death, last contact alive, all in months from
        the start of venetoclax (so ``TRTM`` is 0 and ``DIAGM`` negative); NaN where it did not
        happen.

    Raises
    ------
    KitError
        If a patient's events would come in an impossible order.
    """
    table = patients.copy()
    died, relapsed, transplanted = (table[flag] == "Y" for flag in ("DTHFL", "RLPFL", "HSCTFL"))
    on_treatment = table["VENCRS"] * course_months
    worked_back = table["OSM"] - relapse_to_death_months - table["CRDURM"] - on_treatment
    before = (table["PRIORCRS"] * course_months).fillna(worked_back)
    end = table["OSM"] - before
    table["DIAGM"] = -before
    table["TRTM"] = 0.0
    table["RSPM"] = on_treatment.astype(float)
    table["HSCTM"] = (table["RSPM"] + response_to_transplant_months).where(transplanted)
    table["RLPM"] = (table["RSPM"] + table["CRDURM"]).where(relapsed)
    table["DTHM"] = end.where(died)
    table["LSTALVM"] = end
    # Sums of tenths of a month are off by some bits; 11 months are 11 months.
    table[_TIMES] = table[_TIMES].round(9)
    for _, patient in table.iterrows():
        _check_order(patient)
    return table


def extremes(assumptions: dict[str, Assumption]) -> list[dict[str, float]]:
    """Return every combination of the least and the greatest value of each assumption.

    Parameters
    ----------
    assumptions : dict of str to Assumption
        By name.

    Returns
    -------
    list of dict of str to float
        2 to the power of the number of assumptions, some perhaps impossible for `history`.
    """
    ends = [(each.minimum, each.maximum) for each in assumptions.values()]
    return [dict(zip(assumptions, values, strict=True)) for values in itertools.product(*ends)]


def _check_order(patient: pd.Series) -> None:
    order = {
        "diagnosis": "DIAGM",
        "start of venetoclax": "TRTM",
        "response": "RSPM",
        "transplant": "HSCTM",
        "relapse": "RLPM",
        "last contact": "LSTALVM",
    }
    known = [(name, patient[column]) for name, column in order.items() if pd.notna(patient[column])]
    for (earlier, first), (later, second) in itertools.pairwise(known):
        if first > second + 1e-9:
            raise KitError(
                f"patient {patient['USUBJID']} would have the {earlier} "
                f"{first - second:.1f} months after the {later}",
                right="shorter intervals: all of them must fit into the "
                f"{patient['OSM']:g} months from diagnosis to last contact",
            )
