"""What each commitment and budget counts period by period: how it is used up over its window."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from offtake.domain.handoffs import MeterUseRow
from offtake.law.primitives import Meter
from offtake.planner.answer import Answer
from offtake.planner.calendar import meter_windows
from offtake.planner.counting import STOCKS, counted, in_force, pays, rate_by_period
from offtake.planner.instance import Floats
from offtake.planner.reading import Reading
from offtake.planner.tables import tidy


def meter_use_rows(reading: Reading, answer: Answer) -> tuple[MeterUseRow, ...]:
    """Every meter that adds up over a window with a bound, by window and period: what counts, and in all so far.

    Measures that stand (accelerators, MW, units, tokens/s) are left out: they are the same in every hour of a period.
    """
    metered = {one.meter for one in answer.formulation.metered}
    found: list[MeterUseRow] = []
    for meter in reading.law.meters:
        if meter.id in metered and meter.window != "minute" and meter.measure not in (*STOCKS, "token-rate"):
            found.extend(_used(reading, answer, meter))
    return tuple(found)


def _used(reading: Reading, answer: Answer, meter: Meter) -> Iterator[MeterUseRow]:
    calendar = answer.formulation.instance.calendar
    held = in_force(meter.scope, reading.position)
    windows = () if held is None else meter_windows(calendar, meter.window, *held)
    if not windows:
        return
    uses = _by_period(reading, answer, meter)
    settled = _settled(reading, answer, meter) if meter.measure == "money" else np.zeros_like(uses)
    first_window = {t: w for w, window in reversed(list(enumerate(windows))) for t, _ in window.shares}
    for w, window in enumerate(windows):
        so_far = 0.0
        for t, share in window.shares:
            amount = share * uses[t] + (settled[t] if first_window[t] == w else 0.0)
            so_far += float(amount)
            yield MeterUseRow(
                meter=meter.id,
                clause=meter.origin.clause,
                window=window.label,
                period=calendar.labels[t],
                measure=meter.measure,
                counted=tidy(float(amount)),
                so_far=tidy(so_far),
            )


def _by_period(reading: Reading, answer: Answer, meter: Meter) -> Floats:
    """(period,) what a meter counts of orders, runs and traffic, in its measure."""
    formulation, instance = answer.formulation, answer.formulation.instance
    what = counted(reading, formulation, meter)
    total = what.fixed.astype(np.float64)
    for n, amounts in what.ways.items():
        if n < 0:
            total = total + answer.shells[-1 - n] @ amounts
        elif formulation.ways[n].way.hourly:
            total = total + np.diagonal(amounts) * (answer.ordered[n] @ instance.hour_weights)
        else:
            total = total + answer.ordered[n] @ amounts
    for r, factors in what.runs.items():
        total = total + (answer.placed[r] * factors).sum(axis=0)
    if what.seats is not None and what.seats.any():
        hours = instance.calendar.hours()[:, None] * instance.hour_weights[None, :]
        total = total + np.einsum("ijt,ijth,th->t", what.seats, answer.served, hours)
    return total


def _settled(reading: Reading, answer: Answer, meter: Meter) -> Floats:
    """(period,) what shortfalls and prices of other clauses add to a money meter, as its rows count them."""
    formulation = answer.formulation
    rate = rate_by_period(reading, formulation, meter.currency)
    inner = {one.id for one in reading.law.meters if one.within == meter.id}
    narrow = bool(meter.scope.covers.supply_keys() or meter.scope.covers.workload_keys())
    ceiling = meter.lower is None
    total = np.zeros(len(rate))
    for side, amount in zip(formulation.side_columns, answer.side, strict=True):
        nested = side.kind != "tier" and side.source in inner
        other = (side.kind == "tier" or (ceiling and side.source != meter.id)) and not narrow
        counts = (nested and not ceiling) or (other and pays(meter, "settlement", side.payer, side.payee))
        if counts:
            owed = (side.price * amount).reshape(len(side.period), -1).sum(axis=1)
            np.add.at(total, side.period, owed * rate[side.period])
    return total
