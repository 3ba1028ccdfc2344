"""How well patients come back from digitised Kaplan-Meier curves, measured on simulated arms.

    python -m benchmarks.digitised [ARMS [SEED]]

Arms of 30 to 500 patients (evenly on a logarithmic scale), exponential, Weibull or with a plateau
of 20 to 50 %, whole days; patients leave evenly over the follow-up, or all in its last third.
Plots are 500 to 1000 pixels wide and high and clicks lie on whole pixels: at the steps (the lower
end in each column of pixels) or at 80 to 250 regular times. The table of numbers at risk has about
eight intervals. Printed: one table for single arms, one for pairs of arms. The pairs are measured
as they come from the curves, and again with the printed hazard ratio with its limits, log-rank P
and both medians with their limits to be met.
"""

from __future__ import annotations

import sys
import time as clock
from typing import Any

import numpy as np
from tqdm import tqdm

from helpers.reconstruct.digitised import Printed, from_curve, from_two_curves
from helpers.survival import kaplan_meier, number_at_risk
from helpers.survival.comparison import logrank
from helpers.survival.cox import cox

DAYS_PER_MONTH = 30.4375
# What is given along with the clicks.
GIVEN = {
    "numbers at risk": (True, False),
    "numbers at risk and events": (True, True),
    "patients and events": (False, True),
    "patients only": (False, False),
}


def plan(rng: np.random.Generator) -> dict[str, Any]:
    """Draw what the arms of one trial share."""
    return {
        "kind": str(rng.choice(["exponential", "Weibull", "plateau"])),
        "shape": rng.uniform(0.7, 1.6),
        "scale": rng.uniform(6, 30) / np.log(2),
        "cured": rng.uniform(0.2, 0.5),
        "late": bool(rng.random() < 0.5),
        "end": rng.uniform(24, 60),
        "regular": bool(rng.random() < 0.5),
        "patients": int(np.exp(rng.uniform(np.log(30), np.log(500)))),
    }


def simulated(rng: np.random.Generator, drawn: dict[str, Any], longer: float = 1.0) -> Any:
    """Return times in months and events of one arm."""
    n, end = drawn["patients"], drawn["end"]
    waited = -np.log(rng.random(n))
    if drawn["kind"] == "Weibull":
        waited = waited ** (1 / drawn["shape"])
    death = drawn["scale"] * longer * waited
    if drawn["kind"] == "plateau":
        death = np.where(rng.random(n) < drawn["cured"], np.inf, death)
    leaves = rng.uniform((0.67 if drawn["late"] else 0.05) * end, end, n)
    days = np.maximum(1, np.round(np.minimum(death, leaves) * DAYS_PER_MONTH))
    return days / DAYS_PER_MONTH, death <= leaves


def survival(months: Any, event: Any, at: Any) -> Any:
    """Read the curve of some patients at some times."""
    curve = kaplan_meier(months, event).curve
    place = np.searchsorted(curve["time"].to_numpy(), at, side="right") - 1
    return curve["survival"].to_numpy()[place]


def clicked(rng: np.random.Generator, drawn: dict[str, Any], months: Any, event: Any) -> Any:
    """Return the clicks on the arm's plot."""
    wide, high = rng.integers(500, 1001, 2)
    pixel, end = drawn["end"] / wide, months.max()
    if drawn["regular"]:
        at = np.linspace(0, end, int(rng.integers(80, 251)))
    else:
        at = np.append(np.unique(months[event]), end)
    columns = np.round(at / pixel)
    points = np.column_stack([columns * pixel, np.round(survival(months, event, at) * high) / high])
    last = np.append(np.diff(columns) > 0, True)
    return points if drawn["regular"] else points[last]


def counted(months: Any, end: float) -> dict[float, int]:
    """Return the numbers at risk as a figure prints them."""
    every = min((1, 2, 3, 6, 12), key=lambda months: abs(end / months - 8))
    at = np.arange(0, end, every)
    return dict(zip(at.tolist(), number_at_risk(months, at).tolist(), strict=True))


def arguments(drawn: dict[str, Any], points: Any, months: Any, event: Any, given: str) -> Any:
    table, events = GIVEN[given]
    return {
        "points": points,
        "patients": len(months),
        "numbers_at_risk": counted(months, drawn["end"]) if table else None,
        "total_events": int(event.sum()) if events else None,
    }


def off(months: Any, event: Any, found: Any) -> float:
    """Return the root mean square of the curves' difference up to the arm's last time."""
    at = np.linspace(0, min(months.max(), found["time"].max()), 2001)
    ours = survival(found["time"], found["event"], at)
    return float(np.sqrt(np.mean((ours - survival(months, event, at)) ** 2)))


def compared(months: Any, event: Any, arm: Any) -> Any:
    fit = cox(months, event, arm)
    return fit, float(logrank(months, event, arm).p)


def shown(value: float, decimals: int) -> str:
    return "NE" if np.isnan(value) else f"{value:.{decimals}f}"


def printed(numbers: Any, months: Any, event: Any) -> Any:
    """Return what a paper would print: for each arm, and for both."""
    medians = []
    for arm in (0, 1):
        km = kaplan_meier(months[numbers == arm], event[numbers == arm])
        shares = (shown(x, 1) for x in (km.median, km.median_lower, km.median_upper))
        medians.append([Printed("median", *shares)])
    fit, p = compared(months, event, numbers)
    ratio = Printed(
        "hazard ratio", *(shown(float(x[0]), 2) for x in (fit.hazard_ratio, fit.lower, fit.upper))
    )
    chance = "<0.001" if p < 0.001 else f"{p:.3f}"
    return medians, [ratio, Printed("log-rank P", chance)]


def arms(number: int, seed: int) -> None:
    results: dict[str, list[tuple[float, ...]]] = {given: [] for given in GIVEN}
    for i in tqdm(range(number), desc="arms", file=sys.stderr):
        rng = np.random.default_rng([seed, i])
        drawn = plan(rng)
        months, event = simulated(rng, drawn)
        points = clicked(rng, drawn, months, event)
        for given in GIVEN:
            start = clock.perf_counter()
            found, _ = from_curve(**arguments(drawn, points, months, event, given))
            seconds = clock.perf_counter() - start
            wrong = abs(int(found["event"].sum()) - int(event.sum()))
            results[given].append((wrong, off(months, event, found), seconds))
    print(f"{'given':28} exact  by 1  RMSE   P95    seconds  longest")
    for given, rows in results.items():
        wrong, distance, seconds = np.array(rows).T
        print(
            f"{given:28} {np.mean(wrong == 0):5.1%} {np.mean(wrong <= 1):5.1%} "
            f"{distance.mean():.4f} {np.quantile(distance, 0.95):.4f} "
            f"{np.median(seconds):.3f}    {seconds[1:].max():.2f}"
        )


def pairs(number: int, seed: int) -> None:
    compare = ("numbers at risk", "numbers at risk and events", "patients only")
    results: dict[str, list[float]] = {given: [] for given in compare}
    met, asked, seconds, unmet = 0, 0, [], []
    after = []
    for i in tqdm(range(number), desc="pairs", file=sys.stderr):
        rng = np.random.default_rng([seed, i, 2])
        drawn = plan(rng)
        longer = float(np.exp(rng.uniform(-0.2, 0.8)))
        both = [simulated(rng, drawn), simulated(rng, drawn, longer)]
        points = [clicked(rng, drawn, *arm) for arm in both]
        months, event = (np.concatenate([arm[k] for arm in both]) for k in (0, 1))
        numbers = np.repeat([0, 1], [len(arm[0]) for arm in both])
        truth = float(compared(months, event, numbers)[0].coefficients[0])
        for given in compare:
            curves = [
                arguments(drawn, clicks, *arm, given)
                for clicks, arm in zip(points, both, strict=True)
            ]
            found, _ = from_two_curves(*curves)
            ours = compared(found["time"], found["event"], found["arm"])[0].coefficients[0]
            results[given].append(abs(float(ours) - truth))
        medians, ratio = printed(numbers, months, event)
        curves = [
            arguments(drawn, clicks, *arm, "numbers at risk") | {"printed": median}
            for clicks, arm, median in zip(points, both, medians, strict=True)
        ]
        start = clock.perf_counter()
        found, report = from_two_curves(*curves, printed=ratio)
        seconds.append(clock.perf_counter() - start)
        ours = compared(found["time"], found["event"], found["arm"])[0].coefficients[0]
        after.append(abs(float(ours) - truth))
        asked += 1
        met += all(check.met for check in report.checks)
        unmet += [f"pair {i} ({drawn['patients']} patients): {text}" for text in report.unmet]
    print(f"\n{'given':28} |ln HR| off: median  P95    greatest")
    rows = {given: np.array(far) for given, far in results.items()}
    for given, far in (rows | {"… and HR, P, medians printed": np.array(after)}).items():
        print(f"{given:28} {np.median(far):19.4f} {np.quantile(far, 0.95):.4f} {far.max():.4f}")
    print(
        f"all printed numbers met in {met} of {asked} pairs; "
        f"{np.median(seconds):.2f} s a pair, longest {max(seconds):.1f} s"
    )
    for text in unmet:
        print(f"  {text}")


def main(words: list[str]) -> int:
    """Measure; return the exit status."""
    number = int(words[0]) if words else 150
    seed = int(words[1]) if len(words) > 1 else 2026
    arms(number, seed)
    pairs(max(2, number // 3), seed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
