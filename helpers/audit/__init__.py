"""The audit: a verdict for every published number.

`ledger` runs every check on every number of a paper and makes one verdict out of what they
find. What is checked follows from a number's ``statistic`` and ``relates_to`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial

import pandas as pd

from helpers import catalogue, paths
from helpers.audit import arithmetic, inference, patients
from helpers.audit.arithmetic import DAYS_PER_MONTH
from helpers.audit.evidence import Book, Finding, quoted
from helpers.audit.inference import count_tables, interval_scores, test_scores
from helpers.audit.patients import follow_up_against_dates
from helpers.catalogue import PublishedNumber
from helpers.errors import KitError

__all__ = [
    "COLUMNS",
    "DAYS_PER_MONTH",
    "VERDICTS",
    "Book",
    "Finding",
    "book",
    "count_tables",
    "follow_up_against_dates",
    "forget",
    "interval_scores",
    "ledger",
    "test_scores",
    "verdict_on",
]

VERDICTS = {
    "reproduced": "✓\u00a0reproduced",
    "satisfied": "✓\u00a0satisfied",
    "observation": "·\u00a0observation",
    "inconsistent": "✗\u00a0inconsistent",
    "undetermined": "?\u00a0undetermined",
}
"""Each verdict with the symbol that goes with it, so that no verdict is told by colour alone."""

COLUMNS = (
    "paper",
    "id",
    "location",
    "quantity",
    "group",
    "statistic",
    "printed",
    "recomputed",
    "verdict",
    "method",
    "reason",
)
"""The columns of a ledger."""

_CHECKS = (
    arithmetic.share,
    arithmetic.parts,
    arithmetic.repeats,
    arithmetic.subgroups,
    arithmetic.ranges,
    arithmetic.distribution,
    arithmetic.follow_up,
    arithmetic.sizes,
    arithmetic.reductions,
    inference.landmark,
    inference.middles,
    inference.medians,
)
_NOTHING = "nothing else published determines it"
_NEEDS_PATIENTS = ("survival_ci", "cumulative_incidence_ci", "median_time_ci", "hazard_ratio_ci")


def book(paper: str) -> Book:
    """Return the published numbers of a paper, ready to be checked.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    Book

    Raises
    ------
    DataError
        If the paper's folder has faults.
    """
    described = catalogue.load(paper)
    return Book(
        tuple(catalogue.published(paper)),
        described.groups,
        described.variables,
        described.endpoints,
    )


def ledger(*papers: str) -> pd.DataFrame:
    """Give every published number of the papers its verdict.

    Parameters
    ----------
    *papers : str
        The papers' ids; none for all of them.

    Returns
    -------
    pandas.DataFrame
        The columns `COLUMNS`, one row per published number, in the papers' order.

    Raises
    ------
    DataError
        If there is no such paper or its folder has faults.
    """
    found = [_ledger(paper, _changed(paper)) for paper in papers or catalogue.papers()]
    return pd.concat([pd.DataFrame(columns=list(COLUMNS)), *found], ignore_index=True)


def forget() -> None:
    """Forget the ledgers made so far; the next one is worked out anew."""
    _ledger.cache_clear()


def _changed(paper: str) -> tuple[str | int, ...]:
    folder = paths.paper(paper)
    names = ("paper.toml", "published.csv", "patients.csv", "cohorts.parquet")
    return str(folder), *paths.changed(*(folder / name for name in names))


@lru_cache
def _ledger(paper: str, _changed: tuple[str | int, ...]) -> pd.DataFrame:
    numbers = book(paper)
    methods = _preferred(numbers)
    from_patients = patients.findings(paper)
    verdicts = {
        number.id: verdict_on(
            number, [*from_patients.get(number.id, ()), *_run(number, numbers, methods)]
        )
        for number in numbers.numbers
    }
    together = _in_every_cohort(paper)
    rows = []
    for number in numbers.numbers:
        verdict = _as_elsewhere(number, numbers, verdicts)
        if verdict.verdict == "undetermined" and number.id in together:
            verdict = Finding(
                "satisfied",
                together[number.id],
                "reconstructed cohorts",
                "every stored synthetic cohort has it together with the paper's other numbers, as "
                "it was made to: they can be true together",
            )
        rows.append(
            {
                "paper": paper,
                "id": number.id,
                "location": number.location,
                "quantity": number.quantity,
                "group": number.group,
                "statistic": number.statistic,
                "printed": number.printed,
                "recomputed": verdict.recomputed,
                "verdict": verdict.verdict,
                "method": verdict.method,
                "reason": verdict.reason,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _in_every_cohort(paper: str) -> dict[str, str]:
    """Return the numbers that all stored cohorts of a paper have."""
    if not (paths.paper(paper) / "cohorts.parquet").is_file():
        return {}
    from helpers.reconstruct import verification

    try:
        return verification.satisfied(paper)
    except KitError:
        return {}  # a damaged file must not cost the ledger


def verdict_on(number: PublishedNumber, found: Sequence[Finding]) -> Finding:
    """Make one verdict out of what the checks found.

    One contradiction outweighs any number of agreements: a number that follows from one place
    and not from another is inconsistent.

    Parameters
    ----------
    number : PublishedNumber
        The number.
    found : sequence of Finding
        What the checks found.

    Returns
    -------
    Finding
    """
    for verdict in ("inconsistent", "reproduced", "undetermined"):
        chosen = list(dict.fromkeys(each for each in found if each.verdict == verdict))
        if chosen:
            return Finding(
                verdict,
                "; ".join(dict.fromkeys(each.recomputed for each in chosen if each.recomputed)),
                "; ".join(dict.fromkeys(each.method for each in chosen if each.method)),
                "; ".join(dict.fromkeys(each.reason for each in chosen if each.reason)),
            )
    if quoted(number):
        return Finding("observation", reason="quoted from another study")
    if number.statistic in _NEEDS_PATIENTS:
        return Finding("undetermined", reason="needs the times of the patients")
    if number.statistic == "p_value":
        return Finding("undetermined", reason="the paper doesn't print what was tested")
    for each in found:
        if each.reason:
            return each
    return Finding("observation", reason=_NOTHING)


def _preferred(numbers: Book) -> dict[str, str | None]:
    best: dict[str, str | None] = {}
    for name, scores in (("interval", interval_scores(numbers)), ("test", test_scores(numbers))):
        top = scores.iloc[0] if len(scores) else None
        best[name] = str(top["method"]) if top is not None and top["explained"] else None
    return best


def _run(number: PublishedNumber, numbers: Book, methods: dict[str, str | None]) -> list[Finding]:
    if quoted(number):
        # What others found is not this paper's to prove; a percentage that its own count
        # contradicts is a slip all the same.
        return [
            each for each in arithmetic.share(number, numbers) if each.verdict == "inconsistent"
        ]
    checks: list[Callable[[], Iterable[Finding]]] = [
        partial(check, number, numbers) for check in _CHECKS
    ]
    checks.append(partial(inference.interval, number, numbers, methods["interval"]))
    checks.append(partial(inference.p_value, number, numbers, methods["test"]))
    found: list[Finding] = []
    for check in checks:
        try:
            found += check()
        except (KitError, ArithmeticError, ValueError) as error:
            # One odd row of somebody's folder must not cost them the rest of the ledger.
            found.append(Finding("undetermined", reason=f"it could not be checked: {error}"))
    return found


def _as_elsewhere(number: PublishedNumber, numbers: Book, verdicts: dict[str, Finding]) -> Finding:
    """Let a number that is printed twice share the proof found at the other place."""
    own = verdicts[number.id]
    if own.verdict not in ("observation", "undetermined") or quoted(number):
        return own
    for other in numbers.alike[number.quantity, number.group]:
        found = verdicts[other.id]
        if other.id == number.id or found.verdict != "reproduced":
            continue
        shared = [name for name in ("value", "count") if getattr(number, name) is not None]
        if shared and all(getattr(number, name) == getattr(other, name) for name in shared):
            return Finding("reproduced", found.recomputed, f"as {other.id}: {found.method}")
    places = [each for each in numbers.alike[number.quantity, number.group] if each.id != number.id]
    if places and own.reason == _NOTHING:
        where = ", ".join(dict.fromkeys(each.location for each in places))
        return Finding("observation", reason=f"printed alike in: {where}")
    return own
