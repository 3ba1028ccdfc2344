"""Tables: every cell as printed, the same HTML each time, and nothing taken for markup."""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from helpers import audit, catalogue, tables, wording
from helpers.errors import DataError

PAPER = "alal_nos"
PATIENTS = Path(__file__).parents[1] / "data" / PAPER / "patients.csv"


class Cells(HTMLParser):
    """Collect the text of headings and cells, row by row."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.open = [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.open = True

    def handle_endtag(self, tag):
        self.open = self.open and tag not in ("td", "th")

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data


def rows(table):
    return Cells(table._repr_html_()).rows


@pytest.mark.parametrize("number", ["1", "2"])
def test_a_printed_table_shows_every_cell_as_the_file_holds_it(number):
    layout = catalogue.table_layout(PAPER, number)
    with PATIENTS.open(encoding="utf-8", newline="") as lines:
        expected = [
            [row[column.variable] for column in layout.columns] for row in csv.DictReader(lines)
        ]
    caption, headings, *body = rows(tables.printed(PAPER, number))
    assert caption == [layout.caption]
    assert headings == [column.heading for column in layout.columns]
    assert body[:6] == expected
    assert body[6] == [layout.footnote]


def test_an_unknown_table_is_told():
    with pytest.raises(DataError, match=r"no table '3'.*1, 2"):
        tables.printed(PAPER, "3")


def columns(table):
    """Return the caption, the cells of each column by heading, and what stands below."""
    caption, headings, *body = rows(table)
    whole = [row for row in body if len(row) == len(headings)]
    below = body[len(whole) :]
    cells = {name: [row[at] for row in whole] for at, name in enumerate(headings)}
    return caption, cells, below


def test_a_verdict_is_a_word_with_a_sign():
    verdicts = audit.ledger(PAPER)
    caption, cells, below = columns(tables.ledger(verdicts, caption="Verdicts"))
    assert (caption, below) == (["Verdicts"], [])
    assert cells["Printed"] == verdicts["printed"].tolist()
    assert cells["Recomputed"] == verdicts["recomputed"].tolist()
    assert cells["Where"] == verdicts["location"].tolist()
    assert cells["What"] == wording.named(verdicts)
    assert cells["How"] == [wording.explained(text, paper=PAPER) for text in verdicts["method"]]
    signs = {"reproduced": "✓", "observation": "·", "inconsistent": "✗"}
    told = [verdict.split() for verdict in cells["Verdict"]]
    assert told == [[signs[each], each] for each in verdicts["verdict"]]


def test_reasons_stand_where_a_number_is_not_reproduced():
    verdicts = audit.ledger(PAPER)
    table = tables.ledger(verdicts, caption="All", reasons=True, footnote="A note.")
    _, cells, below = columns(table)
    assert below == [["A note."]]
    reproduced = verdicts["verdict"] == "reproduced"
    told = [verdicts.loc[row, "method" if reproduced[row] else "reason"] for row in verdicts.index]
    assert cells["How, or why not"] == [wording.explained(text, paper=PAPER) for text in told]


def test_text_is_text_and_nothing_is_nothing():
    data = pd.DataFrame(
        {"a": ["AGE < 30 & x", None], "b": [1.5, float("nan")], "c": ["<b>bold</b>", "46,XX"]}
    )
    table = tables.table(data, caption="<i>Six</i> patients & more", headings={"a": "A < B"})
    caption, headings, *body = rows(table)
    assert caption == ["<i>Six</i> patients & more"]
    assert headings == ["A < B", "b", "c"]
    assert body == [["AGE < 30 & x", "1.5", "<b>bold</b>"], ["", "", "46,XX"]]
    assert data.isna().sum().sum() == 2


def test_the_same_table_gives_the_same_page():
    data = pd.DataFrame({"a": ["x"]})
    one, other = (tables.table(data, caption="One — table")._repr_html_() for _ in range(2))
    assert one == other
    assert 'id="tbn-one-table"' in one
    assert tables.table(data, caption="Another")._repr_html_() != one


def test_numbers_can_stand_flush_right():
    data = pd.DataFrame({"a": ["x"], "b": ["10"]})
    html = tables.table(data, caption="x", align_right=("b",))._repr_html_()
    assert re.search(r'class="gt_row gt_left"[^>]*>x<', html)
    assert re.search(r'class="gt_row gt_right"[^>]*>10<', html)


def test_a_table_in_plain_text():
    table = tables.table(pd.DataFrame({"a": ["x", None]}), caption="Caption")
    assert repr(table).splitlines()[0] == "Caption"
    assert "nan" not in repr(table).lower()
    assert "none" not in repr(table).lower()


def test_an_empty_table_is_a_table():
    table = tables.table(pd.DataFrame({"a": []}), caption="Nothing")
    assert rows(table)[:2] == [["Nothing"], ["a"]]
