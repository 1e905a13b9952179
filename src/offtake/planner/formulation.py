"""An instance and its law as one program: columns for what may be ordered, run and left undone; rows for every limit.

docs/formulation.md writes the same rows as mathematics beside the names used here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from offtake.domain.handoffs import CUSTOMERS
from offtake.planner.draft import (
    Draft,
    LimitRows,
    MeteredRows,
    RunColumns,
    Scales,
    SideColumns,
    WayColumns,
    scales_of,
)
from offtake.planner.instance import Bools, Floats, Instance
from offtake.planner.orders import add_orders
from offtake.planner.program import Block, Program
from offtake.planner.runs import add_runs
from offtake.planner.serving import Form, LoadMerge, ServingBlock, ServingColumns, add_serving

if TYPE_CHECKING:
    from offtake.planner.finance.columns import FinanceColumns


@dataclass(frozen=True)
class Formulation:
    """A program and the way back from its columns to what they mean."""

    program: Program
    instance: Instance
    scales: Scales
    offset: float  # Discounted money that is spent whatever is decided, in natural units.
    ways: tuple[WayColumns, ...]
    shells: tuple[tuple[int, Block], ...]
    runs: tuple[RunColumns, ...]
    unmet: Block  # (group of loads, period, hour)
    merge: LoadMerge
    serving: ServingColumns
    limits: tuple[LimitRows, ...]
    side_columns: tuple[SideColumns, ...]
    metered: tuple[MeteredRows, ...]
    finance: tuple[FinanceColumns, ...] = ()


def draft_of(instance: Instance, scales: Scales | None = None) -> Draft:
    """The columns for orders, shells, runs, and the rows of capacity's physical limits; meters and the rest follow."""
    draft = Draft(instance, scales or scales_of(instance))
    for pool in instance.pools:
        for payment in pool.fixed_payments:
            sign = draft.sign(payment.payer, payment.payee)
            draft.offset += sign * float(payment.amounts @ instance.calendar.discounts())
    add_orders(draft)
    add_runs(draft)
    return draft


def finish(draft: Draft, form: Form = "auto") -> Formulation:
    """Capacity and demand rows, the serving columns over them, and the program.

    Loads that nothing tells apart are served as one, and supplies of one station pool; `form="direct"` does neither.
    """
    builder, instance, scales = draft.builder, draft.instance, draft.scales
    block = _serving_block(draft)
    merge = (
        LoadMerge(np.arange(len(block.loads))) if form == "direct" else block.merging(_load_keys(instance))
    )
    merged = merge.block(block)
    demand = demand_of(instance)
    total = merge.total(demand)
    axes = {"load": merged.loads, **draft.slot_axes}
    rows = builder.rows("demand", axes, lower=total / scales.load, upper=total / scales.load, where=total > 0)
    worth = np.array([load.worth_per_token for load in instance.serving.loads])[merge.first] * 3600.0
    unmet = builder.columns(
        "unmet",
        axes,
        cost=worth[:, None, None] * merged.weights[None] * scales.load / scales.money,
        where=total > 0,
        upper=total / scales.load,
        source="unmet need",
    )
    builder.entries(rows.index, unmet.index, 1.0)
    columns = add_serving(builder, merged, _seat_rows(draft, _capacity_rows(draft)), rows.index, form=form)
    return Formulation(
        builder.build(),
        instance,
        scales,
        draft.offset,
        tuple(draft.ways),
        tuple(draft.shells),
        tuple(draft.runs),
        unmet,
        merge,
        columns,
        tuple(draft.limits),
        tuple(draft.side_columns),
        tuple(draft.metered),
    )


def demand_of(instance: Instance) -> Floats:
    """Tokens per second by (load, period, hour)."""
    loads = instance.serving.loads
    return np.array([load.tokens_per_s for load in loads]).reshape(len(loads), *instance.slots)


def _serving_block(draft: Draft) -> ServingBlock:
    instance, scales, serving = draft.instance, draft.scales, draft.instance.serving
    signs = np.array([draft.sign(*pair) for pair in serving.payers]).reshape(-1, 1, 1)
    earned = np.array([draft.sign(CUSTOMERS, load.seller) * load.revenue for load in serving.loads])
    seat_scale = np.array([scales.capacity[seat.pool] for seat in serving.seats]).reshape(-1, 1, 1)
    needed: Bools = np.any(demand_of(instance) > 0, axis=2)
    return ServingBlock(
        supplies=tuple(seat.id for seat in serving.seats),
        loads=tuple(load.id for load in serving.loads),
        periods=instance.calendar.labels,
        hours=instance.hour_ids,
        permitted=serving.permitted & needed[None],
        use=serving.use * (scales.load / seat_scale),
        cost=(serving.price * signs + earned.reshape(1, len(serving.loads), instance.slots[0]))
        * scales.load
        / scales.money,
        weight=draft.slot_weights() * instance.calendar.discounts()[:, None],
        class_of=_classes(instance),
        measures=tuple(draft.measures),
    )


def _seat_rows(draft: Draft, capacity: NDArray[np.int32]) -> NDArray[np.int32]:
    """(seat, period, hour) capacity row ids, from those by pool."""
    pools = np.array([seat.pool for seat in draft.instance.serving.seats], dtype=np.intp)
    return capacity[pools]


def _load_keys(instance: Instance) -> NDArray[np.intp]:
    """What tells loads apart beyond their seats: the worth of a token, what it earns whom, and when there is need."""
    seen: dict[tuple[float, bytes, str, bytes], int] = {}
    found: list[int] = []
    for load in instance.serving.loads:
        earns = load.seller if load.revenue.any() else ""
        key = (load.worth_per_token, load.revenue.tobytes(), earns, (load.tokens_per_s > 0).tobytes())
        found.append(seen.setdefault(key, len(seen)))
    return np.array(found, dtype=np.intp)


def _classes(instance: Instance) -> NDArray[np.intp]:
    """Loads whose use of a unit is the same in every period belong to one class: same workload, same share out."""
    seen: dict[tuple[str, bytes], int] = {}
    found = [
        seen.setdefault((load.workload, np.round(load.share_out, 12).tobytes()), len(seen))
        for load in instance.serving.loads
    ]
    return np.array(found, dtype=np.intp)


def _capacity_rows(draft: Draft) -> NDArray[np.int32]:
    """(pool, period, hour) row ids: what work uses of a pool is at most what stands in it. ABSENT without a limit."""
    builder, instance, scales = draft.builder, draft.instance, draft.scales
    pool_ids = tuple(pool.id for pool in instance.pools)
    limited = np.array([pool.limited for pool in instance.pools], dtype=np.bool_)
    fixed = np.array([pool.fixed for pool in instance.pools]).reshape(len(pool_ids), instance.slots[0])
    rows = builder.rows(
        "capacity",
        {"pool": pool_ids, **draft.slot_axes},
        upper=(fixed / scales.capacity[:, None])[:, :, None],
        where=np.broadcast_to(limited[:, None, None], (len(pool_ids), *instance.slots)),
        source="capacity",
    )
    for columns in draft.ways:
        a = columns.way.pool
        size = -columns.unit / float(scales.capacity[a])
        if columns.way.hourly:
            builder.entries(rows.index[a], columns.ordered.index, size)
        else:
            serves = columns.way.in_service.astype(np.float64) * size
            builder.entries(
                rows.index[a][None, :, :], columns.ordered.index[:, None, None], serves[:, :, None]
            )
    for run in draft.runs:
        builder.entries(rows.index, run.placed.index[:, :, None], 1.0)
    for idle in draft.idle:
        size = idle.unit / float(scales.capacity[idle.pool])
        builder.entries(rows.index[idle.pool], idle.columns.index[:, None], size)
    return rows.index
