"""What the router asks of the world outside: where things stand, and receipts kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from offtake.domain.position import Position
from offtake.router.balances import Opening
from offtake.router.headroom import Standing, Word
from offtake.router.leases import Leased
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

    def leases(self) -> Sequence[Leased]:
        """What is held by leases that the estate does not state. Raises StorageFailure as `position` does."""
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


class Headroom(Protocol):
    """Where processes share what may be used: one for each in memory, a file for a machine, a database for several.

    Raises StorageFailure if it cannot be reached; nothing was granted then, and saying the same again does no harm.
    """

    def join(self, member: str, origin: str) -> None:
        """A process begins. `origin` names the receipts that it writes to."""
        ...

    def exchange(self, member: str, words: Sequence[Word]) -> Sequence[Standing]:
        """What a member is told for its words, in their order. It also says that the member is alive."""
        ...

    def leave(self, member: str, settled: Mapping[tuple[str, float], int]) -> None:
        """A member has ended; all that it settled, by account and end of its window. What it held comes back."""
        ...

    def unsettled(self, origin: str) -> Sequence[str]:
        """The members of an origin that have not left."""
        ...

    def ended(self, origin: str) -> Sequence[str]:
        """The members of an origin that have left: what they settled is counted."""
        ...

    def members(self) -> int:
        """How many members have said a word lately."""
        ...

    def close(self) -> None:
        """Lets go of it."""
        ...
