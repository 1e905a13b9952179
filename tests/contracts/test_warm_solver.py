"""What a solver of programs near a base one must do: the answers are those from nothing, and the same in any order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from offtake.adapters.highs import HighsSolver
from offtake.adapters.highs_warm import WarmHighs, carried
from offtake.domain.errors import SolverFailure
from offtake.planner.certificate import certify
from offtake.planner.ports import Infeasible, Solution, SolverOptions, Unbounded
from offtake.planner.program import Program, ProgramBuilder

OPTIONS = SolverOptions(time_limit_s=60.0)
SITES = [f"s{n}" for n in range(6)]
PERIODS = [f"t{n}" for n in range(8)]


def expansion(
    seed: int | None = None, *, integer: bool = False, periods: list[str] | None = None, need: float = 30.0
) -> Program:
    """Sites that are built at over time for a need that grows; a seed moves costs, limits, needs and coefficients."""
    periods = PERIODS if periods is None else periods
    base = np.random.default_rng(0)
    shape = (len(SITES), len(PERIODS))
    cost, limit, size = (
        base.uniform(1, 3, shape),
        base.uniform(2, 9, shape),
        base.uniform(0.5, 1.5, len(SITES)),
    )
    needs = need * 1.1 ** np.arange(len(PERIODS))
    if seed is not None:
        noise = np.random.default_rng(seed)
        cost, limit = cost * noise.lognormal(0, 0.2, shape), limit * noise.lognormal(0, 0.1, shape)
        size, needs = size * noise.lognormal(0, 0.1, size.shape), needs * noise.lognormal(0, 0.1, needs.shape)
    kept = [PERIODS.index(one) for one in periods]
    whole = np.zeros((len(SITES), len(kept)), dtype=np.bool_)
    whole[0] = integer  # One site is built at in whole units.
    builder = ProgramBuilder()
    axes = {"site": SITES, "period": periods}
    build = builder.columns("build", axes, cost=cost[:, kept], upper=limit[:, kept], integer=whole)
    unmet = builder.columns("unmet", {"period": periods}, cost=50.0)
    served = builder.rows("need", {"period": periods}, lower=needs[kept])
    place = np.arange(len(periods))
    stands = (place[:, None] <= place[None, :]).astype(float)
    builder.entries(served.index[None, None, :], build.index[:, :, None], size[:, None, None] * stands[None])
    builder.entries(served.index, unmet.index, 1.0)
    return builder.build()


@pytest.mark.parametrize("integer", [False, True])
def test_answers_are_those_from_nothing_and_certified(integer: bool) -> None:
    warm = WarmHighs(expansion(integer=integer), OPTIONS)
    for seed in range(12):
        program = expansion(seed, integer=integer)
        answer, cold = warm.solve(program), HighsSolver().solve(program, OPTIONS)
        assert isinstance(answer, Solution)
        assert isinstance(cold, Solution)
        assert certify(program, answer).passed
        assert answer.objective == pytest.approx(cold.objective, rel=1e-6)


@pytest.mark.parametrize("integer", [False, True])
def test_the_bits_of_an_answer_do_not_depend_on_what_was_asked_before(integer: bool) -> None:
    base = expansion(integer=integer)
    basis = WarmHighs(base, OPTIONS).basis
    programs = [expansion(seed, integer=integer) for seed in range(8)]

    def answers(order: list[int], first: WarmHighs) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for n in order:
            answer = first.solve(programs[n])
            assert isinstance(answer, Solution)
            found[n] = answer.x.tobytes() + answer.row_dual.tobytes()
        return found

    forwards = answers(list(range(8)), WarmHighs(base, OPTIONS))
    assert answers([7, 3, 0, 5, 1, 6, 2, 4], WarmHighs(base, OPTIONS, basis)) == forwards
    for n in (2, 6):
        assert answers([n], WarmHighs(base, OPTIONS, basis))[n] == forwards[n]


def test_a_program_of_another_shape_starts_from_what_both_have() -> None:
    base = expansion()
    warm = WarmHighs(base, OPTIONS)
    other = expansion(3, periods=[PERIODS[n] for n in (0, 1, 3, 4, 6, 7)])
    answer, cold = warm.solve(other), HighsSolver().solve(other, OPTIONS)
    assert isinstance(answer, Solution)
    assert isinstance(cold, Solution)
    assert certify(other, answer).passed
    assert answer.objective == pytest.approx(cold.objective, rel=1e-9)
    basis = carried(base, warm.basis, other)
    old, new = base.column_blocks[0], other.column_blocks[0]
    assert basis.columns[new.index[2, 3]] == warm.basis.columns[old.index[2, 4]]
    assert (basis.columns.shape, basis.rows.shape) == ((other.column_count,), (other.row_count,))


def test_what_has_no_answer_is_said_and_spoils_nothing() -> None:
    warm = WarmHighs(expansion(), OPTIONS)
    program = expansion(1)
    before = warm.solve(program)
    rows = replace(program, row_lower=program.row_lower + 1e6, col_upper=np.minimum(program.col_upper, 1.0))
    assert isinstance(warm.solve(rows), Infeasible)
    free = replace(program, cost=-program.cost)
    assert isinstance(warm.solve(free), Unbounded)
    after = warm.solve(program)
    assert isinstance(before, Solution)
    assert isinstance(after, Solution)
    assert after.x.tobytes() == before.x.tobytes()


def test_a_base_without_an_optimum_is_refused() -> None:
    program = expansion()
    with pytest.raises(SolverFailure, match="no optimum"):
        _ = WarmHighs(replace(program, cost=-program.cost), OPTIONS)
