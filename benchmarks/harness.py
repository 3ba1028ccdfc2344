"""Time two ways to the same end in turns, and write what they took as CSV.

A benchmark is a function; its way to be run is a decorator:

    @benchmark(reference=what_one_would_run_otherwise, label="its name")
    def name_of_the_row(): ...

A side is timed from call to return. One that knows better returns `Timed`: a loop that ran on a
sample, or one whose own program has to start first.

With a `tolerance` both sides can be held against each other: they take a size, and return a
function (alone or in `Timed`) that gives their answer as a dict of arrays. It is called by the
tests only, so that bringing answers into one form costs neither side time.
"""

import csv
import io
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

HEADER = ["name", "ours_s", "reference_s", "ratio", "reference"]
Side = Callable[..., Any]


@dataclass(frozen=True)
class Benchmark:
    """Two ways to the same end, or one way without a reference."""

    name: str
    ours: Side
    reference: Side | None
    label: str
    rounds: int
    tolerance: float | None = None


@dataclass(frozen=True)
class Timed:
    """What a side says of itself: the seconds for all of it, and its answer."""

    seconds: float
    answer: Callable[[], dict[str, Any]]


class Missing(Exception):
    """A side cannot run here; the message says what is not there."""


REGISTERED: list[Benchmark] = []


def benchmark(
    *,
    reference: Side | None = None,
    label: str = "",
    rounds: int = 5,
    tolerance: float | None = None,
) -> Callable[[Side], Side]:
    """Register a function as a benchmark of its own name.

    `label` says what the reference is; each side is run `rounds` times and its best time counts.
    `tolerance` says how close the answers of both sides are, where they have any.
    """
    if bool(reference) != bool(label):
        raise ValueError("a reference needs a label, and a label a reference")

    def register(ours: Side) -> Side:
        REGISTERED.append(Benchmark(ours.__name__, ours, reference, label, rounds, tolerance))
        return ours

    return register


def best_times(bench: Benchmark) -> tuple[float, float | None]:
    """Return the best time of either side in seconds.

    They take turns, so that a machine that slows down slows both.
    Neither finds the caches as it left them: what takes milliseconds is slower here than if it is
    run again and again.
    """
    sides = [bench.ours, *([bench.reference] if bench.reference else [])]
    best = [float("inf")] * len(sides)
    for _ in range(bench.rounds):
        for index, side in enumerate(sides):
            start = time.perf_counter()
            found = side()
            taken = time.perf_counter() - start
            best[index] = min(best[index], found.seconds if isinstance(found, Timed) else taken)
    return best[0], best[1] if bench.reference else None


def as_csv(benchmarks: Iterable[Benchmark]) -> str:
    """Run the benchmarks; return one row for each.

    `ratio` is reference_s / ours_s: above 1, ours is the faster. A row without a reference leaves
    the last three fields empty; one with a side that cannot run here says why in the last.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADER)
    for bench in tqdm(list(benchmarks), desc="benchmarks", file=sys.stderr):
        label = bench.label
        try:
            ours, reference = best_times(bench)
        except Missing as missing:
            label = f"{label}: {missing}" if label else str(missing)
            if bench.reference is None:
                writer.writerow([bench.name, "", "", "", label])
                continue
            ours, reference = best_times(replace(bench, reference=None))
        row = [bench.name, f"{ours:.4g}", "", "", label]
        if reference is not None:
            row[2:4] = [f"{reference:.4g}", f"{reference / ours:.3g}"]
        writer.writerow(row)
    return file.getvalue()


def write(text: str, file: Path) -> None:
    """Write a file whole: whoever reads it meets the old rows or the new ones."""
    beside = file.with_name(file.name + ".new")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
