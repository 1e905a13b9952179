"""Round-trip times from a CSV: a row per client region, a column per supply region, milliseconds; blank is
unknown."""

from __future__ import annotations

import csv
import io
from pathlib import PurePosixPath
from typing import Final

from offtake.adapters.estate_yaml.folder import Folder
from offtake.adapters.estate_yaml.joining import Joined
from offtake.adapters.estate_yaml.nodes import EntryNode, MappingNode, Place, ScalarNode, find
from offtake.adapters.estate_yaml.problems import Unreadable, error_at
from offtake.adapters.estate_yaml.source import decode

MAXIMUM_REGIONS: Final = 2000


def add_latency_table(joined: Joined, folder: Folder) -> None:
    """Adds the pairs of `latency.file` whose regions the estate knows; a pair stated in the estate itself
    stands.

    A row or column is a region's id, or its `name`.
    """
    table = find(joined.root, ("latency", "file"))
    section = find(joined.root, ("latency",))
    if (
        not isinstance(table, ScalarNode)
        or not isinstance(table.value, str)
        or not isinstance(section, MappingNode)
    ):
        return
    try:
        beside = PurePosixPath(table.place.file).parent
        name, content = folder.read(table.text, beside, table.place)
        rows = _rows(decode(content, name), name)
    except Unreadable as stop:
        joined.problems.append(stop.problem)
        joined.complete = False
        return
    joined.read[name] = content
    regions = _region_names(joined.root)
    entry = section.entries.get("pairs")
    if entry is None or (isinstance(entry.node, ScalarNode) and entry.node.value is None):
        entry = EntryNode(table.place, MappingNode({}, table.place))
        section.entries["pairs"] = entry
    if isinstance(entry.node, MappingNode):
        _add(entry.node, rows, regions, name)


def _rows(text: str, name: str) -> list[list[str]]:
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise Unreadable(
            error_at(Place(name, 1, 1), "latency-table", f"the CSV cannot be read: {error}")
        ) from None
    rows = [[cell.strip() for cell in row] for row in rows]
    if len(rows) < 2 or len(rows[0]) < 2:
        message = "a table needs a row of supply regions, and a row for each client region"
        raise Unreadable(
            error_at(Place(name, 1, 1), "latency-table", message, expected="client,us-east,eu-west")
        )
    if max(len(rows), len(rows[0])) > MAXIMUM_REGIONS + 1:
        message = f"a table of more than {MAXIMUM_REGIONS} regions"
        raise Unreadable(error_at(Place(name, 1, 1), "latency-table", message))
    for names, what in ((rows[0][1:], "column"), ([row[0] for row in rows[1:] if row], "row")):
        twice = next((item for item in names if item and names.count(item) > 1), None)
        if twice is not None:
            message = f"two {what}s are named `{twice}`"
            raise Unreadable(error_at(Place(name, 1, 1), "latency-table", message))
    for line, row in enumerate(rows, start=1):
        if len(row) > len(rows[0]):
            message = f"{len(row)} cells under {len(rows[0])} columns"
            raise Unreadable(error_at(Place(name, line, 1), "latency-table", message))
    return rows


def _region_names(root: MappingNode) -> dict[str, str]:
    """Region ids by id and by name."""
    found: dict[str, str] = {}
    regions = find(root, ("regions",))
    if not isinstance(regions, MappingNode):
        return found
    for region, entry in regions.entries.items():
        name = find(entry.node, ("name",))
        if isinstance(name, ScalarNode):
            found.setdefault(name.text, region)
    return {**found, **{region: region for region in regions.entries}}


def _add(pairs: MappingNode, rows: list[list[str]], regions: dict[str, str], name: str) -> None:
    columns = [regions.get(cell) for cell in rows[0]]
    for line, row in enumerate(rows[1:], start=2):
        client = regions.get(row[0]) if row else None
        if client is None:
            continue
        entry = pairs.entries.setdefault(
            client, EntryNode(Place(name, line, 1), MappingNode({}, Place(name, line, 1)))
        )
        if not isinstance(entry.node, MappingNode):
            continue
        column = 1
        for supply, cell in zip(columns, row, strict=False):
            if column > 1 and supply is not None and cell and supply not in entry.node.entries:
                place = Place(name, line, column)
                entry.node.entries[supply] = EntryNode(place, ScalarNode(f"{cell} ms", f"{cell} ms", place))
            column += len(cell) + 1
