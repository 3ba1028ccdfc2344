"""How a subgroup fared: its survival in all synthetic cohorts, beside that of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import catalogue, member_curves, printed_survival, synthetic, tables
from helpers.endpoints import Observed
from helpers.figures import Picture
from helpers.parameters import Settings
from helpers.synthetic import Range
from helpers.whatif import Outcome

Flags = NDArray[np.bool_]

FOOTNOTE = (
    "Synthetic cohorts, none of them real, each with every number that the paper prints. A range "
    "over them is no confidence interval: the paper leaves open at least that much."
)
"""What stands below each table of ranges."""

_MONTHS = (12, 24)
# So few make no curve.
_FEW = 5
_ALPHA = 0.05


def outcome(settings: Settings, *, paper: str, endpoints: Sequence[str]) -> Outcome:
    """Pick patients in every member, and show how they fared beside the rest.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Cohort`.
    paper : str
        The id of a paper with an ensemble.
    endpoints : sequence of str
        Names of the paper's endpoints; the first is drawn.

    Returns
    -------
    Outcome
        ``data`` has one row per quantity, as `helpers.synthetic.table` sets it.
    """
    chosen: Any = settings
    described, members = catalogue.load(paper), synthetic.members(paper)
    everyone = members.picked(described.groups.get("all", ""))
    picked = everyone & members.picked(chosen.cohort)
    rest, total = everyone & ~picked, int(everyone.sum(axis=-1).max())
    size = synthetic.count(picked, what="patients")
    asked = f"{size.words()} of {total} fit {chosen.cohort}, {size.agreement}."
    who = asked if chosen.cohort else f"All {total} patients."
    if not picked.any():
        return Outcome(
            f"None of {total} patients fits {chosen.cohort}, so there is nothing to estimate. "
            "Loosen the query: one condition fewer, or a wider range.",
            (),
            synthetic.table([]),
        )
    rows = [size]
    for name in endpoints:
        rows += _of_endpoint(paper, name, picked, rest)
    pinned = sum(each.pinned for each in rows)
    first = printed_survival.observed(paper, endpoints[0])
    label = described.endpoints[endpoints[0]].label
    summary = (
        f"{who} Of {len(rows)} quantities, the paper pins {pinned}; the other "
        f"{len(rows) - pinned} it doesn't determine. {_headline(rows, label)}"
    )
    data = synthetic.table(rows)
    shown = tables.ranges(
        data, caption="The patients picked, and how they fared", footnote=FOOTNOTE
    )
    if size.values.max() < _FEW:
        told = f"{summary} So few are case reports: no curve is drawn of them."
        return Outcome(told, (shown,), data)
    drawn = {"these": picked} | ({"all others": rest} if rest.any() else {})
    return Outcome(summary, (_plot(first, drawn, paper, endpoints[0]), shown), data)


def tests(paper: str, endpoint: str, queries: Mapping[str, str]) -> pd.DataFrame:
    """Test each of several subgroups against all others, in every member.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    endpoint : str
        The name of an endpoint of the paper.
    queries : mapping of str to str
        The subgroups: what to call each, and a cohort query.

    Returns
    -------
    pandas.DataFrame
        One row per member, one column per subgroup: P of the log-rank test, nan where there is
        nothing to test.
    """
    from helpers.survival.comparison import logrank

    described, members = catalogue.load(paper), synthetic.members(paper)
    found = printed_survival.observed(paper, endpoint)
    who = found.included & members.picked(described.groups.get("all", ""))
    return pd.DataFrame(
        {
            name: logrank(found.time, found.code == 1, members.picked(text), where=who).p
            for name, text in queries.items()
        }
    )


def at_risk(
    paper: str, endpoint: str, groups: Mapping[str, str], months: Sequence[float]
) -> pd.DataFrame:
    """Count who is still followed without the event at some months, in every member.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    endpoint : str
        The name of an endpoint of the paper.
    groups : mapping of str to str
        What to call each group, and its name in the paper.
    months : sequence of float
        Months from the endpoint's origin.

    Returns
    -------
    pandas.DataFrame
        A row per group, a column per month; from the lowest to the highest number, as text.
    """
    described, members = catalogue.load(paper), synthetic.members(paper)
    found = printed_survival.observed(paper, endpoint)
    rows = []
    for name, group in groups.items():
        who = found.included & members.picked(described.groups[group])
        cells = {
            f"{month:g} months": synthetic.count(who & (found.time >= month), what="").bare()
            for month in months
        }
        rows.append({"group": name} | cells)
    return pd.DataFrame(rows)


def follow_up(found: Observed, group: Flags) -> list[Range]:
    """Say how long patients were followed, by three definitions, in every member.

    Parameters
    ----------
    found : Observed
        An endpoint; its event is taken for what ends follow-up.
    group : numpy.ndarray of bool
        Whose.

    Returns
    -------
    list of Range
        The median and the quartiles of the observed times, the median of those without the event,
        and the median by reverse Kaplan-Meier with its 95 % limits (log-log). Months.
    """
    from helpers.survival.curves import median_follow_up

    who = found.included & group
    times = np.where(who, found.time, np.nan)
    alive = np.where(who & (found.code != 1), found.time, np.nan)
    reverse = median_follow_up(found.time, found.code == 1, where=who, method="reverse")
    values = {
        "observed times, lower quartile": np.nanquantile(times, 0.25, axis=-1),
        "observed times, median": np.nanmedian(times, axis=-1),
        "observed times, upper quartile": np.nanquantile(times, 0.75, axis=-1),
        "those without the event, median": np.nanmedian(alive, axis=-1),
        "reverse Kaplan–Meier, median": reverse.value,
        "reverse Kaplan–Meier, lower limit": reverse.lower,
        "reverse Kaplan–Meier, upper limit": reverse.upper,
    }
    return [Range(what, "months", np.asarray(each)) for what, each in values.items()]


def without_competing(found: Observed) -> Observed:
    """Return an endpoint with its competing events taken for censorings.

    Parameters
    ----------
    found : Observed
        The endpoint.

    Returns
    -------
    Observed
    """
    return Observed(found.time, np.where(found.code == 2, np.int8(0), found.code), found.included)


def swapped(found: Observed) -> Observed:
    """Return an endpoint with its events and its competing events in each other's place.

    Parameters
    ----------
    found : Observed
        The endpoint.

    Returns
    -------
    Observed
    """
    return Observed(found.time, np.array([0, 2, 1], np.int8)[found.code], found.included)


def one_more_death(
    paper: str, endpoint: str, group: str, *, month: float, within: float, what: str
) -> list[Range]:
    """Say what a rate would be if one more patient had had the event just before.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    endpoint : str
        The name of an endpoint of the paper, without competing events.
    group : str
        The name of a group of the paper.
    month : float
        Of the rate, months from the endpoint's origin.
    within : float
        How long before that the event is, months.
    what : str
        How to call the group.

    Returns
    -------
    list of Range
        The rate as it is, and the rate with one more event among those who were at risk so long
        before: ``1 - 1 / at risk`` times the rate.
    """
    described, members = catalogue.load(paper), synthetic.members(paper)
    found = printed_survival.observed(paper, endpoint)
    who = members.picked(described.groups[group])
    number = (found.included & who & (found.time >= month - within)).sum(axis=-1)
    as_it_is = printed_survival.rate(found, who, month, what=f"{what}: as it is")[0]
    left = np.where(number > 0, 1 - 1 / np.maximum(number, 1), np.nan)
    return [as_it_is, Range(f"{what}: one more death", "%", as_it_is.values * left)]


def _of_endpoint(paper: str, name: str, picked: Flags, rest: Flags) -> list[Range]:
    described = catalogue.load(paper)
    label, found = described.endpoints[name].label, printed_survival.observed(paper, name)
    who = found.included & picked
    rows = [synthetic.count(who & (found.code == 1), what=f"{label}: events")]
    if not described.endpoints[name].competing:
        rule = described.reconstruct.median_rule
        rows += synthetic.median(found, picked, what=f"{label}: median", rule=rule)[:1]
    for month in _MONTHS:
        text = f"{label} at {month} months"
        rows += printed_survival.rate(found, picked, month, what=text)[:1]
    if described.endpoints[name].competing:
        return rows
    at_end = who & (found.time >= _MONTHS[-1])
    rows.append(synthetic.count(at_end, what=f"{label}: at risk at {_MONTHS[-1]} months"))
    if rest.any():
        compared = synthetic.comparison(found, picked, rest)
        rows += [
            Range(
                f"{label}: hazard ratio, these against all others",
                "ratio",
                compared["ratio"].values,
            ),
            Range(f"{label}: P of the log-rank test", "P", compared["logrank"].values),
        ]
    return rows


def _headline(rows: Sequence[Range], label: str) -> str:
    told = [
        f"{each.what} {each.words()} ({each.agreement})"
        for each in rows
        if each.what.startswith(label) and not each.what.endswith("events")
    ]
    tested = next((each for each in rows if each.unit == "P"), None)
    text = "; ".join(told)
    text = f"{text[:1].upper()}{text[1:]}."
    if tested is None or np.isnan(tested.values).all():
        return text
    below = int((tested.values < _ALPHA).sum())
    return (
        f"{text} P is below {_ALPHA} in {below} of {len(tested.values)} cohorts; a subgroup that "
        "was looked for proves nothing by that."
    )


def _plot(found: Observed, drawn: Mapping[str, Flags], paper: str, name: str) -> Picture:
    label = catalogue.load(paper).endpoints[name].label
    return member_curves.draw_curves(
        member_curves.curves_data(found, drawn, months=printed_survival.months(found.time, step=6)),
        ylabel=label[:1].upper() + label[1:],
        xlabel="Months from the start of venetoclax",
    )
