"""Tokens of a broker's callers in a JSON file: hashed, bound to a role and a party, expiring, revocable."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final

import orjson
from pydantic import TypeAdapter, ValidationError

from offtake.adapters.owners_file import write_for_owner
from offtake.broker.audience import Audience, Role
from offtake.domain.errors import InvalidInput, StorageFailure
from offtake.domain.records import Record

MAXIMUM_BYTES: Final = 8 * 1024 * 1024
MAXIMUM_TOKENS: Final = 10_000


class Token(Record):
    """What is kept of a token: never the token itself, which holds 256 bits of chance, so that a slow hash would add
    nothing to its SHA-256."""

    id: str
    hash: str
    role: Role
    party: str | None = None
    expires: datetime
    revoked: datetime | None = None

    @property
    def audience(self) -> Audience:
        """Whom the token speaks for."""
        return Audience(self.role, self.party)

    def lapsed(self, now: datetime) -> str | None:
        """Why the token holds no longer; None if it does."""
        if self.revoked is not None:
            return "the token was revoked"
        return "the token has expired" if now >= self.expires else None


def hashed(secret: str) -> str:
    """What a token is found by."""
    return sha256(secret.encode()).hexdigest()


def new_token(path: Path, role: Role, party: str | None, expires: datetime) -> tuple[str, Token]:
    """A new token, which is shown once and nowhere kept, and what is kept of it, added to the file.

    Raises InvalidInput if a tenant or a provider names no party, or an operator or auditor names one.
    """
    scoped = role in ("tenant", "provider")
    if scoped != (party is not None):
        raise InvalidInput(
            f"a token of a {role} names its party" if scoped else f"a token of an {role} is of no party"
        )
    known = read_tokens(path) if path.exists() else ()
    if len(known) >= MAXIMUM_TOKENS:
        raise InvalidInput(f"`{path}` holds {MAXIMUM_TOKENS:,} tokens already")
    secret = f"ot-{secrets.token_urlsafe(32)}"
    digest = hashed(secret)
    made = Token(id=f"token-{digest[:10]}", hash=digest, role=role, party=party, expires=expires)
    _write(path, (*known, made))
    return secret, made


def revoke(path: Path, id: str, now: datetime) -> Token:
    """A token without force from now on. Raises InvalidInput if there is none of that id."""
    known = read_tokens(path)
    found = next((token for token in known if token.id == id), None)
    if found is None:
        raise InvalidInput(f"`{path}` has no token `{id}`", hint="`offtake broker token list` shows them")
    gone = found.model_copy(update={"revoked": found.revoked or now})
    _write(path, tuple(gone if token.id == id else token for token in known))
    return gone


def read_tokens(path: Path) -> tuple[Token, ...]:
    """The tokens of a file. Raises InvalidInput if it cannot be used."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise InvalidInput(
            f"the tokens in `{path}` cannot be read: {error.strerror}",
            hint="make one with `offtake broker token create`",
        ) from None
    try:
        if len(raw) > MAXIMUM_BYTES:
            raise InvalidInput(f"`{path}` has more than {MAXIMUM_BYTES:,} bytes")
        return TypeAdapter(tuple[Token, ...]).validate_json(raw)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InvalidInput(f"`{path}` holds no tokens that can be used: see {where}") from None


def _write(path: Path, tokens: Iterable[Token]) -> None:
    kept = [token.model_dump(mode="json", exclude_defaults=True) for token in tokens]
    write_for_owner(path, orjson.dumps(kept, option=orjson.OPT_INDENT_2))


class TokenFile:
    """The tokens of a file as it is now: what is made or revoked holds from the next request on."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._path, self._clock = path, clock
        self._mark: object = None
        self._by_hash: dict[str, Token] = {}
        self._lock = Lock()

    def found(self, secret: str) -> Token | str:
        """The token of a secret, or why it is none. Raises StorageFailure if the file cannot be read: nobody is then
        let in."""
        token = self._current().get(hashed(secret))
        if token is None:
            return "the token is not known"
        return token.lapsed(self._clock()) or token

    def _current(self) -> dict[str, Token]:
        with self._lock:
            try:
                stat = self._path.stat()
                mark = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                if mark != self._mark:
                    self._by_hash = {token.hash: token for token in read_tokens(self._path)}
                    self._mark = mark
            except (OSError, InvalidInput):
                self._mark, self._by_hash = None, {}
                raise StorageFailure("the tokens cannot be read", hint="see the server's log") from None
            return self._by_hash
