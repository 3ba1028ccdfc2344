"""A transplant during follow-up: when it may have been, and what it then seems to do.

Whoever is transplanted has lived until then. How much of a difference this alone makes depends on
when the transplants were, and papers seldom print that. So the month is an assumption here, and
each analysis is made anew for it, in all synthetic cohorts at once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import catalogue, immortal_time, member_curves, printed_survival, synthetic, tables
from helpers.endpoints import Observed
from helpers.errors import KitError
from helpers.figures import Picture
from helpers.member_curves import Curve, MemberCurves
from helpers.parameters import Settings
from helpers.reconstruct.member_arrays import Members
from helpers.survival_subgroup import FOOTNOTE
from helpers.synthetic import Range
from helpers.whatif import Outcome

if TYPE_CHECKING:
    from helpers.survival.curves import Curves

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WAYS = {
    "ever": "ever transplanted, from the start",
    "landmark": "transplanted by the landmark, from then on",
    "time-dependent": "transplanted, from the transplant on",
}
"""The three analyses, in the words of a table."""

_STEPS = 250
# A curve that begins with fewer patients may fall to nothing at once.
_SEVERAL = 5
_SLACK = 1e-9


def assumed_times(members: Members, delay: float) -> Floats:
    """Return when the transplants were, if each came so long after the response.

    Parameters
    ----------
    members : Members
        The cohorts, with the months of response, relapse, transplant, death and last contact.
    delay : float
        From the response to the transplant, months; 0 or more.

    Returns
    -------
    numpy.ndarray of float
        Months from the start of treatment; nan for those without a transplant. Where relapse,
        death or the last contact came before, the transplant was halfway between the response and
        that. Whose response came no sooner than the transplant keeps the cohorts' own month.

    Raises
    ------
    KitError
        If the delay is negative, or not finite.
    """
    if not (np.isfinite(delay) and delay >= 0):
        raise KitError(f"given {delay!r}", where="delay", right="0 or more months")
    history = members.history
    stored, response = history["HSCTM"], history["RSPM"]
    following = np.fmin(np.fmin(history["RLPM"], history["DTHM"]), history["LSTALVM"])
    after = np.where(response + delay < following, response + delay, (response + following) / 2)
    return np.where(stored > response + _SLACK, after, stored)


def times_of(settings: Settings, members: Members) -> Floats:
    """Return when the transplants were, by the settings.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.TransplantTime`.
    members : Members
        The cohorts.

    Returns
    -------
    numpy.ndarray of float
        Months from the start of treatment; nan for those without a transplant.
    """
    chosen: Any = settings
    if chosen.transplant_time == "assumed":
        return assumed_times(members, chosen.transplant_delay_months)
    return members.history["HSCTM"]


def analyses(
    found: Observed,
    when: Floats,
    group: Flags,
    *,
    landmark: float,
    ever: Floats | None = None,
) -> list[Range]:
    """Compare the transplanted with the others in three ways, in every member.

    Parameters
    ----------
    found : Observed
        An endpoint whose clock starts with the treatment.
    when : numpy.ndarray of float
        The month of each transplant; nan for none.
    group : numpy.ndarray of bool
        Whose.
    landmark : float
        Months from the start of treatment.
    ever : numpy.ndarray of float, optional
        What `ever_transplanted` returned for the same, where it is known.

    Returns
    -------
    list of Range
        Hazard ratios by the keys of `WAYS`, then the limits of the time-dependent one and its P
        (Wald), and how many are in the landmark's two groups.
    """
    from helpers.survival.cox import cox
    from helpers.survival.time_dependent import episodes, landmark_sample

    who, event = found.included & group, found.code == 1
    sample = landmark_sample(found.time, event, when, landmark, where=who)
    rows = episodes(found.time, event, when, where=who)
    fit = cox(rows.time, rows.event, rows.state, entry=rows.entry, where=rows.where)
    fine = fit.reason[..., 0] == ""
    later = cox(
        np.where(sample.where, sample.time, 0.0), sample.event, sample.changed, where=sample.where
    )
    if ever is None:
        ever = ever_transplanted(found, when, group)
    made = [
        Range(f"hazard ratio, {what}", "ratio", each)
        for what, each in zip(WAYS.values(), (ever, _ratio(later), _ratio(fit)), strict=True)
    ]
    limits = [("lower limit", fit.lower), ("upper limit", fit.upper)]
    made += [
        Range(f"time-dependent: {name}", "ratio", np.where(fine, each[..., 0], np.nan))
        for name, each in limits
    ]
    made.append(Range("time-dependent: P (Wald)", "P", np.where(fine, fit.p[..., 0], np.nan)))
    made += [
        synthetic.count(sample.changed, what=f"transplanted by month {landmark:g}"),
        synthetic.count(
            sample.where & ~sample.changed,
            what=f"alive then, not transplanted by month {landmark:g}",
        ),
        synthetic.count(
            who & ~sample.where, what=f"dead or lost by month {landmark:g}, not in the landmark"
        ),
    ]
    return made


def ever_transplanted(found: Observed, when: Floats, group: Flags) -> Floats:
    """Compare those ever transplanted with the others from the start on: the wrong way.

    Parameters
    ----------
    found : Observed
        An endpoint whose clock starts with the treatment.
    when : numpy.ndarray of float
        The month of each transplant; nan for none. Which month doesn't matter.
    group : numpy.ndarray of bool
        Whose.

    Returns
    -------
    numpy.ndarray of float
        Hazard ratios, one per member; nan where there is none.
    """
    from helpers.survival.cox import cox

    who = found.included & group
    return _ratio(cox(found.time, found.code == 1, ~np.isnan(when), where=who))


@lru_cache(maxsize=16)
def _ever(members: Members, paper: str, endpoint: str, text: str) -> Floats:
    """Return it for a lesson's settings; most of them leave it as it is."""
    group = members.picked(catalogue.load(paper).groups.get("all", ""), text)
    found = printed_survival.observed(paper, endpoint)
    return ever_transplanted(found, members.history["HSCTM"], group)


def _ratio(fit: Any) -> Floats:
    return np.where(fit.reason[..., 0] == "", fit.hazard_ratio[..., 0], np.nan)


def by_delay(
    paper: str, endpoint: str, delays: list[float], *, group: str, landmark: int
) -> pd.DataFrame:
    """Say what is left of a difference, by how long after the response the transplants were.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    endpoint : str
        The name of an endpoint whose clock starts with the treatment.
    delays : list of float
        Months from response to transplant.
    group : str
        The name of a group of the paper.
    landmark : int
        Months from the start of treatment.

    Returns
    -------
    pandas.DataFrame
        A row per delay: the median month of the transplants and the hazard ratios, each from the
        lowest to the highest of all members, as text.
    """
    described, members = catalogue.load(paper), synthetic.members(paper)
    found = printed_survival.observed(paper, endpoint)
    who = members.picked(described.groups[group])
    rows = []
    for delay in delays:
        when = assumed_times(members, delay)
        made = analyses(found, when, who, landmark=landmark)
        middle = _middle(when, who)
        rows.append(
            {"delay": f"{delay:g}", "month": middle.bare()}
            | {name: each.words() for name, each in zip(WAYS, made, strict=False)}
            | {"upper": made[4].words()}
        )
    return pd.DataFrame(rows)


def without_effect(
    paper: str, endpoint: str, *, delay: float, share: float, seed: int
) -> list[Range]:
    """Deal transplants by lot, so that they do nothing, and compare all the same.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    endpoint : str
        The name of an endpoint whose clock starts with the treatment.
    delay : float
        The average month of the lots that are drawn; they are exponential.
    share : float
        Which share of patients draws a lot, from 0 to 1.
    seed : int
        Of the lots.

    Returns
    -------
    list of Range
        Hazard ratios by the keys of `WAYS`. A lot counts as a transplant if its month comes while
        the patient is alive and followed: as with real ones.
    """
    found = printed_survival.observed(paper, endpoint)
    rng = np.random.default_rng(seed)
    month = rng.exponential(delay, found.time.shape)
    drawn = rng.random(found.time.shape) < share
    when = np.where(drawn & (month < found.time), month, np.nan)
    ratios = immortal_time.three_ways(
        found.time, found.code == 1, when, landmark=delay, where=found.included
    )
    return [Range(WAYS[name], "ratio", ratios[name]) for name in WAYS]


def outcome(settings: Settings, *, paper: str, endpoint: str) -> Outcome:
    """Compare the transplanted with the others wrongly and rightly, in every member.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.TransplantTime`, `Landmark` and, where offered,
        `Cohort`.
    paper : str
        The id of a paper with an ensemble.
    endpoint : str
        The name of an endpoint whose clock starts with the treatment.

    Returns
    -------
    Outcome
        ``data`` has one row per quantity, as `helpers.synthetic.table` sets it.
    """
    chosen: Any = settings
    described, members = catalogue.load(paper), synthetic.members(paper)
    text: str = getattr(settings, "cohort", "")
    group = members.picked(described.groups.get("all", ""), text)
    found, when = printed_survival.observed(paper, endpoint), times_of(settings, members)
    who = f"Of patients with {text}: " if text else ""
    if not (group & ~np.isnan(when)).any() or not (group & np.isnan(when)).any():
        return Outcome(
            f"{who}there are not both, transplanted and not: nothing can be compared.",
            (),
            synthetic.table([]),
        )
    ever = _ever(members, paper, endpoint, text)
    rows = analyses(found, when, group, landmark=chosen.landmark_months, ever=ever)
    middle = _middle(when, group)
    assumed = (
        f"the transplants are assumed to have come {chosen.transplant_delay_months:g} months after "
        "the response"
        if chosen.transplant_time == "assumed"
        else "the transplants are where the synthetic cohorts happen to have them"
    )
    naive, fixed, timed, upper = rows[0], rows[1], rows[2], rows[4]
    summary = (
        f"{who}{assumed}, the median in month {middle.bare()}. "
        f"Hazard of death, transplanted against not: {naive.words()} if whoever was ever "
        f"transplanted counts so from the start; {fixed.words()} from month "
        f"{chosen.landmark_months} on, by who had it by then ({rows[6].words()}); "
        f"{timed.words()} if they count so only from the transplant on. {_contains_one(upper)}"
    )
    summary = summary[:1].upper() + summary[1:]
    data = synthetic.table([middle, *rows])
    shown = tables.ranges(
        data,
        caption=f"{described.endpoints[endpoint].label}, transplanted against not".capitalize(),
        footnote=FOOTNOTE + " When the transplants were is an assumption on top of that.",
    )
    drawn = _plot(chosen, found, when, group, described.endpoints[endpoint].label)
    return Outcome(summary, (drawn, shown), data)


def _middle(when: Floats, group: Flags) -> Range:
    """Return the median month of a group's transplants; nan in a member without any."""
    months = np.where(group, when, np.nan)
    some = ~np.isnan(months).all(axis=-1)
    found = np.full(len(months), np.nan)
    found[some] = np.nanmedian(months[some], axis=-1)
    return Range("median month of the transplants", "months", found)


def _contains_one(upper: Range) -> str:
    known = upper.values[~np.isnan(upper.values)]
    above = int((known >= 1).sum())
    if not len(known):
        return "Of the last, no interval can be given."
    if above in (0, len(known)):
        some = "all" if above else "none"
        return f"The interval of the last contains 1 in {some} of {len(known)} cohorts."
    return f"The interval of the last contains 1 in {above} of {len(known)} cohorts."


# --- drawing -------------------------------------------------------------------------------------


def curves(paper: str, endpoint: str, settings: Settings, *, group: str = "all") -> Picture:
    """Draw the transplanted beside the others, in the way that the settings name.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    endpoint : str
        The name of an endpoint whose clock starts with the treatment.
    settings : Settings
        With the settings of `helpers.parameters.TransplantTime` and `Landmark`.
    group : str, optional
        The name of a group of the paper.

    Returns
    -------
    Picture
    """
    described, members = catalogue.load(paper), synthetic.members(paper)
    who = members.picked(described.groups[group])
    found = printed_survival.observed(paper, endpoint)
    label = described.endpoints[endpoint].label
    return _plot(settings, found, times_of(settings, members), who, label)


def _plot(settings: Any, found: Observed, when: Floats, group: Flags, label: str) -> Picture:
    from helpers.survival.time_dependent import landmark_sample

    label = label[:1].upper() + label[1:]
    assumed = "when the transplants were is assumed"
    source = f"{member_curves.SYNTHETIC}; {assumed}"
    landmark = settings.landmark_months
    who = found.included & group
    if settings.curves_of == "time-dependent":
        start = _enough(when, who)
        data = simon_makuch_data(found, when, who, start=start)
        clock = f"the start of venetoclax; curves begin in month {start:g}"
        drawn = member_curves.draw_curves(
            data, ylabel=label, xlabel=f"Months from {clock}", source=source
        )
        return replace(drawn, alt=drawn.alt.replace(", 0 patients:", ", nobody at first:"))
    if settings.curves_of == "landmark":
        sample = landmark_sample(found.time, found.code == 1, when, landmark, where=who)
        found = Observed(
            np.where(sample.where, sample.time, 0.0),
            sample.event.astype(np.int8),
            np.asarray(sample.where),
        )
        groups = {
            f"transplanted by month {landmark}": sample.changed,
            "not by then": sample.where & ~sample.changed,
        }
        clock = f"month {landmark} of treatment"
    else:
        groups = {"ever transplanted": ~np.isnan(when) & who, "never": np.isnan(when) & who}
        clock = "the start of venetoclax"
    return member_curves.draw_curves(
        member_curves.curves_data(
            found, groups, months=printed_survival.months(found.time, step=6)
        ),
        ylabel=label,
        xlabel=f"Months from {clock}",
        source=source if settings.curves_of == "landmark" else member_curves.SYNTHETIC,
    )


def _enough(when: Floats, group: Flags) -> float:
    """Return the first month by which several have been transplanted, in each member."""
    month = np.sort(np.where(group & ~np.isnan(when), when, np.inf), axis=-1)
    nth = month[:, min(_SEVERAL, month.shape[-1]) - 1]
    # With fewer transplants than that, the curves begin with the last of them.
    last = np.max(np.where(np.isfinite(month), month, 0.0), axis=-1)
    return float(np.ceil(np.where(np.isfinite(nth), nth, last).max()))


def simon_makuch_data(
    found: Observed, when: Floats, group: Flags, *, start: float, member: int = 1
) -> MemberCurves:
    """Estimate Simon and Makuch's curves of one member and the band of all members.

    Parameters
    ----------
    found : Observed
        The endpoint in all members.
    when : numpy.ndarray of float
        The month of each transplant; nan for none.
    group : numpy.ndarray of bool
        Whose.
    start : float
        The month in which the curves begin; earlier, too few are transplanted.
    member : int, optional
        Which member is shown, from 1.

    Returns
    -------
    MemberCurves
        Two curves: not transplanted yet or ever, and transplanted. Everyone counts in the curve
        of the state in which they are at that time.
    """
    from helpers.survival.time_dependent import numbers_at_risk, simon_makuch

    made = simon_makuch(
        found.time, found.code == 1, when, where=found.included & group, start=start
    )
    at = printed_survival.months(found.time, step=6)
    grid = np.linspace(start, at[-1], _STEPS + 1)
    both = _heights(made.curves, np.concatenate([grid, at[at >= start]]))
    height, told = both[..., : len(grid)], both[..., len(grid) :]
    risk = numbers_at_risk(made, at)
    last = np.where(found.included & group, found.time, 0.0).max(axis=-1)
    # As in the other figures, the transplanted come first.
    names = {1: "transplanted", 0: "not, or not yet"}
    drawn, at_risk = [], {}
    for place, name in names.items():
        numbers = risk[:, place]
        at_risk[name] = pd.DataFrame(
            {
                "month": at,
                "n": numbers[member - 1],
                "lowest": numbers.min(axis=0),
                "highest": numbers.max(axis=0),
            }
        )
        drawn.append(_stepwise(name, height[:, place], told[:, place], grid, at, last, member))
    return MemberCurves("survival", member, len(height), tuple(drawn), at_risk)


def _heights(found: Curves, at: Floats) -> Floats:
    """Read curves at some times, without the limits that `landmark` would make of the whole."""
    passed = found.ordered.position(at)
    read = np.take_along_axis(found.survival, np.maximum(passed - 1, 0), axis=-1)
    return np.where(found.n[..., None] == 0, np.nan, np.where(passed == 0, 1.0, read))


def _stepwise(
    name: str, height: Floats, told: Floats, grid: Floats, at: Floats, last: Floats, member: int
) -> Curve:
    own = height[member - 1]
    shown = grid <= last[member - 1] + _SLACK
    falls = np.r_[True, np.diff(own[shown]) != 0]
    steps = pd.DataFrame({"month": grid[shown][falls], "value": own[shown][falls]})
    end = pd.DataFrame({"month": [last[member - 1]], "value": [own[shown][-1]]})
    known = grid[None, :-1] <= last[:, None] + _SLACK
    lowest = np.min(height[:, 1:], axis=0, where=known, initial=np.inf)
    highest = np.max(height[:, :-1], axis=0, where=known, initial=-np.inf)
    number = known.sum(axis=0)
    band = pd.DataFrame(
        {
            "start": grid[:-1],
            "end": grid[1:],
            "lowest": np.where(number > 0, lowest, np.nan),
            "highest": np.where(number > 0, highest, np.nan),
            "members": number,
        }
    )
    months = at[at >= grid[0]]
    readable = months[None, :] <= last[:, None] + _SLACK
    some = readable.any(axis=0)
    words = pd.DataFrame(
        {
            "month": months,
            "value": np.where(readable[member - 1], told[member - 1], np.nan),
            "lowest": np.where(some, np.min(told, axis=0, where=readable, initial=1.0), np.nan),
            "highest": np.where(some, np.max(told, axis=0, where=readable, initial=0.0), np.nan),
        }
    )
    nobody = pd.DataFrame({"month": pd.Series(dtype=float), "value": pd.Series(dtype=float)})
    return Curve(name, "event", pd.concat([steps, end], ignore_index=True), nobody, band, words)


def shown_with(settings: Settings, curves_of: str) -> Settings:
    """Return settings with other curves shown.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.TransplantTime`.
    curves_of : str
        What is shown.

    Returns
    -------
    Settings
    """
    return settings.model_copy(update={"curves_of": curves_of})
