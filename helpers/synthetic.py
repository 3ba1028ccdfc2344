"""A paper's synthetic cohorts as arrays: who is in them, how they fared, where they agree.

Every member of an ensemble has what the paper printed. A `Range` is what something else comes to
in each of them: pinned if all would print the same, and otherwise not determined by the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import association, catalogue, relaxed
from helpers.endpoints import Observed
from helpers.errors import KitError
from helpers.reconstruct import ensemble, spread
from helpers.reconstruct.member_arrays import Members

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Unit = Literal["%", "months", "ratio", "patients", "P"]

_UNKNOWN = "can't be told"
_NOT_REACHED = spread.shown(np.inf, "months")


def members(paper: str, *, without_comparisons: bool = False) -> Members:
    """Return a paper's stored members.

    Parameters
    ----------
    paper : str
        The paper's id.
    without_comparisons : bool, optional
        Whether to take those that needn't have the paper's comparisons of survival times; see
        `helpers.relaxed`.

    Returns
    -------
    Members
        The same object as long as the files stay as they are.

    Raises
    ------
    DataError
        If there are none, or the paper's folder has faults.
    """
    source = relaxed if without_comparisons else ensemble
    source.about(paper)
    place = source.file(paper)
    described = place.with_name("paper.toml")
    changed = (place.stat().st_mtime_ns, described.stat().st_mtime_ns)
    return _members(paper, place, without_comparisons, changed)


@lru_cache(maxsize=4)
def _members(
    paper: str, _place: Path, without_comparisons: bool, _changed: tuple[int, int]
) -> Members:
    table = (relaxed if without_comparisons else ensemble).read(paper)
    return Members(table, catalogue.load(paper).variables)


@dataclass(frozen=True, eq=False)
class Range:
    """What a quantity comes to in each member.

    Attributes
    ----------
    what : str
        The quantity in words, without its unit.
    unit : {'%', 'months', 'ratio', 'patients', 'P'}
        The unit.
    values : numpy.ndarray of float
        One per member; ``inf`` for a median that isn't reached, nan for what can't be told.
    """

    what: str
    unit: Unit
    values: Floats

    @property
    def agreement(self) -> str:
        """Whether the members agree, as `helpers.reconstruct.spread.agreement` says it."""
        # Rounding keeps the order, so what lies between the ends prints nothing else; and a
        # P value is printed with two decimals, as a ratio is.
        ends = np.array([self.values.min(), self.values.max()])
        return spread.agreement(ends, "ratio" if self.unit == "P" else self.unit)

    @property
    def pinned(self) -> bool:
        """Whether all members would print the same."""
        return self.agreement == spread.PINNED

    def at(self, share: float) -> str:
        """Write the least value that a share of the members doesn't exceed.

        Parameters
        ----------
        share : float
            From 0, for the lowest, to 1, for the highest.

        Returns
        -------
        str
            As a paper would print it, without the unit; P with a decimal more.
        """
        known = self.values[~np.isnan(self.values)]
        if not len(known):
            return _UNKNOWN
        value = float(np.quantile(known, share, method="inverted_cdf"))
        if self.unit == "P":
            return f"{value:.3f}" if value >= 0.001 else "<0.001"
        return spread.shown(value, self.unit)

    def words(self) -> str:
        """Put the range into words.

        Returns
        -------
        str
            For example ``7.0 to 8.1 months``; one number where all members print it.
        """
        bare = self.bare()
        if bare == _UNKNOWN:
            return bare
        unit = {"%": " %", "months": " months", "patients": " patients"}.get(self.unit, "")
        if bare == "1":
            unit = unit.removesuffix("s")
        low, to, high = bare.partition(" to ")
        if _NOT_REACHED not in (low, high):
            return f"{bare}{unit}"
        return f"{low}{unit} to not reached" if to else "not reached"

    def bare(self) -> str:
        """Put the range into words without its unit, such as for a table.

        Returns
        -------
        str
            For example ``7.0 to 8.1`` or ``7.0 to NR``; NR for not reached.
        """
        low, high = self.at(0), self.at(1)
        if low == high or self.pinned:
            return _UNKNOWN if low == _UNKNOWN else self.at(0.5)
        return f"{low} to {high}"


def table(ranges: Sequence[Range]) -> pd.DataFrame:
    """Set ranges one below the other.

    Parameters
    ----------
    ranges : sequence of Range
        What to show.

    Returns
    -------
    pandas.DataFrame
        ``what`` with its unit, ``lowest``, ``middle`` (half of the members lie in it),
        ``highest`` and ``agreement``, all as text.
    """
    units = {"%": " (%)", "months": " (months)"}
    rows = []
    for each in ranges:
        low, first, third, high = (each.at(share) for share in (0, 0.25, 0.75, 1))
        unknown = int(np.isnan(each.values).sum())
        few = f"; can't be told in {unknown} of {len(each.values)}" if unknown else ""
        rows.append(
            {
                "what": each.what + units.get(each.unit, ""),
                "lowest": low,
                "middle": first if first == third else f"{first} to {third}",
                "highest": high,
                "agreement": each.agreement + few,
            }
        )
    return pd.DataFrame(rows, columns=["what", "lowest", "middle", "highest", "agreement"])


def median(
    found: Observed, group: Flags, *, what: str, rule: Literal["any", "first"] = "any"
) -> list[Range]:
    """Return the median time to an event in each member, and its confidence limits.

    Parameters
    ----------
    found : Observed
        What `Members.observed` returned.
    group : numpy.ndarray of bool
        Whose.
    what : str
        How to call it.
    rule : {'any', 'first'}, optional
        How the paper reads a median off a curve that runs level at one half.

    Returns
    -------
    list of Range
        The median, its lower and its upper 95 % limit (log-log). A limit that doesn't exist is
        not reached.
    """
    from helpers.survival.curves import curves, quantile

    drawn = curves(found.time, found.code == 1, where=found.included & group)
    read = quantile(drawn, rule="lifelines" if rule == "first" else "survfit")
    somebody = (found.included & group).any(axis=-1)
    parts = {"": read.value, ", lower limit": read.lower, ", upper limit": read.upper}
    return [
        Range(
            what + part,
            "months",
            np.where(somebody, np.where(np.isnan(values), np.inf, values), np.nan),
        )
        for part, values in parts.items()
    ]


def comparison(found: Observed, group: Flags, other: Flags) -> dict[str, Range]:
    """Compare the times of two groups in each member.

    Parameters
    ----------
    found : Observed
        What `Members.observed` returned.
    group, other : numpy.ndarray of bool
        The groups; nobody is in both.

    Returns
    -------
    dict of str to Range
        ``ratio``, ``lower`` and ``upper``: the hazard of the first group over that of the other
        by Cox's model, with Wald's 95 % limits; ``logrank`` and ``wald``: P by the log-rank test
        and by Wald's test of that ratio. nan where it can't be told.

    Raises
    ------
    KitError
        If a patient is in both groups.
    """
    from helpers.survival.comparison import logrank
    from helpers.survival.cox import cox

    if (group & other).any():
        raise KitError("a patient is in both groups", where="comparison", right="separate groups")
    who = found.included & (group | other)
    fit = cox(found.time, found.code == 1, group, where=who)
    fine = fit.reason[..., 0] == ""
    test = logrank(found.time, found.code == 1, group, where=who)
    values = {
        "ratio": ("hazard ratio", "ratio", fit.hazard_ratio[..., 0]),
        "lower": ("hazard ratio, lower limit", "ratio", fit.lower[..., 0]),
        "upper": ("hazard ratio, upper limit", "ratio", fit.upper[..., 0]),
        "wald": ("P by Cox's model (Wald)", "P", fit.p[..., 0]),
    }
    made = {
        name: Range(what, unit, np.where(fine, each, np.nan))  # type: ignore[arg-type]
        for name, (what, unit, each) in values.items()
    }
    return made | {"logrank": Range("P by the log-rank test", "P", test.p)}


def share(some: Flags, group: Flags, *, what: str) -> Range:
    """Return which share of a group some patients are, in each member.

    Parameters
    ----------
    some, group : numpy.ndarray of bool
        Whom to count, and of whom.
    what : str
        How to call it.

    Returns
    -------
    Range
        nan where nobody is in the group.
    """
    count, total = (some & group).sum(axis=-1), group.sum(axis=-1)
    values = np.where(total > 0, 100 * count / np.maximum(total, 1), np.nan)
    return Range(what, "%", values)


def count(some: Flags, *, what: str) -> Range:
    """Return how many patients there are in each member.

    Parameters
    ----------
    some : numpy.ndarray of bool
        Whom to count.
    what : str
        How to call it.

    Returns
    -------
    Range
    """
    return Range(what, "patients", some.sum(axis=-1).astype(float))


def shares_tested(some: Flags, group: Flags, other: Flags, *, test: str = "chi2") -> Range:
    """Compare the shares of some patients in two groups, in each member.

    Parameters
    ----------
    some, group, other : numpy.ndarray of bool
        Whom to count, and in which groups.
    test : str, optional
        A key of `helpers.association.TESTS`.

    Returns
    -------
    Range
        P; nan where there is nothing to test.
    """
    tables = np.stack(
        [(some & each).sum(axis=-1) for each in (group, other)]
        + [(~some & each).sum(axis=-1) for each in (group, other)],
        axis=-1,
    )
    kinds, which = np.unique(tables, axis=0, return_inverse=True)
    p = np.array([association.p_value(kind.reshape(2, 2).T, test=test) for kind in kinds])
    return Range(f"P by {association.TESTS[test].name}", "P", p[which.ravel()])
