"""Medians of curves that run level at one half, by hand."""

import numpy as np
import pytest

from helpers import level_median
from helpers.errors import KitError


@pytest.mark.parametrize(
    ("times", "events", "expected"),
    [
        # An even number: level from the second to the third.
        ([1, 2, 5, 7], [1, 1, 1, 1], (2, 5, 3.5, 3.5)),
        # An odd number steps over one half.
        ([1, 2, 5], [1, 1, 1], (2, 2, 2, 2)),
        # The patient who is lost counts for the plain median, and is at risk before.
        ([1, 2, 3, 4], [1, 1, 0, 1], (2, 4, 3, 2.5)),
    ],
)
def test_readings(times, events, expected):
    found = level_median.readings(times, np.array(events, bool))
    assert (found.first, found.last, found.middle, found.plain) == pytest.approx(expected)


def test_a_curve_that_stays_above_one_half_has_no_median():
    found = level_median.readings([1, 2, 3], [True, False, False])
    assert np.isnan(found.first)
    assert np.isnan(found.middle)
    assert found.plain == 2


def test_nobody_is_refused():
    with pytest.raises(KitError, match="nobody"):
        level_median.readings([], [])


def test_the_picture_says_its_readings():
    picture = level_median.draw_readings(
        [1, 2, 5, 7], [True] * 4, xlabel="Months", source="Made up"
    )
    assert "level at 50 % from 2.0 to 5.0 months; the middle is 3.5" in picture.alt
    assert "Made up" in picture.alt
