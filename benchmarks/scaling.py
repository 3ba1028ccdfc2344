"""What survival curves cost as cohorts get larger or more: time and memory."""

import csv
import io
import sys
import time
import tracemalloc
from collections.abc import Iterable

import numpy as np
from tqdm import tqdm

SHAPES = [
    (1, 10**3),
    (1, 10**4),
    (1, 10**5),
    (1, 10**6),
    (10, 96),
    (100, 96),
    (1000, 96),
    (10**4, 96),
]
HEADER = ["members", "patients", "seconds", "seconds_per_million", "input_mb", "peak_over_input"]


def measured(members: int, patients: int, *, rounds: int = 5) -> tuple[float, float, float]:
    """Return the best time of curves, medians and limits, and the bytes put in and used at most."""
    from helpers.survival import curves

    rng = np.random.default_rng(1)
    months = rng.exponential(20, (members, patients))
    event = rng.random((members, patients)) < 0.6

    def run() -> None:
        curves.quantile(curves.curves(months, event))

    seconds = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        seconds = min(seconds, time.perf_counter() - start)
    # Tracing slows, so memory is measured apart.
    tracemalloc.start()
    try:
        run()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return seconds, months.nbytes + event.nbytes, peak


def as_csv(shapes: Iterable[tuple[int, int]] = SHAPES) -> str:
    """Measure each shape; return one row for each. Seconds are per million patients of all."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADER)
    for members, patients in tqdm(list(shapes), desc="scaling", file=sys.stderr):
        seconds, given, peak = measured(members, patients)
        each = seconds / (members * patients) * 1e6
        numbers = (f"{x:.3g}" for x in (seconds, each, given / 1e6, peak / given))
        writer.writerow([members, patients, *numbers])
    return file.getvalue()
