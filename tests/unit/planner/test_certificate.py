"""The certificate passes optimal answers and none that was tampered with."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from offtake.adapters.highs import HighsSolver
from offtake.planner.certificate import Certificate, certify
from offtake.planner.ports import Method, Solution, SolverOptions
from offtake.planner.program import Program, ProgramBuilder

# Minimise 2a + 3b, a + b >= 4, a <= 3, a - b <= 2, b free below: a = 3, b = 1.
A, B = 0, 1
NEED, SPREAD = 0, 1


def small(*, integer: bool = False) -> Program:
    builder = ProgramBuilder()
    x = builder.columns(
        "x", {"name": ["a", "b"]}, cost=[2.0, 3.0], lower=[0.0, -inf], upper=[3.0, inf], integer=integer
    )
    row = builder.rows("row", {"name": ["need", "spread"]}, lower=[4.0, -inf], upper=[inf, 2.0])
    builder.entries(row.index[:, None], x.index[None, :], [[1.0, 1.0], [1.0, -1.0]])
    return builder.build()


ANSWER = Solution(
    objective=9.0,
    x=np.array([3.0, 1.0]),
    row_activity=np.array([4.0, 2.0]),
    row_dual=np.array([3.0, 0.0]),
    column_dual=np.array([-1.0, 0.0]),
    method="by hand",
    iterations=0,
)


def failed(certificate: Certificate) -> set[str]:
    assert certificate.passed == (not certificate.failures)
    return {check.name for check in certificate.failures}


def test_an_optimum_by_hand_passes_and_its_cost_and_bound_are_added_again() -> None:
    certificate = certify(small(), ANSWER)
    assert failed(certificate) == set()
    assert certificate.objective == 9.0
    assert certificate.dual_objective == 9.0
    assert not certificate.integers_fixed


def test_other_prices_that_prove_the_same_bound_pass_too() -> None:
    other = replace(
        ANSWER, row_dual=np.array([2.5, -0.5])
    )  # a costs nothing more, so its bound carries no price
    assert failed(certify(small(), other)) == set()


def test_what_the_solver_says_of_activities_and_reduced_costs_is_not_believed() -> None:
    boasting = replace(ANSWER, x=np.array([3.0, 0.5]), objective=7.5)
    assert "row_violation" in failed(certify(small(), boasting))


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"x": np.array([2.0, 2.0]), "objective": 10.0}, {"complementarity", "duality_gap"}),
        ({"x": np.array([3.5, 0.5])}, {"column_violation", "row_violation", "objective_stated"}),
        ({"row_dual": np.array([0.0, 0.0])}, {"reduced_cost_sign", "duality_gap"}),
        ({"row_dual": np.array([-3.0, 0.0])}, {"row_dual_sign", "reduced_cost_sign"}),
        ({"row_dual": np.array([4.0, 1.0])}, {"row_dual_sign"}),
        ({"objective": 8.9}, {"objective_stated"}),
        ({"x": np.array([3.0, nan])}, {"not_finite"}),
        ({"row_dual": np.array([3.0])}, {"wrong_length"}),
    ],
)
def test_a_wrong_answer_fails_by_name(change: dict[str, object], names: set[str]) -> None:
    assert names <= failed(certify(small(), replace(ANSWER, **change)))


def test_a_violation_is_judged_by_the_size_of_what_it_stands_beside() -> None:
    builder = ProgramBuilder()
    x = builder.columns("x", {}, cost=1.0)
    need = builder.rows("need", {}, lower=1e9)
    builder.entries(need.index, x.index, 1.0)
    near = Solution(
        1e9 - 1, np.array([1e9 - 1]), np.array([1e9 - 1]), np.array([1.0]), np.array([0.0]), "by hand", 0
    )
    assert failed(certify(builder.build(), near)) == set()
    far = replace(near, x=np.array([1e9 - 2e3]), objective=1e9 - 2e3)
    assert "row_violation" in failed(certify(builder.build(), far))


def test_integers_are_checked_and_the_gap_is_the_solvers_word() -> None:
    program = small(integer=True)
    answer = replace(ANSWER, mip_bound=9.0, mip_gap=0.0, prices_from_fixed_integers=True)
    certificate = certify(program, answer)
    assert failed(certificate) == set()
    assert certificate.integers_fixed
    assert failed(certify(program, replace(answer, mip_bound=8.0))) == {"gap_stated_for_integers"}
    assert failed(certify(program, replace(answer, mip_bound=8.0), mip_gap=0.2)) == set()
    assert failed(certify(program, replace(answer, mip_bound=None))) == {"gap_stated_for_integers"}
    between = replace(answer, x=np.array([2.5, 1.5]), objective=9.5, mip_bound=9.5)
    assert "integrality" in failed(certify(program, between))


def test_an_empty_program_is_certified() -> None:
    nothing = np.zeros(0)
    empty = Solution(0.0, nothing, nothing, nothing, nothing, "none", 0)
    assert certify(ProgramBuilder().build(), empty).passed


def random_program(seed: int) -> Program:
    generator = np.random.default_rng(seed)
    rows, columns = int(generator.integers(1, 12)), int(generator.integers(1, 12))
    point = generator.uniform(0, 5, columns)
    matrix = np.where(generator.random((rows, columns)) < 0.5, generator.normal(0, 2, (rows, columns)), 0)
    activity = matrix @ point  # bounds around a point: never infeasible
    builder = ProgramBuilder()
    x = builder.columns(
        "x",
        {"column": [str(one) for one in range(columns)]},
        cost=generator.normal(1, 2, columns),
        lower=np.where(generator.random(columns) < 0.8, 0.0, -20.0),
        upper=np.where(generator.random(columns) < 0.5, 10.0, 30.0),
    )
    kind = generator.integers(0, 3, rows)
    row = builder.rows(
        "row",
        {"row": [str(one) for one in range(rows)]},
        lower=np.where(kind == 1, -inf, activity - np.where(kind == 0, 0.0, 1.0)),
        upper=np.where(kind == 2, inf, activity + np.where(kind == 0, 0.0, 1.0)),
    )
    builder.entries(row.index[:, None], x.index[None, :], matrix)
    return builder.build()


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), method=st.sampled_from(["simplex", "ipx"]))
def test_what_the_solver_calls_optimal_passes(seed: int, method: Method) -> None:
    program = random_program(seed)
    answer = HighsSolver().solve(program, SolverOptions(method=method, time_limit_s=60.0))
    assert isinstance(answer, Solution)
    assert failed(certify(program, answer)) == set()


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_an_answer_to_another_objective_fails(seed: int, data: st.DataObject) -> None:
    program = random_program(seed)
    column = data.draw(st.integers(0, program.column_count - 1))
    cost = program.cost.copy()
    cost[column] += 50.0
    other = HighsSolver().solve(replace(program, cost=cost), SolverOptions(time_limit_s=60.0))
    right = HighsSolver().solve(program, SolverOptions(time_limit_s=60.0))
    assert isinstance(other, Solution)
    assert isinstance(right, Solution)
    paid = float(program.cost @ other.x)
    assume(paid > right.objective + 1e-3 * max(1.0, abs(right.objective)))
    assert not certify(program, replace(other, objective=paid)).passed
