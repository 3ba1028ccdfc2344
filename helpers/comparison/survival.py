"""Survival of documents side by side, by one definition, on one axis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import catalogue, member_curves, rounding, tables
from helpers.catalogue import Definition
from helpers.comparison import documents, patients
from helpers.comparison.documents import Document
from helpers.comparison.settings import AS_DEFINED
from helpers.endpoints import Observed
from helpers.errors import KitError
from helpers.figures import Picture
from helpers.member_curves import MemberCurves
from helpers.parameters import Settings
from helpers.tables import Table
from helpers.whatif import Outcome

Flags = NDArray[np.bool_]

_CLOCKS = {
    "diagnosis": "diagnosis",
    "treatment": "the start of venetoclax",
    "response": "the response",
    AS_DEFINED: "the start of each document's own clock",
}
_ALIVE = {"death": "Overall survival", "death or relapse": "Alive without relapse"}
_MONTHS = np.arange(0.0, 37.0, 6.0)
_UNKNOWN = "its clock can't start there"


@dataclass(frozen=True, eq=False)
class Followed:
    """The patients of one document, by one definition.

    Attributes
    ----------
    paper : str
        Its id.
    document : Document
        What it is.
    origin : str
        Where the clock starts.
    observed : Observed
        What the definition makes of its members.
    who : numpy.ndarray of bool
        Whose times count.
    """

    paper: str
    document: Document
    origin: str
    observed: Observed
    who: Flags

    @property
    def label(self) -> str:
        """What to call it, and whether its patients are real."""
        return f"{self.document.label}, {'real' if self.document.real else 'synthetic'}"


def followed(settings: Settings) -> tuple[list[Followed], dict[str, str]]:
    """Apply one definition to the patients of all documents.

    Parameters
    ----------
    settings : Settings
        With the settings ``documents`` and ``survival_by_document``.

    Returns
    -------
    patients : list of Followed
        Where the definition can be applied.
    left_out : dict of str to str
        The other documents by their labels, and why.

    Raises
    ------
    KitError
        If what is assumed of times contradicts those that are printed.
    """
    asked: Any = settings
    whom = documents.load().populations[asked.population]
    found, left_out = [], {}
    for paper, each in patients.chosen(settings).items():
        if paper not in whom:
            left_out[each.label] = "not recorded of whom"
            continue
        members = patients.members(paper, patients.assumed(settings))
        definition = definition_of(settings, paper)
        try:
            observed = members.observed(definition)
        except KitError:
            left_out[each.label] = _UNKNOWN
            continue
        who = observed.included & members.picked(whom[paper])
        if who.any():
            found.append(Followed(paper, each, definition.origin, observed, who))
        else:
            left_out[each.label] = "nobody"
    return found, left_out


def definition_of(settings: Settings, paper: str) -> Definition:
    """Return the endpoint that the settings describe, as one document has it.

    Parameters
    ----------
    settings : Settings
        With the settings ``survival_by_document``.
    paper : str
        The paper's id: its overall survival says where the clock starts, if that isn't chosen.

    Returns
    -------
    Definition
    """
    asked: Any = settings
    own = catalogue.load(paper).endpoints["os"].origin
    return Definition(
        label=_ALIVE[asked.events].lower(),
        origin=own if asked.origin == AS_DEFINED else asked.origin,
        events=tuple(asked.events.split(" or ")),
        censor_at=("transplant",) if asked.censor_at_transplant else (),
    )


def read_off(found: list[Followed], *, month: float) -> pd.DataFrame:
    """Read medians and survival at a month off all members' curves.

    Parameters
    ----------
    found : list of Followed
        What `followed` returned.
    month : float
        Months on the clock.

    Returns
    -------
    pandas.DataFrame
        One row per document: ``label``, ``origin``, how many ``patients`` count, and for the
        ``median`` (months), the share ``alive`` (from 0 to 1) and how many are ``at_risk`` then,
        the lowest and the highest over its members under ``…_low`` and ``…_high``: nan if unknown
        in any, infinite where a median isn't reached.
    """
    from helpers.survival.curves import counts, curves, landmark, quantile

    rows = []
    for each in found:
        drawn = curves(each.observed.time, each.observed.code == 1, where=each.who)
        rule = catalogue.load(each.paper).reconstruct.median_rule
        read = quantile(drawn, rule="lifelines" if rule == "first" else "survfit")
        somebody = drawn.n > 0
        values = {
            "patients": drawn.n.astype(float),
            "median": np.where(somebody & np.isnan(read.value), np.inf, read.value),
            "alive": landmark(drawn, month).value[..., 0],
            "at_risk": counts(drawn, month).at_risk[..., 0].astype(float),
        }
        row: dict[str, Any] = {"label": each.label, "origin": each.origin}
        for name, some in values.items():
            row |= {f"{name}_low": some.min(), f"{name}_high": some.max()}
        rows.append(row)
    return pd.DataFrame(rows)


def table(data: pd.DataFrame, *, month: float) -> Table:
    """Set what is read off the curves.

    Parameters
    ----------
    data : pandas.DataFrame
        What `read_off` returned.
    month : float
        The month that it was asked for.

    Returns
    -------
    Table
    """
    shown = pd.DataFrame(
        {
            "label": data["label"],
            "origin": data["origin"],
            "patients": [_span(*pair) for pair in _pairs(data, "patients")],
            "median": [_span(*pair, "0.0") for pair in _pairs(data, "median")],
            "alive": [_span(100 * a, 100 * b) for a, b in _pairs(data, "alive")],
            "at_risk": [_span(*pair) for pair in _pairs(data, "at_risk")],
        }
    )
    return tables.table(
        shown,
        caption=f"The same curves in numbers, read at {month:g} months",
        headings={
            "label": "Document, patients",
            "origin": "Clock starts at",
            "patients": "Patients",
            "median": "Median (months)",
            "alive": f"At {month:g} months (%)",
            "at_risk": "At risk then",
        },
        footnote="A range goes from the lowest to the highest over all synthetic cohorts: what a "
        "document leaves open, no confidence interval. One number: all cohorts print it.",
        align_right=("patients", "median", "alive", "at_risk"),
    )


def _pairs(data: pd.DataFrame, name: str) -> list[tuple[float, float]]:
    return list(zip(data[f"{name}_low"], data[f"{name}_high"], strict=True))


def _span(low: float, high: float, digits: str = "0", unit: str = "") -> str:
    """Write a range; one number where both ends print alike."""

    def one(value: float) -> str:
        if np.isnan(value):
            return "can't be told"
        return "not reached" if np.isinf(value) else rounding.rounded(value, digits)

    first, last = one(low), one(high)
    told = first if first == last else f"{first} to {last}"
    return told + (unit if np.isfinite(high) else "")


def draw(found: list[Followed], settings: Settings) -> Picture:
    """Draw the curves of all documents on one axis, with the numbers at risk.

    Parameters
    ----------
    found : list of Followed
        What `followed` returned.
    settings : Settings
        With the settings ``survival_by_document``.

    Returns
    -------
    Picture
        Of synthetic cohorts the first, within the band of all; real patients as they are.

    Raises
    ------
    KitError
        If there is nobody to follow.
    """
    asked: Any = settings
    if not found:
        raise KitError("nobody to follow", where="documents", right="one document or more")
    drawn = [
        member_curves.curves_data(each.observed, {each.label: each.who}, months=_MONTHS)
        for each in found
    ]
    together = MemberCurves(
        "survival",
        1,
        max(each.members for each in drawn),
        tuple(curve for each in drawn for curve in each.curves),
        {name: risk for each in drawn for name, risk in each.at_risk.items()},
    )
    real = [each.document.label for each in found if each.document.real]
    source = f"{member_curves.SYNTHETIC.replace('the authors', 'their authors')}"
    if real:
        source += f"; {' and '.join(real)}: real, as published"
    if len(real) == len(found):
        together = replace(together, members=1)
        source = "Real patients, as published"
    return member_curves.draw_curves(
        together,
        ylabel=_ALIVE[asked.events],
        xlabel=f"Months from {_CLOCKS[asked.origin]}",
        source=source,
        how_many="its",
    )


def outcome(settings: Settings, *, paper: str = "") -> Outcome:
    """Show survival of all documents by the settings' definition.

    Parameters
    ----------
    settings : Settings
        With the settings ``documents`` and ``survival_by_document``.
    paper : str, optional
        Not used: the settings name the documents.

    Returns
    -------
    Outcome
        ``data`` is what `read_off` returned.
    """
    asked: Any = settings
    found, left_out = followed(settings)
    left = "; ".join(f"{label}: {why}" for label, why in left_out.items())
    left = f" Left out: {left}." if left else ""
    if not found:
        words = f"Nobody can be followed from {_CLOCKS[asked.origin]}.{left}"
        return Outcome(words, (), pd.DataFrame())
    data = read_off(found, month=asked.survival_month)
    told = "; ".join(
        f"{row.label} {_span(100 * row.alive_low, 100 * row.alive_high, unit=' %')} of "
        f"{_span(row.patients_low, row.patients_high)}"
        for row in data.itertuples()
    )
    words = (
        f"{_ALIVE[asked.events]}, {asked.population}, from {_CLOCKS[asked.origin]}"
        + (", stopped at transplant" if asked.censor_at_transplant else "")
        + f". At {asked.survival_month} months: {told}.{left}{_warned(found, asked)}"
    )
    return Outcome(words, (draw(found, settings), table(data, month=asked.survival_month)), data)


def _warned(found: list[Followed], asked: Any) -> str:
    """Say what the chosen definition does to the comparison."""
    said = []
    origins = {each.origin for each in found}
    if len(origins) > 1:
        said.append(
            "The clocks start at different moments, so the curves can't be compared: whoever is "
            "counted from diagnosis had to live until venetoclax."
        )
    some = [
        each.document.label for each in found if each.document.real and each.origin != "diagnosis"
    ]
    if some:
        said.append(f"Times of {' and '.join(some)} from there rest on the assumed intervals.")
    if asked.origin == "response":
        said.append("From the response only responders count, who lived to have one.")
    if asked.censor_at_transplant:
        said.append(
            "Where a document prints no transplants, none is stopped; where it does, those who "
            "leave are those who do best."
        )
    return " " + " ".join(said) if said else ""
