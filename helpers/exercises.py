"""Exercises that check themselves.

An exercise lives in its paper's folder as a recipe for the right answer and for the typical
wrong ones. Both are computed from the patients when an answer is checked, so the solution
stands neither beside the question nor anywhere as a number.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pydantic
from pydantic import BaseModel, ConfigDict, Field

from helpers import (
    association,
    audit,
    catalogue,
    cohort,
    confounding,
    dosing,
    endpoints,
    multiplicity,
    near_misses,
    paths,
    proportions,
    rounding,
    survival,
    timeline,
    two_groups,
)
from helpers.audit import evidence, inference
from helpers.errors import DataError, KitError

_LETTERS = tuple("abcdefgh")


class Recipe(BaseModel):
    """How an answer is computed; the fields that a recipe doesn't use stay empty.

    Attributes
    ----------
    recipe : str
        One of `RECIPES`, or empty for a multiple-choice answer.
    choice : str
        The letter of a multiple-choice answer.
    column, where, endpoint, method : str
        A variable, a cohort query, an endpoint of the paper, a method.
    months : float
        A time, months from the endpoint's origin.
    venetoclax_mg, venetoclax_days, ramp_days : int
        A schedule, as in `helpers.dosing.Schedule`.
    cyp3a_inhibitor : str
        The class of the inhibitor.
    number : str
        The id of a published number; of several, with spaces between, for some recipes.
    test : str
        A key of `helpers.association.TESTS`.
    interval : str
        A key of `helpers.proportions.METHODS`.
    side : {'lower', 'upper'}
        Which limit of an interval.
    location : str
        Where in the paper published numbers stand.
    level : float
        What P values are held against.
    measure : {'difference', 'risk ratio', 'odds ratio'}
        How two groups are compared.
    share, share_other, effect : float
        Of a hidden factor: who has it in either group, from 0 to 1, and its ratio. Of a design:
        the rate that is asked about and, if there are two, the other.
    of : str
        The id of another published number, whose count is what a count is divided by.
    patients : int
        How many patients a design is asked about.
    asked : str
        Of a trial, a key of `helpers.trial_answers.QUESTIONS`; of documents side by side, one of
        `helpers.comparison.answers.QUESTIONS`; of a made-up abstract, one of
        `helpers.made_up_abstract.QUESTIONS`.
    change : dict of str to bool, int, float or str
        Of a trial or of documents side by side, settings that aren't as they start.
    seed : int
        Of a made-up abstract, from which seed it is.
    hint : str
        What to say to someone who gives this answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str = ""
    choice: str = ""
    column: str = ""
    where: str = ""
    endpoint: str = "os"
    method: Literal["reverse", "observed"] = "reverse"
    months: float = 0
    venetoclax_mg: int = 0
    venetoclax_days: int = 0
    ramp_days: int = 1
    cyp3a_inhibitor: str = "none"
    number: str = ""
    test: str = "chi2"
    interval: str = "clopper_pearson"
    side: Literal["lower", "upper"] = "lower"
    location: str = ""
    level: float = 0.05
    measure: Literal["difference", "risk ratio", "odds ratio"] = "risk ratio"
    share: float = 0
    share_other: float = 0
    effect: float = 1
    of: str = ""
    patients: int = 0
    asked: str = ""
    change: dict[str, bool | int | float | str] = {}
    seed: int = 1
    hint: str = ""


class Exercise(BaseModel):
    """One exercise: what is right, and what is typically answered instead.

    Attributes
    ----------
    unit : str
        What the answer is a number of.
    decimals : int
        To how many decimals it is asked for.
    lettered : bool
        Whether it is a letter, although worked out as a number: a for 1, b for 2.
    answer : Recipe
        The right answer.
    praise : str
        What to say to someone who gives it.
    wrong : tuple of Recipe
        Typical mistakes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str = ""
    decimals: int = 0
    lettered: bool = False
    answer: Recipe
    praise: str = ""
    wrong: Annotated[tuple[Recipe, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Feedback:
    """What an answer is told.

    Attributes
    ----------
    right : bool or None
        None while there is no answer.
    text : str
        The verdict and, if wrong, a hint.
    """

    right: bool | None
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        colour = {True: "#009E73", False: "#D55E00", None: "#8A8A8A"}[self.right]
        return (
            f'<p role="status" style="border-left: 4px solid {colour}; padding: 0.3em 0.8em">'
            f"{html.escape(self.text)}</p>"
        )


def check(paper: str, exercise: str, answer: object, *, seed: int = 1) -> Feedback:
    """Check an answer.

    Parameters
    ----------
    paper : str
        The paper's id, or ``comparison`` for documents side by side.
    exercise : str
        The exercise's id in ``data/<paper>/exercises.toml``.
    answer : object
        A number, a letter, or ``...`` for not yet answered.
    seed : int, optional
        Where the exercise is drawn: from which seed.

    Returns
    -------
    Feedback
        The right answer is confirmed, a typical wrong one gets its hint; the solution is not
        shown.

    Raises
    ------
    DataError
        If there is no such exercise.
    """
    task = load(paper, exercise)
    if answer is ... or answer is None or (isinstance(answer, str) and not answer.strip()):
        return Feedback(None, "Not answered yet: put your answer in place of the three dots.")
    if task.answer.choice:
        return _check_choice(task, answer if isinstance(answer, str) else "")
    if task.lettered:
        letter = answer.strip().lower() if isinstance(answer, str) else ""
        if letter not in _LETTERS[: 1 + len(task.wrong)]:
            letters = ", ".join(_LETTERS[: 1 + len(task.wrong)])
            return Feedback(False, f"✗ Not yet. Answer with one of {letters}.")
        answer = 1 + _LETTERS.index(letter)
    try:
        given = float(answer)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        shown = repr(answer) if isinstance(answer, str) else f"A {type(answer).__name__}"
        return Feedback(False, f"{shown} is not a number. Give the {task.unit} alone.")
    if _same(given, work_out(paper, _drawn(task.answer, seed)), task.decimals):
        return Feedback(True, f"✓ Right. {task.praise}".strip())
    for mistake in task.wrong:
        if _same(given, work_out(paper, _drawn(mistake, seed)), task.decimals):
            return Feedback(False, f"✗ Not yet. {mistake.hint}")
    return Feedback(
        False, "✗ Not yet. Look at the table again and say step by step what you count."
    )


def load(paper: str, exercise: str) -> Exercise:
    """Read one exercise.

    Parameters
    ----------
    paper : str
        As `check` takes it.
    exercise : str
        The exercise's id.

    Returns
    -------
    Exercise

    Raises
    ------
    DataError
        If there is no such exercise, or it has faults.
    """
    file = paths.root() / "data" / paper / "exercises.toml"
    where = f"data/{paper}/exercises.toml"
    if not file.is_file():
        paths.paper(paper)
    content = catalogue.read_toml(file)
    if exercise not in content:
        raise DataError(f"no exercise {exercise!r}", where=where, right=", ".join(content))
    try:
        return Exercise.model_validate(content[exercise])
    except pydantic.ValidationError as error:
        raise DataError(str(error.errors()[0]["msg"]), where=f"{where}, {exercise}") from None


def work_out(paper: str, recipe: Recipe) -> float:
    """Compute the answer that a recipe describes.

    Parameters
    ----------
    paper : str
        The paper's id.
    recipe : Recipe
        The recipe.

    Returns
    -------
    float

    Raises
    ------
    KitError
        If there is no such recipe.
    """
    if recipe.recipe not in RECIPES:
        raise KitError(f"no recipe {recipe.recipe!r}", right=", ".join(RECIPES))
    return float(RECIPES[recipe.recipe](paper, recipe))


def _drawn(recipe: Recipe, seed: int) -> Recipe:
    return recipe.model_copy(update={"seed": seed})


def _check_choice(task: Exercise, answer: str) -> Feedback:
    letter = answer.strip().lower()
    if letter == task.answer.choice:
        return Feedback(True, f"✓ Right. {task.praise}".strip())
    hints = {mistake.choice: mistake.hint for mistake in task.wrong}
    letters = ", ".join(sorted([task.answer.choice, *hints]))
    return Feedback(False, "✗ Not yet. " + hints.get(letter, f"Answer with one of {letters}."))


def _same(given: float, right: float, decimals: int) -> bool:
    """Compare as rounded, to the decimals asked for or to more: the reader may round, or not."""
    return any(abs(given - round(right, more)) < 1e-9 for more in range(decimals, 10))


def _times(paper: str, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    described = catalogue.load(paper)
    patients = cohort.patients(paper, recipe.where)
    assumed = {name: each.default for name, each in described.assumptions.items()}
    table = endpoints.derive(
        timeline.history(patients, **assumed), described.endpoints[recipe.endpoint]
    )
    return table["AVAL"].to_numpy(float), table["CNSR"].to_numpy() == 0


def _percent_alive(paper: str, recipe: Recipe) -> float:
    return 100 * float((cohort.patients(paper, recipe.where)["DTHFL"] == "N").mean())


def _cumulative_dose(_paper: str, recipe: Recipe) -> float:
    schedule = dosing.Schedule(
        recipe.venetoclax_mg,
        recipe.ramp_days,
        recipe.venetoclax_days,
        recipe.venetoclax_days,
        cyp3a_inhibitor=recipe.cyp3a_inhibitor,
    )
    return float(dosing.calendar(schedule)["DOSE"].sum())


def _survival_at(paper: str, recipe: Recipe) -> float:
    curve = survival.kaplan_meier(*_times(paper, recipe))
    return 100 * survival.survival_at(curve, recipe.months).survival


def _count_behind(paper: str, recipe: Recipe) -> float:
    number = catalogue.number(paper, recipe.number)
    return float(evidence.attainable(number.value or "", number.total or 0)[0])


def _share_of_parts(paper: str, recipe: Recipe) -> float:
    book = audit.book(paper)
    number = book.by_id[recipe.number]
    parts = next(book.alternatives(number))
    return 100 * sum(book.counts(part)[0] for part in parts) / (book.total(number) or 1)


def _counts(paper: str, recipe: Recipe) -> np.ndarray:
    book = audit.book(paper)
    return next(inference.count_tables(book.by_id[recipe.number], book))


def _p_value(paper: str, recipe: Recipe) -> float:
    return association.p_value(_counts(paper, recipe), test=recipe.test)


def _effect(paper: str, recipe: Recipe) -> float:
    found = two_groups.effects(_counts(paper, recipe)).set_index("measure")["estimate"]
    return float(found[recipe.measure]) * (100 if recipe.measure == "difference" else 1)


def _difference_of_printed(paper: str, recipe: Recipe) -> float:
    """Subtract two percentages as printed, which were rounded before."""
    number = audit.book(paper).by_id[recipe.number]
    first, second = (_printed(paper, Recipe(number=id)) for id in number.relates_to)
    return first - second


def _e_value(paper: str, recipe: Recipe) -> float:
    return confounding.e_value(_effect(paper, recipe)).estimate


def _patients_changed(paper: str, recipe: Recipe) -> float:
    table = _counts(paper, recipe)
    printed = catalogue.number(paper, recipe.number).value or ""
    nearest = near_misses.nearest(table, printed, test=recipe.test)
    return float(near_misses.patients_changed(table, nearest[0]))


def _bias(_paper: str, recipe: Recipe) -> float:
    return float(confounding.bias(recipe.effect, recipe.share, recipe.share_other))


def _denominator(paper: str, recipe: Recipe) -> float:
    book = audit.book(paper)
    number = book.by_id[recipe.number]
    return float(next(inference.denominators(number, book.total(number) or 1))[1])


def _limit(paper: str, recipe: Recipe) -> float:
    """Return a limit of a published proportion's interval, by a method of one's own, in %."""
    number = catalogue.number(paper, recipe.number)
    found = proportions.proportion(number.count or 0, number.total or 1, method=recipe.interval)
    return 100 * float(getattr(found, recipe.side))


def _printed_limit(paper: str, recipe: Recipe) -> float:
    digits = rounding.read(getattr(catalogue.number(paper, recipe.number), recipe.side) or "")
    return float(digits.number) if digits else float("nan")


def _p_values(paper: str, recipe: Recipe) -> np.ndarray:
    found: np.ndarray = multiplicity.of_paper(paper, recipe.location)["p"].to_numpy(float)
    return found


def _expected_by_chance(paper: str, recipe: Recipe) -> float:
    tests = len(_p_values(paper, recipe))
    return multiplicity.by_chance(tests, level=recipe.level).expected


def _rest(paper: str, recipe: Recipe) -> float:
    """Subtract printed percentages from the whole."""
    parts = [_printed(paper, Recipe(number=id)) for id in recipe.number.split()]
    return 100 - sum(parts)


def _failures(paper: str, recipe: Recipe) -> float:
    """Count who has had the event by a printed rate; of two rates, those of the first alone."""
    book, counts = audit.book(paper), []
    for id in recipe.number.split():
        number = book.by_id[id]
        total = book.total(number) or 0
        counts.append(total - evidence.attainable(number.value or "", total)[0])
    return float(counts[0] - sum(counts[1:]))


def _printed(paper: str, recipe: Recipe) -> float:
    digits = rounding.read(catalogue.number(paper, recipe.number).value or "")
    return float(digits.number) if digits else float("nan")


def _percent_of(paper: str, recipe: Recipe) -> float:
    """Divide the count of one published number by that of another."""
    book = audit.book(paper)
    count, of = (book.counts(book.by_id[id])[0] for id in (recipe.number, recipe.of))
    return 100 * count / of


def _goes_on(_paper: str, recipe: Recipe) -> float:
    """Return the chance that a 3+3 goes on from a dose with some DLT rate, in %."""
    from helpers import dose_finding

    table = dose_finding.operating_characteristics(
        dose_finding.ThreePlusThree(doses=2, deescalate=False), [recipe.share, 1.0]
    )
    # Whoever is treated at the second dose is there because the first was tolerated.
    return 100 * float(table.loc[2, "patients"]) / 3


def _stop_at(_paper: str, recipe: Recipe) -> float:
    """Return the most responses at which monitoring from a uniform prior stops."""
    from helpers import monitoring

    criterion = monitoring.Criterion(rate=recipe.share, wanted="at least", cutoff=recipe.level)
    return float(monitoring.boundaries(criterion, [recipe.patients])["stop_at"].iloc[0])


def _down_at_least(_paper: str, recipe: Recipe) -> float:
    """Return the fewest patients with a DLT at which BOIN goes down."""
    from helpers import dose_finding

    design = dose_finding.BOIN(
        doses=2, target=recipe.share, patients=recipe.patients, cohort=recipe.patients
    )
    return float(design.boundaries().loc[recipe.patients, "down_at_least"])


def _two_stage_patients(_paper: str, recipe: Recipe) -> float:
    """Return how many patients Simon's optimal or minimax design has at most."""
    from helpers import two_stage

    search = two_stage.minimax if recipe.side == "lower" else two_stage.optimal
    found = search(recipe.share, recipe.share_other, alpha=recipe.level, beta=1 - recipe.effect)
    return float(found.n)


def _trial(paper: str, recipe: Recipe) -> float:
    from helpers import trial_answers

    return trial_answers.answer(paper, recipe.asked, recipe.change)


def _side_by_side(_paper: str, recipe: Recipe) -> float:
    from helpers.comparison import answers

    return answers.answer(recipe.asked, recipe.change)


def _made_up(_paper: str, recipe: Recipe) -> float:
    from helpers import made_up_abstract

    return made_up_abstract.answer(recipe.asked, seed=recipe.seed)


RECIPES: dict[str, Callable[[str, Recipe], Any]] = {
    "count": lambda paper, of: len(cohort.patients(paper, of.where)),
    "median": lambda paper, of: cohort.patients(paper, of.where)[of.column].median(),
    "mean": lambda paper, of: cohort.patients(paper, of.where)[of.column].mean(),
    "at_risk": lambda paper, of: (_times(paper, of)[0] >= of.months).sum(),
    "longer_than": lambda paper, of: (_times(paper, of)[0] > of.months).sum(),
    "percent_alive": _percent_alive,
    "survival_at": _survival_at,
    "km_median": lambda paper, of: survival.kaplan_meier(*_times(paper, of)).median,
    "follow_up": lambda paper, of: survival.follow_up(*_times(paper, of), method=of.method).median,
    "cumulative_dose": _cumulative_dose,
    "trial": _trial,
    "side_by_side": _side_by_side,
    "made_up": _made_up,
    "count_behind": _count_behind,
    "share_of_parts": _share_of_parts,
    "p_value": _p_value,
    "effect": _effect,
    "difference_of_printed": _difference_of_printed,
    "e_value": _e_value,
    "patients_changed": _patients_changed,
    "bias": _bias,
    "denominator": _denominator,
    "limit": _limit,
    "printed_limit": _printed_limit,
    "expected_by_chance": _expected_by_chance,
    "p_values": lambda paper, of: len(_p_values(paper, of)),
    "p_values_below": lambda paper, of: (_p_values(paper, of) < of.level).sum(),
    "rest": _rest,
    "failures": _failures,
    "percent_of": _percent_of,
    "goes_on": _goes_on,
    "none_of": lambda _paper, of: 100 * (1 - of.share) ** of.patients,
    "none_until": lambda _paper, of: math.ceil(math.log(of.level) / math.log1p(-of.share)),
    "stop_at": _stop_at,
    "down_at_least": _down_at_least,
    "two_stage_patients": _two_stage_patients,
    "printed": _printed,
    "printed_count": lambda paper, of: catalogue.number(paper, of.number).count or 0,
    "printed_total": lambda paper, of: catalogue.number(paper, of.number).total or 0,
}
"""The recipes by name: each takes a paper's id and a `Recipe`."""
