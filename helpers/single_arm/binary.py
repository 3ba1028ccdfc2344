"""What a single-arm trial will know of a binary endpoint, count by count."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import proportions
from helpers.errors import KitError
from helpers.single_arm.assurance import BetaPrior
from helpers.single_arm.plan import MOST_PATIENTS
from helpers.single_arm.power import one_sided

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Binary:
    """What a trial will know of a binary endpoint.

    Attributes
    ----------
    patients : int
        Evaluated.
    share : float
        What is true.
    lower, upper, width : float
        Mean limits of the interval, and its width.
    coverage : float
        How often the interval holds the truth.
    critical : int or None
        Least count with which the exact test wins; None without a historical share, or where no
        count does.
    alpha : float
        How often it wins if the historical share is true; nan without one.
    power : float
        How often it wins; nan without a historical share.
    """

    patients: int
    share: float
    lower: float
    upper: float
    width: float
    coverage: float
    critical: int | None
    alpha: float
    power: float


def intervals_by_count(
    patients: int, *, level: float = 0.95, method: str = "clopper_pearson"
) -> pd.DataFrame:
    """Return the interval of every count that a trial can have.

    Parameters
    ----------
    patients : int
        Evaluated.
    level : float, optional
        Confidence level.
    method : str, optional
        A key of `helpers.proportions.METHODS`.

    Returns
    -------
    pandas.DataFrame
        A row per count from 0 to `patients`: ``count``, ``estimate``, ``lower``, ``upper``.

    Raises
    ------
    KitError
        If an option can't be used.
    """
    found = [
        proportions.proportion(count, patients, level=level, method=method)
        for count in range(patients + 1)
    ]
    return pd.DataFrame(
        [(each.count, each.estimate, each.lower, each.upper) for each in found],
        columns=["count", "estimate", "lower", "upper"],
    )


def binary(
    patients: int,
    share: float,
    *,
    null: float | None = None,
    alpha: float | None = None,
    level: float = 0.95,
    method: str = "clopper_pearson",
) -> Binary:
    """Work out, count by count, what a trial will know of a binary endpoint.

    Parameters
    ----------
    patients : int
        Evaluated.
    share : float
        What is true, from 0 to 1.
    null : float, optional
        A historical share to be exceeded.
    alpha : float, optional
        One-sided, of the exact binomial test against `null`.
    level : float, optional
        Confidence level.
    method : str, optional
        A key of `helpers.proportions.METHODS`.

    Returns
    -------
    Binary
        Exact: sums over the binomial distribution.

    Raises
    ------
    KitError
        If a number or an option can't be used.
    """
    chance = _binomial(patients, share)
    return _binary(chance, patients, share, null, alpha, level, method)


def simulated_binary(
    patients: int,
    share: float,
    *,
    trials: int,
    seed: int,
    null: float | None = None,
    alpha: float | None = None,
    level: float = 0.95,
    method: str = "clopper_pearson",
) -> Binary:
    """Say what simulated trials know of a binary endpoint.

    Parameters
    ----------
    patients : int
        As `binary` takes it.
    share : float
        As `binary` takes it.
    trials : int
        How many trials; of the random numbers.
    seed : int
        How many trials; of the random numbers.
    null : float | None, optional
        As `binary` takes it.
    alpha : float | None, optional
        As `binary` takes it.
    level : float, optional
        As `binary` takes it.
    method : str, optional
        As `binary` takes it.

    Returns
    -------
    Binary

    Raises
    ------
    KitError
        If a number or an option can't be used.
    """
    _binomial(patients, share)
    if trials < 1:
        raise KitError(f"given {trials}", where="trials", right="1 or more")
    counts = np.random.default_rng(seed).binomial(patients, share, trials)
    chance = np.bincount(counts, minlength=patients + 1) / trials
    return _binary(chance, patients, share, null, alpha, level, method)


def binary_assurance(patients: int, prior: BetaPrior, *, null: float, alpha: float) -> float:
    """Work out the probability to win with a binary endpoint, when the truth is only believed.

    Parameters
    ----------
    patients : int
        Evaluated.
    prior : BetaPrior
        What is believed of the share.
    null : float
        The historical share.
    alpha : float
        One-sided, of the exact binomial test.

    Returns
    -------
    float
        Exact: a sum over the beta-binomial distribution.

    Raises
    ------
    KitError
        If a number can't be used.
    """
    from scipy.special import betaln, gammaln

    critical = _critical(patients, null, alpha)
    if critical is None:
        return 0.0
    counts = np.arange(critical, patients + 1)
    choose = gammaln(patients + 1) - gammaln(counts + 1) - gammaln(patients - counts + 1)
    beta = betaln(counts + prior.a, patients - counts + prior.b) - betaln(prior.a, prior.b)
    return float(np.exp(choose + beta).sum())


def _binomial(patients: int, share: float) -> Floats:
    """Return the probability of each count."""
    from scipy.special import gammaln, xlog1py, xlogy

    if not 1 <= patients <= MOST_PATIENTS:
        raise KitError(f"given {patients}", where="patients", right=f"1 to {MOST_PATIENTS:,}")
    if not 0 <= share <= 1:
        raise KitError(f"given {share}", where="share", right="from 0 to 1")
    counts = np.arange(patients + 1)
    choose = gammaln(patients + 1) - gammaln(counts + 1) - gammaln(patients - counts + 1)
    return np.asarray(np.exp(choose + xlogy(counts, share) + xlog1py(patients - counts, -share)))


def _critical(patients: int, null: float, alpha: float) -> int | None:
    """Return the least count with which the exact one-sided test wins."""
    one_sided(alpha)
    if not 0 < null < 1:
        raise KitError(f"given {null}", where="null", right="a share above 0 and below 1")
    at_least = np.cumsum(_binomial(patients, null)[::-1])[::-1]
    winning = np.flatnonzero(at_least <= alpha)
    return int(winning[0]) if winning.size else None


@lru_cache(maxsize=64)
def _limits(patients: int, level: float, method: str) -> tuple[Floats, Floats]:
    """Return the limits of every count, which stay the same while a reader moves shares."""
    table = intervals_by_count(patients, level=level, method=method)
    return table["lower"].to_numpy(), table["upper"].to_numpy()


def _binary(
    chance: Floats,
    patients: int,
    share: float,
    null: float | None,
    alpha: float | None,
    level: float,
    method: str,
) -> Binary:
    lower, upper = _limits(patients, level, method)
    known = ~np.isnan(lower)
    weight = np.where(known, chance, 0) / chance[known].sum()
    low, high = float(np.nansum(weight * lower)), float(np.nansum(weight * upper))
    covered = (lower <= share + 1e-12) & (share - 1e-12 <= upper)
    critical, size, power = None, math.nan, math.nan
    if (null is None) != (alpha is None):
        raise KitError("one without the other", where="null, alpha", right="both or neither")
    if null is not None and alpha is not None:
        critical = _critical(patients, null, alpha)
        size = power = 0.0
        if critical is not None:
            size = float(_binomial(patients, null)[critical:].sum())
            power = float(chance[critical:].sum())
    return Binary(
        patients,
        share,
        low,
        high,
        high - low,
        float(np.sum(weight * covered)),
        critical,
        size,
        power,
    )
