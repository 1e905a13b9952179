"""Residency: data of certain classes stays inside a boundary."""

from __future__ import annotations

from typing import Final

from offtake.domain.areas import ANYWHERE, countries
from offtake.domain.clauses import Residency
from offtake.law.compile.context import Context, Primitives, with_acquisition
from offtake.law.primitives import HandledFact, HandledOutside, Mask

_FACTS: Final[dict[str, HandledFact]] = {
    "processing": "may_process_in",
    "rest": "rests_in",
    "logs": "logs_in",
}


def compile_residency(clause: Residency, context: Context) -> Primitives:
    """A mask on every supply that may handle the data outside the boundary, or does not say where it does."""
    estate = context.estate
    regions = {id: region.jurisdiction for id, region in estate.regions.items()}
    boundary = countries(clause.boundary, estate.areas, regions)
    if ANYWHERE in boundary:
        raise context.invalid("`boundary: global` bounds nothing", "name areas or countries")
    covers = context.narrowed(clause.covers, "data_classes", clause.data_classes)
    facts: tuple[HandledFact, ...] = tuple(fact for part, fact in _FACTS.items() if part in clause.includes)
    if not facts:
        raise context.invalid("`includes` is empty", "include `processing`, `rest` or `logs`")
    scope = context.scope(clause, with_acquisition(("place", "process", "hold"), covers), covers)
    return Primitives(
        masks=(Mask(context.id, context.origin(clause), scope, HandledOutside(boundary, facts)),)
    )
