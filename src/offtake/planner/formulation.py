"""An instance and its law as one program: columns for what may be ordered, run and left undone; rows for every limit.

Columns and rows are scaled so that numbers near one stand in the program; `Scales` says by how much, and the answer is
read back in natural units. docs/formulation.md writes the same rows as mathematics beside the names used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor, inf, log10
from typing import Final

import numpy as np
from numpy.typing import NDArray

from offtake.planner.instance import Floats, Instance, Payment, Run, Way
from offtake.planner.program import Block, Program, ProgramBuilder
from offtake.planner.serving import Form, LoadMerge, Measure, ServingBlock, ServingColumns, add_serving

Ids = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Scales:
    """Natural units per program unit: of each pool's capacity, of load in tokens per second, and of money."""

    capacity: Floats  # (pool,)
    load: float
    money: float


@dataclass(frozen=True, slots=True)
class WayColumns:
    """A way's columns: `ordered` (order period,) or, if hourly, (period, hour). One of them is `unit` natural units."""

    way: Way
    ordered: Block
    unit: float


@dataclass(frozen=True, slots=True)
class RunColumns:
    """A run's columns: `placed` (pool, period) accelerators in pool units, `undone` () the share of the FLOP left."""

    run: Run
    placed: Block
    undone: Block
    chosen: Block | None = None  # (site,) for a run that stands at one site.
    sites: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class MeteredRows:
    """The rows that count one meter by window (and hour), with the columns for what falls short or is drawn.

    `fixed` (window,) is counted whatever is decided; `owed` (window, hour or 1) is money per natural unit short;
    `draw_in` is the window that each draw serves.
    """

    meter: str
    clause: str
    measure: str
    rows: Block
    unit: float
    fixed: Floats
    owed: Floats
    short: Block | None = None
    draw: Block | None = None
    draw_in: NDArray[np.intp] | None = None


@dataclass(frozen=True, slots=True)
class LimitRows:
    """Rows of one limit: what one more natural unit of it is (`unit`), and in which words to speak of it."""

    rows: Block
    source: str  # Id of a clause (`agreement.clause`) or of the estate's entry (`sites.abilene.power`).
    noun: str  # "MW at abilene"
    unit: float  # Natural units per program unit of the row.
    measure: str
    meter: str | None = None


@dataclass(frozen=True, slots=True)
class SideColumns:
    """Columns that only a meter, price or procedure knows: shortfalls, banked draws, tiers. Money they cost is here."""

    kind: str  # "shortfall", "draw", "tier"
    columns: Block
    source: str
    payer: str
    payee: str
    price: Floats  # Natural money per natural unit, by column along the block's axis.
    period: NDArray[np.intp]  # The period in which each is settled.
    unit: float


TIE: Final = 1e-6


def weight_of(party: str, payer: str, payee: str) -> float:
    """What a payment weighs: 1 as the party's cost, -1 as its revenue, and a millionth if others pay others.

    The millionth breaks ties: among plans that cost the party the same, the one on which others spend least. The cost
    that is reported leaves it out, and is at most a millionth of others' spending above the least.
    """
    if party in (payer, payee):
        return float(payer == party) - float(payee == party)
    return TIE


@dataclass
class Draft:
    """A program being written, with what every part of it needs."""

    instance: Instance
    scales: Scales
    builder: ProgramBuilder = field(default_factory=ProgramBuilder)
    offset: float = 0.0
    ways: list[WayColumns] = field(default_factory=list[WayColumns])
    runs: list[RunColumns] = field(default_factory=list[RunColumns])
    shells: list[tuple[int, Block]] = field(default_factory=list[tuple[int, Block]])
    limits: list[LimitRows] = field(default_factory=list[LimitRows])
    measures: list[Measure] = field(default_factory=list[Measure])
    side_columns: list[SideColumns] = field(default_factory=list[SideColumns])
    metered: list[MeteredRows] = field(default_factory=list[MeteredRows])
    # Shortfalls that also burn another meter, by that meter's id: (column, money per program unit, period).
    billed: dict[str, list[tuple[int, float, int]]] = field(
        default_factory=dict[str, list[tuple[int, float, int]]]
    )

    def sign(self, payer: str, payee: str) -> float:
        """What a payment weighs in the objective: see `weight_of`."""
        return weight_of(self.instance.party, payer, payee)

    def cost_of(self, payments: Sequence[Payment]) -> Floats:
        """Discounted natural money per unit ordered, by order period."""
        discounts = self.instance.calendar.discounts()
        total = np.zeros(len(discounts))
        for payment in payments:
            total += self.sign(payment.payer, payment.payee) * (payment.amounts @ discounts)
        return total

    @property
    def period_axis(self) -> dict[str, Sequence[str]]:
        return {"period": self.instance.calendar.labels}

    @property
    def slot_axes(self) -> dict[str, Sequence[str]]:
        return {"period": self.instance.calendar.labels, "hour": self.instance.hour_ids}

    def slot_weights(self) -> Floats:
        """Hours that a typical hour stands for in a period: (period, hour)."""
        return self.instance.calendar.hours()[:, None] * self.instance.hour_weights[None, :]


def scales_of(instance: Instance) -> Scales:
    """Powers of ten that bring capacity and load to the hundreds and the worth of all demand to a million."""
    load = max((float(one.tokens_per_s.max(initial=0.0)) for one in instance.serving.loads), default=0.0)
    use = instance.serving.use
    capacity = np.ones(len(instance.pools))
    biggest: dict[str, float] = {}
    for i, seat in enumerate(instance.serving.seats):
        unit = instance.pools[seat.pool].unit
        peak = float(use[i].max(initial=0.0)) * load
        biggest[unit] = max(biggest.get(unit, 0.0), peak)
    for a, pool in enumerate(instance.pools):
        biggest[pool.unit] = max(biggest.get(pool.unit, 0.0), float(pool.fixed.max(initial=0.0)))
    for run in instance.runs:
        fastest = float(run.flop_per_hour.max(initial=0.0))
        hours = float((run.window * instance.calendar.hours()).sum())
        if fastest and hours:
            biggest["accelerators"] = max(biggest.get("accelerators", 0.0), run.flop / fastest / hours)
    for a, pool in enumerate(instance.pools):
        capacity[a] = _power_of_ten(biggest[pool.unit], 2)
    weights = instance.calendar.hours()[:, None] * instance.hour_weights[None, :]
    worth = sum(
        float((one.tokens_per_s * weights).sum()) * 3600 * one.worth_per_token
        for one in instance.serving.loads
    )
    worth += sum(run.worth or 0.0 for run in instance.runs)
    return Scales(capacity, _power_of_ten(load, 2), _power_of_ten(worth, 6))


def _power_of_ten(value: float, digits: int) -> float:
    return 10.0 ** (floor(log10(value)) - digits) if value > 0 else 1.0


def draft_of(instance: Instance) -> Draft:
    """The columns for orders, shells, runs, and the rows of capacity's physical limits; meters and the rest follow."""
    draft = Draft(instance, scales_of(instance))
    for pool in instance.pools:
        for payment in pool.fixed_payments:
            sign = draft.sign(payment.payer, payment.payee)
            draft.offset += sign * float(payment.amounts @ instance.calendar.discounts())
    for way in instance.ways:
        draft.ways.append(_way_columns(draft, way))
    _rooms(draft)
    _quotas(draft)
    for run in instance.runs:
        draft.runs.append(_run_columns(draft, run))
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
    return np.array([load.tokens_per_s for load in loads]).reshape(len(loads), *_slots(instance))


def _serving_block(draft: Draft) -> ServingBlock:
    instance, scales, serving = draft.instance, draft.scales, draft.instance.serving
    signs = np.array([draft.sign(*pair) for pair in serving.payers]).reshape(-1, 1, 1)
    seat_scale = np.array([scales.capacity[seat.pool] for seat in serving.seats]).reshape(-1, 1, 1)
    needed = (demand_of(instance) > 0).any(axis=2)
    return ServingBlock(
        supplies=tuple(seat.id for seat in serving.seats),
        loads=tuple(load.id for load in serving.loads),
        periods=instance.calendar.labels,
        hours=instance.hour_ids,
        permitted=serving.permitted & needed[None],
        use=serving.use * (scales.load / seat_scale),
        cost=serving.price * signs * scales.load / scales.money,
        weight=draft.slot_weights() * instance.calendar.discounts()[:, None],
        class_of=_classes(instance),
        measures=tuple(draft.measures),
    )


def _seat_rows(draft: Draft, capacity: NDArray[np.int32]) -> NDArray[np.int32]:
    """(seat, period, hour) capacity row ids, from those by pool."""
    pools = np.array([seat.pool for seat in draft.instance.serving.seats], dtype=np.intp)
    return capacity[pools]


def _load_keys(instance: Instance) -> NDArray[np.intp]:
    """What tells loads apart beyond their seats: the worth of a token, and when there is any need."""
    seen: dict[tuple[float, bytes], int] = {}
    return np.array(
        [
            seen.setdefault((load.worth_per_token, (load.tokens_per_s > 0).tobytes()), len(seen))
            for load in instance.serving.loads
        ],
        dtype=np.intp,
    )


def _slots(instance: Instance) -> tuple[int, int]:
    return len(instance.calendar.periods), len(instance.hour_ids)


def _classes(instance: Instance) -> NDArray[np.intp]:
    """Loads whose use of a unit is the same in every period belong to one class: same workload, same share out."""
    seen: dict[tuple[str, bytes], int] = {}
    found = [
        seen.setdefault((load.workload, np.round(load.share_out, 12).tobytes()), len(seen))
        for load in instance.serving.loads
    ]
    return np.array(found, dtype=np.intp)


# Orders ----------------------------------------------------------------------------------------------------------------


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
            where=np.broadcast_to(way.allowed[:, None], _slots(instance)),
            source=pool.id,
        )
        return WayColumns(way, ordered, unit)
    ordered = builder.columns(
        name,
        draft.period_axis,
        cost=cost,
        upper=way.upper / unit,
        where=way.allowed,
        source=pool.id,
        integer=way.increment > 0,
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
    total = np.zeros(_slots(instance))
    serving = instance.serving
    seats = [i for i, seat in enumerate(serving.seats) if seat.pool == pool]
    for j, load in enumerate(serving.loads):
        peak = np.max([serving.use[i, j] for i in seats], axis=0) if seats else np.zeros(total.shape[0])
        total += load.tokens_per_s * peak[:, None]
    return float(total.max(initial=0.0))


def _rooms(draft: Draft) -> None:
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
        housing: Block | None = None
        if room.shell_mw is not None and room.shell_in_service is not None:
            housing = builder.rows(
                f"housing {room.site}",
                draft.period_axis,
                upper=room.shell_mw,
                source=f"sites.{room.site}.shell",
            )
            draft.limits.append(
                LimitRows(housing, f"sites.{room.site}.shell", f"MW of housing at {room.site}", 1.0, "power")
            )
            shells = builder.columns(
                f"shell {room.site}",
                draft.period_axis,
                cost=draft.cost_of(room.shell_payments) / draft.scales.money,
                where=room.shell_in_service.any(axis=1),
                source=f"sites.{room.site}.shell",
            )
            builder.entries(
                housing.index[None, :], shells.index[:, None], -room.shell_in_service.astype(np.float64)
            )
            if np.isfinite(room.shell_maximum_mw):
                total = builder.rows(f"shells {room.site}", {}, upper=room.shell_maximum_mw)
                builder.entries(total.index, shells.index, 1.0)
            draft.shells.append((n, shells))
        for columns in users:
            mw = instance.pools[columns.way.pool].power_mw * columns.unit
            serves = columns.way.in_service * mw
            builder.entries(power.index[None, :], columns.ordered.index[:, None], serves)
            if housing is not None:
                builder.entries(housing.index[None, :], columns.ordered.index[:, None], serves)


def _quotas(draft: Draft) -> None:
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


# Runs ------------------------------------------------------------------------------------------------------------------


def _run_columns(draft: Draft, run: Run) -> RunColumns:
    """Accelerators of a run by pool and period; the FLOP it needs, and its least and most accelerators while it runs."""
    builder, instance, scales = draft.builder, draft.instance, draft.scales
    pool_ids = tuple(pool.id for pool in instance.pools)
    able = run.permitted & (run.flop_per_hour > 0)[:, None] & (run.window > 0)[None, :]
    placed = builder.columns(
        f"run {run.id}", {"pool": pool_ids, **draft.period_axis}, where=able, source=run.id
    )
    worth = 0.0 if run.worth is None else run.worth * _last_discount(instance, run) / scales.money
    undone = builder.columns(
        f"undone {run.id}", {}, cost=worth, upper=0.0 if run.worth is None else 1.0, source="unmet need"
    )
    done = builder.rows(f"flop {run.id}", {}, lower=1.0, source=f"workloads.{run.id}")
    hours = instance.calendar.hours() * run.window
    share = (run.flop_per_hour * scales.capacity)[:, None] * hours[None, :] / run.flop
    builder.entries(done.index, placed.index, share)
    builder.entries(done.index, undone.index, 1.0)
    busy = scales.capacity[:, None] * (run.window > 0)[None, :]
    scale = float(scales.capacity[able.any(axis=1)].max(initial=1.0))
    if np.isfinite(run.maximum):
        most = builder.rows(
            f"most {run.id}",
            draft.period_axis,
            upper=run.maximum / scale,
            where=run.window > 0,
            source=f"workloads.{run.id}.maximum",
        )
        builder.entries(most.index[None, :], placed.index, busy / scale)
        draft.limits.append(
            LimitRows(most, f"workloads.{run.id}.maximum", f"accelerators of {run.id}", scale, "accelerators")
        )
    if run.minimum > 0:
        least = builder.rows(
            f"least {run.id}",
            draft.period_axis,
            lower=run.minimum / scale,
            where=run.window > 0,
            source=f"workloads.{run.id}.minimum",
        )
        builder.entries(least.index[None, :], placed.index, busy / scale)
        builder.entries(least.index, undone.index, run.minimum / scale)
    if not run.one_site:
        return RunColumns(run, placed, undone)
    return _one_site(draft, run, placed, undone, able)


def _last_discount(instance: Instance, run: Run) -> float:
    return instance.calendar.periods[int(np.flatnonzero(run.window)[-1])].discount


def _one_site(draft: Draft, run: Run, placed: Block, undone: Block, able: NDArray[np.bool_]) -> RunColumns:
    """The run stands at one place: a choice, and no accelerator anywhere else."""
    builder, instance = draft.builder, draft.instance
    stands = [pool.site or pool.id for pool in instance.pools]
    sites = tuple(dict.fromkeys(s for s, a in zip(stands, able.any(axis=1), strict=True) if a))
    chosen = builder.columns(f"site {run.id}", {"site": sites}, upper=1.0, integer=True, source=run.id)
    one = builder.rows(f"one site {run.id}", {}, upper=1.0, source=f"workloads.{run.id}.one_site")
    builder.entries(one.index, chosen.index, 1.0)
    for n, site in enumerate(sites):
        mine = np.array([s == site for s in stands])
        hours = float((instance.calendar.hours() * run.window).max())
        fastest = float(run.flop_per_hour[mine].max(initial=0.0))
        most = min(run.maximum, max(run.minimum, run.flop / (fastest * hours)) if fastest else 0.0)
        scale = float(draft.scales.capacity[mine].max(initial=1.0))
        rows = builder.rows(f"stands {run.id} {site}", draft.period_axis, upper=0.0, where=run.window > 0)
        builder.entries(
            rows.index[None, :], placed.index[mine], (draft.scales.capacity[mine] / scale)[:, None]
        )
        builder.entries(rows.index, chosen.index[n], -most / scale)
    return RunColumns(run, placed, undone, chosen, sites)


# Capacity --------------------------------------------------------------------------------------------------------------


def _capacity_rows(draft: Draft) -> NDArray[np.int32]:
    """(pool, period, hour) row ids: what work uses of a pool is at most what stands in it. ABSENT without a limit."""
    builder, instance, scales = draft.builder, draft.instance, draft.scales
    pool_ids = tuple(pool.id for pool in instance.pools)
    limited = np.array([pool.limited for pool in instance.pools], dtype=np.bool_)
    fixed = np.array([pool.fixed for pool in instance.pools]).reshape(len(pool_ids), _slots(instance)[0])
    rows = builder.rows(
        "capacity",
        {"pool": pool_ids, **draft.slot_axes},
        upper=(fixed / scales.capacity[:, None])[:, :, None],
        where=np.broadcast_to(limited[:, None, None], (len(pool_ids), *_slots(instance))),
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
    return rows.index
