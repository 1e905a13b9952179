"""A matrix of round trips in ms as CSV: a row for each client region, a column for each supply region."""

from __future__ import annotations

from offtake.adapters.estate_yaml.nodes import Plain
from offtake.adapters.importers.reading import Asked, Found
from offtake.adapters.tabular.cells import CellProblem, positive
from offtake.adapters.tabular.rows import open_table
from offtake.domain.errors import InvalidInput


def read_latency(asked: Asked) -> Found:
    """Pairs between regions that the estate knows, by id, by name or as mapped; the estate's own pairs stand."""
    found = Found()
    with open_table(asked.path, ()) as table:
        if len(table.columns) < 2:
            raise InvalidInput(
                f"`{table.name}` is no matrix: it has one column", hint="the first row holds supply regions"
            )
        client_column, *supplies = table.columns
        ids = {column: asked.known.find("regions", column) for column in supplies}
        unknown = [column for column, id in ids.items() if id is None]
        own = _own_pairs(asked)
        seen: dict[str, int] = {}
        for row, cells in table.rows:
            name = cells[client_column].strip()
            client = asked.known.find("regions", name)
            if client is None:
                asked.tally.left_out(table.name, row, "the estate has no region of this name", name)
                continue
            if client in seen:
                asked.tally.left_out(table.name, row, "the client region stands in an earlier row", name)
                continue
            seen[client] = row
            try:
                times = _times(cells, ids, own.get(client, frozenset()))
            except CellProblem as problem:
                asked.tally.left_out(table.name, row, problem.reason, problem.example)
                continue
            if not times:
                asked.tally.left_out(table.name, row, "no round trip to a region of the estate", name)
                continue
            pairs = found.sections.setdefault("latency", {}).setdefault("pairs", {})
            if isinstance(pairs, dict):
                pairs[client] = times
            if unknown:
                asked.tally.changed(table.name, row, "without the columns that are no region of the estate")
            else:
                asked.tally.used(table.name, row)
    if unknown:
        shown = ", ".join(f"`{column}`" for column in unknown[:6])
        found.notes.append(f"{len(unknown)} columns are no region of the estate: {shown}")
    return found


def _own_pairs(asked: Asked) -> dict[str, frozenset[str]]:
    pairs = asked.known.section("latency").get("pairs")
    if not isinstance(pairs, dict):
        return {}
    return {client: frozenset(row) for client, row in pairs.items() if isinstance(row, dict)}


def _times(cells: dict[str, str], ids: dict[str, str | None], own: frozenset[str]) -> dict[str, Plain]:
    times: dict[str, Plain] = {}
    for column, id in ids.items():
        if id is None or id in own or id in times:
            continue
        time = positive(cells[column], column)
        if time is not None:
            times[id] = f"{time} ms"
    return times
