"""Bayesian stopping rules for response and toxicity together, and where a trial's data lie.

As in `helpers.whatif`, `monitored` takes a lesson's settings and returns an `Outcome`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from helpers import figures, monitoring, tables
from helpers.figures import BLACK, BLUE, VERMILION, Picture
from helpers.monitoring import Criterion
from helpers.parameters import Settings
from helpers.tables import Table
from helpers.whatif import Outcome

RESPONSE, TOXICITY = "response", "toxicity"
_SHOWN_RATES = (0.3, 0.4, 0.5, 0.6)


@dataclass(frozen=True)
class Seen:
    """What a trial saw, as far as its paper tells.

    Attributes
    ----------
    label : str
        Which patients.
    lowest, highest : int
        The fewest and the most who may have had the event.
    patients : int
        Of how many.
    """

    label: str
    lowest: int
    highest: int
    patients: int


Data = Mapping[str, Sequence[Seen]]


def criteria(settings: Settings) -> dict[str, Criterion]:
    """Return the two stopping rules that the settings describe.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Monitoring`.

    Returns
    -------
    dict of str to helpers.monitoring.Criterion
        For ``response`` and for ``toxicity``.
    """
    chosen: Any = settings

    def prior(percent: int) -> tuple[float, float]:
        mean = percent / 100
        return chosen.prior_weight * mean, chosen.prior_weight * (1 - mean)

    return {
        RESPONSE: Criterion(
            rate=chosen.response_percent / 100,
            wanted="at least",
            cutoff=chosen.response_cutoff_percent / 100,
            prior=prior(chosen.prior_response_percent),
        ),
        TOXICITY: Criterion(
            rate=chosen.toxicity_percent / 100,
            wanted="below",
            cutoff=chosen.toxicity_cutoff_percent / 100,
            prior=prior(chosen.prior_toxicity_percent),
        ),
    }


def looks(settings: Settings) -> tuple[int, ...]:
    """Return after how many patients the data are looked at.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Monitoring`.

    Returns
    -------
    tuple of int
    """
    chosen: Any = settings
    return monitoring.schedule(
        chosen.planned_patients, first=chosen.first_look, every=chosen.look_every
    )


def monitored(settings: Settings, *, paper: str, seen: Data) -> Outcome:
    """Show stopping boundaries, where a trial lies on them, and how often they stop.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Monitoring`.
    paper : str
        The lesson's paper; not used.
    seen : mapping of str to sequence of Seen
        What the trial saw, for ``response`` and for ``toxicity``.

    Returns
    -------
    Outcome
        ``data`` has a row per look: at how many events each rule stops.

    Raises
    ------
    KitError
        If the looks don't fit into the trial.
    """
    chosen: Any = settings
    rules, at = criteria(settings), looks(settings)
    data = boundaries(rules, at)
    rates = {
        RESPONSE: chosen.true_response_percent / 100,
        TOXICITY: chosen.true_toxicity_percent / 100,
    }
    stopped = monitoring.totals(monitoring.operating_characteristics(rules, rates, at))
    summary = (
        f"Looked at after {_listed(at)} patients. Response: {rules[RESPONSE]}; "
        f"toxicity: {rules[TOXICITY]}. {_first_stops(data)} "
        + " ".join(_stands(rules, at, seen))
        + f" With true rates of {rates[RESPONSE]:.0%} response and {rates[TOXICITY]:.0%} "
        f"toxicity, {stopped['early']:.0%} of trials stop before all {at[-1]} patients, after "
        f"{stopped['expected_patients']:.1f} patients on average; {stopped['never']:.0%} never "
        "stop."
    )
    scenarios = table_of_rates(rules, at, toxicity=rates[TOXICITY])
    return Outcome(
        summary,
        (
            draw_boundaries(rules, data, seen),
            scenarios,
        ),
        data,
    )


def boundaries(rules: Mapping[str, Criterion], at: Sequence[int]) -> pd.DataFrame:
    """Return at how many events each rule stops.

    Parameters
    ----------
    rules : mapping of str to helpers.monitoring.Criterion
        By what they are about.
    at : sequence of int
        Patients at each look.

    Returns
    -------
    pandas.DataFrame
        ``patients``, and by the name of each rule the number of events; missing where it can't
        stop.
    """
    table = pd.DataFrame({"patients": list(at)})
    for name, rule in rules.items():
        table[name] = monitoring.boundaries(rule, at)["stop_at"]
    return table


def table_of_rates(rules: Mapping[str, Criterion], at: Sequence[int], *, toxicity: float) -> Table:
    """Set how often a monitored trial stops, by the true response rate.

    Parameters
    ----------
    rules : mapping of str to helpers.monitoring.Criterion
        For ``response`` and for ``toxicity``.
    at : sequence of int
        Patients at each look.
    toxicity : float
        The true toxicity rate, from 0 to 1.

    Returns
    -------
    helpers.tables.Table
        Exact probabilities.
    """
    rows = []
    for rate in _SHOWN_RATES:
        found = monitoring.totals(
            monitoring.operating_characteristics(rules, {RESPONSE: rate, TOXICITY: toxicity}, at)
        )
        rows.append(
            {
                "rate": f"{rate:.0%}",
                "response": f"{found[RESPONSE] + found['both']:.0%}",
                "toxicity": f"{found[TOXICITY] + found['both']:.0%}",
                "early": f"{found['early']:.0%}",
                "never": f"{found['never']:.0%}",
                "patients": f"{found['expected_patients']:.1f}",
            }
        )
    shown = pd.DataFrame(rows)
    return tables.table(
        shown,
        caption="How often the rules stop, by the true response rate",
        headings={
            "rate": "True response rate",
            "response": "Stops for response",
            "toxicity": "Stops for toxicity",
            "early": "Stops before the end",
            "never": "Never stops",
            "patients": "Patients on average",
        },
        footnote=f"True toxicity rate {toxicity:.0%}, independent of response. Exact, not "
        "simulated.",
        align_right=tuple(shown.columns),
    )


def standings(rules: Mapping[str, Criterion], at: Sequence[int], seen: Data) -> pd.DataFrame:
    """Say where a trial's data lie on the boundaries.

    Parameters
    ----------
    rules : mapping of str to helpers.monitoring.Criterion
        By what they are about.
    at : sequence of int
        Patients at each look.
    seen : mapping of str to sequence of Seen
        What the trial saw; of more patients than planned, nothing can be said.

    Returns
    -------
    pandas.DataFrame
        A row for the fewest and, if it is another, one for the most events of each: ``rule``,
        ``what``, ``events``, ``patients``, ``chance``, ``stops``, ``to_spare`` and
        ``crossed_before`` as of `helpers.monitoring.Standing`.
    """
    rows = []
    for name, each in seen.items():
        for part in each:
            if part.patients > at[-1]:
                continue
            for events in dict.fromkeys((part.lowest, part.highest)):
                found = monitoring.standing(
                    rules[name], events=events, patients=part.patients, looks=at
                )
                rows.append(
                    {
                        "rule": name,
                        "what": part.label,
                        "events": events,
                        "patients": part.patients,
                        "chance": found.chance,
                        "stops": found.stops,
                        "to_spare": found.to_spare,
                        "crossed_before": found.crossed_before,
                    }
                )
    columns = ["rule", "what", "events", "patients", "chance", "stops"]
    return pd.DataFrame(rows, columns=[*columns, "to_spare", "crossed_before"])


def draw_boundaries(
    rules: Mapping[str, Criterion], data: pd.DataFrame, seen: Data | None = None
) -> Picture:
    """Draw the stopping boundaries side by side, with what a trial saw.

    Parameters
    ----------
    rules : mapping of str to helpers.monitoring.Criterion
        One rule or two, by what they are about.
    data : pandas.DataFrame
        What `boundaries` returned for them.
    seen : mapping of str to sequence of Seen, optional
        What the trial saw.

    Returns
    -------
    Picture
    """
    most = int(data["patients"].iloc[-1])
    share = 0.9 / len(rules)
    with figures.drawing(8.6, 3.7) as (figure, first):
        for place, (name, rule) in enumerate(rules.items()):
            axes = figure.add_subplot() if place else first
            figures.place(axes, (0.07 + place * (share + 0.03), 0.2, share - 0.05, 0.69))
            rows = data[data[name].notna()]
            edges = rows[name].to_numpy(float)
            few = rule.wanted == "at least"
            axes.fill_between([0, most], [0, most], [most, most], color="#E9E9E9", lw=0)
            axes.vlines(
                rows["patients"],
                -0.5 if few else edges - 0.5,
                edges + 0.5 if few else rows["patients"] + 0.5,
                color=VERMILION,
                alpha=0.35,
                lw=max(1.5, 150 / max(most, 30)),
                zorder=1,
            )
            axes.plot(rows["patients"], edges, "_", color=VERMILION, ms=9, mew=2, zorder=2)
            for number, part in enumerate((seen or {}).get(name, ())):
                marker = "o" if number == 0 else "D"
                axes.plot(
                    [part.patients] * 2,
                    [part.lowest, part.highest],
                    "-",
                    color=BLUE,
                    lw=4,
                    alpha=0.6,
                    zorder=3,
                )
                axes.plot(
                    [part.patients] * 2,
                    [part.lowest, part.highest],
                    marker,
                    color=BLUE,
                    mec=BLACK,
                    ms=6,
                    ls="",
                    label=part.label,
                    zorder=4,
                )
            axes.set_xlim(0, most + 1)
            limit = most if few else max(8.0, 0.55 * most)
            axes.set_ylim(-0.6, limit)
            axes.set_title(f"{name.capitalize()}: {rule}", fontsize=9, loc="left")
            axes.set_xlabel("Patients so far")
            axes.set_ylabel("Patients with the event" if place == 0 else "")
            if (seen or {}).get(name):
                axes.legend(frameon=True, fontsize=8, loc="upper left", framealpha=0.9)
        note = "Red: the trial stops with so many. Grey: more events than patients."
        figure.text(0.01, 0.015, note, fontsize=8, color="#505050")
        return figures.picture(figure, _words(rules, data, seen or {}))


def _words(rules: Mapping[str, Criterion], data: pd.DataFrame, seen: Data) -> str:
    told = []
    for name, rule in rules.items():
        more = "or fewer" if rule.wanted == "at least" else "or more"
        steps = data[data[name].notna()].drop_duplicates(name)
        parts = [
            f"{stop} {more} of {patients}"
            for stop, patients in zip(steps[name], steps["patients"], strict=True)
        ]
        told.append(f"{name}, {rule}: stops with {', '.join(parts) or 'no number'}")
    data_words = [
        f"{part.label}: {part.lowest}"
        + ("" if part.lowest == part.highest else f" to {part.highest}")
        + f" of {part.patients} with {name}"
        for name, each in seen.items()
        for part in each
    ]
    return f"Stopping boundaries. {'; '.join(told)}. {'; '.join(data_words)}."


def _listed(at: Sequence[int]) -> str:
    if len(at) <= 4:
        return ", ".join(map(str, at))
    return f"{at[0]}, {at[1]}, … and {at[-1]}"


def _first_stops(data: pd.DataFrame) -> str:
    told = []
    for name, more in ((RESPONSE, "or fewer"), (TOXICITY, "or more")):
        rows = data[data[name].notna()]
        if rows.empty:
            told.append(f"It can never stop for {name}.")
        else:
            first = rows.iloc[0]
            told.append(f"The first stop for {name}: {first[name]} {more} of {first['patients']}.")
    return " ".join(told)


def _stands(rules: Mapping[str, Criterion], at: Sequence[int], seen: Data) -> list[str]:
    told = []
    for row in standings(rules, at, seen).itertuples():
        verdict = "it stops" if row.stops else "it goes on"
        what = f"{row.what[:1].upper()}{row.what[1:]}"
        told.append(f"{what}: {row.events} of {row.patients}, P = {row.chance:.2f}, {verdict}.")
    return told or ["The trial had more patients than are planned here."]
