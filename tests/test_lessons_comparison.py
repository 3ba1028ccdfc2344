"""The lesson on five documents, run anew with other settings."""

import nbformat
import papermill

from helpers import made_up_abstract, paths

(TENTH,) = (each for each in paths.lessons() if each.stem.startswith("10_"))


def run(target, **values):
    return papermill.execute_notebook(
        str(TENTH), str(target), values, kernel_name="python3", progress_bar=False,
        cwd=TENTH.parent,
    )  # fmt: skip


def texts(notebook):
    return [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


def test_lesson_10_with_other_settings(tmp_path):
    """The numbers by hand, from the documents' counts and the label."""
    done = run(
        tmp_path / "run.ipynb",
        seed=4,
        with_hma_ldac=False,
        response="CR",
        population="evaluable for response",
        pooled_by="DerSimonian-Laird",
        origin="treatment",
        survival_month=6,
        dose_metric="mg in all",
        cycles=2,
        cyp3a_inhibitor="strong",
    )
    told = "\n".join(texts(done))
    for part in (
        "Six patients (ALAL-NOS) 5 of 6; VAH (AML) 40 of 96; mini-hyper-CVD (ALL) 9 of 21",
        "Pooled by DerSimonian-Laird",
        "from the start of venetoclax. At 6 months",
        "mg in all, 2 cycles, beside a strong inhibitor",
    ):
        assert part in told
    abstract = made_up_abstract.write(4)
    assert abstract.text.splitlines()[0] in told
    assert f"{made_up_abstract.COHORTS} cohorts, each with every printed number" in told
    assert "Survival of" in told
    assert not [
        output
        for cell in done.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error"
    ]


def test_what_is_synthetic_or_made_up_is_called_so():
    cells = nbformat.read(TENTH, as_version=4).cells
    first = cells[0].source
    assert "synthetic" in first.lower()
    assert "Six patients are real" in first
    assert "not medical advice" in first
    (seventh,) = [cell.source for cell in cells if cell.source.startswith("## 7 ")]
    assert "study is made up" in seventh
