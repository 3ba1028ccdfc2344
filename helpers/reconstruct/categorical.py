"""Patients who have everything that a paper's counts ask, or the counts that exclude each other.

Nothing distinguishes one patient from another but their values, so what is searched is not who
has which values but how many have them: a whole number for each combination of values of a few
variables that something asked ties together. Such small tables overlap like the nodes of a
junction tree: where two of them agree on the variables that they share, patients can be dealt
out who have both. A constraint solver (CP-SAT of OR-tools) finds the numbers.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import query
from helpers.errors import KitError
from helpers.query import Query
from helpers.reconstruct.counts import Constraints, Count, Flag, constraints, unlike

__all__ = ["Conflict", "Flag", "Model", "conflict", "extreme", "model", "solve"]

# The most work for an answer that has to be proven, and for a cohort beyond the first that fits,
# in CP-SAT's deterministic seconds: the same on every machine.
_PROOF, _WISH = 120.0, 0.1
_MOST_CELLS = 200_000
_SCALE = 1000
_RULE = "rule: "


@dataclass(frozen=True)
class Conflict:
    """Published numbers that no cohort can have together; without any one of them some can.

    Attributes
    ----------
    ids : tuple of str
        Ids of published numbers, or queries asked for beside them.
    rules : tuple of str
        Rules for every patient without any one of which they would not exclude each other.
    """

    ids: tuple[str, ...]
    rules: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = "no cohort has all of: " + (", ".join(self.ids) or "nothing printed")
        if self.rules:
            told += "; given of every patient: " + "; ".join(self.rules)
        return told


class Model:
    """What is asked of a paper's patients, made ready for the solver; make it with `model`.

    Parameters
    ----------
    asked : Constraints
        What is asked.

    Attributes
    ----------
    asked : Constraints
        What is asked.

    Raises
    ------
    KitError
        If no cohort has it; the message names published numbers that exclude each other.
    """

    def __init__(self, asked: Constraints) -> None:
        self.asked = asked
        if len(asked.sizes) == 1:
            for best in (True, False):
                self._best = best
                self._programs = self._programs_for(best)
                if all(program.search() for program in self._programs):
                    return
        raise KitError(str(conflict(asked)))

    def _programs_for(self, best: bool) -> list[_Program]:
        return [_Program(self.asked, names, best=best) for names in _components(self.asked)]

    def _having(self, counts: Mapping[str, tuple[int, int]]) -> list[_Program]:
        """Return the programs with more counts asked."""
        more = [
            Count((text,), query.parse(text, self.asked.variables), *bounds)
            for text, bounds in counts.items()
        ]
        for best in (True, False) if self._best else (False,):
            programs = self._programs if best == self._best else self._programs_for(best)
            made = [program.having(more) for program in programs]
            if all(each.search() for each in made):
                return made
        raise KitError("no cohort has those counts beside all that is asked")

    def _solve(self, seed: int, counts: Mapping[str, tuple[int, int]] | None) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        size = self.asked.size()
        deal = _Deal(size, random)
        for program in self._having(counts) if counts else self._programs:
            program.deal(deal, program.wish(random))
        order = random.permutation(size)
        table: dict[str, Any] = {"USUBJID": [str(place + 1) for place in range(size)]}
        for name, variable in self.asked.variables.items():
            column = [deal.columns[name][patient] for patient in order]
            if not variable.is_number:
                table[name] = pd.Series(column, dtype=object)
            elif variable.type == "integer" and None not in column:
                table[name] = np.array(column, dtype=int)
            else:
                table[name] = np.array([np.nan if v is None else v for v in column], dtype=float)
        return pd.DataFrame(table)

    def _extreme(self, whom: Query, sense: Literal["least", "most"]) -> int:
        names = whom.names()
        for component in _components(self.asked):
            if component & whom.names():
                names |= component
        return _Program(self.asked, names, best=self._best, more=[whom]).optimum(whom, sense)


def model(
    paper: str | Constraints,
    *,
    flags: Sequence[Flag] = (),
    counts: Mapping[str, tuple[int, int]] | None = None,
    always: Sequence[str] = (),
) -> Model:
    """Make ready for the solver what is asked of a paper's patients.

    Parameters
    ----------
    paper : str or Constraints
        The paper's id, or what is asked.
    flags : sequence of Flag
        Further variables that say yes or no.
    counts : mapping of str to tuple of (int, int)
        By query, the least and the most patients whom it may pick; it may name flags.
    always : sequence of str
        Queries that are to be false for nobody; they may name flags.

    Returns
    -------
    Model

    Raises
    ------
    KitError
        If no cohort has all of it; the message names a smallest set of published numbers that
        exclude each other.
    """
    asked = constraints(paper) if isinstance(paper, str) else paper
    return Model(asked.with_more(flags=flags, counts=counts, always=always))


def solve(
    model: Model, *, seed: int, counts: Mapping[str, tuple[int, int]] | None = None
) -> pd.DataFrame:
    """Return one cohort that has everything asked.

    Parameters
    ----------
    model : Model
        What is asked.
    seed : int
        The same seed gives the same cohort, another one another.
    counts : mapping of str to tuple of (int, int)
        What is asked of this cohort alone: by query, the least and the most patients whom it may
        pick. Something asked of the model must name all variables that such a query names.

    Returns
    -------
    pandas.DataFrame
        A row per patient: ``USUBJID`` and the variables in their order. A category is text, None
        where it has no value; a number is a float, NaN where it has none, or an integer.

    Raises
    ------
    KitError
        If no cohort has those counts, or the search takes too long.

    Notes
    -----
    Cohorts are not drawn from a distribution. A seed stands for a random wish: which values are to
    come together in a patient and which to keep apart, strongly or hardly. It is met as far as
    everything asked allows. So what the paper leaves open differs from seed to seed as widely as
    it may.
    """
    return model._solve(seed, counts)


def extreme(model: Model, whom: str, sense: Literal["least", "most"]) -> int:
    """Return the least or the greatest number of patients whom a query picks in any cohort.

    Parameters
    ----------
    model : Model
        What is asked of the cohorts.
    whom : str
        The query.
    sense : {'least', 'most'}
        Which of the two.

    Returns
    -------
    int

    Raises
    ------
    QueryError
        If the query can't be read.
    KitError
        If the search takes too long.
    """
    return model._extreme(query.parse(whom, model.asked.variables), sense)


def conflict(asked: Constraints) -> Conflict | None:
    """Return numbers that no cohort can have together, of which none can be spared.

    Parameters
    ----------
    asked : Constraints
        What is asked.

    Returns
    -------
    Conflict or None
        None if there is a cohort.

    Raises
    ------
    KitError
        If the search takes too long.

    Notes
    -----
    Halves of what is asked are tried in turn, as QuickXplain does (U. Junker, AAAI 2004, 167–172):
    first the published numbers, given all rules; then the rules, given those numbers.
    """
    for names in _components(asked, whole=True):
        program = _Program(asked, names, blame=True)
        rules = [name for name in program.blamed if name.startswith(_RULE)]
        numbers = [name for name in program.blamed if not name.startswith(_RULE)]
        if program.refuted([*rules, *numbers]):
            ids = _smallest(program, rules, numbers)
            needed = _smallest(program, ids, rules)
            return Conflict(tuple(sorted(ids)), tuple(name.removeprefix(_RULE) for name in needed))
    return None


def _smallest(program: _Program, given: list[str], among: list[str]) -> list[str]:
    """Return a smallest part of some sources that excludes each other with those given."""

    def split(given: list[str], grown: bool, among: list[str]) -> list[str]:
        if grown and program.refuted(given):
            return []
        if len(among) < 2:
            return among
        half = len(among) // 2
        second = split(given + among[:half], True, among[half:])
        return split(given + second, bool(second), among[:half]) + second

    return split(given, True, among)


# --- who depends on whom -------------------------------------------------------------------------


def _ties(asked: Constraints) -> Iterator[tuple[set[str], list[Query]]]:
    """Yield the variables that something asked ties together, with its queries."""
    for count in asked.counts:
        yield count.query.names(), [count.query]
    for share in asked.shares:
        yield share.query.names() | share.group.names(), [share.query, share.group]
    for rule in asked.always:
        yield rule.names(), [rule]
    for quantiles in asked.quantiles:
        yield quantiles.group.names() | {quantiles.variable}, [quantiles.group]
    for name, variable in asked.variables.items():
        known = query.parse(variable.only_if, asked.variables)
        yield known.names() | {name}, [known]


def _components(asked: Constraints, *, whole: bool = False) -> list[set[str]]:
    """Return sets of variables such that nothing asked ties one set to another.

    With `whole` the size of the whole is taken for something that ties all together, if there is
    more than one.
    """
    if whole and len(asked.sizes) > 1:
        return [set(asked.variables)]
    found: list[set[str]] = []
    for names, _ in _ties(asked):
        touched = [each for each in found if each & names]
        found = [each for each in found if not each & names]
        found.append(names.union(*touched))
    return [each for each in found if each]


def _tree(ties: Iterable[set[str]], widths: Mapping[str, int]) -> list[tuple[set[str], set[str]]]:
    """Return the nodes of a junction tree, each after a node that has what it shares.

    Variables are taken out one by one, each time the one whose node has the fewest combinations
    of values; what is left of its node is tied together from then on.

    Returns
    -------
    list of tuple of (set of str, set of str)
        A node's variables, and those that it shares with what stands before it.
    """
    near: dict[str, set[str]] = {name: set() for name in widths}
    for names in ties:
        for name in names:
            near[name] |= names - {name}
    nodes: list[tuple[set[str], set[str]]] = []
    while near:
        name = min(near, key=lambda each: (math.prod(widths[n] for n in (each, *near[each])), each))
        shared = near.pop(name)
        for other in shared:
            near[other] |= shared - {other}
            near[other].discard(name)
        nodes.append(({name, *shared}, shared))
    return nodes[::-1]


# --- the program ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Node:
    """Some variables, the combinations of their values, and how many patients have each."""

    names: tuple[str, ...]
    shared: tuple[str, ...]
    cells: pd.DataFrame
    codes: pd.DataFrame
    numbers: list[Any]


class _Deal:
    """Patients to whom values are dealt out."""

    def __init__(self, size: int, random: np.random.Generator) -> None:
        self.size, self.random = size, random
        self.columns: dict[str, list[Any]] = {}
        self.places: dict[str, NDArray[np.int64]] = {}
        self.scores = random.normal(size=size)
        self.chance = float(random.choice([0.0, 1.0, 10.0]))
        self.weights: dict[tuple[str, int], float] = {}

    def leaning(self, name: str, place: int) -> float:
        """Return whether a value would go to patients with a high or a low score."""
        key = (name, place)
        if key not in self.weights:
            self.weights[key] = float(self.random.normal())
        return self.weights[key]


class _Program:
    """Some variables and everything asked of them, in the solver's terms."""

    def __init__(
        self,
        asked: Constraints,
        names: set[str],
        *,
        best: bool = False,
        blame: bool = False,
        more: Sequence[Query] = (),
    ) -> None:
        from ortools.sat.python import cp_model

        self.asked, self.best, self.blame = asked, best, blame
        self.cp: Any = cp_model.CpModel()
        self.blamed: dict[str, Any] = {}
        self.most = max(asked.sizes)
        ties = [(tied, queries) for tied, queries in _ties(asked) if tied and tied <= names]
        ties += [(each.names(), [each]) for each in more]
        compared = _compared(each for _, several in ties for each in several)
        self.ends = {
            name: self._ends(name, compared.get(name, set()))
            for name in names
            if asked.variables[name].is_number
        }
        self.rules = [each for each in asked.always if each.names() and each.names() <= names]
        self.values = {name: self._values(name) for name in asked.variables if name in names}
        widths = {name: len(each) for name, each in self.values.items()}
        self.nodes: list[_Node] = []
        self.total = self._sizes()
        tree = _tree(({n for n in tied if widths[n] > 1} for tied, _ in ties), widths)
        for tied, shared in tree:
            self._add(tied, shared)
        self._ask(names)

    # --- values ---

    def having(self, counts: Sequence[Count]) -> _Program:
        """Return the same program with more counts asked, of those that name its variables."""
        made = copy(self)
        made.cp = self.cp.clone()
        made.cp.clear_objective()
        made.nodes = [
            replace(
                node,
                numbers=[made.cp.get_int_var_from_proto_index(n.index) for n in node.numbers],
            )
            for node in self.nodes
        ]
        for each in counts:
            if each.query.names() <= self.values.keys():
                picked = made._picked(each.query)
                made._limit(picked, [1] * len(picked), each.least, each.most, each.sources)
        return made

    def _ends(self, name: str, compared: Iterable[Any]) -> list[int]:
        """Return the last value of each interval whose values nothing asked tells apart."""
        low, high = self._limits(name)
        step = self.asked.grid(name)
        found = {high}
        for value in compared:
            exact = Fraction(str(value)) * step
            found |= {int(exact // 1), -int(-exact // 1) - 1}
        for quantiles in self.asked.quantiles:
            if quantiles.variable == name:
                for values in quantiles.values:
                    found |= {value - less for value in values for less in (0, 1)}
        return sorted(end for end in found if low <= end <= high)

    def _limits(self, name: str) -> tuple[int, int]:
        variable, step = self.asked.variables[name], self.asked.grid(name)
        if variable.minimum is None or variable.maximum is None:
            raise KitError(
                "no minimum or no maximum", where=f"variable {name}", right="both, in paper.toml"
            )
        low = -int(-Fraction(str(variable.minimum)) * step // 1)
        return low, int(Fraction(str(variable.maximum)) * step // 1)

    def _values(self, name: str) -> list[Any]:
        """Return a variable's values; of an interval its end, and None for no value."""
        variable, step = self.asked.variables[name], self.asked.grid(name)
        values: list[Any] = list(variable.values)
        if variable.is_number:
            values = [end if step == 1 else end / step for end in self.ends[name]]
        if variable.only_if:
            values.append(None)
        if self.blame:
            return values
        table = pd.DataFrame({name: pd.Series(values, dtype=object)})
        for rule in self.rules:
            if rule.names() == {name}:
                table = table[~unlike(rule).mask(table)]
        # Where no value is left there is no cohort; the counts will say so.
        return list(table[name]) or values

    # --- tables ---

    def _sizes(self) -> Any:
        if len(self.asked.sizes) == 1:
            return self.most
        total = self.cp.new_int_var(0, self.most, "")
        for size, ids in self.asked.sizes.items():
            self._limit([total], [1], size, size, ids)
        return total

    def _add(self, tied: set[str], shared: set[str]) -> None:
        """Make a node's table and have it agree with the tables before it."""
        names = tuple(name for name in self.values if name in tied)
        codes = pd.DataFrame(index=[0])
        cells = pd.DataFrame(index=[0])
        done: set[str] = set()
        for name in names:
            values = pd.DataFrame(
                {name: pd.Series(self.values[name], dtype=object)},
                index=range(len(self.values[name])),
            )
            if len(codes) * len(values) > _MOST_CELLS:
                raise KitError(
                    f"too many combinations of {', '.join(names)}",
                    right="questions that tie fewer variables together",
                )
            places = np.repeat(np.arange(len(cells)), len(values))
            again = np.tile(np.arange(len(values)), len(cells))
            cells = cells.iloc[places].reset_index(drop=True)
            codes = codes.iloc[places].reset_index(drop=True)
            cells[name] = values[name].to_numpy()[again]
            codes[name] = again
            done.add(name)
            keep = self._possible(cells, name, done)
            cells, codes = cells[keep].reset_index(drop=True), codes[keep].reset_index(drop=True)
        numbers = [self.cp.new_int_var(0, self.most, "") for _ in range(len(cells))]
        node = _Node(names, tuple(n for n in names if n in shared), cells, codes, numbers)
        parent = next((each for each in self.nodes if shared <= {*each.names}), None)
        if not node.shared or parent is None:
            self.cp.add(sum(numbers) == self.total)
        else:
            mine, theirs = _margin(node, node.shared), _margin(parent, node.shared)
            for key in mine.keys() | theirs.keys():
                self.cp.add(sum(mine.get(key, [])) == sum(theirs.get(key, [])))
        self.nodes.append(node)

    def _possible(self, cells: pd.DataFrame, name: str, done: set[str]) -> NDArray[np.bool_]:
        """Return which combinations break no rule that names a variable just added."""
        keep = np.ones(len(cells), dtype=bool)
        widths = {each for each, values in self.values.items() if len(values) == 1}
        full = self._full(cells, widths - done)
        for other in done | widths:
            text = self.asked.variables[other].only_if
            known = query.parse(text, self.asked.variables)
            if (
                text
                and known.names() | {other} <= done | widths
                and name in {other, *known.names()}
            ):
                keep &= known.mask(full).to_numpy() == full[other].notna().to_numpy()
        if not self.blame:
            for rule in self.rules:
                if name in rule.names() <= done | widths:
                    keep &= ~unlike(rule).mask(full).to_numpy()
        return keep

    def _full(self, cells: pd.DataFrame, constant: Iterable[str]) -> pd.DataFrame:
        """Return combinations with the variables that have one value beside them."""
        return cells.assign(
            **{name: pd.Series(self.values[name] * len(cells), dtype=object) for name in constant}
        )

    # --- what is asked ---

    def _ask(self, names: set[str]) -> None:
        if self.blame:
            for rule in self.rules:
                table = self._table(rule.names())
                picked = [
                    n for n, bad in zip(table[1], unlike(rule).mask(table[0]), strict=True) if bad
                ]
                self._limit(picked, [1] * len(picked), 0, 0, (_RULE + rule.text,))
        for each in self.asked.counts:
            if each.query.names() <= names:
                picked = self._picked(each.query)
                self._limit(picked, [1] * len(picked), each.least, each.most, each.sources)
        for share in self.asked.shares:
            if share.query.names() | share.group.names() <= names:
                part, whole = self._picked(share.query), self._picked(share.group)
                limit = share.percent / 100
                weights = [limit.denominator] * len(part) + [-limit.numerator] * len(whole)
                least, most = (1, None) if share.above else (None, -1)
                self._limit([*part, *whole], weights, least, most, share.sources)
        for quantiles in self.asked.quantiles:
            tied = quantiles.group.names() | {quantiles.variable}
            if tied <= names:
                self._order(quantiles, tied)

    def _order(self, quantiles: Any, tied: set[str]) -> None:
        """Have the values of a group stand in their places."""
        name, step = quantiles.variable, self.asked.grid(quantiles.variable)
        table, numbers = self._table(tied)
        inside = quantiles.group.mask(table).to_numpy() & table[name].notna().to_numpy()
        held = np.array([0 if v is None else round(v * step) for v in table[name]])
        choices = []
        for values in quantiles.best if self.best else quantiles.values:
            chosen = self.cp.new_bool_var("")
            choices.append(chosen)
            for place, value in zip(quantiles.places, values, strict=True):
                for at, least, most in ((value, place, None), (value - 1, None, place - 1)):
                    below = [numbers[i] for i in np.flatnonzero(inside & (held <= at))]
                    self._limit(below, [1] * len(below), least, most, quantiles.sources, [chosen])
        self.cp.add_bool_or([*choices, *(~each for each in self._believed(quantiles.sources))])

    def _table(self, names: set[str]) -> tuple[pd.DataFrame, list[Any]]:
        """Return a table that has some variables, with the numbers of patients."""
        free = {name for name in names if len(self.values[name]) > 1}
        for node in self.nodes:
            if free <= {*node.names}:
                return self._full(node.cells, names - {*node.names}), node.numbers
        raise AssertionError(names)

    def _picked(self, whom: Query) -> list[Any]:
        table, numbers = self._table(whom.names())
        return [numbers[place] for place in np.flatnonzero(whom.mask(table).to_numpy())]

    def _limit(
        self,
        numbers: list[Any],
        weights: list[int],
        least: int | None,
        most: int | None,
        sources: tuple[str, ...],
        given: Sequence[Any] = (),
    ) -> None:
        """Limit a weighted sum where all is given and the sources are believed."""
        from ortools.sat.python import cp_model

        given = [*given, *self._believed(sources)]
        if not numbers:
            if (least or 0) > 0 or (most is not None and most < 0):
                self.cp.add_bool_or([~each for each in given])
            return
        widest = self.most * sum(abs(weight) for weight in weights)
        made = self.cp.add_linear_constraint(
            cp_model.LinearExpr.weighted_sum(numbers, weights),
            -widest if least is None else least,
            widest if most is None else most,
        )
        if given:
            made.only_enforce_if(given)

    def _believed(self, sources: tuple[str, ...]) -> list[Any]:
        """Return a literal that is true if one of the sources is believed; none if all are."""
        if not self.blame:
            return []
        for source in sources:
            if source not in self.blamed:
                self.blamed[source] = self.cp.new_bool_var("")
        if len(sources) == 1:
            return [self.blamed[sources[0]]]
        some = self.cp.new_bool_var("")
        for source in sources:
            self.cp.add_implication(self.blamed[source], some)
        return [some]

    # --- answers ---

    def _solver(self, work: float, seed: int = 0) -> Any:
        from ortools.sat.python import cp_model

        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = seed
        solver.parameters.max_deterministic_time = work
        return solver

    def search(self) -> bool:
        """Say whether there is a cohort, and keep it for later."""
        from ortools.sat.python import cp_model

        solver = self._solver(_PROOF)
        status = solver.solve(self.cp)
        if status == cp_model.UNKNOWN:
            raise KitError("the search for a cohort took too long", right="fewer published counts")
        if status == cp_model.INFEASIBLE:
            return False
        self.first = self._found(solver)
        return True

    def _found(self, solver: Any) -> list[NDArray[np.int64]]:
        return [np.array([solver.value(n) for n in node.numbers], dtype=int) for node in self.nodes]

    def wish(self, random: np.random.Generator) -> list[NDArray[np.int64]]:
        """Return how many patients have each combination, as a random wish would have it.

        That is a corner of all that is possible, or a cohort near some point between two corners.
        """
        corner = self._corner(random)
        if random.random() < 0.5:
            return corner
        return self._between(corner, self._corner(random), random)

    def _corner(self, random: np.random.Generator) -> list[NDArray[np.int64]]:
        from ortools.sat.python import cp_model

        numbers = [each for node in self.nodes for each in node.numbers]
        weights = np.concatenate([self._wishes(node, random) for node in self.nodes])
        self.cp.maximize(
            cp_model.LinearExpr.weighted_sum(numbers, [int(w) for w in weights * _SCALE])
        )
        return self._near(self.cp, self.first, random)

    def _between(
        self,
        one: list[NDArray[np.int64]],
        other: list[NDArray[np.int64]],
        random: np.random.Generator,
    ) -> list[NDArray[np.int64]]:
        part = random.random()
        start, end = np.concatenate(one), np.concatenate(other)
        aims = np.rint(part * start + (1 - part) * end).astype(int)
        apart = np.flatnonzero(abs(start - end) > 1)
        if not len(apart):
            return one
        numbers = [each for node in self.nodes for each in node.numbers]
        cp = self.cp.clone()
        cp.clear_objective()
        off = []
        for place in apart:
            number = cp.get_int_var_from_proto_index(numbers[place].index)
            off.append(cp.new_int_var(0, self.most, ""))
            cp.add(off[-1] >= number - int(aims[place]))
            cp.add(off[-1] >= int(aims[place]) - number)
        cp.minimize(sum(off))
        return self._near(cp, one if part > 0.5 else other, random)

    def _near(
        self, cp: Any, hint: list[NDArray[np.int64]], random: np.random.Generator
    ) -> list[NDArray[np.int64]]:
        """Return what a little work finds from a cohort that is there already."""
        from ortools.sat.python import cp_model

        numbers = [each for node in self.nodes for each in node.numbers]
        cp.clear_hints()
        for number, value in zip(numbers, np.concatenate(hint), strict=True):
            cp.add_hint(cp.get_int_var_from_proto_index(number.index), int(value))
        solver = self._solver(_WISH, int(random.integers(2**31)))
        if solver.solve(cp) in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return self._found(solver)
        return hint

    def _wishes(self, node: _Node, random: np.random.Generator) -> NDArray[np.float64]:
        """Weigh combinations: high where values that lean alike come together, or the reverse."""
        total = np.zeros(len(node.cells))
        for name in node.names:
            total += random.normal(size=len(self.values[name]))[node.codes[name].to_numpy()]
        wish = total**2 * float(random.choice([-1, 1])) + random.normal(size=len(total))
        return np.asarray(wish)

    def deal(self, deal: _Deal, found: list[NDArray[np.int64]]) -> None:
        """Deal out combinations, node after node, to patients who have what is shared."""
        for node, counts in zip(self.nodes, found, strict=True):
            fresh = [n for n in node.names if n not in node.shared]
            rows = np.repeat(np.arange(len(counts)), counts)
            codes = node.codes.to_numpy(dtype=int)[rows]
            places = {name: place for place, name in enumerate(node.names)}
            lean = np.zeros(len(rows))
            for name in fresh:
                weights = np.array([deal.leaning(name, k) for k in range(len(self.values[name]))])
                lean += weights[codes[:, places[name]]]
            lean += deal.random.normal(size=len(rows)) * 1e-6
            patients = np.arange(deal.size)
            mood = deal.scores + deal.random.normal(size=deal.size) * deal.chance
            theirs = [deal.places[name] for name in node.shared]
            mine = [codes[:, places[name]] for name in node.shared]
            # Sorted by what is shared, and within it by leaning and by score.
            to = patients[np.lexsort((mood, *theirs))]
            what = np.lexsort((lean, *mine))
            for name in fresh:
                column = np.empty(deal.size, dtype=int)
                column[to] = codes[what, places[name]]
                deal.places[name] = column
                deal.columns[name] = [self._draw(name, int(k), deal.random) for k in column]

    def _draw(self, name: str, place: int, random: np.random.Generator) -> Any:
        """Return the value at a place; of an interval any, as nothing asked tells them apart."""
        value = self.values[name][place]
        if value is None or name not in self.ends:
            return value
        step, ends = self.asked.grid(name), self.ends[name]
        at = ends.index(round(value * step))
        low = ends[at - 1] + 1 if at else self._limits(name)[0]
        drawn = int(random.integers(low, ends[at] + 1))
        return drawn if step == 1 else drawn / step

    def optimum(self, whom: Query, sense: Literal["least", "most"]) -> int:
        """Return the least or the greatest number of patients whom a query picks."""
        from ortools.sat.python import cp_model

        picked = self._picked(whom)
        if not picked:
            return 0
        goal = cp_model.LinearExpr.sum(picked)
        if sense == "most":
            self.cp.maximize(goal)
        else:
            self.cp.minimize(goal)
        solver = self._solver(_PROOF)
        if solver.solve(self.cp) != cp_model.OPTIMAL:
            raise KitError(f"the search for the {sense} took too long", right="a simpler query")
        reached: float = solver.objective_value
        return round(reached)

    def refuted(self, believed: Iterable[str]) -> bool:
        """Say whether some sources exclude each other."""
        from ortools.sat.python import cp_model

        cp, believed = self.cp.clone(), set(believed)
        for name, literal in self.blamed.items():
            fixed = cp.get_bool_var_from_proto_index(literal.index)
            cp.add_bool_and([fixed if name in believed else ~fixed])
        status = self._solver(_PROOF).solve(cp)
        if status == cp_model.UNKNOWN:
            raise KitError("the search for what excludes each other took too long")
        return bool(status == cp_model.INFEASIBLE)


def _margin(node: _Node, names: tuple[str, ...]) -> dict[tuple[int, ...], list[Any]]:
    """Return the numbers of a node that add up to each combination of some of its variables."""
    found: dict[tuple[int, ...], list[Any]] = {}
    for key, number in zip(
        node.codes[list(names)].itertuples(index=False), node.numbers, strict=True
    ):
        found.setdefault(tuple(key), []).append(number)
    return found


def _compared(queries: Iterable[Query]) -> dict[str, set[Any]]:
    """Return by variable the values with which queries compare it."""
    found: dict[str, set[Any]] = {}
    for each in queries:
        for node in ast.walk(each.tree) if each.tree is not None else ():
            if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name):
                found.setdefault(node.left.id, set()).update(_operands(node))
    return found


def _operands(node: ast.Compare) -> list[Any]:
    value = ast.literal_eval(node.comparators[0])
    return list(value) if isinstance(value, list | tuple) else [value]
