"""One Kaplan-Meier curve with its table, median, landmarks, numbers at risk and follow-up.

A paper prints a survival number without the method behind it, and R, SAS and lifelines differ
in theirs. So each choice is an argument here, and travels with the result.

`helpers.survival.curves` estimates; this puts one curve's numbers where a lesson, a figure or a
table wants them. Times may be in any unit; the kit uses months.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.survival import curves as batch
from helpers.survival.curves import ConfType, FollowUpMethod
from helpers.survival.ordered import Floats, one_of

__all__ = [
    "ConfType",
    "FollowUp",
    "FollowUpMethod",
    "KaplanMeier",
    "Landmark",
    "MedianRule",
    "follow_up",
    "kaplan_meier",
    "number_at_risk",
    "survival_at",
]

MedianRule = Literal["survfit", "lifelines"]


@dataclass(frozen=True, eq=False)
class KaplanMeier:
    """A Kaplan-Meier estimate with everything needed to draw and to quote it.

    Attributes
    ----------
    label : str
        What the curve is called in a figure or a table.
    n, events : int
        Patients and events. With ``n == 0`` there is nothing to estimate: `curve` has the row of
        time 0 alone, and every estimate is nan.
    curve : pandas.DataFrame
        One row per distinct observed time, ascending, and one for time 0:

        - ``time``;
        - ``at_risk``: patients with a time of ``time`` or later;
        - ``events``, ``censored``: patients whose time ends there, by how it ended;
        - ``survival``: the estimate from ``time`` until just before the next row;
        - ``lower``, ``upper``: its pointwise confidence limits, nan where the method has none
          (see `kaplan_meier`).
    median : float
        Median survival time. nan means not reached ("NR"): the curve stays above one half.
    median_lower, median_upper : float
        Confidence limits of the median. nan means not estimable ("NE"): that limit of the band
        never gets down to one half.
    conf_type : {"plain", "log", "log-log", "arcsine"}
        The scale on which the confidence limits are symmetric.
    median_rule : {"survfit", "lifelines"}
        How the median and its limits are read off the curve.
    level : float
        Confidence level of all limits, such as 0.95.
    """

    label: str
    n: int
    events: int
    curve: pd.DataFrame
    median: float
    median_lower: float
    median_upper: float
    conf_type: ConfType
    median_rule: MedianRule
    level: float


@dataclass(frozen=True)
class Landmark:
    """Survival at one time.

    Attributes
    ----------
    time : float
        The time asked for.
    survival : float
        Estimated probability of being free of the event after `time`; nan if unknown.
    lower, upper : float
        Its confidence limits; nan where the method has none.
    """

    time: float
    survival: float
    lower: float
    upper: float


@dataclass(frozen=True)
class FollowUp:
    """How long patients were followed.

    Attributes
    ----------
    median : float
        Median follow-up; nan if not reached, or if there is no patient.
    shortest, longest : float
        Range of the observed times, events included; nan if there is no patient.
    method : {"reverse", "observed"}
        How the median was found (see `follow_up`).
    n : int
        Patients.
    """

    median: float
    shortest: float
    longest: float
    method: FollowUpMethod
    n: int


def kaplan_meier(
    time: ArrayLike,
    event: ArrayLike,
    *,
    label: str = "",
    level: float = 0.95,
    conf_type: ConfType = "log-log",
    median_rule: MedianRule = "survfit",
) -> KaplanMeier:
    """Estimate a survival curve, its confidence band and its median.

    Parameters
    ----------
    time : array_like
        Time from origin to event or censoring, one per patient: finite, 0 or more.
    event : array_like
        Whether that time ended in the event: True or 1 for an event, False or 0 for censored.
    label : str, optional
        What to call the curve.
    level : float, optional
        Confidence level, above 0 and below 1.
    conf_type : {"log-log", "log", "plain", "arcsine"}, optional
        The scale on which the limits are symmetric. lifelines and SAS take ``"log-log"``; R takes
        ``"log"`` unless told otherwise, and writes ``"arcsin"`` for ``"arcsine"``.
    median_rule : {"survfit", "lifelines"}, optional
        How to read a median off a step curve; the two differ where it runs at one half.

        - ``"survfit"``: what R prints for a ``survfit`` object, so what most papers print. Where
          the curve runs level at one half and falls later, the median is the middle of that
          stretch; where it stays at one half to the end, the start of it. A value within 1.5e-8
          of one half counts as one half.
        - ``"lifelines"``: the first time at which the curve is at or below one half, as lifelines
          computes it. A rounding error may put an estimate of one half just above it: of six
          patients who all die, lifelines gives the fourth death and not the third.

    Returns
    -------
    KaplanMeier
        With ``n == 0`` and nan estimates if there is no patient.

    Raises
    ------
    KitError
        If times and events do not pair up, one of them cannot be used, or an option is unknown.

    See Also
    --------
    survival_at : Read the curve at one time.
    number_at_risk : Count the patients still followed.

    Notes
    -----
    The estimate is [1]_, its variance Greenwood's [2]_, the transformed limits those of [4]_
    (section 4.3). A confidence limit of the median is the median of the matching limit of the
    band [3]_, by the same rule.

    Limits follow R where Greenwood's variance says nothing: with no survivor left (``survival``
    0) there are none, for any method; before the first event (``survival`` 1) both are 1 under
    ``"plain"`` and ``"log"``, and there are none under ``"log-log"`` and ``"arcsine"``. At time 0
    both are 1 unless a patient's time is 0. lifelines puts both at 0 or 1 in these places; so
    does ``median_rule="lifelines"`` when it looks for the limits of the median.

    Times that differ by rounding error only (less than 1.5e-8, absolute or relative to their
    mean) count as the same time, as in R. lifelines tells them apart.

    R's ``quantile(fit, 0.5)`` is not always the median that R prints. Where the curve stays at
    one half to its end it gives the middle of that stretch, and where a limit of the band gets
    below one half and rises above it again it may give a later time for that limit.

    References
    ----------
    .. [1] Kaplan EL, Meier P. Nonparametric estimation from incomplete observations.
       J Am Stat Assoc 1958;53:457-481.
    .. [2] Greenwood M. The natural duration of cancer. Reports on Public Health and Medical
       Subjects 33. London: HMSO, 1926.
    .. [3] Brookmeyer R, Crowley J. A confidence interval for the median survival time.
       Biometrics 1982;38:29-41.
    .. [4] Klein JP, Moeschberger ML. Survival Analysis: Techniques for Censored and Truncated
       Data. 2nd ed. New York: Springer, 2003.

    Examples
    --------
    Six patients, two deaths. The last patient at risk dies, so the median is that death.

    >>> km = kaplan_meier([36, 15, 9, 8, 7, 5], [1, 0, 1, 0, 0, 0])
    >>> km.n, km.events, km.median, km.median_lower, km.median_upper
    (6, 2, 36.0, 9.0, nan)
    """
    times, events = _histories(time, event)
    one_of(median_rule, MedianRule, "median_rule")
    estimated = batch.curves(times, events)
    lower, upper = batch.limits(estimated, conf_type=conf_type, level=level)
    middle = batch.quantile(estimated, conf_type=conf_type, level=level, rule=median_rule)

    return KaplanMeier(
        label=label,
        n=len(times),
        events=int(events.sum()),
        curve=_table(estimated, lower, upper),
        median=float(middle.value),
        median_lower=float(middle.lower),
        median_upper=float(middle.upper),
        conf_type=conf_type,
        median_rule=median_rule,
        level=level,
    )


def survival_at(km: KaplanMeier, months: float) -> Landmark:
    """Read a curve at one time.

    The curve is continuous from the right: an event at exactly `months` has happened. After the
    last observed time, survival is 0 if the curve got there and unknown (nan) if patients were
    still under observation then; R's ``summary(fit, extend=TRUE)`` would repeat the last value.

    Parameters
    ----------
    km : KaplanMeier
        The curve.
    months : float
        The time, in the unit of the curve: finite, 0 or more.

    Returns
    -------
    Landmark
        Survival and its confidence limits, by the curve's ``conf_type`` and ``level``.

    Raises
    ------
    KitError
        If `months` is negative or not finite.

    Examples
    --------
    >>> km = kaplan_meier([1, 2, 3, 4], [1, 1, 0, 0])
    >>> round(survival_at(km, 2).survival, 3)
    0.5
    >>> survival_at(km, 6).survival
    nan
    """
    if not (np.isfinite(months) and months >= 0):
        raise KitError(f"given {months!r}", where="months", right="a finite number, 0 or more")
    row = km.curve.iloc[int(np.searchsorted(km.curve["time"], months, side="right")) - 1]
    if months > km.curve["time"].iloc[-1] and row["survival"] > 0:
        return Landmark(float(months), np.nan, np.nan, np.nan)
    return Landmark(float(months), float(row["survival"]), float(row["lower"]), float(row["upper"]))


def number_at_risk(time: ArrayLike, at: ArrayLike) -> NDArray[np.int64]:
    """Count the patients at risk just before each time.

    A patient whose time is exactly `at` is still at risk there, as in R.
    (lifelines' ``add_at_risk_counts`` leaves that patient out unless told otherwise.)

    Parameters
    ----------
    time : array_like
        Time from origin to event or censoring, one per patient: finite, 0 or more.
    at : array_like
        The times to count at: finite, 0 or more, in any order.

    Returns
    -------
    numpy.ndarray of int
        One count per element of `at`; all 0 if there is no patient.

    Raises
    ------
    KitError
        If a time is negative or not finite.

    Examples
    --------
    >>> number_at_risk([36, 15, 9, 8, 7, 5], [0, 9, 36, 40])
    array([6, 3, 1, 0])
    """
    times = np.sort(_durations(time, "time"))
    before = np.searchsorted(times, _durations(at, "at"), side="left")
    return np.asarray(len(times) - before, dtype=np.int64)


def follow_up(time: ArrayLike, event: ArrayLike, *, method: FollowUpMethod = "reverse") -> FollowUp:
    """Median and range of follow-up.

    Parameters
    ----------
    time : array_like
        Time from origin to event or censoring, one per patient: finite, 0 or more.
    event : array_like
        Whether that time ended in the event: True or 1 for an event, False or 0 for censored.
    method : {"reverse", "observed"}, optional
        - ``"reverse"``: the Kaplan-Meier median with events and censoring swapped [1]_: how long
          patients would have been followed had nobody had the event. Its confidence interval is
          that of ``kaplan_meier(time, censored)``.
        - ``"observed"``: the plain median of all times. It falls as more patients die early.

    Returns
    -------
    FollowUp
        With nan's if there is no patient.

    Raises
    ------
    KitError
        If times and events do not pair up, one of them cannot be used, or `method` is unknown.

    Notes
    -----
    The reversed median is not reached (nan) where the reversed curve stays above one half, as
    it does when every patient had the event.

    References
    ----------
    .. [1] Schemper M, Smith TL. A note on quantifying follow-up in studies of failure time.
       Control Clin Trials 1996;17:343-346.

    Examples
    --------
    >>> follow_up([36, 15, 9, 8, 7, 5], [1, 0, 1, 0, 0, 0], method="observed")
    FollowUp(median=8.5, shortest=5.0, longest=36.0, method='observed', n=6)
    """
    times, events = _histories(time, event)
    one_of(method, FollowUpMethod, "method")
    if not len(times):
        return FollowUp(np.nan, np.nan, np.nan, method, 0)
    middle = float(batch.median_follow_up(times, events, method=method).value)
    return FollowUp(middle, float(times.min()), float(times.max()), method, len(times))


def _checked(
    values: ArrayLike, name: str, right: str, usable: Callable[[Floats], NDArray[np.bool_]]
) -> Floats:
    """Return the values as floats; raise a KitError that names the first unusable one."""
    if np.ndim(values) != 1:
        raise KitError("not a list of values", where=name, right="one value per patient")
    series: pd.Series[Any] = pd.Series(values)
    if series.dtype.kind not in "biufO":  # pandas would read a timedelta as nanoseconds
        raise KitError(f"holds {series.dtype} values", where=name, right=right)
    numbers: Floats = pd.to_numeric(series, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    wrong = ~usable(numbers)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise KitError(
            f"given {series.iloc[place]!s}", where=f"{name}[{series.index[place]}]", right=right
        )
    return numbers


def _durations(values: ArrayLike, name: str) -> Floats:
    return _checked(values, name, "a finite number, 0 or more", lambda x: np.isfinite(x) & (x >= 0))


def _histories(time: ArrayLike, event: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    times = _durations(time, "time")
    codes = _checked(event, "event", "1 (event) or 0 (censored)", lambda x: np.isin(x, [0, 1]))
    if len(times) != len(codes):
        raise KitError(
            f"{len(times)} times but {len(codes)} events",
            where="time, event",
            right="one of each per patient",
        )
    return times, codes == 1


def _table(found: batch.Curves, lower: Floats, upper: Floats) -> pd.DataFrame:
    """Return the columns of `KaplanMeier.curve`."""
    placed = found.ordered
    last = placed.last
    ended = placed.up_to(found.event) - placed.before(found.event)
    table = pd.DataFrame(
        {
            "time": placed.time[last],
            "at_risk": placed.at_risk[last].astype(np.int64),
            "events": ended[last].astype(np.int64),
            "censored": (placed.end - placed.start + 1 - ended)[last].astype(np.int64),
            "survival": found.survival[last],
            "lower": lower[last],
            "upper": upper[last],
        }
    )
    if len(table) and table["time"].iloc[0] == 0:
        return table
    sure = 1.0 if len(table) else np.nan
    origin = [0.0, int(found.n), 0, 0, sure, sure, sure]
    rows = [pd.DataFrame([origin], columns=table.columns), *([table] if len(table) else [])]
    return pd.concat(rows, ignore_index=True)
