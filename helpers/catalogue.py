"""Papers as data: what a paper's folder says, read and checked.

A folder ``data/<paper>/`` holds

``paper.toml``
    what the paper is, its variables, groups, endpoint definitions, regimens, assumptions
    and the layout of its tables;
``published.csv``
    its published numbers, one a row, as printed;
``excerpts.csv``
    for each of them the few words of the paper in which it stands;
``patients.csv``
    its patients, one a row, where the paper shows them one by one.

Every fault found in a folder is reported at once, one line each: file, row, column, what is
wrong, what would be right.
"""

from __future__ import annotations

import ast
import csv
import datetime as dt
import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pydantic
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from helpers import paths, rounding
from helpers.errors import DataError

Statistic = Literal[
    "count_percent",
    "proportion_ci",
    "median_range",
    "median_iqr",
    "median_time_ci",
    "survival_ci",
    "cumulative_incidence_ci",
    "p_value",
    "hazard_ratio_ci",
    "number",
    "dose",
    "duration",
    "threshold",
    "date",
]

_LARGEST = 5_000_000
_LONGEST_EXCERPT = 160

# What is right in each column of published.csv.
_RIGHT = {
    "id": "a name without spaces, such as abs_response",
    "statistic": "one of " + ", ".join(map(repr, get_args(Statistic))),
    **dict.fromkeys(
        ("count", "total"),
        "a whole number (integer) up to 9999999 without a % sign, such as 12; "
        "a percentage belongs into the column value",
    ),
    **dict.fromkeys(
        ("value", "lower", "upper"),
        "a number without a % sign, such as 75.0 or <0.001; a date such as 2020-07-31, 2020-07 or "
        "2020; NE for not estimated or NR for not reached",
    ),
    "level": "a number between 0 and 1, such as 0.95",
}


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


def _none_or(check: Callable[[str], str]) -> Callable[[str | None], str | None]:
    return lambda value: None if value is None else check(value)


def _split(value: Any) -> Any:
    return tuple(value.split()) if isinstance(value, str) else value


def _is_printed(value: str) -> str:
    version = re.fullmatch(r"\d+(\.\d+){2}", value, re.ASCII)
    if value in ("NE", "NR") or version or _is_date(value) or rounding.read(value):
        return value
    raise ValueError("neither a number nor a date")


def _is_date(value: str | None) -> bool:
    if not re.fullmatch(r"\d{4}(-\d\d){0,2}", value or "", re.ASCII):
        return False
    try:
        dt.date.fromisoformat(f"{value}-01-01"[:10])
    except ValueError:
        return False
    return True


def _is_count(value: Any) -> Any:
    # Python would also take 1_2, 12.0 and -12 for counts.
    if isinstance(value, str) and not re.fullmatch(r"\d{1,7}", value, re.ASCII):
        raise ValueError("not a count")
    return value


_Printed = Annotated[
    str | None, AfterValidator(_none_or(_is_printed)), BeforeValidator(_empty_is_none)
]
_Months = Annotated[float | None, Field(gt=0, allow_inf_nan=False)]
_Level = Annotated[float | None, Field(gt=0, lt=1), BeforeValidator(_empty_is_none)]
_Count = Annotated[
    int | None,
    BeforeValidator(_is_count),
    BeforeValidator(_empty_is_none),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Variable(_Part):
    """One recorded variable: a column of ``patients.csv``.

    Attributes
    ----------
    label : str
        What it is, in words.
    type : str
        ``integer`` and ``number`` hold numbers; ``text`` anything; ``category`` one of
        `values`; ``list`` several words with semicolons between, compared by membership.
    source : str
        Where the paper shows it; ``text`` alone if in no table.
    unit, note : str
        The unit of a number; what the coding leaves out or settles.
    values : mapping of str to str
        The codes of a category and what each means.
    minimum, maximum : float or None
        The least and the largest number that make sense.
    only_if : str
        A cohort query: who has a value at all. Empty for everyone.
    """

    label: str
    type: Literal["integer", "number", "text", "category", "list"]
    source: str
    unit: str = ""
    note: str = ""
    values: dict[str, str] = {}
    minimum: float | None = None
    maximum: float | None = None
    only_if: str = ""

    @property
    def is_number(self) -> bool:
        """Whether the variable has an order and arithmetic."""
        return self.type in ("integer", "number")

    @property
    def from_text(self) -> bool:
        """Whether it was read from the paper's text, so that it can't check that text."""
        return self.source == "text"


Event = Literal["response", "MRD negativity", "no response", "relapse", "transplant", "death"]

# Variables that say of a patient, by N, that something never happened to them.
_FLAGS = {
    "response": ("CRCFL",),
    "relapse": ("CRCFL", "RLPFL"),
    "transplant": ("HSCTFL",),
    "death": ("DTHFL",),
}


class Definition(_Part):
    """An endpoint definition: when the clock starts, what stops it, who counts.

    With `window_months` the endpoint is binary: whether an event comes within the window.
    Without, it is a time to the first event. A definition that contradicts itself is refused.

    Attributes
    ----------
    label : str
        The endpoint's name, for example ``overall survival``.
    printed : str
        The paper's own words for it, short; empty if it gives none.
    note : str
        What the paper leaves open and how it is settled here.
    origin : {'diagnosis', 'treatment', 'response', 'transplant'}
        Where the clock starts.
    events : tuple of str
        What counts as the event, of the closed list `Event`; the first to happen counts.
    competing : tuple of str
        Competing events, of the same list: whoever has one first can't have the event any more.
        A death that is neither an event nor competing censors.
    censor_at : tuple of {'transplant'}
        What censors although follow-up goes on.
    non_response : {'assessment', 'day 1'}
        When ``no response`` counts: when it is found, or dated back to the start of treatment.
    assessment_month : float or None
        Months after the start of treatment: whoever is followed until then without a response
        has ``no response``. None for those, and then, whose failure to respond was documented.
    population : str
        A cohort query; empty for everyone.
    cutoff_months : float or None
        Months after the origin at which follow-up is cut; None for no cut.
    window_months : float or None
        Months after the origin within which an event must come; None for a time to event.
    """

    label: str
    printed: str = Field(default="", max_length=_LONGEST_EXCERPT)
    note: str = ""
    origin: Literal["diagnosis", "treatment", "response", "transplant"]
    events: tuple[Event, ...]
    competing: tuple[Event, ...] = ()
    censor_at: tuple[Literal["transplant"], ...] = ()
    non_response: Literal["assessment", "day 1"] = "assessment"
    assessment_month: _Months = None
    population: str = ""
    cutoff_months: _Months = None
    window_months: _Months = None

    @field_validator("*")
    @classmethod
    def _agrees_with_what_stands_above(cls, value: Any, info: ValidationInfo) -> Any:
        for reason in _self_contradictions(str(info.field_name), value, info.data):
            raise ValueError(reason)
        return value


def _self_contradictions(name: str, value: Any, above: Mapping[str, Any]) -> Iterator[str]:
    """Say why a field of a definition can't be meant, given the fields before it."""
    if name != "events" and "events" not in above:
        return
    origin = above.get("origin")
    roles = {
        "an event": above.get("events", ()),
        "a competing event": above.get("competing", ()),
    }
    considered = {event for events in roles.values() for event in events}
    if name == "events" and not value:
        yield "there is none; right would be: at least one"
    if name in ("events", "competing", "censor_at"):
        for event in value:
            if value.count(event) > 1:
                yield f"{event!r} is named twice; right would be: once"
            if event == origin:
                yield f"the clock starts at the {origin}, so that can't stop it"
            for role, events in roles.items():
                if event in events:
                    yield f"{event!r} is {role} already; right would be: in one place only"
            if event == "no response" and origin in ("response", "transplant"):
                yield (
                    f"'no response' with the clock starting at the {origin}; right would be: the "
                    "origin 'treatment' or 'diagnosis'"
                )
    if "no response" not in considered and (
        (name == "non_response" and value == "day 1")
        or (name == "assessment_month" and value is not None)
    ):
        yield "it times 'no response'; right would be: 'no response' among events or competing"
    if name == "population" and _rules_out(value, origin):
        yield f"it leaves out whoever reaches the origin, the {origin}"
    if name == "population" and all(_rules_out(value, event) for event in above["events"]):
        yield "it leaves out whoever can have the event"
    found = above.get("assessment_month")
    if name in ("cutoff_months", "window_months") and value and found and found > value:
        yield "it ends before assessment_month, so 'no response' would never be found"
    if name == "window_months" and value is not None:
        for other in ("competing", "censor_at", "cutoff_months"):
            if above.get(other):
                yield f"a binary endpoint has no {other}; right would be: one of the two"
        if above.get("non_response") == "day 1":
            yield "a binary endpoint has no day; right would be: without non_response"


def _rules_out(population: str, happening: object) -> bool:
    """Whether a query plainly asks for patients to whom something never happened.

    Plainly: the whole query, or one of the parts that ``and`` joins, says so of the flag. What
    is hidden deeper isn't looked for. A query that can't be read is reported elsewhere.
    """
    if happening not in _FLAGS:
        return False
    try:
        tree = ast.parse(population.strip(), mode="eval").body
        joined = isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And)
        parts = {ast.unparse(part) for part in (ast.iter_child_nodes(tree) if joined else [tree])}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(
        f"{flag} == 'N'" in parts or f"{flag} != 'Y'" in parts for flag in _FLAGS[str(happening)]
    )


class Regimen(_Part):
    """A planned venetoclax schedule as a paper states it.

    Attributes
    ----------
    label : str
        The regimen's name.
    venetoclax_mg : int
        Target dose, mg a day.
    venetoclax_ramp_days : int
        The day on which the target dose is reached; 1 for no ramp.
    venetoclax_days : int
        Days of venetoclax in a cycle.
    cycle_days : int
        Days from one cycle to the next.
    """

    label: str
    venetoclax_mg: int = Field(gt=0)
    venetoclax_ramp_days: int = Field(ge=1)
    venetoclax_days: int = Field(ge=1)
    cycle_days: int = Field(ge=1)


class Assumption(_Part):
    """A number that a paper doesn't give and a figure cannot do without.

    Attributes
    ----------
    label, unit, why : str
        What is assumed, in which unit, and why it is needed.
    default, minimum, maximum : float
        The value used unless the reader changes it, and how far they may.
    """

    label: str
    unit: str
    why: str
    default: float
    minimum: float
    maximum: float


class Column(_Part):
    """One column of a printed table: its heading and the variable whose printed text it shows."""

    heading: str
    variable: str


class Table(_Part):
    """The layout of one printed table of patients.

    Attributes
    ----------
    caption : str
        What the table shows.
    columns : tuple of Column
        In printed order.
    footnote : str
        Abbreviations and notes below the table.
    """

    caption: str
    columns: tuple[Column, ...]
    footnote: str = ""


_Happening = Literal["response", "no response", "relapse", "transplant", "death"]


class Reading(_Part):
    """How a published number is read where its row leaves a choice.

    Attributes
    ----------
    why : str
        Why so.
    group : str
        The group that it is about, if not that of its row.
    endpoint : str
        The endpoint whose times it sums up, for a number that isn't named after one.
    method : {'', 'follow-up', 'reverse follow-up'}
        How a follow-up was measured.
    until_months : float or None
        Where a test of survival times stops counting events.
    better : str
        Of two groups that a log-rank test compares, the one that does better: its P value alone
        does not tell.
    """

    why: str
    group: str = ""
    endpoint: str = ""
    method: Literal["", "follow-up", "reverse follow-up"] = ""
    until_months: _Months = None
    better: str = ""


class Reconstruction(_Part):
    """What holds for every patient whom a paper doesn't show, and what isn't asked of them.

    Attributes
    ----------
    always : tuple of str
        Queries that are false for nobody: what the paper says of all patients in words.
    each : dict of str to tuple of str
        For a group of which a number is printed that holds for each of several groups: the
        queries of those.
    excluded : dict of str to str
        Ids of published numbers that the patients needn't have, each with the reason.
    assumed : dict of str to (int, int)
        By query, between how many patients it is taken to pick where the printed count
        contradicts itself and nothing else would hold it.
    history : dict of str to str
        Queries: to whom a response, no response, a relapse, a transplant, a death happens. A
        relapse or a death without a query happens to whomever the printed times say.
    filled : dict of {'relapse', 'death'} to str
        The yes/no variable that says whether it happened, where that follows from the printed
        times rather than from a query in `history`.
    by_day : dict of str to (str, int)
        Of a yes/no variable the endpoint and the day by which it says that it has come.
    days : dict of str to tuple of (int, int)
        Between which days from the start of treatment something happens.
    complete_months : float
        Up to when nobody is lost before an event, on each endpoint's clock: a choice where rates
        are counts over all patients.
    populations : dict of str to str
        Of an endpoint the query that says whom the paper's numbers are about, where that is not
        the population of its definition.
    read_as : dict of str to Reading
        By id, how a number is read that leaves a choice.
    median_rule : {'any', 'first'}
        How the paper reads a median off a curve that runs level at one half: so that every
        package agrees, or as the first time at which the curve is there.
    members_per_start : int
        How many members of an ensemble wander off from one cohort that has every number: more than
        one where finding it takes long.
    starts_per_search : int
        How many such cohorts come from one search: the first, and leaps from it.
    """

    always: tuple[str, ...] = ()
    each: dict[str, tuple[str, ...]] = {}
    excluded: dict[str, str] = {}
    assumed: dict[str, tuple[int, int]] = {}
    history: dict[_Happening, str] = {}
    filled: dict[Literal["relapse", "death"], str] = {}
    by_day: dict[str, tuple[str, int]] = {}
    days: dict[_Happening, tuple[int, int]] = {}
    complete_months: float = Field(default=0.0, ge=0)
    populations: dict[str, str] = {}
    read_as: dict[str, Reading] = {}
    median_rule: Literal["any", "first"] = "any"
    members_per_start: int = Field(default=1, ge=1)
    starts_per_search: int = Field(default=1, ge=1)


class PublishedNumber(_Part):
    """One quantity with everything that the paper prints about it.

    Attributes
    ----------
    id : str
        Unique in its paper.
    location : str
        Where a reader finds it.
    quantity : str
        What is counted or measured; a variable's name where it is one.
    group : str
        The group of patients: a name under ``[groups]`` in ``paper.toml``.
    statistic : str
        One of the closed list `Statistic`.
    printed : str
        Exactly what the paper shows.
    value, lower, upper : str or None
        The estimate and its limits or range: the digits as printed, an ISO date, ``NE`` for not
        estimated or ``NR`` for not reached.
    level : float or None
        The level of the interval, such as 0.95.
    count, total : int or None
        Numerator and denominator.
    unit : str
        Unit of the value.
    relates_to : tuple of str
        Ids of the numbers it is made from or tested against; ``|`` stands between alternatives.
    note : str
        Anything a reader of the catalogue must know.
    """

    id: str = Field(pattern=r"^[\w.-]+$")
    location: str = Field(min_length=1)
    quantity: str = Field(min_length=1)
    group: str = ""
    statistic: Statistic
    printed: str = Field(min_length=1)
    value: _Printed = None
    count: _Count = None
    total: _Count = None
    lower: _Printed = None
    upper: _Printed = None
    level: _Level = None
    unit: str = ""
    relates_to: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    note: str = ""


class Paper(_Part):
    """A paper as its folder describes it.

    Attributes
    ----------
    id : str
        The folder's name.
    title, short_title, kind, citation, doi, licence : str
        What it is and where to find it.
    patient_level : bool
        Whether the paper shows its patients one by one (then ``patients.csv`` holds them).
    variables : dict of str to Variable
        What is recorded, in the order of ``patients.csv``.
    groups : dict of str to str
        Named cohort queries.
    quantities : dict of str to str
        Of counted quantities the query that says whom they count; of those with a median the
        variable. ``*`` stands for a variable: ``"*_grade_3" = "* == 3"`` counts
        ``anemia_grade_3`` by the variable ``ANEMIA``.
    reconstruct : Reconstruction
        What else is known of every patient, and which counts are left out.
    endpoints : dict of str to Definition
        The endpoints that the paper defines.
    regimens : dict of str to Regimen
        The venetoclax schedules that it states.
    assumptions : dict of str to Assumption
        What it leaves out and a timeline needs.
    tables : dict of str to Table
        The layout of its tables of patients, by printed number.
    """

    id: str
    title: str
    short_title: str
    kind: Literal["letter", "article", "abstract", "registry record"]
    citation: str
    doi: str = ""
    licence: str = ""
    patient_level: bool = False
    variables: dict[str, Variable] = {}
    groups: dict[str, str] = {}
    quantities: dict[str, str] = {}
    reconstruct: Reconstruction = Reconstruction()
    endpoints: dict[str, Definition] = {}
    regimens: dict[str, Regimen] = {}
    assumptions: dict[str, Assumption] = {}
    tables: dict[str, Table] = {}

    @model_validator(mode="after")
    def _tables_show_variables(self) -> Paper:
        for number, table in self.tables.items():
            for column in table.columns:
                if column.variable not in self.variables:
                    raise ValueError(f"tables.{number} shows {column.variable!r}, not a variable")
        return self


def papers() -> list[str]:
    """Return the ids of all papers.

    Returns
    -------
    list of str
        The folders of ``data/`` that hold a ``paper.toml``, in alphabetical order.
    """
    return sorted(file.parent.name for file in (paths.root() / "data").glob("*/paper.toml"))


def load(paper: str) -> Paper:
    """Read and check ``paper.toml``.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    Paper

    Raises
    ------
    DataError
        If there is no such paper, or the file has faults.
    """
    file = paths.paper(paper) / "paper.toml"
    return _load(file, file.stat().st_mtime_ns)


@lru_cache
def _load(file: Path, _changed: int) -> Paper:
    where = f"data/{file.parent.name}/paper.toml"
    content = read_toml(file)
    try:
        found = Paper.model_validate(content)
    except pydantic.ValidationError as error:
        raise DataError("\n".join(_faults(error, where))) from None
    if found.id != file.parent.name:
        raise DataError(f"id is {found.id!r}", where=where, right=repr(file.parent.name))
    return found


def published(paper: str) -> list[PublishedNumber]:
    """Read and check ``published.csv``.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    list of PublishedNumber
        In the file's order.

    Raises
    ------
    DataError
        If the file is missing or has faults: an unknown statistic or group, a number that
        isn't one, an id used twice, a relation to an id that doesn't exist.
    """
    file = paths.paper(paper) / "published.csv"
    return list(_published(paper, file, paths.changed(file, file.with_name("paper.toml"))))


@lru_cache
def _published(paper: str, file: Path, _changed: tuple[int, ...]) -> tuple[PublishedNumber, ...]:
    where = f"data/{paper}/published.csv"
    numbers: list[PublishedNumber] = []
    faults: list[tuple[int, str]] = []
    groups: dict[str, str] | None = None
    try:
        groups = load(paper).groups
    except DataError as error:
        faults += [(0, fault) for fault in str(error).splitlines()]
    seen: dict[str, int] = {}
    lines: list[int] = []
    try:
        rows = read_rows(file, columns=tuple(PublishedNumber.model_fields))
    except DataError as error:
        raise DataError("\n".join([*(told for _, told in faults), str(error)])) from None
    for line, row in rows:
        here = f"{where}, line {line}"
        if row["id"] in seen:
            told = f"{_short(row['id'])} is the id of line {seen[row['id']]} too"
            faults.append((line, f"{here}, column id: {told}; right would be: an id of its own"))
        seen.setdefault(row["id"], line)
        try:
            number = PublishedNumber.model_validate(row)
        except pydantic.ValidationError as error:
            faults += [(line, fault) for fault in _row_faults(error, here)]
            continue
        numbers.append(number)
        lines.append(line)
        faults += [(line, f"{here}, {fault}") for fault in _contradictions(number)]
        if groups is not None and number.group and number.group not in groups:
            right = ", ".join(groups) or "(there is none yet)"
            told = f"no group {_short(number.group)} under [groups] in paper.toml"
            faults.append((line, f"{here}, column group: {told}; right would be: one of {right}"))
    for line, number in zip(lines, numbers, strict=True):
        here = f"{where}, line {line}, column relates_to: "
        for other in number.relates_to:
            if other == number.id and line == seen[other]:
                told = "it names its own row; right would be: ids of other rows"
                faults.append((line, here + told))
            elif other not in seen and other != "|":
                near = difflib.get_close_matches(other, seen, n=1)
                hint = f" (perhaps {near[0]})" if near else ""
                told = f"no number has the id {_short(other)}"
                right = f"ids from the column id{hint}, with spaces between"
                faults.append((line, f"{here}{told}; right would be: {right}"))
    if faults:
        # A relation is checked last, and told where its row stands.
        faults.sort(key=lambda fault: fault[0])
        raise DataError("\n".join(fault for _, fault in faults))
    return tuple(numbers)


def excerpts(paper: str) -> dict[str, str]:
    """Read and check ``excerpts.csv``.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    dict of str to str
        By the number's id, the few words of the paper in which it stands; in the file's order.

    Raises
    ------
    DataError
        If the file is missing or has faults: not exactly one excerpt for each published number,
        one longer than 160 characters, one that doesn't hold what is ``printed``.
    """
    file = paths.paper(paper) / "excerpts.csv"
    where = f"data/{paper}/excerpts.csv"
    rows = read_rows(file, columns=("id", "excerpt"))
    numbers = {each.id: each for each in published(paper)}
    found: dict[str, str] = {}
    seen: dict[str, int] = {}
    faults: list[str] = []
    for line, row in rows:
        id, excerpt = row["id"], row["excerpt"]
        here = f"{where}, line {line}"
        if id in seen:
            faults.append(
                f"{here}, column id: {_short(id)} has an excerpt on line {seen[id]}; "
                "right would be: one for each published number"
            )
        elif id not in numbers:
            faults.append(f"{here}, column id: published.csv has no number {_short(id)}")
        elif len(excerpt) > _LONGEST_EXCERPT:
            faults.append(
                f"{here}, column excerpt: {len(excerpt)} characters; "
                f"right would be: at most {_LONGEST_EXCERPT}"
            )
        elif one_spaced(numbers[id].printed) not in one_spaced(excerpt):
            faults.append(
                f"{here}, column excerpt: it doesn't hold what is printed; right would be: words "
                f"of the paper with {_short(numbers[id].printed)} among them"
            )
        seen.setdefault(id, line)
        found[id] = excerpt
    faults += [
        f"{where}: no excerpt for {id!r}; right would be: a row with the words in which it stands"
        for id in numbers
        if id not in seen
    ]
    if faults:
        raise DataError("\n".join(faults))
    return found


def one_spaced(text: str) -> str:
    """Return a text with one space wherever it has spaces, tabs or line breaks.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    str
    """
    return " ".join(text.split())


def number(paper: str, id: str) -> PublishedNumber:
    """Return one published number.

    Parameters
    ----------
    paper : str
        The paper's id.
    id : str
        The number's id.

    Returns
    -------
    PublishedNumber

    Raises
    ------
    DataError
        If there is no such number.
    """
    for each in published(paper):
        if each.id == id:
            return each
    raise DataError(f"no number {id!r}", where=f"data/{paper}/published.csv")


def table_layout(paper: str, number: str) -> Table:
    """Return the layout of one of a paper's tables of patients.

    Parameters
    ----------
    paper : str
        The paper's id.
    number : str
        The table's number in the paper.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        If ``paper.toml`` has no such table.
    """
    tables = load(paper).tables
    if number not in tables:
        raise DataError(
            f"no table {number!r}", where=f"data/{paper}/paper.toml", right=", ".join(tables)
        )
    return tables[number]


def read_toml(file: Path) -> dict[str, Any]:
    """Read a TOML file of a paper folder.

    Parameters
    ----------
    file : pathlib.Path
        The file.

    Returns
    -------
    dict of str to Any

    Raises
    ------
    DataError
        If `read_text` can't read it or it isn't TOML.
    """
    try:
        return tomllib.loads(read_text(file))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DataError(
            f"not valid TOML: {error}",
            where=f"data/{file.parent.name}/{file.name}",
            right='lines such as name = "text in quotes" below a [heading] in brackets',
        ) from None


def read_text(file: Path, *, where: str = "") -> str:
    """Read a file of a paper folder, or the text that belongs to one, as UTF-8.

    Parameters
    ----------
    file : pathlib.Path
        The file.
    where : str, optional
        What messages call it; by default its place in a paper's folder.

    Returns
    -------
    str

    Raises
    ------
    DataError
        If it is missing, larger than 5 MB or not UTF-8.
    """
    where = where or f"data/{file.parent.name}/{file.name}"
    if not file.is_file():
        raise DataError("there is no such file", where=where)
    if file.stat().st_size > _LARGEST:
        raise DataError(
            f"the file has {file.stat().st_size:,} bytes",
            where=where,
            right=f"at most {_LARGEST:,}; is it the file you meant?",
        )
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=where) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"not UTF-8 text (line {line})",
            where=where,
            right="a file saved as 'CSV UTF-8' or 'UTF-8'",
        ) from None


def read_rows(
    file: Path, *, columns: Sequence[str] | None = None
) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file of a paper folder.

    Parameters
    ----------
    file : pathlib.Path
        The file; its first line names the columns.
    columns : sequence of str, optional
        The columns that it must have, in any order.

    Returns
    -------
    list of (int, dict of str to str)
        The line on which each row ends and its cells, space at the ends removed.

    Raises
    ------
    DataError
        As `read_text`, and if the columns are others, or a row has more or fewer cells than
        there are columns.
    """
    where = f"data/{file.parent.name}/{file.name}"
    reader = csv.reader(read_text(file).splitlines(keepends=True))
    header = [name.strip() for name in next(_cells(reader, where), [])]
    if columns is not None and sorted(header) != sorted(columns):
        raise DataError(_wrong_columns(header, columns), where=f"{where}, line 1")
    rows = []
    faults = []
    for cells in _cells(reader, where):
        if not any(cells):
            continue
        if len(cells) != len(header):
            faults.append(
                f"{where}, line {reader.line_num}: {len(cells)} cells; right would be: "
                f"{len(header)}, one for each column; text with a comma stands in quotes"
            )
            continue
        values = (cell.strip() for cell in cells)
        rows.append((reader.line_num, dict(zip(header, values, strict=True))))
    if faults:
        raise DataError("\n".join(faults))
    return rows


def _wrong_columns(header: list[str], columns: Sequence[str]) -> str:
    right = f"right would be: {','.join(columns)}"
    if len(header) < len(columns) and any(mark in name for mark in ";\t" for name in header):
        return f"the cells are separated by semicolons or tabs; right would be: commas, {right}"
    missing = [name for name in columns if name not in header]
    other = [name for name in header if name not in columns or header.count(name) > 1]
    told = [f"no column {', '.join(missing)}"] if missing else []
    told += [f"a column too many, {_short(other[0])}"] if other else []
    return f"{' and '.join(told)}; {right}"


def _cells(reader: Any, where: str) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise DataError(
            str(error),
            where=f"{where}, line {reader.line_num}",
            right="every quote closed again, and no cell longer than the paper",
        ) from None


def _row_faults(error: pydantic.ValidationError, where: str) -> list[str]:
    faults = []
    for fault in error.errors():
        column = str(fault["loc"][0])
        given = f"given {_short(fault['input'])}" if fault["input"] else "it is empty"
        right = _RIGHT.get(column, "what the paper shows")
        faults.append(f"{where}, column {column}: {given}; right would be: {right}")
    return faults


def _contradictions(number: PublishedNumber) -> Iterator[str]:
    """Say where a row's cells can't all be meant."""
    given = {name: getattr(number, name) for name in ("value", "lower", "upper")}
    for name, text in given.items():
        if number.statistic == "date" and text is not None and not _is_date(text):
            yield (
                f"column {name}: given {text!r} for a date; "
                "right would be: 2020-07-31, 2020-07 or 2020"
            )
        if number.statistic != "date" and text is not None and "-" in text[1:]:
            yield (
                f"column {name}: given {text!r} for a {number.statistic}; right would be: "
                "a number, or 'date' in the column statistic"
            )
    if number.count is not None and number.total is not None and number.count > number.total:
        yield (
            f"column count: {number.count} of {number.total} is more than all; right would be: "
            "what the paper prints; if it does print that, leave total empty and say so in note"
        )
    for name in ("count", "total"):
        count = getattr(number, name)
        percent = rf"(?<![\d.,]){count}\s*(%|per ?cent)"
        if (
            count is not None
            and number.value is None
            and re.search(percent, number.printed)
            and not re.search(rf"(?<![\d.,%]){count}(?![\d.,]|\s*(%|per ?cent))", number.printed)
        ):
            yield (
                f"column {name}: given {count}, which is printed as a percentage "
                f"({_short(number.printed)}); right would be: {count} in the column value, and "
                "here the number of patients, if that is printed"
            )


def _short(value: object) -> str:
    """Quote what was given, in one line and not all of it where it is long."""
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _faults(error: pydantic.ValidationError, where: str) -> list[str]:
    return [
        f"{where}, {'.'.join(str(part) for part in fault['loc']) or 'the whole'}: "
        f"{fault['msg']} (given: {str(fault['input'])[:60]!r})"
        for fault in error.errors()
    ]
