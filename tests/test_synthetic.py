"""Synthetic cohorts as arrays: held against one member at a time, and against the other helpers."""

import numpy as np
import pandas as pd
import pytest

from helpers import association, catalogue, endpoints, query, survival, synthetic
from helpers.catalogue import Definition, Variable
from helpers.errors import KitError, QueryError
from helpers.reconstruct import ensemble, spread
from helpers.reconstruct.member_arrays import Members
from helpers.survival.comparison import logrank
from helpers.survival.cox import cox

PAPER = "hma_ldac"


@pytest.fixture(scope="module")
def members():
    return synthetic.members(PAPER)


@pytest.fixture(scope="module")
def table():
    return ensemble.read(PAPER)


def alone(table, number, definition, text=""):
    """Return one member's patients and endpoint, by the helpers for one cohort."""
    one = table[table["member"] == number].assign(TRTM=0.0)
    one = one[query.parse(text, catalogue.load(PAPER).variables).mask(one)]
    return endpoints.derive(one, definition)


def test_members_are_kept_until_a_file_changes(members):
    assert synthetic.members(PAPER) is members
    free = synthetic.members(PAPER, without_comparisons=True)
    assert free is not members
    assert free.size == members.size == 200


def test_queries_pick_whom_they_pick_in_the_table(members, table):
    text = "ARM == 'HMA' and CRCFL == 'Y'"
    picked = members.picked(text)
    expected = table.groupby("member").apply(
        lambda one: ((one["ARM"] == "HMA") & (one["CRCFL"] == "Y")).to_numpy(),
        include_groups=False,
    )
    assert (picked == np.stack(expected.to_list())).all()
    assert (members.picked("ARM == 'HMA'", "CRCFL == 'Y'") == picked).all()
    assert members.picked().all()
    with pytest.raises(QueryError):
        members.picked("ARM ==")


@pytest.mark.parametrize("name", ["os", "efs"])
@pytest.mark.parametrize("number", [1, 57, 200])
def test_one_of_many_is_as_if_it_were_alone(members, table, name, number):
    definition = catalogue.load(PAPER).endpoints[name]
    found = members.observed(definition)
    hma, ldac = members.picked("ARM == 'HMA'"), members.picked("ARM == 'LDAC'")
    median = synthetic.median(found, hma, what="median")
    both = synthetic.comparison(found, hma, ldac)
    first = alone(table, number, definition, "ARM == 'HMA'")
    curve = survival.kaplan_meier(first["AVAL"], first["CNSR"] == 0)
    expected = [curve.median, curve.median_lower, curve.median_upper]
    assert [each.values[number - 1] for each in median] == pytest.approx(expected)
    one = alone(table, number, definition)
    group = table.loc[table["member"] == number, "ARM"].to_numpy() == "HMA"
    fit = cox(one["AVAL"].to_numpy(), one["CNSR"].to_numpy() == 0, group)
    test = logrank(one["AVAL"].to_numpy(), one["CNSR"].to_numpy() == 0, group)
    for part, value in {
        "ratio": fit.hazard_ratio[0],
        "lower": fit.lower[0],
        "upper": fit.upper[0],
        "wald": fit.p[0],
        "logrank": test.p,
    }.items():
        assert both[part].values[number - 1] == pytest.approx(float(value))


def test_ranges_are_those_that_spread_gives(members):
    described = catalogue.load(PAPER)
    hma = "ARM == 'HMA'"
    quantity = spread.Quantity(
        statistic="hazard ratio",
        endpoint=described.endpoints["os"],
        group=hma,
        against="ARM == 'LDAC'",
    )
    row = spread.ranges(PAPER, [quantity]).iloc[0]
    mine = synthetic.comparison(
        members.observed(described.endpoints["os"]),
        members.picked(hma),
        members.picked("ARM == 'LDAC'"),
    )["ratio"]
    assert mine.values.min() == pytest.approx(row["lowest"])
    assert mine.values.max() == pytest.approx(row["highest"])
    assert mine.agreement == row["agreement"] == spread.NOT_DETERMINED


def test_shares_and_their_test(members):
    responders, hma, ldac = (
        members.picked(text) for text in ("CRCFL == 'Y'", "ARM == 'HMA'", "ARM == 'LDAC'")
    )
    share = synthetic.share(responders, hma, what="response")
    assert share.pinned
    assert share.words() == "52.4 %"
    p = synthetic.shares_tested(responders, hma, ldac)
    assert p.values == pytest.approx(association.p_value([[22, 20], [9, 19]]))
    assert synthetic.count(hma, what="patients").words() == "42 patients"
    nobody = np.zeros_like(hma)
    assert synthetic.share(responders, nobody, what="none").words() == "can't be told"
    assert np.isnan(synthetic.shares_tested(responders, nobody, ldac).values).all()


@pytest.mark.parametrize(
    ("values", "unit", "words", "agreement"),
    [
        ([61.46, 61.54], "%", "61.5 %", "pinned"),
        ([61.4, 61.5], "%", "61.4 to 61.5 %", "not determined by the paper"),
        ([np.inf, np.inf], "months", "not reached", "pinned"),
        ([8.3, np.inf], "months", "8.3 months to not reached", "not determined by the paper"),
        ([1, 1], "patients", "1 patient", "pinned"),
        ([0, 1], "patients", "0 to 1 patients", "not determined by the paper"),
        ([0.035, 0.0449], "P", "0.035", "pinned"),
        ([0.0004, 0.2], "P", "<0.001 to 0.200", "not determined by the paper"),
        ([np.nan, np.nan], "ratio", "can't be told", "not determined by the paper"),
        ([0.5, np.nan], "ratio", "0.50", "not determined by the paper"),
    ],
)
def test_a_range_in_words(values, unit, words, agreement):
    found = synthetic.Range("what", unit, np.array(values, float))
    assert found.agreement == agreement
    assert found.words() == words


def test_a_range_without_its_unit():
    assert synthetic.Range("what", "months", np.array([8.3, np.inf])).bare() == "8.3 to NR"
    assert synthetic.Range("what", "months", np.full(2, np.nan)).bare() == "can't be told"


def test_a_table_of_ranges_says_where_it_cannot_be_told():
    shown = synthetic.table(
        [
            synthetic.Range("one", "months", np.array([1.0, 2, 3, 4, 5])),
            synthetic.Range("other", "ratio", np.array([1.0, np.nan, 1, 1, np.nan])),
        ]
    )
    assert shown["what"].tolist() == ["one (months)", "other"]
    assert shown.iloc[0][["lowest", "middle", "highest"]].tolist() == ["1.0", "2.0 to 4.0", "5.0"]
    assert shown.iloc[1]["agreement"].endswith("; can't be told in 2 of 5")


def test_members_of_different_sizes():
    """Two patients in one member, one in the other: the rest of its row is nobody."""
    rows = pd.DataFrame(
        {
            "member": [1, 1, 2],
            "SEX": ["F", "M", "F"],
            "RSPM": [1.0, np.nan, np.nan],
            "DTHM": [5.0, np.nan, 3.0],
            "LSTALVM": [5.0, 9.0, 3.0],
        }
    )
    sex = Variable(label="sex", type="category", source="made up", values={"F": "f", "M": "m"})
    small = Members(rows, {"SEX": sex})
    assert small.picked().tolist() == [[True, True], [True, False]]
    death = Definition(label="death", origin="treatment", events=("death",))
    found = small.observed(death)
    assert found.included.tolist() == [[True, True], [True, False]]
    assert found.time.tolist() == [[5, 9], [3, 0]]
    (median, *_) = synthetic.median(found, small.picked("SEX == 'F'"), what="median")
    assert median.values.tolist() == [5, 3]
    (nobody, *_) = synthetic.median(found, small.picked("SEX == 'M'"), what="median")
    assert nobody.values[0] == np.inf
    assert np.isnan(nobody.values[1])
    other = small.observed(death, history=small.history | {"DTHM": np.full((2, 2), np.nan)})
    assert other.code.tolist() == [[0, 0], [0, 0]]
    with pytest.raises(KitError, match="both groups"):
        synthetic.comparison(found, small.picked(), small.picked("SEX == 'F'"))
