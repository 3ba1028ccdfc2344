"""Reconstructed patients have every printed count; if none can, the numbers at fault are named."""

import itertools
import tomllib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy.stats import chi2_contingency

from helpers import audit, catalogue, query, rounding
from helpers.catalogue import Variable
from helpers.errors import DataError, KitError, QueryError
from helpers.reconstruct import categorical, counts
from helpers.reconstruct.categorical import Flag, conflict, extreme, model, solve
from helpers.reconstruct.counts import Constraints, Count, Share

DATA = Path(__file__).parents[1] / "data"
PAPERS = ("hma_ldac", "mini_hcvd", "vah")
COUNTED = ("count_percent", "proportion_ci", "number")
each_paper = pytest.mark.parametrize("paper", PAPERS)
properties = settings(deadline=None, max_examples=40, database=None)

_MODELS = {}
_MEMBERS = {}


def of(paper):
    """Return a paper's model, made once."""
    if paper not in _MODELS:
        _MODELS[paper] = model(paper)
    return _MODELS[paper]


def members(paper, amount=4):
    """Return some cohorts of a paper, each found once."""
    for seed in range(amount):
        if (paper, seed) not in _MEMBERS:
            _MEMBERS[paper, seed] = solve(of(paper), seed=seed)
    return [_MEMBERS[paper, seed] for seed in range(amount)]


def meaning(described, quantity):
    """Return the query of a quantity, read from paper.toml without the code under test."""
    if quantity == "patients":
        return ""
    if quantity in described["groups"]:
        return described["groups"][quantity]
    quantities = described.get("quantities", {})
    if quantity in quantities:
        return quantities[quantity]
    for name in described["variables"]:
        for pattern, text in quantities.items():
            if "*" in pattern and pattern.replace("*", name.lower()) == quantity:
                return text.replace("*", name)
    return f"{quantity.upper()} == 'Y'"


# --- the three papers ----------------------------------------------------------------------------


@each_paper
def test_every_used_count_is_met(paper):
    described = tomllib.loads((DATA / paper / "paper.toml").read_text(encoding="utf-8"))
    variables = catalogue.load(paper).variables
    numbers = {number.id: number for number in catalogue.published(paper)}
    status = counts.rows(paper).set_index("id")["status"]
    used = [numbers[id] for id in status[status == "used"].index]
    sizes = {each.group: each.count for each in used if each.quantity == "patients"}
    checked = 0
    for table in members(paper):
        picked = {}

        def pick(text, table=table, picked=picked):
            if text not in picked:
                picked[text] = query.parse(text, variables).mask(table)
            return picked[text]

        for number in (each for each in used if each.statistic in COUNTED):
            group = pick(described["groups"][number.group])
            found = int((group & pick(meaning(described, number.quantity))).sum())
            if number.total is not None:
                assert group.sum() == number.total, number.id
            if number.count is not None:
                assert found == number.count, number.id
            if number.value is not None and number.statistic != "number":
                size = number.total or sizes.get(number.group) or int(group.sum())
                assert rounding.agrees(100 * found / size, number.value), number.id
            checked += 1
    assert checked == 4 * sum(each.statistic in COUNTED for each in used)


@each_paper
def test_no_rule_is_false_for_anybody_and_values_are_where_they_belong(paper):
    described = catalogue.load(paper)
    for table in members(paper):
        assert list(table["USUBJID"]) == [str(n + 1) for n in range(len(table))]
        for rule in described.reconstruct.always:
            broken = query.parse(f"not ({rule})", described.variables).mask(table)
            assert not broken.any(), rule
        for name, variable in described.variables.items():
            known = query.parse(variable.only_if, described.variables).mask(table)
            assert (table[name].notna() == known).all(), name
            values = table[name].dropna()
            if variable.is_number:
                assert values.between(variable.minimum, variable.maximum).all(), name
            else:
                assert set(values) <= set(variable.values), name


@each_paper
def test_quantiles_print_alike_in_numpy_and_in_spss(paper):
    described = catalogue.load(paper)
    status = counts.rows(paper).set_index("id")["status"]
    ends = {"median_iqr": (0.25, 0.5, 0.75), "median_range": (0, 0.5, 1)}
    checked = 0
    for number in catalogue.published(paper):
        if number.statistic not in ends or status[number.id] != "used":
            continue
        name = described.quantities.get(number.quantity, number.quantity.upper())
        for table in members(paper):
            group = query.parse(described.groups[number.group], described.variables).mask(table)
            values = table.loc[group, name].dropna()
            assert len(values) == number.total
            printed = (number.lower, number.value, number.upper)
            for p, text in zip(ends[number.statistic], printed, strict=True):
                for method in ("linear", "weibull", "averaged_inverted_cdf"):
                    found = np.quantile(values, p, method=method)
                    assert rounding.agrees(found, text), (number.id, p, method, found)
        checked += 1
    assert checked == {"hma_ldac": 0, "mini_hcvd": 11, "vah": 7}[paper]


@pytest.mark.parametrize(
    ("rows", "columns", "group", "printed"),
    [
        ("STATUS", "SEX", "", "0.47"),
        ("STATUS", "CYTO", "", "0.55"),
        ("STATUS", "VENCYC", "", "0.01"),
        ("STATUS", "BCOR", "", "0.03"),
        ("STATUS", "CRCFL", "", "0.407"),
        ("STATUS", "MRDNEGFL", "CRCFL == 'Y'", "0.799"),
        ("HMAFL", "CRCFL", "", "0.246"),
        ("ELN", "CRCFL", "", "0.064"),
    ],
)
def test_p_values_follow(rows, columns, group, printed):
    """Pearson's test, as the audit finds the paper to use."""
    for table in members("vah"):
        inside = query.parse(group, catalogue.load("vah").variables).mask(table)
        cells = pd.crosstab(table.loc[inside, rows], table.loc[inside, columns])
        assert rounding.agrees(chi2_contingency(cells, correction=False).pvalue, printed)


def test_a_limit_holds_for_each_of_several_groups():
    """ "Except for K/NRAS and MLL, the CRc were above 50 % in all the other" mutations."""
    genes = catalogue.load("vah").reconstruct.each["other_mutations"]
    assert len(genes) == 15
    for table in members("vah"):
        for text in genes:
            mutated = query.parse(text, catalogue.load("vah").variables).mask(table)
            assert (table.loc[mutated, "CRCFL"] == "Y").mean() > 0.5, text


@each_paper
def test_nothing_published_falls_through(paper):
    table = counts.rows(paper)
    assert set(table["status"]) <= counts.STATUSES.keys()
    numbers = catalogue.published(paper)
    expected = [
        each.id
        for each in numbers
        if each.statistic in (*COUNTED, "median_iqr", "median_range")
        or (each.statistic == "threshold" and each.group)
    ]
    assert list(table["id"]) == expected
    told = table.set_index("id")
    verdicts = audit.ledger(paper).set_index("id")["verdict"]
    for id, row in told.iterrows():
        assert (row["reason"] == "") == (row["status"] == "used"), id
        if row["status"] == "contradicted":
            assert verdicts[id] == "inconsistent"
        if row["status"] == "used":
            assert verdicts[id] != "inconsistent"
    excluded = catalogue.load(paper).reconstruct.excluded
    counted = {id: why for id, why in excluded.items() if id in told.index}
    assert dict(told.loc[told["status"] == "excluded", "reason"]) == counted


@each_paper
def test_a_seed_gives_one_cohort_and_another_seed_another(paper):
    first, second = members(paper, 2)
    again = solve(model(paper), seed=0)
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(second)
    assert len({tuple(each["USUBJID"]) for each in (first, second)}) == 1


def test_members_differ_nearly_as_widely_as_they_may():
    for whom in (
        "SEX == 'F' and STATUS == 'refractory' and CRCFL == 'Y'",
        "FLT3 == 'Y' and HSCTFL == 'Y'",
        "DTHFL == 'Y' and HSCTFL == 'Y'",
    ):
        picked = query.parse(whom, catalogue.load("vah").variables)
        found = [int(picked.mask(table).sum()) for table in members("vah", 16)]
        least, most = (extreme(of("vah"), whom, sense) for sense in ("least", "most"))
        assert least <= min(found) < max(found) <= most
        assert max(found) - min(found) >= (most - least) / 2, (whom, found, least, most)


def test_extremes_worked_out_by_hand():
    """37 refractory patients, 16 women, 29 with CRc: 8 to 16 women among these."""
    whom = "SEX == 'F' and STATUS == 'refractory' and CRCFL == 'Y'"
    assert extreme(of("vah"), whom, "least") == 16 + 29 - 37
    assert extreme(of("vah"), whom, "most") == 16
    assert extreme(of("vah"), "STATUS == 'refractory'", "least") == 37
    # Of 36 deaths from the disease, at most 28 are of patients who were never in remission.
    assert extreme(of("vah"), "DTHCAUS == 'relapse' and RLPFL == 'Y'", "least") == 36 - 28
    with pytest.raises(QueryError, match="no variable"):
        extreme(of("vah"), "HEIGHT > 3", "least")


def test_flags_of_a_later_part_join_in():
    late = model(
        "vah",
        flags=[Flag("OS12FL", "alive at 12 months"), Flag("LATERLFL", only_if="RLPFL == 'Y'")],
        counts={
            "OS12FL == 'Y' and HSCTFL == 'Y'": (34, 34),
            "OS12FL == 'Y'": (59, 60),
            "LATERLFL == 'Y'": (3, 5),
        },
        always=["OS12FL == 'Y' or DTHFL == 'Y'"],
    )
    table = solve(late, seed=3)
    assert ((table["OS12FL"] == "Y") & (table["HSCTFL"] == "Y")).sum() == 34
    assert (table["OS12FL"] == "Y").sum() in (59, 60)
    assert 3 <= (table["LATERLFL"] == "Y").sum() <= 5
    assert (table["LATERLFL"].notna() == (table["RLPFL"] == "Y")).all()
    assert not ((table["OS12FL"] == "N") & (table["DTHFL"] == "N")).any()
    with pytest.raises(KitError, match="there is a variable 'DTHFL'"):
        model("vah", flags=[Flag("DTHFL")])


def test_a_conflict_in_a_whole_paper_is_small():
    """Of 37 refractory patients 16 are women and 29 had a CRc, so 8 at least are both."""
    whom = "SEX == 'F' and STATUS == 'refractory' and CRCFL == 'Y'"
    found = conflict(counts.constraints("vah").with_more(counts={whom: (0, 7)}))
    assert whom in found.ids
    assert 3 <= len(found.ids) <= 6
    printed = {number.id: number for number in catalogue.published("vah")}
    for id in {*found.ids} - {whom}:
        assert printed[id].statistic in COUNTED
    with pytest.raises(KitError, match="no cohort has all of"):
        model("vah", counts={whom: (0, 7)})


# --- against everything that is possible ---------------------------------------------------------

YES = {"Y": "yes", "N": "no"}
SMALL = {
    "A": Variable(label="a", type="category", source="", values=YES),
    "B": Variable(label="b", type="category", source="", values=YES, only_if="A == 'Y'"),
    "C": Variable(label="c", type="integer", source="", minimum=1, maximum=4),
}
TYPES = pd.DataFrame(
    [
        {"A": a, "B": b, "C": c}
        for a, b in (("Y", "Y"), ("Y", "N"), ("N", None))
        for c in (1, 2, 3, 4)
    ]
)
QUESTIONS = (
    "A == 'Y'",
    "B == 'Y'",
    "B != 'Y'",
    "not (B == 'Y')",
    "C >= 2",
    "C < 4 and A == 'N'",
    "C in [1, 3] or B == 'N'",
    "C == 2 and B == 'Y'",
    "not (C > 3 or A == 'Y')",
)
MASKS = {text: query.parse(text, SMALL).mask(TYPES).to_numpy() for text in QUESTIONS}
FALSE = {text: query.parse(f"not ({text})", SMALL).mask(TYPES).to_numpy() for text in QUESTIONS}


def everything(size, rules):
    """Return how many patients have each combination, for all cohorts that keep the rules."""
    allowed = [k for k in range(len(TYPES)) if not any(FALSE[rule][k] for rule in rules)]
    for chosen in itertools.combinations_with_replacement(allowed, size):
        yield np.bincount(chosen, minlength=len(TYPES))


def possible(size, asked, rules):
    """Return all cohorts that have what is asked."""
    return [
        cohort
        for cohort in everything(size, rules)
        if all(least <= cohort[MASKS[text]].sum() <= most for text, least, most in asked)
    ]


@st.composite
def questions(draw):
    size = draw(st.integers(1, 4))
    asked = []
    for text in draw(st.lists(st.sampled_from(QUESTIONS), max_size=5)):
        least = draw(st.integers(0, size))
        asked.append((text, least, draw(st.integers(least, size))))
    return size, asked, draw(st.lists(st.sampled_from(QUESTIONS), max_size=2, unique=True))


def constraints(size, asked, rules):
    return Constraints(
        variables=SMALL,
        sizes={size: ("size",)},
        always=tuple(query.parse(text, SMALL) for text in rules),
        counts=tuple(
            Count((f"row_{place}",), query.parse(text, SMALL), least, most)
            for place, (text, least, most) in enumerate(asked)
        ),
    )


@properties
@given(questions())
def test_a_cohort_is_found_where_there_is_one_and_else_a_smallest_conflict(question):
    size, asked, rules = question
    cohorts = possible(size, asked, rules)
    found = conflict(constraints(size, asked, rules))
    assert (found is None) == bool(cohorts)
    if found is None:
        ready = model(constraints(size, asked, rules))
        table = solve(ready, seed=1)
        assert len(table) == size
        for text, least, most in asked:
            assert least <= query.parse(text, SMALL).mask(table).sum() <= most
        for text in QUESTIONS:
            numbers = [int(cohort[MASKS[text]].sum()) for cohort in cohorts]
            assert extreme(ready, text, "least") == min(numbers)
            assert extreme(ready, text, "most") == max(numbers)
        return
    with pytest.raises(KitError, match="no cohort has all of"):
        model(constraints(size, asked, rules))
    named = [asked[int(id.removeprefix("row_"))] for id in found.ids]
    assert not possible(size, named, found.rules)
    for spared in range(len(named)):
        assert possible(size, named[:spared] + named[spared + 1 :], found.rules)
    for spared in range(len(found.rules)):
        rest = found.rules[:spared] + found.rules[spared + 1 :]
        assert possible(size, named, rest)


@properties
@given(st.integers(1, 5), st.integers(0, 100), st.booleans(), st.integers(0, 5))
def test_a_limit_to_a_share_is_exact(size, percent, above, members):
    whole, part = query.parse("A == 'Y'", SMALL), query.parse("A == 'Y' and B == 'Y'", SMALL)
    members = min(members, size)
    asked = Constraints(
        variables=SMALL,
        sizes={size: ("size",)},
        counts=(Count(("group",), whole, members, members),),
        shares=(Share(("limit",), whole, part, Fraction(percent), above),),
    )
    # Strictly: of nobody no share is above or below anything.
    fits = [
        n
        for n in range(members + 1)
        if (100 * n > percent * members if above else 100 * n < percent * members)
    ]
    found = conflict(asked)
    assert (found is None) == bool(fits)
    if fits:
        ready = model(asked)
        assert extreme(ready, "B == 'Y'", "least") == min(fits)
        assert extreme(ready, "B == 'Y'", "most") == max(fits)
    else:
        assert "limit" in found.ids


def test_a_merged_count_is_blamed_on_one_of_the_places_that_print_it():
    asked = Constraints(
        variables=SMALL,
        sizes={3: ("size",)},
        counts=(
            Count(("abstract", "table"), query.parse("A == 'Y'", SMALL), 2, 2),
            Count(("text",), query.parse("B == 'Y'", SMALL), 3, 3),
        ),
    )
    found = conflict(asked)
    assert found.ids in (("abstract", "text"), ("table", "text"))
    assert found.rules == ()


def test_two_sizes_of_the_whole_are_a_conflict():
    asked = Constraints(variables=SMALL, sizes={3: ("abstract",), 4: ("table",)})
    assert conflict(asked).ids == ("abstract", "table")
    with pytest.raises(KitError, match="no cohort has all of: abstract, table"):
        model(asked)


# --- a paper of one's own ------------------------------------------------------------------------

PAPER = """id = "small"
title = "A small paper"
short_title = "Small"
kind = "article"
citation = "Nowhere 2024"

[variables]
AGE = { label = "age", type = "integer", source = "Table 1", minimum = 18, maximum = 90 }
SEX = { label = "sex", type = "category", source = "text", values = { F = "she", M = "he" } }
CRFL = { label = "CR", type = "category", source = "text", values = { Y = "yes", N = "no" } }
RASH = { label = "rash", type = "integer", source = "Table 2", minimum = 0, maximum = 5 }

[variables.MRDFL]
label = "MRD negative"
type = "category"
source = "text"
values = { Y = "yes", N = "no" }
only_if = "CRFL == 'Y'"

[groups]
all = ""
women = "SEX == 'F'"
cr = "CRFL == 'Y'"

[quantities]
mrd_negative = "MRDFL == 'Y'"
"*_grade_ge3" = "* >= 3"

[reconstruct]
always = ["RASH != 5 or CRFL == 'N'"]
"""
HEADER = (
    "id,location,quantity,group,statistic,printed,value,count,total,lower,upper,level,unit,"
    "relates_to,note\n"
)
ROWS = """n,table 1,patients,all,count_percent,n = 9,,9,,,,,patients,,
age,table 1,age,all,median_range,50 [20-71],50,,9,20,71,,years,,
women,table 1,women,all,count_percent,44%,44,,9,,,,%,,
cr,text,cr,all,count_percent,5 (56%),56,5,9,,,,%,,
cr_women,text,cr,women,count_percent,3 of 4,,3,4,,,,patients,,
mrd,text,mrd_negative,cr,count_percent,40%,40,,5,,,,%,,
rash,table 2,rash_grade_ge3,all,count_percent,2,,2,9,,,,patients,,
os,text,os_median,all,median_time_ci,8 months,8,,9,,,,months,,
"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Return a function that writes a small paper into an empty place."""
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    folder = tmp_path / "data" / "small"
    folder.mkdir(parents=True)

    def write(paper=PAPER, rows=ROWS):
        (folder / "paper.toml").write_text(paper, encoding="utf-8")
        (folder / "published.csv").write_text(HEADER + rows, encoding="utf-8")

    write()
    return write


def test_a_paper_of_ones_own_needs_no_code(small):
    assert set(counts.rows("small")["status"]) == {"used"}
    table = solve(model("small"), seed=5)
    women = table["SEX"] == "F"
    assert women.sum() == 4  # 4 of 9 is the only share printed 44 %
    assert (table["CRFL"] == "Y").sum() == 5
    assert (women & (table["CRFL"] == "Y")).sum() == 3
    assert (table["MRDFL"] == "Y").sum() == 2
    assert table["MRDFL"].notna().sum() == 5
    assert (table["RASH"] >= 3).sum() == 2
    assert not ((table["RASH"] == 5) & (table["CRFL"] == "Y")).any()
    assert (table["AGE"].min(), table["AGE"].median(), table["AGE"].max()) == (20, 50, 71)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("mrd_negative =", "mrd ="), "mrd: nothing says whom it counts"),
        (("RASH = ", "ITCH = "), "no variable 'RASH'"),
        (('cr = "CRFL', 'cr = "CRXL'), "groups.cr: no variable 'CRXL'"),
        (("only_if = \"CRFL == 'Y'\"", "only_if = \"CRFL == 'X'\""), "only_if: CRFL is never 'X'"),
        (("[reconstruct]", "[reconstruct]\nexcluded = { gone = 'x' }"), "no number 'gone'"),
        (("[reconstruct]", "[reconstruct]\neach = { men = [] }"), "each: no group 'men'"),
        (
            ("[reconstruct]", "[reconstruct]\nassumed = { \"HAIR == 'Y'\" = [1, 2] }"),
            "reconstruct.assumed: no variable 'HAIR'",
        ),
        (("minimum = 18, ", ""), "a minimum and a maximum of AGE"),
        (("minimum = 18", "minimum = 60"), "no AGE from 60 to"),
    ],
)
def test_faults_of_a_folder_are_told_in_one_line_each(small, change, told):
    small(PAPER.replace(*change))
    with pytest.raises(DataError) as error:
        counts.constraints("small")
    lines = str(error.value).splitlines()
    assert any(told in line for line in lines), lines
    assert all(line.startswith("data/small/") for line in lines)


def test_what_is_assumed_holds_beside_what_is_printed(small):
    """Nothing printed limits who has a mild rash."""
    mild = "RASH in [1, 2]"
    assert [extreme(model("small"), mild, sense) for sense in ("least", "most")] == [0, 7]
    small(PAPER.replace("[reconstruct]", f'[reconstruct]\nassumed = {{ "{mild}" = [3, 4] }}'))
    assert [extreme(model("small"), mild, sense) for sense in ("least", "most")] == [3, 4]


def test_a_cohort_may_be_asked_for_more_than_the_model(small):
    ready = model("small", counts={"SEX == 'F' and CRFL == 'Y' and MRDFL == 'Y'": (0, 9)})
    asked = "SEX == 'F' and MRDFL == 'Y'"
    for amount in (0, 1, 2):
        table = solve(ready, seed=1, counts={asked: (amount, amount)})
        assert ((table["SEX"] == "F") & (table["MRDFL"] == "Y")).sum() == amount
        assert (table["MRDFL"] == "Y").sum() == 2
    with pytest.raises(KitError, match="no cohort has those counts"):
        solve(ready, seed=1, counts={asked: (3, 3)})
    # What was asked of one cohort is not asked of the next.
    assert_frame_equal(solve(ready, seed=1), solve(model(ready.asked), seed=1))


def test_a_row_left_out_by_choice_binds_nobody(small):
    small(
        PAPER.replace("[reconstruct]", "[reconstruct]\nexcluded = { mrd = 'the method changed' }")
    )
    told = counts.rows("small").set_index("id").loc["mrd"]
    assert (told["status"], told["reason"]) == ("excluded", "the method changed")
    ready = model("small")
    assert [extreme(ready, "MRDFL == 'Y'", sense) for sense in ("least", "most")] == [0, 5]


def test_a_contradiction_that_no_single_check_sees_is_named(small):
    """Seven with CR among nine, so at least two of four women; the rule asks for none."""
    rule = "\"SEX == 'M' or CRFL == 'N'\", \"RASH"
    small(PAPER.replace('"RASH', rule, 1))
    found = conflict(counts.constraints("small"))
    assert found.ids == ("cr_women",)
    assert found.rules == ("SEX == 'M' or CRFL == 'N'",)
    with pytest.raises(KitError, match="cr_women; given of every patient: SEX"):
        model("small")


# --- quantiles -----------------------------------------------------------------------------------


@properties
@given(
    st.lists(st.integers(-50, 50), min_size=1, max_size=12),
    st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
)
def test_quantiles_as_numpy_has_them(values, p):
    values = sorted(values)
    exact = [Fraction(value) for value in values]
    for kind, method in ((7, "linear"), (6, "weibull"), (2, "averaged_inverted_cdf")):
        assert float(counts.quantile(exact, p, kind)) == pytest.approx(
            np.quantile(values, p, method=method)
        )


@properties
@given(st.integers(1, 5), st.sampled_from([0.25, 0.5, 0.75]), st.integers(2, 9), st.booleans())
def test_all_values_that_print_a_quantile_and_no_others(size, p, shown, half):
    text = f"{shown}.5" if half else str(shown)
    places, values, best = counts.printing(text, p, size, 0, 10, 0)
    expected = {"needed": set(), "best": set()}
    for ordered in itertools.combinations_with_replacement(range(11), size):
        agree = [
            rounding.agrees(np.quantile(ordered, p, method=method), text)
            for method in ("linear", "weibull", "averaged_inverted_cdf")
        ]
        chosen = tuple(ordered[place - 1] for place in places)
        if all(agree[:2]):
            expected["needed"].add(chosen)
        if all(agree):
            expected["best"].add(chosen)
    assert set(values) == expected["needed"]
    assert set(best) == (expected["best"] or expected["needed"])


def test_the_package_is_cheap_to_import():
    assert "ortools" not in vars(categorical)
