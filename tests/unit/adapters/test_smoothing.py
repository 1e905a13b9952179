"""Forecasts by statsmodels: known growth is found again, and intervals hold what they say."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from offtake.adapters.smoothing import smoothed
from offtake.demand.forecast import backtest
from offtake.domain.errors import InvalidInput


def test_steady_growth_is_found_and_compounds() -> None:
    random = np.random.default_rng(5)
    values = 100.0 * np.exp(0.03 * np.arange(48) + 0.02 * random.standard_normal(48))
    found = smoothed(values, 12, 1, (0.8, 0.95))
    assert found.form == "growth"
    assert found.median[-1] == pytest.approx(100.0 * np.exp(0.03 * 59), rel=0.1)
    assert (found.lower[0.95] < found.lower[0.8]).all()
    assert (found.lower[0.8] < found.median).all()
    assert (found.median < found.upper[0.8]).all()
    assert (found.upper[0.8] < found.upper[0.95]).all()


def test_a_week_comes_again() -> None:
    week = np.array([1.0, 1.1, 1.1, 1.0, 0.9, 0.4, 0.4])
    random = np.random.default_rng(5)
    values = 50.0 * np.tile(week, 8) * np.exp(0.02 * random.standard_normal(56))
    found = smoothed(values, 7, 7, (0.8,))
    assert "season of 7" in found.form
    assert found.median / 50.0 == pytest.approx(week, rel=0.1)


def test_the_past_is_forecast_better_than_by_repeating_it() -> None:
    random = np.random.default_rng(5)
    values = 100.0 * np.exp(np.cumsum(0.04 + 0.02 * random.standard_normal(14)))
    found = backtest(values, smoothed, 3, 1, (0.8,))
    assert found is not None
    assert found.mape < found.naive_mape
    assert found.mape < 0.1


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InvalidInput) as refused:
        smoothed(np.ones(10), 2, 1, (0.8,))
    assert "offtake[forecast]" in (refused.value.hint or "")
