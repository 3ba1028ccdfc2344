"""The search for event histories that meet every published number, compiled with numba.

Simulated annealing [1]_ over whole days. A step changes one patient's history or exchanges two;
only the curves and tests that those patients belong to are worked out anew. The estimators are
those of `helpers.survival`, written out for one cohort so that a step costs microseconds; the
members that come out are checked by other code (`helpers.reconstruct.verification`).

References
----------
.. [1] Kirkpatrick S, Gelatt CD, Vecchi MP. Optimization by simulated annealing. Science
   1983;220:671-680.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

NEVER = 1 << 30
"""The day of what did not happen."""

# Columns of a history.
TREATMENT, DIAGNOSIS, RESPONSE, NO_RESPONSE, RELAPSE, TRANSPLANT, DEATH, LAST = range(8)
COLUMNS = 8

# What a target asks of a curve.
LANDMARK, LANDMARK_LOWER, LANDMARK_UPPER = 0, 1, 2
QUANTILE, QUANTILE_LOWER, QUANTILE_UPPER = 3, 4, 5
INCIDENCE, INCIDENCE_LOWER, INCIDENCE_UPPER = 6, 7, 8
FOLLOW_UP, TIME_TO_EVENT, REVERSE_FOLLOW_UP, EVENTS = 9, 10, 11, 12
# What a target asks of a comparison.
LOG_RANK, FIRST_BETTER, FINE_GRAY = range(20, 23)
HAZARD_RATIO, HAZARD_RATIO_LOWER, HAZARD_RATIO_UPPER = range(23, 26)
# Scales of a confidence interval.
PLAIN, LOG, LOG_LOG, ARCSINE = 0, 1, 2, 3
# Of what a curve's steps are at hand while its targets are gone through.
NOTHING, EVENTS_TOLD, REVERSED = 0, 1, 2
FIRST = 8
"""Added to a scale: a quantile is where the curve first reaches it, and nothing else."""


@njit(cache=True, error_model="numpy")
def observe(day, origin, events, competing, censors, cut, time, code, patient):
    """Work out one patient's time and code for each endpoint."""
    for e in range(origin.shape[0]):
        start = day[patient, origin[e]]
        if start >= NEVER:
            time[e, patient] = -1
            code[e, patient] = 0
            continue
        best = day[patient, LAST]
        found = 0
        death = day[patient, DEATH]
        if death < best:
            best = death
        if cut[e] < NEVER and start + cut[e] < best:
            best = start + cut[e]
        response = day[patient, RESPONSE]
        # What censors, then death, then other events, the last column first: what comes later
        # here takes a tie, as in `helpers.endpoints`.
        for c in range(COLUMNS):
            if censors[e] >> c & 1 and day[patient, c] <= best:
                best = day[patient, c]
                found = 0
        for turn in range(2):
            for c in range(COLUMNS - 1, -1, -1):
                if (turn == 0) != (c == DEATH):
                    continue
                at = day[patient, c]
                if at >= NEVER or (c == NO_RESPONSE and response <= at):
                    continue
                if events[e] >> c & 1:
                    if at <= best:
                        best = at
                        found = 1
                elif competing[e] >> c & 1 and at <= best:
                    best = at
                    found = 2
        if best < start:
            time[e, patient] = -1
            code[e, patient] = 0
        else:
            time[e, patient] = best - start
            code[e, patient] = found


@njit(cache=True, error_model="numpy")
def place(order, time, patient):
    """Put one patient back into the order of the times; the others must be in it."""
    n = order.shape[0]
    at = 0
    while order[at] != patient:
        at += 1
    t = time[patient]
    while at > 0 and time[order[at - 1]] > t:
        order[at] = order[at - 1]
        at -= 1
    while at < n - 1 and time[order[at + 1]] < t:
        order[at] = order[at + 1]
        at += 1
    order[at] = patient


@njit(cache=True, error_model="numpy")
def steps(order, time, code, mask, cause, at, risk, died, alive, variance):
    """Write one Kaplan-Meier curve's steps; return their number and that of the patients."""
    n = 0
    for i in range(mask.shape[0]):
        n += mask[i] and time[i] >= 0
    left = n
    s, v = 1.0, 0.0
    k = 0
    i = 0
    size = order.shape[0]
    while i < size:
        p = order[i]
        if not mask[p] or time[p] < 0:
            i += 1
            continue
        t = time[p]
        d = 0
        gone = 0
        while i < size and time[order[i]] == t:
            q = order[i]
            if mask[q]:
                gone += 1
                if (
                    (cause == 0 and code[q] != 0)
                    or (cause > 0 and code[q] == cause)
                    or (cause < 0 and code[q] == 0)
                ):
                    d += 1
            i += 1
        if d > 0:
            s *= (left - d) / left
            v += d / (left * (left - d)) if left > d else np.inf
            at[k] = t
            risk[k] = left
            died[k] = d
            alive[k] = s
            variance[k] = v
            k += 1
        left -= gone
    return k, n


@njit(cache=True, error_model="numpy")
def limit(s, v, z, scale, upper):
    """Return one confidence limit of a survival rate; nan where the method has none."""
    if s <= 0.0:
        return np.nan
    if s >= 1.0:
        return 1.0 if scale in (PLAIN, LOG) else np.nan
    w = z * math.sqrt(v)
    if scale == LOG_LOG:
        h = math.log(s)
        f = math.exp(w / -h)
        return math.exp(h / f) if upper else math.exp(h * f)
    if scale == LOG:
        return min(1.0, s * math.exp(w)) if upper else s * math.exp(-w)
    if scale == PLAIN:
        return min(1.0, s + w * s) if upper else max(0.0, s - w * s)
    angle = math.asin(math.sqrt(s))
    half = 0.5 * w * math.sqrt(s / (1 - s))
    if upper:
        return math.sin(min(angle + half, math.pi / 2)) ** 2
    return math.sin(max(angle - half, 0.0)) ** 2


@njit(cache=True, error_model="numpy")
def crossing(at, height, k, level):
    """Return the day on which a step curve reaches a level; -1 if never.

    Where it runs level there, packages disagree: the second value is the middle of that stretch,
    which R prints, the first its start, which others do.
    """
    tolerance = 1.5e-8
    for i in range(k):
        h = height[i]
        if h < level + tolerance:  # never true of nan
            if abs(h - level) < tolerance:
                for j in range(i + 1, k):
                    if height[j] < h - 1e-12:
                        return float(at[i]), (at[i] + at[j]) / 2
            return float(at[i]), float(at[i])
    return -1.0, -1.0


@njit(cache=True, error_model="numpy")
def band_crossing(at, alive, variance, k, level, z, scale, upper, never, band):
    """Return what `crossing` does for a confidence limit of a curve, and the limit's lowest value.

    The lowest value is only worked out where `off_crossing` asks for it: of a limit that is
    never down at the level, or that is although it should `never` be. Limits cost more than all
    else of a curve.
    """
    tolerance = 1.5e-8
    found = -1
    for i in range(k):
        # No upper limit is below the curve.
        if upper and alive[i] > level + tolerance:
            continue
        band[i] = limit(alive[i], variance[i], z, scale, upper)
        if band[i] < level + tolerance:  # never true of nan
            found = i
            break
    last = 1.0
    if (found < 0) != never:
        for i in range(k):
            band[i] = limit(alive[i], variance[i], z, scale, upper)
            if band[i] < last:
                last = band[i]
    if found < 0:
        return -1.0, -1.0, last
    day = float(at[found])
    if abs(band[found] - level) < tolerance:
        for j in range(found + 1, k):
            if limit(alive[j], variance[j], z, scale, upper) < band[found] - 1e-12:
                return day, (day + at[j]) / 2, last
    return day, day, last


@njit(cache=True, error_model="numpy")
def outside(x, lo, hi, scale):
    """Return how far a value lies outside an interval, in units of the scale."""
    if x != x:
        return 2.0
    if lo <= x <= hi:
        return 0.0
    off = (lo - x) / scale if x < lo else (x - hi) / scale
    # Far off, less steep: one number mustn't hide all the others.
    return off if off < 2.0 else 2.0 + 0.35 * (off - 2.0)


@njit(cache=True, error_model="numpy")
def off_crossing(day, end, last, level, lo, hi, scale):
    """Return how far a quantile is off; `lo` below 0 asks for one that is never reached.

    A curve that isn't down at the level by its last step, at `end`, is taken to get there later
    the higher it still is.
    """
    if lo < 0:
        return 0.0 if day < 0 else 0.3 + 4.0 * max(0.0, level - last)
    if day < 0:
        above = last - level if last == last else 0.5
        return 0.2 + outside(end + 30.0 + 2000.0 * max(0.0, above), lo, hi, scale)
    return outside(day, lo, hi, scale)


@njit(cache=True, error_model="numpy")
def quantile(values, k, p):
    """Return a quantile of sorted values by linear interpolation (R type 7)."""
    if k == 0:
        return np.nan
    h = (k - 1) * p
    f = math.floor(h)
    if f >= k - 1:
        return float(values[k - 1])
    return values[f] + (h - f) * (values[f + 1] - values[f])


@njit(cache=True, error_model="numpy")
def quantile6(values, k, p):
    """Return a quantile of sorted values as SPSS and Stata give it (R type 6)."""
    if k == 0:
        return np.nan
    h = (k + 1) * p - 1
    if h <= 0:
        return float(values[0])
    if h >= k - 1:
        return float(values[k - 1])
    f = math.floor(h)
    return values[f] + (h - f) * (values[f + 1] - values[f])


@njit(cache=True, error_model="numpy")
def at_once(order, time, code, mask, start):
    """Count who of a group has the time of the one at `start`; return where the next time begins.

    Also returned: events of interest, competing events, and all who leave.
    """
    t = time[order[start]]
    d1 = 0
    d2 = 0
    gone = 0
    i = start
    while i < order.shape[0] and time[order[i]] == t:
        q = order[i]
        if mask[q]:
            gone += 1
            if code[q] == 1:
                d1 += 1
            elif code[q] == 2:
                d2 += 1
        i += 1
    return i, d1, d2, gone


@njit(cache=True, error_model="numpy")
def incidence(order, time, code, mask, until):
    """Return a cumulative incidence by a day and its variance."""
    n = 0
    begin = order.shape[0]
    for i in range(order.shape[0] - 1, -1, -1):
        if time[order[i]] < 0:
            break
        begin = i
        if mask[order[i]]:
            n += 1
    f_end = 0.0
    var = 0.0
    # The incidence first; then Aalen's variance, which needs it, as in cmprsk.
    for turn in range(2):
        left = n
        s = 1.0
        f = 0.0
        i = begin
        while i < order.shape[0] and time[order[i]] <= until:
            i, d1, d2, gone = at_once(order, time, code, mask, i)
            if d1 + d2 > 0:
                share = s / left
                f += share * d1
                s *= (left - d1 - d2) / left
                if turn == 1:
                    reach = (f_end - f) / s if s > 0 else 0.0
                    more = max(left - 1.0, 1.0)
                    var += share * share * d1 * (1 - max(d1 - 1.0, 0.0) / more) * (1 - reach) ** 2
                    var += share * share * d2 * (1 - max(d2 - 1.0, 0.0) / more) * reach**2
            left -= gone
        f_end = f
    return f_end, var


@njit(cache=True, error_model="numpy")
def log_rank(order, time, code, group, k, until, observed, expected, matrix):
    """Return the log-rank chi-squared of up to eight groups, events after `until` left out.

    `group` numbers the groups; who is in none has -1.
    """
    if k == 2:
        return _log_rank_of_two(order, time, code, group, until, observed, expected)
    left = np.zeros(k)
    for g in range(k):
        observed[g] = 0.0
        expected[g] = 0.0
        for h in range(k):
            matrix[g, h] = 0.0
    n = 0.0
    # Backwards, whoever was at risk is counted on the way.
    i = order.shape[0] - 1
    while i >= 0 and time[order[i]] >= 0:
        t = time[order[i]]
        total = 0.0
        while i >= 0 and time[order[i]] == t:
            q = order[i]
            g = group[q]
            if g >= 0:
                left[g] += 1
                n += 1
                if code[q] == 1 and t <= until:
                    observed[g] += 1
                    total += 1
            i -= 1
        if total > 0:
            for g in range(k):
                expected[g] += left[g] * total / n
            if n > 1:
                factor = total * (n - total) / (n * n * (n - 1))
                for g in range(k - 1):
                    matrix[g, g] += left[g] * (n - left[g]) * factor
                    for h in range(g + 1, k - 1):
                        matrix[g, h] -= left[g] * left[h] * factor
    for g in range(k - 1):
        for h in range(g):
            matrix[g, h] = matrix[h, g]
    return _quadratic(observed, expected, matrix, k)


@njit(cache=True, error_model="numpy")
def _log_rank_of_two(order, time, code, group, until, observed, expected):
    """Return what `log_rank` does, for two groups; most comparisons are of two."""
    n, first = 0, 0
    seen, awaited, events, variance = 0, 0.0, 0, 0.0
    i = order.shape[0] - 1
    while i >= 0:
        t = time[order[i]]
        if t < 0:
            break
        total = 0
        while i >= 0 and time[order[i]] == t:
            q = order[i]
            if group[q] >= 0:
                n += 1
                first += group[q] == 0
                if code[q] == 1 and t <= until:
                    total += 1
                    seen += group[q] == 0
            i -= 1
        if total > 0:
            events += total
            awaited += first * total / n
            if n > 1:
                variance += first * (n - first) * total * (n - total) / (n * n * (n - 1.0))
    observed[0], observed[1] = seen, events - seen
    expected[0], expected[1] = awaited, events - awaited
    return (seen - awaited) ** 2 / variance if variance > 0 else np.nan


@njit(cache=True, error_model="numpy")
def _quadratic(observed, expected, matrix, k):
    m = k - 1
    a = np.empty((m, m))
    b = np.empty(m)
    for g in range(m):
        b[g] = observed[g] - expected[g]
        for h in range(m):
            a[g, h] = matrix[g, h]
    # Gaussian elimination; the matrix is small and positive definite unless a group is empty.
    y = b.copy()
    for c in range(m):
        if a[c, c] < 1e-12:
            return np.nan
        for r in range(c + 1, m):
            f = a[r, c] / a[c, c]
            for h in range(c, m):
                a[r, h] -= f * a[c, h]
            y[r] -= f * y[c]
    for c in range(m - 1, -1, -1):
        for h in range(c + 1, m):
            y[c] -= a[c, h] * y[h]
        y[c] /= a[c, c]
    total = 0.0
    for g in range(m):
        total += y[g] * b[g]
    return total


@njit(cache=True, error_model="numpy")
def cox(order, time, code, first, second, efron):
    """Return the log hazard ratio of the first group against the second, and its variance."""
    size = order.shape[0]
    beta = 0.0
    info = 0.0
    for _ in range(30):
        score = 0.0
        info = 0.0
        risk0 = 0.0
        risk1 = 0.0
        r = math.exp(beta)
        i = size - 1
        while i >= 0:
            t = time[order[i]]
            if t < 0:
                break
            d0 = 0.0
            d1 = 0.0
            while i >= 0 and time[order[i]] == t:
                q = order[i]
                if first[q]:
                    risk1 += r
                    if code[q] == 1:
                        d1 += 1
                elif second[q]:
                    risk0 += 1
                    if code[q] == 1:
                        d0 += 1
                i -= 1
            d = d0 + d1
            if d > 0:
                score += d1
                if efron:
                    for j in range(int(d)):
                        f = j / d
                        a1 = risk1 - f * d1 * r
                        a0 = risk0 - f * d0
                        e = a1 / (a0 + a1)
                        score -= e
                        info += e * (1 - e)
                else:
                    e = risk1 / (risk0 + risk1)
                    score -= d * e
                    info += d * e * (1 - e)
        if info < 1e-10:
            return np.nan, np.nan
        step = score / info
        if step > 1.5:
            step = 1.5
        elif step < -1.5:
            step = -1.5
        beta += step
        if abs(step) < 1e-9:
            break
        if abs(beta) > 12:
            return np.nan, np.nan
    return beta, 1.0 / info


@njit(cache=True, error_model="numpy")
def fine_gray(order, time, code, first, second):
    """Return the log subdistribution hazard ratio of two groups and cmprsk's variance of it.

    One covariate that is 0 or 1 leaves two sums at each time of an event of interest: the
    weighted numbers at risk of either group. All else comes from running sums over these times.
    """
    size = order.shape[0]
    n = 0
    who = np.empty(size, np.int64)
    for i in order:
        if (first[i] or second[i]) and time[i] >= 0:
            who[n] = i
            n += 1
    # Per time of an event of interest: those at risk of either group, events, G(t-).
    at_events = np.empty((5, n + 1))
    ones, zeros, died = at_events[0], at_events[1], at_events[2]
    died_first, g_at = at_events[3], at_events[4]
    day = np.empty(n + 1, np.int64)
    g = np.empty(n)  # the distribution of censoring just before each time, pooled as crr has it
    k = 0
    left1 = 0.0
    for i in range(n):
        if first[who[i]]:
            left1 += 1
    left0 = n - left1
    earlier1 = 0.0  # earlier competing events, each over its own G
    earlier0 = 0.0
    free = 1.0
    i = 0
    while i < n:
        t = time[who[i]]
        j = i
        lost = 0
        d = 0.0
        d1 = 0.0
        gone1 = 0.0
        more1 = 0.0
        more0 = 0.0
        while j < n and time[who[j]] == t:
            q = who[j]
            g[j] = free
            one = first[q]
            if one:
                gone1 += 1
            if code[q] == 0:
                lost += 1
            elif code[q] == 1:
                d += 1
                if one:
                    d1 += 1
            elif one:
                more1 += 1 / free
            else:
                more0 += 1 / free
            j += 1
        if d > 0:
            ones[k] = left1 + earlier1 * free
            zeros[k] = left0 + earlier0 * free
            died[k] = d
            died_first[k] = d1
            g_at[k] = free
            day[k] = t
            k += 1
        earlier1 += more1
        earlier0 += more0
        left1 -= gone1
        left0 -= j - i - gone1
        free *= (n - i - lost) / (n - i)
        i = j
    beta = 0.0
    info = 0.0
    for _ in range(30):
        score = 0.0
        info = 0.0
        r = math.exp(beta)
        for h in range(k):
            m = r * ones[h] / (r * ones[h] + zeros[h])
            score += died_first[h] - died[h] * m
            info += died[h] * m * (1 - m)
        if info < 1e-10:
            return np.nan, np.nan
        step = min(1.5, max(-1.5, score / info))
        beta += step
        if abs(step) < 1e-9:
            break
        if abs(beta) > 12:
            return np.nan, np.nan
    # Robust variance, with the part that comes from estimating G (Fine and Gray 1999). `rate`
    # is the increment of the baseline subdistribution hazard; sums up to each event and, with
    # G, from it on.
    r = math.exp(beta)
    sums = np.zeros((5, k + 1))
    mean, sum0, sum1, rest0, rest1 = sums[0], sums[1], sums[2], sums[3], sums[4]
    for h in range(k):
        at_risk = r * ones[h] + zeros[h]
        mean[h] = r * ones[h] / at_risk
        sum0[h + 1] = sum0[h] + died[h] / at_risk
        sum1[h + 1] = sum1[h] + died[h] / at_risk * mean[h]
    for h in range(k - 1, -1, -1):
        rate = (sum0[h + 1] - sum0[h]) * g_at[h]
        rest0[h] = rest0[h + 1] + rate
        rest1[h] = rest1[h + 1] + rate * mean[h]
    total = 0.0
    past = 0  # events of interest up to this time
    drift = 0.0
    earlier1 = 0.0
    earlier0 = 0.0
    i = 0
    while i < n:
        t = time[who[i]]
        j = i
        lost = 0
        while j < n and time[who[j]] == t:
            if code[who[j]] == 0:
                lost += 1
            j += 1
        ahead = past
        if past < k and day[past] == t:
            past += 1
        q = 0.0
        if lost > 0:
            # What estimating the censoring adds: those with the competing event before, and
            # the events of interest from now on.
            q = earlier1 * (rest0[ahead] - rest1[ahead]) - earlier0 * rest1[ahead]
        drift -= q * lost / ((n - i) * (n - i))
        for m in range(i, j):
            p = who[m]
            x = 1.0 if first[p] else 0.0
            e = r if first[p] else 1.0
            part = drift - e * (x * sum0[past] - sum1[past])
            if code[p] == 0:
                part += q / (n - i)
            elif code[p] == 1:
                part += x - mean[past - 1]
            else:
                part -= e / g[m] * (x * rest0[past] - rest1[past])
            total += part * part
        for m in range(i, j):
            if code[who[m]] == 2:
                if first[who[m]]:
                    earlier1 += r / g[m]
                else:
                    earlier0 += 1 / g[m]
        i = j
    return beta, total / (info * info)


@njit(cache=True, error_model="numpy")
def curve_energy(
    curve, curve_endpoint, curve_mask, order, time, code, masks, first, targets, numbers, z, scratch
):
    """Return how far one curve is from what was printed of it."""
    e = curve_endpoint[curve]
    mask = masks[curve_mask[curve]]
    at, risk, died, alive, variance, band = (
        scratch[0],
        scratch[1],
        scratch[2],
        scratch[3],
        scratch[4],
        scratch[5],
    )
    total = 0.0
    k = 0
    f, v, known_until = 0.0, 0.0, -1.0
    holds = NOTHING
    for c in range(first[curve], first[curve + 1]):
        kind = targets[c, 0]
        wants = REVERSED if kind == REVERSE_FOLLOW_UP else EVENTS_TOLD
        if holds != wants and (kind <= QUANTILE_UPPER or kind == REVERSE_FOLLOW_UP):
            cause = -1 if wants == REVERSED else 1
            k, _ = steps(order[e], time[e], code[e], mask, cause, at, risk, died, alive, variance)
            holds = wants
        scale_of = targets[c, 1]
        scale = scale_of % FIRST
        p, lo, hi, unit = numbers[c, 0], numbers[c, 1], numbers[c, 2], numbers[c, 3]
        if kind <= LANDMARK_UPPER:
            j = -1
            while j + 1 < k and at[j + 1] <= p:
                j += 1
            s = alive[j] if j >= 0 else 1.0
            if kind == LANDMARK:
                total += outside(s, lo, hi, unit)
                if s > 0.0:
                    # After the last observed time nothing is known.
                    seen = 0
                    for i in order[e][::-1]:
                        if mask[i] and time[e, i] >= 0:
                            seen = time[e, i]
                            break
                    if seen < p:
                        total += outside(float(seen), p, np.inf, 30.0) + 0.1
            else:
                x = limit(s, variance[j] if j >= 0 else 0.0, z, scale, kind == LANDMARK_UPPER)
                total += outside(x, lo, hi, unit)
        elif kind <= QUANTILE_UPPER:
            level = 1.0 - p
            end = at[k - 1] if k else 0.0
            if kind == QUANTILE:
                day, middle = crossing(at, alive, k, level)
                last = alive[k - 1] if k else 1.0
                if middle != day and scale_of < FIRST:
                    total += off_crossing(middle, end, last, level, lo, hi, unit)
            else:
                # The lower limit of the median is where the lower limit of the band crosses.
                upper = kind == QUANTILE_UPPER
                day, middle, last = band_crossing(
                    at, alive, variance, k, level, z, scale, upper, lo < 0, band
                )
            total += off_crossing(day, end, last, level, lo, hi, unit)
        elif kind <= INCIDENCE_UPPER:
            if p != known_until:
                f, v = incidence(order[e], time[e], code[e], mask, p)
                known_until = p
            if kind == INCIDENCE:
                total += outside(f, lo, hi, unit)
            elif f <= 0 or f >= 1:
                total += 2.0
            else:
                w = z * math.sqrt(v)
                sign = 1.0 if kind == INCIDENCE_UPPER else -1.0
                if scale == LOG_LOG:
                    x = f ** math.exp(sign * -w / (f * abs(math.log(f))))
                elif scale == LOG:
                    x = f * math.exp(sign * w / f)
                else:
                    x = f + sign * w
                total += outside(x, lo, hi, unit)
        elif kind in (FOLLOW_UP, TIME_TO_EVENT):
            m = 0
            for i in order[e]:
                if mask[i] and time[e, i] >= 0 and (kind == FOLLOW_UP or code[e, i] == 1):
                    at[m] = time[e, i]
                    m += 1
            total += outside(quantile(at, m, p), lo, hi, unit)
            if 0.0 < p < 1.0 and p != 0.5:
                total += outside(quantile6(at, m, p), lo, hi, unit)
            holds = NOTHING
        elif kind == REVERSE_FOLLOW_UP:
            day, middle = crossing(at, alive, k, 1.0 - p)
            end = at[k - 1] if k else 0.0
            last = alive[k - 1] if k else 1.0
            total += off_crossing(day, end, last, 1.0 - p, lo, hi, unit)
            if middle != day:
                total += off_crossing(middle, end, last, 1.0 - p, lo, hi, unit)
        elif kind == EVENTS:
            m = 0
            for i in range(mask.shape[0]):
                if mask[i] and time[e, i] >= 0 and code[e, i] == 1 and time[e, i] <= p:
                    m += 1
            total += outside(float(m), lo, hi, unit)
    return total


@njit(cache=True, error_model="numpy")
def test_energy(
    t, kinds, endpoint, members, sizes, bounds, order, time, code, masks, groups, work, matrix
):
    """Return how far one comparison is from what was printed of it."""
    e = endpoint[t]
    k = sizes[t]
    kind = kinds[t]
    until, lo, hi, unit = bounds[t, 0], bounds[t, 1], bounds[t, 2], bounds[t, 3]
    if kind <= FIRST_BETTER:
        x = log_rank(order[e], time[e], code[e], groups[t], k, until, work[0], work[1], matrix)
        if x == x:
            x = math.sqrt(x)
            if kind == FIRST_BETTER and work[0][0] > work[1][0]:
                x = -x
        return outside(x, lo, hi, unit)
    first, second = masks[members[t, 0]], masks[members[t, 1]]
    if kind == FINE_GRAY:
        b, v = fine_gray(order[e], time[e], code[e], first, second)
        return outside(abs(b) / math.sqrt(v), lo, hi, unit) if b == b else 3.0
    b, v = cox(order[e], time[e], code[e], first, second, True)
    if b != b:
        return 3.0
    if kind == HAZARD_RATIO:
        return outside(b, lo, hi, unit)
    sign = 1.0 if kind == HAZARD_RATIO_UPPER else -1.0
    return outside(b + sign * until * math.sqrt(v), lo, hi, unit)


@njit(cache=True, error_model="numpy")
def horizons(first, targets, numbers):
    """Return the day of each curve after which nothing changes what its targets ask."""
    n_curves = first.shape[0] - 1
    found = np.zeros(n_curves)
    for c in range(n_curves):
        for row in range(first[c], first[c + 1]):
            kind = targets[row, 0]
            if kind <= LANDMARK_UPPER or INCIDENCE <= kind <= INCIDENCE_UPPER or kind == EVENTS:
                found[c] = max(found[c], numbers[row, 0])
            else:
                found[c] = np.inf
    return found


@njit(cache=True, error_model="numpy")
def allowed(day, patient, least, most, must):
    """Say whether one patient's history is in a possible order and within its bounds."""
    d = day[patient]
    last = d[LAST]
    if must[patient, 0] >= 0 and must[patient, 0] != (d[DEATH] < NEVER):
        return False
    if must[patient, 1] >= 0 and must[patient, 1] != (d[RELAPSE] < NEVER):
        return False
    if d[DEATH] < NEVER and d[DEATH] != last:
        return False
    for c in range(DIAGNOSIS + 1, COLUMNS):
        if d[c] < NEVER and (d[c] < least[c] or d[c] > most[c] or d[c] > last):
            return False
    if d[RELAPSE] < NEVER and (d[RESPONSE] >= NEVER or d[RELAPSE] <= d[RESPONSE]):
        return False
    if d[TRANSPLANT] < NEVER:
        if d[RELAPSE] < NEVER and d[TRANSPLANT] > d[RELAPSE]:
            return False
        # A transplant after a response that came without it, before one that it brought.
        if d[NO_RESPONSE] < NEVER:
            if d[TRANSPLANT] < d[NO_RESPONSE]:
                return False
            if d[RESPONSE] < NEVER and d[RESPONSE] < d[TRANSPLANT]:
                return False
        elif d[RESPONSE] < NEVER and d[TRANSPLANT] < d[RESPONSE]:
            return False
    return True


@njit(cache=True, error_model="numpy")
def as_flagged(patient, time, code, flag_endpoint, flag_day, flag_lost, flags):
    """Say whether one patient had the events by the days by which they must have had them."""
    for f in range(flag_endpoint.shape[0]):
        want = flags[f, patient]
        if want < 0:
            continue
        t = time[flag_endpoint[f], patient]
        c = code[flag_endpoint[f], patient]
        if t < 0:
            return False
        if want == 1:
            if not (c == 1 and t <= flag_day[f]):
                return False
        elif (c == 1 and t <= flag_day[f]) or (c == 0 and t <= flag_day[f] and not flag_lost[f]):
            return False
    return True


@njit(cache=True, error_model="numpy")
def movables(origin, events, competing, censors):
    """Return the columns to move: what some endpoint asks of, and what ends a history."""
    movable = np.zeros(COLUMNS + 2, np.int64)
    count = 0
    for c in (RESPONSE, NO_RESPONSE, RELAPSE, TRANSPLANT, LAST, RELAPSE, LAST):
        matters = c == LAST
        for e in range(origin.shape[0]):
            bits = events[e] | competing[e] | censors[e] | 1 << origin[e]
            if bits >> c & 1:
                matters = True
        if matters:
            movable[count] = c
            count += 1
    return movable[:count]


@njit(cache=True, error_model="numpy")
def propose(rng, day, least, most, kin, peers, ends, movable, moved, old_row):
    """Change the histories of one patient or two, chance deciding how.

    `moved` is filled with whom it concerns and `old_row` with their histories before. Returns
    their number, 0 if there was nobody to exchange with, and whether whole histories were
    exchanged.
    """
    n = day.shape[0]
    i = rng.integers(0, n)
    moved[0] = i
    count = 1
    old_row[0] = day[i]
    choice = rng.random()
    exchanged = choice < 0.2
    if choice < 0.3:
        # Exchange the histories of two patients of one kind, or only how they ended, with
        # or without the relapse: then the curves of all stay, and much else.
        near = 0 if rng.random() < 0.7 else 1
        ended = choice >= 0.26
        like = kin[near] if exchanged else ends[near] if ended else peers[near]
        j = -1
        for _ in range(20):
            m = rng.integers(0, n)
            if m != i and like[m] == like[i]:
                j = m
                break
        if j < 0:
            return 0, False
        moved[1] = j
        count = 2
        old_row[1] = day[j]
        for c in range(DEATH if ended else RELAPSE if not exchanged else 1, COLUMNS):
            if exchanged or c != TRANSPLANT:
                day[i, c] = old_row[1, c]
                day[j, c] = old_row[0, c]
    elif choice < 0.38:
        # Exchange how long the responses lasted: two that ended, or one that didn't.
        if day[i, RESPONSE] >= NEVER:
            return 0, False
        j = -1
        for _ in range(40):
            m = rng.integers(0, n)
            if m != i and day[m, RELAPSE] < NEVER:
                j = m
                break
        if j < 0:
            return 0, False
        moved[1] = j
        count = 2
        old_row[1] = day[j]
        lasted = old_row[1, RELAPSE] - old_row[1, RESPONSE]
        if old_row[0, RELAPSE] < NEVER:
            day[j, RELAPSE] = day[j, RESPONSE] + old_row[0, RELAPSE] - old_row[0, RESPONSE]
        else:
            day[j, RELAPSE] = NEVER
        day[i, RELAPSE] = day[i, RESPONSE] + lasted
    elif choice < 0.43:
        # One who died lives, one who lived dies: the number of deaths stays.
        j = -1
        for _ in range(30):
            m = rng.integers(0, n)
            if m != i and (day[m, DEATH] >= NEVER) != (day[i, DEATH] >= NEVER):
                j = m
                break
        if j < 0:
            return 0, False
        moved[1] = j
        count = 2
        old_row[1] = day[j]
        for m in range(2):
            q = moved[m]
            day[q, DEATH] = day[q, LAST] if day[q, DEATH] >= NEVER else NEVER
    elif choice < 0.53:
        # Let what is not printed of this patient happen, or not.
        if rng.random() < 0.5:
            day[i, DEATH] = day[i, LAST] if day[i, DEATH] >= NEVER else NEVER
        elif day[i, RELAPSE] < NEVER:
            day[i, RELAPSE] = NEVER
        elif day[i, RESPONSE] < NEVER and day[i, LAST] > day[i, RESPONSE] + 1:
            day[i, RELAPSE] = rng.integers(day[i, RESPONSE] + 1, day[i, LAST] + 1)
    else:
        # What ended it matters most; whoever had no relapse has twice the chance of that.
        c = movable[rng.integers(0, movable.shape[0])]
        if day[i, c] >= NEVER:
            c = LAST
        size = rng.random()
        if size < 0.45:
            to = day[i, c] + rng.integers(-6, 7)
        elif size < 0.8:
            to = day[i, c] + rng.integers(-45, 46)
        else:
            to = rng.integers(least[c], most[c] + 1)
        day[i, c] = to
        if c == LAST and day[i, DEATH] < NEVER:
            day[i, DEATH] = to
    return count, exchanged


@njit(cache=True, error_model="numpy")
def observed(day, origin, events, competing, censors, cut):
    """Return every endpoint's times, its codes and the order of its patients."""
    n, n_endpoints = day.shape[0], origin.shape[0]
    time = np.zeros((n_endpoints, n), np.int64)
    code = np.zeros((n_endpoints, n), np.int64)
    order = np.zeros((n_endpoints, n), np.int64)
    for i in range(n):
        observe(day, origin, events, competing, censors, cut, time, code, i)
    for e in range(n_endpoints):
        order[e] = np.argsort(time[e])
    return time, code, order


@njit(cache=True, error_model="numpy")
def grouped(masks, test_members, test_size):
    """Return of each test in which of its groups a patient is, -1 for none."""
    groups = np.full((test_size.shape[0], masks.shape[1]), -1, np.int64)
    for t in range(test_size.shape[0]):
        for g in range(test_size[t]):
            for i in range(masks.shape[1]):
                if masks[test_members[t, g], i]:
                    groups[t, i] = g
    return groups


@njit(cache=True, error_model="numpy")
def put_in_order(moved, count, old_time, old_code, time, code, order, earliest):
    """Place the moved patients anew and note from when on each endpoint has changed."""
    for e in range(order.shape[0]):
        earliest[e] = NEVER + 1
        for m in range(count):
            new_time, was = time[e, moved[m]], old_time[m, e]
            if new_time != was or code[e, moved[m]] != old_code[m, e]:
                earliest[e] = min(earliest[e], new_time, was)
            if new_time != was:
                place(order[e], time[e], moved[m])
        if earliest[e] <= NEVER and count == 2:
            # The other one, not yet placed, may have stood in its way.
            place(order[e], time[e], moved[0])


@njit(cache=True, error_model="numpy")
def put_back(day, moved, count, old_row, old_time, old_code, time, code, order):
    """Undo what was done to one patient or two."""
    for m in range(count):
        day[moved[m]] = old_row[m]
    for m in range(count):
        for e in range(order.shape[0]):
            if time[e, moved[m]] != old_time[m, e]:
                time[e, moved[m]] = old_time[m, e]
                place(order[e], time[e], moved[m])
            code[e, moved[m]] = old_code[m, e]


@njit(cache=True, error_model="numpy")
def anneal(
    rng,
    day,
    least,
    most,
    must,
    kin,
    peers,
    ends,
    origin,
    events,
    competing,
    censors,
    cut,
    flag_endpoint,
    flag_day,
    flag_lost,
    flags,
    masks,
    curve_endpoint,
    curve_mask,
    first,
    targets,
    numbers,
    test_kind,
    test_endpoint,
    test_members,
    test_size,
    test_bounds,
    z,
    n_steps,
    hot,
    cold,
    stop_at,
):
    """Anneal one cohort's histories in place.

    Parameters are arrays (see `helpers.reconstruct.times.Problem`, which makes them). Returns
    the energy reached, 0 if every target is met, and the steps used.
    """
    n = day.shape[0]
    n_endpoints = origin.shape[0]
    n_curves = curve_endpoint.shape[0]
    n_tests = test_kind.shape[0]
    time, code, order = observed(day, origin, events, competing, censors, cut)
    groups = grouped(masks, test_members, test_size)
    scratch = np.zeros((6, n + 2))
    work = np.zeros((2, 8))
    matrix = np.zeros((8, 8))
    curve_cost = np.zeros(n_curves)
    test_cost = np.zeros(n_tests)
    for c in range(n_curves):
        curve_cost[c] = curve_energy(
            c,
            curve_endpoint,
            curve_mask,
            order,
            time,
            code,
            masks,
            first,
            targets,
            numbers,
            z,
            scratch,
        )
    for t in range(n_tests):
        test_cost[t] = test_energy(
            t,
            test_kind,
            test_endpoint,
            test_members,
            test_size,
            test_bounds,
            order,
            time,
            code,
            masks,
            groups,
            work,
            matrix,
        )
    horizon = horizons(first, targets, numbers)
    energy = curve_cost.sum() + test_cost.sum()
    best = energy
    best_day = day.copy()
    old_curve = curve_cost.copy()
    old_test = test_cost.copy()
    earliest = np.zeros(n_endpoints, np.int64)
    stale_curve = np.zeros(n_curves, np.bool_)
    stale_test = np.zeros(n_tests, np.bool_)
    old_row = np.zeros((2, COLUMNS), np.int64)
    old_time = np.zeros((2, n_endpoints), np.int64)
    old_code = np.zeros((2, n_endpoints), np.int64)
    moved = np.zeros(2, np.int64)
    movable = movables(origin, events, competing, censors)
    used = n_steps
    for step in range(n_steps):
        if best <= stop_at:
            used = step
            break
        heat = hot * (cold / hot) ** (step / n_steps)
        count, exchanged = propose(rng, day, least, most, kin, peers, ends, movable, moved, old_row)
        if count == 0:
            continue
        good = True
        for m in range(count):
            if not allowed(day, moved[m], least, most, must):
                good = False
            for e in range(n_endpoints):
                old_time[m, e] = time[e, moved[m]]
                old_code[m, e] = code[e, moved[m]]
        if good:
            for m in range(count):
                observe(day, origin, events, competing, censors, cut, time, code, moved[m])
                if not as_flagged(moved[m], time, code, flag_endpoint, flag_day, flag_lost, flags):
                    good = False
        after = energy
        if good:
            put_in_order(moved, count, old_time, old_code, time, code, order, earliest)
            # Reject as soon as what is left to work out can't make up for it.
            ceiling = energy - heat * math.log(rng.random())
            remaining = 0.0
            for c in range(n_curves):
                old_curve[c] = curve_cost[c]
                mask = masks[curve_mask[c]]
                e = curve_endpoint[c]
                stale_curve[c] = earliest[e] <= horizon[c] and (
                    mask[moved[0]] != mask[moved[1]]
                    if exchanged
                    else mask[moved[0]] or (count == 2 and mask[moved[1]])
                )
                if stale_curve[c]:
                    remaining += curve_cost[c]
            for t in range(n_tests):
                old_test[t] = test_cost[t]
                stale_test[t] = False
                until = test_bounds[t, 0] if test_kind[t] <= FIRST_BETTER else np.inf
                if earliest[test_endpoint[t]] <= until:
                    g, h = groups[t, moved[0]], groups[t, moved[1]]
                    stale_test[t] = g != h if exchanged else g >= 0 or (count == 2 and h >= 0)
                if stale_test[t]:
                    remaining += test_cost[t]
            for c in range(n_curves):
                if stale_curve[c] and good:
                    curve_cost[c] = curve_energy(
                        c,
                        curve_endpoint,
                        curve_mask,
                        order,
                        time,
                        code,
                        masks,
                        first,
                        targets,
                        numbers,
                        z,
                        scratch,
                    )
                    after += curve_cost[c] - old_curve[c]
                    remaining -= old_curve[c]
                    good = after - remaining <= ceiling
            for t in range(n_tests):
                if stale_test[t] and good:
                    test_cost[t] = test_energy(
                        t,
                        test_kind,
                        test_endpoint,
                        test_members,
                        test_size,
                        test_bounds,
                        order,
                        time,
                        code,
                        masks,
                        groups,
                        work,
                        matrix,
                    )
                    after += test_cost[t] - old_test[t]
                    remaining -= old_test[t]
                    good = after - remaining <= ceiling
            if not good:
                for c in range(n_curves):
                    curve_cost[c] = old_curve[c]
                for t in range(n_tests):
                    test_cost[t] = old_test[t]
        if good:
            energy = after
            if energy <= best + 1e-12:
                best = energy
                best_day[:] = day
        else:
            put_back(day, moved, count, old_row, old_time, old_code, time, code, order)
    day[:] = best_day
    return best, used


@njit(cache=True, error_model="numpy")
def probe(
    rng,
    day,
    least,
    most,
    must,
    kin,
    peers,
    ends,
    origin,
    events,
    competing,
    censors,
    cut,
    flag_endpoint,
    flag_day,
    flag_lost,
    flags,
    masks,
    curve_endpoint,
    curve_mask,
    first,
    targets,
    numbers,
    test_kind,
    test_endpoint,
    test_members,
    test_size,
    test_bounds,
    z,
    n_steps,
    values,
    rows,
    who,
):
    """Try changes of one cohort's histories and note those that leave every curve as it is.

    Parameters are as `anneal` takes them. Of each change that keeps what is asked of the curves
    and alters some test, `values` is filled with what it adds to the tests' energies, `rows` with
    the one or two histories after it and `who` with whose they are (-1 for nobody). Nothing is
    changed for good. Returns how many were found, the curves' energy and the tests' energies.
    """
    n = day.shape[0]
    n_endpoints = origin.shape[0]
    n_curves = curve_endpoint.shape[0]
    n_tests = test_kind.shape[0]
    time, code, order = observed(day, origin, events, competing, censors, cut)
    groups = grouped(masks, test_members, test_size)
    scratch = np.zeros((6, n + 2))
    work = np.zeros((2, 8))
    matrix = np.zeros((8, 8))
    curves = 0.0
    for c in range(n_curves):
        curves += curve_energy(
            c,
            curve_endpoint,
            curve_mask,
            order,
            time,
            code,
            masks,
            first,
            targets,
            numbers,
            z,
            scratch,
        )
    tests = np.zeros(n_tests)
    for t in range(n_tests):
        tests[t] = test_energy(
            t,
            test_kind,
            test_endpoint,
            test_members,
            test_size,
            test_bounds,
            order,
            time,
            code,
            masks,
            groups,
            work,
            matrix,
        )
    horizon = horizons(first, targets, numbers)
    movable = movables(origin, events, competing, censors)
    moved = np.zeros(2, np.int64)
    old_row = np.zeros((2, COLUMNS), np.int64)
    old_time = np.zeros((2, n_endpoints), np.int64)
    old_code = np.zeros((2, n_endpoints), np.int64)
    earliest = np.zeros(n_endpoints, np.int64)
    found = 0
    for _ in range(n_steps):
        if found >= values.shape[0]:
            break
        count, exchanged = propose(rng, day, least, most, kin, peers, ends, movable, moved, old_row)
        if count == 0:
            continue
        good = True
        for m in range(count):
            if not allowed(day, moved[m], least, most, must):
                good = False
            for e in range(n_endpoints):
                old_time[m, e] = time[e, moved[m]]
                old_code[m, e] = code[e, moved[m]]
        if good:
            for m in range(count):
                observe(day, origin, events, competing, censors, cut, time, code, moved[m])
                if not as_flagged(moved[m], time, code, flag_endpoint, flag_day, flag_lost, flags):
                    good = False
        if good:
            put_in_order(moved, count, old_time, old_code, time, code, order, earliest)
            for c in range(n_curves):
                mask = masks[curve_mask[c]]
                e = curve_endpoint[c]
                concerned = (
                    mask[moved[0]] != mask[moved[1]]
                    if exchanged
                    else mask[moved[0]] or (count == 2 and mask[moved[1]])
                )
                if good and concerned and earliest[e] <= horizon[c]:
                    good = (
                        curve_energy(
                            c,
                            curve_endpoint,
                            curve_mask,
                            order,
                            time,
                            code,
                            masks,
                            first,
                            targets,
                            numbers,
                            z,
                            scratch,
                        )
                        <= 1e-12
                    )
        if good:
            altered = False
            for t in range(n_tests):
                values[found, t] = 0.0
                g, h = groups[t, moved[0]], groups[t, moved[1]]
                concerned = g != h if exchanged else g >= 0 or (count == 2 and h >= 0)
                if concerned and earliest[test_endpoint[t]] <= NEVER:
                    values[found, t] = (
                        test_energy(
                            t,
                            test_kind,
                            test_endpoint,
                            test_members,
                            test_size,
                            test_bounds,
                            order,
                            time,
                            code,
                            masks,
                            groups,
                            work,
                            matrix,
                        )
                        - tests[t]
                    )
                    if abs(values[found, t]) > 1e-12:
                        altered = True
            if altered:
                for m in range(2):
                    who[found, m] = moved[m] if m < count else -1
                    rows[found, m] = day[moved[m]]
                found += 1
        put_back(day, moved, count, old_row, old_time, old_code, time, code, order)
    return found, curves, tests


@njit(cache=True, error_model="numpy")
def late_events(free, total, value, lower, upper, z, scale):
    """Return which numbers of later events can take a rate to another with its interval.

    Before, `free` of `total` had had no event and nobody was lost. Every way in which so many of
    those left were at risk at each later event is tried; element k says whether k events can do
    it.
    """
    possible = np.zeros(free + 1, np.bool_)
    at = np.zeros(free + 2, np.int64)
    rate = np.zeros(free + 2)
    variance = np.zeros(free + 2)
    rate[0] = free / total
    variance[0] = (total - free) / (total * free)
    depth = 0
    at[0] = free + 1
    while depth >= 0:
        s, v = rate[depth], variance[depth]
        if at[depth] == (free + 1 if depth == 0 else at[depth - 1]) and not possible[depth]:
            low = limit(s, v, z, scale, False)
            high = limit(s, v, z, scale, True)
            if (
                value[0] <= s <= value[1]
                and lower[0] <= low <= lower[1]
                and upper[0] <= high <= upper[1]
            ):
                possible[depth] = True
        at[depth] -= 1
        m = at[depth]
        if m < 2 or s * (m - 1) / m < value[0] - 1e-12:
            depth -= 1
            continue
        depth += 1
        rate[depth] = s * (m - 1) / m
        variance[depth] = v + 1 / (m * (m - 1.0))
        at[depth] = m
    return possible
