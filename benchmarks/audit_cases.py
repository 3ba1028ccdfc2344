"""The audit, beside the calls of scipy and lifelines that check some of the same numbers.

The references know which numbers to check with what, as one who has read the papers does: finding
that out is the audit's work and not theirs.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import python
from benchmarks.harness import benchmark

INTERVALS = {"exact": "clopper_pearson", "wilson": "wilson", "wilsoncc": "wilson_corrected"}
COVERED = (
    "by scipy and lifelines one by one, of all five papers: intervals of proportions "
    "(binomtest: exact, wilson, wilsoncc), P values from counts (chi2_contingency: Pearson, "
    "likelihood-ratio, Yates on 2 × 2; fisher_exact on 2 × 2), intervals of survival rates from "
    "counts (KaplanMeierFitter, log-log)"
)


class Checks(NamedTuple):
    """What can be checked with scipy or lifelines: counts of totals, and tables of counts."""

    proportions: list[tuple[int, int]]
    tables: list[NDArray[np.int64]]
    rates: list[tuple[int, int]]


@cache
def checks(papers: int) -> Checks:
    """Pick the numbers of so many papers; each as often as the audit has to look at it."""
    from helpers import audit, catalogue
    from helpers.audit.evidence import attainable

    found = Checks([], [], [])
    for paper in catalogue.papers()[:papers]:
        book = audit.book(paper)
        for number in book.own:
            total = book.total(number)
            if number.statistic == "p_value":
                found.tables.extend(audit.count_tables(number, book))
            elif number.statistic == "proportion_ci" and total:
                found.proportions.extend((count, total) for count in book.counts(number))
            elif number.statistic == "survival_ci" and total and number.value:
                counts = attainable(number.value, total)
                found.rates.extend((count, total) for count in counts if 0 < count < total)
    return found


def tests_of(table: NDArray[np.int64]) -> Iterator[str]:
    """Name the tests that scipy has for a table; beyond 2 × 2 its Fisher test draws tables."""
    yield from ("chi2", "likelihood_ratio")
    if table.shape == (2, 2):
        yield from ("yates", "fisher")


def by_others(papers: int = 5):
    import pandas as pd
    from lifelines import KaplanMeierFitter
    from scipy import stats

    given = checks(papers)
    tests = {
        "chi2": lambda table: stats.chi2_contingency(table, correction=False),
        "likelihood_ratio": lambda table: stats.chi2_contingency(
            table, correction=False, lambda_="log-likelihood"
        ),
        "yates": stats.chi2_contingency,
        "fisher": stats.fisher_exact,
    }
    limits = [
        tuple(stats.binomtest(count, total).proportion_ci(method=method))
        for count, total in given.proportions
        for method in INTERVALS
    ]
    p = [tests[name](table).pvalue for table in given.tables for name in tests_of(table)]
    curves: list[pd.DataFrame] = []
    for count, total in given.rates:
        # All deaths at time 1, everyone else followed to 2.
        died = np.arange(total) >= count
        fit = KaplanMeierFitter().fit(np.where(died, 1, 2), died)
        curves.append(fit.confidence_interval_)
    return lambda: {
        "proportions": limits,
        "p": p,
        "rates": [tuple(curve.loc[1]) for curve in curves],
    }


def by_kit(papers: int = 5):
    from helpers import association, proportions
    from helpers.audit.inference import landmark_interval

    given = checks(papers)
    found: dict[str, Any] = {
        "proportions": [
            (estimate.lower, estimate.upper)
            for count, total in given.proportions
            for method in INTERVALS.values()
            for estimate in [proportions.proportion(count, total, method=method)]
        ],
        "p": [
            association.p_value(table, test=name)
            for table in given.tables
            for name in tests_of(table)
        ],
        "rates": [landmark_interval(count, total) for count, total in given.rates],
    }
    return lambda: found


@benchmark(
    reference=by_others,
    label=f"a part of the audit alone, {COVERED}",
)
def audit_of_five_papers():
    from helpers import audit

    audit.forget()
    audit.ledger()


@benchmark(rounds=3)
def audit_in_a_new_interpreter():
    """Start Python, import, read the papers' folders and audit them: what is waited for once."""
    python("from helpers import audit; audit.ledger()")


@benchmark(
    reference=by_others,
    label=f"the same checks {COVERED}",
    tolerance=1e-8,
)
def same_checks_of_five_papers(papers=5):
    return by_kit(papers)
