"""Figures: the data behind each on hand-made tables, the same bytes each time, words for all."""

import math
import re
import warnings

import numpy as np
import pandas as pd
import pytest

from helpers import cohort, dosing, figures, survival, timeline
from helpers.dosing import Schedule

NEVER = math.nan
HISTORY = pd.DataFrame(
    [
        # Relapsed and died; transplanted and alive; died without a response.
        ["a", -2.0, 0.0, 1.0, NEVER, 5.0, 8.0, 8.0],
        ["b", -3.0, 0.0, 2.0, 4.0, NEVER, NEVER, 12.0],
        ["c", -1.0, 0.0, NEVER, NEVER, NEVER, 6.0, 6.0],
    ],
    columns=["USUBJID", "DIAGM", "TRTM", "RSPM", "HSCTM", "RLPM", "DTHM", "LSTALVM"],
)


@pytest.fixture(scope="module")
def letter():
    patients = cohort.patients("alal_nos")
    return timeline.history(
        patients, course_months=1, response_to_transplant_months=1.5, relapse_to_death_months=3
    )


def curve(times, events, label=""):
    return survival.kaplan_meier(times, events, label=label), np.array(times, float)


# --- the data behind each --------------------------------------------------------------------


def test_swimmer_data_by_hand():
    data = figures.swimmer_data(HISTORY)
    phases = data[data["KIND"] == "phase"]
    before, on, remission, relapse = (
        *["before venetoclax", "on venetoclax, until response", "in remission", "after relapse"],
    )
    assert list(phases[["USUBJID", "NAME", "START", "END"]].itertuples(index=False, name=None)) == [
        *[("a", before, 0, 2), ("a", on, 2, 3), ("a", remission, 3, 7), ("a", relapse, 7, 10)],
        *[("b", before, 0, 3), ("b", on, 3, 5), ("b", remission, 5, 15)],
        # Without a response, venetoclax and what follows can't be told apart.
        *[("c", before, 0, 1), ("c", on, 1, 7)],
    ]
    moments = data[data["KIND"] == "moment"]
    assert (moments["START"] == moments["END"]).all()
    assert list(moments[["USUBJID", "NAME", "START", "PRINTED"]].itertuples(index=False)) == [
        *[("a", "response", 3, False), ("a", "relapse", 7, False), ("a", "death", 10, True)],
        *[("b", "response", 5, False), ("b", "transplant", 7, False)],
        ("b", "alive at last contact", 15, True),
        ("c", "death", 7, True),
    ]


def test_bars_of_a_swimmer_fill_the_printed_time(letter):
    data = figures.swimmer_data(letter)
    bars = data[data["KIND"] == "phase"].assign(LENGTH=lambda bar: bar["END"] - bar["START"])
    months = bars.groupby("USUBJID")["LENGTH"].sum()
    assert months.to_dict() == pytest.approx({"1": 36, "2": 15, "3": 9, "4": 8, "5": 7, "6": 5})


def test_mutations_data_by_hand():
    patients = pd.DataFrame({"USUBJID": ["x", "y", "z"], "GENES": [("B", "A"), (), ("C", "B")]})
    table = figures.mutations_data(patients)
    # The most frequent first, then by the alphabet; everyone has a column.
    assert table.index.tolist() == ["B", "A", "C"]
    assert table.to_dict("list") == {"x": [1, 1, 0], "y": [0, 0, 0], "z": [1, 0, 1]}


def test_calendar_data_by_hand():
    calendars = pd.DataFrame(
        {
            "USUBJID": ["b", "b", "b", "a"],
            "STUDYDAY": [1, 2, 3, 1],
            "DOSE": [100, 200, 0, 50],
        }
    )
    table = figures.calendar_data(calendars)
    assert table.index.tolist() == ["b", "a"]
    assert table.columns.tolist() == [1, 2, 3]
    assert table.loc["b"].tolist() == [100, 200, 0]
    assert table.loc["a"].isna().tolist() == [False, True, True]


def test_at_risk_counts_those_with_that_time_or_longer():
    curves = [curve([5, 7, 9, 9], [0, 1, 1, 0], "one"), curve([3], [1], "other")]
    table = figures.risk_table_data(curves, np.array([0, 5, 6, 9, 10]))
    assert table.loc["one"].tolist() == [4, 4, 3, 2, 0]
    assert table.loc["other"].tolist() == [1, 0, 0, 0, 0]
    assert table.columns.tolist() == [0, 5, 6, 9, 10]


# --- drawings ----------------------------------------------------------------------------------


def drawings(history):
    """Draw everything that can be drawn of some patients."""
    given = dosing.as_given(history, ramp_days=3)
    times, events = history["OSM"], history["DTHFL"] == "Y"
    one = curve(times, events, "one")
    plan = dosing.calendar(Schedule(400, 3, 14))
    return {
        "swimmer": lambda: figures.draw_swimmer(history, history["BESTRSP"]),
        "mutations": lambda: figures.draw_mutations(history),
        "calendar": lambda: figures.draw_calendar(given),
        "cumulative": lambda: figures.draw_cumulative({"a plan": plan}),
        "survival": lambda: figures.draw_survival([one], behind=[one[0]]),
        "two curves": lambda: figures.draw_survival([one, one]),
    }


each = pytest.mark.parametrize(
    "name", ["swimmer", "mutations", "calendar", "cumulative", "survival", "two curves"]
)


@each
def test_the_same_drawing_gives_the_same_bytes(letter, name):
    one, other = (drawings(letter)[name]() for _ in range(2))
    assert one.svg == other.svg
    assert one.svg.startswith(b"<?xml")


@each
@pytest.mark.parametrize("who", ["AGE > 100", "AGE > 60", "AGE == 29", "DTHFL == 'N'"])
def test_few_patients_are_drawn_without_a_fault(letter, name, who):
    """Nobody; one who died; one who lives, with one gene; nobody who died."""
    few = letter[letter["USUBJID"].isin(cohort.patients("alal_nos", who)["USUBJID"])]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = drawings(few)[name]()
    assert picture.svg
    assert picture.alt
    assert "nan" not in picture.alt


def test_no_gene_and_no_dose_are_drawn_without_a_fault():
    bare = pd.DataFrame({"USUBJID": ["x"], "GENES": [()]})
    assert "0 in all" in figures.draw_mutations(bare).alt
    none = pd.DataFrame({"USUBJID": ["x"], "STUDYDAY": [1], "DOSE": [0]})
    assert "0 days, 0 mg in all" in figures.draw_calendar(none).alt


@pytest.mark.parametrize(
    ("times", "events"),
    [([], []), ([0], [1]), ([0.0], [0]), ([300], [1]), ([5, 5, 5], [0, 0, 0]), ([1], [1])],
)
def test_odd_curves_are_drawn_without_a_fault(times, events):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = figures.draw_survival([curve(times, events)])
    assert f"{len(times)} patient" in picture.alt


@pytest.mark.parametrize(
    ("name", "words"),
    {
        "swimmer": [
            *["patient 1 died at 36 months, relapsed", "patient 2 alive at 15 months, transplant"],
            "patient 3 died at 9 months, transplanted;",
        ],
        "mutations": ["16 in all", "BCOR in patients 1, 5", "PTPN11 in patients 3, 6"],
        "calendar": ["Patient 1: 28 days, 10,700 mg", "Patient 4: 14 days, 2,700 mg"],
        "cumulative": ["a plan: 5,100 mg by day 28"],
        "survival": ["one: 6 patients, 2 events, median 36 months", "95% CI 9 to not estimable"],
    }.items(),
)
def test_the_words_hold_the_numbers(letter, name, words):
    alt = drawings(letter)[name]().alt
    for each in words:
        assert each in alt


def test_a_picture_is_an_image_with_words_wherever_it_stands():
    picture = figures.Picture(b"<svg/>", 'AGE < 30 & "others"')
    html = picture._repr_html_()
    assert re.search(r'alt="AGE &lt; 30 &amp; &quot;others&quot;"', html)
    assert 'src="data:image/svg+xml;base64,PHN2Zy8+"' in html
    assert repr(picture) == picture.alt


def test_drawing_leaves_nothing_behind(letter):
    """Neither a figure that is kept alive nor a changed style."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    style = dict(mpl.rcParams)
    for draw in drawings(letter).values():
        draw()
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == style


@pytest.mark.parametrize(
    ("times", "events", "words"),
    [
        ([], [], "not estimable: no patients"),
        ([5, 6], [0, 0], "not reached (95% CI not estimable to not estimable)"),
        ([5.25] * 3, [1] * 3, "5.2 months"),
        ([36], [1], "36 months"),
    ],
)
def test_a_median_in_words(times, events, words):
    assert figures.median_words(survival.kaplan_meier(times, events)).startswith(words)
