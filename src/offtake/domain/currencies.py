"""Money in several currencies at dated rates, as exact decimals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.quantities import QuantityError, parse_dated

MAXIMUM_CURRENCIES: Final = 200
_DIGITS: Final = (
    40  # A rate against its grain is a division; forty digits keep a trillion exact to a micro-unit.
)


@dataclass(frozen=True, slots=True)
class RateStep:
    """One unit of a currency is worth `rate` of another from a day on; None means from the beginning."""

    begins: date | None
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Rates:
    """Dated rates by (currency, the one it is stated in); each holds in both directions, and through a
    third."""

    steps: Mapping[tuple[str, str], tuple[RateStep, ...]]

    def rate(self, currency: str, to: str, on: date) -> Decimal | None:
        """How many `to` one unit of `currency` is worth on a day; None if no rates in force lead there."""
        if currency == to:
            return Decimal(1)
        reached = {currency: Decimal(1)}
        frontier = [currency]
        with localcontext() as context:
            context.prec = _DIGITS
            # Breadth first, in the order of names: the fewest conversions, and always the same ones.
            while frontier and to not in reached:
                following: list[str] = []
                for here in sorted(frontier):
                    for there, factor in self._from(here, on):
                        if there not in reached:
                            reached[there] = reached[here] * factor
                            following.append(there)
                frontier = following
        return reached.get(to)

    def convert(self, amount: Decimal, currency: str, to: str, on: date) -> Decimal:
        """An amount in another currency at the rate of a day. Raises InvalidInput if there is no rate on
        that day."""
        if currency == to:
            return amount
        rate = self.rate(currency, to, on)
        if rate is None:
            hint = f"state it under `currencies:`, such as `{currency}: 1.10 {to} from {on}`"
            raise InvalidInput(f"there is no rate from {currency} to {to} on {on}", hint=hint)
        with localcontext() as context:
            context.prec = _DIGITS
            return amount * rate

    @property
    def dates(self) -> tuple[date, ...]:
        """The days on which a rate changes, in order."""
        return tuple(
            sorted({s.begins for steps in self.steps.values() for s in steps if s.begins is not None})
        )

    def _from(self, currency: str, on: date) -> list[tuple[str, Decimal]]:
        found: list[tuple[str, Decimal]] = []
        for (one, other), steps in sorted(self.steps.items()):
            rate = _in_force(steps, on)
            if rate is not None and one == currency:
                found.append((other, rate))
            elif rate is not None and other == currency:
                found.append((one, 1 / rate))
        return found


def _in_force(steps: tuple[RateStep, ...], on: date) -> Decimal | None:
    rate: Decimal | None = None
    for step in steps:
        if step.begins is not None and step.begins > on:
            break
        rate = step.rate
    return rate


def rate_step(currency: str, text: str) -> tuple[str, RateStep]:
    """The other currency and the step that a text such as `1.10 USD from 2026-01-01` states. Raises
    QuantityError."""
    step = parse_dated(text, "money")
    figure = step.figure
    if figure.amount <= 0:
        raise QuantityError("a rate is above zero", "1.10 USD from 2026-01-01")
    if figure.currency is None or figure.currency == currency:
        raise QuantityError(f"a rate of {currency} is stated in another currency", "1.10 USD from 2026-01-01")
    return figure.currency, RateStep(step.begins, figure.amount)


def rate_texts(estate: Estate, currency: str) -> tuple[str, ...]:
    """The rates stated for a currency."""
    stated = estate.currencies[currency]
    return (stated,) if isinstance(stated, str) else stated


def rates_of(estate: Estate) -> Rates:
    """The rates of an estate. Raises InvalidInput, naming the currency, for a rate that cannot be read."""
    steps: dict[tuple[str, str], list[RateStep]] = {}
    for currency in sorted(estate.currencies):
        for text in rate_texts(estate, currency):
            try:
                other, step = rate_step(currency, text)
            except QuantityError as error:
                hint = f"write something like `{error.expected}`"
                raise InvalidInput(f"currencies.{currency}: {error.problem}", hint=hint) from None
            steps.setdefault((currency, other), []).append(step)
    return Rates({pair: tuple(sorted(found, key=_begins)) for pair, found in sorted(steps.items())})


def _begins(step: RateStep) -> date:
    return step.begins or date.min
