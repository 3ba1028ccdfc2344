"""Whether reconstructed cohorts have what the paper printed, worked out by other means.

The search for cohorts counts, estimates and tests with code of its own, made for speed. Here every
published number is recomputed from the finished patients by another path: counts by pandas and
`helpers.query`, survival by lifelines and scipy, competing risks by `helpers.survival`, whose
values are those of R. What a quantity means is looked up again, too: a misreading there would
otherwise confirm itself.

`verify` does it for any cohorts and `broken` looks for records that contradict themselves. `proof`
is the result of both, kept in the cohorts' file; from there `satisfied` tells at once which numbers
all stored cohorts have.
"""

from __future__ import annotations

import ast
import hashlib
import json
import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import association, audit, catalogue, endpoints, paths, proportions, query, rounding
from helpers.audit.evidence import COUNTS, quoted
from helpers.catalogue import Definition, PublishedNumber, Reading
from helpers.errors import KitError
from helpers.query import Query
from helpers.reconstruct import ensemble
from helpers.survival import ConfType

COLUMNS = (
    "id",
    "printed",
    "status",
    "reason",
    "method",
    "members_agreeing",
    "members",
    "lowest",
    "highest",
    "missed_by",
)
"""The columns of what `verify` returns."""

STATUSES = {
    "required": "every cohort must have it",
    "left out": "not asked of the cohorts; the reason says why",
    "not about patients": "no patient's record decides it",
}
"""What can become of a published number."""

DAYS_PER_MONTH = audit.DAYS_PER_MONTH

Flags = NDArray[np.bool_]
_Parts = dict[str, tuple[float, ...]]

_HISTORY = {
    "response": "RSPM",
    "no response": "NRSPM",
    "relapse": "RLPM",
    "transplant": "HSCTM",
    "death": "DTHM",
}
_LAST = "LSTALVM"
_PARTS = ("count", "total", "value", "lower", "upper")
_TIMED = ("survival_ci", "cumulative_incidence_ci", "median_time_ci")
# How many of each unit a month has.
_PER_MONTH = {
    "day": DAYS_PER_MONTH,
    "days": DAYS_PER_MONTH,
    "weeks": DAYS_PER_MONTH / 7,
    "months": 1.0,
    "years": 1 / 12,
}
# SPSS and Stata (weibull, type 6) and numpy and R (linear, type 7) must print the same.
_QUANTILES: tuple[Literal["linear", "weibull"], ...] = ("linear", "weibull")
_ENDS = {"median_iqr": (0.25, 0.75), "median_range": (0.0, 1.0)}
_SCALES: tuple[ConfType, ...] = get_args(ConfType)
# A curve is at one half if it is that near: R's tolerance in reading off a median.
_NEAR = 1.5e-8
_NAMED = 5


def verify(paper: str, members: pd.DataFrame) -> pd.DataFrame:
    """Recompute every published number of a paper from reconstructed cohorts.

    Parameters
    ----------
    paper : str
        The paper's id.
    members : pandas.DataFrame
        One row per patient and cohort: ``member``, the paper's variables, and the event history
        in months from the start of treatment (``RSPM, NRSPM, RLPM, HSCTM, DTHM, LSTALVM``; NaN
        where it did not happen).

    Returns
    -------
    pandas.DataFrame
        The columns `COLUMNS`, one row per published number, in the paper's order. ``status`` is a
        key of `STATUSES`. ``members_agreeing`` of ``members`` cohorts print it. ``lowest`` and
        ``highest`` show each of its parts as low and as high as any cohort has it. They are
        empty where it can't be recomputed; what is left out is recomputed where it can be.
        ``missed_by`` names some cohorts that don't print it.

    Raises
    ------
    DataError
        If the paper's folder has faults.
    KitError
        If the table lacks columns.

    Notes
    -----
    A cohort prints a number if each of its parts, rounded half up or half to even, has the
    printed digits. A limit or a P value may also be rounded twice where the ledger shows that the
    paper does so, and a limit of a cumulative incidence always.

    A median or a quartile must come out by each of the usual definitions; see
    `helpers.reconstruct.counts.constraints`. The median of a curve that runs level at one half is
    the start of that stretch for some programs and its middle for others; both must print it,
    unless the paper's ``median_rule`` is ``first``. A rate at a time after the last one observed
    is unknown, unless nobody is left.

    References
    ----------
    Kalbfleisch JD, Prentice RL. The Statistical Analysis of Failure Time Data. 2nd ed. 2002.
    """
    reader = _Reader(paper)
    cohorts = _Cohorts(paper, members)
    rows = []
    for number in reader.book.numbers:
        status, reason = reader.status(number)
        question = None
        if status != "not about patients":
            try:
                question = reader.question(number)
            except _Unclear as unclear:
                # What can't be recomputed can't be required either.
                status = "left out"
                reason = reason or str(unclear)
        row: dict[str, Any] = {
            "id": number.id,
            "printed": number.printed,
            "status": status,
            "reason": reason,
            "method": "",
            "members_agreeing": pd.NA,
            "members": len(cohorts.labels),
            "lowest": "",
            "highest": "",
            "missed_by": "",
        }
        if question is not None:
            row |= _compared(number, question, cohorts)
        rows.append(row)
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    return found.astype({"members_agreeing": "Int64"})


def missed(found: pd.DataFrame) -> pd.DataFrame:
    """Return the required numbers that some cohort doesn't have.

    Parameters
    ----------
    found : pandas.DataFrame
        What `verify` returned.

    Returns
    -------
    pandas.DataFrame
        Its rows for them.
    """
    short = found["members_agreeing"].fillna(-1) < found["members"]
    return found[(found["status"] == "required") & short]


def broken(paper: str, members: pd.DataFrame) -> pd.DataFrame:
    """Find patients whose record contradicts itself or what the paper says of all.

    Parameters
    ----------
    paper : str
        The paper's id.
    members : pandas.DataFrame
        As `verify` takes it.

    Returns
    -------
    pandas.DataFrame
        ``member``, ``row`` (the patient's place in that cohort, from 0) and ``rule``, one row per
        patient and rule that the record breaks; empty if all is well.

    Raises
    ------
    DataError
        If the paper's folder has faults.
    KitError
        If the table lacks columns.
    """
    cohorts = _Cohorts(paper, members)
    place = np.concatenate([np.arange(rows.stop - rows.start) for rows in cohorts.rows])
    labels = cohorts.table["member"].to_numpy()
    found = [
        {"member": labels[row], "row": int(place[row]), "rule": rule}
        for rule, breaks in _rules(cohorts)
        for row in np.flatnonzero(breaks)
    ]
    return pd.DataFrame(found, columns=["member", "row", "rule"])


def proof(paper: str, members: pd.DataFrame) -> dict[bytes, bytes]:
    """Prove that cohorts have what their paper printed, for the file that keeps them.

    Parameters
    ----------
    paper : str
        The paper's id.
    members : pandas.DataFrame
        As `verify` takes it.

    Returns
    -------
    dict of bytes to bytes
        What to add to the metadata of the cohorts' Parquet file; `satisfied` reads it.

    Raises
    ------
    DataError
        If the paper's folder has faults.
    KitError
        If a patient's record contradicts itself or a cohort lacks a required number.
    """
    wrong = broken(paper, members)
    if len(wrong):
        first = wrong.iloc[0]
        raise KitError(
            f"{len(wrong)} contradictions in the patients' records; in cohort {first['member']}, "
            f"patient {first['row']}: {first['rule']}",
            where=paper,
        )
    found = verify(paper, members)
    lacking = missed(found)
    if len(lacking):
        raise KitError(f"not every cohort has {', '.join(lacking['id'])}", where=paper)
    told = {"of": _fingerprint(paper), "met": met(found)}
    return {_PROOF: json.dumps(told, ensure_ascii=False).encode()}


def met(found: pd.DataFrame) -> dict[str, str]:
    """Return the published numbers that all cohorts have.

    Parameters
    ----------
    found : pandas.DataFrame
        What `verify` returned.

    Returns
    -------
    dict of str to str
        By id what the cohorts give and by which method, in words.
    """
    return {
        row["id"]: f"{' to '.join(dict.fromkeys((row['lowest'], row['highest'])))} in each of "
        f"{row['members']} cohorts: {row['method']}"
        for row in found[found["members_agreeing"] == found["members"]].to_dict("records")
    }


def satisfied(paper: str) -> dict[str, str]:
    """Return the published numbers that all of a paper's stored cohorts have.

    Parameters
    ----------
    paper : str
        The paper's id.

    Returns
    -------
    dict of str to str
        As `met`, of the stored cohorts. Empty if there are none, if they are stored without
        proof, or if the paper's description or numbers have changed since.

    Raises
    ------
    DataError
        If there is no such paper or its folder has faults.

    Notes
    -----
    It reads what `proof` found when the cohorts were stored and computes nothing.
    """
    place = ensemble.file(paper)
    if not place.is_file():
        return {}
    sources = (place, *(place.with_name(name) for name in ("paper.toml", "published.csv")))
    return dict(_satisfied(paper, place, paths.changed(*sources)))


_PROOF = b"trial_by_notebook: verified"


@lru_cache(maxsize=16)
def _satisfied(paper: str, place: Path, _changed: tuple[int, ...]) -> dict[str, str]:
    from pyarrow import parquet

    metadata = parquet.read_schema(place).metadata or {}
    told = json.loads(metadata.get(_PROOF, b"{}"))
    return dict(told["met"]) if told.get("of") == _fingerprint(paper) else {}


def _fingerprint(paper: str) -> str:
    """Digest all that decides which numbers are asked of cohorts and what they mean."""
    described = catalogue.load(paper)
    asked = {"variables", "groups", "quantities", "reconstruct", "endpoints"}
    # How members are made says nothing of what is asked of them.
    making = {"reconstruct": {"members_per_start"}}
    text = described.model_dump_json(include=asked, exclude=making) + "".join(
        number.model_dump_json(exclude={"note"}) for number in catalogue.published(paper)
    )
    return hashlib.sha256(text.encode()).hexdigest()


# --- cohorts ---------------------------------------------------------------------------------


class _Cohorts:
    """All cohorts of a paper in one table, so that a query is carried out once."""

    def __init__(self, paper: str, members: pd.DataFrame) -> None:
        self.described = catalogue.load(paper)
        plan = self.described.reconstruct
        used = [
            _HISTORY[name]
            for name in {
                *plan.history,
                *(
                    event
                    for each in self.described.endpoints.values()
                    for event in (*each.events, *each.competing)
                ),
            }
            if name in _HISTORY
        ]
        lacking = sorted({"member", _LAST, *used} - set(members.columns))
        if lacking or not len(members):
            raise KitError(
                f"no {', '.join(lacking) or 'patients'}",
                where="reconstructed cohorts",
                right="a row per patient and cohort, with the paper's variables and the history",
            )
        self.table = members.sort_values("member", kind="stable").reset_index(drop=True)
        labels, starts = np.unique(self.table["member"].to_numpy(), return_index=True)
        self.labels = labels.tolist()
        ends = [*starts[1:].tolist(), len(self.table)]
        self.rows = [slice(*pair) for pair in zip(starts.tolist(), ends, strict=True)]
        self.members = [_Member(self, rows) for rows in self.rows]
        self.history = self.table[
            [name for name in self.table if name in (*_HISTORY.values(), _LAST, "DIAGM", "MRDNEGM")]
        ].assign(TRTM=0.0)
        self._masks: dict[str, Flags] = {}
        self._observed: dict[str, tuple[NDArray[np.float64], NDArray[np.int8], Flags]] = {}
        # A variable that says whether something came by a day is taken from the history, so that
        # the numbers which count it are numbers of the history.
        self.said: dict[str, pd.Series] = {}
        for name, (endpoint, day) in plan.by_day.items():
            if name in self.table:
                time, code, _ = self.observed(self.described.endpoints[endpoint])
                came = (code == 1) & (time <= day / DAYS_PER_MONTH + 1e-9)
                self.said[name] = self.table[name]
                self.table[name] = np.where(came, "Y", "N")

    def mask(self, text: str) -> Flags:
        """Say whom a query picks."""
        if text not in self._masks:
            asked = query.parse(text, self.described.variables)
            self._masks[text] = self.mask_of(asked)
        return self._masks[text]

    def mask_of(self, asked: Query) -> Flags:
        """Say whom a parsed query picks."""
        lacking = sorted(asked.names() - set(self.table.columns))
        if lacking:
            raise KitError(f"no {', '.join(lacking)}", where="reconstructed cohorts")
        return np.asarray(asked.mask(self.table), dtype=bool)

    def observed(
        self, definition: Definition
    ) -> tuple[NDArray[np.float64], NDArray[np.int8], Flags]:
        """Apply an endpoint definition to everyone: time, code, who is included."""
        key = definition.model_dump_json()
        if key not in self._observed:
            found = endpoints.observe(self.history, definition)
            self._observed[key] = (found.time, found.code, found.included)
        return self._observed[key]


class _Member:
    """One cohort, with its curves drawn once."""

    def __init__(self, cohorts: _Cohorts, rows: slice) -> None:
        self.cohorts = cohorts
        self.rows = rows
        self._curves: dict[tuple[Any, ...], _Curve] = {}

    def picked(self, texts: Iterable[str]) -> Flags:
        """Say which patients all of several queries pick."""
        masks = [self.cohorts.mask(text)[self.rows] for text in texts]
        return np.asarray(np.logical_and.reduce(masks), dtype=bool)

    def count(self, *texts: str) -> int:
        """Count the patients whom all of several queries pick."""
        return int(self.picked(texts).sum())

    def column(self, name: str) -> pd.Series:
        """Return one variable."""
        if name not in self.cohorts.table:
            raise KitError(f"no {name}", where="reconstructed cohorts")
        return self.cohorts.table[name].iloc[self.rows]

    def times(
        self, definition: Definition, texts: Iterable[str]
    ) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
        """Return time and code of those patients of a group who have a clock."""
        time, code, included = self.cohorts.observed(definition)
        who = self.picked(texts) & included[self.rows]
        return time[self.rows][who], code[self.rows][who]

    def curve(
        self,
        definition: Definition,
        texts: tuple[str, ...],
        scale: ConfType,
        level: float,
        *,
        reverse: bool = False,
    ) -> _Curve:
        """Draw a Kaplan-Meier curve; in reverse, of being followed."""
        key = (definition.model_dump_json(), texts, scale, level, reverse)
        if key not in self._curves:
            time, code = self.times(definition, texts)
            event = code == 0 if reverse else code == 1
            self._curves[key] = _drawn(time, event, scale, level)
        return self._curves[key]


@dataclass(frozen=True, eq=False)
class _Curve:
    """A Kaplan-Meier curve: what it and its limits are from each time on."""

    time: NDArray[np.float64]
    height: dict[str, NDArray[np.float64]]

    def at(self, months: float) -> _Parts:
        """Read the curve at a time, in percent."""
        if not len(self.time):
            return dict.fromkeys(self.height, (math.nan,))
        step = int(np.searchsorted(self.time, months + 1e-9, side="right")) - 1
        survival = self.height["value"][step]
        if self.time[-1] < months - 1e-9 and survival > _NEAR:
            return dict.fromkeys(self.height, (math.nan,))
        return {name: (100 * float(each[step]),) for name, each in self.height.items()}

    def when(self, share: float, *, rule: str) -> _Parts:
        """Read off when a share has had the event, in months; inf for never."""
        return {name: self._when(each, 1 - share, rule=rule) for name, each in self.height.items()}

    def _when(self, height: NDArray[np.float64], level: float, *, rule: str) -> tuple[float, ...]:
        down = np.flatnonzero(height < level + _NEAR)  # never where it is nan
        if not len(down):
            return (math.inf,)
        first = down[0]
        start = float(self.time[first])
        later = down[height[down] < height[first] - 1e-12]
        if rule == "first" or height[first] < level - _NEAR or not len(later):
            return (start,)
        return (start, (start + float(self.time[later[0]])) / 2)


def _drawn(time: NDArray[np.float64], event: Flags, scale: ConfType, level: float) -> _Curve:
    if not len(time):
        return _Curve(time, dict.fromkeys(("value", "lower", "upper"), time))
    if scale != "log-log":
        # lifelines knows this one scale only.
        from helpers.survival import kaplan_meier

        table = kaplan_meier(time, event, level=level, conf_type=scale).curve
        names = {"value": "survival", "lower": "lower", "upper": "upper"}
        return _Curve(
            table["time"].to_numpy(float),
            {part: table[name].to_numpy(float) for part, name in names.items()},
        )
    from lifelines import KaplanMeierFitter

    fitted = KaplanMeierFitter(alpha=1 - level).fit(time, event)
    survival = fitted.survival_function_.iloc[:, 0]
    limits = fitted.confidence_interval_.to_numpy(float)
    # Where everyone or nobody survives the method has no limits; lifelines repeats the estimate.
    limits[(survival >= 1 - 1e-12) | (survival <= 1e-12)] = math.nan
    return _Curve(
        survival.index.to_numpy(float),
        {"value": survival.to_numpy(float), "lower": limits[:, 0], "upper": limits[:, 1]},
    )


# --- rules of a record -----------------------------------------------------------------------


def _rules(cohorts: _Cohorts) -> Iterator[tuple[str, Flags]]:
    """Yield in words what must hold, and for whom it doesn't."""
    described, table = cohorts.described, cohorts.table
    plan = described.reconstruct
    for text in (*plan.always, described.groups.get("all", "")):
        tree = query.parse(text, described.variables).tree
        if tree is not None:
            # What is unknown breaks no rule.
            yield text, cohorts.mask_of(Query(text, ast.UnaryOp(ast.Not(), tree)))
    for name, variable in described.variables.items():
        if name not in table:
            continue
        given = table[name].notna().to_numpy(bool)
        if variable.only_if:
            yield (
                f"{name} is there only if {variable.only_if}",
                given != cohorts.mask(variable.only_if),
            )
        else:
            yield f"{name} is there", ~given
        if variable.values:
            right = table[name].isin(list(variable.values)).to_numpy(bool)
            yield f"{name} is one of {', '.join(variable.values)}", given & ~right
        if variable.is_number:
            values = table[name].to_numpy(float)
            for bound, outside in (
                (variable.minimum, np.less),
                (variable.maximum, np.greater),
            ):
                if bound is not None:
                    side = "least" if outside is np.less else "most"
                    yield f"{name} is at {side} {bound:g}", given & outside(values, bound)
    yield from _rules_of_history(cohorts)
    for name, flags in cohorts.said.items():
        endpoint, day = plan.by_day[name]
        yield (
            f"{name} says whether {endpoint} came by day {day}",
            (flags != table[name]).to_numpy(bool),
        )


def _rules_of_history(cohorts: _Cohorts) -> Iterator[tuple[str, Flags]]:
    described, table = cohorts.described, cohorts.table
    plan = described.reconstruct
    month = {
        name: table[column].to_numpy(float) for name, column in _HISTORY.items() if column in table
    }
    last = table[_LAST].to_numpy(float)
    yield f"{_LAST} is there", ~(last >= 0)
    for name, text in plan.history.items():
        happened = ~np.isnan(month[name])
        yield f"{_HISTORY[name]} is there only if {text}", happened != cohorts.mask(text)
    for event, times in month.items():
        yield f"{_HISTORY[event]} lies in the time of observation", (times < 0) | (times > last)
    never = np.full(len(table), math.nan)
    response, relapse, death = (month.get(name, never) for name in ("response", "relapse", "death"))
    yield "nobody is observed beyond death", death < last
    yield (
        "a relapse comes after a response",
        ~np.isnan(relapse) & ~(relapse > response),
    )
    for name, (least, most) in plan.days.items():
        days = np.round(month[name] * DAYS_PER_MONTH, 6)
        outside = (days < least) | (days > most)
        yield f"{_HISTORY[name]} lies between the days {least} and {most}", outside


# --- what a number asks ----------------------------------------------------------------------


class _Unclear(Exception):
    """A number that patients can't be asked for; the text says why."""


@dataclass(frozen=True, eq=False)
class _Question:
    """How a published number is recomputed.

    ``parts`` gives by the name of a column of ``published.csv`` all values that must print it.
    """

    method: str
    parts: Callable[[_Member], _Parts]
    twice: tuple[str, ...] = ()
    factor: float = 1.0


class _Reader:
    """Reads a paper's numbers one by one and says how each is recomputed."""

    def __init__(self, paper: str) -> None:
        self.described = catalogue.load(paper)
        self.plan = self.described.reconstruct
        self.book = audit.book(paper)
        self.ledger = audit.ledger(paper).set_index("id")
        self.interval = _best(audit.interval_scores(self.book), "clopper_pearson")
        self.test = _best(audit.test_scores(self.book), "chi2")
        named = [scale for id in self.ledger.index for scale in self.scales(id)]
        self.scale: ConfType = max(_SCALES, key=named.count) if named else "log-log"

    def status(self, number: PublishedNumber) -> tuple[str, str]:
        """Say whether a number is asked of the cohorts, and why not."""
        if quoted(number):
            return "not about patients", "quoted from another study"
        if number.id in self.plan.excluded:
            return "left out", self.plan.excluded[number.id]
        reading = self.plan.read_as.get(number.id)
        if number.statistic == "duration" and reading is not None and reading.endpoint:
            return "required", ""
        if number.statistic in ("dose", "duration", "date"):
            return "not about patients", f"a {number.statistic} of the paper's own text"
        if not number.group and number.statistic not in ("p_value", "hazard_ratio_ci"):
            return "not about patients", "printed of no group"
        row = self.ledger.loc[number.id]
        if row["verdict"] == "inconsistent" and number.id not in self.plan.read_as:
            return "left out", f"inconsistent: {row['reason']}"
        return "required", ""

    def question(self, number: PublishedNumber) -> _Question:
        """Return how a number is recomputed, or raise `_Unclear`."""
        try:
            if number.statistic in COUNTS:
                return self.counted(number)
            if number.statistic == "threshold":
                return self.limited(number)
            if number.statistic in ("survival_ci", "cumulative_incidence_ci"):
                return self.rate(number)
            if number.statistic == "median_time_ci":
                return self.median_time(number)
            if number.statistic in _ENDS:
                return self.quantiles(number)
            if number.statistic == "duration":
                return self.follow_up(number)
            if number.statistic == "p_value":
                return self.p_value(number)
            return self.ratio(number)
        except KitError as error:
            raise _Unclear(str(error)) from None

    # --- how the ledger says that the paper computed ---

    def proof(self, id: str) -> str:
        """Return the method by which the ledger reproduced a number; empty if it did not."""
        row = self.ledger.loc[id]
        return str(row["method"]) if row["verdict"] == "reproduced" else ""

    def scales(self, id: str) -> list[ConfType]:
        """Name the scales of the intervals in the ledger's method."""
        return [each for each in _SCALES if f", {each} interval" in self.proof(id)]

    def scale_of(self, number: PublishedNumber) -> ConfType:
        return next(iter(self.scales(number.id)), self.scale)

    def twice(self, number: PublishedNumber, *parts: str) -> tuple[str, ...]:
        return parts if "rounded twice" in self.proof(number.id) else ()

    def named(self, number: PublishedNumber, methods: Mapping[str, Any], usual: str) -> str:
        """Return the key of the method that the ledger found behind a number, else the usual."""
        told = self.proof(number.id).split("; ")
        for key, method in methods.items():
            if any(re.match(rf"{re.escape(method.name)}($|, rounded| of )", one) for one in told):
                return key
        return usual

    # --- whom and what a number is about ---

    def whom(self, quantity: str) -> str:
        """Return the query that says whom a quantity counts."""
        described = self.described
        if quantity == "patients":
            return ""
        for known in (described.groups, described.quantities):
            if quantity in known:
                return known[quantity]
        for pattern, text in described.quantities.items():
            if "*" in pattern:
                for name in described.variables:
                    if pattern.replace("*", name.lower()) == quantity:
                        return text.replace("*", name)
        name = quantity.upper()
        if name in described.variables and "Y" in described.variables[name].values:
            return f"{name} == 'Y'"
        raise _Unclear(f"paper.toml doesn't say whom {quantity} counts")

    def group(self, name: str) -> str:
        if name not in self.described.groups:
            raise _Unclear(f"no group {name!r}")
        return self.described.groups[name]

    def reading(self, number: PublishedNumber) -> Reading | None:
        """Return how a number is read: as it says itself, or its repetition elsewhere."""
        same = self.book.alike[number.quantity, number.group]
        for each in (number, *(other for other in same if other.value == number.value)):
            if each.id in self.plan.read_as:
                return self.plan.read_as[each.id]
        return None

    def endpoint(self, quantity: str) -> str:
        names = [each for each in self.described.endpoints if quantity.startswith(f"{each}_")]
        if not names:
            raise _Unclear(f"paper.toml defines no endpoint for {quantity}")
        return self.recorded(max(names, key=len))

    def recorded(self, name: str) -> str:
        """Return an endpoint's name if the cohorts' histories hold what it needs."""
        if name not in self.described.endpoints:
            raise _Unclear(f"paper.toml defines no endpoint {name!r}")
        definition = self.described.endpoints[name]
        if definition.window_months is not None:
            raise _Unclear(f"{name} is a binary endpoint, which has no times")
        needed = (definition.origin, *definition.events, *definition.competing)
        lacking = [each for each in needed if each not in (*_HISTORY, "treatment")]
        if lacking:
            raise _Unclear(f"the cohorts' histories don't hold the {lacking[0]}")
        return name

    def patients(self, number: PublishedNumber, endpoint: str) -> tuple[str, ...]:
        """Return the queries that say whose times a number is about."""
        reading = self.reading(number)
        if reading is not None and reading.group:
            return (self.group(reading.group),)
        usual = self.described.endpoints[endpoint].population
        population = self.plan.populations.get(endpoint, usual)
        return (self.group(number.group), population)

    def months(self, number: PublishedNumber) -> float:
        unit = number.unit or "months"
        if unit not in _PER_MONTH:
            raise _Unclear(f"{unit!r} is no unit of time")
        return _PER_MONTH[unit]

    # --- one function for each statistic ---

    def counted(self, number: PublishedNumber) -> _Question:
        group, whom = self.group(number.group), self.whom(number.quantity)
        if number.count is None and number.value is None:
            raise _Unclear("neither a count nor a percentage is printed")
        share = number.statistic != "number" or number.unit == "%"
        limits = number.lower is not None or number.upper is not None
        key = self.named(number, proportions.METHODS, self.interval)
        level = number.level or 0.95

        def parts(member: _Member) -> _Parts:
            total, count = member.count(group), member.count(group, whom)
            percent = 100 * count / total if total else math.nan
            found: _Parts = {
                "count": (count,),
                "total": (total,),
                "value": (percent if share else count,),
            }
            if limits and total:
                whole = member.count(self.described.groups.get("all", ""))
                ends = proportions.proportion(
                    count, total, level=level, method=key, whole=max(whole, total)
                )
                found |= {"lower": (100 * ends.lower,), "upper": (100 * ends.upper,)}
            return found

        method = f"count, {proportions.METHODS[key].name} interval" if limits else "count"
        return _Question(method, parts, self.twice(number, "lower", "upper"))

    def limited(self, number: PublishedNumber) -> _Question:
        stem, _, side = number.quantity.rpartition("_")
        digits = rounding.read(number.value or "")
        if side not in ("above", "below") or digits is None:
            raise _Unclear("a threshold of the paper's own text")
        if stem == "follow_up":
            asked = self.follow_up(number.model_copy(update={"quantity": stem}))
            return _Question(f"median of {asked.method}", asked.parts, factor=asked.factor)
        texts = self.plan.each.get(number.group, (self.group(number.group),))
        whom = self.whom(stem)

        def parts(member: _Member) -> _Parts:
            sizes = [(member.count(text), member.count(text, whom)) for text in texts]
            # A group that nobody is in has no share.
            return {"value": tuple(100 * k / n for n, k in sizes if n)}

        return _Question(f"share of each of {len(texts)} groups" if texts[1:] else "share", parts)

    def rate(self, number: PublishedNumber) -> _Question:
        name = self.endpoint(number.quantity)
        definition, patients = self.described.endpoints[name], self.patients(number, name)
        found = re.search(r"_(\d+)m$", number.quantity)
        if not found or number.value is None:
            raise _Unclear("no rate at a month is printed")
        month = float(found[1])
        scale, level = self.scale_of(number), number.level or 0.95
        size = self.group(number.group)
        regroup = self.reading(number)

        def parts(member: _Member) -> _Parts:
            if number.statistic == "survival_ci":
                read = member.curve(definition, patients, scale, level).at(month)
            else:
                read = _incidence(*member.times(definition, patients), month, scale, level)
            if regroup is None or not regroup.group:
                read = read | {"total": (member.count(size),)}
            return read

        if number.statistic == "survival_ci":
            twice = self.twice(number, "lower", "upper")
            return _Question(f"Kaplan-Meier, {scale} interval", parts, twice)
        method = f"cumulative incidence, {scale} interval with Aalen's variance"
        return _Question(method, parts, ("lower", "upper"))

    def median_time(self, number: PublishedNumber) -> _Question:
        factor = self.months(number)
        if number.quantity == "follow_up":
            return self.follow_up(number, "reverse follow-up")
        name = self.endpoint(number.quantity)
        if not number.quantity.endswith("_median"):
            raise _Unclear("no median is printed")
        if all(getattr(number, part) is None for part in ("value", "lower", "upper")):
            raise _Unclear("no time is printed")
        definition, patients = self.described.endpoints[name], self.patients(number, name)
        scale, level = self.scale_of(number), number.level or 0.95
        return _Question(
            f"Kaplan-Meier median, {scale} limits",
            lambda member: member.curve(definition, patients, scale, level).when(
                0.5, rule=self.plan.median_rule
            ),
            self.twice(number, "lower", "upper"),
            factor,
        )

    def quantiles(self, number: PublishedNumber) -> _Question:
        reading = self.reading(number)
        if number.quantity == "follow_up" or (reading is not None and reading.endpoint):
            return self.follow_up(number)
        described = self.described
        name = described.quantities.get(number.quantity, number.quantity.upper())
        if name not in described.variables or not described.variables[name].is_number:
            raise _Unclear(f"neither a variable nor an endpoint says what {number.quantity} is")
        group, ends = self.group(number.group), _ENDS[number.statistic]

        def parts(member: _Member) -> _Parts:
            values = member.column(name)[member.picked((group,))].dropna().to_numpy(float)
            return {"total": (len(values),)} | _spread(values, ends)

        return _Question(_word(number.statistic), parts)

    def follow_up(self, number: PublishedNumber, usual: str = "follow-up") -> _Question:
        """Sum up observed times: of all, of those with the event, or as if nobody had it."""
        reading = self.reading(number)
        name = self.recorded((reading.endpoint if reading is not None else "") or "os")
        definition, patients = self.described.endpoints[name], self.patients(number, name)
        if reading is not None and reading.method:
            usual = reading.method
        elif number.quantity != "follow_up":
            usual = "time to event"
        ends = _ENDS.get(number.statistic, ())
        scale, level = self.scale_of(number), number.level or 0.95
        rule = self.plan.median_rule

        def parts(member: _Member) -> _Parts:
            time, code = member.times(definition, patients)
            if usual != "reverse follow-up":
                return _spread(time[code == 1] if usual == "time to event" else time, ends)
            curve = member.curve(definition, patients, scale, level, reverse=True)
            found = curve.when(0.5, rule=rule)
            if ends == (0.0, 1.0):
                # A reversed curve has a median; a range is that of the observed times.
                observed = _spread(time, ends)
                found |= {part: observed[part] for part in ("lower", "upper")}
            elif ends:
                quartiles = [curve.when(share, rule=rule)["value"] for share in ends]
                found |= dict(zip(("lower", "upper"), quartiles, strict=True))
            return found

        what = {
            "follow-up": "the observed times",
            "reverse follow-up": "follow-up by the reversed Kaplan-Meier curve",
            "time to event": "the times of those with the event",
        }[usual]
        statistic = _word(number.statistic)
        method = what if not statistic else f"{statistic} of {what} ({name})"
        return _Question(method, parts, factor=self.months(number))

    def compared(
        self, related: Sequence[PublishedNumber]
    ) -> tuple[str, tuple[tuple[str, ...], ...]]:
        """Return the endpoint and the groups that a test of survival times compares."""
        if len(related) < 2 or any(each.statistic not in _TIMED for each in related):
            raise _Unclear("the paper doesn't print what was compared")
        names = {self.endpoint(each.quantity) for each in related}
        if len(names) > 1:
            raise _Unclear("it relates to several endpoints")
        name = names.pop()
        groups = dict.fromkeys(self.patients(each, name) for each in related)
        if len(groups) < 2:
            raise _Unclear("it relates to one group")
        return name, tuple(groups)

    def p_value(self, number: PublishedNumber) -> _Question:
        if rounding.read(number.value or "") is None:
            raise _Unclear("no P value is printed")
        related = [self.book.by_id[word] for word in number.relates_to if word != "|"]
        if len(related) == 1 and related[0].statistic == "hazard_ratio_ci":
            asked = self.ratio(related[0])
            return _Question(
                f"Wald test, {asked.method}",
                lambda member: {"value": asked.parts(member)["p"]},
            )
        twice = self.twice(number, "value")
        if len(related) > 1 and all(each.statistic in COUNTS for each in related):
            key = self.named(number, association.TESTS, self.test)
            table = self.table(related)
            return _Question(
                f"{association.TESTS[key].name} of counts",
                lambda member: {"value": (_tested(table(member), key),)},
                twice,
            )
        name, groups = self.compared(related)
        definition = self.described.endpoints[name]
        if "as counts" in self.proof(number.id):
            key = self.named(number, association.TESTS, self.test)
            months = {re.sub(r".*_(\d+)m$", r"\1", each.quantity) for each in related}
            if len(months) == 1 and (month := months.pop()).isdigit():
                return _Question(
                    f"{association.TESTS[key].name} of those free of the event at {month} months",
                    lambda member: {
                        "value": (_tested(_free(member, definition, groups, float(month)), key),)
                    },
                    twice,
                )
        reading = self.reading(number)
        until = (reading.until_months if reading is not None else None) or math.inf
        competing = bool(definition.competing)
        test = "log-rank test"
        if competing:
            test = "Fine and Gray's model, Wald test" if len(groups) == 2 else "Gray's test"
        method = test if until == math.inf else f"{test}, events until month {until:g}"
        run = _subdistribution_p if competing else _log_rank_p

        if reading is not None and reading.better:
            method += f", {reading.better} better"
            better = next(each for each in related if each.group == reading.better)
            first = self.patients(better, name)
            groups = (first, *(group for group in groups if group != first))

        def parts(member: _Member) -> _Parts:
            times = [member.times(definition, group) for group in groups]
            compared = _until(times, until)
            if reading is not None and reading.better and not _first_better(*compared):
                return {}
            return {"value": (run(*compared),)}

        return _Question(method, parts, twice)

    def table(self, related: Sequence[PublishedNumber]) -> Callable[[_Member], NDArray[np.int64]]:
        """Return what makes a table of counts: a row per group, a column per outcome."""
        groups = dict.fromkeys(each.group for each in related)
        quantities = dict.fromkeys(each.quantity for each in related)
        if len({(each.group, each.quantity) for each in related}) < len(groups) * len(quantities):
            raise _Unclear("the paper doesn't print each outcome of each group compared")
        rows = [self.group(group) for group in groups]
        columns = [self.whom(quantity) for quantity in quantities]

        def made(member: _Member) -> NDArray[np.int64]:
            cells = np.array([[member.count(row, each) for each in columns] for row in rows])
            rest = np.array([member.count(row) for row in rows]) - cells.sum(axis=1)
            # Those with none of the outcomes named are one more, unless outcomes overlap.
            if (rest >= 0).all() and (rest > 0).any():
                cells = np.column_stack([cells, rest])
            return cells

        return made

    def ratio(self, number: PublishedNumber) -> _Question:
        related = [self.book.by_id[word] for word in number.relates_to if word != "|"]
        if len(related) != 2:
            raise _Unclear("the paper doesn't print the model behind it")
        name, groups = self.compared(related)
        definition, level = self.described.endpoints[name], number.level or 0.95
        return _Question(
            "Cox's model of the two groups, ties as Efron has them",
            lambda member: _hazard_ratio(
                member.times(definition, groups[0]), member.times(definition, groups[1]), level
            ),
        )


def _best(scores: pd.DataFrame, usual: str) -> str:
    return str(scores["method"].iloc[0]) if len(scores) and scores["explained"].iloc[0] else usual


def _word(statistic: str) -> str:
    words = {"median_iqr": "median and quartiles", "median_range": "median and range"}
    return words.get(statistic, "")


# --- estimates from one cohort ---------------------------------------------------------------


def _spread(values: NDArray[np.float64], ends: Sequence[float]) -> _Parts:
    """Return the median and two more quantiles, by each of the usual definitions."""
    shares = dict(zip(("value", "lower", "upper"), (0.5, *ends), strict=False))
    if not len(values):
        return dict.fromkeys(shares, (math.nan,))
    return {
        part: tuple(float(np.quantile(values, share, method=kind)) for kind in _QUANTILES)
        for part, share in shares.items()
    }


def _incidence(
    time: NDArray[np.float64], code: NDArray[np.int8], month: float, scale: ConfType, level: float
) -> _Parts:
    from helpers.survival.competing import cumulative_incidence, incidence_at

    if not len(time):
        return dict.fromkeys(("value", "lower", "upper"), (math.nan,))
    found = cumulative_incidence(time, code, causes=[1], variance="aalen")
    read = incidence_at(found, [month], conf_type=scale, level=level)
    return {
        part: (100 * float(np.ravel(getattr(read, part))[0]),)
        for part in ("value", "lower", "upper")
    }


_Times = tuple[NDArray[np.float64], NDArray[np.int8]]


def _until(groups: Sequence[_Times], until: float) -> tuple[Any, Any, Any]:
    """Return times, codes and groups of all compared, with nothing happening after a month."""
    time = np.concatenate([each for each, _ in groups])
    code = np.concatenate([each for _, each in groups])
    group = np.repeat(np.arange(len(groups)), [len(each) for each, _ in groups])
    return np.minimum(time, until), np.where(time > until, 0, code), group


def _log_rank_p(time: Any, code: Any, group: Any) -> float:
    if not (code == 1).any():
        return math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if group.max(initial=0) == 1:
            # The same as lifelines', thirty times as fast.
            from scipy.stats import CensoredData, logrank

            first, second = (
                CensoredData(uncensored=time[who & (code == 1)], right=time[who & (code != 1)])
                for who in (group == 0, group == 1)
            )
            return float(logrank(first, second).pvalue)
        from lifelines.statistics import multivariate_logrank_test

        return float(multivariate_logrank_test(time, group, code == 1).p_value)


def _first_better(time: Any, code: Any, group: Any) -> bool:
    """Say whether the first of two groups has fewer events than the log-rank test expects."""
    first = group == 0
    more = 0.0
    for day in np.unique(time[code == 1]):
        now, left = (time == day) & (code == 1), time >= day
        more += (now & first).sum() - now.sum() * (left & first).sum() / left.sum()
    return bool(more < 0)


def _subdistribution_p(time: Any, code: Any, group: Any) -> float:
    if group.max(initial=0) > 1:
        from helpers.survival.gray import gray_test

        return float(gray_test(time, code, group).p)
    from helpers.survival.fine_gray import fine_gray

    return float(fine_gray(time, code, (group == 0).astype(float)).p[0])


def _hazard_ratio(first: _Times, second: _Times, level: float) -> _Parts:
    """Return the hazard of the first group as a multiple of the second's."""
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError

    time, code, group = _until([first, second], math.inf)
    table = pd.DataFrame({"time": time, "event": code == 1, "first": 1.0 * (group == 0)})
    nothing: _Parts = dict.fromkeys(("value", "lower", "upper", "p"), (math.nan,))
    if table.groupby("first")["event"].any().sum() < 2:
        return nothing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = CoxPHFitter(alpha=1 - level).fit(
                table, "time", "event", fit_options={"precision": 1e-12}
            )
    except ConvergenceError:
        return nothing
    ends = np.exp(fitted.confidence_intervals_.to_numpy(float)[0])
    return {
        "value": (float(fitted.hazard_ratios_.iloc[0]),),
        "lower": (float(ends[0]),),
        "upper": (float(ends[1]),),
        "p": (float(fitted.summary["p"].iloc[0]),),
    }


def _free(
    member: _Member,
    definition: Definition,
    groups: Iterable[tuple[str, ...]],
    month: float,
) -> NDArray[np.int64]:
    rows = []
    for group in groups:
        time, code = member.times(definition, group)
        had = int(((code == 1) & (time <= month + 1e-9)).sum())
        rows.append([len(time) - had, had])
    return np.array(rows)


def _tested(table: NDArray[np.int64], key: str) -> float:
    return _tested_once(tuple(map(tuple, table.tolist())), key)


@lru_cache(maxsize=4096)
def _tested_once(table: tuple[tuple[int, ...], ...], key: str) -> float:
    if min(len(table), len(table[0])) < 2:
        return math.nan
    return association.p_value(table, test=key)


# --- printed and recomputed ------------------------------------------------------------------


def _compared(number: PublishedNumber, question: _Question, cohorts: _Cohorts) -> dict[str, Any]:
    """Recompute a number from each cohort and say how many print it."""
    printed = {part: str(given) for part in _PARTS if (given := getattr(number, part)) is not None}
    ends: dict[str, list[float]] = {}
    missing = []
    for label, member in zip(cohorts.labels, cohorts.members, strict=True):
        found = question.parts(member)
        agrees = True
        for part, text in printed.items():
            if part == "total" and part not in found:
                continue  # not the number of those whom it is read to be about
            values = found.get(part, ()) or (math.nan,)
            if part not in ("count", "total"):
                values = tuple(each * question.factor for each in values)
            side = number.quantity.rpartition("_")[2] if number.statistic == "threshold" else ""
            agrees &= all(_prints(each, text, part in question.twice, side) for each in values)
            known = [each for each in values if not math.isnan(each)]
            ends.setdefault(part, []).extend(known)
        if not agrees:
            missing.append(str(label))
    named = ", ".join(missing[:_NAMED])
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return {
        "method": question.method,
        "members_agreeing": len(cohorts.labels) - len(missing),
        "lowest": _shown(
            {part: min(each, default=math.nan) for part, each in ends.items()}, printed
        ),
        "highest": _shown(
            {part: max(each, default=math.nan) for part, each in ends.items()}, printed
        ),
        "missed_by": named + more,
    }


@lru_cache(maxsize=65536)
def _prints(value: float, text: str, twice: bool, side: str) -> bool:
    """Say whether a value is printed so; `side` makes the number a limit."""
    digits = rounding.read(text)
    if digits is None:
        return math.isinf(value)  # not reached, not estimated
    if side:
        limit = float(digits.number)
        return value > limit if side == "above" else value < limit
    habit = rounding.habit(value, text) if math.isfinite(value) else None
    return habit == "" or (twice and habit == "rounded twice")


def _shown(values: Mapping[str, float], printed: Mapping[str, str]) -> str:
    """Write a number with the decimals that were printed."""

    def text(part: str) -> str:
        value, digits = values[part], rounding.read(printed[part])
        if math.isnan(value):
            return "none"
        if math.isinf(value):
            return "NR"
        if digits is not None and digits.relation != "=":
            return f"{value:.2g}"
        # A half is rounded the way that the paper did.
        agrees = digits is not None and rounding.agrees(value, printed[part])
        return str(digits.number) if agrees and digits else rounding.rounded(value, printed[part])

    found = []
    if "count" in values:
        found.append(text("count") + (f"/{text('total')}" if "total" in values else ""))
    elif "total" in values and "value" not in values:
        found.append(f"of {text('total')}")
    if "value" in values:
        found.append(text("value"))
    ends = [text(part) for part in ("lower", "upper") if part in values]
    if ends:
        found.append(f"({'–'.join(ends)})")
    return " ".join(found)
