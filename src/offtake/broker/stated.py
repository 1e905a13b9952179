"""Quantities and prices of capacity as people state them, read as what the broker deals in."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

from offtake.domain.errors import InvalidInput
from offtake.domain.quantities import QuantityError, parse_figure

if TYPE_CHECKING:
    from offtake.broker.terms import Quantified
    from offtake.broker.views import SupplyView

HOURS_PER_YEAR: Final = 8766
_KINDS: Final[dict[str, str]] = {"accelerators": "count", "power": "power", "units": "units"}
_PRICES: Final[dict[str, tuple[str, ...]]] = {
    "accelerators": ("price_accelerator_hour",),
    "units": ("price_unit_hour",),
    "power": ("price_power_year", "price_accelerator_hour"),
}
_MICRO: Final = Decimal("0.000001")


def quantity(text: str) -> tuple[Decimal, Quantified]:
    """An amount and what it is of: `100 accelerators`, `300 MW`, `60 units`; a bare number is accelerators.

    Raises InvalidInput for what is no quantity.
    """
    for measure, kind in _KINDS.items():
        try:
            return parse_figure(text, kind).amount, cast("Quantified", measure)
        except QuantityError:
            continue
    raise InvalidInput(
        f"`{text}` is no quantity of capacity", hint="write 100 accelerators, 300 MW or 60 units"
    )


def amount_in(text: str, measure: Quantified) -> Decimal:
    """An amount of a measure; a bare number is in it. Raises InvalidInput for an amount of another."""
    found, stated = quantity(text)
    if stated != measure and any(char.isalpha() for char in text):
        raise InvalidInput(f"`{text}` is in {stated}, and the need is in {measure}")
    return found


def price(text: str, measure: Quantified, supply: SupplyView | None = None) -> tuple[Decimal, str]:
    """A price per unit of a measure and hour, and its currency; of power also by its accelerators, at a supply.

    Raises InvalidInput for what is no price of the measure.
    """
    problem = None
    for kind in _PRICES[measure]:
        try:
            figure = parse_figure(text, kind)
        except QuantityError as error:
            problem = problem or error
            continue
        amount = figure.amount
        if measure == "power" and kind == "price_power_year":
            amount = (amount / HOURS_PER_YEAR).quantize(_MICRO)
        elif measure == "power":
            amount = _by_accelerators(amount, supply)
        return amount, figure.currency or ""
    example = problem.expected if problem is not None else ""
    raise InvalidInput(f"`{text}` is no price of {measure}", hint=f"write something like {example}")


def _by_accelerators(amount: Decimal, supply: SupplyView | None) -> Decimal:
    if supply is None:
        raise InvalidInput(
            "a price by the accelerator-hour says nothing about power before the supply is known",
            hint="write a price by the MW and year, such as 12 million USD/MW-year",
        )
    if supply.accelerators_per_mw is None:
        raise InvalidInput(f"the power of an accelerator at {supply.id} is not stated")
    return (amount * supply.accelerators_per_mw).quantize(_MICRO)
