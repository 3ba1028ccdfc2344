"""The 3+3 design: three patients at a dose, three more where one of them has a DLT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.dose_finding.design import Counts, check_start
from helpers.errors import KitError


@dataclass(frozen=True, kw_only=True)
class ThreePlusThree:
    """The 3+3 design.

    Attributes
    ----------
    doses : int
        How many doses there are.
    start : int
        The dose of the first cohort.
    deescalate : bool
        After a dose that is too toxic, whether the next lower one is filled up to six patients
        before it is recommended. Without, it is recommended as it is.
    six_at_highest : bool
        Whether the highest dose, if nobody of three has a DLT there, is filled up to six
        patients before it is recommended.

    Notes
    -----
    A dose is tolerated with 0 of 3 or at most 1 of 6 patients with a DLT, and too toxic with 2 or
    more; 1 of 3 asks for three more. The recommended dose is the highest tolerated one below all
    that are too toxic.

    References
    ----------
    Storer BE. Design and analysis of phase I clinical trials. Biometrics 1989;45:925-937.
    Korn EL, et al. A comparison of two phase I trial designs. Stat Med 1994;13:1799-1806.
    Lin Y, Shih WJ. Statistical properties of the traditional algorithm-based designs for phase I
    cancer clinical trials. Biostatistics 2001;2:203-215.
    """

    doses: int
    start: int = 1
    deescalate: bool = True
    six_at_highest: bool = True

    def __post_init__(self) -> None:
        check_start(self.doses, self.start)

    @property
    def cohort(self) -> int:
        """The three patients that are treated together."""
        return 3

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
            If a dose has had other than three or six patients.
        """
        _check_threes(patients)
        row = np.arange(len(dose))
        # A column without patients on either side, so that every dose has neighbours.
        given = np.pad(patients, ((0, 0), (1, 1)))
        here, above, below = (given[row, dose + step] for step in (0, 1, -1))
        dlts = toxicities[row, dose - 1]
        highest = dose == self.doses
        toxic, unclear = dlts >= 2, (here == 3) & (dlts == 1)
        tolerated = ~toxic & ~unclear
        up = tolerated & ~highest & (above == 0)
        fill = tolerated & ~up & (here == 3) & (self.six_at_highest | ~highest)
        down = toxic & (dose > 1) & (below < 6) & self.deescalate
        following: Counts = np.select([up, unclear | fill, down], [dose + 1, dose, dose - 1], 0)
        return following

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
        tolerated = (patients >= 3) & (toxicities <= np.where(patients == 3, 0, 1))
        safe = tolerated & ~np.logical_or.accumulate(toxicities >= 2, axis=1)
        recommended: Counts = (safe * np.arange(1, self.doses + 1)).max(axis=1)
        return recommended

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
        _check_threes(patients)
        here, dlts = int(patients[dose - 1]), int(toxicities[dose - 1])
        seen = f"{dlts} of {here} with a DLT"
        if dlts >= 2:
            words = f"{seen}: dose {dose} is too toxic"
            if dose == 1:
                return f"{words}, and there is no lower one"
            below = int(patients[dose - 2])
            return f"{words}; dose {dose - 1} has had {below or 'no'} patients"
        if dlts == 1 and here == 3:
            return f"{seen}: too few to tell, three more"
        words = f"{seen}: dose {dose} is tolerated"
        if dose == self.doses:
            words += ", and there is no higher one"
            needed = self.six_at_highest
        elif patients[dose]:
            words += f", and dose {dose + 1} is too toxic"
            needed = True
        else:
            return words
        return f"{words}; six are to be treated" if needed and here == 3 else words


def _check_threes(patients: Counts) -> None:
    wrong = ~np.isin(patients, (0, 3, 6))
    if wrong.any():
        raise KitError(
            f"{patients[wrong][0]} patients at dose {np.nonzero(wrong)[-1][0] + 1}",
            where="3+3",
            right="three or six, in cohorts of three",
        )
