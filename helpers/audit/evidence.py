"""What a check has to go on, and what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from helpers import query, rounding
from helpers.catalogue import Definition, PublishedNumber, Variable

COUNTS = ("count_percent", "proportion_ci", "number")
"""The statistics that count patients."""


@dataclass(frozen=True)
class Finding:
    """What a check says of one published number.

    Attributes
    ----------
    verdict : {'reproduced', 'inconsistent', 'undetermined', 'observation'}
        What follows from this check alone.
    recomputed : str
        The value recomputed, as text; empty if there is none.
    method : str
        How, in words.
    reason : str
        Why; for an inconsistency the numbers it rests on, the computation, the nearest
        consistent value and the likely slip.
    """

    verdict: str
    recomputed: str = ""
    method: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Book:
    """The published numbers of a paper, ready to be looked up.

    Attributes
    ----------
    numbers : tuple of PublishedNumber
        In the paper's order.
    groups : dict of str to str
        The paper's groups as cohort queries.
    variables : dict of str to Variable
        What a patient of the paper is described by.
    endpoints : dict of str to Definition
        The paper's endpoint definitions.
    """

    numbers: tuple[PublishedNumber, ...]
    groups: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    endpoints: dict[str, Definition] = field(default_factory=dict)

    @cached_property
    def by_id(self) -> dict[str, PublishedNumber]:
        """The numbers by id."""
        return {number.id: number for number in self.numbers}

    @cached_property
    def own(self) -> tuple[PublishedNumber, ...]:
        """The numbers of the paper itself, without those it quotes from other studies."""
        return tuple(each for each in self.numbers if not quoted(each))

    @cached_property
    def alike(self) -> dict[tuple[str, str], list[PublishedNumber]]:
        """The paper's own numbers by quantity and group."""
        found: dict[tuple[str, str], list[PublishedNumber]] = {}
        for number in self.own:
            found.setdefault((number.quantity, number.group), []).append(number)
        return found

    @cached_property
    def sizes(self) -> dict[str, set[int]]:
        """The sizes that the paper gives each group."""
        found: dict[str, set[int]] = {}
        for number in self.own:
            if number.quantity == "patients" and number.count is not None:
                found.setdefault(number.group, set()).add(number.count)
            elif number.count is not None and number.group == "all":
                found.setdefault(number.quantity, set()).add(number.count)
            if number.total is not None and number.group:
                found.setdefault(number.group, set()).add(number.total)
        for number in self.own:
            # So many of one group belong to another: the size of what they share.
            both = self._shared(number.group, number.quantity)
            if both and both not in found and len(found.get(number.group, ())) == 1:
                counts = [number.count] if number.count is not None else []
                if not counts and number.value and number.statistic == "count_percent":
                    counts = attainable(number.value, next(iter(found[number.group])))
                if len(counts) == 1:
                    found[both] = set(counts)
        for group, (whole, other) in self._complements.items():
            if group not in found and len(found.get(whole, ())) == len(found.get(other, ())) == 1:
                found[group] = {next(iter(found[whole])) - next(iter(found[other]))}
        return found

    @cached_property
    def _conditions(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(query.conditions(text)) for name, text in self.groups.items()}

    @cached_property
    def _by_conditions(self) -> dict[frozenset[str], str]:
        return {asked: name for name, asked in reversed(self._conditions.items())}

    def _shared(self, group: str, other: str) -> str:
        """Name the group of the patients whom two groups share; empty if there is none."""
        if group not in self.groups or other not in self.groups:
            return ""
        both = self._conditions[group] | self._conditions[other]
        return self._by_conditions.get(both, "")

    def population(self, number: PublishedNumber) -> str:
        """Name the group that a rate is about by the definition of its endpoint.

        Disease-free survival of a group is about those of the group who reached a remission.

        Parameters
        ----------
        number : PublishedNumber
            A rate whose quantity begins with an endpoint's name, such as ``dfs_12m``.

        Returns
        -------
        str
            Another group than the number's own; empty if the definition asks for nothing more.
        """
        for name, definition in self.endpoints.items():
            if number.quantity.startswith(f"{name}_") and number.group in self.groups:
                asked = self._conditions[number.group].union(
                    query.conditions(definition.population)
                )
                found = self._by_conditions.get(asked, "")
                return "" if self._conditions[number.group] == asked else found
        return ""

    @cached_property
    def _complements(self) -> dict[str, tuple[str, str]]:
        """The groups that are a whole without another group, as their queries say.

        ``no_hsct`` is what ``all`` leaves without ``hsct`` if its query asks for the one other
        value of a variable that has two.
        """
        conditions, by_conditions = self._conditions, self._by_conditions
        found = {}
        for name, asked in conditions.items():
            for condition in asked:
                variable, _, value = condition.partition(" == ")
                values = self.variables[variable].values if variable in self.variables else {}
                others = [other for other in values if repr(other) != value]
                if len(values) == 2 and len(others) == 1:
                    rest = asked - {condition}
                    whole = by_conditions.get(rest)
                    other = by_conditions.get(rest | {f"{variable} == {others[0]!r}"})
                    if whole and other:
                        found[name] = (whole, other)
        return found

    @cached_property
    def whole(self) -> int | None:
        """The size of the whole sample."""
        return max(self.sizes.get("all", ()), default=None)

    def total(self, number: PublishedNumber) -> int | None:
        """Return the denominator of a number: its own, or the size of its group.

        Parameters
        ----------
        number : PublishedNumber
            The number.

        Returns
        -------
        int or None
            None if the paper gives none, or several.
        """
        if number.total is not None:
            return number.total
        sizes = self.sizes.get(number.group, set())
        return next(iter(sizes)) if len(sizes) == 1 else None

    def alternatives(self, number: PublishedNumber) -> Iterator[list[PublishedNumber]]:
        """Yield each set of numbers that a number is made from or tested against.

        Parameters
        ----------
        number : PublishedNumber
            The number.

        Yields
        ------
        list of PublishedNumber
        """
        group: list[PublishedNumber] = []
        for word in (*number.relates_to, "|"):
            if word != "|":
                group.append(self.by_id[word])
            elif group:
                yield group
                group = []

    def counts(self, number: PublishedNumber) -> list[int]:
        """Return the counts that a number can stand for.

        Parameters
        ----------
        number : PublishedNumber
            A count, a percentage, or both.

        Returns
        -------
        list of int
            The printed count alone; without one, every count whose percentage has the printed
            digits; empty if there is neither, or no denominator.
        """
        if number.count is not None:
            return [number.count]
        total = self.total(number)
        if total is None or number.value is None:
            return []
        return attainable(number.value, total)


def quoted(number: PublishedNumber) -> bool:
    """Say whether a number is quoted from another study.

    Parameters
    ----------
    number : PublishedNumber
        The number.

    Returns
    -------
    bool
    """
    return number.location.endswith(": other studies")


def attainable(percent: str, total: int) -> list[int]:
    """Return the counts whose share of a total is printed as a given percentage.

    Parameters
    ----------
    percent : str
        As printed.
    total : int
        The denominator.

    Returns
    -------
    list of int
    """
    digits = rounding.read(percent)
    if digits is None or total < 1:
        return []
    low, high = (min(max(end, 0), 100) / 100 * total for end in rounding.span(digits))
    near = range(max(0, int(low) - 2), min(total, int(high) + 2) + 1)
    return [count for count in near if rounding.agrees(100 * count / total, percent)]


def names(numbers: Iterable[PublishedNumber]) -> str:
    """Name numbers by their ids; of more than four the first two.

    Parameters
    ----------
    numbers : iterable of PublishedNumber
        The numbers.

    Returns
    -------
    str
    """
    ids = [number.id for number in numbers]
    return ", ".join(ids) if len(ids) <= 4 else f"{ids[0]}, {ids[1]} and {len(ids) - 2} more"
