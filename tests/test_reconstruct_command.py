"""`python -m helpers reconstruct`: run as a reader runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from helpers.reconstruct import ensemble

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return a place with copies of two papers and no ensembles."""
    for paper in ("hma_ldac", "mini_hcvd"):
        shutil.copytree(
            DATA / paper, tmp_path / "data" / paper, ignore=shutil.ignore_patterns("*cohorts*")
        )
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    return tmp_path


def run(root, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "helpers", "reconstruct", *arguments],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )


def stored(root):
    return sorted(str(file.relative_to(root)) for file in root.rglob("*cohorts*"))


def told(result):
    """Return what was said of errors, without the bar of progress."""
    return [line for line in result.stderr.splitlines() if line and "cohort/s" not in line]


@pytest.mark.parametrize(("paper", "patients"), [("hma_ldac", 70), ("mini_hcvd", 22)])
def test_cohorts_are_stored_beside_the_paper(root, paper, patients):
    result = run(root, paper, "--members", "2", "--seed", "7", "--jobs", "1")
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"data/{paper}/cohorts.parquet: 2 synthetic cohorts\n"
    assert "2/2" in result.stderr
    assert stored(root) == [f"data/{paper}/cohorts.parquet"]
    table = ensemble.read(paper)
    assert table.groupby("member").size().to_dict() == {1: patients, 2: patients}
    about = ensemble.about(paper)
    assert (about["members"], about["seed"]) == (2, 7)


def test_more_cohorts_are_added_to_those_stored(root):
    result = run(root, "hma_ldac", "--more", "--members", "1")
    assert result.returncode == 1
    assert told(result)[-1].startswith("data/hma_ldac: there is no reconstructed ensemble")
    result = run(root, "hma_ldac", "--more", "--relaxed")
    assert result.returncode == 2
    assert told(result) == ["--more: not with --relaxed or --scheduler; right would be: it alone"]
    assert stored(root) == []
    begun = pd.read_parquet(DATA / "hma_ldac" / "cohorts.parquet").query("member <= 2")
    ensemble.write("hma_ldac", begun, seed=1)
    result = run(root, "hma_ldac", "--more", "--members", "1")
    assert result.stdout == "data/hma_ldac/cohorts.parquet: 3 synthetic cohorts\n"


def test_an_unknown_paper_is_one_line(root):
    result = run(root, "nobody")
    assert result.returncode == 2
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert "no paper 'nobody' in data/" in line
    assert "hma_ldac or mini_hcvd" in line
    assert stored(root) == []


@pytest.mark.parametrize("wrong", [["--members", "0"], ["--seed", "-1"], ["--jobs", "0"], []])
def test_a_wrong_command_makes_nothing(root, wrong):
    result = run(root, *(["hma_ldac", *wrong] if wrong else []))
    assert result.returncode == 2
    assert stored(root) == []


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_numbers_that_exclude_each_other_are_named_and_nothing_is_written(root, jobs):
    """Ten patients, all in one of two arms, of which one has six and the other five."""
    folder = root / "data" / "made"
    folder.mkdir()
    (folder / "paper.toml").write_text(
        'id = "made"\ntitle = "T"\nshort_title = "T"\nkind = "abstract"\ncitation = "C"\n'
        '[variables]\nARM = { label = "arm", type = "category", source = "", '
        'values = { A = "a", B = "b" } }\n'
        '[groups]\nall = ""\na = "ARM == \'A\'"\nb = "ARM == \'B\'"\n',
        encoding="utf-8",
    )
    header = (DATA / "hma_ldac" / "published.csv").read_text(encoding="utf-8").splitlines()[0]
    lines = [header]
    for id, group, count in (("n_all", "all", 10), ("n_a", "a", 6), ("n_b", "b", 5)):
        cells = {"id": id, "location": "abstract", "quantity": "patients", "group": group}
        cells |= {"statistic": "number", "printed": str(count), "count": str(count)}
        lines.append(",".join(cells.get(name, "") for name in header.split(",")))
    (folder / "published.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    result = run(root, "made", "--members", "2", "--jobs", jobs)
    assert result.returncode == 1, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    [line] = told(result)
    assert "n_a" in line
    assert "n_b" in line
    assert stored(root) == []
