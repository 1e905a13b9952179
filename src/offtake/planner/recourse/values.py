"""What deciding for many futures is worth, and what knowing the future would be (Birge and Louveaux, chapter 4).

    WS   wait and see: the mean of the futures' least costs, each known before anything is decided
    RP   the recourse problem: the least mean cost of decisions taken before it is known which future comes
    EEV  the mean cost of the decisions that are best for one expected future

    EVPI = RP − WS, the expected value of perfect information
    VSS = EEV − RP, the value of the stochastic solution

WS <= RP <= EEV. With a risk in the objective the same differences are taken of it instead of the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from offtake.planner.instance import Floats
from offtake.planner.recourse.risk import Risk

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of independent draws, with the interval that holds the true one in 95 of 100 samples."""

    mean: float
    low: float
    high: float
    count: int


def interval(values: Sequence[float]) -> Interval:
    """Student's interval, mean ± t s / √n with n − 1 degrees of freedom. Raises ValueError for fewer than two
    values."""
    from scipy.stats import t

    count = len(values)
    if count < 2:
        raise ValueError("an interval needs two values at least")
    found = np.asarray(values, dtype=np.float64)
    mean, spread = float(found.mean()), float(found.std(ddof=1))
    half = float(t.ppf((1 + CONFIDENCE) / 2, count - 1)) * spread / sqrt(count)
    return Interval(mean, mean - half, mean + half, count)


def value_of_information(risk: Risk, probabilities: Floats, decided: float, alone: Floats) -> float:
    """EVPI: the objective of decisions taken now, less that of futures each known before (future,)."""
    return decided - risk.of(alone, probabilities)


def value_of_the_stochastic_solution(decided: float, expected: float | None) -> float | None:
    """VSS: the objective of the decisions that suit one expected future, less that of those taken for all; None where
    some future cannot live with the former."""
    return None if expected is None else expected - decided


def worst(regrets: Floats, count: int) -> tuple[int, ...]:
    """The futures with the largest regrets, largest first."""
    return tuple(int(one) for one in np.argsort(-regrets, kind="stable")[:count])
