"""Invoices told again: every day of a lease once, at what it costs, and what price clauses add to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from offtake.broker.events import LeasesInvoiced, PriceInvoiced
from offtake.broker.verification.books import LEVEL_MEASURES, NOTHING, Held, flow
from offtake.broker.verification.findings import Broken, follows, micros, near
from offtake.broker.verification.inspection import Audit
from offtake.broker.verification.priced import total
from offtake.broker.verification.tally import in_force, windows_between
from offtake.law.meters import burns
from offtake.law.pricing import counter_of
from offtake.law.primitives import Meter, PriceSchedule

DAY = timedelta(days=1)


def invoiced(audit: Audit, event: LeasesInvoiced | PriceInvoiced) -> None:
    """Whether an invoice is of a month that is over, of days that no other is for, and of what they cost."""
    follows(event.ends <= audit.at.date(), f"the month is over on {event.ends}")
    follows(event.ends.day == 1 and event.begins == (event.ends - DAY).replace(day=1), "it is of one month")
    if isinstance(event, PriceInvoiced):
        _price(audit, event)
        return
    if audit.books.invoicing != event.ends or audit.books.prices_seen:
        prices_complete(audit)
        audit.books.invoicing, audit.books.chunks = event.ends, []
    for line in event.lines:
        lease = audit.books.leases.get(line.lease)
        if lease is None:
            raise Broken(f"there is no lease `{line.lease}`")
        mine = (lease.need.party, lease.supplier, lease.currency)
        follows((event.payer, event.payee, event.currency) == mine, f"{line.lease} is owed to others")
        begins = audit.books.invoiced.get(line.lease, lease.need.begins)
        follows(line.begins == begins, f"{line.lease} is invoiced until {begins}")
        ends = min(event.ends, _over(lease))
        follows(
            line.begins < ends == line.ends and next_month(begins) == event.ends,
            f"{line.lease} is invoiced by the month",
        )
        cost = owed(lease, line.ends) - owed(lease, line.begins)
        follows(line.micros == cost, f"{line.lease} costs {cost} millionths, not {line.micros}")
        hours = lease.quantity * lease.hours(line.begins, line.ends)
        follows(line.held_hours == hours, f"{line.lease} was held for {hours} hours")
        audit.books.invoiced[line.lease] = line.ends
        audit.books.chunks.append((lease, line.begins, line.ends))
    follows(event.total_micros == sum(line.micros for line in event.lines), "its lines add up to another sum")


def next_month(day: date) -> date:
    """The first day of the next month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _over(lease: Held) -> date:
    """The first day on which a lease owes nothing."""
    return lease.until if not lease.kept_share else lease.need.ends


def owed(lease: Held, day: date) -> int:
    """What a lease owes for its days before one, in millionths; of its last day on, what postings committed it to."""
    daily, begins, ends = lease.price * lease.quantity * 24, lease.need.begins, lease.need.ends
    if day >= _over(lease):
        given_back = daily * (ends - lease.until).days
        return micros(daily * (ends - begins).days) - micros(given_back - given_back * lease.kept_share)
    held = max((min(day, lease.until) - begins).days, 0)
    return micros(daily * held + daily * ((day - begins).days - held) * lease.kept_share)


def _price(audit: Audit, event: PriceInvoiced) -> None:
    books = audit.books
    follows(books.invoicing == event.ends, "no lease of that month was invoiced before it")
    expected = dict(_expected(audit, event.primitive))
    found = expected.get((event.primitive, event.window))
    if found is None:
        raise Broken(f"{event.clause} counts nothing in the window from {event.window}")
    schedule, quantity, cost = found
    parties = (schedule.payer, schedule.payee, schedule.currency)
    follows((event.payer, event.payee, event.currency) == parties, "it is owed to others")
    follows(near(event.quantity, quantity), f"{quantity} were counted, not {event.quantity}")
    follows(abs(event.owed_micros - cost) <= 1, f"it adds {cost} millionths, not {event.owed_micros}")
    key = (event.primitive, event.window)
    follows(key not in books.prices_seen, "it was invoiced already")
    books.prices_seen.add(key)
    level = counter_of(schedule).measure in LEVEL_MEASURES
    books.priced[key] = books.priced.get(key, NOTHING) + (
        Decimal(event.owed_micros) if level else event.quantity
    )


def prices_complete(audit: Audit) -> None:
    """Whether every price that counts the leases of the last month invoiced was invoiced with them."""
    missing = {key for key, _ in _expected(audit, None)} - audit.books.prices_seen
    follows(not missing, f"{', '.join(sorted(id for id, _ in missing))} is not invoiced with its leases")
    audit.books.chunks, audit.books.prices_seen = [], set()


def nothing_left_out(audit: Audit, known: set[str]) -> None:
    """Whether no lease that was there before has a month that is over and not invoiced."""
    for id in known:
        lease = audit.books.leases[id]
        begins = audit.books.invoiced.get(id, lease.need.begins)
        if begins < _over(lease):
            follows(next_month(begins) > audit.at.date(), f"{id} is not invoiced from {begins} on")


Expected = tuple[tuple[str, date], tuple[PriceSchedule, Decimal, int]]


def _expected(audit: Audit, only: str | None) -> Iterator[Expected]:
    """What prices count of the leases invoiced for a month, by window, and what it adds."""
    books, law = audit.books, audit.rules.law
    for schedule in law.prices if books.invoicing is not None else ():
        meter = counter_of(schedule)
        mine = [one for one in books.chunks if burns(meter, law, one[0].action(audit.rules))]
        if not mine or only not in (None, schedule.id):
            continue
        if meter.measure in LEVEL_MEASURES:
            yield from _level(audit, schedule, meter)
            continue
        sums: dict[date, Decimal] = {}
        for lease, first, last in mine:
            begins, ends = in_force(meter, first, last)
            for window in windows_between(meter, begins, ends) if begins < ends else ():
                until = ends if window.ends is None else min(ends, window.ends)
                amount = flow(audit.rules, lease, meter, max(begins, window.begins), until)
                sums[window.begins] = sums.get(window.begins, NOTHING) + amount
        for window, amount in sums.items():
            before = counted_before(audit, schedule, window)
            if amount:
                cost = micros(total(schedule, before + amount) - total(schedule, before))
                yield (schedule.id, window), (schedule, amount, cost)


def counted_before(audit: Audit, schedule: PriceSchedule, begins: date) -> Decimal:
    """What was read in a window of a price, and what leases were invoiced for there."""
    key = (schedule.id, begins)
    return audit.tally.read.get(key, NOTHING) + audit.books.priced.get(key, NOTHING)


def _level(audit: Audit, schedule: PriceSchedule, meter: Meter) -> Iterator[Expected]:
    books = audit.books
    if books.invoicing is None:
        return
    month = (books.invoicing - DAY).replace(day=1)
    standing = [
        one for one in books.leases.values() if burns(meter, audit.rules.law, one.action(audit.rules))
    ]
    hours = cost = NOTHING
    day = max(month, meter.scope.begins or date.min)
    while day < min(books.invoicing, meter.scope.ends or date.max):
        level = sum((one.amounts.get(meter.measure, NOTHING) for one in standing if one.on(day)), NOTHING)
        hours, cost, day = hours + level * 24, cost + total(schedule, level) * 24, day + DAY
    key = (schedule.id, month)
    before = books.priced.get(key, NOTHING) if key not in books.prices_seen else NOTHING
    if hours:
        yield key, (schedule, hours, micros(cost) - int(before))
