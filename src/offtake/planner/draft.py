"""A program while it is written: what every part of it needs, and the families of columns and rows that it keeps.

Columns and rows are scaled so that numbers near one stand in the program; `Scales` says by how much, and the answer is
read back in natural units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor, log10
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from offtake.planner.instance import Floats, Instance, Payment, Run, Way
from offtake.planner.program import Block, ProgramBuilder
from offtake.planner.serving import Measure


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


@dataclass(frozen=True, slots=True)
class MeteredRows:
    """The rows that count one meter by window (and hour), with the columns for what falls short or is drawn.

    `fixed` (window,) is counted whatever is decided; `owed` (window, hour or 1) is money per natural unit short;
    `draw_in` is the window that each draw serves; `beyond` is what is counted above the bound, where the rows are
    equations.
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
    beyond: Block | None = None


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
    weight: float  # What its money weighs in the objective.


TIE: Final = 1e-6


def weight_of(party: str, payer: str, payee: str) -> float:
    """What a payment weighs: 1 as the party's cost, -1 as its revenue, and a millionth if others pay others.

    The millionth breaks ties: among plans that cost the party the same, the one on which others spend least. The cost
    that is reported leaves it out, and is at most a millionth of others' spending above the least.
    """
    if party in (payer, payee):
        return float(payer == party) - float(payee == party)
    return TIE


def settled_weight(party: str, payer: str, payee: str) -> float:
    """What a settlement of a shortfall weighs: to all but the payer a millionth as a cost.

    How much falls short is the payer's to decide. A payee that could decide it would let everything fall short.
    """
    return 1.0 if payer == party != payee else TIE


@dataclass(frozen=True, slots=True)
class IdleColumns:
    """Accelerators that stand without power by period: `columns` (period,), of a pool, `unit` natural units each."""

    pool: int
    columns: Block
    unit: float


class Ordering(Protocol):
    """What a draft and a finished formulation both tell: the instance and the columns of what may be ordered."""

    @property
    def instance(self) -> Instance: ...

    @property
    def ways(self) -> Sequence[WayColumns]: ...

    @property
    def shells(self) -> Sequence[tuple[int, Block]]: ...

    @property
    def runs(self) -> Sequence[RunColumns]: ...


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
    idle: list[IdleColumns] = field(default_factory=list[IdleColumns])
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
    for pool in instance.pools:
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
