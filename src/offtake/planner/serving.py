"""The serving block: which supply serves which load, when. The largest part of a plan, in its smallest exact
form.

The direct form has one column ``serve[supply, load, period, hour]``. Where supplies of one station may serve
the same loads, and what serving costs and measures is a part by supply and class plus a part by load, the
columns split into ``give[supply, class, period, hour]`` and ``carry[station, load, period, hour]``, tied by
one balance row per station, class, period and hour. This loses nothing: costs, limits and meters see the same
sums, and any answer of the split form spreads, pro rata, into a direct one. For a station of n supplies, m
classes and j loads it leaves ``n m + j`` columns of ``n j``.

Axes by name: supply (I), load (J), class (M), period (T), hour (H, the typical hours of a period).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from offtake.planner.aggregation import Station, load_groups, stations
from offtake.planner.program import ABSENT, Block, ProgramBuilder

FloatArray: TypeAlias = NDArray[np.float64]
Scalar = TypeVar("Scalar", bound=np.generic)
IdArray: TypeAlias = NDArray[np.integer]
Form: TypeAlias = Literal["auto", "direct", "split"]


@dataclass(frozen=True, eq=False)
class Measure:
    """A meter that reads what is served.

    It adds ``coefficient * weight`` per unit of load served to the meter's rows. ``rows`` are ids that
    broadcast to (period, hour), ``ABSENT`` where the meter does not read; ``coefficient`` broadcasts to
    (supply, load, period), ``weight`` to (period, hour).
    """

    rows: ArrayLike
    coefficient: ArrayLike
    weight: ArrayLike = 1.0


@dataclass(frozen=True, eq=False)
class ServingBlock:
    """What may serve what, and what it uses and costs. Every array broadcasts to the axes named.

    ``permitted`` (supply, load, period). ``use`` (supply, load, period): capacity per unit of load. ``cost``
    (supply, load, period): money per unit of load and hour, before ``weight`` (period, hour), which turns it
    into the objective's (discount times hours). ``class_of`` (load,): the class of each load, 0, 1, ...
    """

    supplies: Sequence[str]
    loads: Sequence[str]
    periods: Sequence[str]
    hours: Sequence[str]
    permitted: ArrayLike
    use: ArrayLike
    cost: ArrayLike
    weight: ArrayLike
    class_of: IdArray
    measures: tuple[Measure, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The lengths of the axes supply, load, period, hour."""
        return len(self.supplies), len(self.loads), len(self.periods), len(self.hours)

    @cached_property
    def permitted_cells(self) -> NDArray[np.bool_]:
        return _whole(self.permitted, np.bool_, self.shape[:3])

    @cached_property
    def use_per_load(self) -> FloatArray:
        return _whole(self.use, np.float64, self.shape[:3])

    @cached_property
    def cost_per_load(self) -> FloatArray:
        return _whole(self.cost, np.float64, self.shape[:3])

    @cached_property
    def weights(self) -> FloatArray:
        return _whole(self.weight, np.float64, self.shape[2:])

    @cached_property
    def coefficients(self) -> tuple[FloatArray, ...]:
        return tuple(_whole(one.coefficient, np.float64, self.shape[:3]) for one in self.measures)

    def stations(self) -> tuple[Station, ...]:
        """Every set of supplies that can pool."""
        arrays = self.permitted_cells, self.use_per_load, self.cost_per_load, self.coefficients
        return stations(*arrays, self.class_of)

    def merging(self, load_key: IdArray) -> LoadMerge:
        """Which loads may be served as one; see :class:`LoadMerge`.

        ``load_key`` (load,) holds what tells loads apart beyond this block, above all the price of unmet
        load: two loads merge only if theirs is equal.
        """
        arrays = self.permitted_cells, self.use_per_load, self.cost_per_load, self.coefficients
        return LoadMerge(load_groups(*arrays, self.class_of, load_key))


@dataclass(frozen=True, eq=False)
class LoadMerge:
    """Loads that nothing tells apart, served as one: merge before the rows are made, spread the answer
    afterwards.

    ``group_of`` (load,) is the group of each load. The way through: ``merged = merge.block(block)``; make
    demand rows for ``merge.total(demand)``; solve; ``merge.spread(serve, demand)`` and ``merge.spread(unmet,
    demand)``.
    """

    group_of: NDArray[np.intp]

    @cached_property
    def first(self) -> NDArray[np.intp]:
        """(group,): the load that stands for each group."""
        return np.unique(self.group_of, return_index=True)[1]

    def block(self, block: ServingBlock) -> ServingBlock:
        """The block with one load per group."""
        of = self.first
        return replace(
            block,
            loads=[block.loads[int(load)] for load in of],
            permitted=block.permitted_cells[:, of],
            use=block.use_per_load[:, of],
            cost=block.cost_per_load[:, of],
            class_of=block.class_of[of],
            measures=tuple(
                replace(measure, coefficient=coefficient[:, of])
                for measure, coefficient in zip(block.measures, block.coefficients, strict=True)
            ),
        )

    def total(self, demand: FloatArray, axis: int = 0) -> FloatArray:
        """Sums over the loads of each group, along the load axis of ``demand``."""
        moved = np.moveaxis(demand, axis, 0)
        total = np.zeros((len(self.first), *moved.shape[1:]))
        np.add.at(total, self.group_of, moved)
        return np.moveaxis(total, 0, axis)

    def spread(self, values: FloatArray, demand: FloatArray) -> FloatArray:
        """``values`` (..., group, period, hour) for single loads, pro rata to ``demand`` (load, period,
        hour)."""
        total = self.total(demand)[self.group_of]
        share = np.divide(demand, total, out=np.zeros_like(total), where=total > 0)
        return values[..., self.group_of, :, :] * share


@dataclass(frozen=True, eq=False)
class ServingColumns:
    """Where a serving block went in a program, and the way back."""

    block: ServingBlock
    direct_supplies: NDArray[np.intp]
    serve: Block  # (direct supply, load, period, hour)
    stations: tuple[Station, ...]
    pooled_supplies: NDArray[np.intp]  # of all stations, one after the other
    give: Block | None  # (pooled supply, class, period, hour)
    carry: Block | None  # (station, load, period, hour)

    def expand(self, x: FloatArray) -> FloatArray:
        """Load served, (supply, load, period, hour), from an answer ``x`` (column,) to the program.

        Pooled output is spread pro rata: each load of a class gets the same mix of the station's supplies.
        With the row duals of the rows that were there before the serving block, the result answers the direct
        form, too.
        """
        served = np.zeros(self.block.shape)
        served[self.direct_supplies] = _at(x, self.serve.index)
        if self.give is None or self.carry is None:
            return served
        class_of = self.block.class_of
        given, carried = _at(x, self.give.index), _at(x, self.carry.index)
        begin = 0
        for station, carry in zip(self.stations, carried, strict=True):
            end = begin + len(station.supplies)
            of_class = np.zeros(given.shape[1:])
            np.add.at(of_class, class_of, carry)
            total = of_class[class_of]
            share = np.divide(carry, total, out=np.zeros_like(carry), where=total > 0)
            served[station.supplies] = given[begin:end][:, class_of] * share
            begin = end
        return served


def add_serving(
    builder: ProgramBuilder,
    block: ServingBlock,
    capacity_rows: IdArray,
    demand_rows: IdArray,
    *,
    form: Form = "auto",
    source: str | None = None,
) -> ServingColumns:
    """Add the block's columns, and their entries in the rows given.

    ``capacity_rows`` (supply, period, hour): use of capacity is added; ``ABSENT`` where a supply has no
    limit. ``demand_rows`` (load, period, hour): one is added per unit served. ``form`` "auto" pools the
    supplies of a station where this leaves fewer columns, "split" wherever it can be done, "direct" nowhere.
    """
    capacity = np.broadcast_to(capacity_rows, (block.shape[0], *block.shape[2:]))
    demand = np.broadcast_to(demand_rows, block.shape[1:])
    pooled = () if form == "direct" else block.stations()
    if form == "auto":
        pooled = tuple(station for station in pooled if station.columns_saved > 0)
    pooled_supplies = np.concatenate([np.zeros(0, dtype=np.intp), *(one.supplies for one in pooled)])
    direct = np.setdiff1d(np.arange(block.shape[0]), pooled_supplies)
    serve = _add_direct(builder, block, direct, capacity, demand, source)
    give, carry = None, None
    if pooled:
        give = _add_give(builder, block, pooled, pooled_supplies, capacity, source)
        carry = _add_carry(builder, block, pooled, demand, source)
        _add_balance(builder, block, pooled, give, carry, source)
    return ServingColumns(block, direct, serve, pooled, pooled_supplies, give, carry)


def _add_direct(
    builder: ProgramBuilder,
    block: ServingBlock,
    direct: NDArray[np.intp],
    capacity: IdArray,
    demand: IdArray,
    source: str | None,
) -> Block:
    serve = builder.columns(
        "serve",
        {
            "supply": [block.supplies[int(one)] for one in direct],
            "load": block.loads,
            "period": block.periods,
            "hour": block.hours,
        },
        cost=block.cost_per_load[direct][..., None] * block.weights,
        where=block.permitted_cells[direct][..., None],
        source=source,
    )
    builder.entries(capacity[direct][:, None], serve.index, block.use_per_load[direct][..., None])
    builder.entries(demand, serve.index, 1.0)
    for measure, coefficient in zip(block.measures, block.coefficients, strict=True):
        _read(builder, block, measure, serve, coefficient[direct])
    return serve


def _add_give(
    builder: ProgramBuilder,
    block: ServingBlock,
    pooled: tuple[Station, ...],
    supplies: NDArray[np.intp],
    capacity: IdArray,
    source: str | None,
) -> Block:
    serves = np.concatenate([np.broadcast_to(one.serves, one.use.shape) for one in pooled])
    cost = np.concatenate([one.cost.by_supply for one in pooled])
    give = builder.columns(
        "give",
        {
            "supply": [block.supplies[int(one)] for one in supplies],
            "class": [str(one) for one in range(serves.shape[1])],
            "period": block.periods,
            "hour": block.hours,
        },
        cost=cost[..., None] * block.weights,
        where=serves[..., None],
        source=source,
    )
    use = np.concatenate([one.use for one in pooled])
    builder.entries(capacity[supplies][:, None], give.index, use[..., None])
    for place, measure in enumerate(block.measures):
        _read(
            builder, block, measure, give, np.concatenate([one.measures[place].by_supply for one in pooled])
        )
    return give


def _add_carry(
    builder: ProgramBuilder,
    block: ServingBlock,
    pooled: tuple[Station, ...],
    demand: IdArray,
    source: str | None,
) -> Block:
    cost = np.stack([one.cost.by_load for one in pooled])
    carry = builder.columns(
        "carry",
        {
            "station": [block.supplies[int(one.supplies[0])] for one in pooled],
            "load": block.loads,
            "period": block.periods,
            "hour": block.hours,
        },
        cost=cost[..., None] * block.weights,
        where=np.stack([one.permitted for one in pooled])[..., None],
        source=source,
    )
    builder.entries(demand, carry.index, 1.0)
    for place, measure in enumerate(block.measures):
        _read(builder, block, measure, carry, np.stack([one.measures[place].by_load for one in pooled]))
    return carry


def _add_balance(
    builder: ProgramBuilder,
    block: ServingBlock,
    pooled: tuple[Station, ...],
    give: Block,
    carry: Block,
    source: str | None,
) -> None:
    serves = np.stack([one.serves for one in pooled])
    balance = builder.rows(
        "balance",
        {
            "station": [block.supplies[int(one.supplies[0])] for one in pooled],
            "class": [str(one) for one in range(serves.shape[1])],
            "period": block.periods,
            "hour": block.hours,
        },
        lower=0.0,
        upper=0.0,
        where=serves[..., None],
        source=source,
    )
    station_of = np.repeat(np.arange(len(pooled)), [len(one.supplies) for one in pooled])
    builder.entries(balance.index[station_of], give.index, 1.0)
    builder.entries(balance.index[:, block.class_of], carry.index, -1.0)


def _read(
    builder: ProgramBuilder, block: ServingBlock, measure: Measure, columns: Block, coefficient: FloatArray
) -> None:
    rows = np.broadcast_to(np.asarray(measure.rows), block.shape[2:])
    weight = np.broadcast_to(np.asarray(measure.weight, dtype=np.float64), block.shape[2:])
    builder.entries(rows, columns.index, coefficient[..., None] * weight)


def _at(x: FloatArray, index: IdArray) -> FloatArray:
    """The values of the columns, zero where there is none."""
    return np.where(index == ABSENT, 0.0, x[index])


def _whole(values: ArrayLike, kind: type[Scalar], shape: tuple[int, ...]) -> NDArray[Scalar]:
    return np.broadcast_to(np.asarray(values, dtype=kind), shape)
