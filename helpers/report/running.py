"""A lesson run under papermill, in the Python that we are in."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from helpers.errors import LessonError
from helpers.report.kernels import Forks, manager
from helpers.report.lessons import load, numbered
from helpers.report.messages import one_line
from helpers.report.plans import Plan

if TYPE_CHECKING:
    from nbformat import NotebookNode


def run(
    plan: Plan, *, label: str = "", forks: Forks | None = None, extension: str = ""
) -> NotebookNode:
    """Run a lesson under papermill, in the folder where it lies.

    Parameters
    ----------
    plan : Plan
        What to run.
    label : str, optional
        What a progress bar says; without it there is none.
    forks : Forks, optional
        What to fork the kernel from; by default it is started anew.
    extension : str, optional
        An extension of IPython that the kernel loads first.

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
    notebook = load(plan.lesson.path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    begun: list[str] = []
    with TemporaryDirectory(prefix="report-") as folder:
        try:
            done: NotebookNode = papermill.execute_notebook(
                notebook,
                # A notebook written anew after each cell is a third of what a report takes.
                None,
                parameters=plan.varied,
                kernel_name="python3",
                language="python",
                progress_bar={"desc": label, "file": sys.stderr} if label else False,
                kernel_manager_class=manager(
                    plan.lesson.path.parent, files=Path(folder), forks=forks, extension=extension
                ),
                # Asked to end itself, an interrupted kernel prints a traceback first.
                shutdown_kernel="immediate",
                on_cell_start=lambda cell, cell_index: begun.append(cell.id),
            )
            return done
        except papermill.PapermillExecutionError as error:
            what = f"{error.ename}: {one_line(strip_color(error.evalue))}"
            details = strip_color("\n".join(error.traceback))
        except RuntimeError as error:  # nbclient's word for a kernel that is no more
            what = "the kernel died (out of memory, or ended by the lesson itself)"
            details = f"{type(error).__name__}: {error}"
    stopped = _stopped_at(notebook, begun)
    failure = LessonError(what, where=f"{plan.lesson.path.stem}, {stopped}")
    failure.add_note(details)
    raise failure


def _stopped_at(notebook: NotebookNode, begun: list[str]) -> str:
    for number, cell in enumerate(numbered(notebook), start=1):
        if begun and cell.id == begun[-1]:
            return f"cell [{number}] `{cell.source.strip().splitlines()[0]}`"
    return "before its first cell"
