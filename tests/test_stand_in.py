"""A trial's endpoints on another paper's synthetic patients, against counts made by hand."""

import numpy as np
import pytest

from helpers import catalogue, parameters, paths, stand_in, synthetic
from helpers.errors import DataError, KitError
from helpers.reconstruct import ensemble

TRIAL = "nct06991920"


@pytest.fixture(scope="module")
def other():
    return ensemble.read(stand_in.load(TRIAL).paper)


def settings(**changed):
    return parameters.check(changed, "readings", "transplant", paper=TRIAL)


def label(name):
    return catalogue.load(TRIAL).endpoints[name].label


def test_every_variable_that_the_endpoints_ask_for_is_answered():
    found = stand_in.load(TRIAL)
    assert set(found.variables) == set(catalogue.load(TRIAL).variables)
    assert len(stand_in.answers(TRIAL)) == len(found.variables) + len(found.events)


def test_the_answers_are_the_other_papers(other):
    stood = stand_in.members(TRIAL)
    for ours, theirs in (("CRCFL", other["CRCFL"] == "Y"), ("CRFL", other["BESTRSP"] == "CR")):
        counted = theirs.groupby(other["member"]).sum().to_numpy()
        assert (stood.picked(f"{ours} == 'Y'").sum(axis=1) == counted).all()
    assert stood.picked("ENRLFL == 'Y'").sum() == len(other)


def test_moments_that_the_other_paper_lacks(other):
    stood = stand_in.members(TRIAL)
    failed = ~np.isnan(stood.history["NRSPM"])
    month = stand_in.load(TRIAL).events["NRSPM"].month
    followed = other[["DTHM", "LSTALVM"]].min(axis=1) >= month
    assert failed.sum() == ((other["CRCFL"] == "N") & followed).sum()
    negative = ~np.isnan(stood.history["MRDNEGM"])
    assert np.array_equal(stood.history["MRDNEGM"][negative], stood.history["RSPM"][negative])
    assert negative.sum() == (other["MRDNEGFL"] == "Y").sum()


def test_overall_survival_is_that_of_the_other_paper(other):
    theirs = synthetic.members(stand_in.load(TRIAL).paper)
    definition = catalogue.load(TRIAL).endpoints["os_uncut"]
    one = stand_in.members(TRIAL).observed(definition)
    two = theirs.observed(definition.model_copy(update={"population": ""}))
    assert np.array_equal(one.time, two.time)
    assert np.array_equal(one.code, two.code)


def test_the_readings_count_as_by_hand(other):
    table = stand_in.readings(TRIAL).set_index("name")
    assert list(table.index) == list(catalogue.load(TRIAL).endpoints)
    early = (other["RSPM"] <= 1.38).groupby(other["member"]).sum()
    assert table.loc["response", "events"] == f"{early.min()} to {early.max()}"
    died = other["DTHM"].notna().groupby(other["member"]).sum()
    assert table.loc["os_uncut", "events"] == f"{died.max()}"
    assert died.min() == died.max()
    assert table.loc["response", "median"] == ""


def test_gaps_are_differences_of_rates(other):
    pairs = [("response", "response_after_induction"), ("dfs", "rfs")]
    table = stand_in.gaps(TRIAL, pairs)
    by_member = [(other["RSPM"] <= m).groupby(other["member"]).mean() for m in (1.38, 2.3)]
    points = 100 * (by_member[1] - by_member[0])
    assert table.loc[0, ["lowest", "highest"]].tolist() == pytest.approx(
        [points.min(), points.max()]
    )
    assert table.loc[1, ["lowest", "highest"]].tolist() == [0, 0]
    assert "0" in stand_in.gaps_table(table).data["highest"].tolist()


def test_the_outcome_tells_what_differs():
    found = stand_in.endpoint(settings(reading=label("efs"), beside=label("os")), paper=TRIAL)
    assert "relapse no longer counts as an event" in found.summary
    assert "not of a drug" in found.summary
    assert "stand-in" in found.parts[0].alt
    assert found.data["label"].tolist() == [label("efs"), label("os")]


def test_two_binary_endpoints_have_exact_intervals():
    asked = settings(reading=label("mrd_negative"), beside=label("mrd_negative_in_remission"))
    found = stand_in.endpoint(asked, paper=TRIAL)
    # Of the first cohort, Clopper and Pearson's by hand from tables: 5 of 22 and 5 of 12.
    assert "(5 of 22): 23 % (8 to 45)" in found.parts[0].alt
    assert "(5 of 12): 42 % (15 to 72)" in found.parts[0].alt


def test_a_cut_and_a_transplant_change_times_and_not_windows():
    asked = {"reading": label("os_uncut"), "beside": label("response")}
    free = stand_in.endpoint(settings(**asked), paper=TRIAL).data
    cut = stand_in.endpoint(
        settings(**asked, cutoff_months=6, censor_at_transplant=True), paper=TRIAL
    ).data
    assert cut.loc[0, "events"] != free.loc[0, "events"]
    assert cut.loc[1, "events"] == free.loc[1, "events"]
    assert "6 months after the origin" in cut.loc[0, "words"]
    assert "transplant" in cut.loc[0, "words"]


def test_the_same_endpoint_twice():
    found = stand_in.endpoint(settings(reading=label("os"), beside=label("os")), paper=TRIAL)
    assert "The two are the same." in found.summary


def test_a_paper_without_a_stand_in_says_so():
    with pytest.raises(DataError, match="nothing stands in"):
        stand_in.load("alal_nos")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [('at = "RSPM"', 'at = "CRM"', "no 'CRM'"), ("query = \"CRCFL == 'N'\"", "", "query")],
)
def test_a_faulty_stand_in_is_refused(monkeypatch, tmp_path, old, new, told):
    text = (paths.paper(TRIAL) / "stand_in.toml").read_text("utf-8")
    assert old in text
    real = paths.paper

    def paper(name):
        return tmp_path if name == TRIAL else real(name)

    for name in ("paper.toml", "published.csv"):
        (tmp_path / name).write_text((real(TRIAL) / name).read_text("utf-8"), "utf-8")
    (tmp_path / "stand_in.toml").write_text(text.replace(old, new), "utf-8")
    monkeypatch.setattr(paths, "paper", paper)
    with pytest.raises(KitError, match=told):
        stand_in._members.__wrapped__(TRIAL, 0, tmp_path, 0)
