"""Deciding again and again: what is carried over, and what it costs to know less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from offtake.bootstrap.estates import law_of
from offtake.bootstrap.recourse import Sampling, courses, decision_days
from offtake.domain.changes import Change, changed, read_delay, read_scale
from offtake.domain.errors import InvalidInput
from offtake.planner.futures.sampling import Sampler
from offtake.planner.planning import Question
from offtake.planner.recourse.revealing import known_on
from offtake.planner.recourse.rolled import rolling_plan
from offtake.planner.recourse.rolling import Course, Travelled, travel
from planned import OPTIONS, planned, question
from staged import ESTATE, SOLVER, in_turn

BUDGET = """
agreements:
  house:
    between: [lab]
    signed: 2025-01-01
    clauses:
      year: {kind: budget, payer: lab, amount: 6 million USD, window: year}
"""
UNCERTAIN = """
futures:
  variables:
    need: {demand: [chat], kind: growth, volatility: 40 %, growth: 20 %, assumed: true}
    chips: {price: chip, kind: lognormal, deviation: 15 %, assumed: true}
"""


def course(base: Question, name: str, *changes: Change, points: int = 4) -> Course:
    estate = changed(base.estate, changes)
    truth = replace(base, estate=estate, law=law_of(estate, None))
    return Course(name, (base, *(truth,) * points))


def travelled(base: Question, found: Sequence[Course], points: int = 4) -> list[Travelled]:
    return list(travel(base, found, decision_days(base, points), SOLVER, OPTIONS, in_turn))


def test_a_certain_future_is_decided_as_the_plan_does() -> None:
    base, plan = question(ESTATE), planned(ESTATE)
    one = travelled(base, [course(base, "as stated")])[0]
    for cost in (one.rolled, one.once):
        assert cost == pytest.approx(plan.cost_cents / 100, rel=1e-6)
    # Known from the start, what was bought may stand idle until its power comes: that can only help.
    assert one.known is not None
    assert one.known <= plan.cost_cents / 100 * (1 + 1e-6)


def test_knowing_less_never_costs_less() -> None:
    base = question(ESTATE)
    found = travelled(
        base,
        [
            course(base, "more", read_scale("demand=1.6")),
            course(base, "less", read_scale("demand=0.4")),
            course(base, "late", read_delay("hall=2Q"), read_delay("annex=2Q")),
        ],
    )
    for one in found:
        assert one.known is not None
        assert one.rolled is not None
        assert one.known <= one.rolled + 1e-6 * abs(one.rolled)
    more, less, _ = found
    assert more.rolled is not None
    assert more.once is not None
    assert more.rolled < more.once
    assert less.rolled is not None
    assert less.once is not None
    assert less.rolled <= less.once + 1e-6 * less.once


def test_orders_stand_and_belong_to_the_stretch_in_which_they_are_made() -> None:
    base = question(ESTATE)
    decisions = decision_days(base, 4)
    assert decisions.days == (date(2026, 1, 1), date(2026, 7, 1), date(2027, 1, 1), date(2027, 7, 1))
    one = travelled(base, [course(base, "more", read_scale("demand=1.6"))])[0]
    first = {row.period for row in one.orders[0]}
    assert first <= {"2026Q1", "2026Q2"}
    assert {row.period for row in one.orders[1]} <= {"2026Q3", "2026Q4"}
    assert one.orders[1]


def test_what_was_spent_of_a_budget_is_carried_over() -> None:
    free, tight = question(ESTATE), question(ESTATE + BUDGET)
    changes = read_scale("demand=1.6")
    without = travelled(free, [course(free, "more", changes)])[0]
    within = travelled(tight, [course(tight, "more", changes)])[0]
    assert without.rolled is not None
    assert within.rolled is not None
    assert within.rolled > without.rolled
    assert within.known is not None
    assert within.known <= within.rolled + 1e-6 * within.rolled


def test_a_future_is_known_step_by_step() -> None:
    base = question(ESTATE + UNCERTAIN)
    sampler = Sampler.of(base.estate)
    uniforms = sampler.uniforms(3, 0)
    truth = sampler.draw(3, 0)
    days = [date(2026, 1, 1), date(2026, 7, 1), date(2027, 1, 1), base.estate.horizon.ends]
    known = [known_on(sampler, uniforms, day) for day in days]
    assert known[-1].workloads == truth.workloads
    assert known[0].accelerators == base.estate.accelerators
    assert known[1].accelerators == truth.accelerators
    assert known[1].workloads != truth.workloads


def test_the_plan_of_many_courses_compares_their_means() -> None:
    base = question(ESTATE + UNCERTAIN)
    decisions = decision_days(base, 2)
    found, scenarios = courses(base, (), Sampling(3, 5), decisions)
    done = list(travel(base, found, decisions, SOLVER, OPTIONS, in_turn))
    plan = rolling_plan(base, decisions, [one.probability for one in scenarios], done, None)
    assert plan.finished
    assert plan.compared == 3
    assert plan.known_cents <= plan.rolled_cents + 2
    assert plan.rolled_cents == pytest.approx(sum((row.rolled_cents or 0) / 3 for row in plan.futures), abs=2)
    partial = rolling_plan(base, decisions, [one.probability for one in scenarios], done[:2], None)
    assert not partial.finished
    assert partial.compared == 2


def test_more_decisions_than_periods_are_refused() -> None:
    with pytest.raises(InvalidInput, match="8 periods"):
        decision_days(question(ESTATE), 9)
