"""A thousand futures of the small expansion instance, each certified, beside building and solving each anew in linopy.

    python -m benchmarks.futures [--futures 1000] [--workers 2] [--peer 6] [--json FILE]

What varies in each future: the demand of every client region and class (a process by quarter, volatility 10 % a year),
the power of every site (lognormal, deviation 10 %) and the price of every kind of accelerator (a process, 10 % a year).
Everything else is the instance as it stands. All numbers are of one run; the same first futures are solved by both, one
after the other in one process, and must agree to 1e-6.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import joblib
import numpy as np
from benchmarks.expansion import family, ours, peer_linopy
from benchmarks.expansion.run import machine
from numpy.typing import NDArray

from offtake.adapters.highs import HighsSolver
from offtake.adapters.highs_warm import WarmHighs
from offtake.domain.futures.distributions import NORMAL, Growth, Lognormal, steps_of
from offtake.planner.certificate import certify
from offtake.planner.futures.sampling import uniforms_of
from offtake.planner.ports import Basis, Solution, SolverOptions
from offtake.planner.program import Program

SEED = 0
BEGINS, ENDS = date(2026, 1, 1), date(2030, 1, 1)  # Sixteen quarters, as the small instance has.
DEMAND, POWER, PRICE = 0.10, 0.10, 0.10
OPTIONS = SolverOptions(method="simplex", time_limit_s=60.0)
BATCH = 25
Instance = dict[str, NDArray[np.float64]]
# The family's own hints leave its instances open.
_generated: Any = family
FAMILIES: dict[str, Callable[[str], Instance]] = {
    "structured": _generated.structured_family,
    "random": _generated.random_family,
}


def future(instance: Instance, number: int) -> Instance:
    """The instance with its demand, power and prices as they are in one future."""
    walk = Growth(0.0, 1.0, steps_of(BEGINS, ENDS, 3))
    regions, classes, sites, kinds = (int(instance[axis]) for axis in "RMSK")
    demand = paths(walk, DEMAND, number, "demand", regions * classes).reshape(regions, classes, -1)
    prices = paths(walk, PRICE, number, "price", kinds)
    power = Lognormal(1.0, POWER)
    factors = np.array([power.quantile(u) for u in uniforms_of(SEED, number, "power", sites)])
    return {
        **instance,
        "demand": instance["demand"] * demand,
        "power": instance["power"] * factors[:, None],
        "capital": instance["capital"] * prices[None],
    }


def paths(walk: Growth, volatility: float, number: int, name: str, count: int) -> NDArray[np.float64]:
    """`count` processes of one volatility, all at once: (process, period), 1 in the first."""
    years = np.array(walk.steps.years)
    uniforms = uniforms_of(SEED, number, name, count * len(years))
    shocks = np.array([NORMAL.inv_cdf(u) for u in uniforms]).reshape(count, -1)
    found = np.exp(np.cumsum(volatility * np.sqrt(years) * shocks, axis=1))
    return np.concatenate([np.ones((count, 1)), found], axis=1)


class Worker:
    """What a process keeps: the instance, and the solver that starts from the base's basis."""

    def __init__(self, kind: str, basis: Basis | None = None) -> None:
        self.instance: Instance = FAMILIES[kind]("small")
        self.base = base = ours.program(self.instance, "auto")
        self.warm = WarmHighs(base, OPTIONS, basis)
        self.build = next(block for block in base.column_blocks if block.name == "build")
        self.rows = {block.name: block for block in base.row_blocks}
        # Entries of what is built in the budgets' rows are prices: which of them, and of which cell.
        budget = self.rows["budget"]
        owner = np.repeat(np.arange(base.column_count), np.diff(base.start))
        spends = (base.index >= budget.first) & (base.index < budget.first + budget.count)
        self.spent = np.flatnonzero(spends)
        self.spent_by = self.build.cells[owner[self.spent] - self.build.first]

    def program(self, number: int) -> Program:
        """The base with what varies in its place; `checked` says that it is the program written anew."""
        base, instance = self.base, future(self.instance, number)
        cost, upper, lower, value = (
            array.copy() for array in (base.cost, base.row_upper, base.row_lower, base.value)
        )
        prices = instance["capital"].ravel()
        cells = self.build.cells
        cost[self.build.first : self.build.first + self.build.count] = (
            instance["discount"] * instance["capital"]
        ).ravel()[cells]
        value[self.spent] = prices[self.spent_by]
        upper[self.rows["power"].index] = instance["power"]
        upper[self.rows["demand"].index] = lower[self.rows["demand"].index] = instance["demand"]
        return replace(base, cost=cost, row_upper=upper, row_lower=lower, value=value)

    def checked(self, number: int) -> None:
        """Raises SystemExit if the program is not the one that the builder writes."""
        mine, written = self.program(number), ours.program(future(self.instance, number), "auto")
        for name in ("cost", "row_lower", "row_upper", "col_lower", "col_upper", "start", "index", "value"):
            if not np.array_equal(getattr(mine, name), getattr(written, name)):
                raise SystemExit(f"future {number}: {name} differs from the program written anew")

    def solve(self, number: int) -> tuple[float, bool, int]:
        """The certified cost, whether it had to be solved again from nothing, and the iterations."""
        program = self.program(number)
        answer = self.warm.solve(program)
        assert isinstance(answer, Solution), answer
        if certify(program, answer).passed:
            return answer.objective, False, answer.iterations
        again = HighsSolver().solve(program, OPTIONS)
        assert isinstance(again, Solution), again
        assert certify(program, again).passed, number
        return again.objective, True, again.iterations


_workers: dict[str, Worker] = {}


def batch(kind: str, basis: Basis, numbers: list[int]) -> tuple[list[tuple[float, bool, int]], float, float]:
    """Some futures, the processor seconds that they took, and the most memory that the process has had (MB)."""
    worker = _workers.get(kind)
    began = process_time()
    if worker is None:
        worker = _workers[kind] = Worker(kind, basis)
    found = [worker.solve(number) for number in numbers]
    return found, process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def linopy_cost(instance: Instance, number: int) -> float:
    """The same future as one who knows linopy does it: built again, and solved by the same HiGHS."""
    model: Any = peer_linopy.model(future(instance, number))
    model.solve(solver_name="highs", io_api="direct", progress=False, solver="simplex", output_flag=False)
    return float(model.objective.value)


def measured(kind: str, futures: int, workers: int, peer: int) -> dict[str, Any]:
    alone = Worker(kind)
    one_s: list[tuple[float, float]] = []
    peer_s: list[tuple[float, float]] = []
    for number in range(peer):  # In turns, so that what else the machine does falls on both alike.
        alone.checked(number)
        began = perf_counter(), process_time()
        cost, _, _ = alone.solve(number)
        one_s.append((perf_counter() - began[0], process_time() - began[1]))
        began = perf_counter(), process_time()
        theirs = linopy_cost(alone.instance, number)
        peer_s.append((perf_counter() - began[0], process_time() - began[1]))
        if abs(cost - theirs) > 1e-6 * abs(theirs):
            raise SystemExit(f"{kind}, future {number}: {cost} by offtake, {theirs} by linopy")
    began = perf_counter()
    parallel = joblib.Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)
    numbers = [list(range(at, min(at + BATCH, futures))) for at in range(0, futures, BATCH)]
    parts = list(parallel(joblib.delayed(batch)(kind, alone.warm.basis, some) for some in numbers))
    wall_s = perf_counter() - began
    done = [one for found, _, _ in parts for one in found]
    memory = [mb for _, _, mb in parts]
    return {
        "futures": len(done),
        "workers": workers,
        "wall_s": wall_s,
        "cpu_s": sum(cpu for _, cpu, _ in parts),
        "solved_again": sum(again for _, again, _ in done),
        "iterations": statistics.mean(iterations for _, _, iterations in done),
        **compared("", [one for one, _ in one_s], [one for one, _ in peer_s]),
        **compared("cpu_", [one for _, one in one_s], [one for _, one in peer_s]),
        "first_quarter_mb": max(memory[: max(1, len(memory) // 4)]),
        "peak_mb": max(memory),
    }


def compared(kind: str, ours_s: list[float], theirs_s: list[float]) -> dict[str, float]:
    """Medians of one future alone, and the ratio; `cpu_` is of the processor's time, which other jobs disturb less."""
    mine, peers = statistics.median(ours_s), statistics.median(theirs_s)
    return {
        f"{kind}one_ms": mine * 1000,
        f"{kind}linopy_ms": peers * 1000,
        f"{kind}times_faster": peers / mine,
    }


def table(results: dict[str, dict[str, Any]]) -> str:
    heads = (
        "instance | futures | s on 2 processes | cpu s | solved again | iterations | cpu ms each | linopy cpu ms each "
        "| x less cpu | x less by the clock | MB after a quarter | MB at the end"
    )
    lines = [f"| {heads} |", "|" + "---|" * (heads.count("|") + 1)]
    lines += [
        f"| {kind}:small | {one['futures']:,} | {one['wall_s']:.1f} | {one['cpu_s']:.1f} | {one['solved_again']} "
        f"| {one['iterations']:.0f} | {one['cpu_one_ms']:.0f} | {one['cpu_linopy_ms']:.0f} "
        f"| {one['cpu_times_faster']:.1f} | {one['times_faster']:.1f} "
        f"| {one['first_quarter_mb']:.0f} | {one['peak_mb']:.0f} |"
        for kind, one in results.items()
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--futures", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peer", type=int, default=6)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    results = {kind: measured(kind, asked.futures, asked.workers, asked.peer) for kind in FAMILIES}
    if asked.json:
        asked.json.write_text(json.dumps({"machine": machine(), "results": results}, indent=1))
    sys.stdout.write(table(results) + "\n")


if __name__ == "__main__":
    main()
