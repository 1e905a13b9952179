"""What people type to the broker, read as the values that it knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from offtake.broker.stated import amount_in, price
from offtake.domain.errors import InvalidInput

if TYPE_CHECKING:
    from offtake.broker.terms import Part, Quantified, Tranche


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


def parts(texts: Sequence[str], measure: Quantified) -> tuple[Part, ...]:
    """What a holder takes where: `azure-georgia=100 MW`, or `azure-georgia#2=100 MW` of a notice's second bid."""
    from offtake.broker.terms import Part

    found: list[Part] = []
    for text in texts:
        supply, equals, amount = text.partition("=")
        if not equals:
            raise InvalidInput(f"`{text}` does not say how much", hint="write --take SUPPLY=QUANTITY")
        name, marked, place = supply.strip().partition("#")
        if marked and not (place.isdecimal() and int(place[:4]) > 0):
            raise InvalidInput(f"`{text}` names no part of the notice", hint="write --take SUPPLY#2=QUANTITY")
        matches = int(place[:4]) if marked else None
        found.append(Part(supply=name, quantity=amount_in(amount.strip(), measure), matches=matches))
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
