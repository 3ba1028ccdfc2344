"""Proportions and their confidence intervals, by every method that a paper may have used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import catalogue, cohort
from helpers.errors import DataError, KitError

Limits = tuple[float, float]


@dataclass(frozen=True)
class Method:
    """A way to an interval.

    Attributes
    ----------
    name : str
        Its name in the textbooks.
    software : str
        What prints it.
    limits : callable
        Takes count, total, level and the size of the whole sample; returns the limits, from 0
        to 1, or NaN where the method has none.
    needs_whole : bool
        Whether the size of the whole sample matters, for a group within it.
    """

    name: str
    software: str
    limits: Callable[[int, int, float, int], Limits]
    needs_whole: bool = False


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
        The key of the interval in `METHODS`.
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
    method: str = "clopper_pearson",
    whole: int | None = None,
) -> Proportion:
    """Estimate a proportion and its confidence interval.

    Parameters
    ----------
    count, total : int
        Numerator and denominator.
    level : float, optional
        Confidence level.
    method : str, optional
        A key of `METHODS`.
    whole : int, optional
        The size of the whole sample of which the `total` are a group; `total` by default.

    Returns
    -------
    Proportion
        Its limits are NaN where the method has none, as the logit has at 0 and at 100 %.

    Raises
    ------
    KitError
        If `total` is not positive, `count` lies outside of 0 to `total`, or there is no such
        method.

    References
    ----------
    Newcombe RG. Two-sided confidence intervals for the single proportion. Stat Med 1998;17:857-872.
    Brown LD, Cai TT, DasGupta A. Interval estimation for a binomial proportion. Stat Sci
    2001;16:101-133.
    """
    if total < 1 or not 0 <= count <= total:
        raise KitError(f"{count} of {total}", right="a count from 0 to a total of at least 1")
    if method not in METHODS:
        raise KitError(f"no interval {method!r}", where="method", right=", ".join(METHODS))
    lower, upper = METHODS[method].limits(count, total, level, whole or total)
    return Proportion(
        count,
        total,
        count / total,
        float(np.clip(lower, 0, 1)),
        float(np.clip(upper, 0, 1)),
        level,
        method,
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

    Raises
    ------
    DataError
        If there is no such group.
    """
    described = catalogue.load(paper)
    everyone = cohort.group(paper, among)
    rows = []
    for what, name in groups.items():
        if name not in described.groups:
            raise DataError(f"no group {name!r}", right=", ".join(described.groups))
        picked = cohort.select(everyone, described.groups[name], described.variables)
        found = proportion(len(picked), len(everyone))
        rows.append(
            {
                "what": what,
                "patients": f"{found.count}/{found.total}",
                "percent": f"{found.estimate:.0%}",
                "interval": f"{found.lower:.0%} to {found.upper:.0%}",
            }
        )
    return pd.DataFrame(rows)


def _z(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(0.5 + level / 2))


def _t(level: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2)) if freedom >= 1 else np.nan


def _wald(k: int, n: int, level: float, _whole: int) -> Limits:
    p = k / n
    half = _z(level) * np.sqrt(p * (1 - p) / n)
    return p - half, p + half


def _wald_corrected(k: int, n: int, level: float, whole: int) -> Limits:
    lower, upper = _wald(k, n, level, whole)
    return lower - 0.5 / n, upper + 0.5 / n


def _wald_t(k: int, n: int, level: float, _whole: int) -> Limits:
    p = k / n
    half = _t(level, n - 1) * np.sqrt(p * (1 - p) / max(n - 1, 1))
    return p - half, p + half


def _wilson(k: int, n: int, level: float, _whole: int) -> Limits:
    p, z = k / n, _z(level)
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)


def _wilson_corrected(k: int, n: int, level: float, _whole: int) -> Limits:
    p, z = k / n, _z(level)
    scale = 2 * (n + z**2)
    lower = 2 * k + z**2 - 1 - z * np.sqrt(max(z**2 - 2 - 1 / n + 4 * p * (n * (1 - p) + 1), 0))
    upper = 2 * k + z**2 + 1 + z * np.sqrt(max(z**2 + 2 - 1 / n + 4 * p * (n * (1 - p) - 1), 0))
    return (lower / scale if k else 0.0), (upper / scale if k < n else 1.0)


def _agresti_coull(k: int, n: int, level: float, _whole: int) -> Limits:
    z = _z(level)
    total = n + z**2
    p = (k + z**2 / 2) / total
    half = z * np.sqrt(p * (1 - p) / total)
    return p - half, p + half


def _clopper_pearson(k: int, n: int, level: float, _whole: int) -> Limits:
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    lower = betaincinv(k, n - k + 1, tail) if k else 0.0
    return lower, betaincinv(k + 1, n - k, 1 - tail) if k < n else 1.0


def _mid_p(k: int, n: int, level: float, _whole: int) -> Limits:
    from scipy.optimize import brentq
    from scipy.special import bdtr

    tail = (1 - level) / 2

    def below(p: float) -> float:
        return float(bdtr(k, n, p) + (bdtr(k - 1, n, p) if k else 0)) / 2 - tail

    def above(p: float) -> float:
        return float(2 - bdtr(k, n, p) - (bdtr(k - 1, n, p) if k else 0)) / 2 - tail

    lower = brentq(above, 0, 1, xtol=1e-12) if k else 0.0
    return lower, brentq(below, 0, 1, xtol=1e-12) if k < n else 1.0


def _jeffreys(k: int, n: int, level: float, _whole: int) -> Limits:
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    lower = betaincinv(k + 0.5, n - k + 0.5, tail) if k else 0.0
    return lower, betaincinv(k + 0.5, n - k + 0.5, 1 - tail) if k < n else 1.0


def _on_logit(k: int, n: int, quantile: float, variance: float) -> Limits:
    if not 0 < k < n:
        return np.nan, np.nan
    centre, half = np.log(k / (n - k)), quantile * np.sqrt(variance)
    return 1 / (1 + np.exp(half - centre)), 1 / (1 + np.exp(-half - centre))


def _logit(k: int, n: int, level: float, _whole: int) -> Limits:
    return _on_logit(k, n, _z(level), n / (k * (n - k)) if 0 < k < n else np.nan)


def _logit_t(k: int, n: int, level: float, whole: int) -> Limits:
    # Linearised variance p(1 - p) / (n - 1), carried to the logit scale by the delta method.
    variance = n**2 / ((n - 1) * k * (n - k)) if 0 < k < n else np.nan
    return _on_logit(k, n, _t(level, whole - 1), variance)


def _arcsine(k: int, n: int, level: float, _whole: int) -> Limits:
    angle, half = np.arcsin(np.sqrt(k / n)), _z(level) / (2 * np.sqrt(n))
    return (
        float(np.sin(max(angle - half, 0)) ** 2),
        float(np.sin(min(angle + half, np.pi / 2)) ** 2),
    )


METHODS = {
    "wald": Method("Wald", "SAS PROC FREQ, SPSS", _wald),
    "wald_corrected": Method("Wald, continuity-corrected", "SAS PROC FREQ", _wald_corrected),
    "wald_t": Method(
        "Wald with t and n − 1", "a mean of zeros and ones: SPSS, Stata mean", _wald_t
    ),
    "wilson": Method("Wilson", "R prop.test(correct = FALSE), Stata ci wilson", _wilson),
    "wilson_corrected": Method("Wilson, continuity-corrected", "R prop.test", _wilson_corrected),
    "agresti_coull": Method("Agresti-Coull", "Stata ci agresti, SAS", _agresti_coull),
    "clopper_pearson": Method("Clopper-Pearson", "R binom.test, Stata ci, SAS", _clopper_pearson),
    "mid_p": Method("mid-P", "SAS, R exactci", _mid_p),
    "jeffreys": Method("Jeffreys", "Stata ci jeffreys, SAS", _jeffreys),
    "logit": Method("logit, Wald", "SAS PROC FREQ, R binom.confint", _logit),
    "logit_t": Method(
        "logit with t and n − 1",
        "Stata proportion, svy: proportion, R survey svyciprop",
        lambda k, n, level, _whole: _logit_t(k, n, level, n),
    ),
    "logit_t_whole": Method(
        "logit with n − 1, and t of the whole sample",
        "Stata proportion, over()",
        _logit_t,
        needs_whole=True,
    ),
    "arcsine": Method("arcsine", "R binom.confint", _arcsine),
}
"""Every method by its key."""
