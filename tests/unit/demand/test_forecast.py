"""Histories, rolling origins and growth, judged with a forecaster whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.demand.forecast import (
    Every,
    Floats,
    Forecast,
    History,
    after,
    backtest,
    growth_of,
    history_of,
    period_of,
    pinball,
    repeated,
)
from offtake.domain.errors import InvalidInput

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001 - histories have no zone
EVERY: tuple[Every, ...] = ("minute", "hour", "day", "week", "month", "quarter", "year")


def doubling(values: Floats, ahead: int, season: int, shares: Sequence[float]) -> Forecast:
    """Twice the last value, within a tenth of it; knows nothing of what comes."""
    del season
    median = np.full(ahead, 2.0 * values[-1])
    return Forecast(
        "doubling", median, dict.fromkeys(shares, median * 0.9), dict.fromkeys(shares, median * 1.1)
    )


@given(MOMENTS, st.sampled_from(EVERY))
def test_a_period_holds_its_moment_and_the_next_one_does_not(moment: datetime, every: Every) -> None:
    begins = period_of(moment, every)
    assert begins <= moment < after(begins, every)
    assert period_of(begins, every) == begins
    assert after(after(begins, every), every) == after(begins, every, 2)


def test_each_forecast_is_judged_by_what_came_after_its_origin() -> None:
    values = np.array([1.0] * 10 + [2.0, 4.0])
    found = backtest(values, doubling, 1, 1, (0.8,))
    assert found is not None
    # Origins after 8 to 11 values: forecasts 2, 2, 2 and 4 of 1, 1, 2 and 4.
    assert (found.origins, found.scored) == (4, 4)
    assert found.mape == pytest.approx((1 + 1 + 0 + 0) / 4)
    assert found.naive_mape == pytest.approx((0 + 0 + 0.5 + 0.5) / 4)
    assert found.coverage == ((0.8, 0.5),)


def test_a_history_that_is_too_short_is_not_judged() -> None:
    assert backtest(np.ones(8), doubling, 3, 1, (0.8,)) is None


def test_pinball_loss_is_that_of_its_quantiles() -> None:
    one = np.array([10.0])
    forecast = Forecast("x", one, {0.8: one - 5}, {0.8: one + 5})
    # What came is 12: 0.5 · 2 at the median, 0.1 · 7 at the lower bound, 0.1 · 3 at the upper.
    assert pinball(forecast, np.array([12.0])) == pytest.approx([(1.0 + 0.7 + 0.3) / 3])


def test_a_season_is_repeated() -> None:
    assert repeated(np.arange(10.0), 5, 3).tolist() == [7, 8, 9, 7, 8]


def history(values: Sequence[float], every: Every = "month") -> History:
    begins = [datetime(2024, 1, 1)]  # noqa: DTZ001
    while len(begins) < len(values):
        begins.append(after(begins[-1], every))
    return History(every, tuple(begins), tuple(values), "tokens")


def test_growth_is_stated_by_the_year_only_where_a_year_is_in_sight() -> None:
    forecast = doubling(np.array([8.0]), 12, 1, (0.8, 0.95))
    found = growth_of(history([8.0] * 10), forecast)
    assert found.over_forecast == pytest.approx((1.0, 0.8, 1.2))
    assert found.per_year == pytest.approx((1.0, 0.8, 1.2))
    assert growth_of(history([8.0] * 10, "day"), forecast).per_year is None


def test_ends_that_are_not_whole_are_left_out() -> None:
    sums = {datetime(2024, 1, day): float(day) for day in range(1, 13)}  # noqa: DTZ001
    found = history_of(sums, "day", "cost", datetime(2024, 1, 1, 9), datetime(2024, 1, 12, 12))  # noqa: DTZ001
    assert found.values == tuple(float(day) for day in range(2, 12))
    assert found.dropped == 2


def test_a_period_without_use_is_refused() -> None:
    sums = {datetime(2024, 1, day): 1.0 for day in range(1, 13) if day != 5}  # noqa: DTZ001
    with pytest.raises(InvalidInput, match="2024-01-05"):
        history_of(sums, "day", "cost", datetime(2024, 1, 1), datetime(2024, 1, 13))  # noqa: DTZ001
    with pytest.raises(InvalidInput, match="needs 8"):
        history_of(sums, "month", "cost", datetime(2023, 12, 31), datetime(2024, 2, 1))  # noqa: DTZ001
