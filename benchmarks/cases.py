"""The benchmarks, in the order of the rows. A new one is a new function here."""

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from benchmarks.harness import benchmark

LESSON = next((Path(__file__).parents[1] / "notebooks").glob("01_*.ipynb"))


def python(code: str) -> None:
    """Run code in a new interpreter, as one who opens a notebook does."""
    subprocess.run([sys.executable, "-c", code], check=True)


@benchmark(reference=lambda: python("import lifelines"), label="import lifelines, from cold")
def import_helpers():
    python("import helpers")


def run_lesson_again():
    """Set a parameter and run the whole lesson, as one does without panels."""
    import papermill

    with tempfile.TemporaryDirectory() as folder:
        papermill.execute_notebook(
            LESSON,
            Path(folder) / "run.ipynb",
            parameters={"origin": "treatment"},
            cwd=LESSON.parent,
            progress_bar=False,
        )


@cache
def lesson_panels():
    """Return the three panels of the lesson, as they stand before the first move."""
    from helpers import panels, parameters

    settings = parameters.check({}, "dose", "cohort", "endpoint", "assumptions", paper="alal_nos")
    return [
        make(settings, paper="alal_nos")
        for make in (panels.dose, panels.cohort_of, panels.endpoint)
    ]


def move(panel, name, *values):
    """Move a control to another value than it has."""
    control = panel.controls[name]
    control.value = values[control.value == values[0]]


@benchmark(reference=run_lesson_again, label="run the lesson anew, papermill", rounds=3)
def move_dose_panel():
    move(lesson_panels()[0], "venetoclax_days", 7, 14)


@benchmark(reference=run_lesson_again, label="run the lesson anew, papermill", rounds=3)
def move_cohort_panel():
    move(lesson_panels()[1], "cohort", "AGE < 30", "HSCTFL == 'Y'")


@benchmark(reference=run_lesson_again, label="run the lesson anew, papermill", rounds=3)
def move_endpoint_panel():
    move(lesson_panels()[2], "origin", "treatment", "response")


def nbconvert_report():
    """Run the lesson and export it with Jupyter's own tool."""
    with tempfile.TemporaryDirectory() as folder:
        tool = [sys.executable, "-m", "nbconvert", "--execute", "--to", "html", "--no-input"]
        subprocess.run([*tool, "--output-dir", folder, LESSON], check=True, capture_output=True)


@benchmark(reference=nbconvert_report, label="jupyter nbconvert --execute --to html", rounds=3)
def report_of_a_lesson():
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "helpers", "report", LESSON, "--out", folder]
        subprocess.run(command, check=True, capture_output=True)
