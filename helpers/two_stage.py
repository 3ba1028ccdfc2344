"""Simon's two-stage designs of a single-arm trial with a binary endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.errors import KitError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TwoStage:
    """A two-stage design: stop after the first stage unless there are enough responses.

    Attributes
    ----------
    r1, n1 : int
        After `n1` patients the trial stops if at most `r1` have responded.
    r, n : int
        After `n` patients the treatment is promising if more than `r` have responded.

    Raises
    ------
    KitError
        If the numbers are no such design.
    """

    r1: int
    n1: int
    r: int
    n: int

    def __post_init__(self) -> None:
        if not (0 <= self.r1 < self.n1 < self.n and self.r1 <= self.r < self.n):
            raise KitError(
                f"{self.r1}/{self.n1}, then {self.r}/{self.n}",
                right="a first stage with fewer responses than patients, within a larger trial",
            )

    def __str__(self) -> str:
        return f"{self.r1}/{self.n1}, then {self.r}/{self.n}"

    def outcome(self, responses: int, patients: int) -> str:
        """Say what the design makes of the responses seen so far.

        Parameters
        ----------
        responses, patients : int
            Responses among the patients treated so far, at the end of a stage.

        Returns
        -------
        str
            ``stop``, ``go on``, ``promising`` or ``not promising``.

        Raises
        ------
        KitError
            If the patients are no stage, or the responses can't be.
        """
        if patients not in (self.n1, self.n) or not 0 <= responses <= patients:
            raise KitError(
                f"{responses} responses of {patients} patients",
                right=f"responses among {self.n1} or {self.n} patients",
            )
        if patients == self.n1:
            return "stop" if responses <= self.r1 else "go on"
        return "promising" if responses > self.r else "not promising"


def characteristics(design: TwoStage, rates: Sequence[float] | Floats) -> pd.DataFrame:
    """Return exactly what a two-stage design does at true response rates.

    Parameters
    ----------
    design : TwoStage
        The design.
    rates : sequence of float
        True response rates, from 0 to 1.

    Returns
    -------
    pandas.DataFrame
        A row per rate: ``rate``, ``early_stop`` (the probability of stopping after the first
        stage), ``promising`` (that of calling the treatment promising) and
        ``expected_patients``.

    Raises
    ------
    KitError
        If a rate lies outside of 0 to 1.

    References
    ----------
    Simon R. Optimal two-stage designs for phase II clinical trials. Control Clin Trials
    1989;10:1-10.
    """
    p = np.asarray(rates, dtype=float)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise KitError("given rates outside of 0 to 1", where="rates", right="a list of rates")
    tables = _Tables.of(p, design.n)
    rest = design.n - design.n1
    going_on = np.arange(design.r1 + 1, design.n1 + 1)
    more = design.r - going_on
    enough = np.where(more < 0, 1.0, tables.more_than[:, rest, np.maximum(more, 0)])
    early = tables.at_most[:, design.n1, design.r1]
    return pd.DataFrame(
        {
            "rate": p,
            "early_stop": early,
            "promising": (tables.exactly[:, design.n1, going_on] * enough).sum(axis=1),
            "expected_patients": design.n1 + (1 - early) * rest,
        }
    )


def search(null: float, alternative: float, *, alpha: float, beta: float) -> pd.DataFrame:
    """Return for each total size the two-stage design with the fewest expected patients.

    Parameters
    ----------
    null : float
        The response rate that is of no interest, between 0 and 1.
    alternative : float
        The response rate hoped for, above `null`.
    alpha : float
        The highest allowed probability of calling a treatment promising at `null`.
    beta : float
        The highest allowed probability of not calling it promising at `alternative`.

    Returns
    -------
    pandas.DataFrame
        A row per total size that allows a design, from the smallest on until no larger one can
        have fewer expected patients than the best: ``r1``, ``n1``, ``r``, ``n``,
        ``expected_patients`` and ``early_stop``, both at `null`, ``alpha`` and ``beta`` (as
        they come out).

    Raises
    ------
    KitError
        If the rates are not in this order, a probability lies outside of 0 to 1, or the rates are
        so near to each other that the trial would have more than some hundred patients.

    Notes
    -----
    Every design is looked at that could be better than the best so far of its size. A first
    stage may stop the trial only so often at `alternative` that `beta` still holds, which limits
    `r1` whatever comes later, and with it how few patients a design of a given size can expect.

    References
    ----------
    Simon R. Optimal two-stage designs for phase II clinical trials. Control Clin Trials
    1989;10:1-10.
    """
    if not 0 < null < alternative < 1:
        raise KitError(
            f"{null} against {alternative}",
            right="a response rate of no interest below the one hoped for, between 0 and 1",
        )
    for name, value in (("alpha", alpha), ("beta", beta)):
        if not 0 < value < 1:
            raise KitError(f"given {value}", where=name, right="a number between 0 and 1")
    tables = _Tables.of(np.array([null, alternative]), _MOST_PATIENTS)
    sizes = np.arange(1, _MOST_PATIENTS)
    # For a first stage of each size: the most responses that may stop it, and how often they do.
    most_r1 = (tables.at_most[1, sizes] <= beta).sum(axis=1) - 1
    stopping = np.where(most_r1 >= 0, tables.at_most[0, sizes, np.maximum(most_r1, 0)], 0.0)
    found: list[dict[str, float]] = []
    best = np.inf
    for n in range(2, _MOST_PATIENTS + 1):
        n1 = sizes[: n - 1]
        fewest = n1 + (1 - stopping[: n - 1]) * (n - n1)
        if fewest.min() >= best:
            break
        row = _best_of_size(n, fewest, most_r1, stopping, tables, alpha, beta)
        if row is not None:
            found.append(row)
            best = min(best, row["expected_patients"])
    else:
        raise KitError(
            f"{null} against {alternative} needs more than {_MOST_PATIENTS} patients",
            right="rates that lie further apart, or larger alpha and beta",
        )
    table = pd.DataFrame(found)
    return table.astype(dict.fromkeys(("r1", "n1", "r", "n"), int))


def optimal(null: float, alternative: float, *, alpha: float, beta: float) -> TwoStage:
    """Return the design with the fewest expected patients if the treatment is of no interest.

    Parameters
    ----------
    null, alternative, alpha, beta : float
        As in `search`.

    Returns
    -------
    TwoStage
        Simon's optimal design.

    Raises
    ------
    KitError
        As in `search`.
    """
    table = search(null, alternative, alpha=alpha, beta=beta)
    return _design(table.loc[table["expected_patients"].idxmin()])


def minimax(null: float, alternative: float, *, alpha: float, beta: float) -> TwoStage:
    """Return the design with the fewest patients in all and, of these, the fewest expected.

    Parameters
    ----------
    null, alternative, alpha, beta : float
        As in `search`.

    Returns
    -------
    TwoStage
        Simon's minimax design.

    Raises
    ------
    KitError
        As in `search`.
    """
    return _design(search(null, alternative, alpha=alpha, beta=beta).iloc[0])


# Larger single-arm trials are rare, and their search takes longer than one waits.
_MOST_PATIENTS = 400


class _Tables(NamedTuple):
    """The binomial distribution by rate, patients and count: below and above each count."""

    exactly: Floats
    at_most: Floats
    more_than: Floats

    @classmethod
    def of(cls, rates: Floats, patients: int) -> _Tables:
        exactly = np.zeros((len(rates), patients + 1, patients + 1))
        exactly[:, 0, 0] = 1
        p = rates[:, None]
        for n in range(1, patients + 1):
            exactly[:, n] = exactly[:, n - 1] * (1 - p)
            exactly[:, n, 1:] += exactly[:, n - 1, :-1] * p
        # Summed up from either end, so that small probabilities keep their digits.
        above = exactly[:, :, ::-1].cumsum(axis=2)[:, :, ::-1]
        more_than = np.concatenate([above[:, :, 1:], np.zeros_like(above[:, :, :1])], axis=2)
        return cls(exactly, exactly.cumsum(axis=2), more_than)


def _design(row: pd.Series) -> TwoStage:
    return TwoStage(*(int(row[name]) for name in ("r1", "n1", "r", "n")))


def _best_of_size(
    n: int,
    fewest: Floats,
    most_r1: NDArray[np.int64],
    stopping: Floats,
    tables: _Tables,
    alpha: float,
    beta: float,
) -> dict[str, float] | None:
    """Return the best design of a size; the bounds have a place for each n1, from 1 on."""
    # Without a first stage the trial is promising more often still, and a first stage can't spare
    # more trials than it stops with the most responses allowed.
    most_r = int((tables.more_than[1, n] >= 1 - beta).sum()) - 1
    allowed_excess = alpha + stopping[: n - 1]
    possible = (most_r1[: n - 1] >= 0) & (tables.more_than[0, n, most_r] <= allowed_excess)
    best: dict[str, float] | None = None
    for n1 in (np.flatnonzero(possible) + 1).tolist() if most_r >= 0 else []:
        if best is not None and fewest[n1 - 1] >= best["expected_patients"]:
            continue
        highest = int(most_r1[n1 - 1])
        least_r = int((tables.more_than[0, n] > allowed_excess[n1 - 1]).sum())
        r = np.arange(least_r, most_r + 1)
        responses = np.arange(1, n1 + 1)
        more = r - responses[:, None]
        # By rate, responses in the first stage, and r: seen there, and more than r in the end.
        joint = tables.exactly[:, n1, 1 : n1 + 1, None] * np.where(
            more < 0, 1.0, tables.more_than[:, n - n1, np.maximum(more, 0)]
        )
        # By rate, r1 and r.
        promising = joint[:, ::-1].cumsum(axis=1)[:, ::-1][:, : highest + 1]
        r1 = np.arange(highest + 1)[:, None]
        allowed = (promising[0] <= alpha) & (1 - promising[1] <= beta) & (r >= r1)
        if not allowed.any():
            continue
        # The largest r1 stops most often, so it expects the fewest patients.
        last = int(np.flatnonzero(allowed.any(axis=1))[-1])
        column = int(allowed[last].argmax())
        early = float(tables.at_most[0, n1, last])
        expected = n1 + (1 - early) * (n - n1)
        if best is None or expected < best["expected_patients"]:
            best = {
                "r1": last,
                "n1": n1,
                "r": int(r[column]),
                "n": n,
                "expected_patients": expected,
                "early_stop": early,
                "alpha": float(promising[0, last, column]),
                "beta": float(1 - promising[1, last, column]),
            }
    return best
