"""A lesson run under papermill, in the Python that we are in."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from helpers.errors import LessonError
from helpers.report.lessons import load, numbered
from helpers.report.messages import one_line
from helpers.report.plans import Plan

if TYPE_CHECKING:
    from nbformat import NotebookNode


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
                load(plan.lesson.path),
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
            what = f"{error.ename}: {one_line(strip_color(error.evalue))}"
            details = strip_color("\n".join(error.traceback))
        except RuntimeError as error:  # nbclient's word for a kernel that is no more
            what = "the kernel died (out of memory, or ended by the lesson itself)"
            details = f"{type(error).__name__}: {error}"
        stopped = "at its start"
        if output.is_file():
            stopped = _stopped_at(load(output))
    failure = LessonError(what, where=f"{plan.lesson.path.stem}, {stopped}")
    failure.add_note(details)
    raise failure


def _this_python() -> type:
    """Return a kernel manager that runs the interpreter we are in.

    A kernel named ``python3`` that someone registered may be another one, without our packages.
    """
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    # `import helpers` must work in a lesson even where the kit is run without being installed.
    here = str(Path(__file__).resolve().parents[2])
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
    for index, cell in enumerate(numbered(notebook), start=1):
        # papermill leaves this empty in a cell it did not come to.
        if cell.metadata.get("papermill", {}).get("exception") is not None:
            number, first = index, cell.source.strip().splitlines()[0]
    return f"cell [{number}] `{first}`" if number else "before its first cell"
