"""Mutation landscapes: order by hand and in general, frequencies, what isn't recorded."""

import made_up
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import catalogue, cohort, figures, oncoprint
from helpers.catalogue import Variable
from helpers.errors import KitError, QueryError
from helpers.reconstruct import ensemble

YES = {"Y": "yes", "N": "no"}
NAMES = "ABCD"
VARIABLES = {
    name: Variable(label=name, type="category", source="text", values=YES) for name in (*NAMES, "R")
}
PATIENTS = pd.DataFrame(
    [
        ["1", "N", "N", "Y", "N", "Y"],
        ["2", "Y", "N", "N", "Y", "N"],
        ["3", "Y", "Y", "Y", None, "N"],
        ["4", "N", "Y", "Y", "N", None],
        ["5", "N", "N", "N", "N", "Y"],
    ],
    columns=["USUBJID", *NAMES, "R"],
)
GENES = {
    "first": {"A": "A == 'Y'", "C": "C == 'Y'"},
    "second": {"D": "D == 'Y'", "B": "B == 'Y'"},
}
TRACKS = {"Response": {"no": "R == 'N'", "yes": "R == 'Y'"}}


def landscape(patients=PATIENTS, genes=GENES, variables=VARIABLES, **more):
    return oncoprint.oncoprint_data(patients, genes, variables=variables, **more)


# --- the data --------------------------------------------------------------------------------


def test_a_landscape_by_hand():
    data = landscape(tracks=TRACKS)
    # C is more frequent than A, B than D; groups and tracks stay as given.
    assert list(data.index) == [
        *[("gene", "first", "C"), ("gene", "first", "A")],
        *[("gene", "second", "B"), ("gene", "second", "D")],
        *[("track", "Response", "no"), ("track", "Response", "yes")],
    ]
    assert data.columns.get_level_values("USUBJID").tolist() == ["3", "4", "1", "2", "5"]
    nan = np.nan
    np.testing.assert_array_equal(
        data.to_numpy(),
        [
            [1, 1, 1, 0, 0],
            [1, 0, 0, 1, 0],
            [1, 1, 0, 0, 0],
            [nan, 0, 0, 1, 0],
            [1, nan, 0, 1, 0],
            [0, nan, 1, 0, 1],
        ],
    )


def test_patients_can_be_put_apart_first():
    data = landscape(tracks=TRACKS, split="Response")
    # Within each part as without; whoever is in no lane comes last.
    assert list(data.columns) == [("no", "3"), ("no", "2"), ("yes", "1"), ("yes", "5"), ("", "4")]


def test_frequencies_leave_out_whom_it_is_not_recorded_of():
    found = oncoprint.frequencies(landscape(tracks=TRACKS))
    assert found["n"].tolist() == [3, 2, 2, 1, 2, 2]
    assert found["known"].tolist() == [5, 5, 5, 4, 4, 4]
    assert found["percent"].tolist() == [60, 40, 40, 25, 50, 50]


def test_equal_frequencies_are_ordered_by_name():
    patients = PATIENTS.assign(A="Y", C="Y")
    names = landscape(patients, {"g": {"C": "C == 'Y'", "A": "A == 'Y'"}}).index
    assert [gene for _, _, gene in names] == ["A", "C"]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 25), split=st.booleans())
def test_patients_are_in_the_order_of_the_rows(seed, n, split):
    rng = np.random.default_rng(seed)
    drawn = rng.choice(np.array(["Y", "N", None], dtype=object), (n, 5), p=[0.3, 0.6, 0.1])
    patients = pd.DataFrame(drawn, columns=[*NAMES, "R"]).assign(USUBJID=range(n))
    data = landscape(patients, tracks=TRACKS, split="Response" if split else "")
    assert sorted(data.columns.get_level_values("USUBJID")) == list(range(n))
    lanes = data.columns.get_level_values("SPLIT").tolist()
    assert lanes == sorted(lanes, key=["no", "yes", ""].index)
    genes = data.loc["gene"]
    for lane in set(lanes):
        columns = [tuple(1 - column) for column in genes.loc[:, lane].to_numpy().T]
        known = [tuple(np.nan_to_num(column, nan=2.0)) for column in columns]
        assert known == sorted(known)
    for _, block in genes.groupby(level="BLOCK", sort=False):
        assert block.sum(axis=1).is_monotonic_decreasing
    # Every cell is what the patient has.
    for (_, subject), column in genes.items():
        own = patients.loc[patients["USUBJID"] == subject].iloc[0]
        for (_, gene), cell in column.items():
            assert {"Y": cell == 1, "N": cell == 0}.get(own[gene], np.isnan(cell))


def test_a_list_of_genes_gives_the_same_counts_as_the_letters_figure():
    patients = cohort.patients("alal_nos")
    expected = figures.mutations_data(patients).sum(axis=1)
    genes = {"genes": {gene: f"GENES == '{gene}'" for gene in expected.index}}
    found = oncoprint.frequencies(
        landscape(patients, genes, catalogue.load("alal_nos").variables)
    ).droplevel(["KIND", "BLOCK"])
    assert found["n"].to_dict() == expected.to_dict()
    assert (found["known"] == len(patients)).all()


def test_who_was_not_tested_is_not_counted_as_unmutated():
    members = ensemble.read("mini_hcvd")
    one = members[members["member"] == 1]
    data = landscape(
        one, {"genes": {"TP53": "TP53FL == 'Y'"}}, catalogue.load("mini_hcvd").variables
    )
    found = oncoprint.frequencies(data).iloc[0]
    assert found["known"] == (one["TP53TST"] == "Y").sum() < len(one)
    assert found["n"] == (one["TP53FL"] == "Y").sum()


# --- what is refused ------------------------------------------------------------------------


def test_what_cannot_be_shown():
    twice = {"first": {"A": "A == 'Y'"}, "second": {"A": "B == 'Y'"}}
    with pytest.raises(KitError, match="A twice"):
        landscape(genes=twice)
    with pytest.raises(KitError, match=r"no track 'Sex'.*Response"):
        landscape(tracks=TRACKS, split="Sex")
    with pytest.raises(KitError, match="no USUBJID"):
        landscape(PATIENTS.drop(columns="USUBJID"))
    with pytest.raises(QueryError, match="no variable 'Z'"):
        landscape(genes={"g": {"Z": "Z == 'Y'"}})


# --- the drawing -----------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["", "Response"])
def test_every_cell_is_drawn_where_it_belongs(split):
    data = landscape(tracks=TRACKS, split=split)
    columns = oncoprint._Columns(data)
    places, bottom = oncoprint._places(data, columns.top)
    assert (np.diff(columns.left) >= columns.width - 1e-9).all()
    assert columns.left[0] == oncoprint._LEFT
    assert columns.left[-1] + columns.width == pytest.approx(oncoprint._WIDTH - oncoprint._RIGHT)
    for (top, tall), (after, _) in zip(places, [*places[1:], (bottom, 0)], strict=True):
        assert top + tall <= after + 1e-9
    for (top, tall), cells in zip(places, data.to_numpy(), strict=True):
        columns._filled = {}
        columns.fill(cells, top, tall, "yes")
        for colour, value in (("yes", 1), (oncoprint._PALE, 0)):
            drawn = columns._filled.get(colour, [])
            middles = columns.left + columns.width / 2
            inside = [any(a < x < b for a, b, _, _ in drawn) for x in middles]
            assert inside == (cells == value).tolist()


def test_the_words_tell_every_row():
    patients = made_up.cohort("vah", n=96, seed=1)
    variables = catalogue.load("vah").variables
    genes = {"Signalling": {"FLT3": "FLT3 == 'Y'", "RAS": "RAS == 'Y'"}}
    tracks = {"MRD in CRc": {"negative": "MRDNEGFL == 'Y'", "positive": "MRDNEGFL == 'N'"}}
    data = landscape(patients, genes, variables, tracks=tracks, split="MRD in CRc")
    drawn = oncoprint.draw_oncoprint(data, note="Made up.")
    for (_, _, name), row in oncoprint.frequencies(data).iterrows():
        assert f"{name} {row['n']:.0f} of {row['known']:.0f}" in drawn.alt
    negative, positive = ((patients["MRDNEGFL"] == code).sum() for code in "YN")
    parts = f"negative {negative}; positive {positive}; none of these {96 - negative - positive}"
    assert f"Patients put apart: {parts}." in drawn.alt
    assert drawn == oncoprint.draw_oncoprint(data, note="Made up.")
    assert len(drawn.svg) < 400_000


@pytest.mark.parametrize("size", [0, 1, 5])
def test_few_patients_can_be_drawn(size):
    data = landscape(PATIENTS.head(size), tracks=TRACKS)
    drawn = oncoprint.draw_oncoprint(data)
    assert drawn.svg.startswith(b"<?xml")
    assert f"{size} patients" in drawn.alt
