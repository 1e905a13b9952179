"""Futures planned for one by one, each by itself: drawn, written as a program, solved from the base's basis, certified.

An answer that does not pass its certificate, or that a warm start cannot find, is solved again from nothing; what comes
of it is counted. A worker keeps the base and its solver between futures, and nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeAlias

from offtake.domain.errors import InvalidInput, SolverFailure
from offtake.domain.estate import Estate
from offtake.domain.futures.reading import Value
from offtake.law.compile import compile_law
from offtake.law.primitives import Law
from offtake.planner.answer import answer_of
from offtake.planner.certificate import TOLERANCE, certify
from offtake.planner.draft import Scales
from offtake.planner.formulation import Formulation
from offtake.planner.futures.outcomes import How, Outcome, planned
from offtake.planner.futures.sampling import Sampler
from offtake.planner.planning import Question, formulate, trusted
from offtake.planner.ports import Basis, Infeasible, Solution, Solver, SolverOptions, WarmSolver
from offtake.planner.program import Program
from offtake.planner.reading import Known, position_of, reading_of

KNOWN_POSITIONS: Final = 48  # Of which a worker keeps what the law answers; the oldest is forgotten first.
KNOWN_ANSWERS: Final = 5000  # Of one position; then all are forgotten.
FAMILIES: Final = 2  # That a worker keeps.


class WarmStart(Protocol):
    """Makes a solver of programs near a base one; without a basis it solves the base first."""

    def __call__(self, base: Program, options: SolverOptions, basis: Basis | None = None) -> WarmSolver: ...


@dataclass(frozen=True, slots=True)
class Job:
    """A future by its number; or the base with one variable at a quantile; or, with neither, the base itself."""

    number: int | None = None
    variable: str | None = None
    quantile: float | None = None

    @property
    def name(self) -> str:
        """How it is kept."""
        if self.number is not None:
            return str(self.number)
        return "base" if self.variable is None else f"{self.variable}@{self.quantile:g}"


@dataclass(frozen=True)
class Family:
    """What all futures of a question share. `key` names it: the same key, the same futures."""

    question: Question
    seed: int
    key: str
    warm: WarmStart = field(compare=False)
    cold: Solver = field(compare=False)
    basis: Basis | None = field(default=None, compare=False)


Solve: TypeAlias = Callable[[Sequence[Job]], list[Outcome]]


def solved(family: Family, jobs: Sequence[Job]) -> list[Outcome]:
    """The outcomes of some futures, in this process; the base is read once and kept for the next call."""
    bench = _benches.get(family.key)
    if bench is None:
        bench = _benches[family.key] = Bench(family)
        while len(_benches) > FAMILIES:
            _ = _benches.popitem(last=False)
    return [bench.outcome(job) for job in jobs]


class Bench:
    """A family's base, read and written as a program, with a solver that starts from it."""

    def __init__(self, family: Family) -> None:
        self.family = family
        question = family.question
        self.sampler = Sampler.of(question.estate)
        self._question = replace(question, cuts=(*question.cuts, *question.law.dates))
        self._stated = position_of(question.estate).happened
        self._known: OrderedDict[object, Known] = OrderedDict()
        self._scales: Scales | None = None
        self.base = self._formulated(question.estate, question.law)
        self._scales = self.base.scales
        self.warm = family.warm(self.base.program, question.options, family.basis)

    def outcome(self, job: Job) -> Outcome:
        """What comes of one future. A SolverFailure is an outcome: others go on."""
        values = self._values(job)
        try:
            estate = self.sampler.estate_with(values)
            law = compile_law(estate, self._question.law.known_at)
            formulation = self._formulated(estate, law)
            found = self._solution(formulation.program)
        except (SolverFailure, InvalidInput, ValueError) as error:
            return Outcome(job.name, "failed", why=str(error), values=values)
        if isinstance(found, Infeasible):
            return Outcome(job.name, "no plan", values=values)
        solution, how = found
        return planned(job.name, answer_of(formulation, solution), how, values)

    def _values(self, job: Job) -> dict[str, Value]:
        if job.number is not None:
            return self.sampler.values(self.family.seed, job.number)
        at = job.quantile
        if at is None:
            return {}
        return {one.id: one.quantile(at) for one in self.sampler.variables if one.id == job.variable}

    def _formulated(self, estate: Estate, law: Law) -> Formulation:
        asked = self._question
        supposed = tuple(one for one in asked.position.happened if one not in self._stated)
        position = position_of(estate, supposed)
        # What the masks answer depends on them and on what has happened, and is dear to find.
        same_law = law.masks == asked.law.masks and law.launches == asked.law.launches
        key: object = position.happened if same_law else (law.masks, position.happened)
        known = self._known.setdefault(key, {})
        while len(self._known) > KNOWN_POSITIONS:
            _ = self._known.popitem(last=False)
        reading = reading_of(estate, law, position, asked.party, known)
        found, _ = formulate(reading, asked.form, asked.cuts, self._scales)
        if len(known) > KNOWN_ANSWERS:
            known.clear()
        return found

    def _solution(self, program: Program) -> tuple[Solution, How] | Infeasible:
        """A certified answer, warm if it can be."""
        how: How = "cold"
        try:
            found = self.warm.solve(program)
        except SolverFailure:
            found = None
        if isinstance(found, Solution):
            gap = max(self._question.options.mip_gap, TOLERANCE)
            if certify(program, found, mip_gap=gap).passed:
                return found, "warm"
            how = "again"
        cold = trusted(program, self.family.cold, self._question.options, lambda _stage, _progress: None)
        return cold if isinstance(cold, Infeasible) else (cold[0], how)


_benches: OrderedDict[str, Bench] = OrderedDict()


def jobs_of(numbers: Iterable[int], variables: Iterable[str] = (), at: Sequence[float] = ()) -> list[Job]:
    """The futures of these numbers, after the base with each variable at each quantile."""
    singles = [Job(variable=name, quantile=q) for name in variables for q in at]
    return [*singles, *(Job(number=number) for number in numbers)]


Kept: TypeAlias = Mapping[str, Outcome]
