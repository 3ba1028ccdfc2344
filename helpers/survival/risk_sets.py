"""Risk sets of a batch of cohorts, laid out so that one sum serves all deaths at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.survival.ordered import (
    Flags,
    Floats,
    Integers,
    Ordered,
    had_event,
    intervals,
    ordered,
    same_shape,
)

Ties = Literal["efron", "breslow"]

NEGLIGIBLE = float(np.finfo(np.float64).eps ** 0.75)
"""Of a covariate's variance, a smaller share than this is rounding error, as in R."""


@dataclass(frozen=True, eq=False)
class RiskSets:
    """A batch of cohorts laid out so that risk sets are sums without differences.

    A layer is a stratum of a cohort, in descending order of time: who is at risk when someone
    dies comes before. With delayed entry that isn't so, and taking away those who haven't come
    yet would drown a small rest in rounding error. Then each layer has a binary tree over its
    times of death. Each patient is hung up at the few nodes that span their observation, and a
    risk set is the way from its leaf to the root.

    Attributes
    ----------
    members, patients : int
        Cohorts, and places for patients in each.
    x : numpy.ndarray of float
        Covariates, 0 and 1 if there are two values, else less their mean and from -1 to 1; shape
        ``(covariates, layers, rows)``.
    center, scale : numpy.ndarray of float
        What was subtracted, and what it was divided by; shape ``(members, covariates)``.
    here : numpy.ndarray of float
        1, or 0 for nobody; shape ``(layers, rows)``.
    member : numpy.ndarray of int
        The cohort of each layer.
    death, last : numpy.ndarray of int
        Of each death, its place in the layers and that of the last row of its risk set; with
        delayed entry, the leaf of its time.
    death_member, death_patient : numpy.ndarray of int
        The cohort and the patient of each death; the patient counted through all cohorts.
    tie_start, tie : numpy.ndarray of int
        The first death of each time, and to which time each death belongs.
    fraction : numpy.ndarray of float
        The part of the deaths of the same time that has left each death's risk set: 0, 1/2 for
        two deaths by Efron's method; 0 throughout by Breslow's.
    two : numpy.ndarray of float, optional
        With a single covariate of two values, all that is needed: for each death the numbers at
        risk with the lower and the higher one, and whether its own is the higher; shape
        ``(3, deaths)``.
    hung_row, hung_node : numpy.ndarray of int
        With delayed entry, which row hangs at which node.
    nodes : int
        With delayed entry, places for nodes in each layer; else 0.
    """

    members: int
    patients: int
    x: Floats
    center: Floats
    scale: Floats
    here: Floats
    member: Integers
    death: Integers
    last: Integers
    death_member: Integers
    death_patient: Integers
    tie_start: Integers
    tie: Integers
    fraction: Floats
    two: Floats | None
    hung_row: Integers
    hung_node: Integers
    nodes: int

    def at_risk(self, values: Floats) -> Floats:
        """Sum values over the risk set of each death.

        Parameters
        ----------
        values : numpy.ndarray
            Shape ``(layers, rows)``, 0 where nobody is.

        Returns
        -------
        numpy.ndarray of float
            One sum per death.
        """
        sums: Floats
        if self.nodes:
            weights = values.ravel()[self.hung_row]
            size = len(values) * self.nodes
            tree = np.asarray(np.bincount(self.hung_node, weights, minlength=size), dtype=float)
            root, node = self.last // self.nodes * self.nodes, self.last % self.nodes
            sums = tree[self.last]
            for _ in range(self.nodes.bit_length() - 2):
                node >>= 1
                sums += tree[root + node]
        else:
            sums = np.cumsum(values, axis=-1).ravel()[self.last]
        gone = np.flatnonzero(self.fraction)
        if gone.size:
            tied = np.add.reduceat(values.ravel()[self.death], self.tie_start)
            sums[gone] -= self.fraction[gone] * tied[self.tie[gone]]
        return sums

    def per_member(self, values: NDArray[np.generic]) -> Floats:
        """Sum values over the deaths of each cohort.

        Parameters
        ----------
        values : numpy.ndarray
            One per death.

        Returns
        -------
        numpy.ndarray of float
            One sum per cohort.
        """
        return np.asarray(np.bincount(self.death_member, weights=values, minlength=self.members))

    def of(self, chosen: Integers) -> RiskSets:
        """Pick some cohorts.

        Parameters
        ----------
        chosen : numpy.ndarray of int
            Which ones, ascending.

        Returns
        -------
        RiskSets
        """
        place = np.full(self.members, -1)
        place[chosen] = np.arange(len(chosen))
        layers = np.flatnonzero(place[self.member] >= 0)
        deaths = np.flatnonzero(place[self.death_member] >= 0)
        rows = self.here.shape[-1]
        layer_place = np.full(len(self.member), -1)
        layer_place[layers] = np.arange(len(layers))
        moved = layer_place - np.arange(len(self.member))
        by = moved[self.death[deaths] // rows]
        hung = np.flatnonzero(layer_place[self.hung_row // rows] >= 0)
        hung_by = moved[self.hung_row[hung] // rows]
        start, tie = _runs(self.tie[deaths])
        return replace(
            self,
            members=len(chosen),
            x=self.x[:, layers],
            center=self.center[chosen],
            scale=self.scale[chosen],
            here=self.here[layers],
            member=place[self.member[layers]],
            death=self.death[deaths] + by * rows,
            last=self.last[deaths] + by * (self.nodes or rows),
            death_member=place[self.death_member[deaths]],
            death_patient=self.death_patient[deaths],
            tie_start=start,
            tie=tie,
            fraction=self.fraction[deaths],
            two=None if self.two is None else self.two[:, deaths],
            hung_row=self.hung_row[hung] + hung_by * rows,
            hung_node=self.hung_node[hung] + hung_by * self.nodes,
        )


def laid_out(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    where: ArrayLike | None,
    ties: Ties,
    strata: ArrayLike | None,
    entry: ArrayLike | None,
) -> tuple[RiskSets, tuple[int, ...], tuple[Floats, Floats | None, Flags, Flags]]:
    """Lay out a batch of cohorts.

    Parameters
    ----------
    time, event, covariates, where : array_like
        As `helpers.survival.cox.cox` takes them.
    ties : {'efron', 'breslow'}
        As `helpers.survival.cox.cox` takes it.
    strata, entry : array_like, optional
        As `helpers.survival.cox.cox` takes them.

    Returns
    -------
    sets : RiskSets
        The risk sets.
    shape : tuple of int
        The axes of the batch.
    rows : tuple of numpy.ndarray
        What they were made from: the times, the entries or None, who had the event, and who
        counts; each of shape ``(members, patients)``.

    Raises
    ------
    KitError
        If an input cannot be used, or the shapes don't fit.
    """
    given = {"time": np.asarray(time, dtype=float), "event": had_event(event)}
    if where is not None:
        given["where"] = np.asarray(where, dtype=bool)
    if strata is not None:
        labels, numbers = np.unique(np.asarray(strata), return_inverse=True)
        given["strata"] = numbers.reshape(np.shape(strata))
    if entry is not None:
        given["entry"] = np.asarray(entry, dtype=float)
    columns = covariate_columns(covariates, max(array.ndim for array in given.values()))
    # Of the covariates, only the shape matters here.
    each = np.broadcast_to(True, columns.shape[:-1])
    shape = same_shape(given | {"covariates": each}, covariates=np.shape(covariates))
    patients, size = shape[-1], columns.shape[-1]
    many = int(np.prod(shape[:-1]))
    flat = {
        name: np.broadcast_to(array, shape).reshape(many, patients) for name, array in given.items()
    }
    times, died = flat["time"], flat["event"]
    present = flat.get("where", np.ones(times.shape, dtype=bool))
    entries = flat.get("entry")
    if entries is not None:
        both, observed = intervals(times, entries, present)
        fixed = both.restore(both.time)
        times, entries, present = fixed[:, :patients], fixed[:, patients:], observed
    x, center, scale = _scaled(np.broadcast_to(columns, (*shape, size)), present)

    if strata is None:
        index = np.arange(many * patients).reshape(many, patients)
        member, here = np.arange(many), present
    else:
        index, member, here = _by_stratum(flat["strata"], present, len(labels))
    ends = times.ravel()[index]
    own = here & died.ravel()[index]
    if entries is not None:
        both, here = intervals(ends, entries.ravel()[index], here)
        own &= here
        ends = both.restore(both.time)[:, : here.shape[-1]]
    placed = ordered(ends, here)
    rows = here.shape[-1]
    # Descending: the risk set of a time is everyone up to the last of those who share it.
    order = placed.order[:, ::-1]
    patient = np.take_along_axis(index, order, axis=-1)
    death = np.flatnonzero(np.take_along_axis(own, order, axis=-1))
    layer = death // max(rows, 1)
    last = (rows - 1 - placed.start)[:, ::-1].ravel()[death] + layer * rows
    nodes, hung_row, hung_node = 0, *np.zeros((2, 0), dtype=np.int64)
    if entries is not None and rows:
        leaf, nodes, hung_row, hung_node = _hung(both, own, here, order)
        last = leaf.ravel()[death]
    tie_start, tie = _runs(last)
    fraction = np.zeros(len(death))
    if ties == "efron":
        fraction = (np.arange(len(death)) - tie_start[tie]) / np.bincount(tie)[tie]
    sets = RiskSets(
        members=many,
        patients=patients,
        x=x.reshape(size, -1)[:, patient],
        center=center,
        scale=scale,
        here=np.take_along_axis(here, order, axis=-1).astype(float),
        member=member,
        death=death,
        last=last,
        death_member=member[layer],
        death_patient=patient.ravel()[death],
        tie_start=tie_start,
        tie=tie,
        fraction=fraction,
        two=None,
        hung_row=hung_row,
        hung_node=hung_node,
        nodes=nodes,
    )
    if size == 1 and ((x == 0) | (x == 1)).all():
        rows_of = (sets.here * (1 - sets.x[0]), sets.here * sets.x[0])
        own_value = sets.x[0].ravel()[death]
        sets = replace(sets, two=np.stack([*map(sets.at_risk, rows_of), own_value]))
    return sets, shape[:-1], (times, entries, died & present, present)


def covariate_columns(covariates: ArrayLike, axes: int) -> Floats:
    """Return the covariates with an axis for which one.

    Parameters
    ----------
    covariates : array_like
        Shape ``(..., patients, covariates)``, or ``(..., patients)`` for a single one.
    axes : int
        Axes of the other arguments: with more, the last one is for covariates.

    Returns
    -------
    numpy.ndarray of float
        Shape ``(..., patients, covariates)``.

    Raises
    ------
    KitError
        If that isn't a list of values.
    """
    columns = np.asarray(covariates, dtype=float)
    if columns.ndim == 0:
        raise KitError("not a list of values", where="covariates", right="one value per patient")
    return columns[..., None] if columns.ndim <= axes else columns


def _hung(
    both: Ordered, own: Flags, here: Flags, order: Integers
) -> tuple[Integers, int, Integers, Integers]:
    """Hang the rows of each layer up in a binary tree over its times of death.

    Returns each row's leaf; places for nodes in a layer; and which row hangs at which node. A
    node's parent has half its number, the root is 1.
    """
    layers, rows = here.shape
    died = np.concatenate((own, np.zeros_like(own)), axis=-1)
    new = both.at_time(both.arrange(died).astype(float)) > 0
    passed = both.restore(both.up_to(new)).astype(np.int64)  # times of death up to each time
    left, right = (
        np.take_along_axis(part, order, axis=-1) for part in (passed[:, rows:], passed[:, :rows])
    )
    size = 1 << int(passed.max(initial=1) - 1).bit_length()
    base = 2 * size * np.arange(layers)[:, None]
    leaf = base + size + right - 1
    row = np.flatnonzero(np.take_along_axis(here, order, axis=-1))
    base = np.broadcast_to(base, here.shape).ravel()[row]
    left, right = left.ravel()[row] + size, right.ravel()[row] + size
    hung: list[tuple[Integers, Integers]] = []
    while len(row):
        some = left < right
        row, base, left, right = row[some], base[some], left[some], right[some]
        odd = left % 2 == 1
        hung.append((row[odd], base[odd] + left[odd]))
        left = left + odd
        odd = right % 2 == 1
        right = right - odd
        hung.append((row[odd], base[odd] + right[odd]))
        left, right = left // 2, right // 2
    none = np.zeros(0, dtype=np.int64)
    return (
        leaf,
        2 * size,
        np.concatenate([none, *(each for each, _ in hung)]),
        np.concatenate([none, *(node for _, node in hung)]),
    )


def _scaled(columns: Floats, present: Flags) -> tuple[Floats, Floats, Floats]:
    """Return covariates from -1 to 1; what was subtracted from them; and the divisor.

    Newton's method works the same whatever the units, the checks for rounding error don't.
    """
    many, patients = present.shape
    size = columns.shape[-1]
    x = np.empty((size, many, patients))
    center, scale = np.zeros((many, size)), np.ones((many, size))
    n = present.sum(axis=-1)
    for j in range(size):
        values = columns[..., j].reshape(many, patients)
        if not (np.isfinite(values) | ~present).all():
            wrong = values[present & ~np.isfinite(values)][0]
            raise KitError(f"given {wrong}", where="covariates", right="a finite number")
        values = np.where(present, values, 0.0)
        low = np.where(present, values, np.inf).min(axis=-1, initial=np.inf)
        high = np.where(present, values, -np.inf).max(axis=-1, initial=-np.inf)
        two = (~present | (values == low[:, None]) | (values == high[:, None])).all(axis=-1)
        center[:, j] = np.where(two & (n > 0), low, values.sum(axis=-1) / np.maximum(n, 1))
        most = np.maximum(np.abs(low), np.abs(high))
        centred = np.where(present, values - center[:, j, None], 0.0)
        spread = np.abs(centred).max(axis=-1, initial=0.0)
        varies = spread > NEGLIGIBLE * most
        scale[varies, j] = spread[varies]
        x[j] = np.where(varies[:, None], centred / scale[:, j, None], 0.0)
    return x, center, scale


def _by_stratum(strata: Integers, present: Flags, labels: int) -> tuple[Integers, Integers, Flags]:
    """Return the patients of each stratum of each member, side by side.

    A row per stratum, with patients counted through the batch; the member of each row; and which
    places of a row are taken.
    """
    patient = np.flatnonzero(present)
    layer = (patient // present.shape[-1]) * labels + strata.ravel()[patient]
    order = np.argsort(layer, kind="stable")
    start, row = _runs(layer[order])
    place = np.arange(len(order)) - start[row]
    index = np.zeros((len(start), place.max(initial=-1) + 1), dtype=np.int64)
    here = np.zeros(index.shape, dtype=bool)
    index[row, place], here[row, place] = patient[order], True
    return index, layer[order][start] // labels, here


def _runs(values: Integers) -> tuple[Integers, Integers]:
    """Return where each run of equal values starts, and to which run each value belongs."""
    new = np.ones(len(values), dtype=bool)
    new[1:] = values[1:] != values[:-1]
    return np.flatnonzero(new), np.cumsum(new) - 1
