"""Panels without a browser: controls moved from code, and what stands there afterwards."""

import json
import re

import ipywidgets
import pytest
from moved_panels import ends, move_to_every_end

from helpers import cohort, panels, parameters

PAPER = "alal_nos"
GROUPS = ("dose", "cohort", "endpoint", "assumptions", "ledger", "printed")
MAKE = {
    "dose": panels.dose,
    "cohort": panels.cohort_of,
    "endpoint": panels.endpoint,
    "ledger": panels.ledger,
    "printed": panels.printed,
}
each = pytest.mark.parametrize("name", MAKE)
QUERIES = ["AGE <", "AGE > 100", "AGE == 16", "<b>", ""]


def panel(name, **values):
    return MAKE[name](parameters.check(values, *GROUPS, paper=PAPER), paper=PAPER)


def shown(made):
    """Return the HTML below the controls."""
    return made.children[-1].value


def widgets_of(box):
    for child in box.children:
        yield child
        if hasattr(child, "children"):
            yield from widgets_of(child)


# --- moving a control ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "control", "value", "told"),
    [
        ("dose", "venetoclax_days", 7, "2,300 mg in all"),  # 100 + 200 + 5 × 400
        ("dose", "cyp3a_inhibitor", "moderate", "5,350 mg in all"),  # 50 + 100 + 26 × 200
        ("dose", "cycles", 2, "21,900 mg in all"),  # 10,700 + 28 × 400
        ("cohort", "cohort", "AGE < 30", "Median age 22.5 years; 1 death;"),
        ("cohort", "cohort", "AGE > 100", "None of the 6 patients fits AGE &gt; 100"),
        ("endpoint", "origin", "response", "median 12 months"),  # 9 + 3 for patient 1
        ("endpoint", "censor_at_transplant", True, "This gives 1 event among 6 patients"),
        ("endpoint", "relapse_to_death_months", 2.0, "median 36 months"),
        ("ledger", "location", "nowhere", "0 fit the search"),
        ("printed", "count", 1, "1 of 37 is 2.70 %"),  # 1 / 37 = 0.027027…
    ],
)
def test_a_control_moved_changes_what_is_shown(name, control, value, told):
    made = panel(name)
    before = shown(made)
    made.controls[control].value = value
    assert told in shown(made)
    assert made.message == ""
    assert getattr(made.settings, control) == value
    assert (shown(made) == before) == (control == "relapse_to_death_months")


def test_several_controls_are_moved_at_once():
    """28 days in a cycle of 21 would be refused on the way from one to the other."""
    made = panel("dose")
    made.set(cycle_days=21, venetoclax_days=21)
    assert made.message == ""
    assert f"{100 + 200 + 19 * 400:,} mg in all" in shown(made)


def test_a_panel_starts_from_the_lessons_settings():
    made = panel("dose", venetoclax_days=14, cyp3a_inhibitor="strong")
    assert made.controls["venetoclax_days"].value == 14
    assert f"{10 + 20 + 50 + 11 * 100:,} mg in all" in shown(made)
    assert "2 of 6 patients" in shown(panel("endpoint", cohort="SEX == 'F'"))


# --- what isn't possible -------------------------------------------------------------------------


def test_an_impossible_combination_keeps_the_last_outcome():
    made = panel("dose")
    before = made.outcome
    made.controls["cycle_days"].value = 21
    assert "venetoclax_days with cycle_days" in made.message
    assert made.outcome is before
    assert made.settings.cycle_days == 28
    assert 'role="alert"' in shown(made)
    assert "10,700 mg in all" in shown(made)
    made.controls["venetoclax_days"].value = 21
    assert made.message == ""
    assert 'role="alert"' not in shown(made)
    assert made.settings.cycle_days == 21


def test_an_impossible_assumption_is_a_sentence():
    made = panel("endpoint")
    made.set(course_months=1.5, response_to_transplant_months=3.0)
    assert "patient 6 would have the transplant" in made.message


def test_a_query_in_the_making_is_a_sentence_and_is_not_run_as_html():
    made = panel("cohort")
    made.controls["cohort"].value = "<script>alert(1)</script>"
    assert made.message
    assert "<script>" not in shown(made)
    assert "All 6 patients" in shown(made)


@each
def test_no_end_of_any_control_raises(name):
    move_to_every_end(panel(name), QUERIES)


@each
def test_reset_goes_back_to_the_lessons_settings(name):
    made = panel(name, venetoclax_days=14, cohort="AGE < 60", origin="treatment")
    before = shown(made)
    for control in made.controls.values():
        control.value = ends(control, QUERIES)[0]
    assert shown(made) != before
    (button,) = [child for child in made.children if isinstance(child, ipywidgets.Button)]
    button.click()
    assert shown(made) == before
    assert made.message == ""


# --- picking patients ----------------------------------------------------------------------------


def pickers(made):
    """Return the menu of variables, and the box in which the chosen one's control appears."""
    _, choose, condition, *_ = made.children
    return choose, condition


def pick(made, variable, value):
    choose, condition = pickers(made)
    choose.value = variable
    condition.children[0].value = value


def test_patients_can_be_picked_without_writing_a_query():
    made = panel("cohort")
    pick(made, "AGE", (20, 30))
    assert made.outcome.data["USUBJID"].tolist() == ["3", "4", "6"]
    pick(made, "GENES", ("PTPN11",))
    assert made.outcome.data["USUBJID"].tolist() == ["3", "6"]
    assert made.controls["cohort"].value == made.settings.cohort
    pickers(made)[0].value = ""
    assert len(made.outcome.data) == 6
    assert pickers(made)[1].children == ()


def test_a_choice_adds_to_the_query_as_a_whole():
    made = panel("cohort", cohort="SEX == 'F' or AGE < 20")
    pick(made, "HSCTFL", ("Y",))
    assert made.outcome.data["USUBJID"].tolist() == ["2", "5"]


def test_every_recorded_variable_can_be_picked_to_its_ends():
    """On top of a query that fits nobody, so that nothing is drawn on the way."""
    nobody = "AGE > 100"
    made = panel("cohort", cohort=nobody)
    choose, condition = pickers(made)
    for _, variable in choose._options_full[1:]:
        made.set(cohort=nobody)
        choose.value = variable
        (picker,) = condition.children
        listed = isinstance(picker, ipywidgets.SelectMultiple)
        everything = picker.value if listed else (picker.min, picker.max)
        least = (everything[0],) if listed else (picker.min, picker.min)
        # Off where it starts, so that each of what follows is a move.
        picker.value = () if listed else (picker.max, picker.max)
        assert made.message == ""
        picked = []
        for value in (least, everything):
            picker.value = value
            assert made.message == ""
            before, condition_alone = made.settings.cohort.split(" and ", 1)
            assert before == f"({nobody})"
            picked.append(len(cohort.patients(PAPER, condition_alone)))
        recorded = cohort.patients(PAPER)[variable]
        assert 1 <= picked[0] <= picked[1]
        assert picked[1] == sum(recorded.map(bool) & recorded.notna())


# --- where no kernel runs ------------------------------------------------------------------------

STATE = "application/vnd.jupyter.widget-view+json"


@each
def test_a_panel_is_also_a_picture_of_itself(name):
    made = panel(name, cohort="AGE < 30", venetoclax_days=14)
    bundle = made._repr_mimebundle_()
    assert STATE in bundle
    assert bundle["text/plain"].endswith(made.outcome.summary)
    html = bundle["text/html"]
    assert f"Settings: {next(iter(made.controls))} = " in html
    assert "cohort = &#x27;AGE &lt; 30&#x27;" in html or name != "cohort"
    assert "AGE < 30" not in html
    for part in made.outcome.parts:
        assert part._repr_html_() in html


@each
def test_the_same_panel_gives_the_same_page(name):
    one, other = (panel(name)._repr_mimebundle_() for _ in range(2))
    identity = re.compile(r'("model_id": )"[0-9a-f]+"')
    assert identity.sub(r"\1", json.dumps(one)) == identity.sub(r"\1", json.dumps(other))
    assert one[STATE]["model_id"] != other[STATE]["model_id"]


# A search of the ledger is never impossible.
@pytest.mark.parametrize("name", [name for name in MAKE if name != "ledger"])
def test_the_static_page_follows_the_controls_but_never_shows_the_impossible(name):
    made = panel(name)
    before = made._repr_mimebundle_()["text/html"]
    values = {
        "dose": {"cycle_days": 14},
        "cohort": {"cohort": "AGE <"},
        "endpoint": {"course_months": 1.5, "response_to_transplant_months": 3.0},
        "printed": {"count": 38},  # of 37
    }
    made.set(**values[name])
    assert made.message
    assert made._repr_mimebundle_()["text/html"] == before
    made.set(**made._start)
    assert made._repr_mimebundle_()["text/html"] == before


@each
def test_a_panel_can_be_used_without_seeing_it(name):
    """Each picture has words, there is a place to announce the summary, each control has a name."""
    made = panel(name)
    for tag in re.findall(r"<img[^>]*>", shown(made)):
        assert re.search(r'alt="[^"]{40,}"', tag)
    assert '<p role="status"' in made.children[0].value
    for control in made.controls.values():
        assert len(control.description) > 4
        assert control.tooltip == control.description
        assert not getattr(control, "continuous_update", False)
