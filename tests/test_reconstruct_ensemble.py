"""An ensemble is the same whoever makes it, survives being broken off, and says what it is."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from helpers import catalogue
from helpers.errors import DataError, KitError
from helpers.reconstruct import ensemble

ROOT = Path(__file__).parents[1]
PAPER = "hma_ldac"
MONTH = 30.4375
TIMES = ["RSPM", "NRSPM", "RLPM", "HSCTM", "DTHM", "LSTALVM"]
PATIENTS = {"hma_ldac": 70, "mini_hcvd": 22}
STORED = [paper for paper in PATIENTS if (ROOT / "data" / paper / "cohorts.parquet").is_file()]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return a place with a copy of one paper."""
    shutil.copytree(
        ROOT / "data" / PAPER, tmp_path / "data" / PAPER, ignore=shutil.ignore_patterns("*cohorts*")
    )
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return four members, made by this process in one go."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("made")
        shutil.copytree(
            ROOT / "data" / PAPER,
            place / "data" / PAPER,
            ignore=shutil.ignore_patterns("*cohorts*"),
        )
        patch.setenv("TRIAL_BY_NOTEBOOK", str(place))
        return ensemble.make(PAPER, members=4, seed=3)


def folder(root):
    return sorted(file.name for file in (root / "data" / PAPER).iterdir() if "cohorts" in file.name)


# --- who makes it --------------------------------------------------------------------------------


def test_members_are_numbered_whole_cohorts_and_differ(made):
    assert made["member"].tolist() == [n for n in range(1, 5) for _ in range(70)]
    assert made["ARM"].value_counts().to_dict() == {"HMA": 42 * 4, "LDAC": 28 * 4}
    each = [table[["ARM", *TIMES[-2:]]].to_csv(index=False) for _, table in made.groupby("member")]
    assert len(set(each)) == 4


def test_two_processes_make_the_same_as_one(root, made):
    assert_frame_equal(ensemble.make(PAPER, members=4, seed=3, jobs=2), made)
    assert folder(root) == []


def test_a_member_does_not_depend_on_how_many_there_are_but_on_the_seed(root, made):
    assert_frame_equal(ensemble.make(PAPER, members=1, seed=3), made[made["member"] == 1])
    other = ensemble.make(PAPER, members=1, seed=4)
    assert not other["LSTALVM"].equals(made.loc[made["member"] == 1, "LSTALVM"])


def test_members_that_share_a_start_are_the_same_whoever_makes_them(root):
    toml = root / "data" / PAPER / "paper.toml"
    text = toml.read_text(encoding="utf-8")
    more = "[reconstruct]\nmembers_per_start = 2\nstarts_per_search = 2\n\n[reconstruct.history]"
    toml.write_text(text.replace("[reconstruct.history]", more))
    assert catalogue.load(PAPER).reconstruct.starts_per_search == 2
    alone = ensemble.make(PAPER, members=5, seed=3)
    assert_frame_equal(ensemble.make(PAPER, members=5, seed=3, jobs=2), alone)
    # Those that begin from one start still have the same patients, in other histories.
    first, second = (alone[alone["member"] == number].reset_index(drop=True) for number in (1, 2))
    assert not first["LSTALVM"].equals(second["LSTALVM"])


def test_of_a_search_the_first_attempt_that_found_a_cohort_counts():
    search = ensemble._Search([[1, 2], [3]])
    assert [search.attempt()[1] for _ in range(3)] == [(1, 0), (1, 1), (1, 2)]
    search.told[2] = "later"
    search.told[0] = None
    assert search.found(PAPER) is None
    assert search.waiting()
    search.told[1] = "earlier"
    assert search.found(PAPER) == "earlier"
    assert not search.waiting()


def test_a_search_is_given_up_after_its_last_attempt(monkeypatch):
    monkeypatch.setattr("helpers.reconstruct.members.ATTEMPTS", 2)
    search = ensemble._Search([[1]])
    search.told = {search.attempt()[1][1]: None for _ in range(2)}
    with pytest.raises(KitError, match="no cohort with every printed number found in 2 attempts"):
        search.found(PAPER)


def test_members_are_added_to_those_stored(root, made):
    ensemble.write(PAPER, made, seed=3)
    found = ensemble.more(PAPER, members=2, seed=5)
    assert_frame_equal(found[found["member"] <= 4], ensemble.read(PAPER))
    assert_frame_equal(ensemble.more(PAPER, members=2, seed=5), found)
    assert found["member"].unique().tolist() == [1, 2, 3, 4, 5, 6]
    for number in (5, 6):
        begun, new = (found[found["member"] == each] for each in (number - 4, number))
        assert not np.array_equal(begun["LSTALVM"], new["LSTALVM"])
    # Storing refuses cohorts that lack a number.
    ensemble.write(PAPER, found, seed=5)
    assert ensemble.about(PAPER)["members"] == 6


def test_a_dask_cluster_makes_the_same_even_if_a_worker_is_killed(cluster, made):
    assert cluster.scheduler_address.startswith("tcp://127.0.0.1:")
    workers = {worker.pid for worker in cluster.workers.values()}
    assert len(workers) == 2
    assert os.getpid() not in workers
    seen = []

    def kill_one(done):
        seen.append(done)
        if done == 1:
            os.kill(min(workers), signal.SIGKILL)

    found = ensemble.make(
        PAPER, members=4, seed=3, scheduler=cluster.scheduler_address, progress=kill_one
    )
    assert seen == [0, 1, 2, 3, 4]
    assert_frame_equal(found, made)


def test_no_scheduler_is_one_clear_message(root, monkeypatch):
    import distributed

    client = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda at, timeout: client(at, timeout=0.5))
    with pytest.raises(KitError, match="no Dask scheduler answers at nowhere:1"):
        ensemble.make(PAPER, members=1, scheduler="nowhere:1")


def test_a_worker_with_other_files_makes_nothing(root):
    """As on another machine, where the paper's numbers were not brought up to date."""
    with pytest.raises(KitError, match="another version of the kit or of the paper"):
        ensemble._attempted(str(root), "other inputs", PAPER, 1, 1, 0)


def test_no_members_are_no_ensemble(root):
    with pytest.raises(KitError, match="members: given 0"):
        ensemble.make(PAPER, members=0)


# --- broken off ----------------------------------------------------------------------------------


class BrokenOff(Exception):
    """What stops a run in the middle."""


def test_a_run_that_was_broken_off_goes_on_where_it_stopped(root, made):
    def stop(done):
        if done == 2:
            raise BrokenOff

    with pytest.raises(BrokenOff):
        ensemble.make(PAPER, members=4, seed=3, progress=stop)
    [left] = folder(root)
    assert left.startswith(".cohorts-")
    seen = []
    found = ensemble.make(PAPER, members=4, seed=3, progress=seen.append)
    assert seen == [2, 3, 4]
    assert_frame_equal(found, made)
    assert folder(root) == []


def test_what_is_left_of_other_inputs_or_is_unreadable_is_not_taken_over(root, made):
    def stop(done):
        if done == 1:
            raise BrokenOff

    with pytest.raises(BrokenOff):
        ensemble.make(PAPER, members=2, seed=3, progress=stop)
    [left] = (root / "data" / PAPER).glob(".cohorts-*")
    left.write_bytes(left.read_bytes()[:100])
    seen = []
    ensemble.make(PAPER, members=1, seed=3, progress=seen.append)
    assert seen == [0, 1]
    with pytest.raises(BrokenOff):
        ensemble.make(PAPER, members=2, seed=3, progress=stop)
    toml = root / "data" / PAPER / "paper.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    seen = []
    ensemble.make(PAPER, members=1, seed=3, progress=seen.append)
    assert seen == [0, 1]


def test_a_process_that_is_ended_leaves_its_members(root, made):
    """The command, stopped from outside as a scheduler of jobs does it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers", "reconstruct", PAPER, "--members=4000", "--seed=3"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )
    shown = b""
    while not re.search(rb"\| ([3-9]|\d\d+)/4000", shown):
        more = process.stderr.read1(4096)
        assert more, shown.decode()
        shown += more
    process.terminate()
    process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == 128 + signal.SIGTERM
    seen = []
    found = ensemble.make(PAPER, members=3, seed=3, progress=seen.append)
    # Three were taken over; of two processes, one may have been ahead with a later member.
    assert seen[0] >= 3
    assert len(seen) <= 3
    assert_frame_equal(found, made[made["member"] <= 3])


def test_a_process_that_is_killed_leaves_what_it_had_kept(root, made):
    """Nothing can be written after SIGKILL; so members are kept on the way."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from helpers.reconstruct import ensemble; ensemble._KEEP_EVERY = 0.0; "
            f"ensemble.make({PAPER!r}, members=4000, seed=3, progress=print)",
        ],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process.stdout as shown:
        while int(shown.readline()) < 3:
            pass
        process.kill()
    assert process.wait(timeout=30) == -signal.SIGKILL
    seen = []
    found = ensemble.make(PAPER, members=3, seed=3, progress=seen.append)
    assert seen == [3]
    assert_frame_equal(found, made[made["member"] <= 3])


# --- the file ------------------------------------------------------------------------------------


def test_what_is_written_is_read_back(root, made):
    place = ensemble.write(PAPER, made, seed=3)
    assert place == ensemble.file(PAPER) == root / "data" / PAPER / "cohorts.parquet"
    found = ensemble.read(PAPER)
    assert_frame_equal(found, made)
    for name in made:
        mine, theirs = made[name], found[name]
        missing = mine.isna()
        assert [type(each) for each in theirs[missing]] == [type(each) for each in mine[missing]]
    # What a reader does to the table is nobody else's.
    found["LSTALVM"] = 0.0
    assert_frame_equal(ensemble.read(PAPER), made)


def test_missing_values_come_back_as_they_were(root, made, monkeypatch):
    """None where a variable does not apply, NaN where something did not happen."""
    from helpers.reconstruct import verification

    monkeypatch.setattr(verification, "proof", lambda *_: {})
    table = made.copy()
    table["HSCTM"] = np.nan
    table["MRDFL"] = pd.Series(["Y", "N", None, "Y"] * 70, dtype=object)
    table["GRADE"] = pd.Series([0, 1, None, 5] * 70, dtype=object)
    ensemble.write(PAPER, table, seed=3)
    found = ensemble.read(PAPER)
    assert found["HSCTM"].dtype == float
    assert found["MRDFL"].tolist() == table["MRDFL"].tolist()
    assert found["GRADE"].tolist() == table["GRADE"].tolist()


def test_the_file_says_that_its_patients_are_synthetic(root, made):
    place = ensemble.write(PAPER, made, seed=3)
    told = ensemble.about(PAPER)
    assert told["paper"] == PAPER
    assert (told["members"], told["seed"]) == (4, 3)
    assert "synthetic" in told["label"]
    assert "not real patients" in told["label"]
    # And so without the kit.
    metadata = parquet.read_schema(place).metadata
    assert json.loads(metadata[b"trial_by_notebook"]) == told
    toml = root / "data" / PAPER / "paper.toml"
    toml.write_text(toml.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    ensemble.write(PAPER, made, seed=3)
    assert ensemble.about(PAPER)["inputs"] != told["inputs"]


def test_an_ensemble_that_lacks_a_number_is_not_stored(root, made):
    place = ensemble.write(PAPER, made, seed=3)
    before = place.read_bytes()
    wrong = made.copy()
    wrong["LSTALVM"] += 3
    wrong["DTHM"] += 3
    with pytest.raises(KitError):
        ensemble.write(PAPER, wrong, seed=3)
    assert place.read_bytes() == before


def test_a_missing_ensemble_names_the_command_that_makes_it(root):
    with pytest.raises(DataError, match="python -m helpers reconstruct hma_ldac"):
        ensemble.read(PAPER)
    with pytest.raises(DataError, match="not a reconstructed ensemble"):
        ensemble.about(PAPER)


@pytest.mark.parametrize(
    "content", [b"", b"PAR1 no parquet PAR1", None], ids=["0", "text", "other"]
)
def test_a_file_that_is_no_ensemble_is_one_clear_error(root, content):
    place = ensemble.file(PAPER)
    if content is None:
        pd.DataFrame({"a": [1]}).to_parquet(place)
    else:
        place.write_bytes(content)
    for read in (ensemble.read, ensemble.about):
        with pytest.raises(DataError, match=r"data/hma_ldac/cohorts\.parquet") as caught:
            read(PAPER)
        assert "\n" not in str(caught.value)


def test_a_file_cut_short_is_one_clear_error(root, made):
    place = ensemble.write(PAPER, made, seed=3)
    place.write_bytes(place.read_bytes()[:-500])
    with pytest.raises(DataError, match=r"data/hma_ldac/cohorts\.parquet"):
        ensemble.read(PAPER)


def test_an_unknown_paper_has_no_ensemble(root):
    for read in (ensemble.read, ensemble.about, ensemble.make):
        with pytest.raises(DataError, match="no paper 'nobody'"):
            read("nobody")


# --- what is stored ------------------------------------------------------------------------------


@pytest.mark.skipif(not STORED, reason="no ensemble is stored")
@pytest.mark.parametrize("paper", STORED or ["none"])
def test_a_stored_ensemble_is_of_whole_distinct_cohorts_in_whole_days(paper):
    table = ensemble.read(paper)
    told = ensemble.about(paper)
    assert "synthetic" in told["label"]
    sizes = table.groupby("member", sort=False).size()
    assert sizes.index.tolist() == list(range(1, told["members"] + 1))
    assert set(sizes) == {PATIENTS[paper]}
    variables = catalogue.load(paper).variables
    wanted = {"member", "USUBJID", *variables, *TIMES}
    assert wanted <= set(table.columns)
    for name in TIMES:
        assert table[name].dtype == float
        days = table[name].dropna() * MONTH
        assert np.allclose(days, days.round(), atol=1e-6)
        assert (days >= 0).all()
    assert table["LSTALVM"].notna().all()
    assert (table["DTHM"].isna() | (table["DTHM"] == table["LSTALVM"])).all()
    for name, variable in variables.items():
        if variable.values:
            assert set(table[name].dropna()) <= set(variable.values)
    for _, cohort in table.groupby("member"):
        assert cohort["USUBJID"].is_unique
    kinds = [cohort.drop(columns=["member", "USUBJID"]) for _, cohort in table.groupby("member")]
    prints = {
        pd.util.hash_pandas_object(each.astype(str), index=False).sort_values().to_numpy().tobytes()
        for each in kinds
    }
    assert len(prints) == len(kinds)
