"""What the compiled search computes is what the kit's other estimators compute.

Those are checked against R in their own tests. Times are whole days with many ties.
"""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from helpers import catalogue, endpoints
from helpers.catalogue import Definition
from helpers.reconstruct import search
from helpers.survival import comparison, competing, cox, curves, fine_gray

MONTH = 30.4375
COLUMN = {
    "DIAGM": search.DIAGNOSIS,
    "TRTM": search.TREATMENT,
    "RSPM": search.RESPONSE,
    "NRSPM": search.NO_RESPONSE,
    "RLPM": search.RELAPSE,
    "HSCTM": search.TRANSPLANT,
    "DTHM": search.DEATH,
    "LSTALVM": search.LAST,
}
EVENT = {
    "response": search.RESPONSE,
    "no response": search.NO_RESPONSE,
    "relapse": search.RELAPSE,
    "transplant": search.TRANSPLANT,
    "death": search.DEATH,
}
ORIGIN = {"diagnosis": search.DIAGNOSIS, "treatment": search.TREATMENT} | EVENT
SCALES = {
    "plain": search.PLAIN,
    "log": search.LOG,
    "log-log": search.LOG_LOG,
    "arcsine": search.ARCSINE,
}
Z = 1.959963984540054
EXACT = 1e-9

PRINTED = [
    pytest.param(definition, id=f"{paper}-{name}")
    for paper in ("vah", "mini_hcvd", "hma_ldac")
    for name, definition in catalogue.load(paper).endpoints.items()
    if definition.window_months is None  # whether, not when: no curve is asked of these
]
MADE_UP = [
    Definition(
        label="ties", origin="treatment", events=("relapse",), competing=("transplant", "death")
    ),
    Definition(label="ties", origin="response", events=("transplant",), competing=("relapse",)),
    Definition(label="cut", origin="treatment", events=("death",), cutoff_months=12 / MONTH),
    Definition(
        label="censored", origin="treatment", events=("relapse", "death"), censor_at=("transplant",)
    ),
    Definition(label="dx", origin="diagnosis", events=("death",)),
    Definition(label="hsct", origin="transplant", events=("relapse", "death")),
    Definition(
        label="failure", origin="treatment", events=("no response",), competing=("transplant",)
    ),
]


def bits(events):
    return sum(1 << EVENT[event] for event in events)


def clocks(definitions):
    """Return endpoint definitions as the search takes them."""
    never = search.NEVER
    cuts = [
        never if d.cutoff_months is None else round(d.cutoff_months * MONTH) for d in definitions
    ]
    return {
        "origin": np.array([ORIGIN[d.origin] for d in definitions], np.int64),
        "events": np.array([bits(d.events) for d in definitions], np.int64),
        "competing": np.array([bits(d.competing) for d in definitions], np.int64),
        "censors": np.array([bits(d.censor_at) for d in definitions], np.int64),
        "cut": np.array(cuts, np.int64),
    }


def histories(rng, n, longest=25):
    """Draw days, in any order, with ties."""
    day = rng.integers(0, longest, (n, search.COLUMNS))
    for column in (*EVENT.values(), search.DIAGNOSIS):
        day[rng.random(n) < 0.4, column] = search.NEVER
    known = day[:, search.DIAGNOSIS] < search.NEVER
    day[known, search.DIAGNOSIS] *= -1
    day[:, search.TREATMENT] = 0
    dead = day[:, search.DEATH] < search.NEVER
    day[dead, search.DEATH] = day[dead, search.LAST]
    return day


def in_months(day):
    return pd.DataFrame(
        {name: np.where(day[:, c] >= search.NEVER, np.nan, day[:, c] / MONTH)
         for name, c in COLUMN.items()}
    )  # fmt: skip


def cohort(rng, n, longest=18, causes=3):
    """Draw times with ties, codes, the order of the times, and who has no clock (-1)."""
    time = rng.integers(0, longest, n)
    code = rng.integers(0, causes, n)
    out = rng.random(n) < 0.1
    time[out], code[out] = -1, 0
    return time, code, np.argsort(time, kind="stable")


def some_cohorts(seed, amount=60, **options):
    rng = np.random.default_rng(seed)
    for _ in range(amount):
        n = int(rng.integers(4, 45))
        time, code, order = cohort(rng, n, **options)
        mask = rng.random(n) < 0.8
        if ((time >= 0) & mask).sum() >= 2:
            yield rng, time, code, order, mask


def curve(time, code, order, mask, cause):
    """Return the steps of a curve as the search writes them."""
    columns = np.zeros((5, len(time) + 2))
    k, n = search.steps(order, time, code, mask, cause, *columns)
    return columns[:, :k], n


def happened(code, cause):
    return {0: code != 0, 1: code == 1, 2: code == 2, -1: code == 0}[cause]


# --- endpoints -----------------------------------------------------------------------------------


@pytest.mark.parametrize("definition", PRINTED + MADE_UP)
def test_clocks_are_those_of_the_endpoint_definition(definition):
    day = histories(np.random.default_rng(1), 3000)
    asked = clocks([definition])
    time, code = np.zeros((2, 1, len(day)), np.int64)
    for i in range(len(day)):
        search.observe(day, *asked.values(), time, code, i)
    found = endpoints.observe(in_months(day), definition)
    assert np.array_equal(time[0] >= 0, found.included)
    assert np.array_equal(code[0], found.code)
    assert np.allclose(time[0][found.included], found.time[found.included] * MONTH, atol=1e-6)
    assert {0, 1} <= set(found.code[found.included])


def test_an_event_on_the_last_day_before_a_cut_counts_and_one_after_it_does_not():
    asked = clocks([Definition(label="cut", origin="treatment", events=("death",),
                               cutoff_months=12 / MONTH)])  # fmt: skip
    day = np.full((2, search.COLUMNS), search.NEVER)
    day[:, search.TREATMENT] = 0
    day[:, search.DEATH] = day[:, search.LAST] = [12, 13]
    time, code = np.zeros((2, 1, 2), np.int64)
    for i in range(2):
        search.observe(day, *asked.values(), time, code, i)
    assert (time[0].tolist(), code[0].tolist()) == ([12, 12], [1, 0])


# --- the order of the times ----------------------------------------------------------------------


def test_a_patient_is_put_back_into_the_order():
    rng = np.random.default_rng(2)
    for _ in range(500):
        n = int(rng.integers(1, 12))
        time, _, order = cohort(rng, n, longest=8)
        i = rng.integers(n)
        time[i] = rng.integers(-1, 9)
        search.place(order, time, i)
        assert sorted(order) == list(range(n))
        assert (np.diff(time[order]) >= 0).all()


# --- curves --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", [0, 1, 2, -1])
def test_steps_and_their_limits_are_those_of_the_kaplan_meier_curve(cause):
    for _, time, code, order, mask in some_cohorts(3):
        (at, risk, died, alive, variance), n = curve(time, code, order, mask, cause)
        there = mask & (time >= 0)
        t, event = time[there], happened(code, cause)[there]
        found = curves.curves(t, event)
        assert n == there.sum()
        assert at.tolist() == sorted(set(t[event].tolist()))
        assert risk.tolist() == [(t >= each).sum() for each in at]
        assert died.tolist() == [((t == each) & event).sum() for each in at]
        last = np.searchsorted(np.sort(t), at, side="right") - 1
        assert np.allclose(alive, found.survival[last], atol=EXACT)
        inner = alive > 0
        assert np.allclose(variance[inner], found.variance[last][inner], atol=EXACT)
        for conf_type, scale in SCALES.items():
            both = curves.limits(found, conf_type=conf_type)
            for edge, upper in zip(both, (False, True), strict=True):
                mine = [
                    search.limit(s, v, Z, scale, upper)
                    for s, v in zip(alive, variance, strict=True)
                ]
                assert np.allclose(mine, edge[last], atol=1e-8, equal_nan=True), conf_type


def test_before_the_first_event_there_are_the_limits_that_r_gives():
    found = curves.curves([1, 2], [0, 1])
    for conf_type, scale in SCALES.items():
        for edge, upper in zip(curves.limits(found, conf_type=conf_type), (0, 1), strict=True):
            mine = search.limit(1.0, 0.0, Z, scale, bool(upper))
            assert mine == edge[0] or (math.isnan(mine) and math.isnan(edge[0]))


def exact_crossing(time, event, level):
    """Return the first day on which the curve is at or below a level, in whole numbers."""
    alive = Fraction(1)
    for day in sorted(set(time[event].tolist())):
        left = int((time >= day).sum())
        alive *= Fraction(left - int(((time == day) & event).sum()), left)
        if alive <= level:
            return day
    return -1


def test_quantiles_are_read_by_both_rules():
    level_stretches = 0
    for _, time, code, order, mask in some_cohorts(4, amount=150):
        (at, _, _, alive, variance), _ = curve(time, code, order, mask, 1)
        there = mask & (time >= 0)
        t, event = time[there], code[there] == 1
        found = curves.curves(t, event)
        for p in (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)):
            start, middle = search.crossing(at, alive, len(at), float(1 - p))
            assert start == exact_crossing(t, event, 1 - p)
            printed = curves.quantile(found, float(p))
            assert middle == printed.value or (middle == -1 and np.isnan(printed.value))
            level_stretches += start != middle
            others = curves.quantile(found, float(p), rule="lifelines")
            # lifelines adds logarithms: it may miss a curve that is exactly at the level.
            if len(alive) and np.abs(alive - float(1 - p)).min() > EXACT:
                assert start == others.value or (start == -1 and np.isnan(others.value))
            for conf_type, scale in SCALES.items():
                limits = curves.quantile(found, float(p), conf_type=conf_type)
                for upper, theirs in ((False, limits.lower), (True, limits.upper)):
                    band = np.array(
                        [
                            search.limit(s, v, Z, scale, upper)
                            for s, v in zip(alive, variance, strict=True)
                        ]
                    )
                    _, mine = search.crossing(at, band, len(at), float(1 - p))
                    assert mine == theirs or (mine == -1 and np.isnan(theirs)), conf_type
    assert level_stretches > 5


def test_plain_quantiles_are_numpys():
    rng = np.random.default_rng(5)
    for n in [1, 2, 3, 4, 5, 12, 22, 69]:
        values = np.sort(rng.integers(0, 40, n)).astype(float)
        for p in (0.0, 0.25, 0.5, 0.75, 1.0):
            assert np.isclose(search.quantile(values, n, p), np.quantile(values, p))
            weibull = np.quantile(values, p, method="weibull")
            assert np.isclose(search.quantile6(values, n, p), weibull)
    assert np.isnan(search.quantile(values, 0, 0.5))
    assert np.isnan(search.quantile6(values, 0, 0.5))


def test_a_cumulative_incidence_and_its_variance_are_those_of_cmprsk():
    compared = 0
    for rng, time, code, order, mask in some_cohorts(6, amount=150):
        there = mask & (time >= 0)
        found = competing.cumulative_incidence(time[there], code[there], causes=[1])
        for until in rng.integers(0, 20, 4):
            mine, variance = search.incidence(order, time, code, mask, float(until))
            passed = int((found.time <= until).sum())
            if not passed:
                assert (mine, variance) == (0, 0)
                continue
            assert np.isclose(mine, found.incidence[0, passed - 1], atol=EXACT)
            assert np.isclose(variance, found.variance[0, passed - 1], atol=EXACT)
            compared += 0 < mine < 1
    assert compared > 100


# --- comparisons ---------------------------------------------------------------------------------


@pytest.mark.parametrize("until", [1e9, 9.0, 4.0])
@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_log_rank_test_leaves_out_what_comes_after_a_day(k, until):
    compared = 0
    for rng, time, code, order, counted in some_cohorts(7, amount=80):
        # One label more: those of no compared group.
        group = np.where(counted, rng.integers(0, k + 1, len(time)), k)
        observed, expected = np.zeros((2, 8))
        label = np.where(group < k, group, -1)
        mine = search.log_rank(
            order, time, code, label, k, until, observed, expected, np.zeros((8, 8))
        )
        there = (group < k) & (time >= 0)
        if len(set(group[there])) < k:
            continue
        event = (code == 1) & (time <= until)
        found = comparison.logrank(time[there], event[there], group[there])
        assert np.allclose(observed[:k], found.observed)
        assert np.allclose(expected[:k], found.expected)
        if found.df == k - 1:
            assert np.isclose(mine, found.statistic)
            compared += 1
    assert compared > 15


def in_two(rng, time, mask):
    first = mask & (rng.random(len(time)) < 0.5)
    return first, mask & ~first


def test_a_hazard_ratio_is_that_of_efrons_cox_model():
    compared = 0
    for rng, time, code, order, mask in some_cohorts(8, amount=150):
        first, second = in_two(rng, time, mask)
        there = mask & (time >= 0)
        both = (first & there).any() and (second & there).any()
        if not both or not (code[there] == 1).any():
            continue
        beta, variance = search.cox(order, time, code, first, second, True)
        found = cox.cox(time[there], code[there] == 1, first[there].astype(float))
        coefficient = found.coefficients[0]
        if np.isfinite(coefficient) and np.isfinite(found.std_err[0]):
            assert np.isclose(beta, coefficient, atol=1e-6)
            assert np.isclose(math.sqrt(variance), found.std_err[0], atol=1e-6)
            compared += 1
        else:
            assert np.isnan(beta)
    assert compared > 80


def test_a_hazard_ratio_by_breslow_differs_from_efrons_where_there_are_ties():
    rng = np.random.default_rng(9)
    time, code, order = cohort(rng, 40, longest=6)
    first, second = in_two(rng, time, np.ones(40, bool))
    there = time >= 0
    found = [
        cox.cox(time[there], code[there] == 1, first[there].astype(float), ties=ties)
        for ties in ("efron", "breslow")
    ]
    mine = [search.cox(order, time, code, first, second, efron)[0] for efron in (True, False)]
    assert np.allclose(mine, [each.coefficients[0] for each in found], atol=1e-6)
    assert abs(mine[0] - mine[1]) > 1e-3


def test_a_subdistribution_hazard_ratio_is_that_of_crr():
    compared = 0
    for rng, time, code, order, mask in some_cohorts(10, amount=150):
        first, second = in_two(rng, time, mask)
        there = mask & (time >= 0)
        both = (first & there).any() and (second & there).any()
        if not both or not (code[there] == 1).any():
            continue
        beta, variance = search.fine_gray(order, time, code, first, second)
        found = fine_gray.fine_gray(time[there], code[there], first[there].astype(float))
        coefficient, std_err = found.coefficients[0], found.std_err[0]
        if np.isfinite(coefficient) and np.isfinite(std_err):
            assert np.isclose(beta, coefficient, atol=1e-6)
            assert np.isclose(math.sqrt(variance), std_err, atol=1e-6)
            compared += 1
        else:
            assert np.isnan(beta)
    assert compared > 80


# --- the search ----------------------------------------------------------------------------------

OS = Definition(label="OS", origin="treatment", events=("death",))
EFS = Definition(label="EFS", origin="treatment", events=("no response", "relapse", "death"))
DFS = Definition(label="DFS", origin="response", events=("relapse", "death"))
RELAPSE = Definition(
    label="relapse", origin="response", events=("relapse",), competing=("death",)
)  # fmt: skip
N = 40


def made_up_problem(targets, tests=(), *, flag_day=30):
    """Return the arguments of a search for forty patients in two arms.

    `targets` has (endpoint, kind, at, low, high) over all patients, `tests` (kind, endpoint,
    until, low, high) between the arms. The first 24 respond, the next 10 do not, and 4 of these
    are transplanted and respond then. The first 3 of each arm die within `flag_day`, nobody else.
    """
    rows = np.arange(N)
    arm = rows % 2 == 0
    masks = np.array([np.ones(N, bool), arm, ~arm])
    response = (rows < 24) | (rows >= 36)
    failed = (rows >= 24) & (rows < 36) | (rows >= 36)
    moved = (rows < 6) | (rows >= 36)
    flags = np.where((rows >= 24) & (rows < 30), 1, 0)[None]
    day = np.full((N, search.COLUMNS), search.NEVER)
    day[:, search.TREATMENT] = 0
    day[:, search.LAST] = np.where(flags[0] == 1, 25, 300 + 5 * rows)
    dead = (flags[0] == 1) | (rows % 3 == 0)
    day[dead, search.DEATH] = day[dead, search.LAST]
    day[failed, search.NO_RESPONSE] = 20
    day[moved, search.TRANSPLANT] = 100
    day[response, search.RESPONSE] = np.where(failed, 100, 40)[response]
    relapsed = response & (rows % 4 < 2)
    day[relapsed, search.RELAPSE] = 150 + rows[relapsed]
    must = np.full((N, 2), -1)
    must[~response, 1] = 0
    least = np.zeros(search.COLUMNS, np.int64)
    most = np.full(search.COLUMNS, 900)
    least[search.RESPONSE], most[search.RESPONSE] = 14, 200
    kin = response * 8 + failed * 4 + moved * 2 + flags[0]
    definitions = [OS, EFS, DFS, RELAPSE]
    used = sorted({target[0] for target in targets})
    rows_of = [[t for t in targets if t[0] == e] for e in used]
    flat = [t for group in rows_of for t in group]
    return {
        "day": day,
        "least": least,
        "most": most,
        "must": must,
        "kin": np.array([kin, kin]),
        "peers": np.zeros((2, N), np.int64),
        "ends": np.zeros((2, N), np.int64),
        **clocks(definitions),
        "flag_endpoint": np.array([0]),
        "flag_day": np.array([flag_day]),
        "flag_lost": np.array([False]),
        "flags": flags,
        "masks": masks,
        "curve_endpoint": np.array(used, np.int64),
        "curve_mask": np.zeros(len(used), np.int64),
        "first": np.cumsum([0, *map(len, rows_of)]),
        "targets": np.array([[t[1], search.LOG_LOG] for t in flat], np.int64).reshape(-1, 2),
        "numbers": np.array(
            [[t[2], t[3], t[4], 12.0 if t[1] in DAYS else 0.01] for t in flat], float
        ).reshape(-1, 4),
        "test_kind": np.array([t[0] for t in tests], np.int64),
        "test_endpoint": np.array([t[1] for t in tests], np.int64),
        "test_members": np.array([[1, 2, 0, 0, 0, 0, 0, 0] for _ in tests], np.int64).reshape(
            -1, 8
        ),
        "test_size": np.full(len(tests), 2),
        "test_bounds": np.array([[*t[2:], 0.05] for t in tests], float).reshape(-1, 4),
        "z": Z,
    }


DAYS = (search.QUANTILE, search.QUANTILE_LOWER, search.QUANTILE_UPPER, search.FOLLOW_UP)


def true_history():
    """Draw a possible history of the forty, so that its numbers can be had."""
    rng = np.random.default_rng(11)
    day = made_up_problem([])["day"]
    for i, row in enumerate(day):
        if row[search.LAST] > 30:
            row[search.LAST] = rng.integers(60, 800)
            row[search.DEATH] = row[search.LAST] if rng.random() < 0.6 else search.NEVER
        if row[search.TRANSPLANT] < search.NEVER:
            row[search.TRANSPLANT] = rng.integers(40, 60)
        if row[search.RESPONSE] < search.NEVER:
            late = row[search.NO_RESPONSE] < search.NEVER
            row[search.RESPONSE] = row[search.TRANSPLANT] if late else rng.integers(14, 40)
            row[search.RELAPSE] = search.NEVER
            if i % 4 < 2:
                row[search.RELAPSE] = rng.integers(60, row[search.LAST] + 1)
    return day


NUMBERS = (
    # endpoint or None for a test, kind, when or until, how far from the truth
    (0, search.LANDMARK, 365.0, 0.005),
    (0, search.LANDMARK_LOWER, 365.0, 0.005),
    (0, search.QUANTILE, 0.5, 4.0),
    (0, search.FOLLOW_UP, 0.5, 4.0),
    (1, search.LANDMARK, 180.0, 0.005),
    (2, search.LANDMARK, 365.0, 0.005),
    (3, search.INCIDENCE, 365.0, 0.005),
    (3, search.INCIDENCE_UPPER, 365.0, 0.005),
)
COMPARED = (
    (search.LOG_RANK, 0, 1e9, 0.02),
    (search.FINE_GRAY, 3, 1e9, 0.02),
    (search.HAZARD_RATIO, 1, Z, 0.01),
)


def asked_of(truth):
    """Return what is asked: the numbers of a history, each give or take a little."""
    targets = [
        (e, kind, at, value - off, value + off)
        for (e, kind, at, off), value in zip(NUMBERS, truth[: len(NUMBERS)], strict=True)
    ]
    tests = [
        (kind, e, until, value - off, value + off)
        for (kind, e, until, off), value in zip(COMPARED, truth[len(NUMBERS) :], strict=True)
    ]
    return targets, tests


def searched(problem, *, seed=1, n_steps=400_000):
    rng = np.random.default_rng(seed)
    energy, used = search.anneal(
        rng, **problem, n_steps=n_steps, hot=0.6, cold=0.003, stop_at=EXACT
    )
    return energy, used


def recomputed(day):
    """Return what NUMBERS and COMPARED ask, by the kit's other estimators."""
    history = in_months(day)
    arm = np.arange(N) % 2 == 0
    os, efs, dfs, relapse = (endpoints.observe(history, each) for each in (OS, EFS, DFS, RELAPSE))

    def days(seen):
        return np.round(seen.time[seen.included] * MONTH)

    def estimated(seen):
        return curves.curves(days(seen), seen.code[seen.included] == 1)

    def landmark(seen, day):
        return curves.landmark(estimated(seen), [day])

    there = relapse.included
    found = competing.cumulative_incidence(days(relapse), relapse.code[there], causes=[1])
    incidence = competing.incidence_at(found, [365.0])
    ratio = fine_gray.fine_gray(days(relapse), relapse.code[there], arm[there].astype(float))
    log_rank = comparison.logrank(days(os), os.code == 1, arm)
    hazard = cox.cox(days(efs), efs.code == 1, arm.astype(float))
    return [
        landmark(os, 365.0).value.item(),
        landmark(os, 365.0).lower.item(),
        curves.quantile(estimated(os)).value.item(),
        np.median(days(os)),
        landmark(efs, 180.0).value.item(),
        landmark(dfs, 365.0).value.item(),
        incidence.value.item(),
        incidence.upper.item(),
        math.sqrt(log_rank.statistic),
        abs(ratio.coefficients[0]) / ratio.std_err[0],
        hazard.coefficients[0],
    ]


TARGETS, TESTS = asked_of(recomputed(true_history()))


def possible(problem):
    """Say of each patient's history whether it could have been so; rules in plain Python."""
    must, flags = problem["must"], problem["flags"][0]
    verdicts = []
    for i, row in enumerate(problem["day"].tolist()):
        _, _, response, failure, relapse, transplant, death, last = row
        never = search.NEVER
        happened = [each for each in row[2:] if each < never]
        rules = [
            death in (never, last),
            all(0 <= each <= last for each in happened),
            last <= problem["most"][search.LAST],
            response == never or 14 <= response <= 200,
            relapse == never or response < relapse,
            must[i, 1] != 0 or relapse == never,
            transplant == never or relapse == never or transplant <= relapse,
            not (failure < never and transplant < never) or failure <= transplant,
            not (failure < never and transplant < never and response < never)
            or transplant <= response,
            not (failure == never and transplant < never and response < never)
            or response <= transplant,
            # Flagged: dead by the day. Not flagged: seen alive after it.
            (death <= 30) if flags[i] else (last > 30),
        ]
        verdicts.append(all(rules))
    return verdicts


@pytest.mark.parametrize("seed", range(3))
def test_a_search_that_ends_at_0_has_every_number_and_only_possible_histories(seed):
    problem = made_up_problem(TARGETS, TESTS)
    before = problem["day"].copy()
    assert searched(made_up_problem(TARGETS, TESTS), n_steps=0)[0] > 1
    energy, used = searched(problem, seed=seed)
    assert energy <= EXACT
    assert 0 < used < 400_000
    slack = 1e-6
    asked = [each[-2:] for each in (*TARGETS, *TESTS)]
    for value, (low, high) in zip(recomputed(problem["day"]), asked, strict=True):
        assert low - slack <= value <= high + slack
    assert all(possible(problem))
    # What happened to whom is the categorical part's; the search moves days, and relapse and
    # death where nothing is known of them.
    for column in (search.RESPONSE, search.NO_RESPONSE, search.TRANSPLANT):
        assert np.array_equal(
            before[:, column] < search.NEVER, problem["day"][:, column] < search.NEVER
        )


def test_possible_histories_only_even_where_the_numbers_cannot_be_met():
    """No cohort of forty has between 3.4 and 3.6 deaths."""
    problem = made_up_problem([*TARGETS, (0, search.EVENTS, 200.0, 3.4, 3.6)], TESTS)
    energy, used = searched(problem, n_steps=60_000)
    assert energy > 0.05
    assert used == 60_000
    assert all(possible(problem))


def test_the_energy_returned_is_that_of_the_histories_left():
    """However many were exchanged at once on the way: the curves were kept up to date."""
    for seed in range(8):
        problem = made_up_problem([*TARGETS, (0, search.EVENTS, 200.0, 3.4, 3.6)], TESTS)
        energy, _ = searched(problem, seed=seed, n_steps=3_000)
        again, _ = searched(problem, n_steps=0)
        assert np.isclose(energy, again, atol=1e-6)


def test_the_same_seed_gives_the_same_histories_and_another_others():
    found = []
    for seed in (5, 5, 6):
        problem = made_up_problem(TARGETS, TESTS)
        searched(problem, seed=seed, n_steps=20_000)
        found.append(problem["day"])
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_the_numbers_of_later_events_are_those_of_every_way_they_can_come():
    """Enumerate by hand: of six, one had an event; two more by the end, each with so many left."""
    value, wide = (0.39, 0.45), (0.0, 1.0)
    found = search.late_events(5, 6, value, wide, wide, Z, search.PLAIN)
    rates = {k: set() for k in range(6)}
    rates[0].add(Fraction(5, 6))

    def go_on(rate, most, k):
        for left in range(2, most + 1):
            lower = rate * Fraction(left - 1, left)
            rates[k + 1].add(lower)
            go_on(lower, left - 1, k + 1)

    go_on(Fraction(5, 6), 5, 0)
    assert found.tolist() == [any(0.39 <= each <= 0.45 for each in rates[k]) for k in range(6)]
    assert 0 < found.sum() < 6
