"""Ceiling: no more than so much of what is covered."""

from __future__ import annotations

from offtake.domain.clauses import Ceiling
from offtake.law.compile.context import COUNTED, Context, Primitives
from offtake.law.primitives import Meter


def compile_ceiling(clause: Ceiling, context: Context) -> Primitives:
    """A meter with an upper bound."""
    upper = context.figure(clause.upper, clause.measure, "upper")
    meter = Meter(
        id=context.id,
        origin=context.origin(clause),
        scope=context.scope(clause, COUNTED[clause.measure]),
        measure=clause.measure,
        window=clause.window,
        upper=upper.amount,
        currency=upper.currency,
    )
    return Primitives(meters=(meter,))
