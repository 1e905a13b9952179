"""The market: bids made and withdrawn."""

from __future__ import annotations

from offtake.broker.admission import judged
from offtake.broker.awarding import bid_lease
from offtake.broker.commands import MakeBid, Withdraw
from offtake.broker.deciding.call import Call, Outcome, Refused, check_id, refusal
from offtake.broker.events import BidMade, BidWithdrawn
from offtake.broker.library import whole_steps
from offtake.broker.terms import Bid
from offtake.broker.transitions import moved
from offtake.domain.errors import InvalidInput


def make_bid(call: Call, command: MakeBid) -> Outcome:
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


def _check_bid(call: Call, bid: Bid) -> None:
    check_id(bid.id)
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


def withdraw(call: Call, command: Withdraw) -> Outcome:
    bid = call.state.bids.get(command.bid)
    if bid is None:
        raise InvalidInput(f"there is no bid `{command.bid}`")
    deal = call.deal(bid.need)
    if moved(deal.stage, "withdraw-bid") is None:
        return refusal(bid.need, f"the need is {deal.stage}")
    return (BidWithdrawn(bid=command.bid, need=bid.need),)
