"""What a dose-finding design does under a true curve of DLT rates, exactly or simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.dose_finding.design import Counts, Design, check_rates
from helpers.errors import KitError

# More states at once than this take more than some ten seconds.
_MOST_STATES = 500_000


def operating_characteristics(
    design: Design,
    rates: Sequence[float],
    *,
    trials: int | None = None,
    seed: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Return what a design does where the true DLT rates are known.

    Parameters
    ----------
    design : Design
        The design.
    rates : sequence of float
        The true DLT rate of each dose, from 0 to 1.
    trials : int, optional
        How many trials to simulate; all possible trials, with their probabilities, by default.
    seed : int or numpy.random.Generator, optional
        Where the random numbers come from; needed if trials are simulated.

    Returns
    -------
    pandas.DataFrame
        A row per dose and, as dose 0, one for none: ``dlt_rate`` (the true one), ``recommended``
        (the probability that it is recommended), ``patients`` and ``dlts`` (their means).

    Raises
    ------
    KitError
        If the curve is none, there are fewer trials than one or no seed for them, or there are too
        many possible trials to go through all.

    Notes
    -----
    Trials with the same counts at each dose and the same present dose are one state and go on
    together: exactly, with the probability of the state; simulated, with the number of trials in
    it, which a multinomial draw spreads over what the next cohort may show.
    """
    from scipy.special import bdtr

    curve = check_rates(rates, design.doses)
    if trials is not None and (trials < 1 or seed is None):
        raise KitError(f"{trials} trials, seed {seed}", right="one or more trials, and a seed")
    generator = np.random.default_rng(seed)
    counts = np.arange(design.cohort + 1)
    cumulative = bdtr(counts[:, None], design.cohort, curve).T
    chances = np.diff(cumulative, axis=1, prepend=0.0)

    patients = np.zeros((1, design.doses), dtype=np.int64)
    toxicities = np.zeros_like(patients)
    dose = np.array([design.start])
    weight: NDArray[np.generic] = np.array([1.0 if trials is None else trials])
    ended: list[tuple[Counts, Counts, NDArray[Any]]] = []
    while dose.size:
        if trials is None:
            spread = weight[:, None] * chances[dose - 1]
        else:
            spread = generator.multinomial(weight.astype(np.int64), chances[dose - 1])
        before, seen = np.nonzero(spread)
        patients, toxicities, dose = patients[before], toxicities[before], dose[before]
        here = np.arange(dose.size), dose - 1
        patients[here] += design.cohort
        toxicities[here] += seen
        first, weight = _merged(patients, toxicities, dose, spread[before, seen])
        if first.size > _MOST_STATES:
            raise KitError(
                f"more than {_MOST_STATES:,} possible trials so far",
                where="operating characteristics",
                right="simulated trials: give their number and a seed",
            )
        patients, toxicities, dose = patients[first], toxicities[first], dose[first]
        following = design.next_dose(patients, toxicities, dose)
        over = following == 0
        ended.append((patients[over], toxicities[over], weight[over]))
        on = ~over
        patients, toxicities = patients[on], toxicities[on]
        dose, weight = following[on], weight[on]
    patients, toxicities, weights = map(np.concatenate, zip(*ended, strict=True))
    found = design.recommend(patients, toxicities)
    recommended = np.bincount(found, weights, minlength=design.doses + 1)
    treated, dlts = weights @ patients, weights @ toxicities
    total = 1 if trials is None else trials
    return pd.DataFrame(
        {
            "dlt_rate": np.concatenate([[np.nan], curve]),
            "recommended": recommended / total,
            "patients": np.concatenate([[0.0], treated / total]),
            "dlts": np.concatenate([[0.0], dlts / total]),
        },
        index=pd.RangeIndex(design.doses + 1, name="dose"),
    )


def compare(
    designs: Mapping[str, Design],
    curves: Mapping[str, Sequence[float]],
    *,
    trials: int | None = 10_000,
    seed: int | None = 0,
) -> pd.DataFrame:
    """Return what several designs do under several true curves.

    Parameters
    ----------
    designs : mapping of str to Design
        The designs, by what to call them.
    curves : mapping of str to sequence of float
        True DLT rates, by what to call them.
    trials : int, optional
        How many trials to simulate of each design under each curve; None for all possible trials.
    seed : int, optional
        Where the random numbers come from, the same for each design and curve.

    Returns
    -------
    pandas.DataFrame
        A row per design, curve and dose: ``design``, ``curve``, ``dose`` and what
        `operating_characteristics` gives.

    Raises
    ------
    KitError
        If there is nothing to compare, or as in `operating_characteristics`.
    """
    if not designs or not curves:
        raise KitError("nothing to compare", right="one or more designs and curves")
    parts = [
        operating_characteristics(design, curve, trials=trials, seed=seed)
        .reset_index()
        .assign(design=name, curve=label)
        for name, design in designs.items()
        for label, curve in curves.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[["design", "curve", *table.columns.drop(["design", "curve"])]]


def totals(table: pd.DataFrame, *, target: float) -> pd.DataFrame:
    """Sum up operating characteristics over the doses.

    Parameters
    ----------
    table : pandas.DataFrame
        As from `operating_characteristics` or `compare`.
    target : float
        The DLT rate that one would aim at, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        A row per design and curve, or one: ``none`` (the probability that no dose is
        recommended), ``right`` (that the dose is whose true DLT rate is nearest to the target,
        the lower of two), ``above`` (that the dose is whose rate exceeds the target),
        ``patients`` and ``dlts`` (their means), and ``share_above`` (the mean number of patients
        at doses whose rate exceeds the target, as a share of the mean number of all).

    Raises
    ------
    KitError
        If the target is no rate.
    """
    if not 0 < target < 1:
        raise KitError(f"given {target}", where="target", right="a number between 0 and 1")
    table = table.reset_index() if table.index.name == "dose" else table
    names = [name for name in ("design", "curve") if name in table]
    parts = table.groupby(names, sort=False) if names else [((), table)]
    rows = []
    for key, part in parts:
        doses = part[part["dose"] > 0]
        above = doses["dlt_rate"] > target
        nearest = (doses["dlt_rate"] - target).abs().round(12).idxmin()
        rows.append(
            {
                **dict(zip(names, key, strict=True)),
                "none": float(part.loc[part["dose"] == 0, "recommended"].sum()),
                "right": float(doses.loc[nearest, "recommended"]),
                "above": float(doses.loc[above, "recommended"].sum()),
                "patients": float(doses["patients"].sum()),
                "dlts": float(doses["dlts"].sum()),
                "share_above": float(doses.loc[above, "patients"].sum() / doses["patients"].sum()),
            }
        )
    return pd.DataFrame(rows)


def _merged(
    patients: Counts, toxicities: Counts, dose: Counts, weight: NDArray[np.generic]
) -> tuple[Counts, NDArray[np.generic]]:
    """Return the rows that stand for all equal ones, and the weight of each."""
    key = dose.astype(np.int64)
    most = int(key.max()) + 1
    for column in np.concatenate([patients, toxicities], axis=1).T:
        base = int(column.max()) + 1
        if most * base >= 2**62:
            key, kept = pd.factorize(key)
            most = len(kept)
        key, most = key * base + column, most * base
    codes, kept = pd.factorize(key)
    first = np.empty(len(kept), dtype=np.int64)
    # Backwards, so that the first of equal rows is written last.
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first, np.bincount(codes, weight)
