"""Budget: the payer spends no more than so much in each window."""

from __future__ import annotations

from datetime import date

from offtake.domain.clauses import Budget
from offtake.domain.estate import Fund
from offtake.domain.quantities import Figure
from offtake.law.compile.context import COUNTED, Context, Primitives
from offtake.law.primitives import Meter, Scope


def compile_budget(clause: Budget, context: Context) -> Primitives:
    """A meter of money with an upper bound: the amount stated, or that of a fund while the fund is there."""
    amount, fund = _amount(clause, context)
    scope = context.scope(clause, COUNTED["money"])
    if fund is not None:
        begins = max((day for day in (scope.begins, fund.begins) if day is not None), default=None)
        ends = min((day for day in (scope.ends, fund.ends) if day is not None), default=None)
        scope = Scope(
            scope.actions,
            scope.covers,
            scope.excepts,
            begins,
            _not_before(begins, ends),
            None,
            scope.until_event,
        )
    meter = Meter(
        id=context.id,
        origin=context.origin(clause),
        scope=scope,
        measure="money",
        window=clause.window,
        upper=amount.amount,
        currency=amount.currency,
        payer=clause.payer,
        spends=tuple(clause.spends),
    )
    return Primitives(meters=(meter,))


def _amount(clause: Budget, context: Context) -> tuple[Figure, Fund | None]:
    if clause.fund is None:
        if clause.amount is None:
            raise context.invalid(
                "a budget needs `amount` or `fund`", "write something like `amount: 10 million EUR`"
            )
        return clause.amount, None
    fund = context.estate.funds.get(clause.fund)
    if fund is None:
        raise context.invalid(f"there is no fund `{clause.fund}`", "name one of the estate's `funds`")
    return clause.amount or fund.amount, fund


def _not_before(begins: date | None, ends: date | None) -> date | None:
    """An end that lies before the beginning leaves an empty scope, not a reversed one."""
    return begins if begins is not None and ends is not None and ends < begins else ends
