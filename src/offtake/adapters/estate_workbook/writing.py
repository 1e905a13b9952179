"""A workbook from an estate: every sheet of the template, with a header that explains itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Final

from offtake.adapters.estate_workbook.layout import (
    GROUPS,
    LATENCY,
    README,
    SETTINGS,
    columns_of,
    sheets,
)
from offtake.adapters.estate_workbook.tables import Line, tables_of
from offtake.adapters.estate_workbook.values import cell_of
from offtake.adapters.estate_yaml.nodes import Plain

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

_WIDEST: Final = 48
_NARROWEST: Final = 10
_COLOURS: Final = {
    "supply": "3B6FB6",
    "need": "2E8B6F",
    "prices": "B07A1E",
    "agreements": "8A4F9E",
    "events": "A34A4A",
}
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # Same estate, same properties.
_ABOUT: Final = (
    ("An estate as a workbook", ""),
    ("", ""),
    ("sheet", "one for each kind of entry, a row for each entry; the first columns say which entry it is"),
    ("cell", "numbers, days, or text as in the YAML file: 1.2 GW, 45 USD/MWh, 18 months"),
    ("list, mapping", "in one cell, in brackets or braces: [EU, CH] or {peak: 1.6, quiet: 0.8}"),
    ("prices", "one row for each price and the day from which it holds; tokens is in, cached or out"),
    (
        "clauses",
        "a row for each clause; `amendment` is the number of the row of `amendments` that brings it, else empty",
    ),
    ("latency", "client regions down, supply regions across, round trips such as 40 ms"),
    ("empty", "an empty cell says nothing; a column that you do not need may be deleted, and so may a sheet"),
    ("formulas", "are not read: paste values"),
    ("back", "offtake import xlsx THIS.xlsx --into estate.yaml"),
)


def workbook_bytes(values: Mapping[str, Plain]) -> bytes:
    """The workbook of an estate's plain values, as a file's content."""
    from openpyxl import Workbook

    tables = tables_of(values)
    book = Workbook()
    book.properties.created = book.properties.modified = _EPOCH
    front = book.active
    if front is not None:
        book.remove(front)
    _about(book)
    for name in sheets():
        lines = tables.get(name, [])
        columns = _latency_columns(lines) if name == LATENCY else columns_of(name) or ()
        _sheet(book, name, columns, lines)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def _latency_columns(lines: Sequence[Line]) -> tuple[str, ...]:
    return ("client", *dict.fromkeys(key for line in lines for key in line if key != "client"))


def _about(book: Workbook) -> None:
    from openpyxl.styles import Font

    sheet = book.create_sheet(README)
    for what, text in _ABOUT:
        sheet.append((what, text))
    for group, names in GROUPS.items():
        sheet.append((group, ", ".join(names)))
    sheet["A1"].font = Font(bold=True, size=14)
    sheet.column_dimensions["A"].width = 24
    sheet.column_dimensions["B"].width = 110


def _sheet(book: Workbook, name: str, columns: Sequence[str], lines: Sequence[Line]) -> None:
    sheet = book.create_sheet(name)
    sheet.append(list(columns))
    for line in lines:
        sheet.append([cell_of(line[column]) if column in line else None for column in columns])
    for row in sheet.iter_rows(min_row=2):
        for cell in row:
            if isinstance(cell.value, date):
                cell.number_format = "yyyy-mm-dd"
            elif isinstance(cell.value, str):
                cell.number_format = "@"  # What is typed into a cell of text stays text.
    _dress(sheet, name, columns, lines)


def _dress(sheet: Worksheet, name: str, columns: Sequence[str], lines: Sequence[Line]) -> None:
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter

    colour = next((_COLOURS[group] for group, names in GROUPS.items() if name in names), "555555")
    sheet.sheet_properties.tabColor = colour
    sheet.freeze_panes = "B2" if name != SETTINGS else "A2"
    for place, column in enumerate(columns, start=1):
        head = sheet.cell(1, place)
        head.font, head.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor=colour)
        widest = max((len(str(line.get(column, "") or "")) for line in lines), default=0)
        width = min(_WIDEST, max(_NARROWEST, len(column) + 2, widest + 2))
        sheet.column_dimensions[get_column_letter(place)].width = width
