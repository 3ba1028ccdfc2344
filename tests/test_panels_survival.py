"""Panels of survival and of the transplant, moved from code."""

import re

import pytest
from moved_panels import move_to_every_end

from helpers import panels, parameters

PAPER = "vah"
GROUPS = ("cohort", "survival_endpoint", "transplant", "landmark", "transplant_time")
MAKE = {
    "cohort": lambda settings: panels.cohort_of(settings, paper=PAPER, endpoints=["os", "efs"]),
    "endpoint": lambda settings: panels.survival_redefined(settings, paper=PAPER),
    "transplant": lambda settings: panels.transplanted(settings, paper=PAPER, endpoint="os"),
}
each = pytest.mark.parametrize("name", MAKE)


def panel(name, **values):
    return MAKE[name](parameters.check(values, *GROUPS, paper=PAPER))


def shown(made):
    return made.children[-1].value


@pytest.mark.parametrize(
    ("name", "control", "value", "told"),
    [
        ("cohort", "cohort", "FLT3 == 'Y'", "19 patients of 96 fit"),
        ("endpoint", "no_response", "on day 1", "dated back to day 1"),
        ("endpoint", "events", "relapse", "as a competing event"),
        ("endpoint", "landmark_months", 4, "of those free of it at 4"),
        ("endpoint", "censor_at_transplant", True, "as if chosen by lot"),
        ("transplant", "landmark_months", 4, "from month 4 on"),
        ("transplant", "transplant_delay_months", 5.0, "5 months after the response"),
        ("transplant", "transplant_time", "as in the cohorts", "happen to have them"),
        ("transplant", "curves_of", "time-dependent", "not, or not yet"),
        ("transplant", "cohort", "CRCFL == 'Y'", "of patients with crcfl"),
    ],
)
def test_a_control_moved_changes_what_is_shown(name, control, value, told):
    made = panel(name)
    before = shown(made)
    made.controls[control].value = value
    assert made.message == ""
    assert told.lower() in shown(made).lower()
    assert shown(made) != before


@each
def test_no_end_of_any_control_raises(name):
    move_to_every_end(panel(name), ["STATUS ==", "AGE > 100", "RELHSCT2 == 'Y'", "<b>", ""])


@each
def test_a_panel_is_also_a_page_with_words_for_its_picture(name):
    made = panel(name)
    html = made._repr_mimebundle_()["text/html"]
    (tag,) = re.findall(r"<img[^>]*>", html)
    assert re.search(r'alt="[^"]{40,}"', tag)
    assert 'class="tbn-summary"' in html
    assert "synthetic" in html.lower()
    assert html == panel(name)._repr_mimebundle_()["text/html"]
