"""Intervals and P values: by which method they come from the counts, if by any."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TypeVar

import numpy as np
import pandas as pd

from helpers import association, proportions, rounding
from helpers.audit.arithmetic import DAYS_PER_MONTH
from helpers.audit.evidence import COUNTS, Book, Finding, attainable, names
from helpers.catalogue import PublishedNumber
from helpers.errors import KitError

_Case = TypeVar("_Case")

# Beyond this many patients the digits of an interval no longer tell one denominator from the next.
_LARGEST = 2_000

_SURVIVAL = {
    "log-log": "Stata sts list, SAS PROC LIFETEST",
    "log": "R survfit",
    "plain": "SPSS",
    "arcsine": "R survfit",
    "logit": "R survfit",
}


_MONTHS = {"days": 1 / DAYS_PER_MONTH, "weeks": 7 / DAYS_PER_MONTH, "months": 1.0, "years": 12.0}
_RATES = ("survival_ci", "cumulative_incidence_ci")
_TRANSFORMS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "plain": (lambda p: p, lambda x: x),
    "log": (math.log, math.exp),
    "log-log": (lambda p: math.log(-math.log(p)), lambda x: math.exp(-math.exp(x))),
    "log-log of the complement": (
        lambda p: math.log(-math.log(1 - p)),
        lambda x: 1 - math.exp(-math.exp(x)),
    ),
    "logit": (lambda p: math.log(p / (1 - p)), lambda x: 1 / (1 + math.exp(-x))),
    "arcsine": (lambda p: math.asin(math.sqrt(p)), lambda x: math.sin(x) ** 2),
}


def interval_scores(book: Book) -> pd.DataFrame:
    """Rank the methods by the number of a paper's intervals of proportions that each explains.

    Parameters
    ----------
    book : Book
        The paper's numbers.

    Returns
    -------
    pandas.DataFrame
        ``method, name, software, explained, of``, the best first; an interval printed twice
        counts once.
    """
    printed = {
        (count, total, number.lower, number.upper): (number, count, total)
        for number in book.own
        if number.statistic == "proportion_ci" and _has_limits(number)
        for total in [book.total(number)]
        if total
        for count in book.counts(number)
    }
    return _ranked(
        proportions.METHODS,
        printed.values(),
        lambda key, case: habit_of_interval(*case, key, book) is not None,
    )


def test_scores(book: Book) -> pd.DataFrame:
    """Rank the tests by the number of a paper's P values from counts that each explains.

    Parameters
    ----------
    book : Book
        The paper's numbers.

    Returns
    -------
    pandas.DataFrame
        ``method, name, software, explained, of``, the best first.
    """
    tables = [
        (number, table)
        for number in book.own
        if number.statistic == "p_value" and number.value is not None
        for table in count_tables(number, book)
    ]
    return _ranked(association.TESTS, tables, lambda key, case: _explains(*case, key))


def interval(number: PublishedNumber, book: Book, preferred: str | None) -> Iterator[Finding]:
    """Recompute the interval of a proportion.

    Parameters
    ----------
    number : PublishedNumber
        The number.
    book : Book
        The paper's numbers.
    preferred : str or None
        The method that explains most of the paper's intervals.

    Yields
    ------
    Finding
    """
    if number.statistic != "proportion_ci" or not _has_limits(number):
        return
    total = book.total(number)
    counts = book.counts(number)
    if not total or not counts:
        yield Finding("undetermined", reason="the paper doesn't give the denominator")
        return
    keys = sorted(proportions.METHODS, key=lambda key: key != preferred)
    for key in keys:
        for count in counts:
            habit = habit_of_interval(number, count, total, key, book)
            if habit is not None:
                yield Finding(
                    "reproduced",
                    f"{count}/{total}: {_limits(number, count, total, key, book)}",
                    _named(proportions.METHODS[key].name, habit),
                )
                return
    tried = keys[0]
    yield Finding(
        "inconsistent" if number.count is not None else "undetermined",
        f"{counts[0]}/{total}: {_limits(number, counts[0], total, tried, book)}",
        f"{len(keys)} interval methods",
        f"none of {len(keys)} interval methods gives {number.lower}–{number.upper} from "
        f"{' or '.join(map(str, counts))} of {total}",
    )


def p_value(number: PublishedNumber, book: Book, preferred: str | None) -> Iterator[Finding]:
    """Recompute a P value from counts, or from a hazard ratio with its interval.

    Parameters
    ----------
    number : PublishedNumber
        The number.
    book : Book
        The paper's numbers.
    preferred : str or None
        The test that explains most of the paper's P values.

    Yields
    ------
    Finding
    """
    if number.statistic != "p_value" or number.value is None:
        return
    related = [book.by_id[word] for word in number.relates_to if word != "|"]
    if len(related) == 1 and related[0].statistic == "hazard_ratio_ci":
        yield from _from_hazard_ratio(number, related[0])
        return
    tables = list(count_tables(number, book))
    if not tables:
        yield from _from_survival(number, related, book, preferred)
        return
    keys = sorted(association.TESTS, key=lambda key: key != preferred)
    swapped = _swapped(number, tables[0], keys[0], book)
    for table in tables:
        # Two P values that fit the paper's own test in each other's place are swapped, even if
        # some other test happens to give one of them.
        for key in keys[:1] if swapped else keys:
            p = association.p_value(table, test=key)
            habit = rounding.habit(p, number.value)
            if habit in ("", "rounded twice"):
                yield Finding(
                    "reproduced",
                    _shown_p(p),
                    _named(association.TESTS[key].name, habit),
                    f"from {names(related)}",
                )
                return
    with_rest = _with_the_rest(number, related, book, keys[:1])
    if with_rest:
        yield with_rest
        return
    p = association.p_value(tables[0], test=keys[0])
    others = sorted(
        (association.p_value(tables[0], test=key), association.TESTS[key].name) for key in keys
    )
    listed = "; ".join(f"{name} {_shown_p(value)}" for value, name in others if value == value)
    if swapped:
        yield Finding(
            "inconsistent",
            _shown_p(p),
            association.TESTS[keys[0]].name,
            f"{association.TESTS[keys[0]].name}, the test behind the paper's other P values, gives "
            f"{_shown_p(p)} from {names(related)}, not {number.printed}; likely slip: swapped with "
            f"{swapped}, which it fits",
        )
        return
    copied = [
        other.id
        for other in book.own
        if other.statistic == "p_value"
        and other.value == number.value
        and other.location != number.location
    ]
    slips = [f"the digits of {each}" for each in copied[:1]]
    yield Finding(
        "inconsistent",
        _shown_p(p),
        f"{len(keys)} tests of counts",
        f"no usual unadjusted test of {names(related)} gives {number.printed}: {listed}"
        + (f"; likely slip: {' or '.join(slips)}" if slips else ""),
    )


def landmark(number: PublishedNumber, book: Book) -> Iterator[Finding]:
    """Recompute a survival rate with its interval from counts, as if nobody was censored before.

    Parameters
    ----------
    number : PublishedNumber
        The number.
    book : Book
        The paper's numbers.

    Yields
    ------
    Finding
    """
    if number.statistic not in ("survival_ci", "cumulative_incidence_ci") or not number.value:
        return
    survival = number.statistic == "survival_ci"
    total = book.total(number)
    expected, population = at_start(number, book)
    if total is None:
        yield Finding("undetermined", reason="the paper doesn't give the denominator")
        return
    counts = attainable(number.value, total)
    if not _has_limits(number):
        if not counts:
            yield Finding(
                "undetermined",
                reason=f"no count out of {total} is {number.value} %: somebody was censored "
                "before, and when is not printed",
            )
        else:
            yield Finding("undetermined", reason="needs the times of the patients")
        return
    if survival:
        for count in counts:
            for scale in _SURVIVAL:
                habit = _habit_of_landmark(number, count, total, scale)
                if habit is not None:
                    yield Finding(
                        "reproduced",
                        f"{count}/{total}: {_landmark_limits(number, count, total, scale)}",
                        _named(f"Kaplan-Meier without censoring before, {scale} interval", habit),
                        _not_as_defined(total, expected, population),
                    )
                    return
    earlier = _same_as_earlier(number, book)
    if earlier:
        yield earlier
        return
    fewer = (
        [] if not survival else [each for each in denominators(number, total) if each[1] < total]
    )
    if len(fewer) == 1:
        count, size = fewer[0]
        yield Finding(
            "reproduced",
            f"{count}/{size}: {_landmark_limits(number, count, size, 'log-log')}",
            "Kaplan-Meier without censoring before, log-log interval",
            "; ".join(
                filter(
                    None,
                    (
                        f"three printed numbers fit {count} of {size}; the paper doesn't print "
                        f"that denominator, and the group has {total}",
                        _not_as_defined(size, expected, population),
                    ),
                )
            ),
        )
        return
    if survival and _too_narrow(number, total):
        better = next(denominators(number, total), None)
        yield Finding(
            "inconsistent",
            ""
            if better is None
            else f"{better[0]}/{better[1]}: "
            f"{_landmark_limits(number, better[0], better[1], 'log-log')}",
            "narrowest interval that a denominator allows",
            f"{number.lower}–{number.upper} is narrower than {total} patients allow on any scale: "
            "without censoring it is narrowest, and censoring only widens it"
            + (
                ""
                if better is None
                else f"; {better[0]} of {better[1]} gives it exactly; likely slip: wrong "
                "denominator, or patients counted who met the definition only later"
            ),
        )
        return
    near = next(denominators(number, total), None) if survival else None
    hints = [f"{near[0]} of {near[1]} would give it without censoring"] if near else []
    hints += [
        f"{count} of {size}, the denominator that fits {other}, would give it without censoring"
        for count, size, other in ([] if survival else _denominators_elsewhere(number, book)[:1])
    ]
    yield Finding("undetermined", reason="; ".join(["needs the times of the patients", *hints]))


def middles(number: PublishedNumber, book: Book) -> Iterator[Finding]:
    """Hold a rate against the middle of its own interval.

    On the scale on which it was made, an interval reaches as far up as down. Whatever the
    number of patients and events, so, its limits alone give the rate back. It counts as a
    contradiction only where no scale gives the printed rate and the paper's other intervals of
    rates show which scale it uses.

    Parameters
    ----------
    number : PublishedNumber
        The number.
    book : Book
        The paper's numbers.

    Yields
    ------
    Finding
    """
    if number.statistic not in _RATES or not number.value or not _has_limits(number):
        return
    usual = scale_of(book.own)
    if usual is None or any(_in_the_middle(number, scale) for scale in _TRANSFORMS):
        return
    low, high = _middle(number, usual)
    shown = rounding.rounded(50 * (low + high), number.value)
    yield Finding(
        "inconsistent",
        f"{shown} from {number.lower}–{number.upper}",
        "middle of the interval on its scale",
        f"on the {usual} scale, which is that of the paper's other rates, {number.lower}–"
        f"{number.upper} has its middle at {shown}, not at {number.value}, and no other usual "
        f"scale puts it there; nearest: {shown}",
    )


def medians(number: PublishedNumber, book: Book) -> Iterator[Finding]:
    """Hold a median time against the survival rates printed for the same patients.

    Parameters
    ----------
    number : PublishedNumber
        The number.
    book : Book
        The paper's numbers.

    Yields
    ------
    Finding
    """
    if number.statistic != "median_time_ci" or number.value is None:
        return
    endpoint = number.quantity.removesuffix("_median")
    for month, rate in _landmarks(endpoint, number.group, book):
        value = rounding.read(number.value)
        survival = rounding.read(rate.value or "")
        if survival is None or (value is not None and value.relation != "="):
            continue
        lowest, highest = rounding.span(survival)
        least, most = rounding.span(value) if value else (math.inf, math.inf)
        in_months = _MONTHS.get(number.unit or "months", 1.0)
        least, most = least * in_months, most * in_months
        if value is None and highest < 50:
            yield _median_conflict(number, rate, "is below one half, so the median was reached")
        elif most < month and lowest > 50:
            yield _median_conflict(number, rate, "is above one half after the median")
        elif least > month and value is not None and highest < 50:
            yield _median_conflict(number, rate, "is below one half before the median")


def count_tables(number: PublishedNumber, book: Book) -> Iterator[np.ndarray]:
    """Yield the tables of counts that a P value can stand for.

    Parameters
    ----------
    number : PublishedNumber
        A P value that relates to counts or percentages.
    book : Book
        The paper's numbers.

    Yields
    ------
    numpy.ndarray of int
        One row per group, one column per outcome; those with none of the outcomes named come
        last.
    """
    related = [book.by_id[word] for word in number.relates_to if word != "|"]
    if len(related) < 2 or not all(each.statistic in COUNTS for each in related):
        return
    counts = {each.id: book.counts(each) for each in related}
    totals = {each.id: book.total(each) for each in related}
    if not all(len(counts[each.id]) == 1 and totals[each.id] for each in related):
        return
    groups = list(dict.fromkeys(each.group for each in related))
    quantities = list(dict.fromkeys(each.quantity for each in related))
    cell = {(each.group, each.quantity): counts[each.id][0] for each in related}
    if len(cell) != len(groups) * len(quantities) or len(groups) < 2:
        return
    table = np.array([[cell[group, what] for what in quantities] for group in groups])
    sizes = np.array(
        [max(totals[each.id] or 0 for each in related if each.group == group) for group in groups]
    )
    rest = sizes - table.sum(axis=1)
    if (rest > 0).any() and (rest >= 0).all():
        table = np.column_stack([table, rest])
    elif (rest != 0).any():
        return
    if table.shape[1] > 1:
        yield table


def _swapped(number: PublishedNumber, table: np.ndarray, key: str, book: Book) -> str | None:
    """Name the P value of the same passage with which this one fits when exchanged."""
    p = association.p_value(table, test=key)
    if rounding.habit(p, number.value or "") == "":
        return None
    for other in book.own:
        if (
            other.statistic == "p_value"
            and other.id != number.id
            and other.location == number.location
            and other.value not in (None, number.value)
            and rounding.habit(p, other.value or "") == ""
            and any(
                rounding.habit(association.p_value(theirs, test=key), number.value or "") == ""
                for theirs in count_tables(other, book)
            )
        ):
            return other.id
    return None


def _explains(number: PublishedNumber, table: np.ndarray, key: str) -> bool:
    p = association.p_value(table, test=key)
    return p == p and rounding.habit(p, number.value or "") in ("", "rounded twice")


def _with_the_rest(
    number: PublishedNumber, related: list[PublishedNumber], book: Book, keys: list[str]
) -> Finding | None:
    """Try the groups named together with those that the paper leaves unnamed."""
    if len({each.quantity for each in related}) != 1:
        return None
    whole = [
        each
        for each in book.alike.get((related[0].quantity, "all"), ())
        if each.count is not None and each.total is not None
    ]
    if not whole or whole[0].count is None or whole[0].total is None:
        return None
    counts = [book.counts(each)[0] for each in related]
    totals = [book.total(each) or 0 for each in related]
    rest, size = whole[0].count - sum(counts), whole[0].total - sum(totals)
    if not 0 <= rest <= size or size == 0:
        return None
    table = [
        [count, total - count]
        for count, total in zip([*counts, rest], [*totals, size], strict=True)
    ]
    alone = association.p_value(table[:-1], test=keys[0])
    p = association.p_value(table, test=keys[0])
    if not rounding.agrees(p, number.value or ""):
        return None
    return Finding(
        "inconsistent",
        _shown_p(alone),
        association.TESTS[keys[0]].name,
        f"the groups named, {names(related)}, give {_shown_p(alone)}; with the other {size} "
        f"patients as one more group ({rest} of {size}) the test gives {_shown_p(p)}; likely slip: "
        "the unknowns were left in the test",
    )


def _from_hazard_ratio(number: PublishedNumber, ratio: PublishedNumber) -> Iterator[Finding]:
    digits = [rounding.read(each or "") for each in (ratio.value, ratio.lower, ratio.upper)]
    if None in digits:
        return
    from scipy.special import ndtr, ndtri

    level = ratio.level or 0.95
    found = []
    halves = [10.0 ** -rounding.decimals(each) / 2 for each in digits if each]
    # The printed digits stand for ranges; P lies somewhere over them.
    for signs in np.ndindex(3, 3, 3):
        estimate, lower, upper = (
            float(each.number) + (sign - 1) * half
            for each, sign, half in zip(digits, signs, halves, strict=True)
            if each
        )
        if 0 < lower < upper and estimate > 0:
            error = (math.log(upper) - math.log(lower)) / (2 * float(ndtri(0.5 + level / 2)))
            found.append(float(2 * ndtr(-abs(math.log(estimate)) / error)))
    least, most = min(found), max(found)
    printed = rounding.read(number.value or "")
    if printed is None:
        return
    low, high = rounding.span(printed)
    if least <= high and low <= most:
        shown = (
            _shown_p(least)
            if _shown_p(least) == _shown_p(most)
            else (f"{_shown_p(least)} to {_shown_p(most)}")
        )
        yield Finding("reproduced", shown, f"Wald test from {ratio.id}")
        return
    yield Finding(
        "undetermined",
        f"{_shown_p(least)} to {_shown_p(most)}",
        f"Wald test from {ratio.id}",
        f"the Wald test of {ratio.printed} gives {_shown_p(least)} to {_shown_p(most)}; another "
        "test may give the printed value",
    )


def _from_survival(
    number: PublishedNumber, related: list[PublishedNumber], book: Book, preferred: str | None
) -> Iterator[Finding]:
    """Try the counts that survival rates without censoring stand for; else say what is missing."""
    counts: list[int] = []
    totals: list[int] = []
    for each in related:
        total = book.total(each)
        fits = attainable(each.value, total) if each.value and total else []
        kept = [
            count
            for count in fits
            if total
            and any(_habit_of_landmark(each, count, total, s) is not None for s in _SURVIVAL)
        ]
        if each.statistic != "survival_ci" or len(kept) != 1 or not total:
            counts = []
            break
        counts.append(kept[0])
        totals.append(total)
    if len(counts) >= 2:
        table = [[count, total - count] for count, total in zip(counts, totals, strict=True)]
        p = association.p_value(table, test=preferred or "chi2")
        printed = rounding.read(number.value or "")
        # `<0.001` is met by many tests: no proof of this one.
        if printed and printed.relation == "=" and rounding.agrees(p, number.value or ""):
            yield Finding(
                "reproduced",
                _shown_p(p),
                f"{association.TESTS[preferred or 'chi2'].name} of {names(related)} as counts",
            )
            return
        yield Finding(
            "undetermined",
            reason=f"the rates as counts give {_shown_p(p)}; a test of survival times needs the "
            "times of the patients",
        )
        return
    yield Finding("undetermined", reason="a test of survival times needs the times of the patients")


def habit_of_interval(
    number: PublishedNumber,
    count: int,
    total: int,
    key: str,
    book: Book,
    *,
    whole: int | None = None,
) -> str | None:
    """Say how a method's limits become the printed ones.

    Parameters
    ----------
    number : PublishedNumber
        A proportion with its interval.
    count, total : int
        What it is made from.
    key : str
        A key of `helpers.proportions.METHODS`.
    book : Book
        The paper's numbers.
    whole : int, optional
        The size of the whole sample; the paper's by default.

    Returns
    -------
    str or None
        Empty if rounding gives the printed digits, the habit if only that does, None if neither.
    """
    if whole is None:
        whole = book.whole if proportions.METHODS[key].needs_whole else total
    found = proportions.proportion(
        count, total, level=number.level or 0.95, method=key, whole=max(whole or total, total)
    )
    return _habit_of_limits(number, 100 * found.lower, 100 * found.upper)


def _habit_of_landmark(number: PublishedNumber, count: int, total: int, scale: str) -> str | None:
    lower, upper = landmark_interval(count, total, scale=scale, level=number.level or 0.95)
    return _habit_of_limits(number, 100 * lower, 100 * upper)


def _habit_of_limits(number: PublishedNumber, lower: float, upper: float) -> str | None:
    """Name the habit that both limits share with their printed digits; None if they don't fit."""
    habits = [
        rounding.habit(value, printed)
        for value, printed in ((lower, number.lower), (upper, number.upper))
        if printed is not None and value == value
    ]
    if len(habits) != 2 or any(habit not in ("", "rounded twice") for habit in habits):
        return None
    return "rounded twice" if "rounded twice" in habits else ""


def landmark_interval(
    surviving: float, total: int, *, scale: str = "log-log", level: float = 0.95
) -> tuple[float, float]:
    """Return the interval of a Kaplan-Meier estimate with no censoring before the landmark.

    Parameters
    ----------
    surviving : float
        Patients free of the event at the landmark.
    total : int
        All patients.
    scale : {'log-log', 'log', 'plain', 'arcsine', 'logit'}, optional
        The scale on which the interval is symmetric.
    level : float, optional
        Confidence level.

    Returns
    -------
    tuple of float
        From 0 to 1; NaN where the scale has none.

    Raises
    ------
    KitError
        If there is no such scale.

    References
    ----------
    Kalbfleisch JD, Prentice RL. The Statistical Analysis of Failure Time Data. 2nd ed. 2002.
    """
    from scipy.special import ndtri

    if scale not in _SURVIVAL:
        raise KitError(f"no scale {scale!r}", where="scale", right=", ".join(_SURVIVAL))
    rate = surviving / total
    if not 0 < rate < 1:
        return float("nan"), float("nan")
    z = float(ndtri(0.5 + level / 2))
    # Without censoring Greenwood's variance is the binomial one.
    error = math.sqrt(rate * (1 - rate) / total)
    if scale == "plain":
        return max(rate - z * error, 0.0), min(rate + z * error, 1.0)
    if scale == "log":
        return rate * math.exp(-z * error / rate), min(rate * math.exp(z * error / rate), 1.0)
    if scale == "arcsine":
        angle, half = math.asin(math.sqrt(rate)), z * error / (2 * math.sqrt(rate * (1 - rate)))
        low, high = max(angle - half, 0.0), min(angle + half, math.pi / 2)
        return math.sin(low) ** 2, math.sin(high) ** 2
    if scale == "logit":
        centre, half = math.log(rate / (1 - rate)), z * error / (rate * (1 - rate))
        return 1 / (1 + math.exp(half - centre)), 1 / (1 + math.exp(-half - centre))
    # Near 0 and 1 the interval is all there is, long before exp() overflows.
    half = min(z * error / (rate * abs(math.log(rate))), 700.0)
    return rate ** math.exp(half), rate ** math.exp(-half)


def _too_narrow(number: PublishedNumber, total: int) -> bool:
    """Say whether a printed interval is narrower than any with so many patients.

    For a given estimate Greenwood's variance is least without censoring: its sum over the
    deaths, of 1 / (at risk − deaths) − 1 / at risk, telescopes then, and grows if anybody leaves.
    """
    digits = [rounding.read(each or "") for each in (number.value, number.lower, number.upper)]
    if not all(digits):
        return False
    value, lower, upper = (
        (float(each.number), 10.0 ** -rounding.decimals(each)) for each in digits if each
    )
    for scale in _SURVIVAL:
        # Twice-rounded digits may be off by nearly one.
        for estimate in (value[0] - value[1], value[0], value[0] + value[1]):
            low, high = landmark_interval(
                min(max(estimate / 100, 1e-6), 1 - 1e-6) * total,
                total,
                scale=scale,
                level=number.level or 0.95,
            )
            if 100 * low >= lower[0] - lower[1] and 100 * high <= upper[0] + upper[1]:
                return False
    return True


def _middle(number: PublishedNumber, scale: str) -> tuple[float, float]:
    """Return between which shares the middle of a printed interval lies on a scale."""
    there, back = _TRANSFORMS[scale]
    ends = [rounding.read(each or "") for each in (number.lower, number.upper)]
    spans = []
    for end in ends:
        if end is None:
            return math.nan, math.nan
        low, high = rounding.span(end)
        # Rounded twice, a limit may be off by a twentieth of a unit more.
        more = (high - low) / 20
        clipped = (min(max(each / 100, 1e-9), 1 - 1e-9) for each in (low - more, high + more))
        spans.append([there(each) for each in clipped])
    (a, b), (c, d) = spans
    found = sorted((back((a + c) / 2), back((b + d) / 2)))
    return found[0], found[1]


def _in_the_middle(number: PublishedNumber, scale: str) -> bool:
    value = rounding.read(number.value or "")
    if value is None:
        return True
    low, high = _middle(number, scale)
    lowest, highest = rounding.span(value)
    more = (highest - lowest) / 20
    return not (100 * high < lowest - more or 100 * low > highest + more)


def scale_of(numbers: Iterable[PublishedNumber]) -> str | None:
    """Name the scale on which a paper's intervals of rates are symmetric.

    Parameters
    ----------
    numbers : iterable of PublishedNumber
        The paper's own numbers.

    Returns
    -------
    str or None
        The scale whose middle gives most rates back; None unless that are four and more than
        any other scale explains.
    """
    rates = [n for n in numbers if n.statistic in _RATES and n.value and _has_limits(n)]
    scores = {scale: sum(_in_the_middle(each, scale) for each in rates) for scale in _TRANSFORMS}
    best, *others = sorted(scores, key=lambda scale: -scores[scale])
    clear = scores[best] >= 4 and scores[best] > scores[others[0]]
    return best if clear else None


def _same_as_earlier(number: PublishedNumber, book: Book) -> Finding | None:
    """Find an earlier rate with the same digits: nobody had the event in between."""
    endpoint, _, month = number.quantity.rpartition("_")
    for earlier, rate in _landmarks(endpoint, number.group, book):
        same = (rate.value, rate.lower, rate.upper) == (number.value, number.lower, number.upper)
        if same and month.removesuffix("m").isdigit() and earlier < int(month.removesuffix("m")):
            return Finding(
                "reproduced",
                f"as at {earlier} months: {rate.printed}",
                "no event after the earlier landmark",
                f"the digits of {rate.id}",
            )
    return None


def _landmarks(endpoint: str, group: str, book: Book) -> Iterator[tuple[int, PublishedNumber]]:
    for (quantity, members), numbers in book.alike.items():
        name, _, month = quantity.rpartition("_")
        if name == endpoint and members == group and month.removesuffix("m").isdigit():
            for number in numbers:
                if number.statistic == "survival_ci" and number.value:
                    yield int(month.removesuffix("m")), number


def at_start(number: PublishedNumber, book: Book) -> tuple[int | None, str]:
    """Return how many patients a rate is about by the definition of its endpoint.

    Parameters
    ----------
    number : PublishedNumber
        A rate.
    book : Book
        The paper's numbers.

    Returns
    -------
    int or None, str
        How many, if the paper gives it, and the group they are, if not the rate's own.
    """
    population = book.population(number)
    sizes = book.sizes.get(population, set())
    if number.total is None and len(sizes) == 1:
        return next(iter(sizes)), population
    return book.total(number), ""


def counts_behind(number: PublishedNumber, total: int) -> list[int]:
    """Return the counts that give a printed rate and its interval, if nobody was censored before.

    Parameters
    ----------
    number : PublishedNumber
        A survival rate with its interval.
    total : int
        How many patients it is about.

    Returns
    -------
    list of int
        Patients free of the event; empty if no count gives it on any scale.
    """
    return [
        count
        for count in attainable(number.value or "", total)
        for scale in _SURVIVAL
        if _habit_of_landmark(number, count, total, scale) is not None
    ][:1]


def _not_as_defined(size: int, expected: int | None, population: str) -> str:
    if not population or expected is None or size == expected:
        return ""
    return (
        f"by the endpoint's definition it is about the {expected} of {population}; with {size}, "
        f"{abs(size - expected)} {'more' if size > expected else 'fewer'} are counted"
    )


def denominators(number: PublishedNumber, total: int) -> Iterator[tuple[int, int]]:
    """Yield the counts and totals that give a printed rate and its interval.

    Parameters
    ----------
    number : PublishedNumber
        A survival rate with its interval.
    total : int
        The stated denominator, which is left out.

    Yields
    ------
    tuple of (int, int)
        Patients free of the event, and of all; as if nobody was censored before; the nearest to
        the stated denominator first.
    """
    if total > _LARGEST:
        return
    for size in sorted(range(2, 2 * total + 20), key=lambda each: abs(each - total)):
        for count in attainable(number.value or "", size):
            if size != total and _habit_of_landmark(number, count, size, "log-log") == "":
                yield count, size


def _denominators_elsewhere(number: PublishedNumber, book: Book) -> list[tuple[int, int, str]]:
    """Return counts and totals for a rate, with a total that another rate's interval proves."""
    found = []
    for other in book.own:
        total = book.total(other)
        if other.statistic != "survival_ci" or other.group != number.group or not total:
            continue
        if not other.value or not _has_limits(other):
            continue
        for _, size in denominators(other, total):
            counts = attainable(number.value or "", size)
            if counts:
                found.append((counts[0], size, other.id))
            break
    return found


def _median_conflict(number: PublishedNumber, rate: PublishedNumber, words: str) -> Finding:
    return Finding(
        "inconsistent",
        method=f"against {rate.id}",
        reason=f"{rate.id} ({rate.printed}) {words} {number.printed}",
    )


def _has_limits(number: PublishedNumber) -> bool:
    return all(rounding.read(each or "") for each in (number.lower, number.upper))


def _limits(number: PublishedNumber, count: int, total: int, key: str, book: Book) -> str:
    whole = book.whole if proportions.METHODS[key].needs_whole else total
    found = proportions.proportion(
        count, total, level=number.level or 0.95, method=key, whole=max(whole or total, total)
    )
    return _shown_limits(number, 100 * found.lower, 100 * found.upper)


def _landmark_limits(number: PublishedNumber, count: int, total: int, scale: str) -> str:
    lower, upper = landmark_interval(count, total, scale=scale, level=number.level or 0.95)
    return _shown_limits(number, 100 * lower, 100 * upper)


def _shown_limits(number: PublishedNumber, lower: float, upper: float) -> str:
    if lower != lower or upper != upper:
        return "no interval"
    return (
        f"{rounding.rounded(lower, number.lower or '0.0')}–"
        f"{rounding.rounded(upper, number.upper or '0.0')}"
    )


def _named(name: str, habit: str) -> str:
    return f"{name}, {habit}" if habit else name


def _shown_p(p: float) -> str:
    return f"P = {p:.3f}" if p >= 0.001 else "P < 0.001"


def _ranked(
    methods: Mapping[str, proportions.Method | association.Test],
    cases: Collection[_Case],
    explains: Callable[[str, _Case], bool],
) -> pd.DataFrame:
    """Count the cases that each method explains, by its key; the best method first."""
    scores = pd.DataFrame(
        {
            "method": key,
            "name": method.name,
            "software": method.software,
            "explained": sum(explains(key, case) for case in cases),
            "of": len(cases),
        }
        for key, method in methods.items()
    )
    order = scores.sort_values("explained", ascending=False, kind="stable")
    return order.reset_index(drop=True)
