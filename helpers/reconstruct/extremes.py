"""How far what a paper doesn't print can go: a search for its least and its greatest value.

The range over an ensemble's members is that of cohorts that chance found. Here cohorts with every
published number are pulled on purpose, up and down, from those members that are outermost already.
What is found is again a cohort with every published number, so the paper leaves open at least
that much.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers import catalogue, query
from helpers.audit import DAYS_PER_MONTH
from helpers.errors import KitError
from helpers.reconstruct import apart, ensemble, members, spread, times, verification
from helpers.reconstruct.members import Plan, Start
from helpers.reconstruct.spread import Quantity

_STEPS = 60_000
_ROUNDS = 12


@dataclass(frozen=True, eq=False)
class Extremes:
    """The outermost values that were found; make it with `search_survival`.

    Attributes
    ----------
    quantity : Quantity
        Of what.
    least, greatest : float
        In per cent.
    least_stored, greatest_stored : float
        In per cent, over the stored ensemble.
    cohorts : pandas.DataFrame
        The two synthetic cohorts, members 1 (least) and 2 (greatest), as
        `helpers.reconstruct.ensemble.read` returns them.
    """

    quantity: Quantity
    least: float
    greatest: float
    least_stored: float
    greatest_stored: float
    cohorts: pd.DataFrame


def search_survival(
    paper: str,
    *,
    endpoint: str,
    month: float,
    group: str = "",
    starts: int = 2,
    seed: int = 1,
    progress: Callable[[int], object] = lambda done: None,
) -> Extremes:
    """Search for cohorts with the least and the greatest survival at a month.

    Parameters
    ----------
    paper : str
        The paper's id.
    endpoint : str
        Name of an endpoint of the paper, without competing events.
    month : float
        Months from its origin.
    group : str, optional
        A cohort query; empty for all whom the endpoint is about.
    starts : int, optional
        From how many members, the outermost first, to begin on each side.
    seed : int, optional
        The same seed finds the same cohorts.
    progress : callable, optional
        Called with the number of the ``2 * starts`` searches that are done.

    Returns
    -------
    Extremes

    Raises
    ------
    DataError
        If there is no ensemble, or the paper's folder has faults.
    KitError
        If the paper has no such endpoint, its histories can't tell, the query names what the
        search deals out anew, or the ensemble is of other numbers than the paper's.
    QueryError
        If the query can't be read.
    """
    described = catalogue.load(paper)
    definition = described.endpoints.get(endpoint)
    if definition is None or definition.window_months is not None or definition.competing:
        right = [
            name
            for name, each in described.endpoints.items()
            if each.window_months is None and not each.competing
        ]
        raise KitError(
            "no endpoint with a survival curve", where=endpoint, right=" or ".join(right)
        )
    if starts < 1:
        raise KitError(f"given {starts}", where="starts", right="1 or more")
    asked = Quantity(statistic="survival", endpoint=definition, group=group, month=month)
    stored = ensemble.read(paper)
    found = _values(stored, asked, described)
    if np.isnan(found).all():
        raise KitError(
            "no stored cohort tells it", where=asked.describe(), right="an earlier month"
        )
    plan = members.plan(paper)
    _refuse_dealt_anew(plan, group)
    labels = stored["member"].unique()
    order = np.argsort(np.where(np.isnan(found), np.nanmedian(found), found), kind="stable")
    best = []
    done = 0
    for up in (False, True):
        outermost: tuple[float, pd.DataFrame] | None = None
        for place in (order[::-1] if up else order)[:starts]:
            member = stored[stored["member"] == labels[place]]
            begun = members.begin(plan, member)
            rng = np.random.default_rng([seed, int(labels[place]), int(up)])
            value, cohort = _pulled(plan, begun, member, asked, endpoint, rng, up=up)
            if outermost is None or (value > outermost[0]) == up:
                outermost = value, cohort
            done += 1
            progress(done)
        assert outermost is not None
        best.append(outermost)
    (least, low), (greatest, high) = best
    cohorts = pd.concat([low.assign(member=1), high.assign(member=2)], ignore_index=True)
    cohorts.insert(0, "member", cohorts.pop("member"))
    missing = verification.missed(verification.verify(paper, cohorts))
    if len(missing):
        raise KitError(
            f"a cohort lacks {missing['id'].iloc[0]}", where=paper, right="a report of this fault"
        )
    known = found[~np.isnan(found)]
    return Extremes(asked, least, greatest, float(known.min()), float(known.max()), cohorts)


def _pulled(
    plan: Plan,
    begun: Start,
    member: pd.DataFrame,
    asked: Quantity,
    endpoint: str,
    rng: np.random.Generator,
    *,
    up: bool,
) -> tuple[float, pd.DataFrame]:
    """Return how far a cohort can be pulled, and the cohort."""
    described = plan.asked.paper
    assert asked.endpoint is not None
    assert asked.month is not None
    best = _values(member, asked, described)[0], member.drop(columns="member")
    if np.isnan(best[0]):
        best = (-np.inf if up else np.inf), best[1]
    whom = [asked.group, asked.endpoint.population]
    picked = np.logical_and.reduce(
        [query.parse(text, plan.variables).mask(begun.patients).to_numpy(bool) for text in whom]
    )
    for _ in range(_ROUNDS):
        before = begun.begun["day"].copy()
        apart.pull(
            rng,
            begun.begun,
            begun.arrays,
            endpoint=list(described.endpoints).index(endpoint),
            patients=picked,
            day=asked.month * DAYS_PER_MONTH,
            up=up,
            steps=_STEPS,
        )
        if (begun.begun["day"] == before).all():
            break
        with suppress(KitError):  # nobody could have died or relapsed so, by the printed counts
            cohort = members.told(plan, begun.patients, times.histories(begun.begun["day"]), rng)
            value = _values(cohort.assign(member=1), asked, described)[0]
            if value > best[0] if up else value < best[0]:
                best = value, cohort
    return float(best[0]), best[1]


def _values(
    table: pd.DataFrame, asked: Quantity, described: catalogue.Paper
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return spread.values(
        table,
        [asked],
        variables=described.variables,
        median_rule=described.reconstruct.median_rule,
    )[:, 0]


def _refuse_dealt_anew(plan: Plan, group: str) -> None:
    """Refuse a query that names what is dealt out anew when the times have changed."""
    if not plan.asked.paper.reconstruct.filled:
        return
    kept = members.grouping(plan.asked, plan.variables)
    if more := sorted(query.parse(group, plan.variables).names() - set(kept)):
        raise KitError(
            f"{', '.join(more)} changes hands when times change",
            where=f"group {group!r}",
            right="a query of " + ", ".join(kept),
        )
