"""What would be otherwise: a dose, a cohort or an endpoint changed, and what follows from it.

Each function takes a lesson's settings and returns an `Outcome`: a summary in words, and the
figures and tables that go with it. It knows nothing of widgets; a panel shows it live, a report
shows it as it stands.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from helpers import (
    catalogue,
    cohort,
    companions,
    dosing,
    endpoints,
    figures,
    parameters,
    query,
    regimen,
    survival,
    tables,
    timeline,
)
from helpers.catalogue import Definition, Paper
from helpers.errors import KitError
from helpers.parameters import Settings
from helpers.survival import KaplanMeier

_FIRST_LATER = 2
_MANY = 3


@dataclass(frozen=True)
class Outcome:
    """What follows from a lesson's settings.

    Attributes
    ----------
    summary : str
        What happened, in words: for those who can't see the figures, and for everyone first.
    parts : tuple
        Figures and tables, each with ``_repr_html_``.
    data : pandas.DataFrame
        The numbers behind them.
    """

    summary: str
    parts: tuple[Any, ...]
    data: pd.DataFrame


def dose(settings: Settings, *, paper: str, beside_label: Collection[str] = ()) -> Outcome:
    """Work out a venetoclax schedule and set it beside those that the paper plans.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Dose` and, where offered, of
        `helpers.parameters.Partner` or `helpers.parameters.Surface`.
    paper : str
        The paper's id. If it states no schedule, those of the label take their place.
    beside_label : collection of str, optional
        What the label gives venetoclax with: its schedules are compared, too.

    Returns
    -------
    Outcome
        ``data`` is the schedule's calendar, day by day.
    """
    fields = parameters.DoseByCycle if isinstance(settings, parameters.DoseByCycle) else None
    chosen = dosing.Schedule(
        **{name: getattr(settings, name) for name in (fields or parameters.Dose).model_fields}
    )
    calendar = dosing.calendar(chosen)
    described = catalogue.load(paper)
    plans = {
        label: dosing.calendar(schedule)
        for label, schedule in _planned(described, chosen.cycles, beside_label).items()
    }
    partner = _partner(settings, chosen)
    others = _companions(settings, chosen, paper)
    total, target = (
        int(calendar["DOSE"].sum()),
        dosing.target_dose(chosen.venetoclax_mg, chosen.cyp3a_inhibitor),
    )
    summary = (
        f"{target} mg a day{_reduced(chosen, target)}, {_on_days(chosen)}, "
        f"{_count(chosen.cycles, 'cycle')}: {total:,} mg in all. "
        + "Dose intensity relative to "
        + "; to ".join(
            f"{label}: {dosing.relative_dose_intensity(calendar, plan):.0%}"
            for label, plan in plans.items()
        )
        + "."
        + _with_partner(settings, partner)
        + (f" {others[0]}" if others else "")
        + _beside_inhibitor(chosen)
        + f" {_dose_response(described)}"
    )
    rows = [("your schedule", calendar), *plans.items()]
    comparison = pd.DataFrame(
        {
            "Schedule": [name for name, _ in rows],
            "mg per cycle 1": [
                f"{table.loc[table['CYCLE'] == 1, 'DOSE'].sum():,}" for _, table in rows
            ],
            "mg in all": [f"{table['DOSE'].sum():,}" for _, table in rows],
            "Days with a dose": [str((table["DOSE"] > 0).sum()) for _, table in rows],
            "Yours relative to it": [
                f"{dosing.relative_dose_intensity(calendar, table):.2f}" for _, table in rows
            ],
        }
    )
    # All cycles after the first are alike.
    some = calendar if chosen.cycles < _MANY else calendar[calendar["CYCLE"] <= _FIRST_LATER]
    by_cycle = some.assign(
        USUBJID=some["CYCLE"].map(
            "Cycle {}".format
            if chosen.cycles < _MANY
            else {1: "Cycle 1", _FIRST_LATER: f"Each of cycles 2 to {chosen.cycles}"}.get
        ),
        STUDYDAY=some["DAY"],
        DOSE=some["DOSE"].where(some["DOSE"] > 0),
    )
    if partner is None:
        drawn: tuple[Any, ...] = (
            figures.draw_calendar(by_cycle, row="{}"),
            figures.draw_cumulative({"your schedule": calendar} | plans),
        )
    else:
        # Each cycle has the same of it, so one row is enough.
        beside = partner[partner["CYCLE"] == 1].assign(
            USUBJID=settings.partner,  # type: ignore[attr-defined]
            DOSE=partner["DOSE"].where(partner["DOSE"] > 0),
        )
        both = pd.concat([by_cycle, beside], ignore_index=True)
        drawn = (figures.draw_calendar(both, row="{}", drug="the cycle"),)
    return Outcome(
        summary,
        (
            *drawn,
            tables.table(
                comparison,
                caption="Cumulative dose and relative dose intensity",
                footnote="Relative dose intensity: mg per day of calendar time, yours divided by "
                "the plan's (Hryniuk). Reductions beside a CYP3A inhibitor: "
                f"{dosing.label().source}.",
                align_right=tuple(comparison.columns[1:]),
            ),
            *others[1:],
        ),
        calendar,
    )


def cohort_of(settings: Settings, *, paper: str) -> Outcome:
    """Pick patients and show who they are and how they fared.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Cohort`.
    paper : str
        The paper's id.

    Returns
    -------
    Outcome
        ``data`` is the event history of the patients picked.
    """
    described = catalogue.load(paper)
    history = _history(settings, paper)
    picked = cohort.select(history, settings.cohort, described.variables)  # type: ignore[attr-defined]
    definition = next(iter(described.endpoints.values()))
    who = _who(picked, history, settings.cohort, described)  # type: ignore[attr-defined]
    if picked.empty:
        return Outcome(
            f"{who} With nobody to follow there is nothing to estimate. Loosen the query: one "
            "condition fewer, or a wider range.",
            (),
            picked,
        )
    listing = _listing(picked, described)
    swimmer = figures.draw_swimmer(picked, picked["BESTRSP"])
    if len(picked) == 1:
        months, died = picked["OSM"].iloc[0], picked["DTHFL"].iloc[0] == "Y"
        return Outcome(
            f"{who} One patient is a case report: {'died' if died else 'alive'} at {months:g} "
            "months. A survival curve of one would be a single step or a flat line, and an "
            "interval can't be given, so none is drawn.",
            (listing, swimmer),
            picked,
        )
    curve, times = _estimate(picked, definition)
    everyone, all_times = _estimate(history, definition, label="all patients")
    summary = (
        f"{who} Median age {picked['AGE'].median():g} years; {_count(curve.events, 'death')}; "
        f"median {definition.label} {figures.median_words(curve)}. {_too_few(curve)}"
    )
    curves = [(curve, times)]
    if len(picked) < len(history):
        curves = [(replace(curve, label="this cohort"), times), (everyone, all_times)]
    return Outcome(summary, (listing, swimmer, _plot(curves, definition)), picked)


def endpoint(settings: Settings, *, paper: str) -> Outcome:
    """Redefine the endpoint and say what changes, for whom and why.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Endpoint` and, where offered, a cohort and the
        paper's assumptions.
    paper : str
        The paper's id; its first endpoint definition is what the chosen one is compared with.

    Returns
    -------
    Outcome
        ``data`` has one row per patient: time and status under both definitions.
    """
    described = catalogue.load(paper)
    reference = next(iter(described.endpoints.values()))
    chosen = definition_of(settings)
    history = _history(settings, paper)
    text = getattr(settings, "cohort", "")
    picked = cohort.select(history, text, described.variables)
    who = _who(picked, history, text, described) + " " if text else ""
    if picked.empty:
        return Outcome(f"{who}There is nothing to estimate.", (), picked)
    before, after = endpoints.derive(picked, reference), endpoints.derive(picked, chosen)
    changes = _changes(before, after)
    curve, times = _estimate(picked, chosen, label="your definition")
    printed, printed_times = _estimate(picked, reference, label="the paper's definition")
    others = _under_other_assumptions(picked, chosen, described)
    same = not endpoints.difference(reference, chosen)
    summary = (
        f"{who}{endpoints.describe(chosen)} "
        + ("This is the paper's own definition. " if same else "")
        + (f"{endpoints.difference(reference, chosen)} " if not same else "")
        + f"This gives {_count(curve.events, 'event')} among {_count(curve.n, 'patient')}; median "
        f"{figures.median_words(curve)}"
        + (
            f", against {figures.median_words(printed)} as the paper defines it. "
            if not same
            else ". "
        )
        + (_why(changes) if not same else "")
        + _pinned(curve, others)
    )
    curves = [(curve, times)] if same else [(curve, times), (printed, printed_times)]
    return Outcome(
        summary.strip(),
        (
            _plot(curves, chosen, behind=others, clocks={reference.origin, chosen.origin}),
            tables.table(
                _shown_changes(changes),
                caption="Each patient's clock",
                footnote="Months from the start of the clock to what stopped it. Times other "
                "than those from diagnosis rest on the assumed intervals.",
            ),
        ),
        changes,
    )


def definition_of(settings: Settings) -> Definition:
    """Return the endpoint definition that the settings describe.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Endpoint`.

    Returns
    -------
    Definition
    """
    chosen: Any = settings
    uncut = parameters.limits(parameters.Endpoint.model_fields["cutoff_months"])[1]
    return Definition(
        label="the chosen endpoint",
        origin=chosen.origin,
        events=tuple(chosen.events.split(" or ")),
        censor_at=("transplant",) if chosen.censor_at_transplant else (),
        cutoff_months=None if chosen.cutoff_months == uncut else chosen.cutoff_months,
    )


def _history(settings: Settings, paper: str) -> pd.DataFrame:
    assumed = parameters.assumptions(settings, paper=paper)
    return timeline.history(cohort.patients(paper), **assumed)


def _estimate(
    history: pd.DataFrame, definition: Definition, label: str = ""
) -> tuple[KaplanMeier, np.ndarray]:
    table = endpoints.derive(history, definition)
    times = table["AVAL"].to_numpy(float)
    return survival.kaplan_meier(times, table["CNSR"].to_numpy() == 0, label=label), times


def _under_other_assumptions(
    picked: pd.DataFrame, definition: Definition, described: Paper
) -> list[KaplanMeier]:
    """Estimate the curve at each possible extreme of what is assumed."""
    curves = []
    for assumed in timeline.extremes(described.assumptions):
        try:
            history = timeline.history(picked, **assumed)
        except KitError:
            continue
        curves.append(_estimate(history, definition)[0])
    return curves


def _pinned(curve: KaplanMeier, others: Sequence[KaplanMeier]) -> str:
    """Say whether the paper's printed times alone settle the curve."""
    moved = [
        other
        for other in others
        if len(other.curve) != len(curve.curve)
        or not np.allclose(other.curve["time"], curve.curve["time"])
        or not np.allclose(other.curve["survival"], curve.curve["survival"])
    ]
    if not moved:
        return "The printed times alone settle this curve: no assumption moves it."
    medians = [each.median for each in [curve, *others]]
    if all(np.isnan(medians)):
        return (
            "The curve rests on assumed times (grey: the extremes allowed), but the median is "
            "not reached under any of them."
        )
    if any(np.isnan(medians)):
        return (
            "Not determined by the paper: under some of the assumed times (grey: the extremes "
            "allowed) the median is reached, under others not."
        )
    if max(medians) - min(medians) < 0.05:
        return (
            "The median is the same under all the assumed times allowed; the rest of the curve "
            "moves with them (grey: the extremes)."
        )
    return (
        "Not determined by the paper: over the assumed times allowed (grey) the median lies "
        f"anywhere from {min(medians):.1f} to {max(medians):.1f} months."
    )


def _changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    return before.merge(after, on="USUBJID", how="outer", suffixes=("_PAPER", ""))


def _why(changes: pd.DataFrame) -> str:
    lost = changes[(changes["CNSR_PAPER"] == 0) & (changes["CNSR"] != 0)]
    gained = changes[(changes["CNSR_PAPER"] != 0) & (changes["CNSR"] == 0)]
    shorter = changes[changes["AVAL"] < changes["AVAL_PAPER"] - 1e-9]
    parts = []
    if len(shorter):
        parts.append(
            f"The clock of {_patients(shorter)} is shorter than the paper's, by "
            f"{(shorter['AVAL_PAPER'] - shorter['AVAL']).median():.1f} months in the median."
        )
    if len(lost):
        how = ", ".join(dict.fromkeys(lost["EVNTDESC"].dropna())) or "exclusion"
        parts.append(
            f"The event of {_patients(lost)} no longer counts: the clock was stopped before it "
            f"by {how}."
        )
    if len(gained):
        parts.append(f"{_patients(gained)[:1].upper() + _patients(gained)[1:]} gained an event.")
    return " ".join(parts) + " " if parts else "No patient's time or status changes. "


def _shown_changes(changes: pd.DataFrame) -> pd.DataFrame:
    def cell(months: float, what: object) -> str:
        return "not counted" if pd.isna(months) else f"{months:.1f}, {what}"

    return pd.DataFrame(
        {
            "Patient": changes["USUBJID"],
            "The paper's definition": [
                cell(*each)
                for each in zip(changes["AVAL_PAPER"], changes["EVNTDESC_PAPER"], strict=True)
            ],
            "Your definition": [
                cell(*each) for each in zip(changes["AVAL"], changes["EVNTDESC"], strict=True)
            ],
        }
    )


def _plot(
    curves: Sequence[tuple[KaplanMeier, np.ndarray]],
    definition: Definition,
    behind: Sequence[KaplanMeier] = (),
    clocks: Collection[str] = (),
) -> figures.Picture:
    clock = {"diagnosis": "diagnosis", "treatment": "start of venetoclax", "response": "response"}
    since = f"from {clock[definition.origin]}" if len(clocks) < 2 else "since each clock began"
    alive = "Overall survival" if definition.events == ("death",) else "Alive without relapse"
    return figures.draw_survival(curves, ylabel=alive, xlabel=f"Months {since}", behind=behind)


def _listing(picked: pd.DataFrame, described: Paper) -> Any:
    columns = ["USUBJID", "SEX", "AGE", "PRIORTX", "KARYOCAT", "VENDOSE", "VENDAYS", "BESTRSP"]
    columns += ["HSCTFL", "DTHFL", "OSM"]
    shown = picked[columns].astype(str).replace({"Y": "yes", "N": "no"})
    headings = {
        name: described.variables[name].label
        + (f" ({described.variables[name].unit})" if described.variables[name].unit else "")
        for name in columns
    }
    return tables.table(shown, caption="The patients picked", headings=headings)


def _who(picked: pd.DataFrame, everyone: pd.DataFrame, text: str, described: Paper) -> str:
    if not text:
        return f"All {len(everyone)} patients."
    names = sorted(query.parse(text, described.variables).names())
    unknown = everyone[everyone[names].isna().any(axis=1) & ~everyone.index.isin(picked.index)]
    missing = f" What it asks is not recorded for {_patients(unknown)}." if len(unknown) else ""
    if picked.empty:
        return f"None of the {len(everyone)} patients fits {text}.{missing}"
    fit = "fits" if len(picked) == 1 else "fit"
    return f"{len(picked)} of {len(everyone)} patients {fit} {text}: {_patients(picked)}.{missing}"


def _patients(table: pd.DataFrame) -> str:
    names = [str(name) for name in table["USUBJID"]]
    if len(names) == 1:
        return f"patient {names[0]}"
    return f"patients {', '.join(names[:-1])} and {names[-1]}"


def _too_few(curve: KaplanMeier) -> str:
    if curve.events == 0:
        return (
            "Nobody died, so the curve stays at 100 %: that tells of short follow-up, not of cure."
        )
    return (
        f"With {_count(curve.events, 'event')} the interval is as wide as it looks; read the "
        "number at risk before the curve."
    )


def _partner(settings: Settings, chosen: dosing.Schedule) -> pd.DataFrame | None:
    """Return the calendar of what venetoclax is given with, where the lesson offers it."""
    if not isinstance(settings, parameters.Partner):
        return None
    return dosing.partner_calendar(
        settings.partner,
        body_surface_m2=settings.body_surface_m2,
        cycle_days=chosen.cycle_days,
        cycles=chosen.cycles,
    )


def _with_partner(settings: Settings, partner: pd.DataFrame | None) -> str:
    if partner is None or not isinstance(settings, parameters.Partner):
        return ""
    label = dosing.label().combinations[settings.partner]
    days = int((partner.loc[partner["CYCLE"] == 1, "DOSE"] > 0).sum())
    return (
        f" Beside it {settings.partner}, {label.partner_mg_m2:g} mg/m² on days 1 to {days} of each "
        f"cycle: {partner['DOSE'].max()} mg a day at {settings.body_surface_m2:g} m², "
        f"{partner['DOSE'].sum():,} mg in all. The label's target of venetoclax with "
        f"{settings.partner} is {label.venetoclax_mg} mg."
    )


def _planned(
    described: Paper, cycles: int, beside_label: Collection[str]
) -> dict[str, dosing.Schedule]:
    """Return the schedules that the paper plans or, if it states none, those of the label."""
    if regimen.described(described.id):
        levels = regimen.plans(described.id, cycles=cycles)
        return {f"planned, {name}": each for name, each in levels.items()}
    stated = dict(described.regimens) or dict(dosing.label().combinations)
    stated |= {name: dosing.label().combinations[name] for name in beside_label}
    return {each.label: dosing.Schedule.planned(each, cycles) for each in stated.values()}


def _on_days(schedule: dosing.Schedule) -> str:
    later = schedule.venetoclax_days_later
    if later is None or schedule.cycles == 1:
        return f"{schedule.venetoclax_days} of every {schedule.cycle_days} days"
    return (
        f"{schedule.venetoclax_days} days in cycle 1 and {later} in later ones, of "
        f"{schedule.cycle_days} days each"
    )


def _companions(settings: Settings, chosen: dosing.Schedule, paper: str) -> tuple[Any, ...]:
    """Return in words, and as a table, what the paper gives beside, where the lesson offers it."""
    if not isinstance(settings, parameters.Surface):
        return ()
    surface = settings.body_surface_m2
    given = companions.given(
        paper, body_surface_m2=surface, cycle_days=chosen.cycle_days, cycles=chosen.cycles
    )
    shown = given.assign(
        mg_m2=given["mg_m2"].map("{:g}".format),
        days=given["days"].astype(str),
        **{name: given[name].map("{:,.1f}".format) for name in given.columns[3:]},
    )
    table = tables.table(
        shown,
        caption=f"Beside venetoclax, at {surface:g} m² of body surface",
        headings={
            "drug": "Drug",
            "mg_m2": "mg/m² a day",
            "days": "Days per cycle",
            "mg": "mg a day",
            "mg_per_cycle": "mg per cycle",
            "mg_in_all": "mg in all",
        },
        align_right=tuple(shown.columns[1:]),
    )
    return companions.words(given, body_surface_m2=surface), table


def _dose_response(described: Paper) -> str:
    if not described.patient_level and regimen.described(described.id):
        return (
            "What a change of dose does to a patient, the dose levels can't tell: so few were "
            "treated at each, and nobody drew lots for it."
        )
    if not described.patient_level:
        return (
            f"What a change of dose does to a patient, the {described.kind} can't tell: it gives "
            "no patient's dose."
        )
    patients = cohort.patients(described.id)
    by_dose = patients.groupby("VENDOSE").agg(
        n=("USUBJID", "size"), responded=("BESTRSP", lambda best: best.isin(["CR", "CRi"]).sum())
    )
    each = ", ".join(
        f"{row.n} had {dose} mg ({row.responded} responded)" for dose, row in by_dose.iterrows()
    )
    return (
        f"What a change of dose does to a patient, these {len(patients)} can't tell: {each}. They "
        "show no dose-response, in either direction."
    )


def _reduced(schedule: dosing.Schedule, target: int) -> str:
    if target == schedule.venetoclax_mg:
        return ""
    reduction = dosing.label().inhibitors[schedule.cyp3a_inhibitor]
    return f" (down from {schedule.venetoclax_mg} mg beside {_an(reduction.label)})"


def _beside_inhibitor(schedule: dosing.Schedule) -> str:
    if schedule.cyp3a_inhibitor == "none":
        return ""
    return (
        " These are milligrams swallowed: an inhibitor slows the drug's removal, and the "
        "reduction is meant to keep what reaches the blood about the same."
    )


def _an(words: str) -> str:
    return words if words == "posaconazole" else f"a {words}"


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}" + ("" if number == 1 else "s")
