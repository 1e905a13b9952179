"""What deals are made of: needs, bids, takes, notices, grants and leases.

Quantities are in the need's measure (`accelerators`, `power` in MW, `units`), whole in accelerators and units, to the
kilowatt in power. Prices are per unit of the measure and hour, in exact decimals of a named currency. Terms run over
days [begins, ends).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal

Quantified = Literal["accelerators", "power", "units"]

# The smallest part of a measure that is dealt in: one accelerator, one unit, one kilowatt.
STEPS: Final[dict[Quantified, Decimal]] = {
    "accelerators": Decimal(1),
    "power": Decimal("0.001"),
    "units": Decimal(1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tranche:
    """A part of a need with a price limit of its own; at least `floor` of it is granted, or nothing is awarded."""

    quantity: Decimal
    price_limit: Decimal | None = None
    floor: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Capacity wanted by a party for a term, and what it may be met with.

    `whole`: all of it from one supply, or nothing. Without `whole` at least `minimum` must be met by an award.
    `tranches`, most urgent first, add up to the quantity; without them the need is one tranche at `price_limit`.
    `residency` names countries or areas that must hold every place where the supply may process.
    """

    id: str
    party: str
    measure: Quantified
    quantity: Decimal
    begins: date
    ends: date
    currency: str
    minimum: Decimal = Decimal(0)
    whole: bool = False
    price_limit: Decimal | None = None
    tranches: tuple[Tranche, ...] = ()
    accelerators: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    residency: tuple[str, ...] = ()
    client_region: str | None = None
    latency_ms: Decimal | None = None
    workload: str | None = None  # A workload of the estate that it is for; bare capacity if None.
    model: str | None = None
    data_class: str | None = None
    renews: str | None = None  # The lease that it goes on from.
    planned: str | None = None  # The order of a plan that it was filed for.

    def in_tranches(self) -> tuple[Tranche, ...]:
        """The tranches stated, or the whole need as one."""
        return self.tranches or (Tranche(quantity=self.quantity, price_limit=self.price_limit),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """A supplier's binding offer for a need: up to `quantity` of a supply, at least `minimum` of it, or all if `whole`.

    `release_share` is what stays owed of the remaining charges if the tenant gives capacity back early: 1 is take or
    pay, 0 lets it go.
    """

    id: str
    need: str
    bidder: str
    supply: str
    quantity: Decimal
    price: Decimal
    currency: str
    minimum: Decimal = Decimal(0)
    whole: bool = False
    valid_until: datetime | None = None
    release_share: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """So much at one supply; of a notice of several bids, `matches` is the number of the one that is matched."""

    supply: str
    quantity: Decimal
    matches: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """What a holder takes at a supply. A bid that is matched has its own price, and its place in the notice."""

    supply: str
    quantity: Decimal
    matches: int | None = None
    price: Decimal | None = None  # Else the answer's.
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Matchable:
    """One of the bids that a holder may match: so much at a price. What is left of it must be nothing, or at least
    `keeps`."""

    quantity: Decimal
    price: Decimal
    currency: str
    keeps: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a holder is told: how much it may take, at what price (None: it names its own), and what is disclosed.

    Of a `match`, `parts` are the bids that it may match, each at its own price, the best first; `price` is their mean.
    """

    id: str
    need: str
    procedure: str
    clause: str
    holder: str
    style: Literal["offer", "match"]
    round: int
    quantity: Decimal
    price: Decimal | None
    currency: str
    disclosed: tuple[tuple[str, str], ...]
    because: Literal["need", "material change", "revival", "aggregation", "best bid"]
    deemed_received: datetime
    deadline: datetime | None
    terms_hash: str  # SHA-256 of everything above but the times.
    answer_within: str | None = None  # The time to answer from its receipt, by the size of the deal.
    parts: tuple[Matchable, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A part of an award: so much of a supply at a price, and what it costs over the term in the need's currency.

    `source` is the bid or the notice that it answers.
    """

    lease: str
    supply: str
    supplier: str
    quantity: Decimal
    price: Decimal
    currency: str
    cost_micros: int
    source: str
    release_share: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """A clause and what it says here; None where it is no clause but what the need itself or capacity says."""

    clause: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """A bid that could not be awarded anything, and why."""

    bid: str
    supply: str
    reasons: tuple[Cited, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """What would have been awarded had a clause not been written."""

    clause: str
    parts: tuple[Part, ...]
    cost_micros: int
    unmet: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Capacity granted over [begins, ends). After `released` it is free for others, and `release_share` stays owed.

    `amounts` is the whole lease in every measure that the law may count.
    """

    id: str
    need: str
    tenant: str
    supplier: str
    supply: str
    measure: Quantified
    quantity: Decimal
    amounts: tuple[tuple[str, Decimal], ...]
    begins: date
    ends: date
    price: Decimal
    currency: str
    release_share: Decimal
    discharges: tuple[str, ...]  # Rights that were answered for it, and travel with it.
    renews: str | None = None
    released: date | None = None

    @property
    def held_until(self) -> date:
        """The first day on which others may have the capacity."""
        return self.ends if self.released is None else self.released


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One line of a double entry: micro-units of a currency, or thousandths of accelerator-hours, unit-hours, tokens
    or MW-hours. The lines of an entry sum to nothing in every unit."""

    account: str
    unit: str
    amount: int
