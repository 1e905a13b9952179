"""The door of a broker: commands in, views out, whether its ledger is here or behind a server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from offtake.broker.audience import OPERATOR, Answered, answered
from offtake.broker.commands import Command
from offtake.broker.folding import rules_of
from offtake.broker.library import Rules
from offtake.broker.quoting import Quote
from offtake.broker.service import Broker
from offtake.broker.state import State
from offtake.broker.terms import Need
from offtake.broker.views import (
    LeaseView,
    NeedView,
    Standing,
    SupplyView,
    lease_of,
    leases_of,
    need_of,
    needs_of,
    standing_of,
    supplies_of,
)
from offtake.domain.errors import InvalidInput


class Door(Protocol):
    """What a person or program asks of a broker. Errors are those of `Broker.submit`; a server's door adds
    UpstreamFailure where it cannot be reached."""

    def submit(
        self,
        command: Command,
        *,
        key: str,
        by: str = "operator",
        expected_version: int | None = None,
        at: datetime | None = None,
    ) -> Answered:
        """Gives a command; the same key counts once."""
        ...

    def standing(self, at: datetime | None = None) -> Standing:
        """Where the ledger stands."""
        ...

    def needs(self, at: datetime | None = None) -> Sequence[NeedView]:
        """All needs that may be seen, by id."""
        ...

    def leases(self, at: datetime | None = None) -> Sequence[LeaseView]:
        """All leases that may be seen, by id."""
        ...

    def need(self, id: str) -> NeedView | None:
        """A need; None if there is none that may be seen."""
        ...

    def lease(self, id: str) -> LeaseView | None:
        """A lease; None if there is none that may be seen."""
        ...

    def supplies(self) -> Sequence[SupplyView]:
        """All supplies that may be seen, by id."""
        ...

    def quote(self, need: Need) -> Quote:
        """What a need would be answered now; nothing is recorded."""
        ...

    def close(self) -> None:
        """Lets go of what the door holds."""
        ...


class LedgerDoor:
    """The door of a broker in this process, for its operator; see :class:`Door`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    @property
    def broker(self) -> Broker:
        """The broker behind the door."""
        return self._broker

    def submit(
        self,
        command: Command,
        *,
        key: str,
        by: str = "operator",
        expected_version: int | None = None,
        at: datetime | None = None,
    ) -> Answered:
        """Gives a command; durable when this returns."""
        outcome = self._broker.submit(command, key=key, by=by, expected_version=expected_version, at=at)
        # An operator sees an entry whole whatever the state is, so that none is derived for it.
        return answered(State(), OPERATOR, outcome.entry, repeated=outcome.repeated)

    def standing(self, at: datetime | None = None) -> Standing:
        """Where the ledger stands."""
        state = self._broker.state(at)
        return standing_of(state, in_force(self._broker, state))

    def needs(self, at: datetime | None = None) -> Sequence[NeedView]:
        """All needs, by id."""
        return tuple(needs_of(self._broker.state(at)))

    def leases(self, at: datetime | None = None) -> Sequence[LeaseView]:
        """All leases, by id."""
        return tuple(leases_of(self._broker.state(at)))

    def need(self, id: str) -> NeedView | None:
        """A need."""
        return need_of(self._broker.state(), id)

    def lease(self, id: str) -> LeaseView | None:
        """A lease."""
        return lease_of(self._broker.state(), id)

    def supplies(self) -> Sequence[SupplyView]:
        """All supplies, by id."""
        return tuple(supplies_of(in_force(self._broker, self._broker.state())))

    def quote(self, need: Need) -> Quote:
        """What a need would be answered now."""
        return self._broker.quote(need)

    def close(self) -> None:
        """Lets go of the ledger."""
        self._broker.close()


def in_force(broker: Broker, state: State) -> Rules:
    """The rules in force. Raises InvalidInput if the ledger has not been opened."""
    if not state.estate:
        raise InvalidInput("the ledger has not been opened", hint="offtake broker open ESTATE --ledger FILE")
    return rules_of(broker.desk.library, state)
