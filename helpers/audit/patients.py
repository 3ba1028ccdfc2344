"""Published numbers against the patients, where a paper shows them one by one."""

from __future__ import annotations

import datetime as dt
import math

import pandas as pd

from helpers import catalogue, cohort, query, rounding
from helpers.audit.arithmetic import DAYS_PER_MONTH, last_day
from helpers.audit.evidence import Finding
from helpers.catalogue import Paper, PublishedNumber


def findings(paper: str) -> dict[str, list[Finding]]:
    """Recompute each published number of a paper from its patients.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    dict of str to list of Finding
        By the number's id; empty if the paper shows no patients.

    Raises
    ------
    DataError
        If the paper's folder has faults.
    """
    described = catalogue.load(paper)
    if not described.patient_level:
        return {}
    everyone = cohort.patients(paper)
    numbers = {number.id: number for number in catalogue.published(paper)}
    found = {}
    for number in numbers.values():
        members = cohort.select(
            everyone, described.groups.get(number.group, ""), described.variables
        )
        finding = _recompute(number, members, described)
        related = [numbers[other] for other in number.relates_to if other != "|"]
        agrees = finding.verdict == "reproduced"
        against = _against_dates(number, members, related) if agrees else None
        found[number.id] = [each for each in (finding, against) if each]
    return found


def follow_up_against_dates(
    survivors: pd.DataFrame, *, window_end: str, cutoff: str
) -> pd.DataFrame:
    """Compare printed follow-up with the least that the printed dates allow.

    A survivor who started treatment inside the paper's window and was seen at its cut-off was
    followed for at least the time from the window's last day to the cut-off; from diagnosis,
    longer still.

    Parameters
    ----------
    survivors : pandas.DataFrame
        Patients alive at the cut-off, with ``USUBJID`` and ``OSM``: whole months from diagnosis.
    window_end : str
        The last month (``2020-07``) or day (``2020-07-31``) of the treatment window.
    cutoff : str
        The day of the cut-off.

    Returns
    -------
    pandas.DataFrame
        One row per survivor: ``USUBJID``, ``OSM``; ``LEAST``, the months from the window's last
        day to the cut-off; ``EARLIEST``, the earliest day on which a clock that reads ``OSM``
        months at the cut-off can have started, however the months were rounded; ``POSSIBLE``,
        whether that day lies before the window's end.
    """
    end, day = last_day(window_end), dt.date.fromisoformat(cutoff)
    table = survivors[["USUBJID", "OSM"]].reset_index(drop=True)
    table["LEAST"] = (day - end).days / DAYS_PER_MONTH
    # A printed m stands for less than m + 1 months however it was rounded: the benefit of doubt.
    table["POSSIBLE"] = table["OSM"] + 1 > table["LEAST"]
    table["EARLIEST"] = [
        day - dt.timedelta(days=math.ceil((months + 1) * DAYS_PER_MONTH) - 1)
        for months in table["OSM"]
    ]
    return table[["USUBJID", "OSM", "LEAST", "EARLIEST", "POSSIBLE"]]


def _recompute(number: PublishedNumber, members: pd.DataFrame, paper: Paper) -> Finding:
    counted = paper.groups.get(number.quantity) if number.statistic == "count_percent" else None
    variable = paper.variables.get(number.quantity)
    used = query.parse(paper.groups.get(number.group, ""), paper.variables).names()
    if counted is not None:
        counting = query.parse(counted, paper.variables)
        used |= counting.names()
    elif variable is not None and variable.is_number:
        used |= {number.quantity}
    else:
        return Finding("observation", reason="nothing else published determines it")
    if any(paper.variables[name].from_text for name in used):
        return Finding("observation", reason="the patients' values come from the same text")
    if counted is not None:
        return _count(number, int(counting.mask(members).sum()), len(members))
    values = members[number.quantity].dropna()
    if values.empty:
        return Finding("undetermined", reason="the paper doesn't print it for these patients")
    return _of_variable(number, values)


def _count(number: PublishedNumber, count: int, total: int) -> Finding:
    agree = number.count == count and number.total in (None, total)
    return _verdict(agree, f"{count} of {total}", "count of patients")


def _of_variable(number: PublishedNumber, values: pd.Series) -> Finding:
    if number.statistic == "median_range":
        found = {"value": values.median(), "lower": values.min(), "upper": values.max()}
        text = f"{found['value']:g} ({found['lower']:g}–{found['upper']:g})"
        method = "median and range of patients"
    elif number.lower is not None and number.upper is None:
        found, method = {"lower": values.min()}, "least value of patients"
        text = f"{found['lower']:g}"
    elif number.lower is not None:
        found, method = {"lower": values.min(), "upper": values.max()}, "range of patients"
        text = f"{found['lower']:g}–{found['upper']:g}"
    else:
        found, method = {"value": values.iloc[0]}, "value of each patient"
        text = "; ".join(f"{value:g}" for value in sorted(set(values)))
        if values.nunique() > 1:
            return _verdict(False, text, method)
    agree = all(_same(found[name], getattr(number, name)) for name in found)
    return _verdict(agree, text, method)


def _against_dates(
    number: PublishedNumber, members: pd.DataFrame, related: list[PublishedNumber]
) -> Finding | None:
    """Hold a follow-up against the two dates it relates to: the window's end and the cut-off."""
    dates = {other.quantity: str(other.value) for other in related if other.statistic == "date"}
    if number.statistic != "median_range" or not {"treatment_end", "data_cutoff"} <= dates.keys():
        return None
    window_end, cutoff = dates["treatment_end"], dates["data_cutoff"]
    survivors = members[members["DTHFL"] == "N"]
    checked = follow_up_against_dates(survivors, window_end=window_end, cutoff=cutoff)
    short = checked[~checked["POSSIBLE"]]
    if short.empty:
        return None
    printed = ", ".join(f"{row.OSM:g} (patient {row.USUBJID})" for row in short.itertuples())
    values = members[number.quantity]
    return Finding(
        "inconsistent",
        f"{values.median():g} ({values.min():g}–{values.max():g})",
        "median and range of patients; dates against follow-up",
        f"the patients do give the printed digits, but treatment by {window_end} and follow-up "
        f"to {cutoff} make at least {checked['LEAST'].iloc[0]:.1f} months for a survivor, and "
        f"{len(short)} of them have fewer: {printed}; likely slips: the clock starts later than "
        "the definition says, the last contact was before the cut-off, or the window is not "
        "that of treatment",
    )


def _same(value: float, printed: str | None) -> bool:
    return printed is not None and rounding.agrees(float(value), printed)


def _verdict(agree: bool, text: str, method: str) -> Finding:
    if agree:
        return Finding("reproduced", text, method)
    return Finding("inconsistent", text, method, f"the paper's own patients give {text}")
