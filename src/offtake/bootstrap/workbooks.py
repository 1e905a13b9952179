"""Estates as workbooks."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from offtake.adapters.estate_yaml import Loaded
from offtake.adapters.estate_yaml.nodes import Plain, plain


def workbook_of(loaded: Loaded) -> bytes:
    """The workbook of an estate: what its files say, as one. A table of round trips is put into its own sheet, so the
    file that it came from is not named any more."""
    from offtake.adapters.estate_workbook.writing import workbook_bytes

    values = cast("dict[str, Plain]", plain(loaded.positions.root))
    values.pop("include", None)
    latency = values.get("latency")
    if isinstance(latency, dict):
        values["latency"] = {key: value for key, value in latency.items() if key != "file"}
    return workbook_bytes(values)


def write_workbook(loaded: Loaded, path: Path) -> None:
    """Writes an estate's workbook where no file is. Raises OSError if that is not so."""
    content = workbook_of(loaded)
    with path.open("xb") as file:
        file.write(content)
