"""What a borrower built, piece by piece, written down by the day: the register behind its depreciation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from offtake.adapters.workbook.grid import Floats, Grid, Rows
from offtake.domain.handoffs import BorrowerPlan, CapacityPlan
from offtake.planner.finance.statements import written_down

DEPRECIATION = "depreciation"


def write_assets(grid: Grid, plan: CapacityPlan, borrower: BorrowerPlan, spend: Rows) -> Floats:
    """A line for each payment of capital that is written down, and their sum; the values of the sum, (period,)."""
    grid.head(f"built by {borrower.party}, {plan.currency}")
    total, cells = np.zeros(len(plan.periods)), list[str]()
    for place, row, begins, ends in written_down(plan, borrower):
        number = place + 2  # Below the header of the table of payments.
        name = f"{row.supply}, ordered in {row.period} ({number})"
        cells.append(name)
        total += _line(grid, name, spend.cell("amount_cents", number), row.amount_cents / 100, begins, ends)
    grid.title("All of it")
    return grid.line(
        DEPRECIATION,
        lambda t: f"SUM({grid.at(cells[0], t)}:{grid.at(cells[-1], t)})" if cells else "0",
        total,
        total=True,
    )


def _line(grid: Grid, name: str, cost: str, amount: float, begins: date, ends: date) -> Floats:
    """Straight-line by the day over the asset's life, from the payment's own cell."""
    first, last, whole = _day(begins), _day(ends), (ends - begins).days

    def formula(t: int) -> str:
        opens, closes = grid.days(t)
        return f"{cost}*MAX(0,MIN({closes},{last})-MAX({opens},{first}))/{whole}"

    days = [max((min(one.ends, ends) - max(one.begins, begins)).days, 0) for one in grid.periods]
    return grid.line(name, formula, amount * np.array(days) / whole, f"{begins} to {ends}", total=True)


def _day(day: date) -> int:
    """A day as spreadsheets count it, from the end of 1899."""
    return day.toordinal() - date(1899, 12, 30).toordinal()


def sheet_names(kind: str, borrowers: Sequence[BorrowerPlan]) -> dict[str, str]:
    """A name of a sheet for each borrower: at most 31 characters, none of those that no sheet may have, each once."""
    found: dict[str, str] = {}
    for borrower in borrowers:
        name = "".join("-" if sign in "[]:*?/\\'" else sign for sign in f"{kind} {borrower.party}")[:31]
        while name in found.values():
            name = f"{name[:28]}~{len(found)}"
        found[borrower.party] = name
    return found
