"""What the broker asks of the world: an optimiser for awards, a ledger, a seal. Adapters stand behind each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from offtake.broker.entries import Entry, Happening, Seal, Written


@dataclass(frozen=True, slots=True)
class Row:
    """lower <= sum of coefficient times column <= upper."""

    coefficients: tuple[tuple[int, float], ...]
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Programme:
    """A small mixed-integer program: minimise cost over columns between their bounds, whole where `integer` says so."""

    cost: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    integer: tuple[bool, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Optimum:
    """A best point, and the proof of how far it is from the least: no point costs less than `bound`."""

    values: tuple[float, ...]
    objective: float
    bound: float


class Optimiser(Protocol):
    """Solves small mixed-integer programs exactly."""

    def minimise(self, programme: Programme, gap: float) -> Optimum | None:
        """A point within a relative gap of the least; None if there is none. Raises SolverFailure if it cannot tell."""
        ...


class Transaction(Protocol):
    """One exclusive, atomic step of a ledger: nobody else appends between its reads and its end."""

    def look(self, keys: Sequence[str]) -> tuple[int, dict[str, Entry]]:
        """The number of the last entry (0 of an empty ledger), and the entries that commands with these idempotency
        keys made, by key."""
        ...

    def happenings(self, after: int) -> Iterator[Happening]:
        """What happened by the entries after a number, in order."""
        ...

    def append(self, added: Sequence[Written], seal: Seal | None) -> None:
        """Adds entries with their postings and what others must be told, and the seal over them."""
        ...

    def keep(self, digest: str, kind: str, document: str) -> None:
        """Keeps a document under its hash, if it is not there yet."""
        ...


class Ledger(Protocol):
    """Where entries are kept. Raises StorageFailure when it cannot, and nothing was added then."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """An exclusive step; durable once it ends without an error."""
        ...

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """The entries after a number, up to another, in order."""
        ...

    def happenings(self, after: int = 0) -> Iterator[Happening]:
        """What happened by the entries after a number, in order."""
        ...

    def head(self) -> tuple[int, str]:
        """The number and the hash of the last entry."""
        ...

    def document(self, digest: str) -> str | None:
        """A document by its hash."""
        ...

    def seals(self) -> Iterator[Seal]:
        """All seals, in order."""
        ...

    def snapshot(self) -> tuple[int, str, Iterable[str]] | None:
        """The last snapshot: its entry's number and hash, and its parts."""
        ...

    def keep_snapshot(self, seq: int, digest: str, parts: Iterable[str]) -> None:
        """Keeps a snapshot in the place of earlier ones. Each part is written by itself, and none counts before all
        are there."""
        ...

    def outbox(self, limit: int) -> Sequence[tuple[int, str, str]]:
        """What others must still be told, oldest first: number, topic, body."""
        ...

    def told(self, numbers: Sequence[int]) -> None:
        """Marks what others were told."""
        ...

    def balances(self, prefix: str = "") -> Sequence[tuple[str, str, int]]:
        """The sum of postings by account and unit, of accounts that begin with a prefix."""
        ...

    def close(self) -> None:
        """Lets go of the database."""
        ...


class Sealer(Protocol):
    """Signs batches of entries."""

    @property
    def public_key(self) -> str:
        """The key that verifies, in base64."""
        ...

    def sign(self, message: bytes) -> str:
        """A signature, in base64."""
        ...


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> datetime:
        """Now, in UTC."""
        ...
