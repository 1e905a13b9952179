"""Serving rates as MLPerf Inference v5.1 measured them: results of the closed division in the data centre."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Final

from offtake.demand.traffic.rates import Measured

SOURCE: Final = (
    "MLCommons, MLPerf Inference v5.1, data centre, closed division, results of 9 September 2025; tokens/s "
    "divided by the system's accelerators, which is no MLPerf metric"
)


def measured() -> tuple[Measured, ...]:
    """Every result for a language model on one kind of accelerator, in tokens per second."""
    text = files(__name__).joinpath("inference_v5.1_llm.csv").read_text(encoding="utf-8")
    found: list[Measured] = []
    for row in csv.DictReader(text.splitlines()):
        count = int(row["accelerators_per_node"]) * int(row["nodes"])
        found.append(
            Measured(
                row["result"],
                row["submitter"],
                row["system"],
                row["accelerator"],
                row["model"],
                row["scenario"],
                float(row["tokens_per_s"]) / count,
                count,
            )
        )
    return tuple(found)
