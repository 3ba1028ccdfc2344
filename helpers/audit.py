"""Verdicts: whether a printed number follows from what else is published.

For a paper that shows its patients one by one, each published number is recomputed from the
patients. What a number is, and how to recompute it, comes from its ``statistic``,
``quantity`` and ``group`` alone.
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import NamedTuple

import pandas as pd

from helpers import catalogue, cohort, query
from helpers.catalogue import Paper, PublishedNumber

VERDICTS = {
    "reproduced": "✓\u00a0reproduced",
    "satisfied": "✓\u00a0satisfied",
    "observation": "·\u00a0observation",
    "inconsistent": "✗\u00a0inconsistent",
    "undetermined": "?\u00a0undetermined",
}
"""Each verdict with the symbol that goes with it, so that no verdict is told by colour alone."""

# Gregorian year over twelve: what a month is when only months are printed.
DAYS_PER_MONTH = 30.4375


class _Finding(NamedTuple):
    recomputed: str
    verdict: str
    method: str
    reason: str = ""


def agrees(value: float, printed: str) -> bool:
    """Say whether a value, rounded as a printed number is, gives its digits.

    Parameters
    ----------
    value : float
        The recomputed value.
    printed : str
        The number as printed, for example ``8.50``: two decimals.

    Returns
    -------
    bool
        True if rounding half up or half to even gives the printed digits.

    Raises
    ------
    ValueError
        If `printed` is not a number.

    Examples
    --------
    >>> agrees(8.45, "8.5"), agrees(8.45, "8.4"), agrees(8.44, "8.5")
    (True, True, False)
    """
    try:
        target = Decimal(printed.strip())
    except ArithmeticError:
        raise ValueError(f"not a number: {printed!r}") from None
    # repr is the shortest text that gives the float back: 8.45 stays 8.45.
    exact = Decimal(repr(float(value)))
    return any(
        exact.quantize(target, rounding=rounding) == target
        for rounding in (ROUND_HALF_UP, ROUND_HALF_EVEN)
    )


def from_patients(paper: str) -> pd.DataFrame:
    """Recompute each published number of a paper from its patients.

    Parameters
    ----------
    paper : str
        The id of a paper that shows its patients one by one.

    Returns
    -------
    pandas.DataFrame
        The ledger: ``paper, id, location, quantity, group, statistic, printed, recomputed,
        verdict, method, reason``, one row per published number.

    Raises
    ------
    DataError
        If the paper shows no patients or its folder has faults.
    """
    described = catalogue.load(paper)
    everyone = cohort.patients(paper)
    rows = []
    numbers = {number.id: number for number in catalogue.published(paper)}
    for number in numbers.values():
        members = cohort.select(
            everyone, described.groups.get(number.group, ""), described.variables
        )
        finding = _recompute(number, members, described)
        if finding.verdict == "reproduced":
            related = [numbers[other] for other in number.relates_to]
            finding = _against_dates(number, members, related) or finding
        rows.append(
            {
                "paper": paper,
                "id": number.id,
                "location": number.location,
                "quantity": number.quantity,
                "group": number.group,
                "statistic": number.statistic,
                "printed": number.printed,
                **finding._asdict(),
            }
        )
    return pd.DataFrame(rows)


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
    end, day = _last_day(window_end), dt.date.fromisoformat(cutoff)
    table = survivors[["USUBJID", "OSM"]].reset_index(drop=True)
    table["LEAST"] = (day - end).days / DAYS_PER_MONTH
    # A printed m stands for less than m + 1 months however it was rounded: the benefit of doubt.
    table["POSSIBLE"] = table["OSM"] + 1 > table["LEAST"]
    table["EARLIEST"] = [
        day - dt.timedelta(days=int((months + 1) * DAYS_PER_MONTH)) for months in table["OSM"]
    ]
    return table[["USUBJID", "OSM", "LEAST", "EARLIEST", "POSSIBLE"]]


def _last_day(month_or_day: str) -> dt.date:
    if len(month_or_day) == len("2020-07"):
        first = dt.date.fromisoformat(month_or_day + "-01")
        return (first + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
    return dt.date.fromisoformat(month_or_day)


def _recompute(number: PublishedNumber, members: pd.DataFrame, paper: Paper) -> _Finding:
    counted = paper.groups.get(number.quantity) if number.statistic == "count_percent" else None
    variable = paper.variables.get(number.quantity)
    used = query.parse(paper.groups.get(number.group, ""), paper.variables).names()
    if counted is not None:
        counting = query.parse(counted, paper.variables)
        used |= counting.names()
    elif variable is not None and variable.is_number:
        used |= {number.quantity}
    else:
        return _Finding("", "observation", "", "nothing else published determines it")
    if any(paper.variables[name].from_text for name in used):
        return _Finding("", "observation", "", "the patients' values come from the same text")
    if counted is not None:
        return _count(number, int(counting.mask(members).sum()), len(members))
    return _of_variable(number, members[number.quantity].dropna())


def _count(number: PublishedNumber, count: int, total: int) -> _Finding:
    agree = number.count == count and number.total in (None, total)
    return _verdict(agree, f"{count} of {total}", "count of patients")


def _of_variable(number: PublishedNumber, values: pd.Series) -> _Finding:
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
) -> _Finding | None:
    """Hold a follow-up against the two dates it relates to: the window's end and the cut-off."""
    dates = sorted(str(other.value) for other in related if other.statistic == "date")
    if number.statistic != "median_range" or len(dates) != 2:
        return None
    survivors = members[members["DTHFL"] == "N"]
    checked = follow_up_against_dates(survivors, window_end=dates[0], cutoff=dates[1])
    short = checked[~checked["POSSIBLE"]]
    if short.empty:
        return None
    printed = ", ".join(f"{row.OSM:g} (patient {row.USUBJID})" for row in short.itertuples())
    values = members[number.quantity]
    return _Finding(
        f"{values.median():g} ({values.min():g}–{values.max():g})",
        "inconsistent",
        "median and range of patients; dates against follow-up",
        f"the patients do give the printed digits, but treatment by {dates[0]} and follow-up to "
        f"{dates[1]} make at least {checked['LEAST'].iloc[0]:.1f} months for a survivor, and "
        f"{len(short)} of them have fewer: {printed}; likely slips: the clock starts later than "
        "the definition says, the last contact was before the cut-off, or the window is not "
        "that of treatment",
    )


def _same(value: float, printed: float | str | None) -> bool:
    if printed is None:
        return False
    text = printed if isinstance(printed, str) else f"{printed:g}"
    return agrees(value, text)


def _verdict(agree: bool, text: str, method: str) -> _Finding:
    if agree:
        return _Finding(text, "reproduced", method)
    return _Finding(text, "inconsistent", method, f"the paper's own patients give {text}")
