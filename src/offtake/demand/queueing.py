"""How much capacity a stream of requests needs for its waiting times, by formula and by replay.

Two kinds of capacity. **Accelerators** serve so many requests at once, each for as long as it lasts, and the rest wait
in one line, first come, first served (GI/G/c). **Provisioned units** are a bucket: work drains at a rate, and a request
is taken at once while the level is below so many seconds of it.

The formulas see a request stream through few numbers; the replays take every request of the trace as it came. Both
answer the same question, so that the formula's error can be stated. Arrays are over requests in order of arrival:
``arrivals`` (request,) in seconds, ``service`` (request,) in seconds of a server, ``work`` (request,) in unit-seconds.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

MAXIMUM_SERVERS: Final = 10_000_000
_SETTLED: Final = 0.99  # Quantile of service after which a system that began empty is taken as filled.
_WINDOWS: Final = 24  # Windows in which a stream's variance is measured.
_SHORTEST_WINDOW_S: Final = 0.5
_LEAST_WINDOWS: Final = 10  # A trace must hold this many windows for the variance of one to be measured.
_HALVINGS: Final = 48


@dataclass(frozen=True, slots=True)
class Target:
    """At least `share` of requests wait at most `wait_s` seconds."""

    share: float
    wait_s: float


@dataclass(frozen=True, slots=True)
class Stream:
    """A request stream as the waiting formula sees it.

    `load` is the mean number in service if nobody had to wait (erlangs), and `peakedness` its variance over its mean: 1
    for Poisson arrivals, more for bursts (Eckberg 1983). `service_s` and `service_scv` are the mean and the squared
    coefficient of variation of a request's time in service.
    """

    load: float
    peakedness: float
    service_s: float
    service_scv: float


def stream_of(arrivals: Floats, service: Floats) -> Stream:
    """The stream of a trace, with load and peakedness measured as if there were a server for everybody.

    The time that the system needs to fill is left out. Arrays as the module says.
    """
    mean = float(service.mean())
    scv = float(service.var() / mean**2) if mean > 0 else 0.0
    begins = float(arrivals[0] + np.quantile(service, _SETTLED))
    ends = float(arrivals[-1])
    if begins >= ends:
        span = max(ends - float(arrivals[0]), mean)
        return Stream(float(service.sum() / span) if span > 0 else 0.0, 1.0, mean, scv)
    times = np.concatenate([arrivals, arrivals + service])
    steps = np.concatenate([np.ones(arrivals.size), -np.ones(arrivals.size)])
    order = np.argsort(times, kind="stable")
    times, busy = times[order], np.cumsum(steps[order])
    held = np.diff(np.clip(times, begins, ends))
    load = float(held @ busy[:-1] / (ends - begins))
    variance = float(held @ (busy[:-1] - load) ** 2 / (ends - begins))
    return Stream(load, variance / load if load > 0 else 1.0, mean, scv)


def erlang_c(servers: float, load: float) -> float:
    """Probability of having to wait in M/M/c (Erlang 1917), for any real number of servers; 1 if they are too few.

    By Erlang B for real c: B = a^c e^(-a) / Γ(c+1, a) (Jagerman 1974), C = c B / (c − a (1 − B)).
    """
    if load <= 0:
        return 0.0
    if servers <= load:
        return 1.0
    rest = float(special.gammaincc(servers + 1.0, load))
    if rest <= 0.0:
        return 1.0
    blocked = float(np.exp(servers * np.log(load) - load - special.gammaln(servers + 1.0))) / rest
    return servers * blocked / (servers - load * (1.0 - blocked))


def chance_of_waiting(stream: Stream, servers: float, wait_s: float) -> float:
    """Probability that a request waits longer than `wait_s` for one of `servers`.

    C(c/z, a/z) · exp(−t (c − a) / (z E[S] (1 + c_s²) / 2)): Erlang's formula with servers and load divided by the
    peakedness z (Hayward's approximation; Fredericks, BSTJ 59(6), 1980), and an exponential wait whose mean
    is corrected for the variability of service as Allen and Cunneen do (Whitt, "Approximations for the GI/G/m queue",
    1993).
    """
    if servers <= stream.load:
        return 1.0
    z = max(stream.peakedness, 1e-9)
    waiting = erlang_c(servers / z, stream.load / z)
    mean_s = z * stream.service_s * (1.0 + stream.service_scv) / 2.0 / (servers - stream.load)
    return waiting if wait_s <= 0 else waiting * float(np.exp(-wait_s / mean_s)) if mean_s > 0 else 0.0


def wait_held(stream: Stream, servers: float, share: float) -> float:
    """The wait in seconds that `share` of requests do not pass, by the formula; infinite if servers are too few."""
    late = chance_of_waiting(stream, servers, 0.0)
    if late >= 1.0:
        return float("inf")
    if late <= 1.0 - share:
        return 0.0
    z = max(stream.peakedness, 1e-9)
    mean_s = z * stream.service_s * (1.0 + stream.service_scv) / 2.0 / (servers - stream.load)
    return float(np.log(late / (1.0 - share))) * mean_s


def waits(arrivals: Floats, service: Floats, servers: int) -> Floats:
    """(request,): seconds that each request of a trace waits for one of `servers`, first come, first served.

    A discrete-event replay that begins empty; the same input gives the same output, and more servers never let anybody
    wait longer (Kiefer and Wolfowitz 1955).
    """
    free = [float("-inf")] * servers
    found = np.empty(arrivals.size)
    for n, (arrival, lasts) in enumerate(zip(arrivals.tolist(), service.tolist(), strict=True)):
        begins = max(free[0], arrival)
        heapq.heapreplace(free, begins + lasts)
        found[n] = begins - arrival
    return found


def held(found: Floats, target: Target) -> bool:
    """Whether at least the target's share of waits is at most its wait."""
    late = int(np.count_nonzero(found > target.wait_s))
    return late <= (1.0 - target.share) * found.size * (1.0 + 1e-12)


def wait_at(found: Floats, share: float) -> float:
    """The wait in seconds that at least `share` of requests do not pass: an order statistic, as `held` counts."""
    place = min(found.size - 1, max(0, int(np.ceil(share * found.size - 1e-9)) - 1))
    return float(np.partition(found, place)[place])


def least(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The least whole number in (low, high] that holds, if all larger ones do; `high` if none below it does."""
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high


def widened(holds: Callable[[int], bool], begin: int, limit: int) -> int:
    """A number from `begin` on, doubled until it holds; `limit` if none does below it."""
    found = max(1, begin)
    while found < limit and not holds(found):
        found = min(limit, found * 2)
    return found


# Provisioned units ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WorkStream:
    """Work as the bucket formula sees it: mean unit-seconds a second, and its deviation in windows of several lengths.

    ``windows_s`` (window,) and ``deviation`` (window,), in unit-seconds.
    """

    mean: float
    windows_s: Floats
    deviation: Floats


def work_of(arrivals: Floats, work: Floats) -> WorkStream:
    """The work of a trace and how it varies: standard deviation of the work that arrives in windows side by side."""
    begins, span = float(arrivals[0]), float(arrivals[-1] - arrivals[0])
    longest = max(span / _LEAST_WINDOWS, _SHORTEST_WINDOW_S)
    windows = np.geomspace(_SHORTEST_WINDOW_S, longest, _WINDOWS)
    deviation = np.zeros(windows.size)
    for n, window in enumerate(windows):
        whole = int(span // window)
        if whole > 1:
            place = ((arrivals - begins) // window).astype(np.intp)
            deviation[n] = np.bincount(place, weights=work, minlength=whole + 1)[:whole].std()
    return WorkStream(float(work.sum() / span) if span > 0 else 0.0, windows, deviation)


def chance_of_refusal(stream: WorkStream, units: float, burst_s: float, wait_s: float) -> float:
    """Probability that a bucket of `units` has no room within `wait_s`.

    The level passes N (b + t) if in some window τ more than N (b + t) + N τ arrives: the largest such probability, with
    normal work in each window (the maximal-term approximation; Norros 1994, Addie, Mannersalo and Norros 2002).
    """
    if units <= stream.mean:
        return 1.0
    room = units * (burst_s + wait_s) + (units - stream.mean) * stream.windows_s
    some = stream.deviation > 0
    if not some.any():
        return 0.0
    return float(special.ndtr(-(room[some] / stream.deviation[some])).max())


def bucket_waits(arrivals: Floats, work: Floats, units: float, burst_s: float) -> Floats:
    """(request,): seconds until a bucket of `units` has room for each request of a trace; work waits and is not lost.

    Lindley's recursion in closed form: the level before request n is X_n − min_{m≤n} X_m with X_n the work so far less
    what has drained.
    """
    before = np.concatenate([[0.0], np.cumsum(work)[:-1]]) - units * (arrivals - arrivals[0])
    level = before - np.minimum.accumulate(before)
    return np.maximum(level / units - burst_s, 0.0)


def least_units(holds: Callable[[float], bool], low: float, high: float) -> float:
    """The least real number between two that holds, by halving; `high` if none below it does."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high
