"""A borrower's money as columns and rows of the program: draws, balances, cash, covenants and the gap.

Money stands in the program in `scales.money`. Draws are made in the middle of a period and repayments at its end, so a
period's interest is on what was outstanding before and on half of what is drawn in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from offtake.planner.draft import Draft, LimitRows, weight_of
from offtake.planner.finance.terms import Borrower, SourceArrays
from offtake.planner.instance import Floats, Payment
from offtake.planner.program import ABSENT, Block
from offtake.planner.serving import Measure

OUT_OF_CASH: Final = ("salvage",)  # Kinds of payment that are worth something, and no money in the bank.
INVESTED: Final = ("capital",)  # Kinds of payment that are no cost of operation.


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
    """A source's columns over periods: what is drawn, and for debt what is outstanding at the period's end."""

    source: SourceArrays
    drawn: Block
    owed: Block | None


@dataclass(frozen=True, slots=True)
class FinanceColumns:
    """A borrower's columns over periods."""

    borrower: Borrower
    sources: tuple[SourceColumns, ...]
    cash: Block
    gap: Block
    funded: Block | None  # What is drawn into the reserve.


@dataclass(frozen=True, slots=True)
class _Flow:
    """A payment of the program's as it touches a borrower: +1 received, -1 paid."""

    sign: float
    invested: bool


def add_borrower(draft: Draft, borrower: Borrower) -> FinanceColumns:
    """The borrower's columns and rows, over every payment that the draft holds so far."""
    builder, axis, source = draft.builder, draft.period_axis, f"finance.{borrower.party}"
    money = draft.scales.money
    sources = tuple(_source(draft, borrower, one) for one in borrower.sources)
    discounts = draft.instance.calendar.discounts()
    cash = builder.columns(f"cash {borrower.party}", axis, lower=borrower.minimum_cash / money, source=source)
    gap = builder.columns(f"gap {borrower.party}", axis, cost=borrower.gap_price * discounts, source=source)
    funded = None if borrower.ahead is None else _funding(draft, borrower)
    columns = FinanceColumns(borrower, sources, cash, gap, funded)
    _cash(draft, columns)
    _uses(draft, columns)
    _gearing(draft, columns)
    _cover(draft, columns)
    _reserve(draft, columns)
    return columns


def _source(draft: Draft, borrower: Borrower, one: SourceArrays) -> SourceColumns:
    builder, axis, money = draft.builder, draft.period_axis, draft.scales.money
    name = f"{borrower.party}.{one.terms.id}"
    source = f"finance.{borrower.party}.sources.{one.terms.id}"
    drawn = builder.columns(f"draw {name}", axis, where=one.open, upper=inf, source=source)
    most = builder.rows(f"commitment {name}", {}, upper=one.amount / money, source=source)
    builder.entries(most.index, drawn.index, 1.0)
    draft.limits.append(LimitRows(most, source, f"money of {one.terms.id}", money, "money"))
    if not one.is_debt:
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
    """What debt weighs in the objective: the party's own borrowing as its cash flow, that of others as a tie-break."""
    one, owed = columns.source, columns.owed
    party, discounts = draft.instance.party, draft.instance.calendar.discounts()
    weights = weights_of(party, one.terms.provider, borrower.party)
    saved = _fee_of_draw(one).T @ discounts
    cost = weights.draw * discounts + weights.principal * float(one.due @ discounts)
    cost += weights.cost * (one.interest / 2 * discounts - saved)
    draft.builder.add_cost(columns.drawn.index, cost)
    draft.offset += weights.cost * float((one.upfront + one.undrawn * one.amount) @ discounts)
    if owed is not None:
        draft.builder.add_cost(owed.index[:-1], weights.cost * one.interest[1:] * discounts[1:])
        draft.builder.add_cost(owed.index[-1:], weights.principal * discounts[-1])


def _fee_of_draw(one: SourceArrays) -> Floats:
    """(period, draw period) what a unit drawn saves in commitment fees: half of its own period's, all of later ones."""
    count = len(one.undrawn)
    share = np.tril(np.ones((count, count)), -1) + np.eye(count) / 2
    return one.undrawn[:, None] * share


def _pays_interest(draft: Draft, rows: NDArray[np.int32], columns: SourceColumns, factor: float) -> None:
    one = columns.source
    if columns.owed is not None:
        draft.builder.entries(rows[1:], columns.owed.index[:-1], factor * one.interest[1:])
        draft.builder.entries(rows, columns.drawn.index, factor * one.interest / 2)


def _repays(draft: Draft, rows: NDArray[np.int32], columns: SourceColumns, factor: Floats | float) -> None:
    share = (
        np.broadcast_to(np.asarray(factor, dtype=np.float64), columns.source.due.shape) * columns.source.due
    )
    draft.builder.entries(rows[:, None], columns.drawn.index[None, :], share[:, None])


def _cash(draft: Draft, columns: FinanceColumns) -> None:
    """Cash at the end is cash before, and what comes in less what goes out."""
    builder, borrower, money = draft.builder, columns.borrower, draft.scales.money
    fixed = fixed_flows(draft, borrower, operating=False)
    fixed[0] += borrower.opening_cash
    for one in borrower.sources:
        fixed -= one.upfront + one.undrawn * one.amount
    rows = builder.rows(
        f"cash flow {borrower.party}",
        draft.period_axis,
        lower=fixed / money,
        upper=fixed / money,
        source=f"finance.{borrower.party}",
    )
    builder.entries(rows.index, columns.cash.index, 1.0)
    builder.entries(rows.index[1:], columns.cash.index[:-1], -1.0)
    builder.entries(rows.index, columns.gap.index, -1.0)
    for one in columns.sources:
        builder.entries(rows.index, one.drawn.index, -1.0)
        builder.entries(rows.index[:, None], one.drawn.index[None, :], -_fee_of_draw(one.source))
        _pays_interest(draft, rows.index, one, 1.0)
        _repays(draft, rows.index, one, 1.0)
    _enter(draft, borrower, rows.index, -1.0)


def _uses(draft: Draft, columns: FinanceColumns) -> None:
    """What is drawn in a period is at most what is paid out in it, and what goes into the reserve: nothing is borrowed
    to be kept."""
    builder, borrower, money = draft.builder, columns.borrower, draft.scales.money
    fixed = -fixed_flows(draft, borrower, operating=False, only=-1.0)
    for one in borrower.sources:
        fixed += one.upfront + one.undrawn * one.amount
    rows = builder.rows(f"uses {borrower.party}", draft.period_axis, upper=fixed / money)
    for one in columns.sources:
        builder.entries(rows.index, one.drawn.index, 1.0)
        builder.entries(rows.index[:, None], one.drawn.index[None, :], _fee_of_draw(one.source))
        _pays_interest(draft, rows.index, one, -1.0)
        _repays(draft, rows.index, one, -1.0)
    _enter(draft, borrower, rows.index, 1.0, only=-1.0)
    if columns.funded is not None:
        builder.entries(rows.index, columns.funded.index, -1.0)


def _gearing(draft: Draft, columns: FinanceColumns) -> None:
    """Debt outstanding is at most its share of debt outstanding and equity drawn so far."""
    borrower = columns.borrower
    if borrower.financing.gearing is None:
        return
    most = borrower.financing.gearing.value
    source = f"finance.{borrower.party}.gearing"
    rows = draft.builder.rows(f"gearing {borrower.party}", draft.period_axis, upper=0.0, source=source)
    so_far = np.tril(np.ones((len(rows.index), len(rows.index))))
    for one in columns.sources:
        if one.owed is not None:
            draft.builder.entries(rows.index, one.owed.index, 1.0 - most)
        else:
            draft.builder.entries(rows.index[:, None], one.drawn.index[None, :], -most * so_far)
    draft.limits.append(LimitRows(rows, source, "money of equity", draft.scales.money, "money"))


def covenant_periods(borrower: Borrower) -> NDArray[np.bool_]:
    """Periods in which cover is asked for: those in which something amortises."""
    due = [one.due for one in borrower.sources if one.terms.repayment == "amortising" and one.is_debt]
    return np.any(due, axis=0) if due else np.zeros(len(borrower.sources[0].due), dtype=np.bool_)


def _cover(draft: Draft, columns: FinanceColumns) -> None:
    """Operating cash, and what cures a want of it, is at least so many times the debt service. A bullet is refinanced,
    and its principal is not in the service."""
    borrower, money = columns.borrower, draft.scales.money
    if borrower.financing.dscr is None:
        return
    least, asked = borrower.financing.dscr.value, covenant_periods(borrower)
    fixed = fixed_flows(draft, borrower, operating=True)
    rows = draft.builder.rows(
        f"cover {borrower.party}",
        draft.period_axis,
        lower=-fixed / money,
        where=asked,
        source=f"finance.{borrower.party}.dscr",
    )
    _enter(draft, borrower, rows.index, 1.0, operating=True)
    draft.builder.entries(rows.index, columns.gap.index, 1.0)
    for one in columns.sources:
        _pays_interest(draft, rows.index, one, -least)
        if one.source.terms.repayment == "amortising":
            _repays(draft, rows.index, one, -least)


def _reserve(draft: Draft, columns: FinanceColumns) -> None:
    """Cash at a period's end holds the debt service of the reserve's span."""
    borrower = columns.borrower
    if borrower.ahead is None:
        return
    rows = draft.builder.rows(
        f"reserve {borrower.party}", draft.period_axis, lower=0.0, source=f"finance.{borrower.party}.reserve"
    )
    draft.builder.entries(rows.index, columns.cash.index, 1.0)
    _reserved(draft, columns, rows.index)
    if columns.funded is None:
        return
    drawn = columns.funded.index != ABSENT
    most = draft.builder.rows(
        f"reserve drawn {borrower.party}",
        draft.period_axis,
        upper=0.0,
        where=drawn,
        source=f"finance.{borrower.party}.reserve",
    )
    so_far = np.tril(np.ones((len(drawn), len(drawn))))
    draft.builder.entries(most.index[:, None], columns.funded.index[None, :], so_far)
    _reserved(draft, columns, most.index)


def _reserved(draft: Draft, columns: FinanceColumns, rows: NDArray[np.int32]) -> None:
    """Enters into rows (period,), as a negative amount, the debt service that the reserve is to hold."""
    ahead = columns.borrower.ahead
    if ahead is None:
        return
    for one in columns.sources:
        if one.owed is None:
            continue
        interest = ahead * one.source.interest[None, :]
        draft.builder.entries(rows[:, None], one.owed.index[None, :-1], -interest[:, 1:])
        draft.builder.entries(rows[:, None], one.drawn.index[None, :], -interest / 2)
        if one.source.terms.repayment == "amortising":
            due = ahead @ one.source.due
            draft.builder.entries(rows[:, None], one.drawn.index[None, :], -due[:, None])


def _funding(draft: Draft, borrower: Borrower) -> Block:
    """Columns for what is drawn into the reserve, while debt may be drawn."""
    open_ = np.any(
        [one.open for one in borrower.sources if one.is_debt] or [np.zeros(1, dtype=np.bool_)], axis=0
    )
    return draft.builder.columns(
        f"reserve funded {borrower.party}",
        draft.period_axis,
        where=open_,
        source=f"finance.{borrower.party}.reserve",
    )


def _touches(borrower: Borrower, payment: Payment) -> _Flow | None:
    """How a payment touches a borrower's cash; None if it does not, or stays inside its group."""
    gets, pays = payment.payee in borrower.members, payment.payer in borrower.members
    if payment.kind in OUT_OF_CASH or gets == pays:
        return None
    return _Flow(1.0 if gets else -1.0, payment.kind in INVESTED)


def _counts(flow: _Flow | None, *, operating: bool, only: float) -> float:
    if flow is None or (operating and flow.invested) or (only and flow.sign != only):
        return 0.0
    return flow.sign


def fixed_flows(draft: Draft, borrower: Borrower, *, operating: bool, only: float = 0.0) -> Floats:
    """(period,) money received less paid whatever is decided; `only` keeps one direction."""
    total = np.zeros(len(draft.instance.calendar.periods))
    for pool in draft.instance.pools:
        for payment in pool.fixed_payments:
            total += _counts(_touches(borrower, payment), operating=operating, only=only) * payment.amounts
    return total


def _enter(
    draft: Draft,
    borrower: Borrower,
    rows: NDArray[np.int32],
    factor: float,
    *,
    operating: bool = False,
    only: float = 0.0,
) -> None:
    """Enters into rows (period,) what every column of the draft moves: received less paid, times a factor, or with
    `only` -1 what it pays, as a negative amount of use."""
    builder, instance, money = draft.builder, draft.instance, draft.scales.money
    for block, unit, hourly, payments in _ordered(draft):
        for payment in payments:
            sign = factor * _counts(_touches(borrower, payment), operating=operating, only=only) / money
            if not sign:
                continue
            if hourly:
                per_hour = np.diagonal(payment.amounts)[:, None] * instance.hour_weights[None, :]
                builder.entries(rows[:, None], block.index, sign * unit * per_hour)
            else:
                builder.entries(rows[None, :], block.index[:, None], sign * unit * payment.amounts)
    _enter_tokens(draft, borrower, rows, factor, only)
    for side in draft.side_columns:
        gets, pays = side.payee in borrower.members, side.payer in borrower.members
        sign = 0.0 if gets == pays else 1.0 if gets else -1.0
        if sign and (not only or sign == only):
            shape = (-1, *[1] * (side.columns.index.ndim - 1))
            place = rows[side.period].reshape(shape)
            builder.entries(place, side.columns.index, factor * sign * side.price * side.unit / money)


def _ordered(draft: Draft) -> Iterator[tuple[Block, float, bool, tuple[Payment, ...]]]:
    for columns in draft.ways:
        yield columns.ordered, columns.unit, columns.way.hourly, columns.way.payments
    for n, block in draft.shells:
        yield block, 1.0, False, draft.instance.rooms[n].shell_payments


def _enter_tokens(
    draft: Draft, borrower: Borrower, rows: NDArray[np.int32], factor: float, only: float
) -> None:
    """Tokens that are bought by use of a member, or by one."""
    serving = draft.instance.serving
    signs = np.zeros(len(serving.payers))
    for i, (payer, payee) in enumerate(serving.payers):
        gets, pays = payee in borrower.members, payer in borrower.members
        sign = 0.0 if gets == pays else 1.0 if gets else -1.0
        signs[i] = sign if not only or sign == only else 0.0
    if not signs.any():
        return
    coefficient = factor * signs[:, None, None] * serving.price * draft.scales.load / draft.scales.money
    if coefficient.any():
        present = np.where(rows == ABSENT, ABSENT, rows)
        slots = np.repeat(present[:, None], len(draft.instance.hour_ids), axis=1)
        draft.measures.append(Measure(rows=slots, coefficient=coefficient, weight=draft.slot_weights()))
