"""Dose finding: published tables, R's packages, closed forms, and one way against another."""

import math
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import isotonic_regression
from scipy.stats import beta as beta_distribution
from scipy.stats import binom

from helpers import dose_finding
from helpers.dose_finding import BOIN, CRM, Keyboard, ThreePlusThree, characteristics
from helpers.dose_finding.interval import isotonic_rates
from helpers.errors import KitError

CURVE = (0.05, 0.12, 0.25, 0.40, 0.55)
SKELETON = dose_finding.skeleton(doses=5, target=0.25, guess=3, halfwidth=0.06)


def designs(doses, *, target=0.25, patients=30, cohort=3):
    common = {"doses": doses, "target": target, "patients": patients, "cohort": cohort}
    return {
        "BOIN": BOIN(**common),
        "keyboard": Keyboard(**common),
        "CRM": CRM(**common, skeleton=SKELETON[:doses]),
    }


def all_designs(doses, **options):
    return {"3+3": ThreePlusThree(doses=doses), **designs(doses, **options)}


def one(design, patients, toxicities, dose):
    """Return a single trial's next dose."""
    arrays = (np.array([patients]), np.array([toxicities]), np.array([dose]))
    return int(design.next_dose(*arrays)[0])


# 3+3


def by_the_book(design, patients, toxicities, dose):
    """The rule for a single trial, as a reader would carry it out."""
    n, y = patients[dose - 1], toxicities[dose - 1]
    if y >= 2:
        if dose == 1 or not design.deescalate or patients[dose - 2] == 6:
            return 0
        return dose - 1
    if n == 3 and y == 1:
        return dose
    if dose < design.doses and patients[dose] == 0:
        return dose + 1
    wants_six = design.six_at_highest if dose == design.doses else True
    return dose if n == 3 and wants_six else 0


def enumerated(design, rates, rule=one):
    """Go through all trials one by one, no state merged with another."""
    recommended = np.zeros(design.doses + 1)
    treated, dlts = np.zeros(design.doses), np.zeros(design.doses)

    def walk(patients, toxicities, dose, probability):
        for seen in range(design.cohort + 1):
            n, y = list(patients), list(toxicities)
            n[dose - 1] += design.cohort
            y[dose - 1] += seen
            chance = probability * binom.pmf(seen, design.cohort, rates[dose - 1])
            following = rule(design, n, y, dose)
            if following:
                walk(n, y, following, chance)
                continue
            recommended[int(design.recommend(np.array([n]), np.array([y]))[0])] += chance
            treated[:] += chance * np.array(n)
            dlts[:] += chance * np.array(y)

    walk([0] * design.doses, [0] * design.doses, design.start, 1.0)
    return recommended, treated, dlts


def agree(table, recommended, treated, dlts):
    np.testing.assert_allclose(table["recommended"], recommended, atol=1e-12)
    np.testing.assert_allclose(table["patients"][1:], treated, atol=1e-12)
    np.testing.assert_allclose(table["dlts"][1:], dlts, atol=1e-12)


@pytest.mark.parametrize("deescalate", [True, False])
@pytest.mark.parametrize("six_at_highest", [True, False])
@pytest.mark.parametrize("start", [1, 2])
def test_three_plus_three_trial_by_trial(deescalate, six_at_highest, start):
    design = ThreePlusThree(
        doses=3, start=start, deescalate=deescalate, six_at_highest=six_at_highest
    )
    rates = (0.1, 0.3, 0.45)
    table = dose_finding.operating_characteristics(design, rates)
    agree(table, *enumerated(design, rates, by_the_book))


def test_three_plus_three_without_deescalation_has_a_closed_form():
    """Lin and Shih 2001: a dose is passed by 0 of 3, or by 1 of 3 and then 0 of 3."""
    p = np.array(CURVE)
    q = 1 - p
    passed = q**3 + 3 * p * q**2 * q**3
    reached = np.concatenate([[1.0], np.cumprod(passed)])
    design = ThreePlusThree(doses=5, deescalate=False, six_at_highest=False)
    table = dose_finding.operating_characteristics(design, CURVE)
    np.testing.assert_allclose(table["recommended"], reached * np.append(1 - passed, 1))
    np.testing.assert_allclose(table["patients"][1:], reached[:-1] * (3 + 9 * p * q**2))


@pytest.mark.parametrize(
    ("rate", "printed"),
    [(0.1, 0.91), (0.2, 0.71), (0.3, 0.49), (0.4, 0.31), (0.5, 0.17), (0.6, 0.08), (0.7, 0.03)],
)
def test_how_often_a_dose_is_passed(rate, printed):
    """The probability of escalation that every introduction to the 3+3 design prints."""
    design = ThreePlusThree(doses=1, six_at_highest=False)
    table = dose_finding.operating_characteristics(design, [rate])
    assert table["recommended"][1] == pytest.approx(printed, abs=0.005)


def test_a_trial_without_any_dlt():
    """Three patients at the lower dose and six at the higher, as a trial reports it."""
    table = dose_finding.follow(ThreePlusThree(doses=2), [(1, 3, 0), (2, 3, 0), (2, 3, 0)])
    assert table["next"].to_list() == [
        "up to dose 2",
        "stay at dose 2",
        "stop: dose 2 is recommended",
    ]
    assert table["as_designed"].all()
    assert table["recommended"].to_list() == [1, 2, 2]
    assert table["reason"].iloc[1] == (
        "0 of 3 with a DLT: dose 2 is tolerated, and there is no higher one; six are to be treated"
    )
    # Without six at the highest dose, the third cohort is more than the design asks for.
    short = ThreePlusThree(doses=2, six_at_highest=False)
    table = dose_finding.follow(short, [(1, 3, 0), (2, 3, 0), (2, 3, 0)])
    assert table["as_designed"].to_list() == [True, True, False]


def test_a_trial_that_comes_down():
    cohorts = [(1, 3, 0), (2, 3, 1), (2, 3, 0), (3, 3, 2), (2, 3, 0)]
    table = dose_finding.follow(ThreePlusThree(doses=3), cohorts[:4])
    assert table["next"].to_list() == [
        "up to dose 2",
        "stay at dose 2",
        "up to dose 3",
        "stop: dose 2 is recommended",
    ]
    # One of three would have been filled up instead, and two of six be too toxic.
    cohorts[1:] = [(2, 3, 2), (1, 3, 2)]
    table = dose_finding.follow(ThreePlusThree(doses=3), cohorts)
    assert table["next"].to_list()[1:] == ["down to dose 1", "stop: no dose is recommended"]
    assert "dose 1 has had 3 patients" in table["reason"].iloc[1]
    assert "no lower one" in table["reason"].iloc[2]


def test_a_start_with_a_dose_below_it():
    design = ThreePlusThree(doses=3, start=2)
    table = dose_finding.follow(design, [(2, 3, 2), (1, 3, 0), (1, 3, 1)])
    assert table["next"].to_list() == [
        "down to dose 1",
        "stay at dose 1",
        "stop: dose 1 is recommended",
    ]
    assert "dose 1 has had no patients" in table["reason"].iloc[0]


def test_a_dose_above_one_that_is_too_toxic_is_never_recommended():
    """As in a trial that began higher than its design says."""
    table = dose_finding.follow(ThreePlusThree(doses=2), [(2, 3, 0), (1, 3, 2)])
    assert table["as_designed"].to_list() == [False, False]
    assert table["recommended"].to_list() == [2, 0]


@pytest.mark.parametrize("doses", [1, 2, 3])
def test_every_state_of_a_three_plus_three(doses):
    """None twice, each with the next step by the book, and each end with its recommendation."""
    design = ThreePlusThree(doses=doses)
    found = dose_finding.states(design)
    keys = list(zip(found["patients"], found["dlts"], found["dose"], strict=True))
    assert len(set(keys)) == len(keys)
    for row in found.itertuples():
        assert row.next_dose == by_the_book(design, row.patients, row.dlts, row.dose)
        assert row.next.startswith("stop") == (row.next_dose == 0)
        # Whatever comes next is a state, too.
        n = [size + 3 * (place + 1 == row.next_dose) for place, size in enumerate(row.patients)]
        assert not row.next_dose or (tuple(n), row.dlts, row.next_dose) in keys


# BOIN, keyboard, mTPI-2


@pytest.mark.parametrize(
    ("target", "up", "down"),
    [
        (0.15, 0.118, 0.179),
        (0.20, 0.157, 0.238),
        (0.25, 0.197, 0.298),
        (0.30, 0.236, 0.358),
        (0.35, 0.276, 0.419),
        (0.40, 0.316, 0.479),
    ],
)
def test_boin_boundaries_as_published(target, up, down):
    """Liu and Yuan 2015, who cut off after three digits in places."""
    design = BOIN(doses=3, target=target, patients=30)
    assert design.escalation_boundary == pytest.approx(up, abs=1e-3)
    assert design.deescalation_boundary == pytest.approx(down, abs=1e-3)


def test_boin_eliminates_as_published():
    """Liu and Yuan 2015, table 1: target 0.25, after 3 to 12 patients."""
    table = BOIN(doses=3, target=0.25, patients=12, cohort=1).boundaries()
    printed = "3/3 3/4 3/5 4/6 4/7 4/8 5/9 5/10 6/11 6/12"
    rows = table.loc[3:, "eliminate_at_least"]
    assert " ".join(f"{dlts}/{size}" for size, dlts in rows.items()) == printed


@pytest.mark.parametrize(
    ("target", "up", "down"),
    [
        (0.15, 0.1177966491, 0.1786862502),
        (0.25, 0.1968008706, 0.2983921524),
        (0.30, 0.2364906852, 0.3585194646),
        (0.40, 0.3163600400, 0.4796503227),
    ],
)
def test_boin_boundaries_as_in_r(target, up, down):
    """get.boundary of R's BOIN 2.7.2."""
    design = BOIN(doses=3, target=target, patients=30)
    assert design.escalation_boundary == pytest.approx(up, abs=1e-10)
    assert design.deescalation_boundary == pytest.approx(down, abs=1e-10)


# For 3, 6, … 30 patients: up at most, down at least, eliminate at least.
R_BOIN = {
    0.2: ["0 0 1 1 2 2 3 3 4 4", "1 2 3 3 4 5 6 6 7 8", "2 3 4 5 6 7 8 8 9 10"],
    0.25: ["0 1 1 2 2 3 4 4 5 5", "1 2 3 4 5 6 7 8 9 9", "3 4 5 6 7 8 9 10 11 12"],
    0.3: ["0 1 2 2 3 4 4 5 6 7", "2 3 4 5 6 7 8 9 10 11", "3 4 5 7 8 9 10 11 12 14"],
}
R_KEYBOARD = {
    0.2: ["0 0 1 1 2 2 2 3 3 4", "1 2 3 3 4 5 6 6 7 8", "2 3 4 5 6 7 8 8 9 10"],
    0.3: ["0 1 2 2 3 4 5 5 6 7", "2 3 4 5 6 7 8 9 10 11", "3 4 5 7 8 9 10 11 12 14"],
}
TABLES = [(BOIN, *item) for item in R_BOIN.items()]
TABLES += [(Keyboard, *item) for item in R_KEYBOARD.items()]


@pytest.mark.parametrize(("kind", "target", "rows"), TABLES)
def test_boundaries_as_in_r(kind, target, rows):
    """get.boundary of R's BOIN 2.7.2 and get.boundary.kb of R's Keyboard 0.1.3."""
    table = kind(doses=3, target=target, patients=30).boundaries()
    for column, row in zip(table, rows, strict=True):
        assert table[column].to_list() == [int(each) for each in row.split()]


def test_mtpi2_decisions_as_published():
    """Guo et al. 2017 (arXiv 1609.08737), figure 3: target 0.30 ± 0.05, 3, 6 and 9 patients."""
    table = Keyboard(doses=3, target=0.3, patients=9).decision_table()
    decisions = [" ".join(table[size][: size + 1]) for size in (3, 6, 9)]
    assert decisions == ["E S D DU", "E E S D DU DU DU", "E E E S D DU DU DU DU DU"]
    assert (table[3][4:] == "").all()


@pytest.mark.parametrize(("target", "margin"), [(0.3, 0.05), (0.25, 0.1), (0.1, 0.05), (0.2, 0.03)])
def test_the_strongest_key_by_integration(target, margin):
    design = Keyboard(doses=2, target=target, patients=12, cohort=1, below=margin, above=margin)
    keys = design.keys
    assert keys[0] == 0
    assert keys[-1] == 1
    assert design.target_key[0] in keys
    np.testing.assert_allclose(np.diff(keys)[1:-1], 2 * margin)
    for size in range(1, 13):
        for dlts in range(size + 1):
            density = beta_distribution(dlts + 1, size - dlts + 1)
            if size >= 3 and density.sf(target) > 0.95:
                expected = "DU"
            else:
                power = np.diff(density.cdf(keys)) / np.diff(keys)
                middle = keys[power.argmax() : power.argmax() + 2].mean()
                off = abs(middle - target) < 1e-9
                expected = "S" if off else ("E" if middle < target else "D")
            assert design.decision(size, dlts) == expected


# Patients and DLTs at five doses, and what select.mtd of R's BOIN 2.7.2 recommends at target 0.3.
R_SELECTED = """
12 0 0 0 0 / 4 0 0 0 0 / 1
12 12 0 0 0 / 3 2 0 0 0 / 2
3 12 12 6 9 / 0 2 4 4 6 / 3
3 12 3 0 0 / 0 7 2 0 0 / 1
3 3 0 0 0 / 0 1 0 0 0 / 2
3 3 3 6 6 / 0 1 2 1 2 / 2
3 6 3 9 6 / 0 1 1 3 2 / 3
3 9 12 0 0 / 0 4 4 0 0 / 2
6 12 3 6 0 / 1 3 0 1 0 / 4
6 6 0 0 0 / 1 4 0 0 0 / 1
6 9 0 0 0 / 2 1 0 0 0 / 2
9 12 3 6 9 / 2 1 0 4 5 / 3
9 12 9 9 3 / 3 2 2 3 3 / 4
9 3 0 0 0 / 2 0 0 0 0 / 2
9 3 12 12 0 / 0 0 0 9 0 / 3
9 3 6 12 0 / 1 0 0 4 0 / 4
9 3 6 6 0 / 3 1 3 1 0 / 1
9 9 12 6 0 / 2 0 5 2 0 / 3
9 9 12 9 3 / 0 4 3 4 1 / 2
"""


@pytest.mark.parametrize("line", R_SELECTED.strip().splitlines())
def test_recommended_dose_as_in_r(line):
    patients, toxicities, expected = line.split("/")
    counts = [np.array([part.split()], dtype=int) for part in (patients, toxicities)]
    design = BOIN(doses=5, target=0.3, patients=60)
    assert design.recommend(*counts) == [int(expected)]


def test_no_dose_is_recommended_where_the_lowest_is_eliminated():
    design = BOIN(doses=2, target=0.3, patients=30)
    table = dose_finding.follow(design, [(1, 3, 3)])
    assert table["next"].to_list() == ["stop: no dose is recommended"]
    assert table["reason"].iloc[0].startswith("3 of 3 with a DLT: down, and never again")


def test_an_eliminated_dose_is_never_given_again():
    design = BOIN(doses=3, target=0.3, patients=30)
    cohorts = [(1, 3, 0), (2, 3, 3), *[(1, 3, 0)] * 3]
    table = dose_finding.follow(design, cohorts)
    assert table["next_dose"].to_list() == [2, 1, 1, 1, 1]
    assert table["reason"].iloc[2].endswith("up, but dose 2 is eliminated")


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=6))
def test_isotonic_rates_as_in_scipy(pairs):
    patients = np.array([max(pair) for pair in pairs])
    toxicities = np.array([min(pair) for pair in pairs])
    given_to = patients > 0
    a, b = toxicities + 0.05, patients - toxicities + 0.05
    expected = isotonic_regression(
        (a / (a + b))[given_to], weights=((a + b) ** 2 * (a + b + 1) / (a * b))[given_to]
    ).x
    found = isotonic_rates(patients[None], toxicities[None], given_to[None])[0]
    np.testing.assert_allclose(found[given_to], expected, rtol=1e-9)


def test_operating_characteristics_as_in_r():
    """get.oc of R's BOIN 2.7.2, 20,000 simulated trials: within four standard errors."""
    design = BOIN(doses=5, target=0.25, patients=30)
    table = dose_finding.operating_characteristics(design, CURVE)
    in_r = np.array([0.00025, 0.008, 0.264, 0.55735, 0.1575, 0.0129])
    error = np.sqrt(in_r * (1 - in_r) / 20_000)
    assert (abs(table["recommended"] - in_r) < 4 * error).all()
    np.testing.assert_allclose(
        table["patients"][1:], [5.433, 9.98265, 9.9015, 3.9516, 0.7245], atol=0.12
    )
    # The same with enough patients at a dose: n.earlystop = 12.
    design = BOIN(doses=3, target=0.3, patients=24, enough=12)
    table = dose_finding.operating_characteristics(design, [0.25, 0.42, 0.5])
    in_r = np.array([0.06715, 0.59915, 0.28385, 0.04985])
    error = np.sqrt(in_r * (1 - in_r) / 20_000)
    assert (abs(table["recommended"] - in_r) < 4 * error).all()
    np.testing.assert_allclose(table["patients"][1:], [9.74655, 6.20865, 1.61115], atol=0.1)


# CRM


def counts_of(levels, dlts, doses):
    levels, dlts = np.array(levels) - 1, np.array(dlts)
    return (
        np.bincount(levels, minlength=doses),
        np.bincount(levels, dlts, minlength=doses).astype(int),
    )


def test_crm_as_in_r():
    """The example in the manual of R's dfcrm 0.2-2.1."""
    design = CRM(doses=6, target=0.2, patients=12, skeleton=(0.05, 0.1, 0.2, 0.35, 0.5, 0.7))
    counts = counts_of([3, 4, 4, 3, 3, 4, 3, 2, 2, 2], [0, 0, 1, 0, 0, 1, 1, 0, 0, 0], 6)
    table = design.posterior(*counts)
    expected = {
        "estimate": [0.0886529, 0.1553009, 0.2720539, 0.4277898, 0.5708462, 0.7493958],
        "lower": [0.0095115, 0.0279279, 0.0820026, 0.1956588, 0.3405736, 0.5744977],
        "upper": [0.2833229, 0.3793253, 0.5078575, 0.6427736, 0.7469128, 0.8605738],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], values, atol=1e-7)
    assert one(design, *counts, 2) == 2


def test_crm_comes_to_what_its_first_paper_came_to():
    """O'Quigley, Pepe and Fisher 1990, table 1, as R's package CRM has it in its demo.

    Their prior is another one, so the first dozen patients are treated otherwise.
    """
    levels = [int(dose) for dose in "3443321112222222222222221"]
    dlts = [int(seen) for seen in "0010110000001000001001011"]
    skeleton = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
    common = {"doses": 6, "target": 0.2, "patients": 50, "cohort": 1, "cutoff": 0.999999}
    design = CRM(**common, skeleton=skeleton, skip=True)
    following = [
        one(design, *counts_of(levels[:treated], dlts[:treated], 6), levels[treated - 1])
        for treated in range(1, 26)
    ]
    assert following[13:24] == levels[14:]
    # The dose that the paper proposes.
    assert following[-1] == 1


def test_crm_with_another_prior_as_in_r():
    """As escalation's tests have it, with the values of dfcrm 0.2-2.1."""
    design = CRM(doses=4, target=0.2, patients=24, skeleton=(0.1, 0.2, 0.4, 0.55), scale=0.75**0.5)
    levels = [2, 2, 2, 2, 2, 2, 3, 3, 3, 2, 2, 2]
    counts = counts_of(levels, [0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1], 4)
    expected = [0.1564986, 0.2735187, 0.4780392, 0.6178241]
    np.testing.assert_allclose(design.posterior(*counts)["estimate"], expected, atol=1e-7)
    assert one(design, *counts, 2) == 1


def test_skeleton_as_in_r():
    """getprior of R's dfcrm 0.2-2.1."""
    found = dose_finding.skeleton(doses=6, target=0.2, guess=4, halfwidth=0.05)
    expected = [0.01616836, 0.04909161, 0.11052781, 0.2, 0.30848729, 0.42341590]
    np.testing.assert_allclose(found, expected, atol=1e-8)
    np.testing.assert_allclose(
        SKELETON, [0.06157900, 0.14004969, 0.25, 0.37619627, 0.50184923], atol=1e-8
    )


def test_crm_characteristics_as_in_r():
    """All 256 trials of four cohorts, each decided by dfcrm's crm, no dose skipped."""
    design = CRM(doses=3, target=0.25, patients=12, skeleton=(0.1, 0.25, 0.4), cutoff=0.999999)
    table = dose_finding.operating_characteristics(design, [0.15, 0.3, 0.5])
    np.testing.assert_allclose(
        table["recommended"], [0, 0.4271891823, 0.4367342285, 0.1360765892], atol=1e-9
    )
    np.testing.assert_allclose(
        table["patients"][1:], [6.862572289, 3.910842604, 1.226585107], atol=1e-8
    )
    np.testing.assert_allclose(
        table["dlts"][1:], [1.0293858433, 1.1732527812, 0.6132925536], atol=1e-8
    )


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), min_size=3, max_size=3),
    st.sampled_from([0.6, 1.34**0.5, 2.0]),
)
def test_crm_posterior_by_adaptive_quadrature(pairs, scale):
    rates = np.array([0.08, 0.25, 0.45])
    patients = np.array([max(pair) for pair in pairs])
    toxicities = np.array([min(pair) for pair in pairs])
    design = CRM(doses=3, target=0.25, patients=90, skeleton=tuple(rates), scale=scale)

    def density(beta):
        p = np.clip(rates ** np.exp(beta), 1e-300, 1 - 1e-16)
        log = (toxicities * np.log(p) + (patients - toxicities) * np.log1p(-p)).sum()
        return math.exp(log - (beta / scale) ** 2 / 2 - peak)

    peak = 0.0
    peak = max(math.log(max(density(beta), 1e-300)) for beta in np.linspace(-7, 7, 281))
    cut = math.log(math.log(0.25) / math.log(0.08))

    def integral(function, low, high):
        steps = np.linspace(low, high, 30)
        return sum(quad(function, *pair)[0] for pair in pairwise(steps))

    total = integral(density, -8, cut) + integral(density, cut, 8)
    mean = integral(lambda beta: beta * density(beta), -8, 8) / total
    table = design.posterior(patients, toxicities)
    np.testing.assert_allclose(table["estimate"], rates ** math.exp(mean), atol=1e-5)
    assert table["above_target"][1] == pytest.approx(integral(density, -8, cut) / total, abs=1e-5)


def test_crm_rises_by_one_dose_at_a_time():
    common = {"doses": 5, "target": 0.25, "patients": 12, "skeleton": SKELETON}
    counts = [3, 0, 0, 0, 0], [0, 0, 0, 0, 0]
    assert one(CRM(**common), *counts, 1) == 2
    assert one(CRM(**common, skip=True), *counts, 1) > 2
    table = dose_finding.follow(CRM(**common), [(1, 3, 0)])
    assert table["reason"].iloc[0].endswith("but the dose rises by one at a time")


def test_crm_recommends_a_dose_that_was_given():
    design = CRM(doses=5, target=0.25, patients=3, skeleton=SKELETON)
    path = dose_finding.follow(design, [(1, 3, 0)])
    assert path["reason"].iloc[0].startswith("estimates 0.01, 0.03, 0.09, 0.19, 0.31: dose 5 is")
    assert path["next"].to_list() == ["stop: dose 1 is recommended"]


def test_crm_stops_where_the_lowest_dose_is_too_toxic():
    common = {"doses": 5, "target": 0.25, "patients": 12, "skeleton": SKELETON}
    above = CRM(**common).posterior([3, 0, 0, 0, 0], [3, 0, 0, 0, 0])["above_target"][1]
    for cutoff, following in ((above - 0.01, 0), (above + 0.001, 1)):
        design = CRM(**common, cutoff=cutoff)
        assert one(design, [3, 0, 0, 0, 0], [3, 0, 0, 0, 0], 1) == following
    table = dose_finding.follow(CRM(**common, cutoff=above - 0.01), [(1, 3, 3)])
    assert table["next"].iloc[0] == "stop: no dose is recommended"
    assert table["reason"].iloc[0].startswith("dose 1 exceeds the target of 0.25 with probability")


# All designs alike


@pytest.mark.parametrize("name", ["BOIN", "keyboard", "CRM"])
@pytest.mark.parametrize("enough", [None, 6])
def test_exact_characteristics_trial_by_trial(name, enough):
    rates = (0.1, 0.28, 0.5)
    plain = designs(3, patients=12)[name]
    design = type(plain)(**{**vars(plain), "enough": enough})
    table = dose_finding.operating_characteristics(design, rates)
    agree(table, *enumerated(design, rates))


@pytest.mark.parametrize("name", ["3+3", "BOIN", "keyboard", "CRM"])
def test_simulated_characteristics_are_near_the_exact_ones(name):
    design = all_designs(5, patients=24)[name]
    exact = dose_finding.operating_characteristics(design, CURVE)
    simulated = dose_finding.operating_characteristics(design, CURVE, trials=20_000, seed=1)
    p = exact["recommended"].clip(1e-4, 1)
    assert (abs(simulated["recommended"] - p) < 4.5 * np.sqrt(p * (1 - p) / 20_000) + 1e-4).all()
    # No dose has more than all patients, which bounds the standard error.
    assert (abs(simulated["patients"] - exact["patients"]) < 4.5 * 15 / 20_000**0.5).all()


@pytest.mark.parametrize("name", ["3+3", "BOIN", "keyboard", "CRM"])
def test_a_seed_gives_the_same_trials_again(name):
    design = all_designs(5, patients=12)[name]

    def table(seed):
        return dose_finding.operating_characteristics(design, CURVE, trials=500, seed=seed)

    assert table(4).equals(table(np.random.default_rng(4)))
    assert not table(4).equals(table(5))
    first = dose_finding.one_trial(design, CURVE, seed=4)
    assert first.equals(dose_finding.one_trial(design, CURVE, seed=4))


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from(["3+3", "BOIN", "keyboard", "CRM"]),
    st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted),
    st.sampled_from([1, 2, 3]),
)
def test_what_holds_under_any_curve(name, rates, cohort):
    design = all_designs(3, patients=12, cohort=cohort)[name]
    table = dose_finding.operating_characteristics(design, rates)
    assert table["recommended"].sum() == pytest.approx(1)
    assert (table["recommended"] >= 0).all()
    assert table["patients"].sum() <= 18 + 1e-9
    # Whatever the rule, each patient at a dose has the rate of that dose.
    np.testing.assert_allclose(table["dlts"][1:], table["patients"][1:] * rates, atol=1e-9)


@pytest.mark.parametrize("name", ["3+3", "BOIN", "keyboard", "CRM"])
@pytest.mark.parametrize(("rate", "recommended"), [(0.0, 3), (1.0, 0)])
def test_doses_that_nobody_and_everybody_bears(name, rate, recommended):
    design = all_designs(3, patients=18)[name]
    table = dose_finding.operating_characteristics(design, [rate] * 3)
    assert table["recommended"][recommended] == pytest.approx(1)


@pytest.mark.parametrize("name", ["3+3", "BOIN", "keyboard", "CRM"])
def test_one_simulated_trial_is_as_designed(name):
    design = all_designs(5)[name]
    for seed in range(5):
        table = dose_finding.one_trial(design, CURVE, seed=seed)
        assert table["as_designed"].all()
        assert table["next_dose"].iloc[-1] == 0
        assert (table["next_dose"].iloc[:-1] > 0).all()
        assert table["next"].iloc[-1].startswith("stop: ")


@pytest.mark.parametrize("name", ["BOIN", "keyboard"])
def test_more_dlts_never_lead_higher(name):
    design = designs(3, patients=30, cohort=1)[name]
    order = {"E": 3, "S": 2, "D": 1, "DU": 0}
    for size in range(1, 31):
        levels = [order[design.decision(size, dlts)] for dlts in range(size + 1)]
        assert levels == sorted(levels, reverse=True)


@dataclass(frozen=True)
class Stepwise:
    """A reader's own design: one patient each time, up until the first DLT."""

    doses: int
    start: int = 1
    cohort: int = 1

    def next_dose(self, patients, toxicities, dose):
        return np.where((toxicities.sum(axis=1) > 0) | (dose == self.doses), 0, dose + 1)

    def recommend(self, patients, toxicities):
        return ((patients > 0) & (toxicities == 0)).sum(axis=1)

    def reason(self, patients, toxicities, dose):
        return "a DLT" if toxicities[dose - 1] else "no DLT"


def test_a_design_of_ones_own():
    table = dose_finding.operating_characteristics(Stepwise(doses=2), [0.2, 0.5])
    assert table["recommended"].to_list() == pytest.approx([0.2, 0.8 * 0.5, 0.8 * 0.5])
    path = dose_finding.follow(Stepwise(doses=2), [(1, 1, 0), (2, 1, 1)])
    assert path["next"].to_list() == ["up to dose 2", "stop: dose 1 is recommended"]


def test_comparing_and_totals():
    compared = dose_finding.compare(
        {"3+3": ThreePlusThree(doses=3), "BOIN": BOIN(doses=3, target=0.25, patients=12)},
        {"flat": (0.25, 0.25, 0.25), "steep": (0.05, 0.3, 0.6)},
        trials=None,
    )
    assert len(compared) == 2 * 2 * 4
    exact = dose_finding.operating_characteristics(ThreePlusThree(doses=3), (0.05, 0.3, 0.6))
    summed = dose_finding.totals(compared, target=0.25)
    assert summed[["design", "curve"]].to_numpy().tolist() == [
        list(pair) for pair in product(["3+3", "BOIN"], ["flat", "steep"])
    ]
    alone = dose_finding.totals(exact, target=0.25).iloc[0]
    row = summed.iloc[1]
    for name, value in alone.items():
        assert row[name] == value
    assert row["none"] == exact["recommended"][0]
    assert row["right"] == exact["recommended"][2]
    assert row["above"] == pytest.approx(exact["recommended"][2:].sum())
    assert row["share_above"] == pytest.approx(
        exact["patients"][2:].sum() / exact["patients"].sum()
    )
    # Where every dose is at the target, none is above it, and the lowest counts as right.
    assert summed["share_above"][0] == 0
    assert summed["right"][0] == compared["recommended"][1]


def test_equal_states_merge_and_no_others():
    """Eighty doses: more combinations of counts than a number can tell apart."""
    generator = np.random.default_rng(1)
    patients = generator.integers(0, 2, (50, 80))[generator.integers(0, 50, 400)]
    toxicities = patients * generator.integers(0, 2, (400, 1))
    dose = generator.integers(1, 3, 400)
    weight = generator.random(400)
    rows = np.column_stack([dose, patients, toxicities])
    first, merged = characteristics._merged(patients, toxicities, dose, weight)
    distinct, where = np.unique(rows, axis=0, return_inverse=True)
    assert len(first) == len(distinct) < 400
    order = np.lexsort(rows[first].T[::-1])
    np.testing.assert_array_equal(rows[first][order], distinct)
    np.testing.assert_allclose(merged[order], np.bincount(where.ravel(), weight))


# What is no design, no curve and no trial


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ((0.1, 0.2), "2 DLT rates; right would be: 3, one per dose"),
        ((0.1, 0.2, 1.2), "the DLT rate of dose 3 is 1.2; right would be: from 0 to 1"),
        ((0.1, float("nan"), 0.2), "the DLT rate of dose 2 is nan"),
        ((0.1, 0.3, 0.2), "falls from 0.3 at dose 2 to 0.2 at dose 3"),
    ],
)
def test_what_is_no_curve_is_refused(rates, message):
    with pytest.raises(KitError, match=message):
        dose_finding.operating_characteristics(ThreePlusThree(doses=3), rates)
    with pytest.raises(KitError, match=message):
        dose_finding.one_trial(ThreePlusThree(doses=3), rates, seed=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": 1.2}, "target: given 1.2"),
        ({"cutoff": 0}, "cutoff: given 0"),
        ({"doses": 0}, "0 doses"),
        ({"start": 4}, "no dose 4; right would be: 1 to 3"),
        ({"patients": 10}, "10 patients in cohorts of 3"),
        ({"enough": 0}, "enough: given 0"),
        ({"low": 0.3}, "low 0.3, target 0.25, high 0.35"),
    ],
)
def test_what_is_no_design_is_refused(options, message):
    with pytest.raises(KitError, match=message):
        BOIN(**{"doses": 3, "target": 0.25, "patients": 12, **options})


def test_what_else_is_no_design():
    common = {"doses": 3, "target": 0.25, "patients": 12}
    with pytest.raises(KitError, match="no dose 3; right would be: 1 to 2"):
        ThreePlusThree(doses=2, start=3)
    with pytest.raises(KitError, match=r"the target key reaches from -0\.05 to 0\.3"):
        Keyboard(**common, below=0.3)
    with pytest.raises(KitError, match="skeleton: 2 DLT rates"):
        CRM(**common, skeleton=(0.1, 0.2))
    for skeleton in ((0.1, 0.1, 0.2), (0.0, 0.1, 0.2), (0.1, 0.2, 1.0)):
        with pytest.raises(KitError, match="rates that rise from dose to dose"):
            CRM(**common, skeleton=skeleton)
    with pytest.raises(KitError, match="scale: given 0"):
        CRM(**common, skeleton=(0.1, 0.2, 0.3), scale=0)
    with pytest.raises(KitError, match=r"halfwidth: from -0\.1"):
        dose_finding.skeleton(doses=3, target=0.1, guess=2, halfwidth=0.2)
    with pytest.raises(KitError, match="guess: no dose 4"):
        dose_finding.skeleton(doses=3, target=0.3, guess=4, halfwidth=0.05)


def test_what_is_no_trial_is_refused():
    design = ThreePlusThree(doses=2)
    for cohort, message in (
        ((3, 3, 0), "cohort 1: no dose 3; right would be: 1 to 2"),
        ((1, 3, 4), "4 of 3 patients with a DLT"),
        ((1, 0, 0), "0 of 0 patients with a DLT"),
        ((1, 4, 0), "4 patients at dose 1; right would be: three or six"),
    ):
        with pytest.raises(KitError, match=message):
            dose_finding.follow(design, [cohort])
    boin = BOIN(doses=2, target=0.3, patients=6)
    with pytest.raises(KitError, match="9 patients; right would be: at most 6"):
        dose_finding.follow(boin, [(1, 9, 0)])
    with pytest.raises(KitError, match="4 of 3 patients with a DLT"):
        boin.decision(3, 4)
    crm = CRM(doses=2, target=0.3, patients=6, skeleton=(0.1, 0.3))
    with pytest.raises(KitError, match="1 and 2 counts"):
        crm.posterior([3], [0, 0])
    with pytest.raises(KitError, match="not counts of DLTs"):
        crm.posterior([3, 0], [4, 0])


def test_what_cannot_be_computed_is_refused(monkeypatch):
    design = ThreePlusThree(doses=2)
    for options in ({"trials": 0, "seed": 1}, {"trials": 10}):
        with pytest.raises(KitError, match="one or more trials, and a seed"):
            dose_finding.operating_characteristics(design, [0.1, 0.2], **options)
    monkeypatch.setattr(characteristics, "_MOST_STATES", 1000)
    large = BOIN(doses=6, target=0.25, patients=60, cohort=1)
    with pytest.raises(KitError, match="more than 1,000 possible trials so far"):
        dose_finding.operating_characteristics(large, np.linspace(0.05, 0.5, 6))
    with pytest.raises(KitError, match="nothing to compare"):
        dose_finding.compare({}, {"flat": [0.1, 0.2]})
    with pytest.raises(KitError, match="target: given 0"):
        dose_finding.totals(dose_finding.operating_characteristics(design, [0.1, 0.2]), target=0)
