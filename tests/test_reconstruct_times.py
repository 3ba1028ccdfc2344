"""What is asked of the times is what the papers print, and what flags say is true of anybody."""

import itertools
import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from helpers import catalogue, endpoints, paths, query
from helpers.catalogue import Variable
from helpers.errors import DataError
from helpers.reconstruct import search, times

MONTH = 30.4375
HEADER = ",".join(catalogue.PublishedNumber.model_fields)

# id, endpoint, group, value, lower, upper: as printed, in months or percent.
HMA_LDAC = [
    ("abs_os_median_hma", "os", "ARM == 'HMA'", 8.3, 6.7, 9.8),
    ("abs_os_median_ldac", "os", "ARM == 'LDAC'", 5.7, 4.1, 7.3),
    ("abs_efs_median_hma", "efs", "ARM == 'HMA'", 6.1, None, None),
    ("abs_efs_median_ldac", "efs", "ARM == 'LDAC'", 3.9, None, None),
]
CRC, BOTH = "CRCFL == 'Y'", "PINOBLFL == 'Y'"
MINI_MEDIANS = [
    ("res_os_median_all", "os", "", 7.1),
    ("res_os_median_responders", "os", CRC, 8.5),
    ("res_os_median_prior_ino_blina", "os", BOTH, 7.1),
    ("res_rfs_median_responders", "rfs", CRC, 5.3),
]
MINI_RATES = [
    ("res_os_12m_all", "os", "", 0.29),
    ("res_os_12m_responders", "os", CRC, 0.42),
    ("res_os_12m_prior_ino_blina", "os", BOTH, 0.29),
    ("res_rfs_12m_responders", "rfs", CRC, 0.17),
]

_ASKED = {}


def asked(paper):
    """Return a paper's requirements, collected once."""
    if paper not in _ASKED:
        _ASKED[paper] = times.requirements(paper)
    return _ASKED[paper]


def of(paper, id):
    found = [each for each in asked(paper).asked if id in each.ids]
    assert found, id
    return found


def around(months, digit=0.1):
    return pytest.approx(((months - digit / 2) * MONTH, (months + digit / 2) * MONTH), rel=1e-6)


# --- the papers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("id", "endpoint", "group", "value", "lower", "upper"), HMA_LDAC)
def test_medians_and_their_limits(id, endpoint, group, value, lower, upper):
    [each] = of("hma_ldac", id)
    assert (each.kind, each.endpoint, each.groups, each.at) == ("median", endpoint, (group,), 0.5)
    assert each.value == around(value)
    assert each.lower == (None if lower is None else around(lower))
    assert each.upper == (None if upper is None else around(upper))


@pytest.mark.parametrize(("id", "p"), [("abs_p_os", 0.04), ("abs_p_efs", 0.02)])
def test_a_p_value_of_two_curves_is_a_log_rank_test(id, p):
    [each] = of("hma_ldac", id)
    # The abstract's conclusion is read as the direction; the first group does better.
    assert (each.kind, each.endpoint) == ("log-rank, the first better", id.removeprefix("abs_p_"))
    assert each.groups == ("ARM == 'HMA'", "ARM == 'LDAC'")
    assert each.at == math.inf
    # With one degree of freedom the root of chi-squared is a normal score.
    low, high = (-NormalDist().inv_cdf((p + off) / 2) for off in (0.005, -0.005))
    assert each.value == pytest.approx((low, high), abs=1e-5)


def test_the_signed_test_tells_which_of_two_groups_does_better():
    """One death in each of two groups of ten, at days 10 and 20, and the other way round."""
    group = np.repeat([0, 1], 10)
    signs = {}
    for name, days in {"first": (20, 10), "second": (10, 20)}.items():
        time = np.full((1, 20), 100)
        code = np.zeros((1, 20), np.int64)
        for patient, day in zip((0, 10), days, strict=True):
            time[0, patient], code[0, patient] = day, 1
        # Ten more deaths of the group that does worse, so that the sign is clear.
        worse = 10 if name == "first" else 0
        time[0, worse + 1 : worse + 6], code[0, worse + 1 : worse + 6] = 5, 1
        energy = search.test_energy(
            0,
            np.array([search.FIRST_BETTER]),
            np.array([0]),
            np.zeros((1, 8), np.int64),
            np.array([2]),
            np.array([[np.inf, 0.5, 9.0, 1.0]]),
            np.argsort(time, axis=1),
            time,
            code,
            np.ones((1, 20), np.bool_),
            group[None, :],
            np.zeros((4, 20)),
            np.zeros((8, 8)),
        )
        signs[name] = energy
    assert signs["first"] == 0
    assert signs["second"] > 1


def test_nothing_else_is_asked_of_the_two_arms():
    known = {each[0] for each in HMA_LDAC} | {"abs_p_os", "abs_p_efs"}
    assert {id for each in asked("hma_ldac").asked for id in each.ids} == known


@pytest.mark.parametrize(("id", "endpoint", "group", "value"), MINI_MEDIANS)
def test_medians_without_limits(id, endpoint, group, value):
    [each] = of("mini_hcvd", id)
    assert (each.kind, each.endpoint, each.groups) == ("median", endpoint, (group,))
    assert each.value == around(value)
    assert (each.lower, each.upper) == (None, None)


@pytest.mark.parametrize(("id", "endpoint", "group", "value"), MINI_RATES)
def test_rates_at_a_year(id, endpoint, group, value):
    [each] = of("mini_hcvd", id)
    assert (each.kind, each.endpoint, each.groups) == ("landmark", endpoint, (group,))
    assert each.at == pytest.approx(12 * 30.4375)  # whoever is at risk then was so on day 366
    assert each.value == pytest.approx((value - 0.005, value + 0.005), abs=1e-6)


def test_a_number_printed_three_times_is_asked_once():
    [each] = of("mini_hcvd", "abs_os_median_all")
    assert each.ids == ("abs_os_median_all", "res_os_median_all", "dis_os_median_all")


def test_follow_up_is_a_reversed_median_and_the_range_of_the_observed_times():
    found = {(each.kind, each.at): each.value for each in of("mini_hcvd", "res_follow_up_all")}
    assert found == {
        ("reverse follow-up", 0.5): around(26, 1),
        ("follow-up", 0.0): around(1.1),
        ("follow-up", 1.0): around(35, 1),
    }


def test_the_remission_still_going_on_is_as_long_as_printed():
    [only] = of("mini_hcvd", "res_remission_duration_ongoing")
    assert (only.kind, only.endpoint, only.at) == ("follow-up", "dor", 0.5)
    assert only.value == around(30, digit=1)
    # Durations that no reading makes an endpoint's time are of treatments.
    assert not [id for each in asked("mini_hcvd").asked for id in each.ids if "ven_days" in id]


def test_the_duration_of_response_is_of_all_responders_as_observed():
    found = {each.at: each for each in of("mini_hcvd", "res_dor_median")}
    assert {each.kind for each in found.values()} == {"follow-up"}
    assert {each.endpoint for each in found.values()} == {"dor"}
    assert {each.groups for each in found.values()} == {(CRC,)}
    spans = {at: each.value for at, each in found.items()}
    assert spans == {0.5: around(6.3), 0.0: around(0.5), 1.0: around(30, 1)}


def test_the_longest_follow_up_is_from_the_first_enrolment_to_the_cut_off():
    # 1 June 2019 to 1 March 2023.
    assert asked("mini_hcvd").longest == 1369


def test_early_deaths_that_are_counted_are_flags_of_overall_survival():
    found = {each.name: (each.endpoint, each.day) for each in times.flags(asked("mini_hcvd"))}
    assert found == {"DTH30FL": ("os", 30), "DTH60FL": ("os", 60)}


@pytest.mark.parametrize("paper", ["hma_ldac", "mini_hcvd", "vah"])
def test_each_number_that_could_be_of_times_is_asked_or_left_out_for_a_reason(paper):
    statistics = {
        "survival_ci", "cumulative_incidence_ci", "median_time_ci", "median_iqr", "median_range",
        "p_value", "hazard_ratio_ci",
    }  # fmt: skip
    found = asked(paper)
    used = {id for each in found.asked for id in each.ids}
    own = {
        number.id
        for number in catalogue.published(paper)
        if number.statistic in statistics and "other" not in number.location
    }
    assert own <= used | set(found.left_out)
    assert not used & set(found.left_out)
    assert all(reason.strip() for reason in found.left_out.values())


def test_no_curve_is_asked_of_an_endpoint_that_only_says_whether():
    for paper in ("hma_ldac", "mini_hcvd", "vah"):
        found = asked(paper)
        for each in found.asked:
            definition = found.paper.endpoints.get(each.endpoint)
            assert definition is None or definition.window_months is None


# --- flags and their rules -----------------------------------------------------------------------

TWO_ARMS = """id = "made"
title = "A made-up trial"
short_title = "Made up"
kind = "article"
citation = "Nowhere 2024"

[variables]
ARM = { label = "arm", type = "category", source = "", values = { A = "a", B = "b" } }
CRCFL = { label = "CRc", type = "category", source = "", values = { Y = "yes", N = "no" } }
RLPFL = { label = "relapse", type = "category", source = "", values = { Y = "yes", N = "no" } }
DTHFL = { label = "died", type = "category", source = "", values = { Y = "yes", N = "no" } }

[groups]
all = ""
a = "ARM == 'A'"
b = "ARM == 'B'"

[reconstruct.history]
response = "CRCFL == 'Y'"
"no response" = "CRCFL == 'N'"
relapse = "RLPFL == 'Y'"
death = "DTHFL == 'Y'"

[reconstruct.days]
response = [14, 60]
"no response" = [14, 60]

[endpoints.os]
label = "overall survival"
origin = "treatment"
events = ["death"]

[endpoints.efs]
label = "event-free survival"
origin = "treatment"
events = ["no response", "relapse", "death"]
"""
# 8 of 10 and 6 of 10 without censoring, with R's log-log limits; then numbers of no use.
ROWS = [
    ("n_all", "patients", "all", "count_percent", {"printed": "20", "count": "20"}),
    ("n_a", "patients", "a", "count_percent", {"printed": "10", "count": "10"}),
    ("n_b", "patients", "b", "count_percent", {"printed": "10", "count": "10"}),
    (
        "os_6_a", "os_6m", "a", "survival_ci",
        {"value": "80.0", "lower": "40.9", "upper": "94.6", "total": "10"},
    ),
    (
        "efs_6_a", "efs_6m", "a", "survival_ci",
        {"value": "60.0", "lower": "25.3", "upper": "82.7", "total": "10"},
    ),
    ("os_med_a", "os_median", "a", "median_time_ci", {"value": "NR", "total": "10"}),
    ("os_12_b", "os_12m", "b", "survival_ci", {"value": "50", "total": "10"}),
]  # fmt: skip


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    folder = tmp_path / "data" / "made"
    folder.mkdir(parents=True)
    (folder / "paper.toml").write_text(TWO_ARMS, encoding="utf-8")
    lines = []
    for id, quantity, group, statistic, more in ROWS:
        cells = {"id": id, "location": "table 1", "quantity": quantity, "group": group}
        cells |= {"statistic": statistic, **more}
        if "lower" in cells:
            cells["level"] = "0.95"
            printed = "{value}% (95% CI {lower}-{upper})".format(**cells)
            cells |= {"unit": "%", "printed": printed}
        elif statistic == "survival_ci":
            cells |= {"unit": "%", "printed": cells["value"] + "%"}
        elif statistic == "median_time_ci":
            cells |= {"unit": "months", "printed": cells["value"]}
        lines.append(",".join(cells.get(name, "") for name in HEADER.split(",")))
    (folder / "published.csv").write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    return times.requirements("made")


def test_a_rate_with_an_interval_that_no_censoring_explains_is_a_count(made_up):
    found = {each.endpoint: (each.day, each.counts, each.lost) for each in times.flags(made_up)}
    # Six months end on day 182; half the arm of the other rate may have been lost, none known.
    assert found == {
        "os": (182, (("ARM == 'A'", 2, 10),), True),
        "efs": (182, (("ARM == 'A'", 4, 10),), True),
    }


@pytest.mark.parametrize(("months", "lost"), [(0, True), (5, True), (6, False)])
def test_who_has_no_event_may_be_lost_but_where_follow_up_is_complete(made_up, months, lost):
    plan = made_up.paper.reconstruct.model_copy(update={"complete_months": months})
    paper = made_up.paper.model_copy(update={"reconstruct": plan})
    assert {flag.lost for flag in times.flags(replace(made_up, paper=paper))} == {lost}


@pytest.mark.parametrize(("printed", "high_too"), [("46.7", False), ("46.8", True), ("7", False)])
def test_a_half_belongs_to_the_digits_that_some_rounding_gives_it(made_up, printed, high_too):
    """Up or to even, 46.75 is 46.8; 46.85 is 46.8 to even, 46.65 is 46.7 up."""
    rows = paths.paper("made") / "published.csv"
    text = rows.read_text(encoding="utf-8").replace(",50%,50,", f",{printed}%,{printed},")
    rows.write_text(text, encoding="utf-8")
    [each] = [each for each in times.requirements("made").asked if "os_12_b" in each.ids]
    half = 0.05 if "." in printed else 0.5
    low, high = ((float(printed) + end) / 100 for end in (-half, half))
    assert each.value[0] < low < each.value[1]
    assert (each.value[0] < high < each.value[1]) == high_too
    assert each.value == pytest.approx((low, high), abs=1e-8)


def test_a_direction_is_of_one_of_two_groups_compared(made_up):
    toml = paths.paper("made") / "paper.toml"
    with (paths.paper("made") / "published.csv").open("a", encoding="utf-8") as rows:
        cells = {"id": "os_med_b", "quantity": "os_median", "group": "b", "value": "5"}
        cells |= {"statistic": "median_time_ci", "printed": "5", "location": "text", "total": "10"}
        rows.write(",".join(cells.get(name, "") for name in HEADER.split(",")) + "\n")
        cells = {"id": "p_os", "quantity": "os", "statistic": "p_value", "printed": "0.04"}
        cells |= {"value": "0.04", "relates_to": "os_med_a os_med_b", "location": "text"}
        rows.write(",".join(cells.get(name, "") for name in HEADER.split(",")) + "\n")
    text = toml.read_text(encoding="utf-8")
    [plain] = [each for each in times.requirements("made").asked if "p_os" in each.ids]
    assert plain.kind == "log-rank"
    reading = '[reconstruct.read_as.p_os]\nbetter = "{}"\nwhy = "so printed"\n'
    toml.write_text(text + reading.format("b"), encoding="utf-8")
    [read] = [each for each in times.requirements("made").asked if "p_os" in each.ids]
    assert (read.kind, read.groups) == ("log-rank, the first better", plain.groups[::-1])
    toml.write_text(text + reading.format("c"), encoding="utf-8")
    with pytest.raises(DataError, match=r"read_as\.p_os, better: 'c' is not one of two groups"):
        times.requirements("made")


def test_a_median_that_is_not_reached_is_asked_as_such(made_up):
    [each] = [each for each in made_up.asked if each.ids == ("os_med_a",)]
    assert each.value == times.NOT_REACHED


def test_rules_between_flags_allow_what_can_be_and_nothing_else(made_up):
    """All sixteen cases by hand, of a patient who died or not, and so on."""
    chosen = times.flags(made_up)
    rules = times.rules(made_up, chosen)
    os, efs = (next(f.name for f in chosen if f.endpoint == name) for name in ("os", "efs"))
    names = ["CRCFL", "RLPFL", "DTHFL", os, efs]
    table = pd.DataFrame(itertools.product("YN", repeat=5), columns=names)
    yes = Variable(label="", type="category", source="", values={"Y": "", "N": ""})
    variables = dict.fromkeys(names, yes)
    allowed = np.ones(len(table), bool)
    for rule in rules:
        allowed &= query.parse(rule, variables).mask(table).to_numpy(bool)
    crc, relapsed, died, dead_by_then, failed_by_then = (table[name] == "Y" for name in names)
    expected = (
        (died | ~dead_by_then)
        & (failed_by_then | ~dead_by_then)
        & (failed_by_then | crc)
        & (~failed_by_then | ~crc | relapsed | dead_by_then)
    )
    assert np.array_equal(allowed, expected)
    assert 0 < allowed.sum() < len(table)


def some_histories(rng, n):
    """Draw histories as vah's catalogue allows them, with everybody's last contact known."""
    crc, moved = rng.random((2, n)) < 0.5
    last = rng.integers(1, 764, n)
    dead = rng.random(n) < 0.6
    none = np.full(n, np.nan)
    failed = np.where(crc, none, np.minimum(rng.integers(14, 101, n), last))
    # A response on the very day on which failure is found would undo it.
    earliest = np.nan_to_num(failed).astype(int) + 1
    transplant = np.where(moved, rng.integers(earliest, last + 2), none)
    response = np.where(crc, rng.integers(14, 101, n), np.where(moved, transplant, none))
    keep = ~(crc & ((response > last) | (transplant < response))) & ~(transplant > last)
    day = pd.DataFrame(
        {
            "TRTM": 0.0,
            "RSPM": response,
            "NRSPM": failed,
            "HSCTM": transplant,
            "RLPM": none,
            "DTHM": np.where(dead, last, none),
            "LSTALVM": last.astype(float),
        }
    )[keep].reset_index(drop=True)
    after = np.fmax(day["RSPM"], day["HSCTM"])
    relapsed = day["RSPM"].notna() & (after < day["LSTALVM"]) & (rng.random(len(day)) < 0.5)
    share = rng.random(len(day))
    relapse = np.ceil(after + share * (day["LSTALVM"] - after)).clip(lower=day["RSPM"] + 1)
    day["RLPM"] = relapse.where(relapsed)
    for name in ("CRCFL", "HSCTFL"):
        day[name] = np.where({"CRCFL": crc, "HSCTFL": moved}[name][keep], "Y", "N")
    day["RLPFL"] = np.where(relapsed, "Y", "N")
    day["DTHFL"] = np.where(day["DTHM"].notna(), "Y", "N")
    return day


def test_no_history_contradicts_the_rules_between_flags():
    """Whatever happens to anybody, in the order in which it can, every rule is true of it."""
    found = asked("vah")
    chosen = [flag for flag in times.flags(found) if flag.counts]
    day = some_histories(np.random.default_rng(1), 20_000)
    day = day[~(day["RLPM"] > found.paper.reconstruct.days["relapse"][1])].reset_index(drop=True)
    history = day[["TRTM", "RSPM", "NRSPM", "HSCTM", "RLPM", "DTHM", "LSTALVM"]] / MONTH
    variables = dict(found.paper.variables)
    for flag in chosen:
        seen = endpoints.observe(history, found.paper.endpoints[flag.endpoint])
        by_then = seen.included & (seen.code == 1) & (np.round(seen.time * MONTH) <= flag.day)
        day[flag.name] = np.where(by_then, "Y", "N")
        variables[flag.name] = Variable(
            label="", type="category", source="", values={"Y": "", "N": ""}
        )
    rules = times.rules(found, chosen)
    assert len(rules) > 5
    assert len(day) > 5000
    for rule in rules:
        held = query.parse(rule, variables).mask(day)
        assert held.all(), (rule, day[~held].iloc[0].to_dict())
