"""The law of three terms fitted to runs: Huber's loss on log loss, many starts, resamples for standard errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from offtake.demand.scaling_laws.descent import (
    PARAMETERS,
    Points,
    descend,
    jacobian,
    objective,
    residuals,
)
from offtake.demand.scaling_laws.optimum import Floats, positive
from offtake.demand.scaling_laws.parametric import ParametricLaw
from offtake.domain.errors import InvalidInput

DELTA: Final = 1e-3  # Of Huber's loss (Hoffmann et al. 2022, appendix D.3).
MAXIMUM_RESAMPLES: Final = 100_000
MAXIMUM_RUNS: Final = 100_000
SYMBOLS: Final = ("E", "A", "B", "α", "β")

# Starts of Hoffmann et al. 2022, appendix D.3: α, β from 0 to 2, e from −1 to 1, a and b from 0 to 25; 4,500 in all.
_EXPONENTS: Final = (0.0, 0.5, 1.0, 1.5, 2.0)
_IRREDUCIBLE: Final = (-1.0, -0.5, 0.0, 0.5, 1.0)
_SCALES: Final = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0)
# All starts are looked at, the best go down some steps, and the best of those to the end.
_LOOKED_AT: Final = 200
_FEW_STEPS: Final = 15
_TO_THE_END: Final = 24
_MOST_STEPS: Final = 1_000
_TOLERANCE: Final = 1e-11
_RESAMPLE_TOLERANCE: Final = 1e-9
_CELLS: Final = 200_000  # Resamples times runs that are worked on at once.

_FEWEST_RUNS: Final = 8
_FEWEST_VALUES: Final = 3  # A power and a constant need three points.
_LEAST_SPREAD: Final = 0.02  # Of log D about its line in log N (and the reverse), in units of its own spread.
_WEAKEST: Final = 2.0  # An exponent, or E, should be this many standard errors from zero.
_ONE_LINE: Final = (
    "tokens follow from model size in every run (a fixed ratio, or one line in logs), so the two terms cannot be told "
    "apart: add runs of one size with different tokens"
)
_SINGULAR: Final = (
    "different constants fit the runs equally well (the normal matrix is singular): add runs over a wider range of "
    "sizes and of tokens"
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A constant with its standard error and 95 % interval."""

    symbol: str
    value: float
    standard_error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted law: estimates in the order E, A, B, α, β, how good it is, and the residuals log L' − log L (run,)."""

    law: ParametricLaw
    estimates: tuple[Estimate, ...]
    errors_by: str
    runs: int
    resamples: int
    objective: float
    starts: int
    starts_at_best: int
    residuals: Floats
    exponent: Estimate


@dataclass(frozen=True, slots=True)
class Unidentifiable:
    """The runs cannot tell the law's constants apart; each reason says why and what would."""

    reasons: tuple[str, ...]


def fit_law(
    parameters: ArrayLike,
    tokens: ArrayLike,
    loss: ArrayLike,
    *,
    resamples: int = 0,
    seed: int = 0,
    name: str = "fitted",
    progress: Callable[[int, int], None] | None = None,
) -> Fit | Unidentifiable:
    """The law that fits runs best: N, D and L of shape (run,), in parameters, tokens and nats a token.

    The objective is Huber's with δ = 1e-3 on the log of the loss, and the starts are those of Hoffmann et al. 2022,
    appendix D.3. Standard errors and 95 % intervals are from `resamples` of the runs with replacement, or with none
    from the estimator's asymptotic variance (Huber 1964). Raises InvalidInput for values that are not above zero.
    """
    if not 0 <= resamples <= MAXIMUM_RESAMPLES:
        raise InvalidInput(
            f"{resamples} resamples are not taken",
            hint=f"from 0 to {MAXIMUM_RESAMPLES:,}; 4,000 are customary",
        )
    n, d, y = (
        np.log(np.atleast_1d(positive(value, what)))
        for value, what in ((parameters, "parameters"), (tokens, "tokens"), (loss, "loss"))
    )
    if not n.shape == d.shape == y.shape or n.ndim != 1 or n.size > MAXIMUM_RUNS:
        raise InvalidInput(
            "parameters, tokens and losses are lists of one length", hint="one of each for a run"
        )
    missing = _missing(n, d, y)
    if missing:
        return Unidentifiable(missing)
    # Logs are taken from their means, so that scales and exponents are less entangled.
    centre = np.array([n.mean(), d.mean()])
    points = Points(n - centre[0], d - centre[1], y)
    best, value, at_best, starts = _best(points, centre)
    covariance = _covariance(best, points)
    doubtful = _doubtful(best, covariance)
    if doubtful:
        return Unidentifiable(doubtful)
    constants = _constants(best[None], centre)[0]
    spread, intervals, exponent = _errors(best, points, centre, covariance, resamples, seed, progress)
    estimates = tuple(
        Estimate(
            symbol, float(constants[k]), float(spread[k]), float(intervals[0, k]), float(intervals[1, k])
        )
        for k, symbol in enumerate(SYMBOLS)
    )
    law = ParametricLaw(
        name,
        *(float(one) for one in constants),
        source=f"fitted to {n.size} runs, Huber δ {DELTA:g} on log loss",
    )
    by = f"{resamples} resamples" if resamples else "asymptotic variance"
    left = residuals(best[None], points)[2][0]
    return Fit(law, estimates, by, n.size, resamples, value, starts, at_best, left, exponent)


def _missing(n: Floats, d: Floats, y: Floats) -> tuple[str, ...]:
    """What runs lack before anything is fitted."""
    found: list[str] = []
    distinct = len(np.unique(np.column_stack([n, d]).round(9), axis=0))
    if distinct < _FEWEST_RUNS:
        found.append(
            f"{distinct} different runs are too few for five constants: at least {_FEWEST_RUNS} are needed"
        )
    for values, what in ((n, "model sizes"), (d, "token counts"), (y, "losses")):
        several = len(np.unique(values.round(9)))
        if several < _FEWEST_VALUES:
            found.append(
                f"{several} different {what}: at least {_FEWEST_VALUES} are needed to tell a power from a constant"
            )
    if found:
        return tuple(found)
    correlation = float(np.corrcoef(n, d)[0, 1])
    if 1.0 - correlation**2 < _LEAST_SPREAD**2:
        return (_ONE_LINE,)
    return ()


def _best(points: Points, centre: Floats) -> tuple[Floats, float, int, int]:
    """The best parameters from all starts, their objective, how many starts ended there, and how many there were."""
    grid = np.meshgrid(_SCALES, _SCALES, _IRREDUCIBLE, _EXPONENTS, _EXPONENTS, indexing="ij")
    starts = np.stack([axis.ravel() for axis in grid], axis=1)
    starts[:, 0] -= starts[:, 3] * centre[0]
    starts[:, 1] -= starts[:, 4] * centre[1]
    # A thin sample of the runs is enough to see which starts are hopeless.
    few = np.linspace(0, points.log_loss.size - 1, min(points.log_loss.size, 60)).astype(np.int64)
    sample = Points(points.log_parameters[few], points.log_tokens[few], points.log_loss[few])
    first = np.concatenate(
        [
            objective(residuals(chunk, sample)[2], np.ones((len(chunk), few.size)), DELTA)
            for chunk in np.array_split(starts, 10)
        ]
    )
    going = starts[np.argsort(first, kind="stable")[:_LOOKED_AT]]
    once = np.ones((len(going), points.log_loss.size))
    some = descend(going, points, once, DELTA, _FEW_STEPS, _TOLERANCE)
    going = some.parameters[np.argsort(some.objective, kind="stable")[:_TO_THE_END]]
    ended = descend(going, points, once[: len(going)], DELTA, _MOST_STEPS, _TOLERANCE)
    at = int(np.argmin(ended.objective))
    value = float(ended.objective[at])
    return (
        ended.parameters[at],
        value,
        int((ended.objective <= value * (1 + 1e-6) + 1e-15).sum()),
        len(starts),
    )


def _constants(parameters: Floats, centre: Floats) -> Floats:
    """(problem, 5) the constants E, A, B, α, β of parameters (a, b, e, α, β) about the centre."""
    a, b, e, alpha, beta = parameters.T
    with np.errstate(over="ignore"):
        return np.stack(
            [np.exp(e), np.exp(a + alpha * centre[0]), np.exp(b + beta * centre[1]), alpha, beta], axis=1
        )


def _covariance(best: Floats, points: Points) -> Floats:
    """The asymptotic covariance of (a, b, e, α, β): E ψ² / (E ψ')² · (JᵀJ)⁻¹, corrected for five constants.

    Infinite where JᵀJ is singular to working precision.
    """
    by_size, by_tokens, residual = residuals(best[None], points)
    slopes = jacobian(by_size, by_tokens, points)[0]
    normal = slopes @ slopes.T
    scale = np.sqrt(np.maximum(np.diag(normal), np.finfo(float).tiny))
    scaled = normal / np.outer(scale, scale)
    if np.linalg.cond(scaled) > 1e12:
        return np.full((PARAMETERS, PARAMETERS), np.inf)
    runs = residual.size
    bent = float(np.mean(np.clip(residual, -DELTA, DELTA) ** 2))
    inside = max(float(np.mean(np.abs(residual) <= DELTA)), 1.0 / runs)
    noise = bent / inside**2 * runs / max(runs - PARAMETERS, 1)
    return np.asarray(noise * np.linalg.inv(scaled) / np.outer(scale, scale), dtype=np.float64)


def _doubtful(best: Floats, covariance: Floats) -> tuple[str, ...]:
    """Constants that runs leave open after the fit."""
    if not np.isfinite(covariance).all():
        return (_SINGULAR,)
    found: list[str] = []
    errors = np.sqrt(np.diag(covariance))
    for at, name, need in ((3, "α", "sizes"), (4, "β", "token counts")):
        value, error = float(best[at]), float(errors[at])
        if value <= 0 or value < _WEAKEST * error:
            found.append(
                f"{name} is {value:.3g} with a standard error of {error:.2g}, which cannot be told from zero: add runs "
                f"over a wider range of {need}"
            )
    # E is positive by its form, so what shows that runs do not see it is an error as large as itself.
    if float(errors[2]) > 1.0 / _WEAKEST:
        found.append(
            f"E is {np.exp(best[2]):.3g} with a standard error of {float(errors[2]):.0%} of it: the runs do not see "
            "where the loss levels off; add larger runs with more tokens"
        )
    return tuple(found)


def _errors(
    best: Floats,
    points: Points,
    centre: Floats,
    covariance: Floats,
    resamples: int,
    seed: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[Floats, Floats, Estimate]:
    """(5,) standard errors and (2, 5) intervals of E, A, B, α, β, and the estimate of a = β/(α + β)."""
    alpha, beta = best[3], best[4]
    share = beta / (alpha + beta)
    if resamples:
        drawn = _resampled(best, points, resamples, seed, progress)
        constants = _constants(drawn, centre)
        shares = drawn[:, 4] / (drawn[:, 3] + drawn[:, 4])
        low, high = np.quantile(shares, (0.025, 0.975))
        exponent = Estimate("a", float(share), float(shares.std(ddof=1)), float(low), float(high))
        return constants.std(axis=0, ddof=1), np.quantile(constants, (0.025, 0.975), axis=0), exponent
    # The log of E, A and B is nearer to normal than they are, so their intervals are made there.
    lift = np.zeros((PARAMETERS, PARAMETERS))
    lift[0, 2] = lift[1, 0] = lift[2, 1] = lift[3, 3] = lift[4, 4] = 1.0
    lift[1, 3], lift[2, 4] = centre
    errors = np.sqrt(np.diag(lift @ covariance @ lift.T))
    constants = _constants(best[None], centre)[0]
    half = 1.96 * errors
    low = np.concatenate([constants[:3] * np.exp(-half[:3]), constants[3:] - half[3:]])
    high = np.concatenate([constants[:3] * np.exp(half[:3]), constants[3:] + half[3:]])
    slope = np.array([0.0, 0.0, 0.0, -beta, alpha]) / (alpha + beta) ** 2
    error = float(np.sqrt(slope @ covariance @ slope))
    exponent = Estimate("a", float(share), error, float(share - 1.96 * error), float(share + 1.96 * error))
    spread = np.concatenate([constants[:3] * errors[:3], errors[3:]])
    return spread, np.stack([low, high]), exponent


def _resampled(
    best: Floats, points: Points, resamples: int, seed: int, progress: Callable[[int, int], None] | None
) -> Floats:
    """(resample, parameter) fits to runs drawn with replacement, each begun at the fit to all of them."""
    runs = points.log_loss.size
    random = np.random.default_rng(seed)
    size = max(1, _CELLS // runs)
    found: list[Floats] = []
    for begin in range(0, resamples, size):
        many = min(size, resamples - begin)
        weights = random.multinomial(runs, np.full(runs, 1.0 / runs), size=many).astype(np.float64)
        starts = np.repeat(best[None], many, axis=0)
        ended = descend(starts, points, weights, DELTA, _MOST_STEPS, _RESAMPLE_TOLERANCE)
        found.append(ended.parameters)
        if progress is not None:
            progress(begin + many, resamples)
    return np.concatenate(found)
