"""What a need would be answered now, without anything being written: who must be asked, and what each supply has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from pydantic import TypeAdapter

from offtake.broker.admission import free_of, judged
from offtake.broker.asking import covered, rights_over
from offtake.broker.counting import charge_in
from offtake.broker.deciding.call import Call, Desk
from offtake.broker.deciding.needs import check_need
from offtake.broker.library import Rules, whole_steps
from offtake.broker.profile import ZERO
from offtake.broker.reading import as_of
from offtake.broker.state import Deal, State
from offtake.broker.terms import STEPS, Cited, Lease, Need
from offtake.domain.errors import InvalidInput
from offtake.law.pricing import micro_units


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A holder that would be asked, and by which clause; `match` asks once bids are in."""

    clause: str
    holder: str
    style: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a supply could give a need: `quantity` of its measure for the whole term, at the estate's list price.

    `reasons` say why it could give nothing; `price` is per unit and hour, None where the estate states none, and
    `cost_micros` what the quantity costs over the term in the need's currency, None without a price or a rate.
    """

    supply: str
    supplier: str
    quantity: Decimal
    price: Decimal | None
    currency: str | None
    cost_micros: int | None
    reasons: tuple[Cited, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """An answer that binds nobody: who is asked first, in the order of rank, and offers, the cheapest unit first."""

    need: str
    entries: int  # Of the ledger that it was made on.
    asked: tuple[Asked, ...]
    offers: tuple[Offer, ...]


QUOTE: Final[TypeAdapter[Quote]] = TypeAdapter(Quote)


def quote(desk: Desk, state: State, need: Need, now: datetime) -> Quote:
    """What a need would be answered at a time, on a state of the ledger.

    Raises InvalidInput for a need that could not be filed.
    """
    state = as_of(desk, state, now)
    if need.id in state.deals:
        raise InvalidInput(
            f"there is a need `{need.id}` already", hint="a quote is for one that is not filed"
        )
    call = Call(desk, state, now)
    check_need(call, need)
    deal = Deal(need, "drafted", now)
    # What a right counts together with other needs must be able to see this one.
    with_it = replace(
        state, deals=state.deals.set(need.id, deal), open_needs=state.open_needs.set(need.id, now)
    )
    rights = [
        Asked(clause=one.origin.clause, holder=one.holder, style=one.style)
        for one in rights_over(call.rules, with_it, need)
        if one.style != "approve" and covered(call.rules, with_it, one, need, now.date())
    ]
    offers = [
        _offer(call.rules, state, deal, id, now)
        for id, supply in call.rules.supplies.items()
        if call.rules.serves(supply, need) is None
    ]
    offers.sort(key=_order)
    return Quote(need=need.id, entries=state.seq, asked=tuple(rights), offers=tuple(offers))


def _offer(rules: Rules, state: State, deal: Deal, id: str, now: datetime) -> Offer:
    need, supply = deal.need, rules.supplies[id]
    listed = rules.list_price(supply, need.measure, need.begins)
    price, currency = (None, None) if listed is None else listed
    unit = Lease(
        id="quote",
        need=need.id,
        tenant=need.party,
        supplier=supply.party or supply.provider or "",
        supply=id,
        measure=need.measure,
        quantity=STEPS[need.measure],
        amounts=tuple(sorted(rules.amounts(supply, need.measure, STEPS[need.measure]).items())),
        begins=need.begins,
        ends=need.ends,
        price=price or ZERO,
        currency=currency or need.currency,
        release_share=Decimal(1),
        discharges=(),
    )
    # Who must be asked first is said beside the offers: it is no reason against one.
    reasons = judged(rules, state, deal, unit, now.date()).reasons
    quantity = ZERO if reasons else _free(rules, state, unit, need)
    cost = None
    if price is not None and quantity:
        cost = charge_in(rules, unit, need.begins, need.ends, need.currency)
    return Offer(
        supply=id,
        supplier=unit.supplier,
        quantity=quantity,
        price=price,
        currency=currency,
        cost_micros=None if cost is None else micro_units(cost * quantity / unit.quantity),
        reasons=reasons,
    )


def _free(rules: Rules, state: State, unit: Lease, need: Need) -> Decimal:
    """How much of a need a supply has free on every day of its term."""
    free = free_of(rules, state, unit.supply, need.begins, need.ends)
    if free is None:
        return need.quantity
    pool = rules.pool(rules.supply(unit.supply))
    each = dict(unit.amounts).get(pool.measure, ZERO) / unit.quantity
    return min(need.quantity, whole_steps(need.measure, max(free, ZERO) / each)) if each else need.quantity


def _order(offer: Offer) -> tuple[bool, bool, Decimal, str]:
    none = not offer.quantity
    unit = ZERO if none or offer.cost_micros is None else offer.cost_micros / offer.quantity
    return none, offer.cost_micros is None, unit, offer.supply
