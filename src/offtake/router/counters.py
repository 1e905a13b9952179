"""One meter, tier, pool or limit in its running window: what is taken, what is held, and how far it may go."""

from __future__ import annotations

import math
from typing import Final

from offtake.domain.clauses import Window

MINUTE_S: Final = 60.0
UNBOUNDED: Final = 1 << 200  # Room on what has no upper bound: more than anything that is counted.


class Counter:
    """Counts in pico-units (tokens for tiers, requests for limits of requests). `taken` is settled here.

    `ceiling` is what may be taken and held by this process: the bound where it counts alone; where several share the
    bound, what this one was granted. `others` is what other processes have settled, as far as is known.
    """

    __slots__ = (
        "ceiling",
        "held",
        "largest",
        "limit",
        "next_ceiling",
        "others",
        "pressed",
        "shared",
        "taken",
        "window",
        "window_ends",
    )

    def __init__(self, window: Window, window_ends: float, taken: int = 0, limit: int | None = None) -> None:
        self.window: Window = window
        self.window_ends = window_ends  # In seconds since the epoch.
        self.taken = taken
        self.held = 0
        self.others = 0
        self.limit = limit  # The bound of all who share it; None if there is none.
        self.ceiling = UNBOUNDED if limit is None else limit
        self.next_ceiling = self.ceiling  # In the window after this one.
        self.shared = False  # The ceiling is granted, and for one window only.
        self.largest = 0  # The largest estimate that was held lately.
        self.pressed = 0  # The largest that found no room lately, though there may be some elsewhere.

    def reading(self, now: float) -> int:
        """What is taken and held in the window that `now` lies in, by all as far as is known."""
        if now >= self.window_ends:
            self._roll(now)
        return self.others + self.taken + self.held

    def room(self, now: float) -> int:
        """What this process may still hold."""
        if now >= self.window_ends:
            self._roll(now)
        return self.ceiling - self.taken - self.held

    def hold(self, amount: int, now: float) -> None:
        """An estimate is held."""
        if now >= self.window_ends:
            self._roll(now)
        self.held += amount
        if amount > self.largest:
            self.largest = amount

    def settle(self, held: int, amount: int, now: float) -> None:
        """What was held becomes what was used, in the window in which it is known."""
        if now >= self.window_ends:
            self._roll(now)
        self.held -= held
        if self.window != "any-time":  # Of any moment only what is under way counts.
            self.taken += amount

    def bound(self, limit: int | None) -> None:
        """The bound that holds from now on for a process that counts alone."""
        self.limit = limit
        self.ceiling = self.next_ceiling = UNBOUNDED if limit is None else limit

    def begin(self, window: Window, window_ends: float) -> None:
        """Another window: what was taken belongs to the old one, what is held goes on."""
        self.window, self.window_ends = window, window_ends
        self.taken = self.others = 0
        self.ceiling = self.next_ceiling
        if self.shared and self.limit is not None:
            self.next_ceiling = 0

    def _roll(self, now: float) -> None:
        if self.window == "any-time":
            self.window_ends = math.inf
            return
        self.begin(self.window, minute_end(now) if self.window == "minute" else math.inf)


def minute_end(now: float) -> float:
    """The end of the minute that `now` lies in."""
    return (math.floor(now / MINUTE_S) + 1) * MINUTE_S
