"""What a price schedule makes a quantity cost, and sums over several currencies; all in exact decimals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import Final

from offtake.domain.currencies import Rates
from offtake.law.primitives import Meter, PriceSchedule

MICRO_UNITS: Final = 1_000_000  # Postings are integers of a millionth of the currency's unit.


def total(schedule: PriceSchedule, quantity: Decimal) -> Decimal:
    """What a quantity of a whole window costs, in the schedule's currency. A share's quantity is an amount of
    money."""
    if schedule.share is not None:
        owed = schedule.share * quantity
    elif schedule.tiering == "all-units":
        owed = quantity * _price_reached(schedule, quantity)
    else:
        owed = _by_tier(schedule, quantity)
    return owed if schedule.cap is None else min(owed, schedule.cap)


def owed(schedule: PriceSchedule, quantity: Decimal, before: Decimal = Decimal(0)) -> Decimal:
    """What a quantity adds to what is owed in a window in which `before` has been counted already.

    Where all units get cheaper as a tier is reached this can be less than nothing: what was paid before is
    mended.
    """
    return total(schedule, before + quantity) - total(schedule, before)


@dataclass(frozen=True, slots=True)
class Piece:
    """What a window costs in all while its quantity is above `begins` and at most `ends` (None has no end): `base` and
    `price` for each unit. The first piece has its beginning too."""

    begins: Decimal
    ends: Decimal | None
    base: Decimal
    price: Decimal

    def at(self, quantity: Decimal) -> Decimal:
        """The cost of a quantity of the piece."""
        return self.base + self.price * quantity


def pieces(schedule: PriceSchedule) -> tuple[Piece, ...]:
    """A schedule as straight pieces, in the order of quantities: `total` is the piece that a quantity lies in."""
    if schedule.share is not None:
        plain = [Piece(Decimal(0), None, Decimal(0), schedule.share)]
    else:
        plain = list[Piece]()
        begins, owed_before = Decimal(0), Decimal(0)
        for tier in schedule.tiers:
            base = Decimal(0) if schedule.tiering == "all-units" else owed_before - tier.price * begins
            plain.append(Piece(begins, tier.up_to, base, tier.price))
            if tier.up_to is not None:
                owed_before, begins = plain[-1].at(tier.up_to), tier.up_to
    if schedule.cap is None:
        return tuple(plain)
    return tuple(part for piece in plain for part in _capped(piece, schedule.cap))


def _capped(piece: Piece, cap: Decimal) -> Iterator[Piece]:
    """A piece below a cap, and where it would be above the cap itself."""
    flat = Piece(piece.begins, piece.ends, cap, Decimal(0))
    if piece.price <= 0:
        yield piece if piece.at(piece.begins) <= cap else flat
        return
    reached = (cap - piece.base) / piece.price
    if reached > piece.begins:
        ends = reached if piece.ends is None else min(piece.ends, reached)
        yield replace(piece, ends=ends)
    if piece.ends is None or reached < piece.ends:
        yield replace(flat, begins=max(piece.begins, reached))


def counter_of(schedule: PriceSchedule) -> Meter:
    """A price as the meter that counts what it is owed for: money only where its payer pays it."""
    return Meter(
        schedule.id,
        schedule.origin,
        schedule.scope,
        schedule.measure,
        schedule.window,
        currency=schedule.currency,
        payer=schedule.payer if schedule.measure == "money" else None,
    )


def is_convex(schedule: PriceSchedule) -> bool:
    """Whether a further unit never costs less than the one before, so that a linear program prices it
    exactly."""
    if schedule.cap is not None:
        return False
    prices = [tier.price for tier in schedule.tiers]
    rising = all(one <= other for one, other in pairwise(prices))
    return rising and (schedule.tiering == "marginal" or len(set(prices)) <= 1)


def micro_units(amount: Decimal) -> int:
    """An amount as a posting: integer millionths, halves to the even one."""
    return int((amount * MICRO_UNITS).to_integral_value(rounding=ROUND_HALF_EVEN))


def paid_in(currency: str, payments: Iterable[tuple[date, Decimal, str]], rates: Rates) -> Decimal:
    """The sum of dated payments (day, amount, currency), each at the rate of its day.

    Raises InvalidInput if a day has no rate.
    """
    return sum((rates.convert(amount, stated, currency, day) for day, amount, stated in payments), Decimal(0))


def _by_tier(schedule: PriceSchedule, quantity: Decimal) -> Decimal:
    cost, reached = Decimal(0), Decimal(0)
    for tier in schedule.tiers:
        upper = quantity if tier.up_to is None else min(quantity, tier.up_to)
        if upper > reached:
            cost += (upper - reached) * tier.price
            reached = upper
    return cost


def _price_reached(schedule: PriceSchedule, quantity: Decimal) -> Decimal:
    """The price of the tier that a quantity lies in; the upper end belongs to its tier."""
    for tier in schedule.tiers:
        if tier.up_to is None or quantity <= tier.up_to:
            return tier.price
    return schedule.tiers[-1].price if schedule.tiers else Decimal(0)
