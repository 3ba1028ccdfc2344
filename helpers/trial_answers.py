"""What a trial comes to with some of its settings changed: one number for each question."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from helpers import combination, eligibility, parameters, single_arm, trial_design, trial_entry
from helpers.errors import KitError
from helpers.parameters import Settings

Value = bool | int | float | str

_ENTRY = ("entry", "screening", "seed")
_DESIGN = ("transplant", "design")
_DOSE = ("dose", "lymphoid_drugs")


def answer(paper: str, asked: str, change: Mapping[str, Value]) -> float:
    """Work one number out.

    Parameters
    ----------
    paper : str
        The trial's id.
    asked : str
        A key of `QUESTIONS`.
    change : mapping of str to bool, int, float or str
        Settings that aren't as in the trial's folder.

    Returns
    -------
    float

    Raises
    ------
    KitError
        If there is no such question, or a setting is impossible.
    """
    if asked not in QUESTIONS:
        raise KitError(f"no question {asked!r}", right=", ".join(QUESTIONS))
    groups, work_out = QUESTIONS[asked]
    return float(work_out(parameters.check(change, *groups, paper=paper), paper))


def _verdicts(place: int) -> Callable[[Settings, str], float]:
    def count(settings: Settings, paper: str) -> float:
        screened = trial_entry.population(settings, paper=paper)
        change = trial_entry.rules(settings, paper=paper)
        verdict = eligibility.evaluate(change.rules, screened).verdict
        return float((verdict == eligibility.VERDICTS[place]).sum())

    return count


def _not_failed(settings: Settings, paper: str) -> float:
    return _verdicts(0)(settings, paper) + _verdicts(2)(settings, paper)


def _deaths(settings: Settings, _paper: str) -> float:
    each = trial_design.design(settings)
    table = single_arm.expected_counts(each.plan, each.course, [each.plan.months])
    return float(table["events"].iloc[0])


def _for_power(settings: Settings, _paper: str) -> float:
    each = trial_design.design(settings)
    return single_arm.patients_for_power(
        *(each.plan, each.course, each.null, 0.8), alpha=each.alpha, at=each.at
    )


def _for_width(settings: Settings, _paper: str) -> float:
    each = trial_design.design(settings)
    return single_arm.patients_for_width(each.plan, each.course, 0.2, at=each.at)


def _wins_from(settings: Settings, _paper: str) -> float:
    table = trial_design.binaries(settings, trials=1, seed=1)
    return float(table["critical"].iloc[0])


def _sum_of(drug: str) -> Callable[[Settings, str], float]:
    def total(settings: Settings, _paper: str) -> float:
        table = combination.calendars(settings)
        return float(table.loc[table["DRUG"] == drug, "DOSE"].sum())

    return total


QUESTIONS: dict[str, tuple[tuple[str, ...], Callable[[Settings, str], float]]] = {
    "eligible": (_ENTRY, _verdicts(0)),
    "undecided": (_ENTRY, _verdicts(2)),
    "not failed": (_ENTRY, _not_failed),
    "deaths": (_DESIGN, _deaths),
    "patients for a power of 80 %": (_DESIGN, _for_power),
    "patients for an interval of 20 points": (_DESIGN, _for_width),
    "responses that win": (_DESIGN, _wins_from),
    "mg of venetoclax": (_DOSE, _sum_of("venetoclax")),
    "µg of blinatumomab": (_DOSE, _sum_of("blinatumomab")),
}
"""The questions: which groups of settings each has, and how it is answered."""
