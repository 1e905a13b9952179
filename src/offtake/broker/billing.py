"""What a ledger's leases, readings and settled windows come to as charges of bills, month by month.

Money is in whole micro-units, cut so that the months of a lease add up to what its postings commit, less what a release
waived.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final

from offtake.broker.counting import HOURS_PER_DAY, acquisition, months
from offtake.broker.entries import Entry
from offtake.broker.events import MeterRead, PriceInvoiced, ReadingReversed, WindowSettled
from offtake.broker.invoicing import owed_until
from offtake.broker.library import Rules
from offtake.broker.settling import commitments
from offtake.broker.state import State
from offtake.broker.terms import Lease
from offtake.domain.charges import AI_SERVICES, OWN_CLAUSE, OWN_PRODUCT, Applied, Category, Charge
from offtake.law.meters import burns
from offtake.law.primitives import Meter

MICROS: Final = 1_000_000
UNITS: Final = {"accelerators": "Accelerator-Hours", "units": "Unit-Hours", "power": "MW-Hours"}
OWN_TENANT: Final = "x_OfftakeTenant"
OWN_NEED: Final = "x_OfftakeNeed"
OWN_ENTRY: Final = "x_OfftakeEntry"
SERVICE: Final = "AI compute"


@dataclass(frozen=True, slots=True)
class Bills:
    """Charges until a day; `left_out` says in words what of the ledger is in none."""

    charges: tuple[Charge, ...]
    left_out: tuple[str, ...]


def bills(rules: Rules, state: State, entries: Iterable[Entry], until: date) -> Bills:
    """The charges of a ledger for the days before `until`: leases by the month, readings, shortfalls and drawings."""
    charges: list[Charge] = []
    left_out: list[str] = []
    readings: dict[str, MeterRead] = {}
    for entry in entries:
        for event in entry.events:
            if isinstance(event, MeterRead):
                readings[event.id] = event
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
    leases = [one for id in sorted(state.leases) for one in _lease(rules, state.leases[id], until)]
    return Bills((*leases, *charges), tuple(left_out))


def _lease(rules: Rules, lease: Lease, until: date) -> Iterator[Charge]:
    """A lease by the month: held days as usage, days after an early release as what stays owed of them."""
    facts = rules.supply(lease.supply)
    counted = _counting(rules, lease)
    parts = [
        part
        for low, high in months(lease.begins, lease.ends)
        for part in ((low, min(high, lease.held_until), True), (max(low, lease.held_until), high, False))
        if part[0] < part[1]
    ]
    for low, high, held in parts:
        cost = _money(owed_until(lease, high) - owed_until(lease, low))
        if high > until or (not held and not cost):
            continue
        hours = lease.quantity * HOURS_PER_DAY * (high - low).days
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
            applied=tuple(_applied(meter, lease, cost, hours if held else Decimal(0)) for meter in counted),
            own={
                OWN_TENANT: lease.tenant,
                OWN_NEED: lease.need,
                **({} if facts.product is None else {OWN_PRODUCT: facts.product}),
            },
        )


def _counting(rules: Rules, lease: Lease) -> tuple[Meter, ...]:
    """The commitments that a lease counts towards in a measure that a bill can state."""
    action = acquisition(rules, lease)
    return tuple(
        meter
        for meter in commitments(rules)
        if burns(meter, rules.law, action)
        and (
            (meter.measure == "money" and meter.currency == lease.currency)
            or (meter.measure in ("accelerator-hours", "accelerators") and lease.measure == "accelerators")
            or (meter.measure == "units" and lease.measure == "units")
        )
    )


def _applied(meter: Meter, lease: Lease, cost: Decimal, hours: Decimal) -> Applied:
    contract = meter.origin.clause.partition(".")[0]
    if meter.measure == "money":
        return Applied(contract, meter.origin.clause, cost=cost)
    return Applied(contract, meter.origin.clause, quantity=hours, unit=UNITS[lease.measure])


def _read(event: MeterRead, entry: Entry, micros: int, until: date, *, correction: bool) -> Iterator[Charge]:
    if event.currency is None or not micros or event.ends > until:
        return
    yield _charge(
        "Adjustment" if correction else "Usage",
        event.payee or "payee",
        event.currency,
        _money(micros),
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
        _money(event.owed_micros),
        (event.begins, event.ends),
        description=f"{event.clause} on leases",
        quantity=event.quantity if event.owed_micros > 0 else None,
        unit="Counts" if event.owed_micros > 0 else None,
        names=(event.clause, event.clause, "", ""),
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
                _money(micros),
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


def _money(micros: int) -> Decimal:
    return Decimal(micros) / MICROS
