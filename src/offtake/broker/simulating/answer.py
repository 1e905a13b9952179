"""What a simulation of deals says. Hours are accelerator-hours, money is micro-units of the estate's currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedRow:
    """A need and what became of it. `waited` counts business days from filing to award; None if there was none."""

    id: str
    party: str
    filed: date
    begins: date
    ends: date
    jobs: int
    quantity: Decimal
    by_right: Decimal
    at_market: Decimal
    unmet: Decimal
    awarded: date | None
    waited: int | None
    late: bool
    cost_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRow:
    """The days of a window: accelerators asked for, held by right, held from the market, and with nobody."""

    begins: date
    asked: Decimal
    by_right: Decimal
    at_market: Decimal
    unmet: Decimal
    by_supplier: tuple[tuple[str, Decimal], ...]
    cost_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierRow:
    """What one supplier leases of one supply."""

    supplier: str
    supply: str
    leases: int
    by_right: int
    hours: Decimal
    cost_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RightRow:
    """How a right was used: notices and what became of them, and hours offered and taken.

    `for_nothing`: answers above the price that the clause lets count.
    """

    clause: str
    holder: str
    notices: int
    accepted: int
    in_part: int
    declined: int
    lapsed: int
    waiting: int
    for_nothing: int
    offered_hours: Decimal
    taken_hours: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalRow:
    """Commands that were refused for one clause (None: for what no clause says), with the words of the first."""

    clause: str | None
    command: str
    count: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentRow:
    """A window of a commitment: what it asks for, and what was taken. `ended` false: it goes on beyond the trace."""

    clause: str
    begins: date
    ends: date | None
    measure: str
    lower: Decimal
    taken: Decimal
    drawn: Decimal
    short: Decimal
    billed_micros: int
    currency: str | None
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsSaid:
    """The trace behind a simulation, in figures, and what was left out of it."""

    name: str
    jobs: int
    hours: Decimal
    left_out: tuple[tuple[str, int], ...]
    any_kind: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """One simulation: deals made under one estate's agreements for one trace's needs, up to a day (`until`)."""

    name: str
    currency: str
    begins: date
    ends: date
    complete: bool
    until: date
    seed: int
    trace: JobsSaid
    assumptions: tuple[str, ...]
    needs: tuple[NeedRow, ...]
    windows: tuple[WindowRow, ...]
    suppliers: tuple[SupplierRow, ...]
    rights: tuple[RightRow, ...]
    refusals: tuple[RefusalRow, ...]
    commitments: tuple[CommitmentRow, ...]
    entries: int

    @property
    def asked_hours(self) -> Decimal:
        """Accelerator-hours that all needs ask for."""
        return sum((hours(one.quantity, one.begins, one.ends) for one in self.needs), ZERO)

    @property
    def right_hours(self) -> Decimal:
        """Of them, those that holders of rights supply."""
        return sum((hours(one.by_right, one.begins, one.ends) for one in self.needs), ZERO)

    @property
    def market_hours(self) -> Decimal:
        """Of them, those that the market supplies."""
        return sum((hours(one.at_market, one.begins, one.ends) for one in self.needs), ZERO)

    @property
    def lease_micros(self) -> int:
        """What all leases cost over their terms."""
        return sum(one.cost_micros for one in self.needs)

    @property
    def billed_micros(self) -> int:
        """What was billed for commitments that fell short, in the estate's currency alone."""
        return sum(one.billed_micros for one in self.commitments if one.currency == self.currency)

    @property
    def waits(self) -> tuple[int, ...]:
        """Business days from filing to award of every need that was awarded, shortest first."""
        return tuple(sorted(one.waited for one in self.needs if one.waited is not None))


def hours(quantity: Decimal, begins: date, ends: date) -> Decimal:
    """Accelerator-hours of a quantity over [begins, ends)."""
    return quantity * 24 * (ends - begins).days


def quantile(values: tuple[int, ...], share: Decimal) -> int | None:
    """The least value that so large a share of all is at most; None of nothing. Values are sorted."""
    if not values:
        return None
    place = int((share * len(values)).to_integral_value(rounding="ROUND_CEILING")) - 1
    return values[min(max(place, 0), len(values) - 1)]
