"""Who enters a trial: its criteria put to a synthetic screening population, and what moves it.

`helpers.eligibility` decides and `helpers.screening` draws the population; this shows what follows
from a lesson's settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from helpers import eligibility, figures, flow, screening, tables
from helpers.catalogue import Variable
from helpers.eligibility import Evaluation, Rules
from helpers.figures import BLUE, ORANGE, Picture
from helpers.parameters import Settings
from helpers.screening import LogNormal, MakeUp, Normal, Shares
from helpers.whatif import Outcome

_AGE, _ECOG = "AGE", "ECOG"
_FRAIL = ("2", "3", "4")
_MOST = 0.95


def make_up(settings: Settings, *, paper: str) -> MakeUp:
    """Return what the screening population is made of.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Screening`.
    paper : str
        The paper's id.

    Returns
    -------
    MakeUp
        The paper's, with ages, performance, laboratory values and what isn't recorded moved.
    """
    asked: Any = settings
    base = screening.load(paper)
    moved = (
        *(asked.older_by_years, asked.frail_times),
        *(asked.organ_values_times, asked.missing_times),
    )
    return base if moved == (0, 1.0, 1.0, 1.0) else _moved(base.model_dump_json(), *moved)


@lru_cache(maxsize=32)
def _moved(found: str, older: int, frail: float, times: float, missing: float) -> MakeUp:
    base = MakeUp.model_validate_json(found)
    changes: dict[str, dict[str, Any]] = {}
    for name, each in base.variables.items():
        change: dict[str, Any] = {"missing": min(each.missing * missing, _MOST)}
        if name == _AGE and isinstance(each, Normal):
            change["mean"] = each.mean + older
        if isinstance(each, LogNormal):
            change["median"] = each.median * times
        if name == _ECOG and isinstance(each, Shares):
            change["shares"] = _frailer(each.shares, frail)
        changes[name] = change
    return screening.changed(base, changes)


def _frailer(shares: dict[str, float], times: float) -> dict[str, float]:
    """Multiply the share of the frail; what is left is shared out as before."""
    frail = sum(shares[code] for code in _FRAIL)
    now = min(frail * times, _MOST)
    return {
        code: share * (now / frail if code in _FRAIL else (1 - now) / (1 - frail))
        for code, share in shares.items()
    }


def population(settings: Settings, *, paper: str) -> pd.DataFrame:
    """Draw the screening population.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Screening` and `helpers.parameters.Seed`.
    paper : str
        The paper's id.

    Returns
    -------
    pandas.DataFrame
        As `helpers.screening.population` draws it.
    """
    asked: Any = settings
    made = make_up(settings, paper=paper).model_dump_json()
    rules = eligibility.load(paper).model_dump_json()
    return _drawn(made, rules, asked.screened, asked.seed).copy()


@lru_cache(maxsize=8)
def _drawn(made: str, rules: str, size: int, seed: int) -> pd.DataFrame:
    """Return the population, which stays the same while a reader moves thresholds."""
    variables = Rules.model_validate_json(rules).variables
    return screening.population(MakeUp.model_validate_json(made), variables, size=size, seed=seed)


@lru_cache(maxsize=8)
def _let_in(made: str, rules: str, size: int, seed: int) -> int:
    """Return how many of the population the registered rules let in."""
    people = _drawn(made, rules, size, seed)
    return int(eligibility.evaluate(Rules.model_validate_json(rules), people).eligible.sum())


def rules(settings: Settings, *, paper: str) -> eligibility.Change:
    """Return the criteria with the thresholds of the settings.

    Parameters
    ----------
    settings : Settings
        With the settings ``entry``.
    paper : str
        The paper's id.

    Returns
    -------
    Change
        The rules, and what is changed in words.
    """
    registered = eligibility.load(paper)
    asked: dict[str, float | str | None] = {}
    for each in registered.criteria:
        value = getattr(settings, f"{each.id}_limit", each.threshold)
        if value != each.threshold:
            asked[each.id] = float(value)
    return eligibility.changed(registered, asked)


def entry(settings: Settings, *, paper: str, places: int) -> Outcome:
    """Put the criteria, as the settings have them, to the screening population.

    Parameters
    ----------
    settings : Settings
        With the settings ``entry`` and those of `helpers.parameters.Screening` and
        `helpers.parameters.Seed`.
    paper : str
        The paper's id.
    places : int
        How many the trial enrols.

    Returns
    -------
    Outcome
        ``data`` has one row per criterion, as `helpers.eligibility.restrictiveness` returns it.
    """
    screened = population(settings, paper=paper)
    change = rules(settings, paper=paper)
    found = eligibility.evaluate(change.rules, screened)
    costs = eligibility.restrictiveness(found)
    counts = found.verdict.value_counts()
    yes, no, open_ = (int(counts[word]) for word in eligibility.VERDICTS)
    registered = eligibility.load(paper)
    beside = ""
    if change.rules.criteria != registered.criteria:
        before = _let_in(
            make_up(settings, paper=paper).model_dump_json(),
            registered.model_dump_json(),
            len(screened),
            settings.seed,  # type: ignore[attr-defined]
        )
        beside = f" {change.sentence} With the registered criteria {before} would be eligible."
    worst = costs["only_this"].idxmax()
    summary = (
        f"Of {len(screened)} synthetic patients screened, {yes} are eligible "
        f"({_share(yes, found)}), {no} are not, and of {open_} it can't be decided.{beside} "
        + _filled(yes, len(screened), places)
        + (
            f" Nothing but {_plain(change.rules, str(worst))} keeps out "
            f"{costs.loc[worst, 'only_this']}: no other criterion alone costs so many."
            if costs["only_this"].max()
            else ""
        )
    )
    # The table has the reasons, and text is what takes long to draw.
    drawn = diagram(found, places=places, reasons=False)
    return Outcome(summary, (drawn, table(costs)), costs)


def _share(some: int, found: Evaluation) -> str:
    return f"{some / max(len(found.passes), 1):.0%}"


def _filled(yes: int, screened: int, places: int) -> str:
    if yes >= places:
        return f"All {places} places are taken."
    if not yes:
        return f"None of {places} places is taken."
    return (
        f"{yes} of {places} places are taken; at this rate it takes about "
        f"{places * screened / yes:.0f} screened to fill them."
    )


def _plain(found: Rules, id: str) -> str:
    return f"“{eligibility.words(found, id)}”"


def table(costs: pd.DataFrame) -> tables.Table:
    """Set what each criterion costs.

    Parameters
    ----------
    costs : pandas.DataFrame
        What `helpers.eligibility.restrictiveness` returns.

    Returns
    -------
    Table
    """
    columns = {
        "rule": "To enter",
        "fails": "Fail it",
        "undecided": "Can't be decided",
        "only_this": "Kept out by nothing else",
        "remaining": "Left, one after the other",
    }
    return tables.table(
        costs.reset_index()[list(columns)].astype(str),
        caption="What each criterion costs: alone, beside the others, in sequence",
        headings=columns,
        footnote="Synthetic screening population. A patient may fail several criteria, so the "
        "columns don't add up to those who are kept out.",
        align_right=tuple(columns)[1:],
    )


def diagram(found: Evaluation, *, places: int, reasons: bool = True) -> Picture:
    """Draw the flow of the screened patients, as CONSORT has it.

    Parameters
    ----------
    found : Evaluation
        The evaluation.
    places : int
        How many the trial enrols.
    reasons : bool, optional
        Whether to tell the first reason of each who leaves.

    Returns
    -------
    Picture
    """
    ends = eligibility.dispositions(found, places=places).fillna({"criterion": ""})
    inclusion, exclusion, undecided = eligibility.STATUS
    stages = ["eligible", "no place left", "enrolled"]
    later: dict[str, list[str]] = {
        "included": [exclusion, undecided, *stages],
        "allowed": [undecided, *stages],
        "eligible": stages,
    }
    boxes: list[dict[str, Any]] = [
        {"name": "assessed", "label": "Assessed for eligibility (synthetic)"},
        {"name": "included", "label": "No inclusion criterion missed"},
        {"name": "allowed", "label": "No exclusion criterion met either"},
        {"name": "eligible", "label": "Eligible: every criterion decided"},
        {"name": "enrolled", "label": "Enrolled", "query": "STATUS == 'enrolled'"},
    ]
    for box in boxes[1:4]:
        box["query"] = f"STATUS in [{', '.join(map(repr, later[box['name']]))}]"
    for box, status in zip(boxes[:3], eligibility.STATUS, strict=True):
        label = f"{status[:1].upper()}{status[1:]}"
        box["aside"] = {"label": label}
        if reasons:
            lines = list(_lines(found.rules, ends[ends["status"] == status]))
            box["aside"] = {"label": f"{label} (first reason)", "lines": lines}
    boxes[3]["aside"] = {"label": "No place left"}
    table = pd.DataFrame({"STATUS": ends["status"], "REASON": ends["criterion"]})
    statuses = [inclusion, exclusion, undecided, *stages]
    variables = {
        "STATUS": _codes("where they end", statuses),
        "REASON": _codes("why", ["", *(each.id for each in found.rules.criteria)]),
    }
    data = flow.flow_data(table, flow.read(boxes), variables=variables)
    return flow.draw_flow(
        data,
        title="Flow of the screened patients",
        note="Synthetic patients, drawn from an assumed make-up; none of them is real.",
    )


def _codes(label: str, codes: list[str]) -> Variable:
    return Variable(label=label, type="category", source="", values={each: each for each in codes})


def _lines(found: Rules, left: pd.DataFrame) -> Iterator[dict[str, str]]:
    counts = left["criterion"].value_counts()
    for each in found.criteria:
        if counts.get(each.id, 0):
            text = eligibility.words(found, each.id).removeprefix("not: ")
            yield {"label": text, "query": f"REASON == '{each.id}'"}


def draw_costs(costs: pd.DataFrame) -> Picture:
    """Draw what each criterion costs, alone and beside the others.

    Parameters
    ----------
    costs : pandas.DataFrame
        What `helpers.eligibility.restrictiveness` returns.

    Returns
    -------
    Picture
    """
    place = np.arange(len(costs))
    with figures.drawing(8.2, 1.0 + 0.27 * len(costs)) as (figure, axes):
        axes.barh(place, costs["fails"], height=0.62, color=ORANGE, label="fail it")
        axes.barh(
            *(place, costs["undecided"]),
            left=costs["fails"],
            height=0.62,
            color="white",
            edgecolor=ORANGE,
            hatch="////",
            label="can't be decided",
        )
        axes.plot(
            costs["only_this"], place, "D", color=BLUE, ms=5, label="kept out by nothing else"
        )
        axes.set_yticks(place, costs["rule"])
        axes.set_ylim(len(costs) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.set_xlabel("Synthetic screened patients")
        axes.grid(axis="x", color="#E5E5E5")
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.legend(frameon=False, loc="lower right")
        words = "; ".join(
            f"{row.rule}: {row.fails} fail, {row.undecided} undecided, {row.only_this} kept out by "
            "nothing else"
            for row in costs.itertuples()
        )
        return figures.picture(figure, f"Bars: what each criterion costs. {words}.")
