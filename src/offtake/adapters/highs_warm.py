"""Many programs near a base one, by one HiGHS: only what differs is handed over, and each starts from the base's basis.

Nothing that one program leaves behind reaches the next: before each the solver is cleared and the basis set anew, so an
answer depends on base, program and options alone. Integers are branched on here, for HiGHS does not start its own tree
from a basis: best bound first, each child from where its parent ended, with a written limit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count
from typing import Final, TypeAlias

import highspy
import numpy as np
from numpy.typing import NDArray

from offtake.adapters.highs_session import array, open_highs
from offtake.adapters.highs_warm_sifting import WarmSifting, kept_columns
from offtake.domain.errors import SolverFailure
from offtake.planner.ports import Basis, Infeasible, Solution, SolverOptions, Unbounded
from offtake.planner.program import ABSENT, Block, Program

MOST_NODES: Final = 60  # Of a tree; beyond it the program is solved cold.
INTEGRAL: Final = 1e-7  # How far from a whole number a value may be and count as one.

_BASIC: Final = np.int8(int(highspy.HighsBasisStatus.kBasic))
_LOWER: Final = np.int8(int(highspy.HighsBasisStatus.kLower))
_STATUSES: Final = (
    highspy.HighsBasisStatus.kLower,
    highspy.HighsBasisStatus.kBasic,
    highspy.HighsBasisStatus.kUpper,
    highspy.HighsBasisStatus.kZero,
    highspy.HighsBasisStatus.kNonbasic,
)
_Ints: TypeAlias = NDArray[np.int32]


class WarmHighs:
    """See :class:`offtake.planner.ports.WarmSolver`."""

    def __init__(self, base: Program, options: SolverOptions, basis: Basis | None = None) -> None:
        """Raises SolverFailure if no basis is given and the base has no optimum."""
        self._base, self._options = base, options
        if basis is None:
            first = Model(base.relaxed(), options)
            if first.run(None) != highspy.HighsModelStatus.kOptimal:
                raise SolverFailure("the base of the futures has no optimum to start from")
            basis = first.basis()
        self.basis = basis
        # HiGHS scales by the first program that an instance solves and keeps to it: let that always be the base.
        self._model = Model(base.relaxed(), options)
        _ = self._model.run(basis)
        kept = kept_columns(base, basis, self._model.solution("").row_dual)
        self._sifting = None if kept is None else WarmSifting(base, basis, kept, options)

    def solve(self, program: Program) -> Solution | Infeasible | Unbounded:
        """See :meth:`offtake.planner.ports.WarmSolver.solve`."""
        relaxed = program.relaxed()
        if _same_shape(self._base, program):
            sifted = None if self._sifting is None else self._sifting.solve(program)
            if sifted is not None:
                return sifted
            model, basis = self._model, self.basis
            model.push(relaxed)
        else:
            model, basis = Model(relaxed, self._options), carried(self._base, self.basis, program)
        status = model.run(basis)
        if status == highspy.HighsModelStatus.kInfeasible:
            return Infeasible()
        if status == highspy.HighsModelStatus.kUnbounded:
            return Unbounded()
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverFailure(f"a warm start ended without an answer: {status.name}")
        if program.integrality is None:
            return model.solution("warm simplex")
        try:
            return _Tree(model, program, self._options.mip_gap).search()
        finally:
            model.push(relaxed)  # The columns that the tree has bounded are free again.


def _same_shape(one: Program, other: Program) -> bool:
    return (
        one.column_count == other.column_count
        and one.row_count == other.row_count
        and np.array_equal(one.start, other.start)
        and np.array_equal(one.index, other.index)
    )


class Model:
    """A HiGHS and the arrays that it holds."""

    def __init__(self, program: Program, options: SolverOptions) -> None:
        self.held = program
        self.highs = open_highs(program, replace(options, time_limit_s=float("inf")))
        self._limit_s = options.time_limit_s
        self.iterations = 0
        self._given: tuple[Basis | None, highspy.HighsBasis] = (None, highspy.HighsBasis())
        _ = self.highs.setOptionValue("solver", "simplex")

    def push(self, program: Program) -> None:
        """Hands over what differs from what is held."""
        highs, held = self.highs, self.held
        cost = _differ(program.cost, held.cost)
        if len(cost):
            _ = highs.changeColsCost(len(cost), cost, program.cost[cost])
        columns = _differ(program.col_lower, held.col_lower, program.col_upper, held.col_upper)
        if len(columns):
            lower, upper = program.col_lower[columns], program.col_upper[columns]
            _ = highs.changeColsBounds(len(columns), columns, lower, upper)
        rows = _differ(program.row_lower, held.row_lower, program.row_upper, held.row_upper)
        if len(rows):
            lower, upper = program.row_lower[rows], program.row_upper[rows]
            # HiGHS has it, and its own stubs leave it out.
            highs.changeRowsBounds(len(rows), rows, lower, upper)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        entries = _differ(program.value, held.value)
        owners = np.searchsorted(program.start, entries, side="right") - 1
        for entry, column in zip(entries.tolist(), owners.tolist(), strict=True):
            _ = highs.changeCoeff(int(program.index[entry]), column, float(program.value[entry]))
        self.held = program

    def run(self, basis: Basis | None) -> highspy.HighsModelStatus:
        """Solves what is held: from a basis with nothing else remembered, or on from where it stands."""
        highs = self.highs
        if basis is not None:
            if basis is not self._given[0]:
                self._given = basis, _as_highs(basis)
            _ = highs.clearSolver()
            if highs.setBasis(self._given[1]) == highspy.HighsStatus.kError:
                raise SolverFailure("HiGHS did not take the basis of the base")
        # The limit of HiGHS is on the time of the whole instance.
        _ = highs.setOptionValue("time_limit", highs.getRunTime() + self._limit_s)
        _ = highs.run()
        self.iterations = max(int(highs.getInfo().simplex_iteration_count), 0)
        return highs.getModelStatus()

    def bound_columns(self, columns: _Ints, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> None:
        """Bounds some columns otherwise."""
        low, high = self.held.col_lower.copy(), self.held.col_upper.copy()
        low[columns], high[columns] = lower, upper
        _ = self.highs.changeColsBounds(len(columns), columns, lower, upper)
        self.held = replace(self.held, col_lower=low, col_upper=high)

    def basis(self) -> Basis:
        """Where it stands."""
        found = self.highs.getBasis()
        return Basis(
            np.array([int(one) for one in found.col_status], dtype=np.int8),
            np.array([int(one) for one in found.row_status], dtype=np.int8),
        )

    def values(self) -> tuple[float, NDArray[np.float64]]:
        """The cost and the columns' values where it stands."""
        return float(self.highs.getInfo().objective_function_value), array(self.highs.getSolution().col_value)

    def solution(self, method: str) -> Solution:
        """The answer where it stands."""
        found = self.highs.getSolution()
        return Solution(
            objective=float(self.highs.getInfo().objective_function_value),
            x=array(found.col_value),
            row_activity=array(found.row_value),
            row_dual=array(found.row_dual),
            column_dual=array(found.col_dual),
            method=method,
            iterations=self.iterations,
        )


def _as_highs(basis: Basis) -> highspy.HighsBasis:
    given = highspy.HighsBasis()
    given.col_status = [_STATUSES[one] for one in basis.columns.tolist()]
    given.row_status = [_STATUSES[one] for one in basis.rows.tolist()]
    given.alien = True  # It may be of a program of another shape, which HiGHS then mends.
    given.valid = True
    return given


def _differ(*pairs: NDArray[np.float64]) -> _Ints:
    differs = pairs[0] != pairs[1]
    for one, other in zip(pairs[2::2], pairs[3::2], strict=True):
        differs |= one != other
    return np.flatnonzero(differs).astype(np.int32)


# Integers ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Node:
    """Bounds of the integer columns, the cost below which nothing within them lies, and values that reach it."""

    bound: float
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    at: NDArray[np.float64]  # Of the integer columns.


class _Tree:
    """Branch and bound over the integer columns of a model whose relaxation has just been solved."""

    def __init__(self, model: Model, program: Program, gap: float) -> None:
        self._model, self._gap = model, gap
        integral = (
            np.zeros(program.column_count, np.bool_) if program.integrality is None else program.integrality
        )
        self._columns = np.flatnonzero(integral).astype(np.int32)
        self._lower = np.ceil(program.col_lower[self._columns] - INTEGRAL)
        self._upper = np.floor(program.col_upper[self._columns] + INTEGRAL)
        self._iterations = model.iterations

    def search(self) -> Solution | Infeasible:
        """The best whole answer, with the bound that the open nodes prove and prices with the integers fixed."""
        cost, x = self._model.values()
        order = count()
        root = _Node(cost, self._lower, self._upper, x[self._columns])
        heap: list[tuple[float, int, _Node]] = [(cost, next(order), root)]
        nodes = 1
        while heap:
            _, _, node = heappop(heap)
            fraction = np.abs(node.at - np.rint(node.at))
            if fraction.max(initial=0.0) <= INTEGRAL:
                return self._fixed(node)
            at = int(np.argmax(fraction))
            for child in self._children(node, at):
                heappush(heap, (child.bound, next(order), child))
            nodes += 2
            if nodes > MOST_NODES:
                raise SolverFailure("the tree of a warm start grew too large")
        return Infeasible()

    def _children(self, node: _Node, at: int) -> list[_Node]:
        found: list[_Node] = []
        for up in (True, False):
            lower, upper = node.lower.copy(), node.upper.copy()
            if up:
                lower[at] = np.ceil(node.at[at])
            else:
                upper[at] = np.floor(node.at[at])
            if lower[at] <= upper[at] and self._solved(lower, upper):
                cost, x = self._model.values()
                found.append(_Node(max(cost, node.bound), lower, upper, x[self._columns]))
        return found

    def _solved(self, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> bool:
        self._model.bound_columns(self._columns, lower, upper)
        status = self._model.run(None)
        self._iterations += self._model.iterations
        if status == highspy.HighsModelStatus.kInfeasible:
            return False
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverFailure(f"a node of a warm start ended without an answer: {status.name}")
        return True

    def _fixed(self, node: _Node) -> Solution:
        """The node's answer with its integers whole. Nodes left open are no cheaper: they were popped in order."""
        whole = np.rint(node.at)
        if not self._solved(whole, whole):
            raise SolverFailure("a node was feasible until its integers were whole")
        found = self._model.solution("warm branch and bound")
        gap = (found.objective - node.bound) / max(1.0, abs(found.objective))
        if gap > self._gap:
            raise SolverFailure("the answer of a warm start is not whole enough")
        return replace(
            found,
            iterations=self._iterations,
            mip_bound=node.bound,
            mip_gap=gap,
            prices_from_fixed_integers=True,
        )


# Bases of other shapes -----------------------------------------------------------------------------------------------


def carried(base: Program, basis: Basis, program: Program) -> Basis:
    """A base's basis for a program of another shape: what both have, by block and labels, keeps its status. Columns
    that the base lacks stand at their bound, rows that it lacks are slack."""
    return Basis(
        _carried(base.column_blocks, basis.columns, program.column_blocks, program.column_count, _LOWER),
        _carried(base.row_blocks, basis.rows, program.row_blocks, program.row_count, _BASIC),
    )


def _carried(
    old: tuple[Block, ...],
    statuses: NDArray[np.int8],
    new: tuple[Block, ...],
    size: int,
    otherwise: np.int8,
) -> NDArray[np.int8]:
    found = np.full(size, otherwise, dtype=np.int8)
    waiting: dict[str, list[Block]] = {}
    for block in old:
        waiting.setdefault(block.name, []).append(block)
    for block in new:
        same = waiting.get(block.name)
        if not same:
            continue
        known = same.pop(0)
        if len(known.axes) != len(block.axes):
            continue
        place = _placed(known, block)
        both = (place != ABSENT) & (block.index != ABSENT)
        found[block.index[both]] = statuses[place[both]]
    return found


def _placed(known: Block, block: Block) -> _Ints:
    """For each cell of a block, the id of the cell of another one that has the same labels; ABSENT where none."""
    index = known.index
    for axis, ((_, old), (_, new)) in enumerate(zip(known.axes, block.axes, strict=True)):
        if tuple(old) == tuple(new):
            continue
        where = {str(label): n for n, label in enumerate(old)}
        places = np.array([where.get(str(label), -1) for label in new], dtype=np.intp)
        taken = np.take(index, np.maximum(places, 0), axis=axis)
        shape = [1] * index.ndim
        shape[axis] = len(places)
        index = np.where((places >= 0).reshape(shape), taken, ABSENT).astype(np.int32)
    return index
