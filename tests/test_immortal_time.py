"""Immortal time: cohorts where nothing helps, and what each way of counting makes of them."""

import numpy as np
import pytest

from helpers import immortal_time
from helpers.errors import KitError


def cohorts(seed=1, size=(6, 3000)):
    """Simulate deaths at a constant rate, and responses that change nothing."""
    rng = np.random.default_rng(seed)
    dies, lost = rng.exponential(8, size), rng.exponential(30, size)
    responds = rng.exponential(3, size)
    time, event = np.minimum(dies, lost), dies <= lost
    return time, event, np.where(responds < time, responds, np.nan)


def test_a_response_that_does_nothing_seems_to_help_when_counted_from_the_start():
    time, event, response = cohorts()
    found = immortal_time.three_ways(time, event, response, landmark=3)
    assert (found["ever"] < 0.75).all()
    assert found["landmark"].mean() == pytest.approx(1, abs=0.04)
    assert found["time-dependent"].mean() == pytest.approx(1, abs=0.04)


def test_three_ways_by_hand():
    """Four patients; the second responds at 2 and the third at 4, who die at 5 and 6.

    At the landmark 3, the last three are left, and the second has responded. They die at 5, 6
    and 7, so the one at 5 is the first of three: no finite ratio, and none is given. As
    responders from the start, patients 2 and 3 die at 5 and 6 between deaths at 1 and 7.
    """
    time, event = np.array([[1.0, 5, 6, 7]]), np.ones((1, 4), bool)
    found = immortal_time.three_ways(time, event, [np.nan, 2, 4, np.nan], landmark=3)
    assert np.isnan(found["landmark"][0])
    # The score of Cox's model: deaths at 1, 5, 6 with 2 of 4, 2 of 3, 1 of 2 at risk.
    grid = np.linspace(0.01, 20, 200_000)
    likelihood = 1 / (2 + 2 * grid) * grid / (1 + 2 * grid) * grid / (1 + grid)
    assert found["ever"][0] == pytest.approx(grid[likelihood.argmax()], abs=1e-3)


def test_a_guarantee_makes_a_group_look_better():
    time, event, _ = cohorts()
    group = np.random.default_rng(2).random(time.shape) < 0.5
    found = [immortal_time.guaranteed(time, event, group, until=each) for each in (0, 2, 4)]
    assert found[0].mean() == pytest.approx(1, abs=0.04)
    assert (found[1] < found[0] - 0.1).all()
    assert (found[2] < found[1] - 0.1).all()


def test_those_who_do_not_count_count_for_nothing():
    time, event, response = cohorts(size=(2, 400))
    where = np.arange(400) < 200
    some = immortal_time.three_ways(time, event, response, landmark=3, where=where)
    cut = immortal_time.three_ways(time[:, :200], event[:, :200], response[:, :200], landmark=3)
    for name in some:
        assert some[name] == pytest.approx(cut[name])
    group = np.arange(400) % 2 == 0
    assert immortal_time.guaranteed(time, event, group, until=1, where=where) == pytest.approx(
        immortal_time.guaranteed(time[:, :200], event[:, :200], group[:200], until=1)
    )
    with pytest.raises(KitError, match="0 or more"):
        immortal_time.guaranteed(time, event, group, until=-1)
