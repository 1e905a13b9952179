"""What people and programs ask of the broker. A command is a frozen value; each is a verb."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from offtake.broker.terms import Bid, Need, Part


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNeed:
    """Asks for capacity; whoever holds a right is asked first."""

    kind: Literal["file-need"] = "file-need"
    need: Need


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """Says that a holder received its notice; else it is deemed received at the time that the notice states."""

    kind: Literal["acknowledge"] = "acknowledge"
    need: str
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A holder's answer to its open notice: what it takes, where, and at what price; nothing taken declines.

    Without a price it takes at the one that the notice states, or else at the product's.
    """

    kind: Literal["answer"] = "answer"
    need: str
    holder: str
    takes: tuple[Part, ...] = ()
    price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeBid:
    """Offers capacity for a need; a bid with the id of an earlier one of the same bidder replaces it."""

    kind: Literal["bid"] = "bid"
    bid: Bid


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """Takes a bid back."""

    kind: Literal["withdraw"] = "withdraw"
    bid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """Closes a need with what holders took and the best of the bids, if the law lets it."""

    kind: Literal["award"] = "award"
    need: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Extend:
    """Asks for a lease to go on: a new need from its end, with its supplier's bid at a price (else the old one)."""

    kind: Literal["extend"] = "extend"
    lease: str
    until: date
    price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Withdraws a need that has not been awarded."""

    kind: Literal["cancel"] = "cancel"
    need: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Gives a lease's capacity back from a day on; what its terms keep owed stays owed."""

    kind: Literal["release"] = "release"
    lease: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """Records an approver's yes to a need (None: to all that the clause covers)."""

    kind: Literal["approve"] = "approve"
    clause: str
    by: str
    need: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvent:
    """Records something that happened on a day, about one model or supply or about all."""

    kind: Literal["record-event"] = "record-event"
    event: str
    on: date
    about: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend:
    """Adds an amendment to an agreement; `amendment` is JSON of the shape that an estate file has."""

    kind: Literal["amend"] = "amend"
    agreement: str
    amendment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMeter:
    """Posts what a clause's meter or price counted on [begins, ends), beside what leases count by themselves."""

    kind: Literal["read-meter"] = "read-meter"
    id: str
    clause: str
    begins: date
    ends: date
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Correct:
    """Reverses a meter reading; the right one is posted as a reading of its own. Nothing is ever edited."""

    kind: Literal["correct"] = "correct"
    reading: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Records what is due by now: lapses, the notices that follow, revivals, windows that have ended."""

    kind: Literal["sweep"] = "sweep"


Command = Annotated[
    FileNeed
    | Acknowledge
    | Answer
    | MakeBid
    | Withdraw
    | Award
    | Extend
    | Cancel
    | Release
    | Approve
    | RecordEvent
    | Amend
    | ReadMeter
    | Correct
    | Sweep,
    Field(discriminator="kind"),
]
