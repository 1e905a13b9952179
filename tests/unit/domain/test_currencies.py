"""Dated rates, exact, both ways and through a third currency."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from offtake.domain.currencies import rates_of
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate


def estate(**currencies: str | tuple[str, ...]) -> Estate:
    horizon = {"from": date(2026, 1, 1), "until": date(2027, 1, 1)}
    return Estate.model_validate({"offtake": 1, "horizon": horizon, "currencies": currencies})


def test_a_price_by_the_month_follows_the_rate_of_its_day() -> None:
    rates = rates_of(estate(EUR=("1.10 USD from 2026-01-01", "1.05 USD from 2026-07-01")))
    paid = [rates.convert(Decimal(100), "EUR", "USD", date(2026, month, 1)) for month in range(1, 13)]
    assert sum(paid) == Decimal(1290)
    assert rates.dates == (date(2026, 1, 1), date(2026, 7, 1))


def test_a_rate_holds_the_other_way_round() -> None:
    rates = rates_of(estate(EUR="1.25 USD"))
    assert rates.convert(Decimal(5), "USD", "EUR", date(2026, 1, 1)) == Decimal(4)
    there = rates.convert(Decimal("1e12"), "USD", "EUR", date(2026, 1, 1))
    assert rates.convert(there, "EUR", "USD", date(2026, 1, 1)) == Decimal("1e12")


def test_a_third_currency_lies_between() -> None:
    rates = rates_of(estate(EUR="1.25 USD", GBP="1.5 USD"))
    assert rates.convert(Decimal(5), "GBP", "EUR", date(2026, 1, 1)) == Decimal(6)


def test_the_same_currency_needs_no_rate() -> None:
    assert rates_of(estate()).convert(Decimal("0.1"), "EUR", "EUR", date(2026, 1, 1)) == Decimal("0.1")


def test_a_rate_that_is_not_there_is_an_error_with_a_hint() -> None:
    rates = rates_of(estate(EUR="1.10 USD from 2026-06-01"))
    assert rates.rate("EUR", "USD", date(2026, 5, 31)) is None
    with pytest.raises(InvalidInput) as error:
        rates.convert(Decimal(1), "EUR", "USD", date(2026, 5, 31))
    assert "currencies" in (error.value.hint or "")


@pytest.mark.parametrize(
    "text", ["1.10", "1.10 EUR", "0 USD", "-1 USD", "much", "1.1 USD/MWh", "1 USD from 2026-13-01"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"currencies\.EUR"):
        rates_of(estate(EUR=text))
