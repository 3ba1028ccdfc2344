"""Pages: a lesson that has run, laid out as HTML that needs nothing else."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.errors import LessonError
from helpers.report import inputs
from helpers.report.contents import contents
from helpers.report.lessons import numbered
from helpers.report.plans import Plan
from helpers.report.provenance import now, provenance

if TYPE_CHECKING:
    from nbconvert import HTMLExporter
    from nbformat import NotebookNode

_LEFT_OUT = "no-report"
_WIDGET = "application/vnd.jupyter.widget-view+json"
_LOCAL_LINK = re.compile(r'<a [^>]*?href="(?!https?:|mailto:|#)[^"]*"[^>]*>(.*?)</a>', re.DOTALL)


def page(plan: Plan, notebook: NotebookNode, *, digest: str | None = None) -> str:
    """Lay out a lesson that has run as one HTML page that needs nothing else.

    Code and cells tagged ``no-report`` are left out, and a panel shows its static rendering.

    Parameters
    ----------
    plan : Plan
        What was run.
    notebook : nbformat.NotebookNode
        The notebook with its outputs.
    digest : str, optional
        The hash of what it was made of, and empty if that changed meanwhile; by default that of
        now.

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
    layout = exporter()
    if digest is None:
        digest = inputs.digest(plan.lesson.path, plan.varied)
    resources = {
        # nbconvert embeds the pictures of Markdown cells that it finds from this folder.
        "metadata": {"path": str(plan.lesson.path.parent)},
        "report": {
            "title": plan.lesson.title,
            "lesson": plan.lesson.path.name,
            "paper": plan.lesson.paper,
            "parameters": _parameters(plan),
            "provenance": provenance(plan, digest=digest),
            "record": json.dumps(record(plan) | {"inputs": digest}),
            "style": _style(layout),
        },
    }
    try:
        html, _ = layout.from_notebook_node(_printable(notebook, where), resources)
    except FileNotFoundError as error:
        raise LessonError(f"no picture {error.filename}", where=where) from None
    # A link to a file beside the lesson leads nowhere from a report that was sent to somebody.
    html = _LOCAL_LINK.sub(r"\1", html)
    needs = contents(html).needs
    if needs:
        right = "figures and styles inside the lesson's own outputs"
        raise LessonError(f"a report cannot hold {needs[0]}", where=where, right=right)
    return html + "\n"


def record(plan: Plan) -> dict[str, Any]:
    """Return what the index says of a report; it travels in the report's head.

    Parameters
    ----------
    plan : Plan
        What was run.

    Returns
    -------
    dict of str to object
        ``title``, ``lesson`` and ``varied``.
    """
    return {
        "title": plan.lesson.title,
        "lesson": plan.lesson.path.name,
        "varied": {name: _shown(value) for name, value in plan.varied.items()},
    }


def failure_page(error: LessonError, lesson: Path, *, plan: Plan | None = None) -> str:
    """Lay out why a report could not be made, for the index and for whoever mends the lesson.

    Parameters
    ----------
    error : LessonError
        What went wrong.
    lesson : pathlib.Path
        The notebook.
    plan : Plan, optional
        What was run, where the notebook could be read.

    Returns
    -------
    str
        The page.
    """
    about = record(plan) if plan else {"title": lesson.stem, "lesson": lesson.name, "varied": {}}
    return rendered(
        "failed.html.j2",
        record=json.dumps(about | {"failure": str(error)}),
        title=about["title"],
        failure=str(error),
        made=now(),
        notes=getattr(error, "__notes__", []),
    )


def rendered(template: str, **values: object) -> str:
    """Fill in a template, in the style of a report.

    Parameters
    ----------
    template : str
        The file's name in ``templates/report``.
    **values
        What it shows.

    Returns
    -------
    str
        The page.
    """
    layout = exporter()
    filled = layout.environment.get_template(template).render(values, style=_style(layout))
    return f"{filled}\n"


def _printable(notebook: NotebookNode, where: str) -> NotebookNode:
    notebook = copy.deepcopy(notebook)
    numbers = {cell.id: number for number, cell in enumerate(numbered(notebook), start=1)}
    kept = []
    for cell in notebook.cells:
        if _LEFT_OUT in cell.metadata.get("tags", []):
            continue
        if cell.cell_type == "code":
            outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            shown = [output["data"] for output in outputs if "data" in output]
            live = [data.pop(_WIDGET) for data in shown if _WIDGET in data]
            # A panel's live output is followed by its static one.
            if live and not any("text/html" in data for data in shown):
                raise LessonError(
                    "a widget that shows nothing without a kernel",
                    where=f"{where}, cell [{numbers[cell.id]}]",
                    right="a panel, or the tag no-report on the cell",
                )
            cell.outputs = [output for output in outputs if output.get("data", True)]
        if cell.cell_type != "code" or cell.outputs:
            kept.append(cell)
    # The page has a title already.
    if kept and kept[0].cell_type == "markdown":
        kept[0].source = re.sub(r"\A\s*# .*\n?", "", kept[0].source)
    notebook.cells = kept
    return notebook


def exporter(template: str = "report", *, exclude_input: bool = True) -> HTMLExporter:
    """Return what turns a lesson that has run into a page.

    Parameters
    ----------
    template : str, optional
        A folder of `helpers/templates`, in the form that nbconvert wants.
    exclude_input : bool, optional
        Whether the code is left out.

    Returns
    -------
    nbconvert.HTMLExporter
    """
    from nbconvert import HTMLExporter
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    from helpers.report.formulas import markdown2html

    return HTMLExporter(  # type: ignore[no-untyped-call]
        # On a busy machine one text may come in several parts.
        preprocessors=[CoalesceStreamsPreprocessor],
        template_name=template,
        extra_template_basedirs=[str(Path(__file__).parents[1] / "templates")],
        exclude_input=exclude_input,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        embed_images=True,
        anchor_link_text="",
        filters={"markdown2html": markdown2html},
    )


def _style(layout: HTMLExporter) -> str:
    return str(layout.environment.get_template("report.css").render())


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
