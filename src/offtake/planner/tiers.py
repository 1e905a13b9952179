"""Prices by tier and shares with a cap: convex ones as they are, others exact by integers. Nothing is approximated."""

from __future__ import annotations

from itertools import pairwise
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray

from offtake.domain.errors import InvalidInput
from offtake.law.primitives import Meter, PriceSchedule
from offtake.planner.draft import Draft, SideColumns
from offtake.planner.instance import Floats
from offtake.planner.metering import Measured, measure_rows
from offtake.planner.program import Block
from offtake.planner.reading import Reading


def add_price(reading: Reading, draft: Draft, schedule: PriceSchedule) -> None:
    """What a price clause adds to the payer's cost, per window of what it measures.

    Raises InvalidInput for a concave price over a quantity without a bound, which no finite program states exactly.
    """
    meter = Meter(
        schedule.id,
        schedule.origin,
        schedule.scope,
        schedule.measure,
        schedule.window,
        currency=schedule.currency,
        payer=schedule.payer if schedule.measure == "money" else None,
    )
    measured = measure_rows(reading, draft, meter, lower=0.0, upper=0.0, name=f"priced {schedule.id}")
    if measured is None or measured.rows.index.ndim == 2:
        return
    pieces = _pieces(reading, schedule)
    most = _most(draft, measured)
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


def _most(draft: Draft, measured: Measured) -> Floats:
    """(window,) the most that could be counted if every load and run drew on the meter at its dearest; inf if open."""
    program = draft.builder.build()
    columns = np.repeat(np.arange(program.column_count), np.diff(program.start))
    rows = measured.rows.index
    found = np.zeros(len(rows))
    positive = program.value > 0
    for w, row in enumerate(rows):
        mine = (program.index == row) & positive
        found[w] = float((program.value[mine] * program.col_upper[columns[mine]]).sum()) * measured.unit
    for measure in draft.measures:
        demand = np.array([load.tokens_per_s for load in draft.instance.serving.loads]) / draft.scales.load
        coefficient: Floats = np.max(np.asarray(measure.coefficient, dtype=np.float64), axis=0)
        dearest = coefficient[:, :, None] * np.asarray(measure.weight, dtype=np.float64)[None] * demand
        for w, row in enumerate(rows):
            found[w] += float(dearest[:, np.asarray(measure.rows) == row].sum()) * measured.unit
    return found + measured.fixed


def _segments(
    draft: Draft,
    schedule: PriceSchedule,
    measured: Measured,
    pieces: list[tuple[float, float, float]],
    most: Floats,
) -> None:
    prices = [price for _, _, price in pieces]
    rising = schedule.tiering == "marginal" and all(a <= b for a, b in pairwise(prices))
    pays = draft.sign(schedule.payer, schedule.payee)
    if rising or len(pieces) == 1:
        _filled_in_order(draft, schedule, measured, pieces, pays)
        return
    if not np.isfinite(most).all():
        raise InvalidInput(
            f"`{schedule.id}`: a price that falls with quantity needs a bound on the quantity",
            hint="put a limit on the products it covers, or state the tiers as rising",
        )
    _one_chosen(draft, schedule, measured, pieces, pays, most)


def _settled(draft: Draft, measured: Measured) -> tuple[NDArray[np.intp], Floats, Floats]:
    """By window: the period of settlement, its discount, and how often the tiers apply in it."""
    last = np.array([window.shares[-1][0] for window in measured.windows], dtype=np.intp)
    repeats = np.array([window.repeats for window in measured.windows])
    return last, draft.instance.calendar.discounts()[last], repeats


def _filled_in_order(
    draft: Draft,
    schedule: PriceSchedule,
    measured: Measured,
    pieces: list[tuple[float, float, float]],
    pays: float,
) -> None:
    """A price that rises with quantity: the cheapest piece fills first by itself."""
    unit, axis = measured.unit, dict(measured.rows.axes)
    last, discount, repeats = _settled(draft, measured)
    for n, (start, end, price) in enumerate(pieces):
        columns = draft.builder.columns(
            f"tier {n + 1} {schedule.id}",
            axis,
            cost=price * unit * discount * pays / draft.scales.money,
            upper=(end - start) * repeats / unit,
            source=schedule.origin.clause,
        )
        draft.builder.entries(measured.rows.index, columns.index, -1.0)
        _note(draft, schedule, columns, np.full(len(last), price), last, unit)


def _one_chosen(
    draft: Draft,
    schedule: PriceSchedule,
    measured: Measured,
    pieces: list[tuple[float, float, float]],
    pays: float,
    most: Floats,
) -> None:
    """A price that falls with quantity: the whole quantity lies in one chosen tier, whose price line is
    price·q for all units, and (paid below the tier) + price·(q − its start) at the margin."""
    builder, unit, axis = draft.builder, measured.unit, dict(measured.rows.axes)
    last, discount, repeats = _settled(draft, measured)
    one = builder.rows(f"one tier {schedule.id}", axis, upper=1.0, source=schedule.origin.clause)
    below = 0.0
    for n, (start, end, price) in enumerate(pieces):
        constant = (
            np.zeros(len(last)) if schedule.tiering == "all-units" else (below - price * start) * repeats
        )
        quantity = builder.columns(
            f"tier {n + 1} {schedule.id}",
            axis,
            cost=price * unit * discount * pays / draft.scales.money,
            source=schedule.origin.clause,
        )
        chosen = builder.columns(
            f"in tier {n + 1} {schedule.id}",
            axis,
            cost=constant * discount * pays / draft.scales.money,
            upper=1.0,
            integer=True,
            source=schedule.origin.clause,
        )
        builder.entries(measured.rows.index, quantity.index, -1.0)
        builder.entries(one.index, chosen.index, 1.0)
        low = builder.rows(f"from tier {n + 1} {schedule.id}", axis, lower=0.0, source=schedule.origin.clause)
        high = builder.rows(f"to tier {n + 1} {schedule.id}", axis, upper=0.0, source=schedule.origin.clause)
        for rows, bound in ((low, start * repeats), (high, np.minimum(end * repeats, most))):
            builder.entries(rows.index, quantity.index, 1.0)
            builder.entries(rows.index, chosen.index, -bound / unit)
        _note(draft, schedule, quantity, np.full(len(last), price), last, unit)
        _note(draft, schedule, chosen, constant, last, 1.0)
        below += price * (end - start) if isfinite(end) else 0.0


def _note(
    draft: Draft, schedule: PriceSchedule, columns: Block, price: Floats, last: NDArray[np.intp], unit: float
) -> None:
    draft.side_columns.append(
        SideColumns("tier", columns, schedule.id, schedule.payer, schedule.payee, price, last, unit)
    )
