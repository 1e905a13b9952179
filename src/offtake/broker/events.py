"""What has happened, as the ledger keeps it. Events are frozen, versioned values; nothing is taken back but by another.

The version of an event's shape is in `VERSIONS`; a shape that changes gets a new one, and an upcaster in
`offtake.broker.upcasting` that reads the old.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from offtake.broker.terms import Bid, Cited, Counterfactual, Excluded, Grant, Need, Notice, Take


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerOpened:
    """The first event: which estate and policy the ledger is kept under, and whether its clock is the machine's."""

    kind: Literal["ledger-opened"] = "ledger-opened"
    estate: str  # SHA-256 of the estate's document.
    policy: str
    clock: Literal["machine", "rehearsed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LawInForce:
    """From here on decisions are made under the agreements known by a day."""

    kind: Literal["law-in-force"] = "law-in-force"
    known_at: date
    law: str  # SHA-256 of the compiled law.


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementAmended:
    """An agreement was amended; the estate's document is another from here on."""

    kind: Literal["agreement-amended"] = "agreement-amended"
    agreement: str
    amendment: str
    estate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedFiled:
    """A need was filed."""

    kind: Literal["need-filed"] = "need-filed"
    need: Need


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedCancelled:
    """A need was withdrawn."""

    kind: Literal["need-cancelled"] = "need-cancelled"
    need: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderNoticed:
    """A holder was told. `bids` are those behind the parts of its notice, which it is not told."""

    kind: Literal["holder-noticed"] = "holder-noticed"
    notice: Notice
    bids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeReceived:
    """A holder said that it had received its notice; its time runs from here."""

    kind: Literal["notice-received"] = "notice-received"
    need: str
    notice: str
    received: datetime
    deadline: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderAnswered:
    """A holder answered in time. `discharges_nothing`: its price was above what the clause lets count. `price` is None
    where each part that it takes has its own.
    """

    kind: Literal["holder-answered"] = "holder-answered"
    need: str
    notice: str
    move: Literal["accept", "accept-part", "decline"]
    takes: tuple[Take, ...]
    price: Decimal | None
    currency: str
    discharges_nothing: bool = False
    by_silence: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeLapsed:
    """A holder was silent past its deadline, and silence declines."""

    kind: Literal["notice-lapsed"] = "notice-lapsed"
    need: str
    notice: str
    deadline: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOpened:
    """Nobody with a right is left to ask: what is not taken goes to the market."""

    kind: Literal["market-opened"] = "market-opened"
    need: str
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RightRevived:
    """A right that was answered or lapsed must be asked again."""

    kind: Literal["right-revived"] = "right-revived"
    need: str
    procedure: str
    because: Literal["material change", "revival", "aggregation", "best bid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BidMade:
    """A supplier bid."""

    kind: Literal["bid-made"] = "bid-made"
    bid: Bid


@dataclass(frozen=True, slots=True, kw_only=True)
class BidWithdrawn:
    """A supplier took its bid back."""

    kind: Literal["bid-withdrawn"] = "bid-withdrawn"
    bid: str
    need: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedAwarded:
    """A need became leases, at `cost_micros` over their terms in the need's currency.

    `objective_micros` adds what price clauses add (`prices`, by clause) and what commitments would fall short by; it is
    at most `gap` (relative) above `bound_micros`, which no award that meets as much of the need can be below.
    """

    kind: Literal["need-awarded"] = "need-awarded"
    need: str
    grants: tuple[Grant, ...]
    unmet: Decimal
    currency: str
    cost_micros: int
    objective_micros: int
    bound_micros: int
    gap: Decimal
    rule: str  # How ties are broken.
    excluded: tuple[Excluded, ...]
    named: tuple[Cited, ...]  # The clauses that shaped the award.
    counterfactuals: tuple[Counterfactual, ...]
    prices: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseReleased:
    """A lease's capacity was given back from a day on."""

    kind: Literal["lease-released"] = "lease-released"
    lease: str
    on: date
    kept_micros: int  # Charges after that day that stay owed.
    waived_micros: int  # Charges that do not.


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """Somebody whose approval a clause asks for gave it."""

    kind: Literal["approved"] = "approved"
    procedure: str
    by: str
    need: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecorded:
    """Something happened on a day."""

    kind: Literal["event-recorded"] = "event-recorded"
    event: str
    on: date
    about: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRead:
    """A reading was posted on a meter, or on a price that owes by what is read (`owed_micros`)."""

    kind: Literal["meter-read"] = "meter-read"
    id: str
    clause: str
    primitive: str
    begins: date
    ends: date
    amount: Decimal
    owed_micros: int
    payer: str | None
    payee: str | None
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingReversed:
    """A reading was taken back by its reversal."""

    kind: Literal["reading-reversed"] = "reading-reversed"
    reading: str
    why: str
    owed_micros: int  # What is owed less than before.


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSettled:
    """A window of a commitment ended: what was taken, drawn from earlier windows, short, and billed for it."""

    kind: Literal["window-settled"] = "window-settled"
    clause: str
    meter: str
    begins: date
    ends: date
    lower: Decimal
    taken: Decimal
    drawn: Decimal
    short: Decimal
    banked_until: date | None
    payer: str | None
    payee: str | None
    currency: str | None
    billed_micros: int
    drawn_micros: int  # Credited: what is drawn was paid for before.


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """The days [begins, ends) of a lease on an invoice: the hours held, and what they cost with what stays owed of days
    that were given back."""

    lease: str
    begins: date
    ends: date
    held_hours: Decimal
    micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasesInvoiced:
    """A month that leases ran was invoiced, in the leases' own currency."""

    kind: Literal["leases-invoiced"] = "leases-invoiced"
    payer: str
    payee: str
    currency: str
    begins: date
    ends: date
    lines: tuple[InvoiceLine, ...]
    total_micros: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceInvoiced:
    """What a price clause adds to a month of leases, for so much in one of its windows (of a level: its hours)."""

    kind: Literal["price-invoiced"] = "price-invoiced"
    clause: str
    primitive: str
    begins: date
    ends: date
    window: date  # The first day of the window.
    quantity: Decimal
    owed_micros: int
    payer: str
    payee: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefused:
    """A command was refused, by these clauses or for these reasons."""

    kind: Literal["command-refused"] = "command-refused"
    subject: str
    reasons: tuple[Cited, ...]


Event = Annotated[
    LedgerOpened
    | LawInForce
    | AgreementAmended
    | NeedFiled
    | NeedCancelled
    | HolderNoticed
    | NoticeReceived
    | HolderAnswered
    | NoticeLapsed
    | MarketOpened
    | RightRevived
    | BidMade
    | BidWithdrawn
    | NeedAwarded
    | LeaseReleased
    | Approved
    | EventRecorded
    | MeterRead
    | ReadingReversed
    | WindowSettled
    | LeasesInvoiced
    | PriceInvoiced
    | CommandRefused,
    Field(discriminator="kind"),
]
