"""A state as a document in parts, so that a broker need not fold a long ledger from its first entry.

A snapshot is only a shortcut: it names the entry that it was taken after, with that entry's hash, and is left aside if
the ledger has another there. The auditor never reads one. Each part is small, so that one can be made or read between
two commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Final, Literal, TypeVar

from immutables import Map
from pydantic import TypeAdapter

from offtake.broker.agenda import Agenda, Due
from offtake.broker.profile import Profile
from offtake.broker.state import ClosedWindow, Deal, PostedReading, State, Window
from offtake.broker.terms import Bid, Lease
from offtake.domain.errors import StorageFailure
from offtake.domain.position import Happened

FORMAT: Final = 3
PART: Final = 1_000  # Deals, leases and so on in one part.

Item = TypeVar("Item")
_Totals = tuple[tuple[str, date, Decimal], ...]
_Profiles = dict[str, tuple[tuple[int, Decimal], ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Some of what there is many of."""

    deals: tuple[Deal, ...] = ()
    bids: tuple[Bid, ...] = ()
    leases: tuple[Lease, ...] = ()
    readings: tuple[PostedReading, ...] = ()
    versions: tuple[tuple[str, int], ...] = ()
    due: tuple[Due, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """Everything else."""

    format: Literal[3]
    seq: int
    last: datetime | None
    opened: datetime | None
    clock: Literal["machine", "rehearsed"]
    estate: str
    policy: str
    known_at: date
    law: str
    pools: _Profiles
    levels: _Profiles
    windowed: _Totals
    flows: _Totals
    owed: _Totals
    priced: _Totals
    invoiced: dict[str, date]
    billed_on: dict[str, date]
    reversed: tuple[str, ...]
    closed: dict[str, tuple[ClosedWindow, ...]]
    open_needs: dict[str, datetime]
    happened: tuple[Happened, ...]
    approvals: dict[str, tuple[str, ...]]
    next_close: date | None


_PART: Final = TypeAdapter(_Part)
_HEAD: Final = TypeAdapter(_Head)


def snapshot_of(state: State) -> Iterator[str]:
    """A state as JSON, in parts."""
    head = _Head(
        format=FORMAT,
        seq=state.seq,
        last=state.last,
        opened=state.opened,
        clock=state.clock,
        estate=state.estate,
        policy=state.policy,
        known_at=state.known_at,
        law=state.law,
        pools={id: tuple(profile.changes()) for id, profile in sorted(state.pools.items())},
        levels={id: tuple(profile.changes()) for id, profile in sorted(state.levels.items())},
        windowed=_totals(state.windowed),
        flows=_totals(state.flows),
        owed=_totals(state.owed),
        priced=_totals(state.priced),
        invoiced=dict(sorted(state.invoiced.items())),
        billed_on=dict(sorted(state.billed_on.items())),
        reversed=tuple(sorted(state.reversed)),
        closed=dict(sorted(state.closed.items())),
        open_needs=dict(sorted(state.open_needs.items())),
        happened=state.happened,
        approvals=dict(sorted(state.approvals.items())),
        next_close=state.next_close,
    )
    yield _HEAD.dump_json(head).decode()
    parts = chain(
        (_Part(deals=some) for some in _some(state.deals.values())),
        (_Part(bids=some) for some in _some(state.bids.values())),
        (_Part(leases=some) for some in _some(state.leases.values())),
        (_Part(readings=some) for some in _some(state.readings.values())),
        (_Part(versions=some) for some in _some(state.versions.items())),
        (_Part(due=some) for some in _some(state.due)),
    )
    for part in parts:
        yield _PART.dump_json(part).decode()


def state_of(snapshot: Iterable[str]) -> State:
    """The state in a snapshot. Raises StorageFailure if it is none of this version's."""
    try:
        parts = iter(snapshot)
        head = _HEAD.validate_json(next(parts, ""))
        return _state(head, [_PART.validate_json(part) for part in parts])
    except ValueError as error:
        raise StorageFailure(f"the snapshot cannot be read: {str(error).splitlines()[0]}") from None


def _state(head: _Head, parts: list[_Part]) -> State:
    return State(
        seq=head.seq,
        last=head.last,
        opened=head.opened,
        clock=head.clock,
        estate=head.estate,
        policy=head.policy,
        known_at=head.known_at,
        law=head.law,
        deals=Map((deal.need.id, deal) for part in parts for deal in part.deals),
        bids=Map((bid.id, bid) for part in parts for bid in part.bids),
        leases=Map((lease.id, lease) for part in parts for lease in part.leases),
        versions=Map(pair for part in parts for pair in part.versions),
        pools=Map((id, Profile.of(changes)) for id, changes in head.pools.items()),
        levels=Map((id, Profile.of(changes)) for id, changes in head.levels.items()),
        windowed=_map(head.windowed),
        flows=_map(head.flows),
        readings=Map((one.id, one) for part in parts for one in part.readings),
        reversed=Map((id, True) for id in head.reversed),
        owed=_map(head.owed),
        priced=_map(head.priced),
        invoiced=Map(head.invoiced),
        billed_on=Map(head.billed_on),
        billing=_by_day(head.billed_on),
        closed=Map(head.closed),
        open_needs=Map(head.open_needs),
        happened=head.happened,
        approvals=Map(head.approvals),
        due=Agenda.of(one for part in parts for one in part.due),
        next_close=head.next_close,
    )


def _by_day(billed_on: dict[str, date]) -> Map[date, frozenset[str]]:
    found: dict[date, set[str]] = {}
    for lease, day in billed_on.items():
        found.setdefault(day, set()).add(lease)
    return Map((day, frozenset(leases)) for day, leases in found.items())


def _some(items: Iterable[Item]) -> Iterator[tuple[Item, ...]]:
    """Items by as many as a part has."""
    these = iter(items)
    while some := tuple(islice(these, PART)):
        yield some


def _totals(values: Map[Window, Decimal]) -> _Totals:
    return tuple((meter, begins, amount) for (meter, begins), amount in sorted(values.items()))


def _map(values: _Totals) -> Map[Window, Decimal]:
    return Map(((meter, begins), amount) for meter, begins, amount in values)
