"""What readers are told in place of names."""

import re

import pytest

from helpers import audit, catalogue, ledgers, paper_tables, wording
from helpers.errors import QueryError


def names(paper, *ids):
    ledger = audit.ledger(paper).set_index("id", drop=False)
    return wording.named(ledger.loc[list(ids)])


def test_a_number_is_called_what_it_is_about():
    """By the paper's own words, the labels of variables and endpoints, or its name."""
    assert names("hma_ldac", "abs_crc_hma", "abs_p_crc", "abs_os_median_ldac", "abs_p_efs") == [
        "CR or CRi, HMA",
        "P of CR or CRi",
        "median overall survival, LDAC",
        "P of event-free survival",
    ]
    assert names("mini_hcvd", "res_crc_t_all", "t1_age_ge60_all", "res_os_12m_responders") == [
        "CR or CRi, T-cell ALL, evaluable",
        "age ≥ 60",
        "overall survival at 12 months, responders",
    ]
    assert names("mini_hcvd", "t2_infection_g3", "t2_infection_g12", "t1_cyto_t_4_11_all") == [
        "infection of grade 3",
        "infection of grade 1–2",
        "cytogenetics: t(4;11)",
    ]
    # No label is made of one value of several: "sepsis" would hide that someone stopped for it.
    assert names("vah", "res_discontinued_sepsis") == ["stopped for sepsis"]


@pytest.mark.parametrize("paper", catalogue.papers())
def test_no_name_of_the_catalogue_is_left(paper):
    ledger = audit.ledger(paper)
    told = wording.named(ledger)
    for column in ("reason", "method"):
        told += [wording.explained(text, paper=paper) for text in ledger[column]]
    assert [text for text in told if re.search(r"[a-z0-9]_[a-z0-9]", text)] == []
    assert all(told[: len(ledger)])


def test_a_reason_in_words():
    text = "5 of 11 (res_mrd_negative_responders_bm); sum of abs_cr_evaluable; phase1 (9)"
    assert wording.explained(text, paper="mini_hcvd") == (
        "5 of 11 (MRD-negative, responders with marrow disease); "
        "sum of “CR, evaluable”; “phase 1” (9)"
    )


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (r"$\geq 50\%$", "≥ 50%"),
        (r"$>0.5 \times 10^9/L$", ">0.5 × 10⁹/L"),
        ("$10^{-4}$", "10⁻⁴"),
        ("75 mg/m<sup>2</sup>", "75 mg/m²"),
        (r"$\sim 83\%$", "~83%"),
        ("8.3 months (95% CI: 6.7–9.8)", "8.3 months (95% CI: 6.7–9.8)"),
    ],
)
def test_markup_is_set(text, seen):
    assert wording.printed(text) == seen


def test_no_markup_is_left_in_any_paper():
    for paper in catalogue.papers():
        for number in catalogue.published(paper):
            assert not re.search(
                r"[$\\]\w|</?[a-z]|\^|Figure \d", wording.printed(number.printed)
            ), number


def test_a_query_in_words():
    variables = catalogue.load("mini_hcvd").variables
    for query, words in {
        "": "everyone",
        "CRCFL == 'Y'": "CR or CRi",
        "CRCFL != 'Y'": "not CR or CRi",
        "LINEAGE == 'T' and PRIOR_LINES >= 2": "T-cell ALL and lines of treatment before ≥ 2",
        "AGE < 30 and (SALVAGE == '1' or not DTHFL == 'N')": (
            "age < 30 and (first salvage or not (not died))"
        ),
        "BESTRSP in ['CR', 'PR']": "complete remission or partial remission",
        "BESTRSP not in ['CR', 'PR']": "not complete remission or partial remission",
        "CYCLES_RECEIVED in [1, 2]": "cycles received 1 or 2",
    }.items():
        assert wording.picked(query, variables) == words
    with pytest.raises(QueryError):
        wording.picked("AGE <", variables)


def test_tables_speak_in_words():
    found = ledgers.beside("mini_hcvd", ids=["res_cr_evaluable", "met_promising_crc"])
    assert found["what"].tolist() == ["CR, evaluable", "promising: rate of CR or CRi"]
    assert found["printed"].tolist() == ["9 patients (43%)", "≥ 50%"]
    assert found["cohorts"].tolist() in (["9/21 (43 %)", ""], ["", ""])
    cells = paper_tables.table("mini_hcvd", "1").data
    assert not cells["column_0"].str.contains(r"[$\\]", regex=True).any()
