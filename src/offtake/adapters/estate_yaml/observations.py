"""Observations of an empirical distribution from a CSV: one column, a value a row under its name; blank is nothing."""

from __future__ import annotations

import csv
import io
from pathlib import PurePosixPath
from typing import Final

from offtake.adapters.estate_yaml.folder import Folder
from offtake.adapters.estate_yaml.joining import Joined
from offtake.adapters.estate_yaml.nodes import (
    EntryNode,
    MappingNode,
    Place,
    ScalarNode,
    SequenceNode,
    find,
)
from offtake.adapters.estate_yaml.problems import Unreadable, error_at
from offtake.adapters.estate_yaml.source import decode

MAXIMUM_OBSERVATIONS: Final = 20_000


def add_observations(joined: Joined, folder: Folder) -> None:
    """Adds to each variable under `futures.variables` that names a file the values of its column."""
    variables = find(joined.root, ("futures", "variables"))
    if not isinstance(variables, MappingNode):
        return
    for entry in variables.entries.values():
        file = find(entry.node, ("file",))
        if (
            isinstance(entry.node, MappingNode)
            and isinstance(file, ScalarNode)
            and isinstance(file.value, str)
        ):
            try:
                _add(entry.node, file, joined, folder)
            except Unreadable as stop:
                joined.problems.append(stop.problem)
                joined.complete = False


def _add(variable: MappingNode, file: ScalarNode, joined: Joined, folder: Folder) -> None:
    if "values" in variable.entries:
        place = variable.entries["values"].key_place
        raise Unreadable(
            error_at(place, "observations", "values are stated beside a file", expected="one of both")
        )
    name, content = folder.read(file.text, PurePosixPath(file.place.file).parent, file.place)
    joined.read[name] = content
    column = find(variable, ("column",))
    wanted = column if isinstance(column, ScalarNode) else None
    items = _values(decode(content, name), name, file.place, wanted)
    variable.entries["values"] = EntryNode(file.place, SequenceNode([*items], file.place))


def _values(text: str, name: str, at: Place, column: ScalarNode | None) -> list[ScalarNode]:
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        message = f"the CSV cannot be read: {error}"
        raise Unreadable(error_at(Place(name, 1, 1), "observations", message)) from None
    names = [cell.strip() for cell in rows[0]] if rows else []
    if column is not None and column.text not in names:
        known = ", ".join(one for one in names if one) or "none"
        message = f"`{name}` has no column `{column.text}`"
        raise Unreadable(error_at(column.place, "observations", message, expected=f"one of: {known}"))
    at_column = 0 if column is None else names.index(column.text)
    found: list[ScalarNode] = []
    for line, row in enumerate(rows[1:], start=2):
        cell = row[at_column].strip() if at_column < len(row) else ""
        if cell:
            before = sum(len(one) + 1 for one in row[:at_column])
            found.append(ScalarNode(cell, cell, Place(name, line, before + 1)))
    if not found:
        message = f"`{name}` holds no observations"
        raise Unreadable(
            error_at(at, "observations", message, expected="a column with its name and values below")
        )
    if len(found) > MAXIMUM_OBSERVATIONS:
        message = f"more than {MAXIMUM_OBSERVATIONS} observations"
        raise Unreadable(error_at(Place(name, 1, 1), "observations", message))
    return found
