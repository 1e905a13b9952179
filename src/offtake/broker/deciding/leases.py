"""Leases: extended by a new need, and released under what their terms keep."""

from __future__ import annotations

from dataclasses import replace

from offtake.broker.commands import Extend, FileNeed, MakeBid, Release
from offtake.broker.counting import charge
from offtake.broker.deciding.call import Call, Outcome, Refused, refusal
from offtake.broker.deciding.market import make_bid
from offtake.broker.deciding.needs import file_need
from offtake.broker.events import LeaseReleased
from offtake.broker.profile import ZERO
from offtake.broker.terms import Bid
from offtake.domain.errors import InvalidInput
from offtake.law.pricing import micro_units


def extend(call: Call, command: Extend) -> Outcome:
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
    filed = file_need(call, FileNeed(need=need))
    if isinstance(filed, Refused):
        return filed
    made = make_bid(call.after(filed), MakeBid(bid=bid))
    return made if isinstance(made, Refused) else (*filed, *made)


def release(call: Call, command: Release) -> Outcome:
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
