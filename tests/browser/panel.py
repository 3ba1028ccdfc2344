"""A panel on a page of JupyterLab, moved by keyboard, as a reader without a mouse does."""

import hashlib
import re
from functools import cache

import pytest
from playwright.sync_api import expect

from helpers import parameters

from .lab import LOOK_MS

BACK = "Back to the lesson's settings"

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
FOCUSED = "element => element.contains(document.activeElement)"
DRAWN = """root => [...root.querySelectorAll("img")].every(
    picture => picture.complete && picture.naturalWidth > 0)"""


def cell(page, call):
    """Return the cell of a panel, by what makes the panel in it."""
    return page.locator(".jp-CodeCell").filter(has_text=call)


class Panel:
    """A panel on the page.

    Parameters
    ----------
    page : playwright.sync_api.Page
        JupyterLab with the lesson.
    call : str
        What makes the panel in its cell.
    work_out : callable
        What it should show: takes settings, returns an outcome.
    lesson : helpers.report.Lesson
        Where the panel starts.
    """

    def __init__(self, page, call, work_out, lesson):
        self.page, self.work_out, self.lesson = page, work_out, lesson
        self.cell = cell(page, call)
        self.box = self.cell.locator(".tbn-live")
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
        return short(self.box.evaluate(READ))

    def shows(self, **changed):
        """Check that the panel shows what the lesson's settings, so changed, lead to."""
        paper = self.lesson.paper
        settings = parameters.change(self.lesson.settings, changed, paper=paper)
        summary, parts = _expected(self.work_out, settings, paper)
        expect(self.summary).to_have_text(summary)
        expect(self.alert).to_have_count(0)
        self.page.wait_for_function(DRAWN, arg=self.box.element_handle(), polling=LOOK_MS)
        assert self.seen() == short(self.page.evaluate(READ_TEXT, parts))

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


def short(shown):
    """Put a digest in place of a picture's bytes: pytest would print them all."""
    pictures = [(alt, hashlib.sha256(src.encode()).hexdigest()) for alt, src in shown["pictures"]]
    return shown | {"pictures": pictures}
