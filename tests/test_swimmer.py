"""Swimmer plots of a trial: order and months by hand, and against the histories they are of."""

import math

import made_up
import numpy as np
import pandas as pd
import pytest

from helpers import catalogue, cohort, figures, swimmer, timeline
from helpers.catalogue import Variable
from helpers.errors import KitError
from helpers.reconstruct import ensemble

NEVER = math.nan
VARIABLES = {
    "RSP": Variable(
        label="best response",
        type="category",
        source="text",
        values={"CR": "remission", "NR": "no response"},
    ),
    "ARM": Variable(
        label="arm", type="category", source="text", values={"B": "late", "A": "early"}
    ),
    "AGE": Variable(label="age", type="integer", source="text"),
}
HISTORY = pd.DataFrame(
    [
        ["2", "CR", "A", 1.0, 2.0, 5.0, 4.0, NEVER, 9.0],
        ["10", "NR", "B", 0.0, NEVER, NEVER, NEVER, 6.0, 6.0],
        ["9", "NR", "B", 0.0, NEVER, NEVER, NEVER, NEVER, 6.0],
        ["3", None, "A", 0.0, 1.0, NEVER, NEVER, 12.0, 12.0],
    ],
    columns=["USUBJID", "RSP", "ARM", "TRTM", "RSPM", "RLPM", "HSCTM", "DTHM", "LSTALVM"],
)


def bars(history=HISTORY, variables=VARIABLES, **by):
    return swimmer.swimmer_data(history, variables=variables, **by)


@pytest.fixture(scope="module")
def vah():
    return made_up.cohort("vah", n=96, seed=3), catalogue.load("vah").variables


# --- the data --------------------------------------------------------------------------------


def test_bars_by_hand():
    data = bars(fill="RSP", blocks="ARM")
    # Blocks as declared, in each the longest first; patient 10 after patient 9.
    assert data["USUBJID"].tolist() == ["9", "10", "3", "2"]
    assert data["BLOCK"].tolist() == ["late", "late", "early", "early"]
    assert data["FILL"].tolist() == ["no response", "no response", "not recorded", "remission"]
    # Months count from the start of treatment, which came a month late for patient 2.
    assert data["END"].tolist() == [6, 6, 12, 8]
    moments = data[list(swimmer.MOMENTS)].T.to_dict("list")
    assert moments == {
        0: pytest.approx([NEVER, NEVER, NEVER, NEVER, 6], nan_ok=True),
        1: pytest.approx([NEVER, NEVER, NEVER, 6, NEVER], nan_ok=True),
        2: pytest.approx([1, NEVER, NEVER, 12, NEVER], nan_ok=True),
        3: pytest.approx([1, 4, 3, NEVER, 8], nan_ok=True),
    }


def test_without_blocks_the_longest_bar_is_on_top():
    assert bars()["USUBJID"].tolist() == ["3", "2", "9", "10"]
    assert set(bars()["BLOCK"]) == set(bars()["FILL"]) == {""}


def test_what_a_history_does_not_have_is_not_marked():
    data = bars(HISTORY.drop(columns=["TRTM", "RLPM", "HSCTM"]))
    assert data["RLPM"].isna().all()
    assert data.set_index("USUBJID")["END"].to_dict() == {"2": 9, "9": 6, "10": 6, "3": 12}


def test_every_patient_of_a_trial_has_one_bar_that_ends_in_death_or_alive(vah):
    history, variables = vah
    data = bars(history, variables, fill="BESTRSP", blocks="STATUS")
    assert sorted(data["USUBJID"]) == sorted(history["USUBJID"])
    assert (data["DTHM"].isna() != data["LSTALVM"].isna()).all()
    assert (data["DTHM"].fillna(data["LSTALVM"]) == data["END"]).all()
    assert data["BLOCK"].cat.codes.is_monotonic_increasing
    for _, block in data.groupby("BLOCK", observed=True):
        assert block["END"].is_monotonic_decreasing
    sizes = data["BLOCK"].value_counts()
    words = variables["STATUS"].values
    assert {words[code]: n for code, n in history["STATUS"].value_counts().items()} == dict(
        sizes[sizes > 0]
    )


def test_marks_of_a_member_are_the_printed_events():
    members = ensemble.read("mini_hcvd")
    variables = catalogue.load("mini_hcvd").variables
    for _, one in members[members["member"] <= 3].groupby("member"):
        data = bars(one, variables, fill="BESTRSP")
        assert data["RSPM"].notna().sum() == (one["CRCFL"] == "Y").sum()
        assert data["HSCTM"].notna().sum() == (one["HSCTFL"] == "Y").sum()
        assert data["DTHM"].notna().sum() == (one["DTHFL"] == "Y").sum()


def test_the_letters_patients_are_followed_as_their_history_says():
    history = timeline.history(
        cohort.patients("alal_nos"),
        course_months=1,
        response_to_transplant_months=1.5,
        relapse_to_death_months=3,
    )
    data = bars(history, catalogue.load("alal_nos").variables, fill="BESTRSP")
    assert data.set_index("USUBJID")["END"].to_dict() == pytest.approx(
        history.set_index("USUBJID")["LSTALVM"].to_dict()
    )


# --- what is refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "by", "told"),
    [
        (HISTORY.drop(columns="DTHM"), {}, "no DTHM"),
        (HISTORY, {"fill": "SEX"}, "no SEX"),
        (HISTORY.assign(AGE=50), {"fill": "AGE"}, "AGE isn't a category"),
        (HISTORY.assign(LSTALVM=-1.0, DTHM=NEVER), {}, "has no end after its start"),
        (HISTORY.assign(LSTALVM=NEVER, DTHM=NEVER), {}, "has no end after its start"),
    ],
)
def test_a_history_that_cannot_be_drawn(history, by, told):
    with pytest.raises(KitError, match=told):
        bars(history, **by)


# --- the drawing -----------------------------------------------------------------------------


def test_the_words_tell_who_and_how_many(vah):
    history, variables = vah
    data = bars(history, variables, fill="BESTRSP", blocks="STATUS")
    drawn = swimmer.draw_swimmer(data, note="Made up.")
    assert "96 patients" in drawn.alt
    for column in swimmer.MOMENTS:
        name = figures.MOMENTS[column][0]
        assert f"{name} in {data[column].notna().sum()}" in drawn.alt
    for name, n in data["FILL"].value_counts().items():
        assert not n or f"{n} {name}" in drawn.alt
    assert drawn.alt.endswith("Made up.")
    # A page holds it: hundreds of hatched bars must not make megabytes.
    assert len(drawn.svg) < 400_000


@pytest.mark.parametrize("size", [0, 1, 4])
def test_few_patients_can_be_drawn(size):
    drawn = swimmer.draw_swimmer(bars(HISTORY.head(size), fill="RSP", blocks="ARM"))
    assert drawn.svg.startswith(b"<?xml")
    assert drawn.alt.startswith("Swimmer plot of")


def test_the_same_bars_give_the_same_bytes():
    data = bars(fill="RSP")
    assert swimmer.draw_swimmer(data) == swimmer.draw_swimmer(data)


def test_fills_differ_without_colour():
    """Two that share a pattern must differ in brightness."""

    def brightness(colour):
        red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    plain = [brightness(colour) for colour, hatch in swimmer._FILLS if not hatch]
    hatches = [hatch for _, hatch in swimmer._FILLS if hatch]
    assert len(set(hatches)) == len(hatches)
    assert np.ptp(plain) > 0.05
