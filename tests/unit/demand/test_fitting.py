"""Fits: the published refit is found again, gradients are right, and runs that cannot tell are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from offtake.adapters.scaling_points import ScalingPoints, read_points
from offtake.demand.scaling_laws.descent import Points, gradient, objective, residuals
from offtake.demand.scaling_laws.fitting import DELTA, Fit, Unidentifiable, fit_law
from offtake.demand.scaling_laws.parametric import ParametricLaw
from offtake.demand.scaling_laws.published import BESIROGLU_STANDARD_ERRORS
from offtake.domain.errors import InvalidInput

PUBLISHED = (1.8172, 482.01, 2085.43, 0.3478, 0.3658)
WITHIN = (0.01, 0.05, 0.05, 0.01, 0.01)
TRUE = ParametricLaw("true", 1.7, 300.0, 900.0, 0.33, 0.31, "invented")


@pytest.fixture(scope="module")
def runs() -> ScalingPoints:
    return read_points(Path("examples/scaling-laws/chinchilla_points.csv")).without_highest(5)


@pytest.fixture(scope="module")
def fitted(runs: ScalingPoints) -> Fit:
    found = fit_law(runs.parameters, runs.tokens, runs.loss, resamples=1000)
    assert isinstance(found, Fit)
    return found


@pytest.mark.parametrize("k", range(5), ids=["E", "A", "B", "alpha", "beta"])
def test_the_refit_of_besiroglu_et_al_is_found_again(fitted: Fit, k: int) -> None:
    assert fitted.runs == 240
    assert fitted.estimates[k].value == pytest.approx(PUBLISHED[k], rel=WITHIN[k])


@pytest.mark.parametrize("k", range(5), ids=["E", "A", "B", "alpha", "beta"])
def test_standard_errors_are_near_theirs(fitted: Fit, k: int) -> None:
    assert fitted.estimates[k].standard_error == pytest.approx(BESIROGLU_STANDARD_ERRORS[k], rel=0.25)


def test_intervals_hold_the_estimate_and_the_published_value(fitted: Fit) -> None:
    for one, published in zip(fitted.estimates, PUBLISHED, strict=True):
        assert one.low < one.value < one.high
        assert one.low < published < one.high


def test_the_same_seed_gives_the_same_errors(runs: ScalingPoints) -> None:
    one, other = (fit_law(runs.parameters, runs.tokens, runs.loss, resamples=50, seed=3) for _ in range(2))
    assert isinstance(one, Fit)
    assert isinstance(other, Fit)
    assert one.estimates == other.estimates


def test_gradient_is_that_of_the_objective(runs: ScalingPoints) -> None:
    points = Points(np.log(runs.parameters) - 20, np.log(runs.tokens) - 24, np.log(runs.loss))
    weights = np.linspace(0, 2, len(runs.loss))[None]
    at = np.array([-0.9, -1.2, 0.6, 0.35, 0.36])

    def value(x: np.ndarray) -> float:
        return float(objective(residuals(x[None], points)[2], weights, DELTA)[0])

    numeric = approx_fprime(at, value, 1e-7)
    np.testing.assert_allclose(gradient(at[None], points, weights, DELTA)[0], numeric, rtol=1e-3, atol=1e-6)


def drawn(law: ParametricLaw, count: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    n, d = 10 ** random.uniform(7, 11, count), 10 ** random.uniform(9, 13, count)
    return n, d, law.loss(n, d) * np.exp(noise * random.standard_t(3, count))


def test_a_law_is_found_in_runs_that_it_made() -> None:
    found = fit_law(*drawn(TRUE, 300, 0.002))
    assert isinstance(found, Fit)
    values = [one.value for one in found.estimates]
    np.testing.assert_allclose(values, [1.7, 300.0, 900.0, 0.33, 0.31], rtol=0.05)
    assert found.errors_by == "asymptotic variance"


def test_runs_without_noise_give_the_law_exactly() -> None:
    found = fit_law(*drawn(TRUE, 40, 0.0))
    assert isinstance(found, Fit)
    np.testing.assert_allclose(
        [one.value for one in found.estimates], [1.7, 300.0, 900.0, 0.33, 0.31], rtol=1e-4
    )


def unidentified(n: object, d: object, loss: object) -> str:
    found = fit_law(n, d, loss)  # pyright: ignore[reportArgumentType] - arrays, whose types the tests leave open
    assert isinstance(found, Unidentifiable)
    return " ".join(found.reasons)


def test_too_few_runs_are_refused() -> None:
    n, d, loss = drawn(TRUE, 7, 0.0)
    assert "7 different runs are too few" in unidentified(n, d, loss)


def test_one_model_size_is_refused() -> None:
    n, d, _ = drawn(TRUE, 40, 0.0)
    n = np.full_like(n, 1e9)
    assert "1 different model sizes" in unidentified(n, d, TRUE.loss(n, d))


def test_tokens_in_proportion_to_size_are_refused() -> None:
    n, _, _ = drawn(TRUE, 40, 0.0)
    assert "cannot be told apart" in unidentified(n, 20 * n, TRUE.loss(n, 20 * n))


def test_losses_that_are_only_noise_are_refused() -> None:
    n, d, _ = drawn(TRUE, 60, 0.0)
    loss = np.random.default_rng(1).uniform(2.0, 2.01, 60)
    assert "wider range" in unidentified(n, d, loss)


def test_a_narrow_range_of_sizes_leaves_an_exponent_open() -> None:
    random = np.random.default_rng(5)
    n, d = 1e9 * random.uniform(0.97, 1.03, 60), 10 ** random.uniform(9, 13, 60)
    loss = TRUE.loss(n, d) * np.exp(0.003 * random.standard_normal(60))
    assert "cannot be told from zero" in unidentified(n, d, loss)


@pytest.mark.parametrize("wrong", [[1.0, 2.0], [1.0, -1.0, 2.0], [1.0, 0.0, 2.0]])
def test_unusable_runs_are_errors(wrong: list[float]) -> None:
    with pytest.raises(InvalidInput):
        fit_law([1e9, 2e9, 3e9], [1e10, 1e11, 1e12], wrong)
