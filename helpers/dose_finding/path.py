"""One trial, cohort by cohort: what was seen, and what the rule says next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from helpers.dose_finding.design import Design, check_rates
from helpers.errors import KitError


def follow(design: Design, cohorts: Iterable[tuple[int, int, int]]) -> pd.DataFrame:
    """Hold a trial as it was run against what its design asked for.

    Parameters
    ----------
    design : Design
        The design.
    cohorts : iterable of (int, int, int)
        For each cohort its dose, its patients, and those of them with a DLT.

    Returns
    -------
    pandas.DataFrame
        A row per cohort: ``cohort``, ``dose``, ``patients``, ``dlts``, ``as_designed`` (whether
        the design asked for this dose here), ``reason`` (what the rule makes of all so far),
        ``next_dose`` (0 if the trial stops), ``next`` (the same in words) and ``recommended``
        (the dose that would be recommended if the trial stopped here; 0 for none).

    Raises
    ------
    KitError
        If a cohort has a dose that isn't there, no patients, or more DLTs than patients.
    """
    patients = np.zeros((1, design.doses), dtype=np.int64)
    toxicities = np.zeros_like(patients)
    rows = []
    expected = design.start
    for number, (dose, treated, dlts) in enumerate(cohorts, start=1):
        where = f"cohort {number}"
        if not 1 <= dose <= design.doses:
            raise KitError(f"no dose {dose}", where=where, right=f"1 to {design.doses}")
        if treated < 1 or not 0 <= dlts <= treated:
            raise KitError(
                f"{dlts} of {treated} patients with a DLT",
                where=where,
                right="one or more patients, and no more DLTs than patients",
            )
        patients[0, dose - 1] += treated
        toxicities[0, dose - 1] += dlts
        following = int(design.next_dose(patients, toxicities, np.array([dose]))[0])
        recommended = int(design.recommend(patients, toxicities)[0])
        rows.append(
            {
                "cohort": number,
                "dose": dose,
                "patients": treated,
                "dlts": dlts,
                "as_designed": dose == expected,
                "reason": design.reason(patients[0], toxicities[0], dose),
                "next_dose": following,
                "next": _words(dose, following, recommended),
                "recommended": recommended,
            }
        )
        expected = following
    return pd.DataFrame(rows)


def one_trial(
    design: Design, rates: Sequence[float], *, seed: int | np.random.Generator
) -> pd.DataFrame:
    """Simulate one trial and say at each cohort what the rule made of it.

    Parameters
    ----------
    design : Design
        The design.
    rates : sequence of float
        The true DLT rate of each dose, from 0 to 1.
    seed : int or numpy.random.Generator
        Where the random numbers come from.

    Returns
    -------
    pandas.DataFrame
        As of `follow`.

    Raises
    ------
    KitError
        If the curve is none.
    """
    curve = check_rates(rates, design.doses)
    generator = np.random.default_rng(seed)
    patients = np.zeros((1, design.doses), dtype=np.int64)
    toxicities = np.zeros_like(patients)
    cohorts: list[tuple[int, int, int]] = []
    dose = design.start
    while dose:
        dlts = int(generator.binomial(design.cohort, curve[dose - 1]))
        cohorts.append((dose, design.cohort, dlts))
        patients[0, dose - 1] += design.cohort
        toxicities[0, dose - 1] += dlts
        dose = int(design.next_dose(patients, toxicities, np.array([dose]))[0])
    return follow(design, cohorts)


def states(design: Design) -> pd.DataFrame:
    """Go through every state that a trial may be in after a cohort.

    Parameters
    ----------
    design : Design
        The design; with many doses or patients it has too many states to be read.

    Returns
    -------
    pandas.DataFrame
        A row per state, those after fewer cohorts first: ``patients`` and ``dlts`` so far, a
        tuple with a number per dose, the ``dose`` of the last cohort, ``next_dose`` (0 if the
        trial stops), and ``next`` in words.
    """
    start = (0,) * design.doses
    waiting, seen = [(start, start, design.start)], {}
    while waiting:
        following = []
        for patients, dlts, dose in waiting:
            for more in range(design.cohort + 1):
                n, y = list(patients), list(dlts)
                n[dose - 1] += design.cohort
                y[dose - 1] += more
                state = tuple(n), tuple(y), dose
                if state in seen:
                    continue
                counts = np.array([n]), np.array([y])
                next_dose = int(design.next_dose(*counts, np.array([dose]))[0])
                seen[state] = next_dose, int(design.recommend(*counts)[0])
                if next_dose:
                    following.append((*state[:2], next_dose))
        waiting = following
    rows = [
        (*state, next_dose, _words(state[2], next_dose, recommended))
        for state, (next_dose, recommended) in seen.items()
    ]
    return pd.DataFrame(rows, columns=["patients", "dlts", "dose", "next_dose", "next"])


def _words(dose: int, following: int, recommended: int) -> str:
    if not following:
        return f"stop: {f'dose {recommended}' if recommended else 'no dose'} is recommended"
    if following == dose:
        return f"stay at dose {dose}"
    return f"{'up' if following > dose else 'down'} to dose {following}"
