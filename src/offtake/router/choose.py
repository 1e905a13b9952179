"""The choice: (table, what is asked, load, now) to a route, or a refusal with the clauses that made it. Pure.

Where a request *may* go is the law's: what `decide` refuses is never a route. Where it *should* go is the least of
what each lawful route costs by now: money by use, less what a commitment makes us pay anyway, and for reserved
throughput what it is worth to those who have nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple, Protocol

from offtake.law.decide import Reason
from offtake.router.breakers import Breaker
from offtake.router.counters import Counter
from offtake.router.lawful import World, decided, holds
from offtake.router.table import PICO, Candidate, Entry, Group, RoutingTable, Tokens
from offtake.router.worth import Counted, cost_by_now, cost_of


class Load(Counted, Protocol):
    """What is counted, busy and broken by now. `offtake.router.balances.Balances` keeps it for a process."""

    def room(self, place: int, now: float) -> int:
        """What may still be held here on a meter with an upper bound: less than is free where others share it."""
        ...

    def pool_room(self, place: int, now: float) -> int:
        """What may still be drawn here from a pool in the running minute."""
        ...

    @property
    def slots(self) -> Mapping[str, Counter]:
        """Requests at once by supply, where several processes share a deployment; else none."""
        ...

    @property
    def busy(self) -> Mapping[str, int]:
        """Requests under way, by supply."""
        ...

    @property
    def breakers(self) -> Mapping[str, Breaker]:
        """Of the supplies that have failed, and perhaps answered again."""
        ...


class Asked(NamedTuple):
    """A request as the choice sees it: `expected` tokens, and the `most` that may come of it.

    `tightened` are entries under stricter facts that the request states of itself: a route must be in all of them.
    `excluded` are supplies already tried; `pinned` is the only one that holds the state which the request builds on,
    and of equals the one that it `prefers` is taken, for what stands in a cache there; both are deployments.
    """

    entries: tuple[Entry, ...]
    expected: Tokens
    most: Tokens
    tightened: tuple[Entry, ...] = ()
    excluded: frozenset[str] = frozenset()
    pinned: str | None = None
    prefers: str | None = None


class Passed(NamedTuple):
    """A supply that was not taken, and why: by clauses, or for want of room, or because it is down."""

    supply: str
    why: Literal["law", "meter", "full", "down", "offered", "tried", "elsewhere"]
    reasons: tuple[Reason, ...] = ()
    text: str = ""


class Route(NamedTuple):
    """Where the request goes. `passed` are supplies that could not take it; those that were only dearer are not in."""

    entry: Entry
    candidate: Candidate
    passed: tuple[Passed, ...]
    # The clauses of rights over traffic under which the holder was offered the request and could not take it.
    offered: tuple[str, ...] = ()
    captive: bool = False
    amounts: tuple[
        int, ...
    ] = ()  # What the most that may come of it counts on each of the candidate's meters.


class Refused(NamedTuple):
    """No route. `why` says what a caller may do: `law` (never), `meter` (when the window ends), `full` or `down`."""

    why: Literal["law", "meter", "full", "down"]
    passed: tuple[Passed, ...]
    retry_after_s: float | None = None

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses that refuse, each once, in the order of their names."""
        return tuple(sorted({r.origin.clause for p in self.passed for r in p.reasons}))


class _Open(NamedTuple):
    """A group that the request may go to, and its members that can take it now, the least busy first."""

    entry: Entry
    group: Group
    members: Sequence[Candidate]
    amounts: tuple[int, ...]


def choose(table: RoutingTable, asked: Asked, load: Load, now: float) -> Route | Refused:
    """The best lawful route. It depends on nothing but its arguments; `now` is in seconds since the epoch (UTC).

    Fails closed: on a day that is not the table's there is no route. Of candidates that are equal in all that counts
    the least busy is taken.
    """
    if not table.begins_at <= now < table.ends_at:
        text = f"the table is of {table.day}, and today is another day"
        return Refused("down", (Passed("", "down", (), text),), 1.0)
    passed: list[Passed] = []
    best = _best(table, asked, load, now, passed)
    if best is None:
        barred = [Passed(b.supply, "law", b.reasons, b.why) for e in asked.entries for b in e.barred]
        return _refused((*barred, *passed), now)
    entry, _, members, amounts = best
    candidate = members[0]
    if asked.prefers is not None:
        candidate = next((c for c in members if c.supply.deployment == asked.prefers), candidate)
    offered = tuple(sorted({origin.clause for _, _, origin in candidate.asks})) if candidate.asks else ()
    return Route(entry, candidate, tuple(passed), offered, candidate.pool in entry.captive_of, amounts)


def _best(table: RoutingTable, asked: Asked, load: Load, now: float, passed: list[Passed]) -> _Open | None:
    """The cheapest group by now that the request may go to, and its open members.

    Of equals the first: models most wanted before others, then as listed.
    """
    entries, expected = asked.entries, asked.expected
    for entry in entries:
        if entry.asks:
            # Whether the holder of a right has room hangs on all of its supplies, so all are looked at.
            every = [
                _opened(table, e, group, asked, load, now, passed) for e in entries for group in e.groups
            ]
            opened = [each for each in every if each is not None]
            return _cheapest(table, _offered_first(opened, passed), asked, load, now)
    ranked: list[tuple[float, int, Entry, Group]] = []
    for entry in entries:
        groups = entry.groups
        for group in groups:
            alone = len(groups) == 1 and len(entries) == 1
            cost = 0.0 if alone else cost_by_now(table, entry, group, expected, load, now)
            if cost > 0.0:
                ranked.append((cost, len(ranked), entry, group))
                continue
            # Nothing costs less than nothing, and of equals the first is taken.
            found = _opened(table, entry, group, asked, load, now, passed)
            if found is not None:
                return found
    ranked.sort()
    for _, _, entry, group in ranked:
        found = _opened(table, entry, group, asked, load, now, passed)
        if found is not None:
            return found
    return None


def day_of(now: float) -> date:
    """The day in UTC."""
    return datetime.fromtimestamp(now, UTC).date()


def _opened(
    table: RoutingTable,
    entry: Entry,
    group: Group,
    asked: Asked,
    load: Load,
    now: float,
    passed: list[Passed],
) -> _Open | None:
    """A group with its members that can take the request; None if there is none. Why others cannot is noted."""
    first, tokens = group.first, sum(asked.most)
    amounts: list[int] = []
    closed: _Closed | None = None
    if first.charges or first.decided_each:
        cost = cost_of(table, first, asked.most, load, now)
        for charge in first.charges:
            amount = charge.amount(tokens, cost)
            amounts.append(amount or 0)
            upper = charge.upper
            if upper is not None and (
                amount is None or (amount > 0 and amount > load.room(charge.meter, now))
            ):
                closed = "meter", _over_bounds(table, first, tokens, cost, load, now), ""
        if closed is None and first.decided_each:
            closed = _refused_each(table, entry, first, tokens, cost)
    place, draws = first.pool, first.draws
    if (
        closed is None
        and place is not None
        and draws is not None
        and draws.of(asked.expected) > load.pool_room(place, now)
    ):
        closed = "full", (), "the minute's throughput is used"
    if closed is not None:
        why, reasons, text = closed
        passed.extend([Passed(c.id, why, reasons, text) for c in group.candidates])
        return None
    members = _members(group, asked, load, now, passed)
    return _Open(entry, group, members, tuple(amounts)) if members else None


def _members(group: Group, asked: Asked, load: Load, now: float, passed: list[Passed]) -> Sequence[Candidate]:
    """The members of a group that can take the request, the least busy first; why the others cannot is noted."""
    busy, breakers, slots = load.busy, load.breakers, load.slots
    candidates = group.candidates
    plain = not (asked.excluded or asked.tightened) and asked.pinned is None
    if plain and len(candidates) == 1 and not breakers and not slots:
        first = candidates[0]
        if busy.get(first.id, 0) < first.concurrency:
            return candidates
    found: list[Candidate] = []
    least = math.inf
    for candidate in candidates:
        id = candidate.id
        if not plain and (why := _kept_from(candidate, asked)) is not None:
            passed.append(why)
        elif breakers and (breaker := breakers.get(id)) is not None and not breaker.lets_through(now):
            passed.append(Passed(id, "down"))
        elif (count := busy.get(id, 0)) >= candidate.concurrency or (slots and count >= slots[id].ceiling):
            passed.append(Passed(id, "full", (), "as many requests as it bears are under way"))
        elif count < least:
            least = count
            found.insert(0, candidate)
        else:
            found.append(candidate)
    return found


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


def _refused_each(
    table: RoutingTable, entry: Entry, first: Candidate, tokens: int, cost: int
) -> _Closed | None:
    """What `decide` says of a request of these amounts, where an approval hangs on them."""
    world = World(table.law, table.position, table.day, table.currency, table.payer)
    refused = decided(replace(table.law, meters=()), world, entry.facts, first, tokens, cost)
    return None if refused is None else ("law", refused, "")


def _over_bounds(
    table: RoutingTable, candidate: Candidate, tokens: int, cost: int, load: Load, now: float
) -> tuple[Reason, ...]:
    """The meters that a request would take over their upper bound, holds of others included."""
    found: list[Reason] = []
    for charge in candidate.charges:
        if charge.upper is None:
            continue
        amount = charge.amount(tokens, cost)
        if amount is None or (amount > 0 and amount > load.room(charge.meter, now)):
            meter = table.meters[charge.meter]
            text = _bound_text(table, charge.meter, amount, load, now)
            found.append(Reason(meter.origin, meter.id, text))
    return tuple(found)


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
        cost = cost_by_now(table, each.entry, each.group, asked.expected, load, now)
        if cost < least:
            best, least = each, cost
    return best


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
