"""Every panel of every lesson, worked by keyboard alone, in JupyterLab; and who can't see it.

What a panel should show is worked out here, by a panel that the lesson's own cells made: each
move of a key is made there in Python. `test_jupyterlab` has numbers worked out by hand.
"""

import re

import ipywidgets as widgets
import nbformat
import pytest
from playwright.sync_api import TimeoutError, expect

from helpers import paths, report

from . import accessibility, lesson_panels
from .keyboard import moves, stops
from .lab import ERROR, LOOK_MS, run_all
from .panel import CONTROLS, FOCUSED, LABELS

LESSONS = paths.lessons()
PANELS = [(path, name) for path in LESSONS for name in lesson_panels.names(path)]
every_lesson = pytest.mark.parametrize(
    "lesson", LESSONS, indirect=True, ids=lambda path: path.stem, scope="module"
)
every_panel = pytest.mark.parametrize(
    ("lesson", "name"),
    PANELS,
    indirect=["lesson"],
    ids=[f"{path.stem}-{name}" for path, name in PANELS],
    scope="module",
)
# What stands below the controls, and whether it is all there.
SHOWS = """([box, html]) => {
    const shown = [...box.querySelectorAll(":scope > .widget-html > .widget-html-content")].at(-1);
    const expected = document.createElement("template");
    expected.innerHTML = html;
    return shown.innerHTML === expected.innerHTML && [...shown.querySelectorAll("img")].every(
        picture => picture.complete && picture.naturalWidth > 0);
}"""
WORDS = """html => new DOMParser().parseFromString(html, "text/html").body.textContent"""
# What a control stands at, as it says itself.
STANDS_AT = """row => {
    // ipywidgets puts spaces that don't break between the words of an option.
    const words = option => option.textContent.replaceAll("\u00a0", " ");
    const list = row.querySelector("select");
    if (list) return [...list.selectedOptions].map(words);
    const handles = [...row.querySelectorAll("[role=slider]")];
    if (handles.length) return handles.map(each => Number(each.getAttribute("aria-valuenow")));
    const field = row.querySelector("input");
    return [field.type === "checkbox" ? field.checked : field.value];
}"""


class Lesson:
    """A lesson that has run in JupyterLab, and its panels as Python makes them."""

    def __init__(self, page, path):
        self.page, self.path = page, path
        self.made = lesson_panels.make(path)

    def box(self, name):
        """Return a panel on the page."""
        return self.page.locator(".tbn-live").nth(list(self.made).index(name))


@pytest.fixture(scope="module")
def lesson(request, lab, new_page):
    """Open a lesson and run it; leave no page and no kernel of it behind."""
    page = new_page()
    lab.open(page, request.param.name)
    run_all(page, len(lesson_panels.names(request.param)))
    yield Lesson(page, lab.folder / request.param.name)
    page.close()
    lab.stop_kernel(request.param.name)


@every_lesson
def test_it_runs_without_an_error_and_its_panels_are_alive(lesson):
    failed = lesson.page.locator(f".jp-Notebook {ERROR}").filter(has_text="Error")
    assert failed.all_text_contents() == []
    code = [cell for cell in nbformat.read(lesson.path, 4).cells if cell.cell_type == "code"]
    prompts = lesson.page.locator(".jp-CodeCell .jp-InputArea-prompt").all_text_contents()
    assert prompts == [f"[{number}]:" for number in range(1, len(code) + 1)]
    expect(lesson.page.locator(".tbn-live")).to_have_count(len(lesson.made))
    for panel in lesson.page.locator(".tbn-panel").all():
        expect(panel).to_be_hidden()


@every_panel
def test_each_control_moves_by_keyboard_to_both_ends(lesson, name):
    panel, box = lesson.made[name], lesson.box(name)
    box.scroll_into_view_if_needed()
    at_first = panel.children[-1].value
    _check(box, panel)
    _work(box, panel)
    assert panel.children[-1].value == at_first

    # A list that offers further controls: one of each kind.
    offering, met = panel.children[1], set()
    if offering in panel.controls.values():
        return
    for at, (_, variable) in enumerate(offering._options_full[1:], start=1):
        offering.value = variable
        offered = type(list(lesson_panels.controls(panel))[1])
        if offered not in met:
            met.add(offered)
            _focus_first(box)
            _press(box.page, "Space", "Home", *["ArrowDown"] * at, "Enter")
            _check(box, panel)
            _work(box, panel, past=offering)
            _press(box.page, "Enter")
            list(lesson_panels.controls(panel))[-1].click()
            _check(box, panel)
    assert panel.children[-1].value == at_first


@every_lesson
def test_it_is_accessible(lesson):
    assert accessibility.faults(lesson.page, within=".jp-NotebookPanel") == []


@every_lesson
def test_its_report_is_accessible(lesson, lab, new_page, tmp_path):
    """The report is laid out from what the lesson shows in JupyterLab."""
    notebook = lab.save(lesson.page, lesson.path.name)
    (plan,) = report.plan([report.read(lesson.path)], {})
    html = tmp_path / "report.html"
    html.write_text(report.page(plan, notebook), encoding="utf-8")
    page = new_page()
    page.goto(html.as_uri())
    assert accessibility.faults(page) == []
    page.close()


def _work(box, panel, past=None):
    """Go through a panel with Tab, to its button; move each control but one as far as it goes."""
    controls = list(lesson_panels.controls(panel))
    rows = box.locator(CONTROLS)
    expect(rows).to_have_count(len(controls))
    labels = rows.evaluate_all(LABELS)
    assert [label["text"] for label in labels] == [each.description for each in controls]
    assert not [label["text"] for label in labels if label["cut"]]
    assert labels == sorted(labels, key=lambda label: label["top"])
    _focus_first(box)
    for at, control in enumerate(controls[:-1]):
        row = rows.nth(at)
        name = re.compile(rf"^{re.escape(control.description)}(, from|, to|, to be typed)?$")
        planned = [] if control is past else moves(control)
        for stop in range(stops(control)):
            assert row.evaluate(FOCUSED), f"Tab does not lead to {control.description}"
            expect(box.page.locator(":focus")).to_have_accessible_name(name)
            for move in (each for each in planned if each.stop == stop):
                _press(box.page, *move.keys)
                if move.text is not None:
                    _type(box.page, move.text)
                control.value = move.value
                _check(box, panel)
                assert row.evaluate(STANDS_AT) == pytest.approx(_stands_at(control), abs=0.06)
            _press(box.page, "Tab")
    assert rows.last.evaluate(FOCUSED), "Tab does not lead to the button"


def _focus_first(box):
    """Go from the cell to the first control of its panel, as one does: Tab by Tab."""
    box.evaluate("box => box.closest('.jp-Cell').focus()")
    first = box.locator(CONTROLS).first
    for _ in range(10):
        _press(box.page, "Tab")
        if first.evaluate(FOCUSED):
            return
    pytest.fail("Tab does not lead to the panel")


def _press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def _type(page, text):
    """Replace what a field says."""
    _press(page, "Control+a", "Delete")
    page.keyboard.type(text)
    _press(page, "Enter")


def _check(box, panel):
    """Wait until the page shows what Python does: words, tables and pictures."""
    expected = panel.children[-1].value
    try:
        box.page.wait_for_function(SHOWS, arg=[box.element_handle(), expected], polling=LOOK_MS)
    except TimeoutError:
        shown = box.locator(":scope > .widget-html > .widget-html-content").last
        assert shown.text_content() == box.page.evaluate(WORDS, expected)
        raise


def _stands_at(control):
    match control:
        case widgets.Dropdown():
            return [control.label]
        case widgets.SelectMultiple():
            return list(control.label)
        case widgets.BoundedIntText():
            return [str(control.value)]
    return list(control.value) if isinstance(control.value, tuple) else [control.value]
