"""What every check of the auditor is made with: its books, the documents that the ledger keeps, and the time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from offtake.broker.library import Library, Rules
from offtake.broker.policy import Policy
from offtake.broker.ports import Optimiser
from offtake.broker.verification.books import Books, Case
from offtake.broker.verification.findings import Broken
from offtake.broker.verification.tally import Tally

BEFORE: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass
class Audit:
    """An audit on its way through a ledger. Its state is the books; every check raises Broken with the reason."""

    library: Library
    optimiser: Optimiser
    books: Books = field(default_factory=Books)
    policy: Policy = field(default_factory=Policy)
    documents: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    at: datetime = BEFORE  # When the entry that is looked at was recorded.
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
    def tally(self) -> Tally:
        """Everything in the books, added up under the rules in force here."""
        if self.tallied is None or self.tallied.rules is not self.rules:
            self.tallied = Tally.of(self.rules, self.books)
        return self.tallied

    def case(self, id: str) -> Case:
        """A need by its id."""
        found = self.books.cases.get(id)
        if found is None:
            raise Broken(f"there is no need `{id}`")
        return found
