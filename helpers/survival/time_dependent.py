"""A change during follow-up, such as a transplant, analysed without immortal time.

Whoever is transplanted has lived until then. Curves by "ever transplanted" count that time, in
which nobody could die, for the transplant. Three ways out, for a whole batch of cohorts at once:
a landmark, curves and tests whose groups change in time, and `helpers.survival.cox.cox` with the
episodes as rows.

A patient who changes at `t` is in the state before up to and including `t`, and in the state
after it later: observation is the interval ``(entry, time]``, as in R. So an event at the moment
of the change counts in the state before. A change after the end of observation is none, and
whoever was never observed (time 0) drops out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.survival.chi_squared import upper_tail
from helpers.survival.curves import Curves, Words, estimated
from helpers.survival.ordered import (
    TOLERANCE,
    Flags,
    Floats,
    Integers,
    delayed,
    had_event,
    intervals,
    moments,
    ordered,
    same_shape,
)


@dataclass(frozen=True, eq=False)
class LandmarkSample:
    """Those who are still observed and free of the event at a landmark.

    Attributes
    ----------
    where : numpy.ndarray of bool
        Who is in the sample; shape ``(..., patients)``, as the following.
    changed : numpy.ndarray of bool
        Who has changed by then: the groups to compare.
    time : numpy.ndarray of float
        Time since the landmark; nan for those who aren't in the sample.
    event : numpy.ndarray of bool
        Whether it ended in the event.
    """

    where: Flags
    changed: Flags
    time: Floats
    event: Flags


@dataclass(frozen=True, eq=False)
class Episodes:
    """Each patient's time before and after the change.

    All arrays have the shape ``(..., 2 * patients)``: first everyone's time before the change,
    then, in the same order, everyone's time after it.

    Attributes
    ----------
    entry, time : numpy.ndarray of float
        When the episode begins and ends; 0 where there is none.
    event : numpy.ndarray of bool
        Whether it ends in the event.
    state : numpy.ndarray of int
        0 before the change, 1 after it.
    where : numpy.ndarray of bool
        Whether there is such an episode: most patients have one, those who change two.
    """

    entry: Floats
    time: Floats
    event: Flags
    state: Integers
    where: Flags


@dataclass(frozen=True, eq=False)
class SimonMakuch:
    """Survival curves whose patients change from one to the other.

    Attributes
    ----------
    curves : Curves
        Shape ``(..., 2)``: before the change and after it. `helpers.survival.curves.limits`,
        `quantile` and `landmark` read them; `curves.ordered.at_risk` has who was in that state
        just before each time. `numbers_at_risk` has numbers at other times; `counts`, which
        knows no late entry, refuses.
    episodes : Episodes
        What they were made from.
    """

    curves: Curves
    episodes: Episodes


@dataclass(frozen=True, eq=False)
class MantelByar:
    """Log-rank tests between states that patients change.

    Attributes
    ----------
    observed, expected : numpy.ndarray of float
        Events before and after the change, and those to expect if it made no difference; shape
        ``(..., 2)``.
    variance : numpy.ndarray of float
        Of the observed events in either state; shape ``(...)``, as the following.
    statistic : numpy.ndarray of float
        Chi-squared with 1 degree of freedom; nan where no event had both states at risk.
    p : numpy.ndarray of float
        Its upper tail.
    reason : numpy.ndarray of str
        Why `statistic` is nan; empty where it isn't.
    """

    observed: Floats
    expected: Floats
    variance: Floats
    statistic: Floats
    p: Floats
    reason: Words


def landmark_sample(
    time: ArrayLike,
    event: ArrayLike,
    change_time: ArrayLike,
    at: ArrayLike,
    *,
    where: ArrayLike | None = None,
) -> LandmarkSample:
    """Group patients by what had happened to them at a landmark.

    Parameters
    ----------
    time : array_like
        Time from origin to event or censoring, shape ``(..., patients)``: finite, 0 or more.
    event : array_like
        Whether that time ended in the event: True or 1, False or 0. Broadcast against `time`.
    change_time : array_like
        When each patient changed, 0 or more; nan or ``inf`` for never. Broadcast against `time`.
    at : array_like
        The landmark, 0 or more; one for all, or one for each cohort: shape ``(...)``.
    where : array_like of bool, optional
        Who counts; broadcast against `time`. Everyone if not given.

    Returns
    -------
    LandmarkSample

    Raises
    ------
    KitError
        If an input cannot be used, or the shapes don't fit.

    Notes
    -----
    In the sample is whoever's time is longer than the landmark, so that an event or a censoring
    at the landmark itself is past. Changed is whoever changed at the landmark or before; a later
    change counts for nothing [1]_.

    References
    ----------
    .. [1] Anderson JR, Cain KC, Gelber RD. Analysis of survival by tumor response. J Clin Oncol
       1983;1:710-719.

    Examples
    --------
    >>> sample = landmark_sample([2, 5, 9, 9], [1, 1, 0, 1], [np.nan, 2, 4, np.nan], 3)
    >>> sample.where, sample.changed
    (array([False,  True,  True,  True]), array([False,  True, False, False]))
    >>> sample.time
    array([nan,  2.,  6.,  6.])
    """
    times, died, changes, present = _histories(time, event, change_time, where)
    moment = moments(at, "at")
    try:
        moment = np.broadcast_to(moment, times.shape[:-1])[..., None]
    except ValueError:
        raise KitError(
            f"shape {moment.shape}", where="at", right="one landmark, or one per cohort"
        ) from None
    slack = TOLERANCE * np.maximum(1.0, moment)
    here = present & (times > moment + slack)
    return LandmarkSample(
        where=here,
        changed=here & (changes <= moment + slack),
        time=np.where(here, times - moment, np.nan),
        event=here & died,
    )


def episodes(
    time: ArrayLike,
    event: ArrayLike,
    change_time: ArrayLike,
    *,
    where: ArrayLike | None = None,
) -> Episodes:
    """Split each patient's time at the change.

    Parameters
    ----------
    time, event, change_time, where : array_like
        As `landmark_sample` takes them.

    Returns
    -------
    Episodes
        To be passed on to `helpers.survival.cox.cox`, with `state` as covariate. A covariate of
        the patients, repeated with ``np.concatenate((x, x), axis=-1)``, fits the rows.

    Raises
    ------
    KitError
        If an input cannot be used, or the shapes don't fit.

    Examples
    --------
    The first patient dies at 2; the second changes at 2 and dies at 5.

    >>> rows = episodes([2, 5], [1, 1], [np.nan, 2])
    >>> rows.entry[rows.where], rows.time[rows.where], rows.event[rows.where]
    (array([0., 0., 2.]), array([2., 2., 5.]), array([ True, False,  True]))
    >>> rows.state[rows.where]
    array([0, 0, 1])
    """
    times, died, changes, present = _histories(time, event, change_time, where)
    # A change that never comes, or too late, is one at the end: it leaves no time after it.
    changes = np.minimum(changes, times)
    times, changes = (np.where(present, values, 0.0) for values in (times, changes))
    both, _ = intervals(times, changes, present)
    same = both.restore(both.time)
    size = times.shape[-1]
    times, changes = (
        np.where(present, values, 0.0) for values in (same[..., :size], same[..., size:])
    )
    # No time of the batch but 0 itself is compared with 0, so rounding error is looked for here.
    changes = np.where(changes > TOLERANCE, changes, 0.0)
    times = np.where(times > TOLERANCE, times, 0.0)
    after = changes < times
    return Episodes(
        entry=np.concatenate((np.zeros_like(times), np.where(after, changes, 0.0)), axis=-1),
        time=np.concatenate((changes, np.where(after, times, 0.0)), axis=-1),
        event=np.concatenate((present & died & ~after & (times > 0), died & after), axis=-1),
        state=np.concatenate((np.zeros(after.shape, int), np.ones(after.shape, int)), axis=-1),
        where=np.concatenate((changes > 0, after), axis=-1),
    )


def simon_makuch(
    time: ArrayLike,
    event: ArrayLike,
    change_time: ArrayLike,
    *,
    where: ArrayLike | None = None,
    start: float = 0.0,
) -> SimonMakuch:
    """Estimate survival before and after the change, each patient counted where they are.

    Parameters
    ----------
    time, event, change_time, where : array_like
        As `landmark_sample` takes them.
    start : float, optional
        When the curves begin. Only events after it count.

    Returns
    -------
    SimonMakuch

    Raises
    ------
    KitError
        If an input cannot be used, or the shapes don't fit.

    Notes
    -----
    Kaplan-Meier estimates with patients who enter late [1]_, as R's
    ``survfit(Surv(entry, time, event) ~ state)``. Early on few have changed. Where everyone in a
    state has the event at once the estimate is 0 from there on, as in R, though others enter
    later and live: read it against the numbers at risk, or pass a `start` at which enough have
    changed, as Simon and Makuch did. R's ``start.time`` also counts events at that time itself.

    References
    ----------
    .. [1] Simon R, Makuch RW. A non-parametric graphical representation of the relationship
       between survival and the occurrence of an event. Stat Med 1984;3:35-44.
    """
    if not (np.isfinite(start) and start >= 0):
        raise KitError(f"given {start!r}", where="start", right="a finite number, 0 or more")
    rows = episodes(time, event, change_time, where=where)
    entry, times, died, used = (
        _by_state(values) for values in (rows.entry, rows.time, rows.event, rows.where)
    )
    used = used & (times > start + TOLERANCE * max(1.0, start))
    placed = delayed(times, np.where(used, np.maximum(entry, start), 0.0), used)
    return SimonMakuch(estimated(placed, placed.arrange(died).astype(bool) & placed.present), rows)


def numbers_at_risk(found: SimonMakuch, at: ArrayLike) -> Integers:
    """Count the patients in each state at some times.

    Parameters
    ----------
    found : SimonMakuch
        The curves.
    at : array_like
        One or more times: finite, 0 or more; shape ``(k,)``.

    Returns
    -------
    numpy.ndarray of int
        Shape ``(..., 2, k)``: who has come into the state before that time, or at time 0, and
        whose time in it is that one or longer.

    Raises
    ------
    KitError
        If a time cannot be used.
    """
    asked = np.atleast_1d(moments(at, "at"))
    entry, time, here = (
        _by_state(values)
        for values in (found.episodes.entry, found.episodes.time, found.episodes.where)
    )
    numbers = np.zeros((*here.shape[:-1], len(asked)), dtype=np.int64)
    for place, moment in enumerate(asked):
        slack = TOLERANCE * max(1.0, moment)
        come = (entry < moment - slack) | ((entry == 0) & (moment <= slack))
        numbers[..., place] = (here & come & (time >= moment - slack)).sum(axis=-1)
    return numbers


def mantel_byar(
    time: ArrayLike,
    event: ArrayLike,
    change_time: ArrayLike,
    *,
    where: ArrayLike | None = None,
) -> MantelByar:
    """Compare survival before and after the change.

    Parameters
    ----------
    time, event, change_time, where : array_like
        As `landmark_sample` takes them.

    Returns
    -------
    MantelByar

    Raises
    ------
    KitError
        If an input cannot be used, or the shapes don't fit.

    Notes
    -----
    The log-rank test with each patient counted in the state of the moment [1]_, with the
    hypergeometric variance: the score test of a Cox model with the exact partial likelihood.

    References
    ----------
    .. [1] Mantel N, Byar DP. Evaluation of response-time data involving transient states: an
       illustration using heart-transplant data. J Am Stat Assoc 1974;69:81-86.
    """
    rows = episodes(time, event, change_time, where=where)
    entry, ends, here = (_by_state(values) for values in (rows.entry, rows.time, rows.where))
    observed_at_all, changed = np.asarray(here.any(axis=-2)), here[..., 1, :]
    both = ordered(
        np.concatenate((ends.max(axis=-2), entry[..., 1, :]), axis=-1),
        np.concatenate((observed_at_all, changed), axis=-1),
    )
    died = np.asarray(_by_state(rows.event).any(axis=-2))
    nobody = np.zeros_like(changed)

    def placed(leaving: NDArray[Any], coming: NDArray[Any]) -> Floats:
        return both.arrange(np.concatenate((leaving, -1.0 * coming), axis=-1))

    at_risk = both.from_on(placed(observed_at_all, nobody))
    after = both.from_on(placed(changed, changed))
    deaths = both.at_time(placed(died, nobody)) if died.shape[-1] else at_risk
    share, left = np.zeros((2, *at_risk.shape))
    some = deaths > 0
    np.divide(after, at_risk, out=share, where=some)
    np.divide(at_risk - deaths, at_risk - 1, out=left, where=some & (at_risk > 1))
    expected = (deaths * share).sum(axis=-1)
    variance = (deaths * share * (1 - share) * left).sum(axis=-1)
    observed = (rows.event & (rows.state == 1)).sum(axis=-1)
    events = rows.event.sum(axis=-1)
    statistic = np.full(variance.shape, np.nan)
    np.divide((observed - expected) ** 2, variance, out=statistic, where=variance > 0)
    reason = np.where(variance > 0, "", "no event with both states at risk")
    reason = np.where(events == 0, "no events", reason)
    return MantelByar(
        observed=np.stack((events - observed, observed), axis=-1).astype(float),
        expected=np.stack((events - expected, expected), axis=-1),
        variance=np.asarray(variance),
        statistic=statistic,
        p=upper_tail(statistic, 1),
        reason=np.where(~observed_at_all.any(axis=-1), "no patients", reason),
    )


def _histories(
    time: ArrayLike, event: ArrayLike, change_time: ArrayLike, where: ArrayLike | None
) -> tuple[Floats, Flags, Floats, Flags]:
    """Return times, events, changes (``inf`` for never) and who counts, of one shape."""
    given = {
        "time": np.asarray(time, dtype=float),
        "event": had_event(event),
        "change_time": np.asarray(change_time, dtype=float),
        "where": np.ones(np.shape(time), dtype=bool) if where is None else np.asarray(where, bool),
    }
    shape = same_shape(given)
    times, died, changes, present = (np.broadcast_to(array, shape) for array in given.values())
    usable = np.isfinite(times) & (times >= 0)
    for name, values, right, unfit in (
        ("time", times, "a finite number, 0 or more", present & ~usable),
        ("change_time", changes, "0 or more, or nan for never", present & (changes < 0)),
    ):
        if unfit.any():
            raise KitError(f"given {values[unfit][0]}", where=name, right=right)
    return times, died & present, np.fmin(changes, np.inf), present


def _by_state(rows: NDArray[Any]) -> NDArray[Any]:
    """Turn rows of both states into one line for each state: ``(..., 2, patients)``."""
    return rows.reshape((*rows.shape[:-1], 2, rows.shape[-1] // 2))
