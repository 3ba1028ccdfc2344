"""Lessons in JupyterLab, their panels moved by keyboard.

What a panel should show is worked out here with the same settings: by the function that it calls,
to see that the controls are wired to it, and once per panel by hand, to see that it is right.
The tests run in their order: the first looks at the lessons before anything has run.
"""

import csv
from contextlib import suppress
from functools import cache, partial

import nbformat
import pytest
from playwright.sync_api import TimeoutError, expect

from helpers import ledgers, leeway, paths, report, whatif

from .lab import LOOK_MS, run_all
from .panel import DRAWN, READ, READ_TEXT, Panel, cell, short

ASKED_MS = 5_000
FIRST, SECOND = "01_six_patients.ipynb", "02_printed_numbers.ipynb"
SIXTH = "06_hma_or_ldac.ipynb"
ARMS = {"HMA": "hma", "LDAC": "ldac"}
# Each panel's lesson, what makes it in its cell, and what works out the outcome it shows.
PANELS = {
    "dose": (FIRST, "panels.dose(", whatif.dose),
    "cohort": (FIRST, "panels.cohort_of(", whatif.cohort_of),
    "endpoint": (FIRST, "panels.endpoint(", whatif.endpoint),
    "ledger": (SECOND, "panels.ledger(", ledgers.filtered),
    "printed": (SECOND, "panels.printed(", ledgers.one_number),
    "label dose": (SIXTH, "panels.dose(", whatif.dose),
    "synthetic cohort": (
        SIXTH,
        "panels.cohort_of(",
        partial(leeway.cohort_of, compare=ARMS),
    ),
    "redefinition": (
        SIXTH,
        "panels.redefinition(",
        partial(leeway.endpoint, reference="efs", compare=ARMS),
    ),
    "confounding": (
        SIXTH,
        "panels.confounding(",
        partial(leeway.confounded, reference="os", compare=ARMS),
    ),
}


@pytest.fixture(scope="module")
def opened(lab, new_page):
    """Return a function that gives a lesson in JupyterLab, its kernel ready; nothing has run."""

    @cache
    def open_lesson(file):
        page = new_page()
        lab.open(page, file)
        return page

    return open_lesson


@pytest.fixture(scope="module")
def ran(opened):
    """Return a function that gives a lesson in JupyterLab after *Run All Cells*."""

    @cache
    def run_lesson(file):
        page = opened(file)
        run_all(page, [each for each, _, _ in PANELS.values()].count(file))
        return page

    return run_lesson


@pytest.fixture
def panel(request, ran, lab):
    """Return the panel that the test asks for, and put it back afterwards."""
    file, call, work_out = PANELS[request.param]
    panel = Panel(ran(file), call, work_out, report.read(lab.folder / file))
    yield panel
    panel.back()


@pytest.mark.parametrize("name", PANELS)
def test_shows_the_stored_panels_where_nothing_has_run(opened, lab, name):
    file, call, _ = PANELS[name]
    page = opened(file)
    cells = nbformat.read(lab.folder / file, as_version=4).cells
    (stored,) = (each.outputs for each in cells if call in each.source)
    shown = cell(page, call)
    shown.scroll_into_view_if_needed()
    expect(shown.locator(".tbn-live")).to_have_count(0)
    output = shown.locator(".jp-OutputArea-output:has(.tbn-panel)")
    expect(output.locator(".tbn-summary")).to_be_visible()
    html = stored[-1].data["text/html"]
    summary = page.evaluate(
        "html => new DOMParser().parseFromString(html, 'text/html')"
        ".querySelector('.tbn-summary').textContent",
        html,
    )
    expect(output.locator(".tbn-summary")).to_have_text(summary)
    page.wait_for_function(DRAWN, arg=output.element_handle(), polling=LOOK_MS)
    assert short(output.evaluate(READ)) == short(page.evaluate(READ_TEXT, html))


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


@pytest.mark.parametrize("panel", ["ledger"], indirect=True)
def test_ledger_follows_the_keyboard(panel):
    def fit(paper, place=""):
        """Count the rows of a paper's catalogue, and those of a place in the paper."""
        rows = []
        for file in paths.root().glob(f"data/{paper}/published.csv"):
            rows += csv.DictReader(file.open(encoding="utf-8", newline=""))
        return len(rows), sum(place in row["location"].lower() for row in rows)

    papers, verdicts = panel.control("paper"), panel.control("verdict")
    panel.press(verdicts, "End")
    panel.shows(verdict="any")
    panel.press(papers, "Home")
    panel.shows(paper="all", verdict="any")
    every, _ = fit("*")
    expect(panel.summary).to_contain_text(f"{every} published numbers of every paper")
    expect(panel.summary).to_contain_text(f"{every} fit the search; the first 60 are shown")

    place = panel.control("location")
    panel.enter(place, "Table 3")
    panel.shows(paper="all", verdict="any", location="Table 3")
    expect(panel.summary).to_contain_text(f" {fit('*', 'table 3')[1]} fit the search")

    panel.press(papers, "End")
    panel.shows(paper="vah", verdict="any", location="Table 3")
    total, found = fit("vah", "table 3")
    expect(panel.summary).to_contain_text(f"{total} published numbers of vah: ")
    expect(panel.summary).to_contain_text(f" {found} fit the search")
    panel.choose(papers, "hma_ldac")
    panel.shows(paper="hma_ldac", verdict="any", location="Table 3")
    panel.press(verdicts, "Home")
    panel.shows(paper="hma_ldac", verdict="inconsistent", location="Table 3")

    panel.back()
    expect(papers.get_by_role("combobox")).to_have_value("vah")
    expect(verdicts.get_by_role("combobox")).to_have_value("inconsistent")
    expect(place.get_by_role("textbox")).to_have_value("")


@pytest.mark.parametrize("panel", ["ledger"], indirect=True)
@pytest.mark.parametrize("nonsense", ["[(", "<b>nowhere</b>", "'; --"])
def test_ledger_finds_nothing_for_nonsense(panel, nonsense):
    panel.enter(panel.control("location"), nonsense)
    panel.shows(location=nonsense)
    expect(panel.summary).to_contain_text(". 0 fit the search.")
    assert panel.seen() == {"pictures": [], "tables": []}


@pytest.mark.parametrize("panel", ["printed"], indirect=True)
def test_printed_follows_the_keyboard(panel):
    boxes = {name: panel.control(name) for name in ("count", "total", "whole")}
    panel.press(boxes["count"], "ArrowUp")
    panel.shows(count=30)
    expect(panel.summary).to_contain_text(f"30 of 37 is {100 * 30 / 37:.2f} %.")

    panel.enter(boxes["count"], "0")
    panel.shows(count=0)
    # Clopper and Pearson's upper limit: with this rate, none of 37 has a chance of 2.5 %.
    assert _interval(panel, "Clopper-Pearson") == f"0.0 to {100 * (1 - 0.025 ** (1 / 37)):.1f}"

    for name, value in [("whole", 200), ("total", 100), ("count", 50)]:
        panel.enter(boxes[name], str(value))
    for name, text in [("percent", "50.0"), ("lower", "40.2"), ("upper", "59.8")]:
        panel.enter(panel.control(name), text)
    typed = {"count": 50, "total": 100, "whole": 200, "percent": "50.0"}
    panel.shows(**typed, lower="40.2", upper="59.8")
    expect(panel.summary).to_contain_text("the printed 50.0 %: ✓ reproduced")
    # Half of a hundred, more or less 1.96 × √(0.5 × 0.5 / 100).
    assert _interval(panel, "Wald") == f"{50 - 1.96 * 5:.1f} to {50 + 1.96 * 5:.1f}"
    expect(panel.summary).to_contain_text("40.2–59.8 is what Wald")

    for name in ("percent", "lower", "upper"):
        panel.enter(panel.control(name), "")
    panel.shows(count=50, total=100, whole=200, percent="", lower="", upper="")
    expect(panel.summary).to_have_text("50 of 100 is 50.00 %.")

    panel.back()
    expect(boxes["count"].get_by_role("spinbutton")).to_have_value("29")
    expect(panel.control("upper").get_by_role("textbox")).to_have_value("89.0")


def _interval(panel, method):
    """Return the interval that the panel's table shows for a method."""
    (table,) = panel.seen()["tables"]
    (found,) = (row[2] for row in table if row[0] == method)
    return found


@pytest.mark.parametrize("panel", ["printed"], indirect=True)
@pytest.mark.parametrize(
    ("order", "typed", "value"),
    [
        # From inside to outside, so that nothing on the way is impossible.
        (["count", "total", "whole"], "-7", {"count": 0, "total": 1, "whole": 1}),
        (
            ["whole", "total", "count"],
            "123456789",
            dict.fromkeys(["count", "total", "whole"], 10**5),
        ),
    ],
)
def test_printed_stays_within_its_ends(panel, order, typed, value):
    moved = {}
    for name in order:
        panel.enter(panel.control(name), typed)
        moved[name] = value[name]
        panel.shows(**moved)
        box = panel.control(name).get_by_role("spinbutton")
        expect(box).to_have_value(str(value[name]))


@pytest.mark.parametrize("panel", ["printed"], indirect=True)
def test_printed_explains_what_is_impossible(panel):
    for name in ("percent", "lower", "upper"):
        panel.enter(panel.control(name), "<b>ten</b>")
        panel.refuses(f"{name}: given '<b>ten</b>'", "digits such as 78.4, or nothing")
        panel.back()
    panel.enter(panel.control("count"), "38")
    panel.refuses("38 of 37", "a count no larger than the total")
    panel.enter(panel.control("total"), "97")
    panel.refuses("97 of 96", "a whole sample at least as large as the group")
    panel.enter(panel.control("whole"), "97")
    panel.shows(count=38, total=97, whole=97)
    # Letters are no number: the box goes back to what it was.
    panel.enter(panel.control("count"), "many")
    expect(panel.control("count").get_by_role("spinbutton")).to_have_value("38")
    panel.shows(count=38, total=97, whole=97)


@pytest.mark.parametrize("panel", ["label dose"], indirect=True)
def test_label_dose_follows_the_keyboard(panel):
    panel.choose(panel.control("partner"), "cytarabine")
    panel.shows(partner="cytarabine")
    # 20 mg/m² at 1.8 m², ten days.
    expect(panel.summary).to_contain_text("36 mg a day at 1.8 m², 360 mg in all")
    panel.choose(panel.control("cyp3a_inhibitor"), "strong")
    panel.shows(partner="cytarabine", cyp3a_inhibitor="strong")
    expect(panel.summary).to_contain_text(f"{10 + 20 + 50 + 25 * 100:,} mg in all")


@pytest.mark.parametrize("panel", ["synthetic cohort"], indirect=True)
def test_synthetic_cohort_follows_a_choice_and_a_query(panel):
    panel.choose(panel.row("Pick patients by"), "CR")
    panel.press(panel.row("CR or CRi"), "Home")
    panel.shows(cohort="CRCFL in ['Y']")
    expect(panel.summary).to_contain_text("31 patients of 70 fit")
    panel.enter(panel.control("cohort"), "ETRDFL == 'Y'")
    panel.shows(cohort="ETRDFL == 'Y'")
    assert panel.seen() == {"pictures": [], "tables": []}
    panel.enter(panel.control("cohort"), "AGE > 60")
    panel.refuses("no variable 'AGE'")


@pytest.mark.parametrize("panel", ["redefinition"], indirect=True)
def test_redefinition_follows_the_keyboard(panel):
    panel.choose(panel.control("no_response"), "on")
    panel.shows(no_response="on day 1")
    # 19 of 28 failed, so that more than half have the event on the first day.
    expect(panel.summary).to_contain_text("median, LDAC 0.0 months (pinned)")
    panel.back()
    panel.press(panel.control("cutoff_months"), "Home")
    panel.shows(cutoff_months=1)
    panel.back()
    panel.choose(panel.control("origin"), "response")
    panel.refuses("no response as an event", "events without no response")


@pytest.mark.parametrize("panel", ["confounding"], indirect=True)
def test_confounding_follows_the_keyboard(panel):
    before = panel.seen()
    panel.press(panel.control("factor_percent"), "Home")
    panel.shows(factor_percent=0)
    # 1 / (1 + 0.4): with the factor in 40 % of the other group alone, doubling the hazard.
    expect(panel.summary).to_contain_text(f"multiply the hazard ratio by {1 / 1.4:.2f}")
    assert before["pictures"] != panel.seen()["pictures"]
    panel.enter(panel.control("seed"), "7")
    panel.shows(factor_percent=0, seed=7)


def test_reopened_without_its_kernel_a_lesson_shows_its_panels_as_they_were(ran, lab, new_page):
    page = ran(FIRST)
    made = page.locator(".tbn-live .tbn-summary").all_text_contents()
    lab.save(page, FIRST)
    page.close()
    lab.stop_kernel(FIRST)
    page = new_page()
    lab.open(page, FIRST)
    shown = page.locator(".tbn-panel .tbn-summary")
    expect(shown).to_have_text(made)
    for panel in shown.all():
        expect(panel).to_be_visible()
    # JupyterLab looks two seconds for the widgets.
    lost = page.get_by_text("model not found")
    expect(lost).to_have_count(len(made))
    for each in lost.all():
        expect(each).to_be_hidden()


def test_a_lesson_is_kept_with_its_answers_by_one_button(lab, new_page):
    """By keyboard: an answer is typed, and what arrives on the reader's machine has it."""
    file = "00_start_here.ipynb"
    page = new_page()
    lab.open(page, file)
    answer = cell(page, "exercises.check").locator(".cm-content").first
    answer.scroll_into_view_if_needed()
    answer.click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("mine = 7  # typed by a reader\n")
    button = page.get_by_role("button", name="Save and download")
    button.scroll_into_view_if_needed()
    button.focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
        # Where the notebook isn't trusted, JupyterLab asks first. The question is there a moment
        # before it takes the focus, to "Cancel".
        with suppress(TimeoutError):
            page.locator(".jp-Dialog-button:focus").wait_for(timeout=ASKED_MS)
            page.get_by_role("button", name="Run Once").press("Enter")
    assert download.value.suggested_filename == file
    kept = nbformat.read(download.value.path(), as_version=4)
    assert any("mine = 7  # typed by a reader" in each.source for each in kept.cells)
    page.close()
    lab.stop_kernel(file)
