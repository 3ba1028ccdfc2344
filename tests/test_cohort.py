"""Patients as data: what is coded says what is printed, and groups are who the letter says."""

import math
import re

import pandas as pd
import pytest

from helpers import catalogue, cohort, query
from helpers.errors import DataError, QueryError

PAPER = "alal_nos"


def members(group):
    return set(cohort.group(PAPER, group)["USUBJID"])


# --- reading -------------------------------------------------------------------------------------


def test_printed_cells_stay_text():
    """91.50 is how one patient's blasts are printed, and 79.0 another's."""
    printed = cohort.printed(PAPER)
    assert printed["BMBLAST"].tolist() == ["87.0", "91.50", "83.5", "68.0", "73.5", "79.0"]
    assert printed.map(lambda cell: type(cell) is str).all(axis=None)


def test_cells_get_their_type():
    patients = cohort.patients(PAPER)
    assert patients["AGE"].dtype.kind == "i"
    assert patients["WBC"].dtype.kind == "f"
    assert patients["GENES"].iloc[0] == ("RUNX1", "FAT1", "BCOR")
    assert patients["PRIORCRS"].isna().tolist() == [True] + 5 * [False]
    assert patients["DTHCAUS"].isna().tolist() == [False, True, False, True, True, True]
    assert patients["SEX"].notna().all()


def test_a_reader_cannot_spoil_the_data_for_the_next():
    printed, patients = cohort.printed(PAPER), cohort.patients(PAPER)
    printed.loc[0, "AGE"] = "1"
    patients.loc[0, "AGE"] = 1
    assert cohort.patients(PAPER)["AGE"].iloc[0] == 66


def test_a_query_picks_rows_in_their_order():
    patients = cohort.patients(PAPER, "AGE < 30")
    assert patients["USUBJID"].tolist() == ["2", "3", "4", "6"]
    assert patients.index.tolist() == [1, 2, 3, 5]
    assert len(cohort.patients(PAPER, "AGE > 100")) == 0
    assert list(cohort.patients(PAPER, "AGE > 100")) == list(patients)
    with pytest.raises(QueryError):
        cohort.patients(PAPER, "AGE <")


def test_an_unknown_group_is_told_with_those_there_are():
    with pytest.raises(DataError, match=r"no group 'woman'.*women"):
        cohort.group(PAPER, "woman")


def test_a_paper_without_patients_is_told_so(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    (tmp_path / "data" / "trial").mkdir(parents=True)
    (tmp_path / "data" / "trial" / "paper.toml").write_text(
        'id = "trial"\ntitle = "A trial"\nshort_title = "Trial"\nkind = "article"\ncitation = "X"\n'
    )
    with pytest.raises(DataError, match="data/trial: the paper does not show its patients"):
        cohort.patients("trial")


def test_the_codebook_describes_every_column():
    described = cohort.codebook(catalogue.load(PAPER))
    assert described["column"].tolist() == list(cohort.printed(PAPER))
    row = described.set_index("column").loc["BESTRSP"]
    assert row["values"].startswith("CR = complete remission; CRi = ")


# --- the six patients: what is coded against what is printed -----------------------------------
# The numbers here were typed from the letter's two tables, not from the data.


@pytest.mark.parametrize(
    ("column", "as_printed"),
    {
        "SEX": ["F", "M", "M", "M", "F", "M"],
        "AGE": [66, 16, 23, 29, 52, 22],
        "WBC": [3.37, 25.18, 62.9, 2.36, 5.57, 55.5],
        "BMBLAST": [87.0, 91.5, 83.5, 68.0, 73.5, 79.0],
        "VENDOSE": [400, 400, 400, 200, 400, 400],
        "VENDAYS": [28, 14, 21, 14, 14, 14],
        "BESTRSP": ["CR", "CR", "CR", "CRi", "CR", "CR"],
        "OUTCTXT": ["Dead", "CR", "Dead", "CR", "CR", "CR"],
        "OSM": [36, 15, 9, 8, 7, 5],
    }.items(),
)
def test_the_tables_are_copied_right(column, as_printed):
    assert cohort.patients(PAPER)[column].tolist() == as_printed


CODED = {
    "KARYOCAT": lambda row: "normal" if row["KARYOTXT"] in ("46,XX", "46,XY") else "abnormal",
    "KMT2A": lambda row: "Y" if row["FISHTXT"] == "MLL(+)" else "N",
    "GENES": lambda row: ";".join(re.findall(r"\w+", row["MUTTXT"])),
    "PRIORCRS": lambda row: str(row["PRIORTXT"].count("NR") or ""),
    "PRIORTX": lambda row: "refractory" if "NR" in row["PRIORTXT"] else "relapsed",
    "PHSCTFL": lambda row: "Y" if "HSCT" in row["PRIORTXT"] else "N",
    "VENCRS": lambda row: str(row["REINDTXT"].count("VEN")),
    "VENDOSE": lambda row: re.match(r"(\d+) mg", row["VENDOSTX"])[1],
    "AZOLE": lambda row: "voriconazole" if "voriconazole" in row["VENDOSTX"] else "none",
    "VENDAYS": lambda row: row["VENDAYTX"].removesuffix("d"),
    "RSP1": lambda row: "PR" if "PR" in row["REINDTXT"] else row["RSPTXT"],
    "BESTRSP": lambda row: row["RSPTXT"],
    "HSCTFL": lambda row: row["HSCTTXT"],
    "DTHFL": lambda row: "Y" if row["OUTCTXT"] == "Dead" else "N",
}


@pytest.mark.parametrize(("column", "decode"), CODED.items(), ids=CODED)
def test_a_code_says_what_the_wording_beside_it_says(column, decode):
    printed = cohort.printed(PAPER)
    assert printed[column].tolist() == [decode(row) for _, row in printed.iterrows()]


def test_what_is_only_told_of_some_is_empty_for_the_others():
    patients = cohort.patients(PAPER)
    assert (patients["DTHCAUS"].notna() == (patients["DTHFL"] == "Y")).all()
    assert (patients["CRDURM"].notna() == (patients["RLPFL"] == "Y")).all()


# --- groups ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "ids"),
    {
        "all": "123456",
        "women": "15",
        "men": "2346",
        "normal_karyotype": "134",
        "kmt2a": "4",
        "runx1": "1",
        "aml_genes": "",
        "relapsed": "1",
        "refractory": "23456",
        "responders": "123456",
        "cr": "12356",
        "cri": "4",
        "cr_after_one": "1256",
        "cri_after_one": "4",
        "pr_after_one": "3",
        "hsct": "23456",
        "no_hsct": "1",
        "alive": "2456",
        "alive_in_cr": "2456",
        "died_of_gvhd": "3",
        "died_of_progression": "1",
        "voriconazole": "4",
        "ven_aza": "1",
        **{f"patient_{each}": each for each in "123456"},
    }.items(),
)
def test_a_group_is_who_the_letter_says(group, ids):
    assert members(group) == set(ids)


def test_no_group_is_left_out_above():
    """A new group wants its members checked too."""
    known = test_a_group_is_who_the_letter_says.pytestmark[0].args[1]
    assert {group for group, _ in known} == catalogue.load(PAPER).groups.keys()


@pytest.mark.parametrize(
    ("whole", "parts"),
    [
        ("all", ["women", "men"]),
        ("all", ["relapsed", "refractory"]),
        ("responders", ["cr", "cri"]),
        ("all", ["cr_after_one", "cri_after_one", "pr_after_one"]),
        ("all", ["hsct", "no_hsct"]),
        ("all", ["alive", "died_of_gvhd", "died_of_progression"]),
    ],
)
def test_groups_that_must_make_up_a_whole_do(whole, parts):
    everyone = [subject for part in parts for subject in sorted(members(part))]
    assert sorted(everyone) == sorted(members(whole))


def test_select_works_on_any_table():
    table = pd.DataFrame({"AGE": [math.nan, 10.0, 20.0]}, index=["a", "b", "c"])
    variables = catalogue.load(PAPER).variables
    assert cohort.select(table, "AGE >= 10", variables).index.tolist() == ["b", "c"]
    assert cohort.select(table, "", variables).index.tolist() == ["a", "b", "c"]
    assert query.parse("", variables).names() == set()
