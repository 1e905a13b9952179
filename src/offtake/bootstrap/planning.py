"""A question about an estate put to the planner, its solver and its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.adapters.estate_yaml import Loaded
from offtake.bootstrap.estates import known_party, law_of, position, supposed
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.law.primitives import Law

if TYPE_CHECKING:
    from offtake.domain.changes import Change
    from offtake.domain.handoffs import CapacityPlan, ClausePrice, InfeasiblePlan, ReportExtras
    from offtake.planner.planning import Question, Report
    from offtake.planner.ports import Method, Solver

MOST_CLAUSES = 8
"""Clauses that a report prices beside those that bind nothing; `offtake price all` prices every one."""

Progressing = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


def question(
    loaded: Loaded,
    known_at: date | None,
    events: Sequence[str],
    party: str | None,
    method: Method,
    time_limit_s: float,
) -> Question:
    """What is to be planned. Raises InvalidInput for an unknown event, party or clause that cannot be used."""
    from offtake.planner.planning import Question
    from offtake.planner.ports import SolverOptions

    estate = loaded.estate
    known_party(estate, party)
    return Question(
        estate,
        law_of(estate, known_at),
        position(estate, supposed(estate, events)),
        loaded.digest,
        party,
        SolverOptions(method=method, time_limit_s=time_limit_s),
    )


def plan(asked: Question, report: Report | None) -> CapacityPlan | InfeasiblePlan:
    """The certified plan, solved with HiGHS."""
    from offtake.adapters.highs import HighsSolver
    from offtake.planner.planning import plan as planned

    return planned(asked, HighsSolver(), report)


def price(
    asked: Question, clause: str, report: Report | None
) -> tuple[ClausePrice, CapacityPlan, CapacityPlan] | InfeasiblePlan:
    """The price of a clause. Raises InvalidInput if the law has no such clause."""
    from offtake.adapters.highs import HighsSolver
    from offtake.planner.clause_prices import clause_price

    return clause_price(asked, known_clause(asked.law, clause), HighsSolver(), report)


def known_clause(law: Law, clause: str) -> str:
    """A clause's name, if the law has it. Raises InvalidInput with the nearest one if not."""
    from difflib import get_close_matches

    from offtake.planner.clause_prices import clauses_of

    known = clauses_of(law)
    if clause in known:
        return clause
    near = get_close_matches(clause, known, n=1) or get_close_matches(f"x.{clause}", known, n=1, cutoff=0.4)
    hint = f"did you mean `{near[0]}`?" if near else f"clauses known then: {', '.join(known) or 'none'}"
    raise InvalidInput(f"the law has no clause `{clause}`", hint=hint)


def supposing(asked: Question, changes: Sequence[Change], dropped: Sequence[str]) -> Question:
    """The question with an estate changed and clauses dropped, its periods cut where the first one's are.

    Raises InvalidInput for a target or clause that is not there.
    """
    from dataclasses import replace

    from offtake.domain.changes import changed

    estate = changed(asked.estate, changes)
    law = law_of(estate, asked.law.known_at)
    for clause in dropped:
        law = law.without(known_clause(asked.law, clause))
    return replace(asked, estate=estate, law=law, cuts=(*asked.cuts, *asked.law.dates))


def plans(asked: Sequence[Question]) -> list[CapacityPlan | InfeasiblePlan]:
    """Certified plans of several questions, on all processors."""
    from functools import partial

    from offtake.adapters.highs import HighsSolver
    from offtake.adapters.parallel import run_all
    from offtake.planner.planning import plan as planned

    return list(run_all(partial(_planned, planned, HighsSolver()), asked))


def _planned(
    planned: Callable[[Question, Solver], CapacityPlan | InfeasiblePlan], solver: Solver, asked: Question
) -> CapacityPlan | InfeasiblePlan:
    return planned(asked, solver)


def prices(
    asked: Question, progress: Progressing
) -> tuple[tuple[ClausePrice, ...], CapacityPlan] | InfeasiblePlan:
    """The price of every clause that is known, dearest first, and the plan with all of them."""
    from offtake.adapters.highs import HighsSolver
    from offtake.adapters.parallel import run_all
    from offtake.planner.clause_prices import clause_prices
    from offtake.planner.planning import Solved, solve

    base = solve(asked, HighsSolver())
    if not isinstance(base, Solved):
        return base
    return clause_prices(asked, HighsSolver(), base, run_all, progress), base.plan


def plan_with_extras(
    asked: Question, report: Report | None, progress: Progressing
) -> tuple[CapacityPlan, ReportExtras] | InfeasiblePlan:
    """The certified plan with the prices of its clauses and the assumptions that it hangs on."""
    from offtake.adapters.highs import HighsSolver
    from offtake.adapters.parallel import run_all
    from offtake.domain.handoffs import ReportExtras
    from offtake.planner.clause_prices import clause_prices, clauses_of
    from offtake.planner.planning import Solved, solve
    from offtake.planner.sensitivity import cost_on_assumptions, sensitivities

    solver = HighsSolver()
    base = solve(asked, solver, report)
    if not isinstance(base, Solved):
        return base
    prices = clause_prices(asked, solver, base, run_all, progress, MOST_CLAUSES)
    priced = {one.clause for one in prices}
    extras = ReportExtras(
        clause_prices=prices,
        clauses_not_priced=tuple(one for one in clauses_of(asked.law) if one not in priced),
        sensitivities=sensitivities(
            asked, solver, base.plan, base.formulation, base.solution, run_all, progress
        ),
        cost_on_assumptions=cost_on_assumptions(asked.estate, base.plan),
    )
    return base.plan, extras


def withheld(
    plan: CapacityPlan, estate: Estate, extras: ReportExtras, profile: str, also: Sequence[str]
) -> tuple[CapacityPlan, Estate, ReportExtras]:
    """The plan and what belongs to it without `prices`, `parties` or `both`. Raises InvalidInput for other profiles."""
    from typing import cast, get_args

    from offtake.domain.redaction import Profile, redacted

    known = get_args(Profile)
    if profile not in known:
        raise InvalidInput(f"`{profile}` cannot be withheld", hint=f"one of: {', '.join(known)}")
    return redacted(plan, estate, extras, cast("Profile", profile), also)


def write_all(plan: CapacityPlan, estate: Estate, extras: ReportExtras, folder: Path) -> tuple[Path, ...]:
    """The plan and its report as files in a folder. Raises StorageFailure if one cannot be written."""
    from offtake.adapters.plan_files import write_plan
    from offtake.adapters.report import write_report
    from offtake.adapters.workbook import write_workbook

    return (
        *write_plan(plan, folder),
        *write_report(plan, estate, folder, extras),
        write_workbook(plan, estate, extras, folder),
    )
