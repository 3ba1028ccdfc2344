"""Documents side by side: counts, doses, curves and printed numbers, by hand from the documents."""

import numpy as np
import pandas as pd
import pytest

from helpers import catalogue, parameters, paths
from helpers.comparison import answers, documents, doses, patients, printed, rates, survival
from helpers.comparison import settings as offered
from helpers.errors import DataError, KitError, ParameterError

GROUPS = tuple(offered.GROUPS)


def chosen(**values):
    return parameters.check(values, *GROUPS, paper="")


def alone(*papers):
    return {f"with_{paper}": paper in papers for paper in documents.with_patients()}


# --- what the file says --------------------------------------------------------------------------


def test_every_document_of_the_kit_stands_in_the_comparison():
    assert sorted(documents.load().documents) == catalogue.papers()
    assert [paper for paper, each in documents.load().documents.items() if each.real] == [
        paper for paper in catalogue.papers() if catalogue.load(paper).patient_level
    ]


def test_every_query_and_every_number_is_there():
    told = documents.load()
    for whom in told.populations.values():
        for paper, query in whom.items():
            assert patients.members(paper, patients.assumed(chosen())).picked(query).any()
    for response in told.responses.values():
        for part in (response.of, response.at_least, response.at_most):
            for paper, query in part.items():
                assert patients.members(paper, patients.assumed(chosen())).picked(query).any()
    assert len(printed.cells()) == sum(
        len(ids) for row in told.rows for ids in row.numbers.values()
    )


def test_a_fault_in_the_file_is_told(tmp_path):
    with paths.elsewhere(tmp_path):
        with pytest.raises(DataError, match=r"documents\.toml: there is no such file"):
            documents.load()
        file = tmp_path / "data" / "comparison" / "documents.toml"
        file.parent.mkdir(parents=True)
        file.write_text("[documents.one]\nname = 'One'\n", "utf-8")
        with pytest.raises(DataError, match=r"documents\.one\.label"):
            documents.load()


def test_settings_without_a_paper_are_checked():
    assert chosen(with_vah="False").with_vah is False
    for wrong in ({"population": "all"}, {"prior_scale": 5.0}, {"response": "PR"}):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            chosen(**wrong)


# --- rates ---------------------------------------------------------------------------------------

# By hand from the documents: of how many, and how many had it.
SIX, VAH, ARMS = {"alal_nos": (6, 6)}, {"vah": (68, 96)}, {"hma_ldac": (31, 70)}
BY_HAND = {
    ("CR or CRi", "everyone treated"): SIX | VAH | ARMS | {"mini_hcvd": (12, 22)},
    ("CR or CRi", "evaluable for response"): SIX | VAH | ARMS | {"mini_hcvd": (12, 21)},
    ("CR or CRi", "no transplant before"): {"alal_nos": (5, 5), "mini_hcvd": (5, 9)},
    ("CR or CRi", "transplant before"): {"alal_nos": (1, 1), "mini_hcvd": (7, 13)},
    ("CR", "everyone treated"): {"alal_nos": (5, 6), "vah": (40, 96), "mini_hcvd": (9, 22)},
    ("CR, CRi or PR", "everyone treated"): SIX | {"vah": (75, 96), "mini_hcvd": (13, 22)},
    ("CR or CRi after one course", "everyone treated"): {
        "alal_nos": (5, 6),
        "vah": (56, 96),
        "mini_hcvd": (9, 22),
    },
}


@pytest.mark.parametrize(("response", "population"), BY_HAND)
def test_rates_are_those_of_the_documents(response, population):
    table = rates.counted(chosen(response=response, population=population)).set_index("paper")
    for paper, (count, total) in BY_HAND[response, population].items():
        row = table.loc[paper]
        assert (row["count"], row["total"]) == (count, total)
        assert row["least"] == row["most"] == count / total


def test_what_a_document_does_not_print_is_a_range():
    table = rates.counted(chosen(response="CR")).set_index("paper")
    row = table.loc["hma_ldac"]
    assert pd.isna(row["count"])
    assert (row["least"], row["most"]) == (0, 31 / 70)
    assert row["why"] == "not printed"
    row = rates.counted(chosen(response="CR, CRi or PR")).set_index("paper").loc["hma_ldac"]
    assert (row["least"], row["most"]) == (31 / 70, 1)
    row = rates.counted(chosen(population="transplant before")).set_index("paper").loc["hma_ldac"]
    assert (row["least"], row["most"], row["why"]) == (0, 1, "not recorded of whom")


def test_arms_apart_are_two():
    table = rates.counted(chosen(arms_apart=True))
    arms = table[table["paper"] == "hma_ldac"]
    assert arms["label"].tolist() == ["HMA or LDAC: HMA", "HMA or LDAC: LDAC"]
    assert list(zip(arms["count"], arms["total"], strict=True)) == [(22, 42), (9, 28)]


def test_pooling_needs_two_rates():
    one = rates.counted(chosen(**alone("vah")))
    with pytest.raises(KitError, match="1 rates to pool"):
        rates.pooled(one, "Bayes")
    assert rates.summaries(one).empty
    assert rates.without_each(one).empty
    with pytest.raises(KitError, match="no model 'mean'"):
        rates.pooled(rates.counted(chosen()), "mean")
    two = rates.counted(chosen(**alone("vah", "mini_hcvd")))
    assert len(rates.summaries(two)) == 3
    assert rates.without_each(two).empty
    for data in (rates.summaries(one), rates.summaries(two)):
        assert "95 % interval" in rates.summaries_table(data, caption="x")._repr_html_()


def test_summaries_are_in_order_and_in_percent():
    table = rates.counted(chosen())
    data = rates.summaries(table)
    ends = data[["predicted_lower", "lower", "estimate", "upper", "predicted_upper"]].to_numpy()
    assert (np.diff(ends, axis=1) > 0).all()
    assert ((ends > 0) & (ends < 1)).all()
    shown = rates.summaries_table(data, caption="pooled").data
    assert shown["estimate"].tolist() == [f"{100 * each:.0f}" for each in data["estimate"]]
    assert rates.without_each(table)["label"].tolist() == table["label"].tolist()


def test_the_forest_has_a_line_for_each_and_two_for_all():
    lines = rates.forest(rates.counted(chosen()), chosen())
    assert lines["kind"].tolist() == ["study"] * 4 + ["pooled", "predicted"]
    assert lines["weight"].iloc[:4].sum() == pytest.approx(1)
    lines = rates.forest(rates.counted(chosen(response="CR")), chosen(response="CR"))
    assert lines["kind"].tolist() == ["study", "study", "open", "study", "pooled", "predicted"]


def test_every_definition_is_pooled_where_it_can_be():
    table = rates.across_definitions(chosen())
    told = documents.load()
    assert len(table) == len(told.responses) * len(told.populations)
    assert (table["estimate"].notna() == (table["determined"] >= 2)).all()
    strict = table[(table["response"] == "CR") & (table["population"] == "everyone treated")]
    assert strict["determined"].tolist() == [3]
    assert strict["estimate"].iloc[0] < table["estimate"].iloc[0]


# --- survival ------------------------------------------------------------------------------------


def test_the_six_are_counted_from_diagnosis_and_from_treatment_as_by_hand():
    """From venetoclax on one of four at risk has died by a year; the other death comes later."""
    found, left_out = survival.followed(chosen(**alone("alal_nos")))
    assert left_out == {}
    row = survival.read_off(found, month=12).iloc[0]
    assert (row["origin"], row["alive_low"], row["at_risk_low"]) == ("diagnosis", 4 / 6, 2)
    found, _ = survival.followed(chosen(origin="treatment", **alone("alal_nos")))
    # Times less the failed courses: 13, 7, 7, 6, 4; patient 3 died at 7 with four at risk.
    assert survival.read_off(found, month=12)["alive_low"].iloc[0] == pytest.approx(3 / 4)


def test_printed_survival_comes_out_from_treatment():
    found, _ = survival.followed(chosen())
    table = survival.read_off(found, month=12).set_index("label")
    year = float(catalogue.number("vah", "abs_os_12m_all").value)
    for end in ("alive_low", "alive_high"):
        assert round(100 * table.loc["VAH, synthetic", end], 1) == year
    assert round(table.loc["mini-hyper-CVD, synthetic", "median_low"], 1) == 7.1
    assert table.loc["HMA or LDAC, synthetic", "patients_low"] == 70


def test_only_the_real_can_be_counted_from_diagnosis():
    found, left_out = survival.followed(chosen(origin="diagnosis"))
    assert [each.paper for each in found] == ["alal_nos"]
    assert set(left_out.values()) == {"its clock can't start there"}
    told = survival.outcome(chosen(origin="diagnosis"))
    assert "Left out: VAH: its clock can't start there" in told.summary
    assert "Real patients, as published" in told.parts[0].alt


def test_from_the_response_only_responders_count():
    found, _ = survival.followed(chosen(origin="response"))
    table = survival.read_off(found, month=6).set_index("label")
    assert table.loc["mini-hyper-CVD, synthetic", "patients_high"] == 12
    assert table.loc["HMA or LDAC, synthetic", "patients_high"] == 31
    assert table.loc["Six patients, real", "patients_low"] == 6


def test_curves_stand_on_one_axis_and_say_who_is_real():
    told = survival.outcome(chosen())
    assert "one of its members" in told.parts[0].alt
    assert "Six patients: real, as published" in told.parts[0].alt
    assert told.parts[0].alt.count("at risk") == 4
    assert "The clocks start at different moments" in told.summary
    assert "different moments" not in survival.outcome(chosen(origin="treatment")).summary


def test_assumed_times_move_the_real_alone():
    """Times from treatment by hand: 13, 13, 7, 7, 6, 4 with courses of a month."""
    for months, at_risk in ((1.0, 5), (1.5, 4)):
        found, _ = survival.followed(chosen(origin="treatment", course_months=months))
        table = survival.read_off(found, month=6).set_index("label")
        assert table.loc["Six patients, real", "at_risk_low"] == at_risk
    told = survival.outcome(chosen(origin="treatment"))
    assert "Times of Six patients from there rest on the assumed intervals" in told.summary


def test_nobody_to_follow_is_said():
    told = survival.outcome(chosen(**alone()))
    assert told.summary.startswith("Nobody can be followed")
    assert told.parts == ()
    with pytest.raises(KitError, match="nobody to follow"):
        survival.draw([], chosen())


# --- doses and what is printed -------------------------------------------------------------------


def test_exposures_are_those_by_hand():
    """The ramp is 100, 200 and then 400 mg."""
    table = doses.exposures(cycles=4).set_index(["paper", "plan"])
    mg, days, total, per_day = offered.METRICS
    row = table.loc["vah"].iloc[0]
    assert (row[mg], row[days], row[total]) == (5100, 14, 5100 + 3 * 5600)
    assert row[per_day] == pytest.approx((5100 + 3 * 5600) / (4 * 28))
    mini = table.loc["mini_hcvd"]
    assert mini[total].tolist() == [2700 + 3 * 1400, 5100 + 3 * 2800]
    assert not table.loc["hma_ldac", "stated"].any()
    assert np.isnan(table.loc["nct06991920"].iloc[0][mg])
    beside = doses.exposures(cyp3a_inhibitor="strong").set_index(["paper", "plan"])
    assert (
        beside.loc["vah"].iloc[0][mg] == 20 + 50 + 12 * 100 + 0
        or beside.loc["vah"].iloc[0][mg] < 1500
    )


def test_the_outcome_names_the_least_and_the_most():
    told = doses.outcome(chosen(dose_metric="mg in all"))
    assert "least mini-hyper-CVD (200 mg) with 6,900" in told.summary
    assert "not stated" in told.parts[0].alt
    assert "4 cycles" in told.summary
    assert "beside posaconazole" in doses.outcome(chosen(cyp3a_inhibitor="posaconazole")).summary


def test_the_table_holds_each_number_with_its_verdict():
    cells = printed.cells()
    assert set(cells["paper"]) == set(documents.load().documents)
    shown = printed.table()
    text = shown.data.to_string()
    for word in ("68 + 7", "70.8%", "diagnosis", "14 days, 5,100 mg", "✗"):
        assert word in text.replace("\u00a0", " ")
    counts = printed.verdicts()
    assert counts["numbers"].sum() == len(cells)
    part = printed.table(section="Response")
    assert len(part.data) == sum(row.section == "Response" for row in documents.load().rows)


# --- answers -------------------------------------------------------------------------------------


def test_answers_by_hand():
    assert answers.answer("patients", {}) == 6 + 96 + 70 + 22
    assert answers.answer("share of all", {}) == pytest.approx(100 * 117 / 194)
    mean = (1 + 68 / 96 + 31 / 70 + 12 / 22) / 4
    assert answers.answer("mean of the rates", {}) == pytest.approx(100 * mean)
    in_all = {"dose_metric": "mg in all"}
    assert answers.answer("most over least", in_all) == pytest.approx(44300 / 6900)
    assert answers.answer("alive of the real", {"origin": "treatment"}) == pytest.approx(75)
    row = rates.summaries(rates.counted(chosen())).iloc[0]
    for name, width in (
        ("width of the interval", row["upper"] - row["lower"]),
        ("width of the prediction interval", row["predicted_upper"] - row["predicted_lower"]),
        ("i2", row["i2"]),
        ("pooled mean", row["estimate"]),
    ):
        assert answers.answer(name, {}) == pytest.approx(100 * width)
    with pytest.raises(KitError, match="no question 'all'"):
        answers.answer("all", {})
