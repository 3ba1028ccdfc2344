"""How much a paper leaves open: a cohort, an endpoint, a hidden factor over its synthetic cohorts.

As in `helpers.whatif`, each function takes a lesson's settings and returns an `Outcome`. It asks
all members of the paper's ensemble at once. What all of them print alike is pinned by the paper;
anything else is not determined by it, whatever a single member shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import (
    catalogue,
    confounding,
    endpoints,
    imbalance,
    member_curves,
    parameters,
    synthetic,
    tables,
    wording,
)
from helpers.audit import DAYS_PER_MONTH
from helpers.catalogue import Definition, Paper
from helpers.endpoints import Observed
from helpers.errors import KitError
from helpers.figures import Picture
from helpers.parameters import Settings
from helpers.reconstruct.member_arrays import Members
from helpers.synthetic import Range
from helpers.whatif import Outcome

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Groups = Mapping[str, str]

# More rows than that nobody reads; a paper may record a hundred adverse events.
_MOST_MIXED = 8
# So few make no curve.
_FEW = 5
_SIGNIFICANT = 0.05
_DAY = 1 / DAYS_PER_MONTH
# Beyond the time by which so many have left, a curve rests on hardly anyone.
_SHOWN = 0.95
_CLOCKS = {
    "diagnosis": "diagnosis",
    "treatment": "the start of venetoclax",
    "response": "the response",
    "transplant": "the transplant",
}
_ALIVE = {
    frozenset({"death"}): "Overall survival",
    frozenset({"relapse", "death"}): "Alive without relapse",
    frozenset({"relapse"}): "Free of relapse",
    frozenset({"no response", "relapse", "death"}): "Event-free survival",
}
_FOOTNOTE = (
    "Synthetic cohorts, none of them real, each with every number that the paper prints. A range "
    "over them is no confidence interval: the paper leaves open at least that much."
)


def cohort_of(
    settings: Settings,
    *,
    paper: str,
    compare: Groups | None = None,
    outcomes: Mapping[str, str] | None = None,
) -> Outcome:
    """Pick patients in every member, and show how far the paper tells who they are and fare.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Cohort`.
    paper : str
        The id of a paper with an ensemble.
    compare : mapping of str to str, optional
        Two groups of the paper to compare among those picked: what to call them, and their
        names. Without them, those picked are set beside everyone.
    outcomes : mapping of str to str, optional
        What those picked are asked for: by what to call it the query of who has it. Without it,
        the first few things that the paper records as yes or no.

    Returns
    -------
    Outcome
        ``data`` has one row per quantity, as `helpers.synthetic.table` sets it.
    """
    text: str = settings.cohort  # type: ignore[attr-defined]
    described, members = catalogue.load(paper), synthetic.members(paper)
    everyone = members.picked(described.groups.get("all", ""))
    picked = everyone & members.picked(text)
    groups = _groups(compare, described, members)
    size = synthetic.count(picked, what="patients")
    who = _who(size, everyone, text)
    if not picked.any():
        return Outcome(
            f"{who} Nobody has that in any cohort, so there is nothing to estimate. Loosen the "
            "query: one condition fewer, or a wider range.",
            (),
            synthetic.table([]),
        )
    rows = [size]
    rows += [
        synthetic.count(picked & each, what=f"patients in {name}") for name, each in groups.items()
    ]
    if outcomes is None:
        rows += _mixture(picked, described, members, asked=text)
    else:
        rows += [
            synthetic.share(members.picked(each), picked, what=name)
            for name, each in outcomes.items()
        ]
    shown_endpoint = next(_with_times(described))
    for definition in _with_times(described):
        found = members.observed(definition)
        rows += synthetic.median(
            found, picked, what=f"median {definition.label}", rule=described.reconstruct.median_rule
        )[:1]
        rows += _ratios(found, picked, groups, definition.label)
    data = synthetic.table(rows)
    shown = tables.ranges(data, caption="The patients picked", footnote=_FOOTNOTE)
    agreed = sum(each.pinned for each in rows)
    summary = (
        f"{who} Of {len(rows)} quantities of theirs, the paper pins "
        + (
            f"{agreed}; the other {len(rows) - agreed} it doesn't determine. "
            if agreed < len(rows)
            else "all. "
        )
        + _words(rows, "median")
    )
    if size.values.max() < _FEW:
        return Outcome(
            f"{summary} So few are case reports: no curve is drawn of them.", (shown,), data
        )
    found = members.observed(shown_endpoint)
    drawn = {name: picked & each for name, each in groups.items()}
    if not drawn:
        drawn = {"this cohort": picked} | ({} if (picked == everyone).all() else {"all": everyone})
    return Outcome(summary, (_plot(found, drawn, shown_endpoint), shown), data)


def endpoint(
    settings: Settings, *, paper: str, reference: str, compare: Groups | None = None
) -> Outcome:
    """Redefine an endpoint in every member, and show what of it the paper still tells.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Redefinition` and, where offered, of
        `helpers.parameters.Remission`, `Transplant`, `Cohort` and `Seed`.
    paper : str
        The id of a paper with an ensemble.
    reference : str
        The endpoint of the paper with which the chosen one is compared.
    compare : mapping of str to str, optional
        Two groups of the paper to compare: what to call them, and their names.

    Returns
    -------
    Outcome
        ``data`` has one row per quantity: as the paper defines the endpoint, and as chosen.

    Raises
    ------
    KitError
        If the cohorts lack what the chosen endpoint needs.
    """
    described, members = catalogue.load(paper), synthetic.members(paper)
    text: str = getattr(settings, "cohort", "")
    everybody = members.picked(described.groups.get("all", ""))
    everyone = everybody & members.picked(text)
    size = synthetic.count(everyone, what="patients")
    who = f"{_who(size, everybody, text)} " if text else ""
    if not everyone.any():
        return Outcome(f"{who}There is nothing to estimate.", (), _pairs([]))
    groups = _groups(compare, described, members) or {"all": everyone}
    before, after = described.endpoints[reference], definition_of(settings)
    chosen_ones = getattr(settings, "whom", "") == "responders"
    if after.origin == before.origin or chosen_ones:
        after = after.model_copy(update={"population": before.population})
    history, responded = _responses(settings, members)
    found = members.observed(after, history=history)
    if chosen_ones:
        found = replace(found, included=found.included & responded)
    chosen = _measured(found, responded, everyone, groups, described)
    as_read = _as_read(members, reference, text, tuple((compare or {}).items()), described.id)
    rows = list(zip(as_read, chosen, strict=True))
    test = chosen[-1] if len(groups) == 2 else None
    data = _pairs(rows)
    same = not endpoints.difference(before, after) and history is members.history
    summary = (
        f"{who}{endpoints.describe(after, population=_population(after, described))} "
        + ("This is how the paper's endpoint is read here. " if same else "")
        + _remission_words(settings)
        + (f"{endpoints.difference(before, after)} " if endpoints.difference(before, after) else "")
        + _words(chosen, "median")
        + (f" {_significance(test)}" if test else "")
    )
    shown = tables.table(
        data,
        caption="The endpoint, before and after",
        headings={
            "what": "What",
            "before": "As read in the paper",
            "before_verdict": "So it is",
            "after": "As you define it",
            "after_verdict": "So it is",
        },
        footnote=_FOOTNOTE,
    )
    drawn = {name: everyone & each for name, each in groups.items()}
    drawn_cri = isinstance(settings, parameters.Remission) and history is not members.history
    assumed = "who has CRi is assumed" if drawn_cri else ""
    return Outcome(summary.strip(), (_plot(found, drawn, after, assumed=assumed), shown), data)


def confounded(settings: Settings, *, paper: str, reference: str, compare: Groups) -> Outcome:
    """Assume a hidden factor, and show what it makes of a comparison in every member.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Confounding` and `helpers.parameters.Seed`.
    paper : str
        The id of a paper with an ensemble.
    reference : str
        The endpoint of the paper that is compared.
    compare : mapping of str to str
        Two groups of the paper: what to call them, and their names.

    Returns
    -------
    Outcome
        ``data`` has one row per quantity, as `helpers.synthetic.table` sets it.

    Raises
    ------
    KitError
        If there are not two groups.
    """
    chosen: Any = settings
    described, members = catalogue.load(paper), synthetic.members(paper)
    groups = _groups(compare, described, members)
    if len(groups) != 2:
        raise KitError(f"{len(groups)} groups", where="compare", right="two groups")
    (name, first), (other, second) = groups.items()
    found = members.observed(described.endpoints[reference])
    crude = synthetic.comparison(found, first, second)
    share, share_other = chosen.factor_percent / 100, chosen.factor_percent_other / 100
    effect = chosen.factor_hazard_ratio
    moved = float(confounding.bias(effect, share, share_other))
    adjusted = _adjusted(found, first, second, (share, share_other), effect, chosen.seed)
    by_formula = [
        _renamed(crude[part], f"{crude[part].what}, by the formula", crude[part].values / moved)
        for part in ("ratio", "upper")
    ]
    rows = [crude["ratio"], crude["upper"], crude["logrank"], *by_formula, *adjusted]
    middle = [float(np.nanmedian(crude[part].values)) for part in ("ratio", "upper")]
    patients = [
        round(portion * float(each.sum(axis=-1).max()))
        for portion, each in ((share, first), (share_other, second))
    ]
    summary = (
        f"Assumed, and in no paper: a factor with a hazard ratio of {effect:.1f}, which about "
        f"{patients[0]} of {first.sum(axis=-1).max()} patients in {name} have ({share:.0%}), and "
        f"{patients[1]} of {second.sum(axis=-1).max()} in {other} ({share_other:.0%}). It alone "
        f"would multiply the hazard ratio by {moved:.2f}. Unadjusted, the hazard ratio is "
        f"{crude['ratio'].words()}; freed from the factor, {by_formula[0].words()} by the "
        f"formula, and {adjusted[0].words()} if the factor is dealt to the synthetic patients so "
        f"that it fits how they fared. {_significance(adjusted[2], 'Then P is')} "
        f"{_tips(middle[1], share, share_other, effect, name, other)}"
    )
    data = synthetic.table(rows)
    return Outcome(
        summary,
        (
            imbalance.draw_imbalance(
                imbalance.imbalance_data(
                    crude["ratio"].values, crude["upper"].values, share=share, effect=effect
                ),
                share=share,
                share_other=share_other,
                dealt=adjusted[0].values,
                group=name,
                other=other,
            ),
            tables.ranges(
                data,
                caption=f"{described.endpoints[reference].label}: {name} against {other}",
                footnote=_FOOTNOTE + " The hidden factor is an assumption on top of that.",
            ),
        ),
        data,
    )


def curves(paper: str, endpoint: str, *, compare: Groups) -> Picture:
    """Draw the survival of groups in every member, by an endpoint of the paper.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    endpoint : str
        The endpoint's name.
    compare : mapping of str to str
        Groups of the paper: what to call them, and their names.

    Returns
    -------
    Picture
    """
    described, members = catalogue.load(paper), synthetic.members(paper)
    definition = described.endpoints[endpoint]
    found = members.observed(definition)
    return _plot(found, _groups(compare, described, members), definition)


def medians(paper: str, *, compare: Groups) -> list[Range]:
    """Return the median of each endpoint with times, and its limits, in every member.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    compare : mapping of str to str
        Groups of the paper: what to call them, and their names.

    Returns
    -------
    list of Range
    """
    described, members = catalogue.load(paper), synthetic.members(paper)
    return [
        each
        for definition in _with_times(described)
        for name, group in _groups(compare, described, members).items()
        for each in synthetic.median(
            members.observed(definition),
            group,
            what=f"median {definition.label}, {name}",
            rule=described.reconstruct.median_rule,
        )
    ]


def comparisons(paper: str, *, compare: Groups) -> pd.DataFrame:
    """Compare two groups in the members, and in cohorts that needn't have what is printed of it.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble and with the cohorts of `helpers.relaxed`.
    compare : mapping of str to str
        Two groups of the paper: what to call them, and their names.

    Returns
    -------
    pandas.DataFrame
        One row per endpoint and quantity: ``what``, its range ``before``, over the ensemble, with
        a verdict, and ``after``, over cohorts without the comparisons; their verdict is whether
        it follows from what else is printed.
    """
    described = catalogue.load(paper)
    rows = []
    for definition in _with_times(described):
        made = []
        for free in (False, True):
            members = synthetic.members(paper, without_comparisons=free)
            first, second = _groups(compare, described, members).values()
            made.append(synthetic.comparison(members.observed(definition), first, second))
        rows += [
            (_renamed(each, f"{definition.label}: {each.what}"), made[1][name])
            for name, each in made[0].items()
        ]
    table = _pairs(rows)
    table["after_verdict"] = [
        "follows from the rest" if free.pinned else "doesn't follow from the rest"
        for _, free in rows
    ]
    return table


def open_ends(paper: str, endpoint: str, *, compare: Groups) -> pd.DataFrame:
    """Compare two groups whose curves end otherwise, beyond the last month printed of each.

    What comes after the upper limit of a group's median, or after the median where no limit is
    printed, changes neither. So it is free: all who are left may have the event on the next day,
    or none of them as long as anyone is followed.

    Parameters
    ----------
    paper : str
        The id of a paper with the cohorts of `helpers.relaxed`.
    endpoint : str
        The endpoint's name.
    compare : mapping of str to str
        Two groups of the paper: what to call them, and their names.

    Returns
    -------
    pandas.DataFrame
        A row for the cohorts as they are, and one for each group living on while the other
        doesn't: ``ends``, by the name of each group its median, with the limits where all
        cohorts agree on them, ``ratio``, the hazard ratio, and ``p``, of the log-rank test. All
        are ranges over the cohorts.
    """
    described, members = catalogue.load(paper), synthetic.members(paper, without_comparisons=True)
    found = members.observed(described.endpoints[endpoint])
    groups = _groups(compare, described, members)
    medians = partial(synthetic.median, rule=described.reconstruct.median_rule)
    limited = {
        number.group
        for number in catalogue.published(paper)
        if number.quantity == f"{endpoint}_median" and number.upper
    }
    last = {}
    for name, who in groups.items():
        median, _, upper = medians(found, who, what=name)
        last[name] = (upper if compare[name] in limited else median).values[:, None]
    first, second = groups
    rows = []
    for words, lives in (
        ("as in the cohorts found", ""),
        (f"{first} lives on, {second} dies", first),
        (f"{second} lives on, {first} dies", second),
    ):
        time, code = found.time, found.code
        for name, who in groups.items():
            left = who & found.included & (found.time > last[name]) & bool(lives)
            until = np.nanmax(time) if name == lives else last[name] + _DAY
            time = np.where(left, until, time)
            code = np.where(left, np.int8(name != lives), code)
        changed = replace(found, time=time, code=code)
        compared = synthetic.comparison(changed, *groups.values())
        row = {"ends": words}
        for name, who in groups.items():
            median, *limits = medians(changed, who, what=name)
            told = [each.words().removesuffix(" months") for each in (median, *limits)]
            pinned = all(each.pinned for each in limits)
            row[name] = f"{told[0]} ({told[1]}–{told[2]})" if pinned else told[0]
        rows.append(row | {"ratio": compared["ratio"].words(), "p": compared["logrank"].words()})
    return pd.DataFrame(rows)


def e_values(paper: str, *, compare: Groups) -> pd.DataFrame:
    """Say how strong a hidden factor must be to explain each endpoint's hazard ratio away.

    Parameters
    ----------
    paper : str
        The id of a paper with an ensemble.
    compare : mapping of str to str
        Two groups of the paper: what to call them, and their names.

    Returns
    -------
    pandas.DataFrame
        As `helpers.synthetic.table` sets it: the E-values of the hazard ratio and of its limit,
        for an outcome that most patients have in the end.
    """
    described, members = catalogue.load(paper), synthetic.members(paper)
    first, second = _groups(compare, described, members).values()
    rows = []
    for definition in _with_times(described):
        found = synthetic.comparison(members.observed(definition), first, second)
        ratios = [
            confounding.risk_ratio(found[part].values, measure="hazard ratio", common=True)
            for part in ("ratio", "lower", "upper")
        ]
        each = [confounding.e_value(*three) for three in zip(*ratios, strict=True)]
        rows += [
            Range(f"{definition.label}: E-value", "ratio", np.array([e.estimate for e in each])),
            Range(
                f"{definition.label}: E-value of the nearer limit",
                "ratio",
                np.array([e.limit for e in each]),
            ),
        ]
    return synthetic.table(rows)


def definition_of(settings: Settings) -> Definition:
    """Return the endpoint definition that the settings describe.

    Parameters
    ----------
    settings : Settings
        With the settings of `helpers.parameters.Redefinition`.

    Returns
    -------
    Definition
    """
    chosen: Any = settings
    uncut = parameters.limits(parameters.Redefinition.model_fields["cutoff_months"])[1]
    events = tuple(chosen.events.replace(" or ", ", ").split(", "))
    early = "no response" in events and chosen.no_response == "on day 1"
    return Definition(
        label="the chosen endpoint",
        origin=chosen.origin,
        events=events,
        censor_at=("transplant",) if getattr(chosen, "censor_at_transplant", False) else (),
        cutoff_months=None if chosen.cutoff_months == uncut else chosen.cutoff_months,
        non_response="day 1" if early else "assessment",
    )


# --- who -----------------------------------------------------------------------------------------


def _groups(compare: Groups | None, described: Paper, members: Members) -> dict[str, Flags]:
    found = {}
    for name, group in (compare or {}).items():
        if group not in described.groups:
            raise KitError(
                f"no group {group!r}", where="compare", right=", ".join(described.groups)
            )
        found[name] = members.picked(described.groups[group])
    return found


def _who(size: Range, everyone: Flags, text: str) -> str:
    total = int(everyone.sum(axis=-1).max())
    if not text:
        return f"All {total} patients, in {len(everyone)} synthetic cohorts."
    if size.values.max() == 0:
        return f"None of {total} patients fits {text}."
    return f"{size.words()} of {total} fit {text}: {size.agreement}."


def _population(definition: Definition, described: Paper) -> str:
    return wording.picked(definition.population, described.variables)


def _mixture(picked: Flags, described: Paper, members: Members, *, asked: str) -> list[Range]:
    """Return how frequent among those picked each yes or no is that a paper records."""
    rows = []
    for name, variable in described.variables.items():
        if set(variable.values) == {"Y", "N"} and name not in asked:
            some = members.picked(f"{name} == 'Y'")
            rows.append(synthetic.share(some, picked, what=variable.label))
        if len(rows) == _MOST_MIXED:
            break
    return rows


def _with_times(described: Paper) -> Any:
    """Yield the paper's endpoints that have times and no competing events."""
    for each in described.endpoints.values():
        if each.window_months is None and not each.competing:
            yield each


def _ratios(found: Observed, picked: Flags, groups: Mapping[str, Flags], label: str) -> list[Range]:
    if len(groups) != 2:
        return []
    first, second = (picked & each for each in groups.values())
    ratio = synthetic.comparison(found, first, second)["ratio"]
    return [_renamed(ratio, f"hazard ratio, {label}, {' against '.join(groups)}")]


# --- what counts as a response -------------------------------------------------------------------


def _responses(settings: Settings, members: Members) -> tuple[Mapping[str, Floats], Flags]:
    """Return the event histories, and who responded, by what counts as a response."""
    responded = ~np.isnan(members.history["RSPM"])
    if not isinstance(settings, parameters.Response) or settings.remission != "CR":
        return members.history, responded
    if isinstance(settings, parameters.Remission):
        incomplete = _drawn_incomplete(settings, responded)
    else:
        incomplete = members.picked("BESTRSP == 'CRi'")
    # Found not to have responded when the response was found, and nothing to relapse from.
    history = dict(members.history)
    history["RSPM"] = np.where(incomplete, np.nan, history["RSPM"])
    history["NRSPM"] = np.where(
        incomplete, members.history["RSPM"], members.history.get("NRSPM", np.nan)
    )
    history["RLPM"] = np.where(incomplete, np.nan, history["RLPM"])
    return history, responded & ~incomplete


def _drawn_incomplete(settings: parameters.Remission, responded: Flags) -> Flags:
    """Draw the assumed share of each member's responders."""
    rng = np.random.default_rng(getattr(settings, "seed", 1))
    # So many of each member's responders, to the patient.
    order = np.where(responded, rng.random(responded.shape), np.inf).argsort(axis=-1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(order.shape[-1])[None, :], axis=-1)
    wanted = np.rint(responded.sum(axis=-1, keepdims=True) * settings.cri_percent / 100)
    drawn: Flags = responded & (rank < wanted)
    return drawn


def _measured(
    found: Observed,
    responded: Flags,
    everyone: Flags,
    groups: Mapping[str, Flags],
    described: Paper,
) -> list[Range]:
    """Return what is asked of an endpoint; what compares two groups comes last."""
    mine = {name: everyone & group for name, group in groups.items()}
    rows = [synthetic.share(responded, who, what=f"response, {name}") for name, who in mine.items()]
    if len(mine) == 2:
        tested = synthetic.shares_tested(responded, *mine.values())
        rows.append(_renamed(tested, f"{tested.what}, response"))
    rule = described.reconstruct.median_rule
    for name, who in mine.items():
        rows.append(synthetic.median(found, who, what=f"median, {name}", rule=rule)[0])
        happened = found.included & who & (found.code == 1)
        rows.append(synthetic.count(happened, what=f"events, {name}"))
    if len(mine) == 2:
        compared = synthetic.comparison(found, *mine.values())
        rows += [compared["ratio"], compared["logrank"]]
    return rows


@lru_cache(maxsize=16)
def _as_read(
    members: Members, reference: str, text: str, compare: tuple[tuple[str, str], ...], paper: str
) -> tuple[Range, ...]:
    """Return the same of the paper's own endpoint; it stays, whatever a reader changes."""
    described = catalogue.load(paper)
    everyone = members.picked(described.groups.get("all", ""), text)
    groups = _groups(dict(compare), described, members) or {"all": everyone}
    found = members.observed(described.endpoints[reference])
    responded = ~np.isnan(members.history["RSPM"])
    return tuple(_measured(found, responded, everyone, groups, described))


def _remission_words(settings: Settings) -> str:
    if not isinstance(settings, parameters.Response) or settings.remission != "CR":
        return ""
    if not isinstance(settings, parameters.Remission):
        return "Only CR counts as a response. "
    return (
        f"Only CR counts as a response; that {settings.cri_percent} % of the responders have CRi "
        "is an assumption, and who they are is drawn. "
    )


# --- a hidden factor -----------------------------------------------------------------------------


def _adjusted(
    found: Observed,
    first: Flags,
    second: Flags,
    shares: tuple[float, float],
    effect: float,
    seed: int,
) -> list[Range]:
    """Return hazard ratio, its upper limit and P after adjustment for a factor that is dealt."""
    from helpers.survival.cox import cox

    who, event = found.included & (first | second), found.code == 1
    hidden = confounding.deal(
        found.time,
        event,
        first,
        where=who,
        shares=shares,
        effect=effect,
        rng=np.random.default_rng(seed),
    )
    fit = cox(found.time, event, np.stack([first, hidden], axis=-1), where=who)
    fine = fit.reason[..., 0] == ""
    values = {
        ("hazard ratio, factor dealt", "ratio"): fit.hazard_ratio[..., 0],
        ("hazard ratio, upper limit, factor dealt", "ratio"): fit.upper[..., 0],
        ("P, factor dealt (Wald)", "P"): fit.p[..., 0],
    }
    return [
        Range(what, unit, np.where(fine, each, np.nan))  # type: ignore[arg-type]
        for (what, unit), each in values.items()
    ]


def _tips(
    upper: float, share: float, share_other: float, effect: float, name: str, other: str
) -> str:
    """Say at which imbalance the confidence interval comes to contain 1."""
    if upper >= 1:
        return f"The interval of {name} against {other} contains 1 without any factor."
    if effect == 1:
        return "A factor without an effect moves nothing, however unevenly it is spread."
    needed = ((1 + (effect - 1) * share) / upper - 1) / (effect - 1)
    if needed > 1:
        return f"No share in {other} would bring the interval to 1."
    return (
        f"The interval comes to contain 1 as soon as {needed:.0%} of {other} have the factor, "
        f"with {share:.0%} of {name}."
    )


# --- in words and pictures -----------------------------------------------------------------------


def _renamed(each: Range, what: str, values: Floats | None = None) -> Range:
    return Range(what, each.unit, each.values if values is None else values)


def _words(rows: Sequence[Range], start: str) -> str:
    told = [
        f"{each.what} {each.words()} ({each.agreement})"
        for each in rows
        if each.what.startswith(start)
    ]
    text = "; ".join(told)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _significance(test: Range, start: str = "P of the log-rank test is") -> str:
    known = test.values[~np.isnan(test.values)]
    below = int((known < _SIGNIFICANT).sum())
    if not len(known):
        return "There is nothing to test."
    if below in (0, len(known)):
        some = "all" if below else "none"
        return f"{start} below {_SIGNIFICANT} in {some} of {len(known)} cohorts."
    return (
        f"{start} below {_SIGNIFICANT} in {below} of {len(known)} cohorts, and not in the others."
    )


def _pairs(rows: Sequence[tuple[Range, Range]]) -> pd.DataFrame:
    """Set ranges before and after side by side."""
    units = {"%": " (%)", "months": " (months)"}

    def cell(each: Range) -> str:
        low, high = each.at(0), each.at(1)
        return low if low == high else f"{low} to {high}"

    return pd.DataFrame(
        [
            (old.what + units.get(old.unit, ""), cell(old), old.agreement, cell(new), new.agreement)
            for old, new in rows
        ],
        columns=["what", "before", "before_verdict", "after", "after_verdict"],
    )


def _plot(
    found: Observed, groups: Mapping[str, Flags], definition: Definition, *, assumed: str = ""
) -> Picture:
    alive = _ALIVE.get(frozenset(definition.events), "Free of the events")
    source = f"{member_curves.SYNTHETIC}; {assumed}" if assumed else member_curves.SYNTHETIC
    who = found.included & np.logical_or.reduce([*groups.values()])
    return member_curves.draw_curves(
        member_curves.curves_data(found, groups, months=_months(found.time[who])),
        ylabel=alive,
        xlabel=f"Months from {_CLOCKS[definition.origin]}",
        source=source,
    )


def _months(times: Floats) -> Floats:
    """Return round months from 0 to when nearly all have left, whoever is drawn."""
    longest = max(float(np.quantile(times, _SHOWN)), 1.0)
    step = next(each for each in (1, 2, 3, 6, 12, 24) if longest / each <= 8 or each == 24)
    return np.arange(0, longest + step, step, dtype=float)
