"""Keys of callers in a JSON file: hashed, bound to a class and a region, expiring, revocable."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Final

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from offtake.adapters.owners_file import write_for_owner
from offtake.domain.errors import InvalidInput
from offtake.domain.records import Id, Record
from offtake.router.allowances import UNLIMITED, Allowed
from offtake.router.table import PICO

MAXIMUM_BYTES: Final = 32 * 1024 * 1024


class Key(Record):
    """What is kept of a key: never the key. `models` empty lets it ask for all of its class's."""

    id: str
    hash: (
        str  # SHA-256 of the key, in hex: it holds 256 bits of chance, so that a slow hash would add nothing.
    )
    workload: str
    region: str
    data_class: str | None = None
    customer: str | None = None
    models: tuple[Id, ...] = ()
    expires: date | None = None
    revoked: date | None = None
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    at_once: int | None = Field(default=None, ge=1)
    spend: Decimal | None = Field(default=None, ge=0)  # A calendar month, in the estate's currency.

    @property
    def allowed(self) -> Allowed | None:
        """The limits that it states; None if it states none."""
        spend = None if self.spend is None else int(self.spend * PICO)
        found = Allowed(self.requests_per_minute, self.tokens_per_minute, self.at_once, spend)
        return None if found == Allowed() else found

    @property
    def limits(self) -> tuple[str, ...]:
        """The limits in words."""
        found = (
            (self.requests_per_minute, "requests a minute"),
            (self.tokens_per_minute, "tokens a minute"),
            (self.at_once, "at once"),
            (self.spend, "to spend a month"),
        )
        return tuple(f"{limit:,} {of}" for limit, of in found if limit is not None)

    @property
    def profile(self) -> str:
        """The id of the profile that the key asks as."""
        parts = (self.workload, self.region, self.data_class or "", self.customer or "")
        return "|".join(parts).rstrip("|")

    def lapsed(self, today: date) -> str | None:
        """Why the key holds no longer; None if it does."""
        if self.revoked is not None:
            return "the key was revoked"
        return "the key has expired" if self.expires is not None and today >= self.expires else None


def hashed(key: bytes) -> str:
    """What a key is found by."""
    return sha256(key).hexdigest()


def new_key(
    path: Path,
    workload: str,
    region: str,
    data_class: str | None = None,
    customer: str | None = None,
    models: Iterable[str] = (),
    expires: date | None = None,
    allowed: Allowed = UNLIMITED,
) -> tuple[str, Key]:
    """A new key, which is shown once and nowhere kept, and what is kept of it, added to the file."""
    known = read_keys(path) if path.exists() else ()
    secret = f"of-{secrets.token_urlsafe(32)}"
    digest = hashed(secret.encode())
    made = Key(
        id=f"key-{digest[:10]}",
        hash=digest,
        workload=workload,
        region=region,
        data_class=data_class,
        customer=customer,
        models=tuple(models),
        expires=expires,
        requests_per_minute=allowed.requests_per_minute,
        tokens_per_minute=allowed.tokens_per_minute,
        at_once=allowed.at_once,
        spend=None if allowed.spend is None else Decimal(allowed.spend) / PICO,
    )
    write_keys(path, (*known, made))
    return secret, made


def revoke(path: Path, id: str) -> Key:
    """A key without force from now on. Raises InvalidInput if there is none of that id."""
    known = read_keys(path)
    found = next((key for key in known if key.id == id), None)
    if found is None:
        raise InvalidInput(f"`{path}` has no key `{id}`", hint="`offtake gateway keys list` shows them")
    gone = found.model_copy(update={"revoked": datetime.now(UTC).date()})
    write_keys(path, tuple(gone if key.id == id else key for key in known))
    return gone


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys of a file. Raises InvalidInput, naming the entry, if it cannot be used."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise InvalidInput(
            f"the keys in `{path}` cannot be read: {error.strerror}",
            hint="make one with `offtake gateway keys new`",
        ) from None
    if len(raw) > MAXIMUM_BYTES:
        raise InvalidInput(f"`{path}` has more than {MAXIMUM_BYTES} bytes")
    try:
        return TypeAdapter(tuple[Key, ...]).validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"`{path}` holds no keys that can be used: {where}: {first['msg']}") from None


def write_keys(path: Path, keys: Iterable[Key]) -> None:
    """The file as a whole, readable by its owner alone. Raises StorageFailure if it cannot be written."""
    entries = [key.model_dump(mode="json", exclude_defaults=True) for key in keys]
    write_for_owner(path, orjson.dumps(entries, option=orjson.OPT_INDENT_2))
