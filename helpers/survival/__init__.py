"""Survival statistics.

`kaplan_meier` and what goes with it give one curve, with the table that a figure needs.
`curves`, `comparison`, `cox`, `competing` and `time_dependent` hold the same estimates and tests
for a batch: arrays whose last axis runs over patients and whose other axes run over cohorts and
groups. Nothing here knows a paper.
"""

from helpers.survival.curves import ConfType, FollowUpMethod
from helpers.survival.kaplan_meier import (
    FollowUp,
    KaplanMeier,
    Landmark,
    MedianRule,
    follow_up,
    kaplan_meier,
    number_at_risk,
    survival_at,
)

__all__ = [
    "ConfType",
    "FollowUp",
    "FollowUpMethod",
    "KaplanMeier",
    "Landmark",
    "MedianRule",
    "follow_up",
    "kaplan_meier",
    "number_at_risk",
    "survival_at",
]
