"""Currencies: rates that can be read, and a rate for every figure."""

from __future__ import annotations

from collections.abc import Iterator

from offtake.domain.checks.findings import Finding, error
from offtake.domain.checks.walk import figures
from offtake.domain.currencies import Rates, rate_step, rate_texts, rates_of
from offtake.domain.estate import Estate
from offtake.domain.quantities import QuantityError


def check_money(estate: Estate) -> Iterator[Finding]:
    """Rates that cannot be read, and figures in a currency from which no rate leads to the estate's."""
    findings = list(_rates(estate))
    yield from findings
    if findings:
        return
    rates = rates_of(estate)
    told: set[str] = set()
    for path, figure, _ in figures(estate):
        currency = figure.currency
        if currency is None or currency in told:
            continue
        told.add(currency)
        if (why := unconvertible(estate, rates, currency)) is not None:
            yield error("no-rate", path, why, rate_example(estate, currency))


def unconvertible(estate: Estate, rates: Rates, currency: str) -> str | None:
    """Why amounts in a currency cannot be stated in the estate's from the horizon's first day on; None if
    they can."""
    if rates.rate(currency, estate.currency, estate.horizon.begins) is not None:
        return None
    if any(rates.rate(currency, estate.currency, day) is not None for day in rates.dates):
        begins = estate.horizon.begins
        return f"the rate from {currency} to {estate.currency} begins after the horizon does ({begins})"
    return f"there is no rate from {currency} to the estate's {estate.currency}"


def rate_example(estate: Estate, currency: str) -> str:
    """The line that would state a rate."""
    example = f"{currency}: 1.10 {estate.currency} from {estate.horizon.begins}"
    return f"under `currencies:` a line such as `{example}`"


def _rates(estate: Estate) -> Iterator[Finding]:
    for currency in estate.currencies:
        stated: set[tuple[str, object]] = set()
        listed = not isinstance(estate.currencies[currency], str)
        for place, text in enumerate(rate_texts(estate, currency)):
            path = ("currencies", currency, place) if listed else ("currencies", currency)
            try:
                other, step = rate_step(currency, text)
            except QuantityError as problem:
                yield error("quantity", path, problem.problem, f"`{problem.expected}`")
                continue
            if (other, step.begins) in stated:
                yield error(
                    "dates",
                    path,
                    f"two rates of {currency} begin on the same day",
                    "`1.10 USD from 2026-01-01`",
                )
            stated.add((other, step.begins))
