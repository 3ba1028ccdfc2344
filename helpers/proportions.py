"""Proportions and their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from helpers import catalogue, cohort
from helpers.errors import KitError


@dataclass(frozen=True)
class Proportion:
    """A proportion with its interval.

    Attributes
    ----------
    count, total : int
        Numerator and denominator.
    estimate, lower, upper : float
        The proportion and its limits, from 0 to 1.
    level : float
        Confidence level.
    method : str
        The name of the interval.
    """

    count: int
    total: int
    estimate: float
    lower: float
    upper: float
    level: float
    method: str


def proportion(
    count: int,
    total: int,
    *,
    level: float = 0.95,
    method: Literal["clopper-pearson", "wilson"] = "clopper-pearson",
) -> Proportion:
    """Estimate a proportion and its confidence interval.

    Parameters
    ----------
    count, total : int
        Numerator and denominator.
    level : float, optional
        Confidence level.
    method : {'clopper-pearson', 'wilson'}, optional
        Exact (never covers less than `level`, often more), or Wilson's score interval.

    Returns
    -------
    Proportion

    Raises
    ------
    KitError
        If `total` is not positive or `count` lies outside of 0 to `total`.

    References
    ----------
    Clopper CJ, Pearson ES. Biometrika 1934;26:404-413.
    Wilson EB. J Am Stat Assoc 1927;22:209-212.
    """
    from scipy.stats import binomtest

    if total < 1 or not 0 <= count <= total:
        raise KitError(f"{count} of {total}", right="a count from 0 to a total of at least 1")
    scipy_name = {"clopper-pearson": "exact", "wilson": "wilson"}[method]
    interval = binomtest(count, total).proportion_ci(level, method=scipy_name)
    return Proportion(
        count, total, count / total, float(interval.low), float(interval.high), level, method
    )


def of_groups(paper: str, groups: dict[str, str], *, among: str = "all") -> pd.DataFrame:
    """Estimate how many patients of one group are in others.

    Parameters
    ----------
    paper : str
        The id of a paper that shows its patients.
    groups : dict of str to str
        Names of the paper's groups, by what to call them.
    among : str, optional
        The group that is the denominator.

    Returns
    -------
    pandas.DataFrame
        One row per group: ``what``, ``patients`` (n/N), ``percent``, ``interval`` (95 %,
        Clopper-Pearson), as text ready to show.
    """
    described = catalogue.load(paper)
    everyone = cohort.group(paper, among)
    rows = []
    for what, name in groups.items():
        found = proportion(
            len(cohort.select(everyone, described.groups[name], described.variables)), len(everyone)
        )
        rows.append(
            {
                "what": what,
                "patients": f"{found.count}/{found.total}",
                "percent": f"{found.estimate:.0%}",
                "interval": f"{found.lower:.0%} to {found.upper:.0%}",
            }
        )
    return pd.DataFrame(rows)
