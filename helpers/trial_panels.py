"""Panels of a trial that has not begun: who enters, what is measured, its plan and its doses."""

from __future__ import annotations

from functools import partial

from helpers import (
    combination,
    parameters,
    stand_in,
    trial_design,
    trial_entry,
    trial_settings,
)
from helpers.panels import Panel
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
    return Panel(settings, names, work_out, paper=paper, heading="Change who may enter")


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
    return Panel(settings, names, stand_in.endpoint, paper=paper, heading="Change the endpoint")


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
    return Panel(settings, names, trial_design.outcome, paper=paper, heading="Change the design")


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
    return Panel(settings, names, combination.outcome, paper=paper, heading="Change the dose")
