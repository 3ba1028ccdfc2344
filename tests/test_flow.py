"""Flow diagrams: counts by hand, nobody lost, nobody twice; boxes that don't lie on each other."""

import itertools
import re

import made_up
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import catalogue, cohort, figures, flow
from helpers.catalogue import Variable
from helpers.errors import DataError, KitError, QueryError

YES = {"Y": "yes", "N": "no"}
VARIABLES = {
    name: Variable(label=name, type="category", source="text", values=YES)
    for name in ("IN", "OUT1", "OUT2", "RSP")
}
PATIENTS = pd.DataFrame(
    [
        # Two were in and responded; one was in and didn't; of one in that isn't recorded.
        ["1", "Y", "N", "N", "Y"],
        ["2", "Y", "N", "N", "Y"],
        ["3", "Y", "N", "N", "N"],
        ["4", "Y", "N", "N", None],
        # Of those who were not in, one had both reasons, one the second, two none.
        ["5", "N", "Y", "Y", None],
        ["6", "N", "N", "Y", None],
        ["7", "N", "N", "N", None],
        ["8", "N", "N", "N", None],
    ],
    columns=["USUBJID", "IN", "OUT1", "OUT2", "RSP"],
)
BOXES = [
    {
        "name": "all",
        "label": "Assessed",
        "aside": {
            "label": "Excluded",
            "lines": [
                {"label": "first reason", "query": "OUT1 == 'Y'"},
                {"label": "second reason", "query": "OUT2 == 'Y'"},
            ],
        },
    },
    {
        "name": "in",
        "label": "Enrolled",
        "query": "IN == 'Y'",
        "lines": [{"label": "responded", "query": "RSP == 'Y'"}],
    },
    {"name": "yes", "label": "Response", "query": "RSP == 'Y'"},
    {"name": "no", "after": "in", "label": "No response", "query": "RSP == 'N'"},
]
VAH = [
    {
        "name": "assessed",
        "label": "Assessed for eligibility",
        "number": "res_n_assessed",
        "aside": {"label": "Not enrolled"},
    },
    {"name": "enrolled", "label": "Enrolled", "query": "ENRLFL == 'Y'"},
    {"name": "crc", "label": "CRc", "query": "CRCFL == 'Y'"},
    {"name": "no_crc", "after": "enrolled", "label": "No CRc", "query": "CRCFL == 'N'"},
    {
        "name": "hsct",
        "after": "crc",
        "label": "Allo-HSCT",
        "query": "HSCTFL == 'Y'",
        "lines": [{"label": "died", "query": "DTHFL == 'Y'"}],
    },
    {
        "name": "cons",
        "after": "crc",
        "label": "Consolidation chemotherapy",
        "query": "HSCTFL == 'N' and CONSFL == 'Y'",
    },
    {"name": "salvage", "after": "no_crc", "label": "Salvage", "query": "SALVFL == 'Y'"},
]


def count(patients=PATIENTS, boxes=BOXES, variables=VARIABLES, **more):
    return flow.flow_data(patients, flow.read(boxes), variables=variables, **more)


@pytest.fixture(scope="module")
def vah():
    """Return a member of a made-up ensemble, all of them, and what is recorded."""
    members = made_up.cohort("vah", n=96, seed=7, members=4)
    return members[members["member"] == 2], members, catalogue.load("vah").variables


@pytest.fixture(scope="module")
def assessed():
    return {
        each.id: each.count for each in catalogue.published("vah") if each.id == "res_n_assessed"
    }


# --- counts ----------------------------------------------------------------------------------


def test_counts_by_hand():
    data = count()
    assert list(data[["kind", "label", "n"]].itertuples(index=False, name=None)) == [
        ("box", "Assessed", 8),
        ("aside", "Excluded", 4),
        ("reason", "first reason", 1),
        ("reason", "second reason", 2),
        # Not what a sum of reasons leaves, which would be one: one patient had both.
        ("reason", "None of these", 2),
        ("box", "Enrolled", 4),
        ("line", "responded", 2),
        # Nobody declared it, but one of four must not vanish.
        ("aside", "In no box below", 1),
        ("box", "Response", 2),
        ("box", "No response", 1),
    ]
    assert list(data["of"]) == [pd.NA, 8, 4, 4, 4, 8, 4, 4, 4, 4]
    assert (data["lowest"] == data["n"]).all()
    assert (data["highest"] == data["n"]).all()
    assert not data["printed"].any()


def test_a_printed_number_counts_whom_the_cohort_does_not_hold(vah, assessed):
    member, _, variables = vah
    data = count(member, VAH, variables, printed=assessed).set_index(["box", "kind"])
    assert data.loc[("assessed", "box"), "n"] == assessed["res_n_assessed"]
    assert data.loc[("assessed", "box"), "printed"]
    assert data.loc[("enrolled", "box"), "n"] == 96
    assert data.loc[("assessed", "aside"), "n"] == assessed["res_n_assessed"] - 96
    assert not data.loc[("assessed", "aside"), "printed"]


def test_printed_reasons():
    boxes = [
        {
            "name": "s",
            "label": "Screened",
            "number": "a",
            "aside": {
                "label": "Excluded",
                "lines": [{"label": "infection", "number": "b"}, {"label": "age", "number": "c"}],
            },
        },
        {"name": "in", "label": "Enrolled"},
    ]
    data = count(boxes=boxes, printed={"a": 13, "b": 1, "c": 2}).set_index("label")
    assert data["n"].to_dict() == {
        **{"Screened": 13, "Excluded": 5, "infection": 1, "age": 2},
        **{"None of these": 2, "Enrolled": 8},
    }


def test_the_range_over_an_ensemble_is_that_of_its_members(vah, assessed):
    member, members, variables = vah
    data = count(member, VAH, variables, printed=assessed, ensemble=members)
    each = [
        count(one, VAH, variables, printed=assessed)["n"].to_numpy()
        for _, one in members.groupby("member")
    ]
    assert data["n"].tolist() == each[1].tolist()
    assert data["lowest"].tolist() == np.min(each, axis=0).tolist()
    assert data["highest"].tolist() == np.max(each, axis=0).tolist()
    assert (data["lowest"] < data["highest"]).any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 40))
def test_nobody_gets_lost(seed, n):
    patients = made_up.cohort("vah", n=n, seed=seed)
    data = count(patients, VAH, catalogue.load("vah").variables, printed={"res_n_assessed": n + 3})
    boxes = data[data["kind"] == "box"].set_index("box")
    left = data[data["kind"] == "aside"].set_index("box")["n"]
    for name, box in boxes.iterrows():
        below = boxes.loc[boxes["after"] == name, "n"]
        if len(below):
            assert below.sum() + left.get(name, 0) == box["n"]


def test_counts_of_a_letter_are_those_of_its_patients():
    boxes = [
        {"name": "all", "label": "Given venetoclax"},
        {"name": "hsct", "label": "Transplanted", "query": "HSCTFL == 'Y'"},
        {"name": "alive", "label": "Alive", "query": "DTHFL == 'N'"},
    ]
    data = count(cohort.patients("alal_nos"), boxes, catalogue.load("alal_nos").variables)
    shown = data[data["kind"] == "box"].set_index("label")["n"].to_dict()
    assert shown == {"Given venetoclax": 6, "Transplanted": 5, "Alive": 4}


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boxes", "told"),
    [
        ([], "no box"),
        ([{"name": "a"}], "label: Field required"),
        ([{"name": "a", "label": "A", "colour": "red"}], "colour: Extra inputs"),
        ([{"name": "a", "label": "A"}, {"name": "a", "label": "B"}], "a second box 'a'"),
        ([{"name": "a", "label": "A", "after": "b"}], "it comes after 'b'"),
        ([{"name": "a", "label": "A", "query": "x", "number": "y"}], "a query and a number"),
        (
            [{"name": "a", "label": "A"}, {"name": "b", "label": "B", "number": "x"}],
            "a number below a box that is counted",
        ),
    ],
)
def test_boxes_that_cannot_be_meant(boxes, told):
    with pytest.raises(DataError, match=re.escape(told)):
        flow.read(boxes)


def test_a_patient_in_two_branches_is_refused():
    both = [*BOXES[:3], {"name": "more", "after": "in", "label": "More", "query": "IN == 'Y'"}]
    with pytest.raises(KitError, match="2 patients are in two of 'Response', 'More'"):
        count(boxes=both)


def test_more_below_than_above_is_refused():
    boxes = [{"name": "s", "label": "Screened", "number": "a"}, {"name": "e", "label": "Enrolled"}]
    with pytest.raises(KitError, match="'Enrolled' hold 3 more than it does"):
        count(boxes=boxes, printed={"a": 5})
    with pytest.raises(KitError, match="no published count 'a'"):
        count(boxes=boxes)


def test_a_side_box_needs_an_arrow():
    with pytest.raises(KitError, match="'Lost' comes from no arrow"):
        count(boxes=[{"name": "a", "label": "A", "aside": {"label": "Lost"}}])


def test_a_query_that_cannot_be_read_is_told():
    with pytest.raises(QueryError, match="no variable 'INN'"):
        count(boxes=[{"name": "a", "label": "A", "query": "INN == 'Y'"}])


def test_several_members_are_no_cohort(vah, assessed):
    _, members, variables = vah
    with pytest.raises(KitError, match="several members"):
        count(members, VAH, variables, printed=assessed)


# --- the drawing -----------------------------------------------------------------------------


def blocks(data):
    plan = flow._Plan(data)
    nodes = [node for level in plan._levels for node in level]
    return plan, [each for node in nodes for each in (node.main, node.aside) if each]


@pytest.mark.parametrize("ensemble", [False, True])
def test_boxes_lie_beside_each_other_and_hold_their_text(vah, assessed, ensemble):
    member, members, variables = vah
    data = count(member, VAH, variables, printed=assessed, ensemble=members if ensemble else None)
    plan, found = blocks(data)
    assert len(found) == data["kind"].isin(["box", "aside"]).sum()
    for each in found:
        assert each.x - each.width / 2 >= 0
        assert each.x + each.width / 2 <= flow._WIDTH
        assert each.y + each.height <= plan.height
        for text, bold, indent in each.lines:
            size = flow._TEXT if bold else flow._SMALL
            assert figures.text_width(text, size, bold) + indent <= each.width
    for one, other in itertools.combinations(found, 2):
        apart = abs(one.x - other.x) >= (one.width + other.width) / 2
        above, below = sorted((one, other), key=lambda each: each.y)
        assert apart or above.y + above.height <= below.y


def test_the_words_tell_every_count(vah, assessed):
    member, members, variables = vah
    data = count(member, VAH, variables, printed=assessed, ensemble=members)
    drawn = flow.draw_flow(data, note="Made up.", members=4)
    assert drawn.svg.startswith(b"<?xml")
    assert drawn.alt.endswith("Made up.")
    for row in data.itertuples():
        assert f"{row.label}, {row.n}" in drawn.alt
    assert "108 as printed" in drawn.alt
    assert "over the ensemble" in drawn.alt


def test_the_same_diagram_gives_the_same_bytes():
    assert flow.draw_flow(count()) == flow.draw_flow(count())


def test_shares_are_rounded_as_journals_do():
    # 1 of 16 is 6.25 %.
    row = pd.Series({"n": 1, "of": 16, "lowest": 1, "highest": 1, "printed": False})
    assert flow._count(row, share=True) == "1 (6.3%)"
