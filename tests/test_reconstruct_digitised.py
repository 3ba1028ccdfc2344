"""Patients from digitised curves: the truth comes from made-up patients, numbers from lifelines."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import logrank_test
from lifelines.utils import median_survival_times
from numpy.testing import assert_allclose

from benchmarks import digitised as simulation
from helpers import rounding
from helpers.errors import KitError
from helpers.reconstruct.digitised import Printed, from_curve, from_two_curves


def made_up(seed: int, n: int, scale: float = 15.0) -> tuple[Any, Any]:
    """Return the months and events of patients, all times apart from each other."""
    rng = np.random.default_rng(seed)
    death, leaves = rng.exponential(scale, n), rng.uniform(5, 36, n)
    return np.minimum(death, leaves), death <= leaves


def curve(months: Any, event: Any, at: Any) -> Any:
    fitted = KaplanMeierFitter().fit(months, event)
    return fitted.predict(at).to_numpy() if np.size(at) else np.ones(0)


def steps(months: Any, event: Any) -> Any:
    """Return exact clicks: the lower end of every step, and the end of the curve."""
    at = np.unique(np.append(months[event], months.max()))
    return np.column_stack([at, curve(months, event, at)])


def table(months: Any, every: float = 6.0) -> dict[float, int]:
    return {float(t): int((months >= t).sum()) for t in np.arange(0, months.max(), every)}


def off(months: Any, event: Any, found: pd.DataFrame) -> float:
    at = np.linspace(0, months.max() * 0.999, 500)
    return float(abs(curve(months, event, at) - curve(found["time"], found["event"], at)).max())


# --- exact clicks --------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "n"), [(1, 20), (2, 60), (3, 120), (4, 250)])
def test_exact_clicks_give_every_death_back(seed: int, n: int) -> None:
    months, event = made_up(seed, n)
    counted = table(months)
    found, report = from_curve(steps(months, event), numbers_at_risk=counted)
    assert len(found) == n
    died = found.loc[found["event"] == 1, "time"]
    # A death may be moved by half a pixel where a time of the table lies beside it.
    assert_allclose(died, np.sort(months[event]), atol=0.0012 * months.max())
    for at, left in counted.items():
        assert (found["time"] >= at).sum() == left
    assert report.repairs == ("the start added: everyone alive at month 0",)
    assert report.unmet == ()
    assert report.farthest < 0.001


def test_regular_clicks_give_the_number_of_deaths_back() -> None:
    months, event = made_up(5, 80)
    at = np.linspace(0, months.max(), 150)
    found, report = from_curve(
        np.column_stack([at, curve(months, event, at)]), numbers_at_risk=table(months)
    )
    assert found["event"].sum() == event.sum()
    ours = curve(found["time"], found["event"], at)
    assert abs(ours - curve(months, event, at)).max() < 0.002
    assert report.repairs == ()


def test_without_numbers_at_risk_steps_say_who_left() -> None:
    months, event = made_up(6, 30)
    found, _ = from_curve(steps(months, event), patients=30)
    assert found["event"].sum() == event.sum()
    assert off(months, event, found) < 0.01


def test_everyone_dies_without_numbers_at_risk() -> None:
    months = np.arange(1.0, 11)
    found, _ = from_curve([(t, 1 - t / 10) for t in months], patients=10)
    assert found["event"].tolist() == [1] * 10
    assert_allclose(found["time"], months)


@pytest.mark.parametrize(
    ("points", "event"), [([(0, 1), (7, 0)], 1), ([(0, 1), (7, 1)], 0)], ids=["dies", "leaves"]
)
def test_one_patient(points: Any, event: int) -> None:
    found, report = from_curve(points, patients=1)
    assert found.to_numpy().tolist() == [[7.0, event]]
    assert report.unmet == ()


def test_all_leave() -> None:
    found, _ = from_curve([(0, 1), (24, 1)], numbers_at_risk={0: 12, 6: 10, 12: 4, 18: 4})
    assert len(found) == 12
    assert found["event"].sum() == 0
    assert [(found["time"] >= at).sum() for at in (6, 12, 18)] == [10, 4, 4]
    assert found["time"].max() == 24


@pytest.mark.parametrize("trembling", [0.0, 0.0005])
def test_a_flat_tail_gets_no_deaths(trembling: float) -> None:
    # Ten of 40 die by month 10, the others leave from month 24 on.
    rng = np.random.default_rng(8)
    tail = [(t, 0.75 + rng.uniform(-trembling, trembling)) for t in np.linspace(11, 48, 30)]
    points = [(t, 1 - t / 40) for t in range(1, 11)] + tail
    counted = {0: 40, 12: 30, 24: 30, 36: 12, 42: 1}
    for limits in ({"numbers_at_risk": counted}, {"patients": 40}):
        found, _ = from_curve(points, **limits)  # type: ignore[arg-type]
        assert found["event"].sum() == 10
        assert found.loc[found["event"] == 1, "time"].max() < 10.1
        assert found["time"].max() == 48


# --- damaged clicks ------------------------------------------------------------------------------

MONTHS, EVENT = made_up(2, 60)
POINTS = np.vstack([[0, 1], steps(MONTHS, EVENT)])
UPRIGHT = [[POINTS[9, 0], POINTS[9, 1] + above] for above in (0.004, 0.006, 0.01)]
DAMAGE: dict[str, tuple[Any, str]] = {
    "per cent": (POINTS * [1, 100], "survival read as per cent"),
    "order": (POINTS[np.random.default_rng(1).permutation(len(POINTS))], "order of time"),
    "twice": (np.repeat(POINTS, 2, axis=0), f"{len(POINTS)} clicks left out: clicked twice"),
    "gaps": (np.vstack([POINTS, [np.nan, 0.5], [3, np.inf]]), "2 clicks left out: not numbers"),
    "outside": (np.vstack([POINTS, [-9, 0.9], [5, 1.4]]), "2 clicks left out: outside the axes"),
    "upwards": (np.vstack([POINTS, [20, 0.99]]), "1 clicks left out: above an earlier one"),
    "downwards": (np.vstack([POINTS, [2, 0.02]]), "1 clicks left out: above an earlier one"),
    "no start": (POINTS[1:], "the start added"),
    "upright": (
        np.vstack([POINTS, UPRIGHT]),
        "between the ends of an upright line",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_clicks_are_repaired_and_reported(damage: str) -> None:
    points, text = DAMAGE[damage]
    found, report = from_curve(points, numbers_at_risk=table(MONTHS))
    assert any(text in repair for repair in report.repairs), report.repairs
    assert found["event"].sum() == EVENT.sum()
    assert off(MONTHS, EVENT, found) < 0.03


def test_clicks_beyond_the_end_are_left_out() -> None:
    found, report = from_curve([(0, 1), (5, 0.5), (20, 0)], patients=2, months=10)
    assert report.repairs == ("1 clicks left out: outside the axes",)
    assert found.to_numpy().tolist() == [[5, 1], [10, 0]]


def test_numbers_at_risk_that_rise_are_lowered() -> None:
    found, report = from_curve([(0, 1), (12, 1)], numbers_at_risk={0: 5, 4: 3, 8: 4})
    assert report.repairs == ("4 at risk at month 8 lowered to 3: it can't rise",)
    assert (found["time"] >= 8).sum() == 3


def test_an_interval_without_clicks_is_reported() -> None:
    months, event = made_up(5, 80)
    at = np.linspace(0, 34, 100)
    at = at[(at < 11) | (at > 19)]
    found, report = from_curve(
        np.column_stack([at, curve(months, event, at)]), numbers_at_risk=table(months)
    )
    assert report.repairs == ("no click between months 12 and 18: drawn straight",)
    assert abs(found["event"].sum() - event.sum()) <= 1


@pytest.mark.parametrize(
    ("points", "options", "text"),
    [
        ([(0, 1), (5, 0.5)], {}, "nothing says how many patients start"),
        ([], {"patients": 5}, "not two columns of numbers"),
        ([(0, "a")], {"patients": 5}, "not two columns of numbers"),
        ([(math.nan, 1)], {"patients": 5}, "no usable click"),
        ([(0, 1)], {"patients": 5}, "all clicks lie at month 0"),
        ([(0, 1), (5, 0.5)], {"patients": 0}, "patients: given 0"),
        ([(0, 1), (5, 0.5)], {"patients": 5, "total_events": 6}, "total_events: given 6"),
        ([(0, 1), (5, 0.5)], {"patients": 5, "tolerance": 0}, "tolerance: given 0"),
        ([(0, 1), (5, 0.5)], {"patients": 5, "months": -1}, "months: given -1"),
        ([(0, 1), (5, 0.5)], {"patients": 5, "clicks": "no"}, "clicks: given 'no'"),
        ([(0, 1), (5, 0.5)], {"patients": 5, "conf_type": "no"}, "conf_type: given 'no'"),
        ([(0, 1), (5, 0.5)], {"numbers_at_risk": {0: 5, -1: 4}}, "4 at risk at month -1"),
        (
            [(0, 1), (5, 0.5)],
            {"patients": 5, "printed": [Printed("median", "soon")]},
            "printed median: given 'soon'",
        ),
        (
            [(0, 1), (5, 0.5)],
            {"patients": 5, "printed": [Printed("hazard ratio", "0.5")]},
            "printed hazard ratio: not a number of this kind",
        ),
        (
            [(0, 1), (5, 0.5)],
            {"patients": 5, "printed": [Printed("survival", "50%")]},
            "printed survival: at: given nan",
        ),
    ],
)
def test_what_cannot_be_used_is_said(points: Any, options: Any, text: str) -> None:
    with pytest.raises(KitError) as error:
        from_curve(points, **options)
    assert text in str(error.value)


# --- whatever is clicked -------------------------------------------------------------------------

share = st.floats(-0.2, 1.2, allow_nan=False)
month = st.floats(-1, 40, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(
    points=st.lists(st.tuples(month, share), min_size=1, max_size=25),
    patients=st.integers(1, 40),
    share_of_events=st.none() | st.floats(0, 1),
    counts=st.dictionaries(st.sampled_from([3.0, 6.0, 12.0, 24.0]), st.integers(0, 50)),
)
@example(points=[(0, 1), (5, 1)], patients=5, share_of_events=1.0, counts={})
def test_it_always_ends(points: Any, patients: int, share_of_events: Any, counts: Any) -> None:
    total = None if share_of_events is None else round(share_of_events * patients)
    points = [*points, (40.0, -0.001)]
    found, report = from_curve(
        points, patients=patients, total_events=total, numbers_at_risk=counts
    )
    assert len(found) == patients
    assert found["time"].is_monotonic_increasing
    assert set(found["event"]) <= {0, 1}
    assert (found["time"] >= 0).all()
    least = patients
    for at in sorted(counts):
        least = min(least, counts[at])
        assert (found["time"] >= at).sum() == least
    met = total is None or found["event"].sum() == total
    assert met == (not report.unmet)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 120), regular=st.booleans())
def test_the_printed_number_of_events_is_met(seed: int, n: int, regular: bool) -> None:
    rng = np.random.default_rng(seed)
    drawn = simulation.plan(rng) | {"patients": n, "regular": regular}
    months, event = simulation.simulated(rng, drawn)
    points = simulation.clicked(rng, drawn, months, event)
    found, report = from_curve(
        points, total_events=int(event.sum()), numbers_at_risk=table(months), patients=n
    )
    assert report.unmet == ()
    assert (len(found), found["event"].sum()) == (n, event.sum())


def test_a_number_of_events_that_no_curve_allows_is_said() -> None:
    found, report = from_curve([(0, 1), (12, 1)], patients=8, total_events=5)
    assert len(found) == 8
    assert report.unmet == (
        f"5 events don't fit the curve and the numbers at risk; {found['event'].sum()} is the "
        "nearest found",
    )


# --- printed numbers -----------------------------------------------------------------------------


def rounded_clicks(months: Any, event: Any) -> Any:
    """Return clicks on whole pixels of a plot of 36 months, 600 pixels wide and 500 high."""
    return np.round(steps(months, event) * [600 / 36, 500]) / [600 / 36, 500]


def limits_of(months: Any, event: Any) -> tuple[float, float, float]:
    """Return the median and its limits by lifelines."""
    fitted = KaplanMeierFitter().fit(months, event)
    limits = median_survival_times(fitted.confidence_interval_).to_numpy()[0]
    return float(fitted.median_survival_time_), float(limits[0]), float(limits[1])


def test_printed_numbers_of_one_arm_are_met() -> None:
    months, event = made_up(11, 90)
    fitted = KaplanMeierFitter().fit(months, event)
    median, lower, upper = (f"{x:.1f}" for x in limits_of(months, event))
    band = fitted.confidence_interval_.loc[:12].to_numpy()[-1]
    rate = Printed("survival", *(f"{100 * x:.1f}%" for x in (fitted.predict(12), *band)), at=12.0)
    found, report = from_curve(
        rounded_clicks(months, event),
        numbers_at_risk=table(months),
        printed=[Printed("median", median, lower, upper), rate],
    )
    assert report.unmet == ()
    assert len(report.checks) == 6
    ours = KaplanMeierFitter().fit(found["time"], found["event"])
    values = limits_of(found["time"], found["event"])
    assert [f"{x:.1f}" for x in values] == [median, lower, upper]
    assert rounding.agrees(100 * ours.predict(12), rate.value[:-1])
    theirs = ours.confidence_interval_.loc[:12].to_numpy()[-1]
    assert rounding.agrees(100 * theirs[0], rate.lower[:-1])
    assert rounding.agrees(100 * theirs[1], rate.upper[:-1])
    assert report.farthest <= 0.0015 + 1e-9


@pytest.mark.parametrize("fixed", [False, True], ids=["events unknown", "events printed"])
def test_printed_comparison_of_two_arms_is_met(fixed: bool) -> None:
    arms = [made_up(21, 70), made_up(22, 75, 24.0)]
    months, event = (np.concatenate([arm[k] for arm in arms]) for k in (0, 1))
    group = np.repeat([0, 1], [70, 75])

    def compared(months: Any, event: Any, group: Any) -> tuple[list[float], float]:
        data = pd.DataFrame({"T": months, "E": event, "G": group})
        fit = CoxPHFitter().fit(data, "T", "E").summary.loc["G"]
        names = ["exp(coef)", "exp(coef) lower 95%", "exp(coef) upper 95%"]
        one, two = data[group == 0], data[group == 1]
        p = logrank_test(one["T"], two["T"], one["E"], two["E"]).p_value
        return [float(fit[name]) for name in names], float(p)

    ratio, p = compared(months, event, group)
    texts = [f"{x:.2f}" for x in ratio]
    given = [
        {
            "points": rounded_clicks(*arm),
            "numbers_at_risk": table(arm[0]),
            "total_events": int(arm[1].sum()) if fixed else None,
            "printed": [Printed("median", *(f"{x:.1f}" for x in limits_of(*arm)[:2]))],
        }
        for arm in arms
    ]
    asked = [Printed("hazard ratio", *texts), Printed("log-rank P", f"{p:.4f}")]
    found, report = from_two_curves(*given, printed=asked)
    assert report.unmet == ()
    assert found["arm"].value_counts().to_dict() == {1: 70, 2: 75}
    ours, chance = compared(found["time"], found["event"], (found["arm"] - 1).to_numpy())
    assert [f"{x:.2f}" for x in ours] == texts
    assert f"{chance:.4f}" == f"{p:.4f}"
    if fixed:
        assert found["event"].sum() == event.sum()
    for number, arm in enumerate(arms, start=1):
        for at, left in table(arm[0]).items():
            assert ((found["arm"] == number) & (found["time"] >= at)).sum() == left


def test_what_the_clicks_exclude_is_said() -> None:
    months, event = made_up(11, 90)
    median = limits_of(months, event)[0]
    asked = [Printed("median", f"{median + 6:.1f}"), Printed("survival", "95%", at=12.0)]
    found, report = from_curve(
        rounded_clicks(months, event), numbers_at_risk=table(months), printed=asked
    )
    assert [check.met for check in report.checks] == [False, False]
    assert report.unmet[0].startswith(f"median {median + 6:.1f}: nearest found")
    assert all("the clicks put it between" in text for text in report.unmet)
    # The clicks are not bent towards it.
    assert report.farthest <= 0.0015 + 1e-9
    assert found["event"].sum() == event.sum()


def test_not_reached_is_met_or_said() -> None:
    points = [(0, 1), (3, 0.75), (6, 0.5), (9, 0.5)]
    for text, met in (("NR", False), ("6.0", True)):
        _, report = from_curve(points, patients=4, printed=[Printed("median", text)])
        assert report.checks[0].met is met, report


def test_a_seed_gives_the_same_patients() -> None:
    months, event = made_up(11, 90)
    asked = [Printed("median", f"{limits_of(months, event)[0] + 0.05:.1f}")]
    runs = [
        from_curve(
            rounded_clicks(months, event), numbers_at_risk=table(months), printed=asked, seed=3
        )
        for _ in range(2)
    ]
    pd.testing.assert_frame_equal(runs[0][0], runs[1][0])
    assert runs[0][1] == runs[1][1]


def test_an_unknown_argument_of_an_arm_is_said() -> None:
    with pytest.raises(KitError, match="arm 1: unknown: \\['point'\\]"):
        from_two_curves({"point": []}, {})


# --- recovery ------------------------------------------------------------------------------------


def test_recovery_on_simulated_arms() -> None:
    """A small sample of what `python -m benchmarks.digitised` measures."""
    wrong, distance = [], []
    for i in range(30):
        rng = np.random.default_rng([7, i])
        drawn = simulation.plan(rng)
        months, event = simulation.simulated(rng, drawn)
        points = simulation.clicked(rng, drawn, months, event)
        found, _ = from_curve(
            **simulation.arguments(drawn, points, months, event, "numbers at risk")
        )
        wrong.append(abs(found["event"].sum() - event.sum()))
        distance.append(simulation.off(months, event, found))
    assert np.mean(np.array(wrong) == 0) >= 0.8
    assert np.mean(distance) < 0.006


@pytest.mark.parametrize("number", range(6))
def test_printed_numbers_of_simulated_pairs_are_met(number: int) -> None:
    rng = np.random.default_rng([11, number])
    drawn = simulation.plan(rng) | {"patients": 40 + 10 * number, "regular": number % 2 == 0}
    arms = [simulation.simulated(rng, drawn, longer) for longer in (1.0, 1.6)]
    months, event = (np.concatenate([arm[k] for arm in arms]) for k in (0, 1))
    group = np.repeat([0, 1], [len(arm[0]) for arm in arms])
    medians, ratio = simulation.printed(group, months, event)
    given = [
        simulation.arguments(drawn, simulation.clicked(rng, drawn, *arm), *arm, "numbers at risk")
        | {"printed": median}
        for arm, median in zip(arms, medians, strict=True)
    ]
    _, report = from_two_curves(*given, printed=ratio)
    assert len(report.checks) == 10
    assert report.unmet == ()
