"""A single-arm trial as its plan and a lesson's settings have it: what it will know and show.

`helpers.single_arm` works it out and simulates it, `helpers.planned` holds the numbers. What other
papers let one believe of survival becomes a prior here, each with the reason why that is shaky.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from helpers import (
    catalogue,
    cohort,
    endpoints,
    figures,
    planned,
    rounding,
    single_arm,
    survival,
    synthetic,
    tables,
    timeline,
)
from helpers.errors import KitError
from helpers.figures import BLUE, GREEN, ORANGE, VERMILION, Picture
from helpers.parameters import Settings
from helpers.planned import Belief
from helpers.single_arm import Course, LogLogPrior, PiecewiseExponential, Plan, Trials
from helpers.whatif import Outcome

_POWER, _WIDTH = 0.8, 0.2
_IN_PANEL = 25_000
"""Simulated patients in a panel, which is to answer at once."""


@dataclass(frozen=True)
class Design:
    """A trial with what is assumed to be true.

    Attributes
    ----------
    plan : Plan
        How it is run.
    course : Course
        What is true.
    null : PiecewiseExponential
        The historical curve.
    at : float
        Months from entry at which survival is read.
    alpha : float
        One-sided.
    """

    plan: Plan
    course: Course
    null: PiecewiseExponential
    at: float
    alpha: float


@dataclass(frozen=True)
class Believed:
    """What another paper lets one believe of survival.

    Attributes
    ----------
    source : str
        The paper's short title.
    estimate, lower, upper : float
        Survival at `month` with its 95 % interval.
    month : float
        Months from the origin.
    how : str
        Where the numbers come from.
    why : str
        Why this is shaky.
    """

    source: str
    estimate: float
    lower: float
    upper: float
    month: float
    how: str
    why: str

    def prior(self, at: float) -> LogLogPrior:
        """Return it as a prior at some time.

        Parameters
        ----------
        at : float
            Months; if it isn't `month`, an exponential curve leads there.

        Returns
        -------
        LogLogPrior
        """
        moved = (each ** (at / self.month) for each in (self.estimate, self.lower, self.upper))
        return LogLogPrior.from_interval(*moved)


def design(values: Settings | Mapping[str, float]) -> Design:
    """Return the design that settings describe.

    Parameters
    ----------
    values : Settings or mapping of str to float
        With the settings ``design`` and, where offered, ``censor_at_transplant``.

    Returns
    -------
    Design

    Raises
    ------
    KitError
        If survival is read later than anyone is followed.
    """
    asked = values if isinstance(values, Mapping) else values.model_dump()
    at = float(asked["landmark_months"])
    plan = Plan(
        int(asked["patients"]),
        float(asked["accrual_months"]),
        float(asked["follow_up_months"]),
        asked["dropout_percent"] / 100,
        censor_at_transplant=bool(asked.get("censor_at_transplant", False)),
    )
    # Where patients enter one by one, only the first is followed to the very end.
    if at > plan.months or (at == plan.months and plan.accrual_months > 0):
        raise KitError(
            f"survival read at {at:g} months, and the trial ends {plan.months:g} months after the "
            "first entry",
            where="landmark_months with accrual_months and follow_up_months",
            right="an earlier time, or a longer follow-up",
        )
    transplant = None
    if asked["transplant_percent"]:
        transplant = PiecewiseExponential.through({12: 1 - asked["transplant_percent"] / 100})
    event = PiecewiseExponential.through({at: asked["survival_percent"] / 100})
    course = Course(event, transplant, float(asked["transplant_hazard_ratio"]))
    null = PiecewiseExponential.through({at: asked["historical_percent"] / 100})
    return Design(plan, course, null, at, asked["alpha_percent"] / 100)


def believed(paper: str) -> list[Believed]:
    """Return what other papers let one believe of survival.

    Parameters
    ----------
    paper : str
        The trial's id.

    Returns
    -------
    list of Believed
    """
    return [_believed(each) for each in planned.load(paper).priors]


@lru_cache
def _believed(belief: Belief) -> Believed:
    described = catalogue.load(belief.paper)
    if belief.number:
        number = catalogue.number(belief.paper, belief.number)
        read = [rounding.read(text or "") for text in (number.value, number.lower, number.upper)]
        if any(each is None for each in read):
            raise KitError("no rate with an interval", where=f"{belief.paper}, {belief.number}")
        shares = [float(each.number) / 100 for each in read if each is not None]
        how = f"printed, {number.location}"
    elif described.patient_level:
        shares, how = _of_patients(belief), "estimated from its patients"
    else:
        shares, how = _of_members(belief), "middle of its synthetic cohorts"
    estimate, lower, upper = shares
    return Believed(described.short_title, estimate, lower, upper, belief.month, how, belief.why)


def _of_patients(belief: Belief) -> list[float]:
    described = catalogue.load(belief.paper)
    assumed = {name: each.default for name, each in described.assumptions.items()}
    history = timeline.history(cohort.patients(belief.paper), **assumed)
    table = endpoints.derive(history, described.endpoints[belief.endpoint])
    curve = survival.kaplan_meier(table["AVAL"], table["CNSR"] == 0)
    found = survival.survival_at(curve, belief.month)
    return [found.survival, found.lower, found.upper]


def _of_members(belief: Belief) -> list[float]:
    from helpers.survival.curves import curves, landmark

    stood = synthetic.members(belief.paper)
    found = stood.observed(catalogue.load(belief.paper).endpoints[belief.endpoint])
    read = landmark(curves(found.time, found.code == 1, where=found.included), belief.month)
    return [float(np.nanmedian(each[:, 0])) for each in (read.value, read.lower, read.upper)]


def assurances(
    planned_trial: Design, paper: str, *, trials: int, seed: int, analytic: bool = True
) -> pd.DataFrame:
    """Say how probable it is to win, if another paper is believed.

    Parameters
    ----------
    planned_trial : Design
        The trial.
    paper : str
        Its id.
    trials, seed : int
        Simulated trials for each prior, and the seed of their random numbers.
    analytic : bool, optional
        Whether to work it out as well, which takes longer.

    Returns
    -------
    pandas.DataFrame
        One row per paper: ``source``, ``estimate``, ``lower``, ``upper`` (0 to 1) at
        ``month``, ``how``, ``worked_out`` (nan if it isn't), ``simulated`` and ``why``.
    """
    rows = []
    for each in believed(paper):
        prior = each.prior(planned_trial.at)
        # The prior is of survival as observed, with whatever transplants there were.
        course = Course(planned_trial.course.event)
        options: dict[str, Any] = {"at": planned_trial.at, "alpha": planned_trial.alpha}
        given = (planned_trial.plan, course, planned_trial.null, prior)
        rows.append(
            {
                "source": each.source,
                "estimate": each.estimate,
                "lower": each.lower,
                "upper": each.upper,
                "month": each.month,
                "how": each.how,
                "worked_out": single_arm.assurance(*given, **options) if analytic else math.nan,
                "simulated": single_arm.simulated_assurance(
                    *given, **options, trials=trials, seed=seed
                ),
                "why": each.why,
            }
        )
    return pd.DataFrame(rows)


def patients_needed(planned_trial: Design) -> pd.DataFrame:
    """Say how many patients it would take.

    Parameters
    ----------
    planned_trial : Design
        The trial, whose number of patients doesn't matter.

    Returns
    -------
    pandas.DataFrame
        ``aim`` and ``patients``, in words: for a power of 80 and 90 % by either test, and for an
        interval 30, 20 and 10 points wide.
    """
    each = planned_trial
    rows: list[tuple[str, str]] = []
    for test, name in (("landmark", f"survival at {each.at:g} months"), ("log-rank", "log-rank")):
        for power in (_POWER, 0.9):
            rows.append((f"power of {power:.0%}, {name}", _needed(each, power, test)))
    for width in (0.3, _WIDTH, 0.1):
        aim = f"95 % interval at {each.at:g} months no wider than {100 * width:.0f} points"
        rows.append((aim, _for_width(each, width)))
    return pd.DataFrame(rows, columns=["aim", "patients"])


def _needed(each: Design, power: float, test: Any) -> str:
    try:
        n = single_arm.patients_for_power(
            *(each.plan, each.course, each.null, power), alpha=each.alpha, at=each.at, test=test
        )
    except KitError:
        return "no number is enough"
    return f"{n:,}"


def _for_width(each: Design, width: float) -> str:
    try:
        return f"{single_arm.patients_for_width(each.plan, each.course, width, at=each.at):,}"
    except KitError:
        return "no number is enough"


def binaries(values: Settings | Mapping[str, float], *, trials: int, seed: int) -> pd.DataFrame:
    """Say what the trial will know of its binary endpoints, worked out and simulated.

    Parameters
    ----------
    values : Settings or mapping of str to float
        With the settings ``design``.
    trials, seed : int
        Simulated trials, and the seed of their random numbers.

    Returns
    -------
    pandas.DataFrame
        One row per endpoint: ``endpoint``, ``patients``, ``true``, ``historical``, ``lower`` and
        ``upper`` (mean exact limits), ``critical`` (least count that wins), ``power`` and
        ``simulated`` (power).

    Raises
    ------
    KitError
        If nobody would be tested.
    """
    asked = values if isinstance(values, Mapping) else values.model_dump()
    patients, alpha = int(asked["patients"]), asked["alpha_percent"] / 100
    tested = round(patients * (1 - asked["mrd_untested_percent"] / 100))
    rows = []
    for name, words, n in (
        ("response", "response", patients),
        ("mrd", "MRD negativity, of those tested", tested),
    ):
        share, null = asked[f"{name}_percent"] / 100, asked[f"{name}_historical_percent"] / 100
        exact = single_arm.binary(n, share, null=null, alpha=alpha)
        drawn = single_arm.simulated_binary(
            n, share, null=null, alpha=alpha, trials=trials, seed=seed
        )
        rows.append(
            {
                "endpoint": words,
                "patients": n,
                "true": share,
                "historical": null,
                "lower": exact.lower,
                "upper": exact.upper,
                "critical": exact.critical,
                "power": exact.power,
                "simulated": drawn.power,
            }
        )
    return pd.DataFrame(rows).astype({"critical": "Int64"})


def simulated(planned_trial: Design, *, trials: int, seed: int) -> Trials:
    """Draw the trial many times.

    Parameters
    ----------
    planned_trial : Design
        The trial.
    trials, seed : int
        Simulated trials, and the seed of their random numbers.

    Returns
    -------
    helpers.single_arm.Trials
    """
    each = planned_trial
    return single_arm.simulate(each.plan, each.course, trials=trials, seed=seed)


def counts(planned_trial: Design, drawn: Trials, *, points: int = 13) -> pd.DataFrame:
    """Count the trial's patients by calendar time, as expected and as simulated.

    Parameters
    ----------
    planned_trial : Design
        The trial.
    drawn : helpers.single_arm.Trials
        What `simulated` returned.
    points : int, optional
        At how many times, evenly spread from the first entry to the analysis.

    Returns
    -------
    pandas.DataFrame
        As `helpers.single_arm.expected_counts`, with ``simulated`` events and ``events_lower`` and
        ``events_upper``, between which lie those of 90 % of the trials.
    """
    months = np.linspace(0, planned_trial.plan.months, points)
    expected = single_arm.expected_counts(planned_trial.plan, planned_trial.course, months)
    seen = single_arm.simulated_counts(drawn, months)
    return expected.assign(
        simulated=seen["events"],
        events_lower=seen["events_lower"],
        events_upper=seen["events_upper"],
    )


def draw_counts(table: pd.DataFrame, *, last_entry: float) -> Picture:
    """Draw the trial's patients by calendar time.

    Parameters
    ----------
    table : pandas.DataFrame
        What `counts` returned.
    last_entry : float
        Months from the first entry to the last.

    Returns
    -------
    Picture
    """
    with figures.drawing(7.8, 3.9) as (figure, axes):
        figures.place(axes, (0.08, 0.15, 0.66, 0.8))
        month = table["month"]
        axes.fill_between(
            *(month, table["events_lower"], table["events_upper"]),
            color=VERMILION,
            alpha=0.15,
            lw=0,
        )
        for column, label, colour, dash in (
            ("enrolled", "entered", BLUE, "-"),
            ("followed", "under follow-up", GREEN, "-."),
            ("events", "deaths, expected", VERMILION, "--"),
            ("lost", "lost to follow-up", ORANGE, ":"),
        ):
            axes.plot(month, table[column], color=colour, linestyle=dash, lw=2, label=label)
        axes.plot(
            month,
            table["simulated"],
            "o",
            color=VERMILION,
            mfc="white",
            ms=5,
            label="deaths, simulated",
        )
        if table["transplanted"].max() > 0:
            axes.plot(
                month,
                table["transplanted"],
                color="#666666",
                lw=1.2,
                label="censored at transplant",
            )
        axes.axvline(last_entry, color="#8A8A8A", lw=1)
        axes.text(last_entry, table["enrolled"].max() * 1.04, "last entry", ha="center", fontsize=8)
        last = float(month.iloc[-1])
        axes.set_xlim(0, last)
        axes.set_xticks(np.arange(0, last + 1e-9, 12 if last > 24 else 3))
        axes.set_ylim(0, table["enrolled"].max() * 1.12)
        axes.set_xlabel("Months since the first entry (band: 90 % of the simulated trials)")
        axes.set_ylabel("Patients")
        axes.grid(color="#E5E5E5")
        axes.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
        end = table.iloc[-1]
        return figures.picture(
            figure,
            f"Patients by calendar time. At the analysis, {end['month']:g} months after the first "
            f"entry: {end['enrolled']:.0f} entered, {end['events']:.1f} deaths expected (90 % of "
            f"simulated trials: {end['events_lower']:.0f} to {end['events_upper']:.0f}), "
            f"{end['lost']:.1f} lost, {end['transplanted']:.1f} censored at transplant, "
            f"{end['followed']:.1f} under follow-up. Synthetic.",
        )


def characteristics(
    planned_trial: Design, *, trials: int, seed: int, drawn: Trials | None = None
) -> pd.DataFrame:
    """Set what is worked out beside what simulated trials give.

    Parameters
    ----------
    planned_trial : Design
        The trial.
    trials, seed : int
        Simulated trials, and the seed of their random numbers.
    drawn : helpers.single_arm.Trials, optional
        What `simulated` returned of the same.

    Returns
    -------
    pandas.DataFrame
        As `helpers.single_arm.operating_characteristics`.
    """
    each = planned_trial
    return single_arm.operating_characteristics(
        *(each.plan, each.course, each.null),
        at=each.at,
        alpha=each.alpha,
        trials=trials,
        seed=seed,
        drawn=drawn,
    )


def variants(planned_trial: Design, *, trials: int, seed: int) -> pd.DataFrame:
    """Say what losses and transplants do to the trial.

    Parameters
    ----------
    planned_trial : Design
        The trial.
    trials, seed : int
        Simulated trials, and the seed of their random numbers.

    Returns
    -------
    pandas.DataFrame
        One row per variant: ``variant``; ``survival``, ``width`` and ``power`` (survival at the
        time it is read), worked out; ``events``; and ``simulated`` (power). Survival is what the
        curve estimates: with censoring at transplant, that of a world without transplants.
    """
    each = planned_trial
    plan = replace(each.plan, censor_at_transplant=False)
    cases = {
        "as planned, transplants don't censor": (plan, each.course),
        "the follow-up stops at transplant": (
            replace(plan, censor_at_transplant=True),
            each.course,
        ),
        "nobody is transplanted": (plan, replace(each.course, transplant=None)),
        "nobody is lost": (replace(plan, yearly_dropout=0.0), each.course),
        "one in five is lost each year": (replace(plan, yearly_dropout=0.2), each.course),
    }
    rows = []
    for name, (how, true) in cases.items():
        table = characteristics(replace(each, plan=how, course=true), trials=trials, seed=seed)
        found = table.set_index("quantity")
        rows.append(
            {
                "variant": name,
                "survival": found.loc[f"survival at {each.at:g} months", "analytic"],
                "width": found.loc["width of the interval", "analytic"],
                "events": found.loc["events at the analysis", "analytic"],
                "power": found.loc["power, landmark", "analytic"],
                "simulated": found.loc["power, landmark", "simulated"],
            }
        )
    return pd.DataFrame(rows)


def outcome(settings: Settings, *, paper: str) -> Outcome:
    """Work the trial out as the settings have it.

    Parameters
    ----------
    settings : Settings
        With the settings ``design`` and, where offered, of `helpers.parameters.Transplant` and
        `helpers.parameters.Seed`.
    paper : str
        The trial's id.

    Returns
    -------
    Outcome
        ``data`` is the table of `characteristics`.

    Raises
    ------
    KitError
        If the design can't be worked out.
    """
    each, seed = design(settings), int(getattr(settings, "seed", 1))
    trials = max(_IN_PANEL // max(each.plan.patients, 50), 1)
    drawn = simulated(each, trials=trials, seed=seed)
    table = characteristics(each, trials=trials, seed=seed, drawn=drawn)
    row = table.set_index("quantity")
    known = row["analytic"]
    by_calendar = counts(each, drawn)
    belief = assurances(each, paper, trials=trials, seed=seed, analytic=False)
    yes_no = binaries(settings, trials=trials, seed=seed)
    censored = each.plan.censor_at_transplant and each.course.transplant is not None
    summary = (
        f"{each.plan.patients} patients, {each.plan.months:g} months from the first entry to the "
        f"analysis. If survival at {each.at:g} months is {known.iloc[0]:.0%}"
        + (" had there been no transplants" if censored else ", transplants included")
        + f", the 95 % interval goes from {known['lower limit']:.0%} to "
        f"{known['upper limit']:.0%}: {100 * known['width of the interval']:.0f} points. Against "
        f"a historical {float(each.null.survival(each.at)):.0%} the power is "
        f"{known['power, landmark']:.0%} at that month and {known['power, log-rank']:.0%} by the "
        f"log-rank test. {known['events at the analysis']:.0f} deaths are expected. For a power of "
        f"{_POWER:.0%}: {_needed(each, _POWER, 'landmark')} patients; for an interval of "
        f"{100 * _WIDTH:.0f} points: {_for_width(each, _WIDTH)}. If other papers are believed, it "
        f"wins with a probability of {belief['simulated'].min():.0%} to "
        f"{belief['simulated'].max():.0%}. "
        + " ".join(
            f"{line.endpoint[:1].upper()}{line.endpoint[1:]}: wins from {line.critical} of "
            f"{line.patients} on, power {line.power:.0%}."
            for line in yes_no.itertuples()
        )
    )
    return Outcome(
        summary,
        (
            draw_counts(by_calendar, last_entry=each.plan.accrual_months),
            characteristics_table(table, trials=trials),
            assurance_table(belief),
        ),
        table,
    )


def characteristics_table(table: pd.DataFrame, *, trials: int) -> tables.Table:
    """Set what is worked out beside what simulated trials give.

    Parameters
    ----------
    table : pandas.DataFrame
        What `characteristics` returned.
    trials : int
        How many were simulated.

    Returns
    -------
    Table
    """
    counted = table["quantity"].str.startswith(("events", "patients"))

    def cell(value: float, patients: bool, digits: int = 1) -> str:
        if math.isnan(value):
            return ""
        return f"{value:.{digits}f}" if patients else f"{100 * value:.{digits}f} %"

    shown = pd.DataFrame(
        {
            "quantity": table["quantity"],
            "analytic": list(map(cell, table["analytic"], counted)),
            "simulated": list(map(cell, table["simulated"], counted)),
            "error": [
                cell(value, yes, 2)
                for value, yes in zip(table["monte_carlo_error"], counted, strict=True)
            ],
        }
    )
    return tables.table(
        shown,
        caption=f"Worked out, and in {trials:,} simulated trials",
        headings={
            "quantity": "What",
            "analytic": "Worked out",
            "simulated": "Simulated",
            "error": "Monte-Carlo error",
        },
        footnote="Worked out for large trials. Where the two differ by more than a few errors, "
        "believe the simulation.",
        align_right=("analytic", "simulated", "error"),
    )


def assurance_table(table: pd.DataFrame) -> tables.Table:
    """Set how probable it is to win, if another paper is believed.

    Parameters
    ----------
    table : pandas.DataFrame
        What `assurances` returned.

    Returns
    -------
    Table
    """
    rate = [
        f"{100 * row.estimate:.0f} % ({100 * row.lower:.0f}–{100 * row.upper:.0f}) at "
        f"{row.month:g} months"
        for row in table.itertuples()
    ]
    shown = pd.DataFrame({"source": table["source"], "rate": rate, "how": table["how"]})
    if table["worked_out"].notna().all():
        shown["worked_out"] = table["worked_out"].map("{:.1%}".format)
    shown["simulated"] = table["simulated"].map("{:.1%}".format)
    shown["why"] = table["why"]
    headings = {
        "source": "If this is believed",
        "rate": "Survival",
        "how": "From",
        "worked_out": "It wins, worked out",
        "simulated": "It wins, simulated",
        "why": "Why that is shaky",
    }
    return tables.table(
        shown,
        caption="Assurance: the probability to win, averaged over what is believed",
        headings={name: headings[name] for name in shown},
    )


def binaries_table(table: pd.DataFrame, *, trials: int) -> tables.Table:
    """Set what the trial will know of its binary endpoints.

    Parameters
    ----------
    table : pandas.DataFrame
        What `binaries` returned.
    trials : int
        How many were simulated.

    Returns
    -------
    Table
    """
    shown = pd.DataFrame(
        {
            "Endpoint": table["endpoint"],
            "Patients": table["patients"].astype(str),
            "Assumed true": table["true"].map("{:.0%}".format),
            "Historical": table["historical"].map("{:.0%}".format),
            "Mean exact interval": [
                f"{row.lower:.0%} to {row.upper:.0%}" for row in table.itertuples()
            ],
            "Wins from": table["critical"].astype(str),
            "Power, worked out": table["power"].map("{:.1%}".format),
            "Power, simulated": table["simulated"].map("{:.1%}".format),
        }
    )
    return tables.table(
        shown,
        caption="The two binary endpoints",
        footnote=f"Clopper and Pearson's interval; exact one-sided binomial test; {trials:,} "
        "simulated trials.",
        align_right=tuple(shown.columns[1:]),
    )
