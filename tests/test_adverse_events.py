"""Adverse events by worst grade: two small cohorts by hand, and the paper's own table."""

import pandas as pd
import pytest

from helpers import adverse_events, catalogue, synthetic
from helpers.catalogue import Variable
from helpers.errors import KitError
from helpers.reconstruct.member_arrays import Members


def grade(label):
    return Variable(
        label=label, type="integer", source="x", unit="worst grade", minimum=0, maximum=5
    )


VARIABLES = {
    "AGE": Variable(label="age", type="integer", source="x", unit="years", minimum=0, maximum=9),
    "RASH": grade("rash"),
    "FEVER": grade("fever"),
}


@pytest.fixture
def members():
    # Two cohorts of three patients.
    return Members(
        pd.DataFrame(
            {
                "member": [1, 1, 1, 2, 2, 2],
                "RASH": [0, 1, 4, 2, 0, 4],
                "FEVER": [5, 0, 0, 0, 0, 5],
                "AGE": [1, 2, 3, 1, 2, 3],
            }
        ),
        VARIABLES,
    )


def test_grades_are_counted_in_each_member(members):
    data = adverse_events.grades_data(members, VARIABLES)
    found = data.set_index(["label", "grade"])[["lowest", "highest"]]
    assert set(data["label"]) == {"rash", "fever"}
    assert found.loc[("rash", "1_2")].tolist() == [1, 1]
    assert found.loc[("rash", "4")].tolist() == [1, 1]
    assert found.loc[("rash", "3")].tolist() == [0, 0]
    assert found.loc[("fever", "5")].tolist() == [1, 1]


def test_a_patient_with_two_events_counts_once(members):
    # In the first cohort two patients, in the second one with both.
    assert adverse_events.worst(members, ["RASH", "FEVER"], at_least=4).tolist() == [2, 1]
    assert adverse_events.worst(members, ["RASH"], at_least=1).tolist() == [2, 2]


def test_the_picture_says_what_it_shows(members):
    data = adverse_events.grades_data(members, VARIABLES)
    picture = adverse_events.draw_grades(data, patients=3, note="Made up.")
    assert "rash: 1 grade 1–2, 1 grade 4" in picture.alt
    assert "fever: 1 grade 5" in picture.alt
    assert "Made up." in picture.alt


def test_without_grades_there_is_nothing_to_count(members):
    with pytest.raises(KitError, match="no worst grades"):
        adverse_events.grades_data(members, {"AGE": VARIABLES["AGE"]})


def test_printed_counts_stand_beside_those_of_every_member():
    paper = "mini_hcvd"
    variables = catalogue.load(paper).variables
    data = adverse_events.grades_data(synthetic.members(paper), variables)
    found = adverse_events.beside(paper, data)
    assert len(found) == 4 * 28
    assert found["same"].all()
    infection = found[found["event"] == "INFECTION"].set_index("grade")["printed"]
    assert infection.tolist() == ["2 (9)", "13 (59)", "2 (9)", "2 (9)"]
    wrong = data.assign(lowest=data["lowest"] + 1)
    assert not adverse_events.beside(paper, wrong)["same"].any()
