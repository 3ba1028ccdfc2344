"""Survival statistics.

`kaplan_meier` and what goes with it give one curve, with the table that a figure needs.
The other modules hold the same estimates and more for a batch: arrays whose last axis runs over
patients and whose other axes run over cohorts and groups.

- `curves`: Kaplan-Meier curves, their limits, quantiles, landmarks, means and follow-up.
- `comparison`: log-rank tests and their relatives; survival compared at fixed times.
- `cox`: Cox's model; `profile_likelihood` and `proportional_hazards` go on from a fit.
- `competing`: cumulative incidence; `gray` and `fine_gray`: its test and its regression.
- `time_dependent`: a change during follow-up, such as a transplant.
- `ordered`, `steps`, `risk_sets`, `partial_likelihood`, `chi_squared`: what these share.

Nothing here knows a paper.
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
