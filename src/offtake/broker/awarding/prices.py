"""What price clauses add to an award: by window or by day, on top of what is counted there already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from math import gcd

from offtake.broker.admission import acquisition_of
from offtake.broker.awarding.sources import Source
from offtake.broker.counting import HOURS_PER_DAY, LEVELS, flows, in_scope
from offtake.broker.library import Rules
from offtake.broker.profile import ZERO, Profile
from offtake.broker.state import Deal, State
from offtake.law.meters import burns
from offtake.law.pricing import Piece, owed, pieces
from offtake.law.primitives import Meter, PriceSchedule

SMALLEST = Decimal(
    "1e-9"
)  # Of the largest coefficient: below it quantities have no common step worth the name.


@dataclass(frozen=True, slots=True)
class Stretch:
    """One price on windows, or days, on which it stands alike: so much was counted before, and a unit of each source
    counts so much. `times` are the windows (of a level: their hours), in the need's currency."""

    schedule: PriceSchedule
    before: Decimal
    each: tuple[tuple[int, Decimal], ...]  # By source.
    times: Decimal

    def adds(self, quantities: Mapping[int, Decimal]) -> Decimal:
        """What the price adds for quantities by source, in the need's currency."""
        counted = sum((each * quantities.get(source, ZERO) for source, each in self.each), ZERO)
        return owed(self.schedule, counted, self.before) * self.times


@dataclass(frozen=True, slots=True)
class Segment:
    """A straight part of what a stretch adds: `base + price * counted`, for a count between `lower` and `upper`."""

    lower: Decimal
    upper: Decimal
    base: Decimal
    price: Decimal


def stretches(rules: Rules, state: State, deal: Deal, sources: Sequence[Source]) -> Iterator[Stretch]:
    """The prices that the need's party would owe for what its sources supply, window by window or day by day; those
    that stand alike are one."""
    need = deal.need
    for schedule, meter in rules.counters:
        members = [
            n
            for n, source in enumerate(sources)
            if burns(meter, rules.law, acquisition_of(rules, deal, source.lease))
        ]
        rate = rules.law.rates.rate(schedule.currency, need.currency, need.begins)
        if schedule.payer != need.party or not members or rate is None:
            continue
        by_level = meter.measure in LEVELS
        found = _levels(state, deal, sources, meter, members) if by_level else None
        alike: dict[tuple[Decimal, tuple[tuple[int, Decimal], ...]], Decimal] = {}
        for before, each, times in found or _windows(rules, state, sources, meter, members):
            alike[before, each] = alike.get((before, each), ZERO) + times
        for (before, each), times in alike.items():
            yield Stretch(schedule, before, each, times * rate)


_Alike = tuple[Decimal, tuple[tuple[int, Decimal], ...], Decimal]


def _windows(
    rules: Rules, state: State, sources: Sequence[Source], meter: Meter, members: Sequence[int]
) -> Iterator[_Alike]:
    by_window: dict[date, list[tuple[int, Decimal]]] = {}
    for n in members:
        for window, _, amount in flows(rules, sources[n].lease, meter):
            if amount:
                by_window.setdefault(window.begins, []).append((n, amount))
    for begins, each in by_window.items():
        key = (meter.id, begins)
        yield state.flows.get(key, ZERO) + state.owed.get(key, ZERO), tuple(each), Decimal(1)


def _levels(
    state: State, deal: Deal, sources: Sequence[Source], meter: Meter, members: Sequence[int]
) -> list[_Alike]:
    begins, ends = in_scope(meter, deal.need.begins, deal.need.ends)
    each = tuple(
        (n, amount) for n in members if (amount := dict(sources[n].lease.amounts).get(meter.measure, ZERO))
    )
    if begins >= ends or not each:
        return []
    profile = state.levels.get(meter.id, Profile())
    steps = [*profile.steps(begins, ends), (ends.toordinal(), ZERO)]
    return [
        (level, each, Decimal((until - day) * HOURS_PER_DAY)) for (day, level), (until, _) in pairwise(steps)
    ]


def segments(stretch: Stretch, most: Decimal, step: Decimal) -> tuple[Segment, ...]:
    """What a stretch adds for a count of up to `most`, piece by piece; counts come in steps of a unit of each source.

    Pieces that a count cannot lie in are left out. The ends of a piece are the counts in it that can be reached, so
    that a price with a jump is met at its true cost on either side.
    """
    lattice = _common_step([each * step for _, each in stretch.each])
    found: list[Segment] = [Segment(ZERO, ZERO, ZERO, ZERO)]
    paid = owed(stretch.schedule, stretch.before)
    for piece in pieces(stretch.schedule):
        lower, upper = _reach(piece, stretch.before, most, lattice)
        if upper is None or (lower is not None and lower > upper):
            continue
        base = piece.at(stretch.before) - paid
        first = ZERO if lower is None else lower
        last = found[-1]
        if len(found) == 1 and not base:
            found = [Segment(ZERO, upper, ZERO, piece.price)]
        elif last.price == piece.price and last.base == base:
            found[-1] = Segment(last.lower, upper, base, piece.price)
        else:
            found.append(Segment(first, upper, base, piece.price))
    return tuple(found)


def _reach(
    piece: Piece, before: Decimal, most: Decimal, lattice: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """The least and the largest count that take a window into a piece; None and None if none does."""
    over = piece.begins - before
    lower = max(over, ZERO)
    upper = most if piece.ends is None else min(piece.ends - before, most)
    if upper <= 0:
        return None, None
    if lattice is None:
        return lower, upper
    lower = (lower // lattice + 1) * lattice if over >= 0 else lattice
    return lower, upper // lattice * lattice


def _common_step(amounts: Sequence[Decimal]) -> Decimal | None:
    """The largest step that all amounts are whole numbers of; None if it is too small to matter."""
    common = reduce(_gcd, (Fraction(amount) for amount in amounts))
    largest = max(amounts)
    step = Decimal(common.numerator) / Decimal(common.denominator)
    exact = Fraction(step) == common
    return step if exact and step >= largest * SMALLEST else None


def _gcd(one: Fraction, other: Fraction) -> Fraction:
    return Fraction(
        gcd(one.numerator * other.denominator, other.numerator * one.denominator),
        one.denominator * other.denominator,
    )
