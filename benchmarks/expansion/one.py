"""One measured run of one contender, in a process of its own: ``one.py CONTENDER FAMILY SIZE SEED``, JSON out.

Contenders: ``offtake:direct:sifting``, ``offtake:auto:simplex`` (form of the serving block, method) and
``linopy:simplex`` (method of HiGHS). The clock starts when the instance is there and the modules are loaded, and
stops when the answer is there: for offtake with its certificate, for linopy with its optimum.
"""

from __future__ import annotations

import json
import resource
import sys
import warnings
from time import perf_counter, process_time
from typing import Any

import family

TIME_LIMIT_S = 900.0


def offtake(instance: dict[str, Any], form: str, method: str) -> dict[str, object]:
    import ours

    from offtake.adapters.highs import HighsSolver
    from offtake.planner.certificate import certify
    from offtake.planner.ports import Solution, SolverOptions

    began, cpu = perf_counter(), process_time()
    program = ours.program(instance, form)
    built = perf_counter()
    answer = HighsSolver().solve(program, SolverOptions(method=method, time_limit_s=TIME_LIMIT_S))
    solved = perf_counter()
    assert isinstance(answer, Solution), answer
    certificate = certify(program, answer)
    return {
        "columns": program.column_count,
        "rows": program.row_count,
        "build_s": built - began,
        "solve_s": solved - built,
        "certificate_s": perf_counter() - solved,
        "total_s": perf_counter() - began,
        "cpu_s": process_time() - cpu,
        "objective": certificate.objective,
        "certified": certificate.passed,
    }


def linopy(instance: dict[str, Any], method: str) -> dict[str, object]:
    import peer_linopy

    warnings.simplefilter("ignore")
    began, cpu = perf_counter(), process_time()
    model = peer_linopy.model(instance)
    built = perf_counter()
    model.solve(
        solver_name="highs",
        io_api="direct",
        progress=False,
        solver=method,
        output_flag=False,
        time_limit=TIME_LIMIT_S,
    )
    solved = perf_counter()
    return {
        "columns": int(model.nvars),
        "rows": int(model.ncons),
        "build_s": built - began,
        "solve_s": solved - built,
        "certificate_s": None,
        "total_s": solved - began,
        "cpu_s": process_time() - cpu,
        "objective": float(model.objective.value),
        "certified": False,
    }


def main() -> None:
    contender, kind, size, seed = sys.argv[1:]
    instance = {"random": family.random_family, "structured": family.structured_family}[kind](size, int(seed))
    name, *settings = contender.split(":")
    result = {"offtake": offtake, "linopy": linopy}[name](instance, *settings)
    result["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write("\n" + json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
