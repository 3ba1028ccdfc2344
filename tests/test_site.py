"""The static site: panels recorded in a real kernel, pages and their states as files.

How a page behaves in a browser is tested in `tests/browser`.
"""

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from helpers import panels, parameters, paths, report, site, whatif
from helpers.errors import LessonError
from helpers.panel_grid import Grid
from helpers.site.recording import record

HERE = Path(__file__).parents[1]
LAB = "https://example.org/lab?urlpath=lab/tree/notebooks"
# Few patients, so few states.
PARAMETERS = """count: int = 3  # how many
total: int = 4  # of so many
whole: int = 6  # in all
percent: str = "75.0"  # as printed
lower: str = ""  # as printed
upper: str = ""  # as printed"""
CHECK = """from helpers import panels, parameters
settings = parameters.check(globals(), "printed", paper="vah")"""
PANEL = 'panels.printed(settings, paper="vah")'


def lesson(root, number, *cells, title="Small"):
    """Write a lesson; a cell is Markdown if it starts with #, and code otherwise."""
    notebook = v4.new_notebook()
    notebook.metadata["trial_by_notebook"] = {
        "title": title,
        "paper": "vah",
        "settings": ["printed"],
        "minutes": 5,
        "needs": [],
    }
    name = f"{number}_small"
    launch = f"<!-- made by make derived: launch -->\n[Open]({LAB}/{name}.ipynb)\n<!-- end -->"
    notebook.cells = [
        v4.new_markdown_cell(f"# {number} · {title}\n\n{launch}\n\n**Is it so?**"),
        v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        v4.new_code_cell(CHECK),
    ]
    for cell in cells:
        source, tags = cell if isinstance(cell, tuple) else (cell, [])
        new = v4.new_markdown_cell if source.startswith("#") else v4.new_code_cell
        notebook.cells.append(new(source, metadata={"tags": tags}))
    (root / "notebooks").mkdir(exist_ok=True)
    path = root / "notebooks" / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def command(root, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "helpers", "site", *arguments, "--jobs", "1"],
        cwd=root,
        env=os.environ | {"TRIAL_BY_NOTEBOOK": str(root)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def states_of(packed):
    """Unpack states as the page's script does: HTML, or what is wrong, by place."""
    content = json.loads(gzip.decompress(base64.b64decode(packed)))

    def text(numbers):
        return "\n".join(content["lines"][number] for number in numbers)

    def drawn(found):
        svg = text(content["drawings"][int(found[2])])
        return found[1] + base64.b64encode(svg.encode()).decode()

    return {
        place: state
        if isinstance(state, str)
        else re.sub(r'(data:image/svg\+xml;base64,)(\d+)(?=")', drawn, text(state))
        for place, state in content["states"].items()
    }


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    shutil.copytree(HERE / "data", tmp_path / "data")
    return tmp_path


# --- what is recorded ------------------------------------------------------------------------


def test_each_recorded_state_is_what_the_panel_shows_there():
    settings = parameters.check({}, "dose", paper="alal_nos")
    names = ["venetoclax_days", "cycle_days", "cyp3a_inhibitor"]
    grid = Grid(
        values={"venetoclax_days": (7, 28, 29), "cycle_days": (28, 35)},
        together=[("venetoclax_days", "cycle_days")],
    )
    panel = panels.Panel(
        settings, names, whatif.dose, paper="alal_nos", heading="Change the dose", grid=grid
    )
    recorded = record(panel)
    states = states_of(recorded["states"])
    assert recorded["count"] == len(states) == 3 * 2 + 3
    stops = {each["name"]: each["stops"] for each in recorded["controls"]}
    assert stops["venetoclax_days"] == [7, 28, 29]
    for place, html in states.items():
        numbers = map(int, place.split(","))
        values = {name: stops[name][number] for name, number in zip(stops, numbers, strict=True)}
        panel.set(**values)
        if panel.message:
            assert html == panel.message
        else:
            assert html == panels.as_html(panel.outcome)
            assert html in panel._shown.value
    assert "29 days of venetoclax in a cycle of 28" in states["2,0,0"]
    start = ",".join(str(each["start"]) for each in recorded["controls"])
    assert states[start] == recorded["shown"]


def test_the_same_states_are_packed_the_same():
    settings = parameters.check({"count": 1, "total": 2, "whole": 3}, "printed", paper="vah")
    panel = panels.printed(settings, paper="vah")
    assert record(panel) == record(panel)


@pytest.mark.parametrize("paper", ["alal_nos", "vah", "mini_hcvd"])
def test_a_cohort_can_be_picked_by_every_recorded_variable(paper):
    settings = parameters.check({}, "cohort", paper=paper)
    offered, recorded = panels._recorded(paper)
    picked = panels._conditions(offered, recorded)
    assert picked.pop("") == "everyone"
    for name in offered:
        assert any(query.startswith(f"{name} ") for query in picked), name
    for query, words in picked.items():
        assert parameters.change(settings, {"cohort": query}, paper=paper)
        assert words != query


# --- the site --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make the site of two lessons, one of which fails at first."""
    root = tmp_path_factory.mktemp("site")
    shutil.copytree(HERE / "data", root / "data")
    lesson(
        root,
        "01",
        PANEL,
        "## More\n\nSee [the next](02_small.ipynb#More), [the design](../docs/design.md).",
        ("# Programming isn't needed", ["no-report"]),
        "## A question\n\nHow many?",
        ("answer = ...\nprint('Not answered')", ["exercise", "no-report"]),
        "print(6 * 7)",
        PANEL,
    )
    lesson(root, "02", "raise ValueError('no good')", title="A <second> one")
    return root, command(root)


def page(root, number):
    return (root / "_site" / f"{number}_small.html").read_text(encoding="utf-8")


def test_a_lesson_that_fails_is_told_and_the_others_are_made(made):
    root, done = made
    assert done.returncode == 1
    assert "02_small, cell [3] `raise ValueError('no good')`: ValueError: no good" in done.stderr
    assert "01_small.html" in done.stdout
    assert not (root / "_site" / "02_small.html").exists()
    index = (root / "_site" / "index.html").read_text(encoding="utf-8")
    assert "01_small.html" in index
    assert "02_small.html" not in index


def test_a_panel_has_a_control_for_each_setting_and_a_file_of_states(made):
    root, _ = made
    html = page(root, "01")
    assert re.findall(r'class="tbn-panel"[^>]* id="([^"]+)"', html) == ["01_small-1", "01_small-2"]
    for number in (1, 2):
        file = root / "_site" / "states" / f"01_small-{number}.js"
        name, packed = re.fullmatch(
            r'trialByNotebook\("(.*?)", "(.*?)"\);\n', file.read_text(encoding="utf-8")
        ).groups()
        assert name == file.stem
        states = states_of(packed)
        assert any("3 of 4 is 75.00 %" in state for state in states.values())
        assert any("a whole sample at least as large" in state for state in states.values())
    names = list(parameters.Printed.model_fields)
    assert re.findall(r'data-name="([^"]+)"', html) == names * 2
    stops = re.search(r'data-name="count"[^>]*data-stops="([^"]*)"', html)[1]
    assert json.loads(unescape(stops)) == [0, 1, 2, 3, 4]


def test_a_page_shows_what_a_reader_without_a_kernel_can_use(made):
    root, _ = made
    html = page(root, "01")
    assert "Programming isn't needed" not in html.replace("&#39;", "'")
    assert "Not answered" not in html
    assert "How many?" in html
    assert ">42" in re.sub(r"\s", "", html)
    assert "print(6 * 7)" in html
    assert html.count(f'<a href="{LAB}/01_small.ipynb">open this lesson there</a>') == 1
    assert '<a href="02_small.html#More">the next</a>' in html
    assert "the design" in html
    assert "design.md" not in html
    assert "3 of 4 is 75.00 %" in html


def test_a_page_loads_nothing_but_the_site_s_own_script(made):
    root, _ = made
    loading = re.findall(r"""(?:src|srcset|data|poster)=["'](?!data:)([^"']*)""", page(root, "01"))
    assert loading == ["panels.js"]
    script = (root / "_site" / "panels.js").read_text(encoding="utf-8")
    assert "http" not in script
    assert {file.name for file in (root / "_site").iterdir()} == {
        "01_small.html",
        "index.html",
        "panels.js",
        "states",
    }


def test_what_has_not_changed_is_not_made_again(made):
    root, _ = made
    before = page(root, "01")
    lesson(root, "02", PANEL, title="A <second> one")
    done = command(root)
    assert done.returncode == 0, done.stderr
    assert "02_small.html" in done.stdout
    assert "01_small: as it was" in done.stdout
    assert page(root, "01") == before
    assert "A &lt;second&gt; one" in (root / "_site" / "index.html").read_text(encoding="utf-8")

    # Nor is it kept where a file of states is missing, or is one too many.
    (root / "_site" / "states" / "01_small-2.js").unlink()
    lesson(root, "02", "'no panel'", title="A <second> one")
    done = command(root)
    assert "01_small.html" in done.stdout
    files = {file.name for file in (root / "_site" / "states").iterdir()}
    assert files == {"01_small-1.js", "01_small-2.js"}


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ('display({"text/html": \'<img src="https://example.org/a.png">\'}, raw=True)', "<img"),
        ('display({"text/html": "<script>1</script>"}, raw=True)', "<script>"),
        ("import ipywidgets\nipywidgets.IntSlider(3)", "<script>"),
    ],
)
def test_what_needs_a_kernel_or_the_network_is_refused(root, cell, told):
    path = lesson(root, "01", cell)
    (root / "_site").mkdir()
    with pytest.raises(LessonError, match=f"a page cannot hold a?.*{told}"):
        site.make(path, root / "_site")


def test_a_notebook_that_is_no_lesson_is_refused(root):
    other = lesson(root, "01").rename(root / "other.ipynb")
    lesson(root, "02")
    (root / "_site").mkdir()
    with pytest.raises(LessonError, match="not a lesson of the kit; right would be: 02_small"):
        site.make(other, root / "_site")


def test_an_unknown_lesson_is_one_line_and_status_2(root):
    lesson(root, "01")
    done = command(root, "07")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "07: no such lesson; right would be: 01_small\n"


def test_every_lesson_says_where_the_lab_is():
    for path in paths.lessons():
        assert path.name in site.lab(report.lessons.load(path)), path.name
