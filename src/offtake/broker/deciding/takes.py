"""What a holder takes: its price, and whether it could become leases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from offtake.broker.admission import fits, judged
from offtake.broker.counting import with_hold
from offtake.broker.events import HolderAnswered
from offtake.broker.folding import lease_of
from offtake.broker.library import Rules
from offtake.broker.profile import ZERO
from offtake.broker.state import Asking, Deal, State
from offtake.broker.terms import Cited, Notice, Part, Take
from offtake.domain.errors import InvalidInput
from offtake.law.primitives import Procedure
from offtake.law.procedures import offer_counts
from offtake.law.wording import number


def takes_of(
    rules: Rules, deal: Deal, asking: Asking, parts: Sequence[Part], stated: Decimal | None
) -> tuple[Take, ...] | str | None:
    """What a holder takes, with prices: a match's are the bids'; else what it states, the notice's, the product's.

    Why it may not, in words; None if no price is known.
    """
    notice, need = asking.notice, deal.need
    if notice.style == "match" and notice.parts:
        return _matched(notice, parts)
    price: tuple[Decimal, str] | None = None
    if stated is not None and notice.style == "offer":
        price = stated, need.currency
    elif notice.price is not None:
        price = notice.price, need.currency
    else:
        price = rules.list_price(rules.supply(parts[0].supply), need.measure, need.begins)
    if price is None:
        return None
    return tuple(Take(supply=p.supply, quantity=p.quantity, price=price[0], currency=price[1]) for p in parts)


def _matched(notice: Notice, parts: Sequence[Part]) -> tuple[Take, ...] | str:
    """What a holder takes of the bids that it may match, each at its price; or why it may not.

    A part that does not say which bid it matches goes to the first that has something left.
    """
    left = [one.quantity for one in notice.parts]
    takes: list[Take] = []
    for part in parts:
        places = range(len(left)) if part.matches is None else [part.matches - 1]
        wanted = part.quantity
        for place in places:
            if not 0 <= place < len(left):
                return f"the notice {notice.id} has {len(left)} parts, and no part {place + 1}"
            use = min(wanted, left[place])
            if use:
                one = notice.parts[place]
                takes.append(
                    Take(
                        supply=part.supply,
                        quantity=use,
                        matches=place + 1,
                        price=one.price,
                        currency=one.currency,
                    )
                )
            left[place], wanted = left[place] - use, wanted - use
        if wanted:
            return f"{number(wanted)} more are taken than part {places[0] + 1} is of"
    for place, (rest, one) in enumerate(zip(left, notice.parts, strict=True), 1):
        if rest != one.quantity and 0 < rest < one.keeps:
            keeps = f"or leaves at least {number(one.keeps)}" if one.keeps < one.quantity else "or nothing"
            return f"who matches part {place} takes all of its {number(one.quantity)}, {keeps}"
    return tuple(takes)


def counts(rules: Rules, deal: Deal, procedure: Procedure, takes: Sequence[Take]) -> bool:
    """Whether what is taken counts: at no price above what the clause lets count, per unit of its measure."""
    for take in takes:
        amounts = rules.amounts(rules.supply(take.supply), deal.need.measure, Decimal(1))
        if not offer_counts(procedure, (take.price or ZERO) / amounts.get(procedure.measure, Decimal(1))):
            return False
    return True


def unlawful_takes(
    rules: Rules, state: State, deal: Deal, asking: Asking, takes: Sequence[Take], now: datetime
) -> tuple[Cited, ...]:
    """Why what a holder takes could not become leases, one on top of the other."""
    limit, currency = deal.need.price_limit, deal.need.currency
    for take in takes:
        supply = rules.supply(take.supply)
        if asking.notice.holder not in (supply.party, supply.provider):
            raise InvalidInput(f"{take.supply} is not {asking.notice.holder}'s")
        price, stated = take.price or ZERO, take.currency or currency
        rate = rules.law.rates.rate(stated, currency, deal.need.begins)
        if rate is None:
            return (Cited(clause=None, text=f"there is no rate from {stated} to {currency}"),)
        if limit is not None and price * rate > limit:
            text = f"{number(price)} {stated} is above the need's limit of {number(limit)} {currency}"
            return (Cited(clause=None, text=text),)
        unsuited = rules.serves(supply, deal.need)
        if unsuited is not None:
            return (Cited(clause=None, text=unsuited),)
        lease = lease_of(rules, deal.need, asking, take)
        # Whether others must be asked is not the holder's concern; masks, bounds and capacity are.
        verdict = judged(rules, state, deal, lease, now.date())
        full = fits(rules, state, lease)
        if verdict.reasons or full is not None:
            return (*verdict.reasons, *(() if full is None else (full,)))
        state = with_hold(state, rules, lease, 1)
    return ()


def answer_of(
    asking: Asking, answered: HolderAnswered, move: Literal["accept", "accept-part"], takes: Sequence[Take]
) -> HolderAnswered:
    """An answer that takes something: the price of all of it, or each part's own where a match has several."""
    price = (takes[0].price, takes[0].currency or answered.currency)
    if asking.notice.style == "match" and asking.notice.parts:
        alike = len({(take.price, take.currency) for take in takes}) == 1
        return replace(
            answered,
            move=move,
            takes=tuple(takes),
            price=price[0] if alike else None,
            currency=price[1],
        )
    plain = tuple(Take(supply=take.supply, quantity=take.quantity) for take in takes)
    return replace(answered, move=move, takes=plain, price=price[0], currency=price[1])
