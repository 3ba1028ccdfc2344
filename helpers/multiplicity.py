"""Many tests in one paper: how many small P values chance alone would give, and what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers import association, audit, catalogue, rounding
from helpers.errors import KitError

Floats = NDArray[np.float64]
Method = Literal["Bonferroni", "Holm", "Benjamini-Hochberg"]

METHODS: tuple[Method, ...] = ("Bonferroni", "Holm", "Benjamini-Hochberg")
"""Corrections, from the most cautious on. The last controls the share of false ones among those
called significant, the others the chance of a single false one."""


@dataclass(frozen=True)
class ByChance:
    """What chance alone does to a number of tests.

    Attributes
    ----------
    tests : int
        How many there are.
    expected : float
        So many are expected below the level if no difference is real.
    at_least_one : float
        How likely one or more is, if the tests are independent.
    """

    tests: int
    expected: float
    at_least_one: float


def by_chance(tests: int, *, level: float = 0.05) -> ByChance:
    """Say how many of some tests fall below a level although no difference is real.

    Parameters
    ----------
    tests : int
        How many there are.
    level : float, optional
        What P is held against.

    Returns
    -------
    ByChance

    Raises
    ------
    KitError
        If there is a negative number of tests, or the level isn't between 0 and 1.

    Examples
    --------
    >>> by_chance(20).expected, round(by_chance(20).at_least_one, 2)
    (1.0, 0.64)
    """
    if tests < 0 or not 0 < level < 1:
        raise KitError(f"{tests} tests at {level}", right="0 or more, and a level from 0 to 1")
    return ByChance(tests, tests * level, 1 - (1 - level) ** tests)


def adjusted(p: ArrayLike, *, method: Method) -> Floats:
    """Adjust P values for their number.

    Parameters
    ----------
    p : array_like of float
        P values of one family of tests.
    method : {'Bonferroni', 'Holm', 'Benjamini-Hochberg'}
        The correction.

    Returns
    -------
    numpy.ndarray of float
        In the given order, none above 1.

    Raises
    ------
    KitError
        If one isn't between 0 and 1, or there is no such method.

    References
    ----------
    Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65-70.
    Benjamini Y, Hochberg Y. Controlling the false discovery rate. J R Stat Soc B 1995;57:289-300.

    Examples
    --------
    >>> adjusted([0.01, 0.04, 0.03], method="Holm").round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p, float)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise KitError("not a list of P values", right="numbers from 0 to 1")
    if method not in METHODS:
        raise KitError(f"no correction {method!r}", right=", ".join(METHODS))
    size, order = len(given), np.argsort(given, kind="stable")
    ranked, found = given[order], np.empty_like(given)
    if method == "Bonferroni":
        ranked = ranked * size
    elif method == "Holm":
        ranked = np.maximum.accumulate(ranked * (size - np.arange(size)))
    else:
        ranked = np.minimum.accumulate((ranked * size / np.arange(1, size + 1))[::-1])[::-1]
    found[order] = np.minimum(ranked, 1.0)
    return found


def of_paper(paper: str, place: str = "") -> pd.DataFrame:
    """List the P values that a paper prints, recomputed where its counts allow.

    Parameters
    ----------
    paper : str
        The paper's id.
    place : str, optional
        Part of the location, such as ``table 1``; empty for all.

    Returns
    -------
    pandas.DataFrame
        One row per P value in the order of the catalogue: ``id``, ``location``, ``quantity``,
        ``printed``, ``p``, and a column for each of `METHODS`, over the rows listed. ``p`` is
        Pearson's χ² of the counts; where there are none the printed digits, of ``<0.01`` the 0.01.
    """
    book = audit.book(paper)
    rows = []
    for number in catalogue.published(paper):
        if number.statistic != "p_value" or place not in number.location:
            continue
        counts = next(audit.count_tables(number, book), None)
        p = float("nan") if counts is None else association.p_value(counts)
        if np.isnan(p):
            digits = rounding.read(number.value or "")
            p = float(digits.number) if digits else float("nan")
        rows.append((number.id, number.location, number.quantity, number.printed, p))
    table = pd.DataFrame(rows, columns=["id", "location", "quantity", "printed", "p"])
    for method in METHODS:
        table[method] = adjusted(table["p"].to_numpy(float), method=method)
    return table
