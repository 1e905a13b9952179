"""A ledger in memory, for rehearsals that nobody needs afterwards. It keeps entries as they are, and forgets the rest
when the process ends."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager

from offtake.broker.entries import Entry, Happening, Seal, Written


class PlainSealer:
    """Seals of a rehearsal: they say that nobody signed."""

    public_key = "rehearsal"

    def sign(self, message: bytes) -> str:
        """Nothing."""
        del message
        return ""


class MemoryLedger:
    """A ledger in memory; see :class:`offtake.broker.ports.Ledger`. For one thread."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._by_key: dict[str, Entry] = {}
        self._documents: dict[str, str] = {}
        self._seals: list[Seal] = []

    @contextmanager
    def transaction(self) -> Generator[MemoryTransaction]:
        """A step of which nothing is kept if it fails."""
        step = MemoryTransaction(self._entries, self._by_key)
        yield step
        self._entries.extend(step.added)
        self._by_key.update((entry.key, entry) for entry in step.added)
        self._documents.update(step.documents)
        self._seals.extend(step.seals)

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """The entries after a number, up to another: they are numbered from one without gaps."""
        return iter(self._entries[after:until])

    def happenings(self, after: int = 0) -> Iterator[Happening]:
        """What happened by the entries after a number."""
        return _happenings(self._entries, after)

    def head(self) -> tuple[int, str]:
        """The number and the hash of the last entry."""
        return (self._entries[-1].seq, self._entries[-1].hash) if self._entries else (0, "")

    def document(self, digest: str) -> str | None:
        """A document by its hash."""
        return self._documents.get(digest)

    def seals(self) -> Iterator[Seal]:
        """All seals."""
        return iter(self._seals)

    def snapshot(self) -> tuple[int, str, Iterable[str]] | None:
        """None: what is in memory needs no shortcut."""
        return None

    def keep_snapshot(self, seq: int, digest: str, parts: Iterable[str]) -> None:
        """Keeps none."""
        del seq, digest, parts

    def outbox(self, limit: int) -> Sequence[tuple[int, str, str]]:
        """Nothing: nobody is told of a rehearsal."""
        del limit
        return ()

    def told(self, numbers: Sequence[int]) -> None:
        """Nobody was told."""
        del numbers

    def balances(self, prefix: str = "") -> Sequence[tuple[str, str, int]]:
        """The sum of postings by account and unit."""
        sums: dict[tuple[str, str], int] = {}
        for entry in self._entries:
            for line in entry.postings:
                if line.account.startswith(prefix):
                    place = (line.account, line.unit)
                    sums[place] = sums.get(place, 0) + line.amount
        return [(account, unit, amount) for (account, unit), amount in sorted(sums.items())]

    def close(self) -> None:
        """Nothing to let go of."""


class MemoryTransaction:
    """What a step would add."""

    def __init__(self, entries: list[Entry], by_key: dict[str, Entry]) -> None:
        self._entries, self._by_key = entries, by_key
        self.added: list[Entry] = []
        self.documents: dict[str, str] = {}
        self.seals: list[Seal] = []

    def look(self, keys: Sequence[str]) -> tuple[int, dict[str, Entry]]:
        """The number of the last entry, and the entries of idempotency keys."""
        found = {key: self._by_key[key] for key in keys if key in self._by_key}
        return (self._entries[-1].seq if self._entries else 0), found

    def happenings(self, after: int) -> Iterator[Happening]:
        """What happened by the entries after a number."""
        return _happenings(self._entries, after)

    def append(self, added: Sequence[Written], seal: Seal | None) -> None:
        """Adds entries, and the seal over them."""
        self.added.extend(one.entry for one in added)
        if seal is not None:
            self.seals.append(seal)

    def keep(self, digest: str, kind: str, document: str) -> None:
        """Keeps a document under its hash."""
        del kind
        self.documents[digest] = document


def _happenings(entries: Sequence[Entry], after: int) -> Iterator[Happening]:
    for entry in entries[after:]:
        yield Happening(seq=entry.seq, recorded=entry.recorded, events=entry.events, hash=entry.hash)
