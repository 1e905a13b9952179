"""Tables as people and programs read them: cells as text for a page, and CSV with its source in every row."""

from __future__ import annotations

import csv
import io

from offtake.adapters.report.document import Cell, Column, Table


def cell_text(column: Column, cell: Cell) -> str:
    """A cell as a page shows it. A column of years (decimals −1) has no thousands separator."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if column.decimals < 0:
        return f"{cell:.0f}"
    if cell == 0:
        return "0"
    if 0 < abs(cell) < 10**-column.decimals:
        return f"{cell:.2g}"
    return f"{cell:,.{column.decimals}f}".replace("-", "−")


def csv_of(table: Table) -> str:
    """The table as CSV: its columns with units, and a last column that repeats the source."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*(column.title for column in table.columns), "source"])
    for row in table.rows:
        writer.writerow([*(_plain(cell) for cell in row), table.source])
    return out.getvalue()


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        # A cell that begins like a formula would be run by a spreadsheet; an apostrophe keeps it text.
        return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
    return f"{cell:.10g}"
