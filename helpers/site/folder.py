"""The folder of a site: a page for each lesson, the states of its panels, and an index."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from importlib import resources
from pathlib import Path

from helpers import course, files, paths, report
from helpers.errors import KitError
from helpers.executors import executor
from helpers.report import inputs
from helpers.report.lessons import load
from helpers.report.pages import exporter
from helpers.site.pages import TEMPLATE, lab, page

_STATES = "states"
_PANEL = re.compile(r'<section\b[^>]* class="tbn-panel"[^>]* id="([^"]+)"')


def make_all(
    lessons: Sequence[Path], folder: Path, *, jobs: int = 1
) -> Iterator[tuple[Path, list[Path], str]]:
    """Make the pages of several lessons at once, then the index.

    A lesson that fails leaves an earlier page as it is.

    Parameters
    ----------
    lessons : sequence of pathlib.Path
        The notebooks.
    folder : pathlib.Path
        Where the site goes; it exists.
    jobs : int, optional
        So many lessons run at once.

    Yields
    ------
    lesson : pathlib.Path
        A lesson that is done.
    written : list of pathlib.Path
        Its files, the page first; none if those in the folder are what they would be.
    fault : str
        Why it failed; empty if it didn't.
    """
    with executor(jobs=jobs) as workers:
        tried = [workers.submit(_tried, lesson, folder) for lesson in lessons]
        for each in as_completed(tried):
            yield each.result()
    write_index(folder)


def make(lesson: Path, folder: Path) -> list[Path]:
    """Run a lesson and write its page, and a file of states for each of its panels.

    Parameters
    ----------
    lesson : pathlib.Path
        The notebook.
    folder : pathlib.Path
        Where the site goes; it exists.

    Returns
    -------
    list of pathlib.Path
        The files written, the page first; none if those in the folder are what they would be.

    Raises
    ------
    LessonError
        If the lesson fails, or shows what a page cannot hold.
    KitError
        If a file cannot be written.
    """
    (plan,) = report.plan([report.read(lesson)], {})
    lessons, before = course.lessons(), inputs.digest(lesson, {})
    # A page names its neighbours.
    stamp = hashlib.sha256(f"{before} {lessons}".encode()).hexdigest()
    if _is_made(folder / f"{lesson.stem}.html", stamp):
        return []
    done = report.run(plan, extension="helpers.site.recording")
    if inputs.digest(lesson, {}) != before:
        before = stamp = ""
    html, states = page(plan, done, lessons, digest=before, stamp=stamp)
    (folder / _STATES).mkdir(exist_ok=True)
    for stale in (folder / _STATES).glob(f"{lesson.stem}-*.js"):
        if stale.stem not in states:
            stale.unlink()
    written = {
        folder / f"{lesson.stem}.html": html,
        **{
            _file_of(folder, name): f"trialByNotebook({json.dumps(name)}, {json.dumps(packed)});\n"
            for name, packed in states.items()
        },
    }
    # The page last: where it is, all that it needs is there.
    for file, text in reversed(written.items()):
        files.replace(file, text)
    return list(written)


def write_index(folder: Path) -> Path:
    """Write ``index.html``, which lists the lessons, and the script that all pages share.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of the site.

    Returns
    -------
    pathlib.Path
        The index.

    Raises
    ------
    KitError
        If it cannot be written.
    """
    listed = [
        (lesson, lab(load(file)))
        for file, lesson in zip(paths.lessons(), course.lessons(), strict=True)
        if (folder / f"{lesson.name}.html").is_file()
    ]
    template = exporter(TEMPLATE).environment.get_template("home.html.j2")
    files.replace(folder / "index.html", template.render(lessons=listed) + "\n")
    script = resources.files("helpers") / "templates" / TEMPLATE / "panels.js"
    files.replace(folder / "panels.js", script.read_text(encoding="utf-8"))
    return folder / "index.html"


def _tried(lesson: Path, folder: Path) -> tuple[Path, list[Path], str]:
    """Return what `make` does, its error as text: not every error can go between processes."""
    try:
        return lesson, make(lesson, folder), ""
    except KitError as error:
        return lesson, [], str(error)


def _is_made(html: Path, stamp: str) -> bool:
    """Say whether a page with all its states is there, made of the same things."""
    if not html.is_file():
        return False
    text = html.read_text(encoding="utf-8", errors="replace")
    states = (_file_of(html.parent, name) for name in _PANEL.findall(text))
    return f'content="{stamp}" name="stamp"' in text and all(file.is_file() for file in states)


def _file_of(folder: Path, panel: str) -> Path:
    return folder / _STATES / f"{panel}.js"
