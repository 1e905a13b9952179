"""Months that leases ran: what each is invoiced for, and what price clauses add. Judged from recorded times alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from offtake.broker.counting import (
    HOURS_PER_DAY,
    LEVELS,
    burnt,
    charge,
    flow_over,
    in_scope,
    windows_in,
)
from offtake.broker.events import InvoiceLine, LeasesInvoiced, PriceInvoiced
from offtake.broker.library import Rules
from offtake.broker.profile import ZERO, Profile
from offtake.broker.state import Draft, State
from offtake.broker.terms import Lease
from offtake.law.pricing import micro_units, owed
from offtake.law.pricing import total as price_of
from offtake.law.primitives import Meter, PriceSchedule
from offtake.law.windows import window_at


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The days of a lease that an invoice is for."""

    lease: Lease
    begins: date
    ends: date


def owed_until(lease: Lease, day: date) -> int:
    """What a lease owes for its days before one, in micro-units: what its postings commit it to, once it is over."""
    if day < _last_day(lease):
        return micro_units(charge(lease, lease.begins, day))
    unreleased = replace(lease, released=None)
    total = micro_units(charge(unreleased, lease.begins, lease.ends))
    if lease.released is None:
        return total
    rest = charge(unreleased, lease.released, lease.ends)
    return total - micro_units(rest - charge(lease, lease.released, lease.ends))


def invoiced_until(state: State | Draft, lease: Lease) -> date:
    """The first day of a lease that no invoice is for."""
    return state.invoiced.get(lease.id, lease.begins)


def next_invoice(state: State | Draft, lease: Lease) -> date | None:
    """The day on which a lease's next month is over; None if nothing is left to invoice."""
    begins = invoiced_until(state, lease)
    if begins >= _last_day(lease):
        return None
    return month_end(begins)


def month_end(day: date) -> date:
    """The first day of the month after a day's."""
    return window_at("month", day).ends or date.max


def _last_day(lease: Lease) -> date:
    """The first day on which a lease owes nothing more."""
    return lease.held_until if not lease.release_share else lease.ends


def invoices(rules: Rules, state: State) -> tuple[LeasesInvoiced | PriceInvoiced, ...]:
    """The invoices of the first month that is due: one for each payer, payee and currency, then what prices add."""
    on = min(state.billing)
    month = month_of(on)
    chunks = [
        _Chunk(lease, invoiced_until(state, lease), min(on, _last_day(lease)))
        for lease in (state.leases[id] for id in sorted(state.billing[on]))
    ]
    groups: dict[tuple[str, str, str], list[InvoiceLine]] = {}
    for chunk in chunks:
        key = (chunk.lease.tenant, chunk.lease.supplier, chunk.lease.currency)
        groups.setdefault(key, []).append(_line(chunk))
    leases = tuple(
        LeasesInvoiced(
            payer=payer,
            payee=payee,
            currency=currency,
            begins=month,
            ends=on,
            lines=tuple(lines),
            total_micros=sum(line.micros for line in lines),
        )
        for (payer, payee, currency), lines in sorted(groups.items())
    )
    return (*leases, *_prices(rules, state, chunks, month, on))


def month_of(on: date) -> date:
    """The first day of the month that ends before a day."""
    return date.fromordinal(on.toordinal() - 1).replace(day=1)


def _line(chunk: _Chunk) -> InvoiceLine:
    lease = chunk.lease
    micros = owed_until(lease, chunk.ends) - owed_until(lease, chunk.begins)
    held = max((min(chunk.ends, lease.held_until) - chunk.begins).days, 0)
    return InvoiceLine(
        lease=lease.id,
        begins=chunk.begins,
        ends=chunk.ends,
        held_hours=lease.quantity * HOURS_PER_DAY * held,
        micros=micros,
    )


def _prices(
    rules: Rules, state: State, chunks: Sequence[_Chunk], month: date, on: date
) -> Iterator[PriceInvoiced]:
    for schedule, meter in rules.counters:
        mine = [chunk for chunk in chunks if _counts(rules, state, meter, chunk.lease)]
        if not mine:
            continue
        if meter.measure in LEVELS:
            amounts: Mapping[date, tuple[Decimal, int]] = {
                month: _by_level(state, schedule, meter, month, on)
            }
        else:
            amounts = _by_window(rules, state, schedule, meter, mine)
        for window, (quantity, micros) in amounts.items():
            if quantity:
                yield PriceInvoiced(
                    clause=schedule.origin.clause,
                    primitive=schedule.id,
                    begins=month,
                    ends=on,
                    window=window,
                    quantity=quantity,
                    owed_micros=micros,
                    payer=schedule.payer,
                    payee=schedule.payee,
                    currency=schedule.currency,
                )


def _counts(rules: Rules, state: State, meter: Meter, lease: Lease) -> bool:
    _, counters = burnt(rules, lease, rules.workload(state.deals[lease.need].need))
    return any(counter.id == meter.id for _, counter in counters)


def _by_window(
    rules: Rules, state: State, schedule: PriceSchedule, meter: Meter, chunks: Iterable[_Chunk]
) -> dict[date, tuple[Decimal, int]]:
    """What leases counted, by window, on top of what was read and invoiced there before."""
    sums: dict[date, Decimal] = {}
    for chunk in chunks:
        begins, ends = in_scope(meter, chunk.begins, chunk.ends)
        for window in windows_in(meter, begins, ends) if begins < ends else ():
            opens = max(begins, window.begins)
            closes = ends if window.ends is None else min(ends, window.ends)
            amount = flow_over(rules, chunk.lease, meter, window, opens, closes) or ZERO
            sums[window.begins] = sums.get(window.begins, ZERO) + amount
    return {
        begins: (amount, micro_units(owed(schedule, amount, counted_before(state, schedule.id, begins))))
        for begins, amount in sums.items()
    }


def counted_before(state: State, primitive: str, window: date) -> Decimal:
    """What a window of a price is owed for already: what was read there, and what leases were invoiced for."""
    key = (primitive, window)
    return state.owed.get(key, ZERO) + state.priced.get(key, ZERO)


def _by_level(
    state: State, schedule: PriceSchedule, meter: Meter, month: date, on: date
) -> tuple[Decimal, int]:
    """What stood on the days of a month, in hours, and what it costs beyond what that month was invoiced for before."""
    begins, ends = in_scope(meter, month, on)
    profile = state.levels.get(schedule.id, Profile())
    hours = cost = ZERO
    for ordinal in range(begins.toordinal(), ends.toordinal()):
        level = profile.on(date.fromordinal(ordinal))
        hours += level * HOURS_PER_DAY
        cost += price_of(schedule, level) * HOURS_PER_DAY
    return hours, micro_units(cost) - int(state.priced.get((schedule.id, month), ZERO))


def bill(draft: Draft, lease: Lease) -> None:
    """Makes a lease's next month due when it is over, and no other month of it."""
    day = draft.billed_on.get(lease.id)
    if day is not None:
        left = draft.billing[day] - {lease.id}
        if left:
            draft.billing[day] = left
        else:
            del draft.billing[day]
    due = next_invoice(draft, lease)
    if due is not None:
        draft.billing[due] = draft.billing.get(due, frozenset[str]()) | {lease.id}
        draft.billed_on[lease.id] = due
    elif day is not None:
        del draft.billed_on[lease.id]


def write_invoice(draft: Draft, event: LeasesInvoiced) -> None:
    """Writes down an invoice of leases."""
    for line in event.lines:
        draft.invoiced[line.lease] = line.ends
        bill(draft, draft.leases[line.lease])


def write_price(draft: Draft, rules: Rules, event: PriceInvoiced) -> None:
    """Writes down what a price adds to a month that was invoiced."""
    meter = next((meter for schedule, meter in rules.counters if schedule.id == event.primitive), None)
    counted = Decimal(event.owed_micros) if meter is not None and meter.measure in LEVELS else event.quantity
    key = (event.primitive, event.window)
    draft.priced[key] = draft.priced.get(key, ZERO) + counted
