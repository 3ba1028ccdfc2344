"""A forest plot: what it draws, what it says in words, what it refuses."""

import re

import numpy as np
import pandas as pd
import pytest

from helpers.errors import KitError
from helpers.forest_plot import draw_forest

ROWS = pd.DataFrame(
    [
        ("One", "0 of 6", "study", 0.0, 0.0, 0.46, 0.2),
        ("Two", "6 of 6", "study", 1.0, 0.54, 1.0, 0.8),
        ("Three", "?", "open", np.nan, 0.0, 0.44, np.nan),
        ("All", "", "pooled", 0.6, 0.3, 0.84, np.nan),
        ("Next", "", "predicted", 0.6, 0.14, 0.93, np.nan),
    ],
    columns=["label", "counts", "kind", "estimate", "lower", "upper", "weight"],
)


def test_words_say_what_lines_show():
    drawn = draw_forest(ROWS, xlabel="CR")
    for part in (
        "One, 0 of 6: 0 (0 to 46) %",
        "Two, 6 of 6: 100 (54 to 100) %",
        "Three, ?: 0 to 44, open %",
        "All: 60 (30 to 84) %",
        "Next: 14 to 93 %",
    ):
        assert part in drawn.alt
    assert drawn.svg == draw_forest(ROWS, xlabel="CR").svg


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_few_lines_are_drawn_too(rows):
    drawn = draw_forest(ROWS.head(rows), xlabel="CR")
    assert re.search(rb"<svg", drawn.svg)
    assert ("Nothing to draw" in drawn.alt) == (rows == 0)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"kind": "other"}, "unknown kind"),
        ({"upper": 1.2}, "aren't shares"),
        ({"lower": -0.1}, "aren't shares"),
    ],
)
def test_what_cannot_be_drawn_is_refused(changed, told):
    with pytest.raises(KitError, match=told):
        draw_forest(ROWS.assign(**changed), xlabel="CR")
    with pytest.raises(KitError, match="no column weight"):
        draw_forest(ROWS.drop(columns="weight"), xlabel="CR")
