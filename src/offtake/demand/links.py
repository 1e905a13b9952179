"""What a chain of demand is made of: one number after the other, each with how it follows and where it is from."""

from __future__ import annotations

from dataclasses import dataclass

from offtake.domain.quantities import Figure
from offtake.domain.records import Entry


@dataclass(frozen=True, slots=True)
class Link:
    """A number of a chain: what it is, how it follows, and the provenance of what was new in it."""

    name: str
    value: float
    unit: str
    how: str
    source: str | None = None
    assumed: bool = False


def provenance(figure: Figure, *entries: Entry) -> tuple[str | None, bool]:
    """A figure's source and whether it is assumed, by itself or by the entries around it, innermost first."""
    if figure.source or figure.assumed:
        return figure.source, figure.assumed
    for entry in entries:
        if entry.source or entry.assumed:
            return entry.source, entry.assumed
    return None, False
