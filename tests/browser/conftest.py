"""A real JupyterLab, and a real browser that looks at it."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from .lab import FLAGS, WAIT_MS, serve

HERE = Path(__file__).parent
# What JupyterLab notes, some seconds after a lesson is opened, of each panel that was stored: the
# kernel that it lived in is gone. A test of a panel that should be alive fails anyway.
GONE = "widget model not found"
_OPEN = pytest.StashKey()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Do all that is about one lesson together: to open and run it takes longer than the rest.

    pytest goes by the place of a lesson in each test's list, and the lists differ.
    """
    places = [at for at, item in enumerate(items) if "lesson" in _parameters(item)]
    of_lessons = sorted(
        (items[at] for at in places),
        key=lambda item: (_parameters(item)["lesson"], item.function.__code__.co_firstlineno),
    )
    for at, item in zip(places, of_lessons, strict=True):
        items[at] = item


def _parameters(item):
    """Return what a test of this folder is given; nothing for the others."""
    if item.path.parent != HERE or not hasattr(item, "callspec"):
        return {}
    return item.callspec.params


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Return a JupyterLab that serves a copy of the lessons."""
    with serve(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def page_errors():
    """Return the list that fills with what goes wrong on the page."""
    return []


# Not for the whole session: while Playwright's event loop runs, nbval can't run its own.
@pytest.fixture(scope="module")
def pages(request, tmp_path_factory):
    """Return the list of the pages that are open."""
    request.session.stash[_OPEN] = opened, _ = [], tmp_path_factory.mktemp("screenshots")
    yield opened
    del request.session.stash[_OPEN]


@pytest.fixture(scope="module")
def new_page(chromium, pages, page_errors):
    """Start a browser; return a function that opens an empty page in it."""

    def note(message):
        if message.type == "error" and GONE not in message.text:
            page_errors.append(f"{message.text} ({message.location['url']})")

    def open_page():
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(WAIT_MS)
        page.on("console", note)
        page.on("pageerror", lambda error: page_errors.append(str(error)))
        page.on("crash", lambda _: page_errors.append("the page crashed"))
        page.on("close", lambda closed: pages.remove(closed))
        pages.append(page)
        return page

    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield open_page
        browser.close()


@pytest.fixture(autouse=True)
def _no_page_error(new_page, pages, page_errors):
    """Fail a test during which the browser's console shows an error."""
    yield
    # Events wait until Playwright is called.
    for page in pages:
        page.evaluate("null")
    errors = page_errors.copy()
    page_errors.clear()
    assert not errors


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.failed and (found := item.session.stash.get(_OPEN, None)):
        pages, folder = found
        for number, page in enumerate(pages, start=1):
            name = re.sub(r"\W+", "-", f"{item.name} {report.when} {number}")
            with suppress(Error):
                page.screenshot(path=folder / f"{name}.png")
                report.sections.append(("Screenshot", str(folder / f"{name}.png")))
    return report
