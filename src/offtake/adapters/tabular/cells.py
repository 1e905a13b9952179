"""Cells as people and programs write them: numbers, days in several styles, texts; formulas are refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

_NOTHING: Final = frozenset({"", "null", "NULL", "None", "n/a", "N/A", "NaN", "nan"})
# What a spreadsheet would run: `=1+1`, `@SUM(A1)`, `+cmd|' /C calc'!A0`; a signed number is no formula.
_FORMULA: Final = re.compile(r"[=@\t\r]|[-+](?!\d|\.\d)(?=.*[(|!+*/=])|[-+][\d.]+\s*[-+*/(|!]")
_SUSPICIOUS: Final = "=@+-\t\r"
_NUMBER: Final = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d{1,30})?(?:\.\d{1,40})?(?:[eE][-+]?\d{1,3})?")
_ISO: Final = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_DOTTED: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_NAMED: Final = re.compile(r"(\d{1,2})[- ]([A-Za-z]{3,9})[- ,]+(\d{4})")
_MONTH_FIRST: Final = re.compile(r"([A-Za-z]{3,9})[- ](\d{1,2}),?[- ]+(\d{4})")
_SLASHED: Final = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})")
_CLOCK: Final = re.compile(r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[-+]\d{2}:?\d{2}| UTC)?$")
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_LONGEST_EXPONENT: Final = 60
Order = Literal["day first", "month first"]


class CellProblem(ValueError):
    """A cell cannot be used; `reason` is the same for cells of one kind, `example` is what stands there."""

    def __init__(self, reason: str, example: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.example = example


def refuse_formula(cell: str, column: str) -> None:
    """Raises CellProblem for a text that a spreadsheet would run."""
    if cell[:1] in _SUSPICIOUS and _FORMULA.match(cell):
        raise CellProblem(f"a formula stands in `{column}`; paste its value", cell)


def is_empty(cell: str) -> bool:
    """Whether a cell says nothing; `NULL` and `n/a` say nothing."""
    return cell in _NOTHING or cell.strip() in _NOTHING


def text(cell: str, column: str, *, longest: int = 500) -> str | None:
    """A cell as a text on one line, None if it is empty. Raises CellProblem for a formula or a text too long."""
    if is_empty(cell):
        return None
    refuse_formula(cell, column)
    if len(cell) > longest:
        raise CellProblem(f"`{column}` has more than {longest} characters", cell)
    return " ".join(cell.split())


def number(cell: str, column: str) -> Decimal | None:
    """A cell as an exact decimal, None if it is empty. Raises CellProblem for what is no number."""
    stripped = cell.strip()
    if stripped in _NOTHING:
        return None
    if not _NUMBER.fullmatch(stripped):
        refuse_formula(stripped, column)
        hint = "; write 1.5, not 1,5" if re.fullmatch(r"-?\d+,\d+", stripped) else ""
        raise CellProblem(f"`{column}` is not a number{hint}", cell)
    try:
        found = Decimal(stripped.replace(",", ""))
    except InvalidOperation:
        raise CellProblem(f"`{column}` is not a number", cell) from None
    if found and abs(found.adjusted()) > _LONGEST_EXPONENT:
        raise CellProblem(f"`{column}` is out of range", cell)
    return found


def positive(cell: str, column: str) -> Decimal | None:
    """As `number`, for what cannot be negative."""
    found = number(cell, column)
    if found is not None and found < 0:
        raise CellProblem(f"`{column}` is negative", cell)
    return found


@dataclass(frozen=True, slots=True)
class Dates:
    """Reads days. `order` says what 1/2/2026 means; None refuses it, because it may mean two days."""

    order: Order | None = None

    def day(self, cell: str, column: str) -> date | None:
        """A cell as a day (the clock of a time is dropped), None if it is empty.

        2026-01-31, 2026/01/31, 31.01.2026, 31-Jan-2026 and Jan 31, 2026 are read. Raises CellProblem for what is no
        day, or may be two.
        """
        if is_empty(cell):
            return None
        stripped = _CLOCK.sub("", cell.strip())
        parts = _named_parts(stripped) or self._slashed_parts(stripped, cell, column)
        if parts is None:
            raise CellProblem(f"`{column}` is not a day such as 2026-01-31", cell)
        try:
            return date(*parts)
        except ValueError:
            raise CellProblem(f"`{column}` is no day of the calendar", cell) from None

    def _slashed_parts(self, stripped: str, cell: str, column: str) -> tuple[int, int, int] | None:
        match = _SLASHED.fullmatch(stripped)
        if match is None:
            return None
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        order = self.order or order_of((first, second))
        if order is None and first != second:
            raise CellProblem(
                f"`{column}` may be two days: the month may stand first or second; write 2026-01-31", cell
            )
        return (year, first, second) if order == "month first" else (year, second, first)


def slashed(cell: str) -> tuple[int, int] | None:
    """The first two numbers of a day such as 9/20/2016, None for other styles."""
    match = _SLASHED.fullmatch(_CLOCK.sub("", cell.strip()))
    return None if match is None else (int(match[1]), int(match[3]))


def order_of(*pairs: tuple[int, int]) -> Order | None:
    """Which of two numbers is the month, if days of one file show it, and none shows the contrary."""
    day_first = any(first > 12 for first, _ in pairs)
    month_first = any(second > 12 for _, second in pairs)
    if day_first == month_first:
        return None
    return "day first" if day_first else "month first"


def _named_parts(stripped: str) -> tuple[int, int, int] | None:
    """Year, month and day of a style in which they cannot be mistaken."""
    if match := _ISO.fullmatch(stripped):
        return int(match[1]), int(match[3]), int(match[4])
    if match := _DOTTED.fullmatch(stripped):
        return int(match[3]), int(match[2]), int(match[1])
    if (match := _NAMED.fullmatch(stripped)) and (month := _month(match[2])):
        return int(match[3]), month, int(match[1])
    if (match := _MONTH_FIRST.fullmatch(stripped)) and (month := _month(match[1])):
        return int(match[3]), month, int(match[2])
    return None


def _month(word: str) -> int | None:
    start = word[:3].lower()
    return _MONTHS.index(start) + 1 if start in _MONTHS else None
