"""Patients of public data sets, and made-up papers about some of them.

The data sets come with lifelines. Times are turned into whole days and given in months of 30.4375
days; whoever has a value missing is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from helpers import query
from helpers.audit.arithmetic import DAYS_PER_MONTH
from helpers.catalogue import Variable
from helpers.errors import KitError
from helpers.summary import DEATH, MONTHS, Choices, Group, Split

_DAYS_PER_YEAR = 365.25
_LEAST_IN_A_GROUP, _LEAST_DEATHS = 8, 3


@dataclass(frozen=True)
class Source:
    """A public data set.

    Attributes
    ----------
    label : str
        Who the patients are, in words.
    note : str
        Where the data come from, and what was done to them.
    variables : dict of str to Variable
        What a patient is described by.
    splits : tuple of Split
        Ways to split the patients into groups.
    months : tuple of (int, int)
        When a paper about such patients would print survival.
    read : callable
        Returns ``months``, ``death`` and the variables, a row per patient.
    """

    label: str
    note: str
    variables: dict[str, Variable]
    splits: tuple[Split, ...]
    months: tuple[int, int]
    read: Callable[[], pd.DataFrame]


def patients(name: str) -> pd.DataFrame:
    """Return the patients of a public data set.

    Parameters
    ----------
    name : str
        A key of `SOURCES`.

    Returns
    -------
    pandas.DataFrame
        ``months`` from the start to death or last contact, ``death`` and the variables, a row
        per patient.

    Raises
    ------
    KitError
        If there is no such data set.
    """
    if name not in SOURCES:
        raise KitError(f"no data set {name!r}", right=" or ".join(SOURCES))
    table = SOURCES[name].read().dropna().reset_index(drop=True)
    # Nobody is followed for less than a day.
    days = table[MONTHS].clip(lower=1).round()
    return table.assign(**{MONTHS: days / DAYS_PER_MONTH, DEATH: table[DEATH].astype(bool)})


def draw(
    seed: int | list[int], *, name: str = "", size: int | None = None
) -> tuple[pd.DataFrame, Choices]:
    """Draw some public patients, and what an abstract would print of them.

    Parameters
    ----------
    seed : int or list of int
        The same seed gives the same patients and choices.
    name : str, optional
        A key of `SOURCES`; drawn, too, if not given.
    size : int, optional
        How many patients; between 40 and 90 if not given.

    Returns
    -------
    patients : pandas.DataFrame
        Drawn without replacement, as `helpers.summary.numbers` takes them.
    choices : Choices
        Two or three groups with 8 patients and 3 deaths at least, and all that can be printed.

    Raises
    ------
    KitError
        If there is no such data set, or not so many patients, or no split has large groups.

    Examples
    --------
    >>> patients, choices = draw(1, name="lung", size=60)
    >>> len(patients), choices.months
    (60, (12, 24))
    """
    rng = np.random.default_rng(seed)
    name = name or str(rng.choice(list(SOURCES)))
    everyone = patients(name)
    source = SOURCES[name]
    drawn = int(rng.integers(40, min(90, len(everyone)) + 1)) if size is None else size
    if not 1 <= drawn <= len(everyone):
        raise KitError(f"given {drawn}", where="size", right=f"1 to {len(everyone)}")
    for _ in range(100):
        table = everyone.iloc[rng.choice(len(everyone), drawn, replace=False)]
        table = table.reset_index(drop=True)
        compared = source.splits[int(rng.integers(len(source.splits)))]
        if _large(compared, table, source):
            return table, Choices(
                title=f"Survival of {source.label} by {compared.label}",
                variables=source.variables,
                compared=compared,
                splits=tuple(each for each in source.splits if each is not compared),
                medians=tuple(name for name, each in source.variables.items() if each.is_number),
                months=source.months,
            )
    raise KitError("no split has large enough groups", where=name, right="more patients")


def _large(split: Split, table: pd.DataFrame, source: Source) -> bool:
    died = table[DEATH].to_numpy(bool)
    masks = [
        query.parse(group.query, source.variables).mask(table).to_numpy(bool)
        for group in split.groups
    ]
    return all(
        mask.sum() >= _LEAST_IN_A_GROUP and (mask & died).sum() >= _LEAST_DEATHS for mask in masks
    )


def without(choices: Choices, *parts: str) -> Choices:
    """Return choices that print less.

    Parameters
    ----------
    choices : Choices
        The choices.
    *parts : str
        Parts to leave out.

    Returns
    -------
    Choices
    """
    return replace(choices, parts=tuple(each for each in choices.parts if each not in parts))


# --- the data sets -------------------------------------------------------------------------------


def _category(label: str, **values: str) -> Variable:
    return Variable(label=label, type="category", source="text", values=values)


def _age(least: int = 18) -> Variable:
    return Variable(
        label="age", type="integer", source="text", unit="years", minimum=least, maximum=100
    )


def _by(label: str, name: str, *values: tuple[str, str, str]) -> Split:
    """Split by the values of a category: of each its code, the group's name and its words."""
    return Split(
        label,
        tuple(Group(group, words, f"{name} == {code!r}") for code, group, words in values),
    )


def _by_age(cut: int) -> Split:
    return Split(
        "age group",
        (
            Group("younger", f"younger than {cut} years", f"AGE < {cut}"),
            Group("older", f"{cut} years or older", f"AGE >= {cut}"),
        ),
    )


_BY_SEX = _by("sex", "SEX", ("M", "male", "male"), ("F", "female", "female"))


def _lung() -> pd.DataFrame:
    from lifelines.datasets import load_lung

    raw = load_lung()
    return pd.DataFrame(
        {
            MONTHS: raw["time"],
            DEATH: raw["status"],
            "AGE": raw["age"],
            "SEX": raw["sex"].map({1: "M", 2: "F"}),
            "ECOG": raw["ph.ecog"].map({0: "0", 1: "1", 2: "2", 3: "2"}),
        }
    )


def _larynx() -> pd.DataFrame:
    from lifelines.datasets import load_larynx

    raw = load_larynx()
    late = raw["Stage_III"] + raw["Stage_IV"] > 0
    return pd.DataFrame(
        {
            MONTHS: raw["time"] * _DAYS_PER_YEAR,
            DEATH: raw["death"],
            "AGE": raw["age"],
            "STAGE": np.where(late, "late", "early"),
        }
    )


def _lymphoma() -> pd.DataFrame:
    from lifelines.datasets import load_lymphoma

    raw = load_lymphoma()
    return pd.DataFrame(
        {
            MONTHS: raw["Time"],
            DEATH: raw["Censor"],
            "STAGE": raw["Stage_group"].map({1: "III", 2: "IV"}),
        }
    )


def _kidney() -> pd.DataFrame:
    from lifelines.datasets import load_kidney_transplant

    raw = load_kidney_transplant()
    black = raw["black_male"] + raw["black_female"] > 0
    male = raw["black_male"] + raw["white_male"] > 0
    return pd.DataFrame(
        {
            MONTHS: raw["time"],
            DEATH: raw["death"],
            "AGE": raw["age"],
            "SEX": np.where(male, "M", "F"),
            "RACE": np.where(black, "black", "white"),
        }
    )


def _heart() -> pd.DataFrame:
    from lifelines.datasets import load_stanford_heart_transplants

    raw = load_stanford_heart_transplants()
    last = raw.groupby("id").last()
    return pd.DataFrame(
        {
            MONTHS: last["stop"],
            DEATH: last["event"],
            "AGE": (last["age"] + 48).round().astype(int),
            "SURGERY": np.where(last["surgery"] == 1, "Y", "N"),
        }
    )


SOURCES = {
    "lung": Source(
        "patients with advanced lung cancer",
        "North Central Cancer Treatment Group; time in days. Performance status 3, one patient, "
        "is counted with 2.",
        {
            "AGE": _age(),
            "SEX": _category("sex", M="male", F="female"),
            "ECOG": _category("performance status", **{"0": "0", "1": "1", "2": "2 or 3"}),
        },
        (
            _BY_SEX,
            _by_age(65),
            _by(
                "performance status",
                "ECOG",
                ("0", "ecog_0", "0"),
                ("1", "ecog_1", "1"),
                ("2", "ecog_2", "2 or more"),
            ),
        ),
        (12, 24),
        _lung,
    ),
    "larynx": Source(
        "men with cancer of the larynx",
        "Klein and Moeschberger's data; time in years with one decimal, turned into whole days of "
        "1/365.25 year. Stages I and II are early, III and IV late.",
        {"AGE": _age(), "STAGE": _category("stage", early="I or II", late="III or IV")},
        (
            _by("stage", "STAGE", ("early", "early", "I or II"), ("late", "late", "III or IV")),
            _by_age(65),
        ),
        (24, 48),
        _larynx,
    ),
    "lymphoma": Source(
        "patients with diffuse histiocytic lymphoma",
        "StatsDirect's data; time in days.",
        {"STAGE": _category("stage", III="III", IV="IV")},
        (_by("stage", "STAGE", ("III", "stage_3", "III"), ("IV", "stage_4", "IV")),),
        (3, 6),
        _lymphoma,
    ),
    "kidney": Source(
        "patients after a kidney transplant",
        "Klein and Moeschberger's data; time in days.",
        {
            "AGE": _age(0),
            "SEX": _category("sex", M="male", F="female"),
            "RACE": _category("race", black="black", white="white"),
        },
        (
            _BY_SEX,
            _by_age(50),
            _by("race", "RACE", ("black", "black", "black"), ("white", "white", "white")),
        ),
        (24, 60),
        _kidney,
    ),
    "heart": Source(
        "candidates for a heart transplant",
        "Stanford's programme; time in days from acceptance to death or last contact, whether a "
        "heart came or not. Age is given as its difference from 48 years; rounded to whole years.",
        {"AGE": _age(0), "SURGERY": _category("surgery of the heart before", Y="yes", N="no")},
        (
            _by_age(48),
            _by(
                "surgery before", "SURGERY",
                ("Y", "operated", "yes"), ("N", "not_operated", "no"),
            ),
        ),
        (6, 24),
        _heart,
    ),
}  # fmt: skip
"""The public data sets, by name."""
