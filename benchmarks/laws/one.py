"""One fit in a process of its own: `one.py CONTENDER` prints its constants and its seconds as JSON."""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

POINTS = Path(__file__).resolve().parents[2] / "examples" / "scaling-laws" / "chinchilla_points.csv"
DROPPED = 5
# 108 of the 4,500 starts of Hoffmann et al. 2022, appendix D.3: chinchilla takes minutes for all of them.
GRID = {"e": [-1, 0, 1], "a": [0, 10, 20], "b": [0, 10, 20], "alpha": [0, 1], "beta": [0, 1]}


def runs() -> list[tuple[float, float, float]]:
    with POINTS.open(encoding="utf-8") as file:
        rows = [
            (float(row["Model Size"]), float(row["Training FLOP"]), float(row["loss"]))
            for row in csv.DictReader(file)
        ]
    rows.sort(key=lambda row: row[2])
    return rows[: len(rows) - DROPPED]


def ours(resamples: int) -> tuple[list[float], float]:
    from offtake.demand.scaling_laws.fitting import Fit, fit_law

    n, c, loss = (list(column) for column in zip(*runs(), strict=True))
    d = [flop / (6 * size) for size, flop in zip(n, c, strict=True)]
    begun = time.perf_counter()
    found = fit_law(n, d, loss, resamples=resamples)
    seconds = time.perf_counter() - begun
    assert isinstance(found, Fit)
    return [one.value for one in found.estimates], seconds


def peer(loss: str) -> tuple[list[float], float]:
    os.environ["MPLBACKEND"] = "Agg"
    from chinchilla import Chinchilla
    from chinchilla._metrics import asymmetric_mae, log_huber

    chosen = asymmetric_mae if loss == "default" else partial(log_huber, delta=1e-3)
    with tempfile.TemporaryDirectory() as folder:
        fitted = Chinchilla(
            folder,
            param_grid=GRID,
            seed_ranges={"C": (1e18, 1e19), "N_to_D": (10, 30)},
            loss_fn=chosen,
            log_level=50,
        )
        for n, c, observed in runs():
            fitted.append(N=n, D=c / (6 * n), C=c, loss=observed)
        begun = time.perf_counter()
        fitted.fit(parallel=True)
        seconds = time.perf_counter() - begun
        return [float(getattr(fitted, name)) for name in ("E", "A", "B", "alpha", "beta")], seconds


def objective(constants: list[float]) -> float:
    """The sum of Huber's loss, δ 1e-3, on log loss."""
    from math import log

    e, a, b, alpha, beta = constants
    total = 0.0
    for n, c, observed in runs():
        size = abs(log(e + a / n**alpha + b / (c / (6 * n)) ** beta) - log(observed))
        total += size**2 / 2 if size <= 1e-3 else 1e-3 * (size - 5e-4)
    return total


def main() -> None:
    contender, _, option = sys.argv[1].partition(":")
    constants, seconds = ours(int(option or 0)) if contender == "offtake" else peer(option)
    print(json.dumps({"constants": constants, "seconds": seconds, "objective": objective(constants)}))


if __name__ == "__main__":
    main()
