"""Cohorts that needn't have a paper's comparisons: what its groups alone would allow.

A member of a paper's ensemble has every printed number, the P values of survival times among
them. So it can't say how much of such a P value already follows from the printed curves. The
cohorts here have what the paper prints of each group, and needn't have what it prints of their
comparison: no log-rank or Gray's test, no hazard ratio is asked of them. How far the comparison
is open then, they show.

They lie beside the ensemble, in ``data/<paper>/cohorts_relaxed.parquet``, which
``python -m helpers reconstruct PAPER --relaxed`` makes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from helpers import files, paths
from helpers.errors import DataError, KitError

LABEL = (
    "synthetic patients, reconstructed from published numbers without the comparisons of "
    "survival times; not real patients"
)
_COMPARISONS = ("log-rank", "log-rank, the first better", "Fine-Gray", "hazard ratio")
_KEY = b"trial_by_notebook"


def file(paper: str) -> Path:
    """Return where the cohorts are stored.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    pathlib.Path
    """
    return paths.paper(paper) / "cohorts_relaxed.parquet"


def make(
    paper: str,
    *,
    members: int = 200,
    seed: int = 1,
    progress: Callable[[int], object] = lambda done: None,
) -> pd.DataFrame:
    """Make cohorts that have all of a paper's numbers but its comparisons of survival times.

    Parameters
    ----------
    paper : str
        The paper's id.
    members : int, optional
        How many.
    seed : int, optional
        The same seed gives the same cohorts.
    progress : callable, optional
        Called with the number of cohorts that are done.

    Returns
    -------
    pandas.DataFrame
        As `helpers.reconstruct.ensemble.make` returns it.

    Raises
    ------
    KitError
        If the paper compares no survival times, its numbers exclude each other, or a search
        finds no cohort.
    DataError
        If the paper's folder has faults.
    """
    from helpers.reconstruct import members as reconstruction

    if members < 1:
        raise KitError(f"given {members}", where="members", right="1 or more")
    plan = reconstruction.plan(paper)
    kept = tuple(each for each in plan.asked.asked if each.kind not in _COMPARISONS)
    if len(kept) == len(plan.asked.asked):
        raise KitError(
            "nothing to leave out: no survival times are compared",
            where=f"data/{paper}",
            right="a paper that prints a P value or a hazard ratio of survival times",
        )
    open_plan = replace(plan, asked=replace(plan.asked, asked=kept))
    made = []
    for number in range(1, members + 1):
        table = reconstruction.member(open_plan, [seed, number])
        table.insert(0, "member", number)
        made.append(table)
        progress(number)
    return pd.concat(made, ignore_index=True)


def left_out(paper: str) -> list[str]:
    """Name the published numbers that the cohorts needn't have.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    list of str
        Their ids.

    Raises
    ------
    DataError
        If the paper's folder has faults.
    """
    from helpers.reconstruct import times

    asked = times.requirements(paper).asked
    return [id for each in asked if each.kind in _COMPARISONS for id in each.ids]


def write(paper: str, table: pd.DataFrame, *, seed: int = 1) -> Path:
    """Store the cohorts in the paper's folder.

    Parameters
    ----------
    paper : str
        The paper's id.
    table : pandas.DataFrame
        What `make` returned.
    seed : int, optional
        From which seed.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    KitError
        If a cohort lacks a number that it must have, or the file cannot be written; then the old
        one is as it was.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from helpers.reconstruct import verification

    free = left_out(paper)
    lacking = [
        id for id in verification.missed(verification.verify(paper, table))["id"] if id not in free
    ]
    if lacking:
        raise KitError(f"not every cohort has {', '.join(lacking)}", where=paper)
    told = {
        "label": LABEL,
        "paper": paper,
        "members": int(table["member"].nunique()),
        "seed": seed,
        "left out": free,
        "unit of times": "months of 30.4375 days from the start of treatment",
    }
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.replace_schema_metadata(
        {**(arrow.schema.metadata or {}), _KEY: json.dumps(told).encode()}
    )
    sink = pa.BufferOutputStream()
    pq.write_table(arrow, sink, compression="zstd")
    files.replace(file(paper), sink.getvalue().to_pybytes())
    return file(paper)


def read(paper: str) -> pd.DataFrame:
    """Return the stored cohorts.

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
        If there are none, or the file isn't one of them.
    """
    about(paper)
    place = file(paper)
    return _read(place, place.stat().st_mtime_ns).copy()


def about(paper: str) -> dict[str, Any]:
    """Return what the stored cohorts say of themselves.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    dict of str to object
        ``label, paper, members, seed, left out, unit of times``.

    Raises
    ------
    DataError
        If there are none, or the file isn't one of them.
    """
    import pyarrow.parquet as pq

    place = file(paper)
    where = f"data/{paper}/cohorts_relaxed.parquet"
    if not place.is_file():
        raise DataError(
            "there are no cohorts without the paper's comparisons",
            where=f"data/{paper}",
            right=f"python -m helpers reconstruct {paper} --relaxed",
        )
    try:
        told = dict(json.loads((pq.read_schema(place).metadata or {})[_KEY]))
    except (OSError, KeyError, ValueError) as error:
        raise DataError("not cohorts that were stored so", where=where) from error
    if told.get("label") != LABEL:
        raise DataError("not cohorts that were stored so", where=where)
    return told


@lru_cache(maxsize=4)
def _read(place: Path, _changed: int) -> pd.DataFrame:
    import pyarrow.parquet as pq

    # A whole number that some patients don't have is still a whole number.
    return pq.read_table(place).to_pandas(integer_object_nulls=True)
