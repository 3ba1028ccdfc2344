"""What a dose-finding design is: where a trial starts, where it goes next, what it recommends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from helpers.errors import KitError

Counts = NDArray[np.int64]
Rates = NDArray[np.float64]


class Design(Protocol):
    """What every design has; the counts so far and the dose given last decide what is next."""

    @property
    def doses(self) -> int:
        """How many doses there are."""

    @property
    def start(self) -> int:
        """The dose of the first cohort."""

    @property
    def cohort(self) -> int:
        """How many patients are treated together."""

    def next_dose(self, patients: Counts, toxicities: Counts, dose: Counts) -> Counts:
        """Say where each of many trials goes next.

        Parameters
        ----------
        patients, toxicities : numpy.ndarray of int
            Patients and patients with a DLT so far: a row per trial, a column per dose.
        dose : numpy.ndarray of int
            The dose of each trial's last cohort.

        Returns
        -------
        numpy.ndarray of int
            The dose of each trial's next cohort; 0 if it stops.
        """

    def recommend(self, patients: Counts, toxicities: Counts) -> Counts:
        """Say which dose each of many trials recommends when it stops.

        Parameters
        ----------
        patients, toxicities : numpy.ndarray of int
            As in `next_dose`.

        Returns
        -------
        numpy.ndarray of int
            A dose that was given; 0 if none is recommended.
        """

    def reason(self, patients: Counts, toxicities: Counts, dose: int) -> str:
        """Say in words what the rule makes of one trial's counts.

        Parameters
        ----------
        patients, toxicities : numpy.ndarray of int
            As in `next_dose`, of one trial: a number per dose.
        dose : int
            The dose of the last cohort.

        Returns
        -------
        str
            A phrase without a full stop.
        """


@dataclass(frozen=True, kw_only=True)
class TargetDesign(ABC):
    """A design that looks for the dose with a given DLT rate.

    Attributes
    ----------
    doses : int
        How many doses there are.
    target : float
        The DLT rate aimed at, between 0 and 1.
    patients : int
        The most patients, a multiple of `cohort`.
    cohort : int
        How many patients are treated together.
    start : int
        The dose of the first cohort.
    enough : int or None
        A trial stops before it has all patients where a dose has had this many and the rule
        would stay at it; None if it always goes on.
    cutoff : float
        A dose is too toxic where its DLT rate exceeds the target with a probability above this.
    """

    doses: int
    target: float
    patients: int
    cohort: int = 3
    start: int = 1
    enough: int | None = None
    cutoff: float = 0.95

    def __post_init__(self) -> None:
        for name in ("target", "cutoff"):
            if not 0 < getattr(self, name) < 1:
                raise KitError(
                    f"given {getattr(self, name)}", where=name, right="a number between 0 and 1"
                )
        check_start(self.doses, self.start)
        if self.cohort < 1 or self.patients < 1 or self.patients % self.cohort:
            raise KitError(
                f"{self.patients} patients in cohorts of {self.cohort}",
                where="patients",
                right="a multiple of the cohort size",
            )
        if self.enough is not None and self.enough < 1:
            raise KitError(f"given {self.enough}", where="enough", right="1 or more, or None")

    def next_dose(self, patients: Counts, toxicities: Counts, dose: Counts) -> Counts:
        """Say where each of many trials goes next.

        Parameters
        ----------
        patients, toxicities : numpy.ndarray of int
            Patients and patients with a DLT so far: a row per trial, a column per dose.
        dose : numpy.ndarray of int
            The dose of each trial's last cohort.

        Returns
        -------
        numpy.ndarray of int
            The dose of each trial's next cohort; 0 if it stops.

        Raises
        ------
        KitError
            If there are more patients than the design has.
        """
        treated = patients.sum(axis=1)
        if (treated > self.patients).any():
            raise KitError(
                f"{treated.max()} patients", where="design", right=f"at most {self.patients}"
            )
        following = self._move(patients, toxicities, dose)
        over = treated >= self.patients
        if self.enough is not None:
            given = patients[np.arange(len(dose)), dose - 1]
            over |= (following == dose) & (given >= self.enough)
        return np.where(over, 0, following)

    @abstractmethod
    def _move(self, patients: Counts, toxicities: Counts, dose: Counts) -> Counts:
        """Return the next dose as if patients had no end; 0 if every dose is too toxic."""

    @abstractmethod
    def recommend(self, patients: Counts, toxicities: Counts) -> Counts:
        """Say which dose each of many trials recommends when it stops.

        Parameters
        ----------
        patients, toxicities : numpy.ndarray of int
            As in `next_dose`.

        Returns
        -------
        numpy.ndarray of int
            A dose that was given; 0 if none is recommended.
        """

    @abstractmethod
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


def check_start(doses: int, start: int) -> None:
    """Check that there are doses, and that the first one given is among them.

    Parameters
    ----------
    doses : int
        How many doses there are.
    start : int
        The dose of the first cohort.

    Raises
    ------
    KitError
        If there is no dose, or `start` is none of them.
    """
    if doses < 1:
        raise KitError(f"{doses} doses", where="doses", right="1 or more")
    if not 1 <= start <= doses:
        raise KitError(f"no dose {start}", where="start", right=f"1 to {doses}")


def check_rates(rates: Sequence[float], doses: int, *, where: str = "rates") -> Rates:
    """Check a curve of DLT rates.

    Parameters
    ----------
    rates : sequence of float
        The DLT rate of each dose, from 0 to 1.
    doses : int
        How many there should be.
    where : str, optional
        What the curve is called.

    Returns
    -------
    numpy.ndarray of float
        The same.

    Raises
    ------
    KitError
        If the curve has another length, leaves 0 to 1, or falls from one dose to the next: a
        higher dose that is less toxic is nearly always a slip, and no design expects it.
    """
    curve = np.asarray(rates, dtype=float)
    if curve.shape != (doses,):
        raise KitError(f"{curve.size} DLT rates", where=where, right=f"{doses}, one per dose")
    wrong = np.flatnonzero(~((curve >= 0) & (curve <= 1)))
    if wrong.size:
        raise KitError(
            f"the DLT rate of dose {wrong[0] + 1} is {curve[wrong[0]]:g}",
            where=where,
            right="from 0 to 1",
        )
    falling = np.flatnonzero(np.diff(curve) < 0)
    if falling.size:
        low = falling[0]
        raise KitError(
            f"the DLT rate falls from {curve[low]:g} at dose {low + 1} "
            f"to {curve[low + 1]:g} at dose {low + 2}",
            where=where,
            right="rates that stay or rise with the dose",
        )
    return curve
