"""A sheet with a line for each thing and a column for each period, whose cells are formulas that carry their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from offtake.adapters.workbook.cells import HEADER, Value, cell_at, font, letter, printed, put, widths
from offtake.domain.handoffs import PlanPeriod

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

Floats = NDArray[np.float64]
FIRST: Final = 4  # The column of the first period: before it stand the line, a note, and a total.
TOTAL: Final = 3
BEGINS, ENDS = 2, 3  # The rows of each period's first day, and of the day after its last.


@dataclass
class Grid:
    """Lines over periods on one sheet. `values` are those of formulas, by sheet and cell."""

    sheet: Worksheet
    periods: Sequence[PlanPeriod]
    values: dict[tuple[str, str], float]
    lines: dict[str, int] = field(default_factory=dict[str, int])
    following: int = ENDS + 1

    def head(self, first: str) -> None:
        """The header, and the days of the periods."""
        from openpyxl.styles import Alignment, PatternFill

        for n, text in enumerate((first, "note", "total", *(one.label for one in self.periods)), start=1):
            cell = cell_at(self.sheet, 1, n)
            put(cell, text)
            cell.font = font(bold=True, colour="FFFFFF")
            cell.fill = PatternFill("solid", start_color=HEADER)
            cell.alignment = Alignment(vertical="center", wrap_text=True)
        for row, name in ((BEGINS, "begins"), (ENDS, "ends, not including")):
            put(cell_at(self.sheet, row, 1), name)
            for t, one in enumerate(self.periods):
                cell = cell_at(self.sheet, row, FIRST + t)
                put(cell, one.begins if row == BEGINS else one.ends)
                cell.number_format = "yyyy-mm-dd"
        self.sheet.freeze_panes = cell_at(self.sheet, ENDS + 1, FIRST).coordinate

    def title(self, text: str) -> None:
        """A line that names the lines below it."""
        self.following += 1
        put(cell_at(self.sheet, self.following, 1), text)
        cell_at(self.sheet, self.following, 1).font = font(bold=True, colour=HEADER)
        self.following += 1

    def stated(self, name: str, values: Sequence[Value], note: str = "", form: str = "#,##0.00") -> None:
        """A line of plain values."""
        row = self._begun(name, note)
        for t, value in enumerate(values):
            cell = cell_at(self.sheet, row, FIRST + t)
            put(cell, value)
            cell.number_format = form

    def line(
        self,
        name: str,
        formula: Callable[[int], str],
        values: Floats,
        note: str = "",
        *,
        total: bool = False,
        form: str = "#,##0.00",
    ) -> Floats:
        """A line of formulas, by period, with the values that they come to; these are returned."""
        row = self._begun(name, note)
        for t in range(len(self.periods)):
            self._put(row, FIRST + t, f"={formula(t)}", float(values[t]), form)
        if total:
            first, last = self.at(name, 0), self.at(name, len(self.periods) - 1)
            self._put(row, TOTAL, f"=SUM({first}:{last})", float(values.sum()), form)
        return values

    def single(self, name: str, formula: str, value: float, note: str = "", form: str = "#,##0.00") -> None:
        """A line of one formula, in the column of totals."""
        self._put(self._begun(name, note), TOTAL, f"={formula}", value, form)

    def at(self, name: str, t: int, *, fixed: bool = False) -> str:
        """The cell of a line in a period, such as `F12`."""
        column = letter(FIRST + t)
        return f"${column}${self.lines[name]}" if fixed else f"{column}{self.lines[name]}"

    def before(self, name: str, t: int, first: str = "0") -> str:
        """The cell of a line in the period before; in the first period what stood at the start."""
        return self.at(name, t - 1) if t else first

    def label(self, t: int) -> str:
        """The cell with a period's label."""
        return f"{letter(FIRST + t)}$1"

    def across(self, name: str) -> str:
        """The cells of a line, such as `D12:W12`."""
        return f"{self.at(name, 0, fixed=True)}:{self.at(name, len(self.periods) - 1, fixed=True)}"

    def days(self, t: int) -> tuple[str, str]:
        """The cells of a period's first day and of the day after its last."""
        return f"{letter(FIRST + t)}${BEGINS}", f"{letter(FIRST + t)}${ENDS}"

    def done(self) -> None:
        """Widths, and how it is printed."""
        widths(self.sheet, FIRST + len(self.periods))
        printed(self.sheet)

    def _begun(self, name: str, note: str) -> int:
        row = self.following
        self.following += 1
        self.lines[name] = row
        put(cell_at(self.sheet, row, 1), name)
        put(cell_at(self.sheet, row, 2), note)
        return row

    def _put(self, row: int, column: int, formula: str, value: float, form: str) -> None:
        cell = cell_at(self.sheet, row, column)
        cell.value = formula
        cell.number_format = form
        self.values[self.sheet.title, cell.coordinate] = value


def quoted(text: str) -> str:
    """A text inside a formula."""
    return '"' + text.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True)
class Rows:
    """A table of the workbook as ranges of columns, for sums over the rows that meet conditions."""

    sheet: str
    columns: Mapping[str, int]
    rows: int

    def range(self, key: str) -> str:
        """All cells of a column."""
        column = letter(self.columns[key])
        return f"'{self.sheet}'!${column}$2:${column}${max(self.rows, 1) + 1}"

    def cell(self, key: str, row: int) -> str:
        """One cell of a column."""
        return f"'{self.sheet}'!${letter(self.columns[key])}${row}"

    def sum_of(self, key: str, *conditions: tuple[str, str]) -> str:
        """The sum of a column where others meet their conditions, each a text or a cell."""
        where = ",".join(f"{self.range(name)},{condition}" for name, condition in conditions)
        return f"SUMIFS({self.range(key)},{where})"
