"""Problems whose answers are in books, through the engine that plans estates."""

from __future__ import annotations

from math import floor

import numpy as np
import pytest

from offtake.planner.ports import Infeasible, Solution
from offtake.planner.recourse.futures import Futures
from offtake.planner.recourse.risk import Risk
from offtake.planner.recourse.settling import Settled, Settling, Way, alone, answers_to, settle
from offtake.planner.recourse.values import value_of_information, value_of_the_stochastic_solution
from staged import OPTIONS, SOLVER, farm, farms, in_turn, newsvendor

WAYS: tuple[Way, ...] = ("extensive", "benders")


def asked(way: Way, risk: Risk | None = None) -> Settling:
    return Settling(risk or Risk(), SOLVER, OPTIONS, in_turn, way, 1e-9)


def settled(futures: Futures, settling: Settling) -> Settled:
    found = settle(futures, settling)
    assert not isinstance(found, Infeasible)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_the_farmer_of_birge_and_louveaux(way: Way) -> None:
    futures, settling = farms(), asked(way)
    found = settled(futures, settling)
    assert found.upper == pytest.approx(-108_390, rel=1e-6)
    assert found.lower == pytest.approx(-108_390, rel=1e-6)
    assert found.decisions == pytest.approx([170, 80, 250], abs=0.1)
    assert found.certificate.passed
    known = alone(futures, settling)
    totals = np.array([one.objective for one in known if one is not None])
    assert totals == pytest.approx([-59_950, -118_600, -167_666.667], rel=1e-6)
    assert futures.probabilities @ totals == pytest.approx(-115_406, abs=1)
    assert value_of_information(Risk(), futures.probabilities, found.upper, totals) == pytest.approx(
        7_016, abs=1
    )
    usual = SOLVER.solve(farm(1.0), OPTIONS)
    assert isinstance(usual, Solution)
    held = answers_to(futures, usual.x[:3], settling)
    expected = float(futures.probabilities @ [one.objective for one in held if one is not None])
    assert expected == pytest.approx(-107_240, abs=1)
    assert value_of_the_stochastic_solution(found.upper, expected) == pytest.approx(1_150, abs=1)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("cost", "price", "salvage"), [(3.0, 10.0, 1.0), (6.05, 10.0, 0.0), (9.0, 10.0, 2.0)]
)
def test_a_newsvendor_orders_the_critical_fractile(
    way: Way, cost: float, price: float, salvage: float
) -> None:
    demands = range(1, 101)
    found = settled(newsvendor(demands, cost, price, salvage), asked(way))
    fractile = (price - cost) / (price - salvage)
    order = floor(fractile * 100) + 1  # The least demand that is not exceeded so often.
    costs = [
        cost * order - price * min(order, demand) - salvage * max(order - demand, 0) for demand in demands
    ]
    assert found.decisions[0] == pytest.approx(order, abs=0.01)
    assert found.upper == pytest.approx(np.mean(costs), rel=1e-6)


def test_whole_orders_are_whole_both_ways() -> None:
    demands = [2.5, 7.3, 11.9, 4.4]
    costs = [
        np.mean([3 * n - 10 * min(n, demand) - max(n - demand, 0) for demand in demands]) for n in range(13)
    ]
    for way in WAYS:
        found = settled(newsvendor(demands, 3.0, 10.0, 1.0, whole=True), asked(way))
        assert found.decisions[0] == int(np.argmin(costs))
        assert found.upper == pytest.approx(min(costs))
        assert found.certificate.passed


def test_the_worst_futures_alone_order_for_the_least_demand() -> None:
    found = settled(newsvendor([10.0, 20.0, 30.0, 40.0], 3.0, 10.0, 1.0), asked("extensive", Risk(1.0, 0.75)))
    assert found.decisions[0] == pytest.approx(10.0)
    assert found.upper == pytest.approx(-70.0)
