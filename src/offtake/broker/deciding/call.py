"""What every decision stands on: the desk, a command's surroundings, and a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from offtake.broker.asking import next_step
from offtake.broker.events import Event
from offtake.broker.folding import folded, rules_of
from offtake.broker.library import Library
from offtake.broker.policy import Policy
from offtake.broker.ports import Optimiser
from offtake.broker.state import Deal, State
from offtake.broker.terms import Cited, Lease
from offtake.domain.errors import InvalidInput

MAXIMUM_ID: Final = 80


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that was refused, and why; the ledger keeps that it was."""

    subject: str
    reasons: tuple[Cited, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """What decisions are made with: estates and laws, the house's policy, and an optimiser for awards."""

    library: Library
    policy: Policy
    optimiser: Optimiser


Outcome = tuple[Event, ...] | Refused


class Call:
    """A command's surroundings."""

    def __init__(self, desk: Desk, state: State, now: datetime) -> None:
        self.desk, self.state, self.now = desk, state, now
        self.policy, self.rules = desk.policy, rules_of(desk.library, state)

    @property
    def today(self) -> date:
        return self.now.date()

    def deal(self, need: str) -> Deal:
        found = self.state.deals.get(need)
        if found is None:
            raise InvalidInput(f"there is no need `{need}`", hint="`offtake broker status` lists the needs")
        return found

    def lease(self, id: str) -> Lease:
        found = self.state.leases.get(id)
        if found is None:
            raise InvalidInput(f"there is no lease `{id}`", hint="`offtake broker status` lists the leases")
        return found

    def then(self, *events: Event, need: str) -> tuple[Event, ...]:
        """Events, and the next step of a deal that they lead to."""
        state = self.state
        for event in events:
            state = folded(self.desk.library, state, event, self.now, state.seq + 1)
        return (*events, *next_step(self.rules, self.policy, state, state.deals[need], self.now))

    def after(self, events: Sequence[Event]) -> Call:
        state = self.state
        for event in events:
            state = folded(self.desk.library, state, event, self.now, state.seq + 1)
        return Call(self.desk, state, self.now)


def refusal(subject: str, text: str, clause: str | None = None) -> Refused:
    """A refusal for one reason."""
    return Refused(subject, (Cited(clause=clause, text=text),))


def check_id(id: str) -> None:
    if not id or len(id) > MAXIMUM_ID or not all(char.isalnum() or char in "-_.:@+/" for char in id):
        raise InvalidInput(f"`{id[:MAXIMUM_ID]}` is no id: letters, digits and -_.:@+/, at most {MAXIMUM_ID}")
