"""Endpoint definitions applied to event histories.

Overall survival, disease-free survival and the like are not facts about a patient but
definitions: where the clock starts, which event stops it, what censors it. They are data
(`helpers.catalogue.Definition`); this module carries them out and puts them into words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.catalogue import Definition

_ORIGINS = {
    "diagnosis": ("DIAGM", "diagnosis"),
    "treatment": ("TRTM", "the start of venetoclax"),
    "response": ("RSPM", "the response"),
}
_EVENTS = {"death": ("DTHM", "death from any cause"), "relapse": ("RLPM", "relapse")}
_CENSORING = {"transplant": ("HSCTM", "the transplant")}


def derive(history: pd.DataFrame, definition: Definition) -> pd.DataFrame:
    """Apply an endpoint definition to event histories.

    The clock of each patient stops at the first of: an event, a censoring event, the last
    contact, the cut-off. An event that falls on the same moment as any of the others counts as
    an event.

    Parameters
    ----------
    history : pandas.DataFrame
        What `helpers.timeline.history` returns: one row per patient, months from treatment.
    definition : Definition
        The endpoint. Its population is not applied here: select the patients first.

    Returns
    -------
    pandas.DataFrame
        A CDISC ADaM time-to-event table: ``USUBJID``, ``AVAL`` (months from the origin),
        ``CNSR`` (0 for an event, 1 for censored) and ``EVNTDESC`` (what stopped the clock).
        Patients who never reach the origin, whose clock would stop before it starts, or of whom
        no time is known are left out.
    """
    origin = history[_ORIGINS[definition.origin][0]]
    stops: dict[str, pd.Series] = {name: history[_EVENTS[name][0]] for name in definition.events}
    stops |= {name: history[_CENSORING[name][0]] for name in definition.censor_at}
    stops["last contact"] = history["LSTALVM"]
    if definition.cutoff_months is not None:
        stops["data cut-off"] = origin + definition.cutoff_months
    # Events stand first, so that argmin gives them a tie.
    times = pd.DataFrame(stops).sub(origin, axis=0).to_numpy(float).round(9)
    times = np.where(np.isnan(times), np.inf, times)
    first = times.argmin(axis=1) if len(times) else np.array([], int)
    names = np.array(list(stops), dtype=object)
    table = pd.DataFrame(
        {
            "USUBJID": history["USUBJID"].to_numpy(),
            "AVAL": times[np.arange(len(times)), first],
            "CNSR": np.where(first < len(definition.events), 0, 1),
            "EVNTDESC": names[first],
        }
    )
    known = origin.notna().to_numpy() & np.isfinite(table["AVAL"]) & (table["AVAL"] >= 0)
    return table[known].reset_index(drop=True)


def describe(definition: Definition) -> str:
    """Put an endpoint definition into a sentence.

    Parameters
    ----------
    definition : Definition
        The endpoint.

    Returns
    -------
    str

    Examples
    --------
    >>> describe(Definition(label="OS", origin="diagnosis", events=("death",)))
    'From diagnosis to death from any cause; otherwise censored at last contact.'
    """
    events = " or ".join(_EVENTS[name][1] for name in definition.events)
    first = ", whichever comes first" if len(definition.events) > 1 else ""
    censored = [_CENSORING[name][1] for name in definition.censor_at] + ["last contact"]
    if definition.cutoff_months is not None:
        censored.append(f"{definition.cutoff_months:g} months after the origin")
    earliest = ", whichever is earliest" if len(censored) > 1 else ""
    return (
        f"From {_ORIGINS[definition.origin][1]} to {events}{first}; otherwise censored at "
        f"{' or '.join(censored)}{earliest}."
    )


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
    added = [_EVENTS[name][1] for name in after.events if name not in before.events]
    dropped = [_EVENTS[name][1] for name in before.events if name not in after.events]
    if added:
        parts.append(f"{' and '.join(added)} also counts as an event")
    if dropped:
        parts.append(f"{' and '.join(dropped)} no longer counts as an event")
    if set(after.censor_at) - set(before.censor_at):
        parts.append("the transplant stops the clock without being an event")
    if set(before.censor_at) - set(after.censor_at):
        parts.append("the transplant no longer stops the clock")
    if before.cutoff_months != after.cutoff_months:
        parts.append(
            "follow-up is no longer cut"
            if after.cutoff_months is None
            else f"follow-up is cut {after.cutoff_months:g} months after the clock starts"
        )
    if before.population != after.population:
        parts.append(f"the patients who count are {after.population or 'all'}")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "." if text else ""
