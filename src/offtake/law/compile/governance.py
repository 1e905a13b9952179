"""Governance: a party's rights end on an event, or an approval is needed before an action."""

from __future__ import annotations

from dataclasses import replace

from offtake.domain.clauses import Governance
from offtake.law.compile.context import Context, Primitives, with_acquisition
from offtake.law.primitives import Covered, Mask, Procedure


def compile_governance(clause: Governance, context: Context) -> Primitives:
    """Masks from the event on, on the party's supplies and on its workloads; a procedure for the approval.

    With an event as well as an approver, approval is needed from the event on.
    """
    if clause.ends_rights_of is None and clause.approver is None:
        raise context.invalid("it does nothing", "state `on_event` with `ends_rights_of`, or `approver`")
    masks = () if clause.ends_rights_of is None else _ended(clause, context, clause.ends_rights_of)
    procedures = () if clause.approver is None else (_approval(clause, context, clause.approver),)
    return Primitives(masks=masks, procedures=procedures)


def _ended(clause: Governance, context: Context, party: str) -> tuple[Mask, ...]:
    if clause.on_event is None:
        raise context.invalid("`ends_rights_of` needs the event, `on_event`")
    actions = with_acquisition(("place", "process", "hold"), clause.covers)
    masks: list[Mask] = []
    for part, key in (("supplies", "owners"), ("workloads", "parties")):
        stated = getattr(clause.covers, key)
        if stated and party not in stated:
            continue
        covers = context.narrowed(clause.covers, key, (party,))
        scope = replace(context.scope(clause, actions, covers), since_event=clause.on_event)
        masks.append(
            Mask(f"{context.id}:{part}", context.origin(clause), scope, Covered(), running=clause.running)
        )
    return tuple(masks)


def _approval(clause: Governance, context: Context, approver: str) -> Procedure:
    threshold = None if clause.above is None else context.figure(clause.above, clause.measure, "above")
    scope = replace(context.scope(clause, clause.actions), since_event=clause.on_event)
    return Procedure(
        id=context.id,
        origin=context.origin(clause),
        scope=scope,
        style="approve",
        holder=approver,
        over="action",
        measure=clause.measure,
        threshold=None if threshold is None else threshold.amount,
        currency=None if threshold is None else threshold.currency,
    )
