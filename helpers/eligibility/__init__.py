"""Eligibility criteria as rules: who of the screened may enter, and why the others may not.

A paper's ``eligibility.toml`` holds each inclusion and exclusion criterion as data: a variable, a
comparison, a threshold with its unit, whom it concerns and what waives it, and the paper's words.

- `rules`: reads and checks them, puts them into words, changes them.
- `evaluation`: puts them to a table of screened patients.

Logic has three values. What isn't recorded makes a criterion undecided, never passed; a patient is
eligible only if every criterion is passed, and not eligible as soon as one is failed.
"""

from helpers.eligibility.evaluation import (
    OUTCOMES,
    STATUS,
    VERDICTS,
    Evaluation,
    Step,
    consort,
    dispositions,
    evaluate,
    reasons,
    restrictiveness,
    upper_limit,
)
from helpers.eligibility.rules import (
    ULN,
    Change,
    Criterion,
    Rules,
    changed,
    checked,
    describe,
    describe_limits,
    difference,
    exchanged,
    load,
    words,
)

__all__ = [
    "OUTCOMES",
    "STATUS",
    "ULN",
    "VERDICTS",
    "Change",
    "Criterion",
    "Evaluation",
    "Rules",
    "Step",
    "changed",
    "checked",
    "consort",
    "describe",
    "describe_limits",
    "difference",
    "dispositions",
    "evaluate",
    "exchanged",
    "load",
    "reasons",
    "restrictiveness",
    "upper_limit",
    "words",
]
