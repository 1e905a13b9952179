"""The capacity that holds a percentile of waiting: by formula, and by replay of the same trace beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from offtake.demand.queueing import (
    MAXIMUM_SERVERS,
    Floats,
    Target,
    WorkStream,
    bucket_waits,
    chance_of_refusal,
    chance_of_waiting,
    held,
    least,
    least_units,
    stream_of,
    wait_at,
    wait_held,
    waits,
    widened,
    work_of,
)
from offtake.demand.traffic.trace import Trace
from offtake.domain.errors import InvalidInput

CURVE_POINTS: Final = 16
_LONGEST_WAIT_S: Final = 86_400.0
_FAR: Final = 64.0  # Times the mean: bucket capacities are sought up to this.

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class AcceleratorRate:
    """How fast one accelerator serves: tokens/s written (and read, if apart) at full batch, and each user's own speed.

    An accelerator then serves rate over speed requests at once, each at that speed.
    """

    tokens_out_per_s: float
    speed_tokens_per_s: float
    tokens_in_per_s: float | None = None

    @property
    def at_once(self) -> float:
        """Requests that one accelerator serves at once."""
        return self.tokens_out_per_s / self.speed_tokens_per_s

    def work(self, trace: Trace) -> Floats:
        """(request,): accelerator-seconds of each request."""
        busy = trace.tokens_out / self.tokens_out_per_s
        return busy if self.tokens_in_per_s is None else busy + trace.tokens_in / self.tokens_in_per_s


@dataclass(frozen=True, slots=True)
class UnitRate:
    """Tokens/s read and written by one provisioned unit, and the seconds of work that may stand in its bucket."""

    tokens_in_per_s: float
    tokens_out_per_s: float
    burst_s: float

    def work(self, trace: Trace) -> Floats:
        """(request,): unit-seconds of each request."""
        return trace.tokens_in / self.tokens_in_per_s + trace.tokens_out / self.tokens_out_per_s


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The wait that the target's share of requests do not pass, at a capacity; infinite where it is too small."""

    capacity: float
    model_wait_s: float
    replay_wait_s: float


@dataclass(frozen=True, slots=True)
class Need:
    """Capacity for a target. `replay` is what this trace needed; `model` the formula's, and `error` how far off it is.

    `mean` would do if requests came evenly. The waits are those of the target's share of requests in the replay, at the
    mean (rounded up for accelerators), at the model's capacity and at the replay's own.
    """

    unit: Literal["accelerators", "units"]
    target: Target
    mean: float
    model: float
    replay: float
    error: float
    wait_at_model_s: float
    wait_at_mean_s: float
    wait_at_replay_s: float
    peakedness: float
    curve: tuple[CurvePoint, ...]


def accelerators_needed(
    trace: Trace, rate: AcceleratorRate, target: Target, increment: int = 1, progress: Progress | None = None
) -> Need:
    """The fewest accelerators, in multiples of `increment`, that hold the target.

    All serve one line; a request waits until one of them has room for it, and lasts as long as its tokens take at each
    user's speed. Raises InvalidInput if that is more than MAXIMUM_SERVERS requests at once.
    """
    work = rate.work(trace)
    service = work * rate.at_once
    stream = stream_of(trace.seconds, service)
    mean = float(work.sum()) / trace.span_s
    limit = math.ceil(MAXIMUM_SERVERS / rate.at_once / increment)
    begin = max(1, math.ceil(max(mean, stream.load / rate.at_once) / increment))
    if begin >= limit:
        raise InvalidInput(
            f"the trace needs more than {MAXIMUM_SERVERS:,} requests at once", hint="check the rate"
        )
    done: dict[int, tuple[bool, float]] = {}

    def servers(steps: int) -> int:
        return int(steps * increment * rate.at_once + 1e-9)

    def replayed(steps: int) -> tuple[bool, float]:
        """Whether the target holds, and the wait of its share of requests."""
        if steps not in done:
            if progress is not None:
                progress("replaying the trace", len(done), 0)
            count = servers(steps)
            found = waits(trace.seconds, service, count) if count else np.full(service.size, np.inf)
            done[steps] = held(found, target), wait_at(found, target.share)
        return done[steps]

    def by_model(steps: int) -> bool:
        return chance_of_waiting(stream, servers(steps), target.wait_s) <= 1.0 - target.share

    def by_replay(steps: int) -> bool:
        return replayed(steps)[0]

    model = least(by_model, 0, widened(by_model, begin, limit))
    replay = least(by_replay, 0, widened(by_replay, begin, limit))
    top = max(model, replay)
    points = _spread(max(1, int(begin * 0.9)), top + max(2, round(top * 0.15)))
    curve = tuple(
        CurvePoint(steps * increment, wait_held(stream, servers(steps), target.share), replayed(steps)[1])
        for steps in points
    )
    return Need(
        "accelerators",
        target,
        mean,
        model * increment,
        replay * increment,
        model / replay - 1.0,
        replayed(model)[1],
        replayed(begin)[1],
        replayed(replay)[1],
        stream.peakedness,
        curve,
    )


def units_needed(trace: Trace, rate: UnitRate, target: Target, increment: float = 1.0) -> Need:
    """The fewest provisioned units, in multiples of `increment`, that take the target's share of requests in time.

    Raises InvalidInput for a burst of no time: a bucket holds at least the request that it takes.
    """
    if rate.burst_s <= 0:
        raise InvalidInput("a bucket must hold some work", hint="--burst 10s")
    work = rate.work(trace)
    stream = work_of(trace.seconds, work)

    def replay_wait(units: float) -> float:
        return wait_at(bucket_waits(trace.seconds, work, units, rate.burst_s), target.share)

    def by_model(units: float) -> bool:
        return chance_of_refusal(stream, units, rate.burst_s, target.wait_s) <= 1.0 - target.share

    def by_replay(units: float) -> bool:
        return held(bucket_waits(trace.seconds, work, units, rate.burst_s), target)

    mean, high = stream.mean, stream.mean * _FAR
    found = [least_units(holds, 0.0, high) for holds in (by_model, by_replay)]
    model, replay = (math.ceil(one / increment - 1e-9) * increment for one in found)
    levels = np.linspace(mean, max(found) * 1.15, CURVE_POINTS)
    curve = tuple(
        CurvePoint(float(one), _model_wait(stream, float(one), rate, target.share), replay_wait(float(one)))
        for one in levels
    )
    return Need(
        "units",
        target,
        mean,
        model,
        replay,
        found[0] / found[1] - 1.0,
        replay_wait(model),
        replay_wait(mean),
        replay_wait(replay),
        1.0,
        curve,
    )


def _model_wait(stream: WorkStream, units: float, rate: UnitRate, share: float) -> float:
    """The wait that the formula says `share` of requests do not pass; infinite where units are fewer than the mean."""
    if units <= stream.mean:
        return float("inf")

    def enough(wait_s: float) -> bool:
        return chance_of_refusal(stream, units, rate.burst_s, wait_s) <= 1.0 - share

    if enough(0.0):
        return 0.0
    return least_units(enough, 0.0, _LONGEST_WAIT_S)


def _spread(low: int, high: int) -> list[int]:
    """Whole numbers evenly between two, both of them included."""
    return sorted({int(one) for one in np.linspace(low, high, CURVE_POINTS).round()})
