"""What the ledger keeps: one entry for each command, chained by hashes, sealed in batches."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from pydantic import TypeAdapter

from offtake.broker.commands import Command
from offtake.broker.documents import compact, sha256
from offtake.broker.events import Event
from offtake.broker.terms import Posting
from offtake.broker.upcasting import FORMAT, upcast
from offtake.domain.errors import StorageFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command and what came of it, as recorded.

    `key` is the caller's idempotency key. `estate`, `law` and `policy` are the hashes under which it was decided, after
    its own events. `hash` is the SHA-256 of everything else with the hash of the entry before.
    """

    seq: int
    recorded: datetime
    key: str
    by: str
    format: int
    command: Command | None
    events: tuple[Event, ...]
    postings: tuple[Posting, ...]
    estate: str
    law: str
    policy: str
    previous: str
    hash: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """A signature over the hash of the last of a batch of entries, and so over all before it."""

    first: int
    last: int
    hash: str
    key: str  # The public key, in base64.
    signature: str


@dataclass(slots=True, kw_only=True)
class Happening:
    """Of an entry what states are made of: when it was recorded, and what happened."""

    seq: int
    recorded: datetime
    events: tuple[Event, ...]
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """An entry with its body, as it goes into the ledger."""

    entry: Entry
    body: str


ENTRY: Final[TypeAdapter[Entry]] = TypeAdapter(Entry)
HAPPENING: Final[TypeAdapter[Happening]] = TypeAdapter(Happening)
Shape = TypeVar("Shape", Entry, Happening)
# How the body of an entry of this format says so. Texts inside it have their quotes escaped, so nothing else reads so.
_THIS_FORMAT: Final = f'"format":{FORMAT},"key":'


def entry_body(entry: Entry) -> str:
    """An entry as the canonical JSON that is kept and hashed: all but its hash."""
    plain = ENTRY.dump_python(entry, mode="json")
    del plain["hash"]
    return compact(plain)


def written(entry: Entry) -> Written:
    """An entry with its hash, and the body that the hash is of."""
    body = entry_body(entry)
    return Written(replace(entry, hash=sha256(body)), body)


def entry_of(body: str, digest: str) -> Entry:
    """The entry in a body as it is kept, whatever version its shape is of; its hash is taken on trust.

    Raises StorageFailure if it is none.
    """
    return replace(_read(ENTRY, body), hash=digest)


def happening_of(body: str, digest: str) -> Happening:
    """What happened by the entry in a body; its hash, and what it says of commands and postings, are taken on trust.

    Raises StorageFailure if it is none.
    """
    found = _read(HAPPENING, body)
    found.hash = digest
    return found


def _read(shape: TypeAdapter[Shape], body: str) -> Shape:
    try:
        if _THIS_FORMAT in body:
            return shape.validate_json(body)
        return shape.validate_python(upcast(json.loads(body)))
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise StorageFailure(
            f"an entry of the ledger cannot be read: {first}", hint="run `offtake ledger verify`"
        ) from None


def sealed_message(first: int, last: int, digest: str) -> bytes:
    """What a seal signs."""
    return f"offtake.ledger/1 {first} {last} {digest}".encode()
