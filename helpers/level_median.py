"""A median where the survival curve runs level at one half: three readings of the same times.

If an even number of patients is followed to the event, the curve is at exactly one half from one
event to the next. Some programs read the median at the first of the two, R in the middle, and the
plain median of the times, which knows no censoring, is the middle as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from helpers import figures
from helpers.errors import KitError
from helpers.figures import BLUE, GREEN, VERMILION, Picture
from helpers.survival.curves import curves, quantile

_HALF = 0.5


@dataclass(frozen=True)
class Readings:
    """Readings of one median, in months; nan where the curve doesn't get to one half.

    Attributes
    ----------
    first : float
        Where the curve gets to one half.
    last : float
        Where it leaves it; as `first` if it doesn't run level there.
    middle : float
        As R's survfit reads it.
    plain : float
        The median of all times, events and censored alike.
    """

    first: float
    last: float
    middle: float
    plain: float


def readings(times: ArrayLike, events: ArrayLike) -> Readings:
    """Read a median off a Kaplan-Meier curve in each usual way.

    Parameters
    ----------
    times : array_like of float
        Months.
    events : array_like of bool
        Whether each ends with the event.

    Returns
    -------
    Readings

    Raises
    ------
    KitError
        If there is nobody.

    Notes
    -----
    With 12 events at different times, S = 1/2 from the sixth to the seventh.

    Examples
    --------
    >>> readings([1, 2, 5, 7], [True, True, True, True])
    Readings(first=2.0, last=5.0, middle=3.5, plain=3.5)
    """
    t, died = np.asarray(times, float), np.asarray(events, bool)
    if not t.size:
        raise KitError("nobody", where="median", right="one time or more")
    drawn = curves(t, died)
    first = float(quantile(drawn, rule="lifelines").value)
    middle = float(quantile(drawn, rule="survfit").value)
    return Readings(first, 2 * middle - first, middle, float(np.median(t)))


def draw_readings(times: ArrayLike, events: ArrayLike, *, xlabel: str, source: str) -> Picture:
    """Draw a survival curve around one half, with each reading of its median.

    Parameters
    ----------
    times : array_like of float
        Months.
    events : array_like of bool
        Whether each ends with the event.
    xlabel : str
        The clock, with its unit.
    source : str
        Where the patients come from, in words without a full stop.

    Returns
    -------
    Picture
    """
    t, died = np.asarray(times, float), np.asarray(events, bool)
    found = readings(t, died)
    points = np.sort(np.unique(t[died]))
    alive = np.cumprod([1 - (died & (t == at)).sum() / (t >= at).sum() for at in points])
    end = float(min(t.max(), 2.5 * found.plain))
    with figures.drawing(7.6, 3.3) as (figure, axes):
        axes.step([0, *points, t.max()], [1, *alive, alive[-1]], where="post", color=BLUE, lw=2)
        axes.axhline(_HALF, color="#9A9A9A", lw=1, ls=":")
        axes.plot([found.first, found.last], [_HALF, _HALF], color=VERMILION, lw=5, alpha=0.5)
        lift = 0.13
        for place, (at, name, marker, colour) in enumerate(
            (
                (found.first, "first time at one half", "o", VERMILION),
                (found.middle, "middle of the level stretch", "D", GREEN),
                (found.last, "next event", "s", BLUE),
            )
        ):
            axes.plot(at, _HALF, marker, color=colour, mec="white", ms=9, zorder=4)
            axes.annotate(
                f"{name}: {at:.1f}",
                (at, _HALF),
                xytext=(found.last + 0.06 * end, _HALF + lift * (3 - place)),
                fontsize=9,
                va="center",
                arrowprops={"arrowstyle": "-", "color": "#9A9A9A", "lw": 0.8, "relpos": (0, 0.5)},
            )
        axes.set_xlim(0, end)
        axes.set_ylim(0, 1.02)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])
        axes.set_ylabel("Without the event (%)")
        axes.set_xlabel(xlabel)
        axes.set_title(f"{source}.", fontsize=8, loc="left", color="#505050")
        words = (
            f"Kaplan-Meier curve of {len(t)} patients with {int(died.sum())} events. It runs "
            f"level at 50 % from {found.first:.1f} to {found.last:.1f} months; the middle is "
            f"{found.middle:.1f}. {source}."
        )
        return figures.picture(figure, words)
