"""What is counted while requests run: holds on meters and pools, settlement, and who has been seen to need what.

A request *holds* its estimate before it is sent and *settles* at what its usage says. A meter is over its bound by no
more than what requests in flight use beyond their holds; a hold takes the most tokens that a request may write, so that
only input which was estimated too low can pass a bound. See docs/gateway.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from offtake.domain.clauses import Window
from offtake.router.breakers import Breaker
from offtake.router.counters import Counter, minute_end
from offtake.router.sharing import Sharing
from offtake.router.table import Candidate, RoutingTable, Tiers, Tokens, first_second
from offtake.router.worth import cost_of

NO_TOKENS: Final = Tokens(0, 0, 0)
_SMOOTHING_S: Final = 60.0  # Time constant of what is seen of captive demand.


@dataclass(slots=True)
class Captives:
    """What a pool's captives were seen to draw: smoothed amounts a second, and the squares of theirs."""

    rate: float
    square: float
    seen: float  # When it was last brought up to date.

    def decayed(self, now: float) -> tuple[float, float]:
        """The rates as they are now, if nothing has come since."""
        if not self.rate:
            return 0.0, 0.0
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
    keys: Mapping[str, int] = field(default_factory=dict[str, int])  # Spent this month, by the key's id.


NOTHING_COUNTED: Final = Opening({}, {})


class Balances:
    """The live counts of one process, under the table that is in force."""

    def __init__(
        self,
        table: RoutingTable,
        now: float,
        opening: Opening = NOTHING_COUNTED,
        sharing: Sharing | None = None,
    ) -> None:
        self._by_id: dict[str, Counter] = {}
        self._captives: dict[str, Captives] = {}
        self.breakers: dict[str, Breaker] = {}  # Of supplies that have failed, and perhaps answered again.
        self.busy: dict[str, int] = {}  # Requests under way, by supply.
        self.slots: dict[str, Counter] = {}  # Requests at once, where several processes share a deployment.
        self._opening = opening
        self._sharing = sharing
        self.adopt(table, now)

    def adopt(self, table: RoutingTable, now: float) -> None:
        """Counts go on under a new table: what has the same id, and is in the same window, keeps its count."""
        self.table = table
        opening = self._opening
        self.meters = [
            self._counter(
                f"meter {m.id}",
                m.window,
                m.window_ends,
                now,
                opening.meters.get(m.id, 0),
                None if m.upper is None else m.upper - m.base,
            )
            for m in table.meters
        ]
        self.tiers = [
            self._counter(f"tier {t.id}", t.window, t.window_ends, now, opening.tiers.get(t.id, 0), None)
            for t in table.tiers
        ]
        self.pools = [self._counter(f"pool {p.id}", "minute", None, now, 0, p.capacity) for p in table.pools]
        self.captives = [
            self._captives.setdefault(p.id, Captives(p.captive_rate, p.captive_rate * p.captive_size, now))
            for p in table.pools
        ]
        if self._sharing is not None:
            candidates = {c.id: c for entry in table.entries.values() for c in entry.candidates}
            self.slots = {
                id: self._counter(f"slots {id}", "any-time", None, now, 0, c.concurrency)
                for id, c in candidates.items()
            }

    def _counter(
        self, key: str, window: Window, ends: date | None, now: float, taken: int, limit: int | None
    ) -> Counter:
        ends_at = minute_end(now) if window == "minute" else first_second(ends)
        known = self._by_id.get(key)
        if known is None:
            counted = 0 if window in ("minute", "any-time") or self._sharing is not None else taken
            known = self._by_id[key] = Counter(window, ends_at, counted, limit)
        elif known.window != window or (window != "minute" and known.window_ends not in (ends_at, math.inf)):
            known.begin(window, ends_at)
        elif window != "minute":
            if known.window_ends != ends_at and window != "any-time" and known.shared and limit is not None:
                known.ceiling = 0  # Nothing was granted in this window yet.
            known.window_ends = ends_at  # It rolled over while the table of the day before was in force.
        if self._sharing is not None:
            # What perishes by the minute and requests at once are bounds that upstreams enforce themselves.
            self._sharing.adopt(key, known, limit, outside=key.startswith(("pool ", "slots ")))
        else:
            known.bound(limit)
        return known

    def meter(self, place: int, now: float) -> int:
        """What a meter reads: what others counted, what was settled here and what is held."""
        return self.table.meters[place].base + self.meters[place].reading(now)

    def room(self, place: int, now: float) -> int:
        """What this process may still hold on a meter with an upper bound."""
        return self.meters[place].room(now)

    def tier(self, place: int, now: float) -> int:
        """Tokens counted on a price by tiers."""
        return self.table.tiers[place].base + self.tiers[place].reading(now)

    def pool(self, place: int, now: float) -> int:
        """What is used of a pool in the running minute, or held."""
        return self.pools[place].reading(now)

    def pool_room(self, place: int, now: float) -> int:
        """What this process may still draw from a pool in the running minute."""
        return self.pools[place].room(now)

    def captive(self, place: int, now: float) -> tuple[float, float]:
        """A pool's captive demand as seen lately: pico-units a second, and their squares."""
        rate, square = self.captives[place].decayed(now)
        if self._sharing is not None:  # The kernel spreads connections evenly: others see as much.
            return rate * self._sharing.members, square * self._sharing.members
        return rate, square

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
        if self.slots and candidate.id in self.slots:
            self.slots[candidate.id].hold(1, now)
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
        if self.slots and candidate.id in self.slots:
            self.slots[candidate.id].settle(1, 0, now)
        return cost

    def cost(self, candidate: Candidate, tokens: Tokens, now: float) -> int:
        """What a request costs next, in pico-units of the estate's currency."""
        return cost_of(self.table, candidate, tokens, self, now)

    def press(self, candidates: Iterable[Candidate], tokens: Tokens, most: Tokens, now: float) -> bool:
        """Notes what a request found no room for here, and whether others may hold some in advance."""
        if self._sharing is None:
            return False
        wanted: list[tuple[Counter, int]] = []
        for candidate in candidates:
            cost = self.cost(candidate, most, now)
            wanted += [(self.meters[c.meter], c.amount(most.total, cost) or 0) for c in candidate.charges]
            if candidate.pool is not None and candidate.draws is not None:
                wanted.append((self.pools[candidate.pool], candidate.draws.of(tokens)))
            if candidate.id in self.slots:
                wanted.append((self.slots[candidate.id], 1))
        return self._sharing.press(wanted, now)
