"""What an auditor finds: the first thing that does not follow, in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that does not follow: the entry, which of its events (None: the entry itself), and why."""

    entry: int
    event: int | None
    kind: str
    why: str

    @property
    def sentence(self) -> str:
        """It in words."""
        where = (
            f"entry {self.entry}"
            if self.event is None
            else f"entry {self.entry}, event {self.event} ({self.kind})"
        )
        return f"{where} does not follow: {self.why}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was verified, and the first fault, if there is one."""

    entries: int
    events: int
    seals: int
    awards: int
    head: str
    public_key: str
    fault: Fault | None

    def record(self) -> dict[str, Any]:
        """It as JSON."""
        return asdict(self)


class Broken(Exception):
    """Something does not follow."""


def follows(holds: object, why: str) -> None:
    """Raises Broken with the reason if something does not hold."""
    if not holds:
        raise Broken(why)


def near(one: Decimal, other: Decimal) -> bool:
    """Equal but for what divisions in another order leave in the last of 28 digits."""
    return abs(one - other) <= max(abs(one), Decimal(1)) * Decimal("1e-20")


def micros(amount: Decimal) -> int:
    """An amount in whole millionths."""
    return int((amount * 1_000_000).to_integral_value(rounding=ROUND_HALF_EVEN))
