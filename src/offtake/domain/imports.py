"""The account of an import: what became of every row of a file, and what the estate gains by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from offtake.domain.rows import Row

Outcome = Literal["used", "changed", "left out"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("used", "changed", "left out")
MAXIMUM_RANGES: Final = 200  # Runs of rows that one line of an account lists; the rest is counted.
MAXIMUM_LINES: Final = 500  # Lines of an account; rows with yet other reasons share one.
_OTHER: Final = "for other reasons; `--account` lists every row"
_MAXIMUM_EXAMPLES: Final = 3
MAXIMUM_SHOWN: Final = 60  # Characters of a value that an account shows.


class AccountLine(Row):
    """Rows of one table with the same fate: how many, which, and what stood there."""

    table: str
    outcome: Outcome
    reason: str
    rows: int
    which: str  # Row numbers as people write them: `2–40, 57`.
    examples: tuple[str, ...] = ()


class ImportAccount(Row):
    """What an import read and what it did, or would do. `entries_kept` stand as an earlier import left them."""

    kind: str
    file: str
    into: str
    writes: str
    rows: int
    used: int
    changed: int
    left_out: int
    lines: tuple[AccountLine, ...]
    added: tuple[str, ...]
    altered: tuple[str, ...]
    removed: tuple[str, ...]
    entries_kept: int
    notes: tuple[str, ...] = ()
    wrote: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowFate:
    """What became of one row."""

    table: str
    row: int
    outcome: Outcome
    reason: str
    example: str | None


@dataclass(slots=True)
class _Line:
    rows: int = 0
    runs: list[list[int]] = field(default_factory=list[list[int]])
    examples: list[str] = field(default_factory=list[str])

    def add(self, row: int, example: str | None) -> None:
        self.rows += 1
        if self.runs and self.runs[-1][1] + 1 == row:
            self.runs[-1][1] = row
        elif len(self.runs) < MAXIMUM_RANGES:
            self.runs.append([row, row])
        if example and len(self.examples) < _MAXIMUM_EXAMPLES and example not in self.examples:
            self.examples.append(example)

    def which(self) -> str:
        shown = [str(first) if first == last else f"{first}–{last}" for first, last in self.runs]
        listed = sum(last - first + 1 for first, last in self.runs)
        more = f" and {self.rows - listed:,} more" if listed < self.rows else ""
        return ", ".join(shown) + more


@dataclass(slots=True)
class Tally:
    """Counts rows by their fate while a file is read; what it holds does not grow with the number of rows.

    `listener` is told of every row as it is counted.
    """

    listener: Callable[[RowFate], None] | None = None
    _lines: dict[tuple[str, Outcome, str], _Line] = field(
        default_factory=dict[tuple[str, Outcome, str], _Line]
    )

    def used(self, table: str, row: int, reason: str = "as it stands") -> None:
        """The row is taken as it stands."""
        self._count(table, row, "used", reason, None)

    def changed(self, table: str, row: int, reason: str, example: str | None = None) -> None:
        """The row is taken, and something in it is not as it stood."""
        self._count(table, row, "changed", reason, example)

    def left_out(self, table: str, row: int, reason: str, example: str | None = None) -> None:
        """Nothing of the row is taken."""
        self._count(table, row, "left out", reason, example)

    def total(self, outcome: Outcome) -> int:
        """How many rows had an outcome."""
        return sum(line.rows for key, line in self._lines.items() if key[1] == outcome)

    def lines(self) -> tuple[AccountLine, ...]:
        """The account, table by table: what was used first, and the commonest reason first."""
        tables = list(dict.fromkeys(key[0] for key in self._lines))
        ordered = sorted(
            self._lines.items(),
            key=lambda item: (
                tables.index(item[0][0]),
                OUTCOMES.index(item[0][1]),
                -item[1].rows,
                item[0][2],
            ),
        )
        return tuple(
            AccountLine(
                table=table,
                outcome=outcome,
                reason=reason,
                rows=line.rows,
                which=line.which(),
                examples=tuple(line.examples),
            )
            for (table, outcome, reason), line in ordered
        )

    def _count(self, table: str, row: int, outcome: Outcome, reason: str, example: str | None) -> None:
        shown = None if example is None else shortened(example)
        if self.listener is not None:
            self.listener(RowFate(table, row, outcome, reason, shown))
        key = (table, outcome, reason)
        if key not in self._lines and len(self._lines) >= MAXIMUM_LINES:
            key = (table, outcome, _OTHER)
        self._lines.setdefault(key, _Line()).add(row, shown)


def shortened(text: str, longest: int = MAXIMUM_SHOWN) -> str:
    """A text as an account shows it: on one line, printable, cut where it is longer."""
    if len(text) <= longest and text.isprintable():
        return text
    plain = "".join(char if char.isprintable() else " " for char in text[: longest + 1])
    return plain if len(text) <= longest else f"{plain[:longest]}…"
