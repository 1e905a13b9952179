"""A borrower's sources as columns and rows: what is drawn, what is owed, and what that costs.

A source's columns stand in its own currency and in `scales.money`; wherever they meet other money, at the period's
rate. Draws are made in the middle of a period and repayments at its end, so a period's interest is on what was
outstanding before and on half of what is drawn in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from offtake.planner.draft import Draft, LimitRows, weight_of
from offtake.planner.finance.terms import Borrower, SourceArrays
from offtake.planner.instance import Floats
from offtake.planner.program import Block

OTHERS: Final = 1e-4  # What interest and fees between others weigh, so that nobody borrows without need.


@dataclass(frozen=True, slots=True)
class Weights:
    """What a facility's flows weigh in the objective: draws, interest and fees, and principal paid back."""

    draw: float
    cost: float
    principal: float


def weights_of(party: str, lender: str, borrower: str) -> Weights:
    """The party's own borrowing or lending as its cash flow; between others only what borrowing costs, and little."""
    if party in (lender, borrower):
        pays = weight_of(party, borrower, lender)
        return Weights(-pays, pays, pays)
    return Weights(0.0, OTHERS, 0.0)


@dataclass(frozen=True, slots=True)
class SourceColumns:
    """A source's columns over periods: what is drawn, and what is owed on it at the period's end."""

    source: SourceArrays
    drawn: Block
    owed: Block | None


def add_source(draft: Draft, borrower: Borrower, one: SourceArrays) -> SourceColumns:
    """The columns of a source, within its commitment, and what is owed on it."""
    builder, axis, money = draft.builder, draft.period_axis, draft.scales.money
    name = f"{borrower.party}.{one.terms.id}"
    source = f"finance.{borrower.party}.sources.{one.terms.id}"
    drawn = builder.columns(f"draw {name}", axis, where=one.open, upper=inf, source=source)
    most = builder.rows(f"commitment {name}", {}, upper=one.amount / money, source=source)
    builder.entries(most.index, drawn.index, 1.0)
    unit = money * float(one.rates[0])
    draft.limits.append(LimitRows(most, source, f"money of {one.terms.id}", unit, "money"))
    if not one.is_owed:
        return SourceColumns(one, drawn, None)
    owed = builder.columns(f"owed {name}", axis, source=source)
    rows = builder.rows(f"balance {name}", axis, lower=0.0, upper=0.0, source=source)
    builder.entries(rows.index, owed.index, 1.0)
    builder.entries(rows.index[1:], owed.index[:-1], -1.0)
    builder.entries(rows.index, drawn.index, -1.0)
    builder.entries(rows.index[:, None], drawn.index[None, :], one.due[:, None])
    found = SourceColumns(one, drawn, owed)
    _weigh(draft, borrower, found)
    return found


def _weigh(draft: Draft, borrower: Borrower, columns: SourceColumns) -> None:
    """What is owed weighs in the objective: the party's own borrowing as its cash flow, that of others little."""
    one, owed = columns.source, columns.owed
    party, worth = draft.instance.party, draft.instance.calendar.discounts() * one.rates
    weights = weights_of(party, one.terms.provider, borrower.party)
    cost = weights.draw * worth + weights.principal * float(one.due @ worth)
    cost += weights.cost * (one.interest / 2 * worth - fee_of_draw(one).T @ worth)
    draft.builder.add_cost(columns.drawn.index, cost)
    draft.offset += weights.cost * float((one.upfront + one.undrawn * one.amount) @ worth)
    if owed is not None:
        draft.builder.add_cost(owed.index[:-1], weights.cost * one.interest[1:] * worth[1:])
        draft.builder.add_cost(owed.index[-1:], weights.principal * worth[-1])


def fee_of_draw(one: SourceArrays) -> Floats:
    """(period, draw period) what a unit drawn saves in commitment fees: half of its own period's, all of later ones."""
    count = len(one.undrawn)
    share = np.tril(np.ones((count, count)), -1) + np.eye(count) / 2
    return one.undrawn[:, None] * share


def enter_interest(draft: Draft, rows: NDArray[np.int32], columns: SourceColumns, factor: float) -> None:
    """Enters a source's interest into rows (period,), times a factor."""
    one = columns.source
    rate = factor * one.interest * one.rates
    if columns.owed is not None:
        draft.builder.entries(rows[1:], columns.owed.index[:-1], rate[1:])
        draft.builder.entries(rows, columns.drawn.index, rate / 2)


def enter_repayment(draft: Draft, rows: NDArray[np.int32], columns: SourceColumns, factor: float) -> None:
    """Enters what is repaid of a source, or credited, into rows (period,), times a factor."""
    due = factor * columns.source.due * columns.source.rates
    draft.builder.entries(rows[:, None], columns.drawn.index[None, :], due[:, None])


def enter_fees(draft: Draft, rows: NDArray[np.int32], columns: SourceColumns, factor: float) -> None:
    """Enters what draws save of a source's commitment fees into rows (period,), times a factor."""
    saved = fee_of_draw(columns.source) * columns.source.rates[:, None]
    draft.builder.entries(rows[:, None], columns.drawn.index[None, :], factor * saved)


def fees_undrawn(borrower: Borrower) -> Floats:
    """(period,) the fees of all sources as if nothing were drawn."""
    total = np.zeros(len(borrower.sources[0].undrawn))
    for one in borrower.sources:
        total += (one.upfront + one.undrawn * one.amount) * one.rates
    return total


def add_proportions(draft: Draft, borrower: Borrower, sources: tuple[SourceColumns, ...]) -> None:
    """Rows by which the sources of a group are drawn in proportion to their amounts in every period."""
    by_id = {one.source.terms.id: one for one in sources}
    for group in borrower.together:
        for first, other in pairwise(group):
            one, two = by_id[first], by_id[other]
            rows = draft.builder.rows(
                f"pro rata {borrower.party}.{first}.{other}",
                draft.period_axis,
                lower=0.0,
                upper=0.0,
                where=one.source.open & two.source.open,
                source=f"finance.{borrower.party}.pro_rata",
            )
            draft.builder.entries(rows.index, one.drawn.index, 1.0)
            draft.builder.entries(rows.index, two.drawn.index, -one.source.amount / two.source.amount)
