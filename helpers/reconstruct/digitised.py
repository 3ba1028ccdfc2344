"""Draft."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@njit(cache=True)
def _after(alive, risk, censored, events, spread):
    """Return survival after a stretch."""
    if not spread:
        left = risk - censored
        return alive * (left - events) / left if left > 0 else alive
    for i in range(events):
        gone = min(censored, int((i + 0.5) / events * (censored + 1)))
        left = risk - gone - i
        alive *= (left - 1) / left
    return alive


@njit(cache=True)
def _decode(length, rate, seen, sigma, most, floor, pin, spread, patients, beam, power):
    stretches = length.shape[0]
    risk = np.zeros((stretches + 1, beam), np.int64)
    lost = np.zeros((stretches + 1, beam), np.int64)
    parent = np.zeros((stretches + 1, beam), np.int64)
    died = np.zeros((stretches + 1, beam), np.int64)
    gone = np.zeros((stretches + 1, beam), np.int64)
    count = np.zeros(stretches + 1, np.int64)
    alive = np.zeros(beam)
    mass = np.zeros(beam)
    risk[0, 0] = patients
    alive[0] = 1.0
    count[0] = 1
    evidence = 0.0
    slots = 1 << 17
    table = np.full(slots, -1, np.int64)
    room = 1 << 16
    key = np.zeros(room, np.int64)
    slot_of = np.zeros(room, np.int64)
    c_risk = np.zeros(room, np.int64)
    c_lost = np.zeros(room, np.int64)
    c_parent = np.zeros(room, np.int64)
    c_died = np.zeros(room, np.int64)
    c_gone = np.zeros(room, np.int64)
    c_alive = np.zeros(room)
    c_mass = np.zeros(room)
    c_best = np.zeros(room)
    log_factorial = np.zeros(patients + 2)
    for i in range(2, patients + 2):
        log_factorial[i] = log_factorial[i - 1] + math.log(i)
    for k in range(stretches):
        found = 0
        bucket = sigma[k] / 2 if sigma[k] < 0.01 else 0.005
        for a in range(count[k]):
            n = risk[k, a]
            s = alive[a]
            mean = max(rate[k] * length[k] * n, 1e-6)
            log_mean = math.log(mean)
            cap = int(mean + 4 * math.sqrt(mean) + 2)
            if length[k] <= 0:
                cap = 0
            least, top = 0, 0
            if most[k] > 0 and s > 0 and n > 0:
                wanted = (1 - seen[k] / s) * n
                width = 1 + 3 * sigma[k] * n / s
                least = max(
                    0, int(math.floor(wanted - width - 0.5 * cap * max(0.0, 1 - seen[k] / s)))
                )
                top = int(math.ceil(wanted + width))
                top = max(0, min(top, n - floor[k]))
                least = min(least, top)
            for d in range(least, top + 1):
                spare = n - d - floor[k]
                lowest, highest = 0, min(cap, spare)
                if pin[k] >= 0:
                    lowest = n - d - pin[k]
                    highest = lowest
                for c in range(lowest, highest + 1):
                    after = _after(s, n, c, d, spread)
                    score = mass[a] - mean + c * log_mean - log_factorial[c]
                    score -= 0.5 * abs((after - seen[k]) / sigma[k]) ** power
                    left = n - c - d
                    code = (left * (patients + 1) + lost[k, a] + c) * 100000 + int(after / bucket)
                    h = (code * 2654435761 + (code >> 15)) & (slots - 1)
                    while table[h] >= 0 and key[table[h]] != code:
                        h = (h + 1) & (slots - 1)
                    at = table[h]
                    if at < 0:
                        if found == room:
                            continue
                        at = found
                        found += 1
                        table[h] = at
                        key[at] = code
                        slot_of[at] = h
                        c_mass[at] = score
                        c_best[at] = -np.inf
                    else:
                        high = max(c_mass[at], score)
                        c_mass[at] = high + math.log(
                            math.exp(c_mass[at] - high) + math.exp(score - high)
                        )
                    if score > c_best[at]:
                        c_best[at] = score
                        c_alive[at] = after
                        c_risk[at] = left
                        c_lost[at] = lost[k, a] + c
                        c_parent[at] = a
                        c_died[at] = d
                        c_gone[at] = c
        for i in range(found):
            table[slot_of[i]] = -1
        order = np.argsort(-c_mass[:found])
        keep = min(found, beam)
        for i in range(keep):
            j = order[i]
            if c_mass[j] < c_mass[order[0]] - 25:
                keep = i
                break
            risk[k + 1, i] = c_risk[j]
            lost[k + 1, i] = c_lost[j]
            parent[k + 1, i] = c_parent[j]
            died[k + 1, i] = c_died[j]
            gone[k + 1, i] = c_gone[j]
            alive[i] = c_alive[j]
            mass[i] = c_mass[j] - c_mass[order[0]]
        count[k + 1] = keep
        evidence += c_mass[order[0]]
    return risk, lost, parent, died, gone, count, alive, mass, evidence


@njit(cache=True)
def _trace(parent, died, gone, last):
    stretches = parent.shape[0] - 1
    d = np.zeros(stretches, np.int64)
    c = np.zeros(stretches, np.int64)
    for k in range(stretches, 0, -1):
        d[k - 1] = died[k, last]
        c[k - 1] = gone[k, last]
        last = parent[k, last]
    return d, c
