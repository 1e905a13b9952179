"""What was decided for many futures, as the plan that is handed on: its values, its orders and its checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from offtake.domain.errors import SolverFailure
from offtake.domain.handoffs import CheckRow, SupposedEvent
from offtake.domain.recourse import SAYS_STOCHASTIC, FreshFutures, FutureRow, Rule, StochasticPlan
from offtake.planner.answer import Answer, cost_of, objective_again, unmet_worth
from offtake.planner.audit import TOLERANCE
from offtake.planner.finance.answer import finance_flows, financed_cost, financed_objective
from offtake.planner.instance import Floats
from offtake.planner.planning import Question
from offtake.planner.recourse.advice import Ordered, later_orders, orders_now
from offtake.planner.recourse.futures import Futures
from offtake.planner.recourse.risk import cvar
from offtake.planner.recourse.settling import Kept, Later, Settled, Settling, entries_of
from offtake.planner.recourse.sharing import Sharing, Stages
from offtake.planner.recourse.values import (
    interval,
    value_of_information,
    value_of_the_stochastic_solution,
)
from offtake.planner.recourse.writing import Scenario, Written
from offtake.planner.tables import cents


@dataclass(frozen=True, slots=True)
class StochasticQuestion:
    """What is to be decided: an estate, its futures, and when more becomes known.

    Orders of periods that begin before `until` are decided now. `days` are further days on which more becomes known, up
    to `branches` groups of futures told apart on each; without them all is known from `until` on. `fresh` are futures
    that the orders are tried in afterwards, equally likely.
    """

    base: Question
    scenarios: tuple[Scenario, ...]
    until: date
    days: tuple[date, ...] = ()
    branches: int = 3
    later: Later = "auto"
    fresh: tuple[Scenario, ...] = ()


@dataclass(frozen=True, eq=False)
class Expected:
    """The plan for one future in all of them: the objective, or who cannot live with it."""

    objective: float | None
    cannot: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Tried:
    """Objectives in fresh futures, of today's orders and of those for one future; infinite where they cannot be."""

    decided: tuple[float, ...]
    one_future: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Results:
    """What the programs came to, in the program's money."""

    futures: Futures
    stages: Stages
    settled: Settled
    known: Floats
    expected: Expected
    tried: Tried | None
    kept: Kept


def plan_of(
    asked: StochasticQuestion,
    settling: Settling,
    written: Sequence[Written],
    answers: Sequence[Answer],
    ordered: Ordered,
    results: Results,
    sharing: Sharing,
) -> StochasticPlan:
    base, formulation = asked.base, written[0].formulation
    calendar, money = formulation.instance.calendar, formulation.scales.money
    settled, futures, risk = results.settled, results.futures, settling.risk
    chances = futures.probabilities
    information = value_of_information(risk, chances, settled.upper, results.known)
    gained = value_of_the_stochastic_solution(settled.upper, results.expected.objective)
    objective = (
        "expected cost" if not risk.weight else "mixture of expected cost and that of the worst futures"
    )
    says = SAYS_STOCHASTIC.format(objective=objective)
    return StochasticPlan(
        estate=base.estate.name or "estate",
        estate_digest=base.digest,
        party=written[0].reading.party,
        known_at=base.law.known_at,
        events=tuple(
            SupposedEvent(event=one.event, on=one.on, about=one.about) for one in base.position.happened
        ),
        currency=base.estate.currency,
        begins=base.estate.horizon.begins,
        ends=base.estate.horizon.ends,
        discount_per_year=0.0 if base.estate.horizon.discount is None else base.estate.horizon.discount.value,
        rule=_rule(asked, settling, results),
        finished=settled.finished,
        weighed_cents=cents(settled.upper * money),
        at_least_cents=cents(min(settled.lower, settled.upper) * money),
        mean_cents=cents(float(chances @ settled.costs) * money),
        worst_mean_cents=cents(cvar(settled.costs, chances, risk.level) * money),
        known_cents=cents(risk.of(results.known, chances) * money),
        one_future_cents=None
        if results.expected.objective is None
        else cents(results.expected.objective * money),
        one_future_cannot=results.expected.cannot,
        information_cents=cents(information * money),
        stochastic_cents=None if gained is None else cents(gained * money),
        orders=orders_now(ordered, calendar, asked.until),
        later=later_orders(asked.scenarios, ordered, calendar, asked.until),
        ruled_out=_ruled_out(sharing, futures),
        futures=_future_rows(asked, answers, results, money),
        fresh=None if results.tried is None else _fresh_row(results.tried, money),
        checks=_checks(results, answers),
        says=says,
    )


def _rule(asked: StochasticQuestion, settling: Settling, results: Results) -> Rule:
    programs = [one.program for one in results.futures.each]
    groups = tuple(int(row.max(initial=0)) + 1 for row in results.stages.groups)
    return Rule(
        decided_until=asked.until,
        days=asked.days,
        groups=groups,
        level=settling.risk.level,
        weight=settling.risk.weight,
        way=results.settled.way,
        later=results.kept,
        rounds=results.settled.rounds,
        refused=results.settled.refused,
        columns=sum(one.column_count for one in programs),
        rows=sum(one.row_count for one in programs),
        entries=entries_of(results.futures),
        decisions=results.futures.decisions,
    )


def _ruled_out(sharing: Sharing, futures: Futures) -> tuple[str, ...]:
    """Orders that some future of their group does not know, so that none of it may place them."""
    lacked = sorted({n for one in futures.each for n in one.lacks})
    return tuple(sharing.names[n] for n in lacked)


def _future_rows(
    asked: StochasticQuestion, answers: Sequence[Answer], results: Results, money: float
) -> tuple[FutureRow, ...]:
    rows: list[FutureRow] = []
    for s, (scenario, answer) in enumerate(zip(asked.scenarios, answers, strict=True)):
        cost, known = float(results.settled.costs[s]) * money, float(results.known[s]) * money
        gap = sum(float(flow.amounts.sum()) for flow in finance_flows(answer) if flow.kind == "gap")
        rows.append(
            FutureRow(
                name=scenario.name,
                about=scenario.about,
                probability=scenario.probability,
                weighed_cents=cents(cost),
                cost_cents=cents(cost_of(answer) + financed_cost(answer)),
                unmet_worth_cents=cents(unmet_worth(answer)),
                gap_cents=cents(gap),
                known_cents=cents(known),
                regret_cents=cents(cost - known),
            )
        )
    return tuple(rows)


def _fresh_row(tried: Tried, money: float) -> FreshFutures | None:
    """The interval over the fresh futures that can live with the orders."""
    finite = [one for one in tried.decided if np.isfinite(one)]
    if len(finite) < 2:
        return None
    found = interval([one * money for one in finite])
    others = [one for one in tried.one_future if np.isfinite(one)]
    return FreshFutures(
        count=len(tried.decided),
        cannot=len(tried.decided) - len(finite),
        mean_cents=cents(found.mean),
        low_cents=cents(found.low),
        high_cents=cents(found.high),
        one_future_cents=cents(float(np.mean(others)) * money) if others else None,
        one_future_cannot=len(tried.one_future) - len(others),
    )


def _checks(results: Results, answers: Sequence[Answer]) -> tuple[CheckRow, ...]:
    """The certificate of all futures' program, and the accounts of every future added again. Raises SolverFailure."""
    again = max(objective_again(one, financed_objective(one)).relative for one in answers)
    rows = [
        CheckRow(name=one.name, value=float(f"{one.value:.3g}"), tolerance=one.tolerance, passed=one.passed)
        for one in results.settled.certificate.checks
    ]
    rows.append(
        CheckRow(
            name="objective added again, in the worst future",
            value=float(f"{again:.3g}"),
            tolerance=TOLERANCE,
            passed=again <= TOLERANCE,
        )
    )
    failed = [one for one in rows if not one.passed]
    if failed and results.settled.finished:
        raise SolverFailure(
            f"the answer for all futures failed its certificate: {failed[0].name} {failed[0].value:.1e}",
            hint="try another --solver",
        )
    return tuple(rows)
