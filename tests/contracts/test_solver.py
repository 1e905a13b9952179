"""What every solver behind the planner's port must do."""

from __future__ import annotations

import _thread
from dataclasses import replace
from math import inf
from threading import Timer

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.sparse import csc_array

from offtake.adapters.highs import HighsSolver
from offtake.domain.errors import SolverFailure
from offtake.planner.certificate import certify
from offtake.planner.ports import (
    Infeasible,
    IrreducibleSet,
    Member,
    Method,
    Progress,
    Solution,
    Solver,
    SolverOptions,
    Unbounded,
)
from offtake.planner.program import Program, ProgramBuilder

OPTIONS = SolverOptions(time_limit_s=60.0)


@pytest.fixture(params=[HighsSolver], ids=lambda kind: kind.__name__)
def solver(request: pytest.FixtureRequest) -> Solver:
    return request.param()


def random_program(seed: int, *, integer: bool = False) -> Program:
    """A program of up to 14 rows and columns with every kind of bound; often infeasible."""
    generator = np.random.default_rng(seed)
    rows, columns = int(generator.integers(3, 15)), int(generator.integers(3, 15))
    matrix = np.where(generator.random((rows, columns)) < 0.4, generator.integers(-3, 4, (rows, columns)), 0)
    lower = np.where(generator.random(rows) < 0.5, generator.integers(-5, 10, rows), -inf)
    width = generator.integers(0, 5, rows)
    upper = np.where(generator.random(rows) < 0.5, np.where(np.isfinite(lower), lower, 0) + width, inf)
    builder = ProgramBuilder()
    x = builder.columns(
        "x",
        {"column": [str(one) for one in range(columns)]},
        cost=generator.integers(0, 9, columns),
        upper=np.where(generator.random(columns) < 0.5, generator.integers(0, 4, columns), inf),
        integer=integer,
    )
    limit = builder.rows("limit", {"row": [str(one) for one in range(rows)]}, lower=lower, upper=upper)
    builder.entries(limit.index[:, None], x.index[None, :], matrix)
    return builder.build()


def expansion(demand: float = 30.0, *, integer: bool = False) -> Program:
    """Two sites with a limit of power each, one demand that nothing may leave unmet."""
    builder = ProgramBuilder()
    sites = {"site": ["abilene", "milam"]}
    build = builder.columns("build", sites, cost=[3.0, 5.0], integer=integer, source="supply")
    power = builder.rows("power", sites, upper=[10.5, 12.0], source="grid")
    need = builder.rows("need", {}, lower=demand, source="workload")
    idle = builder.rows("idle", sites, upper=1e6, source="nobody")
    builder.entries(power.index, build.index, [0.5, 0.75])
    builder.entries(need.index, build.index, 1.0)
    builder.entries(idle.index, build.index, 1.0)
    return builder.build()


@pytest.mark.parametrize("method", ["auto", "simplex", "ipx"])
def test_an_optimum_comes_with_prices(solver: Solver, method: Method) -> None:
    answer = solver.solve(expansion(), replace(OPTIONS, method=method))
    assert isinstance(answer, Solution)
    assert answer.objective == pytest.approx(21 * 3 + 9 * 5)
    assert answer.x == pytest.approx([21.0, 9.0])
    assert answer.row_activity == pytest.approx([10.5, 6.75, 30.0, 21.0, 9.0])
    assert answer.row_dual == pytest.approx([-4.0, 0.0, 5.0, 0.0, 0.0])
    assert answer.column_dual == pytest.approx([0.0, 0.0])
    assert answer.mip_bound is None
    assert not answer.prices_from_fixed_integers


@pytest.mark.parametrize("seed", range(25))
def test_random_programs_have_the_optimum_that_scipy_finds(solver: Solver, seed: int) -> None:
    program = random_program(seed)
    matrix = csc_array(
        (program.value, program.index, program.start), (program.row_count, program.column_count)
    )
    finite = np.isfinite(program.row_upper), np.isfinite(program.row_lower)
    dense = matrix.toarray()
    expected = linprog(
        program.cost,
        A_ub=np.vstack([dense[finite[0]], -dense[finite[1]]]),
        b_ub=np.concatenate([program.row_upper[finite[0]], -program.row_lower[finite[1]]]),
        bounds=list(zip(program.col_lower.tolist(), program.col_upper.tolist(), strict=True)),
    )
    answer = solver.solve(program, OPTIONS)
    if expected.status == 2:
        assert answer == Infeasible()
    else:
        assert isinstance(answer, Solution)
        assert answer.objective == pytest.approx(expected.fun, abs=1e-7)


def test_the_same_program_gives_the_same_answer(solver: Solver) -> None:
    program = expansion()
    first, second = solver.solve(program, OPTIONS), solver.solve(program, OPTIONS)
    assert isinstance(first, Solution)
    assert isinstance(second, Solution)
    assert first.x.tobytes() == second.x.tobytes()
    assert first.row_dual.tobytes() == second.row_dual.tobytes()


def test_integers_are_priced_where_they_stand(solver: Solver) -> None:
    answer = solver.solve(expansion(30.5, integer=True), OPTIONS)
    assert isinstance(answer, Solution)
    assert answer.x.tolist() == [21.0, 10.0]
    assert answer.objective == pytest.approx(113.0)
    assert answer.prices_from_fixed_integers
    assert answer.mip_bound == pytest.approx(113.0)
    assert answer.mip_gap == pytest.approx(0.0)
    assert answer.column_dual == pytest.approx(
        [3.0, 5.0]
    )  # the integers are fixed: their bounds carry the cost


def test_infeasible_and_unbounded_are_values(solver: Solver) -> None:
    assert solver.solve(expansion(60.0), OPTIONS) == Infeasible()
    builder = ProgramBuilder()
    sold = builder.columns("sold", {"to": ["one", "two"]}, cost=-1.0)
    limit = builder.rows("limit", {}, lower=0.0)
    builder.entries(limit.index, sold.index, 1.0)
    assert solver.solve(builder.build(), OPTIONS) == Unbounded()


def test_a_program_without_columns_or_rows(solver: Solver) -> None:
    empty = solver.solve(ProgramBuilder().build(), OPTIONS)
    assert isinstance(empty, Solution)
    assert empty.objective == 0.0
    builder = ProgramBuilder()
    builder.rows("need", {}, lower=1.0)
    assert solver.solve(builder.build(), OPTIONS) == Infeasible()
    builder = ProgramBuilder()
    builder.columns("spare", {}, cost=2.0, lower=3.0)
    spare = solver.solve(builder.build(), OPTIONS)
    assert isinstance(spare, Solution)
    assert spare.objective == pytest.approx(6.0)
    assert spare.column_dual == pytest.approx([2.0])


def many_columns(seed: int, *, unmet: bool) -> Program:
    """Loads served by many supplies with little room each: nearly all columns are zero in an optimum.

    Without ``unmet``, the cheapest columns alone may have no feasible point, and there may be none at all.
    """
    generator = np.random.default_rng(seed)
    loads, supplies = 6, 60
    axes = {"supply": [str(one) for one in range(supplies)], "load": list("abcdef")}
    builder = ProgramBuilder()
    serve = builder.columns(
        "serve",
        axes,
        cost=generator.uniform(1, 5, (supplies, loads)),
        where=generator.random((supplies, loads)) < 0.9,
    )
    build = builder.columns(
        "build", {"pool": ["0", "1", "2", "3"]}, cost=generator.uniform(2, 4, 4), upper=30.0
    )
    demand = builder.rows("demand", {"load": list("abcdef")}, lower=30.0, upper=30.0)
    room = builder.rows("room", {"pool": ["0", "1", "2", "3"]}, upper=generator.uniform(10, 20, 4))
    builder.entries(demand.index, serve.index, 1.0)
    builder.entries(
        room.index[np.arange(supplies) % 4][:, None], serve.index, generator.uniform(0.5, 1.5, (supplies, 1))
    )
    builder.entries(room.index, build.index, -1.0)
    if unmet:
        left = builder.columns("unmet", {"load": list("abcdef")}, cost=50.0)
        builder.entries(demand.index, left.index, 1.0)
    return builder.build()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("unmet", [True, False])
def test_sifting_ends_in_the_optimum_of_the_simplex_method(solver: Solver, seed: int, unmet: bool) -> None:
    program = many_columns(seed, unmet=unmet)
    sifted = solver.solve(program, replace(OPTIONS, method="sifting"))
    whole = solver.solve(program, replace(OPTIONS, method="simplex"))
    if not isinstance(whole, Solution):
        assert sifted == whole
        return
    assert isinstance(sifted, Solution)
    assert sifted.objective == pytest.approx(whole.objective, rel=1e-9)
    assert certify(program, sifted).passed
    assert sifted.method == "sifting" or not unmet


def test_an_unbounded_program_is_unbounded_when_sifted(solver: Solver) -> None:
    builder = ProgramBuilder()
    serve = builder.columns("serve", {"supply": [str(one) for one in range(50)]}, cost=-1.0)
    row = builder.rows("floor", {}, lower=1.0)
    builder.entries(row.index, serve.index, 1.0)
    assert solver.solve(builder.build(), replace(OPTIONS, method="sifting")) == Unbounded()


def hard_program() -> Program:
    """A market-split program: few rows, integers, and no solver ends it soon."""
    generator = np.random.default_rng(5)
    builder = ProgramBuilder()
    names = [str(one) for one in range(60)]
    x = builder.columns("x", {"column": names}, upper=1.0, integer=True)
    weights = generator.integers(0, 100, (7, 60)).astype(float)
    split = builder.rows(
        "split", {"row": list("abcdefg")}, lower=weights.sum(1) // 2, upper=weights.sum(1) // 2
    )
    over = builder.columns("over", {"row": list("abcdefg")}, cost=1.0)
    under = builder.columns("under", {"row": list("abcdefg")}, cost=1.0)
    builder.entries(split.index[:, None], x.index[None, :], weights)
    builder.entries(split.index, over.index, -1.0)
    builder.entries(split.index, under.index, 1.0)
    return builder.build()


def test_the_time_limit_ends_a_solve_with_a_failure(solver: Solver) -> None:
    with pytest.raises(SolverFailure, match="within"):
        solver.solve(hard_program(), replace(OPTIONS, time_limit_s=0.2))


def test_a_keyboard_interrupt_ends_a_solve(solver: Solver) -> None:
    timer = Timer(0.5, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        solver.solve(hard_program(), OPTIONS)
    timer.join()


def test_progress_is_reported_while_a_solve_runs(solver: Solver) -> None:
    reports: list[Progress] = []
    with pytest.raises(SolverFailure):
        solver.solve(hard_program(), replace(OPTIONS, time_limit_s=1.0), reports.append)
    assert reports
    assert [one.seconds for one in reports] == sorted(one.seconds for one in reports)
    assert reports[-1].bound is not None


def with_only(program: Program, members: IrreducibleSet, dropped: tuple[bool, Member] | None) -> Program:
    """The program with the bounds of the members alone, less one; written apart from what it checks."""
    bounds = {
        (row, side): np.full(
            program.row_count if row else program.column_count, -inf if side == "lower" else inf
        )
        for row in (True, False)
        for side in ("lower", "upper")
    }
    for row, group in ((True, members.rows), (False, members.columns)):
        for member in group:
            if (row, member) != dropped:
                given = getattr(program, f"{'row' if row else 'col'}_{member.side}")
                bounds[row, member.side][member.identifier] = given[member.identifier]
    return replace(
        program,
        cost=np.zeros(program.column_count),
        col_lower=bounds[False, "lower"],
        col_upper=bounds[False, "upper"],
        row_lower=bounds[True, "lower"],
        row_upper=bounds[True, "upper"],
    )


def assert_irreducible(solver: Solver, program: Program) -> IrreducibleSet:
    members = solver.irreducible(program, OPTIONS)
    assert members.minimal
    assert solver.solve(with_only(program, members, None), OPTIONS) == Infeasible()
    for row, group in ((True, members.rows), (False, members.columns)):
        for member in group:
            rest = solver.solve(with_only(program, members, (row, member)), OPTIONS)
            assert isinstance(rest, Solution), f"{member} is not needed"
    return members


@pytest.mark.parametrize("integer", [False, True])
def test_a_conflict_is_a_conflict_and_needs_every_member(solver: Solver, integer: bool) -> None:
    conflicts = 0
    for seed in range(25):
        program = random_program(seed, integer=integer)
        if solver.solve(program, OPTIONS) == Infeasible():
            assert_irreducible(solver, program)
            conflicts += 1
    assert conflicts >= 10


def test_a_conflict_is_read_back_by_source(solver: Solver) -> None:
    program = expansion(60.0)
    members = assert_irreducible(solver, program)
    assert [program.row_label(one.identifier) for one in members.rows] == [
        "power[abilene]",
        "power[milam]",
        "need",
    ]
    assert {program.row_source(one.identifier) for one in members.rows} == {"grid", "workload"}
    assert members.columns == ()


def test_a_conflict_of_integers_alone(solver: Solver) -> None:
    builder = ProgramBuilder()
    x = builder.columns("x", {"a": ["p", "q"]}, upper=9.0, integer=True)
    row = builder.rows("even", {}, lower=3.0, upper=3.0)
    builder.entries(row.index, x.index, 2.0)
    members = assert_irreducible(solver, builder.build())
    assert [one.identifier for one in members.rows] == [0, 0]


def test_crossed_bounds_are_the_conflict(solver: Solver) -> None:
    builder = ProgramBuilder()
    builder.columns("x", {}, lower=2.0, upper=1.0)
    program = builder.build()
    assert solver.solve(program, OPTIONS) == Infeasible()
    assert solver.irreducible(program, OPTIONS).columns == (Member(0, "lower"), Member(0, "upper"))


def test_a_feasible_program_has_no_conflict(solver: Solver) -> None:
    with pytest.raises(ValueError, match="feasible"):
        solver.irreducible(expansion(), OPTIONS)


def test_a_series_answers_as_each_program_by_itself(solver: Solver) -> None:
    program = expansion()
    series = solver.series(program, OPTIONS)
    generator = np.random.default_rng(3)
    for _ in range(12):
        upper = np.minimum(program.col_upper, generator.uniform(0.0, 40.0, program.column_count))
        held = replace(program, col_upper=upper)
        alone, found = solver.solve(held, OPTIONS), series.solve(held.col_lower, upper)
        assert isinstance(found, Infeasible) == isinstance(alone, Infeasible)
        if isinstance(found, Solution) and isinstance(alone, Solution):
            assert found.objective == pytest.approx(alone.objective)
            assert certify(held, found).passed


def test_a_series_goes_on_after_bounds_that_cannot_be(solver: Solver) -> None:
    builder = ProgramBuilder()
    one = builder.columns("one", {}, cost=1.0, upper=5.0)
    rows = builder.rows("least", {}, lower=2.0)
    builder.entries(rows.index, one.index, 1.0)
    series = solver.series(builder.build(), OPTIONS)
    zero, five = np.zeros(1), np.full(1, 5.0)
    assert isinstance(series.solve(zero, np.ones(1)), Infeasible)
    found = series.solve(zero, five)
    assert isinstance(found, Solution)
    assert found.objective == pytest.approx(2.0)


def test_a_series_is_of_linear_programs(solver: Solver) -> None:
    with pytest.raises(ValueError, match="linear"):
        solver.series(expansion(integer=True), OPTIONS)
