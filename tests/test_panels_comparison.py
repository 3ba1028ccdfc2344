"""Panels of documents side by side, moved from code, at both ends of each control."""

import re
import warnings

import ipywidgets
import pytest

from helpers import parameters
from helpers.comparison import panels
from helpers.comparison import settings as offered

MAKE = {"response": panels.response, "clock": panels.clock, "dose": panels.dose}
each = pytest.mark.parametrize("name", MAKE)


def panel(name, **values):
    return MAKE[name](parameters.check(values, *offered.GROUPS, paper=""))


@pytest.mark.parametrize(
    ("name", "control", "value", "told"),
    [
        ("response", "with_alal_nos", False, "VAH (AML) 68 of 96; HMA or LDAC"),
        ("response", "population", "no transplant before", "not recorded of whom"),
        ("response", "response", "CR", "HMA or LDAC (acute leukaemia): not printed"),
        ("response", "arms_apart", True, "HMA or LDAC: HMA 22 of 42"),
        ("response", "pooled_by", "Bayes", "Pooled by Bayes"),
        ("clock", "origin", "treatment", "from the start of venetoclax"),
        ("clock", "origin", "diagnosis", "its clock can't start there"),
        ("clock", "events", "death or relapse", "Alive without relapse"),
        ("clock", "censor_at_transplant", True, "stopped at transplant"),
        ("clock", "survival_month", 6, "At 6 months"),
        ("clock", "with_vah", False, "HMA or LDAC, synthetic"),
        ("dose", "dose_metric", "days in the first cycle", "days in the first cycle: least"),
        ("dose", "cyp3a_inhibitor", "strong", "beside a strong inhibitor"),
    ],
)
def test_a_control_moved_changes_what_is_told(name, control, value, told):
    made = panel(name)
    before = made.outcome.summary
    made.controls[control].value = value
    assert made.message == ""
    assert told in made.outcome.summary
    assert made.outcome.summary != before


def test_what_only_some_models_use_moves_with_them():
    made = panel("response", pooled_by="Bayes")
    before = made.outcome.summary
    made.controls["prior_scale"].value = 0.1
    assert made.outcome.summary != before
    made = panel("dose", dose_metric="mg in all")
    made.controls["cycles"].value = 1
    assert "1 cycle:" in made.outcome.summary


@each
def test_no_end_of_any_control_raises(name):
    made = panel(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for control in made.controls.values():
            at_first = control.value
            if isinstance(control, ipywidgets.Dropdown):
                values = [value for _, value in control._options_full]
            elif isinstance(control, ipywidgets.Checkbox):
                values = [True, False]
            else:
                values = [control.min, control.max]
            for value in values:
                control.value = value
                assert made.outcome.summary
                assert made.message == "" or "months" in made.message
            control.value = at_first
    assert made.message == ""


@each
def test_nothing_chosen_is_said_in_words(name):
    none = {setting: False for setting in offered.shown() if setting.startswith(offered.DOCUMENT)}
    made = panel(name, **none)
    assert made.outcome.summary
    if name == "response":
        assert "nothing to pool" in made.outcome.summary
    if name == "clock":
        assert "Nobody can be followed" in made.outcome.summary


@each
def test_a_panel_says_its_pictures_in_words_and_goes_back(name):
    made = panel(name)
    before = made.outcome.summary
    html = "".join(part._repr_html_() for part in made.outcome.parts)
    tags = re.findall(r"<img[^>]*>", html)
    assert len(tags) == 1
    assert re.search(r'alt="[^"]{40,}"', tags[0])
    first = next(iter(made.controls.values()))
    first.value = not first.value if isinstance(first.value, bool) else first._options_full[-1][1]
    (button,) = [child for child in made.children if isinstance(child, ipywidgets.Button)]
    button.click()
    assert made.outcome.summary == before
