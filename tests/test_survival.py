"""Survival estimates against R's survival package, against lifelines, and by their properties."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import astuple
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from helpers.errors import KitError
from helpers.survival import (
    FollowUp,
    KaplanMeier,
    follow_up,
    kaplan_meier,
    number_at_risk,
    survival_at,
)

COLUMNS = ["time", "at_risk", "events", "censored", "survival", "lower", "upper"]
CONF_TYPES = ("plain", "log", "log-log", "arcsine")

# --- against R -----------------------------------------------------------------------------------

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "oracles" / "kaplan_meier.json").read_text(encoding="utf-8")
)["cases"]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
each_limit = pytest.mark.parametrize(
    ("case", "limits"),
    [
        pytest.param(case, limits, id=f"{case['name']}-{limits['conf_type']}-{limits['level']}")
        for case in CASES
        for limits in case["limits"]
    ],
)


def fitted(case: dict[str, Any], limits: dict[str, Any]) -> KaplanMeier:
    conf_type: Any = "arcsine" if limits["conf_type"] == "arcsin" else limits["conf_type"]
    return kaplan_meier(case["time"], case["event"], level=limits["level"], conf_type=conf_type)


def assert_as_r(ours: Any, theirs: Any) -> None:
    """Equal to R's value to 1e-8, with nan where R has NA."""
    assert_allclose(
        np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float), rtol=1e-8, atol=0
    )


@each_case
def test_curve_against_r(case: dict[str, Any]) -> None:
    # survfit0(survfit(Surv(time, event) ~ 1))
    km = kaplan_meier(case["time"], case["event"])
    assert list(km.curve.columns) == COLUMNS
    assert (km.n, km.events) == (len(case["time"]), sum(case["event"]))
    for column, theirs in case["curve"].items():
        assert_as_r(km.curve[column], theirs)


@each_limit
def test_band_against_r(case: dict[str, Any], limits: dict[str, Any]) -> None:
    # survfit(Surv(time, event) ~ 1, conf.type = conf_type, conf.int = level)
    curve = fitted(case, limits).curve
    assert_as_r(curve["lower"], limits["lower"])
    assert_as_r(curve["upper"], limits["upper"])


@each_limit
def test_median_against_r(case: dict[str, Any], limits: dict[str, Any]) -> None:
    # summary(fit)$table
    km = fitted(case, limits)
    assert_as_r(km.median, limits["median"])
    assert_as_r(km.median_lower, limits["median_lower"])
    assert_as_r(km.median_upper, limits["median_upper"])


@each_limit
def test_landmarks_against_r(case: dict[str, Any], limits: dict[str, Any]) -> None:
    # summary(fit, times = landmarks)
    km = fitted(case, limits)
    ours = [survival_at(km, months) for months in case["landmarks"]]
    assert_as_r([landmark.survival for landmark in ours], limits["landmark_survival"])
    assert_as_r([landmark.lower for landmark in ours], limits["landmark_lower"])
    assert_as_r([landmark.upper for landmark in ours], limits["landmark_upper"])


@each_case
def test_number_at_risk_against_r(case: dict[str, Any]) -> None:
    # summary(fit, times = at, extend = TRUE)$n.risk
    assert_array_equal(number_at_risk(case["time"], case["at"]), case["number_at_risk"])


@each_case
def test_follow_up_against_r(case: dict[str, Any]) -> None:
    # summary(survfit(Surv(time, 1 - event) ~ 1))$table, median(time), range(time)
    reverse = follow_up(case["time"], case["event"])
    assert_as_r(reverse.median, case["reverse_median"])
    assert_as_r([reverse.shortest, reverse.longest], [case["shortest"], case["longest"]])
    assert_as_r(
        follow_up(case["time"], case["event"], method="observed").median, case["observed_median"]
    )


def test_where_r_has_two_medians() -> None:
    """The notes of `kaplan_meier` name the two situations; no other case shows a difference."""
    differing = set()
    for case in CASES:
        for limits in case["limits"]:
            km = fitted(case, limits)
            printed = (km.median, km.median_lower, km.median_upper)
            quantile = np.asarray(limits["quantile"], dtype=float)
            if not np.allclose(printed, quantile, rtol=1e-8, equal_nan=True):
                differing.add((case["name"], limits["conf_type"]))
    ends_at_half = {("one half until the end", t) for t in ("plain", "log", "log-log", "arcsin")}
    assert differing == ends_at_half | {("aml, weeks", "log")}


# --- against lifelines ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if not case["name"].startswith("same time")],
    ids=lambda case: case["name"],
)
def test_same_numbers_as_lifelines(case: dict[str, Any]) -> None:
    from lifelines import KaplanMeierFitter
    from lifelines.utils import median_survival_times

    time, event = case["time"], case["event"]
    with np.errstate():
        fitter = KaplanMeierFitter().fit(time, event)
    theirs = fitter.confidence_interval_

    km = kaplan_meier(time, event, median_rule="lifelines")
    assert_array_equal(km.curve["time"], fitter.event_table.index)
    assert_array_equal(km.curve["at_risk"], fitter.event_table["at_risk"])
    assert_allclose(km.curve["survival"], fitter.survival_function_.iloc[:, 0], atol=1e-13)
    defined = km.curve["lower"].notna().to_numpy()
    assert_allclose(km.curve.loc[defined, ["lower", "upper"]], theirs[defined], rtol=1e-8)
    medians = [km.median, km.median_lower, km.median_upper]
    expected = [fitter.median_survival_time_, *(median_survival_times(theirs[c]) for c in theirs)]
    assert medians == pytest.approx(
        [m if np.isfinite(m) else np.nan for m in expected], nan_ok=True
    )


def test_lifelines_reads_other_medians_than_r() -> None:
    time, event = [1, 2, 3, 4], [1, 1, 0, 1]
    assert kaplan_meier(time, event).median == 3
    assert kaplan_meier(time, event, median_rule="lifelines").median == 2
    # A rounding error puts lifelines' estimate after three of six deaths just above one half.
    time, event = [1, 2, 3, 4, 5, 6], [1] * 6
    assert kaplan_meier(time, event).median == 3.5
    assert kaplan_meier(time, event, median_rule="lifelines").median == 4
    # Nobody survives 36, where R has no upper limit and lifelines has 0.
    time, event = [36, 15, 9, 8, 7, 5], [1, 0, 1, 0, 0, 0]
    assert np.isnan(kaplan_meier(time, event).median_upper)
    assert kaplan_meier(time, event, median_rule="lifelines").median_upper == 36


def test_leaves_numpy_warnings_as_they_were() -> None:
    with np.errstate(divide="raise", invalid="raise"):
        kaplan_meier([1, 2, 3], [1, 0, 1])
        assert np.geterr()["divide"] == np.geterr()["invalid"] == "raise"


def test_lifelines_is_loaded_on_use() -> None:
    code = "import sys, helpers.survival; sys.exit('lifelines' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- by hand -------------------------------------------------------------------------------------


def test_six_patients_by_hand() -> None:
    # At 9, three are at risk and one dies: 2/3. At 36, the last one dies: 0.
    km = kaplan_meier([36, 15, 9, 8, 7, 5], [1, 0, 1, 0, 0, 0], label="letter")
    assert km.label == "letter"
    assert_array_equal(km.curve["time"], [0, 5, 7, 8, 9, 15, 36])
    assert_array_equal(km.curve["at_risk"], [6, 6, 5, 4, 3, 2, 1])
    assert_allclose(km.curve["survival"], [1, 1, 1, 1, 2 / 3, 2 / 3, 0])
    # Greenwood's standard error of log survival is the root of 1 / (3 * 2).
    factor = np.exp(1.959963984540054 / np.sqrt(6) / -np.log(2 / 3))
    at_12 = survival_at(km, 12)
    assert_allclose([at_12.lower, at_12.upper], [(2 / 3) ** factor, (2 / 3) ** (1 / factor)])


def test_landmark_counts_an_event_at_that_time() -> None:
    km = kaplan_meier([1, 2, 3, 4], [1, 1, 0, 1])
    assert_allclose([survival_at(km, t).survival for t in (0.9, 1, 1.9, 2)], [1, 0.75, 0.75, 0.5])


def test_landmark_after_the_last_time() -> None:
    reached_zero = survival_at(kaplan_meier([1, 2], [1, 1]), 10)
    assert reached_zero.survival == 0
    assert np.isnan([reached_zero.lower, reached_zero.upper]).all()
    still_followed = kaplan_meier([1, 2], [1, 0])
    assert survival_at(still_followed, 2).survival == pytest.approx(0.5)
    assert np.isnan(survival_at(still_followed, 2.1).survival)
    # An event and a censoring share the last time: the censored patient lived on.
    assert np.isnan(survival_at(kaplan_meier([2, 2], [1, 0]), 3).survival)


def test_follow_up_by_hand() -> None:
    assert follow_up([1, 2, 3, 4], [0, 0, 0, 0]) == FollowUp(2.5, 1, 4, "reverse", 4)
    # An early death shortens the observed times but not the reversed estimate.
    assert follow_up([1, 10, 11, 12], [1, 0, 0, 0]).median == 11
    assert follow_up([1, 10, 11, 12], [1, 0, 0, 0], method="observed").median == 10.5
    assert np.isnan(follow_up([1, 2, 3], [1, 1, 1]).median)


def test_no_patient_is_an_answer() -> None:
    km = kaplan_meier([], [], label="nobody")
    assert (km.label, km.n, km.events) == ("nobody", 0, 0)
    assert np.isnan([km.median, km.median_lower, km.median_upper]).all()
    assert list(km.curve.columns) == COLUMNS
    assert km.curve[["time", "at_risk", "events", "censored"]].values.tolist() == [[0, 0, 0, 0]]
    assert km.curve[["survival", "lower", "upper"]].isna().all(axis=None)
    assert np.isnan(kaplan_meier([], [], median_rule="lifelines").median)
    for months in (0, 5):
        landmark = survival_at(km, months)
        assert landmark.time == months
        assert np.isnan([landmark.survival, landmark.lower, landmark.upper]).all()
    assert_array_equal(number_at_risk([], [0, 12]), [0, 0])
    nothing = follow_up([], [])
    assert nothing.n == 0
    assert np.isnan([nothing.median, nothing.shortest, nothing.longest]).all()


@pytest.mark.parametrize(
    "event",
    [
        [1, 0, 1],
        [True, False, True],
        np.array([1.0, 0.0, 1.0]),
        pd.Series([True, False, True], index=[7, 3, 5], dtype="boolean"),
        pd.Series([1, 0, 1], dtype="Int64"),
        pd.Series([True, False, True], dtype=object),
    ],
)
def test_events_in_any_plain_form(event: Any) -> None:
    assert kaplan_meier([2, 1, 3], event).curve["events"].tolist() == [0, 0, 1, 1]


def test_counts_are_whole_numbers() -> None:
    for km in (kaplan_meier([2, 1, 3], [1, 0, 1]), kaplan_meier([], [])):
        assert (km.curve[["at_risk", "events", "censored"]].dtypes == np.int64).all()
    assert number_at_risk([2, 1, 3], [0.5]).dtype == np.int64


# --- what cannot be used -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "event", "message"),
    [
        ([3, -1], [1, 0], "time[1]: given -1; right would be: a finite number, 0 or more"),
        ([3, np.nan], [1, 0], "time[1]: given nan; right would be: a finite number, 0 or more"),
        ([np.inf, 3], [1, 0], "time[0]: given inf; right would be: a finite number, 0 or more"),
        (["3", "long"], [1, 0], "time[1]: given long; right would be: a finite number, 0 or more"),
        (
            pd.Series([3, None], index=["A1", "A2"], dtype="Float64"),
            [1, 0],
            "time[A2]: given <NA>; right would be: a finite number, 0 or more",
        ),
        (
            pd.to_timedelta([3, 4], unit="D"),
            [1, 0],
            "time: holds timedelta64[ns] values; right would be: a finite number, 0 or more",
        ),
        ([3, 4], [1, 2], "event[1]: given 2; right would be: 1 (event) or 0 (censored)"),
        ([3, 4], [None, 1], "event[0]: given nan; right would be: 1 (event) or 0 (censored)"),
        ([3, 4], [1], "time, event: 2 times but 1 events; right would be: one of each per patient"),
        (3, [1], "time: not a list of values; right would be: one value per patient"),
        ([[3, 4]], [1, 0], "time: not a list of values; right would be: one value per patient"),
    ],
)
def test_unusable_patients_are_named(time: Any, event: Any, message: str) -> None:
    for function in (kaplan_meier, follow_up):
        with pytest.raises(KitError) as error:
            function(time, event)
        assert str(error.value) == message


def test_unknown_options_are_named() -> None:
    with pytest.raises(KitError, match=r"^conf_type: given 'arcsin'; right would be: 'plain' or"):
        kaplan_meier([1], [1], conf_type="arcsin")  # type: ignore[arg-type]
    with pytest.raises(KitError, match=r"^median_rule: given 'sas'; right would be: 'survfit' or"):
        kaplan_meier([1], [1], median_rule="sas")  # type: ignore[arg-type]
    with pytest.raises(KitError, match=r"^method: given 'mean'; right would be: 'reverse' or"):
        follow_up([1], [1], method="mean")  # type: ignore[arg-type]
    for level in (0, 1, 95, np.nan):
        with pytest.raises(KitError, match=r"^level: given .* above 0 and below 1"):
            kaplan_meier([1], [1], level=level)


@pytest.mark.parametrize("months", [-1, np.nan, np.inf])
def test_unusable_landmarks_are_named(months: float) -> None:
    with pytest.raises(KitError, match=r"^months: given .*right would be: a finite number"):
        survival_at(kaplan_meier([1], [1]), months)
    with pytest.raises(KitError, match=r"^at\[1\]: given .*right would be: a finite number"):
        number_at_risk([1], [0, months])


# --- properties ----------------------------------------------------------------------------------

histories = st.lists(st.tuples(st.integers(0, 60), st.booleans()), min_size=1, max_size=40)
conf_types = st.sampled_from(CONF_TYPES)
median_rules = st.sampled_from(("survfit", "lifelines"))
properties = settings(deadline=None, max_examples=60)


def split(history: list[tuple[int, bool]]) -> tuple[list[int], list[bool]]:
    return [time for time, _ in history], [event for _, event in history]


def medians(km: KaplanMeier) -> list[float]:
    return [km.median, km.median_lower, km.median_upper]


@properties
@given(st.data(), histories, conf_types, median_rules)
def test_order_of_patients_does_not_matter(
    data: st.DataObject, history: list[tuple[int, bool]], conf_type: Any, rule: Any
) -> None:
    shuffled = data.draw(st.permutations(history))
    one = kaplan_meier(*split(history), conf_type=conf_type, median_rule=rule)
    other = kaplan_meier(*split(shuffled), conf_type=conf_type, median_rule=rule)
    pd.testing.assert_frame_equal(one.curve, other.curve, check_exact=True)
    assert_array_equal(medians(one), medians(other))
    assert_array_equal(astuple(follow_up(*split(history))), astuple(follow_up(*split(shuffled))))


@properties
@given(histories)
def test_counts_add_up(history: list[tuple[int, bool]]) -> None:
    time, event = split(history)
    km = kaplan_meier(time, event)
    curve = km.curve
    assert_array_equal(curve["at_risk"], number_at_risk(time, curve["time"]))
    left = curve["at_risk"] - curve["events"] - curve["censored"]
    assert_array_equal(left, [*curve["at_risk"].iloc[1:], 0])
    assert curve["at_risk"].iloc[0] == km.n == len(history)
    assert curve["events"].sum() == km.events == sum(event)
    assert curve["time"].tolist() == sorted({0, *time})


@properties
@given(histories, conf_types, st.sampled_from((0.5, 0.9, 0.95, 0.999)))
def test_curve_falls_inside_its_band(
    history: list[tuple[int, bool]], conf_type: Any, level: float
) -> None:
    curve = kaplan_meier(*split(history), conf_type=conf_type, level=level).curve
    assert curve["survival"].is_monotonic_decreasing
    assert curve["survival"].between(0, 1).all()
    defined = curve.dropna()
    assert (defined["lower"] >= 0).all()
    assert (defined["lower"] <= defined["survival"]).all()
    assert (defined["survival"] <= defined["upper"]).all()
    assert (defined["upper"] <= 1).all()
    assert defined.index.isin(curve.index[curve["survival"] > 0]).all()


@properties
@given(histories, conf_types)
def test_higher_level_is_wider(history: list[tuple[int, bool]], conf_type: Any) -> None:
    bands = [
        kaplan_meier(*split(history), conf_type=conf_type, level=level).curve.dropna()
        for level in (0.5, 0.8, 0.95)
    ]
    for narrow, wide in pairwise(bands):
        assert (wide["lower"] <= narrow["lower"]).all()
        assert (wide["upper"] >= narrow["upper"]).all()


@properties
@given(histories, st.sampled_from((0.25, 2.0, 32.0)), conf_types, median_rules)
def test_unit_of_time_scales_times_alone(
    history: list[tuple[int, bool]], scale: float, conf_type: Any, rule: Any
) -> None:
    time, event = split(history)
    one = kaplan_meier(time, event, conf_type=conf_type, median_rule=rule)
    scaled_time = [scale * t for t in time]
    other = kaplan_meier(scaled_time, event, conf_type=conf_type, median_rule=rule)
    pd.testing.assert_frame_equal(
        one.curve.assign(time=scale * one.curve["time"]), other.curve, check_exact=True
    )
    assert_array_equal(scale * np.array(medians(one)), medians(other))
    assert_array_equal(scale * follow_up(time, event).median, follow_up(scaled_time, event).median)


@properties
@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(0, 31))
def test_without_censoring_it_is_the_share_still_alive(time: list[int], months: int) -> None:
    km = kaplan_meier(time, [1] * len(time))
    assert survival_at(km, months).survival == pytest.approx(np.mean(np.array(time) > months))
    if len(set(time)) == len(time):
        assert km.median == np.median(time)


@properties
@given(histories)
def test_landmark_is_the_last_row_before_it(history: list[tuple[int, bool]]) -> None:
    km = kaplan_meier(*split(history))
    rows = km.curve[["time", "survival", "lower", "upper"]].to_numpy().tolist()
    for time, *estimates in rows:
        assert_array_equal(astuple(survival_at(km, time)), [time, *estimates])
    for time, *estimates in rows[:-1]:
        assert_array_equal(astuple(survival_at(km, time + 0.5))[1:], estimates)


@properties
@given(histories)
def test_a_patient_censored_at_the_start_changes_no_estimate(
    history: list[tuple[int, bool]],
) -> None:
    time, event = split([(t + 1, e) for t, e in history])
    one, other = kaplan_meier(time, event), kaplan_meier([0, *time], [False, *event])
    assert_array_equal(one.curve["survival"], other.curve["survival"])
    assert_array_equal(medians(one), medians(other))
