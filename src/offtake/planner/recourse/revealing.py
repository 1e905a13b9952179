"""What is known of a future on a day: what has happened is as it came, what is to come is as it is expected.

A process is known up to its last step; from there it goes on without shocks, along the median of what may come. What
is drawn once (a price level, a delay, what a holder offers) is announced at the second decision, and until then taken
as it is stated. An event is known once it has happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from offtake.domain.estate import Estate
from offtake.domain.futures.reading import Drawable, Value
from offtake.planner.futures.sampling import Sampler

MEDIAN = 0.5


def known_on(sampler: Sampler, uniforms: Mapping[str, tuple[float, ...]], day: date) -> Estate:
    """The estate as it looks on a day in the future that was drawn with these numbers."""
    begins = sampler.estate.horizon.begins
    values: dict[str, Value] = {}
    for one in sampler.variables:
        if one.steps is not None:
            drawn = zip(one.steps.days, uniforms[one.id], strict=True)
            values[one.id] = one.value(tuple(u if step <= day else MEDIAN for step, u in drawn))
        elif one.variable.event is not None:
            found = one.value(uniforms[one.id])
            if _happened(sampler.estate, one, found, day):
                values[one.id] = found
        elif day > begins:
            values[one.id] = one.value(uniforms[one.id])
    return sampler.estate_with(values)


def _happened(estate: Estate, one: Drawable, found: Value, day: date) -> bool:
    """Whether the day of an event is known: it has come, or the stated one has passed without it."""
    stated = estate.events[one.variable.event or ""].on
    return (isinstance(found, float) and found <= day.toordinal()) or (stated is not None and stated <= day)
