"""What a page holds, as read from its HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Contents:
    """What a page says of itself, and what it would load from elsewhere.

    Attributes
    ----------
    record : str
        What it tells the index, as JSON; empty if it is no report.
    made : str
        When it was made.
    needs : list of str
        What it cannot show without a script or another file.
    """

    record: str = ""
    made: str = ""
    needs: list[str] = field(default_factory=list)


def contents(html: str) -> Contents:
    """Read a page.

    Parameters
    ----------
    html : str
        The page.

    Returns
    -------
    Contents

    Examples
    --------
    >>> contents('<img alt="A curve" src="curve.png">').needs
    ["<img src='curve.png'>"]
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    _LOADING = frozenset({"src", "srcset", "poster", "background", "data", "xlink:href"})
    _FOREIGN = frozenset({"script", "iframe", "frame", "object", "embed", "base"})
    _STYLE = re.compile(r"@import|url\(\s*['\"]?(?!data:|#|['\"])[^)]*")

    def __init__(self) -> None:
        super().__init__()
        self.found = Contents()
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        if tag == "meta" and given.get("name") == "report":
            self.found.record = given.get("content", "")
        # The last one: a lesson may hold times of its own.
        if tag == "time":
            self.found.made = given.get("datetime", "")
        if tag in self._FOREIGN:
            self.found.needs.append(f"a <{tag}>")
        loading = self._LOADING | ({"href"} if tag in {"link", "image", "use"} else set())
        for name, value in given.items():
            if name in loading and not value.startswith(("data:", "#")):
                self.found.needs.append(f"<{tag} {name}={value[:80]!r}>")
            if name == "style":
                self._look_at(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self._look_at(data)

    def _look_at(self, style: str) -> None:
        self.found.needs += [f"a style with {found[:80]}" for found in self._STYLE.findall(style)]
