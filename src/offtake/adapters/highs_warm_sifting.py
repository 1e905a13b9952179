"""Programs near a base one with far more columns than rows: columns that by the base's prices are far from helping come
in only as they are needed. `offtake.adapters.highs_sifting` says why nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import highspy
import numpy as np
from numpy.typing import NDArray

from offtake.adapters.highs_session import array
from offtake.adapters.highs_sifting import Entries, only
from offtake.planner.ports import Basis, Solution, SolverOptions
from offtake.planner.program import Program

if TYPE_CHECKING:
    from offtake.adapters.highs_warm import Model

KEPT_PER_ROW: Final = 3.0  # Columns to begin with, for each row; measured on the expansion benchmark.
WORTH_IT: Final = 2.0  # Sifted is what has so many times as many columns as are kept.
MOST_ROUNDS: Final = 30
_NEGATIVE: Final = -1e-7  # The dual feasibility tolerance of HiGHS.
_BASIC: Final = int(highspy.HighsBasisStatus.kBasic)


def kept_columns(base: Program, basis: Basis, row_dual: NDArray[np.float64]) -> NDArray[np.intp] | None:
    """The columns to begin with, or None where leaving some out is not worth it. A column may be left out that stands
    at a lower bound of zero in the base; the lowest reduced costs are kept, and equal ones in the columns' order."""
    most = int(KEPT_PER_ROW * base.row_count)
    if base.integrality is not None or base.column_count < WORTH_IT * most:
        return None
    reduced = base.cost - Entries(base).priced(row_dual)
    may = (base.col_lower == 0) & (basis.columns != _BASIC) & (reduced >= 0)
    ranked = np.flatnonzero(may)[np.argsort(reduced[may], kind="stable")]
    left_out = ranked[max(0, most - (base.column_count - len(ranked))) :]
    return np.setdiff1d(np.arange(base.column_count), left_out)


class WarmSifting:
    """Solves from the base's basis with some of the columns; the others are priced and come in as they are needed."""

    def __init__(self, base: Program, basis: Basis, kept: NDArray[np.intp], options: SolverOptions) -> None:
        from offtake.adapters.highs_warm import Model

        self._kept, self._entries = kept, Entries(base)
        # Which of a program's entries are of the columns kept: the same in all, for they are of one shape.
        places = only(replace(base, value=np.arange(base.entry_count, dtype=np.float64)), kept)
        self._places = places.value.astype(np.intp)
        self._start, self._index = places.start, places.index
        self._model: Model = Model(self._first_columns(base), options)
        # Columns that come and go would have HiGHS scale anew, by whatever is held then.
        _ = self._model.highs.setOptionValue("simplex_scale_strategy", 0)
        self._basis = Basis(basis.columns[kept], basis.rows)

    def _first_columns(self, program: Program) -> Program:
        kept = self._kept
        return replace(
            program,
            cost=program.cost[kept],
            col_lower=program.col_lower[kept],
            col_upper=program.col_upper[kept],
            start=self._start,
            index=self._index,
            value=program.value[self._places],
            column_blocks=(),
        )

    def solve(self, program: Program) -> Solution | None:
        """The optimum; None where the columns at hand have none, which says nothing about the program."""
        model = self._model
        order = self._kept
        model.push(self._first_columns(program))
        status = model.run(self._basis)
        iterations = model.iterations
        try:
            for _ in range(MOST_ROUNDS):
                if status != highspy.HighsModelStatus.kOptimal:
                    return None
                row_dual = array(model.highs.getSolution().row_dual)
                reduced = program.cost - self._entries.priced(row_dual, program)
                helpful = reduced < _NEGATIVE
                helpful[order] = False
                added = np.flatnonzero(helpful)
                if not len(added):
                    return self._solution(program, order, reduced, iterations)
                order = np.concatenate([order, added])
                part = only(program, added)
                _ = model.highs.addCols(
                    part.column_count,
                    part.cost,
                    part.col_lower,
                    part.col_upper,
                    part.entry_count,
                    part.start[:-1],
                    part.index,
                    part.value,
                )
                status = model.run(None)
                iterations += model.iterations
            return None
        finally:
            more = np.arange(len(self._kept), len(order), dtype=np.int32)
            if len(more):
                _ = model.highs.deleteCols(len(more), more)

    def _solution(
        self, program: Program, order: NDArray[np.intp], reduced: NDArray[np.float64], iterations: int
    ) -> Solution:
        found = self._model.solution("warm sifting")
        x = np.zeros(program.column_count)
        x[order] = found.x
        return replace(found, x=x, column_dual=reduced, iterations=iterations)
