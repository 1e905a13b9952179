"""What an estate offers on a day, before the law is asked: models at supplies, prices, what perishes by the minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from offtake.domain.estate import Estate, ProvisionedUnits, TokensByUse
from offtake.domain.quantities import Figure
from offtake.domain.records import at_least
from offtake.domain.selection import SupplyFacts
from offtake.law.facts import deployed_supply
from offtake.law.primitives import Law
from offtake.router.table import PER_MILLION, PICO, PerToken, Pool, exactly


@dataclass(frozen=True, slots=True)
class Offer:
    """A model at a supply on the table's day, before the law is asked."""

    supply: SupplyFacts
    model: str
    price: PerToken | None  # In the estate's currency; None if there is none today.
    pool: str | None = None
    draws: PerToken | None = None
    concurrency: int = 1024
    lack: str = ""  # Why it cannot be used, where no clause is the cause.


def offers_of(estate: Estate, law: Law, day: date) -> tuple[Offer, ...]:
    """Every deployment by product that has an endpoint, with today's prices, in the file's order."""
    found: list[Offer] = []
    for deployment_id, deployment in estate.deployments.items():
        if deployment.endpoint is None:
            continue
        for product_id in deployment.products:
            product = estate.products[product_id]
            supply = deployed_supply(estate, deployment_id, product_id)
            lack = (
                "" if _open(deployment.begins, deployment.ends, day) else "the deployment is not open today"
            )
            price: PerToken | None = None
            draws: PerToken | None = None
            pool: str | None = None
            if isinstance(product, ProvisionedUnits):
                rates = product.throughput.get(deployment.model)
                if rates is not None:
                    price, pool = PerToken(0, 0, 0), product_id
                    used_in, used_out = _unit_seconds(rates.tokens_in), _unit_seconds(rates.tokens_out)
                    draws = PerToken(used_in, used_in, used_out)
            elif isinstance(product, TokensByUse):
                price = _price(product, deployment.model, law, estate.currency, day)
                if product.limit is not None:
                    pool, draws = product_id, PerToken(PICO, PICO, PICO)
                if not _open(product.begins, product.ends, day):
                    lack = lack or "the product is not sold today"
            found.append(
                Offer(supply, deployment.model, price, pool, draws, deployment.endpoint.concurrency, lack)
            )
    return tuple(found)


def pools_of(estate: Estate, day: date) -> tuple[Pool, ...]:
    """What perishes by the minute: reserved units that are held today, and limits of products by use."""
    found: list[Pool] = []
    for id, product in estate.products.items():
        if isinstance(product, ProvisionedUnits):
            held = [
                h for h in product.held if _open(h.begins, h.ends, day) and at_least(h.status, "contracted")
            ]
            units = sum((h.quantity.amount for h in held), Decimal(0))
            found.append(Pool(id, exactly(units * 60, PICO), reserved=True))
        elif isinstance(product, TokensByUse) and product.limit is not None:
            found.append(Pool(id, exactly(product.limit.amount * 60, PICO), reserved=False))
    return tuple(found)


def _unit_seconds(rate: Figure) -> int:
    """Unit-seconds that a token takes at so many tokens a second a unit, in pico-units, rounded up."""
    inverse = PICO / Fraction(rate.amount)
    return -(-inverse.numerator // inverse.denominator)


def _price(product: TokensByUse, model: str, law: Law, currency: str, day: date) -> PerToken | None:
    rates = product.prices.get(model)
    if rates is None:
        return None
    fresh, out = rates.tokens_in.at(day), rates.tokens_out.at(day)
    cached = (rates.cached.at(day) if rates.cached is not None else None) or fresh
    if fresh is None or out is None or cached is None:
        return None

    found = [_per_token(figure, law, currency, day) for figure in (fresh, cached, out)]
    return None if None in found else PerToken(*(price for price in found if price is not None))


def _per_token(figure: Figure, law: Law, currency: str, day: date) -> int | None:
    rate = law.rates.rate(figure.currency or currency, currency, day)
    return None if rate is None else exactly(figure.amount * rate, PER_MILLION)


def _open(begins: date | None, ends: date | None, day: date) -> bool:
    return (begins is None or begins <= day) and (ends is None or day < ends)
