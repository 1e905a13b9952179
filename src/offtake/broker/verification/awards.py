"""Whether an award follows: lawful by `decide`, within capacity and bounds, at the cost stated, and near the least."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from offtake.broker.events import NeedAwarded
from offtake.broker.library import Rules
from offtake.broker.terms import Bid, Grant
from offtake.broker.verification.books import NOTHING, Case, Held, took
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
    owed: dict[tuple[str, str, Decimal, str], Decimal] = {}
    for told in case.told:
        for part in told.takes if not told.became_lease else ():
            held = took(audit.rules, case, told, part)
            key = (told.notice.id, part.supply, held.price, held.currency)
            owed[key] = owed.get(key, NOTHING) + part.quantity
    notices = {told.notice.id for told in case.told}
    for grant in event.grants:
        key = (grant.source, grant.supply, grant.price, grant.currency)
        if grant.source in notices:
            owed[key] = owed.get(key, NOTHING) - grant.quantity
        elif grant.source in case.bids:
            yield from _within_bid(audit, case, case.bids[grant.source], grant)
        else:
            yield f"{grant.source} is neither a bid nor a holder's take"
    for (notice, supply, price, _), left in owed.items():
        if left > 0:
            yield f"{notice} took {left} more at {supply} for {price} than it is granted"
        elif left < 0:
            yield f"{notice} took {-left} less at {supply} for {price} than it is granted"


def _within_bid(audit: Audit, case: Case, bid: Bid, grant: Grant) -> Iterator[str]:
    if (grant.supply, grant.price, grant.currency) != (bid.supply, bid.price, bid.currency):
        yield f"the grant is not what {bid.id} offers"
    if grant.quantity > bid.quantity - case.matched(bid.id) or grant.quantity < bid.minimum:
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
