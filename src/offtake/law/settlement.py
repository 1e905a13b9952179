"""How commitments settle, window by window: shortfall, make-up, nesting, and what perishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from offtake.law.primitives import Meter


@dataclass(frozen=True, slots=True)
class Settled:
    """One window of a commitment, in the meter's measure."""

    taken: Decimal
    drawn: Decimal  # Taken free, out of what earlier windows paid for and did not take.
    short: Decimal  # Paid for and not taken.

    @property
    def charged(self) -> Decimal:
        """What is paid for, taken or not."""
        return self.taken - self.drawn + self.short


def settle(
    meter: Meter, taken: Sequence[Decimal], lowers: Sequence[Decimal] | None = None
) -> tuple[Settled, ...]:
    """A commitment's windows in the order of time, from what was taken in each.

    What a window pays for and leaves may be drawn in the next `make_up_windows`, the oldest first, once a
    window has taken its own lower bound. A true-up over a longer time is a meter with that window. `lowers`
    states the bound of each window where some are cut short; else it is the meter's in all of them.
    """
    bounds = [meter.lower or Decimal(0)] * len(taken) if lowers is None else lowers
    bank: list[tuple[int, Decimal]] = []  # (the last window it may be drawn in, what is left of it)
    settled: list[Settled] = []
    for place, (amount, lower) in enumerate(zip(taken, bounds, strict=True)):
        bank = [(last, left) for last, left in bank if last >= place and left > 0]
        drawn, wanted = Decimal(0), max(amount - lower, Decimal(0))
        for index, (last, left) in enumerate(bank):
            use = min(left, wanted - drawn)
            bank[index], drawn = (last, left - use), drawn + use
        short = max(lower - amount, Decimal(0))
        if short and meter.make_up_windows and not meter.perishable:
            bank.append((place + meter.make_up_windows, short))
        settled.append(Settled(amount, drawn, short))
    return tuple(settled)


def cost(meter: Meter, settled: Sequence[Settled], price: Decimal) -> Decimal:
    """What the windows cost: what is taken and not drawn at a price, what is short at the meter's own."""
    shortfall_price = meter.shortfall_price or Decimal(0)
    return sum((s.taken - s.drawn) * price + s.short * shortfall_price for s in settled) or Decimal(0)


def burned(meters: Sequence[Meter], charged: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What each meter counts in a window of the outermost, from what is charged on each itself: what counts
    on a meter counts on the one it is within too. A charge that is on both in its own right is given on the
    inner one only."""
    within = {meter.id: meter.within for meter in meters}
    found = {meter.id: Decimal(0) for meter in meters}
    for id, amount in sorted(charged.items()):
        here: str | None = id
        for _ in range(len(meters)):
            if here is None or here not in found:
                break
            found[here] += amount
            here = within[here]
    return found


@dataclass(frozen=True, slots=True)
class Minute:
    """One window of what perishes."""

    served: Decimal
    overflow: Decimal
    gone: Decimal


def perish(reserved: Decimal, wanted: Sequence[Decimal]) -> tuple[Minute, ...]:
    """What a reservation serves window by window; what a window leaves is gone, and what is beyond it
    overflows."""
    served = [min(reserved, amount) for amount in wanted]
    return tuple(Minute(s, amount - s, reserved - s) for s, amount in zip(served, wanted, strict=True))
