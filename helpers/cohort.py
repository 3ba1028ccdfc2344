"""Cohorts: sets of patients, real or reconstructed, read and filtered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pandas as pd

from helpers import catalogue, paths, query
from helpers.catalogue import Paper, Variable
from helpers.errors import DataError


def printed(paper: str) -> pd.DataFrame:
    """Return the patients of a paper as text, each cell as the paper prints it.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    pandas.DataFrame
        One row per patient, one text column per variable; empty text where nothing is recorded.

    Raises
    ------
    DataError
        If the paper shows no patients, or ``patients.csv`` has faults.
    """
    return _read(*_version(paper)).copy()


def _version(paper: str) -> tuple[Path, tuple[int, ...]]:
    """Return where a paper's patients are, and when what is known of them last changed."""
    file = paths.paper(paper) / "patients.csv"
    if not catalogue.load(paper).patient_level:
        raise DataError("the paper does not show its patients one by one", where=f"data/{paper}")
    return file, paths.changed(file, file.with_name("paper.toml"))


def patients(paper: str, where: str = "") -> pd.DataFrame:
    """Return the patients of a paper, typed.

    Parameters
    ----------
    paper : str
        The paper's id.
    where : str, optional
        A cohort query, for example ``AGE < 30``; empty for everyone.

    Returns
    -------
    pandas.DataFrame
        One row per patient. Numbers are floats (NaN where not recorded) or, where every
        patient has one, integers; a list is a tuple of words; everything else is text, empty
        cells missing.

    Raises
    ------
    DataError
        As `printed`.
    QueryError
        If `where` cannot be read.
    """
    return select(_read_typed(*_version(paper)), where, catalogue.load(paper).variables)


def select(table: pd.DataFrame, where: str, variables: dict[str, Variable]) -> pd.DataFrame:
    """Return the rows that a cohort query picks.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per patient.
    where : str
        The query; empty for everyone.
    variables : dict of str to Variable
        What the table records.

    Returns
    -------
    pandas.DataFrame
        The rows picked, in order; possibly none.

    Raises
    ------
    QueryError
        If the query cannot be read.
    """
    return table[query.parse(where, variables).mask(table)]


def group(paper: str, name: str) -> pd.DataFrame:
    """Return the patients of one of the paper's named groups.

    Parameters
    ----------
    paper : str
        The paper's id.
    name : str
        A name under ``[groups]`` in ``paper.toml``.

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    DataError
        If there is no such group.
    """
    groups = catalogue.load(paper).groups
    if name not in groups:
        raise DataError(
            f"no group {name!r}", where=f"data/{paper}/paper.toml", right=", ".join(groups)
        )
    return patients(paper, groups[name])


def codebook(paper: Paper) -> pd.DataFrame:
    """Return what each column of a paper's patients holds.

    Parameters
    ----------
    paper : Paper
        The paper.

    Returns
    -------
    pandas.DataFrame
        Columns ``column, label, type, unit, values, source, note``, one row per variable.
    """
    return pd.DataFrame(
        {
            "column": name,
            "label": variable.label,
            "type": variable.type,
            "unit": variable.unit,
            "values": "; ".join(f"{code} = {words}" for code, words in variable.values.items()),
            "source": variable.source,
            "note": variable.note,
        }
        for name, variable in paper.variables.items()
    )


@lru_cache
def _read(file: Path, _changed: tuple[int, ...]) -> pd.DataFrame:
    where = f"data/{file.parent.name}/patients.csv"
    recorded = catalogue.load(file.parent.name).variables
    rows = catalogue.read_rows(file)
    names = list(rows[0][1]) if rows else []
    if names != list(recorded):
        raise DataError(
            f"the columns are {', '.join(names)}",
            where=where,
            right=f"those of paper.toml, in its order: {', '.join(recorded)}",
        )
    faults = [
        str(DataError(what, where=f"{where}, line {line}, column {name}", right=right))
        for line, row in rows
        for name, cell in row.items()
        for what, right in _cell_faults(cell, recorded[name])
    ]
    subjects = [row["USUBJID"] for _, row in rows]
    faults += [
        f"{where}: patient {subject} stands in {subjects.count(subject)} rows"
        for subject in dict.fromkeys(subjects)
        if subjects.count(subject) > 1
    ]
    if faults:
        raise DataError("\n".join(faults))
    return pd.DataFrame([row for _, row in rows], dtype=str)


@lru_cache
def _read_typed(file: Path, changed: tuple[int, ...]) -> pd.DataFrame:
    text = _read(file, changed)
    recorded = catalogue.load(file.parent.name).variables
    return pd.DataFrame({name: _typed(text[name], recorded[name]) for name in text})


def _cell_faults(cell: str, variable: Variable) -> Iterator[tuple[str, str]]:
    if not cell:
        return
    if variable.values and cell not in variable.values:
        yield f"{cell!r}", "one of " + ", ".join(variable.values)
    if variable.is_number:
        # float() also takes 1_0, inf and nan.
        if not re.fullmatch(r"[+-]?\d*\.?\d+([eE][+-]?\d{1,3})?", cell):
            yield f"{cell!r}", "a number"
            return
        number = float(cell)
        if variable.type == "integer" and not number.is_integer():
            yield f"{cell!r}", "a whole number"
        if variable.minimum is not None and not number >= variable.minimum:
            yield f"{cell!r}", f"at least {variable.minimum:g}"
        if variable.maximum is not None and not number <= variable.maximum:
            yield f"{cell!r}", f"at most {variable.maximum:g}"


def _typed(column: pd.Series, variable: Variable) -> pd.Series:
    if variable.is_number:
        numbers = pd.to_numeric(column.where(column != ""))
        return (
            numbers.astype(int) if variable.type == "integer" and numbers.notna().all() else numbers
        )
    if variable.type == "list":
        return column.map(lambda cell: tuple(cell.split(";")) if cell else ())
    return column.where(column != "")
