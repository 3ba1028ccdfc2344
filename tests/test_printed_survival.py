"""Printed numbers of survival beside those of all members, held against other programs."""

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test
from scipy.stats import chi2_contingency

from helpers import audit, catalogue, printed_survival, synthetic
from helpers.endpoints import Observed
from helpers.errors import KitError

PAPER = "vah"
BOOK = audit.book(PAPER)
STATUS = {"Refractory": "refractory", "After chemotherapy": "relapsed_chemo"}


def one_member(endpoint, group):
    found = printed_survival.observed(PAPER, endpoint)
    picked = synthetic.members(PAPER).picked(catalogue.load(PAPER).groups[group])
    who = (found.included & picked)[0]
    return found.time[0][who], found.code[0][who]


@pytest.mark.parametrize(("endpoint", "group", "month"), [("os", "all", 24), ("efs", "hsct", 12)])
def test_a_rate_is_that_of_lifelines(endpoint, group, month):
    time, code = one_member(endpoint, group)
    fit = KaplanMeierFitter().fit(time, code == 1)
    found = printed_survival.observed(PAPER, endpoint)
    who = synthetic.members(PAPER).picked(catalogue.load(PAPER).groups[group])
    read = printed_survival.rate(found, who, month, what="")
    limits = fit.confidence_interval_.loc[:month].iloc[-1]
    expected = [fit.predict(month), *limits]
    assert [each.values[0] for each in read] == pytest.approx([100 * x for x in expected])


def test_with_competing_events_a_rate_is_an_incidence_by_hand():
    """Four patients: a relapse at 1, a death at 2, a relapse at 3, one followed to 4."""
    found = Observed(
        np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([[1, 2, 1, 0]], np.int8), np.ones((1, 4), bool)
    )
    read = printed_survival.rate(found, np.ones((1, 4), bool), 3, what="")
    assert read[0].values.tolist() == pytest.approx([50.0])


def test_whatever_the_cohorts_must_have_comes_out_as_printed():
    """Each member was accepted only with these; here they are worked out in another way."""
    ids = printed_survival.numbers(PAPER, "table 2")
    table = printed_survival.beside(PAPER, ids).set_index("id")
    assert {BOOK.by_id[id].statistic for id in ids} == {"survival_ci", "median_time_ci", "p_value"}
    for id in ids:
        if "inconsistent" in table.loc[id, "verdict"]:
            assert table.loc[id, "recomputed"] != table.loc[id, "printed"]
            continue
        assert table.loc[id, "agreement"] == "pinned", id
        value = BOOK.by_id[id].value
        assert table.loc[id, "recomputed"].split(" ")[0] == value, id


def test_the_log_rank_test_of_three_groups_is_that_of_lifelines():
    groups = [BOOK.by_id[id].group for id in BOOK.by_id["t2_p_os_median"].relates_to]
    parts = [one_member("os", group) for group in groups]
    time = np.concatenate([each[0] for each in parts])
    event = np.concatenate([each[1] == 1 for each in parts])
    label = np.repeat(np.arange(len(parts)), [len(each[0]) for each in parts])
    p = multivariate_logrank_test(time, label, event).p_value
    row = printed_survival.beside(PAPER, ["t2_p_os_median"]).iloc[0]
    assert float(row["recomputed"]) == pytest.approx(p, abs=0.0006)


def test_a_test_of_shares_is_that_of_their_counts():
    groups = [BOOK.by_id[id].group for id in BOOK.by_id["t2_p_efs_12m"].relates_to]
    free = [(one_member("efs", group)[0] > 12) for group in groups]
    p = chi2_contingency([[each.sum(), (~each).sum()] for each in free], correction=False).pvalue
    row = printed_survival.beside(PAPER, ["t2_p_efs_12m"]).iloc[0]
    assert float(row["recomputed"]) == pytest.approx(p, abs=0.0006)


def test_the_population_is_the_one_that_the_numbers_are_about():
    defined = catalogue.load(PAPER).endpoints["dfs"]
    read = printed_survival.definition(PAPER, "dfs")
    assert read.population != defined.population
    size = printed_survival.observed(PAPER, "dfs").included.sum(axis=-1)
    assert set(size) == {BOOK.total(BOOK.by_id["res_dfs_12m_hsct"]) + 32}


def test_numbers_can_be_picked_by_group():
    ids = printed_survival.numbers(PAPER, "results: survival", about=["hsct", "no_hsct"])
    assert len(ids) == 12
    assert "res_p_dfs_12m_hsct_vs_no_hsct" in ids
    assert "res_hr_os_hsct" not in printed_survival.numbers(PAPER, "results: survival")


def test_a_block_has_three_lines_to_each_quantity():
    table = printed_survival.block(
        PAPER, "table 2", STATUS, caption="Some of it", endpoints=["os"]
    ).data
    assert table["kind"].tolist() == ["printed", "recomputed", "verdict"] * 3
    assert table["Refractory"].iloc[0] == BOOK.by_id["t2_os_median_refractory"].printed
    assert table["P"].iloc[3] == BOOK.by_id["t2_p_os_12m"].printed


def test_groups_get_the_names_that_are_given():
    ids = printed_survival.numbers(PAPER, "results: survival", about=["flt3", "no_flt3"])
    table = printed_survival.beside(PAPER, ids, groups={"With": "flt3", "Without": "no_flt3"})
    assert set(table["group"]) == {"With", "Without", "Without / With"}


def test_a_figure_names_both_ways_out():
    drawn = printed_survival.curves(PAPER, "relapse", {"all": "all"})
    assert "death without it" in drawn.alt
    assert "Synthetic" in drawn.alt
    assert drawn == printed_survival.curves(PAPER, "relapse", {"all": "all"})


def test_what_is_no_number_of_survival_is_refused():
    with pytest.raises(KitError, match="no endpoint 'pfs'"):
        printed_survival.observed(PAPER, "pfs")
    with pytest.raises(KitError, match="no number of survival"):
        printed_survival.beside(PAPER, ["t2_crc_all"])
