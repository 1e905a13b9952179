"""What is counted while requests run: holds on meters and pools, settlement, and who has been seen to need what.

A request *holds* its estimate before it is sent and *settles* at what its usage says. A meter is over its bound by no
more than what requests in flight use beyond their holds; a hold takes the most tokens that a request may write, so that
only input which was estimated too low can pass a bound. See docs/gateway.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from offtake.domain.clauses import Window
from offtake.router.breakers import Breaker
from offtake.router.table import Candidate, RoutingTable, Tiers, Tokens

MINUTE_S: Final = 60.0
_SMOOTHING_S: Final = 60.0  # Time constant of what is seen of captive demand.


class Counter:
    """One meter, tier or pool in its running window, in pico-units (tokens for tiers). `taken` is settled."""

    __slots__ = ("held", "taken", "window", "window_ends")

    def __init__(self, window: Window, window_ends: float, taken: int = 0) -> None:
        self.window: Window = window
        self.window_ends = window_ends  # In seconds since the epoch.
        self.taken = taken
        self.held = 0

    def reading(self, now: float) -> int:
        """What is taken and held in the window that `now` lies in."""
        if now >= self.window_ends:
            self._roll(now)
        return self.taken + self.held

    def hold(self, amount: int, now: float) -> None:
        """An estimate is held."""
        if now >= self.window_ends:
            self._roll(now)
        self.held += amount

    def settle(self, held: int, amount: int, now: float) -> None:
        """What was held becomes what was used, in the window in which it is known."""
        if now >= self.window_ends:
            self._roll(now)
        self.held -= held
        if self.window != "any-time":  # Of any moment only what is under way counts.
            self.taken += amount

    def _roll(self, now: float) -> None:
        """A new window begins: what was taken belongs to the old one, what is held goes on."""
        self.taken = 0
        self.window_ends = _minute_end(now) if self.window == "minute" else math.inf


@dataclass(slots=True)
class Captives:
    """What a pool's captives were seen to draw: smoothed amounts a second, and the squares of theirs."""

    rate: float
    square: float
    seen: float  # When it was last brought up to date.

    def decayed(self, now: float) -> tuple[float, float]:
        """The rates as they are now, if nothing has come since."""
        fade = math.exp(-max(now - self.seen, 0.0) / _SMOOTHING_S)
        return self.rate * fade, self.square * fade

    def came(self, amount: float, now: float) -> None:
        """A captive request drew so much."""
        rate, square = self.decayed(now)
        self.rate, self.square, self.seen = (
            rate + amount / _SMOOTHING_S,
            square + amount * amount / _SMOOTHING_S,
            max(now, self.seen),
        )


@dataclass(frozen=True, slots=True)
class Hold:
    """What one request holds; settled once."""

    supply: str
    counters: tuple[tuple[Counter, int], ...]
    tiers: tuple[tuple[Counter, int, Tiers], ...]
    pool: tuple[Counter, int] | None


@dataclass(frozen=True, slots=True)
class Opening:
    """What was counted before this process began, by the id of the meter and of the price: pico-units, and tokens."""

    meters: Mapping[str, int]
    tiers: Mapping[str, int]


NOTHING_COUNTED: Final = Opening({}, {})


class Balances:
    """The live counts of one process, under the table that is in force."""

    def __init__(self, table: RoutingTable, now: float, opening: Opening = NOTHING_COUNTED) -> None:
        self._by_id: dict[str, Counter] = {}
        self._captives: dict[str, Captives] = {}
        self._breakers: dict[str, Breaker] = {}
        self._in_flight: dict[str, int] = {}
        self._opening = opening
        self.adopt(table, now)

    def adopt(self, table: RoutingTable, now: float) -> None:
        """Counts go on under a new table: what has the same id, and is in the same window, keeps its count."""
        self.table = table
        self.meters = [
            self._counter(f"meter {m.id}", m.window, m.window_ends, now, self._opening.meters.get(m.id, 0))
            for m in table.meters
        ]
        self.tiers = [
            self._counter(f"tier {t.id}", t.window, t.window_ends, now, self._opening.tiers.get(t.id, 0))
            for t in table.tiers
        ]
        self.pools = [self._counter(f"pool {p.id}", "minute", None, now, 0) for p in table.pools]
        self.captives = [
            self._captives.setdefault(p.id, Captives(p.captive_rate, p.captive_rate * p.captive_size, now))
            for p in table.pools
        ]

    def _counter(self, key: str, window: Window, ends: date | None, now: float, taken: int) -> Counter:
        ends_at = _minute_end(now) if window == "minute" else _epoch(ends)
        known = self._by_id.get(key)
        if known is None:
            known = self._by_id[key] = Counter(
                window, ends_at, 0 if window in ("minute", "any-time") else taken
            )
        elif known.window != window or (window != "minute" and known.window_ends not in (ends_at, math.inf)):
            known.window, known.taken, known.window_ends = window, 0, ends_at
        elif window != "minute":
            known.window_ends = ends_at  # It rolled over while the table of the day before was in force.
        return known

    def meter(self, place: int, now: float) -> int:
        """What a meter reads: what others counted, what was settled here and what is held."""
        return self.table.meters[place].base + self.meters[place].reading(now)

    def tier(self, place: int, now: float) -> int:
        """Tokens counted on a price by tiers."""
        return self.table.tiers[place].base + self.tiers[place].reading(now)

    def pool(self, place: int, now: float) -> int:
        """What is used of a pool in the running minute, or held."""
        return self.pools[place].reading(now)

    def captive(self, place: int, now: float) -> tuple[float, float]:
        """A pool's captive demand as seen lately: pico-units a second, and their squares."""
        return self.captives[place].decayed(now)

    def in_flight(self, supply: str) -> int:
        """Requests under way at a supply."""
        return self._in_flight.get(supply, 0)

    def breaker(self, supply: str) -> Breaker:
        """A supply's breaker."""
        found = self._breakers.get(supply)
        if found is None:
            found = self._breakers[supply] = Breaker()
        return found

    def lets_through(self, supply: str, now: float) -> bool:
        """Whether a supply's breaker lets a request through."""
        found = self._breakers.get(supply)
        return found is None or found.lets_through(now)

    def succeeded(self, supply: str) -> None:
        """A supply answered: its breaker closes, if it has one."""
        found = self._breakers.get(supply)
        if found is not None:
            found.succeeded()

    def hold(self, candidate: Candidate, tokens: Tokens, most: Tokens, now: float, captive: bool) -> Hold:
        """Holds the most that a request may use on meters, and what is expected of it on its pool."""
        counters = [
            (self.meters[charge.meter], amount)
            for charge, amount in zip(candidate.charges, self.amounts(candidate, most, now), strict=True)
        ]
        tiers = [(self.tiers[place], most.total, self.table.tiers[place]) for place in candidate.tiers]
        pool: tuple[Counter, int] | None = None
        if candidate.pool is not None and candidate.draws is not None:
            drawn = candidate.draws.of(tokens)
            pool = (self.pools[candidate.pool], drawn)
            if captive:
                self.captives[candidate.pool].came(drawn, now)
        for counter, amount in counters:
            counter.hold(amount, now)
        for counter, amount, _ in tiers:
            counter.hold(amount, now)
        if pool is not None:
            pool[0].hold(pool[1], now)
        self._in_flight[candidate.id] = self._in_flight.get(candidate.id, 0) + 1
        if self._breakers:
            self.breaker(candidate.id).sent(now)
        return Hold(candidate.id, tuple(counters), tuple(tiers), pool)

    def settle(self, hold: Hold, candidate: Candidate, used: Tokens | None, now: float) -> int:
        """Replaces what was held by what was used (None: nothing was); the cost in pico-units of the estate's
        currency."""
        tokens = used or Tokens(0, 0, 0)
        # The table may have been replaced meanwhile: what was held knows its own tiers and counters.
        cost = candidate.price.of(tokens)
        for counter, held, schedule in hold.tiers:
            before = schedule.base + counter.reading(now) - held
            cost += schedule.total(before + tokens.total) - schedule.total(before)
            counter.settle(held, tokens.total, now)
        for (counter, held), charge in zip(hold.counters, candidate.charges, strict=True):
            counter.settle(held, charge.amount(tokens.total, cost) or 0, now)
        if hold.pool is not None and candidate.draws is not None:
            hold.pool[0].settle(hold.pool[1], candidate.draws.of(tokens), now)
        self._in_flight[hold.supply] -= 1
        return cost

    def cost(self, candidate: Candidate, tokens: Tokens, now: float) -> int:
        """What a request costs next, in pico-units of the estate's currency: its product's price, and tiers."""
        cost = candidate.price.of(tokens)
        for place in candidate.tiers:
            schedule, before = self.table.tiers[place], self.tier(place, now)
            cost += schedule.total(before + tokens.total) - schedule.total(before)
        return cost

    def amounts(self, candidate: Candidate, tokens: Tokens, now: float) -> list[int]:
        """What a request counts on each of a candidate's meters; what cannot be counted counts nothing here."""
        cost = self.cost(candidate, tokens, now)
        return [charge.amount(tokens.total, cost) or 0 for charge in candidate.charges]


def _minute_end(now: float) -> float:
    return (math.floor(now / MINUTE_S) + 1) * MINUTE_S


def _epoch(day: date | None) -> float:
    """The first second of a day, in UTC; a window without an end never ends."""
    return math.inf if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
