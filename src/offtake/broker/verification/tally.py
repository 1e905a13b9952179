"""Sums over everything in the books, kept as the books grow, so that no check goes through all leases again.

They are the auditor's own: levels by the days on which they change, and totals by meter and window. Under another law,
or where the rule of what is taken changed, they are added up anew.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from offtake.broker.library import Rules
from offtake.broker.verification.books import LEVEL_MEASURES, NOTHING, Books, Held, Noted, flow
from offtake.domain.selection import Interval, WorkloadFacts
from offtake.law.meters import burns
from offtake.law.pricing import counter_of
from offtake.law.primitives import Meter, PriceSchedule
from offtake.law.windows import window_at, windows_over

MOMENTS = ("any-time", "minute")
Sums = defaultdict[tuple[str, date], Decimal]


@dataclass
class Level:
    """How much a level changes on which day."""

    days: list[date] = field(default_factory=list[date])
    changes: dict[date, Decimal] = field(default_factory=dict[date, Decimal])

    def add(self, amount: Decimal, begins: date, ends: date) -> None:
        """Adds so much on [begins, ends)."""
        if begins >= ends:
            return
        for day, change in ((begins, amount), (ends, -amount)):
            if day not in self.changes:
                insort(self.days, day)
                self.changes[day] = NOTHING
            self.changes[day] += change

    def on(self, day: date) -> Decimal:
        """The level on a day."""
        return sum((self.changes[one] for one in self.days[: bisect_right(self.days, day)]), NOTHING)

    def steps(self, begins: date, ends: date) -> list[tuple[date, Decimal]]:
        """The level on the first day of [begins, ends), and on every later one on which it changes."""
        found = [(begins, self.on(begins))]
        for day in self.days[bisect_right(self.days, begins) : bisect_left(self.days, ends)]:
            found.append((day, found[-1][1] + self.changes[day]))
        return found


def _no_sums() -> Sums:
    return defaultdict(lambda: NOTHING)


@dataclass
class Tally:
    """Everything in the books under some rules, added up: by pool, meter or price, and by window where there is one."""

    rules: Rules
    owed_is_taken: bool = True  # Whether days given back count on a commitment by the share that stays owed.
    pools: dict[str, Level] = field(default_factory=lambda: defaultdict(Level))
    levels: dict[str, Level] = field(default_factory=lambda: defaultdict(Level))
    windowed: Sums = field(default_factory=_no_sums)
    counted: Sums = field(default_factory=_no_sums)
    read: Sums = field(default_factory=_no_sums)
    burning: dict[tuple[str, str, str, WorkloadFacts], tuple[Meter, ...]] = field(
        default_factory=dict[tuple[str, str, str, WorkloadFacts], tuple[Meter, ...]]
    )

    @staticmethod
    def of(rules: Rules, books: Books, *, owed_is_taken: bool = True) -> Tally:
        """The sums of the books."""
        tally = Tally(rules, owed_is_taken)
        for held in books.leases.values():
            tally.lease(held, 1)
        for noted in books.readings.values():
            if noted.id not in books.gone:
                tally.reading(noted, 1)
        for meter, windows in books.windows.items():
            for window in windows:
                tally.paid(meter, window.begins, window.paid)
        return tally

    @property
    def counters(self) -> tuple[tuple[PriceSchedule, Meter], ...]:
        """Prices, each as the meter that counts what it is owed for."""
        return tuple((schedule, counter_of(schedule)) for schedule in self.rules.law.prices)

    def lease(self, held: Held, sign: int) -> None:
        """Adds a lease (1), or takes it off again (-1)."""
        rules = self.rules
        pool = rules.pool(rules.supply(held.supply))
        begins, until = held.need.begins, held.until
        self.pools[pool.id].add(held.amounts.get(pool.measure, NOTHING) * sign, begins, until)
        priced = {schedule.id for schedule in rules.law.prices}
        for meter in self._burnt(held):
            level = held.amounts.get(meter.measure, NOTHING) * sign
            if meter.measure in LEVEL_MEASURES and until > begins:
                if meter.id in priced:
                    opens, closes = in_force(meter, begins, until)
                    self.levels[meter.id].add(level, opens, closes)
                elif meter.upper is not None and meter.window in MOMENTS:
                    self.levels[meter.id].add(level, begins, until)
                elif meter.upper is not None:
                    for window in windows_between(meter, begins, until):
                        self.windowed[meter.id, window.begins] += level
            if meter.measure not in LEVEL_MEASURES or (
                meter.lower is not None and meter.window not in MOMENTS
            ):
                self._flows(held, meter, sign)

    def _flows(self, held: Held, meter: Meter, sign: int) -> None:
        begins, ends = in_force(meter, held.need.begins, held.need.ends)
        if begins >= ends:
            return
        if not self.owed_is_taken and meter.measure != "money":
            held = replace(held, kept_share=NOTHING)
        for window in windows_between(meter, begins, ends):
            first, last = max(begins, window.begins), min(ends, window.ends or ends)
            self.counted[meter.id, window.begins] += mean(self.rules, held, meter, window, first, last) * sign

    def _burnt(self, held: Held) -> tuple[Meter, ...]:
        rules = self.rules
        key = (held.need.party, held.supplier, held.supply, rules.workload(held.need))
        found = self.burning.get(key)
        if found is None:
            action = held.action(rules)
            every = (*rules.law.meters, *(meter for _, meter in self.counters))
            found = self.burning[key] = tuple(one for one in every if burns(one, rules.law, action))
        return found

    def reading(self, noted: Noted, sign: int) -> None:
        """Adds a reading, or takes it off again: to its meter and those that it is within, or to its price."""
        amount = noted.amount * sign
        for schedule, counter in self.counters:
            if schedule.id == noted.primitive:
                for window in _touched(schedule, noted):
                    self.read[schedule.id, window.begins] += amount
                self._counts(counter, noted, amount)
                return
        by_id = {meter.id: meter for meter in self.rules.law.meters}
        first = meter = by_id.get(noted.primitive)
        if first is not None and first.upper is not None and first.measure in LEVEL_MEASURES:
            if first.window in MOMENTS:
                self.levels[first.id].add(amount, noted.begins, noted.ends)
            else:
                for window in windows_between(first, noted.begins, noted.ends):
                    self.windowed[first.id, window.begins] += amount
        for _ in range(len(by_id)):
            if meter is None or first is None or meter.measure != first.measure:
                return
            self._counts(meter, noted, amount)
            meter = by_id.get(meter.within or "")

    def _counts(self, meter: Meter, noted: Noted, amount: Decimal) -> None:
        window = window_at(meter.window, noted.begins, meter.scope.begins, meter.scope.ends)
        if meter.measure in LEVEL_MEASURES:
            opens, closes = in_force(meter, window.begins, window.ends or date.max)
            amount = amount * (noted.ends - noted.begins).days / max((closes - opens).days, 1)
        self.counted[meter.id, window.begins] += amount

    def paid(self, meter_id: str, begins: date, amount: Decimal) -> None:
        """Adds what was paid for a shortfall to the money that the meter is within."""
        by_id = {meter.id: meter for meter in self.rules.law.meters}
        meter = by_id.get(meter_id)
        outer = None if meter is None else by_id.get(meter.within or "")
        if outer is not None and outer.measure == "money":
            window = window_at(outer.window, begins, outer.scope.begins, outer.scope.ends)
            self.counted[outer.id, window.begins] += amount


def _touched(schedule: PriceSchedule, noted: Noted) -> Iterator[Interval]:
    """The windows of a price that a reading shares a day with."""
    if schedule.window == "term":
        yield window_at("term", noted.begins, schedule.scope.begins, schedule.scope.ends)
    else:
        yield from windows_over(schedule.window, noted.begins, noted.ends)


def in_force(meter: Meter, begins: date, ends: date) -> tuple[date, date]:
    """The days of [begins, ends) on which a meter is in force; none if the first is not before the second."""
    return max(begins, meter.scope.begins or date.min), min(ends, meter.scope.ends or date.max)


def windows_between(meter: Meter, begins: date, ends: date) -> Iterator[Interval]:
    """The windows of a meter that share a day with [begins, ends); of a term there is one, from its first day on."""
    if meter.window != "term":
        yield from windows_over(meter.window, begins, ends)
        return
    opens, closes = in_force(meter, begins, ends)
    if opens < closes:
        yield Interval(meter.scope.begins or date.min, meter.scope.ends)


def mean(rules: Rules, held: Held, meter: Meter, window: Interval, begins: date, ends: date) -> Decimal:
    """What a lease counts in a window of a meter: a level as its mean over the days that the meter is in force."""
    if meter.measure not in LEVEL_MEASURES:
        return flow(rules, held, meter, begins, ends)
    opens, closes = in_force(meter, window.begins, window.ends or date.max)
    hours = held.counting(meter, begins, ends)
    return held.amounts.get(meter.measure, NOTHING) * hours / (24 * (closes - opens).days)


def fullest(
    level: Level, others: Callable[[date], Decimal], more: set[date], begins: date, ends: date
) -> Iterator[tuple[date, Decimal]]:
    """Every day of [begins, ends) on which a level changes, or one of `more`, with it and what others add."""
    steps = level.steps(begins, ends)
    days = [day for day, _ in steps]
    for day in sorted({*days, *(day for day in more if begins <= day < ends)}):
        yield day, steps[bisect_right(days, day) - 1][1] + others(day)
