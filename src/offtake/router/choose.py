"""The choice: (table, what is asked, load, now) to a route, or a refusal with the clauses that made it. Pure.

Where a request *may* go is the law's: what `decide` refuses is never a route. Where it *should* go is the least of
what each lawful route costs by now: money by use, less what a commitment makes us pay anyway, and for reserved
throughput what it is worth to those who have nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final, Literal, Protocol

from offtake.law.decide import Reason
from offtake.router.compile import World, decided, holds
from offtake.router.table import PICO, Candidate, Entry, RoutingTable, Tokens

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
    `excluded` are supplies already tried, `unable` those that speak no such dialect; `pinned` is the only one that
    holds the state which the request builds on.
    """

    entries: tuple[Entry, ...]
    expected: Tokens
    most: Tokens
    tightened: tuple[Entry, ...] = ()
    excluded: frozenset[str] = frozenset()
    unable: frozenset[str] = frozenset()
    pinned: str | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A supply that was not taken, and why: by clauses, or for want of room, or because it is down."""

    supply: str
    why: Literal["law", "meter", "full", "down", "dearer", "offered", "tried", "elsewhere"]
    reasons: tuple[Reason, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Where the request goes, and what the others were passed over for."""

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


@dataclass(slots=True)
class _Considered:
    entry: Entry
    candidate: Candidate
    cost: float = 0.0
    saves: float = 0.0


@dataclass(slots=True)
class _Sorting:
    """The candidates of one request, as they fall."""

    open: list[_Considered] = field(default_factory=list[_Considered])
    passed: list[Passed] = field(default_factory=list[Passed])


def choose(table: RoutingTable, asked: Asked, load: Load, now: float) -> Route | Refused:
    """The best lawful route. It depends on nothing but its arguments; `now` is in seconds since the epoch (UTC).

    Fails closed: on a day that is not the table's there is no route.
    """
    if day_of(now) != table.day:
        text = f"the table is of {table.day}, and today is another day"
        return Refused("down", (Passed("", "down", (), text),), 1.0)
    sorting = _Sorting()
    for entry in asked.entries:
        sorting.passed.extend(Passed(b.supply, "law", b.reasons, b.why) for b in entry.barred)
        for candidate in entry.candidates:
            closed = _closed(table, entry, candidate, asked, load, now)
            if closed is None:
                sorting.open.append(_Considered(entry, candidate))
            else:
                sorting.passed.append(closed)
    _offer_first(sorting)
    if not sorting.open:
        return _refused(sorting.passed, now)
    best = _cheapest(table, sorting.open, asked, load, now)
    passed = [
        *sorting.passed,
        *(Passed(c.candidate.id, "dearer") for c in sorting.open if c is not best),
    ]
    return Route(
        best.entry,
        best.candidate,
        tuple(passed),
        tuple(sorted({origin.clause for _, _, origin in best.candidate.asks})),
        best.candidate.pool in best.entry.captive_of,
    )


def day_of(now: float) -> date:
    """The day in UTC."""
    return datetime.fromtimestamp(now, UTC).date()


def _closed(
    table: RoutingTable, entry: Entry, candidate: Candidate, asked: Asked, load: Load, now: float
) -> Passed | None:
    """Why a candidate cannot take the request; None if it can."""
    id = candidate.id
    if asked.excluded and id in asked.excluded:
        return Passed(id, "tried")
    if asked.unable and id in asked.unable:
        return Passed(id, "elsewhere", (), "it cannot be asked in this way")
    if asked.pinned is not None and candidate.supply.deployment != asked.pinned:
        return Passed(id, "elsewhere", (), "the state that the request builds on lives at another deployment")
    return _unlawful(table, entry, candidate, asked, load, now) or _full(table, candidate, asked, load, now)


def _unlawful(
    table: RoutingTable, entry: Entry, candidate: Candidate, asked: Asked, load: Load, now: float
) -> Passed | None:
    """Why the law takes a candidate out for this request, beside what it bars for all of the day."""
    id = candidate.id
    for stricter in asked.tightened:
        reasons = _barred_by(stricter, candidate)
        if reasons is not None:
            return Passed(id, "law", reasons)
    over = over_bounds(table, candidate, asked.most, load, now)
    if over:
        return Passed(id, "meter", over)
    if candidate.decided_each:
        cost = cost_of(table, candidate, asked.most, load, now)
        world = World(table.law, table.position, table.day, table.currency, table.payer)
        refused = decided(
            replace(table.law, meters=()), world, entry.facts, candidate, asked.most.total, cost
        )
        if refused is not None:
            return Passed(id, "law", refused)
    return None


def _full(table: RoutingTable, candidate: Candidate, asked: Asked, load: Load, now: float) -> Passed | None:
    """Why a candidate that is lawful has no room now."""
    id = candidate.id
    if not load.lets_through(id, now):
        return Passed(id, "down")
    if load.in_flight(id) >= candidate.concurrency:
        return Passed(id, "full", (), "as many requests as it bears are under way")
    if candidate.pool is not None and candidate.draws is not None:
        left = table.pools[candidate.pool].capacity - load.pool(candidate.pool, now)
        if candidate.draws.of(asked.expected) > left:
            return Passed(id, "full", (), "the minute's throughput is used")
    return None


def over_bounds(
    table: RoutingTable, candidate: Candidate, most: Tokens, load: Load, now: float
) -> tuple[Reason, ...]:
    """The meters that a request would take over their upper bound, holds of others included."""
    cost: int | None = None
    found: list[Reason] = []
    for charge in candidate.charges:
        meter = table.meters[charge.meter]
        if meter.upper is None:
            continue
        if cost is None:
            cost = cost_of(table, candidate, most, load, now)
        amount = charge.amount(most.total, cost)
        if amount is not None and (amount <= 0 or load.meter(charge.meter, now) + amount <= meter.upper):
            continue
        found.append(Reason(meter.origin, meter.id, _bound_text(table, charge.meter, amount, load, now)))
    return tuple(found)


def cost_of(table: RoutingTable, candidate: Candidate, tokens: Tokens, load: Load, now: float) -> int:
    """What a request costs at a candidate, in pico-units of the estate's currency."""
    cost = candidate.price.of(tokens)
    for place in candidate.tiers:
        schedule, before = table.tiers[place], load.tier(place, now)
        cost += schedule.total(before + tokens.total) - schedule.total(before)
    return cost


def _barred_by(stricter: Entry, candidate: Candidate) -> tuple[Reason, ...] | None:
    """Why stricter facts bar a candidate; None if they do not."""
    if any(c.id == candidate.id and c.model == candidate.model for c in stricter.candidates):
        return None
    return next((b.reasons for b in stricter.barred if b.supply == candidate.id), ())


def _offer_first(sorting: _Sorting) -> None:
    """Rights over traffic: whoever has one is offered the request while a supply of its own is open."""
    if not any(c.candidate.asks for c in sorting.open):
        return
    kept: list[_Considered] = []
    for considered in sorting.open:
        first = [
            Reason(origin, procedure, f"{origin.clause}: {holder} is offered the request first, and has room")
            for procedure, holder, origin in considered.candidate.asks
            if any(holds(holder, other.candidate) for other in sorting.open)
        ]
        if first:
            sorting.passed.append(Passed(considered.candidate.id, "offered", tuple(first)))
        else:
            kept.append(considered)
    sorting.open = kept


def _cheapest(
    table: RoutingTable, considered: Sequence[_Considered], asked: Asked, load: Load, now: float
) -> _Considered:
    for each in considered:
        each.cost = _cost_by_now(table, each, asked.expected, load, now)
    return min(considered, key=lambda c: c.cost)  # Of equals the first: models most wanted, then as listed.


def _cost_by_now(
    table: RoutingTable, considered: _Considered, tokens: Tokens, load: Load, now: float
) -> float:
    """What a route costs by now: the money that is not paid anyway, and what reserved throughput is worth to others."""
    candidate = considered.candidate
    cost = float(cost_of(table, candidate, tokens, load, now))
    if cost:
        cost *= 1.0 - max((_credit(table, c.meter, load, now) for c in candidate.charges), default=0.0)
    if candidate.pool is None or candidate.draws is None or not table.pools[candidate.pool].reserved:
        return cost
    if candidate.pool in considered.entry.captive_of:
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


def _refused(passed: Sequence[Passed], now: float) -> Refused:
    """Why there is no route: what may change soonest decides what the caller is told."""
    kinds = {p.why for p in passed}
    if "full" in kinds:
        return Refused("full", tuple(passed), 60.0 - now % 60.0)
    if "down" in kinds or "tried" in kinds:
        return Refused("down", tuple(passed), 1.0)
    if "meter" in kinds:
        return Refused("meter", tuple(passed))
    return Refused("law", tuple(passed))


def _bound_text(table: RoutingTable, place: int, amount: int | None, load: Load, now: float) -> str:
    meter = table.meters[place]
    unit = (meter.meter.currency or table.currency) if meter.meter.measure == "money" else "tokens"
    head = f"{meter.origin.clause} allows {_shown(meter.upper or 0)} {unit} a {meter.window}"
    if amount is None:
        return f"{head}: there is no rate to convert what this costs into {meter.meter.currency}"
    return f"{head}: {_shown(load.meter(place, now))} are taken or held, and this may add {_shown(amount)}"


def _shown(pico: int) -> str:
    return f"{pico / PICO:,.6f}".rstrip("0").rstrip(".")
