"""A plan as files: `plan.json` with its JSON Schema, and every table as Parquet and CSV. Same plan, same bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast, get_args

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as parquet
from pydantic import ValidationError

from offtake.adapters.whole_files import write_whole
from offtake.domain.errors import InvalidInput, StorageFailure
from offtake.domain.handoffs import PLAN_TABLES, CapacityPlan
from offtake.domain.outlook import Outlook
from offtake.domain.rows import Row

MAXIMUM_BYTES: Final = 512 * 1024 * 1024


def plan_json(plan: CapacityPlan) -> str:
    """The plan as indented JSON with a final newline."""
    return json.dumps(plan.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def plan_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `plan.json`."""
    schema = CapacityPlan.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def write_plan(plan: CapacityPlan, folder: Path) -> tuple[Path, ...]:
    """Writes the plan into a folder, and returns the files in order. A file appears whole or not at all.

    Raises StorageFailure if the folder or a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tables = folder / "tables"
        tables.mkdir(exist_ok=True)
        written = [write_whole(folder / "plan.json", plan_json(plan).encode())]
        schema = json.dumps(plan_schema(), indent=1, sort_keys=True) + "\n"
        written.append(write_whole(folder / "plan.schema.json", schema.encode()))
        for name in PLAN_TABLES:
            table = table_of(plan, name)
            written.append(write_whole(tables / f"{name}.csv", _csv(table)))
            written.append(write_whole(tables / f"{name}.parquet", _parquet(table)))
    except OSError as error:
        raise StorageFailure(
            f"the plan could not be written to `{folder}`: {error.strerror}",
            hint="choose another folder with --out",
        ) from None
    return tuple(written)


def read_plan(path: Path) -> CapacityPlan:
    """A plan from its `plan.json`. Raises InvalidInput if the file is no plan of this version."""
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise InvalidInput(f"`{path}` is too large to be a plan")
        return CapacityPlan.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"`{path}` cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        what = f"{where}: {first['msg']}" if where else first["msg"]
        raise InvalidInput(
            f"`{path}` is not a plan of this version: {what}",
            hint="make it again with `offtake plan`",
        ) from None


def table_of(plan: CapacityPlan, name: str) -> pa.Table:
    """One table of the plan. Columns keep their types even when there is no row."""
    rows = cast("Sequence[Row]", getattr(plan, name))
    # Every table of a plan is annotated as a tuple of one kind of row.
    kind = cast("type[Row]", get_args(CapacityPlan.model_fields[name].annotation)[0])
    fields = [pa.field(key, _arrow(str(field.annotation))) for key, field in kind.model_fields.items()]
    columns = [pa.array([getattr(row, field.name) for row in rows], type=field.type) for field in fields]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _arrow(annotation: str) -> pa.DataType:
    for mark, kind in (
        ("date", pa.date32()),
        ("float", pa.float64()),
        ("int", pa.int64()),
        ("bool", pa.bool_()),
    ):
        if mark in annotation:
            return kind
    return pa.string()


def _csv(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    arrow_csv.write_csv(table, sink)
    return sink.getvalue().to_pybytes()


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def write_outlook(outlook: Outlook, folder: Path) -> Path:
    """Writes what many futures say together into a folder as `outlook.json`, and returns the file.

    Raises StorageFailure if it cannot be written.
    """
    text = json.dumps(outlook.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return write_whole(folder / "outlook.json", text.encode())
    except OSError as error:
        raise StorageFailure(
            f"the outlook could not be written to `{folder}`: {error.strerror}",
            hint="choose another folder with --out",
        ) from None
