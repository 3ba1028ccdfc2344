"""Chi-squared tests for a whole batch at once: of scores with their variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from helpers.survival.ordered import Floats, Integers

NOTHING = 1e-10
"""Below this share of the others, a direction of a variance is rounding error."""


@dataclass(frozen=True, eq=False)
class ChiSquared:
    """Chi-squared tests.

    Attributes
    ----------
    statistic : numpy.ndarray of float
        nan where there is nothing to test.
    df : numpy.ndarray of int
        Degrees of freedom.
    p : numpy.ndarray of float
        The upper tail of the chi-squared distribution; nan where `statistic` is.
    """

    statistic: Floats
    df: Integers
    p: Floats


def chi_squared(statistic: Floats, df: Integers) -> ChiSquared:
    """Return tests with their P.

    Parameters
    ----------
    statistic : numpy.ndarray of float
        nan where there is nothing to test.
    df : numpy.ndarray of int
        Degrees of freedom.

    Returns
    -------
    ChiSquared
    """
    return ChiSquared(statistic, df, upper_tail(statistic, df))


def upper_tail(statistic: Floats, df: ArrayLike) -> Floats:
    """Return the upper tail of the chi-squared distribution.

    Parameters
    ----------
    statistic : numpy.ndarray of float
        Where to cut it off; nan where there is nothing to test.
    df : array_like of int
        Degrees of freedom; broadcast against `statistic`.

    Returns
    -------
    numpy.ndarray of float
        nan where `statistic` is, or `df` is 0.

    Examples
    --------
    >>> upper_tail(np.array([3.84, 5.99, np.nan]), [1, 2, 0]).round(2)
    array([0.05, 0.05,  nan])
    """
    from scipy.special import chdtrc, erfc

    freedom = np.asarray(df)
    if (freedom <= 1).all():  # several times as quick
        p = erfc(np.sqrt(statistic / 2))
    else:
        p = chdtrc(np.maximum(freedom, 1), statistic)
    return np.asarray(np.where(freedom > 0, p, np.nan))


def along(difference: Floats, variance: Floats, scores: Floats) -> tuple[Floats, Integers]:
    """Test the one direction that scores give.

    Parameters
    ----------
    difference : numpy.ndarray of float
        What is 0 under the hypothesis, for each group; adds up to 0. Shape ``(..., groups)``.
    variance : numpy.ndarray of float
        Of `difference`; shape ``(..., groups, groups)``.
    scores : numpy.ndarray of float
        One per group.

    Returns
    -------
    statistic : numpy.ndarray of float
        Chi-squared; nan where that direction has no variance. Shape ``(...)``.
    df : numpy.ndarray of int
        1, or 0 where there is no variance.
    """
    gaps = (scores[:, None] - scores) ** 2
    # The same as scores' variance scores, but without a difference that could round.
    spread = -(variance * gaps).sum(axis=(-1, -2)) / 2
    some = spread > 0
    statistic = np.full(spread.shape, np.nan)
    np.divide((difference @ scores) ** 2, spread, out=statistic, where=some)
    return statistic, np.asarray(some, dtype=np.int64)


def any_difference(difference: Floats, variance: Floats) -> tuple[Floats, Integers]:
    """Test all directions, by a generalised inverse of the variance.

    Parameters
    ----------
    difference, variance : numpy.ndarray of float
        As `along` takes them.

    Returns
    -------
    statistic : numpy.ndarray of float
        Chi-squared; nan where no direction has a variance. Shape ``(...)``.
    df : numpy.ndarray of int
        The rank of the variance.
    """
    size = np.sqrt(np.diagonal(variance, axis1=-2, axis2=-1))
    size = np.where(size > 0, size, 1.0)
    values, directions = np.linalg.eigh(variance / (size[..., :, None] * size[..., None, :]))
    some = values > NOTHING
    length = (np.swapaxes(directions, -1, -2) @ (difference / size)[..., None])[..., 0]
    squares = np.divide(length**2, values, out=np.zeros_like(length), where=some)
    df = some.sum(axis=-1)
    return np.where(df > 0, squares.sum(axis=-1), np.nan), np.asarray(df, dtype=np.int64)
