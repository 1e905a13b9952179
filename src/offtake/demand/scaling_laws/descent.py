"""Many small Huber regressions at once: damped Gauss-Newton with Huber's weights, vectorised over problems.

Each problem is the law of three terms in logs: log L = log(e^(a − αn) + e^(b − βd) + e^e) with n = log N, d = log D
(Hoffmann et al. 2022, equation 3). Parameters are rows (a, b, e, α, β).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from offtake.demand.scaling_laws.optimum import Floats

_LARGEST_EXPONENT: Final = 200.0  # Starts far off would overflow; the loss there is absurd either way.
_SMALLEST_DIAGONAL: Final = 1e-12
_PATIENCE: Final = 4  # Steps in a row without progress after which a problem is done.
PARAMETERS: Final = 5


@dataclass(frozen=True, slots=True)
class Points:
    """Runs in logs, all of shape (run,): parameters, tokens and loss."""

    log_parameters: Floats
    log_tokens: Floats
    log_loss: Floats


@dataclass(frozen=True, slots=True)
class Descended:
    """Where descents ended: (problem, parameter) and (problem,), and how many steps the longest took."""

    parameters: Floats
    objective: Floats
    steps: int


def residuals(parameters: Floats, points: Points) -> tuple[Floats, Floats, Floats]:
    """(problem, run) each: the shares of the N and of the D term in the predicted loss, and log L' − log L."""
    a, b, e, alpha, beta = (parameters[:, n, None] for n in range(PARAMETERS))
    by_size = np.exp(np.minimum(a - alpha * points.log_parameters, _LARGEST_EXPONENT))
    by_tokens = np.exp(np.minimum(b - beta * points.log_tokens, _LARGEST_EXPONENT))
    whole = by_size + by_tokens + np.exp(np.minimum(e, _LARGEST_EXPONENT))
    return by_size / whole, by_tokens / whole, np.log(whole) - points.log_loss


def objective(residual: Floats, weights: Floats, delta: float) -> Floats:
    """(problem,) the weighted sum of Huber's function over runs: r²/2 up to δ, then δ(|r| − δ/2)."""
    size = np.abs(residual)
    return (weights * np.where(size <= delta, residual**2 / 2, delta * (size - delta / 2))).sum(axis=1)


def jacobian(by_size: Floats, by_tokens: Floats, points: Points) -> Floats:
    """(problem, parameter, run) the derivative of the predicted log loss, in the order a, b, e, α, β."""
    return np.stack(
        [
            by_size,
            by_tokens,
            1.0 - by_size - by_tokens,
            -by_size * points.log_parameters,
            -by_tokens * points.log_tokens,
        ],
        axis=1,
    )


def gradient(parameters: Floats, points: Points, weights: Floats, delta: float) -> Floats:
    """(problem, parameter) the derivative of `objective`."""
    by_size, by_tokens, residual = residuals(parameters, points)
    bent = weights * np.clip(residual, -delta, delta)
    return np.einsum("pjr,pr->pj", jacobian(by_size, by_tokens, points), bent)


def descend(
    starts: Floats, points: Points, weights: Floats, delta: float, most_steps: int, tolerance: float
) -> Descended:
    """Every problem from its start down to where a step gains less than `tolerance` of its objective.

    `starts` is (problem, parameter), `weights` (problem, run): how often a run counts. Huber's function is bounded
    from above by a parabola that touches it at the residual, whose weight is min(1, δ/|r|); a damped Gauss-Newton step
    on that parabola is taken where the objective falls, else its damping is raised (Levenberg and Marquardt).
    """
    parameters = starts.copy()
    _, _, residual = residuals(parameters, points)
    value = objective(residual, weights, delta)
    damping = np.full(len(parameters), 1e-3)
    idle = np.zeros(len(parameters), dtype=np.int64)
    going = np.arange(len(parameters))
    steps = 0
    while steps < most_steps and going.size:
        steps += 1
        tried = parameters[going] + _step(parameters[going], points, weights[going], delta, damping[going])
        _, _, residual = residuals(tried, points)
        reached = objective(residual, weights[going], delta)
        better = reached < value[going]
        gain = np.where(better, value[going] - reached, 0.0) / np.maximum(value[going], np.finfo(float).tiny)
        parameters[going[better]] = tried[better]
        value[going] = np.where(better, reached, value[going])
        damping[going] = np.clip(np.where(better, damping[going] / 5, damping[going] * 5), 1e-12, 1e8)
        idle[going] = np.where(gain < tolerance, idle[going] + 1, 0)
        going = going[idle[going] < _PATIENCE]
    return Descended(parameters, value, steps)


def _step(parameters: Floats, points: Points, weights: Floats, delta: float, damping: Floats) -> Floats:
    by_size, by_tokens, residual = residuals(parameters, points)
    slopes = jacobian(by_size, by_tokens, points)
    weighted = slopes * (weights / np.maximum(1.0, np.abs(residual) / delta))[:, None]
    curvature = weighted @ slopes.transpose(0, 2, 1)
    slope = weighted @ residual[:, :, None]
    at = np.arange(PARAMETERS)
    diagonal = np.maximum(curvature[:, at, at], _SMALLEST_DIAGONAL)
    curvature[:, at, at] = diagonal * (1.0 + damping[:, None])
    return np.asarray(-np.linalg.solve(curvature, slope)[:, :, 0], dtype=np.float64)
