"""Dose-finding designs side by side, under a true curve of DLT rates that a reader draws.

As in `helpers.whatif`, `design` takes a lesson's settings and returns an `Outcome`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from helpers import dose_finding, figures, tables
from helpers.dose_finding import Design, ThreePlusThree
from helpers.figures import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION, Picture
from helpers.parameters import Settings
from helpers.tables import Table
from helpers.whatif import Outcome

TRIALS = 2_000
"""How many trials are simulated of each design, unless they are long."""

_FEWEST_TRIALS = 500
# So many cohorts by doses take as long as one would wait for a panel.
_LONG = 40

_SEED = 1
# Half the width of the interval in which the CRM needn't tell doses apart (Lee and Cheung 2009).
_HALFWIDTH = 0.05
_LOOKS = {
    "3+3": (BLUE, ""),
    "BOIN": (VERMILION, "//"),
    "keyboard": (GREEN, ".."),
    "CRM": (PURPLE, "xx"),
}


def designs(*, doses: int, target: float, patients: int, cohort: int) -> dict[str, Design]:
    """Return the designs that are compared.

    Parameters
    ----------
    doses : int
        How many doses there are.
    target : float
        The DLT rate aimed at, between 0 and 1; the 3+3 has none.
    patients, cohort : int
        The most patients, and how many are treated together; the 3+3 has its own.

    Returns
    -------
    dict of str to helpers.dose_finding.Design
        By name. A number of patients that isn't a multiple of the cohorts is rounded down.

    Notes
    -----
    The CRM's skeleton takes the dose in the middle, the upper of two, for the likely one, with a
    half-width of 0.05.
    """
    whole = max(patients // cohort, 1) * cohort
    common: dict[str, Any] = {
        "doses": doses,
        "target": target,
        "patients": whole,
        "cohort": cohort,
    }
    guess = dose_finding.skeleton(
        doses=doses, target=target, guess=doses // 2 + 1, halfwidth=_HALFWIDTH
    )
    half = min(_HALFWIDTH, 0.9 * target, 0.9 * (1 - target))
    return {
        "3+3": dose_finding.ThreePlusThree(doses=doses),
        "BOIN": dose_finding.BOIN(**common),
        "keyboard": dose_finding.Keyboard(**common, below=half, above=half),
        "CRM": dose_finding.CRM(**common, skeleton=guess),
    }


def design(settings: Settings, *, paper: str) -> Outcome:
    """Show what a design does under the drawn curve, beside the others.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Escalation`.
    paper : str
        The lesson's paper; not used.

    Returns
    -------
    Outcome
        ``data`` has a row per design and dose, as `helpers.dose_finding.compare` gives it.

    Raises
    ------
    KitError
        If the rates don't rise with the dose.
    """
    chosen: Any = settings
    rates = tuple(
        getattr(chosen, f"dlt_percent_{dose}") / 100 for dose in range(1, chosen.doses + 1)
    )
    target = chosen.target_percent / 100
    trials = _trials(chosen)
    found = _compared(rates, target, chosen.patients, chosen.cohort_size, trials)
    sums = dose_finding.totals(found, target=target).set_index("design")
    mine = found[found["design"] == chosen.design].set_index("dose")
    best = int(np.abs(np.round(np.array(rates) - target, 12)).argmin()) + 1
    total = sums.loc[chosen.design]
    summary = (
        f"{chosen.design}, true DLT rates {_percents(rates)}. Nearest to the target of "
        f"{target:.0%} is dose {best}, and the design recommends it with probability "
        f"{total['right']:.0%}; a dose above the target with {total['above']:.0%}, none with "
        f"{total['none']:.0%}. It treats {total['patients']:.1f} patients on average, "
        f"{total['share_above']:.0%} of them above the target, and {total['dlts']:.1f} have a "
        f"DLT. {_remark(chosen)}Most probable recommendation: "
        + _most_probable(mine["recommended"])
        + ". Assumed rates, simulated trials: no patient is real."
    )
    return Outcome(
        summary,
        (draw_recommended(found, target=target, chosen=chosen.design), _table(sums, trials)),
        found,
    )


@lru_cache(maxsize=32)
def _compared(
    rates: tuple[float, ...], target: float, patients: int, cohort: int, trials: int
) -> pd.DataFrame:
    known = designs(doses=len(rates), target=target, patients=patients, cohort=cohort)
    exact = {"3+3": known.pop("3+3")}
    # All possible trials of the 3+3 are few enough to go through.
    parts = [
        dose_finding.compare(exact, {"drawn": rates}, trials=None),
        dose_finding.compare(known, {"drawn": rates}, trials=trials, seed=_SEED),
    ]
    return pd.concat(parts, ignore_index=True)


def _trials(chosen: Any) -> int:
    """Return how many trials to simulate: fewer where each goes through many states."""
    size = int(chosen.doses * chosen.patients // chosen.cohort_size)
    return max(_FEWEST_TRIALS, min(TRIALS, TRIALS * _LONG // size // 100 * 100))


def _percents(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:.0%}" for rate in rates)


def _remark(chosen: Any) -> str:
    if chosen.design == "3+3":
        return "The 3+3 knows no target, and cohorts of three only. "
    whole = chosen.patients // chosen.cohort_size * chosen.cohort_size
    if whole != chosen.patients:
        return f"Whole cohorts make {whole} patients at most. "
    return ""


def _most_probable(recommended: pd.Series) -> str:
    dose = int(recommended.to_numpy().argmax())
    name = f"dose {dose}" if dose else "none"
    return f"{name}, {recommended.iloc[dose]:.0%}"


def _table(sums: pd.DataFrame, trials: int) -> Table:
    shown = pd.DataFrame(
        {
            "design": sums.index,
            "right": [f"{value:.0%}" for value in sums["right"]],
            "above": [f"{value:.0%}" for value in sums["above"]],
            "none": [f"{value:.0%}" for value in sums["none"]],
            "patients": [f"{value:.1f}" for value in sums["patients"]],
            "dlts": [f"{value:.1f}" for value in sums["dlts"]],
            "share": [f"{value:.0%}" for value in sums["share_above"]],
        }
    )
    return tables.table(
        shown,
        caption="Four designs under the same curve",
        headings={
            "design": "Design",
            "right": "Recommends the right dose",
            "above": "A dose above the target",
            "none": "None",
            "patients": "Patients",
            "dlts": "With a DLT",
            "share": "Treated above the target",
        },
        footnote="Right: the dose whose true DLT rate is nearest to the target. The 3+3 exactly, "
        f"the others from {trials:,} simulated trials each. Patients are means.",
        align_right=tuple(shown.columns[1:]),
    )


def draw_recommended(data: pd.DataFrame, *, target: float, chosen: str) -> Picture:
    """Draw how often each dose is recommended, with the true DLT rates.

    Parameters
    ----------
    data : pandas.DataFrame
        As `helpers.dose_finding.compare` gives it, under one curve.
    target : float
        The DLT rate aimed at.
    chosen : str
        The design to bring out.

    Returns
    -------
    Picture
    """
    names = list(dict.fromkeys(data["design"]))
    doses = sorted(set(data["dose"]))
    width = 0.8 / len(names)
    with figures.drawing(8.2, 3.9) as (figure, axes):
        figures.place(axes, (0.09, 0.14, 0.89, 0.73))
        for place, name in enumerate(names):
            rows = data[data["design"] == name].set_index("dose")
            colour, hatch = _LOOKS.get(name, (ORANGE, ""))
            at = np.array(doses) + (place - (len(names) - 1) / 2) * width
            axes.bar(
                at,
                100 * rows["recommended"],
                0.9 * width,
                color=colour,
                alpha=1 if name == chosen else 0.35,
                hatch=hatch,
                edgecolor=BLACK if name == chosen else "white",
                lw=0.9 if name == chosen else 0.4,
                label=name + (" (chosen)" if name == chosen else ""),
            )
        curve = data[(data["design"] == names[0]) & (data["dose"] > 0)]
        rates = 100 * curve["dlt_rate"]
        axes.plot(curve["dose"], rates, "o-", color=BLACK, lw=1.5, ms=5, label="true DLT rate")
        axes.axhline(100 * target, color=BLACK, lw=1, ls=":", label="target")
        axes.set_xticks(doses, ["none" if dose == 0 else f"dose {dose}" for dose in doses])
        axes.set_ylim(0, max(60.0, float(100 * data["recommended"].max()) + 5, rates.max() + 5))
        axes.set_ylabel("Recommended (%), DLT rate (%)")
        axes.grid(axis="y", color="#E5E5E5")
        axes.set_axisbelow(True)
        figure.legend(loc="upper center", ncols=len(names) + 2, frameon=False, fontsize=8.5)
        told = [
            f"{name}: "
            + ", ".join(
                f"{'none' if row.dose == 0 else f'dose {row.dose}'} {row.recommended:.0%}"
                for row in data[data["design"] == name].itertuples()
            )
            for name in names
        ]
        words = (
            f"How often each dose is recommended where the true DLT rates are "
            f"{_percents((rates / 100).tolist())} and the target is {target:.0%}. "
            f"{'; '.join(told)}. Simulated trials."
        )
        return figures.picture(figure, words)


def draw_path(path: pd.DataFrame, *, doses: Sequence[str], title: str = "") -> Picture:
    """Draw a trial as the path that it took from dose to dose.

    Parameters
    ----------
    path : pandas.DataFrame
        What `helpers.dose_finding.follow` or `one_trial` returned.
    doses : sequence of str
        What to call the doses.
    title : str, optional
        What the trial is, in words without a full stop.

    Returns
    -------
    Picture
    """
    with figures.drawing(8.2, 1.5 + 0.62 * len(doses)) as (figure, axes):
        axes.plot(path["cohort"], path["dose"], "-", color="#9A9A9A", lw=1.5, zorder=1)
        for row in path.itertuples():
            toxic = row.dlts > 0
            colour = VERMILION if toxic else BLUE
            marker = "s" if toxic else "o"
            axes.plot(row.cohort, row.dose, marker, color=colour, ms=21, zorder=2)
            axes.text(
                row.cohort,
                row.dose,
                f"{row.dlts}/{row.patients}",
                color="white",
                weight="bold",
                fontsize=9,
                ha="center",
                va="center",
                zorder=3,
            )
            axes.annotate(
                str(row.next),
                (row.cohort, row.dose),
                xytext=(0, -18),
                textcoords="offset points",
                fontsize=8.5,
                ha="center",
                va="top",
            )
        axes.set_xticks(path["cohort"], [f"cohort {number}" for number in path["cohort"]])
        axes.set_yticks(range(1, len(doses) + 1), list(doses))
        axes.set_ylim(0.4, len(doses) + 0.5)
        axes.set_xlim(0.4, len(path) + 0.6)
        axes.grid(axis="y", color="#E5E5E5")
        axes.set_axisbelow(True)
        if title:
            axes.set_title(title, fontsize=9.5, loc="left")
        told = "; ".join(
            f"cohort {row.cohort} at {doses[row.dose - 1]}, {row.reason}, then {row.next}"
            for row in path.itertuples()
        )
        return figures.picture(figure, f"{title or 'Path of a trial'}: {told}.")


def machine(
    rule: ThreePlusThree, *, doses: Sequence[str], path: pd.DataFrame, caption: str
) -> Table:
    """Set a 3+3 as a state machine: every state that a trial can be in, and what comes next.

    Parameters
    ----------
    rule : helpers.dose_finding.ThreePlusThree
        The rule.
    doses : sequence of str
        What to call the doses.
    path : pandas.DataFrame
        What `helpers.dose_finding.follow` returned of a trial, whose states are marked.
    caption : str
        What the table shows.

    Returns
    -------
    helpers.tables.Table
        Two or more patients with a DLT are one state, since the rule treats them alike.
    """
    taken = {
        _state(rows["patients"], rows["dlts"]): number
        for number, rows in enumerate(_so_far(path, len(doses)), start=1)
    }
    rows: dict[tuple[str, ...], tuple[str, str]] = {}
    for row in dose_finding.states(rule).itertuples():
        state = _state(row.patients, row.dlts)
        mark = f"cohort {taken[state]}" if state in taken else ""
        words = re.sub(r"dose (\d+)", lambda match: doses[int(match[1]) - 1], row.next)
        rows.setdefault((*state, doses[row.dose - 1]), (words, mark))
    columns = [*(f"dose_{place}" for place, _ in enumerate(doses)), "dose", "next", "mark"]
    shown = pd.DataFrame([(*key, *value) for key, value in rows.items()], columns=columns)
    headings = [*(f"At {name}" for name in doses), "Last cohort at", "Next", "This trial"]
    return tables.table(
        shown,
        caption=caption,
        headings=dict(zip(columns, headings, strict=True)),
        footnote="Patients with a DLT so far, of those treated. 2+: two or more.",
    )


def _so_far(path: pd.DataFrame, doses: int) -> Iterator[dict[str, tuple[int, ...]]]:
    """Add up a trial's cohorts, dose by dose."""
    patients, dlts = [0] * doses, [0] * doses
    for row in path.itertuples():
        patients[row.dose - 1] += row.patients
        dlts[row.dose - 1] += row.dlts
        yield {"patients": tuple(patients), "dlts": tuple(dlts)}


def _state(patients: Sequence[int], dlts: Sequence[int]) -> tuple[str, ...]:
    """Write what a 3+3 looks at, dose by dose."""
    return tuple(
        f"{'2+' if y >= 2 else y} of {n}" if n else "–" for n, y in zip(patients, dlts, strict=True)
    )


def decisions(table: pd.DataFrame, *, caption: str) -> Table:
    """Set the decisions of an interval design for each count at a dose.

    Parameters
    ----------
    table : pandas.DataFrame
        What a design's ``decision_table`` returned.
    caption : str
        What the table shows.

    Returns
    -------
    helpers.tables.Table
        Rows in which every decision is the last one possible are left out.
    """
    known = table[(table != "").any(axis=1) & ~table.isin(["DU", ""]).all(axis=1)]
    marks = {"E": "E ↑", "S": "S ·", "D": "D ↓", "DU": "DU ✗"}
    shown = known.replace(marks).reset_index()
    shown.columns = pd.Index(["dlts", *(str(size) for size in table.columns)])
    return tables.table(
        shown.astype(str),
        caption=caption,
        headings={"dlts": "Patients with a DLT"} | {str(n): f"of {n}" for n in table.columns},
        footnote="E: up. S: stay. D: down. DU: down, and the dose is never given again.",
    )
