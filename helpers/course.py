"""The lessons as a course: a map of them, and orders that fit the time there is.

All of it follows from what each lesson says of itself in its metadata: title, minutes, and the
lessons that it needs.
"""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from pathlib import Path

import pandas as pd

from helpers import paths, tables
from helpers.errors import LessonError
from helpers.tables import Table

_ABOUT = "trial_by_notebook"


@dataclass(frozen=True)
class Lesson:
    """A lesson as its notebook describes itself.

    Attributes
    ----------
    name : str
        The notebook's name without its ending; it begins with the lesson's number.
    title : str
        Its title.
    question : str
        The question that it asks, which stands in bold below its title; empty if none does.
    minutes : int
        How long it takes.
    needs : tuple of str
        The names of the lessons that come before.
    """

    name: str
    title: str
    question: str
    minutes: int
    needs: tuple[str, ...]

    @property
    def number(self) -> str:
        """Its number, two digits.

        Returns
        -------
        str
        """
        return self.name.split("_")[0]

    @property
    def heading(self) -> str:
        """Its number and its title.

        Returns
        -------
        str
        """
        return f"{self.number} · {self.title}"

    @property
    def after(self) -> str:
        """The numbers of the lessons that it needs, such as ``01, 02``."""
        return ", ".join(name.split("_")[0] for name in self.needs)


def lessons(files: Iterable[Path] | None = None) -> list[Lesson]:
    """Read what lessons say of themselves.

    Parameters
    ----------
    files : iterable of pathlib.Path, optional
        Their notebooks in teaching order; all of the kit's by default.

    Returns
    -------
    list of Lesson
        In that order.

    Raises
    ------
    LessonError
        If a notebook doesn't describe itself, or needs a lesson that doesn't come before it.
    """
    found: list[Lesson] = []
    for file in paths.lessons() if files is None else files:
        lesson = _read(file)
        if unknown := set(lesson.needs) - {each.name for each in found}:
            raise LessonError(
                f"it needs {', '.join(sorted(unknown))}",
                where=file.name,
                right="lessons that come before it",
            )
        found.append(lesson)
    return found


def _read(file: Path) -> Lesson:
    try:
        notebook = json.loads(file.read_text(encoding="utf-8"))
        about = notebook["metadata"][_ABOUT]
        first = "".join(notebook["cells"][0]["source"])
        question = re.search(r"^\*\*(.+)\*\*$", first, flags=re.MULTILINE)
        return Lesson(
            file.stem,
            str(about["title"]),
            question[1] if question else "",
            int(about["minutes"]),
            tuple(about["needs"]),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        raise LessonError(
            "its metadata does not describe it",
            where=file.name,
            right=f'"{_ABOUT}": {{"title": ..., "minutes": ..., "needs": [...]}}',
        ) from None


def rests_on(lesson: Lesson, among: Iterable[Lesson]) -> set[str]:
    """Return all that a lesson needs, directly or through others.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    among : iterable of Lesson
        All lessons.

    Returns
    -------
    set of str
        Names of lessons.
    """
    known = {each.name: each for each in among}
    found: set[str] = set()
    ahead = list(lesson.needs)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += known[name].needs
    return found


def short(course: Sequence[Lesson], *, minutes: int) -> tuple[list[Lesson], list[Lesson]]:
    """Choose lessons for a short course.

    Parameters
    ----------
    course : sequence of Lesson
        All lessons in teaching order.
    minutes : int
        How long it may take, without breaks.

    Returns
    -------
    first : list of Lesson
        The first lesson of all, and those that more than half of the lessons rest on.
    then : list of Lesson
        Those of which one more fits into the time, and needs nothing else.

    Raises
    ------
    LessonError
        If the time isn't enough for the first ones.
    """
    rests = Counter(name for each in course for name in rests_on(each, course))
    first = [each for each in course if each is course[0] or rests[each.name] > len(course) / 2]
    left = minutes - total(first)
    if left < 0:
        raise LessonError(
            f"{total(first)} minutes for what the other lessons rest on",
            where=f"a course of {minutes} minutes",
            right="more time",
        )
    done = {each.name for each in first}
    then = [
        each
        for each in course
        if each.name not in done and each.minutes <= left and set(each.needs) <= done
    ]
    return first, then


def days(course: Sequence[Lesson], *, count: int) -> list[list[Lesson]]:
    """Spread all lessons over days, in teaching order, so that the longest is as short as can be.

    Parameters
    ----------
    course : sequence of Lesson
        All lessons in teaching order.
    count : int
        How many days.

    Returns
    -------
    list of list of Lesson

    Raises
    ------
    LessonError
        If there are fewer lessons than days.
    """
    if not 1 <= count <= len(course):
        raise LessonError(
            f"{len(course)} lessons on {count} days", right=f"1 to {len(course)} days"
        )
    cuts = ((0, *inner, len(course)) for inner in combinations(range(1, len(course)), count - 1))
    spread = ([list(course[a:b]) for a, b in pairwise(cut)] for cut in cuts)
    return min(spread, key=lambda parts: max(map(total, parts)))


def total(some: Iterable[Lesson]) -> int:
    """Add up how long lessons take.

    Parameters
    ----------
    some : iterable of Lesson
        The lessons.

    Returns
    -------
    int
        Minutes.
    """
    return sum(each.minutes for each in some)


def duration(minutes: int) -> str:
    """Write minutes as hours and minutes.

    Parameters
    ----------
    minutes : int
        How many.

    Returns
    -------
    str

    Examples
    --------
    >>> [duration(each) for each in (45, 60, 135)]
    ['45 min', '1 h', '2 h 15 min']
    """
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest or not hours))


def overview(course: Sequence[Lesson]) -> Table:
    """Set a map of the lessons.

    Parameters
    ----------
    course : sequence of Lesson
        All lessons in teaching order.

    Returns
    -------
    Table
        With links to the notebooks beside the one that shows it.
    """
    rows = [
        {
            "lesson": each.heading,
            "question": each.question,
            "minutes": str(each.minutes),
            "after": each.after,
        }
        for each in course
    ]
    return _linked(
        pd.DataFrame(rows),
        course,
        caption="The lessons",
        headings={
            "lesson": "Lesson",
            "question": "Asks",
            "minutes": "Minutes",
            "after": "After",
        },
        footnote=f"All together: {duration(total(course))}.",
    )


def short_plan(course: Sequence[Lesson], *, minutes: int, name: str) -> Table:
    """Set a short course: what others rest on, then one lesson of your choice.

    Parameters
    ----------
    course : sequence of Lesson
        All lessons in teaching order.
    minutes : int
        How long it may take, without breaks.
    name : str
        What to call it.

    Returns
    -------
    Table

    Raises
    ------
    LessonError
        If the time isn't enough for what other lessons rest on.
    """
    first, then = short(course, minutes=minutes)
    rows = _timed(first, "")
    rows += [
        {
            "part": "then one of" if place == 0 else "or",
            "from": _clock(total(first)),
            "lesson": each.heading,
            "minutes": str(each.minutes),
        }
        for place, each in enumerate(then)
    ]
    ends = sorted({total(first) + each.minutes for each in then} or {total(first)})
    told = " to ".join(duration(end) for end in dict.fromkeys((ends[0], ends[-1])))
    return _plan(rows, course, caption=name, footnote=f"In all: {told}. Breaks come on top.")


def days_plan(course: Sequence[Lesson], *, count: int, name: str) -> Table:
    """Set a course of all lessons over several days.

    Parameters
    ----------
    course : sequence of Lesson
        All lessons in teaching order.
    count : int
        How many days.
    name : str
        What to call it.

    Returns
    -------
    Table

    Raises
    ------
    LessonError
        If there are fewer lessons than days.
    """
    parts = days(course, count=count)
    rows, told = [], []
    for number, part in enumerate(parts, start=1):
        rows += _timed(part, f"day {number}")
        told.append(f"Day {number}: {duration(total(part))}")
    return _plan(rows, course, caption=name, footnote=f"{'. '.join(told)}. Breaks come on top.")


def _timed(some: Sequence[Lesson], part: str) -> list[dict[str, str]]:
    return [
        {
            "part": "" if place else part,
            "from": _clock(total(some[:place])),
            "lesson": each.heading,
            "minutes": str(each.minutes),
        }
        for place, each in enumerate(some)
    ]


def _clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"


def _plan(
    rows: list[dict[str, str]], course: Sequence[Lesson], *, caption: str, footnote: str
) -> Table:
    return _linked(
        pd.DataFrame(rows),
        course,
        caption=caption,
        headings={"part": "", "from": "From", "lesson": "Lesson", "minutes": "Minutes"},
        footnote=footnote,
    )


def _linked(
    rows: pd.DataFrame,
    course: Sequence[Lesson],
    *,
    caption: str,
    headings: dict[str, str],
    footnote: str,
) -> Table:
    """Set a table whose lessons lead to their notebooks."""
    to = {each.heading: f"{each.name}.ipynb" for each in course}

    def link(heading: str) -> str:
        return f'<a href="{html.escape(to[heading])}">{html.escape(heading)}</a>'

    plain = tables.table(
        rows, caption=caption, headings=headings, footnote=footnote, align_right=("minutes",)
    )
    return replace(plain, gt=plain.gt.fmt(fns=link, columns="lesson"))
