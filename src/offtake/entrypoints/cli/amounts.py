"""Numbers as people read them in a table: three digits that count, and the scale said once."""

from __future__ import annotations

from collections.abc import Iterable

SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"))
LETTERS = ((10**9, "G"), (10**6, "M"), (10**3, "k"))


def money(cents: int, currency: str = "") -> str:
    """An amount of money: `USD 173 billion`, `4.32 million`, `12,480`."""
    amount = cents / 100
    text = f"{amount:,.0f}" if abs(amount) >= 100 or amount == int(amount) else f"{amount:,.2f}"
    for size, word in SCALES:
        if abs(amount) >= size:
            text = f"{_three(amount / size)} {word}"
            break
    return f"{currency} {text}".strip()


def money_scale(cents: Iterable[int], currency: str) -> tuple[float, str]:
    """Cents per unit of a whole table's numbers, and what to call it: `USD billion`."""
    largest = max((abs(one) for one in cents), default=0) / 100
    for size, word in SCALES:
        if largest >= 10 * size:
            return size * 100.0, f"{currency} {word}"
    return 100.0, currency


def scaled(cents: int, per: float) -> str:
    """A cell of a table whose scale is said in its title; nothing for nothing."""
    value = cents / per
    if not cents:
        return ""
    return f"{value:,.0f}" if per == 100.0 or abs(value) >= 100 else _fixed(value)


def _fixed(value: float) -> str:
    digits = 1 if abs(value) >= 10 else 2
    text = f"{value:,.{digits}f}"
    return text if float(text.replace(",", "")) else "~0"


def number(value: float) -> str:
    """A quantity: `1,234`, `12.5`, `0.04`."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return _three(value)


def big(value: float) -> str:
    """A quantity of any size: `30 billion`, `4.32 million`, `1,234`, `0.04`."""
    for size, word in SCALES:
        if abs(value) >= size:
            return f"{_three(value / size)} {word}"
    return number(value)


def precise(value: float) -> str:
    """A price of any size, with three digits that count: `0.0123`, `1.25`, `6.53 million`."""
    return big(value) if abs(value) >= 1 else f"{value:.3g}"


def short(value: float) -> str:
    """A quantity in a narrow cell: `415k`, `1.6M`, `135`; nothing for nothing."""
    for size, letter in LETTERS:
        if abs(value) >= 10 * size or (abs(value) >= size and size > 1000):
            return f"{_three(value / size)}{letter}"
    return number(value) if value else ""


def megawatts(value: float) -> str:
    """Power: `1.18 GW`, `147 MW`, `24 kW`; nothing for none."""
    if value <= 0:
        return ""
    if value >= 1000:
        return f"{_three(value / 1000)} GW"
    return f"{_three(value)} MW" if value >= 0.5 else f"{_three(value * 1000)} kW"


def share(value: float) -> str:
    """A share in percent: `62 %`, `0.4 %`."""
    percent = value * 100
    whole = percent == round(percent) or 10 <= percent < 90
    return f"{percent:.0f} %" if whole else f"{percent:.1f} %" if percent < 99.95 else f"{percent:.2f} %"


def _three(value: float) -> str:
    if value == int(value) and abs(value) < 1000:
        return f"{int(value)}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"
