"""Keys that move a control to both ends, to somewhere between, and back to where it was."""

from dataclasses import dataclass

import ipywidgets as widgets

NONSENSE = "<b>ten</b>"


@dataclass(frozen=True)
class Move:
    """What is pressed or typed, and the value that this leads to.

    Attributes
    ----------
    value : object
        As the widget has it in Python.
    keys : tuple of str
        What is pressed, each by its name; or
    text : str or None
        what is typed instead of all that stands there.
    stop : int
        At which of the control's stops of the Tab key.
    """

    value: object
    keys: tuple[str, ...] = ()
    text: str | None = None
    stop: int = 0


def stops(widget):
    """Return the number of places of a control where the Tab key stops."""
    if isinstance(widget, (widgets.IntRangeSlider, widgets.FloatRangeSlider)):
        return 3
    return 2 if isinstance(widget, (widgets.IntSlider, widgets.FloatSlider)) else 1


def moves(widget):
    """Return the moves of a control, in the order of its stops.

    The last one leads back to the value that the control has.
    """
    match widget:
        case widgets.IntRangeSlider() | widgets.FloatRangeSlider():
            return _of_range(widget)
        case widgets.IntSlider() | widgets.FloatSlider():
            return _of_slider(widget)
        case widgets.Dropdown():
            return _of_dropdown(widget)
        case widgets.SelectMultiple():
            return _of_list(widget)
        case widgets.Checkbox():
            return [Move(not widget.value, ("Space",)), Move(widget.value, ("Space",))]
        case widgets.BoundedIntText():
            return _of_number(widget)
        case widgets.Text():
            texts = dict.fromkeys([NONSENSE, "", widget.value])
            return [Move(text, text=text) for text in [*texts, widget.value]]
    raise TypeError(f"no keys for a {type(widget).__name__}")


def _of_slider(slider):
    least, most, start = slider.min, slider.max, slider.value
    ends = [Move(most, ("End",)), Move(least, ("Home",))]
    between = start
    if start in (least, most):
        ends = [end for end in ends if end.value != start]
        steps = round((most - least) / slider.step) // 2
        between = least + steps * slider.step
    typed = [between] if between == start else [between, start]
    return [*ends, *(Move(value, text=f"{value:.6g}", stop=1) for value in typed)]


def _of_range(slider):
    least, most = slider.value
    between = (least + slider.step, most)
    return [
        Move((most, most), ("End",)),
        Move((least, most), ("Home",)),
        Move((least, least), ("Home",), stop=1),
        Move((least, most), ("End",), stop=1),
        Move(between, text="{:g} – {:g}".format(*between), stop=2),
        Move((least, most), text=f"{least:g} – {most:g}", stop=2),
    ]


def _of_dropdown(chosen):
    values = [value for _, value in chosen._options_full]
    at, last = values.index(chosen.value), len(values) - 1
    first, final = Move(values[0], ("Home",)), Move(values[-1], ("End",))
    if at == 0:
        return [final, *[Move(values[last - 1], ("ArrowUp",))] * (last > 1), first]
    if at == last:
        return [first, *[Move(values[1], ("ArrowDown",))] * (last > 1), final]
    # From the open list, so that nothing on the way is chosen.
    keys = ("Space", "Home", *["ArrowDown"] * at, "Enter")
    return [final, first, Move(values[at], keys)]


def _of_list(chosen):
    values = tuple(value for _, value in chosen._options_full)
    return [
        Move(values[-1:], ("End",)),
        Move(values[:1], ("Home",)),
        Move(values, ("Shift+End",)),
    ]


def _of_number(box):
    return [
        Move(box.max, text=str(box.max)),
        Move(box.min, text=str(box.min)),
        Move(box.min + 1, ("ArrowUp",)),
        Move(box.value, text=str(box.value)),
    ]
