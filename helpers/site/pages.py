"""A page of the site: a lesson that has run, its panels alive by what was recorded of them."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from helpers.course import Lesson
from helpers.errors import LessonError
from helpers.report.contents import contents
from helpers.report.pages import exporter
from helpers.report.plans import Plan
from helpers.report.provenance import provenance
from helpers.site.recording import MIME

if TYPE_CHECKING:
    from nbformat import NotebookNode

TEMPLATE = "site"
_SCRIPT = '<script src="panels.js"></script>'
_LEFT_OUT, _EXERCISE = "no-report", "exercise"
_LAUNCH = re.compile(r"made by make derived: launch -->\n\[[^\]]*\]\(([^)\s]+)\)")
_LINK = re.compile(r'<a [^>]*?href="(?!https?:|mailto:|#)([^"#]*)(#[^"]*)?"[^>]*>(.*?)</a>', re.S)


def lab(notebook: NotebookNode) -> str:
    """Return where a lesson opens with a kernel.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The lesson.

    Returns
    -------
    str
        The address in its launch line; empty if it has none.
    """
    words = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = _LAUNCH.search(words)
    return found[1] if found else ""


def page(
    plan: Plan, notebook: NotebookNode, lessons: Sequence[Lesson], *, digest: str, stamp: str = ""
) -> tuple[str, dict[str, str]]:
    """Lay out a lesson that has run as a page of the site.

    Parameters
    ----------
    plan : helpers.report.Plan
        What was run.
    notebook : nbformat.NotebookNode
        The notebook with its outputs, panels recorded.
    lessons : sequence of helpers.course.Lesson
        All lessons, in their order.
    digest : str
        The hash of what the lesson shows; empty if that changed meanwhile.
    stamp : str, optional
        What the page keeps, to tell later whether it would come out the same.

    Returns
    -------
    html : str
        The page.
    states : dict of str to str
        The packed states of its panels, by the name of the panel.

    Raises
    ------
    LessonError
        If an output cannot be shown without a kernel or the network.
    """
    name = plan.lesson.path.stem
    names = [lesson.name for lesson in lessons]
    if name not in names:
        raise LessonError("not a lesson of the kit", where=name, right=" or ".join(names))
    place = names.index(name)
    layout = exporter(TEMPLATE, exclude_input=False)
    shown, panels = _shown(notebook, name)
    template = layout.environment.get_template("panel.html.j2")
    for panel in panels:
        panel["text/html"] = template.render(panel=panel[MIME], lab=lab(notebook))
    resources = {
        "metadata": {"path": str(plan.lesson.path.parent)},
        "site": {
            "lesson": lessons[place],
            "before": lessons[place - 1] if place else None,
            "after": lessons[place + 1] if place + 1 < len(lessons) else None,
            "lab": lab(notebook),
            "provenance": provenance(plan, digest=digest),
            "stamp": stamp,
            "script": _SCRIPT,
        },
    }
    try:
        html, _ = layout.from_notebook_node(shown, resources)
    except FileNotFoundError as error:
        raise LessonError(f"no picture {error.filename}", where=name) from None
    known = {f"{lesson.name}.ipynb": f"{lesson.name}.html" for lesson in lessons}
    html = _LINK.sub(lambda found: _linked(found, known), html)
    needs = contents(html.replace(_SCRIPT, "")).needs
    if needs:
        right = "figures and styles inside the lesson's own outputs"
        raise LessonError(f"a page cannot hold {needs[0]}", where=name, right=right)
    return html + "\n", {panel[MIME]["id"]: panel[MIME]["states"] for panel in panels}


def _shown(notebook: NotebookNode, name: str) -> tuple[NotebookNode, list[Any]]:
    """Return what a page shows of a notebook, and the outputs in it that are panels."""
    notebook = copy.deepcopy(notebook)
    panels: list[Any] = []
    kept = []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if _LEFT_OUT in tags and _EXERCISE not in tags:
            continue
        if cell.cell_type == "code":
            if _EXERCISE in tags:
                cell.outputs = []
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            found = [output.get("data", {}) for output in cell.outputs]
            panels += [data for data in found if MIME in data]
        kept.append(cell)
    # The page has a title already.
    if kept and kept[0].cell_type == "markdown":
        kept[0].source = re.sub(r"\A\s*# .*\n?", "", kept[0].source)
    notebook.cells = kept
    for number, data in enumerate(panels, start=1):
        data[MIME]["id"] = f"{name}-{number}"
    return notebook, panels


def _linked(found: re.Match[str], known: dict[str, str]) -> str:
    """Let a link to a lesson lead to its page; what isn't in the site becomes plain words."""
    target, place, words = found.groups()
    if target not in known:
        return words
    return f'<a href="{known[target]}{place or ""}">{words}</a>'
