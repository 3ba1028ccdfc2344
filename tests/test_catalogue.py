"""A paper's folder is read as it stands, and each fault in it is told in one line."""

import csv
import datetime as dt
import re
import shutil
from pathlib import Path

import pytest

from helpers import catalogue, cohort, paths, query
from helpers.errors import DataError, KitError

DATA = Path(__file__).parents[1] / "data"
each_paper = pytest.mark.parametrize(
    "paper", sorted(file.parent.name for file in DATA.glob("*/paper.toml"))
)

PAPER = """id = "small"
title = "A small paper"
short_title = "Small"
kind = "letter"
citation = "Nowhere 2020"
patient_level = true

[variables.USUBJID]
label = "patient"
type = "text"
source = "Table 1"
[variables.AGE]
label = "age"
type = "integer"
source = "Table 1"
minimum = 0
maximum = 110
[variables.WBC]
label = "white blood cells"
type = "number"
source = "Table 1"
[variables.SEX]
label = "sex"
type = "category"
source = "Table 1"
values = { F = "female", M = "male" }

[groups]
all = ""
women = "SEX == 'F'"

[tables.1]
caption = "Table 1"
columns = [{ heading = "No", variable = "USUBJID" }]
"""
HEADER = (
    "id,location,quantity,group,statistic,printed,value,count,total,lower,upper,level,unit,"
    "relates_to,note\n"
)
PUBLISHED = HEADER + (
    "n,abstract,all,all,count_percent,three patients,,3,,,,,patients,,\n"
    "f,abstract,women,all,count_percent,two of the three,,2,3,,,,patients,n,\n"
)
PATIENTS = "USUBJID,AGE,WBC,SEX\n1,50,2.5,F\n2,60,,F\n3,70,10,M\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder of a small paper without a fault."""
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    folder = tmp_path / "data" / "small"
    folder.mkdir(parents=True)
    (folder / "paper.toml").write_text(PAPER, encoding="utf-8")
    (folder / "published.csv").write_text(PUBLISHED, encoding="utf-8")
    (folder / "patients.csv").write_text(PATIENTS, encoding="utf-8")
    return folder


def read_everything():
    for number in catalogue.load("small").tables:
        layout = catalogue.table_layout("small", number)
        cohort.printed("small")[[column.variable for column in layout.columns]]
    return catalogue.published("small"), cohort.patients("small")


def edit(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


# --- a folder without a fault --------------------------------------------------------------------


def test_a_sound_folder_is_read_as_written(folder):
    numbers, patients = read_everything()
    assert [number.id for number in numbers] == ["n", "f"]
    assert (numbers[1].count, numbers[1].total, numbers[1].value) == (2, 3, None)
    assert numbers[1].relates_to == ("n",)
    assert patients["AGE"].tolist() == [50, 60, 70]
    assert catalogue.number("small", "f").printed == "two of the three"


def test_a_value_keeps_its_printed_decimals(folder):
    """8.50 is another claim than 8.5."""
    edit(folder / "published.csv", "three patients,,3", "three patients,8.50,3")
    assert catalogue.number("small", "n").value == "8.50"


def test_what_spreadsheets_add_does_no_harm(folder):
    """A byte-order mark, Windows line ends, blank rows and space around cells."""
    text = PATIENTS.replace("\n", "\r\n").replace("1,50", " 1 , 50 ") + ",,,\r\n\r\n"
    (folder / "patients.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    patients = cohort.patients("small")
    assert patients["USUBJID"].tolist() == ["1", "2", "3"]
    assert patients["AGE"].tolist() == [50, 60, 70]


def test_a_mended_file_is_read_anew(folder):
    edit(folder / "patients.csv", "1,50", "1,fifty")
    with pytest.raises(DataError):
        cohort.patients("small")
    edit(folder / "patients.csv", "1,fifty", "1,51")
    assert cohort.patients("small")["AGE"].tolist() == [51, 60, 70]


def test_patients_are_checked_anew_when_the_paper_changes(folder):
    cohort.patients("small")
    edit(folder / "paper.toml", "maximum = 110", "maximum = 65")
    with pytest.raises(DataError, match="line 4, column AGE"):
        cohort.patients("small")


# --- each kind of fault --------------------------------------------------------------------------

FAULTS = {
    "not TOML": ("paper.toml", 'id = "small"', "id = small", ["not valid TOML", "line 1"]),
    "unknown key": (
        "paper.toml",
        "patient_level = true",
        'patient_level = true\ncolour = "red"',
        ["colour", "not permitted", "'red'"],
    ),
    "unknown key of a variable": (
        "paper.toml",
        "maximum = 110",
        "maximum = 110\nhighest = 110",
        ["variables.AGE.highest", "not permitted"],
    ),
    "unknown kind": ("paper.toml", '"letter"', '"novel"', ["kind", "'letter'", "'novel'"]),
    "wrong id": ("paper.toml", 'id = "small"', 'id = "big"', ["'big'", "'small'"]),
    "missing key": ("paper.toml", 'title = "A small paper"\n', "", ["title", "required"]),
    "table with an unknown variable": (
        "paper.toml",
        'variable = "USUBJID"',
        'variable = "SUBJID"',
        ["tables", "SUBJID"],
    ),
    "unknown statistic": (
        "published.csv",
        "women,all,count_percent",
        "women,all,count",
        ["line 3", "statistic", "'count_percent'", "'count'"],
    ),
    "unknown group": (
        "published.csv",
        "women,all,",
        "women,girls,",
        ["line 3", "column group", "'girls'", "one of all, women"],
    ),
    "dangling relation": (
        "published.csv",
        "patients,n,",
        "patients,m,",
        ["line 3", "column relates_to", "'m'"],
    ),
    "id used twice": (
        "published.csv",
        "patients,n,\n",
        "patients,n,\nn,abstract,all,all,count_percent,three,,3,,,,,patients,,\n",
        ["line 4", "'n'", "line 2"],
    ),
    "letter in a count": (
        "published.csv",
        ",,2,3,",
        ",,2x,3,",
        ["line 3", "count", "integer", "'2x'"],
    ),
    "letter in a limit": (
        "published.csv",
        ",,2,3,,",
        ",,2,3,o,",
        ["line 3", "lower", "number", "'o'"],
    ),
    "nothing printed": ("published.csv", "two of the three", "", ["line 3", "printed"]),
    "row too long": ("published.csv", "patients,n,", "patients,n,,", ["line 3", "16 cells", "15"]),
    "row too short": ("patients.csv", "3,70,10,M", "3,70,M", ["line 4", "3 cells", "4"]),
    "other columns": ("patients.csv", "AGE,WBC", "WBC,AGE", ["USUBJID, AGE, WBC, SEX"]),
    "text for a number": (
        "patients.csv",
        "1,50",
        "1,fifty",
        ["line 2", "column AGE", "'fifty'", "a number"],
    ),
    "underscore in a number": (
        "patients.csv",
        "70,10,",
        "70,1_0,",
        ["line 4", "column WBC", "'1_0'", "a number"],
    ),
    "part of a year": (
        "patients.csv",
        "1,50",
        "1,50.5",
        ["line 2", "column AGE", "'50.5'", "a whole number"],
    ),
    "number too low": (
        "patients.csv",
        "1,50",
        "1,-1",
        ["line 2", "column AGE", "'-1'", "at least 0"],
    ),
    "number too high": (
        "patients.csv",
        "1,50",
        "1,111",
        ["line 2", "column AGE", "'111'", "at most 110"],
    ),
    "unknown code": (
        "patients.csv",
        "50,2.5,F",
        "50,2.5,f",
        ["line 2", "column SEX", "'f'", "F, M"],
    ),
    "patient twice": ("patients.csv", "2,60", "1,60", ["patient 1", "2 rows"]),
}


@pytest.mark.parametrize(("name", "old", "new", "told"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_in_one_line(folder, name, old, new, told):
    edit(folder / name, old, new)
    with pytest.raises(DataError) as error:
        read_everything()
    message = str(error.value)
    assert "\n" not in message
    for part in [f"data/small/{name}", *told]:
        assert part in message


@pytest.mark.parametrize("name", ["paper.toml", "published.csv", "patients.csv"])
def test_a_file_that_cannot_be_read(folder, name):
    good = (folder / name).read_bytes()
    spoilt = {
        "not UTF-8": good + "# Köln\n".encode("latin-1"),
        "at most 5,000,000": good + b"\n" * 5_000_000,
    }
    for told, content in spoilt.items():
        (folder / name).write_bytes(content)
        with pytest.raises(DataError, match=told) as error:
            read_everything()
        assert str(error.value).startswith(f"data/small/{name}: ")
    (folder / name).unlink()
    with pytest.raises(DataError, match=re.escape(f"data/small/{name}")) as error:
        read_everything()
    assert "no " in str(error.value)


def test_a_quote_left_open(folder):
    """It swallows the rest of the file, which may be longer than a CSV cell can be."""
    for rest in ("", "x" * 200_000):
        (folder / "patients.csv").write_text(PATIENTS.replace("2.5", '"2.5') + rest)
        with pytest.raises(DataError, match=r"^data/small/patients\.csv") as error:
            read_everything()
        assert "\n" not in str(error.value)


def test_faults_are_told_all_at_once(folder):
    edit(folder / "published.csv", "women,all,", "women,girls,")
    edit(folder / "published.csv", "patients,n,", "patients,m,")
    edit(folder / "published.csv", ",,3,,,,,patients", ",,three,,,,,patients")
    with pytest.raises(DataError) as error:
        catalogue.published("small")
    assert len(str(error.value).splitlines()) == 3


def test_a_line_is_counted_as_an_editor_counts_it(folder):
    edit(folder / "published.csv", "three patients", '"three\npatients"')
    edit(folder / "published.csv", "women,all,", "women,girls,")
    with pytest.raises(DataError, match="line 4, column group"):
        catalogue.published("small")


def test_what_is_not_there_is_named_with_what_is(folder):
    with pytest.raises(DataError, match=r"no paper 'smal'.*right would be: small"):
        catalogue.load("smal")
    with pytest.raises(DataError, match="no number 'g'"):
        catalogue.number("small", "g")
    with pytest.raises(DataError, match=r"no table '2'.*right would be: 1"):
        catalogue.table_layout("small", "2")


def test_a_lesson_is_a_notebook_with_a_number(folder):
    notebooks = folder.parents[1] / "notebooks"
    notebooks.mkdir()
    for name in ("02_b.ipynb", "01_a.ipynb", "draft.ipynb", "03_c.txt"):
        (notebooks / name).touch()
    assert [lesson.name for lesson in paths.lessons()] == ["01_a.ipynb", "02_b.ipynb"]


# --- the papers of the kit -----------------------------------------------------------------------


@each_paper
def test_a_paper_is_whole(paper):
    described = catalogue.load(paper)
    assert catalogue.published(paper)
    for name, text in described.groups.items():
        assert query.parse(text, described.variables), name
    for definition in described.endpoints.values():
        assert query.parse(definition.population, described.variables)
    for each in described.assumptions.values():
        assert each.minimum <= each.default <= each.maximum
    for table in described.tables.values():
        assert {column.variable for column in table.columns} <= described.variables.keys()
    for name, variable in described.variables.items():
        assert variable.label, name
        assert variable.source, name
        assert bool(variable.values) == (variable.type == "category"), name


SMALL = "no one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
SMALL += " fifteen sixteen seventeen eighteen nineteen"
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS = {word: number for number, word in enumerate(SMALL.split())} | {"fourth": 4}
WORDS |= {word: 10 * number for number, word in enumerate(TENS.split(), start=2)}


def numbers_in(printed):
    """Return the numbers that a printed text holds, in digits or in words."""
    text = printed.lower()
    found = {
        float(digits) for digits in re.findall(r"\d+(?:\.\d+)?", re.sub(r"(?<=\d),", "", text))
    }
    for words in re.findall(r"[a-z]+(?:-[a-z]+)?", text):
        parts = words.split("-")
        if all(part in WORDS for part in parts):
            found.add(sum(WORDS[part] for part in parts))
    if between := re.match(r"patients (\d+)–(\d+)", text):
        first, last = map(int, between.groups())
        found.add(last - first + 1)
    return found


@each_paper
def test_coded_numbers_are_those_printed(paper):
    """So that neither can change without the other."""
    for number in catalogue.published(paper):
        printed = numbers_in(number.printed)
        if number.statistic == "date" or not printed or "^" in number.printed:
            continue
        coded = [number.value, number.lower, number.upper]
        # Beside a percentage alone, the counts are those of another place.
        if not re.fullmatch(r"\D*[\d.]+\s*%\D*", number.printed):
            coded.append(number.count)
            # A denominator is often that of the table's heading or of the sentence before.
            if re.search(r"\bof\b|\d/\d", number.printed):
                coded.append(number.total)
        for each in coded:
            try:
                there = each is None or float(each) in printed
            except ValueError:  # such as <5
                way = {"NE": "NE|not estim", "NR": "NR|not reached"}.get(each, re.escape(each))
                text = re.sub(r"\s*([<>≤≥])\s*", r"\1", number.printed)
                there = re.search(way, text, re.IGNORECASE)
            assert there, (number.id, number.printed, each)


@each_paper
def test_coded_dates_are_those_printed(paper):
    for number in catalogue.published(paper):
        if number.statistic != "date":
            continue
        year, month, day = (number.value + "-01-01").split("-")[:3]
        coded = dt.date(int(year), int(month), int(day))
        ways = {
            0: [f"{coded:%Y}"],
            1: [f"{coded:%B} {coded:%Y}"],
            2: [f"{coded:%B} {coded.day}, {coded:%Y}", f"{coded.day} {coded:%B} {coded:%Y}"],
        }
        assert number.printed.removesuffix("s") in ways[number.value.count("-")], number.id


@each_paper
def test_no_line_is_longer_than_its_header_and_no_cell_has_a_line_break(paper):
    """read_rows would refuse the first; the second would make diffs hard to read."""
    for file in (DATA / paper).glob("*.csv"):
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines))
        assert len({len(row) for row in rows}) == 1
        assert not any("\n" in cell for row in rows for cell in row)


def test_papers_can_be_kept_elsewhere(tmp_path, monkeypatch):
    shutil.copytree(DATA / "alal_nos", tmp_path / "data" / "mine")
    edit(tmp_path / "data" / "mine" / "paper.toml", 'id = "alal_nos"', 'id = "mine"')
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    assert len(cohort.patients("mine")) == 6
    with pytest.raises(KitError, match="no paper 'alal_nos'"):
        cohort.patients("alal_nos")
