"""The solver port on HiGHS (https://highs.dev). One ``Highs`` per call: no state is carried between calls.

An answer depends on the program, the options and the version of HiGHS alone, so that each can be repeated by
itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import Final

import highspy
import numpy as np

from offtake.adapters.highs_conflict import crossed_bounds, every_bound, first_set, restricted, thinned
from offtake.adapters.highs_series import HighsSeries
from offtake.adapters.highs_session import open_highs, run, solution_of
from offtake.adapters.highs_sifting import siftable, sifted
from offtake.domain.errors import SolverFailure
from offtake.planner.ports import (
    Infeasible,
    IrreducibleSet,
    Member,
    Method,
    Progress,
    Solution,
    SolverOptions,
    Unbounded,
)
from offtake.planner.program import Program

# Up to this many entries the dual simplex of HiGHS was the quickest of its methods on the expansion benchmark;
# far above it the time of one iteration grows with the program, and the interior point method has few.
_SIMPLEX_ENTRIES: Final = 2_000_000
_CONFLICT_STRATEGY: Final = int(highspy.IisStrategy.kIisStrategyFromLp) | int(
    highspy.IisStrategy.kIisStrategyIrreducible
)


class HighsSolver:
    """Solves programs with HiGHS; see :class:`offtake.planner.ports.Solver`."""

    def solve(
        self,
        program: Program,
        options: SolverOptions,
        progress: Callable[[Progress], None] | None = None,
    ) -> Solution | Infeasible | Unbounded:
        """An optimal answer, or why there is none.

        Raises SolverFailure when ``options.time_limit_s`` runs out or HiGHS cannot tell, and
        KeyboardInterrupt, within a fraction of a second, when the user stops the run.
        """
        began = monotonic()
        first = _solved(program, options, progress)
        if not isinstance(first, Solution) or program.integrality is None:
            return first
        left_s = options.time_limit_s - (monotonic() - began)
        if left_s <= 0:
            raise SolverFailure(f"no time was left for prices within {options.time_limit_s:g} s")
        priced = _solved(program.fixed(first.x), replace(options, time_limit_s=left_s), progress)
        if not isinstance(priced, Solution):
            raise SolverFailure("the program is feasible with free integers and not with those HiGHS chose")
        return replace(
            priced,
            method=f"mip, then {priced.method}",
            iterations=first.iterations + priced.iterations,
            mip_bound=first.mip_bound,
            mip_gap=first.mip_gap,
            prices_from_fixed_integers=True,
            seconds=monotonic() - began,
        )

    def series(self, program: Program, options: SolverOptions) -> HighsSeries:
        """The program kept open, for bounds that change; see :class:`offtake.planner.ports.Series`."""
        return HighsSeries(program, options)

    def irreducible(self, program: Program, options: SolverOptions) -> IrreducibleSet:
        """Rows and bounds that cannot hold together; ValueError when all of them can.

        Half of the time limit goes to finding a first set, half to leaving out what is not needed.
        """
        half_s = options.time_limit_s / 2
        linear = program.relaxed()
        if self._feasible(linear, half_s, options):
            if self._feasible(program, half_s, options):
                raise ValueError("the program is feasible: there is no conflict to find")
            rows, columns = every_bound(
                program
            )  # the integers are part of the conflict; HiGHS knows only bounds
        else:
            program = linear
            rows, columns = self._first_set(program, half_s, options)
        return thinned(
            program, rows, columns, lambda part, left_s: self._feasible(part, left_s, options), half_s
        )

    def _first_set(
        self, program: Program, time_limit_s: float, options: SolverOptions
    ) -> tuple[list[Member], list[Member]]:
        crossed = crossed_bounds(program)
        if crossed is not None:
            return crossed
        highs = open_highs(program, options)
        highs.setOptionValue("iis_strategy", _CONFLICT_STRATEGY)
        highs.setOptionValue("iis_time_limit", time_limit_s)
        rows, columns = first_set(highs, program)
        members = [(True, one) for one in rows] + [(False, one) for one in columns]
        if self._feasible(restricted(program, members), time_limit_s, options):
            return every_bound(program)
        return rows, columns

    def _feasible(self, program: Program, time_limit_s: float, options: SolverOptions) -> bool:
        costless = replace(program, cost=np.zeros(program.column_count))
        answer = _solved(costless, replace(options, method="simplex", time_limit_s=time_limit_s), None)
        return not isinstance(answer, Infeasible)


def _method(program: Program, options: SolverOptions) -> Method:
    """The method of HiGHS; for a program that cannot be sifted, the one that "auto" would choose."""
    if options.method not in ("auto", "sifting"):
        return options.method
    return "simplex" if program.entry_count <= _SIMPLEX_ENTRIES else "ipx"


def _solved(
    program: Program, options: SolverOptions, progress: Callable[[Progress], None] | None
) -> Solution | Infeasible | Unbounded:
    """One run of HiGHS. The arrays of an integer program's Solution are not prices."""
    if not program.column_count:
        return _without_columns(program)
    began = monotonic()
    if program.integrality is None and options.method in ("auto", "sifting"):
        left_out = siftable(program)
        if left_out.any():
            answer = sifted(program, left_out, options, progress)
            if answer is not None:
                return answer
    method = _method(program, options)
    left_s = options.time_limit_s - (monotonic() - began)
    highs = open_highs(program, replace(options, time_limit_s=max(left_s, 0.0)))
    # For an integer program HiGHS chooses by itself; `solver` would name the method of its relaxations.
    if program.integrality is None and highs.setOptionValue("solver", method).name != "kOk":
        raise SolverFailure(
            f"this HiGHS has no method {method!r}",
            hint="hipo comes with the package highspy-extras, of the same version as highspy",
        )
    run(highs, progress, method, began)
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kOptimal:
        return solution_of(highs, program, method, monotonic() - began)
    if status == highspy.HighsModelStatus.kInfeasible:
        return Infeasible()
    if status in (highspy.HighsModelStatus.kUnbounded, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        # Presolve and the interior point method may not know which of the two it is. Without a cost it is
        # plain.
        costless = replace(program, cost=np.zeros(program.column_count))
        return Infeasible() if isinstance(_solved(costless, options, progress), Infeasible) else Unbounded()
    if status == highspy.HighsModelStatus.kTimeLimit:
        raise SolverFailure(
            f"HiGHS found no optimum within {options.time_limit_s:g} s ({method})",
            hint="raise the time limit, plan fewer periods or hours, or try another method",
        )
    raise SolverFailure(f"HiGHS stopped without an answer ({method}): {highs.modelStatusToString(status)}")


def _without_columns(program: Program) -> Solution | Infeasible:
    if (program.row_lower > 0).any() or (program.row_upper < 0).any():
        return Infeasible()
    nothing, rows = np.zeros(0), np.zeros(program.row_count)
    return Solution(0.0, nothing, rows, rows, nothing, method="none", iterations=0)
