"""What moved, and by how much: a lesson's variants held against the lesson as it stands.

What is compared is what the reports say: sentences, cells of tables, and figures in words. A
number that moves less than its last printed digit doesn't count as moved.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from helpers import spreadsheets
from helpers.report.findings import Result
from helpers.report.pages import record, rendered
from helpers.report.plans import Plan

PAGE, TABLE = "summary.html", "summary.csv"

_NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:,\d{3})*(?:\.\d+)?")
_ABSENT = ""


@dataclass(frozen=True)
class Move:
    """What a variant says where the lesson says something else.

    Attributes
    ----------
    at : Result
        Where, with what is said there by whichever of the two says something.
    own, here : str
        What the lesson says, and what the variant does; empty where one of them says nothing.
    """

    at: Result
    own: str
    here: str

    @property
    def by(self) -> list[float]:
        """How much each number changes, if only numbers do."""
        if _NUMBER.sub("#", self.own) != _NUMBER.sub("#", self.here):
            return []
        pairs = zip(_NUMBER.findall(self.own), _NUMBER.findall(self.here), strict=True)
        # Rounded to the digits printed: 0.3 is 0.1 more than 0.2, and not 0.09999….
        return [
            round(_value(here) - _value(own), max(_digits(own), _digits(here)))
            for own, here in pairs
            if own != here
        ]

    @property
    def by_words(self) -> str:
        """The same as text, with the digits that are printed."""
        pairs = zip(_NUMBER.findall(self.own), _NUMBER.findall(self.here), strict=False)
        digits = [max(_digits(own), _digits(here)) for own, here in pairs if own != here]
        words = [f"{by:+,.{each}f}" for by, each in zip(self.by, digits, strict=False)]
        return "; ".join(words).replace("-", "−")


@dataclass
class Compared:
    """The reports of one lesson.

    Attributes
    ----------
    own : Plan
        The lesson as it stands.
    said : list of Result
        What its report says.
    moves : list of tuple of (Plan, list of Move)
        The variants, and what moved in each.
    missing : list of Plan
        The variants that could not be made.
    """

    own: Plan
    said: list[Result]
    moves: list[tuple[Plan, list[Move]]] = field(default_factory=list)
    missing: list[Plan] = field(default_factory=list)


def compare(reports: Iterable[tuple[Plan, list[Result] | None]]) -> list[Compared]:
    """Hold the variants of each lesson against the lesson as it stands.

    Parameters
    ----------
    reports : iterable of tuple of (Plan, list of Result or None)
        What each report says, those of a lesson in a row; None for one that could not be made.

    Returns
    -------
    list of Compared
        The lessons that have variants, unless their own report could not be made.
    """
    compared = []
    for _, group in itertools.groupby(reports, lambda report: report[0].lesson.path):
        of_lesson = list(group)
        own = next(((plan, said) for plan, said in of_lesson if not plan.varied), None)
        if own is None or own[1] is None or len(of_lesson) == 1:
            continue
        each = Compared(own[0], own[1])
        for plan, said in of_lesson:
            if said is None:
                each.missing.append(plan)
            elif plan.varied:
                each.moves.append((plan, moved(each.said, said)))
        compared.append(each)
    return compared


def moved(own: Iterable[Result], here: Iterable[Result]) -> list[Move]:
    """Return what two reports of one lesson say differently.

    The rows of a table belong together by their first cells; where these differ but there are as
    many rows, by their order.

    Parameters
    ----------
    own : iterable of Result
        What the lesson says as it stands.
    here : iterable of Result
        What a variant says.

    Returns
    -------
    list of Move
        In the order of the report.
    """
    before, after = _by_place(own), _by_place(here)
    moves = []
    for place in dict.fromkeys([*before, *after]):
        first, second = before.get(place, []), after.get(place, [])
        by_name = {each.row for each in first} == {each.row for each in second}
        by_order = not by_name and _rows(first) == _rows(second)
        left, right = _keyed(first, by_order=by_order), _keyed(second, by_order=by_order)
        for key in dict.fromkeys([*left, *right]):
            at = left.get(key) or right[key]
            texts = [side[key].text if key in side else _ABSENT for side in (left, right)]
            if texts[0] != texts[1]:
                moves.append(Move(at, *texts))
    return moves


def page(compared: list[Compared]) -> str:
    """Lay out a comparison as a page beside the reports.

    Parameters
    ----------
    compared : list of Compared
        What `compare` returned.

    Returns
    -------
    str
        HTML.
    """
    return rendered("summary.html.j2", lessons=[_lesson(each) for each in compared])


def table(compared: list[Compared]) -> bytes:
    """Return a comparison as CSV that is safe to open in a spreadsheet: a row for each move.

    Parameters
    ----------
    compared : list of Compared
        What `compare` returned.

    Returns
    -------
    bytes
        Columns ``lesson, report, varied, section, where, row, column, own, here, difference``;
        the last one is a number where one number moved and nothing else.
    """
    rows = [
        (
            each.own.lesson.path.name,
            f"{plan.name}.html",
            _varied(plan),
            move.at.section,
            move.at.where,
            move.at.row,
            move.at.column,
            move.own,
            move.here,
            move.by[0] if len(move.by) == 1 else None,
        )
        for each in compared
        for plan, moves in each.moves
        for move in moves
    ]
    columns = [
        *("lesson", "report", "varied"),
        *("section", "where", "row", "column", "own", "here", "difference"),
    ]
    return spreadsheets.as_csv(pd.DataFrame(rows, columns=columns), spreadsheet=True)


def _lesson(compared: Compared) -> dict[str, Any]:
    """Gather what a lesson's part of the page shows: for each thing that moved, its new values."""
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    for number, (_, moves) in enumerate(compared.moves, start=1):
        for move in moves:
            at = move.at
            key = (at.place, at.row, at.number, at.column)
            about = found.setdefault(key, {"at": at, "own": move.own, "values": {}})
            value = about["values"].setdefault(move.here, {"by": move.by_words, "in": []})
            value["in"].append(number)
    order = {each.place: number for number, each in enumerate(compared.said)}
    moved = sorted(found.values(), key=lambda about: order.get(about["at"].place, len(order)))
    groups = [
        {"heading": " · ".join(filter(None, heading)), "moved": list(group)}
        for heading, group in itertools.groupby(
            moved, lambda about: (about["at"].section, about["at"].where)
        )
    ]
    return {
        "title": compared.own.lesson.title,
        "href": f"{compared.own.name}.html",
        "lesson": compared.own.lesson.path.name,
        "said": len(compared.said),
        "moved": len(moved),
        "variants": [
            {"href": f"{plan.name}.html", "varied": _varied(plan), "moved": len(moves)}
            for plan, moves in compared.moves
        ],
        "missing": [_varied(plan) for plan in compared.missing],
        "groups": groups,
    }


def _varied(plan: Plan) -> str:
    return ", ".join(f"{name} = {value}" for name, value in record(plan)["varied"].items())


def _by_place(results: Iterable[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for each in results:
        found.setdefault(each.place, []).append(each)
    return found


def _rows(results: list[Result]) -> set[int]:
    return {each.number for each in results}


def _keyed(results: list[Result], *, by_order: bool) -> dict[tuple[object, ...], Result]:
    """Key results by row and column; a name that comes again by how often it came before."""
    seen = Counter[tuple[str, str]]()
    keyed: dict[tuple[object, ...], Result] = {}
    for each in results:
        row: tuple[object, ...] = (each.number,)
        if not by_order:
            row = each.row, seen[each.row, each.column]
            seen[each.row, each.column] += 1
        keyed[*row, each.column] = each
    return keyed


def _value(number: str) -> float:
    return float(number.replace(",", "").replace("−", "-"))


def _digits(number: str) -> int:
    return len(number.partition(".")[2])
