"""Settings whose names, ranges and defaults a trial's folder holds: thresholds, plan, endpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from helpers import catalogue, eligibility, planned

UNCUT = 60
"""So many months of follow-up mean that it isn't cut."""


def thresholds(paper: str) -> dict[str, Any]:
    """Return a setting for each threshold of the paper's criteria that may be moved.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    dict of str to tuple
        Type and field, as pydantic takes them, by name: the criterion's id and ``_limit``.
    """
    fields: dict[str, Any] = {}
    for each in eligibility.load(paper).criteria:
        if each.range is None or isinstance(each.threshold, str):
            continue
        ends = (each.threshold, *each.range)
        kind = int if all(float(end).is_integer() for end in ends) else float
        sign = eligibility.rules.asked(each).split()[0]
        fields[f"{each.id}_limit"] = (
            kind,
            Field(
                kind(each.threshold),
                ge=kind(each.range[0]),
                le=kind(each.range[1]),
                title=each.label[:1].upper() + each.label[1:],
                json_schema_extra={"unit": f"{sign} … {each.unit}".strip()},
            ),
        )
    return fields


def plan(paper: str) -> dict[str, Any]:
    """Return a setting for each number of the paper's plan.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    dict of str to tuple
        Type and field, as pydantic takes them, by name.
    """
    fields: dict[str, Any] = {}
    for name, each in planned.load(paper).settings.items():
        kind = int if each.whole else float
        fields[name] = (
            kind,
            Field(
                kind(each.default),
                ge=kind(each.minimum),
                le=kind(each.maximum),
                title=each.label,
                json_schema_extra={"unit": each.unit},
            ),
        )
    return fields


def readings(paper: str) -> dict[str, Any]:
    """Return settings that choose two of the paper's endpoints, and where follow-up is cut.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    dict of str to tuple
        Type and field, as pydantic takes them, by name.
    """
    defined = catalogue.load(paper).endpoints
    labels = tuple(each.label for each in defined.values())
    first, second = (defined[name].label for name in planned.load(paper).compare)
    return {
        "reading": (Literal[labels], Field(first, title="Endpoint")),
        "beside": (Literal[labels], Field(second, title="Beside it")),
        "cutoff_months": (
            int,
            Field(
                UNCUT,
                ge=1,
                le=UNCUT,
                title="Data cut-off",
                json_schema_extra={"unit": f"months on the clock; {UNCUT}: as defined"},
            ),
        ),
    }


FROM_PAPER: dict[str, Callable[[str], dict[str, Any]]] = {
    "entry": thresholds,
    "design": plan,
    "readings": readings,
}
"""The groups by name."""
