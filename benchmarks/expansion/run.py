"""Offtake against linopy on the expansion family; see docs/benchmarks.md.

    python benchmarks/expansion/run.py [--rounds 3] [--case structured:medium ...] [--json FILE]

Every run is a fresh process. The contenders of a case take turns, so that what else the machine does falls on all of
them alike, and the table holds medians. A run whose objective is not the published one ends the benchmark.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
SEED = 0
# Optimal objectives for seed 0, found with two methods that share no code.
PUBLISHED = {
    "random:small": 20924.634296,
    "random:medium": 76967.174051,
    "structured:small": 16439.944046,
    "structured:medium": 92597.0726,
}
RELATIVE = 1e-6
CONTENDERS = (
    "offtake:direct:auto",
    "offtake:auto:simplex",
    "linopy:simplex",
    "linopy:ipx",
)
MEASURES = ("build_s", "solve_s", "certificate_s", "total_s", "cpu_s", "peak_mb")
RUN_LIMIT_S = 1200


def measured(contender: str, case: str) -> dict[str, Any]:
    """One run in a process of its own."""
    kind, size = case.split(":")
    source = str(HERE.parents[1] / "src")
    paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, str(HERE / "one.py"), contender, kind, size, str(SEED)],
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    result = json.loads(done.stdout.strip().splitlines()[-1])
    error = abs(result["objective"] - PUBLISHED[case]) / abs(PUBLISHED[case])
    if error > RELATIVE:
        raise SystemExit(
            f"{contender} on {case}: objective {result['objective']}, published {PUBLISHED[case]}"
        )
    if contender.startswith("offtake") and not result["certified"]:
        raise SystemExit(f"{contender} on {case}: the answer is not certified")
    return result


def medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    summary: dict[str, Any] = {"columns": runs[0]["columns"], "rows": runs[0]["rows"], "runs": len(runs)}
    for name in MEASURES:
        values = [run[name] for run in runs]
        summary[name] = None if None in values else median(values)
    summary["objective"] = runs[0]["objective"]
    summary["all_total_s"] = sorted(run["total_s"] for run in runs)
    return summary


def machine() -> dict[str, str]:
    packages = {}
    for name in ("numpy", "scipy", "highspy", "linopy", "xarray"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    processor = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = [
            line.split(":", 1)[1].strip()
            for line in information.read_text().splitlines()
            if "model name" in line
        ]
        processor = f"{len(names)} x {names[0]}" if names else processor
    return {
        "system": platform.platform(),
        "processor": processor,
        "python": platform.python_version(),
        **packages,
    }


def table(results: dict[str, dict[str, dict[str, Any]]]) -> str:
    """A markdown table, with ratios against the best linopy run of the case (above one: less than linopy)."""
    lines = [
        "| case | contender | columns | build s | solve s | certificate s | total s | x faster | peak MB | x smaller |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case, contenders in results.items():
        peers = [summary for name, summary in contenders.items() if name.startswith("linopy")]
        best_s = min((peer["total_s"] for peer in peers), default=None)
        best_mb = min((peer["peak_mb"] for peer in peers), default=None)
        for name, summary in contenders.items():
            certificate = "" if summary["certificate_s"] is None else f"{summary['certificate_s']:.2f}"
            faster = f"{best_s / summary['total_s']:.2f}" if best_s else ""
            smaller = f"{best_mb / summary['peak_mb']:.2f}" if best_mb else ""
            lines.append(
                f"| {case} | {name} | {summary['columns']:,} | {summary['build_s']:.2f} | {summary['solve_s']:.2f} "
                f"| {certificate} | {summary['total_s']:.2f} | {faster} | {summary['peak_mb']:.0f} | {smaller} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--case", action="append", choices=sorted(PUBLISHED))
    parser.add_argument("--contender", action="append")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    contenders = arguments.contender or CONTENDERS
    results: dict[str, dict[str, dict[str, Any]]] = {}
    for case in arguments.case or PUBLISHED:
        runs: dict[str, list[dict[str, Any]]] = {contender: [] for contender in contenders}
        for number in range(arguments.rounds):
            for contender in contenders:
                runs[contender].append(measured(contender, case))
                total_s = runs[contender][-1]["total_s"]
                sys.stderr.write(f"{case} {contender} run {number + 1}: {total_s:.2f} s\n")
        results[case] = {contender: medians(of) for contender, of in runs.items()}
        if arguments.json:
            arguments.json.write_text(
                json.dumps({"machine": machine(), "seed": SEED, "results": results}, indent=1)
            )
    sys.stdout.write(json.dumps(machine(), indent=1) + "\n\n" + table(results) + "\n")


if __name__ == "__main__":
    main()
