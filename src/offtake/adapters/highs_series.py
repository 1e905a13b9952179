"""One HiGHS that keeps a linear program and its last basis, for column bounds that change from solve to solve."""

from __future__ import annotations

from time import monotonic

import highspy
import numpy as np
from numpy.typing import NDArray

from offtake.adapters.highs_session import open_highs, run, solution_of
from offtake.domain.errors import SolverFailure
from offtake.planner.ports import Infeasible, Solution, SolverOptions
from offtake.planner.program import Program


class HighsSeries:
    """Solves one program again and again; see :class:`offtake.planner.ports.Series`."""

    def __init__(self, program: Program, options: SolverOptions) -> None:
        if program.integrality is not None:
            raise ValueError("a series is of linear programs")
        self._program, self._options = program, options
        self._lower, self._upper = program.col_lower.copy(), program.col_upper.copy()
        self._highs = open_highs(program, options)
        self._highs.setOptionValue("solver", "simplex")

    def solve(self, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> Solution | Infeasible:
        """An optimal answer within the bounds (column,), by dual simplex from the basis before.

        Raises SolverFailure when the time of one solve runs out or HiGHS cannot tell.
        """
        highs, began = self._highs, monotonic()
        moved = np.flatnonzero((lower != self._lower) | (upper != self._upper)).astype(np.int32)
        if len(moved):
            highs.changeColsBounds(len(moved), moved, lower[moved], upper[moved])
        self._lower, self._upper = lower.copy(), upper.copy()
        # HiGHS counts its time over all its runs.
        highs.setOptionValue("time_limit", highs.getRunTime() + self._options.time_limit_s)
        run(highs, None, "simplex", began)
        status = highs.getModelStatus()
        if status == highspy.HighsModelStatus.kOptimal:
            highs.setOptionValue("presolve", "off")  # It would throw the basis away.
            return solution_of(highs, self._program, "simplex", monotonic() - began)
        highs.clearSolver()
        highs.setOptionValue("presolve", "choose")
        if status == highspy.HighsModelStatus.kInfeasible:
            return Infeasible()
        raise SolverFailure(f"HiGHS stopped without an answer (series): {highs.modelStatusToString(status)}")
