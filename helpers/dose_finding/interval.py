"""Interval designs: the DLT rate at the present dose alone says up, stay or down."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.dose_finding.design import Counts, Rates, TargetDesign
from helpers.errors import KitError

# Fewer patients than this never eliminate a dose.
_FEWEST_TO_ELIMINATE = 3

_WORDS = {"E": "up", "S": "stay", "D": "down", "DU": "down, and never again"}


@dataclass(frozen=True, kw_only=True)
class IntervalDesign(TargetDesign):
    """A design that reads each decision from a table of patients and DLTs at the present dose.

    Notes
    -----
    A dose and all above it are eliminated where, of three or more patients, so many had a DLT
    that its DLT rate exceeds the target with a probability above `cutoff`, from a uniform prior.
    A trial whose lowest dose is eliminated stops and recommends none.

    The recommended dose is the one whose DLT rate is nearest to the target, of those that were
    given and not eliminated. The rates are posterior means from a beta prior with both parameters
    0.05, made to rise with the dose by isotonic regression with inverse variances as weights. Of
    equally near doses with equal rates, the higher counts if they lie below the target, the
    lower otherwise.

    References
    ----------
    Liu S, Yuan Y. Bayesian optimal interval designs for phase I clinical trials. J R Stat Soc C
    2015;64:507-523.
    Yan F, Mandrekar SJ, Yuan Y. Keyboard: a novel Bayesian toxicity probability interval design
    for phase I clinical trials. Clin Cancer Res 2017;23:3994-4003.
    """

    @abstractmethod
    def _steps(self, patients: Counts, toxicities: Counts) -> Counts:
        """Return 1 for up, 0 for stay, -1 for down, apart from elimination."""

    @cached_property
    def _table(self) -> tuple[Counts, NDArray[np.bool_]]:
        """Return steps and eliminations, by patients and DLTs."""
        patients, toxicities = np.indices((self.patients + 1, self.patients + 1))
        toxicities = np.minimum(toxicities, patients)
        eliminated = self._eliminated(patients, toxicities)
        return np.where(eliminated, -1, self._steps(patients, toxicities)), eliminated

    def _eliminated(self, patients: Counts, toxicities: Counts) -> NDArray[np.bool_]:
        from scipy.special import betaincc

        above = betaincc(toxicities + 1, patients - toxicities + 1, self.target)
        too_toxic: NDArray[np.bool_] = (patients >= _FEWEST_TO_ELIMINATE) & (above > self.cutoff)
        return too_toxic

    def _move(self, patients: Counts, toxicities: Counts, dose: Counts) -> Counts:
        steps, eliminated = self._table
        here = np.arange(len(dose)), dose - 1
        following = np.clip(dose + steps[patients[here], toxicities[here]], 1, self.doses)
        # What is above an eliminated dose is eliminated, so the lowest such dose is a ceiling.
        barred = np.logical_or.accumulate(eliminated[patients, toxicities], axis=1)
        allowed: Counts = np.minimum(following, (~barred).sum(axis=1))
        return allowed

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
        _, eliminated = self._table
        barred = np.logical_or.accumulate(eliminated[patients, toxicities], axis=1)
        allowed = (patients > 0) & ~barred
        rates = isotonic_rates(patients, toxicities, allowed)
        # So little that it tells equal rates apart and no others.
        distance = np.abs(rates + 1e-10 * np.arange(self.doses) - self.target)
        nearest = np.where(allowed, distance, np.inf).argmin(axis=1)
        return np.where(allowed.any(axis=1), nearest + 1, 0)

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
        here, dlts = int(patients[dose - 1]), int(toxicities[dose - 1])
        decision = self.decision(here, dlts)
        words = f"{dlts} of {here} with a DLT: {_WORDS[decision]}"
        if decision == "E" and dose == self.doses:
            words += ", but there is no higher dose"
        elif decision == "E" and self._table[1][patients[dose], toxicities[dose]]:
            words += f", but dose {dose + 1} is eliminated"
        elif decision.startswith("D") and dose == 1:
            words += ", but there is no lower dose"
        return words

    def decision(self, patients: int, toxicities: int) -> str:
        """Return what follows from the counts at a dose.

        Parameters
        ----------
        patients, toxicities : int
            Patients and patients with a DLT at the dose.

        Returns
        -------
        str
            ``E`` for escalate, ``S`` for stay, ``D`` for de-escalate, ``DU`` for de-escalate and
            never return.

        Raises
        ------
        KitError
            If there are no such counts in a trial of this size.
        """
        if not 0 <= toxicities <= patients <= self.patients:
            raise KitError(
                f"{toxicities} of {patients} patients with a DLT",
                right=f"a count from 0 to the patients, at most {self.patients}",
            )
        steps, eliminated = self._table
        if eliminated[patients, toxicities]:
            return "DU"
        return {1: "E", 0: "S", -1: "D"}[int(steps[patients, toxicities])]

    def decision_table(self) -> pd.DataFrame:
        """Return the decision for every count that can be seen at a dose.

        Returns
        -------
        pandas.DataFrame
            A row per number of patients with a DLT, a column per number of patients, in whole
            cohorts; values as in `decision`, empty where there are more DLTs than patients.
        """
        sizes = range(self.cohort, self.patients + 1, self.cohort)
        table = pd.DataFrame(
            [
                [self.decision(size, dlts) if dlts <= size else "" for size in sizes]
                for dlts in range(self.patients + 1)
            ],
            columns=pd.Index(sizes, name="patients"),
        )
        return table.rename_axis("dlts")

    def boundaries(self) -> pd.DataFrame:
        """Return the counts at which the decision changes.

        Returns
        -------
        pandas.DataFrame
            A row per number of patients, in whole cohorts: ``up_at_most``, ``down_at_least`` and
            ``eliminate_at_least``, in patients with a DLT; missing where no count will do.
        """
        rows = []
        for size in range(self.cohort, self.patients + 1, self.cohort):
            found = [self.decision(size, dlts) for dlts in range(size + 1)]
            rows.append(
                {
                    "patients": size,
                    "up_at_most": found.count("E") - 1 if "E" in found else None,
                    "down_at_least": next(
                        (k for k, each in enumerate(found) if each.startswith("D")), None
                    ),
                    "eliminate_at_least": found.index("DU") if "DU" in found else None,
                }
            )
        return pd.DataFrame(rows).set_index("patients").astype("Int64")


@dataclass(frozen=True, kw_only=True)
class BOIN(IntervalDesign):
    """The Bayesian optimal interval design: the DLT rate is held against two boundaries.

    Attributes
    ----------
    low : float or None
        The highest DLT rate at which one should go up; 0.6 times the target by default.
    high : float or None
        The lowest DLT rate at which one should go down; 1.4 times the target by default.
    """

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self._alternatives
        if not 0 < low < self.target < high < 1:
            raise KitError(
                f"low {low:g}, target {self.target:g}, high {high:g}",
                right="low below the target, high above it, all between 0 and 1",
            )

    @property
    def _alternatives(self) -> tuple[float, float]:
        low = 0.6 * self.target if self.low is None else self.low
        return low, 1.4 * self.target if self.high is None else self.high

    @property
    def escalation_boundary(self) -> float:
        """What the observed DLT rate may be at most for the dose to go up: λ with index e."""
        low, target = self._alternatives[0], self.target
        return float(
            np.log((1 - low) / (1 - target)) / np.log(target * (1 - low) / (low * (1 - target)))
        )

    @property
    def deescalation_boundary(self) -> float:
        """What the observed DLT rate must be at least for the dose to go down: λ with index d."""
        high, target = self._alternatives[1], self.target
        return float(
            np.log((1 - target) / (1 - high)) / np.log(high * (1 - target) / (target * (1 - high)))
        )

    def _steps(self, patients: Counts, toxicities: Counts) -> Counts:
        up = toxicities <= self.escalation_boundary * patients
        down = toxicities >= self.deescalation_boundary * patients
        return up.astype(np.int64) - (down & ~up)


@dataclass(frozen=True, kw_only=True)
class Keyboard(IntervalDesign):
    """The keyboard design, which is mTPI-2 too: where does the strongest key lie?

    Attributes
    ----------
    below, above : float
        The target key reaches from this much below the target to this much above.

    Notes
    -----
    The DLT rates from 0 to 1 are cut into keys of the target key's width. The strongest key has
    the highest mean posterior density from a uniform prior; the dose goes up if it lies below
    the target key, down if above. What is left at either end is narrower than a key, and is
    compared by its density as well, as in mTPI-2.

    References
    ----------
    Guo W, Wang SJ, Yang S, Lynn H, Ji Y. A Bayesian interval dose-finding design addressing
    Ockham's razor: mTPI-2. Contemp Clin Trials 2017;58:23-33.
    """

    below: float = 0.05
    above: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.target_key
        if not 0 < low < self.target < high < 1:
            raise KitError(
                f"the target key reaches from {low:g} to {high:g}",
                right=f"within 0 to 1, around the target {self.target:g}",
            )

    @property
    def target_key(self) -> tuple[float, float]:
        """The DLT rates that are near enough to the target."""
        return self.target - self.below, self.target + self.above

    @property
    def keys(self) -> Rates:
        """The limits of all keys, from 0 to 1."""
        low, high = self.target_key
        width = high - low
        # A key that ends at 0 or 1 but for rounding is whole; what is left of it is none.
        down = np.arange(low, width * 1e-9, -width)[::-1]
        up = np.arange(high, 1 - width * 1e-9, width)
        return np.concatenate([[0.0], down, up, [1.0]])

    def _steps(self, patients: Counts, toxicities: Counts) -> Counts:
        from scipy.special import betainc

        keys = self.keys
        masses = np.diff(
            betainc(toxicities[..., None] + 1, (patients - toxicities)[..., None] + 1, keys)
        )
        strongest = (masses / np.diff(keys)).argmax(axis=-1)
        target_key = int(np.searchsorted(keys, self.target)) - 1
        steps: Counts = np.sign(target_key - strongest)
        return steps


def isotonic_rates(patients: Counts, toxicities: Counts, allowed: NDArray[np.bool_]) -> Rates:
    """Estimate DLT rates that rise with the dose.

    Parameters
    ----------
    patients, toxicities : numpy.ndarray of int
        Patients and patients with a DLT: a row per trial, a column per dose.
    allowed : numpy.ndarray of bool
        Which doses count.

    Returns
    -------
    numpy.ndarray of float
        As many rates; meaningless where a dose doesn't count.

    Notes
    -----
    Posterior means from a beta prior with both parameters 0.05, weighted by the inverse of the
    posterior variance. The isotonic estimate of a dose is the highest, over all doses up to it,
    of the lowest, over all doses from it on, of the weighted mean in between: no dose waits for
    another, so all trials go at once.

    References
    ----------
    Robertson T, Wright FT, Dykstra RL. Order Restricted Statistical Inference. Wiley 1988.
    """
    a, b = toxicities + 0.05, patients - toxicities + 0.05
    mean = a / (a + b)
    weight = np.where(allowed, (a + b) ** 2 * (a + b + 1) / (a * b), 0.0)
    doses = patients.shape[1]
    sums = np.pad(np.cumsum(weight, axis=1), ((0, 0), (1, 0)))
    moments = np.pad(np.cumsum(weight * mean, axis=1), ((0, 0), (1, 0)))
    highest = np.full(mean.shape, -np.inf)
    for first in range(doses):
        lowest = np.full(len(mean), np.inf)
        for last in range(doses - 1, first - 1, -1):
            total = sums[:, last + 1] - sums[:, first]
            between = np.divide(
                moments[:, last + 1] - moments[:, first],
                total,
                out=np.full(len(mean), np.inf),
                where=total > 0,
            )
            lowest = np.minimum(lowest, between)
            highest[:, last] = np.maximum(highest[:, last], lowest)
    return highest
