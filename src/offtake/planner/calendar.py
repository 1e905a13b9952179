"""The horizon as periods: months, quarters or years, cut again on every day on which the law or a scenario changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from offtake.domain.clauses import Window
from offtake.domain.estate import Horizon
from offtake.domain.quantities import HOURS_PER_YEAR

DAYS_PER_YEAR: Final = 365.25
MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
MAXIMUM_PERIODS: Final = 2000


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `begins` up to, not including, `ends`. `discount` is the factor at its middle."""

    label: str
    begins: date
    ends: date
    hours: float
    discount: float

    @property
    def days(self) -> int:
        """Days in the period."""
        return self.ends.toordinal() - self.begins.toordinal()

    @property
    def years(self) -> float:
        """The period in years of 365.25 days."""
        return self.days / DAYS_PER_YEAR

    def share_within(self, begins: date | None, ends: date | None) -> float:
        """The share of the period's days that lie in [begins, ends)."""
        first = self.begins if begins is None else max(self.begins, begins)
        last = self.ends if ends is None else min(self.ends, ends)
        return max(0, last.toordinal() - first.toordinal()) / self.days


@dataclass(frozen=True, slots=True)
class Calendar:
    """The periods of a plan in order, and the days on which a change of law cut one."""

    periods: tuple[Period, ...]
    cuts: tuple[date, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """One label a period."""
        return tuple(period.label for period in self.periods)

    def discounts(self) -> NDArray[np.float64]:
        """Discount factors by period."""
        return np.array([period.discount for period in self.periods])

    def hours(self) -> NDArray[np.float64]:
        """Hours by period."""
        return np.array([period.hours for period in self.periods])


def calendar_of(horizon: Horizon, changes: Iterable[date]) -> Calendar:
    """The periods of a horizon, each cut at the changes that fall inside it.

    A period's label is its month, quarter or year; the pieces of a cut one carry the day they begin.
    """
    grid = _grid(horizon)
    inside = {day for day in changes if horizon.begins < day < horizon.ends}
    cuts = tuple(sorted(inside - set(grid)))
    edges = sorted({*grid, *cuts, horizon.ends})
    rate = 0.0 if horizon.discount is None else horizon.discount.value
    periods: list[Period] = []
    for begins, ends in pairwise(edges):
        days = ends.toordinal() - begins.toordinal()
        middle = (begins.toordinal() + ends.toordinal()) / 2 - horizon.begins.toordinal()
        label = _label(begins, horizon.periods)
        if begins not in grid:
            label = f"{label} from {begins.isoformat()}"
        periods.append(
            Period(
                label,
                begins,
                ends,
                days * HOURS_PER_YEAR / DAYS_PER_YEAR,
                (1 + rate) ** (-middle / DAYS_PER_YEAR),
            )
        )
    return Calendar(tuple(periods), cuts)


def _grid(horizon: Horizon) -> list[date]:
    step = MONTHS[horizon.periods]
    edges = [horizon.begins]
    month = horizon.begins.year * 12 + horizon.begins.month - 1
    month -= month % step
    for _ in range(MAXIMUM_PERIODS):
        month += step
        edge = date(month // 12, month % 12 + 1, 1)
        if edge >= horizon.ends:
            break
        edges.append(edge)
    return edges


def _label(day: date, unit: Literal["month", "quarter", "year"]) -> str:
    if unit == "year":
        return str(day.year)
    return f"{day.year}-{day.month:02d}" if unit == "month" else f"{day.year}Q{(day.month + 2) // 3}"


@dataclass(frozen=True, slots=True)
class MeterWindow:
    """One window of a meter: its days, and the share of each period that lies in it. `repeats` counts how often the
    meter's bound applies in it: more than once where a period is longer than the window."""

    label: str
    begins: date
    ends: date
    shares: tuple[tuple[int, float], ...]  # (period, share of its days)
    repeats: float


def meter_windows(
    calendar: Calendar, window: Window, begins: date | None, ends: date | None
) -> tuple[MeterWindow, ...]:
    """The windows of a meter within the horizon.

    Windows are calendar months, quarters or years; `term` is the meter's whole life; `any-time` and `minute` are every
    period by itself. A window that the meter's life or the horizon cuts short counts for the share of it that is left
    (a `term` for the share inside the horizon). Where windows are shorter than the periods, each period is one, with
    as many of them as its months make.
    """
    first, last = calendar.periods[0].begins, calendar.periods[-1].ends
    begins = first if begins is None else begins
    ends = last if ends is None else ends
    start, stop = max(first, begins), min(last, ends)
    if start >= stop:
        return ()
    if window == "term":
        whole = ends.toordinal() - begins.toordinal()
        repeats = (stop.toordinal() - start.toordinal()) / whole
        return (MeterWindow("term", start, stop, _shares(calendar, start, stop), repeats),)
    if window in ("any-time", "minute"):
        return tuple(
            MeterWindow(p.label, p.begins, p.ends, ((n, 1.0),), 1.0)
            for n, p in enumerate(calendar.periods)
            if p.begins < stop and p.ends > start
        )
    found: list[MeterWindow] = []
    step = MONTHS[window]
    if max(round(period.days / 30.4375) for period in calendar.periods) > step:
        for n, period in enumerate(calendar.periods):
            low, high = max(period.begins, start), min(period.ends, stop)
            if low < high:
                count = sum(share for _, _, share in months_of(low, high)) / step
                shares = ((n, period.share_within(low, high)),)
                found.append(MeterWindow(period.label, low, high, shares, count))
        return tuple(found)
    for label, opens, closes in _calendar_windows(calendar, step):
        low, high = max(opens, start), min(closes, stop)
        if low < high:
            part = (high.toordinal() - low.toordinal()) / (closes.toordinal() - opens.toordinal())
            found.append(MeterWindow(label, low, high, _shares(calendar, low, high), part))
    return tuple(found)


def months_of(begins: date, ends: date) -> Iterator[tuple[date, date, float]]:
    """The calendar months that [begins, ends) touches: the days of each inside it, and their share of the month."""
    day = begins
    while day < ends:
        opens = day.replace(day=1)
        closes = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        high = min(closes, ends)
        yield day, high, (high.toordinal() - day.toordinal()) / (closes.toordinal() - opens.toordinal())
        day = closes


def _calendar_windows(calendar: Calendar, step: int) -> list[tuple[str, date, date]]:
    """Calendar months, quarters or years that the horizon touches."""
    first, last = calendar.periods[0].begins, calendar.periods[-1].ends
    month = first.year * 12 + first.month - 1
    month -= month % step
    found: list[tuple[str, date, date]] = []
    for _ in range(MAXIMUM_PERIODS):
        opens = date(month // 12, month % 12 + 1, 1)
        month += step
        if opens >= last:
            break
        closes = date(month // 12, month % 12 + 1, 1)
        name: Literal["month", "quarter", "year"] = (
            "year" if step >= 12 else "quarter" if step >= 3 else "month"
        )
        found.append((_label(opens, name), opens, closes))
    return found


def _shares(calendar: Calendar, begins: date, ends: date) -> tuple[tuple[int, float], ...]:
    shares = ((n, period.share_within(begins, ends)) for n, period in enumerate(calendar.periods))
    return tuple((n, share) for n, share in shares if share > 0)
