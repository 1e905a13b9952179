"""The choice: (table, what is asked, load, now) to a route, or a refusal with the clauses that made it. Pure.

Where a request *may* go is the law's: what `decide` refuses is never a route. Where it *should* go is the least of
what each lawful route costs by now: money by use, less what a commitment makes us pay anyway, and for reserved
throughput what it is worth to those who have nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, Literal, NamedTuple, Protocol

from offtake.law.decide import Reason
from offtake.router.lawful import World, decided, holds
from offtake.router.table import PICO, Candidate, Entry, Group, RoutingTable, Tokens

# A commitment counts in full while the window is on the way to end short by this share of it, and in part before.
PACING_BAND: Final = 0.1
# Before this share of a window has passed its pace cannot be told; it is taken as this much.
EARLIEST_PACE: Final = 0.02


class Load(Protocol):
    """What is counted and broken by now. `offtake.router.balances.Balances` keeps it for a process."""

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

    def in_flight(self, supply: str) -> int:
        """Requests under way at a supply."""
        ...

    def lets_through(self, supply: str, now: float) -> bool:
        """Whether a supply's breaker lets a request through."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the choice sees it: `expected` tokens, and the `most` that may come of it.

    `tightened` are entries under stricter facts that the request states of itself: a route must be in all of them.
    `excluded` are supplies already tried; `pinned` is the only one that holds the state which the request builds on.
    """

    entries: tuple[Entry, ...]
    expected: Tokens
    most: Tokens
    tightened: tuple[Entry, ...] = ()
    excluded: frozenset[str] = frozenset()
    pinned: str | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A supply that was not taken, and why: by clauses, or for want of room, or because it is down."""

    supply: str
    why: Literal["law", "meter", "full", "down", "offered", "tried", "elsewhere"]
    reasons: tuple[Reason, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Where the request goes. `passed` are supplies that could not take it; those that were only dearer are not in."""

    entry: Entry
    candidate: Candidate
    passed: tuple[Passed, ...]
    # The clauses of rights over traffic under which the holder was offered the request and could not take it.
    offered: tuple[str, ...] = ()
    captive: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """No route. `why` says what a caller may do: `law` (never), `meter` (when the window ends), `full` or `down`."""

    why: Literal["law", "meter", "full", "down"]
    passed: tuple[Passed, ...]
    retry_after_s: float | None = None

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses that refuse, each once, in the order of their names."""
        return tuple(sorted({r.origin.clause for p in self.passed for r in p.reasons}))


class _Open(NamedTuple):
    """A group that the request may go to, and its members that can take it now."""

    entry: Entry
    group: Group
    members: tuple[Candidate, ...]


def choose(table: RoutingTable, asked: Asked, load: Load, now: float) -> Route | Refused:
    """The best lawful route. It depends on nothing but its arguments; `now` is in seconds since the epoch (UTC).

    Fails closed: on a day that is not the table's there is no route. Of candidates that are equal in all that counts
    the least busy is taken.
    """
    begins, ends = day_bounds(table.day)
    if not begins <= now < ends:
        text = f"the table is of {table.day}, and today is another day"
        return Refused("down", (Passed("", "down", (), text),), 1.0)
    passed: list[Passed] = []
    best = _best(table, asked, load, now, passed)
    if best is None:
        barred = [Passed(b.supply, "law", b.reasons, b.why) for e in asked.entries for b in e.barred]
        return _refused((*barred, *passed), now)
    entry, _, members = best
    candidate = members[0] if len(members) == 1 else min(members, key=lambda c: load.in_flight(c.id))
    return Route(
        entry,
        candidate,
        tuple(passed),
        tuple(sorted({origin.clause for _, _, origin in candidate.asks})) if candidate.asks else (),
        candidate.pool is not None and candidate.pool in entry.captive_of,
    )


def _best(table: RoutingTable, asked: Asked, load: Load, now: float, passed: list[Passed]) -> _Open | None:
    """The cheapest group by now that the request may go to, and its open members."""
    if any(entry.asks for entry in asked.entries):
        # Whether the holder of a right has room hangs on all of its supplies, so all are looked at.
        opened = [
            _Open(entry, group, members)
            for entry in asked.entries
            for group in entry.groups
            if (members := _members(table, entry, group, asked, load, now, passed))
        ]
        return _cheapest(table, _offered_first(opened, passed), asked, load, now)
    ranked = [(entry, group) for entry in asked.entries for group in entry.groups]
    if len(ranked) > 1:
        costs = [_cost_by_now(table, e, g, asked.expected, load, now) for e, g in ranked]
        # Sorting is stable: of equals the first, models most wanted before others, then as listed.
        ranked = [ranked[n] for n in sorted(range(len(ranked)), key=costs.__getitem__)]
    for entry, group in ranked:
        members = _members(table, entry, group, asked, load, now, passed)
        if members:
            return _Open(entry, group, members)
    return None


def day_of(now: float) -> date:
    """The day in UTC."""
    return datetime.fromtimestamp(now, UTC).date()


@lru_cache(maxsize=64)
def day_bounds(day: date) -> tuple[float, float]:
    """The first second of a day in UTC, and the first of the next."""
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    return begins, begins + 86_400.0


def _members(
    table: RoutingTable,
    entry: Entry,
    group: Group,
    asked: Asked,
    load: Load,
    now: float,
    passed: list[Passed],
) -> tuple[Candidate, ...]:
    """The members of a group that can take the request; why the others cannot is noted."""
    first = group.first
    closed = _unlawful(table, entry, group, asked, load, now) or _no_room(table, first, asked, load, now)
    if closed is not None:
        why, reasons, text = closed
        passed.extend(Passed(c.id, why, reasons, text) for c in group.candidates)
        return ()
    plain = not (asked.excluded or asked.tightened) and asked.pinned is None
    if plain and len(group.candidates) == 1 and _is_open(first, load, now):
        return group.candidates
    found: list[Candidate] = []
    for candidate in group.candidates:
        why = None if plain else _kept_from(candidate, asked)
        if why is None and not _is_open(candidate, load, now):
            if load.lets_through(candidate.id, now):
                why = Passed(candidate.id, "full", (), "as many requests as it bears are under way")
            else:
                why = Passed(candidate.id, "down")
        if why is None:
            found.append(candidate)
        else:
            passed.append(why)
    return tuple(found)


def _is_open(candidate: Candidate, load: Load, now: float) -> bool:
    return load.lets_through(candidate.id, now) and load.in_flight(candidate.id) < candidate.concurrency


def _kept_from(candidate: Candidate, asked: Asked) -> Passed | None:
    """Why this request cannot go to a candidate that others may go to."""
    id = candidate.id
    if id in asked.excluded:
        return Passed(id, "tried")
    if asked.pinned is not None and candidate.supply.deployment != asked.pinned:
        return Passed(id, "elsewhere", (), "the state that the request builds on lives at another deployment")
    for stricter in asked.tightened:
        reasons = _barred_by(stricter, candidate)
        if reasons is not None:
            return Passed(id, "law", reasons)
    return None


_Closed = tuple[Literal["law", "meter", "full"], tuple[Reason, ...], str]


def _unlawful(
    table: RoutingTable, entry: Entry, group: Group, asked: Asked, load: Load, now: float
) -> _Closed | None:
    """Why the law takes a group out for this request, beside what it bars for all of the day."""
    first = group.first
    if group.bounded:
        over = over_bounds(table, first, asked.most, load, now)
        if over:
            return "meter", over, ""
    if first.decided_each:
        cost = cost_of(table, first, asked.most, load, now)
        world = World(table.law, table.position, table.day, table.currency, table.payer)
        refused = decided(replace(table.law, meters=()), world, entry.facts, first, asked.most.total, cost)
        if refused is not None:
            return "law", refused, ""
    return None


def _no_room(table: RoutingTable, first: Candidate, asked: Asked, load: Load, now: float) -> _Closed | None:
    """Why a group that is lawful has no room in the running minute."""
    if first.pool is None or first.draws is None:
        return None
    left = table.pools[first.pool].capacity - load.pool(first.pool, now)
    return ("full", (), "the minute's throughput is used") if first.draws.of(asked.expected) > left else None


def over_bounds(
    table: RoutingTable, candidate: Candidate, most: Tokens, load: Load, now: float
) -> tuple[Reason, ...]:
    """The meters that a request would take over their upper bound, holds of others included."""
    cost = cost_of(table, candidate, most, load, now)
    tokens = most.total
    found: tuple[Reason, ...] = ()
    for charge in candidate.charges:
        meter = table.meters[charge.meter]
        if meter.upper is None:
            continue
        amount = charge.amount(tokens, cost)
        if amount is not None and (amount <= 0 or load.meter(charge.meter, now) + amount <= meter.upper):
            continue
        text = _bound_text(table, charge.meter, amount, load, now)
        found = (*found, Reason(meter.origin, meter.id, text))
    return found


def cost_of(table: RoutingTable, candidate: Candidate, tokens: Tokens, load: Load, now: float) -> int:
    """What a request costs at a candidate, in pico-units of the estate's currency."""
    price = candidate.price
    cost = price.fresh * tokens.fresh + price.cached * tokens.cached + price.out * tokens.out
    for place in candidate.tiers:
        schedule, before = table.tiers[place], load.tier(place, now)
        cost += schedule.total(before + tokens.total) - schedule.total(before)
    return cost


def _barred_by(stricter: Entry, candidate: Candidate) -> tuple[Reason, ...] | None:
    """Why stricter facts bar a candidate; None if they do not."""
    if any(c.id == candidate.id and c.model == candidate.model for c in stricter.candidates):
        return None
    return next((b.reasons for b in stricter.barred if b.supply == candidate.id), ())


def _offered_first(opened: Sequence[_Open], passed: list[Passed]) -> list[_Open]:
    """Rights over traffic: whoever has one is offered the request while a supply of its own is open."""
    kept: list[_Open] = []
    for each in opened:
        first = tuple(
            Reason(origin, procedure, f"{origin.clause}: {holder} is offered the request first, and has room")
            for procedure, holder, origin in each.group.first.asks
            if any(holds(holder, member) for other in opened for member in other.members)
        )
        if first:
            passed.extend(Passed(member.id, "offered", first) for member in each.members)
        else:
            kept.append(each)
    return kept


def _cheapest(
    table: RoutingTable, opened: Sequence[_Open], asked: Asked, load: Load, now: float
) -> _Open | None:
    """The least by now; of equals the first."""
    best, least = None, math.inf
    for each in opened:
        cost = _cost_by_now(table, each.entry, each.group, asked.expected, load, now)
        if cost < least:
            best, least = each, cost
    return best


def _cost_by_now(
    table: RoutingTable, entry: Entry, group: Group, tokens: Tokens, load: Load, now: float
) -> float:
    """What a route costs by now: the money that is not paid anyway, and what reserved throughput is worth to others."""
    candidate = group.first
    cost = float(cost_of(table, candidate, tokens, load, now))
    if cost and group.committed:
        cost *= 1.0 - max(_credit(table, place, load, now) for place in group.committed)
    if candidate.pool is None or candidate.draws is None or not table.pools[candidate.pool].reserved:
        return cost
    if candidate.pool in entry.captive_of:
        return cost
    return cost + displaced(table, candidate.pool, candidate.draws.of(tokens), load, now)


def displaced(table: RoutingTable, place: int, drawn: int, load: Load, now: float) -> float:
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


def _credit(table: RoutingTable, place: int, load: Load, now: float) -> float:
    """The share of a payment that a commitment makes us pay anyway: 1 while its window is on the way to end short.

    What perishes by the minute is free until the minute's is used; what cumulates is paced over its window.
    """
    meter = table.meters[place]
    if meter.lower is None or meter.lower <= 0:
        return 0.0
    reading = load.meter(place, now)
    if meter.window == "minute" or meter.window_ends is None:
        return 1.0 if reading < meter.lower else 0.0
    begins = datetime(
        meter.window_begins.year, meter.window_begins.month, meter.window_begins.day, tzinfo=UTC
    )
    ends = datetime(meter.window_ends.year, meter.window_ends.month, meter.window_ends.day, tzinfo=UTC)
    passed = (now - begins.timestamp()) / (ends - begins).total_seconds()
    projected = reading / max(passed, EARLIEST_PACE)
    short = (meter.lower - projected) / meter.lower
    return min(max(short / PACING_BAND, 0.0), 1.0)


def _refused(passed: tuple[Passed, ...], now: float) -> Refused:
    """Why there is no route: what may change soonest decides what the caller is told."""
    kinds = {p.why for p in passed}
    if "full" in kinds:
        return Refused("full", passed, 60.0 - now % 60.0)
    if "down" in kinds or "tried" in kinds:
        return Refused("down", passed, 1.0)
    if "meter" in kinds:
        return Refused("meter", passed)
    return Refused("law", passed)


def _bound_text(table: RoutingTable, place: int, amount: int | None, load: Load, now: float) -> str:
    meter = table.meters[place]
    unit = (meter.meter.currency or table.currency) if meter.meter.measure == "money" else "tokens"
    head = f"{meter.origin.clause} allows {_shown(meter.upper or 0)} {unit} a {meter.window}"
    if amount is None:
        return f"{head}: there is no rate to convert what this costs into {meter.meter.currency}"
    return f"{head}: {_shown(load.meter(place, now))} are taken or held, and this may add {_shown(amount)}"


def _shown(pico: int) -> str:
    return f"{pico / PICO:,.6f}".rstrip("0").rstrip(".")
