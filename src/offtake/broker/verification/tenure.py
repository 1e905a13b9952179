"""Leases: what an award makes of its grants, and what a release leaves owed."""

from __future__ import annotations

from offtake.broker.events import LeaseReleased, NeedAwarded
from offtake.broker.verification.awards import faults
from offtake.broker.verification.books import Held
from offtake.broker.verification.findings import Broken, follows, micros
from offtake.broker.verification.inspection import Audit


def awarded(audit: Audit, event: NeedAwarded) -> None:
    """Whether an award follows; its grants are leases from here on."""
    case = audit.case(event.need)
    wrong = next(faults(audit, case, event), None)
    follows(wrong is None, wrong or "")
    tally = audit.tally
    for grant in event.grants:
        follows(grant.lease not in audit.books.leases, f"there is a lease {grant.lease} already")
        supply = audit.rules.supply(grant.supply)
        held = audit.books.leases[grant.lease] = Held(
            grant.lease,
            case.need,
            grant.supplier,
            grant.supply,
            grant.quantity,
            grant.price,
            grant.currency,
            grant.release_share,
            None,
            audit.rules.amounts(supply, case.need.measure, grant.quantity),
        )
        tally.lease(held, 1)
    for told in case.told:
        told.became_lease = told.became_lease or bool(told.takes)
    case.grants.extend(event.grants)
    case.use_up(event.grants)
    audit.books.holding.pop(case.need.id, None)
    if not event.unmet:
        case.closed = "awarded"
        audit.books.close(case.need.id)


def released(audit: Audit, event: LeaseReleased) -> None:
    """Whether a lease could be given back, and what stays owed of it."""
    lease = audit.books.leases.get(event.lease)
    if lease is None:
        raise Broken(f"there is no lease `{event.lease}`")
    follows(lease.released is None, "it was released before")
    follows(
        max(lease.need.begins, audit.at.date()) <= event.on < lease.need.ends,
        "a lease is released from a day of its term that is not over",
    )
    rest = lease.price * lease.quantity * 24 * (lease.need.ends - event.on).days
    follows(event.kept_micros == micros(rest * lease.kept_share), "what stays owed is another amount")
    follows(event.waived_micros == micros(rest - rest * lease.kept_share), "what is waived is another amount")
    tally = audit.tally
    tally.lease(lease, -1)
    lease.released = event.on
    tally.lease(lease, 1)
