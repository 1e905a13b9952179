"""The best size for a model that will be served: Sardana et al. 2023 (arXiv:2401.00448)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from offtake.demand.scaling_laws.optimum import (
    FLOP_PER_PARAMETER_AND_TOKEN_SERVED,
    Floats,
    Optimum,
    above,
    positive,
    training_flop,
)
from offtake.demand.scaling_laws.parametric import ParametricLaw
from offtake.domain.errors import InvalidInput

_BISECTIONS: Final = 200


@dataclass(frozen=True, slots=True)
class ServedOptimum:
    """The run of fewest FLOP over training and serving, and the FLOP of serving; arrays of one shape."""

    training: Optimum
    serving_flop: Floats

    @property
    def total_flop(self) -> Floats:
        """FLOP of training and serving together."""
        return self.training.flop + self.serving_flop


def served_optimum(law: ParametricLaw, loss: ArrayLike, inference_tokens: ArrayLike) -> ServedOptimum:
    """The N and D that reach a loss with the least 6·N·D + 2·N·D_inference (Sardana et al. 2023, section 2).

    With D(N) from the law, the derivative vanishes where 3·D·(ρ − 1) = D_inference, ρ = αA·N^−α / βB·D^−β. The left
    side falls in N from infinity to 0 at the optimum without serving, so bisection over log N finds the one root.
    Raises InvalidInput for a loss at or below the irreducible one, or negative inference tokens.
    """
    target = above(loss, law.irreducible, law.name)
    served = np.asarray(inference_tokens, dtype=np.float64)
    if not np.all(np.isfinite(served) & (served >= 0)):
        raise InvalidInput("inference tokens are finite and not negative", hint="write 1e12, or 0 for none")
    target, served = np.broadcast_arrays(target, served)
    # Below this N no number of tokens reaches the loss; above the other, serving would have to cost less than nothing.
    least = np.log(law.parameter_scale / (target - law.irreducible)) / law.alpha
    high = np.log(law.for_loss(target).parameters)
    low = np.array(least)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        n = np.exp(middle)
        d = law.tokens_for(target, n)
        ratio = law.alpha * law.parameter_scale * n**-law.alpha / (law.beta * law.token_scale)
        with np.errstate(over="ignore", invalid="ignore"):
            excess = 3.0 * (ratio * d ** (1.0 + law.beta) - d)
        beyond = np.where(np.isfinite(d), excess, np.inf) > served
        low, high = np.where(beyond, middle, low), np.where(beyond, high, middle)
    n = np.exp(high)
    d = law.tokens_for(target, n)
    training = Optimum(n, d, training_flop(n, d), law.loss(n, d))
    return ServedOptimum(training, FLOP_PER_PARAMETER_AND_TOKEN_SERVED * positive(n, "parameters") * served)
