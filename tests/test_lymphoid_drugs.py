"""Blinatumomab and TKIs by their labels, and one calendar of all; sums by hand."""

import numpy as np
import pytest

from helpers import combination, lymphoid_drugs, parameters
from helpers.errors import KitError

TRIAL = "nct06991920"
ADULT = {"weight_kg": 70, "body_surface_m2": 1.8}


def settings(**changed):
    return parameters.check(changed, "dose", "lymphoid_drugs", paper=TRIAL)


def test_blinatumomab_steps_up_in_the_first_cycle_only():
    given = lymphoid_drugs.blinatumomab("relapsed or refractory", cycles=2, **ADULT)
    sums = given.groupby("CYCLE")["DOSE"].sum()
    assert sums.tolist() == [7 * 9 + 21 * 28, 28 * 28]
    assert len(given) == 2 * 42
    assert given["CUMDOSE"].iloc[-1] == sums.sum()
    assert given.loc[given["CYTOKINE"], "STUDYDAY"].tolist() == [*range(1, 10), 43, 44]


def test_without_a_step_where_the_label_has_none():
    for use in ("residual disease", "consolidation"):
        given = lymphoid_drugs.blinatumomab(use, cycles=1, start_day=10, **ADULT)
        assert given["DOSE"].sum() == 28 * 28
        assert given["STUDYDAY"].iloc[0] == 10


def test_light_patients_are_dosed_by_body_surface_and_never_above_the_fixed_dose():
    def doses(weight, surface):
        given = lymphoid_drugs.blinatumomab(
            "relapsed or refractory", cycles=1, weight_kg=weight, body_surface_m2=surface
        )
        return sorted(set(given["DOSE"]) - {0.0})

    assert doses(44, 1.4) == [7.0, 21.0]
    assert doses(45, 1.4) == [9.0, 28.0]
    assert doses(44, 2.0) == [9.0, 28.0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"use": "prevention"},
        {"cycles": 0},
        {"cycles": 6},
        {"start_day": 0},
        {"weight_kg": 0},
    ],
)
def test_what_cannot_be_given_is_refused(wrong):
    asked = {"use": "relapsed or refractory", "cycles": 1, **ADULT} | wrong
    with pytest.raises(KitError):
        lymphoid_drugs.blinatumomab(asked.pop("use"), **asked)


def test_a_tki_is_reduced_where_its_label_says_so():
    found = {
        drug: [lymphoid_drugs.tki_dose(drug, each) for each in lymphoid_drugs.INHIBITORS]
        for drug in lymphoid_drugs.labels().tki
    }
    assert found == {
        "imatinib": [600, 600, None, None],
        "dasatinib": [140, 140, 40, 40],
        "ponatinib": [30, 30, 15, 15],
    }
    with pytest.raises(KitError, match="no drug"):
        lymphoid_drugs.tki_dose("aspirin", "none")
    with pytest.raises(KitError, match="no class"):
        lymphoid_drugs.tki_dose("dasatinib", "weak")


def test_the_stronger_inhibitor_decides():
    strongest = lymphoid_drugs.strongest_inhibitor
    assert strongest("none", "none") == "none"
    assert strongest("imatinib", "none") == "moderate"
    assert strongest("imatinib", "strong") == "strong"
    assert strongest("dasatinib", "none") == "none"


def test_imatinib_halves_venetoclax_and_dasatinib_does_not():
    def venetoclax(**changed):
        table = combination.calendars(settings(**changed))
        return table.loc[table["DRUG"] == "venetoclax", "DOSE"].sum()

    plain = 100 + 200 + 26 * 400
    assert venetoclax() == plain
    assert venetoclax(tki="dasatinib") == plain
    assert venetoclax(tki="imatinib") == plain / 2


def test_the_calendar_says_which_dose_the_label_leaves_open():
    chosen = settings(tki="imatinib", cyp3a_inhibitor="strong")
    table = combination.calendars(chosen)
    assert table.loc[table["DRUG"] == "imatinib", "DOSE"].isna().all()
    found = combination.outcome(chosen, paper=TRIAL)
    assert "the label gives no dose" in found.summary
    assert "no number in the label" in found.parts[0].alt
    assert "no number in the label" in repr(found.parts[1])


def test_the_summary_adds_up():
    found = combination.outcome(
        settings(blinatumomab_start_day=29, tki="ponatinib", cyp3a_inhibitor="posaconazole"),
        paper=TRIAL,
    )
    for part in (
        "Venetoclax 70 mg a day (down from 400 mg: beside posaconazole)",
        f"{10 + 20 + 50 + 25 * 70:,} mg in all",
        "Blinatumomab 9 then 28 µg a day from day 29 on, 651 µg in all",
        "Ponatinib 15 mg a day (down from 30 mg)",
        "On the days of blinatumomab's cytokines no venetoclax is given",
    ):
        assert part in found.summary
    # The TKI is taken to the last day of the other drugs.
    daily = found.data[found.data["DRUG"] == "ponatinib"]
    assert daily["STUDYDAY"].tolist() == list(range(1, 28 + 42 + 1))


def test_where_venetoclax_meets_the_cytokines_its_days_are_counted():
    assert "On 9 days venetoclax" in combination.outcome(settings(), paper=TRIAL).summary
    late = combination.outcome(settings(blinatumomab_start_day=25), paper=TRIAL)
    assert "On 4 days venetoclax" in late.summary
    none = combination.outcome(settings(blinatumomab="none"), paper=TRIAL)
    assert "cytokines" not in none.summary
    assert not np.any(none.data["CYTOKINE"])


def test_too_many_cycles_are_a_fault_of_the_settings():
    with pytest.raises(KitError, match="blinatumomab_cycles with blinatumomab"):
        settings(blinatumomab="consolidation", blinatumomab_cycles=5)
