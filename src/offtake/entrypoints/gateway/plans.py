"""The table in force joined with the upstreams that are there: where each kind of request may go, worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from offtake.adapters.wire.dialects import Operation
from offtake.router.compile import able
from offtake.router.table import Entry, RoutingTable

if TYPE_CHECKING:
    from offtake.adapters.wire.upstreams import Upstream

OPERATIONS: Final[tuple[Operation, ...]] = ("chat", "completions", "embeddings", "responses", "messages")


class Plans:
    """Entries by operation, profile and model, without the supplies that cannot be asked in that way."""

    def __init__(self, table: RoutingTable, upstreams: Mapping[str, Upstream]) -> None:
        self._table = table
        self._entries = dict[tuple[Operation, str, str], Entry]()
        candidates = {c.id: c for e in table.entries.values() for c in e.candidates}
        for operation in OPERATIONS:
            unable = frozenset(
                id
                for id, candidate in candidates.items()
                if (upstream := upstreams.get(candidate.supply.deployment or "")) is None
                or operation not in upstream.serves
            )
            for (profile, model), entry in table.entries.items():
                self._entries[operation, profile, model] = able(entry, unable, table.meters)

    def entry(self, operation: Operation, profile: str, model: str) -> Entry | None:
        """Where a profile may go with a model; None if its class has no such model."""
        return self._entries.get((operation, profile, model))

    def stand_ins(self, operation: Operation, profile: str, model: str) -> tuple[Entry, ...]:
        """Where it may go with models that may stand in for it."""
        good = self._table.stand_ins.get(profile)
        if not good:
            return ()
        return tuple(
            self._entries[operation, profile, other]
            for other in self._table.models[profile]
            if other in good and other != model
        )

    def stricter(self, operation: Operation, stricter: str, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """Where it may go with the same models under the profile of a stricter data class."""
        found = (self._entries.get((operation, stricter, e.facts.model or "")) for e in entries)
        return tuple(entry for entry in found if entry is not None)
