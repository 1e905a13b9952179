"""Benders' decomposition: one small program of the decisions, and every future solved by itself at them.

The master holds the shared decisions and a total for every future, bounded from below by cuts: the multi-cut method
(Birge and Louveaux, section 5.1.c). Its answer is a lower bound; the futures' costs at decisions are an upper one. What
is tried next is not the master's own answer, which jumps, but the nearest point to the best so far whose bounded cost
is at most a level between the two bounds (Lemaréchal, Nemirovskii and Nesterov, New variants of bundle methods,
Mathematical Programming 69, 1995), with the largest change of a decision as the distance, so that it stays linear.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from offtake.domain.errors import SolverFailure
from offtake.planner.instance import Floats
from offtake.planner.planning import trusted
from offtake.planner.ports import Infeasible, Series, Solution, Solver, SolverOptions
from offtake.planner.program import Block, Program, ProgramBuilder
from offtake.planner.recourse.cuts import Cut, Recourse, cuts_alone, least_of, projections, recourse_of
from offtake.planner.recourse.futures import Future, Futures
from offtake.planner.recourse.risk import Risk, RiskColumns, add_risk
from offtake.planner.sensitivity import RunAll

LEVEL: Final = 0.5  # Where between the bounds the level lies,
BOLD: Final = 0.05  # and where it lies after a try that did nearly as well as the cuts promised.
KEPT: Final = 0.9  # The share of what was promised that is nearly as well.
MOST_ROUNDS: Final = 300

Rounds = Callable[[int, float, float], None]
"""Told after each round: its number, the lower and the upper bound."""


@dataclass(frozen=True, eq=False)
class Decomposed:
    """The best decisions found with the futures' answers to them, and the bounds between which the best of all lies.

    `refused` counts the tries that some future could not live with. `finished` is False where it was stopped before the
    bounds met. `master` and `solution` are the last master's, with the cuts
    that they stand on, from which the bound is proved again.
    """

    decisions: Floats
    answers: tuple[Solution, ...]
    lower: float
    upper: float
    rounds: int
    refused: int
    finished: bool
    cuts: tuple[Cut, ...]
    master: Master
    solution: Solution


@dataclass(frozen=True, eq=False)
class Master:
    """A master program: its blocks, and the cuts by the rows that hold them."""

    program: Program
    decided: Block
    totals: Block
    cuts: Block
    risk: RiskColumns | None


def decompose(
    futures: Futures,
    risk: Risk,
    solver: Solver,
    options: SolverOptions,
    run_all: RunAll,
    *,
    tolerance: float,
    run_threads: RunAll | None = None,
    start: Floats | None = None,
    known: Sequence[Solution | None] | None = None,
    told: Rounds | None = None,
) -> Decomposed | Infeasible:
    """Decisions whose cost is within `tolerance`, relative, of the least. Own columns of futures count in fractions.

    `start` are decisions to begin with, `known` answers of the futures by themselves, if they are at hand. When it is
    interrupted after some decisions were found that every future can live with, they come back unfinished; before that
    the interruption goes on. Raises SolverFailure after too many rounds.
    """
    plain = futures.with_whole(own=False)
    first = _first_cuts(plain, solver, options, run_all, known)
    if any(one is None for one in first):
        return Infeasible()
    search = _Search(plain, risk, solver, options, run_threads or run_all)
    search.cuts += [cut for found in first if found is not None for cut in found]
    search.cuts += projections(plain)
    return search.run(tolerance, start, told)


def _first_cuts(
    futures: Futures,
    solver: Solver,
    options: SolverOptions,
    run_all: RunAll,
    known: Sequence[Solution | None] | None,
) -> list[tuple[Cut, Cut] | None]:
    """What every future by itself proves; those that are linear programs and known already are not solved again."""
    items = list(enumerate(futures.each))
    if known is not None and all(one.program.integrality is None for one in futures.each):
        return [
            None if found is None else cuts_alone(s, one, futures.decisions, found)
            for (s, one), found in zip(items, known, strict=True)
        ]
    return list(run_all(partial(_least, solver, options, futures.decisions), items))


def _least(
    solver: Solver, options: SolverOptions, count: int, item: tuple[int, Future]
) -> tuple[Cut, Cut] | None:
    return least_of(*item, count, solver, options)


def _answered(
    solver: Solver, options: SolverOptions, decisions: Floats, item: tuple[int, Future, Series]
) -> Recourse:
    place, future, series = item
    return recourse_of(place, future, decisions, solver, options, series)


class _Search:
    """The cuts so far, the best decisions, and the bounds."""

    def __init__(
        self, futures: Futures, risk: Risk, solver: Solver, options: SolverOptions, run_threads: RunAll
    ) -> None:
        self.futures, self.risk = futures, risk
        self.solver, self.options, self.run_threads = solver, options, run_threads
        self.series = [solver.series(one.program.relaxed(), options) for one in futures.each]
        self.cuts: list[Cut] = []
        self.lower, self.upper = -np.inf, np.inf
        self.best: tuple[Floats, tuple[Solution, ...]] | None = None
        self.size = np.ones(futures.decisions)
        self.level = LEVEL
        self.refused = 0

    def run(self, tolerance: float, start: Floats | None, told: Rounds | None) -> Decomposed | Infeasible:
        """Rounds until the bounds meet."""
        last: tuple[Master, Solution] | None = None
        rounds = 0
        try:
            if start is not None:
                self._try(start)
            for rounds in range(1, MOST_ROUNDS + 1):
                last = self._bound()
                if last is None:
                    return Infeasible()
                if told is not None:
                    told(rounds, self.lower, self.upper)
                if self._gap() <= tolerance:
                    return self._found(*last, rounds, finished=True)
                self._step(*last)
        except KeyboardInterrupt:
            if self.best is None or last is None:
                raise
            return self._found(*last, rounds, finished=False)
        raise SolverFailure(
            f"the bounds were still {self._gap():.1e} apart after {MOST_ROUNDS} rounds",
            hint="take fewer futures or a larger gap",
        )

    def _gap(self) -> float:
        return (self.upper - self.lower) / max(1.0, abs(self.upper)) if self.best is not None else np.inf

    def _found(self, master: Master, solution: Solution, rounds: int, *, finished: bool) -> Decomposed:
        if self.best is None:
            raise SolverFailure("no decisions were found that every future can live with")
        decisions, answers = self.best
        return Decomposed(
            decisions,
            answers,
            self.lower,
            self.upper,
            rounds,
            self.refused,
            finished,
            tuple(self.cuts[: master.cuts.count]),
            master,
            solution,
        )

    def _bound(self) -> tuple[Master, Solution] | None:
        """The master's certified answer, which bounds the cost from below."""
        master = master_of(self.futures, self.risk, self.cuts)
        found = trusted(master.program, self.solver, self.options, _silent)
        if isinstance(found, Infeasible):
            return None
        solution, certificate = found
        bound = certificate.dual_objective
        if master.program.integrality is not None:
            bound = -np.inf if solution.mip_bound is None else solution.mip_bound
        self.lower = max(self.lower, bound)
        return master, solution

    def _step(self, master: Master, solution: Solution) -> None:
        """Tries decisions near the best so far, at most at the level; without a best, the master's own."""
        own, before = solution.x[master.decided.index], self.upper
        if self.best is None:
            self._try(own)
            return
        level = self.lower + self.level * (before - self.lower)
        aimed = _aimed(self.futures, self.risk, self.cuts, self.best[0], self.size, level)
        self._try(_solved_near(aimed, self.solver, self.options, own))
        kept = before - self.upper >= KEPT * (before - level)
        self.level = BOLD if kept else LEVEL

    def _try(self, decisions: Floats) -> None:
        """The futures' answers to decisions: cuts, and the best so far."""
        held = _within(self.futures, decisions)
        items = [(s, one, self.series[s]) for s, one in enumerate(self.futures.each)]
        answers = list(self.run_threads(partial(_answered, self.solver, self.options, held), items))
        self.cuts += [one.cut for one in answers]
        self.size = np.maximum(self.size, np.abs(held))
        found = [one.solution for one in answers]
        solutions = tuple(one for one in found if one is not None)
        if len(solutions) < len(found):
            self.refused += 1
            return
        costs = self.futures.costs_of([one.objective for one in solutions])
        cost = self.risk.of(costs, self.futures.probabilities)
        if cost < self.upper:
            self.upper, self.best = cost, (held, solutions)


def _solved_near(aimed: Master, solver: Solver, options: SolverOptions, otherwise: Floats) -> Floats:
    """Decisions to try next. They prove nothing, so that they need no certificate: any would do."""
    try:
        found = solver.solve(aimed.program, options)
    except SolverFailure:
        return otherwise
    return found.x[aimed.decided.index] if isinstance(found, Solution) else otherwise


def _within(futures: Futures, decisions: Floats) -> Floats:
    """Decisions without what a solver leaves: whole where they are whole, within their bounds."""
    held = np.where(futures.whole, np.rint(decisions), decisions)
    return np.clip(held, futures.lower, futures.upper)


def _silent(_stage: str, _progress: object) -> None:
    """What is reported to nobody."""


def master_of(futures: Futures, risk: Risk, cuts: Sequence[Cut]) -> Master:
    """The least objective that the cuts allow, over the decisions and the futures' totals."""
    builder = ProgramBuilder()
    return _master(builder, futures, risk, cuts, builder.build)


def _aimed(
    futures: Futures, risk: Risk, cuts: Sequence[Cut], centre: Floats, size: Floats, level: float
) -> Master:
    """The nearest decisions to a centre at which the cuts allow the level."""
    builder = ProgramBuilder()

    def aim() -> Program:
        program = builder.build()
        scale = max(1.0, abs(level))
        held = builder.rows("level", {}, upper=level / scale)
        builder.entries(held.index, np.arange(program.column_count), program.cost / scale)
        away = builder.columns("largest change", {}, cost=1.0)
        names = {"decision": futures.names}
        for sign in (1.0, -1.0):
            rows = builder.rows("change", names, lower=sign * centre / size)
            builder.entries(rows.index, np.arange(futures.decisions), sign / size)
            builder.entries(rows.index, away.index, 1.0)
        whole = builder.build()
        cost = np.zeros(whole.column_count)
        cost[int(away.index)] = 1.0
        return replace(whole, cost=cost)

    return _master(builder, futures, risk, cuts, aim)


def _master(
    builder: ProgramBuilder,
    futures: Futures,
    risk: Risk,
    cuts: Sequence[Cut],
    build: Callable[[], Program],
) -> Master:
    names = tuple(one.name for one in futures.each)
    decided = builder.columns(
        "decided now",
        {"decision": futures.names},
        lower=futures.lower,
        upper=futures.upper,
        integer=futures.whole,
    )
    totals = builder.columns(
        "total", {"future": names}, cost=(1 - risk.weight) * futures.probabilities, lower=-np.inf
    )
    worst = add_risk(builder, risk, futures.probabilities, names, np.zeros(len(names)))
    if worst is not None:
        builder.entries(worst.rows.index, totals.index, -1.0)
    offsets = np.array([one.offset for one in futures.each])
    place = np.array([cut.future for cut in cuts], dtype=np.intp)
    cost = np.array([cut.bounds_cost for cut in cuts], dtype=np.bool_)
    constant = np.array([cut.constant for cut in cuts]) + np.where(cost, offsets[place], 0.0)
    rows = builder.rows("cut", {"cut": tuple(map(str, range(len(cuts))))}, lower=constant)
    builder.entries(rows.index, np.where(cost, totals.index[place], -1), 1.0)
    slopes = np.array([cut.slope for cut in cuts]).reshape(len(cuts), futures.decisions)
    builder.entries(rows.index[:, None], decided.index[None, :], -slopes)
    return Master(build(), decided, totals, rows, worst)
