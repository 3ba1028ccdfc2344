"""Panels of a trial that has not begun: who enters, what is measured, its plan and its doses."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from helpers import (
    combination,
    parameters,
    stand_in,
    trial_design,
    trial_entry,
    trial_settings,
)
from helpers.panel_grid import Grid
from helpers.panels import DOSES, Panel
from helpers.parameters import Settings


def entry(settings: Settings, *, paper: str, places: int) -> Panel:
    """Return the panel that moves thresholds and the screening population.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The trial's id.
    places : int
        How many the trial enrols.

    Returns
    -------
    Panel
    """
    names = [
        *trial_settings.thresholds(paper),
        *parameters.Screening.model_fields,
        *parameters.Seed.model_fields,
    ]
    work_out = partial(trial_entry.entry, places=places)
    grid = Grid(
        values={"seed": range(1, 6)},
        together=[
            ("older_by_years", "organ_values_times"),
            ("organ_values_times", "missing_times"),
        ],
        most=5,
    )
    heading = "Change who may enter"
    return Panel(settings, names, work_out, paper=paper, heading=heading, grid=grid)


def endpoint(settings: Settings, *, paper: str) -> Panel:
    """Return the panel that sets two of the trial's endpoints beside each other.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The trial's id.

    Returns
    -------
    Panel
    """
    names = [*trial_settings.readings(paper), *parameters.Transplant.model_fields]
    grid = Grid(
        values={"cutoff_months": (1, 3, 6, 9, 12, 24, 36, 48, 60)},
        together=[
            ("reading", "beside"),
            ("reading", "censor_at_transplant"),
            ("reading", "cutoff_months"),
        ],
    )
    heading = "Change the endpoint"
    return Panel(settings, names, stand_in.endpoint, paper=paper, heading=heading, grid=grid)


def design(settings: Settings, *, paper: str) -> Panel:
    """Return the panel that plans the trial.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The trial's id.

    Returns
    -------
    Panel
    """
    names = [
        *trial_settings.plan(paper),
        *parameters.Transplant.model_fields,
        *parameters.Seed.model_fields,
    ]
    grid = Grid(
        values={"seed": range(1, 6)},
        together=[("patients", name) for name in names if name.endswith("_percent")],
        most=5,
    )
    heading = "Change the design"
    return Panel(settings, names, trial_design.outcome, paper=paper, heading=heading, grid=grid)


def dose(settings: Settings, *, paper: str) -> Panel:
    """Return the panel that lays out venetoclax, blinatumomab and a TKI.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The trial's id.

    Returns
    -------
    Panel
    """
    names = [*parameters.Dose.model_fields, *parameters.LymphoidDrugs.model_fields]
    grid = replace(
        DOSES,
        together=[
            ("venetoclax_mg", "cyp3a_inhibitor"),
            ("venetoclax_days", "cyp3a_inhibitor"),
            ("tki", "cyp3a_inhibitor"),
            ("blinatumomab", "blinatumomab_cycles"),
            ("blinatumomab", "body_weight_kg"),
        ],
    )
    heading = "Change the dose"
    return Panel(settings, names, combination.outcome, paper=paper, heading=heading, grid=grid)
