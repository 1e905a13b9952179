"""Estimates beside what was billed: what receipts say was used, measured and estimated, and what the invoice counts.

An estimate is corrected to what the invoice leaves for it, as long as that lies within the bound that was stated with
it. What lies outside is a difference that somebody should ask about, and corrects nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

Way = Literal["in", "cached", "out"]
Verdict = Literal["agrees", "corrected", "differs", "not billed", "not served"]


class Line(NamedTuple):
    """What is billed as one: a product's model, tokens of one sort, in one month (its first day)."""

    product: str
    model: str
    way: Way
    month: date


@dataclass(slots=True)
class Used:
    """What receipts say of a line: tokens measured, tokens estimated, and by how many those may be off."""

    measured: int = 0
    estimated: int = 0
    bound: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A line by receipts and by the invoice. `correction` is what estimates are off by: billed less what was said."""

    line: Line
    used: Used
    billed: int | None
    verdict: Verdict
    correction: int = 0


def compared(used: Mapping[Line, Used], billed: Mapping[Line, Decimal]) -> tuple[Comparison, ...]:
    """Every line of either, in the order of their names.

    Invoices count whole tokens, or parts of a million with so many decimals that they may be off by one.
    """
    return tuple(
        _compared(line, used.get(line, Used()), billed.get(line)) for line in sorted({*used, *billed})
    )


def _compared(line: Line, used: Used, billed: Decimal | None) -> Comparison:
    if billed is None:
        return Comparison(line, used, None, "not billed")
    tokens = int(billed.to_integral_value())
    if not used.requests:
        return Comparison(line, used, tokens, "not served" if tokens else "agrees")
    off = tokens - used.measured - used.estimated
    if abs(off) <= 1:
        return Comparison(line, used, tokens, "agrees")
    # An estimate is not of less than nothing, whatever its bound says.
    if used.estimated and abs(off) <= used.bound and used.estimated + off >= 0:
        return Comparison(line, used, tokens, "corrected", off)
    return Comparison(line, used, tokens, "differs")


@dataclass(frozen=True, slots=True)
class Correction:
    """What an invoice says estimates were off by, for one line of it; kept beside the receipts, and signed."""

    invoice: str  # SHA-256 of the bill.
    product: str
    model: str
    way: Way
    month: date
    tokens: int
    cost_pico: int
    measured: int
    estimated: int
    bound: int
    billed: int


def corrections_of(
    invoice: str, found: Iterable[Comparison], price_pico: Mapping[tuple[str, str, Way], int]
) -> tuple[Correction, ...]:
    """The corrections of an invoice, costed at a token's price by product, model and sort."""
    return tuple(
        Correction(
            invoice,
            each.line.product,
            each.line.model,
            each.line.way,
            each.line.month,
            each.correction,
            each.correction * price_pico.get((each.line.product, each.line.model, each.line.way), 0),
            each.used.measured,
            each.used.estimated,
            each.used.bound,
            each.billed or 0,
        )
        for each in found
        if each.verdict == "corrected"
    )
