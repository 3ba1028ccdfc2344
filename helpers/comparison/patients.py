"""The patients of documents side by side: real ones and synthetic cohorts, asked alike."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from helpers import catalogue, cohort, paths, synthetic, timeline
from helpers.comparison import documents
from helpers.comparison.documents import Document
from helpers.comparison.settings import DOCUMENT
from helpers.parameters import Settings
from helpers.reconstruct.member_arrays import Members


def chosen(settings: Settings) -> dict[str, Document]:
    """Return the documents that a reader looks at.

    Parameters
    ----------
    settings : Settings
        With the settings ``documents``.

    Returns
    -------
    dict of str to Document
        By the paper's id.
    """
    return {
        paper: each
        for paper, each in documents.with_patients().items()
        if getattr(settings, f"{DOCUMENT}{paper}")
    }


def assumed(settings: Settings) -> dict[str, float]:
    """Return what is assumed of times that a document doesn't print.

    Parameters
    ----------
    settings : Settings
        With the settings ``survival_by_document``, or without: then the papers' defaults.

    Returns
    -------
    dict of str to float
        By the setting's name.
    """
    asked: Any = settings
    return {
        name: float(getattr(asked, name, each.default))
        for name, each in documents.assumptions().items()
    }


def members(paper: str, times: Mapping[str, float]) -> Members:
    """Return a document's patients: of real ones, one cohort; else all synthetic cohorts.

    Parameters
    ----------
    paper : str
        The paper's id.
    times : mapping of str to float
        What `assumed` returned.

    Returns
    -------
    Members

    Raises
    ------
    KitError
        If there are no patients, or what is assumed contradicts the printed times.
    """
    if not documents.load().documents[paper].real:
        return synthetic.members(paper)
    own = catalogue.load(paper).assumptions
    changed = (paths.paper(paper) / "patients.csv").stat().st_mtime_ns
    values = tuple((name, times[name]) for name in own)
    return _real(paper, str(paths.root()), changed, values)


@lru_cache(maxsize=16)
def _real(paper: str, _root: str, _changed: int, times: tuple[tuple[str, float], ...]) -> Members:
    table = timeline.history(cohort.patients(paper), **dict(times))
    return Members(table.assign(member=1), catalogue.load(paper).variables)
