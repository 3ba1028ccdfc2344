"""Changes put together and members pushed apart, on a cohort that the search found."""

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.statistics import logrank_test

from helpers.reconstruct import apart, categorical, combine, members, search, times

PAPER = "hma_ldac"


@pytest.fixture(scope="module")
def found():
    """Return a cohort with every printed number, and its problem."""
    plan = members.plan(PAPER)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        patients = categorical.solve(plan.model, seed=seed)
        drawn = times.problem(plan.asked, patients, plan.flags, plan.variables)
        begun = times.start(plan.asked, patients, drawn, rng)
        if members._found(rng, begun, drawn.arrays) <= 1e-9:
            return begun, drawn.arrays
    pytest.fail("no cohort found")


def again(begun):
    return begun | {"day": begun["day"].copy()}


def observed(begun, arrays, endpoint):
    """Return times and codes of an endpoint of death or what else ends it, told by the engine."""
    n = len(begun["day"])
    time, code = np.zeros((2, len(arrays["origin"]), n), np.int64)
    parts = (arrays[name] for name in ("origin", "events", "competing", "censors", "cut"))
    parts = tuple(parts)
    for i in range(n):
        search.observe(begun["day"], *parts, time, code, i)
    return time[endpoint], code[endpoint]


def root_of_log_rank(begun, arrays, test):
    """Work out a test's statistic with lifelines."""
    time, code = observed(begun, arrays, arrays["test_endpoint"][test])
    groups = [arrays["masks"][m] & (time >= 0) for m in arrays["test_members"][test, :2]]
    (first, died), (second, died_2) = ((time[each], code[each] == 1) for each in groups)
    return float(np.sqrt(logrank_test(first, second, died, died_2).test_statistic))


@pytest.mark.parametrize("shift", [-0.06, 0.06])
def test_a_test_is_brought_to_another_printed_value_and_the_curves_stay(found, shift):
    begun, arrays = found
    test = int(np.flatnonzero(arrays["test_kind"] == search.FIRST_BETTER)[0])
    was = root_of_log_rank(begun, arrays, test)
    bounds = arrays["test_bounds"].copy()
    bounds[:, 1:3] = 0.0, 50.0  # the other tests may be what they like
    bounds[test, 1:3] = was + shift - 0.002, was + shift + 0.002
    others = arrays | {"test_bounds": bounds}
    own = again(begun)
    rng = np.random.default_rng(1)
    assert not apart.kept(rng, own, others)
    assert combine.settle(rng, own, others)
    assert apart.kept(rng, own, others)
    assert root_of_log_rank(own, others, test) == pytest.approx(was + shift, abs=0.0021)


def test_what_no_change_can_reach_is_not_said_to_be_reached(found):
    begun, arrays = found
    bounds = arrays["test_bounds"].copy()
    bounds[0, 1:3] = 40.0, 41.0
    own = again(begun)
    assert not combine.settle(np.random.default_rng(1), own, arrays | {"test_bounds": bounds})


def test_a_cohort_wanders_far_and_keeps_every_number(found):
    begun, arrays = found
    own, rng = again(begun), np.random.default_rng(2)
    combine.wander(rng, own, arrays, steps=60_000)
    assert apart.kept(rng, own, arrays)
    assert np.mean(own["day"][:, search.LAST] != begun["day"][:, search.LAST]) > 0.5


def survivors(begun, arrays, endpoint, patients, day):
    time, code = observed(begun, arrays, endpoint)
    who = patients & (time >= 0)
    return float(KaplanMeierFitter().fit(time[who], code[who] == 1).predict(day))


def test_a_pull_takes_a_cohort_up_and_down_and_keeps_every_number(found):
    begun, arrays = found
    rng = np.random.default_rng(3)
    endpoint, patients = int(arrays["curve_endpoint"][0]), arrays["masks"][arrays["curve_mask"][0]]
    day = 900.0
    ends = []
    for up in (False, True):
        own = again(begun)
        apart.pull(
            rng,
            own,
            arrays,
            endpoint=endpoint,
            patients=patients,
            day=day,
            up=up,
            steps=60_000,
        )
        assert apart.kept(rng, own, arrays)
        ends.append(survivors(own, arrays, endpoint, patients, day))
    assert ends[0] < survivors(begun, arrays, endpoint, patients, day) < ends[1]
