"""What is counted while requests run: holds on meters and pools, settlement, and who has been seen to need what.

A request *holds* its estimate before it is sent and *settles* at what its usage says. A meter is over its bound by no
more than what requests in flight use beyond their holds; a hold takes the most tokens that a request may write, so that
only input which was estimated too low can pass a bound. See docs/gateway.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from offtake.domain.clauses import Window
from offtake.router.breakers import Breaker
from offtake.router.table import Candidate, RoutingTable, Tiers, Tokens, first_second
from offtake.router.worth import cost_of

MINUTE_S: Final = 60.0
NO_TOKENS: Final = Tokens(0, 0, 0)
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


class Hold(NamedTuple):
    """What one request holds; settled once. The table may be replaced meanwhile: it knows its own counters."""

    candidate: Candidate
    amounts: Sequence[int]
    counters: Sequence[Counter]  # Of the candidate's charges, with the amounts.
    tiers: Sequence[tuple[Counter, int, Tiers]]
    pool: Counter | None
    drawn: int


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
        self.breakers: dict[
            str, Breaker
        ] = {}  # Of the supplies that have failed, and perhaps answered again.
        self.busy: dict[str, int] = {}  # Requests under way, by supply.
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
        ends_at = _minute_end(now) if window == "minute" else first_second(ends)
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

    def breaker(self, supply: str) -> Breaker:
        """A supply's breaker."""
        found = self.breakers.get(supply)
        if found is None:
            found = self.breakers[supply] = Breaker()
        return found

    def succeeded(self, supply: str) -> None:
        """A supply answered: its breaker closes, if it has one."""
        found = self.breakers.get(supply)
        if found is not None:
            found.succeeded()

    def hold(
        self,
        candidate: Candidate,
        tokens: Tokens,
        most: Tokens,
        now: float,
        captive: bool,
        amounts: Sequence[int] | None = None,
    ) -> Hold:
        """Holds the most that a request may use on meters, and what is expected of it on its pool.

        `amounts` are those of `most` on the candidate's charges, where the choice has just worked them out.
        """
        if amounts is None:
            cost = cost_of(self.table, candidate, most, self, now)
            amounts = [charge.amount(most.total, cost) or 0 for charge in candidate.charges]
        meters = self.meters
        counters = [meters[charge.meter] for charge in candidate.charges]
        for counter, amount in zip(counters, amounts, strict=True):
            counter.hold(amount, now)
        tiers: Sequence[tuple[Counter, int, Tiers]] = ()
        if candidate.tiers:
            tiers = [(self.tiers[place], most.total, self.table.tiers[place]) for place in candidate.tiers]
            for counter, amount, _ in tiers:
                counter.hold(amount, now)
        pool, drawn = None, 0
        if candidate.pool is not None and candidate.draws is not None:
            pool, drawn = self.pools[candidate.pool], candidate.draws.of(tokens)
            pool.hold(drawn, now)
            if captive:
                self.captives[candidate.pool].came(drawn, now)
        self.busy[candidate.id] = self.busy.get(candidate.id, 0) + 1
        if self.breakers:
            self.breaker(candidate.id).sent(now)
        return Hold(candidate, amounts, counters, tiers, pool, drawn)

    def settle(self, hold: Hold, used: Tokens | None, now: float) -> int:
        """Replaces what was held by what was used (None: nothing was); the cost in pico-units of the estate's
        currency."""
        tokens = NO_TOKENS if used is None else used
        candidate = hold.candidate
        total, cost = sum(tokens), candidate.price.of(tokens)
        for counter, held, schedule in hold.tiers:
            before = schedule.base + counter.reading(now) - held
            cost += schedule.total(before + total) - schedule.total(before)
            counter.settle(held, total, now)
        for counter, held, charge in zip(hold.counters, hold.amounts, candidate.charges, strict=True):
            counter.settle(held, charge.amount(total, cost) or 0, now)
        if hold.pool is not None and candidate.draws is not None:
            hold.pool.settle(hold.drawn, candidate.draws.of(tokens), now)
        self.busy[candidate.id] -= 1
        return cost


def _minute_end(now: float) -> float:
    return (math.floor(now / MINUTE_S) + 1) * MINUTE_S
