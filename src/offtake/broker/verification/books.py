"""The auditor's own books: plain lists that every question is answered from by going through them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from offtake.broker.library import Rules
from offtake.broker.terms import Bid, Grant, Need, Notice, Take
from offtake.domain.position import Happened
from offtake.domain.selection import Action, Interval
from offtake.law.primitives import Meter

NOTHING = Decimal(0)
LEVEL_MEASURES = ("accelerators", "power", "units", "token-rate")


@dataclass(slots=True)
class Told:
    """A notice and what became of it."""

    notice: Notice
    deadline: datetime | None
    awarded_before: int
    outcome: Literal["open", "took", "declined", "lapsed"] = "open"
    takes: tuple[Take, ...] = ()
    bids: tuple[str, ...] = ()  # Behind the parts of a notice to match.
    price: Decimal | None = None
    currency: str = ""
    closed_on: date | None = None
    became_lease: bool = False

    @property
    def took(self) -> Decimal:
        """What its holder takes."""
        return sum((part.quantity for part in self.takes), NOTHING)


@dataclass(slots=True)
class Case:
    """A need as the auditor follows it."""

    need: Need
    filed: datetime
    told: list[Told] = field(default_factory=list[Told])
    bids: dict[str, Bid] = field(default_factory=dict[str, Bid])
    grants: list[Grant] = field(default_factory=list[Grant])
    closed: Literal["no", "awarded", "cancelled"] = "no"

    def use_up(self, grants: Sequence[Grant]) -> None:
        """Takes what was granted off the bids; of a bid that is whole, or below its minimum then, nothing is left."""
        for grant in grants:
            bid = self.bids.pop(grant.source, None)
            if bid is None or bid.whole:
                continue
            rest = bid.quantity - grant.quantity
            if rest > 0 and rest >= bid.minimum:
                self.bids[bid.id] = replace(bid, quantity=rest)

    def matched(self, bid: str) -> Decimal:
        """What holders supply of a bid in its bidder's place, until the award."""
        found = NOTHING
        for told in self.told:
            if not told.became_lease and bid in told.bids:
                place = told.bids.index(bid) + 1
                found += sum((take.quantity for take in told.takes if take.matches == place), NOTHING)
        return found

    @property
    def waiting(self) -> Told | None:
        """The notice that is open."""
        return next((one for one in self.told if one.outcome == "open"), None)

    @property
    def latest(self) -> list[Told]:
        """The last notice of every right."""
        return list({one.notice.procedure: one for one in self.told}.values())

    @property
    def left(self) -> Decimal:
        """What nobody took or was granted."""
        granted = sum((grant.quantity for grant in self.grants), NOTHING)
        return self.need.quantity - granted - sum((o.took for o in self.told if not o.became_lease), NOTHING)


@dataclass(slots=True)
class Held:
    """A lease, or what a holder took and keeps until the award."""

    id: str
    need: Need
    supplier: str
    supply: str
    quantity: Decimal
    price: Decimal
    currency: str
    kept_share: Decimal
    released: date | None = None
    amounts: dict[str, Decimal] = field(default_factory=dict[str, Decimal])

    @property
    def until(self) -> date:
        """The first day on which others may have it."""
        return self.need.ends if self.released is None else self.released

    def on(self, day: date) -> bool:
        """Whether it holds capacity on a day."""
        return self.need.begins <= day < self.until

    def hours(self, begins: date, ends: date) -> int:
        """Hours of [begins, ends) in which it holds capacity."""
        return max((min(ends, self.until) - max(begins, self.need.begins)).days, 0) * 24

    def counting(self, meter: Meter, begins: date, ends: date) -> Decimal:
        """Hours that count on a meter: on a commitment what was given back and stays owed is paid for."""
        hours = Decimal(self.hours(begins, ends))
        if meter.lower is None:
            return hours
        days = max((min(ends, self.need.ends) - max(begins, self.need.begins)).days, 0)
        return hours + (days * 24 - hours) * self.kept_share

    def owes(self, rules: Rules, begins: date, ends: date, currency: str | None) -> Decimal | None:
        """What it owes for the days of [begins, ends), in a currency, by months; None without a rate."""
        total = NOTHING
        for first, last in months(max(begins, self.need.begins), min(ends, self.need.ends)):
            rate = Decimal(1)
            if currency is not None and currency != self.currency:
                found = rules.law.rates.rate(self.currency, currency, first)
                if found is None:
                    return None
                rate = found
            held = self.hours(first, last)
            rest = (last - first).days * 24 - held
            total += self.price * self.quantity * (held + rest * self.kept_share) * rate
        return total

    def action(self, rules: Rules) -> Action:
        """It as an acquisition."""
        return Action(
            "acquire",
            Interval(self.need.begins, self.need.ends),
            actor=self.need.party,
            counterparty=self.supplier,
            workload=rules.workload(self.need),
            supply=rules.supply(self.supply),
            quantities=tuple(sorted(self.amounts.items())),
            currency=self.currency,
            spending="lease",
            need=self.need.id,
            gang=self.need.whole,
        )


@dataclass(slots=True)
class Noted:
    """A reading that was posted and not reversed."""

    id: str
    primitive: str
    begins: date
    ends: date
    amount: Decimal
    owed_micros: int
    payer: str | None
    payee: str | None
    currency: str | None


@dataclass(slots=True)
class Window:
    """A settled window of a commitment."""

    begins: date
    ends: date
    lower: Decimal
    taken: Decimal
    short: Decimal
    left: Decimal  # Of what was short: what may still be drawn.
    drawable_windows: int
    paid: Decimal


@dataclass(slots=True)
class Books:
    """Everything that the auditor remembers."""

    opened: datetime | None = None
    clock: str = "machine"
    estate: str = ""
    policy: str = ""
    known_at: date = date.min
    law: str = ""
    cases: dict[str, Case] = field(default_factory=dict[str, Case])
    open: dict[str, Case] = field(default_factory=dict[str, Case])  # Neither awarded nor cancelled.
    holding: dict[str, None] = field(default_factory=dict[str, None])  # Open, and something of it is kept.
    leases: dict[str, Held] = field(default_factory=dict[str, Held])
    readings: dict[str, Noted] = field(default_factory=dict[str, Noted])
    gone: set[str] = field(default_factory=set[str])
    happened: list[Happened] = field(default_factory=list[Happened])
    approvals: dict[str | None, list[str]] = field(default_factory=dict[str | None, list[str]])  # By need.
    windows: dict[str, list[Window]] = field(default_factory=dict[str, list[Window]])
    invoiced: dict[str, date] = field(
        default_factory=dict[str, date]
    )  # By lease: the first day not invoiced.
    priced: dict[tuple[str, date], Decimal] = field(default_factory=dict[tuple[str, date], Decimal])
    invoicing: date | None = None  # The end of the month that is being invoiced, and its leases' days.
    chunks: list[tuple[Held, date, date]] = field(default_factory=list[tuple[Held, date, date]])
    prices_seen: set[tuple[str, date]] = field(default_factory=set[tuple[str, date]])

    def close(self, need: str) -> None:
        """A need that is awarded or cancelled is looked at no more."""
        self.open.pop(need, None)
        self.holding.pop(need, None)

    def kept(self, rules: Rules, but: str | None = None) -> Iterator[Held]:
        """What holders took and has not become a lease, of every open need but one."""
        for id in self.holding:
            if id != but:
                case = self.cases[id]
                for told in case.told:
                    if not told.became_lease:
                        yield from (took(rules, case, told, part) for part in told.takes)


def flow(rules: Rules, held: Held, meter: Meter, begins: date, ends: date) -> Decimal:
    """What a lease counts on a meter on [begins, ends): money, hours, or the mean of a level."""
    if meter.measure == "money":
        return held.owes(rules, begins, ends, meter.currency) or NOTHING
    hours = held.counting(meter, begins, ends)
    if meter.measure == "accelerator-hours":
        return held.amounts.get("accelerators", NOTHING) * hours
    if meter.measure in LEVEL_MEASURES:
        return held.amounts.get(meter.measure, NOTHING) * hours / (24 * (ends - begins).days)
    return NOTHING


def took(rules: Rules, case: Case, told: Told, part: Take) -> Held:
    """What a holder took, as a lease to be."""
    supply = rules.supply(part.supply)
    return Held(
        told.notice.id,
        case.need,
        supply.party or supply.provider or "",
        part.supply,
        part.quantity,
        (told.price if part.price is None else part.price) or NOTHING,
        part.currency or told.currency or case.need.currency,
        Decimal(1),
        None,
        rules.amounts(supply, case.need.measure, part.quantity),
    )


def months(begins: date, ends: date) -> Iterator[tuple[date, date]]:
    """[begins, ends) by calendar months."""
    while begins < ends:
        following = (begins.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield begins, min(following, ends)
        begins = following
