"""A page printed to PDF by a local Chromium."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from helpers.errors import KitError, MissingToolError
from helpers.report.messages import one_line

_BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_PRINT_SECONDS = 120


def find_chromium() -> str:
    """Return the browser that prints PDFs.

    Returns
    -------
    str
        The environment variable ``CHROMIUM``, or else the first of the usual names found.

    Raises
    ------
    MissingToolError
        If there is none.
    """
    given = os.environ.get("CHROMIUM")
    for name in [given] if given else _BROWSERS:
        if program := shutil.which(name):
            return program
    raise MissingToolError(
        f"no program {given!r}" if given else "no Chromium or Chrome to print the PDF with",
        where="CHROMIUM" if given else "",
        right="`apt install chromium`, or CHROMIUM=/path/to/chrome",
    )


def print_pdf(html: Path, pdf: Path, *, chromium: str) -> None:
    """Print a page to PDF with a local Chromium.

    Parameters
    ----------
    html : pathlib.Path
        The page.
    pdf : pathlib.Path
        Where the PDF goes, in the same folder.
    chromium : str
        The browser.

    Raises
    ------
    KitError
        If the browser takes over two minutes, fails, or prints no PDF.
    """
    with (
        TemporaryDirectory(dir=pdf.parent, prefix="printing-") as folder,
        # A child of the browser may still be writing into it.
        TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile,
    ):
        printed = Path(folder) / "page.pdf"
        command = [
            chromium,
            "--headless",
            # The page is our own, holds no script and asks the network for nothing; root and
            # most containers cannot have the sandbox.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-pdf-header-footer",
            f"--user-data-dir={profile}",
            f"--print-to-pdf={printed}",
            html.resolve().as_uri(),
        ]
        said = _call(command, seconds=_PRINT_SECONDS, scratch=profile)
        if not printed.is_file() or not printed.read_bytes().startswith(b"%PDF"):
            raise KitError(
                f"{chromium} printed no PDF: {one_line(said) or 'it said nothing'}",
                where=pdf.name,
            )
        printed.replace(pdf)


def _call(command: list[str], *, seconds: float, scratch: str) -> str:
    """Run a program to its end, with all its children, and return what it said on stderr.

    Killed, it leaves its temporary files behind: they go to the folder ``scratch``.
    """
    # Not a pipe: a child that outlives the program would hold it open, and us with it.
    with TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            env=os.environ | {"TMPDIR": scratch},
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return f"no end after {seconds:g} seconds"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        return said.read().decode(errors="replace")
