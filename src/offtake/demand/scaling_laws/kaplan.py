"""The laws of Kaplan et al. 2020 (arXiv:2001.08361), without irreducible loss. N leaves embeddings out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from numpy.typing import ArrayLike

from offtake.demand.scaling_laws.optimum import Floats, Optimum, positive

PF_DAY_FLOP: Final = 1e15 * 86_400  # FLOP of a petaFLOP/s for a day.


@dataclass(frozen=True, slots=True)
class KaplanLaw:
    """Constants of equations 1.1 to 1.3 and of table 6, and what follows from them; vectorised, in nats a token.

    Equation 1.5 joins the N and the D form. The optimum is the paper's own (table 6): it counts FLOP as `C_min`, at
    batches far below the critical size, and tokens at the critical size, so 6·N·D is 1.8 times its FLOP and not equal
    to them.
    """

    name: str = "kaplan"
    parameter_scale: float = 8.8e13  # N_c, equation 1.1.
    parameter_exponent: float = 0.076  # α_N, equation 1.1.
    token_scale: float = 5.4e13  # D_c, equation 1.2.
    token_exponent: float = 0.095  # α_D, equation 1.2.
    flop_scale_pf_days: float = 3.1e8  # C_c^min, equation 1.3.
    flop_exponent: float = 0.050  # α_C^min, equation 1.3.
    best_parameters: float = 1.3e9  # N_e, table 6, at one PF-day.
    best_parameters_exponent: float = 0.73  # p_N, table 6.
    best_tokens: float = 2e10  # D_e, table 6, at one PF-day.
    best_tokens_exponent: float = 0.27  # p_D, table 6.
    source: str = "Kaplan et al. 2020, arXiv:2001.08361, equations 1.1 to 1.3 and 1.5, table 6"

    def loss_by_parameters(self, parameters: ArrayLike) -> Floats:
        """L(N) = (N_c/N)^α_N with tokens without end (equation 1.1)."""
        return (self.parameter_scale / positive(parameters, "parameters")) ** self.parameter_exponent

    def loss_by_tokens(self, tokens: ArrayLike) -> Floats:
        """L(D) = (D_c/D)^α_D for large models stopped early (equation 1.2)."""
        return (self.token_scale / positive(tokens, "tokens")) ** self.token_exponent

    def loss_by_flop(self, flop: ArrayLike) -> Floats:
        """L(C) = (C_c/C)^α_C at the best size (equation 1.3); FLOP in, not PF-days."""
        pf_days = positive(flop, "flop") / PF_DAY_FLOP
        return (self.flop_scale_pf_days / pf_days) ** self.flop_exponent

    def loss(self, parameters: ArrayLike, tokens: ArrayLike) -> Floats:
        """L(N, D) = [(N_c/N)^(α_N/α_D) + D_c/D]^α_D, broadcast (equation 1.5)."""
        n, d = positive(parameters, "parameters"), positive(tokens, "tokens")
        size = (self.parameter_scale / n) ** (self.parameter_exponent / self.token_exponent)
        return (size + self.token_scale / d) ** self.token_exponent

    def for_flop(self, flop: ArrayLike) -> Optimum:
        """The best N and D for a budget (table 6), and its loss (equation 1.3)."""
        c = positive(flop, "flop")
        pf_days = c / PF_DAY_FLOP
        return Optimum(
            self.best_parameters * pf_days**self.best_parameters_exponent,
            self.best_tokens * pf_days**self.best_tokens_exponent,
            c,
            self.loss_by_flop(c),
        )

    def for_loss(self, loss: ArrayLike) -> Optimum:
        """The least budget that reaches a loss (equation 1.3 turned round)."""
        pf_days = self.flop_scale_pf_days * positive(loss, "loss") ** (-1.0 / self.flop_exponent)
        return self.for_flop(pf_days * PF_DAY_FLOP)

    def for_parameters(self, parameters: ArrayLike) -> Optimum:
        """The budget for which N parameters are best (table 6 turned round)."""
        n = positive(parameters, "parameters")
        pf_days = (n / self.best_parameters) ** (1.0 / self.best_parameters_exponent)
        return self.for_flop(pf_days * PF_DAY_FLOP)

    def for_tokens(self, tokens: ArrayLike) -> Optimum:
        """The budget for which D tokens are best (table 6 turned round)."""
        d = positive(tokens, "tokens")
        pf_days = (d / self.best_tokens) ** (1.0 / self.best_tokens_exponent)
        return self.for_flop(pf_days * PF_DAY_FLOP)
