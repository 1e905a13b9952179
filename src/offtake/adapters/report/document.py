"""What a report is made of, before anything is rendered: sections of figures, tables and sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Spec: TypeAlias = dict[str, object]
Cell: TypeAlias = str | float | None
Cells: TypeAlias = tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """The room a figure is drawn in: pixels across, and whether that is a phone's."""

    width: int
    narrow: bool


WIDE = Frame(width=860, narrow=False)
NARROW = Frame(width=350, narrow=True)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: text, or numbers in a unit with so many decimals."""

    name: str
    unit: str = ""
    kind: Literal["text", "number"] = "text"
    decimals: int = 0

    @property
    def title(self) -> str:
        """The name with its unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


def text(name: str) -> Column:
    """A column of words."""
    return Column(name)


def numbers(name: str, unit: str = "", decimals: int = 0) -> Column:
    """A column of numbers."""
    return Column(name, unit, "number", decimals)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns, with a title and where the numbers come from."""

    id: str
    title: str
    source: str
    columns: tuple[Column, ...]
    rows: Cells
    shown: int = 24  # Rows that a page shows before the rest is folded away.


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with what it shows in one sentence, its numbers as a table, and a builder of its Vega-Lite spec."""

    id: str
    title: str
    says: str
    table: Table
    draw: Callable[[Frame], Spec]
    legend: tuple[
        tuple[str, str, str], ...
    ] = ()  # (label, colour name, mark: `fill`, `outline`, `line` or `dot`).
    open: bool = False  # Whether the page shows the numbers without being asked.

    @property
    def source(self) -> str:
        """Where the figure's numbers come from."""
        return self.table.source


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


Block: TypeAlias = Figure | Table | Prose | Bullets


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report with a heading, a lead sentence and blocks."""

    id: str
    title: str
    lead: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """A number on the first screen: what it is, the number, and what to know about it."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report, ready to be rendered."""

    title: str
    subtitle: str
    labels: tuple[str, ...]
    sentences: tuple[str, ...]
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    facts: Mapping[str, str]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure in the order of the page."""
        return tuple(block for part in self.sections for block in part.blocks if isinstance(block, Figure))
