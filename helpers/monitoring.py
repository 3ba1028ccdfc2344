"""Bayesian monitoring of a single arm: when to stop for too few responses or too much toxicity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.errors import KitError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """What a rate should be, and when the trial stops because it hardly is.

    Attributes
    ----------
    rate : float
        The bound, between 0 and 1.
    wanted : {"at least", "below"}
        On which side of the bound the rate should lie.
    cutoff : float
        The trial stops once the probability that it does is below this.
    prior : (float, float)
        Parameters of the beta prior: responses and failures known beforehand, as it were.
    final : float or None
        If given, it is not the posterior probability that is held against `cutoff`, but the
        predictive probability that after all patients the posterior one is at least this.

    Raises
    ------
    KitError
        If a number is out of its range.

    Notes
    -----
    Where responses and toxicity are monitored together with a Dirichlet prior, each has a beta
    prior: the criteria may be looked at one by one, however the two are associated.

    References
    ----------
    Thall PF, Simon RM, Estey EH. Bayesian sequential monitoring designs for single-arm clinical
    trials with multiple outcomes. Stat Med 1995;14:357-379.
    Lee JJ, Liu DD. A predictive probability design for phase II cancer clinical trials. Clin
    Trials 2008;5:93-106.
    """

    rate: float
    wanted: Literal["at least", "below"]
    cutoff: float = 0.05
    prior: tuple[float, float] = (1.0, 1.0)
    final: float | None = None

    def __post_init__(self) -> None:
        for name in ("rate", "cutoff", "final"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise KitError(f"given {value}", where=name, right="a number between 0 and 1")
        if self.wanted not in _SIDES:
            raise KitError(f"given {self.wanted!r}", where="wanted", right=", ".join(_SIDES))
        if min(self.prior) <= 0:
            raise KitError(f"given {self.prior}", where="prior", right="two numbers above 0")

    def __str__(self) -> str:
        hoped = f"rate {'≥' if self.wanted == 'at least' else '<'} {self.rate:g}"
        if self.final is not None:
            hoped = f"P({hoped}) ≥ {self.final:g} in the end"
        return f"stop if P({hoped}) < {self.cutoff:g}"


def schedule(patients: int, *, first: int = 1, every: int = 1) -> tuple[int, ...]:
    """Return after how many patients the data are looked at.

    Parameters
    ----------
    patients : int
        The most patients.
    first : int, optional
        Patients at the first look.
    every : int, optional
        Patients from look to look; 1 is continuous monitoring.

    Returns
    -------
    tuple of int
        Patients at each look; the last is after all patients.

    Raises
    ------
    KitError
        If the numbers leave no look.
    """
    if not 1 <= first <= patients or every < 1:
        raise KitError(
            f"first after {first} of {patients} patients, then every {every}",
            right="a first look within the trial, and one patient or more between looks",
        )
    return tuple(dict.fromkeys((*range(first, patients, every), patients)))


def chance(criterion: Criterion, *, patients: int, of: int | None = None) -> Floats:
    """Return the probability that is held against the cutoff, for each number of events.

    Parameters
    ----------
    criterion : Criterion
        The criterion.
    patients : int
        Patients so far.
    of : int, optional
        The most patients; needed for a predictive probability.

    Returns
    -------
    numpy.ndarray of float
        By number of events, from 0 to `patients`.

    Raises
    ------
    KitError
        If there are no patients, or fewer in all than so far.
    """
    most = patients if of is None else of
    if patients < 1 or most < patients or (criterion.final is not None and of is None):
        raise KitError(
            f"{patients} patients of {of}", right="one or more, of at least as many in all"
        )
    return _chance(criterion, patients, most).copy()


@lru_cache(maxsize=4096)
def _chance(criterion: Criterion, patients: int, most: int) -> Floats:
    """Return it without a check; the same looks are asked for again and again."""
    from scipy.special import betaln, gammaln

    if criterion.final is None:
        return _posterior(criterion, patients)
    left = most - patients
    events, more = np.arange(patients + 1)[:, None], np.arange(left + 1)
    a, b = criterion.prior[0] + events, criterion.prior[1] + patients - events
    ways = gammaln(left + 1) - gammaln(more + 1) - gammaln(left - more + 1)
    probability = np.exp(ways + betaln(a + more, b + left - more) - betaln(a, b))
    good = _posterior(criterion, most)[events + more] >= criterion.final
    # A sum of probabilities may pass 1 by a rounding error.
    predictive: Floats = np.minimum((probability * good).sum(axis=1), 1.0)
    return predictive


def boundaries(criterion: Criterion, looks: Sequence[int]) -> pd.DataFrame:
    """Return at how many events the trial stops.

    Parameters
    ----------
    criterion : Criterion
        The criterion.
    looks : sequence of int
        Patients at each look, the last after all patients; see `schedule`.

    Returns
    -------
    pandas.DataFrame
        A row per look: ``patients``, ``stop_at`` (the trial stops with so many events or fewer
        if the rate is wanted to be at least something, or more if below; missing where it can't
        stop) and ``chance``, the probability there.

    Raises
    ------
    KitError
        If the looks aren't whole numbers that rise.
    """
    _check(looks)
    rows = []
    for patients in looks:
        chances = chance(criterion, patients=patients, of=looks[-1])
        stopping = np.flatnonzero(chances < criterion.cutoff)
        at = (
            None
            if not stopping.size
            else int(stopping[-1] if criterion.wanted == "at least" else stopping[0])
        )
        rows.append(
            {
                "patients": patients,
                "stop_at": at,
                "chance": np.nan if at is None else float(chances[at]),
            }
        )
    return pd.DataFrame(rows).astype({"stop_at": "Int64"})


def running(
    criterion: Criterion, events: Sequence[bool] | Sequence[int], looks: Sequence[int]
) -> pd.DataFrame:
    """Return how a trial's patients, one after the other, stand to the boundaries.

    Parameters
    ----------
    criterion : Criterion
        The criterion.
    events : sequence of bool
        Whether each patient had the event, in the order of treatment.
    looks : sequence of int
        Patients at each look, the last after all patients that are planned.

    Returns
    -------
    pandas.DataFrame
        A row per look that the patients reach: ``patients``, ``events``, ``chance``, ``stop_at``
        as in `boundaries`, and ``stops``.

    Raises
    ------
    KitError
        If an event is neither yes nor no, or the looks aren't whole numbers that rise.
    """
    values = np.asarray(events, dtype=int)
    if values.ndim != 1 or not np.isin(values, (0, 1)).all():
        raise KitError("an event that is neither yes nor no", where="events", right="yes or no")
    table = boundaries(criterion, looks)
    table = table[table["patients"] <= len(values)].reset_index(drop=True)
    counts = np.cumsum(values)[table["patients"].to_numpy() - 1]
    table.insert(1, "events", counts)
    table["chance"] = [
        float(chance(criterion, patients=size, of=looks[-1])[count])
        for size, count in zip(table["patients"].tolist(), counts.tolist(), strict=True)
    ]
    table["stops"] = table["chance"] < criterion.cutoff
    return table


@dataclass(frozen=True)
class Standing:
    """Where the totals of a trial lie.

    Attributes
    ----------
    chance : float
        The probability that is held against the cutoff.
    stops : bool
        Whether it is below.
    to_spare : int or None
        How many of the patients could have fared worse before the trial would stop here; below 0
        if it stops, None if it can't stop here at all.
    crossed_before : float
        The probability that a trial with these totals had stopped at an earlier look, if its
        patients had come in random order.
    """

    chance: float
    stops: bool
    to_spare: int | None
    crossed_before: float


def standing(criterion: Criterion, *, events: int, patients: int, looks: Sequence[int]) -> Standing:
    """Return where a trial's totals lie, of which the order isn't known.

    Parameters
    ----------
    criterion : Criterion
        The criterion.
    events, patients : int
        Events among the patients so far.
    looks : sequence of int
        Patients at each look, the last after all patients that are planned.

    Returns
    -------
    Standing
        As if the data were looked at now.

    Raises
    ------
    KitError
        If there are more events than patients, or more patients than planned.
    """
    _check(looks)
    if not 0 <= events <= patients or not 1 <= patients <= looks[-1]:
        raise KitError(
            f"{events} events of {patients} patients",
            right=f"a count from 0 to the patients, and 1 to {looks[-1]} patients",
        )
    chances = chance(criterion, patients=patients, of=looks[-1])
    stopping = np.flatnonzero(chances < criterion.cutoff)
    if not stopping.size:
        to_spare = None
    elif criterion.wanted == "at least":
        to_spare = events - int(stopping[-1]) - 1
    else:
        to_spare = int(stopping[0]) - events - 1
    # Given the totals every order is equally probable whatever the rate, so any rate will do.
    earlier = [look for look in looks if look < patients]
    coin = np.array([[0.5, 0.0], [0.5, 0.0]])
    masks = [(_stops(criterion, look, looks[-1], patients), _NEVER) for look in earlier]
    never = np.zeros(patients + 1, dtype=bool), _NEVER
    *_, (_, uncrossed) = _walk(coin, [*earlier, patients], [*masks, never], patients)
    *_, (_, free) = _walk(coin, [patients], [never], patients)
    return Standing(
        chance=float(chances[events]),
        stops=bool(chances[events] < criterion.cutoff),
        to_spare=to_spare,
        crossed_before=float(1 - uncrossed[events, 0] / free[events, 0]),
    )


def operating_characteristics(
    criteria: Mapping[str, Criterion],
    rates: Mapping[str, float],
    looks: Sequence[int],
    *,
    odds_ratio: float = 1.0,
    trials: int | None = None,
    seed: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Return when a monitored trial stops where the true rates are known.

    Parameters
    ----------
    criteria : mapping of str to Criterion
        One criterion or two, by what they are about, such as response and toxicity.
    rates : mapping of str to float
        The true rate of each, from 0 to 1.
    looks : sequence of int
        Patients at each look, the last after all patients.
    odds_ratio : float, optional
        How two outcomes go together in a patient: 1 if they are independent, above 1 if one makes
        the other more probable.
    trials : int, optional
        How many trials to simulate; exact probabilities by default.
    seed : int or numpy.random.Generator, optional
        Where the random numbers come from; needed if trials are simulated.

    Returns
    -------
    pandas.DataFrame
        A row per look: ``patients``; by the name of each criterion the probability that the trial
        stops here for it alone; ``both``, if there are two; and ``goes_on``, that it hasn't
        stopped so far. After all patients, that is the probability that it never stops.

    Raises
    ------
    KitError
        If there are other than one or two criteria, a rate is missing or outside of 0 to 1, the
        odds ratio isn't positive, or there are fewer trials than one or no seed for them.

    Notes
    -----
    Exactly: the probabilities of all counts go on from patient to patient, and at each look
    those that stop are taken away. The odds ratio and the two rates fix the probability of both
    (Plackett).

    References
    ----------
    Plackett RL. A class of bivariate distributions. J Am Stat Assoc 1965;60:516-522.
    """
    _check(looks)
    names = list(criteria)
    if not 1 <= len(names) <= 2:
        raise KitError(f"{len(names)} criteria", right="one or two")
    if set(rates) != set(names):
        raise KitError(f"rates of {', '.join(rates)}", right=f"rates of {', '.join(names)}")
    for name, rate in rates.items():
        if not 0 <= rate <= 1:
            raise KitError(f"given {rate}", where=f"rate of {name}", right="from 0 to 1")
    if not odds_ratio > 0:
        raise KitError(f"given {odds_ratio}", where="odds_ratio", right="a number above 0")
    if trials is not None and (trials < 1 or seed is None):
        raise KitError(f"{trials} trials, seed {seed}", right="one or more trials, and a seed")
    most = looks[-1]
    joint = _joint([rates[name] for name in names], odds_ratio)
    masks = []
    for look in looks:
        stops = [_stops(criteria[name], look, most, most) for name in names]
        masks.append((stops[0], stops[1] if len(names) == 2 else _NEVER))
    if trials is None:
        stopped = np.array([parts for parts, _ in _walk(joint, looks, masks, most)])
    else:
        stopped = _simulated(joint, looks, masks, trials, np.random.default_rng(seed))
    table = pd.DataFrame({"patients": list(looks)})
    for column, name in enumerate([*names, "both"][: 2 * len(names) - 1]):
        table[name] = stopped[:, column]
    # Rounding errors must not leave a tiny negative probability.
    table["goes_on"] = np.maximum(1 - stopped.sum(axis=1).cumsum(), 0.0)
    return table


def totals(table: pd.DataFrame) -> pd.Series:
    """Sum up operating characteristics over the looks.

    Parameters
    ----------
    table : pandas.DataFrame
        As from `operating_characteristics`.

    Returns
    -------
    pandas.Series
        By the name of each criterion, and ``both``, the probability of ever stopping for it;
        ``early``, of stopping before all patients are treated; ``never``, of not stopping; and
        ``expected_patients``.
    """
    reasons = table.columns.drop(["patients", "goes_on"])
    stopped = table[reasons].sum(axis=1)
    never = float(table["goes_on"].iloc[-1])
    return pd.Series(
        {
            **{name: float(table[name].sum()) for name in reasons},
            "early": float(stopped.iloc[:-1].sum()),
            "never": never,
            "expected_patients": float(
                (stopped * table["patients"]).sum() + never * table["patients"].iloc[-1]
            ),
        }
    )


_SIDES = ("at least", "below")

# Of an outcome that there is none of, the only count never stops.
_NEVER: Bools = np.zeros(1, dtype=bool)


def _check(looks: Sequence[int]) -> None:
    if len(looks) == 0 or looks[0] < 1 or (np.diff(np.asarray(looks)) < 1).any():
        raise KitError(
            f"looks after {', '.join(map(str, looks))} patients",
            where="looks",
            right="one or more whole numbers that rise, from 1 on",
        )


def _posterior(criterion: Criterion, patients: int) -> Floats:
    from scipy.special import betainc, betaincc

    events = np.arange(patients + 1)
    a, b = criterion.prior[0] + events, criterion.prior[1] + patients - events
    tail = betaincc if criterion.wanted == "at least" else betainc
    probability: Floats = tail(a, b, criterion.rate)
    return probability


def _stops(criterion: Criterion, patients: int, of: int, length: int) -> Bools:
    """Return by number of events whether the trial stops, False for more than there can be."""
    stops = np.zeros(length + 1, dtype=bool)
    stops[: patients + 1] = chance(criterion, patients=patients, of=of) < criterion.cutoff
    return stops


def _joint(rates: Sequence[float], odds_ratio: float) -> Floats:
    """Return the probabilities of two outcomes in one patient, by no and yes of each."""
    p, q = (*rates, 0.0)[:2]
    if odds_ratio == 1:
        both = p * q
    else:
        total = 1 + (p + q) * (odds_ratio - 1)
        root = np.sqrt(total**2 - 4 * odds_ratio * (odds_ratio - 1) * p * q)
        both = (total - root) / (2 * (odds_ratio - 1))
    return np.maximum([[1 - p - q + both, q - both], [p - both, both]], 0.0)


def _walk(
    joint: Floats, looks: Sequence[int], masks: Sequence[tuple[Bools, Bools]], most: int
) -> Iterator[tuple[tuple[float, float, float], Floats]]:
    """Yield at each look what stops for the first, the second and both, and all that goes on."""
    going = np.zeros((most + 1, len(masks[0][1])))
    going[0, 0] = 1.0
    seen = 0
    for look, (first, second) in zip(looks, masks, strict=True):
        for _ in range(look - seen):
            after = joint[0, 0] * going
            after[1:] += joint[1, 0] * going[:-1]
            after[:, 1:] += joint[0, 1] * going[:, :-1]
            after[1:, 1:] += joint[1, 1] * going[:-1, :-1]
            going = after
        seen = look
        both = going[first][:, second].sum()
        parts = going[first].sum() - both, going[:, second].sum() - both, both
        going = going * ~first[:, None] * ~second
        yield (float(parts[0]), float(parts[1]), float(parts[2])), going


def _simulated(
    joint: Floats,
    looks: Sequence[int],
    masks: Sequence[tuple[Bools, Bools]],
    trials: int,
    generator: np.random.Generator,
) -> Floats:
    """Return at each look the share of trials that stops for the first, the second and both."""
    # One number per patient, cut into neither, the second, the first and both.
    limits = np.cumsum(joint.ravel())[:-1]
    drawn = generator.random((trials, looks[-1]))
    at = np.array(looks) - 1
    counts = (
        (drawn >= limits[1]).cumsum(axis=1)[:, at],
        (((drawn >= limits[0]) & (drawn < limits[1])) | (drawn >= limits[2])).cumsum(axis=1)[:, at],
    )
    crossed = np.zeros((2, trials, len(looks)), dtype=bool)
    for column, pair in enumerate(masks):
        for outcome, mask in enumerate(pair):
            # An outcome that there is none of counts 0 events.
            crossed[outcome, :, column] = mask[
                np.minimum(counts[outcome][:, column], len(mask) - 1)
            ]
    any_of = crossed[0] | crossed[1]
    row = np.flatnonzero(any_of.any(axis=1))
    column = any_of.argmax(axis=1)[row]
    first, second = crossed[0, row, column], crossed[1, row, column]
    kinds = first & ~second, second & ~first, first & second
    found = [np.bincount(column[kind], minlength=len(looks)) / trials for kind in kinds]
    return np.stack(found, axis=1)
