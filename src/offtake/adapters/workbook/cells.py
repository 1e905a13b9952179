"""Cells of a workbook: values, formats, fonts and widths."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final, TypeAlias, cast

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell
    from openpyxl.styles import Font
    from openpyxl.worksheet.worksheet import Worksheet

Value: TypeAlias = str | int | float | bool | date | None

WIDEST: Final = 46
HEADER: Final = "0B5A9C"
_ILLEGAL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def title(key: str, currency: str) -> str:
    for ending, unit in (
        ("worth_cents_per_unit", f"worth of one more ({currency})"),
        ("_cents", f" ({currency})"),
        ("_mw", " (MW)"),
        ("_per_s", "/s"),
    ):
        if key == ending:
            return unit
        if key.endswith(ending):
            return f"{key.removesuffix(ending).replace('_', ' ')}{unit}"
    return key.replace("_", " ")


def natural(key: str, value: object) -> Value:
    """A field as a cell: money in its currency, not in cents."""
    if value is not None and "_cents" in key:
        return cast("float", value) / 100
    return cast("Value", value)


def number_format_of(key: str) -> str:
    if "_cents" in key:
        return "#,##0.00"
    named = {
        "year": "0",
        "share": "0.0%",
        "tokens_per_s": "#,##0",
        "begins": "yyyy-mm-dd",
        "ends": "yyyy-mm-dd",
    }
    if key in named:
        return named[key]
    if key.startswith("serves_"):
        return "yyyy-mm-dd"
    return "#,##0.0" if key.endswith("_mw") else "#,##0.00" if key in _QUANTITIES else "General"


_QUANTITIES: Final = (
    "quantity contracted added used accelerators lower upper counted shortfall drawn so_far needed offered "
    "taken_by_holder allowed_elsewhere taken_elsewhere".split()
)


def put(cell: Cell, value: Value) -> None:
    """A value in a cell; a text that looks like a formula stays a text."""
    if isinstance(value, str):
        cell.value = _ILLEGAL.sub("", value)
        cell.data_type = "s"
    else:
        cell.value = value


def cell_at(sheet: Worksheet, row: int, column: int) -> Cell:
    """A cell by its place; no cells of these sheets are merged."""
    return cast("Cell", sheet.cell(row, column))


def font(
    *, bold: bool = False, size: float = 11, colour: str | None = None, underlined: bool = False
) -> Font:
    from openpyxl.styles import Font

    return Font(
        name="Calibri", bold=bold, size=size, color=colour, underline="single" if underlined else None
    )


def letter(column: int) -> str:
    from openpyxl.utils import get_column_letter

    return get_column_letter(column)


def widths(sheet: Worksheet, columns: int) -> None:
    for n in range(1, columns + 1):
        shown = (cell_at(sheet, row, n) for row in range(1, min(sheet.max_row, 200) + 1))
        widest = max((_length(cell) for cell in shown), default=8)
        sheet.column_dimensions[letter(n)].width = min(WIDEST, max(9, widest + 3))


def _length(cell: Cell) -> int:
    if isinstance(cell.value, float):
        return len(f"{cell.value:,.2f}")
    return 12 if cell.data_type == "f" else len(str(cell.value or ""))


def printed(sheet: Worksheet) -> None:
    """Printed across one page, its header on each."""
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9  # A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "1:1"
