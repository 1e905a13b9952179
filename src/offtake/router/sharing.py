"""One process's part in what several share: which words it says of its counters, and what it makes of the answers.

Nothing here waits. Words are collected between two requests, said to the store by a thread, and their answers heard
between two other requests; meanwhile each counter stays under the ceiling that the words themselves claim.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from offtake.router.counters import MINUTE_S, UNBOUNDED, Counter
from offtake.router.headroom import ADVANCE, LEASE_S, Standing, Word, advance

SAY_EVERY_S: Final = 1.0  # A counter on which nothing happens is spoken of as often.
IDLE_AFTER_S: Final = 2.0
BEFORE_THE_MINUTE_S: Final = 5.0  # Headroom of the next minute is taken so long before it begins.
_LEARNS: Final = 0.3

Without = Literal["close", "count-alone"]
"""What a process does with bounds that are shared once their store has been gone for `LEASE_S`: no request on them, or
its own counts beside the last that it knows of others."""


@dataclass(slots=True)
class _Tracked:
    """What is remembered of a counter between two words."""

    counter: Counter
    free: int | None = None  # What nobody has been granted, as last heard.
    seen: int = 0  # Taken and held at the last word.
    rate: float = 0.0  # Used a second, smoothed.
    used_at: float = -math.inf
    said: tuple[float, int, int, int] | None = None
    said_at: float = -math.inf
    ends: float = 0.0  # Of the window that the last word was of.
    outside: bool = False  # Somebody else enforces the bound too.
    next_free: int | None = None


class Sharing:
    """The counters that a process shares with others."""

    def __init__(self, without: Without = "close") -> None:
        self.members = 1  # Processes that share, this one among them.
        self.lapsed = False  # The store has been gone for so long that what it granted holds no longer.
        self._without: Without = without
        self._tracked: dict[str, _Tracked] = {}
        self._heard_at = -math.inf
        self._last_words = -math.inf
        self.pressing = False  # A request waits for headroom: a word is due at once.

    def adopt(self, key: str, counter: Counter, limit: int | None, *, outside: bool = False) -> None:
        """A counter is shared from now on, or its bound is another. `outside`: whoever is asked enforces the bound
        itself, so that without the store it is shared evenly."""
        counter.limit, counter.shared = limit, True
        if key not in self._tracked:
            self._tracked[key] = _Tracked(counter, outside=outside)
            counter.ceiling = UNBOUNDED if limit is None else 0
        elif limit is None:
            counter.ceiling = UNBOUNDED
        else:
            counter.ceiling = min(counter.ceiling, limit)
        counter.next_ceiling = UNBOUNDED if limit is None else 0

    def drop(self, key: str) -> None:
        """A counter is shared no longer. What it settled stays counted."""
        self._tracked.pop(key, None)

    # Words.

    def words(self, now: float) -> list[Word]:
        """What is to be said now. Each counter gives back at once what it does not claim in its word."""
        since = min(max(now - self._last_words, 1e-3), 10.0)
        self._last_words, self.pressing = now, False
        found: list[Word] = []
        for key, each in self._tracked.items():
            found.extend(_words(key, each, now, since))
        return found

    def hear(self, words: Sequence[Word], told: Sequence[Standing], members: int, began: float) -> None:
        """The answers to words that were collected at `began` (of a clock that does not run backward)."""
        self.members = max(members, 1)
        self._heard_at, self.lapsed = began, False
        for word, standing in zip(words, told, strict=True):
            each = self._tracked.get(word.account)
            if each is not None:
                _hear(each, word, standing)

    def unheard(self, now: float) -> None:
        """The last words were not answered: they are said again. `now` is of the clock of `began`."""
        for each in self._tracked.values():
            each.said = None
        self.look(now)

    def look(self, now: float) -> None:
        """Without answers for too long, what was granted holds no longer. `now` is of the clock of `began`."""
        if self.lapsed or now - self._heard_at < LEASE_S:
            return
        self.lapsed = True
        for each in self._tracked.values():
            counter = each.counter
            if counter.limit is None:
                continue
            if each.outside:
                counter.ceiling = counter.next_ceiling = max(counter.limit // self.members, 1)
            elif self._without == "count-alone":
                counter.ceiling = max(counter.limit - counter.others, 0)
                counter.next_ceiling = counter.limit
            else:
                counter.ceiling = counter.next_ceiling = 0
            each.said = None

    def press(self, wanted: Iterable[tuple[Counter, int]], now: float) -> bool:
        """Notes estimates that found no room; whether one may find some once the store is asked."""
        hopeful = False
        known = {id(each.counter): each for each in self._tracked.values()}
        for counter, amount in wanted:
            each = known.get(id(counter))
            if each is None or counter.limit is None or counter.room(now) >= amount:
                continue
            counter.pressed = max(counter.pressed, amount)
            if each.free is None or amount <= counter.room(now) + each.free or each.said is None:
                hopeful = True
        self.pressing = self.pressing or hopeful
        return hopeful and not self.lapsed

    def totals(self) -> dict[tuple[str, float], int]:
        """All that this process settled in the running windows, by account."""
        return {
            (key, _window(each.counter)): each.counter.taken
            for key, each in self._tracked.items()
            if each.counter.taken
        }


def _words(key: str, each: _Tracked, now: float, since: float) -> list[Word]:
    counter = each.counter
    used = counter.reading(now) - counter.others
    flow = max(used - each.seen, 0) if counter.window != "any-time" else 0
    each.rate += _LEARNS * (flow / since - each.rate)
    if used != each.seen or counter.held or counter.pressed:
        each.used_at = now
    each.seen = used
    if each.ends != _window(counter):
        each.ends, each.free, each.next_free = _window(counter), each.next_free, None
    wants = least = 0
    if counter.limit is not None:
        free = counter.limit if each.free is None else each.free
        wants = advance(free, each.rate, counter.largest, idle=now - each.used_at > IDLE_AFTER_S)
        wants, least = max(wants, counter.pressed), max(counter.largest, counter.pressed)
        counter.ceiling = min(counter.ceiling, used + wants)
        counter.largest -= counter.largest // ADVANCE
        counter.pressed = 0
    ends = _window(counter)
    saying = (ends, counter.taken, counter.held, wants)
    found: list[Word] = []
    if saying != each.said or now - each.said_at >= SAY_EVERY_S:
        each.said, each.said_at = saying, now
        found.append(Word(key, ends, counter.limit, counter.taken, counter.held, wants, least))
    if (
        counter.window == "minute"
        and counter.limit is not None
        and counter.window_ends - now < BEFORE_THE_MINUTE_S
    ):
        free = counter.limit if each.next_free is None else each.next_free
        ahead = advance(free, each.rate, counter.largest, idle=False)
        found.append(Word(key, ends + MINUTE_S, counter.limit, 0, 0, ahead, least))
    return found


def _hear(each: _Tracked, word: Word, standing: Standing) -> None:
    counter, ends = each.counter, _window(each.counter)
    if word.ends == ends:
        counter.others = standing.settled - word.settled
        if counter.limit is not None:
            counter.ceiling, each.free = standing.authority, standing.free
    elif word.ends > ends and counter.limit is not None:
        counter.next_ceiling, each.next_free = standing.authority, standing.free


def _window(counter: Counter) -> float:
    """The end of the window that an account is of; what is counted at any moment has one that never ends."""
    return math.inf if counter.window == "any-time" else counter.window_ends
