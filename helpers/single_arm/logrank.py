"""The one-sample log-rank test: a cohort's events against those that a known curve expects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.single_arm.course import PiecewiseExponential
from helpers.survival.ordered import had_event, moments, one_of, same_shape

Floats = NDArray[np.float64]
Variance = Literal["expected", "mean"]


@dataclass(frozen=True, eq=False)
class OneSample:
    """One-sample log-rank tests, one per cohort of a batch.

    Attributes
    ----------
    observed, expected : numpy.ndarray of float
        Events, and those that the historical curve would give patients followed as long.
    z : numpy.ndarray of float
        Below 0 where there are fewer events than expected; nan where none is expected.
    p : numpy.ndarray of float
        One-sided: how likely so few events, or fewer, are if the historical curve is true.
    p_two_sided : numpy.ndarray of float
        Of a difference in either direction.
    """

    observed: Floats
    expected: Floats
    z: Floats
    p: Floats
    p_two_sided: Floats


def one_sample_logrank(
    time: ArrayLike,
    event: ArrayLike,
    null: PiecewiseExponential,
    *,
    variance: Variance = "expected",
) -> OneSample:
    """Compare the events of a cohort with those that a historical curve expects.

    Parameters
    ----------
    time : array_like
        Months to the event or the end of follow-up, shape ``(..., patients)``: finite, 0 or more.
    event : array_like
        Whether the time ended with the event: True or 1, False or 0.
    null : PiecewiseExponential
        The historical curve, taken as known.
    variance : {'expected', 'mean'}, optional
        Of observed minus expected events: the expected number [1]_, as R's ``survdiff`` with an
        offset, or the mean of observed and expected [2]_, which is less conservative in small
        trials.

    Returns
    -------
    OneSample
        Shape ``(...)``.

    Raises
    ------
    KitError
        If an input can't be used.

    References
    ----------
    .. [1] Breslow NE. Analysis of survival data under the proportional hazards model. Int Stat
       Rev 1975;43:45-57.
    .. [2] Wu J. A new one-sample log-rank test. J Biom Biostat 2014;5:210.

    Examples
    --------
    >>> found = one_sample_logrank([3, 9, 14, 20], [1, 0, 0, 0], PiecewiseExponential((0.1,)))
    >>> found.observed.item(), found.expected.round(2).item(), found.z.round(2).item()
    (1.0, 4.6, -1.68)
    """
    from scipy.special import ndtr

    one_of(variance, Variance, "variance")
    times, died = moments(time, "time"), had_event(event)
    shape = same_shape({"time": times, "event": died})
    observed = np.broadcast_to(died, shape).sum(axis=-1).astype(float)
    expected = null.cumulative(np.broadcast_to(times, shape)).sum(axis=-1)
    spread = expected if variance == "expected" else (observed + expected) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(expected > 0, (observed - expected) / np.sqrt(spread), np.nan)
    return OneSample(observed, expected, z, ndtr(z), 2 * ndtr(-np.abs(z)))
