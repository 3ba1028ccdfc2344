"""The continual reassessment method: one curve for all doses, fitted again after each cohort."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from helpers.dose_finding.design import Counts, Rates, TargetDesign, check_rates
from helpers.errors import KitError

# As many trials as fit the processor's cache.
_BLOCK = 1000


class _Posterior(NamedTuple):
    mean: Rates
    sd: Rates
    # The probability that each dose's DLT rate exceeds the target: a row per trial.
    above: Rates


@dataclass(frozen=True, kw_only=True)
class CRM(TargetDesign):
    """The continual reassessment method with the power model.

    Attributes
    ----------
    skeleton : tuple of float
        A first guess of each dose's DLT rate, rising between 0 and 1.
    scale : float
        Standard deviation of the normal prior of the model's parameter, whose mean is 0. The
        default is that of R's dfcrm.
    skip : bool
        Whether the dose may rise by more than one at a time.
    cutoff : float
        The trial stops and recommends no dose where the DLT rate of the lowest dose exceeds the
        target with a probability above this.

    Notes
    -----
    The DLT rate of a dose is its skeleton to the power of exp(β). The estimate puts the posterior
    mean of β into that curve, as dfcrm does. The next dose is the one whose estimate is nearest to
    the target, the lower of two that are equally near; the recommended dose likewise, of those
    that were given.

    References
    ----------
    O'Quigley J, Pepe M, Fisher L. Continual reassessment method: a practical design for phase 1
    clinical trials in cancer. Biometrics 1990;46:33-48.
    Cheung YK. Dose Finding by the Continual Reassessment Method. Chapman & Hall 2011.
    """

    skeleton: tuple[float, ...]
    scale: float = 1.34**0.5
    skip: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        guess = check_rates(self.skeleton, self.doses, where="skeleton")
        if guess[0] <= 0 or guess[-1] >= 1 or (np.diff(guess) == 0).any():
            raise KitError(
                f"given {', '.join(f'{rate:g}' for rate in guess)}",
                where="skeleton",
                right="rates that rise from dose to dose, between 0 and 1",
            )
        if self.scale <= 0:
            raise KitError(f"given {self.scale:g}", where="scale", right="a number above 0")

    @cached_property
    def _logs(self) -> Rates:
        logs: Rates = np.log(np.asarray(self.skeleton))
        return logs

    @cached_property
    def _grid(self) -> tuple[Rates, Rates, Rates]:
        """Return values of β, their weights, and for each dose which β put it above the target.

        Gauss-Legendre between many limits. Those β where a dose's DLT rate is the target are
        among the limits, so that the probability of lying above it is a sum of whole pieces.
        """
        turns = np.log(np.log(self.target) / self._logs)
        end = 7 * max(self.scale, 1.0)
        limits = np.linspace(-end, end, 2 + int(2 * end / min(0.8, self.scale / 1.5)))
        limits = np.unique(np.concatenate([limits, turns[np.abs(turns) < end]]))
        nodes, weights = np.polynomial.legendre.leggauss(8)
        half = np.diff(limits)[:, None] / 2
        beta = (limits[:-1, None] + half * (nodes + 1)).ravel()
        weight = (half * weights).ravel() * np.exp(-((beta / self.scale) ** 2) / 2)
        return beta, weight, (beta[:, None] < turns).astype(float)

    @cached_property
    def _log_chances(self) -> Rates:
        """Return the logs of a DLT rate and of the rest: a row per dose and again per dose."""
        log_rate = self._logs[:, None] * np.exp(self._grid[0])
        # A rate of almost 1 leaves a rest whose log would be minus infinity.
        log_rest = np.log(np.maximum(-np.expm1(log_rate), 1e-300))
        return np.concatenate([log_rate, log_rest])

    @cached_property
    def _moments(self) -> Rates:
        """Return what a likelihood is summed up with: a column per sum, the weights in each."""
        beta, weight, above = self._grid
        moments: Rates = np.column_stack([np.ones_like(beta), beta, beta**2, above])
        return moments * weight[:, None]

    def _posterior(self, patients: Counts, toxicities: Counts) -> _Posterior:
        counts = np.concatenate([toxicities, patients - toxicities], axis=1).astype(float)
        sums = np.empty((len(counts), self._moments.shape[1]))
        coarse = np.ascontiguousarray(self._log_chances[:, ::4])
        for first in range(0, len(counts), _BLOCK):
            block = slice(first, first + _BLOCK)
            likelihood = counts[block] @ self._log_chances
            # Only against an overflow, so a value near the greatest will do.
            likelihood -= (counts[block] @ coarse).max(axis=1, keepdims=True)
            np.exp(likelihood, out=likelihood)
            sums[block] = likelihood @ self._moments
        mean, square, *exceeds = sums[:, 1:].T / sums[:, 0]
        return _Posterior(mean, np.sqrt(np.maximum(square - mean**2, 0)), np.stack(exceeds, axis=1))

    def _estimate(self, mean: Rates) -> Rates:
        rates: Rates = np.exp(self._logs * np.exp(mean)[..., None])
        return rates

    def _nearest(self, mean: Rates) -> Rates:
        return np.abs(self._estimate(mean) - self.target)

    def _move(self, patients: Counts, toxicities: Counts, dose: Counts) -> Counts:
        found = self._posterior(patients, toxicities)
        following = self._nearest(found.mean).argmin(axis=1) + 1
        if not self.skip:
            following = np.minimum(following, dose + 1)
        return np.where(found.above[:, 0] > self.cutoff, 0, following)

    def recommend(self, patients: Counts, toxicities: Counts) -> Counts:
        """Say which dose each of many trials recommends when it stops.

        Parameters
        ----------
        patients, toxicities : numpy.ndarray of int
            Patients and patients with a DLT so far: a row per trial, a column per dose.

        Returns
        -------
        numpy.ndarray of int
            A dose that was given; 0 if none is recommended.
        """
        found = self._posterior(patients, toxicities)
        distance = np.where(patients > 0, self._nearest(found.mean), np.inf)
        return np.where(found.above[:, 0] > self.cutoff, 0, distance.argmin(axis=1) + 1)

    def reason(self, patients: Counts, toxicities: Counts, dose: int) -> str:
        """Say in words what the rule makes of one trial's counts.

        Parameters
        ----------
        patients, toxicities : numpy.ndarray of int
            Patients and patients with a DLT so far, a number per dose.
        dose : int
            The dose of the last cohort.

        Returns
        -------
        str
            A phrase without a full stop.
        """
        table = self.posterior(patients, toxicities)
        rates = ", ".join(f"{rate:.2f}" for rate in table["estimate"])
        too_toxic = float(table["above_target"].iloc[0])
        if too_toxic > self.cutoff:
            return f"dose 1 exceeds the target of {self.target:g} with probability {too_toxic:.3f}"
        nearest = int((table["estimate"] - self.target).abs().idxmin())
        words = f"estimates {rates}: dose {nearest} is nearest to {self.target:g}"
        if not self.skip and nearest > dose + 1:
            words += ", but the dose rises by one at a time"
        return words

    def posterior(
        self, patients: ArrayLike, toxicities: ArrayLike, *, level: float = 0.9
    ) -> pd.DataFrame:
        """Return what is known of each dose's DLT rate.

        Parameters
        ----------
        patients, toxicities : array_like of int
            Patients and patients with a DLT so far, a number per dose.
        level : float, optional
            Probability of the interval.

        Returns
        -------
        pandas.DataFrame
            A row per dose: ``skeleton``, ``estimate``, ``lower``, ``upper``, ``above_target``,
            the probability that the DLT rate exceeds the target. The interval is normal in β, as
            in dfcrm.

        Raises
        ------
        KitError
            If there are more DLTs than patients, or not a number per dose.
        """
        from scipy.special import ndtri

        given, dlts = np.asarray(patients), np.asarray(toxicities)
        if given.shape != (self.doses,) or dlts.shape != (self.doses,):
            raise KitError(
                f"{given.size} and {dlts.size} counts", right=f"{self.doses} each, one per dose"
            )
        if ((dlts < 0) | (dlts > given)).any():
            raise KitError("not counts of DLTs", right="from 0 to the patients at each dose")
        found = self._posterior(given[None, :], dlts[None, :])
        mean, half = found.mean[0], ndtri(0.5 + level / 2) * found.sd[0]
        return pd.DataFrame(
            {
                "skeleton": self.skeleton,
                "estimate": self._estimate(mean),
                "lower": self._estimate(mean + half),
                "upper": self._estimate(mean - half),
                "above_target": found.above[0],
            },
            index=pd.RangeIndex(1, self.doses + 1, name="dose"),
        )


def skeleton(*, doses: int, target: float, guess: int, halfwidth: float) -> tuple[float, ...]:
    """Return a skeleton whose doses the power model can tell apart.

    Parameters
    ----------
    doses : int
        How many doses there are.
    target : float
        The DLT rate aimed at.
    guess : int
        The dose that is thought to have it.
    halfwidth : float
        However large the trial, it may settle on a dose whose DLT rate is this far from the
        target.

    Returns
    -------
    tuple of float
        The DLT rate of each dose before there is any patient.

    Raises
    ------
    KitError
        If there is no such dose, or the interval around the target leaves 0 to 1.

    References
    ----------
    Lee SM, Cheung YK. Model calibration in the continual reassessment method. Clin Trials
    2009;6:227-238.
    """
    low, high = target - halfwidth, target + halfwidth
    if not 0 < low < high < 1:
        raise KitError(
            f"from {low:g} to {high:g}",
            where="halfwidth",
            right="an interval around the target, between 0 and 1",
        )
    if not 1 <= guess <= doses:
        raise KitError(f"no dose {guess}", where="guess", right=f"1 to {doses}")
    # Between neighbours the model changes its mind where one is at `high` and the other at `low`.
    step = np.log(high) / np.log(low)
    powers = step ** (np.arange(1, doses + 1) - guess)
    return tuple(float(rate) for rate in target**powers)
