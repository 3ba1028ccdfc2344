"""Both sides of a benchmark compute the same, and the CSV keeps its contract.

How fast anything is, is not tested.
"""

import csv
import io
import shutil
import subprocess

import numpy as np
import pytest

import benchmarks.audit_cases  # noqa: F401 (it registers its benchmarks)
import benchmarks.survival_cases as cases
from benchmarks import scaling
from benchmarks.__main__ import main
from benchmarks.harness import (
    REGISTERED,
    Benchmark,
    Missing,
    Timed,
    as_csv,
    benchmark,
    best_times,
    write,
)

HEADER = ["name", "ours_s", "reference_s", "ratio", "reference"]


# So many cohorts, members or papers: some of the cohorts lose half of their patients, some don't.
TINY = 20
ANSWERED = [bench for bench in REGISTERED if bench.tolerance is not None]
IN_R = [bench for bench in ANSWERED if bench.name.endswith("_r")]
# Where there is no R, nothing here needs it: tests/oracles hold the same functions to its values.
RUNNABLE = [bench for bench in ANSWERED if bench not in IN_R or shutil.which("Rscript")]


def rows(*benchmarks):
    lines = list(csv.reader(io.StringIO(as_csv(benchmarks))))
    assert lines[0] == HEADER
    return [dict(zip(HEADER, line, strict=True)) for line in lines[1:]]


def work(n):
    return lambda: sum(range(n))


def test_a_row_tells_both_times_and_their_ratio():
    [row] = rows(Benchmark("add", work(1_000), work(100_000), "add more, slowly", 3))
    assert (row["name"], row["reference"]) == ("add", "add more, slowly")
    ratio = float(row["reference_s"]) / float(row["ours_s"])
    assert float(row["ratio"]) == pytest.approx(ratio, rel=0.01)


def test_a_row_without_a_reference_leaves_its_fields_empty():
    [row] = rows(Benchmark("alone", work(1_000), None, "", 1))
    assert float(row["ours_s"]) > 0
    assert (row["reference_s"], row["ratio"], row["reference"]) == ("", "", "")


def test_both_sides_take_turns():
    turns = []
    best_times(
        Benchmark("turns", lambda: turns.append("ours"), lambda: turns.append("other"), "other", 3)
    )
    assert turns == ["ours", "other"] * 3


def test_only_the_csv_goes_to_standard_output(capsys):
    as_csv([Benchmark("alone", work(10), None, "", 1)])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "benchmarks" in printed.err


@pytest.mark.parametrize("options", [{"reference": work(1)}, {"label": "nothing"}])
def test_a_reference_has_a_label(options):
    with pytest.raises(ValueError, match="label"):
        benchmark(**options)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    file = tmp_path / "results.csv"
    write("old", file)
    with pytest.raises(UnicodeEncodeError):
        write("new \ud800", file)
    assert file.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [file]
    write("new", file)
    assert file.read_text(encoding="utf-8") == "new"


def answer(side):
    found = side(TINY)
    return found.answer() if isinstance(found, Timed) else found()


@pytest.mark.parametrize("bench", RUNNABLE, ids=lambda bench: bench.name)
def test_both_sides_give_the_same_answer(bench):
    try:
        reference = answer(bench.reference)
    except Missing as missing:
        pytest.skip(str(missing))
    ours = answer(bench.ours)
    assert ours.keys() == reference.keys()
    for name, values in reference.items():
        values = np.asarray(values, dtype=float)
        assert np.isfinite(values).any(), name
        assert np.shape(ours[name]) == values.shape, name
        np.testing.assert_allclose(
            ours[name], values, rtol=bench.tolerance, atol=bench.tolerance, err_msg=name
        )


def test_every_subject_is_compared():
    assert len(ANSWERED) == 8
    assert len(IN_R) == 3


@pytest.mark.parametrize("bench", IN_R, ids=lambda bench: bench.name)
def test_without_r_a_row_says_so(bench, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    tiny = Benchmark(
        bench.name,
        lambda: bench.ours(TINY),
        lambda: bench.reference(TINY),
        bench.label,
        1,
    )
    [row] = rows(tiny)
    assert float(row["ours_s"]) > 0
    assert (row["reference_s"], row["ratio"]) == ("", "")
    assert row["reference"] == f"{bench.label}: Rscript not found"


def test_without_a_package_of_r_the_package_is_named(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: "Rscript")
    monkeypatch.setattr(
        subprocess,
        "run",
        lambda command, **_: subprocess.CompletedProcess(command, 3, "cmprsk", ""),
    )
    with pytest.raises(Missing, match="R's package cmprsk not found"):
        cases.by_r("incidences", 2)


def test_a_row_that_cannot_run_here_says_why():
    def ours():
        raise Missing("no browser")

    [row] = rows(Benchmark("alone", ours, None, "", 1))
    assert row == dict.fromkeys(HEADER, "") | {"name": "alone", "reference": "no browser"}


def test_a_side_that_timed_itself_is_believed():
    side = Benchmark("timed", work(10), lambda: Timed(2.5, dict), "slept elsewhere", 2)
    assert best_times(side)[1] == 2.5


def test_a_loop_on_a_sample_is_scaled(monkeypatch):
    clock = iter([10.0, 13.0])
    monkeypatch.setattr(cases.time, "perf_counter", lambda: next(clock))
    ran = []
    found = cases.by_lifelines(10 * cases.SAMPLE, ran.append, lambda _, index: {"index": index})
    assert ran == list(range(cases.SAMPLE))
    assert found.seconds == 30.0
    assert found.answer()["index"].tolist() == ran


def test_scaling_has_a_row_for_each_shape():
    lines = list(csv.DictReader(io.StringIO(scaling.as_csv([(1, 50), (4, 25)]))))
    assert [(line["members"], line["patients"]) for line in lines] == [("1", "50"), ("4", "25")]
    for line in lines:
        per_million = float(line["seconds"]) / (int(line["members"]) * int(line["patients"])) * 1e6
        assert float(line["seconds_per_million"]) == pytest.approx(per_million, rel=0.02)
        assert float(line["peak_over_input"]) > 1


def test_an_unknown_name_runs_nothing(capsys):
    assert main(["nothing"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "scaling" in printed.err
