"""Needs of a plan: filed once, then only what has changed."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from brokered import Rehearsal, market
from offtake.broker.commands import Cancel, FileNeed
from offtake.broker.planned import difference, needs_of
from offtake.domain.handoffs import CapacityPlan, NumbersRow, OrderRow, PlanCertificate


def a_plan(*orders: tuple[str, float]) -> CapacityPlan:
    """A plan with orders that serve from a day on, so many MW each."""
    return CapacityPlan.model_construct(
        party="lab",
        currency="USD",
        orders=tuple(
            OrderRow(
                kind="reserve",
                supply="b-gpu",
                period="2026",
                serves_from=date.fromisoformat(day),
                serves_until=date(2031, 1, 1),
                quantity=mw * 1000,
                unit="accelerators",
                power_mw=mw,
            )
            for day, mw in orders
        ),
        numbers=NumbersRow(sourced=0, assumed=0, unsourced=0),
        certificate=PlanCertificate(checks=(), actions_replayed=0),
    )


@pytest.fixture
def deal(tmp_path: Path) -> Rehearsal:
    return Rehearsal(tmp_path, market(agreements={}))


def filed(deal: Rehearsal, plan: CapacityPlan) -> list[FileNeed | Cancel]:
    """Gives the difference's commands, and what they were."""
    commands = list(difference(deal.state, plan))
    for command in commands:
        assert deal.give(command).refusal is None
    return commands


def test_orders_of_the_same_days_are_one_need() -> None:
    (need,) = needs_of(a_plan(("2026-07-01", 100.0), ("2026-07-01", 20.5)), None, None)
    assert (need.measure, need.quantity, need.ends) == ("power", Decimal("120.5"), date(2031, 1, 1))


def test_days_may_be_chosen() -> None:
    plan = a_plan(("2026-07-01", 1.0), ("2026-10-01", 1.0))
    assert [need.begins for need in needs_of(plan, date(2026, 8, 1), None)] == [date(2026, 10, 1)]
    assert [need.begins for need in needs_of(plan, None, date(2026, 8, 1))] == [date(2026, 7, 1)]


def test_what_a_solver_leaves_beside_a_whole_number_is_no_need() -> None:
    (need,) = needs_of(a_plan(("2026-07-01", 100.0000000004)), None, None)
    assert need.quantity == 100


def test_the_same_plan_files_nothing_again(deal: Rehearsal) -> None:
    plan = a_plan(("2026-07-01", 100.0), ("2026-10-01", 50.0))
    assert len(filed(deal, plan)) == 2
    assert filed(deal, plan) == []
    deal.follows()


def test_a_larger_plan_files_the_difference(deal: Rehearsal) -> None:
    filed(deal, a_plan(("2026-07-01", 100.0)))
    (command,) = filed(deal, a_plan(("2026-07-01", 130.0)))
    assert isinstance(command, FileNeed)
    assert command.need.quantity == 30
    assert filed(deal, a_plan(("2026-07-01", 130.0))) == []


def test_a_smaller_plan_cancels_what_is_open_and_asks_for_the_rest(deal: Rehearsal) -> None:
    filed(deal, a_plan(("2026-07-01", 100.0)))
    filed(deal, a_plan(("2026-07-01", 130.0)))
    cancelled, again = filed(deal, a_plan(("2026-07-01", 110.0)))
    assert isinstance(cancelled, Cancel)
    assert isinstance(again, FileNeed)
    assert again.need.quantity == 10
    assert filed(deal, a_plan(("2026-07-01", 110.0))) == []


def test_a_need_that_the_plan_has_no_more_is_cancelled(deal: Rehearsal) -> None:
    filed(deal, a_plan(("2026-07-01", 100.0), ("2026-10-01", 50.0)))
    (command,) = filed(deal, a_plan(("2026-07-01", 100.0)))
    assert isinstance(command, Cancel)
    deal.follows()


def test_what_became_a_lease_stands(deal: Rehearsal) -> None:
    filed(deal, a_plan(("2026-07-01", 0.1)))
    need = next(iter(deal.state.open_needs))
    deal.bid("b", "0.1", 1, need=need)
    deal.awarded(need)
    assert filed(deal, a_plan()) == []
    (command,) = filed(deal, a_plan(("2026-07-01", 0.25)))
    assert isinstance(command, FileNeed)
    assert command.need.quantity == Decimal("0.15")
    assert json.dumps(str(command.need.planned))


def test_an_order_that_moves_to_another_day_moves_its_need(deal: Rehearsal) -> None:
    filed(deal, a_plan(("2026-07-01", 100.0), ("2026-10-01", 50.0)))
    later = a_plan(("2026-08-01", 100.0), ("2026-10-01", 50.0))
    new, gone = filed(deal, later)
    assert isinstance(new, FileNeed)
    assert (new.need.begins, new.need.quantity) == (date(2026, 8, 1), 100)
    assert gone == Cancel(need="plan.2026-07-01.2031-01-01")
    assert filed(deal, later) == []
    deal.follows()


def test_a_change_of_quantity_and_day_and_a_need_that_went_are_one_difference(deal: Rehearsal) -> None:
    filed(deal, a_plan(("2026-07-01", 100.0), ("2026-10-01", 50.0), ("2027-01-01", 10.0)))
    changed = a_plan(("2026-07-01", 120.0), ("2026-11-01", 50.0))
    commands = filed(deal, changed)
    said: set[object] = {
        (command.need.begins, command.need.quantity) if isinstance(command, FileNeed) else command.need
        for command in commands
    }
    assert said == {
        (date(2026, 7, 1), Decimal(20)),
        (date(2026, 11, 1), Decimal(50)),
        "plan.2026-10-01.2031-01-01",
        "plan.2027-01-01.2031-01-01",
    }
    assert filed(deal, changed) == []
    open_power = sum(deal.state.deals[id].need.quantity for id in deal.state.open_needs)
    assert open_power == 170
    deal.follows()


def test_days_outside_the_asked_ones_are_left_as_they_are(deal: Rehearsal) -> None:
    filed(deal, a_plan(("2026-07-01", 100.0), ("2027-01-01", 10.0)))
    assert list(difference(deal.state, a_plan(), date(2027, 1, 1), None)) == [
        Cancel(need="plan.2027-01-01.2031-01-01")
    ]
