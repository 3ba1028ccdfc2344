"""A trial without patients yet: its endpoints, applied to synthetic patients of another paper.

Which paper stands in, and how its variables answer what the trial's endpoints ask, is data: the
trial's ``stand_in.toml``. Nothing here tells how the trial's own patients will fare; it tells how
far apart two readings of the same words are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from helpers import (
    catalogue,
    endpoints,
    interval_plot,
    member_curves,
    paths,
    proportions,
    query,
    synthetic,
    tables,
    trial_settings,
    wording,
)
from helpers.catalogue import Definition
from helpers.endpoints import Observed
from helpers.errors import DataError, KitError
from helpers.figures import Picture
from helpers.parameters import Settings
from helpers.reconstruct import ensemble
from helpers.reconstruct.member_arrays import EVENTS, Members
from helpers.synthetic import Range
from helpers.whatif import Outcome

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_CLOCKS = {
    "treatment": "entry",
    "response": "the response",
    "transplant": "the transplant",
    "diagnosis": "diagnosis",
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(_Part):
    """How the other paper answers what a variable of the trial asks.

    Attributes
    ----------
    query : str
        Who has it: a cohort query on the other paper's variables; empty for everyone.
    why : str
        Why that answers it.
    """

    query: str
    why: str = Field(min_length=1)


class Moment(Answer):
    """When something happened that the other paper doesn't time.

    Attributes
    ----------
    label : str
        What happened.
    query : str
        To whom.
    at : str
        With which other event, a column of the event histories.
    month : float or None
        Instead, in which month of treatment; nobody who died or was lost before has it.
    why : str
        Why that is assumed.
    """

    label: str
    at: str = ""
    month: float | None = None


class StandIn(_Part):
    """What stands in for a trial's patients.

    Attributes
    ----------
    paper : str
        The id of a paper with synthetic cohorts.
    statement : str
        What they are, in words.
    variables : dict of str to Answer
        By variable of the trial.
    events : dict of str to Moment
        By column of the event histories.
    """

    paper: str
    statement: str = Field(min_length=1)
    variables: dict[str, Answer]
    events: dict[str, Moment] = {}


def load(paper: str) -> StandIn:
    """Read ``stand_in.toml``.

    Parameters
    ----------
    paper : str
        The trial's id.

    Returns
    -------
    StandIn

    Raises
    ------
    DataError
        If there is no such file, or it has faults.
    """
    file = paths.paper(paper) / "stand_in.toml"
    where = f"data/{paper}/{file.name}"
    if not file.is_file():
        raise DataError("nothing stands in for the trial's patients", where=where)
    try:
        return StandIn.model_validate(catalogue.read_toml(file))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise DataError(told, where=where) from None


def members(paper: str) -> Members:
    """Return the synthetic cohorts that stand in for a trial's patients.

    Parameters
    ----------
    paper : str
        The trial's id.

    Returns
    -------
    Members
        With the trial's variables in place of the other paper's.

    Raises
    ------
    DataError
        If there are none.
    KitError
        If a moment is at an event that the cohorts don't have.
    """
    file = paths.paper(paper) / "stand_in.toml"
    found = load(paper)
    cohorts = ensemble.file(found.paper)
    return _members(paper, file.stat().st_mtime_ns, cohorts, cohorts.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _members(paper: str, _changed: int, _cohorts: Path, _made: int) -> Members:
    found = load(paper)
    table = ensemble.read(found.paper)
    known = catalogue.load(found.paper).variables
    masks = {
        name: query.parse(each.query, known).mask(table).to_numpy(bool)
        for name, each in {**found.variables, **found.events}.items()
    }
    fresh = table[["member", "USUBJID", *(name for name in EVENTS if name in table)]]
    columns = {name: np.where(masks[name], "Y", "N") for name in found.variables}
    for name, each in found.events.items():
        columns[name] = np.where(masks[name], _when(each, table, name), np.nan)
    made = fresh.drop(columns=[name for name in columns if name in fresh]).assign(**columns)
    stood = Members(made, catalogue.load(paper).variables)
    # What the other paper doesn't time isn't among the columns that every ensemble has.
    stood.history |= {name: stood.column(name) for name in found.events}
    return stood


def _when(each: Moment, table: pd.DataFrame, name: str) -> Floats:
    if each.month is not None:
        followed = table[["DTHM", "LSTALVM"]].min(axis=1).to_numpy(float)
        return np.where(followed >= each.month, each.month, np.nan)
    if each.at not in table:
        raise KitError(f"no {each.at!r}", where=f"stand-in, events.{name}", right="an event")
    return np.asarray(table[each.at], dtype=float)


def answers(paper: str) -> pd.DataFrame:
    """Lay out how the stand-in answers what the trial's endpoints ask.

    Parameters
    ----------
    paper : str
        The trial's id.

    Returns
    -------
    pandas.DataFrame
        ``asked`` (the trial's variable or event), ``answered`` (a query in words) and ``why``.
    """
    found = load(paper)
    variables, others = (catalogue.load(each).variables for each in (paper, found.paper))
    asked = [
        *((variables[name].label, each) for name, each in found.variables.items()),
        *((each.label, each) for each in found.events.values()),
    ]
    rows = [(label, wording.picked(each.query, others), each.why) for label, each in asked]
    return pd.DataFrame(rows, columns=["asked", "answered", "why"])


def readings(paper: str, *, month: float = 12.0) -> pd.DataFrame:
    """Apply every endpoint of a trial, in each of its readings, to the stand-in.

    Parameters
    ----------
    paper : str
        The trial's id.
    month : float, optional
        At which to read times, months from the origin.

    Returns
    -------
    pandas.DataFrame
        One row per endpoint: its ``name`` and ``label``; ``patients`` and ``events``, ``rate``
        (per cent free of events at that month, or per cent with a binary endpoint) and ``median``
        (months), each over all cohorts, in words.
    """
    stood = members(paper)
    rows = []
    for name, definition in catalogue.load(paper).endpoints.items():
        found = stood.observed(definition)
        numbers = _numbers(found, definition, month)
        rows.append({"name": name, "label": definition.label} | _cells(numbers))
    return pd.DataFrame(rows).fillna("")


def _numbers(found: Observed, definition: Definition, month: float) -> dict[str, Range]:
    who, event = found.included, found.included & (found.code == 1)
    numbers = {
        "patients": synthetic.count(who, what="patients"),
        "events": synthetic.count(event, what="events"),
    }
    if definition.window_months is not None:
        return numbers | {"rate": synthetic.share(event, who, what="rate")}
    from helpers.survival.curves import curves, landmark

    drawn = curves(found.time, found.code == 1, where=who)
    rate = Range(
        f"free of events at {month:g} months", "%", 100 * landmark(drawn, month).value[:, 0]
    )
    median = synthetic.median(found, who, what="median")[0]
    return numbers | {"rate": rate, "median": median}


def gaps(paper: str, pairs: Sequence[tuple[str, str]], *, month: float = 12.0) -> pd.DataFrame:
    """Say how far apart pairs of a trial's endpoints are in the stand-in.

    Parameters
    ----------
    paper : str
        The trial's id.
    pairs : sequence of (str, str)
        The names of two endpoints each, both with times or both binary.
    month : float, optional
        At which to read times, months from the origin.

    Returns
    -------
    pandas.DataFrame
        ``first`` and ``second`` (labels); the second's rate minus the first's, in points:
        ``lowest``, ``middle`` and ``highest`` of all cohorts where both can be told.
    """
    stood, defined = members(paper), catalogue.load(paper).endpoints
    rows = []
    for pair in pairs:
        one, other = (
            _numbers(stood.observed(defined[name]), defined[name], month)["rate"].values
            for name in pair
        )
        points = np.nanquantile(other - one, [0, 0.5, 1], method="inverted_cdf")
        rows.append([*(defined[name].label for name in pair), *points])
    return pd.DataFrame(rows, columns=["first", "second", "lowest", "middle", "highest"])


def gaps_table(table: pd.DataFrame) -> tables.Table:
    """Set how far apart pairs of endpoints are.

    Parameters
    ----------
    table : pandas.DataFrame
        What `gaps` returned.

    Returns
    -------
    Table
    """
    numbers = ["lowest", "middle", "highest"]
    return tables.table(
        table.assign(**table[numbers].map(_signed)),
        caption="The second reading minus the first, in points",
        headings={
            "first": "From",
            "second": "to",
            "lowest": "Lowest",
            "middle": "Middle",
            "highest": "Highest",
        },
        footnote="At 12 months, or in the window, over all synthetic cohorts.",
        align_right=tuple(numbers),
    )


def draw(paper: str, names: Sequence[str]) -> Picture:
    """Draw the curves of some endpoints of a trial in the stand-in.

    Parameters
    ----------
    paper : str
        The trial's id.
    names : sequence of str
        The endpoints, two to four; each curve starts at its own clock.

    Returns
    -------
    Picture
    """
    defined = catalogue.load(paper).endpoints
    return _draw(paper, [defined[name] for name in names])


def _draw(paper: str, definitions: Sequence[Definition]) -> Picture:
    stood = members(paper)
    each = [stood.observed(definition) for definition in definitions]
    # Side by side, so that each endpoint is a group of one batch.
    together = Observed(
        np.concatenate([found.time for found in each], axis=-1),
        np.concatenate([found.code for found in each], axis=-1),
        np.concatenate([found.included for found in each], axis=-1),
    )
    size = each[0].time.shape[-1]
    groups = {}
    for place, definition in enumerate(definitions):
        here = np.zeros(together.time.shape, dtype=bool)
        here[:, place * size : (place + 1) * size] = True
        groups[definition.label] = here
    clocks = dict.fromkeys(_CLOCKS[definition.origin] for definition in definitions)
    return member_curves.draw_curves(
        member_curves.curves_data(together, groups, months=np.arange(0, 31, 6.0)),
        ylabel="Free of the events",
        xlabel=f"Months from {' or '.join(clocks)}",
        source=load(paper).statement,
    )


def endpoint(settings: Settings, *, paper: str) -> Outcome:
    """Set two endpoints of a trial beside each other in the stand-in.

    Parameters
    ----------
    settings : Settings
        With the settings ``readings`` and, where offered, of `helpers.parameters.Transplant`.
    paper : str
        The trial's id.

    Returns
    -------
    Outcome
        ``data`` has a row per endpoint, as `readings` has them.

    Raises
    ------
    KitError
        If an endpoint can't be worked out.
    """
    asked: Any = settings
    defined = {each.label: each for each in catalogue.load(paper).endpoints.values()}
    chosen = [_changed(defined[label], settings) for label in (asked.reading, asked.beside)]
    stood = members(paper)
    observed = [stood.observed(each) for each in chosen]
    month = 12.0
    numbers = [_numbers(*pair, month) for pair in zip(observed, chosen, strict=True)]
    told = " ".join(_sentence(*pair) for pair in zip(chosen, numbers, strict=True))
    same = not endpoints.difference(chosen[0], chosen[1])
    change = "The two are the same. " if same else f"{endpoints.difference(*chosen)} "
    gap = ""
    binary = [each.window_months is not None for each in chosen]
    if binary[0] == binary[1] and not same:
        gap = _gap(numbers[1]["rate"].values - numbers[0]["rate"].values)
    data = pd.DataFrame(
        [
            {"label": each.label, "words": _in_words(each, paper)} | _cells(number)
            for each, number in zip(chosen, numbers, strict=True)
        ]
    ).fillna("")
    headings = {"label": "Endpoint", "words": "As it is carried out", "patients": "Patients"}
    headings |= {"events": "Events", "rate": f"At {month:g} months, or in its window"}
    headings |= {"median": "Median"}
    shown = tables.table(
        data,
        caption="Two endpoints on the same synthetic patients",
        headings={key: words for key, words in headings.items() if key in data},
        footnote=f"{load(paper).statement}. Lowest to highest over {stood.size} cohorts.",
    )
    timed = [each for each, yes in zip(chosen, binary, strict=True) if not yes]
    drawn = _draw(paper, _distinct(timed)) if timed else _draw_shares(paper, chosen, observed)
    summary = f"{told} {change}{gap}".replace("  ", " ").strip()
    return Outcome(
        f"{summary} Stand-in patients: this tells of words, not of a drug.", (drawn, shown), data
    )


def _changed(definition: Definition, settings: Settings) -> Definition:
    """Cut follow-up, or stop the clock at transplant, where the settings say so."""
    asked: Any = settings
    change: dict[str, Any] = {}
    if asked.cutoff_months < trial_settings.UNCUT and definition.window_months is None:
        change["cutoff_months"] = min(
            asked.cutoff_months, definition.cutoff_months or trial_settings.UNCUT
        )
    if getattr(asked, "censor_at_transplant", False) and definition.window_months is None:
        change["censor_at"] = ("transplant",)
    return definition.model_copy(update=change)


def _in_words(definition: Definition, paper: str) -> str:
    population = wording.picked(definition.population, catalogue.load(paper).variables)
    return endpoints.describe(definition, population=population)


def _distinct(definitions: Sequence[Definition]) -> list[Definition]:
    return list({each.label: each for each in definitions}.values())


def _sentence(definition: Definition, numbers: dict[str, Range]) -> str:
    label = definition.label[:1].upper() + definition.label[1:]
    if definition.window_months is not None:
        return (
            f"{label}: {numbers['events'].bare()} of {numbers['patients'].words()}, "
            f"{numbers['rate'].words()}."
        )
    return (
        f"{label}: {numbers['events'].bare()} events among "
        f"{numbers['patients'].words()}, {numbers['rate'].what} {numbers['rate'].words()}, "
        f"median {numbers['median'].words()}."
    )


def _cells(numbers: dict[str, Range]) -> dict[str, str]:
    return {
        key: each.bare() if each.unit == "patients" else each.words()
        for key, each in numbers.items()
    }


def _signed(points: float) -> str:
    return "0" if abs(points) < 0.5 else f"{points:+.0f}".replace("-", "−")


def _gap(values: Floats) -> str:
    """Say by how many points the second endpoint is off the first."""
    known = values[~np.isnan(values)]
    if not len(known):
        return ""
    low, high = _signed(known.min()), _signed(known.max())
    if low == high:
        apart = "the same as" if low == "0" else f"{low} points from"
    else:
        apart = f"{low} to {high} points from"
    few = f" (it can't be told in {len(values) - len(known)} of them)" * (len(known) < len(values))
    return f" The second is {apart} the first in these cohorts{few}."


def _draw_shares(
    paper: str, definitions: Sequence[Definition], observed: Sequence[Observed]
) -> Picture:
    """Draw binary endpoints of the first cohort with their exact intervals."""
    rows = []
    for definition, found in zip(definitions, observed, strict=True):
        count, total = (
            int((found.included[0] & (found.code[0] == 1)).sum()),
            int(found.included[0].sum()),
        )
        exact = proportions.proportion(count, total, method="clopper_pearson")
        rows.append(
            (f"{definition.label} ({count} of {total})", exact.estimate, exact.lower, exact.upper)
        )
    table = pd.DataFrame(rows, columns=["label", "estimate", "lower", "upper"])
    return interval_plot.draw_intervals(
        table.drop_duplicates(),
        xlabel="Patients with it (%), exact 95 % interval",
        note=f"{load(paper).statement}. The first of the cohorts.",
    )
