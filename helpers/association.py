"""Tests of association between groups, from counts: every test that a paper may have used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError

Counts = NDArray[np.int64]

# Beyond this many tables an exact test is not tried: some seconds, some hundred MB.
_MOST_TABLES = 3_000_000


@dataclass(frozen=True)
class Test:
    """A test of association.

    Attributes
    ----------
    name : str
        Its name in the textbooks.
    software : str
        What prints it.
    p_value : callable
        Takes a table of counts, one row per group; returns P, NaN where the test has none.
    """

    name: str
    software: str
    p_value: Callable[[Counts], float]


def p_value(table: ArrayLike, *, test: str = "chi2") -> float:
    """Test for association between the rows and the columns of a table of counts.

    Parameters
    ----------
    table : array_like of int
        One row per group, one column per outcome.
    test : str, optional
        A key of `TESTS` or of `FURTHER`.

    Returns
    -------
    float
        P; NaN where the test has none for such a table.

    Raises
    ------
    KitError
        If the table is smaller than 2 × 2, holds negative numbers, or there is no such test.

    References
    ----------
    Agresti A. Categorical Data Analysis. 3rd ed. Wiley 2013.
    """
    counts = np.asarray(table)
    if counts.ndim != 2 or min(counts.shape) < 2 or (counts < 0).any():
        raise KitError("not a table of counts", right="at least 2 × 2, no count below 0")
    known = TESTS | FURTHER
    if test not in known:
        raise KitError(f"no test {test!r}", where="test", right=", ".join(known))
    # A group or an outcome that nobody is in says nothing.
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0].astype(np.int64)
    if min(counts.shape) < 2:
        return float("nan")
    return float(known[test].p_value(counts))


def _expected(table: Counts) -> NDArray[np.float64]:
    rows, columns = table.sum(axis=1).astype(float), table.sum(axis=0)
    expected: NDArray[np.float64] = np.outer(rows, columns) / rows.sum()
    return expected


def _chi2_tail(statistic: float, freedom: int) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(freedom, statistic))


def _freedom(table: Counts) -> int:
    return int((table.shape[0] - 1) * (table.shape[1] - 1))


def _chi2(table: Counts) -> float:
    expected = _expected(table)
    return _chi2_tail(float(((table - expected) ** 2 / expected).sum()), _freedom(table))


def _yates(table: Counts) -> float:
    if table.shape != (2, 2):
        return float("nan")
    expected = _expected(table)
    off = np.maximum(np.abs(table - expected) - 0.5, 0)
    return _chi2_tail(float((off**2 / expected).sum()), 1)


def _likelihood_ratio(table: Counts) -> float:
    expected = _expected(table)
    seen = table > 0
    statistic = 2 * (table[seen] * np.log(table[seen] / expected[seen])).sum()
    return _chi2_tail(float(statistic), _freedom(table))


def _trend(table: Counts) -> float:
    """Test for a linear trend over groups in their order: (n − 1) r²."""
    return _linear(table, table.sum() - 1)


def _cochran_armitage(table: Counts) -> float:
    return _linear(table, table.sum()) if 2 in table.shape else float("nan")


def _linear(table: Counts, factor: float) -> float:
    rows, columns = np.arange(table.shape[0]), np.arange(table.shape[1])
    weights = table / table.sum()
    x, y = rows - weights.sum(axis=1) @ rows, columns - weights.sum(axis=0) @ columns
    over = (weights.sum(axis=1) @ x**2) * (weights.sum(axis=0) @ y**2)
    return _chi2_tail(float(factor * (x @ weights @ y) ** 2 / over), 1)


def _z_unpooled(table: Counts) -> float:
    from scipy.special import ndtr

    if table.shape != (2, 2):
        return float("nan")
    p, n = table[:, 0] / table.sum(axis=1), table.sum(axis=1)
    spread = np.sqrt((p * (1 - p) / n).sum())
    return float(2 * ndtr(-abs(p[0] - p[1]) / spread)) if spread else float("nan")


def _fisher(table: Counts) -> float:
    return _exact(table)[0]


def _fisher_mid(table: Counts) -> float:
    return _exact(table)[1]


def _fisher_one_sided(table: Counts) -> float:
    from scipy.stats import hypergeom

    if table.shape != (2, 2):
        return float("nan")
    marginal = hypergeom(table.sum(), table[0].sum(), table[:, 0].sum())
    return float(min(marginal.cdf(table[0, 0]), marginal.sf(table[0, 0] - 1)))


def _chi2_one_sided(table: Counts) -> float:
    return _chi2(table) / 2 if table.shape == (2, 2) else float("nan")


def _z_unpooled_one_sided(table: Counts) -> float:
    return _z_unpooled(table) / 2


def _wald(table: Counts) -> float:
    from scipy.special import ndtr

    if table.shape != (2, 2) or not table.all():
        return float("nan")
    (a, b), (c, d) = table.astype(float)
    return float(2 * ndtr(-abs(np.log(a * d / (b * c))) / np.sqrt((1 / table).sum())))


def _barnard(table: Counts) -> float:
    return _unconditional(table, "barnard_exact")


def _boschloo(table: Counts) -> float:
    return _unconditional(table, "boschloo_exact")


def _unconditional(table: Counts, name: str) -> float:
    from scipy import stats

    if table.shape != (2, 2):
        return float("nan")
    # There the groups, whose sizes are given, are the columns. A table that is exactly as extreme
    # may be missed there by a rounding error, and P then comes out too small, never too large.
    return float(getattr(stats, name)(table.T).pvalue)


def _exact(table: Counts) -> tuple[float, float]:
    """Return Fisher's two-sided P and its mid-P, over all tables with the same margins."""
    from scipy.special import gammaln

    if table.shape[0] < table.shape[1]:
        table = table.T
    # The last column follows from the others: the largest, so that least is to be tried.
    table = table[:, np.argsort(table.sum(axis=0), kind="stable")]
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    constant = gammaln(rows + 1).sum() + gammaln(columns + 1).sum() - gammaln(table.sum() + 1)
    # Column by column: what is left of each row, and the sum of log factorials so far.
    left, logs = rows[None, :], np.zeros(1)
    for total in columns[:-1]:
        choices = _compositions(int(total), rows)
        if len(left) * len(choices) > _MOST_TABLES:
            return float("nan"), float("nan")
        weights = gammaln(choices + 1).sum(axis=1)
        fits = [(choices <= each).all(axis=1) for each in left]
        logs = np.concatenate([log + weights[fit] for log, fit in zip(logs, fits, strict=True)])
        left = np.concatenate([each - choices[fit] for each, fit in zip(left, fits, strict=True)])
    probability = np.exp(constant - logs - gammaln(left + 1).sum(axis=1))
    seen = np.exp(constant - gammaln(table + 1).sum())
    # R counts tables as equally probable within this factor.
    as_extreme = probability <= seen * (1 + 1e-7)
    equal = as_extreme & (probability >= seen * (1 - 1e-7))
    p = probability[as_extreme].sum()
    return float(min(p, 1.0)), float(min(p - probability[equal].sum() / 2, 1.0))


def _compositions(total: int, most: Counts) -> Counts:
    """Return every way to share `total` over the rows, at most `most` each."""
    ranges = [range(min(total, int(each)) + 1) for each in most[:-1]]
    if np.prod([len(each) for each in ranges]) > _MOST_TABLES:
        return np.zeros((_MOST_TABLES + 1, len(most)), dtype=np.int64)
    first = np.array(list(product(*ranges)), dtype=np.int64).reshape(-1, len(ranges))
    last = total - first.sum(axis=1)
    fits = (last >= 0) & (last <= most[-1])
    return np.column_stack([first[fits], last[fits]])


TESTS = {
    "chi2": Test("Pearson χ²", "SPSS, Stata, R chisq.test(correct = FALSE)", _chi2),
    "yates": Test("χ² with Yates' correction", "R chisq.test on 2 × 2, SPSS", _yates),
    "fisher": Test("Fisher exact", "R fisher.test, SPSS, Stata, SAS", _fisher),
    "fisher_mid": Test("Fisher mid-P", "SAS, OpenEpi", _fisher_mid),
    "likelihood_ratio": Test("likelihood-ratio χ²", "SPSS, SAS, Stata", _likelihood_ratio),
    "trend": Test("linear-by-linear trend", "SPSS, SAS Mantel-Haenszel", _trend),
    "cochran_armitage": Test("Cochran-Armitage trend", "SAS, R prop.trend.test", _cochran_armitage),
    "z_unpooled": Test("z test, unpooled variance", "by hand, some calculators", _z_unpooled),
    "fisher_one_sided": Test("Fisher exact, one-sided", "SPSS, Stata", _fisher_one_sided),
    "chi2_one_sided": Test("Pearson χ², one-sided", "by hand", _chi2_one_sided),
}
"""Every test by its key; the more usual first."""

FURTHER = {
    "wald": Test("Wald test of the log odds ratio", "logistic regression", _wald),
    "barnard": Test("Barnard exact, unconditional", "R Barnard, StatXact", _barnard),
    "boschloo": Test("Boschloo exact, unconditional", "R exact2x2, scipy", _boschloo),
    "z_unpooled_one_sided": Test(
        "z test, unpooled variance, one-sided", "by hand", _z_unpooled_one_sided
    ),
}
"""Tests that papers seldom print, or that take up to a second each; the audit doesn't try them."""
