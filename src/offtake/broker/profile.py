"""Levels over days, as steps: what is in use of a capacity or a meter on each day."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Profile:
    """A level on every day: `levels[n]` from `days[n]` (an ordinal) up to the next; nothing before the first."""

    days: tuple[int, ...] = ()
    levels: tuple[Decimal, ...] = ()

    def on(self, day: date) -> Decimal:
        """The level on a day."""
        place = bisect_right(self.days, day.toordinal()) - 1
        return self.levels[place] if place >= 0 else ZERO

    def peak(self, begins: date, ends: date | None) -> tuple[date, Decimal]:
        """The highest level on [begins, ends), and the first day on which it is reached."""
        low = begins.toordinal()
        first = bisect_right(self.days, low) - 1
        last = len(self.days) if ends is None else bisect_left(self.days, ends.toordinal())
        best, at = (self.levels[first] if first >= 0 else ZERO), low
        for place in range(max(first + 1, 0), last):
            if self.levels[place] > best:
                best, at = self.levels[place], self.days[place]
        return date.fromordinal(at), best

    def plus(self, amount: Decimal, begins: date, ends: date | None) -> Profile:
        """The profile with a level more (or less, if negative) on [begins, ends)."""
        if not amount or (ends is not None and ends <= begins):
            return self
        cut = self.cut(begins.toordinal())
        if ends is not None:
            cut = cut.cut(ends.toordinal())
        low = bisect_left(cut.days, begins.toordinal())
        high = len(cut.days) if ends is None else bisect_left(cut.days, ends.toordinal())
        levels = (
            *cut.levels[:low],
            *(level + amount for level in cut.levels[low:high]),
            *cut.levels[high:],
        )
        return Profile(cut.days, levels)

    def cut(self, day: int) -> Profile:
        """The same levels with a step on a day."""
        place = bisect_left(self.days, day)
        if place < len(self.days) and self.days[place] == day:
            return self
        before = self.levels[place - 1] if place else ZERO
        return Profile(
            (*self.days[:place], day, *self.days[place:]),
            (*self.levels[:place], before, *self.levels[place:]),
        )
