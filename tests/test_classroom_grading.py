"""Grading as a teacher does it: real notebooks, real processes, in a kit of one small lesson.

The small lesson has exercises of the kit's first paper, so that a class is graded in seconds.
"""

import csv
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import pytest
from test_classroom_sandbox import WITHOUT_RIGHTS, possible

from benchmarks import a_class
from helpers import exercises, paths
from helpers.classroom import grading, submissions, versions
from helpers.classroom.submissions import Cell, Submission

ROOT = Path(__file__).parents[1]
LESSON = "01_small"
LIMITS = ("--seconds", "8", "--memory", "400", "--jobs", "2")
EXERCISES = {"younger": "younger", "median_age": "median_age", "why": "censoring"}


def small_lesson():
    new = nbformat.v4
    cells = [
        new.new_markdown_cell("# 01 · Small"),
        new.new_code_cell("from helpers import cohort, exercises"),
        new.new_code_cell('ages = cohort.patients("alal_nos")["AGE"]'),
        new.new_code_cell("oldest = ages.max()"),
    ]
    for variable, exercise in EXERCISES.items():
        source = f'{variable} = ...\nexercises.check("alal_nos", "{exercise}", {variable})'
        cell = new.new_code_cell(source, id=f"cell-{exercise}")
        cell.metadata.tags = ["exercise", "no-report"]
        cells += [new.new_markdown_cell("How many?"), cell]
    notebook = new.new_notebook(cells=cells)
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "trial_by_notebook": {"title": "Small", "paper": "alal_nos", "minutes": 1, "needs": []},
    }
    return notebook


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """Return a kit with one small lesson; the whole module looks there."""
    root = tmp_path_factory.mktemp("kit")
    shutil.copytree(ROOT / "data" / "alal_nos", root / "data" / "alal_nos")
    (root / "notebooks").mkdir()
    nbformat.write(small_lesson(), root / "notebooks" / f"{LESSON}.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIAL_BY_NOTEBOOK", str(root))
        yield root


def command(*arguments, prefix=(), **options):
    return subprocess.run(
        [*prefix, sys.executable, "-m", "helpers", "classroom", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        **options,
    )


def rows(file):
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))


def contents(folder):
    return {
        file: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def made(kind, name=None):
    handed_in = a_class.notebook(paths.lessons()[0], kind)
    return a_class.HandedIn(
        f"{name or kind}.ipynb", handed_in.text, handed_in.least, handed_in.most
    )


def answered(**answers):
    """Return the text of a student's notebook with these answers."""
    notebook = versions.student(small_lesson())
    for cell in notebook.cells:
        name = cell.source.split(" = ")[0]
        if name in answers:
            cell.source = f"{name} = {answers[name]}"
    return json.dumps(notebook)


@pytest.fixture(scope="module")
def graded(kit, tmp_path_factory):
    """Grade a class with one of each kind, honest, hostile and garbage."""
    folder = tmp_path_factory.mktemp("graded")
    kinds = [*dict.fromkeys(a_class.HONEST), *a_class.HOSTILE, *a_class.GARBAGE]
    handed_in = [made(kind) for kind in kinds]
    a_class.write(handed_in, folder / "class")
    before = contents(folder / "class"), contents(kit)
    done = command("grade", folder / "class", "--csv", folder / "points.csv", *LIMITS)
    assert (contents(folder / "class"), contents(kit)) == before
    return handed_in, done, folder


@pytest.fixture
def isolated(graded):
    """Skip where nothing can be isolated: then what has to be run isn't."""
    for row in rows(graded[2] / "points.csv"):
        if row["remark"].startswith("not run"):
            pytest.skip(row["remark"])


@pytest.mark.usefixtures("isolated")
def test_each_has_its_line_and_the_points_that_it_should(graded):
    handed_in, done, folder = graded
    found = rows(folder / "points.csv")
    assert [row["submission"] for row in found] == sorted(each.name for each in handed_in)
    assert a_class.lost(handed_in, found) == []
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(f"{folder / 'points.csv'}: {len(handed_in)} notebooks, ")
    # A bar, to its end.
    assert f"{len(handed_in)}/{len(handed_in)}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("isolated")
@pytest.mark.parametrize(
    ("kind", "remark", "told"),
    [
        ("right", "", "✓ Right."),
        ("computed", "", "✓ Right."),
        ("typical", "", "✗ Not yet."),
        ("empty", "", "Not answered yet"),
        (
            "slip",
            "",
            "Not answered: code cell 4, 'younger = not_a_name + 1', "
            "stopped with NameError: name 'not_a_name'",
        ),
        ("endless", "stopped after 8 seconds", "Not answered: stopped after 8 seconds."),
        ("sleeping", "stopped after 8 seconds", "Not answered: stopped after 8 seconds."),
        ("leaving", "ended itself, with exit status 0", "Not answered: ended itself"),
        ("crashing", "crashed (SIGSEGV)", "Not answered: crashed (SIGSEGV)."),
        ("forking", "stopped: it started more than 8 processes", "Not answered: stopped"),
        ("flooding_files", "stopped: it sent too much", "Not answered: stopped"),
        ("cheating", "", "Not answered: its code didn't come to the answer."),
        ("deleting", "", "✓ Right."),
        ("killing", "", "✓ Right."),
        ("lying", "", "✓ Right."),
    ],
)
def test_what_became_of_it_is_said_in_words(graded, kind, remark, told):
    (row,) = (row for row in rows(graded[2] / "points.csv") if row["submission"] == f"{kind}.ipynb")
    assert row["remark"] == remark
    assert row["lesson"] == LESSON
    assert row["feedback 1"].startswith(told)


def test_garbage_is_said_to_be_none_of_a_lesson(graded):
    found = {row["submission"]: row for row in rows(graded[2] / "points.csv")}
    for kind in a_class.GARBAGE:
        row = found[f"{kind}.ipynb"]
        assert row["remark"] == "not a Jupyter notebook (nbformat 4)"
        assert (row["lesson"], row["points"], row["of"]) == ("", "0", "")


@pytest.mark.usefixtures("isolated")
def test_nothing_outlives_the_class(graded):
    """No process of a notebook, and none of those that watched."""
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            environment = file.read_bytes()
        except OSError:
            continue
        if int(file.parent.name) not in (os.getpid(), os.getppid()):
            assert str(graded[2]).encode() not in environment


def test_a_run_goes_on_where_it_stopped(graded, tmp_path):
    """From a journal of which the last line was being written, and one result is missing."""
    _, _, folder = graded
    shutil.copytree(folder / "class", tmp_path / "class")
    points, journal = tmp_path / "points.csv", tmp_path / "points.csv.journal"
    lines = (folder / "points.csv.journal").read_text("utf-8").splitlines(keepends=True)
    results = [line for line in lines if line.strip()]
    journal.write_text("".join(results[:-1]) + results[-1][:50], "utf-8")
    done = command("grade", tmp_path / "class", "--csv", points, *LIMITS)
    assert done.returncode == 1
    again = [line for line in journal.read_text("utf-8").splitlines() if line.strip()]
    assert len(again) == len(results) + 1
    expected = {row["submission"]: row for row in rows(folder / "points.csv")}
    got = {row["submission"]: row for row in rows(points)}
    # What takes too much memory is stopped at one moment or another.
    assert {**expected, "eating.ipynb": 0} == {**got, "eating.ipynb": 0}


def test_only_what_is_new_or_changed_is_done_again(kit, tmp_path):
    folder, points = tmp_path / "class", tmp_path / "points.csv"
    a_class.write([made("right", "ann"), made("empty", "bob")], folder)
    assert command("grade", folder, "--csv", points, *LIMITS).returncode == 0
    journal = tmp_path / "points.csv.journal"
    before = journal.read_text("utf-8")
    a_class.write([made("right", "bob"), made("half", "cid")], folder)
    assert command("grade", folder, "--csv", points, *LIMITS).returncode == 0
    assert [row["points"] for row in rows(points)] == ["3", "3", "2"]
    lines = journal.read_text("utf-8").removeprefix(before).splitlines()
    done = [json.loads(line)[1]["submission"] for line in lines if line.strip()]
    assert sorted(done) == ["bob.ipynb", "cid.ipynb"]
    # Other limits may give another result.
    before = journal.read_text("utf-8")
    command("grade", folder, "--csv", points, "--seconds", "9")
    lines = journal.read_text("utf-8").removeprefix(before).splitlines()
    assert len([line for line in lines if line.strip()]) == 3


@pytest.mark.usefixtures("isolated")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_broken_off_it_leaves_no_process_and_no_half_written_file(kit, tmp_path, number):
    folder, points = tmp_path / "class", tmp_path / "points.csv"
    a_class.write([made("right"), *(made("endless", f"slow{n}") for n in range(4))], folder)
    marked = {**os.environ, "MARK": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers", "classroom", "grade", folder, "--csv", points, *LIMITS],
        cwd=ROOT,
        env=marked,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    journal = tmp_path / "points.csv.journal"
    deadline = time.monotonic() + 120
    while "right.ipynb" not in (journal.read_text("utf-8") if journal.exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(number)
    process.wait(60)
    assert not points.exists()
    time.sleep(1)
    assert not marked_processes(tmp_path)


def marked_processes(mark):
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"MARK={mark}".encode() in file.read_bytes():
                found.append(file.parent.name)
        except OSError:
            continue
    return found


def test_names_and_answers_are_no_formulas_and_no_orders(kit, tmp_path):
    folder, points = tmp_path / "class", tmp_path / "points.csv"
    folder.mkdir()
    text = answered(younger='"=HYPERLINK(1)"', median_age='"\\x1b[2J@SUM(1)\\n-2"')
    (folder / "=1+1.ipynb").write_text(text)
    (folder / "-\x1b[2Jx\ny.ipynb").write_text(text)
    (folder / "é\udcff.ipynb").write_text(text)
    assert command("grade", folder, "--csv", points, *LIMITS).returncode == 0
    content = points.read_text(encoding="utf-8-sig")
    assert "\x1b" not in content
    found = rows(points)
    assert len(found) == 3
    for row in found:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        assert row["feedback 1"] == "'=HYPERLINK(1)' is not a number. Give the patients alone."


def test_what_is_no_file_of_the_students_is_not_followed(kit, tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    (tmp_path / "secret.ipynb").write_text(answered())
    (folder / "link.ipynb").symlink_to(tmp_path / "secret.ipynb")
    os.mkfifo(folder / "pipe.ipynb")
    (folder / "folder.ipynb").mkdir()
    with (folder / "large.ipynb").open("wb") as file:
        file.truncate(submissions.MOST_BYTES + 1)
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "x-checkpoint.ipynb").write_text(answered())
    (folder / "loop").symlink_to(folder)
    found = {each.name: each.fault for each in submissions.read_all(folder)}
    assert found.keys() == {f"{name}.ipynb" for name in ("link", "pipe", "folder", "large")}
    assert all(found.values())
    assert found["large.ipynb"] == "larger than 20 MB"


@pytest.mark.parametrize(
    "text",
    [
        *["[]", "7", "null", '"x"', '{"nbformat": 4, "cells": [7]}'],
        '{"nbformat": 4, "cells": [{"cell_type": "code", "source": 7}]}',
        '{"nbformat": 4, "cells": [{"cell_type": "code"}]}',
        '{"nbformat": 4, "metadata": [7], "cells": []}',
        "9" * 10_000,
    ],
)
def test_a_notebook_of_another_form_is_told(tmp_path, text):
    file = tmp_path / "x.ipynb"
    file.write_text(text)
    assert submissions.read(file).fault == "not a Jupyter notebook (nbformat 4)"


def test_a_lesson_is_known_by_its_exercises_whatever_the_file_is_called():
    known = grading.lessons()
    for lesson in known:
        for task in lesson.tasks:
            call = Cell(f"x = 3\nexercises.check('{task.paper}', '{task.exercise}', x)")
            assert grading.lesson_of(Submission("x", cells=(call,)), known) == lesson
            for ids in ((task.cell,), (task.grade_id,)):
                own = Submission("x", cells=(Cell("x = 3", ids),))
                assert grading.lesson_of(own, known) == lesson
        assert grading.lesson_of(Submission("x", title=lesson.title), known) == lesson
    assert grading.lesson_of(Submission("x", cells=(Cell("x = 3"),)), known) is None
    assert grading.lesson_of(Submission("x"), []) is None


@pytest.mark.usefixtures("isolated")
def test_answers_count_where_a_student_moved_or_deleted_things(kit, tmp_path):
    """The call deleted; the exercise written anew elsewhere; the value in the call itself."""
    notebook = versions.student(small_lesson())
    cells = {cell.id: cell for cell in notebook.cells}
    cells["cell-younger"].source = "younger = (ages < 30).sum()"
    notebook.cells.remove(cells["cell-younger-check"])
    cells["cell-median_age"].source = ""
    cells["cell-median_age-check"].source = ""
    moved = 'mine = float(oldest - 43)\nexercises.check("alal_nos", "median_age", mine)'
    notebook.cells.append(nbformat.v4.new_code_cell(moved))
    cells["cell-censoring-check"].source = 'exercises.check("alal_nos", "censoring", "C")'
    folder, points = tmp_path / "class", tmp_path / "points.csv"
    folder.mkdir()
    (folder / "a.ipynb").write_text(json.dumps(notebook))
    notebook.cells = [cell for cell in notebook.cells if "censoring" not in cell.id]
    (folder / "b.ipynb").write_text(json.dumps(notebook))
    assert command("grade", folder, "--csv", points, *LIMITS).returncode == 0
    first, second = rows(points)
    assert (first["points"], second["points"]) == ("3", "2")
    assert second["feedback 3"] == "Not found: the exercise isn't in this notebook."


@pytest.mark.usefixtures("isolated")
def test_a_notebook_that_a_real_kernel_ran_and_saved(kit, tmp_path):
    """With outputs that lie: nobody looks at them."""
    from nbclient import NotebookClient

    notebook = nbformat.reads(
        answered(younger="len(ages[ages < 30])", median_age="26", why='"c"'), as_version=4
    )
    where = {"metadata": {"path": str(ROOT)}}
    NotebookClient(notebook, kernel_name="python3", resources=where).execute()
    told = [cell.outputs for cell in notebook.cells if cell.id == "cell-median_age-check"]
    task = exercises.load("alal_nos", "median_age")
    assert told[0][0].data["text/plain"] == f"✗ Not yet. {task.wrong[0].hint}"
    told[0][0].data["text/plain"] = "✓ Right. 100 of 100 points"
    folder, points = tmp_path / "class", tmp_path / "points.csv"
    folder.mkdir()
    nbformat.write(notebook, folder / "ann.ipynb")
    assert command("grade", folder, "--csv", points, *LIMITS).returncode == 0
    (row,) = rows(points)
    assert [row[f"points {n}"] for n in (1, 2, 3)] == ["1", "0", "1"]
    assert row["feedback 2"] == f"✗ Not yet. {task.wrong[0].hint}"


def test_a_lesson_that_does_not_run_is_the_teachers_to_mend(kit, tmp_path, monkeypatch):
    shutil.copytree(kit, tmp_path / "kit")
    notebook = small_lesson()
    notebook.cells[3].source = "oldest = ages.highest()"
    nbformat.write(notebook, tmp_path / "kit" / "notebooks" / f"{LESSON}.ipynb")
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path / "kit"))
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "ann.ipynb").write_text(answered(younger="len(ages) - 2"))
    done = command("grade", folder, "--csv", tmp_path / "points.csv", *LIMITS)
    row = rows(tmp_path / "points.csv") if done.returncode == 1 else []
    if row and row[0]["remark"].startswith("not run"):
        pytest.skip(row[0]["remark"])
    assert done.returncode == 2
    assert f"{LESSON}.ipynb: its cell 'oldest = ages.highest()' stopped: Attrib" in done.stderr


@pytest.mark.parametrize("unprotected", [False, True])
def test_where_nothing_can_be_isolated_it_is_the_teacher_who_decides(monkeypatch, unprotected):
    """In the kit itself, which anybody may read: the teacher is somebody without rights."""
    if not possible(WITHOUT_RIGHTS):
        pytest.skip("nobody can be without rights here")
    monkeypatch.delenv("TRIAL_BY_NOTEBOOK", raising=False)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o777)
        a_class.write([made("right"), made("computed")], folder / "class")
        arguments = [folder / "class", "--csv", folder / "points.csv", *LIMITS]
        done = command(
            *("grade", *arguments, *["--unprotected"] * unprotected), prefix=WITHOUT_RIGHTS
        )
        computed, right = rows(folder / "points.csv")
    assert (right["points"], right["remark"]) == ("1", "")
    assert done.returncode == int(not unprotected), done.stderr
    assert computed["points"] == str(int(unprotected))
    told = computed["remark"]
    assert told == "" if unprotected else told.startswith("not run: it can't be isolated here (uns")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["{none}", "--csv", "{csv}"], "no such folder"),
        (["{empty}", "--csv", "{csv}"], "no notebook in this folder"),
        (["{class}", "--csv", "{none}/points.csv"], "cannot be written"),
        (["{class}", "--csv", "{class}"], "cannot be written"),
        (["{class}", "--csv", "{csv}", "--seconds", "0"], "--seconds"),
        (["{class}"], "--csv"),
    ],
)
def test_a_wrong_command_is_told_before_anything_is_done(kit, tmp_path, arguments, told):
    places = {name: tmp_path / name for name in ("none", "empty", "class", "csv")}
    places["empty"].mkdir()
    a_class.write([made("right")], places["class"])
    done = command("grade", *(each.format(**places) for each in arguments))
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not places["csv"].exists()


def test_a_class_of_every_lesson_with_all_solutions_typed_gets_all_points(tmp_path, monkeypatch):
    """In the kit itself. What depends on a seed has to be run, and isn't here."""
    monkeypatch.delenv("TRIAL_BY_NOTEBOOK", raising=False)
    for lesson in grading.lessons():
        notebook = versions.student(nbformat.read(lesson.path, as_version=4), clean=True)
        cells = {cell.id: cell for cell in notebook.cells}
        for task in lesson.tasks:
            cells[task.cell].source = f"{task.variable} = {versions.typed(task)[0]}"
            if task.seeded:
                cells[f"{task.cell}-check"].source = "pass"
        nbformat.write(notebook, tmp_path / f"{lesson.path.stem}.ipynb")
    known = {lesson.path.stem: lesson.tasks for lesson in grading.lessons()}
    results = grading.grade(tmp_path, jobs=1)
    assert [each.lesson for each in results] == list(known)
    for result in results:
        assert f"{result.lesson}.ipynb" == result.submission
        assert not result.remark
        for task, mark in zip(known[result.lesson], result.marks, strict=True):
            assert mark.points or task.seeded, (result.lesson, task, mark)
