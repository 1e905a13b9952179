"""Tokens that are read more than once: Muennighoff et al. 2023 (arXiv:2305.16264)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from offtake.demand.scaling_laws.optimum import (
    FLOP_PER_PARAMETER_AND_TOKEN,
    Floats,
    Optimum,
    above,
    positive,
)
from offtake.demand.scaling_laws.parametric import ParametricLaw
from offtake.domain.errors import InvalidInput

_GOLDEN: Final = (np.sqrt(5.0) - 1.0) / 2.0
_GOLDEN_STEPS: Final = 80  # Leaves 2e-17 of the first interval.
_BISECTIONS: Final = 100
_MOST_FLOP: Final = 1e40  # What a target loss may take before it counts as out of reach.
_RANGE: Final = 30.0  # In log N, how far from the optimum without repetition the optimum is sought.


@dataclass(frozen=True, slots=True)
class RepeatedDataLaw:
    """The law of three terms in effective parameters and tokens. Repetition decays: R_D* and R_N* say how fast."""

    base: ParametricLaw
    token_decay: float  # R_D*.
    parameter_decay: float  # R_N*.

    @property
    def name(self) -> str:
        """The name of the law under it."""
        return self.base.name

    @property
    def source(self) -> str:
        """Where its constants are from."""
        return self.base.source

    def effective_tokens(self, tokens: ArrayLike, unique_tokens: ArrayLike) -> Floats:
        """D' = U + U·R_D*·(1 − e^(−R/R_D*)) with R = D/U − 1 repetitions (equation 5)."""
        d = positive(tokens, "tokens")
        unique = np.minimum(positive(unique_tokens, "unique tokens"), d)
        return _saturating(d, unique, self.token_decay)

    def effective_parameters(self, parameters: ArrayLike, unique_tokens: ArrayLike) -> Floats:
        """N' likewise, with U_N the N that is best for the unique tokens, or N if less (equation 6)."""
        n = positive(parameters, "parameters")
        best = self.base.for_tokens(positive(unique_tokens, "unique tokens")).parameters
        return _saturating(n, np.minimum(best, n), self.parameter_decay)

    def loss(self, parameters: ArrayLike, tokens: ArrayLike, unique_tokens: ArrayLike) -> Floats:
        """Loss of N parameters on D tokens of which so many are unique.

        Without repetition, and with no more parameters than are best for the tokens, it is the base law's; parameters
        beyond those count for less even then.
        """
        d = positive(tokens, "tokens")
        unique = np.minimum(positive(unique_tokens, "unique tokens"), d)
        return self.base.loss(self.effective_parameters(parameters, unique), self.effective_tokens(d, unique))

    def for_flop(self, flop: ArrayLike, unique_tokens: ArrayLike) -> Optimum:
        """The N and D of least loss for a budget and so many unique tokens, by golden section over log N."""
        c, unique = np.broadcast_arrays(positive(flop, "flop"), positive(unique_tokens, "unique tokens"))
        middle = np.log(self.base.for_flop(c).parameters)

        def loss(log_n: Floats) -> Floats:
            n = np.exp(log_n)
            return self.loss(n, c / (FLOP_PER_PARAMETER_AND_TOKEN * n), unique)

        n = np.exp(_least(loss, middle - _RANGE, middle + _RANGE))
        d = c / (FLOP_PER_PARAMETER_AND_TOKEN * n)
        return Optimum(n, d, np.asarray(c, dtype=np.float64), self.loss(n, d, unique))

    def for_loss(self, loss: ArrayLike, unique_tokens: ArrayLike) -> Optimum:
        """The run of fewest FLOP that reaches a loss with so many unique tokens, by bisection over log FLOP.

        Raises InvalidInput for a loss that 1e40 FLOP do not reach: repetition saturates, so unique tokens set a floor.
        """
        target, unique = np.broadcast_arrays(
            above(loss, self.base.irreducible, self.name), positive(unique_tokens, "unique tokens")
        )
        low = np.log(self.base.for_loss(target).flop)
        high = np.full_like(low, np.log(_MOST_FLOP))
        reached = self.for_flop(np.exp(high), unique).loss
        if reached is None or (reached > target).any():
            raise InvalidInput(
                f"no run reaches a loss of {target.min():g} with {unique.min():g} unique tokens",
                hint="ask for a higher loss, or allow more unique tokens",
            )
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            found = self.for_flop(np.exp(middle), unique).loss
            enough = np.asarray(found) <= target
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
            if np.all(high - low < 1e-12):
                break
        return self.for_flop(np.exp(high), unique)


def _saturating(amount: Floats, unique: Floats, decay: float) -> Floats:
    repetitions = amount / unique - 1.0
    return unique + unique * decay * -np.expm1(-repetitions / decay)


def _least(of: Callable[[Floats], Floats], low: Floats, high: Floats) -> Floats:
    """Where a function with one valley is least, element by element, by golden section."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = of(left), of(right)
    for _ in range(_GOLDEN_STEPS):
        falls = at_left < at_right
        low, high = np.where(falls, low, left), np.where(falls, right, high)
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        at_left, at_right = of(left), of(right)
    return (low + high) / 2
