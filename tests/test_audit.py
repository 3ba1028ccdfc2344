"""Verdicts: right as the data stands, and different as soon as a digit does."""

import calendar
import csv
import datetime as dt
import math
import shutil
from fractions import Fraction
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers import audit, catalogue, cohort, rounding
from helpers.errors import DataError, KitError

properties = settings(deadline=None, max_examples=60)
DATA = Path(__file__).parents[1] / "data"
PAPER = "alal_nos"

# --- agreement with printed digits ---------------------------------------------------------------


@properties
@given(
    st.integers(-20_000, 20_000).map(lambda thousandths: thousandths / 1000),
    st.integers(0, 3),
    st.integers(-3, 3),
)
@example(8.45, 1, 0)
@example(0.125, 2, 0)
@example(2.675, 2, 0)
def test_agreement_is_rounding_half_up_or_half_to_even(value, decimals, off):
    """In whole numbers and fractions, where nothing is lost."""
    exact = Fraction(round(value * 1000), 1000) * 10**decimals
    half_up = int(math.copysign(math.floor(abs(exact) + Fraction(1, 2)), exact))
    near = round(exact) + off
    printed = f"{near / 10**decimals:.{decimals}f}"
    assert rounding.agrees(value, printed) == (near in (half_up, round(exact)))


@pytest.mark.parametrize(
    ("value", "printed", "expected"),
    [
        *[(8.45, "8.5", True), (8.45, "8.4", True), (8.55, "8.5", False), (8.449, "8.5", False)],
        *[(8.5, "8.50", True), (8.504, "8.50", True), (8.506, "8.50", False)],
        *[(26.0, "26", True), (26.5, "26", True), (26.5, "27", True), (26.51, "26", False)],
        *[(-0.4, "0", True), (-1.25, "-1.3", True), (3.0, " 3 ", True), (math.nan, "3", False)],
    ],
)
def test_agreement_by_example(value, printed, expected):
    assert rounding.agrees(value, printed) == expected


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e30])
def test_a_value_beyond_all_printing_agrees_with_nothing(value):
    assert not rounding.agrees(value, "8.5")


@pytest.mark.parametrize("printed", ["", "eight", "8,5", "26 years"])
def test_what_is_no_number_is_refused(printed):
    with pytest.raises(KitError, match="not a number"):
        rounding.agrees(8.5, printed)


# --- the letter's verdicts -----------------------------------------------------------------------

# What only the letter's text tells, or tells only once: nothing can contradict it.
OBSERVED = {
    *["txt_window_start", "txt_window_end", "txt_cutoff", "txt_start_dose", "txt_chemo_start"],
    *["txt_aza_ramp", "txt_chemo_ramp", "txt_chemo_day", "txt_aza_dose", "txt_aza_length"],
    *[
        "txt_relapsed",
        "txt_cr_duration",
        "txt_gvhd",
        "txt_gvhd_grade",
        "dis_gvhd",
        "dis_progression",
    ],
    *["txt_tls", "txt_nausea", "txt_haematological", "txt_interruptions", "txt_bleeding"],
    *["txt_who", "txt_reinduced", "txt_response_course", "txt_haematological_grade"],
}


def test_the_letters_verdicts():
    ledger = audit.ledger(PAPER).set_index("id")
    assert set(ledger["verdict"]) <= audit.VERDICTS.keys()
    assert set(ledger.index[ledger["verdict"] == "inconsistent"]) == {"txt_follow_up"}
    cells = ledger.index[ledger["location"].isin(["table 1", "table 2"])]
    assert set(ledger.index[ledger["verdict"] == "observation"]) == OBSERVED | set(cells)
    rest = ledger.drop([*OBSERVED, *cells, "txt_follow_up"])
    assert (rest["verdict"] == "reproduced").all()


def test_a_cell_of_the_tables_is_a_raw_fact():
    """Patients.csv holds the same cells: it can't prove them."""
    ledger = audit.ledger(PAPER)
    cells = ledger[ledger["location"].isin(["table 1", "table 2"])]
    # Age, white cells and blasts of six; ten clones, six of them with their cells counted;
    # dose, days and survival of six.
    assert len(cells) == 6 * 3 + 10 + 6 + 6 * 3
    assert set(cells["verdict"]) == {"observation"}
    assert set(cells["recomputed"]) == {""}
    variables, groups = catalogue.load(PAPER).variables, catalogue.load(PAPER).groups
    assert not set(cells["quantity"]) & (variables.keys() | groups.keys())


def test_the_one_contradiction_is_explained():
    """With the median right, and the three survivors who were followed for too short a time."""
    row = audit.ledger(PAPER).set_index("id").loc["txt_follow_up"]
    assert row["recomputed"] == "8.5 (5–36)"
    for part in ("2020-07", "2021-05-01", "9.0 months", "8 (patient 4)", "5 (patient 6)"):
        assert part in row["reason"]
    assert "patient 2" not in row["reason"]


def test_a_ledger_has_a_row_for_each_published_number():
    ledger = audit.ledger(PAPER)
    with (DATA / PAPER / "published.csv").open(encoding="utf-8", newline="") as lines:
        assert ledger["id"].tolist() == [row["id"] for row in csv.DictReader(lines)]
    assert list(ledger) == [
        *["paper", "id", "location", "quantity", "group", "statistic"],
        *["printed", "recomputed", "verdict", "method", "reason"],
    ]


# --- a digit changed -----------------------------------------------------------------------------


@pytest.fixture
def changed(tmp_path, monkeypatch):
    """Return a function that changes cells in a copy of the data and gives the verdicts."""
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    shutil.copytree(DATA, tmp_path / "data")

    def change(name, edit):
        file = tmp_path / "data" / PAPER / name
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        for row in rows:
            edit(row)
        with file.open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return audit.ledger(PAPER).set_index("id")

    return change


@pytest.mark.parametrize("column", ["value", "count", "total", "lower", "upper"])
def test_a_number_of_the_text_changed_is_reproduced_no_more(changed, column):
    before = audit.ledger(PAPER).set_index("id")["verdict"]
    touched = set()

    def edit(row):
        if row[column] and before[row["id"]] == "reproduced":
            # A count above its total would be refused as soon as it is read.
            step = -1 if column == "count" and row["count"] == row["total"] else 1
            row[column] = f"{float(row[column]) + step:g}"
            touched.add(row["id"])

    after = changed("published.csv", edit)
    assert touched
    assert (after.loc[sorted(touched), "verdict"] == "inconsistent").all()
    rest = after.drop(sorted(touched))["verdict"]
    assert rest.equals(before[rest.index])


@pytest.mark.parametrize(
    ("patient", "column", "cell", "hit"),
    [
        # The least, the greatest and the two middle times make the range and the median.
        *[("6", "OSM", "6", "txt_follow_up"), ("1", "OSM", "37", "txt_follow_up")],
        *[("4", "OSM", "7", "txt_follow_up"), ("3", "OSM", "10", "txt_follow_up")],
        *[("1", "AGE", "67", "txt_age"), ("2", "AGE", "15", "txt_age")],
        *[("3", "AGE", "25", "txt_age"), ("4", "AGE", "27", "txt_age")],
        *[("5", "SEX", "M", "txt_women"), ("5", "SEX", "M", "txt_men")],
        ("5", "KARYOCAT", "normal", "txt_normal"),
        ("5", "KMT2A", "Y", "txt_kmt2a"),
        ("5", "GENES", "BCOR;NPM1", "txt_aml_genes"),
        ("1", "GENES", "FAT1;BCOR", "txt_runx1"),
        ("2", "PRIORCRS", "", "txt_refractory"),
        *[("1", "VENDOSE", "300", "txt_aza_target"), ("1", "VENDAYS", "27", "txt_aza_days")],
        *[("1", "VENCRS", "2", "txt_aza_course"), ("4", "VENDOSE", "100", "txt_vori_dose")],
        *[("2", "VENDOSE", "600", "txt_chemo_target"), ("6", "VENDAYS", "13", "txt_chemo_days")],
        *[("2", "RSP1", "CRi", "txt_cr_one"), ("4", "RSP1", "PR", "txt_pr_one")],
        *[("6", "HSCTFL", "N", "txt_hsct"), ("6", "HSCTFL", "N", "dis_alive")],
        ("6", "OUTCTXT", "Dead", "abs_alive"),
    ],
)
def test_a_cell_of_the_tables_changed_contradicts_the_text(changed, patient, column, cell, hit):
    def edit(row):
        if row["USUBJID"] == patient:
            row[column] = cell

    row = changed("patients.csv", edit).loc[hit]
    assert row["verdict"] == "inconsistent"
    assert row["reason"] == f"the paper's own patients give {row['recomputed']}"


def test_with_a_later_window_the_follow_up_would_fit(changed):
    """From the end of 2020 to 1 May 2021 are four months; the shortest follow-up is five."""

    def later(row):
        if row["id"] == "txt_window_end":
            row["value"] = "2020-12"

    assert changed("published.csv", later).loc["txt_follow_up", "verdict"] == "reproduced"


def test_the_dead_are_not_asked_to_reach_the_cut_off(changed):
    """Death ended their follow-up, whenever it came."""

    def dead(row):
        if row["USUBJID"] in "456":
            row["DTHFL"] = "Y"

    assert changed("patients.csv", dead).loc["txt_follow_up", "verdict"] == "reproduced"


def test_a_value_that_is_no_number_is_told_with_its_line(changed):
    def spoil(row):
        if row["id"] == "txt_age":
            row["value"] = "26 years"

    with pytest.raises(DataError, match=r"published\.csv, line 15.*26 years"):
        changed("published.csv", spoil)


# --- what comes from the text can't check the text -----------------------------------------------

PAPER_TOML = """id = "small"
title = "A small paper"
short_title = "Small"
kind = "letter"
citation = "Nowhere 2020"
patient_level = true

[variables.USUBJID]
label = "patient"
type = "text"
source = "Table 1"
[variables.LINES]
label = "lines"
type = "integer"
source = "Table 1"
[variables.GRADE]
label = "grade"
type = "integer"
source = "text"

[groups]
all = ""
severe = "GRADE == 4"
many = "LINES >= 2"
severe_and_many = "GRADE == 4 and LINES >= 2"
"""
HEADER = (
    "id,location,quantity,group,statistic,printed,value,count,total,lower,upper,level,unit,"
    "relates_to,note"
)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Return a function that gives the verdict of one number of a small paper."""
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    folder = tmp_path / "data" / "small"
    folder.mkdir(parents=True)
    (folder / "paper.toml").write_text(PAPER_TOML)
    (folder / "patients.csv").write_text("USUBJID,LINES,GRADE\n1,1,4\n2,2,4\n3,3,\n4,,3\n")

    def verdict(row):
        (folder / "published.csv").write_text(f"{HEADER}\nx,text,{row}\n")
        found = audit.ledger("small").iloc[0]
        return found["verdict"], found["recomputed"]

    return verdict


@pytest.mark.parametrize(
    "row",
    [
        "severe,all,count_percent,2 of 4,,2,4,,,,,,",
        "severe,all,count_percent,3 of 4,,3,4,,,,,,",
        "many,severe,count_percent,1 of 2,,1,2,,,,,,",
        "severe_and_many,all,count_percent,1,,1,,,,,,,",
        "GRADE,all,median_range,4 (3–4),4,,,3,4,,,,",
        "LINES,severe,median_range,1.5 (1–2),1.5,,,1,2,,,,",
    ],
)
def test_a_number_from_the_text_is_an_observation(small, row):
    """Whether it agrees or not: the patients' cells were filled from the same sentence."""
    assert small(row) == ("observation", "")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("many,all,count_percent,2,,2,,,,,,,", ("reproduced", "2 of 4")),
        ("many,all,count_percent,2 of 3,,2,3,,,,,,", ("inconsistent", "2 of 4")),
        ("LINES,all,median_range,2 (1–3),2,,,1,3,,,,", ("reproduced", "2 (1–3)")),
        ("LINES,all,median_range,2 (1–4),2,,,1,4,,,,", ("inconsistent", "2 (1–3)")),
        ("LINES,all,median_range,2.5 (1–3),2.5,,,1,3,,,,", ("inconsistent", "2 (1–3)")),
        ("LINES,all,threshold,at least 1,,,,1,,,,,", ("reproduced", "1")),
        ("LINES,all,threshold,at least 2,,,,2,,,,,", ("inconsistent", "1")),
        ("LINES,all,dose,1–3,,,,1,3,,,,", ("reproduced", "1–3")),
        ("LINES,all,dose,1–2,,,,1,2,,,,", ("inconsistent", "1–3")),
        ("LINES,all,duration,1,1,,,,,,,,", ("inconsistent", "1; 2; 3")),
        ("nausea,all,count_percent,2,,2,,,,,,,", ("observation", "")),
    ],
)
def test_a_number_from_the_tables_is_checked(small, row, expected):
    assert small(row) == expected


def test_a_number_of_patients_without_the_value_is_not_determined(small, tmp_path):
    file = tmp_path / "data" / "small" / "paper.toml"
    file.write_text(PAPER_TOML + "unknown = \"USUBJID == '4'\"\n")
    for row in (
        "LINES,unknown,duration,2,2,,,,,,,,",
        "LINES,unknown,median_range,2 (2–2),2,,,2,2,,,,",
    ):
        assert small(row)[0] == "undetermined"


# --- follow-up against dates ---------------------------------------------------------------------

days = st.dates(dt.date(2000, 1, 1), dt.date(2030, 1, 1))


MONTH = Fraction(36525, 1200)  # days: a month where only months are printed


def against_dates(window_end, length, months):
    survivors = pd.DataFrame({"USUBJID": [str(each) for each in months], "OSM": months})
    cutoff = window_end + dt.timedelta(days=length)
    table = audit.follow_up_against_dates(
        survivors, window_end=window_end.isoformat(), cutoff=cutoff.isoformat()
    )
    return cutoff, table


@properties
@given(days, st.integers(0, 1500), st.lists(st.integers(0, 48), min_size=1, max_size=4))
@example(dt.date(2020, 7, 31), 274, [15, 9, 8, 7, 5])
def test_a_follow_up_is_possible_if_the_window_ended_late_enough(window_end, length, months):
    """A clock that reads m months has run for less than m + 1."""
    _, table = against_dates(window_end, length, months)
    assert table["POSSIBLE"].tolist() == [length < (each + 1) * MONTH for each in months]
    assert table["LEAST"].tolist() == pytest.approx([length / float(MONTH)] * len(months))


@properties
@given(days, st.integers(0, 1500), st.lists(st.integers(0, 48), min_size=1, max_size=4))
@example(dt.date(2020, 7, 31), 274, [15, 8, 7, 5])
def test_the_earliest_day_is_counted_back_day_by_day(window_end, length, months):
    cutoff, table = against_dates(window_end, length, months)
    for row in table.itertuples():
        run = 0
        while run + 1 < (row.OSM + 1) * MONTH:
            run += 1
        assert cutoff - row.EARLIEST == dt.timedelta(days=run)
        assert bool(row.POSSIBLE) == (window_end >= row.EARLIEST)


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize("year", [2019, 2020])
def test_a_window_that_ends_with_a_month_ends_on_its_last_day(year, month):
    survivors = cohort.group(PAPER, "alive")
    last = dt.date(year, month, calendar.monthrange(year, month)[1])
    by_month, by_day = (
        audit.follow_up_against_dates(survivors, window_end=end, cutoff="2021-05-01")
        for end in (f"{year}-{month:02}", last.isoformat())
    )
    pd.testing.assert_frame_equal(by_month, by_day)
    assert by_month["LEAST"].iloc[0] * audit.DAYS_PER_MONTH == pytest.approx(
        (dt.date(2021, 5, 1) - last).days
    )


def test_the_letters_survivors():
    """Nine months and a day lie between 31 July 2020 and 1 May 2021."""
    table = audit.follow_up_against_dates(
        cohort.group(PAPER, "alive"), window_end="2020-07", cutoff="2021-05-01"
    )
    assert dict(zip(table["USUBJID"], table["POSSIBLE"], strict=True)) == {
        "2": True,
        "4": False,
        "5": False,
        "6": False,
    }
