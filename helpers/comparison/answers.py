"""What documents side by side come to with some settings changed: one number for each question."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from helpers import meta_analysis, parameters
from helpers.comparison import doses, rates, survival
from helpers.comparison.settings import GROUPS
from helpers.errors import KitError
from helpers.parameters import Settings

Value = bool | int | float | str


def answer(asked: str, change: Mapping[str, Value]) -> float:
    """Work one number out.

    Parameters
    ----------
    asked : str
        A key of `QUESTIONS`.
    change : mapping of str to bool, int, float or str
        Settings that aren't as they start.

    Returns
    -------
    float

    Raises
    ------
    KitError
        If there is no such question, or a setting is impossible.
    """
    if asked not in QUESTIONS:
        raise KitError(f"no question {asked!r}", right=", ".join(QUESTIONS))
    return float(QUESTIONS[asked](parameters.check(change, *GROUPS, paper="")))


def _patients(settings: Settings) -> float:
    return float(rates.counted(settings)["total"].sum())


def _together(settings: Settings) -> float:
    """Return the share of all patients as if they were of one study, in %."""
    some = rates.known(rates.counted(settings))
    return 100 * float(some["count"].sum() / some["total"].sum())


def _plain_mean(settings: Settings) -> float:
    """Return the mean of the rates, each as good as another, in %."""
    some = rates.known(rates.counted(settings))
    return 100 * float((some["count"] / some["total"]).mean())


def _of_summary(name: str) -> Callable[[Settings], float]:
    def read(settings: Settings) -> float:
        table = rates.summaries(rates.counted(settings), prior_scale=settings.prior_scale)  # type: ignore[attr-defined]
        row = table.set_index("model").loc[settings.pooled_by]  # type: ignore[attr-defined]
        low, high = (row[f"{name}lower"], row[f"{name}upper"]) if name != "i2" else (0.0, row["i2"])
        return 100 * float(high - low)

    return read


def _mean(settings: Settings) -> float:
    found = rates.pooled(
        rates.counted(settings),
        settings.pooled_by,  # type: ignore[attr-defined]
        prior_scale=settings.prior_scale,  # type: ignore[attr-defined]
    )
    return 100 * meta_analysis.share(found.estimate)


def _most_over_least(settings: Settings) -> float:
    given = doses.exposures(
        cycles=settings.cycles,  # type: ignore[attr-defined]
        cyp3a_inhibitor=settings.cyp3a_inhibitor,  # type: ignore[attr-defined]
    )
    stated = given.loc[given["stated"], settings.dose_metric].dropna()  # type: ignore[attr-defined]
    return float(stated.max() / stated.min())


def _alive_of_real(settings: Settings) -> float:
    """Return survival of the real patients at the settings' month, in %."""
    found, _ = survival.followed(settings)
    real = [each for each in found if each.document.real]
    table = survival.read_off(real, month=settings.survival_month)  # type: ignore[attr-defined]
    return 100 * float(table["alive_low"].iloc[0])


QUESTIONS: dict[str, Callable[[Settings], float]] = {
    "patients": _patients,
    "share of all": _together,
    "mean of the rates": _plain_mean,
    "pooled mean": _mean,
    "width of the interval": _of_summary(""),
    "width of the prediction interval": _of_summary("predicted_"),
    "i2": _of_summary("i2"),
    "most over least": _most_over_least,
    "alive of the real": _alive_of_real,
}
"""The questions, each with how it is answered."""
