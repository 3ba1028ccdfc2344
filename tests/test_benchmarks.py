"""The benchmarks' CSV keeps its contract; how fast anything is, is not tested."""

import csv
import io

import pytest

from benchmarks.harness import Benchmark, as_csv, benchmark, best_times, write

HEADER = ["name", "ours_s", "reference_s", "ratio", "reference"]


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
