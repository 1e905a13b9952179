"""What a future says about the shared decisions: how much it costs at the least, or that it cannot live with them.

Both are weak duality. For any prices y of a future's rows, with d = c − A'y,

    cost of the future  >=  y at its bounds + d of its own columns at theirs + d of its decisions times the decisions,

wherever the bounds used are finite; with c = 0 the left side is 0 for every decision that the future can live with
(Birge and Louveaux, section 5.1: optimality and feasibility cuts).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from offtake.domain.errors import SolverFailure
from offtake.planner.certificate import Certificate, certify
from offtake.planner.instance import Floats
from offtake.planner.planning import trusted
from offtake.planner.ports import Infeasible, Series, Solution, Solver, SolverOptions
from offtake.planner.program import ABSENT, Program, ProgramBuilder
from offtake.planner.recourse.futures import Future, Futures

INFEASIBLE: Final = 1e-6  # Sum of violations, in program units, above which decisions cannot be lived with.
REDUNDANT: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Cut:
    """`constant + slope · decisions` is at most the future's cost, or at most zero where `bounds_cost` is False.

    `rows` and `prices` are the row prices that prove it.
    """

    future: int
    bounds_cost: bool
    constant: float
    slope: Floats  # (decision,)
    rows: NDArray[np.intp]
    prices: Floats

    def at(self, decisions: Floats) -> float:
        """The cut's value at decisions."""
        return self.constant + float(self.slope @ decisions)


@dataclass(frozen=True, eq=False)
class Recourse:
    """A future's best answer to decisions: its solution, or None where it cannot live with them; and what it proves."""

    solution: Solution | None
    cut: Cut

    @property
    def cost(self) -> float:
        """What the future's program costs, infinite where it has no answer."""
        return np.inf if self.solution is None else self.solution.objective


def recourse_of(
    place: int,
    future: Future,
    decisions: Floats,
    solver: Solver,
    options: SolverOptions,
    series: Series | None = None,
) -> Recourse:
    """The certified answer of a future, its own columns in fractions. `place` is its number; `series` is its linear
    program kept open, from which an answer is taken if it passes the certificate."""
    held, count = future.with_whole(decided=False, own=False).at(decisions), len(decisions)
    found = _from_series(held, series) or trusted(held, solver, options, _silent)
    if not isinstance(found, Infeasible):
        return Recourse(found[0], cut_of(place, future, found[0].row_dual, count))
    elastic = _elastic(held)
    violated = trusted(elastic, solver, options, _silent)
    if isinstance(violated, Infeasible) or violated[0].objective <= INFEASIBLE:
        raise SolverFailure(f"{future.name} is infeasible, and nothing in it is violated")
    return Recourse(None, cut_of(place, future, violated[0].row_dual, count, bounds_cost=False))


def _from_series(held: Program, series: Series | None) -> tuple[Solution, Certificate] | None:
    if series is None:
        return None
    try:
        found = series.solve(held.col_lower, held.col_upper)
    except SolverFailure:
        return None
    if isinstance(found, Infeasible):
        return None
    certificate = certify(held, found)
    return (found, certificate) if certificate.passed else None


def least_of(
    place: int, future: Future, count: int, solver: Solver, options: SolverOptions
) -> tuple[Cut, Cut] | None:
    """What the certified best of a future by itself proves, all its columns free and in fractions; None if it has none.

    The first cut has no slope: it is the least that the future costs whatever is decided.
    """
    found = trusted(future.program.relaxed(), solver, options, _silent)
    return None if isinstance(found, Infeasible) else cuts_alone(place, future, count, found[0])


def cuts_alone(place: int, future: Future, count: int, alone: Solution) -> tuple[Cut, Cut]:
    """As `least_of`, from an answer of the future by itself, all its columns in fractions."""
    least = certify(future.program.relaxed(), alone).dual_objective
    at = np.flatnonzero(alone.row_dual)
    flat = Cut(place, True, least, np.zeros(count), at, alone.row_dual[at])
    return flat, cut_of(place, future, alone.row_dual, count)


def _silent(_stage: str, _progress: object) -> None:
    """What is reported to nobody."""


def cut_of(place: int, future: Future, prices: Floats, count: int, *, bounds_cost: bool = True) -> Cut:
    """The cut that row prices (row,) prove."""
    program, own, decided = future.program, future.own, future.decided
    columns = np.repeat(np.arange(program.column_count), np.diff(program.start))
    weighed = np.bincount(columns, program.value * prices[program.index], program.column_count)
    reduced = (program.cost if bounds_cost else 0.0) - weighed.astype(np.float64)
    slope = np.zeros(count)
    slope[future.shared[decided]] = reduced[decided]
    at = np.flatnonzero(prices)
    constant = fsum(_at_bounds(prices, program.row_lower, program.row_upper))
    constant += fsum(_at_bounds(reduced[own], program.col_lower[own], program.col_upper[own]))
    return Cut(place, bounds_cost, constant, slope, at, prices[at])


def _at_bounds(price: Floats, lower: Floats, upper: Floats) -> Floats:
    """Each price times the bound it belongs to; prices within the certificate's tolerance of none count as none."""
    bound = np.where(price > 0, lower, upper)
    backed = np.isfinite(bound) & (price != 0)
    return price[backed] * bound[backed]


def _elastic(program: Program) -> Program:
    """A program that breaks its rows as little as can be, and costs nothing else."""
    builder = ProgramBuilder()
    names = {"column": tuple(map(str, range(program.column_count)))}
    mine = builder.columns("own", names, lower=program.col_lower, upper=program.col_upper)
    labels = {"row": tuple(map(str, range(program.row_count)))}
    rows = builder.rows("limits", labels, lower=program.row_lower, upper=program.row_upper)
    columns = np.repeat(mine.index, np.diff(program.start))
    builder.entries(rows.index[program.index], columns, program.value)
    for sign in (1.0, -1.0):
        more = builder.columns("missing", labels, cost=1.0)
        builder.entries(rows.index, more.index, sign)
    return builder.build()


def projections(futures: Futures) -> tuple[Cut, ...]:
    """Single rows of the futures that say something of the decisions alone, their other columns at their best.

    Among cuts of the same slope the tightest is kept; what the decisions' bounds imply is left out.
    """
    found: dict[bytes, Cut] = {}
    for place, future in enumerate(futures.each):
        for cut in _row_cuts(place, future, futures):
            key = np.round(cut.slope, 12).tobytes()
            if key not in found or found[key].constant < cut.constant:
                found[key] = cut
    return tuple(found.values())


def _row_cuts(place: int, future: Future, futures: Futures) -> list[Cut]:
    program = future.program
    shape = (program.row_count, program.column_count)
    by_row = cast("csr_array", csc_array((program.value, program.index, program.start), shape=shape).tocsr())
    touched = np.unique(
        np.concatenate(
            [program.index[program.start[j] : program.start[j + 1]] for j in future.decided]
            or [np.zeros(0, np.int32)]
        )
    )
    cuts: list[Cut] = []
    for row in touched:
        low, high = by_row.indptr[row], by_row.indptr[row + 1]
        ids, values = by_row.indices[low:high], by_row.data[low:high]
        for price, bound in ((-1.0, program.row_upper[row]), (1.0, program.row_lower[row])):
            if not np.isfinite(bound):
                continue
            cut = _row_cut(
                place, future, int(row), ids, -price * values, price, float(bound), futures.decisions
            )
            if cut is not None and not _implied(cut, futures):
                cuts.append(cut)
    return cuts


def _row_cut(
    place: int,
    future: Future,
    row: int,
    ids: NDArray[np.int32],
    reduced: Floats,
    price: float,
    bound: float,
    count: int,
) -> Cut | None:
    program, shared = future.program, future.shared[ids]
    own = shared == ABSENT
    nearest = np.where(reduced > 0, program.col_lower[ids], program.col_upper[ids])
    if not np.isfinite(nearest[own]).all():
        return None
    slope = np.zeros(count)
    slope[shared[~own]] = reduced[~own]
    constant = price * bound + float(reduced[own] @ nearest[own])
    return Cut(place, False, constant, slope, np.array([row]), np.array([price]))


def _implied(cut: Cut, futures: Futures) -> bool:
    slope = cut.slope
    worst = np.where(slope > 0, futures.upper, futures.lower)
    used = slope != 0
    return cut.constant + float(slope[used] @ worst[used]) <= REDUNDANT
