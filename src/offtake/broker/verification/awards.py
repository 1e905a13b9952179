"""Whether an award follows: lawful by `decide`, within capacity and bounds, at the cost stated, and near the least."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from offtake.broker.events import NeedAwarded
from offtake.broker.library import Rules
from offtake.broker.terms import Bid, Grant
from offtake.broker.verification.books import NOTHING, Case, Held
from offtake.broker.verification.findings import micros
from offtake.broker.verification.inspection import Audit
from offtake.broker.verification.lawful import unlawful
from offtake.broker.verification.least import short_of_least
from offtake.broker.verification.priced import wrong_prices
from offtake.broker.verification.room import beyond_bounds, beyond_capacity


def faults(audit: Audit, case: Case, event: NeedAwarded) -> Iterator[str]:
    """Everything that does not follow in an award; the first is enough."""
    if case.closed != "no" or case.waiting is not None:
        yield "the need is closed, or a holder may still answer"
        return
    leases = [_lease(audit.rules, case, grant) for grant in event.grants]
    yield from _quantities(case, event)
    yield from _sources(audit, case, event)
    yield from unlawful(audit, case, event.grants, leases)
    yield from beyond_capacity(audit, case, leases)
    yield from beyond_bounds(audit, case, leases)
    yield from _costs(audit, case, event, leases)
    yield from wrong_prices(audit, case, event, leases)
    yield from short_of_least(audit, case, event)


def _lease(rules: Rules, case: Case, grant: Grant) -> Held:
    supply = rules.supply(grant.supply)
    amounts = rules.amounts(supply, case.need.measure, grant.quantity)
    return Held(
        grant.lease,
        case.need,
        grant.supplier,
        grant.supply,
        grant.quantity,
        grant.price,
        grant.currency,
        grant.release_share,
        None,
        amounts,
    )


def _quantities(case: Case, event: NeedAwarded) -> Iterator[str]:
    need = case.need
    before = sum((grant.quantity for grant in case.grants), NOTHING)
    now = sum((grant.quantity for grant in event.grants), NOTHING)
    if now <= 0 or any(grant.quantity <= 0 for grant in event.grants):
        yield "it grants nothing, or less"
    if before + now + event.unmet != need.quantity:
        yield f"{now} granted and {event.unmet} unmet do not add up to {need.quantity - before}"
    if before + now < need.minimum:
        yield f"{before + now} is less than the need's minimum of {need.minimum}"
    if need.whole and (len(event.grants) != 1 or now != need.quantity):
        yield "a need that must be whole was split"
    if len({grant.lease for grant in event.grants}) < len(event.grants):
        yield "two leases have one name"


def _sources(audit: Audit, case: Case, event: NeedAwarded) -> Iterator[str]:
    takes = {
        (told.notice.id, part.supply): (told, part.quantity)
        for told in case.told
        if not told.became_lease
        for part in told.takes
    }
    for grant in event.grants:
        bid = case.bids.get(grant.source)
        taken = takes.pop((grant.source, grant.supply), None)
        if taken is not None:
            told, quantity = taken
            if grant.quantity != quantity or grant.price != told.price:
                yield f"{told.notice.holder} took {quantity} at {told.price}, and is granted {grant.quantity}"
        elif bid is None:
            yield f"{grant.source} is neither a bid nor a holder's take"
        else:
            yield from _within_bid(audit, bid, grant)
    for (notice, supply), (_, quantity) in takes.items():
        yield f"{quantity} that were taken at {supply} by {notice} are not granted"


def _within_bid(audit: Audit, bid: Bid, grant: Grant) -> Iterator[str]:
    if (grant.supply, grant.price, grant.currency) != (bid.supply, bid.price, bid.currency):
        yield f"the grant is not what {bid.id} offers"
    if grant.quantity > bid.quantity or grant.quantity < bid.minimum:
        yield f"{grant.quantity} is outside what {bid.id} offers"
    if bid.whole and grant.quantity != bid.quantity:
        yield f"{bid.id} was to be taken whole"
    if bid.valid_until is not None and bid.valid_until < audit.at:
        yield f"{bid.id} had ended"


def _costs(audit: Audit, case: Case, event: NeedAwarded, leases: Sequence[Held]) -> Iterator[str]:
    need, total = case.need, NOTHING
    for grant, lease in zip(event.grants, leases, strict=True):
        owed = lease.owes(audit.rules, need.begins, need.ends, need.currency)
        if owed is None:
            yield f"no rate leads from {lease.currency} to {need.currency}"
            return
        if abs(micros(owed) - grant.cost_micros) > 1:
            yield f"{grant.lease} costs {micros(owed)} millionths, not {grant.cost_micros}"
        total += owed
    if abs(micros(total) - event.cost_micros) > 1:
        yield f"the award costs {micros(total)} millionths, not {event.cost_micros}"
