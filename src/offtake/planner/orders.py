"""What may be ordered, as columns, and the limits on orders: of products, of power and housing, of the market."""

from __future__ import annotations

from math import inf

import numpy as np

from offtake.planner.draft import Draft, LimitRows, WayColumns
from offtake.planner.instance import Floats, Instance, SiteRoom, Way
from offtake.planner.program import Block


def add_orders(draft: Draft) -> None:
    """Columns for every way to add capacity and for shells, with the rows of what limits them."""
    for way in draft.instance.ways:
        draft.ways.append(_way_columns(draft, way))
    _rooms(draft)
    _quotas(draft)


def _upper(way: Way) -> Floats:
    """Most that an order may be: no more than may ever stand of it."""
    if way.limit is None:
        return way.upper
    return np.minimum(way.upper, float(way.limit.max(initial=0.0)))


def _way_columns(draft: Draft, way: Way) -> WayColumns:
    instance, builder, scales = draft.instance, draft.builder, draft.scales
    pool = instance.pools[way.pool]
    unit = way.increment or float(scales.capacity[way.pool])
    cost = draft.cost_of(way.payments) * unit / scales.money
    name = f"{way.kind} {pool.id}"
    if way.hourly:
        upper = inf if way.limit is None else (way.limit / unit)[:, None]
        ordered = builder.columns(
            name,
            draft.slot_axes,
            cost=cost[:, None] * instance.hour_weights[None, :],
            upper=upper,
            where=np.broadcast_to(way.allowed[:, None], instance.slots),
            source=pool.id,
        )
        return WayColumns(way, ordered, unit)
    ordered = builder.columns(
        name,
        draft.period_axis,
        cost=cost,
        upper=_upper(way) / unit,
        where=way.allowed,
        source=pool.id,
        integer=way.increment > 0,
        orders=True,
    )
    columns = WayColumns(way, ordered, unit)
    if way.limit is not None:
        rows = builder.rows(f"limit {pool.id}", draft.period_axis, upper=way.limit / unit, source=pool.id)
        builder.entries(rows.index[None, :], ordered.index[:, None], way.in_service.astype(np.float64))
        draft.limits.append(
            LimitRows(rows, f"products.{pool.id}.limit", f"{pool.unit} of {pool.id}", unit, pool.unit)
        )
    if way.minimum > 0:
        _minimum(draft, columns)
    return columns


def _minimum(draft: Draft, columns: WayColumns) -> None:
    """What is in service is nothing, or with what is held at least the minimum: a choice by period."""
    way, builder, instance = columns.way, draft.builder, draft.instance
    pool = instance.pools[way.pool]
    free = pool.fixed < way.minimum
    most = _largest_use(instance, way.pool) + way.minimum + way.increment
    if way.limit is not None:
        most = max(float(way.limit.max()), way.minimum)
    open_ = builder.columns(
        f"open {pool.id}", draft.period_axis, upper=1.0, integer=True, where=free, source=pool.id
    )
    least = builder.rows(
        f"minimum {pool.id}", draft.period_axis, lower=-pool.fixed / columns.unit, where=free
    )
    top = builder.rows(f"opened {pool.id}", draft.period_axis, upper=0.0, where=free)
    serves = way.in_service.astype(np.float64)
    for rows, bound in ((least, way.minimum), (top, most)):
        builder.entries(rows.index[None, :], columns.ordered.index[:, None], serves)
        builder.entries(rows.index, open_.index, -bound / columns.unit)


def _largest_use(instance: Instance, pool: int) -> float:
    """The most that all loads together could use of a pool: a bound that no plan needs to pass."""
    total = np.zeros(instance.slots)
    serving = instance.serving
    seats = [i for i, seat in enumerate(serving.seats) if seat.pool == pool]
    for j, load in enumerate(serving.loads):
        peak = np.max([serving.use[i, j] for i in seats], axis=0) if seats else np.zeros(total.shape[0])
        total += load.tokens_per_s * peak[:, None]
    return float(total.max(initial=0.0))


def _rooms(draft: Draft) -> None:
    """Rows of every site's power, and of its housing where shells are modelled."""
    builder, instance = draft.builder, draft.instance
    for n, room in enumerate(instance.rooms):
        users = [
            columns
            for columns in draft.ways
            if instance.pools[columns.way.pool].site == room.site
            and instance.pools[columns.way.pool].power_mw > 0
            and instance.pools[columns.way.pool].facts.form == "owned"
        ]
        if not users:
            continue
        power = builder.rows(
            f"power {room.site}", draft.period_axis, upper=room.power_mw, source=f"sites.{room.site}.power"
        )
        draft.limits.append(LimitRows(power, f"sites.{room.site}.power", f"MW at {room.site}", 1.0, "power"))
        housing = _housing(draft, n, room)
        for columns in users:
            mw = instance.pools[columns.way.pool].power_mw * columns.unit
            serves = columns.way.in_service * mw
            builder.entries(power.index[None, :], columns.ordered.index[:, None], serves)
            if housing is not None:
                builder.entries(housing.index[None, :], columns.ordered.index[:, None], serves)


def _housing(draft: Draft, n: int, room: SiteRoom) -> Block | None:
    """Rows of a site's housing, by what stands and by shells built; None if shells are not modelled."""
    if room.shell_mw is None or room.shell_in_service is None:
        return None
    builder, source = draft.builder, f"sites.{room.site}.shell"
    housing = builder.rows(f"housing {room.site}", draft.period_axis, upper=room.shell_mw, source=source)
    draft.limits.append(LimitRows(housing, source, f"MW of housing at {room.site}", 1.0, "power"))
    shells = builder.columns(
        f"shell {room.site}",
        draft.period_axis,
        cost=draft.cost_of(room.shell_payments) / draft.scales.money,
        where=room.shell_in_service.any(axis=1),
        source=source,
        orders=True,
    )
    builder.entries(housing.index[None, :], shells.index[:, None], -room.shell_in_service.astype(np.float64))
    if np.isfinite(room.shell_maximum_mw):
        total = builder.rows(f"shells {room.site}", {}, upper=room.shell_maximum_mw)
        builder.entries(total.index, shells.index, 1.0)
    draft.shells.append((n, shells))
    return housing


def _quotas(draft: Draft) -> None:
    """Rows of what the market delivers of each kind of accelerator."""
    builder, instance = draft.builder, draft.instance
    for quota in instance.quotas:
        users = [
            columns
            for columns in draft.ways
            if columns.way.kind == "build"
            and instance.pools[columns.way.pool].accelerator == quota.accelerator
        ]
        if not users:
            continue
        unit = users[0].unit
        rows = builder.rows(
            f"quota {quota.accelerator}",
            draft.period_axis,
            upper=quota.upper / unit,
            source=f"accelerators.{quota.accelerator}.quota",
        )
        draft.limits.append(
            LimitRows(
                rows,
                f"accelerators.{quota.accelerator}.quota",
                f"{quota.accelerator} delivered",
                unit,
                "accelerators",
            )
        )
        for columns in users:
            builder.entries(rows.index, columns.ordered.index, columns.unit / unit)
