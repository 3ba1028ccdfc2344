"""A panel's states worked out in the kernel that has run its lesson.

This is an extension of IPython. Where it is loaded, a panel is displayed as a record of all
states of its grid; a page is made of it later.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from helpers.errors import KitError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from helpers.panels import Panel

MIME = "application/vnd.trial-by-notebook.panel+json"
_DRAWING = re.compile(r"(?<=data:image/svg\+xml;base64,)[^\"]+")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Display panels as records from now on.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The kernel's shell.
    """
    formatter = shell.display_formatter.ipython_display_formatter  # type: ignore[union-attr]
    formatter.for_type_by_name("helpers.panels", "Panel", _show)


def record(panel: Panel) -> dict[str, Any]:
    """Work out every state of a panel's grid.

    Parameters
    ----------
    panel : helpers.panels.Panel
        The panel, where its lesson starts.

    Returns
    -------
    dict of str to object
        ``heading``; ``controls``, each with its name, label, kind, stops and where it starts;
        ``shown``, the outcome at the start as HTML; ``count`` of states; and the ``states``,
        packed: gzip in base64 of JSON.
    """
    from helpers.panels import as_html

    start = {name: control.value for name, control in panel.controls.items()}
    stops = {
        name: panel.grid.stops(name, control, start[name])
        for name, control in panel.controls.items()
    }
    states = panel.grid.states(stops, start)
    packed = _Packed()
    for state in states:
        place = ",".join(str(stops[name].index(value)) for name, value in state.items())
        try:
            packed.add(place, html=as_html(panel.try_out(state)[1]))
        except KitError as error:
            packed.add(place, message=str(error))
    return {
        "heading": panel.heading,
        "controls": [
            _control(name, control, stops[name], panel.grid.values.get(name, ()))
            for name, control in panel.controls.items()
        ],
        "shown": as_html(panel.outcome),
        "count": len(states),
        "states": packed.text(),
    }


class _Packed:
    """States as text that is short: each line of all outcomes and drawings is kept once.

    Two states of a panel differ in few of their lines. gzip alone sees 32 kB back, which is less
    than one drawing.
    """

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}
        self._drawings: dict[str, int] = {}
        self._numbered: list[list[int]] = []
        self._states: dict[str, Any] = {}

    def add(self, place: str, *, html: str = "", message: str = "") -> None:
        if message:
            self._states[place] = message
            return
        # A drawing stands in the HTML as its number.
        short = _DRAWING.sub(lambda found: str(self._drawing(found[0])), html)
        self._states[place] = self._numbers(short)

    def text(self) -> str:
        content = {
            "lines": list(self._lines),
            "drawings": self._numbered,
            "states": self._states,
        }
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")

    def _drawing(self, code: str) -> int:
        if code not in self._drawings:
            self._drawings[code] = len(self._numbered)
            self._numbered.append(self._numbers(base64.b64decode(code).decode()))
        return self._drawings[code]

    def _numbers(self, text: str) -> list[int]:
        return [self._lines.setdefault(line, len(self._lines)) for line in text.split("\n")]


def _show(panel: Panel) -> None:
    from IPython.display import display

    display({MIME: record(panel), "text/plain": repr(panel)}, raw=True)  # type: ignore[no-untyped-call]


def _control(name: str, control: Any, stops: list[Any], named: Collection[Any]) -> dict[str, Any]:
    """Describe a control, for a page to make one of its own."""
    words = named if isinstance(named, Mapping) else {}
    described: dict[str, Any] = {
        "name": name,
        "label": control.description,
        "stops": stops,
        "words": [str(words.get(stop, stop)) for stop in stops],
        "start": stops.index(control.value),
    }
    if hasattr(control, "options"):
        return described | {"kind": "choice"}
    if isinstance(control.value, bool):
        return described | {"kind": "switch"}
    if isinstance(control.value, str):
        return described | {"kind": "text"}
    kind = "slider" if hasattr(control, "readout") else "number"
    ends = {"min": control.min, "max": control.max, "step": control.step}
    return described | ends | {"kind": kind}
