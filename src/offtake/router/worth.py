"""What a route costs by now: money by use, what a commitment makes us pay anyway, what reserved throughput is worth."""

from __future__ import annotations

import math
from typing import Final, Protocol

from offtake.router.table import Candidate, Entry, Group, RoutingTable, Tokens

# At its beginning a commitment counts in full while the window is on the way to end short by this share of it, and in
# part before; the share narrows with the time that is left.
PACING_BAND: Final = 0.1
NARROWEST_BAND: Final = 1e-4  # Of the band, at the window's end.
# Before this share of a window has passed its pace cannot be told; it is taken as this much.
EARLIEST_PACE: Final = 0.02


class Counted(Protocol):
    """What is counted by now. `offtake.router.balances.Balances` keeps it for a process."""

    def meter(self, place: int, now: float) -> int:
        """What a meter reads, holds included."""
        ...

    def tier(self, place: int, now: float) -> int:
        """Tokens counted on a price by tiers."""
        ...

    def pool(self, place: int, now: float) -> int:
        """What is used or held of a pool in the running minute."""
        ...

    def captive(self, place: int, now: float) -> tuple[float, float]:
        """A pool's captive demand a second, and the rate of its squares."""
        ...


def cost_of(table: RoutingTable, candidate: Candidate, tokens: Tokens, load: Counted, now: float) -> int:
    """What a request costs next at a candidate, in pico-units of the estate's currency: its product's price, and
    tiers."""
    fresh, cached, out = tokens
    price = candidate.price
    cost = price.fresh * fresh + price.cached * cached + price.out * out
    for place in candidate.tiers:
        schedule, before = table.tiers[place], load.tier(place, now)
        cost += schedule.total(before + fresh + cached + out) - schedule.total(before)
    return cost


def cost_by_now(
    table: RoutingTable, entry: Entry, group: Group, tokens: Tokens, load: Counted, now: float
) -> float:
    """What a route costs by now: the money that is not paid anyway, and what reserved throughput is worth to others."""
    candidate = group.first
    cost = float(cost_of(table, candidate, tokens, load, now))
    if cost and group.committed:
        cost *= 1.0 - max([credit(table, place, load, now) for place in group.committed])
    place, draws = candidate.pool, candidate.draws
    if place is None or draws is None or place in entry.captive_of or not table.pools[place].reserved:
        return cost
    return cost + displaced(table, place, draws.of(tokens), load, now)


def displaced(table: RoutingTable, place: int, drawn: int, load: Counted, now: float) -> float:
    """What drawing on a reserved pool costs those who have nowhere else: its worth to them times the chance that they
    will need it before the minute ends (Littlewood's rule: K. Littlewood, Forecasting and control of passenger
    bookings, AGIFORS 1972; normal demand). In pico-units of the estate's currency.
    """
    pool = table.pools[place]
    rate, square = load.captive(place, now)
    rate = max(rate, pool.captive_rate)
    if rate <= 0.0:
        return 0.0
    square = max(square, pool.captive_rate * pool.captive_size)
    remaining = 60.0 - now % 60.0
    left = pool.capacity - load.pool(place, now) - drawn
    if left < max(pool.captive_size, square / rate):
        return pool.worth * drawn  # Not even one of theirs would fit.
    spread = math.sqrt(2.0 * square * remaining)
    short = 0.5 * math.erfc((left - rate * remaining) / spread) if spread else float(rate * remaining > left)
    return pool.worth * drawn * short


def credit(table: RoutingTable, place: int, load: Counted, now: float) -> float:
    """The share of a payment that a commitment makes us pay anyway: 1 while its window is on the way to end short.

    What perishes by the minute is free until the minute's is used; what cumulates is paced over its window, in a band
    that narrows to nothing at the window's end, so that what is committed is taken by then, and not a band less.
    """
    meter = table.meters[place]
    lower = meter.lower
    if lower is None or lower <= 0:
        return 0.0
    reading = load.meter(place, now)
    if meter.window == "minute" or meter.window_ends is None:
        return 1.0 if reading < lower else 0.0
    passed = (now - meter.begins_at) / (meter.ends_at - meter.begins_at)
    projected = reading / max(passed, EARLIEST_PACE)
    band = PACING_BAND * max(1.0 - passed, NARROWEST_BAND)
    return min(max((lower - projected) / lower / band, 0.0), 1.0)
