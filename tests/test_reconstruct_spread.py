"""Ranges over an ensemble: against lifelines, by hand, and as a reader asks for them."""

import itertools
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines import AalenJohansenFitter, CoxPHFitter, KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time
from typer.testing import CliRunner

from helpers import catalogue, endpoints
from helpers.__main__ import app
from helpers.catalogue import Definition, Variable
from helpers.errors import DataError, KitError, QueryError
from helpers.reconstruct import ensemble, spread
from helpers.reconstruct.spread import NOT_DETERMINED, PINNED, Quantity

ROOT = Path(__file__).parents[1]
PAPER = "hma_ldac"
HMA, LDAC = "ARM == 'HMA'", "ARM == 'LDAC'"

OS = Definition(label="overall survival", origin="treatment", events=("death",))
CENSORED = OS.model_copy(update={"label": "censored", "censor_at": ("transplant",)})
RELAPSE = Definition(label="relapse", origin="response", events=("relapse",), competing=("death",))
EARLY = Definition(
    label="early response", origin="treatment", events=("response",), window_months=2
)
VARIABLES = {
    "ARM": Variable(label="arm", type="category", source="", values={"A": "a", "B": "b"}),
    "AGE": Variable(label="age", type="integer", source=""),
}
A, B = "ARM == 'A'", "ARM == 'B'"


def made_up(sizes=(40, 40, 35)):
    """Return cohorts with everything that can happen; not all are of one size."""
    rng = np.random.default_rng(5)
    tables = []
    for member, n in enumerate(sizes, start=1):
        last = rng.integers(60, 900, n) / 30.4375
        died = rng.random(n) < 0.6
        response = np.where(rng.random(n) < 0.7, last * rng.uniform(0.05, 0.4, n), np.nan)
        relapse = np.where(rng.random(n) < 0.5, response + (last - response) / 2, np.nan)
        tables.append(
            pd.DataFrame(
                {
                    "member": member,
                    "ARM": np.where(rng.random(n) < 0.5, "A", "B"),
                    "AGE": rng.integers(20, 80, n),
                    "RSPM": response,
                    "RLPM": relapse,
                    "HSCTM": np.where(rng.random(n) < 0.4, last * 0.6, np.nan),
                    "DTHM": np.where(died, last, np.nan),
                    "LSTALVM": last,
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


MADE_UP = made_up()


def values(*asked, members=MADE_UP, **options):
    return spread.values(members, asked, variables=VARIABLES, **options)


def each_by_hand(definition, query="", members=MADE_UP):
    """Yield the times of one member after another, by the path for a single cohort."""
    for _, cohort in members.groupby("member"):
        picked = (cohort.query(query) if query else cohort).assign(TRTM=0.0)
        picked = picked.assign(USUBJID=range(len(picked)))
        table = endpoints.derive(picked, definition).set_index("USUBJID")
        yield table.join(picked.set_index("USUBJID")[["ARM"]])


# --- values of each member -----------------------------------------------------------------------


@pytest.mark.parametrize("definition", [OS, CENSORED], ids=["os", "censored"])
@pytest.mark.parametrize("group", ["", A, "AGE < 50 and ARM == 'B'"])
def test_survival_is_that_of_lifelines(definition, group):
    asked = [
        Quantity(statistic="survival", endpoint=definition, group=group, month=9),
        Quantity(statistic="median", endpoint=definition, group=group),
        Quantity(statistic="restricted mean", endpoint=definition, group=group, month=9),
        Quantity(statistic="events", endpoint=definition, group=group),
    ]
    expected = []
    for table in each_by_hand(definition, group):
        curve = KaplanMeierFitter().fit(table["AVAL"], table["CNSR"] == 0)
        expected.append(
            [
                100 * curve.predict(9),
                curve.median_survival_time_,
                restricted_mean_survival_time(curve, t=9),
                (table["CNSR"] == 0).sum(),
            ]
        )
    found = values(*asked, median_rule="first")
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert found.std(axis=0).min() > 0


def test_censoring_at_transplant_is_another_endpoint():
    found = values(*(Quantity(statistic="events", endpoint=each) for each in (OS, CENSORED)))
    assert (found[:, 0] > found[:, 1]).all()


@pytest.mark.parametrize("definition", [OS, CENSORED], ids=["os", "censored"])
def test_a_hazard_ratio_is_that_of_lifelines(definition):
    expected = []
    for table in each_by_hand(definition):
        data = pd.DataFrame(
            {"t": table["AVAL"], "d": table["CNSR"] == 0, "a": (table["ARM"] == "A") * 1.0}
        )
        fit = CoxPHFitter().fit(data, "t", "d", fit_options={"precision": 1e-12})
        expected.append(fit.hazard_ratios_["a"])
    found = values(Quantity(statistic="hazard ratio", endpoint=definition, group=A, against=B))
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:Tied event times")
def test_a_cumulative_incidence_is_that_of_lifelines():
    expected = []
    for table in each_by_hand(RELAPSE, A):
        code = table["CNSR"].map({0: 1, 1: 0, 2: 2})
        curve = AalenJohansenFitter(calculate_variance=False).fit(table["AVAL"], code, 1)
        expected.append(100 * float(curve.cumulative_density_.loc[:6].iloc[-1, 0]))
    found = values(Quantity(statistic="cumulative incidence", endpoint=RELAPSE, group=A, month=6))
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-9)


def test_a_response_rate_is_a_share_of_the_group():
    by_query = Quantity(statistic="response rate", group=A, counted="AGE >= 50")
    by_window = Quantity(statistic="response rate", endpoint=EARLY, group=A)
    expected = []
    for _, cohort in MADE_UP[MADE_UP["ARM"] == "A"].groupby("member"):
        expected.append([100 * (cohort["AGE"] >= 50).mean(), 100 * (cohort["RSPM"] <= 2).mean()])
    np.testing.assert_allclose(values(by_query, by_window), expected)


def test_the_population_of_the_endpoint_counts():
    narrow = OS.model_copy(update={"population": A})
    found = values(
        Quantity(statistic="events", endpoint=narrow, group="AGE < 50"),
        Quantity(statistic="events", endpoint=OS, group="AGE < 50 and ARM == 'A'"),
    )
    np.testing.assert_array_equal(found[:, 0], found[:, 1])


def test_members_stand_in_the_order_of_their_numbers_however_the_rows_lie():
    mixed = MADE_UP.sample(frac=1, random_state=1)
    asked = Quantity(statistic="survival", endpoint=OS, month=9)
    np.testing.assert_allclose(values(asked, members=mixed), values(asked))


def test_what_cannot_be_told_is_nan_and_a_median_not_reached_is_infinite():
    alive = MADE_UP.assign(DTHM=np.nan)
    found = values(
        Quantity(statistic="median", endpoint=OS),
        Quantity(statistic="median", endpoint=OS, group="AGE < 5"),
        Quantity(statistic="survival", endpoint=OS, month=100),
        Quantity(statistic="restricted mean", endpoint=OS, month=100),
        Quantity(statistic="events", endpoint=OS, group="AGE < 5"),
        Quantity(statistic="response rate", group="AGE < 5", counted=A),
        Quantity(statistic="hazard ratio", endpoint=OS, group=A, against=B),
        members=alive,
    )
    assert np.isposinf(found[:, 0]).all()
    assert np.isnan(found[:, 1:]).all()


# --- what is asked -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ({"statistic": "survival", "endpoint": OS}, "months from the origin"),
        ({"statistic": "survival", "endpoint": OS, "month": -1}, "above 0"),
        ({"statistic": "survival", "endpoint": OS, "month": math.nan}, "above 0"),
        ({"statistic": "survival", "month": 9}, "an endpoint"),
        ({"statistic": "survival", "endpoint": RELAPSE, "month": 9}, "cumulative incidence"),
        ({"statistic": "median", "endpoint": OS, "month": 9}, "no month"),
        ({"statistic": "median", "endpoint": EARLY}, "response rate"),
        ({"statistic": "median", "endpoint": OS, "counted": A}, "nobody counted"),
        ({"statistic": "hazard ratio", "endpoint": OS, "group": A}, "a query for a hazard ratio"),
        ({"statistic": "events", "endpoint": OS, "against": A}, "none for others"),
        ({"statistic": "response rate"}, "whom to count"),
        ({"statistic": "response rate", "endpoint": OS}, "binary endpoint"),
        ({"statistic": "response rate", "endpoint": EARLY, "counted": A}, "either"),
        ({"statistic": "mean", "endpoint": OS}, "restricted mean"),
    ],
)
def test_a_quantity_that_makes_no_sense_is_refused(given, right):
    with pytest.raises(KitError, match=right):
        Quantity(**given)


def test_what_the_cohorts_do_not_hold_is_named():
    ratio = Quantity(statistic="hazard ratio", endpoint=OS, group=A, against="AGE < 50")
    with pytest.raises(KitError, match="both groups"):
        values(ratio)
    with pytest.raises(QueryError, match="no variable 'SEX'"):
        values(Quantity(statistic="median", endpoint=OS, group="SEX == 'F'"))
    unreadable = Quantity(statistic="median", endpoint=OS, group="AGE <")
    assert unreadable.describe().endswith("with AGE <")
    with pytest.raises(QueryError, match="cannot read 'AGE <'"):
        values(unreadable)
    with pytest.raises(KitError, match="no AGE"):
        values(
            Quantity(statistic="median", endpoint=OS, group="AGE < 50"),
            members=MADE_UP.drop(columns="AGE"),
        )
    with pytest.raises(KitError, match="no DIAGM"):
        values(Quantity(statistic="median", endpoint=OS.model_copy(update={"origin": "diagnosis"})))


def test_a_quantity_says_in_words_what_it_is():
    narrow = OS.model_copy(update={"population": "AGE < 30 or AGE > 60"})
    told = {
        Quantity(statistic="median", endpoint=OS): ("median overall survival of all patients"),
        Quantity(statistic="restricted mean", endpoint=OS, month=1, group=A): (
            "restricted mean overall survival up to 1 month of patients with ARM == 'A'"
        ),
        Quantity(statistic="hazard ratio", endpoint=OS, group=A, against=B): (
            "hazard ratio for overall survival of patients with ARM == 'A' "
            "against those with ARM == 'B'"
        ),
        Quantity(statistic="cumulative incidence", endpoint=RELAPSE, month=4.5): (
            "cumulative incidence of relapse at 4.5 months of all patients"
        ),
        Quantity(statistic="events", endpoint=OS): "events of overall survival of all patients",
        Quantity(statistic="response rate", endpoint=EARLY): "early response of all patients",
        Quantity(statistic="response rate", counted=A): "share with ARM == 'A' of all patients",
        Quantity(statistic="events", endpoint=narrow): (
            "events of overall survival of patients with AGE < 30 or AGE > 60"
        ),
        Quantity(statistic="events", endpoint=narrow, group=A): (
            "events of overall survival of patients with (AGE < 30 or AGE > 60) and ARM == 'A'"
        ),
    }
    assert {asked: asked.describe() for asked in told} == told
    units = {asked.statistic: asked.unit for asked in told}
    assert units == {
        "median": "months",
        "restricted mean": "months",
        "hazard ratio": "ratio",
        "cumulative incidence": "%",
        "events": "patients",
        "response rate": "%",
    }


# --- how they agree and how ranges grow ----------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "unit", "expected"),
    [
        ([61.46, 61.54], "%", PINNED),
        ([61.449, 61.451], "%", NOT_DETERMINED),
        ([0.564, 0.556], "ratio", PINNED),
        ([0.564, 0.566], "ratio", NOT_DETERMINED),
        ([0.564, 0.57], "months", PINNED),
        ([12, 12], "patients", PINNED),
        ([12, 13], "patients", NOT_DETERMINED),
        ([math.inf, math.inf], "months", PINNED),
        ([8.3, math.inf], "months", NOT_DETERMINED),
        ([8.3, math.nan], "months", NOT_DETERMINED),
        ([math.nan, math.nan], "months", NOT_DETERMINED),
    ],
)
def test_cohorts_agree_if_they_would_print_the_same(found, unit, expected):
    assert spread.agreement(found, unit) == expected


@pytest.mark.parametrize("found", [[3.0, 1.5, 9.0, 9.0, 2.25, 1.5, 7.0], [5.0, 5.0, 5.0]])
def test_the_expected_width_is_the_mean_over_all_subsets(found):
    for size in range(1, len(found) + 1):
        widths = [max(each) - min(each) for each in itertools.combinations(found, size)]
        assert spread.expected_width(found, size) == pytest.approx(np.mean(widths), abs=1e-12)


def test_the_expected_width_of_infinite_and_unknown_values():
    assert spread.expected_width([1, math.inf, 2], 2) == math.inf
    assert spread.expected_width([math.inf, math.inf], 2) == 0
    assert spread.expected_width([1, math.inf], 1) == 0
    for found, size in (([1, 2], 3), ([1, 2], 0), ([1, math.nan], 1), ([], 1)):
        with pytest.raises(KitError, match="1 to as many as are known"):
            spread.expected_width(found, size)


def test_the_chance_of_a_wider_range_is_the_share_of_orders_with_the_last_one_outside():
    for members in (1, 2, 3, 5):
        orders = list(itertools.permutations(range(members + 1)))
        outside = [not min(each[:-1]) < each[-1] < max(each[:-1]) for each in orders]
        assert spread.chance_outside(members) == pytest.approx(np.mean(outside))


# --- a stored ensemble ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found():
    return spread.ranges(PAPER)


def test_the_standard_list_holds_nothing_that_is_printed():
    asked = spread.standard(PAPER)
    assert len(set(asked)) == len(asked)
    medians = {(each.endpoint.label, each.group) for each in asked if each.statistic == "median"}
    # The paper prints those of both arms, and nobody's rates.
    assert medians == {("overall survival", ""), ("event-free survival", "")}
    os = [each for each in asked if each.endpoint.label == "overall survival"]
    rates = {(each.group, each.month) for each in os if each.statistic == "survival"}
    assert rates == {(group, month) for group in ("", HMA, LDAC) for month in (2.85, 7.0)}
    means = {(each.group, each.month) for each in os if each.statistic == "restricted mean"}
    assert means == {(group, 8.3) for group in ("", HMA, LDAC)}
    [ratio] = [each for each in os if each.statistic == "hazard ratio"]
    assert (ratio.group, ratio.against) == (HMA, LDAC)


@pytest.mark.parametrize("paper", ["mini_hcvd", "vah"])
def test_the_standard_list_of_a_longer_paper(paper):
    described = catalogue.load(paper)
    printed = {(each.quantity, each.group) for each in catalogue.published(paper)}
    asked = spread.standard(paper)
    os = [each for each in asked if each.endpoint.label == "overall survival"]
    assert ("os_12m", "all") in printed
    assert 6.0 in {each.month for each in os}
    assert 12.0 not in {each.month for each in os if each.statistic == "survival"}
    assert ("os_median", "all") in printed
    assert not [each for each in os if (each.statistic, each.group) == ("median", "")]
    halves = {each.group for each in os if each.statistic == "median" and "AGE" in each.group}
    [age] = {each.value for each in catalogue.published(paper) if each.id == "t1_age_all"}
    assert halves == {f"AGE < {age}", f"AGE >= {age}"}
    sexes = {each.group for each in os if "SEX" in each.group}
    assert sexes == {f"SEX == {sex!r}" for sex in "MF" if "SEX" in described.variables}
    for each in asked:
        competing = each.statistic == "cumulative incidence"
        assert bool(each.endpoint.competing) == competing
        assert each.endpoint.window_months is None


def test_each_row_is_what_the_members_give(found):
    asked = spread.standard(PAPER)
    members = ensemble.read(PAPER)
    assert found.columns.tolist() == list(spread.COLUMNS)
    assert found["quantity"].tolist() == [each.describe() for each in asked]
    assert set(found["members"]) == set(found["estimable"]) == {ensemble.about(PAPER)["members"]}
    assert set(found["patients"]) == {"synthetic"}
    os = endpoints.describe(catalogue.load(PAPER).endpoints["os"])
    assert os in set(found["definition"])
    place = (
        found["quantity"].tolist().index(f"overall survival at 7 months of patients with {LDAC}")
    )
    rates = spread.values(members, [asked[place]], variables=catalogue.load(PAPER).variables)[:, 0]
    for member in (1, 57, 200):
        cohort = members[(members["member"] == member) & (members["ARM"] == "LDAC")]
        curve = KaplanMeierFitter().fit(cohort["LSTALVM"], cohort["DTHM"].notna())
        assert rates[member - 1] == pytest.approx(100 * curve.predict(7))
    rates.sort()
    quarter = len(rates) // 4
    assert len(rates) == 4 * quarter == 200
    expected = [rates[0], rates[quarter - 1], rates[3 * quarter - 1], rates[-1]]
    row = found.iloc[place]
    ends = ["lowest", "lower_quartile", "upper_quartile", "highest"]
    assert row[ends].tolist() == pytest.approx(expected)
    assert row["width_of_200"] == pytest.approx(rates[-1] - rates[0])
    assert row["width_of_5"] == pytest.approx(spread.expected_width(rates, 5))
    assert row["agreement"] == NOT_DETERMINED


def test_the_ranges_are_sensible(found):
    by_name = found.set_index("quantity")
    widths = [f"width_of_{size}" for size in spread.SIZES]
    assert (found[widths].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    rates = found[found["unit"] == "%"]
    assert rates[["lowest", "highest"]].stack().between(0, 100).all()
    # The median of all lies between those printed of the two arms.
    os = by_name.loc["median overall survival of all patients"]
    assert 5.7 <= os["lowest"] < os["highest"] <= 8.3
    efs = by_name.loc["median event-free survival of all patients"]
    assert 3.9 <= efs["lowest"] < efs["highest"] <= 6.1
    # A log-rank P of 0.04 and longer survival with HMA.
    ratio = by_name.loc[
        f"hazard ratio for overall survival of patients with {HMA} against those with {LDAC}"
    ]
    assert 0.4 < ratio["lowest"] < ratio["highest"] < 1
    means = by_name[by_name.index.str.startswith("restricted mean overall")]
    assert ((means["lowest"] > 4) & (means["highest"] < 8.3)).all()


def test_what_is_printed_is_pinned():
    os = catalogue.load(PAPER).endpoints["os"]
    asked = [
        Quantity(statistic="median", endpoint=os, group=HMA),
        Quantity(statistic="median", endpoint=os, group=LDAC),
        Quantity(statistic="response rate", group=HMA, counted="CRCFL == 'Y'"),
        Quantity(statistic="events", endpoint=os, group=HMA),
    ]
    found = spread.ranges(PAPER, asked)
    assert found["agreement"].tolist() == [PINNED] * 3 + [NOT_DETERMINED]
    shown = [
        spread.shown(each, unit) for each, unit in zip(found["lowest"], found["unit"], strict=True)
    ]
    assert shown[:3] == ["8.3", "5.7", "52.4"]


def test_a_paper_without_an_ensemble_names_the_command_that_makes_one(tmp_path, monkeypatch):
    without(tmp_path)
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    with pytest.raises(DataError, match=f"python -m helpers reconstruct {PAPER}"):
        spread.ranges(PAPER)


# --- the command ---------------------------------------------------------------------------------


def without(root):
    """Copy a paper without its ensemble."""
    ignored = shutil.ignore_patterns("*cohorts*")
    shutil.copytree(ROOT / "data" / PAPER, root / "data" / PAPER, ignore=ignored)


def run(*arguments):
    return CliRunner().invoke(app, ["spread", *arguments])


def test_the_command_shows_a_table_that_says_it_is_synthetic(found):
    environment = {**os.environ, "COLUMNS": "120", "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-m", "helpers", "spread", PAPER],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert result.returncode == 0, result.stderr
    first, *lines = result.stdout.splitlines()
    assert "SYNTHETIC" in first
    [line] = [each for each in lines if "median overall survival of all" in each]
    row = found.set_index("quantity").loc["median overall survival of all patients"]
    assert f"{row['lowest']:.1f}–{row['highest']:.1f}" in line
    assert NOT_DETERMINED in result.stdout
    assert "at most 1.0%" in result.stdout


def test_the_command_writes_csv(tmp_path, found):
    file = tmp_path / "spread.csv"
    result = run(PAPER, "--csv", str(file))
    assert result.exit_code == 0, result.stderr
    assert "SYNTHETIC" in result.stdout
    pd.testing.assert_frame_equal(pd.read_csv(file), found)


def test_errors_of_the_command_are_one_line(tmp_path, monkeypatch):
    without(tmp_path)
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    for arguments, status, told in (
        ([PAPER], 1, f"python -m helpers reconstruct {PAPER}"),
        (["nobody"], 2, "no paper 'nobody'"),
        ([PAPER, "--csv", str(tmp_path / "no" / "file.csv")], 2, "--csv"),
    ):
        result = run(*arguments)
        assert result.exit_code == status
        assert result.stdout == ""
        [line] = result.stderr.splitlines()
        assert told in line
