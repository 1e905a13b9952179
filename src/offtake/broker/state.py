"""Where the broker stands: the fold of its events, as one frozen value that shares what did not change."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypeAlias

from immutables import Map

from offtake.broker.agenda import Agenda
from offtake.broker.profile import Profile
from offtake.broker.terms import Bid, Lease, Need, Notice, Take
from offtake.broker.transitions import Stage
from offtake.domain.position import Approval, Happened

Window: TypeAlias = tuple[str, date]
"""A window of a meter or price: its id, and the window's first day."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A notice to a holder, and what became of it.

    `elsewhere` is what the holder's answer leaves to those who come after it, in the need's measure. `closed` is the
    day from which its revival counts. A later round stands in the place of an earlier one (`superseded`).
    """

    notice: Notice
    deadline: datetime | None
    received: datetime | None = None
    outcome: Literal["open", "accept", "accept-part", "decline", "lapse"] = "open"
    takes: tuple[Take, ...] = ()
    price: Decimal | None = None
    currency: str = ""
    closed: date | None = None
    elsewhere: Decimal = Decimal(0)
    superseded: bool = False
    granted: bool = False  # What it takes has become a lease.
    awarded_before: int = 0  # How many grants of the deal were made before the notice.
    bids: tuple[str, ...] = ()  # Those behind the parts of a notice to match.

    @property
    def taken(self) -> Decimal:
        """What the holder takes."""
        return sum((part.quantity for part in self.takes), Decimal(0))

    def matched(self, bid: str) -> Decimal:
        """What the holder takes of a bid, which is not its bidder's to supply any more."""
        if self.granted or bid not in self.bids:
            return Decimal(0)
        place = self.bids.index(bid) + 1
        return sum((take.quantity for take in self.takes if take.matches == place), Decimal(0))


@dataclass(frozen=True, slots=True)
class Deal:
    """A need on its way to leases."""

    need: Need
    stage: Stage
    filed: datetime
    askings: tuple[Asking, ...] = ()
    bids: tuple[str, ...] = ()
    leases: tuple[str, ...] = ()
    granted: Decimal = Decimal(0)
    granted_by: tuple[tuple[str, Decimal], ...] = ()  # What was awarded so far, by bid or notice.
    pending: tuple[str, ...] = ()  # Procedures that were revived, and must be asked again.

    @property
    def open(self) -> Asking | None:
        """The notice that waits for an answer."""
        return next((one for one in reversed(self.askings) if one.outcome == "open"), None)

    @property
    def standing(self) -> tuple[Asking, ...]:
        """The last round of every right."""
        return tuple(one for one in self.askings if not one.superseded)

    @property
    def held(self) -> Decimal:
        """What holders took and has not been awarded yet."""
        return sum((one.taken for one in self.askings if not one.granted), Decimal(0))

    @property
    def left(self) -> Decimal:
        """What nobody has taken yet."""
        return self.need.quantity - self.granted - self.held


@dataclass(frozen=True, slots=True)
class PostedReading:
    """A reading of a meter or a price as it was posted."""

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


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """A window of a commitment that was settled; `paid` is what was billed for it, less what was drawn."""

    begins: date
    ends: date
    lower: Decimal
    taken: Decimal
    paid: Decimal


@dataclass(frozen=True, slots=True)
class State:
    """Everything that decisions look at. `known_at` and `law` name the law in force; times are UTC."""

    seq: int = 0
    last: datetime | None = None  # The time of the last record.
    opened: datetime | None = None
    clock: Literal["machine", "rehearsed"] = "machine"
    estate: str = ""
    policy: str = ""
    known_at: date = date.min
    law: str = ""
    deals: Map[str, Deal] = field(default_factory=Map[str, Deal])
    bids: Map[str, Bid] = field(default_factory=Map[str, Bid])
    leases: Map[str, Lease] = field(default_factory=Map[str, Lease])
    versions: Map[str, int] = field(
        default_factory=Map[str, int]
    )  # By subject: the last entry that touched it.
    pools: Map[str, Profile] = field(default_factory=Map[str, Profile])
    levels: Map[str, Profile] = field(default_factory=Map[str, Profile])  # By meter without a window.
    windowed: Map[Window, Decimal] = field(default_factory=Map[Window, Decimal])
    flows: Map[Window, Decimal] = field(default_factory=Map[Window, Decimal])
    readings: Map[str, PostedReading] = field(default_factory=Map[str, PostedReading])
    reversed: Map[str, bool] = field(default_factory=Map[str, bool])
    owed: Map[Window, Decimal] = field(default_factory=Map[Window, Decimal])
    priced: Map[Window, Decimal] = field(default_factory=Map[Window, Decimal])
    """By price and window: what leases were invoiced for; of a level by month, for how many micro-units."""
    invoiced: Map[str, date] = field(default_factory=Map[str, date])  # By lease: the first day not invoiced.
    billing: Map[date, frozenset[str]] = field(
        default_factory=Map[date, frozenset[str]]
    )  # Leases by month's end.
    billed_on: Map[str, date] = field(default_factory=Map[str, date])  # The same, by lease.
    closed: Map[str, tuple[ClosedWindow, ...]] = field(default_factory=Map[str, tuple[ClosedWindow, ...]])
    open_needs: Map[str, datetime] = field(
        default_factory=Map[str, datetime]
    )  # Neither awarded nor cancelled.
    happened: tuple[Happened, ...] = ()
    approvals: Map[str, tuple[str, ...]] = field(
        default_factory=Map[str, tuple[str, ...]]
    )  # By need, "" for all.
    due: Agenda = field(default_factory=Agenda)
    next_close: date | None = None  # The first day on which a window of a commitment can be settled.

    def approved(self, need: str) -> tuple[Approval, ...]:
        """The approvals that a need has."""
        for_all = tuple(Approval(procedure, None) for procedure in self.approvals.get("", ()))
        return (*for_all, *(Approval(procedure, need) for procedure in self.approvals.get(need, ())))


class Draft:
    """A state that is being written to by a run of events: what did not change is shared, what did is written once.

    After `finish` it is not used any more.
    """

    __slots__ = tuple(field.name for field in fields(State))

    def __init__(self, state: State) -> None:
        self.seq = state.seq
        self.last = state.last
        self.opened = state.opened
        self.clock: Literal["machine", "rehearsed"] = state.clock
        self.estate = state.estate
        self.policy = state.policy
        self.known_at = state.known_at
        self.law = state.law
        self.deals = state.deals.mutate()
        self.bids = state.bids.mutate()
        self.leases = state.leases.mutate()
        self.versions = state.versions.mutate()
        self.pools = state.pools.mutate()
        self.levels = state.levels.mutate()
        self.windowed = state.windowed.mutate()
        self.flows = state.flows.mutate()
        self.readings = state.readings.mutate()
        self.reversed = state.reversed.mutate()
        self.owed = state.owed.mutate()
        self.priced = state.priced.mutate()
        self.invoiced = state.invoiced.mutate()
        self.billing = state.billing.mutate()
        self.billed_on = state.billed_on.mutate()
        self.closed = state.closed
        self.open_needs = state.open_needs.mutate()
        self.happened = state.happened
        self.approvals = state.approvals
        self.due = state.due
        self.next_close = state.next_close

    def finish(self) -> State:
        """The state as it was written."""
        return State(
            self.seq,
            self.last,
            self.opened,
            self.clock,
            self.estate,
            self.policy,
            self.known_at,
            self.law,
            self.deals.finish(),
            self.bids.finish(),
            self.leases.finish(),
            self.versions.finish(),
            self.pools.finish(),
            self.levels.finish(),
            self.windowed.finish(),
            self.flows.finish(),
            self.readings.finish(),
            self.reversed.finish(),
            self.owed.finish(),
            self.priced.finish(),
            self.invoiced.finish(),
            self.billing.finish(),
            self.billed_on.finish(),
            self.closed,
            self.open_needs.finish(),
            self.happened,
            self.approvals,
            self.due,
            self.next_close,
        )
