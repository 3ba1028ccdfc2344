"""Panels of documents side by side: one definition for all of them, changed at once."""

from __future__ import annotations

from helpers.comparison import doses, rates, survival
from helpers.comparison import settings as offered
from helpers.panel_grid import Grid
from helpers.panels import Panel
from helpers.parameters import Settings


def response(settings: Settings) -> Panel:
    """Return the panel that redefines the response in all documents, and pools them.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.

    Returns
    -------
    Panel
    """
    names = [*offered.shown(), *offered.pooling()]
    heading = "Change what counts, in all documents"
    grid = Grid(together=[("population", "response"), ("response", "pooled_by")], most=5)
    return Panel(settings, names, rates.outcome, paper="", heading=heading, grid=grid)


def clock(settings: Settings) -> Panel:
    """Return the panel that redefines survival in all documents.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.

    Returns
    -------
    Panel
    """
    names = [*offered.shown(), *offered.survival()]
    heading = "Change the clock, in all documents"
    grid = Grid(
        together=[("origin", "events"), ("origin", "censor_at_transplant")],
        values={"survival_month": (6, 12, 18, 24, 36)},
        most=3,
    )
    return Panel(settings, names, survival.outcome, paper="", heading=heading, grid=grid)


def dose(settings: Settings) -> Panel:
    """Return the panel that measures all documents' venetoclax in the same way.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.

    Returns
    -------
    Panel
    """
    names = [*offered.exposure()]
    heading = "Change how the dose is measured"
    grid = Grid(together=[("dose_metric", "cyp3a_inhibitor"), ("dose_metric", "cycles")])
    return Panel(settings, names, doses.outcome, paper="", heading=heading, grid=grid)
