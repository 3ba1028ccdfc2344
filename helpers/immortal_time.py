"""Immortal time: how a group that one has to live to join looks better than it is.

Whoever responded at month three was alive at month three. Counted as a responder from the start
of treatment, that time is a gift: nobody in it could die. The same happens in data from routine
care to everyone who belongs to a group for something that came later, such as a finished cycle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.survival.cox import cox
from helpers.survival.time_dependent import episodes, landmark_sample

Floats = NDArray[np.float64]


def three_ways(
    time: ArrayLike,
    event: ArrayLike,
    change_time: ArrayLike,
    *,
    landmark: float,
    where: ArrayLike | None = None,
) -> dict[str, Floats]:
    """Compare those to whom something happens with the others, wrongly and rightly.

    Parameters
    ----------
    time : array_like
        Time from origin to event or censoring, shape ``(members, patients)``.
    event : array_like
        Whether that time ended in the event; broadcast against `time`, as the following.
    change_time : array_like
        When it happened to them; nan for never.
    landmark : float
        For the landmark analysis, in the unit of the times.
    where : array_like of bool, optional
        Who counts. Everyone if not given.

    Returns
    -------
    dict of str to numpy.ndarray of float
        Hazard ratios by Cox's model, one per member; nan where there is none. ``ever``: those to
        whom it ever happens, from the origin on, which credits them with the time before.
        ``landmark``: of those still followed at the landmark, those to whom it has happened by
        then. ``time-dependent``: each patient is without it before, and with it after.

    Raises
    ------
    KitError
        If an input cannot be used, or the shapes don't fit.

    References
    ----------
    Anderson JR, Cain KC, Gelber RD. Analysis of survival by tumor response. J Clin Oncol
    1983;1:710-719.
    Suissa S. Immortal time bias in pharmacoepidemiology. Am J Epidemiol 2008;167:492-499.
    """
    times = np.asarray(time, float)
    died = np.broadcast_to(np.asarray(event, bool), times.shape)
    changes = np.broadcast_to(np.asarray(change_time, float), times.shape)
    present = np.broadcast_to(np.asarray(True if where is None else where, bool), times.shape)
    sample = landmark_sample(times, died, changes, landmark, where=present)
    rows = episodes(times, died, changes, where=present)
    fits = {
        "ever": cox(times, died, ~np.isnan(changes), where=present),
        "landmark": cox(
            np.where(sample.where, sample.time, 0.0),
            sample.event,
            sample.changed,
            where=sample.where,
        ),
        "time-dependent": cox(
            rows.time, rows.event, rows.state, entry=rows.entry, where=rows.where
        ),
    }
    return {
        name: np.where(fit.reason[..., 0] == "", fit.hazard_ratio[..., 0], np.nan)
        for name, fit in fits.items()
    }


def guaranteed(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    until: float,
    where: ArrayLike | None = None,
) -> Floats:
    """Compare two groups, one of which only those belong to who lived long enough.

    Parameters
    ----------
    time : array_like
        Time from origin to event or censoring, shape ``(members, patients)``.
    event : array_like
        Whether that time ended in the event; broadcast against `time`, as the following.
    group : array_like of bool
        Who is in the group with a guarantee; the others are in the other group.
    until : float
        How long one has to be followed without the event to be counted in it; 0 for no guarantee.
    where : array_like of bool, optional
        Who counts. Everyone if not given.

    Returns
    -------
    numpy.ndarray of float
        Hazard ratio of the group by Cox's model, one per member; nan where there is none.

    Raises
    ------
    KitError
        If `until` is below 0, or the shapes don't fit.
    """
    if not until >= 0:
        raise KitError(f"given {until}", where="until", right="0 or more")
    times = np.asarray(time, float)
    first = np.broadcast_to(np.asarray(group, bool), times.shape)
    present = np.broadcast_to(np.asarray(True if where is None else where, bool), times.shape)
    fit = cox(times, event, first, where=present & ~(first & (times < until)))
    return np.where(fit.reason[..., 0] == "", fit.hazard_ratio[..., 0], np.nan)
