"""Two groups compared by counts: each group's rate, and the effect with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers import proportions
from helpers.errors import KitError

Counts = NDArray[np.int64]


def rates(
    table: ArrayLike,
    names: Sequence[str],
    *,
    methods: Sequence[str] = ("clopper_pearson", "wilson", "wald"),
) -> pd.DataFrame:
    """Return the rate of the first outcome in each group, with its interval by several methods.

    Parameters
    ----------
    table : array_like of int
        One row per group: with the outcome, without it.
    names : sequence of str
        The groups' names.
    methods : sequence of str, optional
        Keys of `helpers.proportions.METHODS`.

    Returns
    -------
    pandas.DataFrame
        One row per group: ``group``, ``patients`` (n of N), ``rate``, and the 95 % interval under
        the name of each method, as text ready to show.

    Raises
    ------
    KitError
        If this isn't such a table, there are not as many names as rows, or no such method.
    """
    counts = np.asarray(table)
    if counts.ndim != 2 or counts.shape[1] != 2 or len(names) != len(counts):
        raise KitError("not a row for each group", where="table", right="with and without, by name")
    rows = []
    for name, (some, others) in zip(names, counts.tolist(), strict=True):
        size = some + others
        row = {"group": name, "patients": f"{some} of {size}", "rate": f"{some / size:.1%}"}
        for method in methods:
            found = proportions.proportion(some, size, method=method)
            heading = proportions.METHODS[method].name if method in proportions.METHODS else method
            row[heading] = f"{found.lower:.1%} to {found.upper:.1%}"
        rows.append(row)
    return pd.DataFrame(rows)


def effects(table: ArrayLike, *, level: float = 0.95) -> pd.DataFrame:
    """Compare the rates of two groups by their difference, their ratio and their odds ratio.

    Parameters
    ----------
    table : array_like of int
        Two rows, the groups: with the outcome, without it.
    level : float, optional
        Confidence level.

    Returns
    -------
    pandas.DataFrame
        One row per measure: ``measure`` (``difference``, ``risk ratio``, ``odds ratio``; of the
        first group against the second), ``estimate``, ``lower``, ``upper``, ``method`` and
        ``none``, the value without an effect.

    Raises
    ------
    KitError
        If this isn't a table of two groups, or a count is 0, so that a ratio has no interval.

    References
    ----------
    Newcombe RG. Interval estimation for the difference between independent proportions: comparison
    of eleven methods. Stat Med 1998;17:873-890; method 10.
    Katz D, Baptista J, Azen SP, Pike MC. Obtaining confidence intervals for the risk ratio in
    cohort studies. Biometrics 1978;34:469-474.
    Woolf B. On estimating the relation between blood group and disease. Ann Hum Genet
    1955;19:251-253.

    Examples
    --------
    >>> effects([[56, 14], [48, 32]]).round(4)[["measure", "estimate", "lower", "upper"]]
          measure  estimate   lower   upper
    0  difference    0.2000  0.0524  0.3339
    1  risk ratio    1.3333  1.0766  1.6512
    2  odds ratio    2.6667  1.2762  5.5720
    """
    from scipy.stats.contingency import odds_ratio, relative_risk

    counts = np.asarray(table)
    if counts.shape != (2, 2) or (counts < 0).any():
        raise KitError("not two groups and two outcomes", where="table", right="2 × 2 counts")
    if not counts.all():
        raise KitError("all of a group, or none", where="table", right="counts above 0, for ratios")
    sizes = counts.sum(axis=1)
    first, second = (
        proportions.proportion(int(some), int(size), level=level, method="wilson")
        for some, size in zip(counts[:, 0], sizes, strict=True)
    )
    gap = first.estimate - second.estimate
    below = np.hypot(first.estimate - first.lower, second.upper - second.estimate)
    above = np.hypot(first.upper - first.estimate, second.estimate - second.lower)
    risk = relative_risk(
        *(int(each) for pair in zip(counts[:, 0], sizes, strict=True) for each in pair)
    )
    odds = odds_ratio(counts.astype(np.int64), kind="sample")
    rows = [
        ("difference", gap, gap - below, gap + above, "Newcombe's method 10", 0.0),
        ("risk ratio", risk.relative_risk, *risk.confidence_interval(level), "Katz", 1.0),
        ("odds ratio", odds.statistic, *odds.confidence_interval(level), "Woolf", 1.0),
    ]
    columns = ["measure", "estimate", "lower", "upper", "method", "none"]
    return pd.DataFrame(rows, columns=columns).astype(
        dict.fromkeys(["estimate", "lower", "upper", "none"], float)
    )
