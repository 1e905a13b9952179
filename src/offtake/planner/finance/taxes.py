"""Tax on a borrower's profit as columns and rows: what is taxed in a period, and losses carried forward.

Profit is what is earned less costs of operation, straight-line depreciation, interest, fees, and what debt in another
currency grows by. Losses are carried forward without end, so what is taxed until a day is at least all profit until
then. Nothing is gained by more: the rate is one rate, nothing is drawn to pay tax, and cover is counted before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from offtake.domain.estate import Estate
from offtake.domain.handoffs import THE_STATE
from offtake.planner.draft import Draft
from offtake.planner.finance.payments import ACCRUED, INVESTED, enter_payments, fixed_flows
from offtake.planner.finance.sources import SourceColumns, fee_of_draw, weights_of
from offtake.planner.finance.terms import Borrower
from offtake.planner.instance import Floats, Payment
from offtake.planner.program import Block
from offtake.planner.supply_draft import order_days, shell_days


@dataclass(frozen=True, slots=True)
class TaxColumns:
    """What is taxed in each period, and losses carried forward at its end, (period,) both; the rate."""

    taxed: Block
    losses: Block
    rate: float


def add_tax(
    draft: Draft, estate: Estate, borrower: Borrower, sources: Sequence[SourceColumns]
) -> TaxColumns | None:
    """The columns of a borrower's tax and the row of its profit; None where all is before tax."""
    if borrower.tax is None:
        return None
    builder, axis, money = draft.builder, draft.period_axis, draft.scales.money
    source = f"finance.{borrower.party}.tax"
    weight = weights_of(draft.instance.party, THE_STATE, borrower.party).cost
    cost = weight * borrower.tax * draft.instance.calendar.discounts()
    taxed = builder.columns(f"taxed {borrower.party}", axis, cost=cost, source=source)
    losses = builder.columns(f"losses {borrower.party}", axis, source=source)
    fixed = fixed_flows(draft, borrower, ACCRUED)
    for one in borrower.sources:
        fixed -= (one.upfront + one.undrawn * one.amount) * one.rates
    rows = builder.rows(
        f"profit {borrower.party}", axis, lower=fixed / money, upper=fixed / money, source=source
    )
    builder.entries(rows.index, taxed.index, 1.0)
    builder.entries(rows.index, losses.index, -1.0)
    builder.entries(rows.index[1:], losses.index[:-1], 1.0)
    enter_payments(draft, borrower, rows.index, -1.0, ACCRUED)
    for one in sources:
        _enter_source(draft, rows.index, one)
    _enter_depreciation(draft, estate, borrower, rows.index)
    return TaxColumns(taxed, losses, borrower.tax)


def _enter_source(draft: Draft, rows: NDArray[np.int32], columns: SourceColumns) -> None:
    """Interest and fees, and what is owed in another currency growing with its rate."""
    one, entries = columns.source, draft.builder.entries
    if columns.owed is None:
        return
    entries(rows[:, None], columns.drawn.index[None, :], -fee_of_draw(one) * one.rates[:, None])
    entries(rows, columns.drawn.index, one.interest / 2 * one.rates)
    entries(rows[1:], columns.owed.index[:-1], one.interest[1:] * one.rates[1:] + np.diff(one.rates))


def _enter_depreciation(draft: Draft, estate: Estate, borrower: Borrower, rows: NDArray[np.int32]) -> None:
    for columns in draft.ways:
        pool = draft.instance.pools[columns.way.pool]
        paid = _capital(borrower, columns.way.payments)
        if paid is not None:
            days = [
                order_days(estate, draft.instance.calendar, columns.way, pool, o) for o in range(len(rows))
            ]
            _write_down(draft, rows, columns.ordered, columns.unit, paid, days)
    for n, block in draft.shells:
        room = draft.instance.rooms[n]
        paid = _capital(borrower, room.shell_payments)
        if paid is not None:
            days = [shell_days(estate, draft.instance.calendar, room.site, o) for o in range(len(rows))]
            _write_down(draft, rows, block, 1.0, paid, days)


def _capital(borrower: Borrower, payments: Sequence[Payment]) -> Floats | None:
    """(order period,) what a unit costs the group to build; None if nothing."""
    mine = [
        np.diagonal(one.amounts)
        for one in payments
        if one.kind in INVESTED and one.payer in borrower.members and one.payee not in borrower.members
    ]
    return np.sum(mine, axis=0) if mine else None


def _write_down(
    draft: Draft,
    rows: NDArray[np.int32],
    ordered: Block,
    unit: float,
    paid: Floats,
    days: Sequence[tuple[date, date | None]],
) -> None:
    """Enters into rows (period,) what is written down of each order, evenly by the day over its life."""
    periods = draft.instance.calendar.periods
    shares = np.zeros((len(rows), len(periods)))
    for o, (begins, ends) in enumerate(days):
        if ends is not None and ends > begins:
            whole = (ends - begins).days
            for t, period in enumerate(periods):
                inside = (min(period.ends, ends) - max(period.begins, begins)).days
                shares[o, t] = max(inside, 0) / whole
    size = unit / draft.scales.money
    draft.builder.entries(rows[None, :], ordered.index[:, None], size * paid[:, None] * shares)
