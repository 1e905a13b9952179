"""When a scope is in force for a workload on a supply, given what has happened; and which masks stand in the
way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import assert_never

from offtake.domain.position import Position
from offtake.domain.selection import Action, Interval, SupplyFacts, WorkloadFacts
from offtake.law.primitives import (
    Covered,
    FartherThan,
    HandledOutside,
    Law,
    Mask,
    Relation,
    Scope,
    SuppliedElsewhere,
)


def workload_subjects(workload: WorkloadFacts) -> tuple[str, ...]:
    """What an event may be about, on the side of the workload: its model."""
    return () if workload.model is None else (workload.model,)


def supply_subjects(supply: SupplyFacts) -> tuple[str, ...]:
    """What an event may be about, on the side of the supply: itself, its deployment, product, site or
    provider."""
    names = (supply.id, supply.deployment, supply.product, supply.site, supply.provider)
    return tuple(dict.fromkeys(name for name in names if name))


def happened_on(position: Position, event: str, subjects: Iterable[str]) -> date | None:
    """The first day on which an event happened about one of these, or about all."""
    days = (position.event_on(event, subject) for subject in (None, *subjects))
    return min((day for day in days if day is not None), default=None)


def covers(scope: Scope, workload: WorkloadFacts, supply: SupplyFacts) -> bool:
    """Whether the scope selects them and no exception does."""
    if not scope.covers.selects(workload, supply):
        return False
    return not any(exception.selects(workload, supply) for exception in scope.excepts)


def in_force(
    scope: Scope, position: Position, workload: WorkloadFacts, supply: SupplyFacts
) -> Interval | None:
    """The days on which the scope holds, events considered; None if it never does."""
    begins, ends = scope.begins or date.min, scope.ends
    subjects = (*workload_subjects(workload), *supply_subjects(supply))
    if scope.since_event is not None:
        since = happened_on(position, scope.since_event, subjects)
        if since is None:
            return None
        begins = max(begins, since)
    if scope.until_event is not None:
        until = happened_on(position, scope.until_event, subjects)
        ends = ends if until is None else until if ends is None else min(ends, until)
    return Interval(begins, ends) if ends is None or begins < ends else None


def touches(scope: Scope, position: Position, action: Action) -> bool:
    """Whether a scope is about an action, and in force on some day of it."""
    if action.kind not in scope.actions or not covers(scope, action.workload, action.supply):
        return False
    held = in_force(scope, position, action.workload, action.supply)
    return held is not None and action.interval.overlaps(held.begins, held.ends)


def supplied_by(holder: str, supply: SupplyFacts) -> bool:
    """Whether a supply is the holder's own: its party's or, if the right names a provider, that
    provider's."""
    return holder in (supply.party, supply.provider)


def launched_on(law: Law, position: Position, model: str) -> date | None:
    """The day of a model's launch, as the ledger has it, else as the estate states it; None if it is
    unknown."""
    return position.launches.get(model, law.launches.get(model))


def stands_in(relation: Relation, workload: WorkloadFacts, supply: SupplyFacts) -> bool:
    """Whether workload and supply stand in the relation that a mask forbids. Unknown means that they do."""
    match relation:
        case Covered():
            return True
        case SuppliedElsewhere():
            return supply.provider is None or supply.provider not in relation.providers
        case HandledOutside():
            return any(outside(getattr(supply, fact), relation.boundary) for fact in relation.facts)
        case FartherThan():
            return farther(relation, workload.client_region, supply.region)
        case _:
            assert_never(relation)


def outside(places: frozenset[object] | None, boundary: frozenset[str]) -> bool:
    """Whether places are unknown or do not all lie inside the boundary."""
    return places is None or not places <= boundary


def farther(relation: FartherThan, client_region: str | None, region: str | None) -> bool:
    """Whether the round trip is unknown or over the bound."""
    if client_region is None or region is None:
        return True
    known = relation.round_trips_ms.get((client_region, region))
    return known is None or known > relation.bound_ms


def days_of_mask(
    mask: Mask, law: Law, position: Position, workload: WorkloadFacts, supply: SupplyFacts
) -> Interval | None:
    """The days on which a mask is in force for them, its days from the model's launch considered; None if
    never.

    A mask that counts from a launch is about a model, and never about a workload without one.
    """
    held = in_force(mask.scope, position, workload, supply)
    if held is None or mask.days_from_launch is None:
        return held
    if workload.model is None:
        return None
    launched = launched_on(law, position, workload.model)
    if launched is None:
        return held
    free = date.fromordinal(min(launched.toordinal() + mask.days_from_launch, date.max.toordinal()))
    ends = free if held.ends is None else min(held.ends, free)
    return Interval(held.begins, ends) if held.begins < ends else None
