"""What a paper prints of survival, beside what all its synthetic cohorts have.

Rates at a month, medians, cumulative incidences and the tests between groups, each read off the
same curve in every member: with the populations that the paper's numbers are about, which needn't
be those of its definitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import audit, catalogue, member_curves, synthetic, tables
from helpers.catalogue import Definition, PublishedNumber, Reading
from helpers.endpoints import Observed
from helpers.errors import KitError
from helpers.figures import Picture
from helpers.synthetic import Range
from helpers.tables import Table

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Groups = Mapping[str, str]

COLUMNS = ("id", "what", "group", "printed", "recomputed", "agreement", "verdict")
"""The columns of what `beside` returns."""

_RATES = ("survival_ci", "cumulative_incidence_ci")
_CLOCKS = {
    "diagnosis": "diagnosis",
    "treatment": "the start of venetoclax",
    "response": "the response",
    "transplant": "the transplant",
}
_RECOMPUTED = "recomputed"


def observed(paper: str, endpoint: str) -> Observed:
    """Apply an endpoint to all members, in those whom the paper's numbers are about.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    endpoint : str
        The endpoint's name in ``paper.toml``.

    Returns
    -------
    Observed
        Of shape ``(members, patients)``; the time of whoever doesn't count is 0.

    Raises
    ------
    KitError
        If the paper has no such endpoint.
    """
    return synthetic.members(paper).observed(definition(paper, endpoint))


def definition(paper: str, endpoint: str) -> Definition:
    """Return an endpoint with the population that the paper's numbers are about.

    Parameters
    ----------
    paper : str
        The paper's id.
    endpoint : str
        The endpoint's name in ``paper.toml``.

    Returns
    -------
    Definition

    Raises
    ------
    KitError
        If the paper has no such endpoint.
    """
    described = catalogue.load(paper)
    if endpoint not in described.endpoints:
        raise KitError(
            f"no endpoint {endpoint!r}", where=paper, right=", ".join(described.endpoints)
        )
    found = described.endpoints[endpoint]
    population = described.reconstruct.populations.get(endpoint, found.population)
    return found.model_copy(update={"population": population})


def numbers(paper: str, location: str, *, about: Sequence[str] = ()) -> list[str]:
    """List the numbers of a place in the paper that are about times to an event.

    Parameters
    ----------
    paper : str
        The paper's id.
    location : str
        Where they stand, for example ``table 2``.
    about : sequence of str, optional
        Groups; only numbers of one of them, and tests between them. All if not given.

    Returns
    -------
    list of str
        Their ids, in the paper's order.
    """
    book, described = audit.book(paper), catalogue.load(paper)
    return [
        number.id
        for number in book.own
        if number.location == location
        and _endpoint(number, described.endpoints)
        and (number.statistic in (*_RATES, "median_time_ci") or len(_related(number, book)) > 1)
        and (not about or {each.group for each in _related(number, book) or [number]} <= {*about})
    ]


def beside(paper: str, ids: Iterable[str], *, groups: Groups | None = None) -> pd.DataFrame:
    """Recompute printed numbers of survival in every member.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    ids : iterable of str
        The numbers' ids; `numbers` lists those of a place.
    groups : mapping of str to str, optional
        What to call groups: by that name, the paper's name for it.

    Returns
    -------
    pandas.DataFrame
        The columns `COLUMNS`, one row per number. ``recomputed`` is one number, with its
        interval, if all members print it, and else from the lowest to the highest of each part;
        ``agreement`` says which. ``verdict`` is the ledger's.

    Raises
    ------
    KitError
        If a number is none of survival.

    Notes
    -----
    Intervals are made on the log-log scale, that of a cumulative incidence with Aalen's variance.
    Survival is tested by the log-rank test; cumulative incidences of two groups by Wald's test in
    Fine and Gray's model, and of more by Gray's test.
    """
    asked = _Asked(paper)
    verdicts = audit.ledger(paper).set_index("id")["verdict"]
    named = {group: name for name, group in (groups or {}).items()}
    rows = []
    for id in ids:
        number = asked.book.by_id[id]
        parts = asked.parts(number)
        text, agreement = _words(parts)
        rows.append(
            {
                "id": id,
                "what": asked.what(number),
                "group": _whose(number, asked.book, named),
                "printed": number.printed,
                "recomputed": text,
                "agreement": agreement,
                "verdict": audit.VERDICTS[verdicts[id]],
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def listed(paper: str, ids: Iterable[str], *, caption: str, groups: Groups | None = None) -> Table:
    """Set printed numbers of survival beside those of all members, one below the other.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    ids : iterable of str
        The numbers' ids.
    caption : str
        What the table shows.
    groups : mapping of str to str, optional
        What to call groups.

    Returns
    -------
    Table
    """
    size = synthetic.members(paper).size
    return tables.table(
        beside(paper, ids, groups=groups).drop(columns=["id", "agreement"]),
        caption=caption,
        headings={
            "what": "What",
            "group": "Of whom",
            "printed": "Printed",
            "recomputed": f"In {size} synthetic cohorts",
            "verdict": "Verdict",
        },
        footnote="One number: all cohorts give it. NR: not reached.",
    )


def block(
    paper: str, location: str, groups: Groups, *, caption: str, endpoints: Sequence[str]
) -> Table:
    """Set a table of survival as the paper does, each number with its recomputation below it.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    location : str
        Where the numbers stand, for example ``table 2``.
    groups : mapping of str to str
        The columns: what to call each group, and its name.
    caption : str
        What the table shows.
    endpoints : sequence of str
        The endpoints, in the order of the rows.

    Returns
    -------
    Table
        Three rows to each quantity: printed, recomputed in all members, verdict; a column per
        group and one for the test between them.
    """
    book = audit.book(paper)
    found = beside(paper, numbers(paper, location)).set_index("id", drop=False)
    rows: dict[str, dict[str, str]] = {}
    for id in found.index:
        number = book.by_id[id]
        tested = number.statistic == "p_value"
        first = _related(number, book)[0] if tested else number
        column = "P" if tested else {v: k for k, v in groups.items()}.get(number.group, "")
        if column:
            rows.setdefault(first.quantity, {})[column] = id
    order = [each for name in endpoints for each in rows if each.startswith(f"{name}_")]
    lines = []
    for quantity in order:
        ids = rows[quantity]
        for kind in ("printed", _RECOMPUTED, "verdict"):
            what = found.loc[next(iter(ids.values())), "what"] if kind == "printed" else ""
            cells = {each: found.loc[ids[each], kind] if each in ids else "" for each in groups}
            test = found.loc[ids["P"], kind] if "P" in ids else ""
            lines.append({"what": what, "kind": kind} | cells | {"P": test})
    size = synthetic.members(paper).size
    return tables.table(
        pd.DataFrame(lines, columns=["what", "kind", *groups, "P"]),
        caption=caption,
        headings={"what": "", "kind": ""} | {each: each for each in (*groups, "P")},
        footnote=f"Recomputed: in {size} synthetic cohorts; one number if all of them give it. "
        "NR: not reached, which the paper also calls NE. Rates in %, medians in months.",
    )


def curves(paper: str, endpoint: str, compare: Groups, *, member: int = 1) -> Picture:
    """Draw an endpoint as the paper does: one member, and the band of all.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    endpoint : str
        The endpoint's name. One with competing events is drawn as cumulative incidences.
    compare : mapping of str to str
        The groups: what to call each, and its name.
    member : int, optional
        Which member is drawn as a line, from 1.

    Returns
    -------
    Picture
    """
    described, members = catalogue.load(paper), synthetic.members(paper)
    defined, found = definition(paper, endpoint), observed(paper, endpoint)
    who = {name: members.picked(described.groups[group]) for name, group in compare.items()}
    incidence = bool(defined.competing)
    events = (defined.label, " or ".join(defined.competing) + " without it")
    drawn = member_curves.curves_data(
        found,
        who,
        events=events if incidence else (defined.label,),
        estimate="incidence" if incidence else "survival",
        member=member,
        months=months(found.time),
    )
    label = f"cumulative incidence of {defined.label}" if incidence else defined.label
    return member_curves.draw_curves(
        drawn,
        ylabel=label[:1].upper() + label[1:],
        xlabel=f"Months from {_CLOCKS[defined.origin]}",
    )


def months(times: Floats, *, step: int = 3) -> Floats:
    """Return the months below a figure, up to the last observed time.

    Parameters
    ----------
    times : numpy.ndarray of float
        The times, months.
    step : int, optional
        From one to the next. The fewer there are, the sooner a figure is drawn.

    Returns
    -------
    numpy.ndarray of float
    """
    longest = max(float(np.max(times)), 1.0)
    while step > 1 and longest < 2 * step:
        step //= 2
    # A short piece beyond the last step makes no further one.
    return np.arange(0, max(longest - 0.4 * step, 0.0) + step, step, dtype=float)


# --- reading a number ----------------------------------------------------------------------------


def _endpoint(number: PublishedNumber, endpoints: Iterable[str]) -> str:
    quantity = number.quantity.removeprefix("p_")
    return max((each for each in endpoints if quantity.startswith(f"{each}_")), key=len, default="")


def _related(number: PublishedNumber, book: audit.Book) -> list[PublishedNumber]:
    """Return the rates or medians that a test compares; nothing of what isn't one."""
    if number.statistic != "p_value":
        return []
    found = [book.by_id[word] for word in number.relates_to if word != "|"]
    return [each for each in found if each.statistic in (*_RATES, "median_time_ci")]


def _whose(number: PublishedNumber, book: audit.Book, named: Mapping[str, str]) -> str:
    whom = [each.group for each in _related(number, book)] or [number.group]
    return " / ".join(named.get(group, group.replace("_", " ")) for group in whom)


@dataclass(frozen=True)
class _Part:
    """The estimate or a limit, in each member."""

    name: str
    range: Range


class _Asked:
    """Asks all members of a paper for one printed number after the other."""

    def __init__(self, paper: str) -> None:
        self.paper, self.described = paper, catalogue.load(paper)
        self.book, self.members = audit.book(paper), synthetic.members(paper)
        self.told = audit.ledger(paper).set_index("id")

    def reading(self, number: PublishedNumber) -> Reading | None:
        """Return how a number is read, as it says itself or where it is printed again."""
        same = self.book.alike.get((number.quantity, number.group), [])
        for each in (number, *(other for other in same if other.value == number.value)):
            if each.id in self.described.reconstruct.read_as:
                return self.described.reconstruct.read_as[each.id]
        return None

    def group(self, number: PublishedNumber) -> Flags:
        reading = self.reading(number)
        name = (reading.group if reading is not None else "") or number.group
        return self.members.picked(self.described.groups[name])

    def endpoint(self, number: PublishedNumber) -> str:
        name = _endpoint(number, self.described.endpoints)
        if not name:
            raise KitError(
                "no number of survival", where=number.id, right=", ".join(self.described.endpoints)
            )
        return name

    def what(self, number: PublishedNumber) -> str:
        label = self.described.endpoints[self.endpoint(number)].label
        month = re.search(r"_(\d+)m(_|$)", number.quantity)
        if number.statistic == "p_value":
            return f"P, {label}"
        return f"{label} at {month[1]} months" if month else f"median {label}"

    def parts(self, number: PublishedNumber) -> list[_Part]:
        if number.statistic == "p_value":
            return self.test(number)
        found, group = observed(self.paper, self.endpoint(number)), self.group(number)
        rule = self.described.reconstruct.median_rule
        if number.statistic == "median_time_ci":
            read = synthetic.median(found, group, what="", rule=rule)
            wanted = [True, number.lower is not None, number.upper is not None]
        elif number.statistic in _RATES:
            month = re.search(r"_(\d+)m$", number.quantity)
            read = rate(found, group, float(month[1]) if month else 0.0, what="")
            wanted = [True, number.lower is not None, number.upper is not None]
        else:
            raise KitError("no number of survival", where=number.id)
        names = ("value", "lower", "upper")
        return [
            _Part(name, each) for name, each, some in zip(names, read, wanted, strict=True) if some
        ]

    def test(self, number: PublishedNumber) -> list[_Part]:
        related = _related(number, self.book)
        found = observed(self.paper, self.endpoint(related[0]))
        code = np.zeros(found.time.shape, int)
        for place, each in enumerate(related, start=1):
            code[self.group(each)] = place
        who, time, event = found.included & (code > 0), found.time, found.code
        month = re.search(r"_(\d+)m(_|$)", number.quantity)
        if "as counts" in str(self.told.loc[number.id, "method"]) and month:
            return [_Part("value", _as_counts(found, code, float(month[1])))]
        reading = self.reading(number)
        until = reading.until_months if reading is not None else None
        if until is not None:
            event = np.where(time > until, 0, event)
            time = np.minimum(time, until)
        competing = bool(self.described.endpoints[self.endpoint(related[0])].competing)
        return [_Part("value", Range("P", "P", _p(time, event, code, who, competing)))]


def rate(found: Observed, group: Flags, month: float, *, what: str) -> list[Range]:
    """Return survival, or a cumulative incidence, at a month in each member.

    Parameters
    ----------
    found : Observed
        The endpoint. If it has competing events, the incidence is returned.
    group : numpy.ndarray of bool
        Whose.
    month : float
        Months from the endpoint's origin.
    what : str
        How to call it.

    Returns
    -------
    list of Range
        The rate, its lower and its upper 95 % limit (log-log), in per cent; nan after the last
        observed time.
    """
    from helpers.survival.competing import cumulative_incidence, incidence_at
    from helpers.survival.curves import curves, landmark

    who = found.included & group
    if (found.code == 2).any():
        made = cumulative_incidence(found.time, found.code, where=who, causes=[1])
        read = incidence_at(made, [month])
        values = [each[..., 0, 0] for each in (read.value, read.lower, read.upper)]
    else:
        read = landmark(curves(found.time, found.code == 1, where=who), [month])
        values = [each[..., 0] for each in (read.value, read.lower, read.upper)]
    names = (what, f"{what}, lower limit", f"{what}, upper limit")
    return [Range(name, "%", 100 * each) for name, each in zip(names, values, strict=True)]


def _p(time: Floats, event: NDArray[np.int8], code: Floats, who: Flags, competing: bool) -> Floats:
    from helpers.survival.comparison import logrank
    from helpers.survival.fine_gray import fine_gray
    from helpers.survival.gray import gray_test

    if not competing:
        return np.asarray(logrank(time, event == 1, code, where=who).p)
    if code.max() == 2:
        return np.asarray(fine_gray(time, event, code == 2, where=who).p[..., 0])
    return np.asarray(gray_test(time, event, code, where=who).p)


def _as_counts(found: Observed, code: NDArray[np.int_], month: float) -> Range:
    """Compare how many of each group are free of the event at a month, as if none were lost."""
    from helpers import association

    free = found.included & (found.time > month)
    shape = [
        [(found.included & (code == each) & (free == some)).sum(axis=-1) for some in (True, False)]
        for each in range(1, code.max() + 1)
    ]
    counted = np.moveaxis(np.array(shape), -1, 0)
    kinds, which = np.unique(counted, axis=0, return_inverse=True)
    p = np.array([association.p_value(each, test="chi2") for each in kinds])
    return Range("P", "P", p[which.ravel()])


def _words(parts: Sequence[_Part]) -> tuple[str, str]:
    """Write an estimate with its interval, and say whether all members agree."""
    ranges = [part.range for part in parts]
    told = []
    for each in ranges:
        low, high = each.at(0), each.at(1)
        told.append(low if low == high else f"{low} to {high}")
    text = told[0]
    if len(told) > 1:
        between = "–" if all(" to " not in each for each in told[1:]) else "; "
        text += f" ({between.join(told[1:])})"
    same = all(each.at(0) == each.at(1) for each in ranges)
    return text, "pinned" if same else "not determined by the paper"
