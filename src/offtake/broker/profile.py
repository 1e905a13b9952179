"""Levels over days: what is in use of a capacity or a meter on each day.

What is kept is by how much a level changes on which day, in blocks of days with their sums and peaks: a span more
touches the two blocks in which it begins and ends, however long it is and however many spans there are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import Final

from immutables import Map

ZERO = Decimal(0)
BLOCK_DAYS: Final = 32


@dataclass(frozen=True, slots=True)
class Block:
    """The days (ordinals) of a block on which a level changes, and by how much; their sum, and the highest on the way.

    `peak` is that of the level after each change, from nothing before the block.
    """

    days: tuple[int, ...]
    changes: tuple[Decimal, ...]
    total: Decimal
    peak: Decimal


@dataclass(frozen=True, slots=True)
class Profile:
    """A level on every day, nothing before the first change; equal if the levels are."""

    blocks: Map[int, Block] = field(default_factory=Map[int, Block])
    first: int = 0  # The first block that there is.

    @staticmethod
    def of(changes: Iterable[tuple[int, Decimal]]) -> Profile:
        """The profile that changes on days (ordinals) by so much."""
        found = Profile()
        for day, amount in changes:
            found = found.changed(day, amount)
        return found

    def changes(self) -> Iterator[tuple[int, Decimal]]:
        """Days (ordinals) and by how much the level changes on them, in order."""
        for index in sorted(self.blocks):
            block = self.blocks[index]
            yield from zip(block.days, block.changes, strict=True)

    def on(self, day: date) -> Decimal:
        """The level on a day."""
        return self._until(day.toordinal())

    def peak(self, begins: date, ends: date | None) -> tuple[date, Decimal]:
        """The highest level on [begins, ends), and the first day on which it is reached."""
        low = begins.toordinal()
        high = date.max.toordinal() if ends is None else ends.toordinal()
        best = level = self._until(low)
        at = low
        last = min(high // BLOCK_DAYS, max(self.blocks, default=0)) if ends is None else high // BLOCK_DAYS
        for index in range(max(low // BLOCK_DAYS, self.first), last + 1):
            block = self.blocks.get(index)
            if block is None:
                continue
            if block.days[0] > low and level + block.peak <= best:
                level += block.total
                continue
            for day, change in zip(block.days, block.changes, strict=True):
                if low < day < high:
                    level += change
                    if level > best:
                        best, at = level, day
        return date.fromordinal(at), best

    def steps(self, begins: date, ends: date) -> Iterator[tuple[int, Decimal]]:
        """The level on the first day (an ordinal) of [begins, ends), and from each later one on which it changes."""
        low, high = begins.toordinal(), ends.toordinal()
        level = self._until(low)
        yield low, level
        for index in range(max(low // BLOCK_DAYS, self.first), high // BLOCK_DAYS + 1):
            block = self.blocks.get(index)
            if block is not None:
                for day, change in zip(block.days, block.changes, strict=True):
                    if low < day < high:
                        level += change
                        yield day, level

    def plus(self, amount: Decimal, begins: date, ends: date) -> Profile:
        """The profile with a level more (or less, if negative) on [begins, ends)."""
        if not amount or ends <= begins:
            return self
        return self.changed(begins.toordinal(), amount).changed(ends.toordinal(), -amount)

    def _until(self, day: int) -> Decimal:
        """The level after the changes up to and on a day."""
        own, blocks = day // BLOCK_DAYS, self.blocks
        level = ZERO
        if not blocks:
            return level
        for index in range(self.first, own):
            block = blocks.get(index)
            if block is not None:
                level += block.total
        block = blocks.get(own)
        if block is not None:
            for change_day, change in zip(block.days, block.changes, strict=True):
                if change_day > day:
                    break
                level += change
        return level

    def changed(self, day: int, amount: Decimal) -> Profile:
        """The profile whose level changes by so much more on a day (an ordinal)."""
        index = day // BLOCK_DAYS
        block = self.blocks.get(index)
        if block is None:
            first = min(self.first, index) if self.blocks else index
            return Profile(self.blocks.set(index, Block((day,), (amount,), amount, amount)), first)
        days, changes = block.days, block.changes
        place = bisect_left(days, day)
        if place < len(days) and days[place] == day:
            amount += changes[place]
            after = (amount,) if amount else ()
            days = days if amount else (*days[:place], *days[place + 1 :])
            changes = (*changes[:place], *after, *changes[place + 1 :])
        else:
            days = (*days[:place], day, *days[place:])
            changes = (*changes[:place], amount, *changes[place:])
        if not days:
            left = self.blocks.delete(index)
            return Profile(left, min(left, default=0) if index == self.first else self.first)
        levels = tuple(accumulate(changes))
        return Profile(self.blocks.set(index, Block(days, changes, levels[-1], max(levels))), self.first)
