"""The catalogue against the excerpts it was typed from, and those against the texts if at hand.

Set ``TRIAL_TEXTS`` to a folder with the five texts to hold every excerpt against them; their
names start with the numbers below. The texts are not part of the project.
"""

import csv
import os
import re
import unicodedata
from functools import cache
from pathlib import Path

import pytest

from helpers import catalogue

DATA = Path(__file__).parents[1] / "data"
TEXTS = {
    "alal_nos": "000",
    "nct06991920": "001",
    "vah": "002",
    "hma_ldac": "003",
    "mini_hcvd": "004",
}
LEAST = {"vah": 644, "mini_hcvd": 363, "hma_ldac": 20, "nct06991920": 21, "alal_nos": 114}
LONGEST = 160
"""Characters: enough to find a number by, too little to be the paper."""


@cache
def excerpts(paper):
    with (DATA / paper / "excerpts.csv").open(encoding="utf-8", newline="") as lines:
        return [(row["id"], row["excerpt"]) for row in csv.DictReader(lines)]


def plain(text):
    """Return a text with one kind of space only."""
    return " ".join(unicodedata.normalize("NFC", text).split())


@pytest.mark.parametrize("paper", LEAST)
def test_every_number_is_there(paper):
    assert len(catalogue.published(paper)) >= LEAST[paper]


@pytest.mark.parametrize("paper", LEAST)
def test_each_number_has_one_excerpt(paper):
    ids = [id for id, _ in excerpts(paper)]
    assert ids == [number.id for number in catalogue.published(paper)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("paper", LEAST)
def test_what_is_printed_stands_in_its_excerpt(paper):
    found = dict(excerpts(paper))
    missing = [
        (number.id, number.printed, found[number.id])
        for number in catalogue.published(paper)
        if plain(number.printed) not in plain(found[number.id])
    ]
    assert missing == []


@pytest.mark.parametrize("paper", LEAST)
def test_excerpts_are_short(paper):
    assert [id for id, excerpt in excerpts(paper) if not 0 < len(excerpt) <= LONGEST] == []


NUMBER = r"(?<![\d.])\d+(?:\.\d+)?(?![\d])"


@pytest.mark.parametrize("paper", LEAST)
def test_every_digit_typed_into_a_cell_was_printed(paper):
    """A value or limit in digits stands in what the paper prints; counts may be in words."""
    wrong = []
    for number in catalogue.published(paper):
        if "10^{-" in number.printed:
            continue  # a power: typed out as a decimal
        seen = re.findall(NUMBER, number.printed.replace(",", "").replace("·", "."))
        for name in ("value", "lower", "upper"):
            cell = (getattr(number, name) or "").lstrip("<>")
            if re.fullmatch(r"\d+\.\d+", cell) and cell not in seen:
                wrong.append((number.id, name, cell, number.printed))
    assert wrong == []


COLUMNS = {
    **{"t1_age": "AGE", "t1_wbc": "WBC", "t1_blasts": "BMBLAST"},
    **{"t2_dose": "VENDOSE", "t2_days": "VENDAYS", "t2_os": "OSM"},
}


@pytest.mark.parametrize("cells", COLUMNS)
def test_the_letters_tables_were_typed_twice_and_alike(cells):
    """As published numbers and as patients, digit by digit."""
    with (DATA / "alal_nos" / "patients.csv").open(encoding="utf-8", newline="") as lines:
        patients = {row["USUBJID"]: row[COLUMNS[cells]] for row in csv.DictReader(lines)}
    numbers = catalogue.published("alal_nos")
    rows = [number for number in numbers if number.id.startswith(f"{cells}_patient_")]
    assert {number.group: number.value for number in rows} == {
        f"patient_{patient}": value for patient, value in patients.items()
    }


def test_the_groups_that_a_reconstruction_needs():
    wanted = "all refractory relapsed_chemo relapsed_allo hsct no_hsct flt3 no_flt3"
    wanted += " crc crc_hsct crc_no_hsct"
    used = {number.group for number in catalogue.published("vah")}
    assert set(wanted.split()) <= catalogue.load("vah").groups.keys()
    assert set(wanted.split()) <= used


@cache
def source(paper):
    folder = Path(os.environ["TRIAL_TEXTS"])
    (file,) = folder.glob(f"{TEXTS[paper]}*")
    return plain(file.read_text(encoding="utf-8"))


def test_each_excerpt_stands_in_its_text():
    """Without the texts at hand there is nothing to compare: the test is of no paper then."""
    papers = TEXTS if os.environ.get("TRIAL_TEXTS") else ()
    missing = {
        paper: [(id, each) for id, each in excerpts(paper) if plain(each) not in source(paper)]
        for paper in papers
    }
    assert not any(missing.values()), missing
