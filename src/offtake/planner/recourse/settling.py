"""Decisions for all futures at once: in one program while it is small, by decomposition where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

import numpy as np

from offtake.domain.errors import InvalidInput
from offtake.planner.certificate import TOLERANCE, Certificate, Check
from offtake.planner.instance import Bools, Floats
from offtake.planner.planning import Report, trusted
from offtake.planner.ports import Infeasible, Solution, Solver, SolverOptions
from offtake.planner.recourse.benders import Decomposed, Rounds, decompose
from offtake.planner.recourse.extensive import extensive_form
from offtake.planner.recourse.futures import Future, Futures
from offtake.planner.recourse.proof import proved
from offtake.planner.recourse.risk import Risk
from offtake.planner.sensitivity import RunAll

Way = Literal["auto", "extensive", "benders"]
Later = Literal["auto", "whole", "fractions"]
Kept = Literal["whole", "fractions"]

# Entries of all futures' programs together up to which they are solved as one, and whole columns of their own up to
# which these are kept whole: measured in docs/stochastic.md.
EXTENSIVE_ENTRIES: Final = 150_000
WHOLE_COLUMNS: Final = 200

PRIMAL: Final = ("row_violation", "column_violation", "objective_stated")  # Checks that need no prices.


@dataclass(frozen=True, slots=True)
class Settling:
    """How decisions are to be found. `tolerance` is the relative gap that is left at most where bounds have to meet;
    `run_threads` runs many in this process, for programs that are kept open."""

    risk: Risk
    solver: Solver
    options: SolverOptions
    run_all: RunAll
    way: Way = "auto"
    tolerance: float = 1e-5
    run_threads: RunAll | None = None


@dataclass(frozen=True, eq=False)
class Settled:
    """Decisions with every future's answer to them.

    `costs` (future,) are the futures' objectives with what is spent whatever is decided. The best of all decisions
    costs no less than `lower`; these cost `upper`. `rounds` is 0 where all was one program, `refused` how
    many tries some future could not live with. `finished` is False where
    it was stopped before the bounds met.
    """

    decisions: Floats
    answers: tuple[Floats, ...]
    costs: Floats
    lower: float
    upper: float
    way: Literal["extensive", "benders"]
    rounds: int
    refused: int
    finished: bool
    certificate: Certificate


def entries_of(futures: Futures) -> int:
    """How many entries the programs of all futures have."""
    return sum(one.program.entry_count for one in futures.each)


def kept_whole(futures: Futures, later: Later) -> tuple[Futures, Kept]:
    """The futures with their own whole columns kept whole or taken in fractions; `auto` goes by how many there are.

    What must be whole among the shared decisions stays whole.
    """
    count = sum(
        0 if one.program.integrality is None else int(one.program.integrality[one.own].sum())
        for one in futures.each
    )
    if not count or later == "whole" or (later == "auto" and count <= WHOLE_COLUMNS):
        return futures, "whole"
    return futures.with_whole(own=False), "fractions"


def settle(
    futures: Futures,
    asked: Settling,
    *,
    start: Floats | None = None,
    known: Sequence[Solution | None] | None = None,
    say: Report | None = None,
    told: Rounds | None = None,
) -> Settled | Infeasible:
    """The best decisions; `start` and `known` are as in `decompose`.

    Raises InvalidInput where futures' own columns must be whole and the way is `benders`.
    """
    whole = futures.whole_recourse
    way = asked.way
    if way == "auto":
        way = "extensive" if whole or entries_of(futures) <= EXTENSIVE_ENTRIES else "benders"
    if way == "extensive":
        return _at_once(futures, asked, say)
    if whole:
        raise InvalidInput(
            "what is decided later must be whole here, and decomposition takes it in fractions",
            hint="add --later fractions, or leave --way out",
        )
    found = decompose(
        futures,
        asked.risk,
        asked.solver,
        asked.options,
        asked.run_all,
        tolerance=asked.tolerance,
        run_threads=asked.run_threads,
        start=start,
        known=known,
        told=told,
    )
    return found if isinstance(found, Infeasible) else _settled(futures, asked, found)


def _at_once(futures: Futures, asked: Settling, say: Report | None) -> Settled | Infeasible:
    form = extensive_form(futures, asked.risk)
    found = trusted(form.program, asked.solver, asked.options, say or _silent)
    if isinstance(found, Infeasible):
        return found
    solution, certificate = found
    answers = tuple(form.answer_of(s, solution.x) for s in range(len(futures.each)))
    costs = _costs(futures, answers)
    bound = certificate.dual_objective if solution.mip_bound is None else solution.mip_bound
    return Settled(
        form.decisions(solution.x),
        answers,
        costs,
        bound + form.offset,
        asked.risk.of(costs, futures.probabilities),
        "extensive",
        0,
        0,
        True,
        certificate,
    )


def _settled(futures: Futures, asked: Settling, found: Decomposed) -> Settled:
    answers = tuple(one.x for one in found.answers)
    return Settled(
        found.decisions,
        answers,
        _costs(futures, answers),
        found.lower,
        found.upper,
        "benders",
        found.rounds,
        found.refused,
        found.finished,
        _certificate(futures, asked, found),
    )


def _certificate(futures: Futures, asked: Settling, found: Decomposed) -> Certificate:
    """The extensive form's, as far as it can be proved: an unfinished search has no gap to prove, and with whole
    decisions the master's bound is the solver's word."""
    tolerance = max(TOLERANCE, asked.tolerance)
    certificate = proved(futures, asked.risk, found, tolerance)
    if found.finished and not futures.whole.any():
        return certificate
    kept = tuple(one for one in certificate.checks if one.name in PRIMAL)
    if found.finished:
        gap = (found.upper - found.lower) / max(1.0, abs(found.upper))
        kept = (*kept, Check("gap_stated_for_integers", abs(gap), tolerance))
    return replace(certificate, checks=kept)


def _costs(futures: Futures, answers: tuple[Floats, ...]) -> Floats:
    return futures.costs_of(
        [float(one.program.cost @ x) for one, x in zip(futures.each, answers, strict=True)]
    )


def holding(futures: Futures, chosen: Bools, values: Floats) -> Futures:
    """The futures with some decisions (decision,) held at the values given."""
    lower = np.where(chosen, values, futures.lower)
    upper = np.where(chosen, values, futures.upper)
    return replace(futures, lower=lower, upper=upper)


def answers_to(futures: Futures, decisions: Floats, asked: Settling) -> tuple[Solution | None, ...]:
    """Every future's certified answer to decisions; None for those that cannot live with them."""
    function = partial(_answer_to, asked.solver, asked.options, decisions)
    return tuple(asked.run_all(function, futures.each))


def _answer_to(solver: Solver, options: SolverOptions, decisions: Floats, future: Future) -> Solution | None:
    if not future.allows(decisions):
        return None
    found = trusted(future.at(decisions), solver, options, _silent)
    return None if isinstance(found, Infeasible) else found[0]


def alone(futures: Futures, asked: Settling) -> tuple[Solution | None, ...]:
    """Every future's certified answer with nothing shared: what would be done if it were known to come."""
    return tuple(asked.run_all(partial(_alone, asked.solver, asked.options), futures.each))


def _alone(solver: Solver, options: SolverOptions, future: Future) -> Solution | None:
    found = trusted(future.program, solver, options, _silent)
    return None if isinstance(found, Infeasible) else found[0]


def _silent(_stage: str, _progress: object) -> None:
    """What is reported to nobody."""
