"""Laws as functions: optima are optimal, inverses are inverse, and what cannot be is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.demand.scaling_laws.parametric import ParametricLaw
from offtake.demand.scaling_laws.published import BESIROGLU as REFIT
from offtake.demand.scaling_laws.published import MUENNIGHOFF as REPEATED
from offtake.demand.scaling_laws.serving import served_optimum
from offtake.domain.errors import InvalidInput

constants = st.builds(
    ParametricLaw,
    st.just("some"),
    st.floats(0.5, 3),
    st.floats(10, 5000),
    st.floats(10, 5000),
    st.floats(0.1, 0.9),
    st.floats(0.1, 0.9),
    st.just("drawn"),
)
budgets = st.floats(18, 28).map(lambda power: 10.0**power)


@given(constants, budgets, st.floats(-2, 2))
def test_no_other_size_beats_the_optimum_of_a_budget(law: ParametricLaw, flop: float, aside: float) -> None:
    best = law.for_flop(flop)
    assert best.loss is not None
    n = best.parameters * np.exp(aside)
    assert float(law.loss(n, flop / (6 * n))) >= float(best.loss) * (1 - 1e-12)


@given(constants, budgets)
def test_loss_and_budget_are_each_others_inverse(law: ParametricLaw, flop: float) -> None:
    best = law.for_flop(flop)
    assert best.loss is not None
    if float(best.loss) > law.irreducible * (1 + 1e-9):
        assert float(law.for_loss(best.loss).flop) == pytest.approx(flop, rel=1e-4)


@given(constants, budgets, st.floats(-1, 1))
def test_tokens_and_parameters_for_a_loss(law: ParametricLaw, flop: float, aside: float) -> None:
    n = law.for_flop(flop).parameters * np.exp(aside)
    d = flop / (6 * n)
    loss = law.loss(n, d)
    if float(loss) > law.irreducible * (1 + 1e-6):
        assert float(law.loss(n, law.tokens_for(loss, n))) == pytest.approx(float(loss), rel=1e-9)
        assert float(law.loss(law.parameters_for(loss, d), d)) == pytest.approx(float(loss), rel=1e-9)


def test_answers_are_arrays_of_one_shape() -> None:
    best = REFIT.for_flop(np.full((2, 3), 1e24))
    assert best.parameters.shape == best.tokens.shape == best.flop.shape == (2, 3)
    assert REFIT.loss([[1e9], [1e10]], [1e11, 1e12, 1e13]).shape == (2, 3)


def test_a_size_that_is_too_small_needs_tokens_without_end() -> None:
    assert REFIT.tokens_for([1.85, 2.2], 8e9).tolist()[0] == np.inf


@pytest.mark.parametrize("loss", [1.8172, 1.0])
def test_a_loss_below_the_irreducible_one_is_refused(loss: float) -> None:
    with pytest.raises(InvalidInput, match=r"irreducible loss is 1\.817"):
        REFIT.for_loss(loss)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), "much"])
def test_values_that_are_not_above_zero_are_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="flop"):
        REFIT.for_flop(value)  # pyright: ignore[reportArgumentType] - what a caller might do all the same


@pytest.mark.parametrize("wrong", [(-0.3, 0.3), (0.3, 0.0), (float("nan"), 0.3)])
def test_a_law_needs_exponents_above_zero(wrong: tuple[float, float]) -> None:
    with pytest.raises(InvalidInput, match="above zero"):
        ParametricLaw("mine", 1.8, 400.0, 400.0, *wrong, source="")


def test_tokens_read_once_are_worth_themselves() -> None:
    assert float(REPEATED.loss(4e8, 1e10, 1e10)) == pytest.approx(float(REPEATED.base.loss(4e8, 1e10)))
    assert float(REPEATED.loss(4e9, 1e10, 1e10)) > float(
        REPEATED.base.loss(4e9, 1e10)
    )  # Too large for its tokens.
    assert float(REPEATED.effective_tokens(1e10, 1e10)) == 1e10


def test_repetition_saturates_at_the_decay() -> None:
    """However often they are read, U tokens are worth U·(1 + R_D*) at most (equation 5)."""
    assert float(REPEATED.effective_tokens(1e16, 1e10)) == pytest.approx(1e10 * (1 + 15.387756))
    assert float(REPEATED.effective_tokens(4e10, 1e10)) / 4e10 > 0.9  # Four epochs are nearly as good as new.


def test_parameters_for_unique_tokens_are_those_of_the_paper() -> None:
    """U_N = 0.051·U_D (Muennighoff et al. 2023, appendix A)."""
    best = REPEATED.base.for_tokens(1e11)
    assert float(best.parameters / best.tokens) == pytest.approx(0.051, abs=5e-4)


def test_the_best_use_of_repeated_tokens_is_a_valley() -> None:
    best = REPEATED.for_flop(1e22, [1e9, 1e10, 1e12])
    assert best.loss is not None
    assert np.all(np.diff(best.loss) < 0)  # More unique tokens are better.
    for aside in (0.8, 1.25):
        n = best.parameters * aside
        assert np.all(REPEATED.loss(n, 1e22 / (6 * n), [1e9, 1e10, 1e12]) >= best.loss * (1 - 1e-12))


def test_a_loss_with_few_unique_tokens_takes_more_flop_or_is_out_of_reach() -> None:
    plenty, few = REPEATED.for_loss(2.4, [1e13, 2e10]).flop
    assert few > plenty
    assert plenty == pytest.approx(float(REPEATED.base.for_loss(2.4).flop), rel=1e-3)
    with pytest.raises(InvalidInput, match="unique tokens"):
        REPEATED.for_loss(2.0, 1e9)


def test_serving_makes_models_smaller_and_trains_them_longer() -> None:
    both = served_optimum(REFIT, 2.0, [0.0, 1e12, 1e13])
    assert np.all(np.diff(both.training.parameters) < 0)
    assert np.all(np.diff(both.training.tokens) > 0)
    assert float(both.training.flop[0]) == pytest.approx(float(REFIT.for_loss(2.0).flop), rel=1e-9)
    assert both.training.loss is not None
    np.testing.assert_allclose(both.training.loss, 2.0, rtol=1e-12)


@given(st.floats(1.9, 3.0), st.floats(8, 15).map(lambda power: 10.0**power), st.floats(-1, 1))
def test_no_other_size_is_cheaper_to_train_and_serve(loss: float, served: float, aside: float) -> None:
    best = served_optimum(REFIT, loss, served)
    n = best.training.parameters * np.exp(aside)
    d = REFIT.tokens_for(loss, n)
    assert float(6 * n * d + 2 * n * served) >= float(best.total_flop) * (1 - 1e-9)
