"""What the law's meters count of a plan's columns, in their own measure and natural units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from offtake.domain.position import Position
from offtake.domain.selection import SupplyFacts, WorkloadFacts
from offtake.law.facts import inference_facts
from offtake.law.primitives import Meter, Scope
from offtake.planner.draft import Ordering
from offtake.planner.instance import Floats, Payment
from offtake.planner.reading import Reading

# What stands at a time; the other measures add up over time.
STOCKS: Final = ("accelerators", "power", "units")


def in_force(scope: Scope, position: Position) -> tuple[date | None, date | None] | None:
    """The days on which a scope holds, its events settled: [begins, ends); None if it never does."""
    begins, ends = scope.begins, scope.ends
    if scope.since_event is not None:
        since = position.event_on(scope.since_event)
        if since is None:
            return None
        begins = since if begins is None else max(begins, since)
    if scope.until_event is not None:
        until = position.event_on(scope.until_event)
        if until is not None:
            ends = until if ends is None else min(ends, until)
    return None if begins is not None and ends is not None and begins >= ends else (begins, ends)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a meter counts, ready to be placed on rows.

    `ways` (way -> (order, period)) per unit ordered, hourly ones per unit and full period; `fixed` (period,) is
    counted whatever is decided; `seats` (seat, load, period) per token/s and hour, or per token/s if the measure
    stands; `runs` (run -> (pool, period)) per accelerator.
    """

    ways: dict[int, Floats]
    fixed: Floats
    seats: Floats | None
    runs: dict[int, Floats]
    hourly_rows: bool  # The rows are by typical hour.


def counted(reading: Reading, draft: Ordering, meter: Meter) -> Counted:
    """What a meter counts of every column, in its own measure and natural units."""
    if meter.measure == "money":
        return _at_rates(_money(reading, draft, meter), rate_by_period(reading, draft, meter.currency))
    if meter.measure in ("tokens", "token-rate"):
        return _tokens(reading, draft, meter)
    if meter.scope.covers.workload_keys():
        return _placed(reading, draft, meter)
    return _stock(draft, meter)


def rate_by_period(reading: Reading, draft: Ordering, currency: str | None) -> Floats:
    """(period,) units of a currency that one of the estate's buys, against what it bought at the horizon's start."""
    periods, rates = draft.instance.calendar.periods, reading.money.rates
    if currency is None or currency == reading.estate.currency:
        return np.ones(len(periods))
    bought = [rates.convert(Decimal(1), reading.estate.currency, currency, p.begins) for p in periods]
    return np.array([float(one / bought[0]) for one in bought])


def _at_rates(what: Counted, rate: Floats) -> Counted:
    """Money that counts in another currency, each period's at its own rate."""
    ways = {n: amounts * rate[None, :] for n, amounts in what.ways.items()}
    seats = None if what.seats is None else what.seats * rate[None, None, :]
    return replace(what, ways=ways, fixed=what.fixed * rate, seats=seats)


def _selects(meter: Meter, supply: SupplyFacts) -> bool:
    scope = meter.scope
    return scope.covers.selects_supply(supply) and not any(
        one.selects_supply(supply) for one in scope.excepts if not one.workload_keys()
    )


def _size(draft: Ordering, meter: Meter, pool: int) -> float:
    """Units of the measure that a unit of a pool's capacity stands for (hours counted apart)."""
    one = draft.instance.pools[pool]
    if meter.measure == "units":
        return float(one.unit == "units")
    if one.unit != "accelerators":
        return 0.0
    return one.power_mw if meter.measure == "power" else 1.0


def _factor(draft: Ordering, meter: Meter, pool: int) -> Floats:
    """(period,) units of the measure per unit of a pool's capacity in service through a period."""
    hours = draft.instance.calendar.hours()
    return _size(draft, meter, pool) * (
        hours if meter.measure == "accelerator-hours" else np.ones(len(hours))
    )


def _stock(draft: Ordering, meter: Meter) -> Counted:
    count = len(draft.instance.calendar.periods)
    fixed, ways = np.zeros(count), dict[int, Floats]()
    for a, pool in enumerate(draft.instance.pools):
        if _selects(meter, pool.facts):
            fixed = fixed + pool.fixed * _factor(draft, meter, a)
    for n, columns in enumerate(draft.ways):
        way = columns.way
        if _selects(meter, draft.instance.pools[way.pool].facts):
            ways[n] = way.in_service * _factor(draft, meter, way.pool)[None, :]
    return Counted(
        ways, fixed, None, {}, meter.measure in STOCKS and any(draft.ways[n].way.hourly for n in ways)
    )


def _seat_mask(reading: Reading, draft: Ordering, meter: Meter) -> NDArray[np.bool_]:
    """(seat, load): whether the meter selects the pair."""
    serving = draft.instance.serving
    scope = meter.scope
    mask = np.zeros((len(serving.seats), len(serving.loads)), dtype=np.bool_)
    facts: dict[str, list[WorkloadFacts]] = {}
    covered: dict[str, NDArray[np.bool_]] = {}
    for i, seat in enumerate(serving.seats):
        if not scope.covers.selects_supply(seat.supply):
            continue
        if seat.model not in facts:
            mine = [
                inference_facts(reading.estate, load.workload, load.region, seat.model)
                for load in serving.loads
            ]
            facts[seat.model] = mine
            covered[seat.model] = np.array(
                [scope.covers.selects_workload(one) for one in mine], dtype=np.bool_
            )
        mask[i] = covered[seat.model]
        for j in np.flatnonzero(mask[i]) if scope.excepts else ():
            mask[i, j] = not any(one.selects(facts[seat.model][j], seat.supply) for one in scope.excepts)
    return mask


def _placed(reading: Reading, draft: Ordering, meter: Meter) -> Counted:
    """Capacity that the selected workloads use, rather than all that stands."""
    instance = draft.instance
    count = len(instance.calendar.periods)
    mask = _seat_mask(reading, draft, meter)
    sizes = np.array([_size(draft, meter, seat.pool) for seat in instance.serving.seats])
    seats = instance.serving.use * mask[:, :, None] * sizes[:, None, None]
    runs: dict[int, Floats] = {}
    for r, columns in enumerate(draft.runs):
        if meter.scope.covers.selects_workload(columns.run.facts):
            runs[r] = np.array(
                [
                    _factor(draft, meter, a) if _selects(meter, pool.facts) else np.zeros(count)
                    for a, pool in enumerate(instance.pools)
                ]
            )
    return Counted({}, np.zeros(count), seats, runs, meter.measure in STOCKS)


def _tokens(reading: Reading, draft: Ordering, meter: Meter) -> Counted:
    """Tokens served: per hour of a token/s when they add up, per token/s when a rate is bounded."""
    count = len(draft.instance.calendar.periods)
    per = 3600.0 if meter.measure == "tokens" else 1.0
    mask = _seat_mask(reading, draft, meter)
    seats = np.broadcast_to((mask * per)[:, :, None], (*mask.shape, count)).astype(np.float64)
    return Counted({}, np.zeros(count), seats, {}, meter.measure == "token-rate")


def pays(meter: Meter, payment_kind: str, payer: str, payee: str) -> bool:
    """Whether a payment is of those that a money meter counts, by its parties and kind."""
    return (
        (meter.payer is None or payer == meter.payer)
        and (meter.payee is None or payee == meter.payee)
        and payment_kind != "salvage"
        and (not meter.spends or payment_kind in meter.spends)
    )


def _money(reading: Reading, draft: Ordering, meter: Meter) -> Counted:
    instance = draft.instance
    count = len(instance.calendar.periods)

    def total(payments: tuple[Payment, ...], shape: tuple[int, ...]) -> Floats:
        found = np.zeros(shape)
        for one in payments:
            if pays(meter, one.kind, one.payer, one.payee):
                found += one.amounts
        return found

    fixed, ways = np.zeros(count), dict[int, Floats]()
    for pool in instance.pools:
        if _selects(meter, pool.facts):
            fixed += total(pool.fixed_payments, (count,))
    for n, columns in enumerate(draft.ways):
        if _selects(meter, instance.pools[columns.way.pool].facts):
            amounts = total(columns.way.payments, (count, count))
            if amounts.any():
                ways[n] = amounts
    for n, room in enumerate(instance.rooms):
        block = next((block for index, block in draft.shells if index == n), None)
        if block is not None and not meter.scope.covers.supply_keys():
            amounts = total(room.shell_payments, (count, count))
            ways[-1 - n] = amounts
    serving = instance.serving
    counted_seats = np.array([pays(meter, "tokens", *pair) for pair in serving.payers], dtype=np.bool_)
    seats = None
    if counted_seats.any():
        mask = _seat_mask(reading, draft, meter) & counted_seats[:, None]
        seats = serving.price * mask[:, :, None]
    return Counted(ways, fixed, seats, {}, hourly_rows=False)
