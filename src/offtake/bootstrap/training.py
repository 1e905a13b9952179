"""Questions about training runs: published ones beside what is predicted for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from offtake.demand.training.published_runs import Prediction


def published() -> tuple[Prediction, ...]:
    """Every published run with its prediction."""
    from offtake.demand.training.published_runs import RUNS, predicted

    return tuple(predicted(run) for run in RUNS)
