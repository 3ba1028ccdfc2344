"""Layouts: those of the papers are whole, and faults are told."""

import shutil

import pytest

from helpers import catalogue, layouts, paths, query
from helpers.errors import DataError

PAPERS = [name for name in catalogue.papers() if (paths.paper(name) / "layout.toml").is_file()]


def test_there_is_one():
    assert "vah" in PAPERS


@pytest.mark.parametrize("paper", PAPERS)
def test_every_layout_can_be_read(paper):
    assert layouts.load(paper) is layouts.load(paper)


def test_every_gene_of_the_first_table_has_a_function():
    variables = catalogue.load("vah").variables
    genes = [text for group in layouts.load("vah").genes.values() for text in group.values()]
    named = [query.parse(text, variables).names() for text in genes]
    assert all(len(names) == 1 for names in named)
    mutations = {
        name for name, each in variables.items() if each.label.endswith(("mutation", "ETO"))
    } | {"MLL"}
    assert set().union(*named) == mutations
    assert len(named) == len(mutations)


def test_every_number_of_a_table_stands_in_its_layout():
    """The survival block of the second table is another lesson's."""
    laid_out = {
        row.numbers.format(column)
        for table in layouts.load("vah").tables.values()
        for row in table.rows
        for column in table.columns
        if row.numbers
    } | {row.p for table in layouts.load("vah").tables.values() for row in table.rows if row.p}
    for number in catalogue.published("vah"):
        survival = number.quantity.removeprefix("p_").startswith(("os_", "efs_"))
        beside = "_fn_" in number.id or number.id == "t3_n_all"
        if number.location.startswith("table") and not survival and not beside:
            assert number.id in laid_out, number.id


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense = [", "not valid TOML"),
        ("nonsense = 1", "nonsense"),
        ('[companions]\na = { dose = "no_such", days = "met_azacitidine_days" }', "'no_such'"),
        ('[groups]\n"A" = { b = "no_group" }', "no group 'no_group'"),
        ('[outcomes]\n"A" = "NOSUCH == 1"', "NOSUCH == 1: "),
        (
            '[tables.1]\ncaption = "T"\ncolumns = { all = "All" }\n'
            'rows = [{ label = "a", numbers = "t9_{}" }]',
            "'t9_all'",
        ),
        ('[tables.1]\ncaption = "T"\ncolumns = { all = "All" }\nrows = []', "rows"),
        ('[[flow]]\nname = "a"', "flow"),
    ],
)
def test_faults_are_told(tmp_path, monkeypatch, text, told):
    folder = tmp_path / "data" / "vah"
    folder.mkdir(parents=True)
    for name in ("paper.toml", "published.csv"):
        shutil.copy(paths.paper("vah") / name, folder / name)
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    with pytest.raises(DataError, match="no such file"):
        layouts.load("vah")
    (folder / "layout.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as error:
        layouts.load("vah")
    assert error.value.where.startswith(("data/vah/layout.toml", "flow diagram"))
    assert told in str(error.value)
