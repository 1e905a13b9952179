"""The capacity of the published trace: the queue model beside the replay, its error as it is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from offtake.adapters.trace_csv import read_trace
from offtake.demand.queueing import Target
from offtake.demand.traffic.capacity import (
    AcceleratorRate,
    UnitRate,
    accelerators_needed,
    units_needed,
)
from offtake.demand.traffic.trace import Trace, summary_of
from offtake.domain.errors import InvalidInput

FILE = Path(__file__).parents[4] / "examples" / "traces" / "azure-llm-2023-conversations.csv.gz"


@cache
def trace() -> Trace:
    return read_trace(FILE)


def test_the_trace_is_as_published() -> None:
    found = summary_of(trace())
    assert found.arrivals.requests == 19_366
    assert found.arrivals.span_s == pytest.approx(3501.72, abs=0.01)
    assert found.tokens_in.mean == pytest.approx(1154.7, abs=0.1)
    assert found.tokens_out.mean == pytest.approx(211.1, abs=0.1)
    assert dict(found.tokens_out.quantiles)[0.5] == 129


def test_its_bursts_are_longer_than_a_second() -> None:
    indices = [one.index for one in summary_of(trace()).arrivals.dispersion]
    assert [one > 1.3 for one in indices] == [True] * 4
    assert indices == sorted(indices)


def test_what_it_writes_has_two_humps() -> None:
    best = summary_of(trace()).tokens_out.fits[0]
    assert best.family == "two lognormals"
    assert best.distance < 0.06
    assert all(one.distance > 0.15 for one in summary_of(trace()).tokens_out.fits[1:])


# Llama 3.1 405B on H100 by MLPerf's Server result, at several speeds for each user and several targets.
CASES = [
    (speed, share, wait) for speed in (5.714, 10.0, 20.0) for share in (0.95, 0.99) for wait in (0.0, 2.0)
]


@pytest.mark.parametrize(("speed", "share", "wait"), CASES)
def test_the_model_is_within_a_tenth_of_the_replay(speed: float, share: float, wait: float) -> None:
    need = accelerators_needed(trace(), AcceleratorRate(35.219, speed), Target(share, wait))
    assert abs(need.error) <= 0.1
    assert need.wait_at_replay_s <= wait
    assert need.mean < need.replay
    # At the mean, rounded up, nearly everybody would wait for long.
    assert need.wait_at_mean_s > 20


def test_one_accelerator_less_would_not_do() -> None:
    need = accelerators_needed(trace(), AcceleratorRate(35.219, 5.714), Target(0.99, 2.0))
    below = {point.capacity: point.replay_wait_s for point in need.curve if point.capacity < need.replay}
    assert below
    assert all(wait > 2.0 for wait in below.values())


def test_capacity_comes_in_increments() -> None:
    need = accelerators_needed(trace(), AcceleratorRate(35.219, 5.714), Target(0.99, 2.0), increment=8)
    assert (need.model % 8, need.replay % 8) == (0, 0)


@pytest.mark.parametrize(("burst", "off"), [(1.0, 0.20), (10.0, 0.05), (60.0, 0.07)])
def test_units_are_found_too_and_short_bursts_fool_the_model_most(burst: float, off: float) -> None:
    need = units_needed(trace(), UnitRate(2500.0, 833.0, burst), Target(0.99, 0.0))
    assert abs(need.error) <= off
    assert need.mean < need.replay
    assert need.wait_at_replay_s == 0.0


def test_reading_takes_time_of_its_own_where_it_has_a_rate() -> None:
    without = accelerators_needed(trace(), AcceleratorRate(161.3, 5.714), Target(0.99, 2.0))
    with_reading = accelerators_needed(trace(), AcceleratorRate(161.3, 5.714, 3000.0), Target(0.99, 2.0))
    assert with_reading.mean == pytest.approx(without.mean + 1154.7 * 19_366 / 3501.72 / 3000, rel=1e-3)


def test_the_impossible_is_refused() -> None:
    with pytest.raises(InvalidInput, match="requests at once"):
        accelerators_needed(trace(), AcceleratorRate(1e-3, 1e-7), Target(0.99, 2.0))
    with pytest.raises(InvalidInput, match="bucket"):
        units_needed(trace(), UnitRate(1.0, 1.0, 0.0), Target(0.99, 0.0))
