"""The capacity-expansion family that planners are measured on: numbers only, no solver.

Sets: site s, accelerator k, period t (quarters), client region r, workload class m.
Variables (all >= 0):
  build[s,k,t]        accelerators ordered at s in t, in service from t + lead[k] to the end
  serve[s,k,r,m,t]    load of (r,m) served by (s,k); only where permitted[s,k,r,m]
  unmet[r,m,t]        load left unserved
Minimise  sum discount[t] * (capital[s,k,t]*build + operate[s,k,r,m]*serve + penalty[r,m]*unmet)
subject to
  power    sum_k watts[k] * build_in_service[s,k,t]                        <= power[s,t]            (s,t)
  capacity sum_rm use[k,m] * serve[s,k,r,m,t] - build_in_service[s,k,t]    <= existing[s,k]         (s,k,t)
  demand   sum_sk serve[s,k,r,m,t] + unmet[r,m,t]                          == demand[r,m,t]         (r,m,t)
  budget   sum_{t in year y} sum_sk capital[s,k,t] * build[s,k,t]          <= budget[y]             (y)
  ceiling  sum_t build[s,k,t]                                              <= ceiling[s,k]          (s,k)

Two families: `random_family` has no structure at all (the hard case); `structured_family` is what estates look
like: permission follows jurisdiction and distance, and the cost of serving depends on the supply and on how far
the client is, by distance band.

Optimal objectives of random_family(seed=0), found with HiGHS simplex and by a second method:
  small 20924.634296, medium 76967.174051.
of structured_family(seed=0): small 16439.944046, medium 92597.0726.
"""

import numpy as np

SIZES = {
    "small": (20, 4, 16, 12, 3),
    "medium": (60, 6, 24, 30, 4),
    "large": (150, 8, 40, 40, 4),
}  # S, K, T, R, M


def random_family(size: str, seed: int = 0) -> dict:
    S, K, T, R, M = SIZES[size]
    g = np.random.default_rng(seed)
    d = {"S": S, "K": K, "T": T, "R": R, "M": M}
    d["permitted"] = g.random((S, K, R, M)) < 0.4
    d["lead"] = g.integers(1, 4, K)
    d["watts"] = np.linspace(1.0, 1.8, K) * g.uniform(0.95, 1.05, K)
    d["use"] = np.linspace(1.0, 0.3, K)[:, None] * g.uniform(0.8, 1.2, (K, M))
    first = g.uniform(5, 40, (R, M))
    growth = g.uniform(1.02, 1.10, (R, M))
    d["demand"] = first[:, :, None] * growth[:, :, None] ** np.arange(T)
    _supply(d, g)
    d["operate"] = g.uniform(0.2, 1.0, (S, K))[:, :, None, None] * g.uniform(
        0.5, 1.5, (S, K, R, M)
    ) + g.uniform(0.02, 0.6, (S, 1, R, 1))
    _money(d, g)
    return d


def structured_family(size: str, seed: int = 0) -> dict:
    S, K, T, R, M = SIZES[size]
    g = np.random.default_rng(seed)
    d = {"S": S, "K": K, "T": T, "R": R, "M": M}
    site_law, region_law = g.integers(0, 5, S), g.integers(0, 5, R)  # jurisdictions
    site_xy, region_xy = g.random((S, 2)), g.random((R, 2))
    rtt_ms = 5 + 200 * np.linalg.norm(site_xy[:, None] - region_xy[None], axis=2)
    resident = np.arange(M) % 2 == 1  # every other class must stay at home
    bound_ms = np.array([60, 150, 100, 1e9])[np.arange(M) % 4]
    at_home = site_law[:, None] == region_law[None]  # (site, region)
    near = rtt_ms[:, :, None] <= bound_ms  # (site, region, class)
    lawful = at_home[:, :, None] | ~resident[None, None, :]
    d["permitted"] = np.broadcast_to((near & lawful)[:, None], (S, K, R, M)).copy()
    d["lead"] = g.integers(1, 4, K)
    d["watts"] = np.linspace(1.0, 1.8, K) * g.uniform(0.95, 1.05, K)
    d["use"] = np.linspace(1.0, 0.3, K)[:, None] * g.uniform(0.8, 1.2, (K, M))
    d["demand"] = g.uniform(5, 40, (R, M))[:, :, None] * g.uniform(1.02, 1.10, (R, M))[
        :, :, None
    ] ** np.arange(T)
    _supply(d, g)
    band = np.digitize(rtt_ms, [30, 80, 150])  # network cost by distance band
    d["operate"] = g.uniform(0.2, 1.0, (S, K))[:, :, None, None] + np.broadcast_to(
        np.array([0.02, 0.1, 0.25, 0.5])[band][:, None, :, None], (S, K, R, M)
    )
    _money(d, g)
    return d


def _supply(d: dict, g: np.random.Generator) -> None:
    S, K, T = d["S"], d["K"], d["T"]
    total = d["demand"].sum((0, 1))
    d["existing"] = np.where(np.arange(K)[None, :] < 2, g.uniform(0, 1.0, (S, K)), 0) * total[0] / S
    # room left for new build, per site and period
    d["power"] = (g.uniform(0.5, 1.5, S)[:, None] * np.linspace(1.0, 1.7, T)[None, :]) * (
        total[T // 2] * 0.9 / S
    )
    d["capital"] = (np.linspace(10, 24, K)[None, :, None] * g.uniform(0.9, 1.1, (S, K))[:, :, None]) * (
        0.97 ** np.arange(T)
    )


def _money(d: dict, g: np.random.Generator) -> None:
    S, K, T, R, M = (d[n] for n in "SKTRM")
    last = d["demand"][:, :, -1].sum()
    d["penalty"] = g.uniform(30, 60, (R, M))
    d["budget"] = np.full(T // 4, 12 * last / (T // 4))
    d["ceiling"] = g.uniform(0.5, 2.0, (S, K)) * last / (S * K) * 2
    d["discount"] = 0.98 ** np.arange(T)
