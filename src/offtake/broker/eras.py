"""Which rules were in force on which days of a ledger, by what it records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from offtake.broker.entries import Entry
from offtake.broker.events import AgreementAmended, LawInForce, LedgerOpened
from offtake.broker.library import Library, Rules
from offtake.broker.state import State


@dataclass(frozen=True, slots=True)
class Era:
    """Rules, and the first day on which they were in force; the first of a ledger's were so from the beginning."""

    begins: date
    rules: Rules


@dataclass
class Eras:
    """Gathers a ledger's eras entry by entry. `library` holds every estate that the ledger names."""

    library: Library
    _found: list[tuple[date, str, date]] = field(default_factory=list[tuple[date, str, date]])
    _estate: str = ""

    def learn(self, entry: Entry) -> None:
        """Takes what an entry says of the law.

        An amendment is in force from the day on which it was recorded; what only came to be known, from that day,
        though it was recorded later.
        """
        amended = False
        for event in entry.events:
            if isinstance(event, LedgerOpened | AgreementAmended):
                self._estate, amended = event.estate, isinstance(event, AgreementAmended)
            elif isinstance(event, LawInForce):
                begins = entry.recorded.date() if amended else event.known_at
                self._found.append((begins if self._found else date.min, self._estate, event.known_at))

    def until(self, state: State) -> tuple[Era, ...]:
        """The eras in the order of time, with the one that began since the last entry."""
        last = (state.known_at, state.estate, state.known_at)
        due = [last] if not self._found or self._found[-1][1:] != last[1:] else []
        return tuple(
            Era(begins, self.library.rules(estate, known)) for begins, estate, known in [*self._found, *due]
        )


def eras_over(eras: Sequence[Era], begins: date, ends: date) -> Iterator[tuple[Rules, date, date]]:
    """[begins, ends) cut where the rules change, with the rules of each part."""
    for place, era in enumerate(eras):
        following = eras[place + 1].begins if place + 1 < len(eras) else date.max
        low, high = max(begins, era.begins), min(ends, following)
        if low < high:
            yield era.rules, low, high
