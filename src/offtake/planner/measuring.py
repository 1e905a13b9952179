"""Rows that hold what a meter counts between bounds, window by window: for meters, and for prices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offtake.law.primitives import Meter
from offtake.planner.calendar import MeterWindow, meter_windows
from offtake.planner.counting import STOCKS, Counted, counted, in_force, pays, rate_by_period
from offtake.planner.draft import Draft
from offtake.planner.instance import Floats
from offtake.planner.program import ABSENT, Block, Program
from offtake.planner.reading import Reading
from offtake.planner.serving import Measure


@dataclass(frozen=True, slots=True)
class Measured:
    """A meter's windows and the rows that count it. `rows` is (window,) or, if by hour, (window, hour)."""

    meter: Meter
    windows: tuple[MeterWindow, ...]
    rows: Block
    unit: float
    fixed: Floats  # (window,) natural units counted whatever is decided.
    lower: Floats  # (window,) in program units, less what is fixed.


def measure_rows(
    reading: Reading,
    draft: Draft,
    meter: Meter,
    *,
    lower: Floats | float,
    upper: Floats | float,
    shortfalls: bool,
    name: str,
) -> Measured | None:
    """Rows that hold a meter's count between bounds (natural units, by window), less what is fixed.

    `shortfalls` says whether what other commitments fall short counts as money paid.
    """
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
    least = low
    if what.hourly_rows:
        axes["hour"] = draft.instance.hour_ids
        low, high = low[:, None], high[:, None]
    rows = draft.builder.rows(name, axes, lower=low, upper=high, source=meter.origin.clause)
    measured = Measured(meter, windows, rows, unit, fixed, least)
    _enter(draft, what, measured, stands)
    if meter.measure == "money":
        rate = rate_by_period(reading, draft, meter.currency)
        _settlements(draft, measured, rate, shortfalls=shortfalls)
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


def most_counted(draft: Draft, measured: Measured) -> Floats:
    """By cell of the rows, the most that could be counted if every load drew on it at its dearest; inf if nothing
    bounds it."""
    program = draft.builder.build()
    upper, columns = _upper(program), np.repeat(np.arange(program.column_count), np.diff(program.start))
    rows = measured.rows.index.ravel()
    found = np.zeros(len(rows))
    positive = program.value > 0
    demand = np.array([load.tokens_per_s for load in draft.instance.serving.loads]) / draft.scales.load
    for w, row in enumerate(rows):
        mine = (program.index == row) & positive
        found[w] = float((program.value[mine] * upper[columns[mine]]).sum()) * measured.unit
    for measure in draft.measures:
        coefficient: Floats = np.max(np.asarray(measure.coefficient, dtype=np.float64), axis=0)
        dearest = coefficient[:, :, None] * np.asarray(measure.weight, dtype=np.float64)[None] * demand
        for w, row in enumerate(rows):
            found[w] += float(dearest[:, np.asarray(measure.rows) == row].sum()) * measured.unit
    shape = (len(measured.windows), *[1] * (measured.rows.index.ndim - 1))
    return found.reshape(measured.rows.index.shape) + measured.fixed.reshape(shape)


def _upper(program: Program) -> Floats:
    """What a column can be at most: its own bound, or what a row of positive terms alone leaves it, such as the limit
    of a product or the power of a site."""
    columns = np.repeat(np.arange(program.column_count), np.diff(program.start))
    adds = (program.value > 0) & (program.col_lower[columns] >= 0)
    usable = np.isfinite(program.row_upper)
    usable[program.index[~adds]] = False
    used = usable[program.index]
    found = program.col_upper.copy()
    np.minimum.at(found, columns[used], program.row_upper[program.index[used]] / program.value[used])
    return np.maximum(found, program.col_lower)
