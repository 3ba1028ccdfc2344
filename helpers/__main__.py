"""The command line: ``python -m helpers COMMAND``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from helpers.errors import KitError, LessonError, MissingToolError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain help: rich would take as long to load as the rest of it.
    rich_markup_mode=None,
)


@app.callback()
def main() -> None:
    """Rebuild the numbers of a clinical paper, and ask what would change them."""


@app.command()
def report(
    lessons: Annotated[
        list[str] | None,
        typer.Argument(metavar="LESSON", help="Number, name or path; none for all of them."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Vary a parameter. May be repeated."),
    ] = None,
    to: Annotated[
        str, typer.Option(metavar="FORMATS", help="html, or html,pdf (pdf includes html).")
    ] = "html",
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder that the reports go to.")
    ] = Path("reports"),
) -> None:
    """Run lessons and write their reports, with an index of them.

    Every parameter of every lesson is checked before anything runs. Exit status: 0 all well;
    1 a lesson failed, or there is no browser to print with; 2 the command is wrong; 130 stopped.
    """
    from helpers import report as reports

    failed = False

    def tell(error: KitError) -> None:
        nonlocal failed
        failed = True
        typer.echo(str(error), err=True)

    try:
        formats = _formats(to, reports.FORMATS)
        files = reports.find(lessons or [])
        values = reports.assignments(changes or [])
        readable, unreadable = [], {}
        for file in files:
            try:
                readable.append(reports.read(file))
            except LessonError as error:
                unreadable[file] = error
                tell(error)
        plans = reports.plan(readable, values if readable else {})
        _make_folder(out)
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None

    chromium = None
    if "pdf" in formats:
        try:
            chromium = reports.find_chromium()
        except MissingToolError as error:
            tell(error)
    try:
        for file, fault in unreadable.items():
            reports.write_failure(out, fault, file)
        for number, plan in enumerate(plans, start=1):
            begun = time.perf_counter()
            try:
                written = reports.make(
                    plan,
                    out,
                    chromium=chromium,
                    label=f"{plan.lesson.path.stem} ({number} of {len(plans)})",
                )
            except KitError as error:
                tell(error)
            else:
                spent = time.perf_counter() - begun
                sizes = ", ".join(
                    f"{file} ({file.stat().st_size / 1000:.0f} kB)" for file in written
                )
                typer.echo(f"{sizes} in {spent:.1f} s")
    finally:
        # Also when stopped: the index always shows what the folder holds.
        try:
            typer.echo(reports.write_index(out))
        except KitError as error:
            tell(error)
    if failed:
        raise typer.Exit(1)


def _formats(text: str, known: tuple[str, ...]) -> set[str]:
    formats = {each.strip() for each in text.split(",")}
    if wrong := sorted(formats - set(known)):
        raise KitError(f"no format {wrong[0]!r}", where="--to", right="html or html,pdf")
    return formats


def _make_folder(folder: Path) -> None:
    from tempfile import TemporaryDirectory

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder):
            pass
    except OSError as error:
        raise KitError(
            f"cannot write to it ({error.strerror})", where=f"--out {folder}", right="a folder"
        ) from None


if __name__ == "__main__":
    app(prog_name="python -m helpers")
