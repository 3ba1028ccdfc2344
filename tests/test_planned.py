"""A trial's plan as data: what is the paper's, what is assumed, and what is refused."""

import pytest

from helpers import catalogue, paths, planned
from helpers.errors import DataError

TRIAL = "nct06991920"


def test_each_number_is_the_papers_or_says_why():
    found = planned.load(TRIAL)
    for name, each in found.settings.items():
        assert bool(each.published) != bool(each.why), name
        assert each.label.startswith("Assumed: ") == (not each.published), name
    published = {name for name, each in found.settings.items() if each.published}
    assert published == {"patients", "landmark_months", "follow_up_months"}
    assert found.settings["patients"].default == 50
    assert found.settings["landmark_months"].default == 2 * 12


def test_the_table_shows_what_the_paper_prints():
    table = planned.table(TRIAL).set_index("what")
    printed = catalogue.number(TRIAL, "reg_sample_size").printed
    assert table.loc["Patients", "source"] == f"the paper: “{printed}”"
    assert (table["source"] == "assumed").sum() == len(table) - 3


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("default = 50\nminimum = 10", "default = 60\nminimum = 10", "right would be: 50"),
        ("default = 50\nminimum = 10", "default = 5\nminimum = 10", "right would be: 10 to 300"),
        ('published = "reg_sample_size"\n', "", "either published, or why"),
        ('compare = ["efs"', 'compare = ["pfs"', "no endpoint 'pfs'"),
        ("[settings.patients]", "[settings.patients", "not valid TOML"),
        ("minimum = 10\n", "", "minimum"),
    ],
)
def test_a_faulty_plan_is_refused_with_its_place(tmp_path, monkeypatch, old, new, told):
    folder = tmp_path / "data" / TRIAL
    folder.mkdir(parents=True)
    for name in ("paper.toml", "published.csv"):
        (folder / name).write_text((paths.paper(TRIAL) / name).read_text("utf-8"), "utf-8")
    text = (paths.paper(TRIAL) / "design.toml").read_text("utf-8")
    assert old in text
    (folder / "design.toml").write_text(text.replace(old, new, 1), "utf-8")
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    with pytest.raises(DataError, match=told.replace("(", r"\(")) as error:
        planned.load(TRIAL)
    assert "design.toml" in str(error.value)


def test_a_paper_without_a_plan_says_so():
    with pytest.raises(DataError, match="no plan"):
        planned.load("alal_nos")
