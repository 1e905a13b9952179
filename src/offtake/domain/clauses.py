"""The clauses that people write: a closed union of frozen types. `law/compile/` turns each into primitives."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from offtake.domain.records import Count, Entry, Id, Latency, Length, Money, Share
from offtake.domain.selection import ActionKind, Selection

Measure = Literal["accelerators", "power", "units", "accelerator-hours", "tokens", "token-rate", "money"]
Window = Literal["any-time", "minute", "month", "quarter", "year", "term"]


class Clause(Entry):
    """What every clause states: where it is written, and from when until when (or until which event) it holds."""

    document: str | None = None
    section: str | None = None
    quote: str | None = None
    begins: date | None = Field(
        default=None, alias="from", description="the first day; else the agreement's signing"
    )
    ends: date | None = Field(
        default=None, alias="until", description="the first day on which it no longer holds"
    )
    until_event: str | None = Field(default=None, description="ends when this event happens")
    notice: Length | None = Field(
        default=None, description="notice to be given before its end, such as `90 days`; for the calendar"
    )
    covers: Selection = Selection()
    excepts: tuple[Selection, ...] = ()


class PartialTake(Entry):
    """How much of a need a holder may take."""

    minimum: Count | None = None
    multiple: Count | None = None
    whole_gangs: bool = Field(
        default=True, description="a need that must be whole is taken whole or not at all"
    )


class AnswerWindow(Entry):
    """The time to answer about needs of a size: at least `from` (else where the one before ends), and below `below`."""

    at_least: str | None = Field(
        default=None, alias="from", description="the smallest size, such as `10 MW`; else where the last ends"
    )
    below: str | None = Field(
        default=None, description="the first size that it is not about; the last window has none"
    )
    window: Length


class FirstRefusal(Clause):
    """The holder must be offered a need before the market (`offer`), or may match the best bid (`match`)."""

    kind: Literal["first-refusal"]
    holder: Id
    over: Literal["acquisition", "traffic"] = "acquisition"
    style: Literal["offer", "match"] = "offer"
    measure: Literal["accelerators", "power", "units"] = "accelerators"
    window: Length | None = Field(default=None, description="time to answer, such as `10 business days`")
    windows: tuple[AnswerWindow, ...] = Field(
        default=(), description="in the place of `window`: time to answer by the size of the deal"
    )
    calendar: str | None = Field(default=None, description="country whose business days count, such as US")
    silence: Literal["declines", "accepts"] = "declines"
    part: PartialTake = PartialTake()
    maximum_price: str | None = Field(
        default=None, description="an offer above this price discharges nothing"
    )
    discloses: tuple[str, ...] = Field(
        default=(), description="terms of the best bid shown to the holder of a `match`"
    )
    revives_after: Length | None = Field(
        default=None, description="asked again if no contract closed within this time"
    )
    material_change: Share | None = Field(
        default=None, description="asked again if the price falls by this share"
    )
    threshold: str | None = Field(default=None, description="needs below this quantity are not offered")
    aggregates_within: Length | None = Field(default=None, description="needs within this time count as one")
    rank: int = Field(default=1, ge=1, le=99)


class Exclusivity(Clause):
    """What it covers may run only at the providers named in `to`."""

    kind: Literal["exclusivity"]
    to: tuple[Id, ...] = Field(min_length=1)
    actions: tuple[ActionKind, ...] = ("place", "process")


class Residency(Clause):
    """Data of these classes may be processed (and rest, and be logged) only inside the boundary."""

    kind: Literal["residency"]
    data_classes: tuple[str, ...] = Field(min_length=1)
    boundary: tuple[str, ...] = Field(min_length=1, description="areas or country codes")
    includes: tuple[Literal["processing", "rest", "logs"], ...] = ("processing",)


class LatencyBound(Clause):
    """What it covers may be served only from regions within the bound of the client; an unknown pair is refused."""

    kind: Literal["latency"]
    bound: Latency
    statistic: str = "P50"


class Ceiling(Clause):
    """No more than `upper` of what it covers, at any time or in each window."""

    kind: Literal["ceiling"]
    measure: Measure
    upper: str = Field(description="a quantity of the measure, such as `100 accelerators`")
    window: Window = "any-time"


class Commitment(Clause):
    """The payer takes, or pays for, at least `amount` in each window."""

    kind: Literal["commitment"]
    payer: Id
    payee: Id
    measure: Measure
    amount: str = Field(description="a quantity of the measure per window, such as `2 million EUR`")
    window: Window = "year"
    style: Literal["perishable", "cumulative"] = "cumulative"
    shortfall: str | None = Field(
        default=None, description="price of a missing unit; money falls short at its face value"
    )
    make_up: int = Field(
        default=0, ge=0, le=120, description="windows in which what was paid and not taken may be drawn"
    )
    within: Id | None = Field(default=None, description="a commitment that this one's charges burn too")


class Budget(Clause):
    """The payer spends no more than `amount` in each window."""

    kind: Literal["budget"]
    payer: Id
    amount: Money | None = None
    fund: Id | None = Field(default=None, description="a fund of the estate that states the amount instead")
    window: Window = "year"
    spends: tuple[Literal["capital", "lease", "tokens", "energy", "operation", "settlement"], ...] = Field(
        default=(), description="the kinds of spending counted; empty counts all"
    )


class Licence(Clause):
    """The licensee may place, process and hold the models covered from its first day until its end, and not outside."""

    kind: Literal["licence"]
    licensee: Id
    grants: tuple[ActionKind, ...] = ("place", "process", "hold")


class Governance(Clause):
    """On an event a party's rights end; or an approval is needed before an action."""

    kind: Literal["governance"]
    on_event: str | None = None
    ends_rights_of: Id | None = Field(
        default=None, description="the party whose placements of what is covered end"
    )
    running: Literal["cut", "finish"] = "cut"
    approver: str | None = Field(default=None, description="who must approve, such as `board`")
    actions: tuple[ActionKind, ...] = ("acquire",)
    measure: Measure = "money"
    above: str | None = Field(default=None, description="approval is needed from this quantity on")


class LaunchPriority(Clause):
    """A model covered runs only at `first` until `days` after its launch, unless an event says it is not supported."""

    kind: Literal["launch-priority"]
    first: tuple[Id, ...] = Field(min_length=1)
    days: int = Field(ge=1, le=3650)
    unless_event: str | None = None


class Tier(Entry):
    """A price up to a quantity; the last tier has no upper end."""

    up_to: str | None = None
    price: str


class Price(Clause):
    """What the payer owes the payee for what it covers: tiers of the quantity, or a share of an amount with a cap."""

    kind: Literal["price"]
    payer: Id
    payee: Id
    measure: Measure
    tiers: tuple[Tier, ...] = ()
    tiering: Literal["marginal", "all-units"] = "marginal"
    share: Share | None = None
    cap: Money | None = None
    window: Window = "term"


AnyClause = Annotated[
    FirstRefusal
    | Exclusivity
    | Residency
    | LatencyBound
    | Ceiling
    | Commitment
    | Budget
    | Licence
    | Governance
    | LaunchPriority
    | Price,
    Field(discriminator="kind"),
]
