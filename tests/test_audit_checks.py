"""The audit of papers made up on the fly: no false alarm, no miss, and the method recognised."""

import csv
import datetime as dt
import math
import tempfile
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from helpers import association, audit, survival
from helpers.audit.evidence import attainable
from helpers.catalogue import PublishedNumber
from helpers.proportions import METHODS, proportion

some = settings(deadline=None, max_examples=25)
many = settings(deadline=None, max_examples=100)
seeds = st.integers(0, 2**32)

TOML = """id = "made_up"
title = "Made up"
short_title = "Made up"
kind = "article"
citation = "Nowhere 2020"

[variables.ARM]
label = "arm"
type = "category"
source = "Table 1"
values = { a = "A", b = "B", c = "C" }
[variables.SCRNFL]
label = "screened"
type = "category"
source = "text"
values = { Y = "yes", N = "no" }

[groups]
screened = "SCRNFL == 'Y'"
all = "ARM in ['a', 'b', 'c']"
a = "ARM == 'a'"
b = "ARM == 'b'"
c = "ARM == 'c'"
"""
CELLS = list(PublishedNumber.model_fields)


def row(id, quantity, group, statistic, printed, **cells):
    """Return one published number; its location is its id up to the first underscore."""
    given = {"location": id.partition("_")[0], "quantity": quantity, "group": group}
    return {"id": id, "statistic": statistic, "printed": printed, **given, **cells}


def ledger(rows):
    """Audit a paper that prints these numbers, as anybody would: from its folder."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRIAL_BY_NOTEBOOK", folder)
        paper = Path(folder) / "data" / "made_up"
        paper.mkdir(parents=True)
        (paper / "paper.toml").write_text(TOML, encoding="utf-8")
        with (paper / "published.csv").open("w", encoding="utf-8", newline="") as lines:
            writer = csv.DictWriter(lines, CELLS)
            writer.writeheader()
            writer.writerows(rows)
        return audit.ledger("made_up").set_index("id")


def alarms(rows):
    found = ledger(rows)
    return found.loc[found["verdict"] == "inconsistent", "reason"].to_dict()


def show(value, decimals=1, rounding=ROUND_HALF_UP):
    """Print a number as any package does; binary noise in the last digits is not the question."""
    exact = Decimal(repr(round(float(value), 10)))
    return f"{exact.quantize(Decimal(1).scaleb(-decimals), rounding=rounding):.{decimals}f}"


def percent(count, total, decimals=1):
    """Print a percentage from a fraction, halves up."""
    units = math.floor(Fraction(100 * 10**decimals * count, total) + Fraction(1, 2))
    return f"{Decimal(units).scaleb(-decimals):.{decimals}f}"


def prints(value, text):
    """Say whether a value is printed as these digits, halves up or to even."""
    decimals = len(text.partition(".")[2])
    return text in {show(value, decimals, way) for way in (ROUND_HALF_UP, ROUND_HALF_EVEN)}


def show_p(p, decimals=3):
    return f"<0.{'0' * (decimals - 1)}1" if p < 10**-decimals else show(p, decimals)


# --- papers without a fault ----------------------------------------------------------------------


@st.composite
def papers(draw):
    """Draw a paper of two or three arms with tables of counts, all from one truth."""
    arms = "abc"[: draw(st.integers(2, 3))]
    sizes = {arm: draw(st.integers(3, 60)) for arm in arms}
    total = sum(sizes.values())
    decimals = draw(st.integers(0, 2))
    method = draw(st.sampled_from(sorted(METHODS)))
    test = draw(st.sampled_from(["chi2", "fisher", "likelihood_ratio", "trend"]))
    rows = [
        row(f"t1_n_{arm}", "patients", arm, "number", f"n = {size}", count=size)
        for arm, size in sizes.items()
    ]
    parts = " ".join(each["id"] for each in rows)
    rows.append(
        row("t1_n", "patients", "all", "number", f"n = {total}", count=total, relates_to=parts)
    )
    for what in ("response", "mutation"):
        counts = {arm: draw(st.integers(0, size)) for arm, size in sizes.items()}
        for arm, count in [*counts.items(), ("all", sum(counts.values()))]:
            size = sizes.get(arm, total)
            limits = proportion(count, size, method=method, whole=total)
            shown = {"value": percent(count, size, decimals), "count": count, "total": size}
            if not math.isnan(limits.lower) and not math.isnan(limits.upper):
                shown |= {
                    "lower": show(100 * limits.lower, decimals),
                    "upper": show(100 * limits.upper, decimals),
                    "level": 0.95,
                }
            if arm == "all":
                shown["relates_to"] = " ".join(f"t2_{what}_{each}" for each in arms)
            statistic = "proportion_ci" if "lower" in shown else "count_percent"
            rows.append(row(f"t2_{what}_{arm}", what, arm, statistic, "as printed", **shown))
        # Without the count, and at another place.
        rows.append(
            row(
                f"abstract_{what}",
                *(what, "all", "count_percent", "again"),
                value=percent(sum(counts.values()), total, decimals),
                total=total,
            )
        )
        table = [[count, sizes[arm] - count] for arm, count in counts.items()]
        p = association.p_value(table, test=test)
        if not math.isnan(p):
            rows.append(
                row(
                    f"t2_p_{what}",
                    *(f"p_{what}", "all", "p_value", "P"),
                    value=show_p(p, draw(st.integers(2, 3))),
                    relates_to=" ".join(f"t2_{what}_{arm}" for arm in arms),
                )
            )
    grades = [draw(st.integers(0, total // 4)) for _ in range(4)]
    for grade, count in zip(("g1_2", "g3", "g4", "g5"), grades, strict=True):
        rows.append(
            row(
                f"t3_sepsis_{grade}",
                *(f"sepsis_{grade}", "all", "count_percent", str(count)),
                value=percent(count, total, decimals),
                count=count,
                total=total,
            )
        )
    for name, first in (("any", 0), ("ge3", 1)):
        rows.append(
            row(
                f"results_sepsis_{name}",
                *(f"sepsis_{name}", "all", "count_percent", "of it"),
                value=percent(sum(grades[first:]), total, decimals),
                total=total,
                relates_to=" ".join(
                    f"t3_sepsis_{grade}" for grade in ("g1_2", "g3", "g4", "g5")[first:]
                ),
            )
        )
    return rows


@some
@given(papers())
def test_a_paper_without_a_fault_raises_no_alarm(rows):
    assert alarms(rows) == {}


@many
@given(st.integers(1, 300), st.data(), st.integers(0, 1))
@example(96, None, 0)
def test_the_same_share_with_fewer_decimals_elsewhere_is_the_same(total, data, fewer):
    """11 of 96 is 11.5 % and 11 %: each rounded from the count, not from the other."""
    count = data.draw(st.integers(0, total)) if data else 11
    shares = [
        row(f"{place}_x", "x", "all", "count_percent", "%", value=value, total=total)
        for place, value in (
            ("abstract", percent(count, total, fewer)),
            ("results", percent(count, total, fewer + 1)),
        )
    ]
    assert alarms(shares) == {}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("<0.01", "0.003"),
        ("<0.01", "<0.001"),
        ("<0.05", "0.049"),
        ("0.02", "0.018"),
        (">0.05", ".3"),
    ],
)
def test_a_p_value_may_be_a_bound_here_and_a_number_there(first, second):
    rows = [
        row(f"{place}_p", "p_x", "all", "p_value", f"P {text}", value=text)
        for place, text in (("abstract", first), ("results", second))
    ]
    assert alarms(rows) == {}


@pytest.mark.parametrize(
    ("first", "second"),
    [("<0.01", "0.03"), ("<0.001", "0.004"), ("0.02", "0.026"), (">0.05", "0.01")],
)
def test_a_p_value_may_not_contradict_itself(first, second):
    rows = [
        row(f"{place}_p", "p_x", "all", "p_value", f"P {text}", value=text)
        for place, text in (("abstract", first), ("results", second))
    ]
    assert alarms(rows).keys() == {"abstract_p", "results_p"}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2020-07", "2020-07-31", True),
        ("2020-07", "2020-08-01", False),
        ("2020-07", "2020-08", False),
    ],
)
def test_a_date_may_be_a_month_here_and_a_day_there(first, second, same):
    rows = [
        row(f"{place}_date", "data_cutoff", "", "date", text, value=text)
        for place, text in (("abstract", first), ("methods", second))
    ]
    assert (alarms(rows) == {}) == same


def test_a_group_larger_than_the_whole_sample_is_no_part_of_it():
    """Of 108 screened 60 were male; of 96 enrolled 51."""
    rows = [
        row("t1_male", "male", "all", "count_percent", "51", count=51, total=96),
        row("text_male", "male", "screened", "count_percent", "60", count=60, total=108),
    ]
    assert alarms(rows) == {}


@some
@given(st.integers(4, 80), st.data())
def test_a_group_has_no_more_than_the_whole_and_not_too_few(total, data):
    size = data.draw(st.integers(1, total - 1))
    whole = data.draw(st.integers(0, total))
    count = data.draw(st.integers(0, size))
    rows = [
        row("t1_x", "x", "all", "count_percent", "x", count=whole, total=total),
        row("t2_x", "x", "a", "count_percent", "x", count=count, total=size),
    ]
    possible = 0 <= whole - count <= total - size
    assert (alarms(rows) == {}) == possible


@many
@given(st.integers(-250, 250), st.integers(5, 150), st.sampled_from([0.9, 0.95]), st.integers(2, 4))
@example(-120, 20, 0.95, 3)
@example(-102, 51, 0.95, 2)
def test_a_hazard_ratio_and_the_p_of_its_own_wald_test(hundredths, error, level, decimals):
    log, spread = hundredths / 100, error / 100
    half = float(ndtri(0.5 + level / 2)) * spread
    p = float(2 * ndtr(-abs(log) / spread))
    estimate, lower, upper = (math.exp(log + each) for each in (0, -half, half))
    assume(lower >= 0.01)
    limits = {"value": show(estimate, 2), "lower": show(lower, 2), "upper": show(upper, 2)}
    rows = [
        row("results_hr", "hr_x", "all", "hazard_ratio_ci", "HR", level=level, **limits),
        row(
            "results_p",
            *("p_hr_x", "all", "p_value", "P"),
            value=show_p(p, decimals),
            relates_to="results_hr",
        ),
    ]
    assert alarms(rows) == {}


@some
@given(
    st.dates(dt.date(2015, 1, 1), dt.date(2020, 1, 1)),
    st.integers(30, 1500),
    st.integers(30, 1500),
    st.booleans(),
)
def test_a_follow_up_as_long_as_the_dates_allow(start, enrolling, waiting, months_only):
    cutoff = start + dt.timedelta(days=enrolling + waiting)
    longest = (cutoff - start).days / 30.4375
    width = 7 if months_only else 10
    dates = [
        row("methods_start", "enrolment_start", "", "date", "d", value=start.isoformat()[:width]),
        row("methods_cutoff", "data_cutoff", "", "date", "d", value=cutoff.isoformat()[:width]),
    ]

    def followed(upper):
        return row(
            "results_follow_up",
            *("follow_up", "all", "median_range", "f"),
            value=show(upper / 2),
            lower="0.1",
            upper=show(upper),
            unit="months",
            relates_to="methods_start methods_cutoff",
        )

    assert alarms([*dates, followed(longest)]) == {}
    assert alarms([*dates, followed(longest + 3)]).keys() == {"results_follow_up"}


@some
@given(st.lists(st.integers(1, 40), min_size=3, max_size=8))
def test_a_median_and_a_range_of_counted_values(counts):
    values = [value for value, count in enumerate(counts, 1) for _ in range(count)]
    rows = [
        row(f"t1_cycles_{value}", f"cycles_{value}", "all", "number", "n", count=count)
        for value, count in enumerate(counts, 1)
    ]
    related = " ".join(each["id"] for each in rows)

    def summary(median):
        return row(
            "text_cycles",
            *("cycles", "all", "median_range", "m"),
            value=f"{median:g}",
            lower="1",
            upper=str(len(counts)),
            relates_to=related,
        )

    median = float(np.median(values))
    assert alarms([*rows, summary(median)]) == {}
    assert alarms([*rows, summary(median + 1)])


# --- survival without the patients ---------------------------------------------------------------

SCALES = ("log-log", "log", "plain", "arcsine")


def logit_limits(estimate, lower, upper):
    """Carry a plain interval to the logit scale, as R's survfit(conf.type = "logit") has it."""
    centre = math.log(estimate / (1 - estimate))
    half = (upper - lower) / 2 / (estimate * (1 - estimate))
    return tuple(1 / (1 + math.exp(-x)) for x in (centre - half, centre + half))


@st.composite
def cohorts(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.integers(8, 150))
    months = random.exponential(draw(st.sampled_from([6, 12, 30])), size)
    followed = random.uniform(*draw(st.sampled_from([(0, 30), (6, 24), (13, 40)])), size)
    time = np.maximum(np.round(np.minimum(months, followed), 1), 0.1)
    return time, months <= followed


def landmarks(time, event, scale, decimals):
    """Print the rates of a cohort, as far as they have limits."""
    km = survival.kaplan_meier(time, event, conf_type="plain" if scale == "logit" else scale)
    for month in (6, 12, 24):
        found = survival.survival_at(km, month)
        limits = (found.lower, found.upper)
        if not 0 < found.survival < 1 or any(math.isnan(each) for each in limits):
            continue
        if scale == "logit":
            if found.lower <= 0 or found.upper >= 1:
                continue  # cut off: the width is lost
            limits = logit_limits(found.survival, *limits)
        value, lower, upper = (show(100 * x, decimals) for x in (found.survival, *limits))
        yield row(
            f"t2_os_{month}m",
            *(f"os_{month}m", "all", "survival_ci", "os"),
            **{"value": value, "lower": lower, "upper": upper, "level": 0.95},
        )


@pytest.mark.parametrize("scale", [*SCALES, "logit"])
@settings(deadline=None, max_examples=20)
@given(cohorts(), st.integers(0, 1))
def test_a_kaplan_meier_estimate_of_the_stated_patients_raises_no_alarm(scale, cohort, decimals):
    size = row("t1_n", "patients", "all", "number", "n", count=len(cohort[0]))
    assert alarms([size, *landmarks(*cohort, scale, decimals)]) == {}


@some
@given(cohorts(), st.integers(0, 1), st.integers(0, 1))
def test_a_median_and_the_rates_of_one_curve_raise_no_alarm(cohort, decimals, of_median):
    km = survival.kaplan_meier(*cohort)
    median = "NR" if math.isnan(km.median) else show(km.median, of_median)
    rows = [row("t2_os_median", "os_median", "all", "median_time_ci", "m", value=median)]
    for month in (3, 6, 9, 12, 24):
        rate = survival.survival_at(km, month).survival
        if not math.isnan(rate):
            value = show(100 * rate, decimals)
            rows.append(
                row(f"t2_os_{month}m", f"os_{month}m", "all", "survival_ci", "s", value=value)
            )
    assert alarms(rows) == {}


@pytest.mark.parametrize("median", ["12", "12.0"])
def test_a_median_just_before_the_landmark_may_be_printed_as_the_landmark(median):
    """11.97 months are printed as 12.0, and at 12 months fewer than one half are alive."""
    rows = [
        row("t2_os_median", "os_median", "all", "median_time_ci", "m", value=median),
        row("t2_os_12m", "os_12m", "all", "survival_ci", "s", value="48.0", lower="38.0",
            upper="57.0", level=0.95),
    ]  # fmt: skip
    assert alarms(rows) == {}


@pytest.mark.parametrize(("median", "rate"), [("9.0", "61.5"), ("15.0", "41.5"), ("NR", "41.5")])
def test_a_median_against_a_rate_on_the_wrong_side_of_one_half(median, rate):
    rows = [
        row("t2_os_median", "os_median", "all", "median_time_ci", "m", value=median),
        row("t2_os_12m", "os_12m", "all", "survival_ci", "s", value=rate),
    ]
    assert alarms(rows).keys() == {"t2_os_median"}


@some
@given(st.integers(20, 120), st.data(), st.sampled_from(SCALES))
def test_an_interval_too_narrow_for_the_stated_patients_is_told(total, data, scale):
    """One quarter more patients than there are."""
    larger = total + math.ceil(total / 4) + 6
    # Far from 0 and 1: there the scales differ by more than a quarter of the patients does.
    alive = data.draw(st.integers(round(0.45 * larger), round(0.7 * larger)))
    time = np.where(np.arange(larger) < alive, 24, 6)
    found = survival.survival_at(survival.kaplan_meier(time, time == 6, conf_type=scale), 12)
    value, lower, upper = (show(100 * x) for x in (found.survival, found.lower, found.upper))
    rows = [
        row(
            "t2_os_12m",
            *("os_12m", "all", "survival_ci", "s"),
            value=value,
            lower=lower,
            upper=upper,
            level=0.95,
            total=total,
        )
    ]
    found = ledger(rows).iloc[0]
    widths = {}
    for name in SCALES:
        base = survival.kaplan_meier(
            np.where(np.arange(1000) < round(10 * float(value)), 24, 6),
            np.arange(1000) >= round(10 * float(value)),
            conf_type=name,
        )
        at = survival.survival_at(base, 12)
        widths[name] = (at.upper - at.lower) * math.sqrt(1000 / total)
    if float(upper) - float(lower) < 100 * min(widths.values()) - 1:
        assert found["verdict"] == "inconsistent"
    else:
        assert found["verdict"] in ("inconsistent", "undetermined", "reproduced")


# --- which method --------------------------------------------------------------------------------


def book(rows):
    numbers = [PublishedNumber.model_validate({"location": "t", **each}) for each in rows]
    return audit.Book(tuple(numbers))


@pytest.mark.parametrize("method", sorted(METHODS))
@settings(deadline=None, max_examples=8)
@given(seeds, st.integers(0, 2))
def test_intervals_of_any_method_are_recognised_as_its_own(method, seed, decimals):
    """Ties are of methods that print the same digits."""
    rows = [row("t_n", "patients", "all", "number", "n", count=120)]
    printed, random = [], Random(seed)
    while len(printed) < 8:
        total = random.randint(5, 100)
        count = random.randint(1, total - 1)
        found = proportion(count, total, method=method, whole=120)
        limits = show(100 * found.lower, decimals), show(100 * found.upper, decimals)
        if "nan" in limits or (count, total, *limits) in printed:
            continue
        printed.append((count, total, *limits))
        rows.append(
            row(
                f"t_{len(rows)}",
                *(f"x{len(rows)}", "", "proportion_ci", "x"),
                value=percent(count, total),
                count=count,
                total=total,
                lower=limits[0],
                upper=limits[1],
                level=0.95,
            )
        )
    scores = audit.interval_scores(book(rows)).set_index("method")
    assert scores.loc[method, "explained"] == scores.loc[method, "of"] == 8
    assert scores["explained"].is_monotonic_decreasing
    for other in scores.index[scores["explained"] == 8]:
        for count, total, *limits in printed:
            found = proportion(count, total, method=other, whole=120)
            for value, text in zip((found.lower, found.upper), limits, strict=True):
                # Rounded twice counts too: never further off than one unit and a bit.
                assert abs(100 * value - float(text)) <= 0.56 * 10**-decimals


@pytest.mark.parametrize("test", sorted(association.TESTS))
@settings(deadline=None, max_examples=8)
@given(seeds)
def test_p_values_of_any_test_are_recognised_as_its_own(test, seed):
    rows, seen, random = [], [], Random(seed)
    while len(seen) < 6:
        sizes = [random.randint(8, 60) for _ in range(2)]
        counts = [random.randint(0, size) for size in sizes]
        table = [[count, size - count] for count, size in zip(counts, sizes, strict=True)]
        p = association.p_value(table, test=test)
        if math.isnan(p) or p < 0.001 or table in seen:
            continue
        name = f"x{len(seen)}"
        seen.append(table)
        for arm, count, size in zip("ab", counts, sizes, strict=True):
            rows.append(row(f"t_{name}_{arm}", name, arm, "count_percent", "x", count=count,
                            total=size))  # fmt: skip
        rows.append(row(f"t_p_{name}", f"p_{name}", "all", "p_value", "P", value=show(p, 3),
                        relates_to=f"t_{name}_a t_{name}_b"))  # fmt: skip
    scores = audit.test_scores(book(rows)).set_index("method")
    assert scores.loc[test, "explained"] == scores.loc[test, "of"] == 6
    best = scores.index[scores["explained"] == 6]
    for other in best:
        for table in seen:
            gap = association.p_value(table, test=other) - association.p_value(table, test=test)
            assert abs(gap) <= 0.00107


# --- a digit changed -----------------------------------------------------------------------------


@many
@given(st.integers(1, 200), st.data(), st.integers(0, 2), st.integers(-30, 30))
@example(96, None, 1, 1)
def test_a_percentage_is_flagged_exactly_if_its_count_does_not_give_it(total, data, decimals, off):
    count = data.draw(st.integers(0, total)) if data else 42
    units = round(float(percent(count, total, decimals)) * 10**decimals) + off
    assume(units >= 0)
    value = f"{Decimal(units).scaleb(-decimals):.{decimals}f}"
    rows = [row("t_x", "x", "all", "count_percent", "x", value=value, count=count, total=total)]
    assert (alarms(rows) != {}) == (not prints(100 * count / total, value))


@many
@given(st.integers(1, 150), st.data(), st.integers(0, 2))
def test_a_percentage_without_its_count_is_flagged_exactly_if_no_count_gives_it(
    total, data, decimals
):
    units = data.draw(st.integers(0, 100 * 10**decimals))
    value = f"{Decimal(units).scaleb(-decimals):.{decimals}f}"
    rows = [row("t_x", "x", "all", "count_percent", "x", value=value, total=total)]
    possible = any(prints(100 * count / total, value) for count in range(total + 1))
    assert (alarms(rows) != {}) == (not possible)


@settings(deadline=None, max_examples=150)
@given(st.integers(1, 20_000), st.data(), st.integers(0, 2), st.sampled_from(["", "<", ">"]))
@example(20_000, None, 1, "")
@example(1000, None, 0, "<")
def test_the_counts_that_a_percentage_stands_for_are_all_of_them(total, data, decimals, relation):
    units = data.draw(st.integers(0, 100 * 10**decimals)) if data else 5 * 10**decimals
    value = f"{Decimal(units).scaleb(-decimals):.{decimals}f}"
    limit = Fraction(units, 10**decimals)
    # In whole numbers: twice the share against twice the printed limits, halves included.
    half = Fraction(1, 2 * 10**decimals)
    shares = (Fraction(100 * count, total) for count in range(total + 1))
    expected = [
        count
        for count, share in enumerate(shares)
        if (share < limit if relation == "<" else share > limit if relation else False)
        or (not relation and abs(share - limit) < half)
        or (not relation and share - limit == -half)
        or (not relation and share - limit == half and units % 2 == 0)
    ]
    assert attainable(relation + value, total) == expected


@some
@given(st.lists(st.integers(0, 40), min_size=3, max_size=6), st.integers(-9, 9))
def test_a_sum_is_flagged_exactly_if_it_is_not_the_sum(parts, off):
    assume(sum(parts) + off >= 0)
    rows = [
        row(f"t_part{index}", f"part{index}", "all", "number", str(part), count=part)
        for index, part in enumerate(parts)
    ]
    related = " ".join(each["id"] for each in rows)
    whole = sum(parts) + off
    rows.append(
        row("t_whole", "whole", "all", "number", str(whole), count=whole, relates_to=related)
    )
    assert alarms(rows).keys() == ({"t_whole"} if off else set())


@some
@given(st.lists(st.integers(0, 25), min_size=2, max_size=5), st.integers(-25, 25))
def test_a_sum_printed_as_a_percentage_is_flagged_exactly_if_it_is_not_the_sum(parts, off):
    total = 126
    exact = 100 * sum(parts) / total
    value = show(max(float(percent(sum(parts), total)) + off / 10, 0))
    rows = [
        row(f"t_x_g{index}", f"x_g{index}", "all", "number", str(part), count=part)
        for index, part in enumerate(parts)
    ]
    related = " ".join(each["id"] for each in rows)
    rows.append(row("t_x_any", "x_any", "all", "count_percent", "x", value=value, total=total,
                    relates_to=related))  # fmt: skip
    assert (alarms(rows) != {}) == (not prints(exact, value))


def twice(value, text):
    """Say whether a value rounded to one or two decimals more, and again, gives the digits."""
    decimals = len(text.partition(".")[2])
    return any(show(Decimal(show(value, decimals + more)), decimals) == text for more in (1, 2))


def stands_for(value, text):
    return not math.isnan(value) and (prints(value, text) or twice(value, text))


@many
@given(st.integers(5, 120), st.data(), st.sampled_from(["lower", "upper"]), st.integers(-40, 40))
def test_a_limit_is_flagged_exactly_if_no_method_gives_the_pair(total, data, which, off):
    count = data.draw(st.integers(1, total - 1))
    found = proportion(count, total, method=data.draw(st.sampled_from(sorted(METHODS))))
    limits = {"lower": show(100 * found.lower), "upper": show(100 * found.upper)}
    limits[which] = show(float(limits[which]) + off / 10)
    value = percent(count, total)
    assume(0 <= float(limits["lower"]) <= float(value) <= float(limits["upper"]) <= 100)
    rows = [
        row("t_n", "patients", "all", "number", "n", count=total),
        row("t_x", "x", "all", "proportion_ci", "x", value=value, count=count, total=total,
            level=0.95, **limits),
    ]  # fmt: skip
    possible = any(
        stands_for(100 * each.lower, limits["lower"])
        and stands_for(100 * each.upper, limits["upper"])
        for each in (proportion(count, total, method=method) for method in METHODS)
    )
    assert (alarms(rows) != {}) == (not possible)


@many
@given(st.data(), st.integers(-300, 300))
def test_a_p_value_is_flagged_exactly_if_no_test_gives_it(data, off):
    sizes = [data.draw(st.integers(5, 60)) for _ in range(2)]
    counts = [data.draw(st.integers(0, size)) for size in sizes]
    assume(0 < sum(counts) < sum(sizes))
    table = [[count, size - count] for count, size in zip(counts, sizes, strict=True)]
    p = association.p_value(table, test="chi2")
    units = round(p * 1000) + off
    assume(0 <= units <= 1000)
    value = f"{Decimal(units).scaleb(-3):.3f}"
    rows = [
        row(f"t_x_{arm}", "x", arm, "count_percent", "x", count=count, total=size)
        for arm, count, size in zip("ab", counts, sizes, strict=True)
    ]
    rows.append(row("t_p", "p_x", "all", "p_value", "P", value=value, relates_to="t_x_a t_x_b"))
    possible = any(
        stands_for(association.p_value(table, test=test), value) for test in association.TESTS
    )
    assert (alarms(rows) != {}) == (not possible)


@pytest.mark.parametrize(("value", "lower", "upper"), [("5", "6", "9"), ("9.1", "6", "9.0")])
@pytest.mark.parametrize("statistic", ["median_range", "median_iqr", "median_time_ci"])
def test_an_estimate_outside_of_its_own_limits_is_told(statistic, value, lower, upper):
    rows = [row("t_x", "age", "all", statistic, "x", value=value, lower=lower, upper=upper)]
    assert alarms(rows).keys() == {"t_x"}


@pytest.mark.parametrize(("lower", "right"), [("16", True), ("15", False), ("17", False)])
def test_a_range_is_that_of_its_groups_together(lower, right):
    rows = [
        row("t_age_a", "age", "a", "median_range", "x", value="40", lower="18", upper="66"),
        row("t_age_b", "age", "b", "median_range", "x", value="30", lower="16", upper="60"),
        row("t_age", "age", "all", "median_range", "x", value="35", lower=lower, upper="66",
            relates_to="t_age_a t_age_b"),
    ]  # fmt: skip
    assert (alarms(rows) == {}) == right


def test_what_others_found_is_no_business_of_this_paper():
    """A share printed for another study contradicts nothing here, and nothing there."""
    rows = [
        row("t_x", "x", "all", "count_percent", "x", value="40.0", count=40, total=100),
        row("d_x", "x", "all", "count_percent", "x", value="61.0")
        | {"location": "discussion: other studies"},
    ]
    assert ledger(rows)["verdict"].to_dict() == {"t_x": "reproduced", "d_x": "observation"}
