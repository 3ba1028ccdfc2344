"""Settings of documents side by side: which, whom, which definitions, which doses."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Literal

from pydantic import Field

from helpers.comparison import documents

Fields = dict[str, Any]

DOCUMENT = "with_"
"""How the name of a setting begins that says whether a document is looked at; then its id."""

AS_DEFINED = "as each document has it"
MODELS = ("REML, Hartung-Knapp", "DerSimonian-Laird", "Bayes")
METRICS = ("mg in the first cycle", "days in the first cycle", "mg in all", "mg per day in all")


def _choice(options: Collection[str], title: str, unit: str = "") -> Any:
    names = tuple(options)
    return Literal[names], Field(names[0], title=title, json_schema_extra={"unit": unit})


def _yes_or_no(default: bool, title: str, unit: str = "") -> Any:
    return bool, Field(default, title=title, json_schema_extra={"unit": unit})


def _number(kind: type, default: float, least: float, most: float, title: str, unit: str) -> Any:
    limits = {"ge": kind(least), "le": kind(most)}
    return kind, Field(kind(default), **limits, title=title, json_schema_extra={"unit": unit})


def shown() -> Fields:
    """Return settings that say which documents are looked at, and whom of their patients.

    Returns
    -------
    dict of str to tuple
        Type and field, as pydantic takes them, by name.
    """
    fields = {
        f"{DOCUMENT}{paper}": _yes_or_no(True, f"With {each.label} ({each.disease})")
        for paper, each in documents.with_patients().items()
    }
    return fields | {"population": _choice(documents.load().populations, "Of whom")}


def pooling() -> Fields:
    """Return settings that say what counts as a response, and how rates are pooled.

    Returns
    -------
    dict of str to tuple
        Type and field, as pydantic takes them, by name.
    """
    return {
        "response": _choice(documents.load().responses, "Response"),
        "arms_apart": _yes_or_no(False, "Count the arms of a document as two"),
        "pooled_by": _choice(MODELS, "Pooled by"),
        "prior_scale": _number(
            *(float, 1.0, 0.1, 2.0, "Assumed: scale of the prior of τ"),
            "logit; if by Bayes",
        ),
    }


def survival() -> Fields:
    """Return settings that say what is measured of survival, the same of all documents.

    Returns
    -------
    dict of str to tuple
        Type and field, as pydantic takes them, by name.
    """
    assumed = {
        name: _number(
            *(float, each.default, each.minimum, each.maximum),
            *(f"Assumed: {each.label}", each.unit),
        )
        for name, each in documents.assumptions().items()
    }
    return {
        "origin": _choice((AS_DEFINED, "treatment", "response", "diagnosis"), "Clock starts at"),
        "events": _choice(("death", "death or relapse"), "Event", "the first to happen"),
        "censor_at_transplant": _yes_or_no(False, "Stop the clock at transplant"),
        "survival_month": _number(int, 12, 1, 36, "Survival is read at", "months on the clock"),
    } | assumed


def exposure() -> Fields:
    """Return settings that say how exposure to venetoclax is measured.

    Returns
    -------
    dict of str to tuple
        Type and field, as pydantic takes them, by name.
    """
    return {
        "dose_metric": _choice(METRICS, "Measured in"),
        "cycles": _number(int, 4, 1, 6, "Cycles", "if in all"),
        "cyp3a_inhibitor": _choice(
            ("none", "moderate", "strong", "posaconazole"), "CYP3A inhibitor", "taken throughout"
        ),
    }


GROUPS: dict[str, Callable[[], Fields]] = {
    "documents": shown,
    "pooling": pooling,
    "survival_by_document": survival,
    "exposure": exposure,
}
"""The groups of settings, by name."""
