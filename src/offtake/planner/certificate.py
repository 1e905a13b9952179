"""Whether an answer to a program is feasible and optimal, found from the numbers alone.

This shares no arithmetic with the builder or the solver: products and sums are taken again here, from the
arrays of the program and from nothing of the answer but ``x``, ``row_dual`` and the stated objective. That
the answer passes says that the arithmetic is right, not that the inputs are true.

The argument is weak duality. Any ``y`` gives reduced costs ``d = c - A'y``, and, taking each positive entry
of ``y`` and ``d`` at the lower bound of its row or column and each negative one at the upper bound, a number
that no feasible point can cost less than, provided that those bounds are finite. When the answer is feasible
and costs what the dual says, it is optimal.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum, inf, isfinite
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from offtake.planner.ports import Solution
from offtake.planner.program import Program

FloatArray: TypeAlias = NDArray[np.float64]

# Solvers work to about 1e-7 in their own scaling, and doubles carry some 1e-16 per operation: 1e-6 of a
# number's own size is above both, and below anything that a plan is decided by (one accelerator in a million,
# a dollar of one million). Every tolerance here is relative to 1 or to the size of what it stands beside,
# whichever is larger.
TOLERANCE: Final = 1e-6


@dataclass(frozen=True)
class Check:
    """One number that must not be above its tolerance."""

    name: str
    value: float
    tolerance: float

    @property
    def passed(self) -> bool:
        return self.value <= self.tolerance  # False for a value that is not a number


@dataclass(frozen=True)
class Certificate:
    """The checks of one answer, its cost added again, and the bound that its duals prove.

    For an integer program the dual bound holds with the integers fixed where they are; the bound on the
    integer program itself is the solver's word (check ``gap_stated_for_integers``), and nothing here proves
    it.
    """

    checks: tuple[Check, ...]
    objective: float
    dual_objective: float
    integers_fixed: bool

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)


def certify(
    program: Program, solution: Solution, *, tolerance: float = TOLERANCE, mip_gap: float = TOLERANCE
) -> Certificate:
    """Check an answer against its program.

    The checks, each the worst case over rows or columns and relative as :data:`TOLERANCE` says:

    ``row_violation``: how far a row is outside its bounds, against 1, the bound and the largest term of the
    row.
    ``column_violation``: how far a column is outside its bounds, against 1 and the bound.
    ``row_dual_sign``: a row's price whose bound is infinite, against 1 and the largest price.
    ``reduced_cost_sign``: a reduced cost whose bound is infinite, against 1, the cost and the largest term.
    ``complementarity``: the sum of all prices times the distance from the bound they belong to, against the
    cost.
    ``duality_gap``: cost less dual bound, against the larger of the two.
    ``objective_stated``: the solver's objective against the cost added here.
    ``integrality`` and ``gap_stated_for_integers`` (tolerance ``mip_gap``), for integer programs only.
    """
    problem = _unusable(program, solution)
    if problem is not None:
        return Certificate((Check(problem, inf, 0.0),), inf, -inf, program.integrality is not None)
    linear = program.fixed(solution.x)
    terms = _Terms(linear, solution.x, solution.row_dual)
    objective = fsum(program.cost * solution.x)
    row = _side(solution.row_dual, terms.activity, linear.row_lower, linear.row_upper)
    column = _side(terms.reduced_cost, solution.x, linear.col_lower, linear.col_upper)
    dual_objective = row.dual_value + column.dual_value
    size = max(1.0, abs(objective), abs(dual_objective))
    largest_price = float(np.abs(solution.row_dual).max(initial=1.0))
    values = {
        "row_violation": _worst(row.violation / np.maximum(row.bound_size, terms.row_size)),
        "column_violation": _worst(_outside(solution.x, program.col_lower, program.col_upper)),
        "row_dual_sign": _worst(row.unbacked / largest_price),
        "reduced_cost_sign": _worst(column.unbacked / terms.column_size),
        "complementarity": (row.slack_value + column.slack_value) / size,
        "duality_gap": abs(objective - dual_objective) / size,
        "objective_stated": abs(objective - solution.objective) / size,
    }
    checks = [Check(name, value, tolerance) for name, value in values.items()]
    checks += _integer_checks(program, solution, objective, tolerance, mip_gap)
    return Certificate(tuple(checks), objective, dual_objective, program.integrality is not None)


class _Terms:
    """Row activities and reduced costs, and the size of the terms they were added from."""

    def __init__(self, program: Program, x: FloatArray, y: FloatArray) -> None:
        columns = np.repeat(np.arange(program.column_count), np.diff(program.start))
        by_row = program.value * x[columns]
        by_column = program.value * y[program.index]
        self.activity = _sums(program.index, by_row, program.row_count)
        self.reduced_cost: FloatArray = program.cost - _sums(columns, by_column, program.column_count)
        self.row_size = np.ones(program.row_count)
        np.maximum.at(self.row_size, program.index, np.abs(by_row))
        self.column_size = np.maximum(1.0, np.abs(program.cost))
        np.maximum.at(self.column_size, columns, np.abs(by_column))


def _sums(places: NDArray[np.integer], values: FloatArray, count: int) -> FloatArray:
    return np.bincount(places, values, minlength=count).astype(np.float64)  # of integers where there are none


@dataclass(frozen=True, eq=False)
class _Side:
    """Rows or columns against their bounds and prices.

    ``violation`` is absolute, ``bound_size`` what it stands beside, ``unbacked`` the size of each price on
    the side of an infinite bound, ``dual_value`` the sum of price times bound, ``slack_value`` that of price
    times distance.
    """

    violation: FloatArray
    bound_size: FloatArray
    unbacked: FloatArray
    dual_value: float
    slack_value: float


def _side(price: FloatArray, value: FloatArray, lower: FloatArray, upper: FloatArray) -> _Side:
    bound = np.where(price > 0, lower, upper)
    backed = np.isfinite(bound) & (price != 0)
    # An unbacked price within tolerance enters complementarity with the whole value, as if its bound were
    # zero.
    nearest = np.where(backed, bound, 0.0)
    nearer = np.where(value < lower, lower, upper)
    return _Side(
        violation=np.maximum(np.maximum(lower - value, value - upper), 0.0),
        bound_size=np.maximum(1.0, np.abs(np.where(np.isfinite(nearer), nearer, 0.0))),
        unbacked=np.where(np.isinf(bound), np.abs(price), 0.0),
        dual_value=fsum((price * nearest)[backed]),
        slack_value=fsum(np.abs(price * (value - nearest))),
    )


def _outside(value: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    side = _side(np.zeros(len(value)), value, lower, upper)
    return side.violation / side.bound_size


def _worst(values: FloatArray) -> float:
    return float(values.max(initial=0.0))


def _integer_checks(
    program: Program, solution: Solution, objective: float, tolerance: float, mip_gap: float
) -> list[Check]:
    if program.integrality is None:
        return []
    whole = solution.x[program.integrality]
    gap = inf
    if solution.mip_bound is not None and isfinite(solution.mip_bound):
        gap = (objective - solution.mip_bound) / max(1.0, abs(objective))
    return [
        Check("integrality", _worst(np.abs(whole - np.rint(whole))), tolerance),
        Check("gap_stated_for_integers", abs(gap), mip_gap),
    ]


def _unusable(program: Program, solution: Solution) -> str | None:
    """What keeps the answer from being checked at all."""
    if solution.x.shape != (program.column_count,) or solution.row_dual.shape != (program.row_count,):
        return "wrong_length"
    if not (
        np.isfinite(solution.x).all()
        and np.isfinite(solution.row_dual).all()
        and isfinite(solution.objective)
    ):
        return "not_finite"
    return None
