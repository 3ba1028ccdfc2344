"""What a paper's numbers ask of the times of its patients.

`requirements` turns the catalogue into requirements: survival rates, medians, incidences, tests,
follow-up. `flags` says which of them are counts in disguise: a rate with an interval that
nobody's leaving can explain means so many patients with the event by then. `problem` puts it
all, for one set of patients, into the arrays of `helpers.reconstruct.search`.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import audit, catalogue, query, rounding
from helpers.audit import DAYS_PER_MONTH, inference
from helpers.audit.evidence import Book
from helpers.catalogue import Definition, Paper, PublishedNumber
from helpers.errors import DataError, KitError
from helpers.reconstruct import counts, search

_DAYS = {"days": 1.0, "day": 1.0, "weeks": 7.0, "months": DAYS_PER_MONTH, "years": 365.25}
_COLUMN = {
    "diagnosis": search.DIAGNOSIS,
    "treatment": search.TREATMENT,
    "response": search.RESPONSE,
    "no response": search.NO_RESPONSE,
    "relapse": search.RELAPSE,
    "transplant": search.TRANSPLANT,
    "death": search.DEATH,
}
NAMES = {
    search.DIAGNOSIS: "DIAGM",
    search.RESPONSE: "RSPM",
    search.NO_RESPONSE: "NRSPM",
    search.RELAPSE: "RLPM",
    search.TRANSPLANT: "HSCTM",
    search.DEATH: "DTHM",
    search.LAST: "LSTALVM",
}
_SCALES = {
    "plain": search.PLAIN,
    "log": search.LOG,
    "log-log": search.LOG_LOG,
    "arcsine": search.ARCSINE,
}
Span = tuple[float, float]
NOT_REACHED: Span = (-1.0, -1.0)


@dataclass(frozen=True)
class Requirement:
    """What one published number asks of the times.

    Attributes
    ----------
    ids : tuple of str
        The published numbers that ask it.
    kind : str
        ``landmark``, ``median``, ``incidence``, ``follow-up``, ``reverse follow-up``, ``time to
        event``, ``log-rank``, ``log-rank, the first better``, ``Fine-Gray``, ``hazard ratio`` or
        ``events``.
    endpoint : str
        The endpoint's name.
    groups : tuple of str
        The group's query, or those compared.
    at : float
        The day of a rate, of an incidence, at which a test stops; the share of a quantile.
    value, lower, upper : tuple of (float, float) or None
        Between what the value and its confidence limits must lie: shares, days, ratios;
        `NOT_REACHED` for a quantile that isn't; None where nothing is printed.
    free : int or None
        For a rate without censoring before: how many of `total` have had no event by then.
    total : int or None
        How many there are in the group.
    """

    ids: tuple[str, ...]
    kind: str
    endpoint: str
    groups: tuple[str, ...]
    at: float = 0.0
    value: Span | None = None
    lower: Span | None = None
    upper: Span | None = None
    free: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Requirements:
    """All that a paper's numbers ask of the times.

    Attributes
    ----------
    paper : Paper
        The paper.
    asked : tuple of Requirement
        The requirements, each once.
    left_out : dict of str to str
        Published numbers about times that are not required, and why.
    conf_type : str
        The scale of the confidence limits.
    level : float
        Their level.
    longest : int
        The latest possible last contact, in days from the start of treatment.
    """

    paper: Paper
    asked: tuple[Requirement, ...]
    left_out: dict[str, str]
    conf_type: str
    level: float
    longest: int


def requirements(paper: str) -> Requirements:
    """Collect what a paper's published numbers ask of the times.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    Requirements

    Raises
    ------
    DataError
        If the paper's folder has faults.
    """
    described = catalogue.load(paper)
    book = audit.book(paper)
    verdicts = audit.ledger(paper).set_index("id")
    plan = described.reconstruct
    conf_type = _scale_of(verdicts["method"].astype(str))
    found: dict[tuple[Any, ...], Requirement] = {}
    left_out: dict[str, str] = {}
    for number in book.own:
        if number.statistic not in _READERS:
            continue
        reading = plan.read_as.get(number.id)
        if number.statistic == "duration" and (reading is None or not reading.endpoint):
            continue  # of a treatment
        row = verdicts.loc[number.id]
        if number.id in plan.excluded:
            left_out[number.id] = plan.excluded[number.id]
            continue
        if row["verdict"] == "inconsistent" and reading is None:
            left_out[number.id] = f"inconsistent: {row['reason']}"
            continue
        method = str(row["method"]) if row["verdict"] == "reproduced" else ""
        made = list(_READERS[number.statistic](number, book, described, method))
        if not made:
            left_out[number.id] = "not about times, or not enough is printed to recompute it"
        for each in made:
            key = (each.kind, each.endpoint, each.groups, each.at, each.value, each.lower)
            known = found.get(key)
            ids = (*known.ids, *each.ids) if known else each.ids
            found[key] = Requirement(**{**each.__dict__, "ids": ids})
    for each in _numbers_of(paper, described):
        found[each.kind, each.endpoint, each.groups] = each
    levels = {n.level for n in book.own if n.level and n.statistic in _READERS}
    return Requirements(
        described,
        tuple(found.values()),
        left_out,
        conf_type,
        max(levels, default=0.95),
        _longest(book, found.values()),
    )


def _numbers_of(paper: str, described: Paper) -> Iterator[Requirement]:
    """Yield how many of a group have died or relapsed, where the search decides who."""
    for happening, variable in described.reconstruct.filled.items():
        for each in counts.constraints(paper).counts:
            parts = query.conditions(each.query.text)
            rest = [part for part in parts if part != f"{variable} == 'Y'"]
            group = query.joined(rest)
            names = query.parse(group, described.variables).names()
            hang_on_it = any(described.variables[name].only_if for name in names)
            filled = set(described.reconstruct.filled.values())
            if len(rest) == len(parts) or names & filled or hang_on_it:
                continue
            yield Requirement(
                each.sources,
                "events",
                f"{happening} alone",
                (group,),
                at=1e8,
                value=(each.least - 0.1, each.most + 0.1),
            )


def _query(group: str, definition: Definition | None, described: Paper, read_as: str = "") -> str:
    """Return the query of a group's patients who are in an endpoint's population."""
    population = read_as or (definition.population if definition else "")
    members = described.groups.get(group, "")
    return query.joined([*query.conditions(members), *query.conditions(population)])


def _endpoint(quantity: str, described: Paper) -> str:
    names = [name for name in described.endpoints if quantity.startswith(f"{name}_")]
    return max(names, key=len, default="")


def _span(text: str | None, factor: float, *, twice: bool = False) -> Span | None:
    digits = rounding.read(text or "")
    if digits is None:
        return None
    lo, hi = rounding.span(digits)
    if twice and digits.relation == "=":
        # Rounded up first to one digit more, then once more; down it changes nothing.
        lo -= (hi - lo) / 20
    # Halves are rounded up by some programs and to even by others: an end belongs to it if either
    # gives the digits. 46.75 isn't printed 46.7, 46.85 may be 46.8.
    slack = 1e-9 * max(1.0, abs(float(digits.number)))
    lo -= slack if twice or rounding.agrees(lo, digits.text) else -slack
    hi += slack if rounding.agrees(hi, digits.text) else -slack
    return lo * factor, hi * factor


def _reached(text: str | None, factor: float) -> Span | None:
    """Read a time, or that there is none; None where nothing is printed."""
    if not text or not text.strip():
        return None
    span = _span(text, factor)
    return (max(span[0], 0.0), span[1]) if span else NOT_REACHED


def _group(number: PublishedNumber, described: Paper, definition: Definition) -> str:
    reading = described.reconstruct.read_as.get(number.id)
    if reading is not None and reading.group:
        return described.groups[reading.group]
    population = described.reconstruct.populations.get(
        _endpoint(number.quantity, described), definition.population
    )
    return _query(number.group, definition, described, population)


def _rates(
    number: PublishedNumber, book: Book, described: Paper, method: str
) -> Iterator[Requirement]:
    name = _endpoint(number.quantity, described)
    months = re.search(r"_(\d+)m$", number.quantity)
    if not name or not months or not number.value:
        return
    definition = described.endpoints[name]
    incidence = number.statistic == "cumulative_incidence_ci"
    free = total = None
    if not incidence and number.lower:
        reading = described.reconstruct.read_as.get(number.id)
        others = name in described.reconstruct.populations or bool(reading and reading.group)
        free, total = _count_behind(number, book, others=others)
    twice = incidence or "rounded twice" in method
    yield Requirement(
        (number.id,),
        "incidence" if incidence else "landmark",
        name,
        (_group(number, described, definition),),
        at=float(months[1]) * DAYS_PER_MONTH,
        value=_span(number.value, 0.01),
        lower=_span(number.lower, 0.01, twice=twice),
        upper=_span(number.upper, 0.01, twice=twice),
        free=free,
        total=total,
    )


def _count_behind(
    number: PublishedNumber, book: Book, *, others: bool
) -> tuple[int | None, int | None]:
    """Return the patients free of the event, and all, if no loss before shows.

    Another denominator than the printed one is looked for only where the rate is read as one of
    other patients: some count over some number fits many a rate by chance.
    """
    own = book.total(number)
    expected, _ = inference.at_start(number, book)
    sizes = book.sizes.get(number.group, set())
    for size in dict.fromkeys(each for each in (own, expected) if each):
        for count in inference.counts_behind(number, size):
            return count, size
    if own and (others or own not in sizes):
        for count, size in inference.denominators(number, own):
            return count, size
    return None, None


def _medians(
    number: PublishedNumber, book: Book, described: Paper, method: str
) -> Iterator[Requirement]:
    factor = _DAYS.get(number.unit or "months", DAYS_PER_MONTH)
    if number.quantity == "follow_up":
        return
    name = _endpoint(number.quantity, described)
    if not name or not number.quantity.endswith("_median"):
        return
    definition = described.endpoints[name]
    yield Requirement(
        (number.id,),
        "median",
        name,
        (_group(number, described, definition),),
        at=0.5,
        value=_reached(number.value or "NR", factor),
        lower=_reached(number.lower, factor),
        upper=_reached(number.upper, factor),
    )


def _quantiles(
    number: PublishedNumber, book: Book, described: Paper, method: str
) -> Iterator[Requirement]:
    factor = _DAYS.get(number.unit or "months", DAYS_PER_MONTH)
    reading = described.reconstruct.read_as.get(number.id)
    if number.quantity != "follow_up" and (reading is None or not reading.endpoint):
        return
    name = (reading.endpoint if reading else "") or "os"
    if name not in described.endpoints:
        return
    usual = "follow-up" if number.quantity == "follow_up" else "time to event"
    kind = str(reading.method) if reading and reading.method else usual
    definition = described.endpoints[name]
    group = _group(number, described, definition)
    if kind == "time to event":
        # Whoever has no event has no time; the query may not ask for the event itself.
        group = described.groups.get(reading.group, group) if reading else group
    ends = _ENDS.get(number.statistic, ())
    texts = (number.value, number.lower, number.upper)
    for share, text in zip((0.5, *ends), texts, strict=False):  # a duration has no ends
        span = _span(text, factor)
        if span:
            # A reversed curve has a median; its range is that of the observed times.
            of = "follow-up" if kind == "reverse follow-up" and share in (0.0, 1.0) else kind
            yield Requirement((number.id,), of, name, (group,), at=share, value=span)


def _tests(
    number: PublishedNumber, book: Book, described: Paper, method: str
) -> Iterator[Requirement]:
    digits = rounding.read(number.value or "")
    related = [book.by_id[word] for word in number.relates_to if word != "|"]
    timed = [each for each in related if each.statistic in _TIMED]
    if digits is None or len(timed) < 2 or len(timed) != len(related):
        return
    names = {_endpoint(each.quantity, described) for each in timed}
    if len(names) != 1 or not (name := names.pop()):
        return
    if method:
        return  # the counts alone give it
    definition = described.endpoints[name]
    reading = described.reconstruct.read_as.get(number.id)
    until = math.inf
    if reading is not None and reading.until_months:
        until = math.floor(reading.until_months * DAYS_PER_MONTH)
    groups = tuple(dict.fromkeys(_group(each, described, definition) for each in timed))
    lo, hi = rounding.span(digits)
    slack = 1e-9
    kind = "Fine-Gray" if definition.competing else "log-rank"
    if reading is not None and reading.better:
        better = [_group(t, described, definition) for t in timed if t.group == reading.better]
        if not better or len(groups) != 2 or definition.competing:
            raise DataError(
                f"{reading.better!r} is not one of two groups that a log-rank test compares",
                where=f"data/{described.id}/paper.toml, reconstruct.read_as.{number.id}, better",
                right=" or ".join(dict.fromkeys(each.group for each in timed)),
            )
        groups = (*better, *(group for group in groups if group not in better))
        kind = "log-rank, the first better"
    yield Requirement(
        (number.id,),
        kind,
        name,
        groups,
        at=until,
        value=(_root_of_chi2(hi - slack, len(groups)), _root_of_chi2(lo + slack, len(groups))),
    )


def _root_of_chi2(p: float, groups: int) -> float:
    from scipy.stats import chi2

    if p <= 0:
        return math.inf
    return math.sqrt(float(chi2.isf(min(p, 1.0), groups - 1)))


def _ratios(
    number: PublishedNumber, book: Book, described: Paper, method: str
) -> Iterator[Requirement]:
    related = [book.by_id[word] for word in number.relates_to if word != "|"]
    timed = [each for each in related if each.statistic in _TIMED]
    if len(timed) != 2 or not number.value:
        return
    name = _endpoint(timed[0].quantity, described)
    if not name:
        return
    definition = described.endpoints[name]

    def log_span(text: str | None) -> Span | None:
        span = _span(text, 1.0)
        return (math.log(max(span[0], 1e-9)), math.log(span[1])) if span else None

    yield Requirement(
        (number.id,),
        "hazard ratio",
        name,
        tuple(_group(each, described, definition) for each in timed),
        at=math.inf,
        value=log_span(number.value),
        lower=log_span(number.lower),
        upper=log_span(number.upper),
    )


_ENDS: dict[str, tuple[float, ...]] = {"median_iqr": (0.25, 0.75), "median_range": (0.0, 1.0)}
_TIMED = ("survival_ci", "cumulative_incidence_ci", "median_time_ci")
_READERS = {
    "survival_ci": _rates,
    "cumulative_incidence_ci": _rates,
    "median_time_ci": _medians,
    "median_iqr": _quantiles,
    "median_range": _quantiles,
    "duration": _quantiles,
    "p_value": _tests,
    "hazard_ratio_ci": _ratios,
}


def _scale_of(methods: pd.Series) -> str:
    counts = {name: int(methods.str.contains(f", {name} interval").sum()) for name in _SCALES}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else "log-log"


def _longest(book: Book, asked: Iterable[Requirement]) -> int:
    """Return the days from the first enrolment to the cut-off, or what is surely longer."""
    dates = {
        each.quantity: each.value for each in book.own if each.statistic == "date" and each.value
    }
    start = next((dates[name] for name in _STARTS if name in dates), None)
    cut = dates.get("data_cutoff")
    if start and cut:
        first = pd.Period(start).start_time
        return int((pd.Period(cut).end_time - first).days)
    asked = list(asked)
    ends = [
        each.value[1]
        for each in asked
        if each.kind == "follow-up" and each.at == 1.0 and each.value and each.groups == ("",)
    ]
    if ends:
        return int(min(ends))  # nobody was followed longer
    times = [
        span[1]
        for each in asked
        if each.kind in _TIMES
        for span in (each.value, each.upper)
        if span
    ]
    times += [each.at for each in asked if each.kind in ("landmark", "incidence")]
    return int(5 * max([t for t in times if math.isfinite(t)], default=2000.0))


_TIMES = ("median", "follow-up", "reverse follow-up", "time to event")


_STARTS = ("enrolment_start", "treatment_start")


@dataclass(frozen=True)
class Flag:
    """An event by a day, as the categorical part decides it.

    Attributes
    ----------
    name : str
        Of the yes/no variable; one of the paper's own if `counts` is empty.
    endpoint : str
        The endpoint.
    day : int
        By when.
    counts : tuple of (str, int, int)
        Query of a group, how many of it have had the event, how many there are.
    lost : bool
        Whether patients may be lost before that day.
    """

    name: str
    endpoint: str
    day: int
    counts: tuple[tuple[str, int, int], ...] = ()
    lost: bool = False


def flags(asked: Requirements) -> list[Flag]:
    """Return the events by a day that the printed rates fix as counts.

    Parameters
    ----------
    asked : Requirements
        What is asked of the times.

    Returns
    -------
    list of Flag
    """
    found: dict[tuple[str, int], list[tuple[str, int, int]]] = {}
    rates = [e for e in asked.asked if e.kind == "landmark" and e.total and e.free is not None]
    # A later rate that equals an earlier one says that nothing happened in between, not that
    # nobody was lost.
    earliest = {
        (e.endpoint, e.groups[0]): min(
            other.at
            for other in rates
            if (other.endpoint, other.groups[0]) == (e.endpoint, e.groups[0])
        )
        for e in rates
    }
    rates = [e for e in rates if earliest[e.endpoint, e.groups[0]] == e.at]
    sizes = {(each.groups[0], each.at): each.total for each in rates}
    for each in rates:
        assert each.total is not None
        assert each.free is not None
        found.setdefault((each.endpoint, int(each.at)), []).append(
            (each.groups[0], each.total - each.free, each.total)
        )
    for each in asked.asked:
        total = sizes.get((each.groups[0], each.at)) if each.kind == "incidence" else None
        if total and each.value:
            lo, hi = each.value
            counts = [count for count in range(total + 1) if lo <= count / total <= hi]
            if len(counts) == 1:
                found.setdefault((each.endpoint, int(each.at)), []).append(
                    (each.groups[0], counts[0], total)
                )
    told = [
        Flag(name, endpoint, day)
        for name, (endpoint, day) in asked.paper.reconstruct.by_day.items()
    ]
    # Whoever is lost after the last event leaves the rate and its interval as they are.
    complete = asked.paper.reconstruct.complete_months * DAYS_PER_MONTH
    exact = [
        Flag(
            f"{endpoint.upper()}D{day}FL",
            endpoint,
            day,
            tuple(dict.fromkeys(counts)),
            lost=day > complete,
        )
        for (endpoint, day), counts in sorted(found.items())
    ]
    return told + exact + _later(asked, exact)


def _later(asked: Requirements, exact: Sequence[Flag]) -> list[Flag]:
    """Return the events by a later day, where a later rate leaves one number of them only."""
    z = -NormalDist().inv_cdf((1 - asked.level) / 2)
    found: dict[tuple[str, int], list[tuple[str, int, int]]] = {}
    for each in asked.asked:
        if each.kind != "landmark" or not (each.value and each.lower and each.upper):
            continue
        for flag in exact:
            for group, events, total in flag.counts:
                free = total - events
                here = (flag.endpoint, group) == (each.endpoint, each.groups[0])
                # More at risk can be combined in too many ways to try.
                if not here or int(each.at) <= flag.day or not 0 < free <= _FEW:
                    continue
                possible = search.late_events(
                    free, total, each.value, each.lower, each.upper, z, _SCALES[asked.conf_type]
                )
                if possible.sum() == 1:
                    found.setdefault((each.endpoint, int(each.at)), []).append(
                        (group, events + int(np.argmax(possible)), total)
                    )
    return [
        Flag(f"{endpoint.upper()}D{day}LATERFL", endpoint, day, tuple(counts), lost=True)
        for (endpoint, day), counts in sorted(found.items())
    ]


_FEW = 30


def rules(asked: Requirements, chosen: Sequence[Flag]) -> list[str]:
    """Return what holds between flags by the definitions of their endpoints.

    Parameters
    ----------
    asked : Requirements
        What is asked of the times.
    chosen : sequence of Flag
        The flags.

    Returns
    -------
    list of str
        Queries over the paper's variables and the flags that are false for nobody.
    """
    plan = asked.paper.reconstruct
    happened = {str(name): f"{variable} == 'Y'" for name, variable in plan.filled.items()}
    happened |= {str(name): text for name, text in plan.history.items()}
    found: list[str] = []
    for flag in chosen:
        definition = asked.paper.endpoints[flag.endpoint]
        known = [_by_then(event, flag, asked, chosen, happened) for event in definition.events]
        if all(known):
            any_of = " or ".join(f"({each})" for each in known)
            found.append(f"{flag.name} == 'N' or {any_of}")
        if "no response" in definition.events and "no response" in happened:
            found.append(f"not ({happened['no response']}) or {flag.name} == 'Y'")
        if definition.origin == "response" and "response" in happened:
            found.append(f"{flag.name} == 'N' or ({happened['response']})")
        found += _if_at_all(flag, asked, chosen, happened)
    for one, other in itertools.permutations(chosen, 2):
        first, second = (asked.paper.endpoints[each.endpoint] for each in (one, other))
        only = set(first.events) - {"no response"}
        if not only <= set(second.events) or one.day > other.day:
            continue
        if first.competing and not set(first.competing) <= set(second.events):
            continue
        implied = f"{one.name} == 'N' or {other.name} == 'Y'"
        if first.origin == second.origin and set(first.events) <= set(second.events):
            found.append(implied)
        elif (first.origin, second.origin) == ("treatment", "response"):
            # The later clock gives the event more time; who fails to respond has none.
            if "response" not in happened:
                continue
            excused = f"not ({happened['response']})"
            if "no response" in first.events and "no response" in happened:
                excused += f" or ({happened['no response']})"
            found.append(f"{implied} or {excused}")
    return list(dict.fromkeys(found))


def _if_at_all(
    flag: Flag, asked: Requirements, chosen: Sequence[Flag], happened: Mapping[str, str]
) -> Iterator[str]:
    """Yield what follows from an event's happening: by when at the latest, and what not before."""
    plan, endpoints = asked.paper.reconstruct, asked.paper.endpoints
    definition = endpoints[flag.endpoint]
    for event in plan.filled:
        if event not in definition.events:
            continue
        last = plan.days.get(event, (0, asked.longest))[1]
        if definition.origin == "treatment" and last <= flag.day:
            yield f"not ({happened[event]}) or {flag.name} == 'Y'"
        if definition.events != (event,) or event == "death":
            continue
        # Who has it later lived until then, on any clock that began no later.
        for other in chosen:
            earlier = endpoints[other.endpoint]
            if other.day > flag.day or not set(earlier.events) <= {event, "death", "no response"}:
                continue
            if "no response" in earlier.events and "no response" not in happened:
                continue
            excused = f" or ({happened['no response']})" if "no response" in earlier.events else ""
            if other is not flag and (earlier.origin, definition.origin) in _NO_LATER:
                yield (
                    f"not ({happened[event]}) or {flag.name} == 'Y' or {other.name} == 'N'{excused}"
                )


_NO_LATER = {(a, b) for a in ("treatment", "response") for b in ("response", a)}
"""Origins of which the first is never the later one."""


def _by_then(
    event: str,
    flag: Flag,
    asked: Requirements,
    chosen: Sequence[Flag],
    happened: Mapping[str, str],
) -> str:
    """Return the query of those to whom an event happened by a flag's day, or may have."""
    later = ("diagnosis", "treatment", "response")
    origin = asked.paper.endpoints[flag.endpoint].origin
    for other in chosen:
        definition = asked.paper.endpoints[other.endpoint]
        # Counted from the same moment or a later one, the same day comes no earlier.
        if (
            other.day >= flag.day
            and other.counts
            and definition.events == (event,)
            and later.index(definition.origin) >= later.index(origin)
            and other is not flag
        ):
            return f"{other.name} == 'Y'"
    return happened.get(event, "")


@dataclass(frozen=True, eq=False)
class Problem:
    """A search problem for one set of patients: the arrays of `helpers.reconstruct.search`.

    Attributes
    ----------
    arrays : dict of str to numpy.ndarray
        By the names of the parameters of `helpers.reconstruct.search.anneal`.
    """

    arrays: dict[str, Any] = field(default_factory=dict)


def problem(
    asked: Requirements,
    patients: pd.DataFrame,
    chosen: Sequence[Flag],
    variables: Mapping[str, catalogue.Variable],
) -> Problem:
    """Put requirements and patients into arrays.

    Parameters
    ----------
    asked : Requirements
        What is asked of the times.
    patients : pandas.DataFrame
        One row per patient: the paper's variables, and the flags as Y or N.
    chosen : sequence of Flag
        The flags.
    variables : mapping of str to Variable
        The paper's variables and the flags.

    Returns
    -------
    Problem
    """
    endpoints = asked.paper.endpoints | _ALONE
    names = list(endpoints)
    definitions = [endpoints[name] for name in names]
    n = len(patients)
    queries = list(dict.fromkeys(group for each in asked.asked for group in each.groups))
    masks = np.array(
        [query.parse(text, variables).mask(patients).to_numpy(bool) for text in queries]
    ).reshape(len(queries), n)
    of_query = {text: i for i, text in enumerate(queries)}

    def bits(events: Iterable[str]) -> int:
        return sum(1 << _COLUMN[event] for event in events)

    curves: dict[tuple[int, int], list[tuple[list[int], list[float]]]] = {}
    tests: list[tuple[int, int, list[int], list[float]]] = []
    first_only = search.FIRST if asked.paper.reconstruct.median_rule == "first" else 0
    scale = _SCALES[asked.conf_type] + first_only
    z = -NormalDist().inv_cdf((1 - asked.level) / 2)
    for each in asked.asked:
        e = names.index(each.endpoint)
        members = [of_query[group] for group in each.groups]
        if each.kind in _TESTS or each.kind == "hazard ratio":
            for kind, span, unit in _tested(each):
                until = z if kind >= search.HAZARD_RATIO else min(each.at, 1e9)
                tests.append((kind, e, members, [until, *span, unit]))
            continue
        rows = [
            ([kind, scale], [each.at, *span, unit])
            for kind, span, unit in _read(each)
            if not _flagged(each, kind, chosen)
        ]
        if rows:
            curves.setdefault((e, members[0]), []).extend(rows)
    tests.sort(key=lambda test: test[0] == search.FINE_GRAY)  # the slowest come last
    keys = list(curves)
    rows = [row for key in keys for row in curves[key]]
    first = np.cumsum([0, *(len(curves[key]) for key in keys)])
    compared = np.zeros((len(tests), 8), np.int64)
    for i, (_, _, groups, _) in enumerate(tests):
        compared[i, : len(groups)] = groups
    never = search.NEVER
    flags_of = np.full((len(chosen), n), -1, np.int64)
    for i, flag in enumerate(chosen):
        observed = np.full(n, not flag.counts)
        for text, _, _ in flag.counts:
            observed |= query.parse(text, variables).mask(patients).to_numpy(bool)
        flags_of[i] = np.where(observed, (patients[flag.name] == "Y").to_numpy(), -1)
    arrays = {
        "origin": np.array([_COLUMN[d.origin] for d in definitions], np.int64),
        "events": np.array([bits(d.events) for d in definitions], np.int64),
        "competing": np.array([bits(d.competing) for d in definitions], np.int64),
        "censors": np.array([bits(d.censor_at) for d in definitions], np.int64),
        "cut": np.array(
            [
                never if d.cutoff_months is None else int(d.cutoff_months * DAYS_PER_MONTH)
                for d in definitions
            ],
            np.int64,
        ),
        "flag_endpoint": np.array([names.index(f.endpoint) for f in chosen], np.int64),
        "flag_day": np.array([f.day for f in chosen], np.int64),
        "flag_lost": np.array([f.lost for f in chosen], np.bool_),
        "flags": flags_of,
        "masks": masks,
        "curve_endpoint": np.array([e for e, _ in keys], np.int64),
        "curve_mask": np.array([m for _, m in keys], np.int64),
        "first": first.astype(np.int64),
        "targets": np.array([row[0] for row in rows], np.int64).reshape(len(rows), 2),
        "numbers": np.array([row[1] for row in rows], np.float64).reshape(len(rows), 4),
        "test_kind": np.array([t[0] for t in tests], np.int64),
        "test_endpoint": np.array([t[1] for t in tests], np.int64),
        "test_members": compared,
        "test_size": np.array([len(t[2]) for t in tests], np.int64),
        "test_bounds": np.array([t[3] for t in tests], np.float64).reshape(len(tests), 4),
        "z": z,
    }
    return Problem(arrays)


def _flagged(each: Requirement, kind: int, chosen: Sequence[Flag]) -> bool:
    """Say whether the flags alone see to what is asked: so many events by then, nobody lost."""
    if kind > search.LANDMARK_UPPER and kind != search.INCIDENCE:
        return False
    counted = {
        group: 1 - events / patients
        for flag in chosen
        if (flag.endpoint, flag.day) == (each.endpoint, int(each.at)) and not flag.lost
        for group, events, patients in flag.counts
    }
    rate = counted.get(each.groups[0])
    if rate is None or each.value is None:
        return False
    if each.kind == "incidence":
        rate = 1 - rate
    return each.value[0] <= rate <= each.value[1]


_ALONE = {
    "death alone": Definition(label="death", origin="treatment", events=("death",)),
    "relapse alone": Definition(label="relapse", origin="response", events=("relapse",)),
}
"""What is counted as such, whatever the endpoints of the paper."""

# How far off each counts as one. A test is a sum over all patients: if it were as steep as a count,
# the search would settle all tests before the patients who must die late are found.
_UNITS = {
    "landmark": 0.04,
    "incidence": 0.02,
    "median": 192.0,
    "follow-up": 48.0,
    "reverse follow-up": 48.0,
    "time to event": 192.0,
    "events": 0.4,
    "test": 0.4,
    "ratio": 0.25,
}
_TESTS = {
    "log-rank": search.LOG_RANK,
    "log-rank, the first better": search.FIRST_BETTER,
    "Fine-Gray": search.FINE_GRAY,
}


def _tested(each: Requirement) -> Iterator[tuple[int, Span, float]]:
    if each.kind in _TESTS:
        assert each.value is not None
        yield _TESTS[each.kind], each.value, _UNITS["test"]
        return
    spans = (each.value, each.lower, each.upper)
    kinds = (search.HAZARD_RATIO, search.HAZARD_RATIO_LOWER, search.HAZARD_RATIO_UPPER)
    for kind, span in zip(kinds, spans, strict=True):
        if span:
            yield kind, span, _UNITS["ratio"]


def _read(each: Requirement) -> Iterator[tuple[int, Span, float]]:
    kinds = {
        "landmark": (search.LANDMARK, search.LANDMARK_LOWER, search.LANDMARK_UPPER),
        "median": (search.QUANTILE, search.QUANTILE_LOWER, search.QUANTILE_UPPER),
        "incidence": (search.INCIDENCE, search.INCIDENCE_LOWER, search.INCIDENCE_UPPER),
    }
    single = {
        "follow-up": search.FOLLOW_UP,
        "reverse follow-up": search.REVERSE_FOLLOW_UP,
        "time to event": search.TIME_TO_EVENT,
        "events": search.EVENTS,
    }
    if each.kind in kinds:
        spans = (each.value, each.lower, each.upper)
        for kind, span in zip(kinds[each.kind], spans, strict=True):
            if span:
                yield kind, span, _UNITS[each.kind]
    elif each.value:
        yield single[each.kind], each.value, _UNITS[each.kind]


def start(
    asked: Requirements, patients: pd.DataFrame, drawn: Problem, rng: np.random.Generator
) -> dict[str, NDArray[np.int64]]:
    """Draw histories that are possible and flagged right, to begin the search with.

    Parameters
    ----------
    asked : Requirements
        What is asked of the times.
    patients : pandas.DataFrame
        As `problem` takes them.
    drawn : Problem
        The problem.
    rng : numpy.random.Generator
        The source of randomness.

    Returns
    -------
    dict of str to numpy.ndarray
        ``day, least, most, must, kin, peers, ends``, as `helpers.reconstruct.search.anneal` takes
        them.

    Raises
    ------
    KitError
        If no possible history of a patient agrees with the patient's flags.
    """
    plan, variables = asked.paper.reconstruct, asked.paper.variables
    n, never, longest = len(patients), search.NEVER, asked.longest
    has = {
        event: query.parse(text, variables).mask(patients).to_numpy(bool)
        for event, text in plan.history.items()
    }
    none = np.zeros(n, bool)
    response, failed = has.get("response", none), has.get("no response", none)
    moved = has.get("transplant", none)
    relapses = "relapse" in _used(asked)
    must = np.full((n, 2), -1, np.int64)
    if "death" in has:
        must[:, 0] = has["death"]
    if "relapse" in has:
        must[:, 1] = has["relapse"]
    elif not relapses:
        must[:, 1] = 0
    least = np.zeros(search.COLUMNS, np.int64)
    most = np.full(search.COLUMNS, longest, np.int64)
    for column, (first_day, last_day) in plan.days.items():
        least[_COLUMN[column]], most[_COLUMN[column]] = first_day, min(last_day, longest)
    a = drawn.arrays
    time, code = np.zeros((2, len(a["origin"]), n), np.int64)
    day = np.full((n, search.COLUMNS), never, np.int64)
    day[:, search.TREATMENT] = 0
    typical = _typical(asked)
    last_flag = max(
        (f for f, lost in zip(a["flag_day"], a["flag_lost"], strict=True) if not lost), default=0
    )
    horizon = int(last_flag) + int(most[search.RESPONSE]) + 1
    # A curve may rest on few patients or on many: how soon those who live are lost to follow-up
    # differs from start to start, and from group to group.
    group = np.unique(a["masks"][a["curve_mask"]].T, axis=0, return_inverse=True)[1].ravel()
    stay = np.exp(rng.uniform(np.log(_SOON), np.log(max(longest / 2, _SOON)), group.max() + 1))

    def between(low: float, high: float) -> int:
        return int(rng.integers(int(low), int(high) + 1)) if high >= low else -1

    def draw(i: int) -> bool:
        row = day[i]
        row[1:] = never
        early = rng.random() < 0.5
        dies = must[i, 0] == 1 or (must[i, 0] < 0 and rng.random() < (0.8 if early else 0.2))
        if len(a["flags"]):
            first = 1 if early else min(int(last_flag) + 1, longest)
            end = between(first, min(longest, horizon) if early else longest)
        elif early or not dies:
            end = int(min(longest, 1 + rng.exponential(typical if dies else stay[group[i]])))
        else:
            end = between(1, longest)
        row[search.LAST] = end
        if dies:
            row[search.DEATH] = end
        if failed[i]:
            row[search.NO_RESPONSE] = between(
                min(least[search.NO_RESPONSE], end), min(most[search.NO_RESPONSE], end)
            )
        soonest, latest = least[search.TRANSPLANT], most[search.TRANSPLANT]
        if moved[i] and failed[i]:
            low = max(row[search.NO_RESPONSE], soonest)
            row[search.TRANSPLANT] = between(low, min(end, latest))
        if response[i]:
            after = moved[i] and failed[i]
            low = row[search.TRANSPLANT] if after else least[search.RESPONSE]
            row[search.RESPONSE] = between(low, end if after else min(most[search.RESPONSE], end))
            if row[search.RESPONSE] < 0:
                return False
            if must[i, 1] == 1 or (must[i, 1] < 0 and rng.random() < 0.4):
                row[search.RELAPSE] = between(row[search.RESPONSE] + 1, end)
        if moved[i] and not failed[i]:
            low = max(row[search.RESPONSE] if response[i] else 0, soonest)
            row[search.TRANSPLANT] = between(low, min(end, row[search.RELAPSE], latest))
        if (row < 0).any() or not search.allowed(day, i, least, most, must):
            return False
        search.observe(
            day, a["origin"], a["events"], a["competing"], a["censors"], a["cut"], time, code, i
        )
        return bool(
            search.as_flagged(
                i, time, code, a["flag_endpoint"], a["flag_day"], a["flag_lost"], a["flags"]
            )
        )

    for i in range(n):
        if not any(draw(i) for _ in range(20_000)):
            raise KitError(
                f"patient {patients['USUBJID'].iloc[i]} can't have had each event by the day by "
                "which the printed rates say so",
                where=asked.paper.id,
                right="wider bounds in [reconstruct.days], or other flags",
            )
    happened = pd.DataFrame(has)
    kept = np.flatnonzero(~a["flag_lost"])
    flagged = pd.DataFrame({f"flag {i}": a["flags"][i] for i in kept})
    flagged["all"] = np.zeros(n, np.int64)
    # Curves that aren't settled by the flags: who is in the same ones can change places freely.
    until = np.floor(search.horizons(a["first"], a["targets"], a["numbers"]))
    open_ = a["curve_mask"][until > last_flag]
    groups = pd.DataFrame({f"group {m}": a["masks"][m] for m in dict.fromkeys(open_)})

    def alike(*tables: pd.DataFrame) -> NDArray[np.int64]:
        both = pd.concat(tables, axis=1)
        numbers: NDArray[np.int64] = both.groupby(list(both), sort=False).ngroup().to_numpy()
        return numbers

    return {
        "day": day,
        "least": least,
        "most": most,
        "must": must,
        "kin": np.array([alike(flagged, happened, groups), alike(flagged, happened)]),
        "peers": np.array([alike(flagged, groups), alike(flagged)]),
        "ends": np.array([alike(groups), np.zeros(n, np.int64)]),
    }


_SOON = 30.0
"""Days: sooner than this, on average, nobody's follow-up is taken to end."""


def _used(asked: Requirements) -> set[str]:
    endpoints = asked.paper.endpoints | _ALONE
    return {event for each in asked.asked for event in endpoints[each.endpoint].events}


def _typical(asked: Requirements) -> float:
    """Return a time in days around which deaths may be drawn: the mean of the printed medians."""
    times = [e.value[1] for e in asked.asked if e.kind == "median" and e.value and e.value[0] > 0]
    return float(np.mean(times)) if times else asked.longest / 2


def histories(day: NDArray[np.int64]) -> pd.DataFrame:
    """Return days as months from the start of treatment, empty where nothing happened.

    Parameters
    ----------
    day : numpy.ndarray of int
        Shape ``(patients, 8)``.

    Returns
    -------
    pandas.DataFrame
        ``RSPM, NRSPM, RLPM, HSCTM, DTHM, LSTALVM`` and what else happened to anyone.
    """
    months = np.where(day >= search.NEVER, np.nan, day / DAYS_PER_MONTH)
    return pd.DataFrame({NAMES[c]: months[:, c] for c in NAMES if c != search.DIAGNOSIS})
