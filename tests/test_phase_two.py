"""Stopping rules and where a trial lies on them: the beta distribution by scipy.stats."""

import pytest
from scipy.stats import beta

from helpers import parameters, phase_two
from helpers.errors import KitError
from helpers.phase_two import RESPONSE, TOXICITY, Seen

SEEN = {
    RESPONSE: [Seen("all", 12, 12, 21)],
    TOXICITY: [Seen("grade 4 or 5", 0, 5, 22)],
}


def settings(**values):
    return parameters.check(values, "monitoring", paper="mini_hcvd")


def outcome(seen=SEEN, **values):
    return phase_two.monitored(settings(**values), paper="mini_hcvd", seen=seen)


def test_the_prior_has_the_mean_and_the_weight_asked_for():
    rules = phase_two.criteria(
        settings(prior_response_percent=40, prior_toxicity_percent=10, prior_weight=5.0)
    )
    assert rules[RESPONSE].prior == pytest.approx((2, 3))
    assert rules[TOXICITY].prior == pytest.approx((0.5, 4.5))


def test_boundaries_are_where_the_posterior_crosses_the_cutoff():
    data = outcome(prior_weight=2.0).data.set_index("patients")
    for patients in (5, 10, 20, 40):
        stop = int(data.loc[patients, RESPONSE])
        # Beta(1, 1): with one response more it goes on.
        assert beta.sf(0.5, 1 + stop, 1 + patients - stop) < 0.05
        assert beta.sf(0.5, 2 + stop, patients - stop) >= 0.05
        toxic = int(data.loc[patients, TOXICITY])
        # Beta(0.4, 1.6): with one event fewer it goes on.
        assert beta.cdf(0.2, 0.4 + toxic, 1.6 + patients - toxic) < 0.05
        assert beta.cdf(0.2, toxic - 0.6, 2.6 + patients - toxic) >= 0.05


def test_the_words_say_where_the_trial_lies():
    found = outcome()
    chance = beta.sf(0.5, 1 + 12, 1 + 9)
    assert f"All: 12 of 21, P = {chance:.2f}, it goes on." in found.summary
    chance = beta.cdf(0.2, 0.4 + 5, 1.6 + 17)
    assert f"5 of 22, P = {chance:.2f}, it goes on." in found.summary
    assert "all: 12 of 21 with response" in found.parts[0].alt


def test_a_stricter_cutoff_stops_the_trial():
    assert "5 of 22, P = 0.42, it stops." in outcome(toxicity_cutoff_percent=45).summary


def test_more_patients_than_planned_are_not_judged():
    assert "more patients than are planned" in outcome(planned_patients=20).summary


def test_looks_that_do_not_fit_are_refused():
    with pytest.raises(KitError, match="first after 40 of 20 patients"):
        outcome(first_look=40, planned_patients=20)


def test_how_often_it_stops_rises_as_the_response_rate_falls():
    table = outcome().parts[1].data
    stops = [int(text.rstrip("%")) for text in table["response"]]
    assert stops == sorted(stops, reverse=True)
    assert stops[0] > stops[-1]


def test_standings_list_the_fewest_and_the_most():
    chosen = settings()
    found = phase_two.standings(phase_two.criteria(chosen), phase_two.looks(chosen), SEEN)
    assert found["events"].tolist() == [12, 0, 5]
    assert found["patients"].tolist() == [21, 22, 22]
    # Fewer events of toxicity are further from the boundary.
    assert found["to_spare"].iloc[1] - found["to_spare"].iloc[2] == 5
