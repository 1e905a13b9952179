"""Webhooks: what the outbox holds, posted to configured addresses alone, signed, and tried again within a bound.

A message carries `Offtake-Signature: t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY` under the address's secret,
and `Offtake-Message`, a number that is the same each time it is tried, so that a receiver can count it once.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx2
from pydantic import TypeAdapter, ValidationError

from offtake.broker.ports import Ledger
from offtake.domain.errors import InvalidInput
from offtake.domain.records import Record

MAXIMUM_HOOKS: Final = 20
MAXIMUM_BYTES: Final = 64 * 1024
SHORTEST_SECRET: Final = 32
TRIES: Final = 8
FIRST_WAIT_S: Final = 2.0
LONGEST_WAIT_S: Final = 300.0
TIMEOUT_S: Final = 10.0
AT_ONCE: Final = 100  # Messages read from the outbox in one round.
log = logging.getLogger("offtake.webhooks")


class Hook(Record):
    """An address and its secret; `topics` empty sends all."""

    url: str
    secret: str
    topics: tuple[str, ...] = ()


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


@dataclass(slots=True)
class _Tried:
    times: int = 0
    again_at: float = 0.0


class Webhooks:
    """Sends a ledger's outbox to its hooks. A message is told once each hook has it, or has failed as often as is
    allowed; the log then says so."""

    def __init__(
        self,
        ledger: Ledger,
        hooks: Sequence[Hook],
        seconds: Callable[[], float],
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._ledger, self._hooks, self._seconds = ledger, tuple(hooks), seconds
        self._tried: dict[tuple[int, int], _Tried] = {}
        self._done: set[tuple[int, int]] = set()
        self._http = httpx2.Client(
            timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, transport=transport
        )

    def send(self) -> int:
        """One round over what waits, oldest first; how many messages are done with. Raises StorageFailure."""
        told: list[int] = []
        for number, topic, body in self._ledger.outbox(AT_ONCE):
            # Every hook has its turn, whether or not one before it failed.
            waiting = [
                place
                for place, hook in enumerate(self._hooks)
                if not self._sent((number, place), hook, topic, body)
            ]
            if not waiting:
                told.append(number)
        if told:
            self._ledger.told(told)
        for number in told:
            for place in range(len(self._hooks)):
                self._done.discard((number, place))
                self._tried.pop((number, place), None)
        return len(told)

    def _sent(self, key: tuple[int, int], hook: Hook, topic: str, body: str) -> bool:
        """Whether a message is done with at a hook."""
        if key in self._done or (hook.topics and topic not in hook.topics):
            return True
        tried = self._tried.setdefault(key, _Tried())
        now = self._seconds()
        if now < tried.again_at:
            return False
        tried.times += 1
        why = self._post(hook, key[0], topic, body, int(now))
        if why is not None and tried.times < TRIES:
            tried.again_at = now + min(FIRST_WAIT_S * 2 ** (tried.times - 1), LONGEST_WAIT_S)
            return False
        if why is not None:
            log.error("message %d was given up at %s after %d tries: %s", key[0], _host(hook), TRIES, why)
        self._done.add(key)
        return True

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
