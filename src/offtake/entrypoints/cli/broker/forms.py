"""What people type to the broker, read as the values that it knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

from offtake.domain.errors import InvalidInput

if TYPE_CHECKING:
    from offtake.broker.terms import Part, Quantified, Tranche
    from offtake.broker.views import SupplyView

HOURS_PER_YEAR: Final = 8766
_KINDS: Final[dict[str, str]] = {"accelerators": "count", "power": "power", "units": "units"}
_MICRO: Final = Decimal("0.000001")


def moment(text: str | None) -> datetime | None:
    """A day or a time such as `2026-01-12` or `2026-01-12T09:00`; UTC if no zone is stated."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"`{text}` is not a time", hint="write 2026-01-12 or 2026-01-12T09:00") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def day(text: str) -> date:
    """A day such as `2026-01-12`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"`{text}` is not a day", hint="write 2026-01-12") from None


def quantity(text: str) -> tuple[Decimal, Quantified]:
    """An amount and what it is of: `100 accelerators`, `300 MW`, `60 units`; a bare number is accelerators."""
    from offtake.domain.quantities import QuantityError, parse_figure

    for measure, kind in _KINDS.items():
        try:
            return parse_figure(text, kind).amount, cast("Quantified", measure)
        except QuantityError:
            continue
    raise InvalidInput(
        f"`{text}` is no quantity of capacity", hint="write 100 accelerators, 300 MW or 60 units"
    )


def amount_in(text: str, measure: Quantified) -> Decimal:
    """An amount of a measure; a bare number is in it."""
    found, stated = quantity(text)
    if stated != measure and any(char.isalpha() for char in text):
        raise InvalidInput(f"`{text}` is in {stated}, and the need is in {measure}")
    return found


def price(text: str, measure: Quantified, supply: SupplyView | None = None) -> tuple[Decimal, str]:
    """A price per unit of a measure and hour, and its currency; of power also by its accelerators, at a supply."""
    from offtake.domain.quantities import QuantityError, parse_figure

    kinds = {
        "accelerators": ("price_accelerator_hour",),
        "units": ("price_unit_hour",),
        "power": ("price_power_year", "price_accelerator_hour"),
    }[measure]
    problem = None
    for kind in kinds:
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


def parts(texts: Sequence[str], measure: Quantified) -> tuple[Part, ...]:
    """What a holder takes where: `azure-georgia=100 MW`, once for each supply."""
    from offtake.broker.terms import Part

    found: list[Part] = []
    for text in texts:
        supply, equals, amount = text.partition("=")
        if not equals:
            raise InvalidInput(f"`{text}` does not say how much", hint="write --take SUPPLY=QUANTITY")
        found.append(Part(supply=supply.strip(), quantity=amount_in(amount.strip(), measure)))
    return tuple(found)


def tranche(text: str, measure: Quantified) -> Tranche:
    """A tranche: `60 at 3 USD/accelerator-hour floor 20`; price limit and floor may be left out."""
    from offtake.broker.terms import Tranche

    head, _, floor = text.partition(" floor ")
    amount, _, limit = head.partition(" at ")
    return Tranche(
        quantity=amount_in(amount.strip(), measure),
        price_limit=price(limit.strip(), measure)[0] if limit else None,
        floor=amount_in(floor.strip(), measure) if floor else Decimal(0),
    )


def number(text: str) -> Decimal:
    """A plain number such as `1_500_000` or `12.5`."""
    from offtake.domain.quantities import QuantityError, parse_figure

    try:
        return parse_figure(text, "number").amount
    except QuantityError as error:
        raise InvalidInput(error.problem, hint="write a number such as 1500000") from None
