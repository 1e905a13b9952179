"""A ledger in memory that fails when it is told to: before a commit, or after one whose answer is lost."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from offtake.broker.entries import Entry, Seal, entry_body, entry_of
from offtake.domain.errors import StorageFailure


class MemoryLedger:
    """A ledger; see :class:`offtake.broker.ports.Ledger`. It keeps texts, as a database does."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, str, str, str]] = []  # Number, key, hash, body.
        self.sealed: list[Seal] = []
        self.kept: dict[str, tuple[str, str]] = {}
        self.taken: tuple[int, str, str] | None = None
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

    def snapshot(self) -> tuple[int, str, str] | None:
        return self.taken

    def keep_snapshot(self, seq: int, digest: str, body: str) -> None:
        self.taken = (seq, digest, body)

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

    def head(self) -> tuple[int, str]:
        return self.ledger.head()

    def entries(self, after: int) -> Iterator[Entry]:
        return self.ledger.entries(after)

    def found(self, keys: Sequence[str]) -> dict[str, Entry]:
        return {key: entry_of(body, digest) for _, key, digest, body in self.ledger.rows if key in keys}

    def append(self, added: Sequence[Entry], seal: Seal | None) -> None:
        self.rows.extend((entry.seq, entry.key, entry.hash, entry_body(entry)) for entry in added)
        if seal is not None:
            self.sealed.append(seal)

    def keep(self, digest: str, kind: str, document: str) -> None:
        self.kept[digest] = (kind, document)
