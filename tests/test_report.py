"""Reports, made as a reader makes them: the command, real kernels, a real browser.

The lessons are small ones that the tests write into a folder of their own, beside a copy of
the data; the last tests are on lesson 01 itself.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from difflib import unified_diff
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pypdf
import pytest
from playwright.sync_api import sync_playwright
from small_lessons import (
    CHECK,
    FIGURE,
    HERE,
    PANEL,
    TABLE,
    alive,
    command,
    files,
    lesson,
    new_root,
    planned,
    wait_for,
    without_provenance,
)

from helpers import paths, report
from helpers.errors import KitError, LessonError, MissingToolError, ParameterError
from helpers.files import replace
from helpers.report import printing


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    return new_root(tmp_path)


# ---------------------------------------------------------------------------------------
# A command that is wrong: one line a fault, status 2, nothing run, nothing written.


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["venetoclax_day=7"], ["venetoclax_day:", "did you mean venetoclax_days?"]),
        (["venetoclax_days=seven"], ["venetoclax_days:", "'seven'", "a whole number"]),
        (["venetoclax_days=43"], ["venetoclax_days:", "'43'", "from 1 to 42"]),
        (["cyp3a_inhibitor=mild"], ["cyp3a_inhibitor:", "'mild'", "'moderate'", "'strong'"]),
        (
            ["venetoclax_days=28", "cycle_days=21"],
            ["venetoclax_days with cycle_days:", "28", "21", "no longer than cycle_days"],
        ),
        (["cohort=AGE <"], ["cohort:", "'AGE <'", "AGE < 30"]),
        (["cohort=AGES < 30"], ["cohort:", "'AGES'", "did you mean AGE?"]),
        (["venetoclax_days"], ["--set:", "'venetoclax_days'", "name=value"]),
        (["=7"], ["--set:", "'=7'", "name=value"]),
        (["cycles=2", "cycles=3"], ["--set cycles:", "given twice"]),
    ],
    ids=lambda given: " ".join(given[:2]),
)
def test_a_bad_parameter_is_one_line_and_status_2(root, given, told):
    lesson(root, "01_small", "import pathlib; pathlib.Path('ran').touch()")
    done = command(root, "01", *(part for each in given for part in ("--set", each)))
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    for part in told:
        assert part in done.stderr
    assert not (root / "reports").exists()
    assert not (root / "notebooks" / "ran").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["07"], ["07:", "no such lesson", "01_small"]),
        (["notebooks/02_other.ipynb"], ["notebooks/02_other.ipynb:", "no such lesson"]),
        (["--to", "html,docx"], ["--to:", "'docx'", "html or html,pdf"]),
        (["--out", "data/README.md/reports"], ["--out data/README.md/reports:", "cannot write"]),
    ],
    ids=lambda given: " ".join(given),
)
def test_a_bad_argument_is_one_line_and_status_2(root, arguments, told):
    lesson(root, "01_small", "import pathlib; pathlib.Path('ran').touch()")
    (root / "data" / "README.md").write_text("a file, no folder")
    done = command(root, *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    for part in told:
        assert part in done.stderr
    assert not (root / "notebooks" / "ran").exists()


def test_all_faults_are_told_at_once_and_each_once(root):
    lesson(root, "01_small")
    lesson(root, "02_small")
    wrong = ["venetoclax_days=0", "cyp3a_inhibitor=mild", "colour=red"]
    done = command(root, *(part for each in wrong for part in ("--set", each)))
    assert done.returncode == 2
    names = [line.partition(":")[0] for line in done.stderr.splitlines()]
    assert sorted(names) == ["colour", "cyp3a_inhibitor", "venetoclax_days"]


def test_no_lessons_at_all(root):
    done = command(root)
    assert done.returncode == 2
    assert "no lessons" in done.stderr


def test_a_parameter_goes_to_the_lessons_that_have_it(root):
    lesson(root, "00_start", settings=(), first="")
    lesson(root, "01_dose", settings=["dose"], first="venetoclax_days: int = 21")
    lesson(root, "02_endpoint", settings=["endpoint"], first='origin: str = "treatment"')
    lessons = [report.read(path) for path in report.find([])]
    plans = report.plan(lessons, {"venetoclax_days": "7"})
    assert [plan.varied for plan in plans] == [{}, {"venetoclax_days": 7}, {}]
    # What the lesson's own cell has is its default, not what the kit has.
    assert plans[2].settings.origin == "treatment"
    with pytest.raises(ParameterError, match="origin: no such parameter"):
        report.plan(lessons[:2], {"origin": "response"})


def test_lessons_are_found_by_number_name_and_path(root):
    first, second = lesson(root, "01_one"), lesson(root, "02_two")
    assert report.find([]) == [first, second]
    assert report.find(["2", "01"]) == [second, first]
    assert report.find(["02_two", "02", str(second)]) == [second]
    elsewhere = root / "mine.ipynb"
    shutil.copy(first, elsewhere)
    assert report.find([str(elsewhere)]) == [elsewhere]


def test_the_parameters_cell_is_read_as_python_reads_it(root):
    # papermill's own reading loses a value with an equals sign or a hash in it.
    cell = "cohort: str = \"SEX == 'F'\"  # women\nvenetoclax_days = 14\n"
    path = lesson(root, "01_small", first=cell)
    settings = report.read(path).settings
    assert (settings.cohort, settings.venetoclax_days) == ("SEX == 'F'", 14)
    with pytest.raises(LessonError, match="computes something"):
        report.read(lesson(root, "02_small", first="venetoclax_days = 2 * 7"))
    with pytest.raises(LessonError, match=r"its own parameters: venetoclax_days: given 99"):
        report.read(lesson(root, "03_small", first="venetoclax_days = 99"))


# ---------------------------------------------------------------------------------------
# The name of a report.


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "01_small"),
        ({"venetoclax_days": "28"}, "01_small"),  # the lesson's own value: nothing is varied
        ({"venetoclax_days": "7"}, "01_small--venetoclax_days=7"),
        (
            {"cycles": "2", "venetoclax_days": "7"},
            "01_small--venetoclax_days=7,cycles=2",
        ),
        ({"cohort": "AGE < 30"}, r"01_small--cohort=AGE_30-[0-9a-f]{8}"),
        ({"cohort": "SEX == 'F' or " * 9 + "AGE < 30"}, r"01_small--.{1,60}-[0-9a-f]{8}"),
    ],
)
def test_a_report_is_named_after_what_was_varied(root, values, name):
    assert re.fullmatch(name, planned(lesson(root, "01_small"), **values).name)


def test_reports_that_differ_have_different_names(root):
    path = lesson(root, "01_small")
    cohorts = ["AGE < 30", "AGE > 30", "AGE <= 30", "AGE == 30", "AGE < 300"]
    assert len({planned(path, cohort=cohort).name for cohort in cohorts}) == len(cohorts)


# ---------------------------------------------------------------------------------------
# One run over a good lesson and three that fail.


@pytest.fixture(scope="module")
def made(tmp_path_factory, chromium):
    root = new_root(tmp_path_factory.mktemp("kit"))
    lesson(
        root,
        "01_good",
        CHECK,
        "## Part two\n\nSee [below](#Part-three), [a table](../data/x.csv), [doi](https://doi.org/1).",
        PANEL,
        FIGURE,
        TABLE,
        "import sys\nprint('said aloud')\nprint('a warning', file=sys.stderr)",
        ("print('my answer')", ["no-report"]),
        ("ipywidgets.IntSlider(3)", ["no-report"]),
        "## Part three",
        title="A good lesson & more",
    )
    lesson(root, "02_fails", CHECK, "\n# why\nrate = 1 / 0", "print('never')")
    lesson(root, "03_dies", CHECK, "import os\nos.kill(os.getpid(), 9)")
    (root / "notebooks" / "04_broken.ipynb").write_text("{")
    arguments = ["--set", "venetoclax_days=7", "--set", "cohort=AGE < 30", "--to", "html,pdf"]
    done = command(root, *arguments, CHROMIUM=chromium)
    return root, done


def test_a_failing_lesson_is_reported_and_the_others_go_on(made):
    root, done = made
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if re.match(r"0\d_\w+(\.ipynb)?[:,] ", line)]
    assert len(told) == 3
    for line, start in zip(
        told,
        [
            "04_broken.ipynb: not a notebook: ",
            "02_fails, cell [3] `# why`: ZeroDivisionError: division by zero",
            "03_dies, cell [3] `import os`: the kernel died",
        ],
        strict=True,
    ):
        assert line.startswith(start)
    assert "\x1b" not in done.stderr
    assert "Traceback" not in done.stderr
    variant = r"--venetoclax_days=7,cohort=AGE_30-[0-9a-f]{8}"
    assert {re.sub(variant, "", file.name) for file in files(root)} == {
        "01_good.html",
        "01_good.pdf",
        "02_fails.failed.html",
        "03_dies.failed.html",
        "04_broken.failed.html",
        "index.html",
    }
    assert not [file for file in (root / "notebooks").iterdir() if file.suffix != ".ipynb"]


def good(root):
    return next((root / "reports").glob("01_good*.html"))


@pytest.fixture(scope="module")
def html(made):
    root, _ = made
    return good(root).read_text(encoding="utf-8")


def test_progress_is_shown_without_a_terminal(made):
    _, done = made
    assert re.search(r"100%.*3/3", done.stderr)
    assert "WARNING" not in done.stderr
    assert "Kernel died while waiting" not in done.stderr  # nbclient's log; the line is ours


def test_the_page_says_what_it_is_and_what_was_varied(html):
    assert re.match(r'<!DOCTYPE html>\s*<html lang="en">', html)
    assert "<title>A good lesson &amp; more</title>" in html
    assert html.count("<h1") == 1
    text = words(html)
    assert "Lesson 01_good.ipynb on paper alal_nos" in text
    assert "2 of 14 varied: venetoclax_days = 7 instead of 28" in text
    assert "cohort = AGE < 30 instead of (empty)" in text
    assert "venetoclax_days 7 varied" in text
    assert "cycle_days 28" in text
    assert "cycle_days 28 varied" not in text


def test_the_page_says_how_it_was_made(made, html):
    root, _ = made
    text = words(html[html.index('<footer id="provenance">') :])
    assert re.search(r"made 20\d\d-\d\d-\d\d \d\d:\d\d UTC", text)
    assert "lifelines 0." in text
    assert "python 3." in text
    patients = root / "data" / "alal_nos" / "patients.csv"
    digest = subprocess.run(["sha256sum", patients], capture_output=True, text=True, check=True)
    assert f"alal_nos/patients.csv sha256 {digest.stdout.split()[0]}" in text


def test_the_page_shows_results_and_no_code(html):
    text = words(html)
    for shown in ["What it is about.", "Part two", "complete", "said aloud"]:
        assert shown in text
    assert '<img alt="A step curve" src="data:image/svg+xml;base64,' in html
    assert 'href="#Part-three"' in html
    assert 'id="Part-three"' in html
    assert 'href="https://doi.org/1"' in html
    assert "a table" in text
    assert "x.csv" not in html
    for hidden in ["import", "parameters.check", "my answer", "a warning", "In [", "Out["]:
        assert hidden not in text


def test_a_widget_is_replaced_by_the_state_it_shows(html):
    assert "7 days of venetoclax, cohort [AGE < 30]" in words(html)
    assert "widget-view" not in html
    assert "widget-state" not in html
    assert "IntSlider" not in html


class Words(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []
        self.hidden = False

    def handle_starttag(self, tag, attrs):
        self.hidden = tag == "style"

    def handle_data(self, data):
        if not self.hidden:
            self.found += data.split()


def words(html):
    parser = Words()
    parser.feed(html)
    return " ".join(parser.found)


def opened(chromium, page, *, width=1100, media="screen", script="0"):
    """Open a page in a browser that has no network; return what it asked for, what it
    complained of, and what a script found in it."""
    asked, complaints = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(offline=True, viewport={"width": width, "height": 900})
        tab = context.new_page()
        tab.emulate_media(media=media)
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(page.resolve().as_uri())
        found = tab.evaluate(script)
        browser.close()
    return [url for url in asked if not url.startswith("data:")], complaints, found


BROKEN = "[...document.images].filter(each => !each.naturalWidth).length"


def test_the_page_opens_without_a_network(made, chromium):
    root, _ = made
    page = good(root)
    asked, complaints, broken = opened(chromium, page, script=BROKEN)
    assert asked == [page.resolve().as_uri()]
    assert complaints == []
    assert broken == 0
    assert elsewhere(page.read_text(encoding="utf-8")) == []


def elsewhere(html):
    """Find what a page would load: anything but data in the attributes that load, and scripts.

    Written apart from the check in the kit, and cruder.
    """
    loads = re.findall(r"<(?!a\b)\w+[^>]*?\b(?:src|href|srcset|data)=[\"'](?!data:|#)[^\"']*", html)
    styles = re.findall(r"url\((?![\"']?data:)[^)]*\)|@import", html)
    return loads + styles + re.findall(r"<script|<iframe|<link|<object|<embed", html)


def test_the_pdf_holds_the_report(made):
    root, _ = made
    pdf = next((root / "reports").glob("01_good*.pdf"))
    assert pdf.read_bytes().startswith(b"%PDF")
    reader = pypdf.PdfReader(pdf)
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    for shown in ["A good lesson & more", "7 days of venetoclax", "complete", "sha256"]:
        assert shown in text
    assert reader.pages[0].mediabox.width == pytest.approx(595, abs=2)  # A4, in points
    assert stat_mode(pdf) == stat_mode(good(root))


def stat_mode(file):
    return oct(file.stat().st_mode)


def test_the_index_lists_reports_and_failures(made, chromium):
    root, done = made
    index = root / "reports" / "index.html"
    assert str(Path("reports") / "index.html") in done.stdout
    text = words(index.read_text(encoding="utf-8"))
    assert "A good lesson & more · PDF" in text
    assert "venetoclax_days = 7 cohort = AGE < 30" in text
    assert text.count("✗ The last run failed.") == 3
    assert "division by zero" in text
    assert "earlier run" not in text
    asked, complaints, links = opened(
        chromium, index, script="[...document.links].map(each => each.href)"
    )
    assert asked == [index.resolve().as_uri()]
    assert complaints == []
    linked = {unquote(url.rpartition("/")[2]) for url in links}
    assert linked == {file.name for file in files(root)} - {"index.html"}


# ---------------------------------------------------------------------------------------
# A folder of reports over several runs.


def test_two_runs_give_the_same_page(root):
    path = lesson(root, "01_small", CHECK, PANEL, FIGURE, TABLE, "print({'a', 'b', 'c'})")
    plan = planned(path, venetoclax_days="7")
    pages = [report.page(plan, report.run(plan)) for _ in range(2)]
    assert without_provenance(pages[0]) == without_provenance(pages[1])


def test_a_text_that_comes_in_parts_is_one_text(root):
    slowly = "import time\nprint('one', flush=True)\ntime.sleep(1)\nprint('two')"
    plan = planned(lesson(root, "01_small", slowly))
    done = report.run(plan)
    assert len(done.cells[-1].outputs) == 2
    assert "one\ntwo" in report.page(plan, done)


def test_a_failure_leaves_the_earlier_report_and_the_index_says_so(root):
    lesson(root, "01_one", "print('first')", title="Lesson one")
    lesson(root, "02_two", title="Lesson two")
    assert command(root, "01").returncode == 0
    reports = root / "reports"
    before = (reports / "01_one.html").read_bytes()

    lesson(root, "01_one", "1 / 0", title="Lesson one")
    assert command(root, "01").returncode == 1
    assert (reports / "01_one.html").read_bytes() == before
    # A run of another lesson forgets neither the report nor the failure.
    assert command(root, "02").returncode == 0
    text = words((reports / "index.html").read_text(encoding="utf-8"))
    assert "Lesson two" in text
    assert "Lesson one" in text
    assert "✗ The last run failed. The report is from an earlier run." in text

    lesson(root, "01_one", "print('mended')", title="Lesson one")
    assert command(root, "01").returncode == 0
    assert "mended" in (reports / "01_one.html").read_text(encoding="utf-8")
    assert sorted(file.name for file in reports.iterdir()) == [
        "01_one.html",
        "02_two.html",
        "index.html",
    ]
    assert "✗" not in (reports / "index.html").read_text(encoding="utf-8")


def test_a_variant_does_not_replace_the_lesson_s_own_report(root):
    lesson(root, "01_small", CHECK, "settings.venetoclax_days")
    assert command(root).returncode == 0
    assert command(root, "--set", "venetoclax_days=7").returncode == 0
    names = sorted(file.name for file in files(root))
    assert names == ["01_small--venetoclax_days=7.html", "01_small.html", "index.html"]


def test_a_new_page_does_not_keep_an_old_pdf(root, chromium):
    plan = planned(lesson(root, "01_small", "print('x')"))
    reports = root / "reports"
    reports.mkdir()
    (done,) = report.make([plan], reports, wanted=report.Wanted(pdf=True))
    assert [file.suffix for file in done.written] == [".html", ".pdf"]
    lesson(root, "01_small", "print('y')")
    (done,) = report.make([planned(plan.lesson.path)], reports)
    assert [file.name for file in reports.iterdir()] == ["01_small.html"]


@pytest.mark.parametrize("one_by_one", [True, False])
@pytest.mark.parametrize("stop", ["Ctrl-C", "SIGTERM"])
def test_stopping_leaves_nothing_behind(root, stop, one_by_one):
    lesson(root, "01_quick", "print('done')")
    slow = "import os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\n"
    lesson(root, "02_slow", slow + "time.sleep(600)")
    # In one process, one after the other; or each in one of its own.
    jobs = "--jobs=1" if one_by_one else "--jobs=2"
    status, said, kernel = stopped(root, stop, jobs, marker=root / "notebooks" / "pid")
    assert status == {"Ctrl-C": 130, "SIGTERM": 143}[stop]
    assert "Traceback" not in said
    assert "index.html" in (there := {file.name for file in files(root)})
    assert there <= {"01_quick.html", "index.html"}
    assert "01_quick.html" in there or not one_by_one
    index = (root / "reports" / "index.html").read_text(encoding="utf-8")
    assert ("01_quick" in index) == ("01_quick.html" in there)
    wait_for(lambda: not alive(kernel), seconds=10)


@pytest.mark.parametrize("stop", ["Ctrl-C", "SIGTERM"])
def test_stopping_the_print_leaves_no_half_of_it(root, stop):
    lesson(root, "01_quick", "print('done')")
    browser = root / "chromium"
    browser.write_text(
        "#!/bin/sh\n"
        'for each; do case $each in --print-to-pdf=*) echo %PDF > "${each#*=}";; esac; done\n'
        f"touch $TMPDIR/temporary\necho $$ > {root}/pid\nexec sleep 600\n"
    )
    browser.chmod(0o755)
    scratch = root / "scratch"
    scratch.mkdir()
    environment = {"CHROMIUM": str(browser), "TMPDIR": str(scratch)}
    marker = root / "pid"
    status, said, process = stopped(root, stop, "--to", "html,pdf", marker=marker, **environment)
    assert status == {"Ctrl-C": 130, "SIGTERM": 143}[stop]
    assert "Traceback" not in said
    assert [file.name for file in files(root)] == ["index.html"]
    assert not alive(process)
    assert not list(scratch.iterdir())


def stopped(root, stop, *arguments, marker, **environment):
    """Run the command until a process has written its number into a file, and stop it then.

    Return the exit status, what it said, and the number.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers", "report", *arguments],
        cwd=root,
        env=os.environ | {"TRIAL_BY_NOTEBOOK": str(root)} | environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for(lambda: marker.exists() and marker.read_text().strip(), seconds=60)
        if stop == "Ctrl-C":
            # As a terminal does it: to the whole group.
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.terminate()
        _, said = process.communicate(timeout=30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, said, int(marker.read_text())


# ---------------------------------------------------------------------------------------
# A file is replaced in one step or not at all.


@pytest.mark.parametrize(
    ("content", "held"), [("größer\n", b"gr\xc3\xb6\xc3\x9fer\n"), (b"\xff\r\n", b"\xff\r\n")]
)
def test_a_file_is_replaced_and_not_written_over(tmp_path, content, held):
    file = tmp_path / "report.html"
    replace(file, "old")
    with file.open("rb") as reading:
        replace(file, content)
        # Who had opened the old file goes on reading the old one.
        assert reading.read() == b"old"
    assert file.read_bytes() == held
    assert list(tmp_path.iterdir()) == [file]


def test_whoever_reads_meanwhile_finds_a_whole_file(tmp_path):
    file = tmp_path / "report.html"
    # Larger than what the system writes in one go.
    contents = [letter * 3_000_000 for letter in (b"a", b"b")]
    replace(file, contents[0])
    reader = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib, sys\n"
            "file = pathlib.Path(sys.argv[1])\n"
            "print('ready', flush=True)\n"
            "while (text := file.read_bytes()) != b'end':\n"
            "    assert len(text) == 3_000_000 and len(set(text)) == 1, len(text)",
            file,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    reader.stdout.readline()
    for number in range(60):
        replace(file, contents[number % 2])
    replace(file, "end")
    _, said = reader.communicate(timeout=30)
    assert (reader.returncode, said) == (0, "")


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    file = tmp_path / "report.html"
    file.write_text("old")
    # As on a full disk: the system takes the first thousand bytes and no more.
    program = f"""
import pathlib, resource
from helpers import files
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
files.replace(pathlib.Path({str(file)!r}), "new" * 1000)"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "report.html: cannot be written (File too large)" in done.stderr
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("content", ["text", None])
def test_what_cannot_be_a_file_is_told_before_anything_is_written(tmp_path, content):
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(KitError, match=r"folder: cannot be written \(it is a folder\)$"):
        replace(folder, content)
    with pytest.raises(KitError, match=r"^--csv: cannot be written \(No such .*: elsewhere$"):
        replace(tmp_path / "missing" / "file", content, where="--csv", right="elsewhere")
    assert list(tmp_path.rglob("*")) == [folder]


def test_a_file_is_only_tried(tmp_path):
    file = tmp_path / "report.html"
    replace(file, None)
    assert not file.exists()
    file.write_text("old")
    replace(file, None)
    assert file.read_text() == "old"


# ---------------------------------------------------------------------------------------
# The browser that prints.


def test_without_a_browser_there_is_html_and_a_hint(root):
    lesson(root, "01_small", "print('x')")
    done = command(root, "--to", "pdf", CHROMIUM="/nowhere/chromium")
    assert done.returncode == 1
    assert "CHROMIUM: no program '/nowhere/chromium'; right would be:" in done.stderr
    assert sorted(file.name for file in files(root)) == ["01_small.html", "index.html"]


def test_no_browser_on_the_path(monkeypatch, tmp_path):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="apt install chromium"):
        report.find_chromium()
    browser = tmp_path / "chromium-browser"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    assert report.find_chromium() == str(browser)


def test_a_browser_that_prints_nothing_is_told_and_the_html_stays(root):
    lesson(root, "01_small", "print('x')")
    browser = root / "chromium"
    browser.write_text("#!/bin/sh\necho 'cannot open display' >&2\nexit 3\n")
    browser.chmod(0o755)
    done = command(root, "--to", "html,pdf", CHROMIUM=str(browser))
    assert done.returncode == 1
    assert "01_small.pdf: " in done.stderr
    assert "cannot open display" in done.stderr
    assert sorted(file.name for file in files(root)) == ["01_small.html", "index.html"]


def test_a_browser_that_hangs_is_ended_with_its_children(root, monkeypatch):
    monkeypatch.setattr(printing, "_PRINT_SECONDS", 1)
    browser = root / "chromium"
    browser.write_text(f"#!/bin/sh\nsleep 300 &\necho $! > {root}/child\nwait\n")
    browser.chmod(0o755)
    page = root / "page.html"
    page.write_text("<p>x</p>")
    begun = time.monotonic()
    with pytest.raises(KitError, match="no end after 1 seconds"):
        report.print_pdf(page, root / "page.pdf", chromium=str(browser))
    wait_for(lambda: not alive(int((root / "child").read_text())), seconds=10)
    assert time.monotonic() - begun < 60
    assert not list(root.glob("printing-*"))


# ---------------------------------------------------------------------------------------
# The kernel, and what a report cannot hold.


def test_the_kernel_is_this_python_whatever_is_registered(root, monkeypatch):
    other = root / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "x", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(root / "jupyter"))
    plan = planned(lesson(root, "01_small", "import sys\nprint(sys.executable)"))
    assert sys.executable in report.page(plan, report.run(plan))


def test_a_lesson_finds_the_kit_where_it_is_not_installed(root):
    shutil.copytree(HERE / "helpers", root / "helpers")
    lesson(root, "01_small", "import helpers\nprint(helpers.__file__)")
    assert command(root).returncode == 0
    text = (root / "reports" / "01_small.html").read_text(encoding="utf-8")
    assert str(root / "helpers" / "__init__.py") in text


HTML = "from IPython.display import HTML\n"


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("import ipywidgets\nipywidgets.IntSlider(3)", r"cell \[2\]: a widget that shows nothing"),
        (HTML + 'HTML(\'<img src="https://example.org/a.png" alt="">\')', "<img src="),
        (HTML + "HTML('<script>1</script>')", "<script>"),
        (HTML + "HTML('<style>p { background: url(https://a.b/c) }</style>')", "a style"),
        ("# ![alt](https://example.org/a.png)", "<img src="),
    ],
)
def test_what_needs_a_kernel_a_script_or_the_network_is_refused(root, cell, told):
    plan = planned(lesson(root, "01_small", cell))
    done = report.run(plan)
    with pytest.raises(LessonError, match=told):
        report.page(plan, done)


def test_a_picture_beside_the_lesson_is_taken_into_the_page(root):
    path = lesson(root, "01_small", "## Part\n\n![A dot](dot.svg)")
    plan = planned(path)
    with pytest.raises(LessonError, match=r"dot\.svg"):
        report.page(plan, report.run(plan))
    dot = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4"/></svg>'
    (path.parent / "dot.svg").write_text(dot)
    assert '<img alt="A dot" src="data:image/svg+xml' in report.page(plan, report.run(plan))


# ---------------------------------------------------------------------------------------
# The command is quick to start.


def test_help_lists_the_commands_and_loads_nothing_heavy():
    program = (
        "import sys, helpers.__main__ as m\n"
        "try: m.app(['report', '--help'])\n"
        "except SystemExit: pass\n"
        "print('loaded', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "--set" in done.stdout
    loaded = set(done.stdout.rpartition("loaded")[2].split())
    assert not loaded & {"pandas", "numpy", "papermill", "nbconvert", "IPython", "rich"}


# ---------------------------------------------------------------------------------------
# Lesson 01 itself.


@pytest.fixture(scope="module")
def lesson_01(tmp_path_factory, chromium):
    out = tmp_path_factory.mktemp("reports")
    arguments = ["--set", "venetoclax_days=7", "--set", "cohort=AGE < 30", "--to", "html,pdf"]
    done = subprocess.run(
        [sys.executable, "-m", "helpers", "report", "01", *arguments, "--out", str(out)],
        cwd=HERE,
        env=os.environ | {"CHROMIUM": chromium},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_lesson_01_opens_without_a_network(lesson_01, chromium):
    page = next(lesson_01.glob("01_*.html"))
    asked, complaints, broken = opened(chromium, page, script=BROKEN)
    assert asked == [page.resolve().as_uri()]
    assert complaints == []
    assert broken == 0
    text = words(page.read_text(encoding="utf-8"))
    assert "2 of 14 varied: venetoclax_days = 7 instead of" in text
    assert "cohort = AGE < 30 instead of" in text
    assert "2,300 mg" in text  # 100 + 200 + 5 × 400, the panel's own words


def test_no_table_of_lesson_01_is_cut_on_a4(lesson_01, chromium):
    page = next(lesson_01.glob("01_*.html"))
    # What is wider than the text, on a sheet of 180 mm between its margins.
    wide = """[...document.querySelectorAll('main table, main img, main pre')]
        .filter(each => each.getBoundingClientRect().right
            > document.querySelector('main').getBoundingClientRect().right + 1)
        .map(each => each.outerHTML.slice(0, 200))"""
    _, _, found = opened(chromium, page, width=round(180 / 25.4 * 96), media="print", script=wide)
    assert found == []


def test_the_pdf_of_lesson_01_holds_its_words(lesson_01):
    reader = pypdf.PdfReader(next(lesson_01.glob("01_*.pdf")))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    assert report.read(report.find(["01"])[0]).title in text
    assert "2 of " in text
    assert "How this report was made" in text


def test_lesson_01_gives_the_same_page_twice(lesson_01):
    page = next(lesson_01.glob("01_*.html")).read_text(encoding="utf-8")
    plan = planned(report.find(["01"])[0], venetoclax_days="7", cohort="AGE < 30")
    again = without_provenance(report.page(plan, report.run(plan)))
    # The lines that differ, so that a failure tells them and not both pages whole.
    assert list(unified_diff(without_provenance(page).splitlines(), again.splitlines(), n=0)) == []


def test_every_lesson_describes_itself():
    for path in paths.lessons():
        read = report.read(path)
        assert read.title
        assert report.plan([read], {})[0].varied == {}
