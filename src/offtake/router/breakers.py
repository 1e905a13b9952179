"""Breakers: a deployment that fails is left alone for a while, then tried by one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FAILURES: Final = 5  # In a row, until a breaker opens.
FIRST_REST_S: Final = 1.0
LONGEST_REST_S: Final = 60.0  # Rests double up to this; a longer retry-after than this is cut to it too.


@dataclass(slots=True)
class Breaker:
    """The state of one deployment. Times are in seconds of any clock that does not run backward."""

    failures: int = 0
    rest_s: float = FIRST_REST_S
    open_until: float = 0.0
    probing: bool = False

    def lets_through(self, now: float) -> bool:
        """Whether a request may be sent: always while closed; after a rest, one at a time."""
        if not self.open_until:
            return True
        return now >= self.open_until and not self.probing

    def sent(self, now: float) -> None:
        """A request was sent; after a rest it is the probe."""
        if self.open_until and now >= self.open_until:
            self.probing = True

    def succeeded(self) -> None:
        """An answer came: closed again."""
        self.failures, self.rest_s, self.open_until, self.probing = 0, FIRST_REST_S, 0.0, False

    def failed(self, now: float, retry_after_s: float | None = None) -> None:
        """A failure. One that says how long to wait (a 429) opens at once; others open after so many in a row."""
        self.failures += 1
        was_open = bool(self.open_until)
        self.probing = False
        if retry_after_s is not None:
            self.open_until = now + min(max(retry_after_s, 0.05), LONGEST_REST_S)
        elif was_open or self.failures >= FAILURES:
            self.open_until = now + self.rest_s
            self.rest_s = min(self.rest_s * 2, LONGEST_REST_S)

    def abandoned(self) -> None:
        """The probe ended without an answer either way (its caller left)."""
        self.probing = False
