"""What every law answers with, and how its arguments are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from offtake.domain.errors import InvalidInput

Floats: TypeAlias = NDArray[np.float64]

# Training takes 6 FLOP per parameter and token: 2 forward and 4 backward (Kaplan et al. 2020, section 2.1).
FLOP_PER_PARAMETER_AND_TOKEN: Final = 6.0
# Serving takes the forward 2 alone (Kaplan et al. 2020, section 2.1; Sardana et al. 2023, section 2).
FLOP_PER_PARAMETER_AND_TOKEN_SERVED: Final = 2.0


@dataclass(frozen=True, slots=True)
class Optimum:
    """The best that a law knows: all arrays of one shape; `loss` is None where the law states none.

    `parameters` counts N, `tokens` the tokens D that training reads, `flop` the training's FLOP, `loss` is in nats a
    token.
    """

    parameters: Floats
    tokens: Floats
    flop: Floats
    loss: Floats | None


def training_flop(parameters: ArrayLike, tokens: ArrayLike) -> Floats:
    """FLOP of a training run, 6·N·D (Kaplan et al. 2020, section 2.1)."""
    return FLOP_PER_PARAMETER_AND_TOKEN * positive(parameters, "parameters") * positive(tokens, "tokens")


def positive(value: ArrayLike, name: str) -> Floats:
    """The value as an array of floats. Raises InvalidInput unless all of it is finite and above zero."""
    try:
        found = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"{name}: {value!r} is not a number", hint="write it as 5e24") from None
    wrong = ~(np.isfinite(found) & (found > 0))
    if wrong.any():
        raise InvalidInput(
            f"{name}: {np.atleast_1d(found)[np.atleast_1d(wrong)][0]:g} is not above zero",
            hint=f"{name} are finite and positive numbers",
        )
    return found


def above(value: ArrayLike, least: float, law: str) -> Floats:
    """Losses that a law can reach. Raises InvalidInput for one at or below its irreducible loss."""
    found = positive(value, "loss")
    if (found <= least).any():
        raise InvalidInput(
            f"no run reaches a loss of {found.min():g} under `{law}`: its irreducible loss is {least:.4g}",
            hint=f"ask for a loss above {least:.4g}, or for another law",
        )
    return found
