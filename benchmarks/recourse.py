"""``python -m benchmarks.recourse ESTATE UNTIL N [N ...]``: today's orders for N drawn futures, both ways, in one run.

Later orders count in fractions, so that both solve the same programs. Times are of finding the decisions alone: writing
the futures and solving each by itself are the same for both.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from time import perf_counter

from offtake.adapters.estate_yaml import Loaded, load_estate
from offtake.adapters.highs import HighsSolver
from offtake.adapters.parallel import run_all, run_threads
from offtake.bootstrap import planning, recourse
from offtake.planner.ports import Infeasible
from offtake.planner.recourse.risk import Risk
from offtake.planner.recourse.settling import Settling, alone, entries_of, settle
from offtake.planner.recourse.sharing import two_stages
from offtake.planner.recourse.writing import bring_together, write_all


def main(arguments: list[str]) -> None:
    """Prints one line of JSON for each number of futures."""
    path, until = Path(arguments[0]), date.fromisoformat(arguments[1])
    read = load_estate(path)
    if not isinstance(read, Loaded):
        raise SystemExit(f"{path} has problems: offtake check says which")
    asked = planning.question(read, None, [], None, "auto", 3600.0)
    for count in map(int, arguments[2:]):
        scenarios = recourse.sampled(asked, (), 0, range(count))
        began = perf_counter()
        _, written = write_all(asked, [one.question for one in scenarios], until, run_all)
        futures, _ = bring_together(scenarios, written, two_stages(until, count))
        futures = futures.with_whole(own=False)
        wrote = perf_counter() - began
        settling = Settling(Risk(), HighsSolver(), asked.options, run_all, run_threads=run_threads)
        began = perf_counter()
        known = alone(futures, settling)
        line: dict[str, object] = {
            "futures": count,
            "entries": entries_of(futures),
            "decisions": futures.decisions,
            "written_s": round(wrote, 2),
            "alone_s": round(perf_counter() - began, 2),
        }
        for way in ("extensive", "benders"):
            began = perf_counter()
            found = settle(futures, replace(settling, way=way), known=known)
            line[f"{way}_s"] = round(perf_counter() - began, 2)
            if not isinstance(found, Infeasible):
                line |= {f"{way}_cost": found.upper, f"{way}_rounds": found.rounds}
                line[f"{way}_certified"] = found.certificate.passed
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
