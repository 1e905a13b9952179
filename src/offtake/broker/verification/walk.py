"""The walk through a ledger: whether each entry, and each of its events, follows from those before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from offtake.broker.entries import Entry
from offtake.broker.events import (
    AgreementAmended,
    Approved,
    BidMade,
    BidWithdrawn,
    CommandRefused,
    Event,
    EventRecorded,
    HolderAnswered,
    HolderNoticed,
    LawInForce,
    LeaseReleased,
    LeasesInvoiced,
    LedgerOpened,
    MarketOpened,
    MeterRead,
    NeedAwarded,
    NeedCancelled,
    NeedFiled,
    NoticeLapsed,
    NoticeReceived,
    PriceInvoiced,
    ReadingReversed,
    RightRevived,
    WindowSettled,
)
from offtake.broker.library import Calendars, Library
from offtake.broker.ports import Optimiser
from offtake.broker.verification.chain import Chain, Kept, Lines, SealHolds, Seals, documents_of
from offtake.broker.verification.findings import Broken, Fault, Verification, follows
from offtake.broker.verification.ground import approved, happened, stood_on
from offtake.broker.verification.inspection import Audit
from offtake.broker.verification.invoiced import invoiced, nothing_left_out, prices_complete
from offtake.broker.verification.market import dealt
from offtake.broker.verification.metering import metered
from offtake.broker.verification.moving import moved
from offtake.broker.verification.rights import asked
from offtake.broker.verification.tenure import awarded, released
from offtake.domain.errors import OfftakeError

Progress = Callable[[str, int, int], None]
PROGRESS_EVERY = 200


def verified(
    kept: Kept,
    calendars: Calendars,
    optimiser: Optimiser,
    seal_holds: SealHolds,
    public_key: str | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Everything in a ledger derived again from its events, up to the first that does not follow."""
    audit = Audit(Library(calendars), optimiser)
    return _Walk(kept, audit, Seals(seal_holds, public_key), progress).run()


@dataclass
class _Walk:
    """One walk. `place` is what is looked at: the entry, which of its events, and its kind."""

    kept: Kept
    audit: Audit
    seals: Seals
    progress: Progress | None
    chain: Chain = field(default_factory=Chain)
    events: int = 0
    awards: int = 0
    place: tuple[int, int | None, str] = (0, None, "")

    def run(self) -> Verification:
        fault: Fault | None = None
        try:
            self._all()
        except Broken as broken:
            fault = Fault(*self.place, str(broken))
        except OfftakeError as error:
            fault = Fault(*self.place, error.message)
        chain = self.chain
        return Verification(
            chain.entries, self.events, self.seals.count, self.awards, chain.head, self.seals.key, fault
        )

    def _all(self) -> None:
        self.place = (0, None, "document")
        self.audit.documents = documents_of(self.kept)
        total, _ = self.kept.head()
        lines = Lines(self.kept.postings())
        for seq, digest, body in self.kept.bodies():
            self._entry(lines, seq, digest, body)
            if self.progress is not None and seq % PROGRESS_EVERY == 0:
                self.progress("verifying", seq, total)
        self.place = (self.chain.entries, None, "postings")
        lines.end()
        for seal in self.kept.seals():
            self.place = (seal.last, None, "seal")
            self.seals.check(self.chain, seal)
        self.place = (self.seals.covered + 1, None, "seal")
        self.seals.end(self.chain)

    def _entry(self, lines: Lines, seq: int, digest: str, body: str) -> None:
        self.place = (seq, None, "entry")
        entry, plain = self.chain.read(seq, digest, body)
        self.audit.written_in = self.chain.written_in
        month_before, self.audit.at = self.audit.at.replace(day=1).date(), entry.recorded
        known = (
            set(self.audit.books.leases)
            if month_before < entry.recorded.date().replace(day=1)
            else set[str]()
        )
        for n, event in enumerate(entry.events, 1):
            self.place = (seq, n, event.kind)
            self._event(event)
            self.events += 1
        self.place = (seq, None, "entry")
        books = self.audit.books
        stated = (entry.estate, entry.law, entry.policy)
        follows(stated == (books.estate, books.law, books.policy), "it names another estate, law or policy")
        prices_complete(self.audit)
        if self.audit.invoicing and len(entry.events) < self.audit.policy.maximum_due_per_entry:
            nothing_left_out(self.audit, known)
        self._postings(entry)
        self.chain.close(seq, digest)
        self.place = (seq, None, "postings")
        lines.match(seq, plain)

    def _postings(self, entry: Entry) -> None:
        sums: Counter[str] = Counter()
        for posting in entry.postings:
            sums[posting.unit] += posting.amount
        off = next((unit for unit, total in sums.items() if total), None)
        follows(off is None, f"its postings of {off} do not sum to nothing")
        stated = Counter((one.account, one.unit, one.amount) for one in entry.postings)
        follows(Counter(moved(self.audit, entry)) == stated, "its postings are not what its events move")

    def _event(self, event: Event) -> None:
        audit = self.audit
        match event:
            case LedgerOpened() | LawInForce() | AgreementAmended():
                stood_on(audit, event)
            case NeedFiled() | NeedCancelled() | BidMade() | BidWithdrawn() | MarketOpened():
                dealt(audit, event)
            case HolderNoticed() | NoticeReceived() | HolderAnswered() | NoticeLapsed() | RightRevived():
                asked(audit, event)
            case NeedAwarded():
                awarded(audit, event)
                self.awards += 1
            case LeaseReleased():
                released(audit, event)
            case Approved():
                approved(audit, event)
            case EventRecorded():
                happened(audit, event)
            case LeasesInvoiced() | PriceInvoiced():
                invoiced(self.audit, event)
            case MeterRead() | ReadingReversed() | WindowSettled():
                metered(audit, event)
            case CommandRefused():
                follows(event.reasons, "a refusal has a reason")
            case _:
                assert_never(event)
