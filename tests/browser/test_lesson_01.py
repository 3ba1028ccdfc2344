"""Lesson 01 in JupyterLab, its panels moved by keyboard, as a reader without a mouse does.

What a panel should show is worked out here with the same settings: by `helpers.whatif`, to see
that the controls are wired to it, and once per panel by hand, to see that it is right.
The tests run in their order: the first looks at the lesson before anything has run.
"""

import hashlib
import re
from functools import cache

import nbformat
import pytest
from playwright.sync_api import expect

from helpers import parameters, report, whatif

LESSON = "01_six_patients.ipynb"
RUN_MS = 60_000
BACK = "Back to the lesson's settings"
PANELS = {
    "dose": ("panels.dose(", whatif.dose),
    "cohort": ("panels.cohort_of(", whatif.cohort_of),
    "endpoint": ("panels.endpoint(", whatif.endpoint),
}

READ = """root => ({
    pictures: [...root.querySelectorAll("img")].map(picture => [picture.alt, picture.src]),
    tables: [...root.querySelectorAll("table")].map(
        table => [...table.rows].map(row => [...row.cells].map(cell => cell.textContent.trim()))),
})"""
READ_TEXT = f"html => ({READ})(new DOMParser().parseFromString(html, 'text/html').body)"
# Each control of a panel: what it is called on the screen, and whether that can be read in full.
CONTROLS = ".widget-inline-hbox:not(.widget-html), button"
LABELS = """controls => controls.map(control => {
    const labels = control.matches("button") ? [control] : [...control.querySelectorAll("label")];
    return {
        text: labels.map(label => label.textContent.replace("\u200b", "")).join("").trim(),
        cut: labels.some(label => label.scrollWidth > label.clientWidth),
        top: control.getBoundingClientRect().top,
    };
})"""
# ipywidgets 8.1 gives neither a slider's handle nor the number beside it a name that a screen
# reader finds (the label stands next to them, unconnected). All other controls must have one.
NAMELESS = ".widget-slider"
FOCUSED = "element => element.contains(document.activeElement)"
DRAWN = """root => [...root.querySelectorAll("img")].every(
    picture => picture.complete && picture.naturalWidth > 0)"""
# JupyterLab shows an error as it shows what a cell writes to stderr.
ERROR = '[data-mime-type="application/vnd.jupyter.stderr"]'
# Off the screen JupyterLab keeps a cell's output in the page, so this sees all cells.
DONE = """() => {
    const all = selector => [...document.querySelectorAll(".jp-Notebook " + selector)];
    const waiting = all(".jp-InputArea-prompt").some(prompt => prompt.textContent.includes("*"));
    const failed = all("ERROR").some(output => output.textContent.includes("Error"));
    // Widgets come alive only where a cell was run.
    return !waiting && (failed || all(".jupyter-widgets").length);
}""".replace('"ERROR"', repr(ERROR))


class Panel:
    """A panel on the page.

    Parameters
    ----------
    page : playwright.sync_api.Page
        JupyterLab with the lesson.
    name : str
        A key of PANELS.
    lesson : helpers.report.Lesson
        Where the panel starts.
    """

    def __init__(self, page, name, lesson):
        call, self.work_out = PANELS[name]
        self.page, self.lesson = page, lesson
        self.cell = page.locator(".jp-CodeCell").filter(has_text=call)
        self.box = self.cell.locator(".jp-OutputArea-output > .jupyter-widgets")
        self.summary = self.box.locator(".tbn-summary")
        self.alert = self.box.get_by_role("alert")

    def row(self, label):
        """Return a control with its label."""
        named = self.page.locator("label").filter(has_text=re.compile(rf"^\W*{re.escape(label)}"))
        return self.box.locator(".widget-inline-hbox:not(.widget-html)").filter(has=named)

    def control(self, name):
        """Return the control of a setting."""
        return self.row(type(self.lesson.settings).model_fields[name].title)

    def tab_to(self, target):
        """Go from the panel's cell to a control, as one does: Tab by Tab."""
        self.cell.focus()
        for _ in range(30):
            self.page.keyboard.press("Tab")
            if target.evaluate(FOCUSED):
                return
        pytest.fail("Tab does not lead to it")

    def press(self, target, *keys):
        """Go to a control and press keys."""
        self.tab_to(target)
        for key in keys:
            self.page.keyboard.press(key)

    def choose(self, target, option):
        """Go to a list, open it, and choose by the option's first word."""
        self.press(target, "Space", *option.split()[0], "Enter")

    def enter(self, target, text):
        """Go to a text field and replace what it says."""
        self.press(target, "Control+a", "Delete")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def seen(self):
        """Return what the panel draws: pictures (text alternative and bytes) and tables."""
        return _short(self.box.evaluate(READ))

    def shows(self, **changed):
        """Check that the panel shows what the lesson's settings, so changed, lead to."""
        paper = self.lesson.paper
        settings = parameters.change(self.lesson.settings, changed, paper=paper)
        summary, parts = _expected(self.work_out, settings, paper)
        expect(self.summary).to_have_text(summary)
        expect(self.alert).to_have_count(0)
        self.page.wait_for_function(DRAWN, arg=self.box.element_handle())
        assert self.seen() == _short(self.page.evaluate(READ_TEXT, parts))

    def refuses(self, *words):
        """Check that the panel says what is wrong in a sentence, and still shows something."""
        expect(self.alert).to_contain_text("Not possible.")
        for each in words:
            expect(self.alert).to_contain_text(each)
        expect(self.summary).to_be_visible()
        expect(self.cell).not_to_contain_text("Traceback")

    def back(self):
        """Go back to the lesson's settings."""
        self.press(self.box.get_by_role("button", name=BACK), "Enter")
        self.shows()


@cache
def _expected(work_out, settings, paper):
    outcome = work_out(settings, paper=paper)
    return outcome.summary, "".join(part._repr_html_() for part in outcome.parts)


def _short(shown):
    """Put a digest in place of a picture's bytes: pytest would print them all."""
    pictures = [(alt, hashlib.sha256(src.encode()).hexdigest()) for alt, src in shown["pictures"]]
    return shown | {"pictures": pictures}


@pytest.fixture(scope="module")
def lesson(lab):
    """Return the lesson as it describes itself."""
    return report.read(lab.folder / LESSON)


@pytest.fixture(scope="module")
def opened(lab, page):
    """Return JupyterLab with the lesson opened and its kernel ready; nothing has run."""
    page.goto(f"{lab.url}lab/tree/{LESSON}?token={lab.token}")
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
    # Run before the kernel is there, JupyterLab would ask which kernel to take.
    expect(page.get_by_text(re.compile(r"^Python 3 .*\| Idle$"))).to_be_visible()
    return page


@pytest.fixture(scope="module")
def ran(opened):
    """Return JupyterLab after *Run All Cells*."""
    opened.get_by_role("menuitem", name="Run", exact=True).click()
    opened.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    opened.wait_for_function(DONE, timeout=RUN_MS)
    return opened


@pytest.fixture
def panel(request, ran, lesson):
    """Return the panel that the test asks for, and put it back afterwards."""
    panel = Panel(ran, request.param, lesson)
    yield panel
    panel.back()


@pytest.mark.parametrize("name", PANELS)
def test_shows_the_stored_panels_where_nothing_has_run(opened, lab, name):
    call, _ = PANELS[name]
    cells = nbformat.read(lab.folder / LESSON, as_version=4).cells
    (stored,) = (cell.outputs for cell in cells if call in cell.source)
    output = opened.locator(".jp-CodeCell").filter(has_text=call).locator(".jp-OutputArea-output")
    expect(output).to_have_count(1)
    output.scroll_into_view_if_needed()
    expect(output.locator(".jupyter-widgets")).to_have_count(0)
    expect(output.locator(".tbn-summary")).to_be_visible()
    html = stored[0].data["text/html"]
    summary = opened.evaluate(
        "html => new DOMParser().parseFromString(html, 'text/html')"
        ".querySelector('.tbn-summary').textContent",
        html,
    )
    expect(output.locator(".tbn-summary")).to_have_text(summary)
    opened.wait_for_function(DRAWN, arg=output.element_handle())
    assert _short(output.evaluate(READ)) == _short(opened.evaluate(READ_TEXT, html))


def test_runs_without_an_error_and_shows_the_lessons_settings(ran, lesson):
    failed = ran.locator(f".jp-Notebook {ERROR}").filter(has_text="Error")
    assert failed.all_text_contents() == []
    cells = nbformat.read(lesson.path, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    prompts = ran.locator(".jp-CodeCell .jp-InputArea-prompt").all_text_contents()
    assert prompts == [f"[{number}]:" for number in range(1, len(code) + 1)]
    for name in PANELS:
        Panel(ran, name, lesson).shows()


@pytest.mark.parametrize("panel", PANELS, indirect=True)
def test_tab_visits_each_control_in_order_and_by_name(panel):
    controls = panel.box.locator(CONTROLS)
    labels = controls.evaluate_all(LABELS)
    assert all(label["text"] and not label["cut"] for label in labels)
    assert labels == sorted(labels, key=lambda label: label["top"])

    visited = []
    panel.cell.focus()
    for _ in range(4 * len(labels)):
        panel.page.keyboard.press("Tab")
        inside = controls.evaluate_all(f"controls => controls.findIndex({FOCUSED})")
        if inside >= 0:
            visited.append(inside)
            if not controls.nth(inside).and_(panel.page.locator(NAMELESS)).count():
                stop = panel.page.locator(":focus")
                expect(stop).to_have_accessible_name(labels[inside]["text"])
    assert list(dict.fromkeys(visited)) == list(range(len(labels)))
    assert visited == sorted(visited)


@pytest.mark.parametrize("panel", ["dose"], indirect=True)
def test_dose_follows_the_keyboard(panel):
    before = panel.seen()
    days = panel.control("venetoclax_days")
    panel.press(days, *["ArrowLeft"] * 3)
    panel.shows(venetoclax_days=25)
    expect(panel.summary).to_contain_text(f"{100 + 200 + 400 * (25 - 2):,} mg in all")
    for old, new in zip(before["pictures"], panel.seen()["pictures"], strict=True):
        assert old[0] != new[0], "a text alternative stayed"
        assert old[1] != new[1], "a picture stayed"

    # The number beside the slider is the next stop, and takes what is typed.
    panel.tab_to(days)
    panel.page.keyboard.press("Tab")
    for key in ["Control+a", "7", "Enter"]:
        panel.page.keyboard.press(key)
    panel.shows(venetoclax_days=7)
    expect(panel.summary).to_contain_text(f"{100 + 200 + 400 * (7 - 2):,} mg in all")

    panel.choose(panel.control("cyp3a_inhibitor"), "strong")
    panel.shows(venetoclax_days=7, cyp3a_inhibitor="strong")
    # The label's own first days beside a strong inhibitor: 10, 20 and 50 mg, then 100.
    expect(panel.summary).to_contain_text(f"{10 + 20 + 50 + 100 * (7 - 3):,} mg in all")

    panel.back()
    expect(days.get_by_role("slider")).to_have_attribute("aria-valuenow", "28.0")
    expect(panel.control("cyp3a_inhibitor").get_by_role("combobox")).to_have_value("none")


@pytest.mark.parametrize("panel", ["dose"], indirect=True)
def test_dose_explains_what_is_impossible(panel):
    panel.press(panel.control("venetoclax_days"), "ArrowRight")
    panel.refuses("29 days of venetoclax in a cycle of 28")
    panel.press(panel.control("cycle_days"), "ArrowRight")
    panel.shows(venetoclax_days=29, cycle_days=29)


@pytest.mark.parametrize("panel", ["cohort"], indirect=True)
@pytest.mark.parametrize(
    ("variable", "key", "query", "ages"),
    [
        # The youngest is 16: one step up leaves out patient 2.
        ("age at diagnosis", "ArrowRight", "AGE >= 17 and AGE <= 66", [66, 23, 29, 52, 22]),
        # The last of the two words is taken: patient 1 had relapsed.
        ("disease status", "End", "PRIORTX in ['refractory']", [16, 23, 29, 52, 22]),
    ],
)
def test_cohort_follows_a_choice(panel, variable, key, query, ages):
    before = panel.seen()
    panel.choose(panel.row("Pick patients by"), variable)
    panel.press(panel.row(variable), key)
    panel.shows(cohort=query)
    expect(panel.control("cohort").get_by_role("textbox")).to_have_value(query)
    expect(panel.summary).to_contain_text(f"{len(ages)} of 6 patients fit")
    expect(panel.summary).to_contain_text(f"Median age {sorted(ages)[2]} years")
    drawn, was = ([each for _, each in seen["pictures"]] for seen in (panel.seen(), before))
    assert not set(drawn) & set(was)


@pytest.mark.parametrize("panel", ["cohort"], indirect=True)
def test_cohort_follows_a_query(panel):
    field = panel.control("cohort")
    panel.enter(field, "AGE < 30")
    panel.shows(cohort="AGE < 30")
    young = sorted([16, 23, 29, 22])
    expect(panel.summary).to_contain_text(f"Median age {(young[1] + young[2]) / 2:g} years")

    panel.enter(field, "AGE > 60")
    panel.shows(cohort="AGE > 60")
    expect(panel.summary).to_contain_text("One patient is a case report: died at 36 months")

    panel.enter(field, "AGE > 90")
    panel.shows(cohort="AGE > 90")
    expect(panel.summary).to_contain_text("None of the 6 patients fits")
    assert panel.seen() == {"pictures": [], "tables": []}

    panel.back()
    expect(field.get_by_role("textbox")).to_have_value("")


@pytest.mark.parametrize("panel", ["cohort"], indirect=True)
def test_cohort_explains_what_is_impossible(panel):
    field = panel.control("cohort")
    panel.enter(field, "AGE <")
    panel.refuses("cannot read 'AGE <'")
    panel.enter(field, "HEIGHT > 180")
    panel.refuses("no variable 'HEIGHT'")
    panel.enter(field, "SEX == 'X'")
    panel.refuses("SEX is never 'X'", "one of F, M")


@pytest.mark.parametrize("panel", ["endpoint"], indirect=True)
def test_endpoint_follows_the_keyboard(panel):
    before = panel.seen()
    panel.choose(panel.control("origin"), "treatment")
    panel.shows(origin="treatment")
    # From venetoclax on: patient 1 from relapse and death backwards (months of survival less
    # those from relapse to death, from remission to relapse, and of the course), patient 3
    # after two failed courses of a month each.
    first, third = 36 - (36 - 3 - 9 - 1), 9 - 2 * 1
    clocks = panel.seen()["tables"][-1]
    assert ["1", "36.0, death", f"{first:.1f}, death"] in clocks
    assert ["3", "9.0, death", f"{third:.1f}, death"] in clocks
    # Patient 3 dies with four at risk, patient 1 with two: 3/4, then 3/8, so the median is hers.
    expect(panel.summary).to_contain_text(f"2 events among 6 patients; median {first} months")
    assert before["pictures"] != panel.seen()["pictures"]

    panel.press(panel.control("censor_at_transplant"), "Space")
    panel.shows(origin="treatment", censor_at_transplant=True)
    # Two courses until the response, then a month and a half.
    clocks = panel.seen()["tables"][-1]
    assert ["3", "9.0, death", f"{2 * 1 + 1.5:.1f}, transplant"] in clocks

    panel.press(panel.control("cutoff_months"), "Home")
    panel.shows(origin="treatment", censor_at_transplant=True, cutoff_months=1)

    panel.back()
    expect(panel.control("origin").get_by_role("combobox")).to_have_value("diagnosis")
    expect(panel.control("censor_at_transplant").get_by_role("checkbox")).not_to_be_checked()
    expect(panel.control("cutoff_months").get_by_role("slider")).to_have_attribute(
        "aria-valuenow", "60.0"
    )


@pytest.mark.parametrize("panel", ["endpoint"], indirect=True)
def test_endpoint_explains_what_is_impossible(panel):
    # From diagnosis on, no assumption would move anything. There is no wait between the two:
    # JupyterLab may hand such moves to two threads of the kernel at once.
    panel.choose(panel.control("origin"), "treatment")
    panel.press(panel.control("course_months"), "End")
    panel.shows(origin="treatment", course_months=1.5)
    panel.press(panel.control("response_to_transplant_months"), "End")
    # Patient 6 was followed for five months: a failed course, another until the response.
    late = 1.5 + 1.5 + 3.0 - 5
    panel.refuses(f"patient 6 would have the transplant {late:.1f} months after the last contact")
