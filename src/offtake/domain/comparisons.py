"""Two plans side by side, as plain versioned values: what moved, what it cost, and by whom."""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from offtake.domain.handoffs import CapacityPlan, SupposedEvent
from offtake.domain.rows import Row

COMPARISON_FORMAT: Final = "offtake.comparison/1"
UNMET: Final = "need left unmet"


class ComparedPlan(Row):
    """One of the two: what it was asked, and what it comes to."""

    name: str
    estate: str
    party: str
    known_at: date | None
    events: tuple[SupposedEvent, ...]
    begins: date
    ends: date
    cost_cents: int
    unmet_worth_cents: int
    cover: float
    training_done: float


class MovedMoney(Row):
    """What the party pays a payee for a kind of thing, net of what it is paid, discounted. All rows add up to the
    change in cost, to a cent for each row; need left unmet is a row of its own, without a payee."""

    payee: str
    kind: str
    first_cents: int
    second_cents: int


class MovedAccount(Row):
    """What anybody pays anybody over the horizon, undiscounted."""

    payer: str
    payee: str
    first_cents: int
    second_cents: int


class MovedYear(Row):
    """What the party pays in a year, net of what it is paid and without salvage, undiscounted."""

    year: int
    first_cents: int
    second_cents: int


class MovedCapacity(Row):
    """Capacity of a supply at its most, and the first day on which it has more than what is contracted."""

    supply: str
    unit: str
    first_most: float
    second_most: float
    first_power_mw: float
    second_power_mw: float
    first_adds_from: date | None
    second_adds_from: date | None


class MovedService(Row):
    """The share of a workload's tokens over the horizon that a provider serves; all of it, needed and not served, is
    one."""

    workload: str
    provider: str
    first_share: float
    second_share: float


class MovedUnmet(Row):
    """Need left for one cause, undiscounted."""

    workload: str
    why: str
    first_cents: int
    second_cents: int


class MovedClause(Row):
    """A clause that one of two laws has and the other has not, or has otherwise."""

    clause: str
    first: str | None
    second: str | None
    document: str | None
    section: str | None


class Comparison(Row):
    """Two plans side by side. Rows that are the same in both are left out, but for totals and years."""

    format: Literal["offtake.comparison/1"] = COMPARISON_FORMAT
    currency: str
    first: ComparedPlan
    second: ComparedPlan
    money: tuple[MovedMoney, ...]
    accounts: tuple[MovedAccount, ...]
    years: tuple[MovedYear, ...]
    capacity: tuple[MovedCapacity, ...]
    service: tuple[MovedService, ...]
    unmet: tuple[MovedUnmet, ...]
    clauses: tuple[MovedClause, ...]
    remarks: tuple[str, ...]
    says: str

    @property
    def change_cents(self) -> int:
        """The second plan's cost less the first's, discounted, need left unmet included."""
        return self.second.cost_cents - self.first.cost_cents


def compared_plan(name: str, plan: CapacityPlan, cover: float, training_done: float) -> ComparedPlan:
    """What a comparison says about one of its plans."""
    return ComparedPlan(
        name=name,
        estate=plan.estate,
        party=plan.party,
        known_at=plan.known_at,
        events=plan.events,
        begins=plan.begins,
        ends=plan.ends,
        cost_cents=plan.cost_cents,
        unmet_worth_cents=plan.unmet_worth_cents,
        cover=cover,
        training_done=training_done,
    )
