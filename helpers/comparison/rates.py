"""Response rates of documents side by side, by one definition, and all of them pooled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
import pandas as pd

from helpers import catalogue, forest_plot, meta_analysis, proportions, tables
from helpers.comparison import documents, patients
from helpers.comparison.settings import MODELS
from helpers.errors import KitError
from helpers.meta_analysis import Posterior, Summary, share
from helpers.parameters import Settings
from helpers.reconstruct.member_arrays import Members
from helpers.tables import Table
from helpers.whatif import Outcome

_ENOUGH, _NONE = 2, "–"
_REML, _OLDER, _BAYES = MODELS
_METHODS: dict[str, tuple[meta_analysis.Estimator, meta_analysis.Interval]] = {
    _REML: ("REML", "Hartung-Knapp"),
    _OLDER: ("DerSimonian-Laird", "normal"),
}

COLUMNS = ("paper", "label", "count", "total", "least", "most", "why")
"""The columns of what `counted` returns."""


def counted(settings: Settings) -> pd.DataFrame:
    """Count who responded in each document, by the same definition.

    Parameters
    ----------
    settings : Settings
        With the settings ``documents`` and ``pooling``.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, one row per document, or per arm: ``count`` of ``total``, missing where
        the document doesn't determine them; the ``least`` and the ``most`` that the rate can be,
        from 0 to 1; and ``why`` it isn't determined.
    """
    asked: Any = settings
    whom = documents.load().populations[asked.population]
    rows: list[tuple[Any, ...]] = []
    for paper, each in patients.chosen(settings).items():
        name = f"{each.label} ({each.disease})"
        if paper not in whom:
            rows.append((paper, name, None, None, 0.0, 1.0, "not recorded of whom"))
            continue
        everyone = patients.members(paper, patients.assumed(settings))
        groups = {name: ""}
        if asked.arms_apart and each.arms:
            named = catalogue.load(paper).groups
            groups = {f"{each.label}: {arm}": named[group] for arm, group in each.arms.items()}
        for label, group in groups.items():
            found = _counted(everyone, paper, (whom[paper], group), asked.response)
            rows.append((paper, label, *found))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"count": "Int64", "total": "Int64"})


def _counted(
    everyone: Members, paper: str, queries: Sequence[str], response: str
) -> tuple[int | None, int | None, float, float, str]:
    asked = documents.load().responses[response]
    who = everyone.picked(*queries)
    total = who.sum(axis=-1)
    if not total.all():
        return None, None, 0.0, 1.0, "nobody" if not total.any() else "somebody or nobody"
    if paper in asked.of:
        least = most = (everyone.picked(asked.of[paper]) & who).sum(axis=-1)
        why = "its printed numbers leave it open"
    else:
        least, most, why = np.zeros_like(total), total, "not printed"
        if paper in asked.at_least:
            least = (everyone.picked(asked.at_least[paper]) & who).sum(axis=-1)
        if paper in asked.at_most:
            most = (everyone.picked(asked.at_most[paper]) & who).sum(axis=-1)
    kinds = np.unique(np.stack([least, most, total]), axis=1)
    if kinds.shape[1] == 1 and kinds[0, 0] == kinds[1, 0]:
        count, size = int(kinds[0, 0]), int(total[0])
        return count, size, count / size, count / size, ""
    return None, None, float((least / total).min()), float((most / total).max()), why


def known(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose rate is determined.

    Parameters
    ----------
    table : pandas.DataFrame
        What `counted` returned.

    Returns
    -------
    pandas.DataFrame
    """
    return table[table["count"].notna()].reset_index(drop=True)


def pooled(table: pd.DataFrame, model: str, *, prior_scale: float = 1.0) -> Summary | Posterior:
    """Pool the rates that are determined, on the logit scale.

    Parameters
    ----------
    table : pandas.DataFrame
        What `counted` returned.
    model : str
        One of `helpers.comparison.settings.MODELS`.
    prior_scale : float, optional
        By Bayes, the scale of the prior of τ.

    Returns
    -------
    helpers.meta_analysis.Summary or helpers.meta_analysis.Posterior

    Raises
    ------
    KitError
        If fewer than two rates are determined, or there is no such model.
    """
    some = known(table)
    if len(some) < _ENOUGH:
        raise KitError(f"{len(some)} rates to pool", right="two or more")
    if model not in MODELS:
        raise KitError(f"no model {model!r}", right=" or ".join(MODELS))
    counts = tuple(zip(some["count"].tolist(), some["total"].tolist(), strict=True))
    return _pooled(counts, model, prior_scale)


# A panel asks for the same more than once.
@lru_cache(maxsize=256)
def _pooled(
    counts: tuple[tuple[int, int], ...], model: str, prior_scale: float
) -> Summary | Posterior:
    some, totals = zip(*counts, strict=True)
    if model == _BAYES:
        return meta_analysis.binomial_normal(some, totals, tau_scale=prior_scale)
    estimator, interval = _METHODS[model]
    return meta_analysis.random_effects(
        *meta_analysis.logits(some, totals), estimator=estimator, interval=interval
    )


def summaries(table: pd.DataFrame, *, prior_scale: float = 1.0) -> pd.DataFrame:
    """Pool the rates by every model.

    Parameters
    ----------
    table : pandas.DataFrame
        What `counted` returned.
    prior_scale : float, optional
        By Bayes, the scale of the prior of τ.

    Returns
    -------
    pandas.DataFrame
        One row per model: ``model``; ``estimate``, ``lower``, ``upper``, ``predicted_lower`` and
        ``predicted_upper`` from 0 to 1; ``tau``, on the logit scale, with ``tau_lower`` and
        ``tau_upper``; ``i2`` from 0 to 1, ``q`` and its ``p``, nan by Bayes. No row where there
        is nothing to pool.
    """
    models = MODELS if len(known(table)) >= _ENOUGH else ()
    rows = [
        {"model": each} | _as_row(pooled(table, each, prior_scale=prior_scale)) for each in models
    ]
    return pd.DataFrame(rows, columns=["model", *_NUMBERS])


def without_each(table: pd.DataFrame) -> pd.DataFrame:
    """Pool the rates by REML with Hartung's and Knapp's interval, each left out in turn.

    Parameters
    ----------
    table : pandas.DataFrame
        What `counted` returned.

    Returns
    -------
    pandas.DataFrame
        One row per rate that is determined: its ``label``, and of the others the columns of
        `summaries`. No row where that would leave nothing to pool.
    """
    some = known(table)
    if len(some) <= _ENOUGH:
        return pd.DataFrame(columns=["label", *_NUMBERS])
    found = meta_analysis.leave_one_out(
        *meta_analysis.logits(some["count"].to_numpy(float), some["total"].to_numpy(float))
    )
    rows = [_as_row(each) for each in found]
    return pd.DataFrame(rows, columns=list(_NUMBERS)).assign(label=some["label"])


_ENDS = ("estimate", "lower", "upper", "predicted_lower", "predicted_upper")
_NUMBERS = (*_ENDS, "tau", "tau_lower", "tau_upper", "i2", "q", "p")


def _as_row(found: Summary | Posterior) -> dict[str, float]:
    row = {name: share(getattr(found, name)) for name in _ENDS}
    if isinstance(found, Posterior):
        tau = {name: getattr(found, name) for name in ("tau", "tau_lower", "tau_upper")}
        return row | tau | dict.fromkeys(("i2", "q", "p"), float("nan"))
    tau = {
        name: getattr(found, name.replace("tau", "tau2")) ** 0.5
        for name in ("tau", "tau_lower", "tau_upper")
    }
    return row | tau | {"i2": found.i2, "q": found.q, "p": found.p}


def forest(table: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return the lines of a forest plot.

    Parameters
    ----------
    table : pandas.DataFrame
        What `counted` returned.
    settings : Settings
        With the settings ``pooling``.

    Returns
    -------
    pandas.DataFrame
        As `helpers.forest_plot.draw_forest` takes it; rates with the interval of Clopper and
        Pearson.
    """
    asked: Any = settings
    rows: list[dict[str, Any]] = []
    weights = _weights(table, asked)
    for each in table.itertuples():
        row = {"label": each.label, "weight": weights.get(each.Index, float("nan"))}
        if pd.isna(each.count):
            told = {"counts": "?", "kind": "open", "estimate": float("nan")}
            rows.append(row | told | {"lower": each.least, "upper": each.most})
            continue
        found = proportions.proportion(int(each.count), int(each.total))
        told = {"counts": f"{each.count} of {each.total}", "kind": "study"}
        ends = {"estimate": found.estimate, "lower": found.lower, "upper": found.upper}
        rows.append(row | told | ends)
    if len(known(table)) >= _ENOUGH:
        one = _as_row(pooled(table, asked.pooled_by, prior_scale=asked.prior_scale))
        base = {"counts": "", "weight": float("nan")}
        rows.append(base | one | {"label": f"Pooled: {asked.pooled_by}", "kind": "pooled"})
        if not np.isnan(one["predicted_lower"]):
            ends = {"lower": one["predicted_lower"], "upper": one["predicted_upper"]}
            rows.append(
                base | one | ends | {"label": "A further document, 95 %", "kind": "predicted"}
            )
    columns = ["label", "counts", "kind", "estimate", "lower", "upper", "weight"]
    return pd.DataFrame(rows, columns=columns)


def _weights(table: pd.DataFrame, asked: Any) -> dict[Any, float]:
    """Return what each rate weighs in the mean, where a model has weights."""
    some = table[table["count"].notna()]
    if len(some) < _ENOUGH or asked.pooled_by == _BAYES:
        return {}
    _, variances = meta_analysis.logits(
        some["count"].to_numpy(float), some["total"].to_numpy(float)
    )
    weights = 1 / (variances + cast(Summary, pooled(table, asked.pooled_by)).tau2)
    return dict(zip(some.index, weights / weights.sum(), strict=True))


def outcome(settings: Settings, *, paper: str = "") -> Outcome:
    """Show response rates by the settings' definitions, pooled.

    Parameters
    ----------
    settings : Settings
        With the settings ``documents`` and ``pooling``.
    paper : str, optional
        Not used: the settings name the documents.

    Returns
    -------
    Outcome
        ``data`` is what `forest` returned.
    """
    asked: Any = settings
    table = counted(settings)
    lines = forest(table, settings)
    picture = forest_plot.draw_forest(lines, xlabel=f"{asked.response}, {asked.population}")
    return Outcome(_words(table, asked), (picture,), lines)


def _words(table: pd.DataFrame, asked: Any) -> str:
    some = known(table)
    told = "; ".join(f"{each.label} {each.count} of {each.total}" for each in some.itertuples())
    left = "; ".join(
        f"{each.label}: {each.why}" for each in table[table["count"].isna()].itertuples()
    )
    start = f"{asked.response}, {asked.population}: {told or 'no document determines it'}. "
    start += f"Left out: {left}. " if left else ""
    if len(some) < _ENOUGH:
        return f"{start}With fewer than two rates there is nothing to pool."
    one = _as_row(pooled(table, asked.pooled_by, prior_scale=asked.prior_scale))
    numbers = {name: f"{100 * value:.0f}" for name, value in one.items() if value == value}
    words = (
        f"{start}Pooled by {asked.pooled_by}: {numbers['estimate']} % "
        f"({numbers['lower']} to {numbers['upper']}). "
    )
    if "predicted_lower" in numbers:
        low, high = numbers["predicted_lower"], numbers["predicted_upper"]
        words += f"A further document of the same kind: {low} to {high} %. "
    else:
        words += "Of two rates this model makes no prediction interval. "
    words += f"τ is {one['tau']:.2f} ({one['tau_lower']:.2f} to {one['tau_upper']:.2f})"
    words += f", I² {100 * one['i2']:.0f} %. " if one["i2"] == one["i2"] else ". "
    return words + (
        "These documents differ in disease, in what was given beside venetoclax and in how "
        "patients got in, so the mean is of no patient's disease."
    )


def across_definitions(settings: Settings) -> pd.DataFrame:
    """Pool the same documents by every definition of a response, of everyone who is asked about.

    Parameters
    ----------
    settings : Settings
        With the settings ``documents`` and ``pooling``.

    Returns
    -------
    pandas.DataFrame
        One row for each response and population: ``response``, ``population``, how many rates are
        ``determined``, and of two or more ``estimate``, ``predicted_lower`` and
        ``predicted_upper``, from 0 to 1.
    """
    asked: Any = settings
    rows = []
    for response in documents.load().responses:
        for population in documents.load().populations:
            changed = settings.model_copy(update={"response": response, "population": population})
            table = counted(changed)
            row: dict[str, Any] = {"response": response, "population": population}
            row |= {"determined": len(known(table))}
            if row["determined"] >= _ENOUGH:
                one = _as_row(pooled(table, asked.pooled_by, prior_scale=asked.prior_scale))
                wanted = ("estimate", "predicted_lower", "predicted_upper")
                row |= {name: one[name] for name in wanted}
            rows.append(row)
    columns = ["response", "population", "determined", "estimate", *_ENDS[3:]]
    return pd.DataFrame(rows, columns=columns)


# --- set as tables -------------------------------------------------------------------------------


def summaries_table(data: pd.DataFrame, *, caption: str, label: str = "model") -> Table:
    """Set what is made of the rates together.

    Parameters
    ----------
    data : pandas.DataFrame
        What `summaries` or `without_each` returned.
    caption : str
        What the table shows.
    label : {'model', 'label'}, optional
        The column that comes first.

    Returns
    -------
    Table
    """
    shown = pd.DataFrame(
        {
            "first": data[label],
            "estimate": [_percent(each) for each in data["estimate"]],
            "interval": _spans(data, "lower", "upper"),
            "predicted": _spans(data, "predicted_lower", "predicted_upper"),
            "tau": [
                f"{each.tau:.2f} ({each.tau_lower:.2f} to {each.tau_upper:.2f})"
                for each in data.itertuples()
            ],
            "i2": [_percent(each) for each in data["i2"]],
            "q": [
                f"{each.q:.1f}, P = {each.p:.3f}" if each.q == each.q else _NONE
                for each in data.itertuples()
            ],
        }
    )
    return tables.table(
        shown,
        caption=caption,
        headings={
            "first": "By" if label == "model" else "Without",
            "estimate": "Mean (%)",
            "interval": "95 % interval",
            "predicted": "A further document",
            "tau": "τ (logit)",
            "i2": "I² (%)",
            "q": "Q",
        },
        footnote="τ: standard deviation between documents, on the logit scale; its interval is by "
        "the Q-profile method or, by Bayes, the posterior's.",
    )


def definitions_table(data: pd.DataFrame, *, caption: str) -> Table:
    """Set what definitions alone change.

    Parameters
    ----------
    data : pandas.DataFrame
        What `across_definitions` returned.
    caption : str
        What the table shows.

    Returns
    -------
    Table
    """
    shown = pd.DataFrame(
        {
            "response": data["response"].where(~data["response"].duplicated(), ""),
            "population": data["population"],
            "determined": data["determined"].astype(str),
            "estimate": [_percent(each) for each in data["estimate"]],
            "predicted": _spans(data, "predicted_lower", "predicted_upper"),
        }
    )
    return tables.table(
        shown,
        caption=caption,
        headings={
            "response": "Response",
            "population": "Of whom",
            "determined": "Rates determined",
            "estimate": "Mean (%)",
            "predicted": "A further document (%)",
        },
        align_right=("determined", "estimate", "predicted"),
    )


def _percent(value: float) -> str:
    return f"{100 * value:.0f}" if value == value else _NONE


def _spans(data: pd.DataFrame, low: str, high: str) -> list[str]:
    return [
        f"{_percent(first)} to {_percent(last)}" if first == first else _NONE
        for first, last in zip(data[low], data[high], strict=True)
    ]
