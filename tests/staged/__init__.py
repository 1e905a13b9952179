"""Problems under many futures whose answers are known: what the tests of recourse share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from offtake.adapters.highs import HighsSolver
from offtake.planner.ports import SolverOptions
from offtake.planner.program import ABSENT, Program, ProgramBuilder
from offtake.planner.recourse.futures import Future, Futures, futures_of

OPTIONS = SolverOptions(method="simplex", time_limit_s=60.0, mip_gap=0.0)
SOLVER = HighsSolver()

ESTATE = """
offtake: 1
name: two ways
for: lab
horizon: {from: 2026-01-01, until: 2028-01-01, periods: quarter}
parties: {lab: {}, cloud: {}}
providers: {own: {party: lab}, rented: {party: cloud}}
regions: {here: {jurisdiction: DE}}
accelerators:
  chip: {peak: {bf16: 1 PFLOP/s}, power: 1 kW, price: 30000 USD/accelerator, life: 5 years, lead: 6 months}
models: {m: {vendor: lab, rates: {chip: {out: 100 tokens/s}}}}
sites:
  hall:
    region: here
    provider: own
    owner: lab
    builds: [chip]
    power:
      - {value: 1 MW, from: 2026-07-01, status: contracted}
  annex:
    region: here
    provider: own
    owner: lab
    builds: [chip]
    power:
      - {value: 1 MW, from: 2026-07-01, status: contracted}
    other_operations: 900000 USD/MW-year
products:
  lease:
    {kind: accelerator-hours, provider: rented, region: here, accelerator: chip, term: 1 year,
     price: 3 USD/accelerator-hour, limit: 500 accelerators}
workloads:
  chat:
    kind: inference
    party: lab
    models: [m]
    worth: 40 USD per million tokens
    traffic: [{region: here, in: 0 tokens/s, out: 80000 tokens/s}]
"""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_turn(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """One after the other."""
    return map(function, items)


def farm(yields: float) -> Program:
    """The farmer of Birge and Louveaux, section 1.1, in a year whose yields are so many times the usual."""
    builder = ProgramBuilder()
    crops = {"crop": ("wheat", "corn", "beets")}
    land = builder.columns("land", crops, cost=[150.0, 230.0, 260.0])
    bought = builder.columns("bought", {"crop": ("wheat", "corn")}, cost=[238.0, 210.0])
    sold = builder.columns(
        "sold",
        {"crop": ("wheat", "corn", "beets", "beets beyond the quota")},
        cost=[-170.0, -150.0, -36.0, -10.0],
        upper=[inf, inf, 6000.0, inf],
    )
    acres = builder.rows("acres", {}, upper=500.0)
    builder.entries(acres.index, land.index, 1.0)
    fed = builder.rows("fed", {"crop": ("wheat", "corn")}, lower=[200.0, 240.0])
    builder.entries(fed.index, land.index[:2], np.array([2.5, 3.0]) * yields)
    builder.entries(fed.index, bought.index, 1.0)
    builder.entries(fed.index, sold.index[:2], -1.0)
    beets = builder.rows("beets", {}, upper=0.0)
    builder.entries(beets.index, sold.index[2:], 1.0)
    builder.entries(beets.index, land.index[2], -20.0 * yields)
    return builder.build()


def farms() -> Futures:
    """Bad, usual and good years, equally likely. The land is decided before."""
    each = [
        Future(name, 1 / 3, farm(yields), _shared(farm(yields), 3))
        for name, yields in (("bad", 0.8), ("usual", 1.0), ("good", 1.2))
    ]
    return futures_of(each, ("wheat", "corn", "beets"))


def newsvendor(
    demands: Sequence[float], cost: float, price: float, salvage: float, *, whole: bool = False
) -> Futures:
    """One order before demand is known; what is sold earns the price, the rest its salvage."""
    each: list[Future] = []
    for n, demand in enumerate(demands):
        builder = ProgramBuilder()
        order = builder.columns("order", {}, cost=cost, integer=whole)
        sold = builder.columns("sold", {}, cost=-price, upper=demand)
        left = builder.columns("left", {}, cost=-salvage)
        all_of_it = builder.rows("all of it", {}, lower=0.0, upper=0.0)
        builder.entries(all_of_it.index, order.index, -1.0)
        builder.entries(all_of_it.index, np.array([sold.index, left.index]), 1.0)
        program = builder.build()
        each.append(Future(f"demand {n}", 1 / len(demands), program, _shared(program, 1)))
    return futures_of(each, ("order",))


def expansions(seed: int, count: int, *, tight: bool = False) -> Futures:
    """Random builds now and later against random needs; if `tight`, power that comes late limits what was built now."""
    generator = np.random.default_rng(seed)
    sites, periods = 3, 3
    cost = generator.uniform(2.0, 6.0, (sites, periods)) - np.arange(periods) * 0.5
    each: list[Future] = []
    chances = generator.dirichlet(np.full(count, 4.0))
    for n in range(count):
        builder = ProgramBuilder()
        axes = {"site": tuple("abc"), "period": ("1", "2", "3")}
        build = builder.columns("build", axes, cost=cost * generator.uniform(0.8, 1.3))
        serve = builder.columns("serve", axes, cost=generator.uniform(0.1, 1.0, (sites, periods)))
        unmet = builder.columns("unmet", {"period": ("1", "2", "3")}, cost=12.0)
        power = generator.uniform(0.5 if tight else 6.0, 12.0, (sites, periods))
        stands = builder.rows("stands", axes, upper=0.0)
        powered = builder.rows("powered", axes, upper=power if tight else 40.0)
        for t in range(periods):
            builder.entries(stands.index[:, t, None], build.index[:, : t + 1], -1.0)
            builder.entries(powered.index[:, t, None], build.index[:, : t + 1], 1.0)
        builder.entries(stands.index, serve.index, 1.0)
        need = generator.uniform(2.0, 15.0, periods)
        met = builder.rows("met", {"period": ("1", "2", "3")}, lower=need)
        builder.entries(met.index[None, :], serve.index, 1.0)
        builder.entries(met.index, unmet.index, 1.0)
        program = builder.build()
        shared = np.full(program.column_count, ABSENT, dtype=np.int32)
        shared[build.index[:, 0]] = np.arange(sites)
        each.append(Future(f"future {n}", float(chances[n]), program, shared, float(n)))
    return futures_of(each, ("a", "b", "c"))


def _shared(program: Program, count: int) -> NDArray[np.int32]:
    shared = np.full(program.column_count, ABSENT, dtype=np.int32)
    shared[:count] = np.arange(count)
    return shared
