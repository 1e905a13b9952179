"""Needs and bids, and whether a market may be opened."""

from __future__ import annotations

from offtake.broker.events import BidMade, BidWithdrawn, MarketOpened, NeedCancelled, NeedFiled
from offtake.broker.verification.books import NOTHING, Case
from offtake.broker.verification.findings import follows
from offtake.broker.verification.inspection import Audit
from offtake.broker.verification.lawful import countable, over
from offtake.law.primitives import Procedure


def dealt(audit: Audit, event: NeedFiled | NeedCancelled | BidMade | BidWithdrawn | MarketOpened) -> None:
    """Whether a need is one, a bid is its bidder's, and nobody is passed over when the market opens."""
    match event:
        case NeedFiled():
            need = event.need
            follows(need.id not in audit.books.cases, f"the need `{need.id}` was filed before")
            follows(need.quantity > 0 and need.begins < need.ends, "the need is of something, for some time")
            audit.books.cases[need.id] = audit.books.open[need.id] = Case(need, audit.at)
        case NeedCancelled():
            case = audit.case(event.need)
            follows(case.closed == "no", "the need was closed before")
            case.closed = "cancelled"
            audit.books.close(case.need.id)
        case BidMade():
            case, bid = audit.case(event.bid.need), event.bid
            follows(case.closed == "no", "the need is closed")
            supply = audit.rules.supply(bid.supply)
            follows(bid.bidder in (supply.party, supply.provider), f"{bid.supply} is not {bid.bidder}'s")
            follows(bid.quantity > 0 and 0 <= bid.minimum <= bid.quantity, "the bid offers nothing")
            case.bids.pop(bid.id, None)
            case.bids[bid.id] = bid
        case BidWithdrawn():
            follows(audit.case(event.need).bids.pop(event.bid, None), "there is no such bid")
        case MarketOpened():
            case = audit.case(event.need)
            follows(
                case.closed == "no" and case.waiting is None,
                "a holder may still answer, or the need is closed",
            )
            follows(event.quantity == case.left, f"{case.left} are left, not {event.quantity}")
            passed_over = unasked(audit, case)
            follows(passed_over is None, f"{passed_over} has not been asked")


def unasked(audit: Audit, case: Case) -> str | None:
    """The first right to be offered this need that was not, in rank."""
    if case.left <= 0:
        return None
    asked = {told.notice.procedure for told in case.told}
    for right in sorted(audit.rules.law.procedures, key=lambda one: (one.rank, one.id)):
        if right.style == "offer" and right.id not in asked and covered(audit, right, case):
            return right.id
    return None


def covered(audit: Audit, right: Procedure, case: Case) -> bool:
    if over(audit, right, case) is None:
        return False
    if right.threshold is None:
        return True
    sizes = dict(countable(audit, right))
    if right.aggregates_within is None:
        return sizes.get(case.need.id, NOTHING) >= right.threshold
    return case.need.id in sizes and sum(sizes.values(), NOTHING) >= right.threshold
