"""Eligibility criteria as data: read, checked, put into words and changed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pydantic
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from helpers import catalogue, laboratory, paths, query
from helpers.catalogue import Variable
from helpers.errors import DataError, KitError, QueryError

ULN = "×ULN"
"""The unit of a threshold that is a multiple of the upper limit of normal."""

FORMULAS: dict[str, Callable[..., NDArray[np.float64]]] = {
    "cockcroft_gault": laboratory.cockcroft_gault
}
"""By name, what works a variable out from others."""
_INPUTS = {"cockcroft_gault": ("age", "weight", "creatinine", "sex")}
_UNITS = {"cockcroft_gault": "mL/min"}
_SIGNS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "="}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measure(Variable):
    """A variable of a screened patient.

    Attributes
    ----------
    substance : str
        What is measured, a key of `MOLAR_MASS`, where mass and amount are to be converted.
    """

    substance: str = ""


class Derived(_Part):
    """A variable that is worked out from others where the table doesn't hold it.

    Attributes
    ----------
    label : str
        What it is, in words.
    formula : {'cockcroft_gault'}
        What gives it, a key of `FORMULAS`.
    inputs : dict of str to str
        The variable for each of the function's arguments.
    note : str
        What a reader must know.
    """

    label: str
    formula: Literal["cockcroft_gault"]
    inputs: dict[str, str]
    note: str = ""


class UpperLimit(_Part):
    """The upper limit of normal of a variable, in the variable's unit.

    Attributes
    ----------
    limit : float or None
        One for everybody, or
    by : str
        the category on which it depends, and
    limits : dict of str to float
        the limit by that category's code.
    source : str
        Where it comes from.
    """

    limit: float | None = Field(default=None, gt=0)
    by: str = ""
    limits: dict[str, float] = {}
    source: str


class Criterion(_Part):
    """One inclusion or exclusion criterion.

    Attributes
    ----------
    id, label : str
        Its name in tables, and in words.
    kind : {'inclusion', 'exclusion'}
        Whether the comparison must hold or must not hold.
    variable : str
        What is compared. A judgement is a yes/no variable compared with ``Y``.
    comparison : {'<', '<=', '>', '>=', '=='}
        How.
    threshold : float or str
        With what: a number, or the code of a category.
    unit : str
        The threshold's unit: the variable's, one that it can be converted to, or `ULN`.
    condition : str
        A cohort query: whom the criterion concerns. Everyone else passes.
    waived_if : str
        A cohort query: who passes although the comparison says otherwise. What isn't recorded
        is not waived.
    line : int or None
        Which line of the paper's list, of inclusion or of exclusion criteria, says so.
    printed : str
        The paper's own words, short.
    published : str
        The id of the published number that is the threshold, if there is one.
    note : str
        What the paper leaves open and how it is settled here.
    range : tuple of (float, float, float) or None
        Between which thresholds a reader may choose, and in which steps.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str = Field(min_length=1)
    kind: Literal["inclusion", "exclusion"]
    variable: str
    comparison: Literal["<", "<=", ">", ">=", "=="]
    threshold: float | str
    unit: str = ""
    condition: str = ""
    waived_if: str = ""
    line: int | None = Field(default=None, ge=1)
    printed: str = Field(default="", max_length=160)
    published: str = ""
    note: str = ""
    range: tuple[float, float, float] | None = None


class Rules(_Part):
    """The eligibility criteria of a trial, with the variables that they ask for.

    Attributes
    ----------
    source : str
        Where the paper has them.
    variables : dict of str to Measure
        What a screened patient is described by.
    derived : dict of str to Derived
        What is worked out from it.
    upper_limits : dict of str to UpperLimit
        Upper limits of normal, by variable. A column such as ``ALTULN`` with a patient's own
        limit goes before them.
    criteria : tuple of Criterion
        In the paper's order.
    """

    source: str
    variables: dict[str, Measure]
    derived: dict[str, Derived] = {}
    upper_limits: dict[str, UpperLimit] = {}
    criteria: tuple[Criterion, ...] = Field(min_length=1)

    @property
    def known(self) -> dict[str, Variable]:
        """What can be asked for by name: the variables, and those worked out from them."""
        worked_out = {
            name: Variable(label=each.label, type="number", unit=_UNITS[each.formula], source="")
            for name, each in self.derived.items()
        }
        return {**self.variables, **worked_out}

    def __getitem__(self, id: str) -> Criterion:
        for each in self.criteria:
            if each.id == id:
                return each
        ids = [each.id for each in self.criteria]
        near = difflib.get_close_matches(id, ids, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise KitError(f"no criterion {id!r}{hint}", right="one of " + ", ".join(ids))


@dataclass(frozen=True)
class Change:
    """Rules that differ from others.

    Attributes
    ----------
    rules : Rules
        The new rules.
    sentence : str
        What was changed.
    """

    rules: Rules
    sentence: str


# --- reading -------------------------------------------------------------------------------------


def load(paper: str) -> Rules:
    """Read and check ``eligibility.toml``.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    Rules

    Raises
    ------
    DataError
        If there is no such paper or file, or the file has faults; all are told at once, a line
        each. A threshold must be that of the published number that it names.
    """
    file = paths.paper(paper) / "eligibility.toml"
    if not file.is_file():
        raise DataError("the paper has no eligibility rules", where=f"data/{paper}/{file.name}")
    rules = _load(file, file.stat().st_mtime_ns)
    numbers = {each.id: each.value for each in catalogue.published(paper)}
    where = f"data/{paper}/{file.name}"
    if faults := [f"{where}, {fault}" for fault in _unpublished(rules, numbers)]:
        raise DataError("\n".join(faults))
    return rules


@lru_cache
def _load(file: Path, _changed: int) -> Rules:
    where = f"data/{file.parent.name}/{file.name}"
    content = catalogue.read_toml(file)
    return checked(content, where=where)


def checked(content: Mapping[str, Any], *, where: str = "eligibility rules") -> Rules:
    """Make rules of what a file, or a reader, says.

    Parameters
    ----------
    content : mapping of str to Any
        As ``eligibility.toml`` has it.
    where : str, optional
        What messages call its place.

    Returns
    -------
    Rules

    Raises
    ------
    DataError
        If it has faults: one line each, with the criterion and the field.
    """
    try:
        rules = Rules.model_validate(content)
    except pydantic.ValidationError as error:
        raise DataError(
            "\n".join(f"{where}, {fault}" for fault in _malformed(error, content))
        ) from None
    if faults := [f"{where}, {fault}" for fault in _contradictions(rules)]:
        raise DataError("\n".join(faults))
    return rules


def _malformed(error: pydantic.ValidationError, content: Mapping[str, Any]) -> Iterator[str]:
    for fault in error.errors():
        parts = [str(part) for part in fault["loc"]]
        if parts[:1] == ["criteria"] and len(parts) > 1 and parts[1].isdigit():
            written = content["criteria"][int(parts[1])]
            named = isinstance(written, Mapping) and written.get("id")
            parts = [f"criterion {named!r}" if named else f"criterion {int(parts[1]) + 1}"]
            parts += [str(part) for part in fault["loc"][2:3]]
        given = "" if fault["type"] == "missing" else f" (given: {str(fault['input'])[:60]!r})"
        yield f"{', '.join(parts) or 'the whole'}: {fault['msg']}{given}"


def _contradictions(rules: Rules) -> Iterator[str]:
    """Say what can't be meant."""
    known = rules.known
    for name, limit in rules.upper_limits.items():
        yield from (f"upper_limits.{name}: {fault}" for fault in _limit_faults(rules, name, limit))
    for name, derived in rules.derived.items():
        wrong = [each for each in derived.inputs.values() if each not in rules.variables]
        if set(derived.inputs) != set(_INPUTS[derived.formula]):
            right = ", ".join(_INPUTS[derived.formula])
            yield f"derived.{name}, inputs: {', '.join(derived.inputs)}; right would be: {right}"
        if wrong:
            yield f"derived.{name}, inputs: no variable {', '.join(wrong)}"
        if name in rules.variables:
            yield f"derived.{name}: it is a variable too; right would be: a name of its own"
    ids = [each.id for each in rules.criteria]
    for id in sorted({each for each in ids if ids.count(each) > 1}):
        yield f"criterion {id!r}: it stands there {ids.count(id)} times; right would be: once"
    for each in rules.criteria:
        for field, fault in _criterion_faults(each, rules, known):
            yield f"criterion {each.id!r}, {field}: {fault}"


def _limit_faults(rules: Rules, name: str, limit: UpperLimit) -> Iterator[str]:
    if name not in rules.variables or not rules.variables[name].is_number:
        yield f"no variable {name!r} that is a number"
    if (limit.limit is None) == (not limit.limits) or bool(limit.by) != bool(limit.limits):
        yield "right would be: a limit for everybody, or limits with by"
    elif limit.by:
        codes = rules.variables[limit.by].values if limit.by in rules.variables else {}
        if set(codes) != set(limit.limits):
            right = ", ".join(codes) or "a category among the variables"
            yield f"limits for {', '.join(limit.limits)} of {limit.by!r}; right would be: {right}"
        if min(limit.limits.values()) <= 0:
            yield "a limit of 0 or less; right would be: above 0"


def _criterion_faults(
    each: Criterion, rules: Rules, known: Mapping[str, Variable]
) -> Iterator[tuple[str, str]]:
    if each.variable not in known:
        near = difflib.get_close_matches(each.variable.upper(), known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        yield (
            "variable",
            f"no variable {each.variable!r}{hint}; right would be: {', '.join(known)}",
        )
        return
    variable = known[each.variable]
    if variable.is_number != isinstance(each.threshold, float):
        right = "a number" if variable.is_number else "a code in quotes"
        yield "threshold", f"given {each.threshold!r} for {each.variable}; right would be: {right}"
        return
    if not variable.is_number:
        if each.comparison != "==":
            yield "comparison", f"{each.variable} has no order; right would be: '=='"
        if variable.values and each.threshold not in variable.values:
            yield (
                "threshold",
                f"{each.variable} is never {each.threshold!r}; "
                f"right would be: {', '.join(variable.values)}",
            )
    elif not np.isfinite(float(each.threshold)):
        yield "threshold", "right would be: a finite number"
    elif each.unit != variable.unit:
        if each.unit == ULN:
            if each.variable not in rules.upper_limits:
                yield "unit", f"{each.variable} has no upper limit under upper_limits"
        else:
            substance = getattr(variable, "substance", "")
            try:
                laboratory.convert(1.0, variable.unit, each.unit, substance=substance)
            except KitError as error:
                yield "unit", str(error)
    if each.range is not None and not (each.range[0] < each.range[1] and each.range[2] > 0):
        yield "range", f"given {each.range}; right would be: least, greatest, step"
    for field in ("condition", "waived_if"):
        try:
            query.parse(getattr(each, field), known)
        except QueryError as error:
            yield field, str(error)


def _unpublished(rules: Rules, numbers: Mapping[str, str | None]) -> Iterator[str]:
    for each in rules.criteria:
        if not each.published:
            continue
        if each.published not in numbers:
            yield f"criterion {each.id!r}, published: no published number {each.published!r}"
        elif float(numbers[each.published] or "nan") != each.threshold:
            yield (
                f"criterion {each.id!r}, threshold: given {each.threshold}; "
                f"right would be: {numbers[each.published]}, as {each.published} has it"
            )


# --- telling -------------------------------------------------------------------------------------


def words(rules: Rules, id: str) -> str:
    """Put a criterion into words.

    Parameters
    ----------
    rules : Rules
        The rules.
    id : str
        The criterion's id.

    Returns
    -------
    str
        Such as ``age ≥ 14 years`` or ``not: pregnant or lactating``.

    Raises
    ------
    KitError
        If there is no such criterion.
    """
    each = rules[id]
    text = f"{each.label} {asked(each)}" if isinstance(each.threshold, float) else each.label
    return text if each.kind == "inclusion" else f"not: {text}"


def asked(each: Criterion) -> str:
    """Say with what a criterion compares.

    Parameters
    ----------
    each : Criterion
        The criterion.

    Returns
    -------
    str
        Such as ``≥ 14 years``.
    """
    return f"{_SIGNS[each.comparison]} {amount(each.threshold, each.unit)}"


def amount(value: float | str, unit: str) -> str:
    """Write a value with its unit.

    Parameters
    ----------
    value : float or str
        The value.
    unit : str
        Its unit; empty if it has none.

    Returns
    -------
    str
        Four digits at most.
    """
    number = f"{value:.4g}" if isinstance(value, float) else str(value)
    joined = {ULN: " × ULN", "": "", "%": " %"}.get(unit, f" {unit}")
    return number + joined


def describe(rules: Rules) -> pd.DataFrame:
    """Lay the rules out as a table.

    Parameters
    ----------
    rules : Rules
        The rules.

    Returns
    -------
    pandas.DataFrame
        A row per criterion, in order: ``criterion`` (its id), ``kind``, ``line`` (the kind and the
        line of the paper's list), ``rule`` (in words), ``concerns`` and ``waived_if`` (queries),
        ``printed`` (the paper's words), ``note``.
    """
    return pd.DataFrame(
        {
            "criterion": each.id,
            "kind": each.kind,
            "line": each.kind if each.line is None else f"{each.kind}, {each.line}",
            "rule": words(rules, each.id),
            "concerns": each.condition,
            "waived_if": each.waived_if,
            "printed": each.printed,
            "note": each.note,
        }
        for each in rules.criteria
    )


def describe_limits(rules: Rules) -> pd.DataFrame:
    """Lay the upper limits of normal out as a table.

    Parameters
    ----------
    rules : Rules
        The rules.

    Returns
    -------
    pandas.DataFrame
        A row per limit, in order: ``variable`` (its label), ``whose`` (empty for everybody),
        ``limit`` (with its unit), ``source``.
    """
    rows = []
    for name, each in rules.upper_limits.items():
        variable = rules.variables[name]
        codes = rules.variables[each.by].values if each.by else {}
        limits = each.limits if each.by else {"": float(each.limit or np.nan)}
        rows += [
            (variable.label, codes.get(code, ""), amount(limit, variable.unit), each.source)
            for code, limit in limits.items()
        ]
    return pd.DataFrame(rows, columns=["variable", "whose", "limit", "source"])


# --- changing ------------------------------------------------------------------------------------


def changed(rules: Rules, thresholds: Mapping[str, float | str | None]) -> Change:
    """Move thresholds, or drop criteria.

    Parameters
    ----------
    rules : Rules
        The rules; they stay as they are.
    thresholds : mapping of str to float, str or None
        New thresholds by criterion; None asks for the criterion no more.

    Returns
    -------
    Change

    Raises
    ------
    KitError
        If there is no such criterion, the threshold can't be one or lies outside of the
        criterion's range, or no criterion would be left.
    """
    for id in thresholds:
        rules[id]  # raises, with what there is
    criteria = []
    for each in rules.criteria:
        if each.id not in thresholds:
            criteria.append(each)
            continue
        new = thresholds[each.id]
        if new is None:
            continue
        if isinstance(new, int | float) and not isinstance(new, bool):
            new = float(new)
            if each.range and not each.range[0] <= new <= each.range[1]:
                raise KitError(
                    f"given {amount(new, each.unit)}",
                    where=f"threshold of {each.id}",
                    right=f"from {amount(each.range[0], each.unit)} to "
                    f"{amount(each.range[1], each.unit)}",
                )
        criteria.append(each.model_copy(update={"threshold": new}))
    return _change(rules, criteria)


def exchanged(rules: Rules, id: str, criterion: Criterion) -> Change:
    """Put another criterion in the place of one.

    Parameters
    ----------
    rules : Rules
        The rules; they stay as they are.
    id : str
        The criterion that goes.
    criterion : Criterion
        The one that comes, such as creatinine clearance for serum creatinine.

    Returns
    -------
    Change

    Raises
    ------
    KitError
        If there is no such criterion, or the new one asks for what the rules don't know.
    """
    gone = rules[id]
    return _change(rules, [criterion if each is gone else each for each in rules.criteria])


def _change(rules: Rules, criteria: list[Criterion]) -> Change:
    if not criteria:
        raise KitError("no criterion is left", right="at least one")
    new = rules.model_copy(update={"criteria": tuple(criteria)})
    if faults := list(_contradictions(new)):
        raise KitError("\n".join(faults))
    return Change(new, difference(rules, new))


def difference(before: Rules, after: Rules) -> str:
    """Say in what the criteria of two sets of rules differ.

    Parameters
    ----------
    before, after : Rules
        The rules.

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> one = checked(
    ...     {
    ...         "source": "an example",
    ...         "variables": {
    ...             "AGE": {"label": "age", "type": "integer", "unit": "years", "source": ""}
    ...         },
    ...         "criteria": [
    ...             {"id": "age", "label": "age", "kind": "inclusion", "variable": "AGE"}
    ...             | {"comparison": ">=", "threshold": 14, "unit": "years"}
    ...         ],
    ...     }
    ... )
    >>> difference(one, changed(one, {"age": 18}).rules)
    'Age ≥ 18 years instead of ≥ 14 years (stricter).'
    """
    old = {each.id: each for each in before.criteria}
    new = {each.id: each for each in after.criteria}
    parts = []
    for id, each in new.items():
        if id not in old:
            also = "is asked, too" if each.kind == "inclusion" else "excludes, too"
            parts.append(f"{_named(after, id)} {also}")
        elif each.model_dump(exclude={"note", "printed", "published", "range"}) != old[
            id
        ].model_dump(exclude={"note", "printed", "published", "range"}):
            parts.append(_other(old[id], each, words(before, id), words(after, id)))
    for id in old:
        if id not in new:
            gone = "is no longer asked" if old[id].kind == "inclusion" else "no longer excludes"
            parts.append(f"{_named(before, id)} {gone}")
    text = "; ".join(parts) or "nothing is changed"
    return text[:1].upper() + text[1:] + "."


def _named(rules: Rules, id: str) -> str:
    return words(rules, id).removeprefix("not: ")


def _other(old: Criterion, new: Criterion, was: str, now: str) -> str:
    if new.model_copy(update={"threshold": old.threshold}) != old:
        return f"{now} instead of {was}"
    if not (isinstance(old.threshold, float) and isinstance(new.threshold, float)):
        return f"{now} = {new.threshold} instead of {old.threshold}"
    higher = new.threshold > old.threshold
    stricter = higher == (new.comparison in (">", ">=")) if new.comparison != "==" else None
    if stricter is not None and new.kind == "exclusion":
        stricter = not stricter
    how = "" if stricter is None else f" ({'stricter' if stricter else 'looser'})"
    return f"{now} instead of {asked(old)}{how}"
