"""The walk through a ledger: chain, seals and sums first, then whether each event follows from those before it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, Protocol, assert_never

from offtake.broker.documents import canonical, law_digest, sha256
from offtake.broker.entries import Entry, Seal, entry_of, sealed_message
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
    LedgerOpened,
    MarketOpened,
    MeterRead,
    NeedAwarded,
    NeedCancelled,
    NeedFiled,
    NoticeLapsed,
    NoticeReceived,
    ReadingReversed,
    RightRevived,
    WindowSettled,
)
from offtake.broker.library import Calendars, Library, Rules
from offtake.broker.policy import Policy, policy_of
from offtake.broker.ports import Optimiser
from offtake.broker.terms import Notice, Posting
from offtake.broker.verification.awards import Audit, countable, faults, over
from offtake.broker.verification.books import LEVEL_MEASURES, NOTHING, Books, Case, Held, Noted, Told, Window
from offtake.domain.errors import OfftakeError
from offtake.domain.position import Happened
from offtake.domain.quantities import Span
from offtake.law.primitives import Meter, PriceSchedule, Procedure
from offtake.law.windows import window_at

BEFORE: Final = datetime(1, 1, 1, tzinfo=UTC)
SealHolds = Callable[[str, bytes, str], bool]
Progress = Callable[[str, int, int], None]


class Kept(Protocol):
    """What the auditor reads of a ledger: what is kept, as it is kept."""

    def head(self) -> tuple[int, str]: ...
    def bodies(self, after: int = 0) -> Iterator[tuple[int, str, str]]: ...
    def documents(self) -> Iterator[tuple[str, str, str]]: ...
    def seals(self) -> Iterator[Seal]: ...
    def postings(self) -> Iterator[tuple[int, int, str, str, int]]: ...


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


class _Broken(Exception):
    """Something does not follow."""


def _follows(holds: object, why: str) -> None:
    if not holds:
        raise _Broken(why)


def verified(
    kept: Kept,
    calendars: Calendars,
    optimiser: Optimiser,
    seal_holds: SealHolds,
    public_key: str | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Everything in a ledger derived again from its events, up to the first that does not follow."""
    return _Walk(kept, calendars, optimiser, seal_holds, public_key, progress).run()


@dataclass
class _Counts:
    entries: int = 0
    events: int = 0
    seals: int = 0
    awards: int = 0
    head: str = ""
    key: str = ""


@dataclass
class _Walk:
    """One walk. Its state is the books; every check raises _Broken with the reason."""

    kept: Kept
    calendars: Calendars
    optimiser: Optimiser
    seal_holds: SealHolds
    public_key: str | None
    progress: Progress | None
    books: Books = field(default_factory=Books)
    counts: _Counts = field(default_factory=_Counts)
    policy: Policy = field(default_factory=Policy)
    documents: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    keys: set[str] = field(default_factory=set[str])
    last: datetime | None = None
    at: datetime = BEFORE
    place: tuple[int, int | None, str] = (0, None, "")

    def run(self) -> Verification:
        self.library = Library(self.calendars)
        fault: Fault | None = None
        try:
            self._documents()
            total, _ = self.kept.head()
            lines = self.kept.postings()
            pending: list[tuple[int, int, str, str, int]] = []
            for seq, digest, body in self.kept.bodies():
                self._entry(seq, digest, body)
                pending = self._lines(lines, pending, seq, body)
                if self.progress is not None and seq % 200 == 0:
                    self.progress("verifying", seq, total)
            self.place = (self.counts.entries, None, "postings")
            _follows(not pending and next(lines, None) is None, "there are postings of no entry")
            self._seals()
        except _Broken as broken:
            fault = Fault(*self.place, str(broken))
        except OfftakeError as error:
            fault = Fault(*self.place, error.message)
        c = self.counts
        return Verification(c.entries, c.events, c.seals, c.awards, c.head, c.key, fault)

    # Chain -------------------------------------------------------------------------------------------------------

    def _documents(self) -> None:
        for digest, kind, body in self.kept.documents():
            self.place = (0, None, "document")
            _follows(sha256(body) == digest, f"the {kind} {digest[:12]} is not what its hash says")
            self.documents[digest] = (kind, body)

    def _entry(self, seq: int, digest: str, body: str) -> None:
        self.place = (seq, None, "entry")
        _follows(seq == self.counts.entries + 1, f"entry {self.counts.entries + 1} is missing")
        _follows(sha256(body) == digest, "its body is not what its hash says")
        plain = json.loads(body)
        _follows(canonical(plain) == body, "its body is not canonical")
        _follows(plain.get("seq") == seq, "its body has another number")
        _follows(plain.get("previous") == self.counts.head, "it does not follow the hash of the entry before")
        entry = entry_of(body, digest)
        _follows(entry.key not in self.keys, f"the key `{entry.key}` was used before")
        self.keys.add(entry.key)
        _follows(
            self.last is None or entry.recorded >= self.last, "it was recorded before the entry before it"
        )
        _follows((entry.command is None) == (seq == 1), "the first entry opens the ledger, and no other")
        self.last = self.at = entry.recorded
        for n, event in enumerate(entry.events, 1):
            self.place = (seq, n, event.kind)
            self._event(event)
            self.counts.events += 1
        self.place = (seq, None, "entry")
        stated = (entry.estate, entry.law, entry.policy)
        _follows(
            stated == (self.books.estate, self.books.law, self.books.policy),
            "it names another estate, law or policy",
        )
        self._postings(entry)
        self.counts.entries, self.counts.head = seq, digest

    def _seals(self) -> None:
        covered = 0
        for seal in self.kept.seals():
            self.place = (seal.last, None, "seal")
            _follows(seal.first == covered + 1, f"no seal covers entry {covered + 1}")
            key = self.public_key or self.counts.key or seal.key
            _follows(seal.key == key, "it is sealed with another key")
            message = sealed_message(seal.first, seal.last, seal.hash)
            _follows(self.seal_holds(seal.key, message, seal.signature), "its seal does not hold")
            hash_there = next((h for s, h, _ in self.kept.bodies(seal.last - 1) if s == seal.last), None)
            _follows(hash_there == seal.hash, "its seal is over another hash")
            covered, self.counts.key, self.counts.seals = seal.last, seal.key, self.counts.seals + 1
        self.place = (covered + 1, None, "seal")
        _follows(covered == self.counts.entries, "it is not sealed")

    # Sums --------------------------------------------------------------------------------------------------------

    def _postings(self, entry: Entry) -> None:
        sums: Counter[str] = Counter()
        for posting in entry.postings:
            sums[posting.unit] += posting.amount
        off = next((unit for unit, total in sums.items() if total), None)
        _follows(off is None, f"its postings of {off} do not sum to nothing")
        _follows(
            Counter(self._expected(entry)) == Counter(map(_key, entry.postings)),
            "its postings are not what its events move",
        )

    def _lines(
        self,
        lines: Iterator[tuple[int, int, str, str, int]],
        pending: list[tuple[int, int, str, str, int]],
        seq: int,
        body: str,
    ) -> list[tuple[int, int, str, str, int]]:
        """The table of postings against the entry that made them; the first line of a later entry is handed on."""
        self.place = (seq, None, "postings")
        mine = [line for line in pending if line[0] == seq]
        rest = [line for line in pending if line[0] != seq]
        if not rest:
            for line in lines:
                if line[0] != seq:
                    rest = [line]
                    break
                mine.append(line)
        stated = [(p["account"], p["unit"], p["amount"]) for p in json.loads(body)["postings"]]
        _follows([line[2:] for line in mine] == stated, "the table of postings differs from the entry")
        return rest

    def _expected(self, entry: Entry) -> Iterable[tuple[str, str, int]]:
        """What an entry's events move, by account and unit, without what cancels out."""
        sums: Counter[tuple[str, str]] = Counter()

        def move(debit: str, credit: str, unit: str, amount: int) -> None:
            sums[debit, unit] += amount
            sums[credit, unit] -= amount

        for event in entry.events:
            self._moves(event, move)
        return [(account, unit, amount) for (account, unit), amount in sums.items() if amount]

    def _moves(self, event: Event, move: Callable[[str, str, str, int], None]) -> None:
        match event:
            case NeedAwarded():
                for grant in event.grants:
                    lease = self.books.leases[grant.lease]
                    hours = lease.quantity * 24 * (lease.need.ends - lease.need.begins).days
                    tenant = lease.need.party
                    move(
                        f"{tenant}:committed",
                        f"{lease.supplier}:backlog",
                        lease.currency,
                        _micros(hours * lease.price),
                    )
                    move(
                        f"{tenant}:capacity-leased",
                        f"{lease.supplier}:capacity-sold",
                        _hours(lease),
                        _thousandths(hours),
                    )
            case LeaseReleased():
                lease = self.books.leases[event.lease]
                hours = lease.quantity * 24 * (lease.need.ends - event.on).days
                tenant = lease.need.party
                move(f"{lease.supplier}:backlog", f"{tenant}:committed", lease.currency, event.waived_micros)
                move(
                    f"{lease.supplier}:capacity-sold",
                    f"{tenant}:capacity-leased",
                    _hours(lease),
                    _thousandths(hours),
                )
            case WindowSettled():
                payer, payee = f"{event.payer or 'payer'}:shortfall", f"{event.payee or 'payee'}:receivable"
                move(payer, payee, event.currency or "XXX", event.billed_micros - event.drawn_micros)
            case MeterRead() if event.currency is not None:
                move(
                    f"{event.payer or 'payer'}:owed",
                    f"{event.payee or 'payee'}:receivable",
                    event.currency,
                    event.owed_micros,
                )
            case ReadingReversed():
                read = self.books.readings[event.reading]
                if read.currency is not None:
                    move(
                        f"{read.payer or 'payer'}:owed",
                        f"{read.payee or 'payee'}:receivable",
                        read.currency,
                        -event.owed_micros,
                    )
            case _:
                pass

    # Events ------------------------------------------------------------------------------------------------------

    @property
    def rules(self) -> Rules:
        """The rules in force here."""
        return self.library.rules(self.books.estate, self.books.known_at)

    @property
    def audit(self) -> Audit:
        """What an award is checked with, here."""
        return Audit(self.rules, self.books, self.optimiser, self.policy.gap, self.at)

    def _event(self, event: Event) -> None:
        match event:
            case LedgerOpened() | LawInForce() | AgreementAmended():
                self._ground(event)
            case NeedFiled() | NeedCancelled() | BidMade() | BidWithdrawn() | MarketOpened():
                self._market(event)
            case HolderNoticed() | NoticeReceived() | HolderAnswered() | NoticeLapsed() | RightRevived():
                self._right(event)
            case NeedAwarded():
                self._awarded(event)
            case LeaseReleased():
                self._released(event)
            case Approved() | EventRecorded():
                self._recorded(event)
            case MeterRead() | ReadingReversed() | WindowSettled():
                self._metered(event)
            case CommandRefused():
                _follows(event.reasons, "a refusal has a reason")
            case _:
                assert_never(event)

    def _ground(self, event: LedgerOpened | LawInForce | AgreementAmended) -> None:
        books = self.books
        match event:
            case LedgerOpened():
                _follows(books.opened is None, "the ledger was opened before")
                books.opened, books.estate, books.policy, books.clock = (
                    self.at,
                    event.estate,
                    event.policy,
                    event.clock,
                )
                self._estate(event.estate)
                kind, body = self.documents.get(event.policy, ("", ""))
                _follows(kind == "policy", "the policy that it names is not kept")
                self.policy = policy_of(body)
            case LawInForce():
                estate = self.library.estate(books.estate)
                signed = [a.signed for a in estate.agreements.values()]
                signed += [m.signed for a in estate.agreements.values() for m in a.amendments]
                known = max((day for day in signed if day <= self.at.date()), default=date.min)
                _follows(event.known_at == known, f"what is known on {self.at.date()} was signed by {known}")
                books.known_at = event.known_at
                _follows(law_digest(self.rules.law) == event.law, "the law compiles to another hash")
                books.law = event.law
            case AgreementAmended():
                before = self.library.estate(books.estate)
                self._estate(event.estate)
                after = self.library.estate(event.estate)
                same = {k: v for k, v in before.agreements.items() if k != event.agreement}
                kept = {k: v for k, v in after.agreements.items() if k != event.agreement}
                changed = before.model_copy(update={"agreements": after.agreements}) == after
                _follows(same == kept and changed, "more than the agreement was changed")
                old, new = before.agreements[event.agreement], after.agreements[event.agreement]
                _follows(
                    new.amendments[:-1] == old.amendments and new.clauses == old.clauses,
                    "an amendment adds to what was agreed",
                )
                _follows(new.amendments[-1].signed >= self.at.date(), "an amendment was signed in the past")
                books.estate = event.estate

    def _estate(self, digest: str) -> None:
        kind, body = self.documents.get(digest, ("", ""))
        _follows(kind == "estate", f"the estate {digest[:12]} is not kept")
        self.library.add_document(body)

    def _case(self, id: str) -> Case:
        found = self.books.cases.get(id)
        if found is None:
            raise _Broken(f"there is no need `{id}`")
        return found

    def _market(self, event: NeedFiled | NeedCancelled | BidMade | BidWithdrawn | MarketOpened) -> None:
        match event:
            case NeedFiled():
                need = event.need
                _follows(need.id not in self.books.cases, f"the need `{need.id}` was filed before")
                _follows(
                    need.quantity > 0 and need.begins < need.ends, "the need is of something, for some time"
                )
                self.books.cases[need.id] = Case(need, self.at)
            case NeedCancelled():
                case = self._case(event.need)
                _follows(case.closed == "no", "the need was closed before")
                case.closed = "cancelled"
            case BidMade():
                case, bid = self._case(event.bid.need), event.bid
                _follows(case.closed == "no", "the need is closed")
                supply = self.rules.supply(bid.supply)
                _follows(bid.bidder in (supply.party, supply.provider), f"{bid.supply} is not {bid.bidder}'s")
                _follows(bid.quantity > 0 and 0 <= bid.minimum <= bid.quantity, "the bid offers nothing")
                case.bids.pop(bid.id, None)
                case.bids[bid.id] = bid
            case BidWithdrawn():
                _follows(self._case(event.need).bids.pop(event.bid, None), "there is no such bid")
            case MarketOpened():
                case = self._case(event.need)
                _follows(
                    case.closed == "no" and case.waiting is None,
                    "a holder may still answer, or the need is closed",
                )
                _follows(event.quantity == case.left, f"{case.left} are left, not {event.quantity}")
                unasked = self._unasked(case)
                _follows(unasked is None, f"{unasked} has not been asked")

    def _unasked(self, case: Case) -> str | None:
        """The first right to be offered this need that was not, in rank."""
        if case.left <= 0:
            return None
        asked = {told.notice.procedure for told in case.told}
        for right in sorted(self.rules.law.procedures, key=lambda one: (one.rank, one.id)):
            if right.style == "offer" and right.id not in asked and self._covered(right, case):
                return right.id
        return None

    def _covered(self, right: Procedure, case: Case) -> bool:
        if over(self.audit, right, case) is None:
            return False
        if right.threshold is None:
            return True
        sizes = dict(countable(self.audit, right))
        if right.aggregates_within is None:
            return sizes.get(case.need.id, NOTHING) >= right.threshold
        return case.need.id in sizes and sum(sizes.values(), NOTHING) >= right.threshold

    # Rights ------------------------------------------------------------------------------------------------------

    def _right(
        self, event: HolderNoticed | NoticeReceived | HolderAnswered | NoticeLapsed | RightRevived
    ) -> None:
        match event:
            case HolderNoticed():
                self._noticed(event.notice)
            case RightRevived():
                case = self._case(event.need)
                _follows(
                    case.closed == "no" and case.waiting is None, "the need is closed, or a holder may answer"
                )
                self._revives(case, event)
            case NoticeReceived():
                told = self._waiting(event.need, event.notice)
                right = self._procedure(told.notice)
                _follows(event.received == self.at, "it was received when it was recorded")
                _follows(self.at < told.notice.deemed_received, "it was deemed received before")
                _follows(event.deadline == self._deadline(right, self.at), "the deadline is another")
                told.deadline = event.deadline
            case HolderAnswered():
                self._answered(event)
            case NoticeLapsed():
                told = self._waiting(event.need, event.notice)
                _follows(
                    told.deadline is not None and told.deadline < self.at, "the time to answer was not over"
                )
                _follows(event.deadline == told.deadline, "the deadline is another")
                told.outcome, told.closed_on = "lapsed", event.deadline.date()

    def _waiting(self, need: str, notice: str) -> Told:
        told = self._case(need).waiting
        if told is None or told.notice.id != notice:
            raise _Broken(f"the notice {notice} is not open")
        return told

    def _procedure(self, notice: Notice) -> Procedure:
        found = next((one for one in self.rules.law.procedures if one.id == notice.procedure), None)
        if found is None:
            raise _Broken(f"the law knows no right {notice.procedure}")
        return found

    def _noticed(self, notice: Notice) -> None:
        case, right = self._case(notice.need), self._procedure(notice)
        _follows(
            case.closed == "no" and case.waiting is None, "the need is closed, or another holder may answer"
        )
        _follows(
            (notice.holder, notice.clause) == (right.holder, right.origin.clause), "the right is another's"
        )
        said = {
            k: str(v) for k, v in _fields(notice) if k not in ("deemed_received", "deadline", "terms_hash")
        }
        _follows(sha256(canonical(said)) == notice.terms_hash, "its terms are not what their hash says")
        _follows(0 < notice.quantity <= case.left, f"{notice.quantity} are offered, and {case.left} are left")
        _follows(over(self.audit, right, case) is not None, f"{right.id} is not about this need")
        if notice.because == "need":
            _follows(notice.quantity == case.left, "the whole of what is left is offered")
            _follows(self._unasked(case) in (None, right.id), "another holder is asked before")
        _follows(self._deemed(right) == notice.deemed_received, "it is deemed received at another time")
        deadline = self._deadline(right, notice.deemed_received)
        _follows(notice.deadline == deadline, f"the deadline is {deadline}, not {notice.deadline}")
        told = set(dict(notice.disclosed)) - {"measure", "from", "until", "accelerators", "regions", "whole"}
        _follows(
            told <= set(right.discloses),
            f"more is disclosed than the clause lists: {', '.join(sorted(told))}",
        )
        case.told.append(Told(notice, deadline, len(case.grants)))

    def _revives(self, case: Case, event: RightRevived) -> None:
        right = next((one for one in self.rules.law.procedures if one.id == event.procedure), None)
        last = next((told for told in reversed(case.told) if told.notice.procedure == event.procedure), None)
        if right is None:
            raise _Broken(f"the law knows no right {event.procedure}")
        match event.because:
            case "best bid":
                _follows(right.style == "match", "only a right to match is asked about the best bid")
            case "aggregation":
                _follows(last is None and self._covered(right, case), "the needs do not reach the threshold")
            case "material change":
                _follows(last is not None and right.material_change is not None, "nothing was refused before")
            case "revival":
                if last is None or last.closed_on is None or right.revives_after is None:
                    raise _Broken("nothing lapsed or was refused that could revive")
                day = self._later(right, last.closed_on, right.revives_after)
                _follows(
                    self.at.date() > day and not case.grants,
                    f"it revives after {day}, if nothing is contracted",
                )

    def _answered(self, event: HolderAnswered) -> None:
        told = self._waiting(event.need, event.notice)
        case, right = self._case(event.need), self._procedure(told.notice)
        late = told.deadline is not None and told.deadline < self.at
        _follows(
            late == event.by_silence,
            "it was too late" if late else "silence says nothing before the deadline",
        )
        _follows(not event.by_silence or right.silence == "accepts", "silence declines")
        quantity = sum((part.quantity for part in event.takes), NOTHING)
        asked = told.notice.quantity
        _follows(
            (quantity == asked, 0 < quantity < asked, quantity == 0)
            == (event.move == "accept", event.move == "accept-part", event.move == "decline"),
            f"to take {quantity} of {asked} is not to {event.move}",
        )
        if event.move == "accept-part":
            _follows(not (case.need.whole and right.whole_gangs), "the need must stay whole")
            _follows(
                right.minimum is None or quantity >= right.minimum, f"{quantity} is less than {right.minimum}"
            )
            _follows(
                right.multiple is None or quantity % right.multiple == 0,
                f"{quantity} is no multiple of {right.multiple}",
            )
        if quantity:
            _follows(event.price is not None, "a take has a price")
            _follows(
                told.notice.style != "match" or event.price == told.notice.price, "a match moves no price"
            )
            _follows(self._counts(right, case, event), "the price is above what the clause lets count")
            for part in event.takes:
                supply = self.rules.supply(part.supply)
                _follows(
                    right.holder in (supply.party, supply.provider), f"{part.supply} is not {right.holder}'s"
                )
        elif event.discharges_nothing:
            _follows(right.maximum_price is not None, "the clause states no highest price")
        told.outcome = "took" if quantity else "declined"
        told.takes, told.price, told.currency, told.closed_on = (
            event.takes,
            event.price,
            event.currency,
            self.at.date(),
        )

    def _counts(self, right: Procedure, case: Case, event: HolderAnswered) -> bool:
        if right.maximum_price is None or event.price is None:
            return True
        supply = self.rules.supply(event.takes[0].supply)
        unit = self.rules.amounts(supply, case.need.measure, Decimal(1)).get(right.measure, Decimal(1))
        return event.price / unit <= right.maximum_price

    def _later(self, right: Procedure, day: date, span: Span) -> date:
        """A day a span later, business days counted one by one."""
        months = day.year * 12 + day.month - 1 + span.months
        first = date(months // 12, months % 12 + 1, 1)
        following = (first + timedelta(days=31)).replace(day=1)
        moved = first + timedelta(days=min(day.day, (following - first).days) - 1 + span.days)
        works, left = self.calendars(right.calendar), span.business_days
        while left:
            moved += timedelta(days=1)
            if works(moved):
                left -= 1
        return moved

    def _deadline(self, right: Procedure, received: datetime) -> datetime | None:
        if right.window is None:
            return None
        day = self._later(right, received.date(), right.window)
        return received.replace(year=day.year, month=day.month, day=day.day)

    def _deemed(self, right: Procedure) -> datetime:
        left, day = self.policy.deemed_received_business_days, self.at.date()
        if not left:
            return self.at
        while left:
            day += timedelta(days=1)
            left -= self.calendars(right.calendar)(day)
        return self.at.replace(
            year=day.year, month=day.month, day=day.day, hour=9, minute=0, second=0, microsecond=0
        )

    # Leases ------------------------------------------------------------------------------------------------------

    def _awarded(self, event: NeedAwarded) -> None:
        case = self._case(event.need)
        wrong = next(faults(self.audit, case, event), None)
        _follows(wrong is None, wrong or "")
        for grant in event.grants:
            _follows(grant.lease not in self.books.leases, f"there is a lease {grant.lease} already")
            supply = self.rules.supply(grant.supply)
            self.books.leases[grant.lease] = Held(
                grant.lease,
                case.need,
                grant.supplier,
                grant.supply,
                grant.quantity,
                grant.price,
                grant.currency,
                grant.release_share,
                None,
                self.rules.amounts(supply, case.need.measure, grant.quantity),
            )
        for told in case.told:
            told.became_lease = told.became_lease or bool(told.takes)
        case.grants.extend(event.grants)
        case.use_up(event.grants)
        if not event.unmet:
            case.closed = "awarded"
        self.counts.awards += 1

    def _released(self, event: LeaseReleased) -> None:
        lease = self.books.leases.get(event.lease)
        if lease is None:
            raise _Broken(f"there is no lease `{event.lease}`")
        _follows(lease.released is None, "it was released before")
        _follows(
            max(lease.need.begins, self.at.date()) <= event.on < lease.need.ends,
            "a lease is released from a day of its term that is not over",
        )
        rest = lease.price * lease.quantity * 24 * (lease.need.ends - event.on).days
        _follows(event.kept_micros == _micros(rest * lease.kept_share), "what stays owed is another amount")
        _follows(
            event.waived_micros == _micros(rest - rest * lease.kept_share), "what is waived is another amount"
        )
        lease.released = event.on

    # The record --------------------------------------------------------------------------------------------------

    def _recorded(self, event: Approved | EventRecorded) -> None:
        if isinstance(event, EventRecorded):
            _follows(event.on <= self.at.date(), "it had not happened yet")
            self.books.happened.append(Happened(event.event, event.on, event.about))
            return
        right = next((one for one in self.rules.law.procedures if one.id == event.procedure), None)
        _follows(right is not None and right.style == "approve", "no such approval is asked for")
        _follows(right is not None and right.holder == event.by, f"{event.by} has nothing to approve there")
        self.books.approvals.append((event.procedure, event.need))

    def _metered(self, event: MeterRead | ReadingReversed | WindowSettled) -> None:
        match event:
            case MeterRead():
                self._read(event)
            case ReadingReversed():
                reading = self.books.readings.get(event.reading)
                if reading is None:
                    raise _Broken(f"there is no reading `{event.reading}`")
                _follows(reading.id not in self.books.gone, "it was reversed before")
                schedule = self._schedule(reading.primitive)
                before = self._owing(schedule, reading.begins) if schedule else NOTHING
                self.books.gone.add(reading.id)
                after = self._owing(schedule, reading.begins) if schedule else NOTHING
                _follows(
                    abs(_micros(before - after) - event.owed_micros) <= 1,
                    "what is owed less is another amount",
                )
            case WindowSettled():
                self._settled(event)

    def _read(self, event: MeterRead) -> None:
        _follows(event.id not in self.books.readings, f"there is a reading `{event.id}` already")
        _follows(event.amount >= 0 and event.begins < event.ends, "a reading counts something on some days")
        schedule = self._schedule(event.primitive)
        known = schedule is not None or any(meter.id == event.primitive for meter in self.rules.law.meters)
        _follows(known, f"nothing is counted under {event.primitive}")
        before = self._owing(schedule, event.begins) if schedule else NOTHING
        self.books.readings[event.id] = Noted(
            event.id,
            event.primitive,
            event.begins,
            event.ends,
            event.amount,
            event.owed_micros,
            event.payer,
            event.payee,
            event.currency,
        )
        after = self._owing(schedule, event.begins) if schedule else NOTHING
        _follows(abs(_micros(after - before) - event.owed_micros) <= 1, "what is owed is another amount")

    def _schedule(self, primitive: str) -> PriceSchedule | None:
        return next((one for one in self.rules.law.prices if one.id == primitive), None)

    def _owing(self, schedule: PriceSchedule, day: date) -> Decimal:
        """What a price makes everything read in a window cost, tier by tier."""
        window = window_at(schedule.window, day, schedule.scope.begins, schedule.scope.ends)
        quantity = sum(
            (
                one.amount
                for one in self.books.readings.values()
                if one.primitive == schedule.id
                and one.id not in self.books.gone
                and window.overlaps(one.begins, one.ends)
            ),
            NOTHING,
        )
        if schedule.share is not None:
            total = schedule.share * quantity
        elif schedule.tiering == "all-units":
            fitting = [t.price for t in schedule.tiers if t.up_to is None or quantity <= t.up_to]
            total = quantity * (fitting[0] if fitting else schedule.tiers[-1].price)
        else:
            total, low = NOTHING, NOTHING
            for tier in schedule.tiers:
                high = quantity if tier.up_to is None else min(tier.up_to, quantity)
                total += max(high - low, NOTHING) * tier.price
                low = max(high, low)
        return total if schedule.cap is None else min(total, schedule.cap)

    def _settled(self, event: WindowSettled) -> None:
        meter = next((one for one in self.rules.law.meters if one.id == event.meter), None)
        if meter is None or meter.lower is None:
            raise _Broken(f"the law knows no commitment {event.meter}")
        _follows(event.ends <= self.at.date(), f"the window ends on {event.ends}")
        earlier = self.books.windows.setdefault(meter.id, [])
        _follows(not earlier or earlier[-1].ends == event.begins, "windows are settled one after the other")
        _follows(
            self.books.opened is not None and event.begins >= self.books.opened.date(),
            "it began before the ledger",
        )
        whole = window_at(meter.window, event.begins, meter.scope.begins, meter.scope.ends)
        opens = max(whole.begins, meter.scope.begins or date.min)
        closes = min(whole.ends or date.max, meter.scope.ends or date.max)
        _follows((event.begins, event.ends) == (opens, closes), f"the window is {opens} until {closes}")
        lower = meter.lower
        if meter.window != "term" and meter.measure not in LEVEL_MEASURES and whole.ends is not None:
            lower = lower * (closes - opens).days / (whole.ends - whole.begins).days
        _follows(event.lower == lower, f"{lower} were committed")
        taken = self.books.counted(self.rules, meter, opens, closes)
        _follows(_near(event.taken, taken), f"{taken} were taken, not {event.taken}")
        drawn, short = self._drawn(meter, earlier, event.taken, lower)
        _follows((event.drawn, event.short) == (drawn, short), f"{drawn} were drawn and {short} short")
        hours = 24 * (closes - opens).days if meter.measure in LEVEL_MEASURES else 1
        price = (meter.shortfall_price or NOTHING) * hours
        _follows(event.billed_micros == _micros(short * price), "another amount was billed")
        _follows(event.drawn_micros == _micros(drawn * price), "another amount was credited")
        paid = Decimal(event.billed_micros - event.drawn_micros) / 1_000_000
        keeps = 0 if meter.perishable else meter.make_up_windows
        earlier.append(
            Window(opens, closes, lower, event.taken, short, short if keeps else NOTHING, keeps, paid)
        )

    def _drawn(
        self, meter: Meter, earlier: Sequence[Window], taken: Decimal, lower: Decimal
    ) -> tuple[Decimal, Decimal]:
        """What is drawn from earlier windows, the oldest first while they last, and what is short."""
        del meter
        want, drawn = max(taken - lower, NOTHING), NOTHING
        for age, window in zip(range(len(earlier), 0, -1), earlier, strict=True):
            if age <= window.drawable_windows:
                use = min(window.left, want - drawn)
                window.left -= use
                drawn += use
        return drawn, max(lower - taken, NOTHING)


def _near(one: Decimal, other: Decimal) -> bool:
    """Equal but for what divisions in another order leave in the last of 28 digits."""
    return abs(one - other) <= max(abs(one), Decimal(1)) * Decimal("1e-20")


def _micros(amount: Decimal) -> int:
    return int((amount * 1_000_000).to_integral_value(rounding=ROUND_HALF_EVEN))


def _thousandths(hours: Decimal) -> int:
    return int((hours * 1000).to_integral_value(rounding=ROUND_HALF_EVEN))


def _hours(lease: Held) -> str:
    names = {"accelerators": "accelerator-hour", "units": "unit-hour", "power": "MW-hour"}
    return f"{names[lease.need.measure]}/1000"


def _key(posting: Posting) -> tuple[str, str, int]:
    return posting.account, posting.unit, posting.amount


def _fields(notice: Notice) -> Iterator[tuple[str, object]]:
    for name in type(notice).__dataclass_fields__:
        yield name, getattr(notice, name)
