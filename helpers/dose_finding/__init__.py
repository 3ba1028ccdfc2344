"""Dose finding: how a phase 1 trial goes from dose to dose, and how often it goes right.

- `design`: what a design is. Write a class with its three attributes and three methods, and all
  that follows works for it too.
- `three_plus_three`, `interval` (BOIN, keyboard and mTPI-2), `crm`: the designs.
- `path`: one trial, cohort by cohort, with what the rule says next in words; or all states that a
  trial may be in.
- `characteristics`: what a design does under a true curve of DLT rates, exactly or simulated.

Doses are numbered from 1; 0 is none: no further dose, or no dose recommended. DLT is a
dose-limiting toxicity, MTD the maximum tolerated dose. Nothing here knows a paper.
"""

from helpers.dose_finding.characteristics import compare, operating_characteristics, totals
from helpers.dose_finding.crm import CRM, skeleton
from helpers.dose_finding.design import Design, TargetDesign
from helpers.dose_finding.interval import BOIN, IntervalDesign, Keyboard
from helpers.dose_finding.path import follow, one_trial, states
from helpers.dose_finding.three_plus_three import ThreePlusThree

__all__ = [
    "BOIN",
    "CRM",
    "Design",
    "IntervalDesign",
    "Keyboard",
    "TargetDesign",
    "ThreePlusThree",
    "compare",
    "follow",
    "one_trial",
    "operating_characteristics",
    "skeleton",
    "states",
    "totals",
]
