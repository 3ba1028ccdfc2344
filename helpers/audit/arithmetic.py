"""Counts, percentages, sums, repeats, ranges and dates against each other."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Iterator
from itertools import chain, combinations

from helpers import rounding, sample_size
from helpers.audit.evidence import COUNTS, Book, Finding, attainable, names
from helpers.catalogue import PublishedNumber

DAYS_PER_MONTH = 30.4375
"""A month where only months are printed: a Gregorian year over twelve."""

_MEDIANS = ("median_range", "median_iqr", "median_time_ci")
_NONE = {"NE", "NR"}
_FIELDS = ("count", "total", "value", "lower", "upper")


def share(number: PublishedNumber, book: Book) -> Iterator[Finding]:
    """Hold a printed percentage against its count and its denominator.

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
    if number.statistic not in ("count_percent", "proportion_ci") or number.value is None:
        return
    total = book.total(number)
    if not total or rounding.read(number.value) is None:
        return
    if number.count is None:
        counts = attainable(number.value, total)
        if not counts and not any(book.alternatives(number)):
            yield Finding(
                "inconsistent",
                method="counts that a percentage can stand for",
                reason=f"no count out of {total} is {number.value} %"
                + _slips(_other_groups(number, book)),
            )
        elif counts:
            yield Finding("observation", reason=f"it stands for {_or(counts)} of {total}")
        return
    exact = 100 * number.count / total
    recomputed = f"{number.count}/{total} = {rounding.rounded(exact, number.value)} %"
    habit = rounding.habit(exact, number.value)
    if habit == "":
        yield Finding("reproduced", recomputed, "count ÷ total")
        return
    slips = [habit] if habit else []
    counts = attainable(number.value, total)
    if counts:
        slips.append(f"the count is meant to be {_or(counts)} of {total}")
    slips += _other_totals(number, book)
    neighbours = [
        other.id
        for other in book.own
        if other.id != number.id
        and other.location == number.location
        and other.value == number.value
        and other.count != number.count
        and other.total == total
    ]
    if neighbours and not habit:
        slips.append(f"the digits are those of another row, {neighbours[0]}")
    yield Finding(
        "inconsistent",
        recomputed,
        "count ÷ total",
        f"{number.count} of {total} is {rounding.rounded(exact, '0.00')} %, not {number.value} %; "
        f"nearest: {rounding.rounded(exact, number.value)} %" + _slips(slips),
    )


def parts(number: PublishedNumber, book: Book) -> Iterator[Finding]:
    """Hold a whole against the sum of the parts that it relates to, or a difference.

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
    if number.statistic not in COUNTS:
        return
    for made_from in book.alternatives(number):
        if not all(part.statistic in COUNTS for part in made_from):
            continue
        choices = [book.counts(part) for part in made_from]
        if all(len(each) == 1 for each in choices):
            yield _sum(number, made_from, [each[0] for each in choices], book)
        elif number.count is None and number.value is not None:
            yield from _sum_of_percentages(number, made_from)
        elif all(choices) and number.count is not None:
            least, most = sum(map(min, choices)), sum(map(max, choices))
            if least <= number.count <= most:
                yield Finding(
                    "reproduced",
                    f"{least} to {most}" if least < most else str(least),
                    f"sum of {names(made_from)}, counts from their percentages",
                )
            else:
                yield Finding(
                    "inconsistent",
                    f"{least} to {most}",
                    f"sum of {names(made_from)}",
                    f"the percentages of {names(made_from)} stand for {least} to {most} patients, "
                    f"not {number.count}",
                )


def repeats(number: PublishedNumber, book: Book) -> Iterator[Finding]:
    """Hold a number against the same quantity of the same group, printed elsewhere.

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
    for other in book.alike.get((number.quantity, number.group), ()):
        if other.id == number.id or number.statistic == "p_value" != other.statistic:
            continue
        kinds = {number.statistic, other.statistic}
        if kinds <= set(COUNTS) or len(kinds) == 1 or kinds <= set(_MEDIANS):
            # The value of a bare number is a count, that of a share is a percentage.
            mixed = len(kinds) > 1 and "number" in kinds
            fields = [each for each in _FIELDS if each != "value" or not mixed]
            differ = [name for name in fields if _differ(number, other, name)]
            if differ:
                yield Finding(
                    "inconsistent",
                    other.printed,
                    f"printed again: {other.location}",
                    f"{other.location} ({other.id}) prints {other.printed!r} for the same quantity",
                )
                continue
            if kinds == {"median_time_ci", "median_iqr"} and number.lower == other.lower:
                yield Finding(
                    "inconsistent",
                    other.printed,
                    f"printed again: {other.location}",
                    f"{number.lower}–{number.upper} is called "
                    f"{_called(number)} here and {_called(other)} in {other.location} "
                    f"({other.id}); it can't be both",
                )
                continue
        if number.count is None and number.value is not None and other.count is not None:
            total = book.total(other)
            if total and number.statistic in COUNTS:
                exact = 100 * other.count / total
                if rounding.agrees(exact, number.value):
                    yield Finding(
                        "reproduced",
                        f"{other.count}/{total} = {rounding.rounded(exact, number.value)} %",
                        f"count ÷ total of {other.id}",
                    )


def subgroups(number: PublishedNumber, book: Book) -> Iterator[Finding]:
    """Hold the count in a group against the count in the whole sample.

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
    if number.count is None or number.statistic not in COUNTS or number.quantity == "patients":
        return
    for (quantity, _), others in book.alike.items():
        for other in others if quantity == number.quantity else ():
            part, whole = (other, number) if number.group == "all" else (number, other)
            if whole.group == "all" and part.group not in ("", "all", part.quantity):
                yield from _part_of(number, other, part, whole, book)


def ranges(number: PublishedNumber, book: Book) -> Iterator[Finding]:
    """Hold a median against its own limits, and a range against those of its groups.

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
    value, lower, upper = (
        rounding.read(getattr(number, name) or "") for name in ("value", "lower", "upper")
    )
    order = [each.number for each in (lower, value, upper) if each and each.relation == "="]
    if number.statistic not in ("p_value", "date") and order != sorted(order):
        yield Finding(
            "inconsistent",
            method="order of the limits",
            reason=f"{number.printed!r}: the estimate lies outside of its own limits",
        )
    if number.statistic != "median_range" or lower is None or upper is None:
        return
    for made_from in book.alternatives(number):
        if not all(part.statistic == "median_range" for part in made_from):
            continue
        ends = [
            (rounding.read(part.lower or ""), rounding.read(part.upper or "")) for part in made_from
        ]
        if all(low and high for low, high in ends):
            least = min(low.number for low, _ in ends if low)
            most = max(high.number for _, high in ends if high)
            agree = least == lower.number and most == upper.number
            yield Finding(
                "reproduced" if agree else "inconsistent",
                f"{least}–{most}",
                f"range over {names(made_from)}",
                "" if agree else f"the groups' ranges together are {least}–{most}",
            )


def distribution(number: PublishedNumber, book: Book) -> Iterator[Finding]:
    """Recompute a median and a range from the counts of each value.

    The counts are told by their quantities, which end in the value: ``cycles_1``, ``cycles_2``.

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
    if number.statistic != "median_range" or number.value is None:
        return
    for related in book.alternatives(number):
        ends = [each.quantity.rpartition("_")[2] for each in related]
        if not all(end.isdigit() and each.count for end, each in zip(ends, related, strict=True)):
            continue
        values = sorted(
            int(end)
            for end, each in zip(ends, related, strict=True)
            for _ in range(each.count or 0)
        )
        found = (statistics.median(values), values[0], values[-1])
        printed = (number.value, number.lower, number.upper)
        agree = all(
            text is None or rounding.agrees(value, text)
            for value, text in zip(found, printed, strict=True)
        )
        shown = f"{found[0]:g} ({found[1]}–{found[2]})"
        yield Finding(
            "reproduced" if agree else "inconsistent",
            shown,
            f"median and range of {names(related)}",
            "" if agree else f"the counts of each value give {shown}",
        )


def follow_up(number: PublishedNumber, book: Book) -> Iterator[Finding]:
    """Hold a follow-up against the longest that the dates it relates to allow.

    The dates are told by their quantities, ``enrolment_start`` and ``data_cutoff``.

    Parameters
    ----------
    number : PublishedNumber
        A median follow-up that relates to dates.
    book : Book
        The paper's numbers.

    Yields
    ------
    Finding
    """
    if number.statistic not in _MEDIANS:
        return
    for related in book.alternatives(number):
        dates = {each.quantity: str(each.value) for each in related if each.statistic == "date"}
        highest = rounding.read(number.upper or number.value or "")
        if not {"enrolment_start", "data_cutoff"} <= dates.keys() or highest is None:
            continue
        first, last = dates["enrolment_start"], dates["data_cutoff"]
        longest = (last_day(last) - first_day(first)).days / DAYS_PER_MONTH
        if float(highest.number) > longest + 0.5:
            yield Finding(
                "inconsistent",
                f"at most {longest:.1f} months",
                "dates against follow-up",
                f"from {first} to {last} are {longest:.1f} months: nobody can have been "
                f"followed for {highest.text}",
            )


def sizes(number: PublishedNumber, book: Book) -> Iterator[Finding]:
    """Recompute a sample size from the assumptions that it relates to.

    The assumptions are told by their quantities: ``sample_size_null``,
    ``sample_size_alternative`` or ``sample_size_improvement``, ``sample_size_alpha`` and
    ``sample_size_power``; or a size and ``sample_size_dropout``.

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
    for related in book.alternatives(number):
        known = {each.quantity.removeprefix("sample_size_"): each for each in related}
        if not any(each.quantity.startswith("sample_size_") for each in related):
            continue
        printed = number.count or _whole(number)
        if printed is None:
            continue
        given = {name: _percent(each) for name, each in known.items()}
        if {"null", "alpha", "power"} <= given.keys():
            goal = given.get("alternative", given["null"] + given.get("improvement", 0))
            results = sample_size.one_proportion(
                given["null"], goal, alpha=given["alpha"], power=given["power"]
            )
            fits = [each.method for each in results if each.patients == printed]
            others = sorted({each.patients for each in results} - {printed})
            listed = ", ".join(map(str, others))
            if fits:
                yield Finding(
                    "reproduced", str(printed), "; ".join(fits), f"other methods give {listed}"
                )
            else:
                yield Finding(
                    "inconsistent",
                    listed,
                    "sample size by every usual method",
                    f"{goal:.0%} against {given['null']:.0%} needs {listed}, by the method",
                )
        elif "dropout" in given and len(related) == 2:
            base = next(each for each in related if each is not known["dropout"])
            patients = base.count or _whole(base)
            if patients is None:
                continue
            ways = sample_size.inflate(patients, given["dropout"])
            shown = "; ".join(f"{way} = {size:.1f}" for way, size in ways.items())
            usual = ways["n / (1 − d)"]
            fits = [way for way, size in ways.items() if printed in (round(size), -int(-size // 1))]
            if fits:
                short = printed * (1 - given["dropout"]) < patients
                after = printed * (1 - given["dropout"])
                yield Finding(
                    "reproduced",
                    shown,
                    " and ".join(fits),
                    f"after {given['dropout']:.0%} drop-out {after:.1f} of {printed} remain, fewer "
                    f"than the {patients} needed; {usual:.1f} would be rounded up"
                    if short
                    else "",
                )
            else:
                yield Finding("inconsistent", shown, "inflation for drop-out", shown)


def reductions(number: PublishedNumber, book: Book) -> Iterator[Finding]:
    """Recompute a reduction in per cent from the two doses that it relates to.

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
    if number.statistic != "dose" or number.unit != "%" or number.value is None:
        return
    for related in book.alternatives(number):
        doses = [rounding.read(each.value or "") for each in related if each.statistic == "dose"]
        if len(doses) != 2 or None in doses:
            continue
        high, low = sorted((float(each.number) for each in doses if each), reverse=True)
        exact = 100 * (high - low) / high
        agree = rounding.agrees(exact, number.value)
        yield Finding(
            "reproduced" if agree else "inconsistent",
            f"{exact:.1f} %",
            f"from {names(related)}",
            "" if agree else f"from {high:g} to {low:g} is a reduction by {exact:.1f} %",
        )


def first_day(text: str) -> dt.date:
    """Return the first day that a printed date can mean.

    Parameters
    ----------
    text : str
        ``2020-07-31`` or ``2020-07``.

    Returns
    -------
    datetime.date
    """
    return dt.date.fromisoformat(text if len(text) == 10 else text + "-01")


def last_day(text: str) -> dt.date:
    """Return the last day that a printed date can mean.

    Parameters
    ----------
    text : str
        ``2020-07-31`` or ``2020-07``.

    Returns
    -------
    datetime.date
    """
    if len(text) == 10:
        return dt.date.fromisoformat(text)
    return (first_day(text) + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)


def _part_of(
    number: PublishedNumber,
    other: PublishedNumber,
    part: PublishedNumber,
    whole: PublishedNumber,
    book: Book,
) -> Iterator[Finding]:
    """Hold a count in a group and the count in the whole sample against each other."""
    n, everyone = book.total(part), book.total(whole)
    if part.count is None or whole.count is None or whole.statistic not in COUNTS:
        return
    if n and everyone and n > everyone:
        return  # such as all who were screened: not a part
    words = (
        f"{part.count} in {part.group} ({part.location}) and {whole.count} in all "
        f"({whole.location})"
    )
    if part.count > whole.count:
        yield Finding(
            "inconsistent",
            other.printed,
            f"against {other.id}",
            f"{words} exclude each other: a part can't be larger than the whole",
        )
    elif n and everyone and whole.count - part.count > everyone - n:
        yield Finding(
            "inconsistent",
            other.printed,
            f"against {other.id}",
            f"{words} exclude each other: only {everyone - n} patients are outside of the group",
        )


def _sum(
    number: PublishedNumber, made_from: list[PublishedNumber], counts: list[int], book: Book
) -> Finding:
    total = sum(counts)
    shown = " + ".join(map(str, counts))
    method = f"sum of {names(made_from)}" if len(counts) > 1 else f"as {names(made_from)}"
    if number.count is not None:
        if number.count == total:
            shown = f"{shown} = {total}" if len(counts) > 1 else shown
            return Finding("reproduced", shown, method)
        rest = len(counts) == 2 and counts[0] == book.total(number)
        if rest and counts[0] - counts[1] == number.count:
            shown = f"{counts[0]} − {counts[1]} = {number.count}"
            return Finding("reproduced", shown, f"difference of {names(made_from)}")
        repaired = _repaired(made_from, counts, book)
        if number.count in repaired:
            return Finding("reproduced", f"{shown}, repaired = {number.count}", method)
        return Finding(
            "inconsistent",
            f"{shown} = {total}",
            method,
            f"the parts {names(made_from)} add up to {total}, not {number.count}"
            + _slips(_subset(made_from, counts, number.count)),
        )
    whole = book.total(number)
    if whole is None or number.value is None:
        return Finding("observation", f"{shown} = {total}")
    exact = 100 * total / whole
    recomputed = f"({shown})/{whole} = {rounding.rounded(exact, number.value)} %"
    habit = rounding.habit(exact, number.value)
    if habit == "":
        return Finding("reproduced", recomputed, method)
    for count in _repaired(made_from, counts, book):
        if rounding.agrees(100 * count / whole, number.value):
            return Finding(
                "reproduced",
                f"{count}/{whole} = {number.value} %",
                f"{method}, a part corrected by its own percentage",
            )
    slips = [habit] if habit else []
    percents = [rounding.read(part.value or "0") for part in made_from]
    if all(percents) and sum(each.number for each in percents if each) == _number(number.value):
        slips.append("a sum of rounded percentages")
    for count in attainable(number.value, whole):
        slips += _subset(made_from, counts, count)
    alike = [
        other.id
        for other in book.own
        if other.id != number.id
        and other.value == number.value
        and other.group == number.group
        and other.quantity != number.quantity
        and other.quantity.split("_grade")[0] == number.quantity.split("_grade")[0]
    ]
    if alike:
        slips.append(f"the digits printed for {alike[0]}")
    slips += _other_groups(number, book)
    return Finding(
        "inconsistent",
        recomputed,
        method,
        f"{shown} = {total} of {whole} is {rounding.rounded(exact, '0.00')} %, not "
        f"{number.value} %; nearest: {rounding.rounded(exact, number.value)} %" + _slips(slips),
    )


def _sum_of_percentages(
    number: PublishedNumber, made_from: list[PublishedNumber]
) -> Iterator[Finding]:
    whole, pieces = (
        rounding.read(number.value or ""),
        [rounding.read(part.value or "") for part in made_from],
    )
    if whole is None or not all(pieces):
        return
    total = sum(each.number for each in pieces if each)
    # Each printed percentage may be off by half of its last digit.
    slack = sum(10.0 ** -rounding.decimals(each) / 2 for each in [whole, *pieces] if each)
    if abs(float(total - whole.number)) <= slack + 1e-9:
        yield Finding("reproduced", f"{total} %", f"sum of {names(made_from)}")
    else:
        yield Finding(
            "inconsistent",
            f"{total} %",
            f"sum of {names(made_from)}",
            f"the parts add up to {total} %, further from {whole.number} % than rounding goes",
        )


def _repaired(made_from: list[PublishedNumber], counts: list[int], book: Book) -> set[int]:
    """Return the sums that result if a part whose own count and percentage disagree is mended."""
    sums = set()
    for index, part in enumerate(made_from):
        total = book.total(part)
        if part.count is None or part.value is None or not total:
            continue
        if rounding.habit(100 * part.count / total, part.value) != "":
            rest = sum(counts) - counts[index]
            sums |= {rest + count for count in attainable(part.value, total)}
    return sums


def _subset(made_from: list[PublishedNumber], counts: list[int], wanted: int) -> list[str]:
    """Say which of the parts alone would give the printed number."""
    positive = [index for index, count in enumerate(counts) if count]
    subsets = chain.from_iterable(
        combinations(positive, size) for size in range(1, len(positive)) if len(positive) <= 8
    )
    for subset in subsets:
        if sum(counts[index] for index in subset) == wanted:
            return [f"it is the sum of {names(made_from[index] for index in subset)} alone"]
    return []


def _other_totals(number: PublishedNumber, book: Book) -> list[str]:
    if number.value is None or number.count is None:
        return []
    found = [
        f"{group} ({size})"
        for group, known in book.sizes.items()
        for size in sorted(known)
        if size != number.total
        and size >= number.count > 0
        and rounding.agrees(100 * number.count / size, number.value)
    ]
    return [f"the denominator is another: {_or(found[:3])}"] if found else []


def _other_groups(number: PublishedNumber, book: Book) -> list[str]:
    """Name the group in which the same quantity has the printed percentage."""
    return [
        f"the denominator is another: {other.count} of {book.total(other)} ({other.id})"
        for other in book.own
        if other.quantity == number.quantity
        and other.group != number.group
        and other.count is not None
        and book.total(other)
        and rounding.agrees(100 * other.count / (book.total(other) or 1), number.value or "")
    ][:1]


def _differ(number: PublishedNumber, other: PublishedNumber, name: str) -> bool:
    mine, theirs = getattr(number, name), getattr(other, name)
    if mine is None or theirs is None or mine == theirs:
        return False
    if isinstance(mine, int):
        return True
    if number.unit != other.unit and name != "count":
        return False  # 10⁻⁴ and 0.01 %: not the same digits
    if number.unit == "version":
        return True
    a, b = rounding.read(mine), rounding.read(theirs)
    if a is None and b is None:
        # A month here may be a day of it there; not estimated and not reached mean the same.
        return not (mine.startswith(theirs) or theirs.startswith(mine) or {mine, theirs} <= _NONE)
    if a is None or b is None:
        return True
    (low, high), (least, most) = rounding.span(a), rounding.span(b)
    return max(low, least) >= min(high, most) - 1e-12


def _called(number: PublishedNumber) -> str:
    return {"median_time_ci": "a confidence interval", "median_iqr": "an interquartile range"}[
        number.statistic
    ]


def _percent(number: PublishedNumber) -> float:
    digits = rounding.read(number.value or "")
    value = float(digits.number) if digits else float(number.count or 0)
    return value / 100 if number.unit == "%" else value


def _whole(number: PublishedNumber) -> int | None:
    digits = rounding.read(number.value or "")
    return int(digits.number) if digits and digits.relation == "=" else None


def _number(text: str) -> object:
    digits = rounding.read(text)
    return digits.number if digits else None


def _slips(slips: list[str]) -> str:
    return f"; likely slip: {' or '.join(dict.fromkeys(slips))}" if slips else ""


def _or(items: list[int] | list[str]) -> str:
    return " or ".join(map(str, items))
