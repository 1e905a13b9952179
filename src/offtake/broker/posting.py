"""Double entry: what events move between accounts. The lines of every entry sum to nothing in each unit.

Accounts are `party:account`. Money is in micro-units of its currency; accelerator-hours, unit-hours and MW-hours are in
thousandths, written `accelerator-hour/1000` and so on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from offtake.broker.counting import HOURS_PER_DAY
from offtake.broker.events import (
    Event,
    LeaseReleased,
    LeasesInvoiced,
    MeterRead,
    NeedAwarded,
    PriceInvoiced,
    ReadingReversed,
    WindowSettled,
)
from offtake.broker.state import State
from offtake.broker.terms import Lease, Posting
from offtake.law.pricing import micro_units

_HOURS: Final = {
    "accelerators": "accelerator-hour/1000",
    "units": "unit-hour/1000",
    "power": "MW-hour/1000",
}


def postings(state: State, events: Iterable[Event]) -> tuple[Posting, ...]:
    """The lines of an entry, summed by account and unit, in their order; `state` is the one after the events."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for event in events:
        for debit, credit, unit, amount in _moves(state, event):
            sums[debit, unit] += amount
            sums[credit, unit] -= amount
    return tuple(
        Posting(account=account, unit=unit, amount=amount)
        for (account, unit), amount in sorted(sums.items())
        if amount
    )


Move = tuple[str, str, str, int]


def _moves(state: State, event: Event) -> Iterator[Move]:
    match event:
        case NeedAwarded():
            for grant in event.grants:
                lease = state.leases[grant.lease]
                yield from _granted(lease)
        case LeaseReleased():
            lease = state.leases[event.lease]
            yield (
                f"{lease.supplier}:backlog",
                f"{lease.tenant}:committed",
                lease.currency,
                event.waived_micros,
            )
            hours = lease.quantity * HOURS_PER_DAY * (lease.ends - event.on).days
            yield (
                f"{lease.supplier}:capacity-sold",
                f"{lease.tenant}:capacity-leased",
                *_thousandths(lease, hours),
            )
        case WindowSettled():
            yield from _settled(event)
        case LeasesInvoiced():
            yield f"{event.payee}:backlog", f"{event.payer}:committed", event.currency, event.total_micros
            yield f"{event.payer}:payable", f"{event.payee}:receivable", event.currency, event.total_micros
        case PriceInvoiced():
            yield f"{event.payer}:payable", f"{event.payee}:receivable", event.currency, event.owed_micros
        case MeterRead() if event.currency is not None:
            yield from _owed(event.payer, event.payee, event.currency, event.owed_micros)
        case ReadingReversed():
            reading = state.readings[event.reading]
            if reading.currency is not None:
                yield from _owed(reading.payer, reading.payee, reading.currency, -event.owed_micros)
        case _:
            return


def _granted(lease: Lease) -> Iterator[Move]:
    """A lease commits its tenant to its charges, and its supplier to the capacity's hours."""
    days = (lease.ends - lease.begins).days
    hours = lease.quantity * HOURS_PER_DAY * days
    yield (
        f"{lease.tenant}:committed",
        f"{lease.supplier}:backlog",
        lease.currency,
        micro_units(hours * lease.price),
    )
    yield f"{lease.tenant}:capacity-leased", f"{lease.supplier}:capacity-sold", *_thousandths(lease, hours)


def _thousandths(lease: Lease, hours: Decimal) -> tuple[str, int]:
    return _HOURS[lease.measure], int((hours * 1000).to_integral_value())


def _settled(event: WindowSettled) -> Iterator[Move]:
    """What is short is owed, and banked where it may be made up; what is drawn is credited."""
    currency = event.currency or "XXX"
    payer, payee = event.payer or "payer", event.payee or "payee"
    yield f"{payer}:shortfall", f"{payee}:receivable", currency, event.billed_micros
    yield f"{payee}:receivable", f"{payer}:shortfall", currency, event.drawn_micros


def _owed(payer: str | None, payee: str | None, currency: str, micros: int) -> Iterator[Move]:
    yield f"{payer or 'payer'}:owed", f"{payee or 'payee'}:receivable", currency, micros
