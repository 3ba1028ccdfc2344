"""Answers read from a notebook's text, and sent from one process to another."""

import json
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from helpers import exercises
from helpers.classroom import answers
from helpers.classroom.answers import Place
from helpers.classroom.submissions import Cell
from helpers.classroom.tasks import Task

CHECK = 'exercises.check("p", "e", x)'
TASK = Task(1, "p", "e", "x", "own", CHECK)


def place(*sources, ids=()):
    cells = [Cell(source, ids) for source in sources]
    (found,) = answers.places(cells, [TASK])
    return found


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("23", {"number": 23.0}),
        ("-2.5", {"number": -2.5}),
        ("10 + 20 + 50 + 11 * 100", {"number": 1180.0}),
        ("100 * 4 / (9 - 1)", {"number": 50.0}),
        ("'b'", {"text": "b"}),
        ('"23 years"  # say', {"text": "23 years"}),
        ("...", {"nothing": True}),
        ("None", {"nothing": True}),
        ("''", {"nothing": True}),
        ("[23]", {"other": "list"}),
        ("1j", {"other": "complex"}),
    ],
)
def test_what_is_written_out_is_read(typed, read):
    assert place(f"x = {typed}\n{CHECK}") == Place(0, answer=read)
    # Apart, as students get it.
    assert place(f"x = {typed}\n", CHECK) == Place(1, answer=read)


@pytest.mark.parametrize(
    "cell",
    [
        f"import os\nx = 3\n{CHECK}",
        f"x = len('abc')\n{CHECK}",
        f"y = 3\nx = y\n{CHECK}",
        f"x = 9 ** 9 ** 9\n{CHECK}",
        f"x = 1 / 0\n{CHECK}",
        f"x = {' + '.join('1' * 200)}\n{CHECK}",
        f"if True:\n    x = 3\n    {CHECK}",
        f"x = 3\n{CHECK}\n{CHECK}",
        f"%time x = 3\n{CHECK}",
        f"{CHECK}\nx = 3",
        'x = 3\nexercises.check("p", "e", answer=x)',
        'x = 3\nexercises.check("p", "e", x, seed=settings.seed)',
        f"x: int\n{CHECK}",
        f"x = y = 3\n{CHECK}",
        f"x += 3\n{CHECK}",
    ],
)
def test_anything_more_has_to_be_run(cell):
    found = place(cell)
    assert found.cell == 0
    assert found.answer is None


def test_the_last_of_several_calls_counts_so_all_are_run():
    assert place(f"x = 3\n{CHECK}", "y = 1", f"x = 4\n{CHECK}") == Place(2)


def test_a_name_from_further_up_has_to_be_run():
    assert place("x = 3", "y = 1", CHECK) == Place(2)
    assert place(CHECK) == Place(0)


def test_a_value_in_place_of_the_name_is_read():
    assert place('exercises.check("p", "e", "c")').answer == {"text": "c"}
    assert place('check("p", "e", 3)').answer == {"number": 3.0}


def test_where_the_call_was_deleted_the_cell_itself_has_the_answer():
    assert place("x = 3", ids=("own",)) == Place(0, "x", {"number": 3.0})
    assert place("x = 3", ids=("other", "p-e")) == Place(0, "x", {"number": 3.0})
    assert place("x = f()", ids=("own",)) == Place(0, "x")
    assert place("import os\nx = 3", ids=("own",)) == Place(0, "x")
    assert place("", ids=("own",)) == Place(0, "x", {"nothing": True})
    assert place("x = 3") == Place(None)


@pytest.mark.parametrize("source", ["(" * 100_000, "x = \0", "-" * 50_000 + "1", "é" * 10, "\\"])
def test_text_that_is_no_code_is_passed_over(source):
    assert place(source, f"x = 3\n{CHECK}").answer == {"number": 3.0}


GIVEN = [
    *[23, 23.0, "23", "c", " c ", "", ..., None, True, np.int64(23), np.float64(28.4)],
    *[Fraction(23), 10**400, math.nan, math.inf, 1j, [23], {}, object, b"x", pd.NA],
    *[pd.Series([23, 26]), pd.DataFrame({"AGE": [23]}), np.array([23, 26]), "<b>twenty</b>"],
]


@pytest.mark.parametrize("exercise", ["median_age", "censoring"])
@pytest.mark.parametrize("answer", GIVEN, ids=lambda each: type(each).__name__ + str(each)[:6])
def test_an_answer_is_told_the_same_after_its_way(answer, exercise):
    sent = json.loads(json.dumps(answers.as_data(answer)))
    live = exercises.check("alal_nos", exercise, answer)
    assert exercises.check("alal_nos", exercise, answers.from_data(sent)) == live


@pytest.mark.parametrize(
    "data",
    [
        *[None, 7, "c", [], {}, {"number": "23"}, {"text": 3}, {"other": 3}, {"nothing": False}],
        {"numbers": 3},
    ],
)
def test_what_only_pretends_to_be_an_answer_is_none(data):
    assert answers.from_data(data) is ...


def test_no_name_that_is_sent_does_harm():
    for name in ("class", "a b", "x" * 1000, "", "=1+1", "\n"):
        told = exercises.check("alal_nos", "median_age", answers.from_data({"other": name}))
        assert told.right is False
        assert len(told.text) < 200
        assert "=" not in told.text
    assert answers.from_data({"number": 10**400}) == math.inf
    assert len(answers.from_data({"text": "c" * 1000})) == answers.LONGEST


def test_an_answer_that_fights_back_is_told_its_type():
    class Trap:
        def __float__(self):
            raise RuntimeError("no")

    assert answers.as_data(Trap()) == {"other": "Trap"}
    assert answers.as_data("c" * 1000) == {"text": "c" * answers.LONGEST}
