"""A made-up abstract: one slip and no other fault, the same for a seed, and cohorts without it."""

import threading

import numpy as np
import pytest

from helpers import exercises, made_up_abstract, paths, summary
from helpers.errors import KitError
from helpers.made_up_abstract import CLAIMS, MadeUp
from helpers.reconstruct import verification

SEEDS = range(1, 13)
TRIED = 1


@pytest.fixture(scope="module")
def found():
    """Return an abstract with two cohorts."""
    made = made_up_abstract.write(TRIED)
    return made, list(made_up_abstract.cohorts(made, 2))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_audit_contradicts_the_slip_and_nothing_else(seed):
    made = made_up_abstract.write(seed)
    ledger = made_up_abstract.ledger(made)
    wrong = ledger[ledger["verdict"] == "inconsistent"]
    assert wrong["id"].tolist() == [made.misprinted]
    # What should stand there is what the true patients have.
    right = {each.id: each.value for each in summary.numbers(made.patients, made.choices)}
    assert made_up_abstract.nearest_consistent(made) == float(right[made.misprinted])
    assert made_up_abstract.misprint(made) != float(right[made.misprinted])
    assert all(printed in made.text for printed in made.numbers["printed"])
    assert len(made.choices.compared.groups) == 2
    assert ledger["number"].tolist() == list(range(1, len(ledger) + 1))


def test_a_seed_is_an_abstract():
    texts = {made_up_abstract.write(seed).text for seed in SEEDS}
    assert len(texts) == len(SEEDS)
    again = made_up_abstract._write.__wrapped__(TRIED)
    assert again.text == made_up_abstract.write(TRIED).text


def test_cohorts_have_every_number_but_the_wrong_one(found):
    made, cohorts = found
    with paths.elsewhere(made.root):
        for cohort in cohorts:
            checked = verification.verify(made_up_abstract.PAPER, cohort.assign(member=1))
            missed = checked[checked["status"].eq("required") & (checked["members_agreeing"] < 1)]
            assert missed.empty
            assert made.misprinted not in set(checked.loc[checked["status"] == "required", "id"])
    # Those that were found are kept.
    assert next(made_up_abstract.cohorts(made, 1)) is cohorts[0]


def test_the_truth_is_its_own_envelope(found):
    made, cohorts = found
    table = made_up_abstract.envelope(made, cohorts)
    ranges = made_up_abstract.unprinted(made, cohorts)
    assert table["what"].tolist() == [each.what for each in ranges]
    assert set(table["inside"]) <= {"✓ yes", "✗ no"}
    true = made.patients
    died = true["death"].to_numpy(bool)
    one = true.assign(DTHM=true["months"].where(died), LSTALVM=true["months"])
    alone = made_up_abstract.envelope(made, [one])
    assert set(alone["inside"]) == {"✓ yes"}
    assert (alone["cohorts"] == alone["truth"]).all()


def test_a_claim_is_what_all_cohorts_say(found, monkeypatch):
    made, cohorts = found
    for values, claim in (([0.01, 0.04], 1), ([0.05, 0.4], 2), ([0.01, 0.4], 3)):
        p = made_up_abstract.unprinted(made, cohorts)[-1]
        other = type(p)(p.what, p.unit, np.array(values))
        monkeypatch.setattr(made_up_abstract, "unprinted", lambda *_, other=other: [other])
        assert made_up_abstract.claim(made, cohorts) == claim
        monkeypatch.undo()
    assert len(CLAIMS) == 3


def test_findings_are_checked_against_the_truth(found):
    made, _ = found
    place = int(made.numbers.set_index("id").loc[made.misprinted, "number"])

    def told(exercise, answer):
        return exercises.check("comparison", exercise, answer, seed=TRIED)

    assert told("misprint", place).right
    assert "sum of the groups" in told("misprint", 1).text
    assert told("mended", made_up_abstract.nearest_consistent(made)).right
    assert "what is printed" in told("mended", made_up_abstract.misprint(made)).text
    assert told("misprint", ...).right is None
    with pytest.raises(KitError, match="no question 'truth'"):
        made_up_abstract.answer("truth", seed=TRIED)


def test_another_seed_has_other_findings():
    asked = ("misprinted number", "right percentage")
    answers = {tuple(made_up_abstract.answer(each, seed=seed) for each in asked) for seed in SEEDS}
    assert len(answers) > len(SEEDS) / 2


def test_papers_are_looked_for_elsewhere_by_one_thread_alone(tmp_path):
    seen = []
    with paths.elsewhere(tmp_path):
        assert paths.root() == tmp_path.resolve()
        thread = threading.Thread(target=lambda: seen.append(paths.root()))
        thread.start()
        thread.join()
    assert seen == [paths.root()]
    assert paths.root() != tmp_path.resolve()


def test_an_abstract_is_one_object():
    assert isinstance(made_up_abstract.write(TRIED), MadeUp)
    assert made_up_abstract.write(TRIED) is made_up_abstract.write(TRIED)
