"""Synthetic screening populations: distributed as stated, and known to be made up."""

import math
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers import eligibility, screening
from helpers.catalogue import Variable
from helpers.errors import DataError, KitError

DATA = Path(__file__).parents[1] / "data"
PAPER = "nct06991920"
VARIABLES = eligibility.load(PAPER).variables
MAKE_UP = screening.load(PAPER)
SIZE = 20_000


@pytest.fixture(scope="module")
def many():
    return screening.population(MAKE_UP, VARIABLES, size=SIZE, seed=1)


def test_every_variable_that_the_rules_ask_for_is_made(many):
    assert set(many) == {"USUBJID", *VARIABLES}
    found = eligibility.evaluate(eligibility.load(PAPER), many)
    assert set(found.verdict) == set(eligibility.VERDICTS)


def test_the_population_says_that_it_is_synthetic(many):
    assert many.attrs["synthetic"] is True
    assert many.attrs["seed"] == 1
    assert "ynthetic" in many.attrs["statement"]
    assert many["USUBJID"].str.startswith("synthetic ").all()
    assert many["USUBJID"].is_unique


def cumulative(each):
    """Return the distribution function that a make-up states, cut as it says."""
    if each.distribution == "normal":
        whole = stats.norm(each.mean, each.sd)
    else:
        whole = stats.lognorm(math.log(each.spread), scale=each.median)
    low = 0 if each.least is None else whole.cdf(each.least)
    high = 1 if each.greatest is None else whole.cdf(each.greatest)
    return lambda x: np.clip((whole.cdf(x) - low) / (high - low), 0, 1)


NUMBERS = [name for name, each in MAKE_UP.variables.items() if each.distribution != "shares"]


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_distributed_as_stated(name, many):
    each = MAKE_UP.variables[name]
    fine = screening.changed(MAKE_UP, {name: {"decimals": 6}})
    values = screening.population(fine, VARIABLES, size=SIZE, seed=2)[name]
    if each.scaled_by:
        ((by, factors),) = each.scaled_by.items()
        sex = screening.population(fine, VARIABLES, size=SIZE, seed=2)[by]
        values = values / sex.map(factors)
    if VARIABLES[name].type == "integer":
        assert (values == values.round()).all()
        values = values + np.random.default_rng(1).random(SIZE)  # ages are rounded down
    assert stats.kstest(values.dropna(), cumulative(each)).pvalue > 1e-3
    assert values.isna().mean() == pytest.approx(each.missing, abs=0.005)
    assert many[name].dropna().nunique() > 20


SHARES = [name for name, each in MAKE_UP.variables.items() if each.distribution == "shares"]


@pytest.mark.parametrize("name", SHARES)
def test_shares_are_as_stated(name, many):
    each = MAKE_UP.variables[name]
    values = many[name]
    if each.only_if:
        assert values[many["SEX"] == "M"].isna().all()
        values = values[many["SEX"] == "F"]
    assert values.isna().mean() == pytest.approx(each.missing, abs=0.006)
    found = values.dropna().map(str).str.removesuffix(".0").value_counts(normalize=True)
    for code, share in each.shares.items():
        error = math.sqrt(share * (1 - share) / len(values))
        assert found.get(code, 0) == pytest.approx(share, abs=4 * error + 1e-9)


def test_what_goes_together_does_so_as_stated(many):
    """Of two continuous variables, the rank correlation is 6/π asin(r/2)."""
    for each in MAKE_UP.correlations:
        one, other = (many[name] for name in each.between)
        found = one.corr(other, method="spearman")
        stated = 6 / math.pi * math.asin(each.value / 2)
        if "ECOG" in each.between:  # five grades tie many patients
            assert 0.75 * stated < found < 1.02 * stated
        elif "CREAT" in each.between:  # sex moves it, too
            assert found == pytest.approx(stated, abs=0.05)
        else:
            assert found == pytest.approx(stated, abs=0.025)
    unrelated = many["WEIGHT"].corr(many["AST"], method="spearman")
    assert abs(unrelated) < 0.03


def test_a_factor_by_sex(many):
    means = many.groupby("SEX")["WEIGHT"].median()
    assert means["F"] / means["M"] == pytest.approx(0.85, abs=0.01)


def test_a_seed_gives_the_same_patients_and_more_of_them():
    few, again, more, other = (
        screening.population(MAKE_UP, VARIABLES, size=size, seed=seed)
        for size, seed in ((50, 7), (50, 7), (80, 7), (50, 8))
    )
    pd.testing.assert_frame_equal(few, again)
    pd.testing.assert_frame_equal(few, more.head(50), check_dtype=False)
    assert not few["AGE"].equals(other["AGE"])


def test_a_change_moves_nobody_elses_values():
    before = screening.population(MAKE_UP, VARIABLES, size=300, seed=7)
    older = screening.changed(MAKE_UP, {"AGE": {"mean": 70, "sd": 8}})
    after = screening.population(older, VARIABLES, size=300, seed=7)
    assert (after["AGE"] > before["AGE"]).mean() > 0.9
    pd.testing.assert_frame_equal(before.drop(columns="AGE"), after.drop(columns="AGE"))
    assert MAKE_UP.variables["AGE"].mean == 42
    loose = screening.changed(MAKE_UP, correlations={("ECOG", "AGE"): 0})
    drawn = screening.population(loose, VARIABLES, size=SIZE, seed=7)
    assert abs(drawn["AGE"].corr(drawn["ECOG"], method="spearman")) < 0.03
    tied = screening.changed(MAKE_UP, correlations={("LVEF", "WEIGHT"): 0.5})
    assert len(tied.correlations) == len(MAKE_UP.correlations) + 1


def test_another_distribution_takes_the_place():
    flat = screening.changed(
        MAKE_UP, {"AMYLASE": {"distribution": "normal", "mean": 80, "sd": 5, "why": "a try"}}
    )
    drawn = screening.population(flat, VARIABLES, size=2000, seed=1)["AMYLASE"]
    assert drawn.notna().all()
    assert drawn.mean() == pytest.approx(80, abs=0.5)


def test_the_make_up_is_visible():
    told = screening.describe(MAKE_UP, VARIABLES).set_index("variable")
    assert list(told.index) == list(MAKE_UP.variables)
    assert told.loc["AGE", "unit"] == "years"
    assert told.loc["AGE", "distribution"] == "normal, mean 42 years, SD 18, cut from 8 to 85"
    assert "ECOG performance status (correlation 0.35)" in told.loc["AGE", "goes_with"]
    assert told.loc["SEX", "distribution"] == "male 55 %, female 45 %"
    assert told.loc["ECOG", "distribution"].startswith("0: 20 %, 1: 45 %")
    assert told.loc["LVEF", "goes_with"] == "age (correlation −0.2)"
    assert told.loc["WEIGHT", "goes_with"] == "sex (male × 1, female × 0.85)"
    assert told.loc["PREGFL", "goes_with"] == "only if female"
    assert told["assumption"].str.len().gt(0).all()


CONTENT = tomllib.loads((DATA / PAPER / "screening.toml").read_text(encoding="utf-8"))


def variables(**changes):
    return CONTENT | {
        "variables": {
            name: each | changes.get(name, {}) for name, each in CONTENT["variables"].items()
        }
    }


def pairs(*triples):
    return CONTENT | {
        "correlations": [
            {"between": [one, other], "value": value, "why": "-"} for one, other, value in triples
        ]
    }


FAULTS = {
    "shares": (variables(SEX={"shares": {"M": 0.5, "F": 0.4}}), "SEX, shares: they add up to 0.9"),
    "spread": (variables(BILI={"spread": 0.9}), "variables.BILI"),
    "no reason": (variables(AGE={"why": ""}), "variables.AGE"),
    "all missing": (variables(AGE={"missing": 1}), "variables.AGE"),
    "cut the wrong way": (variables(AGE={"least": 90}), "variables.AGE: next to nothing"),
    "cut far out": (
        variables(AGE={"least": 400, "greatest": 500}),
        "variables.AGE: next to nothing",
    ),
    "cut at zero": (variables(BILI={"least": 0}), "variables.BILI: cut at 0"),
    "scaled by what comes later": (
        variables(AGE={"scaled_by": {"ECOG": {"0": 1}}}),
        "variables.AGE, scaled_by: 'ECOG'",
    ),
    "factors": (
        variables(WEIGHT={"scaled_by": {"SEX": {"M": 1}}}),
        "variables.WEIGHT, scaled_by SEX: right would be: a factor above 0 for each of M, F",
    ),
    "unknown pair": (pairs(("AGE", "SHOE", 0.5)), "correlations, AGE and SHOE: no variable SHOE"),
    "itself": (pairs(("AGE", "AGE", 0.5)), "correlations, AGE and AGE"),
    "pair twice": (pairs(("AGE", "ALT", 0.5), ("ALT", "AGE", 0.1)), "correlations, ALT and AGE"),
    "impossible together": (
        pairs(("AGE", "ALT", 0.9), ("ALT", "AST", 0.9), ("AGE", "AST", -0.9)),
        "can't all be true at once",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_with_its_place(name):
    content, told = FAULTS[name]
    with pytest.raises(DataError, match=told):
        screening.checked(content)


AGE = Variable(label="age", type="integer", unit="years", source="")
SEX = Variable(label="sex", type="category", source="", values={"M": "male", "F": "female"})


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"AGE": AGE}, "SEX: no such variable"),
        (VARIABLES | {"SEX": SEX.model_copy(update={"values": {"M": "male"}})}, "SEX: no code F"),
        (VARIABLES | {"AGE": SEX}, "AGE is not a number"),
    ],
)
def test_a_make_up_of_other_variables(known, told):
    with pytest.raises(KitError, match=told):
        screening.population(MAKE_UP, known, size=5, seed=1)


@pytest.mark.parametrize(("size", "seed"), [(-1, 1), (10**7, 1), (5, -1)])
def test_sizes_and_seeds_that_cannot_be_used(size, seed):
    with pytest.raises(KitError, match="right would be"):
        screening.population(MAKE_UP, VARIABLES, size=size, seed=seed)


def test_nobody():
    nobody = screening.population(MAKE_UP, VARIABLES, size=0, seed=1)
    assert nobody.empty
    assert set(nobody) == {"USUBJID", *VARIABLES}


def test_a_change_of_nothing_there_is():
    with pytest.raises(KitError, match="no variable 'SHOE'"):
        screening.changed(MAKE_UP, {"SHOE": {"mean": 1}})
    with pytest.raises(DataError, match=r"variables\.AGE.*sd"):
        screening.changed(MAKE_UP, {"AGE": {"sd": -1}})


def test_a_paper_without_a_population():
    with pytest.raises(DataError, match="no screening population"):
        screening.load("alal_nos")
