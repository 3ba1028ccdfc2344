"""Sample size of a single-arm trial with a binary endpoint, by the usual methods."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from helpers.errors import KitError


@dataclass(frozen=True)
class Result:
    """A sample size and how it came about.

    Attributes
    ----------
    patients : int
        Patients needed.
    method : str
        In words.
    """

    patients: int
    method: str


def one_proportion(null: float, alternative: float, *, alpha: float, power: float) -> list[Result]:
    """Return the sample size that each usual method gives.

    Parameters
    ----------
    null, alternative : float
        The proportion to be ruled out and the one hoped for, from 0 to 1.
    alpha : float
        Significance level.
    power : float
        Wanted probability of ruling out `null` if `alternative` is true.

    Returns
    -------
    list of Result
        Two-sided and one-sided: the normal approximation with the variance of both, of the
        null, and of the alternative proportion, each with and without continuity correction;
        the arcsine approximation; and, up to some hundred patients, the exact binomial test
        (first size with the power, and first size from which on the power stays).

    Raises
    ------
    KitError
        If the proportions are equal or any number lies outside of 0 to 1.

    References
    ----------
    Chow SC, Shao J, Wang H. Sample Size Calculations in Clinical Research. 2nd ed. 2008.
    Chernick MR, Liu CY. The saw-toothed behavior of power versus sample size. Am Stat
    2002;56:149-155.
    """
    if null == alternative or not all(0 < x < 1 for x in (null, alternative, alpha, power)):
        raise KitError(
            f"{null} against {alternative} at alpha {alpha} and power {power}",
            right="two different proportions, alpha and power, each between 0 and 1",
        )
    found = []
    for sides in (2, 1):
        words = f"{'two' if sides == 2 else 'one'}-sided"
        for name, method in _NORMAL.items():
            size = method(null, alternative, _quantile(1 - alpha / sides), _quantile(power))
            found.append(Result(math.ceil(size - 1e-9), f"{name}, {words}"))
            corrected = size / 4 * (1 + math.sqrt(1 + 2 / (size * abs(alternative - null)))) ** 2
            found.append(
                Result(math.ceil(corrected - 1e-9), f"{name}, continuity-corrected, {words}")
            )
        exact = _exact(null, alternative, alpha / sides, power)
        names = ("first size with the power", "power kept from here on")
        found += [
            Result(patients, f"exact binomial, {name}, {words}")
            for patients, name in zip(exact, names, strict=False)
        ]
    return found


def inflate(patients: int, dropout: float) -> dict[str, float]:
    """Return a sample size with drop-outs added, in the ways that one meets.

    Parameters
    ----------
    patients : int
        Patients needed.
    dropout : float
        Expected share of drop-outs, from 0 to 1.

    Returns
    -------
    dict of str to float
        Unrounded, by the way: ``n / (1 − d)``, which keeps `patients` after the drop-outs, and
        ``n × (1 + d)``, which falls short of it.

    Raises
    ------
    KitError
        If `dropout` is not a share.
    """
    if not 0 <= dropout < 1:
        raise KitError(f"given {dropout}", where="dropout", right="a share from 0 to below 1")
    return {"n / (1 − d)": patients / (1 - dropout), "n × (1 + d)": patients * (1 + dropout)}


# Beyond it the exact size hardly differs from the approximate one, and takes minutes.
_MOST_EXACT = 600


def _quantile(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))


def _both(p0: float, p1: float, za: float, zb: float) -> float:
    top = za * math.sqrt(p0 * (1 - p0)) + zb * math.sqrt(p1 * (1 - p1))
    return (top / (p1 - p0)) ** 2


def _of_null(p0: float, p1: float, za: float, zb: float) -> float:
    return p0 * (1 - p0) * ((za + zb) / (p1 - p0)) ** 2


def _of_alternative(p0: float, p1: float, za: float, zb: float) -> float:
    return p1 * (1 - p1) * ((za + zb) / (p1 - p0)) ** 2


def _arcsine(p0: float, p1: float, za: float, zb: float) -> float:
    effect = 2 * math.asin(math.sqrt(p1)) - 2 * math.asin(math.sqrt(p0))
    return ((za + zb) / effect) ** 2


_NORMAL: dict[str, Callable[[float, float, float, float], float]] = {
    "normal, variance of both": _both,
    "normal, variance of the null": _of_null,
    "normal, variance of the alternative": _of_alternative,
    "arcsine": _arcsine,
}


def _exact(null: float, alternative: float, tail: float, power: float) -> list[int]:
    """Return the first size with the power, and the first from which on it stays."""
    from scipy.special import bdtr

    if alternative < null:
        null, alternative = 1 - null, 1 - alternative
    enough = []
    about = _both(null, alternative, _quantile(1 - tail), _quantile(power))
    if about > _MOST_EXACT:
        return []
    sizes = range(2, 60 + 2 * math.ceil(about))
    for size in sizes:
        counts = np.arange(size + 1)
        rejecting = counts[1 - bdtr(counts - 1, size, null) + (counts == 0) <= tail]
        critical = int(rejecting[0]) if len(rejecting) else size + 1
        has = 1 - bdtr(critical - 1, size, alternative) if 0 < critical <= size else 0.0
        enough.append(bool(has >= power))
    last_short = max((index for index, good in enumerate(enough) if not good), default=-1)
    if True not in enough or last_short + 1 == len(enough):
        return []
    return [sizes[enough.index(True)], sizes[last_short + 1]]
