"""What came of a simulation, read off the entries of its ledger alone."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from offtake.broker.counting import window_of
from offtake.broker.entries import Entry
from offtake.broker.events import (
    CommandRefused,
    Event,
    HolderAnswered,
    HolderNoticed,
    NeedAwarded,
    NoticeLapsed,
    WindowSettled,
)
from offtake.broker.library import Rules
from offtake.broker.settling import commitments, lower_of, next_window
from offtake.broker.simulating.answer import (
    ZERO,
    CommitmentRow,
    JobsSaid,
    NeedRow,
    RefusalRow,
    RightRow,
    Simulated,
    SupplierRow,
    WindowRow,
    hours,
)
from offtake.broker.simulating.jobs import Filing, Trace
from offtake.broker.state import State
from offtake.broker.terms import Grant, Notice
from offtake.law.procedures import BusinessDay

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a simulation was of, for its answer."""

    name: str
    currency: str
    trace: Trace
    plan: Sequence[Filing]
    window_days: int
    seed: int
    assumptions: tuple[str, ...]
    business_day: BusinessDay
    complete: bool
    until: datetime


@dataclass(slots=True)
class _Right:
    """A right's tally."""

    holder: str
    outcomes: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    notices: int = 0
    offered: Decimal = ZERO
    taken: Decimal = ZERO


class _Books:
    """Everything that is counted while the entries are read once."""

    def __init__(self) -> None:
        self.notices: dict[str, Notice] = {}
        self.rights: dict[str, _Right] = {}
        self.awards: dict[str, list[tuple[date, NeedAwarded]]] = defaultdict(list)
        self.refusals: dict[tuple[str | None, str], list[str]] = defaultdict(list)
        self.settled: list[WindowSettled] = []
        self.terms: dict[str, tuple[date, date]] = {}
        self.entries = 0

    def read(self, entry: Entry) -> None:
        self.entries += 1
        for event in entry.events:
            self._event(event, entry)

    def _event(self, event: Event, entry: Entry) -> None:
        match event:
            case HolderNoticed():
                self._noticed(event.notice)
            case HolderAnswered():
                self._answered(event)
            case NoticeLapsed():
                self._right(event.notice).outcomes["lapse"] += 1
            case NeedAwarded():
                self.awards[event.need].append((entry.recorded.date(), event))
            case WindowSettled():
                self.settled.append(event)
            case CommandRefused():
                kind = "open" if entry.command is None else entry.command.kind
                for clause in dict.fromkeys(reason.clause for reason in event.reasons):
                    said = next(one.text for one in event.reasons if one.clause == clause)
                    self.refusals[clause, kind].append(said)
            case _:
                pass

    def _noticed(self, notice: Notice) -> None:
        self.notices[notice.id] = notice
        right = self.rights.setdefault(notice.clause, _Right(notice.holder))
        right.notices += 1
        right.offered += hours(notice.quantity, *self.terms[notice.need])

    def _right(self, notice: str) -> _Right:
        return self.rights[self.notices[notice].clause]

    def _answered(self, event: HolderAnswered) -> None:
        right = self._right(event.notice)
        right.outcomes["for nothing" if event.discharges_nothing else event.move] += 1
        taken = sum((part.quantity for part in event.takes), ZERO)
        right.taken += hours(taken, *self.terms[event.need])


def tallied(entries: Iterable[Entry], rules: Rules, state: State, said: Setting) -> Simulated:
    """The answer of a simulation."""
    books = _Books()
    books.terms = {one.need.id: (one.need.begins, one.need.ends) for one in said.plan}
    for entry in entries:
        books.read(entry)
    last = state.last or said.until
    filed = [one for one in said.plan if said.complete or one.at <= last]
    needs = tuple(_need(one, books, said) for one in filed)
    begins = min((one.need.begins for one in said.plan), default=said.trace.first_day)
    ends = max((one.need.ends for one in said.plan), default=begins)
    grants = [
        (books.notices.get(grant.source) is not None, grant, books.terms[id], award.cost_micros)
        for id, awards in books.awards.items()
        for _, award in awards
        for grant in award.grants
    ]
    return Simulated(
        name=said.name,
        currency=said.currency,
        begins=begins,
        ends=ends,
        complete=said.complete,
        until=(said.until if said.complete else last).date(),
        seed=said.seed,
        trace=JobsSaid(
            name=said.trace.name,
            jobs=len(said.trace.jobs),
            hours=Decimal(str(round(said.trace.accelerator_hours, 3))),
            left_out=said.trace.left_out,
            any_kind=said.trace.any_kind,
        ),
        assumptions=said.assumptions,
        needs=needs,
        windows=tuple(_windows(needs, [one[:3] for one in grants], begins, ends, said.window_days)),
        suppliers=tuple(_suppliers([one[:3] for one in grants])),
        rights=tuple(_rights(books)),
        refusals=tuple(_refusals(books)),
        commitments=(*_settled(books, rules), *_unsettled(rules, state)),
        entries=books.entries,
    )


def _need(filing: Filing, books: _Books, said: Setting) -> NeedRow:
    need, awards = filing.need, books.awards.get(filing.need.id, [])
    grants = [grant for _, award in awards for grant in award.grants]
    by_right = sum((one.quantity for one in grants if one.source in books.notices), ZERO)
    at_market = sum((one.quantity for one in grants if one.source not in books.notices), ZERO)
    filed = filing.at.date()
    awarded = awards[0][0] if awards else None
    waited = None if awarded is None else business_days(filed, awarded, said.business_day)
    return NeedRow(
        id=need.id,
        party=need.party,
        filed=filed,
        begins=need.begins,
        ends=need.ends,
        jobs=filing.jobs,
        quantity=need.quantity,
        by_right=by_right,
        at_market=at_market,
        unmet=need.quantity - by_right - at_market,
        awarded=awarded,
        waited=waited,
        late=awarded is None or awarded > need.begins,
        cost_micros=sum(award.cost_micros for _, award in awards),
    )


def business_days(begins: date, ends: date, business_day: BusinessDay) -> int:
    """The business days after one day, up to another."""
    return sum(business_day(begins + ONE_DAY * n) for n in range(1, (ends - begins).days + 1))


Granted = tuple[bool, Grant, tuple[date, date]]


def _windows(
    needs: Sequence[NeedRow], grants: Sequence[Granted], begins: date, ends: date, window_days: int
) -> Iterator[WindowRow]:
    """What stands in each window; terms begin and end at windows' bounds."""
    days = [begins + timedelta(days=n) for n in range(0, max((ends - begins).days, 1), window_days)]
    size = len(days)
    sums = {name: [ZERO] * size for name in ("asked", "right", "market", "unmet")}
    supplied: list[dict[str, Decimal]] = [defaultdict(Decimal) for _ in days]
    costs = [0] * size
    for need in needs:
        for place in _places(days, need.begins, need.ends):
            sums["asked"][place] += need.quantity
            sums["right"][place] += need.by_right
            sums["market"][place] += need.at_market
            sums["unmet"][place] += need.unmet
    for _, grant, (low, high) in grants:
        places = _places(days, low, high)
        for n, place in enumerate(places):
            supplied[place][grant.supplier] += grant.quantity
            costs[place] += grant.cost_micros * (n + 1) // len(places) - grant.cost_micros * n // len(places)
    for place, day in enumerate(days):
        yield WindowRow(
            begins=day,
            asked=sums["asked"][place],
            by_right=sums["right"][place],
            at_market=sums["market"][place],
            unmet=sums["unmet"][place],
            by_supplier=tuple(sorted(supplied[place].items())),
            cost_micros=costs[place],
        )


def _places(days: Sequence[date], low: date, high: date) -> range:
    return range(bisect_right(days, low) - 1, bisect_right(days, high - ONE_DAY))


def _suppliers(grants: Sequence[Granted]) -> Iterator[SupplierRow]:
    found: dict[tuple[str, str], list[Granted]] = defaultdict(list)
    for one in grants:
        found[one[1].supplier, one[1].supply].append(one)
    for (supplier, supply), theirs in sorted(found.items()):
        yield SupplierRow(
            supplier=supplier,
            supply=supply,
            leases=len(theirs),
            by_right=sum(by_right for by_right, _, _ in theirs),
            hours=sum((hours(grant.quantity, *term) for _, grant, term in theirs), ZERO),
            cost_micros=sum(grant.cost_micros for _, grant, _ in theirs),
        )


def _rights(books: _Books) -> Iterator[RightRow]:
    for clause, right in sorted(books.rights.items()):
        count = right.outcomes
        yield RightRow(
            clause=clause,
            holder=right.holder,
            notices=right.notices,
            accepted=count["accept"],
            in_part=count["accept-part"],
            declined=count["decline"],
            lapsed=count["lapse"],
            waiting=right.notices - sum(count.values()),
            for_nothing=count["for nothing"],
            offered_hours=right.offered,
            taken_hours=right.taken,
        )


def _refusals(books: _Books) -> Iterator[RefusalRow]:
    rows = [
        RefusalRow(clause=clause, command=command, count=len(said), example=said[0])
        for (clause, command), said in books.refusals.items()
    ]
    yield from sorted(rows, key=lambda one: (-one.count, one.clause or "", one.command))


def _settled(books: _Books, rules: Rules) -> Iterator[CommitmentRow]:
    measures = {meter.id: meter.measure for meter in rules.law.meters}
    for event in books.settled:
        yield CommitmentRow(
            clause=event.clause,
            begins=event.begins,
            ends=event.ends,
            measure=measures.get(event.meter, ""),
            lower=event.lower,
            taken=event.taken,
            drawn=event.drawn,
            short=event.short,
            billed_micros=event.billed_micros - event.drawn_micros,
            currency=event.currency,
            ended=True,
        )


def _unsettled(rules: Rules, state: State) -> Iterator[CommitmentRow]:
    """The windows that have begun and go on: what was taken in them until now."""
    for meter in commitments(rules):
        days = next_window(meter, state)
        if days is None or state.last is None or days.begins > state.last.date():
            continue
        yield CommitmentRow(
            clause=meter.origin.clause,
            begins=days.begins,
            ends=days.ends,
            measure=meter.measure,
            lower=lower_of(meter, days),
            taken=state.flows.get((meter.id, window_of(meter, days.begins).begins), ZERO),
            drawn=ZERO,
            short=ZERO,
            billed_micros=0,
            currency=meter.currency,
            ended=False,
        )
