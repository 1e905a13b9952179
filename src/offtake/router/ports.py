"""What the router asks of the world outside: where things stand, and receipts kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from offtake.domain.position import Position
from offtake.router.balances import Opening
from offtake.router.receipts import Receipt
from offtake.router.table import RoutingTable


class Positions(Protocol):
    """Where things stand beside the gateway: events, leases and their discharges, approvals, others' readings.

    The broker's ledger is one; a file of events is another. Readings leave out what the gateway counts itself.
    """

    def mark(self) -> object:
        """Something that differs once the position does; cheap, for it is asked several times a second."""
        ...

    def position(self) -> Position:
        """The position now. Raises StorageFailure if it cannot be read; the table in force then stays."""
        ...


class Receipts(Protocol):
    """Where receipts are kept."""

    def table(self, table: RoutingTable) -> None:
        """A table that the receipts to come refer to."""
        ...

    def keep(self, receipts: Sequence[Receipt]) -> None:
        """Receipts to be made durable soon; returns at once. Raises StorageFailure if too many wait to be."""
        ...

    @property
    def failing(self) -> str | None:
        """Why receipts cannot be made durable now; None if they can. No request runs without one."""
        ...

    def opening(self, table: RoutingTable, today: date) -> Opening:
        """What the receipts count on the table's meters and tiers in the windows that today lies in."""
        ...

    def close(self) -> None:
        """Everything kept is durable once this returns."""
        ...
