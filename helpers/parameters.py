"""The settings of a lesson: what each may be, and one clear message when it is something else.

A setting is at once a control of a panel, a parameter of the lesson under papermill, and a
``--set name=value`` of the report command. Its name, range and meaning stand here, or, for what
a paper leaves to be assumed, in the paper's folder.
"""

from __future__ import annotations

import ast
import copy
import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import pydantic
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from helpers import catalogue, cohort, lymphoid_drugs, query, rounding, timeline, trial_settings
from helpers.comparison import settings as comparison_settings
from helpers.errors import KitError, ParameterError


class Settings(BaseModel):
    """The settings of a lesson, checked; `check` makes them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


CutoffMonths = Annotated[
    int,
    Field(
        ge=1,
        le=60,
        title="Data cut-off",
        json_schema_extra={"unit": "months on the clock; 60: none"},
    ),
]
"""After how many months follow-up is cut."""


class Dose(Settings):
    """How venetoclax is given."""

    venetoclax_mg: int = Field(
        400,
        ge=50,
        le=800,
        multiple_of=50,
        title="Target dose",
        json_schema_extra={"unit": "mg a day"},
    )
    venetoclax_ramp_days: int = Field(
        3,
        ge=1,
        le=7,
        title="Target reached on",
        json_schema_extra={"unit": "day of cycle 1; 1: no ramp"},
    )
    venetoclax_days: int = Field(
        28, ge=1, le=42, title="Venetoclax per cycle", json_schema_extra={"unit": "days"}
    )
    cycle_days: int = Field(
        28, ge=14, le=56, title="Length of a cycle", json_schema_extra={"unit": "days"}
    )
    cycles: int = Field(1, ge=1, le=6, title="Number of cycles", json_schema_extra={"unit": ""})
    cyp3a_inhibitor: Literal["none", "moderate", "strong", "posaconazole"] = Field(
        "none", title="CYP3A inhibitor", json_schema_extra={"unit": "taken throughout"}
    )


class DoseByCycle(Dose):
    """How venetoclax is given, if for longer in the first cycle than later."""

    venetoclax_days: int = Field(
        14, ge=1, le=42, title="Venetoclax in cycle 1", json_schema_extra={"unit": "days"}
    )
    venetoclax_days_later: int = Field(
        7, ge=1, le=42, title="Venetoclax in later cycles", json_schema_extra={"unit": "days"}
    )
    cycles: int = Field(4, ge=1, le=8, title="Number of cycles", json_schema_extra={"unit": ""})


class Partner(Settings):
    """What venetoclax is given with, where the paper doesn't say how."""

    partner: Literal["azacitidine", "decitabine", "cytarabine"] = Field(
        "azacitidine", title="Given with", json_schema_extra={"unit": "as its label has it"}
    )
    body_surface_m2: float = Field(
        1.8,
        ge=1.2,
        le=2.6,
        title="Body surface",
        json_schema_extra={"unit": "m², for the partner's dose"},
    )


class Surface(Settings):
    """The patient's size, where the paper says what else is given by body surface."""

    body_surface_m2: float = Field(
        1.8,
        ge=1.2,
        le=2.6,
        title="Body surface",
        json_schema_extra={"unit": "m², for what is given beside"},
    )


class Cohort(Settings):
    """Which patients are looked at."""

    cohort: str = Field("", title="Cohort query", json_schema_extra={"unit": "empty: everyone"})


class Endpoint(Settings):
    """What is measured, from when, until when."""

    origin: Literal["diagnosis", "treatment", "response"] = Field(
        "diagnosis", title="Clock starts at", json_schema_extra={"unit": ""}
    )
    events: Literal["death", "death or relapse"] = Field(
        "death", title="Event", json_schema_extra={"unit": "the first to happen"}
    )
    censor_at_transplant: bool = Field(
        False, title="Stop the clock at transplant", json_schema_extra={"unit": ""}
    )
    cutoff_months: CutoffMonths = 60


class Redefinition(Settings):
    """What is measured, where a paper leaves it open and synthetic cohorts have the times."""

    origin: Literal["treatment", "response"] = Field(
        "treatment", title="Clock starts at", json_schema_extra={"unit": ""}
    )
    events: Literal["death", "death or relapse", "death, relapse or no response"] = Field(
        "death, relapse or no response",
        title="Event",
        json_schema_extra={"unit": "the first to happen"},
    )
    no_response: Literal["when found", "on day 1"] = Field(
        "when found", title="No response counts", json_schema_extra={"unit": "if it is an event"}
    )
    cutoff_months: CutoffMonths = 60


class FromResponse(Settings):
    """What is measured, where the paper's endpoint begins with the response."""

    origin: Literal["treatment", "response"] = Field(
        "response", title="Clock starts at", json_schema_extra={"unit": ""}
    )
    events: Literal["relapse", "death", "death or relapse"] = Field(
        "death or relapse", title="Event", json_schema_extra={"unit": "the first to happen"}
    )
    whom: Literal["responders", "everyone"] = Field(
        "responders", title="Who counts", json_schema_extra={"unit": "from treatment on"}
    )
    cutoff_months: CutoffMonths = 60


class Transplant(Settings):
    """Whether a transplant, where some had one, ends what is measured."""

    censor_at_transplant: bool = Field(
        False, title="Stop the clock at transplant", json_schema_extra={"unit": ""}
    )


class SurvivalEndpoint(Redefinition):
    """What is measured, where a paper prints relapse with its competing risk, too."""

    events: Literal["death", "death or relapse", "death, relapse or no response", "relapse"] = (
        Field(  # type: ignore[assignment]
            "death, relapse or no response",
            title="Event",
            json_schema_extra={"unit": "the first to happen"},
        )
    )
    other_deaths: Literal["compete", "are censored"] = Field(
        "compete",
        title="Deaths without relapse",
        json_schema_extra={"unit": "if relapse alone is the event"},
    )


class Landmark(Settings):
    """A month from which on patients are compared by what had happened to them."""

    landmark_months: int = Field(
        6, ge=1, le=12, title="Landmark", json_schema_extra={"unit": "months"}
    )


class TransplantTime(Settings):
    """When transplants were, where a paper doesn't say."""

    transplant_time: Literal["assumed", "as in the cohorts"] = Field(
        "assumed", title="When the transplants were", json_schema_extra={"unit": ""}
    )
    transplant_delay_months: float = Field(
        2.0,
        ge=0.0,
        le=12.0,
        title="Assumed: from response to transplant",
        json_schema_extra={"unit": "months"},
    )
    curves_of: Literal["ever transplanted", "landmark", "time-dependent"] = Field(
        "landmark", title="Curves shown", json_schema_extra={"unit": ""}
    )


class Response(Settings):
    """What counts as a response."""

    remission: Literal["CR or CRi", "CR"] = Field(
        "CR or CRi", title="Response", json_schema_extra={"unit": ""}
    )


class Remission(Response):
    """What counts as a response, where a paper prints CR and CRi as one number."""

    cri_percent: int = Field(
        30,
        ge=0,
        le=100,
        multiple_of=5,
        title="Assumed: CRi in responders",
        json_schema_extra={"unit": "%, if only CR counts"},
    )


class ResponseRate(Settings):
    """What counts as a response, and what its rate is held against."""

    response: Literal["CR or CRi", "CR", "CR, CRi or PR"] = Field(
        "CR or CRi", title="Response", json_schema_extra={"unit": "best, or after cycle 1"}
    )
    after: Literal["all cycles", "cycle 1"] = Field(
        "all cycles", title="Counted after", json_schema_extra={"unit": ""}
    )
    mrd: Literal[
        "not asked",
        "negative at the printed cut",
        "negative at a lower cut",
        "negative at a higher cut",
    ] = Field("not asked", title="Measurable residual disease", json_schema_extra={"unit": ""})
    interval: Literal["as the paper has it", "exact", "Wilson"] = Field(
        "as the paper has it", title="95 % interval", json_schema_extra={"unit": ""}
    )
    ruled_out_percent: int = Field(
        45, ge=1, le=99, title="Rate to be ruled out", json_schema_extra={"unit": "%"}
    )


class Confounding(Settings):
    """A hidden prognostic factor: assumed, in no paper."""

    factor_percent: int = Field(
        30,
        ge=0,
        le=100,
        title="Assumed: factor in the first group",
        json_schema_extra={"unit": "% of patients"},
    )
    factor_percent_other: int = Field(
        40,
        ge=0,
        le=100,
        title="Assumed: factor in the other group",
        json_schema_extra={"unit": "% of patients"},
    )
    factor_hazard_ratio: float = Field(
        2.0,
        ge=1.0,
        le=5.0,
        title="Assumed: its hazard ratio",
        json_schema_extra={"unit": "with it against without"},
    )


class Escalation(Settings):
    """A dose-finding design, and the true DLT rates under which it is tried."""

    design: Literal["3+3", "BOIN", "keyboard", "CRM"] = Field(
        "3+3", title="Design", json_schema_extra={"unit": "keyboard is mTPI-2 too"}
    )
    doses: int = Field(
        4,
        ge=2,
        le=5,
        title="Number of doses",
        json_schema_extra={"unit": ""},
    )
    dlt_percent_1: int = Field(
        5,
        ge=0,
        le=100,
        title="Assumed: true DLT rate, dose 1",
        json_schema_extra={"unit": "%"},
    )
    dlt_percent_2: int = Field(
        10,
        ge=0,
        le=100,
        title="Assumed: true DLT rate, dose 2",
        json_schema_extra={"unit": "%"},
    )
    dlt_percent_3: int = Field(
        25,
        ge=0,
        le=100,
        title="Assumed: true DLT rate, dose 3",
        json_schema_extra={"unit": "%, if there is this dose"},
    )
    dlt_percent_4: int = Field(
        45,
        ge=0,
        le=100,
        title="Assumed: true DLT rate, dose 4",
        json_schema_extra={"unit": "%, if there is this dose"},
    )
    dlt_percent_5: int = Field(
        60,
        ge=0,
        le=100,
        title="Assumed: true DLT rate, dose 5",
        json_schema_extra={"unit": "%, if there is this dose"},
    )
    target_percent: int = Field(
        25,
        ge=10,
        le=40,
        title="Target DLT rate",
        json_schema_extra={"unit": "%; not of the 3+3"},
    )
    cohort_size: int = Field(
        3,
        ge=1,
        le=6,
        title="Patients in a cohort",
        json_schema_extra={"unit": "three in the 3+3"},
    )
    patients: int = Field(
        30,
        ge=6,
        le=60,
        title="Patients at most",
        json_schema_extra={"unit": "not of the 3+3"},
    )


class Monitoring(Settings):
    """Stopping rules for response and toxicity of a trial with one arm."""

    response_percent: int = Field(
        50,
        ge=10,
        le=90,
        title="Response rate to be reached",
        json_schema_extra={"unit": "%"},
    )
    toxicity_percent: int = Field(
        20,
        ge=5,
        le=60,
        title="Toxicity rate to stay below",
        json_schema_extra={"unit": "%"},
    )
    response_cutoff_percent: int = Field(
        5,
        ge=1,
        le=50,
        title="Assumed: stop if P(response) is below",
        json_schema_extra={"unit": "%"},
    )
    toxicity_cutoff_percent: int = Field(
        5,
        ge=1,
        le=50,
        title="Assumed: stop if P(toxicity) is below",
        json_schema_extra={"unit": "%"},
    )
    prior_response_percent: int = Field(
        50,
        ge=5,
        le=95,
        title="Assumed: prior mean response",
        json_schema_extra={"unit": "%"},
    )
    prior_toxicity_percent: int = Field(
        20,
        ge=5,
        le=95,
        title="Assumed: prior mean toxicity",
        json_schema_extra={"unit": "%"},
    )
    prior_weight: float = Field(
        2.0,
        ge=0.2,
        le=20.0,
        title="Assumed: what the prior weighs",
        json_schema_extra={"unit": "patients"},
    )
    first_look: int = Field(
        5,
        ge=1,
        le=40,
        title="Assumed: first look",
        json_schema_extra={"unit": "patients"},
    )
    look_every: int = Field(
        1,
        ge=1,
        le=20,
        title="Assumed: a look every",
        json_schema_extra={"unit": "patients; 1: continuous"},
    )
    planned_patients: int = Field(
        40,
        ge=10,
        le=60,
        title="Assumed: patients planned",
        json_schema_extra={"unit": ""},
    )
    true_response_percent: int = Field(
        50,
        ge=0,
        le=100,
        title="Assumed: true response rate",
        json_schema_extra={"unit": "%"},
    )
    true_toxicity_percent: int = Field(
        20,
        ge=0,
        le=100,
        title="Assumed: true toxicity rate",
        json_schema_extra={"unit": "%"},
    )


class Seed(Settings):
    """Which of many possible draws is made."""

    seed: int = Field(
        1,
        ge=1,
        le=1000,
        title="Seed of what is drawn",
        json_schema_extra={"unit": "another one draws anew", "box": True},
    )


class Screening(Settings):
    """Who is screened: how far from the make-up that the paper's folder states."""

    screened: int = Field(
        200,
        ge=20,
        le=1000,
        multiple_of=20,
        title="Screened",
        json_schema_extra={"unit": "patients"},
    )
    older_by_years: int = Field(
        0, ge=-20, le=30, title="Older by", json_schema_extra={"unit": "years than the make-up"}
    )
    frail_times: float = Field(
        1.0,
        ge=0.0,
        le=2.5,
        title="ECOG 2 or worse",
        json_schema_extra={"unit": "times the make-up's share"},
    )
    organ_values_times: float = Field(
        1.0,
        ge=0.5,
        le=3.0,
        title="Organ values",
        json_schema_extra={"unit": "times the make-up's median"},
    )
    missing_times: float = Field(
        1.0,
        ge=0.0,
        le=5.0,
        title="Not recorded",
        json_schema_extra={"unit": "times the make-up's share"},
    )


class LymphoidDrugs(Settings):
    """What else is given, where the paper names drugs and no doses."""

    blinatumomab: Literal["none", "relapsed or refractory", "residual disease", "consolidation"] = (
        Field(
            "relapsed or refractory",
            title="Blinatumomab as the label has it for",
            json_schema_extra={"unit": ""},
        )
    )
    blinatumomab_cycles: int = Field(
        1, ge=1, le=5, title="Cycles of blinatumomab", json_schema_extra={"unit": ""}
    )
    blinatumomab_start_day: int = Field(
        1,
        ge=1,
        le=84,
        title="Blinatumomab starts on",
        json_schema_extra={"unit": "day of treatment"},
    )
    body_weight_kg: int = Field(
        65, ge=30, le=150, title="Body weight", json_schema_extra={"unit": "kg"}
    )
    body_surface_m2: float = Field(
        1.7, ge=1.0, le=2.6, title="Body surface", json_schema_extra={"unit": "m², if light"}
    )
    tki: Literal["none", "imatinib", "dasatinib", "ponatinib"] = Field(
        "none", title="TKI", json_schema_extra={"unit": "at the label's dose, daily"}
    )


class Ledger(Settings):
    """Which published numbers are listed."""

    paper: str = Field(
        "vah", title="Paper", json_schema_extra={"unit": "all: every paper", "choices": "papers"}
    )
    verdict: Literal[
        "inconsistent", "reproduced", "satisfied", "observation", "undetermined", "any"
    ] = Field("inconsistent", title="Verdict", json_schema_extra={"unit": ""})
    location: str = Field(
        "", title="Where it stands", json_schema_extra={"unit": "for example table 3; empty: all"}
    )


class Printed(Settings):
    """One printed proportion, to be tried against its count."""

    count: int = Field(
        29, ge=0, le=100_000, title="Count", json_schema_extra={"unit": "patients", "box": True}
    )
    total: int = Field(
        37, ge=1, le=100_000, title="Of", json_schema_extra={"unit": "patients", "box": True}
    )
    whole: int = Field(
        96,
        ge=1,
        le=100_000,
        title="Whole sample",
        json_schema_extra={"unit": "if they are a group of it", "box": True},
    )
    percent: str = Field(
        "78.4", title="Percentage as printed", json_schema_extra={"unit": "digits; may be empty"}
    )
    lower: str = Field(
        "61.9", title="Lower limit as printed", json_schema_extra={"unit": "digits; may be empty"}
    )
    upper: str = Field(
        "89.0", title="Upper limit as printed", json_schema_extra={"unit": "digits; may be empty"}
    )


GROUPS: dict[str, type[Settings]] = {
    "dose": Dose,
    "dose_by_cycle": DoseByCycle,
    "partner": Partner,
    "surface": Surface,
    "cohort": Cohort,
    "response_rate": ResponseRate,
    "endpoint": Endpoint,
    "redefinition": Redefinition,
    "from_response": FromResponse,
    "transplant": Transplant,
    "survival_endpoint": SurvivalEndpoint,
    "landmark": Landmark,
    "transplant_time": TransplantTime,
    "response": Response,
    "remission": Remission,
    "confounding": Confounding,
    "escalation": Escalation,
    "monitoring": Monitoring,
    "seed": Seed,
    "screening": Screening,
    "lymphoid_drugs": LymphoidDrugs,
    "ledger": Ledger,
    "printed": Printed,
}


def model(*groups: str, paper: str) -> type[Settings]:
    """Return the model of a lesson's settings.

    Parameters
    ----------
    *groups : str
        What the lesson lets a reader change: keys of `GROUPS`, ``assumptions``,
        keys of `helpers.trial_settings.FROM_PAPER` or of `helpers.comparison.settings.GROUPS`.
    paper : str
        The id of the lesson's paper, whose assumptions are added for ``assumptions``. A dose
        starts at the first schedule that it plans. Empty for a lesson without one.

    Returns
    -------
    type
        A pydantic model; its fields are the settings, in order.

    Raises
    ------
    KitError
        If there is no such group.
    """
    known = [*GROUPS, "assumptions", *trial_settings.FROM_PAPER, *comparison_settings.GROUPS]
    for group in groups:
        if group not in known:
            raise KitError(f"no group of settings {group!r}", right=", ".join(known))
    bases = tuple(GROUPS[group] for group in groups if group in GROUPS)
    assumed: dict[str, Any] = {}
    if "assumptions" in groups:
        for name, assumption in catalogue.load(paper).assumptions.items():
            assumed[name] = (
                float,
                Field(
                    assumption.default,
                    ge=assumption.minimum,
                    le=assumption.maximum,
                    title="Assumed: " + assumption.label,
                    json_schema_extra={"unit": assumption.unit},
                ),
            )
    planned = next(iter(catalogue.load(paper).regimens.values()), None) if paper else None
    if "dose" in groups and planned is not None:
        for name in set(Dose.model_fields) & set(type(planned).model_fields):
            field = copy.copy(Dose.model_fields[name])
            field.default = getattr(planned, name)
            assumed[name] = (field.annotation, field)
    for group in groups:
        if group in trial_settings.FROM_PAPER:
            assumed |= trial_settings.FROM_PAPER[group](paper)
        elif group in comparison_settings.GROUPS:
            assumed |= comparison_settings.GROUPS[group]()
    # Pydantic lists the fields of the last base first; a reader expects the order given.
    return create_model("LessonSettings", __base__=bases[::-1] or (Settings,), **assumed)


def check(values: Mapping[str, object], *groups: str, paper: str) -> Settings:
    """Check the parameters of a lesson before anything runs.

    Parameters
    ----------
    values : mapping of str to object
        Parameter values by name; text is converted. In a notebook, ``globals()``: names that
        are not settings are then passed over, apart from those that papermill injected.
    *groups : str
        As `model` takes them.
    paper : str
        The id of the lesson's paper; empty if it has none.

    Returns
    -------
    Settings
        With an attribute for each setting; those not given have their default.

    Raises
    ------
    ParameterError
        One line per fault: the parameter, what is wrong, what is allowed.
    """
    settings = model(*groups, paper=paper)
    in_notebook = "__name__" in values
    names = _injected(values) if in_notebook else list(values)
    faults: list[KitError] = [
        _unknown(name, settings) for name in names if name not in settings.model_fields
    ]
    given = {name: values[name] for name in settings.model_fields if name in values}
    checked, found = _validate(settings, given, paper)
    faults += found
    if faults or checked is None:
        raise ParameterError(faults)
    return checked


def change(settings: Settings, changes: Mapping[str, object], *, paper: str) -> Settings:
    """Return settings with some changed, checked anew.

    Parameters
    ----------
    settings : Settings
        What `check` returned.
    changes : mapping of str to object
        The new values by name.
    paper : str
        The id of the lesson's paper.

    Returns
    -------
    Settings

    Raises
    ------
    ParameterError
        If the new values, or their combination with the others, are impossible.
    """
    values = settings.model_dump() | dict(changes)
    changed, faults = _validate(type(settings), values, paper)
    if changed is None:
        raise ParameterError(faults)
    return changed


def allowed(field: FieldInfo) -> str:
    """Say in words what a setting may be.

    Parameters
    ----------
    field : pydantic.fields.FieldInfo
        The setting's field.

    Returns
    -------
    str
        For example ``a whole number from 1 to 42 (days)``.
    """
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(repr(value) for value in get_args(field.annotation))
    kind = {
        int: "a whole number",
        float: "a number",
        bool: "True or False",
        str: "text",
    }[field.annotation]  # type: ignore[index]
    least, most, step = limits(field)
    span = "" if least is None else f" from {least:g} to {most:g}"
    steps = f" in steps of {step:g}" if step else ""
    unit = f" ({unit_of(field)})" if unit_of(field) else ""
    return f"{kind}{span}{steps}{unit}"


def limits(field: FieldInfo) -> tuple[float | None, float | None, float | None]:
    """Return the least and the greatest value of a setting, and its step.

    Parameters
    ----------
    field : pydantic.fields.FieldInfo
        The setting's field.

    Returns
    -------
    tuple of (float or None, float or None, float or None)
    """
    found: dict[str, float | None] = {"ge": None, "le": None, "multiple_of": None}
    for constraint in field.metadata:
        for name in found:
            found[name] = getattr(constraint, name, found[name])
    return found["ge"], found["le"], found["multiple_of"]


def unit_of(field: FieldInfo) -> str:
    """Return the unit of a setting, or what its value stands for.

    Parameters
    ----------
    field : pydantic.fields.FieldInfo
        The setting's field.

    Returns
    -------
    str
    """
    extra = field.json_schema_extra
    return str(extra.get("unit", "")) if isinstance(extra, dict) else ""


def assumptions(settings: Settings, *, paper: str) -> dict[str, float]:
    """Return the assumed numbers among a lesson's settings.

    Parameters
    ----------
    settings : Settings
        The settings.
    paper : str
        The id of the lesson's paper.

    Returns
    -------
    dict of str to float
        By name; the paper's default for those that the lesson doesn't offer.
    """
    return {
        name: getattr(settings, name, assumption.default)
        for name, assumption in catalogue.load(paper).assumptions.items()
    }


def _validate(
    settings: type[Settings], values: Mapping[str, object], paper: str
) -> tuple[Settings | None, list[KitError]]:
    try:
        checked = settings.model_validate(values)
    except pydantic.ValidationError as error:
        return None, [
            KitError(
                f"given {_shown(fault['input'])}",
                where=name,
                right=allowed(settings.model_fields[name]),
            )
            if name in settings.model_fields
            else _unknown(name, settings)
            for fault in error.errors()
            for name in [str(fault["loc"][0])]
        ]
    faults = _combinations(checked, paper)
    return (None if faults else checked), faults


def _combinations(settings: Settings, paper: str) -> list[KitError]:
    faults: list[KitError] = []
    if isinstance(settings, Dose):
        if settings.venetoclax_days > settings.cycle_days:
            faults.append(
                KitError(
                    f"{settings.venetoclax_days} days of venetoclax in a cycle of "
                    f"{settings.cycle_days}",
                    where="venetoclax_days with cycle_days",
                    right="venetoclax_days no longer than cycle_days",
                )
            )
        if settings.venetoclax_ramp_days > settings.venetoclax_days:
            faults.append(
                KitError(
                    f"the target dose on day {settings.venetoclax_ramp_days}, but venetoclax "
                    f"for only {settings.venetoclax_days} days",
                    where="venetoclax_ramp_days with venetoclax_days",
                    right="venetoclax_ramp_days no later than venetoclax_days",
                )
            )
    if (
        isinstance(settings, DoseByCycle)
        and settings.cycles > 1
        and settings.venetoclax_days_later > settings.cycle_days
    ):
        faults.append(
            KitError(
                f"{settings.venetoclax_days_later} days of venetoclax in a later cycle of "
                f"{settings.cycle_days}",
                where="venetoclax_days_later with cycle_days",
                right="venetoclax_days_later no longer than cycle_days",
            )
        )
    if (
        isinstance(settings, Redefinition)
        and settings.origin == "response"
        and "no response" in settings.events
    ):
        faults.append(
            KitError(
                "no response as an event, with the clock starting at the response",
                where="events with origin",
                right="the origin treatment, or events without no response",
            )
        )
    if isinstance(settings, ResponseRate) and settings.after == "cycle 1":
        unrecorded = [
            (settings.response == "CR", "response", "CR alone", "CR or CRi, or with PR"),
            (settings.mrd != "not asked", "mrd", "residual disease", "not asked"),
        ]
        faults += [
            KitError(
                f"{what} after cycle 1, which isn't recorded",
                where=f"after with {name}",
                right=right,
            )
            for wrong, name, what, right in unrecorded
            if wrong
        ]
    if (
        isinstance(settings, ResponseRate)
        and settings.mrd != "not asked"
        and "PR" in settings.response
    ):
        faults.append(
            KitError(
                "residual disease with partial remission, in which it isn't measured",
                where="mrd with response",
                right="CR or CRi, or CR",
            )
        )
    if isinstance(settings, LymphoidDrugs) and settings.blinatumomab != lymphoid_drugs.NONE:
        most = lymphoid_drugs.labels().blinatumomab.uses[settings.blinatumomab].cycles
        if settings.blinatumomab_cycles > most:
            faults.append(
                KitError(
                    f"{settings.blinatumomab_cycles} cycles of blinatumomab for "
                    f"{settings.blinatumomab!r}",
                    where="blinatumomab_cycles with blinatumomab",
                    right=f"1 to {most}, as the label has it",
                )
            )
    if isinstance(settings, Ledger) and settings.paper not in ("all", *catalogue.papers()):
        faults.append(
            KitError(
                f"given {settings.paper!r}",
                where="paper",
                right="one of " + ", ".join(["all", *catalogue.papers()]),
            )
        )
    if isinstance(settings, Printed):
        faults += _printed_faults(settings)
    if isinstance(settings, Cohort):
        try:
            query.parse(settings.cohort, catalogue.load(paper).variables)
        except KitError as error:
            faults.append(KitError(error.what, where="cohort", right=error.right))
    assumed = catalogue.load(paper).assumptions if paper else {}
    if assumed and assumed.keys() <= type(settings).model_fields.keys():
        try:
            timeline.history(cohort.patients(paper), **assumptions(settings, paper=paper))
        except KitError as error:
            faults.append(KitError(error.what, where=" with ".join(assumed), right=error.right))
    return faults


def _printed_faults(settings: Printed) -> list[KitError]:
    faults = [
        KitError(f"given {text!r}", where=name, right="digits such as 78.4, or nothing")
        for name in ("percent", "lower", "upper")
        for text in [getattr(settings, name)]
        if text.strip() and rounding.read(text) is None
    ]
    if settings.count > settings.total:
        faults.append(
            KitError(
                f"{settings.count} of {settings.total}",
                where="count with total",
                right="a count no larger than the total",
            )
        )
    if settings.whole < settings.total:
        faults.append(
            KitError(
                f"{settings.total} of {settings.whole}",
                where="total with whole",
                right="a whole sample at least as large as the group",
            )
        )
    return faults


def _injected(values: Mapping[str, object]) -> list[str]:
    """Name what papermill injected: it marks its cell with a comment of its own."""
    cells = values.get("In")
    names: list[str] = []
    for cell in cells if isinstance(cells, list) else []:
        if isinstance(cell, str) and cell.startswith("# Parameters\n"):
            for node in ast.walk(ast.parse(cell)):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    names.append(node.id)
    return names


def _unknown(name: str, settings: type[Settings]) -> KitError:
    near = difflib.get_close_matches(name, settings.model_fields, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return KitError(
        f"no such parameter{hint}", where=name, right="one of " + ", ".join(settings.model_fields)
    )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
