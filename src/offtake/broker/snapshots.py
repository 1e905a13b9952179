"""A state as a document, so that a broker need not fold a long ledger from its first entry.

A snapshot is only a shortcut: it names the entry that it was taken after, with that entry's hash, and is left aside if
the ledger has another there. The auditor never reads one.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final

from immutables import Map
from pydantic import Field, TypeAdapter
from pydantic_core import to_jsonable_python

from offtake.broker.documents import canonical
from offtake.broker.profile import Profile
from offtake.broker.state import ClosedWindow, Deal, PostedReading, State
from offtake.broker.terms import Bid, Lease
from offtake.domain.errors import StorageFailure
from offtake.domain.position import Happened

FORMAT: Final = 1

_FORMAT: Final[TypeAdapter[int]] = TypeAdapter(Annotated[int, Field(ge=FORMAT, le=FORMAT)])
_DEALS: Final = TypeAdapter(tuple[Deal, ...])
_BIDS: Final = TypeAdapter(tuple[Bid, ...])
_LEASES: Final = TypeAdapter(tuple[Lease, ...])
_READINGS: Final = TypeAdapter(tuple[PostedReading, ...])
_PROFILES: Final = TypeAdapter(dict[str, Profile])
_WINDOWED: Final = TypeAdapter(list[tuple[str, date, Decimal]])
_CLOSED: Final = TypeAdapter(dict[str, tuple[ClosedWindow, ...]])
_REST: Final = TypeAdapter(
    tuple[
        int,
        datetime | None,
        datetime | None,
        str,
        str,
        str,
        date,
        str,
        dict[str, int],
        frozenset[str],
        frozenset[str],
        tuple[Happened, ...],
        tuple[tuple[str, str | None], ...],
        tuple[tuple[datetime, str, str], ...],
        date | None,
    ]
)


def snapshot_of(state: State) -> str:
    """A state as JSON."""
    rest = (
        state.seq,
        state.last,
        state.opened,
        state.clock,
        state.estate,
        state.policy,
        state.known_at,
        state.law,
        dict(state.versions),
        sorted(state.reversed),
        sorted(state.open_needs),
        state.happened,
        state.approvals,
        state.due,
        state.next_close,
    )
    return canonical(
        {
            "format": FORMAT,
            "deals": _DEALS.dump_python(tuple(state.deals.values()), mode="json"),
            "bids": _BIDS.dump_python(tuple(state.bids.values()), mode="json"),
            "leases": _LEASES.dump_python(tuple(state.leases.values()), mode="json"),
            "readings": _READINGS.dump_python(tuple(state.readings.values()), mode="json"),
            "pools": _PROFILES.dump_python(dict(state.pools), mode="json"),
            "levels": _PROFILES.dump_python(dict(state.levels), mode="json"),
            "windowed": _windowed(state.windowed),
            "flows": _windowed(state.flows),
            "owed": _windowed(state.owed),
            "closed": _CLOSED.dump_python(dict(state.closed), mode="json"),
            "rest": to_jsonable_python(rest),
        }
    )


def state_of(snapshot: str) -> State:
    """The state in a snapshot. Raises StorageFailure if it is none of this version's."""
    try:
        plain = json.loads(snapshot)
        _FORMAT.validate_python(plain["format"])
        rest = _REST.validate_python(plain["rest"])
        return State(
            deals=Map((deal.need.id, deal) for deal in _DEALS.validate_python(plain["deals"])),
            bids=Map((bid.id, bid) for bid in _BIDS.validate_python(plain["bids"])),
            leases=Map((lease.id, lease) for lease in _LEASES.validate_python(plain["leases"])),
            readings=Map((one.id, one) for one in _READINGS.validate_python(plain["readings"])),
            pools=Map(_PROFILES.validate_python(plain["pools"])),
            levels=Map(_PROFILES.validate_python(plain["levels"])),
            windowed=_map(plain["windowed"]),
            flows=_map(plain["flows"]),
            owed=_map(plain["owed"]),
            closed=Map(_CLOSED.validate_python(plain["closed"])),
            seq=rest[0],
            last=rest[1],
            opened=rest[2],
            clock="machine" if rest[3] == "machine" else "rehearsed",
            estate=rest[4],
            policy=rest[5],
            known_at=rest[6],
            law=rest[7],
            versions=Map(rest[8]),
            reversed=rest[9],
            open_needs=rest[10],
            happened=rest[11],
            approvals=rest[12],
            due=rest[13],
            next_close=rest[14],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StorageFailure(f"the snapshot cannot be read: {str(error).splitlines()[0]}") from None


def _windowed(values: Map[tuple[str, date], Decimal]) -> list[list[str]]:
    return sorted([meter, begins.isoformat(), str(amount)] for (meter, begins), amount in values.items())


def _map(values: object) -> Map[tuple[str, date], Decimal]:
    return Map(((meter, begins), amount) for meter, begins, amount in _WINDOWED.validate_python(values))
