"""Which supplies pool and which loads merge, on arrays small enough to see."""

from __future__ import annotations

import numpy as np

from offtake.planner.aggregation import load_groups, stations

ONE_CLASS = np.zeros(2, dtype=np.int64)


def cells(values: object) -> np.ndarray:
    """(supply, load) values for one period."""
    return np.asarray(values)[:, :, None]


def test_costs_that_add_up_pool_and_come_apart_into_their_parts() -> None:
    permitted = cells([[True, True], [True, True], [True, True]])
    cost = cells([[1.0, 1.5], [2.0, 2.5], [2.0, 2.75]])
    found = stations(permitted, np.ones((3, 2, 1)), cost, (), ONE_CLASS)
    assert [one.supplies.tolist() for one in found] == [[0, 1]]
    assert found[0].cost.by_supply.tolist() == [[[1.0]], [[2.0]]]
    assert found[0].cost.by_load.tolist() == [[0.0], [0.5]]
    assert found[0].columns_saved == 0


def test_use_that_differs_between_loads_of_a_class_does_not_pool() -> None:
    permitted = cells(np.ones((2, 2), dtype=bool))
    use = cells([[1.0, 2.0], [1.0, 2.0]])
    assert stations(permitted, use, np.ones((2, 2, 1)), (), ONE_CLASS) == ()
    assert len(stations(permitted, use, np.ones((2, 2, 1)), (), np.array([0, 1]))) == 1


def test_permission_must_be_the_same_in_every_period() -> None:
    permitted = np.ones((2, 2, 2), dtype=bool)
    permitted[1, 0, 1] = False
    assert stations(permitted, np.ones((2, 2, 2)), np.ones((2, 2, 2)), (), ONE_CLASS) == ()


def test_what_is_not_permitted_does_not_count() -> None:
    permitted = cells([[True, False], [True, False], [False, False]])
    cost = cells([[1.0, 7.0], [2.0, 9.0], [0.0, 0.0]])
    found = stations(permitted, cells([[1.0, 3.0], [1.0, 4.0], [1.0, 1.0]]), cost, (), ONE_CLASS)
    assert [one.supplies.tolist() for one in found] == [[0, 1]]


def test_a_meter_that_does_not_add_up_keeps_supplies_apart() -> None:
    permitted = cells(np.ones((2, 2), dtype=bool))
    even = np.ones((2, 2, 1))
    assert len(stations(permitted, even, even, (cells([[1.0, 2.0], [3.0, 4.0]]),), ONE_CLASS)) == 1
    assert stations(permitted, even, even, (cells([[1.0, 2.0], [3.0, 5.0]]),), ONE_CLASS) == ()


def test_rounding_neither_keeps_supplies_apart_nor_leaves_dust() -> None:
    generator = np.random.default_rng(0)
    by_supply, band = generator.uniform(0.2, 1.0, 5), np.array([0.1, 0.25, 0.1])
    cost = cells(by_supply[:, None] + band[None, :])
    found = stations(
        np.ones((5, 3, 1), dtype=bool), np.ones((5, 3, 1)), cost, (), np.zeros(3, dtype=np.int64)
    )
    assert len(found) == 1
    assert found[0].cost.by_load[2, 0] == 0.0


def test_loads_merge_by_what_is_permitted_and_by_key() -> None:
    permitted = cells([[True, True, True, False], [False, False, False, True]])
    cost = cells([[1.0, 1.0, 1.0, 5.0], [9.0, 8.0, 7.0, 1.0]])
    even = np.ones((2, 4, 1))
    classes = np.zeros(4, dtype=np.int64)
    assert load_groups(permitted, even, cost, (), classes, np.array([0, 0, 1, 0])).tolist() == [0, 0, 1, 2]


def test_nothing_to_serve() -> None:
    none = np.zeros((2, 0, 1))
    assert stations(none.astype(bool), none, none, (), np.zeros(0, dtype=np.int64)) == ()
    assert (
        load_groups(none.astype(bool), none, none, (), np.zeros(0, dtype=np.int64), np.zeros(0, int)).tolist()
        == []
    )
