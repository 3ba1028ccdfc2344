"""Flow diagrams: who came in, who left and why, counted from a cohort.

A diagram is declared as boxes, which are data: each says whom it holds as a cohort query on those
of the box above. Whoever is in a box and in none below it stands in a side box, so that nobody
gets lost between two boxes. A count of people of whom the cohort knows nothing, such as those
who were only screened, comes from a published number and is marked as printed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from helpers import figures, query, rounding
from helpers.catalogue import Variable
from helpers.errors import DataError, KitError
from helpers.figures import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]

COLUMNS = ("box", "after", "kind", "label", "n", "lowest", "highest", "of", "printed")
"""The columns of what `flow_data` returns."""

_LEFT = "In no box below"
_REST = "None of these"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str


class _Counted(_Part):
    query: str = ""
    number: str = ""


class Line(_Counted):
    """One line of a box: some of those in it.

    Attributes
    ----------
    label : str
        Who they are.
    query : str
        The cohort query that picks them.
    number : str
        Instead, the id of the published number that counts them.
    """


class Aside(_Part):
    """The side box of whoever goes no further, such as those who were excluded.

    Attributes
    ----------
    label : str
        What became of them.
    lines : tuple of Line
        The reasons. Whoever has none of them is counted, too.
    """

    lines: tuple[Line, ...] = ()


class Box(_Counted):
    """One box of a flow diagram.

    Attributes
    ----------
    name : str
        By which other boxes refer to it.
    label : str
        What it says.
    query : str
        A cohort query: which of those in the box above. Empty for all of them.
    number : str
        Instead, the id of the published number that counts people outside of the cohort.
    after : str
        The name of the box above; empty for the one that was declared before. Boxes after the
        same one are branches; nobody may be in two of them.
    lines : tuple of Line
        Some of those in the box, counted below its label.
    aside : Aside or None
        What to call those of this box who are in none below it.
    """

    name: str
    after: str = ""
    lines: tuple[Line, ...] = ()
    aside: Aside | None = None


def read(tables: Sequence[Mapping[str, Any]]) -> tuple[Box, ...]:
    """Read the boxes of a diagram from plain tables, such as TOML gives.

    Parameters
    ----------
    tables : sequence of mapping
        The fields of each `Box`.

    Returns
    -------
    tuple of Box

    Raises
    ------
    DataError
        If there is no box, a field is missing, unknown or of the wrong kind, a name is used
        twice, a box is said to come after one that isn't declared before it, or has both a query
        and a number, or a number below a box that is counted from the cohort.

    Examples
    --------
    >>> [box.after for box in read([{"name": "all", "label": "All"}, {"name": "b", "label": "B"}])]
    ['', 'all']
    """
    if not tables:
        raise DataError("no box", where="flow diagram", right="one or more")
    boxes: list[Box] = []
    for place, table in enumerate(tables, start=1):
        here = f"flow diagram, box {place}"
        try:
            box = Box.model_validate(table)
        except ValidationError as error:
            told = "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
            )
            raise DataError(told, where=here, right="the fields of helpers.flow.Box") from None
        names = [each.name for each in boxes]
        if box.name in names:
            raise DataError(f"a second box {box.name!r}", where=here, right="another name")
        if box.after and box.after not in names:
            right = f"one of {', '.join(names)}" if names else "nothing for the first box"
            raise DataError(f"it comes after {box.after!r}", where=here, right=right)
        above = box.after or (names or [""])[-1]
        if box.number and above and not next(each for each in boxes if each.name == above).number:
            told = f"{box.label!r} has a number below a box that is counted"
            raise DataError(told, where=here, right="a query")
        parts: list[_Counted] = [box, *box.lines, *(box.aside.lines if box.aside else ())]
        for each in parts:
            if each.query and each.number:
                told = f"{each.label!r} has a query and a number"
                raise DataError(told, where=here, right="one of the two")
        boxes.append(box.model_copy(update={"after": above}))
    return tuple(boxes)


def flow_data(
    patients: pd.DataFrame,
    boxes: Sequence[Box],
    *,
    variables: Mapping[str, Variable],
    printed: Mapping[str, int] | None = None,
    ensemble: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Count who is in each box of a flow diagram.

    Parameters
    ----------
    patients : pandas.DataFrame
        The cohort, one row per patient.
    boxes : sequence of Box
        What `read` returned.
    variables : mapping of str to Variable
        What the cohort records.
    printed : mapping of str to int, optional
        Published counts by id, for the boxes and lines that name one.
    ensemble : pandas.DataFrame, optional
        All members of the ensemble that `patients` is one of, with a column ``member``.

    Returns
    -------
    pandas.DataFrame
        In the order of drawing, columns `COLUMNS`: ``box`` and the box ``after`` which it comes;
        ``kind`` (``box``, ``line``, ``aside`` or ``reason``); ``n`` patients, ``of`` how many
        those in the box above or, for lines, in the box; whether ``n`` is ``printed`` rather
        than counted; ``lowest`` and ``highest`` ``n`` over the ensemble (``n`` without one).

    Raises
    ------
    KitError
        If `patients` are several members, a patient is in two branches, more patients are in the
        boxes below than in the box, a side box is declared where nobody can leave, or a number
        isn't among those printed.
    QueryError
        If a query cannot be read.
    """
    if "member" in patients and patients["member"].nunique() > 1:
        raise KitError("several members", where="patients", right="one of them; all as ensemble")
    rows = _counted(patients, boxes, variables, printed or {})
    spread = rows
    if ensemble is not None:
        spread = _counted(ensemble, boxes, variables, printed or {})
    table = []
    for row, over in zip(rows, spread, strict=True):
        n, least, most = int(row.n[0]), int(over.n.min()), int(over.n.max())
        of = pd.NA if row.of is None else int(row.of[0])
        # That nobody is left in any member needn't be told, unless somebody asked.
        if most or row.asked:
            shown = [row.box, row.after, row.kind, row.label, n, least, most, of, row.printed]
            table.append(shown)
    return pd.DataFrame(table, columns=list(COLUMNS)).astype({"of": "Int64"})


@dataclass(frozen=True, eq=False)
class _Row:
    """One count of a diagram, for each of some cohorts."""

    box: str
    after: str
    kind: str
    label: str
    n: Counts
    of: Counts | None
    printed: bool = False
    asked: bool = True


class _Cohorts:
    """Counts what queries pick, in each cohort of a table."""

    def __init__(
        self, table: pd.DataFrame, variables: Mapping[str, Variable], printed: Mapping[str, int]
    ) -> None:
        self._table, self._variables, self._printed = table, variables, printed
        member = table["member"] if "member" in table else np.zeros(len(table), dtype=int)
        labels, self._cohort = np.unique(np.asarray(member), return_inverse=True)
        self.size = max(len(labels), 1)

    def picked(self, text: str, among: Flags) -> Flags:
        """Say who of some fits a query."""
        asked = query.parse(text, self._variables)
        return np.asarray(asked.mask(self._table).to_numpy(bool) & among)

    def everyone(self) -> Flags:
        """Say yes to all."""
        return np.ones(len(self._table), dtype=bool)

    def count(self, who: Flags) -> Counts:
        """Count some in each cohort."""
        return np.bincount(self._cohort[who], minlength=self.size).astype(np.int64)

    def counted(self, each: Box | Line, among: Flags) -> tuple[Flags, Counts]:
        """Return whom a box or line picks, and how many; the published number if it has one."""
        if not each.number:
            who = self.picked(each.query, among)
            return who, self.count(who)
        if each.number not in self._printed:
            raise KitError(
                f"no published count {each.number!r}", where=each.label, right="its id and count"
            )
        # Of these people the cohort holds those who went on.
        return among, np.full(self.size, self._printed[each.number], dtype=np.int64)


def _counted(
    table: pd.DataFrame,
    boxes: Sequence[Box],
    variables: Mapping[str, Variable],
    printed: Mapping[str, int],
) -> list[_Row]:
    cohorts = _Cohorts(table, variables, printed)
    who: dict[str, Flags] = {}
    number: dict[str, Counts] = {}
    for box in boxes:
        among = who[box.after] if box.after else cohorts.everyone()
        who[box.name], number[box.name] = cohorts.counted(box, among)
    rows: list[_Row] = []
    for box in boxes:
        n, above = number[box.name], number.get(box.after)
        rows.append(_Row(box.name, box.after, "box", box.label, n, above, bool(box.number)))
        for line in box.lines:
            some = cohorts.counted(line, who[box.name])[1]
            rows.append(_Row(box.name, box.after, "line", line.label, some, n, bool(line.number)))
        below = [each for each in boxes if each.after == box.name]
        rows += _left(cohorts, box, below, who, number)
    return rows


def _left(
    cohorts: _Cohorts,
    box: Box,
    below: Sequence[Box],
    who: Mapping[str, Flags],
    number: Mapping[str, Counts],
) -> Iterator[_Row]:
    """Yield the side box of a box: who is in none below it, and why."""
    if not below:
        if box.aside:
            raise KitError(
                f"{box.aside.label!r} comes from no arrow",
                where=f"flow diagram, box {box.name}",
                right="a side box where another box follows",
            )
        return
    # A number says nothing of who of the cohort they are.
    branches = [who[each.name] for each in below if not each.number]
    twice = int((np.sum(branches, axis=0) > 1).sum()) if branches else 0
    gone = np.asarray(number[box.name] - np.sum([number[each.name] for each in below], axis=0))
    if twice or (gone < 0).any():
        names = ", ".join(repr(each.label) for each in below)
        raise KitError(
            f"{twice} patients are in two of {names}"
            if twice
            else f"{names} hold {-int(gone.min())} more than it does",
            where=f"flow diagram, box {box.name}",
            right="each patient in one box below",
        )
    left = who[box.name].copy()
    for branch in branches:
        left &= ~branch
    aside = box.aside or Aside(label=_LEFT)
    yield _Row(
        *(box.name, box.name, "aside", aside.label, gone, number[box.name]),
        asked=box.aside is not None,
    )
    # Reasons that queries pick may overlap, so who has none isn't what a sum leaves.
    rest, silent = gone - cohorts.count(left), left.copy()
    for line in aside.lines:
        some, n = cohorts.counted(line, left)
        yield _Row(box.name, box.name, "reason", line.label, n, gone, bool(line.number))
        if line.number:
            rest = rest - n
        else:
            silent &= ~some
    if aside.lines:
        rest = np.maximum(rest + cohorts.count(silent), 0)
        yield _Row(box.name, box.name, "reason", _REST, rest, gone, asked=False)


# --- drawing -------------------------------------------------------------------------------------

_WIDTH = 8.6
_TEXT, _SMALL = 9.0, 8.0
_PAD, _BETWEEN, _ARROW = 0.09, 0.16, 0.36
"""Inches: inside a box, beside it, and the arrow between two boxes."""
_INDENT = 0.14
_EDGE = "#404040"


def draw_flow(
    data: pd.DataFrame, *, title: str = "Flow of patients", note: str = "", members: int = 0
) -> Picture:
    """Draw a flow diagram.

    Parameters
    ----------
    data : pandas.DataFrame
        What `flow_data` returned.
    title : str, optional
        What the diagram shows, for its text alternative.
    note : str, optional
        A sentence below, such as where the patients come from.
    members : int, optional
        How many members the ranges are of.

    Returns
    -------
    Picture
    """
    plan = _Plan(data)
    notes = []
    if data["printed"].any():
        notes.append("† As printed, not counted from the cohort.")
    if (data["lowest"] != data["highest"]).any():
        over = f"the {members} members" if members else "the members"
        notes.append(f"[a–b]: the least and the most over {over} of the ensemble.")
    lines = _wrapped(" ".join([*notes, note]), _WIDTH - 0.3, _SMALL)
    height = plan.height + (0.1 + _line(_SMALL) * len(lines) if lines else 0.0)
    with figures.drawing(_WIDTH, height) as (figure, axes):
        figure.set_layout_engine("none")
        axes.set_position((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, _WIDTH)
        axes.set_ylim(height, 0)
        plan.draw(axes)
        for place, line in enumerate(lines):
            y = plan.height + 0.05 + _line(_SMALL) * (place + 0.5)
            axes.text(0.15, y, line, fontsize=_SMALL, color=_EDGE, va="center")
        return figures.picture(figure, f"{title}. {_words(data)}" + (f" {note}" if note else ""))


@dataclass
class _Block:
    """A box as it is drawn: its lines of text and its place, in inches from the upper left."""

    lines: list[tuple[str, bool, float]]
    width: float
    x: float = 0.0
    y: float = 0.0

    @property
    def height(self) -> float:
        return 2 * _PAD + sum(_line(_TEXT if bold else _SMALL) for _, bold, _ in self.lines)


@dataclass
class _Node:
    """A box with its side box and the boxes below."""

    main: _Block
    aside: _Block | None
    below: list[_Node] = field(default_factory=list)


class _Plan:
    """Where everything goes: rows of boxes, each centred above those that come after it."""

    def __init__(self, data: pd.DataFrame) -> None:
        boxes = data[data["kind"] == "box"]
        children: dict[str, list[str]] = {name: [] for name in ["", *boxes["box"]]}
        for row in boxes.itertuples():
            children[row.after].append(row.box)
        self._levels: list[list[_Node]] = []
        leaves = sum(not below for below in children.values())
        share = (_WIDTH - 0.1) / max(leaves, 1)
        # A single column leaves the room for its side boxes, all on the right.
        self._middle = 0.34 if leaves == 1 and (data["kind"] == "aside").any() else 0.5
        self._laid_out(data, children, str(boxes["box"].iloc[0]), 0.05, share, 0)
        self.height = self._stacked()

    def _laid_out(
        self,
        data: pd.DataFrame,
        children: Mapping[str, list[str]],
        name: str,
        x: float,
        share: float,
        depth: int,
    ) -> tuple[_Node, float]:
        """Place a box and what comes after it between `x` and the place that is returned."""
        mine = data[data["box"] == name]
        if len(self._levels) == depth:
            self._levels.append([])
        place = len(self._levels[depth])
        start, below = x, []
        for child in children[name]:
            node, x = self._laid_out(data, children, child, x, share, depth + 1)
            below.append(node)
        if not below:
            x = start + share
        ends = [each.main.x for each in below] or [start + share * self._middle]
        middle = (ends[0] + ends[-1]) / 2
        room = 2 * min(middle - start, x - middle) - _BETWEEN
        siblings = len(children[str(mine["after"].iloc[0])]) > 1
        main = _block(mine[mine["kind"].isin(["box", "line"])], min(room, 3.4), siblings)
        main.x = middle
        beside = mine[mine["kind"].isin(["aside", "reason"])]
        aside = None
        if len(beside):
            aside = _block(beside, min(x - middle - 2 * _BETWEEN - 0.12, 4.2), False)
            aside.x = middle + _BETWEEN + aside.width / 2 + 0.12
        node = _Node(main, aside, below)
        self._levels[depth].insert(place, node)
        return node, x

    def _stacked(self) -> float:
        """Put each level below the one before, and return how high all are."""
        y = 0.08
        for level in self._levels:
            for node in level:
                node.main.y = y
            y += max(node.main.height for node in level)
            if not any(node.below for node in level):
                break
            asides = [node.aside.height for node in level if node.aside]
            gap = max(asides) + 2 * _BETWEEN if asides else 0.0
            forks = any(len(node.below) > 1 for node in level)
            for node in level:
                if node.aside:
                    node.aside.y = y + _BETWEEN
            y += max(gap + (_ARROW if forks else 0.0), _ARROW * (1.6 if forks else 1.0))
        return y + 0.08

    def draw(self, axes: Axes) -> None:
        """Draw boxes and arrows."""
        for node in [node for level in self._levels for node in level]:
            _box(axes, node.main, "white")
            bottom = node.main.y + node.main.height
            if node.aside:
                _box(axes, node.aside, "#F2F2F2")
                middle = node.aside.y + node.aside.height / 2
                _arrow(axes, node.main.x, middle, node.aside.x - node.aside.width / 2, middle)
            if len(node.below) == 1:
                _arrow(axes, node.main.x, bottom, node.main.x, node.below[0].main.y)
            elif node.below:
                top = node.below[0].main.y
                fork = top - 0.6 * _ARROW
                ends = [each.main.x for each in node.below]
                axes.plot([node.main.x] * 2, [bottom, fork], color=_EDGE, lw=1)
                axes.plot([ends[0], ends[-1]], [fork, fork], color=_EDGE, lw=1)
                for x in ends:
                    _arrow(axes, x, fork, x, top)


def _block(rows: pd.DataFrame, widest: float, share: bool) -> _Block:
    """Set the text of a box, as wide as it needs to be."""
    lines: list[tuple[str, bool, float]] = []
    for row in rows.itertuples():
        first = row.kind in ("box", "aside")
        count, room = _count(row, share or not first), widest - 2 * _PAD
        if first:
            lines += [(text, True, 0.0) for text in _wrapped(row.label, room, _TEXT, bold=True)]
            lines += [(text, False, 0.0) for text in _wrapped(f"n = {count}", room, _SMALL)]
        else:
            texts = _wrapped(f"{row.label}: {count}", room - _INDENT, _SMALL)
            lines += [(text, False, _INDENT) for text in texts]
    width = max(
        figures.text_width(text, _TEXT if bold else _SMALL, bold) + at for text, bold, at in lines
    )
    return _Block(lines, width + 2 * _PAD)


def _count(row: Any, share: bool) -> str:
    text = f"{row.n}" + ("†" if row.printed else "")
    if share and not pd.isna(row.of) and row.of:
        text += f" ({rounding.rounded(100 * row.n / row.of, '0.0')}%)"
    return text + (f" [{row.lowest}–{row.highest}]" if row.lowest != row.highest else "")


def _box(axes: Axes, block: _Block, colour: str) -> None:
    from matplotlib.patches import Rectangle

    left = block.x - block.width / 2
    axes.add_patch(
        Rectangle(
            (left, block.y),
            block.width,
            block.height,
            facecolor=colour,
            edgecolor=_EDGE,
            lw=1.0,
            zorder=3,
        )
    )
    centred = not any(indent for _, _, indent in block.lines)
    y = block.y + _PAD
    for text, bold, indent in block.lines:
        size = _TEXT if bold else _SMALL
        axes.text(
            block.x if centred else left + _PAD + indent,
            y + _line(size) / 2,
            text,
            fontsize=size,
            weight="bold" if bold else "normal",
            ha="center" if centred else "left",
            va="center",
            zorder=4,
        )
        y += _line(size)


def _arrow(axes: Axes, x: float, y: float, to_x: float, to_y: float) -> None:
    axes.annotate(
        "",
        (to_x, to_y),
        (x, y),
        arrowprops={
            "arrowstyle": "-|>",
            "color": _EDGE,
            "lw": 1.0,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 9,
        },
    )


def _line(size: float) -> float:
    """Return the height of a line of text, inches."""
    return size * 1.45 / 72


def _wrapped(text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """Break a text at its spaces so that it fits into a width, inches."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and figures.text_width(longer, size, bold) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _words(data: pd.DataFrame) -> str:
    """Say in words what a diagram shows, box by box."""
    labels = dict(data.loc[data["kind"] == "box", ["box", "label"]].itertuples(index=False))
    several = Counter(data.loc[data["kind"] == "box", "after"])
    told: list[str] = []
    for row in data.itertuples():
        count = f"{row.n}" + (" as printed" if row.printed else "")
        if row.lowest != row.highest:
            count += f" ({row.lowest} to {row.highest} over the ensemble)"
        if row.kind == "box":
            branch = f"after {labels[row.after]}: " if several[row.after] > 1 and row.after else ""
            told.append(f"{branch}{row.label}, {count}")
        elif row.kind == "aside":
            told.append(f"side box after {labels[row.box]}: {row.label}, {count}")
        else:
            told[-1] += f"; {row.label}, {count}"
    return ". ".join(text[:1].upper() + text[1:] for text in told) + "."
