"""Headroom shared by the members of one process: the port's meaning, in the fewest lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from offtake.router.headroom import (
    NO_ACCOUNT,
    NO_SHARE,
    SILENT_AFTER_S,
    Account,
    Share,
    Standing,
    Word,
    changed,
    ended,
    exchanged,
    silenced,
)

Key = tuple[str, float]  # An account and the end of its window.


class MemoryHeadroom:
    """Accounts and shares in dictionaries. May be used from several threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._accounts: dict[Key, Account] = {}
        self._shares: dict[Key, dict[str, Share]] = {}
        self._seen: dict[str, float] = {}  # Of members that have not left.
        self._origins: dict[str, str] = {}

    def join(self, member: str, origin: str) -> None:
        """A member begins."""
        with self._lock:
            self._seen[member], self._origins[member] = self._clock(), origin

    def exchange(self, member: str, words: Sequence[Word]) -> Sequence[Standing]:
        """What a member is told for its words."""
        with self._lock:
            self._seen[member] = self._clock()
            self._look_for_silence()
            return [self._one(member, word) for word in words]

    def _one(self, member: str, word: Word) -> Standing:
        key = (word.account, word.ends)
        shares = self._shares.setdefault(key, {})
        account, share, standing = exchanged(
            self._accounts.get(key, NO_ACCOUNT), shares.get(member, NO_SHARE), word
        )
        self._accounts[key], shares[member] = account, share
        return standing

    def _look_for_silence(self) -> None:
        now = self._clock()
        for member, seen in self._seen.items():
            if now - seen >= SILENT_AFTER_S:
                for key in self._shares:
                    self._set(key, member, silenced(self._share(key, member), now - seen))
        for key in [key for key in self._shares if key[1] < now - SILENT_AFTER_S]:
            del self._shares[key], self._accounts[key]

    def _share(self, key: Key, member: str) -> Share:
        return self._shares.get(key, {}).get(member, NO_SHARE)

    def _set(self, key: Key, member: str, share: Share) -> None:
        account = self._accounts.get(key, NO_ACCOUNT)
        self._accounts[key] = changed(account, self._share(key, member), share)
        self._shares.setdefault(key, {})[member] = share

    def leave(self, member: str, settled: Mapping[Key, int]) -> None:
        """A member has ended."""
        with self._lock:
            for key in {*self._shares, *settled}:
                self._set(key, member, ended(self._share(key, member), settled.get(key, 0)))
            self._seen.pop(member, None)

    def unsettled(self, origin: str) -> Sequence[str]:
        """Members that have not left."""
        with self._lock:
            return sorted(m for m, of in self._origins.items() if of == origin and m in self._seen)

    def ended(self, origin: str) -> Sequence[str]:
        """Members that have left."""
        with self._lock:
            return sorted(m for m, of in self._origins.items() if of == origin and m not in self._seen)

    def members(self) -> int:
        """Members that are heard of."""
        with self._lock:
            return sum(self._clock() - seen < SILENT_AFTER_S for seen in self._seen.values())

    def close(self) -> None:
        """Nothing to let go of."""
