"""Double entry derived again: what events move between accounts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Decimal

from offtake.broker.entries import Entry
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
from offtake.broker.verification.books import Held
from offtake.broker.verification.findings import micros
from offtake.broker.verification.inspection import Audit


def moved(audit: Audit, entry: Entry) -> Iterable[tuple[str, str, int]]:
    """What an entry's events move, by account and unit, without what cancels out."""
    sums: Counter[tuple[str, str]] = Counter()

    def move(debit: str, credit: str, unit: str, amount: int) -> None:
        sums[debit, unit] += amount
        sums[credit, unit] -= amount

    for event in entry.events:
        _moves(audit, event, move)
    return [(account, unit, amount) for (account, unit), amount in sums.items() if amount]


def _moves(audit: Audit, event: Event, move: Callable[[str, str, str, int], None]) -> None:
    match event:
        case NeedAwarded():
            for grant in event.grants:
                lease = audit.books.leases[grant.lease]
                hours = lease.quantity * 24 * (lease.need.ends - lease.need.begins).days
                tenant = lease.need.party
                move(
                    f"{tenant}:committed",
                    f"{lease.supplier}:backlog",
                    lease.currency,
                    micros(hours * lease.price),
                )
                move(
                    f"{tenant}:capacity-leased",
                    f"{lease.supplier}:capacity-sold",
                    _hours(lease),
                    _thousandths(hours),
                )
        case LeaseReleased():
            lease = audit.books.leases[event.lease]
            hours = lease.quantity * 24 * (lease.need.ends - event.on).days
            tenant = lease.need.party
            move(f"{lease.supplier}:backlog", f"{tenant}:committed", lease.currency, event.waived_micros)
            move(
                f"{lease.supplier}:capacity-sold",
                f"{tenant}:capacity-leased",
                _hours(lease),
                _thousandths(hours),
            )
        case WindowSettled():
            payer, payee = f"{event.payer or 'payer'}:shortfall", f"{event.payee or 'payee'}:receivable"
            move(payer, payee, event.currency or "XXX", event.billed_micros - event.drawn_micros)
        case LeasesInvoiced():
            move(f"{event.payee}:backlog", f"{event.payer}:committed", event.currency, event.total_micros)
            move(f"{event.payer}:payable", f"{event.payee}:receivable", event.currency, event.total_micros)
        case PriceInvoiced():
            move(f"{event.payer}:payable", f"{event.payee}:receivable", event.currency, event.owed_micros)
        case MeterRead() if event.currency is not None:
            move(
                f"{event.payer or 'payer'}:owed",
                f"{event.payee or 'payee'}:receivable",
                event.currency,
                event.owed_micros,
            )
        case ReadingReversed():
            read = audit.books.readings[event.reading]
            if read.currency is not None:
                move(
                    f"{read.payer or 'payer'}:owed",
                    f"{read.payee or 'payee'}:receivable",
                    read.currency,
                    -event.owed_micros,
                )
        case _:
            pass


def _thousandths(hours: Decimal) -> int:
    return int((hours * 1000).to_integral_value(rounding=ROUND_HALF_EVEN))


def _hours(lease: Held) -> str:
    names = {"accelerators": "accelerator-hour", "units": "unit-hour", "power": "MW-hour"}
    return f"{names[lease.need.measure]}/1000"
