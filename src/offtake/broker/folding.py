"""The fold: what each event makes of the state. Pure; the same events give the same state, in one go or in parts."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import assert_never

from immutables import Map

from offtake.broker.counting import on_meters, with_hold, with_lease, with_reading
from offtake.broker.events import (
    AgreementAmended,
    Approved,
    BidMade,
    BidWithdrawn,
    CommandRefused,
    Event,
    EventRecorded,
    HolderAnswered,
    HolderNoticed,
    LawInForce,
    LeaseReleased,
    LedgerOpened,
    MarketOpened,
    MeterRead,
    NeedAwarded,
    NeedCancelled,
    NeedFiled,
    NoticeLapsed,
    NoticeReceived,
    ReadingReversed,
    RightRevived,
    WindowSettled,
)
from offtake.broker.library import Library, Rules
from offtake.broker.profile import ZERO, Profile
from offtake.broker.settling import first_close, with_settled, with_shortfall
from offtake.broker.state import Asking, Deal, PostedReading, State
from offtake.broker.terms import Lease, Need, Take
from offtake.broker.transitions import Move, Stage, moved
from offtake.domain.errors import InvalidInput
from offtake.domain.position import Happened
from offtake.law.primitives import Procedure
from offtake.law.procedures import after, residual
from offtake.law.windows import window_at

REVIVAL = "revival of "


def fold(library: Library, state: State, events: Iterable[Event], at: datetime, seq: int) -> State:
    """The state after the events of one entry, recorded at a time under a number.

    Raises InvalidInput if an event cannot follow, naming it.
    """
    for event in events:
        state = folded(library, state, event, at, seq)
    return replace(state, seq=seq, last=at)


def folded(library: Library, state: State, event: Event, at: datetime, seq: int) -> State:
    """The state after one event."""
    match event:
        case LedgerOpened():
            return replace(state, estate=event.estate, policy=event.policy, clock=event.clock, opened=at)
        case LawInForce():
            return _under(library, replace(state, known_at=event.known_at, law=event.law))
        case AgreementAmended():
            return replace(state, estate=event.estate)
        case CommandRefused():
            return state
        case Approved():
            return replace(state, approvals=(*state.approvals, (event.procedure, event.need)))
        case EventRecorded():
            happened = Happened(event.event, event.on, event.about)
            return replace(state, happened=(*state.happened, happened))
        case MeterRead() | ReadingReversed() | WindowSettled():
            return _metered(library, state, event)
        case LeaseReleased():
            return _released(library, state, event, seq)
        case _:
            return _dealt(library, state, event, at, seq)


def rules_of(library: Library, state: State) -> Rules:
    """The rules in force in a state."""
    return library.rules(state.estate, state.known_at)


def _metered(library: Library, state: State, event: MeterRead | ReadingReversed | WindowSettled) -> State:
    rules = rules_of(library, state)
    match event:
        case MeterRead():
            reading = PostedReading(
                event.id,
                event.clause,
                event.primitive,
                event.begins,
                event.ends,
                event.amount,
                event.owed_micros,
                event.payer,
                event.payee,
                event.currency,
            )
            state = replace(state, readings=state.readings.set(event.id, reading))
            return _counted(state, rules, reading, 1)
        case ReadingReversed():
            state = replace(state, reversed=state.reversed | {event.reading})
            return _counted(state, rules, state.readings[event.reading], -1)
        case WindowSettled():
            return with_settled(state, rules, event)
        case _:
            assert_never(event)


def _counted(state: State, rules: Rules, reading: PostedReading, sign: int) -> State:
    """A reading on a meter, or on a price that owes by what is read."""
    for price in rules.law.prices:
        if price.id == reading.primitive:
            window = window_at(price.window, reading.begins, price.scope.begins, price.scope.ends)
            key = (price.id, window.begins)
            return replace(state, owed=state.owed.set(key, state.owed.get(key, ZERO) + reading.amount * sign))
    return with_reading(state, rules, reading, sign)


def _under(library: Library, state: State) -> State:
    """The state counted anew under the law that is in force now: its meters may be others."""
    rules = rules_of(library, state)
    empty: Map[tuple[str, date], Decimal] = Map()
    state = replace(state, levels=Map[str, Profile](), windowed=empty, flows=empty)
    for lease in state.leases.values():
        state = on_meters(state, rules, lease, 1)
    for id in state.open_needs:
        for hold in holds(rules, state.deals[id]):
            state = on_meters(state, rules, hold, 1, flowing=False)
    for id, reading in state.readings.items():
        if id not in state.reversed and all(price.id != reading.primitive for price in rules.law.prices):
            state = with_reading(state, rules, reading, 1)
    for meter, windows in state.closed.items():
        for window in windows:
            state = with_shortfall(state, rules, meter, window)
    return replace(state, next_close=first_close(rules, state))


def holds(rules: Rules, deal: Deal) -> list[Lease]:
    """What holders took of a deal and nobody else may have meanwhile, as leases to be."""
    return [
        lease_of(rules, deal.need, asking, part)
        for asking in deal.askings
        if not asking.granted
        for part in asking.takes
    ]


def lease_of(rules: Rules, need: Need, asking: Asking, part: Take, id: str = "") -> Lease:
    """A holder's take as a lease."""
    supply = rules.supply(part.supply)
    price = asking.price if part.price is None else part.price
    return Lease(
        id=id or asking.notice.id,
        need=need.id,
        tenant=need.party,
        supplier=supply.party or supply.provider or "",
        supply=part.supply,
        measure=need.measure,
        quantity=part.quantity,
        amounts=tuple(sorted(rules.amounts(supply, need.measure, part.quantity).items())),
        begins=need.begins,
        ends=need.ends,
        price=price or ZERO,
        currency=part.currency or asking.currency or need.currency,
        release_share=Decimal(1),
        discharges=(),
    )


def _released(library: Library, state: State, event: LeaseReleased, seq: int) -> State:
    rules = rules_of(library, state)
    lease = state.leases[event.lease]
    shorter = replace(lease, released=event.on)
    state = with_lease(state, rules, lease, -1)
    state = with_lease(replace(state, leases=state.leases.set(lease.id, shorter)), rules, shorter, 1)
    return replace(state, versions=state.versions.set(lease.id, seq))


DealEvent = (
    NeedFiled
    | NeedCancelled
    | HolderNoticed
    | NoticeReceived
    | HolderAnswered
    | NoticeLapsed
    | MarketOpened
    | RightRevived
    | BidMade
    | BidWithdrawn
    | NeedAwarded
)


def _dealt(library: Library, state: State, event: DealEvent, at: datetime, seq: int) -> State:
    if isinstance(event, NeedFiled):
        deal = Deal(event.need, "drafted", at)
        state = replace(state, open_needs=state.open_needs | {event.need.id})
    else:
        deal = state.deals[_need_of(event)]
        deal = replace(deal, stage=_stage(deal, _move(event)))
    match event:
        case NeedFiled() | MarketOpened():
            pass
        case NeedCancelled():
            state, deal = _cancelled(library, state, deal)
        case HolderNoticed():
            state, deal = _noticed(state, deal, event)
        case NoticeReceived():
            state, deal = _received(state, deal, event)
        case HolderAnswered():
            state, deal = _answered(library, state, deal, event, at)
        case NoticeLapsed():
            state, deal = _lapsed(library, state, deal, event)
        case RightRevived():
            deal = replace(deal, pending=(*deal.pending, event.procedure))
        case BidMade():
            bids = tuple(id for id in deal.bids if id != event.bid.id)
            deal = replace(deal, bids=(*bids, event.bid.id))
            state = replace(state, bids=state.bids.set(event.bid.id, event.bid))
        case BidWithdrawn():
            deal = replace(deal, bids=tuple(id for id in deal.bids if id != event.bid))
            state = replace(state, bids=state.bids.delete(event.bid))
        case NeedAwarded():
            state, deal = _awarded(library, state, deal, event, seq)
        case _:
            assert_never(event)
    return replace(
        state,
        deals=state.deals.set(deal.need.id, deal),
        versions=state.versions.set(deal.need.id, seq),
    )


def _need_of(event: DealEvent) -> str:
    match event:
        case NeedFiled():
            return event.need.id
        case HolderNoticed():
            return event.notice.need
        case BidMade():
            return event.bid.need
        case _:
            return event.need


def _move(event: DealEvent) -> Move:
    """The move of the table that an event is."""
    match event:
        case HolderAnswered():
            return event.move
        case NeedAwarded():
            return "award" if not event.unmet else "award-part"
        case _:
            return _MOVES[type(event)]


_MOVES: dict[type, Move] = {
    HolderNoticed: "notice",
    NoticeReceived: "receive",
    NoticeLapsed: "lapse",
    MarketOpened: "open-market",
    RightRevived: "revive",
    BidMade: "bid",
    BidWithdrawn: "withdraw-bid",
    NeedCancelled: "cancel",
}


def _stage(deal: Deal, move: Move) -> Stage:
    stage = moved(deal.stage, move)
    if stage is None:
        raise InvalidInput(f"the need `{deal.need.id}` is {deal.stage}, and cannot {move}")
    return stage


def _noticed(state: State, deal: Deal, event: HolderNoticed) -> tuple[State, Deal]:
    notice = event.notice
    earlier = tuple(
        replace(one, superseded=True) if one.notice.procedure == notice.procedure else one
        for one in deal.askings
    )
    pending = tuple(id for id in deal.pending if id != notice.procedure)
    asking = Asking(notice, notice.deadline, awarded_before=len(deal.granted_by), bids=event.bids)
    deal = replace(deal, askings=(*earlier, asking), pending=pending)
    return _due(state, notice.deadline, deal.need.id, notice.id), deal


def _received(state: State, deal: Deal, event: NoticeReceived) -> tuple[State, Deal]:
    askings = tuple(
        replace(one, received=event.received, deadline=event.deadline)
        if one.notice.id == event.notice
        else one
        for one in deal.askings
    )
    state = _no_longer_due(state, event.notice)
    return _due(state, event.deadline, deal.need.id, event.notice), replace(deal, askings=askings)


def _answered(
    library: Library, state: State, deal: Deal, event: HolderAnswered, at: datetime
) -> tuple[State, Deal]:
    rules = rules_of(library, state)
    asking = _asking(deal, event.notice)
    taken = sum((part.quantity for part in event.takes), ZERO)
    closed = replace(
        asking,
        outcome=event.move,
        takes=event.takes,
        price=event.price,
        currency=event.currency,
        closed=at.date(),
        elsewhere=residual(asking.notice.quantity, taken),
    )
    deal = _with_asking(deal, closed)
    for part in event.takes:
        state = with_hold(state, rules, lease_of(rules, deal.need, closed, part), 1)
    return _revives(rules, _no_longer_due(state, event.notice), deal, closed), deal


def _lapsed(library: Library, state: State, deal: Deal, event: NoticeLapsed) -> tuple[State, Deal]:
    asking = _asking(deal, event.notice)
    closed = replace(asking, outcome="lapse", closed=event.deadline.date(), elsewhere=asking.notice.quantity)
    deal = _with_asking(deal, closed)
    rules = rules_of(library, state)
    return _revives(rules, _no_longer_due(state, event.notice), deal, closed), deal


def _revives(rules: Rules, state: State, deal: Deal, asking: Asking) -> State:
    """Notes when a right revives if nothing is contracted."""
    procedure = procedure_of(rules, asking.notice.procedure)
    if procedure is None or procedure.revives_after is None or asking.closed is None:
        return state
    calendar = rules.calendars(procedure.calendar)
    day = after(procedure.revives_after, asking.closed, calendar) + timedelta(days=1)
    at = datetime.combine(day, time(), tzinfo=asking.notice.deemed_received.tzinfo)
    return _due(state, at, deal.need.id, REVIVAL + asking.notice.id)


def procedure_of(rules: Rules, id: str) -> Procedure | None:
    """A procedure of the law by its id."""
    return next((one for one in rules.law.procedures if one.id == id), None)


def _cancelled(library: Library, state: State, deal: Deal) -> tuple[State, Deal]:
    rules = rules_of(library, state)
    for hold in holds(rules, deal):
        state = with_hold(state, rules, hold, -1)
    askings = tuple(replace(one, takes=()) if not one.granted else one for one in deal.askings)
    return _closed(state, deal.need.id), replace(deal, askings=askings)


def _awarded(library: Library, state: State, deal: Deal, event: NeedAwarded, seq: int) -> tuple[State, Deal]:
    rules = rules_of(library, state)
    for hold in holds(rules, deal):
        state = with_hold(state, rules, hold, -1)
    travelling = tuple(one.notice.id for one in deal.standing)
    leases = state.leases
    for grant in event.grants:
        supply = rules.supply(grant.supply)
        lease = Lease(
            id=grant.lease,
            need=deal.need.id,
            tenant=deal.need.party,
            supplier=grant.supplier,
            supply=grant.supply,
            measure=deal.need.measure,
            quantity=grant.quantity,
            amounts=tuple(sorted(rules.amounts(supply, deal.need.measure, grant.quantity).items())),
            begins=deal.need.begins,
            ends=deal.need.ends,
            price=grant.price,
            currency=grant.currency,
            release_share=grant.release_share,
            discharges=travelling,
            renews=deal.need.renews,
        )
        leases = leases.set(lease.id, lease)
        state = with_lease(state, rules, lease, 1)
        state = replace(state, versions=state.versions.set(lease.id, seq))
    deal = replace(
        deal,
        askings=tuple(replace(one, granted=True) if one.takes else one for one in deal.askings),
        leases=(*deal.leases, *(grant.lease for grant in event.grants)),
        granted=deal.granted + sum((grant.quantity for grant in event.grants), ZERO),
        granted_by=(*deal.granted_by, *((grant.source, grant.quantity) for grant in event.grants)),
    )
    state = replace(state, leases=leases)
    state, deal = _used_up(state, deal, event)
    return (state if event.unmet else _closed(state, deal.need.id)), deal


def _used_up(state: State, deal: Deal, event: NeedAwarded) -> tuple[State, Deal]:
    """The bids of a deal less what was awarded of them; one of which nothing usable is left is gone."""
    bids, left = state.bids, deal.bids
    for grant in event.grants:
        bid = bids.get(grant.source)
        if bid is None:
            continue
        rest = bid.quantity - grant.quantity
        if bid.whole or rest <= 0 or rest < bid.minimum:
            bids, left = bids.delete(bid.id), tuple(id for id in left if id != bid.id)
        else:
            bids = bids.set(bid.id, replace(bid, quantity=rest))
    return replace(state, bids=bids), replace(deal, bids=left)


def _closed(state: State, need: str) -> State:
    """The state in which nothing of a need is due any more."""
    return replace(
        state,
        open_needs=state.open_needs - {need},
        due=tuple(one for one in state.due if one[1] != need),
    )


def _asking(deal: Deal, notice: str) -> Asking:
    found = next((one for one in deal.askings if one.notice.id == notice and one.outcome == "open"), None)
    if found is None:
        raise InvalidInput(f"the need `{deal.need.id}` has no open notice `{notice}`")
    return found


def _with_asking(deal: Deal, asking: Asking) -> Deal:
    askings = tuple(asking if one.notice.id == asking.notice.id else one for one in deal.askings)
    return replace(deal, askings=askings)


def _due(state: State, at: datetime | None, need: str, what: str) -> State:
    if at is None:
        return state
    due = list(state.due)
    insort(due, (at, need, what))
    return replace(state, due=tuple(due))


def _no_longer_due(state: State, what: str) -> State:
    return replace(state, due=tuple(one for one in state.due if one[2] != what))
