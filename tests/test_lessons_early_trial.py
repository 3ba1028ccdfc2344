"""The lessons on an early trial, run anew with other settings."""

import nbformat
import papermill
import pytest

from helpers import paths


def run(number, target, **values):
    (path,) = (each for each in paths.lessons() if each.stem.startswith(number))
    done = papermill.execute_notebook(
        str(path), str(target), values, kernel_name="python3", progress_bar=False, cwd=path.parent
    )
    bundles = [
        output.get("data", {})
        for cell in done.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    panels = [bundle for bundle in bundles if "tbn-panel" in bundle.get("text/html", "")]
    return dict(panel["text/plain"].split(": ", 1) for panel in panels)


def test_lesson_07_with_other_settings(tmp_path):
    """The numbers by hand, from the regimen and the printed counts."""
    panels = run(
        "07",
        tmp_path / "run.ipynb",
        venetoclax_mg=200,
        venetoclax_ramp_days=2,
        cycles=2,
        cyp3a_inhibitor="moderate",
        cohort="LINEAGE == 'T'",
        origin="treatment",
        events="death",
        whom="everyone",
    )
    # 50 mg on the first day, 100 on all others; the plan is twice as much.
    for part in (f"{50 + 13 * 100 + 7 * 100:,} mg in all", "planned, 200 mg: 50%"):
        assert part in panels["Change the dose"]
    assert "4 patients of 22 fit" in panels["Change the cohort"]
    for part in ("4 patients of 22 fit", "From the start of venetoclax to death"):
        assert part in panels["Change the endpoint"]


def test_lesson_08_with_other_settings(tmp_path):
    panels = run(
        "08",
        tmp_path / "run.ipynb",
        design="BOIN",
        doses=2,
        dlt_percent_1=0,
        dlt_percent_2=0,
        target_percent=30,
        patients=12,
        toxicity_cutoff_percent=45,
        planned_patients=30,
    )
    for part in ("BOIN, true DLT rates 0%, 0%", "treats 12.0 patients", "0.0 have a DLT"):
        assert part in panels["Change the design"]
    for part in ("P(rate < 0.2) < 0.45", "5 of 22, P = 0.42, it stops"):
        assert part in panels["Change the stopping rules"]


@pytest.mark.parametrize("number", ["07", "08"])
def test_what_is_synthetic_or_simulated_is_called_so_at_the_top(number):
    (path,) = (each for each in paths.lessons() if each.stem.startswith(number))
    first = nbformat.read(path, as_version=4).cells[0].source.lower()
    assert "synthetic" in first
    assert "not medical advice" in first
