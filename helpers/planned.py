"""A trial's plan as data: the numbers that a reader may move, beliefs, and what is left open.

A paper's ``design.toml`` holds them. A number is the paper's own, and then names the published one,
or it is assumed, and then says why.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pandas as pd
import pydantic
from pydantic import BaseModel, ConfigDict, Field

from helpers import catalogue, paths
from helpers.errors import DataError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Quantity(_Part):
    """A number of the plan, and how far a reader may move it.

    Attributes
    ----------
    label, unit : str
        What it is, and in which unit.
    default : float
        What it is at first.
    minimum, maximum, step : float
        How far it may be moved, and in which steps.
    published : str
        The id of the paper's number that the default is; empty if it is assumed.
    times : float
        What that number is multiplied by, such as 12 from years to months.
    why : str
        Why this is assumed.
    """

    label: str = Field(min_length=1)
    unit: str = ""
    default: float
    minimum: float
    maximum: float
    step: float = Field(default=1.0, gt=0)
    published: str = ""
    times: float = 1.0
    why: str = ""

    @property
    def whole(self) -> bool:
        """Whether it can only be a whole number."""
        return self.step.is_integer()


class Belief(_Part):
    """What another paper lets one believe of survival.

    Attributes
    ----------
    paper : str
        Its id.
    number : str
        The id of its printed rate with an interval; empty if its patients are asked.
    endpoint : str
        Of its endpoints, which one.
    month : float
        At which survival is read, months from the endpoint's origin.
    why : str
        Why this is shaky.
    """

    paper: str
    number: str = ""
    endpoint: str
    month: float = Field(gt=0)
    why: str = Field(min_length=1)


class Open(_Part):
    """Something that the paper doesn't say.

    Attributes
    ----------
    what, here : str
        What it is, and what is put in its place.
    """

    what: str
    here: str


class Planned(_Part):
    """A trial's plan.

    Attributes
    ----------
    settings : dict of str to Quantity
        Its numbers by name.
    compare : tuple of str
        Two of the paper's endpoints that are set beside each other at first.
    priors : tuple of Belief
        What other papers let one believe.
    open : tuple of Open
        What the paper leaves open.
    """

    settings: dict[str, Quantity]
    compare: tuple[str, str]
    priors: tuple[Belief, ...] = ()
    open: tuple[Open, ...] = ()


def load(paper: str) -> Planned:
    """Read and check ``design.toml``.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    Planned

    Raises
    ------
    DataError
        If there is no such paper or file, or the file has faults.
    """
    file = paths.paper(paper) / "design.toml"
    if not file.is_file():
        raise DataError("the paper has no plan", where=f"data/{paper}/{file.name}")
    return _load(paper, file, file.stat().st_mtime_ns)


@lru_cache
def _load(paper: str, file: Path, _changed: int) -> Planned:
    where = f"data/{paper}/{file.name}"
    try:
        found = Planned.model_validate(catalogue.read_toml(file))
    except pydantic.ValidationError as error:
        faults = [
            f"{where}, {'.'.join(map(str, fault['loc']))}: {fault['msg']}"
            for fault in error.errors()
        ]
        raise DataError("\n".join(faults)) from None
    known = catalogue.load(paper).endpoints
    if missing := [name for name in found.compare if name not in known]:
        raise DataError(
            f"no endpoint {missing[0]!r}", where=f"{where}, compare", right=", ".join(known)
        )
    for name, each in found.settings.items():
        if fault := _fault(each, paper):
            raise DataError(fault, where=f"{where}, settings.{name}")
    return found


def table(paper: str) -> pd.DataFrame:
    """Lay the plan's numbers out.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    pandas.DataFrame
        A row per number: ``what``, ``value`` with its unit, ``source`` (what the paper prints, or
        that it is assumed) and ``why``.
    """
    rows = []
    for each in load(paper).settings.values():
        source, why = "assumed", each.why
        if each.published:
            number = catalogue.number(paper, each.published)
            source, why = f"the paper: “{number.printed}”", number.location
        label = each.label.removeprefix("Assumed: ")
        label = label[:1].upper() + label[1:]
        rows.append((label, f"{each.default:g} {each.unit}".strip(), source, why))
    return pd.DataFrame(rows, columns=["what", "value", "source", "why"])


def _fault(each: Quantity, paper: str) -> str:
    """Say what can't be meant; empty if all is well."""
    if not each.minimum <= each.default <= each.maximum:
        return f"given {each.default:g}; right would be: {each.minimum:g} to {each.maximum:g}"
    if bool(each.published) == bool(each.why):
        return "right would be: either published, or why it is assumed"
    if each.published:
        value = float(catalogue.number(paper, each.published).value or "nan") * each.times
        if value != each.default:
            return f"given {each.default:g}; right would be: {value:g}, as {each.published} has it"
    return ""
