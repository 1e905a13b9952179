"""Whether a grant is lawful: every one is put to `decide`, with what the ledger knows as its position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from offtake.broker.counting import LEVELS, MOMENTS, ONE_DAY, flows, window_of, windows_in
from offtake.broker.library import Rules
from offtake.broker.profile import ZERO, Profile
from offtake.broker.state import Asking, Deal, State
from offtake.broker.terms import Cited, Lease, Need
from offtake.domain.position import Discharge, Happened, Position, Reading
from offtake.domain.selection import Action, Interval
from offtake.law.decide import Obligation, Refusal, decide
from offtake.law.force import in_force, supplied_by, touches
from offtake.law.meters import burns, passed
from offtake.law.primitives import Law, Meter, Procedure
from offtake.law.procedures import Need as NotedNeed
from offtake.law.procedures import after
from offtake.law.wording import meter_text, number

MOST_SIZES: Final = 65_536  # Of needs to rights that are kept at hand.


@dataclass(frozen=True, slots=True)
class Verdict:
    """What stands in the way of a grant: reasons that refuse it, and obligations that are not met."""

    reasons: tuple[Cited, ...] = ()
    obligations: tuple[Obligation, ...] = ()

    @property
    def lawful(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.reasons and not self.obligations


def of_level(law: Law) -> Law:
    """The law with those meters alone that count levels: flows are looked at window by window."""
    return replace(law, meters=tuple(meter for meter in law.meters if meter.measure in LEVELS))


def unbounded(law: Law) -> Law:
    """The law without meters: what it says before anything is counted."""
    return replace(law, meters=())


def acquisition_of(rules: Rules, deal: Deal, lease: Lease) -> Action:
    """A grant as the law sees it: capacity acquired for a need over the whole of its term."""
    return Action(
        "acquire",
        Interval(lease.begins, lease.ends),
        actor=lease.tenant,
        counterparty=lease.supplier,
        workload=rules.workload(deal.need),
        supply=rules.supply(lease.supply),
        quantities=lease.amounts,
        money=lease.price * lease.quantity * 24 * (lease.ends - lease.begins).days,
        currency=lease.currency,
        spending="lease",
        need=deal.need.id,
        gang=deal.need.whole,
    )


def judged(
    rules: Rules,
    state: State,
    deal: Deal,
    lease: Lease,
    today: date,
    taken: Sequence[tuple[str, Decimal]] = (),
    *,
    source: str | None = None,
    law: Law | None = None,
    counted: bool = True,
) -> Verdict:
    """The verdict of the law on a grant.

    `taken` is what others of the same award take already, by source; `source` the notice that it answers, if a holder
    takes it. `counted` false asks what masks alone say: capacity, meters and answers are left out of the question.
    """
    law = rules.law if law is None else law
    action = acquisition_of(rules, deal, lease)
    asked = next((one.notice.quantity for one in deal.askings if one.notice.id == source), None)
    if asked is not None:
        # What a holder was asked for is the need that its take is a part of.
        action = replace(action, need_size=asked)
    position = Position(
        happened=(*rules.happened, *state.happened),
        readings=(
            *(peaks(law, state, action) if counted else ()),
            *noted(rules, law, state, deal, action, today),
        ),
        discharges=discharges(rules, deal, action, taken) if counted else (),
        approvals=state.approved(deal.need.id),
    )
    found = decide(of_level(law) if counted else unbounded(law), position, action)
    if isinstance(found, Refusal):
        return Verdict(tuple(Cited(clause=one.origin.clause, text=one.text) for one in found.reasons))
    reasons = tuple(_beyond(rules, law, state, position, lease, action)) if counted else ()
    return Verdict(reasons, found.obligations)


def fits(rules: Rules, state: State, lease: Lease) -> Cited | None:
    """Why a lease does not fit into what its supply has; None if it does."""
    free = free_of(rules, state, lease.supply, lease.begins, lease.ends)
    pool = rules.pool(rules.supply(lease.supply))
    wanted = dict(lease.amounts).get(pool.measure, ZERO)
    if free is None or wanted <= free:
        return None
    return Cited(
        clause=None,
        text=f"{pool.id} has {number(max(free, ZERO))} {pool.measure} free from {lease.begins} until {lease.ends}, "
        f"and {number(wanted)} are wanted",
    )


def free_of(rules: Rules, state: State, supply: str, begins: date, ends: date) -> Decimal | None:
    """What is free of a supply's capacity on all days of [begins, ends), in its pool's measure; None without limit."""
    pool = rules.pool(rules.supply(supply))
    profile = state.pools.get(pool.id, Profile())
    return pool.least(begins, ends, lambda low, high: profile.peak(low, high)[1])


def peaks(law: Law, state: State, action: Action) -> Iterator[Reading]:
    """The window that reads most of every bounded level that an action counts on: if that one has room, all have."""
    for meter in law.meters:
        if meter.upper is None or meter.measure not in LEVELS or not burns(meter, law, action):
            continue
        found = peak(meter, state, action)
        if found is not None:
            yield found


def peak(meter: Meter, state: State, action: Action) -> Reading | None:
    """The fullest window of a level that an action touches while the meter is in force; None if nothing is read."""
    held = in_force(meter.scope, Position(happened=state.happened), action.workload, action.supply)
    ends = action.interval.ends or date.max
    if held is None or not action.interval.overlaps(held.begins, held.ends):
        return None
    begins, ends = max(action.interval.begins, held.begins), min(ends, held.ends or date.max)
    if meter.window in MOMENTS:
        day, level = state.levels.get(meter.id, Profile()).peak(begins, ends)
        return Reading(meter.id, day, day + ONE_DAY, level) if level else None
    read = [
        Reading(meter.id, window.begins, window.ends, amount)
        for window in windows_in(meter, begins, ends)
        if (amount := state.windowed.get((meter.id, window_of(meter, window.begins).begins), ZERO))
    ]
    return max(read, key=lambda one: one.amount, default=None)


def _beyond(
    rules: Rules, law: Law, state: State, position: Position, lease: Lease, action: Action
) -> Iterator[Cited]:
    """The bounds on hours and money that a lease would pass, each in its own window and for its own days."""
    for meter in law.meters:
        if meter.upper is None or meter.measure in LEVELS or not burns(meter, law, action):
            continue
        for window, days, amount in flows(rules, lease, meter):
            read = state.flows.get((meter.id, window.begins), ZERO)
            reading = Reading(meter.id, window.begins, window.ends, read)
            part = replace(
                action,
                interval=days,
                quantities=((meter.measure, amount or ZERO),),
                money=amount if amount is not None else Decimal(1),
                currency=meter.currency if amount is not None else lease.currency,
            )
            over = passed(meter, law, replace(position, readings=(reading,)), part)
            if over is not None:
                yield Cited(clause=meter.origin.clause, text=meter_text(meter, over))
                break


def stated_in(procedure: Procedure, action: Action, need: Need, quantity: Decimal) -> Decimal:
    """A quantity of a need in a procedure's measure, by the proportion that it has at the action's supply."""
    if procedure.measure == need.measure:
        return quantity
    mine, other = action.quantity(need.measure), action.quantity(procedure.measure)
    return quantity * other / mine if mine and other else quantity


def discharges(
    rules: Rules, deal: Deal, action: Action, taken: Sequence[tuple[str, Decimal]]
) -> tuple[Discharge, ...]:
    """The rights that were answered for a deal, each with what may still be taken elsewhere."""
    procedures = {procedure.id: procedure for procedure in rules.law.procedures}
    found: list[Discharge] = []
    for asking in deal.standing:
        procedure = procedures.get(asking.notice.procedure)
        if asking.outcome == "open" or procedure is None:
            continue
        left = max(left_elsewhere(rules, deal, asking, taken), ZERO)
        found.append(
            Discharge(
                asking.notice.id,
                procedure.id,
                deal.need.id,
                stated_in(procedure, action, deal.need, left),
                deal.need.begins,
                deal.need.ends,
            )
        )
    return tuple(found)


def left_elsewhere(rules: Rules, deal: Deal, asking: Asking, taken: Sequence[tuple[str, Decimal]]) -> Decimal:
    """What an answer leaves to others, less what they were granted since, and take in an award that is being made."""
    procedures = {procedure.id: procedure for procedure in rules.law.procedures}
    procedure = procedures[asking.notice.procedure]
    # What those who were asked before took is not elsewhere, unless their rank is the same.
    others = sum(
        (
            quantity
            for source, quantity in (*deal.granted_by[asking.awarded_before :], *taken)
            if _is_elsewhere(procedures, deal, source, procedure)
        ),
        ZERO,
    )
    beside = sum(
        (
            other.taken
            for other in deal.standing
            if _same_rank_before(procedures, other.notice.procedure, procedure)
        ),
        ZERO,
    )
    return asking.elsewhere + beside - others


def _is_elsewhere(procedures: dict[str, Procedure], deal: Deal, source: str, procedure: Procedure) -> bool:
    """Whether what a source supplies is elsewhere, seen from a right: a bid is, and so is a later holder's take."""
    notice = next((one.notice for one in deal.askings if one.notice.id == source), None)
    other = None if notice is None else procedures.get(notice.procedure)
    return other is None or (other.id != procedure.id and other.rank >= procedure.rank)


def _same_rank_before(procedures: dict[str, Procedure], other: str, procedure: Procedure) -> bool:
    """Whether a right of the same rank was asked before: what it took was taken elsewhere, seen from here."""
    found = procedures.get(other)
    return found is not None and found.rank == procedure.rank and found.id < procedure.id


def noted(rules: Rules, law: Law, state: State, deal: Deal, action: Action, today: date) -> Iterator[Reading]:
    """Other needs that count toward a right's threshold, and the rest of this one, read under the procedure's id."""
    for procedure in law.procedures:
        if procedure.threshold is None or procedure.over != "acquisition":
            continue
        amount = action.quantity(procedure.measure)
        size = stated_in(procedure, action, deal.need, deal.need.quantity)
        others = ZERO
        if procedure.aggregates_within is not None:
            counted = noted_needs(rules, state, procedure, today)
            others = sum((need.quantity for need in counted if need.id != deal.need.id), ZERO)
        yield Reading(procedure.id, action.interval.begins, action.interval.ends, others + size - amount)


def noted_needs(
    rules: Rules, state: State, procedure: Procedure, today: date, only: str | None = None
) -> list[NotedNeed]:
    """The needs not yet contracted that a right could be over, in its measure, within its aggregation window; or one
    of them `only`."""
    found: list[NotedNeed] = []
    calendar = rules.calendars(procedure.calendar)
    counts: dict[date, bool] = {}  # Whether what was filed on a day still counts.
    filings = (
        state.open_needs if only is None else {k: v for k, v in ((only, state.open_needs.get(only)),) if v}
    )
    for id, filed in sorted(filings.items()):
        day = filed.date()
        if day not in counts:
            within = procedure.aggregates_within
            counts[day] = day <= today and (within is None or today < after(within, day, calendar))
        if not counts[day]:
            continue
        deal = state.deals[id]
        size = need_size(rules, procedure, deal.need, state.happened)
        if size is not None:
            left = size * (deal.need.quantity - deal.granted) / deal.need.quantity
            found.append(NotedNeed(id, day, left))
    return found


def need_size(
    rules: Rules, procedure: Procedure, need: Need, happened: tuple[Happened, ...]
) -> Decimal | None:
    """A need's size in a right's measure, at the first supply that could meet it; None if the right is not over it."""
    key = procedure.id, need.id
    known = rules.sizes.get(key)
    if known is not None and known[0] is need and known[1] == happened:
        return known[2]
    size = None
    for supply, action in candidates(rules, need):
        if concerns(rules, procedure, supply, action, happened):
            size = stated_in(procedure, action, need, need.quantity)
            break
    if len(rules.sizes) >= MOST_SIZES:
        rules.sizes.clear()
    rules.sizes[key] = need, happened, size
    return size


def candidates(rules: Rules, need: Need) -> Iterator[tuple[str, Action]]:
    """Every supply that could meet a need, with the whole need as an action there."""
    workload = rules.workload(need)
    for id, supply in rules.supplies.items():
        if rules.serves(supply, need) is None:
            amounts = rules.amounts(supply, need.measure, need.quantity)
            yield (
                id,
                Action(
                    "acquire",
                    Interval(need.begins, need.ends),
                    actor=need.party,
                    counterparty=supply.party,
                    workload=workload,
                    supply=supply,
                    quantities=tuple(sorted(amounts.items())),
                    need=need.id,
                    need_size=need.quantity,
                    gang=need.whole,
                ),
            )


def concerns(
    rules: Rules, procedure: Procedure, supply: str, action: Action, happened: tuple[Happened, ...]
) -> bool:
    """Whether a right must be asked before capacity of this supply is acquired: it is over it, and not its own."""
    position = Position(happened=(*rules.happened, *happened))
    return (
        procedure.style != "approve"
        and procedure.over == "acquisition"
        and touches(procedure.scope, position, action)
        and not supplied_by(procedure.holder, rules.supplies[supply])
    )
