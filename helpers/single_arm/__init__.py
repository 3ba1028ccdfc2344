"""The design of a single-arm trial with a time to an event, worked out and simulated.

Patients enter at a constant rate, are followed until the analysis, and may be lost or transplanted
before. What is true of them (`Course`) and how the trial is run (`Plan`) are arguments, so that a
reader sees each assumption. What can be worked out is worked out, by integrals over the share of
patients still followed; `simulate` draws whole trials, thousands at a time, and what they give
stands beside it (`operating_characteristics`).

- `course`, `plan`: what is true, how the trial is run, and the counts to expect over time.
- `precision`, `power`, `assurance`: what the trial will know and show, and the patients needed.
- `logrank`: the one-sample log-rank test.
- `simulation`: trials drawn at random.
- `binary`: endpoints that are yes or no.

Times are in months. Tests are one-sided: they ask whether the trial does better than a historical
control. Losses are taken to have nothing to do with the prognosis.
"""

from helpers.single_arm.assurance import (
    BetaPrior,
    LogLogPrior,
    assurance,
)
from helpers.single_arm.binary import (
    Binary,
    binary,
    binary_assurance,
    intervals_by_count,
    simulated_binary,
)
from helpers.single_arm.course import (
    Course,
    PiecewiseExponential,
)
from helpers.single_arm.logrank import (
    OneSample,
    one_sample_logrank,
)
from helpers.single_arm.plan import (
    Plan,
    expected_counts,
    observable,
)
from helpers.single_arm.power import (
    landmark_power,
    logrank_power,
    patients_for_power,
)
from helpers.single_arm.precision import (
    Precision,
    patients_for_width,
    precision,
)
from helpers.single_arm.simulation import (
    Trials,
    monte_carlo_error,
    operating_characteristics,
    simulate,
    simulated_assurance,
    simulated_counts,
    simulated_power,
    simulated_precision,
)

__all__ = [
    "BetaPrior",
    "Binary",
    "Course",
    "LogLogPrior",
    "OneSample",
    "PiecewiseExponential",
    "Plan",
    "Precision",
    "Trials",
    "assurance",
    "binary",
    "binary_assurance",
    "expected_counts",
    "intervals_by_count",
    "landmark_power",
    "logrank_power",
    "monte_carlo_error",
    "observable",
    "one_sample_logrank",
    "operating_characteristics",
    "patients_for_power",
    "patients_for_width",
    "precision",
    "simulate",
    "simulated_assurance",
    "simulated_binary",
    "simulated_counts",
    "simulated_power",
    "simulated_precision",
]
