"""`offtake plan --stochastic`: today's orders for all futures at once, and what deciding so is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import log
from typing import TypeVar

import numpy as np

from offtake.domain.errors import InvalidInput
from offtake.domain.handoffs import InfeasiblePlan
from offtake.domain.recourse import StochasticPlan
from offtake.planner.answer import Answer, answer_of
from offtake.planner.conflict import infeasible_plan
from offtake.planner.instance import Bools, Floats
from offtake.planner.planning import Report, trusted
from offtake.planner.ports import Infeasible, Solution
from offtake.planner.recourse.advice import Ordered, orders_of_answers
from offtake.planner.recourse.futures import Future, Futures
from offtake.planner.recourse.outcome import Expected, Results, StochasticQuestion, Tried, plan_of
from offtake.planner.recourse.settling import (
    Kept,
    Settled,
    Settling,
    alone,
    answers_to,
    holding,
    kept_whole,
    settle,
)
from offtake.planner.recourse.sharing import OrderKey, Sharing, Stages, groups_of, matched, two_stages
from offtake.planner.recourse.writing import IN_TURN, Written, bring_together, in_turn, write_all
from offtake.planner.sensitivity import RunAll

Item = TypeVar("Item")
Result = TypeVar("Result")
Count = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Decided:
    """A stochastic plan with the programs and answers behind it."""

    plan: StochasticPlan
    base: Written
    written: tuple[Written, ...]
    futures: Futures
    sharing: Sharing
    settled: Settled
    answers: tuple[Answer, ...]


def stochastic(
    asked: StochasticQuestion, settling: Settling, count: Count, say: Report
) -> Decided | InfeasiblePlan:
    """Today's certified orders and what they are worth, or why a future has no plan.

    Raises InvalidInput for futures that cannot be decided together, and SolverFailure as `plan` does.
    """
    _refuse_unusable(asked)
    run_all = counted(settling.run_all, count)
    questions = [one.question for one in (*asked.scenarios, *asked.fresh)]
    base, written = write_all(asked.base, questions, _last(asked), run_all("writing the futures"))
    if base.formulation.program.entry_count * len(questions) < IN_TURN:
        settling = replace(settling, run_all=in_turn)
        run_all = counted(in_turn, count)
    mine, fresh = written[: len(asked.scenarios)], written[len(asked.scenarios) :]
    stages = _stages(asked, mine)
    futures, sharing = bring_together(asked.scenarios, mine, stages)
    futures, kept = kept_whole(futures, asked.later)
    known = alone(futures, replace(settling, run_all=run_all("each future by itself")))
    for one, found in zip(mine, known, strict=True):
        if found is None:
            program = one.formulation.program
            return infeasible_plan(one.formulation, settling.solver.irreducible(program, settling.options))
    search = _Search(asked, settling, futures, sharing, base, kept, count, say)
    one_future = search.one_future()
    settled = search.settled(one_future, known)
    # Who interrupts wants what there is, and not what could be said beside it.
    expected = search.expected(one_future) if settled.finished else Expected(None, ())
    answers = tuple(
        answer_of(one.formulation, _read(one, x)) for one, x in zip(mine, settled.answers, strict=True)
    )
    known_answers = [
        answer_of(one.formulation, found) for one, found in zip(mine, known, strict=True) if found is not None
    ]
    ordered = Ordered(
        orders_of_answers(mine, answers),
        orders_of_answers(mine, known_answers),
        orders_of_answers([base], [answer_of(base.formulation, one_future)])[0],
    )
    tried = search.tried(fresh, settled, one_future) if settled.finished else None
    results = Results(futures, stages, settled, _totals(futures, known), expected, tried, kept)
    plan = plan_of(asked, settling, mine, answers, ordered, results, sharing)
    return Decided(plan, base, mine, futures, sharing, settled, answers)


def first_orders(decided: Decided) -> dict[OrderKey, float]:
    """The orders of the first stage, in program units, by what they order."""
    decisions = decided.settled.decisions
    return {one.key: float(decisions[n]) for n, one in enumerate(decided.sharing.decisions) if one.stage == 0}


def counted(run_all: RunAll, count: Count) -> Callable[[str], RunAll]:
    """Ways to run many that tell how many are done, by what is being done."""

    def named(what: str) -> RunAll:
        def run(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
            count(what, 0, len(items))
            for n, found in enumerate(run_all(function, items)):
                yield found
                count(what, n + 1, len(items))

        return run

    return named


def _refuse_unusable(asked: StochasticQuestion) -> None:
    horizon = asked.base.estate.horizon
    days = (asked.until, *asked.days)
    if len(asked.scenarios) < 1:
        raise InvalidInput("there are no futures to decide for")
    if not horizon.begins < asked.until <= horizon.ends:
        raise InvalidInput(
            f"{asked.until} does not lie in the horizon",
            hint=f"name a day after {horizon.begins} and not after {horizon.ends}",
        )
    if list(days) != sorted(set(days)) or days[-1] > horizon.ends:
        raise InvalidInput("the days on which more becomes known must rise, and lie in the horizon")


def _last(asked: StochasticQuestion) -> date:
    return asked.days[-1] if asked.days else asked.until


def _stages(asked: StochasticQuestion, written: Sequence[Written]) -> Stages:
    if not asked.days:
        return two_stages(asked.until, len(written))
    days = (asked.until, *asked.days)
    programs = [one.formulation.program for one in written]
    calendar = written[0].formulation.instance.calendar
    return Stages(days, groups_of(programs, calendar, days[:-1], asked.branches))


def _read(one: Written, x: Floats) -> Solution:
    """A future's part of an answer as a solution of its own program."""
    program = one.formulation.program
    columns = np.repeat(np.arange(program.column_count), np.diff(program.start))
    activity = np.bincount(program.index, program.value * x[columns], minlength=program.row_count)
    return Solution(
        float(program.cost @ x),
        x,
        activity.astype(np.float64),
        np.zeros(program.row_count),
        np.zeros(program.column_count),
        method="recourse",
        iterations=0,
    )


def _totals(futures: Futures, found: Sequence[Solution | None]) -> Floats:
    return futures.costs_of([np.inf if one is None else one.objective for one in found])


class _Search:
    """The three programs that are compared, each told as it goes."""

    def __init__(
        self,
        asked: StochasticQuestion,
        settling: Settling,
        futures: Futures,
        sharing: Sharing,
        base: Written,
        kept: Kept,
        count: Count,
        say: Report,
    ) -> None:
        self.asked, self.settling, self.kept = asked, settling, kept
        self.futures, self.sharing, self.base = futures, sharing, base
        self.count, self.say = count, say
        self.first: Bools = np.array([one.stage == 0 for one in sharing.decisions], dtype=np.bool_)

    def one_future(self) -> Solution:
        """The plan for the estate as it is stated."""
        self.count("the plan for one future", 0, 0)
        found = trusted(self.base.formulation.program, self.settling.solver, self.settling.options, self.say)
        if isinstance(found, Infeasible):
            raise InvalidInput(
                "the estate as it is stated has no plan", hint="see what `offtake plan` says of it"
            )
        return found[0]

    def orders_of(self, one_future: Solution) -> Floats:
        """(decision,) the first stage's of the plan for one future; zero for decisions that it does not know."""
        shared, _ = matched(self.sharing, self.base.formulation, self.asked.until)
        decisions = np.zeros(self.futures.decisions)
        present = np.flatnonzero(shared >= 0)
        decisions[shared[present]] = one_future.x[present]
        return decisions

    def settled(self, one_future: Solution, known: Sequence[Solution | None]) -> Settled:
        """The recourse problem's answer."""
        self.count("deciding for all futures", 0, 0)
        start = self.orders_of(one_future)
        inside = np.all(start <= self.futures.upper + 1e-9) and np.all(start >= self.futures.lower - 1e-9)
        found = settle(
            self.futures,
            self.settling,
            start=start if inside and self.first.all() else None,
            known=known,
            say=self.say,
            told=self._told(),
        )
        if isinstance(found, Infeasible):
            raise InvalidInput(
                "no orders of the first periods suit every future: each has a plan by itself",
                hint="decide fewer periods now (--until), or give the need that must be met a worth",
            )
        return found

    def _told(self) -> Callable[[int, float, float], None]:
        first: list[float] = []

        def told(rounds: int, lower: float, upper: float) -> None:
            gap = (upper - lower) / max(1.0, abs(upper)) if np.isfinite(upper) else np.inf
            if not np.isfinite(gap):
                self.count("deciding, round by round", 0, 0)
                return
            first.append(max(gap, self.settling.tolerance))
            done = 100
            if gap > self.settling.tolerance and first[0] > self.settling.tolerance:
                done = int(100 * max(0.0, log(first[0] / gap) / log(first[0] / self.settling.tolerance)))
            self.count(f"deciding, round {rounds}, within {gap:.2g} of the best", done, 100)

        return told

    def expected(self, one_future: Solution) -> Expected:
        """The mean of what today's plan for one future comes to, its orders of the first stage held in all futures."""
        decisions = self.orders_of(one_future)
        cannot = [
            one.name for one in self.futures.each if not one.allows(np.where(self.first, decisions, 0.0))
        ]
        if cannot:
            return Expected(None, tuple(cannot))
        settling = replace(
            self.settling,
            run_all=counted(self.settling.run_all, self.count)("the plan for one future in all"),
        )
        if self.first.all():
            found = answers_to(self.futures, decisions, settling)
            cannot = [f.name for f, one in zip(self.futures.each, found, strict=True) if one is None]
            costs = _totals(self.futures, found)
            whole = self.settling.risk.of(costs, self.futures.probabilities) if not cannot else None
            return Expected(whole, tuple(cannot))
        held = settle(holding(self.futures, self.first, decisions), settling, say=self.say)
        return Expected(None, ()) if isinstance(held, Infeasible) else Expected(held.upper, ())

    def tried(self, fresh: Sequence[Written], settled: Settled, one_future: Solution) -> Tried | None:
        """The orders of the first stage in fresh futures. What an interruption leaves is kept if two were tried."""
        if not fresh:
            return None
        each = [self._fresh(one, n) for n, one in enumerate(fresh)]
        decided = np.where(self.first, settled.decisions, 0.0)
        other = self.orders_of(one_future)
        found: list[list[float]] = []
        for what, decisions in (("today's orders", decided), ("the plan for one future", other)):
            run_all = counted(self.settling.run_all, self.count)(f"{what} in fresh futures")
            tried: list[float] = []
            try:
                futures = replace(self.futures, each=tuple(each))
                for future, one in zip(
                    each, answers_to(futures, decisions, replace(self.settling, run_all=run_all)), strict=True
                ):
                    tried.append(np.inf if one is None else one.objective + future.offset)
            except KeyboardInterrupt:
                if not found:
                    raise
            found.append(tried)
        return Tried(tuple(found[0]), tuple(found[1]))

    def _fresh(self, one: Written, number: int) -> Future:
        shared, lacks = matched(self.sharing, one.formulation, self.asked.until)
        name = self.asked.fresh[number].name
        future = Future(name, 1 / len(self.asked.fresh), one.formulation.program, shared, one.offset, lacks)
        return future if self.kept == "whole" else future.with_whole(decided=True, own=False)
