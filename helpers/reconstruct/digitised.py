"""Patients from a digitised Kaplan-Meier curve.

Guyot's task [1]_: from clicks on a printed curve and the table of numbers at risk, find patients
whose curve it is. His method fixes one interval after the other and spreads who leaves evenly.
Here the most probable history is decoded as a whole. Between two clicks some patients die and
some leave; a click's height says how many died, within half a pixel, and the number at risk how
many are left. The decoder goes through all these numbers at once, from left to right, keeping
the likeliest states (patients at risk, patients lost, height of the curve) with the sum of the
probabilities of the ways into each. So a number of deaths wins by all the ways in which it can
have come about, and a reading error of one click doesn't travel to the next. Without numbers at
risk, several patterns of leaving are tried and the one that explains the clicks best is taken.

Numbers printed beside the curve are then met by a small search over times and events, in which
every click stays within one and a half tolerances of the curve, in survival and in time, or as
far off as the decoder left it. What can't be met is reported.

Measured on 2026-11-21 on simulated arms of 30 to 500 patients, clicks on whole pixels, by
`python -m benchmarks.digitised 210` (210 arms, 70 pairs; its docstring says more). In brackets
the same for 100 arms and 70 pairs of seed 99, on which nothing was tuned:

====================  ====================  =================  ==================================
given with clicks     events exact          mean RMSE of S(t)  ln HR off: median; 95th percentile
====================  ====================  =================  ==================================
numbers at risk       91 % (85 %)           0.0032 (0.0030)    0.0033 (0.0025); 0.016 (0.017)
… and total events    100 % (100 %)         0.0032 (0.0033)    0.0028 (0.0024); 0.016 (0.024)
patients only         80 % (67 %)           0.0031 (0.0030)    0.0044 (0.0084); 0.052 (0.050)
====================  ====================  =================  ==================================

With hazard ratio, log-rank P, both medians and all limits printed, every number was met in 70 of
70 pairs (66 of 70). The four others had arms of 34 to 40 patients and one number off by a unit of
its last digit: nothing found there is no proof that there is nothing. The middle arm takes 0.01 s,
0.06 s without numbers at risk; such a pair with printed numbers 0.1 s, the slowest 12 s.

References
----------
.. [1] Guyot P, Ades AE, Ouwens MJNM, Welton NJ. Enhanced secondary analysis of survival data:
   reconstructing the data from published Kaplan-Meier survival curves. BMC Med Res Methodol
   2012;12:9.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import ArrayLike, NDArray

from helpers import rounding
from helpers.errors import KitError
from helpers.reconstruct.search import crossing, limit, outside, place
from helpers.survival import ConfType, kaplan_meier, survival_at
from helpers.survival.comparison import logrank
from helpers.survival.cox import cox

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Manner = Literal["auto", "steps", "regular"]
Statistic = Literal["survival", "median", "hazard ratio", "log-rank P"]

_BEAM = 800
# A click's error in units of the tolerance: nearly flat up to one, steep beyond it, as rounding to
# pixels makes it.
_SHARP = 0.8
_POWER = 4
# When patients leave, as shares of the follow-up: nobody before the first number and all by the
# end, or at a steady rate. Tried in turn where no numbers at risk say it.
_ENTRY = (0.0, 0.2, 0.4, 0.6, 0.8)
_RATES = (0.05, 0.2, 0.5, 1.0)
_STEPS = 20_000
_TRIES = 4, 20
_SCALES = {"plain": 0, "log": 1, "log-log": 2, "arcsine": 3}


@dataclass(frozen=True)
class Printed:
    """A number printed beside a curve, which the patients are to give again.

    Attributes
    ----------
    statistic : {'survival', 'median', 'hazard ratio', 'log-rank P'}
        What it is. The last two are for two curves; the ratio is the second arm's hazard over
        the first's, by Cox's model with Efron's way with ties.
    value : str
        As printed: ``"12.3"``, ``"45%"``, ``"<0.001"``, ``"NR"``. Empty where only limits are.
    lower, upper : str
        Its confidence limits as printed, if they are.
    at : float
        The month of a survival rate.
    """

    statistic: Statistic
    value: str
    lower: str = ""
    upper: str = ""
    at: float = math.nan


@dataclass(frozen=True)
class Check:
    """A number asked for and what the patients give.

    Attributes
    ----------
    what : str
        The number, for example ``arm 1: upper limit of the median``.
    printed : str
        As asked for.
    found : float
        As recomputed from the patients, in the unit of `printed`; nan if not reached.
    met : bool
        Whether the two agree at the printed precision.
    """

    what: str
    printed: str
    found: float
    met: bool


@dataclass(frozen=True)
class Report:
    """How a reconstruction went.

    Attributes
    ----------
    repairs : tuple of str
        What was changed in the clicks and in the table before use.
    checks : tuple of Check
        Every number asked for, beside what the patients give.
    unmet : tuple of str
        What could not be met, and why.
    farthest : float
        The greatest distance between a click and the curve of the patients, in survival; the
        curve may be off in time by one and a half tolerances.
    """

    repairs: tuple[str, ...]
    checks: tuple[Check, ...]
    unmet: tuple[str, ...]
    farthest: float


@dataclass(frozen=True, eq=False)
class _Curve:
    """One curve, its clicks repaired. `table` begins with everyone at time 0."""

    name: str
    time: Floats
    height: Floats
    table: dict[float, int]
    end: float
    events: int | None
    spread: bool
    tolerance: float
    repairs: tuple[str, ...]
    printed: tuple[Printed, ...]

    @property
    def patients(self) -> int:
        return self.table[0.0]

    @property
    def reach(self) -> float:
        # The tolerance is a share of the axis, which may be longer than the curve.
        return 1.5 * self.tolerance * self.end


@dataclass(eq=False)
class _Patients:
    """Times and events, and how far an event may be moved."""

    time: Floats
    event: NDArray[np.bool_]
    play: Floats
    notes: tuple[str, ...] = ()


def from_curve(
    points: ArrayLike,
    *,
    numbers_at_risk: Mapping[float, int] | None = None,
    total_events: int | None = None,
    patients: int | None = None,
    months: float | None = None,
    printed: Sequence[Printed] = (),
    clicks: Manner = "auto",
    tolerance: float = 0.001,
    conf_type: ConfType = "log-log",
    level: float = 0.95,
    seed: int = 1,
) -> tuple[pd.DataFrame, Report]:
    """Reconstruct the patients of one arm.

    Parameters
    ----------
    points : array_like
        The clicks: two columns, months and survival (a share or per cent). The last click is
        best set where the curve ends, also where it ends level.
    numbers_at_risk : mapping of float to int, optional
        Months to patients at risk, as printed below the figure.
    total_events : int, optional
        The printed number of events.
    patients : int, optional
        How many start; needed where `numbers_at_risk` doesn't say it for month 0.
    months : float, optional
        Where the curve ends, if not at the last click. Clicks beyond it are left out.
    printed : sequence of Printed, optional
        Medians and survival rates to be met.
    clicks : {'auto', 'steps', 'regular'}, optional
        Whether clicks were set at the steps (so that the curve falls at a click) or at regular
        intervals (so that it falls somewhere in between). ``'auto'`` looks at their distances.
    tolerance : float, optional
        How far a click may be off, as a share of either axis: half a pixel of a plot 500 pixels
        wide and high is 0.001.
    conf_type : {'log-log', 'log', 'plain', 'arcsine'}, optional
        The scale of the printed confidence limits.
    level : float, optional
        Their level.
    seed : int, optional
        Of the search for patients who meet `printed`; the rest has no chance in it.

    Returns
    -------
    pandas.DataFrame
        One row per patient: ``time`` in months, ``event`` 1 or 0, by ascending time.
    Report
        Repairs, checks and what could not be met.

    Raises
    ------
    KitError
        If there is no usable click, the number of patients is unknown, or an option cannot be
        used.

    Examples
    --------
    >>> found, report = from_curve(
    ...     [(0, 100), (5, 75), (8, 37.5), (10, 37.5)], numbers_at_risk={0: 4, 6: 2}
    ... )
    >>> found["event"].tolist(), found["time"].round(1).tolist()
    ([1, 0, 1, 0], [5.0, 5.5, 8.0, 10.0])
    >>> report.unmet
    ()
    """
    curve = _prepared(
        "",
        points,
        numbers_at_risk=numbers_at_risk,
        total_events=total_events,
        patients=patients,
        months=months,
        printed=printed,
        clicks=clicks,
        tolerance=tolerance,
    )
    tables, report = _reconstructed([curve], (), conf_type, level, seed)
    return tables[0], report


def from_two_curves(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    *,
    printed: Sequence[Printed] = (),
    conf_type: ConfType = "log-log",
    level: float = 0.95,
    seed: int = 1,
) -> tuple[pd.DataFrame, Report]:
    """Reconstruct the patients of two arms that were compared with each other.

    Parameters
    ----------
    first, second : mapping
        What `from_curve` takes for each arm: ``points`` and, by name, ``numbers_at_risk``,
        ``total_events``, ``patients``, ``months``, ``printed``, ``clicks``, ``tolerance``.
    printed : sequence of Printed, optional
        The hazard ratio of the second arm to the first and the log-rank P.
    conf_type : {'log-log', 'log', 'plain', 'arcsine'}, optional
        The scale of the printed confidence limits of survival rates and medians.
    level : float, optional
        The level of all limits.
    seed : int, optional
        Of the search for patients who meet what is printed.

    Returns
    -------
    pandas.DataFrame
        One row per patient: ``arm`` 1 or 2, ``time`` in months, ``event`` 1 or 0.
    Report
        Repairs, checks and what could not be met.

    Raises
    ------
    KitError
        As `from_curve`.
    """
    arms = []
    for name, given in (("arm 1", first), ("arm 2", second)):
        known = {"points", "numbers_at_risk", "total_events", "patients", "months", "printed"}
        if unknown := set(given) - known - {"clicks", "tolerance"}:
            raise KitError(f"unknown: {sorted(unknown)}", where=name, right=f"of {sorted(known)}")
        if "points" not in given:
            raise KitError("no points", where=name, right="clicks: months and survival")
        arms.append(_prepared(name, **given))
    tables, report = _reconstructed(arms, tuple(printed), conf_type, level, seed)
    for number, table in enumerate(tables, start=1):
        table.insert(0, "arm", number)
    return pd.concat(tables, ignore_index=True), report


# --- clicks --------------------------------------------------------------------------------------


def _prepared(
    name: str,
    points: ArrayLike,
    *,
    numbers_at_risk: Mapping[float, int] | None = None,
    total_events: int | None = None,
    patients: int | None = None,
    months: float | None = None,
    printed: Sequence[Printed] = (),
    clicks: Manner = "auto",
    tolerance: float = 0.001,
) -> _Curve:
    """Check what is given, and repair the clicks."""
    if not 0 < tolerance <= 0.05:
        raise KitError(f"given {tolerance}", where="tolerance", right="above 0, at most 0.05")
    if clicks not in ("auto", "steps", "regular"):
        raise KitError(f"given {clicks!r}", where="clicks", right="auto, steps or regular")
    if months is not None and not (math.isfinite(months) and months > 0):
        raise KitError(f"given {months}", where="months", right="a finite number above 0")
    repairs: list[str] = []
    table = _table(numbers_at_risk or {}, patients, repairs)
    n = table[0.0]
    if total_events is not None and not (
        isinstance(total_events, int | np.integer) and 0 <= total_events <= n
    ):
        raise KitError(f"given {total_events}", where="total_events", right=f"from 0 to {n}")
    time, height = _repaired(points, months, tolerance, repairs)
    followed = [at for at, left in table.items() if left > 0]
    end = max(float(time[-1]), months or 0.0, *followed)
    if end <= 0:
        raise KitError("all clicks lie at month 0", where="points", right="a curve over time")
    if months is not None and max(followed) > months:
        repairs.append(f"follow-up extended to month {max(followed):g}, where the table counts on")
    spread = clicks == "regular" or (clicks == "auto" and _regular(time, height, n))
    starts = sorted(table)
    for a, b in pairwise(starts):
        # A curve clicked at its steps has none where nobody dies; clicked regularly, it has.
        if spread and b <= time[-1] and not ((time > a) & (time <= b)).any():
            repairs.append(f"no click between months {a:g} and {b:g}: drawn straight")
    events = None if total_events is None else int(total_events)
    return _Curve(
        *(name, time, height, table, end, events, spread, tolerance),
        *(tuple(f"{name}: {text}" if name else text for text in repairs), tuple(printed)),
    )


def _regular(time: Floats, height: Floats, patients: int) -> bool:
    """Say whether clicks lie at regular times; steps do, too, where times are whole months."""
    gaps = np.diff(np.unique(time))
    if len(gaps) < 10 or np.mean(abs(gaps / gaps.mean() - 1) <= 0.6) < 0.9:
        return False
    # Regular clicks that miss no drop see several patients die in most of their intervals.
    drops = -np.diff(height)[:-1] * patients
    return bool((drops < 0.5).mean() > 0.02 or np.quantile(drops, 0.25) > 1.5)


def _table(
    given: Mapping[float, int], patients: int | None, repairs: list[str]
) -> dict[float, int]:
    """Return the numbers at risk by ascending month, from month 0 and never rising."""
    for at, left in given.items():
        whole = math.isfinite(at) and math.isfinite(left) and left == int(left)
        if not (whole and at >= 0 and left >= 0):
            raise KitError(
                f"{left} at risk at month {at}",
                where="numbers_at_risk",
                right="months and whole numbers, 0 or more",
            )
    if patients is None and 0.0 not in {float(at) for at in given}:
        raise KitError(
            "nothing says how many patients start",
            where="patients",
            right="a whole number, or numbers_at_risk with month 0",
        )
    if patients is not None and not (isinstance(patients, int | np.integer) and patients >= 1):
        raise KitError(f"given {patients}", where="patients", right="a whole number, 1 or more")
    table = {float(at): int(given[at]) for at in sorted(given)}
    if patients is not None:
        if table.get(0.0, patients) != patients:
            repairs.append(f"{table[0.0]} at risk at month 0 replaced by {patients} patients")
        table = {0.0: int(patients)} | {at: left for at, left in table.items() if at > 0}
    if table[0.0] < 1:
        raise KitError("nobody starts", where="numbers_at_risk", right="1 patient or more")
    least = table[0.0]
    for at, left in table.items():
        if left > least:
            repairs.append(f"{left} at risk at month {at:g} lowered to {least}: it can't rise")
        table[at] = least = min(least, left)
    return table


def _repaired(
    points: ArrayLike, months: float | None, tolerance: float, repairs: list[str]
) -> tuple[Floats, Floats]:
    """Return clicks in order, within the axes, without the impossible ones, from (0, 1) on."""
    try:
        rows = np.array(points, dtype=float)
    except (TypeError, ValueError):
        rows = np.zeros(0)
    if rows.ndim != 2 or rows.shape[1] != 2:
        raise KitError("not two columns of numbers", where="points", right="months and survival")

    def kept(keep: NDArray[np.bool_], why: str) -> None:
        nonlocal rows
        if not keep.all():
            repairs.append(f"{int((~keep).sum())} clicks left out: {why}")
            rows = rows[keep]

    kept(np.isfinite(rows).all(axis=1), "not numbers")
    if not len(rows):
        raise KitError("no usable click", where="points", right="months and survival")
    # A share is never above 1 by more than a hand's tremor; half a per cent is a lot of dead.
    if rows[:, 1].max() > 1.5:
        repairs.append("survival read as per cent")
        rows[:, 1] /= 100
    span = months or max(float(rows[:, 0].max()), 0.0)
    slack = 5 * tolerance
    beside = (rows[:, 0] < -slack * span) | (rows[:, 0] > span * (1 + slack))
    off = (rows[:, 1] < -slack) | (rows[:, 1] > 1 + slack)
    kept(~(beside | off), "outside the axes")
    if not len(rows):
        raise KitError("no click within the axes", where="points", right="months and survival")
    rows[:, 0] = rows[:, 0].clip(0, span)
    rows[:, 1] = rows[:, 1].clip(0, 1)
    order = np.lexsort((-rows[:, 1], rows[:, 0]))
    if (np.diff(rows[:, 0]) < 0).any():
        repairs.append("clicks put in order of time")
    rows = rows[order]
    kept(np.append(True, (np.diff(rows, axis=0) != 0).any(axis=1)), "clicked twice")
    # Several on one upright line say where it begins and ends.
    first = np.append(True, np.diff(rows[:, 0]) > 0)
    last = np.append(np.diff(rows[:, 0]) > 0, True)
    kept(first | last, "between the ends of an upright line")
    kept(_falling(rows[:, 1], 3 * tolerance), "above an earlier one or below a later one")
    if rows[0, 0] > 0 or rows[0, 1] < 1:
        if rows[0, 0] > 0:
            repairs.append("the start added: everyone alive at month 0")
        rows = np.vstack([[0.0, 1.0], rows])
    return rows[:, 0].copy(), rows[:, 1].copy()


def _falling(height: Floats, slack: float) -> NDArray[np.bool_]:
    """Mark the longest series of clicks that never rises by more than the slack."""
    length = np.ones(len(height), dtype=np.int64)
    before = np.full(len(height), -1)
    for i in range(1, len(height)):
        fits = np.where(height[:i] >= height[i] - slack, length[:i], 0)
        best = i - 1 - int(np.argmax(fits[::-1]))
        if fits[best] > 0:
            length[i], before[i] = fits[best] + 1, best
    keep = np.zeros(len(height), dtype=bool)
    at = len(length) - 1 - int(np.argmax(length[::-1]))
    while at >= 0:
        keep[at] = True
        at = int(before[at])
    return keep


# --- decoding ------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Stretches:
    """What lies between two neighbours among clicks and times of the table, and its end."""

    end: Floats
    length: Floats
    rate: Floats
    seen: Floats
    sigma: Floats
    deadly: NDArray[np.bool_]
    floor: Integers
    pin: Integers


def _stretches(curve: _Curve) -> _Stretches:
    """Cut a curve at its clicks and at the times of the table."""
    marks = [at for at in curve.table if 0 < at <= curve.end]
    rows: list[tuple[float, int, float]] = []
    unsure = set()
    for t, y in zip(curve.time, curve.height, strict=True):
        at = float(t)
        if not curve.spread:
            # A step within half a pixel of a time of the table may lie on either side of it.
            for mark in marks:
                if abs(at - mark) <= curve.reach:
                    unsure.add(mark)
                    at = max(at, mark)
        rows.append((at, 1, float(y)))
    rows = [row for row in rows if row[0] > 0 or row[2] < 1] + [(at, 0, 0.0) for at in marks]
    # On one upright line the higher click comes first.
    rows.sort(key=lambda row: (row[0], row[1], -row[2]))
    if not rows or rows[-1][0] < curve.end:
        rows.append((curve.end, 2, 0.0))
    end = np.array([row[0] for row in rows])
    noise = _SHARP * curve.tolerance
    seen, sigma = np.zeros(len(rows)), np.full(len(rows), noise)
    deadly = np.ones(len(rows), dtype=bool)
    floor, pin = np.zeros(len(rows), dtype=np.int64), np.full(len(rows), -1)
    starts = sorted(curve.table)
    rate = _rates(curve, starts)
    rates = np.zeros(len(rows))
    for k, (t, kind, y) in enumerate(rows):
        side: Literal["left", "right"] = "right" if kind == 1 else "left"
        interval = max(0, int(np.searchsorted(starts, t, side=side)) - 1)
        rates[k] = rate[interval]
        later = [curve.table[at] for at in starts[interval + 1 :] if at <= curve.end]
        floor[k] = later[0] if later else 0
        if kind == 1:
            seen[k] = y
            continue
        # No click here: between those to both sides.
        step = int(np.searchsorted(curve.time, t, side="left"))
        high = float(curve.height[max(0, step - 1)])
        low = min(high, float(curve.height[min(step, len(curve.time) - 1)]))
        seen[k], sigma[k] = (high + low) / 2, (high - low) / 2 + noise
        if kind == 0:
            pin[k] = curve.table[t]
        if not curve.spread and t not in unsure:
            seen[k], deadly[k] = high, False
        if t > curve.time[-1]:
            seen[k], deadly[k] = curve.height[-1], False
    length = np.diff(end, prepend=0.0)
    return _Stretches(end, length, rates, seen, sigma, deadly, floor, pin)


def _rates(curve: _Curve, starts: Sequence[float]) -> list[float]:
    """Estimate how fast patients leave in each interval of the table."""
    rates = []
    for a, b in pairwise(starts):
        alive = [
            max(1e-3, float(curve.height[np.searchsorted(curve.time, at, side="right") - 1]))
            for at in (a, b)
        ]
        left, still = max(curve.table[a], 0.5), max(curve.table[b], 0.5)
        staying = min(1.0, still / left / (alive[1] / alive[0]))
        rates.append(max(-math.log(staying), 0.25 / max(left, 1)) / (b - a))
    typical = float(np.mean(rates)) if rates else 0.3 / curve.end
    # After the last count the rest leave by the end.
    rest = curve.end - starts[-1]
    return [*rates, max(typical, 1 / rest if rates and rest > 0 else 0.0)]


def _decoded(curve: _Curve) -> _Patients:
    """Return the most probable patients of a curve."""
    cut = _stretches(curve)
    patterns = [cut.rate]
    if len(curve.table) == 1:
        middle = (cut.end - cut.length / 2) / curve.end
        patterns = [np.full(len(middle), rate / curve.end) for rate in _RATES]
        patterns += [
            np.where(middle < share, 0.02, 1 / (1.05 - middle)) / curve.end for share in _ENTRY
        ]
    notes: tuple[str, ...] = ()
    # A total that the clicks hardly allow is looked for with more room for their errors.
    for blur in (1, 2, 4, 8, 16, 32) if curve.events is not None else (1,):
        best: tuple[float, int, tuple[Integers, Integers]] | None = None
        for rate in patterns:
            found = _decode(
                *(cut.length, rate, cut.seen, cut.sigma * blur, cut.deadly, cut.floor, cut.pin),
                *(curve.spread, curve.patients, _BEAM),
            )
            parent, died, gone, events, mass, evidence = found
            ways = np.bincount(events, np.exp(mass), curve.patients + 1)
            if curve.events is None:
                total, weight = int(ways.argmax()), evidence + math.log(ways.sum())
            else:
                total = int(events[np.argmin(abs(events - curve.events))])
                # First whoever comes nearest to the total, then the likeliest.
                weight = evidence + math.log(ways[total] + 1e-300)
                weight -= 1e6 * abs(total - curve.events)
            if best is None or weight > best[0]:
                last = int(np.argmax(np.where(events == total, mass, -np.inf)))
                best = weight, total, _trace(parent, died, gone, last)
        assert best is not None
        _, total, (died, gone) = best
        if curve.events in (None, total):
            break
    else:
        notes = (
            f"{curve.name + ': ' if curve.name else ''}{curve.events} events don't fit the curve "
            f"and the numbers at risk; {total} is the nearest found",
        )
    return _placed(curve, cut, died, gone, notes)


def _placed(
    curve: _Curve, cut: _Stretches, died: Integers, gone: Integers, notes: tuple[str, ...]
) -> _Patients:
    """Give each death and each loss a time."""
    time: list[float] = []
    event: list[bool] = []
    play: list[float] = []
    last = 0.0
    for k, (d, c) in enumerate(zip(died, gone, strict=True)):
        start, length = cut.end[k] - cut.length[k], cut.length[k]
        if d and (curve.spread or cut.pin[k] >= 0):
            # Before a time of the table, not at it: there they are no longer at risk.
            wide = length if curve.spread else min(length, curve.reach)
            times = cut.end[k] - wide + (np.arange(d) + 0.5) / d * wide
            wide /= 2
        else:
            times, wide = np.full(d, cut.end[k]), curve.reach
        time += [*times, *(start + (np.arange(c) + 1) / (c + 1) * length)]
        event += [True] * d + [False] * c
        play += [max(wide, curve.reach)] * d + [0.0] * c
        if d or cut.pin[k] >= 0:
            last = float(cut.end[k])
    # Whoever is lost after the last death or count may have left at any time until the end.
    settled = [i for i, at in enumerate(time) if at <= last and (event[i] or at < last)]
    rest = curve.patients - len(settled)
    times = last + (np.arange(rest) + 1) / max(rest, 1) * (curve.end - last)
    return _Patients(
        np.array([time[i] for i in settled] + list(times)),
        np.array([event[i] for i in settled] + [False] * rest, dtype=bool),
        np.array([play[i] for i in settled] + [0.0] * rest),
        notes,
    )


@njit(cache=True)
def _survivors(alive: float, risk: int, lost: int, events: int, spread: bool) -> float:
    """Return survival after a stretch: those lost before the events, or among them."""
    if not spread:
        left = risk - lost
        return alive * (left - events) / left if left > 0 else alive
    for i in range(events):
        left = risk - i - min(lost, int((i + 0.5) / events * (lost + 1)))
        alive *= (left - 1) / left
    return alive


@njit(cache=True)
def _decode(  # type: ignore[no-untyped-def]
    length, rate, seen, sigma, deadly, floor, pin, spread, patients, beam
):
    """Go through the stretches; return the way back, and each last state's events and mass."""
    stretches = length.shape[0]
    parent = np.zeros((stretches, beam), np.int64)
    died = np.zeros((stretches, beam), np.int64)
    gone = np.zeros((stretches, beam), np.int64)
    risk = np.full(beam, patients)
    lost = np.zeros(beam, np.int64)
    alive = np.ones(beam)
    mass = np.zeros(beam)
    count = 1
    evidence = 0.0
    slots, room = 1 << 17, 1 << 16
    table = np.full(slots, -1, np.int64)
    key = np.zeros(room, np.int64)
    slot = np.zeros(room, np.int64)
    # Columns: at risk, lost, parent, events, lost here.
    state = np.zeros((room, 5), np.int64)
    # Columns: survival, mass, the greatest single contribution to it.
    worth = np.zeros((room, 3))
    log_factorial = np.zeros(patients + 2)
    for i in range(2, patients + 2):
        log_factorial[i] = log_factorial[i - 1] + math.log(i)
    for k in range(stretches):
        found = 0
        bucket = min(sigma[k] / 2, 0.005)
        for a in range(count):
            n, s = risk[a], alive[a]
            mean = max(rate[k] * length[k] * n, 1e-6)
            cap = int(mean + 4 * math.sqrt(mean) + 2) if length[k] > 0 else 0
            least, most = 0, 0
            if deadly[k] and s > 0 and n > 0:
                share = 1 - seen[k] / s
                width = 1 + 3 * sigma[k] * n / s
                most = max(0, min(math.ceil(share * n + width), n - floor[k]))
                least = math.floor(share * (n - 0.5 * cap) - width)
                least = min(max(0, least), most)
            for d in range(least, most + 1):
                fewest, top = 0, min(cap, n - d - floor[k])
                if pin[k] >= 0:
                    fewest = top = n - d - pin[k]
                for c in range(fewest, top + 1):
                    after = _survivors(s, n, c, d, spread)
                    off = 0.5 * (abs(after - seen[k]) / sigma[k]) ** _POWER
                    # A click astray must not outweigh all the others.
                    if off > 30:
                        off = 30 + min(1000.0, abs(after - seen[k]) / sigma[k])
                    score = mass[a] - mean + c * math.log(mean) - log_factorial[c] - off
                    left = n - c - d
                    code = (left * (patients + 1) + lost[a] + c) * 100_000 + int(after / bucket)
                    h = (code * 2654435761 + (code >> 15)) & (slots - 1)
                    while table[h] >= 0 and key[table[h]] != code:
                        h = (h + 1) & (slots - 1)
                    at = table[h]
                    if at < 0:
                        if found == room:
                            continue
                        at = found
                        found += 1
                        table[h] = at
                        key[at] = code
                        slot[at] = h
                        worth[at, 1] = score
                        worth[at, 2] = -np.inf
                    else:
                        high = max(worth[at, 1], score)
                        low = min(worth[at, 1], score)
                        worth[at, 1] = high + math.log1p(math.exp(low - high))
                    if score > worth[at, 2]:
                        worth[at, 0] = after
                        worth[at, 2] = score
                        state[at, 0] = left
                        state[at, 1] = lost[a] + c
                        state[at, 2] = a
                        state[at, 3] = d
                        state[at, 4] = c
        for i in range(found):
            table[slot[i]] = -1
        order = np.argsort(-worth[:found, 1])
        best = worth[order[0], 1]
        evidence += best
        count = 0
        for i in range(min(found, beam)):
            j = order[i]
            if worth[j, 1] < best - 25:
                break
            risk[i] = state[j, 0]
            lost[i] = state[j, 1]
            parent[k, i] = state[j, 2]
            died[k, i] = state[j, 3]
            gone[k, i] = state[j, 4]
            alive[i] = worth[j, 0]
            mass[i] = worth[j, 1] - best
            count += 1
    events = patients - lost[:count] - risk[:count]
    return parent, died, gone, events, mass[:count].copy(), evidence


@njit(cache=True)
def _trace(parent, died, gone, last):  # type: ignore[no-untyped-def]
    """Follow the way back from a last state; return events and losses of each stretch."""
    d = np.zeros(parent.shape[0], np.int64)
    c = np.zeros(parent.shape[0], np.int64)
    for k in range(parent.shape[0] - 1, -1, -1):
        d[k] = died[k, last]
        c[k] = gone[k, last]
        last = parent[k, last]
    return d, c


# --- printed numbers -----------------------------------------------------------------------------

_VALUE, _LOWER, _UPPER = 0, 1, 2
_SURVIVAL, _MEDIAN, _RATIO, _P = 0, 1, 2, 3
_KINDS = {"survival": _SURVIVAL, "median": _MEDIAN, "hazard ratio": _RATIO, "log-rank P": _P}
_PARTS = {_VALUE: "", _LOWER: "lower limit of the ", _UPPER: "upper limit of the "}


@dataclass(frozen=True)
class _Target:
    """One printed number; `arm` is -1 for what compares both."""

    arm: int
    kind: int
    part: int
    at: float
    text: str
    what: str

    @property
    def percent(self) -> bool:
        return self.text.rstrip().endswith("%")

    @property
    def digits(self) -> str:
        return self.text.rstrip().rstrip("%").strip()

    @property
    def span(self) -> tuple[float, float]:
        read = rounding.read(self.digits)
        if read is None:
            return math.nan, math.nan
        low, high = rounding.span(read)
        return (low / 100, high / 100) if self.percent else (low, high)


def _targets(arms: Sequence[_Curve], both: tuple[Printed, ...]) -> list[_Target]:
    """List every printed number with the arm that it belongs to."""
    asked = [(i, given) for i, arm in enumerate(arms) for given in arm.printed]
    asked += [(-1, given) for given in both]
    targets = []
    for arm, given in asked:
        kind = _KINDS.get(given.statistic)
        where = f"printed {given.statistic}"
        if kind is None or (kind in (_RATIO, _P)) != (arm == -1):
            right = ["survival", "median"] if arm >= 0 else ["hazard ratio", "log-rank P"]
            raise KitError("not a number of this kind", where=where, right=" or ".join(right))
        if kind == _SURVIVAL and not (math.isfinite(given.at) and given.at >= 0):
            raise KitError(f"given {given.at}", where=f"{where}: at", right="the month of the rate")
        name = given.statistic + (f" at month {given.at:g}" if kind == _SURVIVAL else "")
        prefix = f"{arms[arm].name}: " if arm >= 0 and arms[arm].name else ""
        for part, text in enumerate((given.value, given.lower, given.upper)):
            if not text.strip():
                continue
            target = _Target(arm, kind, part, given.at, text, f"{prefix}{_PARTS[part]}{name}")
            words = {"NR", "NE", "NA", "NOT REACHED", "NOT ESTIMABLE"}
            if math.isnan(target.span[0]) and text.strip().upper() not in words:
                raise KitError(f"given {text!r}", where=where, right="digits, NR or NE")
            targets.append(target)
    return targets


def _reconstructed(
    arms: Sequence[_Curve],
    both: tuple[Printed, ...],
    conf_type: ConfType,
    level: float,
    seed: int,
) -> tuple[list[pd.DataFrame], Report]:
    """Decode each arm, meet what is printed, and check it with other code than the search's."""
    if conf_type not in _SCALES:
        raise KitError(f"given {conf_type!r}", where="conf_type", right=f"of {sorted(_SCALES)}")
    if not 0 < level < 1:
        raise KitError(f"given {level}", where="level", right="above 0 and below 1")
    targets = _targets(arms, both)
    found = [_decoded(arm) for arm in arms]
    # What the clicks exclude would only lead the search astray.
    open_to = [target for target in targets if not _excluded(arms, target)]

    def met(patients: Sequence[_Patients]) -> int:
        return sum(check.met for check in _checks(arms, patients, open_to, conf_type, level))

    most = met(found)
    for start in _starts(arms, found):
        if most == len(open_to):
            break
        moved = _searched(arms, start, open_to, conf_type, level, seed)
        if met(moved) > most:
            found, most = moved, met(moved)
    checks = _checks(arms, found, targets, conf_type, level)
    unmet = [note for patients in found for note in patients.notes]
    for check, target in zip(checks, targets, strict=True):
        if not check.met:
            unmet.append(_reason(arms, check, target))
    tables = []
    farthest = 0.0
    for arm, patients in zip(arms, found, strict=True):
        order = np.lexsort((~patients.event, patients.time))
        tables.append(
            pd.DataFrame(
                {"time": patients.time[order], "event": patients.event[order].astype(np.int64)}
            )
        )
        farthest = max(farthest, float(_distances(arm, patients).max(initial=0.0)))
    repairs = tuple(text for arm in arms for text in arm.repairs)
    return tables, Report(repairs, tuple(checks), tuple(unmet), farthest)


def _starts(arms: Sequence[_Curve], found: list[_Patients]) -> Iterator[list[_Patients]]:
    """Yield where to begin the search: the likeliest patients, then a few deaths more or less.

    A number of deaths may be right only with other losses before them, a way that single moves
    don't go.
    """
    yield found
    for more in (-1, 1, -2, 2):
        for i, arm in enumerate(arms):
            total = int(found[i].event.sum()) + more
            if arm.events is None and 0 <= total <= arm.patients:
                other = _decoded(replace(arm, events=total))
                if not other.notes:
                    yield [other if j == i else patients for j, patients in enumerate(found)]


def _checks(
    arms: Sequence[_Curve],
    found: Sequence[_Patients],
    targets: Sequence[_Target],
    conf_type: ConfType,
    level: float,
) -> list[Check]:
    """Recompute every printed number from the patients by `helpers.survival`."""
    curves = [
        kaplan_meier(patients.time, patients.event, conf_type=conf_type, level=level)
        for patients in found
    ]
    checks = []
    pooled: dict[int, tuple[float, float, float]] = {}
    if any(target.arm == -1 for target in targets):
        time = np.concatenate([patients.time for patients in found])
        event = np.concatenate([patients.event for patients in found])
        group = np.repeat([0, 1], [len(patients.time) for patients in found])
        fit = cox(time, event, group, level=level)
        ratio = (fit.hazard_ratio, fit.lower, fit.upper)
        pooled[_RATIO] = (float(ratio[0][0]), float(ratio[1][0]), float(ratio[2][0]))
        pooled[_P] = (float(logrank(time, event, group).p), math.nan, math.nan)
    for target in targets:
        if target.arm == -1:
            value = pooled[target.kind][target.part]
        elif target.kind == _MEDIAN:
            km = curves[target.arm]
            value = (km.median, km.median_lower, km.median_upper)[target.part]
        else:
            # As printed beyond the last patient: the curve's last value.
            last = float(found[target.arm].time.max())
            rate = survival_at(curves[target.arm], min(target.at, last))
            value = (rate.survival, rate.lower, rate.upper)[target.part]
        if target.percent:
            value *= 100
        if math.isnan(target.span[0]):
            met = math.isnan(value)
        else:
            met = not math.isnan(value) and rounding.agrees(value, target.digits)
        checks.append(Check(target.what, target.text, value, met))
    return checks


def _excluded(arms: Sequence[_Curve], target: _Target) -> str:
    """Say between what the clicks put a number, if they exclude it; empty if they don't."""
    if target.arm < 0 or target.part != _VALUE or math.isnan(target.span[0]):
        return ""
    arm = arms[target.arm]
    margin = 2 * arm.tolerance
    low, high = target.span
    if target.kind == _SURVIVAL:
        before = arm.height[arm.time < target.at - arm.reach]
        after = arm.height[arm.time > target.at + arm.reach]
        most = min(1.0, float(before.min(initial=1.0)) + margin)
        least = max(0.0, float(after.max(initial=0.0)) - margin)
        text = f"{least:.3f} and {most:.3f}"
    else:
        below = arm.time[arm.height < 0.5 - margin]
        above = arm.time[arm.height > 0.5 + margin]
        most = float(below.min(initial=math.inf)) + arm.reach
        least = float(above.max(initial=0.0)) - arm.reach
        text = f"{least:.3g} and {most:.3g} months"
    return text if low > most or high < least else ""


def _reason(arms: Sequence[_Curve], check: Check, target: _Target) -> str:
    """Say why a number is not met: the clicks exclude it, or nothing was found."""
    nearest = "not reached" if math.isnan(check.found) else f"{check.found:.4g}"
    between = _excluded(arms, target)
    why = f"; the clicks put it between {between}" if between else " within the tolerance of clicks"
    return f"{check.what} {check.printed}: nearest found {nearest}{why}"


def _distances(arm: _Curve, patients: _Patients) -> Floats:
    """Return how far each click is from the curve, which may be off in time by half a pixel."""
    order = np.argsort(patients.time, kind="stable")
    out: Floats = _apart(
        *(patients.time[order], patients.event[order], arm.time, arm.height, arm.reach)
    )
    return out


def _searched(
    arms: Sequence[_Curve],
    found: Sequence[_Patients],
    targets: Sequence[_Target],
    conf_type: ConfType,
    level: float,
    seed: int,
) -> list[_Patients]:
    """Move times and events until the printed numbers come out."""
    widest = max(arm.patients for arm in arms)
    most_clicks = max(len(arm.time) for arm in arms)
    size = np.array([arm.patients for arm in arms])
    clicks = np.array([len(arm.time) for arm in arms])
    reach = np.array([arm.reach for arm in arms])
    tolerance = np.array([arm.tolerance for arm in arms])
    fixed = np.array([arm.events is not None for arm in arms])

    def filled(shape: int) -> Floats:
        return np.zeros((len(arms), shape))

    time, play, low, high = filled(widest), filled(widest), filled(widest), filled(widest)
    event = np.zeros((len(arms), widest), dtype=np.bool_)
    at, height, allowed = filled(most_clicks), filled(most_clicks), filled(most_clicks)
    for i, (arm, patients) in enumerate(zip(arms, found, strict=True)):
        n, m = arm.patients, len(arm.time)
        time[i, :n], event[i, :n] = patients.time, patients.event
        play[i, :n] = np.maximum(patients.play, arm.reach)
        marks = np.array(sorted(arm.table))
        interval = np.searchsorted(marks, patients.time, side="right") - 1
        low[i, :n] = marks[interval]
        # Times closer than that would count as tied, and be at risk at the table's time.
        ends = np.append(marks[1:] - 1e-6 * arm.end, arm.end).clip(max=arm.end)
        high[i, :n] = np.maximum(ends[interval], low[i, :n])
        at[i, :m], height[i, :m] = arm.time, arm.height
        # Nothing is read worse than before, nor better than a pixel allows.
        allowed[i, :m] = np.maximum(_distances(arm, patients), 1.5 * arm.tolerance)
    spans = np.array([target.span for target in targets])
    logarithms = np.array([target.kind in (_RATIO, _P) for target in targets])
    with np.errstate(divide="ignore", invalid="ignore"):
        spans[logarithms] = np.log(np.maximum(spans[logarithms], 0))
    # A little inside, so that other code, with other rounding errors, agrees.
    width = np.where(np.isfinite(spans).all(axis=1), spans[:, 1] - spans[:, 0], 0.1)
    spans += 1e-4 * width[:, None] * [1, -1]
    kinds = np.array([(t.arm, t.kind, t.part) for t in targets])
    when = np.array([t.at for t in targets])
    z = NormalDist().inv_cdf((1 + level) / 2)
    best: tuple[float, Floats, NDArray[np.bool_]] = (math.inf, time, event)
    # A few patients leave few ways, which take longer to find and cost less to try.
    fewest, most = _TRIES
    for attempt in range(max(fewest, min(most, 2000 // int(size.sum())))):
        result = _anneal(
            *(best[1].copy(), best[2].copy(), size, play, low, high, fixed),
            *(at, height, allowed, clicks, reach, tolerance),
            *(kinds, when, spans, width, z, _SCALES[conf_type], _STEPS, seed + attempt),
        )
        if result[0] < best[0]:
            best = result
        if best[0] <= 0:
            break
    return [
        _Patients(best[1][i, : size[i]], best[2][i, : size[i]], play[i, : size[i]], patients.notes)
        for i, patients in enumerate(found)
    ]


@njit(cache=True)
def _fit(time, event, order, at, died, risk, alive, variance):  # type: ignore[no-untyped-def]
    """Write the steps of a curve; return their number."""
    k = 0
    i = 0
    n = order.shape[0]
    s, v = 1.0, 0.0
    while i < n:
        t = time[order[i]]
        start, d = i, 0
        while i < n and time[order[i]] == t:
            d += event[order[i]]
            i += 1
        if d > 0:
            left = n - start
            s *= (left - d) / left
            v += d / (left * (left - d)) if left > d else np.inf
            at[k], died[k], risk[k], alive[k], variance[k] = t, d, left, s, v
            k += 1
    return k


@njit(cache=True)
def _gap(at, alive, k, clicked, height, reach):  # type: ignore[no-untyped-def]
    """Return how far one click is from a curve of k steps."""
    upper = np.searchsorted(at[:k], clicked - reach, side="left")
    lower = np.searchsorted(at[:k], clicked + reach, side="right")
    top = alive[upper - 1] if upper > 0 else 1.0
    bottom = alive[lower - 1] if lower > 0 else 1.0
    return max(height - top, bottom - height, 0.0)


@njit(cache=True)
def _apart(time, event, clicked, height, reach):  # type: ignore[no-untyped-def]
    """Return how far each click is from the curve of sorted patients."""
    n = time.shape[0]
    at, alive, variance = np.zeros(n), np.zeros(n), np.zeros(n)
    died, risk = np.zeros(n, np.int64), np.zeros(n, np.int64)
    k = _fit(time, event, np.arange(n), at, died, risk, alive, variance)
    out = np.zeros(clicked.shape[0])
    for j in range(clicked.shape[0]):
        out[j] = _gap(at, alive, k, clicked[j], height[j], reach)
    return out


@njit(cache=True)
def _compared(time, order, size, steps, at, died):  # type: ignore[no-untyped-def]
    """Return the log hazard ratio (Cox, Efron), its standard error and log-rank's chi-squared."""
    rows = steps[0] + steps[1]
    table = np.zeros((rows, 4))
    m, i, j, a, b = 0, 0, 0, 0, 0
    while i < steps[0] or j < steps[1]:
        t = np.inf
        if i < steps[0]:
            t = at[0, i]
        if j < steps[1]:
            t = min(t, at[1, j])
        while a < size[0] and time[0, order[0, a]] < t:
            a += 1
        while b < size[1] and time[1, order[1, b]] < t:
            b += 1
        table[m, 0] = size[0] - a
        table[m, 1] = size[1] - b
        if i < steps[0] and at[0, i] == t:
            table[m, 2] = died[0, i]
            i += 1
        if j < steps[1] and at[1, j] == t:
            table[m, 3] = died[1, j]
            j += 1
        m += 1
    difference, spread = 0.0, 0.0
    for r in range(m):
        n0, n1, d0, d1 = table[r, 0], table[r, 1], table[r, 2], table[r, 3]
        n, d = n0 + n1, d0 + d1
        difference += d1 - d * n1 / n
        if n > 1:
            spread += d * n0 * n1 * (n - d) / (n * n * (n - 1))
    beta, information = 0.0, 0.0
    for _ in range(25):
        score, information = 0.0, 0.0
        factor = math.exp(beta)
        for r in range(m):
            n0, n1, d0, d1 = table[r, 0], table[r, 1], table[r, 2], table[r, 3]
            d = d0 + d1
            score += d1
            for e in range(int(d)):
                first = n0 - e / d * d0
                second = (n1 - e / d * d1) * factor
                share = second / (first + second)
                score -= share
                information += share * (1 - share)
        if information <= 1e-12:
            return np.nan, np.nan, 0.0
        change = max(-2.0, min(2.0, score / information))
        beta += change
        if abs(change) < 1e-9:
            break
        if abs(beta) > 20:
            return np.nan, np.nan, 0.0
    chi = difference * difference / spread if spread > 0 else 0.0
    return beta, 1 / math.sqrt(information), chi


@njit(cache=True)
def _cost(  # type: ignore[no-untyped-def]
    time, order, size, steps, at, died, alive, variance, kinds, when, spans, width, z, scale, band
):
    """Return how far the printed numbers are from being met."""
    total = 0.0
    beta, error, chi = 0.0, 0.0, 0.0
    fitted = False
    for q in range(kinds.shape[0]):
        arm, kind, part = kinds[q, 0], kinds[q, 1], kinds[q, 2]
        if arm < 0 and not fitted:
            beta, error, chi = _compared(time, order, size, steps, at, died)
            fitted = True
        if kind == _RATIO:
            x = beta + (0.0 if part == _VALUE else (-z if part == _LOWER else z)) * error
        elif kind == _P:
            x = math.log(max(math.erfc(math.sqrt(chi / 2)), 1e-300))
        else:
            k = steps[arm]
            if kind == _SURVIVAL:
                j = np.searchsorted(at[arm, :k], when[q], side="right") - 1
                s = alive[arm, j] if j >= 0 else 1.0
                v = variance[arm, j] if j >= 0 else 0.0
                x = s if part == _VALUE else limit(s, v, z, scale, part == _UPPER)
            else:
                for j in range(k):
                    band[j] = alive[arm, j]
                    if part != _VALUE:
                        v = variance[arm, j]
                        band[j] = limit(alive[arm, j], v, z, scale, part == _UPPER)
                x = crossing(at[arm], band, k, 0.5)[1]
                lowest = 1.0
                for j in range(k):
                    if band[j] < lowest:
                        lowest = band[j]
                # Reached but not to be, or the other way round: how far the band is from it.
                if np.isnan(spans[q, 0]):
                    total += 0.0 if x < 0 else 0.3 + 4 * max(0.0, 0.5 - lowest)
                    continue
                if x < 0:
                    total += 2.0 + 4 * max(0.0, lowest - 0.5)
                    continue
        if np.isnan(spans[q, 0]):
            total += 0.0 if np.isnan(x) else 1.0
        else:
            total += outside(x, spans[q, 0], spans[q, 1], width[q])
    return total


@njit(cache=True)
def _anneal(  # type: ignore[no-untyped-def]
    time, event, size, play, low, high, fixed, clicked, height, allowed, clicks, reach, tolerance,
    kinds, when, spans, width, z, scale, rounds, seed,
):  # fmt: skip
    """Search by simulated annealing; return what is left to meet, times and events."""
    np.random.seed(seed)  # noqa: NPY002 (inside numba: its own generator, which nothing else sees)
    arms, n = time.shape
    base = time.copy()
    order = np.zeros((arms, n), np.int64)
    at, alive, variance = np.zeros((arms, n)), np.zeros((arms, n)), np.zeros((arms, n))
    died, risk = np.zeros((arms, n), np.int64), np.zeros((arms, n), np.int64)
    steps = np.zeros(arms, np.int64)
    excess = np.zeros(arms)
    band = np.zeros(n)
    for a in range(arms):
        m = size[a]
        order[a, :m] = np.argsort(time[a, :m])
        steps[a] = _fit(
            time[a], event[a], order[a, :m], at[a], died[a], risk[a], alive[a], variance[a]
        )
    now = _cost(
        *(time, order, size, steps, at, died, alive, variance),
        *(kinds, when, spans, width, z, scale, band),
    )
    best, best_time, best_event = now, time.copy(), event.copy()
    for turn in range(rounds):
        if best <= 0:
            break
        heat = 0.2 * 0.002 ** (turn / rounds)
        a = np.random.randint(arms)  # noqa: NPY002
        m = size[a]
        i = np.random.randint(m)  # noqa: NPY002
        j = np.random.randint(m)  # noqa: NPY002
        old_i, old_base_i, old_j, old_base_j = time[a, i], base[a, i], time[a, j], base[a, j]
        flags = event[a, i], event[a, j]
        new_j = old_j
        draw = np.random.random()  # noqa: NPY002
        within = low[a, i] + np.random.random() * (high[a, i] - low[a, i])  # noqa: NPY002
        if event[a, i] and draw < 0.5:
            new = base[a, i] + (2 * np.random.random() - 1) * play[a, i]  # noqa: NPY002
            time[a, i] = min(max(new, low[a, i]), high[a, i])
        elif not event[a, i] and draw < 0.5:
            time[a, i] = base[a, i] = within
        elif event[a, j] and low[a, i] == low[a, j] and not event[a, i] and not fixed[a]:
            event[a, i] = True
            time[a, i] = base[a, i] = base[a, j]
        elif event[a, i] and draw > 0.85 and not fixed[a]:
            event[a, i] = False
            time[a, i] = base[a, i] = within
        elif event[a, i] and event[a, j] and low[a, i] == low[a, j] and i != j:
            time[a, i] = base[a, i] = base[a, j]
        elif event[a, i] and not event[a, j]:
            # Someone lost takes over a death: the number of deaths stays.
            o = order[a, np.random.randint(m)]  # noqa: NPY002
            if not (event[a, o] and low[a, o] == low[a, j] and o != i):
                continue
            event[a, i], event[a, j] = False, True
            time[a, i] = base[a, i] = within
            new_j = base[a, j] = base[a, o]
        else:
            continue
        place(order[a, :m], time[a], i)
        if new_j != old_j:
            # One after the other: all the rest must be in order.
            time[a, j] = new_j
            place(order[a, :m], time[a], j)
        steps[a] = _fit(
            time[a], event[a], order[a, :m], at[a], died[a], risk[a], alive[a], variance[a]
        )
        was = excess[a]
        excess[a] = 0.0
        for q in range(clicks[a]):
            gap = _gap(at[a], alive[a], steps[a], clicked[a, q], height[a, q], reach[a])
            if gap > allowed[a, q] + 1e-12:
                excess[a] += (gap - allowed[a, q]) / tolerance[a]
        new_cost = np.inf
        # Far off at once is refused unseen; a little may come right again.
        if excess[a] < 5:
            new_cost = excess.sum() + _cost(
                *(time, order, size, steps, at, died, alive, variance),
                *(kinds, when, spans, width, z, scale, band),
            )
        if new_cost <= now or np.random.random() < math.exp((now - new_cost) / heat):  # noqa: NPY002
            now = new_cost
            if now < best and excess.sum() == 0:
                best = now
                best_time[:] = time
                best_event[:] = event
            continue
        event[a, i], event[a, j] = flags
        if new_j != old_j:
            time[a, j], base[a, j] = old_j, old_base_j
            place(order[a, :m], time[a], j)
        time[a, i], base[a, i] = old_i, old_base_i
        place(order[a, :m], time[a], i)
        excess[a] = was
        steps[a] = _fit(
            time[a], event[a], order[a, :m], at[a], died[a], risk[a], alive[a], variance[a]
        )
    return best, best_time, best_event
