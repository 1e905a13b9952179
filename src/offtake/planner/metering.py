"""The law's meters as rows: what counts, in which window, between which bounds, with shortfall and bank."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from offtake.domain.position import Position
from offtake.domain.selection import SupplyFacts
from offtake.law.facts import inference_facts
from offtake.law.primitives import Meter, Scope
from offtake.planner.calendar import MeterWindow, meter_windows
from offtake.planner.draft import Draft, LimitRows, MeteredRows, SideColumns, settled_weight
from offtake.planner.instance import Floats, Payment
from offtake.planner.program import ABSENT, Block
from offtake.planner.reading import Reading
from offtake.planner.serving import Measure

# What stands at a time; the other measures add up over time.
STOCKS: Final = ("accelerators", "power", "units")
PER_MILLION: Final = 1e6


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


def counted(reading: Reading, draft: Draft, meter: Meter) -> Counted:
    """What a meter counts of every column, in its own measure and natural units."""
    if meter.measure == "money":
        return _at_rates(_money(reading, draft, meter), rate_by_period(reading, draft, meter.currency))
    if meter.measure in ("tokens", "token-rate"):
        return _tokens(reading, draft, meter)
    if meter.scope.covers.workload_keys():
        return _placed(reading, draft, meter)
    return _stock(draft, meter)


def rate_by_period(reading: Reading, draft: Draft, currency: str | None) -> Floats:
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


def _size(draft: Draft, meter: Meter, pool: int) -> float:
    """Units of the measure that a unit of a pool's capacity stands for (hours counted apart)."""
    one = draft.instance.pools[pool]
    if meter.measure == "units":
        return float(one.unit == "units")
    if one.unit != "accelerators":
        return 0.0
    return one.power_mw if meter.measure == "power" else 1.0


def _factor(draft: Draft, meter: Meter, pool: int) -> Floats:
    """(period,) units of the measure per unit of a pool's capacity in service through a period."""
    hours = draft.instance.calendar.hours()
    return _size(draft, meter, pool) * (
        hours if meter.measure == "accelerator-hours" else np.ones(len(hours))
    )


def _stock(draft: Draft, meter: Meter) -> Counted:
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


def _seat_mask(reading: Reading, draft: Draft, meter: Meter) -> NDArray[np.bool_]:
    """(seat, load): whether the meter selects the pair."""
    serving = draft.instance.serving
    scope = meter.scope
    mask = np.zeros((len(serving.seats), len(serving.loads)), dtype=np.bool_)
    for i, seat in enumerate(serving.seats):
        if not scope.covers.selects_supply(seat.supply):
            continue
        for j, load in enumerate(serving.loads):
            facts = inference_facts(reading.estate, load.workload, load.region, seat.model)
            mask[i, j] = scope.covers.selects_workload(facts) and not any(
                one.selects(facts, seat.supply) for one in scope.excepts
            )
    return mask


def _placed(reading: Reading, draft: Draft, meter: Meter) -> Counted:
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


def _tokens(reading: Reading, draft: Draft, meter: Meter) -> Counted:
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


def _money(reading: Reading, draft: Draft, meter: Meter) -> Counted:
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


# Rows -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measured:
    """A meter's windows and the rows that count it. `rows` is (window,) or, if by hour, (window, hour)."""

    meter: Meter
    windows: tuple[MeterWindow, ...]
    rows: Block
    unit: float
    fixed: Floats  # (window,) natural units counted whatever is decided.


def measure_rows(
    reading: Reading, draft: Draft, meter: Meter, *, lower: Floats | float, upper: Floats | float, name: str
) -> Measured | None:
    """Rows that hold a meter's count between bounds (natural units, by window), less what is fixed."""
    held = in_force(meter.scope, reading.position)
    if held is None:
        return None
    calendar = draft.instance.calendar
    stands = meter.measure in (*STOCKS, "token-rate")
    windows = meter_windows(calendar, "any-time" if stands else meter.window, *held)
    if not windows:
        return None
    what = counted(reading, draft, meter)
    fixed = np.array([sum(share * what.fixed[t] for t, share in window.shares) for window in windows])
    unit = _unit(draft, meter)
    low = (np.broadcast_to(lower, fixed.shape) * _repeats(windows, stands) - fixed) / unit
    high = (np.broadcast_to(upper, fixed.shape) * _repeats(windows, stands) - fixed) / unit
    labels = tuple(window.label for window in windows)
    axes: dict[str, tuple[str, ...]] = {"window": labels}
    if what.hourly_rows:
        axes["hour"] = draft.instance.hour_ids
        low, high = low[:, None], high[:, None]
    rows = draft.builder.rows(name, axes, lower=low, upper=high, source=meter.origin.clause)
    measured = Measured(meter, windows, rows, unit, fixed)
    _enter(draft, what, measured, stands)
    if meter.measure == "money":
        rate = rate_by_period(reading, draft, meter.currency)
        _settlements(draft, measured, rate, shortfalls=bool(np.isfinite(upper).all()))
    return measured


def _settlements(draft: Draft, measured: Measured, rate: Floats, *, shortfalls: bool) -> None:
    """What price clauses add counts as money paid, and on a ceiling what falls short elsewhere does, too.

    A shortfall counts toward a commitment only if its own lies within that one.
    """
    meter = measured.meter
    window_of = {t: w for w, window in reversed(list(enumerate(measured.windows))) for t, _ in window.shares}
    for column, amount, period in draft.billed.get(meter.id, []):
        if not shortfalls and period in window_of:
            value = amount * rate[period] / measured.unit
            draft.builder.entries(measured.rows.index[window_of[period]], column, value)
    if meter.scope.covers.supply_keys() or meter.scope.covers.workload_keys():
        return
    for side in draft.side_columns:
        counts = side.kind == "tier" or (shortfalls and side.source != meter.id)
        if counts and pays(meter, "settlement", side.payer, side.payee):
            windows = np.array([window_of.get(int(t), ABSENT) for t in side.period])
            rows = np.where(windows >= 0, measured.rows.index[windows], ABSENT)
            shape = (-1, *[1] * (side.columns.index.ndim - 1))
            value = side.price * side.unit / measured.unit
            value = value * rate[side.period].reshape(-1, *[1] * (value.ndim - 1))
            draft.builder.entries(rows.reshape(shape), side.columns.index, value)


def _repeats(windows: tuple[MeterWindow, ...], stands: bool) -> Floats:
    return np.ones(len(windows)) if stands else np.array([window.repeats for window in windows])


def _unit(draft: Draft, meter: Meter) -> float:
    """Natural units of the measure per program unit of a row, so that rows stay near one."""
    if meter.measure == "money":
        return draft.scales.money
    if meter.measure in ("tokens", "token-rate"):
        return draft.scales.load * (3600.0 * 720.0 if meter.measure == "tokens" else 1.0)
    if meter.measure == "power":
        return 1.0
    sizes = [
        float(draft.scales.capacity[a])
        for a, pool in enumerate(draft.instance.pools)
        if pool.unit == ("units" if meter.measure == "units" else "accelerators")
    ]
    return (sizes[0] if sizes else 1.0) * (720.0 if meter.measure == "accelerator-hours" else 1.0)


def _layers(measured: Measured, periods: int) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """Window by period, in layers in which no period lies in two windows: (window or -1, share) by period."""
    waiting = [(w, t, share) for w, window in enumerate(measured.windows) for t, share in window.shares]
    while waiting:
        window, shares = np.full(periods, -1, dtype=np.intp), np.zeros(periods)
        later: list[tuple[int, int, float]] = []
        for w, t, share in waiting:
            if window[t] >= 0:
                later.append((w, t, share))
            else:
                window[t], shares[t] = w, share
        yield window, shares
        waiting = later


def _enter(draft: Draft, what: Counted, measured: Measured, stands: bool) -> None:
    instance, builder, unit = draft.instance, draft.builder, measured.unit
    count, hours = len(instance.calendar.periods), len(instance.hour_ids)
    for window, share in _layers(measured, count):
        index = measured.rows.index
        rows = np.where((window >= 0).reshape(-1, *[1] * (index.ndim - 1)), index[window], ABSENT)
        weight = np.ones(count) if stands else share
        for n, amounts in what.ways.items():
            block, size, hourly = _way_block(draft, n)
            values = amounts * weight[None, :] * size / unit
            if hourly:
                diagonal = np.diagonal(values)[:, None]
                spread = diagonal if rows.ndim == 2 else diagonal * instance.hour_weights[None, :]
                builder.entries(rows if rows.ndim == 2 else rows[:, None], block.index, spread)
            elif rows.ndim == 2:
                builder.entries(rows[None, :, :], block.index[:, None, None], values[:, :, None])
            else:
                builder.entries(rows[None, :], block.index[:, None], values)
        for r, factors in what.runs.items():
            columns = draft.runs[r]
            values = factors * weight[None, :] * draft.scales.capacity[:, None] / unit
            if rows.ndim == 2:
                builder.entries(rows[None], columns.placed.index[:, :, None], values[:, :, None])
            else:
                builder.entries(rows[None], columns.placed.index, values)
        if what.seats is not None and what.seats.any():
            slots = rows if rows.ndim == 2 else np.repeat(rows[:, None], hours, axis=1)
            ones = np.ones((count, hours))
            hourly_weight = ones if stands else draft.slot_weights() * weight[:, None]
            draft.measures.append(
                Measure(rows=slots, coefficient=what.seats * draft.scales.load / unit, weight=hourly_weight)
            )


def _way_block(draft: Draft, n: int) -> tuple[Block, float, bool]:
    if n < 0:
        return next(block for index, block in draft.shells if index == -1 - n), 1.0, False
    columns = draft.ways[n]
    return columns.ordered, columns.unit, columns.way.hourly


def add_meters(reading: Reading, draft: Draft) -> None:
    """Every meter's rows: lower bounds that a priced shortfall may break, inner ones first, then upper bounds."""
    meters = [_as_level(meter) for meter in reading.law.meters]
    for meter in sorted(meters, key=lambda one: (-_depth(one, meters), one.id)):
        if meter.lower is not None and meter.lower > 0:
            _commitment(reading, draft, meter)
    for meter in meters:
        _ceiling(reading, draft, meter)


def _depth(meter: Meter, meters: list[Meter]) -> int:
    """In how many meters, one around the other, a meter lies."""
    outer = next((one for one in meters if one.id == meter.within), None)
    return 0 if outer is None else 1 + _depth(outer, meters)


def _as_level(meter: Meter) -> Meter:
    """So much a minute is a level, and holds in every typical hour: tokens a minute are a rate, and so on."""
    if meter.window != "minute" or meter.measure not in ("tokens", "accelerator-hours"):
        return meter
    per, priced = (Decimal(60), 3600) if meter.measure == "tokens" else (1 / Decimal(60), 1)
    return replace(
        meter,
        measure="token-rate" if meter.measure == "tokens" else "accelerators",
        lower=None if meter.lower is None else meter.lower / per,
        upper=None if meter.upper is None else meter.upper / per,
        shortfall_price=None if meter.shortfall_price is None else meter.shortfall_price * priced,
    )


def _ceiling(reading: Reading, draft: Draft, meter: Meter) -> None:
    if meter.upper is not None:
        upper = reading.in_estate_currency(
            float(meter.upper), meter.currency if meter.measure == "money" else None
        )
        measured = measure_rows(reading, draft, meter, lower=-np.inf, upper=upper, name=f"ceiling {meter.id}")
        if measured is not None:
            draft.limits.append(
                LimitRows(
                    measured.rows, meter.origin.clause, _noun(meter), measured.unit, meter.measure, meter.id
                )
            )
            draft.metered.append(_metered(meter, measured, np.zeros((len(measured.windows), 1))))


def _noun(meter: Meter) -> str:
    return (
        "money"
        if meter.measure == "money"
        else {"power": "MW", "tokens": "tokens"}.get(meter.measure, meter.measure)
    )


def _commitment(reading: Reading, draft: Draft, meter: Meter) -> None:
    money = meter.measure == "money"
    lower = reading.in_estate_currency(float(meter.lower or 0), meter.currency if money else None)
    measured = measure_rows(reading, draft, meter, lower=lower, upper=np.inf, name=f"commitment {meter.id}")
    if measured is None:
        return
    price = 1.0 if money else reading.in_estate_currency(float(meter.shortfall_price or 0), meter.currency)
    rate = rate_by_period(reading, draft, meter.currency)
    hourly = measured.rows.index.ndim == 2
    payer, payee = meter.payer or draft.instance.party, meter.payee or "market"
    sign = settled_weight(draft.instance.party, payer, payee)
    last = np.array([window.shares[-1][0] for window in measured.windows], dtype=np.intp)
    owed = price / rate[last]
    if meter.measure in (*STOCKS, "token-rate"):  # What stands too low is short in every hour of the period.
        owed = price * draft.instance.calendar.hours()[last]
    discount = draft.instance.calendar.discounts()[last]
    weights = draft.instance.hour_weights if hourly else np.ones(1)
    cost = (owed * discount * sign * measured.unit / draft.scales.money)[:, None] * weights[None, :]
    short = draft.builder.columns(
        f"shortfall {meter.id}",
        dict(measured.rows.axes),
        cost=cost if hourly else cost[:, 0],
        source=meter.origin.clause,
    )
    draft.builder.entries(measured.rows.index, short.index, 1.0)
    natural = owed[:, None] * weights[None, :]
    draft.side_columns.append(
        SideColumns(
            "shortfall",
            short,
            meter.id,
            payer,
            payee,
            natural if hourly else natural[:, 0],
            last,
            measured.unit,
            sign,
        )
    )
    _nested(draft, meter, measured, short, owed)
    metered = replace(_metered(meter, measured, natural), short=short)
    if meter.make_up_windows and not hourly and not meter.perishable:
        metered = _bank(draft, metered, measured, owed, sign, payer, payee)
    draft.metered.append(metered)


def _metered(meter: Meter, measured: Measured, owed: Floats) -> MeteredRows:
    return MeteredRows(
        meter.id, meter.origin.clause, meter.measure, measured.rows, measured.unit, measured.fixed, owed
    )


def _nested(draft: Draft, meter: Meter, measured: Measured, short: Block, owed: Floats) -> None:
    """A shortfall billed under this meter burns the money meter that it lies within."""
    if meter.within is not None and short.index.ndim == 1:
        for w, window in enumerate(measured.windows):
            billed = (int(short.index[w]), float(owed[w]) * measured.unit, window.shares[-1][0])
            draft.billed.setdefault(meter.within, []).append(billed)


def _bank(
    draft: Draft, metered: MeteredRows, measured: Measured, owed: Floats, sign: float, payer: str, payee: str
) -> MeteredRows:
    """What was paid and not taken is drawn free in the windows after: its price comes back, up to what exceeds."""
    meter, count = measured.meter, len(measured.windows)
    pairs = [(w, v) for w in range(count) for v in range(w + 1, min(w + 1 + meter.make_up_windows, count))]
    if not pairs or metered.short is None:
        return metered
    earlier, later = (np.array(side, dtype=np.intp) for side in zip(*pairs, strict=True))
    period = np.array([measured.windows[v].shares[-1][0] for _, v in pairs], dtype=np.intp)
    discount = draft.instance.calendar.discounts()[period]
    draw = draft.builder.columns(
        f"draw {meter.id}",
        {"windows": tuple(f"{measured.windows[w].label} in {measured.windows[v].label}" for w, v in pairs)},
        cost=-owed[earlier] * discount * sign * measured.unit / draft.scales.money,
        source=meter.origin.clause,
    )
    banked = draft.builder.rows(
        f"banked {meter.id}", dict(measured.rows.axes), upper=0.0, source=meter.origin.clause
    )
    draft.builder.entries(banked.index, metered.short.index, -1.0)
    draft.builder.entries(banked.index[earlier], draw.index, 1.0)
    # A draw takes the place of use beyond the later window's own bound, so that bound is raised by it.
    draft.builder.entries(measured.rows.index[later], draw.index, -1.0)
    draft.side_columns.append(
        SideColumns("draw", draw, meter.id, payer, payee, -owed[earlier], period, measured.unit, sign)
    )
    return replace(metered, draw=draw, draw_in=later)
