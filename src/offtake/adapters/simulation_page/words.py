"""Words and colours that all parts of the page share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from offtake.adapters.report.amounts import listed, money, share
from offtake.adapters.report.document import (
    Table,
)
from offtake.broker.simulating.answer import Simulated

SIDES: Final = ("blue", "amber")  # The colours of the two, wherever both are drawn.
BY_RIGHT, AT_MARKET, UNMET = "by right", "from the market", "from nobody"


def source_of(found: Sequence[Simulated]) -> str:
    return f"offtake, simulation of {found[0].trace.name} under {listed([side.name for side in found])}"


def upper(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}"


def money_of(micros: int, currency: str) -> str:
    return money(micros / 10_000, currency)


def day_of(day: date | None, nothing: str = "") -> str:
    """A day that no cell of a table breaks: `4 Dec 2025`."""
    return nothing if day is None else f"{day.day}\u00a0{day:%b}\u00a0{day.year}"


def part_of(hours: Decimal, of: Decimal) -> str:
    return share(float(hours / of) if of else 0.0)


def sided(found: Sequence[Simulated], table: Table) -> Table:
    """A table that says under which of two each row stands; of one alone it need not."""
    if len(found) > 1:
        return table
    place = next(n for n, column in enumerate(table.columns) if column.name == "under")
    rows = tuple(row[:place] + row[place + 1 :] for row in table.rows)
    return replace(table, columns=table.columns[:place] + table.columns[place + 1 :], rows=rows)


def each(found: Sequence[Simulated], says: Callable[[Simulated], str]) -> str:
    """What is said of each: of one alone without its name."""
    if len(found) == 1:
        return says(found[0])
    return listed([f"{says(side)} {side.name}" for side in found])
