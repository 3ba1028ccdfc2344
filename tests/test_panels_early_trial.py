"""Panels of a small early trial, moved from code."""

import re

import pytest
from moved_panels import move_to_every_end

from helpers import panels, parameters
from helpers.phase_two import Seen

PAPER = "mini_hcvd"
GROUPS = (
    *("dose_by_cycle", "cohort", "from_response", "transplant", "response"),
    *("escalation", "monitoring"),
)
SEEN = {"response": [Seen("all", 12, 12, 21)], "toxicity": [Seen("grade 4 or 5", 0, 5, 22)]}
MAKE = {
    "dose": panels.dose,
    "cohort": panels.cohort_of,
    "endpoint": lambda settings, paper: panels.redefinition(settings, paper=paper, reference="rfs"),
    "design": panels.design,
    "monitoring": lambda settings, paper: panels.monitoring(settings, paper=paper, seen=SEEN),
}
each = pytest.mark.parametrize("name", MAKE)


def panel(name, **values):
    return MAKE[name](parameters.check(values, *GROUPS, paper=PAPER), paper=PAPER)


@pytest.mark.parametrize(
    ("name", "control", "value", "told"),
    [
        # 100 + 200 + 12 × 400, then 7 × 400 in each of seven cycles.
        ("dose", "cycles", 8, f"{5100 + 7 * 2800:,} mg in all"),
        ("dose", "venetoclax_days_later", 14, f"{5100 + 3 * 5600:,} mg in all"),
        ("dose", "cyp3a_inhibitor", "strong", "down from 400 mg"),
        ("cohort", "cohort", "LINEAGE == 'T'", "4 patients of 22 fit"),
        ("endpoint", "remission", "CR", "Only CR counts as a response"),
        ("endpoint", "events", "relapse", "it censors"),
        ("endpoint", "censor_at_transplant", True, "The transplant stops the clock"),
        ("design", "target_percent", 40, "target of 40%"),
        ("design", "design", "CRM", "CRM, true DLT rates"),
        ("monitoring", "response_cutoff_percent", 50, "P(rate ≥ 0.5) < 0.5"),
        ("monitoring", "true_response_percent", 20, "true rates of 20% response"),
    ],
)
def test_a_control_moved_changes_what_is_told(name, control, value, told):
    made = panel(name)
    before = made.outcome.summary
    made.controls[control].value = value
    assert made.message == ""
    assert told in made.outcome.summary
    assert made.outcome.summary != before


def test_the_printed_medians_come_out_under_the_papers_own_definitions():
    """Relapse-free survival 5.3 months in responders; overall survival 7.1 and 8.5 months."""
    made = panel("endpoint")
    assert "Median, all 5.3 months (pinned)" in made.outcome.summary
    made.set(origin="treatment", events="death", whom="everyone")
    assert "Median, all 7.1 months (pinned)" in made.outcome.summary
    made.set(whom="responders")
    assert "Median, all 8.5 months (pinned)" in made.outcome.summary


def test_with_cr_alone_nine_of_twelve_respond():
    made = panel("endpoint", remission="CR")
    table = made.outcome.data.set_index("what")
    share = "response, all (%)"
    assert table.loc[share, "before"] == f"{100 * 12 / 22:.1f}"
    assert table.loc[share, "after"] == f"{100 * 9 / 22:.1f}"


@each
def test_no_end_of_any_control_raises(name):
    move_to_every_end(panel(name), ["LINEAGE ==", "AGE > 100", "DOSELVL == '200'", "<b>", ""])


@each
def test_what_stands_without_a_kernel_is_whole(name):
    bundle = panel(name)._repr_mimebundle_()
    assert "Settings: " in bundle["text/html"]
    for tag in re.findall(r"<img\b[^>]*>", bundle["text/html"]):
        assert re.search(r'\balt="[^"]{30,}"', tag)


def test_later_days_longer_than_a_cycle_are_refused():
    made = panel("dose")
    made.set(venetoclax_days_later=30)
    assert "later cycle of 28" in made.message
    # One cycle has no later one.
    made.set(cycles=1)
    assert made.message == ""
