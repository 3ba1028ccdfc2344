"""Hidden factors: published E-values, the formulas by counting, a dealt factor found again."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import confounding
from helpers.errors import KitError
from helpers.survival.cox import cox

# --- E-values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observed", "published", "digits"),
    [
        # VanderWeele and Ding 2017: breastfeeding and death by respiratory infection.
        ((3.9, 1.8, 8.7), (7.26, 3.00), 2),
        # The same: breastfeeding and leukaemia, a ratio below 1.
        ((0.80, 0.71, 0.91), (1.81, 1.43), 2),
        # The vignette of the R package EValue: smoking and lung cancer.
        ((10.73, 8.02, 14.36), (20.94777, 15.52336), 5),
    ],
)
def test_published_e_values(observed, published, digits):
    found = confounding.e_value(*observed)
    assert (round(found.estimate, digits), round(found.limit, digits)) == published
    ratio, lower, upper = (1 / each for each in observed)
    turned = confounding.e_value(ratio, upper, lower)
    assert turned.estimate == pytest.approx(found.estimate)
    assert turned.limit == pytest.approx(found.limit)


def test_the_published_e_value_of_an_odds_ratio():
    """An odds ratio of 3 for a common outcome: EValue prints 1.732051 and 2.85..."""
    ratio = float(confounding.risk_ratio(3, measure="odds ratio", common=True))
    assert round(ratio, 6) == 1.732051
    assert str(confounding.e_value(ratio).estimate).startswith("2.85")


def test_an_e_value_is_where_the_bounding_factor_explains_all():
    for ratio in (1.1, 1.63, 3.9):
        needed = confounding.e_value(ratio).estimate
        assert confounding.bounding_factor(needed, needed) == pytest.approx(ratio)
        assert confounding.bounding_factor(needed - 0.01, needed - 0.01) < ratio


def test_an_e_value_to_another_value_than_1():
    """From 2.5 to 1.5, as if it were from 2.5 / 1.5 to 1."""
    found = confounding.e_value(2.5, 1.6, 4, true=1.5)
    assert found.estimate == pytest.approx(confounding.e_value(2.5 / 1.5).estimate)
    assert found.limit == pytest.approx(confounding.e_value(1.6 / 1.5).estimate)


def test_an_interval_that_contains_1_needs_no_factor():
    assert confounding.e_value(1.6, 0.9, 3).limit == 1
    assert confounding.e_value(0.6, 0.3, 1.0).limit == 1
    assert confounding.e_value(1.0, 0.9, 1.1) == confounding.EValue(1.0, 1.0)
    assert math.isnan(confounding.e_value(2).limit)


@pytest.mark.parametrize("ratio", [0.4, 0.6, 1.0, 1.8])
def test_a_hazard_ratio_of_a_common_outcome_lies_between_it_and_1(ratio):
    converted = float(confounding.risk_ratio(ratio, measure="hazard ratio", common=True))
    assert min(ratio, 1) <= converted <= max(ratio, 1)
    other = float(confounding.risk_ratio(1 / ratio, measure="hazard ratio", common=True))
    assert converted * other == pytest.approx(1)
    assert confounding.risk_ratio(ratio, measure="hazard ratio", common=False) == ratio


def test_what_is_no_ratio_is_refused():
    for impossible in ((0,), (-1,), (math.nan,), (2, 3, 4), (2, 1, 1.5)):
        with pytest.raises(KitError):
            confounding.e_value(*impossible)
    with pytest.raises(KitError, match="above 0"):
        confounding.risk_ratio([1, 0], measure="risk ratio", common=True)
    with pytest.raises(KitError, match="no measure"):
        confounding.risk_ratio(1, measure="difference", common=True)  # type: ignore[arg-type]
    with pytest.raises(KitError, match="1 or more"):
        confounding.bounding_factor(0.9, 2)


# --- the formula ---------------------------------------------------------------------------------


def test_bias_by_counting_patients():
    """60 and 40 patients; half and a quarter have the factor, which triples a risk of 1 in 5."""
    risk, effect = Fraction(1, 5), 3
    with_factor = {"first": Fraction(30), "second": Fraction(10)}
    size = {"first": 60, "second": 40}
    crude = {
        name: (with_factor[name] * risk * effect + (size[name] - with_factor[name]) * risk)
        / size[name]
        for name in size
    }
    # Treatment does nothing in either stratum, so all of the crude ratio is bias.
    expected = crude["first"] / crude["second"]
    assert expected == Fraction(4, 3)
    assert float(confounding.bias(effect, 0.5, 0.25)) == pytest.approx(float(expected))


def test_no_bias_without_an_effect_or_without_an_imbalance():
    assert confounding.bias(1, 0.9, 0.1) == 1
    assert confounding.bias(5, 0.4, 0.4) == 1
    assert confounding.bias([2, 3], 0.5, 0.25).tolist() == pytest.approx([6 / 5, 4 / 3])


@settings(deadline=None)
@given(st.floats(0.2, 8), st.floats(0, 1), st.floats(0, 1))
def test_the_effect_needed_has_that_bias(effect, share, other):
    ratio = float(confounding.bias(effect, share, other))
    if abs(share - other) > 0.01:
        assert confounding.effect_needed(ratio, share, other) == pytest.approx(effect, rel=1e-6)


def test_some_ratios_no_effect_can_explain():
    """A factor in 30 against 40 of 100 moves a ratio by less than 30 / 40, however strong."""
    assert math.isnan(confounding.effect_needed(0.7, 0.30, 0.40))
    assert confounding.effect_needed(0.8, 0.30, 0.40) == pytest.approx(1 + 0.2 / 0.02)
    assert confounding.effect_needed(1, 0.2, 0.2) == 1
    assert math.isnan(confounding.effect_needed(1.5, 0.2, 0.2))


def test_impossible_shares_are_refused():
    for call in (
        lambda: confounding.bias(2, 1.1, 0),
        lambda: confounding.bias(2, 0, -0.1),
        lambda: confounding.bias(0, 0.1, 0.1),
        lambda: confounding.effect_needed(0, 0.1, 0.1),
        lambda: confounding.effect_needed(1.5, 0.1, 2),
        lambda: dealt(shares=(0.5, 1.5)),
        lambda: dealt(effect=0),
    ):
        with pytest.raises(KitError):
            call()


# --- a dealt factor ------------------------------------------------------------------------------


def dealt(shares=(0.3, 0.5), effect=2.5, true=0.7, size=(8, 4000), seed=1):
    """Simulate cohorts with a factor, forget it, and deal one anew."""
    rng = np.random.default_rng(seed)
    first = rng.random(size) < 0.6
    has = rng.random(size) < np.where(first, *shares)
    rate = 0.1 * np.where(first, true, 1) * np.where(has, effect or 1, 1)
    dies, lost = rng.exponential(1 / rate), rng.exponential(20, size)
    time, event = np.minimum(dies, lost), dies <= lost
    found = confounding.deal(time, event, first, shares=shares, effect=effect, rng=rng)
    return time, event, first, has, found


def test_a_dealt_factor_has_its_shares_and_its_effect():
    time, event, first, has, found = dealt()
    for group, share in ((first, 0.3), (~first, 0.5)):
        assert found[group].mean() == pytest.approx(share, abs=0.02)
    fits = [
        cox(time, event, np.stack([first, who], axis=-1)).hazard_ratio.mean(axis=0)
        for who in (has, found)
    ]
    assert fits[0] == pytest.approx([0.7, 2.5], rel=0.06)
    assert fits[1] == pytest.approx(fits[0], rel=0.05)
    crude = cox(time, event, first).hazard_ratio.mean()
    assert crude < 0.64, "the factor is worth adjusting for"


def test_the_formula_overstates_what_a_factor_does_late():
    """As Lin, Psaty and Kronmal say of it; so the dealt factor moves the ratio by less."""
    time, event, first, _, found = dealt()
    crude = cox(time, event, first).hazard_ratio.mean()
    adjusted = cox(time, event, np.stack([first, found], axis=-1)).hazard_ratio[..., 0].mean()
    formula = crude / float(confounding.bias(2.5, 0.3, 0.5))
    assert crude < adjusted < formula


def test_the_same_seed_deals_the_same():
    assert (dealt(seed=3)[-1] == dealt(seed=3)[-1]).all()
    assert (dealt(seed=3)[-1] != dealt(seed=4)[-1]).any()


def test_nobody_without_a_share_and_nobody_who_does_not_count():
    time, event, first, _, _ = dealt(size=(2, 300))
    where = np.arange(300) < 200
    rng = np.random.default_rng(5)
    found = confounding.deal(time, event, first, where=where, shares=(0.0, 1.0), effect=3, rng=rng)
    assert not found[:, ~where].any()
    assert not (found & first).any()
    assert found[:, where][~first[:, where]].all()


def test_the_last_death_and_ties_are_no_trouble():
    rng = np.random.default_rng(6)
    with np.errstate(all="raise"):
        found = confounding.deal(
            [1, 1, 1, 2, 2], [1, 1, 1, 1, 1], [1, 1, 0, 0, 1], shares=(0.5, 0.5), effect=4, rng=rng
        )
        nobody = confounding.deal(
            [1.0, 2.0], [1, 0], [1, 0], where=False, shares=(0.5, 0.5), effect=4, rng=rng
        )
    assert found.dtype == bool
    assert not nobody.any()
