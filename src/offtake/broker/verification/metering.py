"""Readings and the prices that owe by them, and windows of commitments settled again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from offtake.broker.events import MeterRead, ReadingReversed, WindowSettled
from offtake.broker.verification.books import LEVEL_MEASURES, NOTHING, Noted, Window
from offtake.broker.verification.findings import Broken, follows, micros, near
from offtake.broker.verification.inspection import Audit
from offtake.broker.verification.invoiced import counted_before
from offtake.broker.verification.priced import total
from offtake.law.primitives import PriceSchedule
from offtake.law.windows import window_at


def metered(audit: Audit, event: MeterRead | ReadingReversed | WindowSettled) -> None:
    """Whether what is read, taken back or settled comes to what is stated."""
    match event:
        case MeterRead():
            _read(audit, event)
        case ReadingReversed():
            reading = audit.books.readings.get(event.reading)
            if reading is None:
                raise Broken(f"there is no reading `{event.reading}`")
            follows(reading.id not in audit.books.gone, "it was reversed before")
            schedule = _schedule(audit, reading.primitive)
            before = _owing(audit, schedule, reading.begins) if schedule else NOTHING
            tally = audit.tally
            audit.books.gone.add(reading.id)
            tally.reading(reading, -1)
            after = _owing(audit, schedule, reading.begins) if schedule else NOTHING
            follows(
                abs(micros(before - after) - event.owed_micros) <= 1,
                "what is owed less is another amount",
            )
        case WindowSettled():
            _settled(audit, event)


def _read(audit: Audit, event: MeterRead) -> None:
    follows(event.id not in audit.books.readings, f"there is a reading `{event.id}` already")
    follows(event.amount >= 0 and event.begins < event.ends, "a reading counts something on some days")
    schedule = _schedule(audit, event.primitive)
    known = schedule is not None or any(meter.id == event.primitive for meter in audit.rules.law.meters)
    follows(known, f"nothing is counted under {event.primitive}")
    before = _owing(audit, schedule, event.begins) if schedule else NOTHING
    tally = audit.tally
    noted = audit.books.readings[event.id] = Noted(
        event.id,
        event.primitive,
        event.begins,
        event.ends,
        event.amount,
        event.owed_micros,
        event.payer,
        event.payee,
        event.currency,
    )
    tally.reading(noted, 1)
    after = _owing(audit, schedule, event.begins) if schedule else NOTHING
    follows(abs(micros(after - before) - event.owed_micros) <= 1, "what is owed is another amount")


def _schedule(audit: Audit, primitive: str) -> PriceSchedule | None:
    return next((one for one in audit.rules.law.prices if one.id == primitive), None)


def _owing(audit: Audit, schedule: PriceSchedule, day: date) -> Decimal:
    """What a price makes everything read and invoiced in a window cost, tier by tier."""
    window = window_at(schedule.window, day, schedule.scope.begins, schedule.scope.ends)
    return total(schedule, counted_before(audit, schedule, window.begins))


def _settled(audit: Audit, event: WindowSettled) -> None:
    meter = next((one for one in audit.rules.law.meters if one.id == event.meter), None)
    if meter is None or meter.lower is None:
        raise Broken(f"the law knows no commitment {event.meter}")
    follows(event.ends <= audit.at.date(), f"the window ends on {event.ends}")
    earlier = audit.books.windows.setdefault(meter.id, [])
    follows(not earlier or earlier[-1].ends == event.begins, "windows are settled one after the other")
    follows(
        audit.books.opened is not None and event.begins >= audit.books.opened.date(),
        "it began before the ledger",
    )
    whole = window_at(meter.window, event.begins, meter.scope.begins, meter.scope.ends)
    opens = max(whole.begins, meter.scope.begins or date.min)
    closes = min(whole.ends or date.max, meter.scope.ends or date.max)
    follows((event.begins, event.ends) == (opens, closes), f"the window is {opens} until {closes}")
    lower = meter.lower
    if meter.window != "term" and meter.measure not in LEVEL_MEASURES and whole.ends is not None:
        lower = lower * (closes - opens).days / (whole.ends - whole.begins).days
    follows(event.lower == lower, f"{lower} were committed")
    taken = audit.tally.counted.get((meter.id, whole.begins), NOTHING)
    follows(near(event.taken, taken), f"{taken} were taken, not {event.taken}")
    drawn, short = _drawn(earlier, event.taken, lower)
    follows((event.drawn, event.short) == (drawn, short), f"{drawn} were drawn and {short} short")
    hours = 24 * (closes - opens).days if meter.measure in LEVEL_MEASURES else 1
    price = (meter.shortfall_price or NOTHING) * hours
    follows(event.billed_micros == micros(short * price), "another amount was billed")
    follows(event.drawn_micros == micros(drawn * price), "another amount was credited")
    paid = Decimal(event.billed_micros - event.drawn_micros) / 1_000_000
    keeps = 0 if meter.perishable else meter.make_up_windows
    tally = audit.tally
    earlier.append(Window(opens, closes, lower, event.taken, short, short if keeps else NOTHING, keeps, paid))
    tally.paid(meter.id, opens, paid)


def _drawn(earlier: Sequence[Window], taken: Decimal, lower: Decimal) -> tuple[Decimal, Decimal]:
    """What is drawn from earlier windows, the oldest first while they last, and what is short."""
    want, drawn = max(taken - lower, NOTHING), NOTHING
    for age, window in zip(range(len(earlier), 0, -1), earlier, strict=True):
        if age <= window.drawable_windows:
            use = min(window.left, want - drawn)
            window.left -= use
            drawn += use
    return drawn, max(lower - taken, NOTHING)
