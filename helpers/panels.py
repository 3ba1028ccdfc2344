"""Panels: controls, and the outcome that they steer.

A panel shows its outcome twice over. Where a kernel runs, the live one follows the controls.
Everywhere else (a report, GitHub, a notebook opened without a kernel) the same outcome stands
as it was, with the settings that led to it. They are two outputs of a cell: JupyterLab shows
the widget of an output or an error, never what else the output holds.
"""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import ipywidgets as widgets
import pandas as pd
from IPython.display import display
from pydantic.fields import FieldInfo

from helpers import (
    catalogue,
    cohort,
    ledgers,
    leeway,
    parameters,
    phase_one,
    phase_two,
    response_rates,
    survival_endpoint,
    survival_subgroup,
    transplant,
    whatif,
)
from helpers.catalogue import Variable
from helpers.errors import KitError
from helpers.leeway import Groups
from helpers.panel_grid import Grid
from helpers.parameters import Settings
from helpers.reconstruct import ensemble
from helpers.whatif import Outcome

_WIDE = widgets.Layout(width="min(50rem, 98%)")
_NAMED = {"description_width": "24rem"}
_VIEW = "application/vnd.jupyter.widget-view+json"


def _template(name: str) -> str:
    file = Path(__file__).parent / "templates" / "panel" / name
    return file.read_text(encoding="utf-8")


_LIVE_STYLE, _LIVE_SCRIPT, _STATIC_STYLE = map(_template, ("live.css", "live.js", "static.css"))


class Panel(widgets.VBox):
    """Controls with the outcome that they steer.

    Parameters
    ----------
    settings : Settings
        Where the panel starts: the lesson's checked parameters.
    names : list of str
        The settings that get a control.
    work_out : callable
        Takes settings, returns an `Outcome`; its `KitError` is shown as a sentence.
    paper : str
        The paper's id.
    heading : str
        What the panel is for.
    extra : list of ipywidgets.Widget, optional
        More controls, such as those that build a query.
    grid : helpers.panel_grid.Grid, optional
        Which states are worked out for a page without a kernel; by default, each control moved
        alone.

    Attributes
    ----------
    heading : str
        What the panel is for.
    controls : dict of str to ipywidgets.Widget
        By setting; set ``controls["venetoclax_days"].value`` to move one from code.
    grid : helpers.panel_grid.Grid
        Which states are worked out for a page without a kernel.
    settings : Settings
        The last settings that were possible.
    outcome : Outcome
        What they lead to.
    message : str
        What is wrong with the controls as they stand; empty if nothing.
    """

    def __init__(
        self,
        settings: Settings,
        names: list[str],
        work_out: Callable[..., Outcome],
        *,
        paper: str,
        heading: str,
        extra: list[widgets.Widget] | None = None,
        grid: Grid | None = None,
    ) -> None:
        # Messages of one panel come in more than one thread; each is to see the controls as they
        # stand, and the last one is to have the last word.
        self._lock = threading.RLock()
        self._paper, self._work_out = paper, work_out
        self.heading, self.grid = heading, grid or Grid()
        self.settings, self.message = settings, ""
        self.outcome = work_out(settings, paper=paper)
        fields = type(settings).model_fields
        self.controls = {name: _control(fields[name], getattr(settings, name)) for name in names}
        self._shown = widgets.HTML(layout=widgets.Layout(width="100%"))
        self._reset = widgets.Button(
            description="Back to the lesson's settings", layout=widgets.Layout(width="16rem")
        )
        self._start = {name: control.value for name, control in self.controls.items()}
        self._quiet = False
        title = widgets.HTML(
            f'<style onload="{html.escape(_LIVE_SCRIPT)}">{_LIVE_STYLE}</style>'
            f'<div role="heading" aria-level="3"><b>{html.escape(heading)}</b></div>'
            '<p role="status" class="tbn-announced"></p>'
        )
        super().__init__([title, *(extra or []), *self.controls.values(), self._reset, self._shown])
        self.add_class("tbn-live")
        self._show()
        for control in self.controls.values():
            control.observe(self._moved, names="value")
        self._reset.on_click(lambda _: self.set(**self._start))

    def set(self, **values: object) -> None:
        """Move several controls at once, and work the outcome out once.

        Parameters
        ----------
        **values
            The new values by setting.
        """
        with self._lock:
            self._quiet = True
            try:
                for name, value in values.items():
                    self.controls[name].value = value
            finally:
                self._quiet = False
            self._moved()

    def try_out(self, values: Mapping[str, object]) -> tuple[Settings, Outcome]:
        """Return what settings lead to; no control moves.

        Parameters
        ----------
        values : mapping of str to object
            The settings that differ from the present ones.

        Returns
        -------
        settings : Settings
            All of them, checked.
        outcome : Outcome
            What they lead to.

        Raises
        ------
        KitError
            If they are impossible.
        """
        settings = parameters.change(self.settings, values, paper=self._paper)
        return settings, self._work_out(settings, paper=self._paper)

    def on_reset(self, do: Callable[[object], None]) -> None:
        """Do something more when the reader goes back to the lesson's settings.

        Parameters
        ----------
        do : callable
            Takes the button.
        """
        self._reset.on_click(do)

    def _moved(self, _change: object = None) -> None:
        with self._lock:
            if self._quiet:
                return
            chosen = {name: control.value for name, control in self.controls.items()}
            try:
                self.settings, self.outcome = self.try_out(chosen)
                self.message = ""
            except KitError as error:
                self.message = str(error)
            self._show()

    def _show(self) -> None:
        if self.message:
            self._shown.value = (
                '<div role="alert" class="tbn-message" style="border-left: 4px solid #D55E00; '
                'padding: 0.4em 0.8em; margin: 0.4em 0"><b>Not possible.</b> '
                f"{html.escape(self.message)}. Below stands the last outcome that was.</div>"
                f'<div style="opacity: 0.55">{as_html(self.outcome)}</div>'
            )
        else:
            self._shown.value = as_html(self.outcome)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        fields = type(self.settings).model_fields
        settings = "; ".join(
            f"{name} = {getattr(self.settings, name)!r}" for name in fields if name in self.controls
        )
        bundle["text/plain"] = repr(self)
        bundle["text/html"] = (
            f'<section class="tbn-panel" aria-label="{html.escape(self.heading)}">'
            f"<p><b>{html.escape(self.heading)}</b><br>"
            f"<small>Settings: {html.escape(settings)}</small></p>"
            f"{as_html(self.outcome)}<style>{_STATIC_STYLE}</style></section>"
        )
        return bundle

    def _ipython_display_(self) -> None:
        static = self._repr_mimebundle_()
        live = {_VIEW: static.pop(_VIEW)}
        for output in (live, static):
            display(output, raw=True)  # type: ignore[no-untyped-call]

    def __repr__(self) -> str:
        return f"{self.heading}: {self.outcome.summary}"


_CUTOFF_MONTHS = (1, 3, 6, 9, 12, 24, 36, 48, 60)
DOSES = Grid(
    values={
        "venetoclax_days": (3, 5, 7, 10, 14, 21, 28, 35, 42),
        "venetoclax_days_later": (3, 5, 7, 10, 14, 21, 28, 35, 42),
        "cycle_days": (14, 21, 28, 35, 42, 56),
    },
    together=(
        ("venetoclax_days", "cycle_days"),
        ("venetoclax_days", "venetoclax_days_later"),
        ("venetoclax_days", "cyp3a_inhibitor"),
        ("venetoclax_mg", "cyp3a_inhibitor"),
        ("partner", "cyp3a_inhibitor"),
        ("partner", "body_surface_m2"),
    ),
)


def dose(settings: Settings, *, paper: str, beside_label: Collection[str] = ()) -> Panel:
    """Return the dose panel: a venetoclax schedule beside the paper's plans, or the label's.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The paper's id.
    beside_label : collection of str, optional
        What the label gives venetoclax with: its schedules are compared, too.

    Returns
    -------
    Panel
    """
    names = _offered(
        settings,
        parameters.Partner,
        parameters.Surface,
        parameters.Dose,
        parameters.DoseByCycle,
    )
    work_out = partial(whatif.dose, beside_label=beside_label)
    return Panel(settings, names, work_out, paper=paper, heading="Change the dose", grid=DOSES)


def cohort_of(
    settings: Settings,
    *,
    paper: str,
    compare: Groups | None = None,
    outcomes: Mapping[str, str] | None = None,
    endpoints: Sequence[str] = (),
) -> Panel:
    """Return the cohort panel: pick patients by any recorded variable.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The paper's id. If it shows no patients, those of all its synthetic cohorts are picked.
    compare : mapping of str to str, optional
        Of a paper with synthetic cohorts, two groups to compare among those picked: what to call
        them, and their names.
    outcomes : mapping of str to str, optional
        Of a paper with synthetic cohorts, what those picked are asked for: by what to call it the
        query of who has it.
    endpoints : sequence of str, optional
        Of a paper with synthetic cohorts, endpoints: how those picked fared by them, beside the
        rest, is then what the panel shows.

    Returns
    -------
    Panel
    """
    panel: Panel
    described = catalogue.load(paper)
    offered, recorded = _recorded(paper)
    choose = widgets.Dropdown(
        options=[("everyone", "")] + [(each.label, name) for name, each in offered.items()],
        description="Pick patients by (adds to the query)",
        tooltip="Pick patients by (adds to the query)",
        style=_NAMED,
        layout=_WIDE,
    )
    condition = widgets.VBox()

    def offer(_change: object) -> None:
        name = choose.value
        if not name:
            condition.children = ()
            panel.set(cohort="")
            return
        before = panel.settings.cohort  # type: ignore[attr-defined]
        picker = _picker(offered[name], recorded[name])
        picker.observe(
            lambda _: panel.set(cohort=_and(before, _query(name, offered[name], picker))),
            names="value",
        )
        condition.children = (picker,)

    work_out: Callable[..., Outcome] = whatif.cohort_of
    if endpoints:
        work_out = partial(survival_subgroup.outcome, endpoints=endpoints)
    elif not described.patient_level:
        work_out = partial(leeway.cohort_of, compare=compare, outcomes=outcomes)
    panel = Panel(
        settings,
        ["cohort"],
        work_out,
        paper=paper,
        heading="Change the cohort",
        extra=[choose, condition],
        grid=Grid(values={"cohort": _conditions(offered, recorded)}),
    )
    choose.observe(offer, names="value")

    def clear(_button: object) -> None:
        choose.unobserve(offer, names="value")
        choose.value, condition.children = "", ()
        choose.observe(offer, names="value")

    panel.on_reset(clear)
    return panel


def endpoint(settings: Settings, *, paper: str) -> Panel:
    """Return the endpoint panel: redefine the endpoint, and move what is assumed.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The paper's id.

    Returns
    -------
    Panel
    """
    assumed = list(catalogue.load(paper).assumptions)
    grid = Grid(
        values={"cutoff_months": _CUTOFF_MONTHS},
        together=(
            ("origin", "events", "censor_at_transplant"),
            ("origin", "cutoff_months"),
            ("events", "cutoff_months"),
            # From diagnosis on, no assumption moves anything.
            *(("origin", name) for name in assumed),
        ),
    )
    names = list(parameters.Endpoint.model_fields) + assumed
    heading = "Change the endpoint"
    return Panel(settings, names, whatif.endpoint, paper=paper, heading=heading, grid=grid)


def redefinition(
    settings: Settings, *, paper: str, reference: str, compare: Groups | None = None
) -> Panel:
    """Return the endpoint panel of a paper with synthetic cohorts.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The paper's id.
    reference : str
        The paper's endpoint with which the chosen one is compared.
    compare : mapping of str to str, optional
        Two groups to compare: what to call them, and their names.

    Returns
    -------
    Panel
    """
    names = _offered(
        settings,
        parameters.Redefinition,
        parameters.FromResponse,
        parameters.Transplant,
        parameters.Response,
        parameters.Remission,
        parameters.Seed,
    )
    grid = Grid(
        values={"cutoff_months": _CUTOFF_MONTHS, "seed": range(1, 6)},
        together=(
            ("origin", "events", "no_response", "whom", "censor_at_transplant", "remission"),
            ("events", "cutoff_months"),
            ("remission", "cri_percent"),
        ),
    )
    work_out = partial(leeway.endpoint, reference=reference, compare=compare)
    heading = "Change the endpoint"
    return Panel(settings, names, work_out, paper=paper, heading=heading, grid=grid)


def response_rate(settings: Settings, *, paper: str) -> Panel:
    """Return the panel that redefines the response and counts it in groups.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The id of a paper with synthetic cohorts and a layout.

    Returns
    -------
    Panel
    """
    names = list(parameters.ResponseRate.model_fields)
    heading = "Change what counts as a response"
    grid = Grid(
        values={"ruled_out_percent": range(5, 100, 10)},
        together=(
            ("response", "after", "mrd", "interval"),
            ("response", "ruled_out_percent"),
            ("interval", "ruled_out_percent"),
        ),
    )
    return Panel(settings, names, response_rates.rates, paper=paper, heading=heading, grid=grid)


def survival_redefined(settings: Settings, *, paper: str) -> Panel:
    """Return the panel that redefines an endpoint of survival, competing events included.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The id of a paper with synthetic cohorts.

    Returns
    -------
    Panel
    """
    names = _offered(
        settings, parameters.SurvivalEndpoint, parameters.Transplant, parameters.Landmark
    )
    heading = "Change the endpoint"
    grid = Grid(
        values={"cutoff_months": _CUTOFF_MONTHS},
        together=(
            ("origin", "events", "no_response", "other_deaths", "censor_at_transplant"),
            ("events", "cutoff_months"),
            ("events", "landmark_months"),
        ),
    )
    return Panel(
        settings, names, survival_endpoint.outcome, paper=paper, heading=heading, grid=grid
    )


def transplanted(settings: Settings, *, paper: str, endpoint: str) -> Panel:
    """Return the panel that compares the transplanted with the others, wrongly and rightly.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The id of a paper with synthetic cohorts.
    endpoint : str
        The name of an endpoint of the paper, whose clock starts with the treatment.

    Returns
    -------
    Panel
    """
    names = _offered(settings, parameters.Landmark, parameters.TransplantTime, parameters.Cohort)
    work_out = partial(transplant.outcome, endpoint=endpoint)
    heading = "Transplant and immortal time"
    grid = Grid(
        values={
            "cohort": _conditions(*_recorded(paper)),
            "transplant_delay_months": (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 9.0, 12.0),
        },
        together=(
            ("landmark_months", "transplant_time", "curves_of"),
            ("transplant_delay_months", "curves_of"),
            ("landmark_months", "transplant_delay_months"),
        ),
    )
    return Panel(settings, names, work_out, paper=paper, heading=heading, grid=grid)


def confounding(settings: Settings, *, paper: str, reference: str, compare: Groups) -> Panel:
    """Return the panel that assumes a hidden factor behind a comparison of two groups.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The id of a paper with synthetic cohorts.
    reference : str
        The paper's endpoint that is compared.
    compare : mapping of str to str
        The two groups: what to call them, and their names.

    Returns
    -------
    Panel
    """
    names = _offered(settings, parameters.Confounding, parameters.Seed)
    work_out = partial(leeway.confounded, reference=reference, compare=compare)
    shares = (0, 10, 20, 30, 40, 50, 60, 80, 100)
    grid = Grid(
        values={
            "factor_percent": shares,
            "factor_percent_other": shares,
            "factor_hazard_ratio": (1.0, 1.5, 2.0, 3.0, 4.0, 5.0),
            "seed": range(1, 6),
        },
        together=(
            ("factor_percent", "factor_percent_other"),
            ("factor_percent", "factor_hazard_ratio"),
            ("factor_percent_other", "factor_hazard_ratio"),
        ),
    )
    heading = "Assume a hidden factor"
    return Panel(settings, names, work_out, paper=paper, heading=heading, grid=grid)


def design(settings: Settings, *, paper: str) -> Panel:
    """Return the panel that tries dose-finding designs under drawn DLT rates.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The paper's id.

    Returns
    -------
    Panel
    """
    names = list(parameters.Escalation.model_fields)
    grid = Grid(together=[("design", name) for name in names], most=6)
    heading = "Change the design"
    return Panel(settings, names, phase_one.design, paper=paper, heading=heading, grid=grid)


def monitoring(settings: Settings, *, paper: str, seen: phase_two.Data) -> Panel:
    """Return the panel of stopping rules for response and toxicity.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The paper's id.
    seen : mapping of str to sequence of helpers.phase_two.Seen
        What the trial saw, for ``response`` and for ``toxicity``.

    Returns
    -------
    Panel
    """
    names = list(parameters.Monitoring.model_fields)
    work_out = partial(phase_two.monitored, seen=seen)
    grid = Grid(
        values={"first_look": (1, 5, 10, 15, 20), "look_every": (1, 2, 5, 10, 20)},
        together=(
            ("first_look", "look_every"),
            ("true_response_percent", "true_toxicity_percent"),
            ("response_percent", "response_cutoff_percent"),
            ("toxicity_percent", "toxicity_cutoff_percent"),
        ),
        most=5,
    )
    heading = "Change the stopping rules"
    return Panel(settings, names, work_out, paper=paper, heading=heading, grid=grid)


def ledger(settings: Settings, *, paper: str) -> Panel:
    """Return the ledger panel: published numbers by paper, verdict and place.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The paper's id.

    Returns
    -------
    Panel
    """
    names = list(parameters.Ledger.model_fields)
    grid = Grid(
        values={"location": ("abstract", "methods", "results", "table 1", "table 2", "table 3")},
        together=(("paper", "verdict"), ("verdict", "location"), ("paper", "location")),
    )
    heading = "Search the ledger"
    return Panel(settings, names, ledgers.filtered, paper=paper, heading=heading, grid=grid)


def printed(settings: Settings, *, paper: str) -> Panel:
    """Return the panel that tries one printed proportion against every method.

    Parameters
    ----------
    settings : Settings
        The lesson's checked parameters.
    paper : str
        The paper's id.

    Returns
    -------
    Panel
    """
    names = list(parameters.Printed.model_fields)
    grid = Grid(
        values={
            "count": range(settings.total + 1),  # type: ignore[attr-defined]
            "total": range(settings.count, settings.whole + 1),  # type: ignore[attr-defined]
            "percent": ("",),
            "lower": ("",),
            "upper": ("",),
        },
        together=(("count", "percent"), ("percent", "lower", "upper")),
    )
    heading = "Try a printed number"
    return Panel(settings, names, ledgers.one_number, paper=paper, heading=heading, grid=grid)


def _control(field: FieldInfo, value: Any) -> widgets.Widget:
    unit = parameters.unit_of(field)
    label = f"{field.title} ({unit})" if unit else str(field.title)
    common: dict[str, Any] = {
        "value": value,
        "description": label,
        "tooltip": label,
        "style": _NAMED,
        "layout": _WIDE,
    }
    least, most, step = parameters.limits(field)
    if get_origin(field.annotation) is Literal:
        return widgets.Dropdown(options=list(get_args(field.annotation)), **common)
    if field.annotation is bool:
        return widgets.Checkbox(indent=True, **common)
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    if extra.get("choices") == "papers":
        return widgets.Dropdown(options=["all", *catalogue.papers()], **common)
    if extra.get("box"):
        return widgets.BoundedIntText(min=int(least or 0), max=int(most or 0), **common)
    # Updating on release keeps the panel from drawing each step of a drag.
    if field.annotation is int:
        return widgets.IntSlider(
            min=int(least or 0),
            max=int(most or 100),
            step=int(step or 1),
            continuous_update=False,
            **common,
        )
    if field.annotation is float:
        return widgets.FloatSlider(
            min=least, max=most, step=0.1, readout_format=".1f", continuous_update=False, **common
        )
    return widgets.Text(continuous_update=False, **common)


def _offered(settings: Settings, *groups: type[Settings]) -> list[str]:
    """Return the names of the settings of some groups that a lesson has, in their order."""
    names = [name for group in groups if isinstance(settings, group) for name in group.model_fields]
    return list(dict.fromkeys(names))


def _recorded(paper: str) -> tuple[dict[str, Variable], pd.DataFrame]:
    """Return the variables by which patients can be picked, and the patients."""
    described = catalogue.load(paper)
    recorded = cohort.patients(paper) if described.patient_level else ensemble.read(paper)
    offered = {
        name: variable
        for name, variable in described.variables.items()
        if variable.type != "text" and name != "USUBJID" and name in recorded
    }
    return offered, recorded


def _conditions(offered: Mapping[str, Variable], recorded: pd.DataFrame) -> dict[str, str]:
    """Return queries of a single variable with their words: a code each, halves of a number."""
    found: dict[str, str] = {"": "everyone"}
    for name, variable in offered.items():
        unit = f" {variable.unit}" if variable.unit else ""
        if variable.is_number:
            middle = recorded[name].median()
            found[f"{name} <= {middle:g}"] = f"{variable.label}: {middle:g}{unit} or less"
            found[f"{name} > {middle:g}"] = f"{variable.label}: more than {middle:g}{unit}"
        elif variable.type == "list":
            for word in sorted({word for words in recorded[name] for word in words}):
                found[f"{name} in [{word!r}]"] = f"{variable.label}: {word}"
        else:
            for code, words in variable.values.items():
                found[f"{name} in [{code!r}]"] = f"{variable.label}: {words}"
    return found


def _picker(variable: Variable, recorded: pd.Series) -> widgets.Widget:
    label = f"{variable.label} ({variable.unit})" if variable.unit else variable.label
    if variable.is_number:
        low, high = float(recorded.min()), float(recorded.max())
        kind = widgets.IntRangeSlider if variable.type == "integer" else widgets.FloatRangeSlider
        return kind(
            value=(low, high),
            min=low,
            max=max(high, low + 1),
            description=label,
            tooltip=label,
            continuous_update=False,
            style=_NAMED,
            layout=_WIDE,
        )
    if variable.type == "list":
        options = [(word, word) for word in sorted({word for words in recorded for word in words})]
    else:
        options = [(words, code) for code, words in variable.values.items()]
    return widgets.SelectMultiple(
        options=options,
        value=[code for _, code in options],
        rows=min(6, max(2, len(options))),
        description=label,
        tooltip=label,
        style=_NAMED,
        layout=_WIDE,
    )


def _query(name: str, variable: Variable, picker: Any) -> str:
    if variable.is_number:
        low, high = picker.value
        return f"{name} >= {low:g} and {name} <= {high:g}"
    if not picker.value:
        return f"{name} in []"
    return f"{name} in [{', '.join(repr(code) for code in picker.value)}]"


def _and(before: str, condition: str) -> str:
    return f"({before}) and {condition}" if before else condition


def as_html(outcome: Outcome) -> str:
    """Lay out an outcome as a panel shows it.

    Parameters
    ----------
    outcome : helpers.whatif.Outcome
        The outcome.

    Returns
    -------
    str
        HTML.
    """
    parts = "".join(
        f'<div style="margin: 0.8em 0">{part._repr_html_()}</div>' for part in outcome.parts
    )
    return (
        '<div class="tbn-outcome"><p class="tbn-summary" '
        'style="max-width: 46rem; line-height: 1.5; white-space: normal">'
        f"{html.escape(outcome.summary)}</p>{parts}</div>"
    )
