"""Exclusivity: what is covered may run only at the providers named."""

from __future__ import annotations

from offtake.domain.clauses import Exclusivity
from offtake.law.compile.context import Context, Primitives, with_acquisition
from offtake.law.primitives import Mask, SuppliedElsewhere


def compile_exclusivity(clause: Exclusivity, context: Context) -> Primitives:
    """A mask on every supply of another provider, and of none."""
    actions = with_acquisition(clause.actions, clause.covers)
    relation = SuppliedElsewhere(frozenset(clause.to))
    return Primitives(
        masks=(Mask(context.id, context.origin(clause), context.scope(clause, actions), relation),)
    )
