"""Grids of reports: told by a file, made by several processes or a Dask cluster, and compared."""

import ast
import csv
import io
import os
import re
import signal
import subprocess
import sys

import papermill
import psutil
import pytest
import tomli_w
from hypothesis import example, given
from hypothesis import strategies as st
from nbformat import v4
from small_lessons import (
    CHECK,
    HERE,
    alive,
    command,
    lesson,
    new_root,
    wait_for,
    without_provenance,
)

from helpers import report
from helpers.errors import KitError, ParameterError
from helpers.report import batches, inputs

DAYS = 'print(f"{settings.venetoclax_days * 100:,} mg in all")'
RATES = """from helpers import tables
import pandas as pd
rates = [settings.venetoclax_days / 28, 0.5]
tables.table(
    pd.DataFrame({"what": ["share", "fixed"], "value": [f"{rate:.2f}" for rate in rates]}),
    caption="Shares <of> the cycle", headings={"what": "Share", "value": "Value"})"""
LINE = """from helpers import figures
with figures.drawing(4, 2) as (figure, axes):
    axes.plot([0, 1], [0, settings.venetoclax_days])
    line = figures.picture(figure, f"A line to {settings.venetoclax_days}.")
line"""

# What took longest to import, so that kernels are forked from what has it.
IMPORTS = "import numpy, pandas\nfrom helpers import figures, tables"


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    return new_root(tmp_path)


@pytest.fixture
def out(root):
    (root / "reports").mkdir()
    return root / "reports"


def grid(root, text):
    file = root / "grid.toml"
    file.write_text(text, encoding="utf-8")
    return file


def plans_of(path, days):
    found = report.read(path)
    return [report.plan([found], {"venetoclax_days": each})[0] for each in days]


def made(plans, out, **options):
    """Make reports; return the faults, one text for all."""
    done = list(report.make(plans, out, **options))
    assert len(done) == len(plans)
    return "\n".join(str(fault) for each in done for fault in each.faults)


# --- the file -----------------------------------------------------------------------------------


def test_a_grid_has_every_combination_and_each_lesson_as_it_stands(root):
    lesson(root, "01_dose")
    lesson(root, "02_cohort", settings=["cohort"], first='cohort: str = ""')
    lesson(root, "03_other")
    file = grid(
        root,
        """lessons = ["02", 1]
[[variants]]
venetoclax_days = [7, 14, 28]   # 28 is what the lesson has: no variant
cycles = [1, 2]
[[variants]]
cohort = "SEX == 'F'"
[[variants]]
lessons = 3
venetoclax_days = 7
""",
    )
    found = report.read_grid(file)
    assert found.unreadable == {}
    assert [re.sub("-[0-9a-f]{8}", "", plan.name) for plan in found.plans] == [
        "01_dose",
        "01_dose--venetoclax_days=7",
        "01_dose--venetoclax_days=7,cycles=2",
        "01_dose--venetoclax_days=14",
        "01_dose--venetoclax_days=14,cycles=2",
        "01_dose--cycles=2",
        "01_dose--cohort=SEX_==_F",
        "02_cohort",
        "02_cohort--cohort=SEX_==_F",
        "03_other",
        "03_other--venetoclax_days=7",
    ]


def test_a_grid_without_lessons_is_of_all_of_them(root):
    lesson(root, "01_dose")
    lesson(root, "02_dose")
    found = report.read_grid(grid(root, "[[variants]]\nvenetoclax_days = 7\n"))
    assert [plan.name for plan in found.plans] == [
        *("01_dose", "01_dose--venetoclax_days=7"),
        *("02_dose", "02_dose--venetoclax_days=7"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lessons = [,", [r"Invalid value \(at line 1", r"\[\[variants\]\]"]),
        ("lesson = 1", [r"line 1: nothing is called 'lesson' here \(did you mean lessons\?\)"]),
        ("\nlessons = ['01', '77']", [r"line 2: no such lesson: 77; right would be: 01_dose"]),
        ("lessons = 1.5", [r"line 1: lessons is 1.5; right .*\[\"01\", \"04\"\]"]),
        ("variants = 3", ["line 1: variants is no list of tables"]),
        (
            "[[variants]]\n\n# dose\nvenetoclax_days = [7, 99]",
            ["line 4: venetoclax_days: given 99; right would be: a whole number from 1 to 42"],
        ),
        (
            "[[variants]]\ncycles = 1\n[[variants]]\ncycles = 2\nvenetoclax_day = 7",
            [r"line 5: venetoclax_day: no such parameter \(did you mean venetoclax_days\?\)"],
        ),
        (
            "[[variants]]\ncycle_days = 21\nvenetoclax_days = 28",
            ["line [23]: venetoclax_days with cycle_days: .*no longer than cycle_days"],
        ),
        ('[[variants]]\ncohort = "AGES < 30"', ["line 2: cohort: .*'AGES'.*did you mean AGE"]),
        ("[[variants]]\nvenetoclax_days = []", ["line 2: venetoclax_days is .*a value, or a list"]),
        ("[[variants]]\nvenetoclax_days = [[7]]", ["line 2: venetoclax_days is "]),
        ("[[variants]]\nvenetoclax_days = {a = 1}", ["line 2: venetoclax_days is "]),
        ("[[variants]]\nvenetoclax_days = 1979-05-27", ["line 2: venetoclax_days is "]),
        ("\nvariants = [{cycles = 99}]", ["line 2: cycles: given 99"]),
        ("[[variants]]\nvenetoclax_days = nan", ["line 2: venetoclax_days: given nan"]),
        (
            "[[variants]]\n" + "\n".join(f"p{n} = [{', '.join('12345678')}]" for n in range(5)),
            ["32,768 combinations of values; right would be: at most 10,000"],
        ),
        ("x" * 2_000_000, ["larger than 1 MB"]),
    ],
    ids=lambda given: given[:40] if isinstance(given, str) else "",
)
def test_a_fault_is_told_with_its_line_and_what_would_be_right(root, text, told):
    lesson(root, "01_dose")
    with pytest.raises(ParameterError) as caught:
        report.read_grid(grid(root, text))
    lines = str(caught.value).splitlines()
    assert len(lines) == len(told[:1])
    for part in told:
        assert re.search(part, lines[0]), lines[0]
    assert "grid.toml" in lines[0]
    assert "; right would be: " in lines[0]


def test_all_faults_of_a_grid_are_told_at_once_and_each_once(root):
    lesson(root, "01_dose")
    text = "[[variants]]\nvenetoclax_days = [99, 7]\ncycles = [1, 2]\ncyp3a_inhibitor = 'mild'"
    with pytest.raises(ParameterError) as caught:
        report.read_grid(grid(root, text))
    starts = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert starts == ["grid.toml, line 2", "grid.toml, line 4"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--grid", "missing.toml"], "--grid missing.toml: cannot be read (No such file"),
        (["01", "--grid", "grid.toml"], "--grid: not with LESSON"),
        (["--set", "cycles=2", "--grid", "grid.toml"], "--grid: not with --set"),
        (["--grid", "grid.toml"], "grid.toml, line 2: cycles: given 99; right would be:"),
        (["--tables", "xls"], "--tables: no format 'xls'; right would be: csv,html,latex,docx"),
        (["--figures", "jpg"], "--figures: no format 'jpg'; right would be: svg,png"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_a_wrong_command_writes_nothing(root, arguments, told):
    lesson(root, "01_dose", "import pathlib; pathlib.Path('ran').touch()")
    grid(root, "[[variants]]\ncycles = 99")
    done = command(root, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(told)
    assert len(done.stderr.splitlines()) == 1
    assert not (root / "reports").exists()
    assert not (root / "notebooks" / "ran").exists()


# --- a whole grid, as a reader makes it -----------------------------------------------------------


GRID = """lessons = ["01", "02", "03", "04"]
[[variants]]
venetoclax_days = [14, 7]
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = new_root(tmp_path_factory.mktemp("grid"))
    lesson(root, "01_dose", IMPORTS, CHECK, "## Dose", DAYS, RATES, LINE, title="Dose & days")
    lesson(root, "02_fails", CHECK, "1 / (settings.venetoclax_days - 7)")
    lesson(root, "03_same", CHECK, "print('never', 28)")
    (root / "notebooks" / "04_broken.ipynb").write_text("{")
    grid(root, GRID)
    return root, command(root, "--grid", "grid.toml", "--tables", "csv")


def test_what_fails_is_told_and_the_rest_is_made(whole):
    root, done = whole
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if re.match(r"0\d_", line)]
    assert sorted(line.split(": ")[0] for line in told) == [
        "02_fails, cell [3] `1 / (settings.venetoclax_days - 7)`",
        "04_broken.ipynb",
    ]
    assert "9/9" in done.stderr
    names = {file.name for file in (root / "reports").iterdir()}
    assert names >= {
        *("01_dose.html", "01_dose--venetoclax_days=7.html", "01_dose--venetoclax_days=14.html"),
        *("02_fails--venetoclax_days=7.failed.html", "04_broken.failed.html"),
        *("03_same.html", "summary.html", "summary.csv", "index.html"),
    }
    assert not [name for name in names if name.startswith(".")]
    index = (root / "reports" / "index.html").read_text(encoding="utf-8")
    assert 'href="summary.html"' in index
    assert 'href="01_dose.files/"' in index


def rows(root):
    text = (root / "reports" / "summary.csv").read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_summary_says_what_moved_and_by_how_much(whole):
    root, _ = whole
    moved = {
        (row["report"], row["where"], row["row"]): (row["own"], row["here"], row["difference"])
        for row in rows(root)
        if row["lesson"] == "01_dose.ipynb" and "A line" not in row["own"]
    }
    assert moved == {
        ("01_dose--venetoclax_days=14.html", "", ""): (
            "2,800 mg in all",
            "1,400 mg in all",
            "-1400.0",
        ),
        ("01_dose--venetoclax_days=7.html", "", ""): (
            "2,800 mg in all",
            "700 mg in all",
            "-2100.0",
        ),
        ("01_dose--venetoclax_days=14.html", "Shares <of> the cycle", "share"): (
            *("1.00", "0.50"),
            "-0.5",
        ),
        ("01_dose--venetoclax_days=7.html", "Shares <of> the cycle", "share"): (
            *("1.00", "0.25"),
            "-0.75",
        ),
    }
    page = (root / "reports" / "summary.html").read_text(encoding="utf-8")
    assert "Dose &amp; days" in page
    assert "Shares &lt;of&gt; the cycle" in page
    assert "−2,100" in page
    assert "Could not be made: venetoclax_days = 7" in page
    # Of what doesn't move, nothing is said.
    assert not [row for row in rows(root) if row["lesson"] == "03_same.ipynb"]
    assert ">fixed" not in page


def test_what_has_not_changed_is_not_made_again(whole):
    root, _ = whole
    before = times(root)
    tables = (root / "reports" / "summary.csv").read_bytes()
    done = command(root, "--grid", "grid.toml")
    # What failed is tried again.
    assert done.returncode == 1
    assert "8 of 9 reports are as they were" in done.stdout
    assert times(root) == before
    assert (root / "reports" / "summary.csv").read_bytes() == tables


def times(root):
    return {
        file.name: file.stat().st_mtime_ns
        for file in (root / "reports").glob("0*.html")
        if ".failed" not in file.name
    }


# --- made again only if an input changed ----------------------------------------------------------


def test_a_report_is_made_again_if_the_lesson_or_the_data_change(root, out):
    path = lesson(root, "01_dose", "print('one')")

    def written():
        (done,) = report.make([report.plan([report.read(path)], {})[0]], out)
        assert done.faults == ()
        return [file.name for file in done.written]

    assert written() == ["01_dose.html"]
    assert written() == []
    lesson(root, "01_dose", "print('two')")
    assert written() == ["01_dose.html"]
    assert written() == []
    assert "two" in (out / "01_dose.html").read_text(encoding="utf-8")
    # Another paper's: the lesson may read it, and nobody knows.
    with (root / "data" / "vah" / "published.csv").open("a") as data:
        data.write("\n")
    assert written() == ["01_dose.html"]
    # A report that somebody cut off is none.
    page = out / "01_dose.html"
    page.write_bytes(page.read_bytes()[:100])
    assert written() == ["01_dose.html"]


def test_every_input_is_in_the_hash(root, tmp_path, monkeypatch):
    path = lesson(root, "01_dose")
    seen = {inputs.digest(path, {}), inputs.digest(path, {"cycles": 2})}
    assert len(seen) == 2
    (path.parent / "dot.svg").write_text("<svg/>")
    seen.add(inputs.digest(path, {}))
    kit = tmp_path / "kit"
    kit.mkdir()
    monkeypatch.setattr(inputs, "_KIT", kit)
    for text in ("one", "two"):
        (kit / "module.py").write_text(text)
        seen.add(inputs.digest(path, {}))
    monkeypatch.setattr(inputs, "versions", lambda: {"numpy": "0"})
    seen.add(inputs.digest(path, {}))
    assert len(seen) == 6
    # What a broken-off run left, or Python itself, is no input.
    (root / "data" / "vah" / ".cohorts-1.parquet").write_text("half")
    (kit / "__pycache__").mkdir()
    (kit / "__pycache__" / "module.pyc").write_text("compiled")
    assert inputs.digest(path, {}) in seen


def test_a_report_whose_inputs_changed_while_it_was_made_is_made_again(root, out):
    note = root / "data" / "vah" / "note.txt"
    path = lesson(root, "01_dose", f"import pathlib; pathlib.Path({str(note)!r}).write_text('x')")
    assert made(plans_of(path, [28]), out) == ""
    assert "changed while this report was made" in (out / "01_dose.html").read_text()
    (done,) = report.make(plans_of(path, [28]), out)
    assert [file.name for file in done.written] == ["01_dose.html"]


# --- by several processes -------------------------------------------------------------------------


def same_as_alone(root, out, plans):
    """Compare with what one process makes of new kernels."""
    for plan in plans:
        page = (out / f"{plan.name}.html").read_text(encoding="utf-8")
        alone = report.page(plan, report.run(plan))
        assert without_provenance(page) == without_provenance(alone)


def workers():
    """Return the processes that joblib started."""
    return [
        child
        for child in psutil.Process().children()
        if any("loky" in word for word in child.cmdline())
        and "resource_tracker" not in str(child.cmdline())
    ]


def test_a_killed_process_loses_nothing(root, out):
    path = lesson(root, "01_dose", IMPORTS, CHECK, RATES)
    plans = plans_of(path, [28, 21, 14, 7])
    done = []
    for each in report.make(plans, out, jobs=2):
        done.append(each)
        if len(done) == 1:
            workers()[0].kill()
    assert [each.faults for each in done] == [()] * 4
    assert {each.plan.name for each in done} == {plan.name for plan in plans}
    same_as_alone(root, out, plans[2:3])


def test_a_process_that_is_killed_each_time_is_told_in_the_end(root, out, monkeypatch):
    monkeypatch.setattr(batches, "_TRIES", 2)
    # The process that runs the lesson, not the lesson's own kernel.
    kill = "import os, psutil\nfor each in psutil.Process().parents()[:2]:\n"
    kill += "    if 'loky' in str(each.cmdline()):\n        each.kill()\n"
    kill += "import time; time.sleep(60)"
    bad, good = lesson(root, "01_bad", kill), lesson(root, "02_good", "print('well')")
    plans = [*plans_of(bad, [28, 7]), *plans_of(good, [28])]
    told = made(plans, out, jobs=2)
    assert "01_bad: could not be made (its process was killed, 2 times)" in told
    assert not [file for file in out.iterdir() if file.name.startswith("01_bad.html")]


def test_a_dask_cluster_makes_the_same_even_if_a_worker_is_killed(root, out, cluster):
    assert cluster.scheduler_address.startswith("tcp://127.0.0.1:")
    pids = {worker.pid for worker in cluster.workers.values()}
    assert len(pids) == 2
    path = lesson(root, "01_dose", IMPORTS, CHECK, RATES, LINE)
    broken = lesson(root, "02_fails", CHECK, "1 / 0")
    plans = [*plans_of(path, [28, 21, 14, 7]), *plans_of(broken, [28])]
    done = []
    for each in report.make(plans, out, scheduler=cluster.scheduler_address):
        done.append(each)
        if len(done) == 1:
            os.kill(min(pids), signal.SIGKILL)
    assert len(done) == 5
    (fault,) = [fault for each in done for fault in each.faults]
    assert str(fault) == "02_fails, cell [3] `1 / 0`: ZeroDivisionError: division by zero"
    same_as_alone(root, out, plans[2:3])


def test_no_scheduler_is_one_clear_message(root, monkeypatch):
    import distributed

    client = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda at, timeout: client(at, timeout=0.5))
    path = lesson(root, "01_dose")
    with pytest.raises(KitError, match="no Dask scheduler answers at nowhere:1"):
        list(report.make(plans_of(path, [28]), root, scheduler="nowhere:1"))


def test_a_worker_with_other_files_makes_nothing(root):
    given = str(root), "notebooks/01_dose.ipynb", {}, "another", report.Wanted(), "", (), ()
    lesson(root, "01_dose")
    with pytest.raises(KitError, match="another version of the kit, the data or the lesson"):
        batches._by_another(*given)


def test_a_worker_that_has_loaded_older_code_makes_nothing(root, monkeypatch):
    path = lesson(root, "01_dose")
    given = str(root), "notebooks/01_dose.ipynb", {}, inputs.digest(path, {})
    monkeypatch.setattr(inputs, "_LOADED", "of another day")
    with pytest.raises(KitError, match="workers that were started after a change"):
        batches._by_another(*given, report.Wanted(), "", (), ())


# --- faults from outside --------------------------------------------------------------------------


def test_a_run_that_is_killed_leaves_whole_files_and_goes_on_where_it_was(root, out):
    """Killed so that it cannot clear anything away, while it writes again and again."""
    lesson(root, "01_dose", IMPORTS, CHECK, "print('x' * 3_000_000)")
    slow = "import pathlib, time\n"
    slow += "if settings.venetoclax_days == 7 and not pathlib.Path('again').exists():\n"
    slow += (
        "    pathlib.Path('pid').write_text(str(__import__('os').getpid()))\n    time.sleep(600)"
    )
    lesson(root, "02_slow", CHECK, slow)
    grid(root, "[[variants]]\nvenetoclax_days = [7, 14]")
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers", "report", "--grid", "grid.toml"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(HERE)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    marker = root / "notebooks" / "pid"
    wait_for(lambda: marker.exists() and marker.read_text().strip(), seconds=120)
    kernel = int(marker.read_text())
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    # Nobody goes on working for nobody.
    wait_for(lambda: not alive(kernel), seconds=30)
    wait_for(lambda: not [each for each in children if alive(each.pid)], seconds=30)
    for file in out.glob("*.html"):
        assert file.read_text(encoding="utf-8").endswith("</html>\n\n")
    before = times(root)
    (root / "notebooks" / "again").touch()
    done = command(root, "--grid", "grid.toml")
    assert done.returncode == 0, done.stderr
    assert len(times(root)) == 6
    assert {name: times(root)[name] for name in before} == before


def test_what_a_killed_run_half_wrote_is_cleared_away_later(root, out):
    half = out / ".writing-abc"
    half.mkdir()
    (half / "01_dose.html").write_text("<html>")
    path = lesson(root, "01_dose", "print('x')")
    made(plans_of(path, [28]), out)
    # It might be another run's that is writing now.
    assert half.exists()
    os.utime(half, (0, 0))
    made(plans_of(path, [28]), out)
    assert [file.name for file in out.iterdir()] == ["01_dose.html"]


def test_a_full_disk_spoils_one_report_and_no_other(root):
    """As on a full disk: the system takes the first hundred thousand bytes and no more."""
    lesson(root, "01_large", "print('x' * 300_000)")
    lesson(root, "02_small", "print('well')")
    program = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "sys.argv = ['helpers', 'report', '--jobs', '1']\n"
        "runpy.run_module('helpers', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "01_large.html: cannot be written (File too large)" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(file.name for file in (root / "reports").iterdir()) == [
        "02_small.html",
        "index.html",
    ]


def test_missing_and_corrupt_data_are_told_and_the_rest_goes_on(root, out):
    (root / "data" / "alal_nos" / "patients.csv").unlink()
    parquet = root / "data" / "hma_ldac" / "cohorts.parquet"
    parquet.write_bytes(parquet.read_bytes()[:5000])
    patients = "from helpers import cohort\ncohort.patients('alal_nos')"
    members = "from helpers import synthetic\nsynthetic.members('hma_ldac')"
    paths = [
        lesson(root, "01_missing", patients, settings=(), first=""),
        lesson(root, "02_corrupt", members, settings=(), first=""),
        lesson(root, "03_well", "print('well')", settings=(), first=""),
    ]
    plans = report.plan([report.read(path) for path in paths], {})
    told = made(plans, out, jobs=1).splitlines()
    assert len(told) == 2
    assert re.match(r"01_missing, cell \[1\] .*DataError: .*patients", told[0])
    assert re.match(r"02_corrupt, cell \[1\] .*DataError: data/hma_ldac/cohorts.parquet: ", told[1])
    assert sorted(file.name for file in out.iterdir()) == [
        "01_missing.failed.html",
        "02_corrupt.failed.html",
        "03_well.html",
    ]


# --- parameters are values, never code ------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "AGE < __import__('os').system('touch ran')",
        "AGE < (lambda: 1)()",
        "(x := open('ran', 'w'))",
        'f\'{open("ran", "w")}\' == SEX',
        "SEX == 'F'\nopen('ran', 'w')",
        "[AGE for AGE in open('ran', 'w')]",
    ],
)
def test_code_in_a_grid_is_refused_and_not_run(root, monkeypatch, text):
    monkeypatch.chdir(root)
    lesson(root, "01_dose")
    file = grid(root, tomli_w.dumps({"variants": [{"cohort": text}]}))
    with pytest.raises(ParameterError, match=r"grid\.toml, line \d: cohort: "):
        report.read_grid(file)
    assert not (root / "ran").exists()


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example('"\nopen("ran", "w")\n"')
@example("\\")
@example('\\"')
@example("{{ 1 }} ${HOME}")
def test_a_lesson_is_given_a_parameter_as_text(text):
    # The report command leaves it to papermill to write it into the notebook.
    notebook = papermill.execute_notebook(
        v4.new_notebook(),
        None,
        parameters={"value": text},
        kernel_name="python3",
        language="python",
        prepare_only=True,
    )
    (cell,) = notebook.cells
    (line,) = ast.parse(cell.source).body
    assert isinstance(line, ast.Assign)
    assert ast.literal_eval(line.value) == text
