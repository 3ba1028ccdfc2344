"""Many reports made: those whose inputs changed, here or by others, as they come."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import BrokenExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from helpers import executors, files, paths
from helpers.errors import KitError, LessonError
from helpers.report import findings, folder, inputs, kernels, summaries
from helpers.report.lessons import read
from helpers.report.making import Made, Wanted, produce
from helpers.report.plans import Plan, plan

_TRIES = 3
"""How often processes are started anew when one of them was killed."""


@dataclass(frozen=True)
class Done:
    """A report that is done with.

    Attributes
    ----------
    number : int
        The how manieth of the plans.
    plan : Plan
        What was to be run.
    written : tuple of pathlib.Path
        The files written; none if the report was there and would be the same.
    faults : tuple of KitError
        What went wrong.
    results : list of helpers.report.findings.Result or None
        What it says, if asked for and if there is a report.
    seconds : float
        How long it took, without waiting.
    """

    number: int
    plan: Plan
    written: tuple[Path, ...]
    faults: tuple[KitError, ...]
    results: list[findings.Result] | None
    seconds: float


def make(
    plans: Sequence[Plan],
    out: Path,
    *,
    wanted: Wanted | None = None,
    jobs: int = 1,
    scheduler: str = "",
    bars: bool = False,
) -> Generator[Done, None, None]:
    """Make reports, those aside whose inputs haven't changed.

    A lesson that fails stops no other, leaves an earlier report as it is and a
    ``<name>.failed.html`` beside it.

    Parameters
    ----------
    plans : sequence of Plan
        What to run.
    out : pathlib.Path
        The folder that the reports go to; it exists.
    wanted : Wanted, optional
        What is wanted besides the pages.
    jobs : int, optional
        Processes on this machine.
    scheduler : str, optional
        Address of a Dask scheduler whose workers make them instead.
    bars : bool, optional
        Whether a bar shows the progress of each lesson, if they are made one by one.

    Yields
    ------
    Done
        Each report once, as they come.

    Raises
    ------
    KitError
        If no scheduler answers.
    """
    folder.clear(out)
    wanted = wanted or Wanted()
    several = Counter(each.lesson.path for each in plans)
    lacking: list[_Task] = []
    for number, each in enumerate(plans, start=1):
        digest = inputs.digest(each.lesson.path, each.varied)
        page, there = folder.current(out, each, digest=digest), folder.there(out, each)
        asked = replace(wanted, results=wanted.results and several[each.lesson.path] > 1)
        if page:
            (out / f"{each.name}.failed.html").unlink(missing_ok=True)
        pdf_lacks = asked.pdf and f"{each.name}.pdf" not in there
        if page and not (pdf_lacks or asked.figures or asked.tables):
            said = findings.results(findings.read(page)) if asked.results else None
            yield Done(number, each, (), (), said, 0.0)
        else:
            lacking.append(_Task(number, each, digest, asked, page, tuple(there)))
    elsewhere = scheduler or min(jobs, len(lacking)) > 1
    made = _elsewhere(lacking, jobs, scheduler) if elsewhere else _here(lacking, len(plans), bars)
    # Whoever stops us ends those who work for us.
    with closing(made):
        for task, each_made in made:
            written = folder.store(out, task.plan, each_made)
            faults, said = tuple(each_made.faults), each_made.results
            yield Done(task.number, task.plan, tuple(written), faults, said, each_made.seconds)


def write_summary(out: Path, done: Iterable[Done]) -> Path | None:
    """Compare the variants of each lesson with the lesson as it stands.

    Parameters
    ----------
    out : pathlib.Path
        The folder of reports.
    done : iterable of Done
        The reports, with what they say.

    Returns
    -------
    pathlib.Path or None
        The page, ``summary.html``, beside which ``summary.csv`` lies; None if no lesson has
        variants.

    Raises
    ------
    KitError
        If they cannot be written.
    """
    ordered = sorted(done, key=lambda each: each.number)
    compared = summaries.compare([(each.plan, each.results) for each in ordered])
    if not compared:
        return None
    files.replace(out / summaries.TABLE, summaries.table(compared))
    files.replace(out / summaries.PAGE, summaries.page(compared))
    return out / summaries.PAGE


@dataclass(frozen=True)
class _Task:
    number: int
    plan: Plan
    digest: str
    wanted: Wanted
    page: str
    there: tuple[str, ...]


def _here(tasks: list[_Task], total: int, bars: bool) -> Generator[tuple[_Task, Made], None, None]:
    imports = _imports(tasks)
    forks = kernels.Forks(imports) if kernels.CAN_FORK and imports and len(tasks) > 1 else None
    try:
        for task in tasks:
            label = f"{task.plan.lesson.path.stem} ({task.number} of {total})" if bars else ""
            yield (
                task,
                produce(
                    task.plan,
                    task.wanted,
                    page_there=task.page,
                    there=task.there,
                    forks=forks,
                    label=label,
                ),
            )
    finally:
        if forks:
            forks.close()


def _elsewhere(
    tasks: list[_Task], jobs: int, scheduler: str
) -> Generator[tuple[_Task, Made], None, None]:
    """Have reports made by others; what a killed process was at is made again."""
    if not tasks:
        return
    imports = _imports(tasks)
    left = {task.number: task for task in tasks}
    for _ in range(_TRIES):
        with executors.executor(jobs=min(jobs, len(left)), scheduler=scheduler) as pool:
            futures = {
                pool.submit(_by_another, *_told(task, imports)): task for task in left.values()
            }
            for future in as_completed(futures):
                task = futures[future]
                try:
                    made = future.result()
                except BrokenExecutor:
                    break
                except KitError as error:
                    made = Made(faults=[error])
                except Exception as error:
                    made = Made(faults=[_lost(task, f"{type(error).__name__}: {error}")])
                del left[task.number]
                yield task, made
        if not left:
            return
    for task in left.values():
        yield task, Made(faults=[_lost(task, f"its process was killed, {_TRIES} times")])


def _lost(task: _Task, why: str) -> KitError:
    return LessonError(f"could not be made ({why})", where=task.plan.name)


def _imports(tasks: list[_Task]) -> tuple[str, ...]:
    return tuple(kernels.imports_of({task.plan.lesson.path for task in tasks if not task.page}))


def _told(task: _Task, imports: tuple[str, ...]) -> tuple[Any, ...]:
    """Return what another process is told: plain values, and of files their names."""
    root, lesson = paths.root(), task.plan.lesson.path
    if lesson.is_relative_to(root):
        lesson = lesson.relative_to(root)
    given = str(root), str(lesson), task.plan.varied, task.digest
    return *given, task.wanted, task.page, task.there, imports


def _by_another(
    root: str,
    lesson: str,
    varied: dict[str, Any],
    digest: str,
    wanted: Wanted,
    page: str,
    there: tuple[str, ...],
    imports: tuple[str, ...],
) -> Made:
    # A process that makes reports may have been started for other papers.
    if str(paths.root()) != root and Path(root).is_dir():
        os.environ["TRIAL_BY_NOTEBOOK"] = root
    path = paths.root() / lesson
    if inputs.is_loaded_code_stale() or inputs.digest(path, varied) != digest:
        raise KitError(
            "a worker has another version of the kit, the data or the lesson",
            where=Path(lesson).name,
            right="the same files everywhere, and workers that were started after a change",
        )
    (each,) = plan([read(path)], varied)
    return produce(each, wanted, page_there=page, there=there, forks=_forks(imports))


_FORKS: dict[tuple[str, ...], kernels.Forks] = {}


def _forks(imports: tuple[str, ...]) -> kernels.Forks | None:
    """Return what this process forks kernels from; it ends with this process."""
    if not kernels.CAN_FORK or not imports:
        return None
    if imports not in _FORKS or not _FORKS[imports].is_alive():
        for other in _FORKS.values():
            other.close()
        _FORKS.clear()
        _FORKS[imports] = kernels.Forks(imports)
    return _FORKS[imports]
