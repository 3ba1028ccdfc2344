"""Venetoclax with blinatumomab and a TKI: one calendar, and what each does to the others' doses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from helpers import dosing, figures, lymphoid_drugs, parameters, planned, tables
from helpers.figures import BLUE, GREEN, ORANGE, PURPLE, Picture
from helpers.parameters import Settings
from helpers.whatif import Outcome

_COLOURS = (BLUE, PURPLE, GREEN)
_LEAST_DAYS = 42


def calendars(settings: Settings) -> pd.DataFrame:
    """Lay the drugs out day by day.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Dose` and `helpers.parameters.LymphoidDrugs`.

    Returns
    -------
    pandas.DataFrame
        One row per drug and day of treatment: ``DRUG``, ``UNIT``, ``STUDYDAY``, ``DOSE`` (nan
        where the label gives no number) and ``CYTOKINE``, whether blinatumomab's cytokines may
        slow the removal of other drugs.

    Raises
    ------
    KitError
        If the doses make no schedule.
    """
    asked: Any = settings
    parts = [_of("venetoclax", "mg", dosing.calendar(_venetoclax(settings)))]
    if asked.blinatumomab != lymphoid_drugs.NONE:
        given = lymphoid_drugs.blinatumomab(
            asked.blinatumomab,
            cycles=asked.blinatumomab_cycles,
            weight_kg=asked.body_weight_kg,
            body_surface_m2=asked.body_surface_m2,
            start_day=asked.blinatumomab_start_day,
        )
        parts.append(_of("blinatumomab", "µg", given))
    if asked.tki != lymphoid_drugs.NONE:
        dose = lymphoid_drugs.tki_dose(asked.tki, asked.cyp3a_inhibitor)
        last = max(int(each["STUDYDAY"].max()) for each in parts)
        days = np.arange(1, last + 1)
        daily = pd.DataFrame({"STUDYDAY": days, "DOSE": np.nan if dose is None else float(dose)})
        parts.append(_of(asked.tki, "mg", daily))
    return pd.concat(parts, ignore_index=True)


def _of(drug: str, unit: str, table: pd.DataFrame) -> pd.DataFrame:
    cytokine = table.get("CYTOKINE", False)
    kept = table[["STUDYDAY"]].assign(DOSE=table["DOSE"].astype(float), CYTOKINE=cytokine)
    return kept.assign(DRUG=drug, UNIT=unit)[["DRUG", "UNIT", "STUDYDAY", "DOSE", "CYTOKINE"]]


def _venetoclax(settings: Settings) -> dosing.Schedule:
    asked: Any = settings
    fields = {name: getattr(asked, name) for name in parameters.Dose.model_fields}
    beside = lymphoid_drugs.strongest_inhibitor(asked.tki, asked.cyp3a_inhibitor)
    return dosing.Schedule(**fields | {"cyp3a_inhibitor": beside})


def outcome(settings: Settings, *, paper: str) -> Outcome:
    """Work the doses out, and say what the record leaves open.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Dose` and `helpers.parameters.LymphoidDrugs`.
    paper : str
        The trial's id.

    Returns
    -------
    Outcome
        ``data`` is the table of `calendars`.

    Raises
    ------
    KitError
        If the doses make no schedule.
    """
    table = calendars(settings)
    # One after the other: each is drawn for itself, and the sums stand in the table.
    sums = pd.DataFrame(_sums(table))
    shown = tables.table(
        sums,
        caption="What is given, by the labels",
        footnote=_sources(settings),
        align_right=("Days", "In all"),
    )
    summary = (
        f"{_venetoclax_words(settings)} {_companion_words(settings, table)} "
        f"{_overlap(table)} None of this is in the record, which names the drugs and no dose, day "
        f"or cycle: {len(planned.load(paper).open)} things are left open."
    )
    return Outcome(" ".join(summary.split()), (draw_calendars(table), shown), table)


def _venetoclax_words(settings: Settings) -> str:
    asked: Any = settings
    schedule = _venetoclax(settings)
    target = dosing.target_dose(schedule.venetoclax_mg, schedule.cyp3a_inhibitor)
    total = int(dosing.calendar(schedule)["DOSE"].sum())
    why = ""
    if schedule.cyp3a_inhibitor != lymphoid_drugs.NONE:
        label = dosing.label().inhibitors[schedule.cyp3a_inhibitor].label
        own = schedule.cyp3a_inhibitor != asked.cyp3a_inhibitor
        why = f" (down from {schedule.venetoclax_mg} mg: " + (
            f"{asked.tki} itself is a {label})" if own else f"beside {_an(label)})"
        )
    return f"Venetoclax {target} mg a day{why}, {total:,} mg in all."


def _companion_words(settings: Settings, table: pd.DataFrame) -> str:
    asked: Any = settings
    words = []
    if asked.blinatumomab == lymphoid_drugs.NONE:
        words.append("No blinatumomab.")
    else:
        doses = table.loc[(table["DRUG"] == "blinatumomab") & (table["DOSE"] > 0), "DOSE"]
        steps = " then ".join(f"{dose:g}" for dose in doses.unique())
        words.append(
            f"Blinatumomab {steps} µg a day from day {asked.blinatumomab_start_day} on, "
            f"{doses.sum():,.0f} µg in all."
        )
    if asked.tki != lymphoid_drugs.NONE:
        rules = lymphoid_drugs.labels().tki[asked.tki]
        dose = lymphoid_drugs.tki_dose(asked.tki, asked.cyp3a_inhibitor)
        if dose is None:
            words.append(
                f"{asked.tki.capitalize()} beside such an inhibitor: the label gives no dose."
            )
        else:
            less = f" (down from {rules.dose_mg} mg)" if dose != rules.dose_mg else ""
            words.append(f"{asked.tki.capitalize()} {dose} mg a day{less}.")
    return " ".join(words)


def _overlap(table: pd.DataFrame) -> str:
    risky = set(table.loc[table["CYTOKINE"].astype(bool), "STUDYDAY"])
    given = table[(table["DRUG"] == "venetoclax") & (table["DOSE"] > 0)]
    both = given[given["STUDYDAY"].isin(risky)]
    if not risky:
        return ""
    if both.empty:
        return "On the days of blinatumomab's cytokines no venetoclax is given."
    return (
        f"On {len(both)} days venetoclax meets the cytokines of blinatumomab's first days, which "
        "may slow its removal: the labels give no dose for that."
    )


def _sums(table: pd.DataFrame) -> Iterator[dict[str, str]]:
    for (drug, unit), days in table.groupby(["DRUG", "UNIT"], sort=False):
        given = days[days["DOSE"] > 0]
        open_ = days["DOSE"].isna().any()
        doses = " → ".join(f"{dose:g}" for dose in given["DOSE"].unique())
        yield {
            "Drug": str(drug),
            "Doses": "no number in the label" if open_ else f"{doses} {unit} a day",
            "Days": "" if open_ else f"{len(given)}",
            "In all": "" if open_ else f"{given['DOSE'].sum():,.0f} {unit}",
        }


def _sources(settings: Settings) -> str:
    asked: Any = settings
    found = [dosing.label().source]
    if asked.blinatumomab != lymphoid_drugs.NONE:
        found.append(lymphoid_drugs.labels().blinatumomab.source)
    if asked.tki != lymphoid_drugs.NONE:
        rules = lymphoid_drugs.labels().tki[asked.tki]
        found.append(f"{rules.source}. {rules.note}".strip())
    listed = "; ".join(found).removesuffix(".")
    return f"Sources: {listed}. Teaching material, not dosing advice."


def _an(label: str) -> str:
    return f"a {label}" if label.endswith("inhibitor") else label


def draw_calendars(table: pd.DataFrame) -> Picture:
    """Draw the drugs as bars over the days of treatment, each dose written where it begins.

    Parameters
    ----------
    table : pandas.DataFrame
        What `calendars` returned.

    Returns
    -------
    Picture
    """
    drugs = list(table["DRUG"].unique())
    last = max(int(table["STUDYDAY"].max()), _LEAST_DAYS)
    words = []
    with figures.drawing(8.4, 1.35 + 0.62 * len(drugs)) as (figure, axes):
        height = figure.get_figheight()
        figures.place(axes, (0.19, 0.6 / height, 0.79, 1 - 0.7 / height))
        for place, (drug, colour) in enumerate(zip(drugs, _COLOURS, strict=False)):
            days = table[table["DRUG"] == drug]
            runs = list(_runs(days))
            top = float(days["DOSE"].max())
            axes.broken_barh(
                [(start - 0.5, length) for start, length, _ in runs],
                (place - 0.3, 0.6),
                facecolors=[_tint(colour, dose / top) for _, _, dose in runs],
                edgecolor=colour,
                linewidth=0.8,
            )
            for start, length, dose in runs:
                text = "?" if np.isnan(dose) else f"{dose:g}"
                if length >= 0.011 * last * len(text):
                    tint = _tint(colour, dose / top)
                    dark = sum(tint) < 1.3
                    axes.text(
                        *(start - 0.5 + length / 2, place, text),
                        ha="center",
                        va="center",
                        fontsize=8,
                        color="white" if dark else "black",
                    )
            unit = days["UNIT"].iloc[0]
            told = ", ".join(
                f"day {start} to {start + length - 1} "
                + ("no number in the label" if np.isnan(dose) else f"{dose:g} {unit}")
                for start, length, dose in runs
            )
            words.append(f"{drug}: {told}")
        flagged = table[table["CYTOKINE"].astype(bool)]
        spans = [(start - 0.5, length) for start, length, _ in _runs(flagged.assign(DOSE=1.0))]
        if spans:
            axes.broken_barh(
                *(spans, (-0.55, len(drugs) + 0.1)),
                facecolor="none",
                edgecolor=ORANGE,
                hatch="///",
                linewidth=0,
                zorder=0,
            )
            words.append(
                f"hatched, {len(flagged)} days on which cytokines may slow other drugs' removal"
            )
        axes.set_yticks(
            range(len(drugs)),
            [f"{each} ({table.loc[table['DRUG'] == each, 'UNIT'].iloc[0]})" for each in drugs],
            fontsize=9,
        )
        axes.set_ylim(len(drugs) - 0.4, -0.6)
        axes.set_xlim(0.5, last + 0.5)
        step = 7 if last <= 100 else 28
        axes.set_xticks([1, *range(step + 1, last + 1, step)])
        note = "; hatched: cytokines may slow other drugs' removal" if spans else ""
        axes.set_xlabel(f"Day of treatment, dose a day{note}")
        axes.tick_params(axis="y", length=0)
        return figures.picture(figure, f"Treatment calendar by the labels. {'; '.join(words)}.")


def _runs(days: pd.DataFrame) -> Iterator[tuple[int, int, float]]:
    """Yield each stretch of days with one dose: its first day, its length, the dose."""
    table = days.loc[~(days["DOSE"] == 0), ["STUDYDAY", "DOSE"]].to_numpy(float)
    start = 0
    for end in range(1, len(table) + 1):
        same = end < len(table) and table[end, 0] == table[end - 1, 0] + 1
        if same and np.array_equal(table[end, 1:], table[start, 1:], equal_nan=True):
            continue
        yield int(table[start, 0]), end - start, float(table[start, 1])
        start = end


def _tint(colour: str, share: float) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    strength = 0.15 if np.isnan(share) else 0.2 + 0.8 * share
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return red, green, blue
