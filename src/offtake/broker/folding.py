"""The fold: what each event makes of the state. Pure; the same events give the same state, in one go or in parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import assert_never

from immutables import Map

from offtake.broker.counting import count_hold, count_lease, count_reading, on_meters
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
    LeasesInvoiced,
    LedgerOpened,
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
from offtake.broker.invoicing import bill, write_invoice, write_price
from offtake.broker.library import Library, Rules
from offtake.broker.profile import ZERO, Profile
from offtake.broker.settling import count_settled, count_shortfall, first_close
from offtake.broker.state import Asking, Deal, Draft, PostedReading, State, Window
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
    draft = Draft(state)
    write(library, draft, events, at, seq)
    return draft.finish()


def folded(library: Library, state: State, event: Event, at: datetime, seq: int) -> State:
    """The state after one event of an entry that is being made."""
    draft = Draft(state)
    _one(library, draft, event, at, seq)
    return draft.finish()


def write(library: Library, draft: Draft, events: Iterable[Event], at: datetime, seq: int) -> None:
    """Writes the events of one entry: a long ledger is folded into one draft.

    Raises InvalidInput if an event cannot follow, naming it.
    """
    for event in events:
        _one(library, draft, event, at, seq)
    draft.seq, draft.last = seq, at


def _one(library: Library, draft: Draft, event: Event, at: datetime, seq: int) -> None:
    match event:
        case (
            NeedFiled()
            | BidMade()
            | NeedAwarded()
            | MarketOpened()
            | HolderNoticed()
            | HolderAnswered()
            | NoticeLapsed()
            | NoticeReceived()
            | RightRevived()
            | BidWithdrawn()
            | NeedCancelled()
        ):
            _dealt(library, draft, event, at, seq)
        case CommandRefused():
            pass
        case MeterRead() | ReadingReversed() | WindowSettled():
            _metered(rules_of(library, draft), draft, event)
        case LeaseReleased():
            _released(rules_of(library, draft), draft, event, seq)
        case Approved():
            need = event.need or ""
            draft.approvals = draft.approvals.set(need, (*draft.approvals.get(need, ()), event.procedure))
        case EventRecorded():
            draft.happened = (*draft.happened, Happened(event.event, event.on, event.about))
        case LedgerOpened():
            draft.estate, draft.policy, draft.clock, draft.opened = (
                event.estate,
                event.policy,
                event.clock,
                at,
            )
        case LawInForce():
            draft.known_at, draft.law = event.known_at, event.law
            _under(rules_of(library, draft), draft)
        case AgreementAmended():
            draft.estate = event.estate
        case LeasesInvoiced():
            write_invoice(draft, event)
        case PriceInvoiced():
            write_price(draft, rules_of(library, draft), event)
        case _:
            assert_never(event)


def rules_of(library: Library, state: State | Draft) -> Rules:
    """The rules in force in a state."""
    return library.rules(state.estate, state.known_at)


def _metered(rules: Rules, draft: Draft, event: MeterRead | ReadingReversed | WindowSettled) -> None:
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
            draft.readings[event.id] = reading
            _counted(draft, rules, reading, 1)
        case ReadingReversed():
            draft.reversed[event.reading] = True
            _counted(draft, rules, draft.readings[event.reading], -1)
        case WindowSettled():
            count_settled(draft, rules, event)
        case _:
            assert_never(event)


def _counted(draft: Draft, rules: Rules, reading: PostedReading, sign: int) -> None:
    """A reading on a meter, or on a price that owes by what is read."""
    for price in rules.law.prices:
        if price.id == reading.primitive:
            window = window_at(price.window, reading.begins, price.scope.begins, price.scope.ends)
            key = (price.id, window.begins)
            draft.owed[key] = draft.owed.get(key, ZERO) + reading.amount * sign
            return
    count_reading(draft, rules, reading, sign)


def _under(rules: Rules, draft: Draft) -> None:
    """Counts everything anew under the law that is in force now: its meters may be others."""
    draft.levels = Map[str, Profile]().mutate()
    draft.windowed, draft.flows = Map[Window, Decimal]().mutate(), Map[Window, Decimal]().mutate()
    leases, readings, open_needs = draft.leases.finish(), draft.readings.finish(), draft.open_needs.finish()
    for lease in leases.values():
        on_meters(draft, rules, lease, 1)
    for id in open_needs:
        for hold in holds(rules, draft.deals[id]):
            on_meters(draft, rules, hold, 1, flowing=False)
    for id, reading in readings.items():
        if id not in draft.reversed and all(price.id != reading.primitive for price in rules.law.prices):
            count_reading(draft, rules, reading, 1)
    draft.leases, draft.readings, draft.open_needs = leases.mutate(), readings.mutate(), open_needs.mutate()
    for meter, windows in draft.closed.items():
        for window in windows:
            count_shortfall(draft, rules, meter, window)
    draft.next_close = first_close(rules, draft)


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


def _released(rules: Rules, draft: Draft, event: LeaseReleased, seq: int) -> None:
    lease = draft.leases[event.lease]
    shorter = replace(lease, released=event.on)
    count_lease(draft, rules, lease, -1)
    draft.leases[lease.id] = shorter
    count_lease(draft, rules, shorter, 1)
    bill(draft, shorter)
    draft.versions[lease.id] = seq


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


def _dealt(library: Library, draft: Draft, event: DealEvent, at: datetime, seq: int) -> None:
    if isinstance(event, NeedFiled):
        need = event.need.id
        draft.deals[need] = Deal(event.need, "drafted", at)
        draft.open_needs[need] = at
    else:
        need = _need_of(event)
        deal = draft.deals[need]
        draft.deals[need] = _moved(library, draft, deal, _stage(deal, _move(event)), event, at, seq)
    draft.versions[need] = seq


def _moved(
    library: Library, draft: Draft, deal: Deal, stage: Stage, event: DealEvent, at: datetime, seq: int
) -> Deal:
    """A deal after an event that takes it to a stage."""
    match event:
        case BidMade():
            bids = tuple(id for id in deal.bids if id != event.bid.id)
            draft.bids[event.bid.id] = event.bid
            return replace(deal, stage=stage, bids=(*bids, event.bid.id))
        case NeedAwarded():
            return _awarded(rules_of(library, draft), draft, deal, stage, event, seq)
        case HolderNoticed():
            return _noticed(draft, deal, stage, event)
        case HolderAnswered():
            return _answered(rules_of(library, draft), draft, deal, stage, event, at)
        case NoticeReceived():
            return _received(draft, deal, stage, event)
        case NoticeLapsed():
            return _lapsed(rules_of(library, draft), draft, deal, stage, event)
        case RightRevived():
            return replace(deal, stage=stage, pending=(*deal.pending, event.procedure))
        case BidWithdrawn():
            del draft.bids[event.bid]
            return replace(deal, stage=stage, bids=tuple(id for id in deal.bids if id != event.bid))
        case NeedCancelled():
            return _cancelled(rules_of(library, draft), draft, deal, stage)
        case NeedFiled() | MarketOpened():
            return replace(deal, stage=stage)
        case _:
            assert_never(event)


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


def _noticed(draft: Draft, deal: Deal, stage: Stage, event: HolderNoticed) -> Deal:
    notice = event.notice
    earlier: list[Asking] = []
    for one in deal.askings:
        if one.notice.procedure == notice.procedure:
            # What a later round stands in the place of can no longer revive.
            draft.due = draft.due.minus(REVIVAL + one.notice.id)
            earlier.append(replace(one, superseded=True))
        else:
            earlier.append(one)
    pending = tuple(id for id in deal.pending if id != notice.procedure)
    asking = Asking(notice, notice.deadline, awarded_before=len(deal.granted_by), bids=event.bids)
    if notice.deadline is not None:
        draft.due = draft.due.plus(notice.deadline, deal.need.id, notice.id)
    return replace(deal, stage=stage, askings=(*earlier, asking), pending=pending)


def _received(draft: Draft, deal: Deal, stage: Stage, event: NoticeReceived) -> Deal:
    askings = tuple(
        replace(one, received=event.received, deadline=event.deadline)
        if one.notice.id == event.notice
        else one
        for one in deal.askings
    )
    draft.due = draft.due.minus(event.notice)
    if event.deadline is not None:
        draft.due = draft.due.plus(event.deadline, deal.need.id, event.notice)
    return replace(deal, stage=stage, askings=askings)


def _answered(
    rules: Rules, draft: Draft, deal: Deal, stage: Stage, event: HolderAnswered, at: datetime
) -> Deal:
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
    for part in event.takes:
        count_hold(draft, rules, lease_of(rules, deal.need, closed, part), 1)
    return _closed_asking(rules, draft, deal, stage, closed)


def _lapsed(rules: Rules, draft: Draft, deal: Deal, stage: Stage, event: NoticeLapsed) -> Deal:
    asking = _asking(deal, event.notice)
    closed = replace(asking, outcome="lapse", closed=event.deadline.date(), elsewhere=asking.notice.quantity)
    return _closed_asking(rules, draft, deal, stage, closed)


def _closed_asking(rules: Rules, draft: Draft, deal: Deal, stage: Stage, asking: Asking) -> Deal:
    """A deal with a notice that was answered or lapsed; notes when its right revives if nothing is contracted."""
    draft.due = draft.due.minus(asking.notice.id)
    procedure = procedure_of(rules, asking.notice.procedure)
    if procedure is not None and procedure.revives_after is not None and asking.closed is not None:
        calendar = rules.calendars(procedure.calendar)
        day = after(procedure.revives_after, asking.closed, calendar) + timedelta(days=1)
        revives = datetime.combine(day, time(), tzinfo=asking.notice.deemed_received.tzinfo)
        if asking.outcome != "accept" and not deal.leases:
            draft.due = draft.due.plus(revives, deal.need.id, REVIVAL + asking.notice.id)
    askings = tuple(asking if one.notice.id == asking.notice.id else one for one in deal.askings)
    return replace(deal, stage=stage, askings=askings)


def procedure_of(rules: Rules, id: str) -> Procedure | None:
    """A procedure of the law by its id."""
    return next((one for one in rules.law.procedures if one.id == id), None)


def _cancelled(rules: Rules, draft: Draft, deal: Deal, stage: Stage) -> Deal:
    for hold in holds(rules, deal):
        count_hold(draft, rules, hold, -1)
    _close(draft, deal)
    askings = tuple(replace(one, takes=()) if not one.granted else one for one in deal.askings)
    return replace(deal, stage=stage, askings=askings)


def _awarded(rules: Rules, draft: Draft, deal: Deal, stage: Stage, event: NeedAwarded, seq: int) -> Deal:
    for hold in holds(rules, deal):
        count_hold(draft, rules, hold, -1)
    travelling = tuple(one.notice.id for one in deal.standing)
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
        draft.leases[lease.id] = lease
        draft.versions[lease.id] = seq
        count_lease(draft, rules, lease, 1)
        bill(draft, lease)
    if event.unmet:
        # Something is contracted, so that nothing revives by itself any more.
        for one in deal.askings:
            draft.due = draft.due.minus(REVIVAL + one.notice.id)
    else:
        _close(draft, deal)
    return replace(
        deal,
        stage=stage,
        askings=tuple(replace(one, granted=True) if one.takes else one for one in deal.askings),
        bids=_used_up(draft, deal, event),
        leases=(*deal.leases, *(grant.lease for grant in event.grants)),
        granted=deal.granted + sum((grant.quantity for grant in event.grants), ZERO),
        granted_by=(*deal.granted_by, *((grant.source, grant.quantity) for grant in event.grants)),
    )


def _used_up(draft: Draft, deal: Deal, event: NeedAwarded) -> tuple[str, ...]:
    """The bids of a deal less what was awarded of them; one of which nothing usable is left is gone."""
    left = deal.bids
    for grant in event.grants:
        bid = draft.bids.get(grant.source)
        if bid is None:
            continue
        rest = bid.quantity - grant.quantity
        if bid.whole or rest <= 0 or rest < bid.minimum:
            del draft.bids[bid.id]
            left = tuple(id for id in left if id != bid.id)
        else:
            draft.bids[bid.id] = replace(bid, quantity=rest)
    return left


def _close(draft: Draft, deal: Deal) -> None:
    """Nothing of a need is due any more."""
    draft.open_needs.pop(deal.need.id, None)
    for one in deal.askings:
        draft.due = draft.due.minus(one.notice.id).minus(REVIVAL + one.notice.id)


def _asking(deal: Deal, notice: str) -> Asking:
    found = next((one for one in deal.askings if one.notice.id == notice and one.outcome == "open"), None)
    if found is None:
        raise InvalidInput(f"the need `{deal.need.id}` has no open notice `{notice}`")
    return found
