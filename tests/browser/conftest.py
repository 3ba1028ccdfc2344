"""A real JupyterLab, and a real browser that looks at it."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from helpers import paths

# No graphics card, no sandbox (which root and containers lack), nothing fetched in the background.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_SECONDS = 60
STOP_SECONDS = 30
# The longest wait for anything on the page: another test may keep the machine busy.
WAIT_MS = 30_000

_OPEN = pytest.StashKey()


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab.

    Attributes
    ----------
    url, token : str
        Where it listens, and the key to it.
    folder : pathlib.Path
        What it serves: a copy of the lessons.
    """

    url: str
    token: str
    folder: Path


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Serve a copy of the lessons, with settings that are neither the user's nor left to them."""
    home = tmp_path_factory.mktemp("lab")
    lessons = home / "notebooks"
    shutil.copytree(paths.root() / "notebooks", lessons, ignore=shutil.ignore_patterns(".*"))
    # Whether to fetch news is a question that pops up over the notebook, at a time of its own.
    news = home / "settings" / "@jupyterlab" / "apputils-extension"
    news.mkdir(parents=True)
    (news / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False}), encoding="utf-8"
    )
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "IPYTHON"))
    }
    log = home / "lab.log"
    with log.open("w", encoding="utf-8") as output:
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyterlab",
                "--no-browser",
                "--ServerApp.ip=127.0.0.1",
                # Any free port; the server writes down which.
                "--ServerApp.port=0",
                "--ServerApp.allow_root=True",
            ],
            cwd=lessons,
            env=inherited | {name: str(home / folder) for name, folder in own.items()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        known = _wait_for(home / "runtime" / f"jpserver-{server.pid}.json", server, log)
        yield Lab(known["url"], known["token"], lessons)
    finally:
        # Asked politely, the server stops its kernels first.
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        finally:
            server.kill()
    assert not list((home / "runtime").glob("kernel-*.json")), "a kernel outlived the server"


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
        if message.type == "error":
            page_errors.append(f"{message.text} ({message.location['url']})")

    def open_page():
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(WAIT_MS)
        page.on("console", note)
        page.on("pageerror", lambda error: page_errors.append(str(error)))
        page.on("crash", lambda _: page_errors.append("the page crashed"))
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


def _wait_for(file, server, log):
    """Return what the server writes down once it listens."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        # Written in one go or not at all isn't promised.
        with suppress(FileNotFoundError, json.JSONDecodeError):
            return json.loads(file.read_text(encoding="utf-8"))
        time.sleep(0.05)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')}")
