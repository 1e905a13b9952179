"""What clauses cost: the certified plan with a clause less the one without it. Prices of several do not add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from offtake.domain.errors import OfftakeError
from offtake.domain.handoffs import CapacityPlan, ClausePrice, InfeasiblePlan
from offtake.law.primitives import Law
from offtake.planner.clause_weights import weightiest
from offtake.planner.limits import origins_of
from offtake.planner.planning import Question, Report, Solved, certified_cost, plan
from offtake.planner.ports import Solver
from offtake.planner.sensitivity import RunAll

SLACK: Final = 1e-9  # Of a row's price in program units: below it the row does not bind.


def clause_price(
    question: Question, clause: str, solver: Solver, report: Report | None = None
) -> tuple[ClausePrice, CapacityPlan, CapacityPlan] | InfeasiblePlan:
    """What a clause costs the party: the plan under the law less the plan under the law without it, both certified.

    A clause is named `agreement.clause`. Raises KeyError if the law has no such clause.
    """
    with_clause = plan(question, solver, report)
    if isinstance(with_clause, InfeasiblePlan):
        return with_clause
    without = plan(without_clause(question, clause), solver, report)
    if isinstance(without, InfeasiblePlan):
        return without
    return price_between(question.law, clause, with_clause, without.cost_cents), with_clause, without


def without_clause(question: Question, clause: str) -> Question:
    """The same question under the law without a clause, its periods cut on the same days."""
    return replace(question, law=question.law.without(clause), cuts=(*question.cuts, *question.law.dates))


def price_between(law: Law, clause: str, with_clause: CapacityPlan, without_cents: int) -> ClausePrice:
    """A clause's price from the costs with it and without it."""
    origin = origins_of(law)[clause]
    return ClausePrice(
        clause=clause,
        document=origin.document,
        section=origin.section,
        with_clause_cents=with_clause.cost_cents,
        without_clause_cents=without_cents,
        price_cents=with_clause.cost_cents - without_cents,
        currency=with_clause.currency,
    )


def clauses_of(law: Law) -> Sequence[str]:
    """The clauses of a law, by name."""
    return sorted(origins_of(law))


def clause_prices(
    question: Question,
    solver: Solver,
    base: Solved,
    run_all: RunAll,
    progress: Callable[[str, int, int], None],
    most: int | None = None,
) -> tuple[ClausePrice, ...]:
    """The price of every clause, dearest first. A clause of meters alone that do not bind costs exactly nothing, for
    the plan stays the best without it; every other one is planned without, but no more than `most`, the weightiest.
    """
    clauses = clauses_of(question.law)
    idle = {clause for clause in clauses if _idle(question.law, clause, base)}
    asked = [clause for clause in clauses if clause not in idle]
    if most is not None and len(asked) > most:
        asked = weightiest(question, base, asked)[:most]
    costs: dict[str, int] = dict.fromkeys(idle, base.plan.cost_cents)
    progress("pricing clauses", 0, len(asked))
    for n, cost in enumerate(run_all(partial(_cost_without, question, solver), asked)):
        if cost is not None:
            costs[asked[n]] = cost
        progress("pricing clauses", n + 1, len(asked))
    prices = [
        price_between(question.law, clause, base.plan, costs[clause]) for clause in clauses if clause in costs
    ]
    return tuple(sorted(prices, key=lambda price: (-abs(price.price_cents), price.clause)))


def _cost_without(question: Question, solver: Solver, clause: str) -> int | None:
    try:
        return certified_cost(without_clause(question, clause), solver)
    except OfftakeError:
        return None


def _idle(law: Law, clause: str, base: Solved) -> bool:
    """Whether a clause is of meters alone, none of whose rows binds at the plan."""
    others = (*law.masks, *law.procedures, *law.prices)
    if any(one.origin.clause == clause for one in others):
        return False
    for metered in base.formulation.metered:
        if metered.clause == clause:
            rows = metered.rows.index[metered.rows.index >= 0]
            if np.abs(base.solution.row_dual[rows]).max(initial=0.0) > SLACK:
                return False
    return True
