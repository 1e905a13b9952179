"""Workbooks in the layout of `offtake new --xlsx`: whole estates, or entries for one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from offtake.adapters.estate_workbook.joining import Joining, order_of
from offtake.adapters.estate_workbook.layout import CLAUSES, INNER, LATENCY, PRICES, README, SETTINGS
from offtake.adapters.estate_workbook.layout import sheets as known_sheets
from offtake.adapters.estate_workbook.reading import read_workbook, sheets_in
from offtake.adapters.estate_yaml.nodes import Plain
from offtake.adapters.importers.reading import Asked, Found, Known
from offtake.adapters.tabular.cells import CellProblem
from offtake.domain.errors import InvalidInput

_NOTHING: Final = ()
_PARENT: Final = {
    **{inner.sheet: (inner.section, inner.parent) for inner in INNER},
    PRICES: ("products", "product"),
    CLAUSES: ("agreements", "agreement"),
}


def read_xlsx(asked: Asked) -> Found:
    """Every row of the sheets of the template; what the estate states itself stands, and is left out here."""
    found, joining = Found(), Joining()
    rows = list(_rows(asked))
    if not rows:
        raise InvalidInput(
            f"`{asked.path.name}` has no sheet of the template with a row in it",
            hint="`offtake new NAME --xlsx FILE` writes the template",
        )
    for sheet, number, row in sorted(rows, key=lambda one: (order_of(one[0]), one[1])):
        if sheet == SETTINGS and row.get("value") == asked.known.sections.get(str(row.get("key")), _NOTHING):
            asked.tally.used(sheet, number, "as the estate says itself")
            continue
        kept = _unstated(row, asked.known) if sheet == LATENCY else dict(row)
        reason = _stated(sheet, row, asked.known) or joining.put(sheet, kept)
        if reason is None:
            asked.tally.used(sheet, number)
        else:
            asked.tally.left_out(sheet, number, reason, str(next(iter(row.values()), "")))
    others = other_sheets(asked)
    if others:
        found.notes.append(
            f"sheets that are not of the template were not read: {', '.join(others[:6])}"[:300]
        )
    for key, value in joining.finished().items():
        if isinstance(value, tuple):
            found.lists[key] = list(value)
        elif isinstance(value, dict):
            found.sections[key] = value
        else:
            found.head[key] = value
    return found


def _unstated(row: dict[str, Plain], known: Known) -> dict[str, Plain]:
    """A row of round trips without those that the estate states itself."""
    pairs = known.section("latency").get("pairs")
    own = pairs.get(str(row.get("client"))) if isinstance(pairs, dict) else None
    stated = own if isinstance(own, dict) else {}
    return {key: value for key, value in row.items() if key == "client" or key not in stated}


def _rows(asked: Asked) -> Iterator[tuple[str, int, dict[str, Plain]]]:
    """The rows that can be read; the others are counted, and sheets that are not of the template are noted."""
    for sheet, number, row in read_workbook(asked.path):
        if isinstance(row, CellProblem):
            asked.tally.left_out(sheet, number, row.reason, row.example)
        else:
            yield sheet, number, row


def other_sheets(asked: Asked) -> tuple[str, ...]:
    """Sheets that are not of the template, which nobody reads."""
    return tuple(name for name in sheets_in(asked.path) if name not in (README, *known_sheets()))


def _stated(sheet: str, row: dict[str, Plain], known: Known) -> str | None:
    """Why a row gives way to what the estate states itself."""
    if sheet == SETTINGS:
        first, _, rest = str(row.get("key", "")).partition(".")
        holder = known.sections.get(first)
        inside = isinstance(holder, dict) and first != "horizon"
        taken = first in known.sections and (not rest or not inside or rest in known.section(first))
        return "the estate states this itself" if taken else None
    if sheet == LATENCY:
        return None
    section, column = _PARENT.get(sheet, (sheet, "id"))
    id = row.get(column)
    if id is not None and known.has(section, str(id)):
        return "the estate states this entry itself"
    return None
