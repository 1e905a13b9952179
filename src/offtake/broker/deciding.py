"""The broker's decisions: from a state and a command to events, or to a refusal with its reasons. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, cast

from offtake.broker import amending
from offtake.broker.admission import fits, judged, left_elsewhere
from offtake.broker.asking import (
    BestBid,
    aggregated,
    answer_by,
    asked_again,
    covered,
    next_step,
    open_for,
    own_supplies,
    revived,
    rights_over,
)
from offtake.broker.awarding import (
    Impossible,
    Proposal,
    admitted,
    bid_lease,
    grants_of,
    parts_of,
    per_hour,
    proposal,
    without_holds,
)
from offtake.broker.commands import (
    Acknowledge,
    Amend,
    Answer,
    Approve,
    Award,
    Cancel,
    Command,
    Correct,
    Extend,
    FileNeed,
    MakeBid,
    ReadMeter,
    RecordEvent,
    Release,
    Sweep,
    Withdraw,
)
from offtake.broker.counting import charge, window_of
from offtake.broker.events import (
    AgreementAmended,
    Approved,
    BidMade,
    BidWithdrawn,
    CommandRefused,
    Event,
    EventRecorded,
    HolderAnswered,
    LawInForce,
    LeaseReleased,
    MeterRead,
    NeedAwarded,
    NeedCancelled,
    NeedFiled,
    NoticeLapsed,
    NoticeReceived,
    ReadingReversed,
)
from offtake.broker.folding import REVIVAL, folded, lease_of, procedure_of, rules_of
from offtake.broker.library import Library, Rules, whole_steps
from offtake.broker.policy import TIE_RULE, Policy
from offtake.broker.ports import Optimiser
from offtake.broker.profile import ZERO
from offtake.broker.settling import settlements
from offtake.broker.state import Asking, Deal, PostedReading, State
from offtake.broker.terms import Bid, Cited, Counterfactual, Lease, Need, Part
from offtake.broker.transitions import moved
from offtake.domain.errors import InvalidInput
from offtake.domain.selection import Interval
from offtake.law.pricing import micro_units, owed
from offtake.law.primitives import Meter, PriceSchedule
from offtake.law.procedures import answer_stands, disclosed, offer_counts, part_refused, silent_outcome
from offtake.law.windows import window_at
from offtake.law.wording import number

MAXIMUM_ID: Final = 80


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that was refused, and why; the ledger keeps that it was."""

    subject: str
    reasons: tuple[Cited, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """What decisions are made with: estates and laws, the house's policy, and an optimiser for awards."""

    library: Library
    policy: Policy
    optimiser: Optimiser


Outcome = tuple[Event, ...] | Refused


def decide(desk: Desk, state: State, command: Command, now: datetime) -> tuple[Event, ...]:
    """What a command makes happen at a time, what was due before it first; a refusal is an event too.

    `now` is the recorded time: never before the state's last. Raises InvalidInput for a command that names what is
    not there or states what cannot be.
    """
    events = due(desk, state, now)
    for event in events:
        state = folded(desk.library, state, event, now, state.seq + 1)
    found = _HANDLERS[type(command)](_Call(desk, state, now), command)
    if isinstance(found, Refused):
        return (*events, CommandRefused(subject=found.subject, reasons=found.reasons))
    return (*events, *found)


def due(desk: Desk, state: State, now: datetime) -> tuple[Event, ...]:
    """What has happened by now without anybody's command: law that came to be known, lapses and the notices that follow
    them, revivals, windows of commitments that ended. Depends on recorded times alone."""
    events: list[Event] = []

    def happen(*more: Event) -> None:
        nonlocal state
        for event in more:
            events.append(event)
            state = folded(desk.library, state, event, now, state.seq + 1)

    known = desk.library.known_at(state.estate, now.date())
    if known != state.known_at or not state.law:
        rules = desk.library.rules(state.estate, known)
        happen(LawInForce(known_at=known, law=rules.law_hash))
    while len(events) < desk.policy.maximum_due_per_entry and state.due and state.due[0][0] < now:
        more = _came_due(desk, state, now)
        if not more:
            state = replace(state, due=state.due[1:])
        happen(*more)
    while (
        len(events) < desk.policy.maximum_due_per_entry
        and state.next_close is not None
        and state.next_close <= now.date()
    ):
        happen(next(settlements(rules_of(desk.library, state), state, now.date())))
    return tuple(events)


def _came_due(desk: Desk, state: State, now: datetime) -> tuple[Event, ...]:
    _, need, what = state.due[0]
    deal, rules = state.deals[need], rules_of(desk.library, state)
    if what.startswith(REVIVAL):
        asking = next(one for one in deal.askings if one.notice.id == what[len(REVIVAL) :])
        procedure = procedure_of(rules, asking.notice.procedure)
        idle = deal.stage != "overflow" or deal.leases or asking.superseded or asking.outcome == "accept"
        if procedure is None or idle or deal.left <= 0:
            return ()
        best = BestBid(asking.notice.price or ZERO, deal.left, {}) if procedure.style == "match" else None
        return revived(rules, desk.policy, deal, procedure, now, "revival", best)
    asking = next(one for one in deal.askings if one.notice.id == what)
    first = _silent(rules, state, deal, asking, now)
    if not first:
        return ()
    after = folded(desk.library, state, first[0], now, state.seq + 1)
    return (*first, *next_step(rules, desk.policy, after, after.deals[need], now))


def _silent(rules: Rules, state: State, deal: Deal, asking: Asking, now: datetime) -> tuple[Event, ...]:
    """What a holder's silence past its deadline means."""
    procedure = procedure_of(rules, asking.notice.procedure)
    if asking.outcome != "open" or asking.deadline is None:
        return ()
    means = "declines" if procedure is None else silent_outcome(procedure, asking.deadline, now)
    if means == "open":
        return ()
    if means == "accepts":
        for supply in own_supplies(rules, deal.need, asking.notice.holder):
            takes = (Part(supply=supply, quantity=asking.notice.quantity),)
            price = _price(rules, deal, asking, takes, None)
            if price is None or procedure is None:
                continue
            told = _in_clause_measure(rules, deal, procedure.measure, takes[0], price)
            if offer_counts(procedure, told) and not _unlawful(rules, state, deal, asking, takes, price, now):
                return (
                    HolderAnswered(
                        need=deal.need.id,
                        notice=asking.notice.id,
                        move="accept",
                        takes=takes,
                        price=price[0],
                        currency=price[1],
                        by_silence=True,
                    ),
                )
    return (NoticeLapsed(need=deal.need.id, notice=asking.notice.id, deadline=asking.deadline),)


class _Call:
    """A command's surroundings."""

    def __init__(self, desk: Desk, state: State, now: datetime) -> None:
        self.desk, self.state, self.now = desk, state, now
        self.policy, self.rules = desk.policy, rules_of(desk.library, state)

    @property
    def today(self) -> date:
        return self.now.date()

    def deal(self, need: str) -> Deal:
        found = self.state.deals.get(need)
        if found is None:
            raise InvalidInput(f"there is no need `{need}`", hint="`offtake broker status` lists the needs")
        return found

    def lease(self, id: str) -> Lease:
        found = self.state.leases.get(id)
        if found is None:
            raise InvalidInput(f"there is no lease `{id}`", hint="`offtake broker status` lists the leases")
        return found

    def then(self, *events: Event, need: str) -> tuple[Event, ...]:
        """Events, and the next step of a deal that they lead to."""
        state = self.state
        for event in events:
            state = folded(self.desk.library, state, event, self.now, state.seq + 1)
        return (*events, *next_step(self.rules, self.policy, state, state.deals[need], self.now))

    def after(self, events: Sequence[Event]) -> _Call:
        state = self.state
        for event in events:
            state = folded(self.desk.library, state, event, self.now, state.seq + 1)
        return _Call(self.desk, state, self.now)


def refusal(subject: str, text: str, clause: str | None = None) -> Refused:
    """A refusal for one reason."""
    return Refused(subject, (Cited(clause=clause, text=text),))


# Needs -----------------------------------------------------------------------------------------------------------


def _file_need(call: _Call, command: FileNeed) -> Outcome:
    need = command.need
    if need.id in call.state.deals:
        raise InvalidInput(f"there is a need `{need.id}` already", hint="give the new one another id")
    _check_need(call, need)
    filed = call.then(NeedFiled(need=need), need=need.id)
    if all(procedure.aggregates_within is None for procedure in call.rules.law.procedures):
        return filed
    after = call.after(filed)
    return (*filed, *aggregated(call.rules, call.policy, after.state, need, call.now))


def _check_need(call: _Call, need: Need) -> None:
    _check_id(need.id)
    estate = call.rules.estate
    years = (need.ends - need.begins).days / 365.25
    problems = [
        (need.quantity <= 0, "the quantity is above zero"),
        (
            whole_steps(need.measure, need.quantity) != need.quantity,
            f"{need.measure} are dealt in whole steps",
        ),
        (need.ends <= need.begins, "the term ends after it begins"),
        (
            years > call.policy.maximum_term_years,
            f"a term has at most {call.policy.maximum_term_years} years",
        ),
        (not 0 <= need.minimum <= need.quantity, "the minimum lies between nothing and the quantity"),
        (
            len(need.tranches) > call.policy.maximum_tranches,
            f"at most {call.policy.maximum_tranches} tranches",
        ),
        (
            bool(need.tranches) and sum((t.quantity for t in need.tranches), ZERO) != need.quantity,
            "the tranches add up to the quantity",
        ),
        (
            any(not 0 <= t.floor <= t.quantity or t.quantity <= 0 for t in need.tranches),
            "a floor fits its tranche",
        ),
        (
            need.latency_ms is not None and need.client_region is None,
            "a bound on latency needs a client region",
        ),
        (
            need.party not in estate.parties and bool(estate.parties),
            f"`{need.party}` is a party of the estate",
        ),
        (need.model is not None and need.model not in estate.models, "the model is one of the estate"),
        (
            any(a not in estate.accelerators for a in need.accelerators),
            "accelerators are kinds of the estate",
        ),
        (any(r not in estate.regions for r in need.regions), "regions are those of the estate"),
    ]
    for wrong, expected in problems:
        if wrong:
            raise InvalidInput(f"the need `{need.id}` cannot be filed: {expected}")
    call.rules.workload(need)


def _check_id(id: str) -> None:
    if not id or len(id) > MAXIMUM_ID or not all(char.isalnum() or char in "-_.:@+/" for char in id):
        raise InvalidInput(f"`{id[:MAXIMUM_ID]}` is no id: letters, digits and -_.:@+/, at most {MAXIMUM_ID}")


def _cancel(call: _Call, command: Cancel) -> Outcome:
    deal = call.deal(command.need)
    if moved(deal.stage, "cancel") is None:
        return refusal(command.need, f"the need is {deal.stage}")
    return (NeedCancelled(need=command.need),)


# Rights ----------------------------------------------------------------------------------------------------------


def _acknowledge(call: _Call, command: Acknowledge) -> Outcome:
    asking = open_for(call.deal(command.need), command.holder)
    if asking is None:
        return refusal(command.need, f"no notice to {command.holder} is open")
    if asking.received is not None or asking.notice.deemed_received <= call.now:
        return refusal(command.need, f"the notice {asking.notice.id} counts as received")
    procedure = procedure_of(call.rules, asking.notice.procedure)
    by = asking.deadline if procedure is None else answer_by(call.rules, procedure, call.now)
    return (NoticeReceived(need=command.need, notice=asking.notice.id, received=call.now, deadline=by),)


def _answer(call: _Call, command: Answer) -> Outcome:
    deal = call.deal(command.need)
    asking = open_for(deal, command.holder)
    if asking is None:
        return refusal(command.need, _no_notice(deal, command.holder))
    if not answer_stands(asking.deadline, call.now):
        raise AssertionError("a notice past its deadline has lapsed before any command is heard")
    procedure = procedure_of(call.rules, asking.notice.procedure)
    taken = sum((part.quantity for part in command.takes), ZERO)
    answered = HolderAnswered(
        need=command.need,
        notice=asking.notice.id,
        move="decline",
        takes=(),
        price=None,
        currency=deal.need.currency,
    )
    if taken == 0 or procedure is None:
        return call.then(answered, need=command.need)
    if any(
        part.quantity <= 0 or whole_steps(deal.need.measure, part.quantity) != part.quantity
        for part in command.takes
    ):
        raise InvalidInput(f"parts are above zero, in whole steps of {deal.need.measure}")
    why = part_refused(procedure, taken, asking.notice.quantity, deal.need.whole)
    if why is not None:
        text = f"{command.holder} may not take {number(taken)} of the need: {why}"
        return refusal(command.need, text, procedure.origin.clause)
    price = _price(call.rules, deal, asking, command.takes, command.price)
    if price is None:
        raise InvalidInput("the answer states no price, and neither do the notice and the product")
    if not offer_counts(
        procedure, _in_clause_measure(call.rules, deal, procedure.measure, command.takes[0], price)
    ):
        return call.then(
            replace(answered, price=price[0], currency=price[1], discharges_nothing=True), need=command.need
        )
    unlawful = _unlawful(call.rules, call.state, deal, asking, command.takes, price, call.now)
    if unlawful:
        return Refused(command.need, unlawful)
    move = "accept" if taken == asking.notice.quantity else "accept-part"
    return call.then(
        replace(answered, move=move, takes=command.takes, price=price[0], currency=price[1]),
        need=command.need,
    )


def _no_notice(deal: Deal, holder: str) -> str:
    past = [one for one in deal.standing if one.notice.holder == holder]
    if not past:
        return f"{holder} has not been asked about this need"
    last = past[-1]
    if last.outcome == "lapse":
        return f"too late: the notice {last.notice.id} lapsed on {last.deadline:%Y-%m-%d %H:%M:%S} UTC"
    return f"{holder} has answered the notice {last.notice.id}"


def _price(
    rules: Rules, deal: Deal, asking: Asking, takes: Sequence[Part], stated: Decimal | None
) -> tuple[Decimal, str] | None:
    """The price at which a holder takes: a match's is the bid's; else what it states, the notice's, the product's."""
    need = deal.need
    if asking.notice.style == "match" or (stated is None and asking.notice.price is not None):
        return (asking.notice.price or ZERO, need.currency)
    if stated is not None:
        return stated, need.currency
    return rules.list_price(rules.supply(takes[0].supply), need.measure, need.begins)


def _in_clause_measure(
    rules: Rules, deal: Deal, measure: str, part: Part, price: tuple[Decimal, str]
) -> Decimal:
    """A price per unit of the need's measure as one per unit of the clause's."""
    amounts = rules.amounts(rules.supply(part.supply), deal.need.measure, Decimal(1))
    return price[0] / amounts.get(measure, Decimal(1))


def _unlawful(
    rules: Rules,
    state: State,
    deal: Deal,
    asking: Asking,
    takes: Sequence[Part],
    price: tuple[Decimal, str],
    now: datetime,
) -> tuple[Cited, ...]:
    """Why what a holder takes could not become leases."""
    limit = deal.need.price_limit
    rate = rules.law.rates.rate(price[1], deal.need.currency, deal.need.begins)
    if rate is None:
        return (Cited(clause=None, text=f"there is no rate from {price[1]} to {deal.need.currency}"),)
    if limit is not None and price[0] * rate > limit:
        text = (
            f"{number(price[0])} {price[1]} is above the need's limit of {number(limit)} {deal.need.currency}"
        )
        return (Cited(clause=None, text=text),)
    for part in takes:
        supply = rules.supply(part.supply)
        if asking.notice.holder not in (supply.party, supply.provider):
            raise InvalidInput(f"{part.supply} is not {asking.notice.holder}'s")
        unsuited = rules.serves(supply, deal.need)
        if unsuited is not None:
            return (Cited(clause=None, text=unsuited),)
        taken = replace(asking, price=price[0], currency=price[1])
        lease = lease_of(rules, deal.need, taken, part)
        # Whether others must be asked is not the holder's concern; masks, bounds and capacity are.
        verdict = judged(rules, state, deal, lease, now.date())
        full = fits(rules, state, lease)
        if verdict.reasons or full is not None:
            return (*verdict.reasons, *(() if full is None else (full,)))
    return ()


# The market ------------------------------------------------------------------------------------------------------


def _bid(call: _Call, command: MakeBid) -> Outcome:
    bid, deal = command.bid, call.deal(command.bid.need)
    _check_bid(call, bid)
    earlier = call.state.bids.get(bid.id)
    if earlier is not None and (earlier.bidder, earlier.need) != (bid.bidder, bid.need):
        raise InvalidInput(f"there is another bid `{bid.id}`")
    if moved(deal.stage, "bid") is None:
        return refusal(bid.need, f"the need is {deal.stage}")
    if earlier is None and len(deal.bids) >= call.policy.maximum_bids_per_need:
        return refusal(bid.need, f"a need takes at most {call.policy.maximum_bids_per_need} bids")
    verdict = judged(
        call.rules,
        call.state,
        deal,
        bid_lease(call.rules, deal, bid),
        call.today,
        counted=False,
    )
    unsuited = call.rules.serves(call.rules.supply(bid.supply), deal.need)
    if verdict.reasons and unsuited is None:
        return Refused(bid.need, verdict.reasons)
    if unsuited is not None:
        return refusal(bid.need, unsuited)
    return (BidMade(bid=bid),)


def _check_bid(call: _Call, bid: Bid) -> None:
    _check_id(bid.id)
    supply = call.rules.supply(bid.supply)
    measure = call.deal(bid.need).need.measure
    if bid.bidder not in (supply.party, supply.provider):
        raise InvalidInput(
            f"{bid.supply} is not {bid.bidder}'s to offer, but {supply.party or supply.provider}'s"
        )
    if (
        bid.quantity <= 0
        or bid.price < 0
        or not 0 <= bid.minimum <= bid.quantity
        or not 0 <= bid.release_share <= 1
    ):
        raise InvalidInput(
            f"the bid `{bid.id}` offers a quantity above zero, at a price that is not negative"
        )
    if whole_steps(measure, bid.quantity) != bid.quantity:
        raise InvalidInput(f"the bid `{bid.id}` is not in whole steps of {measure}")


def _withdraw(call: _Call, command: Withdraw) -> Outcome:
    bid = call.state.bids.get(command.bid)
    if bid is None:
        raise InvalidInput(f"there is no bid `{command.bid}`")
    deal = call.deal(bid.need)
    if moved(deal.stage, "withdraw-bid") is None:
        return refusal(bid.need, f"the need is {deal.stage}")
    return (BidWithdrawn(bid=command.bid, need=bid.need),)


def _award(call: _Call, command: Award) -> Outcome:
    deal = call.deal(command.need)
    waiting = deal.open
    if waiting is not None:
        until = "" if waiting.deadline is None else f" until {waiting.deadline:%Y-%m-%d %H:%M} UTC"
        text = f"{waiting.notice.holder} has been asked, and may answer{until}"
        return refusal(command.need, text, waiting.notice.clause)
    if moved(deal.stage, "award") is None:
        return refusal(command.need, f"the need is {deal.stage}")
    bare = without_holds(call.rules, call.state, deal)
    found = proposal(call.rules, call.policy, bare, deal, call.now, call.desk.optimiser)
    if isinstance(found, Impossible):
        return Refused(command.need, found.reasons)
    first = _asked_first(call, deal, found)
    if first:
        return first
    unlawful = admitted(call.rules, bare, deal, found, call.today)
    if unlawful:
        return Refused(command.need, unlawful)
    named = _named(deal, found)
    return (
        NeedAwarded(
            need=command.need,
            grants=grants_of(deal, found),
            unmet=found.unmet,
            currency=deal.need.currency,
            cost_micros=found.cost_micros,
            objective_micros=found.objective_micros,
            bound_micros=found.bound_micros,
            gap=found.gap,
            rule=TIE_RULE,
            excluded=found.excluded,
            named=named,
            counterfactuals=_counterfactuals(call, bare, deal, named),
        ),
    )


def _asked_first(call: _Call, deal: Deal, found: Proposal) -> tuple[Event, ...]:
    """The notices that must go out before others are awarded what they would be: after a material change or a revival,
    and to those who may match the best bid."""
    elsewhere = found.elsewhere
    if not elsewhere:
        return ()
    need = deal.need
    quantity = sum((each for _, each in elsewhere), ZERO)
    cost = sum((source.cost * each for source, each in elsewhere), ZERO)
    price = per_hour(cost / quantity, need.begins, need.ends)
    best_source = min(elsewhere, key=lambda pair: (pair[0].cost, pair[0].order))[0]
    terms = {
        "price": number(price),
        "currency": need.currency,
        "quantity": number(quantity),
        "term": f"{need.begins} until {need.ends}",
        "bidder": best_source.lease.supplier,
        "supply": best_source.lease.supply,
        "site": call.rules.supply(best_source.lease.supply).region or "",
    }
    again = asked_again(call.rules, deal, price, call.today)
    if again is not None:
        procedure, because = again
        offered = quantity if procedure.style == "match" else deal.left
        best = BestBid(price, offered, disclosed(procedure, terms))
        return revived(call.rules, call.policy, deal, procedure, call.now, because, best)
    standing = {asking.notice.procedure: asking for asking in deal.standing}
    taken = [(source.id, each) for source, each in found.quantities]
    for procedure in rights_over(call.rules, call.state, need):
        asking = standing.get(procedure.id)
        unasked = procedure.style == "match" and (
            asking is None or left_elsewhere(call.rules, deal, asking, taken) < 0
        )
        if unasked and covered(call.rules, call.state, procedure, need, call.today):
            best = BestBid(price, quantity, disclosed(procedure, terms))
            return revived(call.rules, call.policy, deal, procedure, call.now, "best bid", best)
    return ()


def _named(deal: Deal, found: Proposal) -> tuple[Cited, ...]:
    """The clauses that shaped an award, each once: rights that were answered, bids excluded, bounds reached."""
    said: dict[str | None, Cited] = {}
    for asking in deal.standing:
        notice = asking.notice
        verb = {
            "accept": "takes all of",
            "accept-part": f"takes {number(asking.taken)} of",
            "decline": "declined",
            "lapse": "was silent about",
        }.get(asking.outcome, "was asked for")
        said[notice.clause] = Cited(
            clause=notice.clause, text=f"{notice.clause}: {notice.holder} {verb} {number(notice.quantity)}"
        )
    for one in found.excluded:
        for reason in one.reasons:
            if reason.clause is not None:
                said.setdefault(reason.clause, reason)
    for bound in found.binding:
        said.setdefault(bound.clause or bound.text, bound)
    return tuple(said.values())


def _counterfactuals(
    call: _Call, bare: State, deal: Deal, named: Sequence[Cited]
) -> tuple[Counterfactual, ...]:
    """What would have been awarded without each of the clauses that shaped an award."""
    found: list[Counterfactual] = []
    for cited in named:
        if cited.clause is None or len(found) >= call.policy.maximum_counterfactuals:
            continue
        rules = replace(call.rules, law=call.rules.law.without(cited.clause))
        other = proposal(
            rules, call.policy, bare, deal, call.now, call.desk.optimiser, free=frozenset({cited.clause})
        )
        if isinstance(other, Proposal):
            found.append(
                Counterfactual(
                    clause=cited.clause,
                    parts=parts_of(other),
                    cost_micros=other.cost_micros,
                    unmet=other.unmet,
                )
            )
    return tuple(found)


# Leases ----------------------------------------------------------------------------------------------------------


def _extend(call: _Call, command: Extend) -> Outcome:
    lease = call.lease(command.lease)
    if lease.released is not None:
        return refusal(lease.id, f"the lease was released on {lease.released}")
    if command.until <= lease.ends:
        raise InvalidInput(f"the lease runs until {lease.ends}; it is extended to a later day")
    earlier = call.deal(lease.need).need
    id = f"{lease.id}.x{command.until:%Y%m%d}"
    if id in call.state.deals:
        raise InvalidInput(f"the extension is asked for already, as the need `{id}`")
    need = replace(
        earlier,
        id=id,
        quantity=lease.quantity,
        minimum=ZERO,
        tranches=(),
        begins=lease.ends,
        ends=command.until,
        renews=lease.id,
        planned=None,
    )
    price = lease.price if command.price is None else command.price
    bid = Bid(
        id=f"{id}.bid",
        need=id,
        bidder=lease.supplier,
        supply=lease.supply,
        quantity=lease.quantity,
        price=price,
        currency=lease.currency,
        release_share=lease.release_share,
    )
    filed = _file_need(call, FileNeed(need=need))
    if isinstance(filed, Refused):
        return filed
    made = _bid(call.after(filed), MakeBid(bid=bid))
    return made if isinstance(made, Refused) else (*filed, *made)


def _release(call: _Call, command: Release) -> Outcome:
    lease = call.lease(command.lease)
    if lease.released is not None:
        return refusal(lease.id, f"the lease was released on {lease.released}")
    if command.on < max(lease.begins, call.today) or command.on >= lease.ends:
        raise InvalidInput(
            f"a lease is released from a day of its term that is not over: {max(lease.begins, call.today)} or later, "
            f"before {lease.ends}"
        )
    rest = charge(lease, command.on, lease.ends)
    kept = charge(replace(lease, released=command.on), command.on, lease.ends)
    return (
        LeaseReleased(
            lease=lease.id,
            on=command.on,
            kept_micros=micro_units(kept),
            waived_micros=micro_units(rest - kept),
        ),
    )


# The record ------------------------------------------------------------------------------------------------------


def _approve(call: _Call, command: Approve) -> Outcome:
    if command.need is not None:
        call.deal(command.need)
    for procedure in call.rules.law.procedures:
        if procedure.origin.clause == command.clause and procedure.style == "approve":
            if procedure.holder != command.by:
                return refusal(
                    command.need or command.clause,
                    f"{command.clause} asks {procedure.holder}, not {command.by}",
                )
            return (Approved(procedure=procedure.id, by=command.by, need=command.need),)
    raise InvalidInput(f"no clause `{command.clause}` asks for an approval")


def _record_event(call: _Call, command: RecordEvent) -> Outcome:
    if command.event not in call.rules.estate.events:
        known = ", ".join(sorted(call.rules.estate.events)) or "none"
        raise InvalidInput(
            f"the estate knows no event `{command.event}`", hint=f"events of the estate: {known}"
        )
    if command.on > call.today:
        raise InvalidInput(f"{command.on} has not come: what is recorded has happened")
    return (EventRecorded(event=command.event, on=command.on, about=command.about),)


def _amend(call: _Call, command: Amend) -> Outcome:
    estate = amending.amended(call.rules.estate, command.agreement, command.amendment, call.today)
    digest, _ = call.desk.library.add(estate)
    if digest == call.state.estate:
        raise InvalidInput("the amendment changes nothing")
    known = call.desk.library.known_at(digest, call.today)
    law = call.desk.library.rules(digest, known).law_hash
    return (
        AgreementAmended(agreement=command.agreement, amendment=command.amendment, estate=digest),
        LawInForce(known_at=known, law=law),
    )


def _read_meter(call: _Call, command: ReadMeter) -> Outcome:
    _check_id(command.id)
    if command.id in call.state.readings:
        raise InvalidInput(f"there is a reading `{command.id}` already", hint="correct it, and post another")
    if command.ends <= command.begins or command.amount < 0:
        raise InvalidInput("a reading is of days [from, until), and not negative")
    primitive = _counted_by(call.rules, command.clause, command.begins)
    window = (
        window_of(primitive, command.begins)
        if isinstance(primitive, Meter)
        else window_at(primitive.window, command.begins, primitive.scope.begins, primitive.scope.ends)
    )
    if (
        window.ends is not None
        and command.ends > window.ends
        and primitive.window not in ("any-time", "minute")
    ):
        raise InvalidInput(f"a reading lies in one window of {command.clause}: it ends by {window.ends}")
    owing, currency, payer, payee = 0, None, primitive.payer, primitive.payee
    if isinstance(primitive, PriceSchedule):
        before = call.state.owed.get((primitive.id, window.begins), ZERO)
        owing, currency = micro_units(owed(primitive, command.amount, before)), primitive.currency
    return (
        MeterRead(
            id=command.id,
            clause=command.clause,
            primitive=primitive.id,
            begins=command.begins,
            ends=command.ends,
            amount=command.amount,
            owed_micros=owing,
            payer=payer,
            payee=payee,
            currency=currency,
        ),
    )


def _counted_by(rules: Rules, clause: str, day: date) -> Meter | PriceSchedule:
    """The meter or price of a clause that is in force on a day."""
    found = [
        one
        for one in (*rules.law.meters, *rules.law.prices)
        if one.origin.clause == clause
        and (one.scope.begins is None or one.scope.begins <= day)
        and (one.scope.ends is None or day < one.scope.ends)
    ]
    if not found:
        counted = sorted({one.origin.clause for one in (*rules.law.meters, *rules.law.prices)})
        raise InvalidInput(
            f"no clause `{clause}` counts anything on {day}",
            hint=f"clauses that count: {', '.join(counted) or 'none'}",
        )
    return found[-1]


def _correct(call: _Call, command: Correct) -> Outcome:
    reading = call.state.readings.get(command.reading)
    if reading is None:
        raise InvalidInput(f"there is no reading `{command.reading}`")
    if reading.id in call.state.reversed:
        return refusal(reading.id, "the reading has been reversed")
    return (ReadingReversed(reading=reading.id, why=command.why, owed_micros=_owed_less(call, reading)),)


def _owed_less(call: _Call, reading: PostedReading) -> int:
    """What a reading's reversal takes off what is owed: the window's total with it, less the total without."""
    schedule = next((one for one in call.rules.law.prices if one.id == reading.primitive), None)
    if schedule is None:
        return 0
    window: Interval = window_at(schedule.window, reading.begins, schedule.scope.begins, schedule.scope.ends)
    total = call.state.owed.get((schedule.id, window.begins), ZERO)
    return micro_units(owed(schedule, reading.amount, total - reading.amount))


def _sweep(call: _Call, command: Sweep) -> Outcome:
    del call, command
    return ()


_HANDLERS: Final[Mapping[type, Callable[[_Call, Any], Outcome]]] = {
    FileNeed: _file_need,
    Acknowledge: _acknowledge,
    Answer: _answer,
    MakeBid: _bid,
    Withdraw: _withdraw,
    Award: _award,
    Extend: _extend,
    Cancel: _cancel,
    Release: _release,
    Approve: _approve,
    RecordEvent: _record_event,
    Amend: _amend,
    ReadMeter: _read_meter,
    Correct: _correct,
    Sweep: _sweep,
}


def subject_of(command: Command) -> str | None:
    """What a command is about, whose version the caller may expect: a need or a lease."""
    match command:
        case FileNeed():
            return command.need.id
        case MakeBid():
            return command.bid.need
        case Extend() | Release():
            return command.lease
        case _:
            return cast("str | None", getattr(command, "need", None))
