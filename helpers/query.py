"""Cohort queries: a small, safe language for picking patients.

``AGE < 30 and SEX == 'F'`` picks the women under thirty. A query is a comparison of one
recorded variable with one value, or several joined by ``and``, ``or``, ``not`` and brackets::

    comparison :=  NAME (< | <= | > | >= | == | !=) value
                |  NAME [not] in [value, value, ...]
    value      :=  number | 'text' | "text"

For a variable that holds a list, such as a patient's mutated genes, ``==`` and ``in`` ask
whether the list contains the value: ``GENES == 'RUNX1'``.

The text is parsed, checked against the variables that the data records, and carried out
here. It is never evaluated as Python, so a query from a stranger can do no harm.
"""

from __future__ import annotations

import ast
import difflib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from helpers.catalogue import Variable
from helpers.errors import QueryError

_WORDS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
}
_ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_LONGEST = 500
_GREATEST = 1e15
_EXAMPLE = "for example AGE < 30 and SEX == 'F'"


@dataclass(frozen=True)
class Query:
    """A parsed cohort query; make one with `parse`.

    Attributes
    ----------
    text : str
        The query as given, without surrounding space. Empty: every patient.
    tree : ast.expr or None
        The checked syntax tree.
    """

    text: str
    tree: ast.expr | None

    def mask(self, patients: pd.DataFrame) -> pd.Series:
        """Say for each patient whether the query picks them.

        A comparison with a value that was not recorded is unknown, whichever way it is put: an
        unknown number of courses is neither ``== 1`` nor ``!= 1``, nor ``not ... == 1``. A
        patient for whom the whole query is unknown isn't picked.

        Parameters
        ----------
        patients : pandas.DataFrame
            One row per patient, with the columns that the query names.

        Returns
        -------
        pandas.Series of bool
            Same index as `patients`.
        """
        if self.tree is None:
            return pd.Series(True, index=patients.index)
        # Unknown is carried through `and`, `or` and `not`, and doesn't fit in the end.
        return _evaluate(self.tree, patients).fillna(False).astype(bool)

    def names(self) -> set[str]:
        """Return the variables that the query uses.

        Returns
        -------
        set of str
        """
        if self.tree is None:
            return set()
        return {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}


def parse(text: str, variables: Mapping[str, Variable]) -> Query:
    """Read a cohort query and check it against the recorded variables.

    Parameters
    ----------
    text : str
        The query; empty for every patient.
    variables : mapping of str to Variable
        What the data records, by name.

    Returns
    -------
    Query

    Raises
    ------
    QueryError
        If the text is not a query, names a variable that isn't recorded, compares it with a
        value it can't have, or is longer than 500 characters.
    """
    text = text.strip()
    if not text:
        return Query("", None)
    if len(text) > _LONGEST:
        raise QueryError(f"a query of {len(text)} characters", right=f"at most {_LONGEST}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of '\\d', which is only text here
            tree = ast.parse(text, mode="eval").body
        _check(tree, variables)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        column = getattr(error, "offset", None)
        at = f" near character {column}" if column else ""
        raise QueryError(f"cannot read {text!r}{at}", right=_EXAMPLE) from None
    return Query(text, tree)


def conditions(text: str) -> list[str]:
    """Take a query apart into what ``and`` joins: all of it must hold of a patient.

    Parameters
    ----------
    text : str
        The query; empty for every patient.

    Returns
    -------
    list of str
        Each part, written in one way. What can't be read is one part as it stands: `parse` says
        what is wrong with it.

    Examples
    --------
    >>> conditions('AGE < 30 and (SEX == "F" and CRFL in ["Y"])')
    ['AGE < 30', "SEX == 'F'", "CRFL in ['Y']"]
    """
    if not text.strip():
        return []
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [text]
    return [ast.unparse(part) for part in _operands(tree)]


def _operands(tree: ast.expr) -> Iterator[ast.expr]:
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And):
        for each in tree.values:
            yield from _operands(each)
    else:
        yield tree


def joined(conditions: Iterable[str]) -> str:
    """Write the query of those of whom all conditions hold.

    Parameters
    ----------
    conditions : iterable of str
        Queries; one that is given twice counts once.

    Returns
    -------
    str
        Empty where there are none.

    Examples
    --------
    >>> joined(["AGE < 30", "SEX == 'F' or CRFL == 'Y'", "AGE < 30"])
    "AGE < 30 and (SEX == 'F' or CRFL == 'Y')"
    """
    parts = list(dict.fromkeys(conditions))
    return " and ".join(
        f"({part})" if " or " in part and len(parts) > 1 else part for part in parts
    )


def sign(operator: ast.cmpop) -> str:
    """Return how a comparison is written.

    Parameters
    ----------
    operator : ast.cmpop
        The operator of a query's tree.

    Returns
    -------
    str
        For example ``>=``.
    """
    return _WORDS[type(operator)]


def _check(node: ast.expr, variables: Mapping[str, Variable]) -> None:
    if isinstance(node, ast.BoolOp):
        for part in node.values:
            _check(part, variables)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _check(node.operand, variables)
    elif isinstance(node, ast.Compare):
        _check_comparison(node, variables)
    else:
        raise QueryError(f"cannot read {ast.unparse(node)!r} as a comparison", right=_EXAMPLE)


def _check_comparison(node: ast.Compare, variables: Mapping[str, Variable]) -> None:
    shown = ast.unparse(node)
    if len(node.ops) != 1 or type(node.ops[0]) not in _WORDS:
        raise QueryError(f"{shown!r} is not one comparison", right="18 <= AGE and AGE < 30")
    if not isinstance(node.left, ast.Name):
        raise QueryError(f"{shown!r} does not start with a variable", right=_EXAMPLE)
    name, operator = node.left.id, node.ops[0]
    if name not in variables:
        near = difflib.get_close_matches(name.upper(), variables, n=1, cutoff=0.6)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise QueryError(f"no variable {name!r}{hint}", right="one of " + ", ".join(variables))
    variable = variables[name]
    listed = isinstance(operator, ast.In | ast.NotIn)
    if listed != isinstance(node.comparators[0], ast.List | ast.Tuple):
        raise QueryError(f"cannot read {shown!r}", right=f"{name} in ['a', 'b']")
    for value in _values(node.comparators[0], shown):
        if variable.is_number != isinstance(value, int | float):
            kind = "a number" if variable.is_number else "text in quotation marks"
            raise QueryError(f"{name} is compared with {value!r}", right=kind)
        if isinstance(operator, _ORDER) and not variable.is_number:
            raise QueryError(f"{name} has no order, so {shown!r} has no meaning", right="== or in")
        if variable.values and value not in variable.values:
            raise QueryError(
                f"{name} is never {value!r}", right="one of " + ", ".join(variable.values)
            )


def _values(node: ast.expr, shown: str) -> list[str | int | float]:
    nodes = node.elts if isinstance(node, ast.List | ast.Tuple) else [node]
    values: list[str | int | float] = []
    for each in nodes:
        sign = 1
        if isinstance(each, ast.UnaryOp) and isinstance(each.op, ast.USub):
            each, sign = each.operand, -1
        value = each.value if isinstance(each, ast.Constant) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            if abs(value) > _GREATEST:
                raise QueryError(f"the number in {shown!r} is too large", right=_EXAMPLE)
            values.append(sign * value)
        elif isinstance(value, str) and sign == 1:
            values.append(value)
        else:
            raise QueryError(f"cannot read the value in {shown!r}", right="a number or 'text'")
    return values


def _evaluate(node: ast.expr, patients: pd.DataFrame) -> pd.Series:
    if isinstance(node, ast.BoolOp):
        parts = [_evaluate(part, patients) for part in node.values]
        result = parts[0]
        for part in parts[1:]:
            result = result & part if isinstance(node.op, ast.And) else result | part
        return result
    if isinstance(node, ast.UnaryOp):
        return ~_evaluate(node.operand, patients)
    assert isinstance(node, ast.Compare)
    assert isinstance(node.left, ast.Name)
    column, values = patients[node.left.id], _values(node.comparators[0], "")
    if isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
        found = column.map(lambda cell: _matches(cell, values)).astype("boolean")
        if isinstance(node.ops[0], ast.NotEq | ast.NotIn):
            found = ~found
        return found.mask(column.isna())
    match node.ops[0]:
        case ast.Lt():
            result = column < values[0]
        case ast.LtE():
            result = column <= values[0]
        case ast.Gt():
            result = column > values[0]
        case _:
            result = column >= values[0]
    return result.astype("boolean").mask(column.isna())


def _matches(cell: object, values: list[str | int | float]) -> bool:
    return any(value in values for value in cell) if isinstance(cell, tuple) else cell in values
