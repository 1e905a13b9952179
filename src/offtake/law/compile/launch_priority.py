"""Launch priority: a model runs first at some providers, and elsewhere only some days after its launch."""

from __future__ import annotations

from dataclasses import replace

from offtake.domain.clauses import LaunchPriority
from offtake.domain.selection import Selection
from offtake.law.compile.context import Context, Primitives, with_acquisition
from offtake.law.primitives import Mask, SuppliedElsewhere

_TRAINING = Selection(purposes=("training",))  # A model in training is not launched anywhere.


def compile_launch_priority(clause: LaunchPriority, context: Context) -> Primitives:
    """A mask on other providers' supplies for some days from the model's launch, unless the event sets it
    free."""
    if clause.unless_event is not None and clause.until_event is not None:
        raise context.invalid("it states both `unless_event` and `until_event`", "keep one of them")
    scope = context.scope(clause, with_acquisition(("place", "process"), clause.covers), None, _TRAINING)
    if clause.unless_event is not None:
        scope = replace(scope, until_event=clause.unless_event)
    relation = SuppliedElsewhere(frozenset(clause.first))
    return Primitives(
        masks=(Mask(context.id, context.origin(clause), scope, relation, days_from_launch=clause.days),)
    )
