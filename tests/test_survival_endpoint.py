"""An endpoint of survival defined anew, by hand from what is printed."""

import pytest

from helpers import catalogue, parameters, survival_endpoint
from helpers.errors import KitError

PAPER = "vah"
GROUPS = ("cohort", "survival_endpoint", "transplant", "landmark")


def outcome(**values):
    settings = parameters.check(values, *GROUPS, paper=PAPER)
    return survival_endpoint.outcome(settings, paper=PAPER)


def rows(**values):
    return outcome(**values).data.set_index("what")


def test_the_lessons_own_definition_is_the_papers():
    made = outcome()
    assert "This is how the paper's event-free survival is read" in made.summary
    assert (made.data["before"] == made.data["after"]).all()
    printed = catalogue.number(PAPER, "res_efs_12m_all").value
    assert made.data.set_index("what").loc["without an event at 12 months (%)", "after"] == printed


def test_failures_dated_back_leave_the_year_as_it_is():
    table = rows(no_response="on day 1")
    year = table.loc["without an event at 12 months (%)"]
    assert year["before"] == year["after"]
    # Whoever is free of events at a month after the last failure is the same person either way.
    assert "dated back to day 1" in outcome(no_response="on day 1").summary


def test_each_choice_of_events_meets_its_endpoint():
    for events, origin, label in [
        ("death", "treatment", "overall survival"),
        ("death or relapse", "response", "disease-free survival"),
        ("relapse", "response", "relapse"),
    ]:
        made = outcome(events=events, origin=origin)
        assert f"This is how the paper's {label} is read" in made.summary


def test_deaths_that_are_censored_make_more_relapses_than_there_are():
    competing = rows(events="relapse", origin="response")
    censored = rows(events="relapse", origin="response", other_deaths="are censored")
    name = "with a relapse at 12 months (%)"
    assert competing.loc[name, "after"] == catalogue.number(PAPER, "res_relapse_12m_crc").value
    assert float(censored.loc[name, "after"].split(" ")[0]) > float(competing.loc[name, "after"])
    # As many relapses are seen in either way.
    assert competing.loc["events", "after"] == censored.loc["events", "after"]


def test_of_those_free_at_the_landmark_more_are_free_later():
    table = rows(events="death", landmark_months=4)
    name = "without an event at 12 months"
    later = table.loc[f"{name}, of those free of it at 4 months (%)", "after"]
    assert float(later.split(" ")[0]) > float(table.loc[f"{name} (%)", "after"])


def test_without_a_month_left_there_is_no_row_for_the_landmark():
    assert not rows(landmark_months=12).index.str.contains("of those").any()


def test_a_clock_stopped_at_the_transplant_says_so():
    made = outcome(censor_at_transplant=True)
    assert "transplant" in made.summary
    assert "isn't printed" in made.summary


def test_nobody_is_a_sentence():
    assert "nothing to estimate" in outcome(cohort="AGE > 65").summary


def test_a_paper_without_histories_is_refused():
    settings = parameters.check({}, "survival_endpoint", "landmark", paper="alal_nos")
    with pytest.raises(KitError):
        survival_endpoint.outcome(settings, paper="alal_nos")
