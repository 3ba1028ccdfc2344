"""Ensembles: many members of a paper, made, stored and read.

An ensemble is stored as ``data/<paper>/cohorts.parquet``: one row per patient and member, in the
order of members. The file says of itself that it is synthetic, from which seed and inputs it
comes, and which published numbers its members were held against.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from helpers import catalogue, executors, files, paths
from helpers.errors import DataError, KitError

if TYPE_CHECKING:
    from helpers.reconstruct.members import Plan, Start

LABEL = "synthetic patients, reconstructed from published numbers; not real patients"
_KEY = b"trial_by_notebook"
_DECIDING = ("counts", "categorical", "times", "search", "combine", "apart", "members")
"""The modules that decide what a member is."""

_KEEP_EVERY = 20.0
"""Seconds after which the members that a run has made so far are kept on disk."""


def file(paper: str) -> Path:
    """Return where a paper's ensemble is stored.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    pathlib.Path
    """
    return paths.paper(paper) / "cohorts.parquet"


def make(
    paper: str,
    *,
    members: int = 200,
    seed: int = 1,
    jobs: int = 1,
    scheduler: str = "",
    progress: Callable[[int], object] = lambda done: None,
) -> pd.DataFrame:
    """Make an ensemble.

    Members that an earlier, broken-off run with the same inputs finished are taken over.

    Parameters
    ----------
    paper : str
        The paper's id.
    members : int, optional
        How many.
    seed : int, optional
        The same seed gives the same members, whatever makes them.
    jobs : int, optional
        Processes on this machine.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://127.0.0.1:8786``, whose workers make the
        members instead.
    progress : callable, optional
        Called with the number of members that are done.

    Returns
    -------
    pandas.DataFrame
        Column ``member`` from 1, then those of `helpers.reconstruct.members.member`.

    Raises
    ------
    KitError
        If the paper's numbers exclude each other, or a search finds no member.
    DataError
        If the paper's folder has faults.
    """
    if members < 1:
        raise KitError(f"given {members}", where="members", right="1 or more")
    catalogue.load(paper)
    unfinished = file(paper).with_name(f".cohorts-{_fingerprint(paper)}-{seed}.parquet")
    done = _taken_over(unfinished)
    wanted = [number for number in range(1, members + 1) if number not in done]
    progress(len(done))
    if wanted:
        # Numbers that exclude each other are to be told before anything else is begun.
        _plan(str(paths.root()), paper, _fingerprint(paper))
    kept = time.monotonic()
    try:
        for number, table in _made(paper, seed, wanted, jobs, scheduler):
            done[number] = table
            if time.monotonic() > kept + _KEEP_EVERY:
                # Not all that ends a process leaves it the time to do so.
                files.replace(unfinished, _joined(done).to_parquet(index=False))
                kept = time.monotonic()
            progress(len(done))
    finally:
        if done and len(done) < members:
            files.replace(unfinished, _joined(done).to_parquet(index=False))
    unfinished.unlink(missing_ok=True)
    return _joined({number: done[number] for number in range(1, members + 1)})


def more(
    paper: str,
    *,
    members: int = 1,
    seed: int = 1,
    progress: Callable[[int], object] = lambda done: None,
) -> pd.DataFrame:
    """Add members to the stored ensemble, each wandered off from a stored one, in seconds.

    Parameters
    ----------
    paper : str
        The paper's id.
    members : int, optional
        How many.
    seed : int, optional
        The same seed and ensemble give the same members.
    progress : callable, optional
        Called with the number of members that are added.

    Returns
    -------
    pandas.DataFrame
        The stored members and the new ones, numbered on.

    Raises
    ------
    DataError
        If there is no ensemble, or the paper's folder has faults.
    KitError
        If a stored member lacks a published number.
    """
    from helpers.reconstruct import members as made

    stored = read(paper)
    plan = _plan(str(paths.root()), paper, _fingerprint(paper))
    size = stored["member"].nunique()
    tables = [stored]
    for number in range(size + 1, size + members + 1):
        begun = made.begin(plan, stored[stored["member"] == (number - 1) % size + 1])
        table = made.member(plan, [seed, number], begun)
        table.insert(0, "member", number)
        tables.append(table)
        progress(number - size)
    return pd.concat(tables, ignore_index=True)


def write(paper: str, table: pd.DataFrame, *, seed: int) -> Path:
    """Store an ensemble in the paper's folder.

    Parameters
    ----------
    paper : str
        The paper's id.
    table : pandas.DataFrame
        What `make` returned.
    seed : int
        From which seed.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    KitError
        If a member lacks a number that it must have, or the file cannot be written; then the
        old one is as it was.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from helpers.reconstruct import verification

    small = table.copy()
    for name in small.columns:
        if small[name].dtype == object:
            small[name] = small[name].astype("category")
    arrow = pa.Table.from_pandas(small, preserve_index=False)
    told = {
        "label": LABEL,
        "paper": paper,
        "members": int(table["member"].nunique()),
        "seed": seed,
        "inputs": _fingerprint(paper),
        "unit of times": "months of 30.4375 days from the start of treatment",
    }
    arrow = arrow.replace_schema_metadata(
        {
            **(arrow.schema.metadata or {}),
            _KEY: json.dumps(told).encode(),
            **verification.proof(paper, table),
        }
    )
    sink = pa.BufferOutputStream()
    pq.write_table(arrow, sink, compression="zstd")
    files.replace(file(paper), sink.getvalue().to_pybytes())
    return file(paper)


def read(paper: str) -> pd.DataFrame:
    """Return a paper's stored ensemble.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    pandas.DataFrame
        As `make` returned it.

    Raises
    ------
    DataError
        If there is none, or the file isn't one.
    """
    place = file(paper)
    if not place.is_file():
        raise DataError(
            "there is no reconstructed ensemble",
            where=f"data/{paper}",
            right=f"python -m helpers reconstruct {paper}",
        )
    about(paper)
    return _read(place, place.stat().st_mtime_ns).copy()


def about(paper: str) -> dict[str, Any]:
    """Return what a stored ensemble says of itself.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    dict of str to object
        ``label, paper, members, seed, inputs, unit of times``.

    Raises
    ------
    DataError
        If there is no ensemble, or the file isn't one.
    """
    import pyarrow.parquet as pq

    place = file(paper)
    try:
        told = (pq.read_schema(place).metadata or {})[_KEY]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            "not a reconstructed ensemble", where=f"data/{paper}/cohorts.parquet"
        ) from error
    return dict(json.loads(told))


@lru_cache(maxsize=8)
def _read(place: Path, _changed: int) -> pd.DataFrame:
    try:
        table = _table(place)
    except (OSError, ValueError) as error:
        raise DataError(
            "it can't be read", where=f"data/{place.parent.name}/cohorts.parquet"
        ) from error
    for name in table.columns:
        if isinstance(table[name].dtype, pd.CategoricalDtype):
            values = table[name].astype(object)
            table[name] = values.where(values.notna(), None)
    return table


def _table(place: Path) -> pd.DataFrame:
    import pyarrow.parquet as pq

    # A whole number that some patients don't have is still a whole number.
    return pq.read_table(place).to_pandas(integer_object_nulls=True)


def _taken_over(unfinished: Path) -> dict[int, pd.DataFrame]:
    """Return the members that a broken-off run finished; none if it left nothing readable."""
    try:
        table = _table(unfinished)
    except (OSError, ValueError):
        return {}
    return {
        int(str(number)): each.drop(columns="member").reset_index(drop=True)
        for number, each in table.groupby("member", sort=False)
    }


def _joined(done: dict[int, pd.DataFrame]) -> pd.DataFrame:
    numbered = []
    for number in sorted(done):
        table = done[number].copy()
        table.insert(0, "member", number)
        numbered.append(table)
    return pd.concat(numbered, ignore_index=True)


def _made(
    paper: str, seed: int, wanted: list[int], jobs: int, scheduler: str
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Make members, each start once, and yield them with their numbers as they come."""
    given = str(paths.root()), _fingerprint(paper), paper, seed
    plan = catalogue.load(paper).reconstruct
    size = plan.members_per_start
    families = [list(each) for _, each in groupby(wanted, lambda number: (number - 1) // size)]
    many = size * plan.starts_per_search
    searches = [
        list(each) for _, each in groupby(families, lambda numbers: (numbers[0] - 1) // many)
    ]
    ready: deque[_Task] = deque()
    open_searches: deque[_Search] = deque()
    for several in searches:
        # A search whose start no other shares is a part of making its first member.
        if plan.starts_per_search > 1:
            open_searches.append(_Search(several))
        else:
            ready.append((_first, (several[0][0], None), several[0]))
    for search in open_searches:
        ready.append(search.attempt())
    # With more in its queue, a pool of processes can hang when it is told to end at once.
    at_once = math.inf if scheduler else jobs if jobs == 1 else jobs + 1
    ahead = _AHEAD if scheduler else jobs
    alone = jobs == 1 and not scheduler
    with (
        nullcontext(_Here())
        if alone
        else executors.executor(jobs=jobs, scheduler=scheduler) as executor
    ):
        running: dict[Future[Any], _Task] = {}
        while ready or running:
            while open_searches and len(ready) + len(running) < ahead:
                # Attempts don't depend on one another, so nobody need wait for the last.
                ready.append(open_searches[0].attempt())
                open_searches.rotate(-1)
            while ready and len(running) < at_once:
                task = ready.popleft()
                running[executor.submit(task[0], *given, *task[1])] = task
            for each in wait(running, return_when=FIRST_COMPLETED).done:
                made, asked, numbers = running.pop(each)
                if made is _attempted:
                    search = numbers[0]
                    if search not in open_searches:
                        continue  # an earlier attempt has found a cohort
                    search.told[asked[1]] = each.result()
                    if found := search.found(paper):
                        open_searches.remove(search)
                        ready.extend((_first, (own[0], found), own) for own in search.families)
                    elif not search.waiting():
                        ready.append(search.attempt())
                elif made is _first:
                    table, begun = each.result()
                    yield numbers[0], table
                    ready.extend((_another, (number, begun), [number]) for number in numbers[1:])
                else:
                    yield numbers[0], each.result()


_Task = tuple[Callable[..., Any], tuple[Any, ...], list[Any]]
"""What to call, with what beside what all have in common, and for what: members, or a search."""

_AHEAD = 8
"""So many attempts to search are given to a cluster at once, where there is nothing else to do."""


@dataclass(eq=False)
class _Search:
    """A search for the cohort from which some families of members set out.

    Its attempts may end in any order; what counts is the first that found a cohort, so that the
    cohort doesn't depend on who made the attempts.
    """

    families: list[list[int]]
    begun: int = 0
    told: dict[int, Start | None] = field(default_factory=dict)

    def attempt(self) -> _Task:
        """Return the next attempt."""
        self.begun += 1
        return _attempted, (self.families[0][0], self.begun - 1), [self]

    def waiting(self) -> bool:
        """Say whether an attempt is still under way whose outcome matters."""
        return len(self.told) < self.begun

    def found(self, paper: str) -> Start | None:
        """Return the cohort found, once all earlier attempts have failed."""
        from helpers.reconstruct import members

        for number in range(self.begun):
            if number not in self.told:
                return None
            if start := self.told[number]:
                return start
        if self.begun >= members.ATTEMPTS:
            raise members.not_found(paper)
        return None


class _Here(Executor):
    """Does what it is given at once, in this process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def _attempted(
    root: str, inputs: str, paper: str, seed: int, number: int, attempt: int
) -> Start | None:
    """Make an attempt to find the cohort from which a member's own start is leapt to."""
    from helpers.reconstruct import members

    plan = _plan_here(root, inputs, paper)
    return members.attempt(plan, _search_seed(plan, seed, number), attempt)


def _search_seed(plan: Plan, seed: int, number: int) -> list[int]:
    known = plan.asked.paper.reconstruct
    size = known.members_per_start * known.starts_per_search
    return [seed, (number - 1) // size * size + 1]


def _first(
    root: str, inputs: str, paper: str, seed: int, number: int, found: Start | None
) -> tuple[pd.DataFrame, Start]:
    """Make the first member of those that share a start, or the first that is lacking."""
    from helpers.reconstruct import members

    plan = _plan_here(root, inputs, paper)
    known = plan.asked.paper.reconstruct
    own = (number - 1) // known.members_per_start
    found = found or members.start(plan, _search_seed(plan, seed, number))
    if own % known.starts_per_search:
        found = members.leap(plan, found, [seed, own * known.members_per_start + 1])
    return members.member(plan, [seed, number], found), found


def _another(
    root: str, inputs: str, paper: str, seed: int, number: int, begun: Start
) -> pd.DataFrame:
    from helpers.reconstruct import members

    return members.member(_plan_here(root, inputs, paper), [seed, number], begun)


def _plan_here(root: str, inputs: str, paper: str) -> Plan:
    # A process that makes members may have been started for other papers.
    if str(paths.root()) != root and Path(root).is_dir():
        os.environ["TRIAL_BY_NOTEBOOK"] = root
    if _fingerprint(paper) != inputs:
        raise KitError(
            "a worker has another version of the kit or of the paper",
            where=f"data/{paper}",
            right="the same files wherever members are made",
        )
    return _plan(root, paper, inputs)


@lru_cache(maxsize=4)
def _plan(_root: str, paper: str, _inputs: str) -> Plan:
    from helpers.reconstruct import members

    return members.plan(paper)


def _fingerprint(paper: str) -> str:
    """Return a hash of all that decides what the members of a paper are."""
    folder = paths.paper(paper)
    code = Path(__file__).parent
    sources = [folder / "paper.toml", folder / "published.csv"]
    sources += [code / f"{name}.py" for name in _DECIDING]
    found = hashlib.sha256()
    for source in sources:
        if source.is_file():
            found.update(source.read_bytes())
    return found.hexdigest()[:16]
