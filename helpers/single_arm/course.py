"""What is true of the patients of a trial: when the event comes, and a transplant before it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError

Floats = NDArray[np.float64]

# A survival curve that mixes two is cut into pieces of this many months.
_PIECE = 0.1


@dataclass(frozen=True)
class PiecewiseExponential:
    """A time to an event whose hazard is constant in pieces.

    Attributes
    ----------
    hazards : tuple of float
        Events per month and patient at risk, in each piece.
    cuts : tuple of float
        Months at which one piece ends and the next begins: one less than there are hazards.
        The last hazard goes on for ever.

    Raises
    ------
    KitError
        If they don't fit together.

    Examples
    --------
    >>> half_in_a_year = PiecewiseExponential.through({12: 0.5})
    >>> half_in_a_year.survival([12, 24]).round(3).tolist()
    [0.5, 0.25]
    """

    hazards: tuple[float, ...]
    cuts: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("hazards", "cuts"):  # a list does as well
            object.__setattr__(self, name, tuple(float(each) for each in getattr(self, name)))
        if len(self.hazards) != len(self.cuts) + 1:
            raise KitError(
                f"{len(self.hazards)} hazards with {len(self.cuts)} cuts",
                right="one hazard more than cuts",
            )
        if not all(math.isfinite(each) and each >= 0 for each in self.hazards):
            raise KitError(f"given {self.hazards}", where="hazards", right="finite, 0 or more")
        ends = (0.0, *self.cuts)
        if not all(one < other < math.inf for one, other in pairwise(ends)):
            raise KitError(f"given {self.cuts}", where="cuts", right="months above 0, ascending")

    @classmethod
    def through(cls, survival: Mapping[float, float]) -> PiecewiseExponential:
        """Return the curve through some points, exponential between them.

        Parameters
        ----------
        survival : mapping of float to float
            Share without the event by month; below 1 and not rising. With one point the curve
            is exponential. After the last, the last piece's hazard goes on.

        Returns
        -------
        PiecewiseExponential

        Raises
        ------
        KitError
            If no curve goes through them.
        """
        points = sorted((float(month), float(share)) for month, share in survival.items())
        shares = [1.0, *(share for _, share in points)]
        falling = all(one >= other for one, other in pairwise(shares))
        if not points or points[0][0] <= 0 or not falling or not 0 < shares[-1] < 1:
            raise KitError(
                f"given {dict(survival)}",
                where="survival",
                right="shares above 0 and below 1 by month after 0, not rising",
            )
        months = [0.0, *(month for month, _ in points)]
        hazards = [
            math.log(one / other) / (end - start)
            for (one, other), (start, end) in zip(pairwise(shares), pairwise(months), strict=True)
        ]
        return cls(tuple(hazards), tuple(months[1:-1]))

    def hazard(self, months: ArrayLike) -> Floats:
        """Return the hazard.

        Parameters
        ----------
        months : array_like
            Times, 0 or more.

        Returns
        -------
        numpy.ndarray of float
            Per month.
        """
        return np.asarray(self.hazards)[np.searchsorted(self.cuts, months, side="right")]

    def cumulative(self, months: ArrayLike) -> Floats:
        """Return the cumulative hazard.

        Parameters
        ----------
        months : array_like
            Times, 0 or more.

        Returns
        -------
        numpy.ndarray of float
        """
        time = np.asarray(months, dtype=float)
        if not self.cuts:
            return np.asarray(self.hazards[0] * time)
        ends, heights = self._corners()
        beyond = np.maximum(time - ends[-1], 0.0) * self.hazards[-1]
        return np.asarray(np.interp(time, ends, heights) + beyond)

    def survival(self, months: ArrayLike) -> Floats:
        """Return the share without the event.

        Parameters
        ----------
        months : array_like
            Times, 0 or more.

        Returns
        -------
        numpy.ndarray of float
        """
        return np.asarray(np.exp(-self.cumulative(months)))

    def times(self, cumulative: ArrayLike) -> Floats:
        """Return when the cumulative hazard gets to a height.

        Parameters
        ----------
        cumulative : array_like
            Heights, 0 or more. Of standard exponential numbers the result is a sample of times.

        Returns
        -------
        numpy.ndarray of float
            Months; ``inf`` for heights that are never reached.
        """
        height = np.asarray(cumulative, dtype=float)
        last = self.hazards[-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            if not self.cuts:
                return np.asarray(height / last) if last else np.where(height > 0, np.inf, 0.0)
            ends, heights = self._corners()
            beyond = np.maximum(height - heights[-1], 0.0)
            late = np.where(beyond > 0, beyond / last if last else np.inf, 0.0)
        return np.asarray(np.interp(height, heights, ends) + late)

    def scaled(self, ratio: float) -> PiecewiseExponential:
        """Return the curve with all hazards multiplied.

        Parameters
        ----------
        ratio : float
            The hazard ratio, 0 or more.

        Returns
        -------
        PiecewiseExponential
        """
        return PiecewiseExponential(tuple(ratio * each for each in self.hazards), self.cuts)

    def _corners(self) -> tuple[Floats, Floats]:
        ends = np.array([0.0, *self.cuts])
        return ends, np.concatenate(([0.0], np.cumsum(np.diff(ends) * self.hazards[:-1])))


@dataclass(frozen=True)
class Course:
    """What is true of the patients, and unknown to whoever plans the trial.

    Attributes
    ----------
    event : PiecewiseExponential
        Time to the event, such as death, without a transplant.
    transplant : PiecewiseExponential or None
        Time to a transplant, in patients without the event; None if there are none.
    ratio_after_transplant : float
        By what the hazard of the event is multiplied from the transplant on.
    """

    event: PiecewiseExponential
    transplant: PiecewiseExponential | None = None
    ratio_after_transplant: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.ratio_after_transplant) and self.ratio_after_transplant >= 0):
            raise KitError(
                f"given {self.ratio_after_transplant}",
                where="ratio_after_transplant",
                right="finite, 0 or more",
            )


@lru_cache(maxsize=64)
def with_transplants(course: Course, until: float) -> PiecewiseExponential:
    """Return the time to the event with transplants as they happen.

    Parameters
    ----------
    course : Course
        With transplants.
    until : float
        Months up to which it is needed.

    Returns
    -------
    PiecewiseExponential
        In pieces of a tenth of a month, exact at their ends.

    Raises
    ------
    KitError
        If the course has no transplants.

    Notes
    -----
    A Markov chain with three states, without and with a transplant, and the event: constant
    hazards in a piece make its transition probabilities a matrix exponential.
    """
    from scipy.linalg import expm

    if course.transplant is None:
        raise KitError("no transplants", where="course", right="a course with transplants")
    steps = np.linspace(0, until, max(2, math.ceil(until / _PIECE) + 1))
    inner = [cut for cut in (*course.event.cuts, *course.transplant.cuts) if cut < until]
    ends = np.unique(np.concatenate((steps, inner)))
    middle, length = (ends[1:] + ends[:-1]) / 2, np.diff(ends)
    death, change = course.event.hazard(middle), course.transplant.hazard(middle)
    rates = np.zeros((len(middle), 3, 3))
    rates[:, 0, 0], rates[:, 0, 1], rates[:, 0, 2] = -death - change, change, death
    rates[:, 1, 2] = course.ratio_after_transplant * death
    rates[:, 1, 1] = -rates[:, 1, 2]
    state, alive = np.array([1.0, 0.0, 0.0]), [1.0]
    for each in expm(rates * length[:, None, None]):
        state = state @ each
        alive.append(float(state[:2].sum()))
    return PiecewiseExponential(
        tuple(np.maximum(-np.diff(np.log(alive)), 0.0) / length), tuple(ends[1:-1])
    )
