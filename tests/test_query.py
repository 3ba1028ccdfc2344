"""Queries: whatever the text, it is a query or a clear error, and never runs as code."""

import math
import operator
import string

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers.catalogue import Variable
from helpers.errors import QueryError
from helpers.query import Query, parse

properties = settings(deadline=None, max_examples=60)

VARIABLES = {
    "AGE": Variable(label="age", type="integer", source="table"),
    "DOSE": Variable(label="dose", type="number", source="table"),
    "SEX": Variable(label="sex", type="category", source="table", values={"F": "f", "M": "m"}),
    "NOTE": Variable(label="note", type="text", source="table"),
    "GENES": Variable(label="genes", type="list", source="table"),
}
RECORDED = pd.DataFrame(
    {
        "AGE": [16, 29, 30, 66],
        "DOSE": [-1.5, 0.0, 200.0, 400.0],
        "SEX": ["F", "M", "F", "M"],
        "NOTE": ["", "it's", 'a "b"', "x"],
        "GENES": [(), ("RUNX1",), ("TP53", "RUNX1"), ("WT1",)],
    },
    index=[7, 5, 3, 1],
)
NOT_RECORDED = pd.DataFrame(
    {"AGE": [math.nan], "DOSE": [math.nan], "SEX": [None], "NOTE": [math.nan], "GENES": [()]}
)


def mask(text, patients=RECORDED):
    return parse(text, VARIABLES).mask(patients).tolist()


# --- never anything but a query or a clear error -------------------------------------------------

TOKENS = [
    *VARIABLES,
    *["age", "AGES", "<", "<=", "==", "!=", "=", ":=", "in", "not", "not in", "and", "or", "is"],
    *["(", ")", "[", "]", "{", "}", ",", "'F'", '"M"', "f'{AGE}'", "b'F'", "'RUNX1'", "30", "-30"],
    *["1e999", "9" * 400, "0x1F", "1j", "True", "None", "...", "lambda:", "if", "else", "for"],
    *[".", "*", "**", "~", "-", "@", "#", "\n", "\\", "\x00", ";", "await", "yield", "é", "\ud800"],
]
texts = st.one_of(
    st.text(max_size=520),
    st.text(alphabet=string.printable, max_size=60),
    st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join),
)


@properties
@given(texts)
@example("(" * 300)
@example("not " * 120 + "AGE < 3")
@example("-" * 400 + "1")
@example("AGE < 3" + " and AGE < 3" * 40)
@example("DOSE < " + "9" * 400)
@example("AGE == '\\d'")
@example("f'{1!r:{2}}'")
def test_any_text_is_a_query_or_a_clear_error(text):
    try:
        found = parse(text, VARIABLES)
    except QueryError as error:
        found = error
    if isinstance(found, QueryError):
        assert len(str(found).splitlines()) == 1
        return
    assert isinstance(found, Query)
    assert found.names() <= VARIABLES.keys()
    for patients in (RECORDED, NOT_RECORDED, RECORDED.iloc[:0]):
        picked = found.mask(patients)
        assert picked.dtype == bool
        assert picked.index.equals(patients.index)


@pytest.mark.parametrize(
    "text",
    [
        "open({path!r}, 'w')",
        "__import__('pathlib').Path({path!r}).touch()",
        "AGE < 30 and open({path!r}, 'w')",
        "AGE < open({path!r}, 'w').fileno()",
        "AGE in [open({path!r}, 'w')]",
        "AGE in [each for each in [open({path!r}, 'w')]]",
        "(lambda: open({path!r}, 'w'))() == 1",
        "(AGE := open({path!r}, 'w')) == 1",
        "SEX == f'{{open({path!r}, 'w')}}'",
        "AGE.__class__ == 1",
        "AGE[0] == 1",
    ],
)
def test_code_is_refused_and_not_run(text, tmp_path):
    path = tmp_path / "written"
    with pytest.raises(QueryError):
        parse(text.format(path=str(path)), VARIABLES)
    assert not path.exists()


# --- what a query picks --------------------------------------------------------------------------

COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
VALUES = {
    "AGE": st.sampled_from([16, 17, 29, 30, 29.5, 66, -3]),
    "DOSE": st.sampled_from([-1.5, 0, 0.1, 200, 400.0, 1e3]),
    "SEX": st.sampled_from(["F", "M"]),
    "NOTE": st.sampled_from(["", "it's", 'a "b"', "x", "y"]),
    "GENES": st.sampled_from(["RUNX1", "TP53", "WT1", "FLT3"]),
}


@st.composite
def comparisons(draw):
    """Return the text of a comparison, and what it says of one cell in plain Python."""
    name = draw(st.sampled_from(sorted(VARIABLES)))
    ordered = VARIABLES[name].is_number
    sign = draw(st.sampled_from([*COMPARE, "in", "not in"] if ordered else ["==", "!=", "in"]))
    if sign in COMPARE:
        value = draw(VALUES[name])
        values, text = [value], f"{name} {sign} {value!r}"
    else:
        values = draw(st.lists(VALUES[name], max_size=3))
        text = f"{name} {sign} {values!r}"

    def holds(row):
        cells = row[name] if name == "GENES" else (row[name],)
        if sign in COMPARE and name != "GENES":
            return COMPARE[sign](cells[0], values[0])
        return any(cell in values for cell in cells) != (sign in ("!=", "not in"))

    return text, holds


def joined(parts):
    """Join two, or deny one; the brackets are sometimes left out to test what binds tighter."""

    def both(pair):
        (left, holds_left), (right, holds_right) = pair
        return f"({left}) and ({right})", lambda row: holds_left(row) and holds_right(row)

    def either(pair):
        (left, holds_left), (right, holds_right) = pair
        return f"({left}) or ({right})", lambda row: holds_left(row) or holds_right(row)

    def denied(part):
        return f"not ({part[0]})", lambda row: not part[1](row)

    pairs = st.tuples(parts, parts)
    return st.one_of(pairs.map(both), pairs.map(either), parts.map(denied))


@properties
@given(st.recursive(comparisons(), joined, max_leaves=5))
def test_a_query_picks_as_plain_python_would(query):
    text, holds = query
    if len(text) <= 500:
        assert mask(text) == [bool(holds(row)) for _, row in RECORDED.iterrows()]


@properties
@given(comparisons().filter(lambda query: "GENES" not in query[0]))
def test_a_value_that_was_not_recorded_compares_with_nothing(query):
    """Neither == nor != holds of an unknown number."""
    assert mask(query[0], NOT_RECORDED) == [False]


def test_what_binds_tighter():
    assert mask("SEX == 'F' and AGE < 30 or DOSE == 400") == [True, False, False, True]
    assert mask("SEX == 'F' and (AGE < 30 or DOSE == 200)") == [True, False, True, False]
    assert mask("not SEX == 'F' and AGE < 30") == [False, True, False, False]
    assert mask("DOSE > -2 and DOSE < -1") == [True, False, False, False]


def test_a_list_is_asked_for_membership():
    assert mask("GENES == 'RUNX1'") == [False, True, True, False]
    assert mask("GENES != 'RUNX1'") == [True, False, False, True]
    assert mask("GENES in ('WT1', 'TP53')") == [False, False, True, True]
    assert mask("GENES not in ['WT1', 'TP53']") == [True, True, False, False]


def test_an_empty_query_picks_everyone():
    assert mask("  ") == [True] * 4
    assert mask(" AGE < 30\n") == [True, True, False, False]


def test_the_variables_of_a_query_are_known():
    assert parse("AGE < 30 and not (SEX == 'F' or AGE > 60)", VARIABLES).names() == {"AGE", "SEX"}


# --- what is said of a query that isn't one ------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("AGE <", ["'AGE <'", "AGE < 30 and SEX == 'F'"]),
        ("AGE", ["'AGE'", "comparison"]),
        ("AGE < 30 AND SEX == 'F'", ["character 10"]),
        ("18 <= AGE < 30", ["one comparison", "18 <= AGE and AGE < 30"]),
        ("30 > AGE", ["'30 > AGE'", "does not start with a variable"]),
        ("age < 30", ["'age'", "did you mean AGE?", "AGE, DOSE, SEX"]),
        ("AGES < 30", ["'AGES'", "did you mean AGE?"]),
        ("HEIGHT < 30", ["no variable 'HEIGHT'"]),
        ("AGE < '30'", ["AGE", "'30'", "a number"]),
        ("AGE < True", ["'AGE < True'", "a number"]),
        ("SEX == F", ["'SEX == F'", "'text'"]),
        ("SEX == 1", ["SEX", "1", "quotation marks"]),
        ("SEX == 'X'", ["SEX is never 'X'", "F, M"]),
        ("SEX < 'F'", ["SEX has no order", "=="]),
        ("AGE in 30", ["'AGE in 30'", "in ["]),
        ("AGE == [30]", ["'AGE == [30]'", "in ["]),
        ("AGE is 30", ["'AGE is 30'", "one comparison"]),
        ("SEX in ['F', 'X']", ["SEX is never 'X'"]),
        ("AGE < 30 or " * 50 + "AGE < 30", ["608 characters", "500"]),
    ],
)
def test_a_fault_names_what_is_wrong_and_what_is_right(text, told):
    with pytest.raises(QueryError) as error:
        parse(text, VARIABLES)
    for part in told:
        assert part in str(error.value)


def test_a_far_name_gets_no_suggestion():
    with pytest.raises(QueryError) as error:
        parse("HEIGHT < 30", VARIABLES)
    assert "did you mean" not in str(error.value)
