"""Waiting, by formula and by replay: textbook values, and what must hold for every trace."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.demand.queueing import (
    Floats,
    Stream,
    Target,
    bucket_waits,
    chance_of_refusal,
    chance_of_waiting,
    erlang_c,
    held,
    least,
    stream_of,
    wait_at,
    wait_held,
    waits,
    work_of,
)

requests = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 200)), min_size=2, max_size=60)


def arrays(pairs: list[tuple[int, int]]) -> tuple[Floats, Floats]:
    between, service = zip(*pairs, strict=True)
    return np.cumsum(np.array(between, dtype=np.float64)), np.array(service, dtype=np.float64)


@pytest.mark.parametrize(
    # Erlang C as tabulated in any textbook: one server is M/M/1 with P = ρ; 10 servers at 8 erlangs wait 40.9 %.
    ("servers", "load", "chance"),
    [(1, 0.5, 0.5), (1, 0.9, 0.9), (2, 1.0, 1 / 3), (10, 8.0, 0.4092), (5, 6.0, 1.0), (3, 0.0, 0.0)],
)
def test_erlang_c_has_its_textbook_values(servers: float, load: float, chance: float) -> None:
    assert erlang_c(servers, load) == pytest.approx(chance, abs=1e-4)


def test_for_poisson_arrivals_and_exponential_service_the_formula_is_exact() -> None:
    stream = Stream(load=0.8, peakedness=1.0, service_s=2.0, service_scv=1.0)
    # M/M/1: P(W > t) = ρ exp(−(1 − ρ) t / E[S]).
    assert chance_of_waiting(stream, 1, 3.0) == pytest.approx(0.8 * np.exp(-0.2 * 3.0 / 2.0))
    assert chance_of_waiting(stream, 1, wait_held(stream, 1, 0.99)) == pytest.approx(0.01)


def test_the_formula_and_the_replay_of_a_poisson_stream_agree() -> None:
    random = np.random.default_rng(7)
    arrivals = np.cumsum(random.exponential(1.0, 60_000))
    service = random.exponential(20.0, 60_000)
    stream = stream_of(arrivals, service)
    assert stream.load == pytest.approx(20.0, rel=0.03)
    assert stream.peakedness == pytest.approx(1.0, abs=0.1)
    late = float(np.mean(waits(arrivals, service, 24) > 0))
    assert chance_of_waiting(stream, 24, 0.0) == pytest.approx(late, rel=0.15)


def test_a_bursty_stream_has_more_peakedness_and_needs_more() -> None:
    random = np.random.default_rng(7)
    arrivals = np.repeat(np.cumsum(random.exponential(5.0, 4_000)), 5)
    service = random.exponential(20.0, 20_000)
    # Batches of five, each staying exponentially long: z = 1 + (5 − 1) / 2.
    stream = stream_of(arrivals, service)
    assert stream.peakedness == pytest.approx(3.0, rel=0.2)
    even = Stream(stream.load, 1.0, stream.service_s, stream.service_scv)
    assert chance_of_waiting(stream, 28, 1.0) > chance_of_waiting(even, 28, 1.0)


def test_requests_are_served_in_order() -> None:
    arrivals, service = np.array([0.0, 1.0, 2.0, 3.0]), np.array([10.0, 10.0, 1.0, 1.0])
    assert waits(arrivals, service, 2).tolist() == [0.0, 0.0, 8.0, 8.0]


@given(requests, st.integers(1, 8), st.integers(0, 4))
def test_more_servers_never_raise_waiting(pairs: list[tuple[int, int]], servers: int, more: int) -> None:
    arrivals, service = arrays(pairs)
    assert (waits(arrivals, service, servers + more) <= waits(arrivals, service, servers)).all()


@given(requests, st.integers(1, 8))
def test_a_replay_is_deterministic_and_leaves_its_trace_alone(
    pairs: list[tuple[int, int]], servers: int
) -> None:
    arrivals, service = arrays(pairs)
    before = arrivals.copy(), service.copy()
    assert (waits(arrivals, service, servers) == waits(arrivals, service, servers)).all()
    assert (arrivals == before[0]).all()
    assert (service == before[1]).all()


@given(requests, st.floats(0.1, 50.0), st.floats(0.0, 50.0), st.floats(1.0, 20.0))
def test_more_units_never_raise_waiting(
    pairs: list[tuple[int, int]], units: float, more: float, burst: float
) -> None:
    arrivals, work = arrays(pairs)
    few, many = (bucket_waits(arrivals, work, one, burst) for one in (units, units + more))
    assert (many <= few + 1e-6).all()


@given(requests, st.floats(0.5, 20.0))
def test_a_bucket_drains_as_one_server_would(pairs: list[tuple[int, int]], units: float) -> None:
    arrivals, work = arrays(pairs)
    level, clock = 0.0, float(arrivals[0])
    for arrival, amount, wait in zip(arrivals, work, bucket_waits(arrivals, work, units, 1.0), strict=True):
        level = max(0.0, level - units * (float(arrival) - clock))
        clock = float(arrival)
        assert wait == pytest.approx(max(0.0, level / units - 1.0), abs=1e-6)
        level += float(amount)


@given(
    st.floats(0.5, 200.0),
    st.floats(0.5, 8.0),
    st.floats(0.1, 60.0),
    st.floats(0.0, 4.0),
    st.floats(0.0, 30.0),
)
def test_by_the_formula_too_more_servers_never_raise_waiting(
    load: float, peakedness: float, service_s: float, scv: float, wait_s: float
) -> None:
    stream = Stream(load, peakedness, service_s, scv)
    chances = [chance_of_waiting(stream, load * factor, wait_s) for factor in np.linspace(0.8, 3.0, 12)]
    assert all(0.0 <= one <= 1.0 for one in chances)
    assert all(after <= before + 1e-9 for before, after in pairwise(chances))


def test_a_bucket_that_is_too_small_refuses_everything_in_the_end() -> None:
    random = np.random.default_rng(1)
    stream = work_of(np.cumsum(random.exponential(1.0, 5000)), random.exponential(3.0, 5000))
    assert stream.mean == pytest.approx(3.0, rel=0.05)
    chances = [chance_of_refusal(stream, units, 5.0, 0.0) for units in (2.9, 3.5, 4.0, 6.0)]
    assert chances[0] == 1.0
    assert chances == sorted(chances, reverse=True)


@pytest.mark.parametrize(("share", "holds"), [(0.9, True), (0.91, False), (0.5, True)])
def test_a_target_counts_requests(share: float, holds: bool) -> None:
    found = np.array([0.0] * 9 + [5.0])
    assert held(found, Target(share, 1.0)) is holds
    assert (wait_at(found, share) <= 1.0) is holds


@given(st.integers(1, 1000))
def test_the_least_that_holds_is_found(answer: int) -> None:
    assert least(lambda n: n >= answer, 0, 1000) == answer
