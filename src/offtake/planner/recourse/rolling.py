"""`offtake plan --rolling`: decide, see what comes, decide again, as people do.

At every decision the whole horizon is planned for the future as it is known by then. What was ordered stands; what was
done in periods before the last decision is as it was done, so that budgets, commitments, ceilings and what was drawn of
facilities are carried over by the same rows that hold them; what is left at the end counts as in any plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TypeAlias

from offtake.domain.handoffs import OrderRow
from offtake.planner.answer import answer_of
from offtake.planner.draft import Scales, scales_of
from offtake.planner.first_refusal import Tranche
from offtake.planner.instance import Floats
from offtake.planner.planning import Question, formulate, trusted
from offtake.planner.ports import Infeasible, Solution, Solver, SolverOptions
from offtake.planner.program import Program
from offtake.planner.reading import instance_of, reading_of
from offtake.planner.recourse.advice import orders_of_answers
from offtake.planner.recourse.sharing import PERIOD, OrderKey, period_cells
from offtake.planner.recourse.writing import Asked, Written, cuts_of
from offtake.planner.sensitivity import RunAll

Held: TypeAlias = Mapping[OrderKey, float]
"""Columns by block and place, and the values that they are held at, in program units."""


@dataclass(frozen=True, slots=True)
class Course:
    """A future as it is revealed: what is known of it at each decision, and at the last place all of it."""

    name: str
    known: tuple[Question, ...]
    about: str = ""


@dataclass(frozen=True, slots=True)
class Decisions:
    """When it is decided: the first day of each stretch, the first of them the horizon's."""

    days: tuple[date, ...]
    ends: date

    def until(self, n: int) -> date:
        """The end of a stretch."""
        return self.days[n + 1] if n + 1 < len(self.days) else self.ends


@dataclass(frozen=True, slots=True)
class Travelled:
    """What a future cost, in natural money: deciding again and again; deciding once; again and again from the orders
    given for the first stretch; and known from the start. None where it could not be carried out. `orders` are those
    made at each decision.
    """

    name: str
    about: str
    rolled: float | None
    once: float | None
    given: float | None
    known: float | None
    orders: tuple[tuple[OrderRow, ...], ...]


@dataclass(frozen=True, slots=True)
class _Trip:
    decisions: Decisions
    cuts: tuple[date, ...]
    scales: Scales
    answered: Asked
    given: Held | None
    solver: Solver
    options: SolverOptions


def travel(
    base: Question,
    courses: Sequence[Course],
    decisions: Decisions,
    solver: Solver,
    options: SolverOptions,
    run_all: RunAll,
    given: Held | None = None,
) -> Iterator[Travelled]:
    """Every course in turn.

    `given` are orders of the first stretch to try beside those of the plan for one future; they must come from a
    program of the same periods and scales.
    """
    cuts = cuts_of([base, *(one for course in courses for one in course.known)])
    reading = reading_of(base.estate, base.law, base.position, base.party)
    trip = _Trip(
        decisions, cuts, scales_of(instance_of(reading, cuts)), Asked.of(reading), given, solver, options
    )
    return run_all(partial(_travelled, trip), courses)


def _travelled(trip: _Trip, course: Course) -> Travelled:
    written = _write(trip, course)
    last = written[-1]
    rolled, orders, first = _roll(trip, written, {})
    once = None if first is None else _cost(trip, last, _orders(written[0], first.x))
    given = None if trip.given is None else _roll(trip, written, trip.given)[0]
    return Travelled(course.name, course.about, rolled, once, given, _cost(trip, last, {}), orders)


def _write(trip: _Trip, course: Course) -> tuple[Written, ...]:
    """The course's programs, one by one as it is known. What was ordered before a decision may stand idle in it."""
    found: list[Written] = []
    filed: tuple[Tranche, ...] = ()
    for n, question in enumerate(course.known):
        asked = replace(question, cuts=trip.cuts)
        reading = trip.answered.read(asked)
        days = (*trip.decisions.days, trip.decisions.ends)
        idle = days[n] if n else None
        formulation, tranches = formulate(reading, asked.form, asked.cuts, trip.scales, idle, filed)
        filed = filed or tranches
        found.append(Written(asked, reading, formulation, tranches))
    return tuple(found)


def _roll(
    trip: _Trip, written: Sequence[Written], given: Held
) -> tuple[float | None, tuple[tuple[OrderRow, ...], ...], Solution | None]:
    """What deciding again and again comes to, the orders of each decision, and the answer to the first."""
    held: dict[OrderKey, float] = dict(given)
    orders: list[tuple[OrderRow, ...]] = []
    first: Solution | None = None
    for n in range(len(trip.decisions.days)):
        one = written[n]
        found = _solved(trip, one, held)
        if found is None:
            return None, tuple(orders), first
        first = first or found
        since, until = trip.decisions.days[n], trip.decisions.until(n)
        calendar = one.formulation.instance.calendar
        made = {p.label for p in calendar.periods if since <= p.begins < until}
        past = {p.label for p in calendar.periods if p.begins < since}
        held |= _values(one.formulation.program, found.x, made, orders=True)
        held |= _values(one.formulation.program, found.x, past, orders=False)
        rows = orders_of_answers([one], [answer_of(one.formulation, found)])[0]
        orders.append(tuple(row for row in rows if row.period in made))
    return _cost(trip, written[-1], held), tuple(orders), first


def _orders(one: Written, x: Floats) -> dict[OrderKey, float]:
    """Every order of an answer."""
    labels = set(one.formulation.instance.calendar.labels)
    return _values(one.formulation.program, x, labels, orders=True)


def _values(program: Program, x: Floats, labels: set[str], *, orders: bool) -> dict[OrderKey, float]:
    """Values of a program's columns in the periods with the labels: of orders, or of all that is no order."""
    return {
        key: float(x[identifier])
        for key, identifier, label, is_order in _columns(program)
        if is_order == orders and label in labels
    }


def _columns(program: Program) -> Iterator[tuple[OrderKey, int, str, bool]]:
    """Every column that has a period: its key, its id, the period's label, and whether it is an order."""
    seen: dict[str, int] = {}
    for block in program.column_blocks:
        occurrence = seen[block.name] = seen.get(block.name, -1) + 1
        if PERIOD in [name for name, _ in block.axes]:
            for identifier, place, label in period_cells(block):
                yield (block.name, occurrence, place), identifier, label, block.orders


def _held(program: Program, held: Held) -> Program:
    """The program with columns held. What it does not know was not to be had, and is void."""
    lower, upper = program.col_lower.copy(), program.col_upper.copy()
    for key, identifier, _, _ in _columns(program):
        value = held.get(key)
        if value is not None:
            lower[identifier] = upper[identifier] = value
    return replace(program, col_lower=lower, col_upper=upper)


def _solved(trip: _Trip, one: Written, held: Held) -> Solution | None:
    """The certified answer with columns held. Where what was done before cannot be repeated to the last digit, orders
    alone are held."""
    program = one.formulation.program
    found = trusted(_held(program, held), trip.solver, trip.options, _silent)
    if isinstance(found, Infeasible):
        orders = {key for key, _, _, is_order in _columns(program) if is_order}
        alone = {key: value for key, value in held.items() if key in orders}
        found = trusted(_held(program, alone), trip.solver, trip.options, _silent)
    return None if isinstance(found, Infeasible) else found[0]


def _cost(trip: _Trip, one: Written, held: Held) -> float | None:
    """What a future comes to, in natural money."""
    found = _solved(trip, one, held)
    if found is None:
        return None
    return found.objective * one.formulation.scales.money + one.formulation.offset


def _silent(_stage: str, _progress: object) -> None:
    """What is reported to nobody."""
