"""Which clauses are likely to cost most, without a plan for each: an order in which to price them, not a price."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

import numpy as np

from offtake.domain.selection import NOBODY, Interval, SupplyFacts, WorkloadFacts
from offtake.domain.workloads import InferenceClass
from offtake.law.facts import inference_facts
from offtake.law.masks import permitted
from offtake.law.primitives import Law
from offtake.planner.instance import Bools, Instance
from offtake.planner.planning import Question, Solved

SECONDS_PER_HOUR: Final = 3600.0


def weightiest(question: Question, base: Solved, clauses: Sequence[str]) -> list[str]:
    """The clauses, the weightiest first: rights of first refusal that bind, then, by turns, a meter or price and a
    mask. A meter weighs its bound at the worth of one more unit, a price what it settles, a mask the worth of the need
    that finds more supplies without it: two scales that cannot be compared."""
    rights = {row.clause for row in base.plan.first_refusals if row.binding}
    first = [clause for clause in clauses if clause in rights]
    money = _ranked({clause: _settles(question, base, clause) for clause in clauses if clause not in rights})
    freed = _ranked({clause: _frees(question, base, clause) for clause in clauses if clause not in rights})
    turns = (clause for pair in zip_longest(money, freed) for clause in pair if clause is not None)
    return list(dict.fromkeys((*first, *turns, *clauses)))


def _ranked(weights: dict[str, float]) -> list[str]:
    found = [clause for clause, weight in weights.items() if weight > 0]
    return sorted(found, key=lambda clause: (-weights[clause], clause))


def _settles(question: Question, base: Solved, clause: str) -> float:
    schedules = {one.id for one in question.law.prices if one.origin.clause == clause}
    settled = sum(abs(row.amount_cents) / 100 for row in base.plan.spend if row.supply in schedules)
    return settled + _metered(base, clause)


def _frees(question: Question, base: Solved, clause: str) -> float:
    if not any(mask.origin.clause == clause for mask in question.law.masks):
        return 0.0
    return _freed(question, base.formulation.instance, question.law.without(clause))


def _metered(base: Solved, clause: str) -> float:
    program, prices, total = base.formulation.program, base.solution.row_dual, 0.0
    for one in base.formulation.metered:
        if one.clause == clause:
            rows = one.rows.index[one.rows.index >= 0]
            bound = np.where(prices[rows] > 0, program.row_lower[rows], program.row_upper[rows])
            worth = np.abs(prices[rows] * np.where(np.isfinite(bound), bound, 0.0))
            total += float(worth.sum()) * base.formulation.scales.money
    return total


def _freed(question: Question, instance: Instance, without: Law) -> float:
    """The worth of the need that some supply takes only without a clause, and of all need for the share of pools that
    may be acquired only then; as in the first, the middle and the last period."""
    periods = instance.calendar.periods
    needs = _needs(question, instance)
    total = sum(worth for _, worth in needs)
    supplies = [pool.facts for pool in instance.pools]
    facts = [one for one, _ in needs]
    worths = np.array([worth for _, worth in needs])
    found = 0.0
    for period in (periods[0], periods[len(periods) // 2], periods[-1]):
        interval = Interval(period.begins, period.ends)
        placed, before = (
            _may_run(law, question, facts, supplies, interval) for law in (without, question.law)
        )
        found += float(worths[(placed & ~before).any(axis=1)].sum())
        bought, had = (
            permitted(law, [NOBODY], supplies, "acquire", interval, question.position)
            for law in (without, question.law)
        )
        found += total * float((bought & ~had).mean()) if supplies else 0.0
    return found / 3


def _may_run(
    law: Law,
    question: Question,
    facts: Sequence[WorkloadFacts],
    supplies: Sequence[SupplyFacts],
    interval: Interval,
) -> Bools:
    placed, processed = (
        permitted(law, facts, supplies, action, interval, question.position)
        for action in ("place", "process")
    )
    return placed & processed


def _needs(question: Question, instance: Instance) -> list[tuple[WorkloadFacts, float]]:
    """Every need with what it is worth over the horizon: a load once for each model that it accepts."""
    hours = instance.calendar.hours()[:, None] * instance.hour_weights[None, :]
    found = [(run.facts, run.worth or 0.0) for run in instance.runs]
    for load in instance.serving.loads:
        entry = question.estate.workloads[load.workload]
        worth = float((load.tokens_per_s * hours).sum()) * SECONDS_PER_HOUR * load.worth_per_token
        models = entry.models if isinstance(entry, InferenceClass) else ()
        found += [
            (inference_facts(question.estate, load.workload, load.region, model), worth) for model in models
        ]
    return found
