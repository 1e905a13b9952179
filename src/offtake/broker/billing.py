"""What a ledger's leases, readings and settled windows come to as charges of bills, month by month.

Money is in whole micro-units, cut so that the months of a lease add up to what its postings commit, less what a release
waived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final

from offtake.broker.applying import UNITS, applied_to, money
from offtake.broker.counting import HOURS_PER_DAY, months
from offtake.broker.entries import Entry
from offtake.broker.eras import Era, Eras
from offtake.broker.events import MeterRead, PriceInvoiced, ReadingReversed, WindowSettled
from offtake.broker.invoicing import owed_until
from offtake.broker.library import Library
from offtake.broker.state import State
from offtake.broker.terms import Lease
from offtake.domain.charges import AI_SERVICES, OWN_CLAUSE, OWN_PRODUCT, Applied, Category, Charge

OWN_TENANT: Final = "x_OfftakeTenant"
OWN_NEED: Final = "x_OfftakeNeed"
OWN_ENTRY: Final = "x_OfftakeEntry"
SERVICE: Final = "AI compute"


@dataclass(frozen=True, slots=True)
class Bills:
    """Charges until a day; `left_out` says in words what of the ledger is in none. `eras` are the laws that they were
    made under."""

    charges: tuple[Charge, ...]
    left_out: tuple[str, ...]
    eras: tuple[Era, ...]


def bills(library: Library, state: State, entries: Iterable[Entry], until: date) -> Bills:
    """The charges of a ledger for the days before `until`: leases by the month, readings, shortfalls and drawings.

    The library must hold every estate that the entries name. A lease's charge counts towards the commitments of the law
    in force on its days.
    """
    known = Eras(library)
    charges: list[Charge] = []
    left_out: list[str] = []
    readings: dict[str, MeterRead] = {}
    for entry in entries:
        known.learn(entry)
        for event in entry.events:
            if isinstance(event, MeterRead):
                readings[event.id] = event
                if not event.owed_micros:
                    left_out.append(f"entry {entry.seq}: reading {event.id} of {event.clause} owes nothing")
                charges += _read(event, entry, event.owed_micros, until, correction=False)
            elif isinstance(event, ReadingReversed):
                charges += _read(readings[event.reading], entry, -event.owed_micros, until, correction=True)
            elif isinstance(event, PriceInvoiced):
                charges += _priced(event, entry, until)
            elif isinstance(event, WindowSettled):
                found = list(_settled(event, entry))
                charges += found
                if not found and (event.billed_micros or event.drawn_micros):
                    left_out.append(f"entry {entry.seq}: {event.clause} names no currency")
    eras = known.until(state)
    leases = [
        one for id in sorted(state.leases) for one in _lease(eras, state, state.leases[id], until, left_out)
    ]
    return Bills((*leases, *charges), tuple(left_out), eras)


def _lease(
    eras: Sequence[Era], state: State, lease: Lease, until: date, left_out: list[str]
) -> Iterator[Charge]:
    """A lease by the month: held days as usage, days after an early release as what stays owed of them."""
    facts = eras[-1].rules.supply(lease.supply)
    deal = state.deals.get(lease.need)
    parts = [
        part
        for low, high in months(lease.begins, lease.ends)
        for part in ((low, min(high, lease.held_until), True), (max(low, lease.held_until), high, False))
        if part[0] < part[1]
    ]
    for low, high, held in parts:
        cost = money(owed_until(lease, high) - owed_until(lease, low))
        if high > until or (not held and not cost):
            continue
        hours = lease.quantity * HOURS_PER_DAY * (high - low).days
        applied, without = applied_to(eras, lease, None if deal is None else deal.need, low, high)
        left_out += without
        yield _charge(
            "Usage" if held else "Adjustment",
            facts.provider or lease.supplier,
            lease.currency,
            cost,
            (low, high),
            description=f"lease {lease.id} of {lease.supply}"
            if held
            else f"kept owed of lease {lease.id}, given back on {lease.released}",
            quantity=hours if held else None,
            unit=UNITS[lease.measure] if held else None,
            unit_price=lease.price if held else None,
            region=facts.region,
            names=(f"{lease.supply}@{lease.price}", lease.supply, lease.id, ""),
            applied=applied,
            own={
                OWN_TENANT: lease.tenant,
                OWN_NEED: lease.need,
                **({} if facts.product is None else {OWN_PRODUCT: facts.product}),
            },
        )


def _read(event: MeterRead, entry: Entry, micros: int, until: date, *, correction: bool) -> Iterator[Charge]:
    if event.currency is None or not micros or event.ends > until:
        return
    yield _charge(
        "Adjustment" if correction else "Usage",
        event.payee or "payee",
        event.currency,
        money(micros),
        (event.begins, event.ends),
        correction=correction,
        description=f"{'reversal of ' if correction else ''}reading {event.id} of {event.clause}",
        quantity=None if correction else event.amount,
        unit=None if correction else "Counts",
        names=(event.clause, event.clause, "", ""),
        own={OWN_TENANT: event.payer or "payer", OWN_CLAUSE: event.clause, OWN_ENTRY: str(entry.seq)},
    )


def _priced(event: PriceInvoiced, entry: Entry, until: date) -> Iterator[Charge]:
    """What a price clause adds to a month of leases."""
    if event.ends > until or not event.owed_micros:
        return
    yield _charge(
        "Usage" if event.owed_micros > 0 else "Adjustment",
        event.payee,
        event.currency,
        money(event.owed_micros),
        (event.begins, event.ends),
        description=f"{event.clause} on leases",
        quantity=event.quantity if event.owed_micros > 0 else None,
        unit="Counts" if event.owed_micros > 0 else None,
        names=(event.primitive, event.clause, "", ""),
        own={OWN_TENANT: event.payer, OWN_CLAUSE: event.clause, OWN_ENTRY: str(entry.seq)},
    )


def _settled(event: WindowSettled, entry: Entry) -> Iterator[Charge]:
    """A shortfall as what is billed for a commitment that was not taken up; what is drawn of it later as a credit."""
    if event.currency is None:
        return
    said: tuple[tuple[Category, int, str], ...] = (
        ("Adjustment", event.billed_micros, "shortfall of"),
        ("Credit", -event.drawn_micros, "drawn from earlier windows of"),
    )
    for category, micros, what in said:
        if micros:
            yield _charge(
                category,
                event.payee or "payee",
                event.currency,
                money(micros),
                (event.begins, event.ends),
                description=f"{what} {event.clause}",
                names=("", event.clause, "", ""),
                own={OWN_TENANT: event.payer or "payer", OWN_CLAUSE: event.clause, OWN_ENTRY: str(entry.seq)},
            )


def _charge(
    category: Category,
    provider: str,
    currency: str,
    cost: Decimal,
    days: tuple[date, date],
    *,
    description: str,
    names: tuple[str, ...],
    own: dict[str, str],
    correction: bool = False,
    quantity: Decimal | None = None,
    unit: str | None = None,
    unit_price: Decimal | None = None,
    region: str | None = None,
    applied: tuple[Applied, ...] = (),
) -> Charge:
    begins, ends = (datetime.combine(day, time(), UTC) for day in days)
    month = datetime.combine(days[0].replace(day=1), time(), UTC)
    following = datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)
    return Charge(
        category,
        provider,
        currency,
        cost,
        begins,
        ends,
        month,
        max(following, ends),
        effective=cost,
        correction=correction,
        description=description,
        service=SERVICE,
        service_category=AI_SERVICES,
        quantity=quantity,
        unit=unit,
        unit_price=unit_price,
        region=region,
        names=names,
        applied=applied,
        own=own,
    )
