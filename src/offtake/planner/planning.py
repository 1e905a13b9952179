"""From an estate and its law to a certified plan: read, lower, solve, read back, check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from offtake.domain.errors import SolverFailure
from offtake.domain.estate import Estate
from offtake.domain.handoffs import (
    CapacityPlan,
    CheckRow,
    InfeasiblePlan,
    NumbersRow,
    PlanCertificate,
    PlanPeriod,
    SupposedEvent,
    UnmodelledRow,
)
from offtake.domain.numbers import numbers_of
from offtake.domain.position import Position
from offtake.law.primitives import Law
from offtake.planner.answer import Answer, answer_of, cost_of, objective_again, unmet_worth
from offtake.planner.audit import TOLERANCE, recount
from offtake.planner.certificate import Certificate, certify
from offtake.planner.conflict import infeasible_plan
from offtake.planner.draft import Scales
from offtake.planner.finance.answer import borrower_plans, financed_cost, financed_objective
from offtake.planner.finance.columns import add_borrower
from offtake.planner.finance.statements import recount_finance
from offtake.planner.finance.terms import borrowers_of
from offtake.planner.first_refusal import Tranche, add_tranche, as_filed, tranches_of, with_offers
from offtake.planner.formulation import Formulation, draft_of, finish
from offtake.planner.idle import add_idle
from offtake.planner.limits import limit_rows, unmet_rows
from offtake.planner.meter_use import meter_use_rows
from offtake.planner.metering import add_meters
from offtake.planner.ports import Infeasible, Progress, Solution, Solver, SolverOptions
from offtake.planner.program import Program
from offtake.planner.reading import Reading, instance_of, reading_of
from offtake.planner.replay import replay
from offtake.planner.serving import Form
from offtake.planner.tables import (
    capacity_rows,
    cents,
    meter_rows,
    order_rows,
    power_rows,
    refusal_right_rows,
    served_rows,
    spend_rows,
    training_rows,
)
from offtake.planner.tiers import add_price

Stage = Literal["reading", "writing", "solving", "checking"]
Report = Callable[[Stage, Progress | None], None]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be planned: an estate under a law, from a position, for a party."""

    estate: Estate
    law: Law
    position: Position
    digest: str = ""
    party: str | None = None
    options: SolverOptions = field(default_factory=SolverOptions)
    form: Form = "auto"
    # More days to cut periods at, so that two plans may be compared period by period.
    cuts: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Solved:
    """A certified plan with the program and the solution behind it."""

    plan: CapacityPlan
    formulation: Formulation
    solution: Solution


def plan(question: Question, solver: Solver, report: Report | None = None) -> CapacityPlan | InfeasiblePlan:
    """The certified plan of least cost to the party, or the limits that cannot hold together.

    Raises SolverFailure if the solver fails or if its answer does not pass the certificate.
    """
    found = solve(question, solver, report)
    return found.plan if isinstance(found, Solved) else found


def solve(question: Question, solver: Solver, report: Report | None = None) -> Solved | InfeasiblePlan:
    """As `plan`, with what is behind the plan, for questions that go on from it."""
    say = report or _say_nothing
    say("reading", None)
    reading = reading_of(question.estate, question.law, question.position, question.party)
    say("writing", None)
    formulation, tranches = formulate(reading, question.form, question.cuts)
    say("solving", None)
    found = trusted(formulation.program, solver, question.options, say)
    if isinstance(found, Infeasible):
        return infeasible_plan(formulation, solver.irreducible(formulation.program, question.options))
    solution, certificate = found
    certified = _certified(question, reading, answer_of(formulation, solution), tranches, certificate)
    return Solved(certified, formulation, solution)


def trusted(
    program: Program, solver: Solver, options: SolverOptions, say: Report
) -> tuple[Solution, Certificate] | Infeasible:
    """A solution that passed its certificate. One that does not is solved once more by simplex from nothing: solvers
    have open faults in their warm starts. Raises SolverFailure if that fails as well, or if the cost has no end."""
    found = solver.solve(program, options, lambda progress: say("solving", progress))
    if isinstance(found, Infeasible):
        return found
    if not isinstance(found, Solution):
        raise SolverFailure(
            "the cost can fall without end: something is paid for being bought",
            hint="look for a price or a rent that pays the party planned for without a limit on the quantity",
        )
    say("checking", None)
    certificate = certify(program, found, mip_gap=max(options.mip_gap, TOLERANCE))
    if certificate.passed:
        return found, certificate
    if options.method != "simplex":
        return trusted(program, solver, replace(options, method="simplex"), say)
    failed = ", ".join(f"{check.name} {check.value:.1e}" for check in certificate.failures)
    raise SolverFailure(f"the solver's answer failed its certificate: {failed}", hint="try another --solver")


def certified_cost(question: Question, solver: Solver) -> int | None:
    """The party's discounted cost in cents at a solution that passed its certificate, without the tables and the
    replay of a plan; None if there is no plan. For questions that ask many times."""
    reading = reading_of(question.estate, question.law, question.position, question.party)
    formulation, _ = formulate(reading, question.form, question.cuts)
    found = trusted(formulation.program, solver, question.options, _say_nothing)
    if isinstance(found, Infeasible):
        return None
    answer = answer_of(formulation, found[0])
    return cents(cost_of(answer) + financed_cost(answer))


def _say_nothing(_stage: Stage, _progress: Progress | None) -> None:
    """What is reported to nobody."""


def formulate(
    reading: Reading,
    form: Form = "auto",
    cuts: tuple[date, ...] = (),
    scales: Scales | None = None,
    idle_until: date | None = None,
    filed: Sequence[Tranche] = (),
) -> tuple[Formulation, tuple[Tranche, ...]]:
    """The whole program of a reading, and the tranches of its first refusals.

    `idle_until` lets what is ordered before that day stand without power; see `offtake.planner.idle`. `filed` are
    needs brought to holders of first refusals before; see `offtake.planner.first_refusal.as_filed`.
    """
    instance = instance_of(reading, cuts)
    tranches = as_filed(tranches_of(reading, instance), filed)
    draft = draft_of(with_offers(instance, tranches), scales)
    for place, tranche in enumerate(tranches):
        add_tranche(draft, tranche, tranches[:place])
    if idle_until is not None:
        add_idle(draft, idle_until)
    for schedule in reading.law.prices:
        add_price(reading, draft, schedule)
    add_meters(reading, draft)
    borrowers = borrowers_of(reading, instance.calendar)
    finance = tuple(add_borrower(draft, reading.estate, borrower) for borrower in borrowers)
    return replace(finish(draft, form), finance=finance), tranches


def _certified(
    question: Question,
    reading: Reading,
    answer: Answer,
    tranches: tuple[Tranche, ...],
    certificate: Certificate,
) -> CapacityPlan:
    """The plan with its tables, its accounts added again and its actions replayed."""
    drafted = _tables(question, reading, answer, tranches, certificate)
    mismatches = (
        objective_again(answer, financed_objective(answer)),
        *recount(question.estate, drafted),
        *recount_finance(drafted),
    )
    replayed = replay(question.estate, question.law, question.position, drafted)
    if replayed.refused:
        action, refusal = replayed.refused[0]
        raise SolverFailure(
            f"the plan holds {len(replayed.refused)} actions that the law refuses; first: {action.kind} at "
            f"`{action.supply.id}` from {action.interval.begins}: {refusal.reasons[0].text}",
            hint="this is a fault of offtake's: please report it with the estate",
        )
    checks = tuple(
        CheckRow(
            name=one.name,
            value=float(f"{one.relative:.3g}"),
            tolerance=TOLERANCE,
            passed=one.relative <= TOLERANCE,
        )
        for one in mismatches
    )
    failed = [one for one, check in zip(mismatches, checks, strict=True) if not check.passed]
    if failed:
        raise SolverFailure(
            f"{failed[0].name}: the plan states {failed[0].stated:,.2f}, its tables give {failed[0].recounted:,.2f}",
            hint="this is a fault of offtake's: please report it with the estate",
        )
    full = drafted.certificate.model_copy(
        update={"checks": (*drafted.certificate.checks, *checks), "actions_replayed": replayed.actions}
    )
    return drafted.model_copy(update={"certificate": full, "obligations": replayed.obligations})


def _tables(
    question: Question,
    reading: Reading,
    answer: Answer,
    tranches: tuple[Tranche, ...],
    certificate: Certificate,
) -> CapacityPlan:
    estate, formulation, solution = question.estate, answer.formulation, answer.solution
    calendar, horizon = formulation.instance.calendar, estate.horizon
    sourced, assumed, unsourced = numbers_of(estate)
    unmet = unmet_rows(reading, answer)
    return CapacityPlan(
        estate=estate.name or "estate",
        estate_digest=question.digest,
        party=reading.party,
        known_at=question.law.known_at,
        events=tuple(
            SupposedEvent(event=one.event, on=one.on, about=one.about) for one in question.position.happened
        ),
        currency=estate.currency,
        begins=horizon.begins,
        ends=horizon.ends,
        period_length=horizon.periods,
        discount_per_year=0.0 if horizon.discount is None else horizon.discount.value,
        end_value=horizon.end_value,
        cuts=calendar.cuts,
        periods=tuple(PlanPeriod(label=p.label, begins=p.begins, ends=p.ends) for p in calendar.periods),
        cost_cents=cents(cost_of(answer) + financed_cost(answer)),
        unmet_worth_cents=cents(unmet_worth(answer)),
        orders=order_rows(reading, answer),
        capacity=capacity_rows(answer),
        power=power_rows(reading, answer),
        served=served_rows(answer),
        training=training_rows(answer),
        unmet=unmet,
        spend=spend_rows(answer),
        limits=limit_rows(reading, answer),
        meters=meter_rows(answer),
        meter_use=meter_use_rows(reading, answer),
        first_refusals=refusal_right_rows(answer, tranches),
        obligations=(),
        unmodelled=tuple(
            UnmodelledRow(agreement=one.agreement, term=one.term) for one in question.law.unmodelled
        ),
        numbers=NumbersRow(sourced=sourced, assumed=assumed, unsourced=unsourced),
        finance=borrower_plans(answer),
        certificate=PlanCertificate(
            checks=tuple(
                CheckRow(name=c.name, value=float(f"{c.value:.3g}"), tolerance=c.tolerance, passed=c.passed)
                for c in certificate.checks
            ),
            actions_replayed=0,
            mip_gap=None if solution.mip_gap is None else float(f"{solution.mip_gap:.3g}"),
            prices_from_fixed_integers=solution.prices_from_fixed_integers,
        ),
    )
