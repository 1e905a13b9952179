"""Plans for many futures as files: JSON, a page, and tables as CSV. Same plan, same bytes."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import cast

from offtake.adapters.recourse_page import write_page
from offtake.adapters.whole_files import write_whole
from offtake.domain.errors import StorageFailure
from offtake.domain.recourse import RollingPlan, StochasticPlan
from offtake.domain.rows import Row


def write_stochastic(plan: StochasticPlan, folder: Path) -> tuple[Path, ...]:
    """Writes `stochastic.json`, its page and its tables into a folder, and returns the files in order.

    A file appears whole or not at all. Raises StorageFailure if the folder or a file cannot be written.
    """
    tables = {"orders-now": plan.orders, "orders-later": plan.later, "futures": plan.futures}
    return _write(plan, "stochastic", tables, folder)


def write_rolling(plan: RollingPlan, folder: Path) -> tuple[Path, ...]:
    """As `write_stochastic`, for `rolling.json`."""
    tables = {"orders-rolled": plan.orders, "futures-rolled": plan.futures}
    return _write(plan, "rolling", tables, folder)


def _write(
    plan: StochasticPlan | RollingPlan, name: str, tables: Mapping[str, Sequence[Row]], folder: Path
) -> tuple[Path, ...]:
    text = json.dumps(plan.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [write_whole(folder / f"{name}.json", text.encode())]
        written.append(write_page(plan, folder / f"{name}.html"))
        written += [
            write_whole(folder / f"{table}.csv", _csv(rows).encode()) for table, rows in tables.items()
        ]
    except OSError as error:
        raise StorageFailure(
            f"the plan could not be written to `{folder}`: {error.strerror}",
            hint="choose another folder with --out",
        ) from None
    return tuple(written)


def _csv(rows: Iterable[Row]) -> str:
    flat = [_flat(row.model_dump(mode="json")) for row in rows]
    out = StringIO()
    if flat:
        writer = csv.DictWriter(out, list(flat[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat)
    return out.getvalue()


def _flat(record: Mapping[str, object]) -> dict[str, object]:
    """What is nested by its own names, lists as words."""
    found: dict[str, object] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            found |= _flat(cast("dict[str, object]", value))
        elif isinstance(value, list):
            found[key] = "; ".join(map(str, cast("list[object]", value)))
        else:
            found[key] = value
    return found
