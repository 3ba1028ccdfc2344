"""Which of a panel's states are worked out ahead, for where no kernel runs.

A page without a kernel can only show what was worked out before. A panel has more states than
anybody can store, so it declares a grid of those that a reader would try: each control moved
alone, and the controls that belong together moved at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from helpers.errors import KitError

_MOST_STATES = 400


@dataclass(frozen=True)
class Grid:
    """What a panel says of its states.

    Attributes
    ----------
    values : mapping of str to collection
        By setting, the values to try, where they aren't those that its control offers: text has
        none to offer, and some numbers mean more than their neighbours. A mapping gives each
        value its words.
    together : sequence of sequences of str
        The settings that are moved at once. Each setting is moved alone, too.
    most : int
        So many stops a slider has at most, if `values` doesn't say which; its ends and the
        lesson's own value come on top.
    """

    values: Mapping[str, Collection[Any]] = field(default_factory=dict)
    together: Sequence[Sequence[str]] = ()
    most: int = 8

    def stops(self, name: str, control: Any, start: Any) -> list[Any]:
        """Return the values at which a control stops.

        Parameters
        ----------
        name : str
            The setting.
        control : ipywidgets.Widget
            Its control.
        start : object
            Where it stands at first.

        Returns
        -------
        list
            In the control's order; `start` among them.
        """
        if hasattr(control, "options"):
            return list(control.options)
        if isinstance(start, bool):
            return [False, True]
        found = list(self.values.get(name, ()))
        if isinstance(start, str):
            return list(dict.fromkeys([start, *found]))
        if not found and hasattr(control, "step"):
            found = _round_numbers(control.min, control.max, control.step, self.most)
        within = [value for value in found if control.min <= value <= control.max]
        return sorted({*within, start})

    def states(
        self, stops: Mapping[str, Sequence[Any]], start: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Return the states, each once, the first of them where the panel starts.

        Parameters
        ----------
        stops : mapping of str to sequence
            What `stops` gives, by setting.
        start : mapping of str to object
            Where the settings stand at first.

        Returns
        -------
        list of dict of str to object
            A value for every setting.

        Raises
        ------
        KitError
            If there are more than anybody would wait for.

        Examples
        --------
        >>> grid = Grid(together=[("dose", "days")])
        >>> stops = {"dose": [1, 2], "days": [7, 14], "more": [False, True]}
        >>> grid.states(stops, {"dose": 1, "days": 7, "more": False})[2:]
        [{'dose': 1, 'days': 14, 'more': False}, {'dose': 1, 'days': 7, 'more': True}, \
{'dose': 2, 'days': 14, 'more': False}]
        """
        moved: list[tuple[str, ...]] = [(name,) for name in stops]
        # A lesson needn't offer all that its panel could.
        moved += [tuple(name for name in names if name in stops) for names in self.together]
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for names in [(), *moved]:
            for values in itertools.product(*(stops[name] for name in names)):
                state = dict(start) | dict(zip(names, values, strict=True))
                found.setdefault(tuple(state.values()), state)
        if len(found) > _MOST_STATES:
            raise KitError(
                f"{len(found)} states", right=f"at most {_MOST_STATES}: fewer stops or pairs"
            )
        return list(found.values())


def _round_numbers(least: float, most: float, step: float, count: int) -> list[Any]:
    """Return the ends of a range, and round numbers between them that its steps lead to."""
    from matplotlib.ticker import MaxNLocator

    whole = isinstance(least, int)
    possible = round((most - least) / step) + 1
    if possible <= count:
        found = [least + step * number for number in range(possible)]
    else:
        ticks = MaxNLocator(count, steps=[1, 2, 5, 10], integer=whole).tick_values(least, most)
        inner = {round((tick - least) / step) for tick in ticks} & set(range(1, possible - 1))
        found = [least, *(least + step * number for number in sorted(inner)), most]
    # Steps of a tenth don't add up to round numbers.
    return [int(value) if whole else round(float(value), 6) for value in found]
