"""The command line of a class: ``python -m helpers classroom``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from helpers.errors import KitError

if TYPE_CHECKING:
    from helpers.classroom.grading import Graded

app = typer.Typer(no_args_is_help=True, help="Hand lessons out, and grade what comes back.")


# What a command takes is said by its options.
@app.command()
def make(  # numpydoc ignore=PR01
    lessons: Annotated[
        list[str] | None,
        typer.Argument(metavar="LESSON", help="Number, name or path; none for all of them."),
    ] = None,
    to: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder that the notebooks go to.")
    ] = Path("class"),
    clean: Annotated[
        bool,
        typer.Option("--clean", help="Without outputs, to predict before running."),
    ] = False,
) -> None:
    """Write each lesson twice: for students, and with its solutions for teachers.

    DIR is a course folder of nbgrader: DIR/release has what students get, DIR/source what
    teachers keep. Exit status: 0 all well; 2 the command is wrong, or a file can't be written.
    """
    from helpers import report
    from helpers.classroom import versions

    try:
        for file in report.find(lessons or []):
            for written in versions.write(file, to, clean=clean):
                typer.echo(written)
        typer.echo(versions.write_settings(to))
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


@app.command()
def grade(  # numpydoc ignore=PR01
    submissions: Annotated[
        Path, typer.Argument(metavar="SUBMISSIONS", help="A folder of notebooks, in any order.")
    ],
    csv: Annotated[Path, typer.Option(metavar="FILE", help="Where the results go, as CSV.")],
    seconds: Annotated[float, typer.Option(min=1, help="The most time that each may take.")] = 30,
    memory: Annotated[
        int, typer.Option(metavar="MB", min=64, help="The most memory that each may take.")
    ] = 1024,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="How many at a time; one for each processor.")
    ] = None,
    unprotected: Annotated[
        bool,
        typer.Option(
            "--unprotected",
            help="Run notebooks although this machine can't isolate them; only if you trust them.",
        ),
    ] = False,
) -> None:
    """Grade notebooks that were handed in: a line for each, whatever is in it.

    A notebook is run, where it has to be, without network, with limits, and without seeing
    anybody's files. A run that was broken off goes on where it stopped, and only what is new is
    done again: FILE.journal keeps the results. Exit status: 0 all well; 1 some have a remark,
    such as that they had to be stopped; 2 the command is wrong; 130 stopped with Ctrl-C; 143
    ended by another program.
    """
    from helpers import files, spreadsheets
    from helpers.classroom import grading
    from helpers.classroom.sandbox import Limits
    from helpers.progress import Bar

    bar = Bar(desc=submissions.name or "class", unit="notebook")

    def progress(done: int, every: int) -> None:
        bar.total = every
        bar.update(done - bar.n)

    where = f"--csv {csv}"
    try:
        with bar:
            # Now, not after the work is done.
            files.replace(csv, None, where=where, right="a file in a folder of yours")
            results = grading.grade(
                submissions,
                limits=Limits(seconds, memory),
                jobs=jobs,
                unprotected=unprotected,
                journal=csv.with_name(f"{csv.name}.journal"),
                progress=progress,
            )
        content = spreadsheets.as_csv(grading.table(results), spreadsheet=True)
        files.replace(csv, content, where=where, right="a file in a folder of yours")
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{csv}: {_summary(results)}")
    if any(each.remark for each in results):
        raise typer.Exit(1)


def _summary(results: list[Graded]) -> str:
    points = sum(mark.points for each in results for mark in each.marks)
    possible = sum(len(each.marks) for each in results)
    remarks = sum(bool(each.remark) for each in results)
    return f"{len(results)} notebooks, {points} of {possible} points, {remarks} with a remark"
