"""Papers made of true patients: the truth is allowed, members are found, and it lies among them."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import coverage
from helpers import audit, public_patients, summary
from helpers.reconstruct import members, search, times, verification

MONTH = 30.4375
PAPERS = {"lung": 4, "lymphoma": 3}
"""Public data sets and the seeds of the papers made of them."""
MEMBERS = 4


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Return an empty place for papers."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("papers")
        patch.setenv("TRIAL_BY_NOTEBOOK", str(place))
        yield place


def energy_of_the_truth(paper, patients):
    """Return how far true patients are from what the search asks of them, and whom it refuses."""
    prepared = members.plan(paper)
    days = np.round(patients["months"].to_numpy() * MONTH).astype(np.int64)
    died = patients["death"].to_numpy(bool)
    table = patients.assign(USUBJID=np.arange(len(patients)), DTHFL=np.where(died, "Y", "N"))
    for flag in prepared.flags:
        table[flag.name] = np.where(died & (days <= flag.day), "Y", "N")
    drawn = times.problem(prepared.asked, table, prepared.flags, prepared.variables)
    begun = times.start(prepared.asked, table, drawn, np.random.default_rng(1))
    day = np.full((len(patients), search.COLUMNS), search.NEVER, np.int64)
    day[:, search.TREATMENT] = 0
    day[:, search.LAST] = days
    day[died, search.DEATH] = days[died]
    begun["day"] = day
    energy, _ = search.anneal(
        np.random.default_rng(1), **begun, **drawn.arrays, n_steps=0, hot=1.0, cold=0.1, stop_at=0.0
    )
    arrays = drawn.arrays
    time = np.broadcast_to(days, (len(arrays["origin"]), len(days)))
    code = np.broadcast_to(died.astype(np.int64), time.shape)
    flagged = (arrays["flag_endpoint"], arrays["flag_day"], arrays["flag_lost"], arrays["flags"])
    refused = [
        place
        for place in range(len(days))
        if not search.as_flagged(place, time, code, *flagged)
        or not search.allowed(day, place, begun["least"], begun["most"], begun["must"])
    ]
    return energy, refused


@pytest.mark.parametrize(
    ("seed", "left_out"),
    [
        (0, ()),
        pytest.param(1, (), id="lost after the last death before a rate"),
        pytest.param(3, (), id="lost, two groups"),
        pytest.param(17, (), id="another denominator fits by chance"),
        pytest.param(22, (), id="another denominator, other group"),
        pytest.param(26, (), id="a limit of 0.0 months"),
        pytest.param(41, (), id="the group's size fits by chance"),
        pytest.param(45, (), id="two groups' counts by one day"),
        pytest.param(5, ("follow-up",), id="no time printed but the months of rates"),
    ],
)
def test_the_search_allows_the_truth(root, seed, left_out):
    """A paper that its own patients could not be reconstructed for would be misread."""
    patients, choices = public_patients.draw(seed)
    paper = f"allowed_{seed}"
    summary.write(paper, patients, public_patients.without(choices, *left_out))
    energy, refused = energy_of_the_truth(paper, patients)
    assert energy == pytest.approx(0, abs=1e-9)
    assert refused == []


@pytest.fixture(scope="module")
def made(root):
    """Return papers with their true patients, what is printed of them, and their members."""
    found = {}
    for name, seed in PAPERS.items():
        patients, choices = public_patients.draw(seed, name=name, size=40)
        choices = public_patients.without(choices, *coverage.ABSTRACT)
        summary.write(name, patients, choices)
        prepared = members.plan(name)
        cohorts = [members.member(prepared, [1, number]) for number in range(1, MEMBERS + 1)]
        found[name] = patients, choices, cohorts
    return found


@pytest.mark.parametrize("name", PAPERS)
def test_members_of_a_true_paper_have_every_printed_number(made, name):
    _, _, cohorts = made[name]
    table = pd.concat([each.assign(member=n) for n, each in enumerate(cohorts)], ignore_index=True)
    found = verification.verify(name, table)
    assert set(found["status"]) == {"required"}
    assert (found["members_agreeing"] == MEMBERS).all()
    assert verification.broken(name, table).empty
    assert len({tuple(sorted(each["LSTALVM"])) for each in cohorts}) == MEMBERS
    assert "inconsistent" not in set(audit.ledger(name)["verdict"])


def test_the_truth_lies_among_the_members(made):
    """Four members would cover three fifths, were they drawn like the truth."""
    cases = [
        case
        for each in made.values()
        for case in coverage.compared(*each)
        # No number tells how a group of which only percentages are printed fares.
        if case.quantity != "median of another group"
    ]
    assert {"rate midway", "restricted mean", "log hazard ratio"} <= {x.quantity for x in cases}
    assert len(cases) >= 8
    assert np.mean([case.covered(MEMBERS) for case in cases]) >= 0.5


def test_a_curve_narrows_what_the_abstract_leaves_open(root, made):
    patients, choices, cohorts = made["lung"]
    folder = summary.write("lung_curve", patients, choices)
    coverage.with_a_curve(folder, patients, choices)
    prepared = members.plan("lung_curve")
    seen = [members.member(prepared, [1, number]) for number in (1, 2, 3)]

    def off(some):
        """Return how far the restricted means are from the truth, in months."""
        return np.mean(
            [
                abs(case.found - case.truth).mean()
                for case in coverage.compared(patients, choices, some)
                if case.quantity == "restricted mean"
            ]
        )

    assert off(seen) < off(cohorts)


def test_a_case_is_covered_by_the_members_counted():
    case = coverage.Case("rate midway", 5.0, np.array([1.0, 2.0, 7.0, 3.0]), 12.0)
    assert [case.covered(size) for size in (2, 3, 4)] == [False, True, True]
    assert (case.error(), case.width()) == (3.0, 6.0)
