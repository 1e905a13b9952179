"""Who may supply a need, at what cost over its term; and who is left out, with the reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from offtake.broker.admission import judged
from offtake.broker.counting import HOURS_PER_DAY, charge_in, with_hold
from offtake.broker.folding import holds, lease_of
from offtake.broker.library import Rules
from offtake.broker.profile import ZERO
from offtake.broker.state import Deal, State
from offtake.broker.terms import Bid, Cited, Excluded, Lease
from offtake.law.wording import number


@dataclass(frozen=True, slots=True)
class Source:
    """Somebody who may supply: a holder's take (`fixed`) or a bid, with what one step of it costs over the term."""

    id: str
    lease: Lease  # One unit of the measure.
    minimum: Decimal
    maximum: Decimal
    whole: bool
    fixed: bool
    cost: Decimal  # Of one unit of the measure over the term, in the need's currency.
    release_share: Decimal
    order: int


def without_holds(rules: Rules, state: State, deal: Deal) -> State:
    """The state in which what holders took of a deal is not kept for them: it is about to be awarded."""
    for hold in holds(rules, deal):
        state = with_hold(state, rules, hold, -1)
    return state


def sources_of(
    rules: Rules, state: State, deal: Deal, now: datetime, free: frozenset[str]
) -> tuple[list[Source], tuple[Excluded, ...]]:
    """What holders took and what the market bids, and the bids that can be awarded nothing, with the reasons."""
    sources = list(_takes(rules, deal, free))
    excluded: list[Excluded] = []
    for id in deal.bids:
        bid = state.bids[id]
        lease = bid_lease(rules, deal, bid)
        most = bid.quantity - matched(deal, id, free)
        why = _why_not(rules, state, deal, bid, lease, now)
        if not why and (most <= 0 or most < (bid.quantity if bid.whole else bid.minimum)):
            why = [Cited(clause=None, text="a holder matched it")]
        if why:
            excluded.append(Excluded(bid=id, supply=bid.supply, reasons=tuple(why)))
            continue
        cost = charge_in(rules, lease, lease.begins, lease.ends, deal.need.currency) or ZERO
        sources.append(
            Source(id, lease, bid.minimum, most, bid.whole, False, cost, bid.release_share, len(sources))
        )
    return sources, tuple(excluded)


def _takes(rules: Rules, deal: Deal, free: frozenset[str]) -> Iterator[Source]:
    """What holders took. Under a clause in `free` an offer is one like others, and a match is none."""
    order = 0
    for asking in deal.askings:
        fixed = asking.notice.clause not in free
        if asking.granted or (not fixed and asking.notice.style == "match"):
            continue
        for take in asking.takes:
            lease = lease_of(rules, deal.need, asking, replace(take, quantity=Decimal(1)))
            cost = charge_in(rules, lease, lease.begins, lease.ends, deal.need.currency)
            if cost is None:
                continue
            least = take.quantity if fixed else ZERO
            yield Source(asking.notice.id, lease, least, take.quantity, False, fixed, cost, Decimal(1), order)
            order += 1


def matched(deal: Deal, bid: str, free: frozenset[str] = frozenset()) -> Decimal:
    """What holders matched of a bid: they supply it in its bidder's place."""
    return sum(
        (asking.matched(bid) for asking in deal.askings if asking.notice.clause not in free), Decimal(0)
    )


def bid_lease(rules: Rules, deal: Deal, bid: Bid) -> Lease:
    """A unit of a bid as a lease."""
    supply = rules.supply(bid.supply)
    need = deal.need
    return Lease(
        id=bid.id,
        need=need.id,
        tenant=need.party,
        supplier=supply.party or supply.provider or bid.bidder,
        supply=bid.supply,
        measure=need.measure,
        quantity=Decimal(1),
        amounts=tuple(sorted(rules.amounts(supply, need.measure, Decimal(1)).items())),
        begins=need.begins,
        ends=need.ends,
        price=bid.price,
        currency=bid.currency,
        release_share=bid.release_share,
        discharges=(),
    )


def _why_not(rules: Rules, state: State, deal: Deal, bid: Bid, lease: Lease, now: datetime) -> list[Cited]:
    """Why a bid cannot be awarded anything."""
    need = deal.need
    if bid.valid_until is not None and bid.valid_until < now:
        return [Cited(clause=None, text=f"the bid ended on {bid.valid_until:%Y-%m-%d %H:%M} UTC")]
    unsuited = rules.serves(rules.supply(bid.supply), need)
    if unsuited is not None:
        return [Cited(clause=None, text=unsuited)]
    verdict = judged(rules, state, deal, lease, now.date(), counted=False)
    if verdict.reasons:
        return list(verdict.reasons)
    cost = charge_in(rules, lease, lease.begins, lease.ends, need.currency)
    if cost is None:
        return [Cited(clause=None, text=f"there is no rate from {bid.currency} to {need.currency}")]
    limits = [tranche.price_limit for tranche in need.in_tranches()]
    price = per_hour(cost, need.begins, need.ends)
    if all(limit is not None and price > limit for limit in limits):
        most = max(limit for limit in limits if limit is not None)
        return [
            Cited(
                clause=None,
                text=f"{number(price)} {need.currency} is above the need's limit of {number(most)}",
            )
        ]
    return []


def per_hour(cost: Decimal, begins: date, ends: date) -> Decimal:
    """The price of a unit and hour that makes a cost over a term."""
    return cost / ((ends - begins).days * HOURS_PER_DAY)
