"""A linear or integer program as arrays, built block by block, and the way back from an id to its meaning.

A block is a family of columns or rows over named axes, such as ``build`` over (site, accelerator, period).
The builder never loops over single variables: blocks and entries arrive as arrays that broadcast, and the
program is handed over once, in compressed columns. Every column and row keeps its block, its place on the
block's axes and the id of the meter, clause or supply it came from, so that an answer can be read back in the
words of the estate.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import Protocol, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csc_array

FloatArray: TypeAlias = NDArray[np.float64]
Scalar = TypeVar("Scalar", bound=np.generic)

_LARGEST_COUNT = np.iinfo(np.int32).max  # ids and entry counts are 32-bit integers for the solver
ABSENT = -1  # the id of a cell of a block that has no column or row


@dataclass(frozen=True, eq=False)
class Block:
    """Columns or rows of one kind. ``index`` holds their ids, shaped by the axes; ``ABSENT`` where none is.

    ``orders`` says of columns that each is placed in the period on the axis ``period`` and stands whatever comes later;
    all other columns answer to what their period brings.
    """

    name: str
    axes: tuple[tuple[str, Sequence[str]], ...]
    index: NDArray[np.int32]
    source: str | None
    first: int
    count: int
    orders: bool = False

    @cached_property
    def cells(self) -> NDArray[np.intp]:
        """Flat places on the axes of the block's ids, in the order of the ids."""
        return np.flatnonzero(self.index.ravel() != ABSENT)

    def label(self, identifier: int) -> str:
        """The name and axis labels of one id of this block, as in ``build[abilene, gb200, 2026Q2]``."""
        if not self.axes:
            return self.name
        place = int(self.cells[identifier - self.first])
        labels: list[str] = []
        for _, names in reversed(self.axes):
            place, at = divmod(place, len(names))
            labels.insert(0, str(names[at]))
        return f"{self.name}[{', '.join(labels)}]"


@dataclass(frozen=True, eq=False)
class Program:
    """Minimise ``cost @ x`` subject to ``row_lower <= A x <= row_upper`` and ``col_lower <= x <= col_upper``.

    ``A`` is in compressed columns: the entries of column j are ``value[start[j]:start[j + 1]]`` in the rows
    ``index[start[j]:start[j + 1]]``. ``integrality`` is True per integer column, or None where there is none.
    """

    cost: FloatArray
    col_lower: FloatArray
    col_upper: FloatArray
    row_lower: FloatArray
    row_upper: FloatArray
    integrality: NDArray[np.bool_] | None
    start: NDArray[np.int32]
    index: NDArray[np.int32]
    value: FloatArray
    column_blocks: tuple[Block, ...] = ()
    row_blocks: tuple[Block, ...] = ()

    @property
    def column_count(self) -> int:
        return len(self.cost)

    @property
    def row_count(self) -> int:
        return len(self.row_lower)

    @property
    def entry_count(self) -> int:
        return len(self.value)

    def column_block(self, column: int) -> Block:
        return _block_of(self.column_blocks, column)

    def row_block(self, row: int) -> Block:
        return _block_of(self.row_blocks, row)

    def column_label(self, column: int) -> str:
        return self.column_block(column).label(column)

    def row_label(self, row: int) -> str:
        return self.row_block(row).label(row)

    def column_source(self, column: int) -> str | None:
        return self.column_block(column).source

    def row_source(self, row: int) -> str | None:
        return self.row_block(row).source

    def relaxed(self) -> Program:
        """The same program with every column continuous."""
        return replace(self, integrality=None)

    def fixed(self, x: FloatArray) -> Program:
        """The linear program with its integer columns at their rounded values in ``x``: the one with prices."""
        if self.integrality is None:
            return self
        whole = np.rint(x)
        return replace(
            self,
            integrality=None,
            col_lower=np.where(self.integrality, whole, self.col_lower),
            col_upper=np.where(self.integrality, whole, self.col_upper),
        )


class ProgramBuilder:
    """Collects blocks and entries, and makes one :class:`Program` of them. Ids follow the order of calls."""

    def __init__(self) -> None:
        self._columns = _Side()
        self._rows = _Side()
        self._costs: list[FloatArray] = []
        self._integers: list[NDArray[np.bool_]] = []
        self._extra_costs: list[tuple[NDArray[np.int32], FloatArray]] = []
        self._entries: list[tuple[NDArray[np.int32], NDArray[np.int32], FloatArray]] = []

    @property
    def column_count(self) -> int:
        return self._columns.count

    @property
    def row_count(self) -> int:
        return self._rows.count

    def columns(
        self,
        name: str,
        axes: Mapping[str, Sequence[str]],
        *,
        cost: ArrayLike = 0.0,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = inf,
        integer: ArrayLike = False,
        source: str | None = None,
        where: ArrayLike | None = None,
        orders: bool = False,
    ) -> Block:
        """Add columns over ``axes``; cost, bounds, ``integer`` and ``where`` broadcast to the axes' shape.

        With ``where``, only its True cells become columns; the others hold ``ABSENT`` in the block's index.
        ``orders`` is as in :class:`Block`; such columns need an axis ``period``.
        """
        block = self._columns.add(name, axes, lower, upper, source, where, orders=orders)
        self._costs.append(_cells(cost, block, np.float64))
        self._integers.append(_cells(integer, block, np.bool_))
        return block

    def rows(
        self,
        name: str,
        axes: Mapping[str, Sequence[str]],
        *,
        lower: ArrayLike = -inf,
        upper: ArrayLike = inf,
        source: str | None = None,
        where: ArrayLike | None = None,
    ) -> Block:
        """Add rows over ``axes``; bounds and ``where`` broadcast as they do for :meth:`columns`."""
        return self._rows.add(name, axes, lower, upper, source, where)

    def entries(self, rows: ArrayLike, columns: ArrayLike, values: ArrayLike) -> None:
        """Add coefficients; the three broadcast against each other.

        Pairs with an ``ABSENT`` id and zero values are dropped; values given twice for one place are added.
        """
        row, column, value = np.broadcast_arrays(
            np.asarray(rows), np.asarray(columns), np.asarray(values, dtype=np.float64)
        )
        kept = (row != ABSENT) & (column != ABSENT) & (value != 0.0)
        self._entries.append((row[kept].astype(np.int32), column[kept].astype(np.int32), value[kept]))

    def add_cost(self, columns: ArrayLike, values: ArrayLike) -> None:
        """Add ``values`` to the cost of ``columns``; the two broadcast against each other."""
        column, value = np.broadcast_arrays(np.asarray(columns), np.asarray(values, dtype=np.float64))
        kept = (column != ABSENT) & (value != 0.0)
        self._extra_costs.append((column[kept].astype(np.int32), value[kept]))

    def build(self) -> Program:
        """The program so far. Raises ValueError for a number that is not usable, and names its place."""
        cost = _joined(self._costs)
        for columns, values in self._extra_costs:
            np.add.at(cost, columns, values)
        integers = np.concatenate(self._integers) if self._integers else np.zeros(0, dtype=np.bool_)
        compressed = self._compressed()
        program = Program(
            cost=cost,
            col_lower=_joined(self._columns.lower),
            col_upper=_joined(self._columns.upper),
            row_lower=_joined(self._rows.lower),
            row_upper=_joined(self._rows.upper),
            integrality=integers if integers.any() else None,
            start=compressed.indptr.astype(np.int32),
            index=compressed.indices.astype(np.int32),
            value=compressed.data,
            column_blocks=tuple(self._columns.blocks),
            row_blocks=tuple(self._rows.blocks),
        )
        _refuse_unusable(program)
        return program

    def _compressed(self) -> _Compressed:
        rows = np.concatenate([part[0] for part in self._entries] or [np.zeros(0, np.int32)])
        columns = np.concatenate([part[1] for part in self._entries] or [np.zeros(0, np.int32)])
        values = np.concatenate([part[2] for part in self._entries] or [np.zeros(0)])
        if len(values) > _LARGEST_COUNT:
            raise ValueError(
                f"{len(values)} entries are more than the solver can count: use fewer periods or hours"
            )
        shape = (self._rows.count, self._columns.count)
        for what, ids, count in (("row", rows, shape[0]), ("column", columns, shape[1])):
            if len(ids) and (ids.min() < 0 or ids.max() >= count):
                raise ValueError(f"an entry names a {what} that no block of this builder holds")
        matrix = csc_array(coo_array((values, (rows, columns)), shape=shape))
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        return cast(_Compressed, matrix)


class _Compressed(Protocol):
    """What is read of a scipy matrix in compressed columns, whose own types are not known in full."""

    indptr: NDArray[np.int32]
    indices: NDArray[np.int32]
    data: FloatArray


class _Side:
    """The columns or the rows so far: blocks, bounds and the next id."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.lower: list[FloatArray] = []
        self.upper: list[FloatArray] = []
        self.count = 0

    def add(
        self,
        name: str,
        axes: Mapping[str, Sequence[str]],
        lower: ArrayLike,
        upper: ArrayLike,
        source: str | None,
        where: ArrayLike | None,
        *,
        orders: bool = False,
    ) -> Block:
        shape = tuple(len(labels) for labels in axes.values())
        present = np.broadcast_to(np.asarray(True if where is None else where, dtype=np.bool_), shape)
        count = int(np.count_nonzero(present))
        if self.count + count > _LARGEST_COUNT:
            raise ValueError(f"{name}: more ids than the solver can count: use fewer periods or hours")
        index = np.full(shape, ABSENT, dtype=np.int32)
        index[present] = np.arange(self.count, self.count + count, dtype=np.int32)
        block = Block(name, tuple(axes.items()), index, source, self.count, count, orders)
        self.blocks.append(block)
        self.lower.append(_cells(lower, block, np.float64))
        self.upper.append(_cells(upper, block, np.float64))
        self.count += count
        return block


def _cells(values: ArrayLike, block: Block, kind: type[Scalar]) -> NDArray[Scalar]:
    """One value per id of the block, in the order of the ids, from values that broadcast to its axes."""
    try:
        spread = np.broadcast_to(np.asarray(values, dtype=kind), block.index.shape)
    except ValueError as error:
        raise ValueError(f"{block.name}: {error}") from error
    return spread[block.index != ABSENT]


def _joined(parts: list[FloatArray]) -> FloatArray:
    return np.concatenate(parts) if parts else np.zeros(0)


def _block_of(blocks: tuple[Block, ...], identifier: int) -> Block:
    # Empty blocks share their first id with the block after them; the last one that starts there holds the
    # id.
    block = blocks[bisect_right(blocks, identifier, key=lambda one: one.first) - 1] if blocks else None
    if block is None or not block.first <= identifier < block.first + block.count:
        raise IndexError(f"no block holds the id {identifier}")
    return block


def _refuse_unusable(program: Program) -> None:
    for what, numbers, label in (
        ("cost", np.isfinite(program.cost), program.column_label),
        ("lower bound", ~np.isnan(program.col_lower) & (program.col_lower < inf), program.column_label),
        ("upper bound", ~np.isnan(program.col_upper) & (program.col_upper > -inf), program.column_label),
        ("lower bound", ~np.isnan(program.row_lower) & (program.row_lower < inf), program.row_label),
        ("upper bound", ~np.isnan(program.row_upper) & (program.row_upper > -inf), program.row_label),
    ):
        if not numbers.all():
            raise ValueError(f"the {what} of {label(int(np.argmin(numbers)))} is not a usable number")
    usable = np.isfinite(program.value)
    if not usable.all():
        entry = int(np.argmin(usable))
        column = int(np.searchsorted(program.start, entry, side="right")) - 1
        where = f"{program.column_label(column)} in {program.row_label(int(program.index[entry]))}"
        raise ValueError(f"the coefficient of {where} is not a usable number")
