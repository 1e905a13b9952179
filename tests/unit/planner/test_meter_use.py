"""What a meter counts period by period adds up to what it counts in its windows."""

from __future__ import annotations

from pathlib import Path

import pytest

from offtake.adapters.estate_yaml import Loaded
from offtake.bootstrap import planning
from offtake.bootstrap.estates import read_estate
from offtake.domain.handoffs import CapacityPlan
from offtake.planner.counting import STOCKS

COMPANY = Path(__file__).parents[3] / "examples" / "company" / "estate.yaml"


@pytest.fixture(scope="module")
def plan() -> CapacityPlan:
    read = read_estate(COMPANY)
    assert isinstance(read, Loaded)
    found = planning.plan(planning.question(read, None, [], None, "auto", 60.0), None)
    assert isinstance(found, CapacityPlan)
    return found


def test_each_window_ends_at_what_its_meter_counts(plan: CapacityPlan):
    last = {(row.meter, row.window): row.so_far for row in plan.meter_use}
    adding = {(row.meter, row.window): row.counted for row in plan.meters if row.measure not in STOCKS}
    assert set(last) == set(adding)
    for window, counted in adding.items():
        assert last[window] == pytest.approx(counted, rel=1e-6), window


def test_periods_of_a_window_add_up(plan: CapacityPlan):
    for window in {(row.meter, row.window) for row in plan.meter_use}:
        rows = [row for row in plan.meter_use if (row.meter, row.window) == window]
        assert sum(row.counted for row in rows) == pytest.approx(rows[-1].so_far, rel=1e-6)


def test_levels_have_no_rows(plan: CapacityPlan):
    assert {row.measure for row in plan.meters} & set(STOCKS)
    assert not {row.measure for row in plan.meter_use} & set(STOCKS)
