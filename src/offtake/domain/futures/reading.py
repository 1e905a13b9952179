"""An estate's variables made usable: what each acts on, and its distribution as numbers.

A `Value` is a factor, an amount in its figure's canonical unit, a delay in months, or the ordinal of a day (`inf`:
never); of a process, the factor from each of its days on.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TypeAlias

from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.futures import distributions as dist
from offtake.domain.futures.parameters import Unusable, law_of
from offtake.domain.futures.targets import reading_for, target_of
from offtake.domain.futures.variables import AnyVariable

Value: TypeAlias = float | tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Drawable:
    """A variable with its numbers: a distribution of one draw, or a process; draws are cut at `low` and `high`."""

    id: str
    variable: AnyVariable
    law: dist.Distribution | dist.Process
    low: float
    high: float

    @property
    def steps(self) -> dist.Steps | None:
        """The days on which a process moves; None for what is drawn once."""
        return self.law.steps if isinstance(self.law, dist.Growth | dist.Reverting) else None

    @property
    def shocks(self) -> int:
        """How many random numbers a future takes of it."""
        return 1 if self.steps is None else len(self.steps.days)

    def value(self, uniforms: tuple[float, ...]) -> Value:
        """The drawn value, from as many numbers in (0, 1) as `shocks` says."""
        if isinstance(self.law, dist.Growth | dist.Reverting):
            shocks = [dist.NORMAL.inv_cdf(u) for u in uniforms]
            return tuple(self._within(one) for one in self.law.path(shocks))
        return self._within(self.law.quantile(uniforms[0]))

    def quantile(self, u: float) -> Value:
        """The value that a draw lies below with probability `u`; of a process, on each day."""
        if isinstance(self.law, dist.Growth | dist.Reverting):
            return tuple(self._within(one) for one in self.law.quantile_path(u))
        return self._within(self.law.quantile(u))

    def _within(self, value: float) -> float:
        return max(self.low, min(self.high, value))


def drawables(estate: Estate) -> tuple[Drawable, ...]:
    """Every variable of an estate that was checked. Raises InvalidInput for one that cannot be used."""
    try:
        return tuple(drawable(estate, id, one) for id, one in estate.futures.variables.items())
    except Unusable as stop:
        raise InvalidInput(stop.message, hint=stop.expected) from None


def drawable(estate: Estate, id: str, variable: AnyVariable) -> Drawable:
    """A variable with its numbers. Raises Unusable."""
    target = target_of(variable)
    read = reading_for(estate, variable, target)
    low = -inf if target == "event" else 0.0
    if variable.at_least is not None:
        low = read(("at_least",), variable.at_least)
    high = inf if variable.at_most is None else read(("at_most",), variable.at_most)
    if high < low:
        raise Unusable(("at_most",), f"at most {variable.at_most} is less than the least")
    return Drawable(id, variable, law_of(estate, variable, read), low, high)
