"""Settings: each fault one line with the name, what was given and what is allowed."""

import ast
from typing import Literal, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import Field

from helpers import catalogue, parameters
from helpers.errors import ParameterError

properties = hypothesis_settings(deadline=None, max_examples=50)
GROUPS = ("dose", "cohort", "endpoint", "assumptions")
PAPER = "alal_nos"
FIELDS = parameters.model(*GROUPS, paper=PAPER).model_fields


def check(**values):
    return parameters.check(values, *GROUPS, paper=PAPER)


def faults(*arguments, **values):
    with pytest.raises(ParameterError) as error:
        check(**values) if not arguments else parameters.check(*arguments, *GROUPS, paper=PAPER)
    lines = str(error.value).splitlines()
    assert len(lines) == len(error.value.faults)
    return lines


def test_the_settings_stand_in_the_order_of_the_groups():
    assert list(FIELDS) == [
        *["venetoclax_mg", "venetoclax_ramp_days", "venetoclax_days", "cycle_days", "cycles"],
        *["cyp3a_inhibitor", "cohort", "origin", "events", "censor_at_transplant"],
        *["cutoff_months", *catalogue.load(PAPER).assumptions],
    ]
    assert list(parameters.model("cohort", paper=PAPER).model_fields) == ["cohort"]
    assert not parameters.model(paper=PAPER).model_fields


def test_what_is_not_given_has_its_default_and_defaults_are_allowed():
    settings = check()
    assert (settings.venetoclax_mg, settings.cohort, settings.origin) == (400, "", "diagnosis")
    assert check(**settings.model_dump()).model_dump() == settings.model_dump()
    assert parameters.assumptions(settings, paper=PAPER) == {
        name: each.default for name, each in catalogue.load(PAPER).assumptions.items()
    }


def test_a_lesson_without_assumptions_uses_the_papers():
    settings = parameters.check({}, "endpoint", paper=PAPER)
    assert parameters.assumptions(settings, paper=PAPER)["relapse_to_death_months"] == 3.0
    chosen = check(relapse_to_death_months=2.5)
    assert parameters.assumptions(chosen, paper=PAPER)["relapse_to_death_months"] == 2.5


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("venetoclax_days", "7", 7),
        ("venetoclax_days", "7.0", 7),
        ("course_months", "1.2", 1.2),
        ("course_months", 1, 1.0),
        ("censor_at_transplant", "True", True),
        ("censor_at_transplant", "false", False),
        ("cohort", " AGE < 30", " AGE < 30"),
        ("events", "death or relapse", "death or relapse"),
    ],
)
def test_text_becomes_what_it_stands_for(name, text, value):
    found = getattr(check(**{name: text}), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        # Wrong type.
        ({"venetoclax_days": "seven"}, ["venetoclax_days:", "'seven'", "whole number", "1 to 42"]),
        ({"venetoclax_days": 7.5}, ["venetoclax_days:", "7.5", "whole number"]),
        ({"venetoclax_days": None}, ["venetoclax_days:", "None", "whole number", "days"]),
        ({"course_months": "a month"}, ["course_months:", "'a month'", "a number from 0.7 to 1.5"]),
        ({"censor_at_transplant": "maybe"}, ["censor_at_transplant:", "'maybe'", "True or False"]),
        ({"cohort": 30}, ["cohort:", "30", "text"]),
        # Out of range.
        ({"venetoclax_days": 43}, ["venetoclax_days:", "43", "from 1 to 42"]),
        ({"venetoclax_mg": 410}, ["venetoclax_mg:", "410", "50 to 800 in steps of 50", "mg a day"]),
        ({"venetoclax_mg": 0}, ["venetoclax_mg:", "given 0", "from 50"]),
        ({"course_months": 0.69}, ["course_months:", "0.69", "0.7 to 1.5"]),
        ({"course_months": float("nan")}, ["course_months:", "nan", "0.7 to 1.5"]),
        ({"cutoff_months": 61}, ["cutoff_months:", "61", "from 1 to 60"]),
        # Not one of them.
        ({"cyp3a_inhibitor": "mild"}, ["cyp3a_inhibitor:", "'mild'", "'none', 'moderate'"]),
        ({"events": "relapse"}, ["events:", "'relapse'", "'death', 'death or relapse'"]),
        # Not a query.
        ({"cohort": "AGE < "}, ["cohort:", "'AGE <'", "for example"]),
        ({"cohort": "age < 30"}, ["cohort:", "'age'", "did you mean AGE?"]),
        # Unknown name.
        (
            {"venetoclax_day": 7},
            ["venetoclax_day:", "no such parameter", "did you mean venetoclax_days?"],
        ),
        ({"xyz": 7}, ["xyz:", "no such parameter;", "venetoclax_mg, venetoclax_ramp_days"]),
        # Impossible together.
        (
            {"venetoclax_days": 28, "cycle_days": 21},
            ["venetoclax_days with cycle_days:", "28 days", "21", "no longer than cycle_days"],
        ),
        (
            {"venetoclax_days": 2, "venetoclax_ramp_days": 3},
            ["venetoclax_ramp_days with venetoclax_days:", "day 3", "only 2 days", "no later than"],
        ),
        # Patient 6: a course, another, then 3.0 months make 6 of her 5.
        (
            {"course_months": 1.5, "response_to_transplant_months": 3.0},
            ["course_months with response_to_transplant_months with", "patient 6", "1.0 months"],
        ),
    ],
    ids=lambda values: repr(values)[:50],
)
def test_a_fault_is_one_line(values, told):
    (line,) = faults(**values)
    for part in told:
        assert part in line


def test_every_fault_is_told_at_once():
    lines = faults(venetoclax_days=0, cycles=9, cyp3a_inhibitr="none", cohort=1)
    assert [line.split(":")[0] for line in lines] == [
        *["cyp3a_inhibitr", "venetoclax_days", "cycles", "cohort"]
    ]


def test_a_long_value_is_cut():
    (line,) = faults(origin="x" * 1000)
    assert "xxx..." in line
    assert len(line) < 200


def test_settings_cannot_be_changed_unseen():
    with pytest.raises(ValueError, match="frozen"):
        check().cycles = 2


# --- in a notebook -------------------------------------------------------------------------------


def notebook(injected, **names):
    """Return what globals() is in a lesson that papermill runs."""
    cells = ["", "cycles: int = 1", f"# Parameters\n{injected}\n", "x = 3"]
    return {"__name__": "__main__", "In": cells, "x": 3, "_": 1, **names}


def test_a_notebooks_own_names_are_passed_over():
    settings = parameters.check(notebook("cycles = 2", cycles=2), *GROUPS, paper=PAPER)
    assert settings.cycles == 2
    plain = {"__name__": "__main__", "In": ["import helpers"], "helpers": None}
    unchanged = parameters.check(plain, *GROUPS, paper=PAPER)
    assert unchanged.model_dump() == check().model_dump()


def test_an_injected_name_that_is_no_setting_is_told():
    (line,) = faults(notebook("venetoclax_day = 7\ncycles = 2", venetoclax_day=7, cycles=2))
    assert line.startswith("venetoclax_day: no such parameter (did you mean venetoclax_days?)")


# --- change --------------------------------------------------------------------------------------


def test_change_keeps_what_it_does_not_name():
    before = check(venetoclax_days=14, cohort="AGE < 30")
    after = parameters.change(before, {"cycles": "3"}, paper=PAPER)
    assert (after.cycles, after.venetoclax_days, after.cohort) == (3, 14, "AGE < 30")
    assert before.cycles == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cycle_days": 21}, "venetoclax_days with cycle_days"),
        ({"venetoclax_days": 99}, "venetoclax_days: given 99"),
        ({"venetoclax_day": 7}, "venetoclax_day: no such parameter"),
    ],
)
def test_an_impossible_change_is_told(changes, told):
    with pytest.raises(ParameterError) as error:
        parameters.change(check(), changes, paper=PAPER)
    assert told in str(error.value)
    assert len(error.value.faults) == 1


# --- what is allowed -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("venetoclax_days", "a whole number from 1 to 42 (days)"),
        ("venetoclax_mg", "a whole number from 50 to 800 in steps of 50 (mg a day)"),
        ("cycles", "a whole number from 1 to 6"),
        ("course_months", "a number from 0.7 to 1.5 (months)"),
        ("origin", "one of 'diagnosis', 'treatment', 'response'"),
        ("censor_at_transplant", "True or False"),
        ("cohort", "text (empty: everyone)"),
    ],
)
def test_what_is_allowed_in_words(name, words):
    assert parameters.allowed(FIELDS[name]) == words


def test_limits():
    assert parameters.limits(FIELDS["venetoclax_mg"]) == (50, 800, 50)
    assert parameters.limits(FIELDS["course_months"]) == (0.7, 1.5, None)
    assert parameters.limits(FIELDS["cohort"]) == (None, None, None)
    assert parameters.limits(Field(1.0, ge=0, le=3)) == (0, 3, None)


numbers = st.one_of(st.integers(-100, 1000), st.floats(-10, 10))
anything = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=20), st.lists(numbers))


names = st.one_of(st.sampled_from(list(FIELDS)), st.from_regex(r"[a-z]\w{0,9}", fullmatch=True))


@properties
@given(st.dictionaries(names, anything, max_size=5))
def test_anything_is_settings_or_one_line_a_fault(values):
    try:
        found = parameters.check(values, *GROUPS, paper=PAPER)
    except ParameterError as error:
        found = error
    if isinstance(found, ParameterError):
        assert len(str(found).splitlines()) == len(found.faults) >= 1
    else:
        assert values.keys() <= FIELDS.keys()


@properties
@given(st.sampled_from([name for name in FIELDS if parameters.limits(FIELDS[name])[0]]), numbers)
def test_a_number_is_allowed_exactly_within_its_limits(name, value):
    least, most, step = parameters.limits(FIELDS[name])
    fits = least <= value <= most and not (step and value % step)
    if FIELDS[name].annotation is int:
        fits = fits and value == int(value)
    try:
        check(**{name: value})
    except ParameterError as error:
        alone = error.faults[0].where == name
    else:
        alone = False
    assert alone != fits


@pytest.mark.parametrize("name", [n for n, f in FIELDS.items() if get_origin(f.annotation)])
def test_every_choice_is_allowed(name):
    assert get_origin(FIELDS[name].annotation) is Literal
    for choice in get_args(FIELDS[name].annotation):
        assert getattr(check(**{name: choice}), name) == choice
        assert repr(choice) in parameters.allowed(FIELDS[name])
        assert ast.literal_eval(repr(choice)) == choice
