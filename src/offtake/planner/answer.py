"""A solution read back as what it means: quantities by way, load by seat, accelerators by run, money by parties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offtake.domain.handoffs import CUSTOMERS
from offtake.planner.audit import Mismatch
from offtake.planner.draft import weight_of
from offtake.planner.formulation import Formulation, demand_of
from offtake.planner.instance import Floats, Payment
from offtake.planner.ports import Solution
from offtake.planner.program import ABSENT, Block

GRAIN = 1e-9  # Quantities below this share of a program unit are solver noise and read as nothing.


@dataclass(frozen=True)
class Answer:
    """A plan in natural units, by the axes of its instance."""

    formulation: Formulation
    solution: Solution
    ordered: tuple[Floats, ...]  # By way: (order,), or (period, hour) if hourly.
    shells: dict[int, Floats]  # By room: (order,) MW.
    in_service: Floats  # (pool, period, hour), contracted and ordered.
    served: Floats  # (seat, load, period, hour) tokens/s
    unmet: Floats  # (load, period, hour) tokens/s
    placed: tuple[Floats, ...]  # By run: (pool, period) accelerators
    undone: tuple[float, ...]  # By run: share of its FLOP left undone.
    side: tuple[Floats, ...]  # By side columns: natural units.


def answer_of(formulation: Formulation, solution: Solution) -> Answer:
    """The solution in natural units. Values within solver noise of zero are zero."""
    x = np.where(np.abs(solution.x) < GRAIN, 0.0, solution.x)
    instance, scales = formulation.instance, formulation.scales
    ordered = tuple(_values(x, columns.ordered) * columns.unit for columns in formulation.ways)
    demand = demand_of(instance)
    served = formulation.merge.spread(formulation.serving.expand(x), demand) * scales.load
    unmet = formulation.merge.spread(_values(x, formulation.unmet), demand) * scales.load
    return Answer(
        formulation,
        solution,
        ordered,
        {n: _values(x, block) for n, block in formulation.shells},
        _in_service(formulation, ordered),
        np.maximum(served, 0.0),
        np.maximum(unmet, 0.0),
        tuple(_values(x, run.placed) * scales.capacity[:, None] for run in formulation.runs),
        tuple(float(_values(x, run.undone)) for run in formulation.runs),
        tuple(_values(x, side.columns) * side.unit for side in formulation.side_columns),
    )


def _values(x: Floats, block: Block) -> Floats:
    index = block.index
    return np.where(index == ABSENT, 0.0, x[np.maximum(index, 0)])


def _in_service(formulation: Formulation, ordered: tuple[Floats, ...]) -> Floats:
    instance = formulation.instance
    hours = len(instance.hour_ids)
    fixed = np.array([pool.fixed for pool in instance.pools]).reshape(-1, instance.slots[0])
    total = np.repeat(fixed[:, :, None], hours, axis=2)
    for columns, amount in zip(formulation.ways, ordered, strict=True):
        if columns.way.hourly:
            total[columns.way.pool] += amount
        else:
            total[columns.way.pool] += (amount @ columns.way.in_service)[:, None]
    return total


@dataclass(frozen=True, slots=True)
class MoneyFlow:
    """Money by period from payer to payee, undiscounted, for a supply or a meter."""

    kind: str
    payer: str
    payee: str
    supply: str
    amounts: Floats  # (period,)
    weight: float | None = None  # In the objective, where it is not that of its payer and payee.


def flows_of(answer: Answer) -> tuple[MoneyFlow, ...]:
    """Every payment of the plan, in a fixed order: contracted, ordered, by use, and what meters and prices settle."""
    instance = answer.formulation.instance
    found: list[MoneyFlow] = []
    for pool in instance.pools:
        found.extend(MoneyFlow(p.kind, p.payer, p.payee, pool.id, p.amounts) for p in pool.fixed_payments)
    for columns, amount in zip(answer.formulation.ways, answer.ordered, strict=True):
        per_order = amount @ instance.hour_weights if columns.way.hourly else amount
        supply = instance.pools[columns.way.pool].id
        found.extend(_paid(columns.way.payments, per_order, supply))
    for n, amount in answer.shells.items():
        found.extend(_paid(instance.rooms[n].shell_payments, amount, f"{instance.rooms[n].site}/shell"))
    weights = instance.calendar.hours()[:, None] * instance.hour_weights[None, :]
    for i, seat in enumerate(instance.serving.seats):
        spent = np.einsum("jth,th,jt->t", answer.served[i], weights, instance.serving.price[i])
        if spent.any():
            payer, payee = instance.serving.payers[i]
            found.append(MoneyFlow("tokens", payer, payee, seat.supply.id, spent))
    for j, load in enumerate(instance.serving.loads):
        if load.revenue.any():
            earned = np.einsum("ith,th,t->t", answer.served[:, j], weights, load.revenue)
            found.append(MoneyFlow("revenue", CUSTOMERS, load.seller, load.workload, earned))
    for side, amount in zip(answer.formulation.side_columns, answer.side, strict=True):
        total = np.zeros(len(instance.calendar.periods))
        owed = (side.price * amount).reshape(len(side.period), -1).sum(axis=1)
        np.add.at(total, side.period, owed)
        found.append(MoneyFlow("settlement", side.payer, side.payee, side.source, total, side.weight))
    return tuple(flow for flow in found if np.abs(flow.amounts).max(initial=0.0) > 0)


def _paid(payments: tuple[Payment, ...], per_order: Floats, supply: str) -> list[MoneyFlow]:
    return [MoneyFlow(p.kind, p.payer, p.payee, supply, per_order @ p.amounts) for p in payments]


def unmet_worth(answer: Answer) -> float:
    """Discounted worth of the need that is left."""
    program, x, scales = answer.formulation.program, answer.solution.x, answer.formulation.scales
    total = 0.0
    for block in (answer.formulation.unmet, *(run.undone for run in answer.formulation.runs)):
        ids = block.index[block.index != ABSENT]
        total += float(program.cost[ids] @ np.where(np.abs(x[ids]) < GRAIN, 0.0, x[ids]))
    return total * scales.money


def cost_of(answer: Answer) -> float:
    """The party's discounted cost less revenue, with unmet need at its worth; others' money counts for nothing."""
    instance = answer.formulation.instance
    discounts = instance.calendar.discounts()
    total = unmet_worth(answer)
    for flow in flows_of(answer):
        if instance.party in (flow.payer, flow.payee):
            total += weight_of(instance.party, flow.payer, flow.payee) * float(flow.amounts @ discounts)
    return total


def objective_again(answer: Answer, financed: float = 0.0) -> Mismatch:
    """The solver's objective beside the sum of the plan's flows at their weights; `financed` is what those of
    borrowers weigh."""
    formulation = answer.formulation
    discounts = formulation.instance.calendar.discounts()
    total = unmet_worth(answer) + financed
    for flow in flows_of(answer):
        own = weight_of(formulation.instance.party, flow.payer, flow.payee)
        total += (own if flow.weight is None else flow.weight) * float(flow.amounts @ discounts)
    stated = answer.solution.objective * formulation.scales.money + formulation.offset
    return Mismatch("objective added again", stated, total)
