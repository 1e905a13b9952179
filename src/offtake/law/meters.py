"""What an action counts on a meter, and whether a bound would be passed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from offtake.domain.position import Position
from offtake.domain.selection import Action, Interval
from offtake.law.force import covers, in_force
from offtake.law.primitives import Law, Meter
from offtake.law.windows import window_at


@dataclass(frozen=True, slots=True)
class Passed:
    """A window in which a meter would go over its upper bound; `counted` None means that it cannot be
    counted."""

    window: Interval
    reading: Decimal
    counted: Decimal | None


def burns(meter: Meter, law: Law, action: Action) -> bool:
    """Whether an action counts on a meter: it is in its scope, or counts on a meter that is within this one.

    A money meter counts what its payer pays (to its payee) for the kinds of spending it names; an action that
    does not say who pays, or for what, counts.
    """
    if action.kind in meter.scope.actions and covers(meter.scope, action.workload, action.supply):
        payer = meter.payer is None or action.actor in (None, meter.payer) or meter.measure != "money"
        payee = meter.payee is None or action.counterparty in (None, meter.payee) or meter.measure != "money"
        if (
            payer
            and payee
            and (not meter.spends or action.spending is None or action.spending in meter.spends)
        ):
            return True
    return any(inner.within == meter.id and burns(inner, law, action) for inner in law.meters)


def counted(meter: Meter, law: Law, action: Action) -> Decimal | None:
    """How much an action counts on a meter that it burns; None if its currency cannot be converted."""
    amount = action.quantity(meter.measure)
    if meter.measure != "money" or not amount:
        return amount
    return converted(law, amount, action, meter.currency)


def converted(law: Law, amount: Decimal, action: Action, currency: str | None) -> Decimal | None:
    """An action's money in another currency at the rate of its first day; None if there is no such rate.

    Money without a currency, or counted in none, is taken as it is.
    """
    if action.currency is None or currency is None:
        return amount
    rate = law.rates.rate(action.currency, currency, action.interval.begins)
    return None if rate is None else amount * rate


def passed(meter: Meter, law: Law, position: Position, action: Action) -> Passed | None:
    """The first window in which an action would take a meter over its upper bound; None if it stays within.

    The whole quantity counts in every window that the action touches while the meter is in force, on top of
    what is read there.
    """
    if meter.upper is None or not burns(meter, law, action):
        return None
    amount = counted(meter, law, action)
    if amount is not None and amount <= 0:
        return None
    for window, reading in readings(meter, position, action):
        if amount is None or reading + amount > meter.upper:
            return Passed(window, reading, amount)
    return None


def readings(meter: Meter, position: Position, action: Action) -> Iterator[tuple[Interval, Decimal]]:
    """The windows of a meter that an action touches and that may read most, with what each reads.

    A reading that spans several windows stands in all of them. More is read in a later window only if some
    reading begins there, so the first window and those in which a reading begins are enough, even if the
    action never ends.
    """
    held = in_force(meter.scope, position, action.workload, action.supply)
    if held is None or not action.interval.overlaps(held.begins, held.ends):
        return
    begins = max(action.interval.begins, held.begins)
    until = min((day for day in (action.interval.ends, held.ends) if day is not None), default=date.max)
    own = [reading for reading in position.readings if reading.meter == meter.id]
    opened = (_window(meter, reading.begins).begins for reading in own)
    for day in sorted({begins, *(day for day in opened if begins < day < until)}):
        window = _window(meter, day)
        yield window, sum((r.amount for r in own if window.overlaps(r.begins, r.ends)), Decimal(0))


def _window(meter: Meter, day: date) -> Interval:
    return window_at(meter.window, day, meter.scope.begins, meter.scope.ends)
