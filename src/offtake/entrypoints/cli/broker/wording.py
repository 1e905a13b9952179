"""Events and states of the broker in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from offtake.broker.audience import Granted, Seen
from offtake.broker.events import (
    AgreementAmended,
    Approved,
    BidMade,
    BidWithdrawn,
    CommandRefused,
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
from offtake.entrypoints.cli.amounts import money

if TYPE_CHECKING:
    from offtake.broker.terms import Part, Take

UNITS = {"accelerators": "accelerators", "power": "MW", "units": "units"}


def plain(amount: Decimal) -> str:
    """A decimal as people read it: `1,234`, `180`, `2.84`."""
    text = f"{amount:,.6f}".rstrip("0").rstrip(".")
    return text or "0"


def micros(amount: int, currency: str) -> str:
    """Micro-units as money."""
    return money(round(amount / 10_000), currency)


def sentences(events: Iterable[Seen]) -> Iterator[str]:
    """What happened, a line each; what follows from a line is indented under it."""
    for event in events:
        yield from _SAID[type(event)](event)


def _opened(event: LedgerOpened) -> Iterator[str]:
    yield f"the ledger is opened, by {'the machine’s' if event.clock == 'machine' else 'a rehearsed'} clock"


def _law(event: LawInForce) -> Iterator[str]:
    yield f"the law of the agreements known at {event.known_at} is in force ({event.law[:12]})"


def _received(event: NoticeReceived) -> Iterator[str]:
    until = (
        "" if event.deadline is None else f"; it may be answered until {event.deadline:%Y-%m-%d %H:%M} UTC"
    )
    yield f"the notice {event.notice} was received{until}"


def _lapsed(event: NoticeLapsed) -> Iterator[str]:
    yield f"the notice {event.notice} lapsed at {event.deadline:%Y-%m-%d %H:%M} UTC"


def _market(event: MarketOpened) -> Iterator[str]:
    yield f"{plain(event.quantity)} of {event.need} go to the market"


def _revived(event: RightRevived) -> Iterator[str]:
    yield f"{event.procedure} must be asked again about {event.need}: {event.because}"


def _bid(event: BidMade) -> Iterator[str]:
    bid = event.bid
    price = f"{plain(bid.price)} {bid.currency} an hour"
    yield f"{bid.bidder} bids {plain(bid.quantity)} at {bid.supply} for {price} ({bid.id})"


def _approved(event: Approved) -> Iterator[str]:
    yield f"{event.by} approves {event.need or 'whatever the clause covers'} ({event.procedure})"


def _happened(event: EventRecorded) -> Iterator[str]:
    yield f"{event.event} happened on {event.on}" + (f", about {event.about}" if event.about else "")


def _refused(event: CommandRefused) -> Iterator[str]:
    yield f"refused, {event.subject}:"
    for reason in event.reasons:
        by = f" [{reason.clause}]" if reason.clause and reason.clause not in reason.text else ""
        yield f"  {reason.text}{by}"


def _filed(event: NeedFiled) -> Iterator[str]:
    need = event.need
    quantity = f"{plain(need.quantity)} {UNITS[need.measure]}"
    yield f"{need.id}: {need.party} needs {quantity} from {need.begins} until {need.ends}"


def _noticed(event: HolderNoticed) -> Iterator[str]:
    notice = event.notice
    within = "" if notice.answer_within is None else f" within {notice.answer_within},"
    until = (
        ""
        if notice.deadline is None
        else f", and may answer{within} until {notice.deadline:%Y-%m-%d %H:%M} UTC"
    )
    at = "" if notice.price is None else f" at {plain(notice.price)} {notice.currency} an hour"
    if len(notice.parts) > 1:
        at += " in the mean"
    yield f"{notice.holder} is asked about {plain(notice.quantity)} of {notice.need}{at} by {notice.clause}{until}"
    for place, part in enumerate(notice.parts if len(notice.parts) > 1 else (), 1):
        yield f"  part {place}: {plain(part.quantity)} at {plain(part.price)} {part.currency} an hour"


def _answered(event: HolderAnswered) -> Iterator[str]:
    at = "" if event.price is None else f" at {plain(event.price)} {event.currency} an hour"
    if event.discharges_nothing:
        yield f"{event.notice}: an offer{at} is above what the clause lets count, and discharges nothing"
    elif event.move == "decline":
        yield f"{event.notice} is declined"
    else:
        silent = " by silence" if event.by_silence else ""
        yield f"{event.notice} is accepted{silent}: {_takes(event.takes)}{at}"


def _parts(parts: Iterable[Part]) -> str:
    return ", ".join(f"{plain(part.quantity)} at {part.supply}" for part in parts) or "nothing"


def _takes(takes: Iterable[Take]) -> str:
    """What is taken where; of several bids that are matched, each at its price."""
    return ", ".join(
        f"{plain(take.quantity)} at {take.supply}"
        + ("" if take.price is None else f" for {plain(take.price)} {take.currency} an hour")
        for take in takes
    )


def _awarded(event: NeedAwarded) -> Iterator[str]:
    money_of = event.currency
    left = f"; {plain(event.unmet)} are left" if event.unmet else ""
    yield f"{event.need} is awarded for {micros(event.cost_micros, money_of)} over the term{left}"
    for grant in event.grants:
        yield (
            f"  {grant.lease}: {plain(grant.quantity)} at {grant.supply} of {grant.supplier}, "
            f"{plain(grant.price)} {grant.currency} an hour"
        )
    for cited in event.named:
        yield f"  because {cited.text}"
    for other in event.counterfactuals:
        yield f"  without {other.clause}: {_parts(other.parts)}, {micros(other.cost_micros, money_of)}"
    for one in event.excluded:
        yield f"  not {one.bid}: {'; '.join(reason.text for reason in one.reasons)}"
    if event.gap:
        yield f"  within {float(event.gap):.1e} of the least possible"


def _granted(event: Granted) -> Iterator[str]:
    yield f"{event.need} is awarded" + ("" if event.grants else ", nothing of it here")
    for grant in event.grants:
        price = f"{plain(grant.price)} {grant.currency} an hour"
        yield f"  {grant.lease}: {plain(grant.quantity)} at {grant.supply}, {price}"


def _read(event: MeterRead) -> Iterator[str]:
    owed = "" if event.currency is None else f", {micros(event.owed_micros, event.currency)} owed"
    yield f"{event.id}: {event.clause} counted {plain(event.amount)} from {event.begins} until {event.ends}{owed}"


def _settled(event: WindowSettled) -> Iterator[str]:
    said = f"{event.clause} from {event.begins} until {event.ends}: {plain(event.taken)} taken of {plain(event.lower)}"
    if event.short:
        said += f", {plain(event.short)} short, {micros(event.billed_micros, event.currency or '')} billed"
    if event.banked_until is not None:
        said += f", to be made up by {event.banked_until}"
    if event.drawn:
        said += f", {plain(event.drawn)} drawn from earlier windows"
    yield said


def _invoiced(event: LeasesInvoiced) -> Iterator[str]:
    total = micros(event.total_micros, event.currency)
    yield f"{event.payer} is invoiced {total} by {event.payee} for {event.begins:%B %Y}"
    for line in event.lines:
        cost = micros(line.micros, event.currency)
        yield f"  {line.lease} from {line.begins} until {line.ends}: {plain(line.held_hours)} hours, {cost}"


def _price(event: PriceInvoiced) -> Iterator[str]:
    added = micros(event.owed_micros, event.currency)
    yield f"{event.clause} adds {added} for {plain(event.quantity)} in {event.begins:%B %Y}"


_SAID: Final[dict[type, Callable[[Any], Iterator[str]]]] = {
    LedgerOpened: _opened,
    LawInForce: _law,
    AgreementAmended: lambda event: iter((f"{event.agreement} is amended",)),
    NeedFiled: _filed,
    NeedCancelled: lambda event: iter((f"{event.need} is cancelled",)),
    HolderNoticed: _noticed,
    NoticeReceived: _received,
    HolderAnswered: _answered,
    NoticeLapsed: _lapsed,
    MarketOpened: _market,
    RightRevived: _revived,
    BidMade: _bid,
    BidWithdrawn: lambda event: iter((f"the bid {event.bid} is withdrawn",)),
    NeedAwarded: _awarded,
    Granted: _granted,
    LeaseReleased: lambda event: iter((f"{event.lease} is released from {event.on}",)),
    Approved: _approved,
    EventRecorded: _happened,
    MeterRead: _read,
    ReadingReversed: lambda event: iter((f"the reading {event.reading} is reversed: {event.why}",)),
    WindowSettled: _settled,
    LeasesInvoiced: _invoiced,
    PriceInvoiced: _price,
    CommandRefused: _refused,
}
