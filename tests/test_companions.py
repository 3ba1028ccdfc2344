"""What is given beside venetoclax: milligrams by hand."""

import pytest

from helpers import companions
from helpers.errors import KitError


def test_by_hand():
    found = companions.given("vah", body_surface_m2=1.8, cycles=2).set_index("drug")
    # 75 and 1 mg/m² on days 1 to 7.
    assert found.loc["azacitidine"].tolist() == pytest.approx([75, 7, 135, 945, 1890])
    assert found.loc["homoharringtonine"].tolist() == pytest.approx([1, 7, 1.8, 12.6, 25.2])


def test_in_words():
    found = companions.given("vah", body_surface_m2=2)
    told = companions.words(found, body_surface_m2=2)
    assert "at 2 m²: azacitidine 75 mg/m² for 7 days, 150.0 mg a day and 1,050.0 mg in all" in told


@pytest.mark.parametrize(
    "given", [{"body_surface_m2": 0}, {"cycles": 0}, {"cycle_days": 6}], ids=str
)
def test_what_makes_no_course(given):
    with pytest.raises(KitError):
        companions.given("vah", **{"body_surface_m2": 1.8} | given)
