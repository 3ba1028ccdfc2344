"""Grids: many reports, told by a file of lessons and variants.

    lessons = ["01", "04"]            # numbers, names or paths; without it, every lesson

    [[variants]]
    origin = ["treatment", "response"]    # a list: a report for each value …
    cutoff_months = [24, 60]              # … in every combination

    [[variants]]
    lessons = ["01"]                  # a variant of some of the lessons
    cohort = "AGE < 30"

Each lesson is made as it stands, too: that is what its variants are compared with.
"""

from __future__ import annotations

import difflib
import itertools
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.errors import KitError, LessonError, ParameterError
from helpers.report.lessons import Lesson, find
from helpers.report.lessons import read as read_lesson
from helpers.report.plans import Plan, plan

_MOST_REPORTS = 10_000
_MOST_BYTES = 1_000_000
_EXAMPLE = '[[variants]] and below it cutoff_months = [24, 60] or cohort = "AGE < 30"'
_NAMES = 'lessons = ["01", "04"]'


@dataclass(frozen=True)
class Grid:
    """The reports that a file asks for.

    Attributes
    ----------
    plans : list of Plan
        Each once, a lesson's own before its variants.
    unreadable : dict of pathlib.Path to LessonError
        The lessons that cannot be read, and why.
    """

    plans: list[Plan] = field(default_factory=list)
    unreadable: dict[Path, LessonError] = field(default_factory=dict)


def read(file: Path) -> Grid:
    """Read a grid, and check every parameter of every report.

    Parameters
    ----------
    file : pathlib.Path
        The file, TOML.

    Returns
    -------
    Grid

    Raises
    ------
    ParameterError
        If it cannot be used: one line per fault, with its line in the file.
    """
    text = _text(file)
    try:
        told = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ParameterError([KitError(f"{error}", where=file.name, right=_EXAMPLE)]) from None
    reader = _Reader(file.name, text)
    variants = reader.checked(told)
    if reader.faults:
        raise ParameterError(reader.faults)
    grid = Grid()
    everywhere = reader.lessons(told.get("lessons", []), grid)
    plans = {each.name: each for each in plan(everywhere, {})}
    for number, variant in enumerate(variants):
        lessons = everywhere
        if "lessons" in variant:
            lessons = reader.lessons(variant["lessons"], grid, number)
            plans |= {each.name: each for each in plan(lessons, {})}
        for values in _combinations(variant):
            # Where no lesson can be read, nobody knows which parameters there are.
            for each in reader.planned(lessons, values, number) if lessons else []:
                plans[each.name] = each
    if reader.faults:
        raise ParameterError(reader.faults)
    grid.plans.extend(sorted(plans.values(), key=lambda each: each.lesson.path))
    return grid


class _Reader:
    """Reads a grid, and collects its faults with their lines."""

    def __init__(self, name: str, text: str) -> None:
        self.faults: list[KitError] = []
        self._name = name
        self._text = text.splitlines()
        self._read: dict[Path, Lesson] = {}

    def checked(self, told: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the variants, if all is of the form that it should be."""
        for name in told:
            if name not in ("lessons", "variants"):
                near = difflib.get_close_matches(name, ["lessons", "variants"], n=1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                self._fault(f"nothing is called {name!r} here{hint}", _EXAMPLE, name=name)
        self._check_names(told.get("lessons", []))
        variants = told.get("variants", [])
        if not isinstance(variants, list) or not all(isinstance(each, dict) for each in variants):
            self._fault("variants is no list of tables", _EXAMPLE, name="variants")
            return []
        for number, variant in enumerate(variants):
            self._check_names(variant.get("lessons", []), number)
            for name, value in variant.items():
                each = value if isinstance(value, list) else [value]
                if not each or not all(isinstance(one, str | int | float) for one in each):
                    right = f"a value, or a list of values, such as {name} = [7, 14]"
                    self._fault(f"{name} is {value!r}", right, number, name)
        size = sum(
            math.prod(len(value) for name, value in variant.items() if _is_several(name, value))
            for variant in variants
        )
        if size > _MOST_REPORTS:
            self._fault(f"{size:,} combinations of values", f"at most {_MOST_REPORTS:,}")
        return variants

    def lessons(self, names: Any, grid: Grid, variant: int | None = None) -> list[Lesson]:
        """Return the lessons that are meant and can be read."""
        try:
            files = find(str(name) for name in ([names] if isinstance(names, str | int) else names))
        except ParameterError as error:
            for fault in error.faults:
                what = f"{fault.what}: {fault.where}" if fault.where else fault.what
                self._fault(what, fault.right, variant, "lessons")
            return []
        for file in files:
            if file not in self._read and file not in grid.unreadable:
                try:
                    self._read[file] = read_lesson(file)
                except LessonError as error:
                    grid.unreadable[file] = error
        return [self._read[file] for file in files if file in self._read]

    def planned(self, lessons: list[Lesson], values: Mapping[str, Any], number: int) -> list[Plan]:
        """Return the reports of one combination of values."""
        try:
            return plan(lessons, values)
        except ParameterError as error:
            for fault in error.faults:
                name = next((each for each in values if re.search(rf"\b{each}\b", fault.where)), "")
                where = "" if fault.where == name else f"{fault.where}: "
                start = f"{name}: " if name and not where else where
                self._fault(f"{start}{fault.what}", fault.right, number, name)
            return []

    def _check_names(self, names: Any, variant: int | None = None) -> None:
        each = names if isinstance(names, list) else [names]
        if not all(isinstance(name, str) or type(name) is int for name in each):
            self._fault(f"lessons is {names!r}", _NAMES, variant, "lessons")

    def _fault(self, what: str, right: str, variant: int | None = None, name: str = "") -> None:
        line = self._line(variant, name)
        where = f"{self._name}, line {line}" if line else self._name
        fault = KitError(what, where=where, right=right)
        if str(fault) not in map(str, self.faults):
            self.faults.append(fault)

    def _line(self, variant: int | None, name: str) -> int | None:
        """Find the line that names something, or else where its variant begins."""
        heads = [
            number
            for number, line in enumerate(self._text, start=1)
            if re.match(r"\s*\[\[\s*[\"']?variants[\"']?\s*\]\]", line)
        ]
        begin, end = 1, (heads[0] if heads else len(self._text) + 1)
        if variant is not None and heads:
            begin, end = heads[variant], [*heads, len(self._text) + 1][variant + 1]
        # Variants can also be written within one list.
        wanted = name if heads or variant is None else "variants"
        for number in range(begin, end):
            line = self._text[number - 1]
            if wanted and re.match(rf"\s*[\"']?{re.escape(wanted)}[\"']?\s*=", line):
                return number
        return begin if variant is not None and heads else None


def _is_several(name: str, value: object) -> bool:
    return name != "lessons" and isinstance(value, list)


def _combinations(variant: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    several = {
        name: value if isinstance(value, list) else [value]
        for name, value in variant.items()
        if name != "lessons"
    }
    for values in itertools.product(*several.values()):
        yield dict(zip(several, values, strict=True))


def _text(file: Path) -> str:
    where = f"--grid {file}"
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ParameterError([KitError("larger than 1 MB", where=where, right=_EXAMPLE)])
        return file.read_text(encoding="utf-8")
    except OSError as error:
        fault = KitError(f"cannot be read ({error.strerror})", where=where, right="a TOML file")
    except UnicodeDecodeError:
        fault = KitError("not UTF-8", where=where, right="a TOML file, saved as UTF-8")
    raise ParameterError([fault]) from None
