"""A folder of reports: what it holds, what is written into it, and the index of it."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from helpers import files
from helpers.errors import KitError, LessonError
from helpers.report import summaries
from helpers.report.contents import contents
from helpers.report.making import Made
from helpers.report.pages import failure_page, rendered
from helpers.report.plans import Plan

_ABANDONED_AFTER = 3600.0
"""Seconds after which what a killed process had half written is nobody's any more."""


def current(folder: Path, plan: Plan, *, digest: str) -> str:
    """Return a report's page if it would come out the same again.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of reports.
    plan : Plan
        The lesson and its parameters.
    digest : str
        The hash of what a report of it would be made of.

    Returns
    -------
    str
        The page; empty if there is none, or it was made of something else.
    """
    try:
        page = (folder / f"{plan.name}.html").read_text(encoding="utf-8")
        record = json.loads(contents(page).record)
    except (OSError, ValueError):
        return ""
    return page if isinstance(record, dict) and record.get("inputs") == digest else ""


def there(folder: Path, plan: Plan) -> set[str]:
    """Return the files that belong to a report's page.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of reports.
    plan : Plan
        The lesson and its parameters.

    Returns
    -------
    set of str
        Their names within the folder.
    """
    found = [folder / f"{plan.name}.pdf", *(folder / f"{plan.name}.files").glob("*")]
    return {file.relative_to(folder).as_posix() for file in found if file.is_file()}


def store(folder: Path, plan: Plan, made: Made) -> list[Path]:
    """Write what was made of a plan, each file in one step or not at all.

    A new page removes what was made of the one before, and an earlier failure.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of reports.
    plan : Plan
        What was run.
    made : Made
        What was made; what cannot be written is added to its faults.

    Returns
    -------
    list of pathlib.Path
        The files written.
    """
    page = f"{plan.name}.html"
    if page in made.files:
        (folder / f"{plan.name}.pdf").unlink(missing_ok=True)
        shutil.rmtree(folder / f"{plan.name}.files", ignore_errors=True)
    written = []
    try:
        for name, content in made.files.items():
            if name.startswith(f"{plan.name}.files/"):
                (folder / name).parent.mkdir(exist_ok=True)
            files.replace(folder / name, content)
            written.append(folder / name)
        if page in made.files:
            (folder / f"{plan.name}.failed.html").unlink(missing_ok=True)
    except KitError as error:
        made.faults.append(error)
    except OSError as error:
        made.faults.append(
            KitError(f"cannot be written ({error.strerror})", where=str(folder / plan.name))
        )
    return written


def write_failure(folder: Path, error: LessonError, lesson: Path) -> None:
    """Record that a lesson cannot be read.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of reports.
    error : LessonError
        What is wrong.
    lesson : pathlib.Path
        The notebook.

    Raises
    ------
    KitError
        If it cannot be written.
    """
    files.replace(folder / f"{lesson.stem}.failed.html", failure_page(error, lesson))


def clear(folder: Path) -> None:
    """Remove what a process that was killed had half written.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of reports.
    """
    for left in [*folder.glob(".writing-*"), *folder.glob("*.files/.writing-*")]:
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - _ABANDONED_AFTER:
                shutil.rmtree(left)


def write_index(folder: Path) -> Path:
    """Write ``index.html``: the reports that a folder holds, and the lessons that failed.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of reports.

    Returns
    -------
    pathlib.Path
        The index.

    Raises
    ------
    KitError
        If it cannot be written.
    """
    entries: dict[str, dict[str, Any]] = {}
    for file in sorted(folder.glob("*.html")):
        found = contents(file.read_text(encoding="utf-8", errors="replace"))
        if not found.record:
            continue
        name = file.stem.removesuffix(".failed")
        entry = entries.setdefault(name, {}) | json.loads(found.record)
        if file.stem == name:
            entry |= {"html": file.name, "made": found.made}
        else:
            entry |= {"failed": file.name}
        if (pdf := folder / f"{name}.pdf").is_file():
            entry["pdf"] = pdf.name
        if (listing := folder / f"{name}.files").is_dir():
            entry["files"] = listing.name
        entries[name] = entry
    index = folder / "index.html"
    listed = [entries[name] for name in sorted(entries)]
    summary = summaries.PAGE if (folder / summaries.PAGE).is_file() else ""
    files.replace(index, rendered("folder.html.j2", entries=listed, summary=summary))
    return index
