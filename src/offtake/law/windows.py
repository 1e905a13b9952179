"""The windows that meters count in: calendar months, quarters and years, the term, or any moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from offtake.domain.clauses import Window
from offtake.domain.selection import Interval

_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}


def window_at(window: Window, day: date, begins: date | None = None, ends: date | None = None) -> Interval:
    """The window that a day is in. A term runs over [begins, ends); a moment or a minute is held as its day,
    for a position knows days only (who counts minutes gives the reading of the running minute)."""
    if window == "term":
        return Interval(begins or date.min, ends)
    months = _MONTHS.get(window)
    if months is None:
        return Interval(day, _next_day(day))
    first = (day.month - 1) // months * months
    following = day.year * 12 + first + months
    if following // 12 > date.max.year:
        return Interval(date(day.year, first + 1, 1), None)
    return Interval(date(day.year, first + 1, 1), date(following // 12, following % 12 + 1, 1))


def windows_over(window: Window, begins: date, ends: date) -> Iterator[Interval]:
    """The windows that share a day with [begins, ends), in the order of time; the term once."""
    day = begins
    while day < ends:
        found = window_at(window, day, begins, ends)
        yield found
        if found.ends is None or found.ends <= day:
            return
        day = found.ends


def windows_in_days(window: Window, begins: date, ends: date) -> Decimal:
    """How many windows [begins, ends) comes to, one that is cut short by the share of its days; a term is one."""
    if window == "term":
        return Decimal(1)
    return sum(
        (
            Decimal((min(one.ends or ends, ends) - max(one.begins, begins)).days)
            / ((one.ends or ends) - one.begins).days
            for one in windows_over(window, begins, ends)
        ),
        Decimal(0),
    )


def _next_day(day: date) -> date | None:
    return None if day == date.max else date.fromordinal(day.toordinal() + 1)
