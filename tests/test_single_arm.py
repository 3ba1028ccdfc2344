"""The design of a single-arm trial: as R gives it, in closed form, and as whole trials come out."""

import json
import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers import proportions, sample_size, single_arm, survival
from helpers.errors import KitError
from helpers.single_arm import BetaPrior, Course, LogLogPrior, PiecewiseExponential, Plan

ORACLE = json.loads(
    (Path(__file__).parent / "oracles" / "single_arm.json").read_text(encoding="utf-8")
)
properties = settings(deadline=None, max_examples=40)

TRIALS = 10_000
PLAN = Plan(50, 24, 24, yearly_dropout=0.05, cutoff_months=24)
COURSE = Course(PiecewiseExponential.through({6: 0.85, 12: 0.7, 24: 0.55}))
NULL = PiecewiseExponential.through({24: 0.4})
TRANSPLANTS = replace(
    COURSE, transplant=PiecewiseExponential((0, 0.12, 0), (3, 9)), ratio_after_transplant=0.5
)


# --- as R has it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ORACLE["cohorts"], ids=lambda case: case["name"])
def test_the_one_sample_logrank_test_as_in_r(case):
    null = PiecewiseExponential(case["hazards"], case["cuts"])
    found = single_arm.one_sample_logrank(case["time"], case["event"], null)
    assert found.observed == case["observed"]
    assert found.expected == pytest.approx(case["expected"], rel=1e-12)
    assert found.z**2 == pytest.approx(case["chisq"], rel=1e-12)
    assert found.p_two_sided == pytest.approx(case["p"], rel=1e-9)
    better = case["observed"] < case["expected"]
    assert found.p == pytest.approx(case["p"] / 2 if better else 1 - case["p"] / 2, rel=1e-9)
    other = single_arm.one_sample_logrank(case["time"], case["event"], null, variance="mean")
    spread = (case["observed"] + case["expected"]) / 2
    assert other.z == pytest.approx((case["observed"] - case["expected"]) / math.sqrt(spread))


def design(case):
    scalar = {name: case[name][0] for name in ("n", "accrual", "follow", "dropout", "at")}
    plan = Plan(int(scalar["n"]), scalar["accrual"], scalar["follow"], scalar["dropout"])
    course = Course(PiecewiseExponential(case["hazards"], case["cuts"]))
    return plan, course, PiecewiseExponential(case["null"], case["null_cuts"]), scalar["at"]


@pytest.mark.parametrize("case", ORACLE["designs"], ids=["complete", "pieces", "short follow-up"])
def test_designs_as_r_integrates_them(case):
    plan, course, null, at = design(case)
    found = single_arm.precision(plan, course, at=at)
    assert found.std_err == pytest.approx(case["std_err"], rel=1e-9)
    for scale in ("log-log", "log", "plain", "arcsine"):
        power = single_arm.landmark_power(
            plan, course, float(null.survival(at)), at=at, alpha=0.025, conf_type=scale
        )
        assert power == pytest.approx(case[f"power_{scale.replace('-', '_')}"], rel=1e-9)
    for variance in ("expected", "mean"):
        power = single_arm.logrank_power(plan, course, null, alpha=0.025, variance=variance)
        assert power == pytest.approx(case[f"power_{variance}"], rel=1e-9)
    counts = single_arm.expected_counts(plan, course, case["months"])
    assert counts["events"].to_numpy() == pytest.approx(case["events"], rel=1e-9)
    assert counts["lost"].to_numpy() == pytest.approx(case["lost"], rel=1e-9)


def test_the_published_sample_sizes():
    """Wu 2015: Weibull with shape 1.22 and a median of 9 years, 5 years of accrual, 3 more."""
    ends = np.linspace(0, 96, 385)
    height = math.log(2) * (ends / 108) ** 1.22
    null = PiecewiseExponential(np.diff(height) / np.diff(ends), ends[1:-1])
    plan, course = Plan(1, 60, 36), Course(null.scaled(1 / 1.75))
    sizes = [
        single_arm.patients_for_power(plan, course, null, power, alpha=0.05, test="log-rank")
        for power in (0.8, 0.85, 0.9)
    ]
    assert sizes == [88, 100, 117]


# --- in closed form ------------------------------------------------------------------------------


@properties
@given(st.floats(0.005, 0.2), st.floats(0, 0.5), st.integers(1, 36), st.integers(0, 48), st.data())
def test_exponential_trials(hazard, dropout, accrual, follow, data):
    """Greenwood's integral and the expected events have closed forms (Lachin and Foulkes)."""
    loss = -math.log1p(-dropout) / 12
    both = hazard + loss
    plan = Plan(70, accrual, follow, dropout)
    course = Course(PiecewiseExponential((hazard,)))
    if follow:
        at = data.draw(st.integers(1, follow))
        variance = hazard / both * math.expm1(both * at) / 70
        found = single_arm.precision(plan, course, at=at)
        assert found.std_err == pytest.approx(found.survival * math.sqrt(variance), rel=1e-9)
        assert found.at_risk == pytest.approx(70 * math.exp(-both * at), rel=1e-9)
    end = accrual + follow
    events = (
        hazard / both * (1 - (math.exp(-both * follow) - math.exp(-both * end)) / (both * accrual))
    )
    counts = single_arm.expected_counts(plan, course, [end]).iloc[0]
    assert counts["events"] == pytest.approx(70 * events, rel=1e-9)
    assert counts["lost"] == pytest.approx(70 * events * loss / hazard, rel=1e-9, abs=1e-12)


@properties
@given(
    st.lists(st.floats(0.001, 0.5), min_size=1, max_size=5),
    st.lists(st.floats(0.1, 60), min_size=4, max_size=4, unique=True),
    st.lists(st.floats(0, 100), min_size=1, max_size=5),
)
def test_times_undo_the_cumulative_hazard(hazards, cuts, months):
    curve = PiecewiseExponential(hazards, sorted(cuts)[: len(hazards) - 1])
    assert curve.times(curve.cumulative(months)) == pytest.approx(months, abs=1e-9)
    by_steps = [
        sum(
            hazard * max(min(month, end) - start, 0)
            for hazard, start, end in zip(
                curve.hazards, (0, *curve.cuts), (*curve.cuts, math.inf), strict=True
            )
        )
        for month in months
    ]
    assert curve.cumulative(months) == pytest.approx(by_steps)
    assert curve.survival(months) == pytest.approx(np.exp(-np.array(by_steps)))
    assert curve.scaled(0.5).survival(months) ** 2 == pytest.approx(curve.survival(months))


def test_a_curve_goes_through_its_points():
    points = {6: 0.9, 12: 0.9, 24: 0.5}
    curve = PiecewiseExponential.through(points)
    assert curve.survival(list(points)) == pytest.approx(list(points.values()))
    assert curve.hazard([7, 12, 30]).tolist() == [0, curve.hazards[2], curve.hazards[2]]


def test_whoever_never_has_the_event_has_no_time():
    cured = PiecewiseExponential((0.1, 0.0), (12,))
    assert cured.times([0.5, 1.1, 1.3]) == pytest.approx([5, 11, math.inf])
    assert PiecewiseExponential((0.0,)).times([0, 1]).tolist() == [0, math.inf]


@properties
@given(st.floats(0.01, 0.1), st.floats(0.01, 0.3), st.floats(0.1, 3), st.floats(0.5, 30))
def test_transplants_in_closed_form(hazard, rate, ratio, month):
    """Constant hazards without and with a transplant: a sum of two exponentials."""
    later = ratio * hazard
    if abs(hazard + rate - later) < 1e-3:
        return
    course = Course(PiecewiseExponential((hazard,)), PiecewiseExponential((rate,)), ratio)
    first = math.exp(-(hazard + rate) * month)
    second = rate / (hazard + rate - later) * (math.exp(-later * month) - first)
    curve = single_arm.observable(Plan(10, 0, 30), course)
    assert curve.survival(month) == pytest.approx(first + second, rel=1e-4)
    censored = single_arm.observable(Plan(10, 0, 30, censor_at_transplant=True), course)
    assert censored.survival(month) == pytest.approx(math.exp(-hazard * month))


def test_with_everybody_followed_the_trial_is_a_proportion():
    course = Course(PiecewiseExponential.through({24: 0.4}))
    found = single_arm.precision(Plan(50, 12, 24), course, at=24, conf_type="plain")
    wald = proportions.proportion(20, 50, method="wald")
    assert (found.lower, found.upper) == pytest.approx((wald.lower, wald.upper))
    assert (found.events, found.at_risk) == pytest.approx((30, 20))
    on_scale = single_arm.precision(Plan(50, 12, 24), course, at=24)
    assert 0 < on_scale.lower < found.survival < on_scale.upper < 1


def test_counts_add_up_and_nobody_is_cut_before_the_cut_off():
    for plan in (PLAN, replace(PLAN, censor_at_transplant=True), replace(PLAN, accrual_months=0)):
        counts = single_arm.expected_counts(plan, TRANSPLANTS, np.linspace(0, plan.months, 13))
        parts = counts[["events", "lost", "transplanted", "cut", "followed"]]
        assert (parts >= -1e-9).all(axis=None)
        assert parts.sum(axis=1).to_numpy() == pytest.approx(counts["enrolled"].to_numpy())
        assert counts["enrolled"].iloc[-1] == pytest.approx(50)
        assert (counts["cut"].to_numpy() > 0).tolist() == [
            month > 24 if plan.accrual_months else month >= 24 for month in counts["month"]
        ]
        assert counts["followed"].iloc[-1] == pytest.approx(0, abs=1e-9)


# --- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("test", ["landmark", "log-rank"])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.9])
def test_the_size_is_the_first_with_the_power(test, power):
    size = single_arm.patients_for_power(PLAN, COURSE, NULL, power, alpha=0.025, at=24, test=test)

    def has(patients):
        plan = replace(PLAN, patients=patients)
        if test == "landmark":
            return single_arm.landmark_power(plan, COURSE, 0.4, at=24, alpha=0.025)
        return single_arm.logrank_power(plan, COURSE, NULL, alpha=0.025)

    assert has(size) >= power - 1e-9 > has(size - 1) - 1e-9
    assert has(size - 1) < power


@pytest.mark.parametrize("width", [0.1, 0.2, 0.3])
def test_the_size_is_the_first_that_is_narrow_enough(width):
    size = single_arm.patients_for_width(PLAN, COURSE, width, at=24)
    wide = [
        single_arm.precision(replace(PLAN, patients=n), COURSE, at=24).width
        for n in (size - 1, size)
    ]
    assert wide[0] > width >= wide[1]


def test_more_patients_know_more_and_losses_cost():
    more = single_arm.precision(replace(PLAN, patients=100), COURSE, at=24)
    fewer = single_arm.precision(PLAN, COURSE, at=24)
    lost = single_arm.precision(replace(PLAN, yearly_dropout=0.3), COURSE, at=24)
    censored = single_arm.precision(replace(PLAN, censor_at_transplant=True), TRANSPLANTS, at=24)
    assert more.width < fewer.width < min(lost.width, censored.width)


# --- whole trials --------------------------------------------------------------------------------

CIRCUMSTANCES = {
    "complete": (Plan(50, 24, 24), COURSE),
    "losses and a cut-off": (PLAN, COURSE),
    "short follow-up": (Plan(50, 24, 6, 0.1), COURSE),
    "transplants": (PLAN, TRANSPLANTS),
    "censored at transplant": (replace(PLAN, censor_at_transplant=True), TRANSPLANTS),
    "all at once": (Plan(50, 0, 30, 0.1), TRANSPLANTS),
}


@pytest.mark.parametrize("name", CIRCUMSTANCES)
def test_worked_out_counts_are_those_of_simulated_trials(name):
    """Expected counts hold for a trial of any size: only chance may come between."""
    plan, course = CIRCUMSTANCES[name]
    drawn = single_arm.simulate(plan, course, trials=TRIALS, seed=11)
    months = np.linspace(0, plan.months, 7)[1:]
    expected = single_arm.expected_counts(plan, course, months)
    found = single_arm.simulated_counts(drawn, months)
    for column in ("enrolled", "events", "lost", "transplanted", "cut", "followed"):
        # A count varies at most as a binomial one.
        share = (expected[column] / plan.patients).clip(0, 1)
        error = np.sqrt(plan.patients * share * (1 - share) / TRIALS)
        assert (np.abs(found[column] - expected[column]) <= 4 * error + 1e-6).all(), column
    assert (found["events_lower"] <= found["events"]).all()
    assert (found["events"] <= found["events_upper"]).all()


@pytest.mark.parametrize("name", CIRCUMSTANCES)
def test_worked_out_precision_and_power_are_those_of_large_trials(name):
    """Large-sample formulas against trials of 1,000, within chance and a little more."""
    plan, course = CIRCUMSTANCES[name]
    plan = replace(plan, patients=1000)
    curve = single_arm.observable(plan, course)
    null = curve.scaled(1.13)  # near enough for the power to be neither 0 nor 1
    table = single_arm.operating_characteristics(
        plan, course, null, at=18, alpha=0.025, trials=2000, seed=12
    ).set_index("quantity")
    for quantity, row in table.drop("trials without an interval").iterrows():
        slack = {"power, landmark": 0.02, "power, log-rank": 0.02}.get(quantity, 0)
        apart = abs(row["simulated"] - row["analytic"])
        assert apart <= 4 * row["monte_carlo_error"] + slack + 0.002 * row["analytic"], quantity
    assert 0.1 < table.loc["power, log-rank", "analytic"] < 0.95


def test_small_trials_come_near():
    table = single_arm.operating_characteristics(
        PLAN, COURSE, NULL, at=24, alpha=0.025, trials=TRIALS, seed=1
    ).set_index("quantity")
    apart = (table["simulated"] - table["analytic"]).abs()
    limits = {"survival at 24 months": 0.003, "standard error": 0.003, "coverage": 0.015}
    limits |= {"width of the interval": 0.01, "power, landmark": 0.05, "power, log-rank": 0.05}
    assert all(apart[quantity] < limit for quantity, limit in limits.items())
    assert table.loc["trials without an interval", "simulated"] == 0


@pytest.mark.parametrize("test", ["landmark", "log-rank"])
def test_the_error_of_the_first_kind(test):
    """Neither test wins more often than it says, if the historical curve is true."""
    drawn = single_arm.simulate(PLAN, Course(NULL), trials=TRIALS, seed=2)
    wins = single_arm.simulated_power(drawn, NULL, alpha=0.025, at=24, test=test)
    assert 0.01 < wins < 0.025 + 4 * single_arm.monte_carlo_error(0.025, TRIALS)


def test_one_trials_curve_is_that_of_survival():
    drawn = single_arm.simulate(PLAN, COURSE, trials=3, seed=4)
    one = replace(PLAN, patients=50)
    found = single_arm.simulated_precision(
        single_arm.Trials(
            one,
            COURSE,
            drawn.time[1:2],
            drawn.ended[1:2],
            drawn.enrolled[1:2],
            survival.curves.curves(drawn.time[1:2], drawn.event[1:2]),
        ),
        at=24,
    )
    km = survival.kaplan_meier(drawn.time[1], drawn.event[1])
    expected = survival.survival_at(km, 24)
    assert (found.survival, found.lower, found.upper) == pytest.approx(
        (expected.survival, expected.lower, expected.upper)
    )
    assert found.at_risk == survival.number_at_risk(drawn.time[1], [24])[0]


def test_a_seed_gives_the_same_patients_under_other_circumstances():
    one, again, other = (
        single_arm.simulate(PLAN, COURSE, trials=200, seed=seed) for seed in (1, 1, 2)
    )
    assert (one.time == again.time).all()
    assert (one.time != other.time).any()
    lossless = single_arm.simulate(replace(PLAN, yearly_dropout=0), COURSE, trials=200, seed=1)
    kept = one.ended != 2
    assert (one.time[kept] == lossless.time[kept]).all()
    assert (one.time[~kept] < lossless.time[~kept]).all()
    assert 0 < (~kept).mean() < 0.2
    # Nobody is followed beyond the analysis or the cut-off.
    assert (one.enrolled + one.time <= PLAN.months + 1e-9).all()
    assert one.time.max() <= 24


def test_ten_thousand_trials_take_less_than_two_seconds():
    single_arm.simulate(PLAN, COURSE, trials=10, seed=1)
    start = time.process_time()
    single_arm.operating_characteristics(
        PLAN, COURSE, NULL, at=24, alpha=0.025, trials=TRIALS, seed=1
    )
    assert time.process_time() - start < 2


def test_trials_that_nobody_is_followed_in_long_enough_do_not_win():
    plan = Plan(5, 0, 24, yearly_dropout=0.9)
    drawn = single_arm.simulate(plan, COURSE, trials=500, seed=3)
    found = single_arm.simulated_precision(drawn, at=20)
    wins = single_arm.simulated_power(drawn, NULL, alpha=0.025, at=20)
    assert found.unknown > 0.5
    assert wins <= 1 - found.unknown


# --- assurance -----------------------------------------------------------------------------------


@pytest.mark.parametrize("test", ["landmark", "log-rank"])
@pytest.mark.parametrize("prior", [BetaPrior(44, 36), LogLogPrior.from_interval(0.55, 0.3, 0.75)])
def test_assurance_worked_out_and_simulated(test, prior):
    plan = replace(PLAN, patients=200)
    options = {"at": 24, "alpha": 0.025, "test": test}
    worked = single_arm.assurance(plan, COURSE, NULL, prior, **options)
    drawn = single_arm.simulated_assurance(
        plan, COURSE, NULL, prior, trials=4000, seed=5, **options
    )
    assert drawn == pytest.approx(worked, abs=4 * single_arm.monte_carlo_error(worked, 4000) + 0.01)


def test_who_is_sure_has_the_power_as_assurance():
    power = single_arm.landmark_power(PLAN, COURSE, 0.4, at=24, alpha=0.025)
    prior = LogLogPrior(-math.log(-math.log(0.55)), 1e-6)
    found = single_arm.assurance(PLAN, COURSE, NULL, prior, at=24, alpha=0.025)
    assert found == pytest.approx(power, abs=1e-4)
    doubtful = BetaPrior(5.5, 4.5)
    power = single_arm.landmark_power(replace(PLAN, patients=400), COURSE, 0.4, at=24, alpha=0.025)
    assert (
        power
        > 0.99
        > single_arm.assurance(
            replace(PLAN, patients=400), COURSE, NULL, doubtful, at=24, alpha=0.025
        )
    )


def test_priors():
    p = [0.025, 0.5, 0.975]
    assert BetaPrior(3, 7).quantile(p) == pytest.approx(stats.beta(3, 7).ppf(p))
    prior = LogLogPrior.from_interval(0.6, 0.4, 0.75)
    assert prior.quantile(0.5) == pytest.approx(0.6)
    lower, upper = (-np.log(-np.log(prior.quantile(each))) for each in (0.025, 0.975))
    printed = [-math.log(-math.log(each)) for each in (0.4, 0.75)]
    assert upper - lower == pytest.approx(printed[1] - printed[0])


# --- binary endpoints ----------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.05, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("method", ["clopper_pearson", "wilson"])
def test_a_binary_endpoint_by_counting(share, method):
    found = single_arm.binary(50, share, null=0.6, alpha=0.025, method=method)
    chance = stats.binom(50, share).pmf(range(51))
    limits = [proportions.proportion(count, 50, method=method) for count in range(51)]
    assert found.width == pytest.approx(
        sum(p * (each.upper - each.lower) for p, each in zip(chance, limits, strict=True))
    )
    assert found.coverage == pytest.approx(
        sum(
            p
            for p, each in zip(chance, limits, strict=True)
            if each.lower - 1e-12 <= share <= each.upper + 1e-12
        )
    )
    if method == "clopper_pearson":
        assert found.coverage >= 0.95
    beyond = stats.binom(50, 0.6).sf(np.arange(51) - 1)
    assert found.critical == np.flatnonzero(beyond <= 0.025)[0]
    assert found.alpha == pytest.approx(beyond[found.critical])
    assert found.power == pytest.approx(stats.binom(50, share).sf(found.critical - 1))
    drawn = single_arm.simulated_binary(
        50, share, null=0.6, alpha=0.025, method=method, trials=TRIALS, seed=6
    )
    assert drawn.width == pytest.approx(found.width, abs=0.003)
    error = single_arm.monte_carlo_error(found.power, TRIALS)
    assert drawn.power == pytest.approx(found.power, abs=4 * error + 1e-9)


def test_the_exact_size_of_another_helper_has_its_power():
    sizes = {
        each.method: each.patients
        for each in sample_size.one_proportion(0.6, 0.8, alpha=0.025, power=0.8)
    }
    size = sizes["exact binomial, first size with the power, one-sided"]
    powers = [single_arm.binary(n, 0.8, null=0.6, alpha=0.025).power for n in (size - 1, size)]
    assert powers[0] < 0.8 <= powers[1]


@properties
@given(st.floats(0.5, 30), st.floats(0.5, 30), st.integers(1, 80))
def test_binary_assurance_is_beta_binomial(a, b, patients):
    critical = single_arm.binary(patients, 0.5, null=0.5, alpha=0.05).critical
    found = single_arm.binary_assurance(patients, BetaPrior(a, b), null=0.5, alpha=0.05)
    expected = 0 if critical is None else stats.betabinom(patients, a, b).sf(critical - 1)
    assert found == pytest.approx(expected, abs=1e-9)


def test_intervals_of_every_count():
    table = single_arm.intervals_by_count(50, level=0.9)
    assert table["count"].tolist() == list(range(51))
    found = proportions.proportion(40, 50, level=0.9)
    assert table.loc[40, ["estimate", "lower", "upper"]].tolist() == [0.8, found.lower, found.upper]
    assert (table["lower"] <= table["estimate"]).all()


def test_without_a_historical_share_there_is_no_test():
    found = single_arm.binary(50, 0.8)
    assert found.critical is None
    assert math.isnan(found.power)
    assert single_arm.binary(3, 0.9, null=0.9, alpha=0.025).critical is None


# --- what can't be meant -------------------------------------------------------------------------

WRONG = {
    "no time": lambda: Plan(50, 0, 0),
    "no patients": lambda: Plan(0, 1, 1),
    "everybody lost": lambda: Plan(50, 1, 1, yearly_dropout=1),
    "cut-off at once": lambda: Plan(50, 1, 1, cutoff_months=0),
    "hazards and cuts": lambda: PiecewiseExponential((0.1, 0.2)),
    "cuts backwards": lambda: PiecewiseExponential((0.1, 0.2, 0.1), (5, 3)),
    "negative hazard": lambda: PiecewiseExponential((-0.1,)),
    "rising survival": lambda: PiecewiseExponential.through({6: 0.5, 12: 0.6}),
    "nobody survives": lambda: PiecewiseExponential.through({6: 0.0}),
    "no points": lambda: PiecewiseExponential.through({}),
    "ratio": lambda: replace(COURSE, ratio_after_transplant=-1),
    "beyond follow-up": lambda: single_arm.precision(PLAN, COURSE, at=25),
    "at the very end": lambda: single_arm.precision(Plan(50, 12, 12), COURSE, at=24),
    "at zero": lambda: single_arm.precision(PLAN, COURSE, at=0),
    "scale": lambda: single_arm.precision(PLAN, COURSE, at=12, conf_type="probit"),
    "null": lambda: single_arm.landmark_power(PLAN, COURSE, 1.0, at=12, alpha=0.025),
    "alpha": lambda: single_arm.landmark_power(PLAN, COURSE, 0.4, at=12, alpha=0.5),
    "no better": lambda: single_arm.patients_for_power(
        PLAN, Course(NULL), COURSE.event, 0.8, alpha=0.025, at=24
    ),
    "no landmark": lambda: single_arm.patients_for_power(PLAN, COURSE, NULL, 0.8, alpha=0.025),
    "test": lambda: single_arm.patients_for_power(
        PLAN, COURSE, NULL, 0.8, alpha=0.025, at=24, test="t"
    ),
    "width": lambda: single_arm.patients_for_width(PLAN, COURSE, 1.2, at=24),
    "too narrow": lambda: single_arm.patients_for_width(PLAN, COURSE, 1e-6, at=24),
    "month after the analysis": lambda: single_arm.expected_counts(PLAN, COURSE, [49]),
    "too many trials": lambda: single_arm.simulate(PLAN, COURSE, trials=10**7, seed=1),
    "ratios": lambda: single_arm.simulate(PLAN, COURSE, trials=5, seed=1, ratio=[1, 2]),
    "prior": lambda: BetaPrior(0, 1),
    "interval": lambda: LogLogPrior.from_interval(0.5, 0.6, 0.7),
    "share": lambda: single_arm.binary(50, 1.2),
    "null alone": lambda: single_arm.binary(50, 0.8, null=0.5),
    "time": lambda: single_arm.one_sample_logrank([-1], [1], NULL),
    "no event ever": lambda: single_arm.assurance(
        PLAN, Course(PiecewiseExponential((0,))), NULL, BetaPrior(1, 1), at=24, alpha=0.025
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant_is_refused(name):
    with pytest.raises(KitError, match="right would be"):
        WRONG[name]()
