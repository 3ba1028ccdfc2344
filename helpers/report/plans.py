"""Plans: a lesson and the parameters it runs with, checked before anything runs."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from helpers import parameters
from helpers.errors import KitError, ParameterError
from helpers.report.lessons import Lesson, checked


@dataclass(frozen=True)
class Plan:
    """A report to make: a lesson and the parameters it runs with.

    Attributes
    ----------
    lesson : Lesson
        The lesson.
    settings : helpers.parameters.Settings
        The checked parameters.
    """

    lesson: Lesson
    settings: parameters.Settings

    @cached_property
    def varied(self) -> dict[str, Any]:
        """The parameters that differ from the lesson's own, in the lesson's order."""
        own = self.lesson.settings.model_dump(mode="json")
        new = self.settings.model_dump(mode="json")
        return {name: value for name, value in new.items() if value != own[name]}

    @cached_property
    def name(self) -> str:
        """The report's file name without its ending.

        The lesson's name, then ``--`` and what was varied. Where a value does not fit into a
        file name, it is shortened and a hash of all varied values makes the name unique.
        """
        if not self.varied:
            return self.lesson.path.stem
        exact = ",".join(f"{name}={value}" for name, value in self.varied.items())
        plain = all(re.fullmatch(r"[\w.+-]+", str(value), re.A) for value in self.varied.values())
        if not plain or len(exact) > 80:
            code = hashlib.sha256(json.dumps(self.varied, sort_keys=True).encode()).hexdigest()
            short = re.sub(r"[^\w.+=,-]+", "_", exact, flags=re.A)[:60].strip("_")
            exact = f"{short}-{code[:8]}"
        return f"{self.lesson.path.stem}--{exact}"


def assignments(texts: Iterable[str]) -> dict[str, str]:
    """Read ``name=value`` texts.

    Parameters
    ----------
    texts : iterable of str
        For example ``venetoclax_days=7``. The value may be empty or hold ``=`` itself.

    Returns
    -------
    dict of str to str

    Raises
    ------
    ParameterError
        If a text has another form or a name comes twice, one line each.
    """
    values: dict[str, str] = {}
    faults: list[KitError] = []
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            faults.append(KitError(f"cannot read {text!r}", where="--set", right="name=value"))
        elif name in values:
            faults.append(KitError("given twice", where=f"--set {name}", right="one value"))
        else:
            values[name] = value.strip()
    if faults:
        raise ParameterError(faults)
    return values


def plan(lessons: Iterable[Lesson], values: Mapping[str, object]) -> list[Plan]:
    """Check the parameters of every lesson, before any of them runs.

    A name must belong to at least one of the lessons; it is applied to those that have it.

    Parameters
    ----------
    lessons : iterable of Lesson
        The lessons.
    values : mapping of str to object
        What to vary, by name.

    Returns
    -------
    list of Plan
        One for each lesson.

    Raises
    ------
    ParameterError
        One line per fault, over all lessons.
    """
    lessons = list(lessons)
    offered = {name: None for each in lessons for name in type(each.settings).model_fields}
    faults = {name: _unknown(name, list(offered)) for name in values if name not in offered}
    plans: list[Plan] = []
    for lesson in lessons:
        own = lesson.settings.model_dump()
        given = {name: value for name, value in values.items() if name in own}
        try:
            settings = checked(own | given, lesson.groups, lesson.paper)
        except ParameterError as error:
            # Two lessons with the same parameter find the same fault: it is told once.
            faults |= {str(fault): fault for fault in error.faults}
        else:
            plans.append(Plan(lesson, settings))
    if faults:
        raise ParameterError(list(faults.values()))
    return plans


def _unknown(name: str, offered: list[str]) -> KitError:
    near = difflib.get_close_matches(name, offered, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    right = "one of " + ", ".join(offered) if offered else "none; the lesson has no parameters"
    return KitError(f"no such parameter{hint}", where=name, right=right)
