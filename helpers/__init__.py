"""Rebuild the numbers of a clinical paper, and ask what would change them.

The modules, in the order in which data flows through them:

========================  =====================================================
`catalogue`, `cohort`     read a paper's folder in ``data/``
`rounding`                read printed digits
`timeline`, `endpoints`   turn a patient's history into times and event codes
`proportions`, `dosing`,  compute
`association`,
`sample_size`, `survival`
`audit`                   give each printed number a verdict
`reconstruct`             make patients that have every printed number
`tables`, `figures`       show it
`parameters`, `whatif`,   let a reader change it
`panels`
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
    "dosing",
    "endpoints",
    "errors",
    "exercises",
    "figures",
    "files",
    "ledgers",
    "panels",
    "papers",
    "parameters",
    "paths",
    "proportions",
    "public_patients",
    "query",
    "reconstruct",
    "report",
    "rounding",
    "sample_size",
    "summary",
    "survival",
    "tables",
    "timeline",
    "whatif",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
