"""Rebuild the numbers of a clinical paper, and ask what would change them.

The modules, in the order in which data flows through them:

========================  =====================================================
`catalogue`, `cohort`     read a paper's folder in ``data/``
`rounding`                read printed digits
`timeline`, `endpoints`   turn a patient's history into times and event codes
`proportions`, `dosing`,  compute
`association`, `companions`,
`sample_size`, `survival`,
`multiplicity`,
`meta_analysis`
`laboratory`,             say who may enter a trial, and make up the screened
`eligibility`,
`screening`
`single_arm`              plan a trial with a time to an event
`planned`, `stand_in`,    run a trial that has not begun, as a lesson's settings
`lymphoid_drugs`,         have it
`combination`,
`trial_settings`,
`trial_entry`,
`trial_design`,
`trial_panels`,
`trial_answers`,
`interval_plot`
`audit`                   give each printed number a verdict
`dose_finding`,           design a trial, and say how often it goes right
`two_stage`, `monitoring`
`reconstruct`             make patients that have every printed number
`synthetic`, `relaxed`    ask all of these at once
`layouts`, `wording`,     show it
`tables`,
`paper_tables`, `figures`,
`flow`, `swimmer`,
`oncoprint`, `regimen`,
`adverse_events`,
`level_median`,
`member_curves`,
`printed_survival`,
`forest_plot`
`parameters`, `whatif`,   let a reader change it
`leeway`,
`phase_one`, `phase_two`,
`response_rates`,
`survival_subgroup`,
`survival_endpoint`,
`transplant`, `panel_grid`,
`panels`
`comparison`              put one question to all documents
`exercises`, `report`,    check an answer, write a report or a site, plan a course
`site`, `course`
`classroom`               hand lessons out, and grade what comes back
`executors`, `progress`   work in several processes, or on a Dask cluster; show how far it is
`papers`                  write and check the folder of a further paper
`public_patients`,        make one of true patients
`summary`,
`made_up_abstract`
========================  =====================================================

A module is loaded when it is first used, so that ``import helpers`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = [
    "adverse_events",
    "association",
    "audit",
    "catalogue",
    "classroom",
    "cohort",
    "combination",
    "companions",
    "comparison",
    "confounding",
    "course",
    "dose_finding",
    "dosing",
    "eligibility",
    "endpoints",
    "errors",
    "executors",
    "exercises",
    "figures",
    "files",
    "flow",
    "forest_plot",
    "imbalance",
    "immortal_time",
    "interval_plot",
    "laboratory",
    "layouts",
    "ledgers",
    "leeway",
    "level_median",
    "lymphoid_drugs",
    "made_up_abstract",
    "member_curves",
    "meta_analysis",
    "monitoring",
    "multiplicity",
    "near_misses",
    "oncoprint",
    "panel_grid",
    "panels",
    "paper_tables",
    "papers",
    "parameters",
    "paths",
    "phase_one",
    "phase_two",
    "planned",
    "printed_survival",
    "progress",
    "proportions",
    "public_patients",
    "query",
    "reconstruct",
    "regimen",
    "relaxed",
    "report",
    "response_rates",
    "rounding",
    "sample_size",
    "screening",
    "single_arm",
    "site",
    "spreadsheets",
    "stand_in",
    "summary",
    "survival",
    "survival_endpoint",
    "survival_subgroup",
    "swimmer",
    "synthetic",
    "tables",
    "timeline",
    "transplant",
    "trial_answers",
    "trial_design",
    "trial_entry",
    "trial_panels",
    "trial_settings",
    "two_groups",
    "two_stage",
    "whatif",
    "wording",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
