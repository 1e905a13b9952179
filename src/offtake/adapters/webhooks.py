"""Webhooks: what the outbox holds, posted to configured addresses alone, signed, and tried again within a bound.

A message carries `Offtake-Signature: t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY` under the address's secret,
and `Offtake-Message`, a number that is the same each time it is tried, so that a receiver can count it once. Each
address is told in order, at least once: how far it is stands in the ledger's database, and outlives the process.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx2
from pydantic import TypeAdapter, ValidationError

from offtake.adapters.ledger_sql.deliveries import DeadLetter, Deliveries
from offtake.domain.errors import InvalidInput
from offtake.domain.records import Id, Record

MAXIMUM_HOOKS: Final = 20
MAXIMUM_BYTES: Final = 64 * 1024
SHORTEST_SECRET: Final = 32
TRIES: Final = 8
FIRST_WAIT_S: Final = 2.0
LONGEST_WAIT_S: Final = 300.0
TIMEOUT_S: Final = 10.0
AT_ONCE: Final = 100  # Messages to one hook in one round.
log = logging.getLogger("offtake.webhooks")


class Hook(Record):
    """An address and its secret; `topics` empty sends all. By its `id` it is known again when address or secret have
    changed; without one by its address."""

    url: str
    secret: str
    topics: tuple[str, ...] = ()
    id: Id | None = None

    @property
    def name(self) -> str:
        """What its place in the outbox is kept under; an address may hold a secret, and is kept as its hash."""
        return self.id or f"url-{sha256(self.url.encode()).hexdigest()[:16]}"


def read_hooks(path: Path) -> tuple[Hook, ...]:
    """The hooks of a file, a JSON list. Raises InvalidInput if it cannot be used, never with a secret in its words."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAXIMUM_BYTES + 1)
        hooks = TypeAdapter(tuple[Hook, ...]).validate_json(raw[:MAXIMUM_BYTES])
    except OSError as error:
        raise InvalidInput(f"the webhooks in `{path}` cannot be read: {error.strerror}") from None
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InvalidInput(
            f"`{path}` holds no webhooks that can be used: see {where or 'its JSON'}"
        ) from None
    if len(hooks) > MAXIMUM_HOOKS:
        raise InvalidInput(f"`{path}` has more than {MAXIMUM_HOOKS} webhooks")
    names = [hook.name for hook in hooks]
    if len(set(names)) < len(names):
        raise InvalidInput(
            f"`{path}` has two webhooks of one id or address", hint="give each an id of its own"
        )
    for hook in hooks:
        if not _allowed(hook.url):
            raise InvalidInput("a webhook's address is https://, or http:// on this machine, without a user")
        if len(hook.secret) < SHORTEST_SECRET:
            raise InvalidInput(f"a webhook's secret has at least {SHORTEST_SECRET} characters")
    return hooks


def signature(secret: str, seconds: int, body: bytes) -> str:
    """The header that signs a body sent at a time."""
    digest = hmac.new(secret.encode(), f"{seconds}.".encode() + body, sha256).hexdigest()
    return f"t={seconds},v1={digest}"


class Webhooks:
    """Sends a ledger's outbox to its hooks. A hook has its next message once the one before it has arrived, or has
    failed as often as is allowed; the log and the list of dead letters then say so."""

    def __init__(
        self,
        deliveries: Deliveries,
        hooks: Sequence[Hook],
        seconds: Callable[[], float],
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._deliveries, self._hooks, self._seconds = deliveries, tuple(hooks), seconds
        self._http = httpx2.Client(
            timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, transport=transport
        )

    def send(self) -> int:
        """One round: what waits for every hook, oldest first; how many messages hooks are done with.

        Raises StorageFailure if the database cannot be used.
        """
        # Every hook has its turn, whether or not one before it failed.
        done = sum(self._to(hook) for hook in self._hooks)
        if done:
            self._deliveries.settle([hook.name for hook in self._hooks])
        return done

    def _to(self, hook: Hook) -> int:
        cursor = self._deliveries.begin(hook.name, _host(hook))
        if self._seconds() < cursor.again_at:
            return 0
        done, tries = 0, cursor.tries
        for number, topic, body in self._deliveries.after(cursor.told_to, AT_ONCE):
            if hook.topics and topic not in hook.topics:
                self._deliveries.told(hook.name, number)
                done += 1
                continue
            tries += 1
            why = self._post(hook, number, topic, body, int(self._seconds()))
            if why is None:
                self._deliveries.told(hook.name, number)
            elif tries < TRIES:
                wait = min(FIRST_WAIT_S * 2 ** (tries - 1), LONGEST_WAIT_S)
                self._deliveries.failed(hook.name, tries, self._seconds() + wait)
                return done
            else:
                self._give_up(hook, number, topic, why)
            done, tries = done + 1, 0
        return done

    def _give_up(self, hook: Hook, number: int, topic: str, why: str) -> None:
        log.error("message %d was given up at %s after %d tries: %s", number, _host(hook), TRIES, why)
        at = datetime.fromtimestamp(self._seconds(), UTC).isoformat(timespec="seconds")
        self._deliveries.gave_up(DeadLetter(hook.name, number, topic, why, at))

    def _post(self, hook: Hook, number: int, topic: str, body: str, seconds: int) -> str | None:
        content = json.dumps({"topic": topic, "data": json.loads(body)}, sort_keys=True).encode()
        headers = {
            "Content-Type": "application/json",
            "Offtake-Message": str(number),
            "Offtake-Signature": signature(hook.secret, seconds, content),
        }
        try:
            with self._http.stream("POST", hook.url, content=content, headers=headers) as response:
                return None if response.is_success else f"status {response.status_code}"
        except httpx2.HTTPError as error:
            return type(error).__name__


def _host(hook: Hook) -> str:
    """What a log may say of an address: its path or query may hold a secret."""
    return urlsplit(hook.url).hostname or ""


def _allowed(url: str) -> bool:
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.scheme not in ("http", "https"):
        return False
    if parts.scheme == "https":
        return True
    try:
        return ip_address(parts.hostname).is_loopback
    except ValueError:
        return parts.hostname == "localhost"
