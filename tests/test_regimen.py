"""Regimens as calendars: days by hand from the paper's words, and files with faults."""

import pytest

from helpers import dosing, paths, regimen
from helpers.errors import DataError, KitError

PAPER = "mini_hcvd"


@pytest.fixture
def data():
    return regimen.regimen_data(PAPER)


def days(data, cycle, drug):
    rows = data[(data["cycle"] == cycle) & (data["drug"] == drug)]
    return rows["day"].tolist()


@pytest.mark.parametrize(
    ("cycle", "drug", "expected"),
    [
        ("1", "venetoclax", range(1, 15)),
        ("2", "venetoclax", range(1, 8)),
        ("8", "venetoclax", range(1, 8)),
        ("7", "vincristine", [1, 8]),
        ("6", "vincristine", []),
        ("6", "methotrexate", [1]),
        ("3", "pegfilgrastim", [5]),
        ("4N", "nelarabine", range(1, 6)),
        ("5N", "PEG-asparaginase", [5]),
        ("4", "nelarabine", []),
    ],
)
def test_days_are_those_of_the_paper(data, cycle, drug, expected):
    assert days(data, cycle, drug) == list(expected)


def test_doses_without_a_day_end_with_the_greatest_number_in_all(data):
    rituximab = data[data["drug"] == "rituximab"]
    # Two doses in each cycle, up to eight.
    assert rituximab["cycle"].tolist() == ["1", "2", "3", "4"]
    assert rituximab["doses"].sum() == 8
    assert rituximab["day"].isna().all()
    assert set(rituximab["basis"]) == {"day not printed"}


def test_what_the_paper_does_not_print_is_marked(data):
    basis = data.groupby("drug")["basis"].first()
    assert basis["venetoclax"] == basis["nelarabine"] == "printed"
    assert basis["cyclophosphamide"] == basis["cytarabine"] == "elsewhere"


@pytest.mark.parametrize(
    ("level", "first"), [("200 mg", 100 + 13 * 200), ("400 mg", 100 + 200 + 12 * 400)]
)
def test_plans_add_up(level, first):
    plan = dosing.calendar(regimen.plans(PAPER, cycles=3)[level])
    by_cycle = plan.groupby("CYCLE")["DOSE"].sum()
    assert by_cycle.tolist() == [first, 7 * int(level[:3]), 7 * int(level[:3])]
    # The longest cycle that is printed: 21 to 28 days.
    assert plan["DAY"].max() == 28


def test_cycles_that_are_alike_share_a_calendar(data):
    picture = regimen.draw_regimen(data, cycle_days=28, source="elsewhere")
    for part in (
        "Cycle 1: venetoclax on days 1 to 14",
        "Cycles 2 and 4: venetoclax on days 1 to 7; methotrexate on day 1 (published elsewhere)",
        "Cycles 6 and 8",
        "dexamethasone on days 1 to 4, 11 to 14",
        "rituximab, 2 doses, days not printed",
    ):
        assert part in picture.alt
    with pytest.raises(KitError, match="nothing is given"):
        regimen.draw_regimen(data.head(0), cycle_days=28)


@pytest.fixture
def written(tmp_path, monkeypatch):
    def write(text):
        (tmp_path / "regimen.toml").write_text(text, encoding="utf-8")
        monkeypatch.setattr(paths, "paper", lambda _paper: tmp_path)

    return write


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("label = ", "not valid TOML"),
        ('label = "x"\ncycle_days_printed = "met_cycle_length"', "parts: Field required"),
        ('label = "x"\ncycle_days_printed = "a"\n[[parts]]\ndrug = "x"\ncolour = "red"', "colour"),
    ],
)
def test_a_file_with_faults_is_refused(written, text, told):
    written(text)
    with pytest.raises(DataError, match=told):
        regimen.load(PAPER)


def test_a_paper_without_a_regimen_says_so():
    assert regimen.described(PAPER)
    assert not regimen.described("alal_nos")
    with pytest.raises(DataError):
        regimen.load("alal_nos")
