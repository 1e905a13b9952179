"""The law of three terms, L(N, D) = E + A/N^α + B/D^β (Hoffmann et al. 2022, equation 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from offtake.demand.scaling_laws.optimum import (
    FLOP_PER_PARAMETER_AND_TOKEN,
    Floats,
    Optimum,
    above,
    positive,
    training_flop,
)
from offtake.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class ParametricLaw:
    """Constants of the law, and what follows from them. Losses are in nats a token; all answers are vectorised.

    Raises InvalidInput for a constant that is not above zero: with a negative exponent the loss would rise with size.
    """

    name: str
    irreducible: float
    parameter_scale: float
    token_scale: float
    alpha: float
    beta: float
    source: str

    def __post_init__(self) -> None:
        for name, symbol in (
            ("irreducible", "E"),
            ("parameter_scale", "A"),
            ("token_scale", "B"),
            ("alpha", "α"),
            ("beta", "β"),
        ):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise InvalidInput(
                    f"`{self.name}`: {symbol} is {value:g}, and a law needs it above zero",
                    hint="exponents and scales of a scaling law are positive",
                )

    @property
    def exponent(self) -> float:
        """How the best N grows with FLOP: a = β/(α + β) (Hoffmann et al. 2022, equation 4)."""
        return self.beta / (self.alpha + self.beta)

    @property
    def balance(self) -> float:
        """G = (αA/βB)^(1/(α + β)) (Hoffmann et al. 2022, equation 4)."""
        ratio = self.alpha * self.parameter_scale / (self.beta * self.token_scale)
        return ratio ** (1.0 / (self.alpha + self.beta))

    def loss(self, parameters: ArrayLike, tokens: ArrayLike) -> Floats:
        """Loss of runs with N parameters and D tokens, broadcast (Hoffmann et al. 2022, equation 2)."""
        n, d = positive(parameters, "parameters"), positive(tokens, "tokens")
        return self.irreducible + self.parameter_scale * n**-self.alpha + self.token_scale * d**-self.beta

    def for_flop(self, flop: ArrayLike) -> Optimum:
        """The N and D of least loss for a budget, N = G·(C/6)^a and D = C/6N (Hoffmann et al. 2022, equation 4)."""
        c = positive(flop, "flop")
        n = self.balance * (c / FLOP_PER_PARAMETER_AND_TOKEN) ** self.exponent
        d = c / (FLOP_PER_PARAMETER_AND_TOKEN * n)
        return Optimum(n, d, c, self.loss(n, d))

    def for_loss(self, loss: ArrayLike) -> Optimum:
        """The run of fewest FLOP that reaches a loss. Raises InvalidInput for one at or below the irreducible loss.

        At the optimum αA/N^α = βB/D^β, so the two terms share L − E as β to α, and both follow by hand.
        """
        left = above(loss, self.irreducible, self.name) - self.irreducible
        n = (self.parameter_scale / (left * self.exponent)) ** (1.0 / self.alpha)
        d = (self.token_scale / (left * (1.0 - self.exponent))) ** (1.0 / self.beta)
        return Optimum(n, d, training_flop(n, d), self.loss(n, d))

    def for_parameters(self, parameters: ArrayLike) -> Optimum:
        """The budget for which N parameters are best, and its tokens."""
        n = positive(parameters, "parameters")
        c = FLOP_PER_PARAMETER_AND_TOKEN * (n / self.balance) ** (1.0 / self.exponent)
        return self.for_flop(c)

    def for_tokens(self, tokens: ArrayLike) -> Optimum:
        """The budget for which D tokens are best, and its parameters."""
        d = positive(tokens, "tokens")
        c = FLOP_PER_PARAMETER_AND_TOKEN * (d * self.balance) ** (1.0 / (1.0 - self.exponent))
        return self.for_flop(c)

    def tokens_for(self, loss: ArrayLike, parameters: ArrayLike) -> Floats:
        """Tokens with which a model of N parameters reaches a loss; inf where no number of tokens does."""
        n = positive(parameters, "parameters")
        left = above(loss, self.irreducible, self.name) - self.irreducible
        left = left - self.parameter_scale * n**-self.alpha
        return _inverse(left, self.token_scale, self.beta)

    def parameters_for(self, loss: ArrayLike, tokens: ArrayLike) -> Floats:
        """Parameters with which D tokens reach a loss; inf where no number of parameters does."""
        d = positive(tokens, "tokens")
        left = above(loss, self.irreducible, self.name) - self.irreducible
        left = left - self.token_scale * d**-self.beta
        return _inverse(left, self.parameter_scale, self.alpha)


def _inverse(left: Floats, scale: float, exponent: float) -> Floats:
    """X with scale/x^exponent = left; inf where nothing is left."""
    possible = np.where(left > 0, left, np.nan)
    return np.where(left > 0, (scale / possible) ** (1.0 / exponent), np.inf)
