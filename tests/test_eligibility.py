"""Eligibility rules: each criterion at its threshold, what isn't known, and what each costs."""

import os
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import catalogue, eligibility, laboratory, screening
from helpers.errors import DataError, KitError

DATA = Path(__file__).parents[1] / "data"
PAPER = "nct06991920"
RULES = eligibility.load(PAPER)
properties = settings(deadline=None, max_examples=40)

# A man whom nothing keeps out, his liver and kidneys far below the limits.
FINE = {
    **{"AGE": 40, "SEX": "M", "WEIGHT": 70, "ECOG": 1, "BILI": 10, "AST": 20, "ALT": 20},
    **{"CREAT": 70, "MYOENZ": 1, "AMYLASE": 60, "LVEF": 60, "DIAGFL": "Y", "CONSFL": "Y"},
    **dict.fromkeys(["LKHXFL", "LKLEUKFL", "MALIGFL", "HEPFL", "PANCFL", "KIDNFL"], "N"),
    **dict.fromkeys(["SERIFL", "PREGFL", "HIVFL", "MENTFL", "UNSUITFL"], "N"),
}
UNKNOWN = None
PASSES, FAILS, OPEN = True, False, pd.NA


def table(*patients):
    return pd.DataFrame([FINE | each for each in patients or ({},)])


def one(**changes):
    """Return what each criterion says of the man, if something about him were otherwise."""
    return eligibility.evaluate(RULES, table(changes)).passes.iloc[0]


def test_a_patient_whom_nothing_keeps_out():
    found = eligibility.evaluate(RULES, table())
    assert found.passes.iloc[0].all()
    assert found.verdict.tolist() == ["eligible"]
    assert eligibility.reasons(found).empty


CASES = [
    ("diagnosis", {"DIAGFL": "N"}, FAILS),
    ("diagnosis", {"DIAGFL": UNKNOWN}, OPEN),
    ("age", {"AGE": 13}, FAILS),
    ("age", {"AGE": 14}, PASSES),
    ("age", {"AGE": 109}, PASSES),
    ("ecog", {"ECOG": 2}, PASSES),
    ("ecog", {"ECOG": 3}, FAILS),
    ("ecog", {"ECOG": UNKNOWN}, OPEN),
    # Limits of normal: 26 µmol/L in men and 21 in women, of which 1.5 times is just too much.
    ("bilirubin", {"BILI": 38.9}, PASSES),
    ("bilirubin", {"BILI": 39.0}, FAILS),
    ("bilirubin", {"BILI": 31.6, "SEX": "F"}, FAILS),
    ("bilirubin", {"BILI": 31.4, "SEX": "F"}, PASSES),
    ("bilirubin", {"BILI": 31.4, "SEX": UNKNOWN}, OPEN),
    # Up to and including 2.5 times 40 and 50 U/L.
    ("ast", {"AST": 100}, PASSES),
    ("ast", {"AST": 100.5}, FAILS),
    ("alt", {"ALT": 125}, PASSES),
    ("alt", {"ALT": 126}, FAILS),
    ("alt", {"ALT": 100, "SEX": "F"}, PASSES),
    ("creatinine", {"CREAT": 145.4}, PASSES),
    ("creatinine", {"CREAT": 145.5}, FAILS),
    ("creatinine", {"CREAT": 109.5, "SEX": "F"}, FAILS),
    ("myocardial_enzymes", {"MYOENZ": 1.99}, PASSES),
    ("myocardial_enzymes", {"MYOENZ": 2}, FAILS),
    ("amylase", {"AMYLASE": 202.5}, PASSES),
    ("amylase", {"AMYLASE": 202.6}, FAILS),
    ("lvef", {"LVEF": 50}, FAILS),
    ("lvef", {"LVEF": 51}, PASSES),
    ("consent", {"CONSFL": "N"}, FAILS),
    ("other_malignancy", {"MALIGFL": "Y"}, FAILS),
    ("hepatitis", {"HEPFL": "Y"}, FAILS),
    ("hepatitis", {"HEPFL": UNKNOWN}, OPEN),
    ("pancreatic_disease", {"PANCFL": "Y"}, FAILS),
    ("kidney_disease", {"KIDNFL": "Y"}, FAILS),
    ("other_serious_disease", {"SERIFL": "Y"}, FAILS),
    # Pregnancy concerns women only.
    ("pregnancy", {"PREGFL": UNKNOWN}, PASSES),
    ("pregnancy", {"SEX": "F", "PREGFL": UNKNOWN}, OPEN),
    ("pregnancy", {"SEX": "F", "PREGFL": "Y"}, FAILS),
    ("pregnancy", {"SEX": UNKNOWN, "PREGFL": UNKNOWN}, OPEN),
    ("pregnancy", {"SEX": UNKNOWN, "PREGFL": "N"}, PASSES),
    ("hiv", {"HIVFL": "Y"}, FAILS),
    ("mental_disorder", {"MENTFL": "Y"}, FAILS),
    ("unsuitable", {"UNSUITFL": "Y"}, FAILS),
    # The investigator's waiver: no earlier disease, the leukaemia as the cause.
    ("bilirubin", {"BILI": 90, "LKLEUKFL": "Y"}, PASSES),
    ("bilirubin", {"BILI": 90, "LKLEUKFL": "Y", "LKHXFL": "Y"}, FAILS),
    ("bilirubin", {"BILI": 90, "LKLEUKFL": UNKNOWN}, OPEN),
    ("bilirubin", {"BILI": 90, "LKLEUKFL": UNKNOWN, "LKHXFL": "Y"}, FAILS),
    ("bilirubin", {"BILI": UNKNOWN, "LKLEUKFL": "Y"}, OPEN),
    ("creatinine", {"CREAT": 300, "LKLEUKFL": "Y"}, PASSES),
    ("lvef", {"LVEF": 40, "LKLEUKFL": "Y"}, FAILS),
]


@pytest.mark.parametrize(("criterion", "changes", "expected"), CASES)
def test_a_criterion_at_its_threshold(criterion, changes, expected):
    found = one(**changes)
    assert found[criterion] is expected or found[criterion] == expected
    others = found.drop(
        ["bilirubin", "ast", "alt", "creatinine", "pregnancy", criterion], errors="ignore"
    )
    assert others.all()


def test_each_criterion_is_tried():
    assert {criterion for criterion, *_ in CASES} == {each.id for each in RULES.criteria}


def test_verdicts():
    found = eligibility.evaluate(
        RULES, table({}, {"AGE": 13}, {"ECOG": None}, {"AGE": 13, "ECOG": None})
    )
    assert found.verdict.tolist() == [
        "eligible",
        "not eligible",
        "can't be decided",
        "not eligible",
    ]
    assert found.eligible.tolist() == [True, False, False, False]


# --- the record ----------------------------------------------------------------------------------


def test_every_threshold_that_the_record_prints_is_a_rule():
    printed = {each.id for each in catalogue.published(PAPER) if each.id.startswith("elig_")}
    used = {each.published for each in RULES.criteria} - {""}
    assert printed - used == {"elig_who_edition"}  # part of a judgement


def test_the_words_stand_on_their_lines_of_the_record():
    """Without the texts at hand there is nothing to compare."""
    assert all(each.printed and each.line for each in RULES.criteria)
    folder = os.environ.get("TRIAL_TEXTS")
    if not folder:
        return
    text = next(Path(folder).glob("001*")).read_text(encoding="utf-8")
    inclusion, exclusion = text.split("Inclusion Criteria")[1].split("Exclusion Criteria")
    lists = {
        kind: [catalogue.one_spaced(line) for line in part.split("•")[1:]]
        for kind, part in {"inclusion": inclusion, "exclusion": exclusion}.items()
    }
    missing = [
        each.id
        for each in RULES.criteria
        if catalogue.one_spaced(each.printed) not in lists[each.kind][each.line - 1]
    ]
    assert missing == []
    # And no line is left out.
    for kind, lines in lists.items():
        used = {each.line for each in RULES.criteria if each.kind == kind}
        assert used == set(range(1, len(lines) + 1))


def test_rules_in_words():
    told = eligibility.describe(RULES).set_index("criterion")
    assert told.loc["age", "rule"] == "age ≥ 14 years"
    assert told.loc["bilirubin", "rule"] == "total bilirubin < 1.5 × ULN"
    assert told.loc["lvef", "rule"] == "left ventricular ejection fraction > 50 %"
    assert told.loc["hiv", "rule"] == "not: anti-HIV positive"
    assert told.loc["pregnancy", "concerns"] == "SEX == 'F'"
    assert told.loc["lvef", "line"] == "inclusion, 4"
    assert (told.index == [each.id for each in RULES.criteria]).all()


def test_limits_of_normal_in_words():
    told = eligibility.describe_limits(RULES).set_index(["variable", "whose"])
    assert told.loc[("total bilirubin", "female"), "limit"] == "21 µmol/L"
    assert told.loc[("serum amylase", ""), "limit"] == "135 U/L"
    assert told["source"].str.startswith("WS/T 404").all()
    assert len(told) == sum(len(each.limits) or 1 for each in RULES.upper_limits.values())


# --- reasons -------------------------------------------------------------------------------------

REASONS = [
    ({"AGE": 12}, "age", "fails", "age 12 years; asked: ≥ 14 years"),
    ({"ECOG": None}, "ecog", "can't be decided", "ECOG performance status: not recorded"),
    (
        {"BILI": 52},
        "bilirubin",
        "fails",
        "total bilirubin 52 µmol/L, 2 × ULN; asked: < 1.5 × ULN",
    ),
    (
        {"BILI": 52, "LKLEUKFL": "Y"},
        "bilirubin",
        "passes",
        "total bilirubin 52 µmol/L, 2 × ULN; asked: < 1.5 × ULN; "
        "waived (LKHXFL == 'N' and LKLEUKFL == 'Y')",
    ),
    (
        {"BILI": 52, "LKLEUKFL": None},
        "bilirubin",
        "can't be decided",
        "total bilirubin 52 µmol/L, 2 × ULN; asked: < 1.5 × ULN; "
        "whether that is waived (LKHXFL == 'N' and LKLEUKFL == 'Y') is not recorded",
    ),
    (
        {"SEX": None},
        "bilirubin",
        "can't be decided",
        "total bilirubin 10 µmol/L, upper limit of normal not known",
    ),
    ({"HEPFL": "Y"}, "hepatitis", "fails", "acute or chronic hepatitis: yes"),
    (
        {},
        "pregnancy",
        "passes",
        "pregnant or lactating: does not concern the patient, only SEX == 'F'",
    ),
    (
        {"SEX": None, "PREGFL": "Y"},
        "pregnancy",
        "can't be decided",
        "pregnant or lactating: yes; whether it concerns the patient (SEX == 'F') is not recorded",
    ),
]


@pytest.mark.parametrize(("changes", "criterion", "outcome", "reason"), REASONS)
def test_reasons(changes, criterion, outcome, reason):
    patients = table(changes).assign(USUBJID="x1")
    found = eligibility.evaluate(RULES, patients)
    every = eligibility.reasons(found, passed=True)
    assert len(every) == len(RULES.criteria)
    row = every.set_index("criterion").loc[criterion]
    assert (row["patient"], row["outcome"], row["reason"]) == ("x1", outcome, reason)
    told = eligibility.reasons(found)
    assert (criterion in told["criterion"].tolist()) == (outcome != "passes")


# --- units ---------------------------------------------------------------------------------------


def test_the_same_patients_in_other_units():
    make_up = screening.load(PAPER)
    patients = screening.population(make_up, RULES.variables, size=400, seed=3)
    found = eligibility.evaluate(RULES, patients)
    american = patients.assign(BILI=patients["BILI"] / 17.1040, CREAT=patients["CREAT"] / 88.4017)
    other = eligibility.evaluate(RULES, american, units={"BILI": "mg/dL", "CREAT": "mg/dL"})
    pd.testing.assert_frame_equal(found.passes, other.passes)
    unconverted = eligibility.evaluate(RULES, american)
    assert unconverted.passes["bilirubin"].sum() > found.passes["bilirubin"].sum()


def test_a_patients_own_limit_goes_before_the_rules():
    patients = table({"ALT": 100}, {"ALT": 100}, {"ALT": 100}).assign(ALTULN=[30, 60, None])
    found = eligibility.evaluate(RULES, patients)
    assert found.passes["alt"].tolist() == [False, True, True]
    assert eligibility.upper_limit(RULES, "ALT", patients).tolist() == [30, 60, 50]
    per_decilitre = table({"BILI": 2.0}).assign(BILIULN=1.2)
    found = eligibility.evaluate(RULES, per_decilitre, units={"BILI": "mg/dL"})
    assert not found.passes["bilirubin"].any()


@pytest.mark.parametrize(
    ("value", "unit", "to", "substance", "expected"),
    [
        (1.0, "mg/dL", "µmol/L", "bilirubin", 17.10),
        (17.1, "µmol/L", "mg/dL", "bilirubin", 1.0),
        (1.0, "mg/dL", "µmol/L", "creatinine", 88.4),
        (0.0884, "mmol/L", "mg/dL", "creatinine", 1.0),
        (10.0, "mg/L", "mg/dL", "", 1.0),
        (5.0, "μmol/L", "µmol/L", "", 5.0),  # the letter mu, and the sign for micro
    ],
)
def test_conversions(value, unit, to, substance, expected):
    found = laboratory.convert(value, unit, to, substance=substance)
    assert found == pytest.approx(expected, rel=1e-3)
    back = laboratory.convert(found, to, unit, substance=substance)
    assert back == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("unit", "to", "substance"),
    [("mg/dL", "µmol/L", ""), ("mg/dL", "µmol/L", "iron"), ("mg/dL", "U/L", "bilirubin")],
)
def test_there_is_no_way_from_some_units_to_others(unit, to, substance):
    with pytest.raises(KitError, match="right would be"):
        laboratory.convert(1.0, unit, to, substance=substance)


def test_creatinine_clearance():
    """By hand: (140 - 50) × 80 / (72 × 1.25) is 80 in a man, and 0.85 times that in a woman."""
    found = laboratory.cockcroft_gault(
        age=50,
        weight=80,
        creatinine=[1.25, 1.25, np.nan, 0],
        sex=["M", "F", "M", "M"],
        unit="mg/dL",
    )
    assert found[:2].tolist() == pytest.approx([80, 68])
    assert np.isnan(found[2:]).all()
    assert np.isnan(laboratory.cockcroft_gault(age=50, weight=80, creatinine=90, sex=[None])).all()
    molar = laboratory.cockcroft_gault(age=50, weight=80, creatinine=110.5, sex=["M"])
    assert molar == pytest.approx(80, rel=1e-3)


def test_clearance_in_the_place_of_creatinine():
    clearance = eligibility.Criterion(
        id="clearance",
        label="creatinine clearance",
        kind="inclusion",
        variable="CRCL",
        comparison=">=",
        threshold=60,
        unit="mL/min",
    )
    change = eligibility.exchanged(RULES, "creatinine", clearance)
    assert change.sentence == (
        "Creatinine clearance ≥ 60 mL/min is asked, too; "
        "serum creatinine < 1.5 × ULN is no longer asked."
    )
    patients = table({"AGE": 80, "CREAT": 100}, {}, {"WEIGHT": None})
    found = eligibility.evaluate(change.rules, patients)
    assert found.passes["clearance"].tolist() == [False, True, pd.NA]
    measured = eligibility.evaluate(change.rules, patients.assign(CRCL=[90, 50, 61]))
    assert measured.passes["clearance"].tolist() == [True, False, True]


# --- what isn't known ----------------------------------------------------------------------------


@properties
@given(st.integers(0, 10_000), st.integers(0, 2**32 - 1))
def test_what_is_not_recorded_never_decides(seed, chance):
    """Taking cells away leaves each answer as it is, or makes it unknown: never another one."""
    patients = screening.population(screening.load(PAPER), RULES.variables, size=30, seed=seed)
    gone = np.random.default_rng(chance).random(patients.shape) < 0.2
    gone[:, 0] = False
    fewer = patients.mask(pd.DataFrame(gone, columns=patients.columns))
    before = eligibility.evaluate(RULES, patients).passes
    after = eligibility.evaluate(RULES, fewer).passes
    assert (after.isna() | (after == before)).fillna(False).all(axis=None)
    assert after.isna().sum().sum() >= before.isna().sum().sum()


def test_nothing_known_decides_nothing():
    nothing = pd.DataFrame({name: [None] for name in RULES.variables})
    found = eligibility.evaluate(RULES, nothing)
    assert found.passes.isna().all(axis=None)
    assert found.verdict.tolist() == ["can't be decided"]


def test_an_empty_table():
    found = eligibility.evaluate(RULES, table().iloc[:0])
    assert found.verdict.empty
    assert eligibility.restrictiveness(found)["passes"].sum() == 0
    assert [step.n for step in eligibility.consort(found)] == [0] * 5


WRONG_TABLES = [
    (lambda: table().drop(columns="ECOG"), "no column ECOG"),
    (lambda: table({"AGE": "old"}), "column AGE: given 'old'; right would be: a number"),
    (lambda: table({"AGE": 400}), "column AGE: 400 years; right would be: from 0 to 110 years"),
    (
        lambda: table({}, {"SEX": "X"}),
        "patient 1, column SEX: given 'X'; right would be: one of M, F",
    ),
    (lambda: table({"BILI": np.inf}), "column BILI"),
    (lambda: table().assign(ALTULN=0), "column ALTULN: given 0"),
]


@pytest.mark.parametrize(("patients", "told"), WRONG_TABLES)
def test_a_table_that_cannot_be_used(patients, told):
    with pytest.raises(KitError, match=told):
        eligibility.evaluate(RULES, patients())


def test_patients_are_named_as_they_are():
    patients = table({}, {"AGE": 5000}).assign(USUBJID=["a", "b"])
    with pytest.raises(KitError, match="screened patient b, column AGE"):
        eligibility.evaluate(RULES, patients)
    twice = table({}, {"AGE": 2}).set_axis([7, 7])
    found = eligibility.evaluate(RULES, twice)
    assert found.verdict.index.tolist() == [7, 7]
    assert found.verdict.tolist() == ["eligible", "not eligible"]


# --- changes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("thresholds", "sentence"),
    [
        ({"age": 18}, "Age ≥ 18 years instead of ≥ 14 years (stricter)."),
        ({"ecog": 3}, "ECOG performance status ≤ 3 instead of ≤ 2 (looser)."),
        (
            {"bilirubin": 3, "lvef": 45},
            "Total bilirubin < 3 × ULN instead of < 1.5 × ULN (looser); left ventricular ejection "
            "fraction > 45 % instead of > 50 % (looser).",
        ),
        ({"hiv": None}, "Anti-HIV positive no longer excludes."),
        ({"amylase": None}, "Serum amylase ≤ 1.5 × ULN is no longer asked."),
        ({"age": 14}, "Nothing is changed."),
        ({}, "Nothing is changed."),
    ],
)
def test_a_change_says_what_it_changed(thresholds, sentence):
    change = eligibility.changed(RULES, thresholds)
    assert change.sentence == sentence
    for id, threshold in thresholds.items():
        if threshold is not None:
            assert change.rules[id].threshold == threshold
        else:
            assert id not in {each.id for each in change.rules.criteria}
    assert RULES["age"].threshold == 14
    assert eligibility.load(PAPER) == RULES


def test_a_looser_rule_lets_more_in():
    patients = screening.population(screening.load(PAPER), RULES.variables, size=500, seed=9)
    entering = [
        int(eligibility.evaluate(eligibility.changed(RULES, new).rules, patients).eligible.sum())
        for new in ({"ecog": 0}, {"ecog": 1}, {}, {"ecog": 4}, {"ecog": None})
    ]
    assert entering == sorted(entering)
    assert entering[0] < entering[2] < entering[4]


@pytest.mark.parametrize(
    ("thresholds", "told"),
    [
        ({"aeg": 18}, r"no criterion 'aeg' \(did you mean age\?\)"),
        ({"age": 90}, "given 90 years; right would be: from 0 years to 75 years"),
        ({"age": "old"}, "criterion 'age', threshold: given 'old'"),
        ({"hiv": "maybe"}, "never 'maybe'"),
        ({each.id: None for each in RULES.criteria}, "no criterion is left"),
    ],
)
def test_a_change_that_cannot_be_made(thresholds, told):
    with pytest.raises(KitError, match=told):
        eligibility.changed(RULES, thresholds)


# --- counting ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def screened():
    patients = screening.population(screening.load(PAPER), RULES.variables, size=600, seed=5)
    return patients, eligibility.evaluate(RULES, patients)


def eligible_under(criteria, patients):
    rules = RULES.model_copy(update={"criteria": tuple(criteria)})
    return int(eligibility.evaluate(rules, patients).eligible.sum())


def test_how_restrictive_each_criterion_is(screened):
    """Against the same rules without it, with it alone, and with those up to it."""
    patients, found = screened
    table = eligibility.restrictiveness(found)
    everything = int(found.eligible.sum())
    for place, each in enumerate(RULES.criteria):
        row = table.loc[each.id]
        others = [other for other in RULES.criteria if other is not each]
        assert row["eligible_without"] == eligible_under(others, patients)
        assert row["only_this"] == row["eligible_without"] - everything
        assert row["passes"] == eligible_under([each], patients)
        assert row["remaining"] == eligible_under(RULES.criteria[: place + 1], patients)
        assert row[["passes", "fails", "undecided"]].sum() == len(patients)
    gone = table[["leaving", "leaving_undecided"]].sum(axis=1)
    assert (len(patients) - gone.cumsum() == table["remaining"]).all()
    assert table["remaining"].iloc[-1] == everything
    assert (table["only_this"] > 0).sum() > 10


def test_a_flow_diagram_adds_up(screened):
    patients, found = screened
    steps = eligibility.consort(found, places=50)
    assert [step.label for step in steps] == [
        "Assessed for eligibility",
        "Inclusion criterion not met",
        "Exclusion criterion met",
        "Could not be decided",
        "Eligible",
        "No place left",
        "Enrolled",
    ]
    assessed, inclusion, exclusion, undecided, eligible, no_place, enrolled = steps
    for step in (inclusion, exclusion, undecided):
        assert step.leaves
        assert step.n == sum(n for _, n in step.reasons) > 0
    assert assessed.n == len(patients)
    assert eligible.n == assessed.n - inclusion.n - exclusion.n - undecided.n
    assert eligible.n == no_place.n + enrolled.n == found.eligible.sum()
    assert enrolled.n == 50
    verdicts = found.verdict.value_counts()
    assert verdicts["not eligible"] == inclusion.n + exclusion.n
    assert verdicts["can't be decided"] == undecided.n
    assert [step.n for step in eligibility.consort(found)] == [step.n for step in steps[:5]]


def test_each_patient_leaves_once_for_the_first_reason():
    patients = table(
        {"AGE": 2, "ECOG": 4, "HIVFL": "Y"}, {"HIVFL": "Y", "ECOG": None}, {"LVEF": None}, {}, {}
    )
    found = eligibility.evaluate(RULES, patients)
    told = eligibility.dispositions(found, places=1)
    assert told["status"].tolist() == [*eligibility.STATUS, "enrolled", "no place left"]
    assert told["criterion"].tolist() == ["age", "hiv", "lvef", None, None]
    steps = {step.label: step.reasons for step in eligibility.consort(found)}
    assert steps["Inclusion criterion not met"] == (("age ≥ 14 years", 1),)
    assert steps["Exclusion criterion met"] == (("anti-HIV positive", 1),)
    with pytest.raises(KitError, match="places: given -1"):
        eligibility.dispositions(found, places=-1)


# --- files with faults ---------------------------------------------------------------------------

CONTENT = tomllib.loads((DATA / PAPER / "eligibility.toml").read_text(encoding="utf-8"))


def faulty(place, **fields):
    criteria = [dict(each) for each in CONTENT["criteria"]]
    criteria[place] |= fields
    return CONTENT | {"criteria": criteria}


FAULTS = {
    "unknown variable": (faulty(1, variable="AEG"), "criterion 'age', variable: .*mean AGE"),
    "unknown comparison": (faulty(1, comparison="=>"), "criterion 'age', comparison"),
    "threshold of a number": (faulty(1, threshold="Y"), "criterion 'age', threshold: given 'Y'"),
    "threshold of a code": (faulty(0, threshold=1), "criterion 'diagnosis', threshold"),
    "code that is none": (
        faulty(0, threshold="P"),
        "criterion .diagnosis., threshold: DIAGFL is never 'P'; right would be: Y, N",
    ),
    "order of codes": (faulty(0, comparison="<"), "criterion 'diagnosis', comparison: .*no order"),
    "unit": (faulty(1, unit="months"), "criterion 'age', unit: no way from 'years' to 'months'"),
    "no limit": (faulty(1, unit="×ULN"), "criterion 'age', unit: AGE has no upper limit"),
    "condition": (faulty(16, condition="SEX = 'F'"), "criterion 'pregnancy', condition"),
    "waiver": (faulty(3, waived_if="NOPE == 'Y'"), "criterion 'bilirubin', waived_if: no variable"),
    "range": (faulty(1, range=[5, 5, 1]), "criterion 'age', range"),
    "twice": (faulty(1, id="ecog"), "criterion 'ecog': it stands there 2 times"),
    "unknown field": (faulty(1, treshold=3), "criterion 'age', treshold"),
    "long quotation": (faulty(1, printed="x" * 161), "criterion 'age', printed"),
    "none": (CONTENT | {"criteria": []}, "criteria"),
    "limit of nothing": (
        CONTENT | {"upper_limits": {"HIV": {"limit": 3, "source": ""}}},
        "upper_limits.HIV: no variable",
    ),
    "limits of some": (
        CONTENT | {"upper_limits": {"ALT": {"by": "SEX", "limits": {"M": 5}, "source": ""}}},
        "upper_limits.ALT: limits for M of 'SEX'; right would be: M, F",
    ),
    "two limits": (
        CONTENT
        | {
            "upper_limits": {
                "ALT": {"limit": 4, "by": "SEX", "limits": {"M": 5, "F": 4}, "source": ""}
            }
        },
        "upper_limits.ALT: right would be: a limit for everybody, or limits with by",
    ),
    "inputs": (
        CONTENT
        | {
            "derived": {"CRCL": {"label": "", "formula": "cockcroft_gault", "inputs": {"age": "A"}}}
        },
        "derived.CRCL, inputs: age; right would be: age, weight, creatinine, sex",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_with_its_place(name):
    content, told = FAULTS[name]
    with pytest.raises(DataError, match=f"^eligibility rules, {told}|\neligibility rules, {told}"):
        eligibility.checked(content)


def test_all_faults_are_told_at_once():
    content = faulty(1, variable="AEG")
    content["criteria"][2]["threshold"] = "Y"
    with pytest.raises(DataError) as told:
        eligibility.checked(content)
    assert len(str(told.value).splitlines()) == 2


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    folder = tmp_path / "data" / PAPER
    folder.mkdir(parents=True)
    for file in (DATA / PAPER).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    return folder / "eligibility.toml"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("threshold = 14", "threshold = 18", "right would be: 14, as elig_age has it"),
        ('"elig_age"', '"elig_aeg"', "no published number 'elig_aeg'"),
        ('kind = "inclusion"', "kind = inclusion", "not valid TOML"),
    ],
)
def test_a_file_that_does_not_fit_the_record(elsewhere, old, new, told):
    elsewhere.write_text(elsewhere.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match=f"data/{PAPER}/eligibility.toml.*{told}"):
        eligibility.load(PAPER)


def test_a_paper_without_rules():
    with pytest.raises(DataError, match="no eligibility rules"):
        eligibility.load("alal_nos")
