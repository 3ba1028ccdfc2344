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


def one_by_one():
    """Check VAH's intervals and P values by scipy calls, method by method, as one does by hand."""
    import numpy as np
    from scipy import stats

    from helpers import audit

    book = audit.book("vah")
    for number in book.numbers:
        total = book.total(number)
        if number.statistic == "proportion_ci" and total:
            for count in book.counts(number):
                for method in ("exact", "wilson", "wilsoncc"):
                    stats.binomtest(count, total).proportion_ci(method=method)
        for table in audit.count_tables(number, book) if number.statistic == "p_value" else ():
            stats.chi2_contingency(table, correction=False)
            stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
            if table.shape == (2, 2):
                stats.chi2_contingency(table)
                stats.fisher_exact(table)
            else:
                # Beyond 2 × 2 scipy samples tables where it cannot count them all.
                draws = stats.PermutationMethod(n_resamples=999, rng=np.random.default_rng(1))
                stats.fisher_exact(table, method=draws)


@benchmark(
    reference=one_by_one,
    label="VAH's intervals and P values alone, by scipy one by one, Fisher r × c by 999 draws",
    rounds=3,
)
def audit_of_five_papers():
    from helpers import audit

    audit.forget()
    audit.ledger()


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
