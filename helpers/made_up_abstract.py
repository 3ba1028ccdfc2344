"""A made-up abstract with one slip, to audit and to reconstruct; the truth is kept in an envelope.

Patients of a public data set are drawn by a seed and summed up as a short abstract prints them
(`helpers.public_patients`, `helpers.summary`). Then one percentage is misprinted. Whoever has
found it can make cohorts that have all the other numbers, and hold what they say of unprinted
things against the true patients.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import audit, catalogue, paths, public_patients, query, rounding, summary, synthetic
from helpers.errors import KitError
from helpers.reconstruct.member_arrays import Members
from helpers.summary import DEATH, MONTHS, Choices
from helpers.synthetic import Range

PAPER = "made_up"
"""The id of the abstract's folder."""

COHORTS = 4
"""How many cohorts are made unless told otherwise: few, so that one can wait for them."""

SIGNIFICANT = 0.05
CLAIMS = ("the groups differ", "the groups don't differ", "it can't be told")
"""What may be said of the comparison by `claim`, numbered from 1."""

_SIZE = 40
_SOURCES = ("lung", "lymphoma")
"""Data sets of which cohorts are found in seconds: many deaths, on many different days."""

_LEFT_OUT = (
    *("characteristics of each group", "follow-up", "survival of all", "limits of rates"),
    *("log-rank P", "hazard ratio"),
)
_GROUPS, _TRIES = 2, 200
_MOST_LOST = 0.25
_LEAST_OFF, _MOST_OFF = 0.4, 1.1
"""How far off a misprint is, in percentage points: less than half a patient of forty."""


@dataclass(frozen=True, eq=False)
class MadeUp:
    """An abstract about true patients, with one slip; make it with `write`.

    Attributes
    ----------
    root : pathlib.Path
        The folder that holds ``data/made_up``, the paper's folder.
    text : str
        The abstract.
    numbers : pandas.DataFrame
        What it prints, by ``number`` from 1: the ``id``, the words in which it stands, ``what``,
        and how it is ``printed``.
    misprinted : str
        The id of the number that is wrong.
    choices : Choices
        What is printed of the patients, and which groups are compared.
    patients : pandas.DataFrame
        The true patients.
    kept : list of pandas.DataFrame
        The cohorts that were reconstructed so far.
    """

    root: Path
    text: str
    numbers: pd.DataFrame
    misprinted: str
    choices: Choices
    patients: pd.DataFrame
    kept: list[pd.DataFrame] = field(default_factory=list)


def write(seed: int) -> MadeUp:
    """Make up an abstract.

    Parameters
    ----------
    seed : int
        The same seed gives the same abstract.

    Returns
    -------
    MadeUp
        Two groups are compared; the audit contradicts one number, and only this.
    """
    return _write(seed)


@lru_cache(maxsize=4)
def _write(seed: int) -> MadeUp:
    for attempt in range(_TRIES):
        name = str(np.random.default_rng([seed, attempt]).choice(_SOURCES))
        patients, choices = public_patients.draw([seed, attempt], name=name, size=_SIZE)
        if len(choices.compared.groups) != _GROUPS:
            continue
        choices = public_patients.without(choices, *_LEFT_OUT)
        if not _quick(patients, choices):
            continue
        made = _misprinted(np.random.default_rng([seed, attempt]), patients, choices)
        if made is not None:
            return made
    raise KitError(f"no abstract for seed {seed}", right="another seed")


def _quick(patients: pd.DataFrame, choices: Choices) -> bool:
    """Say whether cohorts are found soon: where medians are reached, and few are lost by then."""
    medians = [
        each for each in summary.numbers(patients, choices) if each.statistic == "median_time_ci"
    ]
    if any("NR" in (each.value, each.lower) for each in medians):
        return False
    from helpers.survival import kaplan_meier

    for group in choices.compared.groups:
        followed = patients[query.parse(group.query, choices.variables).mask(patients)]
        months, died = followed[MONTHS], followed[DEATH].astype(bool)
        median = kaplan_meier(months, died, median_rule="lifelines").median
        if (~died & (months < median)).mean() > _MOST_LOST:
            return False
    return True


def _misprinted(
    rng: np.random.Generator, patients: pd.DataFrame, choices: Choices
) -> MadeUp | None:
    """Write an abstract with a slip; none if it has no percentage that the audit would miss."""
    shares = [
        each for each in summary.numbers(patients, choices) if each.statistic == "count_percent"
    ]
    shares = [each for each in shares if each.value]
    for place in rng.permutation(len(shares)):
        number = shares[int(place)]
        right = str(number.value)
        off = float(rng.choice([-1, 1]) * rng.uniform(_LEAST_OFF, _MOST_OFF))
        wrong = f"{min(max(float(right) + off, 0.1), 99.9):.1f}"
        holder = Path(tempfile.mkdtemp(prefix="trial-by-notebook-"))
        with paths.elsewhere(holder):
            folder = summary.write(PAPER, patients, choices)
            _replace(folder, number.id, right, wrong)
            found = audit.ledger(PAPER)
            bad = found.loc[found["verdict"] == "inconsistent", "id"].tolist()
            if bad == [number.id] and _nearest(wrong, number.count) == right:
                return MadeUp(
                    holder,
                    (folder / "abstract.txt").read_text("utf-8"),
                    _numbers(),
                    number.id,
                    choices,
                    patients,
                )
    return None


def _nearest(wrong: str, count: int | None) -> str:
    """Return the percentage of all patients that is nearest to a wrong one."""
    counts = range(_SIZE + 1) if count is None else [count]
    share = min((100 * each / _SIZE for each in counts), key=lambda x: abs(x - float(wrong)))
    return rounding.rounded(share, "0.0")


def _replace(folder: Path, id: str, right: str, wrong: str) -> None:
    """Misprint one number wherever it stands in a paper's folder, and leave it out by name."""
    words = catalogue.excerpts(PAPER)[id]
    misprinted = words.replace(f"{right}%", f"{wrong}%")
    text = folder / "abstract.txt"
    text.write_text(text.read_text("utf-8").replace(words, misprinted, 1), "utf-8")
    for name in ("published.csv", "excerpts.csv"):
        file = folder / name
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        for row in rows:
            if row["id"] == id:
                row |= {key: value.replace(f"{right}%", f"{wrong}%") for key, value in row.items()}
                row |= {"value": wrong} if "value" in row else {}
        with file.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    described = folder / "paper.toml"
    left_out = f'\n[reconstruct.excluded]\n{id} = "a slip"\n'
    described.write_text(described.read_text("utf-8") + left_out, "utf-8")


def _numbers() -> pd.DataFrame:
    words = catalogue.excerpts(PAPER)
    printed = catalogue.published(PAPER)
    return pd.DataFrame(
        {
            "number": range(1, len(printed) + 1),
            "id": [each.id for each in printed],
            "what": [words[each.id] for each in printed],
            "printed": [each.printed for each in printed],
        }
    )


def ledger(made: MadeUp) -> pd.DataFrame:
    """Give every number of an abstract its verdict.

    Parameters
    ----------
    made : MadeUp
        The abstract.

    Returns
    -------
    pandas.DataFrame
        As `helpers.audit.ledger`, with ``number`` first.
    """
    with paths.elsewhere(made.root):
        found = audit.ledger(PAPER)
    found.insert(0, "number", made.numbers["number"].to_numpy())
    return found


def cohorts(made: MadeUp, number: int = COHORTS) -> Iterator[pd.DataFrame]:
    """Reconstruct cohorts, each with every number of an abstract but the one that is wrong.

    Parameters
    ----------
    made : MadeUp
        The abstract.
    number : int, optional
        How many.

    Yields
    ------
    pandas.DataFrame
        A cohort as `helpers.reconstruct.members.member` returns it, as soon as it is found; those
        that were found before are kept.
    """
    from helpers.reconstruct import members

    yield from made.kept[:number]
    if len(made.kept) >= number:
        return
    with paths.elsewhere(made.root):
        prepared = members.plan(PAPER)
    for each in range(len(made.kept) + 1, number + 1):
        made.kept.append(members.member(prepared, [1, each]))
        yield made.kept[-1]


def unprinted(made: MadeUp, found: list[pd.DataFrame]) -> list[Range]:
    """Work out of cohorts what the abstract doesn't print.

    Parameters
    ----------
    made : MadeUp
        The abstract.
    found : list of pandas.DataFrame
        Its cohorts.

    Returns
    -------
    list of helpers.synthetic.Range
        Survival midway between the printed months in each group, the hazard ratio of the first
        group against the second, and P by the log-rank test.
    """
    table = pd.concat(
        [each.assign(member=place) for place, each in enumerate(found, start=1)],
        ignore_index=True,
    )
    with paths.elsewhere(made.root):
        described = catalogue.load(PAPER)
    members = Members(table, described.variables)
    observed = members.observed(described.endpoints["os"])
    from helpers.survival.curves import curves, landmark

    groups = [members.picked(group.query) for group in made.choices.compared.groups]
    midway = sum(made.choices.months) / len(made.choices.months)
    ranges = [
        Range(
            f"survival at {midway:g} months, {group.words}",
            "%",
            100
            * landmark(
                curves(observed.time, observed.code == 1, where=observed.included & who),
                midway,
                extend=True,
            ).value[..., 0],
        )
        for group, who in zip(made.choices.compared.groups, groups, strict=True)
    ]
    compared = synthetic.comparison(observed, *groups)
    first, second = (group.words for group in made.choices.compared.groups)
    ratio = replace(compared["ratio"], what=f"hazard ratio, {first} against {second}")
    return [*ranges, ratio, compared["logrank"]]


def claim(made: MadeUp, found: list[pd.DataFrame]) -> int:
    """Say what an abstract's cohorts let one claim of the comparison that it doesn't print.

    Parameters
    ----------
    made : MadeUp
        The abstract.
    found : list of pandas.DataFrame
        Its cohorts.

    Returns
    -------
    int
        The place of the claim in `CLAIMS`, from 1: P of the log-rank test is below 0.05 in every
        cohort, in none, or in some.
    """
    below = unprinted(made, found)[-1].values < SIGNIFICANT
    return 1 if below.all() else 2 if not below.any() else 3


def envelope(made: MadeUp, found: list[pd.DataFrame]) -> pd.DataFrame:
    """Hold what cohorts say of unprinted things against the true patients.

    Parameters
    ----------
    made : MadeUp
        The abstract.
    found : list of pandas.DataFrame
        Its cohorts.

    Returns
    -------
    pandas.DataFrame
        One row per quantity of `unprinted`, as text: ``what``, its ``cohorts``' range, the
        ``truth`` and whether it lies ``inside``.
    """
    died = made.patients[DEATH].to_numpy(bool)
    true = made.patients.assign(
        DTHM=made.patients[MONTHS].where(died), LSTALVM=made.patients[MONTHS]
    )
    rows = []
    for each, truth in zip(unprinted(made, found), unprinted(made, [true]), strict=True):
        value = float(truth.values[0])
        inside = each.values.min() - 1e-9 <= value <= each.values.max() + 1e-9
        rows.append((each.what, each.words(), truth.words(), "✓ yes" if inside else "✗ no"))
    return pd.DataFrame(rows, columns=["what", "cohorts", "truth", "inside"])


def nearest_consistent(made: MadeUp) -> float:
    """Return what should stand in place of the misprinted percentage.

    Parameters
    ----------
    made : MadeUp
        The abstract.

    Returns
    -------
    float
        In per cent, one decimal: that of the count beside it, or of the nearest number of
        patients.
    """
    number = _published(made)
    return float(_nearest(str(number.value), number.count))


def misprint(made: MadeUp) -> float:
    """Return the misprinted percentage.

    Parameters
    ----------
    made : MadeUp
        The abstract.

    Returns
    -------
    float
    """
    return float(_published(made).value or "nan")


def _published(made: MadeUp) -> catalogue.PublishedNumber:
    with paths.elsewhere(made.root):
        return catalogue.number(PAPER, made.misprinted)


def answer(asked: str, *, seed: int) -> float:
    """Answer a question about an abstract.

    Parameters
    ----------
    asked : str
        A key of `QUESTIONS`.
    seed : int
        From which seed it is.

    Returns
    -------
    float

    Raises
    ------
    KitError
        If there is no such question.
    """
    if asked not in QUESTIONS:
        raise KitError(f"no question {asked!r}", right=", ".join(QUESTIONS))
    return float(QUESTIONS[asked](write(seed)))


def _place(made: MadeUp, id: str) -> int:
    return int(made.numbers.set_index("id").loc[id, "number"])


def _undetermined(made: MadeUp) -> int:
    found = ledger(made)
    return int(found.loc[found["verdict"] == "undetermined", "number"].iloc[0])


def _other_claim(step: int) -> Callable[[MadeUp], int]:
    def other(made: MadeUp) -> int:
        return (claim(made, list(cohorts(made))) - 1 + step) % len(CLAIMS) + 1

    return other


QUESTIONS: dict[str, Callable[[MadeUp], float]] = {
    "misprinted number": lambda made: _place(made, made.misprinted),
    "first number": lambda made: 1,
    "an undetermined number": _undetermined,
    # A survival rate, which censoring keeps from being a share of whole patients.
    "last number": lambda made: len(made.numbers),
    "right percentage": nearest_consistent,
    "misprint": misprint,
    "count of the misprint": lambda made: _published(made).count or float("nan"),
    "the others": lambda made: 100 - nearest_consistent(made),
    "claim": _other_claim(0),
    "next claim": _other_claim(1),
    "claim after that": _other_claim(2),
}
"""The questions that `answer` answers, each with how."""
