"""How often the truth lies within the range of an ensemble, measured on made-up papers.

    python -m benchmarks.coverage [PAPERS [MEMBERS [SEED]]]

A paper is made of 40 to 90 patients drawn from a public data set (`helpers.public_patients`): an
abstract with the groups' sizes, percentages, age, follow-up, deaths, each group's median survival
with limits, its survival rate in per cent at two times, and the log-rank P. What the abstract
keeps back is then worked out of the patients themselves and of each reconstructed cohort:

- the survival rate midway between the two times, of each group, in per cent;
- the restricted mean up to the second time, of each group, in months;
- the logarithm of the hazard ratio, first group against second;
- deaths in the first group;
- the median of each group of another split, of which only percentages are printed, in months.

"With a curve" the same abstract has, for each group, four more rates: read off its survival
curve to a whole per cent, at the thirds of the way to the first time and from there to the
second. The time midway isn't among them.

Printed for each quantity: in how many cases the truth lies between the least and the greatest
value of the first 10, 25 ... members; how far the middle member is off, and how wide the range of
all members is, in the median; and the width that the abstract leaves a reader without any
reconstruction. That is, for a rate and a restricted mean, what the printed rates and a falling
curve allow; for the hazard ratio, from one ratio of the medians' limits to the other; for deaths,
what the sizes allow; for the median of a group of which none is printed, all of the follow-up. A
width without end, where a limit isn't reached, is left out of the medians.

If members and truth were drawn alike, N members would cover it in (N - 1) / (N + 1) of the cases:
82 % for 10, 92 % for 25, 96 % for 50.

Papers are shared out over the processors. Ctrl-C tells of those that are done.
"""

from __future__ import annotations

import csv
import math
import os
import sys
import time as clock
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers import executors, public_patients, query, summary
from helpers.catalogue import PublishedNumber
from helpers.errors import KitError
from helpers.reconstruct import members, verification
from helpers.summary import DEATH, MONTHS, Choices
from helpers.survival import kaplan_meier, survival_at
from helpers.survival.cox import cox
from helpers.survival.curves import curves, restricted_mean

ABSTRACT = ("survival of all", "limits of rates", "hazard ratio")
"""The parts that these abstracts leave out."""

SIZES = (10, 25, 50, 100)


@dataclass(frozen=True)
class Case:
    """One quantity kept back, of one paper."""

    quantity: str
    truth: float
    found: np.ndarray
    reader: float

    def covered(self, size: int) -> bool:
        some = self.found[:size]
        return bool(some.min() - 1e-9 <= self.truth <= some.max() + 1e-9)

    def error(self) -> float:
        # Of two middles the lower one: half of a finite and an infinite time is neither.
        return abs(float(np.quantile(self.found, 0.5, method="lower")) - self.truth)

    def width(self) -> float:
        with np.errstate(invalid="ignore"):  # a median that isn't reached by any member
            return float(self.found.max() - self.found.min())


def read_offs(choices: Choices) -> tuple[int, ...]:
    """Return the months at which the curves are read off."""
    a, b = choices.months
    return tuple(round(x) for x in (a / 3, 2 * a / 3, a + (b - a) / 3, a + 2 * (b - a) / 3))


def with_a_curve(folder: Path, patients: pd.DataFrame, choices: Choices) -> None:
    """Add rates that were read off the groups' curves to a paper's folder."""
    seen = replace(choices, months=read_offs(choices), parts=("rates",))
    rates = [each for each in summary.numbers(patients, seen) if each.statistic == "survival_ci"]
    with (folder / "published.csv").open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, tuple(PublishedNumber.model_fields), lineterminator="\n")
        for each in rates:
            value = str(math.floor(float(each.value or "") + 0.5))
            writer.writerow(
                {
                    "id": f"curve_{each.id}",
                    "location": "figure 1, read off the curve",
                    "quantity": each.quantity,
                    "group": each.group,
                    "statistic": each.statistic,
                    "printed": f"{value}%",
                    "value": value,
                    "unit": "%",
                }
            )


def kept_back(patients: pd.DataFrame, choices: Choices) -> dict[tuple[str, str], float]:
    """Work out of some patients what the abstract doesn't print, by quantity and group."""
    time, died = patients[MONTHS].to_numpy(float), patients[DEATH].to_numpy(bool)
    a, b = choices.months
    found: dict[tuple[str, str], float] = {}

    def of(text: str) -> np.ndarray:
        return query.parse(text, choices.variables).mask(patients).to_numpy(bool)

    for group in choices.compared.groups:
        who = of(group.query)
        curve = kaplan_meier(time[who], died[who])
        if time[who].max() >= b:
            found["rate midway", group.name] = 100 * survival_at(curve, (a + b) / 2).survival
            mean = restricted_mean(curves(time[who], died[who]), b)
            found["restricted mean", group.name] = float(mean.value)
    if len(choices.compared.groups) == 2:
        first = of(choices.compared.groups[0].query)
        found["log hazard ratio", ""] = float(np.ravel(cox(time, died, first).coefficients)[0])
        found["deaths of a group", ""] = float((first & died).sum())
    for split in choices.splits[:1]:
        for group in split.groups:
            who = of(group.query)
            if who.sum() >= 8:
                middle = kaplan_meier(time[who], died[who]).median
                found["median of another group", group.name] = (
                    middle if math.isfinite(middle) else math.inf
                )
    return found


def as_patients(member: pd.DataFrame) -> pd.DataFrame:
    """Return a reconstructed cohort as `helpers.summary` takes patients."""
    return member.assign(**{MONTHS: member["LSTALVM"], DEATH: member["DTHM"].notna()})


def reader(
    numbers: list[PublishedNumber], choices: Choices
) -> Iterator[tuple[tuple[str, str], float]]:
    """Yield how wide the abstract leaves each quantity without a reconstruction."""
    by_id = {each.id: each for each in numbers}
    a, b = choices.months

    def value(id: str, part: str = "value") -> float:
        text = getattr(by_id[id], part) if id in by_id else None
        if text is None:
            return math.nan
        return math.inf if text == "NR" else float(text)

    groups = [group.name for group in choices.compared.groups]
    for group in groups:
        points = [(0.0, 100.0)]
        points += [(m, value(f"os_{m}m_{group}")) for m in (a, b)]
        yield ("rate midway", group), points[1][1] - points[2][1]
        middle = value(f"os_median_{group}")
        if middle < b:
            points = sorted([*points, (middle, 50.0)])
        # Between two known points a falling curve may fall at once or at the end.
        area = sum((t - s) * (p - q) / 100 for (s, p), (t, q) in pairwise(points))
        yield ("restricted mean", group), area
    if len(groups) == 2:
        low, high = (
            [value(f"os_median_{group}", part) for group in groups] for part in ("lower", "upper")
        )
        ends = [*low, *high]
        known = all(math.isfinite(each) and each > 0 for each in ends)
        width = math.log(high[1] / low[0]) - math.log(low[1] / high[0]) if known else math.inf
        yield ("log hazard ratio", ""), width
        deaths = by_id["deaths"].count or 0
        sizes = [by_id[f"patients_{group}"].count or 0 for group in groups]
        yield ("deaths of a group", ""), min(deaths, sizes[0]) - max(0, deaths - sizes[1])
    longest = value("follow_up", "upper")
    for split in choices.splits[:1]:
        for each in split.groups:
            yield ("median of another group", each.name), longest


def reconstructed(paper: str, number: int) -> list[pd.DataFrame]:
    """Return a paper's members, as many as were found: none if the first wasn't."""
    prepared = members.plan(paper)
    found = []
    for each in range(1, number + 1):
        try:
            found.append(members.member(prepared, [1, each]))
        except KitError:
            if not found:
                return []
    return found


def compared(patients: pd.DataFrame, choices: Choices, made: list[pd.DataFrame]) -> list[Case]:
    """Hold what the abstract keeps back of some members against the truth."""
    theirs = [kept_back(as_patients(each), choices) for each in made]
    widths = dict(reader(summary.numbers(patients, choices), choices))
    # A rate that isn't printed has no width: then nobody need have been followed so long.
    return [
        Case(key[0], value, np.array([each[key] for each in theirs]), widths[key])
        for key, value in kept_back(patients, choices).items()
        if not math.isnan(widths[key]) and all(key in each for each in theirs)
    ]


def cases(
    paper: str, number: int, patients: pd.DataFrame, choices: Choices, *, curve: bool
) -> list[Case]:
    """Write a paper, reconstruct it and hold what it keeps back against the truth."""
    folder = summary.write(paper, patients, choices)
    if curve:
        with_a_curve(folder, patients, choices)
    made = reconstructed(paper, number)
    if not made:
        return []
    table = pd.concat([each.assign(member=i) for i, each in enumerate(made)], ignore_index=True)
    if len(wrong := verification.missed(verification.verify(paper, table))):
        raise KitError(f"a member lacks {', '.join(wrong['id'])}", where=paper)
    return compared(patients, choices, made)


def middle(values: list[float]) -> float:
    finite = [each for each in values if math.isfinite(each)]
    return float(np.median(finite)) if finite else math.nan


def shown(title: str, found: dict[str, list[Case]], number: int) -> None:
    sizes = [*(size for size in SIZES if size < number), number]
    heads = "".join(f"{f'of {size}':>8}" for size in sizes)
    print(f"\n{title:24} cases{heads}     off   width reader's  ratio")
    for name, some in [*found.items(), ("all", [x for each in found.values() for x in each])]:
        if not some:
            continue
        shares = "".join(f"{np.mean([x.covered(size) for x in some]):8.0%}" for size in sizes)
        both = [x for x in some if math.isfinite(x.width()) and math.isfinite(x.reader)]
        units = [[x.error() for x in some], [x.width() for x in both], [x.reader for x in both]]
        # Quantities of different units have no median in common.
        told = "".join(" " * 8 if name == "all" else f"{middle(each):8.2f}" for each in units)
        ratio = middle([x.width() / x.reader for x in both if x.reader > 0])
        print(f"{name:24} {len(some):5}{shares}{told}{ratio:8.2f}")


@dataclass(frozen=True)
class Measured:
    """What came of one paper, with or without a curve."""

    number: int
    curve: bool
    seconds: float
    cases: list[Case]
    fault: str = ""


def measured(number: int, size: int, seed: int, *, curve: bool) -> Measured:
    """Make up a paper by its number and measure it."""
    start = clock.perf_counter()
    patients, choices = public_patients.draw([seed, number])
    choices = public_patients.without(choices, *ABSTRACT)
    found, fault = [], ""
    try:
        paper = f"made_up_{number}_{'curve' if curve else 'alone'}"
        found = cases(paper, size, patients, choices, curve=curve)
    except KitError as error:
        fault = str(error)
    return Measured(number, curve, (clock.perf_counter() - start) / size, found, fault)


def told(title: str, some: list[Measured], size: int) -> None:
    """Print what came of the papers of one kind."""
    results = defaultdict(list)
    for each in some:
        for case in each.cases:
            results[case.quantity].append(case)
    shown(title, results, size)
    faults = [each.fault for each in some if each.fault]
    unmade = sorted(each.number for each in some if not each.cases and not each.fault)
    print(
        f"{len(some) - len(unmade) - len(faults)} of {len(some)} papers reconstructed; "
        f"{np.median([each.seconds for each in some]):.1f} s a member"
        + (f"; none found of: {', '.join(map(str, unmade))}" if unmade else "")
        + "".join(f"\nfault: {each}" for each in faults)
    )


def main(words: list[str]) -> int:
    """Measure; return the exit status."""
    papers, size, seed = (int(x) for x in [*words, *("20", "25", "2026")[len(words) :]])
    done: list[Measured] = []
    with TemporaryDirectory() as root:
        os.environ["TRIAL_BY_NOTEBOOK"] = root
        try:
            with executors.executor(jobs=os.cpu_count() or 1) as pool:
                tasks = [
                    pool.submit(measured, number, size, seed, curve=curve)
                    for number in range(papers)
                    for curve in (False, True)
                ]
                for task in tqdm(as_completed(tasks), total=len(tasks), file=sys.stderr):
                    done.append(task.result())
        except KeyboardInterrupt:
            print(f"\nbroken off: {len(done)} of {2 * papers} papers", file=sys.stderr)
    for curve, title in ((False, "the abstract alone"), (True, "with a curve")):
        if some := [each for each in done if each.curve == curve]:
            told(title, some, size)
    return int(any(each.fault for each in done))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
