"""What a paper leaves open: cohorts, endpoints and hidden factors over its synthetic cohorts."""

import warnings

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.statistics import logrank_test
from lifelines.utils import median_survival_times

from helpers import catalogue, confounding, imbalance, leeway, parameters, synthetic
from helpers.errors import KitError, ParameterError

PAPER = "hma_ldac"
ARMS = {"HMA": "hma", "LDAC": "ldac"}
GROUPS = ("cohort", "redefinition", "remission", "confounding", "seed")


def settings(**values):
    return parameters.check(values, *GROUPS, paper=PAPER)


def cohort_of(compare=ARMS, **values):
    return leeway.cohort_of(settings(**values), paper=PAPER, compare=compare)


def endpoint(compare=ARMS, reference="efs", **values):
    return leeway.endpoint(settings(**values), paper=PAPER, reference=reference, compare=compare)


def confounded(**values):
    return leeway.confounded(settings(**values), paper=PAPER, reference="os", compare=ARMS)


# --- cohort --------------------------------------------------------------------------------------


def test_what_the_paper_prints_of_everyone_is_pinned():
    found = cohort_of()
    rows = found.data.set_index("what")
    assert found.summary.startswith("All 70 patients, in 200 synthetic cohorts.")
    for what, value in {
        "patients": "70",
        "patients in HMA": "42",
        "patients in LDAC": "28",
        "CR or CRi (%)": f"{100 * 31 / 70:.1f}",
        "infection of grade 3 or more (%)": "32.9",
    }.items():
        assert rows.loc[what, ["lowest", "highest", "agreement"]].tolist() == [
            value,
            value,
            "pinned",
        ]
    assert rows.loc["median overall survival (months)", "agreement"] != "pinned"


def test_a_query_is_told_with_the_range_of_those_it_picks():
    text = "CRCFL == 'Y' and INFECTION_GRADE_GE3 == 'Y'"
    found = cohort_of(cohort=text)
    sizes = synthetic.members(PAPER).picked(text).sum(axis=-1)
    assert f"{sizes.min()} to {sizes.max()} patients of 70 fit {text}: not determined" in (
        found.summary
    )
    assert "CR or CRi (%)" not in found.data["what"].tolist()
    assert "synthetic" in found.parts[0].alt.lower()
    assert "no confidence interval" in found.parts[1]._repr_html_()


def test_nobody_in_any_cohort_is_explained():
    found = cohort_of(cohort="ETRDFL == 'Y'")
    assert "None of 70 patients fits ETRDFL == 'Y'" in found.summary
    assert found.parts == ()


def test_without_groups_those_picked_are_set_beside_everyone():
    found = cohort_of(compare=None, cohort="ARM == 'LDAC'")
    assert "28 patients of 70 fit" in found.summary
    assert "this cohort" in found.parts[0].alt
    assert "all, 70 patients" in found.parts[0].alt
    everyone = cohort_of(compare=None)
    assert "this cohort" not in everyone.parts[0].alt.replace("this cohort, 70", "")


# --- endpoint ------------------------------------------------------------------------------------


def row(found, what):
    return found.data.set_index("what").loc[what]


def test_the_papers_endpoint_is_recognised_and_its_printed_numbers_pinned():
    found = endpoint()
    assert "This is how the paper's endpoint is read here." in found.summary
    assert row(found, "median, HMA (months)").tolist() == ["6.1", "pinned"] * 2
    assert row(found, "median, LDAC (months)").tolist() == ["3.9", "pinned"] * 2
    assert row(found, "response, HMA (%)").tolist() == ["52.4", "pinned"] * 2
    assert (found.data["before"] == found.data["after"]).all()


def test_failure_dated_back_takes_the_median_of_whom_most_fail_to_zero():
    found = endpoint(no_response="on day 1")
    assert "Failure to respond is dated back to day 1." in found.summary
    assert row(found, "median, LDAC (months)")[["after", "after_verdict"]].tolist() == [
        "0.0",
        "pinned",
    ]
    # 22 of 42 responded, so the median of HMA isn't 0; and dating back makes no events.
    assert float(row(found, "median, HMA (months)")["after"].split()[0]) > 0
    assert row(found, "events, LDAC")["before"] == row(found, "events, LDAC")["after"]


def test_only_cr_counts_with_an_assumed_share_of_cri():
    """30 % of 31 responders are nine, whoever they are; they count as failures."""
    found = endpoint(remission="CR", cri_percent=30)
    members = synthetic.members(PAPER)
    _, responded = leeway._responses(settings(remission="CR"), members)
    assert set(responded.sum(axis=-1)) == {31 - 9}
    assert "Only CR counts as a response" in found.summary
    assert "assumption" in found.summary
    assert "who has CRi is assumed" in found.parts[0].alt
    assert row(found, "response, HMA (%)")["before"] == "52.4"
    assert row(found, "response, HMA (%)")["after_verdict"] == "not determined by the paper"
    same = endpoint(remission="CR", cri_percent=0)
    assert (same.data["before"] == same.data["after"]).all()
    none = endpoint(remission="CR", cri_percent=100)
    assert row(none, "response, HMA (%)")["after"] == "0.0"


def test_another_seed_draws_others():
    one, other, again = (endpoint(remission="CR", seed=seed).data for seed in (1, 2, 1))
    assert one.equals(again)
    assert not one.equals(other)


def test_a_cut_off_before_anything_happens_leaves_no_events():
    found = endpoint(cutoff_months=1, events="death")
    assert row(found, "median, HMA (months)")["after"] == "NR"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        endpoint(cutoff_months=1, origin="response", events="death or relapse")


def test_overall_survival_is_one_of_the_choices():
    found = endpoint(reference="os", events="death")
    assert row(found, "median, HMA (months)").tolist() == ["8.3", "pinned"] * 2
    assert "Overall survival" in found.parts[0].alt or "overall survival" in found.parts[0].alt


def test_without_groups_everyone_is_described():
    found = endpoint(compare=None)
    assert found.data["what"].tolist() == [
        "response, all (%)",
        "median, all (months)",
        "events, all",
    ]
    nobody = endpoint(compare=None, cohort="ETRDFL == 'Y'")
    assert nobody.summary.startswith("None of 70 patients fits ETRDFL == 'Y'. There is nothing")
    assert nobody.parts == ()


def test_any_possible_setting_gives_an_endpoint():
    for events in ("death", "death or relapse", "death, relapse or no response"):
        for origin in ("treatment", "response"):
            for no_response in ("when found", "on day 1"):
                values = {"events": events, "origin": origin, "no_response": no_response}
                if origin == "response" and "no response" in events:
                    with pytest.raises(ParameterError, match="events with origin"):
                        settings(**values)
                    continue
                made = leeway.definition_of(settings(**values))
                assert made.origin == origin
                assert len(made.events) == events.count(",") + events.count(" or ") + 1
    assert leeway.definition_of(settings(cutoff_months=60)).cutoff_months is None
    assert leeway.definition_of(settings(cutoff_months=59)).cutoff_months == 59


# --- a hidden factor -----------------------------------------------------------------------------


def test_a_factor_moves_the_ratio_by_the_formula():
    found = confounded(factor_percent=20, factor_percent_other=50, factor_hazard_ratio=3.0)
    moved = float(confounding.bias(3, 0.2, 0.5))
    rows = found.data.set_index("what")
    crude, adjusted = (
        float(rows.loc[name, "highest"])
        for name in ("hazard ratio", "hazard ratio, by the formula")
    )
    assert adjusted == pytest.approx(crude / moved, abs=0.02)
    assert f"multiply the hazard ratio by {moved:.2f}" in found.summary
    assert "in no paper" in found.summary
    assert "8 of 42" in found.summary
    assert "14 of 28" in found.summary
    assert "assumption" in found.parts[1]._repr_html_()


def test_a_factor_without_effect_or_imbalance_moves_nothing():
    even = confounded(factor_percent=40, factor_percent_other=40)
    rows = even.data.set_index("what")
    assert (
        rows.loc["hazard ratio", "highest"] == rows.loc["hazard ratio, by the formula", "highest"]
    )
    none = confounded(factor_hazard_ratio=1.0)
    assert "moves nothing" in none.summary


def test_the_share_at_which_it_tips_is_told():
    found = confounded(factor_percent=30, factor_hazard_ratio=2.0)
    upper = np.median(
        synthetic.comparison(
            synthetic.members(PAPER).observed(catalogue.load(PAPER).endpoints["os"]),
            synthetic.members(PAPER).picked("ARM == 'HMA'"),
            synthetic.members(PAPER).picked("ARM == 'LDAC'"),
        )["upper"].values
    )
    # Where (1 + 0.3) / (1 + share) equals the limit.
    share = 1.3 / upper - 1
    assert f"as soon as {share:.0%} of LDAC have the factor" in found.summary


def test_the_same_seed_deals_the_same_factor():
    one, again, other = (confounded(seed=seed).data for seed in (1, 1, 2))
    assert one.equals(again)
    assert not one.equals(other)


@pytest.mark.parametrize("share", [0, 100])
@pytest.mark.parametrize("other", [0, 100])
@pytest.mark.parametrize("effect", [1.0, 5.0])
def test_the_ends_of_every_control_give_an_outcome(share, other, effect):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = confounded(
            factor_percent=share, factor_percent_other=other, factor_hazard_ratio=effect
        )
    assert found.summary
    assert "nan" not in found.summary


def test_groups_must_be_two_and_known():
    for groups in ({"HMA": "hma"}, {"a": "hma", "b": "nobody"}):
        with pytest.raises(KitError):
            leeway.confounded(settings(), paper=PAPER, reference="os", compare=groups)


# --- for a lesson's text -------------------------------------------------------------------------


def test_medians_are_printed_by_all_members_where_the_paper_prints_them():
    found = {each.what: each for each in leeway.medians(PAPER, compare=ARMS)}
    assert len(found) == 12
    for what in ("", ", lower limit", ", upper limit"):
        assert found[f"median overall survival, HMA{what}"].pinned
    assert found["median event-free survival, LDAC"].pinned
    assert not found["median event-free survival, LDAC, upper limit"].pinned


def test_the_medians_do_not_imply_the_p_values():
    found = leeway.comparisons(PAPER, compare=ARMS).set_index("what")
    with_all = found.loc["overall survival: P by the log-rank test"]
    assert with_all["before_verdict"] == "pinned"
    assert with_all["after_verdict"] == "doesn't follow from the rest"
    low, high = map(float, with_all["after"].split(" to "))
    assert low < 0.05 < 0.5 < high


def test_what_comes_after_the_last_printed_month_is_free():
    """The medians stay as printed, and the hazard ratio goes to both sides."""
    found = leeway.open_ends(PAPER, "os", compare=ARMS)
    assert set(found["HMA"]) == {"8.3 (6.7–9.8)"}
    assert set(found["LDAC"]) == {"5.7 (4.1–7.3)"}
    ends = [[float(each) for each in text.split(" to ")] for text in found["ratio"]]
    as_found, first_lives, other_lives = ends
    assert first_lives[1] < as_found[0] < as_found[1] < other_lives[1]
    assert other_lives[0] > 1
    # Without printed limits only the medians stay.
    found = leeway.open_ends(PAPER, "efs", compare=ARMS)
    assert found["HMA"].str.startswith("6.1").all()
    assert found["LDAC"].str.startswith("3.9").all()


def test_open_ends_by_lifelines():
    """One cohort, changed by hand: who is left in HMA after the limit lives on, in LDAC dies."""
    members = synthetic.members(PAPER, without_comparisons=True)
    os = members.observed(catalogue.load(PAPER).endpoints["os"])
    hma = members.picked("ARM == 'HMA'")
    p = []
    for time, dead, first in zip(os.time, os.code == 1, hma, strict=True):
        time, dead = time.copy(), dead.copy()
        for group, lives in ((first, True), (~first, False)):
            fitted = KaplanMeierFitter().fit(time[group], dead[group])
            upper = median_survival_times(fitted.confidence_interval_).iloc[0, 1]
            left = group & (time > upper)
            time[left] = time.max() if lives else upper + 1 / 30.4375
            dead[left] = not lives
        p.append(logrank_test(time[first], time[~first], dead[first], dead[~first]).p_value)
    assert max(p) < 0.001
    assert leeway.open_ends(PAPER, "os", compare=ARMS)["p"].iloc[1] == "<0.001"


def test_e_values_of_the_limits_are_near_1():
    found = leeway.e_values(PAPER, compare=ARMS).set_index("what")
    limit = found.loc["overall survival: E-value of the nearer limit"]
    estimate = found.loc["overall survival: E-value"]
    assert 1 <= float(limit["lowest"]) <= float(limit["highest"]) < 1.5
    assert float(estimate["lowest"]) > 2


def test_curves_of_groups_say_that_they_are_synthetic():
    found = leeway.curves(PAPER, "efs", compare=ARMS)
    assert "HMA, 42 patients" in found.alt
    assert "Synthetic" in found.alt


# --- the figure of the imbalance -----------------------------------------------------------------


def test_imbalance_is_the_formula_at_each_share():
    data = imbalance.imbalance_data([0.5, 0.6, 0.55], [0.9, 1.1, 1.0], share=0.3, effect=2.0)
    assert data["share_other"].tolist()[:2] == [0.0, 0.02]
    for _, each in data.iterrows():
        moved = 1.3 / (1 + each["share_other"])
        assert each["ratio_lowest"] == pytest.approx(0.5 / moved)
        assert each["ratio_middle"] == pytest.approx(0.55 / moved)
        assert each["upper_highest"] == pytest.approx(1.1 / moved)


def test_the_picture_of_an_imbalance_says_the_same_in_words():
    data = imbalance.imbalance_data([0.55], [0.95], share=0.3, effect=2.0)
    drawn = imbalance.draw_imbalance(
        data, share=0.3, share_other=0.5, dealt=[0.6, 0.7], group="A", other="B"
    )
    # 0.55 × 1.5 / 1.3; and 0.95 × (1 + share) / 1.3 reaches 1 at 0.37, the next step is 0.38.
    for part in ("0.63 to 0.63", "38 % of B", "0.60 to 0.70", "30 % of A"):
        assert part in drawn.alt
    assert drawn.svg.startswith(b"<?xml")
    bare = imbalance.draw_imbalance(
        data, share=0.3, share_other=0.5, dealt=[np.nan], group="A", other="B"
    )
    assert "Dealt" not in bare.alt
