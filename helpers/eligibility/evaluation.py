"""Eligibility rules put to screened patients: who may enter, why not, and what each rule costs."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers import laboratory, query
from helpers.catalogue import Variable
from helpers.eligibility.rules import FORMULAS, ULN, Criterion, Rules, amount, asked, words
from helpers.errors import KitError

Floats = NDArray[np.float64]

VERDICTS = ("eligible", "not eligible", "can't be decided")
"""What can be said of a patient."""
OUTCOMES = ("passes", "fails", "can't be decided")
"""What can be said of a patient and a criterion."""
STATUS = ("inclusion criterion not met", "exclusion criterion met", "could not be decided")
"""Why a patient leaves, the first that holds."""
_ELIGIBLE, _NO_PLACE, _ENROLLED = "eligible", "no place left", "enrolled"

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What rules say of screened patients.

    Attributes
    ----------
    rules : Rules
        The rules.
    patients : pandas.Index
        Who was screened: ``USUBJID``, or the table's index where there is none.
    passes : pandas.DataFrame
        A row per patient, a column per criterion: True, False, or missing where it can't be
        decided. Of an exclusion criterion, True says that the patient is not excluded by it.
    judged : dict of str to Judged
        By criterion, what led to it.
    """

    rules: Rules
    patients: pd.Index
    passes: pd.DataFrame
    judged: dict[str, Judged]

    @property
    def verdict(self) -> pd.Series:
        """What follows for each patient: one of `VERDICTS`.

        Returns
        -------
        pandas.Series
            Categories, indexed as `passes`.
        """
        failed = (self.passes == False).any(axis=1)  # noqa: E712, a missing value is neither
        open_ = self.passes.isna().any(axis=1)
        words = np.select([failed, open_], VERDICTS[1:], VERDICTS[0])
        return pd.Series(
            pd.Categorical(words, categories=VERDICTS), index=self.passes.index, name="verdict"
        )

    @property
    def eligible(self) -> pd.Series:
        """Whether each patient may enter; False also where that can't be decided.

        Returns
        -------
        pandas.Series of bool
        """
        return self.verdict == VERDICTS[0]


@dataclass(frozen=True, eq=False)
class Judged:
    """What one criterion was decided by, a value per patient.

    Attributes
    ----------
    measured : numpy.ndarray
        The variable's value, in its own unit.
    compared : numpy.ndarray
        The same in the threshold's unit.
    holds, applies, waived : pandas.array of boolean
        Whether the comparison holds, whether the criterion concerns the patient, and whether it
        is waived; missing where that isn't known.
    """

    measured: NDArray[Any]
    compared: NDArray[Any]
    holds: Any
    applies: Any
    waived: Any


@dataclass(frozen=True)
class Step:
    """One box of a flow diagram, as CONSORT has it.

    Attributes
    ----------
    label : str
        What it counts.
    n : int
        Patients.
    leaves : bool
        Whether these patients leave the flow here (a box at the side).
    reasons : tuple of (str, int)
        Why, with the patients for each reason, in the order of the rules.
    """

    label: str
    n: int
    leaves: bool = False
    reasons: tuple[tuple[str, int], ...] = ()


def evaluate(
    rules: Rules, patients: pd.DataFrame, *, units: Mapping[str, str] | None = None
) -> Evaluation:
    """Put rules to a table of screened patients.

    Parameters
    ----------
    rules : Rules
        The rules.
    patients : pandas.DataFrame
        One row per patient with a column for each variable that the rules ask for; a missing
        cell means not recorded. A column such as ``ALTULN`` may hold each patient's own upper
        limit of normal. Other columns don't matter.
    units : mapping of str to str, optional
        The unit of a column, where it isn't that of the variable, such as
        ``{"BILI": "mg/dL"}``; its ``ULN`` column is in the same unit.

    Returns
    -------
    Evaluation

    Raises
    ------
    KitError
        If a column is missing or a cell can't be a value of its variable.

    Notes
    -----
    Kleene's three-valued logic: unknown and false is false, unknown or true is true, all else
    with an unknown part is unknown. So a man needs no pregnancy test, and whoever is too young
    is not eligible whatever else isn't known of them.
    """
    who = pd.Index(patients.get("USUBJID", patients.index))
    table = _typed(rules, patients.set_axis(range(len(patients))), who, dict(units or {}))
    known = rules.known
    texts = {text for each in rules.criteria for text in (each.condition, each.waived_if)}
    decided = {text: _decided(text, known, table) for text in texts if text.strip()}
    judged = {each.id: _judge(each, rules, known, table, decided) for each in rules.criteria}
    passes = {}
    for each in rules.criteria:
        found = judged[each.id]
        holds = found.holds if each.kind == "inclusion" else ~found.holds
        # A waiver sets aside a comparison that was made, not one that couldn't be.
        kept = holds | (~holds & found.waived)
        passes[each.id] = kept | ~found.applies
    return Evaluation(rules, who, pd.DataFrame(passes, index=patients.index), judged)


def _needed(rules: Rules, patients: pd.DataFrame) -> set[str]:
    names: set[str] = set()
    known = rules.known
    for each in rules.criteria:
        names.add(each.variable)
        names |= query.parse(each.condition, known).names()
        names |= query.parse(each.waived_if, known).names()
        limit = rules.upper_limits.get(each.variable)
        if each.unit == ULN != known[each.variable].unit and limit and limit.by:
            names.add(limit.by)
    for name in names & rules.derived.keys():
        if name not in patients:
            names = names - {name} | set(rules.derived[name].inputs.values())
    return names


def _typed(
    rules: Rules, patients: pd.DataFrame, who: pd.Index, units: dict[str, str]
) -> pd.DataFrame:
    """Return the columns that the rules ask for, in the units of their variables."""
    known = rules.known
    if unknown := [name for name in units if name not in known]:
        raise KitError(
            f"no variable {unknown[0]!r}", where="units", right="one of " + ", ".join(known)
        )
    if missing := sorted(_needed(rules, patients) - set(patients)):
        raise KitError(
            f"no column {', '.join(missing)}",
            where="screened patients",
            right="a column for each variable that the rules ask for; empty cells for what isn't "
            "recorded",
        )
    columns = {}
    for name in known:
        if name not in patients:
            continue
        variable, column = known[name], patients[name]
        if not variable.is_number:
            columns[name] = _codes(column, name, who, variable)
            continue
        unit = units.get(name, variable.unit)
        substance = getattr(variable, "substance", "")
        for each in (name, f"{name}ULN"):
            if each in patients:
                numbers = _numbers(patients[each], each, who)
                if unit != variable.unit:
                    numbers = pd.Series(
                        laboratory.convert(numbers, unit, variable.unit, substance=substance),
                        index=numbers.index,
                    )
                columns[each] = numbers
        _check_range(columns[name], name, who, variable)
        _check_limits(columns.get(f"{name}ULN"), name, who)
    table = pd.DataFrame(columns, index=patients.index)
    for name, derived in rules.derived.items():
        if name not in table and set(derived.inputs.values()) <= set(table):
            given = {key: table[each].to_numpy() for key, each in derived.inputs.items()}
            unit = rules.variables[derived.inputs["creatinine"]].unit
            table[name] = FORMULAS[derived.formula](**given, unit=unit)
    return table


def _where(wrong: pd.Series, name: str, who: pd.Index) -> str:
    return f"screened patient {who[int(np.argmax(wrong))]}, column {name}"


def _numbers(column: pd.Series, name: str, who: pd.Index) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    wrong = (numbers.isna() & column.notna()) | np.isinf(numbers)
    if wrong.any():
        raise KitError(
            f"given {column[wrong].iloc[0]!r}",
            where=_where(wrong, name, who),
            right="a number, or nothing where it isn't recorded",
        )
    return numbers


def _codes(column: pd.Series, name: str, who: pd.Index, variable: Variable) -> pd.Series:
    if variable.values and set(column.dropna().unique()) - set(variable.values):
        wrong = column.notna() & ~column.isin(list(variable.values))
        raise KitError(
            f"given {column[wrong].iloc[0]!r}",
            where=_where(wrong, name, who),
            right="one of " + ", ".join(variable.values) + ", or nothing where it isn't recorded",
        )
    return column.astype(object).where(column.notna(), None)


def _check_range(numbers: pd.Series, name: str, who: pd.Index, variable: Variable) -> None:
    least = -np.inf if variable.minimum is None else variable.minimum
    greatest = np.inf if variable.maximum is None else variable.maximum
    wrong = (numbers < least) | (numbers > greatest)
    if wrong.any():
        raise KitError(
            f"{numbers[wrong].iloc[0]:g} {variable.unit}".strip(),
            where=_where(wrong, name, who),
            right=f"from {least:g} to {greatest:g} {variable.unit}".strip(),
        )


def _check_limits(limits: pd.Series | None, name: str, who: pd.Index) -> None:
    if limits is not None and (limits <= 0).any():
        raise KitError(
            f"given {limits[limits <= 0].iloc[0]:g}",
            where=_where(limits <= 0, f"{name}ULN", who),
            right="a number above 0, or nothing for the rules' own limit",
        )


def _judge(
    each: Criterion,
    rules: Rules,
    known: Mapping[str, Variable],
    table: pd.DataFrame,
    decided: Mapping[str, Any],
) -> Judged:
    variable = known[each.variable]
    measured = table[each.variable].to_numpy()
    compared = measured
    if variable.is_number:
        compared = measured.astype(float)
        if each.unit == ULN != variable.unit:
            with np.errstate(divide="ignore", invalid="ignore"):
                compared = compared / upper_limit(rules, each.variable, table)
        elif each.unit != variable.unit:
            substance = getattr(variable, "substance", "")
            compared = laboratory.convert(compared, variable.unit, each.unit, substance=substance)
        compared = np.round(compared, 9)  # 1.5 times a limit is 1.5 times it, to the last bit
    unknown = pd.isna(compared)
    holds = pd.array(_COMPARE[each.comparison](compared, each.threshold), dtype="boolean")
    holds[unknown] = pd.NA
    return Judged(
        measured,
        compared,
        holds,
        decided.get(each.condition, pd.array([True] * len(table), dtype="boolean")),
        decided.get(each.waived_if, pd.array([False] * len(table), dtype="boolean")),
    )


def _decided(text: str, known: Mapping[str, Variable], table: pd.DataFrame) -> Any:
    """Say of whom a query is true, false, or, where something isn't recorded, neither."""
    yes = query.parse(text, known).mask(table).to_numpy()
    no = query.parse(f"not ({text})", known).mask(table).to_numpy()
    found = pd.array(yes, dtype="boolean")
    found[~yes & ~no] = pd.NA
    return found


def upper_limit(rules: Rules, variable: str, patients: pd.DataFrame) -> Floats:
    """Return each patient's upper limit of normal.

    Parameters
    ----------
    rules : Rules
        With `Rules.upper_limits`.
    variable : str
        Of what.
    patients : pandas.DataFrame
        One row per patient, in the units of the rules' variables; a column that adds ``ULN`` to
        the variable's name goes before the limits of the rules, where it is filled.

    Returns
    -------
    numpy.ndarray of float
        In the variable's unit; nan where it isn't known.

    Raises
    ------
    KitError
        If the rules have none for it.
    """
    if variable not in rules.upper_limits:
        right = ", ".join(rules.upper_limits) or "(there is none)"
        raise KitError(f"no upper limit of normal for {variable!r}", right=right)
    limit = rules.upper_limits[variable]
    if limit.by:
        found = patients[limit.by].map(limit.limits).to_numpy(float)
    else:
        found = np.full(len(patients), float(limit.limit or np.nan))
    own = f"{variable}ULN"
    if own in patients:
        theirs = patients[own].to_numpy(float)
        found = np.where(np.isnan(theirs), found, theirs)
    return np.asarray(found, dtype=float)


def reasons(found: Evaluation, *, passed: bool = False) -> pd.DataFrame:
    """Say for each patient and criterion what came out and why.

    Parameters
    ----------
    found : Evaluation
        The evaluation.
    passed : bool, optional
        Whether to tell of criteria that were passed, too.

    Returns
    -------
    pandas.DataFrame
        A row per patient and criterion, patients in their order: ``patient``, ``criterion``,
        ``kind``, ``outcome`` (one of `OUTCOMES`), ``reason``.
    """
    rows = []
    known = found.rules.known
    state = found.passes.to_numpy(dtype=object)
    for row, patient in enumerate(found.patients):
        for column, each in enumerate(found.rules.criteria):
            value = state[row, column]
            outcome = OUTCOMES[2] if pd.isna(value) else OUTCOMES[0 if value else 1]
            if outcome != OUTCOMES[0] or passed:
                why = _reason(each, found.judged[each.id], known[each.variable], row)
                rows.append((patient, each.id, each.kind, outcome, why))
    return pd.DataFrame(rows, columns=["patient", "criterion", "kind", "outcome", "reason"])


def _reason(each: Criterion, found: Judged, variable: Variable, row: int) -> str:
    holds, applies, waived = (part[row] for part in (found.holds, found.applies, found.waived))
    if applies is not pd.NA and not applies:
        return f"{each.label}: does not concern the patient, only {each.condition}"
    told = _told(each, found, variable, row)
    if holds is pd.NA or (holds if each.kind == "inclusion" else not holds):
        return told
    if applies is pd.NA:
        return f"{told}; whether it concerns the patient ({each.condition}) is not recorded"
    if each.waived_if and waived is pd.NA:
        return f"{told}; whether that is waived ({each.waived_if}) is not recorded"
    return f"{told}; waived ({each.waived_if})" if waived else told


def _told(each: Criterion, found: Judged, variable: Variable, row: int) -> str:
    """Say what was measured and asked."""
    value = found.measured[row]
    if pd.isna(value):
        return f"{each.label}: not recorded"
    if not variable.is_number:
        return f"{variable.label}: {variable.values.get(value, value)}"
    text = f"{each.label} {amount(float(value), variable.unit)}"
    if each.unit != variable.unit:
        compared = found.compared[row]
        if pd.isna(compared):
            return f"{text}, upper limit of normal not known"
        text += f", {amount(float(compared), each.unit)}"
    return f"{text}; {'asked' if each.kind == 'inclusion' else 'excluded'}: {asked(each)}"


def restrictiveness(found: Evaluation) -> pd.DataFrame:
    """Count how many patients each criterion keeps out: alone, beside the others, in sequence.

    Parameters
    ----------
    found : Evaluation
        The evaluation.

    Returns
    -------
    pandas.DataFrame
        A row per criterion, indexed by its id, in order; patients:

        - ``kind``, ``rule``: what it asks;
        - ``passes``, ``fails``, ``undecided``: by this criterion alone, they add up to all;
        - ``eligible_without``: who would be eligible if it were not asked;
        - ``only_this``: how many more these are than the eligible: whom nothing else keeps out;
        - ``leaving``, ``leaving_undecided``: who goes here when the criteria are put one after
          the other, as failing it or as undecided, and
        - ``remaining``: who is left then. The last row's are the eligible.
    """
    state = found.passes
    passes = state.fillna(False).astype(bool).to_numpy()
    unknown = state.isna().to_numpy()
    eligible = int(passes.all(axis=1).sum())
    # Who is kept out by nothing else: at most one criterion isn't passed, and it is this one.
    missed = (~passes).sum(axis=1)
    remaining = np.ones(len(state), dtype=bool)
    rows = {}
    for place, each in enumerate(found.rules.criteria):
        fine, open_ = passes[:, place], unknown[:, place]
        only = int(((missed == 1) & ~fine).sum())
        rows[each.id] = {
            "kind": each.kind,
            "rule": words(found.rules, each.id),
            "passes": int(fine.sum()),
            "fails": int((~fine & ~open_).sum()),
            "undecided": int(open_.sum()),
            "eligible_without": eligible + only,
            "only_this": only,
            "leaving": int((remaining & ~fine & ~open_).sum()),
            "leaving_undecided": int((remaining & open_).sum()),
        }
        remaining &= fine
        rows[each.id]["remaining"] = int(remaining.sum())
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("criterion")


def dispositions(found: Evaluation, *, places: int | None = None) -> pd.DataFrame:
    """Say of each patient where in a flow diagram they end, and why.

    Parameters
    ----------
    found : Evaluation
        The evaluation.
    places : int, optional
        How many can be enrolled; the first of the eligible are, in the table's order.

    Returns
    -------
    pandas.DataFrame
        A row per patient: ``patient``; ``status``, one of `STATUS`, or ``eligible``, or with
        `places` ``enrolled`` or ``no place left``; ``criterion``, the id of the first criterion
        that kept them out, missing where none did. An inclusion criterion goes before an
        exclusion criterion, and a failed one before one that can't be decided.

    Raises
    ------
    KitError
        If `places` is negative.
    """
    if places is not None and places < 0:
        raise KitError(f"given {places}", where="places", right="0 or more")
    failed = (found.passes == False).fillna(False).to_numpy(dtype=bool)  # noqa: E712
    inclusion = np.array([each.kind == "inclusion" for each in found.rules.criteria])
    ids = np.array([each.id for each in found.rules.criteria], dtype=object)
    status = np.full(len(failed), _ELIGIBLE, dtype=object)
    criterion = np.full(len(failed), None, dtype=object)
    unknown = found.passes.isna().to_numpy()
    for word, out in zip(STATUS, (failed & inclusion, failed & ~inclusion, unknown), strict=True):
        here = out.any(axis=1) & (status == _ELIGIBLE)
        status[here] = word
        criterion[here] = ids[np.argmax(out[here], axis=1)]
    if places is not None:
        eligible = np.flatnonzero(status == _ELIGIBLE)
        status[eligible[:places]], status[eligible[places:]] = _ENROLLED, _NO_PLACE
    return pd.DataFrame(
        {"patient": found.patients, "status": status, "criterion": criterion},
        index=found.passes.index,
    )


def consort(found: Evaluation, *, places: int | None = None) -> list[Step]:
    """Count the patients for a flow diagram.

    Parameters
    ----------
    found : Evaluation
        The evaluation.
    places : int, optional
        As `dispositions` takes it.

    Returns
    -------
    list of Step
        Assessed; those who leave for an inclusion criterion, for an exclusion criterion and
        because it can't be decided; eligible; with `places` those for whom there was none, and
        the enrolled. Each patient leaves once, for the reason that `dispositions` gives, so that
        reasons add up to their box.

    Raises
    ------
    KitError
        If `places` is negative.

    References
    ----------
    Schulz KF, Altman DG, Moher D. CONSORT 2010 statement. BMJ 2010;340:c332.
    """
    table = dispositions(found, places=places)
    counts = table.groupby(["status", "criterion"]).size()
    n = table["status"].value_counts()
    steps = [Step("Assessed for eligibility", len(table))]
    for word in STATUS:
        why = tuple(
            (_keeps_out(found.rules, each), int(counts[word, each.id]))
            for each in found.rules.criteria
            if (word, each.id) in counts.index
        )
        steps.append(Step(_capital(word), int(n.get(word, 0)), leaves=True, reasons=why))
    eligible = int(sum(n.get(word, 0) for word in (_ELIGIBLE, _ENROLLED, _NO_PLACE)))
    steps.append(Step(_capital(_ELIGIBLE), eligible))
    if places is not None:
        steps.append(Step(_capital(_NO_PLACE), int(n.get(_NO_PLACE, 0)), leaves=True))
        steps.append(Step(_capital(_ENROLLED), int(n.get(_ENROLLED, 0))))
    return steps


def _keeps_out(rules: Rules, each: Criterion) -> str:
    return words(rules, each.id) if each.kind == "inclusion" else each.label


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
