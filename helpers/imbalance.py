"""How a hidden factor tips a comparison: by its share in one group, with that in the other given.

As in `helpers.figures`, a function that returns the data and one that draws them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers import figures
from helpers.confounding import bias
from helpers.figures import BLACK, BLUE, VERMILION, Picture

Floats = NDArray[np.float64]


def imbalance_data(
    ratio: ArrayLike, upper: ArrayLike, *, share: float, effect: float
) -> pd.DataFrame:
    """Return what a hidden factor makes of a ratio, by how frequent it is in the other group.

    Parameters
    ----------
    ratio, upper : array_like of float
        The observed ratio and its upper confidence limit in each member.
    share : float
        Who has the factor in the group of the numerator, from 0 to 1.
    effect : float
        Its ratio for the outcome.

    Returns
    -------
    pandas.DataFrame
        ``share_other``, from 0 to 1, and the adjusted ratio and upper limit, the lowest and the
        highest of all members and the middle one: ``ratio_lowest`` and so on, ``upper_highest``.

    See Also
    --------
    helpers.confounding.bias : The formula.
    """
    others = np.linspace(0, 1, 51)
    moved = bias(effect, share, others)
    table = pd.DataFrame({"share_other": others})
    for name, given in (("ratio", ratio), ("upper", upper)):
        values = np.asarray(given, float)
        values = values[np.isfinite(values)]
        for end, at in (("lowest", 0.0), ("middle", 0.5), ("highest", 1.0)):
            table[f"{name}_{end}"] = np.quantile(values, at, method="inverted_cdf") / moved
    return table


def draw_imbalance(
    data: pd.DataFrame,
    *,
    share: float,
    share_other: float,
    dealt: ArrayLike,
    group: str,
    other: str,
) -> Picture:
    """Draw how a hidden factor moves a hazard ratio, and where it tips.

    Parameters
    ----------
    data : pandas.DataFrame
        What `imbalance_data` returned.
    share, share_other : float
        Who has the factor, from 0 to 1.
    dealt : array_like of float
        The ratio in each member adjusted for a factor that was dealt to its patients.
    group, other : str
        The groups of the numerator and the denominator.

    Returns
    -------
    Picture
    """
    values = np.asarray(dealt, float)
    values = values[np.isfinite(values)]
    with figures.drawing(7.6, 3.9) as (figure, axes):
        figure.set_layout_engine("none")
        axes.set_position((0.105, 0.15, 0.87, 0.81))
        others = 100 * data["share_other"]
        for name, colour, dash, label in (
            ("ratio", BLUE, "-", "adjusted hazard ratio, by the formula"),
            ("upper", VERMILION, "--", "its upper 95 % limit"),
        ):
            axes.fill_between(
                others,
                data[f"{name}_lowest"],
                data[f"{name}_highest"],
                color=colour,
                alpha=0.18,
                lw=0,
            )
            axes.plot(others, data[f"{name}_middle"], dash, color=colour, lw=2, label=label)
        axes.axhline(1, color=BLACK, lw=1)
        axes.axvline(100 * share, ymax=0.7, color=figures.GREY, lw=1, ls=":")
        if len(values):
            low, middle, high = np.quantile(values, [0, 0.5, 1], method="inverted_cdf")
            axes.errorbar(
                100 * share_other,
                middle,
                [[middle - low], [high - middle]],
                fmt="o",
                color=BLACK,
                capsize=4,
                ms=6,
                label="with the factor dealt to the patients",
            )
        axes.set_yscale("log")
        ticks = [0.25, 0.5, 1, 2, 4]
        axes.set_ylim(0.2, 5)
        axes.set_yticks(ticks, [f"{each:g}" for each in ticks])
        axes.minorticks_off()
        axes.set_xlim(0, 100)
        axes.set_xlabel(f"Assumed: patients of {other} with the hidden factor (%)")
        axes.set_ylabel(f"Hazard ratio, {group} against {other}")
        axes.annotate(
            f"{group}: {100 * share:.0f} %",
            (100 * share, 0.21),
            xytext=(3, 2),
            textcoords="offset points",
            fontsize=8,
            color="#555555",
        )
        axes.grid(axis="y", color="#E5E5E5")
        axes.legend(frameon=False, loc="upper left", fontsize=9)
        return figures.picture(
            figure, _imbalance_words(data, share, share_other, values, group, other)
        )


def _imbalance_words(
    data: pd.DataFrame, share: float, share_other: float, dealt: Floats, group: str, other: str
) -> str:
    row = data.iloc[(data["share_other"] - share_other).abs().argmin()]
    crosses = data.loc[(data["upper_middle"] >= 1), "share_other"]
    where = (
        f"the upper limit reaches 1 where {100 * crosses.iloc[0]:.0f} % of {other} have it"
        if len(crosses)
        else "the upper limit stays below 1"
    )
    told = (
        f" Dealt to the synthetic patients it leaves a hazard ratio of {dealt.min():.2f} to "
        f"{dealt.max():.2f}."
        if len(dealt)
        else ""
    )
    return (
        f"Hazard ratio of {group} against {other} after adjustment for an assumed hidden factor "
        f"that {100 * share:.0f} % of {group} have, by the share of {other} that have it. At "
        f"{100 * share_other:.0f} % it is {row['ratio_lowest']:.2f} to {row['ratio_highest']:.2f} "
        f"by the formula; {where}.{told}"
    )
