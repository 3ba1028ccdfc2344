"""From a key to the new picture in a real browser: a row for each panel of each lesson.

Of several keys, there and back, the median counts: what a reader waits, not the best that can be.
"""

import atexit
from contextlib import ExitStack
from functools import cache, partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import TimeoutError, sync_playwright

from benchmarks.harness import Missing, Timed, benchmark
from helpers import paths, report
from helpers.errors import MissingToolError
from tests.browser import lesson_panels
from tests.browser.lab import FLAGS, WAIT_MS, run_all, serve
from tests.browser.panel import CONTROLS

KEYS = 10
# A control may have nothing to change: another one is then tried.
PATIENCE_MS = 5_000
# The keys that move a control there and back.
THERE_AND_BACK = """row => {
    if (row.querySelector("select, [role=slider]")) return ["End", "Home"];
    if (row.querySelector("[type=number]")) return ["ArrowUp", "ArrowDown"];
    return row.querySelector("[type=checkbox]") ? ["Space", "Space"] : null;
}"""
# Notes how long it takes from the last key until what is below the controls is new and drawn.
WATCH = """box => {
    const shown = [...box.querySelectorAll(":scope > .widget-html > .widget-html-content")].at(-1);
    let pressed;
    const press = () => { pressed = performance.now(); };
    document.addEventListener("keydown", press, { capture: true });
    window.seconds = null;
    const changes = new MutationObserver(async () => {
        changes.disconnect();
        document.removeEventListener("keydown", press, { capture: true });
        await Promise.all([...shown.querySelectorAll("img")].map(picture => picture.decode()));
        requestAnimationFrame(() => { window.seconds = (performance.now() - pressed) / 1000; });
    });
    changes.observe(shown, { childList: true });
}"""


def key_to_picture(box):
    """Return the seconds from a key to the new picture of a panel: the median of several keys.

    Parameters
    ----------
    box : playwright.sync_api.Locator
        A live panel, as its lesson starts.
    """
    rows = box.locator(CONTROLS)
    count = rows.count()
    for at in range(count - 1):
        row = rows.nth(at)
        keys = row.evaluate(THERE_AND_BACK)
        if not keys:
            continue
        row.locator("select, [role=slider], input").first.focus()
        try:
            _seconds(box, keys[0])
        except TimeoutError:
            # A list that offers a control: it is the next one.
            continue
        if not box.get_by_role("alert").count():
            return median(_seconds(box, keys[(each + 1) % 2]) for each in range(KEYS))
        _seconds(box, keys[1])
    raise ValueError("no control of this panel changes what it shows")


def _seconds(box, key):
    box.evaluate(WATCH)
    box.page.keyboard.press(key)
    box.page.wait_for_function("window.seconds !== null", timeout=PATIENCE_MS)
    return box.page.evaluate("window.seconds")


class _Session:
    """A JupyterLab and a browser, which show one lesson at a time."""

    def __init__(self):
        try:
            chromium = report.find_chromium()
        except MissingToolError as error:
            raise Missing(str(error)) from None
        open_until_the_end = ExitStack()
        atexit.register(open_until_the_end.close)
        home = open_until_the_end.enter_context(TemporaryDirectory(prefix="lab-"))
        self.lab = open_until_the_end.enter_context(serve(Path(home)))
        playwright = open_until_the_end.enter_context(sync_playwright())
        self.browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        self.lesson = self.page = None

    def show(self, lesson):
        """Return the page of a lesson that has run."""
        if lesson != self.lesson:
            if self.page:
                self.page.close()
                self.lab.stop_kernel(self.lesson.name)
            self.page = self.browser.new_page(viewport={"width": 1300, "height": 1000})
            self.page.set_default_timeout(WAIT_MS)
            self.lab.open(self.page, lesson.name)
            run_all(self.page, len(lesson_panels.names(lesson)))
            self.lesson = lesson
        return self.page


_session = cache(_Session)


def _key_to_picture(lesson, at):
    box = _session().show(lesson).locator(".tbn-live").nth(at)
    box.scroll_into_view_if_needed()
    return Timed(key_to_picture(box), dict)


for _lesson in paths.lessons():
    for _at, _name in enumerate(lesson_panels.names(_lesson)):
        _row = partial(_key_to_picture, _lesson, _at)
        _row.__name__ = f"panel_{_lesson.stem[:2]}_{_name}"
        benchmark(rounds=1)(_row)
