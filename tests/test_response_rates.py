"""Response rates over synthetic cohorts: what is printed comes out, and bounds hold."""

import re

import pytest
from scipy.stats import binomtest

from helpers import catalogue, layouts, panels, parameters, proportions, response_rates, synthetic
from helpers.errors import KitError, ParameterError

PAPER = "vah"
GROUPS = ("surface", "dose", "cohort", "response_rate")


def settings(**values):
    return parameters.check(values, *GROUPS, paper=PAPER)


def rates(**values):
    return response_rates.rates(settings(**values), paper=PAPER)


def test_what_the_paper_prints_is_pinned_with_its_interval():
    found = rates()
    rows = found.data.set_index(["characteristic", "group"])
    for place, id in {
        ("", "All patients"): "res_crc_all",
        ("Disease status", "refractory"): "t2_crc_refractory",
        ("HMA before", "yes"): "res_crc_hma",
        ("ELN 2017 risk", "favorable"): "res_crc_eln_favorable",
        ("Cytogenetics", "poor"): "res_crc_cyto_poor",
    }.items():
        number = catalogue.number(PAPER, id)
        row = rows.loc[place]
        assert row["rate"] == number.value
        assert row["interval"] == f"{number.lower} to {number.upper}"
        assert row["agreement"] == "pinned"
    # None printed for six of six: the logit has none.
    assert rows.loc[("Cytogenetics", "favorable"), "interval"] == "–"
    assert rows.loc[("Disease status", "refractory"), "p"] == "0.407"
    assert "pinned. Against a rate of 45 %, P is <0.001" in found.summary


def test_the_groups_of_a_characteristic_are_everyone():
    data = rates().data
    total = data["patients"].str.extract(r"(\d+) of (\d+)").astype(int)
    for name, part in total.groupby(data["characteristic"]):
        assert part.sum().tolist() == [68, 96], name


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({"response": "CR"}, 40),
        ({"response": "CR, CRi or PR"}, 75),
        ({"after": "cycle 1"}, 56),
        ({"after": "cycle 1", "response": "CR, CRi or PR"}, 69),
        ({"mrd": "negative at the printed cut"}, 40),
    ],
)
def test_other_definitions_by_the_papers_counts(values, count):
    found = rates(**values)
    assert f"{count} of 96 patients" in found.summary
    p = binomtest(count, 96, 0.45).pvalue
    assert (f"P is {p:.3f}" if p >= 0.001 else "P is <0.001") in found.summary


def test_another_cut_gives_bounds_and_no_p_across_groups():
    lower, higher = (
        rates(mrd=f"negative at a {which} cut").data.iloc[0] for which in ("lower", "higher")
    )
    assert (lower["lowest"], lower["highest"]) == (0, 100 * 40 / 96)
    assert (higher["lowest"], higher["highest"]) == (100 * 40 / 96, 100 * 68 / 96)
    found = rates(mrd="negative at a lower cut")
    assert "only these bounds" in found.summary
    # Nobody of 96 is one of the bounds, and the logit of nobody has no interval.
    assert found.data.iloc[0]["interval"].endswith(", or none")
    assert re.search(r"95 % interval [\d.]+ to [\d.]+ %, or none", found.summary)
    exact = rates(mrd="negative at a lower cut", interval="exact").data.iloc[0]
    assert exact["lower"] == 0
    assert set(found.data["p"]) == {""}


@pytest.mark.parametrize(("interval", "method"), response_rates._INTERVALS.items())
def test_the_interval_is_the_one_chosen(interval, method):
    row = rates(interval=interval).data.iloc[0]
    expected = proportions.proportion(68, 96, method=method)
    assert (row["lower"], row["upper"]) == pytest.approx(
        (100 * expected.lower, 100 * expected.upper)
    )


def test_a_cohort_gives_the_range_of_its_members():
    text = "AGE >= 50 and ELN == 'adverse'"
    found = rates(cohort=text)
    members = synthetic.members(PAPER)
    who, crc = members.picked(text), members.picked("CRCFL == 'Y'")
    shares = 100 * (who & crc).sum(axis=-1) / who.sum(axis=-1)
    row = found.data.iloc[0]
    assert (row["lowest"], row["highest"]) == (shares.min(), shares.max())
    assert row["agreement"] == "not determined by the paper"
    # A cohort without a response has no interval on the logit scale.
    assert row["lower"] <= shares[shares > 0].min()
    assert row["interval"].endswith(", or none") == bool((shares % 100 == 0).any())


def test_nobody_is_told():
    found = rates(cohort="AGE < 20 and AGE > 20")
    assert "nobody" in found.summary
    assert found.data["lowest"].isna().all()
    assert found.parts[0].svg.startswith(b"<?xml")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"after": "cycle 1", "response": "CR"}, "after with response: CR alone after cycle 1"),
        ({"after": "cycle 1", "mrd": "negative at a lower cut"}, "after with mrd"),
        ({"response": "CR, CRi or PR", "mrd": "negative at a lower cut"}, "mrd with response"),
    ],
)
def test_what_is_not_recorded_is_refused(values, told):
    with pytest.raises(ParameterError, match=told):
        settings(**values)


def test_the_picture_says_what_the_table_says():
    found = rates()
    picture = found.parts[0]
    for row in found.data.itertuples():
        assert f"{row.group}: {row.rate} % ({row.interval})" in picture.alt
    assert picture == rates().parts[0]


def test_the_panel_follows_its_controls():
    made = panels.response_rate(settings(), paper=PAPER)
    assert list(made.controls) == list(parameters.ResponseRate.model_fields)
    made.controls["response"].value = "CR"
    assert "40 of 96" in made.children[-1].value
    made.controls["after"].value = "cycle 1"
    assert "isn&#x27;t recorded" in made.children[-1].value
    assert "40 of 96" in made.children[-1].value


def test_the_dose_starts_at_what_the_paper_plans_and_is_set_beside_the_label():
    chosen = settings()
    assert (chosen.venetoclax_days, chosen.cycle_days) == (14, 28)
    made = panels.dose(chosen, paper=PAPER, beside_label=["azacitidine"])
    # 100, 200 and 12 or 26 times 400 mg.
    assert f"as the label has it: {(300 + 12 * 400) / (300 + 26 * 400):.0%}" in made.outcome.summary
    assert "945.0 mg in all" in made.outcome.summary
    made.controls["body_surface_m2"].value = 2.0
    assert "1,050.0 mg in all" in made.children[-1].value


def test_the_cohort_panel_asks_for_the_papers_outcomes():
    outcomes = layouts.load(PAPER).outcomes
    made = panels.cohort_of(settings(), paper=PAPER, outcomes=outcomes)
    assert {f"{name} (%)" for name in outcomes} <= set(made.outcome.data["what"])
    rows = made.outcome.data.set_index("what")
    assert rows.loc["sepsis, grade ≥ 3 (%)", "lowest"] == f"{100 * 11 / 96:.1f}"
    made.controls["cohort"].value = "STATUS == 'refractory'"
    rows = made.outcome.data.set_index("what")
    assert rows.loc["CRc (%)", ["lowest", "agreement"]].tolist() == ["78.4", "pinned"]
    assert rows.loc["sepsis, grade ≥ 3 (%)", "agreement"] == "not determined by the paper"


def test_against_what_others_found():
    others = ["dis_crc_ven_intensive", "int_crc_ven_hma", "dis_crc_ven_flag_ida"]
    found = response_rates.against(PAPER, "res_crc_all", others)
    # Of 11.6–46 % and of 61–67 % the upper end.
    assert found["rate"].tolist() == ["46", "61", "67"]
    for row in found.iloc[1:].itertuples():
        assert row.p == f"{binomtest(68, 96, float(row.rate) / 100).pvalue:.3f}"
    assert found["p"].iloc[0] == "<0.001"


@pytest.mark.parametrize(
    ("number", "other", "told"),
    [
        ("dis_crc_flt3", "dis_crc_ven_range", "no count with its total"),
        ("res_crc_all", "dis_case_report_patients", "no rate"),
    ],
)
def test_against_what_is_no_rate(number, other, told):
    with pytest.raises(KitError, match=told):
        response_rates.against(PAPER, number, [other])
