"""What is kept, as it is kept: documents under their hashes, the chain of bodies, lines of postings, and seals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from offtake.broker.documents import canonical, sha256
from offtake.broker.entries import Entry, Seal, entry_of, sealed_message
from offtake.broker.verification.findings import follows

SealHolds = Callable[[str, bytes, str], bool]
Line = tuple[int, int, str, str, int]
"""A posting as its table has it: entry, line, account, unit, amount."""


class Kept(Protocol):
    """What the auditor reads of a ledger."""

    def head(self) -> tuple[int, str]: ...
    def bodies(self, after: int = 0) -> Iterator[tuple[int, str, str]]: ...
    def documents(self) -> Iterator[tuple[str, str, str]]: ...
    def seals(self) -> Iterator[Seal]: ...
    def postings(self) -> Iterator[Line]: ...


@dataclass
class Chain:
    """The entries read so far: how many, their keys and hashes, and the time and the format of the last, as written."""

    entries: int = 0
    head: str = ""
    last: datetime | None = None
    written_in: int = 0
    keys: set[str] = field(default_factory=set[str])
    hashes: list[str] = field(default_factory=list[str])  # By number, from the first.

    def read(self, seq: int, digest: str, body: str) -> tuple[Entry, dict[str, Any]]:
        """The next entry, and its JSON, if it is chained to those before it."""
        follows(seq == self.entries + 1, f"entry {self.entries + 1} is missing")
        follows(sha256(body) == digest, "its body is not what its hash says")
        plain = json.loads(body)
        follows(canonical(plain) == body, "its body is not canonical")
        follows(plain.get("seq") == seq, "its body has another number")
        follows(plain.get("previous") == self.head, "it does not follow the hash of the entry before")
        entry = entry_of(body, digest)
        # What it was written in, not what it is read as. Nobody may go back to the rules of an earlier day.
        written_in = int(plain["format"])
        follows(
            written_in >= self.written_in, f"it is of format {written_in}, after one of {self.written_in}"
        )
        follows(entry.key not in self.keys, f"the key `{entry.key}` was used before")
        follows(
            self.last is None or entry.recorded >= self.last, "it was recorded before the entry before it"
        )
        follows((entry.command is None) == (seq == 1), "the first entry opens the ledger, and no other")
        self.keys.add(entry.key)
        self.last, self.written_in = entry.recorded, written_in
        return entry, plain

    def close(self, seq: int, digest: str) -> None:
        """Counts an entry of which everything follows."""
        self.entries, self.head = seq, digest
        self.hashes.append(digest)


def documents_of(kept: Kept) -> dict[str, tuple[str, str]]:
    """Kind and body of every document by its hash, if it is what its hash says."""
    found: dict[str, tuple[str, str]] = {}
    for digest, kind, body in kept.documents():
        follows(sha256(body) == digest, f"the {kind} {digest[:12]} is not what its hash says")
        found[digest] = (kind, body)
    return found


class Lines:
    """The table of postings, read beside the entries that made it."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines = lines
        self._next: Line | None = next(lines, None)

    def match(self, seq: int, plain: dict[str, Any]) -> None:
        """Whether the table has of an entry what its body states."""
        mine: list[tuple[str, str, int]] = []
        while self._next is not None and self._next[0] == seq:
            mine.append(self._next[2:])
            self._next = next(self._lines, None)
        stated = [(p["account"], p["unit"], p["amount"]) for p in plain["postings"]]
        follows(mine == stated, "the table of postings differs from the entry")

    def end(self) -> None:
        """Whether nothing is left when all entries were read."""
        follows(self._next is None, "there are postings of no entry")


@dataclass
class Seals:
    """The seals over a chain that was read: how many hold, up to which entry, and by which key."""

    holds: SealHolds
    public_key: str | None
    count: int = 0
    covered: int = 0
    key: str = ""

    def check(self, chain: Chain, seal: Seal) -> None:
        """Whether the next seal holds, over the entries after those sealed before."""
        follows(seal.first == self.covered + 1, f"no seal covers entry {self.covered + 1}")
        key = self.public_key or self.key or seal.key
        follows(seal.key == key, "it is sealed with another key")
        message = sealed_message(seal.first, seal.last, seal.hash)
        follows(self.holds(seal.key, message, seal.signature), "its seal does not hold")
        there = chain.hashes[seal.last - 1] if 0 < seal.last <= len(chain.hashes) else None
        follows(there == seal.hash, "its seal is over another hash")
        self.covered, self.key, self.count = seal.last, seal.key, self.count + 1

    def end(self, chain: Chain) -> None:
        """Whether every entry is sealed."""
        follows(self.covered == chain.entries, "it is not sealed")
