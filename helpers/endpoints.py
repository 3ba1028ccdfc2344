"""Endpoint definitions applied to event histories.

Overall survival, disease-free survival and the like are not facts about a patient but
definitions: where the clock starts, which event stops it, what censors it. They are data
(`helpers.catalogue.Definition`); this module carries them out and puts them into words.

An event history says when each thing happened, in months from the start of treatment; NaN where
it did not happen:

======== ==========================================================
DIAGM    diagnosis (0 or less)
TRTM     start of treatment (0)
RSPM     first response: CR, CRi or what the paper counts as such
MRDNEGM  first negative test for measurable residual disease
NRSPM    failure to respond documented
RLPM     relapse
HSCTM    transplant
DTHM     death
LSTALVM  last contact
======== ==========================================================

Only the columns that a definition needs must be there; ``DTHM`` and ``LSTALVM`` always.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers import catalogue
from helpers.catalogue import Definition
from helpers.errors import KitError

Floats = NDArray[np.float64]

_ORIGINS = {
    "diagnosis": ("DIAGM", "diagnosis"),
    "treatment": ("TRTM", "the start of venetoclax"),
    "response": ("RSPM", "the response"),
    "transplant": ("HSCTM", "the transplant"),
}
_COLUMNS = {
    "response": "RSPM",
    "MRD negativity": "MRDNEGM",
    "no response": "NRSPM",
    "relapse": "RLPM",
    "transplant": "HSCTM",
    "death": "DTHM",
}
_WORDS = {
    "response": "the response",
    "MRD negativity": "MRD negativity",
    "no response": "no response",
    "relapse": "relapse",
    "transplant": "the transplant",
    "death": "death from any cause",
}
_ROLES = {"event": "as an event", "competing": "as a competing event"}
_LAST, _CUT, _WINDOW = "last contact", "data cut-off", "end of window"
# As ADaM has it: 0 for an event, more for each reason that there is none.
_CNSR = np.array([1, 0, 2])


@dataclass(frozen=True, eq=False)
class Observed:
    """What an endpoint definition makes of event histories.

    Attributes
    ----------
    time : numpy.ndarray of float
        Months from the origin to what stopped the clock; NaN where not included.
    code : numpy.ndarray of int
        What stopped it: 1 an event, 2 a competing event, 0 neither, that is censoring. Of a
        binary endpoint 1 is yes and 0 no. 0 where not included.
    included : numpy.ndarray of bool
        Who has a clock at all.
    """

    time: Floats
    code: NDArray[np.int8]
    included: NDArray[np.bool_]


def observe(history: Mapping[str, ArrayLike] | pd.DataFrame, definition: Definition) -> Observed:
    """Apply an endpoint definition to a batch of event histories.

    The clock of each patient stops at the first of: an event, a competing event, what censors,
    death, the last contact, the cut-off or the end of the window.

    Parameters
    ----------
    history : mapping of str to array_like, or pandas.DataFrame
        The columns named at the head of this module, in months; all of one shape, or such that
        they can be broadcast to one: ``(patients,)``, ``(members, patients)``, ...
    definition : Definition
        The endpoint. Its population is not applied here: select the patients first, or
        combine `Observed.included` with a mask of them.

    Returns
    -------
    Observed
        Arrays of the history's shape. Not included are patients who never reach the origin,
        whose clock would stop before it starts, or of whom no time is known.

    Raises
    ------
    KitError
        If the history lacks what the definition needs, or its columns don't fit together.

    Notes
    -----
    Of things at one moment, events and competing events come before what censors, and a death
    comes after all else: who relapses and dies at once has relapsed. So the events of relapse
    and of its competing death add up to those of disease-free survival.

    Failure to respond counts only if it is found before anything but an event ends the
    observation, and not after a response. Dating it back to day 1 therefore moves its time and
    makes no event of anyone who has none when it counts at the assessment.

    In a binary endpoint, whoever died or was lost in the window without the event counts as no.

    Examples
    --------
    >>> two = {"RSPM": [1, 2], "RLPM": [5, np.nan], "DTHM": [8, 9], "LSTALVM": [8, 9]}
    >>> relapse = Definition(
    ...     label="relapse", origin="response", events=("relapse",), competing=("death",)
    ... )
    >>> found = observe(two, relapse)
    >>> found.time.tolist(), found.code.tolist()
    ([4.0, 7.0], [1, 2])
    """
    stop = _first_stop(history, definition)
    return Observed(
        np.where(stop.included, stop.time, np.nan),
        np.where(stop.included, np.array(stop.codes, np.int8)[stop.which], np.int8(0)),
        stop.included,
    )


def derive(history: pd.DataFrame, definition: Definition) -> pd.DataFrame:
    """Apply an endpoint definition to the event histories of a table of patients.

    Parameters
    ----------
    history : pandas.DataFrame
        One row per patient: ``USUBJID`` and the columns named at the head of this module, such
        as `helpers.timeline.history` returns.
    definition : Definition
        The endpoint. Its population is not applied here: select the patients first.

    Returns
    -------
    pandas.DataFrame
        A CDISC ADaM time-to-event table of the patients whom `observe` includes: ``USUBJID``,
        ``AVAL`` (months from the origin), ``CNSR`` and ``EVNTDESC`` (what stopped the clock).

    Raises
    ------
    KitError
        As `observe`.

    Notes
    -----
    ADaM leaves open which number above 0 in ``CNSR`` stands for what. Here 0 is the event of
    interest, 1 censored, 2 a competing event. ``CNSR != 0`` is therefore right for a
    Kaplan–Meier curve in which competing events censor; an estimate of cumulative incidence
    needs to tell 1 from 2. Of a binary endpoint, ``CNSR`` is 0 for yes and 1 for no, and
    ``AVAL`` when that was settled.
    """
    stop = _first_stop(history, definition)
    names = np.array(stop.names, dtype=object)
    table = pd.DataFrame(
        {
            "USUBJID": history["USUBJID"].to_numpy(),
            "AVAL": stop.time,
            "CNSR": _CNSR[np.array(stop.codes)[stop.which]],
            "EVNTDESC": names[stop.which],
        }
    )
    return table[stop.included].reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class _Stop:
    """What stops each clock first: when, which of `names`, and what code each name has."""

    time: Floats
    which: NDArray[np.int8]
    included: NDArray[np.bool_]
    names: Sequence[str]
    codes: Sequence[int]


def _first_stop(history: Mapping[str, ArrayLike] | pd.DataFrame, definition: Definition) -> _Stop:
    given = _needed(history, definition)
    origin = given[_ORIGINS[definition.origin][0]]
    with np.errstate(invalid="ignore"):
        # Sums of tenths of a month are off by some bits; a tie is to be a tie.
        clock = {name: np.round(months - origin, 9) for name, months in given.items()}
    codes = dict.fromkeys(definition.competing, 2) | dict.fromkeys(definition.events, 1)
    if "no response" in codes:
        clock["NRSPM"] = _no_response(clock, definition)
    # The order of the closed list settles ties: death last, and all before what censors.
    stops = {name: clock[_COLUMNS[name]] for name in get_args(catalogue.Event) if name in codes}
    stops |= {name: clock[_COLUMNS[name]] for name in definition.censor_at}
    stops |= {"death": clock["DTHM"], _LAST: clock["LSTALVM"]}

    time = np.full(origin.shape, np.inf)
    which = np.zeros(origin.shape, np.int8)
    for number, months in enumerate(stops.values()):
        # Numbers rise, so the largest is the last that was sooner.
        np.maximum(which, (months < time) * np.int8(number), out=which)
        np.fmin(time, months, out=time)
    # A cut-off says nothing of someone of whom nothing is known.
    included = np.isfinite(time) & (time >= 0)
    end = _end(definition)
    which[time > end] = len(stops)
    ended = _CUT if definition.window_months is None else _WINDOW
    return _Stop(
        np.minimum(time, end),
        which,
        included,
        [*stops, ended],
        [*(codes.get(name, 0) for name in stops), 0],
    )


def _needed(
    history: Mapping[str, ArrayLike] | pd.DataFrame, definition: Definition
) -> dict[str, Floats]:
    """Return the columns that a definition needs, as arrays of one shape."""
    events = [*definition.events, *definition.competing]
    names = {_ORIGINS[definition.origin][0], "DTHM", "LSTALVM"}
    names |= {_COLUMNS[name] for name in [*events, *definition.censor_at]}
    if "no response" in events:
        names |= {"TRTM", "RSPM"}
        if definition.assessment_month is not None:
            names.remove("NRSPM")
    missing = sorted(name for name in names if name not in history)
    if missing:
        hint = " (or an assessment_month in the definition)" if "NRSPM" in missing else ""
        raise KitError(
            f"no {', '.join(missing)}",
            where="event history",
            right=f"months from the start of treatment, NaN where it did not happen{hint}",
        )
    try:
        arrays = np.broadcast_arrays(*(np.asarray(history[name], float) for name in names))
    except ValueError:
        raise KitError(
            "columns of different lengths", where="event history", right="a value per patient"
        ) from None
    return dict(zip(names, arrays, strict=True))


def _no_response(clock: Mapping[str, Floats], definition: Definition) -> Floats:
    """Return when failure to respond counts, on the clock; NaN for whoever has none."""
    month = definition.assessment_month
    found = clock["NRSPM"] if month is None else np.round(clock["TRTM"] + month, 9)
    followed = np.fmin(clock["LSTALVM"], clock["DTHM"])
    # Events do not belong here: one event more must not hide another that comes first.
    ends = [followed] + [
        clock[_COLUMNS[name]]
        for name in [*definition.censor_at, *definition.competing]
        if name != "no response"
    ]
    observed = (found <= _end(definition)) & ~(clock["RSPM"] <= found)
    for end in ends:
        observed &= ~(end < found)
    if month is not None:
        # Unlike a documented failure, this one rests on being followed until then.
        observed &= followed >= found
    counts = clock["TRTM"] if definition.non_response == "day 1" else found
    return np.where(observed, counts, np.nan)


def _end(definition: Definition) -> float:
    return min(definition.cutoff_months or np.inf, definition.window_months or np.inf)


def describe(definition: Definition, *, population: str = "") -> str:
    """Put an endpoint definition into words.

    Parameters
    ----------
    definition : Definition
        The endpoint.
    population : str, optional
        Its population in words; without them the query stands there.

    Returns
    -------
    str
        A sentence, and one more where not everyone counts.

    Examples
    --------
    >>> describe(Definition(label="OS", origin="diagnosis", events=("death",)))
    'From diagnosis to death from any cause; otherwise censored at last contact.'
    """
    start = _ORIGINS[definition.origin][1]
    events = _listed(_event_words(definition.events, definition))
    if definition.window_months is not None:
        without = "was lost" if "death" in definition.events else "died or was lost"
        text = (
            f"Whether {events} comes within {_months(definition.window_months)} of {start}; "
            f"no for whoever {without} before that."
        )
    else:
        first = ", whichever comes first" if len(definition.events) > 1 else ""
        beside = ""
        if definition.competing:
            competing = _listed(_event_words(definition.competing, definition), "and")
            some = "a competing event" if len(definition.competing) == 1 else "competing events"
            beside = f", with {competing} as {some}"
        censored = [_WORDS[name] for name in definition.censor_at]
        if _role("death", definition) == "":
            censored.append("death")
        censored.append(_LAST)
        if definition.cutoff_months is not None:
            censored.append(f"{_months(definition.cutoff_months)} after the origin")
        earliest = ", whichever is earliest" if len(censored) > 1 else ""
        text = (
            f"From {start} to {events}{first}{beside}; otherwise censored at "
            f"{_listed(censored)}{earliest}."
        )
    asked = definition.population.strip()
    return text + (f" Only patients with {population or asked} count." if asked else "")


def difference(before: Definition, after: Definition) -> str:
    """Say what distinguishes two endpoint definitions.

    Parameters
    ----------
    before, after : Definition
        The endpoints.

    Returns
    -------
    str
        A sentence; empty if they define the same.
    """
    parts = []
    if before.origin != after.origin:
        parts.append(
            f"the clock starts at {_ORIGINS[after.origin][1]}, not at {_ORIGINS[before.origin][1]}"
        )
    if before.window_months != after.window_months:
        parts.append(_other_window(before.window_months, after.window_months))
    for name in _WORDS:
        was, now = _role(name, before), _role(name, after)
        if was != now:
            parts.append(_other_role(name, was, now))
        if name == "no response" and now:
            parts += _other_timing(before, after)
    if before.cutoff_months != after.cutoff_months:
        parts.append(
            "follow-up is no longer cut"
            if after.cutoff_months is None
            else f"follow-up is cut {_months(after.cutoff_months)} after the clock starts"
        )
    if before.population.split() != after.population.split():
        parts.append(f"the patients who count are {after.population.strip() or 'all'}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "." if text else ""


def _role(name: str, definition: Definition) -> str:
    """Return what an event is to a definition; empty if it isn't named."""
    if name in definition.events:
        return "event"
    if name in definition.competing:
        return "competing"
    return "censoring" if name in definition.censor_at else ""


def _other_role(name: str, was: str, now: str) -> str:
    words = _WORDS[name]
    if now == "censoring":
        return f"{words} stops the clock without being an event"
    if now == "":
        instead = ", it censors" if name == "death" else ""
        return f"{words} no longer " + (
            "stops the clock" if was == "censoring" else f"counts {_ROLES[was]}{instead}"
        )
    also = "also " if (was, now) == ("", "event") else ""
    not_as = f", no longer {_ROLES[was]}" if was in _ROLES else ""
    return f"{words} {also}counts {_ROLES[now]}{not_as}"


def _other_window(was: float | None, now: float | None) -> str:
    if now is None:
        return f"the question is when it comes, not whether within {_months(was or 0)}"
    told = f"the question is whether it comes within {_months(now)}"
    return f"{told}, not when" if was is None else f"{told}, not {_months(was)}"


def _other_timing(before: Definition, after: Definition) -> list[str]:
    """Say how failure to respond is timed otherwise."""
    parts = []
    if before.assessment_month != after.assessment_month:
        parts.append(
            "failure to respond is taken as documented"
            if after.assessment_month is None
            else f"failure to respond is judged at month {after.assessment_month:g} of treatment"
        )
    if before.non_response != after.non_response:
        parts.append(
            "failure to respond is dated back to day 1"
            if after.non_response == "day 1"
            else "failure to respond counts when it is found"
        )
    return parts


def _event_words(events: Collection[str], definition: Definition) -> list[str]:
    back = " (dated back to day 1)" if definition.non_response == "day 1" else ""
    month = definition.assessment_month
    failure = (
        "documented failure to respond"
        if month is None
        else (f"no response by month {month:g} of treatment")
    )
    return [failure + back if name == "no response" else _WORDS[name] for name in events]


def _listed(words: Sequence[str], joined_by: str = "or") -> str:
    return f" {joined_by} ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _months(number: float) -> str:
    return f"{number:g} month" + ("" if number == 1 else "s")
