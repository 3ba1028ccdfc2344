"""Monitoring: a published design, sequences of patients one by one, and simulation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta as beta_distribution
from scipy.stats import betabinom

from helpers import monitoring
from helpers.errors import KitError
from helpers.monitoring import Criterion

RESPONSE = Criterion(rate=0.5, wanted="at least")
TOXICITY = Criterion(rate=0.2, wanted="below", cutoff=0.1)
BOTH = {"response": RESPONSE, "toxicity": TOXICITY}


# A published design


def lee_and_liu():
    """Lee and Liu 2008 (PMC5626665): rates of 20 and 40 %, 36 patients, first look after 10."""
    criterion = Criterion(rate=0.2, wanted="at least", cutoff=0.001, prior=(0.2, 0.8), final=0.9)
    return criterion, monitoring.schedule(36, first=10)


def test_predictive_probability_as_published():
    """Lee and Liu 2008: 16 responses of 23 patients, 40 in all, 60 % to be exceeded."""
    criterion = Criterion(rate=0.6, wanted="at least", prior=(0.6, 0.4), final=0.9)
    assert monitoring.chance(criterion, patients=23, of=40)[16] == pytest.approx(0.5656, abs=5e-5)


def test_boundaries_as_published():
    table = monitoring.boundaries(*lee_and_liu())
    first = table.drop_duplicates("stop_at")[["stop_at", "patients"]].to_numpy().tolist()
    printed = "0/10 1/17 2/21 3/24 4/27 5/29 6/31 7/33 8/34 9/35 10/36"
    assert " ".join(f"{stop}/{patients}" for stop, patients in first) == printed


def test_characteristics_as_published():
    """Type I error 0.088, power 0.906, 27.67 patients expected at 20 %."""
    criterion, looks = lee_and_liu()
    null, alternative = (
        monitoring.totals(
            monitoring.operating_characteristics({"response": criterion}, {"response": p}, looks)
        )
        for p in (0.2, 0.4)
    )
    assert null["never"] == pytest.approx(0.088, abs=5e-4)
    assert alternative["never"] == pytest.approx(0.906, abs=5e-4)
    assert null["expected_patients"] == pytest.approx(27.67, abs=5e-3)


# Probabilities and boundaries


@pytest.mark.parametrize("criterion", [RESPONSE, TOXICITY])
@pytest.mark.parametrize("prior", [(1.0, 1.0), (0.4, 1.6), (3.0, 2.0)])
def test_posterior_by_integration(criterion, prior):
    criterion = Criterion(rate=criterion.rate, wanted=criterion.wanted, prior=prior)
    found = monitoring.chance(criterion, patients=9)
    for events, chance in enumerate(found):
        posterior = beta_distribution(prior[0] + events, prior[1] + 9 - events)
        above = quad(posterior.pdf, criterion.rate, 1)[0]
        expected = above if criterion.wanted == "at least" else 1 - above
        assert chance == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("wanted", ["at least", "below"])
def test_predictive_probability_by_the_beta_binomial(wanted):
    criterion = Criterion(rate=0.3, wanted=wanted, prior=(0.5, 1.0), final=0.8)
    found = monitoring.chance(criterion, patients=12, of=20)
    for events, chance in enumerate(found):
        good = [
            (beta_distribution(0.5 + total, 1 + 20 - total).cdf(0.3) <= 0.2)
            if wanted == "at least"
            else (beta_distribution(0.5 + total, 1 + 20 - total).cdf(0.3) >= 0.8)
            for total in range(events, events + 9)
        ]
        future = betabinom(8, 0.5 + events, 1 + 12 - events).pmf(np.arange(9))
        assert chance == pytest.approx(future[good].sum())


@settings(deadline=None, max_examples=60)
@given(
    st.floats(0.05, 0.95),
    st.sampled_from(["at least", "below"]),
    st.floats(0.01, 0.4),
    st.sampled_from([None, 0.7, 0.95]),
    st.integers(1, 30),
)
def test_boundaries_part_what_stops_from_what_goes_on(rate, wanted, cutoff, final, patients):
    criterion = Criterion(rate=rate, wanted=wanted, cutoff=cutoff, final=final)
    looks = monitoring.schedule(patients, every=3)
    for row in monitoring.boundaries(criterion, looks).itertuples():
        chances = monitoring.chance(criterion, patients=row.patients, of=patients)
        for events, chance in enumerate(chances):
            if row.stop_at is None or np.isnan(row.chance):
                stops = False
            else:
                stops = events <= row.stop_at if wanted == "at least" else events >= row.stop_at
            assert stops == (chance < cutoff)


def test_stopping_tables():
    """Worked out with beta quantiles: five patients without a response are too few."""
    table = monitoring.boundaries(RESPONSE, monitoring.schedule(20, first=5, every=5))
    assert table["patients"].to_list() == [5, 10, 15, 20]
    assert table["stop_at"].to_list() == [0, 2, 4, 6]
    table = monitoring.boundaries(TOXICITY, [2, 5, 10, 15, 20])
    expected = [
        next(k for k in range(n + 1) if beta_distribution(1 + k, 1 + n - k).cdf(0.2) < 0.1)
        for n in (2, 5, 10, 15, 20)
    ]
    assert table["stop_at"].to_list() == expected
    never = Criterion(rate=0.5, wanted="at least", cutoff=0.01)
    assert monitoring.boundaries(never, [2])["stop_at"].isna().all()
    assert str(RESPONSE) == "stop if P(rate ≥ 0.5) < 0.05"
    assert str(TOXICITY) == "stop if P(rate < 0.2) < 0.1"
    assert str(lee_and_liu()[0]) == "stop if P(P(rate ≥ 0.2) ≥ 0.9 in the end) < 0.001"


def test_schedule():
    assert monitoring.schedule(10, first=4, every=3) == (4, 7, 10)
    assert monitoring.schedule(9, first=4, every=3) == (4, 7, 9)
    assert monitoring.schedule(3) == (1, 2, 3)
    assert monitoring.schedule(5, first=5) == (5,)


# Where a trial lies


def test_running():
    events = [0, 1, 0, 0, 0, 0, 0, 1]
    looks = monitoring.schedule(22, first=3)
    table = monitoring.running(RESPONSE, events, looks)
    assert table["patients"].to_list() == [3, 4, 5, 6, 7, 8]
    assert table["events"].to_list() == [1, 1, 1, 1, 1, 2]
    assert table["stops"].to_list() == [False] * 4 + [True, False]
    assert table["chance"][4] == pytest.approx(beta_distribution(2, 7).sf(0.5))
    assert (
        table["stop_at"].to_list()
        == monitoring.boundaries(RESPONSE, looks)["stop_at"][:6].to_list()
    )


@pytest.mark.parametrize(("criterion", "events"), [(RESPONSE, 4), (RESPONSE, 1), (TOXICITY, 4)])
def test_standing_by_every_order(criterion, events):
    looks = (2, 3, 5, 7, 9, 12)
    patients = 9
    orders = [order for order in product((0, 1), repeat=patients) if sum(order) == events]
    crossed = [monitoring.running(criterion, order[:8], looks)["stops"].any() for order in orders]
    found = monitoring.standing(criterion, events=events, patients=patients, looks=looks)
    assert found.crossed_before == pytest.approx(np.mean(crossed))
    assert found.chance == monitoring.chance(criterion, patients=patients)[events]
    assert found.stops == (found.chance < criterion.cutoff)
    worse = -1 if criterion.wanted == "at least" else 1
    spare = events + worse * found.to_spare
    chances = monitoring.chance(criterion, patients=patients)
    assert chances[spare] >= criterion.cutoff
    assert chances[spare + worse] < criterion.cutoff


def test_standing_of_a_trial_that_stops_and_of_one_that_cannot():
    looks = monitoring.schedule(22, first=5)
    found = monitoring.standing(RESPONSE, events=1, patients=10, looks=looks)
    assert found.stops
    assert found.to_spare == -2
    early = monitoring.standing(RESPONSE, events=0, patients=2, looks=looks)
    assert early == monitoring.Standing(0.125, False, None, 0.0)


# Operating characteristics


def by_sequence(criteria, rates, looks, odds_ratio):
    """Go through all sequences of patients one by one."""
    names = list(criteria)
    p, q = rates["response"], rates["toxicity"]
    # The share with both outcomes, by bisection rather than by Plackett's formula.
    low, high = max(0, p + q - 1), min(p, q)
    for _ in range(100):
        both = (low + high) / 2
        ratio = both * (1 - p - q + both) - odds_ratio * (p - both) * (q - both)
        low, high = (low, both) if ratio > 0 else (both, high)
    chances = {(1, 1): both, (1, 0): p - both, (0, 1): q - both, (0, 0): 1 - p - q + both}
    stopped = {(look, what): 0.0 for look in looks for what in (*names, "both")}
    never = 0.0
    for sequence in product(chances, repeat=looks[-1]):
        probability = np.prod([chances[patient] for patient in sequence])
        for look in looks:
            crossed = [
                monitoring.chance(criteria[name], patients=look, of=looks[-1])[
                    sum(patient[index] for patient in sequence[:look])
                ]
                < criteria[name].cutoff
                for index, name in enumerate(names)
            ]
            if any(crossed):
                what = "both" if all(crossed) else names[crossed.index(True)]
                stopped[look, what] += probability
                break
        else:
            never += probability
    return stopped, never


@pytest.mark.parametrize("odds_ratio", [1.0, 4.0, 0.3])
def test_exact_characteristics_by_every_sequence(odds_ratio):
    criteria = {
        "response": Criterion(rate=0.6, wanted="at least", cutoff=0.2),
        "toxicity": Criterion(rate=0.3, wanted="below", cutoff=0.2),
    }
    rates, looks = {"response": 0.45, "toxicity": 0.4}, (2, 3, 5)
    table = monitoring.operating_characteristics(criteria, rates, looks, odds_ratio=odds_ratio)
    stopped, never = by_sequence(criteria, rates, looks, odds_ratio)
    for row in table.to_dict("records"):
        for what in ("response", "toxicity", "both"):
            assert row[what] == pytest.approx(stopped[row["patients"], what], abs=1e-12)
    assert table["goes_on"].iloc[-1] == pytest.approx(never)
    assert table["both"].sum() > 0


@pytest.mark.parametrize("odds_ratio", [1.0, 3.0])
@pytest.mark.parametrize("every", [1, 5])
def test_simulated_characteristics_are_near_the_exact_ones(odds_ratio, every):
    rates = {"response": 0.4, "toxicity": 0.25}
    looks = monitoring.schedule(30, first=5, every=every)
    call = {"criteria": BOTH, "rates": rates, "looks": looks, "odds_ratio": odds_ratio}
    exact = monitoring.operating_characteristics(**call)
    simulated = monitoring.operating_characteristics(**call, trials=20_000, seed=3)
    for name in ("response", "toxicity", "both", "goes_on"):
        p = exact[name].clip(1e-4, 1)
        error = np.sqrt(p * (1 - p) / 20_000)
        assert (abs(simulated[name] - p) < 4.5 * error + 1e-4).all()
    means = [monitoring.totals(table)["expected_patients"] for table in (exact, simulated)]
    assert means[1] == pytest.approx(means[0], abs=0.3)


def test_one_criterion_is_two_of_which_one_never_stops():
    looks = monitoring.schedule(20, first=4, every=2)
    alone = monitoring.operating_characteristics({"response": RESPONSE}, {"response": 0.4}, looks)
    # Nobody has the toxicity.
    two = monitoring.operating_characteristics(BOTH, {"response": 0.4, "toxicity": 0.0}, looks)
    np.testing.assert_allclose(alone["response"], two["response"])
    np.testing.assert_allclose(alone["goes_on"], two["goes_on"])
    assert (two[["toxicity", "both"]] == 0).all(axis=None)
    assert alone.columns.to_list() == ["patients", "response", "goes_on"]
    simulated = monitoring.operating_characteristics(
        {"response": RESPONSE}, {"response": 0.4}, looks, trials=20_000, seed=1
    )
    assert simulated["goes_on"].iloc[-1] == pytest.approx(alone["goes_on"].iloc[-1], abs=0.02)


@settings(deadline=None, max_examples=40)
@given(
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.05, 20),
    st.integers(1, 4),
    st.sampled_from([None, 0.9]),
)
def test_what_holds_at_any_rate(response, toxicity, odds_ratio, every, final):
    criteria = {
        "response": Criterion(rate=0.5, wanted="at least", final=final),
        "toxicity": TOXICITY,
    }
    looks = monitoring.schedule(14, first=2, every=every)
    rates = {"response": response, "toxicity": toxicity}
    table = monitoring.operating_characteristics(criteria, rates, looks, odds_ratio=odds_ratio)
    parts = table[["response", "toxicity", "both"]]
    assert (parts >= -1e-12).all(axis=None)
    assert parts.to_numpy().sum() + table["goes_on"].iloc[-1] == pytest.approx(1)
    assert (table["goes_on"].diff().dropna() <= 1e-12).all()
    summed = monitoring.totals(table)
    assert 2 - 1e-9 <= summed["expected_patients"] <= 14 + 1e-9
    assert summed["response"] + summed["toxicity"] + summed["both"] + summed[
        "never"
    ] == pytest.approx(1)


def test_a_seed_gives_the_same_trials_again():
    looks = monitoring.schedule(20, first=5)

    def table(seed):
        return monitoring.operating_characteristics(
            BOTH, {"response": 0.5, "toxicity": 0.2}, looks, trials=300, seed=seed
        )

    assert table(4).equals(table(np.random.default_rng(4)))
    assert not table(4).equals(table(5))


# What is no criterion, no look and no trial


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate": 1.0}, "rate: given 1.0"),
        ({"cutoff": 0}, "cutoff: given 0"),
        ({"final": 1.5}, "final: given 1.5"),
        ({"wanted": "above"}, "wanted: given 'above'; right would be: at least, below"),
        ({"prior": (0, 1)}, "two numbers above 0"),
    ],
)
def test_what_is_no_criterion_is_refused(options, message):
    with pytest.raises(KitError, match=message):
        Criterion(**{"rate": 0.5, "wanted": "at least", **options})


def test_what_is_no_look_is_refused():
    for options in ({"patients": 5, "first": 6}, {"patients": 5, "every": 0}, {"patients": 0}):
        with pytest.raises(KitError, match="a first look within the trial"):
            monitoring.schedule(**options)
    for looks in ((), (0, 5), (5, 5), (6, 5)):
        with pytest.raises(KitError, match="whole numbers that rise"):
            monitoring.boundaries(RESPONSE, looks)
    for options in ({"patients": 0}, {"patients": 5, "of": 4}):
        with pytest.raises(KitError, match="one or more, of at least as many"):
            monitoring.chance(RESPONSE, **options)
    with pytest.raises(KitError, match="5 patients of None"):
        monitoring.chance(lee_and_liu()[0], patients=5)


def test_what_is_no_trial_is_refused():
    looks = (5, 10)
    with pytest.raises(KitError, match="neither yes nor no"):
        monitoring.running(RESPONSE, [0, 2], looks)
    for events, patients in ((6, 5), (-1, 5), (0, 0), (3, 11)):
        with pytest.raises(KitError, match=f"{events} events of {patients} patients"):
            monitoring.standing(RESPONSE, events=events, patients=patients, looks=looks)
    rates = {"response": 0.5, "toxicity": 0.2}
    for criteria, given_rates, options, message in (
        ({}, {}, {}, "0 criteria"),
        (BOTH, {"response": 0.5}, {}, "rates of response; right would be: rates of response, tox"),
        (BOTH, {**rates, "toxicity": 1.2}, {}, "rate of toxicity: given 1.2"),
        (BOTH, rates, {"odds_ratio": 0}, "odds_ratio: given 0"),
        (BOTH, rates, {"trials": 10}, "one or more trials, and a seed"),
        (BOTH, rates, {"trials": 0, "seed": 1}, "one or more trials, and a seed"),
    ):
        with pytest.raises(KitError, match=message):
            monitoring.operating_characteristics(criteria, given_rates, looks, **options)
