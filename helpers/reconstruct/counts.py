"""What the printed counts, percentages and quantiles of a paper ask of its patients.

A row of ``published.csv`` counts those of a group (`Paper.groups`) who have a quantity. Whom a
quantity means is looked up in this order:

1. ``patients`` means everyone;
2. the name of a group means its patients;
3. ``[quantities]`` of ``paper.toml`` gives a query or, for a median, a variable; a name with
   ``*`` in it stands for one such query per variable;
4. a variable of that name means those for whom it is ``Y`` or, for a median, its values.

A threshold whose quantity ends in ``_above`` or ``_below`` limits a percentage.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import pandas as pd

from helpers import audit, catalogue, paths, query, rounding
from helpers.audit.evidence import COUNTS, Book, attainable, quoted
from helpers.catalogue import Paper, PublishedNumber, Variable
from helpers.errors import DataError, KitError
from helpers.query import Query

WHOLE = "all"
"""The group of all the paper's patients."""

STATUSES = {
    "used": "every cohort has it",
    "contradicted": "left out, since the ledger proves that it can't be",
    "excluded": "left out by choice, as paper.toml says",
    "about times": "asks for event times",
    "not about patients": "quoted from another study, or printed of no group",
}
"""What can become of a published count, percentage or quantile."""

_MEDIANS = {"median_iqr": (0.25, 0.5, 0.75), "median_range": (0.0, 0.5, 1.0)}
_TIMES = ("days", "weeks", "months", "years")
# Hyndman and Fan's definitions: numpy's and R's default; SPSS's and Stata's; SAS's.
_TYPES = (7, 6, 2)
_NEEDED = (7, 6)


@dataclass(frozen=True)
class Count:
    """How many patients a query picks.

    Attributes
    ----------
    sources : tuple of str
        Ids of the published numbers that say so.
    query : Query
        Whom.
    least, most : int
        How many.
    """

    sources: tuple[str, ...]
    query: Query
    least: int
    most: int


@dataclass(frozen=True)
class Share:
    """A limit to the share of a group whom a query picks.

    Attributes
    ----------
    sources : tuple of str
        Ids of the published numbers that say so.
    group, query : Query
        Of whom, and whom.
    percent : fractions.Fraction
        The limit.
    above : bool
        Whether the share is larger, else smaller.
    """

    sources: tuple[str, ...]
    group: Query
    query: Query
    percent: Fraction
    above: bool


@dataclass(frozen=True)
class Quantiles:
    """Which values the patients of a group have in the middle of their order, or at its ends.

    Attributes
    ----------
    sources : tuple of str
        Ids of the published numbers that say so.
    group : Query
        Whose values.
    variable : str
        Of what.
    places : tuple of int
        Places in ascending order, the first being 1.
    values : tuple of tuple of int
        What may stand in these places together, in steps of the variable's grid, so that types 7
        and 6 print the quantile.
    best : tuple of tuple of int
        Those of them for which type 2 prints it too; all of them if there is none.
    """

    sources: tuple[str, ...]
    group: Query
    variable: str
    places: tuple[int, ...]
    values: tuple[tuple[int, ...], ...]
    best: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Flag:
    """A further variable that says yes or no, for the sake of a part that comes later.

    Attributes
    ----------
    name : str
        Its name in queries and in the cohort.
    label : str
        What it says, in words.
    only_if : str
        A query: who has a value. Empty for everyone.
    """

    name: str
    label: str = ""
    only_if: str = ""


@dataclass(frozen=True)
class Constraints:
    """What a paper asks of its patients; make it with `constraints`.

    Attributes
    ----------
    variables : dict of str to Variable
        What a patient is described by.
    sizes : dict of int to tuple of str
        How many patients there are, by the ids that say so: one size, unless the paper
        contradicts itself.
    always : tuple of Query
        False for no patient.
    counts : tuple of Count
    shares : tuple of Share
    quantiles : tuple of Quantiles
    decimals : dict of str to int
        The decimals with which a number is recorded.
    """

    variables: dict[str, Variable]
    sizes: dict[int, tuple[str, ...]]
    always: tuple[Query, ...] = ()
    counts: tuple[Count, ...] = ()
    shares: tuple[Share, ...] = ()
    quantiles: tuple[Quantiles, ...] = ()
    decimals: dict[str, int] = field(default_factory=dict)

    def with_more(
        self,
        *,
        flags: Sequence[Flag] = (),
        counts: Mapping[str, tuple[int, int]] | None = None,
        always: Sequence[str] = (),
    ) -> Constraints:
        """Return the same with more asked of the patients.

        Parameters
        ----------
        flags : sequence of Flag
            Further variables; `counts` and `always` may name them.
        counts : mapping of str to tuple of (int, int)
            By query, the least and the most patients whom it may pick.
        always : sequence of str
            Queries that are to be false for nobody.

        Returns
        -------
        Constraints

        Raises
        ------
        QueryError
            If a query can't be read.
        KitError
            If a flag has the name of a variable.
        """
        variables = dict(self.variables)
        for flag in flags:
            if flag.name in variables:
                raise KitError(f"there is a variable {flag.name!r}", right="another name")
            variables[flag.name] = Variable(
                label=flag.label or flag.name,
                type="category",
                source="",
                values={"Y": "yes", "N": "no"},
                only_if=flag.only_if,
            )
        more = tuple(
            Count((text,), query.parse(text, variables), *bounds)
            for text, bounds in (counts or {}).items()
        )
        rules = tuple(query.parse(text, variables) for text in always)
        return replace(
            self, variables=variables, counts=self.counts + more, always=self.always + rules
        )

    def size(self) -> int:
        """Return how many patients there are.

        Returns
        -------
        int

        Raises
        ------
        KitError
            If the paper says it in more than one way.
        """
        if len(self.sizes) > 1:
            raise KitError(
                "the paper prints several sizes of the whole: "
                + ", ".join(f"{size} ({ids[0]})" for size, ids in self.sizes.items())
            )
        return next(iter(self.sizes))

    def grid(self, name: str) -> int:
        """Return how many steps a number's grid has to one unit.

        Parameters
        ----------
        name : str
            A variable that is a number.

        Returns
        -------
        int
            10 for one decimal.
        """
        return int(10 ** self.decimals.get(name, 0))


def constraints(paper: str) -> Constraints:
    """Return what a paper's printed counts, percentages and quantiles ask of its patients.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    Constraints

    Raises
    ------
    DataError
        If the paper's folder has faults, among them a count of which nothing says whom it counts.

    Notes
    -----
    A median and its quartiles are met as numpy and R (type 7) and as SPSS and Stata (type 6)
    compute them, and where some values allow it as SAS does (type 2). Types: R. J. Hyndman and
    Y. Fan, Sample quantiles in statistical packages, American Statistician 50 (1996) 361–365.
    """
    return _latest(paper)[0]


def rows(paper: str) -> pd.DataFrame:
    """Return what becomes of each published count, percentage and quantile of a paper.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    pandas.DataFrame
        ``id``, ``status`` (a key of `STATUSES`) and ``reason``, in the paper's order.

    Raises
    ------
    DataError
        As `constraints`.
    """
    return _latest(paper)[1].copy()


def both(*queries: Query) -> Query:
    """Return the query that picks whom each of several queries picks.

    Parameters
    ----------
    *queries : Query
        The queries.

    Returns
    -------
    Query
    """
    parts = [each for each in queries if each.tree is not None]
    trees = [each.tree for each in parts if each.tree is not None]
    if len(parts) < 2:
        return parts[0] if parts else Query("", None)
    text = " and ".join(f"({each.text})" for each in parts)
    return Query(text, ast.BoolOp(ast.And(), trees))


def unlike(given: Query) -> Query:
    """Return the query that picks whom a query is false for.

    Parameters
    ----------
    given : Query
        A query; not the empty one, which is false for nobody.

    Returns
    -------
    Query
    """
    assert given.tree is not None
    return Query(f"not ({given.text})", ast.UnaryOp(ast.Not(), given.tree))


def _latest(paper: str) -> tuple[Constraints, pd.DataFrame]:
    folder = paths.paper(paper)
    changed = paths.changed(*(folder / name for name in ("paper.toml", "published.csv")))
    return _read(paper, folder, changed)


@lru_cache(maxsize=16)
def _read(paper: str, _folder: Path, _changed: tuple[int, ...]) -> tuple[Constraints, pd.DataFrame]:
    return _Reader(paper).read()


class _Unclear(Exception):
    """A row that can't be read as a count; the text says what would be right."""


class _Reader:
    """Reads a paper's rows one by one and gathers the faults."""

    def __init__(self, paper: str) -> None:
        self.paper = paper
        self.described: Paper = catalogue.load(paper)
        self.variables = self.described.variables
        self.book: Book = audit.book(paper)
        self.faults: list[str] = []
        self.where = f"data/{paper}/paper.toml"
        self.counts: dict[str, Count] = {}
        self.shares: list[Share] = []
        self.quantiles: list[tuple[PublishedNumber, str, Query, int]] = []
        self.groups = {
            name: self.parse(text, f"groups.{name}") for name, text in self.described.groups.items()
        }

    def parse(self, text: str, name: str) -> Query:
        try:
            return query.parse(text, self.variables)
        except KitError as error:
            self.faults.append(f"{self.where}, {name}: {error}")
            return Query("", None)

    def read(self) -> tuple[Constraints, pd.DataFrame]:
        known = self.described.reconstruct
        always = [
            self.parse(text, f"reconstruct.always, rule {place}")
            for place, text in enumerate(known.always, start=1)
        ]
        for name, variable in self.variables.items():
            self.parse(variable.only_if, f"variables.{name}, only_if")
        if WHOLE in self.groups:
            always += [each for each in [self.groups[WHOLE]] if each.tree is not None]
        else:
            self.faults.append(f"{self.where}, groups: no group {WHOLE!r}; right would be: one")
        for id in known.excluded.keys() - self.book.by_id.keys():
            told = f"no number {id!r} in published.csv; right would be: an id of it"
            self.faults.append(f"{self.where}, reconstruct.excluded: {told}")
        for name in known.each.keys() - self.groups.keys():
            told = f"no group {name!r}; right would be: a name under [groups]"
            self.faults.append(f"{self.where}, reconstruct.each: {told}")
        ledger = audit.ledger(self.paper).set_index("id")
        statuses: list[tuple[str, str, str]] = []
        for number in self.book.numbers:
            if not _counts(number):
                continue
            proof = ledger.loc[number.id]
            status, reason = "used", ""
            if quoted(number):
                status, reason = "not about patients", "quoted from another study"
            elif number.id in known.excluded:
                status, reason = "excluded", known.excluded[number.id]
            elif not number.group:
                status, reason = "not about patients", "printed of no group"
            elif self.about_times(number):
                status, reason = "about times", "asks for event times"
            elif proof["verdict"] == "inconsistent":
                status, reason = "contradicted", str(proof["reason"])
            else:
                try:
                    self.use(number)
                except (_Unclear, KitError) as error:
                    right = f"{error}, or its id under [reconstruct.excluded] with the reason"
                    self.faults.append(
                        f"data/{self.paper}/published.csv, {number.id}: nothing says whom it "
                        f"counts; right would be: {right}"
                        if isinstance(error, _Unclear)
                        else f"{self.where}, for {number.id}: {error}"
                    )
            statuses.append((number.id, status, reason))
        sizes: dict[int, tuple[str, ...]] = {}
        for count in self.counts.values():
            if WHOLE in self.groups and _same(count.query, self.groups[WHOLE]):
                sizes[count.least] = sizes.get(count.least, ()) + count.sources
        if not sizes:
            right = f"a row with the quantity patients and the group {WHOLE}"
            self.faults.append(f"{self.where}: no size of the whole; right would be: {right}")
        found = None
        if not self.faults:
            decimals = self.decimals()
            found = Constraints(
                variables={
                    name: each
                    for name, each in self.variables.items()
                    if each.is_number or each.type == "category"
                },
                sizes=sizes,
                always=tuple(always),
                counts=tuple(
                    each
                    for each in self.counts.values()
                    if not _same(each.query, self.groups[WHOLE])
                ),
                shares=tuple(self.shares),
                quantiles=tuple(self.places(decimals)),
                decimals=decimals,
            )
            for text, bounds in known.assumed.items():
                try:
                    found = found.with_more(counts={text: bounds})
                except KitError as error:
                    self.faults.append(f"{self.where}, reconstruct.assumed: {error}")
        if self.faults or found is None:
            raise DataError("\n".join(dict.fromkeys(self.faults)))
        return found, pd.DataFrame(statuses, columns=["id", "status", "reason"])

    # --- one row ---------------------------------------------------------------------------------

    def use(self, number: PublishedNumber) -> None:
        """Take over what a row asks."""
        total = self.book.total(number)
        if number.statistic in _MEDIANS:
            self.use_median(number, total)
            return
        if number.statistic == "threshold":
            self.use_limit(number)
            return
        group, whom = self.groups[number.group], self.meaning(number.quantity)
        if number.total is not None:
            self.add(number, group, number.total, number.total)
        if number.count is not None:
            self.add(number, both(group, whom), number.count, number.count)
            return
        if number.value is None:
            raise _Unclear("a count or a percentage")
        if total is None:
            raise _Unclear("a denominator in the column total")
        counts = attainable(number.value, total)
        if not counts:
            raise _Unclear(f"a percentage that some count out of {total} has")
        self.add(number, both(group, whom), counts[0], counts[-1])

    def use_limit(self, number: PublishedNumber) -> None:
        stem, _, side = number.quantity.rpartition("_")
        digits = rounding.read(number.value or "")
        if digits is None:
            raise _Unclear("a limit in the column value")
        texts = self.described.reconstruct.each.get(number.group)
        groups = [self.groups[number.group]]
        if texts is not None:
            name = f"reconstruct.each.{number.group}"
            groups = [self.parse(text, name) for text in texts]
        whom, limit = self.meaning(stem), Fraction(digits.number)
        self.shares += [
            Share((number.id,), group, both(group, whom), limit, side == "above")
            for group in groups
        ]

    def use_median(self, number: PublishedNumber, total: int | None) -> None:
        name = self.number(number.quantity)
        if name is None:
            raise _Unclear("under [quantities] the name of a variable that is a number")
        if total is None:
            raise _Unclear("a denominator in the column total")
        variable = self.variables[name]
        if variable.minimum is None or variable.maximum is None:
            raise _Unclear(f"a minimum and a maximum of {name}")
        recorded = both(
            self.groups[number.group],
            query.parse(f"{name} >= {_plain(variable.minimum)}", self.variables),
        )
        self.add(number, recorded, total, total)
        self.quantiles.append((number, name, recorded, total))

    def add(self, number: PublishedNumber, whom: Query, least: int, most: int) -> None:
        key = f"{least} {most} {_dump(whom)}"
        known = self.counts.get(key)
        sources = dict.fromkeys((*(known.sources if known else ()), number.id))
        self.counts[key] = Count(tuple(sources), whom, least, most)

    # --- what a quantity means -------------------------------------------------------------------

    def meaning(self, quantity: str) -> Query:
        """Return the query that says whom a quantity counts."""
        quantities = self.described.quantities
        if quantity == "patients":
            return Query("", None)
        if quantity in self.groups:
            return self.groups[quantity]
        if quantity in quantities:
            return query.parse(quantities[quantity], self.variables)
        for pattern, text in quantities.items():
            start, star, end = pattern.partition("*")
            if star and quantity.startswith(start) and quantity.endswith(end):
                name = quantity[len(start) : len(quantity) - len(end)].upper()
                if name in self.variables:
                    return query.parse(text.replace("*", name), self.variables)
        name = quantity.upper()
        if name in self.variables and "Y" in self.variables[name].values:
            return query.parse(f"{name} == 'Y'", self.variables)
        raise _Unclear(f"{quantity} under [quantities] with a query")

    def number(self, quantity: str) -> str | None:
        """Name the variable that a quantity with a median means; None if there is none."""
        name = self.described.quantities.get(quantity, quantity.upper())
        return name if name in self.variables and self.variables[name].is_number else None

    def about_times(self, number: PublishedNumber) -> bool:
        if number.unit not in _TIMES or number.statistic not in (*_MEDIANS, "threshold"):
            return False
        return self.number(number.quantity) is None

    # --- quantiles -------------------------------------------------------------------------------

    def decimals(self) -> dict[str, int]:
        """Return with how many decimals each number is recorded: as many as are printed."""
        found: dict[str, int] = {}
        for number, name, _, _ in self.quantiles:
            if self.variables[name].type == "integer":
                continue
            for text in (number.value, number.lower, number.upper):
                digits = rounding.read(text or "")
                if digits is not None:
                    found[name] = max(found.get(name, 0), rounding.decimals(digits))
        return found

    def places(self, decimals: Mapping[str, int]) -> Iterator[Quantiles]:
        seen: dict[tuple[str, ...], Quantiles] = {}
        for number, name, group, size in self.quantiles:
            printed = dict(
                zip(
                    _MEDIANS[number.statistic],
                    (number.lower, number.value, number.upper),
                    strict=True,
                )
            )
            variable = self.variables[name]
            for p, text in printed.items():
                if text is None:
                    continue
                key = (_dump(group), name, str(p), text)
                low, high = self.bounds(variable, p, printed, size)
                places, values, best = printing(text, p, size, low, high, decimals.get(name, 0))
                if not values:
                    told = f"no {name} from {_plain(low)} to {_plain(high)} print {text} of "
                    told += f"{size} patients"
                    self.faults.append(f"{self.where}, variables.{name}, for {number.id}: {told}")
                known = seen.get(key)
                sources = dict.fromkeys((*(known.sources if known else ()), number.id))
                seen[key] = Quantiles(tuple(sources), group, name, places, values, best)
        yield from seen.values()

    def bounds(
        self, variable: Variable, p: float, printed: Mapping[float, str | None], size: int
    ) -> tuple[float, float]:
        """Return between what values a quantile's places lie, given the other quantiles."""
        assert variable.minimum is not None
        assert variable.maximum is not None
        low, high = variable.minimum, variable.maximum
        own = _places(size, p)
        for other, text in printed.items():
            digits = rounding.read(text or "")
            if digits is None or not own:
                continue
            places = _places(size, other)
            if other < p and places[-1] <= own[0]:
                low = max(low, rounding.span(digits)[0])
            if other > p and places[0] >= own[-1]:
                high = min(high, rounding.span(digits)[1])
        return low, high


def _counts(number: PublishedNumber) -> bool:
    """Say whether a row is a count, a percentage or a quantile of single patients."""
    if number.statistic == "threshold":
        return bool(number.group) and number.quantity.endswith(("_above", "_below"))
    return number.statistic in (*COUNTS, *_MEDIANS)


def quantile(values: Sequence[Fraction], p: float, kind: int) -> Fraction:
    """Return a quantile by one of the usual definitions, exactly.

    Parameters
    ----------
    values : sequence of fractions.Fraction
        In ascending order.
    p : float
        Which: 0.5 for the median, 0 for the least.
    kind : {7, 6, 2}
        The definition by Hyndman and Fan's number: 7 is numpy's and R's default, 6 SPSS's and
        Stata's, 2 SAS's.

    Returns
    -------
    fractions.Fraction

    Examples
    --------
    >>> [float(quantile([Fraction(x) for x in (1, 2, 4, 8)], 0.25, kind)) for kind in (7, 6, 2)]
    [1.75, 1.25, 1.5]
    """
    return sum(
        (values[place - 1] * weight for place, weight in _weights(len(values), p, kind).items()),
        Fraction(0),
    )


def _weights(size: int, p: float, kind: int) -> dict[int, Fraction]:
    """Return by place in ascending order the weight that it has in a quantile."""
    exact = Fraction(str(p))
    if kind == 2:
        at = size * exact
        low, high = (at, at + 1) if at.denominator == 1 else (-(-at // 1), -(-at // 1))
        ends = [min(max(int(end), 1), size) for end in (low, high)]
        return {ends[0]: Fraction(1)} if ends[0] == ends[1] else dict.fromkeys(ends, Fraction(1, 2))
    at = (size - 1) * exact + 1 if kind == 7 else (size + 1) * exact
    at = min(max(at, Fraction(1)), Fraction(size))
    low = int(at // 1)
    rest = at - low
    return {low: 1 - rest, low + 1: rest} if rest else {low: Fraction(1)}


def _places(size: int, p: float) -> tuple[int, ...]:
    """Return the places that a quantile depends on by any of the definitions."""
    if size < 1:
        return ()
    return tuple(sorted({place for kind in _TYPES for place in _weights(size, p, kind)}))


def printing(
    text: str, p: float, size: int, minimum: float, maximum: float, decimals: int
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
    """Return the values in the middle of the order that print a quantile.

    Parameters
    ----------
    text : str
        The quantile as printed.
    p : float
        Which: 0.5 for the median.
    size : int
        How many patients.
    minimum, maximum : float
        The least and the largest value that a patient may have.
    decimals : int
        Decimals of the patients' values.

    Returns
    -------
    places : tuple of int
        The places in ascending order, from 1, that the quantile depends on.
    values : tuple of tuple of int
        What may stand there, in units of the last decimal, for types 7 and 6 to print it.
    best : tuple of tuple of int
        Those of them for which type 2 prints it too; all of them if there is none.

    Examples
    --------
    >>> printing("33", 0.25, 5, 18, 65, 0)
    ((1, 2), ((32, 33), (33, 33)), ((32, 33), (33, 33)))
    """
    places = _places(size, p)
    if not places:
        return (), (), ()
    weights = {kind: _weights(size, p, kind) for kind in _TYPES}
    step = 10**decimals
    lowest, highest = (-int(-minimum * step // 1), int(maximum * step // 1))
    digits = rounding.read(text)
    if digits is None:
        return places, (), ()
    low, high = (Fraction(str(end)) * step for end in rounding.span(digits))
    grow = range(lowest, highest + 1)
    values: list[tuple[int, ...]] = []

    def value(kind: int, chosen: tuple[int, ...]) -> Fraction:
        at = dict(zip(places, chosen, strict=False))
        return sum((at[place] * weight for place, weight in weights[kind].items()), Fraction(0))

    def prints(kind: int, chosen: tuple[int, ...]) -> bool:
        exact = value(kind, chosen)
        return low <= exact <= high and rounding.agrees(float(exact / step), text)

    def extend(chosen: tuple[int, ...]) -> None:
        if len(chosen) == len(places):
            if all(prints(kind, chosen) for kind in _NEEDED):
                values.append(chosen)
            return
        for each in grow[max(0, chosen[-1] - lowest) if chosen else 0 :]:
            # Nothing smaller can follow, so this is the least that the definitions can give.
            least = (*chosen, *[each] * (len(places) - len(chosen)))
            if any(value(kind, least) > high for kind in _NEEDED):
                break
            extend((*chosen, each))

    extend(())
    best = [chosen for chosen in values if all(prints(kind, chosen) for kind in _TYPES)]
    return places, tuple(values), tuple(best or values)


def _plain(value: float) -> str:
    return f"{value:.10g}"


def _dump(whom: Query) -> str:
    return ast.dump(whom.tree) if whom.tree is not None else ""


def _same(one: Query, other: Query) -> bool:
    return _dump(one) == _dump(other)
