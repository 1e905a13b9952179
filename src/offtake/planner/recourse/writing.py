"""Estates of many futures as programs that can be compared: one calendar, one scale, and one name for every order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Final, TypeVar

from offtake.domain.errors import InvalidInput
from offtake.domain.position import Position
from offtake.law.primitives import Law
from offtake.planner.draft import Scales, scales_of
from offtake.planner.first_refusal import Tranche
from offtake.planner.formulation import Formulation
from offtake.planner.planning import Question, formulate
from offtake.planner.reading import Known, Reading, change_days, instance_of, reading_of
from offtake.planner.recourse.futures import Future, Futures, futures_of
from offtake.planner.recourse.sharing import Sharing, Stages, sharing_of
from offtake.planner.sensitivity import RunAll

# Entries of all futures' programs together below which starting processes costs more than it saves.
IN_TURN: Final = 400_000

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_turn(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """One after the other, in this process."""
    return map(function, items)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A future as a question about its estate, how likely it is, and in words what sets it apart."""

    name: str
    probability: float
    question: Question
    about: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A question as its reading and its program."""

    question: Question
    reading: Reading
    formulation: Formulation
    tranches: tuple[Tranche, ...]

    @property
    def offset(self) -> float:
        """What is spent whatever is decided, in the program's money."""
        return self.formulation.offset / self.formulation.scales.money


@dataclass(frozen=True, slots=True)
class Asked:
    """What the masks of a law answer from a position: questions under the same law from there need not ask again."""

    law: Law
    position: Position
    known: Known

    @staticmethod
    def of(reading: Reading) -> Asked:
        """What a reading was answered so far, and is from now on."""
        return Asked(reading.law, reading.position, reading.known)

    def read(self, question: Question) -> Reading:
        """A question's reading."""
        same = question.law == self.law and question.position == self.position
        return reading_of(
            question.estate, question.law, question.position, question.party, self.known if same else None
        )


@dataclass(frozen=True, slots=True)
class _How:
    cuts: tuple[date, ...]
    scales: Scales
    answered: Asked
    filed: tuple[Tranche, ...] = ()


def cuts_of(questions: Sequence[Question]) -> tuple[date, ...]:
    """Every day on which something changes in any of them, so that all have the same periods."""
    days: set[date] = set()
    for one in questions:
        days |= {*one.cuts, *change_days(reading_of(one.estate, one.law, one.position, one.party))}
    return tuple(sorted(days))


def write_all(
    base: Question, questions: Sequence[Question], idle_until: date, run_all: RunAll
) -> tuple[Written, tuple[Written, ...]]:
    """The base and every question in the same periods and scales.

    In all but the base, what is ordered before a day may stand idle, and needs under first refusals are filed as the
    base expects them. Raises InvalidInput if they are not of one estate.
    """
    cuts = cuts_of([base, *questions])
    reading = reading_of(base.estate, base.law, base.position, base.party)
    scales = scales_of(instance_of(reading, cuts))
    how = _How(cuts, scales, Asked.of(reading))
    first = _written(how, (base, None))
    if first.formulation.program.entry_count * len(questions) < IN_TURN:
        run_all = in_turn
    others = list(
        run_all(
            partial(_written, replace(how, filed=first.tranches)), [(one, idle_until) for one in questions]
        )
    )
    pools = [pool.id for pool in first.formulation.instance.pools]
    for one in others:
        if [pool.id for pool in one.formulation.instance.pools] != pools:
            raise InvalidInput("the futures do not hold the same supplies, and cannot be decided together")
    return first, tuple(others)


def _written(how: _How, item: tuple[Question, date | None]) -> Written:
    question, idle_until = item
    asked = replace(question, cuts=how.cuts)
    reading = how.answered.read(asked)
    formulation, tranches = formulate(reading, asked.form, asked.cuts, how.scales, idle_until, how.filed)
    return Written(asked, reading, formulation, tranches)


def bring_together(
    scenarios: Sequence[Scenario], written: Sequence[Written], stages: Stages
) -> tuple[Futures, Sharing]:
    """The scenarios' programs with their shared decisions. What some future of a group cannot order, none of it
    does."""
    sharing = sharing_of([one.formulation for one in written], stages)
    each: list[Future] = []
    for s, (scenario, one) in enumerate(zip(scenarios, written, strict=True)):
        program = one.formulation.program
        shared = sharing.shared(s, program.column_count)
        each.append(
            Future(scenario.name, scenario.probability, program, shared, one.offset, sharing.lacks(s))
        )
    return futures_of(each, sharing.names), sharing
