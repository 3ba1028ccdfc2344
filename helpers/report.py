"""Reports: a lesson run with the parameters of your choice, as one file to keep or to print.

The way of a report: `find` the lesson, `read` it, `plan` it (which checks every parameter of
every lesson before anything runs), then `make` it: `run` under papermill, lay out as a `page`,
write. `write_index` lists what a folder holds.

A report is named after its lesson, and after what was varied. The folder is its own record:
each report carries what the index says of it, and a lesson that failed leaves
``<name>.failed.html`` until it succeeds.
"""

from __future__ import annotations

import ast
import copy
import difflib
import hashlib
import json
import logging
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from html.parser import HTMLParser
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, Any

from helpers import parameters, paths
from helpers.errors import KitError, LessonError, MissingToolError, ParameterError

if TYPE_CHECKING:
    from nbconvert import HTMLExporter
    from nbformat import NotebookNode

FORMATS = ("html", "pdf")

_LEFT_OUT = "no-report"
_WIDGET = "application/vnd.jupyter.widget-view+json"
_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_PACKAGES = ("numpy", "pandas", "lifelines", "matplotlib", "great-tables", "papermill", "nbconvert")
_PRINT_SECONDS = 120
_LOCAL_LINK = re.compile(r'<a [^>]*?href="(?!https?:|mailto:|#)[^"]*"[^>]*>(.*?)</a>', re.DOTALL)


@dataclass(frozen=True)
class Lesson:
    """A lesson as its notebook describes itself.

    Attributes
    ----------
    path : pathlib.Path
        The notebook.
    title : str
        Its title.
    paper : str
        The id of its paper; empty if it has none.
    settings : helpers.parameters.Settings
        Its parameters, with the values of its ``parameters`` cell.
    groups : tuple of str
        The groups of settings that it offers.
    """

    path: Path
    title: str
    paper: str
    settings: parameters.Settings
    groups: tuple[str, ...]


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


def find(names: Iterable[str]) -> list[Path]:
    """Return the lessons that are meant.

    Parameters
    ----------
    names : iterable of str
        A lesson's number, its name, or the path of its notebook; none for every lesson.

    Returns
    -------
    list of pathlib.Path
        Each lesson once, in the order given.

    Raises
    ------
    ParameterError
        If a name is not a lesson, one line each; or if there are no lessons.
    """
    lessons = paths.lessons()
    found: dict[Path, None] = {}
    faults: list[KitError] = []
    known = " or ".join(lesson.stem for lesson in lessons) or "the path of a notebook"
    for name in names:
        stem = name.removesuffix(".ipynb")
        same = [
            lesson
            for lesson in lessons
            if stem == lesson.stem or stem.zfill(2) == lesson.stem.split("_")[0]
        ]
        if Path(name).is_file() and name.endswith(".ipynb"):
            same = [Path(name).resolve()]
        if not same:
            faults.append(KitError("no such lesson", where=name, right=known))
        found.update(dict.fromkeys(same))
    if faults:
        raise ParameterError(faults)
    if not found and not lessons:
        folder = paths.root() / "notebooks"
        raise ParameterError([KitError("no lessons", where=str(folder), right="01_title.ipynb")])
    return list(found) or lessons


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


def read(path: Path) -> Lesson:
    """Read what a lesson says of itself, without running it.

    Parameters
    ----------
    path : pathlib.Path
        The notebook.

    Returns
    -------
    Lesson

    Raises
    ------
    LessonError
        If it is no notebook, lacks the ``trial_by_notebook`` metadata, or its own parameters
        are not plain values or not allowed.
    """
    notebook = _load(path)
    try:
        about = notebook.metadata["trial_by_notebook"]
        title, paper = str(about["title"]), str(about.get("paper") or "")
        groups = tuple(about.get("settings", ()))
    except (AttributeError, KeyError, TypeError):
        raise LessonError(
            "its metadata does not describe it",
            where=path.name,
            right='"trial_by_notebook": {"title": ..., "paper": ..., "settings": [...]}',
        ) from None
    own = _own_values(notebook, path.name)
    try:
        settings = _checked(own, groups, paper)
    except KitError as error:
        raise LessonError(f"its own parameters: {error}", where=path.name) from None
    return Lesson(path, title, paper, settings, groups)


def plan(lessons: Iterable[Lesson], values: Mapping[str, str]) -> list[Plan]:
    """Check the parameters of every lesson, before any of them runs.

    A name must belong to at least one of the lessons; it is applied to those that have it.

    Parameters
    ----------
    lessons : iterable of Lesson
        The lessons.
    values : mapping of str to str
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
            settings = _checked(own | given, lesson.groups, lesson.paper)
        except ParameterError as error:
            # Two lessons with the same parameter find the same fault: it is told once.
            faults |= {str(fault): fault for fault in error.faults}
        else:
            plans.append(Plan(lesson, settings))
    if faults:
        raise ParameterError(list(faults.values()))
    return plans


def run(plan: Plan, *, label: str = "") -> NotebookNode:
    """Run a lesson under papermill, in the folder where it lies.

    Parameters
    ----------
    plan : Plan
        What to run.
    label : str, optional
        What the progress bar says; the lesson's name by default.

    Returns
    -------
    nbformat.NotebookNode
        The notebook with its outputs.

    Raises
    ------
    LessonError
        If a cell fails or the kernel dies: the cell, numbered as JupyterLab does after
        *Run All Cells*, its first line and the message. A note on the error holds the traceback.
    """
    import papermill
    from papermill.exceptions import strip_color

    # papermill reads the parameters cell with a pattern that misses `cohort = "AGE == 30"`,
    # and warns of a name it then does not know; they are checked above.
    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    with TemporaryDirectory(prefix="report-") as folder:
        output = Path(folder) / "lesson.ipynb"
        try:
            done: NotebookNode = papermill.execute_notebook(
                _load(plan.lesson.path),
                output,
                parameters=plan.varied,
                kernel_name="python3",
                language="python",
                cwd=plan.lesson.path.parent,
                progress_bar={"desc": label or plan.lesson.path.stem, "file": sys.stderr},
                kernel_manager_class=_this_python(),
                # Asked to end itself, an interrupted kernel prints a traceback first.
                shutdown_kernel="immediate",
            )
            return done
        except papermill.PapermillExecutionError as error:
            what = f"{error.ename}: {_one_line(strip_color(error.evalue))}"
            details = strip_color("\n".join(error.traceback))
        except RuntimeError as error:  # nbclient's word for a kernel that is no more
            what = "the kernel died (out of memory, or ended by the lesson itself)"
            details = f"{type(error).__name__}: {error}"
        stopped = "at its start"
        if output.is_file():
            stopped = _stopped_at(_load(output))
    failure = LessonError(what, where=f"{plan.lesson.path.stem}, {stopped}")
    failure.add_note(details)
    raise failure


def page(plan: Plan, notebook: NotebookNode) -> str:
    """Lay out a lesson that has run as one HTML page that needs nothing else.

    Code and cells tagged ``no-report`` are left out, and a panel shows its static rendering.

    Parameters
    ----------
    plan : Plan
        What was run.
    notebook : nbformat.NotebookNode
        The notebook with its outputs.

    Returns
    -------
    str
        The page. But for its last section, on how it was made, it is the same each time.

    Raises
    ------
    LessonError
        If an output cannot be shown without a kernel, a script or the network.
    """
    where = plan.lesson.path.stem
    exporter = _exporter()
    style = _style(exporter)
    resources = {
        # nbconvert embeds the pictures of Markdown cells that it finds from this folder.
        "metadata": {"path": str(plan.lesson.path.parent)},
        "report": {
            "title": plan.lesson.title,
            "lesson": plan.lesson.path.name,
            "paper": plan.lesson.paper,
            "parameters": _parameters(plan),
            "provenance": _provenance(plan.lesson),
            "record": json.dumps(_record(plan)),
            "style": style,
        },
    }
    try:
        html, _ = exporter.from_notebook_node(_printable(notebook, where), resources)
    except FileNotFoundError as error:
        raise LessonError(f"no picture {error.filename}", where=where) from None
    # A link to a file beside the lesson leads nowhere from a report that was sent to somebody.
    html = _LOCAL_LINK.sub(r"\1", html)
    needs = _Page(html).needs
    if needs:
        right = "figures and styles inside the lesson's own outputs"
        raise LessonError(f"a report cannot hold {needs[0]}", where=where, right=right)
    return html + "\n"


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
    _write(html, text)
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
    record = _record(plan) if plan else {"title": lesson.stem, "lesson": lesson.name, "varied": {}}
    exporter = _exporter()
    text = exporter.environment.get_template("failed.html.j2").render(
        record=json.dumps(record | {"failure": str(error)}),
        title=record["title"],
        failure=str(error),
        made=_now(),
        notes=getattr(error, "__notes__", []),
        style=_style(exporter),
    )
    _write(folder / f"{plan.name if plan else lesson.stem}.failed.html", text + "\n")


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
        found = _Page(file.read_text(encoding="utf-8", errors="replace"))
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
    exporter = _exporter()
    template = exporter.environment.get_template("folder.html.j2")
    listed = [entries[name] for name in sorted(entries)]
    _write(index, template.render(entries=listed, style=_style(exporter)) + "\n")
    return index


def find_chromium() -> str:
    """Return the browser that prints PDFs.

    Returns
    -------
    str
        The environment variable ``CHROMIUM``, or else the first of the usual names found.

    Raises
    ------
    MissingToolError
        If there is none.
    """
    given = os.environ.get("CHROMIUM")
    for name in [given] if given else _BROWSERS:
        if program := shutil.which(name):
            return program
    raise MissingToolError(
        f"no program {given!r}" if given else "no Chromium or Chrome to print the PDF with",
        where="CHROMIUM" if given else "",
        right="`apt install chromium`, or CHROMIUM=/path/to/chrome",
    )


def print_pdf(html: Path, pdf: Path, *, chromium: str) -> None:
    """Print a page to PDF with a local Chromium.

    Parameters
    ----------
    html : pathlib.Path
        The page.
    pdf : pathlib.Path
        Where the PDF goes, in the same folder.
    chromium : str
        The browser.

    Raises
    ------
    KitError
        If the browser takes over two minutes, fails, or prints no PDF.
    """
    with (
        TemporaryDirectory(dir=pdf.parent, prefix="printing-") as folder,
        # A child of the browser may still be writing into it.
        TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile,
    ):
        printed = Path(folder) / "page.pdf"
        command = [
            chromium,
            "--headless",
            # The page is our own, holds no script and asks the network for nothing; root and
            # most containers cannot have the sandbox.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-pdf-header-footer",
            f"--user-data-dir={profile}",
            f"--print-to-pdf={printed}",
            html.resolve().as_uri(),
        ]
        said = _call(command, seconds=_PRINT_SECONDS)
        if not printed.is_file() or not printed.read_bytes().startswith(b"%PDF"):
            raise KitError(
                f"{chromium} printed no PDF: {_one_line(said) or 'it said nothing'}",
                where=pdf.name,
            )
        printed.replace(pdf)


def _load(path: Path) -> NotebookNode:
    import nbformat

    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        return notebook
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise LessonError(f"not a notebook: {_one_line(str(error))}", where=path.name) from None


def _own_values(notebook: NotebookNode, name: str) -> dict[str, object]:
    """Read the parameters cell as Python does; papermill's pattern misses values with ``=``."""
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    values: dict[str, object] = {}
    try:
        for line in ast.parse(tagged[0].source if tagged else "").body:
            match line:
                case (
                    ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value)
                    | ast.Assign(targets=[ast.Name(id=target)], value=value)
                ):
                    values[target] = ast.literal_eval(value)
    except (SyntaxError, ValueError):
        raise LessonError(
            "its parameters cell computes something",
            where=name,
            right="plain values only, such as venetoclax_days: int = 28",
        ) from None
    return values


def _checked(
    values: Mapping[str, object], groups: tuple[str, ...], paper: str
) -> parameters.Settings:
    if groups:
        return parameters.check(values, *groups, paper=paper)
    if values:
        raise ParameterError([KitError("not offered by any settings", where=", ".join(values))])
    return parameters.Settings()


def _unknown(name: str, offered: list[str]) -> KitError:
    near = difflib.get_close_matches(name, offered, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    right = "one of " + ", ".join(offered) if offered else "none; the lesson has no parameters"
    return KitError(f"no such parameter{hint}", where=name, right=right)


def _this_python() -> type:
    """Return a kernel manager that runs the interpreter we are in.

    A kernel named ``python3`` that someone registered may be another one, without our packages.
    """
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    # `import helpers` must work in a lesson even where the kit is run without being installed.
    here = str(Path(__file__).resolve().parents[1])
    search = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))

    class ThisPython(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            # The kernel would warn, across the progress bar, that it talks to us over TCP.
            spec = get_kernel_dict(["--log-level=ERROR"])
            # One order of sets in every run, so that two reports are the same.
            return KernelSpec(**spec, env={"PYTHONPATH": search, "PYTHONHASHSEED": "0"})

    return ThisPython


def _stopped_at(notebook: NotebookNode) -> str:
    number, first = 0, ""
    for index, cell in enumerate(_numbered(notebook), start=1):
        # papermill leaves this empty in a cell it did not come to.
        if cell.metadata.get("papermill", {}).get("exception") is not None:
            number, first = index, cell.source.strip().splitlines()[0]
    return f"cell [{number}] `{first}`" if number else "before its first cell"


def _numbered(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells that JupyterLab numbers when a reader runs them all."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code"
        and cell.source.strip()
        and "injected-parameters" not in cell.metadata.get("tags", [])
    ]


def _printable(notebook: NotebookNode, where: str) -> NotebookNode:
    notebook = copy.deepcopy(notebook)
    numbers = {cell.id: number for number, cell in enumerate(_numbered(notebook), start=1)}
    kept = []
    for cell in notebook.cells:
        if _LEFT_OUT in cell.metadata.get("tags", []):
            continue
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                data = output.get("data", {})
                if data.pop(_WIDGET, None) and "text/html" not in data:
                    raise LessonError(
                        "a widget that shows nothing without a kernel",
                        where=f"{where}, cell [{numbers[cell.id]}]",
                        right="a panel, or the tag no-report on the cell",
                    )
        if cell.cell_type != "code" or cell.outputs:
            kept.append(cell)
    # The page has a title already.
    if kept and kept[0].cell_type == "markdown":
        kept[0].source = re.sub(r"\A\s*# .*\n?", "", kept[0].source)
    notebook.cells = kept
    return notebook


def _exporter() -> HTMLExporter:
    from nbconvert import HTMLExporter

    return HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="report",
        extra_template_basedirs=[str(Path(__file__).parent / "templates")],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        embed_images=True,
        anchor_link_text="",
    )


def _style(exporter: HTMLExporter) -> str:
    return str(exporter.environment.get_template("report.css").render())


def _parameters(plan: Plan) -> list[dict[str, object]]:
    own = plan.lesson.settings.model_dump(mode="json")
    return [
        {
            "name": name,
            "value": _shown(value),
            "default": _shown(own[name]),
            "varied": name in plan.varied,
        }
        for name, value in plan.settings.model_dump(mode="json").items()
    ]


def _shown(value: object) -> str:
    return "(empty)" if value == "" else str(value)


def _record(plan: Plan) -> dict[str, Any]:
    """Return what the index says of a report; it travels in the report's head."""
    return {
        "title": plan.lesson.title,
        "lesson": plan.lesson.path.name,
        "varied": {name: _shown(value) for name, value in plan.varied.items()},
    }


def _provenance(lesson: Lesson) -> dict[str, str]:
    data = paths.root() / "data"
    files = [*data.glob("*"), *(data / lesson.paper).rglob("*")] if lesson.paper else []
    versions = [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    made: dict[str, str] = {
        "made": _now(),
        "kit": f"trial-by-notebook {_version()}",
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": ", ".join(versions),
        "lesson": f"{lesson.path.name} sha256 {_sha256(lesson.path)}",
    }
    if files:
        made["data"] = "\n".join(
            f"{file.relative_to(data).as_posix()} sha256 {_sha256(file)}"
            for file in sorted(set(files))
            if file.is_file()
        )
    return made


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _version() -> str:
    try:
        return metadata.version("trial-by-notebook")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", "--no-optional-locks", "-C", str(paths.root()), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = ", with uncommitted changes" if git("status", "--porcelain") else ""
        return git("rev-parse", "--verify", "HEAD") + changed
    except (OSError, subprocess.CalledProcessError):
        return "none"


def _write(file: Path, text: str) -> None:
    """Replace a file in one step: whoever opens it sees the old one or the new one."""
    with TemporaryDirectory(dir=file.parent, prefix="writing-") as folder:
        new = Path(folder) / file.name
        try:
            new.write_text(text, encoding="utf-8", newline="\n")
            new.replace(file)
        except OSError as error:
            raise KitError(f"cannot be written ({error.strerror})", where=str(file)) from None


def _call(command: list[str], *, seconds: float) -> str:
    """Run a program to its end, with all its children, and return what it said on stderr."""
    # Not a pipe: a child that outlives the program would hold it open, and us with it.
    with TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True
        )
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return f"no end after {seconds:g} seconds"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        return said.read().decode(errors="replace")


def _one_line(text: str, longest: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


class _Page(HTMLParser):
    """What a page says of itself, and what it would load from elsewhere."""

    _LOADING = frozenset({"src", "srcset", "poster", "background", "data", "xlink:href"})
    _FOREIGN = frozenset({"script", "iframe", "frame", "object", "embed", "base"})
    _STYLE = re.compile(r"@import|url\(\s*['\"]?(?!data:|#|['\"])[^)]*")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.record = ""
        self.made = ""
        self.needs: list[str] = []
        self._in_style = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        if tag == "meta" and given.get("name") == "report":
            self.record = given.get("content", "")
        if tag == "time" and not self.made:
            self.made = given.get("datetime", "")
        if tag in self._FOREIGN:
            self.needs.append(f"a <{tag}>")
        loading = self._LOADING | ({"href"} if tag in {"link", "image", "use"} else set())
        for name, value in given.items():
            if name in loading and not value.startswith(("data:", "#")):
                self.needs.append(f"<{tag} {name}={value[:80]!r}>")
            if name == "style":
                self._look_at(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self._look_at(data)

    def _look_at(self, style: str) -> None:
        self.needs += [f"a style with {found[:80]}" for found in self._STYLE.findall(style)]
