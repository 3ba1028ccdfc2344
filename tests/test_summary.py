"""A paper made from patients prints what they are, as papers do, and no check finds fault."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.utils import median_survival_times

from helpers import audit, catalogue, papers, public_patients, summary
from helpers.catalogue import Variable
from helpers.errors import KitError
from helpers.reconstruct import verification
from helpers.summary import Choices, Group, Split

MONTH = 30.4375


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Return an empty place for papers."""
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    return tmp_path


def as_member(patients):
    """Return true patients as a cohort that could have been reconstructed."""
    died = patients["death"].to_numpy(bool)
    return patients.drop(columns=["months", "death"]).assign(
        member=1,
        USUBJID=[str(place) for place in range(len(patients))],
        DTHFL=np.where(died, "Y", "N"),
        DTHM=patients["months"].where(died),
        LSTALVM=patients["months"],
        **dict.fromkeys(("RSPM", "NRSPM", "RLPM", "HSCTM"), np.nan),
    )


# --- true papers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_a_true_paper_has_no_fault_and_no_inconsistent_number(root, seed):
    patients, choices = public_patients.draw(seed)
    folder = summary.write("true", patients, choices)
    assert papers.faults("true", text=folder / "abstract.txt") == []
    ledger = audit.ledger("true")
    wrong = ledger[ledger["verdict"] == "inconsistent"]
    assert wrong.empty, wrong[["id", "printed", "reason"]].to_string()
    # And other code than that which summed them up finds each number in the patients.
    found = verification.verify("true", as_member(patients))
    assert set(found["status"]) == {"required"}
    assert verification.missed(found)["id"].tolist() == []
    assert verification.broken("true", as_member(patients)).empty


def test_each_fact_is_stated_once_and_each_number_stands_in_the_abstract():
    patients, choices = public_patients.draw(3)
    numbers = summary.numbers(patients, choices)
    facts = [(each.quantity, each.group, each.statistic) for each in numbers]
    assert len(set(facts)) == len(facts)
    text = summary.abstract(patients, choices)
    assert all(each.printed in text for each in numbers)


def test_the_same_seed_gives_the_same_paper_and_another_one_another():
    (one, choices), (same, again), (other, _) = map(public_patients.draw, (7, 7, 8))
    pd.testing.assert_frame_equal(one, same)
    assert choices == again
    assert not one.equals(other)


def test_numbers_are_those_of_lifelines():
    patients, choices = public_patients.draw(5, name="lung", size=90)
    numbers = {each.id: each for each in summary.numbers(patients, choices)}
    fitted = KaplanMeierFitter().fit(patients["months"], patients["death"])
    assert numbers["os_median_all"].value == f"{fitted.median_survival_time_:.1f}"
    limits = median_survival_times(fitted.confidence_interval_).to_numpy()[0]
    assert [numbers["os_median_all"].lower, numbers["os_median_all"].upper] == [
        f"{each:.1f}" for each in limits
    ]
    assert numbers["os_12m_all"].value == f"{100 * fitted.predict(12):.1f}"
    band = fitted.confidence_interval_
    row = band[band.index <= 12].iloc[-1]
    assert [numbers["os_12m_all"].lower, numbers["os_12m_all"].upper] == [
        f"{100 * each:.1f}" for each in row
    ]


# --- a paper by hand -----------------------------------------------------------------------------

ARM = Variable(label="arm", type="category", source="text", values={"A": "new", "B": "old"})
AGE = Variable(label="age", type="integer", source="text", unit="years", minimum=0, maximum=100)
SEX = Variable(label="sex", type="category", source="text", values={"F": "women", "M": "men"})
CHOICES = Choices(
    title="Eight patients",
    variables={"ARM": ARM, "AGE": AGE, "SEX": SEX},
    compared=Split(
        "arm", (Group("new", "new drug", "ARM == 'A'"), Group("old", "old drug", "ARM == 'B'"))
    ),
    splits=(
        Split("sex", (Group("women", "women", "SEX == 'F'"), Group("men", "men", "SEX == 'M'"))),
    ),
    medians=("AGE",),
    months=(2, 6),
)


@pytest.fixture
def eight():
    # The curve of all falls at 1, 2, 3 and 5 months: 7/8, 3/4, 5/8, 1/2 of all; then nobody dies.
    return pd.DataFrame(
        {
            "months": [1.0, 2.0, 3.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            "death": [True, True, True, True, False, False, False, False],
            "ARM": ["B", "A", "B", "B", "A", "A", "B", "A"],
            "AGE": [40, 41, 50, 62, 63, 70, 71, 80],
            "SEX": ["F", "F", "M", "M", "F", "M", "M", "M"],
        }
    )


def test_eight_patients_are_printed_as_one_would_by_hand(eight):
    printed = {each.id: each.printed for each in summary.numbers(eight, CHOICES)}
    assert printed["patients"] == "8 patients"
    assert printed["patients_new"] == "4"
    assert printed["age"] == "62.5 years (range, 40-80)"
    assert printed["women_all"] == "37.5%"
    assert "men_all" not in printed
    assert printed["women_new"] == "50.0%"
    assert printed["women_old"] == "25.0%"
    assert printed["deaths"] == "4 (50.0%)"
    # Level at one half to the end: the first time there.
    assert printed["os_median_all"].startswith("5.0 months (95% CI, 1.0-NR)")
    assert printed["os_median_new"] == "not reached (95% CI, 2.0-NR)"
    assert printed["os_2m_all"].startswith("75.0% (95% CI, ")
    assert printed["os_6m_old"].startswith("25.0% (95% CI, ")
    fit = CoxPHFitter().fit(
        eight.assign(new=eight["ARM"] == "A")[["months", "death", "new"]], "months", "death"
    )
    assert printed["os_hr"].startswith(f"{fit.hazard_ratios_.iloc[0]:.2f} (95% CI, ")


def test_the_follow_up_is_the_median_of_the_reversed_curve(eight):
    # Lost at 6, 7, 8, 9 with 4, 3, 2, 1 at risk: 3/4, 1/2.
    printed = {each.id: each.printed for each in summary.numbers(eight, CHOICES)}
    assert printed["follow_up"] == "7.0 months (range, 1.0-9.0)"


def test_a_rate_is_left_out_where_the_curve_has_ended_or_has_no_limits(eight):
    ids = {each.id for each in summary.numbers(eight, replace(CHOICES, months=(1, 12)))}
    assert "os_1m_all" in ids
    assert "os_1m_new" not in ids  # nobody has died: the log-log scale has no limits
    assert not any(id.startswith("os_12m") for id in ids)


@pytest.mark.parametrize("part", CHOICES.parts)
def test_any_part_can_be_left_out(root, eight, part):
    summary.write("less", eight, public_patients.without(CHOICES, part))
    assert papers.faults("less") == []
    full = {each.printed for each in summary.numbers(eight, CHOICES)}
    less = {each.printed for each in catalogue.published("less")}
    assert full - less


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (0.5, "0.50"),
        (0.0496, "0.05"),
        (0.0149, "0.01"),
        (0.00996, "0.01"),
        (0.0046, "0.005"),
        (0.00099, "<0.001"),
        (0.999, ">0.99"),
    ],
)
def test_p_values_have_the_digits_of_journals(value, printed):
    assert summary._p(value) == printed


# --- refusals ------------------------------------------------------------------------------------


def test_what_cannot_be_summed_up_is_refused(root, eight):
    with pytest.raises(KitError, match="no AGE"):
        summary.numbers(eight.drop(columns="AGE"), CHOICES)
    with pytest.raises(KitError, match="a value is missing"):
        summary.numbers(eight.assign(AGE=np.nan), CHOICES)
    with pytest.raises(KitError, match="split by sex: not every patient is in one group"):
        summary.numbers(eight.assign(SEX="X"), CHOICES)
    with pytest.raises(KitError, match="no id for a paper"):
        summary.write("../elsewhere", eight, CHOICES)
    summary.write("mine", eight, CHOICES)
    with pytest.raises(KitError, match=r"data/mine: cannot be made \(File exists\)"):
        summary.write("mine", eight, CHOICES)
    assert not list(root.glob("elsewhere*"))


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(KitError, match="no data set 'nobody'"):
        public_patients.draw(1, name="nobody")
    with pytest.raises(KitError, match="size: given 1000"):
        public_patients.draw(1, name="lung", size=1000)


# --- the public data -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "patients", "deaths", "median"),
    # As R's survival package and the books print them; lung has one patient without ECOG status.
    [
        ("lung", 227, 164, 310 / MONTH),
        ("larynx", 90, 50, 6.0 * 12),
        ("lymphoma", 80, 54, None),
        ("kidney", 863, 140, np.inf),
        ("heart", 103, 75, 100 / MONTH),
    ],
)
def test_public_patients_are_those_of_the_books(name, patients, deaths, median):
    table = public_patients.patients(name)
    assert (len(table), int(table["death"].sum())) == (patients, deaths)
    days = table["months"] * MONTH
    assert np.allclose(days, days.round())
    assert days.min() >= 1
    for variable, described in public_patients.SOURCES[name].variables.items():
        if described.values:
            assert set(table[variable]) == set(described.values)
        else:
            assert table[variable].between(described.minimum, described.maximum).all()
    if median is not None:
        fitted = KaplanMeierFitter().fit(table["months"], table["death"])
        assert fitted.median_survival_time_ == pytest.approx(median, abs=0.05)
