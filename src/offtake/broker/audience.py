"""Who may ask the broker for what, and what of a ledger each may see.

An operator gives every command and sees all; an auditor sees all and gives none. A tenant acts on needs and leases of
its own; a provider answers, bids and withdraws in its own name, and sees what is disclosed to it: notices that it was
sent, needs at the market without their party and price limit, its own bids, and leases that it supplies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias, cast

from pydantic import Field, TypeAdapter

from offtake.broker.commands import (
    Acknowledge,
    Answer,
    Approve,
    Award,
    Cancel,
    Command,
    Extend,
    FileNeed,
    MakeBid,
    Release,
    Withdraw,
)
from offtake.broker.entries import Entry
from offtake.broker.events import (
    Approved,
    BidMade,
    BidWithdrawn,
    CommandRefused,
    Event,
    HolderAnswered,
    HolderNoticed,
    LeaseReleased,
    LeasesInvoiced,
    MarketOpened,
    MeterRead,
    NeedAwarded,
    NeedCancelled,
    NeedFiled,
    NoticeLapsed,
    NoticeReceived,
    PriceInvoiced,
    ReadingReversed,
    RightRevived,
    WindowSettled,
)
from offtake.broker.outgoing import TOLD, topics
from offtake.broker.state import Deal, State
from offtake.broker.terms import Grant

Role = Literal["operator", "auditor", "tenant", "provider"]


@dataclass(frozen=True, slots=True)
class Audience:
    """Who asks: a role, and the party that a tenant or a provider is."""

    role: Role
    party: str | None = None

    @property
    def whole(self) -> bool:
        """Whether it sees everything."""
        return self.role in ("operator", "auditor")

    @property
    def name(self) -> str:
        """What the ledger calls it."""
        return self.party or self.role


OPERATOR: Final = Audience("operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """An award as one of its bidders or holders sees it: what it was granted itself, which may be nothing."""

    kind: Literal["granted"] = "granted"
    need: str
    grants: tuple[Grant, ...]


Seen: TypeAlias = Annotated[Event | Granted, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of a command, as far as its giver may see it; `entry` is whole for operators and auditors only.

    `seq` is None if there was nothing to record. `repeated`: the key was used before, and this is what came of it then.
    """

    seq: int | None
    recorded: datetime | None
    repeated: bool
    events: tuple[Seen, ...] = ()
    entry: Entry | None = None

    @property
    def refusal(self) -> CommandRefused | None:
        """Why the command was refused; None if it was not."""
        return next((one for one in self.events if isinstance(one, CommandRefused)), None)


ANSWERED: Final[TypeAdapter[Answered]] = TypeAdapter(Answered)


def answered(state: State, audience: Audience, entry: Entry | None, *, repeated: bool) -> Answered:
    """What came of a command, for who gave it; `state` is one after it."""
    if entry is None:
        return Answered(seq=None, recorded=None, repeated=repeated)
    return Answered(
        seq=entry.seq,
        recorded=entry.recorded,
        repeated=repeated,
        events=tuple(seen(state, audience, entry.events, own=True)),
        entry=entry if audience.whole else None,
    )


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a command may not be given. `absent`: what it names is, to this audience, not there at all."""

    text: str
    absent: bool = False


def denied(state: State, audience: Audience, command: Command) -> Denial | None:
    """Why an audience may not give a command; None if it may. Whatever is not allowed here is denied."""
    if audience.role == "operator":
        return None
    if audience.role == "auditor" or audience.party is None:
        return Denial("an auditor reads, and gives no commands")
    if isinstance(command, Approve):
        return None if command.by == audience.party else Denial("approvals are given in one's own name")
    if audience.role == "tenant":
        return _tenant_denied(state, audience.party, command)
    return _provider_denied(state, audience, audience.party, command)


def _tenant_denied(state: State, party: str, command: Command) -> Denial | None:
    match command:
        case FileNeed():
            renewed = None if command.need.renews is None else state.leases.get(command.need.renews)
            own = command.need.renews is None or (renewed is not None and renewed.tenant == party)
            if command.need.party == party and own:
                return None
            return Denial("a tenant files needs of its own")
        case Cancel() | Award():
            deal = state.deals.get(command.need)
            return None if deal is not None and deal.need.party == party else _no("need", command.need)
        case Extend() | Release():
            lease = state.leases.get(command.lease)
            return None if lease is not None and lease.tenant == party else _no("lease", command.lease)
        case _:
            return Denial(f"a tenant's token does not allow `{command.kind}`")


def _provider_denied(state: State, audience: Audience, party: str, command: Command) -> Denial | None:
    match command:
        case Acknowledge() | Answer():
            if command.holder != party:
                return Denial("a provider answers in its own name")
            return None if _asked(state.deals.get(command.need), party) else _no("need", command.need)
        case MakeBid():
            if command.bid.bidder != party:
                return Denial("a provider bids in its own name")
            deal = state.deals.get(command.bid.need)
            return None if deal is not None and sees(state, audience, deal) else _no("need", command.bid.need)
        case Withdraw():
            bid = state.bids.get(command.bid)
            return None if bid is not None and bid.bidder == party else _no("bid", command.bid)
        case _:
            return Denial(f"a provider's token does not allow `{command.kind}`")


def _no(kind: str, id: str) -> Denial:
    return Denial(f"there is no {kind} `{id}`", absent=True)


def _asked(deal: Deal | None, party: str) -> bool:
    return deal is not None and any(one.notice.holder == party for one in deal.askings)


def sees(state: State, audience: Audience, deal: Deal) -> bool:
    """Whether an audience may know that a need is there."""
    if audience.whole:
        return True
    if audience.role == "tenant":
        return deal.need.party == audience.party
    party = audience.party or ""
    return (
        deal.stage == "overflow"
        or _asked(deal, party)
        or any(state.bids[id].bidder == party for id in deal.bids)
        or any(state.leases[id].supplier == party for id in deal.leases)
    )


def seen(state: State, audience: Audience, events: tuple[Event, ...], *, own: bool = False) -> Iterator[Seen]:
    """What an audience may see of events; `own` if they came of a command of its own."""
    for event in events:
        if audience.whole:
            yield event
        elif isinstance(event, CommandRefused):
            if own:
                yield event
        elif audience.party is not None:
            shown = _seen(state, audience, audience.party, event)
            if shown is not None:
                yield shown


def _seen(state: State, audience: Audience, party: str, event: Event) -> Seen | None:
    if isinstance(event, WindowSettled | MeterRead | LeasesInvoiced | PriceInvoiced):
        return event if party in (event.payer, event.payee) else None
    if isinstance(event, ReadingReversed):
        reading = state.readings.get(event.reading)
        return event if reading is not None and party in (reading.payer, reading.payee) else None
    if isinstance(event, LeaseReleased):
        lease = state.leases.get(event.lease)
        return event if lease is not None and party in (lease.tenant, lease.supplier) else None
    if isinstance(event, Approved) and event.by == party:
        return event
    deal = state.deals.get(_need_of(event) or "")
    if deal is None:
        return None
    if audience.role == "tenant":
        return event if deal.need.party == party else None
    return _provider_sees(state, audience, party, deal, event)


def _need_of(event: Event) -> str | None:
    match event:
        case NeedFiled():
            return event.need.id
        case HolderNoticed():
            return event.notice.need
        case BidMade():
            return event.bid.need
        case (
            NeedCancelled()
            | NoticeReceived()
            | HolderAnswered()
            | NoticeLapsed()
            | MarketOpened()
            | RightRevived()
            | BidWithdrawn()
            | NeedAwarded()
            | Approved()
        ):
            return event.need
        case _:
            return None


def _provider_sees(state: State, audience: Audience, party: str, deal: Deal, event: Event) -> Seen | None:
    notices = {one.notice.id for one in deal.askings if one.notice.holder == party}
    match event:
        case HolderNoticed():
            return replace(event, bids=()) if event.notice.holder == party else None
        case NoticeReceived() | HolderAnswered() | NoticeLapsed():
            return event if event.notice in notices else None
        case MarketOpened():
            return event
        case NeedCancelled():
            return event if sees(state, audience, deal) else None
        case BidMade():
            return event if event.bid.bidder == party else None
        case BidWithdrawn():
            bid = state.bids.get(event.bid)
            return event if bid is not None and bid.bidder == party else None
        case NeedAwarded():
            mine = tuple(grant for grant in event.grants if grant.supplier == party)
            took_part = bool(mine or notices) or any(state.bids[id].bidder == party for id in deal.bids)
            return Granted(need=event.need, grants=mine) if took_part else None
        case _:
            return None


def told(state: State, audience: Audience, entry: Entry) -> Iterator[tuple[int, str, str]]:
    """What of an entry's outgoing messages an audience may see: place within the entry, topic, body."""
    for place, event in enumerate(entry.events):
        if type(event) not in TOLD:
            continue
        for shown in seen(state, audience, (event,)):
            said = shown
            if isinstance(shown, Granted):
                if not isinstance(event, NeedAwarded):
                    continue
                said = replace(event, grants=shown.grants)
            for topic, body in topics(replace(entry, events=(cast("Event", said),))):
                yield place, topic, body


def unknown_fields(given: object, understood: object, path: str = "") -> Iterator[str]:
    """The fields of a given JSON value that are not in what was understood of it: a misspelt limit must not be lost."""
    if isinstance(given, Mapping) and isinstance(understood, Mapping):
        known = cast("Mapping[str, Any]", understood)
        for key, value in cast("Mapping[str, Any]", given).items():
            here = f"{path}.{key}" if path else key
            if key not in known:
                yield here
            else:
                yield from unknown_fields(value, known[key], here)
    elif isinstance(given, list) and isinstance(understood, list):
        pairs = zip(cast("list[Any]", given), cast("list[Any]", understood), strict=False)
        for place, (one, other) in enumerate(pairs):
            yield from unknown_fields(one, other, f"{path}.{place}")
