"""A real JupyterLab that serves the lessons, and how one opens and runs one in a browser."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import nbformat
from playwright.sync_api import expect

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
START_SECONDS = 240
STOP_SECONDS = 30
# The longest wait for anything on the page: another test may keep the machine busy.
WAIT_MS = int(os.environ.get("WAITMS", 30_000))
RUN_MS = 300_000
# How often to look. At each frame, as Playwright does, it takes the time of what is waited for.
LOOK_MS = 50
# Off the screen JupyterLab keeps a cell's output in the page, so this sees all cells. A panel
# comes alive only where its cell was run.
DONE = """panels => {
    const all = selector => [...document.querySelectorAll(".jp-Notebook " + selector)];
    const waiting = all(".jp-InputArea-prompt").some(prompt => prompt.textContent.includes("*"));
    const failed = all("ERROR").some(output => output.textContent.includes("Error"));
    return !waiting && (failed || all(".tbn-live .tbn-summary").length >= panels);
}"""
# JupyterLab shows an error as it shows what a cell writes to stderr.
ERROR = '[data-mime-type="application/vnd.jupyter.stderr"]'


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

    def open(self, page, file):
        """Open a lesson; its kernel is ready and nothing has run."""
        # A workspace of its own, or JupyterLab would open the other lessons too.
        page.goto(f"{self.url}lab/workspaces/{file[:2]}/tree/{file}?token={self.token}")
        expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
        # Run before the kernel is there, JupyterLab would ask which kernel to take.
        expect(page.get_by_text(re.compile(r"^Python 3 .*\| Idle$"))).to_be_visible()

    def save(self, page, file):
        """Save a lesson as a reader does, and return the notebook."""
        saved = self.folder / file
        before = saved.stat().st_mtime_ns
        page.locator(".jp-Cell").first.focus()
        page.keyboard.press("Control+s")
        return wait_for(lambda: saved.stat().st_mtime_ns > before and _whole(saved))

    def stop_kernel(self, file):
        """Stop the kernel of a lesson."""
        for session in json.loads(self._ask("GET", "api/sessions")):
            if session["path"] == file:
                self._ask("DELETE", f"api/sessions/{session['id']}")

    def _ask(self, method, path):
        asked = urllib.request.Request(f"{self.url}{path}?token={self.token}", method=method)
        with urllib.request.urlopen(asked) as answer:
            return answer.read()


def run_all(page, panels):
    """*Run All Cells*, and wait until the panels of the lesson are alive."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    done = DONE.replace("ERROR", ERROR.replace('"', "'"))
    page.wait_for_function(done, arg=panels, timeout=RUN_MS, polling=4 * LOOK_MS)


@contextmanager
def serve(home):
    """Serve a copy of the lessons, with settings that are neither the user's nor left to them."""
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
        written = home / "runtime" / f"jpserver-{server.pid}.json"
        known = wait_for(lambda: _listening(written, server, log))
        yield Lab(known["url"], known["token"], lessons)
    finally:
        # Asked politely, the server stops its kernels first.
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        finally:
            server.kill()
    assert not list((home / "runtime").glob("kernel-*.json")), "a kernel outlived the server"


def wait_for(look, *, seconds=START_SECONDS):
    """Look again and again until there is something to see, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not in {seconds} seconds"
        time.sleep(0.05)
    return found


def _whole(file):
    """Return a notebook, once JupyterLab has written all of it."""
    with suppress(nbformat.reader.NotJSONError):
        return nbformat.read(file, as_version=4)


def _listening(file, server, log):
    """Return what the server writes down once it listens; nothing before."""
    if server.poll() is not None:
        raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(encoding='utf-8')}")
    # Written in one go or not at all isn't promised.
    with suppress(FileNotFoundError, json.JSONDecodeError):
        return json.loads(file.read_text(encoding="utf-8"))
