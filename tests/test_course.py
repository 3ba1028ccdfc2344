"""The lessons as a course: no lesson before what it needs, times that add up; and lesson 00."""

import html
import json
import re

import nbformat
import papermill
import pytest
import yaml

from helpers import audit, course, paths
from helpers.course import Lesson
from helpers.errors import LessonError

START = paths.lessons()[0]


def lesson(name, minutes, *needs):
    return Lesson(name, name.title(), "", minutes, needs)


# 02 and 03 rest on 01, 04 on 03 and so on 01 as well; 05 on nothing.
MADE_UP = [
    lesson("00_a", 10),
    lesson("01_b", 60),
    lesson("02_c", 30, "01_b"),
    lesson("03_d", 50, "01_b"),
    lesson("04_e", 20, "03_d"),
    lesson("05_f", 40),
]


def names(some):
    return [each.name for each in some]


def test_what_a_lesson_rests_on_by_hand():
    found = {each.number: course.rests_on(each, MADE_UP) for each in MADE_UP}
    assert found["04"] == {"03_d", "01_b"}
    assert found["02"] == {"01_b"}
    assert found["05"] == set()


@pytest.mark.parametrize(
    ("minutes", "then"),
    [
        (80, []),
        (105, ["02_c"]),
        (115, ["02_c", "05_f"]),
        # 04 would fit, but needs 03.
        (130, ["02_c", "03_d", "05_f"]),
    ],
)
def test_a_short_course_by_hand(minutes, then):
    """Four of seven rest on 01, so it comes first, after 00: 70 minutes."""
    some = [*MADE_UP, lesson("06_g", 90, "04_e")]
    first, choice = course.short(some, minutes=minutes)
    assert names(first) == ["00_a", "01_b"]
    assert names(choice) == then


def test_a_course_too_short_for_what_others_rest_on():
    some = [*MADE_UP, lesson("06_g", 90, "04_e")]
    with pytest.raises(LessonError, match="70 minutes for what the other lessons rest on"):
        course.short(some, minutes=69)


def test_days_by_hand():
    """210 minutes: 10 + 60 + 30 and 50 + 20 + 40 are nearest to a half each."""
    two = course.days(MADE_UP, count=2)
    assert [names(day) for day in two] == [["00_a", "01_b", "02_c"], ["03_d", "04_e", "05_f"]]
    (one,) = course.days(MADE_UP, count=1)
    assert one == MADE_UP
    assert [len(day) for day in course.days(MADE_UP, count=6)] == [1] * 6
    with pytest.raises(LessonError, match="6 lessons on 7 days"):
        course.days(MADE_UP, count=7)


# --- reading -------------------------------------------------------------------------------------


def written(folder, name, **about):
    cell = {"cell_type": "markdown", "metadata": {}, "source": ["# A\n", "\n", "**Why?**\n"]}
    metadata = {"trial_by_notebook": {"title": "A", "minutes": 5, "needs": []} | about}
    file = folder / f"{name}.ipynb"
    file.write_text(json.dumps({"cells": [cell], "metadata": metadata}), encoding="utf-8")
    return file


def test_a_lesson_says_what_it_is(tmp_path):
    files = [written(tmp_path, "01_a"), written(tmp_path, "02_b", needs=["01_a"], minutes=75)]
    one, two = course.lessons(files)
    assert one == Lesson("01_a", "A", "Why?", 5, ())
    assert (two.minutes, two.after, two.heading) == (75, "01", "02 · A")


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"needs": ["02_b"]}, "01_a.ipynb: it needs 02_b; .*come before it"),
        ({"minutes": "long"}, "01_a.ipynb: its metadata does not describe it"),
        ({"needs": None}, "01_a.ipynb: its metadata does not describe it"),
    ],
)
def test_a_lesson_that_cannot_be_placed(tmp_path, about, told):
    files = [written(tmp_path, "01_a", **about), written(tmp_path, "02_b")]
    with pytest.raises(LessonError, match=told):
        course.lessons(files)


# --- the kit's lessons ---------------------------------------------------------------------------


def test_every_lesson_asks_something():
    found = course.lessons()
    assert names(found) == [path.stem for path in paths.lessons()]
    assert all(each.question.endswith(("?", ".")) for each in found)
    assert all(5 <= each.minutes <= 120 for each in found)


def test_nobody_is_sent_to_a_lesson_before_what_it_needs():
    found = course.lessons()
    first, then = course.short(found, minutes=210)
    orders = [[*first, each] for each in then]
    orders.append([each for day in course.days(found, count=2) for each in day])
    assert names(orders[-1]) == names(found)
    assert len(orders) > 2
    for order in orders:
        for place, each in enumerate(order):
            assert set(each.needs) <= set(names(order[:place])), each.name


def test_plans_fit_and_their_times_add_up():
    found = course.lessons()
    first, then = course.short(found, minutes=210)
    assert all(course.total([*first, each]) <= 210 for each in then)
    assert all(course.total(day) <= 6.5 * 60 for day in course.days(found, count=2))
    for table in (
        course.short_plan(found, minutes=210, name="Half a day"),
        course.days_plan(found, count=2, name="Two days"),
    ):
        clock = 0
        for row in table.data.itertuples(index=False):
            part, start, heading, minutes = row
            hours, rest = map(int, start.split(":"))
            if part.startswith("day"):
                clock = 0
            if part != "or":
                assert 60 * hours + rest == clock, heading
                begun, clock = clock, clock + int(minutes)
            assert 60 * hours + rest == begun, heading
    assert table.data["minutes"].astype(int).sum() == course.total(found)


def test_the_map_leads_to_every_lesson():
    shown = course.overview(course.lessons())._repr_html_()
    for each in course.lessons():
        link = f'<a href="{each.name}.ipynb">{html.escape(each.heading)}</a>'
        assert link in shown


# --- lesson 00 -----------------------------------------------------------------------------------


def shown(notebook):
    """Return the text of all outputs."""
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    return "\n".join(
        each.get("text", "") or each.get("data", {}).get("text/plain", "") for each in outputs
    )


def test_lesson_00_is_the_first_and_needs_nothing():
    assert START.stem == "00_start_here"
    assert course.lessons()[0].needs == ()


def test_lesson_00_shows_what_the_kit_is_now():
    """Its stored outputs: the lessons as they are, each verdict, and who is to be cited."""
    notebook = nbformat.read(START, as_version=4)
    text = shown(notebook)
    for each in course.lessons():
        assert re.search(rf"{re.escape(each.heading)}\s.*\b{each.minutes}\b", text)
    for verdict in audit.VERDICTS:
        assert verdict in text
        assert f"**{verdict}**" in "".join(cell.source for cell in notebook.cells)
    cff = yaml.safe_load((paths.root() / "CITATION.cff").read_text(encoding="utf-8"))
    people = ", ".join(each["name"] for each in cff["authors"])
    assert f"{people}. {cff['title']}, version {cff['version']}." in text


def test_not_medical_advice_is_said_once():
    notebook = nbformat.read(START, as_version=4)
    text = "".join(cell.source for cell in notebook.cells).lower()
    assert text.count("medical advice") == 1
    assert "**not medical advice.**" in notebook.cells[0].source.lower()


def test_lesson_00_with_other_settings(tmp_path):
    """The patients under thirty: 16, 23, 29 and 22 years old."""
    done = papermill.execute_notebook(
        *(str(START), str(tmp_path / "run.ipynb"), {"cohort": "AGE < 30", "seed": 2}),
        kernel_name="python3",
        progress_bar=False,
        cwd=START.parent,
    )
    assert "4 of 6 patients fit AGE < 30" in shown(done)
    assert "Median age 22.5 years; 1 death" in shown(done)
    assert not [
        each
        for cell in done.cells
        for each in cell.get("outputs", [])
        if each.output_type == "error"
    ]
