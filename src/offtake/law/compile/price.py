"""Price: what the payer owes the payee, by tiers of the quantity or as a share of an amount."""

from __future__ import annotations

from decimal import Decimal

from offtake.domain.clauses import Price
from offtake.law.compile.context import COUNTED, Context, Primitives
from offtake.law.primitives import PriceSchedule, PriceTier


def compile_price(clause: Price, context: Context) -> Primitives:
    """A price schedule."""
    if (clause.share is None) == (not clause.tiers):
        raise context.invalid("a price is stated by `tiers` or by `share`, one of the two")
    if clause.share is not None and clause.measure != "money":
        raise context.invalid("a share is a share of money", "write `measure: money`")
    tiers, currency = _tiers(clause, context)
    if clause.cap is not None:
        currency = _same(context, currency, clause.cap.currency)
    schedule = PriceSchedule(
        id=context.id,
        origin=context.origin(clause),
        scope=context.scope(clause, COUNTED[clause.measure]),
        payer=clause.payer,
        payee=clause.payee,
        measure=clause.measure,
        window=clause.window,
        currency=currency or context.estate.currency,
        tiers=tiers,
        tiering=clause.tiering,
        share=None if clause.share is None else clause.share.amount,
        cap=None if clause.cap is None else clause.cap.amount,
    )
    return Primitives(prices=(schedule,))


def _tiers(clause: Price, context: Context) -> tuple[tuple[PriceTier, ...], str | None]:
    tiers: list[PriceTier] = []
    currency: str | None = None
    reached = Decimal(0)
    for place, tier in enumerate(clause.tiers, start=1):
        price, stated = context.price(tier.price, clause.measure, f"tiers[{place}].price")
        currency = _same(context, currency, stated)
        if (tier.up_to is None) != (place == len(clause.tiers)):
            raise context.invalid("every tier but the last has an upper end, `up_to`")
        up_to = None
        if tier.up_to is not None:
            figure = context.figure(tier.up_to, clause.measure, f"tiers[{place}].up_to")
            currency, up_to = _same(context, currency, figure.currency), figure.amount
            if up_to <= reached:
                raise context.invalid(f"tier {place} does not end above the one before it")
            reached = up_to
        tiers.append(PriceTier(up_to, price))
    return tuple(tiers), currency


def _same(context: Context, one: str | None, other: str | None) -> str | None:
    if one is not None and other is not None and one != other:
        raise context.invalid(f"it is stated in both {one} and {other}", "state a price in one currency")
    return one or other
