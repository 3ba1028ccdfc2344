"""Notebooks handed in, graded: one row for each, whatever is in it.

What is in a notebook is read and run in processes of their own. Here answers arrive as data, and
are checked with the recipes of the exercises; what a notebook prints is never looked at.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import pandas as pd

from helpers import exercises, paths
from helpers.classroom import answers, submissions, tasks, warm
from helpers.classroom.sandbox import Limits
from helpers.classroom.submissions import Submission
from helpers.classroom.tasks import Task
from helpers.classroom.warm import Found, Lesson
from helpers.errors import KitError

_LONGEST_WORDS, _LONGEST_LINE = 400, 40
_LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Mark:
    """What one exercise gets.

    Attributes
    ----------
    points : int
        1 if the answer is right, otherwise 0.
    words : str
        What the student is told.
    """

    points: int
    words: str


@dataclass(frozen=True)
class Graded:
    """What one notebook gets.

    Attributes
    ----------
    submission : str
        Its path below the folder of all of them.
    lesson : str
        The lesson that it belongs to; empty if to none.
    marks : tuple of Mark
        Of each exercise of that lesson.
    remark : str
        What the teacher should know; empty if nothing was unusual.
    """

    submission: str
    lesson: str = ""
    marks: tuple[Mark, ...] = ()
    remark: str = ""


def grade(
    folder: Path,
    *,
    limits: Limits | None = None,
    jobs: int | None = None,
    unprotected: bool = False,
    journal: Path | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Graded]:
    """Grade the notebooks of a folder.

    Parameters
    ----------
    folder : pathlib.Path
        The folder; folders in it are looked through as well.
    limits : helpers.classroom.sandbox.Limits, optional
        What each notebook may take; half a minute and a gigabyte by default.
    jobs : int, optional
        How many at a time; as many as there are processors by default.
    unprotected : bool, optional
        Whether notebooks are run where the system can't isolate them. By default, only those
        answers count there that can be read without running anything.
    journal : pathlib.Path, optional
        A file that keeps each result as soon as it is there. What it holds of the same notebook,
        kit and limits isn't done again.
    progress : callable, optional
        Told, after each notebook, how many are done, and of how many.

    Returns
    -------
    list of Graded
        One for each notebook, by name.

    Raises
    ------
    KitError
        If there is no notebook, no process can be forked here, a lesson doesn't run, or the
        journal can't be written.
    """
    if not hasattr(os, "fork"):
        raise KitError(
            "no process can be forked on this system",
            where="classroom grade",
            right="Linux or macOS; on Windows, its subsystem for Linux",
        )
    limits = limits or Limits()
    handed_in = submissions.read_all(folder)
    known = lessons()
    book = _Journal(journal, _digest(limits, unprotected))
    done: dict[int, Graded] = {}
    waiting: dict[Lesson, list[int]] = {}
    for number, each in enumerate(handed_in):
        lesson = None if each.fault else lesson_of(each, known)
        if before := book.find(each):
            done[number] = before
        elif lesson:
            waiting.setdefault(lesson, []).append(number)
        else:
            remark = each.fault or "no exercise of any lesson is in it"
            done[number] = Graded(each.name, remark=remark)
    progress(len(done), len(handed_in))
    checked = _Checked()
    looking = _looked_through(
        {lesson: [handed_in[number] for number in numbers] for lesson, numbers in waiting.items()},
        limits,
        jobs=jobs or os.cpu_count() or 1,
        unprotected=unprotected,
    )
    for lesson, place, found in looking:
        number = waiting[lesson][place]
        done[number] = _graded(handed_in[number], lesson, found, checked)
        book.add(handed_in[number], done[number])
        progress(len(done), len(handed_in))
    return [done[number] for number in range(len(handed_in))]


def table(results: Sequence[Graded]) -> pd.DataFrame:
    """Set results as a table.

    Parameters
    ----------
    results : sequence of Graded
        What `grade` returns.

    Returns
    -------
    pandas.DataFrame
        A row for each: ``submission``, ``lesson``, ``points``, ``of``, ``remark``; then of each
        exercise, by its number, ``points 1`` and ``feedback 1``.
    """
    most = max((len(each.marks) for each in results), default=0)
    rows = []
    for each in results:
        row: dict[str, object] = {
            "submission": _line(each.submission),
            "lesson": each.lesson,
            "points": sum(mark.points for mark in each.marks),
            "of": len(each.marks) or "",
            "remark": _line(each.remark),
        }
        for number in range(most):
            mark = each.marks[number] if number < len(each.marks) else None
            row[f"points {number + 1}"] = mark.points if mark else ""
            row[f"feedback {number + 1}"] = _line(mark.words) if mark else ""
        rows.append(row)
    return pd.DataFrame(rows)


def lessons() -> list[Lesson]:
    """Read the lessons that set exercises.

    Returns
    -------
    list of Lesson
        In teaching order.

    Raises
    ------
    LessonError
        If an exercise isn't set as it should be.
    """
    import nbformat

    found = []
    for path in paths.lessons():
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        asked = tasks.of(notebook, where=path.name)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        cells = [cell.source for cell in code if tasks.TAG not in cell.metadata.get("tags", [])]
        about = notebook.metadata.get("trial_by_notebook", {})
        if asked:
            title = str(about.get("title", ""))
            found.append(Lesson(path, title, tuple(cells), tuple(asked)))
    return found


def lesson_of(submission: Submission, known: Sequence[Lesson]) -> Lesson | None:
    """Say to which lesson a notebook belongs.

    Parameters
    ----------
    submission : Submission
        The notebook, whatever its name.
    known : sequence of Lesson
        The lessons.

    Returns
    -------
    Lesson or None
        The one most of whose exercises are in it; without any, the one that it says it is.
    """
    called = {call for cell in submission.cells for call in _CHECK.findall(cell.source)}
    ids = {id for cell in submission.cells for id in cell.ids}
    shares = {
        number: sum(_is_in(task, called, ids) for task in lesson.tasks)
        for number, lesson in enumerate(known)
    }
    best = max(shares, key=lambda number: shares[number], default=0)
    if shares.get(best):
        return known[best]
    return next((each for each in known if each.title == submission.title), None)


_CHECK = re.compile(r"""check\(\s*["'](\w+)["']\s*,\s*["'](\w+)["']""")


def _is_in(task: Task, called: set[tuple[str, str]], ids: set[str]) -> bool:
    return (task.paper, task.exercise) in called or bool({task.cell, task.grade_id} & ids)


def _looked_through(
    handed_in: dict[Lesson, list[Submission]], limits: Limits, *, jobs: int, unprotected: bool
) -> Iterator[tuple[Lesson, int, Found]]:
    """Have the notebooks of several lessons looked through, some lessons at a time."""
    waiting = sorted(handed_in, key=lambda lesson: len(handed_in[lesson]))
    lanes = max(1, min(jobs, len(waiting)))
    options = {"jobs": jobs // lanes, "unprotected": unprotected}
    running: dict[Connection, _Looking] = {}
    try:
        while waiting or running:
            while waiting and len(running) < lanes:
                lesson = waiting.pop()
                new = _Looking(lesson, dict(enumerate(handed_in[lesson])), limits, options)
                running[new.connection] = new
            for ready in wait(list(running)):
                looking = running.pop(ready)  # type: ignore[call-overload]
                yield from looking.receive()
                if not looking.ended:
                    running[looking.connection] = looking
    finally:
        for looking in running.values():
            looking.end()


class _Looking:
    """A process that looks through the notebooks of one lesson; begun again if it is killed."""

    def __init__(
        self,
        lesson: Lesson,
        left: dict[int, Submission],
        limits: Limits,
        options: dict[str, Any],
    ) -> None:
        self._lesson, self._left, self._limits, self._options = lesson, left, limits, options
        self._begin()

    def _begin(self) -> None:
        # A new interpreter: it is to be forked, and here there may be threads.
        context = multiprocessing.get_context("spawn")
        self.ended, self._begun = False, set[int]()
        # By its place in what is sent.
        self._numbers = list(self._left)
        self.connection, theirs = context.Pipe(duplex=False)
        self._process = context.Process(
            target=warm.serve,
            args=(self._lesson, list(self._left.values()), self._limits),
            kwargs={**self._options, "connection": theirs},
        )
        self._process.start()
        theirs.close()

    def receive(self) -> Iterator[tuple[Lesson, int, Found]]:
        """Take what it sends next."""
        try:
            kind, place, content = self.connection.recv()
        except EOFError:
            yield from self._mourn()
            return
        if kind == "failed":
            self.end()
            raise KitError(content)
        if kind == "done":
            self.end()
        elif kind == "begun":
            self._begun.add(self._numbers[place])
        else:
            number = self._numbers[place]
            self._begun.discard(number)
            del self._left[number]
            yield self._lesson, number, content

    def _mourn(self) -> Iterator[tuple[Lesson, int, Found]]:
        """Give up those it was busy with, and begin again with the rest."""
        self.end()
        if not self._begun and len(self._left) == len(self._numbers):
            raise KitError("what looks through the notebooks ended", where=self._lesson.path.name)
        for number in self._begun:
            del self._left[number]
            yield self._lesson, number, Found(ended="brought down the process that ran it")
        if self._left:
            self._begin()

    def end(self) -> None:
        """End the process."""
        self.ended = True
        self._process.kill()
        self._process.join()
        self.connection.close()


def _graded(
    submission: Submission,
    lesson: Lesson,
    found: Found,
    checked: _Checked,
) -> Graded:
    given: dict[int, tuple[object, int]] = {}
    stops: dict[int, str] = {}
    for line in found.sent:
        with suppress(ValueError, RecursionError):
            match json.loads(line):
                case {"task": int() as place, "answer": answer, "seed": int() as seed}:
                    given[place] = answer, seed
                case {"cell": int() as cell, "error": str() as error}:
                    if 0 <= cell < len(submission.cells):
                        stops.setdefault(cell, f"{_named(submission, cell)} stopped with {error}")
    marks = []
    for number, task in enumerate(lesson.tasks):
        where = found.places[number] if found.places else None
        if where and where.answer:
            given[number] = where.answer, 1
        if number in given:
            marks.append(checked.mark(task, *given[number]))
        elif where and where.cell is None:
            marks.append(Mark(0, "Not found: the exercise isn't in this notebook."))
        else:
            told = _why_missing(task, where.cell if where else None, stops, found.ended)
            marks.append(Mark(0, told))
    return Graded(submission.name, lesson.path.stem, tuple(marks), found.ended)


def _named(submission: Submission, cell: int) -> str:
    """Say which cell, so that a student finds it: notebooks show no numbers of cells."""
    first = next(iter(submission.cells[cell].source.strip().splitlines()), "")
    return f"code cell {cell + 1}, {first[:_LONGEST_LINE]!r},"


def _why_missing(task: Task, cell: int | None, stops: dict[int, str], ended: str) -> str:
    """Say why there is no answer: the cell itself stopped, or one before, or all of it."""
    before = [each for each in stops if cell is not None and each <= cell]
    if before:
        which = cell if cell in before else before[0]
        # A check without its answer: where that was to be worked out, there is more to say.
        lacks = f" stopped with NameError: name '{task.variable}'" in stops[which]
        which = which - 1 if lacks and which - 1 in stops else which
        return f"Not answered: {stops[which]}"
    if ended:
        return f"Not answered: {ended}."
    return "Not answered: its code didn't come to the answer."


class _Checked:
    """Answers that were checked; many students give the same."""

    def __init__(self) -> None:
        self._marks: dict[tuple[Task, str, object, int], Mark] = {}

    def mark(self, task: Task, answer: object, seed: int) -> Mark:
        """Check an answer, which is data, on its seed."""
        if not 0 <= seed <= _LARGEST_SEED:
            return Mark(0, f"Not checked: its seed isn't from 0 to {_LARGEST_SEED}.")
        given = answers.from_data(answer)
        plain = given if isinstance(given, str | float) else None
        key = task, type(given).__name__, plain, seed
        if key not in self._marks:
            seeded = {"seed": seed} if task.seeded else {}
            told = exercises.check(task.paper, task.exercise, given, **seeded)
            self._marks[key] = Mark(int(told.right is True), told.text)
        return self._marks[key]


def _line(text: str) -> str:
    """Return text of a student as one line that nothing obeys, cut where it is long."""
    shown = "".join(each if each.isprintable() else " " for each in text)
    return shown if len(shown) <= _LONGEST_WORDS else shown[: _LONGEST_WORDS - 1] + "…"


class _Journal:
    """Results on disk, a line of JSON each, by what they follow from."""

    def __init__(self, file: Path | None, digest: str) -> None:
        self._file, self._digest = file, digest
        self._kept: dict[str, Graded] = {}
        if file is None:
            return
        with suppress(FileNotFoundError), self._open("r") as stream:
            for line in stream:
                # The last line, if a run was broken off while it was written.
                with suppress(ValueError, KeyError, TypeError):
                    key, result = json.loads(line)
                    marks = tuple(Mark(**mark) for mark in result.pop("marks"))
                    self._kept[key] = Graded(marks=marks, **result)
        with self._open("a") as stream:
            stream.write("\n")

    def find(self, submission: Submission) -> Graded | None:
        return self._kept.get(self._key(submission))

    def add(self, submission: Submission, result: Graded) -> None:
        if self._file:
            with self._open("a") as stream:
                stream.write(json.dumps([self._key(submission), asdict(result)]) + "\n")

    def _key(self, submission: Submission) -> str:
        text = "\0".join((self._digest, submission.name, submission.digest))
        return hashlib.sha256(text.encode()).hexdigest()

    def _open(self, mode: str) -> Any:
        assert self._file
        try:
            return self._file.open(mode, encoding="utf-8")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise KitError(f"cannot be used ({error.strerror})", where=str(self._file)) from None


def _digest(limits: Limits, unprotected: bool) -> str:
    """Return what stays the same as long as the same notebook gets the same result."""
    made_of = hashlib.sha256(f"{sys.version} {limits} {unprotected}".encode())
    root = paths.root()
    code = [Path(__file__).parents[1].rglob("*.py")]
    for files in (*code, (root / "data").rglob("*.*"), (root / "notebooks").glob("*.ipynb")):
        for file in sorted(files):
            made_of.update(file.name.encode() + file.read_bytes())
    return made_of.hexdigest()
