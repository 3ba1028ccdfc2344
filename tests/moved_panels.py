"""What tests of panels share: their controls moved as far as they go."""

import warnings

import ipywidgets


def ends(control, queries):
    """Return the values at both ends of a control, all of a short list, or the queries."""
    if isinstance(control, ipywidgets.Dropdown):
        return [value for _, value in control._options_full]
    if isinstance(control, ipywidgets.Checkbox):
        return [False, True]
    if isinstance(control, ipywidgets.Text):
        return queries
    return [control.min, control.max]


def move_to_every_end(panel, queries):
    """Move each control to its ends, one after the other; none may raise or stay moved."""
    start = panel.settings
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for control in panel.controls.values():
            at_first = control.value
            for value in ends(control, queries):
                control.value = value
                assert panel.outcome.summary
            control.value = at_first
    assert panel.message == ""
    assert panel.settings.model_dump() == start.model_dump()
