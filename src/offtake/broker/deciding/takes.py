"""What a holder takes: its price, and whether it could become leases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from offtake.broker.admission import fits, judged
from offtake.broker.folding import lease_of
from offtake.broker.library import Rules
from offtake.broker.profile import ZERO
from offtake.broker.state import Asking, Deal, State
from offtake.broker.terms import Cited, Part
from offtake.domain.errors import InvalidInput
from offtake.law.wording import number


def taken_price(
    rules: Rules, deal: Deal, asking: Asking, takes: Sequence[Part], stated: Decimal | None
) -> tuple[Decimal, str] | None:
    """The price at which a holder takes: a match's is the bid's; else what it states, the notice's, the product's."""
    need = deal.need
    if asking.notice.style == "match" or (stated is None and asking.notice.price is not None):
        return (asking.notice.price or ZERO, need.currency)
    if stated is not None:
        return stated, need.currency
    return rules.list_price(rules.supply(takes[0].supply), need.measure, need.begins)


def in_clause_measure(
    rules: Rules, deal: Deal, measure: str, part: Part, price: tuple[Decimal, str]
) -> Decimal:
    """A price per unit of the need's measure as one per unit of the clause's."""
    amounts = rules.amounts(rules.supply(part.supply), deal.need.measure, Decimal(1))
    return price[0] / amounts.get(measure, Decimal(1))


def unlawful_takes(
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
