"""Laws that state the best size for a budget and no loss: approaches 1 and 2 of Hoffmann et al. 2022."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from offtake.demand.scaling_laws.optimum import (
    FLOP_PER_PARAMETER_AND_TOKEN,
    Optimum,
    positive,
)
from offtake.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class FrontierLaw:
    """N = k·C^a and D = C/6N, vectorised."""

    name: str
    coefficient: float
    exponent: float
    source: str

    def for_flop(self, flop: ArrayLike) -> Optimum:
        """The best N and D for a budget."""
        c = positive(flop, "flop")
        n = self.coefficient * c**self.exponent
        return Optimum(n, c / (FLOP_PER_PARAMETER_AND_TOKEN * n), c, None)

    def for_parameters(self, parameters: ArrayLike) -> Optimum:
        """The budget for which N parameters are best."""
        n = positive(parameters, "parameters")
        return self.for_flop((n / self.coefficient) ** (1.0 / self.exponent))

    def for_tokens(self, tokens: ArrayLike) -> Optimum:
        """The budget for which D tokens are best."""
        d = positive(tokens, "tokens")
        scaled = FLOP_PER_PARAMETER_AND_TOKEN * self.coefficient * d
        return self.for_flop(scaled ** (1.0 / (1.0 - self.exponent)))

    def no_loss(self) -> InvalidInput:
        """What to raise where a loss is asked for."""
        return InvalidInput(
            f"`{self.name}` says how to share a budget and states no loss",
            hint="ask `besiroglu` or `hoffmann-3` about losses",
        )
