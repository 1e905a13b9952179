"""A proposal as grants, and whether each is lawful on top of those before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from offtake.broker.admission import fits, judged
from offtake.broker.awarding.proposing import Proposal
from offtake.broker.awarding.sources import Source
from offtake.broker.counting import with_lease
from offtake.broker.library import Rules
from offtake.broker.state import Deal, State
from offtake.broker.terms import Cited, Grant, Lease, Part
from offtake.law.pricing import micro_units


def grants_of(deal: Deal, found: Proposal) -> tuple[Grant, ...]:
    """A proposal as grants, numbered on from the deal's leases."""
    first = len(deal.leases) + 1
    return tuple(
        Grant(
            lease=f"{deal.need.id}-{first + n}",
            supply=source.lease.supply,
            supplier=source.lease.supplier,
            quantity=quantity,
            price=source.lease.price,
            currency=source.lease.currency,
            cost_micros=micro_units(source.cost * quantity),
            source=source.id,
            release_share=source.release_share,
        )
        for n, (source, quantity) in enumerate(found.quantities)
    )


def parts_of(found: Proposal) -> tuple[Part, ...]:
    """A proposal as quantities by supply."""
    return tuple(Part(supply=source.lease.supply, quantity=quantity) for source, quantity in found.quantities)


def granted_lease(rules: Rules, deal: Deal, source: Source, quantity: Decimal, id: str) -> Lease:
    """A source's quantity as a lease."""
    supply = rules.supply(source.lease.supply)
    amounts = rules.amounts(supply, deal.need.measure, quantity)
    return replace(source.lease, id=id, quantity=quantity, amounts=tuple(sorted(amounts.items())))


def admitted(rules: Rules, state: State, deal: Deal, found: Proposal, today: date) -> tuple[Cited, ...]:
    """Why a proposal is not lawful, grant by grant, each on what those before it left; nothing if it is."""
    taken: list[tuple[str, Decimal]] = []
    for n, (source, quantity) in enumerate(found.quantities):
        lease = granted_lease(rules, deal, source, quantity, f"{deal.need.id}+{n}")
        verdict = judged(rules, state, deal, lease, today, taken, source=source.id if source.fixed else None)
        if verdict.reasons:
            return verdict.reasons
        if verdict.obligations:
            return tuple(
                Cited(
                    clause=one.origin.clause,
                    text=f"{one.origin.clause}: {one.who} must approve first"
                    if one.kind == "approval"
                    else f"{one.origin.clause}: {one.who} must be asked first",
                )
                for one in verdict.obligations
            )
        full = fits(rules, state, lease)
        if full is not None:
            return (full,)
        taken.append((source.id, quantity))
        state = with_lease(state, rules, lease, 1)
    return ()
