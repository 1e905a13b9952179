"""Fits of the law of three terms by offtake and by the package chinchilla; see docs/benchmarks.md.

    python benchmarks/laws/run.py [--rounds 3] [--json FILE]

Every fit is a process of its own, contenders take turns, and the table holds medians.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
CONTENDERS = ("offtake:0", "offtake:4000", "chinchilla:log-huber", "chinchilla:default")
RUN_LIMIT_S = 600


def measured(contender: str) -> dict[str, Any]:
    source = str(HERE.parents[1] / "src")
    paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, str(HERE / "one.py"), contender],
        capture_output=True,
        text=True,
        timeout=RUN_LIMIT_S,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    return json.loads(done.stdout.strip().splitlines()[-1])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTENDERS}
    for _ in range(asked.rounds):
        for name in CONTENDERS:
            runs[name].append(measured(name))
    print("| contender | s | E | A | B | α | β | objective |\n|---|---|---|---|---|---|---|---|")
    for name, found in runs.items():
        seconds = median(one["seconds"] for one in found)
        e, a, b, alpha, beta = found[0]["constants"]
        shown = f"{e:.4f} | {a:.1f} | {b:.0f} | {alpha:.4f} | {beta:.4f} | {found[0]['objective']:.6f}"
        print(f"| {name} | {seconds:.2f} | {shown} |")
    if asked.json:
        asked.json.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
