"""One member's curves and the band of all, held against the estimates that they come from."""

import math
import re

import made_up
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import catalogue, endpoints, member_curves, rounding, survival
from helpers.endpoints import Observed
from helpers.errors import KitError
from helpers.reconstruct import ensemble
from helpers.survival.competing import cumulative_incidence, incidence_at
from helpers.survival.curves import curves, landmark

RELAPSE = ("relapse", "death without relapse")


def observed(time, code, included=None):
    time, code = np.asarray(time, float), np.asarray(code, np.int8)
    return Observed(time, code, np.ones(time.shape, bool) if included is None else included)


def laid_out(table, definition):
    """Return what an endpoint makes of all members, and who has had a transplant."""
    size = table["member"].nunique()
    table = table.assign(TRTM=0.0)
    columns = ["TRTM", "RSPM", "NRSPM", "RLPM", "HSCTM", "DTHM", "LSTALVM"]
    history = {name: table[name].to_numpy(float).reshape(size, -1) for name in columns}
    transplanted = (table["HSCTFL"] == "Y").to_numpy().reshape(size, -1)
    return endpoints.observe(history, definition), transplanted


@pytest.fixture(scope="module")
def trial():
    """Return relapses in a made-up ensemble of a trial, by transplant."""
    table = made_up.cohort("vah", n=96, seed=2, members=25)
    definition = catalogue.load("vah").endpoints["relapse"]
    found, transplanted = laid_out(table, definition)
    return found, {"transplant": transplanted, "none": ~transplanted}


@pytest.fixture(scope="module")
def stored():
    """Return overall survival in a stored ensemble."""
    definition = catalogue.load("mini_hcvd").endpoints["os"]
    found, _ = laid_out(ensemble.read("mini_hcvd"), definition)
    return found, {"": np.ones(found.time.shape, bool)}


# --- by hand ---------------------------------------------------------------------------------


def test_curves_by_hand():
    # Of four in each member: deaths at 1 and 3, losses at 2 and 4; deaths at 2, 2 and 4, a loss.
    found = observed([[1, 3, 2, 4], [2, 2, 4, 1]], [[1, 1, 0, 0], [1, 1, 1, 0]])
    everyone = {"": np.ones((2, 4), bool)}
    data = member_curves.curves_data(found, everyone, months=[0, 1, 2, 3, 4])
    (curve,) = data.curves
    assert curve.own.to_dict("list") == {
        "month": [0, 1, 3, 4],
        "value": pytest.approx([1, 0.75, 0.375, 0.375]),
    }
    assert curve.censored.to_dict("list") == {
        "month": [2, 4],
        "value": pytest.approx([0.75, 0.375]),
    }
    assert curve.told.to_dict("list") == {
        "month": [0, 1, 2, 3, 4],
        "value": pytest.approx([1, 0.75, 0.75, 0.375, 0.375]),
        "lowest": pytest.approx([1, 0.75, 1 / 3, 1 / 3, 0]),
        "highest": pytest.approx([1, 1, 0.75, 0.375, 0.375]),
    }
    assert data.at_risk[""].to_dict("list") == {
        "month": [0, 1, 2, 3, 4],
        "n": [4, 4, 3, 2, 1],
        "lowest": [4, 4, 3, 1, 1],
        "highest": [4, 4, 3, 2, 1],
    }
    assert (data.member, data.members) == (1, 2)


def test_a_band_ends_with_whoever_is_followed():
    found = observed([[1, 2], [1, 4]], [[1, 0], [1, 0]])
    everyone = {"": np.ones((2, 2), bool)}
    (curve,) = member_curves.curves_data(found, everyone, months=[0, 5]).curves
    band = curve.band
    assert band.loc[band["start"] <= 2, "members"].eq(2).all()
    assert band.loc[(band["start"] > 2) & (band["start"] <= 4), "members"].eq(1).all()
    late = band[band["start"] > 4]
    assert late["members"].eq(0).all()
    assert late[["lowest", "highest"]].isna().all(axis=None)
    assert curve.told["value"].isna().tolist() == [False, True]


def test_a_curve_that_has_come_to_0_stays_there():
    found = observed([[1, 2], [1, 4]], [[1, 1], [1, 0]])
    everyone = {"": np.ones((2, 2), bool)}
    (curve,) = member_curves.curves_data(found, everyone, months=[0, 5]).curves
    assert curve.told["value"].tolist() == [1, 0]
    assert curve.band["members"].iloc[-1] == 1
    assert curve.band["highest"].iloc[-1] == 0


# --- against the estimates -------------------------------------------------------------------


@pytest.mark.parametrize("member", [1, 14, 25])
def test_a_members_curve_is_that_of_its_patients_alone(trial, member):
    found, groups = trial
    data = member_curves.curves_data(found, groups, member=member)
    for curve in data.curves:
        who = (found.included & groups[curve.group])[member - 1]
        time, died = found.time[member - 1][who], found.code[member - 1][who] == 1
        alone = survival.kaplan_meier(time, died).curve
        falls = alone[alone["survival"].diff() < 0]
        own = curve.own
        assert own["month"].iloc[1:-1].tolist() == pytest.approx(falls["time"].tolist())
        assert own["value"].iloc[1:-1].tolist() == pytest.approx(falls["survival"].tolist())
        assert own["month"].iloc[-1] == pytest.approx(time.max())
        lost = alone[alone["censored"] > 0]
        assert curve.censored["month"].tolist() == pytest.approx(lost["time"].tolist())
        assert curve.censored["value"].tolist() == pytest.approx(lost["survival"].tolist())
        risk = data.at_risk[curve.group]
        assert risk["n"].tolist() == survival.number_at_risk(time, risk["month"]).tolist()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_band_holds_every_members_curve_at_any_time(seed):
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 8), rng.integers(1, 30)
    time, code = np.round(rng.exponential(10, shape), 1), rng.integers(0, 3, shape)
    group = rng.random(shape) < 0.7
    group[0, 0] = True
    data = member_curves.curves_data(
        observed(time, code), {"": group}, events=RELAPSE, estimate="incidence"
    )
    horizon = data.at_risk[""]["month"].iloc[-1]
    asked = np.sort(rng.uniform(0, horizon, 60))
    found = cumulative_incidence(time, code, where=group, causes=[1, 2])
    exact = incidence_at(found, asked).value
    for cause, curve in enumerate(data.curves):
        band = curve.band.iloc[np.searchsorted(curve.band["end"], asked, side="right")]
        for each in exact[:, cause]:
            known = ~np.isnan(each)
            assert (each[known] >= band["lowest"].to_numpy()[known] - 1e-9).all()
            assert (each[known] <= band["highest"].to_numpy()[known] + 1e-9).all()


@pytest.mark.parametrize("estimate", ["survival", "incidence"])
def test_values_and_ranges_are_those_of_the_batch(trial, estimate):
    found, groups = trial
    data = member_curves.curves_data(found, groups, events=RELAPSE, estimate=estimate, member=3)
    assert len(data.curves) == (2 if estimate == "survival" else 4)
    for curve in data.curves:
        where = found.included & groups[curve.group]
        time = np.where(found.included, found.time, 0.0)
        at = curve.told["month"].to_numpy()
        if estimate == "survival":
            exact = landmark(curves(time, found.code == 1, where=where), at).value
        else:
            cause = RELAPSE.index(curve.event) + 1
            batch = cumulative_incidence(time, found.code, where=where, causes=[cause])
            exact = incidence_at(batch, at).value[:, 0]
        expected = {
            "value": exact[2],
            "lowest": np.nanmin(np.where(np.isnan(exact), np.inf, exact), axis=0),
            "highest": np.nanmax(np.where(np.isnan(exact), -np.inf, exact), axis=0),
        }
        for name, values in expected.items():
            expected_values = np.where(np.isfinite(values), values, np.nan)
            np.testing.assert_allclose(curve.told[name], expected_values, atol=1e-12)


def test_relapse_and_death_without_it_are_what_disease_free_survival_lacks(trial):
    found, groups = trial
    split = member_curves.curves_data(found, groups, events=RELAPSE, estimate="incidence")
    free = member_curves.curves_data(
        Observed(found.time, (found.code > 0).astype(np.int8), found.included), groups
    )
    for group in groups:
        relapse, death = (
            next(c for c in split.curves if (c.group, c.event) == (group, event)).told["value"]
            for event in RELAPSE
        )
        alive = next(c for c in free.curves if c.group == group).told["value"]
        np.testing.assert_allclose(1 - relapse - death, alive)


def test_where_the_paper_printed_it_the_band_is_no_wider_than_its_digits(stored):
    found, groups = stored
    data = member_curves.curves_data(found, groups, events=("overall survival",), member=7)
    told = data.curves[0].told.set_index("month")
    numbers = {each.id: each for each in catalogue.published("mini_hcvd")}
    for end in ("lowest", "highest"):
        assert rounding.agrees(100 * told.loc[12, end], numbers["res_os_12m_all"].value)
    # Elsewhere, it leaves the curve open.
    assert told["highest"].sub(told["lowest"]).max() > 0.1
    assert data.members == 200


def test_a_group_that_a_member_does_not_have():
    found = observed([[1, 2], [3, 4]], [[1, 0], [1, 1]])
    group = np.array([[False, False], [True, True]])
    (some, nobody) = member_curves.curves_data(
        found, {"some": np.ones((2, 2), bool), "nobody": group}
    ).curves
    assert len(some.own)
    assert nobody.own.empty
    assert nobody.told["value"].isna().all()
    assert nobody.band["members"].max() == 1


# --- what is refused ------------------------------------------------------------------------


def test_what_cannot_be_drawn():
    found = observed([[1, 2]], [[1, 0]])
    everyone = np.ones((1, 2), bool)
    with pytest.raises(KitError, match="given 2; right would be: 1 to 1"):
        member_curves.curves_data(found, {"": everyone}, member=2)
    with pytest.raises(KitError, match="different shapes"):
        member_curves.curves_data(found, {"": everyone[0]})
    with pytest.raises(KitError, match="nobody to follow"):
        member_curves.curves_data(found, {"": ~everyone})


# --- the drawing -----------------------------------------------------------------------------


@pytest.mark.parametrize("estimate", ["survival", "incidence"])
def test_the_words_tell_values_ranges_and_numbers_at_risk(trial, estimate):
    found, groups = trial
    data = member_curves.curves_data(found, groups, events=RELAPSE, estimate=estimate, member=2)
    drawn = member_curves.draw_curves(data, ylabel="Relapse", xlabel="Months from the response")
    assert "one of 25 members" in drawn.alt
    assert drawn.alt.endswith(f"{member_curves.SYNTHETIC}.")
    for curve in data.curves:
        numbers = ", ".join(map(str, data.at_risk[curve.group]["n"]))
        assert f"at risk {numbers}" in drawn.alt
        for row in curve.told.iloc[1:].itertuples():
            if not math.isnan(row.value):
                text = (
                    f"{100 * row.value:.1f}% at {row.month:g} months "
                    f"({100 * row.lowest:.1f} to {100 * row.highest:.1f})"
                )
                assert text in drawn.alt
    assert drawn == member_curves.draw_curves(
        data, ylabel="Relapse", xlabel="Months from the response"
    )


def test_a_single_cohort_has_no_band_and_no_such_words():
    found = observed([[1, 2, 3]], [[1, 0, 1]])
    data = member_curves.curves_data(found, {"": np.ones((1, 3), bool)})
    drawn = member_curves.draw_curves(
        data, ylabel="Overall survival", xlabel="Months", source="Six patients of a letter"
    )
    assert "members" not in drawn.alt
    assert drawn.alt.endswith("Six patients of a letter.")
    assert not re.search("ynthetic", drawn.alt)
    assert len(member_curves._notes(data, "Six", "")) == 1


def test_groups_with_long_names_and_of_nobody_can_be_drawn():
    found = observed([[1, 2], [3, 4]], [[1, 0], [1, 1]])
    empty = np.array([[False, False], [True, True]])
    groups = {"relapsed after allogeneic transplantation": np.ones((2, 2), bool), "other": empty}
    data = member_curves.curves_data(found, groups)
    drawn = member_curves.draw_curves(data, ylabel="Overall survival", xlabel="Months")
    assert "other, 0 patients: nothing to estimate" in drawn.alt


def test_curves_are_told_apart_without_colour():
    found = observed([[1, 2, 3, 4]], [[1, 2, 1, 0]])
    half = np.array([[True, False, True, False]])
    data = member_curves.curves_data(
        found, {"a": half, "b": ~half}, events=RELAPSE, estimate="incidence"
    )
    looks = [member_curves._look(place, data) for place in range(4)]
    assert len({str(dash) for _, dash, _ in looks}) == 4
    assert [width for *_, width in looks] == [2.0, 1.3, 2.0, 1.3]
