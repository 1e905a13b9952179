"""Latency: what is covered is served only from regions within a bound of the client."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from offtake.domain.clauses import LatencyBound
from offtake.domain.estate import Estate
from offtake.domain.selection import Selection
from offtake.domain.workloads import InferenceClass
from offtake.law.compile.context import Context, Primitives
from offtake.law.primitives import FartherThan, Mask, Origin, Scope

_TRAINING = Selection(purposes=("training",))  # A run has no client to be far from.


def round_trips(estate: Estate) -> Mapping[tuple[str, str], Decimal]:
    """Round-trip times in ms by (client region, supply region); what is stated one way holds both ways if
    `symmetric`, unless the other way is stated too."""
    pairs = estate.latency.pairs
    found = {(client, at): figure.amount for client, row in pairs.items() for at, figure in row.items()}
    if estate.latency.symmetric:
        found = {(at, client): ms for (client, at), ms in found.items()} | found
    return dict(sorted(found.items()))


def compile_latency(clause: LatencyBound, context: Context) -> Primitives:
    """A mask on every supply region farther from the client than the bound, or at an unknown distance."""
    stated = context.estate.latency.statistic
    if clause.statistic.casefold() != stated.casefold():
        raise context.invalid(
            f"the bound is at {clause.statistic}, the round trips of the estate are at {stated}",
            "state the bound at the statistic that was measured, or give round trips at the other",
        )
    known = context.round_trips_ms if context.round_trips_ms is not None else round_trips(context.estate)
    scope = context.scope(clause, ("place", "process"), None, _TRAINING)
    relation = FartherThan(clause.bound.amount, known)
    return Primitives(masks=(Mask(context.id, context.origin(clause), scope, relation),))


def workload_bounds(estate: Estate, known: Mapping[tuple[str, str], Decimal]) -> tuple[Mask, ...]:
    """The masks of the bounds that workloads state themselves, cited as `workloads.<id>.latency`."""
    masks: list[Mask] = []
    for id, workload in sorted(estate.workloads.items()):
        if isinstance(workload, InferenceClass) and workload.latency is not None:
            name = f"workloads.{id}.latency"
            scope = Scope(frozenset({"place", "process"}), Selection(workloads=(id,)))
            masks.append(Mask(name, Origin(name), scope, FartherThan(workload.latency.amount, known)))
    return tuple(masks)
