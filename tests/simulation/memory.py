"""A ledger in memory that fails when it is told to: before a commit, or after one whose answer is lost."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from offtake.broker.entries import Entry, Happening, Seal, Written, entry_of, happening_of
from offtake.domain.errors import StorageFailure


class MemoryLedger:
    """A ledger; see :class:`offtake.broker.ports.Ledger`. It keeps texts, as a database does."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, str, str, str]] = []  # Number, key, hash, body.
        self.sealed: list[Seal] = []
        self.kept: dict[str, tuple[str, str]] = {}
        self.taken: tuple[int, str, tuple[str, ...]] | None = None
        self.failing: Literal["no", "before", "after"] = "no"

    @contextmanager
    def transaction(self) -> Generator[MemoryTransaction]:
        step = MemoryTransaction(self)
        yield step
        failing, self.failing = self.failing, "no"
        if failing == "before":
            raise StorageFailure("the commit failed")
        self.rows.extend(step.rows)
        self.sealed.extend(step.sealed)
        self.kept.update(step.kept)
        if failing == "after":
            raise StorageFailure("the commit's answer was lost")

    def head(self) -> tuple[int, str]:
        return (self.rows[-1][0], self.rows[-1][2]) if self.rows else (0, "")

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        for _, _, digest, body in self.rows[after:until]:
            yield entry_of(body, digest)

    def happenings(self, after: int = 0) -> Iterator[Happening]:
        for _, _, digest, body in self.rows[after:]:
            yield happening_of(body, digest)

    def bodies(self, after: int = 0) -> Iterator[tuple[int, str, str]]:
        for number, _, digest, body in self.rows[after:]:
            yield number, digest, body

    def document(self, digest: str) -> str | None:
        return self.kept.get(digest, ("", None))[1]

    def documents(self) -> Iterator[tuple[str, str, str]]:
        for digest, (kind, body) in self.kept.items():
            yield digest, kind, body

    def seals(self) -> Iterator[Seal]:
        return iter(self.sealed)

    def postings(self) -> Iterator[tuple[int, int, str, str, int]]:
        for entry in self.entries():
            for n, line in enumerate(entry.postings):
                yield entry.seq, n, line.account, line.unit, line.amount

    def snapshot(self) -> tuple[int, str, Iterable[str]] | None:
        return self.taken

    def keep_snapshot(self, seq: int, digest: str, parts: Iterable[str]) -> None:
        self.taken = (seq, digest, tuple(parts))

    def outbox(self, limit: int) -> Sequence[tuple[int, str, str]]:
        del limit
        return ()

    def told(self, numbers: Sequence[int]) -> None:
        del numbers

    def balances(self, prefix: str = "") -> Sequence[tuple[str, str, int]]:
        sums: dict[tuple[str, str], int] = {}
        for _, _, account, unit, amount in self.postings():
            if account.startswith(prefix):
                sums[account, unit] = sums.get((account, unit), 0) + amount
        return [(account, unit, amount) for (account, unit), amount in sorted(sums.items())]

    def close(self) -> None:
        """Nothing to let go of."""


class MemoryTransaction:
    """What a transaction would add."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.ledger = ledger
        self.rows: list[tuple[int, str, str, str]] = []
        self.sealed: list[Seal] = []
        self.kept: dict[str, tuple[str, str]] = {}

    def look(self, keys: Sequence[str]) -> tuple[int, dict[str, Entry]]:
        found = {key: entry_of(body, digest) for _, key, digest, body in self.ledger.rows if key in keys}
        return self.ledger.head()[0], found

    def happenings(self, after: int) -> Iterator[Happening]:
        return self.ledger.happenings(after)

    def append(self, added: Sequence[Written], seal: Seal | None) -> None:
        self.rows.extend((one.entry.seq, one.entry.key, one.entry.hash, one.body) for one in added)
        if seal is not None:
            self.sealed.append(seal)

    def keep(self, digest: str, kind: str, document: str) -> None:
        self.kept[digest] = (kind, document)
