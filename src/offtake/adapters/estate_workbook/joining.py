"""Rows of sheets as an estate's plain values: the way back from `offtake.adapters.estate_workbook.tables`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Final, cast

from offtake.adapters.estate_workbook.layout import CLAUSES, INNER, LATENCY, PRICES, SECTIONS, SETTINGS, Inner
from offtake.adapters.estate_yaml.nodes import Plain

Entry = dict[str, Plain]
_SECTION: Final = {section.name: section for section in SECTIONS}
_INNER: Final = {inner.sheet: inner for inner in INNER}
_WAYS: Final = frozenset({"in", "cached", "out"})
# Sheets whose rows are put into entries of others come after them; amendments before the clauses that they bring.
_ORDER: Final = (SETTINGS, *_SECTION, *_INNER, PRICES, CLAUSES, LATENCY)


def order_of(sheet: str) -> int:
    """The place of a sheet in the order in which rows must be put in."""
    return _ORDER.index(sheet)


@dataclass
class Joining:
    """Puts rows in, sheet by sheet in their order; a row that cannot be put in is answered with the reason."""

    values: Entry = field(default_factory=dict[str, Plain])
    _steps: dict[tuple[str, str | None, str | None], list[Entry]] = field(
        default_factory=dict[tuple[str, str | None, str | None], list[Entry]]
    )

    def put(self, sheet: str, row: Entry) -> str | None:
        """Puts a row in; or why not."""
        if sheet == SETTINGS:
            return self._setting(row)
        if sheet == PRICES:
            return self._price(row)
        if sheet == CLAUSES:
            return self._clause(row)
        if sheet == LATENCY:
            return self._latency(row)
        if sheet in _INNER:
            return self._inner(_INNER[sheet], row)
        return self._entry(sheet, row)

    def finished(self) -> Entry:
        """The values, with the prices that were gathered."""
        for (product, model, way), steps in self._steps.items():
            entry = self._known("products", product)
            if entry is None:
                continue
            price = _series(steps)
            if model is None:
                entry["price"] = price
            else:
                _mapping(_mapping(entry, "prices"), model)[way or ""] = price
        return self.values

    def _setting(self, row: Entry) -> str | None:
        key, value = row.get("key"), row.get("value")
        if not isinstance(key, str):
            return "`key` is empty"
        first, _, rest = key.partition(".")
        holder = self.values if not rest else _mapping(self.values, first)
        name = rest or first
        if name in holder:
            return "an earlier row states this key"
        holder[name] = value
        return None

    def _entry(self, sheet: str, row: Entry) -> str | None:
        if not _SECTION[sheet].ids:
            items = cast("tuple[Plain, ...]", self.values.get(sheet, ()))
            self.values[sheet] = (*items, row)
            return None
        id = _name(row.pop("id", None))
        if id is None:
            return "`id` is empty"
        section = _mapping(self.values, sheet)
        if id in section:
            return "an earlier row states this id"
        section[id] = row
        return None

    def _inner(self, inner: Inner, row: Entry) -> str | None:
        entry = self._known(inner.section, _name(row.pop(inner.parent, None)))
        if entry is None:
            return f"the sheet `{inner.section}` has no such {inner.parent}"
        if inner.each is None:
            items = entry.get(inner.key, ())
            entry[inner.key] = (*(items if isinstance(items, tuple) else ()), row)
            return None
        name = _name(row.pop(inner.each, None))
        if name is None:
            return f"`{inner.each}` is empty"
        holder = _mapping(entry, inner.key)
        if name in holder:
            return "an earlier row states this"
        holder[name] = row
        return None

    def _price(self, row: Entry) -> str | None:
        product, model = _name(row.pop("product", None)), _name(row.pop("model", None))
        entry = self._known("products", product)
        if entry is None or product is None:
            return "the sheet `products` has no such product"
        way = _name(row.pop("tokens", None))
        if way is None and model is not None and "price" not in row:
            _mapping(_mapping(entry, "prices"), model).update(row)  # Source and note of a model's prices.
            return None
        if (way is None) != (model is None) or (way is not None and way not in _WAYS):
            return "a price by token names its model, and whether it is for `in`, `cached` or `out`"
        if "price" not in row:
            return "`price` is empty"
        if model is not None:
            _mapping(_mapping(entry, "prices"), model)  # In the order of the rows.
        steps = self._steps.setdefault((product, model, way), [])
        if any(step.get("from") == row.get("from") for step in steps):
            return "an earlier row states a price from this day"
        steps.append({"value": row.pop("price"), **row})
        return None

    def _clause(self, row: Entry) -> str | None:
        agreement, clause = _name(row.pop("agreement", None)), _name(row.pop("clause", None))
        number = row.pop("amendment", None)
        holder = self._known("agreements", agreement)
        if holder is None:
            return "the sheet `agreements` has no such agreement"
        if clause is None:
            return "`clause` is empty"
        if number is not None:
            amendments = holder.get("amendments", ())
            place = number if isinstance(number, int) and not isinstance(number, bool) else 0
            if not isinstance(amendments, tuple) or not 1 <= place <= len(amendments):
                return "the sheet `amendments` has no row of this number for the agreement"
            holder = cast("Entry", amendments[place - 1])
        clauses = _mapping(holder, "clauses")
        if clause in clauses:
            return "an earlier row states this clause"
        clauses[clause] = row
        return None

    def _latency(self, row: Entry) -> str | None:
        client = _name(row.pop("client", None))
        if client is None:
            return "`client` is empty"
        pairs = _mapping(_mapping(self.values, LATENCY), "pairs")
        if client in pairs:
            return "an earlier row states this client region"
        pairs[client] = {
            supply: f"{time} ms" if not isinstance(time, str | dict) else time for supply, time in row.items()
        }
        return None

    def _known(self, section: str, id: str | None) -> Entry | None:
        entries = self.values.get(section)
        entry = entries.get(id) if isinstance(entries, dict) and id is not None else None
        return entry if isinstance(entry, dict) else None


def _name(value: Plain) -> str | None:
    """An id, which a spreadsheet may have made a number of."""
    if value is None or isinstance(value, bool | dict | tuple):
        return None
    return value.isoformat() if isinstance(value, date) else str(value)


def _mapping(holder: Entry, key: str) -> Entry:
    inner = holder.get(key)
    if not isinstance(inner, dict):
        inner = {}
        holder[key] = inner
    return inner


def _series(steps: list[Entry]) -> Plain:
    """Dated figures as people write them: a text alone where nothing but a day stands beside it."""
    written: list[Plain] = []
    for step in steps:
        value, day = step["value"], step.get("from")
        if set(step) <= {"value", "from"} and (day is None or isinstance(value, str)):
            written.append(value if day is None else f"{value} from {day}")
        else:
            written.append(step)
    return written[0] if len(written) == 1 else tuple(written)
