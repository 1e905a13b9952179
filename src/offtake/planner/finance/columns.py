"""A borrower's money as columns and rows of the program: its sources, cash, covenants, tax and the gap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offtake.domain.estate import Estate
from offtake.planner.draft import Draft, LimitRows
from offtake.planner.finance.payments import EVERYTHING, OPERATING, PAID, Which, enter_payments, fixed_flows
from offtake.planner.finance.sources import (
    SourceColumns,
    add_proportions,
    add_source,
    enter_fees,
    enter_interest,
    enter_repayment,
    fees_undrawn,
)
from offtake.planner.finance.taxes import TaxColumns, add_tax
from offtake.planner.finance.terms import Borrower
from offtake.planner.program import ABSENT, Block


@dataclass(frozen=True, slots=True)
class FinanceColumns:
    """A borrower's columns over periods."""

    borrower: Borrower
    sources: tuple[SourceColumns, ...]
    cash: Block
    gap: Block
    funded: Block | None  # What is drawn into the reserve.
    tax: TaxColumns | None = None

    @property
    def debts(self) -> tuple[SourceColumns, ...]:
        """What is borrowed, and served."""
        return tuple(one for one in self.sources if one.source.is_debt)

    @property
    def prepayments(self) -> tuple[SourceColumns, ...]:
        """What customers pay in advance."""
        return tuple(one for one in self.sources if one.source.terms.kind == "prepayment")


def add_borrower(draft: Draft, estate: Estate, borrower: Borrower) -> FinanceColumns:
    """The borrower's columns and rows, over every payment that the draft holds so far."""
    builder, axis, source = draft.builder, draft.period_axis, f"finance.{borrower.party}"
    money = draft.scales.money
    sources = tuple(add_source(draft, borrower, one) for one in borrower.sources)
    add_proportions(draft, borrower, sources)
    discounts = draft.instance.calendar.discounts()
    cash = builder.columns(f"cash {borrower.party}", axis, lower=borrower.minimum_cash / money, source=source)
    gap = builder.columns(f"gap {borrower.party}", axis, cost=borrower.gap_price * discounts, source=source)
    funded = None if borrower.ahead is None else _funding(draft, borrower)
    tax = add_tax(draft, estate, borrower, sources)
    columns = FinanceColumns(borrower, sources, cash, gap, funded, tax)
    _cash(draft, columns)
    _uses(draft, columns)
    _credits(draft, columns)
    _gearing(draft, columns)
    _cover(draft, columns)
    _reserve(draft, columns)
    return columns


def _cash(draft: Draft, columns: FinanceColumns) -> None:
    """Cash at the end is cash before, and what comes in less what goes out."""
    builder, borrower, money = draft.builder, columns.borrower, draft.scales.money
    fixed = fixed_flows(draft, borrower, EVERYTHING) - fees_undrawn(borrower)
    fixed[0] += borrower.opening_cash
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
        builder.entries(rows.index, one.drawn.index, -one.source.rates)
        enter_fees(draft, rows.index, one, -1.0)
        enter_interest(draft, rows.index, one, 1.0)
        enter_repayment(draft, rows.index, one, 1.0)
    if columns.tax is not None:
        builder.entries(rows.index, columns.tax.taxed.index, columns.tax.rate)
    enter_payments(draft, borrower, rows.index, -1.0, EVERYTHING)


def _uses(draft: Draft, columns: FinanceColumns) -> None:
    """What is drawn in a period is at most what is paid out in it, and what goes into the reserve: nothing is borrowed
    to be kept, and nothing to pay tax."""
    builder, borrower, money = draft.builder, columns.borrower, draft.scales.money
    fixed = fees_undrawn(borrower) - fixed_flows(draft, borrower, PAID)
    rows = builder.rows(f"uses {borrower.party}", draft.period_axis, upper=fixed / money)
    for one in columns.sources:
        builder.entries(rows.index, one.drawn.index, one.source.rates)
        enter_fees(draft, rows.index, one, 1.0)
        enter_interest(draft, rows.index, one, -1.0)
    for one in columns.debts:
        enter_repayment(draft, rows.index, one, -1.0)
    enter_payments(draft, borrower, rows.index, 1.0, PAID)
    if columns.funded is not None:
        builder.entries(rows.index, columns.funded.index, -1.0)


def _credits(draft: Draft, columns: FinanceColumns) -> None:
    """What a customer is credited in a period is at most what it has to pay in it."""
    borrower, money = columns.borrower, draft.scales.money
    for one in columns.prepayments:
        terms = one.source.terms
        owes = Which(operating=True, only=1.0, payer=terms.provider)
        rows = draft.builder.rows(
            f"credits {borrower.party}.{terms.id}",
            draft.period_axis,
            lower=-fixed_flows(draft, borrower, owes) / money,
            where=one.source.due > 0,
            source=f"finance.{borrower.party}.sources.{terms.id}",
        )
        enter_payments(draft, borrower, rows.index, 1.0, owes)
        enter_repayment(draft, rows.index, one, -1.0)


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
        rates = one.source.rates
        if one.source.is_debt and one.owed is not None:
            draft.builder.entries(rows.index, one.owed.index, (1.0 - most) * rates)
        elif not one.source.is_owed:
            draft.builder.entries(
                rows.index[:, None], one.drawn.index[None, :], -most * so_far * rates[None, :]
            )
    draft.limits.append(LimitRows(rows, source, "money of equity", draft.scales.money, "money"))


def covenant_periods(borrower: Borrower) -> NDArray[np.bool_]:
    """Periods in which cover is asked for: those in which something amortises."""
    due = [one.due for one in borrower.sources if one.terms.repayment == "amortising" and one.is_debt]
    return np.any(due, axis=0) if due else np.zeros(len(borrower.sources[0].due), dtype=np.bool_)


def _cover(draft: Draft, columns: FinanceColumns) -> None:
    """Operating cash before tax, and what cures a want of it, is at least so many times the debt service. A bullet is
    refinanced, and its principal is not in the service."""
    borrower, money = columns.borrower, draft.scales.money
    if borrower.financing.dscr is None:
        return
    least, asked = borrower.financing.dscr.value, covenant_periods(borrower)
    rows = draft.builder.rows(
        f"cover {borrower.party}",
        draft.period_axis,
        lower=-fixed_flows(draft, borrower, OPERATING) / money,
        where=asked,
        source=f"finance.{borrower.party}.dscr",
    )
    enter_payments(draft, borrower, rows.index, 1.0, OPERATING)
    draft.builder.entries(rows.index, columns.gap.index, 1.0)
    for one in columns.prepayments:
        enter_repayment(draft, rows.index, one, -1.0)
    for one in columns.debts:
        enter_interest(draft, rows.index, one, -least)
        if one.source.terms.repayment == "amortising":
            enter_repayment(draft, rows.index, one, -least)


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
    for one in columns.debts:
        if one.owed is None:
            continue
        interest = ahead * (one.source.interest * one.source.rates)[None, :]
        draft.builder.entries(rows[:, None], one.owed.index[None, :-1], -interest[:, 1:])
        draft.builder.entries(rows[:, None], one.drawn.index[None, :], -interest / 2)
        if one.source.terms.repayment == "amortising":
            due = ahead @ (one.source.due * one.source.rates)
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
