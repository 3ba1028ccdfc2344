"""What is read from a report's page, compared, and saved as figures and tables."""

import base64
import csv
import importlib.util
import io
import re
from html import escape

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from small_lessons import CHECK, lesson, new_root, planned

from helpers import figures, report, tables
from helpers.errors import KitError, LessonError, MissingToolError
from helpers.report import exports, findings, summaries
from helpers.report.findings import Findings, Result, Table

HOSTILE = [
    "=HYPERLINK(1)",
    "+1+1",
    "@SUM(A1)",
    "-2+3",
    "\t=1",
    "＝1",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\\input{/etc/passwd}",
    "$x_1 & 50% #~^{}\\",
    "a\x00b\x1b[2J",
    "</table></body>",
    "&lt;b&gt;",
]


def page(*cells):
    """Return a page with cells of code that show some HTML."""
    inside = "".join(
        f'<h2>Part {number}</h2><div class="cell code_cell" id="cell-id=c{number}">{cell}</div>'
        for number, cell in enumerate(cells)
    )
    return f"<!DOCTYPE html><html><body><main>{inside}</main></body></html>"


def picture(svg, alt="A line."):
    return figures.Picture(svg, alt)._repr_html_()


def drawn():
    with figures.drawing(3, 2) as (figure, axes):
        axes.plot([0, 1])
        return figures.picture(figure, "A line.")


# --- what a page shows ----------------------------------------------------------------------------


def test_a_table_of_the_kit_is_read_as_it_was_set():
    data = pd.DataFrame({"a": ["x", "y"], "b": ["1.50", "NR"]})
    table = tables.table(data, caption="A <caption>", headings={"a": "", "b": "B"}, footnote="Note")
    found = findings.read(page(table._repr_html_(), table._repr_html_() * 2))
    assert [each.place for each in found.tables] == ["c0 table 0", "c1 table 0", "c1 table 1"]
    first = found.tables[0]
    assert (first.section, first.caption, first.note) == ("Part 0", "A <caption>", "Note")
    assert list(first.data.columns) == ["", "B"]
    assert first.data.to_numpy().tolist() == [["x", "1.50"], ["y", "NR"]]


def test_cells_that_span_others_are_laid_out():
    html = (
        "<table><thead><tr><th rowspan=2>Who</th><th colspan=2>Rate</th></tr>"
        "<tr><th>all</th><th>some</th></tr></thead>"
        "<tbody><tr><th>a</th><td>1</td><td>2</td></tr>"
        "<tr><td colspan=3>Heading</td></tr></tbody></table>"
    )
    (table,) = findings.read(page(html)).tables
    assert list(table.data.columns) == ["Who", "Rate · all", "Rate · some"]
    assert table.data.to_numpy().tolist() == [["a", "1", "2"], ["Heading"] * 3]


@pytest.mark.parametrize(
    "html", ["<table></table>", "<table><tr><td>1<td>2</table>", "<table><td colspan=99999999>x"]
)
def test_a_table_of_another_kind_does_no_harm(html):
    assert len(findings.read(page(html)).tables) == 1


def test_figures_and_sentences_are_read():
    shown = '<p class="tbn-summary">Median 3&nbsp;months.</p>'
    said = '<div class="output_stream"><pre>one  1\n\ntwo 2\n</pre></div>'
    dots = f'<img alt="Dots" src="data:image/png;base64,{base64.b64encode(b"dots").decode()}">'
    found = findings.read(page(picture(b"<svg/>") + shown, said + dots))
    assert [each.text for each in found.sentences] == ["Median 3 months.", "one 1", "two 2"]
    assert [(each.kind, each.content) for each in found.figures] == [
        ("svg", b"<svg/>"),
        ("png", b"dots"),
    ]


TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf"]), min_size=1, max_size=20
) | st.sampled_from(HOSTILE[:4] + HOSTILE[5:10] + HOSTILE[11:])


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS)
def test_no_text_in_a_table_is_taken_for_html(cells, caption):
    # What the kit sets is what a page holds, and what is read from it.
    html = tables.table(pd.DataFrame({"a": cells, "b": cells[::-1]}), caption=caption)
    (table,) = findings.read(page(html._repr_html_())).tables
    plain = [" ".join(cell.split()) for cell in cells]
    assert table.data.iloc[:, 0].tolist() == plain
    assert table.data.iloc[:, 1].tolist() == plain[::-1]
    assert table.caption == " ".join(caption.split())


# --- what moved -----------------------------------------------------------------------------------


def result(text, *, row="a", number=0, column="x", place="c table 0"):
    return Result(place, "Part", "Caption", row, number, column, text)


@pytest.mark.parametrize(
    ("own", "here", "by", "words"),
    [
        ("12.0", "12.5", [0.5], "+0.5"),
        ("0.2", "0.3", [0.1], "+0.1"),
        ("2,800 mg", "700 mg", [-2100], "−2,100"),
        ("12.3 (8.1–14.0)", "12.3 (9–14.0)", [0.9], "+0.9"),
        ("−0.5 to 0.5", "−0.7 to 0.9", [-0.2, 0.4], "−0.2; +0.4"),
        ("3-5 days", "3-6 days", [1], "+1"),
        ("CD19 in 4", "CD20 in 4", [], ""),
        ("NR", "12.0", [], ""),
        ("", "12.0", [], ""),
    ],
)
def test_a_difference_is_given_where_only_numbers_moved(own, here, by, words):
    move = summaries.Move(result(own), own, here)
    assert move.by == pytest.approx(by)
    assert move.by_words == words


def test_rows_belong_together_by_their_names_whatever_their_order():
    own = [result("1", row="a", number=0), result("2", row="b", number=1)]
    here = [result("2", row="b", number=0), result("5", row="a", number=1)]
    assert [(each.at.row, each.own, each.here) for each in summaries.moved(own, here)] == [
        ("a", "1", "5")
    ]


def test_rows_whose_names_moved_belong_together_by_their_order():
    own = [result("1", row="day 7"), result("2", row="day 14", number=1)]
    here = [result("1", row="day 7"), result("3", row="day 21", number=1)]
    assert [(each.own, each.here) for each in summaries.moved(own, here)] == [("2", "3")]


def test_rows_that_come_or_go_are_told():
    own = [result("1"), result("2", row="b", number=1)]
    moves = summaries.moved(own, own[:1])
    assert [(each.at.row, each.own, each.here) for each in moves] == [("b", "2", "")]
    moves = summaries.moved(own[:1], own)
    assert [(each.at.row, each.own, each.here) for each in moves] == [("b", "", "2")]
    alike = [result("1"), result("2", number=1)]
    assert summaries.moved(alike, alike) == []


def test_what_reports_say_is_no_html_and_no_formula_in_the_summary(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    path = lesson(new_root(tmp_path), "01_small", title="<script>alert(1)</script>")
    own, variant = planned(path), planned(path, cohort="AGE < 30")
    for text in HOSTILE:
        said = [result("before", row=text, column=text, place=text)]
        here = [result(text, row=text, column=text, place=text)]
        compared = summaries.compare([(own, said), (variant, here)])
        html = summaries.page(compared)
        assert not re.findall(r"<(script|img|b)\b", html)
        (row,) = csv.DictReader(io.StringIO(summaries.table(compared).decode("utf-8-sig")))
        for name in ("row", "column", "here"):
            assert not row[name].startswith(("=", "+", "-", "@", "\t", "＝"))


# --- saved ----------------------------------------------------------------------------------------


def saved(found, **kinds):
    return {each.name: each.write() for each in exports.files(found, **kinds)}


def table(cells, caption="A caption", note=""):
    data = pd.DataFrame({"First": cells, "Second": cells[::-1]})
    return Findings(tables=[Table("c table 0", "Part", caption, note, data)])


def test_a_figure_is_saved_as_it_is_and_with_300_dots_per_inch(chromium):
    shown = drawn()
    found = findings.read(page(shown._repr_html_()))
    files = saved(found, figures=["svg", "png"])
    assert files["figure-01.svg"] == shown.svg
    with Image.open(io.BytesIO(files["figure-01.png"])) as image:
        assert image.size == (900, 600)  # 3 × 2 inches
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        # Something is drawn, up to the edges of the axes, and nothing is cut off.
        dark = image.convert("L").point(lambda value: 255 * (value < 128)).getbbox()
    assert dark[0] < 150
    assert dark[3] > 500


@pytest.mark.parametrize(
    "inside",
    [
        "<script>1</script>",
        '<image href="https://example.org/a.png"/>',
        "<g onload='alert(1)'/>",
        "<foreignObject><iframe src='x'/></foreignObject>",
    ],
)
def test_a_drawing_that_could_do_something_is_not_saved(inside):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt">{inside}</svg>'
    found = findings.read(page(picture(svg.encode())))
    (each,) = exports.files(found, figures=["svg"])
    with pytest.raises(LessonError, match="would run or load something"):
        each.write()


def test_a_drawing_without_a_size_is_told(chromium):
    found = findings.read(page(picture(b"<svg/>")))
    (each,) = exports.files(found, figures=["png"])
    with pytest.raises(KitError, match="doesn't say its size"):
        each.write()


def test_a_table_as_csv_is_safe_to_open_in_a_spreadsheet():
    content = saved(table(HOSTILE, caption=""), tables=["csv"])["table-01.csv"]
    assert content.startswith(b"\xef\xbb\xbfFirst,Second\n")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    cells = [row[0] for row in rows[1:]]
    assert [cell.removeprefix("'") for cell in cells] == HOSTILE
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "＝"))]


def test_headings_are_guarded_and_may_be_alike():
    data = pd.DataFrame([["1", "2"]], columns=["=A", "=A"])
    found = Findings(tables=[Table("c", "Part", "", "", data)])
    files = saved(found, tables=["csv", "html", "latex"])
    assert files["table-01.csv"].decode("utf-8-sig") == "'=A,'=A\n1,2\n"
    assert files["table-01.html"].count(b'<th scope="col">=A</th>') == 2
    assert b"=A & =A" in files["table-01.tex"]


def test_a_table_as_html_holds_text_alone():
    content = saved(table(HOSTILE, caption=HOSTILE[6], note=HOSTILE[6]), tables=["html"])
    html = content["table-01.html"].decode()
    tags = set(re.findall(r"<(\w+)", html))
    allowed = "html head meta body table caption thead tbody tr th td p"
    assert tags <= set(allowed.split())
    assert html.count(escape(HOSTILE[6])) == 4


def test_a_table_as_latex_holds_text_alone():
    content = saved(table(HOSTILE, caption="50 % & more", note="a_1"), tables=["latex"])
    text = content["table-01.tex"].decode()
    assert r"\textbackslash{}input\{/etc/passwd\}" in text or r"\textbackslash input" in text
    assert "\\input" not in text
    assert r"\caption{50 \% \& more}" in text
    assert r"\footnotesize a\_1" in text
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    assert body.count(r" \\") == len(HOSTILE)
    # Every sign that means something to TeX is escaped, but for the columns' own.
    assert len(re.findall(r"(?<!\\)&", body)) == len(HOSTILE)
    assert not re.search(r"(?<!\\)[%$#]", body)


def test_a_table_as_word_holds_text_alone():
    word = {"caption": "A <caption>", "note": "Note"}
    if importlib.util.find_spec("docx") is None:
        with pytest.raises(MissingToolError, match="python-docx is not installed; right would be"):
            saved(table(HOSTILE, **word), tables=["docx"])
        return
    import docx

    content = saved(table(HOSTILE, **word), tables=["docx"])
    document = docx.Document(io.BytesIO(content["table-01.docx"]))
    assert [each.text for each in document.paragraphs] == ["A <caption>", "Note"]
    (grid,) = document.tables
    assert [cell.text for cell in grid.rows[0].cells] == ["First", "Second"]
    shown = [row.cells[0].text for row in grid.rows][1:]
    assert shown == ["".join(c for c in text if c.isprintable()) for text in HOSTILE]


def test_a_listing_says_which_file_shows_what():
    found = findings.read(page(picture(b"<svg/>", alt="=A line")))
    listed = exports.listing(exports.files(found, figures=["svg"])).decode("utf-8-sig")
    assert listed == "file,section,shows\nfigure-01.svg,Part 0,'=A line\n"


def test_files_are_made_of_a_page_that_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    root, out = new_root(tmp_path), tmp_path / "reports"
    out.mkdir()
    cell = "import pandas\npandas.DataFrame({'a': [1, 2], 'b': [3, 4]})"
    plan = planned(lesson(root, "01_small", CHECK, cell))

    def make(**kinds):
        (done,) = report.make([plan], out, wanted=report.Wanted(**kinds))
        assert done.faults == ()
        return [file.relative_to(out).as_posix() for file in done.written]

    assert make() == ["01_small.html"]
    listing = "01_small.files/contents.csv"
    assert make(tables=("csv",)) == ["01_small.files/table-01.csv", listing]
    assert make(tables=("csv", "latex")) == ["01_small.files/table-01.tex", listing]
    # A new page takes the files of the old one away.
    lesson(root, "01_small", CHECK, "print('no table')")
    assert make() == ["01_small.html"]
    assert [file.name for file in out.iterdir()] == ["01_small.html"]
