"""The command line: ``python -m helpers COMMAND``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from helpers import executors, spreadsheets
from helpers.classroom import command as classroom
from helpers.errors import KitError, LessonError

if TYPE_CHECKING:
    import pandas as pd

    from helpers.report import Done, Grid

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain help: rich would take as long to load as the rest of it.
    rich_markup_mode=None,
)
paper_app = typer.Typer(no_args_is_help=True, help="Add a paper of your own, and check it.")
app.add_typer(paper_app, name="paper")
app.add_typer(classroom.app, name="classroom")

executors.start_sooner()

_MOST_FAULTS = 100
_LONGEST_REASON = 2000


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
    grid: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Instead of both: lessons and variants, as TOML."),
    ] = None,
    to: Annotated[
        str, typer.Option(metavar="FORMATS", help="html, or html,pdf (pdf includes html).")
    ] = "html",
    figures: Annotated[
        str, typer.Option(metavar="FORMATS", help="Figures as files, too: svg,png (300 dpi).")
    ] = "",
    tables: Annotated[
        str, typer.Option(metavar="FORMATS", help="Tables as files, too: csv,html,latex,docx.")
    ] = "",
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder that the reports go to.")
    ] = Path("reports"),
    jobs: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 2,
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Make them on the workers of a Dask scheduler.")
    ] = "",
) -> None:
    """Run lessons and write their reports, with an index of them.

    Every parameter of every lesson is checked before anything runs. A report whose lesson,
    parameters, data and code haven't changed isn't made again. Exit status: 0 all well; 1 a
    lesson failed, or there is no browser to print with; 2 the command is wrong; 130 stopped with
    Ctrl-C; 143 ended by another program.
    """
    from contextlib import closing

    from helpers import report as reports
    from helpers.progress import Bar

    told: set[str] = set()

    def tell(error: KitError) -> None:
        # What fails for each report alike, such as a lacking browser, is told once.
        if str(error) not in told:
            Bar.write(str(error), file=sys.stderr)
        told.add(str(error))

    try:
        formats = _formats("--to", to, reports.FORMATS, "html or html,pdf")
        wanted = reports.Wanted(
            pdf="pdf" in formats,
            figures=_formats("--figures", figures, reports.FIGURES),
            tables=_formats("--tables", tables, reports.TABLES),
            results=grid is not None,
        )
        if grid and (lessons or changes):
            given = "LESSON" if lessons else "--set"
            raise KitError(f"not with {given}", where="--grid", right="one of the two")
        asked = reports.read_grid(grid) if grid else _asked(lessons or [], changes or [])
        _make_folder(out)
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None

    # One report after the other, each with a bar of its own; or one bar for all of them.
    one_by_one = not scheduler and min(jobs, len(asked.plans)) == 1
    done: list[Done] = []
    try:
        for file, fault in asked.unreadable.items():
            tell(fault)
            reports.write_failure(out, fault, file)
        made = reports.make(
            asked.plans, out, wanted=wanted, jobs=jobs, scheduler=scheduler, bars=one_by_one
        )
        with closing(made):
            for each in Bar(made, total=len(asked.plans), unit="report", disable=one_by_one):
                done.append(each)
                for what in each.faults:
                    tell(what)
                if each.written:
                    Bar.write(_written(each))
        if reused := sum(not each.written and not each.faults for each in done):
            typer.echo(f"{reused} of {len(done)} reports are as they were: no input has changed")
        if grid and (summary := reports.write_summary(out, done)):
            typer.echo(summary)
    except KitError as error:
        tell(error)
    finally:
        # Also when stopped: the index always shows what the folder holds.
        try:
            typer.echo(reports.write_index(out))
        except KitError as error:
            tell(error)
    if told:
        raise typer.Exit(1)


@app.command()
def site(
    lessons: Annotated[
        list[str] | None,
        typer.Argument(metavar="LESSON", help="Number, name or path; none for all of them."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the site.")] = Path(
        "_site"
    ),
    jobs: Annotated[int, typer.Option(min=1, help="So many lessons run at once.")] = 2,
) -> None:
    """Make a static site of the lessons, whose panels move where no kernel runs.

    It opens from any host of files, or from its folder. What hasn't changed isn't made anew. Exit
    status: 0 all well; 1 a lesson failed; 2 the command is wrong.
    """
    from helpers import report as reports
    from helpers import site as sites
    from helpers.progress import Bar

    try:
        files = reports.find(lessons or [])
        _make_folder(out)
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    failed = False
    try:
        with Bar(total=len(files), unit="lesson") as bar:
            for lesson, written, fault in sites.make_all(files, out, jobs=jobs):
                bar.update()
                failed |= bool(fault)
                size = sum(file.stat().st_size for file in written) / 1e6
                told = f"{written[0]} ({size:.1f} MB)" if written else f"{lesson.stem}: as it was"
                bar.write(fault or told, file=sys.stderr if fault else sys.stdout)
    except KitError as error:
        typer.echo(str(error), err=True)
        failed = True
    typer.echo(out / "index.html")
    if failed:
        raise typer.Exit(1)


@app.command()
def ledger(
    papers: Annotated[
        list[str] | None,
        typer.Argument(metavar="PAPER", help="Folder names in data/; none for all of them."),
    ] = None,
    csv: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write CSV to this file; - for standard output."),
    ] = None,
    spreadsheet: Annotated[
        bool,
        typer.Option(
            "--spreadsheet",
            help="CSV to open in a spreadsheet: an apostrophe before what would be a formula.",
        ),
    ] = False,
) -> None:
    """Give every published number its verdict.

    A terminal shows a table, and anything else gets CSV. Exit status: 0 all well; 1 the folder
    of a paper has faults, which are listed, and the others are done; 2 the command is wrong.
    """
    from helpers import catalogue

    try:
        chosen = _known(papers or [], catalogue.papers())
        if csv is not None and csv != "-":
            # Now, not after the work is done.
            _write_csv(Path(csv), None)
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None

    table, faulty = _audited(chosen)
    if table is not None:
        if csv not in (None, "-"):
            try:
                _write_csv(Path(csv or ""), spreadsheets.as_csv(table, spreadsheet=spreadsheet))
            except KitError as error:
                typer.echo(str(error), err=True)
                raise typer.Exit(2) from None
            typer.echo(f"{csv}: {_summary(table)}")
        elif csv == "-" or spreadsheet or not sys.stdout.isatty():
            typer.echo(spreadsheets.as_csv(table, spreadsheet=spreadsheet), nl=False)
        else:
            _show(table)
    if faulty:
        raise typer.Exit(1)


@app.command()
def reconstruct(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="Folder name in data/.")],
    members: Annotated[int, typer.Option(min=1, help="How many cohorts to make.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="The same seed, the same cohorts.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Processes on this machine.")] = 2,
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Make them on the workers of a Dask scheduler.")
    ] = "",
    relaxed: Annotated[
        bool,
        typer.Option("--relaxed", help="Leave out how survival times compare; in one process."),
    ] = False,
    more: Annotated[
        bool, typer.Option("--more", help="Keep those stored and add some, begun from them.")
    ] = False,
) -> None:
    """Make synthetic cohorts that have every number a paper printed.

    They are stored as data/PAPER/cohorts.parquet. A run that is broken off goes on where it
    stopped. Relaxed ones, stored as data/PAPER/cohorts_relaxed.parquet, needn't have the P values
    and hazard ratios of survival times. Those that --more adds take a second or two each. Exit
    status: 0 all well; 1 no such cohorts were found, and why; 2 the command is wrong.
    """
    from helpers import catalogue
    from helpers import relaxed as without_comparisons
    from helpers.progress import Bar
    from helpers.reconstruct import ensemble

    try:
        _known([paper], catalogue.papers())
        if relaxed and scheduler:
            raise KitError("not with --relaxed", where="--scheduler", right="one of the two")
        if more and (relaxed or scheduler):
            raise KitError("not with --relaxed or --scheduler", where="--more", right="it alone")
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    try:
        with Bar(total=members, desc=paper, unit="cohort") as bar:

            def progress(done: int) -> None:
                bar.update(done - bar.n)

            if relaxed:
                table = without_comparisons.make(
                    paper, members=members, seed=seed, progress=progress
                )
            elif more:
                table = ensemble.more(paper, members=members, seed=seed, progress=progress)
            else:
                table = ensemble.make(
                    paper,
                    members=members,
                    seed=seed,
                    jobs=jobs,
                    scheduler=scheduler,
                    progress=progress,
                )
        store = without_comparisons.write if relaxed else ensemble.write
        place = store(paper, table, seed=seed)
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"data/{paper}/{place.name}: {table['member'].nunique()} synthetic cohorts")


@app.command()
def extremes(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="Folder name in data/.")],
    endpoint: Annotated[str, typer.Option(metavar="NAME", help="An endpoint of the paper.")],
    month: Annotated[float, typer.Option(metavar="MONTHS", help="From the endpoint's origin.")],
    group: Annotated[
        str, typer.Option(metavar="QUERY", help="Of whom, such as \"SEX == 'F'\"; none for all.")
    ] = "",
    starts: Annotated[
        int, typer.Option(min=1, help="From how many stored cohorts to begin, on each side.")
    ] = 2,
    seed: Annotated[int, typer.Option(min=0, help="The same seed, the same search.")] = 1,
) -> None:
    """Search for the least and the greatest survival that a paper leaves open.

    The search begins from stored cohorts and changes them; every number that the paper printed
    stays as it is. Exit status: 0 all well; 1 there are no such cohorts, or the paper's folder has
    faults; 2 the command is wrong.
    """
    from helpers import catalogue
    from helpers.progress import Bar
    from helpers.reconstruct import extremes as ends
    from helpers.reconstruct import spread as spreads

    try:
        _known([paper], catalogue.papers())
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    try:
        with Bar(total=2 * starts, desc=paper, unit="search") as bar:
            found = ends.search_survival(
                paper,
                endpoint=endpoint,
                month=month,
                group=group,
                starts=starts,
                seed=seed,
                progress=lambda done: bar.update(done - bar.n),
            )
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None

    def between(least: float, greatest: float) -> str:
        unit = found.quantity.unit
        return f"{spreads.shown(least, unit)}–{spreads.shown(greatest, unit)} {unit}"

    typer.echo(
        f"{_plain(found.quantity.describe())}\n"
        f"{between(found.least_stored, found.greatest_stored)} over the stored synthetic cohorts\n"
        f"{between(found.least, found.greatest)} over synthetic cohorts that were searched for; "
        "they, too, have every number that the paper prints"
    )


@app.command()
def spread(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="Folder name in data/.")],
    csv: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write CSV to this file; - for standard output."),
    ] = None,
) -> None:
    """Show how far a paper leaves open what it doesn't print.

    For numbers that the paper doesn't print: the range over its reconstructed cohorts. Exit
    status: 0 all well; 1 there are no such cohorts, or the paper's folder has faults; 2 the
    command is wrong.
    """
    from helpers import catalogue
    from helpers.reconstruct import spread as spreads

    try:
        _known([paper], catalogue.papers())
        if csv is not None and csv != "-":
            _write_csv(Path(csv), None)
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    try:
        table = spreads.ranges(paper)
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if csv is None:
        _show_spread(paper, table)
        return
    if csv == "-":
        typer.echo(spreadsheets.as_csv(table, spreadsheet=False), nl=False)
        return
    try:
        _write_csv(Path(csv), spreadsheets.as_csv(table, spreadsheet=False))
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{csv}: {len(table)} numbers that {paper} doesn't print, from SYNTHETIC patients")


@paper_app.command()
def new(
    id: Annotated[str, typer.Argument(metavar="ID", help="Its folder in data/, such as smith24.")],
) -> None:
    """Write the empty folder of a paper, with every section explained.

    Exit status: 0 all well; 2 the id is no id, or the folder exists or cannot be written.
    """
    from helpers import papers

    try:
        papers.new(id)
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    typer.echo(
        f"data/{id} is ready. Next: describe the paper in paper.toml, its numbers in "
        f"published.csv,\ntheir places in excerpts.csv; then: python -m helpers paper check {id}"
    )


@paper_app.command()
def check(
    id: Annotated[str, typer.Argument(metavar="ID", help="Its folder in data/.")],
    text: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The paper's text, in which every excerpt must stand."),
    ] = None,
) -> None:
    """List every fault in a paper's folder, and show its ledger.

    Exit status: 0 all well; 1 there are faults; 2 there is no such paper or no such text.
    """
    from helpers import catalogue, papers

    try:
        _known([id], catalogue.papers())
        found = papers.faults(id, text=text)
    except KitError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    for fault in found[:_MOST_FAULTS]:
        typer.echo(_plain(fault, _LONGEST_REASON), err=True)
    if len(found) > _MOST_FAULTS:
        typer.echo(f"and {len(found) - _MOST_FAULTS} more", err=True)
    try:
        from helpers import audit

        table = audit.ledger(id)
    except KitError as error:
        # Mostly a fault told above; the rest is what only the audit stumbles upon.
        untold = [line for line in str(error).splitlines() if line not in found]
        for line in untold[:_MOST_FAULTS]:
            typer.echo(_plain(f"data/{id}: {line}", _LONGEST_REASON), err=True)
        typer.echo("There is no ledger before these faults are mended.", err=True)
        raise typer.Exit(1) from None
    if len(table):
        _show(table)
    if found:
        raise typer.Exit(1)


def _known(asked: list[str], known: list[str]) -> list[str]:
    from helpers import paths

    unknown = [paper for paper in asked if paper not in known]
    right = " or ".join(known) or "a folder in data/ with a paper.toml"
    if unknown:
        raise KitError(f"no paper {unknown[0][:60]!r} in data/", right=right)
    if not known:
        raise KitError("there is no paper", where=str(paths.root() / "data"), right=right)
    return list(dict.fromkeys(asked)) or known


def _audited(papers: list[str]) -> tuple[pd.DataFrame | None, bool]:
    """Return the ledger of the papers that can be read, and whether there are others."""
    import pandas as pd

    from helpers import audit
    from helpers.progress import Bar

    tables, faults = [], []
    # No bar where nobody looks, nor for one paper.
    hidden = True if len(papers) == 1 else None
    for paper in Bar(papers, unit="paper", leave=False, disable=hidden):
        try:
            tables.append(audit.ledger(paper))
        except KitError as error:
            told = str(error).splitlines()
            faults += [
                line if line.startswith(f"data/{paper}/") else f"data/{paper}: {line}"
                for line in told[:_MOST_FAULTS]
            ]
            if len(told) > _MOST_FAULTS:
                faults.append(f"data/{paper}: and {len(told) - _MOST_FAULTS} more faults")
    for fault in faults:
        typer.echo(_plain(fault, _LONGEST_REASON), err=True)
    return (pd.concat(tables, ignore_index=True) if tables else None), bool(faults)


def _write_csv(file: Path, content: bytes | None) -> None:
    from helpers import files

    files.replace(file, content, where=f"--csv {file}", right="a file in a folder of yours")


def _summary(table: pd.DataFrame) -> str:
    from helpers import audit

    counts = table["verdict"].value_counts()
    verdicts = ", ".join(f"{counts[name]} {name}" for name in audit.VERDICTS if name in counts)
    return f"{len(table)} published numbers: {verdicts}"


def _show(table: pd.DataFrame) -> None:
    """Print a ledger to be read: a table for each paper, and below it the reasons."""
    from rich import box
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from helpers import audit

    console = Console()
    for paper, rows in table.groupby("paper", sort=False):
        shown = Table(title=Text(str(paper)), box=box.SIMPLE, pad_edge=False, title_justify="left")
        for heading, share in (("id", 5), ("printed", 5), ("recomputed, and how", 6)):
            shown.add_column(heading, ratio=share, overflow="fold")
        shown.add_column("verdict", no_wrap=True)
        for row in rows.itertuples():
            how = "; ".join(each for each in (row.recomputed, row.method) if each)
            shown.add_row(
                *(Text(_plain(cell)) for cell in (row.id, row.printed, how)),
                audit.VERDICTS[row.verdict],
            )
        console.print(shown)
        for verdict in ("inconsistent", "undetermined"):
            for reason, alike in rows[rows["verdict"] == verdict].groupby("reason", sort=False):
                ids = ", ".join(alike["id"])
                console.print(Text(f"{audit.VERDICTS[verdict]}: {_plain(ids, _LONGEST_REASON)}"))
                console.print(Padding(Text(_plain(reason, _LONGEST_REASON)), (0, 0, 0, 4)))
        console.print()
    console.print(Text(_summary(table)), soft_wrap=True)


def _show_spread(paper: str, table: pd.DataFrame) -> None:
    """Print ranges over synthetic cohorts to be read."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from helpers.reconstruct import spread as spreads

    members = int(table["members"].max()) if len(table) else 0
    sizes = [size for size in spreads.SIZES if size <= members]
    sizes = sizes[:1] + sizes[1:][-1:]
    title = f"{paper}: SYNTHETIC patients. What isn't printed, in {members} reconstructed cohorts"
    shown = Table(title=Text(title), box=box.SIMPLE, pad_edge=False, title_justify="left")
    shown.add_column("what", ratio=1, overflow="fold")
    for heading in ("range", "middle half", "told by", *(f"width of {size}" for size in sizes)):
        shown.add_column(heading.replace(" of ", "\nof "), justify="right", no_wrap=True)
    shown.add_column("")
    for row in table.to_dict("records"):
        unit = row["unit"]
        cells = {name: spreads.shown(row[name], unit) for name in spreads.VALUES}
        shown.add_row(
            Text(_plain(row["quantity"]) + ("" if unit == "ratio" else f", {unit}")),
            f"{cells['lowest']}–{cells['highest']}",
            f"{cells['lower_quartile']}–{cells['upper_quartile']}",
            str(row["estimable"]),
            *(cells[f"width_of_{size}"] for size in sizes),
            spreads.PINNED if row["agreement"] == spreads.PINNED else "",
        )
    console = Console()
    console.print(shown)
    note = (
        f"What isn't {spreads.PINNED} is {spreads.NOT_DETERMINED}. Told by: in how many cohorts it "
        "is a number (NR: not reached). Width of 5: of the range of 5 of the cohorts, on average. "
        f"One more than {members} widens a range with a probability of at most "
        f"{spreads.chance_outside(members):.1%}. A range of cohorts that fit the paper is no "
        "confidence interval, and need not hold the true value."
    )
    console.print(Text(note), soft_wrap=not console.is_terminal)


def _plain(text: str, longest: int = 300) -> str:
    """Return text that a terminal shows and does not obey, cut where it is long."""
    shown = "".join(each if each.isprintable() or each == "\u00a0" else "�" for each in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _asked(lessons: list[str], changes: list[str]) -> Grid:
    from helpers import report as reports

    files = reports.find(lessons)
    values = reports.assignments(changes)
    asked = reports.Grid()
    readable = []
    for file in files:
        try:
            readable.append(reports.read(file))
        except LessonError as error:
            asked.unreadable[file] = error
    asked.plans.extend(reports.plan(readable, values if readable else {}))
    return asked


def _written(done: Done) -> str:
    """Say what a report is: its files, one by one if they are few."""
    few = [file for file in done.written if file.parent.suffix != ".files"]
    told = [f"{file} ({file.stat().st_size / 1000:.0f} kB)" for file in few]
    if more := len(done.written) - len(few):
        told.append(f"{more} files in {done.written[-1].parent}")
    return f"{', '.join(told)} in {done.seconds:.1f} s"


def _formats(option: str, text: str, known: tuple[str, ...], right: str = "") -> tuple[str, ...]:
    formats = tuple(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))
    if wrong := sorted(set(formats) - set(known)) or (not formats and bool(right)):
        name = wrong[0] if isinstance(wrong, list) else text
        raise KitError(f"no format {name!r}", where=option, right=right or ",".join(known))
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
    from helpers import progress

    progress.end_when_told()
    app(prog_name="python -m helpers")
