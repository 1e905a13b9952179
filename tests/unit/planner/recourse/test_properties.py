"""What holds of any futures: the order of the three values, risk, and both ways to the same answer."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.planner.ports import Infeasible
from offtake.planner.recourse.benders import decompose
from offtake.planner.recourse.cuts import recourse_of
from offtake.planner.recourse.futures import Future, Futures, futures_of
from offtake.planner.recourse.proof import proved
from offtake.planner.recourse.risk import Risk, cvar, value_at_risk
from offtake.planner.recourse.settling import Settled, Settling, Way, alone, answers_to, settle
from staged import OPTIONS, SOLVER, expansions, in_turn

SEEDS = st.integers(0, 10_000)


def settled(futures: Futures, way: Way = "extensive", risk: Risk | None = None) -> Settled:
    found = settle(futures, Settling(risk or Risk(), SOLVER, OPTIONS, in_turn, way, 1e-7))
    assert not isinstance(found, Infeasible)
    return found


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.booleans(), st.sampled_from([0.0, 0.3, 1.0]))
def test_both_ways_agree_and_are_proved(seed: int, tight: bool, weight: float) -> None:
    futures, risk = expansions(seed, 5, tight=tight), Risk(weight, 0.7)
    one, other = settled(futures, "extensive", risk), settled(futures, "benders", risk)
    assert other.upper == pytest.approx(one.upper, rel=1e-5)
    assert other.lower == pytest.approx(one.upper, rel=1e-5)
    assert other.certificate.passed
    assert other.certificate.dual_objective == pytest.approx(
        one.certificate.dual_objective, rel=1e-5, abs=1e-5
    )


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.integers(1, 5))
def test_waiting_costs_no_more_than_deciding_and_that_no_more_than_one_future(seed: int, count: int) -> None:
    futures = expansions(seed, count)
    settling = Settling(Risk(), SOLVER, OPTIONS, in_turn)
    found = settled(futures)
    known = futures.costs_of([one.objective for one in alone(futures, settling) if one is not None])
    waiting = float(futures.probabilities @ known)
    first = alone(futures, settling)[0]
    assert first is not None
    decisions = np.zeros(futures.decisions)
    decisions[futures.each[0].shared[futures.each[0].decided]] = first.x[futures.each[0].decided]
    held = futures.costs_of([one.objective for one in answers_to(futures, decisions, settling) if one])
    one_future = float(futures.probabilities @ held)
    assert waiting <= found.upper + 1e-6 * abs(found.upper)
    assert found.upper <= one_future + 1e-6 * abs(one_future)
    if count == 1:
        assert found.upper == pytest.approx(waiting)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_the_more_the_worst_futures_weigh_the_less_they_cost_and_the_more_the_mean(seed: int) -> None:
    futures = expansions(seed, 6)
    found = [settled(futures, "extensive", Risk(weight, 0.6)) for weight in (0.0, 0.4, 0.9)]
    chances = futures.probabilities
    means = [float(chances @ one.costs) for one in found]
    tails = [cvar(one.costs, chances, 0.6) for one in found]
    slack = 1e-6 * max(map(abs, means))
    assert all(one <= other + slack for one, other in pairwise(means))
    assert all(other <= one + slack for one, other in pairwise(tails))
    for weight, one in zip((0.0, 0.4, 0.9), found, strict=True):
        assert one.upper == pytest.approx(Risk(weight, 0.6).of(one.costs, chances), rel=1e-6)


def test_the_mean_of_the_worst_cuts_through_a_future() -> None:
    costs, chances = np.array([1.0, 5.0, 9.0]), np.array([0.5, 0.3, 0.2])
    assert value_at_risk(costs, chances, 0.7) == 5.0
    assert cvar(costs, chances, 0.7) == pytest.approx((0.2 * 9 + 0.1 * 5) / 0.3)
    assert cvar(costs, chances, 0.0) == pytest.approx(float(chances @ costs))


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.lists(st.floats(0, 20), min_size=3, max_size=3))
def test_a_cut_is_never_above_a_futures_cost(seed: int, other: list[float]) -> None:
    futures = expansions(seed, 1, tight=True)
    future = futures.each[0]
    found = recourse_of(0, future, np.array([1.0, 1.0, 1.0]), SOLVER, OPTIONS)
    there = recourse_of(0, future, np.array(other), SOLVER, OPTIONS)
    value = found.cut.at(np.array(other))
    if not found.cut.bounds_cost:
        assert found.cut.at(np.array([1.0, 1.0, 1.0])) > 0
        assert value <= 1e-6 or there.solution is None
    elif there.solution is not None:
        assert value <= there.cost + 1e-6 * max(1.0, abs(there.cost))


def test_an_interruption_leaves_the_best_so_far_and_its_bounds() -> None:
    futures = expansions(7, 6, tight=True)

    def stop(rounds: int, _lower: float, upper: float) -> None:
        if rounds > 2 and np.isfinite(upper):
            raise KeyboardInterrupt

    found = decompose(futures, Risk(), SOLVER, OPTIONS, in_turn, tolerance=0.0, told=stop)
    assert not isinstance(found, Infeasible)
    best = settled(futures).upper
    assert not found.finished
    assert found.lower <= best + 1e-6 * abs(best) <= found.upper + 2e-6 * abs(best)
    assert proved(futures, Risk(), found, 1.0).objective == pytest.approx(found.upper - offset(futures))


def offset(futures: Futures) -> float:
    return float(futures.probabilities @ [one.offset for one in futures.each])


def test_a_decision_that_a_future_lacks_is_not_taken() -> None:
    futures = expansions(3, 3)
    first = futures.each[0]
    shared = first.shared.copy()
    shared[shared == 1] = -1
    lacking = Future(first.name, first.probability, first.program, shared, first.offset, (1,))
    together = futures_of([lacking, *futures.each[1:]], futures.names)
    assert together.upper[1] == 0.0
    found = settled(together)
    assert found.decisions[1] == 0.0
    assert not lacking.allows(np.array([0.0, 1.0, 0.0]))


def test_futures_that_are_no_distribution_are_refused() -> None:
    futures = expansions(3, 3)
    with pytest.raises(ValueError, match="not to one"):
        futures_of(futures.each[:2], futures.names)
    with pytest.raises(ValueError, match="no future has the decision d"):
        futures_of(futures.each, (*futures.names, "d"))
