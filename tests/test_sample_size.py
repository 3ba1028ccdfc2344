"""Sample sizes: as R gives them, and by counting outcomes."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import sample_size
from helpers.errors import KitError

ORACLE = json.loads(
    (Path(__file__).parent / "oracles" / "proportions.json").read_text(encoding="utf-8")
)["sizes"]
WORDS = {
    "both": "normal, variance of both",
    "null_variance": "normal, variance of the null",
    "alternative_variance": "normal, variance of the alternative",
    "arcsine": "arcsine",
}
EXACT = ("exact binomial, first size with the power", "exact binomial, power kept from here on")


def sizes(null, alternative, alpha, power):
    found = sample_size.one_proportion(null, alternative, alpha=alpha, power=power)
    return {each.method: each.patients for each in found}


@pytest.mark.parametrize(
    "case", ORACLE, ids=lambda case: "{null} {alternative} {alpha} {power}".format(**case)
)
def test_sizes_as_in_r(case):
    found = sizes(*(case[name] for name in ("null", "alternative", "alpha", "power")))
    for name, words in WORDS.items():
        assert [found[f"{words}, two-sided"], found[f"{words}, one-sided"]] == case[name]
    for sides in ("two", "one"):
        assert [found[f"{words}, {sides}-sided"] for words in EXACT] == case[f"exact_{sides}"]


def at_least(count, total, rate):
    return math.fsum(
        math.comb(total, k) * rate**k * (1 - rate) ** (total - k) for k in range(count, total + 1)
    )


@settings(deadline=None, max_examples=15)
@given(
    st.integers(5, 60).map(lambda x: x / 100),
    st.integers(20, 35).map(lambda x: x / 100),
    st.sampled_from([0.05, 0.1]),
    st.sampled_from([0.8, 0.9]),
)
def test_the_exact_size_is_the_first_that_has_the_power(null, gain, alpha, power):
    """Outcome by outcome, with no table of the binomial."""

    def has_power(size):
        critical = next((c for c in range(size + 1) if at_least(c, size, null) <= alpha), size + 1)
        return at_least(critical, size, null + gain) >= power

    first = sizes(null, null + gain, alpha, power)[f"{EXACT[0]}, one-sided"]
    assert has_power(first)
    assert not any(has_power(size) for size in range(2, first))


def test_the_published_size_of_87():
    """45 % against 60 %, two-sided 5 %, power 80 %, as a trial prints it."""
    found = sizes(0.45, 0.60, 0.05, 0.8)
    assert {method for method, size in found.items() if size == 87} == {
        "normal, variance of the null, two-sided",
        "arcsine, two-sided",
    }


@pytest.mark.parametrize(("alpha", "power"), [(0.001, 0.99), (1e-6, 0.999), (1e-9, 0.9999)])
def test_strict_trials_have_sizes_too(alpha, power):
    found = sizes(0.45, 0.75, alpha, power)
    assert all(size > 0 for size in found.values())
    first, stays = (found[f"{words}, two-sided"] for words in EXACT)
    assert 10 < first <= stays


def test_swapping_success_and_failure_changes_nothing():
    assert sizes(0.5, 0.65, 0.05, 0.8) == sizes(0.5, 0.35, 0.05, 0.8)


@given(st.integers(1, 500), st.integers(0, 60))
def test_drop_outs(patients, percent):
    dropout = percent / 100
    kept, short = sample_size.inflate(patients, dropout).values()
    assert kept * (1 - dropout) == pytest.approx(patients)
    assert short == pytest.approx(patients + patients * dropout)
    assert short <= kept + 1e-9


@pytest.mark.parametrize(
    ("null", "alternative", "alpha", "power"),
    [(0.5, 0.5, 0.05, 0.8), (0, 0.5, 0.05, 0.8), (0.4, 1, 0.05, 0.8), (0.4, 0.5, 0, 0.8)],
)
def test_what_is_no_trial_is_refused(null, alternative, alpha, power):
    with pytest.raises(KitError, match="two different proportions"):
        sample_size.one_proportion(null, alternative, alpha=alpha, power=power)


@pytest.mark.parametrize("dropout", [1.0, 1.2, -0.1])
def test_drop_outs_of_everybody_are_refused(dropout):
    with pytest.raises(KitError):
        sample_size.inflate(87, dropout)
