"""Many tests: what chance brings, corrections by hand, and a paper's own P values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers import catalogue, multiplicity
from helpers.errors import KitError

P = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_by_chance():
    found = multiplicity.by_chance(23)
    assert found.expected == pytest.approx(1.15)
    assert found.at_least_one == pytest.approx(1 - 0.95**23)
    assert multiplicity.by_chance(0).at_least_one == 0


@pytest.mark.parametrize(("tests", "level"), [(-1, 0.05), (3, 0.0), (3, 1.0)])
def test_no_such_tests(tests, level):
    with pytest.raises(KitError):
        multiplicity.by_chance(tests, level=level)


# p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.5), method) in R.
@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("Bonferroni", [0.05, 0.2, 0.15, 0.025, 1]),
        ("Holm", [0.04, 0.09, 0.09, 0.025, 0.5]),
        ("Benjamini-Hochberg", [0.025, 0.05, 0.05, 0.025, 0.5]),
    ],
)
def test_corrections_by_hand(method, values):
    p = [0.01, 0.04, 0.03, 0.005, 0.5]
    assert multiplicity.adjusted(p, method=method) == pytest.approx(values)


@given(P)
def test_benjamini_and_hochberg_as_scipy_has_it(p):
    from scipy.stats import false_discovery_control

    ours = multiplicity.adjusted(p, method="Benjamini-Hochberg")
    assert ours == pytest.approx(false_discovery_control(p))


@given(P)
def test_a_correction_never_lowers_p_and_keeps_the_order(p):
    given_p = np.array(p)
    before = given_p
    for method in reversed(multiplicity.METHODS):
        found = multiplicity.adjusted(p, method=method)
        assert (found >= before - 1e-12).all()
        assert (np.diff(found[np.argsort(given_p, kind="stable")]) >= -1e-12).all()
        before = found


@pytest.mark.parametrize("p", [[1.2], [-0.1], [float("nan")], [[0.1]]])
def test_no_p_values(p):
    with pytest.raises(KitError, match="P values"):
        multiplicity.adjusted(p, method="Holm")
    with pytest.raises(KitError, match="no correction"):
        multiplicity.adjusted([0.1], method="Tukey")


def test_the_p_values_of_a_table():
    found = multiplicity.of_paper("vah", "table 1").set_index("id")
    printed = [each for each in catalogue.published("vah") if each.id.startswith("t1_p_")]
    assert list(found.index) == [each.id for each in printed]
    # From the counts, not from the digits: 0.03 is printed.
    assert found.loc["t1_p_bcor", "p"] == pytest.approx(0.0275, abs=0.0001)
    assert found.loc["t1_p_bcor", "Bonferroni"] == pytest.approx(23 * 0.0275, abs=0.002)
    assert found.loc["t1_p_hsct", "p"] < 0.0001


def test_what_can_not_be_recomputed_keeps_its_digits():
    found = multiplicity.of_paper("vah", "results: survival").set_index("id")
    assert found.loc["res_p_dfs_12m_crc_hsct_vs_crc_no_hsct", "p"] == 0.016
    # Printed as below 0.001.
    assert found.loc["res_p_os_12m_hsct_vs_no_hsct", "p"] == 0.001


def test_a_paper_without_p_values():
    assert multiplicity.of_paper("vah", "no such place").empty
