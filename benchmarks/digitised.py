"""draft"""
import numpy as np

DAYS_PER_MONTH = 30.4375

def times(rng, n, kind, scale, shape, cure):
    u = rng.random(n)
    if kind == "exponential":
        return scale * -np.log(u)
    if kind == "Weibull":
        return scale * (-np.log(u)) ** (1 / shape)
    t = scale * -np.log(u)
    return np.where(rng.random(n) < cure, np.inf, t)

def design(rng):
    kind = rng.choice(["exponential", "Weibull", "plateau"])
    late = rng.random() < 0.5
    median = rng.uniform(6, 30)
    return dict(kind=kind, shape=rng.uniform(0.7, 1.6), scale=median / np.log(2), cure=rng.uniform(.2, .5),
                late=late, end=rng.uniform(24, 60))

def observed(rng, n, plan, factor=1.0):
    t = times(rng, n, plan["kind"], plan["scale"] * factor, plan["shape"], plan["cure"])
    end = plan["end"]
    c = rng.uniform(0.7 * end, end, n) if plan["late"] else rng.uniform(0.05 * end, end, n)
    days = np.maximum(1, np.round(np.minimum(t, c) * DAYS_PER_MONTH))
    return days / DAYS_PER_MONTH, (t <= c)

def km(time, event):
    order = np.argsort(time, kind="stable")
    u = np.unique(time[event])
    if not len(u):
        return u, np.ones(0)
    risk = len(time) - np.searchsorted(np.sort(time), u)
    d = np.array([(event & (time == x)).sum() for x in u])
    return u, np.cumprod(1 - d / risk)

def at(u, s, x):
    return np.concatenate([[1.0], s])[np.searchsorted(u, x, side="right")]

def clicks(rng, time, event, manner, end=None):
    width, height = rng.integers(500, 1001, 2)
    end = time.max() if end is None else end
    u, s = km(time, event)
    if manner == "steps":
        x = np.append(u, time.max())
    else:
        x = np.linspace(0, time.max(), int(rng.integers(80, 251)))
    y = at(u, s, x)
    px, py = end / width, 1 / height
    x = np.clip(x + rng.uniform(-px / 2, px / 2, len(x)), 0, None) if False else np.round(x / px) * px
    y = np.round(y / py) * py
    p = np.column_stack([x, y])
    if manner == "steps":  # one click in each column of pixels: the lower end
        q = {}
        for a, b in p: q[round(a / px)] = (a, b)
        p = np.array(list(q.values()))
    return p

def risk_table(rng, time, end):
    every = min([1, 2, 3, 6, 12], key=lambda e: abs(end / e - 8))
    t = np.arange(0, end + 1e-9, every)
    return {float(x): int((time >= x).sum()) for x in t}
