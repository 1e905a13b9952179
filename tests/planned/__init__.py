"""Small estates through the planner: what the planner's tests share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from offtake.adapters.estate_yaml import Loaded, load_estate_text
from offtake.adapters.highs import HighsSolver
from offtake.bootstrap import estates
from offtake.domain.errors import OfftakeError
from offtake.domain.handoffs import CapacityPlan, ClausePrice, InfeasiblePlan
from offtake.planner.clause_prices import clause_price
from offtake.planner.planning import Question, plan
from offtake.planner.ports import SolverOptions
from offtake.planner.serving import Form

OPTIONS = SolverOptions(method="simplex", time_limit_s=60.0)


def loaded(text: str) -> Loaded:
    """The estate in a text; a test that states an estate with problems fails with them."""
    found = load_estate_text(text)
    assert isinstance(found, Loaded), found
    return found


def question(
    text: str,
    *,
    known_at: date | None = None,
    events: Sequence[str] = (),
    party: str | None = None,
    form: Form = "auto",
) -> Question:
    """The question that the `plan` command would put."""
    found = loaded(text)
    law = estates.law_of(found.estate, known_at)
    position = estates.position(found.estate, estates.supposed(found.estate, events))
    return Question(found.estate, law, position, found.digest, party, OPTIONS, form)


def solved(
    text: str,
    *,
    known_at: date | None = None,
    events: Sequence[str] = (),
    party: str | None = None,
    form: Form = "auto",
) -> CapacityPlan | InfeasiblePlan:
    """What the planner answers."""
    return plan(question(text, known_at=known_at, events=events, party=party, form=form), HighsSolver())


def planned(
    text: str,
    *,
    known_at: date | None = None,
    events: Sequence[str] = (),
    party: str | None = None,
    form: Form = "auto",
) -> CapacityPlan:
    """The certified plan of an estate that has one."""
    found = solved(text, known_at=known_at, events=events, party=party, form=form)
    assert isinstance(found, CapacityPlan), found
    return found


def priced(text: str, clause: str) -> ClausePrice:
    """The price of a clause."""
    found = clause_price(question(text), clause, HighsSolver())
    assert not isinstance(found, InfeasiblePlan), found
    return found[0]


def cost(plan: CapacityPlan) -> float:
    """Its cost in units of its currency."""
    return plan.cost_cents / 100


def paid(
    plan: CapacityPlan, kind: str | None = None, *, payer: str | None = None, payee: str | None = None
) -> float:
    """What is spent, undiscounted, of a kind and between parties."""
    rows = (
        row
        for row in plan.spend
        if kind in (None, row.kind) and payer in (None, row.payer) and payee in (None, row.payee)
    )
    return sum(row.amount_cents for row in rows) / 100


def ordered(plan: CapacityPlan, supply: str, kind: str | None = None) -> dict[str, float]:
    """What is ordered of a supply, by period."""
    found: dict[str, float] = {}
    for row in plan.orders:
        if row.supply == supply and kind in (None, row.kind):
            found[row.period] = found.get(row.period, 0.0) + row.quantity
    return found


def served(plan: CapacityPlan, supply: str) -> dict[str, float]:
    """Tokens per second that a supply serves, by period."""
    found: dict[str, float] = {}
    for row in plan.served:
        if row.supply == supply:
            found[row.period] = found.get(row.period, 0.0) + row.tokens_per_s
    return found


__all__ = [
    "OPTIONS",
    "CapacityPlan",
    "InfeasiblePlan",
    "OfftakeError",
    "cost",
    "loaded",
    "ordered",
    "paid",
    "planned",
    "priced",
    "question",
    "served",
    "solved",
]
