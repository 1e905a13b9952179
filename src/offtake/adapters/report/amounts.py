"""Numbers as the report writes them: thousands separated, a unit beside each, digits that count."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_SIZES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"))


def digits(value: float) -> str:
    """Three digits that count: `1,234`, `12.5`, `0.04`; nothing after the point from a hundred on."""
    size = abs(value)
    if size >= 100 or abs(value - round(value)) <= 1e-6 * size:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    if size >= 0.995:
        return f"{value:.2f}"
    return f"{value:.2g}"


def money(cents: float, currency: str) -> str:
    """`USD 173 billion`, `EUR 4.32 million`, `EUR 12,480`, `USD 2.35`."""
    amount = abs(cents) / 100
    sign = "−" if cents < 0 else ""
    for size, word in _SIZES:
        if amount >= size * 0.9995:
            return f"{sign}{currency} {digits(amount / size)} {word}"
    text = f"{amount:,.0f}" if amount >= 100 or amount == int(amount) else f"{amount:,.2f}"
    return f"{sign}{currency} {text}"


def money_scale(cents: Iterable[float], currency: str) -> tuple[float, str]:
    """Cents per unit of a figure's axis, and its name: `EUR thousand`, `USD billion`."""
    largest = max((abs(one) for one in cents), default=0.0) / 100
    for size, word in (*_SIZES, (10**3, "thousand")):
        if largest >= size:
            return size * 100.0, f"{currency} {word}"
    return 100.0, currency


def power(megawatts: float) -> str:
    """`1.18 GW`, `147 MW`, `24 kW`, `0 MW`."""
    if abs(megawatts) >= 999.5:
        return f"{digits(megawatts / 1000)} GW"
    if abs(megawatts) >= 0.5 or megawatts == 0:
        return f"{digits(megawatts)} MW"
    return f"{digits(megawatts * 1000)} kW"


def power_scale(megawatts: Iterable[float]) -> tuple[float, str]:
    """Megawatts per unit of a figure's axis, and its name."""
    largest = max((abs(one) for one in megawatts), default=0.0)
    if largest >= 2000:
        return 1000.0, "GW"
    return (1.0, "MW") if largest >= 0.5 else (0.001, "kW")


def rate_scale(tokens_per_s: Iterable[float]) -> tuple[float, str]:
    """Tokens per second per unit of a figure's axis, and its name."""
    largest = max((abs(one) for one in tokens_per_s), default=0.0)
    for size, word in (*_SIZES, (10**3, "thousand")):
        if largest >= size:
            return float(size), f"{word} tokens/s"
    return 1.0, "tokens/s"


def rate(tokens_per_s: float) -> str:
    """`12,340 tokens/s`, `4.97 million tokens/s`."""
    for size, word in _SIZES:
        if tokens_per_s >= size:
            return f"{digits(tokens_per_s / size)} {word} tokens/s"
    return f"{digits(tokens_per_s)} tokens/s"


def count(value: float) -> str:
    """A quantity with its size in words: `1.60 million`, `288,905`, `13.3`."""
    for size, word in _SIZES:
        if abs(value) >= size:
            return f"{digits(value / size)} {word}"
    return digits(value)


def share(value: float) -> str:
    """`62 %`, `0.4 %`, `less than 0.1 %`."""
    percent = value * 100
    if 0 < percent < 0.1:
        return "less than 0.1 %"
    if 99 < percent < 100:
        return f"{min(percent, 99.9):.1f} %"
    whole = percent >= 10 or abs(percent - round(percent)) < 0.05
    return f"{percent:.0f} %" if whole else f"{percent:.1f} %"


_TIED: Final = re.compile(
    r"(?<=\d) (?=%|million\b|billion\b|trillion\b|thousand\b|[kMGT]W\b|ms\b)|(?<=\b[A-Z]{3}) (?=[−\d])"
)


def tied(text: str) -> str:
    """Text whose amounts are not broken from their units at the end of a line."""
    return _TIED.sub("\u00a0", text)


def measured(value: float, measure: str, currency: str) -> str:
    """A quantity of a meter's measure, with its unit."""
    if measure == "money":
        return money(value * 100, currency)
    if measure == "power":
        return power(value)
    if measure == "token-rate":
        return rate(value)
    return f"{count(value)} {measure}"


def many(number: int, noun: str) -> str:
    """`1 number`, `12 numbers`."""
    return f"{count(number)} {noun}" if number == 1 else f"{count(number)} {noun}s"


def listed(words: Iterable[str], most: int = 4) -> str:
    """`a, b and c`; beyond `most` words, how many more there are."""
    found = list(words)
    if len(found) > most:
        found = [*found[: most - 1], f"{len(found) - most + 1} more"]
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}" if found else ""
