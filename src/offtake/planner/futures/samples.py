"""What an estate's variables look like: a sample of each, as quantiles and a histogram."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Final

import numpy as np

from offtake.domain.estate import Estate
from offtake.domain.futures.reading import Drawable, Value
from offtake.domain.futures.targets import figures_at, target_of
from offtake.domain.quantities import KINDS
from offtake.planner.futures.sampling import Sampler, uniforms_of

DRAWS: Final = 1000
BINS: Final = 16


@dataclass(frozen=True, slots=True)
class Sample:
    """What a variable acts on, and how its draws lie. Of a process it is the last factor within the horizon.

    Quantiles of a day are ordinals. `never` is the share of futures in which an event does not happen within the
    horizon; quantiles and histogram are of the others, and None where there is none.
    """

    variable: str
    acts_on: str
    kind: str
    unit: str
    p5: float | None
    median: float | None
    p95: float | None
    low: float | None
    high: float | None
    counts: tuple[int, ...]  # By bins of the same width from low to high.
    never: float


def samples(estate: Estate, seed: int = 0, draws: int = DRAWS) -> tuple[Sample, ...]:
    """A sample of every variable, each by itself: what moves together has the same distribution alone."""
    last = estate.horizon.ends.toordinal()
    found: list[Sample] = []
    for one in Sampler.of(estate).variables:
        drawn = [last_of(one.value(uniforms_of(seed, number, one.id, one.shocks))) for number in range(draws)]
        dated = one.variable.event is not None
        kept = np.array([x for x in drawn if isfinite(x) and not (dated and x >= last)])
        if len(kept):
            low, high = float(kept.min()), float(kept.max())
            counts, _ = np.histogram(kept, BINS, (low, high if high > low else low + 1))
            p5, median, p95 = (float(np.quantile(kept, q, method="inverted_cdf")) for q in (0.05, 0.5, 0.95))
            shape = tuple(int(count) for count in counts)
        else:
            low = high = p5 = median = p95 = None
            shape = ()
        never = 1 - len(kept) / draws
        found.append(
            Sample(
                one.id,
                acts_on(one),
                one.variable.kind,
                unit_of(estate, one),
                p5,
                median,
                p95,
                low,
                high,
                shape,
                never,
            )
        )
    return tuple(found)


def last_of(value: Value) -> float:
    """The value as one number: of a process, its last factor."""
    return value[-1] if isinstance(value, tuple) else value


def acts_on(one: Drawable) -> str:
    """What a variable moves, in a few words."""
    variable = one.variable
    target = target_of(variable)
    named: tuple[str, ...] | str = getattr(variable, target)
    names = ", ".join(named) if isinstance(named, tuple) else named
    return names if target == "figure" else f"{target} of {names}" if target != "event" else f"day of {names}"


def unit_of(estate: Estate, one: Drawable) -> str:
    """The unit of a variable's draws: `×` for factors, `months`, `day`, or that of the figure that is set."""
    variable = one.variable
    if variable.event is not None:
        return "day"
    if variable.delay:
        return "months"
    if variable.draws == "factor":
        return "×"
    figure = next(figures_at(estate, variable.figure[0]))
    unit = KINDS[figure.kind].unit
    money = figure.currency or ""
    return f"{money}/{unit}" if money and unit != "one" else money or ("" if unit == "one" else unit)


def shown_day(ordinal: float) -> str:
    """An ordinal as a day."""
    return date.fromordinal(int(ordinal)).isoformat()
