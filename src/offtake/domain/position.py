"""Where things stand: what has happened, what meters read, which rights are discharged and what was approved."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Reading:
    """What a meter has counted in a window [begins, ends) so far."""

    meter: str
    begins: date
    ends: date | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Discharge:
    """A right was answered: for a need, so much may be taken elsewhere, by a lease within [begins, ends).

    A grant carries the discharge's id along, and uses what it covers without asking again until `ends`.
    """

    id: str
    procedure: str
    need: str | None
    elsewhere: Decimal  # What may still be taken elsewhere, in the procedure's measure.
    begins: date
    ends: date | None = None
    # True once it has become a lease: use is free then, and nothing more may be acquired by it.
    granted: bool = False


@dataclass(frozen=True, slots=True)
class Approval:
    """An approver said yes to a need (None: to the procedure at large)."""

    procedure: str
    need: str | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """An event on its day, about one model or supply or about all."""

    event: str
    on: date
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """The fold of the ledger that `decide` reads."""

    happened: tuple[Happened, ...] = ()
    readings: tuple[Reading, ...] = ()
    discharges: tuple[Discharge, ...] = ()
    approvals: tuple[Approval, ...] = ()
    launches: dict[str, date] = field(default_factory=dict[str, date])

    def event_on(self, event: str | None, about: str | None = None) -> date | None:
        """The first day on which an event happened (about the thing named, or about all); None if it has not."""
        if event is None:
            return None
        days = [h.on for h in self.happened if h.event == event and h.about in (None, about)]
        return min(days, default=None)
