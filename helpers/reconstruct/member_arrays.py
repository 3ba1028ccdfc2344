"""The members of an ensemble as arrays, so that a question is put to all of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import endpoints, query
from helpers.catalogue import Definition, Variable
from helpers.endpoints import Observed
from helpers.errors import KitError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
T = TypeVar("T")

EVENTS = ("DIAGM", "RSPM", "MRDNEGM", "NRSPM", "RLPM", "HSCTM", "DTHM", "LSTALVM")
"""The columns of a cohort's event histories, as in `helpers.endpoints`."""

_KEPT = 64


class Members:
    """The members of an ensemble as arrays of shape ``(members, patients)``.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per patient and member, as `helpers.reconstruct.ensemble.read` returns it.
    variables : mapping of str to Variable
        What is recorded of the patients.

    Attributes
    ----------
    size : int
        How many members there are.
    history : dict of str to numpy.ndarray of float
        The event histories, in months from the start of treatment.
    """

    def __init__(self, table: pd.DataFrame, variables: Mapping[str, Variable]) -> None:
        self._table, self._variables = table, variables
        labels, member = np.unique(table["member"].to_numpy(), return_inverse=True)
        # Where a member has fewer patients than another, the rest of its row is nobody.
        self._places = (member, table.groupby("member").cumcount().to_numpy())
        self.size = len(labels)
        self._shape = (self.size, int(self._places[1].max()) + 1)
        self.history = {"TRTM": np.zeros(self._shape)} | {
            name: self.column(name) for name in EVENTS if name in table
        }
        self._masks: dict[str, Flags] = {}
        self._observed: dict[str, Observed] = {}

    def column(self, name: str) -> Floats:
        """Return a column of numbers.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        numpy.ndarray of float
            nan where there is no number, or nobody.
        """
        found = np.full(self._shape, np.nan)
        found[self._places] = pd.to_numeric(self._table[name]).to_numpy(float)
        return found

    def picked(self, *queries: str) -> Flags:
        """Say whom all of some cohort queries pick.

        Parameters
        ----------
        *queries : str
            The queries; an empty one picks everybody.

        Returns
        -------
        numpy.ndarray of bool

        Raises
        ------
        QueryError
            If a query cannot be read.
        KitError
            If it asks for what the cohorts don't hold.
        """
        masks = [self._mask(text) for text in queries or ("",)]
        return np.asarray(np.logical_and.reduce(masks), dtype=bool)

    def _mask(self, text: str) -> Flags:
        if text not in self._masks:
            asked = query.parse(text, self._variables)
            if lacking := sorted(asked.names() - set(self._table.columns)):
                raise KitError(f"no {', '.join(lacking)}", where="synthetic cohorts")
            found = np.zeros(self._shape, bool)
            found[self._places] = asked.mask(self._table).to_numpy(bool)
            _keep(self._masks, text, found)
        return self._masks[text]

    def observed(
        self, definition: Definition, *, history: Mapping[str, Floats] | None = None
    ) -> Observed:
        """Apply an endpoint definition, its population included.

        Parameters
        ----------
        definition : Definition
            The endpoint.
        history : mapping of str to numpy.ndarray of float, optional
            Other event histories of the same patients.

        Returns
        -------
        Observed
            The time of whoever doesn't count is 0, so that it can be passed on with a mask.

        Raises
        ------
        KitError
            If the histories lack what the endpoint needs.
        """
        key = definition.model_dump_json()
        if history is None and key in self._observed:
            return self._observed[key]
        found = endpoints.observe(self.history if history is None else history, definition)
        who = found.included & self.picked(definition.population)
        made = Observed(np.where(who, found.time, 0.0), found.code, who)
        if history is None:
            _keep(self._observed, key, made)
        return made


def _keep(kept: dict[str, T], key: str, value: T) -> None:
    """Remember something, and forget what is oldest."""
    while len(kept) >= _KEPT:
        del kept[next(iter(kept))]
    kept[key] = value
