"""Commitment: the payer takes, or pays for, at least so much in each window."""

from __future__ import annotations

from decimal import Decimal

from offtake.domain.clauses import Commitment
from offtake.law.compile.context import COUNTED, Context, Primitives
from offtake.law.primitives import Meter


def compile_commitment(clause: Commitment, context: Context) -> Primitives:
    """A meter with a lower bound and the price of falling short.

    `within` names a clause here (`agreement.clause`); it becomes a meter's id once all clauses are compiled.
    """
    lower = context.figure(clause.amount, clause.measure, "amount")
    price, currency = _shortfall(clause, context, lower.currency)
    meter = Meter(
        id=context.id,
        origin=context.origin(clause),
        scope=context.scope(clause, COUNTED[clause.measure]),
        measure=clause.measure,
        window=clause.window,
        lower=lower.amount,
        shortfall_price=price,
        currency=currency,
        make_up_windows=clause.make_up,
        perishable=clause.style == "perishable",
        within=None if clause.within is None else _named(clause.within, context),
        payer=clause.payer,
        payee=clause.payee,
    )
    return Primitives(meters=(meter,))


def _shortfall(clause: Commitment, context: Context, currency: str | None) -> tuple[Decimal, str | None]:
    """Take or pay: money that is short is owed at its face value; other measures must say what a unit
    costs."""
    if clause.shortfall is None:
        if clause.measure != "money":
            raise context.invalid(
                f"a commitment of {clause.measure} needs `shortfall`, the price of a missing unit",
                "write something like `shortfall: 2.35 USD/accelerator-hour`",
            )
        return Decimal(1), currency
    price, stated = context.price(clause.shortfall, clause.measure, "shortfall")
    return price, stated or currency


def _named(within: str, context: Context) -> str:
    """A clause of the same agreement, or else one that is named with its agreement."""
    agreement = context.estate.agreements[context.agreement]
    own = {*agreement.clauses, *(key for amendment in agreement.amendments for key in amendment.clauses)}
    return f"{context.agreement}.{within}" if within in own else within
