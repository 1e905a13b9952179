"""Which deployment holds the state that a request builds on, and whose it is. Bounded, and forgotten in time.

State is a response or a conversation that an upstream keeps, or a prompt that stands in its cache. Names are kept as
digests: they are nobody's to read.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import Final, Literal, NamedTuple, Protocol

MOST_KEPT: Final = 65_536  # In memory; beyond that the one that was used longest ago is forgotten first.
STATE_KEPT_S: Final = 30 * 86_400.0  # As long as OpenAI keeps responses.
CACHE_KEPT_S: Final = 3600.0  # The longest life of a prompt in a cache that is asked for by the hour.
State = Literal["response", "conversation", "cache"]


class Holder(NamedTuple):
    """Where a state lives, whose key made it, and until when that is remembered (seconds since the epoch)."""

    deployment: str
    owner: str
    until: float


class Store(Protocol):
    """Where holders outlive the process."""

    def read(self, name: bytes, now: float) -> Holder | None:
        """A holder; None if none is kept."""
        ...

    def write(self, holders: list[tuple[bytes, Holder]], now: float) -> None:
        """Keeps holders; the first that was kept of a name stands."""
        ...

    def close(self) -> None:
        """Nothing more is kept or asked."""
        ...


def name_of(state: State, id: str) -> bytes:
    """Under what a state is kept."""
    return sha256(f"{state}\0{id}".encode()).digest()[:20]


class Affinity:
    """The holders that a process knows, and those in a store that others may share."""

    def __init__(self, store: Store | None = None, most: int = MOST_KEPT) -> None:
        self._store = store
        self._most = most
        self._kept: OrderedDict[bytes, Holder] = OrderedDict()
        self._fresh: list[tuple[bytes, Holder]] = []

    def note(self, state: State, id: str, deployment: str, owner: str, now: float) -> None:
        """A state lives at a deployment. Whose it is does not change: another's answer cannot take it over."""
        cache = state == "cache"
        name = name_of(state, f"{owner}\0{id}" if cache else id)
        before = self._kept.get(name)
        if before is not None and before.until > now and not cache:
            return
        holder = Holder(deployment, owner, now + (CACHE_KEPT_S if cache else STATE_KEPT_S))
        self._keep(name, holder)
        if not cache and self._store is not None and len(self._fresh) < self._most:
            self._fresh.append((name, holder))

    def holder(self, state: State, id: str, owner: str, now: float) -> Holder | None:
        """Where a state lives; None if that is not known."""
        name = name_of(state, f"{owner}\0{id}" if state == "cache" else id)
        found = self._kept.get(name)
        if found is None and self._store is not None and state != "cache":
            found = self._store.read(name, now)
        if found is None or found.until <= now:
            return None
        self._keep(name, found)
        return found

    def flush(self, now: float) -> None:
        """Hands what is new to the store."""
        if self._fresh and self._store is not None:
            fresh, self._fresh = self._fresh, []
            self._store.write(fresh, now)

    def close(self, now: float) -> None:
        """Hands the store what is left, and closes it."""
        self.flush(now)
        if self._store is not None:
            self._store.close()

    def _keep(self, name: bytes, holder: Holder) -> None:
        self._kept[name] = holder
        self._kept.move_to_end(name)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
