"""The program builder against plain loops."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from scipy.sparse import csc_array

from offtake.planner.program import ABSENT, Program, ProgramBuilder


def dense(program: Program) -> np.ndarray:
    shape = (program.row_count, program.column_count)
    return csc_array((program.value, program.index, program.start), shape=shape).toarray()


def test_blocks_get_ids_in_order_and_keep_their_labels_and_sources() -> None:
    builder = ProgramBuilder()
    where = np.array([[True, False, True], [False, True, True]])
    build = builder.columns(
        "build", {"site": ["abilene", "milam"], "period": ["Q1", "Q2", "Q3"]}, where=where, source="sites"
    )
    nothing = builder.columns("none", {"site": ["abilene"]}, where=False)
    spare = builder.columns("spare", {}, cost=7.0)
    assert build.index.tolist() == [[0, ABSENT, 1], [ABSENT, 2, 3]]
    assert nothing.index.tolist() == [ABSENT]
    assert spare.index.tolist() == 4
    program = builder.build()
    assert [program.column_label(column) for column in range(5)] == [
        "build[abilene, Q1]",
        "build[abilene, Q3]",
        "build[milam, Q2]",
        "build[milam, Q3]",
        "spare",
    ]
    assert program.column_source(3) == "sites"
    assert program.column_source(4) is None
    with pytest.raises(IndexError):
        program.column_label(5)


def test_costs_and_bounds_broadcast_and_follow_where() -> None:
    builder = ProgramBuilder()
    block = builder.columns(
        "x",
        {"a": ["p", "q"], "b": ["r", "s"]},
        cost=np.array([1.0, 2.0]),
        lower=np.array([[3.0], [4.0]]),
        upper=9.0,
        where=np.array([[True, True], [False, True]]),
    )
    builder.add_cost(block.index[:, 1], 10.0)
    builder.add_cost(block.index, np.array([[0.5], [0.25]]))
    builder.add_cost(block.index[0, 0], 100.0)
    program = builder.build()
    assert program.cost.tolist() == [101.5, 12.5, 12.25]
    assert program.col_lower.tolist() == [3.0, 3.0, 4.0]
    assert program.col_upper.tolist() == [9.0, 9.0, 9.0]
    assert program.integrality is None


def test_entries_broadcast_drop_absent_cells_and_zeros_and_add_duplicates() -> None:
    generator = np.random.default_rng(3)
    builder = ProgramBuilder()
    x = builder.columns("x", {"a": list("pqr"), "b": list("st")}, where=generator.random((3, 2)) < 0.7)
    rows = builder.rows("limit", {"b": list("st")}, upper=5.0, where=np.array([True, False]))
    total = builder.rows("total", {}, lower=1.0)
    weight = generator.integers(0, 3, (3, 2)).astype(float)
    builder.entries(rows.index[None, :], x.index, weight)
    builder.entries(total.index, x.index, 1.0)
    builder.entries(total.index, x.index[1], 2.5)
    expected = np.zeros((2, builder.column_count))
    for a in range(3):
        for b in range(2):
            column = x.index[a, b]
            if column == ABSENT:
                continue
            if b == 0:
                expected[0, column] = weight[a, b]
            expected[1, column] = 1.0 + (2.5 if a == 1 else 0.0)
    program = builder.build()
    assert dense(program).tolist() == expected.tolist()
    assert np.count_nonzero(program.value == 0.0) == 0


def test_an_empty_program_builds() -> None:
    program = ProgramBuilder().build()
    assert (program.column_count, program.row_count, program.entry_count) == (0, 0, 0)


def test_fixed_leaves_the_continuous_columns_free() -> None:
    builder = ProgramBuilder()
    builder.columns("n", {"a": ["p", "q"]}, upper=4.0, integer=np.array([True, False]))
    program = builder.build()
    assert program.integrality is not None
    fixed = program.fixed(np.array([2.0000001, 1.5]))
    assert fixed.integrality is None
    assert fixed.col_lower.tolist() == [2.0, 0.0]
    assert fixed.col_upper.tolist() == [2.0, 4.0]
    assert program.relaxed().integrality is None
    assert program.relaxed().col_upper.tolist() == [4.0, 4.0]


@pytest.mark.parametrize("cost", [nan, inf])
def test_an_unusable_cost_is_named(cost: float) -> None:
    builder = ProgramBuilder()
    builder.columns("build", {"site": ["abilene", "milam"]}, cost=np.array([1.0, cost]))
    with pytest.raises(ValueError, match=r"cost of build\[milam\]"):
        builder.build()


def test_an_unusable_coefficient_is_named() -> None:
    builder = ProgramBuilder()
    x = builder.columns("x", {"a": ["p", "q"]})
    rows = builder.rows("limit", {})
    builder.entries(rows.index, x.index, np.array([1.0, nan]))
    with pytest.raises(ValueError, match=r"x\[q\] in limit"):
        builder.build()


def test_an_entry_outside_the_blocks_is_refused() -> None:
    builder = ProgramBuilder()
    builder.columns("x", {"a": ["p"]})
    builder.rows("limit", {})
    builder.entries(0, 1, 1.0)
    with pytest.raises(ValueError, match="column"):
        builder.build()


def test_values_that_do_not_fit_the_axes_name_the_block() -> None:
    with pytest.raises(ValueError, match="build"):
        ProgramBuilder().columns("build", {"a": ["p", "q"]}, cost=np.zeros(3))
