"""Endpoint definitions against hand-made histories: what stops the clock, when, and for whom."""

import itertools
import math

import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helpers import catalogue, cohort, endpoints, timeline
from helpers.catalogue import Definition
from helpers.errors import DataError, KitError

properties = settings(deadline=None, max_examples=60)

NEVER = math.nan
COLUMNS = ["USUBJID", "DIAGM", "TRTM", "RSPM", "HSCTM", "RLPM", "DTHM", "LSTALVM"]
HISTORY = pd.DataFrame(
    [
        # Relapsed and died; transplanted, relapsed, alive; died without a response; alive.
        ["a", -2, 0, 1, NEVER, 5, 8, 8],
        ["b", -1, 0, 2, 3, 6, NEVER, 10],
        ["c", -4, 0, NEVER, NEVER, NEVER, 1, 1],
        ["d", -3, 0, 1, 2, NEVER, NEVER, 12],
    ],
    columns=COLUMNS,
)


def definition(origin="diagnosis", events=("death",), censor_at=(), cutoff=None, **more):
    return Definition(
        label="an endpoint",
        origin=origin,
        events=events,
        censor_at=censor_at,
        cutoff_months=cutoff,
        **more,
    )


def clocks(history=HISTORY, **given):
    table = endpoints.derive(history, definition(**given))
    return {row.USUBJID: (row.AVAL, row.CNSR, row.EVNTDESC) for row in table.itertuples()}


DEATH, RELAPSED = (0, "death"), (0, "relapse")
LAST, TRANSPLANT, CUT = (1, "last contact"), (1, "transplant"), (1, "data cut-off")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"a": (10, *DEATH), "b": (11, *LAST), "c": (5, *DEATH), "d": (15, *LAST)}),
        (
            {"origin": "treatment"},
            {"a": (8, *DEATH), "b": (10, *LAST), "c": (1, *DEATH), "d": (12, *LAST)},
        ),
        # Patient c never responded.
        ({"origin": "response"}, {"a": (7, *DEATH), "b": (8, *LAST), "d": (11, *LAST)}),
        (
            {"events": ("death", "relapse"), "origin": "treatment"},
            {"a": (5, *RELAPSED), "b": (6, *RELAPSED), "c": (1, *DEATH), "d": (12, *LAST)},
        ),
        (
            {"censor_at": ("transplant",), "origin": "treatment"},
            {"a": (8, *DEATH), "b": (3, *TRANSPLANT), "c": (1, *DEATH), "d": (2, *TRANSPLANT)},
        ),
        (
            {"cutoff": 10.5},
            {"a": (10, *DEATH), "b": (10.5, *CUT), "c": (5, *DEATH), "d": (10.5, *CUT)},
        ),
        # The cut-off counts from the origin, not from treatment.
        ({"origin": "response", "cutoff": 7}, {"a": (7, *DEATH), "b": (7, *CUT), "d": (7, *CUT)}),
    ],
)
def test_the_clock_stops_at_what_comes_first(given, expected):
    assert clocks(**given) == expected


def test_an_event_wins_a_tie():
    """With the last contact, a transplant, the cut-off."""
    tied = pd.DataFrame([["a", -1, 0, 1, 8, NEVER, 8, 8]], columns=COLUMNS)
    for censor_at, cutoff in itertools.product([(), ("transplant",)], [None, 8]):
        found = clocks(tied, origin="treatment", censor_at=censor_at, cutoff=cutoff)
        assert found == {"a": (8, *DEATH)}


def test_a_tie_is_a_tie_to_the_reader_not_to_the_last_bit():
    """A death that the assumptions put at 11 months is at 11 months, not 4e-15 after."""
    history = timeline.history(
        cohort.patients("alal_nos", "USUBJID == '1'"),
        course_months=0.8,
        response_to_transplant_months=1.5,
        relapse_to_death_months=1.2,
    )
    # Response after 0.8, relapse 9 months later, death 1.2 months after that.
    assert clocks(history, origin="treatment", cutoff=11)["1"] == (pytest.approx(11), *DEATH)
    noisy = pd.DataFrame([["a", -1, 0, 1, NEVER, NEVER, 0.1 + 0.2, 0.1 + 0.2]], columns=COLUMNS)
    assert noisy["DTHM"].iloc[0] > 0.3
    assert clocks(noisy, origin="treatment", cutoff=0.3) == {"a": (0.3, *DEATH)}


def test_a_clock_that_would_run_backwards_is_left_out():
    odd = pd.DataFrame([["a", -1, 0, 9, NEVER, NEVER, 8, 8]], columns=COLUMNS)
    assert clocks(odd, origin="response") == {}
    at_once = pd.DataFrame([["a", -1, 0, 8, NEVER, NEVER, 8, 8]], columns=COLUMNS)
    assert clocks(at_once, origin="response") == {"a": (0, *DEATH)}


def test_a_patient_without_any_time_is_left_out():
    """Nothing is known of when the clock stopped; least of all that it was at a death."""
    lost = pd.DataFrame([["a", -1, 0, 1, NEVER, NEVER, NEVER, NEVER]], columns=COLUMNS)
    assert clocks(lost, origin="treatment") == {}


def test_nobody_gives_an_empty_table():
    table = endpoints.derive(HISTORY.iloc[:0], definition())
    assert len(table) == 0
    assert list(table) == ["USUBJID", "AVAL", "CNSR", "EVNTDESC"]


# --- every definition of the papers, by hand ----------------------------------------------------

# Relapsed and died; relapsed after a transplant, alive; died before anything; transplanted, alive
# at 30 months; failed at 2, transplanted all the same, died; died in remission; answered late.
N = NEVER
PATIENTS = pd.DataFrame(
    [
        ["a", -2, 0, 1.0, 1.2, N, 5, N, 8, 8],
        ["b", -1, 0, 2.0, 4.0, N, 6, 3, N, 10],
        ["c", -4, 0, N, N, N, N, N, 1, 1],
        ["d", -3, 0, 1.0, 2.0, N, N, 2, N, 30],
        ["e", -5, 0, N, N, 2, N, 4, 9, 9],
        ["f", -1, 0, 1.5, 3.0, N, N, N, 7, 7],
        ["g", -2, 0, 2.5, N, N, N, N, N, 5],
    ],
    columns=[*COLUMNS[:4], "MRDNEGM", "NRSPM", "RLPM", "HSCTM", "DTHM", "LSTALVM"],
)
OUT = None
OS = [(8, 1), (10, 0), (1, 1), (30, 0), (9, 1), (7, 1), (5, 0)]
EFS = [(5, 1), (6, 1), (1, 1), (30, 0), (2, 1), (7, 1), (5, 0)]
DFS = [(4, 1), (4, 1), OUT, (29, 0), OUT, (5.5, 1), (2.5, 0)]
MRD = [(1.2, 1), (3, 0), (1, 0), (2, 1), (3, 0), (3, 1), (3, 0)]
RELAPSE = [(4, 1), (4, 1), OUT, (29, 0), OUT, (5.5, 2), (2.5, 0)]
PAPERS = {
    "alal_nos": {"os": [(10, 1), (11, 0), (5, 1), (33, 0), (14, 1), (8, 1), (7, 0)]},
    "hma_ldac": {"os": OS, "efs": EFS},
    "mini_hcvd": {
        "os": OS,
        "rfs": DFS,
        "dor": [(4, 1), (4, 1), OUT, (29, 0), OUT, (5.5, 0), (2.5, 0)],
    },
    "nct06991920": {
        "os": [*OS[:3], (24, 0), *OS[4:]],
        "os_uncut": OS,
        "dfs": DFS,
        "dfs_cr": DFS,
        "rfs": DFS,
        "rfs_cr": DFS,
        "efs": EFS,
        # b, f and g answer too late, e not at all.
        "efs_at_six_weeks": [(5, 1), (1.38, 1), (1, 1), (30, 0), (1.38, 1), (1.38, 1), (1.38, 1)],
        "response": [(1, 1), (1.38, 0), (1, 0), (1, 1), (1.38, 0), (1.38, 0), (1.38, 0)],
        "response_after_induction": [
            *[(1, 1), (2, 1), (1, 0), (1, 1), (2.3, 0), (1.5, 1), (2.3, 0)],
        ],
        "mrd_negative": MRD,
        "mrd_negative_after_induction": [
            *[(1.2, 1), (3.92, 0), (1, 0), (2, 1), (3.92, 0), (3, 1), (3.92, 0)],
        ],
        "mrd_negative_in_remission": MRD,
    },
    "vah": {
        "os": OS,
        "efs": EFS,
        "dfs": DFS,
        "relapse": RELAPSE,
        "crc": [(1, 1), (1.84, 0), (1, 0), (1, 1), (1.84, 0), (1.5, 1), (1.84, 0)],
    },
}


def observed(chosen, history=PATIENTS):
    found = endpoints.observe(history, chosen)
    assert np.isnan(found.time[~found.included]).all()
    assert not found.code[~found.included].any()
    return [
        (months, code) if included else OUT
        for months, code, included in zip(
            found.time.tolist(), found.code.tolist(), found.included.tolist(), strict=True
        )
    ]


@pytest.mark.parametrize(
    ("paper", "name"), [(paper, name) for paper, names in PAPERS.items() for name in names]
)
def test_a_papers_definition_by_hand(paper, name):
    assert observed(catalogue.load(paper).endpoints[name]) == PAPERS[paper][name]


@pytest.mark.parametrize("paper", PAPERS)
def test_each_definition_of_a_paper_has_its_hand_made_answer(paper):
    assert catalogue.load(paper).endpoints.keys() == PAPERS[paper].keys()


@pytest.mark.parametrize(
    ("paper", "name", "who"),
    [
        ("vah", "os", "enrolled"),
        ("vah", "dfs", "responded"),
        ("vah", "relapse", "responded"),
        ("mini_hcvd", "os", "all"),
        ("mini_hcvd", "rfs", "responded"),
        ("nct06991920", "os", "enrolled"),
        ("nct06991920", "mrd_negative_in_remission", "responded"),
        ("hma_ldac", "efs", "all"),
    ],
)
def test_who_counts_in_a_papers_endpoint(paper, name, who):
    described = catalogue.load(paper)
    patients = pd.DataFrame(
        {"ENRLFL": ["Y", "Y", "N", "N"], "CRCFL": ["Y", "N", "N", "Y"]}, index=list("abcd")
    )
    picked = cohort.select(patients, described.endpoints[name].population, described.variables)
    expected = {"all": "abcd", "enrolled": "ab", "responded": "ad" if paper == "mini_hcvd" else "a"}
    assert "".join(picked.index) == expected[who]


EVENT_FREE = {"origin": "treatment", "events": ("no response", "relapse", "death")}
DISEASE_FREE = {"origin": "response", "events": ("relapse", "death")}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        # b, d censored at transplant; e failed before it.
        (
            EVENT_FREE | {"censor_at": ("transplant",)},
            [(5, 1), (3, 0), (1, 1), (2, 0), (2, 1), (7, 1), (5, 0)],
        ),
        (EVENT_FREE | {"non_response": "day 1"}, [*EFS[:4], (0, 1), *EFS[5:]]),
        (
            EVENT_FREE | {"origin": "diagnosis", "non_response": "day 1"},
            [(7, 1), (7, 1), (5, 1), (33, 0), (5, 1), (8, 1), (7, 0)],
        ),
        # By month 2: b has just responded, c is dead, g hasn't responded yet.
        (EVENT_FREE | {"assessment_month": 2}, [*EFS[:6], (2, 1)]),
        (
            EVENT_FREE | {"assessment_month": 2, "non_response": "day 1"},
            [*EFS[:4], (0, 1), (7, 1), (0, 1)],
        ),
        (
            EVENT_FREE | {"assessment_month": 2, "origin": "diagnosis"},
            [(7, 1), (7, 1), (5, 1), (33, 0), (7, 1), (8, 1), (4, 1)],
        ),
        # A failure that would be found after the cut-off is not found, whatever its date.
        (
            EVENT_FREE | {"cutoff_months": 1.5, "non_response": "day 1"},
            [(1.5, 0), (1.5, 0), (1, 1), (1.5, 0), (1.5, 0), (1.5, 0), (1.5, 0)],
        ),
        # Nor one that comes after a competing transplant.
        (
            {
                "origin": "treatment",
                "events": ("no response",),
                "competing": ("transplant",),
                "assessment_month": 4.5,
                "non_response": "day 1",
            },
            [(8, 0), (3, 2), (1, 0), (2, 2), (4, 2), (7, 0), (5, 0)],
        ),
        (
            {
                "origin": "treatment",
                "events": ("no response", "relapse"),
                "competing": ("death",),
            },
            [(5, 1), (6, 1), (1, 2), (30, 0), (2, 1), (7, 2), (5, 0)],
        ),
        # Time to response, with failure competing; a death censors.
        (
            {"origin": "treatment", "events": ("response",), "competing": ("no response",)},
            [(1, 1), (2, 1), (1, 0), (1, 1), (2, 2), (1.5, 1), (2.5, 1)],
        ),
        (DISEASE_FREE | {"origin": "treatment"}, [*EFS[:4], (9, 1), *EFS[5:]]),
        (
            DISEASE_FREE | {"censor_at": ("transplant",)},
            [(4, 1), (1, 0), OUT, (1, 0), OUT, (5.5, 1), (2.5, 0)],
        ),
        # Non-relapse mortality.
        (
            {"origin": "response", "events": ("death",), "competing": ("relapse",)},
            [(4, 2), (4, 2), OUT, (29, 0), OUT, (5.5, 1), (2.5, 0)],
        ),
        (
            {"origin": "treatment", "events": ("relapse",), "competing": ("death", "transplant")},
            [(5, 1), (3, 2), (1, 2), (2, 2), (4, 2), (7, 2), (5, 0)],
        ),
        (
            {"origin": "transplant", "events": ("death",)},
            [OUT, (7, 0), OUT, (28, 0), (5, 1), OUT, OUT],
        ),
        (
            {"origin": "transplant", "events": ("relapse",), "cutoff_months": 3},
            [OUT, (3, 1), OUT, (3, 0), (3, 0), OUT, OUT],
        ),
        # MRD negativity within a month of the response.
        (
            {"origin": "response", "events": ("MRD negativity",), "window_months": 1},
            [(pytest.approx(0.2), 1), (1, 0), OUT, (1, 1), OUT, (1, 0), (1, 0)],
        ),
    ],
)
def test_a_variant_by_hand(changed, expected):
    assert observed(Definition(label="a variant", **changed)) == expected


def test_who_relapses_and_dies_at_once_has_relapsed():
    tied = {"RSPM": [1], "RLPM": [5], "DTHM": [5], "LSTALVM": [5]}
    for events, competing, code in [("relapse", "death", 1), ("death", "relapse", 2)]:
        chosen = definition("response", (events,), competing=(competing,))
        assert observed(chosen, tied) == [(4, code)]


def test_a_response_takes_back_a_failure_of_the_same_day_or_later():
    odd = {"TRTM": 0, "RSPM": [2, 2, 3], "NRSPM": [2, 3, 2], "DTHM": N, "LSTALVM": [9, 9, 9]}
    chosen = definition("treatment", ("no response",))
    assert observed(chosen, odd) == [(9, 0), (9, 0), (2, 1)]


def test_a_failure_must_be_found_while_it_can_be():
    """At the last contact or transplant at the latest, and of someone alive and followed."""
    failure = {"origin": "treatment", "events": ("no response",)}
    recorded = definition(**failure, censor_at=("transplant",))
    history = {
        "TRTM": 0,
        "RSPM": N,
        "NRSPM": [2, 2, 2, 2, 2],
        "HSCTM": [N, N, 2, 1.9, N],
        "DTHM": [N, N, N, N, 1],
        "LSTALVM": [2, 1.9, 9, 9, 9],
    }
    assert observed(recorded, history) == [(2, 1), (1.9, 0), (2, 1), (1.9, 0), (1, 0)]
    judged = definition(**failure, assessment_month=2)
    unsure = {
        "TRTM": 0,
        "RSPM": N,
        "DTHM": [N, 5, N, N, 1],
        "LSTALVM": [N, N, 2, 1.9, 9],
    }
    assert observed(judged, unsure) == [OUT, (2, 1), (2, 1), (1.9, 0), (1, 0)]


def test_a_cut_off_is_no_follow_up():
    """Of whom nothing is known, it isn't known either that they lived to the cut-off."""
    lost = {"TRTM": 0, "DTHM": [N, 5], "LSTALVM": [N, N]}
    assert observed(definition("treatment", cutoff=12), lost) == [OUT, (5, 1)]


def test_a_table_has_adam_codes():
    """0 event, 1 censored, 2 a competing event; whoever has no response is left out."""
    found = endpoints.derive(PATIENTS, catalogue.load("vah").endpoints["relapse"])
    assert found.to_numpy().tolist() == [
        ["a", 4, 0, "relapse"],
        ["b", 4, 0, "relapse"],
        ["d", 29, 1, "last contact"],
        ["f", 5.5, 2, "death"],
        ["g", 2.5, 1, "last contact"],
    ]
    found = endpoints.derive(PATIENTS, catalogue.load("mini_hcvd").endpoints["dor"])
    assert found[["CNSR", "EVNTDESC"]].to_numpy().tolist()[3] == [1, "death"]
    found = endpoints.derive(PATIENTS, catalogue.load("nct06991920").endpoints["response"])
    assert found.to_numpy().tolist()[:3] == [
        ["a", 1, 0, "response"],
        ["b", 1.38, 1, "end of window"],
        ["c", 1, 1, "death"],
    ]


def test_what_a_history_lacks_is_named():
    with pytest.raises(KitError, match=r"event history: no NRSPM.*assessment_month"):
        endpoints.observe(HISTORY, definition("treatment", ("no response", "death")))
    endpoints.observe(HISTORY, definition("treatment", ("no response",), assessment_month=2))
    with pytest.raises(KitError, match="no MRDNEGM; right would be: months"):
        endpoints.observe(HISTORY, definition("treatment", ("MRD negativity",)))
    with pytest.raises(KitError, match="lengths"):
        endpoints.observe(
            {"TRTM": [0, 0], "DTHM": [1, 2, 3], "LSTALVM": [1, 2, 3]}, definition("treatment")
        )


# --- contradictions ------------------------------------------------------------------------------

FAILURE = {"origin": "treatment", "events": ["no response"]}
CONTRADICTIONS = {
    "no event": ({"events": []}, "events", "at least one"),
    "unknown event": ({"events": ["boredom"]}, "events.0", "'death'"),
    "event twice": ({"events": ["death", "death"]}, "events", "named twice"),
    "both roles": ({"competing": ["death"]}, "competing", "'death' is an event already"),
    "event and censored": (
        {"events": ["transplant"], "censor_at": ["transplant"]},
        "censor_at",
        "'transplant' is an event already",
    ),
    "competes and censors": (
        {"competing": ["transplant"], "censor_at": ["transplant"]},
        "censor_at",
        "'transplant' is a competing event already",
    ),
    "origin as event": (
        {"origin": "response", "events": ["response"]},
        "events",
        "the clock starts at the response",
    ),
    "censored at the origin": (
        {"origin": "transplant", "censor_at": ["transplant"]},
        "censor_at",
        "the clock starts at the transplant",
    ),
    "no response of responders": (
        {"origin": "response", "events": ["no response", "death"]},
        "events",
        "'no response' with the clock starting at the response",
    ),
    "no response after transplant": (
        {"origin": "transplant", "competing": ["no response"]},
        "competing",
        "'no response' with the clock starting at the transplant",
    ),
    "day without failure": ({"non_response": "day 1"}, "non_response", "times 'no response'"),
    "month without failure": ({"assessment_month": 2}, "assessment_month", "times 'no response'"),
    "month 0": (FAILURE | {"assessment_month": 0}, "assessment_month", "greater than 0"),
    "cut before the assessment": (
        FAILURE | {"assessment_month": 2, "cutoff_months": 1},
        "cutoff_months",
        "ends before assessment_month",
    ),
    "window before the assessment": (
        FAILURE | {"assessment_month": 2, "window_months": 1},
        "window_months",
        "ends before assessment_month",
    ),
    "endless cut-off": ({"cutoff_months": math.inf}, "cutoff_months", "finite"),
    "binary with competing": (
        {"competing": ["relapse"], "window_months": 3},
        "window_months",
        "binary endpoint has no competing",
    ),
    "binary and censored": (
        {"censor_at": ["transplant"], "window_months": 3},
        "window_months",
        "binary endpoint has no censor_at",
    ),
    "binary and cut": (
        {"cutoff_months": 3, "window_months": 3},
        "window_months",
        "binary endpoint has no cutoff_months",
    ),
    "binary on day 1": (
        FAILURE | {"non_response": "day 1", "window_months": 3},
        "window_months",
        "binary endpoint has no day",
    ),
    "nobody at the origin": (
        {"origin": "response", "population": "ENRLFL == 'Y' and CRCFL == 'N'"},
        "population",
        "whoever reaches the origin, the response",
    ),
    "nobody at the transplant": (
        {"origin": "transplant", "population": 'HSCTFL != "Y"'},
        "population",
        "whoever reaches the origin, the transplant",
    ),
    "nobody to relapse": (
        {"events": ["relapse"], "population": "CRCFL=='N'"},
        "population",
        "whoever can have the event",
    ),
    "nobody to relapse or die": (
        {"events": ["relapse", "death"], "population": "RLPFL == 'N' and DTHFL == 'N'"},
        "population",
        "whoever can have the event",
    ),
    "unknown field": ({"landmark": 3}, "landmark", "Extra inputs"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_definition_that_contradicts_itself_is_refused(name):
    given, field, reason = CONTRADICTIONS[name]
    usual = {"label": "an endpoint", "origin": "treatment", "events": ["death"]}
    Definition.model_validate(usual)
    with pytest.raises(pydantic.ValidationError) as caught:
        Definition.model_validate(usual | given)
    (fault,) = caught.value.errors()
    assert ".".join(map(str, fault["loc"])) == field
    assert reason in fault["msg"]


@pytest.mark.parametrize(
    "given",
    [
        {"origin": "response", "population": "CRCFL == 'N' or STATUS == 'refractory'"},
        {"origin": "response", "population": "CRCFL == 'Y'"},
        {"events": ["relapse", "death"], "population": "RLPFL == 'N'"},
        {"events": ["transplant"], "population": "AGE < 60"},
        {"population": "this is (no query"},  # told by the check of all queries
        FAILURE | {"assessment_month": 2, "cutoff_months": 2},
    ],
)
def test_what_only_looks_like_a_contradiction_is_not_refused(given):
    Definition.model_validate({"label": "x", "origin": "treatment", "events": ["death"]} | given)


def test_a_contradiction_is_told_with_its_file_and_field(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIAL_BY_NOTEBOOK", str(tmp_path))
    folder = tmp_path / "data" / "small"
    folder.mkdir(parents=True)
    head = 'id = "small"\ntitle = "A"\nshort_title = "A"\nkind = "letter"\ncitation = "B"\n'
    (folder / "paper.toml").write_text(
        head + '[endpoints.os]\nlabel = "OS"\norigin = "treatment"\nevents = ["death"]\n'
        'competing = ["death"]\n',
        encoding="utf-8",
    )
    with pytest.raises(DataError) as caught:
        catalogue.load("small")
    assert str(caught.value).startswith("data/small/paper.toml, endpoints.os.competing: ")
    assert "'death' is an event already" in str(caught.value)


# --- properties ------------------------------------------------------------------------------

NAMES = {
    "response": "RSPM",
    "MRD negativity": "MRDNEGM",
    "no response": "NRSPM",
    "relapse": "RLPM",
    "transplant": "HSCTM",
    "death": "DTHM",
}
ORIGINS = {"diagnosis": "DIAGM", "treatment": "TRTM", "response": "RSPM", "transplant": "HSCTM"}


@st.composite
def definitions(draw, binary=True):
    origin = draw(st.sampled_from(list(ORIGINS)))
    possible = [name for name in NAMES if name != origin]
    if origin in ("response", "transplant"):
        possible.remove("no response")
    roles = draw(
        st.tuples(*(st.sampled_from(["event", "competing", None, None]) for _ in possible))
    )
    events = tuple(name for name, role in zip(possible, roles, strict=True) if role == "event")
    given = {
        "origin": origin,
        "events": draw(st.permutations(events or ("death",))),
        "competing": tuple(
            name
            for name, role in zip(possible, roles, strict=True)
            if role == "competing" and (events or name != "death")
        ),
    }
    named = [*given["events"], *given["competing"]]
    if "transplant" not in named and origin != "transplant":
        given["censor_at"] = draw(st.sampled_from([(), ("transplant",)]))
    if "no response" in named:
        given["non_response"] = draw(st.sampled_from(["assessment", "day 1"]))
        given["assessment_month"] = draw(st.sampled_from([None, 1, 2]))
    if binary and draw(st.booleans()):
        for name in ("competing", "censor_at", "non_response"):
            given.pop(name, None)
        if "no response" not in given["events"]:
            given.pop("assessment_month", None)
        given["window_months"] = draw(st.sampled_from([3, 6]))
    else:
        given["cutoff_months"] = draw(st.sampled_from([None, 3, 6]))
    return Definition(label="an endpoint", **given)


halves = st.integers(0, 24).map(lambda each: each / 2)
maybe = st.one_of(st.just(NEVER), halves)


@st.composite
def histories(draw, least=0):
    """Event histories in any order, possible or not; death, if any, is the last contact."""
    count = draw(st.integers(least, 6))
    columns = {name: [draw(maybe) for _ in range(count)] for name in NAMES.values()}
    last = [draw(halves) for _ in range(count)]
    columns["DTHM"] = [each if draw(st.booleans()) else NEVER for each in last]
    columns["DIAGM"] = [-draw(halves) for _ in range(count)]
    columns |= {"TRTM": [0.0] * count, "LSTALVM": last}
    names = [f"p{number}" for number in range(count)]
    return pd.DataFrame(columns, dtype=float).assign(USUBJID=names)


def one_by_one(row, chosen):
    """Follow one patient through time: an implementation apart from the kit's."""
    origin = row[ORIGINS[chosen.origin]]
    if math.isnan(origin):
        return OUT
    end = chosen.cutoff_months or chosen.window_months or math.inf
    moments = []  # month, rank among those of one moment, code
    others = [(row["LSTALVM"], 0), (row["DTHM"], 0)]
    others += [(row["HSCTM"], 0)] if chosen.censor_at else []
    named = dict.fromkeys(chosen.competing, 2) | dict.fromkeys(chosen.events, 1)
    others += [(row[NAMES[each]], 2) for each in chosen.competing if each != "no response"]
    for rank, (name, column) in enumerate(NAMES.items()):
        if name not in named:
            continue
        month = row[column]
        if name == "no response":
            if chosen.assessment_month:
                month = chosen.assessment_month
            too_late = month - origin > end or any(other < month for other, _ in others)
            if math.isnan(month) or row["RSPM"] <= month or too_late:
                continue
            month = 0 if chosen.non_response == "day 1" else month
        moments.append((month - origin, rank, named[name]))
    moments += [(month - origin, 10, 0) for month, code in others if code == 0]
    month, _, code = min(each for each in moments if not math.isnan(each[0]))
    if month < 0:
        return OUT
    return (end, 0) if month > end else (month, code)


@properties
@given(histories(), definitions())
def test_a_batch_is_as_one_patient_after_the_other(history, chosen):
    assert observed(chosen, history) == [
        one_by_one(row, chosen) for row in history.to_dict("records")
    ]


@properties
@given(st.lists(histories(4).map(lambda each: each[:4]), min_size=2, max_size=3), definitions())
def test_a_batch_is_as_one_member_after_the_other(members, chosen):
    columns = [name for name in members[0] if name != "USUBJID"]
    stacked = {name: np.stack([each[name].to_numpy() for each in members]) for name in columns}
    batch = endpoints.observe(stacked, chosen)
    assert batch.time.shape == (len(members), 4)
    for number, member in enumerate(members):
        alone = endpoints.observe(member, chosen)
        for name in ("time", "code", "included"):
            np.testing.assert_array_equal(getattr(batch, name)[number], getattr(alone, name))


@properties
@given(histories(), definitions())
def test_a_table_holds_what_is_observed(history, chosen):
    found = endpoints.observe(history, chosen)
    table = endpoints.derive(history, chosen)
    assert table["USUBJID"].tolist() == history["USUBJID"][found.included].tolist()
    assert table["AVAL"].tolist() == found.time[found.included].tolist()
    codes = {0: 1, 1: 0, 2: 2}
    assert table["CNSR"].tolist() == [codes[code] for code in found.code[found.included].tolist()]


@properties
@given(histories(), definitions(), st.randoms(use_true_random=False))
def test_the_order_of_patients_does_not_matter(history, chosen, random):
    order = list(range(len(history)))
    random.shuffle(order)
    as_is = endpoints.derive(history, chosen)
    shuffled = endpoints.derive(history.iloc[order], chosen)
    pd.testing.assert_frame_equal(
        shuffled.sort_values("USUBJID", ignore_index=True),
        as_is.sort_values("USUBJID", ignore_index=True),
    )


@properties
@given(histories(), definitions())
def test_no_time_exceeds_the_last_contact(history, chosen):
    found = endpoints.observe(history, chosen)
    followed = history["LSTALVM"] - history[ORIGINS[chosen.origin]]
    assert (found.time <= followed)[found.included].all()
    assert (found.time >= 0)[found.included].all()


@properties
@given(histories(), definitions(), st.data())
def test_an_event_less_never_shortens_a_time(history, chosen, data):
    assume(len(chosen.events) > 1)
    gone = data.draw(st.sampled_from(chosen.events))
    fewer = chosen.model_dump() | {"events": tuple(e for e in chosen.events if e != gone)}
    if gone == "no response":
        fewer |= {"non_response": "assessment", "assessment_month": None}
    before = endpoints.observe(history, chosen)
    after = endpoints.observe(history, Definition(**fewer))
    both = before.included & after.included
    assert (after.time[both] >= before.time[both]).all()


@properties
@given(histories(), definitions(binary=False))
def test_dating_a_failure_back_makes_no_event_of_anyone(history, chosen):
    assume("no response" in [*chosen.events, *chosen.competing])
    found = [
        endpoints.observe(history, chosen.model_copy(update={"non_response": when}))
        for when in ("assessment", "day 1")
    ]
    failed = [each.code > 0 for each in found]
    both = found[0].included & found[1].included
    assert (failed[0] == failed[1])[both].all()


@properties
@given(histories(), st.sampled_from(list(ORIGINS)), st.sampled_from([None, 3]))
def test_relapse_and_the_deaths_without_add_up_to_disease_free_survival(history, origin, cutoff):
    whole = endpoints.observe(history, definition(origin, ("relapse", "death"), cutoff=cutoff))
    parts = [
        endpoints.observe(history, definition(origin, (one,), competing=(other,), cutoff=cutoff))
        for one, other in [("relapse", "death"), ("death", "relapse")]
    ]
    for part in parts:
        np.testing.assert_array_equal(part.time, whole.time)
    assert ((parts[0].code == 1) + (parts[1].code == 1) == (whole.code == 1)).all()


@properties
@given(histories(), st.sampled_from(["diagnosis", "treatment", "response"]))
def test_whatever_is_added_stops_a_clock_sooner_if_at_all(history, origin):
    plain = clocks(history, origin=origin)
    more = [{"events": ("death", "relapse")}, {"censor_at": ("transplant",)}, {"cutoff": 6}]
    for each in more:
        for subject, (months, _, _) in clocks(history, origin=origin, **each).items():
            assert months <= plain[subject][0]


# --- words -------------------------------------------------------------------------------------


def test_a_definition_in_words():
    told = endpoints.describe(
        definition("response", ("death", "relapse"), ("transplant",), cutoff=12)
    )
    for part in ("the response", "death from any cause or relapse", "whichever comes first"):
        assert part in told
    for part in ("the transplant", "last contact", "12 months", "whichever is earliest"):
        assert part in told
    assert "whichever" not in endpoints.describe(definition())


@pytest.mark.parametrize(
    ("changed", "there", "back"),
    [
        ({"origin": "response"}, "starts at the response, not at diagnosis", "not at the response"),
        ({"events": ("death", "relapse")}, "elapse also counts", "elapse no longer counts"),
        ({"events": ("relapse",)}, "eath from any cause no longer", "eath from any cause also"),
        ({"censor_at": ("transplant",)}, "transplant stops", "transplant no longer stops"),
        ({"cutoff": 12}, "cut 12 months", "no longer cut"),
    ],
)
def test_a_difference_is_told_both_ways(changed, there, back):
    usual, other = definition(), definition(**changed)
    assert there in endpoints.difference(usual, other)
    assert back in endpoints.difference(other, usual)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"origin": "response", "events": ("relapse",), "competing": ("death",)},
            "From the response to relapse, with death from any cause as a competing event; "
            "otherwise censored at last contact.",
        ),
        (
            {
                "origin": "treatment",
                "events": ("relapse",),
                "competing": ("death", "transplant"),
                "cutoff_months": 1,
            },
            "From the start of venetoclax to relapse, with death from any cause and the transplant "
            "as competing events; otherwise censored at last contact or 1 month after the origin, "
            "whichever is earliest.",
        ),
        (
            EVENT_FREE,
            "From the start of venetoclax to documented failure to respond, relapse or death from "
            "any cause, whichever comes first; otherwise censored at last contact.",
        ),
        (
            FAILURE | {"assessment_month": 2, "non_response": "day 1"},
            "From the start of venetoclax to no response by month 2 of treatment (dated back to "
            "day 1); otherwise censored at death or last contact, whichever is earliest.",
        ),
        (
            {
                "origin": "response",
                "events": ("MRD negativity",),
                "window_months": 3,
                "population": " CRCFL == 'Y' ",
            },
            "Whether MRD negativity comes within 3 months of the response; no for whoever died or "
            "was lost before that. Only patients with CRCFL == 'Y' count.",
        ),
        (
            {"origin": "transplant", "events": ("death",), "window_months": 3},
            "Whether death from any cause comes within 3 months of the transplant; no for whoever "
            "was lost before that.",
        ),
    ],
)
def test_a_definition_in_so_many_words(given, told):
    assert endpoints.describe(Definition(label="an endpoint", **given)) == told


@pytest.mark.parametrize(
    ("one", "other", "there", "back"),
    [
        (
            DISEASE_FREE,
            {"origin": "response", "events": ("relapse",), "competing": ("death",)},
            "Death from any cause counts as a competing event, no longer as an event.",
            "Death from any cause counts as an event, no longer as a competing event.",
        ),
        (
            {"origin": "response", "events": ("relapse",), "competing": ("death",)},
            {"origin": "response", "events": ("relapse",)},
            "Death from any cause no longer counts as a competing event, it censors.",
            "Death from any cause counts as a competing event.",
        ),
        (
            DISEASE_FREE | {"censor_at": ("transplant",)},
            DISEASE_FREE | {"competing": ("transplant",)},
            "The transplant counts as a competing event.",
            "The transplant stops the clock without being an event.",
        ),
        (
            EVENT_FREE,
            EVENT_FREE | {"assessment_month": 2, "non_response": "day 1"},
            "Failure to respond is judged at month 2 of treatment; failure to respond is dated "
            "back to day 1.",
            "Failure to respond is taken as documented; failure to respond counts when it is "
            "found.",
        ),
        (
            {"origin": "treatment", "events": ("death",)},
            {"origin": "treatment", "events": ("death", "no response"), "non_response": "day 1"},
            "No response also counts as an event; failure to respond is dated back to day 1.",
            "No response no longer counts as an event.",
        ),
        (
            {"origin": "treatment", "events": ("response",)},
            {"origin": "treatment", "events": ("response",), "window_months": 1},
            "The question is whether it comes within 1 month, not when.",
            "The question is when it comes, not whether within 1 month.",
        ),
        (
            {"origin": "treatment", "events": ("response",), "window_months": 2},
            {"origin": "treatment", "events": ("response",), "window_months": 3},
            "The question is whether it comes within 3 months, not 2 months.",
            "The question is whether it comes within 2 months, not 3 months.",
        ),
        (
            {"origin": "treatment", "events": ("death",)},
            {"origin": "treatment", "events": ("death",), "population": "CRCFL == 'Y'"},
            "The patients who count are CRCFL == 'Y'.",
            "The patients who count are all.",
        ),
    ],
)
def test_a_difference_in_so_many_words(one, other, there, back):
    one, other = (Definition(label="an endpoint", **given) for given in (one, other))
    assert endpoints.difference(one, other) == there
    assert endpoints.difference(other, one) == back


def test_what_a_definition_is_called_makes_no_difference():
    one, other = (
        Definition(label=label, printed=label, note=label, origin="treatment", events=events)
        for label, events in [("x", ("death", "relapse")), ("y", ("relapse", "death"))]
    )
    assert endpoints.difference(one, other) == ""


def many_histories():
    """Patients of every kind, enough of them to tell any two definitions apart by their effect."""
    random = np.random.default_rng(20231)
    made = {}
    for name in NAMES.values():
        months = random.integers(0, 160, 2000) / 10
        made[name] = np.where(random.random(2000) < 0.5, months, NEVER)
    made["LSTALVM"] = random.integers(0, 200, 2000) / 10
    made["DTHM"] = np.where(random.random(2000) < 0.5, made["LSTALVM"], NEVER)
    return made | {"DIAGM": -random.integers(0, 30, 2000) / 10, "TRTM": np.zeros(2000)}


MANY = many_histories()


@properties
@given(definitions(), definitions(), st.data())
def test_there_is_a_difference_exactly_where_the_effect_differs(one, other, data):
    if data.draw(st.booleans()):
        # Two definitions drawn apart are hardly ever the same.
        other = one.model_copy(update={"events": one.events[::-1], "label": "another"})
    found = [endpoints.observe(MANY, each) for each in (one, other)]
    same = (
        np.array_equal(found[0].time, found[1].time, equal_nan=True)
        and np.array_equal(found[0].code, found[1].code)
        # A no isn't censoring, though the numbers are the same.
        and (one.window_months is None) == (other.window_months is None)
    )
    assert (endpoints.difference(one, other) == "") == same
    in_order = [
        each.model_copy(
            update={name: sorted(getattr(each, name)) for name in ("events", "competing")}
        )
        for each in (one, other)
    ]
    assert (endpoints.describe(in_order[0]) == endpoints.describe(in_order[1])) == same
