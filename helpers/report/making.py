"""One report made: a lesson run, its page, and what is made of the page.

Nothing is written here: what is made is returned, so that whoever has the folder writes it whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from helpers.errors import KitError, LessonError
from helpers.report import exports, findings, inputs
from helpers.report.findings import Result
from helpers.report.kernels import Forks
from helpers.report.pages import failure_page, page
from helpers.report.plans import Plan
from helpers.report.printing import find_chromium, print_pdf
from helpers.report.running import run

FORMATS = ("html", "pdf")


@dataclass(frozen=True)
class Wanted:
    """What is wanted of each report, besides its page.

    Attributes
    ----------
    pdf : bool
        A print of it.
    figures : tuple of str
        Files of its figures, of `helpers.report.exports.FIGURES`.
    tables : tuple of str
        Files of its tables, of `helpers.report.exports.TABLES`.
    results : bool
        What it says, to be compared.
    """

    pdf: bool = False
    figures: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    results: bool = False


@dataclass
class Made:
    """What was made of a plan.

    Attributes
    ----------
    files : dict of str to bytes
        By name within the folder of reports.
    faults : list of KitError
        What could not be made.
    results : list of Result or None
        What the report says, if asked for and if there is a report.
    seconds : float
        How long it took.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[KitError] = field(default_factory=list)
    results: list[Result] | None = None
    seconds: float = 0.0


def produce(
    plan: Plan,
    wanted: Wanted,
    *,
    page_there: str = "",
    there: Collection[str] = (),
    forks: Forks | None = None,
    label: str = "",
) -> Made:
    """Make a report, or what is lacking of one.

    Parameters
    ----------
    plan : Plan
        What to run.
    wanted : Wanted
        What is wanted besides the page.
    page_there : str, optional
        The report's page, if it needn't be made anew.
    there : collection of str, optional
        The files of this page that needn't be made anew.
    forks : Forks, optional
        What to fork the kernel from.
    label : str, optional
        What a progress bar says; without it there is none.

    Returns
    -------
    Made
        A lesson that fails is told there, too, and has a page that says so.
    """
    begun = time.perf_counter()
    made = Made()
    try:
        html = page_there or _page(plan, forks, label)
    except LessonError as error:
        made.faults.append(error)
        text = failure_page(error, plan.lesson.path, plan=plan)
        made.files[f"{plan.name}.failed.html"] = text.encode()
    else:
        if not page_there:
            made.files[f"{plan.name}.html"] = html.encode()
        _add(made, plan, html, wanted, there)
    made.seconds = time.perf_counter() - begun
    return made


def _page(plan: Plan, forks: Forks | None, label: str) -> str:
    before = inputs.digest(plan.lesson.path, plan.varied)
    done = run(plan, label=label, forks=forks)
    after = inputs.digest(plan.lesson.path, plan.varied)
    return page(plan, done, digest=after if after == before else "")


def _add(made: Made, plan: Plan, html: str, wanted: Wanted, there: Collection[str]) -> None:
    """Add what is made of a page, each thing by itself: one that fails spoils no other."""
    if wanted.pdf and f"{plan.name}.pdf" not in there:
        _try(made, f"{plan.name}.pdf", lambda: _pdf(plan.name, html))
    if not (wanted.figures or wanted.tables or wanted.results):
        return
    found = findings.read(html)
    if wanted.results:
        made.results = findings.results(found)
    exported = exports.files(found, figures=wanted.figures, tables=wanted.tables)
    inside = {each: f"{plan.name}.files/{each.name}" for each in exported}
    for each, name in inside.items():
        if name not in there:
            _try(made, name, each.write)
    if had := [each for each, name in inside.items() if name in there or name in made.files]:
        made.files[f"{plan.name}.files/{exports.LISTING}"] = exports.listing(had)


def _try(made: Made, name: str, write: Callable[[], bytes]) -> None:
    try:
        made.files[name] = write()
    except LessonError as error:
        made.faults.append(LessonError(error.what, where=name, right=error.right))
    except KitError as error:
        # A program that is lacking is lacking for each of them.
        if str(error) not in map(str, made.faults):
            made.faults.append(error)


def _pdf(name: str, html: str) -> bytes:
    with TemporaryDirectory(prefix="printing-") as folder:
        page, pdf = Path(folder) / f"{name}.html", Path(folder) / f"{name}.pdf"
        page.write_text(html, encoding="utf-8")
        print_pdf(page, pdf, chromium=find_chromium())
        return pdf.read_bytes()
