"""Who calls: keys by their hash, as they are looked up at every request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from offtake.adapters.gateway_keys import Key
    from offtake.router.allowances import Allowed

NO_KEY: Final = "a request carries its key: `authorization: Bearer …`, `x-api-key` or `api-key`"
UNKNOWN: Final = "the gateway does not know this key"


class Caller(NamedTuple):
    """What is known of a key."""

    id: str
    profile: str
    models: frozenset[str]  # That it may ask for; all if empty.
    lapsed: str | None
    allowed: Allowed | None = None  # Its limits; None if it has none.


class Callers:
    """The keys that are known on a day. A change replaces it as a whole."""

    __slots__ = ("_by_hash",)

    def __init__(self, keys: Sequence[Key], day: date) -> None:
        self._by_hash = {
            bytes.fromhex(key.hash): Caller(
                key.id, key.profile, frozenset(key.models), key.lapsed(day), key.allowed
            )
            for key in keys
        }

    def of_hash(self, digest: bytes) -> Caller | None:
        """The key of a SHA-256."""
        return self._by_hash.get(digest)

    def of(self, headers: Mapping[bytes, bytes]) -> Caller | str:
        """The caller by the key that a request carries, or why there is none."""
        bearer = headers.get(b"authorization")
        if bearer is not None and bearer[:7].lower() == b"bearer ":
            text = bearer[7:]
        else:
            text = headers.get(b"x-api-key") or headers.get(b"api-key") or b""
        if not text:
            return NO_KEY
        key = self._by_hash.get(sha256(text).digest())
        if key is None:
            return UNKNOWN
        return key if key.lapsed is None else key.lapsed
