"""A bill beside what an estate expects: one row for each charge and clause, each difference with its cause."""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from offtake.domain.rows import Row

RECONCILIATION_FORMAT: Final = "offtake.reconciliation/1"

Verdict = Literal["agrees", "explained", "open", "differs"]
"""agrees: to the cent. explained: a difference that the bill itself accounts for. open: what is needed to tell is not
known yet. differs: somebody should ask."""


class ChargeRow(Row):
    """Charges of one kind in one month. Money is in cents of the bill's currency; `quantity` is in `unit`."""

    provider: str
    product: str | None
    model: str | None
    tokens: str | None
    what: str
    month: date
    rows: int
    quantity: str
    unit: str
    billed_cents: int
    expected_cents: int | None
    difference_cents: int | None
    currency: str
    verdict: Verdict
    why: str
    first_row: int | None


class ClauseRow(Row):
    """A commitment or price clause in one window, by readings and the bill: what it asks, and what was billed."""

    clause: str
    document: str | None
    section: str | None
    begins: date
    ends: date | None
    measure: str
    committed: str | None
    counted: str
    expected_cents: int | None
    billed_cents: int
    difference_cents: int | None
    currency: str
    verdict: Verdict
    why: str


class Reconciliation(Row):
    """Billed against expected. `left_out` are rows of the bill that could not be read."""

    format: Literal["offtake.reconciliation/1"] = RECONCILIATION_FORMAT
    estate: str
    bill: str
    begins: date | None
    ends: date | None
    rows: int
    left_out: int
    billed_cents: dict[str, int]  # All charges, by currency.
    charges: tuple[ChargeRow, ...]
    clauses: tuple[ClauseRow, ...]
    differing: int
    open: int
