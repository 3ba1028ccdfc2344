"""Printed digits against whole numbers and fractions, in which nothing is lost."""

import math
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers import rounding
from helpers.errors import KitError

properties = settings(deadline=None, max_examples=200)

TEN = 10
# Thousandths of a printed unit, so that ties, double rounding and truncation all turn up.
values = st.integers(-3_000_000, 3_000_000)
places = st.integers(0, 3)


def half_up(exact):
    """Round a fraction to a whole number, halves away from zero."""
    return int(math.copysign(math.floor(abs(exact) + Fraction(1, 2)), exact))


def printed(units, decimals):
    """Print a whole number of last digits."""
    sign, digits = "-" if units < 0 else "", str(abs(units)).rjust(decimals + 1, "0")
    return sign + (f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits)


def expected_habit(exact, units):
    """Name the habit that makes whole `units` of a number of units, by the definitions."""
    if units in (half_up(exact), round(exact)):
        return ""
    for more in (10, 100):
        if units == half_up(Fraction(half_up(exact * more), more)):
            return "rounded twice"
    return "truncated" if units == int(exact) else None


@properties
@given(values, places, st.integers(-2, 2))
@example(18_648, 1, 1)  # 48.648…: 48.65, 48.7
@example(43_750, 1, 0)
@example(-500, 0, 0)
def test_the_habit_is_the_first_that_gives_the_digits(thousandths, decimals, off):
    exact = Fraction(thousandths, 1000)  # in units of the last printed digit
    units = int(exact) + off
    value = float(exact / TEN**decimals)
    found = rounding.habit(value, printed(units, decimals))
    assert found == expected_habit(exact, units)
    assert rounding.agrees(value, printed(units, decimals)) == (found == "")


@properties
@given(values, places)
def test_rounding_gives_digits_that_agree(thousandths, decimals):
    value = thousandths / 1000
    pattern = printed(0, decimals)
    shown = rounding.rounded(value, pattern)
    assert shown == printed(half_up(Fraction(thousandths, 1000) * TEN**decimals), decimals) or (
        half_up(Fraction(thousandths, 1000) * TEN**decimals) == 0
    )
    assert rounding.agrees(value, shown)
    assert rounding.decimals(rounding.read(shown)) == decimals


@properties
@given(st.integers(1, 600), st.data(), st.integers(0, 2))
def test_a_percentage_of_counts_agrees_with_itself_rounded(total, data, decimals):
    """The value comes as a binary fraction; its printed ties are decimal ones."""
    count = data.draw(st.integers(0, total))
    units = half_up(Fraction(100 * TEN**decimals * count, total))
    assert rounding.agrees(100 * count / total, printed(units, decimals))
    assert rounding.habit(100 * count / total, printed(units + 2, decimals)) is None
    assert rounding.habit(100 * count / total, printed(units - 2, decimals)) is None


@properties
@given(values, values)
def test_a_bound_is_met_by_what_lies_beyond_it(value, limit):
    below = rounding.agrees(value / 1000, f"<{limit / 1000:.3f}")
    above = rounding.agrees(value / 1000, f"> {limit / 1000:.3f}")
    assert (below, above) == (value < limit, value > limit)


@pytest.mark.parametrize("text", ["≥5", "≥ 5.0", "≤5"])
def test_a_bound_that_includes_itself_is_met_by_itself(text):
    assert rounding.agrees(5, text)


@properties
@given(st.text(max_size=20) | st.text(alphabet="0123456789.,<>=≤≥·+-−eE ∞NaR_%", max_size=14))
@example("NaN")
@example("1_000")
@example("1e5")
@example("Infinity")
@example("1,2,3")
@example("٣")
def test_odd_text_is_no_number_or_a_finite_one(text):
    found = rounding.read(text)
    if found is None:
        with pytest.raises(KitError, match="not a number"):
            rounding.habit(1, text)
        return
    assert found.number.is_finite()
    assert found.relation in ("=", "<", ">", "<=", ">=")
    assert found.text == text
    assert rounding.decimals(found) >= 0


@properties
@given(st.integers(0, 10**12), st.integers(0, 3))
def test_what_is_printed_is_read_back(units, decimals):
    text = printed(units, decimals)
    assert Fraction(rounding.read(text).number) == Fraction(units, TEN**decimals)
    assert rounding.read(f" <{text}").relation == "<"
    whole, point, rest = text.partition(".")
    assert rounding.read(f"{int(whole):,}{point}{rest}").number == rounding.read(text).number
    assert rounding.decimals(rounding.read(text)) == decimals


@pytest.mark.parametrize("printed_text", ["5." + "0" * 30, "1" + "0" * 40, "0." + "0" * 40 + "1"])
def test_more_digits_than_any_paper_prints_are_an_answer_not_a_crash(printed_text):
    assert rounding.habit(5.0, printed_text) in ("", "rounded twice", "truncated", None)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_digits_stand_for_no_number(value):
    assert rounding.habit(value, "8.5") is None
