"""axe-core on a page: what keeps people out who can't see it, or don't use a mouse."""

import re

from axe_playwright_python.sync_playwright import Axe

GRAVE = ("serious", "critical")
# JupyterLab's own faults, by axe's rule: the class of the element, and why it isn't ours to mend.
JUPYTERLAB = {
    "aria-allowed-attr": (
        "jp-DebuggerBugButton",
        "its toolbar has a pressed button of its own kind",
    ),
    "aria-input-field-name": ("cm-content", "the editor of a code cell has no name"),
    "aria-required-children": ("jp-WindowedPanel-viewport", "a feed whose cells are no articles"),
    "button-name": ("jp-collapseHeadingButton", "the arrow beside a heading has no words"),
    "scrollable-region-focusable": (
        "cm-scroller",
        "a long line of code scrolls, its editor is within",
    ),
}


def faults(page, *, within=None):
    """Return the serious and critical findings: rule, element, and what axe says of it.

    Parameters
    ----------
    page : playwright.sync_api.Page
        What is looked at.
    within : str, optional
        A CSS selector: only what is within, and is not JupyterLab's own fault.
    """
    found = Axe().run(page, context=within).response["violations"]
    return [
        f"{fault['id']}: {node['html'][:300]}: {node['failureSummary']}"
        for fault in found
        if fault["impact"] in GRAVE
        for node in fault["nodes"]
        if within is None or not _is_jupyterlabs(fault["id"], node["html"])
    ]


def _is_jupyterlabs(rule, html):
    name, _ = JUPYTERLAB.get(rule, ("", ""))
    opening = html.partition(">")[0]
    return bool(name and re.search(rf'class="[^"]*\b{name}\b', opening))
