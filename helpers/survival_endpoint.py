"""An endpoint of survival defined anew in all synthetic cohorts, competing events included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import (
    catalogue,
    endpoints,
    leeway,
    member_curves,
    printed_survival,
    synthetic,
    tables,
    wording,
)
from helpers.catalogue import Definition
from helpers.endpoints import Observed
from helpers.parameters import Settings
from helpers.survival_subgroup import FOOTNOTE
from helpers.synthetic import Range
from helpers.whatif import Outcome

Flags = NDArray[np.bool_]

_MONTHS = (12, 24)
_CLOCKS = {"treatment": "the start of venetoclax", "response": "the response"}


def outcome(settings: Settings, *, paper: str) -> Outcome:
    """Redefine an endpoint in every member, and set it beside the paper's with the same events.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.SurvivalEndpoint` and `Landmark` and, where
        offered, of `Transplant` and `Cohort`.
    paper : str
        The id of a paper with an ensemble.

    Returns
    -------
    Outcome
        ``data`` has one row per quantity: as the paper defines the endpoint, and as chosen.

    Raises
    ------
    KitError
        If the paper has no endpoint with these events, or the cohorts lack what it needs.
    """
    chosen: Any = settings
    described, members = catalogue.load(paper), synthetic.members(paper)
    text: str = getattr(settings, "cohort", "")
    group = members.picked(described.groups.get("all", ""), text)
    after = definition_of(settings)
    name = next(
        (
            name
            for name, each in described.endpoints.items()
            if set(each.events) == set(after.events) and each.window_months is None
        ),
        next(iter(described.endpoints)),
    )
    before = printed_survival.definition(paper, name)
    after = after.model_copy(update={"population": before.population, "label": before.label})
    if not (group & members.picked(before.population)).any():
        return Outcome(f"Nobody fits {text}: there is nothing to estimate.", (), pd.DataFrame())
    rows = list(
        zip(
            *(
                measured(members.observed(each), group, each, landmark=chosen.landmark_months)
                for each in (before, after)
            ),
            strict=True,
        )
    )
    found = members.observed(after)
    # Where everyone counts, nothing is to be said of who does.
    counts = "" if members.picked(after.population).all() else after.population
    told = endpoints.describe(
        after.model_copy(update={"population": counts}),
        population=wording.picked(counts, described.variables),
    )
    changed = endpoints.difference(before, after)
    summary = (
        (f"Of patients with {text}. " if text else "")
        + f"{told} "
        + (f"{changed} " if changed else f"This is how the paper's {before.label} is read here. ")
        + _moved(rows)
        + _dependent(after)
    )
    data = _pairs(rows)
    shown = tables.table(
        data,
        caption="The endpoint, before and after",
        headings={
            "what": "What",
            "before": f"The paper's {before.label}",
            "before_verdict": "So it is",
            "after": "As you define it",
            "after_verdict": "So it is",
        },
        footnote=FOOTNOTE,
    )
    return Outcome(summary.strip(), (_plot(found, group, after), shown), data)


def definition_of(settings: Settings) -> Definition:
    """Return the endpoint definition that the settings describe.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.SurvivalEndpoint`.

    Returns
    -------
    Definition
    """
    made = leeway.definition_of(settings)
    alone = made.events == ("relapse",)
    competes = alone and getattr(settings, "other_deaths", "") == "compete"
    return made.model_copy(update={"competing": ("death",)}) if competes else made


def measured(found: Observed, group: Flags, defined: Definition, *, landmark: int) -> list[Range]:
    """Return what is asked of an endpoint in each member.

    Parameters
    ----------
    found : Observed
        The endpoint in all members.
    group : numpy.ndarray of bool
        Whose.
    defined : Definition
        Its definition; where relapse alone is the event, the share that relapsed is returned,
        and else the share without an event.
    landmark : int
        Months from the origin; the last row is of those who are then followed without an event.

    Returns
    -------
    list of Range
    """
    alone = defined.events == ("relapse",)
    who = found.included & group
    rows = [synthetic.count(who, what="patients")]
    rows.append(synthetic.count(who & (found.code == 1), what="events"))
    if not alone:
        rows += synthetic.median(found, group, what="median")
    names = "with a relapse" if alone else "without an event"
    for month in _MONTHS:
        rows.append(_share(found, group, month, alone, what=f"{names} at {month} months"))
    rows.append(synthetic.count(who & (found.time >= 24), what="at risk at 24 months"))
    later = Observed(
        np.where(who, np.maximum(found.time - landmark, 0.0), 0.0),
        found.code,
        found.included & (found.time > landmark),
    )
    month = 12 - landmark
    if month > 0:
        what = f"{names} at 12 months, of those free of it at {landmark} months"
        rows.append(_share(later, group, month, alone, what=what))
    return rows


def _share(found: Observed, group: Flags, month: float, alone: bool, *, what: str) -> Range:
    read = printed_survival.rate(found, group, month, what=what)[0]
    # Without competing events the rate is one of survival.
    if alone and not (found.code == 2).any():
        return Range(what, "%", 100 - read.values)
    return read


def _moved(rows: list[tuple[Range, Range]]) -> str:
    """Say what came of the change, in the two rows that readers quote."""
    told = []
    for old, new in rows:
        if old.what == "median" or " at 12 months" in old.what:
            same = old.words() == new.words()
            was = "" if same else f", in place of {old.words()}"
            told.append(f"{new.what} {new.words()} ({new.agreement}){was}")
    text = "; ".join(told)
    return f"{text[:1].upper()}{text[1:]}. "


def _dependent(defined: Definition) -> str:
    if defined.events == ("relapse",) and not defined.competing:
        return (
            "Whoever died without a relapse is treated as if still able to relapse, so this share "
            "is of a world in which nobody dies of anything else."
        )
    if defined.censor_at:
        return (
            "Whoever is transplanted leaves as if chosen by lot, and the month in which that was "
            "isn't printed."
        )
    return ""


def _pairs(rows: list[tuple[Range, Range]]) -> pd.DataFrame:
    units = {"%": " (%)", "months": " (months)"}
    return pd.DataFrame(
        [
            (
                old.what + units.get(old.unit, ""),
                old.bare(),
                old.agreement,
                new.bare(),
                new.agreement,
            )
            for old, new in rows
        ],
        columns=["what", "before", "before_verdict", "after", "after_verdict"],
    )


def _plot(found: Observed, group: Flags, defined: Definition) -> Any:
    alone = defined.events == ("relapse",)
    competing = bool(defined.competing)
    names = ("relapse", "death without it") if competing else (defined.label,)
    label = "with a relapse" if competing else ("without a relapse" if alone else defined.label)
    return member_curves.draw_curves(
        member_curves.curves_data(
            found,
            {"all" if (group | ~found.included).all() else "these": group},
            events=names,
            estimate="incidence" if competing else "survival",
            months=printed_survival.months(found.time, step=6),
        ),
        ylabel=label[:1].upper() + label[1:],
        xlabel=f"Months from {_CLOCKS[defined.origin]}",
    )
