"""Fine and Gray's regression for competing risks, for a whole batch of cohorts at once.

Cox's model of one cause, others taken for censoring, speaks of the hazard of those still without
event. Fine and Gray's speaks of the cumulative incidence: whoever has had a competing event stays
at risk, with a weight that wanes as others get censored. Shapes are those of
`helpers.survival.competing`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.errors import KitError
from helpers.survival.chi_squared import NOTHING, ChiSquared, chi_squared
from helpers.survival.curves import Words
from helpers.survival.ordered import (
    Flags,
    Floats,
    Integers,
    Ordered,
    normal_quantile,
    ordered,
    together,
)
from helpers.survival.risk_sets import covariate_columns
from helpers.survival.steps import cause_codes, cause_number, just_before

_STEPS = 40
_HALVINGS = 20
_SMALL_STEP = 1e-7
"""A Newton step that changes no patient's predictor by more is the last; the next one would be
about its square."""
_LONG_STEP = 0.1
"""One that does by more, although the likelihood has come to its end, leads to infinity."""
_LEVEL = 1e-10
"""A likelihood that gains less, relative to itself, has come to its end."""


@dataclass(frozen=True, eq=False)
class FineGray:
    """Fine and Gray's models of a batch of cohorts.

    Attributes
    ----------
    coefficients, std_err : numpy.ndarray of float
        Logarithms of subdistribution hazard ratios per unit of each covariate, and their robust
        standard errors; shape ``(..., covariates)``, as the following. A coefficient is ``inf``
        or ``-inf`` where the likelihood grows without end; then there are no standard errors.
    hazard_ratio, lower, upper : numpy.ndarray of float
        The same as ratios, with their Wald limits.
    p : numpy.ndarray of float
        Two-sided P of each coefficient, by Wald's test.
    reason : numpy.ndarray of str
        Why there is no estimate or no standard error; empty where there are both.
    covariance : numpy.ndarray of float
        Robust, of the coefficients; shape ``(..., covariates, covariates)``.
    loglik_null, loglik : numpy.ndarray of float
        The logarithm of the weighted partial likelihood with all coefficients 0 and at its
        maximum; shape ``(...)``, as the following.
    wald, score, likelihood_ratio : ChiSquared
        Tests that all coefficients are 0. Wald's takes the robust covariance, the others the
        information, as if the weights were known.
    n, events : numpy.ndarray of int
        Patients, and events of the cause.
    iterations : numpy.ndarray of int
        Steps of Newton's method.
    converged : numpy.ndarray of bool
        Whether the likelihood found its maximum.
    """

    coefficients: Floats
    std_err: Floats
    hazard_ratio: Floats
    lower: Floats
    upper: Floats
    p: Floats
    reason: Words
    covariance: Floats
    loglik_null: Floats
    loglik: Floats
    wald: ChiSquared
    score: ChiSquared
    likelihood_ratio: ChiSquared
    n: Integers
    events: Integers
    iterations: Integers
    converged: Flags


def fine_gray(
    time: ArrayLike,
    code: ArrayLike,
    covariates: ArrayLike,
    *,
    where: ArrayLike | None = None,
    cause: int = 1,
    censoring: ArrayLike | None = None,
    level: float = 0.95,
) -> FineGray:
    """Fit Fine and Gray's model of a cause to each cohort of a batch.

    Parameters
    ----------
    time : array_like
        Time from origin to the first event or censoring, shape ``(..., patients)``: finite, 0 or
        more.
    code : array_like of int
        How that time ended: 0 for censored, else the number of the cause. Broadcast against
        `time`.
    covariates : array_like
        Shape ``(..., patients, covariates)``; or ``(..., patients)`` for a single one, with no
        more axes than the other arguments have. Finite for everyone who counts.
    where : array_like of bool, optional
        Who counts; broadcast against `time`. Everyone if not given.
    cause : int, optional
        The cause whose incidence is modelled.
    censoring : array_like, optional
        A code per patient: groups that are censored in different ways, such as trials that ended
        at different times. One group if not given. Broadcast against `time`.
    level : float, optional
        Confidence level, above 0 and below 1.

    Returns
    -------
    FineGray

    Raises
    ------
    KitError
        If an input cannot be used, or the shapes don't fit.

    Notes
    -----
    Estimates are those of R ``cmprsk::crr`` [1]_: Breslow's treatment of ties, weights from the
    Kaplan-Meier curve of censoring, and a covariance that counts the estimation of these weights
    in. ``crr`` stops once the scores are below a tolerance (``gtol``); here the maximum is exact
    to rounding error, as it is there with ``gtol=1e-14``.

    With several groups of censoring, a group's patients with a competing event leave when its
    last patient does, as in ``crr``. Of what a censoring changes, ``crr`` 2.2-11 then counts only
    the events in the group itself; here all count, as in the paper, and standard errors differ a
    little. Patients censored at time 0 count until then; ``crr`` takes them out before.

    Where the likelihood grows without end (a group without events of the cause is the usual
    case), ``crr`` gives a large coefficient with a meaningless standard error; here it is
    infinite. Score and likelihood-ratio tests stay valid.

    References
    ----------
    .. [1] Fine JP, Gray RJ. A proportional hazards model for the subdistribution of a competing
       risk. J Am Stat Assoc 1999;94:496-509.

    Examples
    --------
    >>> treated = [0, 1, 1, 0, 1, 0, 0, 1]
    >>> found = fine_gray([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 0, 1, 1, 1, 2, 0], treated)
    >>> found.hazard_ratio.round(3), found.std_err.round(3)
    (array([0.314]), array([0.982]))
    """
    z = normal_quantile(level)
    cause = cause_number(cause, "cause")
    codes = cause_codes(code)
    x = covariate_columns(
        covariates, max(np.ndim(time), codes.ndim, np.ndim(True if where is None else where))
    )
    # Of the covariates, only the shape matters here.
    times, present, failed, labels = together(
        time, codes > 0, where, code=codes, censoring=censoring, covariates=np.zeros(x.shape[:-1])
    )
    placed = ordered(times, present)
    failed, codes, *groups = map(placed.arrange, (failed, *labels[:-1]))
    group = groups[0] if groups else np.zeros(placed.time.shape)
    own = failed & (codes == cause)
    columns = [placed.arrange(x[..., j]) for j in range(x.shape[-1])]
    for column in columns:
        wrong = placed.present & ~np.isfinite(column)
        if wrong.any():
            raise KitError(f"given {column[wrong][0]}", where="covariates", right="a finite number")
    cohorts = _Cohorts.laid_out(placed, own, failed, group, columns)
    return _fitted(cohorts, placed.n, z)


@dataclass(frozen=True, eq=False)
class _Cohorts:
    """A batch in the order of time: shape ``(members, patients)``, one axis for all others.

    Groups of censoring and covariates have an axis of their own, the second.
    """

    start: Integers  # the first patient of each time
    end: Integers  # and the last one
    own: Flags
    censored: Flags
    group: Flags  # who is in which group of censoring
    at_risk: Floats  # of each group, at each time
    free: Floats  # share of each group not censored before each time
    kept: Floats  # 1 / free after a competing event, else 0
    present: Flags
    x: Floats  # covariates in standard deviations from their mean, 0 for those who don't count
    scale: Floats  # that standard deviation

    @classmethod
    def laid_out(
        cls, placed: Ordered, own: Flags, failed: Flags, groups: NDArray[Any], columns: list[Floats]
    ) -> _Cohorts:
        size = placed.time.shape[-1]
        members = int(np.prod(placed.n.shape, dtype=np.int64))

        def flat(values: list[NDArray[Any]]) -> NDArray[Any]:
            stacked = [each.reshape(members, size) for each in values]
            return np.stack(stacked, axis=1) if stacked else np.empty((members, 0, size))

        censored = placed.present & ~failed
        labels = np.unique(groups[placed.present])
        inside = [placed.present & (groups == label) for label in labels]
        at_risk, free, kept = [], [], []
        for member in inside:
            left = placed.from_on(member)
            lost = placed.at_time(censored & member)
            share = np.cumprod(1 - lost / np.maximum(left, 1.0), axis=-1)
            share = just_before(share)
            # Nothing is known of a group's censoring once it has nobody left.
            share = np.where(left > 0, np.take_along_axis(share, placed.start, axis=-1), 0.0)
            stays = failed & ~own & member
            weight = np.zeros_like(share)
            np.divide(1.0, share, out=weight, where=stays)
            at_risk.append(left)
            free.append(share)
            kept.append(weight)

        x = flat([np.where(placed.present, column, 0.0) for column in columns])
        present = placed.present.reshape(members, size)
        n = np.maximum(placed.n.reshape(members, 1, 1), 1)
        x = np.where(present[:, None], x - x.sum(axis=-1, keepdims=True) / n, 0.0)
        scale = np.sqrt((x**2).sum(axis=-1, keepdims=True) / n)
        scale = np.where(scale > 0, scale, 1.0)
        return cls(
            placed.start.reshape(members, size),
            placed.end.reshape(members, size),
            own.reshape(members, size),
            censored.reshape(members, size),
            flat(inside).astype(bool),
            flat(at_risk),
            flat(free),
            flat(kept),
            present,
            x / scale,
            scale[..., 0],
        )

    def of(self, chosen: Integers) -> _Cohorts:
        """Pick some members."""
        return replace(self, **{name: array[chosen] for name, array in vars(self).items()})

    def weights(self, coefficients: Floats) -> tuple[Floats, Floats]:
        """Return each patient's linear predictor and its exponential, the largest being 1."""
        predictor = (coefficients[:, None, :] @ self.x)[:, 0, :]
        predictor = predictor - predictor.max(axis=-1, keepdims=True, initial=-np.inf)
        return predictor, np.exp(predictor) * self.present

    def sums(self, values: Floats) -> Floats:
        """Sum values over everyone at risk at each time, with the weights of that time."""
        total = self.from_on(values)
        for g in range(self.group.shape[1]):
            total += self.free[:, g] * self.before(values * self.kept[:, g])
        return total

    def from_on(self, values: Floats) -> Floats:
        sums = np.cumsum(values[:, ::-1], axis=-1)[:, ::-1]
        return np.take_along_axis(sums, self.start, axis=-1)

    def before(self, values: Floats) -> Floats:
        return np.take_along_axis(np.cumsum(values, axis=-1) - values, self.start, axis=-1)

    def up_to(self, values: Floats) -> Floats:
        return np.take_along_axis(np.cumsum(values, axis=-1), self.end, axis=-1)

    def after(self, values: Floats) -> Floats:
        sums = np.cumsum(values[:, ::-1], axis=-1)[:, ::-1] - values
        return np.take_along_axis(sums, self.end, axis=-1)


def _likelihood(cohorts: _Cohorts, coefficients: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the logarithm of the likelihood, its slope and minus its curvature."""
    predictor, weight = cohorts.weights(coefficients)
    own, x = cohorts.own, cohorts.x
    count = x.shape[1]
    total = np.where(own, cohorts.sums(weight), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        loglik = np.where(own, predictor - np.log(total), 0.0).sum(axis=-1)
        means = [cohorts.sums(weight * x[:, j]) / total for j in range(count)]
        slope = np.stack(
            [np.where(own, x[:, j] - means[j], 0.0).sum(axis=-1) for j in range(count)]
        )
        curvature = np.empty((len(loglik), count, count))
        for j in range(count):
            for k in range(j + 1):
                square = cohorts.sums(weight * x[:, j] * x[:, k]) / total - means[j] * means[k]
                curvature[:, j, k] = np.where(own, square, 0.0).sum(axis=-1)
                curvature[:, k, j] = curvature[:, j, k]
    return loglik, slope.T, curvature


def _fitted(cohorts: _Cohorts, patients: Integers, z: float) -> FineGray:
    from scipy.special import ndtr

    members, count = cohorts.x.shape[:2]
    n, events = patients.reshape(members), cohorts.own.sum(axis=-1)
    reach = np.abs(cohorts.x).max(axis=-1, initial=0.0)
    beta = np.zeros((members, count))
    start = _likelihood(cohorts, beta)
    loglik = start[0].copy()
    usable = _regular(start[2], events) & (events > 0)
    converged, endless = np.zeros((2, members), dtype=bool)
    iterations = np.zeros(members, dtype=np.int64)
    runs = np.zeros((members, count))

    left = np.flatnonzero(usable)
    part, here = cohorts.of(left), tuple(array[left] for array in start)
    for _ in range(_STEPS):
        if not left.size:
            break
        step, there = _step(part, beta[left], here)
        beta[left] += step
        iterations[left] += 1
        loglik[left] = there[0]
        length = reach[left] * np.abs(step)
        regular = _regular(there[2], events[left])
        converged[left] = regular & (length.max(axis=-1) < _SMALL_STEP)
        # The likelihood has come to its end but coefficients go on.
        level = there[0] - here[0] <= _LEVEL * np.abs(there[0])
        far = np.where(length > _LONG_STEP, step, 0.0)
        endless[left] = (level | ~regular) & far.any(axis=-1)
        runs[left] = far
        stay = np.flatnonzero(~(converged[left] | endless[left]))
        left, part, here = left[stay], part.of(stay), tuple(array[stay] for array in there)

    some = np.flatnonzero(converged)
    covariance = np.full((members, count, count), np.nan)
    covariance[some] = _robust(cohorts.of(some), beta[some])
    wald, score = np.full((2, members), np.nan)
    wald[some] = _form(covariance[some], beta[some])
    covariance /= cohorts.scale[:, :, None] * cohorts.scale[:, None, :]
    found = converged | endless
    beta = np.where(found[:, None], beta / cohorts.scale, np.nan)
    ran = endless[:, None] & (runs != 0)
    beta[ran] = np.copysign(np.inf, runs[ran])
    std_err = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    some = np.flatnonzero(usable)
    score[some] = _form(start[2][some], start[1][some])
    reason = np.select(
        [n == 0, events == 0, ~usable, endless, ~converged],
        [
            "no patients",
            "no event of the cause",
            "a covariate is constant, or follows from others",
            "the likelihood grows without end",
            "no maximum found",
        ],
        "",
    )
    # Per very small a unit, a ratio may be more than numbers can hold.
    with np.errstate(over="ignore"):
        ratio = np.exp(beta)
        lower, upper = np.exp(beta - z * std_err), np.exp(beta + z * std_err)
    shape = patients.shape

    def own(values: NDArray[Any]) -> NDArray[Any]:
        return values.reshape((*shape, *values.shape[1:]))

    def test(statistic: Floats) -> ChiSquared:
        df = np.where(np.isnan(statistic), 0, count).astype(np.int64)
        return chi_squared(own(statistic), own(df))

    return FineGray(
        coefficients=own(beta),
        std_err=own(std_err),
        hazard_ratio=own(ratio),
        lower=own(lower),
        upper=own(upper),
        p=own(2 * ndtr(-np.abs(beta) / std_err)),
        reason=own(np.repeat(reason[:, None], count, axis=1)),
        covariance=own(covariance),
        loglik_null=own(np.where(events > 0, start[0], np.nan)),
        loglik=own(np.where(found, loglik, np.nan)),
        wald=test(wald),
        score=test(score),
        likelihood_ratio=test(np.where(found, 2 * (loglik - start[0]), np.nan)),
        n=own(n),
        events=own(events),
        iterations=own(iterations),
        converged=own(converged),
    )


def _step(
    cohorts: _Cohorts, beta: Floats, here: tuple[Floats, ...]
) -> tuple[Floats, tuple[Floats, Floats, Floats]]:
    """Return the next step of Newton's method, and where it leads."""
    step = np.asarray(np.linalg.solve(here[2], here[1][..., None])[..., 0], dtype=np.float64)
    there = _likelihood(cohorts, beta + step)
    for _ in range(_HALVINGS):
        worse = np.flatnonzero(~(there[0] >= here[0] - _LEVEL * np.abs(here[0])))  # or nan
        if not worse.size:
            break
        step[worse] /= 2
        again = _likelihood(cohorts.of(worse), beta[worse] + step[worse])
        for array, values in zip(there, again, strict=True):
            array[worse] = values
    return step, there


def _robust(cohorts: _Cohorts, beta: Floats) -> Floats:
    """Return the robust covariance of the coefficients.

    In the words of the paper, `scores` starts as eta, to which psi is added: what a patient's
    censoring changes in the weights of others.
    """
    _, weight = cohorts.weights(beta)
    own, x = cohorts.own, cohorts.x
    count = x.shape[1]
    curvature = _likelihood(cohorts, beta)[2]
    total = np.where(own, cohorts.sums(weight), 1.0)
    hazard = own / total
    means = [cohorts.sums(weight * x[:, j]) / total for j in range(count)]

    def exposure(steps: Floats) -> Floats:
        """Sum up what each patient is exposed to while at risk, with waning weight."""
        sums = cohorts.up_to(steps)
        for g in range(cohorts.group.shape[1]):
            sums += cohorts.kept[:, g] * cohorts.after(cohorts.free[:, g] * steps)
        return sums

    exposed = exposure(hazard)
    scores = []
    for j in range(count):
        score = np.where(own, x[:, j] - means[j], 0.0)
        score -= weight * (x[:, j] * exposed - exposure(hazard * means[j]))
        for g in range(cohorts.group.shape[1]):
            waning = weight * cohorts.kept[:, g]
            to_come = cohorts.free[:, g] * hazard
            influence = cohorts.before(waning * x[:, j]) * cohorts.from_on(to_come)
            influence -= cohorts.before(waning) * cohorts.from_on(to_come * means[j])
            at_risk = np.maximum(cohorts.at_risk[:, g], 1.0)
            inside = cohorts.group[:, g]
            lost = np.where(cohorts.censored & inside, influence / at_risk, 0.0)
            score += np.where(inside, lost - cohorts.up_to(lost / at_risk), 0.0)
        scores.append(score)
    stacked = np.stack(scores, axis=1)
    middle = stacked @ np.swapaxes(stacked, -1, -2)
    inverse = np.linalg.inv(curvature)
    return np.asarray(inverse @ middle @ inverse)


def _regular(curvature: Floats, events: Integers) -> Flags:
    """Say where the likelihood has a curvature in every direction."""
    own = np.diagonal(curvature, axis1=-2, axis2=-1)
    curved = np.asarray((own > NOTHING * events[:, None]).all(axis=-1))
    size = np.sqrt(np.where(curved[:, None], own, 1.0))
    correlation = curvature / (size[:, :, None] * size[:, None, :])
    correlation = np.where(curved[:, None, None], correlation, np.eye(own.shape[-1]))
    return np.asarray(curved & (np.linalg.eigvalsh(correlation) > NOTHING).all(axis=-1))


def _form(matrix: Floats, vector: Floats) -> Floats:
    """Return vector' inverse(matrix) vector."""
    return np.asarray((vector * np.linalg.solve(matrix, vector[..., None])[..., 0]).sum(axis=-1))
