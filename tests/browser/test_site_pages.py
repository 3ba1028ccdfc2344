"""A page of the site, opened from a folder: its panels move without a kernel and without a server.

What a panel should show is worked out here, by a panel that the lesson's own cells made.
"""

import json

import pytest
from playwright.sync_api import expect

from helpers import panels, paths, site

from . import accessibility, lesson_panels
from .lab import LOOK_MS

LESSON = paths.lessons()[1]
PANELS = lesson_panels.names(LESSON)
# What stands below the controls: its words, its tables and its pictures, which are all there.
SHOWS = """([box, html]) => {
    const read = root => JSON.stringify([
        root.textContent.replace(/\\s+/g, " ").trim(),
        [...root.querySelectorAll("img")].map(picture => [picture.alt, picture.src]),
        [...root.querySelectorAll("td, th")].map(cell => cell.textContent.trim()),
    ]);
    const shown = box.querySelector(".tbn-shown");
    const expected = document.createElement("div");
    expected.innerHTML = html;
    return read(shown) === read(expected) && [...shown.querySelectorAll("img")].every(
        picture => picture.complete && picture.naturalWidth > 0);
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make the page of one lesson, and the index."""
    made = tmp_path_factory.mktemp("site")
    site.make(LESSON, made)
    site.write_index(made)
    return made


@pytest.fixture(scope="module")
def opened(folder, new_page):
    """Return the page, and its panels as Python makes them."""
    page = new_page()
    page.goto((folder / f"{LESSON.stem}.html").as_uri())
    yield page, lesson_panels.make(LESSON)
    page.close()


def box_of(page, name):
    return page.locator(".tbn-panel").nth(PANELS.index(name))


def check(page, box, panel):
    """Compare what stands below the controls with what Python says."""
    if panel.message:
        expect(box.locator(".tbn-message")).to_contain_text(panel.message)
        return
    html = panels.as_html(panel.outcome)
    page.wait_for_function(SHOWS, arg=[box.element_handle(), html], polling=LOOK_MS)
    expect(box.locator(".tbn-message")).to_be_empty()


def move(control, kind, stop, value):
    """Move a control by keyboard to one of its stops."""
    if kind == "switch":
        control.locator("input").press("Space")
        return
    field = control.locator("select, [type=range]")
    if field.count():
        field.focus()
        for key in ["Home", *["ArrowDown" if kind != "slider" else "ArrowRight"] * stop]:
            field.press(key)
        return
    field = control.locator("input")
    field.fill(str(value))
    field.press("Tab")


@pytest.mark.parametrize("name", PANELS)
def test_each_control_moves_by_keyboard_to_both_ends(opened, name):
    page, made = opened
    box, panel = box_of(page, name), made[name]
    check(page, box, panel)
    for control in box.locator(".tbn-control").all():
        setting, kind = (control.get_attribute(f"data-{each}") for each in ("name", "kind"))
        stops = json.loads(control.get_attribute("data-stops"))
        start = int(control.get_attribute("data-start"))
        expect(control.locator("input, select").first).to_have_accessible_name(
            panel.controls[setting].description
        )
        for stop in (len(stops) - 1, 0, start):
            if kind == "switch" and stops[stop] == panel.controls[setting].value:
                continue
            move(control, kind, stop, stops[stop])
            panel.set(**{setting: stops[stop]})
            check(page, box, panel)


def test_a_state_that_was_not_worked_out_leads_to_the_lab(opened):
    page, made = opened
    box = box_of(page, PANELS[0])
    slider = box.locator(".tbn-control[data-kind=slider]").first
    stops = json.loads(slider.get_attribute("data-stops"))
    within = slider.locator("[type=number]")
    between = next(value for value in range(int(stops[0]), int(stops[-1])) if value not in stops)
    within.fill(str(between))
    within.press("Tab")
    message = box.locator(".tbn-message")
    expect(message).to_contain_text(f"{slider.get_attribute('data-name')} = {between}")
    expect(message.get_by_role("link")).to_have_attribute("href", box.get_attribute("data-lab"))
    box.get_by_role("button", name="Back to the lesson's settings").press("Enter")
    check(page, box, made[PANELS[0]])


def test_the_page_and_the_index_are_accessible(opened, folder, new_page):
    page, _ = opened
    assert accessibility.faults(page) == []
    index = new_page()
    index.goto((folder / "index.html").as_uri())
    assert accessibility.faults(index) == []
    index.get_by_role("link", name="Six patients").first.click()
    expect(index.locator("h1")).to_contain_text("Six patients")
    index.close()
