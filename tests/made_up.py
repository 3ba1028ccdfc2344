"""Made-up cohorts with the variables that a paper records: for figures, not for findings."""

import numpy as np
import pandas as pd

from helpers import catalogue, query


def cohort(paper, *, n, seed, members=1):
    """Draw patients at random, with event histories that are possible."""
    rng = np.random.default_rng(seed)
    described, size = catalogue.load(paper), n * members
    table = pd.DataFrame(
        {
            "member": np.repeat(np.arange(1, members + 1), n),
            "USUBJID": np.tile([str(number) for number in range(1, n + 1)], members),
        }
    )
    for name, variable in described.variables.items():
        if variable.is_number:
            drawn = rng.integers(int(variable.minimum), int(variable.maximum) + 1, size)
            table[name] = drawn.astype(float)
        else:
            codes = list(variable.values)
            # Yes is rarer than no; of others the first is the most frequent.
            weights = (
                np.array([0.3, 0.7]) if codes == ["Y", "N"] else 1 / (1 + np.arange(len(codes)))
            )
            table[name] = rng.choice(np.array(codes, dtype=object), size, p=weights / weights.sum())
    if "SCRNFL" in table:
        table[["SCRNFL", "ENRLFL"]] = "Y"
    table["CRCFL"] = np.where(table["BESTRSP"].isin(["CR", "CRi"]), "Y", "N")
    table["HSCTFL"] = np.where(
        rng.random(size) < np.where(table["CRCFL"] == "Y", 0.5, 0.15), "Y", "N"
    )
    for name, variable in described.variables.items():
        if variable.only_if:
            has = query.parse(variable.only_if, described.variables).mask(table)
            table[name] = table[name].astype(object).where(has, None)
    return table.assign(**_history(table, rng, size))


def _history(table, rng, size):
    died = np.array([flag == "Y" for flag in table["DTHFL"]])
    end = np.round(rng.uniform(13, 25, size), 2)
    end = np.where(died, np.round(1 + rng.exponential(7, size), 2).clip(max=24), end)
    responded = ((table["CRCFL"] == "Y") | (table["HSCTFL"] == "Y")).to_numpy()
    response = np.where(responded, np.round(end * rng.uniform(0.05, 0.1, size) + 0.4, 2), np.nan)
    response = np.minimum(response, end)
    transplant = np.where(table["HSCTFL"] == "Y", response + 0.3 * (end - response) * 0.4, np.nan)
    relapsed = responded & (table["RLPFL"] == "Y").to_numpy()
    relapse = np.where(relapsed, response + (end - response) * rng.uniform(0.3, 0.9, size), np.nan)
    return {
        "TRTM": np.zeros(size),
        "RSPM": response,
        "NRSPM": np.where(responded, np.nan, np.fmin(1.5, end)),
        "RLPM": np.round(relapse, 2),
        "HSCTM": np.round(transplant, 2),
        "DTHM": np.where(died, end, np.nan),
        "LSTALVM": end,
    }
