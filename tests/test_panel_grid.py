"""The states of a panel that are worked out ahead."""

import math

import ipywidgets
import pytest

from helpers.errors import KitError
from helpers.panel_grid import Grid


def slider(least, most, step=1, *, value, kind=ipywidgets.IntSlider):
    return kind(min=least, max=most, step=step, value=value)


@pytest.mark.parametrize(
    ("control", "found"),
    [
        # All of a short range; of a long one its ends, where it starts, and round numbers.
        (slider(1, 6, value=2), [1, 2, 3, 4, 5, 6]),
        (slider(1, 60, value=37), [1, 10, 20, 30, 37, 40, 50, 60]),
        (slider(-20, 30, value=0), [-20, -10, 0, 10, 20, 30]),
        (
            slider(0.7, 1.4, 0.1, value=1.0, kind=ipywidgets.FloatSlider),
            [0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4],
        ),
        (ipywidgets.Dropdown(options=["b", "a"], value="a"), ["b", "a"]),
        (ipywidgets.Checkbox(value=True), [False, True]),
        # Text and typed numbers have no stops of their own.
        (ipywidgets.Text(value="AGE < 30"), ["AGE < 30"]),
    ],
)
def test_a_control_stops_where_a_reader_would(control, found):
    assert Grid().stops("name", control, control.value) == found


def test_every_stop_is_one_that_the_control_can_show():
    for least, most, step in [(50, 800, 50), (20, 1000, 20), (0, 100, 5), (14, 56, 1), (3, 87, 7)]:
        stops = Grid().stops("x", slider(least, most, step, value=least), least)
        assert (stops[0], stops[-1]) == (least, most)
        assert all((stop - least) % step == 0 for stop in stops[:-1])
        assert len(stops) <= Grid().most + 3


def test_a_panel_names_stops_of_its_own():
    grid = Grid(values={"days": (7, 14, 99), "cohort": {"AGE < 30": "the young"}})
    # What lies beyond the control's ends is no stop of it.
    assert grid.stops("days", slider(1, 42, value=28), 28) == [7, 14, 28]
    assert grid.stops("cohort", ipywidgets.Text(value=""), "") == ["", "AGE < 30"]


def test_states_are_moves_of_one_control_and_of_those_that_belong_together():
    stops = {"a": [1, 2, 3], "b": [1, 2], "c": [False, True]}
    start = {"a": 2, "b": 1, "c": False}
    grid = Grid(together=[("a", "b"), ("a", "not offered here")])
    states = grid.states(stops, start)
    assert states[0] == start
    assert len(states) == 3 * 2 + 1
    assert len({tuple(state.items()) for state in states}) == len(states)
    assert {"a": 3, "b": 2, "c": False} in states
    assert {"a": 2, "b": 1, "c": True} in states
    assert {"a": 3, "b": 1, "c": True} not in states


def test_states_of_all_controls_together_are_the_whole_product():
    stops = {"a": [1, 2, 3], "b": [1, 2], "c": [False, True]}
    start = {name: values[0] for name, values in stops.items()}
    states = Grid(together=[tuple(stops)]).states(stops, start)
    assert len(states) == math.prod(map(len, stops.values()))


def test_too_many_states_are_refused():
    stops = {"a": list(range(30)), "b": list(range(30))}
    with pytest.raises(KitError, match="900 states; right would be: at most 400"):
        Grid(together=[("a", "b")]).states(stops, {"a": 0, "b": 0})
