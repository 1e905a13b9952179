"""Towards which commitments a charge of a lease counts, by the law in force on its days, and how much."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from offtake.broker.counting import HOURS_PER_DAY, burnt, in_scope
from offtake.broker.eras import Era, eras_over
from offtake.broker.invoicing import owed_until
from offtake.broker.library import Rules
from offtake.broker.profile import ZERO
from offtake.broker.terms import Lease, Need
from offtake.domain.charges import Applied
from offtake.domain.selection import NOBODY
from offtake.law.pricing import MICRO_UNITS, micro_units
from offtake.law.primitives import Meter

UNITS: Final = {"accelerators": "Accelerator-Hours", "units": "Unit-Hours", "power": "MW-Hours"}
_LEVELS: Final = {"accelerator-hours": "accelerators", "accelerators": "accelerators", "units": "units"}


def applied_to(
    eras: Sequence[Era], lease: Lease, need: Need | None, begins: date, ends: date
) -> tuple[tuple[Applied, ...], tuple[str, ...]]:
    """What the days [begins, ends) of a lease count towards commitments, each once, and in words what has no rate.

    Days count while the commitment is in force, those after a release by the share that stays owed. Money is converted
    at the rate of `begins`.
    """
    found: dict[str, Applied] = {}
    without: list[str] = []
    for rules, low, high in eras_over(eras, begins, ends):
        workload = NOBODY if need is None else rules.workload(need)
        for meter in burnt(rules, lease, workload)[0]:
            opens, closes = in_scope(meter, low, high)
            if meter.lower is None or opens >= closes:
                continue
            one = _applied(rules, lease, meter, (opens, closes), begins)
            if isinstance(one, str):
                without.append(one)
            elif one is not None:
                found[meter.id] = _with(found.get(meter.id), one)
    return tuple(found[id] for id in sorted(found)), tuple(without)


def _applied(
    rules: Rules, lease: Lease, meter: Meter, days: tuple[date, date], on: date
) -> Applied | str | None:
    """What days count on a commitment; None if a bill has no words for its measure, a text if there is no rate."""
    contract = meter.origin.clause.partition(".")[0]
    begins, ends = days
    if meter.measure == "money":
        cost = money(owed_until(lease, ends) - owed_until(lease, begins))
        if meter.currency in (None, lease.currency):
            return Applied(contract, meter.id, cost=cost)
        rate = rules.law.rates.rate(lease.currency, meter.currency, on)
        if rate is None:
            return (
                f"lease {lease.id} in {meter.id}: no rate from {lease.currency} to {meter.currency} on {on}"
            )
        return Applied(
            contract, meter.id, cost=cost, counted=money(micro_units(cost * rate)), counted_in=meter.currency
        )
    level = _LEVELS.get(meter.measure)
    amount = None if level is None else dict(lease.amounts).get(level)
    if level is None or amount is None:
        return None
    held = max((min(ends, lease.held_until) - begins).days, 0)
    counted = held + ((ends - begins).days - held) * lease.release_share
    return Applied(contract, meter.id, quantity=amount * HOURS_PER_DAY * counted, unit=UNITS[level])


def _with(before: Applied | None, more: Applied) -> Applied:
    """The days before a change of the law with those after it."""
    if before is None:
        return more
    return Applied(
        more.contract,
        more.commitment,
        _sum(before.cost, more.cost),
        _sum(before.quantity, more.quantity),
        more.unit,
        _sum(before.counted, more.counted),
        more.counted_in,
    )


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None and other is None else (one or ZERO) + (other or ZERO)


def money(micros: int) -> Decimal:
    """Micro-units as an amount."""
    return Decimal(micros) / MICRO_UNITS
