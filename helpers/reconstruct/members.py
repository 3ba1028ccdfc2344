"""Members of an ensemble: whole cohorts that have everything a paper printed.

A start takes three steps: the categorical part with the events that printed rates fix by their
counts (`helpers.reconstruct.categorical`), a first draw of event histories, and the search that
brings them to every printed number (`helpers.reconstruct.search`). A member wanders off from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import query
from helpers.audit import DAYS_PER_MONTH
from helpers.catalogue import Variable
from helpers.errors import KitError
from helpers.reconstruct import apart, categorical, combine, search, times
from helpers.reconstruct.categorical import Model
from helpers.reconstruct.times import Flag, Requirements

ATTEMPTS = 1000
"""After so many attempts a search is given up."""

_NEAR = 1e-9


Arrays = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Plan:
    """What every member of a paper's ensemble starts from; made once.

    Attributes
    ----------
    asked : Requirements
        What the printed numbers ask of the times.
    flags : tuple of Flag
        The events by a day that the categorical part decides.
    model : Model
        The categorical part.
    again : Model or None
        The printed counts without the flags, for patients whose times are known; None where no
        variable is filled from the times.
    variables : dict of str to Variable
        The paper's variables and the flags.
    """

    asked: Requirements
    flags: tuple[Flag, ...]
    model: Model
    again: Model | None
    variables: dict[str, Variable]


def plan(paper: str) -> Plan:
    """Make ready what all members of a paper's ensemble have in common.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    Plan

    Raises
    ------
    DataError
        If the paper's folder has faults.
    KitError
        If printed counts exclude each other; the message names a smallest set of them.
    """
    asked = times.requirements(paper)
    flags = times.flags(asked)
    own = [flag for flag in flags if flag.counts]
    counts: dict[str, tuple[int, int]] = {}
    for flag in own:
        for text, events, patients in flag.counts:
            whom = f"({text}) and " if text else ""
            counts[f"{whom}{flag.name} == 'Y'"] = (events, events)
            if text:
                counts[text] = (patients, patients)
    model = categorical.model(
        paper,
        flags=[categorical.Flag(flag.name) for flag in own],
        counts=counts,
        always=times.rules(asked, own),
    )
    variables = dict(model.asked.variables)
    names = [*grouping(asked, variables), *asked.paper.reconstruct.filled.values()]
    again = None
    if asked.paper.reconstruct.filled:
        # Ties together by what the times are grouped, so that counts of them can be asked.
        some = [(name, _some_value(variables[name])) for name in names]
        together = " and ".join(f"{name} == {value!r}" for name, value in some)
        again = categorical.model(paper, counts={together: (0, model.asked.size())})
    return Plan(asked, tuple(flags), model, again, variables)


def _some_value(variable: Variable) -> object:
    return variable.minimum if variable.is_number else next(iter(variable.values))


@dataclass(frozen=True, eq=False)
class Start:
    """A cohort with every printed number, from which members wander off; make it with `start`.

    Attributes
    ----------
    patients : pandas.DataFrame
        The categorical part, with the flags.
    begun : dict of str to numpy.ndarray
        The histories, as `helpers.reconstruct.times.start` returns them.
    arrays : dict of str to numpy.ndarray
        `helpers.reconstruct.times.Problem.arrays`.
    """

    patients: pd.DataFrame
    begun: Arrays
    arrays: Arrays


def start(prepared: Plan, seed: int | Sequence[int]) -> Start:
    """Search for a cohort with every printed number.

    Parameters
    ----------
    prepared : Plan
        What all members have in common.
    seed : int or sequence of int
        The same seed gives the same cohort.

    Returns
    -------
    Start

    Raises
    ------
    KitError
        If the search did not find one.
    """
    for number in range(ATTEMPTS):
        if found := attempt(prepared, seed, number):
            return found
    raise not_found(prepared.asked.paper.id)


def attempt(prepared: Plan, seed: int | Sequence[int], number: int) -> Start | None:
    """Make one of the attempts of a search; they don't depend on one another.

    Parameters
    ----------
    prepared : Plan
        What all members have in common.
    seed : int or sequence of int
        Of the search.
    number : int
        Which attempt, from 0; `start` takes the first that finds a cohort.

    Returns
    -------
    Start or None
        None if it found no cohort with every printed number.
    """
    rng = np.random.default_rng([*np.atleast_1d(seed), number])
    patients = categorical.solve(prepared.model, seed=int(rng.integers(2**31)))
    drawn = times.problem(prepared.asked, patients, prepared.flags, prepared.variables)
    begun = times.start(prepared.asked, patients, drawn, rng)
    # Where the patients say who has had an event by when, one start is much like another.
    short = not prepared.flags and number % _LONG_EVERY > 0
    if _found(rng, begun, drawn.arrays, short=short) > _NEAR:
        return None
    with suppress(KitError):  # nobody could have died or relapsed so, by the printed counts
        told(prepared, patients, times.histories(begun["day"]), rng)
        return Start(patients, begun, drawn.arrays)
    return None


def not_found(paper: str) -> KitError:
    """Return the error of a search that was given up.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    KitError
    """
    return KitError(
        f"no cohort with every printed number found in {ATTEMPTS} attempts",
        where=paper,
        right="another seed, or numbers that don't exclude each other",
    )


def leap(prepared: Plan, begun: Start, seed: int | Sequence[int]) -> Start:
    """Leap from one cohort with every printed number to another: sooner than to search anew.

    Parameters
    ----------
    prepared : Plan
        What all members have in common.
    begun : Start
        From where; it stays as it is.
    seed : int or sequence of int
        The same seed and start give the same cohort.

    Returns
    -------
    Start
        Of the same patients by what the times are grouped, with other times; where no leap
        succeeds, `begun` itself, from which members still wander off.
    """
    rng = np.random.default_rng([*np.atleast_1d(seed), ATTEMPTS + 1])
    for _ in range(_LEAPS):
        own = begun.begun | {"day": begun.begun["day"].copy()}
        if not apart.leap(rng, own, begun.arrays):
            continue
        with suppress(KitError):  # nobody could have died or relapsed so, by the printed counts
            told(prepared, begun.patients, times.histories(own["day"]), rng)
            return Start(begun.patients, own, begun.arrays)
    return begun


def begin(prepared: Plan, member: pd.DataFrame) -> Start:
    """Make a stored cohort ready to be searched from.

    Parameters
    ----------
    prepared : Plan
        What all members have in common.
    member : pandas.DataFrame
        One member of its ensemble.

    Returns
    -------
    Start

    Raises
    ------
    KitError
        If the cohort lacks a published number.
    """
    history = [name for name in times.NAMES.values() if name in member]
    told = member.reset_index(drop=True)
    patients = told.drop(columns=["member", *history])
    rng = np.random.default_rng(0)
    own = [flag for flag in prepared.flags if flag.counts]
    day = np.full((len(patients), search.COLUMNS), search.NEVER, np.int64)
    day[:, search.TREATMENT] = 0
    for column, name in times.NAMES.items():
        if name in history:
            known = told[name].notna().to_numpy()
            day[known, column] = np.rint(told.loc[known, name].astype(float) * DAYS_PER_MONTH)
    patients = patients.assign(**{flag.name: "N" for flag in own})
    arrays = times.problem(prepared.asked, patients, prepared.flags, prepared.variables).arrays
    defined = (arrays[name] for name in ("origin", "events", "competing", "censors", "cut"))
    time, code, _ = search.observed(day, *defined)
    names = [flag.name for flag in prepared.flags]
    for flag in own:
        e = arrays["flag_endpoint"][names.index(flag.name)]
        had = (time[e] >= 0) & (time[e] <= flag.day) & (code[e] == 1)
        patients[flag.name] = np.where(had, "Y", "N")
    drawn = times.problem(prepared.asked, patients, prepared.flags, prepared.variables)
    begun = times.start(prepared.asked, patients, drawn, rng) | {"day": day}
    if not apart.kept(rng, begun, drawn.arrays):
        raise KitError(
            "a stored cohort lacks a published number",
            where=f"data/{prepared.asked.paper.id}/cohorts.parquet",
            right=f"python -m helpers reconstruct {prepared.asked.paper.id}",
        )
    return Start(patients, begun, drawn.arrays)


def member(prepared: Plan, seed: int | Sequence[int], begun: Start | None = None) -> pd.DataFrame:
    """Make one member: wander off from a cohort that has every printed number.

    Parameters
    ----------
    prepared : Plan
        What all members have in common.
    seed : int or sequence of int
        The same seed and start give the same member.
    begun : Start, optional
        Where to begin; it stays as it is. If not given, one is searched for from the same seed.

    Returns
    -------
    pandas.DataFrame
        A row per patient: ``USUBJID``, the paper's variables and the event history in months
        from the start of treatment (``RSPM, NRSPM, RLPM, HSCTM, DTHM, LSTALVM``).

    Raises
    ------
    KitError
        If the search did not find one.
    """
    begun = begun or start(prepared, seed)
    rng = np.random.default_rng([*np.atleast_1d(seed), ATTEMPTS])
    own = begun.begun | {"day": begun.begun["day"].copy()}
    for _ in range(_DEALS):
        apart.push(rng, own, begun.arrays, steps=_STEPS_APART)
        combine.wander(rng, own, begun.arrays, steps=_STEPS_APART)
        _date_transplants(rng, own, begun.arrays)
        with suppress(KitError):  # nobody could have died or relapsed so, by the printed counts
            return told(prepared, begun.patients, times.histories(own["day"]), rng)
    return told(prepared, begun.patients, times.histories(begun.begun["day"]), rng)


def _date_transplants(rng: np.random.Generator, begun: Arrays, arrays: Arrays) -> None:
    """Draw the days of transplant anew where no endpoint asks for them, so nothing moved them."""
    told = (arrays["origin"], arrays["events"], arrays["competing"], arrays["censors"])
    if search.TRANSPLANT in search.movables(*told):
        return
    day, least, most, must = (begun[name] for name in ("day", "least", "most", "must"))
    for i in np.flatnonzero(day[:, search.TRANSPLANT] < search.NEVER):
        was = day[i, search.TRANSPLANT]
        latest = min(most[search.TRANSPLANT], day[i, search.LAST])
        for to in rng.integers(least[search.TRANSPLANT], latest + 1, _DAYS_TRIED):
            day[i, search.TRANSPLANT] = to
            if search.allowed(day, i, least, most, must):
                break
        else:
            day[i, search.TRANSPLANT] = was


def _found(
    rng: np.random.Generator, begun: Arrays, arrays: Arrays, *, short: bool = False
) -> float:
    """Search for histories with every printed number; return how far off they are still."""
    if len(arrays["test_kind"]) >= _MANY_TESTS:
        return _found_in_turn(rng, begun, arrays)
    energy = np.inf
    for steps, hot, cold in _SHORT if short else _SCHEDULE:
        energy, _ = search.anneal(
            rng, **begun, **arrays, n_steps=steps, hot=hot, cold=cold, stop_at=_NEAR
        )
        if energy <= _NEAR or energy > _HOPELESS:
            break
    return float(energy)


def _found_in_turn(rng: np.random.Generator, begun: Arrays, arrays: Arrays) -> float:
    """Search for the curves with the tests near, then for the tests: these hinder one another."""
    steps, hot, cold = _TESTS_ALONE
    own = begun | {"day": begun["day"].copy()}
    counted = _asking(arrays, arrays["targets"][:, 0] == search.EVENTS)
    energy, _ = search.anneal(
        rng, **own, **counted, n_steps=steps, hot=hot, cold=cold, stop_at=_NEAR
    )
    if energy > _HOPELESS_TESTS:
        return float(energy)  # these patients can't have those tests, whatever their curves

    def cooled(steps: int, hot: float, cold: float, soft: float) -> float:
        bounds = arrays["test_bounds"].copy()
        bounds[:, 3] *= soft
        weighed = arrays | {"test_bounds": bounds}
        left, _ = search.anneal(
            rng, **own, **weighed, n_steps=steps, hot=hot, cold=cold, stop_at=_NEAR
        )
        return float(left)

    own["day"][:] = begun["day"]
    for stage in _TOWARDS:
        energy = cooled(*stage)
    if energy > _HOPELESS_TOWARDS:
        return float(energy)
    before = own["day"].copy()
    hopeless = 0
    for turn in range(_TURNS):
        own["day"][:] = before
        left = cooled(*_TOWARDS_ALL[turn % len(_TOWARDS_ALL)])
        curves, tests = combine.straighten(rng, own, arrays)
        if curves > combine.CURVES_FAR or tests > combine.FARTHEST:
            hopeless += 2 if tests > _AT_ONCE * combine.FARTHEST else 1
            if hopeless >= _HOPELESS_TURNS:
                break
        elif curves == 0:
            for _ in range(_APPROACHES):
                combine.approach(rng, own, arrays)
            if combine.settle(rng, own, arrays):
                begun["day"][:] = own["day"]
                return 0.0
        energy = min(energy, left)
    return float(energy)


def _asking(arrays: Arrays, rows: NDArray[np.bool_]) -> Arrays:
    """Return the problem with some of what is asked of the curves."""
    parts = zip(arrays["first"], arrays["first"][1:], strict=False)
    sizes = np.array([rows[begin:end].sum() for begin, end in parts], np.int64)
    curves = np.flatnonzero(sizes)
    return arrays | {
        "curve_endpoint": arrays["curve_endpoint"][curves],
        "curve_mask": arrays["curve_mask"][curves],
        "first": np.cumsum([0, *sizes[curves]]),
        "targets": arrays["targets"][rows],
        "numbers": arrays["numbers"][rows],
    }


def told(
    prepared: Plan, patients: pd.DataFrame, history: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Put patients and histories together; say anew of the patients what depends on these.

    Parameters
    ----------
    prepared : Plan
        What all members have in common.
    patients : pandas.DataFrame
        The categorical part, with the flags.
    history : pandas.DataFrame
        As `helpers.reconstruct.times.histories` returns it, in the same order.
    rng : numpy.random.Generator
        The source of randomness.

    Returns
    -------
    pandas.DataFrame
        As `member` returns it.

    Raises
    ------
    KitError
        If by the printed counts nobody could have died or relapsed so.
    """
    flags = [flag.name for flag in prepared.flags if flag.counts]
    filled = prepared.asked.paper.reconstruct.filled
    if prepared.again is None:
        return pd.concat([patients.drop(columns=flags), history], axis=1)
    column = {"death": "DTHM", "relapse": "RLPM"}
    known = grouping(prepared.asked, prepared.variables)
    table = patients[[*known]].copy()
    for happening, name in filled.items():
        table[name] = np.where(history[column[happening]].notna(), "Y", "N")
        has_one = patients[name].notna()
        table[name] = table[name].where(has_one, None)
    names = list(table.columns)
    sizes = table.groupby(names, dropna=False, sort=False).size()
    fixed = {}
    for values, count in sizes.items():
        parts = zip(names, values if isinstance(values, tuple) else (values,), strict=True)
        text = " and ".join(f"{name} == {value!r}" for name, value in parts if pd.notna(value))
        fixed[text] = (int(count), int(count))
    dealt = categorical.solve(prepared.again, seed=int(rng.integers(2**31)), counts=fixed)
    # Both have the same number of patients of each kind: let them meet in order.
    order = dealt.sort_values(names, kind="stable").index
    places = table.sort_values(names, kind="stable").index
    moved = history.loc[places].set_axis(order).sort_index()
    return pd.concat([dealt, moved], axis=1)


def grouping(asked: Requirements, variables: dict[str, Variable]) -> list[str]:
    """Return the variables by which the times are grouped, but for those that they fill.

    Parameters
    ----------
    asked : Requirements
        What the printed numbers ask of the times.
    variables : dict of str to Variable
        The paper's variables and the flags.

    Returns
    -------
    list of str
        Their names, in order.
    """
    plan = asked.paper.reconstruct
    texts = {group for each in asked.asked for group in each.groups} | set(plan.history.values())
    names = {name for text in texts for name in query.parse(text, variables).names()}
    return sorted(names - set(plan.filled.values()))


_SCHEDULE = (
    (200_000, 1.0, 0.003),
    (100_000, 0.1, 0.0002),
    (100_000, 0.1, 0.0001),
)
"""Steps of the search and the heat at its start and its end; then it starts anew."""

_SHORT = ((30_000, 0.1, 0.0002),)
_LONG_EVERY = 10
"""Of so many attempts one is long. Where long ones get stuck, many starts find sooner."""

_HOPELESS = 0.3
"""Further off than this after the first round, another draw of the patients is the better way."""

_MANY_TESTS = 4
_TESTS_ALONE = (200_000, 0.3, 0.0005)
_TOWARDS = ((300_000, 1.5, 0.05, 12.0), (300_000, 0.5, 0.02, 2.0))
_TOWARDS_ALL = ((250_000, 0.15, 1e-4, 12.0), (250_000, 0.15, 1e-4, 30.0))
"""Steps, heat at the start and the end, and how much less than otherwise the tests weigh."""

_HOPELESS_TESTS, _HOPELESS_TOWARDS = 0.05, 1.6
_TURNS, _HOPELESS_TURNS, _APPROACHES = 10, 2, 2
"""Most patients aren't worth ten turns: two hopeless ones, and others are drawn."""

_AT_ONCE = 2.0
"""One turn that leaves a test so much farther off than `combine.FARTHEST` counts twice."""

_STEPS_APART = 60_000
_DEALS = 4
_LEAPS = 2
_DAYS_TRIED = 200
