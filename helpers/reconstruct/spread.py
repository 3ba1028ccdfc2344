"""How far a paper leaves open what it doesn't print: the range over a stored ensemble.

Each member of an ensemble has every printed number. What else one can ask of them, a `Quantity`,
comes out differently in each. `ranges` gives, for each quantity, the least and the greatest value
and how the distance between them grows with the number of members. `standard` lists what readers
of a paper are likely to miss; it is made from the catalogue alone.

A range over members is not a confidence interval: it doesn't say how other patients would fare,
but what these may have been. It is also too narrow: the search for members needn't find the
extremes of what fits the paper. So all that is proven of a quantity is that the paper leaves open
at least that much.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import audit, catalogue, endpoints, query, rounding
from helpers.catalogue import Definition, Paper, PublishedNumber, Variable
from helpers.endpoints import Observed
from helpers.errors import KitError
from helpers.reconstruct import ensemble
from helpers.reconstruct.member_arrays import Members

Statistic = Literal[
    "survival",
    "median",
    "restricted mean",
    "hazard ratio",
    "cumulative incidence",
    "events",
    "response rate",
]
Unit = Literal["%", "months", "ratio", "patients"]

PINNED = "pinned"
NOT_DETERMINED = "not determined by the paper"
SIZES = (5, 10, 25, 50, 100, 200)
"""Numbers of members for which `ranges` gives the expected width of a range."""

_ENDS = {"lowest": 0.0, "lower_quartile": 0.25, "upper_quartile": 0.75, "highest": 1.0}
_WIDTHS = {f"width_of_{size}": size for size in SIZES}
VALUES = (*_ENDS, *_WIDTHS)
"""The columns of what `ranges` returns that are in the row's unit."""

COLUMNS = (
    "quantity",
    "unit",
    *_ENDS,
    "members",
    "estimable",
    "agreement",
    *_WIDTHS,
    "definition",
    "patients",
)
"""The columns of what `ranges` returns."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_UNITS: dict[Statistic, Unit] = {
    "survival": "%",
    "median": "months",
    "restricted mean": "months",
    "hazard ratio": "ratio",
    "cumulative incidence": "%",
    "events": "patients",
    "response rate": "%",
}
# As journals print them.
_DIGITS: dict[Unit, str] = {"%": "0.0", "months": "0.0", "ratio": "0.00", "patients": "0"}
_AT_A_MONTH = ("survival", "restricted mean", "cumulative incidence")
# What an event history of a reconstructed cohort doesn't hold.
_UNRECORDED = {"diagnosis", "MRD negativity"}


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """Something that can be worked out of any cohort.

    Attributes
    ----------
    statistic : str
        One of the closed list `Statistic`. Of an endpoint: ``survival`` or ``cumulative
        incidence`` at a month, ``median``, ``restricted mean`` up to a month, ``hazard ratio`` of
        two groups, number of ``events``. A ``response rate`` is the share of a group whom
        `counted` picks or, without it, who have the event of a binary endpoint.
    endpoint : Definition or None
        The endpoint, which may be another than the paper's.
    group : str
        A cohort query; empty for everyone. The endpoint's population is applied, too.
    against : str
        The query of the group that `group` is compared with; of a hazard ratio only.
    month : float or None
        Months from the origin.
    counted : str
        A cohort query; of a response rate only.

    Raises
    ------
    KitError
        If something is missing or does not go with the statistic.
    """

    statistic: Statistic
    endpoint: Definition | None = None
    group: str = ""
    against: str = ""
    month: float | None = None
    counted: str = ""

    def __post_init__(self) -> None:
        if wrong := next(self._wrong(), None):
            raise KitError(wrong[0], where=self.statistic, right=wrong[1])

    def _wrong(self) -> Iterator[tuple[str, str]]:
        """Yield what doesn't fit together, and what would be right."""
        if self.statistic not in get_args(Statistic):
            yield "no such statistic", "one of " + ", ".join(get_args(Statistic))
        if self.month is None and self.statistic in _AT_A_MONTH:
            yield "no month", "months from the origin, above 0"
        if self.month is not None and self.statistic not in _AT_A_MONTH:
            yield f"month {self.month:g}", "no month"
        if self.month is not None and not 0 < self.month < math.inf:
            yield f"month {self.month:g}", "months from the origin, above 0"
        if bool(self.against) != (self.statistic == "hazard ratio"):
            yield f"against {self.against!r}", "a query for a hazard ratio, none for others"
        binary = self.endpoint is not None and self.endpoint.window_months is not None
        if self.statistic == "response rate":
            if bool(self.counted) == binary or (self.endpoint is not None and not binary):
                yield "not one outcome", "either a query of whom to count or a binary endpoint"
        elif self.endpoint is None or self.counted:
            yield "not of an endpoint alone", "an endpoint, and nobody counted"
        elif binary:
            yield "a binary endpoint has no times", "'response rate', or no window_months"
        elif self.endpoint.competing and self.statistic not in ("cumulative incidence", "events"):
            yield "the endpoint has competing events", "'cumulative incidence'"

    @property
    def unit(self) -> Unit:
        """The unit: per cent, months, a ratio or a number of patients."""
        return _UNITS[self.statistic]

    def describe(self) -> str:
        """Put the quantity into words.

        Returns
        -------
        str
            What is asked, of whom; without the unit.

        Examples
        --------
        >>> os = Definition(label="overall survival", origin="treatment", events=("death",))
        >>> Quantity(statistic="survival", endpoint=os, group="AGE < 60", month=9).describe()
        'overall survival at 9 months of patients with AGE < 60'
        """
        name = self.endpoint.label if self.endpoint is not None else f"share with {self.counted}"
        at = "" if self.month is None else f"{self.month:g} month" + "s" * (self.month != 1)
        what = {
            "survival": f"{name} at {at}",
            "median": f"median {name}",
            "restricted mean": f"restricted mean {name} up to {at}",
            "hazard ratio": f"hazard ratio for {name}",
            "cumulative incidence": f"cumulative incidence of {name} at {at}",
            "events": f"events of {name}",
            "response rate": name,
        }[self.statistic]
        population = self.endpoint.population if self.endpoint is not None else ""
        whom, others = (
            query.joined([*query.conditions(population), *query.conditions(each)])
            for each in (self.group, self.against)
        )
        versus = f" against those with {others}" if self.against else ""
        return f"{what} of {f'patients with {whom}' if whom else 'all patients'}{versus}"


def ranges(paper: str, quantities: Iterable[Quantity] | None = None) -> pd.DataFrame:
    """Give the range of quantities over a paper's stored ensemble.

    Parameters
    ----------
    paper : str
        The paper's id.
    quantities : iterable of Quantity, optional
        What is asked; `standard` of the paper if not given.

    Returns
    -------
    pandas.DataFrame
        The columns `COLUMNS`, one row per quantity, in the given order. ``lowest`` to ``highest``
        and the middle half of the members in between are in the row's ``unit``; a median that is
        not reached is ``inf``. In ``estimable`` of all ``members`` the quantity is a number. Where
        it can't be told, as survival after the last contact of all, a member counts in ``members``
        alone. ``agreement`` is what `agreement` says, and ``width_of_5`` and so on what
        `expected_width` does; nan if it can be told in fewer members. ``definition`` is the
        endpoint in words, and ``patients`` says that none of them is real.

    Raises
    ------
    DataError
        If there is no ensemble, or the paper's folder has faults.
    KitError
        If the ensemble's histories lack what an endpoint needs.
    QueryError
        If a query cannot be read.

    Notes
    -----
    A quartile is the least of the members' values that a quarter (three quarters) of them don't
    exceed, so that it is always some member's. A median is read off its curve as the paper's
    ``median_rule`` says.
    """
    described = catalogue.load(paper)
    members = ensemble.read(paper)
    asked = standard(paper) if quantities is None else list(quantities)
    found = values(
        members,
        asked,
        variables=described.variables,
        median_rule=described.reconstruct.median_rule,
    )
    rows = [_row(quantity, found[:, place]) for place, quantity in enumerate(asked)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(quantity: Quantity, found: Floats) -> dict[str, object]:
    known = found[~np.isnan(found)]
    ends = [math.nan] * len(_ENDS)
    if len(known):
        ends = np.quantile(known, [*_ENDS.values()], method="inverted_cdf").tolist()
    defined = "" if quantity.endpoint is None else endpoints.describe(quantity.endpoint)
    return {
        "quantity": quantity.describe(),
        "unit": quantity.unit,
        **dict(zip(_ENDS, ends, strict=True)),
        "members": len(found),
        "estimable": int(np.isfinite(found).sum()),
        "agreement": agreement(found, quantity.unit),
        **{
            name: expected_width(known, size) if size <= len(known) else math.nan
            for name, size in _WIDTHS.items()
        },
        "definition": defined,
        "patients": "synthetic",
    }


def shown(value: float, unit: Unit) -> str:
    """Write a value as a paper would print it.

    Parameters
    ----------
    value : float
        In that unit; ``inf`` for a median that isn't reached, nan for what can't be told.
    unit : {'%', 'months', 'ratio', 'patients'}
        Per cent and months have one decimal, ratios two, patients none.

    Returns
    -------
    str
        Without the unit; ``NR`` for not reached, empty for what can't be told.
    """
    if math.isnan(value):
        return ""
    return rounding.rounded(value, _DIGITS[unit]) if math.isfinite(value) else "NR"


def agreement(found: Sequence[float] | Floats, unit: Unit) -> str:
    """Say whether cohorts that fit a paper agree on a quantity.

    Parameters
    ----------
    found : sequence of float
        Its value in each of them; ``inf`` for a median that isn't reached, nan for what can't be
        told.
    unit : {'%', 'months', 'ratio', 'patients'}
        The unit, which decides about the digits.

    Returns
    -------
    str
        `PINNED` if all would print the same digits, or all that the median is not reached;
        else, and if any can't tell, `NOT_DETERMINED`.

    Examples
    --------
    >>> agreement([61.46, 61.54], "%"), agreement([61.4, 61.5], "%")
    ('pinned', 'not determined by the paper')
    """
    printed = {shown(float(each), unit) for each in found}
    return PINNED if len(printed) == 1 and "" not in printed else NOT_DETERMINED


def expected_width(found: Sequence[float] | Floats, size: int) -> float:
    """Return how wide the range of some members is on average.

    Parameters
    ----------
    found : sequence of float
        The value in each member; not nan.
    size : int
        How many of them are drawn, from 1 to all.

    Returns
    -------
    float
        The greatest minus the least value of `size` members, averaged over all sets of that many.
        ``inf`` if a median is reached in some members only.

    Raises
    ------
    KitError
        If there are not so many members, or a value is nan.

    Notes
    -----
    Of N values in order, the least i and the greatest N - i have a gap between them. Of the sets
    of k, C(i, k) + C(N - i, k) lie on one side of it; the width of all others contains the gap.
    The sum over the gaps, each weighted by the share of those others, is the expected maximum
    minus the expected minimum of k values drawn without replacement [1]_.

    References
    ----------
    .. [1] David HA, Nagaraja HN. Order Statistics. 3rd ed. Hoboken: Wiley, 2003.

    Examples
    --------
    >>> expected_width([1, 2, 4], 2)
    2.0
    """
    ordered = sorted(float(each) for each in found)
    n = len(ordered)
    if not 1 <= size <= n or any(map(math.isnan, ordered)):
        raise KitError(f"{size} of {n} values", where="size", right="1 to as many as are known")
    all_sets = math.comb(n, size)
    width = 0.0
    for below, (left, right) in enumerate(itertools.pairwise(ordered), start=1):
        across = all_sets - math.comb(below, size) - math.comb(n - below, size)
        if right > left and across:
            width += (right - left) * (across / all_sets)
    return width


def chance_outside(members: int) -> float:
    """Return how likely one more member widens a range.

    Parameters
    ----------
    members : int
        How many there are, 1 or more.

    Returns
    -------
    float
        A probability; with ties among the values, it is at most that.

    Notes
    -----
    If members are exchangeable, each of N + 1 is as likely as any other to be the least, and to
    be the greatest: the new one lies outside the range of the N others with probability
    2 / (N + 1) [1]_. The range of 200 members is thus widened by one in a hundred further ones.
    Members of one ensemble are exchangeable, since they differ in their seed only. The true
    cohort isn't one of them: `benchmarks/coverage.py` measures how often it lies within.

    References
    ----------
    .. [1] Wilks SS. Order statistics. Bull Am Math Soc 1948;54:6-50.
    """
    return min(1.0, 2 / (members + 1))


# --- values of each member -----------------------------------------------------------------------


def values(
    members: pd.DataFrame,
    quantities: Sequence[Quantity],
    *,
    variables: Mapping[str, Variable],
    median_rule: Literal["any", "first"] = "any",
) -> Floats:
    """Work quantities out of each member of an ensemble.

    Parameters
    ----------
    members : pandas.DataFrame
        As `helpers.reconstruct.ensemble.read` returns it.
    quantities : sequence of Quantity
        What is asked.
    variables : mapping of str to Variable
        What is recorded of the patients.
    median_rule : {'any', 'first'}, optional
        How to read a median off a curve that runs level at one half: as R prints it, or as the
        first time at which the curve is there.

    Returns
    -------
    numpy.ndarray of float
        Shape ``(members, quantities)``, each in its unit. ``inf`` is a median that isn't
        reached; nan is what can't be told: nobody is in the group, follow-up ends before, or a
        hazard ratio isn't finite.

    Raises
    ------
    KitError
        If the histories lack what an endpoint needs, or groups that are compared overlap.
    QueryError
        If a query cannot be read.
    """
    cohorts = Members(members, variables)
    found = np.full((cohorts.size, len(quantities)), np.nan)
    for place, quantity in enumerate(quantities):
        found[:, place] = _of(cohorts, quantity, median_rule)
    return found


def _of(cohorts: Members, asked: Quantity, median_rule: str) -> Floats:
    """Return a quantity of each member."""
    if asked.endpoint is None:
        group = cohorts.picked(asked.group)
        return _share(group & cohorts.picked(asked.counted), group)
    found = cohorts.observed(asked.endpoint)
    group = found.included & cohorts.picked(asked.group)
    event = found.code == 1
    if asked.statistic == "response rate":
        return _share(group & event, group)
    if asked.statistic == "events":
        return np.where(group.any(axis=-1), (group & event).sum(axis=-1), np.nan)
    if asked.statistic == "cumulative incidence":
        return _incidence(found, group, asked.month or 0.0)
    if asked.statistic == "hazard ratio":
        return _hazard_ratio(found, group, found.included & cohorts.picked(asked.against))
    from helpers.survival.curves import curves, landmark, quantile, restricted_mean

    drawn = curves(found.time, event, where=group)
    if asked.statistic == "median":
        rule: Literal["lifelines", "survfit"] = "lifelines" if median_rule == "first" else "survfit"
        read = quantile(drawn, rule=rule)
        return np.where(read.reason == "not reached", np.inf, read.value)
    if asked.statistic == "restricted mean":
        return restricted_mean(drawn, asked.month or 0.0).value
    return 100 * landmark(drawn, asked.month or 0.0).value[..., 0]


def _share(some: Flags, group: Flags) -> Floats:
    count, total = some.sum(axis=-1), group.sum(axis=-1)
    return np.where(total > 0, 100 * count / np.maximum(total, 1), np.nan)


def _incidence(found: Observed, group: Flags, month: float) -> Floats:
    from helpers.survival.competing import cumulative_incidence, incidence_at

    drawn = cumulative_incidence(found.time, found.code, where=group, causes=[1])
    return 100 * incidence_at(drawn, month).value[..., 0, 0]


def _hazard_ratio(found: Observed, group: Flags, other: Flags) -> Floats:
    from helpers.survival.cox import cox

    if (group & other).any():
        raise KitError("a patient is in both groups", where="hazard ratio", right="separate groups")
    fit = cox(found.time, found.code == 1, group, where=group | other)
    return np.where(fit.reason == "", fit.hazard_ratio, np.nan)[..., 0]


# --- what a paper doesn't print ------------------------------------------------------------------


def standard(paper: str) -> list[Quantity]:
    """List what readers of a paper are likely to miss, from its catalogue.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    list of Quantity
        For each endpoint with times, and everyone, each group of whom the paper prints a time or a
        rate of that endpoint, each sex, those below the printed median age and the others:
        survival midway between the printed times, the median, and the restricted mean up to the
        last printed time. With competing events: the cumulative incidence midway. For each two
        groups whose survival the paper compares: the hazard ratio. Nothing that is printed.

    Raises
    ------
    DataError
        If the paper's folder has faults.

    Notes
    -----
    The printed times of an endpoint are those at which a rate is printed; if there is none, the
    medians. The start of the clock is one, too: half of the first printed time is midway.
    """
    reader = _Reader(catalogue.load(paper), audit.book(paper).own)
    return list(dict.fromkeys(itertools.chain(*map(reader.unprinted, reader.endpoints))))


class _Reader:
    """Reads in a paper's catalogue what is printed of whom."""

    def __init__(self, described: Paper, numbers: Sequence[PublishedNumber]) -> None:
        self.described, self.numbers = described, numbers
        plan = described.reconstruct
        self.everyone = query.conditions(described.groups.get("all", ""))
        self.endpoints: dict[str, Definition] = {}
        for name, each in described.endpoints.items():
            if each.window_months is None and not _UNRECORDED & {
                each.origin,
                *each.events,
                *each.competing,
            }:
                who = query.conditions(plan.populations.get(name, each.population))
                everyone = query.joined([*self.everyone, *who])
                self.endpoints[name] = each.model_copy(update={"population": everyone})

    def of(self, name: str) -> list[PublishedNumber]:
        """Return what is printed of an endpoint's times: medians, and rates at some months."""
        wanted = re.compile(rf"{re.escape(name)}_(median|\d+m)")
        return [each for each in self.numbers if each.group and wanted.fullmatch(each.quantity)]

    def group(self, name: str, number: PublishedNumber) -> str:
        """Return a number's group by what sets it apart from all whom the endpoint is about."""
        reading = self.described.reconstruct.read_as.get(number.id)
        text = self.described.groups[(reading.group if reading else "") or number.group]
        everyone = query.conditions(self.endpoints[name].population)
        return query.joined(each for each in query.conditions(text) if each not in everyone)

    def halves(self) -> Iterator[str]:
        """Yield the queries of each sex, and of the younger and the older half."""
        variables = self.described.variables
        if "SEX" in variables:
            yield from (f"SEX == {sex!r}" for sex in variables["SEX"].values)
        if "AGE" in variables and variables["AGE"].is_number:
            medians = [
                digits.number
                for each in self.numbers
                if each.quantity == "age"
                and each.statistic in ("median_range", "median_iqr")
                and each.group
                and query.conditions(self.described.groups[each.group]) == self.everyone
                and (digits := rounding.read(each.value or ""))
            ]
            for age in medians[:1]:
                yield from (f"AGE < {age}", f"AGE >= {age}")

    def months(self, name: str) -> list[float]:
        """Return an endpoint's printed times, in order."""
        printed = self.of(name)
        rates = {float(found[1]) for each in printed if (found := _RATE.search(each.quantity))}
        medians = {
            float(digits.number)
            for each in printed
            if each.unit in ("", "months") and (digits := rounding.read(each.value or ""))
        }
        return sorted(rates or medians)

    def unprinted(self, name: str) -> Iterator[Quantity]:
        definition, months = self.endpoints[name], self.months(name)
        groups = [(each.quantity, self.group(name, each)) for each in self.of(name)]
        midway = [(a + b) / 2 for a, b in itertools.pairwise([0.0, *months])]
        rate: Statistic = "cumulative incidence" if definition.competing else "survival"
        for group in dict.fromkeys(["", *(group for _, group in groups), *self.halves()]):
            for month in midway:
                if (f"{name}_{month:g}m", group) not in groups:
                    yield Quantity(statistic=rate, endpoint=definition, group=group, month=month)
            if definition.competing:
                continue
            if (f"{name}_median", group) not in groups:
                yield Quantity(statistic="median", endpoint=definition, group=group)
            for month in months[-1:]:
                yield Quantity(
                    statistic="restricted mean", endpoint=definition, group=group, month=month
                )
        if not definition.competing:
            tested, printed = (self.pairs(name, of) for of in ("p_value", "hazard_ratio_ci"))
            for first, second in tested:
                if (first, second) not in printed and (second, first) not in printed:
                    yield Quantity(
                        statistic="hazard ratio", endpoint=definition, group=first, against=second
                    )

    def pairs(self, name: str, statistic: str) -> list[tuple[str, str]]:
        """Return the groups that numbers of some kind compare, two by two."""
        of = {each.id: self.group(name, each) for each in self.of(name)}
        found: dict[frozenset[str], tuple[str, str]] = {}
        for each in self.numbers:
            if each.statistic == statistic and of.keys() >= set(each.relates_to):
                pair = tuple(of[id] for id in each.relates_to)
                # Without a query of its own a group is everyone, and overlaps with the other.
                if len(pair) == 2 and len(set(pair)) == 2 and all(pair):
                    found.setdefault(frozenset(pair), (pair[0], pair[1]))
        return list(found.values())


_RATE = re.compile(r"_(\d+)m$")
