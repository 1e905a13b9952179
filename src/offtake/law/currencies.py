"""Several currencies at dated rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.quantities import QuantityError, Step, parse_dated

_DIGITS: Final = 40  # Digits kept where a division does not end; money is rounded once, where it is posted.


@dataclass(frozen=True, slots=True)
class Rates:
    """What one unit of a currency is worth in another, from a day on: steps by (currency, other), in date order."""

    steps: Mapping[tuple[str, str], tuple[tuple[date | None, Decimal], ...]] = field(
        default_factory=dict[tuple[str, str], tuple[tuple[date | None, Decimal], ...]], hash=False
    )

    def on(self, day: date, currency: str, other: str) -> Decimal | None:
        """The rate in force on a day, stated that way or the other way round; None if it is unknown."""
        if currency == other:
            return Decimal(1)
        direct = self._stated(day, currency, other)
        if direct is not None:
            return direct
        inverse = self._stated(day, other, currency)
        if inverse is None or inverse == 0:
            return self._across(day, currency, other)
        with localcontext() as context:
            context.prec = _DIGITS
            return 1 / inverse

    def converted(self, amount: Decimal, currency: str | None, other: str | None, day: date) -> Decimal | None:
        """An amount in another currency at a day's rate; None if the rate is unknown. No currency is any currency."""
        if currency is None or other is None:
            return amount
        rate = self.on(day, currency, other)
        if rate is None:
            return None
        with localcontext() as context:
            context.prec = _DIGITS
            return amount * rate

    def _stated(self, day: date, currency: str, other: str) -> Decimal | None:
        found: Decimal | None = None
        for begins, rate in self.steps.get((currency, other), ()):
            if begins is None or begins <= day:
                found = rate
        return found

    def _across(self, day: date, currency: str, other: str) -> Decimal | None:
        """Over the currency that both are stated in."""
        for middle in sorted({to for _, to in self.steps} - {currency, other}):
            first, second = self._stated(day, currency, middle), self._stated(day, other, middle)
            if first is not None and second:
                with localcontext() as context:
                    context.prec = _DIGITS
                    return first / second
        return None


def dated_rates(estate: Estate) -> Rates:
    """The rates that an estate states, such as `EUR: 1.10 USD from 2026-01-01`. Raises InvalidInput on another text."""
    steps: dict[tuple[str, str], list[tuple[date | None, Decimal]]] = {}
    for currency, stated in sorted(estate.currencies.items()):
        for text in (stated,) if isinstance(stated, str) else stated:
            step = _step(currency, text)
            other = step.figure.currency
            if other is None or other == currency:
                raise InvalidInput(f"currencies: `{currency}: {text}` is not stated in another currency")
            steps.setdefault((currency, other), []).append((step.begins, step.figure.amount))
    return Rates({pair: tuple(sorted(row, key=lambda s: s[0] or date.min)) for pair, row in sorted(steps.items())})


def _step(currency: str, text: str) -> Step:
    try:
        return parse_dated(text, "money")
    except QuantityError as error:
        raise InvalidInput(
            f"currencies: `{currency}: {text}`: {error.problem}", hint="write `EUR: 1.10 USD from 2026-01-01`"
        ) from None
