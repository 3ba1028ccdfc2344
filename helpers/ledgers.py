"""The ledger, searched; and one printed number, tried against every method."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from helpers import audit, proportions, rounding, tables, wording
from helpers.audit import inference
from helpers.audit.evidence import Book, attainable
from helpers.catalogue import PublishedNumber
from helpers.errors import KitError
from helpers.parameters import Settings
from helpers.whatif import Outcome

# A page of a ledger: more rows than one reads, and a table that still opens at once.
_MOST_ROWS = 60


def filtered(settings: Settings, *, paper: str) -> Outcome:
    """List published numbers with their verdicts.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Ledger`.
    paper : str
        The lesson's paper; not used, the settings name their own.

    Returns
    -------
    Outcome
        ``data`` is the part of the ledger that was asked for, whole; the table shows its
        first rows.
    """
    asked: Any = settings
    ledger = audit.ledger(*([] if asked.paper == "all" else [asked.paper]))
    found = ledger
    if asked.verdict != "any":
        found = found[found["verdict"] == asked.verdict]
    place = asked.location.strip().lower()
    if place:
        found = found[found["location"].str.lower().str.contains(place, regex=False)]
    counts = ledger["verdict"].value_counts()
    verdicts = ", ".join(f"{counts[name]} {name}" for name in audit.VERDICTS if name in counts)
    which = "every paper" if asked.paper == "all" else asked.paper
    summary = (
        f"{len(ledger)} published numbers of {which}: {verdicts}. "
        f"{len(found)} fit the search"
        + (f"; the first {_MOST_ROWS} are shown." if len(found) > _MOST_ROWS else ".")
    )
    if found.empty:
        return Outcome(summary, (), found)
    table = tables.ledger(
        found.head(_MOST_ROWS),
        caption="The ledger",
        footnote="How to read it: ✓ follows from other numbers; ✗ is contradicted by them; "
        "? would need something that the paper doesn't print; · could not be otherwise.",
        reasons=True,
    )
    return Outcome(summary, (table,), found)


def beside(paper: str, *, location: str = "", ids: Sequence[str] = ()) -> pd.DataFrame:
    """Set published numbers beside what recomputes them and what all synthetic cohorts have.

    Parameters
    ----------
    paper : str
        The paper's id.
    location : str, optional
        Where they stand, or how that begins.
    ids : sequence of str, optional
        Instead, their ids, in the order wanted.

    Returns
    -------
    pandas.DataFrame
        One row per number: ``what``, ``printed``, ``recomputed`` from other published numbers,
        ``cohorts``, what each stored synthetic cohort has, and the ``verdict``. Empty where there
        is none.

    Raises
    ------
    KitError
        If there is no such number.
    """
    from helpers.reconstruct import verification

    ledger = audit.ledger(paper).set_index("id", drop=False)
    if lacking := [id for id in ids if id not in ledger.index]:
        raise KitError(f"no number {', '.join(lacking)}", where=paper, right="ids of the ledger")
    found = ledger.loc[list(ids)] if ids else ledger[ledger["location"].str.startswith(location)]
    met = verification.satisfied(paper)
    # What satisfies a number by the cohorts alone stands in their column.
    alone = found["verdict"] == "satisfied"
    return pd.DataFrame(
        {
            "what": wording.named(found),
            "printed": found["printed"].map(wording.printed),
            "recomputed": found["recomputed"].where(~alone, "").map(wording.printed),
            "cohorts": [_of_each(met.get(id, "")) for id in found.index],
            "verdict": found["verdict"].map(audit.VERDICTS),
        }
    ).reset_index(drop=True)


def _of_each(words: str) -> str:
    """Shorten what every cohort has: a percentage stands in brackets behind its count."""
    return re.sub(r"^(\d+/\d+) ([\d.]+)$", r"\1 (\2 %)", words.split(" in each of ")[0])


def one_number(settings: Settings, *, paper: str) -> Outcome:
    """Try a printed proportion against its count, by every method for its interval.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Printed`.
    paper : str
        The lesson's paper; not used.

    Returns
    -------
    Outcome
        ``data`` has one row per method: its limits, and whether they have the printed digits.
    """
    asked: Any = settings
    share = 100 * asked.count / asked.total
    words = [f"{asked.count} of {asked.total} is {share:.2f} %."]
    if asked.percent.strip():
        words.append(_about_percent(share, asked.percent, asked.total))
    limits = [text.strip() for text in (asked.lower, asked.upper)]
    rows = [_row(asked, key, limits) for key in proportions.METHODS]
    table = pd.DataFrame(rows)
    fits = [row["name"] for row in rows if row["fits"] == "✓\u00a0yes"]
    if all(limits):
        words.append(
            f"{limits[0]}–{limits[1]} is what {_list(fits)} give{'s' if len(fits) == 1 else ''}."
            if fits
            else f"None of the {len(rows)} methods gives {limits[0]}–{limits[1]}: another "
            "denominator, another method, or a slip."
        )
    shown = tables.table(
        table[["name", "software", "interval", "fits"]],
        caption="The interval by every method",
        headings={
            "name": "Method",
            "software": "Printed by",
            "interval": "95% CI (%)",
            "fits": "Printed digits?",
        },
    )
    return Outcome(" ".join(words), (shown,), table)


def _about_percent(share: float, percent: str, total: int) -> str:
    habit = rounding.habit(share, percent)
    if habit == "":
        return f"Rounded, that is the printed {percent} %: ✓ reproduced."
    counts = attainable(percent, total)
    return (
        f"The printed {percent} % is not that: ✗ inconsistent"
        + (f" (the digits are {habit})" if habit else "")
        + (
            f"; {_list([str(count) for count in counts])} of {total} would give it."
            if counts
            else f"; no count out of {total} gives it."
        )
    )


def _row(asked: Any, key: str, limits: list[str]) -> dict[str, str]:
    method = proportions.METHODS[key]
    whole = asked.whole if method.needs_whole else asked.total
    found = proportions.proportion(asked.count, asked.total, method=key, whole=whole)
    digits = limits[0] or "0.0", limits[1] or "0.0"
    fits = ""
    if all(limits):
        number = PublishedNumber(
            id="typed",
            location="panel",
            quantity="typed",
            group="all",
            statistic="proportion_ci",
            printed="typed",
            count=asked.count,
            total=asked.total,
            lower=limits[0],
            upper=limits[1],
            level=0.95,
        )
        habit = inference.habit_of_interval(
            number, asked.count, asked.total, key, Book((number,)), whole=whole
        )
        fits = "✗\u00a0no" if habit is None else "✓\u00a0yes"
        fits += f", {habit}" if habit else ""
    defined = found.lower == found.lower
    return {
        "method": key,
        "name": method.name,
        "software": method.software,
        "interval": f"{rounding.rounded(100 * found.lower, digits[0])} to "
        f"{rounding.rounded(100 * found.upper, digits[1])}"
        if defined
        else "none",
        "fits": fits,
    }


def _list(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
