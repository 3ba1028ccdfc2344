"""Panels of a paper with synthetic cohorts, moved from code."""

import re

import ipywidgets
import pytest
from moved_panels import move_to_every_end

from helpers import panels, parameters

PAPER = "hma_ldac"
ARMS = {"HMA": "hma", "LDAC": "ldac"}
GROUPS = ("partner", "dose", "cohort", "redefinition", "remission", "confounding", "seed")
MAKE = {
    "dose": panels.dose,
    "cohort": lambda settings, paper: panels.cohort_of(settings, paper=paper, compare=ARMS),
    "endpoint": lambda settings, paper: panels.redefinition(
        settings, paper=paper, reference="efs", compare=ARMS
    ),
    "confounding": lambda settings, paper: panels.confounding(
        settings, paper=paper, reference="os", compare=ARMS
    ),
}
each = pytest.mark.parametrize("name", MAKE)


def panel(name, **values):
    return MAKE[name](parameters.check(values, *GROUPS, paper=PAPER), paper=PAPER)


def shown(made):
    return made.children[-1].value


@pytest.mark.parametrize(
    ("name", "control", "value", "told"),
    [
        # 20 mg/m² at 1.8 m² on ten days.
        ("dose", "partner", "cytarabine", "36 mg a day at 1.8 m², 360 mg in all"),
        ("dose", "body_surface_m2", 2.0, "150 mg a day at 2 m², 1,050 mg in all"),
        # The label's target with cytarabine: 100 + 200 + 400 + 25 × 600.
        ("dose", "venetoclax_days", 7, "15,700"),
        ("cohort", "cohort", "ARM == 'LDAC'", "28 patients of 70 fit"),
        ("endpoint", "no_response", "on day 1", "dated back to day 1"),
        ("endpoint", "remission", "CR", "Only CR counts"),
        ("endpoint", "cutoff_months", 6, "follow-up is cut 6 months"),
        ("endpoint", "seed", 2, "how the paper&#x27;s endpoint is read"),
        ("confounding", "factor_percent_other", 50, "14 of 28 in LDAC (50%)"),
        ("confounding", "factor_hazard_ratio", 1.0, "moves nothing"),
    ],
)
def test_a_control_moved_changes_what_is_shown(name, control, value, told):
    made = panel(name)
    before = shown(made)
    made.controls[control].value = value
    assert made.message == ""
    assert told.lower() in shown(made).lower()
    # Another draw changes nothing where nothing is drawn.
    assert (shown(made) == before) == (control == "seed")


@each
def test_no_end_of_any_control_raises(name):
    move_to_every_end(panel(name), ["ARM ==", "AGE > 100", "CRCFL == 'N'", "<b>", ""])


@each
def test_reset_goes_back_to_the_lessons_settings(name):
    made = panel(name, cycles=2, cohort="CRCFL == 'Y'", cutoff_months=12, factor_percent=10)
    before = shown(made)
    first = next(iter(made.controls.values()))
    first.value = (
        first._options_full[-1][1]
        if isinstance(first, ipywidgets.Dropdown)
        else type(first.value)()
    )
    assert shown(made) != before
    (button,) = [child for child in made.children if isinstance(child, ipywidgets.Button)]
    button.click()
    assert shown(made) == before


@each
def test_a_panel_is_also_a_page_with_words_for_each_picture(name):
    made = panel(name)
    html = made._repr_mimebundle_()["text/html"]
    for part in made.outcome.parts:
        assert part._repr_html_() in html
    tags = re.findall(r"<img[^>]*>", html)
    assert len(tags) == 1
    assert re.search(r'alt="[^"]{40,}"', tags[0])
    assert 'class="tbn-summary"' in html
    if name != "dose":
        assert "synthetic" in html.lower()
    again = panel(name)._repr_mimebundle_()["text/html"]
    assert html == again


def test_what_is_impossible_is_a_sentence():
    made = panel("endpoint")
    made.controls["origin"].value = "response"
    assert "no response as an event" in made.message
    made.controls["events"].value = "death or relapse"
    assert made.message == ""
    assert made.settings.origin == "response"


def test_a_query_can_be_put_together_without_writing_it():
    made = panel("cohort")
    _, choose, condition, *_ = made.children
    offered = [name for _, name in choose._options_full if name]
    assert offered[0] == "ARM"
    choose.value = "CRCFL"
    condition.children[0].value = ("Y",)
    assert made.controls["cohort"].value == "CRCFL in ['Y']"
    assert "31 patients of 70 fit" in shown(made)


def test_a_panel_offers_what_the_lesson_has():
    settings = parameters.check({}, "redefinition", paper=PAPER)
    made = panels.redefinition(settings, paper=PAPER, reference="efs")
    assert list(made.controls) == ["origin", "events", "no_response", "cutoff_months"]
    assert "all, 70 patients" in made.outcome.parts[0].alt or "70 patients" in shown(made)
