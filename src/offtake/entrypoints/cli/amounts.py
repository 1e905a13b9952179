"""Numbers as people read them in a table: three digits that count, and the scale in words."""

from __future__ import annotations

SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"))


def money(cents: int, currency: str = "") -> str:
    """An amount of money: `USD 173 billion`, `4.32 million`, `12,480`."""
    amount = cents / 100
    text = f"{amount:,.0f}" if abs(amount) >= 100 or amount == int(amount) else f"{amount:,.2f}"
    for size, word in SCALES:
        if abs(amount) >= size:
            text = f"{_three(amount / size)} {word}"
            break
    return f"{currency} {text}".strip()


def number(value: float) -> str:
    """A quantity: `1,234`, `12.5`, `0.04`."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return _three(value)


def megawatts(value: float) -> str:
    """Power: `1.18 GW`, `147 MW`, nothing if none."""
    if value <= 0:
        return ""
    return f"{_three(value / 1000)} GW" if value >= 1000 else f"{_three(value)} MW"


def share(value: float) -> str:
    """A share in percent: `62 %`, `0.4 %`."""
    percent = value * 100
    return f"{percent:.0f} %" if percent >= 10 or percent == int(percent) else f"{percent:.1f} %"


def _three(value: float) -> str:
    if value == int(value) and abs(value) < 1000:
        return f"{int(value)}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"
