"""Printed digits: what values they stand for, and the habits by which digits go astray."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation

from helpers.errors import KitError

# Where packages print an intermediate result that is then rounded again by hand: digits after
# the decimal point of a percentage.
_INTERMEDIATE = (2, 3)
# Nothing printed is larger, and decimal arithmetic ends somewhere.
_GREATEST = 1e15
_MOST_DECIMALS = 10


@dataclass(frozen=True)
class Digits:
    """A number as printed.

    Attributes
    ----------
    text : str
        As printed, for example ``75.0`` or ``<0.001``.
    relation : {'=', '<', '>', '<=', '>='}
        How the value relates to the number.
    number : decimal.Decimal
        The number, with its printed decimals.
    """

    text: str
    relation: str
    number: Decimal


def read(text: str) -> Digits | None:
    """Read a printed number.

    Parameters
    ----------
    text : str
        For example ``75.0``, ``< 0.001`` or ``NE``.

    Returns
    -------
    Digits or None
        None where the text stands for no number: empty, not estimated, not reached, a date.
    """
    stripped = text.strip().replace("≤", "<=").replace("≥", ">=").replace("·", ".")
    relation = (re.match(r"[<>]=?", stripped) or ["="])[0]
    try:
        number = Decimal(_number(stripped.lstrip("<>= ")))
    except InvalidOperation:
        return None
    return Digits(text, relation, number)


def _number(text: str) -> str:
    """Return a number without its thousands' commas; nothing where Decimal would be too kind."""
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", text):
        return text.replace(",", "")
    return text if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", text) else ""


def decimals(digits: Digits) -> int:
    """Return how many decimals a printed number has.

    Parameters
    ----------
    digits : Digits
        The number.

    Returns
    -------
    int
    """
    return max(0, -int(digits.number.as_tuple().exponent))


def span(digits: Digits) -> tuple[float, float]:
    """Return the least and the greatest value that a printed number can stand for.

    Parameters
    ----------
    digits : Digits
        The number.

    Returns
    -------
    tuple of (float, float)
        Half a unit of the last digit to either side; open to one side for a bound.
    """
    number, half = float(digits.number), 10.0 ** -decimals(digits) / 2
    if digits.relation == "=":
        return number - half, number + half
    return (-math.inf, number) if "<" in digits.relation else (number, math.inf)


def agrees(value: float, printed: str) -> bool:
    """Say whether a value, rounded as a printed number is, gives its digits.

    Parameters
    ----------
    value : float
        The recomputed value.
    printed : str
        The number as printed, for example ``8.50``: two decimals. ``<0.01`` is met by every
        value below 0.01.

    Returns
    -------
    bool
        True if rounding half up or half to even gives the printed digits.

    Raises
    ------
    KitError
        If `printed` is not a number.

    Examples
    --------
    >>> agrees(8.45, "8.5"), agrees(8.45, "8.4"), agrees(8.44, "8.5"), agrees(0.004, "<0.01")
    (True, True, False, True)
    """
    return habit(value, printed) == ""


def habit(value: float, printed: str) -> str | None:
    """Name the habit by which a value becomes the printed digits.

    Parameters
    ----------
    value : float
        The recomputed value.
    printed : str
        The number as printed.

    Returns
    -------
    str or None
        Empty if ordinary rounding (half up or half to even) gives the digits; ``rounded twice``
        or ``truncated`` if only that does; None if nothing does.

    Raises
    ------
    KitError
        If `printed` is not a number.

    Examples
    --------
    >>> habit(39.848, "39.9"), habit(43.75, "43.7"), habit(20.83, "22.9")
    ('rounded twice', 'truncated', None)
    """
    digits = read(printed)
    if digits is None:
        raise KitError(f"not a number: {printed!r}", right="digits, such as 75.0 or <0.001")
    if digits.relation != "=":
        low, high = span(digits)
        inside = low < value < high or ("=" in digits.relation and value in (low, high))
        return "" if inside else None
    if not math.isfinite(value) or abs(value) > _GREATEST:
        return None
    exact = _exact(value)
    target = digits.number
    if decimals(digits) > _MOST_DECIMALS:
        return "" if exact == target else None
    if _rounds_to(exact, target):
        return ""
    for more in _INTERMEDIATE:
        between = exact.quantize(
            Decimal(1).scaleb(-decimals(digits) - more + 1), rounding=ROUND_HALF_UP
        )
        if between.quantize(target, rounding=ROUND_HALF_UP) == target:
            return "rounded twice"
    if exact.quantize(target, rounding=ROUND_DOWN) == target:
        return "truncated"
    return None


def rounded(value: float, printed: str) -> str:
    """Return a value with as many decimals as a printed number has.

    Parameters
    ----------
    value : float
        The value.
    printed : str
        The number whose decimals to take.

    Returns
    -------
    str
    """
    digits = read(printed)
    target = digits.number if digits else Decimal("0.1")
    return str(_exact(value).quantize(target, rounding=ROUND_HALF_UP))


def _exact(value: float) -> Decimal:
    # Computed halves are off by some bits: 0.5 % of 75 is to be a half again.
    return Decimal(repr(round(float(value), 10)))


def _rounds_to(exact: Decimal, target: Decimal) -> bool:
    return any(
        exact.quantize(target, rounding=rounding) == target
        for rounding in (ROUND_HALF_UP, ROUND_HALF_EVEN)
    )
