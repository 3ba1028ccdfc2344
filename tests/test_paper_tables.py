"""A paper's tables: each cell at its place, with its verdict."""

import re

import pytest

from helpers import audit, layouts, paper_tables
from helpers.errors import KitError

TABLES = list(layouts.load("vah").tables)


@pytest.mark.parametrize("number", TABLES)
def test_every_cell_stands_once_with_what_is_printed(number):
    layout = layouts.load("vah").tables[number]
    found = paper_tables.cells("vah", number)
    expected = sum(len(layout.columns) * bool(row.numbers) + bool(row.p) for row in layout.rows)
    assert len(found) == expected
    assert found["id"].is_unique
    data = paper_tables.table("vah", number).data
    for cell in found.itertuples():
        assert data.iloc[cell.row, cell.column + 1].startswith(cell.printed)
        assert data.iloc[cell.row, 0] == layout.rows[cell.row].label
    empty = data.iloc[:, 1:].to_numpy() == ""
    assert empty.size - empty.sum() == expected


def test_a_slip_is_told_by_its_sign_and_by_its_look():
    table = paper_tables.table("vah", "3")
    (nausea,) = table.data.index[table.data["what"] == "Nausea"]
    cell = table.data.loc[nausea, "column_0"].replace("\N{NO-BREAK SPACE}", " ")
    assert cell == "20 (22.9)\n✗ 20/96 = 20.8 %"
    page = table._repr_html_()
    wrong = (paper_tables.cells("vah", "3")["verdict"] == "inconsistent").sum()
    assert len(re.findall("border-left: 3px", page)) == wrong == 2
    assert page == paper_tables.table("vah", "3")._repr_html_()


def test_several_ways_to_a_number_are_counted():
    cell = paper_tables.table("vah", "1").data.set_index("what").loc["– male", "column_0"]
    assert cell.replace("\N{NO-BREAK SPACE}", " ") == "51 (53.1)\n✓ 51/96 = 53.1 % (+1)"


def test_verdicts_are_counted_by_table():
    found = paper_tables.verdicts("vah", "1", "3").set_index("table")
    assert found["inconsistent"].tolist() == [2, 2]
    assert found["numbers"].tolist() == [len(paper_tables.cells("vah", n)) for n in ("1", "3")]
    assert (found.drop(columns="numbers").sum(axis=1) == found["numbers"]).all()


def test_a_table_that_is_not_laid_out():
    with pytest.raises(KitError, match=r"no table '9'.*1_mutations"):
        paper_tables.table("vah", "9")


def test_a_listing_speaks_in_words_and_gives_reasons_where_they_are_needed():
    ledger = audit.ledger("vah").set_index("id", drop=False)
    ids = ["res_crc_hma", "res_sepsis_ge3", "res_crc_all"]
    found = paper_tables.listing(ledger.loc[ids], paper="vah", caption="Some", places=True).data
    assert found["what"].tolist() == ["CRc, with HMA before", "sepsis of grade ≥ 3", "CRc"]
    assert found["where"].tolist() == ledger.loc[ids, "location"].tolist()
    assert [bool(why) for why in found["why"]] == [False, True, False]
    assert found["recomputed"].iloc[2].endswith("(+6)")
    fine = paper_tables.listing(ledger.loc[ids[:1]], paper="vah", caption="Some").data
    assert list(fine.columns) == ["what", "printed", "recomputed", "verdict"]


def test_what_the_extraction_left_of_formulas_is_cleared():
    ledger = audit.ledger("vah").set_index("id", drop=False)
    found = paper_tables.listing(
        ledger.loc[["res_ae_grade_serious", "res_death_relapse"]], paper="vah", caption="Some"
    ).data
    assert found["printed"].tolist() == ["grade ≥ 3", "n=36 , 83.7%"]
