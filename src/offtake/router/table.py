"""The routing table: everything that a choice needs, worked out beforehand and never changed.

Amounts are integers of a pico-unit (a millionth of a millionth) of what is counted: a token, one unit of a currency, a
unit-second of reserved throughput. A price of 2.30 EUR per million tokens is 2,300,000 pico-EUR a token, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal, NamedTuple

from offtake.domain.clauses import Window
from offtake.domain.position import Position
from offtake.domain.selection import SupplyFacts, WorkloadFacts
from offtake.law.decide import Reason
from offtake.law.primitives import Law, Meter, Origin

PICO: Final = 10**12
PER_MILLION: Final = PICO // 10**6  # Pico-units a token, of a price of one unit per million tokens.


def first_second(day: date | None) -> float:
    """The first second of a day, in UTC; without a day, never."""
    return math.inf if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def exactly(amount: Decimal, scale: int) -> int:
    """An amount in pico-units, where `scale` is how many of them one unit has."""
    return round(Fraction(amount) * scale)


class Tokens(NamedTuple):
    """Tokens of a request: read anew, read from a cache, and written."""

    fresh: int
    cached: int
    out: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.fresh + self.cached + self.out


@dataclass(frozen=True, slots=True)
class PerToken:
    """Pico-units by token of each sort."""

    fresh: int
    cached: int
    out: int

    def of(self, tokens: Tokens) -> int:
        """The amount of a request, in pico-units."""
        return self.fresh * tokens.fresh + self.cached * tokens.cached + self.out * tokens.out


@dataclass(frozen=True, slots=True)
class CountedMeter:
    """A meter of the law that requests count on, as the table's day sees it.

    `base` is what others have read in the running window. `window_begins` and `window_ends` are days; for a window of a
    minute, or of any moment, they are the table's day, and whoever counts keeps the minute.
    """

    id: str
    origin: Origin
    meter: Meter
    window: Window
    window_begins: date
    window_ends: date | None
    base: int
    upper: int | None
    lower: int | None
    begins_at: float = field(init=False)  # The window's bounds, in seconds since the epoch (UTC).
    ends_at: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "begins_at", first_second(self.window_begins))
        object.__setattr__(self, "ends_at", first_second(self.window_ends))


@dataclass(frozen=True, slots=True)
class Charge:
    """What a route counts on a meter: tokens, or money at `factor` units of the meter's currency to the estate's."""

    meter: int  # Index of the table's meters.
    counts: Literal["tokens", "money"]
    factor: Fraction | None = Fraction(1)  # None: there is no rate, so nothing can be counted.
    upper: int | None = None  # The meter's upper bound.
    _ratio: tuple[int, int] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ratio = None if self.factor is None else (self.factor.numerator, self.factor.denominator)
        object.__setattr__(self, "_ratio", ratio)

    def amount(self, tokens: int, cost: int) -> int | None:
        """The amount of a request of so many tokens and so much cost (pico-units of the estate's currency)."""
        if self.counts == "tokens":
            return tokens * PICO
        if self._ratio is None:
            return None if cost else 0
        up, down = self._ratio
        return cost if up == down else -(-cost * up // down)


@dataclass(frozen=True, slots=True)
class Tiers:
    """A price by tiers that a route owes beside the price of its product, in the estate's currency.

    `steps` are (up to so many tokens, pico-units a token); the last has no end. `marginal` or all units at the tier
    reached.
    """

    id: str
    origin: Origin
    steps: tuple[tuple[int | None, int], ...]
    marginal: bool
    window: Window
    window_begins: date
    window_ends: date | None
    base: int  # Tokens counted by others in the running window.

    def total(self, tokens: int) -> int:
        """What a whole window's tokens cost, in pico-units."""
        cost, reached = 0, 0
        for up_to, price in self.steps:
            if not self.marginal:
                if up_to is None or tokens <= up_to:
                    return tokens * price
                continue
            upper = tokens if up_to is None else min(tokens, up_to)
            if upper > reached:
                cost += (upper - reached) * price
                reached = upper
        return cost


@dataclass(frozen=True, slots=True)
class Pool:
    """What perishes by the minute: units reserved of a product, or a product's limit; in pico-units a minute.

    `captive_rate` is the stated demand of those who can go nowhere else, a second, and `captive_size` a typical request
    of theirs; `worth` is what a pico-unit is worth to them, in the estate's currency (a plain ratio).
    """

    id: str
    capacity: int
    reserved: bool
    captive_rate: float = 0.0
    captive_size: float = 0.0
    worth: float = 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model at a supply that the law lets a profile use, with what using it counts and costs."""

    id: str  # The supply's, `deployment/product`.
    supply: SupplyFacts
    model: str
    price: PerToken  # In the estate's currency; nothing where throughput is reserved.
    charges: tuple[Charge, ...] = ()
    tiers: tuple[int, ...] = ()
    pool: int | None = None
    draws: PerToken | None = None  # What it draws from the pool.
    # Procedures over traffic whose holders are offered the request first, with those holders.
    asks: tuple[tuple[str, str, Origin], ...] = ()
    decided_each: bool = False  # An approval hangs on the amount: `decide` is asked for each request.
    concurrency: int = 1024


@dataclass(frozen=True, slots=True)
class Barred:
    """A supply that the law, or the lack of a price, takes out for a profile on the table's day."""

    supply: str
    model: str
    reasons: tuple[Reason, ...]
    why: str = ""  # Where no clause stands behind it.


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates that cost, count and draw the same: one look at meters and prices does for all of them."""

    candidates: tuple[Candidate, ...]
    first: Candidate
    committed: tuple[int, ...]  # Their meters with a lower one.


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a profile may go with one model."""

    facts: WorkloadFacts
    candidates: tuple[Candidate, ...]
    barred: tuple[Barred, ...]
    clauses: tuple[str, ...]  # Every clause that was asked.
    groups: tuple[Group, ...]
    captive_of: frozenset[int] = frozenset()  # Pools beside which it has nothing.
    asks: bool = False  # Somebody has a right over this traffic.


def grouped(candidates: Sequence[Candidate], meters: Sequence[CountedMeter]) -> tuple[Group, ...]:
    """Candidates in groups, in the order of each group's first; members in the order given."""
    groups: dict[object, list[Candidate]] = {}
    for c in candidates:
        key = (c.model, c.price, c.charges, c.tiers, c.pool, c.draws, c.asks, c.decided_each, c.supply.party)
        # Who must be asked each time is asked about one supply.
        groups.setdefault((key, c.id) if c.decided_each or c.asks else key, []).append(c)
    return tuple(
        Group(
            candidates=tuple(members),
            first=members[0],
            committed=tuple(
                charge.meter for charge in members[0].charges if (meters[charge.meter].lower or 0) > 0
            ),
        )
        for members in groups.values()
    )


@dataclass(frozen=True, slots=True)
class Profile:
    """Who asks, as a key says it: a class of the estate, from a region.

    `data_class` and `customer` add what the class does not state; they cannot take away what it does.
    """

    id: str
    workload: str
    client_region: str
    data_class: str | None = None
    customer: str | None = None
    stricter: str | None = None  # A data class that a request states of itself, in the place of any other.


DAY_S: Final = 86_400.0


@dataclass(frozen=True)
class RoutingTable:
    """The law and a position on one day, for the profiles that ask. A change replaces it as a whole."""

    version: str  # Digest of what it was made from.
    day: date
    currency: str
    payer: str | None
    law: Law
    position: Position
    meters: tuple[CountedMeter, ...]
    tiers: tuple[Tiers, ...]
    pools: tuple[Pool, ...]
    entries: Mapping[tuple[str, str], Entry]  # By (profile, model).
    models: Mapping[str, tuple[str, ...]]  # By profile: acceptable models, most wanted first.
    # Where a request goes that asks for a deployment or a model by name, whatever the law says: for the shadow.
    as_asked: Mapping[str, Candidate] = field(default_factory=dict[str, Candidate])
    stand_ins: Mapping[str, frozenset[str]] = field(
        default_factory=dict[str, frozenset[str]]
    )  # By profile: the models good enough to stand in for another.
    begins_at: float = field(init=False)  # Its day, in seconds since the epoch (UTC).
    ends_at: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "begins_at", first_second(self.day))
        object.__setattr__(self, "ends_at", self.begins_at + DAY_S)
