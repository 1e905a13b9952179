"""The table in force joined with the upstreams that are there: where each kind of request may go, worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from offtake.adapters.wire.dialects import Operation
from offtake.router.compile import able
from offtake.router.table import Entry, RoutingTable

if TYPE_CHECKING:
    from offtake.adapters.wire.upstreams import Upstream

OPERATIONS: Final[tuple[Operation, ...]] = ("chat", "completions", "embeddings", "responses", "messages")


class Plan(NamedTuple):
    """Where requests of one kind may go: with the model that they name, and with those that may stand in for it."""

    alone: tuple[Entry, ...]
    with_stand_ins: tuple[Entry, ...]


class Plans:
    """Entries by operation, profile and model, without the supplies that cannot be asked in that way."""

    def __init__(self, table: RoutingTable, upstreams: Mapping[str, Upstream]) -> None:
        self._plans: dict[tuple[Operation, str, str], Plan] = {}
        candidates = {c.id: c for e in table.entries.values() for c in e.candidates}
        for operation in OPERATIONS:
            unable = frozenset(
                id
                for id, candidate in candidates.items()
                if (upstream := upstreams.get(candidate.supply.deployment or "")) is None
                or operation not in upstream.serves
            )
            entries = {key: able(entry, unable, table.meters) for key, entry in table.entries.items()}
            for (profile, model), entry in entries.items():
                good = table.stand_ins.get(profile, frozenset())
                others = [m for m in table.models.get(profile, ()) if m in good and m != model]
                every = (entry, *(entries[profile, other] for other in others))
                self._plans[operation, profile, model] = Plan((entry,), every)

    def of(self, operation: Operation, profile: str, model: str) -> Plan | None:
        """Where a profile may go with a model; None if its class has no such model."""
        return self._plans.get((operation, profile, model))

    def stricter(self, operation: Operation, stricter: str, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """Where it may go with the same models under the profile of a stricter data class."""
        found = (self.of(operation, stricter, e.facts.model or "") for e in entries)
        return tuple(plan.alone[0] for plan in found if plan is not None)
