"""A charge of a bill, as plain values: who charges whom, for what, how much of it, and under which commitment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal

from offtake.domain.estate import AcceleratorHours, Estate, ProvisionedUnits, TokensByUse
from offtake.domain.quantities import HOURS_PER_YEAR

Category = Literal["Usage", "Purchase", "Tax", "Credit", "Adjustment"]
TokenWay = Literal["in", "cached", "out"]
Counted = Literal["tokens", "accelerator-hours", "unit-hours", "accelerators", "units", "money"]


@dataclass(frozen=True, slots=True)
class Applied:
    """What a charge counts towards a term of a contract: money in the bill's currency, or a quantity in a unit.

    `counted` is what the money comes to in the term's own currency, `counted_in`, if that is another.
    """

    contract: str
    commitment: str
    cost: Decimal | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    counted: Decimal | None = None
    counted_in: str | None = None


@dataclass(frozen=True, slots=True)
class Discount:
    """A commitment discount that a charge buys, uses or leaves unused."""

    id: str
    category: str | None = None  # Spend or Usage.
    type: str | None = None
    status: str | None = None  # Used or Unused, on usage.
    quantity: Decimal | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge. Costs are in `currency`; times are UTC, ends exclusive."""

    category: Category
    provider: str
    currency: str
    billed: Decimal
    begins: datetime
    ends: datetime
    billing_begins: datetime
    billing_ends: datetime
    effective: Decimal | None = None
    correction: bool = False
    covered: bool = False  # Paid for by a commitment discount.
    once: bool = False  # Not recurring.
    description: str = ""
    service: str = ""
    service_category: str = ""
    quantity: Decimal | None = None
    unit: str | None = None
    unit_price: Decimal | None = None
    region: str | None = None
    names: tuple[str, ...] = ()  # SkuPriceId, SkuId, ResourceId, ResourceName: what may name a product.
    discount: Discount | None = None
    applied: tuple[Applied, ...] = ()
    own: Mapping[str, str] = field(default_factory=dict[str, str])  # Custom columns, by name.

    @property
    def day(self) -> date:
        """The first day charged for."""
        return self.begins.date()

    @property
    def sku(self) -> str:
        """The provider's name of what was priced; else the service."""
        return next((name for name in self.names if name), self.service)


@dataclass(frozen=True, slots=True)
class Matched:
    """The product of an estate that a charge is for; for tokens also the model and which of its prices."""

    product: str
    model: str | None = None
    tokens: TokenWay | None = None


AI_SERVICES: Final = "AI and Machine Learning"  # FOCUS's category of services.
# Custom columns by which offtake's own exports name what a charge is for.
OWN_PRODUCT: Final = "x_OfftakeProduct"
OWN_MODEL: Final = "x_OfftakeModel"
OWN_TOKENS: Final = "x_OfftakeTokens"
OWN_CLAUSE: Final = "x_OfftakeClause"
# And in an element of `ContractApplied`, what it comes to in the commitment's currency.
OWN_COUNTED: Final = "x_OfftakeCommitmentCost"
OWN_COUNTED_IN: Final = "x_OfftakeCommitmentCurrency"

_UNIT: Final = re.compile(
    r"(?:(?P<number>\d[\d,]{0,15})\s*)?(?P<scale>k|m|b|thousand|million|billion)?\s*"
    r"(?P<thing>tokens?|gpus?|accelerators?|ptus?|units?|provisioned throughput units?)"
    r"(?:[-\s]+(?P<time>hours?|hrs?|days?|months?|years?))?",
    re.IGNORECASE,
)
_SCALES: Final = {"k": 10**3, "m": 10**6, "b": 10**9, "thousand": 10**3, "million": 10**6, "billion": 10**9}
_HOURS: Final = {
    "h": Decimal(1),
    "d": Decimal(24),
    "m": Decimal(HOURS_PER_YEAR) / 12,
    "y": Decimal(HOURS_PER_YEAR),
}
_WORDS: Final[Mapping[TokenWay, re.Pattern[str]]] = {
    "cached": re.compile(r"cached|cache[ -]?read", re.IGNORECASE),
    "out": re.compile(r"\b(output|completion|generated|out)\b", re.IGNORECASE),
    "in": re.compile(r"\b(input|prompt|in)\b", re.IGNORECASE),
}


def measure_of(unit: str | None) -> tuple[Counted, Decimal] | None:
    """What a bill's unit counts, and how many of it one unit is: `1M Tokens` are a million tokens, `GPU-Hours` are
    accelerator-hours, `PTU-Months` 730.5 unit-hours each. None for units that are not of AI compute."""
    match = _UNIT.fullmatch(unit.strip()) if unit else None
    if match is None:
        return None
    factor = Decimal((match["number"] or "1").replace(",", "")) * _SCALES.get(
        (match["scale"] or "").lower(), 1
    )
    thing, time = match["thing"].lower(), match["time"]
    if thing.startswith("token"):
        return None if time else ("tokens", factor)
    accelerators = thing.startswith(("gpu", "accel"))
    if time is None:
        return ("accelerators" if accelerators else "units"), factor
    return ("accelerator-hours" if accelerators else "unit-hours"), factor * _HOURS[time[0].lower()]


def is_about_ai(charge: Charge) -> bool:
    """Whether a charge is for AI compute by its service's category or its unit; a bare `Units` may be anything."""
    counted = measure_of(charge.unit)
    return charge.service_category == AI_SERVICES or (counted is not None and counted[0] != "units")


def match_product(charge: Charge, estate: Estate, mapped: Mapping[str, str]) -> Matched | None:
    """The product that a charge is for: as its own columns say, as mapped (`PRODUCT`, `PRODUCT/MODEL` or
    `PRODUCT/MODEL/in`), or by its id; None if the estate has none."""
    stated = charge.own.get(OWN_PRODUCT) or next(
        (mapped[name] for name in (*charge.names, charge.service) if name in mapped), None
    )
    if stated is None:
        stated = next((name for name in charge.names if name.split("/")[0] in estate.products), None)
    if stated is None:
        return None
    product, *rest = stated.split("/")
    entry = estate.products.get(product)
    if entry is None:
        return None
    if not isinstance(entry, TokensByUse):
        return Matched(product)
    model = charge.own.get(OWN_MODEL) or (rest[0] if rest else None)
    if model is None and len(entry.prices) == 1:
        model = next(iter(entry.prices))
    way = _way(charge.own.get(OWN_TOKENS) or (rest[1] if len(rest) > 1 else None), charge)
    return Matched(product, model if model in entry.prices else None, way)


def _way(stated: str | None, charge: Charge) -> TokenWay | None:
    for way in _WORDS:
        if stated == way:
            return way
    about = " ".join((charge.description, *charge.names))
    return next((way for way, words in _WORDS.items() if words.search(about)), None)


def stated_price(matched: Matched, estate: Estate, day: date) -> tuple[Counted, Decimal, str] | None:
    """What the estate says a matched product costs on a day: what is counted, the price of one, its currency."""
    product = estate.products[matched.product]
    if isinstance(product, TokensByUse):
        rates = product.prices.get(matched.model or "")
        if rates is None or matched.tokens is None:
            return None
        series = {"in": rates.tokens_in, "cached": rates.cached or rates.tokens_in, "out": rates.tokens_out}
        figure = series[matched.tokens].at(day)
        return None if figure is None else ("tokens", figure.amount / 10**6, figure.currency or "")
    figure = product.price.at(day)
    if figure is None:
        return None
    counted: Counted = "accelerator-hours" if isinstance(product, AcceleratorHours) else "unit-hours"
    return counted, figure.amount, figure.currency or ""


def held_quantity(product: ProvisionedUnits | AcceleratorHours, begins: date, ends: date) -> Decimal:
    """The unit-hours (accelerator-hours) of what is held of a product within [begins, ends), days counted whole."""
    total = Decimal(0)
    for held in product.held:
        first = max(begins, held.begins or begins)
        last = min(ends, held.ends or ends)
        if last > first:
            total += held.quantity.amount * (last - first).days * 24
    return total
