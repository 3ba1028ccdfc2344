"""A folder of reports: each is made into it, and its index lists what it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from helpers import files
from helpers.errors import LessonError
from helpers.report.contents import contents
from helpers.report.pages import page, record, rendered
from helpers.report.plans import Plan
from helpers.report.printing import print_pdf
from helpers.report.provenance import now
from helpers.report.running import run

FORMATS = ("html", "pdf")


def make(plan: Plan, folder: Path, *, chromium: str | None = None, label: str = "") -> list[Path]:
    """Run a lesson and write its report: HTML, and PDF where there is a browser to print it.

    A file is replaced in one step or not at all. A failing lesson leaves an earlier report as
    it is and writes ``<name>.failed.html`` beside it.

    Parameters
    ----------
    plan : Plan
        What to run.
    folder : pathlib.Path
        Where the report goes; it exists.
    chromium : str, optional
        The browser that prints the PDF; without it there is none.
    label : str, optional
        What the progress bar says.

    Returns
    -------
    list of pathlib.Path
        The files written.

    Raises
    ------
    LessonError
        If the lesson fails.
    KitError
        If a file cannot be written, or the browser does not print; then the HTML is there.
    """
    html, pdf = (folder / f"{plan.name}.{ending}" for ending in FORMATS)
    try:
        text = page(plan, run(plan, label=label))
    except LessonError as error:
        write_failure(folder, error, plan.lesson.path, plan=plan)
        raise
    # A PDF of an earlier run does not belong to this page, nor does an earlier failure.
    pdf.unlink(missing_ok=True)
    files.replace(html, text)
    (folder / f"{plan.name}.failed.html").unlink(missing_ok=True)
    if chromium is None:
        return [html]
    print_pdf(html, pdf, chromium=chromium)
    return [html, pdf]


def write_failure(
    folder: Path, error: LessonError, lesson: Path, *, plan: Plan | None = None
) -> None:
    """Record that a report could not be made, for the index and for whoever mends the lesson.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of reports.
    error : LessonError
        What went wrong.
    lesson : pathlib.Path
        The notebook.
    plan : Plan, optional
        What was run, where the notebook could be read.
    """
    about = record(plan) if plan else {"title": lesson.stem, "lesson": lesson.name, "varied": {}}
    text = rendered(
        "failed.html.j2",
        record=json.dumps(about | {"failure": str(error)}),
        title=about["title"],
        failure=str(error),
        made=now(),
        notes=getattr(error, "__notes__", []),
    )
    files.replace(folder / f"{plan.name if plan else lesson.stem}.failed.html", text)


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
        entries[name] = entry
    index = folder / "index.html"
    listed = [entries[name] for name in sorted(entries)]
    files.replace(index, rendered("folder.html.j2", entries=listed))
    return index
