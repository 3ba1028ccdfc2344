"""Published numbers are recomputed from finished cohorts as R does it, and a wrong day is seen."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import Table, parquet

from helpers import audit, catalogue
from helpers.errors import KitError
from helpers.reconstruct import ensemble, verification
from helpers.reconstruct.verification import broken, met, missed, proof, satisfied, verify

ORACLE = json.loads(
    Path(__file__).with_name("oracles").joinpath("verification.json").read_text(encoding="utf-8")
)
MONTH = 30.4375
PAPERS = ("hma_ldac", "mini_hcvd", "vah")
STORED = [paper for paper in PAPERS if ensemble.file(paper).is_file()]

PAPER = """id = "made"
title = "A made-up trial"
short_title = "Made up"
kind = "article"
citation = "Nowhere 2024"

[variables]
ARM = { label = "arm", type = "category", source = "", values = { A = "a", B = "b" } }
AGE = { label = "age", type = "integer", source = "Table 1", minimum = 18, maximum = 90 }
CRCFL = { label = "CRc", type = "category", source = "", values = { Y = "yes", N = "no" } }
D30FL = { label = "died early", type = "category", source = "", values = { Y = "", N = "" } }
RASH = { label = "rash", type = "integer", source = "Table 2", minimum = 0, maximum = 5 }

[variables.RISK]
label = "risk"
type = "category"
source = ""
values = { low = "low", medium = "medium", high = "high" }

[variables.MRDFL]
label = "MRD negative"
type = "category"
source = ""
values = { Y = "yes", N = "no" }
only_if = "CRCFL == 'Y'"

[groups]
all = ""
a = "ARM == 'A'"
b = "ARM == 'B'"
crc = "CRCFL == 'Y'"
crc_a = "CRCFL == 'Y' and ARM == 'A'"
crc_b = "CRCFL == 'Y' and ARM == 'B'"
low = "RISK == 'low'"
medium = "RISK == 'medium'"
high = "RISK == 'high'"
arms = ""

[quantities]
mrd_negative = "MRDFL == 'Y'"
death_30d = "D30FL == 'Y'"
"*_grade_ge3" = "* >= 3"

[reconstruct]
always = ["RASH != 5 or D30FL == 'Y'"]
each.arms = ["ARM == 'A'", "ARM == 'B'"]
by_day.D30FL = ["os", 30]
history = { response = "CRCFL == 'Y'", "no response" = "CRCFL == 'N'" }
days = { response = [14, 90] }
populations.wide = ""

[reconstruct.excluded]
left = "nobody knows"

[reconstruct.read_as]
reverse = { method = "reverse follow-up", why = "so printed" }
observed = { method = "follow-up", why = "so printed" }
to_relapse = { endpoint = "relapse", why = "of those who relapsed" }
p_os_6 = { until_months = 6, why = "so printed" }
regrouped = { group = "a", why = "the rate is that of the arm" }

[endpoints.os]
label = "overall survival"
origin = "treatment"
events = ["death"]

[endpoints.efs]
label = "event-free survival"
origin = "treatment"
events = ["no response", "relapse", "death"]

[endpoints.relapse]
label = "relapse"
origin = "response"
events = ["relapse"]
competing = ["death"]
population = "CRCFL == 'Y'"

[endpoints.early]
label = "death by month 2"
origin = "treatment"
events = ["death"]
window_months = 2

[endpoints.clear]
label = "time to MRD negativity"
origin = "treatment"
events = ["MRD negativity"]

[endpoints.wide]
label = "overall survival of everyone"
origin = "treatment"
events = ["death"]
population = "ARM == 'B'"
"""
COLUMNS = list(catalogue.PublishedNumber.model_fields)


def patients():
    """Return the oracle's patients as a cohort, with what R did not need."""
    given = pd.DataFrame(ORACLE["patients"])
    table = pd.DataFrame(
        {
            "USUBJID": [f"{i:02}" for i in range(1, len(given) + 1)],
            "ARM": given["arm"],
            "RISK": given["risk"],
            "AGE": given["age"].astype(int),
            "CRCFL": np.where(given["response"].notna(), "Y", "N"),
            # Every second remission, beginning with the first.
            "MRDFL": np.where((given["response"].notna().cumsum() % 2) == 1, "Y", "N"),
            "D30FL": np.where(given["death"] <= 30, "Y", "N"),
            "RASH": [0] * 20 + [3, 4, 1, 2, 0, 0, 0, 0],
        }
    )
    table["MRDFL"] = table["MRDFL"].where(table["CRCFL"] == "Y")
    days = {
        "RSPM": given["response"],
        "NRSPM": given["failure"],
        "RLPM": given["relapse"],
        "HSCTM": pd.Series(np.nan, index=given.index),
        "DTHM": given["death"],
        "LSTALVM": given["last"],
    }
    return table.assign(**{name: column.astype(float) / MONTH for name, column in days.items()})


def cohorts(*tables):
    """Return cohorts numbered from 1."""
    return pd.concat(
        [table.assign(member=i) for i, table in enumerate(tables, start=1)], ignore_index=True
    )


def printed(values, decimals, unit="%"):
    """Write a value, with its limits if it has them, as a paper does."""
    texts = [f"{v:.{decimals}f}" if v is not None else "NE" for v in np.atleast_1d(values)]
    names = ("value", "lower", "upper")[: len(texts)]
    shown = texts[0] + (f" ({'–'.join(texts[1:])})" if texts[1:] else "")
    return dict(zip(names, texts, strict=True)) | {"printed": shown, "unit": unit}


def p(value, decimals=3):
    return {"statistic": "p_value", "group": "all"} | printed(value, decimals, "")


def row(id, quantity, group, statistic, **cells):
    return {"id": id, "location": "text", "quantity": quantity, "group": group} | {
        "statistic": statistic,
        "printed": "x",
        **cells,
    }


def numbers():
    """Return the published numbers of the made-up trial, as R has them."""
    o = ORACLE
    crc = {"total": 14, "unit": "%", "level": 0.95}
    a, b = (int(each) for each in o["crc"])
    rate = {"level": 0.95}
    return [
        row("n", "patients", "all", "count_percent", count=28),
        row("n_a", "patients", "a", "count_percent", count=14),
        row("crc_a", "crc", "a", "proportion_ci", count=a, **crc)
        | printed([100 * a / 14, *o["crc_a"]], 1),
        row("crc_b", "crc", "b", "count_percent", count=b, total=14, **printed(100 * b / 14, 0)),
        row("mrd", "mrd_negative", "crc", "count_percent", count=10, total=19),
        row("rash", "rash_grade_ge3", "all", "count_percent", count=2, total=28),
        row("d30", "death_30d", "all", "count_percent", count=2, total=28),
        row("above", "crc_above", "arms", "threshold", value="50", unit="%"),
        row("below", "crc_below", "arms", "threshold", value="80", unit="%"),
        row("age", "age", "all", "median_iqr", total=28, **printed(o["age"][:3], 0, "years")),
        row("os_all", "os_12m", "all", "survival_ci", total=28, **rate)
        | printed(o["os_all"]["rate"], 1),
        row("os_a", "os_12m", "a", "survival_ci", **rate) | printed(o["os_a"]["rate"], 1),
        row("os_b", "os_12m", "b", "survival_ci", **rate) | printed(o["os_b"]["rate"], 1),
        row("regrouped", "os_12m", "high", "survival_ci", **rate)
        | printed(o["os_a"]["rate"][0], 1),
        row("wide", "wide_12m", "all", "survival_ci", **rate) | printed(o["os_all"]["rate"][0], 1),
        row("efs", "efs_6m", "all", "survival_ci", **rate) | printed(o["efs_6m"], 1),
        row("m_all", "os_median", "all", "median_time_ci", **rate)
        | printed(o["os_all"]["median"], 2, "months"),
        row("m_a", "os_median", "a", "median_time_ci", **rate)
        | printed(o["os_a"]["median"], 2, "months"),
        row("m_days", "os_median", "arms", "median_time_ci", **rate)
        | printed([each * MONTH for each in o["os_all"]["median"]], 0, "days"),
        row("nr", "relapse_median", "crc_a", "median_time_ci", value="NR", unit="months"),
        row("ci_crc", "relapse_12m", "crc", "cumulative_incidence_ci", **rate)
        | printed(o["relapse_crc"], 1),
        row("ci_a", "relapse_6m", "crc_a", "cumulative_incidence_ci", **rate)
        | printed(o["relapse_a"], 1),
        row("ci_b", "relapse_6m", "crc_b", "cumulative_incidence_ci", **rate)
        | printed(o["relapse_b"], 1),
        *(
            row(f"ci_{risk}", "relapse_6m", risk, "cumulative_incidence_ci")
            | printed(o[f"relapse_{risk}"], 1)
            for risk in ("low", "medium", "high")
        ),
        row("observed", "follow_up", "all", "median_iqr")
        | printed(o["follow_up"][:3], 0, "months"),
        row("reverse", "follow_up", "all", "median_range")
        | printed([o["reverse"], *o["range"]], 1, "months"),
        row("year", "follow_up_below", "all", "threshold", value="1", unit="years"),
        row("to_relapse", "time_to_relapse", "crc", "median_range")
        | printed(o["to_relapse"], 2, "months"),
        row("p_crc", "p_crc", "", "") | p(o["p_crc"]) | {"relates_to": "crc_a crc_b"},
        row("p_os", "p_os", "", "") | p(o["p_os"]) | {"relates_to": "os_a os_b"},
        row("p_os_6", "p_os_6", "", "") | p(o["p_os_6"]) | {"relates_to": "os_a os_b"},
        row("p_relapse", "p_relapse", "", "") | p(o["p_relapse"]) | {"relates_to": "ci_a ci_b"},
        row("p_risk", "p_risk", "", "")
        | p(o["p_relapse_risk"])
        | {"relates_to": "ci_low ci_medium ci_high"},
        row("hr", "hr_os", "all", "hazard_ratio_ci", **rate, relates_to="os_a os_b")
        | printed(o["hazard_ratio"], 2, ""),
        row("p_hr", "p_hr", "", "") | p(o["p_hazard_ratio"]) | {"relates_to": "hr"},
    ]


REQUIRED = [each["id"] for each in numbers()]
# Why a number isn't asked for, by id: its row and words of the reason.
OTHERS = {
    "left": (row("left", "crc", "high", "count_percent", count=1), "nobody knows"),
    "wrong": (
        row("wrong", "low", "all", "count_percent", value="70", count=10, total=28, unit="%"),
        "inconsistent",
    ),
    "elsewhere": (
        row("elsewhere", "os_median", "", "median_time_ci", value="7", unit="months")
        | {"location": "discussion: other studies"},
        "quoted",
    ),
    "dose": (row("dose", "dose", "", "dose", value="400", unit="mg"), "a dose"),
    "centres": (row("centres", "centres", "", "number", value="3"), "no group"),
    "unheard": (row("unheard", "fever", "all", "count_percent", count=3), "whom fever counts"),
    "untimed": (
        row("untimed", "time_to_fever", "all", "median_range", value="3", unit="days"),
        "neither a variable nor an endpoint",
    ),
    "undefined": (
        row("undefined", "pfs_median", "all", "median_time_ci", value="3", unit="months"),
        "no endpoint for pfs_median",
    ),
    "binary": (row("binary", "early_2m", "all", "survival_ci", value="9"), "binary endpoint"),
    "untold_day": (
        row("untold_day", "clear_6m", "all", "survival_ci", value="50"),
        "histories don't hold the MRD negativity",
    ),
    "model": (
        row("model", "hr", "all", "hazard_ratio_ci", value="0.5", lower="0.2", upper="0.9"),
        "model behind it",
    ),
    "ns": (row("ns", "p_ns", "all", "p_value", relates_to="os_a os_b"), "no P value"),
    "untold": (row("untold", "p_untold", "all", "p_value", value="0.5"), "what was compared"),
    "ratio": (
        row("ratio", "p_ratio", "all", "p_value", value="0.02", relates_to="model"),
        "model behind it",
    ),
}


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Write the made-up trial into an empty place; return what writes other rows there."""
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    folder = tmp_path / "data" / "made"
    folder.mkdir(parents=True)

    def write(rows, paper=PAPER):
        (folder / "paper.toml").write_text(paper, encoding="utf-8")
        table = pd.DataFrame(rows).reindex(columns=COLUMNS)
        whole = {name: table[name].astype("Int64") for name in ("count", "total")}
        table.assign(**whole).to_csv(folder / "published.csv", index=False)
        return folder

    write([*numbers(), *(each for each, _ in OTHERS.values())])
    return write


def test_numbers_are_those_of_r(made):
    shuffled = patients().sample(frac=1, random_state=3)
    found = verify("made", cohorts(patients(), shuffled)).set_index("id")
    asked = found.loc[REQUIRED]
    assert (asked["status"] == "required").all(), asked[asked["status"] != "required"].to_string()
    wrong = asked[asked["members_agreeing"] != 2]
    assert wrong.empty, wrong[["printed", "lowest", "highest", "method"]].to_string()
    several = ["above", "below"]  # a share in each of two arms
    assert (asked["lowest"] == asked["highest"]).drop(several).all()
    assert asked.loc[several, ["lowest", "highest"]].values.tolist() == [["57", "79"]] * 2


@pytest.mark.parametrize("id", OTHERS)
def test_what_is_not_asked_has_a_reason(made, id):
    found = verify("made", cohorts(patients())).set_index("id").loc[id]
    assert found["status"] != "required"
    assert OTHERS[id][1] in found["reason"]


def test_what_is_left_out_is_recomputed_all_the_same(made):
    table = patients()
    answered = table["RSPM"].notna()
    found = verify("made", cohorts(table)).set_index("id")
    assert found.loc["left", "lowest"] == str(((table["RISK"] == "high") & answered).sum())
    assert found.loc["wrong", "lowest"] == "10/28 36"
    assert found.loc[["left", "wrong"], "members_agreeing"].tolist() == [0, 0]
    assert found.loc["dose", "members_agreeing"] is pd.NA


@pytest.mark.parametrize("id", REQUIRED)
def test_each_number_can_be_missed(made, id):
    """Another last digit in any part of a number is seen."""
    rows = {each["id"]: each for each in numbers()}
    parts = [part for part in ("count", "value", "lower", "upper") if part in rows[id]]
    assert parts
    for part in parts:
        text = str(rows[id][part])
        if rows[id]["statistic"] == "threshold":
            # Beyond what any of the groups has, on the side that is asked for.
            other = {"above": "99", "below": "0"}[rows[id]["quantity"].rpartition("_")[2]]
        elif text in ("NE", "NR"):
            other = "5"
        else:
            other = text[:-1] + str((int(text[-1]) + 2) % 10)
        changed = {**rows, id: rows[id] | {part: other}}
        reader = verification._Reader("made")
        number = catalogue.PublishedNumber.model_validate(
            {name: str(changed[id].get(name, "")) for name in COLUMNS}
        )
        found = verification._compared(
            number, reader.question(number), verification._Cohorts("made", cohorts(patients()))
        )
        assert found["members_agreeing"] == 0, (part, other)


# One patient's entry changed: which numbers must miss, by hand.
CHANGES = {
    "a death a month earlier": ("02", {"DTHM": 270 / MONTH, "LSTALVM": 270 / MONTH}, {"m_all"}),
    "a death on day 30": (
        "26",
        {"DTHM": 30 / MONTH, "LSTALVM": 30 / MONTH, "RLPM": np.nan, "RSPM": 29 / MONTH},
        {"d30", "os_all", "os_b", "p_os"},
    ),
    "no death": ("27", {"DTHM": np.nan}, {"os_all", "os_b", "efs"} - {"efs"}),
    "no relapse": ("02", {"RLPM": np.nan}, {"ci_crc", "ci_a", "to_relapse"}),
    "no remission": ("01", {"CRCFL": "N", "MRDFL": np.nan}, {"crc_a", "mrd", "p_crc"}),
    "a year older": ("18", {"AGE": 35}, {"age"}),
    "no rash": ("21", {"RASH": 0}, {"rash"}),
    "no longer watched": ("06", {"LSTALVM": 650 / MONTH}, {"reverse"}),
    "the other arm": ("01", {"ARM": "B"}, {"n_a", "crc_a", "crc_b", "os_a", "os_b", "hr"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_caught_and_the_numbers_named(made, change):
    who, entries, expected = CHANGES[change]
    other = patients()
    for name, value in entries.items():
        other.loc[other["USUBJID"] == who, name] = value
    found = missed(verify("made", cohorts(patients(), other)))
    assert expected <= set(found["id"])
    assert set(found["missed_by"]) == {"2"}
    assert set(found["members_agreeing"]) == {1}
    with pytest.raises(KitError, match=r"not every cohort|contradiction"):
        proof("made", cohorts(patients(), other))


def test_what_came_by_a_day_is_taken_from_the_history(made):
    """A wrong flag changes no number, but the record contradicts itself."""
    other = patients()
    other.loc[other["USUBJID"] == "01", "D30FL"] = "Y"
    table = cohorts(other)
    assert missed(verify("made", table)).empty
    assert broken("made", table)["rule"].tolist() == ["D30FL says whether os came by day 30"]


# One patient's entry changed, and the rule that this breaks.
BREAKS = {
    "RASH != 5 or D30FL == 'Y'": {"RASH": 5},
    "MRDFL is there only if CRCFL == 'Y'": {"MRDFL": None},
    "AGE is at least 18": {"AGE": 17},
    "AGE is at most 90": {"AGE": 91},
    "ARM is one of A, B": {"ARM": "C"},
    "ARM is there": {"ARM": None},
    "LSTALVM is there": {"LSTALVM": np.nan},
    "RSPM is there only if CRCFL == 'Y'": {"RSPM": np.nan},
    "RSPM lies between the days 14 and 90": {"RSPM": 91 / MONTH},
    "RLPM lies in the time of observation": {"RLPM": 620 / MONTH},
    "nobody is observed beyond death": {"DTHM": 600 / MONTH},
    "a relapse comes after a response": {"RLPM": 28 / MONTH},
}


@pytest.mark.parametrize("rule", BREAKS)
def test_a_record_that_contradicts_itself(made, rule):
    assert broken("made", cohorts(patients(), patients())).empty
    other = patients()
    for name, value in BREAKS[rule].items():
        other.loc[0, name] = value
    found = broken("made", cohorts(patients(), other))
    assert [2, 0, rule] in found.values.tolist()
    assert set(found["member"]) == {2}
    with pytest.raises(KitError, match="contradiction"):
        proof("made", cohorts(patients(), other))


# --- readings that R's numbers above do not decide -----------------------------------------------


def plain(days, died, **more):
    """Return a cohort of patients with nothing but a last day."""
    n = len(days)
    base = patients().iloc[[0] * n].assign(RSPM=np.nan, RLPM=np.nan, CRCFL="N", MRDFL=None)
    month = np.array(days, float) / MONTH
    base = base.assign(NRSPM=0.0, LSTALVM=month, DTHM=np.where(died, month, np.nan), D30FL="N")
    return cohorts(base.assign(**more).reset_index(drop=True))


def only(made, *rows, paper=PAPER):
    made([row("n", "patients", "all", "count_percent", count=10), *rows], paper)


@pytest.mark.parametrize(("text", "any_rule", "first"), [("2.0", 0, 1), ("3.0", 0, 0)])
def test_a_curve_level_at_one_half(made, text, any_rule, first):
    """Five of ten die by month 2, the sixth in month 4: some print 2, R prints 3."""
    days = [MONTH] * 4 + [2 * MONTH] + [4 * MONTH] * 5
    table = plain(days, [True] * 10)
    median = row("m", "os_median", "all", "median_time_ci", value=text, unit="months")
    for rule, expected in (("any", any_rule), ("first", first)):
        paper = PAPER.replace("[reconstruct]\n", f'[reconstruct]\nmedian_rule = "{rule}"\n')
        only(made, median, paper=paper)
        assert verify("made", table).set_index("id").loc["m", "members_agreeing"] == expected


def test_both_readings_of_a_level_curve_may_print_the_same(made):
    days = [60] * 5 + [62] * 5  # 1.97, 2.00 and 2.04 months
    only(made, row("m", "os_median", "all", "median_time_ci", value="2.0", unit="months"))
    found = verify("made", plain(days, [True] * 10)).set_index("id").loc["m"]
    assert (found["members_agreeing"], found["lowest"], found["highest"]) == (1, "2.0", "2.0")


def test_a_rate_after_the_last_time_is_unknown(made):
    only(made, row("r", "os_12m", "all", "survival_ci", value="50.0", unit="%"))
    for last, agreeing in ((364, 0), (366, 1)):
        table = plain([100] * 5 + [last] * 5, [True] * 5 + [False] * 5)
        assert verify("made", table).set_index("id").loc["r", "members_agreeing"] == agreeing


def test_limits_on_the_scale_that_the_ledger_finds(made):
    """Half of ten without censoring: 50 ± 1.96 × √(0.25 / 10) is 19.0 to 81.0."""
    limits = {"value": "50.0", "lower": "19.0", "upper": "81.0", "level": 0.95}
    only(made, row("r", "os_12m", "all", "survival_ci", total=10, unit="%", **limits))
    assert "plain interval" in audit.ledger("made").set_index("id").loc["r", "method"]
    table = plain([100] * 5 + [500] * 5, [True] * 5 + [False] * 5)
    found = verify("made", table).set_index("id").loc["r"]
    assert (found["members_agreeing"], found["lowest"]) == (1, "50.0 (19.0–81.0)")


@pytest.mark.parametrize(
    ("value", "text", "once", "twice"),
    [
        (39.84, "39.8", 1, 1),
        (39.848, "39.9", 0, 1),  # by way of 39.85
        (43.75, "43.7", 0, 0),  # cut off
        (39.94, "39.8", 0, 0),
        (39.85, "39.8", 1, 1),  # a half, to even
    ],
)
def test_how_a_value_may_be_rounded(made, value, text, once, twice):
    number = catalogue.PublishedNumber.model_validate(
        dict.fromkeys(COLUMNS, "")
        | {"id": "x", "location": "x", "quantity": "x", "statistic": "p_value"}
        | {"printed": text, "value": text}
    )
    held = verification._Cohorts("made", cohorts(patients()))
    for parts, expected in (((), once), (("value",), twice)):
        question = verification._Question("", lambda _: {"value": (value,)}, parts)
        found = verification._compared(number, question, held)
        assert found["members_agreeing"] == expected


def test_quartiles_of_a_reversed_curve(made):
    """Nine are lost one a month: the curve is at 6/9, 4/9 and 2/9 after months 3, 5 and 7."""
    cells = {"value": "5.0", "lower": "3.0", "upper": "7.0", "unit": "months"}
    only(made, row("reverse", "follow_up", "all", "median_iqr", **cells))
    table = plain([MONTH * each for each in range(1, 10)], [False] * 9)
    found = verify("made", table).set_index("id").loc["reverse"]
    assert (found["members_agreeing"], found["lowest"]) == (1, "5.0 (3.0–7.0)")


def test_a_quartile_prints_by_each_definition(made):
    """Of 1, 2, 4, 8 the lower quartile is 1.75 by type 7 and 1.25 by type 6."""
    assert verification._spread(np.array([1.0, 2, 4, 8]), (0.25, 0.75)) == {
        "value": (3.0, 3.0),
        "lower": (1.75, 1.25),
        "upper": (5.0, 7.0),
    }


def test_a_number_of_counts_that_rates_stand_for(made):
    """The ledger proves a test of counts behind two rates: 7 of 10 against 2 of 10, P = 0.025."""
    rates = {"total": 10, "unit": "%", "level": 0.95}
    only(
        made,
        row("ra", "os_12m", "a", "survival_ci", value="70.0", lower="32.9", upper="89.2", **rates),
        row("rb", "os_12m", "b", "survival_ci", value="20.0", lower="3.1", upper="47.5", **rates),
        row("p", "p", "all", "p_value", value="0.025", relates_to="ra rb"),
    )
    assert "as counts" in audit.ledger("made").set_index("id").loc["p", "method"]
    died = [True] * 3 + [False] * 7 + [True] * 8 + [False] * 2
    table = plain([50 if each else 500 for each in died], died, ARM=["A"] * 10 + ["B"] * 10)
    found = verify("made", table).set_index("id").loc[["ra", "rb", "p"]]
    assert found["members_agreeing"].tolist() == [1, 1, 1]
    # Times that would change a log-rank test don't matter, another count does.
    table.loc[0, ["DTHM", "LSTALVM"]] = 500 / MONTH
    assert verify("made", table).set_index("id").loc["p", "members_agreeing"] == 0


CURVES = json.loads(
    Path(__file__).with_name("oracles").joinpath("kaplan_meier.json").read_text(encoding="utf-8")
)["cases"]


@pytest.mark.parametrize("scale", ["log-log", "plain"])
@pytest.mark.parametrize("case", CURVES, ids=lambda case: case["name"])
def test_curves_are_those_of_r(case, scale):
    """R prints the middle of a stretch at one half: the last of what must print."""
    time = np.round(np.array(case["time"], float), 7)  # as far as R tells times apart
    event = np.array(case["event"], bool)
    r = next(e for e in case["limits"] if (e["conf_type"], e["level"]) == (scale, 0.95))
    curve = verification._drawn(time, event, scale, 0.95)
    found = curve.when(0.5, rule="any")
    for part, name in (("value", "median"), ("lower", "median_lower"), ("upper", "median_upper")):
        expected = np.inf if r[name] is None else r[name]
        assert found[part][-1] == pytest.approx(expected, rel=1e-6), part
    for i, month in enumerate(case["landmarks"]):
        survival = r["landmark_survival"][i]
        read = curve.at(round(month, 7))
        assert read["value"][0] == pytest.approx(100 * survival)
        for part in ("lower", "upper"):
            limit = r[f"landmark_{part}"][i]
            if limit is not None and 1e-9 < survival < 1 - 1e-9:
                assert read[part][0] == pytest.approx(100 * limit, abs=1e-6)


# --- the proof in the file -----------------------------------------------------------------------


def keep(paper, table, metadata):
    arrow = Table.from_pandas(table, preserve_index=False)
    parquet.write_table(
        arrow.replace_schema_metadata({**arrow.schema.metadata, **metadata}), ensemble.file(paper)
    )


def test_stored_cohorts_tell_what_they_all_have(made):
    made(numbers())
    table = cohorts(patients(), patients())
    assert satisfied("made") == {}
    keep("made", table, {})
    assert satisfied("made") == {}
    keep("made", table, proof("made", table))
    told = satisfied("made")
    assert told.keys() == set(REQUIRED)
    assert told == met(verify("made", table))
    assert told["p_os"].endswith("in each of 2 cohorts: log-rank test")


def test_a_proof_is_of_the_numbers_as_they_were(made):
    folder = made(numbers())
    table = cohorts(patients())
    keep("made", table, proof("made", table))
    assert satisfied("made")
    made([each | {"note": "a word"} for each in numbers()], f"# A comment.\n{PAPER}")
    assert satisfied("made")
    shutil.copy(folder / "published.csv", folder / "kept.csv")
    made([each | ({"count": 27} if each["id"] == "n" else {}) for each in numbers()])
    assert satisfied("made") == {}
    made(numbers(), PAPER.replace('wide = ""', "wide = \"ARM == 'A'\""))
    assert satisfied("made") == {}


def test_a_table_without_its_columns(made):
    with pytest.raises(KitError, match="no LSTALVM, member"):
        verify("made", patients().drop(columns="LSTALVM"))
    with pytest.raises(KitError, match="no patients"):
        verify("made", cohorts(patients()).iloc[:0])


def test_of_two_groups_the_better_one_has_fewer_deaths_than_expected():
    time, code = np.array([1.0, 2, 3, 4, 5, 6]), np.array([1, 1, 1, 0, 0, 1])
    assert verification._first_better(time, code, np.array([1, 1, 1, 0, 0, 0]))
    assert not verification._first_better(time, code, np.array([0, 0, 0, 1, 1, 1]))
    # Alike, neither is better.
    assert not verification._first_better(
        np.tile(time, 2), np.tile(code, 2), np.repeat([0, 1], len(time))
    )


# --- the three papers ----------------------------------------------------------------------------


@pytest.mark.parametrize("paper", PAPERS)
def test_no_published_number_falls_through(paper):
    """The status needs no patients, so it is held before there are any."""
    reader = verification._Reader(paper)
    verdicts = audit.ledger(paper).set_index("id")["verdict"]
    excluded = catalogue.load(paper).reconstruct.excluded
    named = catalogue.load(paper).reconstruct.read_as
    for number in catalogue.published(paper):
        status, reason = reader.status(number)
        assert status in verification.STATUSES
        assert (reason == "") == (status == "required"), number.id
        if number.id in excluded:
            assert (status, reason) == ("left out", excluded[number.id])
        if verdicts[number.id] == "inconsistent" and number.id not in named:
            assert status != "required", number.id
        if status == "required":
            try:
                method = reader.question(number).method
            except verification._Unclear as unclear:
                method = str(unclear)
            assert method, number.id


@pytest.mark.parametrize("paper", STORED)
def test_every_stored_cohort_has_every_required_number(paper):
    table = ensemble.read(paper)
    assert broken(paper, table).empty
    found = verify(paper, table)
    assert (found["members"] == table["member"].nunique()).all()
    assert missed(found).empty, missed(found)[["id", "printed", "lowest", "highest"]].to_string()
    told = satisfied(paper)
    if not told:
        pytest.skip(f"data/{paper}/cohorts.parquet is stored without proof")
    assert told == met(found)
