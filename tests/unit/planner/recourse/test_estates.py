"""Estates under many futures: what is decided now, what is left open, and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from offtake.domain.changes import Change, changed, read_delay, read_price, read_scale
from offtake.domain.errors import InvalidInput
from offtake.domain.recourse import StochasticPlan
from offtake.planner.planning import Question
from offtake.planner.recourse.outcome import StochasticQuestion
from offtake.planner.recourse.risk import Risk
from offtake.planner.recourse.settling import Settling, Way
from offtake.planner.recourse.stochastic import Decided, stochastic
from offtake.planner.recourse.wording import sentences_of
from offtake.planner.recourse.writing import Scenario
from planned import OPTIONS, CapacityPlan, planned, question
from staged import ESTATE, SOLVER, in_turn

UNTIL = date(2026, 7, 1)


def scenario(base: Question, name: str, chance: float, *changes: Change) -> Scenario:
    return Scenario(name, chance, replace(base, estate=changed(base.estate, changes)))


def decided(
    base: Question,
    scenarios: Sequence[Scenario],
    *,
    way: Way = "extensive",
    days: tuple[date, ...] = (),
    fresh: tuple[Scenario, ...] = (),
    risk: Risk | None = None,
) -> Decided:
    settling = Settling(risk or Risk(), SOLVER, OPTIONS, in_turn, way, 1e-7)
    asked = StochasticQuestion(base, tuple(scenarios), UNTIL, days, 2, "whole", fresh)
    found = stochastic(asked, settling, lambda *_: None, lambda *_: None)
    assert isinstance(found, Decided), found
    return found


def plan(base: Question, scenarios: Sequence[Scenario], way: Way = "extensive") -> StochasticPlan:
    return decided(base, scenarios, way=way).plan


def orders(found: StochasticPlan) -> dict[str, float]:
    total: dict[str, float] = {}
    for one in found.orders:
        total[one.thing.supply] = total.get(one.thing.supply, 0.0) + one.quantity
    return total


def uneven(base: Question) -> list[Scenario]:
    return [
        scenario(base, "more", 0.5, read_scale("demand=1.5")),
        scenario(base, "less", 0.5, read_scale("demand=0.5")),
    ]


def test_one_future_is_the_plan() -> None:
    base = question(ESTATE)
    alone: CapacityPlan = planned(ESTATE)
    found = plan(base, [scenario(base, "as stated", 1.0)])
    assert found.weighed_cents == pytest.approx(alone.cost_cents, rel=1e-6)
    assert found.information_cents == pytest.approx(0, abs=2)
    assert found.stochastic_cents == pytest.approx(0, abs=2)
    assert {row.supply for row in alone.orders if row.period in ("2026Q1", "2026Q2")} >= {
        one.thing.supply for one in found.orders if one.quantity > 0
    }


def test_both_ways_find_the_same_and_the_values_are_in_order() -> None:
    base = question(ESTATE)
    one, other = (plan(base, uneven(base), way) for way in ("extensive", "benders"))
    assert other.weighed_cents == pytest.approx(one.weighed_cents, rel=1e-5)
    for found in (one, other):
        assert found.one_future_cents is not None
        assert found.known_cents <= found.weighed_cents + 2
        assert found.weighed_cents <= found.one_future_cents + 2
        assert found.information_cents > 0
        assert found.stochastic_cents is not None
        assert found.stochastic_cents > 0
        assert all(check.passed for check in found.checks)
        assert sum(row.probability * row.regret_cents for row in found.futures) == pytest.approx(
            found.information_cents, abs=2
        )


def test_orders_are_the_same_in_all_futures_and_the_rest_is_an_option_with_its_day() -> None:
    base = question(ESTATE)
    found = plan(base, uneven(base))
    options = [one for one in found.later if one.probability < 1]
    assert options
    for one in options:
        assert one.by >= UNTIL
        assert one.serves_from >= one.by
    words = " ".join(sentences_of(found))
    assert "Keep the option on" in words
    assert f"until {options[0].period}" in words
    assert "Commit to" in words


def test_what_was_ordered_stands_idle_where_power_is_late() -> None:
    base = question(ESTATE)
    late = [
        scenario(base, "in time", 0.9),
        scenario(base, "late", 0.1, read_delay("hall=2Q"), read_delay("annex=2Q")),
    ]
    found = plan(base, late)
    assert orders(found)["hall/chip"] > 0
    assert found.one_future_cannot == ()
    by_name = {row.name: row for row in found.futures}
    assert by_name["late"].weighed_cents > by_name["in time"].weighed_cents


def test_what_some_future_does_not_sell_in_time_is_not_ordered() -> None:
    base = question(ESTATE)
    found = plan(
        base, [scenario(base, "now", 0.5), scenario(base, "not before July", 0.5, read_delay("lease=2Q"))]
    )
    assert orders(found).get("lease", 0.0) == 0.0
    assert any("lease" in one for one in found.ruled_out)
    assert found.one_future_cannot == ("not before July",)
    assert found.stochastic_cents is None


def test_groups_learn_by_stages_and_cost_no_less_than_knowing_all_at_once() -> None:
    base = question(ESTATE)
    four = [
        scenario(
            base, f"{demand} {price}", 0.25, read_scale(f"demand={demand}"), read_price(f"lease={price}")
        )
        for demand in ("1.5", "0.5")
        for price in ("-30%", "+30%")
    ]
    at_once = decided(base, four)
    staged = decided(base, four, days=(date(2027, 1, 1),))
    assert staged.plan.rule.groups == (2,)
    assert staged.plan.weighed_cents >= at_once.plan.weighed_cents - 2
    assert staged.futures.decisions > at_once.futures.decisions
    again = decided(base, four, days=(date(2027, 1, 1),), way="benders")
    assert again.plan.weighed_cents == pytest.approx(staged.plan.weighed_cents, rel=1e-5)


def test_fresh_futures_give_a_mean_with_its_interval() -> None:
    base = question(ESTATE)
    fresh = tuple(
        scenario(base, f"fresh {n}", 0.25, read_scale(f"demand={demand}"))
        for n, demand in enumerate(("0.4", "0.8", "1.1", "1.6"))
    )
    found = decided(base, uneven(base), fresh=fresh).plan.fresh
    assert found is not None
    assert found.count == 4
    assert found.cannot == 0
    assert found.low_cents < found.mean_cents < found.high_cents


def test_risk_prefers_what_the_worst_futures_need() -> None:
    base = question(ESTATE)
    means, tails = zip(
        *(
            (found.mean_cents, found.worst_mean_cents)
            for found in (
                decided(base, uneven(base), risk=Risk(weight, 0.5)).plan for weight in (0.0, 0.5, 1.0)
            )
        ),
        strict=True,
    )
    assert list(means) == sorted(means)
    assert list(tails) == sorted(tails, reverse=True)


def test_an_interruption_says_so_and_leaves_out_what_was_not_reached() -> None:
    base = question(ESTATE)

    def count(what: str, _done: int, _of: int) -> None:
        if what.startswith("deciding, round 2"):
            raise KeyboardInterrupt

    settling = Settling(Risk(), SOLVER, OPTIONS, in_turn, "benders", 1e-12)
    asked = StochasticQuestion(base, tuple(uneven(base)), UNTIL, fresh=tuple(uneven(base)))
    found = stochastic(asked, settling, count, lambda *_: None)
    assert isinstance(found, Decided)
    assert not found.plan.finished
    assert found.plan.at_least_cents <= found.plan.weighed_cents
    assert found.plan.one_future_cents is None
    assert found.plan.one_future_cannot == ()
    assert found.plan.fresh is None


@pytest.mark.parametrize(
    ("until", "days", "message"),
    [
        (date(2025, 1, 1), (), "horizon"),
        (date(2029, 1, 1), (), "horizon"),
        (UNTIL, (date(2026, 4, 1),), "must rise"),
    ],
)
def test_days_that_cannot_be_are_refused(until: date, days: tuple[date, ...], message: str) -> None:
    base = question(ESTATE)
    asked = StochasticQuestion(base, tuple(uneven(base)), until, days)
    with pytest.raises(InvalidInput, match=message):
        stochastic(asked, Settling(Risk(), SOLVER, OPTIONS, in_turn), lambda *_: None, lambda *_: None)
