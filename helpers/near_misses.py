"""What would have to be different for a printed P value to be right.

Where no test of the printed counts gives the printed P value, it helps to know how near they come:
how many patients would have needed another outcome, or how many more patients the same
percentages would have needed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers import association, rounding
from helpers.errors import KitError

Counts = NDArray[np.int64]


def by_every_test(table: ArrayLike, printed: str) -> pd.DataFrame:
    """Test a table of counts in every usual way, and hold the results against a printed P value.

    Parameters
    ----------
    table : array_like of int
        One row per group, one column per outcome.
    printed : str
        The digits of the printed P value, for example ``0.03`` or ``<0.001``.

    Returns
    -------
    pandas.DataFrame
        One row per test that there is for such a table, the smallest P first: ``test`` (its
        key), ``name``, ``software``, ``p``, ``sides`` (2, or 1 for a test that looks one way)
        and ``fits``, whether P has the printed digits.

    Raises
    ------
    KitError
        If this isn't a table of counts, or the digits are none.
    """
    _read(printed)
    rows = [
        {
            "test": key,
            "name": test.name,
            "software": test.software,
            "p": p,
            "sides": 1 if key.endswith("one_sided") else 2,
            "fits": rounding.agrees(p, printed),
        }
        for key, test in (association.TESTS | association.FURTHER).items()
        if not np.isnan(p := association.p_value(table, test=key))
    ]
    return pd.DataFrame(rows).sort_values("p", kind="stable").reset_index(drop=True)


def nearest(table: ArrayLike, printed: str, *, test: str = "chi2", most: int = 10) -> list[Counts]:
    """Find the counts nearest to a table that give a printed P value.

    Parameters
    ----------
    table : array_like of int
        Two groups and two outcomes, one row per group.
    printed : str
        The digits of the printed P value.
    test : str, optional
        A key of `helpers.association.TESTS`.
    most : int, optional
        Up to how many patients may have another outcome.

    Returns
    -------
    list of numpy.ndarray of int
        All tables with the same group sizes in which as few patients as possible have another
        outcome; the table itself if it gives that P value, none if it takes more than `most`.

    Raises
    ------
    KitError
        If this isn't a table of counts of two groups and two outcomes, or the digits are none.

    Examples
    --------
    Of 10 and 10, 7 and 3: Fisher's P is 0.18. For one below 0.05, two would have to change.

    >>> [each[:, 0].tolist() for each in nearest([[7, 3], [3, 7]], "<0.05", test="fisher")]
    [[7, 1], [8, 2], [9, 3]]
    """
    given = _two_by_two(table)
    _read(printed)
    for changed in range(most + 1):
        found = [
            each
            for each in _changed(given, changed)
            if rounding.agrees(association.p_value(each, test=test), printed)
        ]
        if found:
            return found
    return []


def patients_changed(table: ArrayLike, other: ArrayLike) -> int:
    """Count the patients whose outcome differs between two tables with the same group sizes.

    Parameters
    ----------
    table, other : array_like of int
        Two groups and two outcomes, one row per group.

    Returns
    -------
    int
        The fewest patients that turn one into the other.

    Raises
    ------
    KitError
        If these aren't such tables, or the group sizes differ.
    """
    first, second = _two_by_two(table), _two_by_two(other)
    if (first.sum(axis=1) != second.sum(axis=1)).any():
        raise KitError("groups of other sizes", where="tables", right="the same group sizes")
    return int(np.abs(first - second)[:, 0].sum())


def times_as_many(table: ArrayLike, printed: str) -> tuple[float, float]:
    """Say how many times as many patients with the same shares would give a printed P value.

    Parameters
    ----------
    table : array_like of int
        One row per group, one column per outcome.
    printed : str
        The digits of the printed P value.

    Returns
    -------
    tuple of (float, float)
        The least and the greatest factor by which Pearson's χ² without correction gives it; the
        greatest is ``inf`` for a bound such as ``<0.001``.

    Raises
    ------
    KitError
        If this isn't a table of counts, its shares are all the same, or the digits are none.

    Notes
    -----
    With all counts multiplied by a factor, the statistic is multiplied by it too.
    """
    from scipy.special import chdtri

    counts = np.asarray(table)
    p = association.p_value(counts, test="chi2")
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    statistic = float(chdtri(freedom, p)) if p < 1 else 0.0
    if not statistic > 0:
        raise KitError("the groups don't differ", where="table", right="different shares")
    low, high = rounding.span(_read(printed))
    ends = [float(chdtri(freedom, min(max(each, 0.0), 1.0))) / statistic for each in (high, low)]
    return ends[0], ends[1]


def _read(printed: str) -> rounding.Digits:
    digits = rounding.read(printed)
    if digits is None:
        raise KitError(f"given {printed!r}", where="printed", right="digits such as 0.03")
    return digits


def _two_by_two(table: ArrayLike) -> Counts:
    counts = np.asarray(table)
    if counts.shape != (2, 2) or (counts < 0).any():
        raise KitError("not two groups and two outcomes", where="table", right="2 × 2 counts")
    return counts.astype(np.int64)


def _changed(table: Counts, patients: int) -> Iterator[Counts]:
    """Yield every table in which so many patients have the other outcome."""
    sizes = table.sum(axis=1)
    for own in range(-patients, patients + 1):
        rest = patients - abs(own)
        for other in dict.fromkeys((-rest, rest)):
            first = table[:, 0] + (own, other)
            if (first >= 0).all() and (first <= sizes).all():
                yield np.column_stack([first, sizes - first])
