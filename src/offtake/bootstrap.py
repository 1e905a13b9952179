"""The only place where parts are put together: an estate with its law, the solver, the answers to a question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.adapters.estate_yaml import Loaded, Problems, load_estate
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.position import Happened, Position
from offtake.law.compile import compile_law
from offtake.law.primitives import Law

if TYPE_CHECKING:
    from offtake.domain.handoffs import CapacityPlan, ClausePrice, InfeasiblePlan
    from offtake.planner.planning import Question, Report
    from offtake.planner.ports import Method


def read_estate(path: Path) -> Loaded | Problems:
    """An estate from its file, or every problem in it."""
    return load_estate(path)


def law_of(estate: Estate, known_at: date | None) -> Law:
    """The law of the agreements known at a date; None knows all of them. Raises InvalidInput for an unusable clause."""
    return compile_law(estate, known_at)


def supposed(estate: Estate, events: Sequence[str]) -> tuple[Happened, ...]:
    """Events given as `name=2027-05-01` or `name@model=2027-05-01`. Raises InvalidInput if one cannot be read."""
    found: list[Happened] = []
    for text in events:
        name, _, day = text.partition("=")
        name, _, about = name.partition("@")
        if name not in estate.events:
            known = ", ".join(sorted(estate.events)) or "none"
            raise InvalidInput(f"the estate knows no event `{name}`", hint=f"events of the estate: {known}")
        try:
            found.append(Happened(name, date.fromisoformat(day), about or None))
        except ValueError:
            raise InvalidInput(
                f"`{text}` is not an event with its day", hint=f"write --event {name}=2027-05-01"
            ) from None
    return tuple(found)


def position(estate: Estate, events: Sequence[Happened]) -> Position:
    """Where the estate by itself stands, with the events that a scenario supposes."""
    from offtake.planner.reading import position_of

    return position_of(estate, events)


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
    if party is not None and party not in estate.parties:
        known = ", ".join(sorted(estate.parties)) or "none"
        raise InvalidInput(f"the estate knows no party `{party}`", hint=f"parties of the estate: {known}")
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
    from offtake.planner.clause_prices import clause_price, clauses_of

    known = clauses_of(asked.law)
    if clause not in known:
        from difflib import get_close_matches

        near = get_close_matches(clause, known, n=1) or get_close_matches(
            f"x.{clause}", known, n=1, cutoff=0.4
        )
        hint = f"did you mean `{near[0]}`?" if near else f"clauses known then: {', '.join(known) or 'none'}"
        raise InvalidInput(f"the law has no clause `{clause}`", hint=hint)
    return clause_price(asked, clause, HighsSolver(), report)
