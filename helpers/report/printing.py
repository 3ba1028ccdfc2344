"""A page printed to PDF, or a drawing to PNG, by a local Chromium."""

from __future__ import annotations

import io
import math
import os
import re
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
_PIXELS_PER_INCH = 96  # of CSS


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
        options = ["--no-pdf-header-footer", f"--print-to-pdf={printed}"]
        said = _chromium(chromium, options, html, profile=profile)
        if not printed.is_file() or not printed.read_bytes().startswith(b"%PDF"):
            raise KitError(
                f"{chromium} printed no PDF: {one_line(said) or 'it said nothing'}",
                where=pdf.name,
            )
        printed.replace(pdf)


def draw_png(svg: bytes, *, chromium: str, dots_per_inch: int = 300) -> bytes:
    """Draw a vector drawing in dots.

    Parameters
    ----------
    svg : bytes
        The drawing; its width and height say how large it is.
    chromium : str
        The browser that draws it.
    dots_per_inch : int, optional
        How fine.

    Returns
    -------
    bytes
        A PNG, which says how fine it is.

    Raises
    ------
    KitError
        If the drawing doesn't say its size, or the browser takes over two minutes or draws
        nothing.
    """
    from PIL import Image

    width, height = _size(svg)
    with (
        TemporaryDirectory(prefix="drawing-") as folder,
        TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile,
    ):
        page, drawn = Path(folder) / "page.html", Path(folder) / "page.png"
        (Path(folder) / "drawing.svg").write_bytes(svg)
        page.write_text(
            "<!DOCTYPE html><style>html { background: white; overflow: hidden } body { margin: 0 }"
            f"img {{ display: block; width: {width}px; height: {height}px }}</style>"
            '<img src="drawing.svg">',
            encoding="utf-8",
        )
        options = [
            f"--screenshot={drawn}",
            f"--force-device-scale-factor={dots_per_inch / _PIXELS_PER_INCH}",
            # Part of the window may be taken by what a window has around its page.
            f"--window-size={max(math.ceil(width), 500)},{math.ceil(height) + 200}",
        ]
        said = _chromium(chromium, options, page, profile=profile)
        if not drawn.is_file():
            raise KitError(f"{chromium} drew nothing: {one_line(said) or 'it said nothing'}")
        scale = dots_per_inch / _PIXELS_PER_INCH
        written = io.BytesIO()
        with Image.open(drawn) as image:
            box = (0, 0, round(width * scale), round(height * scale))
            image.convert("RGB").crop(box).save(written, "PNG", dpi=(dots_per_inch,) * 2)
        return written.getvalue()


def _size(svg: bytes) -> tuple[float, float]:
    """Return a drawing's width and height in a browser's pixels."""
    start = re.search(rb"<svg\b[^>]*>", svg)
    sizes = dict(re.findall(rb'\s(width|height)="([\d.]+(?:pt|px)?)"', start[0] if start else b""))
    if sizes.keys() != {b"width", b"height"}:
        raise KitError("a drawing that doesn't say its size", right='width="360pt" height="240pt"')
    found = [
        float(size.rstrip(b"ptx")) * (_PIXELS_PER_INCH / 72 if size.endswith(b"pt") else 1)
        for size in (sizes[b"width"], sizes[b"height"])
    ]
    return found[0], found[1]


def _chromium(chromium: str, options: list[str], page: Path, *, profile: str) -> str:
    """Open a page without a window, and return what the browser said."""
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
        "--hide-scrollbars",
        f"--user-data-dir={profile}",
        *options,
        page.resolve().as_uri(),
    ]
    return _call(command, seconds=_PRINT_SECONDS, scratch=profile)


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
