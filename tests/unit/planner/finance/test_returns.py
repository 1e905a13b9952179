"""Returns: all internal rates or none, against polynomials' own roots; worth; and when it has paid back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from offtake.planner.finance.returns import internal_rates, paid_back, worth


def yearly(*amounts: float) -> list[tuple[float, float]]:
    return [(float(n), amount) for n, amount in enumerate(amounts)]


@pytest.mark.parametrize(
    ("amounts", "rates"),
    [
        ((-100, 110), [0.10]),
        ((-100, 0, 121), [0.10]),
        ((-1600, 10000, -10000), [0.25, 4.0]),  # Lorie and Savage (1955): an oil pump with two rates.
        ((-100, 230, -132), [0.10, 0.20]),
        ((-1000, 3600, -4310, 1716), [0.10, 0.20, 0.30]),
        ((100, -150, 100), []),
        ((-100, -10), []),
        ((0, 0), []),
        ((100, 100), []),
        ((-100, 50), [-0.5]),
    ],
)
def test_every_internal_rate_is_found(amounts: tuple[float, ...], rates: list[float]) -> None:
    assert internal_rates(yearly(*amounts)) == pytest.approx(rates, abs=1e-9)


def test_times_need_not_be_whole_years() -> None:
    (rate,) = internal_rates([(0.25, -100.0), (0.75, 104.0)])
    assert rate == pytest.approx(1.04**2 - 1)
    assert worth([(0.25, -100.0), (0.75, 104.0)], rate) == pytest.approx(0.0, abs=1e-9)


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=9))
def test_rates_are_those_of_the_polynomial(amounts: list[int]) -> None:
    assume(any(amounts))
    stream = yearly(*map(float, amounts))
    mine = internal_rates(stream)
    # With v = 1 / (1 + r) the worth is a polynomial in v; its simple positive roots are the rates.
    trimmed = np.trim_zeros(amounts[::-1], "f")
    roots = np.roots(trimmed) if len(trimmed) > 1 else np.array([])
    theirs = sorted(1 / v.real - 1 for v in roots if abs(v.imag) < 1e-12 and v.real > 0)
    theirs = [r for r in theirs if -0.98 < r < 99]
    simple = [r for n, r in enumerate(theirs) if all(abs(r - o) > 1e-3 for o in theirs[:n] + theirs[n + 1 :])]
    assume(len(simple) == len(theirs))  # A double root is a rate at which nothing changes sign.
    for rate in theirs:
        assert any(one == pytest.approx(rate, rel=1e-5, abs=1e-6) for one in mine)
    for rate in mine:
        size = sum(abs(amount) * (1 + rate) ** -time for time, amount in stream)
        assert abs(worth(stream, rate)) <= 1e-6 * size


def test_worth_is_the_sum_at_rate_zero() -> None:
    assert worth(yearly(-100, 30, 80), 0.0) == pytest.approx(10)


def test_paid_back_is_when_the_sum_stays_above() -> None:
    assert paid_back(yearly(-100, 120, -50, 40)) == 3.0
    assert paid_back(yearly(-100, 50)) is None
    assert paid_back(yearly(10, 10)) == 0.0
