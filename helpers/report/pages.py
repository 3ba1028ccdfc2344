"""Pages: a lesson that has run, laid out as HTML that needs nothing else."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.errors import LessonError
from helpers.report.contents import contents
from helpers.report.lessons import numbered
from helpers.report.plans import Plan
from helpers.report.provenance import provenance

if TYPE_CHECKING:
    from nbconvert import HTMLExporter
    from nbformat import NotebookNode

_LEFT_OUT = "no-report"
_WIDGET = "application/vnd.jupyter.widget-view+json"
_LOCAL_LINK = re.compile(r'<a [^>]*?href="(?!https?:|mailto:|#)[^"]*"[^>]*>(.*?)</a>', re.DOTALL)


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
    resources = {
        # nbconvert embeds the pictures of Markdown cells that it finds from this folder.
        "metadata": {"path": str(plan.lesson.path.parent)},
        "report": {
            "title": plan.lesson.title,
            "lesson": plan.lesson.path.name,
            "paper": plan.lesson.paper,
            "parameters": _parameters(plan),
            "provenance": provenance(plan.lesson),
            "record": json.dumps(record(plan)),
            "style": _style(exporter),
        },
    }
    try:
        html, _ = exporter.from_notebook_node(_printable(notebook, where), resources)
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
    exporter = _exporter()
    filled = exporter.environment.get_template(template).render(values, style=_style(exporter))
    return f"{filled}\n"


def _printable(notebook: NotebookNode, where: str) -> NotebookNode:
    notebook = copy.deepcopy(notebook)
    numbers = {cell.id: number for number, cell in enumerate(numbered(notebook), start=1)}
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
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    return HTMLExporter(  # type: ignore[no-untyped-call]
        # On a busy machine one text may come in several parts.
        preprocessors=[CoalesceStreamsPreprocessor],
        template_name="report",
        extra_template_basedirs=[str(Path(__file__).parents[1] / "templates")],
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
