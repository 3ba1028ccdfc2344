"""Estimates with intervals: what the picture says in words, and what it refuses."""

import pandas as pd
import pytest

from helpers import interval_plot
from helpers.errors import KitError

ROWS = pd.DataFrame({"label": ["one"], "estimate": [0.5], "lower": [0.25], "upper": [0.7]})


def test_the_words_tell_all_that_is_drawn():
    drawn = interval_plot.draw_intervals(ROWS, xlabel="Rate (%)", line=0.4, name="a limit")
    assert drawn.alt == "Rate (%). one: 50 % (25 to 70). The line at 40 % is a limit."
    assert drawn.svg.startswith(b"<?xml")


@pytest.mark.parametrize(
    ("change", "told"),
    [({"lower": [0.6]}, "out of order"), ({"upper": [1.2]}, "out of order")],
)
def test_what_is_no_interval_is_refused(change, told):
    with pytest.raises(KitError, match=told):
        interval_plot.draw_intervals(ROWS.assign(**change), xlabel="Rate (%)")
    with pytest.raises(KitError, match="no column upper"):
        interval_plot.draw_intervals(ROWS.drop(columns="upper"), xlabel="Rate (%)")
