"""Values of an estate as cells of a workbook, and back as the same values."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Final

from offtake.adapters.estate_workbook.layout import DAYS
from offtake.adapters.estate_yaml.nodes import Plain, plain
from offtake.adapters.estate_yaml.problems import Unreadable
from offtake.adapters.estate_yaml.scalars import scalar_value
from offtake.adapters.estate_yaml.source import NodeBudget, parse
from offtake.adapters.estate_yaml.writing import flow_text, quoted
from offtake.adapters.tabular.cells import CellProblem, Dates, refuse_formula

Cell = str | int | float | bool | date | None
_LARGEST_WHOLE: Final = 10**15  # Beyond it a spreadsheet's numbers lose digits.
_NODES: Final = 10_000
_DATES: Final = Dates()


def cell_of(value: Plain) -> Cell:
    """A value as a cell: numbers and days as such where they come back the same, lists and mappings as YAML."""
    if value is None:
        return "null"
    if isinstance(value, dict | tuple):
        return flow_text(value)
    if isinstance(value, bool | date):
        return value
    if isinstance(value, int):
        return value if abs(value) < _LARGEST_WHOLE else str(value)
    if isinstance(value, Decimal):
        return _number_cell(value)
    return _text_cell(value)


def _number_cell(value: Decimal) -> Cell:
    """A decimal as a number if its digits survive, such as 0.35; `0.10`, 2.0 and long ones as text."""
    near = float(value)
    whole = value == value.to_integral_value()
    return near if not whole and repr(near) == str(value) else str(value)


def _text_cell(text: str) -> str:
    plainly = (
        text != ""
        and text == text.strip()
        and text.isprintable()
        and text[0] not in "\"'[{=+-@"
        and isinstance(scalar_value(text), str)
    )
    return text if plainly else quoted(text)


def value_of(cell: object, column: str, *, formula: bool = False) -> Plain:
    """A cell as a value of an estate. Raises CellProblem for formulas, errors and what is no value."""
    if formula:
        raise CellProblem(f"a formula stands in `{column}`; paste its value", str(cell))
    if cell is None or isinstance(cell, bool | int):
        return cell
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() and abs(cell) < _LARGEST_WHOLE else Decimal(repr(cell))
    if isinstance(cell, datetime):
        if cell.time() != time.min:
            raise CellProblem(f"`{column}` is a time, not a day", str(cell))
        return cell.date()
    if isinstance(cell, date):
        return cell
    if not isinstance(cell, str):
        raise CellProblem(f"`{column}` is neither text, number nor day", str(cell))
    return _text_value(cell, column)


def _text_value(cell: str, column: str) -> Plain:
    stripped = cell.strip()
    if not stripped:
        return None
    if stripped[0] in '"[{':
        return _yaml_value(stripped, column)
    refuse_formula(stripped, column)
    value = scalar_value(stripped)
    if column in DAYS and isinstance(value, str):
        return _DATES.day(stripped, column)
    return value


def _yaml_value(text: str, column: str) -> Plain:
    """A quoted text, a list in brackets or a mapping in braces."""
    try:
        root, problems = parse(
            f"value: {text}\n".encode("utf-8", "surrogatepass"), "cell", NodeBudget(_NODES, 0)
        )
    except Unreadable as stop:
        raise CellProblem(f"`{column}` cannot be read: {stop.problem.message}", text) from None
    if problems or set(root.entries) != {"value"}:
        raise CellProblem(f"`{column}` is not one value", text)
    return plain(root.entries["value"].node)
