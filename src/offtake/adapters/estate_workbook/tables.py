"""An estate's plain values as the rows of sheets. `offtake.adapters.estate_workbook.joining` is the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from offtake.adapters.estate_workbook.layout import (
    CLAUSES,
    INNER,
    LATENCY,
    PRICES,
    SECTIONS,
    SETTINGS,
    Inner,
    columns_of,
)
from offtake.adapters.estate_yaml.nodes import Plain

Line = Mapping[str, Plain]
_DATED: Final = re.compile(r"(?P<price>.+?)\s+from\s+(?P<day>\d{4}-\d{2}-\d{2})")
_WAYS: Final = ("in", "cached", "out")


def tables_of(values: Mapping[str, Plain]) -> dict[str, list[Line]]:
    """The rows of each sheet, for the sheets that have any. What fits no sheet stands under its key in `estate`."""
    found: dict[str, list[Line]] = {SETTINGS: []}
    own = {section.name: section for section in SECTIONS}
    for key, value in values.items():
        if key in own and _fits(value, ids=own[key].ids):
            _section(found, key, value, ids=own[key].ids)
        elif key == LATENCY and isinstance(value, dict):
            _latency(found, value)
        else:
            found[SETTINGS].extend(_settings(key, value))
    return {sheet: lines for sheet, lines in found.items() if lines}


def _fits(value: Plain, *, ids: bool) -> bool:
    if ids:
        return isinstance(value, dict) and all(isinstance(entry, dict | None) for entry in value.values())
    return isinstance(value, tuple) and all(isinstance(entry, dict) for entry in value)


def _settings(key: str, value: Plain) -> Iterator[Line]:
    if isinstance(value, dict) and value:
        for inner, one in value.items():
            yield {"key": f"{key}.{inner}", "value": one}
    else:
        yield {"key": key, "value": value}


def _section(found: dict[str, list[Line]], name: str, value: Plain, *, ids: bool) -> None:
    lines = found.setdefault(name, [])
    if isinstance(value, tuple):
        lines.extend(entry for entry in value if isinstance(entry, dict))
    if not ids or not isinstance(value, dict):
        return
    for id, entry in value.items():
        kept = dict(entry) if isinstance(entry, dict) else {}
        for sheet, line in _taken_out(name, id, kept):
            found.setdefault(sheet, []).append(line)
        lines.append({"id": id, **kept})


def _taken_out(section: str, id: str, entry: dict[str, Plain]) -> Iterator[tuple[str, Line]]:
    """Takes out of an entry what has sheets of its own, and yields it by sheet."""
    if section == "agreements":
        yield from _clauses(id, entry)
    for inner in INNER:
        if inner.section == section and inner.key in entry:
            lines = _inner(inner, id, entry[inner.key])
            if lines is not None:
                del entry[inner.key]
                yield from ((inner.sheet, line) for line in lines)
    if section == "products":
        yield from ((PRICES, line) for line in _prices(id, entry))


def _inner(inner: Inner, parent: str, value: Plain) -> list[Line] | None:
    """The rows of a list or mapping; None if it does not have that shape, and stays in its entry's cell."""
    columns = set(columns_of(inner.sheet) or ())
    lines: list[Line] = []
    if inner.each is not None and isinstance(value, dict):
        for key, one in value.items():
            if not isinstance(one, dict) or not columns >= set(one):
                return None
            lines.append({inner.parent: parent, inner.each: key, **one})
        return lines
    if inner.each is None and isinstance(value, tuple):
        for one in value:
            if isinstance(one, str) and inner.key == "power":
                lines.append({inner.parent: parent, "value": one})
            elif isinstance(one, dict) and columns >= set(one):
                lines.append({inner.parent: parent, **one})
            else:
                return None
        return lines
    return None


def _clauses(id: str, entry: dict[str, Plain]) -> Iterator[tuple[str, Line]]:
    amendments = entry.get("amendments")
    places = [(None, entry)]
    if isinstance(amendments, tuple) and all(isinstance(one, dict) for one in amendments):
        copies = [dict(one) for one in amendments if isinstance(one, dict)]
        entry["amendments"] = tuple(copies)
        places += list(enumerate(copies, start=1))
    for number, holder in places:
        clauses = holder.get("clauses")
        if isinstance(clauses, dict) and all(isinstance(clause, dict) for clause in clauses.values()):
            del holder["clauses"]
            for key, clause in clauses.items():
                if isinstance(clause, dict):
                    yield CLAUSES, {"agreement": id, "amendment": number, "clause": key, **clause}


def _prices(id: str, entry: dict[str, Plain]) -> Iterator[Line]:
    """Prices of a product: its one price, or those of each model by what is done with tokens."""
    if "price" in entry:
        for line in _steps(entry.pop("price")):
            yield {"product": id, **line}
    prices = entry.get("prices")
    if not isinstance(prices, dict) or not all(isinstance(rates, dict) for rates in prices.values()):
        return
    del entry["prices"]
    for model, rates in prices.items():
        common = (
            {key: one for key, one in rates.items() if key not in _WAYS} if isinstance(rates, dict) else {}
        )
        if common:
            yield {"product": id, "model": model, **common}
        for way in _WAYS:
            if isinstance(rates, dict) and way in rates:
                for line in _steps(rates[way]):
                    yield {"product": id, "model": model, "tokens": way, **line}


def _steps(price: Plain) -> Iterator[Line]:
    """Dated figures as rows, the day in a column of its own."""
    for one in price if isinstance(price, tuple) else (price,):
        line = dict(one) if isinstance(one, dict) else {"value": one}
        value = line.pop("value", None)
        match = _DATED.fullmatch(value) if isinstance(value, str) else None
        if match is not None and "from" not in line:
            value, line["from"] = match["price"], date.fromisoformat(match["day"])
        yield {"price": value, **line}


def _latency(found: dict[str, list[Line]], latency: dict[str, Plain]) -> None:
    pairs = latency.get("pairs")
    rest = {key: value for key, value in latency.items() if key != "pairs"}
    if isinstance(pairs, dict) and all(isinstance(row, dict) for row in pairs.values()):
        found[LATENCY] = [{"client": client, **row} for client, row in pairs.items() if isinstance(row, dict)]
    elif pairs is not None:
        rest["pairs"] = pairs
    found[SETTINGS].extend(_settings("latency", rest) if rest else ())
