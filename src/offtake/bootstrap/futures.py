"""What is uncertain about an estate, looked at; and many futures planned for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offtake.domain.estate import Estate

if TYPE_CHECKING:
    from offtake.planner.futures.samples import Sample


def samples(estate: Estate, seed: int = 0) -> tuple[Sample, ...]:
    """A sample of each of the estate's variables; nothing where it has none."""
    if not estate.futures.variables:
        return ()
    from offtake.planner.futures.samples import samples as drawn

    return drawn(estate, seed)
