"""Prices by tier and shares with a cap: convex ones as they are, others exact by integers. Nothing is approximated."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from offtake.domain.errors import InvalidInput
from offtake.law.pricing import counter_of
from offtake.law.primitives import PriceSchedule
from offtake.planner.counting import STOCKS
from offtake.planner.draft import Draft, SideColumns
from offtake.planner.instance import Floats
from offtake.planner.measuring import Measured, measure_rows, most_counted
from offtake.planner.program import Block
from offtake.planner.reading import Reading


def add_price(reading: Reading, draft: Draft, schedule: PriceSchedule) -> None:
    """What a price clause adds to the payer's cost, per window of what it measures.

    Raises InvalidInput for a concave price over a quantity without a bound, which no finite program states exactly.
    """
    measured = measure_rows(
        reading,
        draft,
        counter_of(schedule),
        lower=0.0,
        upper=0.0,
        shortfalls=True,
        name=f"priced {schedule.id}",
    )
    if measured is None:
        return
    pieces = _pieces(reading, schedule)
    most = most_counted(draft, measured)
    _segments(draft, schedule, measured, pieces, most)


def _pieces(reading: Reading, schedule: PriceSchedule) -> list[tuple[float, float, float]]:
    """(from, to, price per unit) of each piece, in the estate's currency."""
    if schedule.share is not None:
        share = float(schedule.share)
        if schedule.cap is None or share == 0:
            return [(0.0, inf, share)]
        cap = reading.in_estate_currency(float(schedule.cap), schedule.currency)
        return [(0.0, cap / share, share), (cap / share, inf, 0.0)]
    found: list[tuple[float, float, float]] = []
    start = 0.0
    for tier in schedule.tiers:
        end = inf if tier.up_to is None else float(tier.up_to)
        found.append((start, end, reading.in_estate_currency(float(tier.price), schedule.currency)))
        start = end
    return found


@dataclass(frozen=True, slots=True)
class _Settled:
    """How a price's rows are settled: the period by window; by cell, times, discount and repeats of the tiers."""

    period: NDArray[np.intp]  # (window,)
    times: Floats  # Hours that a level stands for; 1 for what adds up over time.
    discount: Floats
    repeats: Floats


def _settled(draft: Draft, measured: Measured) -> _Settled:
    last = np.array([window.shares[-1][0] for window in measured.windows], dtype=np.intp)
    level = measured.meter.measure in (*STOCKS, "token-rate")
    times = draft.instance.calendar.hours()[last] if level else np.ones(len(last))
    repeats = np.ones(len(last)) if level else np.array([window.repeats for window in measured.windows])
    discount = draft.instance.calendar.discounts()[last]
    if measured.rows.index.ndim == 1:
        return _Settled(last, times, discount, repeats)
    return _Settled(
        last, times[:, None] * draft.instance.hour_weights[None, :], discount[:, None], repeats[:, None]
    )


def _segments(
    draft: Draft,
    schedule: PriceSchedule,
    measured: Measured,
    pieces: list[tuple[float, float, float]],
    most: Floats,
) -> None:
    """Tiers fill in order by themselves where what they cost the party rises; else one of them is chosen."""
    prices = [price for _, _, price in pieces]
    weight = draft.sign(schedule.payer, schedule.payee)
    marginal = schedule.tiering == "marginal"
    rising = marginal and all(a <= b for a, b in pairwise(prices))
    falling = marginal and all(a >= b for a, b in pairwise(prices))
    if len(pieces) == 1 or (rising and weight > 0) or (falling and weight < 0):
        _filled_in_order(draft, schedule, measured, pieces, weight)
        return
    if not np.isfinite(most).all():
        raise InvalidInput(
            f"`{schedule.id}`: this price needs a bound on its quantity, or its tiers cannot be told apart",
            hint="put a limit on the products it covers, or state tiers that rise for whoever is planned for",
        )
    _one_chosen(draft, schedule, measured, pieces, weight, most)


def _filled_in_order(
    draft: Draft,
    schedule: PriceSchedule,
    measured: Measured,
    pieces: list[tuple[float, float, float]],
    weight: float,
) -> None:
    """The piece that is best for the party fills first by itself, and that is the first one."""
    unit, axes = measured.unit, dict(measured.rows.axes)
    settled = _settled(draft, measured)
    for n, (start, end, price) in enumerate(pieces):
        owed = price * settled.times
        columns = draft.builder.columns(
            f"tier {n + 1} {schedule.id}",
            axes,
            cost=owed * unit * settled.discount * weight / draft.scales.money,
            upper=(end - start) * settled.repeats / unit,
            source=schedule.origin.clause,
        )
        draft.builder.entries(measured.rows.index, columns.index, -1.0)
        _note(draft, schedule, columns, owed, settled.period, unit, weight)


def _one_chosen(
    draft: Draft,
    schedule: PriceSchedule,
    measured: Measured,
    pieces: list[tuple[float, float, float]],
    weight: float,
    most: Floats,
) -> None:
    """The whole quantity lies in one chosen tier, whose price line is price·q for all units, and (paid below the
    tier) + price·(q − its start) at the margin."""
    builder, unit, axes = draft.builder, measured.unit, dict(measured.rows.axes)
    clause, settled = schedule.origin.clause, _settled(draft, measured)
    into_objective = settled.discount * weight / draft.scales.money
    one = builder.rows(f"one tier {schedule.id}", axes, upper=1.0, source=clause)
    below = 0.0
    for n, (start, end, price) in enumerate(pieces):
        owed = price * settled.times
        flat = 0.0 if schedule.tiering == "all-units" else below - price * start
        constant = flat * settled.repeats * settled.times
        quantity = builder.columns(
            f"tier {n + 1} {schedule.id}", axes, cost=owed * unit * into_objective, source=clause
        )
        chosen = builder.columns(
            f"in tier {n + 1} {schedule.id}",
            axes,
            cost=constant * into_objective,
            upper=1.0,
            integer=True,
            source=clause,
        )
        builder.entries(measured.rows.index, quantity.index, -1.0)
        builder.entries(one.index, chosen.index, 1.0)
        low = builder.rows(f"from tier {n + 1} {schedule.id}", axes, lower=0.0, source=clause)
        high = builder.rows(f"to tier {n + 1} {schedule.id}", axes, upper=0.0, source=clause)
        for rows, bound in ((low, start * settled.repeats), (high, np.minimum(end * settled.repeats, most))):
            builder.entries(rows.index, quantity.index, 1.0)
            builder.entries(rows.index, chosen.index, -bound / unit)
        _note(draft, schedule, quantity, owed, settled.period, unit, weight)
        _note(draft, schedule, chosen, constant, settled.period, 1.0, weight)
        below += price * (end - start) if isfinite(end) else 0.0


def _note(
    draft: Draft,
    schedule: PriceSchedule,
    columns: Block,
    price: Floats,
    period: NDArray[np.intp],
    unit: float,
    weight: float,
) -> None:
    spread = np.broadcast_to(price, columns.index.shape)
    draft.side_columns.append(
        SideColumns(
            "tier", columns, schedule.id, schedule.payer, schedule.payee, spread, period, unit, weight
        )
    )
