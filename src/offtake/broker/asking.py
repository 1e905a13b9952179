"""Who must be asked about a need, in which order, on what terms, and when again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

from offtake.broker.admission import candidates, concerns, need_size, noted_needs
from offtake.broker.documents import canonical, sha256
from offtake.broker.events import Event, HolderNoticed, MarketOpened, RightRevived
from offtake.broker.library import Rules
from offtake.broker.policy import Policy
from offtake.broker.state import Asking, Deal, State
from offtake.broker.terms import Matchable, Need, Notice
from offtake.domain.quantities import parse_span
from offtake.law.primitives import Procedure
from offtake.law.procedures import after, aggregate, answer_window, deadline, must_ask_again

Again = Literal["material change", "revival", "aggregation", "best bid"]


@dataclass(frozen=True, slots=True)
class BestBid:
    """What a holder may match: the mean price, how much would be bought at it, the terms that may be disclosed, and the
    bids themselves, each at its own price."""

    price: Decimal
    quantity: Decimal
    terms: dict[str, str]
    parts: tuple[Matchable, ...] = ()
    bids: tuple[str, ...] = ()


def rights_over(rules: Rules, state: State, need: Need) -> tuple[Procedure, ...]:
    """The rights that a need touches, in the order in which their holders are asked."""
    supplies = list(candidates(rules, need))
    found = [
        procedure
        for procedure in rules.law.procedures
        if any(concerns(rules, procedure, id, action, state.happened) for id, action in supplies)
    ]
    return tuple(sorted(found, key=lambda procedure: (procedure.rank, procedure.id)))


def covered(rules: Rules, state: State, procedure: Procedure, need: Need, today: date) -> bool:
    """Whether a need is large enough for a right, by itself or together with others of the aggregation window."""
    if procedure.threshold is None:
        return True
    alone = need.id if procedure.aggregates_within is None else None
    needs = noted_needs(rules, state, procedure, today, alone)
    return any(
        one.id == need.id for one in aggregate(procedure, needs, today, rules.calendars(procedure.calendar))
    )


def next_step(rules: Rules, policy: Policy, state: State, deal: Deal, now: datetime) -> tuple[Event, ...]:
    """What follows once nobody is left to answer: the next holder is told, or the market opens, or nothing."""
    if deal.open is not None or deal.stage in ("awarded", "cancelled"):
        return ()
    asked = {asking.notice.procedure for asking in deal.standing}
    if deal.left > 0:
        for procedure in rights_over(rules, state, deal.need):
            if procedure.style != "offer" or procedure.id in deal.pending or procedure.id in asked:
                continue
            if covered(rules, state, procedure, deal.need, now.date()):
                return (HolderNoticed(notice=notice(rules, policy, state, deal, procedure, now, "need")),)
    if deal.stage == "overflow" or (deal.stage == "accepted" and deal.left == 0):
        return ()
    return (MarketOpened(need=deal.need.id, quantity=deal.left),)


def notice(
    rules: Rules,
    policy: Policy,
    state: State,
    deal: Deal,
    procedure: Procedure,
    now: datetime,
    because: Again | Literal["need"],
    best: BestBid | None = None,
) -> Notice:
    """The notice to a holder, with its terms, their hash, and the time that it has."""
    need = deal.need
    rounds = sum(one.notice.procedure == procedure.id for one in deal.askings)
    shown = {} if best is None else best.terms
    received = deemed_received(rules, policy, procedure, now)
    window = answer_window(procedure, deal_size(rules, state, procedure, deal, now.date()))
    drafted = Notice(
        id=f"{need.id}.{len(deal.askings) + 1}",
        need=need.id,
        procedure=procedure.id,
        clause=procedure.origin.clause,
        holder=procedure.holder,
        style="match" if procedure.style == "match" else "offer",
        round=rounds + 1,
        quantity=deal.left if best is None else best.quantity,
        price=need.price_limit if best is None else best.price,
        currency=need.currency,
        disclosed=tuple(sorted((*_open_terms(need), *shown.items()))),
        because=because,
        deemed_received=received,
        answer_within=None if window is None else window.text,
        deadline=deadline(window, received, rules.calendars(procedure.calendar)),
        terms_hash="",
        parts=() if best is None or procedure.style != "match" else best.parts,
    )
    return replace(drafted, terms_hash=terms_hash(drafted))


def terms_hash(notice: Notice) -> str:
    """The hash of what a notice says: all but its times."""
    said = {
        field.name: str(getattr(notice, field.name))
        for field in fields(notice)
        if field.name not in ("deemed_received", "answer_within", "deadline", "terms_hash")
        and (field.name != "parts" or notice.parts)
    }
    return sha256(canonical(said))


def _open_terms(need: Need) -> Iterator[tuple[str, str]]:
    """What every holder must know of a need to answer it."""
    yield "measure", need.measure
    yield "from", need.begins.isoformat()
    yield "until", need.ends.isoformat()
    if need.accelerators:
        yield "accelerators", ", ".join(need.accelerators)
    if need.regions:
        yield "regions", ", ".join(need.regions)
    if need.whole:
        yield "whole", "yes"


def deemed_received(rules: Rules, policy: Policy, procedure: Procedure, now: datetime) -> datetime:
    """When a notice sent now is deemed received, if nobody says that it was received before."""
    if not policy.deemed_received_business_days:
        return now
    calendar = rules.calendars(procedure.calendar)
    day, left = now.date(), policy.deemed_received_business_days
    while left > 0:
        day += timedelta(days=1)
        left -= calendar(day)
    return datetime.combine(day, time(9), tzinfo=now.tzinfo)


def answer_by(rules: Rules, procedure: Procedure, notice: Notice, received: datetime) -> datetime | None:
    """The last moment for an answer to a notice that was received then: its window stands as it was stated."""
    window = procedure.window if notice.answer_within is None else parse_span(notice.answer_within)
    return deadline(window, received, rules.calendars(procedure.calendar))


def deal_size(rules: Rules, state: State, procedure: Procedure, deal: Deal, today: date) -> Decimal | None:
    """The size of a deal in a right's measure, by which its holder has time: what is not contracted of the need, and of
    the others that count with it. None if the right is not over it."""
    size = need_size(rules, procedure, deal.need, state.happened)
    if size is None or not procedure.windows:
        return size
    if procedure.aggregates_within is not None:
        calendar = rules.calendars(procedure.calendar)
        together = aggregate(procedure, noted_needs(rules, state, procedure, today), today, calendar)
        if any(one.id == deal.need.id for one in together):
            return sum((one.quantity for one in together), Decimal(0))
    return size * (deal.need.quantity - deal.granted) / deal.need.quantity


def asked_again(
    rules: Rules,
    deal: Deal,
    price: Decimal | None,
    today: date,
) -> tuple[Procedure, Again] | None:
    """The first right that must be asked again before this deal closes with others at a price; None without one."""
    procedures = {procedure.id: procedure for procedure in rules.law.procedures}
    for asking in deal.standing:
        procedure = procedures.get(asking.notice.procedure)
        if procedure is None or asking.outcome in ("open", "accept"):
            continue
        calendar = rules.calendars(procedure.calendar)
        lapsed = asking.closed
        found = must_ask_again(
            procedure, asking.notice.price, price, None, None, contracted=bool(deal.leases)
        )
        if found is None and lapsed is not None and procedure.revives_after is not None and not deal.leases:
            found = "revival" if today > after(procedure.revives_after, lapsed, calendar) else None
        if found is not None:
            return procedure, found
    return None


def revived(
    rules: Rules,
    policy: Policy,
    state: State,
    deal: Deal,
    procedure: Procedure,
    now: datetime,
    because: Again,
    best: BestBid | None,
) -> tuple[Event, ...]:
    """The events by which a right is asked again."""
    return (
        RightRevived(need=deal.need.id, procedure=procedure.id, because=because),
        HolderNoticed(
            notice=notice(rules, policy, state, deal, procedure, now, because, best),
            bids=() if best is None or procedure.style != "match" else best.bids,
        ),
    )


def aggregated(rules: Rules, policy: Policy, state: State, need: Need, now: datetime) -> tuple[Event, ...]:
    """The notices about earlier needs that a new one, counted with them, brings over a right's threshold."""
    events: list[Event] = []
    for procedure in rules.law.procedures:
        if procedure.threshold is None or procedure.aggregates_within is None or procedure.style != "offer":
            continue
        if need_size(rules, procedure, need, state.happened) is None:
            continue
        needs = noted_needs(rules, state, procedure, now.date())
        for one in aggregate(procedure, needs, now.date(), rules.calendars(procedure.calendar)):
            deal = state.deals[one.id]
            asked = any(asking.notice.procedure == procedure.id for asking in deal.standing)
            if one.id != need.id and not asked and deal.stage == "overflow" and deal.left > 0:
                events.extend(revived(rules, policy, state, deal, procedure, now, "aggregation", None))
    return tuple(events)


def own_supplies(rules: Rules, need: Need, holder: str) -> Iterator[str]:
    """A holder's own supplies that a need could be met with."""
    for id, _ in candidates(rules, need):
        supply = rules.supplies[id]
        if holder in (supply.party, supply.provider):
            yield id


def open_for(deal: Deal, holder: str) -> Asking | None:
    """The open notice to a holder."""
    found = deal.open
    return found if found is not None and found.notice.holder == holder else None
