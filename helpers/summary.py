"""A paper made from patients: the folder, and the abstract, that print what they sum up to.

`numbers` sums a table of patients up and rounds as journals do; `write` makes a paper's folder of
it, with the words of a short abstract in ``abstract.txt``. Such a paper is true by construction:
its patients have every number in it. So it shows whether the audit wrongly finds fault, and how
much of what a paper leaves out its reconstructed cohorts still tell.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import catalogue, files, paths, query
from helpers.catalogue import PublishedNumber, Variable
from helpers.errors import KitError
from helpers.rounding import rounded

Part = Literal[
    "characteristics",
    "characteristics of each group",
    "follow-up",
    "deaths",
    "survival of all",
    "medians",
    "rates",
    "limits of rates",
    "log-rank P",
    "hazard ratio",
]

MONTHS, DEATH = "months", "death"
"""The columns of a table of patients that hold the time observed and whether it ended in death."""

_LEVEL = 0.95
_DIED = "DTHFL"
# A curve is at one half if it is that near: R's tolerance in reading off a median.
_NEAR = 1.5e-8


@dataclass(frozen=True)
class Group:
    """Some of the patients.

    Attributes
    ----------
    name : str
        Under ``[groups]``: lower-case letters, digits and underscores.
    words : str
        What the abstract calls them.
    query : str
        Who they are, as `helpers.query` reads it.
    """

    name: str
    words: str
    query: str


@dataclass(frozen=True)
class Split:
    """Patients split into groups that don't overlap.

    Attributes
    ----------
    label : str
        By what, in words.
    groups : tuple of Group
        The groups, every patient in one of them.
    """

    label: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Choices:
    """What is printed of the patients.

    Attributes
    ----------
    title : str
        The paper's title.
    variables : dict of str to Variable
        What a patient is described by. A number needs a minimum and a maximum.
    compared : Split
        The groups whose survival is compared. With two, a hazard ratio is printed: the hazard of
        the first over that of the second.
    splits : tuple of Split
        Others, of which percentages are printed.
    medians : tuple of str
        Variables of which median and range are printed.
    months : tuple of int
        When survival is printed: where the curve and its limits say something by then.
    parts : tuple of str
        Which parts are printed; all of them unless told otherwise.
    """

    title: str
    variables: dict[str, Variable]
    compared: Split
    splits: tuple[Split, ...] = ()
    medians: tuple[str, ...] = ()
    months: tuple[int, ...] = (12, 24)
    parts: tuple[Part, ...] = get_args(Part)


def numbers(patients: pd.DataFrame, choices: Choices) -> list[PublishedNumber]:
    """Sum patients up as a paper prints it.

    Parameters
    ----------
    patients : pandas.DataFrame
        One row per patient: ``months`` from the start to death or last contact, whole days of
        1/30.4375 months; ``death``, whether it ended so; and the variables.
    choices : Choices
        What is printed.

    Returns
    -------
    list of PublishedNumber
        Each fact once.

    Raises
    ------
    KitError
        If the table lacks columns or values, or a split doesn't have each patient in one group.

    Notes
    -----
    Percentages, months and rates have one decimal, ratios two. A P value has two, below 0.01
    three. Halves are rounded up. Limits of survival rates are on the log-log scale, those of a
    median read off the band (Brookmeyer and Crowley); a median is the first time at which the
    curve is at one half or below. Follow-up is the median of the reversed Kaplan-Meier curve with
    the range of the times observed. The hazard ratio is that of Cox's model with Efron's ties.
    """
    return [number for number, _ in _Summary(patients, choices).printed()]


def abstract(patients: pd.DataFrame, choices: Choices) -> str:
    """Return the patients' numbers in plain words.

    Parameters
    ----------
    patients : pandas.DataFrame
        As `numbers` takes them.
    choices : Choices
        What is printed.

    Returns
    -------
    str
        The title and a sentence a line.

    Raises
    ------
    KitError
        As `numbers`.
    """
    sentences: dict[str, list[str]] = {}
    for number, words in _Summary(patients, choices).printed():
        sentences.setdefault(number.location, []).append(words)
    lines = [f"{choices.title}", "A made-up abstract: no such study exists."]
    lines += [f"{place.capitalize()}. {'; '.join(each)}." for place, each in sentences.items()]
    return "\n".join(lines) + "\n"


def write(paper: str, patients: pd.DataFrame, choices: Choices) -> Path:
    """Write the folder of a paper about some patients.

    Parameters
    ----------
    paper : str
        Its id, which becomes the folder's name.
    patients : pandas.DataFrame
        As `numbers` takes them. They are not written.
    choices : Choices
        What is printed.

    Returns
    -------
    pathlib.Path
        The folder: ``paper.toml``, ``published.csv``, ``excerpts.csv`` and ``abstract.txt``.

    Raises
    ------
    KitError
        As `numbers`, and if the id is none, the folder exists or can't be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", paper):
        raise KitError(f"no id for a paper: {paper[:60]!r}", right="such as made_up_1")
    summary = _Summary(patients, choices)
    printed = list(summary.printed())
    folder = paths.root() / "data" / paper
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise KitError(f"cannot be made ({error.strerror})", where=f"data/{paper}") from None
    for name, content in {
        "paper.toml": summary.described(paper, [number for number, _ in printed]),
        "published.csv": _csv(
            tuple(PublishedNumber.model_fields), ([*_cells(number)] for number, _ in printed)
        ),
        "excerpts.csv": _csv(("id", "excerpt"), ([number.id, words] for number, words in printed)),
        "abstract.txt": abstract(patients, choices),
    }.items():
        files.replace(folder / name, content, where=f"data/{paper}/{name}")
    return folder


def _cells(number: PublishedNumber) -> Iterator[str]:
    for value in number.model_dump().values():
        yield " ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


def _csv(header: tuple[str, ...], rows: Iterator[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


# --- digits --------------------------------------------------------------------------------------


def _time(months: float) -> str:
    return rounded(months, "0.0") if math.isfinite(months) else "NR"


def _p(value: float) -> str:
    if value < 0.001:
        return "<0.001"
    if value > 0.99:
        return ">0.99"
    found = rounded(value, "0.00" if value >= 0.01 else "0.000")
    return "0.01" if found == "0.010" else found


def _shown_p(text: str) -> str:
    return f"P {text[0]} {text[1:]}" if text[0] in "<>" else f"P = {text}"


# --- what is printed -----------------------------------------------------------------------------

_Printed = tuple[PublishedNumber, str]


@dataclass(frozen=True)
class _Curve:
    """What is read off a Kaplan-Meier curve and its band."""

    time: NDArray[np.float64]
    heights: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def when(self) -> dict[str, float]:
        found = {}
        for name, height in self.heights.items():
            down = np.flatnonzero(height < 0.5 + _NEAR)  # never where it is nan
            found[name] = float(self.time[down[0]]) if len(down) else math.inf
        return found

    def at(self, month: float) -> dict[str, float]:
        step = int(np.searchsorted(self.time, month + 1e-9, side="right")) - 1
        found = {name: 100 * float(height[step]) for name, height in self.heights.items()}
        # With all or nobody left the method has no limits; after the last time nothing is known.
        known = self.time[-1] >= month and _NEAR < found["value"] / 100 < 1 - _NEAR
        return found if known else dict.fromkeys(found, math.nan)


class _Summary:
    """Sums patients up number by number, each with its words."""

    def __init__(self, patients: pd.DataFrame, choices: Choices) -> None:
        lacking = {MONTHS, DEATH, *choices.variables} - set(patients.columns)
        if lacking or not len(patients):
            raise KitError(f"no {', '.join(sorted(lacking)) or 'patients'}", where="patients")
        if patients[[MONTHS, DEATH, *choices.variables]].isna().any(axis=None):
            raise KitError("a value is missing", where="patients", right="complete rows")
        self.patients, self.choices = patients, choices
        self.time = patients[MONTHS].to_numpy(float)
        self.died = patients[DEATH].to_numpy(bool)
        everyone = np.ones(len(patients), bool)
        self.masks = {"all": everyone}
        for split in (choices.compared, *choices.splits):
            masks = {
                group.name: query.parse(group.query, choices.variables)
                .mask(patients)
                .to_numpy(bool)
                for group in split.groups
            }
            if not (np.sum(list(masks.values()), axis=0) == 1).all():
                raise KitError(
                    "not every patient is in one group",
                    where=f"split by {split.label}",
                    right="groups that don't overlap and leave nobody out",
                )
            self.masks |= masks
        # A group that nobody is in is not printed.
        self.compared = [each for each in choices.compared.groups if self.size(each.name)]

    def size(self, group: str) -> int:
        return int(self.masks[group].sum())

    def curve(self, group: str, *, reverse: bool = False) -> _Curve:
        from helpers.survival import kaplan_meier

        who = self.masks[group]
        event = ~self.died[who] if reverse else self.died[who]
        table = kaplan_meier(self.time[who], event, level=_LEVEL, conf_type="log-log").curve
        names = {"value": "survival", "lower": "lower", "upper": "upper"}
        return _Curve(
            table["time"].to_numpy(float),
            {part: table[name].to_numpy(float) for part, name in names.items()},
        )

    def printed(self) -> Iterator[_Printed]:
        """Yield each number with the words in which it stands."""
        makers = {
            "characteristics": self.characteristics,
            "characteristics of each group": self.of_each_group,
            "follow-up": self.follow_up,
            "deaths": self.deaths,
            "medians": self.medians,
            "rates": self.rates,
            "log-rank P": self.log_rank,
            "hazard ratio": self.ratio,
        }
        yield from self.sizes()
        for part, maker in makers.items():
            if part in self.choices.parts:
                yield from maker()

    def sizes(self) -> Iterator[_Printed]:
        n, place = len(self.patients), "patients"
        parts = tuple(f"patients_{group.name}" for group in self.compared)
        printed = f"{n} patients"
        yield (
            _number("patients", place, "patients", "all", printed, count=n, relates_to=parts),
            f"in all, {printed}",
        )
        for group in self.compared:
            size = self.size(group.name)
            yield (
                _number(
                    f"patients_{group.name}", place, "patients", group.name, f"{size}", count=size
                ),
                f"{self.choices.compared.label}, {group.words}: {size}",
            )

    def characteristics(self) -> Iterator[_Printed]:
        place = "characteristics"
        for name in self.choices.medians:
            variable = self.choices.variables[name]
            values = self.patients[name].to_numpy(float)
            middle, low, high = (
                f"{each:g}" for each in (np.median(values), values.min(), values.max())
            )
            unit = f" {variable.unit}" if variable.unit else ""
            printed = f"{middle}{unit} (range, {low}-{high})"
            yield (
                _number(
                    name.lower(),
                    place,
                    name.lower(),
                    "all",
                    printed,
                    "median_range",
                    value=middle,
                    lower=low,
                    upper=high,
                    unit=variable.unit,
                ),
                f"median {variable.label}, {printed}",
            )
        for split, group in self.shares():
            yield self.share(place, split, group, "all", "")

    def of_each_group(self) -> Iterator[_Printed]:
        for split, group in self.shares():
            for among in self.compared:
                yield self.share(
                    "characteristics of each group", split, group, among.name,
                    f" among {among.words}",
                )  # fmt: skip

    def shares(self) -> Iterator[tuple[Split, Group]]:
        """Yield the groups of which a percentage is printed: of two, that of the other follows."""
        for split in self.choices.splits:
            for group in split.groups[: 1 if len(split.groups) == 2 else None]:
                yield split, group

    def share(self, place: str, split: Split, group: Group, among: str, words: str) -> _Printed:
        own = self.masks[group.name] & self.masks[among]
        percent = rounded(100 * int(own.sum()) / self.size(among), "0.0")
        printed = f"{percent}%"
        return (
            _number(
                f"{group.name}_{among}", place, group.name, among, printed, "count_percent",
                value=percent, unit="%",
            ),
            f"{split.label}, {group.words}{words}: {printed}",
        )  # fmt: skip

    def follow_up(self) -> Iterator[_Printed]:
        middle = self.curve("all", reverse=True).when()["value"]
        if not math.isfinite(middle):
            return
        value, low, high = map(_time, (middle, self.time.min(), self.time.max()))
        printed = f"{value} months (range, {low}-{high})"
        yield (
            _number(
                "follow_up", "follow-up", "follow_up", "all", printed, "median_range",
                value=value, lower=low, upper=high, unit="months",
            ),
            f"median by the reversed Kaplan-Meier curve, {printed}",
        )  # fmt: skip

    def deaths(self) -> Iterator[_Printed]:
        count = int(self.died.sum())
        percent = rounded(100 * count / len(self.died), "0.0")
        printed = f"{count} ({percent}%)"
        yield (
            _number(
                "deaths", "deaths", "deaths", "all", printed, count=count, value=percent, unit="%"
            ),
            f"in all, {printed}",
        )

    def everyone(self) -> Iterator[tuple[str, str]]:
        if "survival of all" in self.choices.parts:
            yield "all", "all patients"
        for group in self.compared:
            yield group.name, group.words

    def medians(self) -> Iterator[_Printed]:
        for group, words in self.everyone():
            found = {part: _time(each) for part, each in self.curve(group).when().items()}
            value, low, high = (found[part] for part in ("value", "lower", "upper"))
            reached = {"value": value}
            printed = "not reached" if value == "NR" else f"{value} months"
            if low != "NR":
                reached |= {"lower": low, "upper": high}
                printed += f" (95% CI, {low}-{high})"
            yield (
                _number(
                    f"os_median_{group}", "median overall survival", "os_median", group, printed,
                    "median_time_ci", level=_LEVEL if low != "NR" else None, unit="months",
                    **reached,
                ),
                f"{words}: {printed}",
            )  # fmt: skip

    def rates(self) -> Iterator[_Printed]:
        for month in self.choices.months:
            for group, words in self.everyone():
                found = self.curve(group).at(month)
                if not all(map(math.isfinite, found.values())):
                    continue
                digits = {part: rounded(each, "0.0") for part, each in found.items()}
                printed = f"{digits['value']}%"
                level = None
                if "limits of rates" in self.choices.parts:
                    printed += f" (95% CI, {digits['lower']}-{digits['upper']})"
                    level = _LEVEL
                else:
                    digits = {"value": digits["value"]}
                yield (
                    _number(
                        f"os_{month}m_{group}", f"survival at {month} months", f"os_{month}m",
                        group, printed, "survival_ci", level=level, unit="%", **digits,
                    ),
                    f"{words}: {printed}",
                )  # fmt: skip

    def tested(self) -> tuple[str, ...]:
        """Return the ids of the groups' numbers that a comparison relates to."""
        if "medians" in self.choices.parts:
            return tuple(f"os_median_{group.name}" for group in self.compared)
        known = [number.group for number, _ in self.rates()]
        month = next(iter(self.choices.months), None)
        found = tuple(f"os_{month}m_{each.name}" for each in self.compared if each.name in known)
        return found if "rates" in self.choices.parts and len(found) == len(self.compared) else ()

    def log_rank(self) -> Iterator[_Printed]:
        from lifelines.statistics import multivariate_logrank_test

        related = self.tested()
        if len(related) < 2 or not self.died.any():
            return
        label = np.argmax([self.masks[group.name] for group in self.compared], axis=0)
        value = float(multivariate_logrank_test(self.time, label, self.died).p_value)
        if not math.isfinite(value):
            return
        text = _p(value)
        printed = _shown_p(text)
        yield (
            _number(
                "os_p", "comparison", "os", "all", printed, "p_value",
                value=text, relates_to=related,
            ),
            f"log-rank test of overall survival, {printed}",
        )  # fmt: skip

    def ratio(self) -> Iterator[_Printed]:
        from helpers.survival.cox import cox

        related = self.tested()
        if len(related) != 2:
            return
        first, second = self.compared
        fit = cox(self.time, self.died, self.masks[first.name], level=_LEVEL)
        ends = [float(np.ravel(x)[0]) for x in (fit.hazard_ratio, fit.lower, fit.upper)]
        if not all(math.isfinite(each) and each >= 0.01 for each in ends):
            return
        value, low, high = (rounded(each, "0.00") for each in ends)
        printed = f"{value} (95% CI, {low}-{high})"
        yield (
            _number(
                "os_hr", "comparison", "os", "all", printed, "hazard_ratio_ci",
                value=value, lower=low, upper=high, level=_LEVEL, relates_to=related,
            ),
            f"hazard ratio for death, {first.words} against {second.words}: {printed}",
        )  # fmt: skip

    # --- the folder ---

    def described(self, paper: str, printed: list[PublishedNumber]) -> str:
        """Return ``paper.toml``."""
        choices, text = self.choices, _toml
        quantities = {number.quantity for number in printed}
        lines = [
            f"id = {text(paper)}",
            f"title = {text(choices.title)}",
            f"short_title = {text(choices.title)}",
            'kind = "abstract"',
            'citation = "made up: no such study exists"',
            "",
        ]
        variables = dict(choices.variables)
        if "deaths" in quantities:
            variables[_DIED] = Variable(
                label="died", type="category", source="text", values={"Y": "yes", "N": "no"}
            )
        for name, variable in variables.items():
            lines.append(f"[variables.{name}]")
            given = variable.model_dump(exclude_defaults=True)
            lines += [f"{key} = {text(value)}" for key, value in given.items()]
            lines.append("")
        lines += ["[groups]", 'all = ""']
        for split in (choices.compared, *choices.splits):
            lines += [f"{group.name} = {text(group.query)}" for group in split.groups]
        lines += ["", "[reconstruct]", 'median_rule = "first"', ""]
        if "deaths" in quantities:
            died = f"{_DIED} == 'Y'"
            lines += ["[quantities]", f"deaths = {text(died)}", ""]
            lines += ["[reconstruct.filled]", f"death = {text(_DIED)}", ""]
        if "follow_up" in quantities:
            lines += [
                "[reconstruct.read_as.follow_up]",
                'method = "reverse follow-up"',
                'why = "the abstract says so"',
                "",
            ]
        lines += [
            "[endpoints.os]",
            'label = "overall survival"',
            'origin = "treatment"',
            'events = ["death"]',
        ]
        return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_toml(str(key))} = {_toml(each)}" for key, each in value.items())
        return f"{{ {inside} }}"
    # A JSON string, number or list of strings is one of TOML, too.
    return json.dumps(value, ensure_ascii=False)


def _number(
    id: str,
    location: str,
    quantity: str,
    group: str,
    printed: str,
    statistic: catalogue.Statistic = "count_percent",
    **cells: object,
) -> PublishedNumber:
    return PublishedNumber.model_validate(
        {
            "id": id,
            "location": location,
            "quantity": quantity,
            "group": group,
            "printed": printed,
            "statistic": statistic,
            **cells,
        }
    )
