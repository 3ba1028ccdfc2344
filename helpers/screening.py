"""Synthetic screening populations: made-up patients, made visibly.

A make-up states of each variable how it is distributed and why, and which variables go together.
It is data (a paper's ``screening.toml``), so that a reader sees each assumption and can change it.
`population` draws patients from it by a seed. Nobody in them is real, and the table says so.

Each variable has random numbers of its own. So moving one distribution moves nobody's other values,
save those that are said to depend on it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pydantic
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from helpers import catalogue, paths, query, wording
from helpers.catalogue import Variable
from helpers.errors import DataError, KitError, QueryError

Floats = NDArray[np.float64]

_MOST = 1_000_000
# So little of a distribution can't be drawn by inversion.
_LEAST_KEPT = 1e-6


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Distribution(_Part):
    missing: float = Field(default=0.0, ge=0, lt=1)
    only_if: str = ""
    why: str = Field(min_length=1)


class _Number(_Distribution):
    least: float | None = None
    greatest: float | None = None
    scaled_by: dict[str, dict[str, float]] = {}
    decimals: int = Field(default=1, ge=0, le=6)


class Normal(_Number):
    """A normal distribution, cut at both ends where limits are given.

    Attributes
    ----------
    mean, sd : float
        Before it is cut, in the variable's unit.
    least, greatest : float or None
        Where it is cut.
    scaled_by : dict of str to dict of str to float
        By a category that comes before: a factor for each of its codes, after the cut.
    decimals : int
        Digits after the point. An integer variable is rounded down, as ages are.
    missing : float
        The share that isn't recorded, at random.
    only_if : str
        A query over variables that come before: who has a value at all.
    why : str
        The assumption, in words.
    """

    distribution: Literal["normal"]
    mean: float
    sd: float = Field(gt=0)


class LogNormal(_Number):
    """A log-normal distribution, cut at both ends where limits are given.

    Attributes
    ----------
    median : float
        In the variable's unit.
    spread : float
        The geometric standard deviation: two thirds lie between the median divided by it and
        the median times it.
    least, greatest, scaled_by, decimals, missing, only_if, why
        As of `Normal`.
    """

    distribution: Literal["lognormal"]
    median: float = Field(gt=0)
    spread: float = Field(gt=1)


class Shares(_Distribution):
    """A share of the patients for each code, or each whole number.

    Attributes
    ----------
    shares : dict of str to float
        By code, in an order that a correlation can follow; they add up to 1.
    missing, only_if, why
        As of `Normal`.
    """

    distribution: Literal["shares"]
    shares: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(min_length=1)


class Correlation(_Part):
    """Two variables that go together.

    Attributes
    ----------
    between : tuple of (str, str)
        Their names.
    value : float
        The correlation of the two normal variables behind them, above -1 and below 1.
    why : str
        The assumption, in words.
    """

    between: tuple[str, str]
    value: float = Field(gt=-1, lt=1)
    why: str = Field(min_length=1)


class MakeUp(_Part):
    """What a synthetic population is made of.

    Attributes
    ----------
    statement : str
        That it is synthetic, in words.
    variables : dict of str to Normal, LogNormal or Shares
        By variable, in the order in which they are drawn.
    correlations : tuple of Correlation
        Whatever is not named is independent.
    """

    statement: str = Field(min_length=1)
    variables: dict[
        str, Annotated[Normal | LogNormal | Shares, Field(discriminator="distribution")]
    ]
    correlations: tuple[Correlation, ...] = ()


def load(paper: str) -> MakeUp:
    """Read and check ``screening.toml``.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    MakeUp

    Raises
    ------
    DataError
        If there is no such paper or file, or the file has faults.
    """
    file = paths.paper(paper) / "screening.toml"
    if not file.is_file():
        raise DataError("the paper has no screening population", where=f"data/{paper}/{file.name}")
    return _load(file, file.stat().st_mtime_ns)


@lru_cache
def _load(file: Path, _changed: int) -> MakeUp:
    where = f"data/{file.parent.name}/{file.name}"
    content = catalogue.read_toml(file)
    return checked(content, where=where)


def checked(content: Mapping[str, Any], *, where: str = "make-up") -> MakeUp:
    """Make a make-up of what a file, or a reader, says.

    Parameters
    ----------
    content : mapping of str to Any
        As ``screening.toml`` has it.
    where : str, optional
        What messages call its place.

    Returns
    -------
    MakeUp

    Raises
    ------
    DataError
        If it has faults, one line each.
    """
    try:
        found = MakeUp.model_validate(content)
    except pydantic.ValidationError as error:
        faults = [
            f"{where}, {'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']} "
            f"(given: {str(fault['input'])[:60]!r})"
            for fault in error.errors()
        ]
        raise DataError("\n".join(faults)) from None
    if faults := [f"{where}, {fault}" for fault in _contradictions(found)]:
        raise DataError("\n".join(faults))
    return found


def _contradictions(make_up: MakeUp) -> Iterator[str]:
    """Say what can't be meant, of the make-up by itself."""
    before: set[str] = set()
    for name, each in make_up.variables.items():
        if isinstance(each, Shares):
            total = sum(each.shares.values())
            if abs(total - 1) > 1e-9:
                yield f"variables.{name}, shares: they add up to {total:g}; right would be: 1"
        else:
            given = [end for end in (each.least, each.greatest) if end is not None]
            if isinstance(each, LogNormal) and min(given, default=1) <= 0:
                yield f"variables.{name}: cut at {min(given):g}; right would be: above 0"
            elif not np.subtract(*_kept(each)[::-1]) > _LEAST_KEPT:
                yield (
                    f"variables.{name}: next to nothing of the distribution is left between its "
                    "cuts; right would be: least below greatest, with the middle between them"
                )
            for other, factors in each.scaled_by.items():
                by = make_up.variables.get(other)
                if other not in before or not isinstance(by, Shares):
                    yield (
                        f"variables.{name}, scaled_by: {other!r} is no category that stands before "
                        f"it; right would be: a variable with shares, above {name}"
                    )
                elif set(factors) != set(by.shares) or min(factors.values()) <= 0:
                    right = ", ".join(by.shares)
                    yield (
                        f"variables.{name}, scaled_by {other}: right would be: "
                        f"a factor above 0 for each of {right}"
                    )
        before.add(name)
    seen: set[frozenset[str]] = set()
    for each_pair in make_up.correlations:
        pair = frozenset(each_pair.between)
        told = " and ".join(each_pair.between)
        if unknown := [name for name in each_pair.between if name not in make_up.variables]:
            yield f"correlations, {told}: no variable {', '.join(unknown)}"
        elif len(pair) < 2 or pair in seen:
            yield f"correlations, {told}: right would be: two variables, once"
        seen.add(pair)
    if not any(set(each.between) - set(make_up.variables) for each in make_up.correlations):
        names, matrix = _matrix(make_up)
        if len(names) and np.linalg.eigvalsh(matrix)[0] < 1e-9:
            yield (
                f"correlations: those between {', '.join(names)} can't all be true at once; "
                "right would be: some of them nearer to 0"
            )


def _matrix(make_up: MakeUp) -> tuple[list[str], Floats]:
    named = {name for each in make_up.correlations for name in each.between}
    names = [name for name in make_up.variables if name in named]
    matrix = np.eye(len(names))
    for each in make_up.correlations:
        one, other = (names.index(name) for name in each.between)
        matrix[one, other] = matrix[other, one] = each.value
    return names, matrix


def changed(
    make_up: MakeUp,
    variables: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    correlations: Mapping[tuple[str, str], float] | None = None,
) -> MakeUp:
    """Change parts of a make-up.

    Parameters
    ----------
    make_up : MakeUp
        The make-up; it stays as it is.
    variables : mapping of str to mapping, optional
        By variable, the fields to set, such as ``{"AGE": {"mean": 60, "sd": 10}}``. A change of
        ``distribution`` sets them all.
    correlations : mapping of (str, str) to float, optional
        New values of correlations, or new correlations, by pair; 0 drops one.

    Returns
    -------
    MakeUp

    Raises
    ------
    KitError
        If there is no such variable, or the new make-up has faults.
    """
    content = make_up.model_dump()
    for name, fields in (variables or {}).items():
        if name not in content["variables"]:
            raise KitError(f"no variable {name!r}", right="one of " + ", ".join(make_up.variables))
        kept = {} if "distribution" in fields else content["variables"][name]
        content["variables"][name] = {**kept, **fields}
    pairs = {frozenset(each["between"]): each for each in content["correlations"]}
    for pair, value in (correlations or {}).items():
        had = pairs.pop(frozenset(pair), {"between": pair, "why": "set by the reader"})
        if value:
            pairs[frozenset(pair)] = {**had, "value": value}
    content["correlations"] = tuple(pairs.values())
    return checked(content)


def describe(make_up: MakeUp, variables: Mapping[str, Variable]) -> pd.DataFrame:
    """Lay a make-up out as a table.

    Parameters
    ----------
    make_up : MakeUp
        The make-up.
    variables : mapping of str to Variable
        What the variables are, such as those of `helpers.eligibility.Rules`.

    Returns
    -------
    pandas.DataFrame
        A row per variable: ``variable``, ``label``, ``unit``, ``distribution`` (in words),
        ``goes_with`` (correlations and dependencies), ``missing`` (share), ``assumption``.

    Raises
    ------
    KitError
        If the make-up doesn't fit the variables.
    """
    _check_fit(make_up, variables)
    return pd.DataFrame(
        {
            "variable": name,
            "label": variables[name].label,
            "unit": variables[name].unit,
            "distribution": _in_words(each, variables[name]),
            "goes_with": "; ".join(_companions(name, each, make_up, variables)),
            "missing": each.missing,
            "assumption": each.why,
        }
        for name, each in make_up.variables.items()
    )


def _in_words(each: Normal | LogNormal | Shares, variable: Variable) -> str:
    if isinstance(each, Shares):
        parts = (
            f"{variable.values.get(code, f'{code}:')} {100 * share:g} %"
            for code, share in each.shares.items()
        )
        return ", ".join(parts)
    unit = {"": "", "%": " %"}.get(variable.unit, f" {variable.unit}")
    if isinstance(each, Normal):
        text = f"normal, mean {each.mean:g}{unit}, SD {each.sd:g}"
    else:
        text = f"log-normal, median {each.median:g}{unit}, two thirds within a factor of "
        text += f"{each.spread:g}"
    ends = [
        f"{word} {end:g}"
        for word, end in (("from", each.least), ("to", each.greatest))
        if end is not None
    ]
    return f"{text}, cut {' '.join(ends)}" if ends else text


def _companions(
    name: str,
    each: Normal | LogNormal | Shares,
    make_up: MakeUp,
    variables: Mapping[str, Variable],
) -> Iterator[str]:
    for pair in make_up.correlations:
        if name in pair.between:
            other = variables[pair.between[pair.between[0] == name]]
            value = f"{pair.value:g}".replace("-", "−")
            yield f"{other.label} (correlation {value})"
    if not isinstance(each, Shares):
        for key, factors in each.scaled_by.items():
            other = variables[key]
            times = ", ".join(
                f"{other.values.get(code, code)} × {factor:g}" for code, factor in factors.items()
            )
            yield f"{other.label} ({times})"
    if each.only_if:
        yield f"only if {wording.picked(each.only_if, variables)}"


def population(
    make_up: MakeUp, variables: Mapping[str, Variable], *, size: int, seed: int
) -> pd.DataFrame:
    """Draw a synthetic screening population.

    Parameters
    ----------
    make_up : MakeUp
        What it is made of.
    variables : mapping of str to Variable
        What the variables are, such as those of `helpers.eligibility.Rules`: whole numbers are
        rounded down, categories have codes.
    size : int
        Patients.
    seed : int
        Of the random numbers. The first patients of a larger population are those of a smaller
        one.

    Returns
    -------
    pandas.DataFrame
        A row per patient: ``USUBJID`` (``synthetic 1`` and so on) and a column per variable; a
        missing cell is not recorded, or does not concern the patient. ``attrs`` holds
        ``synthetic`` (True), ``statement`` and ``seed``.

    Raises
    ------
    KitError
        If the make-up doesn't fit the variables, or the size or seed cannot be used.

    Notes
    -----
    A Gaussian copula: each variable is a function of a standard normal one, and those are
    correlated as the make-up says [1]_. So each has exactly the distribution stated for it,
    whatever the correlations. What isn't recorded is missing completely at random.

    References
    ----------
    .. [1] Nelsen RB. An Introduction to Copulas. 2nd ed. New York: Springer, 2006.

    Examples
    --------
    >>> made = checked(
    ...     {
    ...         "statement": "synthetic",
    ...         "variables": {"AGE": {"distribution": "normal", "mean": 50, "sd": 9, "why": "-"}},
    ...     }
    ... )
    >>> age = Variable(label="age", type="integer", unit="years", source="")
    >>> population(made, {"AGE": age}, size=2, seed=1)["USUBJID"].tolist()
    ['synthetic 1', 'synthetic 2']
    """
    if not 0 <= size <= _MOST:
        raise KitError(f"given {size}", where="size", right=f"0 to {_MOST:,} patients")
    if seed < 0:
        raise KitError(f"given {seed}", where="seed", right="a whole number, 0 or more")
    _check_fit(make_up, variables)
    normal = _normals(make_up, size, seed)
    drawn: dict[str, pd.Series] = {}
    for name, each in make_up.variables.items():
        values = _values(each, normal[name], variables[name], drawn)
        if each.only_if:
            concerned = query.parse(each.only_if, variables).mask(pd.DataFrame(drawn))
            values = values.where(concerned)
        drawn[name] = values
    for name, each in make_up.variables.items():
        lost = _stream(seed, f"{name} missing").random(size) < each.missing
        drawn[name] = drawn[name].mask(lost)
    who = {"USUBJID": [f"synthetic {number}" for number in range(1, size + 1)]}
    table = pd.DataFrame({**who, **drawn})
    table.attrs = {"synthetic": True, "statement": make_up.statement, "seed": seed}
    return table


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _normals(make_up: MakeUp, size: int, seed: int) -> dict[str, Floats]:
    from scipy.special import ndtri

    # By inversion, so that patient by patient one number is used, whatever the size.
    found = {name: ndtri(_open(_stream(seed, name).random(size))) for name in make_up.variables}
    names, matrix = _matrix(make_up)
    if names:
        together = np.linalg.cholesky(matrix) @ np.stack([found[name] for name in names])
        found |= dict(zip(names, together, strict=True))
    return found


def _open(uniform: Floats) -> Floats:
    """Keep away from 0, of which the normal quantile is infinite."""
    return np.maximum(uniform, np.finfo(float).tiny)


def _centre_and_scale(each: Normal | LogNormal) -> tuple[float, float]:
    """Return the mean and SD of the normal distribution behind it."""
    if isinstance(each, Normal):
        return each.mean, each.sd
    return math.log(each.median), math.log(each.spread)


def _kept(each: Normal | LogNormal) -> tuple[float, float]:
    """Return which part of the distribution, from 0 to 1, its cuts leave."""
    from scipy.special import ndtr

    centre, scale = _centre_and_scale(each)
    to_normal = math.log if isinstance(each, LogNormal) else float
    return (
        0.0 if each.least is None else float(ndtr((to_normal(each.least) - centre) / scale)),
        1.0 if each.greatest is None else float(ndtr((to_normal(each.greatest) - centre) / scale)),
    )


def _values(
    each: Normal | LogNormal | Shares,
    normal: Floats,
    variable: Variable,
    drawn: Mapping[str, pd.Series],
) -> pd.Series:
    from scipy.special import ndtr, ndtri

    if isinstance(each, Shares):
        ends = np.cumsum(list(each.shares.values()))
        place = np.minimum(np.searchsorted(ends, ndtr(normal), side="right"), len(ends) - 1)
        codes = np.array(list(each.shares), dtype=object)[place]
        return pd.Series(codes.astype(float) if variable.is_number else codes)
    low, high = _kept(each)
    numbers = normal
    if (low, high) != (0.0, 1.0):
        numbers = ndtri(_open(low + ndtr(normal) * (high - low)))
    centre, scale = _centre_and_scale(each)
    numbers = centre + scale * numbers
    if isinstance(each, LogNormal):
        numbers = np.exp(numbers)
    for other, factors in each.scaled_by.items():
        numbers = numbers * drawn[other].map(factors).to_numpy(float)
    if variable.type == "integer":
        return pd.Series(np.floor(numbers))
    return pd.Series(np.round(numbers, each.decimals))


def _check_fit(make_up: MakeUp, variables: Mapping[str, Variable]) -> None:
    """Refuse a make-up of other variables."""
    faults = []
    for name, each in make_up.variables.items():
        if name not in variables:
            faults.append(f"{name}: no such variable; right would be: {', '.join(variables)}")
            continue
        variable = variables[name]
        if isinstance(each, Shares):
            wrong = [code for code in each.shares if not _is_code(code, variable)]
            if wrong:
                right = ", ".join(variable.values) or "whole numbers"
                faults.append(f"{name}: no code {', '.join(wrong)}; right would be: {right}")
        elif not variable.is_number:
            faults.append(f"{name} is not a number; right would be: the distribution 'shares'")
        if each.only_if:
            earlier = list(make_up.variables)[: list(make_up.variables).index(name)]
            try:
                query.parse(
                    each.only_if, {key: variables[key] for key in earlier if key in variables}
                )
            except QueryError as error:
                faults.append(f"{name}, only_if: {error}")
    if faults:
        raise KitError("\n".join(f"make-up, {fault}" for fault in faults))


def _is_code(code: str, variable: Variable) -> bool:
    return code.lstrip("-").isdigit() if variable.is_number else code in variable.values
