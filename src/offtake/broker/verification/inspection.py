"""What every check of the auditor is made with: its books, the documents that the ledger keeps, and the time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from offtake.broker.library import Library, Rules
from offtake.broker.policy import Policy
from offtake.broker.ports import Optimiser
from offtake.broker.upcasting import FORMAT
from offtake.broker.verification.books import Books, Case
from offtake.broker.verification.findings import Broken
from offtake.broker.verification.tally import Tally

BEFORE: Final = datetime(1, 1, 1, tzinfo=UTC)
# The first format of entries under which months are invoiced, and days given back count on a commitment by the share
# that stays owed. Under format 1 no lease was invoiced, and what was given back fell short of the commitment.
INVOICED_SINCE: Final = 2


@dataclass
class Audit:
    """An audit on its way through a ledger. Its state is the books; every check raises Broken with the reason."""

    library: Library
    optimiser: Optimiser
    books: Books = field(default_factory=Books)
    policy: Policy = field(default_factory=Policy)
    documents: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    at: datetime = BEFORE  # When the entry that is looked at was recorded.
    written_in: int = FORMAT  # The format that the entry that is looked at was written in.
    tallied: Tally | None = None

    @property
    def rules(self) -> Rules:
        """The rules in force here."""
        return self.library.rules(self.books.estate, self.books.known_at)

    @property
    def gap(self) -> Decimal:
        """How far from the least an award may be, relative."""
        return self.policy.gap

    @property
    def invoicing(self) -> bool:
        """Whether the entry was written when months were invoiced, and what stays owed of a lease was taken.

        An entry is judged by the rules of its day: a broker that learns a better one does not make it false.
        """
        return self.written_in >= INVOICED_SINCE

    @property
    def tally(self) -> Tally:
        """Everything in the books, added up under the rules in force here."""
        found, owed_is_taken = self.tallied, self.invoicing
        if found is None or found.rules is not self.rules or found.owed_is_taken != owed_is_taken:
            found = self.tallied = Tally.of(self.rules, self.books, owed_is_taken=owed_is_taken)
        return found

    def case(self, id: str) -> Case:
        """A need by its id."""
        found = self.books.cases.get(id)
        if found is None:
            raise Broken(f"there is no need `{id}`")
        return found
