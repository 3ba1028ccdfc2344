"""A process that runs a lesson once and is forked for each notebook handed in.

A first fork looks for the answers that stand in a notebook's text. Only where that isn't enough
is anything run: then a second fork goes on from where the notebook begins to differ from the
lesson. It has all that the lesson did so far, and nobody waits for that twice.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from helpers import paths
from helpers.classroom import answers, sandbox
from helpers.classroom.answers import Place
from helpers.classroom.sandbox import Limits, Outcome, Send, Walls
from helpers.classroom.submissions import Cell, Submission
from helpers.classroom.tasks import Task
from helpers.errors import LessonError

if TYPE_CHECKING:
    from helpers.exercises import Feedback

_LONGEST_MESSAGE = 160


@dataclass(frozen=True)
class Lesson:
    """What is needed of a lesson to run it.

    Attributes
    ----------
    path : pathlib.Path
        Its notebook; it is run in the folder where that lies.
    title : str
        Its title.
    cells : tuple of str
        The code of its cells but for the exercises.
    tasks : tuple of Task
        Its exercises.
    """

    path: Path
    title: str
    cells: tuple[str, ...]
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Found:
    """What was found in a notebook.

    Attributes
    ----------
    places : tuple of Place
        Of each exercise of the lesson, where its answer is, and the answer if it stands there.
    sent : tuple of str
        What the notebook sent while it was run: lines of JSON, if it is honest. ``task`` is the
        place of an exercise in the lesson and ``answer`` its answer; ``cell`` is the place of a
        cell that stopped, and ``error`` says with what.
    ended : str
        How it was ended, or why it wasn't run, in words; empty if nothing is wrong.
    """

    places: tuple[Place, ...] = ()
    sent: tuple[str, ...] = ()
    ended: str = ""


def serve(
    lesson: Lesson,
    handed_in: Sequence[Submission],
    limits: Limits,
    *,
    jobs: int,
    unprotected: bool,
    connection: Connection,
) -> None:
    """Look for the answers in notebooks of one lesson; this takes a process of its own.

    Parameters
    ----------
    lesson : Lesson
        The lesson.
    handed_in : sequence of Submission
        The notebooks.
    limits : Limits
        What each may take.
    jobs : int
        How many at a time.
    unprotected : bool
        Whether notebooks are run although they can't be isolated here.
    connection : multiprocessing.connection.Connection
        Gets triples: of each notebook by its place that it is ``"begun"``, and what was
        ``"found"``; at last ``"done"``, or ``"failed"`` and why.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sandbox.end_with_parent()
    with TemporaryDirectory(prefix="classroom-") as folder:
        _make_quiet(folder)
        try:
            _serve(lesson, handed_in, limits, jobs, unprotected, connection, Path(folder))
        except LessonError as error:
            connection.send(("failed", None, str(error)))
        else:
            connection.send(("done", None, None))


def _serve(
    lesson: Lesson,
    handed_in: Sequence[Submission],
    limits: Limits,
    jobs: int,
    unprotected: bool,
    connection: Connection,
    folder: Path,
) -> None:
    walls = _walls(folder)
    why_not = _why_not(walls, limits)
    confined = partial(sandbox.run, limits=limits, walls=None if why_not else walls)

    read: dict[int, Found] = {}
    forks = _Forks(jobs, lambda number, outcome: read.update({number: _as_read(outcome)}))
    for number, each in enumerate(handed_in):
        forks.start(number, partial(confined, partial(_read, each.cells, lesson.tasks)))
    forks.finish()

    left = {}
    for number, found in read.items():
        if all(place.answer or place.cell is None for place in found.places):
            connection.send(("found", number, found))
        elif why_not and not unprotected:
            told = f"not run: it can't be isolated here ({why_not})"
            connection.send(("found", number, Found(found.places, ended=told)))
        else:
            left[number] = _same_cells(lesson, handed_in[number])
    if not left:
        return

    def tell(number: int, outcome: Outcome) -> None:
        connection.send(("found", number, Found(read[number].places, outcome.sent, outcome.ended)))

    shell, record = _Shell(lesson.path, folder), _Record(lesson.tasks)
    if min(left.values()) < len(lesson.cells):
        # Those who changed an early cell run the rest themselves. It takes a third of the time
        # where all has been loaded and worked out once.
        shell.run_lesson(lesson.cells)
        shell.forget()
    forks, done = _Forks(jobs, tell), 0
    for number, same in sorted(left.items(), key=lambda each: each[1]):
        shell.run_lesson(lesson.cells[done:same])
        done = same
        connection.send(("begun", number, None))
        work = partial(_run, shell, record, handed_in[number].cells, same, read[number].places)
        forks.start(number, partial(confined, work))
    forks.finish()


def _make_quiet(folder: str) -> None:
    """Show nothing, and load nothing that is shown or that takes more than one processor."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    os.environ.update(MPLBACKEND="agg", IPYTHONDIR=folder)
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{library}_NUM_THREADS"] = "1"


def _walls(folder: Path) -> Walls:
    root = folder / "root"
    root.mkdir()
    data = paths.root() / "data"
    # The recipes of the answers are nobody's business there.
    return Walls(root, (data, Path(__file__).parents[1]), tuple(data.glob("*/exercises.toml")))


def _why_not(walls: Walls, limits: Limits) -> str:
    """Say why nothing can be isolated here; empty if it can."""
    told: list[object] = []
    fork = _Forks(1, lambda _number, answer: told.append(answer))
    fork.start(0, partial(sandbox.why_not, walls, limits))
    fork.finish()
    return told[0].ended if isinstance(told[0], Outcome) else str(told[0])


def _same_cells(lesson: Lesson, submission: Submission) -> int:
    """Count how many cells at the beginning are as the lesson has them."""
    count = 0
    for ours, theirs in zip(lesson.cells, submission.cells, strict=False):
        if ours.strip() != theirs.source.strip():
            break
        count += 1
    return count


def _read(cells: Sequence[Cell], asked: Sequence[Task], send: Send) -> None:
    for place in answers.places(cells, asked):
        send(json.dumps(asdict(place)))


def _as_read(outcome: Outcome) -> Found:
    # Nothing of the notebook was run to make these lines.
    found = tuple(Place(**json.loads(line)) for line in outcome.sent)
    return Found(found, ended=outcome.ended)


def _run(
    shell: _Shell,
    record: _Record,
    cells: Sequence[Cell],
    start: int,
    places: Sequence[Place],
    send: Send,
) -> None:
    """Run a notebook from where it differs to the last answer that isn't read yet."""
    record.send = send
    _lay_out()
    needed = [place.cell for place in places if place.cell is not None and not place.answer]
    for number in range(start, max(needed) + 1):
        if error := shell.run(cells[number].source):
            send(json.dumps({"cell": number, "error": error}))
        for task, place in enumerate(places):
            if place.cell == number and place.variable:
                record.answer(task, shell.value(place.variable))


def _lay_out() -> None:
    """Make the folder look like the kit's, so that ``../data`` is where a lesson has it."""
    with suppress(OSError):
        Path("data").symlink_to(paths.root() / "data")
        Path("notebooks").mkdir()
        os.chdir("notebooks")


class _Record:
    """Takes the place of ``exercises.check``: an answer is noted down, and checked elsewhere."""

    def __init__(self, asked: Sequence[Task]) -> None:
        from helpers import exercises

        self.send: Send = lambda _line: None
        self._tasks = {(task.paper, task.exercise): n for n, task in enumerate(asked)}
        exercises.check = self.check

    def check(self, paper: str, exercise: str, answer: object, *, seed: int = 1) -> Feedback:
        from helpers.exercises import Feedback

        task = self._tasks.get((paper, exercise))
        if task is not None:
            self.answer(task, answer, seed)
        return Feedback(None, "Noted; it is checked later.")

    def answer(self, task: int, answer: object, seed: int = 1) -> None:
        noted = {"task": task, "answer": answers.as_data(answer), "seed": int(seed)}
        self.send(json.dumps(noted))


class _Shell:
    """Runs cells as a kernel does, and shows nothing."""

    def __init__(self, lesson: Path, folder: Path) -> None:
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        config = Config()
        # It would keep a thread, and a process with threads isn't forked.
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        shell: Any = InteractiveShell.instance(config=config, ipython_dir=str(folder))
        shell.display_formatter.format = lambda _shown, **_options: ({}, {})
        # It would keep all that is printed in memory, on the student's account.
        shell._tee = lambda channel: nullcontext(channel)
        self._shell, self._name = shell, lesson.name
        os.chdir(lesson.parent)

    def run_lesson(self, cells: Sequence[str]) -> None:
        """Run cells of the lesson itself, which all have to go well."""
        for source in cells:
            if error := self.run(source):
                raise LessonError(
                    f"its cell {source.splitlines()[0][:60]!r} stopped: {error}", where=self._name
                )
        gc.freeze()

    def run(self, source: str) -> str:
        """Run a cell; return the error that it stopped with, if any."""
        done = self._shell.run_cell(source)
        error = done.error_before_exec or done.error_in_exec
        _close_figures()
        told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return told[:_LONGEST_MESSAGE] if error else ""

    def value(self, name: str) -> object:
        """Return what a name stands for; nothing if for nothing."""
        return self._shell.user_ns.get(name, ...)

    def forget(self) -> None:
        """Begin anew, keeping what has been loaded."""
        self._shell.reset()


def _close_figures() -> None:
    """As a kernel does after each cell."""
    import sys

    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


class _Forks:
    """So many forks of this process at a time, each with something to work out."""

    def __init__(self, most: int, tell: Callable[[int, Any], None]) -> None:
        self._most = most
        self._tell = tell
        self._running: dict[Connection, tuple[int, BaseProcess]] = {}

    def start(self, number: int, work: Callable[[], Any]) -> None:
        """Begin a piece of work, as soon as there is room for it."""
        while len(self._running) >= self._most:
            self._collect()
        ours, theirs = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(
            target=_send_result, args=(work, theirs), daemon=True
        )
        process.start()
        theirs.close()
        self._running[ours] = number, process

    def finish(self) -> None:
        """Wait for all that was begun."""
        while self._running:
            self._collect()

    def _collect(self) -> None:
        for ready in wait(list(self._running)):
            assert isinstance(ready, Connection)
            number, process = self._running.pop(ready)
            try:
                result = ready.recv()
            except EOFError:
                result = Outcome(ended="brought down the process that watched it")
            ready.close()
            process.join()
            self._tell(number, result)


def _send_result(work: Callable[[], Any], connection: Connection) -> None:
    connection.send(work())
