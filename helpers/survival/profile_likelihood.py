"""Profile-likelihood limits of Cox's hazard ratios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.errors import KitError
from helpers.survival.cox import Cox
from helpers.survival.ordered import Floats, normal_quantile
from helpers.survival.partial_likelihood import SETTLED, STEPS, maximised


@dataclass(frozen=True, eq=False)
class ProfileInterval:
    """Profile-likelihood limits of a hazard ratio.

    Attributes
    ----------
    lower, upper : numpy.ndarray of float
        Shape ``(...)``; 0 or ``inf`` on the side to which the coefficient runs to infinity, nan
        where there is no estimate.
    """

    lower: Floats
    upper: Floats


def profile_interval(fit: Cox, covariate: int = 0, *, level: float = 0.95) -> ProfileInterval:
    """Return the profile-likelihood limits of a hazard ratio.

    Parameters
    ----------
    fit : Cox
        The models.
    covariate : int, optional
        Which of the covariates, from 0.
    level : float, optional
        Confidence level, above 0 and below 1.

    Returns
    -------
    ProfileInterval
        Shape ``(...)``.

    Raises
    ------
    KitError
        If there is no such covariate, or the level cannot be used.

    Notes
    -----
    All values that the likelihood-ratio test doesn't reject, the other coefficients fitted anew
    for each. With few events they are nearer the level than Wald's, and a group without events
    has a limit too [1]_.

    References
    ----------
    .. [1] Heinze G, Schemper M. A solution to the problem of monotone likelihood in Cox
       regression. Biometrics 2001;57:114-119.
    """
    sets = fit.sets
    many, size = sets.members, len(sets.x)
    if not 0 <= covariate < size:
        raise KitError(
            f"given {covariate!r}", where="covariate", right=f"a number from 0 to {size - 1}"
        )
    beta = fit.coefficients.reshape(many, size) * sets.scale
    best = beta[:, covariate]
    free = ~np.isnan(beta)
    free[:, covariate] = False
    target = fit.loglik.ravel() - normal_quantile(level) ** 2 / 2
    spread = fit.std_err.reshape(many, size)[:, covariate] * sets.scale[:, covariate]
    # Where the estimate itself is infinite, the search for the other limit starts at 0.
    start = np.where(np.isfinite(beta), beta, 0.0)
    limits = []
    for side in (-1, 1):
        at = start.copy()
        at[:, covariate] += np.where(np.isfinite(best), side * normal_quantile(level) * spread, 0.0)
        limit = np.where(best == side * np.inf, best, np.nan)
        seek = np.flatnonzero(~np.isnan(best) & (best != side * np.inf))
        # The profile is concave. Newton's method overshoots its crossing once at most, then
        # comes back from outside.
        for _ in range(STEPS):
            if not seek.size:
                break
            part = maximised(sets.of(seek), at[seek], free[seek])
            with np.errstate(divide="ignore", invalid="ignore"):
                step = (target[seek] - part.loglik) / part.score[:, covariate]
            at[seek] = part.beta
            at[seek, covariate] += step
            now = at[seek, covariate]
            done = np.abs(step) <= SETTLED * (1 + np.abs(now))
            limit[seek[done]] = now[done]
            seek = seek[~done & np.isfinite(step)]
        limits.append(np.exp(limit / sets.scale[:, covariate]).reshape(fit.n.shape))
    return ProfileInterval(*limits)
