"""True-ups: the last day of each window of a commitment, and until when what was paid and not taken may be drawn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from offtake.domain.position import Reading
from offtake.domain.selection import Interval
from offtake.law.diary.entries import HOURS_PER_DAY, Diarist, DiaryEntry, last_day
from offtake.law.diary.terms import LEVELS, said
from offtake.law.primitives import Meter
from offtake.law.windows import windows_over

COUNTED = ("month", "quarter", "year", "term")  # A minute's window is no date in a diary.


def windows(diarist: Diarist, begins: date, ends: date) -> Iterator[DiaryEntry]:
    """What is settled on the last days of windows that touch [begins, ends)."""
    for meter in diarist.law.meters:
        if meter.lower is None or meter.shortfall_price is None or meter.window not in COUNTED:
            continue
        first, last = meter.scope.begins or begins, meter.scope.ends
        until = diarist.position.event_on(meter.scope.until_event)
        if until is not None:
            last = until if last is None else min(last, until)
        if meter.scope.since_event is not None or (last is None and meter.window == "term"):
            continue  # Nobody knows when it begins, or when it is over.
        life = Interval(first, last)
        found = list(
            windows_over(meter.window, max(first, begins), ends if last is None else min(last, ends))
        )
        for window in [life] if meter.window == "term" else found:
            if window.ends is not None:
                yield from _of_window(diarist, meter, life, window)


def _of_window(diarist: Diarist, meter: Meter, life: Interval, window: Interval) -> Iterator[DiaryEntry]:
    held = Interval(max(window.begins, life.begins), _least(window.ends, life.ends))
    if held.ends is None or window.ends is None or held.ends <= held.begins:
        return
    days, whole = (held.ends - held.begins).days, (window.ends - window.begins).days
    part = Decimal(days) / Decimal(whole)
    hours = HOURS_PER_DAY * days if meter.measure in LEVELS else part
    lower, price = meter.lower or Decimal(0), meter.shortfall_price or Decimal(0)
    read = sum((one.amount for one in diarist.position.readings if _is_of(one, meter, window)), Decimal(0))
    left = max(lower * part - read, Decimal(0)) / part
    basis = "what is owed if nothing more is taken" if read else "what is owed if nothing is taken"
    if part < 1:
        basis += f", {days} of the window's {whole} days"
    parties = (meter.payer or "", meter.payee or "")
    name, key = meter.origin.clause, f"{meter.id}/{window.begins}"
    span = f"from {held.begins} to {last_day(held.ends)}"
    yield diarist.entry(
        key,
        last_day(held.ends),
        "true-up",
        name,
        f"{said(meter)} are to be taken {span}",
        parties,
        stake=(left * price * hours, meter.currency, basis),
        origin=meter.origin,
    )
    if meter.make_up_windows and not meter.perishable and meter.window != "term":
        drawn_by = _windows_later(meter, held.ends, meter.make_up_windows)
        yield diarist.entry(
            key,
            last_day(drawn_by),
            "make-up",
            name,
            f"what was paid and not taken {span} may be drawn for the last day",
            parties,
            stake=(lower * price * hours, meter.currency, "if nothing was taken then, nor drawn since"),
            origin=meter.origin,
        )


def _is_of(reading: Reading, meter: Meter, window: Interval) -> bool:
    return reading.meter == meter.id and reading.begins == window.begins


def _windows_later(meter: Meter, day: date, count: int) -> date:
    """The first day after so many more windows."""
    for _ in range(count):
        following = next(iter(windows_over(meter.window, day, date.max))).ends
        if following is None:
            return day
        day = following
    return day


def _least(one: date | None, other: date | None) -> date | None:
    return other if one is None else one if other is None else min(one, other)
