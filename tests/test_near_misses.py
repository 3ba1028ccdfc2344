"""Near misses: the nearest counts by trying all, and the same shares with more patients."""

import numpy as np
import pytest
from scipy.stats import chi2

from helpers import association, near_misses, rounding
from helpers.errors import KitError

# 22 of 42 and 9 of 28, whose P value is printed as 0.03.
TABLE = np.array([[22, 20], [9, 19]])


def test_every_test_that_there_is_with_its_p():
    found = near_misses.by_every_test(TABLE, "0.03").set_index("test")
    assert set(found.index) == {*association.TESTS, *association.FURTHER}
    assert found["p"].is_monotonic_increasing
    for key, p in found["p"].items():
        assert p == association.p_value(TABLE, test=key)
    assert not found["fits"].any()
    # χ² = 70 (22·19 − 20·9)² / (42·28·31·39), by hand 2.789; P = 0.0949.
    assert found.loc["chi2", "p"] == pytest.approx(0.0949, abs=5e-5)
    # ln(22·19 / (20·9)) over √(1/22 + 1/20 + 1/9 + 1/19), by hand 0.8425 / 0.5090; P = 0.0979.
    assert found.loc["wald", "p"] == pytest.approx(0.0979, abs=5e-5)
    one_sided = ["z_unpooled_one_sided", "chi2_one_sided", "fisher_one_sided"]
    assert found.loc[found["sides"] == 1].index.tolist() == one_sided
    # Half of what the smallest two-sided test gives: no one-sided one comes lower.
    two_sided = found.loc[found["sides"] == 2, "p"]
    assert found.loc["z_unpooled_one_sided", "p"] == two_sided.min() / 2 > 0.04


def test_a_test_that_gives_the_digits_is_said_to():
    found = near_misses.by_every_test(TABLE, "0.05").set_index("test")
    assert found.index[found["fits"]].tolist() == ["chi2_one_sided"]
    wide = near_misses.by_every_test([[5, 5, 0], [1, 2, 7]], "<0.05").set_index("test")
    assert "yates" not in wide.index
    assert wide.loc["chi2", "fits"]


@pytest.mark.parametrize("test", ["chi2", "fisher", "yates"])
@pytest.mark.parametrize("printed", ["0.03", "<0.001", "0.10", "0.09"])
def test_the_nearest_counts_are_those_of_all_tables(test, printed):
    """Against all 43 × 29 tables with these group sizes."""
    fits = {}
    for first in range(43):
        for second in range(29):
            table = np.array([[first, 42 - first], [second, 28 - second]])
            # The nearest lie near; exact tests of all would take long.
            away = near_misses.patients_changed(TABLE, table)
            p = association.p_value(table, test=test) if away <= 8 else np.nan
            if not np.isnan(p) and rounding.agrees(p, printed):
                fits.setdefault(away, set()).add((first, second))
    found = near_misses.nearest(TABLE, printed, test=test, most=8)
    if not fits:
        assert found == []
        return
    assert {tuple(each[:, 0].tolist()) for each in found} == fits[min(fits)]
    assert all((each.sum(axis=1) == (42, 28)).all() for each in found)


def test_a_table_that_gives_the_p_is_its_own_nearest():
    (found,) = near_misses.nearest(TABLE, "0.09")
    assert (found == TABLE).all()
    assert near_misses.patients_changed(TABLE, found) == 0


def test_nobody_can_change_out_of_the_group():
    found = near_misses.nearest([[1, 0], [0, 1]], "1", most=3)
    assert all((each >= 0).all() for each in found)
    assert near_misses.nearest([[1, 0], [0, 1]], "0.001", most=3) == []


def test_as_many_times_the_patients_give_the_p():
    least, greatest = near_misses.times_as_many(TABLE, "0.03")
    assert 1 < least < greatest
    for factor, fits in (
        (least * 0.99, False),
        (least * 1.01, True),
        (greatest * 0.99, True),
        (greatest * 1.01, False),
    ):
        counts = TABLE * factor
        expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
        p = chi2.sf(((counts - expected) ** 2 / expected).sum(), 1)
        assert rounding.agrees(p, "0.03") is fits
    assert near_misses.times_as_many(TABLE, "<0.001")[1] == np.inf


def test_what_is_no_table_or_no_digits_is_refused():
    for call in (
        lambda: near_misses.by_every_test(TABLE, "NS"),
        lambda: near_misses.nearest(TABLE, ""),
        lambda: near_misses.nearest([[1, 2, 3], [4, 5, 6]], "0.03"),
        lambda: near_misses.times_as_many([[1, 1], [2, 2]], "0.03"),
        lambda: near_misses.patients_changed(TABLE, TABLE.T),
    ):
        with pytest.raises(KitError):
            call()
