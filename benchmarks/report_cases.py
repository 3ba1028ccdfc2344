"""Benchmarks of reports in numbers: a grid, and every lesson."""

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from benchmarks.harness import benchmark

ROOT = Path(__file__).parents[1]
# A hundred reports, the lesson as it stands among them.
GRID = f"""lessons = ["01"]
[[variants]]
venetoclax_days = {list(range(4, 29))}
origin = ["diagnosis", "treatment"]
censor_at_transplant = [false, true]
"""


def report(folder, *arguments):
    """Run the command, as a reader does."""
    command = [sys.executable, "-m", "helpers", "report", "--out", folder, *arguments]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def grid_in_processes(jobs):
    with tempfile.TemporaryDirectory() as folder:
        grid = Path(folder) / "grid.toml"
        grid.write_text(GRID, encoding="utf-8")
        report(folder, "--grid", str(grid), "--jobs", str(jobs))
        # The summary and the index are pages, too.
        assert len(list(Path(folder).glob("*.html"))) == 102


@benchmark(reference=lambda: grid_in_processes(1), label="the same grid with one process", rounds=1)
def grid_of_100_reports_with_two_processes():
    grid_in_processes(2)


def nbconvert_all():
    """Run all lessons and export them with Jupyter's own tool."""
    lessons = sorted(map(str, (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")))
    with tempfile.TemporaryDirectory() as folder:
        tool = [sys.executable, "-m", "nbconvert", "--execute", "--to", "html", "--no-input"]
        command = [*tool, "--output-dir", folder, *lessons]
        subprocess.run(command, check=True, capture_output=True)


@benchmark(
    reference=nbconvert_all, label="jupyter nbconvert --execute --to html, all lessons", rounds=2
)
def reports_of_all_lessons():
    with tempfile.TemporaryDirectory() as folder:
        report(folder)


@cache
def made_before():
    """Return a folder that holds the reports of all lessons."""
    folder = tempfile.TemporaryDirectory()
    report(folder.name)
    return folder


@benchmark(rounds=3)
def reports_of_all_lessons_unchanged():
    report(made_before().name)
