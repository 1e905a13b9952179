"""What is made least: the expected cost, or a mixture of it with the mean of the worst futures.

The conditional value at risk at level a is the mean cost of the worst 1 − a of futures. Rockafellar and Uryasev
(Optimization of conditional value-at-risk, Journal of Risk 2, 2000, theorem 1) give it as the least over e of

    e + sum over futures of p max(C − e, 0) / (1 − a),

which is linear in a program that minimises it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offtake.planner.instance import Floats
from offtake.planner.program import Block, ProgramBuilder


@dataclass(frozen=True, slots=True)
class Risk:
    """The objective (1 − weight) E[C] + weight CVaR(C). At weight 0 it is the expected cost."""

    weight: float = 0.0
    level: float = 0.95

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1 or not 0 <= self.level < 1:
            raise ValueError("a risk's weight lies in [0, 1], its level in [0, 1)")

    def of(self, costs: Floats, probabilities: Floats) -> float:
        """The objective at the costs (future,)."""
        mean = float(probabilities @ costs)
        if not self.weight:
            return mean
        return (1 - self.weight) * mean + self.weight * cvar(costs, probabilities, self.level)


def value_at_risk(costs: Floats, probabilities: Floats, level: float) -> float:
    """The least cost that is not exceeded with the probability `level`: a least e of the formula above."""
    order = np.argsort(costs, kind="stable")
    reached = np.cumsum(probabilities[order])
    return float(costs[order][min(int(np.searchsorted(reached, level - 1e-12)), len(order) - 1)])


def cvar(costs: Floats, probabilities: Floats, level: float) -> float:
    """The mean cost of the worst 1 − level of futures; part of a future counts where the share cuts through it."""
    at = value_at_risk(costs, probabilities, level)
    return at + float(probabilities @ np.maximum(costs - at, 0.0)) / (1 - level)


@dataclass(frozen=True, eq=False)
class RiskColumns:
    """The columns e and z (future,) of the formula, and its rows z + e − C >= 0."""

    threshold: Block
    beyond: Block
    rows: Block


def add_risk(
    builder: ProgramBuilder, risk: Risk, probabilities: Floats, names: tuple[str, ...], fixed: Floats
) -> RiskColumns | None:
    """The part of the objective that looks at the worst futures; None at weight 0.

    The caller enters every future's cost, with a minus, into its row; `fixed` (future,) is what a cost holds beside.
    """
    if not risk.weight:
        return None
    threshold = builder.columns("value at risk", {}, cost=risk.weight, lower=-np.inf)
    beyond = builder.columns(
        "beyond the value at risk",
        {"future": names},
        cost=risk.weight * probabilities / (1 - risk.level),
    )
    rows = builder.rows("worst futures", {"future": names}, lower=fixed)
    builder.entries(rows.index, threshold.index, 1.0)
    builder.entries(rows.index, beyond.index, 1.0)
    return RiskColumns(threshold, beyond, rows)


def weights_of_costs(risk: Risk, probabilities: Floats, row_dual: NDArray[np.float64] | None) -> Floats:
    """(future,) what one more unit of each future's cost adds to the objective, from the prices of the risk's rows."""
    mean = (1 - risk.weight) * probabilities
    return mean if row_dual is None else mean + row_dual
