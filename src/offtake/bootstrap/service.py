"""The broker's service put together: a ledger, tokens, rates; and doors to a ledger here or behind a server."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from offtake.adapters.broker_tokens import Token, TokenFile, new_token, read_tokens, revoke
from offtake.bootstrap.broker import now, open_broker, open_kept
from offtake.broker.door import Door, LedgerDoor
from offtake.domain.errors import InvalidInput

if TYPE_CHECKING:
    from offtake.adapters.ledger_sql.deliveries import Cursor, DeadLetter
    from offtake.adapters.webhooks import Webhooks
    from offtake.broker.audience import Role
    from offtake.broker.service import Broker

TOKEN_IN: Final = "OFFTAKE_TOKEN"  # noqa: S105 -- the name of a variable, not a token
TOKEN_FILE_IN: Final = "OFFTAKE_TOKEN_FILE"  # noqa: S105 -- as above
AUTHORITY_IN: Final = "OFFTAKE_CA_FILE"
MAXIMUM_DAYS: Final = 366
MAXIMUM_TOKEN_BYTES: Final = 4096


def token_file(ledger: str) -> Path:
    """Where the tokens of a ledger's service are kept: beside its file, or in the user's folder for a database."""
    if "://" not in ledger:
        return Path(f"{ledger}.tokens.json")
    return Path.home() / ".config" / "offtake" / "tokens.json"


def create_token(path: Path, role: Role, party: str | None, days: int) -> tuple[str, Token]:
    """A new token for so many days, and what is kept of it. Raises InvalidInput for a longer time than a year."""
    if not 1 <= days <= MAXIMUM_DAYS:
        raise InvalidInput(f"a token holds for 1 to {MAXIMUM_DAYS} days")
    return new_token(path, role, party, now() + timedelta(days=days))


def list_tokens(path: Path) -> tuple[Token, ...]:
    """What is kept of all tokens."""
    return read_tokens(path)


def revoke_token(path: Path, id: str) -> Token:
    """A token without force from now on."""
    return revoke(path, id, now())


def tokens_of(path: Path) -> TokenFile:
    """The tokens that a service lets in. Raises InvalidInput if there are none yet."""
    read_tokens(path)
    return TokenFile(path, now)


def sweeping(broker: Broker) -> None:
    """Records what is due, if anything is and the ledger keeps the machine's time."""
    if broker.state().clock == "machine":
        broker.sweep(key=f"sweep-{uuid4().hex}")


def webhooks_of(ledger: str, path: Path) -> Webhooks:
    """What sends a ledger's outbox to the addresses of a file. Raises InvalidInput if it cannot be used."""
    from offtake.adapters.ledger_sql.deliveries import Deliveries
    from offtake.adapters.webhooks import Webhooks, read_hooks

    hooks = read_hooks(path)
    return Webhooks(Deliveries(open_kept(ledger)), hooks, time.time)


@dataclass(frozen=True, slots=True)
class Told:
    """A subscriber's cursor, and how many messages wait for it."""

    cursor: Cursor
    waiting: int


def told(ledger: str) -> tuple[Sequence[Told], Sequence[DeadLetter]]:
    """How far each subscriber of a ledger has been told, and what was given up, the last first."""
    from offtake.adapters.ledger_sql.deliveries import Deliveries

    kept = open_kept(ledger)
    found = Deliveries(kept)
    cursors = [Told(one, found.waiting(one.told_to)) for one in found.cursors()]
    dead = found.dead()
    kept.close()
    return cursors, dead


def monotonic() -> float:
    """Seconds that never go back."""
    return time.monotonic()


def clock() -> datetime:
    """The machine's time, in UTC."""
    return now()


def open_door(where: str) -> Door:
    """The door of a ledger here, or of the server at an address. Raises InvalidInput if there is no token for it."""
    if not where.startswith(("http://", "https://")):
        return LedgerDoor(open_broker(where))
    from offtake.adapters.broker_http import BrokerClient

    authority = os.environ.get(AUTHORITY_IN)
    return BrokerClient(where, _token(), authority=Path(authority) if authority else None)


def _token() -> str:
    path = os.environ.get(TOKEN_FILE_IN)
    if path:
        try:
            with Path(path).open("rb") as file:
                return file.read(MAXIMUM_TOKEN_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError):
            raise InvalidInput(f"the token in `{path}` cannot be read") from None
    found = os.environ.get(TOKEN_IN, "").strip()
    if not found:
        raise InvalidInput(
            "a server asks for a token", hint=f"set {TOKEN_IN}, or name its file in {TOKEN_FILE_IN}"
        )
    return found
