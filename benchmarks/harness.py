"""Time two ways to the same end in turns, and write what they took as CSV.

A benchmark is a function that returns nothing of interest; its way to be run is a decorator:

    @benchmark(reference=what_one_would_run_otherwise, label="its name")
    def name_of_the_row(): ...
"""

import csv
import io
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

HEADER = ["name", "ours_s", "reference_s", "ratio", "reference"]


@dataclass(frozen=True)
class Benchmark:
    """Two ways to the same end, or one way without a reference."""

    name: str
    ours: Callable[[], object]
    reference: Callable[[], object] | None
    label: str
    rounds: int


REGISTERED: list[Benchmark] = []


def benchmark(
    *, reference: Callable[[], object] | None = None, label: str = "", rounds: int = 5
) -> Callable[[Callable[[], object]], Callable[[], object]]:
    """Register a function as a benchmark of its own name.

    `label` says what the reference is; each side is run `rounds` times and its best time counts.
    """
    if bool(reference) != bool(label):
        raise ValueError("a reference needs a label, and a label a reference")

    def register(ours: Callable[[], object]) -> Callable[[], object]:
        REGISTERED.append(Benchmark(ours.__name__, ours, reference, label, rounds))
        return ours

    return register


def best_times(bench: Benchmark) -> tuple[float, float | None]:
    """Return the best time of either side in seconds.

    They take turns, so that a machine that slows down slows both.
    """
    sides = [bench.ours, *([bench.reference] if bench.reference else [])]
    best = [float("inf")] * len(sides)
    for _ in range(bench.rounds):
        for index, side in enumerate(sides):
            start = time.perf_counter()
            side()
            best[index] = min(best[index], time.perf_counter() - start)
    return best[0], best[1] if bench.reference else None


def as_csv(benchmarks: Iterable[Benchmark]) -> str:
    """Run the benchmarks; return one row for each.

    `ratio` is reference_s / ours_s: above 1, ours is the faster. A row without a reference leaves
    the last three fields empty.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADER)
    for bench in tqdm(list(benchmarks), desc="benchmarks", file=sys.stderr):
        ours, reference = best_times(bench)
        row: list[object] = [bench.name, f"{ours:.4g}", "", "", ""]
        if reference is not None:
            row[2:] = [f"{reference:.4g}", f"{reference / ours:.3g}", bench.label]
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
