"""Sifting: solve with a few of the columns, price all of them, add those that would help, until none would.

Serving columns are many times as many as rows, and nearly all of them are zero in an optimum. A column that is left
out stands at zero; with the row prices of the smaller program its reduced cost says whether that is optimal. When no
column left out has a negative one, the same prices prove the answer optimal for the whole program, so nothing is
lost. Rows are ranked one by one: a column is taken when it is among the best of any row it stands in, so that each
load starts with several supplies and each supply with several loads.

HiGHS goes on from its last basis when columns come. Faults are known in which that ends in a wrong "optimal"
(ERGO-Code/HiGHS#3294 and #3194): the planner's certificate checks the answer against the whole program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from time import monotonic
from typing import Final

import highspy
import numpy as np
from numpy.typing import NDArray

from offtake.adapters.highs_session import array, open_highs, run
from offtake.domain.errors import SolverFailure
from offtake.planner.ports import Progress, Solution, SolverOptions
from offtake.planner.program import Program

# Measured on the expansion benchmark (docs/benchmarks.md): fewer columns to begin with cost rounds, more cost time in
# each of them.
_FIRST_PER_ROW: Final = 5
_ADDED_PER_ROW: Final = 3
_MOST_ROUNDS: Final = 100
_NEGATIVE: Final = -1e-7  # the dual feasibility tolerance of HiGHS
_LARGE_BLOCK: Final = (
    4.0  # a block is sifted when it holds so many times as many columns as the program has rows
)


def siftable(program: Program) -> NDArray[np.bool_]:
    """Per column: whether it may be left out at first. Large blocks of continuous columns with nothing but a lower
    bound of zero may."""
    chosen = np.zeros(program.column_count, dtype=np.bool_)
    for block in program.column_blocks:
        if block.count > _LARGE_BLOCK * program.row_count:
            chosen[block.first : block.first + block.count] = True
    chosen &= (program.col_lower == 0) & (program.col_upper == inf)
    if program.integrality is not None:
        chosen &= ~program.integrality
    return chosen


def sifted(
    program: Program,
    left_out: NDArray[np.bool_],
    options: SolverOptions,
    progress: Callable[[Progress], None] | None,
) -> Solution | None:
    """The optimum, with the columns ``left_out`` (column,) coming in as they are needed.

    None when the columns at hand have no optimum, or it took too many rounds: sifting then says nothing about the
    program, and another method must. Raises SolverFailure when the time runs out.
    """
    began = monotonic()
    entries = Entries(program)
    guess = program.cost - entries.priced(entries.price_of_room(~left_out))
    chosen = ~left_out | entries.best_of_rows(left_out, guess, _FIRST_PER_ROW)
    order = np.flatnonzero(chosen)
    highs = open_highs(only(program, order), options)
    highs.setOptionValue("solver", "simplex")
    iterations = 0
    for _ in range(_MOST_ROUNDS):
        left_s = options.time_limit_s - (monotonic() - began)
        if left_s <= 0:
            raise SolverFailure(f"sifting found no optimum within {options.time_limit_s:g} s")
        highs.setOptionValue("time_limit", highs.getRunTime() + left_s)  # HiGHS counts over all its runs
        run(highs, progress, "sifting", began)
        status = highs.getModelStatus()
        if status == highspy.HighsModelStatus.kTimeLimit:
            raise SolverFailure(f"sifting found no optimum within {options.time_limit_s:g} s")
        if status != highspy.HighsModelStatus.kOptimal:
            return None
        iterations += max(int(highs.getInfo().simplex_iteration_count), 0)
        found = highs.getSolution()
        row_dual = array(found.row_dual)
        reduced = program.cost - entries.priced(row_dual)
        helpful = ~chosen & (reduced < _NEGATIVE)
        if not helpful.any():
            return _solution(program, highs, order, row_dual, reduced, iterations, monotonic() - began)
        added = np.flatnonzero(entries.best_of_rows(helpful, reduced, _ADDED_PER_ROW))
        chosen[added] = True
        order = np.concatenate([order, added])
        part = only(program, added)
        highs.addCols(
            part.column_count,
            part.cost,
            part.col_lower,
            part.col_upper,
            part.entry_count,
            part.start[:-1],
            part.index,
            part.value,
        )
        highs.setOptionValue("presolve", "off")  # it would throw the basis away
    return None


class Entries:
    """The program's entries with the column of each, for pricing and ranking."""

    def __init__(self, program: Program) -> None:
        self._program = program
        per_column = np.diff(program.start)
        self._column: NDArray[np.int32] = np.repeat(
            np.arange(program.column_count, dtype=np.int32), per_column
        )
        self._without: NDArray[np.bool_] = per_column == 0

    def priced(self, row_dual: NDArray[np.float64], program: Program | None = None) -> NDArray[np.float64]:
        """(column,): the sum of entries times row prices; of another program of the same shape, if one is given."""
        program = self._program if program is None else program
        return np.bincount(
            self._column, program.value * row_dual[program.index], minlength=program.column_count
        ).astype(np.float64)

    def price_of_room(self, among: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(row,): a first guess at the price of rows with an upper bound alone, for the first choice of columns.

        A column of ``among`` with a cost and negative entries makes room, as a build does in every later period. If
        it paid for itself evenly over these rows, their price would be its cost over the room; the cheapest counts.
        """
        program = self._program
        capped = np.isinf(program.row_lower) & np.isfinite(program.row_upper)
        useful = capped[program.index] & (program.value < 0) & among[self._column]
        useful &= program.cost[self._column] > 0
        rows, columns = program.index[useful], self._column[useful]
        room = np.bincount(columns, -program.value[useful], minlength=program.column_count)
        price = np.full(program.row_count, inf)
        np.minimum.at(price, rows, program.cost[columns] / room[columns])
        return np.where(np.isfinite(price), -price, 0.0)

    def best_of_rows(
        self, among: NDArray[np.bool_], score: NDArray[np.float64], per_row: int
    ) -> NDArray[np.bool_]:
        """(column,): whether a column of ``among`` is one of the ``per_row`` lowest scores of a row it is in.

        Columns in no row are all taken. Equal scores rank by column, so that the choice is always the same.
        """
        mine = np.flatnonzero(among[self._column])
        rows, columns = self._program.index[mine], self._column[mine]
        ranked = np.lexsort((score[columns], rows))
        rows, columns = rows[ranked], columns[ranked]
        begins = np.flatnonzero(np.diff(rows, prepend=-1))
        place = np.arange(len(rows)) - np.repeat(begins, np.diff(begins, append=len(rows)))
        best = among & self._without
        best[columns[place < per_row]] = True
        return best


def only(program: Program, columns: NDArray[np.intp]) -> Program:
    """The program with the given columns, in their order."""
    counts = np.diff(program.start)[columns]
    start = np.zeros(len(columns) + 1, dtype=np.intp)
    np.cumsum(counts, out=start[1:])
    within = np.arange(int(start[-1]), dtype=np.intp) - np.repeat(start[:-1], counts)
    entries = np.repeat(program.start[columns], counts) + within
    return replace(
        program,
        cost=program.cost[columns],
        col_lower=program.col_lower[columns],
        col_upper=program.col_upper[columns],
        start=start.astype(np.int32),
        index=program.index[entries],
        value=program.value[entries],
        column_blocks=(),
    )


def _solution(
    program: Program,
    highs: highspy.Highs,
    order: NDArray[np.intp],
    row_dual: NDArray[np.float64],
    reduced: NDArray[np.float64],
    iterations: int,
    seconds: float,
) -> Solution:
    found = highs.getSolution()
    x = np.zeros(program.column_count)
    x[order] = array(found.col_value)
    return Solution(
        objective=float(highs.getInfo().objective_function_value),
        x=x,
        row_activity=array(found.row_value),
        row_dual=row_dual,
        column_dual=reduced,
        method="sifting",
        iterations=iterations,
        seconds=seconds,
    )
