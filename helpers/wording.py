"""What readers are told in place of names: numbers, groups and queries in the paper's words.

The catalogue names quantities and groups shortly (``crc`` in ``hma``) and published numbers by an
id. Here each becomes words: those of ``[words]`` in the paper's ``layout.toml`` if there are any,
otherwise the labels of its variables and endpoints, otherwise its name with spaces.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import lru_cache

import pandas as pd

from helpers import catalogue, layouts, paths, query
from helpers.catalogue import Variable

# What the extraction of a text leaves of its formulas, and of a caption amid a sentence.
_MARKUP = (
    (r"\$", ""),
    (r"\\geq", "≥"),
    (r"\\leq", "≤"),
    (r"\\sim ?", "~"),
    (r"\\times", "×"),
    (r"\\%", "%"),
    (r"<sup>(-?\d+)</sup>", r"^\1"),
    (r"</?su[bp]>", ""),
    (r"Figure \d+\. [^.]*(?:\. [^.]*)?\. (?=[a-z])", ""),
)
_RAISED = re.compile(r"\^\{?(-?\d+)\}?")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# A name of the catalogue amid a text: no other word has an underscore or ends in a digit.
_NAME = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b|\b[a-z]+[0-9]\b")
_OF_AN_ENDPOINT = re.compile(r"(?P<endpoint>\w+?)_(?:(?P<median>median)|(?P<months>\d+)m)")
_SIGNS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "==": "=", "!=": "≠"}


def named(verdicts: pd.DataFrame) -> list[str]:
    """Say what published numbers are about.

    Parameters
    ----------
    verdicts : pandas.DataFrame
        Rows of a ledger, such as `helpers.audit.ledger` returns.

    Returns
    -------
    list of str
        Of each row the quantity and, unless it is of everyone, the group.
    """
    columns = (verdicts[name] for name in ("paper", "quantity", "group", "statistic"))
    return [
        _named(paper, quantity, group, statistic)
        for paper, quantity, group, statistic in zip(*columns, strict=True)
    ]


def explained(text: str, *, paper: str) -> str:
    """Put words in place of the ids and the groups that a verdict's reason names.

    Parameters
    ----------
    text : str
        A reason, or how a number was recomputed.
    paper : str
        The paper's id.

    Returns
    -------
    str
    """
    numbers = {each.id: each for each in catalogue.published(paper)}
    groups = catalogue.load(paper).groups

    def spelt(match: re.Match[str]) -> str:
        name = match[0]
        if name in numbers:
            each = numbers[name]
            words = _named(paper, each.quantity, each.group, each.statistic)
        elif name in groups:
            words = _group(paper, name)
        else:
            return name
        # A name of several words must be told from the sentence around it.
        bracketed = text[: match.start()].endswith("(") and text[match.end() :].startswith(")")
        return words if bracketed or " " not in words else f"“{words}”"

    return _NAME.sub(spelt, text)


def printed(text: str) -> str:
    r"""Set what a paper prints as its readers see it.

    Parameters
    ----------
    text : str
        As transcribed, with the markup that the extraction left.

    Returns
    -------
    str

    Examples
    --------
    >>> printed(r"$\geq 100 \times 10^9/L$")
    '≥ 100 × 10⁹/L'
    """
    for pattern, plain in _MARKUP:
        text = re.sub(pattern, plain, text)
    text = _RAISED.sub(lambda match: match[1].translate(_SUPERSCRIPTS), text)
    return text.strip(" ,")


def picked(text: str, variables: Mapping[str, Variable]) -> str:
    """Put a cohort query into words.

    Parameters
    ----------
    text : str
        The query; see `helpers.query`.
    variables : mapping of str to Variable
        What the data records, by name.

    Returns
    -------
    str
        Without a full stop; ``everyone`` for an empty query.

    Raises
    ------
    QueryError
        If it can't be read.

    Examples
    --------
    >>> sex = Variable(label="sex", type="category", source="", values={"F": "woman", "M": "man"})
    >>> age = Variable(label="age", type="integer", source="")
    >>> picked("SEX == 'F' and AGE >= 60", {"SEX": sex, "AGE": age})
    'woman and age ≥ 60'
    """
    tree = query.parse(text, variables).tree
    return "everyone" if tree is None else _spelt_query(tree, variables)


def _spelt_query(node: ast.expr, variables: Mapping[str, Variable]) -> str:
    if isinstance(node, ast.BoolOp):
        joined = " and " if isinstance(node.op, ast.And) else " or "
        return joined.join(
            f"({part})" if isinstance(each, ast.BoolOp) else part
            for each in node.values
            for part in [_spelt_query(each, variables)]
        )
    if isinstance(node, ast.UnaryOp):
        return f"not ({_spelt_query(node.operand, variables)})"
    assert isinstance(node, ast.Compare)
    assert isinstance(node.left, ast.Name)
    variable, given = variables[node.left.id], ast.literal_eval(node.comparators[0])
    denied = isinstance(node.ops[0], ast.NotEq | ast.NotIn)
    values = given if isinstance(given, list | tuple) else [given]
    if set(variable.values) == {"Y", "N"} and len(values) == 1:
        return variable.label if (values[0] == "Y") != denied else f"not {variable.label}"
    words = " or ".join(variable.values.get(str(value), str(value)) for value in values)
    if variable.values:
        return f"not {words}" if denied else words
    if isinstance(node.ops[0], ast.In | ast.NotIn):
        return f"{variable.label} {'other than ' if denied else ''}{words}"
    return f"{variable.label} {_SIGNS[query.sign(node.ops[0])]} {words}"


@lru_cache(maxsize=4096)
def _named(paper: str, quantity: str, group: str, statistic: str) -> str:
    what = _quantity(paper, quantity)
    if statistic == "p_value" and not what.startswith("P of"):
        what = f"P of {what}"
    return what if group in ("", "all") else f"{what}, {_group(paper, group)}"


def _quantity(paper: str, name: str) -> str:
    words, described = _words(paper), catalogue.load(paper)
    if name in words:
        return words[name]
    if name in described.endpoints:
        return described.endpoints[name].label
    of_endpoint = _OF_AN_ENDPOINT.fullmatch(name)
    if of_endpoint and of_endpoint["endpoint"] in described.endpoints:
        label = described.endpoints[of_endpoint["endpoint"]].label
        if of_endpoint["median"]:
            return f"median {label}"
        return f"{label} at {of_endpoint['months']} months"
    if name.upper() in described.variables:
        return described.variables[name.upper()].label
    return _by_label(paper, described.quantities.get(name, "")) or _by_parts(name, words)


def _group(paper: str, name: str) -> str:
    words, described = _words(paper), catalogue.load(paper)
    if name in words:
        return words[name]
    text = described.groups.get(name, "")
    compared = _compared(text, described.variables)
    # Of a category the label names the group; "courses ≥ 1" would only describe it.
    if compared and compared.values:
        return picked(text, described.variables)
    return _by_parts(name, words)


def _compared(text: str, variables: Mapping[str, Variable]) -> Variable | None:
    """Return the variable of a query that is a single comparison."""
    tree = query.parse(text, variables).tree
    single = isinstance(tree, ast.Compare) and isinstance(tree.left, ast.Name)
    return variables[tree.left.id] if single else None  # type: ignore[union-attr]


def _by_label(paper: str, text: str) -> str:
    """Name a counted quantity by its variable, where the label alone says what is counted.

    One value of several says too little: *sepsis*, where the variable is what a patient died of.
    """
    variables = catalogue.load(paper).variables
    if text in variables:
        return variables[text].label
    if not text or "*" in text:
        return ""
    compared = _compared(text, variables)
    if compared and (compared.is_number or text.endswith("== 'Y'")):
        return picked(text, variables)
    return ""


def _by_parts(name: str, words: Mapping[str, str]) -> str:
    """Spell a name part by part, several parts at once where they have words of their own."""
    parts, spelt = name.split("_"), []
    while parts:
        for size in range(len(parts), 0, -1):
            known = words.get("_".join(parts[:size]))
            if known is not None or size == 1:
                spelt.append(parts[0] if known is None else known)
                parts = parts[size:]
                break
    return " ".join(spelt)


def _words(paper: str) -> Mapping[str, str]:
    described = (paths.paper(paper) / "layout.toml").is_file()
    return layouts.load(paper).words if described else {}
