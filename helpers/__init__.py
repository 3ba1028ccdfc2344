"""Rebuild the numbers of a clinical paper, and ask what would change them.

The modules, in the order in which data flows through them:

========================  =====================================================
`catalogue`, `cohort`     read a paper's folder in ``data/``
`rounding`                read printed digits
`timeline`, `endpoints`   turn a patient's history into times and event codes
`proportions`, `dosing`,  compute
`association`,
`sample_size`, `survival`
`laboratory`,             say who may enter a trial, and make up the screened
`eligibility`,
`screening`
`single_arm`              plan a trial with a time to an event
`audit`                   give each printed number a verdict
`dose_finding`,           design a trial, and say how often it goes right
`two_stage`, `monitoring`
`reconstruct`             make patients that have every printed number
`synthetic`, `relaxed`    ask all of these at once
`tables`, `figures`,      show it
`flow`, `swimmer`,
`oncoprint`,
`member_curves`
`parameters`, `whatif`,   let a reader change it
`leeway`, `panels`
`exercises`, `report`     check an answer, write a report
`papers`                  write and check the folder of a further paper
`public_patients`,        make one of true patients
`summary`
========================  =====================================================

A module is loaded when it is first used, so that ``import helpers`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = [
    "association",
    "audit",
    "catalogue",
    "cohort",
    "confounding",
    "dose_finding",
    "dosing",
    "eligibility",
    "endpoints",
    "errors",
    "exercises",
    "figures",
    "files",
    "flow",
    "imbalance",
    "immortal_time",
    "laboratory",
    "ledgers",
    "leeway",
    "member_curves",
    "monitoring",
    "near_misses",
    "oncoprint",
    "panels",
    "papers",
    "parameters",
    "paths",
    "proportions",
    "public_patients",
    "query",
    "reconstruct",
    "relaxed",
    "report",
    "rounding",
    "sample_size",
    "screening",
    "single_arm",
    "summary",
    "survival",
    "swimmer",
    "synthetic",
    "tables",
    "timeline",
    "two_groups",
    "two_stage",
    "whatif",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
